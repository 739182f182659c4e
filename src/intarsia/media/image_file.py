"""Picture files: bytes to `Image` and back.

The kind of file is read from its content; what its pixels become is `modes`' business.

EXIF orientation is applied. Colour profile and gamma are kept because they say what the numbers mean; everything
else (camera, place, time, thumbnails, comments) is dropped. One frame only: animations and multi-page files are
refused. Sizes are checked from the header before anything is decoded.
"""

import contextlib
import io
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pil
from PIL import PngImagePlugin

from ..errors import InputError, IntarsiaError, ResourceError, UsageError
from . import modes
from .files import PathLike, read_bytes, shown
from .image import Image, to_pil
from .modes import NotOnePictureError

MAX_PIXELS = 64_000_000
"""Pictures larger than this are refused unless the caller raises the limit."""

READABLE = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "AVIF", "GIF")
LOSSLESS_SUFFIXES = {".png": "PNG", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WEBP"}
LOSSY_SUFFIXES = {".jpg": "JPEG", ".jpeg": "JPEG", ".avif": "AVIF"}
SUFFIXES = LOSSLESS_SUFFIXES | LOSSY_SUFFIXES

_SUB_PICTURES = 330  # TIFF tag SubIFDs: what is outside may be a thumbnail only

_pillow_limit = threading.Lock()


def load(path: PathLike, *, max_pixels: int = MAX_PIXELS, pixels_per_byte: int | None = None) -> Image:
    """Read a picture file.

    Args:
        path: a PNG, JPEG, WebP, BMP, TIFF, AVIF or GIF file, whatever its suffix.
        max_pixels: limit on width x height, checked before decoding.
        pixels_per_byte: a picture over the limit with more than this is called damaged, not large: containers are
            noise, which no format can make much smaller. None calls it large.

    Raises:
        InputError: missing, not a picture, truncated, damaged, more than one frame, NaN in it.
        ResourceError: larger than `max_pixels`.
    """
    limits = _Limits(max_pixels, pixels_per_byte)
    image = _decode(read_bytes(path), Path(path).name, limits, shown(path))
    said = SUFFIXES.get(Path(path).suffix.lower(), image.format)
    if said != image.format:
        return replace(image, notes=(*image.notes, f"{shown(path)} is a {image.format} file by its content"))
    return image


def is_picture(data: bytes) -> bool:
    """Whether the first bytes are those of a picture format that `decode` reads."""
    return (
        data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"GIF87a", b"GIF89a"))
        or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
        or (data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis"))
    )


@dataclass(frozen=True)
class _Limits:
    max_pixels: int
    pixels_per_byte: int | None = None


def decode(data: bytes, name: str = "", *, max_pixels: int = MAX_PIXELS, shown_as: str = "") -> Image:
    """Decode the bytes of a picture file; see `load`."""
    return _decode(data, name, _Limits(max_pixels), shown_as or shown(name) or "picture")


def _decode(data: bytes, name: str, limits: _Limits, shown_as: str) -> Image:
    if not is_picture(data):
        raise InputError(f"{shown_as}: not a picture; expected {', '.join(READABLE)} by content")
    try:
        with _opened(data, limits, shown_as) as opened:
            image = modes.to_image(opened, data, shown_as)
    except IntarsiaError:
        raise
    except MemoryError as error:
        raise ResourceError(f"{shown_as}: out of memory while decoding") from error
    except Exception as error:  # Pillow's decoders raise many kinds on damaged input
        raise InputError(f"{shown_as}: damaged or truncated picture ({error})") from error
    return replace(image, name=name, file=data)


@contextlib.contextmanager
def _opened(data: bytes, limits: _Limits, shown_as: str) -> Iterator[Pil.Image]:
    """Open lazily, check size and frames, and only then let the decoder run."""
    if data.startswith(b"\x89PNG"):
        _check_png(data, shown_as)
    with _pillow_limit, warnings.catch_warnings():
        # Ours is the limit that counts, and it is checked before decoding; Pillow's own is process-wide.
        warnings.simplefilter("ignore")
        before, Pil.MAX_IMAGE_PIXELS = Pil.MAX_IMAGE_PIXELS, None
        try:
            with Pil.open(io.BytesIO(data), formats=READABLE) as opened:
                _check_size(opened, len(data), limits, shown_as)
                opened.load()
                yield opened
        finally:
            Pil.MAX_IMAGE_PIXELS = before


def _check_size(opened: Pil.Image, length: int, limits: _Limits, shown_as: str) -> None:
    pixels = opened.width * opened.height
    if pixels > limits.max_pixels:
        # A PNG's header has a checksum; in other formats one wrong bit can claim any size.
        if limits.pixels_per_byte and opened.format != "PNG" and pixels > limits.pixels_per_byte * length:
            raise InputError(f"{shown_as}: claims {opened.width} x {opened.height} in {length:,} bytes; damaged")
        raise ResourceError(
            f"{shown_as}: {opened.width} x {opened.height} is {pixels:,} pixels; the limit is {limits.max_pixels:,}; "
            f"raise it with --max-pixels {pixels}"
        )
    # Phones store a JPEG's depth map or preview as further frames (MPO); the first one is the picture.
    frames = getattr(opened, "n_frames", 1)
    if _SUB_PICTURES in getattr(opened, "tag_v2", {}):
        raise NotOnePictureError(
            f"{shown_as}: pictures inside pictures (as in raw photographs); expected one frame only"
        )
    if opened.format != "MPO" and frames > 1:
        raise NotOnePictureError(f"{shown_as}: {frames} frames or pages; expected one frame only")


def _check_png(data: bytes, shown_as: str) -> None:
    """Check that a PNG is whole: every chunk complete with its checksum, up to IEND."""
    position = 8
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 12 + length
        if end > len(data):
            break
        checksum = struct.unpack_from(">I", data, end - 4)[0]
        if zlib.crc32(memoryview(data)[position + 4 : end - 4]) != checksum:
            raise InputError(f"{shown_as}: damaged PNG (checksum error); get an undamaged copy")
        if data[position + 4 : position + 8] == b"IEND":
            return
        position = end
    raise InputError(f"{shown_as}: truncated PNG; get a complete copy")


def check_format(image: Image, form: str) -> None:
    """Raise `UsageError` when a lossless format cannot hold this picture's mode exactly."""
    if form == "WEBP" and image.is_grey:
        raise UsageError("WebP has no grey; name the container .png, .tiff or .bmp to keep the cover grey")
    if form == "WEBP" and max(image.width, image.height) > 16383:
        raise UsageError("WebP holds at most 16383 pixels on a side; name the container .png or .tiff")
    if form == "BMP" and (image.alpha is not None or image.depth == 16):
        raise UsageError("BMP holds 8-bit grey or RGB without alpha; name the container .png or .tiff")


def losses(image: Image, form: str) -> list[str]:
    """Return what a format cannot keep of this picture besides its samples, one sentence each."""
    lost = []
    if image.profile is not None and form == "BMP":
        lost.append("BMP keeps no colour profile; colours may look different")
    if image.gamma is not None and form != "PNG":
        lost.append(f"{form} keeps no gamma; brightness may look different")
    return lost


def encode(image: Image, form: str, *, quality: int = 97) -> bytes:
    """Return the bytes of a picture file: same mode and depth, no metadata but profile and gamma.

    Args:
        image: the picture.
        form: "PNG", "BMP", "TIFF", "WEBP" (all lossless), "JPEG" or "AVIF" (lossy, 4:4:4, no 16 bits).
        quality: of the lossy formats, 1..100.
    """
    picture = to_pil(image)
    options: dict[str, Any] = {"icc_profile": image.profile} if image.profile else {}
    if form == "PNG":
        options |= {"compress_level": 3, "pnginfo": _png_gamma(image)}
    elif form == "TIFF":
        options |= {"compression": "tiff_adobe_deflate"}
    elif form == "WEBP":
        options |= {"lossless": True, "exact": True, "quality": 40, "method": 3}
    elif form in ("JPEG", "AVIF"):
        picture = _for_lossy(image, form)
        options |= {"quality": quality, "subsampling": "4:4:4"}
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def _for_lossy(image: Image, form: str) -> Pil.Image:
    samples = image.samples if image.depth == 8 else (image.samples >> 8).astype(np.uint8)
    if form == "JPEG" or image.alpha is None:
        return Pil.fromarray(np.ascontiguousarray(samples))
    return Pil.fromarray(np.dstack([samples] * (3 if image.is_grey else 1) + [image.alpha]))


def _png_gamma(image: Image) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    if image.gamma:
        info.add(b"gAMA", struct.pack(">I", round(image.gamma * 100_000)))
    return info
