"""How far a video is from its reference: PSNR and SSIM of every frame, and of the whole.

    frame    0      1      2      3             mean   over frames
    PSNR   38.1   37.6   inf    38.0   ──►      min    of the worst frame
    SSIM   .981   .979   1.00   .980            whole  one mean squared error over all frames (`psnr_of`)

All three colours count alike; see `metrics` for one frame.

A frame that is exact has an infinite PSNR, which no mean survives. In a mean such a frame counts as `EXACT_DB`, what
one sample off by one level in a frame of 800 x 600 would give; a video that is exact as a whole is infinite.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from . import metrics
from .video import Frames, Video

EXACT_DB = 110.0
"""What an exact frame counts for in a mean over frames, dB; no other frame counts for more."""


@dataclass(frozen=True)
class Fidelity:
    """How near a video is to its reference.

    Attributes:
        psnr: dB of each frame, inf where it is exact.
        ssim: -1..1 of each frame, 1 where it is exact; empty for frames below 11 x 11, which SSIM cannot judge.
    """

    psnr: tuple[float, ...]
    ssim: tuple[float, ...]

    @property
    def mean_psnr(self) -> float:
        """Mean over frames, dB, an exact frame counting as `EXACT_DB`; inf when all are exact."""
        return mean_of(self.psnr)

    @property
    def min_psnr(self) -> float:
        """Of the worst frame, dB."""
        return min(self.psnr)

    @property
    def mean_ssim(self) -> float | None:
        """Mean over frames, or None where there is none."""
        return float(np.mean(self.ssim)) if self.ssim else None

    @property
    def min_ssim(self) -> float | None:
        """Of the worst frame, or None where there is none."""
        return min(self.ssim) if self.ssim else None


def fidelity(reference: Video, video: Video) -> Fidelity:
    """Compare two videos frame by frame.

    Raises:
        ValueError: lengths or sizes differ.
    """
    pairs = _pairs(reference.frames, video.frames)
    is_large = min(reference.height, reference.width) >= metrics.SSIM_MIN_SIDE
    return Fidelity(
        tuple(metrics.psnr(one, other) for one, other in pairs),
        tuple(metrics.ssim(one, other) for one, other in pairs) if is_large else (),
    )


def mean_psnr(reference: Video, video: Video) -> float:
    """Return the mean over frames of the PSNR of each, dB; see `mean_of`.

    Raises:
        ValueError: lengths or sizes differ.
    """
    return mean_of(metrics.psnr(one, other) for one, other in _pairs(reference.frames, video.frames))


def psnr_of(reference: Video, video: Video) -> float:
    """Return the PSNR of the whole: one mean squared error over all samples of all frames, dB; inf when identical.

    It never exceeds the mean over frames, exact frames aside, and is lower the more unequal they are.

    Raises:
        ValueError: lengths or sizes differ.
    """
    squares = sum(
        float(np.sum(np.square(one.astype(np.int32) - other))) for one, other in _pairs(reference.frames, video.frames)
    )
    return 10 * math.log10(255**2 * reference.size / squares) if squares else math.inf


def mean_of(values: Iterable[float]) -> float:
    """Return the mean of PSNRs in dB, infinite and very high ones counting as `EXACT_DB`; inf when all are infinite."""
    found = list(values)
    if all(math.isinf(value) for value in found):
        return math.inf
    return sum(min(value, EXACT_DB) for value in found) / len(found)


def _pairs(reference: Frames, frames: Frames) -> list[tuple[Frames, Frames]]:
    if reference.shape != frames.shape:
        raise ValueError(f"frames {list(reference.shape)} and {list(frames.shape)}; expected equal lengths and sizes")
    return list(zip(reference, frames, strict=True))
