"""FLAC, OGG and MP3, decoded in a process of its own.

    this process                       the other one
    the open file ────── stdin ──────► libsndfile
    temporary file ◄──── stdout ────── 512 bytes of JSON, then raw samples (int16 or int32, little-endian)
    time limit, size                   memory limit, number of samples

How the two work together, and what a file cannot do to this one, is `child`'s business.

Whole or refused: FLAC is compared with its checksum, every page of an OGG file too; MP3 has none, so there only
a cut is found.
"""

import hashlib
import importlib
import importlib.util
import io
import os
import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, IntarsiaError, ResourceError, UsageError
from . import child
from .audio import MAX_CHANNELS, MAX_RATE, Audio, beyond_full_scale, clipped_note, from_float
from .child import RefusedError
from .wav import Disk, RawPcm, Source, UnsupportedSoundError, little_endian

MAX_SAMPLES = 1 << 30
"""Samples of all channels together, the most that are decoded: three hours of stereo at 48 kHz."""

LOSSY_DEPTH = 16
"""Bits that OGG and MP3 are decoded to."""

_SECONDS = 4.0
_SECONDS_PER_MIB = 2.0
_PROGRESS = 1 << 24  # bytes of samples that earn another second: silence is long in few bytes
_MEMORY = 1 << 29  # bytes that decoding may add to the other process
_PIECE = 1 << 18  # samples of all channels decoded at a time
_MP3_SLACK = 2304  # samples that the count in an MP3 may be off: encoders disagree about the padding
_FLAC_DEPTHS = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}
_SAMPLES_PER_BYTE = 8192  # no format packs silence more tightly
_READABLE = ("FLAC", "OGG", "MP3")


def decode(source: Source, shown_as: str) -> Audio:
    """Decode a FLAC, OGG or MP3 file in another process.

    Args:
        source: the file.
        shown_as: how messages name it.

    Returns:
        The sound, with format and notes, without name and file. Its samples lie in a temporary file.

    Raises:
        InputError: damaged, truncated, or no end of it within 4 s, 2 s for each MiB of the file, and 1 s for each
            16 MiB of samples that came out of it.
        UnsupportedSoundError: a rate, a depth or a number of channels that is not supported.
        ResourceError: more than `MAX_SAMPLES`, or no room for temporary files.
        UsageError: soundfile is not installed.
    """
    library()
    task = child.Task(
        shown_as,
        "sound file",
        "convert it to WAV",
        seconds=_SECONDS + _SECONDS_PER_MIB * source.size / (1 << 20),
        progress=_PROGRESS,
        most=4 * MAX_SAMPLES,
    )
    found, decoded = child.run([*program(), str(MAX_SAMPLES)], source, task)
    if "error" in found:
        raise _error(found["error"], found["detail"], task)
    return _audio(found, decoded, task)


def library() -> ModuleType:
    """Return the module soundfile.

    Raises:
        UsageError: it is not installed.
    """
    if importlib.util.find_spec("soundfile") is None:
        raise UsageError("FLAC, OGG and MP3 need the package soundfile: pip install soundfile; or use WAV")
    return importlib.import_module("soundfile")


def program() -> list[str]:
    """Return the command that decodes: this file."""
    return child.program(__name__)


def _audio(found: dict[str, Any], decoded: Disk, task: child.Task) -> Audio:
    """Turn what the other process wrote into a sound."""
    rate, channels, depth, length = (found[key] for key in ("rate", "channels", "depth", "length"))
    if not 1 <= rate <= MAX_RATE or not 1 <= channels <= MAX_CHANNELS:
        raise UnsupportedSoundError(
            f"{task.shown_as}: {channels} channels at {rate} Hz; expected 1 to {MAX_CHANNELS} at 1 to {MAX_RATE} Hz"
        )
    if length < 1:
        raise InputError(f"{task.shown_as}: a sound file without sound in it")
    code = "<i2" if depth <= 16 else "<i4"
    if decoded.size != child.HEADER + length * channels * int(code[-1]):
        raise task.damaged("failed")
    notes = [clipped_note(found["beyond"])] if found["beyond"] else []
    if not found["has_end"]:
        notes.append("the file has no end mark; it may have been longer")
    return Audio(
        RawPcm(decoded, child.HEADER, length, channels, code), rate, depth, format=found["form"], notes=tuple(notes)
    )


def _error(kind: str, detail: str, task: child.Task) -> IntarsiaError:
    if kind == "large":
        return ResourceError(
            f"{task.shown_as}: {detail}; the limit is {MAX_SAMPLES:,}; cut it into parts, or convert it to WAV"
        )
    if kind == "room":
        return task.no_room(detail)
    if kind == "unsupported":
        return UnsupportedSoundError(f"{task.shown_as}: {detail} is not supported; convert it to 16 or 24 bits")
    return InputError(f"{task.shown_as}: damaged or truncated sound file ({detail}); get an undamaged copy")


# --- in the other process ------------------------------------------------------------------------------------


def main() -> None:
    """Decode stdin to stdout; the arguments are the samples and the seconds allowed."""
    most, seconds = (int(word) for word in sys.argv[1:3])
    child.serve(library, lambda target: _decode_to(target, library(), most), seconds=seconds, memory=_MEMORY)


def _decode_to(target: io.FileIO, soundfile: ModuleType, most: int) -> dict[str, Any]:
    """Decode everything on descriptor 0 and return what the samples are."""

    class Forward(soundfile.SoundFile):  # type: ignore[misc, name-defined]
        """A file read from the beginning to the end: soundfile would seek after every read, which not all can."""

        def seekable(self) -> bool:
            return False

    disk = Disk(os.dup(0), "input")
    has_end = _check_pages(disk) if disk.at(0, 4) == b"OggS" else True
    if disk.at(0, 1) == b"\xff" or disk.at(0, 3) == b"ID3":
        _check_frames(disk)
    flac = _flac_facts(disk)
    if flac and flac.bits not in _FLAC_DEPTHS.values():
        raise RefusedError("unsupported", f"{flac.bits}-bit FLAC")
    os.lseek(0, 0, os.SEEK_SET)
    with Forward(0, closefd=False) as sound:
        if sound.format not in _READABLE:
            raise RefusedError("damaged", f"not {', '.join(_READABLE)} inside")
        claimed = _claimed(sound, disk.size, most)
        depth = _FLAC_DEPTHS.get(sound.subtype, LOSSY_DEPTH)
        done = beyond = 0
        checksum = hashlib.md5(usedforsecurity=False)  # the one that FLAC has
        for block, beyond_here in _blocks(sound, depth):
            done, beyond = done + len(block), beyond + beyond_here
            if done * sound.channels > most:
                raise RefusedError("large", f"more than {most:,} samples")
            if flac:
                checksum.update(little_endian(block, depth))
            child.write(target, little_endian(block, 16 if depth <= 16 else 32))
        if claimed is not None and done < claimed - (_MP3_SLACK if sound.format == "MP3" else 0):
            raise RefusedError("damaged", f"{done:,} of {claimed:,} samples are there")
        if flac and any(flac.checksum) and flac.checksum != checksum.digest():
            raise RefusedError("damaged", "checksum error")
        facts = {"form": sound.format, "rate": sound.samplerate, "channels": sound.channels}
        return facts | {"depth": depth, "length": done, "beyond": beyond, "has_end": has_end}


def _claimed(sound: Any, size: int, most: int) -> int | None:  # noqa: ANN401 (soundfile has no types)
    """Return how many time samples the file says it has, or None for a stream, which does not say it."""
    if sound.frames >= 1 << 62:
        return None
    claimed = int(sound.frames)
    if claimed > _SAMPLES_PER_BYTE * size:
        raise RefusedError("damaged", f"claims {claimed:,} samples in {size:,} bytes")
    if claimed * sound.channels > most:
        raise RefusedError("large", f"{claimed * sound.channels:,} samples")
    return claimed


def _blocks(sound: Any, depth: int) -> Iterator[tuple[NDArray[np.signedinteger[Any]], int]]:  # noqa: ANN401
    """Yield the sound as integers [n, C] of `depth` bits, and how many of them were beyond full scale."""
    shape = (max(1, _PIECE // sound.channels), sound.channels)
    if sound.subtype in _FLAC_DEPTHS:
        # The samples come at the upper end of the integers they are asked for in.
        width = 16 if depth <= 16 else 32
        whole = np.empty(shape, f"i{width // 8}")
        while count := sound.buffer_read_into(whole, f"int{width}"):
            yield whole[:count] >> (width - depth), 0
        return
    floats = np.empty(shape, np.float32)
    while count := sound.buffer_read_into(floats, "float32"):
        if not np.isfinite(floats[:count]).all():
            raise RefusedError("damaged", "NaN among the decoded samples")
        yield from_float(floats[:count], depth), beyond_full_scale(floats[:count])


@dataclass(frozen=True)
class _FlacFacts:
    """What the first block of a FLAC file says."""

    bits: int
    checksum: bytes  # MD5 of the samples; zeros say that there is none


def _flac_facts(disk: Disk) -> _FlacFacts | None:
    start = id3_length(disk.at(0, min(10, disk.size)))
    if start + 42 > disk.size or disk.at(start, 5) not in (b"fLaC\0", b"fLaC\x80"):
        return None
    block = disk.at(start + 8, 34)
    return _FlacFacts((block[12] & 1) * 16 + (block[13] >> 4) + 1, block[18:])


def _check_pages(disk: Disk) -> bool:
    """Refuse an OGG file unless its pages follow each other to the end of the file, each with its checksum.

    Returns:
        Whether each stream in it has an end; what was recorded from a radio has not.
    """
    position = 0
    open_streams = set()
    while position < disk.size:
        if position + 27 > disk.size:
            raise RefusedError("damaged", "cut inside a page")
        start = disk.at(position, 27)
        if start[:5] != b"OggS\0":
            raise RefusedError("damaged", f"no page at byte {position:,}")
        if position + 27 + start[26] > disk.size:
            raise RefusedError("damaged", "cut inside a page")
        lengths = disk.at(position + 27, start[26])
        end = position + 27 + len(lengths) + sum(lengths)
        if end > disk.size:
            raise RefusedError("damaged", "cut inside a page")
        body = disk.at(position + 27 + len(lengths), sum(lengths))
        if ogg_crc(start[:22] + bytes(4) + start[26:] + lengths + body) != struct.unpack("<I", start[22:26])[0]:
            raise RefusedError("damaged", "checksum error")
        open_streams.add(start[14:18])
        if start[5] & 4:
            open_streams.remove(start[14:18])
        position = end
    return not open_streams


def _check_frames(disk: Disk) -> None:
    """Refuse an MP3 whose last frame is cut; what is no frame (a tag, say) ends the search."""
    position = id3_length(disk.at(0, min(10, disk.size)))
    while position + 4 <= disk.size:
        length = mpeg_frame_length(disk.at(position, 4))
        if not length:
            return
        position += length
    if position > disk.size:
        raise RefusedError("damaged", "cut inside a frame")


# --- what headers say -----------------------------------------------------------------------------------------

_MPEG_RATES = (44100, 48000, 32000)
_MPEG_KBPS = {  # by version 1 or not, and layer
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def mpeg_frame_length(start: bytes) -> int:
    """Return how many bytes an MPEG audio frame has that begins with these four, or 0 when none does."""
    if len(start) < 4 or start[0] != 0xFF or start[1] & 0xE0 != 0xE0:
        return 0
    version, layer = start[1] >> 3 & 3, 4 - (start[1] >> 1 & 3)
    bitrate, rate, padding = start[2] >> 4, start[2] >> 2 & 3, start[2] >> 1 & 1
    if version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3 or start[3] & 3 == 2:
        return 0
    is_first = version == 3
    bits = 1000 * _MPEG_KBPS[is_first, layer][bitrate - 1]
    hertz = _MPEG_RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
    if layer == 1:
        return (12 * bits // hertz + padding) * 4
    return (144 if layer == 2 or is_first else 72) * bits // hertz + padding


def id3_length(start: bytes) -> int:
    """Return how many bytes the ID3 tag takes that begins with these ten, or 0 when none does."""
    if len(start) < 10 or start[:3] != b"ID3" or not 2 <= start[3] <= 4 or any(byte > 127 for byte in start[6:10]):
        return 0
    size = 0
    for byte in start[6:10]:
        size = size << 7 | byte
    return 10 + size + (10 if start[5] & 16 else 0)


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def ogg_crc(data: bytes) -> int:
    """Return the checksum of an OGG page: the polynomial of zlib's, but with the bits in the other order."""
    mirrored = zlib.crc32(data.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


if __name__ == "__main__":
    main()
