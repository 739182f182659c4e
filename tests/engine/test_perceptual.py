"""LPIPS: the formula, by weights made up here; the published ones are not ours to ship."""

import pytest
import torch
from safetensors.torch import save_file

from intarsia.engine import perceptual
from intarsia.errors import WeightsError


def weights():
    draw = torch.Generator().manual_seed(0)
    tensors, before = {}, 3
    layers = zip((0, 3, 6, 8, 10), perceptual.CHANNELS, (11, 5, 3, 3, 3), strict=True)
    for place, (number, channels, size) in enumerate(layers):
        scale = (2 / (before * size * size)) ** 0.5
        tensors[f"features.{number}.weight"] = scale * torch.randn(channels, before, size, size, generator=draw)
        tensors[f"features.{number}.bias"] = torch.zeros(channels)
        tensors[f"lin{place}.model.1.weight"] = torch.rand(1, channels, 1, 1, generator=draw)
        before = channels
    return tensors


def test_it_is_zero_for_the_same_picture_and_grows_with_noise(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file(weights(), path)
    measure = perceptual.load(path)
    picture, noise = torch.rand(2, 3, 64, 64), torch.randn(2, 3, 64, 64)
    found = [measure(picture, (picture + strength * noise).clamp(0, 1)) for strength in (0.0, 0.05, 0.2)]
    assert found[0].abs().max() == 0
    assert (found[1] > 0).all() and (found[2] > found[1]).all()


def test_without_weights_there_is_no_answer(monkeypatch):
    monkeypatch.delenv(perceptual.VARIABLE, raising=False)
    assert perceptual.load() is None


def test_what_is_missing_is_named():
    tensors = weights()
    del tensors["lin3.model.1.weight"]
    with pytest.raises(WeightsError, match=r"lin3\.model\.1\.weight"):
        perceptual.Lpips(tensors)


def test_a_pickle_is_not_opened(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(weights(), path)
    with pytest.raises(WeightsError, match="no safetensors file"):
        perceptual.load(path)
