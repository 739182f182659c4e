"""Shapes as text: OBJ, OFF, and STL in both its forms."""

import re

import numpy as np
from numpy.typing import NDArray

from .mesh import (
    DamagedError,
    Integers,
    Lines,
    Mesh,
    UnsupportedError,
    fan,
    is_even,
    limited,
    polygon_notes,
    read_integers,
    read_table,
)
from .shape import Colours, Vertices

_OBJ_IGNORED = {b"vn", b"vt", b"vp", b"g", b"o", b"s", b"mg", b"usemtl", b"mtllib", b"usemap", b"maplib", b"lod"}
_OBJ_IGNORED |= {b"l", b"p", b"bevel", b"c_interp", b"d_interp", b"shadow_obj", b"trace_obj"}
_OBJ_CURVES = {b"cstype", b"deg", b"bmat", b"step", b"curv", b"curv2", b"surf", b"parm", b"trim", b"hole", b"scrv"}
_OBJ_CURVES |= {b"sp", b"end", b"con", b"ctech", b"stech", b"call", b"csh"}
OBJ_WORDS = {b"v", b"f"} | _OBJ_IGNORED | _OBJ_CURVES
OBJ_VERTEX = re.compile(rb"v(\s+[-+]?(\d+\.?\d*|\.\d+|nan|inf)([eE][-+]?\d+)?){3,7}\s*(#.*)?", re.IGNORECASE)
COMMENTS = re.compile(rb"(?:[ \t\r]*(?:#[^\n]*)?\n)*")


# --- OBJ -----------------------------------------------------------------------------------------------------


def read_obj(data: bytes) -> Mesh:
    """Read an OBJ file."""
    if b"\\" in data:  # a line that goes on in the next
        data = re.sub(rb"\\\r?\n", b" ", data)
    rows: list[NDArray[np.float64]] = []
    corners: list[Integers] = []
    counts: list[Integers] = []
    left_out: set[bytes] = set()
    so_far = 0
    for lines in Lines(data).blocks():
        vertices = [line[2:] for line in lines if line[:2] in (b"v ", b"v\t")]
        faces = [line[2:] for line in lines if line[:2] in (b"f ", b"f\t")]
        if len(vertices) + len(faces) < len(lines):
            left_out |= _other_statements(lines)
        if vertices:
            rows.append(read_table(vertices, 3, "vertex"))
        if faces:
            found, lengths = _obj_faces(faces, lines, so_far)
            corners.append(found)
            counts.append(lengths)
        so_far = limited(so_far + len(vertices), "vertices")
        limited(sum(map(len, counts)), "faces")
    notes = ["normals, textures, materials, groups and lines left out"] if left_out else []
    all_counts = np.concatenate(counts) if counts else np.empty(0, np.int64)
    all_corners = np.concatenate(corners) if corners else np.empty(0, np.int64)
    faces_found = fan(all_corners, all_counts) if all_counts.size else np.empty((0, 3), np.int64)
    vertices_found, colours, more = _obj_vertices(rows)
    notes += more + polygon_notes(np.unique(all_counts).tolist())
    return Mesh(vertices_found, faces_found, colours, notes)


def _other_statements(lines: list[bytes]) -> set[bytes]:
    """Return the statements that are neither vertices nor faces, once all of them are known."""
    words = {line.split(None, 1)[0] for line in lines} - {b"v", b"f"}
    if words & _OBJ_CURVES:
        raise UnsupportedError("a surface of curves")
    unknown = sorted(words - OBJ_WORDS)
    if unknown:
        raise DamagedError(f"unknown statement {unknown[0][:20].decode('latin-1')!a}")
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
            raise DamagedError("a ; in a face")
        counts = np.diff(np.concatenate([[-1], ends, [len(words)]])) - 1
    corners = read_integers(b" ".join(words).replace(b";", b" "))
    if not corners.all():
        raise DamagedError("a face names vertex 0; the first one is 1")
    if (corners > 0).all():
        return corners - 1, counts
    # Negative numbers count backwards from the last vertex before the face.
    is_vertex = np.array([line[:2] in (b"v ", b"v\t") for line in lines])
    before = so_far + np.cumsum(is_vertex)[[line[:2] in (b"f ", b"f\t") for line in lines]]
    each = np.repeat(before, counts)
    if (corners < -each).any():
        raise DamagedError("a face names a vertex before the first one")
    return np.where(corners > 0, corners - 1, each + corners), counts


# --- OFF -----------------------------------------------------------------------------------------------------


def read_off(data: bytes) -> Mesh:
    """Read an OFF file."""
    lines = Lines(data)
    first = lines.one("lines").split()
    if first[0] not in (b"OFF", b"COFF") or first[1:2] == [b"BINARY"]:
        raise UnsupportedError(f"{first[0][:10].decode('latin-1')} with normals, textures or binary numbers")
    counts = read_integers(b" ".join(first[1:] or lines.one("counts").split()))
    if len(counts) not in (2, 3) or (counts < 0).any():
        raise DamagedError("no counts of vertices and faces")
    vertices, faces = limited(int(counts[0]), "vertices"), limited(int(counts[1]), "faces")
    if 2 * (vertices + faces) > len(data) + 2:
        raise DamagedError(f"its header says {vertices:,} vertices and {faces:,} faces in {len(data):,} bytes")
    tables = [read_table(block, 3, "vertex") for block in lines.take(vertices, "vertices") if block] if vertices else []
    table = (
        np.concatenate([one[:, : min(t.shape[1] for t in tables)] for one in tables]) if tables else np.empty((0, 3))
    )
    colours, notes = (_off_colours(table[:, 3:]) if first[0] == b"COFF" else None), []
    if table.shape[1] > 3 and colours is None:
        notes.append("numbers beside the coordinates left out")
    corners, lengths = _off_faces(lines, faces)
    notes += polygon_notes(np.unique(lengths).tolist())
    return Mesh(np.ascontiguousarray(table[:, :3]), fan(corners, lengths), colours, notes)


def _off_colours(values: NDArray[np.float64]) -> Colours | None:
    """Return colours that are whole numbers 0..255, or fractions 0..1, or None."""
    if values.shape[1] not in (3, 4) or not ((values >= 0) & (values <= 255)).all():
        return None
    is_whole = (values == np.rint(values)).all() and values.max() > 1
    return np.rint(values if is_whole else np.clip(values, 0, 1) * 255).astype(np.uint8)


def _off_faces(lines: Lines, count: int) -> tuple[Integers, Integers]:
    """Return the corners of all faces in one row, and how many each face has."""
    corners, counts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for block in lines.take(count, "faces") if count else ():
        if not block:
            continue
        if all(line.startswith((b"3 ", b"3\t")) for line in block) and is_even(block, 4):
            corners.append(read_integers(b" ".join(block)).reshape(-1, 4)[:, 1:].reshape(-1))
            counts.append(np.full(len(block), 3))
            continue
        rows = [line.split() for line in block]
        lengths = [int(row[0]) for row in rows]
        if any(not 0 <= length < len(row) for row, length in zip(rows, lengths, strict=True)):
            raise DamagedError("a face with fewer corners than it says")
        corners.append(
            np.array([int(w) for row, n in zip(rows, lengths, strict=True) for w in row[1 : n + 1]], np.int64)
        )
        counts.append(np.array(lengths))
    return np.concatenate(corners), np.concatenate(counts)


# --- STL -----------------------------------------------------------------------------------------------------


def read_stl(data: bytes) -> Mesh:
    """Read an STL file, text or binary."""
    count = int.from_bytes(data[80:84], "little")
    if len(data) == 84 + 50 * count and count:
        limited(count, "faces")
        rows = np.frombuffer(data, np.dtype([("n", "<f4", 3), ("corners", "<f4", (3, 3)), ("x", "<u2")]), count, 84)
        return _merged(rows["corners"].reshape(-1, 3).astype(np.float32))
    if not re.match(rb"\s*solid\b", data):
        raise DamagedError(f"its header says {count:,} faces in {len(data):,} bytes")
    return _merged(_stl_corners(data))


_STL_WORDS = (b"solid", b"facet", b"outer", b"vertex", b"endloop", b"endfacet", b"endsolid")


def _stl_corners(data: bytes) -> NDArray[np.float64]:
    """Return the corners of an ASCII STL, float64 [3 F, 3]."""
    tables, tally, last = [np.empty((0, 3))], dict.fromkeys(_STL_WORDS, 0), b""
    for lines in Lines(data).blocks():
        words = [line.split(None, 1)[0].lower() for line in lines]
        for word in set(words):
            if word not in tally:
                raise DamagedError(f"unknown word {word[:20].decode('latin-1')!a}")
            tally[word] += words.count(word)
        tables.append(
            read_table([line[7:] for line, word in zip(lines, words, strict=True) if word == b"vertex"], 3, "corner")
        )
        last = words[-1] if words else last
        limited(tally[b"facet"], "faces")
    if last != b"endsolid":
        raise DamagedError("no endsolid at its end")
    facets = tally[b"facet"]
    if tally[b"vertex"] != 3 * facets or tally[b"endfacet"] != facets or tally[b"outer"] != facets:
        raise DamagedError(f"{tally[b'vertex']:,} corners in {facets:,} facets; expected three in each")
    if not facets:
        raise DamagedError("no facets in it")
    return np.concatenate([table[:, :3] for table in tables])


def _merged(corners: Vertices) -> Mesh:
    """Return a mesh where equal corners [3 F, 3] are one vertex, in the order of their first appearance."""
    corners = corners + corners.dtype.type(0)  # -0 and 0 are the same place
    _, first, inverse = np.unique(_fingerprints(corners), return_index=True, return_inverse=True)
    if not np.array_equal(corners[first][inverse], corners, equal_nan=True):  # two places with one fingerprint
        _, first, inverse = np.unique(corners, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    faces = rank[inverse.reshape(-1)].reshape(-1, 3)
    return Mesh(corners[first[order]], faces, notes=["corners at the same place are joined"])


def _fingerprints(rows: Vertices) -> NDArray[np.uint64]:
    """Return a number for each row [n, 3]: sorting these is much quicker than sorting rows."""
    bits = np.ascontiguousarray(rows).view(f"u{rows.dtype.itemsize}").astype(np.uint64)
    mixed = np.zeros(len(rows), np.uint64)
    for column in bits.T:
        mixed = (mixed ^ column) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed
