"""Digits in a picture whatever the digits are: a sample's remainder, modulo m, at keyed places under a keyed mask.

    key ─► order of the open samples, mask ─┐
    digits 0..m-1 ──── + mask, mod m ───────┴─► samples moved to the nearest value with that remainder

So the cover is as good as m lets it be (49.9 dB for 3, 45.1 for 5, less where it is saturated), and who lacks the key
reads uniform noise. The moving is `carrier.modulo`'s.
"""

import numpy as np
from numpy.typing import NDArray

from ...carrier import modulo, order
from ...carrier.channel import Channel

Digits = NDArray[np.uint8]
Samples = NDArray[np.uint8]


def places(channel: Channel, taken: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return all samples that may be set, in keyed order, dealt into blocks of at most 2^20."""
    free = np.flatnonzero(~taken)
    blocks = max(1, -(-len(free) // order.BLOCK))
    parts = []
    for block in range(blocks):
        mine = free[block::blocks]
        words = np.frombuffer(channel.stream(f"order {block}", 8 * len(mine)), "<u8")
        parts.append(mine[order.argsort_words(words)])
    longest = max(map(len, parts))
    dealt = np.full((longest, blocks), -1, np.int64)
    for block, part in enumerate(parts):
        dealt[: len(part), block] = part
    found = dealt.reshape(-1)
    return found[found >= 0]


def written(samples: Samples, where: NDArray[np.int64], digits: Digits, m: int, channel: Channel) -> Samples:
    """Return samples [N] with digits at those places."""
    changed = samples.copy()
    wanted = (digits.astype(np.uint16) + _mask(channel, m, len(digits))) % m
    changed[where] = modulo.write(samples[where].astype(np.int32), wanted.astype(np.uint16), m, 0, 255)
    return changed


def read(samples: Samples, where: NDArray[np.int64], m: int, channel: Channel) -> Digits:
    """Undo `written`."""
    found = modulo.read(samples[where].astype(np.int32), m).astype(np.int32)
    return ((found - _mask(channel, m, len(where))) % m).astype(np.uint8)


def _mask(channel: Channel, m: int, count: int) -> NDArray[np.int32]:
    halves = np.frombuffer(channel.stream(f"mask {m}", 4 * count), "<u4")
    return (halves % np.uint32(m)).astype(np.int32)
