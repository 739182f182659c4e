"""How far a sound is from its reference: SNR, correlation, spectra, and the listening models PESQ and STOI.

    waveform    snr, segmental_snr, pearson      every sample counts, heard or not
    spectrum    spectral_mae, magnitude_snr      phase does not count
    listening   pesq_wb, pesq_nb, stoi           speech only, by packages of their own
    one sound   quiet_level                      how loud its quietest places are

Functions on arrays take two sounds of one shape, [T] or [T, C], integers or floats in any one scale, and return one
number. `snr_of` and `quiet_level` take `Audio` and read it piece by piece, so that hours need no more memory than
seconds.
"""

import importlib
import importlib.util
import math
import warnings
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from .audio import BLOCK, Audio

Sound: TypeAlias = NDArray[Any]
"""[T] or [T, C], integers or floats."""

FRAME_SECONDS = 0.02
"""Length of the frames of `segmental_snr` and `quiet_level`."""

SEGMENT_LIMITS = (-10.0, 35.0)
"""Decibels one frame may count for: below and above, nobody hears a difference."""

WINDOW, HOP = 1024, 256
"""Samples of one frame of `spectral_mae`, and from each to the next."""

PLAIN = 256
"""Samples of one frame of `magnitude_snr`; half of them from each to the next."""

_QUIET_SHARE = 0.1
_SPECTRA_AT_A_TIME = 512
_STOI_SECONDS = 0.4  # 30 frames at its own 10 kHz
_TOO_QUIET = f"STOI needs {_STOI_SECONDS} s that are not silence"


def snr(reference: Sound, sound: Sound) -> float:
    """Signal-to-noise ratio of the waveform: 10 log10(sum of reference^2 / sum of (sound - reference)^2).

    One ratio over all samples of all channels, not a mean of ratios.

    Args:
        reference: [T] or [T, C], the original.
        sound: same shape and scale.

    Returns:
        Decibels, higher is better; `math.inf` when identical, -`math.inf` when only the reference is silent.

    Raises:
        ValueError: shapes differ, or there are no samples.
    """
    x, y = _pair(reference, sound)
    return _ratio(float(np.sum(x * x)), float(np.sum((y - x) ** 2)))


def snr_of(reference: Audio, sound: Audio) -> float:
    """`snr` of two sounds of any length, read in blocks; the sums are whole numbers, so nothing is rounded.

    Args:
        reference: the original.
        sound: same length, channels and depth.

    Returns:
        Decibels, higher is better; `math.inf` when identical, -`math.inf` when only the reference is silent.

    Raises:
        ValueError: length, channels or depth differ.
    """
    facts, others = ((a.length, a.channels, a.depth) for a in (reference, sound))
    if facts != others:
        raise ValueError(f"sounds differ in (length, channels, depth): {facts} and {others}")
    signal = noise = 0
    for x, y in zip(reference.blocks(), sound.blocks(), strict=True):
        whole = x.astype(np.int64)
        signal += _sum_of_squares(whole)
        noise += _sum_of_squares(y - whole)
    return _ratio(signal, noise)


def segmental_snr(reference: Sound, sound: Sound, rate: int) -> float:
    """Mean over frames of the SNR of each frame: errors count more where the sound is quiet.

    Frames of 20 ms lie side by side, all channels of a frame together; an incomplete last one is left out unless it
    is the only one. Frames where the reference is digital silence are skipped, and each frame counts for -10 dB at
    least and 35 dB at most, as is usual. Source: Hansen, Pellom, "An effective quality evaluation protocol for
    speech enhancement algorithms", ICSLP 1998.

    Args:
        reference: [T] or [T, C], the original.
        sound: same shape and scale.
        rate: Hz.

    Returns:
        Decibels in -10..35, higher is better, 35 when identical; NaN when the reference is silent throughout.

    Raises:
        ValueError: shapes differ, there are no samples, or the rate is not positive.
    """
    x, y = _pair(reference, sound)
    size = min(_frame(rate), len(x))
    count = len(x) // size
    frames = x[: count * size].reshape(count, -1), (y - x)[: count * size].reshape(count, -1)
    signal, noise = (np.einsum("ij,ij->i", each, each) for each in frames)
    heard = signal > 0
    if not heard.any():
        return math.nan
    with np.errstate(divide="ignore"):
        decibels = 10 * np.log10(signal[heard] / noise[heard])
    return float(np.mean(np.clip(decibels, *SEGMENT_LIMITS)))


def pearson(reference: Sound, sound: Sound) -> float:
    """Pearson's correlation of the two waveforms, all channels as one.

    Args:
        reference: [T] or [T, C], the original.
        sound: same shape; its scale does not matter.

    Returns:
        A number in -1..1, higher is better; NaN when one of them is constant.

    Raises:
        ValueError: shapes differ, or there are no samples.
    """
    x, y = _pair(reference, sound)
    x, y = x - x.mean(), y - y.mean()
    scale = math.sqrt(float(np.sum(x * x)) * float(np.sum(y * y)))
    return float(np.sum(x * y)) / scale if scale else math.nan


def spectral_mae(reference: Sound, sound: Sound) -> float:
    """Mean absolute difference of the magnitudes of two short-time spectra.

    Each channel by itself: frames of 1,024 samples every 256, a periodic Hann window, no scaling (a sine of
    amplitude 1 on a bin has magnitude 256 there), zeros after the end to complete the last frame. The mean is over
    all frames and all 513 bins.

    Args:
        reference: [T] or [T, C], the original; in -1..1 if numbers of several sounds are to be compared.
        sound: same shape and scale.

    Returns:
        A number from 0, lower is better, 0 when identical; it grows with the scale of the samples.

    Raises:
        ValueError: shapes differ, or there are no samples.
    """
    x, y = _pair(reference, sound)
    total, count = 0.0, 0
    for channel in range(x.shape[1]):
        for a, b in zip(_spectra(x[:, channel]), _spectra(y[:, channel]), strict=True):
            total += float(np.sum(np.abs(a - b)))
            count += a.size
    return total / count


def magnitude_snr(reference: Sound, sound: Sound) -> float:
    """Signal-to-noise ratio of short-time magnitudes, as Hide and Speak counts it; wrong phases cost nothing.

    Each channel by itself: frames of 256 samples every 128, rectangular, 256 zeros before and behind.

    Source: public code of F. Kreuk et al., Hide and Speak, Interspeech 2020; there the sums are over a batch.

    Args:
        reference: [T] or [T, C], the original.
        sound: same shape and scale.

    Returns:
        Decibels, higher is better; `math.inf` when the magnitudes are identical.

    Raises:
        ValueError: shapes differ, or there are no samples.
    """
    x, y = _pair(reference, sound)
    signal = noise = 0.0
    for channel in range(x.shape[1]):
        one, other = _plain_magnitudes(x[:, channel]), _plain_magnitudes(y[:, channel])
        signal += float(np.sum(one * one))
        noise += float(np.sum((other - one) ** 2))
    return _ratio(signal, noise)


def quiet_level(audio: Audio) -> float:
    """Level of the quietest tenth of a sound: what changes of its samples would be heard against.

    Frames of 20 ms lie side by side (an incomplete last one is left out unless it is the only one). A frame's power
    is its variance, each channel about its own mean, averaged over channels, so that a constant offset is silence.
    Frames of digital silence, where no sample differs from the next, are left out; of the others, the quietest
    tenth (one at least) is averaged.

    Args:
        audio: the sound, read in blocks.

    Returns:
        Decibels relative to full scale (an RMS of 2^(depth - 1) is 0, a full-scale sine -3.01), 0 or less;
        -`math.inf` when everything is digital silence.
    """
    size = min(_frame(audio.rate), audio.length)
    powers = []
    step = max(1, BLOCK // size) * size
    for block in audio.blocks(step):
        count = len(block) // size
        if count:
            frames = block[: count * size].reshape(count, size, audio.channels)
            powers.append(np.var(frames, axis=1, dtype=np.float64).mean(axis=1))
    heard = np.sort(np.concatenate(powers))
    heard = heard[heard > 0]
    if not heard.size:
        return -math.inf
    quietest = heard[: max(1, round(_QUIET_SHARE * heard.size))]
    return 10 * math.log10(float(quietest.mean())) - 20 * math.log10(2) * (audio.depth - 1)


def pesq_wb(reference: Sound, sound: Sound, rate: int) -> float:
    """Wideband PESQ: the listening quality of speech that a panel would have given.

    Source: ITU-T P.862.2, by the package pesq.

    Args:
        reference: float [T] in -1..1, the original.
        sound: same shape and scale.
        rate: 16,000 Hz.

    Returns:
        MOS-LQO in 1.04..4.64, higher is better.

    Raises:
        ValueError: shapes differ, more than one channel, another rate, or no speech in it.
        UsageError: pesq is not installed.
    """
    return _pesq(reference, sound, rate, "wb", (16_000,))


def pesq_nb(reference: Sound, sound: Sound, rate: int) -> float:
    """Narrowband PESQ, for speech as a telephone carries it.

    Source: ITU-T P.862 with the mapping of P.862.1, by the package pesq.

    Args:
        reference: float [T] in -1..1, the original.
        sound: same shape and scale.
        rate: 8,000 or 16,000 Hz.

    Returns:
        MOS-LQO in 1.02..4.55, higher is better.

    Raises:
        ValueError: shapes differ, more than one channel, another rate, or no speech in it.
        UsageError: pesq is not installed.
    """
    return _pesq(reference, sound, rate, "nb", (8_000, 16_000))


def stoi(reference: Sound, sound: Sound, rate: int, *, extended: bool = False) -> float:
    """Short-time objective intelligibility of speech.

    Source: Taal, Hendriks, Heusdens, Jensen, "An algorithm for intelligibility prediction of time-frequency weighted
    noisy speech", IEEE Transactions on Audio, Speech, and Language Processing 19(7), 2011; the extended form: Jensen,
    Taal, IEEE/ACM Transactions on Audio, Speech, and Language Processing 24(11), 2016; by the package pystoi.

    Args:
        reference: float [T], the original; 0.4 s of speech or more.
        sound: same shape.
        rate: Hz; any, it is converted to 10,000.
        extended: compute ESTOI, which suits noise that comes and goes.

    Returns:
        About 0..1, higher is better, 1 when identical.

    Raises:
        ValueError: shapes differ, more than one channel, or too little that is not silence.
        UsageError: pystoi is not installed.
    """
    x, y = _mono(reference, sound)
    package = _package("pystoi")
    if len(x) < _STOI_SECONDS * rate or not x.any():
        raise ValueError(_TOO_QUIET)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Not enough STFT frames")
        try:
            return float(package.stoi(x, y, rate, extended=extended))
        except RuntimeWarning:
            raise ValueError(_TOO_QUIET) from None


def _pesq(reference: Sound, sound: Sound, rate: int, mode: str, rates: tuple[int, ...]) -> float:
    x, y = _mono(reference, sound)
    if rate not in rates:
        raise ValueError(f"PESQ ({mode}) needs a rate of {' or '.join(map(str, rates))} Hz, got {rate}; resample first")
    package = _package("pesq")
    if not x.any():
        raise ValueError(f"PESQ ({mode}) needs speech; the reference is silent")
    try:
        return float(package.pesq(rate, x.astype(np.float32), y.astype(np.float32), mode))
    except package.PesqError as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"PESQ ({mode}) cannot judge this: {reason}") from error


def _package(name: str) -> Any:  # noqa: ANN401 (a module that is known only when it is there)
    if importlib.util.find_spec(name) is None:
        raise UsageError(f"this measure needs the package {name}: pip install {name}")
    return importlib.import_module(name)


def _pair(reference: Sound, sound: Sound) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two sounds as float64 [T, C], once they were found comparable."""
    if reference.shape != sound.shape:
        raise ValueError(f"shapes differ: {reference.shape} and {sound.shape}")
    if reference.ndim not in (1, 2) or reference.size == 0:
        raise ValueError(f"expected samples of shape [T] or [T, C], got {reference.shape}")
    shape = (len(reference), -1)
    return reference.reshape(shape).astype(np.float64), sound.reshape(shape).astype(np.float64)


def _mono(reference: Sound, sound: Sound) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two sounds as float64 [T]."""
    x, y = _pair(reference, sound)
    if x.shape[1] != 1:
        raise ValueError(f"expected one channel, got {x.shape[1]}; take the channels one by one")
    return x[:, 0], y[:, 0]


def _frame(rate: int) -> int:
    if not rate > 0:
        raise ValueError(f"rate must be positive, got {rate}")
    return max(1, round(FRAME_SECONDS * rate))


def _ratio(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * (math.log10(signal) - math.log10(noise)) if signal else -math.inf


def _sum_of_squares(values: NDArray[np.int64]) -> int:
    """Exact sum of squares of up to 2^25 values below 2^33: in halves, whose squares and sums fit into 64 bits."""
    upper, lower = values >> 16, values & 0xFFFF
    squares, mixed, rest = (int(np.sum(a * b)) for a, b in ((upper, upper), (upper, lower), (lower, lower)))
    return (squares << 32) + (mixed << 17) + rest


def _plain_magnitudes(channel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Magnitudes [frames, 129] of rectangular frames of one channel [T]."""
    padded = np.pad(channel, PLAIN)
    frames = np.lib.stride_tricks.sliding_window_view(padded, PLAIN)[:: PLAIN // 2]
    return np.abs(np.fft.rfft(frames, axis=-1))


def _spectra(channel: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Magnitudes [frames, 513] of one channel [T], some hundred frames at a time."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    count = 1 + max(0, -(-(len(channel) - WINDOW) // HOP))
    padded = np.pad(channel, (0, (count - 1) * HOP + WINDOW - len(channel)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    for first in range(0, count, _SPECTRA_AT_A_TIME):
        yield np.abs(np.fft.rfft(frames[first : first + _SPECTRA_AT_A_TIME] * window))
