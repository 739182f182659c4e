"""Twins give the numbers of `media.spectrum`, come back exactly, and their gradients are those of differences."""

import numpy as np
import pytest
import torch

from intarsia.engine import spectrum
from intarsia.media import spectrum as exact

LENGTHS = [1, 2, 5, 31, 64, 101, 997]
GRIDS = [(2, 1), (64, 32), (64, 17), (100, 7), (256, 128)]
SPEECH = {"window": 1024, "hop": 31, "padding": 0}
KREUK = {"window": 256, "hop": 128, "padding": 256, "shape": "rectangular"}


def noise(*shape, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64).to(dtype)


# --- STFT ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("grid", GRIDS)
def test_stft_is_the_real_one_and_comes_back(length, grid):
    samples = noise(2, length)
    found = spectrum.stft(samples, *grid)
    expected = exact.stft(samples.numpy(), *grid)
    assert found.shape == expected.shape
    assert np.abs(found.numpy() - expected).max() < 1e-9
    assert (spectrum.istft(found, *grid, length) - samples).abs().max() < 1e-12


@pytest.mark.parametrize("grid", GRIDS)
def test_istft_of_what_is_no_stft_is_the_real_one(grid):
    changed = exact.stft(noise(300).numpy(), *grid) + 0.3 + 0.1j
    found = spectrum.istft(torch.from_numpy(changed), *grid, 300)
    assert np.abs(found.numpy() - exact.istft(changed, *grid, 300)).max() < 1e-9


def test_grids_of_the_papers():
    assert spectrum.stft(noise(4, 16_865, dtype=torch.float32), **SPEECH).shape == (4, 512, 513)
    assert spectrum.stft(noise(48_000, dtype=torch.float32), **KREUK).shape == (378, 129)
    assert spectrum.stft(noise(1, 3, 16_384), 256, 128).shape == (1, 3, 129, 129)


def test_rectangular_frames_are_plain_transforms_of_pieces():
    samples = noise(1000)
    found = spectrum.stft(samples, 100, 100, shape="rectangular", padding=0)
    assert torch.allclose(found, torch.fft.rfft(samples.reshape(10, 100)), atol=1e-12)
    assert torch.allclose(spectrum.istft(found, 100, 100, 1000, shape="rectangular", padding=0), samples, atol=1e-12)


def test_without_padding_torch_has_the_same_frames():
    samples = noise(3, 5000)
    window = torch.hann_window(1024, dtype=torch.float64)
    expected = torch.stft(samples, 1024, 31, window=window, center=False, return_complex=True)
    assert torch.allclose(spectrum.stft(samples, **SPEECH), expected.transpose(1, 2), atol=1e-10)


@pytest.mark.parametrize("grid", [SPEECH, KREUK, {"window": 256, "hop": 100, "padding": 20, "shape": "hann"}])
def test_samples_under_a_frame_come_back_and_others_are_zero(grid):
    samples = noise(2, 16_865 + 17)
    back = spectrum.istft(spectrum.stft(samples, **grid), length=16_882, **grid)
    assert (back - samples)[:, 300:-300].abs().max() < 1e-9
    covered = (spectrum.stft(samples, **grid).shape[1] - 1) * grid["hop"] + grid["window"] - grid["padding"]
    assert (back[:, covered:] == 0).all()


def test_the_floor_keeps_the_first_samples_from_exploding():
    samples = noise(16_865, dtype=torch.float32)
    changed = spectrum.stft(samples, **SPEECH)
    changed = changed + noise(512, 513, dtype=torch.float32)
    wild = spectrum.istft(changed, length=16_865, **SPEECH)
    calm = spectrum.istft(changed, length=16_865, floor=0.01, **SPEECH)
    assert wild[:20].abs().max() > 100
    assert calm.abs().max() < 10
    assert torch.allclose(wild[1000:-1000], calm[1000:-1000], atol=1e-5)


@pytest.mark.parametrize("shape", ["hann", "rectangular"])
@pytest.mark.parametrize("padding", [None, 0, 5])
def test_gradients_of_the_stft(shape, padding):
    grid = {"window": 8, "hop": 3, "shape": shape, "padding": padding}
    samples = noise(2, 20).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: torch.view_as_real(spectrum.stft(x, **grid)), samples)
    frames = spectrum.stft(samples.detach(), **grid).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: spectrum.istft(x, length=20, floor=0.1, **grid), frames)


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="hop of 1 to 32"):
        spectrum.stft(noise(100), 64, 33)
    with pytest.raises(ValueError, match="'round'"):
        spectrum.stft(noise(100), 64, 16, shape="round")
    with pytest.raises(ValueError, match="do not fill a window of 64"):
        spectrum.stft(noise(30), 64, 16, padding=10)
    with pytest.raises(ValueError, match=r"expected a spectrum \[\.\.\., 10, 33\]"):
        spectrum.istft(torch.zeros(8, 33, dtype=torch.complex64), 64, 16, 100)


# --- magnitude and phase ------------------------------------------------------------------------------------


def test_the_magnitude_has_a_gradient_everywhere():
    values = torch.complex(noise(5, 4), noise(5, 4)).requires_grad_()
    assert torch.autograd.gradcheck(spectrum.magnitude, values)
    silent = torch.zeros(3, dtype=torch.complex64, requires_grad=True)
    spectrum.magnitude(silent).sum().backward()
    assert (silent.grad == 0).all()
    assert torch.allclose(spectrum.magnitude(torch.tensor([3 + 4j])), torch.tensor([5.0]))


@pytest.mark.parametrize("grid", [SPEECH, KREUK, {"window": 256, "hop": 64}])
def test_a_cover_with_its_own_magnitudes_is_the_cover(grid):
    cover = 0.1 * noise(2, 16_865, dtype=torch.float32)
    own = spectrum.magnitude(spectrum.stft(cover, **grid))
    assert torch.equal(spectrum.with_magnitude(cover, own, **grid), cover)


def test_a_new_magnitude_keeps_the_phase():
    cover = noise(3000)
    grid = {"window": 256, "hop": 64}
    before = spectrum.stft(cover, **grid)
    found = spectrum.with_magnitude(cover, 1.5 * before.abs(), floor=0.0, **grid)
    assert torch.allclose(found, 1.5 * cover, atol=1e-6)  # louder alike, so nothing is lost
    other = before.abs() + 0.2 * noise(*before.shape).abs()
    expected = spectrum.istft(torch.polar(other, before.angle()), length=3000, **grid)
    assert torch.allclose(spectrum.with_magnitude(cover, other, floor=0.0, **grid), expected, atol=1e-6)


def test_silence_can_be_given_a_magnitude():
    wanted = torch.ones(11, 33, dtype=torch.float64, requires_grad=True)
    found = spectrum.with_magnitude(torch.zeros(128, dtype=torch.float64), wanted, 64, 16)
    clicks = (-1.0) ** torch.arange(33, dtype=torch.float64) * torch.ones(11, 1)  # in the middle of each frame
    expected = spectrum.istft(clicks + 0j, 64, 16, 128)
    assert found.abs().max() > 0.1
    assert torch.allclose(found, expected, atol=1e-4)
    found.square().sum().backward()
    assert wanted.grad.isfinite().all()
    assert wanted.grad.abs().sum() > 0


def test_gradients_of_a_new_magnitude():
    cover = noise(2, 40)
    wanted = spectrum.stft(cover, 8, 3).abs().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: spectrum.with_magnitude(cover, x, 8, 3), wanted)


# --- MDCT ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("size", [2, 4, 6, 64, 100])
@pytest.mark.parametrize("shape", ["sine", "kbd"])
def test_mdct_is_the_real_one_and_comes_back(length, size, shape):
    samples = noise(2, length)
    found = spectrum.mdct(samples, size, shape)
    expected = exact.mdct(samples.numpy(), size, shape)
    assert found.shape == expected.shape
    assert np.abs(found.numpy() - expected).max() < 1e-10
    assert (spectrum.imdct(found, length, shape) - samples).abs().max() < 1e-12


def test_gradients_of_the_mdct():
    samples = noise(2, 19).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: spectrum.mdct(x, 6, "kbd"), samples)
    coefficients = noise(2, 4, 6).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: spectrum.imdct(x, 20), coefficients)


def test_mdct_refuses_what_cannot_be():
    with pytest.raises(ValueError, match="even size, got 5"):
        spectrum.mdct(noise(10), 5)
    with pytest.raises(ValueError, match="'hat'"):
        spectrum.mdct(noise(10), 4, "hat")
    with pytest.raises(ValueError, match="3 blocks of 4 do not hold 13"):
        spectrum.imdct(noise(3, 4), 13)


# --- numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_under_autocast_everything_is_float32(dtype):
    samples = (0.1 * noise(2, 2000)).to(dtype).requires_grad_()
    plain = samples.detach().float()
    grid = {"window": 256, "hop": 128}
    with torch.autocast("cpu", torch.bfloat16):
        frames = spectrum.stft(samples, **grid)
        assert frames.dtype == torch.complex64
        assert torch.equal(frames.detach(), spectrum.stft(plain, **grid))
        louder = spectrum.with_magnitude(samples, (1.1 * frames.abs()).to(dtype), **grid)
        coefficients = spectrum.mdct(samples, 128)
        assert louder.dtype == coefficients.dtype == torch.float32
        assert torch.equal(coefficients.detach(), spectrum.mdct(plain, 128))
        (louder.sum() + coefficients.sum()).backward()
    assert samples.grad.dtype == dtype
    assert samples.grad.isfinite().all()


def test_what_was_computed_for_use_can_be_learnt_with_afterwards():
    grid = {"window": 52, "hop": 13}  # a window that no other test has made
    with torch.inference_mode():
        spectrum.istft(spectrum.stft(noise(99), **grid), length=99, **grid)
        spectrum.mdct(noise(99), 46)
    samples = noise(99).requires_grad_()
    (spectrum.stft(samples, **grid).abs().sum() + spectrum.mdct(samples, 46).abs().sum()).backward()
    assert samples.grad.isfinite().all()
