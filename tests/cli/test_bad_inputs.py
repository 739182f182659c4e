"""Files that must be refused, and how: rows of the table of bad inputs, each named by its number."""

import gc
import os
import struct
import tracemalloc
import zlib

import numpy as np
import PIL.Image
import PIL.ImageFile
import pytest
import tifffile

from intarsia.errors import InputError, ResourceError
from intarsia.media import Blob, Image, image_file
from intarsia.pipeline import hide_file, reveal_file
from samples import (
    LOSSLESS,
    LOSSY,
    chunk,
    noise,
    packed,
    photograph,
    png,
    random_bytes,
    terms,
    there_and_back,
    with_chunk,
    write,
)

AT_ONCE = 10.0
"""Seconds on a busy machine; a refusal takes a quarter of one, a hang takes for ever."""

ROLES = {
    "cover": lambda name: ("hide", name, "secret.bin", "-o", "out.png"),
    "secret": lambda name: ("hide", "cover.png", name, "-o", "out.png"),
    "container": lambda name: ("reveal", name, "-o", "out"),
}


# --- 1: cut and damaged files --------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_row_1_a_png_cut_at_half_is_truncated(quick, cover, secret, role):
    data = packed(noise(seed=3))
    write(quick.folder / "half.png", data[: len(data) // 2])
    quick.refuses(3, *ROLES[role]("half.png"), says=("half.png", "truncated", "get a complete copy"))


def test_row_1_a_png_with_a_wrong_checksum_is_damaged(quick, cover, secret):
    data = bytearray(packed(noise(seed=3)))
    data[len(data) // 2] ^= 1
    write(quick.folder / "flipped.png", bytes(data))
    quick.refuses(3, *ROLES["cover"]("flipped.png"), says=("flipped.png", "damaged", "get an undamaged copy"))


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
@pytest.mark.parametrize("form", [*LOSSLESS, *LOSSY, "GIF"])
def test_row_1_any_format_cut_anywhere(form, share):
    data = packed(photograph(96, 96), form)
    assert image_file.decode(data).samples.shape == (96, 96, 3)
    with pytest.raises(InputError, match=r"cut\.file: .*truncated"):
        image_file.decode(data[: int(share * len(data))], "cut.file")


def test_row_1_pillow_does_not_fill_in_what_is_missing():
    image_file.decode(packed(noise()))
    assert PIL.ImageFile.LOAD_TRUNCATED_IMAGES is False


# --- 2: no regular file --------------------------------------------------------------------------------------

NO_FILES = {
    "missing": lambda path: None,
    "empty": lambda path: path.touch(),
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "endless device": lambda path: path.symlink_to("/dev/zero"),
    "empty device": lambda path: path.symlink_to("/dev/null"),
    "loop": lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize("kind", NO_FILES)
def test_row_2_only_regular_files_are_read(tmp_path, kind):
    NO_FILES[kind](tmp_path / "odd.png")
    out, picture, text = tmp_path / "out.png", Image(noise()), Blob(b"text")
    with pytest.raises(InputError, match=r"odd\.png: "):
        hide_file(tmp_path / "odd.png", text, out, terms())
    with pytest.raises(InputError, match=r"odd\.png: "):
        hide_file(picture, tmp_path / "odd.png", out, terms())
    with pytest.raises(InputError, match=r"odd\.png: "):
        reveal_file(tmp_path / "odd.png", out, terms())
    assert not out.exists()


@pytest.mark.parametrize(("kind", "role"), [("pipe", "cover"), ("endless device", "secret"), ("folder", "container")])
def test_row_2_refused_at_once(quick, cover, secret, kind, role):
    NO_FILES[kind](quick.folder / "odd.png")
    quick.refuses(3, *ROLES[role]("odd.png"), says="odd.png: not a regular file", timeout=AT_ONCE)


# --- 3: the suffix lies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["cover", "container"])
def test_row_3_a_text_named_png_is_no_picture(quick, secret, role):
    write(quick.folder / "letter.png", b"Dear Sir or Madam,\n" * 40)
    quick.refuses(3, *ROLES[role]("letter.png"), says=("letter.png", "not a picture", "expected PNG"))


def test_row_3_a_text_named_png_is_hidden_as_it_is(quick, cover):
    letter = write(quick.folder / "letter.png", b"Dear Sir or Madam,\n" * 40).read_bytes()
    quick.works("hide", "cover.png", "letter.png", "-o", "out.png")
    quick.works("reveal", "out.png", "-o", "back")
    assert (quick.folder / "back").read_bytes() == letter


def test_row_3_a_png_named_jpg_is_accepted_with_a_note(quick, secret):
    write(quick.folder / "cover.jpg", noise())
    outcome = quick.works(*ROLES["cover"]("cover.jpg"))
    assert not any("JPEG:" in note for note in outcome.notes), "by its content it never was one"
    assert any("PNG" in note for note in outcome.notes), "a name that lies is worth a note"


# --- 10: more than one frame ---------------------------------------------------------------------------------


def animation(form):
    frames = [PIL.Image.fromarray(noise(48, 48, seed=seed)) for seed in range(3)]
    more = {"lossless": True} if form == "WEBP" else {}
    return packed(frames[0], form, save_all=True, append_images=frames[1:], **more)


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_row_10_several_frames_are_no_cover(form):
    with pytest.raises(InputError, match=r"frames\.file: 3 frames or pages; expected one frame only"):
        image_file.decode(animation(form), "frames.file")


@pytest.mark.parametrize("role", ["cover", "container"])
def test_row_10_several_frames_on_the_command_line(quick, secret, role):
    write(quick.folder / "frames.png", animation("PNG"))
    quick.refuses(3, *ROLES[role]("frames.png"), says=("frames.png", "3 frames", "expected one frame only"))


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_row_10_an_animation_travels_as_bytes(tmp_path, form):
    secret = write(tmp_path / "frames.file", animation(form))
    there_and_back(Image(noise(200, 200)), secret, tmp_path / "out.png")
    reveal_file(tmp_path / "out.png", f"{tmp_path}/back/", terms())
    assert (tmp_path / "back" / "frames.file").read_bytes() == secret.read_bytes()


# --- 12, 13: too large, and bombs ----------------------------------------------------------------------------


def claims(form, side):
    """A small file that says it is a picture `side` pixels wide and high; decoding it would fail in another way."""
    if form == "PNG":
        return png(side, side, rows=bytes(1000))
    data = bytearray(packed(noise(8, 8), form))
    if form == "BMP":
        data[18:26] = struct.pack("<ii", side, side)
    elif form == "JPEG":
        size_at = data.index(b"\xff\xc0") + 5
        data[size_at : size_at + 4] = struct.pack(">HH", side, side)
    elif form == "GIF":
        data[6:10] = struct.pack("<HH", side, side)
    elif form == "TIFF":
        for tag in (256, 257):
            at = data.index(struct.pack("<HHI", tag, 4, 1)) + 8
            data[at : at + 4] = struct.pack("<I", side)
    return bytes(data)


@pytest.mark.parametrize("role", ROLES)
def test_row_12_too_large_is_refused_from_the_header(quick, cover, secret, role):
    write(quick.folder / "huge.png", claims("PNG", 20_000))
    says = ("huge.png: 20000 x 20000 ", "the limit is", "64", "--max-pixels 400000000")
    quick.refuses(6, *ROLES[role]("huge.png"), says=says, timeout=AT_ONCE)


@pytest.mark.parametrize("form", ["BMP", "JPEG", "GIF", "TIFF"])
def test_row_12_too_large_in_any_format(tmp_path, form):
    huge = write(tmp_path / "huge.file", claims(form, 20_000))
    with pytest.raises(ResourceError, match=r"huge\.file: 20000 x 20000 .* --max-pixels 400000000"):
        image_file.load(huge)
    # As a container it would be noise, which does not shrink to this: there the header lies.
    with pytest.raises(InputError, match=r"huge\.file: claims 20000 x 20000 in [0-9]+ bytes"):
        reveal_file(huge, None, terms())
    large = write(tmp_path / "large.file", claims(form, 20_000).ljust(9_000_000, b"\0"))
    with pytest.raises(ResourceError, match=r"large\.file"):
        reveal_file(large, None, terms())


def test_row_12_a_blank_page_is_large_and_not_damaged():
    page = packed(PIL.Image.new("1", (12_000, 12_000), 1), "TIFF", compression="group4")
    with pytest.raises(ResourceError, match="--max-pixels 144000000"):
        image_file.decode(page, "page.tif")


def test_row_12_the_limit_is_a_number_of_pixels(quick, cover, secret):
    quick.refuses(6, *ROLES["cover"]("cover.png"), "--max-pixels", "4095", says=("cover.png", "--max-pixels 4096"))
    quick.works(*ROLES["cover"]("cover.png"), "--max-pixels", "4096")


def test_row_13_a_raised_limit_reaches_the_decoder(quick, secret):
    # Beyond the 179 megapixels at which Pillow itself would give up; cut, so that nothing large is decoded.
    write(quick.folder / "huge.png", claims("PNG", 14_000))
    quick.refuses(3, *ROLES["cover"]("huge.png"), "--max-pixels", "196000000", says=("huge.png", "truncated"))


def test_row_13_pillows_own_limit_is_left_as_it_was():
    before = PIL.Image.MAX_IMAGE_PIXELS
    image_file.decode(packed(noise()))
    with pytest.raises(InputError):
        image_file.decode(packed(noise())[:500])
    assert before == PIL.Image.MAX_IMAGE_PIXELS


BOMB = zlib.compress(bytes(100_000_000), 1)

BOMBS = {
    "text": (b"zTXt", b"Comment\0\0" + BOMB),
    "international text": (b"iTXt", b"Comment\0\1\0\0\0" + BOMB),
    "colour profile": (b"iCCP", b"profile\0\0" + BOMB),
}


@pytest.mark.parametrize("where", ["before the pixels", "behind the pixels"])
@pytest.mark.parametrize("kind", BOMBS)
def test_row_13_a_compressed_bomb_beside_the_pixels(kind, where):
    data, more = packed(noise()), BOMBS[kind]
    bomb = with_chunk(data, *more) if where == "before the pixels" else data[:-12] + chunk(*more) + data[-12:]
    gc.collect()
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"bomb\.png"):
            image_file.decode(bomb, "bomb.png")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "start", [b"SIMPLE  =                    T", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"8BPS\0\1", b"\0\0\1\0"]
)
def test_row_13_formats_nobody_asked_for_are_not_opened(start):
    with pytest.raises(InputError, match="not a picture"):
        image_file.decode(start.ljust(2880, b" "))


# --- 16: numbers that are none -------------------------------------------------------------------------------


def numbers(path, samples):
    tifffile.imwrite(path, np.tile(samples, (30, 15)))
    return path


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_row_16_a_float_picture_with_nan_or_infinity(tmp_path, value):
    path = numbers(tmp_path / "floats.tif", np.array([[0.5, value]], np.float32))
    with pytest.raises(InputError, match=r"floats\.tif: contains NaN or infinite values; replace them"):
        image_file.load(path)


@pytest.mark.parametrize("role", ["cover", "container"])
def test_row_16_on_the_command_line(quick, secret, role):
    numbers(quick.folder / "floats.tif", np.array([[0.5, np.nan]], np.float32))
    quick.refuses(3, *ROLES[role]("floats.tif"), says=("floats.tif", "NaN"))


@pytest.mark.parametrize("samples", [[[-0.5, 0.5]], [[0.0, 70_000.0]], [[-1, 5]], [[0, 70_000]]], ids=str)
def test_row_16_numbers_outside_every_known_range(tmp_path, samples):
    kind = np.float32 if isinstance(samples[0][0], float) else np.int32
    path = numbers(tmp_path / "numbers.tif", np.array(samples, kind))
    with pytest.raises(InputError, match=r"numbers\.tif: .*; expected 0\.\."):
        image_file.load(path)


def test_row_16_a_secret_with_nan_is_refused_or_comes_back_as_it_was(quick, cover):
    numbers(quick.folder / "floats.tif", np.array([[0.5, np.nan]], np.float32))
    if quick("hide", "cover.png", "floats.tif", "-o", "out.png").code == 0:
        quick.works("reveal", "out.png", "-o", "back/")
        assert (quick.folder / "back" / "floats.tif").read_bytes() == (quick.folder / "floats.tif").read_bytes()
    else:
        quick.refuses(3, "hide", "cover.png", "floats.tif", "-o", "out.png", says="floats.tif")


def test_a_secret_of_random_bytes_is_no_picture(quick, cover):
    # The control for everything above: what is refused there is refused for its content.
    write(quick.folder / "noise.png", random_bytes(500))
    quick.works("hide", "cover.png", "noise.png", "-o", "out.png")
