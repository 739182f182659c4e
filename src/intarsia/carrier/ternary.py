"""One ternary digit in each sample: value mod 3, reached by a change of at most one.

    sample 117 ──mod 3──► digit 0          want digit 2: 117 → 116 (−1);  want 1: 117 → 118 (+1)

Only a sample at the very end of its range may have to move by two (0 → 2, 255 → 253). The mean squared error
of writing random digits into every sample is 2/3 grey levels squared, 49.9 dB in 8 bits; a binary least
significant bit costs 1/2 and carries 1 bit where this carries 1.58.

Bytes become digits in words of 19 bits, each written as 12 digits (3^12 = 531,441 > 2^19 = 524,288): 99.9 %
of the information a digit can hold.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.unsignedinteger[Any]]

WORD_BITS = 19
WORD_DIGITS = 12
_POWERS_OF_TWO = np.float32(2) ** np.arange(WORD_BITS - 1, -1, -1, dtype=np.float32)
_POWERS_OF_THREE = np.float32(3) ** np.arange(WORD_DIGITS, dtype=np.float32)
_SIX_DIGITS = (np.arange(729)[:, None] // 3 ** np.arange(6) % 3).astype(np.uint8)
_CHUNK = 19 << 13  # bytes converted at a time: a whole number of words, a few megabytes of bits


def digits_needed(length: int) -> int:
    """Return how many digits `length` bytes take."""
    return -(-8 * length // WORD_BITS) * WORD_DIGITS


def bytes_held(digits: int) -> int:
    """Return how many whole bytes `digits` digits hold: the inverse of `digits_needed`, rounded down."""
    return max(digits, 0) // WORD_DIGITS * WORD_BITS // 8


def to_digits(data: bytes) -> NDArray[np.uint8]:
    """Write bytes as ternary digits, uint8 [digits_needed(len(data))], each 0..2."""
    chunks = [_chunk_to_digits(data[i : i + _CHUNK]) for i in range(0, len(data), _CHUNK)]
    return np.concatenate(chunks) if chunks else np.empty(0, np.uint8)


def to_bytes(digits: NDArray[np.uint8], length: int) -> bytes:
    """Undo `to_digits` for a text of `length` bytes."""
    step = _CHUNK * 8 // WORD_BITS * WORD_DIGITS
    parts = [_chunk_to_bytes(digits[i : i + step]) for i in range(0, digits_needed(length), step)]
    return b"".join(parts)[:length]


def _chunk_to_digits(data: bytes) -> NDArray[np.uint8]:
    stream = np.unpackbits(np.frombuffer(data, np.uint8))
    bits = np.pad(stream, (0, -len(stream) % WORD_BITS)).reshape(-1, WORD_BITS)
    # float32 products are exact below 2^24, and BLAS does them several times faster than integers.
    numbers = (bits.astype(np.float32) @ _POWERS_OF_TWO).astype(np.int32)
    return np.hstack([_SIX_DIGITS[numbers % 729], _SIX_DIGITS[numbers // 729]]).reshape(-1)


def _chunk_to_bytes(digits: NDArray[np.uint8]) -> bytes:
    numbers = (digits.reshape(-1, WORD_DIGITS).astype(np.float32) @ _POWERS_OF_THREE).astype(np.uint32)
    # Digits nobody wrote may stand for more than 19 bits; the surplus is cut and the seal above refuses them.
    aligned = (numbers << np.uint32(32 - WORD_BITS)).astype(">u4")
    bits = np.unpackbits(aligned.view(np.uint8).reshape(-1, 4), axis=1, count=WORD_BITS)
    return np.packbits(bits.reshape(-1)).tobytes()


def read(samples: Samples) -> NDArray[np.uint8]:
    """Return the digit of every sample, uint8, same shape, each 0..2."""
    return (samples % samples.dtype.type(3)).astype(np.uint8)


def write(samples: Samples, digits: NDArray[np.uint8]) -> Samples:
    """Return samples moved to the nearest value whose digit is the wanted one.

    Args:
        samples: uint8 or uint16, any shape.
        digits: uint8, same shape, each 0..2.
    """
    step = (digits + np.uint8(3) - read(samples)) % np.uint8(3)  # 0, +1, or 2 for −1
    moved: Samples = samples + (step == 1) - (step == 2)  # wraps at the ends of the range, mended next
    top = np.iinfo(samples.dtype).max
    moved[(samples == 0) & (step == 2)] = 2
    moved[(samples == top) & (step == 1)] = top - 2
    return moved
