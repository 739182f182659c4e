"""What a sound's statistics look like up close: its second differences, and what lies in its quiet bands.

    x ──► x[t - 1] - 2 x[t] + x[t + 1], over 1, 4, 16, cut to -3..3 ──► Pr of three in a row, 3 x 343 numbers
      └─► power spectra, 16 bands ──► mean, deviation, skewness of the log power over time, 48 numbers

Second differences: Q. Liu, A. H. Sung, M. Qiao: Temporal derivative-based spectrum and mel-cepstrum audio steganalysis,
IEEE Trans. Information Forensics and Security 4(3), 2009, and SPAM of pictures; the rest is ours. Three in a row are
counted there and back, so a sound played backwards gives the same numbers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...media.spectrum import stft

Features = NDArray[np.float64]

TRUNCATED = 3
SCALES = (1, 4, 16)
BANDS = 16
LENGTH = len(SCALES) * (2 * TRUNCATED + 1) ** 3 + 3 * BANDS
SMALLEST = 2048
"""Samples; a shorter sound has too few frames."""

_WINDOW, _HOP = 512, 256


def features(channels: Sequence[NDArray[np.integer[Any]]]) -> Features | None:
    """Return the features [1077] of a sound's channels, integers [T]; None: it is shorter than 2,048 samples."""
    if len(channels[0]) < SMALLEST:
        return None
    return np.asarray(np.mean([_of_channel(channel) for channel in channels], axis=0), np.float64)


def _of_channel(channel: NDArray[np.integer[Any]]) -> Features:
    whole = channel.astype(np.int64)
    second = whole[:-2] - 2 * whole[1:-1] + whole[2:]
    return np.concatenate([*(co_occurrence(second, scale) for scale in SCALES), spectral_moments(channel)])


def co_occurrence(values: NDArray[np.int64], scale: int) -> Features:
    """Return how often three values in a row occur, divided by `scale`, rounded, cut to -3..3: [343], summing to 1."""
    levels = 2 * TRUNCATED + 1
    cut = np.clip(np.rint(values / scale), -TRUNCATED, TRUNCATED).astype(np.int64) + TRUNCATED
    counts = np.bincount((cut[:-2] * levels + cut[1:-1]) * levels + cut[2:], minlength=levels**3).astype(np.float64)
    there = counts.reshape((levels,) * 3)
    both: Features = (there + there.transpose(2, 1, 0)).ravel()
    shares: Features = both / both.sum()
    return shares


def spectral_moments(channel: NDArray[np.integer[Any]]) -> Features:
    """Return mean, deviation and skewness over time of the log power in 16 bands: [48]."""
    power = np.abs(stft(channel.astype(np.float64), _WINDOW, _HOP)[:, 1:]) ** 2
    bands = np.log10(power.reshape(len(power), BANDS, -1).mean(axis=2) + 1.0)
    middle = bands.mean(axis=0)
    spread = bands.std(axis=0)
    skewness = ((bands - middle) ** 3).mean(axis=0) / np.maximum(spread, 1e-3) ** 3
    return np.concatenate([middle, spread, skewness])
