"""Noise shaping: errors where the sound is loud enough to cover them.

The error of each sample is fed back through the linear prediction A(z/γ) of its frame, so that the total error is
the white one filtered by 1/A(z/γ): it follows the sound's spectrum, the more the nearer γ is to 1. Only the writer
does this; a reader sees digits as ever.

Source: B. S. Atal, M. R. Schroeder, Predictive coding of speech signals and subjective error criteria, IEEE Trans.
ASSP 27(3) (1979); the recursion is that of N. Levinson (1946) and J. Durbin (1960).
"""

import numpy as np
from numpy.typing import NDArray

from .frames import FRAME, Ground, Signal

ORDER = 16
"""Taps of the prediction."""

_TAIL = 128  # samples of the impulse response that are counted
_SAMPLE = 400  # frames the gain is measured on


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


def gain(signal: Signal, ground: Ground, gamma: float) -> float:
    """Return by how much shaping raises the power of a change: the mean energy of 1/A(z/γ) over some frames."""
    known = ground.gains.get(gamma)
    if known is not None:
        return known
    some = ground.starts[:: max(1, len(ground.starts) // _SAMPLE)]
    channels = ground.channels
    long = -(-FRAME // channels)
    rows = [signal.read(int(start) // channels, long).reshape(-1)[:FRAME] for start in some]
    feedback = taps(np.stack(rows), channels, gamma)
    response = np.zeros((len(feedback), ORDER + _TAIL))
    response[:, ORDER] = 1
    for n in range(ORDER + 1, response.shape[1]):
        response[:, n] = (feedback * response[:, n - 1 :: -1][:, :ORDER]).sum(axis=1)
    ground.gains[gamma] = raised = float((response**2).sum(axis=1).mean())
    return raised
