"""Deep-Steg: a picture in a picture by three networks, the baseline of StegNet and of DITAS.

    secret ─► prepare ─┐
                       ├─ concat ─► hide ─► container ─► 8 bits ─► file ─► reveal ─► revealed
    cover ─────────────┘

S. Baluja: Hiding Images in Plain Sight: Deep Steganography, NeurIPS 2017. No code was published; the networks are those
on which two public re-implementations agree.

It does not encrypt: who has the same weights can read the picture. The password seals the header alone.
"""

from .method import DeepStegConfig, Method

METHOD = Method()

__all__ = ["METHOD", "DeepStegConfig", "Method"]
