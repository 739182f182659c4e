"""Erasure: any k of n shares bring the bytes back, in interleaved groups of at most 255.

    bytes ─split─► k shares of each group ─Reed-Solomon─► n shares of each group
    frame    0  1  2  3  4  5  6 …
    group    0  1  2  0  1  2  0 …        neighbouring frames belong to different groups, so a cut hits all alike

The code is Reed-Solomon over GF(2^8) as zfec has it; systematic, so with nothing lost nothing is computed.

Source: I. S. Reed, G. Solomon, J. SIAM 8 (1960); L. Rizzo, ACM SIGCOMM CCR 27(2) (1997).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import zfec

from ..errors import NoSecretError

MAX_GROUP = 255


@dataclass(frozen=True)
class Groups:
    """How `count` shares are dealt to groups.

    Attributes:
        count: shares in all, n of every group together.
        spare: shares of each group that may be lost, n − k.
    """

    count: int
    spare: int

    @property
    def number(self) -> int:
        """Number of groups."""
        return max(1, -(-self.count // MAX_GROUP))

    def size(self, group: int) -> int:
        """Shares in one group: its n."""
        return len(range(group, self.count, self.number))

    @property
    def whole(self) -> int:
        """Shares that carry the bytes themselves: k of every group together; 0 or less when nothing is left."""
        smallest = self.count // self.number
        return self.count - self.spare * self.number if smallest > self.spare else 0


def spread(data: bytes, groups: Groups, size: int) -> list[bytes]:
    """Turn bytes into `groups.count` shares of `size` bytes; needs len(data) <= groups.whole * size."""
    data = data.ljust(groups.whole * size, b"\0")
    shares = [b""] * groups.count
    at = 0
    for group in range(groups.number):
        n = groups.size(group)
        k = n - groups.spare
        blocks = [data[at + i * size : at + (i + 1) * size] for i in range(k)]
        at += k * size
        shares[group :: groups.number] = zfec.Encoder(k, n).encode(blocks) if groups.spare else blocks
    return shares


def gather(shares: Mapping[int, bytes], groups: Groups) -> bytes:
    """Undo `spread`, from the shares that are left.

    Args:
        shares: share by its number 0..groups.count−1; missing ones are lost.
        groups: as when spread.

    Raises:
        NoSecretError: more are lost in some group than it can spare.
    """
    return b"".join(_gather_group(shares, groups, group) for group in range(groups.number))


def _gather_group(shares: Mapping[int, bytes], groups: Groups, group: int) -> bytes:
    n = groups.size(group)
    k = n - groups.spare
    present = [place for place in range(n) if group + place * groups.number in shares][:k]
    if len(present) < k:
        raise NoSecretError
    blocks = [shares[group + place * groups.number] for place in present]
    if present != list(range(k)):
        blocks = zfec.Decoder(k, n).decode(blocks, present)
    return b"".join(blocks)
