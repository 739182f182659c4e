"""Chi-square: random low bits make the counts of the values 2k and 2k + 1 alike.

    histogram ──► pairs (2k, 2k + 1) ──► distance from their means ──► small: the low bits look random

A. Westfeld, A. Pfitzmann: Attacks on Steganographic Systems, Information Hiding 1999. `blocks` is the form in which
B. Boehm: StegExpose, 2014 (arXiv 1410.6656) uses it: the histogram grows through the picture, and the score is the mean
of the probabilities met on the way.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.integer[Any]]

LEAST = 10
"""Samples a pair of values must have to be used."""

BLOCK = 1024
"""Bytes by which the histogram of `blocks` grows."""

_VALUES = 256


def score(planes: Sequence[Samples]) -> float | None:
    """Return minus the chi-square distance per sample: 0 for random low bits, negative for everything else.

    Args:
        planes: channels of a picture or a sound, integers of any range.

    Returns:
        None when no pair of values occurs often enough.
    """
    total, used = 0.0, 0
    for plane in planes:
        statistic, pairs = distance(plane)
        total, used = total + statistic, used + pairs
    return None if not used else -total / sum(plane.size for plane in planes)


def distance(plane: Samples) -> tuple[float, int]:
    """Return Pearson's statistic, summed over both values of each pair, and the number of pairs used."""
    flat = plane.ravel().astype(np.int64)
    flat -= int(flat.min()) & ~1  # an even shift leaves pairs together
    histogram = np.bincount(flat, minlength=2)
    even, odd = (np.append(histogram, 0)[: len(histogram) + len(histogram) % 2][side::2] for side in (0, 1))
    expected = (even + odd) / 2
    used = even + odd >= LEAST
    statistic = 2 * float(((even - expected)[used] ** 2 / expected[used]).sum())
    return statistic, int(np.count_nonzero(used))


def blocks(stream: NDArray[np.uint8], *, even_only: bool = False) -> NDArray[np.float64]:
    """Return the probability that the low bits are random, after each block of 1,024 bytes: [blocks].

    Args:
        stream: uint8, the samples in file order.
        even_only: sum the even values of the pairs alone, which halves the statistic (StegExpose's way).
    """
    count = max(1, len(stream) // BLOCK)
    kept = stream[: count * BLOCK]
    at = np.minimum(np.arange(len(kept)) // BLOCK, count - 1) * _VALUES
    grown = 1 + np.bincount(at + kept, minlength=count * _VALUES).reshape(count, _VALUES).cumsum(axis=0)
    even, odd = grown[:, ::2].astype(np.float64), grown[:, 1::2]
    expected = (even + odd) / 2
    statistic = ((even - expected) ** 2 / expected).sum(axis=1) * (1 if even_only else 2)
    return survival(statistic, _VALUES // 2 - 1)


def survival(statistic: NDArray[np.float64], freedom: int) -> NDArray[np.float64]:
    """Return the probability that a chi-square of so many degrees of freedom exceeds the statistic.

    E. B. Wilson, M. M. Hilferty, The distribution of chi-square, 1931: for 127 degrees it is right to three digits.
    """
    spread = 2 / (9 * freedom)
    places = (np.cbrt(statistic / freedom) - (1 - spread)) / math.sqrt(2 * spread)
    return np.array([0.5 * math.erfc(place) for place in places.ravel()]).reshape(places.shape)
