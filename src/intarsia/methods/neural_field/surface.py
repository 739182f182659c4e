"""A shape as points, and back as triangles.

    triangles ─► points on them, normals ─► the field learns f(x, y, z)
    f ─► grid, coarse then fine ─► marching cubes where it is zero ─► triangles

The fine grid is asked only where the coarse one says that the surface may be: cells whose corners differ in sign or
lie near it, and their neighbours. Source of marching cubes: T. Lewiner et al., 2003, as scikit-image has it.
"""

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import NoSecretError, UsageError
from ...media import Shape, shape_metrics
from .objective import Cloud
from .plan import Floats
from .signals import Solid

Field = Callable[..., Floats]
"""Answers [N, 1] for points [N, 3]."""

ON_SURFACE = 100_000
NEIGHBOUR = 50
"""Points near the surface are strewn as far as the 50th neighbour is (IGR's code)."""

_CLOUD = 16_384  # points among which neighbours are counted
_COARSE = 4  # cells of the fine grid along a coarse one
_SEED = 7


# --- there ---------------------------------------------------------------------------------------------------


def cloud(shape: Shape, signal: Solid) -> Cloud:
    """Return points on a shape's surface, in the cube -1..1."""
    spatial = _package("scipy.spatial", "scipy")
    draw = np.random.default_rng(_SEED)
    triangles = (shape.triangles() - np.array(signal.centre)) / signal.scale
    surface, normals = _on(triangles, ON_SURFACE, draw)
    if shape_metrics.volume(shape) < 0:  # its faces look inwards
        normals = -normals
    few = surface[:_CLOUD]
    spread = spatial.cKDTree(few).query(surface, NEIGHBOUR + 1)[0][:, -1]
    return Cloud(*(array.astype(np.float32) for array in (surface, normals, spread)))


def _on(
    triangles: NDArray[np.float64], count: int, draw: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points spread evenly over triangles, and their normals."""
    across = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    twice = np.linalg.norm(across, axis=1)
    which = draw.choice(len(triangles), count, p=twice / twice.sum())
    u, v = draw.random((2, count, 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    corners = triangles[which]
    points = corners[:, 0] + u * (corners[:, 1] - corners[:, 0]) + v * (corners[:, 2] - corners[:, 0])
    return points, across[which] / twice[which, None]


# --- and back ------------------------------------------------------------------------------------------------


def extracted(field: Field, signal: Solid, name: str, tick: Callable[[float], None] | None = None) -> Shape:
    """Return the surface where a field is zero, its normals looking to where it is above.

    Raises:
        NoSecretError: it is zero nowhere.
    """
    measure = _package("skimage.measure", "scikit-image")
    values = _grid(field, signal.counts[0], tick or (lambda _share: None))
    if not values.min() < 0 < values.max():
        raise NoSecretError
    cell = 2 / (len(values) - 1)
    vertices, faces, _, _ = measure.marching_cubes(values, 0.0, spacing=(cell,) * 3, gradient_direction="descent")
    placed = (vertices - 1) * signal.scale + np.array(signal.centre)
    return Shape(placed.astype(np.float32), faces.astype(np.int32), name=name)


def _grid(field: Field, count: int, tick: Callable[[float], None]) -> Floats:
    """Return the field on a cubic grid over the cube -1..1, exact only near where it is zero."""
    axis = np.linspace(-1, 1, count, dtype=np.float32)
    coarse = max(9, (count - 1) // _COARSE + 1)
    rough_axis = np.linspace(-1, 1, coarse, dtype=np.float32)
    rough = field(_points(rough_axis), lambda share: tick(share / 4)).reshape((coarse,) * 3)
    values = _enlarged(rough, count)
    near = _enlarged(_near_zero(rough, 2 / (coarse - 1)).astype(np.float32), count) > 0
    if near.any():  # a field that is barely learnt may be zero nowhere
        values[near] = field(_points(axis)[near.reshape(-1)], lambda share: tick(0.25 + 0.75 * share))[:, 0]
    return values


def _near_zero(rough: Floats, cell: float) -> NDArray[np.bool_]:
    """Return grid points with another sign nearby, or a value smaller than a cell."""
    inside = np.pad(rough < 0, 1, mode="edge")
    size = len(rough)
    shifts = [inside[x : x + size, y : y + size, z : z + size] for x in range(3) for y in range(3) for z in range(3)]
    differs = np.logical_or.reduce(shifts) & ~np.logical_and.reduce(shifts)
    near: NDArray[np.bool_] = differs | (np.abs(rough) < cell)
    return near


def _enlarged(values: Floats, count: int) -> Floats:
    """Return a cubic grid with other steps, linear between points, the ends where they are."""
    at = np.linspace(0, len(values) - 1, count)
    low = np.minimum(at.astype(np.int64), len(values) - 2)
    share = (at - low).astype(np.float32)
    for _ in range(3):  # each turn brings another axis to the front
        columns = share.reshape(-1, 1, 1)
        values = np.moveaxis(values[low] * (1 - columns) + values[low + 1] * columns, 0, 2)
    return np.ascontiguousarray(values)


def _points(axis: Floats) -> Floats:
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)


def _package(name: str, called: str) -> Any:  # noqa: ANN401 (a module)
    if importlib.util.find_spec(name.partition(".")[0]) is None:
        raise UsageError(f"shapes need {called}: pip install 'intarsia[shape]'")
    return importlib.import_module(name)
