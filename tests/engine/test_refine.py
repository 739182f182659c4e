"""Refining: read better, and no farther from the cover."""

import pytest
import torch
from torch import nn

from intarsia.engine.refine import refined
from intarsia.engine.tiles import cuts


def receiver():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 3, padding=1)).requires_grad_(False)


def distance(one, other):
    return (one - other).flatten(1).norm(dim=1)


def test_it_is_read_better_at_the_same_distance_item_by_item():
    net = receiver()
    cover, secret = torch.rand(2, 1, 12, 12), torch.rand(2, 1, 12, 12)
    painted = cover + torch.tensor([0.02, 0.1]).reshape(2, 1, 1, 1) * torch.randn(2, 1, 12, 12)

    def gradient(at):
        at = at.requires_grad_()
        return torch.autograd.grad((net(at) - secret).square().sum(), at)[0]

    told = []
    made = refined(cover, painted, gradient, 40, told.append)
    assert torch.allclose(distance(made, cover), distance(painted, cover), rtol=1e-4)
    errors = [(net(each) - secret).square().flatten(1).sum(1) for each in (painted, made)]
    assert (errors[1] < errors[0]).all()
    assert told == pytest.approx([step / 40 for step in range(1, 41)])


def test_what_was_not_changed_stays_as_it_is():
    cover = torch.rand(1, 1, 8, 8)
    assert torch.equal(refined(cover, cover.clone(), torch.ones_like, 3), cover)


@pytest.mark.parametrize("size", [(40, 50), (33, 97), (1, 200), (23, 23)])
def test_gradients_of_tiles_add_up_to_that_of_the_whole(size):
    net = receiver().double()
    at, secret = torch.rand(1, 1, *size).double(), torch.rand(1, 1, *size).double()
    whole = at.clone().requires_grad_()
    expected = torch.autograd.grad((net(whole) - secret).square().sum(), whole)[0]
    found = torch.zeros_like(at)
    for rows, columns, inner in cuts(*size, 2, 20 * 20):
        part = at[..., rows, columns].clone().requires_grad_()
        miss = (net(part) - secret[..., rows, columns])[..., inner[0], inner[1]].square().sum()
        found[..., rows, columns] += torch.autograd.grad(miss, part)[0]
    assert torch.allclose(found, expected, atol=1e-12)
