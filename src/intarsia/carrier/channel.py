"""The channel: all a method gets to see of places, frames and keys.

    method ──payload, manner──► Channel ──► scattered   digits at keyed places all over a picture
                                        └─► framed      digits in frames of a sound, each found for itself

What the bytes mean is not known here; who holds the password is not known here either.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


class Channel(ABC):
    """Sealed bytes in and out of one cover."""

    @property
    @abstractmethod
    def reserved(self) -> NDArray[np.int64]:
        """Positions in `samples` that carry what is not the method's: salt, header, frames."""

    @abstractmethod
    def budget(self, manner: Manner = PLAIN) -> int:
        """Return the most payload bytes that fit in this manner; 0 when none do."""

    @abstractmethod
    def expected_db(self, length: int, manner: Manner = PLAIN) -> float:
        """Return the expected PSNR (picture) or SNR (sound) in dB with a payload of `length` bytes."""

    @abstractmethod
    def write(self, payload: bytes, manner: Manner = PLAIN, tick: Tick | None = None) -> None:
        """Seal `payload` and write it in the least visible way; needs `len(payload) <= budget(manner)`."""

    @abstractmethod
    def read(self, length: int, tick: Tick | None = None) -> bytes:
        """Read a payload of `length` bytes and unseal it.

        Raises:
            NoSecretError: nothing of that length was sealed here with these keys, or it was changed.
        """

    @property
    @abstractmethod
    def samples(self) -> NDArray[Any]:
        """All samples in file order as they stand now, [N]."""

    @abstractmethod
    def replace(self, samples: NDArray[Any]) -> None:
        """Let a method that writes samples itself set all but the reserved ones (and what a picture has closed)."""
