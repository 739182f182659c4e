"""The networks of Hide and Speak, layer by layer as its code has them.

    encoder           1 ─► 64 ─► 64 ─► 64
    carrier decoder   64 + 1 + n ─► 64 ─► 64 ─► 64 ─► 1        the last one 1x1; in: encoding, carrier, messages
    message decoder   1 ─► 64 ─► 64 ─► 64 ─► 64 ─► 64 ─► 1     one for each message

    every ─►: convolution(x) * sigmoid(convolution(x)), 3x3, stride 1, same size, no normalisation

F. Kreuk et al., Interspeech 2020, and its public code: 670,852 weights for one message of 64 channels.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ...errors import UsageError

ENCODER, DECODER, MESSAGE = 3, 4, 6
"""Layers of the three networks."""


class Gated(nn.Module):
    """A convolution times the sigmoid of another, [B, before, H, W] to [B, after, H, W]."""

    def __init__(self, before: int, after: int, kernel: int = 3) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, after, kernel, padding=kernel // 2)
        self.gate = nn.Conv2d(before, after, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve and gate."""
        return self.convolution(x) * torch.sigmoid(self.gate(x))  # type: ignore[no-any-return]


def _row(widths: Sequence[int], last: int = 3) -> nn.Sequential:
    """Return gated layers from width to width; the last one's kernel is `last`."""
    steps = list(pairwise(widths))
    kernels = [3] * (len(steps) - 1) + [last]
    return nn.Sequential(*(Gated(*step, kernel) for step, kernel in zip(steps, kernels, strict=True)))


class HideAndSpeak(nn.Module):
    """All networks; values are magnitudes, planes of any size.

    Args:
        messages: how many are hidden, n.
        width: channels; published 64.

    Raises:
        UsageError: one of them is out of range.
    """

    def __init__(self, messages: int = 1, width: int = 64) -> None:
        super().__init__()
        for name, count, most in (("messages", messages, 16), ("width", width, 1024)):
            if not 1 <= count <= most:
                raise UsageError(f"{name} is {count}; expected 1..{most}")
        self.encoder = _row([1, *[width] * ENCODER])
        self.carrier = _row([width + 1 + messages, *[width] * (DECODER - 1), 1], last=1)
        self.messages = nn.ModuleList(_row([1, *[width] * (MESSAGE - 1), 1]) for _ in range(messages))

    def hide(self, cover: Tensor, messages: Tensor) -> Tensor:
        """Return the container's magnitudes, float32 [B, 1, F, K], of those of cover and messages [B, n, F, K]."""
        made: Tensor = self.carrier(torch.cat([self.encoder(cover).to(cover.dtype), cover, messages], 1))
        return made.float()

    def reveal(self, container: Tensor) -> Tensor:
        """Return the messages' magnitudes, float32 [B, n, F, K], of the container's [B, 1, F, K]."""
        return torch.cat([decoder(container) for decoder in self.messages], 1).float()
