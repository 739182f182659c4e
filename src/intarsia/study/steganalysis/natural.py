"""The public revealer: what anybody can read without a key is itself a detector, where it looks like a picture.

    container ──► reveal with what is public (the low bits; the shipped weights) ──► a picture, or noise?
        └───────────────────────────────────────────────────────────────────────────► another one, or this one again?

Natural is where neighbours agree: pictures .8 to .99, noise 0. A network that reads a clean picture gives a shadow of
that very picture, which is natural too; so only what cannot be told from the file's own pixels counts. Off a clean
sound networks read smooth patches that no spectrogram explains; there all of it counts, and tells less.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...media import Cover, Image
from ...methods.lsb import reveal_bits

if TYPE_CHECKING:
    from ...methods.base import Method

Revealer = Callable[[Cover], float | None]
"""Tells how natural what a file gives to anybody is, -1..1; None: it gives nothing that can be looked at."""

PUBLISHED_BITS = 3


def naturalness(picture: NDArray[np.uint8]) -> float | None:
    """Return the correlation of neighbouring pixels, the mean over directions and channels [H, W] or [H, W, C].

    Returns:
        -1..1; None: it is smaller than 2 x 2, or flat, as what the low bits of a drawing give.
    """
    if min(picture.shape[:2]) < 2:
        return None
    whole = picture.reshape(*picture.shape[:2], -1).astype(np.float32)
    found = []
    for channel in np.moveaxis(whole, 2, 0):
        centred = channel - channel.mean()
        power = float((centred**2).mean())
        if power > 0:
            across, down = (centred[:, 1:] * centred[:, :-1]).mean(), (centred[1:] * centred[:-1]).mean()
            found.append(float(across + down) / (2 * power))
    return float(np.mean(found)) if found else None


def novelty(revealed: NDArray[np.uint8], container: NDArray[np.uint8]) -> float:
    """Return the share of a revealed picture's variance, 0..1, that no mix of the container's channels explains.

    Args:
        revealed: [H, W] or [H, W, C].
        container: the same height and width.
    """
    pixels = container.shape[0] * container.shape[1]
    known = np.column_stack([container.reshape(pixels, -1), np.ones(pixels)]).astype(np.float64)
    found = revealed.reshape(pixels, -1).astype(np.float64)
    found -= found.mean(axis=0)
    # Normal equations: four columns at most, and a flat channel does no harm.
    mixes = np.linalg.lstsq(known.T @ known, known.T @ found, rcond=None)[0]
    left = ((found - known @ mixes) ** 2).sum(axis=0)
    whole = (found**2).sum(axis=0)
    shares = left[whole > 0] / whole[whole > 0]
    return float(np.clip(shares.mean(), 0, 1)) if shares.size else 0.0


def seen(revealed: NDArray[np.uint8], container: NDArray[np.uint8]) -> float | None:
    """Return how much a revealed picture looks like a picture of its own: naturalness times novelty."""
    natural = naturalness(revealed)
    return None if natural is None else natural * novelty(revealed, container)


def low_bits(cover: Cover, bits: int = PUBLISHED_BITS) -> float | None:
    """Return how much the low bits of a picture look like one, as `lsb` shows them; a sound shows nothing."""
    if not isinstance(cover, Image) or cover.depth != 8:
        return None
    samples = cover.samples.astype(np.uint8)
    return seen(reveal_bits(samples, bits).astype(np.uint8), samples)


def revealer(method: "Method[Any] | None", bits: int = PUBLISHED_BITS) -> Revealer | None:
    """Return the revealer that a method gives to everybody.

    Args:
        method: equipped with its model; None: nobody knows which it was, and the low bits are tried.
        bits: low bits that `lsb` used.

    Returns:
        None: without the password there is nothing to open, as with `exact`, whose very header is sealed.
    """
    if method is None or method.facts.name == "lsb":
        return lambda cover: low_bits(cover, bits)
    read = method.reader()
    return None if read is None else lambda cover: _score(read(cover), cover)


def _score(revealed: NDArray[np.uint8] | None, cover: Cover) -> float | None:
    """Return how much a reading looks like a picture; of a picture that it was read off, what that explains aside."""
    if revealed is None:
        return None
    return seen(revealed, cover.samples.astype(np.uint8)) if isinstance(cover, Image) else naturalness(revealed)
