"""Keyed order: which place of a cover comes first, second, third.

All randomness is a ChaCha20 key stream (RFC 8439) read as little-endian 64-bit words and used through exact
integer arithmetic, so it is the same on every machine and in every release. A permutation of n places is the
stable-argsort order of n words.
"""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from numpy.typing import NDArray

BLOCK = 1 << 20
"""Places permuted at a time; larger covers are split into interleaved blocks of at most this many."""

_FIVE_DIGITS = (np.arange(3**5)[:, None] // 3 ** np.arange(5) % 3).astype(np.uint8)


def key_stream(key: bytes, nonce: bytes, length: int, counter: int = 0) -> bytes:
    """Return `length` bytes of the ChaCha20 key stream (RFC 8439, section 2.4).

    Args:
        key: 32 bytes.
        nonce: 12 bytes.
        length: bytes wanted, up to 256 GiB.
        counter: initial block counter.
    """
    encryptor = Cipher(algorithms.ChaCha20(key, counter.to_bytes(4, "little") + nonce), None).encryptor()
    return encryptor.update(bytes(length))


def words(key: bytes, stream: int, count: int) -> NDArray[np.uint64]:
    """Return `count` 64-bit words of stream number `stream` (the nonce, little-endian)."""
    return np.frombuffer(key_stream(key, stream.to_bytes(12, "little"), 8 * count), dtype="<u8")


def permutation(key: bytes, stream: int, count: int) -> NDArray[np.int64]:
    """Return the keyed permutation of `count` places, int64 [count].

    Args:
        key: 32 bytes.
        stream: stream number, one for each block.
        count: number of places, at most `BLOCK`.
    """
    if not 0 <= count <= BLOCK:
        raise ValueError(f"count is {count}; expected 0..{BLOCK}")
    return argsort_words(words(key, stream, count))


def argsort_words(random_words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the stable-argsort order of 64-bit words, int64 [n], n <= 2^20.

    The index is packed into the low 20 bits and the words are sorted by value, which is several times faster
    than an argsort. That is the same order unless two words share their upper 44 bits; then sort stably.
    """
    low = np.uint64(BLOCK - 1)
    packed = (random_words & ~low) | np.arange(len(random_words), dtype=np.uint64)
    packed.sort()
    upper = packed >> np.uint64(20)
    if np.any(upper[1:] == upper[:-1]):
        return np.argsort(random_words, kind="stable")
    return (packed & low).astype(np.int64)


def digits(key: bytes, count: int) -> NDArray[np.uint8]:
    """Return `count` uniform ternary digits, uint8 [count], each 0..2.

    A byte below 3^5 = 243 gives five digits, the lowest first; other bytes are thrown away.
    """
    length = count // 4 + 64
    while True:
        stream = np.frombuffer(key_stream(key, bytes(12), length), np.uint8)
        accepted = stream[stream < len(_FIVE_DIGITS)]
        if 5 * len(accepted) >= count:
            return _FIVE_DIGITS[accepted].reshape(-1)[:count]
        length *= 2


def draw(key: bytes, count: int, below: int, taken: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """Draw `count` distinct numbers in 0..below-1, in order of appearance, int64 [count].

    Args:
        key: 32 bytes.
        count: how many.
        below: upper bound, exclusive.
        taken: numbers that must not be drawn.

    Raises:
        ValueError: fewer than `count` numbers are free.
    """
    forbidden = set() if taken is None else set(taken.tolist())
    if count > below - len(forbidden):
        raise ValueError(f"cannot draw {count} of {below} numbers, {len(forbidden)} of them taken")
    drawn: list[int] = []
    wanted = 2 * count
    while len(drawn) < count:
        candidates = (words(key, 0, wanted) % np.uint64(below)).tolist()
        drawn = [number for number in dict.fromkeys(candidates) if number not in forbidden][:count]
        wanted *= 2
    return np.array(drawn, dtype=np.int64)


# --- numbers that are no digits ------------------------------------------------------------------------------

EVEN_BYTES, BELL_BYTES = 4, 24
"""Bytes of key stream for one number of `evenly` and of `bell`."""


def evenly(stream: bytes) -> NDArray[np.float64]:
    """Return numbers spread evenly over -1..1 (neither end is met), one for each 32-bit word, exact in float64."""
    halves = np.frombuffer(stream, "<u4").astype(np.float64)
    return (2 * halves + 1) / 2.0**32 - 1


def bell(stream: bytes) -> NDArray[np.float64]:
    """Return numbers of mean 0 and deviation 1, all but normal: sums of twelve 16-bit words, exact in float64."""
    sums = np.frombuffer(stream, "<u2").reshape(-1, 12).sum(axis=1, dtype=np.int64)
    numbers: NDArray[np.float64] = (sums - 6 * 65_535) / 65_536.0
    return numbers
