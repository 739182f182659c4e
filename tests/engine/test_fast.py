"""Fast layers are torch's layers: same values, same gradients, same memory of what they saw."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from intarsia.engine import fast, norm

SHAPES = [(3, 4, 6, 6, 5), (2, 3, 8, 1, 1), (1, 5, 5, 7, 3), (2, 6, 9, 1, 4), (5, 1, 2, 3, 3)]


@pytest.fixture(autouse=True)
def _in_small_parts(monkeypatch):
    """Batches are cut up, and pictures into strips."""
    monkeypatch.setattr(norm, "TOGETHER", 150)


def layers(before, after, kind=torch.float32, seed=0):
    torch.manual_seed(seed)
    made = nn.ModuleList(
        [
            nn.BatchNorm2d(before),
            nn.Conv2d(before, before, 3, padding=1, groups=before, bias=False),
            nn.Conv2d(before, after, 1),
        ]
    )
    for tensor in (*made[0].parameters(), made[0].running_mean):
        nn.init.normal_(tensor)
    nn.init.uniform_(made[0].running_var, 0.5, 2)
    return made.to(kind)


def stock(x, made, batch):
    first, depthwise, pointwise = made
    if batch and not first.training:
        y = functional.batch_norm(x, None, None, first.weight, first.bias, training=True)
    else:
        y = first(x)
    y = pointwise(depthwise(functional.elu(y)))
    more = y.shape[1] - x.shape[1]
    return y + functional.pad(x, (0, 0, 0, 0, more // 2, more - more // 2))


def run(function, x, made):
    x = x.clone().requires_grad_()
    y = function(x)
    weights = torch.linspace(-1, 1, y.numel(), dtype=x.dtype).reshape(y.shape)
    (y * weights.to(y)).sum().backward()
    return y.detach(), [x.grad, *(p.grad for p in made.parameters())]


@pytest.mark.parametrize(("training", "batch"), [(True, True), (False, False), (False, True)])
@pytest.mark.parametrize("shape", SHAPES)
def test_separable_residual_is_that_of_torch(shape, training, batch):
    count, before, after, height, width = shape
    if count * height * width < 2:
        pytest.skip("torch refuses it")
    one, other = layers(before, after).train(training), layers(before, after).train(training)
    x = torch.randn(count, before, height, width) + 1
    y, gradients = run(lambda x: fast.separable_residual(x, *one, batch=batch)[0], x, one)
    expected, wanted = run(lambda x: stock(x, other, batch), x, other)
    assert torch.allclose(y, expected, atol=1e-5)
    for found, right in zip(gradients, wanted, strict=True):
        assert torch.allclose(found, right, atol=1e-4, rtol=1e-4)
    for name, buffer in one.named_buffers():
        assert torch.allclose(buffer, other.get_buffer(name), atol=1e-5), name
    with torch.no_grad():
        assert torch.allclose(fast.separable_residual(x, *one, batch=batch)[0], expected, atol=1e-5)


@pytest.mark.parametrize("grad", [True, False])
def test_moments_of_what_comes_out_are_handed_on(grad):
    made, x = layers(4, 6), torch.randn(3, 4, 6, 5)
    with torch.set_grad_enabled(grad):
        y, known = fast.separable_residual(x, *made)
    variance, mean = torch.var_mean(y, (0, 2, 3), correction=0)
    assert torch.allclose(known[0], mean, atol=1e-5)
    assert torch.allclose(known[1], variance, atol=1e-5)
    again = copy.deepcopy(made)
    handed = fast.separable_residual(y[:, :4], *made, known=(mean[:4], variance[:4]))[0]
    assert torch.allclose(handed, fast.separable_residual(y[:, :4], *again)[0], atol=1e-5)
    assert fast.separable_residual(x, *made.eval())[1] is None


@pytest.mark.parametrize("own", [True, False])
def test_gradients_are_those_of_small_differences(own):
    made = layers(2, 5, torch.float64).eval()
    names = [name for name, _ in made.named_parameters()]

    def both(x, *weights):
        found = dict(zip(names, weights, strict=True))
        view = copy.deepcopy(made)
        for name, weight in found.items():
            owner, _, leaf = name.rpartition(".")
            delattr(view.get_submodule(owner), leaf)
            setattr(view.get_submodule(owner), leaf, weight)
        y = fast.separable_residual(x, *view, batch=own)[0]
        return y, fast.norm_elu(y[:, 1:3], view[0], batch=own)

    x = torch.randn(3, 2, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(both, (x, *(p.detach().requires_grad_() for p in made.parameters())))


def test_weights_that_stand_cost_nothing_and_the_rest_is_the_same():
    made, x = layers(3, 5).eval(), torch.randn(2, 3, 9, 7)
    found = []
    for learns in (True, False):
        made.requires_grad_(learns)
        given = x.clone().requires_grad_()
        fast.separable_residual(given, *made)[0].square().sum().backward()
        found.append(given.grad)
        assert (next(iter(made.parameters())).grad is None) == (not learns)
        made.zero_grad(set_to_none=True)
    assert torch.equal(*found)


@pytest.mark.parametrize("training", [True, False])
def test_norm_elu_is_that_of_torch(training):
    one, other = layers(3, 3)[:1].train(training), layers(3, 3)[:1].train(training)
    x = 5 * torch.randn(4, 3, 7, 5) + 2
    y, gradients = run(lambda x: fast.norm_elu(x, one[0]), x, one)
    expected, wanted = run(lambda x: functional.elu(other[0](x)), x, other)
    assert torch.allclose(y, expected, atol=1e-5)
    assert all(torch.allclose(found, right, atol=1e-4) for found, right in zip(gradients, wanted, strict=True))
    assert torch.allclose(one[0].running_var, other[0].running_var)
    assert one[0].num_batches_tracked == other[0].num_batches_tracked


def test_one_value_becomes_the_bias_and_moves_nothing():
    made = layers(3, 4).train()
    x = torch.randn(1, 3, 1, 1, requires_grad=True)
    y = fast.norm_elu(x, made[0])
    assert torch.allclose(y.flatten(), functional.elu(made[0].bias), atol=1e-3)
    y.sum().backward()
    assert x.grad.abs().max() < 1e-3
    assert fast.separable_residual(x, *made)[0].isfinite().all()


def test_strides_thin_out_the_skip():
    made = layers(3, 5)
    made[1].stride = (2, 2)
    x = torch.randn(2, 3, 7, 4)
    y = fast.separable_residual(x, *made)[0]
    normal = functional.elu(functional.batch_norm(x, None, None, made[0].weight, made[0].bias, training=True))
    assert torch.allclose(y, made[2](made[1](normal)) + fast.widened(x[..., ::2, ::2], 5), atol=1e-5)


def test_autocast_is_close_keeps_statistics_and_gradients_in_float32():
    made, exact = layers(32, 48), layers(32, 48)
    x = (torch.randn(4, 32, 16, 16) + 20 * torch.randn(1, 32, 1, 1)).bfloat16().float()
    with torch.autocast("cpu", torch.bfloat16):
        y, gradients = run(lambda x: fast.separable_residual(x, *made)[0], x, made)
    expected, wanted = run(lambda x: fast.separable_residual(x, *exact)[0], x, exact)
    assert y.dtype == torch.bfloat16
    assert (y - expected).square().mean() < 1e-4 * expected.var()
    assert torch.allclose(made[0].running_mean, exact[0].running_mean, rtol=1e-4, atol=1e-5)
    assert torch.allclose(made[0].running_var, exact[0].running_var, rtol=1e-4)
    for found, right in zip(gradients[1:], wanted[1:], strict=True):
        assert found.dtype == torch.float32
        assert (found - right).norm() < 0.03 * right.norm()


def test_moments_survive_a_large_mean():
    x = (torch.randn(8, 3, 9, 9) + 3000).requires_grad_()
    mean, variance = norm.moments(x.detach())
    right = torch.var_mean(x.detach().double(), (0, 2, 3), correction=0)
    assert torch.allclose(mean.double(), right[1])
    assert torch.allclose(variance.double(), right[0], rtol=1e-3)


def test_gradients_can_be_asked_for_twice():
    made = layers(3, 3)
    x = torch.randn(2, 3, 4, 4, requires_grad=True)
    y = fast.separable_residual(x, *made)[0].square().sum()
    first, second = (torch.autograd.grad(y, x, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
