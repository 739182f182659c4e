"""The sound: samples, rate, depth, and what the numbers mean. Files are `audio_file`'s business.

    Audio ── pcm.read(start, count) ──► int32 [n, C]     a piece at a time: an hour needs no more memory than a second
          ── blocks() ────────────────► int32 [n, C] ...
          ── samples ─────────────────► int32 [T, C]     the whole, for short sounds

Samples are signed integers in the range of their depth: 8 bits -128..127, 16 bits -32,768..32,767, and so on. A
sound in memory and a sound in a file are the same thing to everybody who reads blocks.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from .files import read_bytes

Block = NDArray[np.int32]
"""A piece of a sound, int32 [n, C]."""

DEPTHS = (8, 16, 24, 32)
"""Bits of one sample."""

MAX_RATE = 1_000_000
"""Samples in one second, the most that are believed."""

MAX_CHANNELS = 32

LOSSY = ("OGG", "MP3", "AAC")
"""Formats whose samples are not those that went in."""

BLOCK = 1 << 18
"""Time samples in one block, unless asked otherwise."""

FLOAT_DEPTH = 24
"""Bits that floating-point samples are read as: what a float32 holds exactly."""


class Pcm(Protocol):
    """Where the samples are: an array, a file, what a decoder left."""

    @property
    def length(self) -> int:
        """Time samples T."""

    @property
    def channels(self) -> int:
        """Channels C."""

    def read(self, start: int, count: int) -> Block:
        """Return int32 [count, C] from time sample `start`; both lie inside."""


@dataclass(frozen=True, eq=False)
class ArrayPcm:
    """Samples in memory: signed integers [T, C] of any width up to 32 bits."""

    array: NDArray[np.signedinteger[Any]]

    @property
    def length(self) -> int:
        """Time samples T."""
        return int(self.array.shape[0])

    @property
    def channels(self) -> int:
        """Channels C."""
        return int(self.array.shape[1])

    def read(self, start: int, count: int) -> Block:
        """Return a copy of a piece, int32 [count, C]."""
        return self.array[start : start + count].astype(np.int32)


@dataclass(frozen=True, eq=False)
class Audio:
    """A sound.

    Attributes:
        pcm: gives signed integer samples [T, C] of `depth` bits in file order.
        rate: time samples in one second, Hz.
        depth: 8, 16, 24 or 32 bits; the unsigned samples of 8-bit WAV are moved to -128..127.
        mask: channel mask of an extensible WAV (which loudspeaker each channel is for), or None.
        name: file name without folders, or "".
        format: "WAV", "FLAC", "OGG" or "MP3" it was read from, or "" for a sound made in memory.
        file: what it was read from: a path, or bytes in memory, or None.
        notes: what had to be converted on the way in, one sentence each.
    """

    pcm: Pcm
    rate: int
    depth: int
    mask: int | None = None
    name: str = ""
    format: str = ""
    file: bytes | Path | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    kind = "audio"

    def __post_init__(self) -> None:
        who = f"sound {self.name}" if self.name else "sound"
        if not _is_integer(self.rate) or not 1 <= self.rate <= MAX_RATE:
            raise UsageError(f"{who}: rate {self.rate}; expected a whole number of Hz from 1 to {MAX_RATE}")
        if not _is_integer(self.depth) or self.depth not in DEPTHS:
            raise UsageError(f"{who}: depth {self.depth}; expected 8, 16, 24 or 32 bits")
        if not 1 <= self.pcm.channels <= MAX_CHANNELS:
            raise UsageError(f"{who}: {self.pcm.channels} channels; expected 1 to {MAX_CHANNELS}")
        if self.pcm.length < 1:
            raise UsageError(f"{who}: no samples; expected one or more")
        if self.mask is not None and (not _is_integer(self.mask) or not 0 < self.mask < 1 << 32):
            raise UsageError(f"{who}: channel mask {self.mask}; expected 1 to 2^32 - 1, or None")

    @property
    def length(self) -> int:
        """Time samples T."""
        return self.pcm.length

    @property
    def channels(self) -> int:
        """Channels C."""
        return self.pcm.channels

    @property
    def size(self) -> int:
        """Samples of all channels together, T * C."""
        return self.length * self.channels

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.length / self.rate

    @property
    def is_lossy(self) -> bool:
        """Whether the file it was read from is lossy, so that no exact container survives in it."""
        return self.format in LOSSY

    @property
    def low(self) -> int:
        """Smallest value a sample can take."""
        return -(1 << (self.depth - 1))

    @property
    def high(self) -> int:
        """Largest value a sample can take."""
        return (1 << (self.depth - 1)) - 1

    @property
    def samples(self) -> Block:
        """The whole sound, int32 [T, C]: four bytes a sample, so for short sounds only."""
        return self.read(0, self.length)

    def read(self, start: int, count: int) -> Block:
        """Return int32 [n, C] from time sample `start`: `count` samples, or as many as there are."""
        start = min(max(start, 0), self.length)
        return self.pcm.read(start, min(max(count, 0), self.length - start))

    def blocks(self, count: int = BLOCK) -> Iterator[Block]:
        """Yield the sound piece by piece, int32 [n, C]; n is `count`, and what is left in the last piece."""
        for start in range(0, self.length, count):
            yield self.read(start, count)

    def original(self) -> bytes | None:
        """Return the bytes of the file it was read from, read now, or None.

        Raises:
            InputError: the file is no longer there or cannot be read.
        """
        return read_bytes(self.file) if isinstance(self.file, Path) else self.file

    def digest(self) -> bytes:
        """Return a hash of samples, rate, depth, mask and name, 32 bytes."""
        facts = (self.length, self.channels, int(self.rate), int(self.depth), self.mask, self.name)
        state = hashlib.sha256(hashlib.sha256(str(facts).encode("utf-8", "backslashreplace")).digest())
        for block in self.blocks():
            state.update(block.astype("<i4").tobytes())
        return state.digest()

    def planes(self) -> NDArray[np.float32]:
        """Return float32 [C, T] in -1..1, full scale at -1: what a network takes."""
        return np.ascontiguousarray((self.samples / float(1 << (self.depth - 1))).T, dtype=np.float32)

    def with_samples(self, samples: NDArray[np.integer[Any]]) -> "Audio":
        """Return this sound with other samples of the same number and depth; its file is forgotten.

        Args:
            samples: integers, T * C of them in any shape, in the range of `depth`.

        Raises:
            UsageError: another number of samples, not integers, or beyond the range.
        """
        if samples.size != self.size:
            raise UsageError(f"{samples.size} samples given; expected {self.length} x {self.channels}")
        return replace(self, pcm=_kept(samples.reshape(self.length, self.channels), self.depth), file=None, notes=())

    def describe(self) -> str:
        """Return length, rate, channels and depth in words."""
        seconds = f"{self.seconds:,.1f}" if self.seconds >= 1 else f"{self.seconds:.2g}"
        channels = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels} channels")
        return f"{seconds} s, {self.rate:,} Hz, {channels}, {self.depth} bits"

    @classmethod
    def of(cls, samples: NDArray[Any], rate: int, *, depth: int | None = None, name: str = "") -> "Audio":
        """Wrap an array as a sound.

        Args:
            samples: [T] or [T, C]; uint8 (8 bits, 128 is silence), int16 (16 bits), int32 (`depth` must be given),
                or float32 or float64 in -1..1 (24 bits; what lies beyond is clipped, and a note says so).
            rate: Hz.
            depth: bits of the samples of an int32 array, 8 to 32; other arrays say it by their type.
            name: file name without folders, or "".

        Raises:
            UsageError: another shape or type, no samples, NaN or infinite values, or values beyond the depth.
        """
        array = samples[:, None] if samples.ndim == 1 else samples
        if array.ndim != 2 or 0 in array.shape:
            raise UsageError(f"sound array {list(samples.shape)}; expected [T] or [T, C], none of them 0")
        if samples.dtype in (np.float32, np.float64):
            return cls._of_floats(array, rate, depth, name)
        own = {"uint8": 8, "int16": 16}.get(samples.dtype.name, depth)
        if samples.dtype not in (np.uint8, np.int16, np.int32):
            raise UsageError(f"sound array {samples.dtype}; expected uint8, int16, int32, float32 or float64")
        if own is None:
            raise UsageError("sound array int32 without a depth; say depth=24 or depth=32")
        if own not in DEPTHS or own != (depth or own):
            raise UsageError(f"sound array {samples.dtype} with depth={depth}; expected {own if own in DEPTHS else 24}")
        signed = array.astype(np.int32) - 128 if samples.dtype == np.uint8 else array
        return cls(_kept(signed, own), rate, own, name=name)

    @classmethod
    def _of_floats(cls, array: NDArray[np.floating[Any]], rate: int, depth: int | None, name: str) -> "Audio":
        if depth not in (None, FLOAT_DEPTH):
            raise UsageError(f"floating-point samples with depth={depth}; they become {FLOAT_DEPTH} bits")
        bad = first_not_finite(array)
        if bad is not None:
            raise UsageError(f"sound array: sample {bad} is NaN or infinite; replace it first")
        notes = tuple(filter(None, [clipped_note(beyond_full_scale(array))]))
        return cls(ArrayPcm(from_float(array)), rate, FLOAT_DEPTH, name=name, notes=notes)


def from_float(values: NDArray[np.floating[Any]], depth: int = FLOAT_DEPTH) -> Block:
    """Return finite samples in -1..1 as integers of `depth` bits, rounded; what lies beyond is clipped."""
    scale = float(1 << (depth - 1))
    inside = np.clip(values.astype(np.float64), -1.0, 1.0)
    return np.clip(np.rint(inside * scale), -scale, scale - 1).astype(np.int32)


def first_not_finite(values: NDArray[np.floating[Any]]) -> int | None:
    """Return the first time sample [T, C] that is NaN or infinite, or None."""
    finite = np.isfinite(values).all(axis=1)
    return None if finite.all() else int(np.argmin(finite))


def beyond_full_scale(values: NDArray[np.floating[Any]]) -> int:
    """Return how many samples lie beyond -1..1."""
    return int(np.count_nonzero(np.abs(values) > 1))


def clipped_note(count: int) -> str:
    """Return the note on clipped samples, or "" when there are none."""
    return f"{count:,} {'sample' if count == 1 else 'samples'} beyond full scale clipped" if count else ""


def _kept(samples: NDArray[np.integer[Any]], depth: int) -> ArrayPcm:
    """Integers [T, C] as a sound keeps them, once they were found to lie in the range of `depth` bits."""
    if samples.dtype.kind not in "iu":
        raise UsageError(f"sound array {samples.dtype}; expected integers")
    limit = 1 << (depth - 1)
    low, high = int(samples.min()), int(samples.max())
    if low < -limit or high >= limit:
        raise UsageError(f"samples {low}..{high} with {depth} bits; expected {-limit}..{limit - 1}")
    return ArrayPcm(samples.astype(np.int16 if depth <= 16 else np.int32))


def _is_integer(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
