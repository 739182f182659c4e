"""Sounds as pictures of what is heard: mel spectrograms in decibels, and how alike two of them look.

    samples ─► |STFT|² ─► 80 triangles, evenly spaced in mel ─► dB below the loudest, 0..80 ─► SSIM

The mel scale is S. Stevens's as D. O'Shaughnessy writes it, 2595 log10(1 + f / 700). The window is 1,024 samples, the
hop 256; the reference's loudest bin is 0 dB for both.
"""

import numpy as np
from numpy.typing import NDArray

from . import metrics, spectrum

BANDS, WINDOW, HOP, FLOOR = 80, 1024, 256, 80.0


def mel(samples: NDArray[np.floating], rate: int) -> NDArray[np.float64]:
    """Return the power in mel bands, float64 [BANDS, frames].

    Args:
        samples: mono, [T].
        rate: Hz.
    """
    power = np.abs(spectrum.stft(samples, WINDOW, HOP)) ** 2
    found: NDArray[np.float64] = _triangles(rate) @ power.T
    return found


def decibels(power: NDArray[np.float64], loudest: float) -> NDArray[np.float64]:
    """Return power as 0 (`FLOOR` dB below the loudest, or less) to 1 (the loudest)."""
    level = 10 * np.log10(np.maximum(power, 1e-30) / max(loudest, 1e-30))
    found: NDArray[np.float64] = np.clip(1 + level / FLOOR, 0.0, 1.0)
    return found


def pictures(
    reference: NDArray[np.floating], sound: NDArray[np.floating], rate: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return both spectrograms as grey pictures, uint8 [BANDS, frames], high bands on top."""
    one, other = mel(reference, rate), mel(sound, rate)
    loudest = float(one.max())
    first, second = (np.rint(255 * decibels(each, loudest)[::-1]).astype(np.uint8) for each in (one, other))
    return first, second


def mel_ssim(reference: NDArray[np.floating], sound: NDArray[np.floating], rate: int) -> float:
    """Return the SSIM of two mono sounds' mel spectrograms, [T] each; 1 when they are the same."""
    return metrics.ssim(*pictures(reference, sound, rate))


def absolute_error(reference: NDArray[np.floating], sound: NDArray[np.floating]) -> float:
    """Return the mean absolute error where the reference's peak-to-peak range, -peak..peak, is 0..255."""
    peak = float(np.abs(reference).max()) or 1.0
    return float(np.abs(reference.astype(np.float64) - sound).mean() / peak * 127.5)


def _triangles(rate: int) -> NDArray[np.float64]:
    """Return the weight of every bin in every band, float64 [BANDS, bins]."""
    top = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    bins = np.linspace(0, rate / 2, WINDOW // 2 + 1)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    found: NDArray[np.float64] = np.clip(np.minimum(rising, falling), 0, None)
    return found
