"""Filling a frame: its bytes to the digits of its samples, and back.

[81 sync digits | 943 samples]
m = 3   ternary digits in Hamming groups, in a keyed order of the samples
m > 3   one long number to base m, a digit in every sample
A keyed mask of uniform digits lies over both, a new one for every frame.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from . import frames, matrix, modulo, order, shaping, sync, ternary
from .frames import DIGITS, FRAME, Ground, Layout
from .keys import Keys


class Writer:
    """Writes frames, a batch at a time."""

    def __init__(self, keys: Keys, how: Layout, ground: Ground, gamma: float) -> None:
        self._coder = Coder(keys, how)
        self._how = how
        self._ground = ground
        self._gamma = gamma

    def write(
        self, hosts: NDArray[np.int32], heads: NDArray[np.uint8], data: NDArray[np.uint8], first: int
    ) -> NDArray[np.int32]:
        """Return frames [B, 1024] with sync digits [B, 81] and bytes [B, filled] in them."""
        low, high = self._ground.low, self._ground.high
        head = modulo.write(hosts[:, : sync.DIGITS], heads.astype(np.uint16), 3, low, high)
        digits = self._coder.digits(hosts[:, sync.DIGITS :], data, first)
        if self._gamma and self._how.m > frames.TERNARY:
            return self._shaped(hosts, head, digits)
        body = modulo.write(hosts[:, sync.DIGITS :], digits, self._how.m, low, high)
        return np.concatenate([head, body], axis=1)

    def _shaped(self, hosts: NDArray[np.int32], head: NDArray[np.int32], digits: modulo.Digits) -> NDArray[np.int32]:
        """Write sample after sample, all frames of the batch side by side, feeding errors back."""
        lag, m = self._ground.channels, self._how.m
        taps = shaping.taps(hosts, lag, self._gamma)
        reach = shaping.ORDER * lag
        errors = np.zeros((len(hosts), reach + FRAME))
        written = np.concatenate([head, np.zeros_like(digits, np.int32)], axis=1)
        errors[:, reach : reach + sync.DIGITS] = written[:, : sync.DIGITS] - hosts[:, : sync.DIGITS]
        for n in range(sync.DIGITS, FRAME):
            # Errors of the same channel, the latest first.
            history = errors[:, n + reach - lag :: -lag][:, : shaping.ORDER]
            aim = np.rint(hosts[:, n] + (taps * history).sum(axis=1))
            wanted = np.clip(aim, self._ground.low, self._ground.high).astype(np.int32)
            written[:, n] = modulo.write(wanted, digits[:, n - sync.DIGITS], m, self._ground.low, self._ground.high)
            errors[:, n + reach] = written[:, n] - hosts[:, n]
        return written


class Coder:
    """Bytes of a frame to the digits of its samples, and back."""

    def __init__(self, keys: Keys, how: Layout) -> None:
        self._how = how
        self._mask_key = keys.derive("intarsia/v1/audio/mask")
        self._order_key = keys.derive("intarsia/v1/audio/order")

    def digits(self, hosts: NDArray[np.int32], data: NDArray[np.uint8], first: int) -> modulo.Digits:
        """Return the digits samples [B, 943] must have to carry bytes [B, filled]; frame numbers begin at `first`."""
        numbers = range(first, first + len(hosts))
        if self._how.m > frames.TERNARY:
            digits = modulo.to_digits(data, self._how.m, DIGITS).astype(np.uint32)
            return ((digits + self._masks(numbers, DIGITS)) % self._how.m).astype(np.uint16)
        rows = np.stack([ternary.to_digits(row.tobytes()) for row in data])
        rows = ((rows + self._masks(numbers, rows.shape[1])) % 3).astype(np.uint8)
        return self._embed(modulo.read(hosts, 3).astype(np.uint8), rows, self._orders(numbers)).astype(np.uint16)

    def bytes(self, samples: NDArray[np.int32], numbers: Sequence[int]) -> NDArray[np.uint8]:
        """Undo `digits` for the frames of these numbers: uint8 [B, filled]."""
        m, filled = self._how.m, self._how.filled
        if m > frames.TERNARY:
            digits = modulo.read(samples, m).astype(np.uint32) + m - self._masks(numbers, DIGITS)
            return modulo.to_bytes((digits % m).astype(np.uint16), m, filled)
        ordered = np.take_along_axis(modulo.read(samples, 3).astype(np.uint8), self._orders(numbers), axis=1)
        count = ternary.digits_needed(filled)
        parts = [
            matrix.read(ordered[:, run].reshape(-1, matrix.group_length(r)), r).reshape(len(samples), -1)
            for run, r in self._how.plan.segments
        ]
        rows = np.concatenate(parts, axis=1)[:, :count]
        rows = ((rows + 3 - self._masks(numbers, count)) % 3).astype(np.uint8)
        return np.stack([np.frombuffer(ternary.to_bytes(row, filled), np.uint8) for row in rows])

    def _embed(
        self, digits: NDArray[np.uint8], message: NDArray[np.uint8], orders: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        """Change digits [B, 943] as little as possible, so that their groups say the message."""
        ordered = np.take_along_axis(digits, orders, axis=1)
        segments = self._how.plan.segments
        room = sum((run.stop - run.start) // matrix.group_length(r) * r for run, r in segments)
        message = np.pad(message, ((0, 0), (0, room - message.shape[1])))
        at = 0
        for run, r in segments:
            groups = ordered[:, run].reshape(-1, matrix.group_length(r))
            taken = (run.stop - run.start) // matrix.group_length(r) * r
            part = np.ascontiguousarray(message[:, at : at + taken]).reshape(-1, r)
            ordered[:, run] = matrix.write(groups, part, r).reshape(len(digits), -1)
            at += taken
        written = np.empty_like(digits)
        np.put_along_axis(written, orders, ordered, axis=1)
        return written

    def _masks(self, numbers: Sequence[int], count: int) -> modulo.Digits:
        return np.stack([modulo.mask(self._mask_key, number, self._how.m, count) for number in numbers])

    def _orders(self, numbers: Sequence[int]) -> NDArray[np.int64]:
        return np.stack([order.permutation(self._order_key, number, DIGITS) for number in numbers])
