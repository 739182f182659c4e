"""RS: flipping low bits makes groups of pixels rougher, unless they were flipped at random before.

    groups ──► flip by the mask, +1 and -1 ──► rougher: Regular, smoother: Singular ──► d = R - S
    x     ──► d0, d-0  ┐
    x ^ 1 ──► d1, d-1  ┴─► 2 (d1 + d0) z² + (d-0 - d-1 - d1 - 3 d0) z + d0 - d-0 = 0 ──► p = z / (z - 1/2)

J. Fridrich, M. Goljan, R. Du: Detecting LSB steganography in color and gray-scale images, IEEE Multimedia 8(4), 2001.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .sample_pairs import Samples, mean

Groups = NDArray[np.signedinteger[Any]]
"""[pixel of the group, groups]: int16."""

_ROW = ((0, 1, 1, 0),)
_CHEQUER = ((1, 0, 0, 1), (0, 1, 1, 0))
_ROW_NEIGHBOURS = ((0, 1), (1, 2), (2, 3))
_SQUARE_NEIGHBOURS = ((0, 1), (2, 3), (0, 2), (1, 3))
_POLE = 0.25
"""From here on z is nearer to the pole at 1/2, where everything is embedded, than to 0, where nothing is."""


def score(planes: Sequence[Samples]) -> float | None:
    """Return the embedding rate by rows of four pixels, the mean over channels [H, W]; -1..1, poles clamped to 1."""
    return mean(_clamped(root(*differences(_rows(plane), _ROW, _ROW_NEIGHBOURS))) for plane in planes)


def unclamped(planes: Sequence[Samples]) -> float | None:
    """Return the rate by all squares of 2 x 2 pixels, with the pole as it is: what StegExpose computes."""
    return mean(_plain(root(*differences(_squares(plane), _CHEQUER, _SQUARE_NEIGHBOURS))) for plane in planes)


def differences(
    groups: Groups, masks: Sequence[Sequence[int]], neighbours: Sequence[tuple[int, int]]
) -> tuple[float, float, float, float]:
    """Return d0, d1, d-0, d-1: Regular minus Singular groups, flipped by +mask and -mask, of x and of x ^ 1."""
    found = []
    for flipped in (False, True):
        start = groups ^ 1 if flipped else groups
        before = _roughness(start, neighbours)
        found += [sum(_regular(start, before, mask, sign, neighbours) for mask in masks) for sign in (1, -1)]
    d0, minus_d0, d1, minus_d1 = found
    return float(d0), float(d1), float(minus_d0), float(minus_d1)


def root(d0: float, d1: float, minus_d0: float, minus_d1: float) -> float | None:
    """Return z, the root nearer to 0, its real part where there is no real one; None: there is no equation."""
    a, b, c = 2 * (d1 + d0), minus_d0 - minus_d1 - d1 - 3 * d0, d0 - minus_d0
    if a == 0:
        return -c / b if b else None
    inside = b * b - 4 * a * c
    if inside < 0:
        return -b / (2 * a)
    return min(((-b - math.sqrt(inside)) / (2 * a), (-b + math.sqrt(inside)) / (2 * a)), key=abs)


def _clamped(z: float | None) -> float | None:
    if z is None:
        return None
    return 1.0 if z > _POLE else max(-1.0, min(1.0, z / (z - 0.5)))


def _plain(z: float | None) -> float | None:
    return None if z is None or z == 0.5 else z / (z - 0.5)


def _rows(plane: Samples) -> Groups:
    whole = plane[:, : plane.shape[1] // 4 * 4].astype(np.int16)
    return np.ascontiguousarray(whole.reshape(-1, 4).T)


def _squares(plane: Samples) -> Groups:
    whole = plane.astype(np.int16)
    parts = (whole[:-1, :-1], whole[:-1, 1:], whole[1:, :-1], whole[1:, 1:])
    return np.stack([part.ravel() for part in parts])


def _roughness(groups: Groups, neighbours: Sequence[tuple[int, int]]) -> NDArray[np.int16]:
    total = np.zeros(groups.shape[1], np.int16)
    for one, other in neighbours:
        total += np.abs(groups[one] - groups[other])
    return total


def _regular(
    groups: Groups, before: NDArray[np.int16], mask: Sequence[int], sign: int, neighbours: Sequence[tuple[int, int]]
) -> int:
    flipped = groups.copy()
    for at, moved in enumerate(mask):
        if moved:
            # F1 swaps 2k and 2k + 1, F-1 swaps 2k - 1 and 2k.
            flipped[at] = groups[at] ^ 1 if sign == 1 else ((groups[at] + 1) ^ 1) - 1
    after = _roughness(flipped, neighbours)
    return int(np.count_nonzero(after > before)) - int(np.count_nonzero(after < before))
