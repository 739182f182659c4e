"""Tells whether a picture that is lossless now was once a JPEG.

A JPEG keeps each DCT coefficient of its 8x8 blocks as a multiple of a step. Decoded and saved as PNG, the picture
still has them: at the right offset of the block grid, and at no other, the coefficients form a comb. Hiding in
such a picture is the easiest kind to catch, because whatever is embedded stands beside the comb's teeth. So the
combs of 64 grid offsets are compared, and one that stands out is a trace.

Measured on 24 Kodak and 12 gb82 photographs, none of them ever a JPEG (512x512 and more), and on the same ones
compressed by Pillow, in colour with its default subsampling, in colour with none, and in grey; each decoded and
looked at whole, and again after 3 rows and 5 columns were cut off. Found, out of 216 for each quality:

    untouched             0 of 72 (colour, grey), nor in any of 108 cuts of 64x64, 128x128 and 256x256
    quality 30 to 98      all, at 30, 50, 75, 85, 90, 95, 97 and 98
    quality 99, 100       none: all steps looked at are 1, as in any picture

The offset is right for all of them from quality 75 up, and for 210 of 216 at 50, where a smooth picture's comb can
be as clear at a neighbouring offset. In central cuts of 64x64 pixels (128x128) compressed by themselves at quality
75, 90, 95 the trace shows in 22, 30, 26 of 36 (35, 36, 34 of 36). All of 20 CBSD68 pictures carry a trace: that
collection was once handed out as JPEG files. `benchmarks/jpeg_trace.py` measures all of this. The cost is bounded,
whatever the picture's size.

Left out: pictures resized or turned after the JPEG (scaling down by two washes the comb out), colour planes, and
codecs without a fixed 8x8 grid. Video frames and AVIF files with 8x8 transforms may show all the same; they are
covers to avoid as well.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]

MIN_SIDE = 64
"""Pixels; a shorter side leaves too few blocks to tell anything."""

MAX_SIDE = 512
"""Pixels of the central region that is looked at, which bounds the cost."""

THRESHOLD = 2.5
"""Strength from which on the comb at one offset stands out of those at the others."""

_OWN_THRESHOLD = 4.0
"""The same for the distinct blocks of that one offset, which have no other offset to be compared with."""

_MIN_LEVELS = 16
"""Drawings in a few grey levels have combs of their own; the ringing of a real JPEG leaves more levels."""

_BLOCK = 8
_BINS_PER_UNIT = 4
_LIMIT = 128
"""Histograms of coefficients go from -128 to 128 in steps of a quarter; their last bins gather the rest."""

_QUANTA = np.arange(2, 41)
"""Steps tried; a comb of step 1 drowns in the rounding to grey levels, a multiple of a step shows at the step."""

_SLICE = 205  # bins multiplied at a time, see `_product`
_FREQUENCIES = 6
"""Rows and columns of DCT coefficients computed in each block."""

_VERTICAL, _HORIZONTAL = np.array(
    [(u, v) for u in range(_FREQUENCIES) for v in range(_FREQUENCIES) if 1 <= u + v <= 7]
).T
"""Frequencies looked at: the lower ones tell at low quality, the higher ones at 95 and up, where those have step 1."""

_MIN_VALUES = 20
"""Coefficients that have to lie beyond half a step before their comb means anything."""


@dataclass(frozen=True)
class JpegTrace:
    """What an earlier JPEG compression left behind.

    Attributes:
        offset: (row, column), each 0..7, of the first whole block's corner; (0, 0) unless the picture was cropped.
        quantum: 2..40, the step of the DCT coefficient whose comb is clearest, as in the JPEG's table.
        strength: how far the comb at this offset stands out of those at others, in standard deviations of chance.
    """

    offset: tuple[int, int]
    quantum: int
    strength: float


def find_jpeg_trace(samples: NDArray[np.uint8]) -> JpegTrace | None:
    """Looks for the traces of an earlier JPEG compression.

    Args:
        samples: uint8 0..255, [H, W] grey or [H, W, 3] in the order R, G, B.

    Returns:
        The trace, or None when there is none to be seen, as always when a side is shorter than 64 pixels.

    Raises:
        ValueError: another dtype or shape.
    """
    if samples.dtype != np.uint8 or samples.ndim not in (2, 3) or (samples.ndim == 3 and samples.shape[2] != 3):
        raise ValueError(f"expected uint8 [H, W] or [H, W, 3], got {samples.dtype} {samples.shape}")
    if min(samples.shape[:2]) < MIN_SIDE:
        return None
    luma, top, left = _central_luma(samples)
    if np.count_nonzero(np.bincount(luma.astype(np.intp).ravel())) < _MIN_LEVELS:
        return None
    combs = _all_combs(luma)
    # Whatever a comb owes to the picture, and not to a grid, is there at every offset alike.
    totals = _strength(combs - np.median(combs, axis=(0, 1)))
    row, column = np.unravel_index(np.argmax(totals), totals.shape)
    strength = float(totals[row, column] - np.median(totals))
    if strength < THRESHOLD:
        return None
    # Tiles and chequers repeat on a grid too; each different block may testify only once.
    own = _combs(_coefficients(_distinct_blocks(luma, int(row), int(column))))
    if float(_strength(own)) < _OWN_THRESHOLD:
        return None
    quantum = _QUANTA[np.argmax(own.max(axis=0))]
    return JpegTrace((int(row + top) % _BLOCK, int(column + left) % _BLOCK), int(quantum), strength)


def spectrum_at(samples: NDArray[np.uint8], trace: JpegTrace) -> tuple[Array, NDArray[np.int64]]:
    """The coefficients a JPEG left behind, and the steps they were multiples of.

    Luma is not rounded here, and blocks that touch black or white are left out: what was clipped lies on no comb.

    Args:
        samples: as in `find_jpeg_trace`.
        trace: what that found.

    Returns:
        Coefficients float32 [coefficients, blocks] of the central region, and the step of each [coefficients], 2..40;
        only of frequencies whose comb is clear, which may be none.
    """
    region, top, left = _central(samples)
    row, column = ((trace.offset[axis] - corner) % _BLOCK for axis, corner in enumerate((top, left)))
    pixels = region if region.ndim == 3 else region[..., None]
    inside = np.all((pixels > 0) & (pixels < 255), axis=2, keepdims=True)[..., 0]
    luma = region.astype(np.float32) if region.ndim == 2 else region.astype(np.float32) @ _LUMA
    blocks = _blocks(luma, row, column)[_blocks(inside, row, column).all(axis=(1, 2))]
    found = _coefficients(blocks.astype(np.float32))
    clear = _combs(found)
    kept = clear.max(axis=1) >= 2 * _OWN_THRESHOLD
    # Divisors of a step have combs as clear as its own; the largest one is the step.
    steps = [_QUANTA[np.flatnonzero(comb >= _AS_CLEAR * comb.max())[-1]] for comb in clear[kept]]
    return found[kept], np.array(steps, np.int64)


_AS_CLEAR = 0.9


def _central_luma(samples: NDArray[np.uint8]) -> tuple[Array, int, int]:
    """Luma [h, w] of the central region, with the region's top and left in the picture."""
    region, top, left = _central(samples)
    if region.ndim == 2:
        return region.astype(np.float32), top, left
    # A decoder rounds luma before it goes over to RGB: rounding again takes that conversion's noise away.
    return np.rint(region.astype(np.float32) @ _LUMA), top, left


_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def _central(samples: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int, int]:
    """The central region, with its top and left in the picture."""
    height, width = samples.shape[:2]
    top, left = max(0, height - MAX_SIDE) // 2, max(0, width - MAX_SIDE) // 2
    return samples[top : top + MAX_SIDE, left : left + MAX_SIDE], top, left


def _dct_matrix() -> Array:
    """Orthonormal DCT-II of 8 samples, the lowest frequencies first: [_FREQUENCIES, 8]."""
    frequency, place = np.mgrid[0:_FREQUENCIES, 0:_BLOCK]
    matrix: NDArray[np.float64] = np.cos(np.pi * (2 * place + 1) * frequency / (2 * _BLOCK)) / 2
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


def _teeth() -> tuple[Array, Array]:
    """For every histogram bin and quantum [bins, quanta]: the cosine to add up, and whether the bin counts.

    Coefficients below half a step would be zeros after quantisation; zeros lie on every comb and prove nothing.
    """
    values = np.arange(-_LIMIT * _BINS_PER_UNIT, _LIMIT * _BINS_PER_UNIT + 1)[:, None] / _BINS_PER_UNIT
    counts = np.abs(values) >= _QUANTA / 2
    counts[[0, -1]] = False
    return (np.cos(2 * np.pi * values / _QUANTA) * counts).astype(np.float32), counts.astype(np.float32)


_DCT = _dct_matrix()
_COSINES, _COUNTS = _teeth()


def _all_combs(luma: Array) -> Array:
    """`_combs` at each of the 64 grid offsets: [8, 8, coefficients, quanta]."""
    # As many blocks as fit at the last offset, so that every offset has equally many.
    rows, columns = ((side - _BLOCK + 1) // _BLOCK for side in luma.shape)
    combs = np.empty((_BLOCK, _BLOCK, len(_VERTICAL), len(_QUANTA)), np.float32)
    for row in range(_BLOCK):
        strips = luma[row : row + rows * _BLOCK].reshape(rows, _BLOCK, -1)
        # The vertical half of the transform is the same for the eight column offsets.
        vertical = _DCT @ strips
        for column in range(_BLOCK):
            cells = vertical[:, :, column : column + columns * _BLOCK].reshape(rows, _FREQUENCIES, columns, _BLOCK)
            spectrum = (cells @ _DCT.T).transpose(1, 3, 0, 2).reshape(_FREQUENCIES, _FREQUENCIES, -1)
            combs[row, column] = _combs(spectrum[_VERTICAL, _HORIZONTAL])
    return combs


def _distinct_blocks(luma: Array, row: int, column: int) -> Array:
    """The different blocks of the grid at one offset: [blocks, 8, 8]."""
    blocks = _blocks(luma, row, column)
    return np.unique(blocks.reshape(-1, _BLOCK * _BLOCK), axis=0).reshape(-1, _BLOCK, _BLOCK)


def _blocks(plane: NDArray[Any], row: int, column: int) -> NDArray[Any]:
    """The whole blocks of the grid at one offset: [blocks, 8, 8]."""
    rows, columns = (plane.shape[0] - row) // _BLOCK, (plane.shape[1] - column) // _BLOCK
    grid = plane[row : row + rows * _BLOCK, column : column + columns * _BLOCK]
    return grid.reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2).reshape(-1, _BLOCK, _BLOCK)


def _coefficients(blocks: Array) -> Array:
    """The DCT coefficients looked at, of blocks [blocks, 8, 8]: [coefficients, blocks]."""
    spectrum = (_DCT @ blocks @ _DCT.T).transpose(1, 2, 0)
    return np.asarray(spectrum[_VERTICAL, _HORIZONTAL])


def _product(histogram: Array, teeth: Array) -> Array:
    """Matrix product in slices too small for BLAS to start threads, which on a busy machine wait for each other."""
    slices = range(0, len(teeth), _SLICE)
    return np.asarray(sum(histogram[:, i : i + _SLICE] @ teeth[i : i + _SLICE] for i in slices), np.float32)


def _combs(coefficients: Array) -> Array:
    """How well each coefficient [coefficients, blocks] sits on multiples of each quantum: [coefficients, quanta].

    The sum of cos(2 pi c / q) over the values c that are not zero after quantisation, over the standard deviation
    that sum would have if the values had nothing to do with q.
    """
    kinds = len(coefficients)
    bins = 2 * _LIMIT * _BINS_PER_UNIT + 1
    places = np.rint(coefficients * _BINS_PER_UNIT).astype(np.intp) + bins // 2
    np.clip(places, 0, bins - 1, out=places)
    places += np.arange(kinds)[:, None] * bins
    histogram = np.bincount(places.ravel(), minlength=kinds * bins).reshape(kinds, bins).astype(np.float32)
    values = _product(histogram, _COUNTS)
    deviations = np.where(values < _MIN_VALUES, 0, _product(histogram, _COSINES)) / np.sqrt(np.maximum(values, 1) / 2)
    return np.asarray(deviations, np.float32)


def _strength(combs: Array) -> Array:
    """Mean over the coefficients of each one's clearest comb: [..., coefficients, quanta] to [...]."""
    return np.asarray(np.maximum(combs.max(axis=-1), 0).mean(axis=-1))
