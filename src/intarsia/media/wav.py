"""WAV files: chunks to `Audio`, blocks to a file. No decoding library comes near them.

    "RIFF" size "WAVE"
        "fmt " 16..40   encoding, channels, rate, block, bits (extensible: valid bits, channel mask, sub-format)
        ...             anything else is stepped over: LIST, bext, cue, JUNK
        "data" size     samples, read by position when they are asked for; what follows them is ignored

    RIFF  little-endian        RIFX  big-endian        RF64  little-endian, sizes beyond 4 GiB in a "ds64" chunk

No size in a header is believed before it was compared with the size of the file. Programs that write into a pipe
cannot know the size; the values they leave (0, 2^32 - 1, ...) mean "to the end of the file".
"""

import contextlib
import os
import struct
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, UsageError
from .audio import (
    BLOCK,
    DEPTHS,
    FLOAT_DEPTH,
    MAX_CHANNELS,
    MAX_RATE,
    Audio,
    Block,
    beyond_full_scale,
    clipped_note,
    first_not_finite,
    from_float,
)
from .files import PathLike, open_regular, shown

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_ENCODINGS = {
    0x0002: "ADPCM",
    0x0006: "A-law",
    0x0007: "mu-law",
    0x0010: "OKI ADPCM",
    0x0011: "IMA ADPCM",
    0x0016: "ITU G.723 ADPCM",
    0x0031: "GSM 6.10",
    0x0040: "ITU G.721 ADPCM",
    0x0050: "MPEG",
    0x0055: "MP3",
    0x0092: "AC-3",
    0x00FF: "AAC",
    0x0161: "Windows Media Audio",
    0x2000: "AC-3",
}
_GUID_TAIL = bytes.fromhex("800000aa00389b71")  # of all sub-formats that are a plain encoding number

_STREAMED = (0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)  # sizes of ffmpeg, sox and arecord in a pipe
_STREAMED_64 = (0, (1 << 63) - 1, (1 << 64) - 1)
_MAX_CHUNKS = 4096  # before the sound; a real file has some ten
_RIFF_LIMIT = (1 << 32) - 1


class UnsupportedSoundError(InputError):
    """An intact file, as far as one can see, whose sound is in a form that cannot be read exactly."""


class Source(Protocol):
    """Bytes with positions: a file or memory."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    def at(self, offset: int, count: int) -> bytes:
        """Return exactly `count` bytes from `offset`; they must be there."""


@dataclass(frozen=True, eq=False)
class Memory:
    """Bytes in memory."""

    data: bytes

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.data)

    def at(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from `offset`."""
        return self.data[offset : offset + count]


class Disk:
    """An open file, read by position and closed with the last reference to it.

    Once it is open, replacing or removing the file does no harm.
    """

    def __init__(self, descriptor: int, shown_as: str) -> None:
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self._shown_as = shown_as
        self._close = weakref.finalize(self, os.close, descriptor)

    def at(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from `offset`.

        Raises:
            InputError: the file became shorter, or the disk does not give them.
        """
        pieces = []
        try:
            while count:
                piece = _read_at(self.descriptor, count, offset)
                if not piece:
                    raise InputError(f"{self._shown_as}: became shorter while it was read; let nothing write to it")
                pieces.append(piece)
                offset, count = offset + len(piece), count - len(piece)
        except OSError as error:
            raise InputError(f"{self._shown_as}: cannot be read: {error.strerror}") from error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def open_disk(path: PathLike) -> Disk:
    """Open a regular file.

    Raises:
        InputError: it is missing, unreadable, empty, or not a regular file.
    """
    disk = Disk(open_regular(path), shown(path))
    if not disk.size:
        raise InputError(f"{shown(path)}: the file is empty")
    return disk


def _read_at(descriptor: int, count: int, offset: int) -> bytes:
    count = min(count, 1 << 30)  # no system reads more than 2 GiB at once
    if hasattr(os, "pread"):
        return os.pread(descriptor, count, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, count)


@dataclass(frozen=True, eq=False)
class RawPcm:
    """Samples as they lie in a file.

    Attributes:
        source: where the bytes are.
        offset: of the first sample, bytes.
        length: time samples.
        channels: samples in one time sample.
        code: "u1" (128 is silence), "i2", "i3", "i4", "f4" or "f8", after "<" or ">".
        shift: bits to drop at the lower end of each sample.
    """

    source: Source
    offset: int
    length: int
    channels: int
    code: str
    shift: int = 0

    def read(self, start: int, count: int) -> Block:
        """Return int32 [count, C]."""
        values = self.values(start, count)
        if values.dtype.kind == "f":
            return from_float(values)
        whole: Block = values.astype(np.int32)
        return whole - 128 if self.code.endswith("u1") else whole >> self.shift

    def values(self, start: int, count: int) -> NDArray[Any]:
        """Return the numbers as they are in the file, [count, C], 24 bits widened to int32."""
        width = int(self.code[-1]) * self.channels
        data = self.source.at(self.offset + start * width, count * width)
        if not self.code.endswith("i3"):
            return np.frombuffer(data, self.code).reshape(count, self.channels)
        # Three bytes become the upper three of four; the shift then brings the sign along.
        wide = np.zeros((count * self.channels, 4), np.uint8)
        three = np.frombuffer(data, np.uint8).reshape(-1, 3)
        wide[:, 1:] = three if self.code[0] == "<" else three[:, ::-1]
        return wide.view("<i4").reshape(count, self.channels).astype(np.int32, copy=False) >> 8


# --- in ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Format:
    """What the "fmt " chunk says."""

    encoding: int
    channels: int
    rate: int
    block: int
    bits: int
    valid: int
    mask: int | None


@dataclass(frozen=True)
class _Sound:
    """Where the samples lie, bytes."""

    offset: int
    size: int
    is_streamed: bool


def is_wav(data: bytes) -> bool:
    """Whether the first 12 bytes are those of a WAV file."""
    return data[:4] in (b"RIFF", b"RIFX", b"RF64") and data[8:12] == b"WAVE"


def read(source: Source, shown_as: str) -> Audio:
    """Read a WAV file: its header now, its samples when they are asked for.

    Floating-point samples are read once from end to end, because NaN is to be found before the work starts.

    Args:
        source: the file, `is_wav` by its first bytes.
        shown_as: how messages name it.

    Returns:
        The sound, with format and notes, without name and file.

    Raises:
        InputError: truncated or damaged, without sound, or with NaN in it.
        UnsupportedSoundError: an encoding, rate or number of channels that is not supported.
    """
    order = ">" if source.at(0, 4) == b"RIFX" else "<"
    form, sound = _walk(source, order, shown_as)
    notes = ["big-endian WAV (RIFX)"] if order == ">" else []
    if sound.is_streamed:
        notes.append("the header does not say how long the sound is; read to the end of the file")
    _check(form, shown_as)
    length, rest = divmod(sound.size, form.block)
    if not length:
        raise UnsupportedSoundError(f"{shown_as}: a WAV file without sound in it")
    if rest:
        notes.append("the last sample is incomplete and left out")
    width = form.bits // 8
    if form.encoding == _FLOAT:
        pcm = RawPcm(source, sound.offset, length, form.channels, f"{order}f{width}")
        notes += [
            f"{form.bits}-bit float samples are read as {FLOAT_DEPTH}-bit integers",
            *_check_floats(pcm, shown_as),
        ]
        return Audio(pcm, form.rate, FLOAT_DEPTH, form.mask, format="WAV", notes=tuple(notes))
    depth = min(depth for depth in DEPTHS if depth >= form.valid)
    if depth < form.bits:
        notes.append(f"{form.valid} of {form.bits} bits are in use; read as {depth}-bit samples")
    code = "u1" if width == 1 else f"i{width}"
    pcm = RawPcm(source, sound.offset, length, form.channels, order + code, form.bits - depth)
    return Audio(pcm, form.rate, depth, form.mask, format="WAV", notes=tuple(notes))


def _walk(source: Source, order: str, shown_as: str) -> tuple[_Format, _Sound]:
    """Step from chunk to chunk as far as the samples."""
    form: _Format | None = None
    long_size: int | None = None
    position = 12
    for _ in range(_MAX_CHUNKS):
        if position + 8 > source.size:
            break
        kind = source.at(position, 4)
        (size,) = struct.unpack(order + "I", source.at(position + 4, 4))
        start = position + 8
        if kind == b"data":
            if form is None:
                raise InputError(f"{shown_as}: damaged WAV (sound before its format); get an undamaged copy")
            return form, _sound(source, order, start, size, long_size, shown_as)
        if start + size > source.size:
            break
        if kind == b"fmt ":
            if form is not None:
                raise InputError(f"{shown_as}: damaged WAV (two formats); get an undamaged copy")
            form = _format(source.at(start, min(size, 40)), order, shown_as)
        elif kind == b"ds64" and source.at(0, 4) == b"RF64" and size >= 16:
            (long_size,) = struct.unpack("<Q", source.at(start + 8, 8))
        position = start + size + (size & 1)
    else:
        raise InputError(f"{shown_as}: damaged WAV (no sound in {_MAX_CHUNKS} chunks); get an undamaged copy")
    raise InputError(f"{shown_as}: truncated or damaged WAV (no sound in it); get a complete copy")


def _sound(source: Source, order: str, start: int, size: int, long_size: int | None, shown_as: str) -> _Sound:
    """Where the samples lie, once the size that the header says was compared with the file."""
    there = source.size - start
    streamed: tuple[int, ...] = _STREAMED
    if long_size is not None and size == _RIFF_LIMIT:
        size, streamed = long_size, _STREAMED_64
    (whole,) = struct.unpack(order + "I", source.at(4, 4))
    if size == 0 and whole + 8 == source.size:  # a header that knows its file: there really is nothing
        raise UnsupportedSoundError(f"{shown_as}: a WAV file without sound in it")
    if size in streamed and (size == 0 or size > there):
        return _Sound(start, there, True)
    if size > there:
        raise InputError(
            f"{shown_as}: the header says {size:,} bytes of sound, the file has {there:,}; get a complete copy"
        )
    return _Sound(start, size, False)


def _format(chunk: bytes, order: str, shown_as: str) -> _Format:
    """Read a "fmt " chunk of at least 16 bytes."""
    if len(chunk) < 16:
        raise InputError(f"{shown_as}: damaged WAV (format of {len(chunk)} bytes); get an undamaged copy")
    encoding, channels, rate, _, block, bits = struct.unpack_from(order + "HHIIHH", chunk)
    valid, mask = bits, 0
    if encoding == _EXTENSIBLE:
        if len(chunk) < 40:
            raise InputError(f"{shown_as}: damaged WAV (extensible format cut short); get an undamaged copy")
        valid, mask, encoding, *middle = struct.unpack_from(order + "HIIHH", chunk, 18)
        if middle != [0, 0x10] or chunk[32:40] != _GUID_TAIL:
            encoding = -1
        valid = valid or bits
    return _Format(encoding, channels, rate, block, bits, valid if encoding == _PCM else bits, mask or None)


def _check(form: _Format, shown_as: str) -> None:
    """Raise `UnsupportedSoundError` unless this is PCM or floating point that adds up."""
    if form.encoding not in (_PCM, _FLOAT):
        name = _ENCODINGS.get(form.encoding, "unknown")
        if name == "unknown" and form.encoding >= 0:
            name = f"encoding 0x{form.encoding:04x}"
        raise UnsupportedSoundError(
            f"{shown_as}: {name} WAV is not supported; convert it to PCM, for example with sox or ffmpeg"
        )
    if not 1 <= form.channels <= MAX_CHANNELS:
        raise UnsupportedSoundError(f"{shown_as}: {form.channels} channels; expected 1 to {MAX_CHANNELS}")
    if not 1 <= form.rate <= MAX_RATE:
        raise UnsupportedSoundError(f"{shown_as}: a rate of {form.rate} Hz; expected 1 to {MAX_RATE}")
    widths = (32, 64) if form.encoding == _FLOAT else DEPTHS
    if form.bits not in widths or not 1 <= form.valid <= form.bits:
        said = f"{form.bits}-bit" if form.valid == form.bits else f"{form.valid} of {form.bits}-bit"
        kind = "float" if form.encoding == _FLOAT else "PCM"
        raise UnsupportedSoundError(
            f"{shown_as}: {said} {kind} WAV is not supported; convert it to 16- or 24-bit PCM, "
            "for example with sox or ffmpeg"
        )
    if form.block != form.channels * form.bits // 8:
        raise UnsupportedSoundError(
            f"{shown_as}: damaged WAV ({form.channels} channels of {form.bits} bits in {form.block} bytes); "
            "get an undamaged copy"
        )


def _check_floats(pcm: RawPcm, shown_as: str) -> list[str]:
    """Raise `InputError` at the first NaN or infinite value; return the note on what is clipped, if anything is."""
    beyond = 0
    for start in range(0, pcm.length, BLOCK):
        values = pcm.values(start, min(BLOCK, pcm.length - start))
        bad = first_not_finite(values)
        if bad is not None:
            raise InputError(f"{shown_as}: sample {start + bad} is NaN or infinite; replace it first")
        beyond += beyond_full_scale(values)
    return [clipped_note(beyond)] if beyond else []


# --- out -----------------------------------------------------------------------------------------------------


def write(
    target: BinaryIO | PathLike,
    blocks: Iterable[NDArray[np.integer[Any]]],
    *,
    length: int,
    rate: int,
    channels: int,
    depth: int,
    mask: int | None = None,
) -> None:
    """Write a PCM WAV file with nothing in it but the sound.

    The header is right from the start, because the length is known: plain up to two channels without a mask, else
    extensible; RF64 where 32 bits cannot hold the size.

    Args:
        target: a stream open for writing at its beginning, or the path of a file to replace.
        blocks: integers [n, C] in the range of `depth`, n as it comes.
        length: time samples that all blocks have together.
        rate: Hz.
        channels: 1 to 32.
        depth: 8 (written unsigned), 16, 24 or 32 bits.
        mask: channel mask, or None.

    Raises:
        UsageError: a block of another shape or beyond the range, or another length in the end.
        OSError: the disk is full, or another reason not to write.
    """
    with _opened(target) as stream:
        stream.write(header(length=length, rate=rate, channels=channels, depth=depth, mask=mask))
        done = 0
        for block in blocks:
            checked = in_range(block, channels, depth)
            stream.write(little_endian(checked, depth) if depth > 8 else (checked + 128).astype(np.uint8).tobytes())
            done += len(checked)
        if done != length:
            raise UsageError(f"{done} time samples written; expected {length}")
        stream.write(bytes(done * channels * depth // 8 % 2))  # chunks begin at even positions


def header(*, length: int, rate: int, channels: int, depth: int, mask: int | None) -> bytes:
    """Return everything before the samples; see `write`."""
    block = channels * depth // 8
    size = length * block
    form = struct.pack("<HHIIHH", _PCM, channels, rate, rate * block, block, depth)
    if mask is not None or channels > 2:
        guid = struct.pack("<IHH", _PCM, 0, 0x10) + _GUID_TAIL
        form = struct.pack("<H", _EXTENSIBLE) + form[2:] + struct.pack("<HHI", 22, depth, mask or 0) + guid
    chunk = b"fmt " + struct.pack("<I", len(form)) + form
    whole = 4 + len(chunk) + 8 + size + size % 2
    if whole <= _RIFF_LIMIT:
        return struct.pack("<4sI4s", b"RIFF", whole, b"WAVE") + chunk + struct.pack("<4sI", b"data", size)
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, whole + 36, size, length, 0)
    start = struct.pack("<4sI4s", b"RF64", _RIFF_LIMIT, b"WAVE")
    return start + sizes + chunk + struct.pack("<4sI", b"data", _RIFF_LIMIT)


def in_range(block: NDArray[np.integer[Any]], channels: int, depth: int) -> Block:
    """Return a block as int32 [n, C], once it was found to have these channels and this depth."""
    if block.ndim != 2 or block.shape[1] != channels or block.dtype.kind not in "iu":
        raise UsageError(f"block {block.dtype} {list(block.shape)}; expected integers [n, {channels}]")
    limit = 1 << (depth - 1)
    if block.size and (int(block.min()) < -limit or int(block.max()) >= limit):
        raise UsageError(f"samples {block.min()}..{block.max()}; expected {-limit}..{limit - 1} ({depth} bits)")
    return block.astype(np.int32, copy=False)


def little_endian(block: NDArray[np.signedinteger[Any]], depth: int) -> bytes:
    """Return the bytes of a block of signed samples, 1 to 4 for each."""
    if depth == 24:
        return np.ascontiguousarray(block, "<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    return block.astype(f"<i{depth // 8}").tobytes()


@contextlib.contextmanager
def _opened(target: BinaryIO | PathLike) -> Iterator[BinaryIO]:
    if not isinstance(target, str | os.PathLike):
        yield target
        return
    with Path(target).open("wb") as stream:
        yield stream
