"""What happens to sounds on their way.

Each function takes a sound and strengths, and returns what the receiver gets after decoding: depth, rate and channels
stay, and the length where nothing is cut out. What only moves samples works on the integers; the rest in floating
point, rounded once without dither, clipped at full scale. A sound that came out of a codec keeps the very file in
`file`, and its `format`; its samples are those of that file with the codec's delay taken off.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from .. import audio_file
from ..audio import ArrayPcm, Audio, Block, beyond_full_scale, clipped_note, from_float
from . import resampling, sound_codecs
from .resampling import fitted, resampled
from .sound_codecs import Coded, Floats

_LOBES = 16  # zero crossings of the low-pass filter on each side


# --- codecs --------------------------------------------------------------------------------------------------


def wav(audio: Audio) -> Audio:
    """Write as WAV and read again: the control, which changes nothing."""
    resampling.check(audio.size)
    return replace(audio_file.decode(audio_file.encode(audio, "WAV"), audio.name), notes=())


def mp3(audio: Audio, kbps: int) -> Audio:
    """Compress as MP3 by LAME at a constant bit rate in kbit/s, 8 to 320, the nearest that the rate has."""
    return _coded(audio, sound_codecs.mp3(_floats(audio), audio.rate, kbps), "MP3")


def aac(audio: Audio, kbps: int) -> Audio:
    """Compress as AAC-LC by FFmpeg's encoder, about so many kbit/s, 8 to 512, in an MP4 (.m4a)."""
    return _coded(audio, sound_codecs.aac(_floats(audio), audio.rate, kbps), "AAC")


def opus(audio: Audio, kbps: int, hertz: int = 48_000) -> Audio:
    """Compress as Opus by libopus.

    Args:
        audio: the sound.
        kbps: about so many kbit/s, 6 to 256 for each channel.
        hertz: rate that the encoder gets: 8,000, 12,000, 16,000, 24,000 or 48,000.
    """
    if hertz not in sound_codecs.OPUS_RATES:
        expected = ", ".join(map(str, sound_codecs.OPUS_RATES))
        raise UsageError(f"channel opus: HZ is {hertz}; expected one of {expected}")
    if kbps > 256 * audio.channels:
        raise UsageError(f"channel opus: KBPS is {kbps}; mono takes at most 256")
    return _coded(audio, sound_codecs.opus(_floats(audio), audio.rate, kbps, hertz), "OGG")


def ogg(audio: Audio, quality: float) -> Audio:
    """Compress as Ogg Vorbis by libvorbis; quality 0 to 10."""
    return _coded(audio, sound_codecs.ogg(_floats(audio), audio.rate, quality), "OGG")


def _coded(audio: Audio, coded: Coded, form: str) -> Audio:
    made = _rounded(audio, coded.values)
    notes = () if coded.rate == audio.rate else (f"coded at {coded.rate:,} Hz and brought back to {audio.rate:,}",)
    return replace(made, format=form, file=coded.file, notes=(*made.notes, *notes))


# --- other rates ---------------------------------------------------------------------------------------------


def resample(audio: Audio, hertz: int) -> Audio:
    """Bring to another rate and back (soxr); the length stays, what the lower rate cannot hold is lost."""
    there = resampled(_floats(audio), audio.rate, hertz)
    return _rounded(audio, fitted(resampled(there, hertz, audio.rate), audio.length))


def speed(audio: Audio, factor: float) -> Audio:
    """Play faster (above 1) or slower, as a tape: pitch goes along, the length becomes length / factor."""
    return _rounded(audio, resampled(_floats(audio), factor, 1.0))


# --- missing parts -------------------------------------------------------------------------------------------


def trim(audio: Audio, count: int) -> Audio:
    """Take this many samples (of each channel) away from the start.

    Raises:
        UsageError: no sample would be left.
    """
    if count >= audio.length:
        raise UsageError(f"channel trim: SAMPLES is {count}; the sound has {audio.length:,}, and one must be left")
    return _made(audio, _samples(audio)[count:])


def cut(audio: Audio, share: float, pieces: int = 1, seed: int = 0) -> Audio:
    """Take a share of the sound out, in pieces of equal length at places drawn by chance; what is left closes up."""
    return _made(audio, _samples(audio)[~_hit(audio.length, share, pieces, seed)])


def zero(audio: Audio, share: float, pieces: int = 1, seed: int = 0) -> Audio:
    """Silence a share of the sound, in the same places as `cut` takes out; the length stays."""
    samples = _samples(audio)
    samples[_hit(audio.length, share, pieces, seed)] = 0
    return _made(audio, samples)


def _hit(length: int, share: float, pieces: int, seed: int) -> NDArray[np.bool_]:
    """Return which of the samples are hit, bool [T]: `pieces` pieces that do not overlap."""
    total = min(round(length * share), length - 1)
    ends = np.rint(np.linspace(0, total, pieces + 1)).astype(np.int64)
    # Where the pieces lie is where they lie in what is left, moved on by the pieces before.
    gaps = np.sort(np.random.default_rng(seed).integers(0, length - total + 1, pieces))
    hit = np.zeros(length, np.bool_)
    for gap, before, after in zip(gaps, ends[:-1], ends[1:], strict=True):
        hit[gap + before : gap + after] = True
    return hit


# --- other values --------------------------------------------------------------------------------------------


def gain(audio: Audio, decibels: float) -> Audio:
    """Make louder or quieter; what lies beyond full scale is clipped."""
    return _rounded(audio, _floats(audio) * 10 ** (decibels / 20))


def noise(audio: Audio, snr: float, seed: int = 0) -> Audio:
    """Add white Gaussian noise at this SNR in dB, against the power of the whole sound; silence stays silent."""
    values = _floats(audio)
    deviation = np.sqrt(np.mean(values**2)) * 10 ** (-snr / 20)
    return _rounded(audio, values + np.random.default_rng(seed).normal(0, deviation, values.shape))


def plusminus1(audio: Audio, seed: int = 0) -> Audio:
    """Move every sample by one level, up or down by chance; at the ends of the range, inwards."""
    samples = _samples(audio)
    signs = np.random.default_rng(seed).integers(0, 2, samples.shape, dtype=np.int8) * 2 - 1
    signs[samples == audio.low] = 1
    signs[samples == audio.high] = -1
    return _made(audio, samples + signs)


def requantise(audio: Audio, bits: int) -> Audio:
    """Round every sample to this many bits, without dither, at the old depth; with as many bits nothing changes."""
    if bits >= audio.depth:
        return _made(audio, _samples(audio))
    step = 1 << (audio.depth - bits)
    rounded = np.rint(_samples(audio) / step).astype(np.int64) * step
    return _made(audio, np.clip(rounded, audio.low, audio.high - step + 1))


def lowpass(audio: Audio, hertz: float) -> Audio:
    """Take away what lies above a frequency: a windowed sinc, symmetric, so that nothing is delayed.

    Half of the amplitude is left at the frequency itself; a tenth below it all, a tenth above it next to nothing.
    """
    if 2 * hertz >= audio.rate:
        return _made(audio, _samples(audio))
    reach = round(_LOBES * audio.rate / hertz)
    at = np.arange(-reach, reach + 1)
    weights = np.sinc(2 * hertz / audio.rate * at) * np.blackman(2 * reach + 1)
    weights /= weights.sum()
    values = _floats(audio)
    size = 1 << int(len(values) + 2 * reach).bit_length()
    response = np.fft.rfft(weights, size)
    filtered = np.empty_like(values)
    for channel in range(audio.channels):
        whole = np.fft.irfft(np.fft.rfft(values[:, channel], size) * response, size)
        filtered[:, channel] = whole[reach : reach + len(values)]
    return _rounded(audio, filtered)


def echo(audio: Audio, milliseconds: float = 80.0, share: float = 0.4) -> Audio:
    """Add the sound once more, later and weaker; the length stays."""
    values = _floats(audio)
    delay = max(1, round(audio.rate * milliseconds / 1000))
    result = values.copy()
    result[delay:] += share * values[:-delay]
    return _rounded(audio, result)


def mono(audio: Audio) -> Audio:
    """Mix down to one channel, the mean of all."""
    return replace(_rounded(audio, _floats(audio).mean(axis=1, keepdims=True)), mask=None)


# --- how -----------------------------------------------------------------------------------------------------


def _samples(audio: Audio) -> Block:
    resampling.check(audio.size)
    return audio.samples


def _floats(audio: Audio) -> Floats:
    """Return the sound as float64 [T, C] in -1..1."""
    return _samples(audio) / float(1 << (audio.depth - 1))


def _made(audio: Audio, samples: NDArray[np.integer[Any]], notes: tuple[str, ...] = ()) -> Audio:
    """Return the sound with other samples in the range of its depth, made here and no longer from a file."""
    pcm = ArrayPcm(samples.astype(np.int16) if audio.depth <= 16 else samples.astype(np.int32))
    return replace(audio, pcm=pcm, format="", file=None, notes=notes)


def _rounded(audio: Audio, values: Floats) -> Audio:
    """Return the sound with these values, rounded and clipped."""
    notes = tuple(filter(None, [clipped_note(beyond_full_scale(values))]))
    return _made(audio, from_float(values, audio.depth), notes)
