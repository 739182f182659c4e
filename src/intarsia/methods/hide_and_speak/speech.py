"""Speech as a message: to the cover's rate and back, and phases for magnitudes that have none.

    secret ─ mono ─ cover's rate ─ clips of three seconds ─► hidden magnitudes
    revealed magnitudes ─ phases that fit (Griffin and Lim) ─► clips ─ own rate, own length ─► revealed

Source: D. Griffin, J. Lim, Signal estimation from modified short-time Fourier transform, IEEE Trans. ASSP 32(2), 1984;
the public code of Hide and Speak does the same, 300 times, from phases drawn by chance.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...engine import spectrum
from ...media import Audio
from ...media.audio import from_float
from ...media.transit import resampling
from .objective import HOP, LENGTH, PADDING, WINDOW

ROUNDS = 100
"""Times that phases are looked for; more change little."""

RANGE_DB = 80.0
"""From black to white, where magnitudes are drawn."""

_DEPTH = 16


def clips(secrets: Sequence[Audio], rate: int) -> NDArray[np.float32]:
    """Return sounds as messages, float32 [clips, n, LENGTH]: mono, at `rate` Hz, silence behind the shorter ones."""
    found = [resampling.resampled(mono(secret)[:, None], secret.rate, rate)[:, 0] for secret in secrets]
    count = -(-max(len(each) for each in found) // LENGTH)
    padded = np.stack([np.pad(each, (0, count * LENGTH - len(each))) for each in found])
    return padded.reshape(len(found), count, LENGTH).transpose(1, 0, 2).astype(np.float32)


def joined(found: NDArray[np.float32], rate: int, length: int, own_rate: int) -> Audio:
    """Return one message, clips [clips, LENGTH] at `rate` Hz, as a sound of its own rate and length."""
    values = resampling.resampled(found.reshape(-1, 1).astype(np.float64), rate, own_rate)
    return Audio.of(from_float(resampling.fitted(values, length), _DEPTH).astype(np.int16), own_rate)


def length_at(secret: Audio, rate: int) -> int:
    """Return how many samples a sound has at another rate, in whole clips."""
    return -(-max(1, round(secret.length * rate / secret.rate)) // LENGTH) * LENGTH


def mono(sound: Audio) -> NDArray[np.float64]:
    """Return the mean of a sound's channels, float64 [T], -1..1."""
    return np.asarray(sound.planes().mean(axis=0), np.float64)


def with_phases(wanted: Tensor, rounds: int = ROUNDS) -> Tensor:
    """Return sounds [B, n, LENGTH] whose magnitudes are near to those wanted, [B, n, 378, 129]."""
    wanted = wanted.float().clamp_min(0)
    drawn = torch.rand(wanted.shape, generator=torch.Generator().manual_seed(0)) * (2 * torch.pi)
    turned = torch.polar(wanted, drawn.to(wanted.device))
    for _ in range(rounds):
        found = spectrum.stft(_sound(turned), WINDOW, HOP, shape="rectangular", padding=PADDING)
        turned = wanted * found / found.abs().clamp_min(1e-9)
    return _sound(turned)


def drawn(found: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return magnitudes [n, frames, bins] as a picture [frames, bins, n]: 255 is the largest, 0 is `RANGE_DB` below."""
    largest = max(float(found.max()), 1e-9)
    below = 20 * np.log10(np.maximum(found / largest, 1e-9))
    levels = np.rint(255 * np.clip(1 + below / RANGE_DB, 0, 1)).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(1, 2, 0))


def _sound(turned: Tensor) -> Tensor:
    return spectrum.istft(turned, WINDOW, HOP, LENGTH, shape="rectangular", padding=PADDING)
