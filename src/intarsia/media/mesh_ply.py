"""PLY: a header that says what follows, as text or as numbers of either byte order."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .mesh import (
    MAX_HEADER,
    ROWS,
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
from .shape import Shape

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


def read_ply(data: bytes) -> Mesh:
    """Read a PLY file."""
    order, elements, start = _ply_header(data)
    names = [element.name for element in elements]
    if len(set(names)) < len(names) or "vertex" not in names:
        raise DamagedError("no vertices, or two kinds of them, in its header")
    mesh = Mesh(np.empty((0, 3)), np.empty((0, 3), np.int64))
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
    end = re.search(rb"(?:^|[\r\n])[ \t]*end_header[ \t]*(\r\n|\n|\r)", data[:MAX_HEADER])
    if end is None:
        raise DamagedError("its header has no end")
    lines = data[: end.start()].decode("latin-1").splitlines()[1:]
    order: str | None = None
    elements: list[_Element] = []
    for words in filter(None, (line.split() for line in lines)):
        if words[0] == "format" and len(words) == 3 and order is None:
            order = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}[words[1]]
        elif words[0] == "element" and len(words) == 3 and words[2].isdecimal():
            elements.append(_Element(words[1], limited(int(words[2][:20]), "rows")))
        elif words[0] == "property" and elements:
            elements[-1].properties.append(_ply_property(words))
        elif words[0] not in ("comment", "obj_info"):
            raise DamagedError(f"{' '.join(words)[:30]!a} in its header")
    if order is None:
        raise DamagedError("its header names no format")
    rest = len(data) - end.end()
    for one in elements:
        least = one.least() if order else 2 * len(one.properties) - 1
        if one.count and one.count * least > rest + 1:
            raise DamagedError(f"its header says {one.count:,} rows of {one.name[:20]!r} in {rest:,} bytes")
    return order, elements, end.end()


def _ply_property(words: list[str]) -> _Property:
    if len(words) == 5 and words[1] == "list":
        count = _PLY_TYPES[words[2]]
        if count[0] == "f":
            raise DamagedError("a list with a fraction for its length")
        return _Property(words[4], _PLY_TYPES[words[3]], count)
    if len(words) != 3:
        raise DamagedError(f"{' '.join(words)[:30]!a} in its header")
    return _Property(words[2], _PLY_TYPES[words[1]])


def _ply_vertices(mesh: Mesh, element: _Element, source: "_PlyText | _PlyBinary") -> None:
    codes = {one.name: one.code for one in element.properties}
    if element.lists or not {"x", "y", "z"} <= codes.keys() or len(codes) < len(element.properties):
        raise UnsupportedError("a vertex without x, y and z of its own")
    columns = source.scalars(element)
    exact = all(codes[axis] in ("f4", "i1", "u1", "i2", "u2") for axis in "xyz")
    kept = np.float32 if exact else np.float64
    mesh.vertices = np.stack([columns[axis].astype(kept) for axis in "xyz"], axis=1)
    channels = [name for name in ("red", "green", "blue", "alpha") if codes.get(name) == "u1"]
    if channels[:3] == ["red", "green", "blue"]:
        mesh.colours = np.stack([columns[name].astype(np.uint8) for name in channels], axis=1)
    if codes.keys() - {"x", "y", "z"} - set(channels if mesh.colours is not None else ()):
        mesh.notes.append("normals and other numbers of the vertices left out")


def _ply_faces(mesh: Mesh, element: _Element, source: "_PlyText | _PlyBinary") -> None:
    if [one.name in _PLY_LISTS for one in element.lists] != [True] or element.lists[0].code[0] == "f":
        raise UnsupportedError("a face that is not one list of vertices")
    if len(element.properties) > 1:
        mesh.notes.append("numbers beside the faces left out")
    corners, counts = source.lists(element)
    mesh.notes += polygon_notes(np.unique(counts).tolist())
    mesh.faces = fan(corners, counts)


class _PlyText:
    """Rows of a text PLY."""

    def __init__(self, data: bytes, start: int) -> None:
        self._lines = Lines(data, start)

    def skip(self, element: _Element) -> None:
        for _ in self._rows(element):
            pass

    def scalars(self, element: _Element) -> dict[str, NDArray[Any]]:
        width = len(element.properties)
        tables = [np.empty((0, width))]
        for lines in self._rows(element):
            table = read_table(lines, width, "row")
            if table.shape[1] != width:
                raise DamagedError(f"a row of {table.shape[1]} numbers; expected {width}")
            tables.append(table)
        return dict(zip((one.name for one in element.properties), np.concatenate(tables).T, strict=True))

    def lists(self, element: _Element) -> tuple[Integers, Integers]:
        before = element.properties.index(element.lists[0])
        corners, counts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for lines in self._rows(element):
            if len(element.properties) == 1 and is_even(lines, 4) and all(line[:1] == b"3" for line in lines):
                table = read_integers(b" ".join(lines)).reshape(-1, 4)
                if (table[:, 0] == 3).all():
                    corners.append(table[:, 1:].reshape(-1))
                    counts.append(table[:, 0])
                    continue
            rows = [line.split()[before:] for line in lines]
            lengths = [int(row[0]) if row else -1 for row in rows]
            if any(not 0 <= length < len(row) for row, length in zip(rows, lengths, strict=True)):
                raise DamagedError("a face with fewer corners than it says")
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
            raise UnsupportedError("elements of several lists")
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
            raise DamagedError(f"a list of {length:,} in {len(self._data):,} bytes")
        parts: list[Any] = [("b", f"V{before}")] if before else []
        parts += [("n", self._order + one.count_code), ("list", self._order + one.code, (length,))]
        row = np.dtype(parts + ([("a", f"V{after}")] if after else []))
        if self._position + row.itemsize * count > len(self._data):
            return None
        rows = np.frombuffer(self._data, row, count, self._position)
        if not (rows["n"] == length).all():
            return None
        self._position += row.itemsize * count
        limited(count * max(length - 2, 0), "faces")
        return rows["list"].astype(np.int64).reshape(-1), np.full(count, length, np.int64)

    def _mixed_lists(self, one: _Property, count: int, before: int, after: int) -> tuple[Integers, Integers]:
        """Read lists of different lengths: where each begins depends on all before it."""
        width, head = int(one.code[1:]), int(one.count_code[1:])
        data, position, is_byte = self._data, self._position, one.count_code == "u1"
        starts, lengths = np.empty(count, np.int64), np.empty(count, np.int64)
        for index in range(count):
            position += before
            if position + head > len(data):
                raise DamagedError(f"it ends in face {index:,} of {count:,}")
            length = data[position] if is_byte else self._length(one, position)
            position += head
            starts[index], lengths[index] = position, length
            position += length * width + after
        if position > len(data):
            raise DamagedError(f"it ends in face {count:,} of {count:,}")
        self._position = position
        limited(int(np.maximum(lengths - 2, 0).sum()), "faces")
        return self._gathered(starts, lengths, self._order + one.code), lengths

    def _gathered(self, starts: Integers, lengths: Integers, code: str) -> Integers:
        """Return the numbers of lists that begin at these bytes, one list after the other."""
        raw, width, found = np.frombuffer(self._data, np.uint8), int(code[2:]), [np.empty(0, np.int64)]
        for low in range(0, len(starts), ROWS):
            counts = lengths[low : low + ROWS]
            step = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
            at = np.repeat(starts[low : low + ROWS], counts) + step * width
            found.append(raw[at[:, None] + np.arange(width)].reshape(-1).view(code).astype(np.int64))
        return np.concatenate(found)

    def _length(self, one: _Property, position: int) -> int:
        piece = self._data[position : position + int(one.count_code[1:])]
        if len(piece) < int(one.count_code[1:]):
            raise DamagedError("it ends in a list")
        length = int(np.frombuffer(piece, self._order + one.count_code)[0])
        if length < 0:
            raise DamagedError(f"a list of {length}")
        return length

    def _array(self, row: np.dtype[Any], count: int) -> NDArray[Any]:
        end = self._position + row.itemsize * count
        if end > len(self._data):
            raise DamagedError(f"{end - len(self._data):,} bytes are missing at its end")
        rows = np.frombuffer(self._data, row, count, self._position) if count else np.empty(0, row)
        self._position = end
        return rows


# --- out ------------------------------------------------------------------------------------------------------


def write_ply(shape: Shape) -> bytes:
    """Return the bytes of a binary PLY file."""
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
