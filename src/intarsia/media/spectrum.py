"""Sound as time and frequency: the STFT, and the MDCT as rotations at block borders followed by DCT-IV.

    samples   |......... block ........|.... block ....|.... block ....|
    fold               l l l l l l l l | r r r r r r r r                  l' = c l − s r,  r' = c r + s l
    DCT-IV    [------ coefficients -----][-------------][-------------]   each block by itself

Around a border the i-th sample to the left (l) and to the right (r) are turned by one angle: c and s are the
window's two values there and c² + s² = 1 is the condition of Princen and Bradley. Turning and DCT-IV are both
orthonormal, so the whole is: squared error among coefficients is squared error among samples, blocks of any even
sizes may follow each other, and the inverse is the transpose. The overlap at a border is the smaller of its two
blocks, half of it on either side; there is none at the two ends, so there are as many coefficients as samples,
after zeros fill the last block.

The STFT (Hann window) is put back together by least squares: of all signals the one whose STFT is closest.

Sources: J. Princen, A. Johnson, A. Bradley, ICASSP 1987 (MDCT); B. Edler, Frequenz 43 (1989) (changing blocks);
D. Griffin and J. Lim, IEEE Trans. ASSP 32(2), 1984 (least-squares synthesis).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Shape = Literal["sine", "kbd"]

_KBD_ALPHA = 3.0  # between the sine window and AAC's 4


# --- STFT ---------------------------------------------------------------------------------------------------


def stft(samples: NDArray[np.generic], window: int, hop: int) -> Complex:
    """Return the short-time Fourier transform with a periodic Hann window.

    `window - hop` zeros are put before the first sample and as many as needed after the last, so that every
    sample lies in every frame that can hold it.

    Args:
        samples: real [T] or [C, T], T >= 1.
        window: samples in a frame, even.
        hop: samples from one frame to the next, 1 to window / 2.

    Returns:
        complex128 [frames, window / 2 + 1], or [C, frames, window / 2 + 1].

    Raises:
        ValueError: window, hop or samples are not as described.
    """
    length = samples.shape[-1]
    frames = _stft_frames(length, window, hop)
    before = window - hop
    after = (frames - 1) * hop + window - before - length
    padded = np.pad(samples.astype(np.float64), [(0, 0)] * (samples.ndim - 1) + [(before, after)])
    cut = np.lib.stride_tricks.sliding_window_view(padded, window, axis=-1)[..., ::hop, :]
    result: Complex = np.fft.rfft(cut * _hann(window), axis=-1)
    return result


def istft(spectrum: Complex, window: int, hop: int, length: int) -> Real:
    """Return the signal whose `stft` is closest to `spectrum` in the least-squares sense; undoes `stft`.

    Args:
        spectrum: complex [frames, window / 2 + 1] or [C, frames, window / 2 + 1].
        window: as given to `stft`.
        hop: as given to `stft`.
        length: T.

    Returns:
        float64 [T] or [C, T].

    Raises:
        ValueError: the shape of `spectrum` does not belong to these settings.
    """
    frames = _stft_frames(length, window, hop)
    if spectrum.shape[-2:] != (frames, window // 2 + 1):
        raise ValueError(f"expected a spectrum [..., {frames}, {window // 2 + 1}], got {spectrum.shape}")
    hann = _hann(window)
    summed = _overlap_add(np.fft.irfft(spectrum, window, axis=-1) * hann, hop)
    weight = _overlap_add(np.broadcast_to(hann * hann, (frames, window)), hop)
    inside = slice(window - hop, window - hop + length)
    result: Real = summed[..., inside] / weight[inside]
    return result


def _stft_frames(length: int, window: int, hop: int) -> int:
    if window < 2 or window % 2 or not 1 <= hop <= window // 2:
        raise ValueError(f"expected an even window and a hop of at most its half, got {window} and {hop}")
    if length < 1:
        raise ValueError("expected at least one sample")
    return (length + window - hop - 1) // hop + 1


def _hann(window: int) -> Real:
    taps: Real = 0.5 - 0.5 * np.cos(2 * np.pi / window * np.arange(window))
    return taps


def _overlap_add(frames: Real, hop: int) -> Real:
    """Sum of frames [..., F, W] set down `hop` samples apart: [..., at least (F - 1) hop + W]."""
    *lead, count, window = frames.shape
    strides = -(-window // hop)
    padded = np.zeros((*lead, count, strides * hop))
    padded[..., :window] = frames
    result = np.zeros((*lead, count + strides - 1, hop))
    for stride in range(strides):
        result[..., stride : stride + count, :] += padded[..., stride * hop : (stride + 1) * hop]
    return result.reshape(*lead, -1)


# --- MDCT ---------------------------------------------------------------------------------------------------


def mdct(samples: NDArray[np.generic], size: int, shape: Shape = "sine") -> Real:
    """Return the orthonormal MDCT in blocks of one size (a window of twice the size, hop `size`).

    Args:
        samples: real [T] or [C, T], T >= 1; zeros fill the last block.
        size: samples in a block, even.
        shape: the window's slope, sine or Kaiser-Bessel-derived.

    Returns:
        float64 [blocks, size] or [C, blocks, size].

    Raises:
        ValueError: size or samples are not as described.
    """
    length = samples.shape[-1]
    if length < 1:
        raise ValueError("expected at least one sample")
    blocks = -(-length // size) if size > 0 else 0
    flat = switched_mdct(samples, [size] * blocks, shape)
    return flat.reshape(*samples.shape[:-1], blocks, size)


def imdct(coefficients: Real, length: int, shape: Shape = "sine") -> Real:
    """Undo `mdct`.

    Args:
        coefficients: float [blocks, size] or [C, blocks, size].
        length: T.
        shape: as given to `mdct`.

    Returns:
        float64 [T] or [C, T].

    Raises:
        ValueError: as many blocks do not belong to this length.
    """
    *lead, blocks, size = coefficients.shape
    if not (blocks - 1) * size < length <= blocks * size:
        raise ValueError(f"{blocks} blocks of {size} do not hold {length} samples")
    return switched_imdct(coefficients.reshape(*lead, blocks * size), [size] * blocks, shape)[..., :length]


def switched_mdct(samples: NDArray[np.generic], sizes: Sequence[int], shape: Shape = "sine") -> Real:
    """Return the orthonormal MDCT in blocks of these sizes.

    Args:
        samples: real [T] or [C, T], T at most the sum of the sizes; zeros fill the rest.
        sizes: samples in each block, even.
        shape: the window's slope.

    Returns:
        float64 [sum of sizes] or [C, sum of sizes], block after block, each from low to high frequency.

    Raises:
        ValueError: an odd size, or too few blocks for the samples.
    """
    extents = _checked(sizes)
    rest = int(extents.sum()) - samples.shape[-1]
    if rest < 0:
        raise ValueError(f"blocks of {extents.sum()} do not hold {samples.shape[-1]} samples")
    signal = np.pad(samples.astype(np.float64), [(0, 0)] * (samples.ndim - 1) + [(0, rest)])
    _turn(signal, extents, shape, 1.0)
    return _each_size(signal, extents, dct4)


def switched_imdct(coefficients: Real, sizes: Sequence[int], shape: Shape = "sine") -> Real:
    """Undo `switched_mdct`, up to the zeros it added: float64 [sum of sizes] or [C, sum of sizes]."""
    extents = _checked(sizes)
    if int(extents.sum()) != coefficients.shape[-1]:
        raise ValueError(f"blocks of {extents.sum()} do not hold {coefficients.shape[-1]} coefficients")
    signal = _each_size(coefficients, extents, dct4)
    _turn(signal, extents, shape, -1.0)
    return signal


def dct4(blocks: Real) -> Real:
    """Return the orthonormal DCT-IV along the last axis (even length); it is its own inverse.

    X[k] = sqrt(2 / n) · sum over j of x[j] cos(π / n · (j + ½)(k + ½)), by one complex FFT of half the length.
    """
    size = blocks.shape[-1]
    twiddle = _twiddle(size)
    turned = np.fft.fft((blocks[..., 0::2] + 1j * blocks[..., ::-2]) * twiddle, axis=-1) * twiddle
    turned *= np.sqrt(2.0 / size)
    result = np.empty(blocks.shape)
    result[..., 0::2] = turned.real
    result[..., ::-2] = -turned.imag
    return result


@cache
def _twiddle(size: int) -> Complex:
    result: Complex = np.exp(-1j * np.pi / size * (np.arange(size // 2) + 0.125))
    return result


def _checked(sizes: Sequence[int]) -> NDArray[np.int64]:
    extents = np.asarray(sizes, np.int64)
    if len(extents) == 0 or (extents < 2).any() or (extents % 2).any():
        raise ValueError("expected blocks of an even size")
    return extents


def _each_size(flat: Real, extents: NDArray[np.int64], transform: Callable[[Real], Real]) -> Real:
    """Apply `transform` to every block of `flat` [..., sum of extents], all blocks of one size at once."""
    starts = np.cumsum(extents) - extents
    result = np.empty(flat.shape)
    for size in np.unique(extents):
        places = starts[extents == size][:, None] + np.arange(size)
        result[..., places] = transform(flat[..., places])
    return result


def _turn(signal: Real, extents: NDArray[np.int64], shape: Shape, direction: float) -> None:
    """Rotate the pairs around every border, in place: +1 folds, −1 unfolds."""
    for left, right, cosine, sine in _borders(extents, shape):
        l_samples, r_samples = signal[..., left], signal[..., right]
        signal[..., left] = cosine * l_samples - direction * sine * r_samples
        signal[..., right] = cosine * r_samples + direction * sine * l_samples


def _borders(
    extents: NDArray[np.int64], shape: Shape
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], Real, Real]]:
    """Places left and right of the borders [borders, overlap / 2] and their c and s, for each overlap there is.

    Half the smaller block on either side is all a border touches, so no two of them share a sample.
    """
    borders = np.cumsum(extents)[:-1]
    overlaps = np.minimum(extents[:-1], extents[1:])
    for overlap in np.unique(overlaps):
        at = borders[overlaps == overlap][:, None]
        reach = np.arange(overlap // 2)
        slope = _slope(int(overlap), shape)
        yield at - 1 - reach, at + reach, slope[overlap // 2 :], slope[: overlap // 2][::-1]


@cache
def _slope(overlap: int, shape: Shape) -> Real:
    """The window's rising half [overlap]; its square and that of its mirror image sum to one."""
    if shape == "sine":
        rising: Real = np.sin(0.5 * np.pi / overlap * (np.arange(overlap) + 0.5))
    elif shape == "kbd":
        total = np.cumsum(np.kaiser(overlap + 1, np.pi * _KBD_ALPHA))
        rising = np.sqrt(total[:-1] / total[-1])
    else:
        raise ValueError(f"expected the window shape 'sine' or 'kbd', got {shape!r}")
    return rising
