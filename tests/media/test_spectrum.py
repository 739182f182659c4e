"""Transforms that come back exactly, keep energy, and agree with their textbook definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intarsia.media import spectrum

lengths = st.one_of(st.sampled_from([1, 2, 3, 5, 7, 31, 63, 64, 65, 127, 997]), st.integers(1, 1500))


def noise(*shape):
    return np.random.default_rng(7).normal(size=shape)


@given(lengths, st.sampled_from([2, 4, 6, 64, 100]), st.sampled_from(["sine", "kbd"]))
@settings(max_examples=60, deadline=None)
def test_mdct_comes_back_and_keeps_energy(length, size, shape):
    samples = noise(2, length)
    coefficients = spectrum.mdct(samples, size, shape)
    assert coefficients.shape == (2, -(-length // size), size)
    assert np.abs(spectrum.imdct(coefficients, length, shape) - samples).max() < 1e-12
    assert np.isclose((coefficients**2).sum(), (samples**2).sum(), rtol=1e-12)


@given(lengths, st.sampled_from([(2, 1), (64, 32), (64, 16), (64, 17), (100, 7), (256, 64)]))
@settings(max_examples=60, deadline=None)
def test_stft_comes_back(length, setting):
    window, hop = setting
    samples = noise(length)
    found = spectrum.istft(spectrum.stft(samples, window, hop), window, hop, length)
    assert np.abs(found - samples).max() < 1e-12


@given(st.lists(st.sampled_from([2, 4, 6, 16, 64, 128]), min_size=1, max_size=20), st.sampled_from(["sine", "kbd"]))
@settings(max_examples=60, deadline=None)
def test_blocks_of_any_sizes_follow_each_other(sizes, shape):
    samples = noise(3, sum(sizes))
    coefficients = spectrum.switched_mdct(samples, sizes, shape)
    assert np.abs(spectrum.switched_imdct(coefficients, sizes, shape) - samples).max() < 1e-12
    assert np.isclose((coefficients**2).sum(), (samples**2).sum(), rtol=1e-12)


@pytest.mark.parametrize("size", [2, 4, 6, 10, 64])
def test_dct4_is_its_definition(size):
    half = np.arange(size) + 0.5
    matrix = np.sqrt(2 / size) * np.cos(np.pi / size * np.outer(half, half))
    blocks = noise(3, size)
    assert np.allclose(spectrum.dct4(blocks), blocks @ matrix, atol=1e-12)


def test_mdct_is_its_definition():
    size = 16
    samples = noise(5 * size)
    n = np.arange(2 * size)
    window = np.sin(np.pi / (2 * size) * (n + 0.5))
    piece = window * samples[size // 2 : size // 2 + 2 * size]  # the window of the block from 16 to 32
    k = np.arange(size)[:, None]
    expected = np.sqrt(2 / size) * (np.cos(np.pi / size * (n + 0.5 - size / 2) * (k + 0.5)) @ piece)
    assert np.allclose(spectrum.mdct(samples, size)[1], expected, atol=1e-12)


def test_error_among_coefficients_is_error_among_samples():
    samples = noise(1000)
    coefficients = spectrum.mdct(samples, 128, "kbd")
    coarse = np.rint(coefficients)
    # All of it counts, also what falls on the zeros behind the last sample.
    back = spectrum.imdct(coarse, 1024, "kbd")
    padded = np.pad(samples, (0, 24))
    assert np.isclose(((coarse - coefficients) ** 2).sum(), ((back - padded) ** 2).sum())


def test_istft_of_something_that_is_no_stft_is_the_closest_signal():
    spectrum_ = spectrum.stft(noise(200), 32, 8) + noise(28, 17)
    found = spectrum.istft(spectrum_, 32, 8, 200)

    def distance(samples):
        difference = spectrum.stft(samples, 32, 8) - spectrum_
        weights = np.full(17, 2.0)  # the other half of the spectrum mirrors all but its two ends
        weights[[0, -1]] = 1.0
        return (weights * np.abs(difference) ** 2).sum()

    at = distance(found)
    for seed in range(5):
        assert distance(found + 1e-3 * np.random.default_rng(seed).normal(size=200)) > at


def test_whole_numbers_and_channels_are_welcome():
    samples = np.arange(-50, 50, dtype=np.int16).reshape(2, 50)
    assert np.allclose(spectrum.imdct(spectrum.mdct(samples, 16), 50), samples)
    assert np.allclose(spectrum.istft(spectrum.stft(samples, 16, 8), 16, 8, 50), samples)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="even"):
        spectrum.mdct(noise(10), 3)
    with pytest.raises(ValueError, match="even"):
        spectrum.mdct(noise(10), 0)
    with pytest.raises(ValueError, match="at least one"):
        spectrum.mdct(noise(0), 4)
    with pytest.raises(ValueError, match="shape"):
        spectrum.mdct(noise(10), 4, "flat")
    with pytest.raises(ValueError, match="hold"):
        spectrum.imdct(noise(3, 4), 13)
    with pytest.raises(ValueError, match="hold"):
        spectrum.switched_mdct(noise(10), [4, 4])
    with pytest.raises(ValueError, match="hold"):
        spectrum.switched_imdct(noise(10), [4, 4])
    with pytest.raises(ValueError, match="hop"):
        spectrum.stft(noise(10), 8, 5)
    with pytest.raises(ValueError, match="at least one"):
        spectrum.stft(noise(0), 8, 4)
    with pytest.raises(ValueError, match="expected a spectrum"):
        spectrum.istft(np.zeros((3, 5), complex), 8, 4, 100)
