"""StegExpose's fusion: the mean of primary sets, sample pairs, RS and block chi-square, as it is and as it is meant.

                          original                                            clean
    primary sets          no real root: not a number, left out                the root's real part
    sample pairs          odd width: left out; no real root: c / b            the root's real part
    RS                    squares of 2 x 2, the pole as it is                 rows of 4, poles clamped
    block chi-square      even values alone; under 257 blocks: left out       both values of a pair, always
    fusion                |mean| of those that answered, at most 1            mean of all four, each clamped to 0..1

B. Boehm: StegExpose - a tool for detecting LSB steganography, 2014 (arXiv 1410.6656). Written anew from descriptions of
what the tool does; what it drops is dropped here too, for `original` is there to compare with published figures.
A file is flagged where the fusion exceeds .2.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from . import chi2, rs, sample_pairs
from .sample_pairs import Counts, Samples

THRESHOLD = 0.2
"""The tool's default."""

LEAST_BLOCKS = 256
"""Blocks of 1,024 bytes below which the tool's chi-square gives up, one at the end not counted: 87.7 kilopixels."""

PARTS = ("primary", "spa", "rs", "chi2")


def original_parts(planes: Sequence[Samples]) -> dict[str, float | None]:
    """Return what each detector of the original says, None where it says nothing.

    Args:
        planes: three channels or one, uint8 [H, W].
    """
    stream = interleaved(planes)
    is_large = len(stream) // chi2.BLOCK - 1 >= LEAST_BLOCKS
    is_even = planes[0].shape[1] % 2 == 0
    return {
        "primary": _all_or_none([_only_real(_row_pairs(plane)) for plane in planes]),
        "spa": sample_pairs.spa(planes, _or_linear) if is_even else None,
        "rs": rs.unclamped(planes),
        "chi2": float(chi2.blocks(stream, even_only=True).mean()) if is_large else None,
    }


def clean_parts(planes: Sequence[Samples]) -> dict[str, float | None]:
    """Return what each detector says when nothing is dropped."""
    return {
        "primary": sample_pairs.primary(planes),
        "spa": sample_pairs.spa(planes),
        "rs": rs.score(planes),
        "chi2": float(chi2.blocks(interleaved(planes)).mean()),
    }


def original(parts: Mapping[str, float | None]) -> float | None:
    """Return the fusion of those that answered; None: nobody did."""
    found = sample_pairs.mean(parts.values())
    return None if found is None else min(1.0, abs(found))


def clean(parts: Mapping[str, float | None]) -> float | None:
    """Return the fusion of all, each clamped to 0..1; a flat picture, where there is no equation, counts as 0."""
    return sum(0.0 if part is None else min(1.0, max(0.0, part)) for part in parts.values()) / len(parts)


def interleaved(planes: Sequence[Samples]) -> NDArray[np.uint8]:
    """Return the samples in file order, uint8."""
    return np.stack(planes, axis=-1).astype(np.uint8).ravel()


def _row_pairs(plane: Samples) -> Counts:
    return sample_pairs.count(plane[:, 0:-1:2], plane[:, 1::2])


def _only_real(counts: Counts) -> float | None:
    a, b, c = counts.equation()
    return None if b * b - 4 * a * c < 0 else sample_pairs.rate(counts)


def _or_linear(counts: Counts) -> float | None:
    a, b, c = counts.equation()
    if b * b - 4 * a * c < 0:
        return c / b if b else None
    return sample_pairs.rate(counts)


def _all_or_none(found: Sequence[float | None]) -> float | None:
    """Return the mean, or None as soon as one is not a number, as sums with NaN are."""
    numbers = [math.nan if number is None else number for number in found]
    total = sum(numbers) / len(numbers)
    return None if math.isnan(total) else total
