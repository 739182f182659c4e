"""Sound files: a path or bytes to `Audio`, and blocks of samples to a file.

    WAV ───────────────► wav.read ────────────────────────────────┐
    FLAC, OGG, MP3 ────► sound_decode ──► raw temporary file ─────┴─► Audio ──► save, encode ──► file

The kind of file is read from its content. Only the samples, and what they mean, are written: title, artist, cue
points, pictures and comments of the original are dropped.
"""

import contextlib
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, UsageError
from . import sound_decode, wav
from .audio import Audio, Block
from .files import PathLike, shown
from .sound_decode import id3_length, mpeg_frame_length
from .wav import Memory, Source, UnsupportedSoundError

__all__ = ["LOSSLESS_SUFFIXES", "LOSSY_SUFFIXES", "READABLE", "SUFFIXES", "WRITABLE", "UnsupportedSoundError"]
__all__ += ["check_format", "decode", "encode", "is_sound", "load", "losses", "save"]

READABLE = ("WAV", "FLAC", "OGG", "MP3")
LOSSLESS_SUFFIXES = {".wav": "WAV", ".flac": "FLAC"}
LOSSY_SUFFIXES = {".mp3": "MP3", ".ogg": "OGG", ".oga": "OGG", ".opus": "OGG"}
SUFFIXES = LOSSLESS_SUFFIXES | LOSSY_SUFFIXES
WRITABLE = {suffix: form for suffix, form in SUFFIXES.items() if suffix != ".opus"}
"""What `encode` can make; the Ogg it writes holds Vorbis."""

HEAD = 4096
"""Bytes that tell what a file is."""

_FLAC_SUBTYPES = {8: "PCM_S8", 16: "PCM_16", 24: "PCM_24"}
_FLAC_CHANNELS = 8
_FLAC_RATE = 655_350
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_MPEG_1_RATE = 32_000
_OGG_RATE = 192_000
_PIECE = 1 << 14  # time samples: encoders are known to run out of stack on much longer ones
_OGG_SOUNDS = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC")


# --- in ------------------------------------------------------------------------------------------------------


def load(path: PathLike) -> Audio:
    """Read a sound file.

    Args:
        path: a WAV, FLAC, OGG (Vorbis, Opus) or MP3 file, whatever its suffix. The samples of a WAV file stay where
            they are until they are asked for; those of the others are decoded into a temporary file.

    Raises:
        InputError: missing, not a sound, truncated, damaged, NaN in it.
        UnsupportedSoundError: a form of sound that cannot be read.
        ResourceError: too long to be decoded, or no room for temporary files.
        UsageError: soundfile is not installed, and this is no WAV file.
    """
    audio = replace(_decode(wav.open_disk(path), shown(path)), name=Path(path).name, file=Path(path))
    said = SUFFIXES.get(Path(path).suffix.lower(), audio.format)
    if said != audio.format:
        return replace(audio, notes=(*audio.notes, f"{shown(path)} is a {audio.format} file by its content"))
    return audio


def decode(data: bytes, name: str = "", *, shown_as: str = "") -> Audio:
    """Decode the bytes of a sound file; see `load`."""
    audio = _decode(Memory(data), shown_as or shown(name) or "sound")
    return replace(audio, name=name, file=data)


def is_sound(data: bytes) -> bool:
    """Whether the first bytes (`HEAD` of them are enough) are those of a sound format that `decode` reads."""
    if wav.is_wav(data) or data.startswith(b"fLaC") or id3_length(data[:10]):
        return True
    if data.startswith(b"OggS"):  # where there may be a film as well
        return data[27 + data[26] :].startswith(_OGG_SOUNDS) if len(data) > 26 else False
    # Two bytes of an MP3 are easily met by chance; two frames in a row are not.
    length = mpeg_frame_length(data[:4])
    second = data[length : length + 4]
    is_same = len(second) == 4 and second[1] & 0xFE == data[1] & 0xFE and second[2] & 0x0C == data[2] & 0x0C
    return length > 0 and is_same and mpeg_frame_length(second) > 0


def holds_sound(path: PathLike) -> bool:
    """Whether a file is one of those that `load` reads: `is_sound`, and behind an ID3 tag there is really a sound."""
    source = wav.open_disk(path)
    head = source.at(0, min(HEAD, source.size))
    tag = id3_length(head[:10])
    if not tag:
        return is_sound(head)
    start = source.at(tag, max(0, min(4, source.size - tag)))
    return start == b"fLaC" or mpeg_frame_length(start) > 0


def _decode(source: Source, shown_as: str) -> Audio:
    head = source.at(0, min(HEAD, source.size))
    if not is_sound(head):
        raise InputError(f"{shown_as}: not a sound; expected {', '.join(READABLE)} by content")
    return wav.read(source, shown_as) if wav.is_wav(head) else sound_decode.decode(source, shown_as)


# --- out -----------------------------------------------------------------------------------------------------


def check_format(audio: Audio, form: str) -> None:
    """Raise `UsageError` when a format cannot hold a sound of this depth, rate and number of channels."""
    if form == "FLAC":
        if audio.depth == 32:
            raise UsageError("FLAC holds at most 24 bits; name the container .wav to keep 32")
        if audio.channels > _FLAC_CHANNELS:
            raise UsageError(f"FLAC holds at most {_FLAC_CHANNELS} channels; name the container .wav")
        if audio.rate > 65_535 and (audio.rate > _FLAC_RATE or audio.rate % 10):
            raise UsageError(
                f"FLAC has no rate of {audio.rate:,} Hz (up to 65,535, then tens up to {_FLAC_RATE:,}); "
                "name the container .wav"
            )
    elif form == "MP3" and (audio.channels > 2 or audio.rate not in _MP3_RATES):
        raise UsageError(
            f"MP3 holds mono and stereo at {', '.join(map(str, _MP3_RATES))} Hz, not {audio.describe()}; "
            "use .wav or .flac"
        )
    elif form == "OGG" and audio.rate > _OGG_RATE:
        raise UsageError(f"OGG holds a rate of at most {_OGG_RATE:,} Hz; use .wav")
    elif form not in READABLE:
        raise UsageError(f"{form} is not a sound format; use {', '.join(READABLE)}")


def losses(audio: Audio, form: str) -> list[str]:
    """Return what a format cannot keep of this sound besides its samples, one sentence each."""
    if audio.mask is not None and form != "WAV":
        return [f"{form} keeps no channel mask; channels may come from other loudspeakers"]
    return []


def save(path: PathLike, blocks: Iterable[NDArray[np.integer[Any]]], audio_like: Audio, form: str) -> None:
    """Write a lossless sound file piece by piece and flush it to disk.

    Args:
        path: the file to replace.
        blocks: integers [n, C], n as it comes; together as long as `audio_like`.
        audio_like: whose length, rate, channels, depth and mask the file gets.
        form: "WAV" or "FLAC".

    Raises:
        UsageError: the format cannot hold this, or the blocks are not like `audio_like`.
        OSError: the disk is full, or another reason not to write.
    """
    if form not in LOSSLESS_SUFFIXES.values():
        raise UsageError(f"{form} is not a lossless sound format; use {', '.join(LOSSLESS_SUFFIXES.values())}")
    check_format(audio_like, form)
    with Path(path).open("wb") as stream:
        _write(stream, blocks, audio_like, form)
        stream.flush()
        os.fsync(stream.fileno())


def encode(audio: Audio, form: str) -> bytes:
    """Return the bytes of a sound file, without metadata.

    Args:
        audio: the sound.
        form: "WAV" or "FLAC", exact; "OGG" (Vorbis) or "MP3", each at the best quality it has.

    Raises:
        UsageError: the format cannot hold this sound.
    """
    check_format(audio, form)
    stream = io.BytesIO()
    _write(stream, audio.blocks(), audio, form)
    return stream.getvalue()


def _write(stream: BinaryIO, blocks: Iterable[NDArray[np.integer[Any]]], like: Audio, form: str) -> None:
    if form == "WAV":
        facts = {"length": like.length, "rate": like.rate, "channels": like.channels, "depth": like.depth}
        wav.write(stream, blocks, mask=like.mask, **facts)
        return
    # Measured: at the low rates the highest constant bit rate is 15 dB behind a variable one, at the others ahead.
    mode = "CONSTANT" if like.rate >= _MPEG_1_RATE else "VARIABLE"
    options = {
        "FLAC": {"subtype": _FLAC_SUBTYPES.get(like.depth, ""), "compression_level": 0.625},
        "OGG": {"subtype": "VORBIS", "compression_level": 0.0},
        "MP3": {"subtype": "MPEG_LAYER_III", "compression_level": 0.0, "bitrate_mode": mode},
    }[form]
    done = 0
    with _encoder(stream, like, form, options) as sound:
        for block in blocks:
            checked = wav.in_range(block, like.channels, like.depth)
            done += len(checked)
            for start in range(0, len(checked), _PIECE):
                sound.write(_for_encoder(checked[start : start + _PIECE], like.depth, form))
        if done != like.length:
            raise UsageError(f"{done} time samples written; expected {like.length}")


def _for_encoder(block: Block, depth: int, form: str) -> NDArray[Any]:
    """A block as libsndfile takes it: integers at the upper end of 32 bits, or floats in -1..1."""
    if form == "FLAC":
        return block << (32 - depth)
    return (block / float(1 << (depth - 1))).astype(np.float32)


@dataclass
class _Guard:
    """A stream that keeps its error to itself: libsndfile calls it from C, where none can pass."""

    stream: BinaryIO
    error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self.stream.write(data) if self.error is None else 0
        except OSError as error:
            self.error = error
            return 0

    def read(self, count: int = -1) -> bytes:
        return self.stream.read(count)

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self.stream.seek(offset, whence)
        except OSError as error:
            self.error = self.error or error
            return 0

    def tell(self) -> int:
        return self.stream.tell()


@contextlib.contextmanager
def _encoder(stream: BinaryIO, like: Audio, form: str, options: dict[str, Any]) -> Iterator[Any]:
    """Open an encoder; what goes wrong with the stream is raised as the `OSError` it was."""
    guard = _Guard(stream)
    library = sound_decode.library()
    try:
        with library.SoundFile(guard, "w", like.rate, like.channels, format=form, **options) as sound:
            yield sound
    except (RuntimeError, AssertionError) as error:
        raise guard.error or OSError(0, f"the {form} encoder failed ({error})") from error
    if guard.error is not None:
        raise guard.error
