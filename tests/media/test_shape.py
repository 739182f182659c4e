"""Shapes in memory: what is accepted, what is said about it."""

import numpy as np
import pytest

from intarsia.errors import InputError, UsageError
from intarsia.media.shape import Shape

CORNERS = np.array([[0, 0, 0], [1.2, 0, 0], [0, 0.8, 0], [0, 0, 2]])
SIDES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_shape_says_what_it_is(dtype):
    shape = Shape(CORNERS.astype(dtype), SIDES)
    assert shape.kind == "shape" and shape.describe() == "4 vertices, 4 faces, 1.2 x 0.8 x 2"
    assert shape.size == 2 and shape.original() is None and shape.triangles().shape == (4, 3, 3)
    assert (
        Shape(CORNERS, SIDES[:1], np.zeros((4, 3), np.uint8)).describe()
        == "4 vertices, 1 face, 1.2 x 0.8 x 2, coloured"
    )


def test_all_vertices_may_be_one_point():
    assert Shape(np.ones((1, 3)), np.zeros((1, 3), np.int32)).size == 0


@pytest.mark.parametrize(
    ("vertices", "faces", "colours", "message"),
    [
        (CORNERS[:, :2], SIDES, None, r"vertices float64 \[4, 2\]; expected float32 or float64 \[V, 3\]"),
        (CORNERS.astype(int), SIDES, None, "vertices int64"),
        (CORNERS.astype(np.float16), SIDES, None, "vertices float16"),
        (CORNERS.reshape(-1), SIDES, None, r"vertices float64 \[12\]"),
        (CORNERS, SIDES.astype(np.int64), None, r"faces int64 \[4, 3\]; expected int32 \[F, 3\]"),
        (CORNERS, SIDES[:, :2], None, r"faces int32 \[4, 2\]"),
        (CORNERS, SIDES[:0], None, "no faces"),
        (CORNERS[:0], SIDES[:0], None, "no faces"),
        (CORNERS[:0], SIDES, None, r"faces name vertices 0\.\.3; expected 0\.\.-1"),
        (CORNERS, SIDES + 1, None, r"faces name vertices 1\.\.4; expected 0\.\.3"),
        (CORNERS, SIDES - 1, None, r"faces name vertices -1\.\.2"),
        (np.full((4, 3), np.nan), SIDES, None, "NaN, infinite or beyond 1e"),
        (np.full((4, 3), -np.inf), SIDES, None, "NaN, infinite"),
        (CORNERS * 1e31, SIDES, None, "beyond 1e"),
        (CORNERS, SIDES, np.zeros((4, 2), np.uint8), r"colours uint8 \[4, 2\]; expected uint8 \[4, 3\] or \[4, 4\]"),
        (CORNERS, SIDES, np.zeros((3, 3), np.uint8), "colours"),
        (CORNERS, SIDES, np.zeros((4, 3)), "colours float64"),
    ],
)
def test_what_is_no_shape_is_refused(vertices, faces, colours, message):
    with pytest.raises(UsageError, match=message) as raised:
        Shape(vertices, faces, colours, "s.obj")
    assert str(raised.value).startswith("shape s.obj: ") and "\n" not in str(raised.value)


def test_the_digest_knows_everything():
    shape = Shape(CORNERS, SIDES, name="a")
    others = [
        Shape(CORNERS + 1, SIDES, name="a"),
        Shape(CORNERS.astype(np.float32), SIDES, name="a"),
        Shape(CORNERS, SIDES[::-1].copy(), name="a"),
        Shape(CORNERS, SIDES, np.zeros((4, 3), np.uint8), name="a"),
        Shape(CORNERS, SIDES, np.zeros((4, 4), np.uint8), name="a"),
        Shape(CORNERS, SIDES, name="b"),
        Shape(CORNERS, SIDES, name="a", file=b"bytes"),
    ]
    assert shape.digest() == Shape(CORNERS.copy(), SIDES.copy(), name="a").digest()
    assert len({one.digest() for one in [shape, *others]}) == 8


def test_the_file_is_read_when_asked_for(tmp_path):
    path = tmp_path / "s.obj"
    shape = Shape(CORNERS, SIDES, file=path)
    with pytest.raises(InputError, match=r"s\.obj"):
        shape.original()
    path.write_bytes(b"content")
    assert shape.original() == b"content" and Shape(CORNERS, SIDES, file=b"other").original() == b"other"


def test_other_places_for_the_same_vertices():
    shape = Shape(CORNERS, SIDES, file=b"file", notes=("note",))
    moved = shape.with_vertices(CORNERS + 1)
    assert moved.file is None and moved.notes == () and np.array_equal(moved.vertices, CORNERS + 1)
    with pytest.raises(UsageError, match=r"\[3, 3\] given; expected \[4, 3\]"):
        shape.with_vertices(CORNERS[:3])
