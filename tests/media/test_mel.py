"""Mel spectrograms: where a tone lies, and what their SSIM says."""

import numpy as np
import pytest

from intarsia.media import mel

RATE = 22_050
TIME = np.arange(RATE) / RATE


def test_a_tone_lies_in_its_band():
    for hertz in (300, 2000, 8000):
        power = mel.mel(np.sin(2 * np.pi * hertz * TIME), RATE).mean(axis=1)
        top = 2595 * np.log10(1 + RATE / 2 / 700)
        band = 2595 * np.log10(1 + hertz / 700) / top * (mel.BANDS + 1) - 1
        assert abs(int(power.argmax()) - band) <= 1


def test_alike_is_one_and_noise_takes_from_it():
    sound = np.sin(2 * np.pi * 440 * TIME) * np.sin(3 * TIME)
    noise = np.random.default_rng(0).normal(0, 1, len(sound))
    found = [mel.mel_ssim(sound, sound + level * noise, RATE) for level in (0, 0.001, 0.1)]
    assert found[0] == pytest.approx(1) and found[0] > found[1] > found[2]
    assert mel.absolute_error(sound, sound) == 0
    assert mel.absolute_error(np.array([0.5, -0.5]), np.array([0.4, -0.4])) == pytest.approx(0.1 / 0.5 * 127.5)
