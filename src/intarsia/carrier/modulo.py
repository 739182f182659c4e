"""Digits to any base m in samples: value mod m, reached by the nearest value that has it.

    sample 1205 ──mod 59──► digit 25        want digit 40: 1205 → 1220 (+15), never further than m/2

A sample carries log2 m bits and moves by at most m/2; uniform digits cost (m² − 1)/12 levels squared for odd m and
(m² + 2)/12 for even m. The receiver needs no cover and no decision: y mod m is the digit. Against an error power P
that leaves m = ⌊√(12 P + 1)⌋, a quarter of a bit below what any code could carry.

The bytes of a frame are one long number, written to base m: nothing is wasted but the last fraction of a byte. A
keyed stream of uniform digits is added, modulo m, so that what stands in the samples is uniform whatever the bytes.

Source: B. Chen, G. W. Wornell, Quantization index modulation, IEEE Trans. Information Theory 47 (2001), for
moving to the nearest point of the message's coset; m = 3 is the ternary embedding of `ternary`.
"""

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import order

Digits = NDArray[np.uint16]
"""Digits 0..m−1, any shape."""

MAX_MODULUS = 65_535
_LEAF_BITS = 63


def modulus(power: float) -> int:
    """Return the largest m whose uniform digits cost at most `power` levels squared: ⌊√(12 P + 1)⌋, checked."""
    m = min(MAX_MODULUS, math.isqrt(int(12 * power + 1)))
    while m > 1 and cost(m) > power:
        m -= 1
    return m


def cost(m: int) -> float:
    """Return the mean squared change that uniform digits to base m cause."""
    return (m * m - 1) / 12 if m % 2 else (m * m + 2) / 12


def read(samples: NDArray[Any], m: int) -> Digits:
    """Return the digit of every sample, uint16, same shape; negative samples count on, −1 has digit m − 1."""
    digits: Digits = (samples % samples.dtype.type(m)).astype(np.uint16)
    return digits


def write(samples: NDArray[np.int32], digits: Digits, m: int, low: int, high: int) -> NDArray[np.int32]:
    """Return samples moved to the nearest value whose digit is the wanted one.

    With an even base two values may be equally near: even samples then go up and odd ones down, so that on the whole
    nothing rises or falls.

    Args:
        samples: int32, any shape, within low..high.
        digits: uint16, same shape, each 0..m−1.
        m: 2..`MAX_MODULUS`.
        low: smallest value a sample may take.
        high: largest; needs high − low >= m.
    """
    up = (digits.astype(np.int64) - samples) % m
    downwards = 2 * up + (samples & 1) > m
    moved = samples + np.where(downwards, up - m, up)
    moved[moved > high] -= m
    moved[moved < low] += m
    return moved.astype(np.int32)


# --- bytes and digits ----------------------------------------------------------------------------------------


@cache
def bytes_held(m: int, count: int) -> int:
    """Return how many whole bytes `count` digits to base m hold: the largest L with 2^(8 L) <= m^count."""
    return (int(m**count).bit_length() - 1) // 8


def to_digits(data: NDArray[np.uint8], m: int, count: int) -> Digits:
    """Write rows of bytes as digits: each row is one number, written to base m, least significant digit first.

    Args:
        data: uint8 [rows, bytes], at most `bytes_held(m, count)` bytes, least significant first.
        m: base.
        count: digits of a row.

    Returns:
        uint16 [rows, count].
    """
    leaf, powers = _tree(m, count)
    numbers = [int.from_bytes(row.tobytes(), "little") for row in data]
    for power in powers:
        numbers = [part for number in numbers for part in reversed(divmod(number, power))]
    rest = np.array(numbers, np.uint64)
    digits = np.empty((len(rest), leaf), np.uint16)
    for place in range(leaf):
        rest, digits[:, place] = np.divmod(rest, np.uint64(m))
    return digits.reshape(len(data), -1)[:, :count]


def to_bytes(digits: Digits, m: int, length: int) -> NDArray[np.uint8]:
    """Undo `to_digits` for rows of `length` bytes: uint8 [rows, length]. Damaged rows may overflow; that is cut."""
    leaf, powers = _tree(m, digits.shape[1])
    padded = np.zeros((len(digits), leaf << len(powers)), np.uint16)
    padded[:, : digits.shape[1]] = digits
    leaves = padded.reshape(-1, leaf)
    rest = np.zeros(len(leaves), np.uint64)
    for place in range(leaf - 1, -1, -1):
        rest = rest * np.uint64(m) + leaves[:, place]
    numbers: list[int] = rest.tolist()
    for power in reversed(powers):
        numbers = [low + high * power for low, high in zip(numbers[::2], numbers[1::2], strict=True)]
    cut = (1 << (8 * length)) - 1
    return np.frombuffer(b"".join((n & cut).to_bytes(length, "little") for n in numbers), np.uint8).reshape(-1, length)


@cache
def _tree(m: int, count: int) -> tuple[int, list[int]]:
    """Return how a long number is taken apart: digits in a leaf of 64 bits, and the powers that halve it."""
    leaf = int(_LEAF_BITS / math.log2(m))
    halvings = max(0, (-(-count // leaf) - 1).bit_length())
    return leaf, [m ** (leaf << level) for level in reversed(range(halvings))]


def mask(key: bytes, stream: int, m: int, count: int) -> Digits:
    """Return `count` digits to base m that are uniform to within m / 2^32, uint16 [count].

    Args:
        key: 32 bytes.
        stream: stream number, one for each frame.
        m: base.
        count: how many.
    """
    halves = np.frombuffer(order.key_stream(key, stream.to_bytes(12, "little"), 4 * count), "<u4")
    return (halves % np.uint32(m)).astype(np.uint16)
