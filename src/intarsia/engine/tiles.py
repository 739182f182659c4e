"""Pictures too large for a network at once, piece by piece.

┌──────┬──────┐      each piece is cut with a margin around it, run, and put in its place without it:
│ tile │ tile │      with a margin as wide as the network sees, the result is that of the whole
├──────┼──────┤
│ tile │ tile │
└──────┴──────┘
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import ResourceError, out_of_memory


def tiled(run: Callable[..., Tensor], pictures: Sequence[Tensor], margin: int, pixels: int) -> Tensor:
    """Return `run(*pictures)` of a fully convolutional network, tile by tile where that is needed.

    Args:
        run: takes tensors [B, C, H, W], returns one [B, C', H, W].
        pictures: of one height and width.
        margin: how far the network sees to each side, pixels.
        pixels: tiles are at most this large; when memory does not suffice, a quarter of it is tried once.

    Raises:
        ResourceError: memory does not suffice.
    """
    try:
        return _tiled(run, pictures, margin, pixels)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not _is_memory(error):
            raise
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    smaller = max((4 * margin + 16) ** 2, min(pixels, pictures[0].shape[-2] * pictures[0].shape[-1]) // 4)
    try:
        return _tiled(run, pictures, margin, smaller)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not _is_memory(error):
            raise
        other = " (or try --device cpu)" if torch.cuda.is_available() else ""
        raise out_of_memory(f" at tiles of {smaller:,} pixels{other}") from error


class Cut(NamedTuple):
    """Where a tile is: `rows` and `columns` of the picture with the margin, `inner` of the tile without it."""

    rows: slice
    columns: slice
    inner: tuple[slice, slice]


def cuts(height: int, width: int, margin: int, pixels: int) -> Iterator[Cut]:
    """Yield tiles of at most `pixels`, margin included, that cover a picture without it.

    Raises:
        ResourceError: a tile would be all margin.
    """
    if height * width <= pixels:
        yield Cut(slice(0, height), slice(0, width), (slice(0, height), slice(0, width)))
        return
    side = math.isqrt(pixels) - 2 * margin
    if side < 1:
        raise ResourceError(f"tiles of {pixels} pixels are smaller than the margin of {margin} around them")
    for top in range(0, height, side):
        for left in range(0, width, side):
            above, before = min(margin, top), min(margin, left)
            rows = slice(top - above, min(height, top + side + margin))
            columns = slice(left - before, min(width, left + side + margin))
            high, wide = min(side, height - top), min(side, width - left)
            yield Cut(rows, columns, (slice(above, above + high), slice(before, before + wide)))


def _tiled(run: Callable[..., Tensor], pictures: Sequence[Tensor], margin: int, pixels: int) -> Tensor:
    height, width = pictures[0].shape[-2:]
    if height * width <= pixels:
        return run(*pictures)
    result: Tensor | None = None
    for rows, columns, inner in cuts(height, width, margin, pixels):
        part = run(*(picture[..., rows, columns] for picture in pictures))[..., inner[0], inner[1]]
        if result is None:
            result = part.new_empty((*part.shape[:-2], height, width))
        top, left = rows.start + inner[0].start, columns.start + inner[1].start
        result[..., top : top + part.shape[-2], left : left + part.shape[-1]] = part
    assert result is not None
    return result


def _is_memory(error: Exception) -> bool:
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return "not enough memory" in str(error) or "can't allocate memory" in str(error)
