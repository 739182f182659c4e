"""Covers and secrets of unusual kinds, and what becomes of them: rows of the table of bad inputs."""

import io
import re
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image as Pil
from PIL import ImageCms

from intarsia.errors import DoesNotFitError, IntarsiaError, UsageError
from intarsia.media import Blob, Image, image_file
from intarsia.survey import capacity
from samples import (
    chunk,
    deep_png,
    noise,
    packed,
    photograph,
    pixels,
    random_bytes,
    terms,
    there_and_back,
    with_chunk,
    write,
)

SECRET = Blob(random_bytes(200), "secret.bin")


def hidden_in(data, folder, *, suffix=".png"):
    """Hide in a cover given by its bytes; return the report and the container as any other program opens it."""
    cover, out = write(folder / "cover.file", data), folder / f"out{suffix}"
    hidden, found = there_and_back(cover, SECRET, out)
    assert found == SECRET or found.data == SECRET.data
    with Pil.open(out) as opened:
        opened.load()
        return hidden, opened


# --- 4: a JPEG -----------------------------------------------------------------------------------------------


def test_row_4_a_jpeg_cover_is_accepted_with_a_note(quick, secret):
    write(quick.folder / "cover.jpg", packed(photograph(), "JPEG"))
    outcome = quick.works("hide", "cover.jpg", "secret.bin", "-o", "out.png")
    assert any("the cover is a JPEG" in note for note in outcome.notes)
    with Pil.open(quick.folder / "out.png") as opened:
        assert (opened.format, opened.size) == ("PNG", (64, 64))


@pytest.mark.parametrize("name", ["out.jpg", "out.JPEG", "out.avif", "out.gif", "out.txt", "out"])
def test_row_4_a_container_must_be_lossless(tmp_path, name):
    with pytest.raises(UsageError, match=rf"{name}: .*; use .*\.png, \.bmp, \.tif, \.tiff, \.webp"):
        there_and_back(Image(noise()), SECRET, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_row_4_on_the_command_line(quick, cover, secret):
    quick.refuses(2, "hide", "cover.png", "secret.bin", "-o", "out.jpg", says=("out.jpg", "lossy", ".png, .bmp"))


# --- 7: sixteen bits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [3, 4])
def test_row_7_deep_colour_is_reduced_with_a_notice(tmp_path, channels):
    deep = noise(channels=channels, dtype=np.uint16)
    hidden, container = hidden_in(deep_png(deep), tmp_path)
    assert any("16 bits in each channel reduced to 8" in note for note in hidden.notes)
    difference = np.asarray(container).astype(int) - (deep >> 8)
    assert container.mode == {3: "RGB", 4: "RGBA"}[channels]
    assert np.abs(difference).max() <= 2  # rounding, and the carrier's own step


def test_row_7_the_notice_reaches_the_command_line(quick, secret):
    write(quick.folder / "deep.png", deep_png(noise(dtype=np.uint16)))
    outcome = quick.works("hide", "deep.png", "secret.bin", "-o", "out.png")
    assert any("16 bits" in note and "8" in note for note in outcome.notes)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_row_7_deep_grey_stays_deep_and_grey(tmp_path, suffix):
    deep = noise(channels=1, dtype=np.uint16)
    hidden, container = hidden_in(deep_png(deep), tmp_path, suffix=suffix)
    assert container.mode.startswith("I;16")
    assert np.abs(np.asarray(container).astype(int) - deep).max() == 1
    assert hidden.notes == ()


@pytest.mark.parametrize("suffix", [".bmp", ".webp"])
def test_row_7_deep_grey_in_a_format_without_it(tmp_path, suffix):
    with pytest.raises(UsageError, match=r"name the container \.png"):
        there_and_back(Image(noise(channels=1, dtype=np.uint16)), SECRET, tmp_path / f"out{suffix}")


LONG = "x" * 9000


def floats(path):
    tifffile.imwrite(path, np.tile(np.linspace(0, 1, 40, dtype=np.float32), (40, 1)), description=LONG)
    return path.read_bytes()


def raw_photograph(path):
    """A TIFF as cameras write it: a thumbnail first, the picture itself in a folder below it."""
    with tifffile.TiffWriter(path) as file:
        file.write(photograph(24, 24), subifds=1)
        file.write(noise(40, 40))
    return path.read_bytes()


CONVERTED = {
    "deep": lambda path: with_chunk(deep_png(np.full((40, 40, 3), 0x1234, np.uint16)), b"tEXt", b"A\0" + LONG.encode()),
    "floats": floats,
    "cmyk": lambda path: packed(Pil.fromarray(photograph()).convert("CMYK"), "JPEG", comment=LONG.encode()),
    "raw photograph": raw_photograph,
}


@pytest.mark.parametrize("kind", CONVERTED)
def test_row_7_what_a_secret_loses_by_conversion_is_said(tmp_path, kind):
    data = CONVERTED[kind](tmp_path / "made.tif")
    # Room for the picture but not for the file as it is, whose comment is long.
    secret, cover = write(tmp_path / "secret.file", data), Image(noise(100, 100))
    assert capacity(cover, None, terms()).bytes < len(data)
    try:
        hidden, found = there_and_back(cover, secret, tmp_path / "out.png")
    except DoesNotFitError:
        return
    came_back_whole = data == (found.data if isinstance(found, Blob) else found.file)
    converted = image_file.load(secret).notes
    told = converted and set(converted) <= {note.removeprefix("the secret: ") for note in hidden.notes}
    assert came_back_whole or told, "a part is gone, and nobody is told"


# --- 8: modes ------------------------------------------------------------------------------------------------


def with_alpha(mode):
    samples = noise(channels=len(mode), seed=5)
    samples[:20, :, -1], samples[20:, :, -1] = 0, 255
    return samples


PALETTE = Pil.fromarray(photograph()).quantize(64)
CLEAR_PALETTE = packed(PALETTE, transparency=3)

MODES = {
    "grey": (packed(noise(channels=1)), "L", None),
    "grey and alpha": (packed(with_alpha("LA")), "LA", None),
    "colour and alpha": (packed(with_alpha("RGBA")), "RGBA", None),
    "one bit": (packed(Pil.fromarray(noise(80, 80, channels=1) > 128)), "L", None),
    "palette": (packed(PALETTE), "RGB", "palette converted to RGB"),
    "palette with a clear colour": (CLEAR_PALETTE, "RGBA", "palette converted to RGB"),
    "one clear colour": (packed(photograph(), transparency=tuple(photograph()[5, 5].tolist())), "RGBA", None),
    "cmyk jpeg": (packed(Pil.fromarray(photograph()).convert("CMYK"), "JPEG"), "RGB", "CMYK converted to RGB"),
    "deep colour that is grey": (deep_png(np.dstack([noise(channels=1, dtype=np.uint16)] * 4)), "RGBA", "16 bits"),
    "deep grey and alpha": (deep_png(np.dstack([noise(channels=1, dtype=np.uint16)] * 2)), "LA", "16 bits"),
}


@pytest.mark.parametrize("kind", MODES)
def test_row_8_every_mode_has_its_rule(tmp_path, kind):
    data, mode, note = MODES[kind]
    hidden, container = hidden_in(data, tmp_path)
    assert container.mode == mode
    assert note is None or any(note in each for each in hidden.notes)
    with Pil.open(io.BytesIO(data)) as opened:
        wanted = np.asarray(opened.convert(mode if opened.mode != "I;16" else None)).astype(int)
    assert kind.startswith("deep") or np.abs(np.asarray(container) - wanted).max() <= 2


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_row_8_floats_become_sixteen_bits_with_a_notice(tmp_path, top):
    values = np.linspace(0, top, 64 * 64, dtype=np.float32).reshape(64, 64)
    tifffile.imwrite(tmp_path / "floats.tif", values)
    hidden, container = hidden_in((tmp_path / "floats.tif").read_bytes(), tmp_path)
    assert any("float values" in note and "16 bits" in note for note in hidden.notes)
    assert np.abs(np.asarray(container).astype(float) - values * (65535 / top)).max() <= 2.5


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_row_8_nothing_is_hidden_under_alpha_0(tmp_path, mode):
    samples = with_alpha(mode)
    _, container = hidden_in(packed(samples), tmp_path)
    found = np.asarray(container)
    assert np.array_equal(found[:20], samples[:20])
    assert np.array_equal(found[..., -1], samples[..., -1])
    assert not np.array_equal(found[20:], samples[20:])


def test_row_8_a_wholly_clear_cover_has_no_room(quick, secret):
    samples = with_alpha("RGBA")
    samples[..., -1] = 0
    write(quick.folder / "clear.png", packed(samples))
    quick.refuses(5, "hide", "clear.png", "secret.bin", "-o", "out.png", says="0 usable samples")


def test_row_8_the_clear_colour_of_a_deep_picture_is_kept_or_refused(tmp_path):
    samples = noise(channels=1, dtype=np.uint16)
    samples[:32] = 40_000
    cover = write(tmp_path / "clear.png", deep_png(samples, extra=chunk(b"tRNS", struct.pack(">H", 40_000))))
    try:
        there_and_back(cover, SECRET, tmp_path / "out.png")
    except IntarsiaError as refused:
        assert "clear.png" in str(refused)
        return
    found = image_file.load(tmp_path / "out.png")
    assert (found.alpha[:32] == 0).all()
    assert np.array_equal(found.samples[:32], samples[:32] >> 8), "clear pixels carry data, for everyone to see"


# --- 9: what the numbers mean --------------------------------------------------------------------------------

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB", 5000)).tobytes()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_row_9_the_colour_profile_is_kept_to_the_byte(tmp_path, form, suffix):
    _, container = hidden_in(packed(photograph(), form, icc_profile=PROFILE), tmp_path, suffix=suffix)
    assert container.info["icc_profile"] == PROFILE


def test_row_9_gamma_is_kept(tmp_path):
    data = with_chunk(packed(noise()), b"gAMA", struct.pack(">I", 100_000))
    _, container = hidden_in(data, tmp_path)
    assert container.info["gamma"] == 1.0


@pytest.mark.parametrize(("what", "suffix"), [("profile", ".bmp"), ("gamma", ".bmp"), ("gamma", ".tif")])
def test_row_9_a_format_that_cannot_keep_them_is_refused_or_noted(tmp_path, what, suffix):
    data = with_chunk(packed(noise()), b"gAMA", struct.pack(">I", 100_000))
    cover = write(tmp_path / "cover.png", data if what == "gamma" else packed(noise(), icc_profile=PROFILE))
    try:
        hidden, _ = there_and_back(cover, SECRET, tmp_path / f"out{suffix}")
    except IntarsiaError as refused:
        assert what in str(refused)
    else:
        assert any(what in note for note in hidden.notes), "colours change, and nobody is told"


# --- 6: orientation and metadata of a cover ------------------------------------------------------------------


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_row_6_orientation_is_applied_and_metadata_dropped(tmp_path, form):
    exif = Pil.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker of the Camera"
    samples = photograph(64, 48) if form == "JPEG" else noise(64, 48)
    hidden, container = hidden_in(packed(samples, form, exif=exif), tmp_path)
    assert container.size == (64, 48)
    assert not container.getexif()
    assert b"Maker of the Camera" not in (tmp_path / "out.png").read_bytes()
    assert hidden.cover_psnr > 49
    if form != "JPEG":
        assert np.abs(np.rot90(samples, -1).astype(int) - np.asarray(container)).max() == 1


def test_row_6_comments_of_the_cover_are_dropped(tmp_path):
    data = with_chunk(packed(noise()), b"tEXt", b"Author\0Somebody Known")
    hidden_in(data, tmp_path)
    assert b"Somebody Known" not in (tmp_path / "out.png").read_bytes()


# --- 11: sizes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "width"), [(1, 5000), (5000, 1), (31, 37), (97, 101), (2, 2003)])
@pytest.mark.parametrize("channels", [1, 3])
def test_row_11_covers_of_odd_sizes(tmp_path, height, width, channels):
    samples = noise(height, width, channels=channels)
    hidden, found = there_and_back(Image(samples), Blob(b"some text"), tmp_path / "out.png")
    assert found.data == b"some text"
    assert np.abs(pixels(tmp_path / "out.png").astype(int) - samples).max() == 1
    assert hidden.cover_psnr > 49


@pytest.mark.parametrize(("height", "width"), [(1, 1), (10, 13)])
def test_row_11_a_cover_too_small_for_anything(quick, secret, height, width):
    write(quick.folder / "tiny.png", noise(height, width))
    count = height * width * 3
    says = (f"{count} usable samples", "use a larger picture")
    line = quick.refuses(5, "hide", "tiny.png", "secret.bin", "-o", "out.png", says=says)
    assert max(int(number) for number in re.findall(r"\d+", line)) > count


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 2), (3, 7), (17, 31), (64, 5)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("room", [24, 60])
def test_row_11_secrets_of_odd_sizes(tmp_path, shape, channels, room):
    secret = Image(noise(*shape, channels=channels, seed=8))
    try:
        hidden, found = there_and_back(Image(noise(room, room)), secret, tmp_path / "out.png")
    except DoesNotFitError as error:
        assert error.needed > error.available
        return
    assert found.samples.shape == secret.samples.shape
    report = hidden.secrets[0]
    assert report.exact == np.array_equal(found.samples, secret.samples)
    assert report.exact or report.psnr > 0


def test_row_11_what_capacity_says_is_what_fits(tmp_path):
    for side, channels in ((23, 3), (37, 1), (64, 3)):
        cover = Image(noise(side, side, channels=channels))
        room = capacity(cover, None, terms()).bytes
        there_and_back(cover, Blob(random_bytes(room)), tmp_path / f"{side}.png")
        with pytest.raises(DoesNotFitError) as refused:
            there_and_back(cover, Blob(random_bytes(room + 1)), tmp_path / "over.png")
        assert refused.value.needed == refused.value.available + 1


# --- 15: saturated and flat ----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("channels", [1, 3])
def test_row_15_a_flat_cover_works_and_is_called_poor(tmp_path, value, channels):
    shape = (64, 64) if channels == 1 else (64, 64, 3)
    samples = np.full(shape, value, np.uint8)
    hidden, container = hidden_in(packed(samples), tmp_path)
    assert any("poor cover" in note for note in hidden.notes)
    step = np.abs(np.asarray(container).astype(int) - value)
    assert 0 < step.max() <= (1 if value == 128 else 2)


def test_row_15_a_saturated_deep_cover_stays_in_range(tmp_path):
    _, container = hidden_in(deep_png(np.full((64, 64), 65535, np.uint16)), tmp_path)
    assert set(np.unique(np.asarray(container))) == {65533, 65534, 65535}


def test_row_15_the_note_reaches_the_command_line(quick, secret):
    write(quick.folder / "white.png", np.full((64, 64, 3), 255, np.uint8))
    outcome = quick.works("hide", "white.png", "secret.bin", "-o", "out.png")
    assert any("poor cover" in note for note in outcome.notes)
