"""Simpler shapes: the same surface, as nearly as can be, with fewer vertices.

    edges ─price─► the cheapest far around ─draw together─► fewer faces ─► and again, until few enough

Source: M. Garland, P. Heckbert, Surface simplification using quadric error metrics, SIGGRAPH 1997.
"""

import importlib
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..media.shape import Shape

Integers = NDArray[np.int64]

_ROUNDS = 200
_SHARE = 0.4  # of the edges, the cheapest, that may go in one round
_BORDER = 10.0  # how much more a border counts than a surface
_TURN = 0.2  # cosine of the angle by which a face may turn

Matrices = NDArray[np.float64]
"""[n, 4, 4]: a quadratic form each, which gives the squared distances of (x, y, z, 1) to some planes, weighted."""


def simpler(value: Shape, counts: Sequence[int]) -> list[Shape]:
    """Return shapes with at most so many vertices each, as near to `value` as edges can be drawn together.

    Every edge has a price: the squared distances, to all the planes that met in its ends, of the best place for the
    one vertex it becomes. In each round those edges go that are the cheapest far around, all at once, unless a face
    would turn over or the surface would close up on itself. Source of the price: Garland and Heckbert, "Surface
    simplification using quadric error metrics", SIGGRAPH 1997.

    Args:
        value: of some size.
        counts: numbers of vertices, falling. Where nothing more can go, the last shapes have more.
    """
    middle = (value.vertices.max(axis=0).astype(np.float64) + value.vertices.min(axis=0)) / 2
    work = _Thinning((value.vertices - middle) / value.size, value.faces.astype(np.int64))
    found = []
    for count in counts:
        for _ in range(_ROUNDS):
            if work.vertices_left <= count or not work.round(work.vertices_left - count):
                break
        kept = np.unique(work.faces)
        if not kept.size:
            break
        faces = np.searchsorted(kept, work.faces).astype(np.int32)
        vertices = (work.places[kept] * value.size + middle).astype(value.vertices.dtype)
        found.append(Shape(vertices, faces, None if value.colours is None else value.colours[kept]))
    return found


class _Thinning:
    """A shape that loses edges.

    Args:
        places: float64 [V, 3], of size about 1.
        faces: int64 [F, 3].
    """

    def __init__(self, places: NDArray[np.float64], faces: Integers) -> None:
        self.places = places.copy()
        self.faces = _proper(faces)
        self._blocked = np.empty(0, np.int64)
        self._forms = np.zeros((len(places), 4, 4))
        self._add_planes()

    @property
    def vertices_left(self) -> int:
        """Vertices that a face uses."""
        return int(np.count_nonzero(np.bincount(self.faces.reshape(-1), minlength=1)))

    def round(self, most: int) -> bool:
        """Draw at most so many edges together; False when none is left that could be."""
        low, high, uses, _ = self._edges()
        targets, prices = self._prices(low, high)
        prices[np.isin(low * len(self.places) + high, self._blocked)] = np.inf
        chosen = self._cheapest(low, high, prices)
        closing = self._shared(low, high, chosen) != uses[chosen]
        turning = np.zeros(len(chosen), np.bool_)
        turning[~closing] = self._turns(low, high, targets, chosen[~closing])
        # What may not go now would be the cheapest of its surroundings for ever.
        refused = chosen[closing | turning]
        self._blocked = np.concatenate([self._blocked, low[refused] * len(self.places) + high[refused]])
        going = chosen[~closing & ~turning][:most]
        self.places[low[going]] = targets[going]
        self._forms[low[going]] += self._forms[high[going]]
        name = np.arange(len(self.places))
        name[high[going]] = low[going]
        self.faces = _proper(name[self.faces])
        return bool(chosen.size)

    def _edges(self) -> tuple[Integers, Integers, Integers, Integers]:
        """Return the ends of each edge, how many faces use it, and the edge of each side of a face, [3 F]."""
        sides = np.sort(np.concatenate([self.faces[:, [k, (k + 1) % 3]] for k in range(3)]), axis=1)
        count = len(self.places)
        key, side, uses = np.unique(sides[:, 0] * count + sides[:, 1], return_inverse=True, return_counts=True)
        return key // count, key % count, uses, side.reshape(-1)

    def _add_planes(self) -> None:
        """Give each vertex the planes of its faces, by their area, and upright ones along a border."""
        corners = self.places[self.faces]
        normals, doubled = _unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
        planes = _forms(normals, corners[:, 0], doubled / 2)
        for k in range(3):
            np.add.at(self._forms, self.faces[:, k], planes)
        low, high, uses, side = self._edges()
        owner = np.tile(np.arange(len(self.faces)), 3)[uses[side] == 1]
        edge = side[uses[side] == 1]
        along = self.places[high[edge]] - self.places[low[edge]]
        upright, length = _unit(np.cross(along, normals[owner]))
        border = _forms(upright, self.places[low[edge]], _BORDER * length * length)
        np.add.at(self._forms, low[edge], border)
        np.add.at(self._forms, high[edge], border)

    def _prices(self, low: Integers, high: Integers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the best place for each edge, [E, 3], and its price."""
        form = self._forms[low] + self._forms[high]
        middle = (self.places[low] + self.places[high]) / 2
        square = ((self.places[low] - self.places[high]) ** 2).sum(axis=1)
        weight = np.trace(form[:, :3, :3], axis1=1, axis2=2)
        # Where planes are nearly parallel the best place is anywhere along them: near the middle, then.
        steady = form[:, :3, :3] + (3e-4 * weight + 1e-30)[:, None, None] * np.eye(3)
        wrong = -form[:, :3, 3] - np.einsum("nij,nj->ni", form[:, :3, :3], middle)
        move = np.linalg.solve(steady, wrong[:, :, None])[:, :, 0]
        move[(move * move).sum(axis=1) > square] = 0
        place = np.concatenate([middle + move, np.ones((len(middle), 1))], axis=1)
        price = np.einsum("ni,ni->n", np.einsum("ni,nij->nj", place, form), place)
        # In a plane all edges cost nothing; the short ones go first.
        return place[:, :3], np.maximum(price, 0) + 1e-12 * square * weight

    def _cheapest(self, low: Integers, high: Integers, prices: NDArray[np.float64]) -> Integers:
        """Return edges, cheapest first, none of which has a neighbour that changes a face of another."""
        order = np.argsort(prices, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        near = np.full(len(self.places), len(order))
        for end in (low, high):
            np.minimum.at(near, end, rank)
        around = near.copy()
        np.minimum.at(around, low, near[high])
        np.minimum.at(around, high, near[low])
        is_least = (rank == around[low]) & (rank == around[high]) & np.isfinite(prices)
        chosen: Integers = order[is_least[order]]
        return chosen[: np.searchsorted(rank[chosen], math.ceil(_SHARE * len(order)))]

    def _shared(self, low: Integers, high: Integers, chosen: Integers) -> Integers:
        """Return how many vertices are neighbours of both ends of each chosen edge."""
        sparse = importlib.import_module("scipy.sparse")
        both = np.concatenate([low, high]), np.concatenate([high, low])
        beside = sparse.csr_matrix((np.ones(len(both[0]), np.int32), both), (len(self.places),) * 2)
        common = beside[low[chosen]].multiply(beside[high[chosen]]).sum(axis=1)
        return np.asarray(common, np.int64).reshape(-1)

    def _turns(
        self, low: Integers, high: Integers, targets: NDArray[np.float64], chosen: Integers
    ) -> NDArray[np.bool_]:
        """Return which of the chosen edges would turn a face over."""
        which = np.full(len(self.places), -1)
        moved = self.places.copy()
        for end in (low, high):
            which[end[chosen]] = np.arange(len(chosen))
            moved[end[chosen]] = targets[chosen]
        rows = which[self.faces]
        staying = np.count_nonzero(rows >= 0, axis=1) == 1
        faces, row = self.faces[staying], rows[staying].max(axis=1)
        before, after = (
            np.cross(at[faces[:, 1]] - at[faces[:, 0]], at[faces[:, 2]] - at[faces[:, 0]])
            for at in (self.places, moved)
        )
        lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
        turns = np.zeros(len(chosen), np.bool_)
        turns[row[np.einsum("nc,nc->n", before, after) < _TURN * lengths]] = True
        return turns


def _proper(faces: Integers) -> Integers:
    """Leave out faces that name a vertex twice."""
    a, b, c = faces.T
    proper: Integers = faces[(a != b) & (b != c) & (c != a)]
    return proper


def _unit(vectors: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return vectors [n, 3] of length 1, or 0, and the lengths they had."""
    lengths: NDArray[np.float64] = np.linalg.norm(vectors, axis=1)
    return vectors / np.where(lengths > 0, lengths, 1)[:, None], lengths


def _forms(normals: NDArray[np.float64], points: NDArray[np.float64], weights: NDArray[np.float64]) -> Matrices:
    """Return the squared distances to planes through `points` [n, 3] as quadratic forms."""
    planes = np.concatenate([normals, -np.einsum("nc,nc->n", normals, points)[:, None]], axis=1)
    forms: Matrices = np.einsum("n,ni,nj->nij", weights, planes, planes)
    return forms
