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

import re
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, IntarsiaError, ResourceError, UsageError
from . import mesh as shared
from .files import PathLike, read_bytes, shown
from .mesh import HEAD, MAX_HEADER, ROWS, DamagedError, LargeError, Mesh, UnsupportedError, is_fine
from .mesh_glb import read_glb, write_glb
from .mesh_ply import read_ply, write_ply
from .mesh_text import COMMENTS, OBJ_VERTEX, OBJ_WORDS, read_obj, read_off, read_stl
from .shape import MAX_COORDINATE, Faces, Shape, Vertices

__all__ = ["HEAD", "READABLE", "SUFFIXES", "UnsupportedShapeError"]
__all__ += ["check_format", "decode", "encode", "is_shape", "load", "losses"]

READABLE = ("OBJ", "PLY", "STL", "OFF", "GLB")
SUFFIXES = {".ply": "PLY", ".obj": "OBJ", ".stl": "STL", ".off": "OFF", ".glb": "GLB"}


class UnsupportedShapeError(InputError):
    """An intact file, as far as one can see, whose shape is in a form that cannot be read."""


# --- in ------------------------------------------------------------------------------------------------------


def load(path: PathLike) -> Shape:
    """Read a shape file.

    Args:
        path: an OBJ, PLY, STL, OFF or GLB file, whatever its suffix.

    Raises:
        InputError: missing, not a shape, truncated, damaged, NaN in it, or it needs other files.
        UnsupportedShapeError: points without faces, compressed GLB, or another form that cannot be read.
        ResourceError: more than `mesh.MAX_FACES`, or out of memory.
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
    start = head[:MAX_HEADER]
    if re.match(rb"\s*solid\b[^\n\r]*[\n\r]\s*(facet\s+normal|endsolid)\b", start):
        return "STL"
    if re.match(rb"\s*(#[^\n]*\n\s*)*(ST)?C?N?4?n?OFF\b\s*(BINARY\b|#|-?\d)", start):
        return "OFF"
    return "OBJ" if _is_obj(head, suffix, size) else None


def _is_obj(head: bytes, suffix: str, size: int) -> bool:
    """Whether text is an OBJ: nothing but its statements, vertices and faces among them."""
    if b"\0" in head:
        return False
    whole = size <= len(head)
    first = COMMENTS.match(head, 0, MAX_HEADER)
    start = first.end() if first else 0
    text = re.sub(rb"\\\r?\n", b" ", head[start : start + HEAD])
    lines = [line.strip() for line in text.splitlines()[: None if start + HEAD >= size <= len(head) else -1]]
    lines = [line for line in lines if line and not line.startswith(b"#")]
    words = [line.split(None, 1)[0] for line in lines]
    if not lines or not all(word in OBJ_WORDS for word in words):
        # A text of comments alone may go on as an OBJ, if it says it is one.
        return not lines and suffix == ".obj" and not whole
    vertices = [line for line, word in zip(lines, words, strict=True) if word == b"v"]
    if not all(OBJ_VERTEX.fullmatch(line) for line in vertices):
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
    except LargeError as error:
        raise ResourceError(
            f"{shown_as}: {error}; the limit is {shared.MAX_FACES:,}; simplify the shape first"
        ) from None
    except UnsupportedError as error:
        raise UnsupportedShapeError(
            f"{shown_as}: {error} cannot be read; save it as a PLY of plain triangles"
        ) from None
    except DamagedError as error:
        raise InputError(f"{shown_as}: damaged or truncated {form} file ({error}); get an undamaged copy") from None
    except MemoryError as error:
        raise ResourceError(f"{shown_as}: out of memory while reading; simplify the shape first") from error
    except IntarsiaError as error:
        raise InputError(f"{shown_as}: damaged {form} file ({error}); get an undamaged copy") from error
    except Exception as error:  # numbers and words where others were expected
        said = " ".join(str(error).split())[:100]
        raise InputError(f"{shown_as}: damaged {form} file ({ascii(said)[1:-1]}); get an undamaged copy") from error


def _checked(mesh: Mesh, form: str, data: bytes) -> Shape:
    """Wrap what a reader found, once it is known to be a shape."""
    vertices, faces, count = mesh.vertices, mesh.faces, len(mesh.vertices)
    if not count:
        raise DamagedError("no vertices in it")
    if not len(faces):
        raise UnsupportedError("a shape of points without faces")
    bad = np.flatnonzero(~(np.abs(vertices) <= MAX_COORDINATE).all(axis=1))
    if bad.size:
        raise DamagedError(f"vertex {bad[0]} is NaN, infinite or beyond {MAX_COORDINATE:g}")
    low, high = int(faces.min()), int(faces.max())
    if low < 0 or high >= count:
        raise DamagedError(f"a face names vertex {low if low < 0 else high}, there are {count:,}")
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
    for start in range(0, len(faces), ROWS):
        # Scaled to -1..1, so that the products of tiny coordinates do not vanish.
        a, b, c = np.moveaxis(vertices[faces[start : start + ROWS]].astype(np.float64) / scale, 1, 0)
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


_READERS: dict[str, Callable[[bytes], Mesh]] = {
    "OBJ": read_obj,
    "PLY": read_ply,
    "STL": read_stl,
    "OFF": read_off,
    "GLB": read_glb,
}


# --- out -----------------------------------------------------------------------------------------------------


def check_format(shape: Shape, form: str) -> None:
    """Raise `UsageError` when a format is unknown or cannot hold a shape's coordinates to 1e-6 of its size."""
    if form not in READABLE:
        raise UsageError(f"{form} is not a shape format; use {', '.join(READABLE)}")
    if form == "STL" and not is_fine(shape.vertices, shape.size):
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


def _digits(shape: Shape) -> str:
    """Return the format of one coordinate in text."""
    largest = float(np.abs(shape.vertices).max())
    return "%.9g" if 5e-9 * largest <= 1e-7 * shape.size else "%.17g"


def _text(row: str, table: NDArray[Any]) -> bytes:
    """Return a table as text, each of its rows formatted by `row`."""
    pieces = (table[start : start + ROWS] for start in range(0, len(table), ROWS))
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


_WRITERS: dict[str, Callable[[Shape], bytes]] = {
    "OBJ": _write_obj,
    "PLY": write_ply,
    "STL": _write_stl,
    "OFF": _write_off,
    "GLB": write_glb,
}
