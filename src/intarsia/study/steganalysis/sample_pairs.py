"""Primary sets and sample pairs: how neighbours (u, v) move between four sets when low bits are overwritten.

    (u, v) ──► X  v even and u < v, or v odd and u > v          ┐
               Y  v even and u > v, or v odd and u < v          ├─► quadratic in the rate p ──► the smaller root
               Z  u = v                                         │
               W  of Y, those that differ in the low bit alone  ┘

    (|W| + |Z|) / 2 p² + (2 |X| - |P|) p + |Y| - |X| = 0             in a clean picture |X| = |Y|, so p = 0

S. Dumitrescu, X. Wu, N. Memon: On steganalysis of random LSB embedding in continuous-tone images, ICIP 2002 (primary
sets: disjoint pairs); S. Dumitrescu, X. Wu, Z. Wang: Detection of LSB steganography via sample pair analysis, IEEE
Trans. Signal Processing 51(7), 2003 (all pairs).
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Counts:
    """How many pairs lie in each set; `p` in all."""

    p: int
    x: int
    y: int
    z: int
    w: int

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.p + other.p, self.x + other.x, self.y + other.y, self.z + other.z, self.w + other.w)

    def equation(self) -> tuple[float, float, float]:
        """Return a, b, c of a p² + b p + c = 0."""
        return (self.w + self.z) / 2, float(2 * self.x - self.p), float(self.y - self.x)


Solve = Callable[[Counts], float | None]


def count(u: Samples, v: Samples) -> Counts:
    """Return the sets of pairs, of two arrays of one shape."""
    is_odd = (v & 1).astype(np.bool_)
    below, same = u < v, u == v
    x = int(np.count_nonzero((below ^ is_odd) & ~same))
    z = int(np.count_nonzero(same))
    w = int(np.count_nonzero((u ^ v) == 1))
    # Pairs (2k, 2k + 1) and (2k + 1, 2k): v odd and u < v, or v even and u > v, so all of them are in Y.
    return Counts(u.size, x, u.size - x - z, z, w)


def rate(counts: Counts) -> float | None:
    """Return the embedding rate: the smaller root, its real part where there is no real one."""
    a, b, c = counts.equation()
    if a == 0:
        return -c / b if b else None
    inside = b * b - 4 * a * c
    if inside < 0:
        return -b / (2 * a)
    roots = ((-b - math.sqrt(inside)) / (2 * a), (-b + math.sqrt(inside)) / (2 * a))
    return min(roots, key=abs)


def primary(planes: Sequence[Samples], solve: Solve = rate) -> float | None:
    """Return the rate found in disjoint horizontal pairs, the mean over channels [H, W] that answer."""
    return mean(solve(count(plane[:, 0:-1:2], plane[:, 1::2])) for plane in planes if plane.shape[1] > 1)


def spa(planes: Sequence[Samples], solve: Solve = rate) -> float | None:
    """Return the rate found in all horizontal and vertical pairs, the mean over channels [H, W]."""
    return mean(
        solve(count(plane[:, :-1], plane[:, 1:]) + count(plane[:-1], plane[1:])) for plane in planes if plane.size > 1
    )


def spa_sound(channels: Sequence[Samples]) -> float | None:
    """Return the rate found in neighbouring samples, the mean over channels [T] of a sound."""
    return mean(rate(count(channel[:-1], channel[1:])) for channel in channels if channel.size > 1)


def mean(found: Iterable[float | None]) -> float | None:
    """Return the mean of what answered; None: nothing did."""
    numbers = [number for number in found if number is not None]
    return sum(numbers) / len(numbers) if numbers else None
