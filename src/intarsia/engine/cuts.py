"""Sounds of a pack cut to the length a network takes.

    int16 [T] ──► offset drawn, again where it is silent ──► speed ──► gain ──► int16 [1, length]

What is drawn comes from words that are given, so the same words make the same cut. Whether a cut is silent is decided
in whole numbers, which no two machines add up differently.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..media.transit import resampling
from . import draws
from .chosen import Chosen, Indices, Items

WORDS = 16
"""Words that one cut may use."""

MAX_TRIES = 12
"""Offsets that may be drawn for one cut."""

_FULL = 32_768.0
_LOW, _HIGH = -32_768, 32_767


@dataclass(frozen=True)
class SoundAugment:
    """How sounds are brought to length.

    Attributes:
        gain: dB, from and to; what goes beyond full scale is clipped.
        speed: times as fast, pitch along, from and to.
        short: what follows a sound that is shorter than a cut: silence ("pad"), or the sound again ("loop").
        quiet: level (RMS) below which a cut counts as silent, dB of full scale.
        tries: offsets drawn for one cut, the most; after them the loudest is taken.
    """

    gain: tuple[float, float] = (0.0, 0.0)
    speed: tuple[float, float] = (1.0, 1.0)
    short: Literal["pad", "loop"] = "pad"
    quiet: float = -60.0
    tries: int = 4

    def __post_init__(self) -> None:
        if not -96 <= self.gain[0] <= self.gain[1] <= 96:
            raise UsageError(f"gain={self.gain}; expected two gains in dB, -96 <= from <= to <= 96")
        if not 0.25 <= self.speed[0] <= self.speed[1] <= 4:
            raise UsageError(f"speed={self.speed}; expected two factors, .25 <= from <= to <= 4")
        if self.short not in ("pad", "loop"):
            raise UsageError(f"short={self.short!r}; expected pad or loop")
        if not 1 <= self.tries <= MAX_TRIES:
            raise UsageError(f"tries={self.tries}; expected 1 to {MAX_TRIES}")


class Cuts(Chosen):
    """Cuts of some sounds of a pack.

    Attributes:
        data: the sounds: item i is int16 [T].
        indices: of those to learn from, rising, each once.
        validation: of those to validate on.
        length: of the cuts, samples.
        augment: how they are made.
    """

    words = WORDS

    def __init__(
        self,
        sounds: Items[NDArray[np.int16]],
        indices: Indices,
        length: int,
        augment: SoundAugment | None = None,
        validation: Indices = (),
    ) -> None:
        super().__init__(sounds, indices, validation)
        self.length = length
        self.augment = augment or SoundAugment()
        if length < 1:
            raise UsageError(f"length {length}; expected samples, 1 or more")

    def make(self, items: NDArray[np.int64], words: NDArray[np.uint64]) -> NDArray[np.int16]:
        """Return cuts for learning.

        Args:
            items: indices into `data`, [n].
            words: uint64 [n, `WORDS`] to draw by.

        Returns:
            int16 [n, 1, length].
        """
        return self._made(items, words, self.augment)

    def still(self, items: NDArray[np.int64], words: NDArray[np.uint64]) -> NDArray[np.int16]:
        """Return cuts to validate on, int16 [n, 1, length]: only where they begin is drawn."""
        return self._made(items, words, replace(self.augment, gain=(0.0, 0.0), speed=(1.0, 1.0)))

    def _made(self, items: NDArray[np.int64], words: NDArray[np.uint64], augment: SoundAugment) -> NDArray[np.int16]:
        result = np.empty((len(items), 1, self.length), np.int16)
        for row, item, drawn in zip(result, items.tolist(), draws.unit(words).tolist(), strict=True):
            row[0] = drawn_cut(self.data[item], self.length, augment, drawn)
        return result


def drawn_cut(sound: NDArray[np.int16], length: int, augment: SoundAugment, drawn: list[float]) -> NDArray[np.int16]:
    """Return a cut of a sound [T], int16 [length], by numbers 0..1."""
    speed = _between(augment.speed, drawn[0])
    gain = _between(augment.gain, drawn[1])
    count = max(1, math.ceil(length * speed))
    piece = _fitted(_loud_enough(sound, count, augment, drawn[2:]), count, augment.short)
    if speed == 1 and gain == 0:
        return piece
    values = piece.astype(np.float64)
    if speed != 1:
        moved: NDArray[np.float64] = resampling.library().resample(values, speed, 1.0, quality="HQ")
        values = np.pad(moved[:length], (0, max(0, length - len(moved))))
    return np.clip(np.rint(values * 10 ** (gain / 20)), _LOW, _HIGH).astype(np.int16)


def _loud_enough(sound: NDArray[np.int16], count: int, augment: SoundAugment, drawn: list[float]) -> NDArray[np.int16]:
    """Return the first piece of up to `count` samples that is not silent, or the loudest of those tried."""
    room = len(sound) - count
    if room <= 0:
        return sound
    enough = count * (_FULL * 10 ** (augment.quiet / 20)) ** 2
    best, most = sound[:count], -1
    for place in drawn[: augment.tries]:
        start = min(int(place * (room + 1)), room)
        piece = sound[start : start + count]
        energy = int(np.square(piece, dtype=np.int64).sum())
        if energy >= enough:
            return piece
        if energy > most:
            best, most = piece, energy
    return best


def _fitted(piece: NDArray[np.int16], count: int, short: str) -> NDArray[np.int16]:
    if len(piece) == count:
        return piece
    return np.resize(piece, count) if short == "loop" else np.pad(piece, (0, count - len(piece)))


def _between(ends: tuple[float, float], drawn: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * drawn
