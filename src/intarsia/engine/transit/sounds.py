"""What happens to sounds on their way, with gradients: twins of `media.transit.sounds` of the same names.

Sounds are [B, T] or [B, C, T], -1..1; an item is one of the batch, all its channels. Lengths stay, but those of
`resampled`. What comes out is neither rounded nor clipped: `Chain` does that after every step.
"""

import math

import torch
from torch import Tensor

from ...errors import UsageError
from ..rounding import SOUND_STEP, straight
from ..tensors import kept, normal, precise, uniform

_LOBES = 64  # zero crossings on each side when resampling: soxr's VHQ has about as steep a slope
_EDGE = 0.956  # middle of the slope, in halves of the lower rate
_BETA = 9.0  # of Kaiser's window: 90 dB
_STRIDE = 64  # samples at least from one frame to the next; fewer would be copied more often
_LARGEST = 1 << 24  # entries of a matrix of filters
_LOWPASS_LOBES = 16  # as media.transit.sounds
_DEPTH = 16  # bits

# --- other rates --------------------------------------------------------------------------------------------


@precise
def resampled(sounds: Tensor, old: int, new: int) -> Tensor:
    """Return sounds at another rate, sample 0 where it was: a windowed sinc, one filter for each phase.

    Below 0.91 of half the lower rate nothing changes; above half of it, all is gone (by 90 dB).

    Args:
        sounds: [..., T].
        old: Hz.
        new: Hz.

    Returns:
        [..., T new / old], rounded, one at least; silence lies around the sound.

    Raises:
        UsageError: the two rates have too small a common divisor.
    """
    if old == new:
        return sounds
    length = max(1, round(sounds.shape[-1] * new / old))
    common = math.gcd(old, new)
    blocks = -(-_STRIDE * common // old)
    hop, made = blocks * old // common, blocks * new // common
    reach = math.ceil(_LOBES * max(1.0, old / new))
    if (2 * reach + hop) * made > _LARGEST:
        raise UsageError(
            f"rates {old} and {new} have no larger common divisor than {common}, too small to learn through; "
            "expected two rates in whole hundreds of Hz"
        )
    frames = -(-length // made)
    after = (frames - 1) * hop + 2 * reach + hop - reach - sounds.shape[-1]
    padded = torch.nn.functional.pad(sounds, (reach, max(0, after)))
    filters = _filters(old, new, reach, hop, made, sounds.dtype, sounds.device)
    # A product and no convolution: those are rounded to ten bits on a GPU unless told otherwise.
    return (padded.unfold(-1, 2 * reach + hop, hop)[..., :frames, :] @ filters).flatten(-2)[..., :length]


def resample(sounds: Tensor, rate: int, hertz: int) -> Tensor:
    """Bring to another rate and back; what the lower rate cannot hold is lost."""
    back = resampled(resampled(sounds, rate, hertz), hertz, rate)
    missing = sounds.shape[-1] - back.shape[-1]
    return torch.nn.functional.pad(back, (0, missing)) if missing > 0 else back[..., : sounds.shape[-1]]


@kept
def _filters(old: int, new: int, reach: int, hop: int, made: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return weights [2 reach + hop samples, made samples]; each column sums to 1."""
    at = torch.arange(2 * reach + hop, dtype=torch.float64)[:, None] - reach
    away = at - torch.arange(made, dtype=torch.float64) * (old / new)
    slower = min(1.0, new / old)
    inside = (1 - (away * slower / _LOBES) ** 2).clamp_min(0)
    window = torch.special.i0(_BETA * inside.sqrt()) * (inside > 0)
    weights = torch.sinc(_EDGE * slower * away) * window
    result: Tensor = weights / weights.sum(dim=0)
    return result.to(device, dtype)


# --- missing parts ------------------------------------------------------------------------------------------


def zero(sounds: Tensor, share: float, pieces: int = 1, generator: torch.Generator | None = None) -> Tensor:
    """Silence a share of each item, in pieces of equal length that do not overlap, at places drawn by chance."""
    return sounds * ~_for_all_channels(hit(sounds, share, pieces, generator), sounds)


def hold(sounds: Tensor, share: float, pieces: int = 1, generator: torch.Generator | None = None) -> Tensor:
    """Let the last sample before each piece stand still through it, as some players do; pieces as in `zero`.

    What is lost from the very start is silence.
    """
    lost = hit(sounds, share, pieces, generator)
    at = torch.arange(sounds.shape[-1], device=sounds.device)
    last = torch.where(lost, -1, at).cummax(dim=-1).values
    held = torch.gather(sounds, -1, _for_all_channels(last.clamp_min(0), sounds).expand_as(sounds))
    return held * (_for_all_channels(last, sounds) >= 0)


def hit(sounds: Tensor, share: float, pieces: int, generator: torch.Generator | None = None) -> Tensor:
    """Return which samples of each item are lost, bool [B, T]: as many as `share` says, one at least is left."""
    batch, length = sounds.shape[0], sounds.shape[-1]
    total = min(round(length * share), length - 1)
    ends = torch.linspace(0, total, pieces + 1, dtype=torch.float64, device=sounds.device).round().long()
    # Where the pieces lie is where they lie in what is left, moved on by the pieces before.
    draw = uniform((batch, pieces), sounds.new_empty(0, dtype=torch.float64), generator)
    gaps = (draw * (length - total + 1)).long().sort(dim=1).values
    steps = torch.zeros(batch, length + 1, dtype=torch.long, device=sounds.device)
    one = torch.ones_like(gaps)
    steps.scatter_add_(1, gaps + ends[:-1], one).scatter_add_(1, gaps + ends[1:], -one)
    return steps.cumsum(dim=1)[:, :length] > 0


def _for_all_channels(items: Tensor, sounds: Tensor) -> Tensor:
    """[B, T] as [B, 1, ..., T]."""
    return items.reshape(len(items), *(1 for _ in sounds.shape[1:-1]), -1)


# --- other values -------------------------------------------------------------------------------------------


def gain(sounds: Tensor, decibels: float) -> Tensor:
    """Make louder or quieter."""
    return sounds * 10 ** (decibels / 20)


def noise(sounds: Tensor, snr: float, generator: torch.Generator | None = None) -> Tensor:
    """Add white Gaussian noise at this SNR in dB, against the power of each item; silence stays silent.

    The power is a constant to the gradient: else a network would learn to be quiet.
    """
    power = sounds.detach().square().flatten(1).mean(dim=1)
    deviation = (power.sqrt() * 10 ** (-snr / 20)).reshape(-1, *(1 for _ in sounds.shape[1:]))
    return sounds + deviation * normal(sounds.shape, sounds, generator)


def plusminus1(sounds: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Move every sample by one 16-bit level, up or down by chance; at the ends of the range, inwards."""
    signs = torch.where(uniform(sounds.shape, sounds, generator) < 0.5, -1.0, 1.0)
    inner = 1 - 1.5 * SOUND_STEP
    signs = torch.where(sounds < -inner - SOUND_STEP, 1.0, torch.where(sounds > inner, -1.0, signs))
    return sounds + signs.to(sounds.dtype) * SOUND_STEP


def requantise(sounds: Tensor, bits: int) -> Tensor:
    """Round every sample to this many bits, without dither; gradients go straight through; 16 and more do nothing."""
    if bits >= _DEPTH:
        return sounds
    half = 1 << (bits - 1)
    return straight(sounds, (sounds.detach() * half).round().clamp(-half, half - 1) / half)


def lowpass(sounds: Tensor, rate: int, hertz: float) -> Tensor:
    """Take away what lies above a frequency: a windowed sinc, symmetric, so that nothing is delayed.

    Half of the amplitude is left at the frequency itself; a tenth below it all, a tenth above it next to nothing.
    """
    if 2 * hertz >= rate:
        return sounds
    reach = round(_LOWPASS_LOBES * rate / hertz)
    size = 1 << (sounds.shape[-1] + 2 * reach).bit_length()
    response = _low(reach, 2 * hertz / rate, size, sounds.dtype, sounds.device)
    whole: Tensor = torch.fft.irfft(torch.fft.rfft(sounds, size) * response, size)
    return whole[..., reach : reach + sounds.shape[-1]]


@kept
def _low(reach: int, edge: float, size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the response, complex [size / 2 + 1]."""
    at = torch.arange(-reach, reach + 1, dtype=torch.float64)
    taps = torch.sinc(edge * at) * torch.blackman_window(2 * reach + 1, periodic=False, dtype=torch.float64)
    response: Tensor = torch.fft.rfft(taps / taps.sum(), size)
    return response.to(device, torch.complex128 if dtype == torch.float64 else torch.complex64)


def echo(sounds: Tensor, rate: int, milliseconds: float = 80.0, share: float = 0.4) -> Tensor:
    """Add the sound once more, later and weaker; the length stays."""
    delay = max(1, round(rate * milliseconds / 1000))
    return sounds + share * torch.nn.functional.pad(sounds, (delay, 0))[..., : sounds.shape[-1]]
