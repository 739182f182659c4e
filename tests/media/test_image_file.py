"""Picture files: every mode by the written rule, nothing carried over but colour, limits before decoding."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as Pil
from PIL import ImageCms, PngImagePlugin
from skimage import data

from intarsia.errors import InputError, ResourceError, UsageError
from intarsia.media import Image, image_file
from intarsia.media.image import from_pil, resize, to_pil
from intarsia.media.modes import NotOnePictureError

PHOTO = data.coffee()[:60, :90].copy()
GREY = data.camera()[:60, :90].copy()
RAMP = np.linspace(0, 255, 60 * 90).reshape(60, 90).astype(np.uint8)


def saved(picture: Pil.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def decoded(picture: Pil.Image, form: str = "PNG", **options: object) -> Image:
    return image_file.decode(saved(picture, form, **options), "p")


MODES = {
    "grey8": Image(GREY),
    "grey16": Image(GREY.astype(np.uint16) * 257 + 3),
    "rgb": Image(PHOTO),
    "rgba": Image(PHOTO, RAMP),
    "grey+alpha": Image(GREY, RAMP),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "BMP"])
def test_lossless_formats_give_back_what_was_written_or_refuse_the_mode(mode, form):
    image = MODES[mode]
    try:
        image_file.check_format(image, form)
    except UsageError:
        assert form in ("WEBP", "BMP") and mode != "rgb"
        return
    found = image_file.decode(image_file.encode(image, form))
    assert np.array_equal(found.samples, image.samples) and found.samples.dtype == image.samples.dtype
    assert (found.alpha is None and image.alpha is None) or np.array_equal(found.alpha, image.alpha)
    assert found.notes == ()


def test_sixteen_bit_colour_is_reduced_and_said_so():
    rows = b"".join(b"\0" + (PHOTO[y].astype(">u2") * 257).tobytes() for y in range(60))
    found = image_file.decode(_png(90, 60, 16, 2, rows))
    assert found.notes == ("16 bits in each channel reduced to 8",)
    assert np.array_equal(found.samples, PHOTO)


def test_one_bit_palette_and_transparent_colours():
    bit = decoded(Pil.fromarray(GREY).convert("1"))
    assert bit.is_grey and set(np.unique(bit.samples)) <= {0, 255}
    palette = decoded(Pil.fromarray(PHOTO).quantize(16))
    assert palette.samples.shape == (60, 90, 3) and "palette converted to RGB" in palette.notes
    keyed = decoded(Pil.fromarray(PHOTO).quantize(16), transparency=0)
    assert keyed.alpha is not None and (keyed.alpha == 0).any()
    colour_key = decoded(Pil.fromarray(PHOTO), transparency=tuple(PHOTO[0, 0].tolist()))
    assert colour_key.alpha[0, 0] == 0
    grey_key = decoded(Pil.fromarray(GREY), transparency=int(GREY[0, 0]))
    assert grey_key.is_grey and grey_key.alpha[0, 0] == 0


def test_cmyk_becomes_rgb_and_says_so():
    found = decoded(Pil.fromarray(PHOTO).convert("CMYK"), "TIFF")
    assert found.notes == ("CMYK converted to RGB",)
    assert np.abs(found.samples.astype(int) - PHOTO).max() <= 1


@pytest.mark.parametrize(("top", "values"), [(1, RAMP / 255), (255, RAMP.astype(float)), (65535, RAMP * 257.0)])
def test_float_pictures_are_scaled_from_the_range_they_use(top, values):
    found = decoded(Pil.fromarray(values.astype(np.float32)), "TIFF")
    assert found.samples.dtype == np.uint16
    assert np.abs(found.samples.astype(int) - RAMP.astype(int) * 257).max() <= 1
    assert found.notes == (f"float values 0..{top} scaled to 16 bits",)


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "NaN"), (np.inf, "NaN"), (-1.0, "expected 0"), (1e6, "expected 0")]
)
def test_floats_that_are_no_picture_are_refused(value, message):
    values = np.full((8, 8), 0.5, np.float32)
    values[3, 3] = value
    with pytest.raises(InputError, match=message):
        decoded(Pil.fromarray(values), "TIFF")


def test_thirty_two_bit_grey_within_sixteen_bits():
    assert decoded(Pil.fromarray(GREY.astype(np.int32) * 200), "TIFF").samples.dtype == np.uint16
    with pytest.raises(InputError, match=r"expected 0\.\.65535"):
        decoded(Pil.fromarray(GREY.astype(np.int32) * 1000), "TIFF")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    exif = Pil.Exif()
    exif[0x0112] = orientation
    found = decoded(Pil.fromarray(PHOTO), "PNG", exif=exif)
    turns = {
        1: PHOTO,
        2: PHOTO[:, ::-1],
        3: PHOTO[::-1, ::-1],
        4: PHOTO[::-1],
        5: PHOTO.transpose(1, 0, 2),
        6: PHOTO.transpose(1, 0, 2)[:, ::-1],
        7: PHOTO[::-1, ::-1].transpose(1, 0, 2),
        8: PHOTO.transpose(1, 0, 2)[::-1],
    }
    assert np.array_equal(found.samples, turns[orientation])
    assert found.notes == (() if orientation == 1 else ("EXIF orientation applied",))


def test_profile_and_gamma_are_kept_and_everything_else_is_not():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", struct.pack(">I", 55_000))
    info.add_text("Comment", "a place")
    image = decoded(Pil.fromarray(PHOTO), icc_profile=profile, pnginfo=info)
    written = image_file.encode(image, "PNG")
    again = image_file.decode(written)
    assert again.profile == profile and again.gamma == pytest.approx(0.55)
    assert b"a place" not in written


def test_content_decides_not_the_suffix(tmp_path):
    (tmp_path / "p.jpg").write_bytes(saved(Pil.fromarray(PHOTO), "PNG"))
    assert image_file.load(tmp_path / "p.jpg").format == "PNG"
    (tmp_path / "t.png").write_text("words")
    with pytest.raises(InputError, match=r"t\.png: not a picture"):
        image_file.load(tmp_path / "t.png")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "AVIF", "GIF"])
def test_files_cut_anywhere_are_damaged_pictures(form):
    content = saved(Pil.fromarray(PHOTO), form)
    for share in (0.02, 0.3, 0.5, 0.9):
        cut = content[: max(8, int(len(content) * share))]
        with pytest.raises(InputError, match=r"truncated|damaged|not a picture"):
            image_file.decode(cut)


def test_a_png_with_one_wrong_bit_is_damaged():
    content = bytearray(saved(Pil.fromarray(PHOTO), "PNG"))
    content[len(content) // 2] ^= 4
    with pytest.raises(InputError, match="checksum"):
        image_file.decode(bytes(content))


def test_size_is_checked_before_decoding():
    huge = _png(20_000, 20_000, 8, 2, b"")
    with pytest.raises(ResourceError, match=r"400,000,000 pixels; the limit is 64,000,000.*--max-pixels 400000000"):
        image_file.decode(huge)
    with pytest.raises(ResourceError):
        image_file.decode(saved(Pil.fromarray(PHOTO), "PNG"), max_pixels=60 * 90 - 1)
    assert image_file.decode(saved(Pil.fromarray(PHOTO), "PNG"), max_pixels=60 * 90).width == 90
    assert Pil.MAX_IMAGE_PIXELS is not None


def test_a_text_bomb_is_an_input_error():
    bomb = _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(40 << 20)))
    with pytest.raises(InputError):
        image_file.decode(_png(90, 60, 8, 2, b"".join(b"\0" + PHOTO[y].tobytes() for y in range(60)), bomb))


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_several_frames_are_refused(form):
    frames = [Pil.fromarray(PHOTO), Pil.fromarray(PHOTO[::-1].copy())]
    content = saved(frames[0], form, save_all=True, append_images=frames[1:])
    with pytest.raises(NotOnePictureError, match="2 frames"):
        image_file.decode(content)


def test_pictures_and_pillow_round_trip():
    for image in MODES.values():
        again = from_pil(to_pil(image))
        assert np.array_equal(again.samples, image.samples)


def test_resize_keeps_channels_and_depth():
    for image in MODES.values():
        small = resize(image, 30, 20)
        assert (small.width, small.height, small.is_grey, small.depth) == (30, 20, image.is_grey, image.depth)
        assert abs(small.samples.mean() / image.samples.mean() - 1) < 0.03


def test_wrong_arrays_are_named():
    with pytest.raises(UsageError, match=r"float64 \[4, 4\]"):
        Image(np.zeros((4, 4)))
    with pytest.raises(UsageError, match="16 bits are for grey"):
        Image(np.zeros((4, 4, 3), np.uint16))
    with pytest.raises(UsageError, match=r"expected uint8 \[4, 4\]"):
        Image(np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8))


def test_planes_are_what_a_network_takes():
    planes = Image(GREY).planes()
    assert planes.shape == (3, 60, 90) and planes.dtype == np.float32 and planes.max() <= 1
    assert np.allclose(Image(PHOTO).planes()[1] * 255, PHOTO[..., 1])


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(width: int, height: int, depth: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data_chunk = _chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + extra + data_chunk + _chunk(b"IEND", b"")
