"""The places of a cover: which samples may be touched, and where salt and header stand.

numbers of open places   0 … count−1, in file order, pixels under alpha 0 left out
├── salt     81 of them, the same for everybody: drawn under a public key
└── header   drawn under the container's key, none of the salt's among them
"""

import hashlib
import secrets

import numpy as np
from numpy.typing import NDArray

from . import order, seal, ternary
from .keys import SALT_BYTES, Keys
from .ternary import Samples

SALT_DIGITS = 81
"""Uniform ternary digits hashed to the 16-byte salt: 128.4 bits."""

_PUBLIC_PLACES = hashlib.sha256(b"intarsia/v1/public places").digest()
_SALT_CONTEXT = b"intarsia/v1/salt"
_HEADER_MASK = "intarsia/v1/header/mask"


class Places:
    """A cover's samples in file order, and which of them may be touched.

    Attributes:
        samples: uint8 or uint16 [N], an own copy that writing changes.
        closed: bool [N], True where nothing may be written, or None when every place is open.
        count: number of open places.
    """

    def __init__(self, samples: Samples, closed: NDArray[np.bool_] | None = None) -> None:
        self.samples = samples.reshape(-1).copy()
        self.closed = closed if closed is not None and closed.any() else None
        self._open = None if self.closed is None else np.flatnonzero(~self.closed)
        self.count = len(self.samples) if self._open is None else len(self._open)

    def locate(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Turn numbers of open places (0..count-1) into positions in `samples`."""
        return numbers if self._open is None else self._open[numbers]

    def salt_numbers(self) -> NDArray[np.int64]:
        """Return the public places of the salt, int64 [81], as numbers of open places."""
        return order.draw(_PUBLIC_PLACES, SALT_DIGITS, self.count)

    def header_numbers(self, keys: Keys, size: int) -> NDArray[np.int64]:
        """Return the keyed places of a header of `size` bytes, as numbers of open places."""
        key = keys.derive("intarsia/v1/header/order")
        return order.draw(key, ternary.digits_needed(size), self.count, self.salt_numbers())

    def has_room_for(self, header_size: int) -> bool:
        """Whether salt and a header of `header_size` bytes fit."""
        return self.count >= SALT_DIGITS + ternary.digits_needed(header_size)

    def capacity(self, header_size: int) -> int:
        """Payload bytes that fit beside a header of `header_size` bytes at one digit in every place."""
        digits = self.count - SALT_DIGITS - ternary.digits_needed(header_size)
        return max(0, ternary.bytes_held(digits) - seal.OVERHEAD)

    def write_salt(self, digits: NDArray[np.uint8]) -> None:
        """Write the 81 salt digits."""
        self._write(self.salt_numbers(), digits)

    def read_salt(self) -> bytes:
        """Return the 16-byte salt these samples stand for, whether or not anything is hidden."""
        return salt_bytes(self._read(self.salt_numbers()))

    def write_header(self, keys: Keys, sealed: bytes) -> None:
        """Write a sealed header."""
        digits = ternary.to_digits(sealed)
        mask = order.digits(keys.derive(_HEADER_MASK), len(digits))
        self._write(self.header_numbers(keys, len(sealed)), (digits + mask) % 3)

    def read_header(self, keys: Keys, size: int) -> bytes:
        """Return the `size` bytes at the header's places; only unsealing tells whether they are a header."""
        digits = self._read(self.header_numbers(keys, size))
        mask = order.digits(keys.derive(_HEADER_MASK), len(digits))
        return ternary.to_bytes((digits + 3 - mask) % 3, size)

    def _write(self, numbers: NDArray[np.int64], digits: NDArray[np.uint8]) -> None:
        where = self.locate(numbers)
        self.samples[where] = ternary.write(self.samples[where], digits)

    def _read(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        return ternary.read(self.samples[self.locate(numbers)])


def draw_salt(seed: bytes | None = None) -> NDArray[np.uint8]:
    """Draw the 81 uniform digits of a salt, from the operating system or, for repeatable containers, from `seed`."""
    return order.digits(seed or secrets.token_bytes(32), SALT_DIGITS)


def salt_bytes(digits: NDArray[np.uint8]) -> bytes:
    """Hash 81 ternary digits to the salt of Argon2id, 16 bytes."""
    return hashlib.sha256(_SALT_CONTEXT + digits.astype(np.uint8).tobytes()).digest()[:SALT_BYTES]
