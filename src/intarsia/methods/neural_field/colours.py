"""Answers as colours: -1..1 as 0..255, and each colour's mean put where the sealed header says.

    answers ─► + shift ─► 0..255, clipped, rounded       shift: so that the clipped colours have the means in the header

Without it a wrong key's three means are numbers by chance, beside the secret's three: so few may well correlate, though
nothing else does. Who cannot open the header has no means, and sees three times the same grey.
"""

import numpy as np
from numpy.typing import NDArray

from .plan import Floats

Means = tuple[float, float, float]
"""Of red, green and blue, 0..255."""

GREY: Means = (127.5, 127.5, 127.5)
"""What is to be assumed where nothing is known."""

_HALVINGS = 24  # of an interval some units wide: far below a rounding of float32


def means_of(samples: NDArray[np.uint8]) -> Means:
    """Return the mean of each colour of [..., 3]."""
    red, green, blue = samples.reshape(-1, 3).mean(axis=0).tolist()
    return red, green, blue


def answered(samples: NDArray[np.uint8]) -> Floats:
    """Return 8-bit colours [..., 3] as answers [N, 3], -1..1."""
    return samples.reshape(-1, 3).astype(np.float32) / 127.5 - 1


def levels(answers: Floats) -> NDArray[np.uint8]:
    """Undo `answered`; what lies outside -1..1 is clipped."""
    found: NDArray[np.uint8] = np.rint(_clipped(answers)).astype(np.uint8)
    return found


def shift(answers: Floats, means: Means) -> Floats:
    """Return what must be added to answers [N, 3], -1..1, for clipped colours of these means, float32 [3]."""
    low, high = -1 - answers.max(axis=0), 1 - answers.min(axis=0)  # all black, all white
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        dark = _clipped(answers + middle).mean(axis=0, dtype=np.float64) < means
        low, high = np.where(dark, middle, low), np.where(dark, high, middle)
    found: Floats = ((low + high) / 2).astype(np.float32)
    return found


def _clipped(answers: Floats) -> Floats:
    found: Floats = np.clip((answers + 1) * np.float32(127.5), 0, 255)
    return found
