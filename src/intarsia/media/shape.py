"""The shape: a surface of triangles, and what the numbers mean. Files are `shape_file`'s business.

    vertices  [V, 3]  x y z ────┐        2
    faces     [F, 3]  0 1 2 ────┼──►    ╱ ╲      corners counter-clockwise, seen from outside
    colours   [V, 3]  r g b ────┘      0───1

Coordinates have no unit: what counts is how far they are from each other, compared with the longest side of the
box around the shape, its `size`.
"""

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from .files import read_bytes

Vertices = NDArray[np.floating[Any]]
"""float32 or float64 [V, 3]: x, y, z."""

Faces = NDArray[np.int32]
"""int32 [F, 3]: which vertices a triangle joins, counted from 0."""

Colours = NDArray[np.uint8]
"""uint8 [V, 3] RGB or [V, 4] RGBA."""

MAX_COORDINATE = 1e30
"""Coordinates are believed up to here; the cube of what is larger leaves the range of numbers."""


@dataclass(frozen=True, eq=False)
class Shape:
    """A surface of triangles.

    Attributes:
        vertices: float32 or float64 [V, 3], finite, -1e30..1e30.
        faces: int32 [F, 3], each 0..V-1, F at least 1; zero-area and repeated faces are allowed.
        colours: uint8 [V, 3] or [V, 4], one for each vertex, or None.
        name: file name without folders, or "".
        format: "OBJ", "PLY", "STL", "GLB" or "OFF" it was read from, or "" for a shape made in memory.
        file: what it was read from: bytes, or a path, or None.
        notes: what had to be converted or left out on the way in, one sentence each.
    """

    vertices: Vertices
    faces: Faces
    colours: Colours | None = None
    name: str = ""
    format: str = ""
    file: bytes | Path | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    kind = "shape"

    def __post_init__(self) -> None:
        who = f"shape {self.name}" if self.name else "shape"
        vertices, faces = self.vertices, self.faces
        if vertices.ndim != 2 or vertices.shape[1] != 3 or vertices.dtype not in (np.float32, np.float64):
            raise UsageError(
                f"{who}: vertices {vertices.dtype} {list(vertices.shape)}; expected float32 or float64 [V, 3]"
            )
        if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype != np.int32:
            raise UsageError(f"{who}: faces {faces.dtype} {list(faces.shape)}; expected int32 [F, 3]")
        if not len(faces):
            raise UsageError(f"{who}: no faces; expected one or more")
        if faces.min() < 0 or faces.max() >= len(vertices):
            raise UsageError(
                f"{who}: faces name vertices {faces.min()}..{faces.max()}; expected 0..{len(vertices) - 1}"
            )
        if not (np.abs(vertices) <= MAX_COORDINATE).all():
            raise UsageError(f"{who}: a coordinate is NaN, infinite or beyond {MAX_COORDINATE:g}; repair it first")
        if self.colours is not None:
            self._check_colours(who, self.colours)

    def _check_colours(self, who: str, colours: Colours) -> None:
        count = len(self.vertices)
        if colours.dtype != np.uint8 or colours.shape not in ((count, 3), (count, 4)):
            raise UsageError(
                f"{who}: colours {colours.dtype} {list(colours.shape)}; expected uint8 [{count}, 3] or [{count}, 4]"
            )

    @property
    def sides(self) -> NDArray[np.float64]:
        """Sides of the box around all vertices, float64 [3], in the shape's own units."""
        low, high = self.vertices.min(axis=0), self.vertices.max(axis=0)
        sides: NDArray[np.float64] = high.astype(np.float64) - low.astype(np.float64)
        return sides

    @property
    def size(self) -> float:
        """Longest side of the box around all vertices, in the shape's own units; 0 when they are one point."""
        return float(self.sides.max())

    def original(self) -> bytes | None:
        """Return the bytes of the file it was read from, or None.

        Raises:
            InputError: the file is no longer there or cannot be read.
        """
        return read_bytes(self.file) if isinstance(self.file, Path) else self.file

    def digest(self) -> bytes:
        """Return a hash of vertices, faces, colours, name and file, 32 bytes."""
        facts = (self.vertices.dtype.name, len(self.vertices), len(self.faces), self.name)
        parts: list[Any] = [str(facts).encode("utf-8", "backslashreplace")]
        parts += [np.ascontiguousarray(self.vertices), np.ascontiguousarray(self.faces)]
        parts += [b"" if self.colours is None else np.ascontiguousarray(self.colours), self.original() or b""]
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()

    def triangles(self) -> NDArray[np.float64]:
        """Return the corners of every face, float64 [F, 3 corners, 3 coordinates]."""
        return self.vertices.astype(np.float64)[self.faces]

    def with_vertices(self, vertices: Vertices) -> "Shape":
        """Return this shape with other places for the same vertices; its file is forgotten.

        Raises:
            UsageError: another number of vertices, NaN or infinite.
        """
        if vertices.shape != self.vertices.shape:
            raise UsageError(f"vertices {list(vertices.shape)} given; expected {list(self.vertices.shape)}")
        return replace(self, vertices=vertices, file=None, notes=())

    def describe(self) -> str:
        """Return how many vertices and faces there are, and the sides of the box around them, in words."""
        sides = " x ".join(f"{side:.3g}" for side in self.sides)
        colour = "" if self.colours is None else ", coloured"
        return f"{_count(len(self.vertices), 'vertex', 'vertices')}, {_count(len(self.faces), 'face')}, {sides}{colour}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
