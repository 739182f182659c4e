"""Deep-Steg: the banks as published, zeros where TensorFlow puts them, and a loss that reaches what it should."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from intarsia.engine.recipe import Phase
from intarsia.errors import UsageError
from intarsia.methods.deep_steg.network import BLOCK_REACH, REACH, DeepSteg, Same
from intarsia.methods.deep_steg.objective import DeepStegLearner, disturbed, squared

ALL = Phase("all")


def weights(net):
    return sum(weight.numel() for weight in net.parameters())


def small(**how):
    torch.manual_seed(0)
    return DeepSteg(filters=4, **how)


def pair(count=2, side=12):
    random = np.random.default_rng(3)
    return {
        name: torch.from_numpy(random.integers(0, 256, (count, 3, side, side), "u1")) for name in ("cover", "secret")
    }


def learner(net=None, noise=0.0, rounds=False):
    return DeepStegLearner(net or small(), {"cover": 1.0, "secret": 0.75}, noise=noise, rounds=rounds)


def test_as_many_weights_as_the_banks_have():
    net = DeepSteg()
    counted = [weights(part) for part in (net.preparation, net.hiding, net.revealing)]
    assert counted == [758_250, 1_133_703, 758_703]
    assert weights(net) == 2_650_656


@pytest.mark.parametrize(("kernel", "before", "after"), [(3, 1, 1), (4, 1, 2), (5, 2, 2)])
def test_zeros_lie_where_tensorflow_puts_them(kernel, before, after):
    torch.manual_seed(1)
    layer = Same(2, 3, kernel)
    x = torch.randn(1, 2, 6, 5)
    padded = functional.pad(x, (before, after, before, after))
    expected = functional.conv2d(padded, layer.convolution.weight, layer.convolution.bias).relu()
    assert layer(x).shape == (1, 3, 6, 5)
    assert torch.allclose(layer(x), expected, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (3, 8), (7, 5)])
def test_any_size_and_any_channels(size):
    net = small(cover=1, secret=3)
    container = net.hide(torch.rand(2, 1, *size), torch.rand(2, 3, *size))
    assert container.shape == (2, 1, *size)
    assert net.reveal(container).shape == (2, 3, *size)


def test_it_sees_as_far_as_it_says():
    net, side = small().double(), 2 * REACH + 7
    middle = (..., side // 2, side // 2)
    cover, secret = (torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True) for _ in range(2))

    def reaches(made, given):
        (gradient,) = torch.autograd.grad(made[middle].sum(), given, retain_graph=True)
        touched = gradient.abs().sum((0, 1)).nonzero() - side // 2
        return -int(touched.min()), int(touched.max())

    container = net.hiding(torch.cat([cover, net.preparation(secret)], 1))
    assert max(reaches(container, secret)) <= REACH
    assert reaches(container, cover) == (BLOCK_REACH, BLOCK_REACH)


def test_loss_by_hand():
    one, other = torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), 0.5)
    assert squared(one, other) == 0.25
    batch, learns = pair(), learner()
    found = learns.losses(batch, ALL)
    cover, secret = batch["cover"].float() / 255, batch["secret"].float() / 255
    container = learns.net.hide(cover, secret)
    assert torch.allclose(found.terms["cover"], (container - cover).square().mean())
    assert torch.allclose(found.terms["secret"], (learns.net.reveal(container) - secret).square().mean())
    assert learns.phases[0].weights == {"cover": 1.0, "secret": 0.75}


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_the_cover_teaches_two_networks_and_the_secret_all_three(noise):
    learns = learner(noise=noise, rounds=True)
    net = learns.net

    def taught(term):
        net.zero_grad()
        learns.losses(pair(), ALL).terms[term].backward()
        parts = (net.preparation, net.hiding, net.revealing)
        return [any(w.grad is not None and w.grad.abs().max() > 0 for w in part.parameters()) for part in parts]

    assert taught("cover") == [True, True, False]
    assert taught("secret") == [True, True, True]


def test_noise_has_its_deviation_and_none_is_none():
    torch.manual_seed(0)
    container = torch.zeros(4, 3, 64, 64)
    assert math.isclose(float(disturbed(container, 0.01).std()), 0.01, rel_tol=0.02)
    assert disturbed(container, 0.0) is container


def test_figures_come_from_8_bits():
    learns = learner()
    with torch.no_grad():
        figures, sheet = learns.figures(pair()), learns.sheet(pair())
        container = learns.net.hide(*(values.float() / 255 for values in pair().values()))
    error = ((255 * container.clamp(0, 1)).round() - pair()["cover"]).abs().mean()
    assert math.isclose(figures["cover_error"], float(error), rel_tol=1e-5)
    assert all(map(math.isfinite, figures.values()))
    assert sheet.dtype == np.uint8


def test_a_pair_is_learned():
    learns, batch = learner(), pair(side=8)
    optimiser = torch.optim.Adam(learns.net.parameters(), 3e-3)
    totals = []
    for _ in range(60):
        optimiser.zero_grad()
        terms = learns.losses(batch, ALL).terms
        total = terms["cover"] + 0.75 * terms["secret"]
        total.backward()
        optimiser.step()
        totals.append(float(total.detach()))
    assert totals[-1] < 0.5 * totals[0]


def test_settings_that_cannot_be_meant():
    with pytest.raises(UsageError, match="filters is 0"):
        DeepSteg(filters=0)
    with pytest.raises(UsageError, match="noise is -1"):
        learner(noise=-1)
