"""Sound to as many bytes as there are, with the least mean squared error, and back.

    samples  ->  switched MDCT  ->  one step for all  ->  range coder
                 blocks 64..2048    reverse water-filling

    block b - 3    . . . . + . .        the table a magnitude is coded with follows from magnitudes coded before:
    block b - 2    . . . + + + .        those below it in its block, and those about its frequency in three
    block b - 1    . . + + + + +        earlier blocks; weighted, summed, and the sum put into a class
    block b        + + + + ?

Plain mean squared error over all coefficients is least, at a given rate, when every coefficient has the same
quantiser step (reverse water-filling); no stock codec for sound does that, they all shape noise for the ear. Block
sizes are chosen for few bits, so are roundings (a little error is taken where it saves much rate).

Encoder and decoder must agree on every table to the last bit. Hence no table depends on the machine: sums and counts
are whole numbers, and what other numbers there are come from literals by + − × ÷ alone. Blocks are coded along a
slanted front, at each step all the coefficients whose neighbours are known. (Only the inverse transform is ordinary
floating point: on another machine a sample that falls half way between two numbers may be rounded to the other.)

The code is a head (`_Head`), then one range-coded stream: for each segment its block sizes, which rows are not all
zero, and the coefficients of those.

Sources: T. Cover and J. Thomas, Elements of Information Theory, 10.3.3 (reverse water-filling); G. Sullivan, IEEE
Trans. Inf. Theory 42 (1996) (dead zones and centroids); C. Howard and J. Vitter, IEEE DCC 1993 (classes by context).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import pairwise
from typing import Final

import constriction
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..media.spectrum import mdct, switched_imdct, switched_mdct

Ints = NDArray[np.int64]
Real = NDArray[np.float64]

MAX_SAMPLES = 1 << 27
"""Most samples, all channels together, in one code."""

MAX_CHANNELS = 255
_SHAPE: Final = "kbd"
_SEGMENT = 1 << 18  # samples, all channels together, transformed and coded at a time

# Zeros behind the code make it long enough for these; they bound what a few bytes can make the decoder do.
_SAMPLES_A_BYTE = 1 << 14
_CODED_A_BYTE = 1 << 11  # samples in segments that are not silent

_TRIES = 12
_FULL = 0.997  # of the budget is enough
_AIM = 0.9985
_EXCESS_DB = 0.03
_CLOSE = 1.00005
_FINEST = 0.25  # errors of a 14th, so that rounding makes all samples exact
_COARSEST = 2.0**48


def encode(samples: NDArray[np.int32], depth: int, budget: int) -> bytes | None:
    """Return the code with the least error that takes at most `budget` bytes.

    Args:
        samples: [T, C], T >= 1.
        depth: bits of a sample, 8 to 32.
        budget: most bytes the code may take.

    Returns:
        The code, or None when not even the coarsest fits.

    Raises:
        ValueError: the samples are not as described.
    """
    _check(samples, depth)
    if budget < _HEAD_BYTES:
        return None
    work = _Work(samples, depth, _guess(samples, 8.0 * budget))
    step, best = work.guess, None
    too_long: _Try | None = None  # the coarsest step seen that takes too much, and the finest that does not
    fitting: _Try | None = None
    for _ in range(_TRIES):
        code, many = work.code(step)
        # With half the step each coefficient that is not zero takes a bit more, and more of them are not zero.
        slope = many * (1 + math.log(samples.size / many)) / (8 * math.log(2) * len(code)) if many else 0.0
        tried = _Try(math.log2(step), math.log2(len(code) / (_AIM * budget)), slope)
        if len(code) <= budget:
            fitting, best = tried, max(best or b"", code, key=len)
            if len(code) >= _FULL * budget or not (many or samples.any()):
                break
        else:
            too_long = tried
        following = _next_step(tried, too_long, fitting)
        if following == step:
            break
        step = following
    if best is None:
        code, _ = work.code(_COARSEST)
        best = code if len(code) <= budget else None
    return best


def encode_at(samples: NDArray[np.int32], depth: int, target_db: float) -> bytes:
    """Return the shortest code whose signal-to-noise ratio over all channels is at least `target_db`.

    Args:
        samples: [T, C], T >= 1.
        depth: bits of a sample, 8 to 32.
        target_db: decibels.

    Raises:
        ValueError: the samples are not as described.
    """
    _check(samples, depth)
    power = float(np.mean(samples.astype(np.float64) ** 2))
    work = _Work(samples, depth, min(max(math.sqrt(12 * power) * 10 ** (-target_db / 20), _FINEST), _COARSEST))
    step, low, high = work.guess, _FINEST, _COARSEST
    for _ in range(_TRIES):
        excess = work.snr(step) - target_db
        low, high = (step, high) if excess >= 0 else (low, step)
        if 0 <= excess <= _EXCESS_DB or high <= low * _CLOSE:
            break
        aim = step * 2.0 ** ((excess - _EXCESS_DB / 2) / 6.02)
        step = aim if low < aim < high else math.sqrt(low * high)
    return work.code(low)[0]


def decode(code: bytes) -> tuple[NDArray[np.int32], int]:
    """Return the samples, int32 [T, C], and their depth.

    Raises:
        InputError: the code is damaged.
    """
    head, stream = _Head.unpack(code)
    try:
        return _decode(head, stream), head.depth
    except AssertionError as error:  # constriction's way to say that no encoder wrote this
        raise InputError(f"the code for sound is damaged ({error})") from error


def _decode(head: _Head, stream: bytes) -> NDArray[np.int32]:
    coder = _Decoder(stream)
    result = np.zeros((head.length, head.channels), np.int32)
    credit = (_HEAD_BYTES + len(stream)) * _CODED_A_BYTE
    for start, end in head.segments():
        frame = _frame(end - start)
        blocks = _read_blocks(coder, -(-(end - start) // frame), frame)
        present = coder.present(len(blocks) * head.channels)
        if not present.any():
            continue
        credit -= sum(blocks) * head.channels
        if credit < 0:
            raise InputError("the code for sound is damaged: it is too short for what it claims to hold")
        layout = _layout(tuple(blocks), head.channels)
        whole, classes = coder.segment(layout, present)
        result[start:end] = _samples(head, whole, classes, blocks, end - start)
    return result


def _check(samples: NDArray[np.int32], depth: int) -> None:
    if samples.ndim != 2 or not 0 < samples.size <= MAX_SAMPLES or samples.shape[1] > MAX_CHANNELS:
        raise ValueError(f"expected samples [T, C] with at most {MAX_CHANNELS} channels, got {samples.shape}")
    if not 8 <= depth <= 32:
        raise ValueError(f"expected a depth of 8 to 32 bits, got {depth}")


# --- searching the step ----------------------------------------------------------------------------------------


def _guess(samples: NDArray[np.int32], bits: float) -> float:
    """Return the step at which the samples take about so many bits, judged by a piece of them."""
    piece = samples[: max(1, _SEGMENT // samples.shape[1])].T
    frame = min(512, _frame(piece.shape[1]))
    sizes = np.abs(mdct(piece, frame, _SHAPE))
    share = bits * piece.size / samples.size
    low, high = math.log2(_FINEST), math.log2(_COARSEST)
    while high - low > 0.05:
        middle = (low + high) / 2
        # About right for low and high rates alike.
        scaled = sizes / math.exp2(middle)
        needed = float((1.3 * np.log2(1 + scaled) + 1.5 * scaled**2 / (4 + scaled**2)).sum())
        low, high = (middle, high) if needed > share else (low, middle)
    return math.exp2(high)


@dataclass(frozen=True)
class _Try:
    """A step and what came of it: log2 of the step, log2 of length over aim, and how fast that falls."""

    step: float
    excess: float
    slope: float


def _next_step(last: _Try, too_long: _Try | None, fitting: _Try | None) -> float:
    """Return the step to try next; the one tried last when there is none between."""
    if too_long is None or fitting is None:
        aim = last.step + max(-4.0, min(4.0, last.excess / max(last.slope, 0.05)))
        return math.exp2(min(max(aim, math.log2(_FINEST)), math.log2(_COARSEST)))
    if fitting.step - too_long.step < math.log2(_CLOSE):
        return math.exp2(last.step)
    share = too_long.excess / (too_long.excess - fitting.excess)
    return math.exp2(too_long.step + min(max(share, 0.05), 0.95) * (fitting.step - too_long.step))


# --- signal and coefficients -----------------------------------------------------------------------------------


class _Work:
    """A signal on its way to a code: transformed once, then coded with one step after another."""

    def __init__(self, samples: NDArray[np.int32], depth: int, guess: float) -> None:
        self.samples, self.guess = samples, guess
        self.head = _Head(depth, samples.shape[1], len(samples), guess, _angle(samples))
        signal = _turned(samples.T.astype(np.float64), self.head.angle)
        self.segments = [_transform(signal[:, a:b], guess) for a, b in self.head.segments()]

    def code(self, step: float) -> tuple[bytes, int]:
        """Return the code with this step, and how many coefficients it does not quantise to zero."""
        step = float(np.float32(step))
        coder, offsets, many, coded = _Encoder(), _Offsets(), 0, 0
        for one in self.segments:
            whole, classes = one.quantised(step)
            offsets.add(one.coefficients, step, whole, classes)
            nonzero = int(np.count_nonzero(whole))
            many, coded = many + nonzero, coded + (len(whole) if nonzero else 0)
            _write_blocks(coder, one.blocks, _frame(sum(one.blocks)))
            coder.segment(one.layout, whole, classes)
        code = replace(self.head, step=step, offsets=offsets.pack()).pack() + coder.finish()
        least = max(-(-self.samples.size // _SAMPLES_A_BYTE), -(-coded // _CODED_A_BYTE))
        return code + bytes(max(0, least - len(code))), many

    def snr(self, step: float) -> float:
        """Signal-to-noise ratio of the samples this step gives back, in dB."""
        head, error = replace(self.head, step=float(np.float32(step))), 0.0
        offsets = _Offsets()
        for one in self.segments:
            offsets.add(one.coefficients, head.step, *one.quantised(head.step))
        head = replace(head, offsets=offsets.pack())
        for (start, end), one in zip(head.segments(), self.segments, strict=True):
            found = _samples(head, *one.quantised(head.step), one.blocks, end - start)
            error += float(np.sum((self.samples[start:end].astype(np.float64) - found) ** 2))
        power = float(np.sum(self.samples.astype(np.float64) ** 2))
        return 10 * math.log10(power / error) if error else math.inf


@dataclass(frozen=True)
class _Segment:
    """One segment of the input, transformed."""

    blocks: list[int]
    channels: int
    coefficients: Real  # flat, in the layout's order

    @property
    def layout(self) -> _Layout:
        """Made again when asked for, unless it was lately: it takes more memory than all the rest."""
        return _layout(tuple(self.blocks), self.channels)

    def quantised(self, step: float) -> tuple[Ints, Ints]:
        """Return the whole numbers and their classes."""
        whole = _quantise(self.coefficients, step, self.layout)
        return whole, _classes(self.layout, np.abs(whole))


def _transform(signal: Real, step: float) -> _Segment:
    blocks = _choose_blocks(signal, step, _frame(signal.shape[1]))
    planes = switched_mdct(signal, blocks, _SHAPE)
    return _Segment(blocks, len(signal), _rows(planes, blocks))


def _rows(planes: Real, blocks: Sequence[int]) -> Real:
    """Coefficients [C, T] as rows: block after block, a block's channels side by side."""
    cuts = np.cumsum(blocks)[:-1]
    return np.concatenate([part.ravel() for part in np.split(planes, cuts, axis=1)])


def _planes(flat: Real, blocks: Sequence[int], channels: int) -> Real:
    """Undo `_rows`."""
    cuts = np.cumsum(np.array(blocks) * channels)[:-1]
    return np.concatenate([part.reshape(channels, -1) for part in np.split(flat, cuts)], axis=1)


def _samples(head: _Head, whole: Ints, classes: Ints, blocks: Sequence[int], length: int) -> NDArray[np.int32]:
    """Return the samples [length, C] of a segment, from its quantised coefficients."""
    planes = _planes(_restore(whole, classes, head.step, head.offsets), blocks, head.channels)
    signal = switched_imdct(planes, blocks, _SHAPE)[:, :length]
    top = 1 << (head.depth - 1)
    return np.clip(np.rint(_turned(signal, head.angle, -1)), -top, top - 1).T.astype(np.int32)


def _angle(samples: NDArray[np.int32]) -> int:
    """The turn that leaves two channels uncorrelated (Karhunen-Loeve), in 64ths of a half turn."""
    if samples.shape[1] != 2:
        return 0
    left, right = samples.T.astype(np.float64)
    turn = 0.5 * math.atan2(2 * float(left @ right), float(left @ left - right @ right))
    return round(turn / math.pi * _ANGLES) % _ANGLES


def _turned(planes: Real, angle: int, direction: int = 1) -> Real:
    if angle == 0:
        return planes
    turn = direction * math.pi / _ANGLES * angle
    cosine, sine = math.cos(turn), math.sin(turn)
    return np.stack([cosine * planes[0] + sine * planes[1], cosine * planes[1] - sine * planes[0]])


# --- head ------------------------------------------------------------------------------------------------------

_NO_OFFSETS = bytes([128] * 8)
_ANGLES = 64  # of a half turn


@dataclass(frozen=True)
class _Head:
    """What the code says before the range-coded stream."""

    depth: int  # bits of a sample
    channels: int
    length: int  # samples in each channel
    step: float  # float32
    angle: int = 0  # two channels are turned by this many 64ths of a half turn
    offsets: bytes = _NO_OFFSETS

    def pack(self) -> bytes:
        packed = struct.pack(">BBIf", self.depth, self.channels, self.length, self.step)
        return packed + bytes([self.angle]) + self.offsets

    @staticmethod
    def unpack(code: bytes) -> tuple[_Head, bytes]:
        if len(code) < _HEAD_BYTES:
            raise InputError("the code for sound is cut short")
        depth, channels, length, step = struct.unpack_from(">BBIf", code)
        head = _Head(depth, channels, length, step, code[10], code[11:_HEAD_BYTES])
        samples = channels * length
        angles = _ANGLES if channels == 2 else 1
        if not (8 <= depth <= 32 and 0 < samples <= MAX_SAMPLES and head.angle < angles):
            raise InputError("the code for sound is damaged: its head cannot be")
        if not 2.0**-20 <= step <= 2.0**60:
            raise InputError(f"the code for sound is damaged: its step is {step}")
        if samples > len(code) * _SAMPLES_A_BYTE:
            raise InputError(f"the code for sound is damaged: {samples:,} samples in {len(code):,} bytes")
        return head, code[_HEAD_BYTES:]

    def segments(self) -> Iterator[tuple[int, int]]:
        """First sample and end of each segment."""
        span = max(1, _SEGMENT // self.channels // _LARGEST) * _LARGEST
        for start in range(0, self.length, span):
            yield start, min(start + span, self.length)


_HEAD_BYTES = len(_Head(16, 1, 1, 1.0).pack())


# --- range coder -----------------------------------------------------------------------------------------------


class _Models:
    """What encoder and decoder learn alike, across segments."""

    def __init__(self) -> None:
        self.symbols = _Counts(_first_counts())
        self.octaves = _Counts(np.full((1, _OCTAVES), _INCREMENT, np.float32))
        self.flags = _Counts(np.full((16, 2), _INCREMENT, np.float32))


def _steps(layout: _Layout, present: NDArray[np.bool_]) -> tuple[Ints, list[tuple[int, int]]]:
    """Return the places of present rows' coefficients in order, and the spans of them that are coded together."""
    places = np.flatnonzero(np.repeat(present, layout.sizes))
    step = layout.step[places]
    order = np.argsort(step, kind="stable")
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(step[order])) + 1, [len(order)]]).tolist()
    return places[order], [(a, b) for a, b in pairwise(cuts) if b > a]


class _Encoder:
    """Writes flags and segments to a range coder."""

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()
        self._models = _Models()

    def finish(self) -> bytes:
        code: bytes = self._coder.get_compressed().astype(">u4").tobytes()
        return code.rstrip(b"\0")  # the decoder reads zeros behind the end

    def flag(self, value: bool, context: int) -> None:
        self._symbols(self._models.flags, np.array([context]), np.array([value], np.int32))

    def segment(self, layout: _Layout, whole: Ints, classes: Ints) -> None:
        present = np.add.reduceat(whole != 0, layout.starts) > 0
        for row, value in enumerate(present.tolist()):
            self.flag(value, _row_context(present, row))
        order, spans = _steps(layout, present)
        whole, classes = whole[order], classes[order]
        tables, shifts = _TABLE_OF[classes], _SHIFT_OF[classes]
        size = np.abs(whole)
        scaled = size >> shifts
        symbols = _SYMBOL_OF[np.minimum(scaled, 128)].astype(np.int32)
        octaves = _bit_length(scaled >> 8).astype(np.int32)
        signed = (symbols > 0) | (shifts > 0)
        bits = shifts + np.where(symbols == _ESCAPE, octaves + 7, _WIDTH_BITS[symbols]) + signed
        base = np.where(symbols == _ESCAPE, 128 << octaves.astype(np.int64), _LOWEST[symbols]) << shifts
        raw = (size - base) << 1 | (whole < 0)
        escaped, some_raw = symbols == _ESCAPE, bits > 0
        escapes, raws = np.append(0, np.cumsum(escaped)).tolist(), np.append(0, np.cumsum(some_raw)).tolist()
        octaves, raw, bits = octaves[escaped], raw[some_raw], bits[some_raw]
        for a, b in spans:
            self._symbols(self._models.symbols, tables[a:b], symbols[a:b])
            if escapes[b] > escapes[a]:
                some = octaves[escapes[a] : escapes[b]]
                self._symbols(self._models.octaves, np.zeros(len(some), np.int64), some)
            if raws[b] > raws[a]:
                self._raw(raw[raws[a] : raws[b]], bits[raws[a] : raws[b]])

    def _symbols(self, model: _Counts, tables: Ints, symbols: NDArray[np.int32]) -> None:
        self._coder.encode(symbols, _Table, model.rows(tables))
        model.saw(tables, symbols)

    def _raw(self, values: Ints, bits: Ints) -> None:
        while len(values):
            now = np.minimum(bits, _RAW)
            self._coder.encode((values & ((1 << now) - 1)).astype(np.int32), _Uniform, (1 << now).astype(np.int32))
            more = bits > _RAW
            values, bits = values[more] >> _RAW, bits[more] - _RAW


class _Decoder:
    """Reads what `_Encoder` wrote; from a damaged code, something."""

    def __init__(self, code: bytes) -> None:
        padded = code + bytes(-len(code) % 4 + 8)
        self._coder = constriction.stream.queue.RangeDecoder(np.frombuffer(padded, ">u4").astype(np.uint32))
        self._models = _Models()

    def flag(self, context: int) -> bool:
        return bool(self._symbols(self._models.flags, np.array([context]))[0])

    def present(self, rows: int) -> NDArray[np.bool_]:
        result = np.zeros(rows, np.bool_)
        for row in range(rows):
            result[row] = self.flag(_row_context(result, row))
        return result

    def segment(self, layout: _Layout, present: NDArray[np.bool_]) -> tuple[Ints, Ints]:
        """Return the whole numbers and their classes."""
        order, spans = _steps(layout, present)
        near, zone = layout.near[:, order], layout.zone[order]
        total, weights = len(layout.step), _WEIGHTS.T.copy()
        magnitudes = np.zeros(total + 1, np.int64)
        whole, classes = np.zeros(total, np.int64), np.zeros(total, np.int64)
        for a, b in spans:
            at = zone[a:b]
            predicted = (magnitudes[near[:, a:b]] * weights[:, at]).sum(axis=0) + _FLOOR[at]
            found = np.searchsorted(_BOUNDS, predicted, side="right")
            symbols = self._symbols(self._models.symbols, _TABLE_OF[found])
            shifts = _SHIFT_OF[found]
            base, bits = _LOWEST[symbols], _WIDTH_BITS[symbols] + shifts
            escaped = symbols == _ESCAPE
            if escaped.any():
                octaves = self._symbols(self._models.octaves, np.zeros(int(escaped.sum()), np.int64)).astype(np.int64)
                base[escaped] = 128 << octaves
                bits[escaped] += octaves + 7
            base <<= shifts
            raw = self._raw(bits + ((symbols > 0) | (shifts > 0)))
            size = base + (raw >> 1)
            places = order[a:b]
            magnitudes[places + 1] = size
            whole[places] = np.where(raw & 1, -size, size)
            classes[places] = found
        return whole, classes

    def _symbols(self, model: _Counts, tables: Ints) -> NDArray[np.int32]:
        symbols: NDArray[np.int32] = self._coder.decode(_Table, model.rows(tables))
        model.saw(tables, symbols)
        return symbols

    def _raw(self, bits: Ints) -> Ints:
        result = np.zeros(len(bits), np.int64)
        done = 0
        while (some := np.flatnonzero(bits > done)).size:
            now = np.minimum(bits[some] - done, _RAW)
            result[some] |= self._coder.decode(_Uniform, (1 << now).astype(np.int32)).astype(np.int64) << done
            done += _RAW
        return result


_ROW_FLAG = 14  # contexts of flags: the bits of a block's size, then these two


def _row_context(present: NDArray[np.bool_], row: int) -> int:
    return _ROW_FLAG + int(row > 0 and present[row - 1])


def _bit_length(values: Ints) -> Ints:
    """Bits in each number below 2^53."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


def _write_blocks(coder: _Encoder, blocks: Sequence[int], frame: int) -> None:
    """Write block sizes as the answers to "is this piece halved?"."""
    rest = iter(blocks)

    def write(size: int, first: int) -> None:
        if size > min(_SMALLEST, frame):
            coder.flag(first < size, size.bit_length())
        if first < size:
            write(size // 2, first)
            write(size // 2, next(rest))

    for first in rest:
        write(frame, first)


def _read_blocks(coder: _Decoder, frames: int, frame: int) -> list[int]:
    def read(size: int) -> list[int]:
        if size > min(_SMALLEST, frame) and coder.flag(size.bit_length()):
            return read(size // 2) + read(size // 2)
        return [size]

    return [size for _ in range(frames) for size in read(frame)]


# --- contexts --------------------------------------------------------------------------------------------------

# A magnitude is predicted as a weighted sum of others: those 1..8 coefficients below it, and those at its frequency
# and some coefficients up or down in the block before (-2..2), in the one before that (-1..1), and once more (0).
_BELOW = 8
_BEFORE = ((1, -2), (1, -1), (1, 0), (1, 1), (1, 2), (2, -1), (2, 0), (2, 1), (3, 0))  # blocks back, offset

# Weights / 1024 by frequency, fitted to quantised speech: low down sound is tonal and the block before tells more.
_ZONES = (4, 10, 26)  # 64ths of the band where the next zone starts
_WEIGHTS = np.array([
    [344, 119,   7,   4,   1,   1,   1,   7,   4, 111, 276, 171,  61,   5,  52,  23,   0],
    [371, 149,  46,  18,   6,   8,  10,   7,  29,  40, 132, 104,  75,   2,   2,  10,   2],
    [324, 191,  86,  48,  49,  46,  33,  39,  18,  29,  64,  55,  68,   0,   1,   9,   3],
    [233, 163, 104,  90,  58,  66,  48,  43,  24,  26,  45,  39,  66,   1,   1,  11,   4],
], np.int64)  # fmt: skip
_FLOOR = np.array([63, 39, 37, 34], np.int64)  # added to the sum
_UNIT = 1024

_FIRST = 32.0  # predictions below this are the lowest class; four classes an octave above
_OCTAVE_ROOT = 1.189207115002721  # 2^(1/4)
_CLASSES = 4 * 50
_SHIFT_FROM = 33  # from here on a class uses the table of the one an octave below, and one more raw bit
_TABLES = _SHIFT_FROM + 4

_LOWEST = np.array([*range(16), *range(16, 32, 2), *range(32, 64, 4), *range(64, 128, 16), 128], np.int64)
_WIDTH_BITS = np.array([0] * 16 + [1] * 8 + [2] * 8 + [4] * 4 + [0], np.int64)
_SYMBOLS = len(_LOWEST)
_ESCAPE = _SYMBOLS - 1
_OCTAVES = 48  # a magnitude of 128 · 2^o and more, less than twice as much, is the escape and o
_SYMBOL_OF = np.searchsorted(_LOWEST, np.arange(129), side="right") - 1

_INCREMENT = 32.0
_PRIOR = 128 * 32.0  # the first tables weigh as much as 128 coefficients
_LIMIT = 1 << 16  # counts of a table are halved above this sum
_TIDY = 16  # steps between two looks at the sums
_RAW = 16  # bits coded at a time as they are

_Uniform = constriction.stream.model.Uniform()
_Table = constriction.stream.model.Categorical(perfect=False)


def _class_bounds() -> Ints:
    bounds, bound = [], _FIRST
    for _ in range(_CLASSES - 1):
        bounds.append(int(bound))
        bound *= _OCTAVE_ROOT
    return np.array(bounds, np.int64)


def _first_counts() -> NDArray[np.float32]:
    """Mixtures of three geometric distributions about each class's mean: [tables, symbols], whole numbers."""
    rows, mean = [], _FIRST / _UNIT / 1.09
    for _ in range(_TABLES):
        row = np.zeros(_SYMBOLS)
        for share, scale in ((0.3, 0.5), (0.4, 1.0), (0.3, 1.6)):
            ratio = mean * scale / (1 + mean * scale)
            above = [1.0]  # chance of at least x
            for _ in range(128):
                above.append(above[-1] * ratio)
            edges = np.array(above)[_LOWEST]
            row += share * (edges - np.append(edges[1:], 0.0))
        rows.append(np.floor(row * _PRIOR) + 1)
        mean *= _OCTAVE_ROOT
    return np.array(rows, np.float32)


_BOUNDS = _class_bounds()
_TABLE_OF = np.array([c if c < _SHIFT_FROM else _SHIFT_FROM + (c - _SHIFT_FROM) % 4 for c in range(_CLASSES)], np.int64)
_SHIFT_OF = np.array([max(c - _SHIFT_FROM, 0) // 4 for c in range(_CLASSES)], np.int64)


class _Counts:
    """Adaptive tables: how often each symbol was seen in each context. float32 holds whole numbers below 2^24."""

    def __init__(self, first: NDArray[np.float32]) -> None:
        self._counts = first.copy()
        self._flat = self._counts.reshape(-1)
        self._uses = 0

    def rows(self, tables: Ints) -> NDArray[np.float32]:
        return self._counts[tables]

    def saw(self, tables: Ints, symbols: NDArray[np.int32]) -> None:
        np.add.at(self._flat, tables * self._counts.shape[1] + symbols, np.float32(_INCREMENT))
        self._uses += 1
        if self._uses % _TIDY == 0:
            full = self._counts.sum(axis=1) > _LIMIT
            if full.any():
                self._counts[full] = np.floor(self._counts[full] / 2) + 1


@dataclass(frozen=True)
class _Layout:
    """Where the coefficients of a segment lie and in which order they are coded.

    A row is one block of one channel; rows follow each other in time, a block's channels side by side. Magnitudes
    are kept in one flat array with a zero in front, so "no neighbour" is place 0.
    """

    sizes: Ints  # [rows]
    near: NDArray[np.int32]  # [neighbours, coefficients] places of neighbours
    zone: NDArray[np.int8]  # [coefficients] which weights
    step: NDArray[np.int32]  # [coefficients] when each can be coded

    @property
    def starts(self) -> Ints:
        """First coefficient of each row."""
        return np.cumsum(self.sizes) - self.sizes


@lru_cache(maxsize=4)
def _layout(blocks: tuple[int, ...], channels: int) -> _Layout:
    """Return the layout of blocks of these sizes, each there once for every channel."""
    sizes = np.repeat(np.array(blocks, np.int64), channels)
    starts = np.cumsum(sizes) - sizes
    total = int(sizes.sum())
    near = np.zeros((_BELOW + len(_BEFORE), total), np.int32)
    zone = np.empty(total, np.int8)
    step = np.zeros(total + 1, np.int32)  # by place: the zero in front is there from the start
    for row, (size, start) in enumerate(zip(sizes.tolist(), starts.tolist(), strict=True)):
        inside = slice(start, start + size)
        for line in range(min(_BELOW, size - 1)):
            near[line, start + line + 1 : start + size] = np.arange(start + 1, start + size - line)
        for line, (back, offset) in enumerate(_BEFORE, _BELOW):
            other = row - back * channels
            if other >= 0:
                near[line, inside] = _relative(size, int(sizes[other]), offset) + (starts[other] + 1)
        zone[inside] = _zone(size)
        # Each coefficient comes after those it depends on, and one step after the one below it in its block.
        index = np.arange(size)
        after = step[near[_BELOW:, inside]].max(axis=0) + 1
        step[start + 1 : start + size + 1] = index + np.maximum.accumulate(after - index)
    return _Layout(sizes, near, zone, step[1:])


@cache
def _relative(size: int, other: int, offset: int) -> Ints:
    """Places in a block of `other` coefficients at the frequencies of one of `size`, `offset` places on."""
    place = (2 * (np.arange(size) + offset) + 1) * other // (2 * size)
    place = np.where(place < 0, -1 - place, place)
    return np.clip(np.where(place >= other, 2 * other - 1 - place, place), 0, other - 1)


@cache
def _zone(size: int) -> Ints:
    return np.searchsorted(_ZONES, np.arange(size) * 64 // size, side="right")


def _classes(layout: _Layout, magnitudes: Ints) -> Ints:
    """Class of every coefficient, all magnitudes known: the encoder's view, all at once."""
    before = np.concatenate([[0], magnitudes])
    predicted = _FLOOR[layout.zone]
    for places, weights in zip(layout.near, _WEIGHTS.T, strict=True):
        predicted += weights[layout.zone] * before[places]
    return np.searchsorted(_BOUNDS, predicted, side="right")


# --- quantiser -------------------------------------------------------------------------------------------------

_RATE_WEIGHT = 0.0578  # of a bit, in squared steps / 2: 2 ln 2 / 12 / 2, the slope of the high-rate curve
_GROUPS = np.array([8, 16, 24], np.int64)  # classes where the next group of reconstruction offsets starts


def _quantise(coefficients: Real, step: float, layout: _Layout) -> Ints:
    """Return whole numbers, rounded down where the error added is worth the bits saved."""
    size = np.abs(coefficients) / step
    whole = np.floor(size + 0.4).astype(np.int64)
    mean = _class_mean()[_classes(layout, whole)]
    saved = np.log2(1 + 1 / mean)
    lower = np.floor(size)
    saved += lower == 0  # the sign
    whole = (lower + (size - lower > 0.5 + _RATE_WEIGHT * saved)).astype(np.int64)
    return np.where(coefficients < 0, -whole, whole)


@cache
def _class_mean() -> Real:
    result: Real = _FIRST / _UNIT * 2.0 ** ((np.arange(_CLASSES) - 0.5) / 4)
    return result


class _Offsets:
    """How far inward of the whole numbers the coefficients of each group lie on average."""

    def __init__(self) -> None:
        self._sums = np.zeros(len(_NO_OFFSETS))
        self._counts = np.zeros(len(_NO_OFFSETS))

    def add(self, coefficients: Real, step: float, whole: Ints, classes: Ints) -> None:
        some = whole != 0
        group = _group(whole[some], classes[some])
        inward = np.abs(whole[some]) - np.abs(coefficients[some]) / step
        self._sums += np.bincount(group, inward, len(_NO_OFFSETS))
        self._counts += np.bincount(group, minlength=len(_NO_OFFSETS))

    def pack(self) -> bytes:
        """Return them in 1/256 steps from −128 on, a byte for each group."""
        mean = np.rint(256 * self._sums / np.maximum(self._counts, 1))
        return bytes(np.clip(mean + 128, 0, 255).astype(np.uint8))


def _group(whole: Ints, classes: Ints) -> Ints:
    return 2 * np.searchsorted(_GROUPS, classes, side="right") + (np.abs(whole) > 1)


def _restore(whole: Ints, classes: Ints, step: float, offsets: bytes) -> Real:
    """Undo `_quantise`: the values the encoder's coefficients had on average."""
    inward = (np.frombuffer(offsets, np.uint8).astype(np.float64) - 128) / 256
    size = np.abs(whole) - np.where(whole == 0, 0.0, inward[_group(whole, classes)])
    return step * np.where(whole < 0, -size, size)


# --- block sizes -----------------------------------------------------------------------------------------------

_LARGEST, _SMALLEST = 2048, 64


def _frame(length: int) -> int:
    """Return the largest block, a power of two: 2048, less for very short sound."""
    return min(_LARGEST, max(2, 1 << (length - 1).bit_length()))


def _choose_blocks(signal: Real, step: float, frame: int) -> list[int]:
    """Return the block sizes that take the fewest bits, by a rule of thumb, halving frames where it helps.

    Args:
        signal: [C, T].
        step: the quantiser's.
        frame: the largest block.
    """
    length = -(-signal.shape[1] // frame) * frame
    padded = np.pad(signal, ((0, 0), (0, length - signal.shape[1])))
    size = min(_SMALLEST, frame)
    best = np.zeros(0)
    plans: list[list[int]] = []
    while size <= frame:
        bits = np.log2(1 + np.abs(mdct(padded, size, _SHAPE)) / step).sum(axis=(0, 2)) + 3.0
        if plans:
            halves = best[0::2] + best[1::2]
            plans = [[size] if whole else plans[2 * i] + plans[2 * i + 1] for i, whole in enumerate(bits <= halves)]
            best = np.minimum(bits, halves)
        else:
            best, plans = bits, [[size] for _ in bits]
        size *= 2
    return [one for plan in plans for one in plan]
