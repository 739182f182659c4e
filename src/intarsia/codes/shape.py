"""A shape to as many bytes as there are, and back.

    exact    the file as it was, that file in LZMA2, vertices and faces rearranged in LZMA2: the shortest
    lossy    Draco over a lattice: as many steps along the longest side as fit; and where the lattice would be
             coarse, fewer vertices on a finer one, if that is nearer to the original

    f  the file as it was        x  the file as it was, LZMA2        e  vertices and faces, exact        D  lossy

How good a lossy code is, is told in dB like everywhere: 20 log10(size / distance), where the distance is the mean
from points of either surface to the other surface, both ways counting the same. Ten times nearer is 20 dB more;
2e-4 of the size is 74 dB. `distance` turns it back.

The lattice is ours: origin and step are stored as float64, and Draco sees whole numbers only, which it keeps
exactly. Unless it was simplified, a lossy shape has the same triangles between its vertices, in another order;
vertices that no face uses and faces that name a vertex twice are left out.
"""

import importlib
import importlib.util
import io
import lzma
import math
import os
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DoesNotFitError, InputError, ResourceError, UsageError
from ..media import child, shape_file, shape_metrics
from ..media.shape import Colours, Faces, Shape, Vertices
from ..media.wav import Disk, Memory
from .coded import Coded
from .simplify import simpler

COARSEST, FINEST = 63, (1 << 23) - 1
"""Steps of the lattice along the longest side; float32, which Draco computes in, rounds beyond the finest."""

MOST = 1 << 22
"""Vertices, and faces, that are coded at most, but for the file as it was: little code may stand for many."""

CEILING = 240.0
"""dB: nearer than 1e-12 of the size only the rounding of the measure itself is seen."""

MEASURED = 4000
"""Points on each surface for the quality of a code."""

_TRIED = 2000  # points while a step is searched for
_STEPS_FOR_DISTANCE = 0.165  # mean distance in steps of the lattice, about
_GROWTH = 9  # times that the finest code is longer than the coarsest, about
_ENOUGH_VERTEX = 2.9  # bytes for each vertex, with which none need go
_SIMPLER_VERTEX = (2.2, 2.9, 4.2)  # bytes for each vertex of the simpler shapes that are tried
_OVERHEAD, _SMALL = 120, 600  # bytes of headers; budgets where they count
_FEWEST = 16  # vertices that a shape is simplified to
_LEVEL = 10  # Draco's strongest
_HOPELESS = 1.7  # times the budget that a quick compression may take where the strong one is tried
_PROBE = 1 << 19  # bytes of a large file that tell whether it is worth while
_MAX_FILE = 1 << 30
_MEMORY = 1 << 29  # bytes that decoding may take,
_MEMORY_PER_BYTE = 2000  # and for each byte of code,
_MEMORY_MOST = 1 << 32  # and in all
_SECONDS = 8.0
_PROGRESS = 1 << 24

Integers = NDArray[np.int64]


def encode(value: Shape, budget: int, *, target: float | None = None) -> Coded:
    """Return the best code of `value` within `budget` bytes: an exact one if it fits, else the finest lattice.

    Args:
        value: the shape.
        budget: most bytes the code may take.
        target: stop at this quality in dB instead of filling the budget; inf means exactly. An exact code is taken
            when it is no longer.

    Returns:
        The code and its quality, measured on the decoded shape, inf when exact. It is below `target` when the budget
        cannot reach it. Colours are left out of a lossy code where they would not fit.

    Raises:
        DoesNotFitError: not even the coarsest code fits.
        UsageError: only a lossy code could fit, and DracoPy or scipy is not installed.
    """
    exact = _shortest_exact(value, budget)
    if exact is not None and (target is None or math.isinf(target)):
        return exact
    lossy = None if target is None or math.isinf(target) else _at(value, target)
    if lossy is not None and lossy.quality >= (target or 0) and len(lossy.code) <= budget:
        return lossy if exact is None or len(lossy.code) < len(exact.code) else exact
    return exact or _filled(value, budget)


def decode(code: bytes, name: str = "") -> Shape:
    """Undo `encode`; an exact code gives the very numbers, a lossy one the shape that was measured.

    Raises:
        InputError: the code is damaged, or a newer release made it.
        ResourceError: it unpacks to more than fits.
        UsageError: the code is lossy and DracoPy is not installed.
    """
    letter, rest = code[:1], code[1:]
    if letter == b"f":
        return shape_file.decode(rest, name)
    if letter == b"x":
        return shape_file.decode(_unpacked(rest, _MAX_FILE, _TEXT), name)
    if letter not in (b"e", b"D"):
        raise InputError(f"unknown code {letter!r} for a shape; a newer release may know it")
    try:
        shape = _arranged_back(rest) if letter == b"e" else _placed(rest, _decoded_apart)
    except (UsageError, struct.error, ValueError, OverflowError) as error:
        if isinstance(error, UsageError) and letter == b"D" and not _has_draco():
            raise
        raise InputError(f"the secret's code is damaged: {error}") from error
    return replace(shape, name=name)


def _is_within(value: Shape) -> bool:
    return max(len(value.vertices), len(value.faces)) <= MOST


def distance(quality: float) -> float:
    """Return the mean distance between the surfaces, in units of the size, that a quality in dB stands for."""
    return math.pow(10.0, -quality / 20)


def quality(distance: float) -> float:
    """Return the quality in dB for a mean distance in units of the size; inf for none."""
    return min(CEILING, -20 * math.log10(distance)) if distance > 0 else math.inf


def library() -> ModuleType:
    """Return the module DracoPy.

    Raises:
        UsageError: it is not installed.
    """
    if not _has_draco():
        raise UsageError("lossy codes of shapes need DracoPy: pip install 'intarsia[shape]'")
    return importlib.import_module("DracoPy")


def _has_draco() -> bool:
    return importlib.util.find_spec("DracoPy") is not None


# --- exact --------------------------------------------------------------------------------------------------


def _shortest_exact(value: Shape, budget: int) -> Coded | None:
    codes = []
    original = value.original()
    if original is not None:
        codes.append(b"f" + original if len(original) < budget else b"")
        if _is_hopeful(original, budget):
            codes.append(b"x" + _packed(original, _TEXT))
    if _is_within(value):
        codes.append(_arranged(value, budget))
    fitting = [code for code in codes if code and len(code) <= budget]
    return Coded(min(fitting, key=len), math.inf) if fitting else None


@dataclass(frozen=True)
class _Packing:
    """How LZMA2 looks at bytes: `context` bits of the one before, and positions told apart modulo 2^position."""

    context: int
    position: int

    def filters(self, dictionary: int = 1 << 24) -> Sequence[dict[str, Any]]:
        """Return the filters; who unpacks needs a dictionary that is no smaller."""
        options = {"lc": self.context, "lp": self.position, "pb": self.position, "dict_size": dictionary}
        return [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME} | options]


_TEXT = _Packing(4, 0)
_PLANES = _Packing(3, 0)
_WORDS = _Packing(0, 2)


def _packed(data: bytes, packing: _Packing) -> bytes:
    # To make room for a large dictionary takes longer than a small shape.
    dictionary = min(max(1 << len(data).bit_length(), 1 << 12), 1 << 24)
    return lzma.compress(data, lzma.FORMAT_RAW, filters=packing.filters(dictionary))


def _unpacked(code: bytes, most: int, packing: _Packing) -> bytes:
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=packing.filters())
    try:
        data = unpacker.decompress(code, most + 1)
    except lzma.LZMAError as error:
        raise InputError(f"the secret's code is damaged: {error}") from error
    if len(data) > most:
        raise ResourceError(f"the secret unpacks to more than {most:,} bytes")
    if not unpacker.eof:
        raise InputError("the secret's code is damaged: it ends early")
    return data


def _is_hopeful(data: bytes, budget: int) -> bool:
    """Whether the strongest compression, which is slow, may bring data down to the budget."""
    piece = data[:_PROBE]
    quick = len(lzma.compress(piece, preset=0)) * len(data) / max(len(piece), 1)
    return quick <= _HOPELESS * budget


_ARRANGED = struct.Struct("<BBBBIIIII")
"""Kind of numbers, decimals, planes of vertices, channels of colour; vertices, faces; bytes of vertices, of colours;
coordinates that are no decimals."""

_FLOAT32, _FLOAT64, _DECIMAL32, _DECIMAL64 = range(4)
_MOST_DECIMALS = 16


def _arranged(value: Shape, budget: int) -> bytes:
    """Return vertices and faces rearranged so that LZMA2 finds more, or nothing when they cannot fit.

    Coordinates become whole numbers (of the last decimal, if that gives them exactly; else the order of the
    floating-point numbers), each told as the difference from a vertex before it on a common edge. Corners of faces
    are counted back from the first vertex that was not named yet, so that it is a 0.
    """
    kind, decimals, numbers, others = _whole_numbers(value.vertices)
    steps = _zigzag(_differences(numbers, value))
    planes = max(1, (int(steps.max()).bit_length() + 7) // 8)
    places = np.ascontiguousarray(steps.T).astype("<u8").view(np.uint8).reshape(3, -1, 8)[:, :, :planes]
    flat = value.faces.reshape(-1).astype(np.int64)
    newest = np.concatenate([[-1], np.maximum.accumulate(flat)[:-1]])
    back = (newest + 1 - flat).astype("<i4").tobytes()
    rows = np.ascontiguousarray(places.transpose(0, 2, 1)).tobytes()
    colours = b"" if value.colours is None else np.ascontiguousarray(value.colours.T).tobytes()
    if not _is_hopeful(rows + back + colours, budget):
        return b""
    channels = 0 if value.colours is None else value.colours.shape[1]
    parts = [_packed(rows, _PLANES), _packed(colours, _PLANES) if channels else b"", _packed(back, _WORDS)]
    parts[2:2] = [others.astype("<u4").tobytes(), value.vertices.reshape(-1)[others].astype("<f8").tobytes()]
    sizes = len(value.vertices), len(value.faces), len(parts[0]), len(parts[1]), len(others)
    return b"e" + _ARRANGED.pack(kind, decimals, planes, channels, *sizes) + b"".join(parts)


def _arranged_back(code: bytes) -> Shape:
    """Undo `_arranged`, its letter cut off."""
    kind, decimals, planes, channels, count, faces, first, second, third = _ARRANGED.unpack_from(code)
    if max(count, faces) > MOST:
        raise ResourceError(f"the secret shape has {max(count, faces):,} faces or vertices, too many to unpack")
    if not 1 <= planes <= 8 or channels not in (0, 3, 4) or kind > _DECIMAL64 or decimals > _MOST_DECIMALS or not count:
        raise ValueError("wrong numbers in its header")
    start = _ARRANGED.size
    ends = start + first, start + first + second, start + first + second + 12 * third
    places = _array(_unpacked(code[start : ends[0]], 3 * planes * count, _PLANES), (3, planes, count), "u1")
    colours = _unpacked(code[ends[0] : ends[1]], channels * count, _PLANES) if channels else b""
    back = _array(_unpacked(code[ends[2] :], 12 * faces, _WORDS), (3 * faces,), "<i4").astype(np.int64)
    corners = np.cumsum(np.maximum(1 - back, 0)) - np.maximum(1 - back, 0) - back
    if corners.size and (corners.min() < 0 or corners.max() >= count):
        raise ValueError("a face names a vertex that is not there")
    triangles = corners.reshape(-1, 3).astype(np.int32)
    steps = np.zeros((3, count, 8), np.uint8)
    steps[:, :, :planes] = places.transpose(0, 2, 1)
    numbers = _summed(_unzigzag(steps.view("<u8")[:, :, 0].T.astype(np.uint64)), _parents(triangles, count))
    rgb = _array(colours, (channels, count), "u1").T.copy() if channels else None
    vertices = _from_whole(numbers, kind, decimals)
    others = np.frombuffer(code, "<u4", third, ends[1])
    if third and others.max() >= vertices.size:
        raise ValueError("a coordinate that is not there")
    vertices.reshape(-1)[others] = np.frombuffer(code, "<f8", third, ends[1] + 4 * third)
    return Shape(vertices, triangles, rgb)


def _array(data: bytes, shape: tuple[int, ...], code: str) -> NDArray[Any]:
    """Return unpacked bytes as an array, which raises `ValueError` when there are too few."""
    return np.frombuffer(data, code).reshape(shape)


def _whole_numbers(vertices: Vertices) -> tuple[int, int, Integers, Integers]:
    """Return the kind of numbers, the decimals, whole numbers [V, 3] for the coordinates, and which are no decimals."""
    narrow = vertices.dtype == np.float32
    decimals, others = _decimals(vertices)
    if decimals is not None:
        scaled = np.rint(vertices.astype(np.float64) * 10.0**decimals).astype(np.int64)
        return _DECIMAL32 if narrow else _DECIMAL64, decimals, scaled, others
    bits: Integers = np.ascontiguousarray(vertices).view(np.int32 if narrow else np.int64).astype(np.int64)
    # Negative floating-point numbers have their bits in the other order.
    flip = np.int64((1 << 31) - 1 if narrow else (1 << 63) - 1)
    return _FLOAT32 if narrow else _FLOAT64, 0, np.where(bits < 0, bits ^ flip, bits), others


def _decimals(vertices: Vertices) -> tuple[int | None, Integers]:
    """Return how many decimals give the coordinates in the fewest bits, and which coordinates they do not give.

    None decimals when floating-point numbers are shorter.
    """
    wide = vertices.astype(np.float64).reshape(-1)
    best, fewest, others = None, (24.0 if vertices.dtype == np.float32 else 53.0) * wide.size, np.empty(0, np.int64)
    largest = float(np.abs(wide).max())
    for decimals in range(_MOST_DECIMALS + 1):
        scale = 10.0**decimals
        if largest * scale >= 1 << 52:
            break
        # Of whole numbers and powers of ten a quotient is rounded as the text in a file was.
        given = (np.rint(wide * scale) / scale).astype(vertices.dtype)
        missed = np.flatnonzero(given != vertices.reshape(-1))
        bits = math.log2(largest * scale + 2) * wide.size + 96.0 * missed.size
        if bits < fewest:
            best, fewest, others = decimals, bits, missed
        if not missed.size:
            break
    return best, others


def _from_whole(numbers: Integers, kind: int, decimals: int) -> Vertices:
    """Undo `_whole_numbers`."""
    narrow = kind in (_FLOAT32, _DECIMAL32)
    if kind in (_DECIMAL32, _DECIMAL64):
        scaled: Vertices = (numbers / 10.0**decimals).astype(np.float32 if narrow else np.float64)
        return scaled
    flip = np.int64((1 << 31) - 1 if narrow else (1 << 63) - 1)
    bits = np.where(numbers < 0, numbers ^ flip, numbers)
    floats: Vertices = np.ascontiguousarray(bits, np.int32 if narrow else np.int64).view(f"f{4 if narrow else 8}")
    return floats


def _parents(faces: Faces, count: int) -> Integers:
    """Return for each vertex the one it is told from, [V]: the last one before it on a common edge, or just before."""
    parents = np.arange(-1, count - 1, dtype=np.int64)
    near = np.full(count, -1, np.int64)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        low, high = np.minimum(faces[:, a], faces[:, b]), np.maximum(faces[:, a], faces[:, b])
        apart = low != high
        np.maximum.at(near, high[apart], low[apart])
    return np.where(near >= 0, near, parents)


def _differences(numbers: Integers, value: Shape) -> Integers:
    """Return numbers [V, 3], each row less that of its parent; the first row is told from 0."""
    before = numbers[_parents(value.faces, len(numbers))]
    before[0] = 0
    return numbers - before


def _summed(steps: Integers, parents: Integers) -> Integers:
    """Undo `_differences`: add to each row those of all its parents, twice as many at each turn."""
    count = len(steps)
    total = np.concatenate([steps, np.zeros((1, 3), np.int64)])
    up = np.concatenate([np.where(parents < 0, count, parents), [count]])
    while (up != count).any():
        total = total + total[up]
        up = up[up]
    return total[:count]


def _zigzag(numbers: Integers) -> NDArray[np.uint64]:
    """0, -1, 1, -2, ... become 0, 1, 2, 3, ..."""
    return ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)


def _unzigzag(numbers: NDArray[np.uint64]) -> Integers:
    return (numbers >> np.uint64(1)).astype(np.int64) ^ -(numbers & np.uint64(1)).astype(np.int64)


# --- lossy --------------------------------------------------------------------------------------------------

_HEADER = struct.Struct("<B4d")
"""Flags; origin and step of the lattice."""

_NARROW, _JOINED = 1, 2


@dataclass(frozen=True)
class _Triangles:
    """What Draco gives: whole numbers, float32 [V, 3], faces [F, 3], colours."""

    places: NDArray[np.float32]
    faces: Faces
    colours: Colours | None


class _Lattices:
    """Codes of one shape by the number of steps along its longest side, each made when first asked for.

    Args:
        value: the shape.
        coloured: whether the colours travel too.
    """

    def __init__(self, value: Shape, *, coloured: bool) -> None:
        self._draco = library()
        self._value = value
        self._size = value.size
        self._origin = value.vertices.min(axis=0).astype(np.float64)
        self._colours = value.colours if coloured else None
        faces = value.faces
        named_once = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
        self._faces = faces[named_once].astype(np.uint32)
        self._known: dict[int, bytes] = {}
        self._flags = _NARROW if value.vertices.dtype == np.float32 else 0
        self._ordered = False
        if self.is_possible:
            self._look_at_edges()

    @property
    def is_possible(self) -> bool:
        """Whether there is a face left, and a size."""
        if self._size <= 0 or not len(self._faces) or not _is_within(self._value):
            return False
        places = self._places(FINEST)[self._faces]
        a, b, c = places[:, 0], places[:, 1], places[:, 2]
        # Draco joins vertices at one place, and has no face whose corners are not three.
        return bool(((a != b).any(axis=1) & (b != c).any(axis=1) & (c != a).any(axis=1)).any())

    def code(self, steps: int) -> bytes:
        """Return the code, letter first."""
        if steps not in self._known:
            self._known[steps] = self._header(steps) + self._stream(steps, ordered=self._ordered)
        return self._known[steps]

    def measured(self, steps: int, samples: int, original: Shape) -> Coded:
        """Return the code and its quality, compared with the original."""
        code = self.code(steps)
        decoded = _placed(code[1:], _decoded_here)
        found = shape_metrics.distances(original, decoded, samples=samples, vertices=False)
        return Coded(code, quality(found.mean))

    def _places(self, steps: int) -> NDArray[np.float32]:
        """Vertices in steps from the origin: not rounded yet, so that those at different places stay apart."""
        places: NDArray[np.float64] = (self._value.vertices - self._origin) / (self._size / steps)
        return places.astype(np.float32)

    def _header(self, steps: int) -> bytes:
        return b"D" + _HEADER.pack(self._flags, *self._origin.tolist(), self._size / steps)

    def _stream(self, steps: int, *, ordered: bool) -> bytes:
        bits = steps.bit_length()
        # With this range a step is 1 for Draco, and rounding is all that it does.
        return bytes(
            self._draco.encode(
                self._places(steps),
                self._faces,
                quantization_bits=bits,
                compression_level=_LEVEL,
                quantization_range=float((1 << bits) - 1),
                quantization_origin=np.zeros(3),
                preserve_order=ordered,
                colors=self._colours,
            )
        )

    def _look_at_edges(self) -> None:
        """Decide how a surface travels on whose edges more than two faces meet: Draco cuts it apart there."""
        steps = 1 << 12
        stream = self._stream(steps, ordered=False)
        found = len(_decoded_here(stream).places)
        used = len(np.unique(self._faces))
        if found > 1.02 * used:
            self._ordered = len(self._stream(steps, ordered=True)) < len(stream)
            joined = len(np.unique(_decoded_here(stream).places, axis=0))
            if not self._ordered and abs(joined - used) < found - used:
                self._flags |= _JOINED


def _filled(value: Shape, budget: int) -> Coded:
    """Return the best code within the budget: of the shape, or of one with fewer faces on a finer lattice."""
    smallest = max(budget, 0) + 1  # of an exact code, where no other is possible
    for coloured in (True, False) if value.colours is not None else (False,):
        found: list[tuple[_Lattices, int]] = []
        for one in _candidates(value, budget, coloured=coloured):
            codes = _Lattices(one, coloured=coloured)
            if codes.is_possible and (smallest := len(codes.code(COARSEST))) <= budget:
                found.append((codes, _finest_within(lambda steps: len(codes.code(steps)), budget)))  # noqa: B023
        if found:
            best = (
                max(found, key=lambda pair: pair[0].measured(pair[1], _TRIED, value).quality) if found[1:] else found[0]
            )
            return best[0].measured(best[1], MEASURED, value)
    raise DoesNotFitError(
        f"it needs at least {smallest:,} bytes and {max(budget, 0):,} fit", needed=smallest, available=budget
    )


def _candidates(value: Shape, budget: int, *, coloured: bool) -> list[Shape]:
    """Return the shape, and simpler ones where they may be better."""
    used = len(np.unique(value.faces))
    extra = value.colours.shape[1] if coloured and value.colours is not None else 0
    if used <= max(budget / (_ENOUGH_VERTEX + extra), _FEWEST) or value.size <= 0 or not _is_within(value):
        return [value]
    counts = [max(round((budget - _OVERHEAD) / (each + extra)), _FEWEST) for each in _SIMPLER_VERTEX]
    if budget < _SMALL:
        counts.append(_FEWEST)  # whatever may fit
    return [value, *simpler(value, sorted({count for count in counts if count < used}, reverse=True))]


def _finest_within(size: Callable[[int], int], budget: int) -> int:
    """Return a number of steps whose code fills the budget to within 1 %, or the finest; the coarsest is known to fit.

    A code grows by about as many bytes from one power of two to the next, so the place where it fills the budget is
    looked for on the straight line between the last two that enclose it.
    """
    low, high, low_size = COARSEST, FINEST, size(COARSEST)
    # To make the finest code takes several times as long as any other: not without need.
    high_size = _GROWTH * low_size
    if budget > 0.8 * high_size and (high_size := size(FINEST)) <= budget:
        return high
    for turn in range(9):
        if low_size >= 0.99 * budget or high - low <= 1:
            break
        share = (0.997 * budget - low_size) / max(high_size - low_size, 1)
        # A line through points far apart may never move one of them: every third time halve instead.
        share = 0.5 if turn % 3 == 2 else min(max(share, 0.02), 0.98)
        middle = round(low * (high / low) ** share)
        middle = min(max(middle, low + 1), high - 1)
        found = size(middle)
        if found <= budget:
            low, low_size = middle, found
        else:
            high, high_size = middle, found
    return low


def _at(value: Shape, target: float) -> Coded | None:
    """Return the coarsest code that reaches a quality, with at most .3 dB to spare where that is possible."""
    codes = _Lattices(value, coloured=value.colours is not None)
    if not codes.is_possible:
        return None
    best = None
    steps = _STEPS_FOR_DISTANCE / distance(target)
    for _ in range(5):
        asked = min(max(round(steps), COARSEST), FINEST)
        found = codes.measured(asked, _TRIED if best is None else MEASURED, value)
        if found.quality >= target and (best is None or len(found.code) < len(best.code)):
            best = found
        if target <= found.quality <= target + 0.3 or asked != min(max(round(steps), COARSEST + 1), FINEST - 1):
            break
        steps = asked * 10 ** ((target + 0.1 - found.quality) / 20)
    return best


# --- back ---------------------------------------------------------------------------------------------------


def _placed(code: bytes, decoder: Callable[[bytes], _Triangles]) -> Shape:
    """Return the shape a lossy code stands for, its letter cut off."""
    flags, *origin, step = _HEADER.unpack_from(code)
    if flags > _NARROW + _JOINED or not step > 0:
        raise ValueError("wrong numbers in its header")
    found = decoder(code[_HEADER.size :])
    places, faces, colours = found.places, found.faces, found.colours
    if flags & _JOINED:
        _, first, inverse = np.unique(places, axis=0, return_index=True, return_inverse=True)
        faces = inverse.reshape(-1)[faces].astype(np.int32)
        places, colours = places[first], None if colours is None else colours[first]
    with np.errstate(all="ignore"):  # what is not finite, the shape refuses
        vertices = np.array(origin) + places.astype(np.float64) * step
        return Shape(vertices.astype(np.float32) if flags & _NARROW else vertices, faces, colours)


def _decoded_here(stream: bytes) -> _Triangles:
    """Decode a Draco stream in this process: only for what we encoded ourselves."""
    found = library().decode(stream)
    colours = getattr(found, "colors", None)
    # What it decodes may also be points alone.
    faces = getattr(found, "faces", np.empty((0, 3), np.int32))
    return _Triangles(
        np.ascontiguousarray(found.points, np.float32),
        np.ascontiguousarray(faces).astype(np.int32).reshape(-1, 3),
        None if colours is None else np.ascontiguousarray(colours, np.uint8),
    )


def _decoded_apart(stream: bytes) -> _Triangles:
    """Decode a Draco stream from anybody, in a process of its own."""
    library()
    task = child.Task(
        "the secret's code",
        "shape",
        "reveal it where there is room",
        seconds=_SECONDS + 4 * len(stream) / (1 << 20),
        progress=_PROGRESS,
        most=_MEMORY_MOST,
    )
    found, decoded = child.run(child.program(__name__), Memory(stream), task)
    if "error" in found:
        if found["error"] == "room":
            raise task.no_room(found["detail"])
        raise InputError(f"the secret's code is damaged: {found['detail']}")
    count, faces, channels = (found[key] for key in ("vertices", "faces", "channels"))
    if decoded.size != child.HEADER + 12 * count + 12 * faces + channels * count:
        raise task.damaged("failed")
    start, middle = child.HEADER, child.HEADER + 12 * count
    colours = decoded.at(middle + 12 * faces, channels * count)
    return _Triangles(
        _array(decoded.at(start, 12 * count), (count, 3), "<f4").astype(np.float32),
        _array(decoded.at(middle, 12 * faces), (faces, 3), "<i4").astype(np.int32),
        _array(colours, (count, channels), "u1").copy() if channels else None,
    )


# --- in the other process ------------------------------------------------------------------------------------


def main() -> None:
    """Decode a Draco stream from stdin to stdout; the argument is the seconds allowed."""
    disk = Disk(os.dup(0), "input")
    stream = disk.at(0, disk.size)
    memory = min(_MEMORY + _MEMORY_PER_BYTE * len(stream), _MEMORY_MOST)
    child.serve(library, lambda target: _decode_to(target, stream), seconds=int(sys.argv[1]), memory=memory)


def _decode_to(target: io.FileIO, stream: bytes) -> dict[str, Any]:
    """Decode a stream and return what the header says of it."""
    shape = _decoded_here(stream)
    if not len(shape.faces):
        raise child.RefusedError("damaged", "points without faces")
    if max(len(shape.places), len(shape.faces)) > MOST:
        raise child.RefusedError("damaged", "more faces than can be")
    target.seek(child.HEADER)
    child.write(target, shape.places.astype("<f4").tobytes())
    child.write(target, shape.faces.astype("<i4").tobytes())
    channels = 0
    if shape.colours is not None and shape.colours.ndim == 2 and shape.colours.shape[1] in (3, 4):
        channels = shape.colours.shape[1]
        child.write(target, shape.colours.tobytes())
    return {"vertices": len(shape.places), "faces": len(shape.faces), "channels": channels}


if __name__ == "__main__":
    main()
