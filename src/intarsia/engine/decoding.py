"""One file to the plain array that packs hold.

    picture file ── media ──► uint8 [H, W, 3]   not larger than needed
    sound file ──── media ──► int16 [T]         mono, at one rate

What `media` refuses (cut, damaged, larger than it says) has no array but a reason. A FLAC file is decoded right here
where the process may be lost: `media` starts another one for each, which takes longer than to decode a sentence.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from ..errors import InputError, IntarsiaError, UsageError
from ..media import audio_file, files, image_file, sound_decode
from ..media.audio import Audio
from ..media.image import Image
from ..media.transit import resampling
from . import layouts

_GAP = 3.0  # how far a picture is averaged down before Lanczos does the rest; beyond it nobody sees a difference
_BLOCK = 1 << 18  # time samples resampled at a time
_FLAC_HEAD = 42  # bytes: the mark, the head of the first block, and the block, which ends with the samples' MD5


@dataclass(frozen=True)
class Task:
    """One file.

    Attributes:
        path: where it is.
        kind: what it is to be.
        setting: longest short side of a picture, pixels; rate of a sound, Hz.
        hashed: whether the hash of the file is asked for.
    """

    path: str
    kind: Literal["image", "audio"]
    setting: int
    hashed: bool = False


@dataclass(frozen=True)
class Result:
    """What became of a task.

    Attributes:
        array: uint8 [H, W, 3] or int16 [T]; None for a file that cannot be used.
        digest: SHA-256 of the file in hexadecimal, "" when it was not asked for.
        error: why there is no array.
    """

    array: NDArray[Any] | None
    digest: str = ""
    error: str = ""


def picture(image: Image, side: int) -> NDArray[np.uint8]:
    """Return the samples as uint8 [H, W, 3]: grey repeated, 16 bits rounded to 8, alpha dropped, shrunk if need be.

    Args:
        image: any picture.
        side: the short side is not longer than this, in pixels; a smaller picture stays as it is.
    """
    samples = image.samples
    if image.depth == 16:
        samples = ((samples.astype(np.uint32) * 255 + 32_767) // 65_535).astype(np.uint8)
    short = min(image.width, image.height)
    if short > side:
        size = (max(1, round(image.width * side / short)), max(1, round(image.height * side / short)))
        source = Pil.fromarray(np.ascontiguousarray(samples))
        samples = np.asarray(source.resize(size, Pil.Resampling.LANCZOS, reducing_gap=_GAP))
    whole = np.repeat(samples[..., None], 3, axis=2) if samples.ndim == 2 else samples
    return np.ascontiguousarray(whole, dtype=np.uint8)


def sound(audio: Audio, rate: int) -> NDArray[np.int16]:
    """Return the mean of the channels as int16 [T] at `rate` Hz; 16-bit mono at that rate is unchanged."""
    if audio.rate == rate and audio.channels == 1 and audio.depth == 16:
        return audio.samples[:, 0].astype(np.int16)
    scale = 2.0 ** (16 - audio.depth)
    return _joined((block.mean(axis=1) * scale for block in audio.blocks(_BLOCK)), audio.rate, rate)


def _joined(blocks: Iterable[NDArray[np.float64]], old: int, new: int) -> NDArray[np.int16]:
    """Return blocks [n] in units of 16 bits at another rate, rounded: int16 [T], T >= 1; a block at a time."""
    moved = blocks if old == new else _resampled(blocks, old, new)
    rounded = [np.clip(np.rint(block), -32_768, 32_767).astype(np.int16) for block in moved]
    whole = np.concatenate(rounded)
    return whole if whole.size else np.zeros(1, np.int16)


def _resampled(blocks: Iterable[NDArray[np.float64]], old: int, new: int) -> Iterator[NDArray[np.float64]]:
    stream = resampling.library().ResampleStream(old, new, 1, dtype="float64", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0), last=True)


def _flac(path: str, rate: int) -> NDArray[np.int16] | None:
    """Return the sound of a plain 16-bit mono FLAC file of known length, or None for `media` to look at.

    Raises:
        InputError: cut or damaged.
    """
    head = files.read_head(path, _FLAC_HEAD)
    if len(head) < _FLAC_HEAD or head[:4] != b"fLaC" or head[4] & 127:
        return None
    library = sound_decode.library()
    try:
        with library.SoundFile(path) as opened:
            if (opened.subtype, opened.channels) != ("PCM_16", 1) or opened.frames > sound_decode.MAX_SAMPLES:
                return None
            claimed, own = opened.frames, opened.samplerate
            values: NDArray[np.int16] = opened.read(dtype="int16")
    except (library.LibsndfileError, OSError) as error:
        raise InputError(f"{files.shown(path)}: damaged or truncated sound file ({error})") from error
    checksum = hashlib.md5(values.astype("<i2").tobytes(), usedforsecurity=False).digest()
    if len(values) != claimed or (any(head[26:]) and head[26:] != checksum):
        raise InputError(f"{files.shown(path)}: damaged or truncated sound file (checksum error)")
    if own == rate:
        return values
    return _joined((values[at : at + _BLOCK].astype(np.float64) for at in range(0, claimed, _BLOCK)), own, rate)


def decode(task: Task, *, expendable: bool = False) -> Result:
    """Read one file.

    Args:
        task: which, and as what.
        expendable: whether this process may be lost to a file that crashes a decoder.

    Raises:
        UsageError: a package is missing that this kind of file needs: then none of them can be read.
    """
    try:
        if task.kind == "image":
            array: NDArray[Any] = picture(image_file.load(task.path), task.setting)
        else:
            array = _sound(task, expendable)
        return Result(array, _digest(task.path) if task.hashed else "")
    except UsageError:
        raise
    except (IntarsiaError, OSError, MemoryError) as error:
        shown = files.shown(task.path)
        return Result(None, error=(str(error) or "out of memory").removeprefix(f"{shown}: "))


def _sound(task: Task, expendable: bool) -> NDArray[np.int16]:
    if text := layouts.foreign_sound(files.read_head(task.path, audio_file.HEAD)):
        raise InputError(f"{files.shown(task.path)}: {text}")
    plain = _flac(task.path, task.setting) if expendable else None
    return sound(audio_file.load(task.path), task.setting) if plain is None else plain


def _digest(path: str) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
