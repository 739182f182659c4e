"""What happens to a container on its way, with gradients, so that a network learns with it in the loop.

    network ──► container ──► Chain: saved ── jpeg ── noise ── ... ──► what arrives ──► the receiver's network
                                                                                 gradients go all the way back

    jpeg           the real file within a grey level
    pictures       the other functions of pictures
    sounds         the functions of sounds
    table          names to functions: parse("jpeg:75+noise:2", "image")

Twins of `media.transit`: same names, same arguments, and where nothing is drawn the same result up to a rounding.
What cannot be differentiated is left to there: other codecs, and what moves samples to other places or takes them out.
"""

from .table import PICTURES, SOUNDS, Chain, parse

__all__ = ["PICTURES", "SOUNDS", "Chain", "parse"]
