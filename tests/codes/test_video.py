"""Videos to bytes: exact where it fits, else the budget well used; and codes that mean harm."""

import importlib.util
import io
import math
import sys
import time
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image as Pil

from intarsia.codes import video as codes
from intarsia.errors import DoesNotFitError, InputError, UsageError
from intarsia.media import video_decode, video_file, video_metrics
from intarsia.media.video import Video

RNG = np.random.default_rng(21)


def moving(length=5, height=48, width=64):
    """A disc that crosses soft waves, and a little noise: uint8 [T, H, W, 3]."""
    y, x = np.mgrid[:height, :width]
    frames = []
    for t in range(length):
        waves = [120 + 60 * np.sin((x + t) / 11 + c) + 30 * np.cos(y / 9 - c) for c in range(3)]
        frame = np.stack(waves, axis=-1) + RNG.normal(0, 2, (height, width, 3))
        frame[(x - 10 - 5 * t) ** 2 + (y - 20) ** 2 < 80] = (230, 60, 40)
        frames.append(frame)
    return np.clip(np.rint(frames), 0, 255).astype(np.uint8)


VIDEO = Video(moving(), Fraction(30000, 1001), "v.mkv")
RAW = VIDEO.size


@pytest.fixture(scope="module")
def lossy():
    pytest.importorskip("av")
    return codes.encode(VIDEO, RAW // 24)


@pytest.fixture
def alone(monkeypatch):
    """Without PyAV."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)


def gif():
    pictures = [Pil.fromarray(frame).quantize(16) for frame in VIDEO.frames]
    stream = io.BytesIO()
    pictures[0].save(stream, "GIF", save_all=True, append_images=pictures[1:], duration=50)
    return stream.getvalue()


# --- exact ---------------------------------------------------------------------------------------------------


def test_a_file_travels_as_it_was(alone):
    data = gif()
    value = video_file.decode(data, "v.gif")
    coded = codes.encode(value, len(data) + 1)
    assert coded.code == b"f" + data and coded.quality == math.inf
    found = codes.decode(coded.code, "n")
    assert found.original() == data and np.array_equal(found.frames, value.frames) and found.name == "n"


def test_frames_travel_exactly_where_they_fit():
    pytest.importorskip("av")
    coded = codes.encode(VIDEO, RAW)
    found = codes.decode(coded.code, "n")
    assert coded.quality == math.inf and len(coded.code) < 0.7 * RAW
    assert np.array_equal(found.frames, VIDEO.frames) and (found.rate, found.name) == (VIDEO.rate, "n")
    assert codes.encode(VIDEO, RAW, target_db=math.inf).code == coded.code


@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 3), (1, 40)])
def test_every_exact_code_is_exact(height, width, length):
    pytest.importorskip("av")
    frames = RNG.integers(0, 256, (length, height, width, 3), dtype=np.uint8)
    value = Video(frames, Fraction(7, 3))
    found = codes._lossless(value, 1 << 20)
    assert {code[:1] for code in found} <= {b"F", b"L"} and found
    for code in found:
        assert np.array_equal(codes.decode(code).frames, frames)


def test_every_colour_is_given_back():
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(18, -1, 3)
    assert np.array_equal(codes._lowered(codes._lifted(colours)), colours)
    for bits in (10, 12):
        turned = codes._turned(colours, bits)
        back = codes._turned_back(bits, turned)
        assert turned.max() < 1 << bits and np.abs(back.astype(int) - colours).max() <= (1 if bits == 10 else 0)


def test_planes_of_nonsense_become_colours():
    for bits in (10, 12):
        assert codes._turned_back(bits, RNG.integers(0, 65536, (3, 9, 9))).shape == (9, 9, 3)
    assert codes._lowered(RNG.integers(0, 65536, (3, 9, 9))).dtype == np.uint8


# --- lossy ---------------------------------------------------------------------------------------------------


def test_the_budget_is_used(lossy):
    assert 0.8 * (RAW // 24) < len(lossy.code) <= RAW // 24
    found = codes.decode(lossy.code, "n")
    assert lossy.quality == video_metrics.mean_psnr(VIDEO, found) > 33
    assert (found.rate, found.name, found.frames.shape) == (VIDEO.rate, "n", VIDEO.frames.shape)


def test_codes_are_always_the_same(lossy):
    assert codes.encode(VIDEO, RAW // 24).code == lossy.code


def test_more_bytes_are_better(lossy):
    assert codes.encode(VIDEO, RAW // 12).quality > lossy.quality + 1


def test_a_quality_that_is_asked_for_is_reached():
    pytest.importorskip("av")
    coded = codes.encode(VIDEO, RAW, target_db=36)
    assert 36 <= coded.quality < 37.5 and len(coded.code) < RAW // 8
    exact = codes.encode(VIDEO, RAW, target_db=200)
    assert exact.quality == math.inf


def test_what_cannot_reach_the_quality_fills_the_budget(lossy):
    assert codes.encode(VIDEO, RAW // 24, target_db=60).code == lossy.code


@pytest.mark.parametrize("budget", [-5, 0, 20])
def test_what_does_not_fit_is_refused(budget):
    pytest.importorskip("av")
    with pytest.raises(DoesNotFitError) as raised:
        codes.encode(Video(moving(2, 16, 16), Fraction(5)), budget)
    assert raised.value.needed > raised.value.available == budget


@pytest.mark.parametrize("codec", codes.CODECS, ids=lambda codec: codec.encoder)
@pytest.mark.parametrize(("height", "width"), [(16, 17), (33, 16), (3, 5)])
def test_every_codec_takes_odd_sizes(codec, height, width):
    pytest.importorskip("av")
    if not codes._has_encoder(codec.encoder):
        pytest.skip("not in this build")
    value = Video(moving(2, height, width), Fraction(5))
    if min(height, width) < codec.least:
        assert codes._codec_for(value) is not codec
        return
    found = codes.decode(codec.code(value, 5, "superfast"))
    assert found.frames.shape == value.frames.shape and video_metrics.mean_psnr(value, found) > 38


def test_without_the_library_there_is_avif(alone):
    coded = codes.encode(VIDEO, RAW // 24)
    found = codes.decode(coded.code)
    assert coded.code[:1] == b"a" and len(coded.code) <= RAW // 24
    assert coded.quality == video_metrics.mean_psnr(VIDEO, found) > 30 and found.rate == VIDEO.rate
    reached = codes.encode(VIDEO, RAW // 24, target_db=28)
    assert reached.quality >= 28 and len(reached.code) < len(coded.code)
    with pytest.raises(DoesNotFitError):
        codes.encode(VIDEO, 50)


def test_without_the_library_other_codes_say_what_is_missing(lossy, alone):
    with pytest.raises(UsageError, match=r"pip install 'intarsia\[video\]'"):
        codes.decode(lossy.code)


# --- codes that mean harm ------------------------------------------------------------------------------------


def harmless(code):
    """Decode; anything but a video and an `InputError` is a failure."""
    try:
        return codes.decode(code).length > 0
    except InputError as error:
        assert "\n" not in str(error)
        return False


def test_damaged_codes_are_refused_or_decoded(lossy):
    for code in (lossy.code, *codes._lossless(VIDEO, RAW)):
        for _ in range(2):
            damaged = bytearray(code)
            damaged[RNG.integers(1, len(code))] ^= 1 << int(RNG.integers(8))
            harmless(bytes(damaged))
        harmless(code[: len(code) // 2])
    harmless(b"a" + lossy.code[1:])
    harmless(lossy.code[:12] + RNG.bytes(500))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (b"", "unknown code b'' for a video; a newer release"),
        (b"?", "unknown code"),
        (b"H", "the secret's code is damaged"),
        (b"H\x80", "damaged"),
        (b"H\x18\x01\x20\x20", "no frames"),
        (b"H\x18\x00\x20\x20", "24/0 frames a second"),
        (b"H\x00\x01\x20\x20", "0/1 frames a second"),
        (b"H\x18\x01\x00\x20", "32 x 0"),
        (b"H\x18\x01\x20\x20\x05ab", "cut inside a packet"),
        (b"F\x18\x01\x20\x20\x02ab", "secret video: damaged"),
        (b"L\x18\x01\x20\x20\x02ab", "secret video: "),
        (b"a\x18\x01\x20\x20ab", "secret video: damaged"),
        (b"fab", "secret video: not a video"),
    ],
)
def test_short_codes_are_refused(code, message):
    pytest.importorskip("av")
    with pytest.raises(InputError, match=message):
        codes.decode(code)


def test_frames_of_another_size_are_refused(lossy):
    height = lossy.code.index(bytes([48, 64]))
    for place in (height, height + 1):
        damaged = bytearray(lossy.code)
        damaged[place] -= 8
        with pytest.raises(InputError, match="secret video: damaged"):
            codes.decode(bytes(damaged))


def test_a_decoder_that_crashes_or_hangs_is_an_input_error(lossy, monkeypatch):
    for program, message in [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "the decoder crashed"),
        ("import time; time.sleep(60)", "not decoded within"),
        ("print('{}'.ljust(512))", "no frames|damaged"),
    ]:
        monkeypatch.setattr(video_decode, "program", lambda code=program: [sys.executable, "-S", "-E", "-c", code])
        monkeypatch.setattr(video_decode, "_SECONDS", 0.3)
        begun = time.monotonic()
        with pytest.raises(InputError, match=message):
            codes.decode(lossy.code)
        assert time.monotonic() - begun < 5
