"""From values to what a caller wants written: containers, and revealed secrets under their names.

cover    ─container_format, check_container─► the format of a container
secret   ─in_folder─► file name and bytes, as it was hidden        ─render─► bytes in the format of a suffix
"""

import contextlib
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import UsageError
from . import audio_file, image_file, shape_file, video_file
from .audio import Audio
from .blob import Blob, safe_name
from .files import PathLike, shown
from .image import Image
from .shape import Shape
from .values import Cover, Value
from .video import Video


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


@dataclass(frozen=True)
class _Kind:
    """How values of one kind become files.

    Attributes:
        word: what messages call it.
        default: file name of one that came without.
        suffixes: formats by suffix.
        lossless: those suffixes whose formats lose nothing.
        plain: format when nothing asks for another.
        encode: value and format to bytes.
    """

    word: str
    default: str
    suffixes: Mapping[str, str]
    lossless: Collection[str]
    plain: str
    encode: Callable[[Any, str], bytes]


def _encode_image(image: Image, form: str) -> bytes:
    image_file.check_format(image, form)
    return image_file.encode(image, form)


_KINDS: dict[type, _Kind] = {
    # A picture named .jpg is written as one: at its quality nobody sees a difference, and everybody can open it.
    Image: _Kind("picture", "secret.png", image_file.SUFFIXES, image_file.SUFFIXES, "PNG", _encode_image),
    Audio: _Kind("sound", "secret.wav", audio_file.WRITABLE, audio_file.LOSSLESS_SUFFIXES, "WAV", audio_file.encode),
    Video: _Kind("video", "secret.mkv", video_file.SUFFIXES, video_file.LOSSLESS_SUFFIXES, "MKV", video_file.encode),
    Shape: _Kind("shape", "secret.ply", shape_file.SUFFIXES, shape_file.SUFFIXES, "PLY", shape_file.encode),
}


def as_frames(value: Value, *, asked: bool) -> Video | None:
    """Return the video that is to be a folder of pictures: asked for, or hidden as one and named like one."""
    if not isinstance(value, Video):
        return None
    is_file = Path(value.name).suffix.lower() in video_file.SUFFIXES
    was_folder = value.original() is None and bool(value.name) and not is_file
    return value if asked or was_folder else None


def folder_name(video: Video) -> str:
    """Return the name of the folder for a video's frames."""
    name = Path(safe_name(video.name, "frames"))
    return name.stem if name.suffix.lower() in video_file.SUFFIXES else name.name


def in_folder(value: Value) -> tuple[str, bytes]:
    """Return the file name a revealed value gets in a folder, and its bytes: name and format as they were."""
    if isinstance(value, Blob):
        return safe_name(value.name, "secret.txt" if value.is_text else "secret.bin"), value.data
    kind = _KINDS[type(value)]
    name = safe_name(value.name, kind.default)
    original = value.original()
    if original is not None:
        return name, original
    plain = Path(kind.default).suffix
    # A name may ask for a lossy format; what was not lost on the way is not thrown away at the end.
    suffix = Path(name).suffix.lower() or plain
    with contextlib.suppress(UsageError):
        if suffix in kind.lossless:
            return name, render(value, suffix)
    return str(Path(name).with_suffix(plain)), render(value, plain)


def unlike(name: str, taken: Collection[str]) -> str:
    """Return a file name, numbered when it is taken: "a.png", "a-2.png", "a-3.png"."""
    path, number = Path(name), 2
    while name in taken:
        name = f"{path.stem}-{number}{path.suffix}"
        number += 1
    return name


def render(value: Value, suffix: str = "") -> bytes:
    """Return the bytes of a revealed value as a file with `suffix`; without one, as it was, or in a plain format.

    Raises:
        UsageError: no format of its kind has that suffix, or it cannot hold this value.
    """
    if isinstance(value, Blob):
        return value.data
    kind = _KINDS[type(value)]
    form = kind.suffixes.get(suffix.lower(), "") if suffix else value.format or kind.plain
    if value.format == form and (original := value.original()) is not None:
        return original
    if suffix and not form:
        raise UsageError(f"{suffix} is not a {kind.word} format; use {', '.join(kind.suffixes)}")
    form = form if form in kind.suffixes.values() else kind.plain
    return kind.encode(replace(value, file=None), form)
