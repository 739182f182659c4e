"""How like pictures are, for losses and validation: SSIM with gradients, the same as `media.metrics.ssim`, and PSNR.

Source: Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli, "Image quality assessment: from error visibility to structural
similarity", IEEE Trans. Image Processing 13(4), 2004: Gaussian window 11 x 11 of deviation 1.5, K1 = .01, K2 = .03.
"""

import torch
from torch import Tensor
from torch.nn import functional

from .tensors import kept, precise

WINDOW = 11
"""Least height and width."""

_SIGMA, _K1, _K2 = 1.5, 0.01, 0.03
_NEXT_TO_NOTHING = 1e-10  # mean squared error that identical pictures are given


@precise
def ssim(one: Tensor, other: Tensor, peak: float = 1.0) -> Tensor:
    """Return the mean structural similarity, a scalar, at most 1.

    Args:
        one: [B, C, H, W], H and W at least `WINDOW`.
        other: same shape.
        peak: range of the values.
    """
    other = other.to(one.dtype)
    maps = torch.cat([one, other, one * one, other * other, one * other], 1)
    channels = maps.shape[1]
    taps = _taps(channels, one.dtype, one.device)
    blurred = functional.conv2d(functional.conv2d(maps, taps, groups=channels), taps.mT, groups=channels)
    x, y, xx, yy, xy = blurred.chunk(5, 1)
    c1, c2 = (_K1 * peak) ** 2, (_K2 * peak) ** 2
    structure = (2 * (xy - x * y) + c2) / (xx - x * x + yy - y * y + c2)
    return (structure * (2 * x * y + c1) / (x * x + y * y + c1)).mean()


def psnr(one: Tensor, other: Tensor, peak: float = 1.0) -> Tensor:
    """Return the mean PSNR of pictures in dB, a scalar.

    Args:
        one: [B, C, H, W].
        other: same shape.
        peak: range of the values.
    """
    errors = (one - other).square().mean((1, 2, 3)).clamp_min(_NEXT_TO_NOTHING)
    return (-10 * torch.log10(errors / peak**2)).mean()


@kept
def _taps(channels: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the Gaussian along a row, [channels, 1, 1, 11], of sum 1."""
    at = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    taps = torch.exp(-at.square() / (2 * _SIGMA**2))
    return (taps / taps.sum()).to(device, dtype).expand(channels, 1, 1, WINDOW).contiguous()
