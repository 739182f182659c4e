"""Weighted stego image: each sample is predicted from its neighbours, and low bits that were overwritten lean away.

    sample x ──► predicted from around it, e = x - predicted ──► e (x - x ^ 1) is positive on average where bits changed
                 └─► how rough it is there ──► weight 1 / (5 + variance)

    rate = 2 Σ w (x - x ^ 1) (x - predicted) / Σ w

J. Fridrich, M. Goljan: On estimation of secret message length in LSB steganography in spatial domain, SPIE 2004;
A. D. Ker, R. Boehme: Revisiting weighted stego-image steganalysis, SPIE 2008 (kernel and weights). A sound has one
dimension: its predictor is fitted to it by least squares, `REACH` samples to each side.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .sample_pairs import Samples, mean

Plane = NDArray[np.floating[Any]]

REACH = 6
_FLOOR = 5.0
_SMALLEST = 64


def score(planes: Sequence[Samples]) -> float | None:
    """Return the embedding rate of a picture, the mean over channels [H, W]; None: it is smaller than 3 x 3."""
    return mean(_rate(*_picture(plane)) for plane in planes if min(plane.shape) >= 3)


def score_sound(channels: Sequence[Samples]) -> float | None:
    """Return the embedding rate of a sound, the mean over channels [T] of 64 samples or more."""
    return mean(_rate(*_sound(channel)) for channel in channels if len(channel) >= _SMALLEST)


def _rate(samples: Samples, predicted: Plane, variance: Plane) -> float:
    weights = 1 / (_FLOOR + variance)
    signs = 2 * (samples & 1).astype(np.int8) - 1  # x - x ^ 1: 1 for odd x, -1 for even
    leaning = signs * (samples - predicted)
    return float(2 * (weights * leaning).sum(dtype=np.float64) / weights.sum(dtype=np.float64))


def _picture(plane: Samples) -> tuple[Samples, Plane, Plane]:
    """Return inner samples, their predictions, and the variance of the eight around each."""
    whole = plane.astype(np.float32)
    rows, columns = plane.shape
    up, middle, down = (whole[at : rows - 2 + at] for at in range(3))
    sides = up[:, 1:-1] + down[:, 1:-1] + middle[:, :-2] + middle[:, 2:]
    corners = up[:, :-2] + up[:, 2:] + down[:, :-2] + down[:, 2:]
    predicted = sides / 2 - corners / 4
    squares = whole * whole
    around = _sums(squares) - squares[1:-1, 1:-1]
    average = (sides + corners) / 8
    variance = np.maximum(around / 8 - average * average, 0)
    return plane[1 : rows - 1, 1 : columns - 1], predicted, variance


def _sums(plane: Plane) -> Plane:
    """Return sums over 3 x 3: [H, W] to [H - 2, W - 2]."""
    rows = plane[:-2] + plane[1:-1] + plane[2:]
    return np.asarray(rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:])


def _sound(channel: Samples) -> tuple[Samples, Plane, Plane]:
    """Return samples that have neighbours on both sides, their predictions, and the variance around them."""
    whole = channel.astype(np.float64)
    size = len(whole) - 2 * REACH
    lags = [lag for lag in range(-REACH, REACH + 1) if lag]
    around = np.stack([whole[REACH + lag : REACH + lag + size] for lag in lags])
    inner = whole[REACH : REACH + size]
    gram = around @ around.T
    gram[np.diag_indices(len(lags))] += 1e-6 * np.trace(gram) / len(lags) + 1e-9
    taps = np.linalg.solve(gram, around @ inner)
    predicted = taps @ around
    errors = inner - predicted
    # How well it can be predicted around here, not how loud it is: speech is loud and smooth at once.
    power = np.convolve(errors**2, np.full(2 * REACH + 1, 1 / (2 * REACH + 1)), "same")
    return channel[REACH : REACH + size].astype(np.int64), predicted, power
