"""From the modes of pictures in the world to the few of `Image`.

What Pillow hands over becomes samples by this rule:

    in the file                          samples                    note given
    1 bit, grey 8 bit                    uint8  [H, W]
    grey 16 bit                          uint16 [H, W]
    grey 32-bit integer, 0..65535        uint16 [H, W]
    grey float 0..1, 0..255, 0..65535    uint16 [H, W]              range found and scaled to 0..65535
    RGB 8 bit                            uint8  [H, W, 3]
    RGB 16 bit                           uint8  [H, W, 3]           reduced to 8 bits
    palette                              uint8  [H, W, 3]           palette becomes RGB
    CMYK, YCbCr                          uint8  [H, W, 3]           converted to sRGB (embedded profile, if any)
    alpha, transparent colour            + alpha uint8 [H, W]       kept; 16-bit alpha reduced to 8

EXIF orientation is applied. Colour profile and gamma are kept, because they say what the numbers mean.
"""

import contextlib
import io
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageCms, ImageOps

from ..errors import InputError
from .image import Image, Samples, from_pil

_ORIENTATION = 0x0112  # EXIF tag


class NotOnePictureError(InputError):
    """An intact file that is not one picture of ours: an animation, several pages, values or colours we cannot hold."""


def from_pillow(picture: Pil.Image) -> Image:
    """Turn a Pillow picture in memory into an `Image`, by the same rule as files."""
    return to_image(picture, b"", "picture")


def to_image(opened: Pil.Image, data: bytes, shown_as: str) -> Image:
    """Turn what Pillow opened into an `Image`, by the rule above.

    Args:
        opened: the picture, loaded.
        data: the file's bytes, or b"" for a picture in memory: its header tells what Pillow does not.
        shown_as: how errors name it.

    Raises:
        NotOnePictureError: values or colours that samples cannot hold.
        InputError: NaN or infinite values.
    """
    notes: list[str] = []
    if _is_deep_colour(opened, data):
        notes.append("16 bits in each channel reduced to 8")
    profile, gamma = opened.info.get("icc_profile"), opened.info.get("gamma")
    form = "JPEG" if opened.format == "MPO" else opened.format or ""
    if opened.getexif().get(_ORIENTATION, 1) != 1:
        notes.append("EXIF orientation applied")
    picture = ImageOps.exif_transpose(opened)
    if picture.mode in ("CMYK", "YCbCr"):
        notes.append(f"{picture.mode} converted to RGB")
        picture, profile = _to_srgb(picture, profile), None
    if picture.mode in ("P", "PA"):
        notes.append("palette converted to RGB")
        picture = picture.convert("RGBA" if "transparency" in picture.info or picture.mode == "PA" else "RGB")
    elif "transparency" in picture.info and picture.mode in ("1", "L", "RGB"):
        picture = picture.convert("RGBA" if picture.mode == "RGB" else "LA")
    elif "transparency" in picture.info and picture.mode.startswith("I"):
        notes.append("16-bit grey with a transparent value reduced to 8 bits with alpha")
        picture = _with_alpha(picture)
    elif _is_deep_grey(data) and picture.mode == "RGBA":
        picture = picture.convert("LA")  # Pillow reads 16-bit grey with alpha as colour
    if picture.mode in ("La", "RGBa"):
        picture = picture.convert(picture.mode.upper())
    in_colour_or_alpha = picture.mode in ("LA", "RGB", "RGBA")
    plain = from_pil(picture) if in_colour_or_alpha else Image(_grey(picture, notes, shown_as))
    return replace(plain, profile=profile, gamma=gamma, format=form, notes=tuple(notes))


def _with_alpha(picture: Pil.Image) -> Pil.Image:
    values = np.asarray(picture).astype(np.int64)
    alpha = np.where(values == picture.info["transparency"], 0, 255)
    return Pil.fromarray(np.dstack([values >> 8, alpha]).astype(np.uint8))


def _is_deep_grey(data: bytes) -> bool:
    """Whether a PNG holds grey with alpha at 16 bits (IHDR: bit depth 16, colour type 4)."""
    return data.startswith(b"\x89PNG") and data[24:26] == b"\x10\x04"


def _is_deep_colour(opened: Pil.Image, data: bytes) -> bool:
    """Whether the file holds 16 bits in each of several channels, which Pillow reads as 8."""
    if opened.mode.startswith(("I", "F")):
        return False
    if opened.format == "PNG":
        return data[24:25] == b"\x10"  # IHDR, bit depth
    bits = getattr(opened, "tag_v2", {}).get(258, 8)  # TIFF, BitsPerSample
    return bool(np.max(bits) > 8)


def _to_srgb(picture: Pil.Image, profile: bytes | None) -> Pil.Image:
    if profile and picture.mode == "CMYK":
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
    return picture.convert("RGB")


def _grey(picture: Pil.Image, notes: list[str], shown_as: str) -> Samples:
    if picture.mode in ("1", "L"):
        return np.asarray(picture.convert("L"))
    values = np.asarray(picture)
    if values.ndim != 2:
        raise NotOnePictureError(f"{shown_as}: colour space {picture.mode} is not supported; convert it to RGB first")
    if values.dtype.kind == "f":
        return _from_float(values, notes, shown_as)
    if values.min() < 0 or values.max() > 65535:
        raise NotOnePictureError(f"{shown_as}: grey values {values.min()}..{values.max()}; expected 0..65535")
    return values.astype(np.uint16)


def _from_float(values: NDArray[np.floating], notes: list[str], shown_as: str) -> NDArray[np.uint16]:
    if not np.isfinite(values).all():
        raise InputError(f"{shown_as}: contains NaN or infinite values; replace them first")
    low, high = float(values.min()), float(values.max())
    top = next((limit for limit in (1.0, 255.0, 65535.0) if high <= limit), None)
    if low < 0 or top is None:
        raise NotOnePictureError(f"{shown_as}: float values {low:g}..{high:g}; expected 0..1, 0..255 or 0..65535")
    notes.append(f"float values 0..{top:g} scaled to 16 bits")
    return np.rint(values.astype(np.float64) * (65535 / top)).astype(np.uint16)
