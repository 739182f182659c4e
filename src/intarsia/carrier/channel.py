"""The channel: all a method gets to see of places, frames and keys.

    method ──payload, manner──► Channel ──► scattered   digits at keyed places all over a picture
                                        └─► framed      digits in frames of a sound, each found for itself

Payloads are sealed here, so a kind of cover only has to carry bytes that look like noise. What they mean is not known;
who holds the password is not known either.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import order, seal
from .keys import Keys

Tick = Callable[[float], None]
"""Called with the share done, 0..1."""


@dataclass(frozen=True)
class Manner:
    """How visible a payload may be, and what it must survive.

    Attributes:
        least_db: least PSNR of a picture, least SNR of a sound, dB; None: whatever it takes.
        protect: share of a sound, 0..1, that may be zeroed or cut out in one to four equal pieces.
        shaping: γ of noise shaping in a sound, 0..1; 0 leaves the change white.
    """

    least_db: float | None = None
    protect: float = 0.0
    shaping: float = 0.0


PLAIN = Manner()


@dataclass(frozen=True)
class Foreword:
    """A text of `size` bytes to be sealed in front of the payloads; `text` is told their lengths."""

    size: int
    text: Callable[[list[int]], bytes]


class Channel(ABC):
    """Sealed bytes in and out of one cover.

    Several payloads lie behind one another, each sealed under a key of its own.

    Args:
        keys: the container's keys.
        method: name of the method, part of the payloads' keys and of what is authenticated.
        associated: what payloads are authenticated with besides themselves (version, media kind).
    """

    def __init__(self, keys: Keys, method: str, associated: bytes) -> None:
        self._keys = keys
        self._associated = associated
        self._use = f"intarsia/v1/payload/{method}"
        self._foreword: Foreword | None = None
        self._read_ahead = b""

    # --- for every method ---------------------------------------------------------------------------------

    def write(self, payload: bytes, manner: Manner = PLAIN, tick: Tick | None = None) -> None:
        """Seal `payload` and write it in the least visible way; needs `len(payload) <= budget(manner)`."""
        self.write_all([payload], manner, tick)

    def write_all(self, payloads: Sequence[bytes], manner: Manner = PLAIN, tick: Tick | None = None) -> None:
        """Seal payloads and write them; each but the first takes `seal.OVERHEAD` bytes more than its own."""
        sealed = [
            seal.seal(self._keys, self._use_of(number), payload, self._associated)
            for number, payload in enumerate(payloads)
        ]
        if self._foreword is not None:
            first = self._foreword.text([len(payload) for payload in payloads])
            sealed.insert(0, seal.seal(self._keys, f"{self._use}/list", first, self._associated))
        self._put(b"".join(sealed), manner, tick)

    def read(self, length: int, tick: Tick | None = None) -> bytes:
        """Read the only payload, of `length` bytes, and unseal it.

        Raises:
            NoSecretError: nothing of that length was sealed here with these keys, or it was changed.
        """
        return self.read_all([length], tick)[0]

    def read_all(self, lengths: Sequence[int], tick: Tick | None = None) -> list[bytes]:
        """Read payloads of these lengths and unseal them; errors are those of `read`."""
        ends = list(accumulate((length + seal.OVERHEAD for length in lengths), initial=0))
        stream = self._read_ahead or self._take(ends[-1], tick)
        return [
            seal.unseal(self._keys, self._use_of(number), stream[start:end], self._associated)
            for number, (start, end) in enumerate(pairwise(ends))
        ]

    def budget(self, manner: Manner = PLAIN) -> int:
        """Return the most bytes of one payload that fit in this manner; 0 when none do."""
        taken = 0 if self._foreword is None else self._foreword.size + seal.OVERHEAD
        return max(0, self._budget(manner) - taken)

    def stream(self, purpose: str, length: int) -> bytes:
        """Return bytes of a keyed stream, for a method whose own numbers are the key; each purpose has another one."""
        return order.key_stream(self._keys.derive(f"{self._use}/stream/{purpose}"), bytes(12), length)

    # --- for the list of secrets that a header has no room for --------------------------------------------

    def put_in_front(self, foreword: Foreword) -> None:
        """Have a text sealed in front of the payloads, once their lengths are known."""
        self._foreword = foreword

    def read_in_front(self, size: int, total: int, tick: Tick | None = None) -> bytes:
        """Read the text in front of the payloads; it has `size` bytes, and all that is sealed has `total`."""
        stream = self._take(total, tick)
        self._read_ahead = stream[size + seal.OVERHEAD :]
        return seal.unseal(self._keys, f"{self._use}/list", stream[: size + seal.OVERHEAD], self._associated)

    def _use_of(self, number: int) -> str:
        return f"{self._use}/{number}" if number else self._use

    # --- for each kind of cover ---------------------------------------------------------------------------

    @property
    @abstractmethod
    def reserved(self) -> NDArray[np.int64]:
        """Positions in `samples` that carry what is not the method's: salt, header, frames."""

    @abstractmethod
    def _budget(self, manner: Manner) -> int:
        """Return the most bytes of one payload that fit in this manner; 0 when none do."""

    @abstractmethod
    def expected_db(self, length: int, manner: Manner = PLAIN) -> float:
        """Return the expected PSNR (picture) or SNR (sound) in dB with one payload of `length` bytes."""

    @property
    @abstractmethod
    def samples(self) -> NDArray[Any]:
        """All samples in file order as they stand now, [N]."""

    @abstractmethod
    def replace(self, samples: NDArray[Any]) -> None:
        """Let a method that writes samples itself set all but the reserved ones (and what a picture has closed)."""

    def paint(self, samples: NDArray[Any], protect: float = 0.0) -> None:
        """Set reserved samples too, where what is written there later changes them little; else as `replace`.

        Args:
            samples: all of them.
            protect: share of a sound that may be lost, 0..1, and the header be found all the same; where a sound is
                too short for that, as much of it as can be. A picture's header survives no loss.
        """
        self.replace(samples)

    # --- for methods that bear it when a part of a sound is missing ----------------------------------------

    def timeline(self) -> int:
        """Return what `aligned` needs to undo cuts, a number below 2^32 to be kept in the header; 0: it cannot."""
        return 0

    def aligned(self, timeline: int) -> NDArray[Any]:
        """Return all samples of a container where they stood when it was made; what was cut out is 0."""
        return self.samples

    @abstractmethod
    def _put(self, stream: bytes, manner: Manner, tick: Tick | None) -> None:
        """Write sealed bytes."""

    @abstractmethod
    def _take(self, size: int, tick: Tick | None) -> bytes:
        """Return `size` sealed bytes, or fewer when there cannot be as many."""
