"""A picture's channel: its samples, seen as places for ternary digits.

    all samples of the picture, in file order
    ├── closed      pixels under alpha 0: never touched
    ├── salt        81 digits at public places, uniform noise to anyone
    ├── header      sealed header, one digit at each place, order keyed
    └── payload     sealed payload, keyed order, matrix embedding

The payload's places are dealt into interleaved blocks of at most 2^20, permuted block by block, and every
block carries its share of the digits, so a payload of any size lies evenly over the whole picture and memory
stays bounded. Inside a block the first groups use a Hamming code of order r, the largest that holds the share,
and as many as still can use order r + 1: the least visible way these codes offer. Both sides compute that plan
from the payload's length alone.

Words of 19 bits do not use every pattern of twelve digits, so the digits of sealed bytes alone would not be
uniform. A keyed stream of uniform digits is added to them, modulo 3, before they are written.
"""

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from . import matrix, order, seal, ternary
from .channel import PLAIN, Channel, Manner, Tick
from .keys import Keys
from .places import Places
from .ternary import Samples

MAX_THREADS = 4
"""Blocks worked on at once; each takes some 60 MB while it is."""

_R = TypeVar("_R")


def _cost_of_change(places: Places) -> float:
    """Mean squared change: 1, but half of those at the ends of the range must go two levels the other way."""
    samples = places.samples if places.closed is None else places.samples[~places.closed]
    at_ends = int(np.count_nonzero(samples == 0)) + int(np.count_nonzero(samples == np.iinfo(samples.dtype).max))
    return 1 + 1.5 * at_ends / max(1, samples.size)


@dataclass(frozen=True)
class Share:
    """One block's part of a payload: `digits` digits in `places` open places."""

    block: int
    digits: int
    places: int


class Scattered(Channel):
    """Sealed bytes in and out of the payload's places.

    Args:
        places: the cover's samples; the channel works on its own copy of them.
        keys: the container's keys.
        method: name of the method, part of the payload's key and of what is authenticated.
        header_size: bytes of the sealed header that will be written at its own places.
        associated: what the payload is authenticated with besides itself (version, media kind).
    """

    def __init__(self, places: Places, keys: Keys, method: str, header_size: int, associated: bytes = b"") -> None:
        super().__init__(keys, method, associated)
        self._size = len(places.samples)
        self._blocks = max(1, -(-self._size // order.BLOCK))
        taken = np.concatenate([places.salt_numbers(), places.header_numbers(keys, header_size)])
        self._reserved: NDArray[np.int64] = places.locate(taken)
        closed = np.zeros(self._size, np.bool_) if places.closed is None else places.closed.copy()
        closed[self._reserved] = True
        self._closed = self._deal(closed, fill=True)
        self._untouchable = None if places.closed is None else self._deal(places.closed, fill=True)
        self._grid = self._deal(places.samples, fill=0)
        self._cost_of_change = _cost_of_change(places)
        self._open = [int(n) for n in (~self._closed).sum(axis=1)]

    @property
    def reserved(self) -> NDArray[np.int64]:
        """Positions of salt and header."""
        return self._reserved

    # --- how much -----------------------------------------------------------------------------------------

    @property
    def capacity(self) -> int:
        """Payload bytes that fit at one digit in every place, sealing already paid."""
        return self.capacity_at(1)

    def capacity_at(self, code_order: int) -> int:
        """Payload bytes that fit with Hamming codes of order r = `code_order` in every block."""
        digits = min(
            (n // matrix.group_length(code_order) * code_order * sum(self._open) // n for n in self._open if n),
            default=0,
        )
        return max(0, ternary.bytes_held(digits) - seal.OVERHEAD)

    def expected_changes(self, length: int) -> float:
        """Expected number of places changed by a payload of `length` bytes, salt and header included."""
        # One plan over all blocks together: within a group or two of theirs, and the same whatever the key is.
        payload = matrix.plan(ternary.digits_needed(length + seal.OVERHEAD), sum(self._open))
        return len(self._reserved) * 2 / 3 + payload.changes

    def expected_db(self, length: int, manner: Manner = PLAIN) -> float:
        """Expected PSNR in dB of the container with a payload of `length` bytes."""
        return self._psnr(self.expected_changes(length))

    def _budget(self, manner: Manner) -> int:
        """Return the most payload bytes that keep the container at the least PSNR; 0 when none do.

        Which places change is chance; three standard deviations are allowed for.
        """
        if manner.least_db is None:
            return self.capacity
        low, high = 0, self.capacity
        while low < high:
            middle = (low + high + 1) // 2
            changes = self.expected_changes(middle)
            enough = self._psnr(changes + 3 * math.sqrt(changes)) >= manner.least_db
            low, high = (middle, high) if enough else (low, middle - 1)
        return low

    def _psnr(self, changes: float) -> float:
        peak = int(np.iinfo(self._grid.dtype).max)
        return 10 * math.log10(float(peak**2) * self._size / (changes * self._cost_of_change))

    # --- in and out ---------------------------------------------------------------------------------------

    def _put(self, stream: bytes, manner: Manner, tick: Tick | None) -> None:
        digits = ternary.to_digits(stream)
        digits = (digits + self._mask(len(digits))) % 3
        shares = self._shares(len(digits))
        ends = np.cumsum([share.digits for share in shares])
        parts = np.split(digits, ends[:-1])
        self._side_by_side(self._write_block, list(zip(shares, parts, strict=True)), tick)

    def _take(self, size: int, tick: Tick | None) -> bytes:
        if not 0 <= size - seal.OVERHEAD <= self.capacity:
            return b""
        total = ternary.digits_needed(size)
        parts = self._side_by_side(self._read_block, [(share,) for share in self._shares(total)], tick)
        digits = (np.concatenate(parts) + 3 - self._mask(total)) % 3
        return ternary.to_bytes(digits, size)

    @property
    def samples(self) -> Samples:
        """The samples in file order as they stand now, [N]."""
        return np.ascontiguousarray(self._grid.T).reshape(-1)[: self._size]

    def replace(self, samples: Samples) -> None:
        """Let a method that writes samples itself set every open place; closed and reserved ones stay."""
        self._grid = np.where(self._closed, self._grid, self._deal(samples.reshape(-1), fill=0))

    def paint(self, samples: Samples, protect: float = 0.0) -> None:
        """Set every place but the closed ones; salt and header will change theirs by at most one level."""
        painted = self._deal(samples.reshape(-1), fill=0)
        self._grid = painted if self._untouchable is None else np.where(self._untouchable, self._grid, painted)

    # --- one block ----------------------------------------------------------------------------------------

    def _write_block(self, share: Share, digits: NDArray[np.uint8]) -> None:
        places = self._order(share.block)
        hosts = self._grid[share.block, places]
        wanted = ternary.read(hosts)
        start = 0
        for group, r in matrix.plan(share.digits, share.places).segments:
            groups = wanted[group].reshape(-1, matrix.group_length(r))
            message = np.zeros(len(groups) * r, np.uint8)
            part = digits[start : start + len(message)]
            message[: len(part)] = part
            wanted[group] = matrix.write(groups, message.reshape(-1, r), r).reshape(-1)
            start += len(part)
        self._grid[share.block, places] = ternary.write(hosts, wanted)

    def _read_block(self, share: Share) -> NDArray[np.uint8]:
        digits = ternary.read(self._grid[share.block, self._order(share.block)])
        parts = [
            matrix.read(digits[group].reshape(-1, matrix.group_length(r)), r).reshape(-1)
            for group, r in matrix.plan(share.digits, share.places).segments
        ]
        return np.concatenate(parts)[: share.digits]

    def _mask(self, count: int) -> NDArray[np.uint8]:
        return order.digits(self._keys.derive(f"{self._use}/mask"), count)

    def _order(self, block: int) -> NDArray[np.int64]:
        free = np.flatnonzero(~self._closed[block])
        return free[order.permutation(self._keys.derive(f"{self._use}/order"), block, len(free))]

    # --- blocks -------------------------------------------------------------------------------------------

    def _shares(self, digits: int) -> list[Share]:
        """Deal `digits` to blocks in proportion to their open places."""
        # A payload too small to need every block even at the highest order keeps to the first ones.
        enough = digits * matrix.group_length(matrix.MAX_ORDER) // matrix.MAX_ORDER * 21 // 20
        used = 1 + int(np.searchsorted(np.cumsum(self._open), enough))
        ends = digits * np.cumsum(self._open[:used], dtype=object) // max(1, sum(self._open[:used]))
        shares = zip(range(self._blocks), np.diff(ends, prepend=0), self._open, strict=False)
        return [Share(block, int(part), places) for block, part, places in shares if part]

    def _side_by_side(self, work: Callable[..., _R], jobs: list[tuple[Any, ...]], tick: Tick | None) -> list[_R]:
        """Run one job for each block, in threads when there are several; numpy lets go of the interpreter."""
        results = []
        with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool:
            for done, result in enumerate(pool.map(lambda job: work(*job), jobs), start=1):
                results.append(result)
                if tick:
                    tick(done / len(jobs))
        return results

    def _deal(self, values: NDArray[Any], fill: int) -> NDArray[Any]:
        """Deal values [N] into interleaved blocks [blocks, places], the last places filled up."""
        padded = np.pad(values, (0, -self._size % self._blocks), constant_values=fill)
        return np.ascontiguousarray(padded.reshape(-1, self._blocks).T)
