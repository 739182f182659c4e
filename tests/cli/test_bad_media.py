"""Videos, shapes, several secrets and spread ones, from users and senders who mean no good: rows of the table."""

import io
import json
import struct
import wave
from fractions import Fraction

import numpy as np
import pytest

from intarsia.errors import InputError, IntarsiaError, UsageError
from intarsia.media import Audio, Blob, Image, Shape, Video, shape_file, values, video_file
from intarsia.media.blob import Piece
from intarsia.pipeline import hide_file, reveal_file
from intarsia.spread import _Part, hide_spread, reveal_spread
from intarsia.survey import capacity, inspect
from samples import (
    PASSWORD,
    moving,
    noise,
    octahedron,
    packed,
    photograph,
    random_bytes,
    speech,
    terms,
    there_and_back,
    write,
)

AT_ONCE = 5.0
"""Seconds of processor time for a refusal."""

HIDE = ("hide", "cover.png")
OUT = ("-o", "out.png")
ONE_TEXT = "no secret found, or wrong password, or the file was changed after hiding"
BIG = Image(noise(150, 150))
MOVES = Video(moving(), Fraction(24))


@pytest.fixture
def cover(tmp_path):
    """cover.png: room for about 12,000 bytes."""
    return write(tmp_path / "cover.png", noise(150, 150))


@pytest.fixture
def trio(quick):
    """c0.png, c1.png, c2.png and 300 bytes in s.bin."""
    write(quick.folder / "s.bin", random_bytes(300))
    return [write(quick.folder / f"c{n}.png", noise(seed=n)) for n in range(3)]


def shape_bytes(form, scale=1.0, shift=0.0):
    vertices, faces = octahedron()
    return shape_file.encode(Shape(vertices.astype(np.float64) * scale + shift, faces), form)


def film(form):
    pytest.importorskip("av")
    return video_file.encode(MOVES, form)


def frames(folder, pictures=None):
    """A folder of pictures."""
    folder.mkdir(parents=True)
    for number, picture in enumerate(moving() if pictures is None else pictures):
        write(folder / f"{number:03}.png", picture)
    return folder


def travels(path):
    """The bytes that come back of a secret that is expected to travel as it is."""
    _, found = there_and_back(BIG, path, path.parent / "travels.png")
    assert isinstance(found, Blob)
    return found.data


def refused(code, act, *says):
    with pytest.raises(IntarsiaError) as caught:
        act()
    line = str(caught.value)
    assert caught.value.exit_code == code, line
    assert line.isprintable()
    assert all(fragment in line for fragment in says), line


# --- 25: damaged videos --------------------------------------------------------------------------------------


def without_moov(data):
    return data.replace(b"moov", b"xxxx", 1)


BAD_FILMS = {
    "no moov": ("MP4", without_moov),
    "cut in the first frame": ("MP4", lambda data: data[: data.index(b"mdat") + 60]),
    "cut in ftyp": ("MP4", lambda data: data[:14]),
    "garbage behind ftyp": ("MP4", lambda data: data[:32] + random_bytes(5000)),
    "nothing behind ftyp": ("MP4", lambda data: data[:32]),
    "zeros behind ftyp": ("MP4", lambda data: data[:32] + bytes(5000)),
    "noise for frames": (
        "MP4",
        lambda data: data[:48] + random_bytes(data.index(b"moov") - 52) + data[data.index(b"moov") - 4 :],
    ),
    "MKV cut": ("MKV", lambda data: data[:300]),
    "MKV of garbage": ("MKV", lambda data: data[:50] + random_bytes(3000)),
    "WebM cut": ("WEBM", lambda data: data[:-40]),
    "AVI cut": ("AVI", lambda data: data[:600]),
    "GIF cut": ("GIF", lambda data: data[:-200]),
}


@pytest.mark.parametrize("kind", BAD_FILMS)
def test_row_25_damaged_videos_are_bad_input(tmp_path, kind):
    form, damage = BAD_FILMS[kind]
    path = write(tmp_path / "odd.mp4", damage(film(form)))
    refused(3, lambda: hide_file(BIG, path, tmp_path / "out.png", terms()), "odd.mp4: ")
    assert [each.name for each in tmp_path.iterdir()] == ["odd.mp4"]


@pytest.mark.parametrize("kind", ["no moov", "noise for frames"])
def test_row_25_on_the_command_line(quick, cover, kind):
    write(quick.folder / "odd.mp4", BAD_FILMS[kind][1](film("MP4")))
    quick.refuses(3, *HIDE, "odd.mp4", *OUT, says="odd.mp4: ", within=AT_ONCE, timeout=20)


def test_row_25_a_damaged_video_among_good_secrets_spoils_them_all(quick, cover):
    write(quick.folder / "cut.mp4", film("MP4")[:-100])
    write(quick.folder / "s.bin", b"fine")
    quick.refuses(3, *HIDE, "s.bin", "cut.mp4", *OUT, says="cut.mp4")
    quick.refuses(3, "info", "cut.mp4", says="cut.mp4")


# --- 26: odd videos ------------------------------------------------------------------------------------------


def sound_only():
    av = pytest.importorskip("av")
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        track = container.add_stream("aac", rate=16_000)
        for start in range(0, 8000, 1000):
            frame = av.AudioFrame.from_ndarray(speech(0.5)[None, start : start + 1000], format="s16", layout="mono")
            frame.sample_rate = 16_000
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
    return stream.getvalue()


def test_row_26_a_video_of_sound_alone_travels_as_bytes(tmp_path):
    path = write(tmp_path / "song.mp4", sound_only())
    assert travels(path) == path.read_bytes()


def test_row_26_a_video_without_frames(tmp_path):
    av = pytest.importorskip("av")
    stream = io.BytesIO()
    with av.open(stream, "w", format="matroska") as container:
        track = container.add_stream("ffv1", rate=24)
        track.width, track.height, track.pix_fmt = 32, 24, "bgr0"
        container.start_encoding()
    path = write(tmp_path / "none.mkv", stream.getvalue())
    try:
        assert travels(path) == path.read_bytes()
    except InputError as error:
        assert "none.mkv" in str(error)


@pytest.mark.parametrize(("count", "height", "width"), [(1, 17, 23), (2, 1, 1)])
def test_row_26_one_frame_and_odd_sizes_come_back(tmp_path, count, height, width):
    pytest.importorskip("av")
    small = moving(count)[:, :height, :width]
    path = write(tmp_path / "odd.mkv", video_file.encode(Video(np.ascontiguousarray(small), Fraction(25)), "MKV"))
    hidden, found = there_and_back(BIG, path, tmp_path / "out.png")
    assert isinstance(found, Video)
    assert found.frames.shape == (count, height, width, 3)
    assert found.rate == 25
    assert hidden.secrets[0].exact or hidden.secrets[0].psnr >= 42


NO_FRAMES = {
    "empty": lambda folder: folder.mkdir(),
    "no pictures": lambda folder: (folder.mkdir(), write(folder / "a.txt", b"x")),
    "nested": lambda folder: frames(folder / "inside"),
    "a folder called 000.png": lambda folder: (folder / "000.png").mkdir(parents=True),
    "a text called 000.png": lambda folder: (folder.mkdir(), write(folder / "000.png", b"text")),
    "several sizes": lambda folder: frames(folder, [noise(8, 8), noise(8, 9)]),
    "one is cut": lambda folder: write(frames(folder) / "002.png", packed(noise())[:90]),
}


@pytest.mark.parametrize("kind", NO_FRAMES)
def test_row_26_folders_that_are_no_video(tmp_path, kind):
    (tmp_path / "in").mkdir()
    NO_FRAMES[kind](tmp_path / "in" / "odd")
    refused(3, lambda: hide_file(BIG, tmp_path / "in" / "odd", tmp_path / "out.png", terms()), "odd")
    assert not (tmp_path / "out.png").exists()


def test_row_26_folders_on_the_command_line(quick, cover):
    NO_FRAMES["several sizes"](quick.folder / "odd")
    quick.refuses(3, *HIDE, "odd", *OUT, says=("odd/001.png", "9 x 8", "odd/000.png", "one size"))
    (quick.folder / "none").mkdir()
    quick.refuses(3, *HIDE, "none/", *OUT, says=("none", "no frames"))
    frames(quick.folder / "good")
    quick.refuses(3, "hide", "good", "cover.png", *OUT, says="good: ")
    quick.refuses(3, "reveal", "good", "-o", "back/", says="good: ")


FOLDER_NAMES = ["-фильм 1"]


@pytest.mark.parametrize(
    "name",
    [
        *FOLDER_NAMES,
        "shot.v2",
    ],
)
def test_row_26_a_folder_comes_back_as_a_folder_of_that_name(tmp_path, name):
    hide_file(BIG, frames(tmp_path / "in" / name), tmp_path / "out.png", terms())
    reveal_file(tmp_path / "out.png", f"{tmp_path}/back/", terms())
    assert [each.name for each in (tmp_path / "back").iterdir()] == [name]
    assert sorted(each.name for each in (tmp_path / "back" / name).iterdir()) == [f"00{n}.png" for n in range(5)]


def test_row_26_a_link_to_a_folder_is_a_folder(tmp_path):
    frames(tmp_path / "true")
    (tmp_path / "link").symlink_to("true")
    hidden, found = there_and_back(BIG, tmp_path / "link", tmp_path / "out.png")
    assert (found.length, found.name) == (5, "link")
    assert hidden.secrets[0].media == "video"


def test_row_26_frames_that_are_links_out_of_devices_are_not_read(tmp_path):
    folder = frames(tmp_path / "film")
    (folder / "005.png").symlink_to("/dev/zero")
    assert values.secret(folder, max_pixels=1 << 20).length == 5


def test_row_26_frames_are_ordered_by_number_and_others_left_out(tmp_path):
    folder = tmp_path / "film"
    folder.mkdir()
    for number in (10, 9, 1, 2):
        write(folder / f"{number}.png", np.full((8, 8, 3), number, np.uint8))
    write(folder / "readme.txt", b"x")
    video = values.secret(folder, max_pixels=1 << 20)
    assert video.frames[:, 0, 0, 0].tolist() == [1, 2, 9, 10]
    assert any("1 other file" in note for note in video.notes)


# --- revealed videos -----------------------------------------------------------------------------------------


@pytest.fixture
def with_video(quick):
    """out.png, with a folder of frames `film` in it."""
    hide_file(BIG, frames(quick.folder / "film"), quick.folder / "out.png", terms())
    return quick


def test_video_formats_when_revealing(with_video, tmp_path):
    pytest.importorskip("av")
    for suffix in (".mp4", ".mkv", ".gif"):
        reveal_file(tmp_path / "out.png", tmp_path / f"back{suffix}", terms())
        back = video_file.load(tmp_path / f"back{suffix}")
        assert back.frames.shape == (5, 24, 32, 3)
        assert back.format == video_file.SUFFIXES[suffix]


def test_video_formats_that_are_none(with_video):
    quick = with_video
    for name in ("back.png", "back.xyz"):
        quick.refuses(2, "reveal", "out.png", "-o", name, says="not a video format")
    quick.refuses(2, "reveal", "out.png", "-o", "back/", "--set", "as=x", says=("as=x", "as=frames"))


def test_a_video_as_frames_when_asked(quick, cover):
    write(quick.folder / "film.mkv", film("MKV"))
    quick.works(*HIDE, "film.mkv", *OUT)
    quick.works("reveal", "out.png", "-o", "back/", "--set", "as=frames")
    assert len(list((quick.folder / "back" / "film").iterdir())) == 5
    quick.refuses(8, "reveal", "out.png", "-o", "back/", "--set", "as=frames", "--force", says="not empty")


def test_frames_are_not_left_behind_when_another_secret_cannot_be_written(quick, cover):
    write(quick.folder / "s.bin", random_bytes(30))
    hide_file(BIG, [frames(quick.folder / "film"), quick.folder / "s.bin"], quick.folder / "out.png", terms())
    (quick.folder / "back").mkdir()
    write(quick.folder / "back" / "s.bin", b"mine")
    quick.refuses(8, "reveal", "out.png", "-o", "back/", says=("s.bin", "already exists"))


def test_secret_db_inf_of_a_video(quick, cover):
    frames(quick.folder / "film")
    done = quick.works(*HIDE, "film", *OUT, "--set", "secret_db=inf", "--json")
    assert json.loads(done.out)["secrets"][0]["exact"] is True
    assert np.array_equal(reveal_file(quick.folder / "out.png", None, terms()).value.frames, moving())
    frames(quick.folder / "noisy", [noise(60, 60, seed=n) for n in range(4)])
    line = quick.refuses(5, *HIDE, "noisy", "-o", "two.png", "--set", "secret_db=inf", says=("noisy", "exactly"))
    assert sum(part.replace(",", "").isdecimal() for part in line.split()) >= 2


# --- 27, 28: damaged shapes ----------------------------------------------------------------------------------

PLY = (
    "ply\nformat ascii 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\nelement face {}\n"
)
PLY += "property list uchar int vertex_indices\nend_header\n"
CORNERS = "0 0 0\n1 0 0\n0 1 0\n"


def ply(vertices, faces, rows):
    return (PLY.format(vertices, faces) + rows).encode()


def glb(tree, body=b""):
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(body), b"BIN\0") + body if body else b""
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def obj(*faces, vertices="v 0 0 0\nv 1 0 0\nv 0 1 0\n"):
    return (vertices + "".join(f"f {face}\n" for face in faces)).encode()


BAD_SHAPES = {
    "no vertices.ply": (3, ply(0, 0, "")),
    "fewer vertices.ply": (3, ply(4, 0, CORNERS)),
    "billion.ply": (6, ply(10**9, 1, CORNERS + "3 0 1 2\n")),
    "million.ply": (3, ply(10**6, 1, CORNERS + "3 0 1 2\n")),
    "billion.off": (6, b"OFF\n1000000000 1 0\n" + CORNERS.encode()),
    "nan.ply": (3, ply(3, 1, CORNERS.replace("1 0 0", "nan 0 0") + "3 0 1 2\n")),
    "infinite.obj": (3, obj("1 2 3", vertices="v 0 0 0\nv inf 0 0\nv 0 1 0\n")),
    "huge.obj": (3, obj("1 2 3", vertices="v 0 0 0\nv 1e300 0 0\nv 0 1 0\n")),
    "out of range.ply": (3, ply(3, 1, CORNERS + "3 0 1 3\n")),
    "negative.ply": (3, ply(3, 1, CORNERS + "3 0 1 -1\n")),
    "out of range.obj": (3, obj("1 2 4")),
    "zero.obj": (3, obj("0 1 2")),
    "before the first.obj": (3, obj("-1 -2 -4")),
    "enormous.obj": (3, obj("1 2 99999999999999999999")),
    "out of range.off": (3, b"OFF\n3 1 0\n" + CORNERS.encode() + b"3 0 1 7\n"),
    "cut.glb": (3, shape_bytes("GLB")[:-20]),
    "no scene.glb": (3, glb({"asset": {"version": "2.0"}, "scene": 5, "scenes": [{"nodes": [7]}]})),
    "circle.glb": (3, glb({"scenes": [{"nodes": [0]}], "nodes": [{"children": [0]}]})),
    "deep.glb": (3, struct.pack("<4sIII4s", b"glTF", 2, 20 + 200_000, 200_000, b"JSON") + b"[" * 200_000),
    "cut.stl": (3, b"solid x\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\n"),
}


@pytest.mark.parametrize("name", BAD_SHAPES)
def test_rows_27_28_damaged_shapes(tmp_path, name):
    code, data = BAD_SHAPES[name]
    path = write(tmp_path / name, data)
    refused(code, lambda: hide_file(BIG, path, tmp_path / "out.png", terms()), name)
    assert not (tmp_path / "out.png").exists()


def test_row_27_on_the_command_line(quick, cover):
    for name in ("nan.ply", "billion.ply"):
        code, data = BAD_SHAPES[name]
        write(quick.folder / name, data)
        quick.refuses(code, *HIDE, name, *OUT, says=name, within=AT_ONCE)


POINTS = {
    "billion.stl": b"solid x".ljust(80) + struct.pack("<I", 10**9) + bytes(50),
    "points.ply": ply(3, 0, CORNERS),
    "points.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\np 1 2 3\n",
    "points.off": b"OFF\n3 0 0\n" + CORNERS.encode(),
}


@pytest.mark.parametrize("name", POINTS)
def test_row_27_points_alone_and_what_is_hardly_an_stl_travel_as_bytes(tmp_path, name):
    path = write(tmp_path / name, POINTS[name])
    assert travels(path) == POINTS[name]


TEXTS = {
    "verses.txt": b"v 1 one\nv 2 two\nf is for fish\n",
    "versions.txt": b"v 1 0 0\nv 1 1 0\nv 2 0 0\nf 1 2 3\nand then it changed\n",
    "versions alone.txt": b"v 1 0 0\nv 1 1 0\nv 2 0 0\n",
    "letters.txt": b"g\no\ns\n",
    "off.txt": b"OFF we go\n",
    "plywood.txt": b"plywood\n",
    "solid.txt": b"solid facts\n",
    "late.txt": b"v 1 2 3\n" * 800 + b"and so it goes on in plain prose\n",
    "late on the last line.txt": b"v 1 2 3\n" * 3 + b"f 1 2 3\n" * 800 + b"so much for that",
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name) for name in TEXTS],
)
def test_texts_that_begin_like_shapes_travel_as_bytes(tmp_path, name):
    path = write(tmp_path / name, TEXTS[name])
    assert travels(path) == TEXTS[name]


# --- 30: units -----------------------------------------------------------------------------------------------


def units():
    """Every format in tiny and in large units."""
    for form in shape_file.READABLE:
        for scale in (1e-9, 1e6):
            yield pytest.param(form, scale)


@pytest.mark.parametrize(("form", "scale"), list(units()))
def test_row_30_units_do_not_matter(tmp_path, form, scale):
    pytest.importorskip("DracoPy")
    path = write(tmp_path / f"o.{form.lower()}", shape_bytes(form, scale))
    hidden, found = there_and_back(BIG, path, tmp_path / "out.png")
    before = shape_file.load(path)
    assert hidden.secrets[0].media == "shape"
    assert len(found.faces) == 8
    # The order of the vertices is free.
    ours, theirs = (one.vertices[np.lexsort(np.rint(one.vertices / scale * 30).T)] for one in (before, found))
    assert np.abs(ours - theirs).max() <= 1e-4 * before.size
    assert hidden.secrets[0].exact or hidden.secrets[0].distance <= 1e-4


def test_row_30_far_from_nought(tmp_path):
    pytest.importorskip("DracoPy")
    vertices, faces = octahedron()
    hidden, found = there_and_back(BIG, Shape(vertices.astype(np.float64) + 1e6, faces), tmp_path / "out.png")
    assert hidden.secrets[0].exact or hidden.secrets[0].distance <= 1e-4
    assert np.ptp(found.vertices, axis=0) == pytest.approx([2 / 3] * 3, rel=1e-3)


# --- 31: other files -----------------------------------------------------------------------------------------

CANARY = b"canary canary canary"


@pytest.mark.parametrize("target", ["canary.bin", "../canary.bin", "file:///etc/hostname", "http://127.0.0.1:9/x.bin"])
def test_row_31_other_files_are_never_followed(tmp_path, target, monkeypatch):
    import socket

    def never(*_, **__):
        raise AssertionError("it reached for the net")

    monkeypatch.setattr(socket.socket, "connect", never)
    folder = tmp_path / "in"
    folder.mkdir()
    for place in (folder, tmp_path):
        write(place / "canary.bin", CANARY * 10)
    tree = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "buffers": [{"byteLength": 36, "uri": target}],
    }
    outer = write(folder / "outer.glb", glb(tree))
    refused(3, lambda: travels(outer), "outer.glb", "another file", "not followed")
    wavefront = write(folder / "o.obj", f"mtllib {target}\nusemtl x\n".encode() + obj("1 2 3"))
    _, found = there_and_back(BIG, wavefront, tmp_path / "out.png")
    assert isinstance(found, Shape)
    assert CANARY not in shape_file.encode(found, "PLY") + shape_file.encode(found, "OBJ")


# --- shapes and covers ---------------------------------------------------------------------------------------


def ground(size=40):
    """A hilly surface of 2 size² triangles."""
    y, x = np.mgrid[:size, :size]
    height = np.random.default_rng(5).normal(size=(size, size)).cumsum(0).cumsum(1) / size
    vertices = np.stack([x, y, height], axis=-1).reshape(-1, 3).astype(np.float32)
    corner = (y[:-1, :-1] * size + x[:-1, :-1]).reshape(-1)
    faces = np.concatenate(
        [np.stack([corner, corner + 1, corner + size], 1), np.stack([corner + 1, corner + size + 1, corner + size], 1)]
    )
    return Shape(vertices, faces.astype(np.int32), name="hills.ply")


def test_a_mesh_too_large_for_its_cover_is_coarser_or_does_not_fit(quick):
    pytest.importorskip("DracoPy")
    write(quick.folder / "hills.ply", shape_file.encode(ground(), "PLY"))
    write(quick.folder / "small.png", noise(40, 40))
    write(quick.folder / "tiny.png", noise(14, 14))
    done = quick.works("hide", "small.png", "hills.ply", "-o", "coarse.png", "--json")
    assert any("small for this shape" in note for note in done.notes), done
    record = json.loads(done.out)["secrets"][0]
    assert record["distance"] > 1e-4
    assert "psnr" not in record
    assert not record["exact"]
    line = quick.refuses(5, "hide", "tiny.png", "hills.ply", *OUT, says=("hills.ply", "tiny.png"))
    assert sum(part.replace(",", "").isdecimal() for part in line.split()) >= 2, line
    line = quick.refuses(5, "hide", "small.png", "hills.ply", *OUT, "--set", "secret_db=inf", says="exactly")
    assert sum(part.replace(",", "").isdecimal() for part in line.split()) >= 2, line


def test_shapes_when_revealing(quick, cover):
    write(quick.folder / "o.stl", shape_bytes("STL"))
    done = quick.works(*HIDE, "o.stl", *OUT, "--set", "secret_db=inf", "--json")
    assert json.loads(done.out)["secrets"][0]["exact"] is True
    for form in shape_file.READABLE:
        reveal_file(quick.folder / "out.png", quick.folder / f"back.{form.lower()}", terms())
        assert len(shape_file.load(quick.folder / f"back.{form.lower()}").faces) == 8
    for name in ("b.png",):
        quick.refuses(2, "reveal", "out.png", "-o", name, says="not a shape format")


# --- several secrets -----------------------------------------------------------------------------------------


def test_equal_names_and_one_file_twice(quick, cover):
    for folder, data in (("a", b"one"), ("b", b"two")):
        (quick.folder / folder).mkdir()
        write(quick.folder / folder / "s.txt", data)
    quick.works(*HIDE, "a/s.txt", "b/s.txt", "a/s.txt", *OUT)
    quick.works("reveal", "out.png", "-o", "back/")
    back = {path.name: path.read_bytes() for path in (quick.folder / "back").iterdir()}
    assert back == {"s.txt": b"one", "s-2.txt": b"two", "s-3.txt": b"one"}


def test_names_that_meet_a_numbered_one(tmp_path):
    secrets = [Blob(b"1", "s.txt"), Blob(b"2", "s-2.txt"), Blob(b"3", "s.txt"), Blob(b"4", "s-2.txt")]
    hide_file(BIG, secrets, tmp_path / "out.png", terms())
    reveal_file(tmp_path / "out.png", f"{tmp_path}/back/", terms())
    assert sorted(path.read_bytes() for path in (tmp_path / "back").iterdir()) == [b"1", b"2", b"3", b"4"]


def test_names_that_lead_elsewhere_stay_inside(tmp_path):
    names = ["../up.txt", "/etc/passwd", "..", "a\\b.txt", "nul\0.txt", "new\nline.txt", "", "."]
    hide_file(BIG, [Blob(name.encode() or b"x", name) for name in names], tmp_path / "out.png", terms())
    done = reveal_file(tmp_path / "out.png", f"{tmp_path}/back/", terms())
    assert len(list((tmp_path / "back").iterdir())) == len(names) == len(done.outputs)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "out.png"]


def test_odd_names_on_the_command_line(quick, cover):
    names = ["two\nlines.txt", "\u202egpj.exe", "ünï.txt", "-dash.txt", " "]
    for name in names:
        write(quick.folder / name, name.encode())
    done = quick.works(*HIDE, *OUT, "--", *names)
    assert len(done.out.splitlines()) == 1
    done = quick.works("reveal", "out.png", "-o", "back/")
    assert len(done.out.splitlines()) == len(names)
    assert {path.name for path in (quick.folder / "back").iterdir()} == set(names)
    done = quick.works("info", "out.png", "--json", "--password-file", write(quick.folder / "pw", PASSWORD.encode()))
    assert [each["name"] for each in json.loads(done.out)["carries"]] == names


def test_numbers_of_secrets(quick, cover):
    write(quick.folder / "s", b"x")
    quick.refuses(2, *HIDE, *OUT, says="SECRET")
    quick.refuses(2, *HIDE, *["s"] * 256, *OUT, says=("256 secrets", "1 to 255"))


def test_the_most_secrets_there_can_be(tmp_path):
    secret = write(tmp_path / "s", b"x")
    hidden = hide_file(BIG, [secret] * 255, tmp_path / "out.png", terms())
    assert len(hidden.secrets) == 255
    assert len(reveal_file(tmp_path / "out.png", f"{tmp_path}/back/", terms()).outputs) == 255
    assert len({path.name for path in (tmp_path / "back").iterdir()}) == 255


def test_several_that_cannot_all_be_read_or_fit(quick, cover):
    write(quick.folder / "s.bin", random_bytes(30))
    write(quick.folder / "large.bin", random_bytes(90_000))
    quick.refuses(3, *HIDE, "s.bin", "gone.bin", *OUT, says="gone.bin")
    quick.refuses(5, *HIDE, "s.bin", "large.bin", *OUT, says=("large.bin", "cover.png", "90,0"))
    quick.refuses(2, *HIDE, "s.bin", "-", *OUT, says="alone", stdin=b"x")
    quick.refuses(3, *HIDE, "-", *OUT, says="standard input is empty")
    for weights in ("1", "1:2:3", "a:b", "1:0", "1:-1", "nan:1", "inf:1", ""):
        refused(
            2,
            lambda weights=weights: hide_file(
                BIG, [Blob(b"1"), Blob(b"2")], quick.folder / "out.png", terms(settings={"weights": weights})
            ),
            "weights",
        )
    quick.refuses(2, *HIDE, "s.bin", "s.bin", *OUT, "--set", "weights=1:2:3", says=("weights", "2 positive"))


@pytest.fixture
def several(quick):
    """out.png with two secrets, a.bin and b.bin."""
    hide_file(BIG, [Blob(b"aa", "a.bin"), Blob(b"bb", "b.bin")], quick.folder / "out.png", terms())
    return quick


def test_several_go_into_a_folder_alone(several):
    for out in ("one.bin", "-"):
        several.refuses(2, "reveal", "out.png", "-o", out, says=("out.png holds 2 secrets", "a.bin, b.bin", "-o DIR/"))


@pytest.mark.parametrize("there", ["a.bin", "b.bin"])
def test_an_output_folder_that_holds_one_already(several, there):
    (several.folder / "back").mkdir()
    write(several.folder / "back" / there, b"mine")
    several.refuses(8, "reveal", "out.png", "-o", "back/", says=(there, "--force"))
    several.works("reveal", "out.png", "-o", "back", "--force")
    assert (several.folder / "back" / "b.bin").read_bytes() == b"bb"


def test_wrong_password_of_several(several):
    several.refuses(4, "reveal", "out.png", "-o", "back/", password="no", says=("out.png", ONE_TEXT))


def test_the_json_of_every_kind(quick, cover):
    secrets = ["p.png", "film", "o.obj", "t.bin"]
    pytest.importorskip("DracoPy")
    write(quick.folder / "p.png", photograph(64, 64))
    frames(quick.folder / "film")
    write(quick.folder / "o.obj", shape_bytes("OBJ"))
    write(quick.folder / "t.bin", random_bytes(20))
    done = json.loads(quick.works(*HIDE, *secrets, *OUT, "--json", "--text", "hello").out)
    found = done["secrets"]
    assert [each["media"] for each in found] == ["image", "video", "shape", "blob", "text"]
    assert [each["name"] for each in found] == [*secrets, ""]
    keys = {"image": "psnr", "video": "psnr", "shape": "distance"}
    for each in found:
        assert each.keys() == {"name", "media", "bytes", "exact"} | (set() if each["exact"] else {keys[each["media"]]})
    assert found[3]["exact"]
    assert found[4]["exact"]
    looked = json.loads(quick.works("capacity", "cover.png", *secrets, "--json").out)
    assert [each["media"] for each in looked["secrets"]] == ["image", "video", "shape", "blob"]
    shown = inspect(quick.folder / "out.png", terms().keyring, terms())
    assert [(each.media, each.bytes) for each in shown.carries] == [(each["media"], each["bytes"]) for each in found]


def test_a_sound_with_several(tmp_path):
    cover = Audio.of(speech(4.0, level=-14.0), 16_000)
    secrets = [Blob(random_bytes(40), "a.bin"), Blob.text("hello"), Image(noise(8, 8), name="p.png")]
    hidden = hide_file(cover, secrets, tmp_path / "out.wav", terms())
    assert hidden.carrier_snr >= 30
    found = reveal_file(tmp_path / "out.wav", f"{tmp_path}/back/", terms())
    assert [value.kind for value in found.values] == ["blob", "text", "image"]
    assert len(list((tmp_path / "back").iterdir())) == 3
    with wave.open(str(tmp_path / "out.wav")) as opened:
        assert opened.getnframes() == 64_000


def many(folder):
    return [write(folder / f"a{number}.txt", b"x") for number in range(100)]


def test_capacity_knows_what_hide_can_do_with_many(tmp_path):
    secrets = many(tmp_path)
    assert len(hide_file(BIG, secrets, tmp_path / "out.png", terms()).secrets) == 100
    assert len(capacity(BIG, secrets, terms()).forecasts) == 100


# --- one secret over several covers --------------------------------------------------------------------------

SPREAD = ("hide", "c0.png", "c1.png", "c2.png", "--secret", "s.bin")


def test_wrong_ways_to_spread(quick, trio):
    for need, says in (("4", "need is 4"), ("0", "--need")):
        quick.refuses(2, *SPREAD, "--need", need, "-o", "out/", says=says)
    quick.refuses(2, *SPREAD, "-o", "out/", says="--need")
    quick.refuses(2, "hide", "c0.png", "c1.png", "--need", "2", "-o", "out/", says="--secret")
    quick.refuses(2, "hide", "c0.png", "--secret", "s.bin", "--need", "1", "-o", "out/", says="covers: 1 given")
    quick.refuses(2, *SPREAD, "--need", "2", "--text", "x", "-o", "out/", says="--text")
    quick.refuses(3, "hide", "c0.png", "gone.png", "--secret", "s.bin", "--need", "1", "-o", "out/", says="gone.png")
    quick.refuses(3, "hide", "c0.png", "c1.png", "--secret", "gone", "--need", "1", "-o", "out/", says="gone")
    quick.refuses(8, *SPREAD, "--need", "2", "-o", "s.bin", says="s.bin")


def test_two_secrets_to_spread_are_not_one(quick, trio):
    write(quick.folder / "t.txt", b"hello")
    quick.refuses(2, *SPREAD, "--secret", "t.txt", "--need", "2", "-o", "out/", says="--secret")


def spread(folder, secret, need=2, count=3, out="out", **others):
    covers = [write(folder / f"c{n}.png", noise(seed=n)) for n in range(count)]
    return [each.container for each in hide_spread(covers, secret, need, folder / out, terms(**others)).containers]


def test_too_few_pieces(quick, trio):
    made = spread(quick.folder, quick.folder / "s.bin", 3)
    names = [f"out/{path.name}" for path in made]
    quick.refuses(3, "reveal", *names[:2], "-o", "back/", says=("2 pieces", "any 3"))
    quick.refuses(3, "reveal", names[0], names[0], names[0], "-o", "back/", says=("piece 1", "any 3"))
    quick.refuses(3, "reveal", names[0], "-o", "back/", says=("out/c0.png", "one piece"))
    quick.refuses(4, "reveal", *names, "-o", "back/", password="no", says=ONE_TEXT)
    done = quick.works("reveal", *names, names[0], "-o", "-")
    assert done.out == random_bytes(300)


def test_a_missing_container_and_a_stranger_are_left_aside_with_a_note(quick, trio):
    spread(quick.folder, quick.folder / "s.bin")
    done = quick.works("reveal", "gone.png", "c0.png", "out/c1.png", "out/c2.png", "-o", "back.bin")
    assert [("gone.png" in note, "c0.png" in note) for note in done.notes] == [(True, False), (False, True)]
    assert (quick.folder / "back.bin").read_bytes() == random_bytes(300)


def test_two_complete_sets_need_a_folder(quick, trio):
    one = spread(quick.folder, Blob(b"first", "s"), 1, out="one")
    two = spread(quick.folder, Blob(b"second", "s"), 1, out="two")
    quick.refuses(2, "reveal", str(one[0]), str(two[1]), "-o", "one.bin", says="-o DIR/")
    quick.works("reveal", str(one[0]), str(two[1]), "-o", "back/")
    assert {each.read_bytes() for each in (quick.folder / "back").iterdir()} == {b"first", b"second"}


def test_a_cover_twice_and_covers_of_one_name(quick, trio):
    (quick.folder / "other").mkdir()
    write(quick.folder / "other" / "c0.png", noise(seed=9))
    words = ("hide", "c0.png", "c0.png", "other/c0.png", "--secret", "s.bin", "--need", "3", "-o", "out")
    quick.works(*words)
    names = sorted(path.name for path in (quick.folder / "out").iterdir())
    assert names == ["c0-2.png", "c0-3.png", "c0.png"]
    quick.works("reveal", *(f"out/{name}" for name in names), "-o", "back/")
    quick.refuses(8, *words, says=("out/c0.png", "already exists"))


def test_a_failing_cover_in_the_middle_leaves_nothing(quick, trio):
    (quick.folder / "out").mkdir()
    write(quick.folder / "out" / "c1.png", b"mine")
    quick.refuses(8, *SPREAD, "--need", "2", "-o", "out/", says="out/c1.png")
    write(quick.folder / "flat.png", noise(3, 3))
    words = ("hide", "c0.png", "flat.png", "c2.png", "--secret", "s.bin", "--need", "2", "-o", "new/")
    quick.refuses(5, *words, says="flat.png")


def test_a_failing_cover_in_the_middle_does_not_cost_what_was_there(quick, trio):
    (quick.folder / "out" / "c1.png").mkdir(parents=True)
    write(quick.folder / "out" / "c0.png", b"precious")
    quick.refuses(8, *SPREAD, "--need", "2", "-o", "out/", "--force", says="out/c1.png")


def test_too_large_to_spread(quick, trio):
    write(quick.folder / "large.bin", random_bytes(30_000))
    line = quick.refuses(5, *SPREAD[:-1], "large.bin", "--need", "2", "-o", "out/")
    assert sum(part.strip(";,.").replace(",", "").isdecimal() for part in line.split()) >= 2, line


def test_what_is_too_large_to_spread_is_named(tmp_path):
    secret = write(tmp_path / "large.bin", random_bytes(30_000))
    refused(5, lambda: spread(tmp_path, secret), "large.bin")


def test_a_picture_and_a_sound_carry_one_secret(quick, trio):
    stream = io.BytesIO()
    with wave.open(stream, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(speech(3.0, level=-14.0).tobytes())
    write(quick.folder / "said.wav", stream.getvalue())
    done = quick.works("hide", "c0.png", "said.wav", "--secret", "s.bin", "--need", "2", "-o", "out/", "--json")
    record = json.loads(done.out)
    assert record["need"] == 2
    assert ["cover_psnr" in record["containers"][0], "carrier_snr" in record["containers"][1]] == [True, True]
    quick.works("reveal", "out/said.wav", "out/c0.png", "-o", "back/")
    assert (quick.folder / "back" / "s.bin").read_bytes() == random_bytes(300)


SPREADABLE = {
    "text": lambda: Blob.text("at noon"),
    "sound": lambda: Audio.of(speech(0.1), 16_000, name="s.wav"),
    "picture": lambda: Image(photograph(32, 32), name="p.png"),
    "video": lambda: Video(moving(), Fraction(24), "v.mkv"),
    "shape": lambda: Shape(*octahedron(), name="o.ply"),
}


@pytest.mark.parametrize("kind", SPREADABLE)
def test_every_kind_can_be_spread(tmp_path, kind):
    if kind == "shape":
        pytest.importorskip("DracoPy")
    secret = SPREADABLE[kind]()
    made = spread(tmp_path, secret)
    found = reveal_spread(made[:2], None, terms()).value
    assert (type(found), found.kind) == (type(secret), secret.kind)
    assert getattr(found, "name", "") == secret.name


def test_a_spread_picture_is_only_called_exact_when_it_is(tmp_path):
    secret = Image(noise(150, 150), name="big.png")  # 60 kB where 4 fit
    covers = [Image(noise(seed=1)), Image(noise(seed=2))]
    try:
        made = hide_spread(covers, secret, 2, tmp_path / "out", terms())
    except IntarsiaError as error:
        assert error.exit_code == 5
        return
    found = reveal_spread([each.container for each in made.containers], None, terms()).value
    exact = np.array_equal(found.samples, secret.samples)
    assert made.secret.exact == exact
    assert exact or any("carried at" in note for note in made.notes)


def test_settings_of_the_secret_count_when_spread(tmp_path):
    secret = Image(noise(150, 150), name="big.png")
    refused(5, lambda: spread(tmp_path, secret, settings={"secret_db": "inf"}))


def test_pieces_of_two_sets_under_one_seed_do_not_mix(tmp_path):
    """The same secret under the same seed, in smaller and larger covers, has other codes."""
    secret = Image(photograph(150, 150), name="p.png")
    small = hide_spread([Image(noise(seed=n)) for n in (1, 2)], secret, 2, tmp_path / "a", terms(seed=1)).containers
    large = hide_spread(
        [Image(noise(90, 90, seed=n)) for n in (1, 2)], secret, 2, tmp_path / "b", terms(seed=1)
    ).containers
    refused(3, lambda: reveal_spread([small[0].container, large[1].container], None, terms()))


HOSTILE = {
    "lengths": (
        _Part(b"12345678", 0, 2, 3, "blob", 9, b"12345", "n"),
        _Part(b"12345678", 1, 2, 3, "blob", 19, b"0123456789", "n"),
    ),
    "need": (
        _Part(b"12345678", 0, 2, 3, "blob", 9, b"12345", "n"),
        _Part(b"12345678", 1, 3, 3, "blob", 13, b"12345", "n"),
    ),
    "count": (
        _Part(b"12345678", 0, 2, 3, "blob", 9, b"12345", "n"),
        _Part(b"12345678", 200, 2, 255, "blob", 9, b"12345", "n"),
    ),
    "kind": (
        _Part(b"12345678", 0, 2, 3, "video", 9, b"12345", "n"),
        _Part(b"12345678", 1, 2, 3, "shape", 9, b"12345", "n"),
    ),
    "empty": (_Part(b"12345678", 0, 2, 3, "blob", 0, b"", "n"), _Part(b"12345678", 1, 2, 3, "blob", 0, b"", "n")),
}


@pytest.mark.parametrize(
    "lie",
    [pytest.param(lie) for lie in HOSTILE],
)
def test_pieces_of_a_hostile_sender_are_bad_input(tmp_path, lie):
    for number, part in enumerate(HOSTILE[lie]):
        hide_file(Image(noise(seed=number)), part.pack(), tmp_path / f"{number}.png", terms())
    with pytest.raises(InputError) as caught:
        reveal_spread([tmp_path / "0.png", tmp_path / "1.png"], tmp_path / "back", terms())
    assert str(caught.value).isprintable()
    assert not (tmp_path / "back").exists()


def test_a_damaged_piece_names_its_container(tmp_path):
    hide_file(BIG, Piece(b"\1xx", "n"), tmp_path / "odd.png", terms())
    refused(3, lambda: reveal_spread([tmp_path / "odd.png", tmp_path / "odd.png"], None, terms()), "odd.png")


def test_an_incomplete_set_beside_a_complete_one_is_noted(tmp_path):
    one = spread(tmp_path, Blob(b"first", "a"), 2, out="one")
    two = spread(tmp_path, Blob(b"second", "b"), 2, out="two")
    found = reveal_spread([*one[:2], two[0]], None, terms())
    assert [value.data for value in found.values] == [b"first"]
    assert any("piece" in note for note in found.notes)


def test_a_wrong_kind_of_cover(tmp_path):
    refused(2, lambda: hide_file(MOVES, Blob(b"x"), tmp_path / "out.png", terms()), "cover")
    with pytest.raises(UsageError):
        hide_spread([MOVES, BIG], Blob(b"x"), 1, tmp_path / "out", terms())
    assert not (tmp_path / "out").exists()


def test_info_of_videos_shapes_and_pieces(quick, trio):
    write(quick.folder / "o.stl", shape_bytes("STL"))
    frames(quick.folder / "film")
    assert b"can be a secret, not a cover" in quick.works("info", "o.stl", password=None).out
    assert b"can be a secret, not a cover" in quick.works("info", "film", password=None).out
    spread(quick.folder, quick.folder / "s.bin")
    write(quick.folder / "pw", PASSWORD.encode())
    assert b"piece" in quick.works("info", "out/c0.png", "--password-file", "pw", password=None).out
