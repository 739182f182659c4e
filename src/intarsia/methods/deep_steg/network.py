"""The three networks of Deep-Steg: one prepares the secret, one hides it, one reveals it.

    secret ─► P ─┐
                 ├─ concat ─► H ─► container ─► R ─► revealed
    cover ───────┘

    P, H, R:    ┌─► 4 convolutions 3x3 ─┐          ┌─► 3x3 ─┐
            x ──┼─► 4 convolutions 4x4 ─┼─ concat ─┼─► 4x4 ─┼─ concat ──► 150 channels; H and R: ─► 1x1, linear
                └─► 4 convolutions 5x5 ─┘          └─► 5x5 ─┘             every other one: 50 filters, ReLU

S. Baluja: Hiding Images in Plain Sight: Deep Steganography, NeurIPS 2017. The paper has no code and gives a network as
five convolutions deep, with 50 filters of each of the three sizes; how the branches join, and the last layer, are
those on which two public re-implementations agree. Where they are silent too we chose: weights begin uniform
(X. Glorot, Y. Bengio, AISTATS 2010), biases at zero. Training is in `objective`.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import UsageError

KERNELS = (3, 4, 5)
DEPTH = 4
"""Convolutions in a branch, before the branches meet."""

BLOCK_REACH = 2 * (DEPTH + 1)
"""How far one network sees to each side, pixels; the container sees twice as far in the secret, through P and H."""

REACH = 2 * BLOCK_REACH


class Same(nn.Module):
    """A convolution and ReLU, [B, before, H, W] to [B, after, H, W].

    A kernel of even side has its middle before its centre: k - 1 zeros are put around, floor((k - 1) / 2) of them
    before, as TensorFlow's SAME does, in which the re-implementations were written.
    """

    def __init__(self, before: int, after: int, kernel: int) -> None:
        super().__init__()
        around = kernel - 1
        self.zeros = (around // 2, around - around // 2) * 2 if around % 2 else None
        self.convolution = nn.Conv2d(before, after, kernel, padding=0 if around % 2 else around // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve and cut off what is negative."""
        padded = x if self.zeros is None else functional.pad(x, self.zeros)
        return functional.relu_(self.convolution(padded))


class Block(nn.Module):
    """What the three networks have in common: [B, before, H, W] to [B, 3 filters, H, W].

    Args:
        before: channels in.
        filters: of each convolution.
    """

    def __init__(self, before: int, filters: int) -> None:
        super().__init__()
        widths = (before, *[filters] * DEPTH)
        self.branches = nn.ModuleList(
            nn.Sequential(*(Same(one, other, kernel) for one, other in pairwise(widths))) for kernel in KERNELS
        )
        self.joint = nn.ModuleList(Same(filters * len(KERNELS), filters, kernel) for kernel in KERNELS)

    def forward(self, x: Tensor) -> Tensor:
        """Run both banks."""
        between = torch.cat([branch(x) for branch in self.branches], 1)
        return torch.cat([last(between) for last in self.joint], 1)


class DeepSteg(nn.Module):
    """The three networks; values are 0..1, pictures of any size.

    With the defaults P has 758,250 weights, H 1,133,703 and R 758,703: 2,650,656 in all.

    Args:
        cover: channels of the cover.
        secret: channels of the secret.
        filters: of each convolution; published 50.

    Raises:
        UsageError: one of them is below 1.
    """

    def __init__(self, cover: int = 3, secret: int = 3, filters: int = 50) -> None:
        super().__init__()
        for name, count in (("cover", cover), ("secret", secret), ("filters", filters)):
            if count < 1:
                raise UsageError(f"{name} is {count}; expected 1 or more")
        prepared = filters * len(KERNELS)
        self.preparation = Block(secret, filters)
        self.hiding = nn.Sequential(Block(cover + prepared, filters), nn.Conv2d(prepared, cover, 1))
        self.revealing = nn.Sequential(Block(cover, filters), nn.Conv2d(prepared, secret, 1))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_uniform_(layer.weight)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """Return the container, float32, about 0..1, of the cover's shape [B, cover, H, W].

        Args:
            cover: [B, cover, H, W].
            secret: [B, secret, H, W].
        """
        prepared = self.preparation(secret)
        made: Tensor = self.hiding(torch.cat([cover.to(prepared.dtype), prepared], 1))
        return made.float()

    def reveal(self, container: Tensor) -> Tensor:
        """Return the secret, float32, about 0..1, [B, secret, H, W], of a container [B, cover, H, W]."""
        made: Tensor = self.revealing(container)
        return made.float()
