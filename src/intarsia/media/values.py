"""From what a caller gives to values, and from values to what a caller wants written.

Covers are pictures or sounds. A secret is looked at: a still picture that decodes is a picture, a sound that decodes
is a sound; an animation, values our samples cannot hold, and anything else is bytes.
"""

import contextlib
import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from ..errors import InputError, UsageError
from . import audio_file, image_file
from .audio import Audio
from .audio_file import UnsupportedSoundError
from .blob import Blob, safe_name
from .files import PathLike, read_bytes, read_head, shown
from .image import Image
from .jpeg_trace import find_jpeg_trace
from .modes import NotOnePictureError, from_pillow

Value = Blob | Image | Audio
"""Anything that can be hidden."""

Cover = Image | Audio
"""Anything that something can be hidden in."""

Source = PathLike | Value | bytes | NDArray[Any] | Pil.Image
"""What callers may give: a path, or a value in one of its usual forms."""

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
    if isinstance(value, Blob):
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
    if isinstance(value, Blob | Image | Audio):
        return value
    name = Path(value).name
    if audio_file.holds_sound(value):
        try:
            return audio_file.load(value)
        except UnsupportedSoundError:
            return Blob(read_bytes(value), name)
    data = read_bytes(value)
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
    if isinstance(source, Blob | Image | Audio | str | os.PathLike):
        return source
    raise UsageError(f"{type(source).__name__} given; expected a path, bytes, an array, a picture or a sound")


def shown_source(source: Source) -> str:
    """Return how messages name what a caller gave: a path, or what kind of value it is."""
    if isinstance(source, str | os.PathLike):
        return shown(source)
    if isinstance(source, Blob):
        return shown(source.name) or ("the text" if source.is_text else "the bytes")
    return "the sound" if isinstance(source, Audio) else "the picture" if isinstance(source, Image) else "value"


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


def container_format(out: PathLike) -> str:
    """Return the lossless format a container's suffix stands for.

    Raises:
        UsageError: the suffix is lossy or unknown; the message names those that work.
    """
    suffix = Path(out).suffix.lower()
    pictures, sounds = image_file.LOSSLESS_SUFFIXES, audio_file.LOSSLESS_SUFFIXES
    if suffix in pictures or suffix in sounds:
        return (pictures | sounds)[suffix]
    problem = f"{suffix} is no format of containers" if suffix else "a container needs a suffix"
    if suffix in image_file.LOSSY_SUFFIXES or suffix in audio_file.LOSSY_SUFFIXES:
        problem = f"{suffix} is a lossy format, which would destroy the secret"
    raise UsageError(
        f"{shown(out)}: {problem}; use for a picture {', '.join(pictures)}, for a sound {', '.join(sounds)}"
    )


def check_container(original: Cover, form: str, out: PathLike) -> None:
    """Raise `UsageError` when a container of that format cannot hold this cover exactly."""
    is_sound = isinstance(original, Audio)
    room = audio_file if is_sound else image_file
    if form not in room.LOSSLESS_SUFFIXES.values():
        kind = "sound" if is_sound else "picture"
        raise UsageError(f"{shown(out)}: the cover is a {kind}; name the container {', '.join(room.LOSSLESS_SUFFIXES)}")
    try:
        if isinstance(original, Audio):
            audio_file.check_format(original, form)
        else:
            image_file.check_format(original, form)
    except UsageError as error:
        raise UsageError(f"{shown(out)}: {error}") from error


def losses(original: Cover, form: str) -> list[str]:
    """Return what a container's format cannot keep of its cover besides the samples, one sentence each."""
    if isinstance(original, Audio):
        return audio_file.losses(original, form)
    return image_file.losses(original, form)


def names_folder(out: PathLike) -> bool:
    """Whether `out` means a folder: it is one, or it ends in a slash."""
    # Not Path.is_dir, which raises where the name is too long.
    return str(out).endswith("/") or os.path.isdir(out)  # noqa: PTH112


def in_folder(value: Value) -> tuple[str, bytes]:
    """Return the file name a revealed value gets in a folder, and its bytes: name and format as they were."""
    default = {"image": "secret.png", "audio": "secret.wav", "text": "secret.txt"}.get(value.kind, "secret.bin")
    name = safe_name(value.name, default)
    if isinstance(value, Blob):
        return name, value.data
    original = value.original()
    if original is not None:
        return name, original
    plain = Path(default).suffix
    # A name may ask for a lossy format; what was not lost on the way is not thrown away at the end.
    lossless = isinstance(value, Image) or Path(name).suffix.lower() in audio_file.LOSSLESS_SUFFIXES
    with contextlib.suppress(UsageError):
        if lossless or not Path(name).suffix:
            return name, render(value, Path(name).suffix or plain)
    return str(Path(name).with_suffix(plain)), render(value, plain)


def unlike(name: str, taken: Collection[str]) -> str:
    """Return a file name, numbered when it is taken: "a.png", "a-2.png", "a-3.png"."""
    path, number = Path(name), 2
    while name in taken:
        name = f"{path.stem}-{number}{path.suffix}"
        number += 1
    return name


def render(value: Value, suffix: str = "") -> bytes:
    """Return the bytes of a revealed value as a file with `suffix`; without one, as it was, or as PNG or WAV.

    Raises:
        UsageError: no format of its kind has that suffix, or it cannot hold this value.
    """
    if isinstance(value, Blob):
        return value.data
    suffixes, plain = (audio_file.WRITABLE, "WAV") if isinstance(value, Audio) else (image_file.SUFFIXES, "PNG")
    form = suffixes.get(suffix.lower(), "") if suffix else value.format or plain
    if value.format == form and (original := value.original()) is not None:
        return original
    if suffix and not form:
        kind = "sound" if isinstance(value, Audio) else "picture"
        raise UsageError(f"{suffix} is not a {kind} format; use {', '.join(suffixes)}")
    form = form if form in suffixes.values() else plain
    if isinstance(value, Audio):
        return audio_file.encode(replace(value, file=None), form)
    image_file.check_format(value, form)
    return image_file.encode(replace(value, file=None), form)
