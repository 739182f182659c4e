"""A piece of sound as a plane that networks for pictures can paint on, and back.

    samples [B, 1, T] ── of ──► plane [B, 1, frames, bins] ──► network ──► changed ── back ──► samples [B, 1, T]
                 └──────────────────── phase, Nyquist bin, loudness: the cover's own ────┘

    Magnitudes     |STFT|, overlapping: most changed planes belong to no sound, and `back` finds the nearest one
    Coefficients   MDCT: as many numbers as samples, so that every plane is a sound

Rows are time, columns frequency, low first.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from . import spectrum
from .tensors import full

_QUIETEST = 1 / 32768
"""Loudness that silence is given, RMS."""


class Plane(Protocol):
    """A way to see a piece of sound as a plane."""

    @property
    def length(self) -> int:
        """Samples of a piece."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns: frames, bins."""

    def of(self, samples: Tensor) -> Tensor:
        """Return the plane of a sound: [B, 1, length], -1..1, to [B, 1, frames, bins]."""

    def back(self, cover: Tensor, changed: Tensor) -> Tensor:
        """Return the sound of a changed plane, [B, 1, length], not clipped; all that a plane lacks is the cover's."""


@dataclass(frozen=True)
class Magnitudes:
    """The magnitudes of a short-time Fourier transform (Hann window, no padding), without the Nyquist bin.

    Attributes:
        window: samples in a frame, even.
        hop: samples from one frame to the next.
        frames: how many.
        scale: magnitude that becomes 1.
    """

    window: int
    hop: int
    frames: int
    scale: float

    @property
    def length(self) -> int:
        """Samples of a piece."""
        return (self.frames - 1) * self.hop + self.window

    @property
    def shape(self) -> tuple[int, int]:
        """Frames, bins."""
        return self.frames, self.window // 2

    def of(self, samples: Tensor) -> Tensor:
        """Return magnitudes over `scale`."""
        return self._whole(samples)[..., :-1] / self.scale

    def back(self, cover: Tensor, changed: Tensor) -> Tensor:
        """Return the cover and, added to it, the sound nearest to the change of its magnitudes, in its phases."""
        nyquist = self._whole(cover)[..., -1:]
        wanted = torch.cat([full(changed) * self.scale, nyquist], -1)
        return spectrum.with_magnitude(cover, wanted, self.window, self.hop, padding=0)

    def _whole(self, samples: Tensor) -> Tensor:
        return spectrum.magnitude(spectrum.stft(samples, self.window, self.hop, padding=0))


@dataclass(frozen=True)
class Coefficients:
    """The coefficients of an orthonormal MDCT, in units of the piece's own loudness (RMS).

    Loudness is taken from the sound at hand, so a receiver reads the same plane whatever the gain was.

    Attributes:
        size: samples in a block, and coefficients.
        frames: blocks.
    """

    size: int
    frames: int

    @property
    def length(self) -> int:
        """Samples of a piece."""
        return self.frames * self.size

    @property
    def shape(self) -> tuple[int, int]:
        """Frames, bins."""
        return self.frames, self.size

    def of(self, samples: Tensor) -> Tensor:
        """Return coefficients over loudness."""
        return spectrum.mdct(samples, self.size) / loudness(samples)[..., None]

    def back(self, cover: Tensor, changed: Tensor) -> Tensor:
        """Return the sound of these coefficients at the cover's loudness."""
        return spectrum.imdct(full(changed) * loudness(cover)[..., None], self.length)


def loudness(samples: Tensor) -> Tensor:
    """Return the RMS of each piece, [B, 1, T] to [B, 1, 1]; that of silence is one 16-bit step."""
    return full(samples).square().mean(-1, keepdim=True).sqrt().clamp_min(_QUIETEST)


def at_snr(cover: Tensor, changed: Tensor, db: float) -> Tensor:
    """Return `changed`, brought so near to the cover, or so far from it, that the signal-to-noise ratio is `db`.

    Args:
        cover: [B, ...]; sounds or planes.
        changed: same shape.
        db: ratio of the cover's energy to that of the change, of each item, dB.
    """
    cover, change = full(cover), full(changed) - full(cover)
    energy, noise = (each.flatten(1).square().sum(1) for each in (cover, change))
    factor = (energy * 10 ** (-db / 10) / noise.clamp_min(1e-20)).sqrt()
    return cover + change * factor.reshape(-1, *[1] * (cover.ndim - 1))


def snr(cover: Tensor, changed: Tensor) -> Tensor:
    """Return the mean signal-to-noise ratio of items [B, ...], dB; 120 at the most."""
    cover, change = full(cover), full(changed) - full(cover)
    energy, noise = (each.flatten(1).square().sum(1).clamp_min(1e-20) for each in (cover, change))
    return (10 * torch.log10(energy / noise)).clamp(max=120).mean()


# --- folding ------------------------------------------------------------------------------------------------


def folded(plane: Tensor, times: int, *, spread: bool = False) -> Tensor:
    """Return a plane [B, C, F, K] as [B, C times², F / times, K / times]: nothing is lost, pictures get smaller.

    Args:
        plane: its sides are multiples of `times`.
        times: 1 leaves it alone.
        spread: False: what lies side by side becomes channels of one place. True: a place gets what lies a whole
            part of the plane apart, `times` moments and `times` bands, so that some of it is always quiet.
    """
    if times == 1:
        return plane
    batch, channels, rows, columns = plane.shape
    high, wide = rows // times, columns // times
    if spread:
        parts = plane.reshape(batch, channels, times, high, times, wide).permute(0, 1, 2, 4, 3, 5)
    else:
        parts = plane.reshape(batch, channels, high, times, wide, times).permute(0, 1, 3, 5, 2, 4)
    return parts.reshape(batch, channels * times**2, high, wide)


def unfolded(parts: Tensor, times: int, *, spread: bool = False) -> Tensor:
    """Undo `folded`."""
    if times == 1:
        return parts
    batch, channels, high, wide = parts.shape
    parts = parts.reshape(batch, channels // times**2, times, times, high, wide)
    order = (0, 1, 2, 4, 3, 5) if spread else (0, 1, 4, 2, 5, 3)
    return parts.permute(order).reshape(batch, channels // times**2, high * times, wide * times)
