"""Video files and folders: content decides, what is damaged is refused, and no decoder gets the better of us."""

import importlib.util
import io
import itertools
import json
import os
import signal
import struct
import sys
import tempfile
import time
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image as Pil

from intarsia.errors import InputError, OutputError, ResourceError, UsageError
from intarsia.media import audio_file, video_decode, video_file, video_metrics
from intarsia.media.video import Video

RNG = np.random.default_rng(11)
HEIGHT, WIDTH, LENGTH = 45, 63, 7


def moving(length=LENGTH, height=HEIGHT, width=WIDTH):
    """Waves that drift, and a little noise: uint8 [T, H, W, 3]."""
    y, x = np.mgrid[:height, :width]
    frames = [
        [120 + 80 * np.sin((x + 2 * t) / 9 + c) + 20 * np.cos(y / 7 + c) for c in range(3)] for t in range(length)
    ]
    noisy = np.moveaxis(np.array(frames), 1, -1) + RNG.normal(0, 2, (length, height, width, 3))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


FRAMES = moving()
VIDEO = Video(FRAMES, Fraction(12))


def gif(frames=FRAMES, durations=80, **options):
    pictures = [Pil.fromarray(frame).quantize(64) for frame in frames]
    stream = io.BytesIO()
    pictures[0].save(stream, "GIF", save_all=True, append_images=pictures[1:], duration=durations, **options)
    return stream.getvalue()


def by_other(form="mp4", kind="yuv444p", codec="libx264", times=None, sound=False, frames=FRAMES, **colours):
    """A file as another program would write it."""
    av = pytest.importorskip("av")
    stream = io.BytesIO()
    with av.open(stream, "w", format=form) as container:
        track = container.add_stream(codec, rate=12, options={"qp": "1"} if codec == "libx264" else {})
        track.width, track.height, track.pix_fmt = frames.shape[2], frames.shape[1], kind
        track.codec_context.time_base = Fraction(1, 120)
        for name, value in colours.items():
            setattr(track.codec_context, name, value)
        voice = container.add_stream("aac", rate=8000) if sound else None
        for index, samples in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(samples, "rgb24")
            frame = frame.reformat(format=kind, dst_colorspace=colours.get("colorspace"), interpolation=4 | 1 << 18)
            frame.pts, frame.time_base = (times[index] if times else index * 10), Fraction(1, 120)
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
        if voice:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
            silence.sample_rate = 8000
            container.mux(voice.encode(silence))
            container.mux(voice.encode(None))
    return stream.getvalue()


def boxes(data):
    """The outermost boxes of an MP4, by name."""
    found, position = {}, 0
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        found[data[position + 4 : position + 8]] = data[position : position + length]
        position += length
    return found


def with_media(data, media):
    """An intact MP4 around other media: its index first."""
    parts = boxes(data)
    index = bytearray(parts[b"moov"])
    at = index.find(b"stco")
    (count,) = struct.unpack_from(">I", index, at + 8)
    shift = len(parts[b"ftyp"]) + len(index) - data.index(parts[b"mdat"])
    for place in range(at + 12, at + 12 + 4 * count, 4):
        struct.pack_into(">I", index, place, struct.unpack_from(">I", index, place)[0] + shift)
    return parts[b"ftyp"] + bytes(index) + struct.pack(">I", len(media) + 8) + b"mdat" + media


def psnr(found, expected=FRAMES):
    return video_metrics.psnr_of(Video(expected, Fraction(1)), Video(found.frames, Fraction(1)))


@pytest.fixture(scope="module")
def mp4():
    return by_other()


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """The folder for temporary files: empty, and to be left so."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def decoder(monkeypatch, code, seconds=None):
    """Let another program decode."""
    monkeypatch.setattr(video_decode, "program", lambda: [sys.executable, "-S", "-E", "-c", code])
    if seconds is not None:
        monkeypatch.setattr(video_decode, "_SECONDS", seconds)


# --- every format --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["MKV", "AVI", "WEBM"])
@pytest.mark.parametrize("rate", [Fraction(12), Fraction(30000, 1001)])
def test_exact_formats_give_back_the_very_samples(form, rate, tmp_path, scratch):
    pytest.importorskip("av")
    path = tmp_path / f"v.{form.lower()}"
    path.write_bytes(video_file.encode(Video(FRAMES, rate), form))
    found = video_file.load(path)
    assert np.array_equal(found.frames, FRAMES)
    assert (found.rate, found.format, found.name, found.file, found.notes) == (rate, form, path.name, path, ())
    assert found.original() == path.read_bytes()


@pytest.mark.parametrize("form", ["MP4", "MOV"])
def test_formats_for_players_are_near(form):
    pytest.importorskip("av")
    found = video_file.decode(video_file.encode(VIDEO, form), "v")
    assert (found.format, found.rate, found.frames.shape) == (form, 12, FRAMES.shape) and psnr(found) > 42


@pytest.mark.parametrize(("height", "width", "length"), [(1, 1, 1), (2, 3, 2), (1, 17, 1)])
def test_small_and_odd_sizes(height, width, length):
    pytest.importorskip("av")
    frames = RNG.integers(0, 256, (length, height, width, 3), dtype=np.uint8)
    for form in ("MKV", "WEBM"):
        found = video_file.decode(video_file.encode(Video(frames, Fraction(5)), form))
        assert np.array_equal(found.frames, frames) and found.rate == 5


def test_a_gif_needs_nothing_but_pillow(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    for rate in (Fraction(12), Fraction(25, 2), Fraction(30000, 1001)):
        found = video_file.decode(video_file.encode(Video(FRAMES, rate), "GIF"), "v")
        assert abs(found.rate - rate) < rate / 100 and found.format == "GIF" and found.notes == ()
        assert psnr(found) > 25
    for attempt in (lambda: video_file.encode(VIDEO, "MKV"), lambda: video_file.decode(b"RIFF\0\0\0\0AVI LIST")):
        with pytest.raises(UsageError, match=r"pip install 'intarsia\[video\]'"):
            attempt()


def test_a_gif_of_uneven_frames_is_evened_out():
    found = video_file.decode(gif(durations=[100, 100, 400, 100, 100, 100, 100]))
    assert found.rate == 7 and any("lasted differently" in note for note in found.notes)
    even = video_file.decode(gif(durations=100)).frames
    assert [int(np.argmin([np.abs(e - f.astype(int)).sum() for e in even])) for f in found.frames] == [
        0, 2, 2, 2, 3, 4, 6,
    ]  # fmt: skip


def test_frames_of_a_gif_that_ask_for_no_time_get_what_browsers_give():
    assert video_file.decode(gif(durations=0)).rate == 10


def test_transparent_pixels_of_a_gif_are_white():
    pictures = [Pil.new("P", (4, 4), 0) for _ in range(2)]
    pictures[1].putpixel((0, 0), 1)
    for picture in pictures:
        picture.putpalette([0, 0, 0, 255, 0, 0])
    stream = io.BytesIO()
    pictures[0].save(stream, "GIF", save_all=True, append_images=pictures[1:], transparency=0, duration=50, disposal=2)
    found = video_file.decode(stream.getvalue())
    assert (found.frames[0] == 255).all() and found.frames[1, 0, 0].tolist() == [255, 0, 0]
    assert "transparent pixels made white" in found.notes


# --- what is converted ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("colours", [{}, {"colorspace": 1}, {"colorspace": 5}, {"color_range": 1}], ids=str)
def test_colours_are_those_the_file_says(colours):
    found = video_file.decode(by_other(**colours))
    assert psnr(found) > 45 and found.notes == ()


def test_sizes_that_chroma_does_not_divide():
    even = FRAMES[:, :44, :62]
    assert psnr(video_file.decode(by_other(kind="yuv420p", frames=np.ascontiguousarray(even))), even) > 33


def test_what_is_lost_is_noted():
    found = video_file.decode(by_other(kind="yuv444p10le", sound=True))
    assert found.notes == ("10 bits reduced to 8", "sound dropped") and psnr(found) > 50


@pytest.mark.parametrize(
    ("matrix", "quarters"),
    [((0, 1, -1, 0), -1), ((0, -1, 1, 0), 1), ((-1, 0, 0, -1), 2)],
    ids=["telephone held upright", "the other way", "upside down"],
)
def test_frames_are_turned_as_the_file_says(matrix, quarters, mp4):
    plain, turned = (
        struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
        for a, b, c, d in ((1, 0, 0, 1), matrix)
    )
    at = mp4.index(plain, mp4.index(b"tkhd"))
    found = video_file.decode(mp4[:at] + turned + mp4[at + 36 :])
    expected = np.rot90(FRAMES, quarters, axes=(1, 2))
    assert psnr(found, expected) > 45 and found.notes == ("turned as the file says",)


def test_a_variable_rate_becomes_a_constant_one():
    found = video_file.decode(by_other(times=[0, 10, 20, 60, 70, 80, 90]))
    assert found.rate == Fraction(42, 5) and found.length == LENGTH
    assert "frames lasted differently; now 8.4 per second, some of them repeated or left out" in found.notes
    errors = [[np.abs(f.astype(int) - g).sum() for g in FRAMES] for f in found.frames]
    assert np.argmin(errors, axis=1).tolist() == [0, 2, 2, 2, 3, 4, 6]


@pytest.mark.parametrize(
    ("times", "end", "tick", "said", "rate"),
    [
        ([0, 83, 167, 250], 333, 1000, [12], 12),
        ([0, 83, 167, 250], 333, 1000, [], 12),
        ([0, 33, 67, 100, 133], 0, 1000, [Fraction(30000, 1001)], Fraction(30000, 1001)),
        ([7, 8, 9], 10, 25, [50, 25], 25),
        ([5], 6, 4, [], 4),
        ([5], 5, 4, [], 24),
        ([0, 0, 0], 0, 25, [25], 25),
        ([-1, -1], -1, 25, [], 24),
        ([3, 2, 1], 0, 25, [30], 30),
        ([0, 1], 2, 90_000, [], 1000),
    ],
)
def test_rates(times, end, tick, said, rate):
    found, picks = video_decode.steady(np.array(times), end, Fraction(1, tick), [Fraction(one) for one in said])
    assert found == rate and (picks is None or rate == 1000)


# --- by content ----------------------------------------------------------------------------------------------


def test_content_decides_not_the_suffix(tmp_path):
    (tmp_path / "v.mp4").write_bytes(gif())
    found = video_file.load(tmp_path / "v.mp4")
    assert found.format == "GIF" and found.notes == (f"{tmp_path}/v.mp4 is a GIF file by its content",)
    (tmp_path / "t.mkv").write_text("words")
    with pytest.raises(InputError, match=r"t\.mkv: not a video; expected MP4, MOV, MKV, WEBM, AVI, GIF by content"):
        video_file.load(tmp_path / "t.mkv")


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (b"\0\0\0\x20ftypisom", "MP4"),
        (b"\0\0\0\x20ftypqt  ", "MOV"),
        (b"\0\0\0\x08wide\0\0", "MOV"),
        (b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x82\x84webm", "WEBM"),
        (b"\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska", "MKV"),
        (b"RIFF\0\0\0\0AVI ", "AVI"),
        (gif(), "GIF"),
        (gif()[:-1], "GIF"),
        (gif(FRAMES[:1]), ""),
        (b"\0\0\0\x20ftypavif", ""),
        (b"\0\0\0\x20ftypavis", ""),
        (b"\0\0\0\x20ftypheic", ""),
        (b"\0\0\0\x20ftypM4A ", ""),
        (b"\0\0\0\x20ftyp", ""),
        (b"Feelfree to", ""),
        (b"RIFF\0\0\0\0WAVE", ""),
        (b"GIF89a", ""),
        (b"", ""),
    ],
    ids=lambda value: value[:16] if isinstance(value, bytes) else value,
)
def test_kinds_are_known_by_their_beginning(head, form):
    assert video_file.form_of(head) == form and video_file.is_video(head) == bool(form)


def test_nothing_else_is_taken_for_a_video():
    assert not any(video_file.is_video(RNG.bytes(64)) for _ in range(500))


def test_only_files_and_folders_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty.mp4").touch()
    for path, message in [
        (tmp_path / "pipe", "regular"),
        (tmp_path / "empty.mp4", "is empty"),
        (tmp_path / "missing.mp4", "no such file"),
        ("x" * 5000, "cannot be read"),
    ]:
        with pytest.raises(InputError, match=message):
            video_file.load(path)


# --- damaged -------------------------------------------------------------------------------------------------


def damaged_mp4s(data):
    parts = boxes(data)
    index, media = parts[b"moov"], parts[b"mdat"][8:]
    kinds = {
        "no index": (data[: data.index(index)], "damaged or truncated"),
        "cut in the media": (data[: data.index(parts[b"mdat"]) + 60], "truncated video"),
        "cut in the index": (data[:-10], "truncated video"),
        "cut inside the first frame": (with_media(data, media[:40]), "damaged or truncated"),
        "cut inside the last frame": (with_media(data, media[:-9]), "damaged or truncated"),
        "garbage": (with_media(data, RNG.bytes(len(media))), "damaged or truncated|no frames"),
        "zeros": (with_media(data, bytes(len(media))), "damaged or truncated|no frames"),
    }
    settings = data.index(b"avcC")
    kinds["no settings"] = (data[: settings + 4] + bytes(30) + data[settings + 34 :], "damaged or truncated|no frames")
    sizes = data.index(b"stsz")
    kinds["no frames"] = (data[: sizes + 12] + bytes(4) + data[sizes + 16 :], "no frames|damaged")
    return kinds


@pytest.mark.parametrize(
    "kind",
    (
        "no index",
        "cut in the media",
        "cut in the index",
        "cut inside the first frame",
        "cut inside the last frame",
        "garbage",
        "zeros",
        "no settings",
        "no frames",
    ),
)
def test_damaged_files_are_refused(kind, mp4, scratch):
    data, message = damaged_mp4s(mp4)[kind]
    with pytest.raises(InputError, match=f"^v: .*({message})"):
        video_file.decode(data, "v")


def test_a_small_file_that_is_nothing_but_lies_is_refused(scratch):
    pytest.importorskip("av")
    for start in (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska"):
        begun = time.monotonic()
        with pytest.raises(InputError):
            video_file.decode(start + RNG.bytes(382))
        assert time.monotonic() - begun < 9


@pytest.mark.parametrize("form", ["MKV", "AVI", "GIF"])
def test_other_files_cut_short_are_refused(form):
    pytest.importorskip("av")
    data = video_file.encode(VIDEO, form)
    for share in (0.4, 0.98):
        with pytest.raises(InputError, match="truncated video"):
            video_file.decode(data[: int(len(data) * share)], "v")


def test_sound_only_is_no_video():
    av = pytest.importorskip("av")
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        voice = container.add_stream("aac", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 8000
        container.mux(voice.encode(silence))
        container.mux(voice.encode(None))
    with pytest.raises(video_file.UnsupportedVideoError, match="s: no moving picture in it"):
        video_file.decode(stream.getvalue(), "s")


# --- a decoder that is up to no good -------------------------------------------------------------------------


def test_a_decoder_that_does_not_end_is_ended(monkeypatch, scratch):
    decoder(monkeypatch, "import time; time.sleep(60)", 0.3)
    begun = time.monotonic()
    with pytest.raises(InputError, match="v: not decoded within 0 seconds; get an undamaged copy, or convert"):
        video_file.decode(gif(), "v")
    assert time.monotonic() - begun < 5


FACTS = {"length": 1, "height": 1, "width": 1, "end": 1, "tick": [1, 10], "rates": [], "notes": []}


@pytest.mark.parametrize(
    "code",
    [
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        "raise SystemExit(3)",
        "print('x' * 5000)",
        "pass",
        "print('[1]'.ljust(512))",
        *(
            f"print({json.dumps(FACTS | lie)!r}.ljust(512), end=''); print('x' * 11, end='')"
            for lie in ({"length": 2}, {"height": -1}, {"width": "1"}, {"tick": [1, 0]}, {"rates": [1]}, {"end": None})
        ),
        "print('{}'.ljust(512))",
    ],
)
def test_a_decoder_that_fails_is_an_input_error(code, monkeypatch, scratch, capfd):
    decoder(monkeypatch, "import os; os.lseek(1, 0, 0)\n" + code)
    with pytest.raises(InputError, match="v: damaged"):
        video_file.decode(gif(), "v")
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_ends_the_decoder(tmp_path, monkeypatch, scratch):
    told = tmp_path / "told"
    decoder(monkeypatch, f"import os, time; open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(60)")

    def interrupt(*_):
        if told.exists() and told.read_text():
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            video_file.decode(gif())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


def test_more_samples_than_the_limit_are_refused(monkeypatch, scratch, tmp_path, mp4):
    for module in (video_decode, video_file):
        monkeypatch.setattr(module, "MAX_SAMPLES", 2 * HEIGHT * WIDTH * 3)
    video_file.save_frames(VIDEO, tmp_path / "frames")
    for attempt in (
        lambda: video_file.decode(gif()),
        lambda: video_file.decode(mp4),
        lambda: video_file.load(tmp_path / "frames"),
    ):
        with pytest.raises(ResourceError, match=r"the limit is 17,010; make it shorter or smaller"):
            attempt()


def test_no_room_for_decoding_is_a_resource_error(monkeypatch, tmp_path):
    limited = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "from intarsia.media.video_decode import main; main()"
    )
    monkeypatch.setattr(video_decode, "program", lambda: [sys.executable, "-c", limited])
    with pytest.raises(ResourceError, match="v: cannot be decoded here: File too large; set TMPDIR"):
        video_file.decode(gif(), "v")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(ResourceError, match="set TMPDIR"):
        video_file.decode(gif(), "v")


def test_memory_of_the_decoder_is_limited(monkeypatch, scratch):
    greedy = (
        "from intarsia.media import video_decode\n"
        "video_decode._decode_pillow = lambda *_: bytes(3 << 30)\n"
        "video_decode.main()"
    )
    monkeypatch.setattr(video_decode, "program", lambda: [sys.executable, "-c", greedy])
    with pytest.raises(InputError, match="MemoryError"):
        video_file.decode(gif())


# --- folders -------------------------------------------------------------------------------------------------


def test_saved_frames_are_read_exactly(tmp_path):
    files = video_file.save_frames(VIDEO, tmp_path / "new" / "frames")
    assert [path.name for path in files] == [f"00{index}.png" for index in range(LENGTH)]
    found = video_file.load(tmp_path / "new" / "frames")
    assert np.array_equal(found.frames, FRAMES) and found.rate == 24 and found.original() is None
    assert (found.name, found.format, found.file) == ("frames", "FRAMES", tmp_path / "new" / "frames")
    assert found.notes == ("a folder says no rate; taken for 24 frames per second",)
    assert video_file.load(tmp_path / "new" / "frames", rate=Fraction(12)).notes == ()


def test_frames_come_in_the_order_of_their_numbers(tmp_path):
    for index, number in enumerate((1, 2, 10, 9, 100)):
        Pil.fromarray(FRAMES[index]).save(tmp_path / f"f{number}.png")
    order = [0, 1, 3, 2, 4]
    assert np.array_equal(video_file.load(tmp_path).frames, FRAMES[order])


def test_other_files_in_a_folder_are_left_out(tmp_path):
    Pil.fromarray(FRAMES[0]).save(tmp_path / "1.PNG")
    Pil.fromarray(FRAMES[1]).convert("L").save(tmp_path / "2.bmp")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "more.png").mkdir()
    found = video_file.load(tmp_path, rate=Fraction(2))
    assert found.length == 2 and (found.frames[1, ..., 0] == found.frames[1, ..., 2]).all()
    assert found.notes == (f"1 other file in {tmp_path} left out",)


def test_folders_that_are_no_videos(tmp_path):
    with pytest.raises(InputError, match="no frames in this folder"):
        video_file.load(tmp_path)
    Pil.fromarray(FRAMES[0]).save(tmp_path / "1.png")
    Pil.fromarray(FRAMES[0, :-1]).save(tmp_path / "2.png")
    with pytest.raises(InputError, match=r"2\.png: 63 x 44, but .*1\.png is 63 x 45; expected frames of one size"):
        video_file.load(tmp_path)
    (tmp_path / "2.png").write_bytes(b"x")
    with pytest.raises(InputError, match=r"2\.png: not a picture"):
        video_file.load(tmp_path)


def test_deep_and_transparent_frames_are_reduced(tmp_path):
    Pil.fromarray(np.array([[0, 129, 65535]], np.uint16)).save(tmp_path / "1.png")
    Pil.fromarray(np.full((1, 3, 4), 7, np.uint8), "RGBA").save(tmp_path / "2.png")
    found = video_file.load(tmp_path, rate=Fraction(1))
    assert found.frames[0, 0, :, 0].tolist() == [0, 1, 255]
    assert found.notes == ("16 bits reduced to 8", "transparency dropped")


def test_frames_are_not_mixed_with_other_files(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(OutputError, match="not empty; choose a new folder"):
        video_file.save_frames(VIDEO, tmp_path)
    with pytest.raises(OutputError, match="cannot be written into"):
        video_file.save_frames(VIDEO, tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("rate", [Fraction(0), 12, Fraction(2000)])
def test_rates_of_folders_are_checked(rate, tmp_path):
    with pytest.raises(UsageError, match="rate"):
        video_file.load(tmp_path, rate=rate)


# --- out -----------------------------------------------------------------------------------------------------


def test_suffixes_are_those_that_can_be_written():
    pytest.importorskip("av")
    small = Video(FRAMES[:2], Fraction(10))
    for form in set(video_file.SUFFIXES.values()):
        assert video_file.form_of(video_file.encode(small, form)) == form
    with pytest.raises(UsageError, match="MPG is not a video format; use MKV, WEBM, AVI, MP4, MOV, GIF"):
        video_file.encode(small, "MPG")
    assert not set(video_file.SUFFIXES) & set(audio_file.SUFFIXES)


def test_what_a_format_cannot_hold_is_said():
    pytest.importorskip("av")
    with pytest.raises(UsageError, match="WEBM holds at most 16384 pixels on a side"):
        video_file.encode(Video(np.zeros((1, 1, 16385, 3), np.uint8), Fraction(1)), "WEBM")
    with pytest.raises(
        UsageError, match=r"MKV cannot hold this video \(.*1 x 17, .*use another format, or save its fra"
    ):
        video_file.encode(Video(np.zeros((1, 17, 1, 3), np.uint8), Fraction(1)), "MKV")


def test_packets_are_joined_and_split():
    packets = [b"", b"x", bytes(127), bytes(128), bytes(70_000)]
    whole = video_decode.joined(packets)
    assert list(video_decode.split(whole)) == packets
    for end in (1, 3, len(whole) - 1):
        with pytest.raises(ValueError, match=r"cut|number"):
            list(itertools.chain(video_decode.split(whole[:end] + b"\xff" * (end < 4))))
