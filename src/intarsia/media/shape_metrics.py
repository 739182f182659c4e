"""How far a shape is from its reference: distances between surfaces, volume, and the share of it they have in common.

    points on A ──► nearest point of surface B ──► distance ──► mean, root mean square, largest
    points on B ──► nearest point of surface A ──► distance ──┘      in units of the size of A, the reference

The points are spread evenly over the area (the same ones every time), and for the largest distance the vertices are
looked at as well. The nearest point is that of the whole surface, faces, edges and corners, found exactly: search
trees only say which triangles cannot hold it.

Left out: normals, colours, and anything that asks which vertex belongs to which.
"""

import importlib
import importlib.util
import math
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from .shape import Shape

Points = NDArray[np.float64]
"""[n, 3]."""

SAMPLES = 20_000
"""Points on each surface."""

RESOLUTION = 64
"""Cells along the longest side of the box around both shapes, for what they have in common."""

_SEED = 20_240_229
_BLOCK = 1 << 13  # points looked up at a time
_PAIRS = 1 << 20  # pairs of point and triangle, or of line and triangle, at a time
_FIRST = 8  # triangles of each kind looked at first
_CLASSES = 48  # kinds of triangles, each with half the radius of the one before


@dataclass(frozen=True)
class Distances:
    """Distances from points of one surface to the other surface, in units of the reference's size.

    Attributes:
        there: mean over points spread evenly over the reference's area, to the shape.
        back: mean over points spread evenly over the shape's area, to the reference.
        there_squared: mean of the squares, the same points.
        back_squared: mean of the squares, the same points.
        there_most: largest, over the same points and the reference's vertices.
        back_most: largest, over the same points and the shape's vertices.
    """

    there: float
    back: float
    there_squared: float
    back_squared: float
    there_most: float
    back_most: float

    @property
    def mean(self) -> float:
        """Chamfer distance: the mean of the two directed means, so that both ways count the same; 0 when equal."""
        return (self.there + self.back) / 2

    @property
    def squared(self) -> float:
        """Chamfer distance of squares: the mean of the two directed means of the squares."""
        return (self.there_squared + self.back_squared) / 2

    @property
    def most(self) -> float:
        """Hausdorff distance, as far as the points tell: the larger of the two largest."""
        return max(self.there_most, self.back_most)


def distances(reference: Shape, shape: Shape, *, samples: int = SAMPLES, vertices: bool = True) -> Distances:
    """Return how far two surfaces are from each other.

    Args:
        reference: the original; its size, the longest side of the box around it, is the unit.
        shape: what is compared with it.
        samples: points on each surface.
        vertices: whether the largest distance looks at the vertices too; without them it takes less time.

    Raises:
        UsageError: the reference has no size, or scipy is not installed.
        ValueError: `samples` is not positive.
    """
    if samples < 1:
        raise ValueError(f"samples must be positive, got {samples}")
    size = reference.size
    if size == 0:
        raise UsageError("the reference shape has no size: all its vertices are one point")
    # Near the origin, and of size 1, nothing is lost to rounding.
    middle = (reference.vertices.max(axis=0).astype(np.float64) + reference.vertices.min(axis=0)) / 2
    a, b = (Surface((one.vertices - middle) / size, one.faces) for one in (reference, shape))
    there, there_most = _one_way(a, b, samples, vertices)
    back, back_most = _one_way(b, a, samples, vertices)
    squares = float(np.mean(there * there)), float(np.mean(back * back))
    return Distances(float(there.mean()), float(back.mean()), *squares, there_most, back_most)


def _one_way(source: "Surface", target: "Surface", samples: int, vertices: bool) -> tuple[NDArray[np.float64], float]:
    """Return the distances of evenly spread points, and the largest distance of all."""
    found = target.distances(source.spread(samples))
    most = float(found.max())
    return found, max(most, float(target.distances(source.corners).max())) if vertices else most


def library() -> ModuleType:
    """Return the module scipy.spatial.

    Raises:
        UsageError: it is not installed.
    """
    if importlib.util.find_spec("scipy") is None:
        raise UsageError("distances between shapes need scipy: pip install 'intarsia[shape]'")
    return importlib.import_module("scipy.spatial")


# --- the nearest point of a surface --------------------------------------------------------------------------


@dataclass(frozen=True)
class _Kind:
    """Triangles of about one radius, and a search tree of their centres."""

    tree: Any
    rows: NDArray[np.int64]
    radius: float  # largest of them: no point of a triangle is farther from its centre


class Surface:
    """A surface that can be asked how far points are from it.

    A triangle whose centre is at distance c and whose radius is r has no point nearer than c - r. So every triangle
    that may hold the nearest point is among those with centres within (best so far) + r, and with one tree for each
    power of two of the radius these are few, however different the triangles are.

    Args:
        vertices: float64 [V, 3], finite.
        faces: integers [F, 3].
    """

    def __init__(self, vertices: Points, faces: NDArray[np.integer[Any]]) -> None:
        spatial = library()
        triangles: NDArray[np.float64] = vertices[faces]
        self._triangles = triangles
        self.corners: Points = vertices[np.unique(faces)]
        self._corner_tree = spatial.cKDTree(self.corners)
        centres = triangles.mean(axis=1)
        self._radii = np.sqrt(((triangles - centres[:, None]) ** 2).sum(axis=2).max(axis=1)) * (1 + 1e-9)
        largest = float(self._radii.max()) or 1.0
        level = np.minimum(-np.log2(np.maximum(self._radii / largest, 2.0**-_CLASSES)), _CLASSES - 1).astype(np.int64)
        self._kinds = []
        for one in np.unique(level):
            rows = np.flatnonzero(level == one)
            tree = spatial.cKDTree(centres[rows], balanced_tree=False)
            self._kinds.append(_Kind(tree, rows, float(self._radii[rows].max())))

    def distances(self, points: Points) -> NDArray[np.float64]:
        """Return the distance of each point [n, 3] to its nearest point of the surface, float64 [n]."""
        found = [self._block(points[start : start + _BLOCK]) for start in range(0, len(points), _BLOCK)]
        return np.concatenate(found) if found else np.empty(0)

    def spread(self, count: int) -> Points:
        """Return points spread evenly over the area, [count, 3], always the same; over the faces if none has area."""
        areas = np.linalg.norm(_normals(self._triangles), axis=1)
        total = float(areas.sum())
        ends = np.cumsum(areas / total) if total > 0 else np.linspace(0, 1, len(areas) + 1)[1:]
        random = np.random.default_rng(_SEED)
        # One point in each of `count` equal pieces of the area: steadier than points that fall anywhere.
        rows = np.searchsorted(ends, (np.arange(count) + random.random(count)) / count * ends[-1])
        u, v = np.sqrt(random.random(count)), random.random(count)
        weights = np.stack([1 - u, u * (1 - v), u * v], axis=1)
        spread: Points = np.einsum("nk,nkc->nc", weights, self._triangles[np.minimum(rows, len(areas) - 1)])
        return spread

    def _block(self, points: Points) -> NDArray[np.float64]:
        """Distances of some thousand points."""
        best = np.array(self._corner_tree.query(points)[0])
        for kind in self._kinds:
            self._improve(points, best, kind)
        return best

    def _improve(self, points: Points, best: NDArray[np.float64], kind: _Kind) -> None:
        """Lower the distances found so far by what the triangles of one kind give."""
        waiting, seen, count = np.arange(len(points)), 0, min(_FIRST, len(kind.rows))
        while waiting.size:
            still = []
            for rows in np.array_split(waiting, math.ceil(waiting.size * count / _PAIRS)):
                away, near = kind.tree.query(points[rows], np.arange(seen + 1, count + 1))
                self._try(points, best, rows, kind.rows[near], away)
                still.append(rows[away[:, -1] - kind.radius < best[rows]])
            if count == len(kind.rows):
                return
            waiting, seen, count = np.concatenate(still), count, min(4 * count, len(kind.rows))

    def _try(
        self,
        points: Points,
        best: NDArray[np.float64],
        rows: NDArray[np.int64],
        near: NDArray[np.int64],
        away: NDArray[np.float64],
    ) -> None:
        """Measure points[rows] against their candidate triangles [n, k], whose centres are `away`."""
        # The nearest centres first: after them, most of the others are too far away to be looked at.
        for columns in (slice(0, 1), slice(1, None)):
            hopeful = away[:, columns] - self._radii[near[:, columns]] < best[rows][:, None]
            which, column = np.nonzero(hopeful)
            if which.size:
                triangles = self._triangles[near[:, columns][which, column]]
                np.minimum.at(best, rows[which], point_to_triangle(points[rows[which]], triangles))


def point_to_triangle(points: Points, triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of each point [n, 3] to its triangle [n, 3 corners, 3], float64 [n].

    Triangles without area are the lines or the points they are.
    """
    corners = [triangles[:, k] for k in range(3)]
    best = np.full(len(points), np.inf)
    for k in range(3):
        best = np.minimum(best, _squared_to_line(points, corners[k], corners[(k + 1) % 3]))
    normals = _normals(triangles)
    squares = np.einsum("nc,nc->n", normals, normals)
    inside = squares > 0
    for k in range(3):
        edge, to_point = corners[(k + 1) % 3] - corners[k], points - corners[k]
        inside &= np.einsum("nc,nc->n", np.cross(edge, to_point), normals) >= 0
    height = np.einsum("nc,nc->n", points - corners[0], normals)
    over = height * height / np.where(inside, squares, 1)
    result: NDArray[np.float64] = np.sqrt(np.where(inside, np.minimum(over, best), best))
    return result


def _squared_to_line(points: Points, start: Points, end: Points) -> NDArray[np.float64]:
    """Squared distance of each point to the line from `start` to `end`, both ends included."""
    along, to_point = end - start, points - start
    length = np.einsum("nc,nc->n", along, along)
    share = np.einsum("nc,nc->n", along, to_point) / np.where(length > 0, length, 1)
    rest = to_point - np.clip(share, 0, 1)[:, None] * along
    squared: NDArray[np.float64] = np.einsum("nc,nc->n", rest, rest)
    return squared


def _normals(triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normals [n, 3], each twice as long as its triangle's area is large."""
    return np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])


# --- volume --------------------------------------------------------------------------------------------------


def volume(shape: Shape) -> float:
    """Volume that the faces enclose, in units of the shape's size cubed; negative when they face inwards.

    The sum, over the faces, of the signed volumes of the tetrahedra between them and the middle of the box (Gauss's
    theorem). Exact for a closed surface; of a surface with holes it is that of the surface closed by cones.

    Raises:
        UsageError: the shape has no size.
    """
    size = shape.size
    if size == 0:
        raise UsageError("the shape has no size: all its vertices are one point")
    middle = (shape.vertices.max(axis=0).astype(np.float64) + shape.vertices.min(axis=0)) / 2
    triangles = (shape.triangles() - middle) / size
    return float(np.einsum("nc,nc->", triangles[:, 0], np.cross(triangles[:, 1], triangles[:, 2])) / 6)


def volume_iou(reference: Shape, shape: Shape, *, resolution: int = RESOLUTION) -> float:
    """Volume the two have in common, as a share of the volume that at least one of them has.

    Counted in cubic cells, `resolution` of them along the longest side of the box around both. A cell belongs to a
    shape when its centre is inside, which is asked three times, along x, y and z: an odd number of faces lies below
    it. Two of the three decide, so that a hole in the surface spoils few cells. At 64 cells a cell is 1/64 of the
    size, so shapes that differ by less than some thousandths of it give .99 and more.

    Args:
        reference: closed, or nearly.
        shape: likewise.
        resolution: 2..512.

    Returns:
        0..1; 1 when the same cells are inside, also when none is.

    Raises:
        ValueError: another resolution.
    """
    if not 2 <= resolution <= 512:
        raise ValueError(f"resolution must be 2 to 512, got {resolution}")
    both = np.concatenate([reference.vertices, shape.vertices]).astype(np.float64)
    low, high = both.min(axis=0), both.max(axis=0)
    cell = float((high - low).max()) / resolution or 1.0
    counts = np.maximum(np.ceil((high - low) / cell - 1e-9), 1).astype(np.int64)
    a, b = (inside(((one.triangles() - low) / cell), counts) for one in (reference, shape))
    either = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / either if either else 1.0


def inside(triangles: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which cells of side 1 have their centres inside a surface.

    Args:
        triangles: float64 [F, 3 corners, 3], in units of cells from the first cell's corner.
        counts: cells along x, y and z, [3].

    Returns:
        bool [x, y, z].
    """
    votes = np.zeros(counts, np.uint8)
    for axis in range(3):
        order = [(axis + 1) % 3, (axis + 2) % 3, axis]
        parity = _parity(triangles[:, :, order], counts[order])
        votes += np.transpose(parity, np.argsort(order))
    return votes >= 2


def _parity(triangles: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return bool [x, y, z]: an odd number of faces lies below the centre of a cell, looking along z."""
    width, height, depth = (int(count) for count in counts)
    crossings = np.zeros(width * height * (depth + 1), np.int64)
    for rows, x, y in _under(triangles[:, :, :2], width, height):
        corners = triangles[rows]
        centre = np.stack([x, y], axis=1).astype(np.float64) + np.float64(0.5)
        hit = _covers(corners[:, :, :2], centre)
        level = _level(corners[hit], centre[hit])
        first = np.clip(np.ceil(level - 0.5), 0, depth).astype(np.int64)
        at = (x[hit] * height + y[hit]) * (depth + 1) + first
        crossings += np.bincount(at, minlength=crossings.size)
    table = crossings.reshape(width, height, depth + 1)[:, :, :depth]
    odd: NDArray[np.bool_] = np.cumsum(table, axis=2) % 2 == 1
    return odd


def _under(
    outlines: NDArray[np.float64], width: int, height: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Yield pairs of a triangle and a column of cells (x, y) whose centre is in the box around its outline."""
    limits = np.array([width, height])
    low = np.clip(np.ceil(outlines.min(axis=1) - 0.5), 0, limits).astype(np.int64)
    high = np.clip(np.floor(outlines.max(axis=1) - 0.5) + 1, 0, limits).astype(np.int64)
    sides = np.maximum(high - low, 0)
    pairs = sides.prod(axis=1)
    ends = np.cumsum(pairs)
    start = 0
    while start < len(pairs):
        before = ends[start] - pairs[start]
        stop = max(int(np.searchsorted(ends, before + _PAIRS, "right")), start + 1)
        rows = np.repeat(np.arange(start, stop), pairs[start:stop])
        step = np.arange(len(rows)) - (ends[rows] - pairs[rows] - before)
        tall = sides[rows, 1]
        yield rows, low[rows, 0] + step // np.maximum(tall, 1), low[rows, 1] + step % np.maximum(tall, 1)
        start = stop


def _covers(outlines: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether triangles [n, 3, 2] hold their points [n, 2]: an odd number of edges lies to the right.

    An edge is computed the same way from both its sides, so that a line through a surface never slips between two
    triangles, and never meets both.
    """
    odd = np.zeros(len(centres), np.bool_)
    x, y = centres.T
    for k in range(3):
        p, q = outlines[:, k], outlines[:, (k + 1) % 3]
        swap = (p[:, 1] > q[:, 1])[:, None]
        low, high = np.where(swap, q, p), np.where(swap, p, q)
        crosses = (low[:, 1] <= y) & (y < high[:, 1])
        rise = np.where(crosses, high[:, 1] - low[:, 1], 1)
        odd ^= crosses & (x < low[:, 0] + (y - low[:, 1]) / rise * (high[:, 0] - low[:, 0]))
    return odd


def _level(corners: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height at which vertical lines at `centres` [n, 2] meet their triangles [n, 3, 3], within the triangle's own."""
    normals = _normals(corners)
    slope = np.where(normals[:, 2] == 0, 1, normals[:, 2])
    aside = np.einsum("nc,nc->n", centres - corners[:, 0, :2], normals[:, :2])
    level = corners[:, 0, 2] - aside / slope
    clipped: NDArray[np.float64] = np.clip(level, corners[:, :, 2].min(axis=1), corners[:, :, 2].max(axis=1))
    return clipped
