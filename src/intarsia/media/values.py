"""From what a caller gives to values, and from values to what a caller wants written.

Covers are pictures. A secret is looked at: a still picture that decodes is a picture; an animation, values our
samples cannot hold, and anything else is bytes.
"""

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from ..errors import UsageError
from . import image_file
from .blob import Blob, safe_name
from .files import PathLike, read_bytes, shown
from .image import Image
from .jpeg_trace import find_jpeg_trace
from .modes import NotOnePictureError, from_pillow

Value = Blob | Image
"""Anything that can be hidden."""

Source = PathLike | Value | bytes | NDArray[Any] | Pil.Image
"""What callers may give: a path, or a value in one of its usual forms."""

_CONTAINER_DENSITY = 50  # pixels for each byte of file: noise in the samples takes far more bytes than that
_POOR_SHARE = 0.2  # of samples at the ends of the range, where a change may cost two levels instead of one
_FLAT_SHARE = 0.6  # of pixels equal to their left neighbour, where any change shows


def cover(source: Source, *, max_pixels: int) -> Image:
    """Return the picture to hide in."""
    return _picture(source, max_pixels, None)


def container(source: Source, *, max_pixels: int) -> Image:
    """Return the picture to look into: as a cover, but one that claims a size its bytes cannot be is damaged."""
    return _picture(source, max_pixels, _CONTAINER_DENSITY)


def _picture(source: Source, max_pixels: int, pixels_per_byte: int | None) -> Image:
    value = _as_value(source)
    if isinstance(value, Blob):
        raise UsageError(f"a cover must be a picture; this is {value.kind}")
    if isinstance(value, Image):
        return value
    return image_file.load(value, max_pixels=max_pixels, pixels_per_byte=pixels_per_byte)


def secret(source: Source, *, max_pixels: int) -> Value:
    """Return the value to hide."""
    value = _as_value(source)
    if isinstance(value, Blob | Image):
        return value
    data, name = read_bytes(value), Path(value).name
    if not image_file.is_picture(data):
        return Blob(data, name)
    try:
        return image_file.decode(data, name, max_pixels=max_pixels, shown_as=shown(value))
    except NotOnePictureError:
        return Blob(data, name)


def _as_value(source: Source) -> PathLike | Value:
    """Wrap what is plainly a value: bytes, an array, a Pillow picture."""
    if isinstance(source, bytes | bytearray):
        return Blob(bytes(source))
    if isinstance(source, np.ndarray):
        return Image(source)
    if isinstance(source, Pil.Image):
        return from_pillow(source)
    if isinstance(source, Blob | Image | str | os.PathLike):
        return source
    raise UsageError(f"{type(source).__name__} given; expected a path, bytes, an array or a picture")


def shown_source(source: Source) -> str:
    """Return how messages name what a caller gave: a path, or just a value."""
    return shown(source) if isinstance(source, str | os.PathLike) else "value"


def cover_notes(picture: Image) -> list[str]:
    """Return what makes this picture a cover that is easily caught."""
    notes = []
    if picture.format == "JPEG":
        notes.append("the cover is a JPEG: changes in it are easy to detect; better a picture never compressed")
    elif picture.is_lossy:
        notes.append("the cover is a lossy file: changes in it are easier to detect; better a picture never compressed")
    elif picture.depth == 8 and (trace := find_jpeg_trace(picture.samples)):
        notes.append(
            f"the cover was once a JPEG (8 x 8 grid at {trace.offset}): changes in it are easy to detect; "
            "better a picture never compressed"
        )
    samples = picture.samples
    ends = np.count_nonzero(samples == 0) + np.count_nonzero(samples == np.iinfo(samples.dtype).max)
    flat = np.count_nonzero(samples[:, 1:] == samples[:, :-1]) / max(1, samples[:, 1:].size)
    if ends > _POOR_SHARE * samples.size or flat > _FLAT_SHARE:
        notes.append("poor cover: much of it is flat or saturated, where changes are easy to see and to detect")
    return notes


# --- out -----------------------------------------------------------------------------------------------------


def names_folder(out: PathLike) -> bool:
    """Whether `out` means a folder: it is one, or it ends in a slash."""
    # Not Path.is_dir, which raises where the name is too long.
    return str(out).endswith("/") or os.path.isdir(out)  # noqa: PTH112


def in_folder(value: Value) -> tuple[str, bytes]:
    """Return the file name a revealed value gets in a folder, and its bytes: name and format as they were."""
    default = {"image": "secret.png", "text": "secret.txt"}.get(value.kind, "secret.bin")
    name = safe_name(value.name, default)
    if isinstance(value, Blob):
        return name, value.data
    if value.file is not None:
        return name, value.file
    with contextlib.suppress(UsageError):
        return name, render(value, Path(name).suffix or ".png")
    return str(Path(name).with_suffix(".png")), render(value)


def render(value: Value, suffix: str = "") -> bytes:
    """Return the bytes of a revealed value as a file with `suffix`; without one, as it was or as PNG.

    Raises:
        UsageError: no picture format has that suffix, or it cannot hold this picture.
    """
    if isinstance(value, Blob):
        return value.data
    form = image_file.SUFFIXES.get(suffix.lower(), "") if suffix else value.format or "PNG"
    if value.file is not None and value.format == form:
        return value.file
    if suffix and not form:
        raise UsageError(f"{suffix} is not a picture format; use {', '.join(image_file.SUFFIXES)}")
    form = form if form in image_file.SUFFIXES.values() else "PNG"
    image_file.check_format(value, form)
    return image_file.encode(replace(value, file=None), form)
