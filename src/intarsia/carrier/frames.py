"""Frames of a sound: where they may stand, how many to use, and how full to make them.

    samples, channels interleaved      ▁▂▅▇▅▂▁▂▄▆▄▂▁          ▁▂▄▆▇▆▄▂▁▂▄▅▄▂▁
    usable frames of 1,024             [ 0  ][ 1  ][ 2  ]      [ 3  ][ 4  ][ 5  ]     none over digital silence
    cells: usable ones dealt evenly    [ cell 0   ][ cell 1         ][ cell 2   ]     one frame used in each
    a frame                            [81 sync | 943 digits to base m, or ternary Hamming groups]

One rule chooses: of all numbers of frames and all ways to fill them that hold the bytes, the one that changes the
sound least. Small payloads end up as Hamming groups in few frames, large ones as digits to a base m in all of them.

Protection is counted, not assumed: whatever is zeroed or cut out, in one to four equal pieces that together are the
protected share of the file, touches at most so many cells; so many shares of every erasure group are spare.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from . import modulo, sync, ternary
from .erasure import Groups
from .matrix import Plan, plan

FRAME = 1024
"""Samples in a frame, all channels counted."""

DIGITS = FRAME - sync.DIGITS
CHECK_BYTES = 4
"""A checksum in every frame whose loss can be mended: a frame may be half gone while its sync block stands."""

PIECES = (1, 2, 3, 4)
ENOUGH_FOR_PIECES = 40
"""With fewer frames, protection counts on one piece."""

SILENCE = 64
"""This many equal samples in a row are digital silence (or a stuck converter): a change there is seen at once."""

TERNARY = 3
_READ = 1 << 18
_CALM = 0.5  # of full scale: sounds that stay below it never meet an end of their range
_MOST_COUNTED = 20_000  # frames in which samples near the ends are counted
_TRIES = 48


class Signal(Protocol):
    """Where samples come from: integers [T, C], read in pieces so that a long sound never is in memory at once."""

    @property
    def length(self) -> int:
        """Samples in each channel, T."""

    @property
    def channels(self) -> int:
        """Channels, C."""

    def read(self, start: int, count: int) -> NDArray[np.int32]:
        """Return samples start … start + count − 1, int32 [count, C]."""


def pieces(signal: Signal) -> Iterator[NDArray[np.int32]]:
    """Yield a whole signal in pieces, int32 [n, C]."""
    for start in range(0, signal.length, _READ):
        yield signal.read(start, min(_READ, signal.length - start))


# --- the ground ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Ground:
    """What the carrier has to know of a sound before it writes.

    Attributes:
        starts: first sample of every usable frame, ascending, int64 [U]; samples are counted over all channels.
        size: samples over all channels, N.
        channels: C.
        power: mean square about each channel's mean, levels squared: a constant is no signal to hide behind.
        at_ends: share of samples at the ends of the range, which can only be moved inwards.
        low: smallest value a sample can take.
        high: largest.
        unused_bits: lowest bits that are 0 in every sample, as in 16-bit sound kept in 24 bits.
    """

    starts: NDArray[np.int64] = field(repr=False)
    size: int
    channels: int
    power: float
    at_ends: float
    low: int
    high: int
    unused_bits: int = 0
    near_ends: tuple[tuple[int, float], ...] = ()
    """Share of the frames' samples that are nearer to an end of the range than so many levels, for powers of two."""
    level: float = 0.0
    """Mean square, the constant included, as SNR is commonly reported."""
    gains: dict[float, Any] = field(default_factory=dict, repr=False)
    """Remembered by noise shaping."""
    touched: dict[tuple[int, int], int] = field(default_factory=dict, repr=False)
    """Remembered by `most_touched`."""

    def snr(self, noise: float) -> float:
        """Return the signal-to-noise ratio in dB, without the constant, when the sum of squared changes is `noise`."""
        return 10 * math.log10(self.power * self.size / noise) if self.power > 0 else -math.inf

    def reported_snr(self, noise: float) -> float:
        """Return the signal-to-noise ratio in dB as it is measured on files."""
        return 10 * math.log10(self.level * self.size / noise) if self.level > 0 else -math.inf


def survey(signal: Signal, low: int, high: int) -> Ground:
    """Walk once through a sound."""
    sums, squares, ends = np.zeros(signal.channels), np.zeros(signal.channels), 0
    silences = _Silences()
    used = peak = 0
    for piece in pieces(signal):
        values = piece.astype(np.float64)
        sums += values.sum(axis=0)
        squares += np.square(values, out=values).sum(axis=0)
        ends += int(np.count_nonzero((piece == low) | (piece == high)))
        used |= int(np.bitwise_or.reduce(piece, axis=None))
        peak = max(peak, int(piece.max()), -int(piece.min()))
        silences.add(piece)
    size = signal.length * signal.channels
    power = float(np.mean(squares / signal.length - (sums / signal.length) ** 2))
    unused = (used & -used).bit_length() - 1 if used else 0
    starts = _usable(*silences.bounds(), signal.length, signal.channels)
    near = _near_ends(signal, starts, low, high) if peak > _CALM * high and len(starts) else ()
    level = float(np.mean(squares / signal.length))
    return Ground(starts, size, signal.channels, max(power, 0.0), ends / size, low, high, unused, near, level)


def _near_ends(signal: Signal, starts: NDArray[np.int64], low: int, high: int) -> tuple[tuple[int, float], ...]:
    """Count how near the samples of frames come to the ends of the range; see `Ground.near_ends`."""
    bounds = 1 << np.arange(16)
    counts, channels = np.zeros(len(bounds), np.int64), signal.channels
    long = -(-FRAME // channels)
    some = starts[:: -(-len(starts) // _MOST_COUNTED)]
    for start in some:
        frame = signal.read(int(start) // channels, long).astype(np.int64)
        distance = np.sort(np.minimum(high - frame, frame - low).reshape(-1)[:FRAME])
        counts += np.searchsorted(distance, bounds)
    return tuple(zip(bounds.tolist(), (counts / (len(some) * FRAME)).tolist(), strict=True))


class _Silences:
    """Collects, piece by piece, when a sound stands still in all channels for `SILENCE` samples or more."""

    def __init__(self) -> None:
        self._before: NDArray[np.int32] | None = None
        self._last = 0  # when the sound moved last
        self._at = 0
        self._begins: list[NDArray[np.int64]] = []
        self._ends: list[NDArray[np.int64]] = []

    def add(self, piece: NDArray[np.int32]) -> None:
        """Go on with the next samples, [n, C]."""
        head = piece[:1] + 1 if self._before is None else self._before
        moves = np.flatnonzero((np.concatenate([head, piece[:-1]]) != piece).any(axis=1)) + self._at
        self._before, self._at = piece[-1:].copy(), self._at + len(piece)
        self._note(moves)

    def bounds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return when silences begin and when they end, int64, once everything was added."""
        self._note(np.array([self._at]))
        return np.concatenate(self._begins), np.concatenate(self._ends)

    def _note(self, moves: NDArray[np.int64]) -> None:
        stood = np.concatenate([[self._last], moves[:-1]])[: len(moves)]
        long = moves - stood >= SILENCE
        self._begins.append(stood[long])
        self._ends.append(moves[long])
        self._last = int(moves[-1]) if len(moves) else self._last


def _usable(begins: NDArray[np.int64], ends: NDArray[np.int64], length: int, channels: int) -> NDArray[np.int64]:
    """Return the starts of as many frames as fit between the silences, packed from the beginning of each stretch."""
    long = -(-FRAME // channels)
    first, last = np.concatenate([[0], ends]), np.concatenate([begins, [length]])
    counts = (last - first) // long
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    starts: NDArray[np.int64] = (np.repeat(first, counts) + within * long) * channels
    return starts


# --- how full ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """How a body of bytes lies in the frames of a sound.

    Attributes:
        frames: frames used, F.
        m: base of the digits; 3 means ternary digits in Hamming groups.
        share: bytes in each frame, checksum not counted.
        spare: frames of each erasure group that may be lost.
    """

    frames: int
    m: int
    share: int
    spare: int

    @property
    def groups(self) -> Groups:
        """How frames are dealt to erasure groups."""
        return Groups(self.frames, self.spare)

    @property
    def filled(self) -> int:
        """Bytes in each frame, checksum included."""
        return self.share + (CHECK_BYTES if self.spare else 0)

    @property
    def room(self) -> int:
        """Bytes the body may have."""
        return self.groups.whole * self.share

    @property
    def plan(self) -> Plan:
        """How the places of a frame are grouped; for m = 3."""
        return plan(ternary.digits_needed(self.filled), DIGITS)

    @property
    def noise(self) -> float:
        """Expected sum of squared changes in one frame."""
        body = self.plan.changes if self.m == TERNARY else DIGITS * modulo.cost(self.m)
        return sync.DIGITS * 2 / 3 + body

    def pack(self) -> bytes:
        """Return the 8 bytes of the record that say this."""
        return (
            self.frames.to_bytes(3, "little")
            + self.m.to_bytes(2, "little")
            + self.share.to_bytes(2, "little")
            + bytes([self.spare])
        )

    @staticmethod
    def is_reserved(data: bytes) -> bool:
        """Whether a later layout is announced: base 0 stands for one."""
        return data[3:5] == bytes(2)

    @classmethod
    def unpack(cls, data: bytes) -> "Layout | None":
        """Undo `pack`; None when no writer makes such a layout."""
        frames, m, share = (int.from_bytes(data[a:b], "little") for a, b in ((0, 3), (3, 5), (5, 7)))
        found = cls(frames, m, share, data[7])
        if not (frames >= sync.MIN_FRAMES and m >= TERNARY and share >= 1 and found.groups.whole >= 1):
            return None
        return found if found.filled <= _most_bytes(m) else None


def _most_bytes(m: int) -> int:
    return ternary.bytes_held(DIGITS) if m == TERNARY else modulo.bytes_held(m, DIGITS)


def least_visible(ground: Ground, length: int, protect: float, gain: float = 1.0) -> Layout | None:
    """Return the layout that holds `length` bytes at the least expected noise, or None if none does.

    Args:
        ground: the sound.
        length: bytes of the body.
        protect: share of the file that may be lost, 0..1.
        gain: how much noise shaping raises the power of a change.
    """
    found = [fit for count in _counts(ground, protect) if (fit := _fit(ground, count, length, protect))]
    return min(found, key=lambda fit: total_noise(ground, fit, gain), default=None)


def total_noise(ground: Ground, fit: Layout, gain: float = 1.0) -> float:
    """Return the expected sum of squared changes in the whole sound."""
    return fit.frames * (fit.noise * (gain if fit.m > TERNARY else 1.0) + DIGITS * noise_at_ends(ground, fit.m))


def noise_at_ends(ground: Ground, m: int) -> float:
    """Return what the ends of the range add to the mean squared change of digits to base m.

    A sample d levels from the end can go that far outwards and m − 1 − d inwards instead of half of m either way: its
    changes are off centre by (m − 1)/2 − d, whose square is added.
    """
    added, before = 0.0, 0.0
    for nearer, share in ground.near_ends:
        # All samples of a step count as if they were at its near side.
        off_centre = (m - 1) / 2 - nearer // 2
        if off_centre <= 0:
            break
        added += (share - before) * off_centre**2
        before = share
    return added


def _counts(ground: Ground, protect: float) -> list[int]:
    """Return the numbers of frames worth trying."""
    most = min(len(ground.starts), sync.MAX_FRAMES - 1)
    least = max(sync.MIN_FRAMES, min(ENOUGH_FOR_PIECES, most) if protect else 0)
    if most < least:
        return []
    return sorted({int(count) for count in np.geomspace(least, most, _TRIES).round()} | {most})


def _fit(ground: Ground, count: int, length: int, protect: float) -> Layout | None:
    """Fill `count` frames with `length` bytes, with the smallest base that holds them."""
    spare = spare_needed(ground, count, protect)
    if spare is None:
        return None
    whole = Groups(count, spare).whole
    fit = Layout(count, TERNARY, max(1, -(-length // whole)), spare)
    if fit.filled <= _most_bytes(TERNARY):
        return fit
    most = min(modulo.MAX_MODULUS, ground.high - ground.low)
    m = math.ceil(2 ** min(8 * fit.filled / DIGITS, 17))
    while m < most and _most_bytes(m) < fit.filled:
        m += 1
    return Layout(count, m, fit.share, spare) if m <= most and _most_bytes(m) >= fit.filled else None


# --- protection ----------------------------------------------------------------------------------------------


def spare_needed(ground: Ground, count: int, protect: float) -> int | None:
    """Return the shares each erasure group must spare so that `protect` of the file may be lost; None: it cannot.

    Args:
        ground: the sound.
        count: frames used.
        protect: share of the file, lost in one to four equal pieces (one, below 40 frames).
    """
    if not protect:
        return 0
    groups = Groups(count, 0)
    ways = PIECES if count >= ENOUGH_FOR_PIECES else (1,)
    touched = [(way, most_touched(ground, count, -(-math.ceil(protect * ground.size) // way))) for way in ways]
    spare = max(way * -(-cells // groups.number) for way, cells in touched)
    left = count - max(way * cells for way, cells in touched)
    enough = spare < count // groups.number and left >= sync.MIN_FRAMES
    return spare if enough else None


def most_touched(ground: Ground, count: int, window: int) -> int:
    """Return the most cells that `window` samples in a row can touch, when the ground is dealt to `count` cells."""
    if (count, window) in ground.touched:
        return ground.touched[count, window]
    bounds = cell_bounds(ground.starts, count)
    begins = ground.starts[bounds[:-1]]
    ends = ground.starts[bounds[1:] - 1] + FRAME
    # The worst window begins at the last sample of some cell.
    reached = np.searchsorted(begins, ends - 1 + window, side="left")
    ground.touched[count, window] = most = int((reached - np.arange(count)).max())
    return most


def cell_bounds(starts: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return where each of `count` cells begins among the usable frames, and where the last ends: int64 [count + 1]."""
    return np.arange(count + 1) * len(starts) // count
