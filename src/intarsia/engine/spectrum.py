"""Sound as time and frequency while something is learnt: torch twins of `media.spectrum`, with gradients.

    samples ── frames ── window ── rfft ──► spectrum ── magnitude ──► network
       ▲                                       │                        │
       │                                     phase                      │
       └── overlap-add ── irfft ◄── change ◄───┴──── new magnitude ◄────┘      with_magnitude

Same names, same order of axes, same numbers as there; what is added is the rectangular window, another padding, and
magnitudes. Everything is computed in float32, or in float64 where that comes in, whatever autocast says.

Not here: the MDCT in blocks of changing sizes, which no network asks for.
"""

from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch.autograd import Function

from ..media.spectrum import Shape
from .tensors import full, kept

Window = Literal["hann", "rectangular"]

EPS = 1e-10
"""Power added to every bin before the square root, so that silence has a gradient (F. Kreuk et al., 2020, code)."""

_NEXT_TO_NOTHING = 1e-18  # its square is still a normal float32
_KBD_ALPHA = 3.0  # as in media.spectrum


# --- STFT ---------------------------------------------------------------------------------------------------


def stft(samples: Tensor, window: int, hop: int, *, shape: Window = "hann", padding: int | None = None) -> Tensor:
    """Return the short-time Fourier transform.

    Args:
        samples: real [..., T], T >= 1.
        window: samples in a frame, even.
        hop: samples from one frame to the next, 1 to window / 2 (to window when rectangular).
        shape: periodic Hann, or rectangular.
        padding: zeros before the first sample and as many after the last; frames that would reach beyond are left
            out: (T + 2 padding - window) // hop + 1 remain. None pads as `media.spectrum.stft` does, so that every
            sample lies in every frame that can hold it.

    Returns:
        complex [..., frames, window / 2 + 1], of twice the width of the samples' type.

    Raises:
        ValueError: window, hop, padding or samples are not as described.
    """
    samples = full(samples)
    _, before, after = _layout(samples.shape[-1], window, hop, shape, padding)
    padded = torch.nn.functional.pad(samples, (before, after)) if before or after else samples
    cut = padded.unfold(-1, window, hop)
    if shape == "hann":
        cut = cut * _hann(window, samples.dtype, samples.device)
    return cast(Tensor, _Rfft.apply(cut))  # type: ignore[no-untyped-call]


def istft(
    spectrum: Tensor,
    window: int,
    hop: int,
    length: int,
    *,
    shape: Window = "hann",
    padding: int | None = None,
    floor: float = 0.0,
) -> Tensor:
    """Return the signal whose `stft` is closest to `spectrum` in the least-squares sense; undoes `stft`.

    Source: D. Griffin and J. Lim, IEEE Trans. ASSP 32(2), 1984, equation 6.

    Args:
        spectrum: complex [..., frames, window / 2 + 1].
        window: as given to `stft`.
        hop: as given to `stft`.
        length: T.
        shape: as given to `stft`.
        padding: as given to `stft`.
        floor: 0..1. A sample is divided by the sum of its squared windows, and by no less than this share of the
            largest such sum: without padding the first samples lie under next to nothing of a Hann window, and a
            spectrum that is no STFT would make them explode.

    Returns:
        real [..., T]; samples that lie in no frame are 0.

    Raises:
        ValueError: the shape of `spectrum` does not belong to these settings.
    """
    frames, before, _ = _layout(length, window, hop, shape, padding)
    if tuple(spectrum.shape[-2:]) != (frames, window // 2 + 1):
        raise ValueError(f"expected a spectrum [..., {frames}, {window // 2 + 1}], got {list(spectrum.shape)}")
    cut = torch.fft.irfft(spectrum, window, dim=-1)
    if shape == "hann":
        cut = cut * _hann(window, cut.dtype, cut.device)
    summed = _overlap_add(cut, hop)[..., before:]
    missing = length - summed.shape[-1]
    summed = torch.nn.functional.pad(summed, (0, missing)) if missing > 0 else summed[..., :length]
    return summed * _share(frames, window, hop, shape, before, length, floor, cut.dtype, cut.device)


def _layout(length: int, window: int, hop: int, shape: Window, padding: int | None) -> tuple[int, int, int]:
    """Return the number of frames, and zeros before and after the samples."""
    if shape not in ("hann", "rectangular"):
        raise ValueError(f"expected the window 'hann' or 'rectangular', got {shape!r}")
    widest = window if shape == "rectangular" else window // 2
    if window < 2 or window % 2 or not 1 <= hop <= widest:
        raise ValueError(f"expected an even {shape} window and a hop of 1 to {widest}, got {window} and {hop}")
    if length < 1:
        raise ValueError("expected at least one sample")
    if padding is None:
        before = window - hop
        frames = (length + before - 1) // hop + 1
        return frames, before, (frames - 1) * hop + window - before - length
    if padding < 0 or length + 2 * padding < window:
        raise ValueError(f"{length} samples and 2 x {padding} zeros do not fill a window of {window}")
    return (length + 2 * padding - window) // hop + 1, padding, padding


@kept
def _hann(window: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    taps = 0.5 - 0.5 * torch.cos(2 * torch.pi / window * torch.arange(window, dtype=torch.float64))
    return taps.to(device, dtype)


@kept
def _share(
    frames: int,
    window: int,
    hop: int,
    shape: Window,
    before: int,
    length: int,
    floor: float,
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    """Return what overlap-added samples are multiplied by [T]: one over the sum of their squared windows, or 0."""
    cpu = torch.device("cpu")
    taps = _hann(window, torch.float64, cpu) if shape == "hann" else torch.ones(window, dtype=torch.float64)
    weight = _overlap_add((taps * taps).expand(frames, window), hop)[before : before + length]
    weight = torch.nn.functional.pad(weight, (0, length - len(weight)))
    share = 1 / weight.clamp_min(floor * float(weight.max()))
    return torch.where(weight > 0, share, 0).to(device, dtype)


def _overlap_add(frames: Tensor, hop: int) -> Tensor:
    """Sum of frames [..., F, W] set down `hop` samples apart: [..., at least (F - 1) hop + W]."""
    return cast(Tensor, _OverlapAdd.apply(frames, hop))  # type: ignore[no-untyped-call]


class _OverlapAdd(Function):
    """In strides of `hop`, as in `media.spectrum`: faster than to scatter, and the same sum in every run on a GPU."""

    @staticmethod
    def forward(ctx: Any, frames: Tensor, hop: int) -> Tensor:  # noqa: ANN401
        *lead, count, window = frames.shape
        ctx.sizes = (count, window, hop)
        strides = -(-window // hop)
        result: Tensor = frames.new_zeros(*lead, count + strides - 1, hop)
        for stride in range(strides):
            piece = frames[..., stride * hop : (stride + 1) * hop]
            result[..., stride : stride + count, : piece.shape[-1]] += piece
        return result.flatten(-2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        count, window, hop = ctx.sizes
        return gradient.unfold(-1, window, hop)[..., :count, :], None


class _Rfft(Function):
    """`torch.fft.rfft` along the last axis, with a gradient that is one real FFT back; torch's own is a complex one."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ANN401
        ctx.size = values.shape[-1]
        result: Tensor = torch.fft.rfft(values, dim=-1)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        # x[n] gets the real part of the sum over k of g[k] exp(+i 2 pi k n / N); irfft counts the bins between the
        # two ends twice.
        halves = torch.full((gradient.shape[-1],), 0.5, dtype=gradient.real.dtype, device=gradient.device)
        halves[0] = halves[-1] = 1.0
        result: Tensor = torch.fft.irfft(gradient * halves, ctx.size, dim=-1, norm="forward")
        return result


# --- magnitude and phase ------------------------------------------------------------------------------------


def magnitude(spectrum: Tensor, eps: float = EPS) -> Tensor:
    """Return sqrt(re² + im² + eps), real [...]: its gradient is finite everywhere, 0 at 0.

    Args:
        spectrum: complex [...].
        eps: power, above 0.
    """
    return cast(Tensor, _Magnitude.apply(spectrum, eps))  # type: ignore[no-untyped-call]


class _Magnitude(Function):
    """In one piece, since these are the largest tensors there are: half the memory and half the time."""

    @staticmethod
    def forward(ctx: Any, spectrum: Tensor, eps: float) -> Tensor:  # noqa: ANN401
        real, imaginary = torch.view_as_real(spectrum).unbind(-1)
        result = torch.addcmul(imaginary.square().add_(eps), real, real).sqrt_()
        ctx.save_for_backward(spectrum, result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        spectrum, result = ctx.saved_tensors
        return spectrum * (gradient / result), None


def with_magnitude(
    cover: Tensor,
    wanted: Tensor,
    window: int,
    hop: int,
    *,
    shape: Window = "hann",
    padding: int | None = None,
    floor: float = 0.01,
    eps: float = EPS,
) -> Tensor:
    """Return the samples of a cover whose magnitudes were changed and whose phases were kept.

    It is the cover and, added to it, the signal closest to the change in the spectrum: the magnitudes of the cover
    give the very cover back, and samples that lie under no frame, or under next to nothing of one, keep still.

    Args:
        cover: real [..., T]. Its phase counts as a constant; gradients reach it on the other ways.
        wanted: magnitudes [..., frames, window / 2 + 1], what `magnitude` gave of the cover and something changed.
        window: as in `stft`, and so are hop, shape and padding.
        hop: see there.
        shape: see there.
        padding: see there.
        floor: of the change, as in `istft`.
        eps: as given to `magnitude`.

    Returns:
        real [..., T], not clipped.

    Raises:
        ValueError: the shape of `wanted` does not belong to these settings.
    """
    cover = full(cover)
    before = stft(cover, window, hop, shape=shape, padding=padding)
    if wanted.shape[-2:] != before.shape[-2:]:
        raise ValueError(f"expected magnitudes [..., {before.shape[-2]}, {before.shape[-1]}], got {list(wanted.shape)}")
    change = wanted - magnitude(before, eps)
    cosine, sine = _phase(before)
    turned = torch.complex(change * cosine, change * sine)
    return cover + istft(turned, window, hop, cover.shape[-1], shape=shape, padding=padding, floor=floor)


@torch.no_grad()
def _phase(spectrum: Tensor) -> tuple[Tensor, Tensor]:
    """Return cosine and sine of the phase, real [...] each.

    What is silent gets the phases of a click in the middle of its frame: with zeros it would sit at the frame's very
    start, where the Hann window is zero, and nothing could ever be heard of it.
    """
    real, imaginary = torch.view_as_real(spectrum).unbind(-1)
    click = torch.full((real.shape[-1],), _NEXT_TO_NOTHING, dtype=real.dtype, device=real.device)
    click[1::2] *= -1
    real = real + click
    inverse = torch.addcmul(imaginary.square(), real, real).rsqrt_()
    return real.mul_(inverse), imaginary * inverse


# --- MDCT ---------------------------------------------------------------------------------------------------


def mdct(samples: Tensor, size: int, shape: Shape = "sine") -> Tensor:
    """Return the orthonormal MDCT in blocks of one size (a window of twice the size, hop `size`).

    Args:
        samples: real [..., T], T >= 1; zeros fill the last block.
        size: samples in a block, even.
        shape: the window's slope, sine or Kaiser-Bessel-derived.

    Returns:
        real [..., blocks, size].

    Raises:
        ValueError: size or samples are not as described.
    """
    samples = full(samples)
    length = samples.shape[-1]
    if length < 1:
        raise ValueError("expected at least one sample")
    if size < 2 or size % 2:
        raise ValueError(f"expected blocks of an even size, got {size}")
    blocks = torch.nn.functional.pad(samples, (0, -length % size)).reshape(*samples.shape[:-1], -1, size)
    return dct4(_turn(blocks, shape, 1.0))


def imdct(coefficients: Tensor, length: int, shape: Shape = "sine") -> Tensor:
    """Undo `mdct`.

    Args:
        coefficients: real [..., blocks, size].
        length: T.
        shape: as given to `mdct`.

    Returns:
        real [..., T].

    Raises:
        ValueError: as many blocks do not belong to this length.
    """
    blocks, size = coefficients.shape[-2:]
    if not (blocks - 1) * size < length <= blocks * size:
        raise ValueError(f"{blocks} blocks of {size} do not hold {length} samples")
    return _turn(dct4(full(coefficients)), shape, -1.0).flatten(-2)[..., :length]


def dct4(blocks: Tensor) -> Tensor:
    """Return the orthonormal DCT-IV along the last axis (even length); it is its own inverse."""
    blocks = full(blocks)
    size = blocks.shape[-1]
    twiddle = _twiddle(size, blocks.dtype, blocks.device)
    turned = torch.fft.fft(torch.complex(blocks[..., 0::2], blocks.flip(-1)[..., 0::2]) * twiddle, dim=-1) * twiddle
    result: Tensor = torch.stack([turned.real, -turned.imag.flip(-1)], dim=-1).flatten(-2)
    return result


@kept
def _twiddle(size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Both twiddles of `media.spectrum.dct4`, and the square root of 2 / size shared out between them."""
    values: Tensor = torch.exp(-1j * torch.pi / size * (torch.arange(size // 2, dtype=torch.float64) + 0.125))
    values = values * (2 / size) ** 0.25
    return values.to(device, torch.complex128 if dtype == torch.float64 else torch.complex64)


def _turn(blocks: Tensor, shape: Shape, direction: float) -> Tensor:
    """Rotate the pairs around every border between blocks [..., blocks, size]: +1 folds, −1 unfolds."""
    half = blocks.shape[-1] // 2
    cosine, sine = _slopes(blocks.shape[-1], shape, blocks.dtype, blocks.device)
    left, right = blocks[..., :-1, half:].flip(-1), blocks[..., 1:, :half]
    new_left = (cosine * left - direction * sine * right).flip(-1)
    new_right = cosine * right + direction * sine * left
    ends = blocks[..., :1, :half], blocks[..., -1:, half:]
    first_halves = torch.cat([ends[0], new_right], dim=-2)
    second_halves = torch.cat([new_left, ends[1]], dim=-2)
    result: Tensor = torch.cat([first_halves, second_halves], dim=-1)
    return result


@kept
def _slopes(size: int, shape: Shape, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the pairs, from the border outwards, [size / 2] each."""
    at = torch.arange(size, dtype=torch.float64) + 0.5
    if shape == "sine":
        slope = torch.sin(0.5 * torch.pi / size * at)
    elif shape == "kbd":
        taps = torch.kaiser_window(size + 1, periodic=False, beta=torch.pi * _KBD_ALPHA, dtype=torch.float64)
        total = taps.cumsum(0)
        slope = torch.sqrt(total[:-1] / total[-1])
    else:
        raise ValueError(f"expected the window shape 'sine' or 'kbd', got {shape!r}")
    slope = slope.to(device, dtype)
    return slope[size // 2 :], slope[: size // 2].flip(0)
