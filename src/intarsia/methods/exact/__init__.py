"""Exact: a stock codec for the secret, matrix and modulo embedding for the cover.

    secret ─codes.encode(budget)─► bytes ─Channel.write─► seal ─┬─► ternary digits ─► Hamming groups ─► picture ±1
                                                                └─► shares ─► frames ─► digits mod m ─► sound
    secret ◄─codes.decode───────── bytes ◄─Channel.read── unseal ◄── digits ◄──────────────────────── container

No training, no cover at the receiver, and the bytes that come back are the bytes that went in. It lives on
lossless channels only: in a picture one changed sample breaks the seal; a sound may lose as many frames as it was
protected against, and not one sample more in those that are left.

The parts are old and named where they are built: ternary ±1 embedding (Willems and van Dijk, 2005), matrix
embedding (Crandall, 1998; Westfeld, 2001), quantisation index modulation (Chen and Wornell, 2001), erasure codes
(Reed and Solomon, 1960).
"""

from .method import Exact

METHOD = Exact()
