"""Rounding is what the saved file gives back, to the bit, and its gradient goes straight through."""

import math

import numpy as np
import pytest
import torch

from intarsia.engine import rounding
from intarsia.media import Audio, Image, audio, audio_file, image_file


def draws(*shape, low, high):
    return low + (high - low) * torch.rand(*shape, generator=torch.Generator().manual_seed(3))


HALVES = (torch.arange(-3, 259) + 0.5) / 255


def saved_picture(samples):
    """Planes [3, H, W] of what a PNG file gives back."""
    image = Image(np.ascontiguousarray(samples.permute(1, 2, 0).numpy()))
    return torch.from_numpy(image_file.decode(image_file.encode(image, "PNG")).planes())


def saved_sound(samples):
    """Planes [C, T] of what a WAV file gives back."""
    sound = Audio.of(np.ascontiguousarray(samples.T.numpy()), 16_000)
    return torch.from_numpy(audio_file.decode(audio_file.encode(sound, "WAV")).planes())


def test_a_picture_is_what_the_file_gives_back():
    values = draws(3, 40, 50, low=-0.1, high=1.1)
    values[0, 0] = HALVES[:50]
    values[1].view(-1)[: len(HALVES)] = HALVES
    expected = saved_picture(rounding.picture_samples(values))
    assert torch.equal(rounding.picture(values), expected)
    assert torch.equal(rounding.picture_values(rounding.picture_samples(values)), expected)
    by_numpy = np.clip(np.rint(values.numpy() * np.float32(255)), 0, 255).astype(np.uint8)
    assert np.array_equal(rounding.picture_samples(values).numpy(), by_numpy)


def test_every_level_stays_what_it_is():
    levels = torch.arange(256, dtype=torch.uint8)
    for low in (0.0, -1.0):
        values = rounding.picture_values(levels, low=low)
        assert torch.equal(rounding.picture_samples(values, low=low), levels)
        assert torch.equal(rounding.picture(values, low=low), values)
    samples = torch.arange(-32768, 32768).to(torch.int16)
    assert torch.equal(rounding.sound_samples(rounding.sound_values(samples)), samples)
    assert torch.equal(rounding.sound(rounding.sound_values(samples)), rounding.sound_values(samples))


def test_a_picture_from_minus_one_to_one():
    values = draws(3, 20, 20, low=-1.2, high=1.2)
    expected = saved_picture(rounding.picture_samples(values, low=-1.0)) * 2 - 1
    assert torch.equal(rounding.picture(values, low=-1.0), expected)
    assert (expected - values.clamp(-1, 1)).abs().max() < 1.001 / 255


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_sound_is_what_the_file_gives_back(dtype):
    values = draws(2, 5000, low=-1.1, high=1.1).to(dtype)
    values[0, :8] = torch.tensor([1.0, -1.0, 0.99999, -0.99999, 0.5 / 32768, 1.5 / 32768, -0.5 / 32768, 0.0])
    samples = rounding.sound_samples(values)
    assert np.array_equal(samples.numpy(), audio.from_float(values.numpy(), 16))
    assert torch.equal(rounding.sound(values), saved_sound(samples).to(dtype))


@pytest.mark.parametrize(("work", "low"), [(rounding.picture, 0), (rounding.sound, -1)])
def test_the_gradient_is_one_inside_and_as_asked_outside(work, low):
    values = torch.tensor([low - 0.5, low + 0.1, 0.3, 0.9, 1.5], requires_grad=True)
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    (work(values) * weights).sum().backward()
    assert torch.equal(values.grad, weights)
    values.grad = None
    (work(values, outside="zero") * weights).sum().backward()
    assert torch.equal(values.grad, torch.tensor([0.0, 2.0, 3.0, 4.0, 0.0]))


def test_the_ends_of_the_range_are_inside():
    values = torch.tensor([-1.0, 1.0], requires_grad=True)
    rounding.sound(values, outside="zero").sum().backward()
    rounding.picture(values, low=-1.0, outside="zero").sum().backward()
    assert torch.equal(values.grad, torch.tensor([2.0, 2.0]))


def test_half_precision_is_rounded_in_float32():
    values = draws(3, 8, 8, low=0, high=1).bfloat16()
    assert rounding.picture(values).dtype == torch.float32
    assert torch.equal(rounding.picture(values), rounding.picture(values.float()))
    assert torch.equal(rounding.sound(values), rounding.sound(values.float()))


def test_additive_noise_is_one_step_wide_and_drawn_by_the_generator():
    values = torch.zeros(200_000, requires_grad=True)
    noisy = rounding.additive(values, rounding.SOUND_STEP, torch.Generator().manual_seed(5))
    steps = noisy.detach() * 32768
    assert steps.abs().max() <= 0.5
    assert abs(float(steps.mean())) < 0.005
    assert math.isclose(float(steps.square().mean()), 1 / 12, rel_tol=0.01)
    assert torch.equal(noisy, rounding.additive(values, rounding.SOUND_STEP, torch.Generator().manual_seed(5)))
    noisy.sum().backward()
    assert (values.grad == 1).all()
    assert rounding.PICTURE_STEP == 1 / 255


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match=r"low is 0\.5"):
        rounding.picture(torch.zeros(3), low=0.5)
    with pytest.raises(ValueError, match="'clip'"):
        rounding.sound(torch.zeros(3), outside="clip")
