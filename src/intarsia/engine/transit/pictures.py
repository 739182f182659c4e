"""What happens to pictures on their way, with gradients: twins of `media.transit.pictures` of the same names.

Pictures are [B, C, H, W], 0..1, C 3 (RGB) or 1 (grey). What comes out is neither rounded nor clipped, unless a step
rounds in its midst: `Chain` does that after every step. Sizes stay, but those of `scaled`.
"""

import math

import torch
from torch import Tensor

from ..rounding import picture, straight
from ..tensors import kept, normal, precise, uniform

_LUMA = (0.299, 0.587, 0.114)
_LOBES = 3  # of Lanczos' filter

# --- other sizes --------------------------------------------------------------------------------------------


@precise
def scaled(pictures: Tensor, height: int, width: int) -> Tensor:
    """Return pictures at another size: Lanczos with three lobes, made wider to scale down, as Pillow does.

    Args:
        pictures: [..., H, W].
        height: rows.
        width: columns.

    Returns:
        [..., height, width].
    """
    rows = _lanczos(pictures.shape[-2], height, pictures.dtype, pictures.device)
    columns = _lanczos(pictures.shape[-1], width, pictures.dtype, pictures.device)
    return rows @ (pictures @ columns.T)


def resize(pictures: Tensor, factor: float) -> Tensor:
    """Scale by a factor, round to 8 bits, and scale back to the old size; see `scaled`."""
    height, width = pictures.shape[-2:]
    smaller = scaled(pictures, *(max(1, round(side * factor)) for side in (height, width)))
    return scaled(picture(smaller), height, width)


@kept
def _lanczos(old: int, new: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return weights [new, old]; a row sums to 1."""
    scale = old / new
    stretch = max(scale, 1.0)
    centres = (torch.arange(new, dtype=torch.float64)[:, None] + 0.5) * scale
    at = torch.arange(old, dtype=torch.float64)
    first, last = (centres - _LOBES * stretch + 0.5).floor(), (centres + _LOBES * stretch + 0.5).floor()
    away = (at + 0.5 - centres) / stretch
    weights = torch.sinc(away) * torch.sinc(away / _LOBES)
    weights = weights * ((at >= first) & (at < last) & (away.abs() < _LOBES))
    result: Tensor = weights / weights.sum(dim=1, keepdim=True)
    return result.to(device, dtype)


# --- other values -------------------------------------------------------------------------------------------


@precise
def blur(pictures: Tensor, sigma: float) -> Tensor:
    """Blur by a Gaussian of this standard deviation in pixels; beyond the border the border goes on."""
    rows = _gaussian(pictures.shape[-2], sigma, pictures.dtype, pictures.device)
    columns = _gaussian(pictures.shape[-1], sigma, pictures.dtype, pictures.device)
    return (rows @ pictures) @ columns.T


@kept
def _gaussian(count: int, sigma: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return weights [count, count]; what would come from beyond an end comes from the end."""
    reach = math.ceil(4 * sigma)
    steps = torch.arange(-reach, reach + 1)
    taps = torch.exp(-0.5 * (steps.double() / sigma) ** 2)
    places = (torch.arange(count)[:, None] + steps).clamp(0, count - 1)
    weights = torch.zeros(count, count, dtype=torch.float64)
    weights.scatter_add_(1, places, (taps / taps.sum()).expand(count, -1))
    return weights.to(device, dtype)


def noise(pictures: Tensor, deviation: float, generator: torch.Generator | None = None) -> Tensor:
    """Add Gaussian noise of this standard deviation, in levels of 255, to every sample."""
    return pictures + deviation / 255 * normal(pictures.shape, pictures, generator)


def plusminus1(pictures: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Move every sample by one level, up or down by chance; at the ends of the range, inwards."""
    signs = torch.where(uniform(pictures.shape, pictures, generator) < 0.5, -1.0, 1.0)
    half = 0.5 / 255
    signs = torch.where(pictures < half, 1.0, torch.where(pictures > 1 - half, -1.0, signs))
    return pictures + signs.to(pictures.dtype) / 255


def grey(pictures: Tensor) -> Tensor:
    """Take the colour out: luma of BT.601 in all three channels; a grey picture stays as it is."""
    return pictures if pictures.shape[-3] == 1 else luma(pictures).expand_as(pictures)


def quantise(pictures: Tensor, bits: int) -> Tensor:
    """Keep 2^bits levels, spread evenly from black to white; gradients go straight through; 8 and more do nothing."""
    top = (1 << bits) - 1
    return pictures if bits >= 8 else straight(pictures, (pictures.detach() * top).round() / top)


def brightness(pictures: Tensor, factor: float) -> Tensor:
    """Multiply every sample."""
    return pictures * factor


def contrast(pictures: Tensor, factor: float) -> Tensor:
    """Multiply every sample's distance from the mean luma of its picture."""
    grey = pictures if pictures.shape[-3] == 1 else luma(pictures)
    mean = grey.mean(dim=(-3, -2, -1), keepdim=True)
    return mean + factor * (pictures - mean)


def luma(pictures: Tensor) -> Tensor:
    """Return the luma of colour pictures, [..., 3, H, W] to [..., 1, H, W] (ITU-R BT.601)."""
    red, green, blue = torch.split(pictures, 1, dim=-3)
    weighed: Tensor = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
    return weighed
