"""SPAM-686: how a difference of neighbours follows from the two before it, in eight directions.

    x ──► d = x[i] - x[i + 1], cut to -3..3 ──► Pr(d[i + 2] | d[i + 1], d[i]), 7³ numbers a direction
          ─► ─► mean over → ← ↑ ↓ (343) and over the four diagonals (343)

T. Pevny, P. Bas, J. Fridrich: Steganalysis by subtractive pixel adjacency matrix, IEEE Trans. Information Forensics and
Security 5(2), 2010: second order, T = 3. A colour picture gives the mean over its channels. The way back (← of →) is
read off the same counts: there, differences have the other sign and come in the other order.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .sample_pairs import Samples

Features = NDArray[np.float64]

TRUNCATED = 3
LENGTH = 686
_LEVELS = 2 * TRUNCATED + 1
_STRAIGHT = ((0, 1), (1, 0))
_DIAGONAL = ((1, 1), (1, -1))


def features(planes: Sequence[Samples]) -> Features | None:
    """Return the features [686] of a picture's channels, integers [H, W]; None: a side is below 4 pixels."""
    if min(planes[0].shape) < 4:
        return None
    return np.asarray(np.mean([_of_plane(plane) for plane in planes], axis=0), np.float64)


def _of_plane(plane: Samples) -> Features:
    whole = plane.astype(np.int16)
    halves = []
    for directions in (_STRAIGHT, _DIAGONAL):
        counts = [_counts(whole, down, right) for down, right in directions]
        there_and_back = [_conditional(each) for count in counts for each in (count, _reversed(count))]
        halves.append(np.mean(there_and_back, axis=0).ravel())
    return np.concatenate(halves)


def _counts(plane: NDArray[np.int16], down: int, right: int) -> NDArray[np.float64]:
    """Return how often differences a, b, c follow each other in one direction: [a, b, c]."""
    rows, columns = plane.shape
    near = plane[: rows - down, max(0, -right) : columns - max(0, right)]
    far = plane[down:, max(0, right) : columns + min(0, right)]
    cut = np.clip(near - far, -TRUNCATED, TRUNCATED) + TRUNCATED
    rows, columns = cut.shape

    def shifted(steps: int) -> NDArray[np.int16]:
        top, left = steps * down, steps * right if right >= 0 else (2 - steps) * -right
        part: NDArray[np.int16] = cut[top : rows - (2 - steps) * down, left : columns - (2 * abs(right) - left)]
        return part

    a, b, c = (shifted(steps) for steps in range(3))
    codes = ((a * _LEVELS + b) * _LEVELS + c).ravel()
    return np.bincount(codes, minlength=_LEVELS**3).reshape((_LEVELS,) * 3).astype(np.float64)


def _reversed(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return counts[::-1, ::-1, ::-1].transpose(2, 1, 0)


def _conditional(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Pr(c | b, a), 0 where a, b never occur."""
    totals: NDArray[Any] = counts.sum(axis=2, keepdims=True)
    shares: Features = counts / np.maximum(totals, 1)
    return shares
