"""Sounds made by rules, so that something can be shown and tried without a recording.

tune   plucked strings (Karplus, Strong 1983) walking up and down a scale
voice  a glottal pulse train through formant filters, in syllables: speech without words (Klatt 1980)
"""

import numpy as np
from numpy.typing import NDArray

_SCALE = (0, 3, 5, 7, 10, 12, 15, 17)  # semitones, minor pentatonic
_VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240), (530, 1840, 2480))  # Hz
_BANDWIDTHS = (80.0, 100.0, 140.0)
_LEVEL = 10 ** (-20 / 20)


def tune(seconds: float, rate: int = 22_050, seed: int = 0) -> NDArray[np.int16]:
    """Return plucked strings, int16 [T].

    Args:
        seconds: how long.
        rate: Hz.
        seed: another seed, another tune.
    """
    draw = np.random.default_rng(seed)
    count = round(seconds * rate)
    sound = np.zeros(count)
    step = int(0.22 * rate)
    place = 3
    for start in range(0, count, step):
        place = int(np.clip(place + draw.integers(-2, 3), 0, len(_SCALE) - 1))
        hertz = 196.0 * 2 ** (_SCALE[place] / 12)
        note = _pluck(hertz, min(int(1.5 * rate), count - start), rate, draw)
        sound[start : start + len(note)] += draw.uniform(0.6, 1.0) * note
    return _whole(sound + 1e-4 * draw.standard_normal(count))


def _pluck(hertz: float, count: int, rate: int, draw: np.random.Generator) -> NDArray[np.float64]:
    """Let a burst of noise run round a delay line that loses its high notes first."""
    period = round(rate / hertz)
    line = draw.uniform(-1, 1, period)
    turns = []
    for _ in range(-(-count // period)):
        turns.append(line)
        line = 0.498 * (line + np.roll(line, 1))
    return np.concatenate(turns)[:count]


def voice(seconds: float, rate: int = 16_000, seed: int = 0) -> NDArray[np.int16]:
    """Return speech without words, int16 [T]."""
    draw = np.random.default_rng(seed)
    count = round(seconds * rate)
    sound = 0.002 * draw.standard_normal(count)
    at = int(0.1 * rate)
    while at < count:
        length = min(int(draw.uniform(0.12, 0.3) * rate), count - at)
        pitch = draw.uniform(95, 150) * np.linspace(1.1, 0.9, length)
        pulses = np.diff(np.floor(np.cumsum(pitch) / rate), prepend=0.0) + 0.02 * draw.standard_normal(length)
        vowel = _VOWELS[int(draw.integers(len(_VOWELS)))]
        syllable = sum(_formant(pulses, hertz, width, rate) for hertz, width in zip(vowel, _BANDWIDTHS, strict=True))
        sound[at : at + length] += np.hanning(length) * syllable
        at += length + int(draw.uniform(0.02, 0.2) * rate)
    return _whole(sound)


def _formant(pulses: NDArray[np.float64], hertz: float, width: float, rate: int) -> NDArray[np.float64]:
    """Filter by one resonance, as a convolution with its impulse response."""
    time = np.arange(int(0.03 * rate)) / rate
    response = np.exp(-np.pi * width * time) * np.sin(2 * np.pi * hertz * time)
    return np.convolve(pulses, response)[: len(pulses)]


def _whole(sound: NDArray[np.float64]) -> NDArray[np.int16]:
    scaled = sound * 32768 * _LEVEL / np.sqrt(np.mean(sound**2))
    whole: NDArray[np.int16] = np.clip(np.rint(scaled), -32768, 32767).astype(np.int16)
    return whole
