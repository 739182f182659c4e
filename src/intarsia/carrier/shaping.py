"""Noise shaping: errors where the sound is loud enough to cover them.

The error of each sample is fed back through the linear prediction A(z/γ) of its frame, so that the total error is
the white one filtered by 1/A(z/γ): it follows the sound's spectrum, the more the nearer γ is to 1. Only the writer
does this; a reader sees digits as ever.

Source: B. S. Atal, M. R. Schroeder, Predictive coding of speech signals and subjective error criteria, IEEE Trans.
ASSP 27(3) (1979); the recursion is that of N. Levinson (1946) and J. Durbin (1960).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .frames import DIGITS, FRAME, Ground, Signal

ORDER = 16
"""Taps of the prediction."""

_SAMPLE = 1000  # frames the gain is measured on
_BATCH = 128


def taps(hosts: NDArray[np.int32], lag: int, gamma: float) -> NDArray[np.float64]:
    """Return the feedback filter of each frame: its linear prediction, weighted by γ^k, float [B, order]."""
    values = hosts.astype(np.float64)
    size = hosts.shape[1]
    correlation = np.stack(
        [(values[:, : size - k * lag] * values[:, k * lag :]).sum(axis=1) for k in range(ORDER + 1)], axis=1
    )
    correlation[:, 0] = correlation[:, 0] * 1.0001 + 1e-9
    return _levinson(correlation) * gamma ** np.arange(1, ORDER + 1)


def _levinson(correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve rows of autocorrelations [B, p + 1] for their linear predictors, float [B, p]."""
    order = correlation.shape[1] - 1
    taps = np.zeros((len(correlation), order))
    error = correlation[:, 0].copy()
    for k in range(order):
        ahead = correlation[:, k + 1] - (taps[:, :k] * correlation[:, k:0:-1]).sum(axis=1)
        reflection = ahead / error
        taps[:, :k] -= reflection[:, None] * taps[:, :k][:, ::-1]
        taps[:, k] = reflection
        error *= 1 - reflection**2
    return taps


@dataclass(frozen=True)
class Gain:
    """By how much shaping raises the power of a change, over the frames of a sound.

    Attributes:
        mean: expected factor.
        cubed: mean of its third power: the fewer frequencies hold the noise, the more its power varies.
    """

    mean: float
    cubed: float


def gain(signal: Signal, ground: Ground, gamma: float) -> Gain:
    """Return the gain of the feedback filter: the energy of 1/A(z/γ), begun anew with every frame.

    Counted on all frames of a sound, or on a thousand of a long one and three standard deviations more.
    """
    if gamma in ground.gains:
        known: Gain = ground.gains[gamma]
        return known
    step = -(-len(ground.starts) // _SAMPLE)
    some = ground.starts[::step]
    channels = ground.channels
    long = -(-FRAME // channels)
    rows = [signal.read(int(start) // channels, long).reshape(-1)[:FRAME] for start in some]
    found = np.concatenate(
        [_gains(taps(np.stack(rows[i : i + 128]), channels, gamma)) for i in range(0, len(rows), 128)]
    )
    spread = 3 * float(found.std()) / math.sqrt(len(found)) if step > 1 else 0.0
    ground.gains[gamma] = raised = Gain(float(found.mean()) + spread, float((found**3).mean()))
    return raised


def _gains(feedback: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean power that white noise of power 1 has behind each filter, in a frame's digits."""
    response = np.zeros((len(feedback), ORDER + DIGITS))
    response[:, ORDER] = 1
    for n in range(ORDER + 1, response.shape[1]):
        response[:, n] = (feedback * response[:, n - 1 :: -1][:, :ORDER]).sum(axis=1)
    power: NDArray[np.float64] = np.cumsum(response[:, ORDER:] ** 2, axis=1).mean(axis=1)
    return power
