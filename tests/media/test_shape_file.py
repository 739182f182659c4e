"""Shape files: what is written is read back, by others too, and nothing a file says does harm."""

import io
import json
import struct
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intarsia.errors import InputError, ResourceError, UsageError
from intarsia.media import mesh, shape_file
from intarsia.media.shape import Shape
from intarsia.media.shape_file import READABLE, UnsupportedShapeError, decode, encode, is_shape

FLOAT32 = np.float32


def torus(around=12, across=8, dtype=np.float32):
    u, v = (np.arange(n) * 2 * np.pi / n for n in (around, across))
    u, v = (one.reshape(-1) for one in np.meshgrid(u, v, indexing="ij"))
    ring = 1 + 0.4 * np.cos(v)
    vertices = np.stack([ring * np.cos(u), ring * np.sin(u), 0.4 * np.sin(v)], axis=1)
    i, j = (one.reshape(-1) for one in np.meshgrid(np.arange(around), np.arange(across), indexing="ij"))
    a, b = i * across + j, (i + 1) % around * across + j
    c, d = (i + 1) % around * across + (j + 1) % across, i * across + (j + 1) % across
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return Shape(vertices.astype(dtype), faces.astype(np.int32))


def coloured(channels=3):
    shape = torus()
    random = np.random.default_rng(channels)
    return Shape(shape.vertices, shape.faces, random.integers(0, 256, (len(shape.vertices), channels), np.uint8))


def sorted_triangles(shape):
    """Corners of all faces, each face from its least corner on, in one order."""
    corners = shape.triangles().round(9)
    first = np.array([np.lexsort(one.T[::-1])[0] for one in corners])
    turned = np.stack([corners[np.arange(len(corners)), (first + k) % 3] for k in range(3)], axis=1).reshape(-1, 9)
    return turned[np.lexsort(turned.T)]


def ply(header, body=b"", form="binary_little_endian"):
    return f"ply\nformat {form} 1.0\n{header}end_header\n".encode() + body


XYZ = "property float x\nproperty float y\nproperty float z\n"
LIST = "property list uchar int vertex_indices\n"
THREE = np.arange(9, dtype="<f4").tobytes()
ONE_FACE = b"\3" + np.arange(3, dtype="<i4").tobytes()
OBJ = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\n"


def glb(tree, body=b"", version=2, length=None):
    text = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    text = text.ljust(-(-len(text) // 4) * 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(body), b"BIN\0") + body if body else b""
    return struct.pack("<4sII", b"glTF", version, length or 12 + len(chunks)) + chunks


def scene(**others):
    """The tree of a GLB with one triangle (indices, then places), and its numbers."""
    tree = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 1}, "indices": 0}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5123, "count": 3, "type": "SCALAR"},
            {"bufferView": 1, "componentType": 5126, "count": 3, "type": "VEC3"},
        ],
        "bufferViews": [{"buffer": 0, "byteLength": 6}, {"buffer": 0, "byteOffset": 8, "byteLength": 36}],
        "buffers": [{"byteLength": 44}],
    }
    return tree | others, struct.pack("<4H", 0, 1, 2, 0) + np.float32([0, 0, 0, 1, 0, 0, 0, 1, 0]).tobytes()


# --- there and back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", READABLE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_written_is_read_back(form, dtype):
    shape = torus(dtype=dtype)
    data = encode(shape, form)
    found = decode(data, f"s.{form.lower()}")
    assert (found.format, found.name, found.file) == (form, f"s.{form.lower()}", data)
    assert is_shape(data) and is_shape(data[: shape_file.HEAD], f".{form.lower()}", len(data))
    if form == "STL":
        np.testing.assert_allclose(sorted_triangles(found), sorted_triangles(shape), atol=1e-6)
        assert len(found.vertices) == len(shape.vertices)
    else:
        assert np.array_equal(found.faces, shape.faces) and np.abs(found.vertices - shape.vertices).max() < 1e-7
    if form == "PLY" or (form == "GLB" and dtype == np.float32):
        assert found.vertices.dtype == dtype and np.array_equal(found.vertices, shape.vertices)


@pytest.mark.parametrize("form", ["PLY", "OBJ", "OFF", "GLB"])
@pytest.mark.parametrize("channels", [3, 4])
def test_colours(form, channels):
    shape = coloured(channels)
    found = decode(encode(shape, form))
    assert found.colours is not None and np.array_equal(found.colours[:, :3], shape.colours[:, :3])
    if channels == 4 and form != "OBJ":
        assert np.array_equal(found.colours, shape.colours)
    assert shape_file.losses(shape, form) == [] and "STL keeps no colours" in shape_file.losses(shape, "STL")


coordinates = st.floats(-1e9, 1e9, allow_nan=False, width=32)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(coordinates, coordinates, coordinates), min_size=1, max_size=12), st.data(), st.booleans())
def test_any_shape_comes_back(rows, data, wide):
    index = st.integers(0, len(rows) - 1)
    faces = np.array(data.draw(st.lists(st.tuples(index, index, index), min_size=1, max_size=12)), np.int32)
    shape = Shape(np.array(rows, np.float64 if wide else np.float32), faces)
    exact = decode(encode(shape, "PLY"))
    assert np.array_equal(exact.vertices, shape.vertices) and np.array_equal(exact.faces, faces)
    for form in ("OBJ", "OFF", "GLB"):
        found = decode(encode(shape, form), form=form)
        assert np.array_equal(found.faces, faces)
        assert np.abs(found.vertices.astype(float) - shape.vertices).max() <= 1e-6 * shape.size


@pytest.mark.parametrize(("scale", "move"), [(1e-9, 0), (1e9, 0), (1, 1e9), (1e-9, 1)])
@pytest.mark.parametrize("form", READABLE)
def test_tiny_huge_and_far_away(form, scale, move):
    shape = torus(dtype=np.float64)
    shape = shape.with_vertices(shape.vertices * scale + move)
    if form == "STL" and move:
        with pytest.raises(UsageError, match="too coarse for a shape so far from 0"):
            encode(shape, form)
        return
    found = decode(encode(shape, form))
    ours, theirs = (one.triangles().mean(axis=(0, 1)) for one in (shape, found))
    assert np.abs(ours - theirs).max() <= 1e-6 * shape.size and found.size == pytest.approx(shape.size, rel=2e-7)
    if form == "PLY":
        assert np.array_equal(found.vertices, shape.vertices)


def test_a_ply_is_float32_only_where_that_is_exact():
    shape = torus(dtype=np.float64)
    assert b"double x" in encode(shape, "PLY")
    assert b"float x" in encode(shape.with_vertices(np.round(shape.vertices * 256) / 256), "PLY")


@pytest.mark.parametrize("form", READABLE)
def test_what_is_written_others_read(form):
    trimesh = pytest.importorskip("trimesh")
    shape = torus()
    other = trimesh.load(io.BytesIO(encode(shape, form)), file_type=form.lower(), force="mesh")
    theirs = Shape(np.asarray(other.vertices, np.float64), np.asarray(other.faces, np.int32))
    np.testing.assert_allclose(sorted_triangles(theirs), sorted_triangles(shape), atol=2e-7)


@pytest.mark.parametrize(
    ("form", "options"), [("ply", {"encoding": "ascii"}), ("stl_ascii", {}), ("glb", {}), ("obj", {})]
)
def test_what_others_write_is_read(form, options):
    trimesh = pytest.importorskip("trimesh")
    shape = torus()
    data = trimesh.Trimesh(shape.vertices, shape.faces, process=False).export(file_type=form, **options)
    found = decode(data if isinstance(data, bytes) else data.encode())
    np.testing.assert_allclose(sorted_triangles(found), sorted_triangles(shape), atol=1e-6)


def test_a_format_that_is_none():
    with pytest.raises(UsageError, match="XYZ is not a shape format; use OBJ, PLY, STL, OFF, GLB"):
        encode(torus(), "XYZ")


# --- what is a shape -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"v",
        b"hello world\n",
        b"v is a letter\nf is another\n",
        b"# a comment\n# another\n",
        b"o dear\ng whiz\n",
        b"v 1 2 3\nv 1 2 3\nv 1 2 3\n",
        b"solid as a rock\nand so on",
        b"OFF we go",
        b"OFFICE 1 2 3",
        b"play\n",
        b"ply",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        bytes(84),
        bytes(84 + 50),
        b"v 1 2 3\0\nf 1 2 3",
        b"The quick brown fox\n" * 400,
        b"f 1 2 3\nf 2 3 4\n",
        b"v 2.0 released\nv 3 4\nf 1 2 3\n",
    ],
)
def test_other_files_are_no_shapes(data):
    assert not is_shape(data)
    with pytest.raises(InputError, match=r"s: not a shape; expected OBJ, PLY, STL, OFF, GLB by content"):
        decode(data, "s")


def test_text_that_becomes_an_obj():
    long = b"# head\nmtllib m.mtl\n" + b"v 1.5 2 3\n" * 1000 + b"f 1 2 3\n"
    assert is_shape(long) and is_shape(long[:4096], "", len(long)) and not is_shape(long[:-8])
    assert is_shape(b"# " + b"x" * 5000, ".obj", 9000) and not is_shape(b"# " + b"x" * 5000, "", 9000)
    assert is_shape(b"v 1 2 3\n", ".OBJ")
    late = b"# a licence of many words\n" * 400 + OBJ + b"f 1 2 3\n"
    assert is_shape(late) and is_shape(late[:4096], ".obj", len(late)) and len(decode(late).faces) == 1


def test_a_file_under_another_name_is_noted(tmp_path):
    path = tmp_path / "s.obj"
    path.write_bytes(encode(torus(), "PLY"))
    found = shape_file.load(path)
    assert found.format == "PLY" and found.name == "s.obj" and "is a PLY file by its content" in found.notes[0]
    path.rename(tmp_path / "s.ply")
    assert shape_file.load(tmp_path / "s.ply").notes == ()
    with pytest.raises(InputError, match=r"t\.obj: cannot be read"):
        shape_file.load(tmp_path / "t.obj")


# --- OBJ -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("faces", "expected"),
    [
        (b"f 1 2 3\n", [[0, 1, 2]]),
        (b"f 1/1 2/2 3/3\n", [[0, 1, 2]]),
        (b"f 1//1 2//2 3//3\n", [[0, 1, 2]]),
        (b"f 1/1/1 2/2/2 4/1/1 # end\n", [[0, 1, 3]]),
        (b"f -4 -3 -2\nf -1/-1 -2/-1 -3/-1", [[0, 1, 2], [3, 2, 1]]),
        (b"f 1 2 3 4\n", [[0, 1, 2], [0, 2, 3]]),
        (b"f 1 2 3 4 1\nf 2 3 4\n", [[0, 1, 2], [0, 2, 3], [0, 3, 0], [1, 2, 3]]),
        (b"f 1 2\nf 2 3 4\n", [[1, 2, 3]]),
        (b"f 1 2\nf 1 2 3 4\n", [[0, 1, 2], [0, 2, 3]]),
        (b"f 1 2 \\\n3\n", [[0, 1, 2]]),
        (b"  f  1\t2 3  \r\n\r\ng x\nusemtl y\ns off\nvt 1 2\nvn 0 0 1\nl 1 2\n", [[0, 1, 2]]),
        (b"f -2 -1 1\nv 5 5 5\nf -1 -2 -3\n", [[2, 3, 0], [4, 3, 2]]),
    ],
)
def test_obj_faces(faces, expected):
    assert decode(OBJ + faces).faces.tolist() == expected


def test_obj_that_is_left_out_is_noted():
    found = decode(b"mtllib /etc/passwd\nusemtl http://example.org/x\n" + OBJ + b"f 1 2 3 4\n")
    assert found.notes == ("normals, textures, materials, groups and lines left out", "polygons are cut into triangles")
    assert decode(OBJ.replace(b"\n", b" 0.5 0.5 1\n") + b"f 1 2 3\n").colours.tolist() == [[128, 128, 255]] * 4
    assert decode(OBJ.replace(b"\n", b" 1.0\n") + b"f 1 2 3\n").colours is None
    assert decode((OBJ + b"f 1 2 3\n").replace(b"\n", b"\r")).faces.tolist() == [[0, 1, 2]]


def test_odd_faces_are_kept_and_counted():
    found = decode(OBJ + b"v 2 0 0\nf 1 2 3\nf 1 2 5\nf 2 2 3\nf 3 1 2\nf 1 2 3\n")
    assert len(found.faces) == 5
    assert found.notes == (
        "2 faces without area, kept",
        "2 faces that repeat another, kept",
        "1 vertex in no face, kept",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"v 1 2\n" + OBJ + b"f 1 2 3\n", "a vertex of 2 numbers"),
        (OBJ + b"v 1 2 x\nf 1 2 3\n", "could not convert"),
        (OBJ + b"v 1_0 2 3\nf 1 2 3\n", "a number with _"),
        (OBJ + b"v nan 2 3\nf 1 2 3\n", "vertex 4 is NaN"),
        (OBJ + b"v 1 -inf 3\nf 1 2 3\n", "vertex 4 is NaN, infinite or beyond 1e"),
        (OBJ + b"v 1 1e999 3\nf 1 2 3\n", "vertex 4 is NaN, infinite"),
        (OBJ + b"f 1 2 5\n", "a face names vertex 4, there are 4"),
        (OBJ + b"f 0 1 2\n", "a face names vertex 0; the first one is 1"),
        (OBJ + b"f 1 2 -5\n", "before the first one"),
        (OBJ + b"f 1 2 99999999999999999999\n", "damaged"),
        (OBJ + b"f 1 2 " + b"9" * 5000 + b"\n", "damaged"),
        (OBJ + b"f 1 2 3.5\n", "damaged"),
        (OBJ + b"f 1/x 2 3\n", "damaged"),
        (OBJ + b"f 1 ; 2 3\n", "a ; in a face"),
        (OBJ + b"f 1 2 3\nquux 5\n", "unknown statement 'quux'"),
    ],
)
def test_obj_that_is_damaged(text, message):
    with pytest.raises(InputError, match=message) as raised:
        decode(text, "s.obj", "OBJ")
    assert str(raised.value).startswith("s.obj: ") and "\n" not in str(raised.value)


def test_points_and_curves_are_no_surface():
    for text in (OBJ, OBJ + b"l 1 2\np 1\n", OBJ + b"f 1 2\n", OBJ + b"cstype bezier\nf 1 2 3\n"):
        with pytest.raises(UnsupportedShapeError, match="save it as a PLY of plain triangles"):
            decode(text, "s.obj", "OBJ")
    with pytest.raises(InputError, match="no vertices"):
        decode(b"f 1 2 3\n", "s.obj", "OBJ")


def test_a_large_obj_is_read_quickly():
    shape = torus(215, 201)
    data = encode(shape, "OBJ")
    begun = time.process_time()
    found = decode(data)
    assert (
        time.process_time() - begun < 1.5 and len(found.vertices) == 43_215 and np.array_equal(found.faces, shape.faces)
    )


# --- PLY -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
def test_ply_of_other_types(order):
    header = "comment hello\nobj_info x\nelement vertex 4\nproperty uchar red\nproperty double x\nproperty short y\n"
    header += "property float z\nproperty uchar green\nproperty uchar blue\nelement face 2\nproperty float w\n"
    header += "property list ushort ushort vertex_index\nproperty uchar q\nelement edge 1\nproperty int vertex1\n"
    rows = b"".join(struct.pack(order + "BdhfBB", k, k + 0.1, -k, k / 2, 7, 9) for k in range(4))
    faces = struct.pack(order + "fH3HB", 1, 3, 0, 1, 2, 9) + struct.pack(order + "fH4HB", 1, 4, 0, 1, 2, 3, 9)
    form = {"<": "binary_little_endian", ">": "binary_big_endian"}[order]
    found = decode(ply(header, rows + faces + bytes(4), form))
    assert found.faces.tolist() == [[0, 1, 2], [0, 1, 2], [0, 2, 3]]
    assert found.vertices.tolist() == [[k + 0.1, -k, k / 2] for k in range(4)]
    assert found.colours.tolist() == [[k, 7, 9] for k in range(4)]
    assert "edge elements left out" in found.notes and "polygons are cut into triangles" in found.notes


def test_ply_as_text():
    text = b"0 0 0 1\n1 0 0 1\r\n\n0 1 0 1\n1 1 0 1\n3 0 1 2 9\n4 0 1 3 2 9\n2 0 1 9\n"
    found = decode(
        ply(f"element vertex 4\n{XYZ}property float s\nelement face 3\n{LIST}property int q\n", text, "ascii")
    )
    assert found.faces.tolist() == [[0, 1, 2], [0, 1, 3], [0, 3, 2]] and found.vertices.dtype == np.float32
    assert "faces of fewer than three corners left out" in found.notes


def test_ply_lists_of_mixed_lengths():
    random = np.random.default_rng(5)
    lengths = random.integers(3, 7, 3000)
    polygons = [random.integers(0, 3, n) for n in lengths]
    body = b"".join(bytes([len(p)]) + p.astype("<i4").tobytes() for p in polygons)
    found = decode(ply(f"element vertex 3\n{XYZ}element face 3000\n{LIST}", THREE + body))
    expected = [[p[0], p[k], p[k + 1]] for p in polygons for k in range(1, len(p) - 1)]
    assert found.faces.tolist() == expected


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (f"element vertex 1000000000\n{XYZ}element face 1\n{LIST}", "1,000,000,000 rows; the limit is 20,000,000"),
        (f"element vertex 10000000\n{XYZ}element face 1\n{LIST}", "its header says 10,000,000 rows of 'vertex'"),
        (f"element vertex 3\n{XYZ}element face 19000000\n{LIST}", "its header says 19,000,000 rows of 'face'"),
        (f"element vertex 3\n{XYZ}element face {'9' * 4000}\n{LIST}", "the limit is"),
        (f"element vertex 3\n{XYZ}element face -1\n{LIST}", "'element face -1' in its header"),
        (f"element vertex 3\n{XYZ}element face 1\nproperty list int int vertex_indices\n", "it ends in face 1 of 1"),
        (
            f"element vertex 3\n{XYZ}element face 1\nproperty list float int vertex_indices\n",
            "a fraction for its length",
        ),
        (f"element vertex 3\n{XYZ}element face 2\n{LIST}", "missing|ends|says"),
        ("element vertex 3\nproperty float x\nelement face 1\n" + LIST, "a vertex without x, y and z"),
        (f"element vertex 3\n{XYZ}element face 1\nproperty int q\n", "a face that is not one list"),
        (f"element vertex 3\n{XYZ}", "a shape of points without faces"),
        (f"element vertex 3\n{XYZ}element face 0\n{LIST}", "a shape of points without faces"),
        (f"element vertex 0\n{XYZ}element face 0\n{LIST}", "no vertices in it"),
        (f"element face 1\n{LIST}", "no vertices, or two kinds"),
        (f"element vertex 3\n{XYZ}element vertex 3\n{XYZ}", "no vertices, or two kinds"),
        (f"element vertex 3\nproperty quark x\n{XYZ}", "damaged"),
        (f"what 3\nelement vertex 3\n{XYZ}", "'what 3' in its header"),
    ],
)
def test_ply_headers_that_lie(header, message):
    tracemalloc.start()
    try:
        with pytest.raises((InputError, ResourceError), match=message) as raised:
            decode(ply(header, THREE + ONE_FACE), "s.ply")
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()
    assert str(raised.value).startswith("s.ply: ") and "\n" not in str(raised.value)


def test_ply_numbers_that_are_none():
    body = np.float32([0, 0, 0, np.nan, 0, 0, 0, 1, 0]).tobytes() + ONE_FACE
    with pytest.raises(InputError, match="vertex 1 is NaN"):
        decode(ply(f"element vertex 3\n{XYZ}element face 1\n{LIST}", body))
    with pytest.raises(InputError, match="a face names vertex -1"):
        decode(ply(f"element vertex 3\n{XYZ}element face 1\n{LIST}", THREE + b"\3" + struct.pack("<3i", 0, 1, -1)))
    with pytest.raises(InputError, match="its header has no end"):
        decode(b"ply\nformat ascii 1.0\n" + b"comment x\n" * 9000 + b"end_header\n")


# --- STL, OFF ------------------------------------------------------------------------------------------------


def test_a_binary_stl_may_begin_with_solid():
    data = b"solid " + encode(torus(), "STL")[6:]
    assert decode(data).format == "STL" and len(decode(data).vertices) == 96
    with pytest.raises(InputError):
        decode(data[:-1])


def test_ascii_stl():
    facet = "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 -0 {}\nendloop\nendfacet\n"
    text = f"solid x\n{facet.format(1)}{facet.format('1e0')}endsolid x\n"
    found = decode(
        text.upper()
        .replace("SOLID X", "solid x", 1)
        .replace("FACET", "facet", 1)
        .replace("NORMAL", "normal", 1)
        .encode()
    )
    assert found.faces.tolist() == [[0, 1, 2], [0, 1, 2]] and found.vertices.tolist() == [
        [0, 0, 0],
        [1, 0, 0],
        [0, 0, 1],
    ]
    assert found.notes[0] == "corners at the same place are joined"
    for bad, message in (
        (text.replace("endloop", "endless"), "unknown word"),
        (text.replace("vertex 0 0 0\n", "", 1), "5 corners in 2 facets"),
        (text.replace("endsolid x\n", ""), "no endsolid"),
        (text.replace("1e0", "nan"), "NaN"),
        (text.replace("vertex 1 0 0", "vertex 1 0"), "a corner of 2 numbers"),
        ("solid x\nendsolid x\n", "no facets"),
    ):
        with pytest.raises(InputError, match=message):
            decode(bad.encode(), "s.stl", "STL")


@pytest.mark.parametrize(
    ("text", "faces"),
    [
        (b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n", [[0, 1, 2]]),
        (b"OFF 3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2 255 0 0\n", [[0, 1, 2]]),
        (
            b"# hi\nOFF\n# there\n4 2\n\n0 0 0 # x\n1 0 0\n0 1 0\n1 1 1\n4 0 1 3 2\n3 0 1 2\n",
            [[0, 1, 3], [0, 3, 2], [0, 1, 2]],
        ),
        (b"COFF\r\n3 1 0\r\n0 0 0 1 0 0 1\r\n1 0 0 1 0 0 1\r\n0 1 0 .5 0 0 1\r\n3 0 1 2\r\n", [[0, 1, 2]]),
    ],
)
def test_off(text, faces):
    assert is_shape(text)
    found = decode(text)
    assert found.format == "OFF" and found.faces.tolist() == faces
    assert (found.colours is not None) == text.startswith(b"COFF")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"OFF\n1000000000 1 0\n0 0 0\n", "the limit is 20,000,000"),
        (b"OFF\n10000000 1 0\n0 0 0\n", "its header says 10,000,000 vertices and 1 faces in"),
        (b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n", "1 faces are missing"),
        (b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1\n", "damaged"),
        (b"OFF\n3 2 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n4 0 1 2\n", "fewer corners than it says"),
        (b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 3\n", "names vertex 3"),
        (b"OFF\n-3 1 0\n", "no counts"),
        (b"OFF\n3\n", "no counts"),
        (b"OFF\n3 0 0\n0 0 0\n1 0 0\n0 1 0\n", "points without faces"),
        (b"OFF\n0 0 0\n", "no vertices"),
        (b"NOFF\n3 1 0\n", "NOFF with normals"),
        (b"OFF BINARY\n" + bytes(40), "binary numbers"),
    ],
)
def test_off_that_is_damaged(text, message):
    with pytest.raises((InputError, ResourceError), match=message):
        decode(text)


# --- GLB -----------------------------------------------------------------------------------------------------


def test_a_glb_of_several_meshes_is_put_together():
    tree, body = scene(
        nodes=[
            {"children": [1, 2], "translation": [10, 0, 0]},
            {"mesh": 0, "rotation": [0, 0, 0.70710678, 0.70710678], "scale": [2, 2, 2]},
            {"mesh": 0, "matrix": [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 5, 1]},
        ]
    )
    found = decode(glb(tree, body))
    expected = [[10, 0, 0], [10, 2, 0], [8, 0, 0], [10, 0, 5], [9, 0, 5], [10, 1, 5]]
    np.testing.assert_allclose(found.vertices, expected, atol=1e-6)
    assert found.faces.tolist() == [[0, 1, 2], [5, 4, 3]]  # the mirrored one turned


@pytest.mark.parametrize(("mode", "faces"), [(4, [[0, 1, 2]]), (5, [[0, 1, 2]]), (6, [[0, 1, 2]])])
def test_glb_strips_and_fans(mode, faces):
    tree, body = scene()
    tree["meshes"][0]["primitives"][0]["mode"] = mode
    assert decode(glb(tree, body)).faces.tolist() == faces


def test_glb_without_indices_or_scenes():
    tree, body = scene()
    del tree["meshes"][0]["primitives"][0]["indices"], tree["scenes"]
    assert decode(glb(tree, body)).faces.tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "http://127.0.0.1/x", "other.bin", "data:,x"])
def test_a_glb_never_follows_anything(uri, monkeypatch):
    monkeypatch.setattr("socket.socket", None)
    tree, body = scene(buffers=[{"byteLength": 44, "uri": uri}])
    with pytest.raises(InputError, match="in another file, which is not followed"):
        decode(glb(tree, body))
    tree, body = scene(images=[{"uri": uri}], textures=[{"source": 0}])
    assert decode(glb(tree, body)).notes == ("materials, textures, animations and cameras left out",)


def changed(path, value):
    tree, body = scene()
    at = tree
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return glb(tree, body)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (changed(["extensionsRequired"], ["KHR_draco_mesh_compression"]), "needs KHR_draco_mesh_compression"),
        (changed(["extensionsRequired"], ["KHR_mesh_quantization"]), "needs KHR_mesh_quantization"),
        (changed(["meshes", 0, "primitives", 0, "extensions"], {"KHR_draco_mesh_compression": {}}), "with Draco"),
        (changed(["accessors", 1, "sparse"], {}), "sparse"),
        (changed(["accessors", 1, "componentType"], 5123), "quantised"),
        (glb(*scene(), version=1), "GLB version 1"),
    ],
)
def test_glb_that_is_unsupported(data, message):
    with pytest.raises(UnsupportedShapeError, match=message):
        decode(data)


@pytest.mark.parametrize(
    "data",
    [
        changed(["accessors", 1, "count"], 1 << 30),
        changed(["accessors", 1, "count"], 4),
        changed(["accessors", 1, "count"], -1),
        changed(["accessors", 1, "count"], 1e3),
        changed(["accessors", 1, "type"], "MAT4"),
        changed(["accessors", 1, "bufferView"], 7),
        changed(["accessors", 1, "bufferView"], -1),
        changed(["accessors", 1, "byteOffset"], 1),
        changed(["bufferViews", 1, "byteLength"], 1 << 39),
        changed(["bufferViews", 1, "byteStride"], 1),
        changed(["bufferViews", 1, "buffer"], 1),
        changed(["nodes"], [{"children": [0], "mesh": 0}]),
        changed(["nodes"], [{"children": [1, 1]}, {"children": [0]}]),
        changed(["nodes", 0, "matrix"], [1]),
        changed(["nodes", 0, "scale"], ["a", 1, 1]),
        changed(["nodes", 0, "scale"], [1e300, 1, 1]),
        changed(["nodes", 0, "translation"], [float("nan"), 1, 1]),
        changed(["nodes"], {}),
        changed(["scenes", 0, "nodes"], [5]),
        changed(["scene"], 3),
        changed(["meshes", 0], 5),
        changed(["meshes"], []),
        changed(["meshes", 0, "primitives", 0, "mode"], 0),
        changed(["meshes", 0, "primitives", 0, "attributes"], {}),
        changed(["meshes", 0, "primitives", 0], None),
        changed(["buffers"], [None]),
        glb(b"[" * 100_000),
        glb(b'{"a":' * 100_000),
        glb(b"[]"),
        glb(b"\xff\xfe"),
        glb(*scene(), length=1 << 31),
        glb(scene()[0]),
    ],
)
def test_glb_that_is_damaged(data):
    with pytest.raises((InputError, ResourceError)) as raised:
        decode(data, "s.glb")
    assert str(raised.value).startswith("s.glb: ") and "\n" not in str(raised.value)


# --- hostile, whatever the format ----------------------------------------------------------------------------

SMALL = Shape(np.float32([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]), np.int32([[0, 2, 1], [0, 1, 3], [0, 3, 2]]))
TEXT_STL = (
    b"solid x\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\nendsolid"
)


@pytest.mark.parametrize("form", [*READABLE, "text PLY", "text STL"])
def test_a_file_cut_anywhere_is_an_error_or_fewer_faces(form):
    text = b"0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"
    whole = {"text STL": TEXT_STL, "text PLY": ply(f"element vertex 3\n{XYZ}element face 1\n{LIST}", text, "ascii")}
    data = whole[form] if form in whole else encode(SMALL, form)
    decode(data)
    fewer = 0
    for cut in range(len(data)):
        try:
            fewer += len(decode(data[:cut], "", form[-3:]).faces) <= 3
        except InputError:
            continue
    # Text has no end mark: what is cut between lines, or in the last digits, looks whole.
    assert fewer == 0 if form in ("PLY", "STL", "GLB") else fewer < 60


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(READABLE), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4)
)
def test_wrong_bytes_give_a_shape_or_an_input_error(form, wrong):
    data = bytearray(encode(SMALL, form))
    for place, value in wrong:
        data[place % len(data)] = value
    try:
        found = decode(bytes(data), "", form)
    except (InputError, ResourceError):
        return
    assert np.isfinite(found.vertices).all() and found.faces.max() < len(found.vertices)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_anything_behind_a_magic_gives_an_error(tail):
    starts = [b"glTF", b"glTF\2\0\0\0", b"ply\n", b"OFF\n", b"COFF 3 1 0\n", b"solid x\nfacet normal", b"v 1 2 3\nf "]
    starts += [ply(f"element vertex 3\n{XYZ}element face 200\n{LIST}", THREE), glb(b"{}")[:-4], bytes(80)]
    starts += [ply(f"element vertex 3\n{XYZ}element face 200\n{LIST}", b"", "ascii")]
    for start in starts:
        for form in (None, *READABLE):
            with pytest.raises((InputError, ResourceError)):
                decode(start + tail, "", form)


@pytest.mark.parametrize("form", READABLE)
def test_much_garbage_is_refused_quickly(form):
    noise = np.random.default_rng(3).integers(0, 256, 8 << 20, np.uint8).tobytes()
    starts = {"OBJ": OBJ + b"f 1 2 3\n", "PLY": ply(f"element vertex 9\n{XYZ}element face 99999\n{LIST}")}
    starts |= {"STL": b"solid x\nfacet normal 0 0 1\n", "OFF": b"OFF\n9999 99999 0\n", "GLB": glb(*scene())[:60]}
    begun = time.process_time()
    with pytest.raises(InputError):
        decode(starts[form] + noise, "", form)
    assert time.process_time() - begun < 5


def test_more_faces_than_the_limit(monkeypatch):
    monkeypatch.setattr(mesh, "MAX_FACES", 100)
    for form in READABLE:
        with pytest.raises(ResourceError, match=r"s: \d+ .*; the limit is 100; simplify the shape first"):
            decode(encode(torus(), form), "s")
    with pytest.raises(ResourceError):
        decode(OBJ + b"f " + b"1 " * 200 + b"\n", "s", "OBJ")
