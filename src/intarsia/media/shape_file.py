"""Shape files: bytes to `Shape` and back.

    OBJ  text    v x y z / f 1 2 3       any polygons; materials, normals and textures left out
    PLY  both    a header that says it   float32 or float64, colours
    STL  both    corners of triangles    equal corners become one vertex
    OFF  text    counts, then rows       any polygons, colours
    GLB  binary  JSON and numbers        all meshes of the scene, moved to where its nodes put them

The kind of file is read from its content. Every reader is our own and knows nothing but the bytes it is given: what
a file says about other files (materials, pictures, buffers) is never followed, because nothing here could. Counts in
headers are compared with the bytes that are there before anything is allocated; polygons become fans of triangles.
"""

import itertools
import json
import math
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, IntarsiaError, ResourceError, UsageError
from .files import PathLike, read_bytes, shown
from .shape import MAX_COORDINATE, Colours, Faces, Shape, Vertices

READABLE = ("OBJ", "PLY", "STL", "OFF", "GLB")
SUFFIXES = {".ply": "PLY", ".obj": "OBJ", ".stl": "STL", ".off": "OFF", ".glb": "GLB"}

HEAD = 4096
"""Bytes that tell what a file is, together with its size."""

MAX_FACES = 20_000_000
"""Faces, and vertices, the most that are read."""

_BLOCK = 1 << 22  # bytes of text taken apart at a time
_MAX_HEADER = 1 << 16
_MAX_JSON = 1 << 26
_ROWS = 1 << 19  # rows of mixed polygons gathered at a time

Integers = NDArray[np.int64]


class UnsupportedShapeError(InputError):
    """An intact file, as far as one can see, whose shape is in a form that cannot be read."""


class _DamagedError(Exception):
    """What is wrong with a file, in words; its name comes later."""


class _UnsupportedError(_DamagedError):
    """What an intact file has that cannot be read."""


class _LargeError(_DamagedError):
    """What there is too much of."""


@dataclass
class _Mesh:
    """What a reader found, before it was looked at."""

    vertices: Vertices
    faces: Integers
    colours: Colours | None = None
    notes: list[str] = field(default_factory=list)


# --- in ------------------------------------------------------------------------------------------------------


def load(path: PathLike) -> Shape:
    """Read a shape file.

    Args:
        path: an OBJ, PLY, STL, OFF or GLB file, whatever its suffix.

    Raises:
        InputError: missing, not a shape, truncated, damaged, NaN in it, or it needs other files.
        UnsupportedShapeError: points without faces, compressed GLB, or another form that cannot be read.
        ResourceError: more than `MAX_FACES`, or out of memory.
    """
    suffix = Path(path).suffix.lower()
    shape = replace(_decode(read_bytes(path), shown(path), suffix, None), name=Path(path).name)
    said = SUFFIXES.get(suffix, shape.format)
    if said != shape.format:
        return replace(shape, notes=(*shape.notes, f"{shown(path)} is a {shape.format} file by its content"))
    return shape


def decode(data: bytes, name: str = "", form: str | None = None, *, shown_as: str = "") -> Shape:
    """Decode the bytes of a shape file, of format `form` if that is known; see `load`."""
    shape = _decode(data, shown_as or shown(name) or "shape", Path(name).suffix.lower(), form)
    return replace(shape, name=name)


def is_shape(head: bytes, suffix: str = "", size: int | None = None) -> bool:
    """Whether these are the first bytes of a shape file.

    Args:
        head: the first `HEAD` bytes of it, or more, or all.
        suffix: of its name; an OBJ is believed on less evidence when it is called ".obj".
        size: bytes of the whole file, which is what a binary STL is known by; None when `head` is all.
    """
    return _form_of(head, suffix.lower(), len(head) if size is None else size) is not None


def _form_of(head: bytes, suffix: str, size: int) -> str | None:
    """Return the format of a file, or None."""
    if head.startswith(b"glTF"):
        return "GLB"
    if re.match(rb"ply[ \t]*\r?[\n\r]", head):
        return "PLY"
    # The length first: many a binary STL begins with "solid" all the same.
    if len(head) >= 84 and size == 84 + 50 * int.from_bytes(head[80:84], "little") and size > 84:
        return "STL"
    start = head[:_MAX_HEADER]
    if re.match(rb"\s*solid\b[^\n\r]*[\n\r]\s*(facet\s+normal|endsolid)\b", start):
        return "STL"
    if re.match(rb"\s*(#[^\n]*\n\s*)*(ST)?C?N?4?n?OFF\b\s*(BINARY\b|#|-?\d)", start):
        return "OFF"
    return "OBJ" if _is_obj(head, suffix, size) else None


_OBJ_IGNORED = {b"vn", b"vt", b"vp", b"g", b"o", b"s", b"mg", b"usemtl", b"mtllib", b"usemap", b"maplib", b"lod"}
_OBJ_IGNORED |= {b"l", b"p", b"bevel", b"c_interp", b"d_interp", b"shadow_obj", b"trace_obj"}
_OBJ_CURVES = {b"cstype", b"deg", b"bmat", b"step", b"curv", b"curv2", b"surf", b"parm", b"trim", b"hole", b"scrv"}
_OBJ_CURVES |= {b"sp", b"end", b"con", b"ctech", b"stech", b"call", b"csh"}
_OBJ_WORDS = {b"v", b"f"} | _OBJ_IGNORED | _OBJ_CURVES
_OBJ_VERTEX = re.compile(rb"v(\s+[-+]?(\d+\.?\d*|\.\d+|nan|inf)([eE][-+]?\d+)?){3,7}\s*(#.*)?", re.IGNORECASE)
_COMMENTS = re.compile(rb"(?:[ \t\r]*(?:#[^\n]*)?\n)*")


def _is_obj(head: bytes, suffix: str, size: int) -> bool:
    """Whether text is an OBJ: nothing but its statements, vertices and faces among them."""
    if b"\0" in head:
        return False
    whole = size <= len(head)
    first = _COMMENTS.match(head, 0, _MAX_HEADER)
    start = first.end() if first else 0
    text = re.sub(rb"\\\r?\n", b" ", head[start : start + HEAD])
    lines = [line.strip() for line in text.splitlines()[: None if start + HEAD >= size <= len(head) else -1]]
    lines = [line for line in lines if line and not line.startswith(b"#")]
    words = [line.split(None, 1)[0] for line in lines]
    if not lines or not all(word in _OBJ_WORDS for word in words):
        # A text of comments alone may go on as an OBJ, if it says it is one.
        return not lines and suffix == ".obj" and not whole
    vertices = [line for line, word in zip(lines, words, strict=True) if word == b"v"]
    if not all(_OBJ_VERTEX.fullmatch(line) for line in vertices):
        return False
    if suffix == ".obj" or (len(vertices) > 2 and b"f" in words):
        return True
    if len(vertices) < 3:
        return False
    # The faces of a larger file come after the vertices, beyond its head.
    return size > HEAD if not whole else re.search(rb"^\s*f\s+-?\d", head, re.MULTILINE) is not None


def _decode(data: bytes, shown_as: str, suffix: str, form: str | None) -> Shape:
    form = form or _form_of(data, suffix, len(data))
    if form not in _READERS:
        raise InputError(f"{shown_as}: not a shape; expected {', '.join(READABLE)} by content")
    try:
        # A number too large for its type is found below, where all that is not finite is.
        with np.errstate(all="ignore"):
            mesh = _READERS[form](data)
            return _checked(mesh, form, data)
    except _LargeError as error:
        raise ResourceError(f"{shown_as}: {error}; the limit is {MAX_FACES:,}; simplify the shape first") from None
    except _UnsupportedError as error:
        raise UnsupportedShapeError(
            f"{shown_as}: {error} cannot be read; save it as a PLY of plain triangles"
        ) from None
    except _DamagedError as error:
        raise InputError(f"{shown_as}: damaged or truncated {form} file ({error}); get an undamaged copy") from None
    except MemoryError as error:
        raise ResourceError(f"{shown_as}: out of memory while reading; simplify the shape first") from error
    except IntarsiaError as error:
        raise InputError(f"{shown_as}: damaged {form} file ({error}); get an undamaged copy") from error
    except Exception as error:  # numbers and words where others were expected
        said = " ".join(str(error).split())[:100]
        raise InputError(f"{shown_as}: damaged {form} file ({ascii(said)[1:-1]}); get an undamaged copy") from error


def _checked(mesh: _Mesh, form: str, data: bytes) -> Shape:
    """Wrap what a reader found, once it is known to be a shape."""
    vertices, faces, count = mesh.vertices, mesh.faces, len(mesh.vertices)
    if not count:
        raise _DamagedError("no vertices in it")
    if not len(faces):
        raise _UnsupportedError("a shape of points without faces")
    bad = np.flatnonzero(~(np.abs(vertices) <= MAX_COORDINATE).all(axis=1))
    if bad.size:
        raise _DamagedError(f"vertex {bad[0]} is NaN, infinite or beyond {MAX_COORDINATE:g}")
    low, high = int(faces.min()), int(faces.max())
    if low < 0 or high >= count:
        raise _DamagedError(f"a face names vertex {low if low < 0 else high}, there are {count:,}")
    compact = np.ascontiguousarray(faces, np.int32)
    notes = (*mesh.notes, *_oddities(vertices, compact))
    return Shape(np.ascontiguousarray(vertices), compact, mesh.colours, format=form, file=data, notes=notes)


def _oddities(vertices: Vertices, faces: Faces) -> list[str]:
    """Return a note for faces without area, for faces that are there twice, and for vertices no face uses."""
    flat, twice = _without_area(vertices, faces), len(faces) - _distinct(faces, len(vertices))
    used = np.zeros(len(vertices), np.bool_)
    used[faces] = True
    unused = len(vertices) - int(np.count_nonzero(used))
    found = ((flat, "without area"), (twice, "that repeat another"), (unused, ""))
    return [
        f"{count:,} {'face' if count == 1 else 'faces'} {what}, kept"
        if what
        else f"{count:,} {'vertex' if count == 1 else 'vertices'} in no face, kept"
        for count, what in found
        if count
    ]


def _without_area(vertices: Vertices, faces: Faces) -> int:
    """Return how many faces have no area at all."""
    total = 0
    scale = float(np.abs(vertices).max()) or 1.0
    for start in range(0, len(faces), _ROWS):
        # Scaled to -1..1, so that the products of tiny coordinates do not vanish.
        a, b, c = np.moveaxis(vertices[faces[start : start + _ROWS]].astype(np.float64) / scale, 1, 0)
        total += int(np.count_nonzero(~np.cross(b - a, c - a).any(axis=1)))
    return total


def _distinct(faces: Faces, count: int) -> int:
    """Return how many faces there are when those of the same three vertices are one."""
    a, b, c = np.sort(faces, axis=1).astype(np.uint64).T
    pair = a * np.uint64(count) + b
    if count < 1 << 21:
        return len(np.unique(pair * np.uint64(count) + c))
    order = np.lexsort((c, pair))
    same = (np.diff(pair[order]) == 0) & (np.diff(c[order]) == 0)
    return len(faces) - int(np.count_nonzero(same))


def _limited(count: int, what: str) -> int:
    """Return a count that is within the limit."""
    if count > MAX_FACES:
        raise _LargeError(f"{count:,} {what}")
    return count


def _fan(corners: Integers, counts: Integers) -> Integers:
    """Cut polygons into triangles.

    Args:
        corners: vertices of all polygons one after the other, [sum of counts].
        counts: corners of each polygon, [P]; those with fewer than three give nothing.

    Returns:
        Triangles [T, 3]: (first, second, third), (first, third, fourth), ...
    """
    if counts.size and counts.min() == 3 == counts.max():
        return corners.reshape(-1, 3)
    starts = np.cumsum(counts) - counts
    pieces = np.maximum(counts - 2, 0)
    total = _limited(int(pieces.sum()), "faces")
    first = np.repeat(starts, pieces)
    step = np.arange(total) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return np.stack([corners[first], corners[first + step + 1], corners[first + step + 2]], axis=1)


def _polygon_notes(counts: Iterable[int]) -> list[str]:
    """Return notes on polygons with these numbers of corners."""
    distinct = set(counts)
    notes = ["polygons are cut into triangles"] if any(count > 3 for count in distinct) else []
    return notes + (["faces of fewer than three corners left out"] if any(count < 3 for count in distinct) else [])


# --- text ----------------------------------------------------------------------------------------------------


class _Lines:
    """Lines of a text, taken in blocks: comments cut off, blank lines left out, spaces at their ends too."""

    def __init__(self, data: bytes, start: int = 0) -> None:
        if b"\n" not in data[start : start + HEAD] and b"\r" in data[start : start + HEAD]:
            data, start = data[start:].replace(b"\r", b"\n"), 0
        self._data = data
        self._position = start
        self._kept: list[bytes] = []

    def blocks(self) -> Iterator[list[bytes]]:
        """Yield the lines that are left, some thousands at a time."""
        if self._kept:
            kept, self._kept = self._kept, []
            yield kept
        while self._position < len(self._data):
            end = self._data.find(b"\n", self._position + _BLOCK) + 1 or len(self._data)
            block, self._position = self._data[self._position : end], end
            if b"#" in block:
                block = re.sub(rb"#[^\n]*", b"", block)
            yield [line for line in map(bytes.strip, block.split(b"\n")) if line]

    def take(self, count: int, what: str) -> Iterator[list[bytes]]:
        """Yield the next `count` lines in blocks."""
        for lines in self.blocks():
            self._kept = lines[count:]
            yield lines[:count]
            count -= min(count, len(lines))
            if not count:
                return
        if count:
            raise _DamagedError(f"{count:,} {what} are missing at its end")

    def one(self, what: str) -> bytes:
        """Return the next line."""
        return next(filter(None, self.take(1, what)))[0]


def _numbers(lines: list[bytes]) -> NDArray[np.float64]:
    """Return all the numbers on some lines, in one row."""
    return _floats(b" ".join(lines))


def _floats(text: bytes) -> NDArray[np.float64]:
    if b"_" in text:  # which Python takes between digits
        raise _DamagedError("a number with _ in it")
    return np.array(list(map(float, text.split())), np.float64)


def _integers(text: bytes) -> Integers:
    if b"_" in text:
        raise _DamagedError("a number with _ in it")
    return np.array(list(map(int, text.split())), np.int64)


def _table(lines: list[bytes], least: int, what: str) -> NDArray[np.float64]:
    """Return lines of numbers as float64 [n, columns]; rows longer than the shortest are cut to it."""
    if not lines:
        return np.empty((0, least))
    numbers, columns = _numbers(lines), len(lines[0].split())
    if numbers.size == len(lines) * columns:
        counts = None if _even(lines, columns) else [len(line.split()) for line in lines]
    else:
        counts = [len(line.split()) for line in lines]
    shortest = columns if counts is None else min(counts)
    if shortest < least:
        raise _DamagedError(f"a {what} of {shortest} numbers; expected {least}")
    if counts is None:
        return numbers.reshape(-1, columns)
    starts = np.cumsum(counts) - counts
    picked: NDArray[np.float64] = numbers[starts[:, None] + np.arange(shortest)]
    return picked


def _even(lines: list[bytes], columns: int) -> bool:
    """Whether every line has that many words."""
    return all(len(line.split()) == columns for line in lines)


# --- OBJ -----------------------------------------------------------------------------------------------------


def _read_obj(data: bytes) -> _Mesh:
    if b"\\" in data:  # a line that goes on in the next
        data = re.sub(rb"\\\r?\n", b" ", data)
    rows: list[NDArray[np.float64]] = []
    corners: list[Integers] = []
    counts: list[Integers] = []
    left_out: set[bytes] = set()
    so_far = 0
    for lines in _Lines(data).blocks():
        vertices = [line[2:] for line in lines if line[:2] in (b"v ", b"v\t")]
        faces = [line[2:] for line in lines if line[:2] in (b"f ", b"f\t")]
        if len(vertices) + len(faces) < len(lines):
            left_out |= _other_statements(lines)
        if vertices:
            rows.append(_table(vertices, 3, "vertex"))
        if faces:
            found, lengths = _obj_faces(faces, lines, so_far)
            corners.append(found)
            counts.append(lengths)
        so_far = _limited(so_far + len(vertices), "vertices")
        _limited(sum(map(len, counts)), "faces")
    notes = ["normals, textures, materials, groups and lines left out"] if left_out else []
    all_counts = np.concatenate(counts) if counts else np.empty(0, np.int64)
    all_corners = np.concatenate(corners) if corners else np.empty(0, np.int64)
    faces_found = _fan(all_corners, all_counts) if all_counts.size else np.empty((0, 3), np.int64)
    vertices_found, colours, more = _obj_vertices(rows)
    notes += more + _polygon_notes(np.unique(all_counts).tolist())
    return _Mesh(vertices_found, faces_found, colours, notes)


def _other_statements(lines: list[bytes]) -> set[bytes]:
    """Return the statements that are neither vertices nor faces, once all of them are known."""
    words = {line.split(None, 1)[0] for line in lines} - {b"v", b"f"}
    if words & _OBJ_CURVES:
        raise _UnsupportedError("a surface of curves")
    unknown = sorted(words - _OBJ_WORDS)
    if unknown:
        raise _DamagedError(f"unknown statement {unknown[0][:20].decode('latin-1')!a}")
    return words


def _obj_vertices(rows: list[NDArray[np.float64]]) -> tuple[Vertices, Colours | None, list[str]]:
    """Return the vertices, their colours (three more numbers, 0..1) if all have them, and notes."""
    if not rows:
        return np.empty((0, 3)), None, []
    columns = min(row.shape[1] for row in rows)
    table = np.concatenate([row[:, :columns] for row in rows])
    vertices = np.ascontiguousarray(table[:, :3])
    if columns == 3:
        return vertices, None, []
    extra = table[:, 3:6]
    if columns >= 6 and (extra >= 0).all() and (extra <= 1).all():
        return vertices, np.rint(extra * 255).astype(np.uint8), ["colours are read as 8 bits"]
    return vertices, None, ["weights and other numbers of the vertices left out"]


def _obj_faces(faces: list[bytes], lines: list[bytes], so_far: int) -> tuple[Integers, Integers]:
    """Return the corners of all faces in one row, counted from 0, and how many each face has."""
    text = b" ; ".join(faces)
    if b"/" in text:
        # What follows the slashes are textures and normals.
        text = re.sub(rb"/-?\d*(/-?\d*)?(?=\s|$)", b"", text)
    words = text.split()
    counts = np.full(len(faces), 3, np.int64)
    if len(words) != 4 * len(faces) - 1 or set(words[3::4]) - {b";"}:
        ends = np.flatnonzero(np.array(words) == b";")
        if len(ends) != len(faces) - 1:
            raise _DamagedError("a ; in a face")
        counts = np.diff(np.concatenate([[-1], ends, [len(words)]])) - 1
    corners = _integers(b" ".join(words).replace(b";", b" "))
    if not corners.all():
        raise _DamagedError("a face names vertex 0; the first one is 1")
    if (corners > 0).all():
        return corners - 1, counts
    # Negative numbers count backwards from the last vertex before the face.
    is_vertex = np.array([line[:2] in (b"v ", b"v\t") for line in lines])
    before = so_far + np.cumsum(is_vertex)[[line[:2] in (b"f ", b"f\t") for line in lines]]
    each = np.repeat(before, counts)
    if (corners < -each).any():
        raise _DamagedError("a face names a vertex before the first one")
    return np.where(corners > 0, corners - 1, each + corners), counts


# --- OFF -----------------------------------------------------------------------------------------------------


def _read_off(data: bytes) -> _Mesh:
    lines = _Lines(data)
    first = lines.one("lines").split()
    if first[0] not in (b"OFF", b"COFF") or first[1:2] == [b"BINARY"]:
        raise _UnsupportedError(f"{first[0][:10].decode('latin-1')} with normals, textures or binary numbers")
    counts = _integers(b" ".join(first[1:] or lines.one("counts").split()))
    if len(counts) not in (2, 3) or (counts < 0).any():
        raise _DamagedError("no counts of vertices and faces")
    vertices, faces = _limited(int(counts[0]), "vertices"), _limited(int(counts[1]), "faces")
    if 2 * (vertices + faces) > len(data) + 2:
        raise _DamagedError(f"its header says {vertices:,} vertices and {faces:,} faces in {len(data):,} bytes")
    tables = [_table(block, 3, "vertex") for block in lines.take(vertices, "vertices") if block] if vertices else []
    table = (
        np.concatenate([one[:, : min(t.shape[1] for t in tables)] for one in tables]) if tables else np.empty((0, 3))
    )
    colours, notes = (_off_colours(table[:, 3:]) if first[0] == b"COFF" else None), []
    if table.shape[1] > 3 and colours is None:
        notes.append("numbers beside the coordinates left out")
    corners, lengths = _off_faces(lines, faces)
    notes += _polygon_notes(np.unique(lengths).tolist())
    return _Mesh(np.ascontiguousarray(table[:, :3]), _fan(corners, lengths), colours, notes)


def _off_colours(values: NDArray[np.float64]) -> Colours | None:
    """Return colours that are whole numbers 0..255, or fractions 0..1, or None."""
    if values.shape[1] not in (3, 4) or not ((values >= 0) & (values <= 255)).all():
        return None
    is_whole = (values == np.rint(values)).all() and values.max() > 1
    return np.rint(values if is_whole else np.clip(values, 0, 1) * 255).astype(np.uint8)


def _off_faces(lines: _Lines, count: int) -> tuple[Integers, Integers]:
    """Return the corners of all faces in one row, and how many each face has."""
    corners, counts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for block in lines.take(count, "faces") if count else ():
        if not block:
            continue
        if all(line.startswith((b"3 ", b"3\t")) for line in block) and _even(block, 4):
            corners.append(_integers(b" ".join(block)).reshape(-1, 4)[:, 1:].reshape(-1))
            counts.append(np.full(len(block), 3))
            continue
        rows = [line.split() for line in block]
        lengths = [int(row[0]) for row in rows]
        if any(not 0 <= length < len(row) for row, length in zip(rows, lengths, strict=True)):
            raise _DamagedError("a face with fewer corners than it says")
        corners.append(
            np.array([int(w) for row, n in zip(rows, lengths, strict=True) for w in row[1 : n + 1]], np.int64)
        )
        counts.append(np.array(lengths))
    return np.concatenate(corners), np.concatenate(counts)


# --- STL -----------------------------------------------------------------------------------------------------


def _read_stl(data: bytes) -> _Mesh:
    count = int.from_bytes(data[80:84], "little")
    if len(data) == 84 + 50 * count and count:
        _limited(count, "faces")
        rows = np.frombuffer(data, np.dtype([("n", "<f4", 3), ("corners", "<f4", (3, 3)), ("x", "<u2")]), count, 84)
        return _merged(rows["corners"].reshape(-1, 3).astype(np.float32))
    if not re.match(rb"\s*solid\b", data):
        raise _DamagedError(f"its header says {count:,} faces in {len(data):,} bytes")
    return _merged(_stl_corners(data))


_STL_WORDS = (b"solid", b"facet", b"outer", b"vertex", b"endloop", b"endfacet", b"endsolid")


def _stl_corners(data: bytes) -> NDArray[np.float64]:
    """Return the corners of an ASCII STL, float64 [3 F, 3]."""
    tables, tally, last = [np.empty((0, 3))], dict.fromkeys(_STL_WORDS, 0), b""
    for lines in _Lines(data).blocks():
        words = [line.split(None, 1)[0].lower() for line in lines]
        for word in set(words):
            if word not in tally:
                raise _DamagedError(f"unknown word {word[:20].decode('latin-1')!a}")
            tally[word] += words.count(word)
        tables.append(
            _table([line[7:] for line, word in zip(lines, words, strict=True) if word == b"vertex"], 3, "corner")
        )
        last = words[-1] if words else last
        _limited(tally[b"facet"], "faces")
    if last != b"endsolid":
        raise _DamagedError("no endsolid at its end")
    facets = tally[b"facet"]
    if tally[b"vertex"] != 3 * facets or tally[b"endfacet"] != facets or tally[b"outer"] != facets:
        raise _DamagedError(f"{tally[b'vertex']:,} corners in {facets:,} facets; expected three in each")
    if not facets:
        raise _DamagedError("no facets in it")
    return np.concatenate([table[:, :3] for table in tables])


def _merged(corners: Vertices) -> _Mesh:
    """Return a mesh where equal corners [3 F, 3] are one vertex, in the order of their first appearance."""
    corners = corners + corners.dtype.type(0)  # -0 and 0 are the same place
    _, first, inverse = np.unique(_fingerprints(corners), return_index=True, return_inverse=True)
    if not np.array_equal(corners[first][inverse], corners, equal_nan=True):  # two places with one fingerprint
        _, first, inverse = np.unique(corners, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    faces = rank[inverse.reshape(-1)].reshape(-1, 3)
    return _Mesh(corners[first[order]], faces, notes=["corners at the same place are joined"])


def _fingerprints(rows: Vertices) -> NDArray[np.uint64]:
    """Return a number for each row [n, 3]: sorting these is much quicker than sorting rows."""
    bits = np.ascontiguousarray(rows).view(f"u{rows.dtype.itemsize}").astype(np.uint64)
    mixed = np.zeros(len(rows), np.uint64)
    for column in bits.T:
        mixed = (mixed ^ column) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed


# --- PLY -----------------------------------------------------------------------------------------------------

_PLY_TYPES = {"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"}
_PLY_TYPES |= {"float": "f4", "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2"}
_PLY_TYPES |= {"int32": "i4", "uint32": "u4", "float32": "f4", "float64": "f8"}
_PLY_LISTS = ("vertex_indices", "vertex_index")


@dataclass
class _Property:
    name: str
    code: str  # numpy's, without byte order
    count_code: str = ""  # of a list's length; "" when this is no list


@dataclass
class _Element:
    name: str
    count: int
    properties: list[_Property] = field(default_factory=list)

    @property
    def lists(self) -> list[_Property]:
        return [one for one in self.properties if one.count_code]

    def least(self) -> int:
        """Fewest bytes of one row."""
        return sum(int((one.count_code or one.code)[1:]) for one in self.properties)


def _read_ply(data: bytes) -> _Mesh:
    order, elements, start = _ply_header(data)
    names = [element.name for element in elements]
    if len(set(names)) < len(names) or "vertex" not in names:
        raise _DamagedError("no vertices, or two kinds of them, in its header")
    mesh = _Mesh(np.empty((0, 3)), np.empty((0, 3), np.int64))
    source = _PlyText(data, start) if order == "" else _PlyBinary(data, start, order)
    for element in elements:
        if element.name == "vertex":
            _ply_vertices(mesh, element, source)
        elif element.name == "face":
            _ply_faces(mesh, element, source)
        else:
            mesh.notes.append(f"{ascii(element.name[:20])[1:-1]} elements left out")
            source.skip(element)
    return mesh


def _ply_header(data: bytes) -> tuple[str, list[_Element], int]:
    """Return numpy's byte order ("" for text), the elements, and where their rows start."""
    end = re.search(rb"(?:^|[\r\n])[ \t]*end_header[ \t]*(\r\n|\n|\r)", data[:_MAX_HEADER])
    if end is None:
        raise _DamagedError("its header has no end")
    lines = data[: end.start()].decode("latin-1").splitlines()[1:]
    order: str | None = None
    elements: list[_Element] = []
    for words in filter(None, (line.split() for line in lines)):
        if words[0] == "format" and len(words) == 3 and order is None:
            order = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}[words[1]]
        elif words[0] == "element" and len(words) == 3 and words[2].isdecimal():
            elements.append(_Element(words[1], _limited(int(words[2][:20]), "rows")))
        elif words[0] == "property" and elements:
            elements[-1].properties.append(_ply_property(words))
        elif words[0] not in ("comment", "obj_info"):
            raise _DamagedError(f"{' '.join(words)[:30]!a} in its header")
    if order is None:
        raise _DamagedError("its header names no format")
    rest = len(data) - end.end()
    for one in elements:
        least = one.least() if order else 2 * len(one.properties) - 1
        if one.count and one.count * least > rest + 1:
            raise _DamagedError(f"its header says {one.count:,} rows of {one.name[:20]!r} in {rest:,} bytes")
    return order, elements, end.end()


def _ply_property(words: list[str]) -> _Property:
    if len(words) == 5 and words[1] == "list":
        count = _PLY_TYPES[words[2]]
        if count[0] == "f":
            raise _DamagedError("a list with a fraction for its length")
        return _Property(words[4], _PLY_TYPES[words[3]], count)
    if len(words) != 3:
        raise _DamagedError(f"{' '.join(words)[:30]!a} in its header")
    return _Property(words[2], _PLY_TYPES[words[1]])


def _ply_vertices(mesh: _Mesh, element: _Element, source: "_PlyText | _PlyBinary") -> None:
    codes = {one.name: one.code for one in element.properties}
    if element.lists or not {"x", "y", "z"} <= codes.keys() or len(codes) < len(element.properties):
        raise _UnsupportedError("a vertex without x, y and z of its own")
    columns = source.scalars(element)
    exact = all(codes[axis] in ("f4", "i1", "u1", "i2", "u2") for axis in "xyz")
    kept = np.float32 if exact else np.float64
    mesh.vertices = np.stack([columns[axis].astype(kept) for axis in "xyz"], axis=1)
    channels = [name for name in ("red", "green", "blue", "alpha") if codes.get(name) == "u1"]
    if channels[:3] == ["red", "green", "blue"]:
        mesh.colours = np.stack([columns[name].astype(np.uint8) for name in channels], axis=1)
    if codes.keys() - {"x", "y", "z"} - set(channels if mesh.colours is not None else ()):
        mesh.notes.append("normals and other numbers of the vertices left out")


def _ply_faces(mesh: _Mesh, element: _Element, source: "_PlyText | _PlyBinary") -> None:
    if [one.name in _PLY_LISTS for one in element.lists] != [True] or element.lists[0].code[0] == "f":
        raise _UnsupportedError("a face that is not one list of vertices")
    if len(element.properties) > 1:
        mesh.notes.append("numbers beside the faces left out")
    corners, counts = source.lists(element)
    mesh.notes += _polygon_notes(np.unique(counts).tolist())
    mesh.faces = _fan(corners, counts)


class _PlyText:
    """Rows of a text PLY."""

    def __init__(self, data: bytes, start: int) -> None:
        self._lines = _Lines(data, start)

    def skip(self, element: _Element) -> None:
        for _ in self._rows(element):
            pass

    def scalars(self, element: _Element) -> dict[str, NDArray[Any]]:
        width = len(element.properties)
        tables = [np.empty((0, width))]
        for lines in self._rows(element):
            table = _table(lines, width, "row")
            if table.shape[1] != width:
                raise _DamagedError(f"a row of {table.shape[1]} numbers; expected {width}")
            tables.append(table)
        return dict(zip((one.name for one in element.properties), np.concatenate(tables).T, strict=True))

    def lists(self, element: _Element) -> tuple[Integers, Integers]:
        before = element.properties.index(element.lists[0])
        corners, counts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for lines in self._rows(element):
            if len(element.properties) == 1 and _even(lines, 4) and all(line[:1] == b"3" for line in lines):
                table = _integers(b" ".join(lines)).reshape(-1, 4)
                if (table[:, 0] == 3).all():
                    corners.append(table[:, 1:].reshape(-1))
                    counts.append(table[:, 0])
                    continue
            rows = [line.split()[before:] for line in lines]
            lengths = [int(row[0]) if row else -1 for row in rows]
            if any(not 0 <= length < len(row) for row, length in zip(rows, lengths, strict=True)):
                raise _DamagedError("a face with fewer corners than it says")
            pairs = zip(rows, lengths, strict=True)
            corners.append(np.array([int(word) for row, length in pairs for word in row[1 : length + 1]], np.int64))
            counts.append(np.array(lengths))
        return np.concatenate(corners), np.concatenate(counts)

    def _rows(self, element: _Element) -> Iterator[list[bytes]]:
        if element.count:
            yield from filter(None, self._lines.take(element.count, f"rows of {element.name[:20]!r}"))


class _PlyBinary:
    """Rows of a binary PLY."""

    def __init__(self, data: bytes, start: int, order: str) -> None:
        self._data, self._position, self._order = data, start, order

    def skip(self, element: _Element) -> None:
        if not element.lists:
            self.scalars(element)
            return
        if len(element.lists) > 1:
            raise _UnsupportedError("elements of several lists")
        self.lists(element)

    def scalars(self, element: _Element) -> dict[str, NDArray[Any]]:
        row = np.dtype([(f"{k}", self._order + one.code) for k, one in enumerate(element.properties)])
        rows = self._array(row, element.count)
        return {one.name: rows[f"{k}"] for k, one in enumerate(element.properties)}

    def lists(self, element: _Element) -> tuple[Integers, Integers]:
        """Return the lists of an element one after the other, and their lengths."""
        if not element.count:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        where = element.properties.index(element.lists[0])
        before = sum(int(one.code[1:]) for one in element.properties[:where])
        after = sum(int(one.code[1:]) for one in element.properties[where + 1 :])
        one = element.lists[0]
        same = self._equal_lists(one, element.count, before, after)
        return same if same is not None else self._mixed_lists(one, element.count, before, after)

    def _equal_lists(self, one: _Property, count: int, before: int, after: int) -> tuple[Integers, Integers] | None:
        """Read lists that are all as long as the first one, or return None."""
        length = self._length(one, self._position + before)
        if length * int(one.code[1:]) > len(self._data):
            raise _DamagedError(f"a list of {length:,} in {len(self._data):,} bytes")
        parts: list[Any] = [("b", f"V{before}")] if before else []
        parts += [("n", self._order + one.count_code), ("list", self._order + one.code, (length,))]
        row = np.dtype(parts + ([("a", f"V{after}")] if after else []))
        if self._position + row.itemsize * count > len(self._data):
            return None
        rows = np.frombuffer(self._data, row, count, self._position)
        if not (rows["n"] == length).all():
            return None
        self._position += row.itemsize * count
        _limited(count * max(length - 2, 0), "faces")
        return rows["list"].astype(np.int64).reshape(-1), np.full(count, length, np.int64)

    def _mixed_lists(self, one: _Property, count: int, before: int, after: int) -> tuple[Integers, Integers]:
        """Read lists of different lengths: where each begins depends on all before it."""
        width, head = int(one.code[1:]), int(one.count_code[1:])
        data, position, is_byte = self._data, self._position, one.count_code == "u1"
        starts, lengths = np.empty(count, np.int64), np.empty(count, np.int64)
        for index in range(count):
            position += before
            if position + head > len(data):
                raise _DamagedError(f"it ends in face {index:,} of {count:,}")
            length = data[position] if is_byte else self._length(one, position)
            position += head
            starts[index], lengths[index] = position, length
            position += length * width + after
        if position > len(data):
            raise _DamagedError(f"it ends in face {count:,} of {count:,}")
        self._position = position
        _limited(int(np.maximum(lengths - 2, 0).sum()), "faces")
        return self._gathered(starts, lengths, self._order + one.code), lengths

    def _gathered(self, starts: Integers, lengths: Integers, code: str) -> Integers:
        """Return the numbers of lists that begin at these bytes, one list after the other."""
        raw, width, found = np.frombuffer(self._data, np.uint8), int(code[2:]), [np.empty(0, np.int64)]
        for low in range(0, len(starts), _ROWS):
            counts = lengths[low : low + _ROWS]
            step = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
            at = np.repeat(starts[low : low + _ROWS], counts) + step * width
            found.append(raw[at[:, None] + np.arange(width)].reshape(-1).view(code).astype(np.int64))
        return np.concatenate(found)

    def _length(self, one: _Property, position: int) -> int:
        piece = self._data[position : position + int(one.count_code[1:])]
        if len(piece) < int(one.count_code[1:]):
            raise _DamagedError("it ends in a list")
        length = int(np.frombuffer(piece, self._order + one.count_code)[0])
        if length < 0:
            raise _DamagedError(f"a list of {length}")
        return length

    def _array(self, row: np.dtype[Any], count: int) -> NDArray[Any]:
        end = self._position + row.itemsize * count
        if end > len(self._data):
            raise _DamagedError(f"{end - len(self._data):,} bytes are missing at its end")
        rows = np.frombuffer(self._data, row, count, self._position) if count else np.empty(0, row)
        self._position = end
        return rows


# --- GLB -----------------------------------------------------------------------------------------------------

_GLB_TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_GLB_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_GLB_HARMLESS = ("KHR_materials_", "KHR_texture_", "KHR_lights_", "EXT_texture_", "KHR_xmp")
_GLB_TRIANGLES, _GLB_STRIP, _GLB_FAN = 4, 5, 6
_MAX_NODES = 100_000


def _read_glb(data: bytes) -> _Mesh:
    tree, body = _glb_chunks(data)
    return _Glb(tree, body).mesh()


def _glb_chunks(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the JSON and the numbers of a GLB."""
    if len(data) < 20 or data[:4] != b"glTF":
        raise _DamagedError("cut in its header")
    version, length, size = struct.unpack_from("<III", data, 4)
    if version != 2:
        raise _UnsupportedError(f"GLB version {version}")
    if length > len(data) or 20 + size > length or data[16:20] != b"JSON":
        raise _DamagedError(f"its header says {length:,} bytes, there are {len(data):,}")
    if size > _MAX_JSON:
        raise _DamagedError(f"{size:,} bytes of JSON")
    try:
        tree = json.loads(data[20 : 20 + size])
    except RecursionError:
        raise _DamagedError("JSON that never ends") from None
    if not isinstance(tree, dict):
        raise _DamagedError("JSON of something else")
    start = 20 + size
    if start + 8 > length:
        return tree, b""
    (size,) = struct.unpack_from("<I", data, start)
    if data[start + 4 : start + 8] != b"BIN\0" or start + 8 + size > length:
        raise _DamagedError("its numbers are cut short")
    return tree, data[start + 8 : start + 8 + size]


class _Glb:
    """The scene in a GLB."""

    def __init__(self, tree: dict[str, Any], body: bytes) -> None:
        self._tree, self._body = tree, body
        self._notes: set[str] = set()
        self._check_needs()

    def mesh(self) -> _Mesh:
        """Return all triangles of the scene as one mesh."""
        parts: list[_Mesh] = []
        faces = vertices = 0
        for index, matrix in self._placed():
            for primitive in _list(self._entry("meshes", index), "primitives"):
                part = self._primitive(primitive)
                if part is None:
                    continue
                vertices = _limited(vertices + len(part.vertices), "vertices")
                faces = _limited(faces + len(part.faces), "faces")
                parts.append(_moved(part, matrix))
        if not parts:
            raise _DamagedError("no triangles in it")
        if any(self._tree.get(name) for name in ("materials", "textures", "images", "animations", "skins", "cameras")):
            self._notes.add("materials, textures, animations and cameras left out")
        return self._joined(parts)

    def _joined(self, parts: list[_Mesh]) -> _Mesh:
        starts = itertools.accumulate((len(part.vertices) for part in parts), initial=0)
        faces = np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=False)])
        colours = [part.colours for part in parts if part.colours is not None]
        alike = len(colours) == len(parts) and len({one.shape[1] for one in colours}) == 1
        if colours and not alike:
            self._notes.add("colours that only some vertices have left out")
        vertices = np.concatenate([part.vertices for part in parts])
        return _Mesh(vertices, faces, np.concatenate(colours) if alike else None, sorted(self._notes))

    def _check_needs(self) -> None:
        needed = [str(name) for name in _list(self._tree, "extensionsRequired")]
        for name in needed:
            if not name.startswith(_GLB_HARMLESS):
                raise _UnsupportedError(f"a GLB that needs {ascii(name[:40])[1:-1]}")
        for buffer in _list(self._tree, "buffers"):
            if "uri" in buffer:
                raise _DamagedError("its numbers are in another file, which is not followed")

    def _entry(self, name: str, index: object) -> dict[str, Any]:
        """Return one entry of one of the lists of the file."""
        entries = _list(self._tree, name)
        if not isinstance(index, int) or not 0 <= index < len(entries) or not isinstance(entries[index], dict):
            raise _DamagedError(f"{name} {ascii(str(index)[:20])[1:-1]} is not there")
        found: dict[str, Any] = entries[index]
        return found

    def _placed(self) -> Iterator[tuple[object, NDArray[np.float64]]]:
        """Yield the meshes of the scene, each with the matrix [4, 4] that puts it in its place."""
        if not self._tree.get("scenes"):
            for index in range(len(_list(self._tree, "meshes"))):
                yield index, np.eye(4)
            return
        roots = _list(self._entry("scenes", self._tree.get("scene", 0)), "nodes")
        waiting = [(root, np.eye(4)) for root in roots]
        seen = 0
        while waiting:
            index, above = waiting.pop(0) if len(waiting) < 2 else waiting.pop()
            node = self._entry("nodes", index)
            seen += 1
            # A node has one parent; where one has more, the walk need never end.
            if seen > min(len(_list(self._tree, "nodes")), _MAX_NODES):
                raise _DamagedError("nodes that turn in circles")
            matrix = above @ _node_matrix(node)
            if "mesh" in node:
                yield node["mesh"], matrix
            waiting += [(child, matrix) for child in reversed(_list(node, "children"))]

    def _primitive(self, primitive: dict[str, Any]) -> _Mesh | None:
        extensions = primitive.get("extensions", {})
        if "KHR_draco_mesh_compression" in extensions:
            raise _UnsupportedError("a GLB compressed with Draco")
        mode = primitive.get("mode", _GLB_TRIANGLES)
        if mode not in (_GLB_TRIANGLES, _GLB_STRIP, _GLB_FAN):
            self._notes.add("points and lines left out")
            return None
        if primitive.get("targets"):
            self._notes.add("other forms of the shape (morph targets) left out")
        attributes = primitive["attributes"]
        places = self._accessor(attributes["POSITION"])
        if places.dtype != np.float32 or places.shape[1] != 3:
            raise _UnsupportedError("a GLB of whole numbers (quantised)")
        indices = np.arange(len(places))
        if "indices" in primitive:
            indices = self._accessor(primitive["indices"]).astype(np.int64).reshape(-1)
        colours = self._colours(attributes.get("COLOR_0"), len(places))
        faces = _glb_faces(indices, mode)
        if len(faces) and faces.max() >= len(places):
            raise _DamagedError(f"a face names vertex {faces.max()}, there are {len(places):,}")
        return _Mesh(places, faces, colours)

    def _colours(self, index: object, count: int) -> Colours | None:
        if index is None:
            return None
        values = self._accessor(index)
        if len(values) != count or values.shape[1] not in (3, 4) or values.dtype.kind == "i":
            raise _DamagedError("colours that do not match the vertices")
        if values.dtype == np.uint8:
            return values.astype(np.uint8)
        self._notes.add("colours are read as 8 bits")
        top = 1.0 if values.dtype.kind == "f" else float(np.iinfo(values.dtype).max)
        return np.rint(np.clip(np.nan_to_num(values / top), 0, 1) * 255).astype(np.uint8)

    def _accessor(self, index: object) -> NDArray[Any]:
        """Return an array of the file, [count, width], once it is known to lie inside."""
        accessor = self._entry("accessors", index)
        if "sparse" in accessor or "bufferView" not in accessor:
            raise _UnsupportedError("a GLB with sparse arrays")
        view = self._entry("bufferViews", accessor["bufferView"])
        if "EXT_meshopt_compression" in view.get("extensions", {}):
            raise _UnsupportedError("a GLB compressed with meshopt")
        if view.get("buffer", 0) != 0:
            raise _DamagedError("numbers in a second buffer")
        kind = np.dtype(_GLB_TYPES[accessor["componentType"]])
        width, count = _GLB_WIDTHS[accessor["type"]], _limited(_natural(accessor["count"]), "numbers")
        offset, inside = _natural(view.get("byteOffset", 0)), _natural(accessor.get("byteOffset", 0))
        stride = _natural(view.get("byteStride", 0)) or kind.itemsize * width
        length = _natural(view["byteLength"])
        needed = inside + (stride * (count - 1) + kind.itemsize * width if count else 0)
        if needed > length or offset + length > len(self._body) or stride < kind.itemsize * width:
            raise _DamagedError("its numbers are cut short")
        if not count:
            return np.empty((0, width), kind)
        raw = np.frombuffer(self._body, np.uint8, needed - inside, offset + inside)
        rows = np.lib.stride_tricks.as_strided(raw, (count, kind.itemsize * width), (stride, 1), writeable=False)
        return np.ascontiguousarray(rows).view(kind).astype(kind.newbyteorder("="))


def _list(table: object, name: str) -> list[Any]:
    """Return a list of the file, empty when there is none."""
    found = table.get(name, []) if isinstance(table, dict) else None
    if not isinstance(found, list):
        raise _DamagedError(f"{name} is no list")
    return found


def _natural(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value < 1 << 40:
        raise _DamagedError(f"{ascii(str(value)[:20])[1:-1]} where a count is expected")
    return value


def _glb_faces(indices: Integers, mode: int) -> Integers:
    """Return triangles [F, 3] from a list, a strip or a fan of vertices."""
    if mode == _GLB_TRIANGLES:
        return indices[: len(indices) // 3 * 3].reshape(-1, 3)
    if len(indices) < 3:
        return np.empty((0, 3), np.int64)
    if mode == _GLB_FAN:
        return _fan(indices, np.array([len(indices)]))
    faces = np.stack([indices[:-2], indices[1:-1], indices[2:]], axis=1)
    faces[1::2] = faces[1::2, [1, 0, 2]]  # every other triangle of a strip lies the other way round
    return faces


def _node_matrix(node: dict[str, Any]) -> NDArray[np.float64]:
    """Return what a node does to what is below it, [4, 4]."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = (float(value) for value in node.get("rotation", (0, 0, 0, 1)))
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= np.array(node.get("scale", (1, 1, 1)), np.float64).reshape(1, 3)
    matrix[:3, 3] = np.array(node.get("translation", (0, 0, 0)), np.float64).reshape(3)
    return matrix


def _moved(part: _Mesh, matrix: NDArray[np.float64]) -> _Mesh:
    """Return a part where a matrix [4, 4] puts it; mirrored, its faces are turned to face outwards again."""
    if np.array_equal(matrix, np.eye(4)):
        return part
    vertices = part.vertices.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    faces = part.faces[:, ::-1] if np.linalg.det(matrix[:3, :3]) < 0 else part.faces
    return _Mesh(vertices, faces, part.colours)


_READERS: dict[str, Callable[[bytes], _Mesh]] = {
    "OBJ": _read_obj,
    "PLY": _read_ply,
    "STL": _read_stl,
    "OFF": _read_off,
    "GLB": _read_glb,
}


# --- out -----------------------------------------------------------------------------------------------------


def check_format(shape: Shape, form: str) -> None:
    """Raise `UsageError` when a format is unknown or cannot hold a shape's coordinates to 1e-6 of its size."""
    if form not in READABLE:
        raise UsageError(f"{form} is not a shape format; use {', '.join(READABLE)}")
    if form == "STL" and not _is_fine(shape.vertices, shape.size):
        raise UsageError("STL holds 32-bit numbers, too coarse for a shape so far from 0; use .ply or .obj")


def losses(shape: Shape, form: str) -> list[str]:
    """Return what a format cannot keep of this shape, one sentence each."""
    if form != "STL":
        return []
    lost = ["STL keeps no colours"] if shape.colours is not None else []
    return [*lost, "STL keeps corners only; vertices come back in another order, and those at one place as one"]


def encode(shape: Shape, form: str) -> bytes:
    """Return the bytes of a shape file.

    Args:
        shape: the shape.
        form: "PLY": binary, exact; float32 when every coordinate is one, else float64. "OBJ" and "OFF": text of 9
            digits, or 17 where 9 are off by more than 1e-7 of the size. "STL": binary, float32, no colours. "GLB":
            float32; a shape too far from 0 for that is moved there, and its node moves it back.

    Raises:
        UsageError: the format is unknown or cannot hold this shape.
    """
    check_format(shape, form)
    return _WRITERS[form](shape)


def _is_fine(vertices: Vertices, size: float) -> bool:
    """Whether float32 keeps coordinates to 1e-7 of the size (or exactly)."""
    with np.errstate(over="ignore", under="ignore"):
        error = np.abs(vertices.astype(np.float32).astype(np.float64) - vertices)
    return bool(error.max() <= 1e-7 * size)


def _write_ply(shape: Shape) -> bytes:
    with np.errstate(over="ignore", under="ignore"):
        narrow = shape.vertices.astype(np.float32)
    is_narrow = np.array_equal(narrow, shape.vertices)
    vertices = narrow if is_narrow else shape.vertices
    kind = "float" if is_narrow else "double"
    channels = [] if shape.colours is None else ["red", "green", "blue", "alpha"][: shape.colours.shape[1]]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}"]
    header += [f"property {kind} {axis}" for axis in "xyz"] + [f"property uchar {name}" for name in channels]
    header += [f"element face {len(shape.faces)}", "property list uchar int vertex_indices", "end_header", ""]
    rows = np.empty(len(vertices), [("at", f"<f{4 if is_narrow else 8}", 3), ("colour", "u1", len(channels))])
    rows["at"] = vertices
    if shape.colours is not None:
        rows["colour"] = shape.colours
    faces = np.empty(len(shape.faces), [("n", "u1"), ("corners", "<i4", 3)])
    faces["n"], faces["corners"] = 3, shape.faces
    return "\n".join(header).encode() + rows.tobytes() + faces.tobytes()


def _digits(shape: Shape) -> str:
    """Return the format of one coordinate in text."""
    largest = float(np.abs(shape.vertices).max())
    return "%.9g" if 5e-9 * largest <= 1e-7 * shape.size else "%.17g"


def _text(row: str, table: NDArray[Any]) -> bytes:
    """Return a table as text, each of its rows formatted by `row`."""
    pieces = (table[start : start + _ROWS] for start in range(0, len(table), _ROWS))
    return "".join((row * len(piece)) % tuple(piece.reshape(-1).tolist()) for piece in pieces).encode()


def _write_obj(shape: Shape) -> bytes:
    number, table = _digits(shape), shape.vertices.astype(np.float64)
    row = f"v {number} {number} {number}\n"
    if shape.colours is not None:
        row = row[:-1] + " %.4f %.4f %.4f\n"
        table = np.hstack([table, shape.colours[:, :3] / 255])
    return _text(row, table) + _text("f %d %d %d\n", shape.faces.astype(np.int64) + 1)


def _write_off(shape: Shape) -> bytes:
    number, colours = _digits(shape), shape.colours
    header = f"{'OFF' if colours is None else 'COFF'}\n{len(shape.vertices)} {len(shape.faces)} 0\n"
    row, table = f"{number} {number} {number}\n", shape.vertices.astype(np.float64)
    if colours is not None:
        # Always four whole numbers: three that are 0 or 1 could as well be fractions.
        rgba = np.full((len(colours), 4), 255, np.float64)
        rgba[:, : colours.shape[1]] = colours
        row, table = row[:-1] + " %d %d %d %d\n", np.hstack([table, rgba])
    return header.encode() + _text(row, table) + _text("3 %d %d %d\n", shape.faces)


def _write_stl(shape: Shape) -> bytes:
    corners = shape.triangles()
    size = shape.size or 1.0
    normals = np.cross((corners[:, 1] - corners[:, 0]) / size, (corners[:, 2] - corners[:, 0]) / size)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    rows = np.zeros(len(corners), [("n", "<f4", 3), ("corners", "<f4", (3, 3)), ("x", "<u2")])
    rows["n"] = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    rows["corners"] = corners
    return b"binary STL".ljust(80) + struct.pack("<I", len(corners)) + rows.tobytes()


def _write_glb(shape: Shape) -> bytes:
    middle = np.zeros(3) if _is_fine(shape.vertices, shape.size) else shape.vertices.mean(axis=0, dtype=np.float64)
    places = (shape.vertices - middle).astype("<f4") if middle.any() else shape.vertices.astype("<f4")
    parts = [(places.tobytes(), 34962), (shape.faces.astype("<u4").tobytes(), 34963)]
    box = {"min": places.min(axis=0).tolist(), "max": places.max(axis=0).tolist()}
    accessors: list[dict[str, Any]] = [{"componentType": 5126, "count": len(places), "type": "VEC3"} | box]
    accessors.append({"componentType": 5125, "count": shape.faces.size, "type": "SCALAR"})
    attributes = {"POSITION": 0}
    if shape.colours is not None:
        rgba = np.full((len(places), 4), 255, np.uint8)  # rows must be multiples of four bytes
        rgba[:, : shape.colours.shape[1]] = shape.colours
        parts.append((rgba.tobytes(), 34962))
        accessors.append({"componentType": 5121, "normalized": True, "count": len(places), "type": "VEC4"})
        attributes["COLOR_0"] = 2
    starts = list(itertools.accumulate((len(part) for part, _ in parts), initial=0))
    views = [
        {"buffer": 0, "byteOffset": start, "byteLength": len(part), "target": target}
        for start, (part, target) in zip(starts, parts, strict=False)
    ]
    node = {"mesh": 0} | ({"translation": middle.tolist()} if middle.any() else {})
    tree = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [node],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": 1}]}],
        "accessors": [{"bufferView": index} | accessor for index, accessor in enumerate(accessors)],
        "bufferViews": views,
        "buffers": [{"byteLength": starts[-1]}],
    }
    text = json.dumps(tree, separators=(",", ":")).encode()
    text = text.ljust(math.ceil(len(text) / 4) * 4)
    body = b"".join(part for part, _ in parts)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(body), b"BIN\0") + body
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


_WRITERS: dict[str, Callable[[Shape], bytes]] = {
    "OBJ": _write_obj,
    "PLY": _write_ply,
    "STL": _write_stl,
    "OFF": _write_off,
    "GLB": _write_glb,
}
