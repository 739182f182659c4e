"""Other rates, by soxr, without a delay."""

import importlib
import importlib.util
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from ...errors import ResourceError, UsageError

MOST = 1 << 26
"""Samples of all channels that a channel holds in memory: twelve minutes of stereo at 44,100 Hz."""


def resampled(values: NDArray[np.float64], old: float, new: float) -> NDArray[np.float64]:
    """Return a sound [T, C] at another rate, sample 0 where it was (linear phase).

    Raises:
        UsageError: soxr is not installed.
        ResourceError: more than `MOST` samples would come.
    """
    if old == new:
        return values
    check(round(len(values) * new / old) * values.shape[1])
    length = max(1, round(len(values) * new / old))
    result: NDArray[np.float64] = library().resample(values, old, new, quality="VHQ")
    return fitted(result, length)


def fitted(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Return the first `length` samples, silence behind where there are fewer."""
    if len(values) >= length:
        return values[:length]
    return np.pad(values, ((0, length - len(values)), (0, 0)))


def check(samples: int) -> None:
    """Raise `ResourceError` when a channel would have to hold more than `MOST` samples."""
    if samples > MOST:
        raise ResourceError(
            f"{samples:,} samples; a channel holds at most {MOST:,} in memory; cut the sound into parts"
        )


def library() -> ModuleType:
    """Return the module soxr.

    Raises:
        UsageError: it is not installed.
    """
    if importlib.util.find_spec("soxr") is None:
        raise UsageError("channels that change the rate of a sound need the package soxr: pip install soxr")
    return importlib.import_module("soxr")
