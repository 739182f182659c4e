"""What the readers of shapes share: meshes as they are found, what is wrong with files, polygons, lines of text."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .shape import Colours, Vertices

MAX_FACES = 20_000_000
"""Faces, and vertices, the most that are read."""

HEAD = 4096
"""Bytes that tell what a file is, together with its size."""

_BLOCK = 1 << 22  # bytes of text taken apart at a time
ROWS = 1 << 19  # rows of mixed polygons gathered at a time
MAX_HEADER = 1 << 16

Integers = NDArray[np.int64]


class DamagedError(Exception):
    """What is wrong with a file, in words; its name comes later."""


class UnsupportedError(DamagedError):
    """What an intact file has that cannot be read."""


class LargeError(DamagedError):
    """What there is too much of."""


@dataclass
class Mesh:
    """What a reader found, before it was looked at."""

    vertices: Vertices
    faces: Integers
    colours: Colours | None = None
    notes: list[str] = field(default_factory=list)


def limited(count: int, what: str) -> int:
    """Return a count that is within the limit."""
    if count > MAX_FACES:
        raise LargeError(f"{count:,} {what}")
    return count


def fan(corners: Integers, counts: Integers) -> Integers:
    """Cut polygons into triangles.

    Args:
        corners: vertices of all polygons one after the other, [sum of counts].
        counts: corners of each polygon, [P]; those with fewer than three give nothing.

    Returns:
        Triangles [T, 3]: (first, second, third), (first, third, fourth), ...
    """
    if counts.size and counts.min() == 3 == counts.max():
        return corners.reshape(-1, 3)
    starts = np.cumsum(counts) - counts
    pieces = np.maximum(counts - 2, 0)
    total = limited(int(pieces.sum()), "faces")
    first = np.repeat(starts, pieces)
    step = np.arange(total) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return np.stack([corners[first], corners[first + step + 1], corners[first + step + 2]], axis=1)


def polygon_notes(counts: Iterable[int]) -> list[str]:
    """Return notes on polygons with these numbers of corners."""
    distinct = set(counts)
    notes = ["polygons are cut into triangles"] if any(count > 3 for count in distinct) else []
    return notes + (["faces of fewer than three corners left out"] if any(count < 3 for count in distinct) else [])


# --- text ----------------------------------------------------------------------------------------------------


class Lines:
    """Lines of a text, taken in blocks: comments cut off, blank lines left out, spaces at their ends too."""

    def __init__(self, data: bytes, start: int = 0) -> None:
        if b"\n" not in data[start : start + HEAD] and b"\r" in data[start : start + HEAD]:
            data, start = data[start:].replace(b"\r", b"\n"), 0
        self._data = data
        self._position = start
        self._kept: list[bytes] = []

    def blocks(self) -> Iterator[list[bytes]]:
        """Yield the lines that are left, some thousands at a time."""
        if self._kept:
            kept, self._kept = self._kept, []
            yield kept
        while self._position < len(self._data):
            end = self._data.find(b"\n", self._position + _BLOCK) + 1 or len(self._data)
            block, self._position = self._data[self._position : end], end
            if b"#" in block:
                block = re.sub(rb"#[^\n]*", b"", block)
            yield [line for line in map(bytes.strip, block.split(b"\n")) if line]

    def take(self, count: int, what: str) -> Iterator[list[bytes]]:
        """Yield the next `count` lines in blocks."""
        for lines in self.blocks():
            self._kept = lines[count:]
            yield lines[:count]
            count -= min(count, len(lines))
            if not count:
                return
        if count:
            raise DamagedError(f"{count:,} {what} are missing at its end")

    def one(self, what: str) -> bytes:
        """Return the next line."""
        return next(filter(None, self.take(1, what)))[0]


def _numbers(lines: list[bytes]) -> NDArray[np.float64]:
    """Return all the numbers on some lines, in one row."""
    return _floats(b" ".join(lines))


def _floats(text: bytes) -> NDArray[np.float64]:
    if b"_" in text:  # which Python takes between digits
        raise DamagedError("a number with _ in it")
    return np.array(list(map(float, text.split())), np.float64)


def read_integers(text: bytes) -> Integers:
    """Read whole numbers, separated by blanks."""
    if b"_" in text:
        raise DamagedError("a number with _ in it")
    return np.array(list(map(int, text.split())), np.int64)


def read_table(lines: list[bytes], least: int, what: str) -> NDArray[np.float64]:
    """Return lines of numbers as float64 [n, columns]; rows longer than the shortest are cut to it."""
    if not lines:
        return np.empty((0, least))
    numbers, columns = _numbers(lines), len(lines[0].split())
    if numbers.size == len(lines) * columns:
        counts = None if is_even(lines, columns) else [len(line.split()) for line in lines]
    else:
        counts = [len(line.split()) for line in lines]
    shortest = columns if counts is None else min(counts)
    if shortest < least:
        raise DamagedError(f"a {what} of {shortest} numbers; expected {least}")
    if counts is None:
        return numbers.reshape(-1, columns)
    starts = np.cumsum(counts) - counts
    picked: NDArray[np.float64] = numbers[starts[:, None] + np.arange(shortest)]
    return picked


def is_even(lines: list[bytes], columns: int) -> bool:
    """Whether every line has that many words."""
    return all(len(line.split()) == columns for line in lines)


def is_fine(vertices: Vertices, size: float) -> bool:
    """Whether float32 keeps coordinates to 1e-7 of the size (or exactly)."""
    with np.errstate(over="ignore", under="ignore"):
        error = np.abs(vertices.astype(np.float32).astype(np.float64) - vertices)
    return bool(error.max() <= 1e-7 * size)
