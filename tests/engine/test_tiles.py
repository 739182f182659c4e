"""Tiles: with a margin as wide as the network sees, the whole picture's result."""

import pytest
import torch
from torch import nn

from intarsia.engine.tiles import tiled
from intarsia.errors import ResourceError


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 5, padding=2)).eval()


@pytest.mark.parametrize("size", [(40, 50), (33, 97), (1, 200), (200, 1), (23, 23)])
def test_tiles_give_what_the_whole_gives(size):
    net = network()
    one, other = torch.rand(1, 3, *size), torch.rand(1, 3, *size)
    run = lambda a, b: net(torch.cat([a, b], 1))  # noqa: E731
    with torch.no_grad():
        whole, parts = run(one, other), tiled(run, [one, other], 3, pixels=20 * 20)
    assert parts.shape == whole.shape
    assert torch.allclose(whole, parts, atol=1e-6)


def test_too_small_a_margin_would_show():
    net = network()
    one, other = torch.rand(1, 3, 40, 50), torch.rand(1, 3, 40, 50)
    run = lambda a, b: net(torch.cat([a, b], 1))  # noqa: E731
    with torch.no_grad():
        assert not torch.allclose(run(one, other), tiled(run, [one, other], 1, pixels=20 * 20), atol=1e-6)


def test_no_tile_is_larger_than_was_said():
    seen = []

    def run(picture):
        seen.append(picture.shape[-2] * picture.shape[-1])
        return picture

    picture = torch.rand(1, 3, 300, 200)
    assert torch.equal(tiled(run, [picture], 4, pixels=2500), picture)
    assert max(seen) <= 2500


def test_when_memory_does_not_suffice_smaller_tiles_are_tried_once():
    limits = []

    def run(picture):
        limits.append(picture.shape[-2] * picture.shape[-1])
        if limits[-1] > 5000:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes.")
        return picture

    picture = torch.rand(1, 3, 100, 100)
    assert torch.equal(tiled(run, [picture], 2, 1 << 20), picture)

    def never(_picture):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(ResourceError, match="out of memory at tiles of 2,500 pixels"):
        tiled(never, [picture], 2, 1 << 20)


def test_other_errors_come_out():
    def wrong(_picture):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        tiled(wrong, [torch.rand(1, 3, 9, 9)], 1, 1 << 20)
    with pytest.raises(ResourceError, match="smaller than the margin"):
        tiled(lambda p: p, [torch.rand(1, 3, 90, 90)], 30, pixels=100)
