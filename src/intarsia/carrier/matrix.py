"""Ternary Hamming codes: r digits in (3^r − 1)/2 places with at most one change.

The parity-check matrix H [r, n] of the ternary Hamming code has every non-zero vector of r digits as a
column, once up to sign. The message m of a group of places x is its syndrome H x. To write m, look up the
column of H that equals ±(m − H x) and change that one place by ±1: every group changes with probability
1 − 3^−r.

    r        1      2      3      4      5      6      7      8
    n        1      4     13     40    121    364   1093   3280     places in a group
    r/n  1.000   .500   .231   .100   .041   .016   .006   .002     digits for each place (embedding rate)
    dB    49.9   54.7   59.4   64.2   69.0   73.7   78.5   83.3     full cover, 8-bit samples

Source: A. Westfeld, F5 (2001) for the idea; F. Willems and M. van Dijk, IEEE Trans. Inf. Theory 51 (2005) for
the ternary code and ±1 embedding.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

MAX_ORDER = 8


def group_length(order: int) -> int:
    """Return n = (3^r − 1)/2, the places in one group of order r."""
    return int(3**order - 1) // 2


def change_rate(order: int) -> float:
    """Return the expected changes in one group of order r: 1 − 3^−r."""
    return 1 - 3.0**-order


@dataclass(frozen=True)
class _Code:
    """H transposed for the syndrome, and for every syndrome the column and the change that produce it."""

    columns: NDArray[np.float32]  # [n, r], digits 0..2
    place: NDArray[np.int32]  # [3^r] column for a difference read as a base-3 number
    change: NDArray[np.uint8]  # [3^r] digit to add there: 0, 1 or 2


@cache
def _code(order: int) -> _Code:
    weights = 3 ** np.arange(order)
    vectors = np.arange(3**order)[:, None] // weights % 3
    leading = np.take_along_axis(vectors, (vectors != 0).argmax(axis=1)[:, None], axis=1)[:, 0]
    columns = vectors[leading == 1]
    place = np.zeros(3**order, np.int32)
    change = np.zeros(3**order, np.uint8)
    for digit in (1, 2):
        numbers = digit * columns % 3 @ weights
        place[numbers] = np.arange(len(columns))
        change[numbers] = digit
    return _Code(columns.astype(np.float32), place, change)


def read(digits: NDArray[np.uint8], order: int) -> NDArray[np.uint8]:
    """Return the message of each group: its syndrome.

    Args:
        digits: the places' digits, uint8 [groups, n].
        order: r.

    Returns:
        uint8 [groups, r], each 0..2.
    """
    if order == 1:  # one place in a group, and H is 1
        return digits
    # float32 is exact here: a syndrome is at most 4 n = 13,120 before the remainder.
    return ((digits.astype(np.float32) @ _code(order).columns).astype(np.uint16) % np.uint16(3)).astype(np.uint8)


def write(digits: NDArray[np.uint8], message: NDArray[np.uint8], order: int) -> NDArray[np.uint8]:
    """Return digits [groups, n] whose `read` is `message` [groups, r], at most one changed in each group."""
    if order == 1:
        return message
    code = _code(order)
    difference = (message + np.uint8(3) - read(digits, order)) % 3
    number = difference.astype(np.int32) @ (3 ** np.arange(order, dtype=np.int32))
    rows = np.arange(len(digits))
    written = digits.copy()
    written[rows, code.place[number]] = (written[rows, code.place[number]] + code.change[number]) % 3
    return written


# --- how to group ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """How one block carries its digits: `low` groups of order r, then `high` groups of order r + 1."""

    order: int
    low: int
    high: int

    @property
    def changes(self) -> float:
        """Expected number of changed places."""
        return self.low * change_rate(self.order) + self.high * change_rate(self.order + 1)

    @property
    def segments(self) -> tuple[tuple[slice, int], tuple[slice, int]]:
        """The two runs of groups: their places, and their order."""
        middle = self.low * group_length(self.order)
        end = middle + self.high * group_length(self.order + 1)
        return (slice(0, middle), self.order), (slice(middle, end), self.order + 1)


def plan(digits: int, places: int) -> Plan:
    """Plan the least visible way to carry `digits` digits in `places` places; needs digits <= places."""
    fitting = [r for r in range(1, MAX_ORDER + 1) if places // group_length(r) * r >= digits]
    r = fitting[-1]
    if r == MAX_ORDER:
        return Plan(r, -(-digits // r), 0)
    n, wider = group_length(r), group_length(r + 1)
    # With `low` groups of order r, (places - low n) // wider groups of order r + 1 remain; solve for the
    # smallest `low` that carries everything, then mend what rounding down lost.
    low = max(0, -(-(digits * wider - places * (r + 1)) // (r * wider - n * (r + 1))))
    while low * r + (places - low * n) // wider * (r + 1) < digits:
        low += 1
    return Plan(r, low, max(0, -(-(digits - low * r) // (r + 1))))
