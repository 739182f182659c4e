"""Measures of sound against their definitions, computed another way."""

import math
import sys

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from intarsia.errors import UsageError
from intarsia.media import sound_metrics as measure
from intarsia.media.audio import Audio

RNG = np.random.default_rng(8)
RATE = 16_000
SECOND = np.arange(RATE) / RATE
SINE = np.sin(2 * np.pi * 250 * SECOND)


def speech(seconds=2):
    """Something with the ups and downs of speech, float [T] in -1..1."""
    t = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 120 * k * t + k) / k for k in range(1, 25))
    return 0.1 * tone * (1 + np.sin(2 * np.pi * 4 * t)) + 0.001 * RNG.standard_normal(len(t))


def test_snr_is_what_was_added():
    noise = RNG.standard_normal(RATE)
    noise *= math.sqrt(np.mean(SINE**2) / np.mean(noise**2)) / 10
    assert measure.snr(SINE, SINE + noise) == pytest.approx(20)
    assert measure.snr(SINE, SINE) == math.inf
    assert measure.snr(SINE * 0, SINE) == -math.inf
    assert measure.snr(SINE * 0, SINE * 0) == math.inf


def test_unsigned_samples_do_not_wrap():
    assert measure.snr(np.array([0, 3], np.uint8), np.array([1, 0], np.uint8)) == pytest.approx(10 * math.log10(0.9))


@settings(deadline=None)
@given(st.sampled_from([8, 16, 24, 32]), st.integers(1, 3), st.integers(0, 1000))
def test_snr_in_blocks_is_exact(depth, channels, seed):
    limit, generator = 1 << (depth - 1), np.random.default_rng(seed)
    x, y = generator.integers(-limit, limit, (2, 50, channels)).astype(np.int32)
    x[0], y[0] = -limit, limit - 1
    found = measure.snr_of(*(Audio.of(each, RATE, depth=depth) for each in (x, y)))
    signal = sum(int(a) ** 2 for a in x.flat)
    noise = sum((int(a) - int(b)) ** 2 for a, b in zip(x.flat, y.flat, strict=True))
    assert found == 10 * (math.log10(signal) - math.log10(noise))
    assert found == pytest.approx(measure.snr(x, y))


def test_snr_in_blocks_reads_more_than_one_and_sees_the_smallest_change():
    x = np.full((300_000, 1), 1 << 30, np.int32)
    y = x.copy()
    y[-1] += 1
    first, second = Audio.of(x, RATE, depth=32), Audio.of(y, RATE, depth=32)
    assert measure.snr_of(first, first) == math.inf
    assert measure.snr_of(first, second) == pytest.approx(20 * math.log10(1 << 30) + 10 * math.log10(300_000))
    with pytest.raises(ValueError, match="sounds differ"):
        measure.snr_of(first, Audio.of(y[1:], RATE, depth=32))


def test_segmental_snr_is_the_mean_over_frames():
    frames = RNG.standard_normal((5, 320))
    frames[3] = 0  # silent: skipped
    noise = np.array([0.1, 1e-6, 10, 1, 1])[:, None] * frames
    noise[3] = 1
    sound = np.append(frames + noise, np.ones(7))
    found = measure.segmental_snr(np.append(frames, np.zeros(7)), sound, RATE)
    assert found == pytest.approx((20 + 35 - 10 + 0) / 4)
    assert measure.segmental_snr(SINE, SINE, RATE) == 35
    assert math.isnan(measure.segmental_snr(SINE * 0, SINE, RATE))
    assert measure.segmental_snr(np.ones(5), np.full(5, 1.1), RATE) == pytest.approx(20)


def test_pearson_knows_direction_not_scale():
    x = RNG.standard_normal((500, 2))
    y = x + RNG.standard_normal((500, 2))
    assert measure.pearson(x, 3 * x + 5) == pytest.approx(1)
    assert measure.pearson(x, -x) == pytest.approx(-1)
    assert measure.pearson(x, y) == pytest.approx(np.corrcoef(x.ravel(), y.ravel())[0, 1])
    assert math.isnan(measure.pearson(x, x * 0))


def test_spectral_error_by_its_definition():
    x, y = RNG.standard_normal((2, 1024 + 256 * 600, 2))  # more frames than are taken at a time
    window = np.hanning(1025)[:-1]
    spectra = [
        np.abs([np.fft.rfft(window * s[i : i + 1024, c]) for c in range(2) for i in range(0, len(s) - 1023, 256)])
        for s in (x, y)
    ]
    assert measure.spectral_mae(x, y) == pytest.approx(np.mean(np.abs(spectra[0] - spectra[1])))
    assert measure.spectral_mae(x, x) == 0


def test_snr_of_magnitudes_by_scipy_and_blind_to_phase():
    x, y = RNG.standard_normal((2, 5_000))
    spectra = [
        np.abs(scipy.signal.stft(np.pad(s, 256), window="boxcar", nperseg=256, boundary=None, padded=False)[2])
        for s in (x, y)
    ]
    expected = 10 * np.log10(np.sum(spectra[0] ** 2) / np.sum((spectra[1] - spectra[0]) ** 2))
    assert measure.magnitude_snr(x, y) == pytest.approx(expected)
    assert measure.magnitude_snr(x, -x) == math.inf
    assert measure.magnitude_snr(np.stack([x, y], 1), np.stack([x, 1.1 * y], 1)) > 20


def test_a_sine_on_a_bin_has_magnitude_256():
    sine = np.sin(2 * np.pi * 64 / 1024 * np.arange(4096))
    expected = (256 + 2 * 128) / 513  # the bin and its two neighbours
    assert measure.spectral_mae(sine * 0, sine) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("length", [1, 100, 1024, 1025, 1279, 1280, 1281])
def test_every_sample_counts_in_the_spectrum(length):
    x = np.zeros(length)
    x[length // 2 if length < 1024 else -1] = 1
    assert measure.spectral_mae(np.zeros(length), x) > 0 or length <= 1024


def test_quiet_level_of_a_loud_sound_with_a_quiet_part():
    samples = np.concatenate([SINE * 0.5, SINE * 0.001, np.zeros(RATE), SINE * 0.5])
    found = measure.quiet_level(Audio.of(samples, RATE))
    assert found == pytest.approx(20 * math.log10(0.001 / math.sqrt(2)), abs=0.01)


@pytest.mark.parametrize("depth", [8, 16, 24, 32])
def test_quiet_level_does_not_depend_on_depth_or_offset(depth):
    samples = np.rint(SINE * 0.4 * (1 << (depth - 1)) + 7)
    found = measure.quiet_level(Audio.of(samples.astype(np.int32), RATE, depth=depth))
    assert found == pytest.approx(20 * math.log10(0.4 / math.sqrt(2)), abs=0.05)


def test_quiet_level_of_silence_and_of_moments():
    assert measure.quiet_level(Audio.of(np.full(RATE, 3, np.int16), RATE)) == -math.inf
    assert measure.quiet_level(Audio.of(np.array([-32768, 32767], np.int16), RATE)) == pytest.approx(0, abs=0.001)
    assert measure.quiet_level(Audio.of(np.array([5], np.int16), RATE)) == -math.inf


def test_quiet_level_reads_in_blocks():
    class Long:
        length, channels = 30_000_000, 1

        def read(self, start, count):
            assert count < 1 << 19
            return np.where(np.arange(start, start + count) % 2, 1, -1).astype(np.int32)[:, None]

    assert measure.quiet_level(Audio(Long(), 48_000, 16)) == pytest.approx(-20 * math.log10(32768))


ARRAYS = [
    measure.snr,
    measure.pearson,
    measure.spectral_mae,
    lambda x, y: measure.segmental_snr(x, y, RATE),
    lambda x, y: measure.stoi(x, y, RATE),
    lambda x, y: measure.pesq_wb(x, y, RATE),
]


@pytest.mark.parametrize("function", ARRAYS)
def test_sounds_that_cannot_be_compared_are_named(function):
    for x, y, message in [
        (SINE, SINE[1:], r"shapes differ: \(16000,\) and \(15999,\)"),
        (SINE[:0], SINE[:0], "expected samples of shape"),
        (SINE.reshape(-1, 2, 2), SINE.reshape(-1, 2, 2), "expected samples of shape"),
    ]:
        with pytest.raises(ValueError, match=message):
            function(x, y)


def test_a_rate_of_zero_is_named():
    with pytest.raises(ValueError, match="rate must be positive, got 0"):
        measure.segmental_snr(SINE, SINE, 0)


def test_stoi_falls_with_noise():
    pytest.importorskip("pystoi")
    clean = speech()
    values = [measure.stoi(clean, clean + level * RNG.standard_normal(len(clean)), RATE) for level in (0, 0.1, 1)]
    assert values[0] == pytest.approx(1, abs=1e-3) and values[0] > values[1] > values[2]
    assert measure.stoi(clean, clean, RATE, extended=True) == pytest.approx(1, abs=1e-3)


def test_stoi_needs_speech():
    pytest.importorskip("pystoi")
    burst = np.zeros(RATE)
    burst[:800] = speech()[:800]
    for sound in (speech()[:100], np.zeros(RATE), burst):
        with pytest.raises(ValueError, match=r"STOI needs 0\.4 s"):
            measure.stoi(sound, sound, RATE)
    with pytest.raises(ValueError, match="expected one channel, got 2"):
        measure.stoi(SINE.reshape(-1, 2), SINE.reshape(-1, 2), RATE)


def test_pesq_falls_with_noise():
    pytest.importorskip("pesq")
    clean = speech(3)
    noisy = clean + 0.05 * RNG.standard_normal(len(clean))
    assert measure.pesq_wb(clean, clean, RATE) > measure.pesq_wb(clean, noisy, RATE) >= 1
    assert measure.pesq_nb(clean, clean, RATE) > measure.pesq_nb(clean, noisy, RATE) >= 1


def test_pesq_needs_speech():
    pytest.importorskip("pesq")
    for sound, message in [(SINE * 0, "the reference is silent"), (SINE[:100], "cannot judge this: Buffer needs")]:
        with pytest.raises(ValueError, match=message):
            measure.pesq_wb(sound, sound, RATE)


def test_pesq_knows_two_rates():
    with pytest.raises(ValueError, match=r"PESQ \(wb\) needs a rate of 16000 Hz, got 8000"):
        measure.pesq_wb(SINE, SINE, 8000)
    with pytest.raises(ValueError, match="8000 or 16000 Hz, got 44100"):
        measure.pesq_nb(SINE, SINE, 44_100)


@pytest.mark.parametrize("name", ["pesq", "pystoi"])
def test_what_is_missing_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(measure.importlib.util, "find_spec", lambda _: None)
    function = measure.pesq_wb if name == "pesq" else measure.stoi
    with pytest.raises(UsageError, match=f"pip install {name}"):
        function(SINE, SINE, RATE)
