"""A sound to as many bytes as there are, and back.

    exact    the file as it was, or FLAC: the shortest
    lossy    our own MDCT code (`mdct`), which fills the bytes with the best waveform: no stock codec aims at SNR

A lossy code says rate and samples, nothing else; a FLAC code is a FLAC file.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ..errors import DoesNotFitError, InputError, UsageError
from ..media import audio_file, sound_metrics
from ..media.audio import ArrayPcm, Audio
from . import mdct
from .coded import Coded

_EXACT_HOPELESS = 16  # raw bytes for each byte of budget beyond which FLAC is not tried
_SMALL = 1 << 20  # raw bytes up to which it always is
_RATE_BYTES = 4
_MOST_LOSSY = mdct.MAX_SAMPLES

LEAST_DB = 6.0
"""SNR in dB below which a sound is not carried at all: hardly anything of it would be left."""


def encode(value: Audio, budget: int, *, target_db: float | None = None) -> Coded:
    """Return the best code of `value` within `budget` bytes: an exact one if it fits, else the best SNR.

    Args:
        value: the sound.
        budget: most bytes the code may take.
        target_db: stop at this SNR instead of filling the budget; inf means exactly. An exact code is taken when it
            is no longer.

    Returns:
        The code and its SNR in dB, below `target_db` when the budget cannot reach it.

    Raises:
        DoesNotFitError: not even the coarsest code fits.
    """
    exact = _shortest_exact(value, budget)
    if exact is not None and (target_db is None or math.isinf(target_db)):
        return exact
    lossy = None if target_db is None or math.isinf(target_db) else _at(value, target_db)
    if lossy is not None and lossy.quality >= (target_db or 0) and len(lossy.code) <= budget:
        return lossy if exact is None or len(lossy.code) < len(exact.code) else exact
    if exact is not None:
        return exact
    filled = _filled(value, budget)
    if filled is None or filled.quality < LEAST_DB:
        smallest = _smallest(value)
        raise DoesNotFitError(
            f"it needs at least {smallest:,} bytes and {max(budget, 0):,} fit", needed=smallest, available=budget
        )
    return filled


def decode(code: bytes, name: str = "") -> Audio:
    """Undo `encode`; an exact code gives the very samples, a lossy one the sound that was measured."""
    letter, rest = code[:1], code[1:]
    if letter == b"f":
        return audio_file.decode(rest, name)
    if letter == b"F":
        found = audio_file.decode(rest, name)
        return Audio(found.pcm, found.rate, found.depth, name=name)
    if letter != b"M":
        raise InputError(f"unknown code {letter!r} for a sound; a newer release may know it")
    samples, depth = mdct.decode(rest[_RATE_BYTES:])
    try:
        return _sound(samples, depth, int.from_bytes(rest[:_RATE_BYTES], "little"), name)
    except UsageError as error:
        raise InputError(f"the secret's code is damaged: {error}") from error


def _sound(samples: NDArray[np.int32], depth: int, rate: int, name: str) -> Audio:
    return Audio(ArrayPcm(samples), rate, depth, name=name)


def _shortest_exact(value: Audio, budget: int) -> Coded | None:
    codes = []
    hopeful = value.size * value.depth // 8 < max(budget * _EXACT_HOPELESS, _SMALL)
    original = value.original() if hopeful else None
    if original is not None:
        codes.append(b"f" + original)
    if hopeful and not value.is_lossy:
        try:
            audio_file.check_format(value, "FLAC")
            codes.append(b"F" + audio_file.encode(value, "FLAC"))
        except UsageError:
            pass
    fitting = [code for code in codes if len(code) <= budget]
    return Coded(min(fitting, key=len), math.inf) if fitting else None


def _smallest(value: Audio) -> int:
    """Return the bytes of the coarsest code that is worth anything; of a sound too long for one, what it takes raw."""
    at_least = _at(value, LEAST_DB)
    return value.size * value.depth // 8 if at_least is None else len(at_least.code)


def _filled(value: Audio, budget: int) -> Coded | None:
    if value.size > _MOST_LOSSY:
        return None
    code = mdct.encode(value.samples, value.depth, budget - 1 - _RATE_BYTES)
    return None if code is None else _measured(value, code)


def _at(value: Audio, target_db: float) -> Coded | None:
    if value.size > _MOST_LOSSY:
        return None
    return _measured(value, mdct.encode_at(value.samples, value.depth, target_db))


def _measured(value: Audio, packed: bytes) -> Coded:
    code = b"M" + value.rate.to_bytes(_RATE_BYTES, "little") + packed
    return Coded(code, sound_metrics.snr_of(value, decode(code)))
