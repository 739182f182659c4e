"""Distances and volumes of shapes: what is known by thought, and beside brute force."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intarsia.errors import UsageError
from intarsia.media import shape_metrics
from intarsia.media.shape import Shape
from intarsia.media.shape_metrics import Surface, distances, inside, point_to_triangle, volume, volume_iou

pytest.importorskip("scipy")

CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float64)
SIDES = ["013", "032", "467", "475", "045", "051", "237", "276", "026", "064", "157", "173"]
CUBE_FACES = np.array([[int(corner) for corner in side] for side in SIDES], np.int32)


def cube(side=1.0, at=(0, 0, 0)):
    return Shape(CUBE * side + np.array(at, np.float64), CUBE_FACES)


def torus(around=40, across=20, big=1.0, small=0.4):
    u, v = (np.arange(n) * 2 * np.pi / n for n in (around, across))
    u, v = (one.reshape(-1) for one in np.meshgrid(u, v, indexing="ij"))
    ring = big + small * np.cos(v)
    vertices = np.stack([ring * np.cos(u), ring * np.sin(u), small * np.sin(v)], axis=1)
    i, j = (one.reshape(-1) for one in np.meshgrid(np.arange(around), np.arange(across), indexing="ij"))
    a, b = i * across + j, (i + 1) % around * across + j
    c, d = (i + 1) % around * across + (j + 1) % across, i * across + (j + 1) % across
    return Shape(vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32))


def brute(points, triangles):
    repeated = np.repeat(points, len(triangles), axis=0)
    return point_to_triangle(repeated, np.tile(triangles, (len(points), 1, 1))).reshape(len(points), -1).min(axis=1)


# --- the nearest point ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((0.25, 0.25, 0), 0),
        ((0.25, 0.25, -3), 3),
        ((-1, 0.5, 0), 1),
        ((0.5, -2, 0), 2),
        ((1, 1, 0), math.sqrt(0.5)),
        ((-3, -4, 0), 5),
        ((4, 0, 4), 5),
        ((0, 1, 0), 0),
    ],
)
def test_a_point_and_a_triangle(point, expected):
    triangle = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float64)
    for order in permutations(range(3)):
        found = point_to_triangle(np.array([point], np.float64), triangle[None, order])
        assert found[0] == pytest.approx(expected, abs=1e-15)


def test_a_triangle_without_area_is_a_line_or_a_point():
    line, point = np.array([[0, 0, 0], [2, 0, 0], [1, 0, 0]], np.float64), np.ones((3, 3))
    assert point_to_triangle(np.array([[1.5, 3, 4]]), line[None])[0] == pytest.approx(5)
    assert point_to_triangle(np.array([[1, 1, 3.0]]), point[None])[0] == pytest.approx(2)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 150), st.floats(0, 4))
def test_the_nearest_point_is_that_of_brute_force(seed, count, spread):
    random = np.random.default_rng(seed)
    # Triangles of very different sizes, some without area, some repeated.
    triangles = random.normal(size=(count, 1, 3)) + random.normal(size=(count, 3, 3)) * np.exp(
        spread * random.normal(size=(count, 1, 1))
    )
    flat = random.random(count) < 0.1
    triangles[flat, 2] = triangles[flat, 1]
    points = np.concatenate([random.normal(size=(40, 3)) * 3, triangles[:, 0], triangles.mean(axis=1)])
    surface = Surface(triangles.reshape(-1, 3), np.arange(3 * count).reshape(-1, 3))
    np.testing.assert_allclose(surface.distances(points), brute(points, triangles), atol=1e-12)


def test_a_point_as_far_from_all_triangles_asks_them_all():
    ball = torus(30, 30, 0.0, 1.0)
    surface = Surface(ball.vertices, ball.faces)
    assert surface.distances(np.zeros((1, 3)))[0] == pytest.approx(brute(np.zeros((1, 3)), ball.triangles())[0])


def test_points_are_spread_evenly_and_always_the_same():
    shape = cube()
    points = Surface(shape.vertices, shape.faces).spread(6000)
    assert np.array_equal(points, Surface(shape.vertices, shape.faces).spread(6000))
    on_side = [np.count_nonzero(np.abs(points[:, axis] - side) < 1e-12) for axis in range(3) for side in (0, 1)]
    assert sum(on_side) == 6000 and max(on_side) - min(on_side) <= 4
    assert np.abs(points.mean(axis=0) - 0.5).max() < 0.02


# --- distances -----------------------------------------------------------------------------------------------


def test_a_shape_is_where_it_is():
    found = distances(torus(), torus(), samples=500)
    assert found.mean < 1e-15 and found.most < 1e-14 and found.squared < 1e-28


def test_two_sheets_are_as_far_as_they_are_apart():
    faces = np.array([[0, 1, 2]], np.int32)
    sheet = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0]], np.float32)
    found = distances(Shape(sheet, faces), Shape(sheet + np.float32([0, 0, 1]), faces), samples=100)
    for value in (found.there, found.back, found.mean, found.most, found.there_most, found.back_most):
        assert value == pytest.approx(0.25)
    assert found.squared == pytest.approx(1 / 16)


def test_both_ways_differ_where_one_has_more():
    small = cube()
    vertices = np.concatenate([CUBE, CUBE + np.array([9, 0, 0])])
    both = Shape(vertices, np.concatenate([CUBE_FACES, CUBE_FACES + 8]).astype(np.int32))
    found = distances(small, both, samples=2000)
    assert (
        found.there < 1e-12 and found.back == pytest.approx(8.5 / 2, abs=0.05) and found.back_most == pytest.approx(9)
    )
    assert found.mean == pytest.approx(found.back / 2) and found.most == found.back_most


def test_the_unit_is_the_size_and_the_place_does_not_matter():
    random = np.random.default_rng(1)
    shape = torus()
    noisy = shape.with_vertices(shape.vertices + 0.01 * random.normal(size=shape.vertices.shape))
    found = distances(shape, noisy, samples=500)
    for scale, move in ((1e-9, 0.0), (1e9, 0.0), (1.0, 1e6)):
        one, other = (each.with_vertices(each.vertices * scale + move) for each in (shape, noisy))
        assert distances(one, other, samples=500).mean == pytest.approx(found.mean, rel=1e-4)


def test_a_spike_is_seen_only_when_vertices_are_looked_at():
    shape = torus(200, 100)
    spiky = shape.vertices.copy()
    spiky[0] *= 1.2
    spike = shape.with_vertices(spiky)
    assert distances(shape, spike, samples=50).most == pytest.approx(0.28 / 2.8, rel=0.2)
    assert distances(shape, spike, samples=50, vertices=False).most < 0.05


def test_what_has_no_size_or_no_points_is_refused():
    point = Shape(np.zeros((1, 3)), np.zeros((1, 3), np.int32))
    with pytest.raises(UsageError, match="no size"):
        distances(point, cube())
    with pytest.raises(UsageError, match="no size"):
        volume(point)
    assert distances(cube(), point, samples=100).back < 1e-15
    with pytest.raises(ValueError, match="samples must be positive"):
        distances(cube(), cube(), samples=0)


def test_without_scipy_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'intarsia\[shape\]'"):
        shape_metrics.library()


# --- volume --------------------------------------------------------------------------------------------------


def test_volumes():
    assert volume(cube()) == pytest.approx(1) and volume(cube(7, (100, -50, 1e5))) == pytest.approx(1)
    assert volume(Shape(CUBE, CUBE_FACES[:, ::-1].copy())) == pytest.approx(-1)
    ring = torus(200, 100)
    assert volume(ring) * ring.size**3 == pytest.approx(2 * math.pi**2 * 0.16, rel=2e-3)


def test_common_volume():
    assert volume_iou(cube(), cube()) == 1
    assert volume_iou(cube(), cube(at=(0.5, 0, 0)), resolution=60) == pytest.approx(1 / 3, abs=0.02)
    assert volume_iou(cube(), cube(at=(5, 0, 0)), resolution=60) == 0
    assert volume_iou(cube(), cube(0.5, (0.25, 0.25, 0.25))) == pytest.approx(1 / 8, abs=0.01)


def test_the_inside_is_the_inside():
    ring = torus(100, 50)
    cells = inside((ring.triangles() + 1.5) * 20, np.array([60, 60, 60]))
    x, y, z = (np.indices((60, 60, 60)) + 0.5) / 20 - 1.5
    depth = 0.16 - ((np.sqrt(x * x + y * y) - 1) ** 2 + z * z)
    clear = np.abs(depth) > 0.01
    assert np.array_equal(cells[clear], depth[clear] > 0)


def test_lines_through_edges_and_corners_count_once():
    # Corners at the centres of cells: every line meets edges.
    cells = inside(cube(8).triangles() + 0.5, np.array([10, 10, 10]))
    assert np.count_nonzero(cells) in (8**3, 9**3)


def test_a_hole_spoils_little():
    ring = torus(100, 50)
    assert volume_iou(ring, Shape(ring.vertices, ring.faces[40:])) > 0.97


def test_a_resolution_that_cannot_be_meant():
    with pytest.raises(ValueError, match="resolution must be 2 to 512"):
        volume_iou(cube(), cube(), resolution=1)
