"""Sounds as planes: there and back, loudness, the ratio that is held, and folding."""

import numpy as np
import pytest
import torch

from intarsia.engine import planes, similarity
from intarsia.media import metrics, spectrum

KINDS = [planes.Magnitudes(256, 125, 16, 9.4), planes.Magnitudes(64, 31, 9, 1.0), planes.Coefficients(128, 8)]


def noise(kind, count=2, seed=0):
    return 0.05 * torch.randn(count, 1, kind.length, generator=torch.manual_seed(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_a_plane_that_was_not_changed_gives_the_sound_back(kind):
    sound = noise(kind)
    plane = kind.of(sound)
    assert plane.shape == (2, 1, *kind.shape)
    assert torch.allclose(kind.back(sound, plane), sound, atol=1e-6)


def test_the_paper_needs_16_865_samples():
    paper = planes.Magnitudes(1024, 31, 512, 28.3)
    assert paper.length == 16_865
    assert paper.shape == (512, 512)


def test_magnitudes_are_those_of_frames_without_padding():
    kind = KINDS[0]
    sound = noise(kind, 1)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(256) / 256)
    frames = np.lib.stride_tricks.sliding_window_view(sound[0, 0].double().numpy(), 256)[::125] * window
    expected = np.abs(np.fft.rfft(frames))[:, :-1] / 9.4
    assert np.allclose(kind.of(sound)[0, 0].numpy(), expected, atol=1e-4)


def test_every_plane_of_coefficients_is_a_sound_and_hardly_one_of_magnitudes_is():
    for kind, free in ((KINDS[2], True), (KINDS[0], False)):
        sound = noise(kind)
        plane = kind.of(sound)
        wanted = (plane + 0.01 * torch.randn(plane.shape, generator=torch.manual_seed(1))).abs()
        wanted = wanted * plane.sign() if free else wanted
        found = kind.of(kind.back(sound, wanted))
        lost = float((found - wanted).square().sum() / (wanted - plane).square().sum())
        assert lost < 1e-3 if free else lost > 0.1


def test_coefficients_are_the_mdct_over_loudness_whatever_the_gain():
    kind = KINDS[2]
    sound = noise(kind)
    values = sound[0, 0].double().numpy()
    expected = spectrum.mdct(values, 128) / np.sqrt(np.mean(values**2))
    assert np.allclose(kind.of(sound)[0, 0].numpy(), expected, atol=1e-4)
    assert torch.allclose(kind.of(0.3 * sound), kind.of(sound), atol=1e-4)
    assert float(planes.loudness(torch.zeros(1, 1, 8))) == 1 / 32768


def test_the_ratio_asked_for_is_the_ratio_held():
    cover, changed = torch.randn(3, 1, 500), torch.randn(3, 1, 500)
    for db in (10, 30, 45):
        held = planes.at_snr(cover, changed, db)
        for one, other in zip(cover, held, strict=True):
            assert float(10 * torch.log10(one.square().sum() / (one - other).square().sum())) == pytest.approx(db, 1e-3)
        assert float(planes.snr(cover, held)) == pytest.approx(db, 1e-3)
    assert torch.equal(planes.at_snr(cover, cover, 30), cover)
    assert float(planes.snr(cover, cover)) == 120


@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize("times", [1, 2, 4])
def test_folding_loses_nothing(times, spread):
    plane = torch.randn(2, 3, 8, 16)
    parts = planes.folded(plane, times, spread=spread)
    assert parts.shape == (2, 3 * times**2, 8 // times, 16 // times)
    assert torch.equal(planes.unfolded(parts, times, spread=spread), plane)


def test_spread_parts_lie_far_apart_and_others_side_by_side():
    plane = torch.arange(64.0).reshape(1, 1, 8, 8)
    assert planes.folded(plane, 2)[0, :, 0, 0].tolist() == [0, 1, 8, 9]
    assert planes.folded(plane, 2, spread=True)[0, :, 0, 0].tolist() == [0, 4, 32, 36]


def test_ssim_is_that_of_the_metrics_and_has_a_gradient():
    draw = np.random.default_rng(0)
    one = draw.integers(0, 256, (24, 31, 3), np.uint8)
    other = np.clip(one + draw.integers(-30, 31, one.shape), 0, 255).astype(np.uint8)
    a, b = (torch.from_numpy(each / 255).permute(2, 0, 1)[None].requires_grad_() for each in (one, other))
    found = similarity.ssim(a, b)
    assert float(found.detach()) == pytest.approx(metrics.ssim(one, other), abs=1e-9)
    assert torch.autograd.gradcheck(
        lambda x: similarity.ssim(x, a[..., :12, :12]), b.detach()[..., :12, :12].requires_grad_()
    )
