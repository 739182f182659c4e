"""Sync blocks: what the first 81 samples of every frame say, found at any offset without a mark anybody else sees.

    block, 16 bytes                                   number below 3^81          81 samples
    ┌───────┬──────┬───────────┬──────────────┐ AES   ┌──────────────┐  base 3   ┌─┬─┬─┬ … ┬─┐
    │index 3│draw 1│share 4    │zeros 8       │─────► │c or c + 2^128│ ────────► │ │ │ │   │ │ one digit each
    └───────┴──────┴───────────┴──────────────┘       └──────────────┘           └─┴─┴─┴ … ┴─┘

A file may be cut anywhere, so no place in it is known beforehand: the receiver reads 81 digits at every offset,
decrypts, and looks for 64 zero bits. By chance that happens once in 2^64 offsets.

* index: number of the frame, 0, 1, 2 …
* share: one of 256 Reed-Solomon shares of the file's record (24 bytes, any 6 frames suffice): the nonce that the
  file's keys depend on, and, masked by a key of that nonce, the number of frames and how they are filled. Every byte
  of a record is random, or files of one layout would share whole blocks.
* draw: nothing; it begins at random and lets the block be encrypted again. A 16-byte number fills 77 % of what 81
  digits can hold. Numbers c < 3^81 − 2^128 have two spellings, c and c + 2^128; one of them is taken at random, and
  every other c is thrown away with probability 1/2. So all 3^81 spellings are equally likely, as uniform noise is.

AES-256 is used as a block cipher proper, one block, no mode: the blocks of a file differ by their index, those of
different files by their shares.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import zfec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from ..errors import NoSecretError
from . import order

DIGITS = 81
BLOCK_BYTES = 16
MAX_FRAMES = 1 << 24
MIN_FRAMES = 6
"""Frames that give the record back, and so the fewest a container has."""

RECORD_BYTES = 24
_SHARE_BYTES = RECORD_BYTES // MIN_FRAMES
_SHARES = 256
_WINDOWS = 32
_DRAWS = 400
_SPELLINGS = 3**DIGITS
_TWICE = _SPELLINGS - (1 << 128)
"""Numbers below this have two spellings."""

_SIDE = 3**40
_SIDE_LOW = np.uint64(_SIDE & 0xFFFFFFFF)
_SIDE_HIGH = np.uint64(_SIDE >> 32)
_LAST_LOW = np.array([d * 3**80 & 0xFFFFFFFFFFFFFFFF for d in range(3)], np.uint64)
_LAST_HIGH = np.array([(d * 3**80 >> 64) & 0xFFFFFFFFFFFFFFFF for d in range(3)], np.uint64)
_U32 = np.uint64(32)
_LOW_HALF = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True)
class Sighting:
    """A sync block found: where it begins, the frame's index, its share of the record."""

    offset: int
    index: int
    share: bytes


# --- writing -------------------------------------------------------------------------------------------------


def blocks(key: bytes, record: bytes, frames: int, coin_key: bytes) -> NDArray[np.uint8]:
    """Return the sync digits of every frame, uint8 [frames, 81], each 0..2.

    Args:
        key: 32 bytes, the same for every file under one password.
        record: `RECORD_BYTES` bytes, the file's own.
        frames: how many, up to `MAX_FRAMES`.
        coin_key: 32 bytes that decide between spellings.
    """
    shares = _share(record)
    plain = np.zeros((frames, BLOCK_BYTES), np.uint8)
    numbers = np.arange(frames, dtype="<u4")
    plain[:, :3] = numbers.view(np.uint8).reshape(-1, 4)[:, :3]
    plain[:, 4:8] = np.frombuffer(b"".join(shares), np.uint8).reshape(_SHARES, -1)[numbers % _SHARES]
    coins = np.frombuffer(order.key_stream(coin_key, bytes(12), frames * 32), np.uint8).reshape(frames, 32)
    coins = np.unpackbits(coins, axis=1)
    spelled: list[int] = [0] * frames
    pending = np.arange(frames)
    first = np.frombuffer(order.key_stream(coin_key, b"draw".ljust(12, b"\0"), frames), np.uint8)
    for draw in range(256):
        plain[pending, 3] = first[pending] + np.uint8(draw)
        rows = _aes(key, plain[pending], decrypt=False).tobytes()
        kept = []
        for place, frame in enumerate(pending.tolist()):
            number = int.from_bytes(rows[BLOCK_BYTES * place : BLOCK_BYTES * (place + 1)], "little")
            coin = bool(coins[frame, draw])
            spelled[frame] = number + (1 << 128) if coin and number < _TWICE else number
            if coin and number >= _TWICE:
                kept.append(frame)
        if not kept:
            break
        pending = np.array(kept)
    return _spell(spelled)


def _share(record: bytes) -> Sequence[bytes]:
    parts = [record[i : i + _SHARE_BYTES] for i in range(0, RECORD_BYTES, _SHARE_BYTES)]
    shares: Sequence[bytes] = zfec.Encoder(MIN_FRAMES, _SHARES).encode(parts)
    return shares


def _spell(numbers: list[int]) -> NDArray[np.uint8]:
    """Write numbers below 3^81 as 81 digits, least significant first."""
    digits = np.empty((len(numbers), DIGITS), np.uint8)
    rest = np.array([[n % _SIDE, n // _SIDE % _SIDE] for n in numbers], np.uint64).reshape(-1, 2)
    for place in range(40):
        rest, digit = np.divmod(rest, np.uint64(3))
        digits[:, place], digits[:, 40 + place] = digit[:, 0], digit[:, 1]
    digits[:, 80] = [n // 3**80 for n in numbers]
    return digits


# --- finding -------------------------------------------------------------------------------------------------


def find(key: bytes, digits: NDArray[np.uint8], step: int = 1) -> list[Sighting]:
    """Look for sync blocks at every offset 0, step, 2 step … of a row of ternary digits.

    Args:
        key: 32 bytes.
        digits: uint8 [N], each 0..2: samples modulo 3.
        step: channels of the sound; frames begin with its first.
    """
    if len(digits) < DIGITS:
        return []
    low, high = _windows(digits, step)
    plain = _aes(key, np.stack([low, high], axis=1).astype("<u8").view(np.uint8), decrypt=True)
    hits = np.flatnonzero(plain[:, 8:].copy().view("<u8")[:, 0] == 0)
    return [
        Sighting(int(hit) * step, int.from_bytes(plain[hit, :3].tobytes(), "little"), plain[hit, 4:8].tobytes())
        for hit in hits
    ]


def _windows(digits: NDArray[np.uint8], step: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the number spelled by 81 digits from each offset, modulo 2^128: two words of 64 bits, low and high."""
    ones = digits.astype(np.uint64)
    threes = ones[:-2] + np.uint64(3) * ones[1:-1] + np.uint64(9) * ones[2:]
    nines = threes[:-6] + np.uint64(3**3) * threes[3:-3] + np.uint64(3**6) * threes[6:]
    most = nines[:-18] + np.uint64(3**9) * nines[9:-9] + np.uint64(3**18) * nines[18:]
    # 27 + 9 + 3 + 1 digits are 40, and 3^40 still fits a word.
    count = len(digits) - 39
    side = most[:count] + np.uint64(3**27) * nines[27 : 27 + count]
    side += np.uint64(3**36) * threes[36 : 36 + count] + np.uint64(3**39) * ones[39 : 39 + count]
    offsets = slice(0, len(digits) - DIGITS + 1, step)
    low, high = _times_side(side[40:][offsets])
    last = digits[80:][offsets]
    low, high = _add(low, high, side[offsets], np.uint64(0))
    return _add(low, high, _LAST_LOW[last], _LAST_HIGH[last])


def _times_side(number: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Multiply words of 64 bits by 3^40 into words of 128."""
    low, high = number & _LOW_HALF, number >> _U32
    lowest = low * _SIDE_LOW
    first = low * _SIDE_HIGH + (lowest >> _U32)
    second = high * _SIDE_LOW + (first & _LOW_HALF)
    return (second << _U32) | (lowest & _LOW_HALF), high * _SIDE_HIGH + (first >> _U32) + (second >> _U32)


def _add(
    low: NDArray[np.uint64],
    high: NDArray[np.uint64],
    other_low: NDArray[np.uint64],
    other_high: NDArray[np.uint64] | np.uint64,
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Add words of 128 bits; what is carried out of the top is lost, as it is meant to be."""
    total = low + other_low
    return total, high + other_high + (total < low)


def _aes(key: bytes, rows: NDArray[np.uint8], *, decrypt: bool) -> NDArray[np.uint8]:
    """Encrypt or decrypt rows of 16 bytes, each for itself."""
    # ECB is what one block alone is called in this library; why that is safe here is said at the top.
    cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305
    turn = cipher.decryptor() if decrypt else cipher.encryptor()
    return np.frombuffer(turn.update(rows.tobytes()), np.uint8).reshape(-1, BLOCK_BYTES)


# --- record --------------------------------------------------------------------------------------------------


def agree(sightings: Sequence[Sighting]) -> tuple[bytes, list[Sighting]]:
    """Return the record most sightings agree on, and those sightings.

    Raises:
        NoSecretError: no six of them give a record.
    """
    return records(sightings)[0]


def records(sightings: Sequence[Sighting]) -> list[tuple[bytes, list[Sighting]]]:
    """Return every record that sightings agree on, and those sightings, the most first.

    There is more than one where sounds were joined, or hidden in twice, under one password.

    Raises:
        NoSecretError: no six of them give a record.
    """
    found: dict[bytes, list[Sighting]] = {}
    explained: set[int] = set()  # offsets that a record seen more than six times accounts for
    for six in _sixes(sightings):
        shares = {sighting.index % _SHARES: sighting.share for sighting in six}
        if len(shares) == MIN_FRAMES:
            record = b"".join(zfec.Decoder(MIN_FRAMES, _SHARES).decode(list(shares.values()), list(shares)))
            if record not in found:
                shares = dict(enumerate(_share(record)))
                found[record] = [s for s in sightings if shares[s.index % _SHARES] == s.share]
                explained |= {s.offset for s in found[record]} if _is_written(found[record]) else set()
        if len(explained) == len(sightings):
            break
    written = {record: agreeing for record, agreeing in found.items() if _is_written(agreeing)}
    best = sorted((written or found).items(), key=lambda item: len(item[1]), reverse=True)
    if not best:
        raise NoSecretError
    return best


def _is_written(agreeing: Sequence[Sighting]) -> bool:
    """Whether a record was written by somebody: any six shares give some record, but seven do not agree by chance."""
    return len({sighting.index % _SHARES for sighting in agreeing}) > MIN_FRAMES


def _sixes(sightings: Sequence[Sighting]) -> Iterator[Sequence[Sighting]]:
    """Yield likely sets of six: neighbours first, as in one sound or sounds joined, then any, as in sounds mixed."""
    distinct = list({sighting.index % _SHARES: sighting for sighting in reversed(sightings)}.values())
    if len(distinct) < MIN_FRAMES:
        return
    yield distinct[-MIN_FRAMES:]
    last = len(sightings) - MIN_FRAMES
    for start in sorted({last * step // _WINDOWS for step in range(_WINDOWS + 1)}):
        yield sightings[start : start + MIN_FRAMES]
    # Always the same draws, so that revealing twice gives the same twice.
    draw = random.Random(0)  # noqa: S311
    for _ in range(_DRAWS):
        yield draw.sample(sightings, MIN_FRAMES)
