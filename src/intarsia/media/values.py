"""From what a caller gives to values.

Covers are pictures or sounds. A secret is looked at: a still picture is a picture, a sound is a sound, moving
pictures and folders of frames are a video, triangles are a shape; what cannot be read as one of these is bytes.
"""

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from ..errors import InputError, UsageError
from . import audio_file, image_file, shape_file, video_file
from .audio import Audio
from .audio_file import UnsupportedSoundError
from .blob import Blob
from .files import PathLike, read_bytes, read_head, shown
from .image import Image
from .jpeg_trace import find_jpeg_trace
from .modes import NotOnePictureError, from_pillow
from .shape import Shape
from .shape_file import UnsupportedShapeError
from .video import Video
from .video_file import UnsupportedVideoError

Value = Blob | Image | Audio | Video | Shape
"""Anything that can be hidden."""

Cover = Image | Audio
"""Anything that something can be hidden in."""

Source = PathLike | Value | bytes | NDArray[Any] | Pil.Image
"""What callers may give: a path, or a value in one of its usual forms."""

_HEAD = max(audio_file.HEAD, video_file.HEAD, shape_file.HEAD)
_CONTAINER_DENSITY = 50  # pixels for each byte of file: noise in the samples takes far more bytes than that
_POOR_SHARE = 0.2  # of samples at the ends of the range, where a change may cost two levels instead of one
_FLAT_SHARE = 0.6  # of pixels equal to their left neighbour, where any change shows


def cover(source: Source, *, max_pixels: int) -> Cover:
    """Return the picture or the sound to hide in."""
    return _cover(source, max_pixels, None)


def container(source: Source, *, max_pixels: int) -> Cover:
    """Return what to look into: as a cover, but a picture that claims a size its bytes cannot be is damaged."""
    return _cover(source, max_pixels, _CONTAINER_DENSITY)


def _cover(source: Source, max_pixels: int, pixels_per_byte: int | None) -> Cover:
    value = _as_value(source)
    if isinstance(value, Blob | Video | Shape):
        raise UsageError(f"a cover must be a picture or a sound; this is {value.kind}")
    if isinstance(value, Image | Audio):
        return value
    if audio_file.holds_sound(value):
        return _named_otherwise(audio_file.load(value), value, image_file.SUFFIXES)
    head = read_head(value, audio_file.HEAD)
    if not image_file.is_picture(head):
        expected = ", ".join((*image_file.READABLE, *audio_file.READABLE))
        raise InputError(f"{shown(value)}: not a picture, nor a sound; expected {expected} by content")
    image = image_file.load(value, max_pixels=max_pixels, pixels_per_byte=pixels_per_byte)
    return _named_otherwise(image, value, audio_file.SUFFIXES)


CoverT = TypeVar("CoverT", Image, Audio)


def _named_otherwise(value: CoverT, path: PathLike, others: Collection[str]) -> CoverT:
    """Note when a file has a suffix of another kind of medium."""
    if Path(path).suffix.lower() not in others:
        return value
    return replace(value, notes=(*value.notes, f"{shown(path)} is a {value.format} file by its content"))


def secret(source: Source, *, max_pixels: int) -> Value:
    """Return the value to hide."""
    value = _as_value(source)
    if isinstance(value, Blob | Image | Audio | Video | Shape):
        return value
    if os.path.isdir(value):  # noqa: PTH112 (Path.is_dir raises where the name is too long)
        return video_file.load(value)
    if audio_file.holds_sound(value):
        try:
            return audio_file.load(value)
        except UnsupportedSoundError:
            return _bytes_of(value)
    head = read_head(value, _HEAD)
    if image_file.is_picture(head):
        try:
            name = Path(value).name
            return image_file.decode(read_bytes(value), name, max_pixels=max_pixels, shown_as=shown(value))
        except NotOnePictureError:
            if not head.startswith(b"GIF8"):
                return _bytes_of(value)
    return _moving_or_solid(value, head)


def _moving_or_solid(path: PathLike, head: bytes) -> Value:
    """Return a file that is no still picture and no sound: a video, a shape, or bytes."""
    if head.startswith(b"GIF8") or video_file.is_video(head):
        try:
            return video_file.load(path)
        except UnsupportedVideoError:
            return _bytes_of(path)
    if shape_file.is_shape(head, Path(path).suffix, Path(path).stat().st_size):
        try:
            return shape_file.load(path)
        except UnsupportedShapeError:
            return _bytes_of(path)
        except InputError:
            # A text may begin like a shape; only a name that says so makes it a damaged one.
            if Path(path).suffix.lower() in shape_file.SUFFIXES:
                raise
            return _bytes_of(path)
    return _bytes_of(path)


def _bytes_of(path: PathLike) -> Blob:
    return Blob(read_bytes(path), Path(path).name)


def _as_value(source: Source) -> PathLike | Value:
    """Wrap what is plainly a value: bytes, an array, a Pillow picture."""
    if isinstance(source, bytes | bytearray):
        return Blob(bytes(source))
    if isinstance(source, np.ndarray):
        return Image(source)
    if isinstance(source, Pil.Image):
        return from_pillow(source)
    if isinstance(source, Blob | Image | Audio | Video | Shape | str | os.PathLike):
        return source
    raise UsageError(f"{type(source).__name__} given; expected a path, bytes, an array, a picture or a sound")


def shown_source(source: Source) -> str:
    """Return how messages name what a caller gave: a path, or what kind of value it is."""
    if isinstance(source, str | os.PathLike):
        return shown(source)
    if isinstance(source, Blob):
        return shown(source.name) or ("the text" if source.is_text else "the bytes")
    words = {Audio: "the sound", Image: "the picture", Video: "the video", Shape: "the shape"}
    return words.get(type(source), "value")


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
