"""JPEG as libjpeg does it, with gradients: forward within a grey level of the real file, mostly the very same.

    RGB ──► YCbCr ──► chroma halved ──► 8 x 8 DCT ──► / table, rounded, * table ──► inverse ──► chroma doubled ──► RGB
         ⌊ ⌋       ⌊ ⌋                                 ⌊ ⌋                      ⌊ ⌋          ⌊ ⌋            ⌊ ⌋

Every ⌊ ⌋ is a rounding that libjpeg does, with its own way of treating halves, and where it clips; gradients go
straight through them all. Instead, that of the one that loses most, of coefficients, may be a cubic's derivative.

Entropy coding loses nothing and is left out; so are progressive files, other subsamplings and other tables.

Sources: ITU-T T.81 (1992), annex K (tables), A.3.3 (DCT); the scale of qualities, the conversions in whole numbers
and the triangle filter for chroma are libjpeg's. R. Shin and D. Song, JPEG-resistant adversarial images, NIPS 2017
workshop on machine learning and computer security (cubic).
"""

from typing import Literal

import torch
from torch import Tensor

from ..rounding import straight
from ..tensors import kept, precise

Subsampling = Literal["4:2:0", "4:4:4"]
Gradient = Literal["straight", "cubic"]

_SIDE = 8

# fmt: off
_LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61,       12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,       14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,     24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,   72, 92, 95, 98, 112, 100, 103, 99,
)
_CHROMA = (
    17, 18, 24, 47, 99, 99, 99, 99,       18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,       47, 66, 99, 99, 99, 99, 99, 99,
) + 32 * (99,)
# fmt: on


@precise
def jpeg(pictures: Tensor, quality: int, subsampling: Subsampling = "4:2:0", gradient: Gradient = "straight") -> Tensor:
    """Return what a JPEG file gives back.

    Args:
        pictures: [B, 3, H, W] RGB or [B, 1, H, W] grey, 0..1, any H and W; rounded to 8 bits first.
        quality: 1 to 100, the scale of libjpeg.
        subsampling: of chroma, halved both ways or full.
        gradient: of the rounding of coefficients: 1, or 3 (x - round x)², which is 0 on the levels.

    Returns:
        The same shape, 0..1 in steps of 1/255.

    Raises:
        ValueError: the shape, the quality, the subsampling or the gradient is something else.
    """
    if pictures.ndim != 4 or pictures.shape[1] not in (1, 3):
        raise ValueError(f"pictures {list(pictures.shape)}; expected [B, 3, H, W] or [B, 1, H, W]")
    if subsampling not in ("4:2:0", "4:4:4"):
        raise ValueError(f"subsampling is {subsampling!r}; expected '4:2:0' or '4:4:4'")
    if gradient not in ("straight", "cubic"):
        raise ValueError(f"gradient is {gradient!r}; expected 'straight' or 'cubic'")
    samples = _rounded(pictures * 255)
    if pictures.shape[1] == 1:
        return _plane(samples, table(quality, "luma"), gradient) / 255
    luma, chroma = _to_ycc(samples)
    luma = _plane(luma, table(quality, "luma"), gradient)
    height, width = pictures.shape[-2:]
    if subsampling == "4:2:0":
        chroma = _plane(_halved(chroma), table(quality, "chroma"), gradient)
        chroma = _doubled(chroma[..., : -(-height // 2), : -(-width // 2)])[..., :height, :width]
    else:
        chroma = _plane(chroma, table(quality, "chroma"), gradient)
    return _to_rgb(luma, chroma) / 255


def table(quality: int, kind: Literal["luma", "chroma"]) -> tuple[int, ...]:
    """Return the quantisation table, 64 steps row by row, each 1..255.

    Args:
        quality: 1 to 100. 50 is the table of annex K; below it grows as 50 / quality, above it shrinks to all ones.
        kind: of plane.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"quality is {quality}; expected 1 to 100")
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return tuple(min(max((step * percent + 50) // 100, 1), 255) for step in (_LUMA if kind == "luma" else _CHROMA))


# --- blocks -------------------------------------------------------------------------------------------------


def _plane(samples: Tensor, steps: tuple[int, ...], gradient: Gradient) -> Tensor:
    """Return what is left of samples [B, C, H, W] 0..255 in steps of 1: DCT, quantised, and back."""
    height, width = samples.shape[-2:]
    padded = _extended(samples, -(-height // _SIDE) * _SIDE, -(-width // _SIDE) * _SIDE)
    transform, table_ = _constants(steps, samples.dtype, samples.device)
    coefficients = (_to_blocks(padded) - 128) @ transform.T
    quotients = coefficients / table_
    with torch.no_grad():  # coefficients come in eighths, and halves of a step go away from zero
        levels = (coefficients * 8).round() / (8 * table_)
        levels = torch.copysign((levels.abs() + 0.5).floor(), levels)
    if gradient == "cubic":
        quotients = (quotients - levels) ** 3
    decoded = (straight(quotients, levels) * table_) @ transform + 128
    return _rounded(_from_blocks(decoded, padded.shape))[..., :height, :width]


@kept
def _constants(steps: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the DCT of a block, an orthonormal matrix [64 coefficients, 64 samples], and the steps [64]."""
    at = torch.arange(_SIDE, dtype=torch.float64)
    rows = torch.cos(torch.pi / _SIDE * (at + 0.5) * at[:, None]) * (2 / _SIDE) ** 0.5
    rows[0] /= 2**0.5
    return torch.kron(rows, rows).to(device, dtype), torch.tensor(steps, dtype=dtype, device=device)


def _to_blocks(planes: Tensor) -> Tensor:
    """[B, C, 8 h, 8 w] to [B, C, h, w, 64]."""
    batch, channels, height, width = planes.shape
    cut = planes.reshape(batch, channels, height // _SIDE, _SIDE, width // _SIDE, _SIDE)
    return cut.transpose(3, 4).flatten(-2)


def _from_blocks(blocks: Tensor, shape: torch.Size) -> Tensor:
    cut = blocks.reshape(*blocks.shape[:-1], _SIDE, _SIDE)
    return cut.transpose(3, 4).reshape(shape)


# --- colours ------------------------------------------------------------------------------------------------


def _to_ycc(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """RGB to luma [B, 1, H, W] and chroma [B, 2, H, W]; weights are whole numbers over 2^16, so nothing is lost."""
    red, green, blue = torch.split(rgb, 1, dim=1)
    luma = _rounded((19595 * red + 38470 * green + 7471 * blue) / 65536)
    just_less = 0.5 - 1 / 65536
    cb = _rounded((-11059 * red - 21709 * green + 32768 * blue) / 65536 + 128, just_less)
    cr = _rounded((32768 * red - 27439 * green - 5329 * blue) / 65536 + 128, just_less)
    return luma, torch.cat([cb, cr], dim=1)


def _to_rgb(luma: Tensor, chroma: Tensor) -> Tensor:
    cb, cr = torch.split(chroma - 128, 1, dim=1)
    red = luma + 91881 / 65536 * cr
    green = luma - (22554 * cb + 46802 * cr) / 65536
    blue = luma + 116130 / 65536 * cb
    return _rounded(torch.cat([red, green, blue], dim=1))


def _halved(chroma: Tensor) -> Tensor:
    """Mean of 2 x 2 samples; halves and quarters are rounded down in even columns and up in odd ones."""
    height, width = chroma.shape[-2:]
    # To the right a file repeats samples, below it repeats means.
    padded = _extended(chroma, height + height % 2, -(-width // (2 * _SIDE)) * 2 * _SIDE)
    means = torch.nn.functional.avg_pool2d(padded, 2)
    return _rounded(means, _alternating(means, 0.25, 0.5))


def _doubled(chroma: Tensor) -> Tensor:
    """Three quarters of the nearest sample and one of the next, both ways."""
    if chroma.shape[-1] <= 2:  # too narrow for libjpeg's filter
        return chroma.repeat_interleave(2, -1).repeat_interleave(2, -2)
    wider = _between(_between(chroma, -2), -1)
    return _rounded(wider, _alternating(wider, 8 / 16, 7 / 16))


def _between(planes: Tensor, axis: int) -> Tensor:
    count = planes.shape[axis]
    before = torch.cat([planes.narrow(axis, 0, 1), planes.narrow(axis, 0, count - 1)], dim=axis)
    after = torch.cat([planes.narrow(axis, 1, count - 1), planes.narrow(axis, count - 1, 1)], dim=axis)
    mostly = 0.75 * planes
    at = axis % planes.ndim
    return torch.stack([mostly + 0.25 * before, mostly + 0.25 * after], dim=at + 1).flatten(at, at + 1)


def _alternating(planes: Tensor, even: float, odd: float) -> Tensor:
    result = torch.full((planes.shape[-1],), even, dtype=planes.dtype, device=planes.device)
    result[1::2] = odd
    return result


def _extended(planes: Tensor, height: int, width: int) -> Tensor:
    """Repeat the last row and the last column up to this size."""
    right, below = width - planes.shape[-1], height - planes.shape[-2]
    if right:
        planes = torch.cat([planes, planes[..., -1:].expand(*planes.shape[:-1], right)], dim=-1)
    if below:
        planes = torch.cat([planes, planes[..., -1:, :].expand(*planes.shape[:-2], below, planes.shape[-1])], dim=-2)
    return planes


def _rounded(values: Tensor, half: float | Tensor = 0.5) -> Tensor:
    """Return whole numbers 0..255: down after `half` was added."""
    return straight(values, (values.detach() + half).floor().clamp(0, 255))
