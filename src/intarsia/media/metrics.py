"""How far a picture is from its reference: PSNR, mean absolute error, SSIM and MS-SSIM, in plain numpy.

Every function takes two pictures of one shape and one dtype, [height, width] or [height, width, channel], with
samples of uint8 (0..255), uint16 (0..65535) or floating point (0..1), and returns one number. Pictures are worked
through in bands of rows, so memory stays at some tens of megabytes beyond the pictures themselves.

Left out: learned measures (LPIPS and the like), masks, alpha (drop or flatten it before), video and sound.
"""

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = NDArray[Any]
"""[H, W] or [H, W, C]; uint8 0..255, uint16 0..65535, or floating point 0..1."""

Plane: TypeAlias = NDArray[np.float64]
"""[H, W], one channel, in the scale of the picture it came from."""

SSIM_MIN_SIDE = 11
"""Pixels: the Gaussian window, which has to fit into the picture."""

MS_SSIM_MIN_SIDE = 176
"""Pixels: 11 * 2^4, so that the window still fits into the fifth scale."""

_BAND_SAMPLES = 1 << 18
"""Samples in one band of rows: 2 MiB as float64, small enough to stay in a processor's cache."""

_LUMA_601 = np.array([0.299, 0.587, 0.114])
_SIGMA = 1.5
_RADIUS = SSIM_MIN_SIDE // 2
_K1 = 0.01
_K2 = 0.03
_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def psnr(reference: Picture, image: Picture, *, peak: float | None = None) -> float:
    """Peak signal-to-noise ratio over all samples: 10 log10(peak^2 / mean squared error).

    A colour picture has one mean squared error over all its channels, not a mean of three ratios.

    Args:
        reference: [H, W] or [H, W, C], the original.
        image: same shape and dtype.
        peak: the largest value a sample can take; None means 255 for uint8, 65535 for uint16, 1.0 for floats.

    Returns:
        Decibels, higher is better; `math.inf` when the pictures are identical.

    Raises:
        ValueError: shapes or dtypes differ or are not supported, or `peak` is not positive.
    """
    dtype_peak = _checked_peak(reference, image)
    if peak is not None and not peak > 0:
        raise ValueError(f"peak must be positive, got {peak}")
    total = 0.0
    for rows in _bands(reference):
        difference = _difference(reference[rows], image[rows])
        total += float(np.sum(difference * difference))
    return _decibels(total / reference.size, dtype_peak if peak is None else peak)


def psnr_y(reference: Picture, image: Picture) -> float:
    """PSNR of the luma alone, the figure most codec comparisons quote.

    Luma is that of ITU-R BT.601 at full range, as in JFIF: Y = .299 R + .587 G + .114 B, kept as a real number
    and never rounded to a grey level. (Tools that round it, or that use the studio range 16..235, differ by some
    hundredths of a decibel, or by 1.3 dB.) A grey picture passes through and gives what `psnr` gives.

    Args:
        reference: [H, W], [H, W, 1] or [H, W, 3] in the order R, G, B.
        image: same shape and dtype.

    Returns:
        Decibels, higher is better; `math.inf` when the luma planes are identical.

    Raises:
        ValueError: shapes or dtypes differ or are not supported, or the channels are neither one nor three.
    """
    peak = _checked_peak(reference, image)
    if reference.ndim == 2 or reference.shape[2] == 1:
        return psnr(reference, image)
    if reference.shape[2] != 3:
        raise ValueError(f"luma needs 1 or 3 channels, got {reference.shape[2]}")
    total = 0.0
    for rows in _bands(reference):
        # Luma is linear, so the luma of the difference is the difference of the lumas.
        difference = _difference(reference[rows], image[rows]) @ _LUMA_601
        total += float(np.sum(difference * difference))
    return _decibels(total / (reference.shape[0] * reference.shape[1]), peak)


def mae(reference: Picture, image: Picture) -> float:
    """Mean absolute error, which the steganography literature calls APD, average pixel discrepancy.

    Args:
        reference: [H, W] or [H, W, C].
        image: same shape and dtype.

    Returns:
        Mean of |image - reference| over all samples, in 8-bit grey levels 0..255 whatever the dtype: uint16 is
        scaled by 255/65535, floats by 255. Lower is better, 0 when the pictures are identical.

    Raises:
        ValueError: shapes or dtypes differ or are not supported.
    """
    peak = _checked_peak(reference, image)
    total = 0.0
    for rows in _bands(reference):
        total += float(np.sum(np.abs(_difference(reference[rows], image[rows]))))
    return total / reference.size * (255.0 / peak)


def ssim(reference: Picture, image: Picture) -> float:
    """Structural similarity with the window and constants of its paper.

    Gaussian window of 11x11 taps and sigma 1.5, K1 = .01, K2 = .03, population (biased) covariance, mean over the
    places where the whole window lies in the picture. A colour picture gets the mean of its channels' values.
    Source: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural
    similarity", IEEE Transactions on Image Processing 13(4), 2004.

    Args:
        reference: [H, W] or [H, W, C], each side 11 pixels or more.
        image: same shape and dtype.

    Returns:
        A number in -1..1, higher is better, 1 when the pictures are identical.

    Raises:
        ValueError: shapes or dtypes differ or are not supported, or a side is shorter than 11 pixels.
    """
    peak = _checked_peak(reference, image)
    _check_sides(reference, SSIM_MIN_SIDE, "SSIM")
    values = [_similarity(x, y, peak)[0] for x, y in _channels(reference, image)]
    return math.fsum(values) / len(values)


def ms_ssim(reference: Picture, image: Picture, *, scales: int = 5) -> float:
    """Multi-scale structural similarity: SSIM's contrast and structure at five scales, luminance at the last.

    The product over scales 1 to 5 of (contrast x structure)^w, and of luminance^w at scale 5, with the weights
    w = .0448, .2856, .3001, .2363, .1333; each further scale is the mean of every 2x2 pixels of the one before
    (an odd last row or column is repeated). Windows and constants are those of `ssim`. A factor below zero, which
    only unrelated pictures have, counts as zero because its power is not a real number. A colour picture gets the
    mean of its channels' values. Source: Wang, Simoncelli, Bovik, "Multiscale structural similarity for image
    quality assessment", Asilomar Conference on Signals, Systems and Computers, 2003.

    Args:
        reference: [H, W] or [H, W, C], each side 176 pixels or more.
        image: same shape and dtype.
        scales: 1 to 5; with fewer, sides from 11 * 2^(scales - 1) pixels do, and the first weights count, brought to
            the sum of all. Not comparable with five.

    Returns:
        A number in 0..1, higher is better, 1 when the pictures are identical.

    Raises:
        ValueError: shapes or dtypes differ or are not supported, or a side is shorter than 176 pixels.
    """
    peak = _checked_peak(reference, image)
    _check_sides(reference, SSIM_MIN_SIDE << scales - 1, "MS-SSIM")
    values = [_multi_scale(x, y, peak, _SCALE_WEIGHTS[:scales]) for x, y in _channels(reference, image)]
    return math.fsum(values) / len(values)


def _multi_scale(x: Picture, y: Picture, peak: float, weights: tuple[float, ...]) -> float:
    """MS-SSIM of one channel, both [H, W]."""
    product = 1.0
    last = len(weights) - 1
    total = math.fsum(_SCALE_WEIGHTS) / math.fsum(weights)
    for scale, weight in enumerate(weights):
        full, contrast_structure = _similarity(x, y, peak)
        factor = full if scale == last else contrast_structure
        product *= max(factor, 0.0) ** (weight * total)
        if scale < last:
            x, y = _halved(x), _halved(y)
    return product


def _similarity(x: Picture, y: Picture, peak: float) -> tuple[float, float]:
    """Means over the valid area of SSIM and of its contrast-structure term alone, for one channel [H, W]."""
    c1, c2 = (_K1 * peak) ** 2, (_K2 * peak) ** 2
    out_rows, out_columns = x.shape[0] - 2 * _RADIUS, x.shape[1] - 2 * _RADIUS
    # A band recomputes ten rows of its neighbour, so it should be a good deal taller than that.
    step = max(64, _BAND_SAMPLES // x.shape[1])
    total = total_cs = 0.0
    for top in range(0, out_rows, step):
        rows = slice(top, min(top + step, out_rows) + 2 * _RADIUS)
        a, b = x[rows].astype(np.float64), y[rows].astype(np.float64)
        mean_a, mean_b = _blurred(a), _blurred(b)
        mean_product = mean_a * mean_b
        mean_squares = mean_a * mean_a + mean_b * mean_b
        # Only the sum of the two variances enters the formula: one blur instead of two.
        variances = _blurred(a * a + b * b) - mean_squares
        covariance = _blurred(a * b) - mean_product
        cs = (2 * covariance + c2) / (variances + c2)
        total += float(np.sum((2 * mean_product + c1) / (mean_squares + c1) * cs))
        total_cs += float(np.sum(cs))
    places = out_rows * out_columns
    return total / places, total_cs / places


def _gaussian_taps() -> list[float]:
    """Eleven taps that sum to one."""
    raw = [math.exp(-(offset**2) / (2 * _SIGMA**2)) for offset in range(-_RADIUS, _RADIUS + 1)]
    whole = math.fsum(raw)
    return [tap / whole for tap in raw]


_TAPS = _gaussian_taps()


def _blurred(plane: Plane) -> Plane:
    """Gaussian mean around every place where the window fits: [H, W] to [H - 10, W - 10]."""
    return _blurred_rows(_blurred_rows(plane).T).T


def _blurred_rows(plane: Plane) -> Plane:
    """Gaussian mean along the first axis: [H, W] to [H - 10, W]."""
    height = plane.shape[0] - 2 * _RADIUS
    result = _TAPS[_RADIUS] * plane[_RADIUS : _RADIUS + height]
    for near in range(_RADIUS):
        # The window is symmetric: the two rows at one distance share their tap.
        far = 2 * _RADIUS - near
        result += _TAPS[near] * (plane[near : near + height] + plane[far : far + height])
    return result


def _halved(plane: Picture) -> Plane:
    """Mean of every 2x2 pixels, an odd last row or column repeated: [H, W] to [ceil(H/2), ceil(W/2)]."""
    height, width = plane.shape
    even = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    total = even[0::2, 0::2].astype(np.float64)
    for row, column in ((0, 1), (1, 0), (1, 1)):
        total += even[row::2, column::2]
    return total / 4


def _channels(reference: Picture, image: Picture) -> Iterator[tuple[Picture, Picture]]:
    """The two pictures' planes [H, W], channel by channel."""
    if reference.ndim == 2:
        yield reference, image
        return
    for channel in range(reference.shape[2]):
        yield reference[:, :, channel], image[:, :, channel]


def _bands(picture: Picture) -> Iterator[slice]:
    """Slices of rows that cover the picture, each of a bounded number of samples (or of one row)."""
    height = picture.shape[0]
    step = max(1, _BAND_SAMPLES * height // picture.size)
    for top in range(0, height, step):
        yield slice(top, min(top + step, height))


def _difference(reference: Picture, image: Picture) -> NDArray[np.float64]:
    """Signed difference of one band; unsigned samples would wrap around, so both become float64 before."""
    return image.astype(np.float64) - reference.astype(np.float64)


def _decibels(mean_squared_error: float, peak: float) -> float:
    """PSNR from its parts; no error is infinitely many decibels."""
    if mean_squared_error == 0:
        return math.inf
    return 10.0 * math.log10(peak * peak / mean_squared_error)


def _checked_peak(reference: Picture, image: Picture) -> float:
    """The largest sample the dtype stands for, once both pictures were found comparable."""
    if reference.shape != image.shape:
        raise ValueError(f"shapes differ: {reference.shape} and {image.shape}")
    if reference.dtype != image.dtype:
        raise ValueError(f"dtypes differ: {reference.dtype} and {image.dtype}")
    if reference.ndim not in (2, 3) or reference.size == 0:
        raise ValueError(f"expected samples of shape [H, W] or [H, W, C], got {reference.shape}")
    if reference.dtype in (np.uint8, np.uint16):
        return float(np.iinfo(reference.dtype).max)
    if np.issubdtype(reference.dtype, np.floating):
        return 1.0
    raise ValueError(f"samples must be uint8, uint16 or floating point, got {reference.dtype}")


def _check_sides(picture: Picture, needed: int, name: str) -> None:
    """Refuses a picture whose shorter side the measure's windows do not fit into."""
    height, width = picture.shape[:2]
    if min(height, width) < needed:
        raise ValueError(f"{name} needs {needed} x {needed} pixels or more, got {height} x {width}")
