"""Codes of shapes: exact ones give the very numbers, lossy ones what they say, and damaged ones an error."""

import lzma
import math
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intarsia.codes import shape as codes
from intarsia.codes.shape import decode, distance, encode, quality
from intarsia.codes.simplify import simpler
from intarsia.errors import DoesNotFitError, InputError, IntarsiaError, ResourceError, UsageError
from intarsia.media import shape_file, shape_metrics
from intarsia.media.shape import Shape

pytest.importorskip("scipy")
pytest.importorskip("DracoPy")

AMPLE = 1 << 24


def torus(around=60, across=30, dtype=np.float64, rough=0.02, colours=0):
    random = np.random.default_rng(around)
    u, v = (np.arange(n) * 2 * np.pi / n for n in (around, across))
    u, v = (one.reshape(-1) for one in np.meshgrid(u, v, indexing="ij"))
    ring = 1 + 0.4 * np.cos(v)
    vertices = np.stack([ring * np.cos(u), ring * np.sin(u), 0.4 * np.sin(v)], axis=1)
    vertices = vertices + rough * random.normal(size=vertices.shape)
    i, j = (one.reshape(-1) for one in np.meshgrid(np.arange(around), np.arange(across), indexing="ij"))
    a, b = i * across + j, (i + 1) % around * across + j
    c, d = (i + 1) % around * across + (j + 1) % across, i * across + (j + 1) % across
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    rgb = random.integers(0, 256, (len(vertices), colours), np.uint8) if colours else None
    return Shape(vertices.astype(dtype), faces, rgb)


def same(found, shape):
    assert found.vertices.dtype == shape.vertices.dtype and np.array_equal(found.vertices, shape.vertices)
    assert np.array_equal(found.faces, shape.faces) and (found.colours is None) == (shape.colours is None)
    assert shape.colours is None or np.array_equal(found.colours, shape.colours)


def here(code):
    """Decode our own code without another process, which takes half a second."""
    return codes._placed(code[1:], codes._decoded_here)


def lattice(shape, steps=255):
    """Triangles of a shape on a lattice, each from its least corner on, in one order."""
    origin, step = shape.vertices.min(axis=0).astype(float), shape.size / steps
    corners = np.rint((shape.vertices - origin) / step).astype(np.int64)[shape.faces]
    first = np.array([np.lexsort(one.T[::-1])[0] for one in corners])
    turned = np.stack([corners[np.arange(len(corners)), (first + k) % 3] for k in range(3)], axis=1).reshape(-1, 9)
    return turned[np.lexsort(turned.T)]


# --- exact ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("colours", [0, 3, 4])
def test_what_fits_is_exact(dtype, colours):
    shape = torus(dtype=dtype, colours=colours)
    coded = encode(shape, AMPLE)
    assert coded.code[:1] == b"e" and math.isinf(coded.quality) and distance(coded.quality) == 0
    same(decode(coded.code, "s.ply"), shape)
    assert decode(coded.code, "s.ply").name == "s.ply"


def test_decimals_need_fewer_bytes():
    shape = torus()
    rounded = shape.with_vertices(np.round(shape.vertices, 5))
    odd = rounded.vertices.copy()
    odd[::100] = shape.vertices[::100]  # some that no five decimals give
    sizes = []
    for one in (rounded, rounded.with_vertices(odd), shape):
        code = encode(one, AMPLE).code
        same(decode(code), one)
        sizes.append(len(code))
    assert sizes[0] < sizes[1] < sizes[2] < shape_file.encode(shape, "PLY").__len__()
    assert sizes[0] < 0.6 * sizes[2]


def test_the_file_as_it_was_is_exact_too():
    text = b"# so\n" + shape_file.encode(torus(6, 4), "OBJ")
    shape = shape_file.decode(text, "s.obj")
    found = decode(encode(shape, AMPLE).code, "s.obj")
    same(found, shape)
    fewest = min((b"f" + text, b"x" + codes._packed(text, codes._TEXT)), key=len)
    again = decode(fewest, "s.obj")
    same(again, shape)
    assert again.original() == text and again.format == "OBJ"


def test_a_small_file_stays_as_it_was():
    text = b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"
    coded = encode(shape_file.decode(text, "s.off"), 200)
    assert coded.code == b"f" + text and decode(coded.code, "s.off").original() == text


floats = st.floats(-1e30, 1e30, allow_nan=False)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(floats, floats, floats), min_size=1, max_size=9),
    st.data(),
    st.sampled_from([np.float32, np.float64]),
    st.integers(-1, 12),
)
def test_any_shape_comes_back_exactly(rows, data, dtype, decimals):
    index = st.integers(0, len(rows) - 1)
    faces = np.array(data.draw(st.lists(st.tuples(index, index, index), min_size=1, max_size=9)), np.int32)
    vertices = np.array(rows).clip(-1e29, 1e29)
    vertices = vertices if decimals < 0 else np.round(vertices % 1000, decimals)
    shape = Shape(vertices.astype(dtype), faces)
    code = codes._arranged(shape, AMPLE)
    assert code[:1] == b"e"
    same(decode(code), shape)


# --- lossy ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [6000, 11_000])
def test_a_lossy_code_fills_the_budget_and_says_how_good_it_is(budget):
    shape = torus()
    coded = encode(shape, budget)
    assert coded.code[:1] == b"D" and 0.97 * budget <= len(coded.code) <= budget
    found = decode(coded.code, "s.obj")
    assert found.name == "s.obj" and found.vertices.dtype == np.float64
    assert (len(found.vertices), len(found.faces)) == (len(shape.vertices), len(shape.faces))
    measured = shape_metrics.distances(shape, found)
    assert measured.mean == pytest.approx(distance(coded.quality), rel=0.05)
    assert quality(measured.mean) == pytest.approx(coded.quality, abs=0.5)


def test_more_bytes_are_better():
    shape = torus()
    found = [encode(shape, budget).quality for budget in (1500, 4000, 7000, 13_000)]
    assert found == sorted(found) and found[0] < 65 and found[-1] > 120


def test_connectivity_is_exact():
    shape = torus(20, 10)
    coded = encode(shape, 1100)
    steps = round(shape.size / codes._HEADER.unpack_from(coded.code, 1)[-1])
    assert np.array_equal(lattice(here(coded.code), steps), lattice(shape, steps))


@pytest.mark.parametrize(("scale", "move"), [(1e-9, 0), (1, 1e9), (1e25, 1e26)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_place_and_size_come_back(scale, move, dtype):
    shape = torus(24, 12)
    shape = shape.with_vertices((shape.vertices * scale).astype(dtype))
    if dtype == np.float64:
        shape = shape.with_vertices(shape.vertices + move)
    found = here(codes._filled(shape, 1200).code)
    assert found.vertices.dtype == dtype
    assert np.abs(found.vertices.min(axis=0) - shape.vertices.min(axis=0)).max() <= 2e-3 * shape.size
    fine = here(codes._filled(shape, 3000).code)
    assert np.abs(fine.vertices.min(axis=0) - shape.vertices.min(axis=0)).max() <= 1e-4 * shape.size
    assert fine.size == pytest.approx(shape.size, rel=1e-4)


def test_colours_travel_too():
    shape = torus(colours=3)
    with_them = encode(shape, 14_000)
    found = here(with_them.code)
    assert with_them.code[:1] == b"D" and sorted(found.colours.tolist()) == sorted(shape.colours.tolist())
    fewer = here(encode(shape, 3000).code)
    assert len(fewer.vertices) < 700
    assert {tuple(one) for one in fewer.colours.tolist()} <= {tuple(one) for one in shape.colours.tolist()}


# --- fewer faces ---------------------------------------------------------------------------------------------


def test_where_bytes_are_few_fewer_faces_are_nearer():
    shape = torus(120, 60, rough=0.004)
    coded = encode(shape, 5000)
    found = here(coded.code)
    plain = codes._Lattices(shape, coloured=False)
    steps = codes._finest_within(lambda steps: len(plain.code(steps)), 5000)
    assert len(found.faces) < 0.6 * len(shape.faces) and len(coded.code) <= 5000
    assert coded.quality > plain.measured(steps, 4000, shape).quality + 2
    assert shape_metrics.distances(shape, found, samples=4000).mean == pytest.approx(distance(coded.quality), rel=0.05)


def closed(shape):
    """Whether two faces, one in each direction, meet in every edge."""
    ends = np.concatenate([shape.faces[:, [k, (k + 1) % 3]] for k in range(3)])
    there = {tuple(end) for end in ends.tolist()}
    return len(there) == len(ends) and there == {end[::-1] for end in there}


def test_a_simpler_shape_is_still_a_closed_surface_of_the_same_kind():
    shape = torus(rough=0.03)
    for simple in simpler(shape, [900, 300, 60]):
        assert closed(simple) and len(simple.faces) == 2 * len(simple.vertices)  # a torus still
        assert shape_metrics.volume(simple) > 0.5 * shape_metrics.volume(shape)
    assert len(simple.vertices) == 60


def test_a_plane_loses_everything_but_its_border():
    x, y = (one.reshape(-1) for one in np.meshgrid(np.arange(20.0), np.arange(20.0)))
    i = (np.arange(19)[:, None] * 20 + np.arange(19)).reshape(-1)
    faces = np.concatenate([np.stack([i, i + 1, i + 21], 1), np.stack([i, i + 21, i + 20], 1)]).astype(np.int32)
    shape = Shape(np.stack([x, y, 0 * x], axis=1).astype(np.float32), faces)
    (simple,) = simpler(shape, [16])
    found = shape_metrics.distances(shape, simple, samples=2000)
    assert len(simple.vertices) == 16 and found.most < 1e-3 and simple.vertices.dtype == np.float32


@pytest.mark.parametrize("seed", range(4))
def test_any_heap_of_triangles_gets_simpler_or_stays(seed):
    random = np.random.default_rng(seed)
    vertices, faces = random.normal(size=(80, 3)), random.integers(0, 80, (120, 3)).astype(np.int32)
    vertices[:40] = vertices[0] if seed == 3 else vertices[:40]
    for simple in simpler(Shape(vertices, faces), [40, 10]):
        assert len(simple.faces) <= 120 and np.abs(simple.vertices).max() < 10


def test_a_target_is_reached_with_little_to_spare():
    shape = torus()
    for target in (60, 100):
        coded = encode(shape, 60_000, target=target)
        assert coded.code[:1] == b"D" and target <= coded.quality <= target + 1
    assert encode(shape, 6000, target=120).quality < 120
    assert encode(shape, AMPLE, target=math.inf).quality == math.inf
    assert encode(shape, AMPLE, target=500).quality == math.inf


def test_any_heap_of_triangles_can_be_coded():
    random = np.random.default_rng(4)
    vertices, faces = random.normal(size=(60, 3)), random.integers(0, 60, (100, 3)).astype(np.int32)
    shape = Shape(vertices, faces)
    coded = encode(shape, 1000)
    found = here(coded.code)
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    assert coded.code[:1] == b"D" and len(found.faces) == np.count_nonzero(whole)
    assert shape_metrics.distances(shape, found, samples=2000).mean == pytest.approx(distance(coded.quality), rel=0.1)


def test_vertices_at_one_place_and_vertices_without_faces():
    shape = torus(20, 10)
    doubled = Shape(np.repeat(shape.vertices, 3, axis=0), 3 * shape.faces + np.int32(1))
    found = here(codes._filled(doubled, 1200).code)
    assert len(found.faces) == len(shape.faces) and len(found.vertices) == len(shape.vertices)


def test_what_has_no_area_is_exact_or_nothing():
    for vertices, faces in ((np.zeros((3, 3)), [[0, 1, 2]]), (np.eye(3), [[0, 1, 1]]), (np.ones((1, 3)), [[0, 0, 0]])):
        shape = Shape(vertices, np.array(faces, np.int32))
        same(decode(encode(shape, 500).code), shape)
        same(decode(encode(shape, 500, target=60.0).code), shape)
        with pytest.raises(DoesNotFitError):
            encode(shape, 20)


@pytest.mark.parametrize("budget", [-5, 0, 1, 40])
def test_what_does_not_fit_says_how_much_it_needs(budget):
    with pytest.raises(DoesNotFitError, match=r"it needs at least [\d,]+ bytes and") as raised:
        encode(torus(), budget)
    assert raised.value.available == budget and 40 < raised.value.needed < 300
    assert len(encode(torus(), raised.value.needed).code) <= raised.value.needed


def test_without_draco_the_remedy_is_named(monkeypatch):
    shape = torus()
    code = encode(shape, 5000).code
    monkeypatch.setattr(codes, "_has_draco", lambda: False)
    same(decode(encode(shape, AMPLE).code), shape)
    for call in (lambda: encode(shape, 5000), lambda: decode(code)):
        with pytest.raises(UsageError, match=r"pip install 'intarsia\[shape\]'"):
            call()


def test_nothing_of_the_extra_is_imported_before_it_is_needed():
    code = "import sys, intarsia.codes.shape; print([m for m in ('DracoPy', 'scipy', 'trimesh') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_beyond_the_limit_only_the_file_travels(monkeypatch):
    monkeypatch.setattr(codes, "MOST", 1000)
    shape = torus()
    data = shape_file.encode(shape, "PLY")
    assert encode(shape_file.decode(data), AMPLE).code[:1] in (b"f", b"x")
    with pytest.raises(DoesNotFitError):
        encode(shape, AMPLE)
    with pytest.raises(DoesNotFitError):
        encode(shape, 5000)


# --- hostile -------------------------------------------------------------------------------------------------


def test_a_letter_nobody_knows():
    for code in (b"", b"q", b"\0abc"):
        with pytest.raises(InputError, match="unknown code"):
            decode(code)


def test_exact_codes_cut_or_changed_are_errors():
    shape = torus(6, 4)
    code = codes._arranged(shape, AMPLE)
    text = b"x" + codes._packed(shape_file.encode(shape, "OBJ"), codes._TEXT)
    for whole in (code, text):
        for cut in range(0, len(whole), 7):
            with pytest.raises(IntarsiaError):
                decode(whole[:cut])
    random = np.random.default_rng(1)
    for _ in range(150):
        wrong = bytearray(code)
        wrong[random.integers(1, len(code))] ^= int(random.integers(1, 256))
        try:
            found = decode(bytes(wrong))
        except (InputError, ResourceError):
            continue
        assert found.faces.max() < len(found.vertices)


def test_little_that_unpacks_to_much_is_refused():
    zeros = lzma.compress(bytes(1 << 24), lzma.FORMAT_RAW, filters=codes._WORDS.filters())
    for count, faces in ((100, 100), (4_000_000_000, 1), (1, 4_000_000_000)):
        header = codes._ARRANGED.pack(0, 0, 1, 0, count, faces, len(zeros), 0, 0)
        with pytest.raises((InputError, ResourceError)):
            decode(b"e" + header + zeros + zeros)


def test_draco_streams_cut_or_changed_never_get_here():
    code = encode(torus(20, 10), 1100).code
    random = np.random.default_rng(2)
    bad = [code[:cut] for cut in (20, 34, 60, len(code) - 1)]
    for _ in range(4):
        wrong = bytearray(code)
        for place in random.integers(34, len(code), 3):
            wrong[place] ^= int(random.integers(1, 256))
        bad.append(bytes(wrong))
    for one in bad:
        try:
            found = decode(one)
        except InputError as error:
            assert "\n" not in str(error)
            continue
        assert np.isfinite(found.vertices).all() and found.faces.max() < len(found.vertices)


@pytest.mark.parametrize(
    "header",
    [
        (9, 0.0, 0.0, 0.0, 1.0),
        (0, math.nan, 0.0, 0.0, 1.0),
        (0, 0.0, math.inf, 0.0, 1.0),
        (0, 0.0, 0.0, 0.0, math.nan),
        (0, 0.0, 0.0, 0.0, 0.0),
        (0, 0.0, 0.0, 0.0, -1.0),
        (0, 0.0, 0.0, 0.0, 1e300),
        (1, 0.0, 0.0, 0.0, 1e300),
    ],
)
def test_lattices_that_are_none(header, monkeypatch):
    code = encode(torus(20, 10), 1100).code
    monkeypatch.setattr(codes, "_decoded_apart", codes._decoded_here)  # the stream is as it was
    with pytest.raises(InputError, match="damaged"):
        decode(b"D" + codes._HEADER.pack(*header) + code[1 + codes._HEADER.size :])


@pytest.mark.parametrize(
    ("doing", "message"),
    [
        ("import ctypes; ctypes.string_at(0)", "crashed"),
        ("time.sleep(60)", "within"),
        ("0", "failed"),
    ],
)
def test_a_decoder_that_crashes_or_hangs_is_an_error(doing, message, monkeypatch):
    code = encode(torus(20, 10), 1100).code
    monkeypatch.setattr(codes, "_SECONDS", 0.5 if "sleep" in doing else 8.0)
    program = [sys.executable, "-c", f"import os, time; {doing}"]
    monkeypatch.setattr(codes.child, "program", lambda module: program)
    with pytest.raises(InputError, match=message):
        decode(code)


def test_points_alone_are_no_shape():
    stream = codes.library().encode(np.random.default_rng(0).random((50, 3)).astype(np.float32))
    with pytest.raises(InputError, match="points without faces"):
        decode(b"D" + struct.pack("<B4d", 0, 0, 0, 0, 1) + stream)
