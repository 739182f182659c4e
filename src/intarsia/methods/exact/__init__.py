"""Exact: a stock codec for the secret, matrix embedding for the cover.

    secret ─codes.encode(budget)─► bytes ─Channel.write─► seal ─► ternary digits ─► Hamming groups ─► cover ±1
    secret ◄─codes.decode───────── bytes ◄─Channel.read── unseal ◄ digits ◄──────── syndromes ◄────── container

No training, no cover at the receiver, and the bytes that come back are the bytes that went in. It lives on
lossless channels only: one changed sample breaks the seal.

The parts are old and named where they are built: ternary ±1 embedding (Willems and van Dijk, 2005), matrix
embedding (Crandall, 1998; Westfeld, 2001).
"""

from .method import Exact

METHOD = Exact()
