"""GLB: a description in JSON and a block of numbers; nothing outside of the file is ever opened."""

import itertools
import json
import math
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .mesh import DamagedError, Integers, Mesh, UnsupportedError, fan, is_fine, limited
from .shape import Colours, Shape

_MAX_JSON = 1 << 26

# --- GLB -----------------------------------------------------------------------------------------------------

_GLB_TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_GLB_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_GLB_HARMLESS = ("KHR_materials_", "KHR_texture_", "KHR_lights_", "EXT_texture_", "KHR_xmp")
_GLB_TRIANGLES, _GLB_STRIP, _GLB_FAN = 4, 5, 6
_MAX_NODES = 100_000


def read_glb(data: bytes) -> Mesh:
    """Read a GLB file."""
    tree, body = _glb_chunks(data)
    return _Glb(tree, body).mesh()


def _glb_chunks(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the JSON and the numbers of a GLB."""
    if len(data) < 20 or data[:4] != b"glTF":
        raise DamagedError("cut in its header")
    version, length, size = struct.unpack_from("<III", data, 4)
    if version != 2:
        raise UnsupportedError(f"GLB version {version}")
    if length > len(data) or 20 + size > length or data[16:20] != b"JSON":
        raise DamagedError(f"its header says {length:,} bytes, there are {len(data):,}")
    if size > _MAX_JSON:
        raise DamagedError(f"{size:,} bytes of JSON")
    try:
        tree = json.loads(data[20 : 20 + size])
    except RecursionError:
        raise DamagedError("JSON that never ends") from None
    if not isinstance(tree, dict):
        raise DamagedError("JSON of something else")
    start = 20 + size
    if start + 8 > length:
        return tree, b""
    (size,) = struct.unpack_from("<I", data, start)
    if data[start + 4 : start + 8] != b"BIN\0" or start + 8 + size > length:
        raise DamagedError("its numbers are cut short")
    return tree, data[start + 8 : start + 8 + size]


class _Glb:
    """The scene in a GLB."""

    def __init__(self, tree: dict[str, Any], body: bytes) -> None:
        self._tree, self._body = tree, body
        self._notes: set[str] = set()
        self._check_needs()

    def mesh(self) -> Mesh:
        """Return all triangles of the scene as one mesh."""
        parts: list[Mesh] = []
        faces = vertices = 0
        for index, matrix in self._placed():
            for primitive in _list(self._entry("meshes", index), "primitives"):
                part = self._primitive(primitive)
                if part is None:
                    continue
                vertices = limited(vertices + len(part.vertices), "vertices")
                faces = limited(faces + len(part.faces), "faces")
                parts.append(_moved(part, matrix))
        if not parts:
            raise DamagedError("no triangles in it")
        if any(self._tree.get(name) for name in ("materials", "textures", "images", "animations", "skins", "cameras")):
            self._notes.add("materials, textures, animations and cameras left out")
        return self._joined(parts)

    def _joined(self, parts: list[Mesh]) -> Mesh:
        starts = itertools.accumulate((len(part.vertices) for part in parts), initial=0)
        faces = np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=False)])
        colours = [part.colours for part in parts if part.colours is not None]
        alike = len(colours) == len(parts) and len({one.shape[1] for one in colours}) == 1
        if colours and not alike:
            self._notes.add("colours that only some vertices have left out")
        vertices = np.concatenate([part.vertices for part in parts])
        return Mesh(vertices, faces, np.concatenate(colours) if alike else None, sorted(self._notes))

    def _check_needs(self) -> None:
        needed = [str(name) for name in _list(self._tree, "extensionsRequired")]
        for name in needed:
            if not name.startswith(_GLB_HARMLESS):
                raise UnsupportedError(f"a GLB that needs {ascii(name[:40])[1:-1]}")
        for buffer in _list(self._tree, "buffers"):
            if "uri" in buffer:
                raise DamagedError("its numbers are in another file, which is not followed")

    def _entry(self, name: str, index: object) -> dict[str, Any]:
        """Return one entry of one of the lists of the file."""
        entries = _list(self._tree, name)
        if not isinstance(index, int) or not 0 <= index < len(entries) or not isinstance(entries[index], dict):
            raise DamagedError(f"{name} {ascii(str(index)[:20])[1:-1]} is not there")
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
                raise DamagedError("nodes that turn in circles")
            matrix = above @ _node_matrix(node)
            if "mesh" in node:
                yield node["mesh"], matrix
            waiting += [(child, matrix) for child in reversed(_list(node, "children"))]

    def _primitive(self, primitive: dict[str, Any]) -> Mesh | None:
        extensions = primitive.get("extensions", {})
        if "KHR_draco_mesh_compression" in extensions:
            raise UnsupportedError("a GLB compressed with Draco")
        mode = primitive.get("mode", _GLB_TRIANGLES)
        if mode not in (_GLB_TRIANGLES, _GLB_STRIP, _GLB_FAN):
            self._notes.add("points and lines left out")
            return None
        if primitive.get("targets"):
            self._notes.add("other forms of the shape (morph targets) left out")
        attributes = primitive["attributes"]
        places = self._accessor(attributes["POSITION"])
        if places.dtype != np.float32 or places.shape[1] != 3:
            raise UnsupportedError("a GLB of whole numbers (quantised)")
        indices = np.arange(len(places))
        if "indices" in primitive:
            indices = self._accessor(primitive["indices"]).astype(np.int64).reshape(-1)
        colours = self._colours(attributes.get("COLOR_0"), len(places))
        faces = _glb_faces(indices, mode)
        if len(faces) and faces.max() >= len(places):
            raise DamagedError(f"a face names vertex {faces.max()}, there are {len(places):,}")
        return Mesh(places, faces, colours)

    def _colours(self, index: object, count: int) -> Colours | None:
        if index is None:
            return None
        values = self._accessor(index)
        if len(values) != count or values.shape[1] not in (3, 4) or values.dtype.kind == "i":
            raise DamagedError("colours that do not match the vertices")
        if values.dtype == np.uint8:
            return values.astype(np.uint8)
        self._notes.add("colours are read as 8 bits")
        top = 1.0 if values.dtype.kind == "f" else float(np.iinfo(values.dtype).max)
        return np.rint(np.clip(np.nan_to_num(values / top), 0, 1) * 255).astype(np.uint8)

    def _accessor(self, index: object) -> NDArray[Any]:
        """Return an array of the file, [count, width], once it is known to lie inside."""
        accessor = self._entry("accessors", index)
        if "sparse" in accessor or "bufferView" not in accessor:
            raise UnsupportedError("a GLB with sparse arrays")
        view = self._entry("bufferViews", accessor["bufferView"])
        if "EXT_meshopt_compression" in view.get("extensions", {}):
            raise UnsupportedError("a GLB compressed with meshopt")
        if view.get("buffer", 0) != 0:
            raise DamagedError("numbers in a second buffer")
        kind = np.dtype(_GLB_TYPES[accessor["componentType"]])
        width, count = _GLB_WIDTHS[accessor["type"]], limited(_natural(accessor["count"]), "numbers")
        offset, inside = _natural(view.get("byteOffset", 0)), _natural(accessor.get("byteOffset", 0))
        stride = _natural(view.get("byteStride", 0)) or kind.itemsize * width
        length = _natural(view["byteLength"])
        needed = inside + (stride * (count - 1) + kind.itemsize * width if count else 0)
        if needed > length or offset + length > len(self._body) or stride < kind.itemsize * width:
            raise DamagedError("its numbers are cut short")
        if not count:
            return np.empty((0, width), kind)
        raw = np.frombuffer(self._body, np.uint8, needed - inside, offset + inside)
        rows = np.lib.stride_tricks.as_strided(raw, (count, kind.itemsize * width), (stride, 1), writeable=False)
        return np.ascontiguousarray(rows).view(kind).astype(kind.newbyteorder("="))


def _list(table: object, name: str) -> list[Any]:
    """Return a list of the file, empty when there is none."""
    found = table.get(name, []) if isinstance(table, dict) else None
    if not isinstance(found, list):
        raise DamagedError(f"{name} is no list")
    return found


def _natural(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value < 1 << 40:
        raise DamagedError(f"{ascii(str(value)[:20])[1:-1]} where a count is expected")
    return value


def _glb_faces(indices: Integers, mode: int) -> Integers:
    """Return triangles [F, 3] from a list, a strip or a fan of vertices."""
    if mode == _GLB_TRIANGLES:
        return indices[: len(indices) // 3 * 3].reshape(-1, 3)
    if len(indices) < 3:
        return np.empty((0, 3), np.int64)
    if mode == _GLB_FAN:
        return fan(indices, np.array([len(indices)]))
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


def _moved(part: Mesh, matrix: NDArray[np.float64]) -> Mesh:
    """Return a part where a matrix [4, 4] puts it; mirrored, its faces are turned to face outwards again."""
    if np.array_equal(matrix, np.eye(4)):
        return part
    vertices = part.vertices.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    faces = part.faces[:, ::-1] if np.linalg.det(matrix[:3, :3]) < 0 else part.faces
    return Mesh(vertices, faces, part.colours)


# --- out ------------------------------------------------------------------------------------------------------


def write_glb(shape: Shape) -> bytes:
    """Return the bytes of a GLB file."""
    middle = np.zeros(3) if is_fine(shape.vertices, shape.size) else shape.vertices.mean(axis=0, dtype=np.float64)
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
