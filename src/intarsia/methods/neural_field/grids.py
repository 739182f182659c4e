"""The body of `recipe=residue`: grids of features and small convolutions, every number a few digits to base m.

    grids, one digit a feature, by how many pixels it stands for along a row
      16 ─ 3x3 ─┐ x2
       8 ─ 3x3 ─+ ─┐ x2
       4 ─ 3x3 ────+ ─┐ x2
       2 ─ 3x3 ───────+ ─┐ x2
       1 ─ 3x3 ──────────+ ─ GELU ─ 1x1, GELU ─ 3x3 ─► [3, T, H, W]
    convolutions, four to six digits a weight

What does not move lies in the grids that are shared by frames, what does in those that are not; between the frames of
a grid features are linear. While it is learnt, every number is rounded to its digits and the gradient goes straight
through.
"""

from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...engine import rounding
from ...errors import DoesNotFitError

HIDDEN = 16
WEIGHT_DIGITS = {3: 6, 5: 4}
"""Digits of a convolution's weight: 729 or 625 levels."""

REACH = 2.0
"""Largest weight of a convolution."""

_SHARES = (
    (1, 1, 0.36),
    (0, 1, 0.12),
    (1, 2, 0.19),
    (4, 1, 0.12),
    (2, 2, 0.08),
    (1, 4, 0.09),
    (1, 8, 0.03),
    (1, 16, 0.01),
)
"""Frames and pixels a feature stands for along an axis (0: all frames), and the share of the symbols it gets."""

QUICKER = 4.0
"""Features learn so many times as fast as convolutions do, under one rate."""

_MOST = 12  # channels of one grid
_CHANNELS = 40  # of all together, the most


@dataclass(frozen=True)
class Level:
    """One grid: pixels a feature stands for along a row, channels, frames, rows, columns."""

    space: int
    channels: int
    frames: int
    rows: int
    columns: int

    @property
    def size(self) -> int:
        """Features."""
        return self.channels * self.frames * self.rows * self.columns


def layout(counts: tuple[int, int, int], symbols: int, m: int) -> list[Level]:
    """Return the grids for a video of these frames, rows and columns, the same on every machine.

    Raises:
        DoesNotFitError: there are too few symbols for any.
    """
    fixed = weights_digits(_CHANNELS, m)
    budget = max(0, symbols - fixed)
    levels: list[Level] = []
    carried = 0.0
    for time, space, share in _SHARES:
        one = _one(counts, time, space)
        wished = carried + share * budget
        channels = min(int(wished) // one.size, _MOST)
        carried = wished - channels * one.size
        if channels and sum(level.channels for level in levels) + channels <= _CHANNELS:
            levels.append(replace(one, channels=channels))
    if not levels:
        least = max(symbols, fixed)
        message = f"the cover has {symbols:,} free samples, recipe=residue needs more than {least:,}: a larger cover"
        raise DoesNotFitError(message, needed=least + 1, available=symbols)
    return levels


def weights_digits(channels: int, m: int) -> int:
    """Return the digits of the convolutions over so many features."""
    count = 9 * channels * HIDDEN + HIDDEN * HIDDEN + 9 * HIDDEN * 3 + 2 * HIDDEN + 3
    return count * WEIGHT_DIGITS[m]


def _one(counts: tuple[int, int, int], time: int, space: int) -> Level:
    frames, rows, columns = counts
    return Level(space, 1, 1 if time == 0 else -(-frames // time), -(-rows // space), -(-columns // space))


class Grids(nn.Module):
    """A video as digits.

    Args:
        counts: frames, rows, columns.
        symbols: digits there are.
        m: base.
    """

    best: Tensor
    best_loss: Tensor

    def __init__(self, counts: tuple[int, int, int], symbols: int, m: int) -> None:
        super().__init__()
        self.counts, self.m = counts, m
        self.levels = layout(counts, symbols, m)
        self.features = nn.ParameterList(
            nn.Parameter((torch.rand(level.channels, level.frames, level.rows, level.columns) * 2 - 1) / QUICKER)
            for level in self.levels
        )
        self.spaces = sorted({level.space for level in self.levels}, reverse=True)
        self.first = nn.ParameterList(self._first(space) for space in self.spaces)
        self.bias = nn.Parameter(torch.zeros(HIDDEN))
        self.second = nn.Conv2d(HIDDEN, HIDDEN, 1)
        self.third = nn.Conv2d(HIDDEN, 3, 3, padding=1)
        self.register_buffer("best", torch.zeros(self.digits().numel(), dtype=torch.uint8))
        self.register_buffer("best_loss", torch.tensor(float("inf")))

    def _first(self, space: int) -> Tensor:
        own = sum(level.channels for level in self.levels if level.space == space)
        bound: float = (9 * sum(level.channels for level in self.levels)) ** -0.5  # as one convolution over all of them
        return (torch.rand(HIDDEN, own, 3, 3) * 2 - 1) * bound

    # --- numbers and digits -------------------------------------------------------------------------------

    @property
    def fine(self) -> int:
        """Levels of a weight of a convolution."""
        return int(self.m ** WEIGHT_DIGITS[self.m])

    def convolutions(self) -> list[Tensor]:
        """Return weights and biases in the order they are written."""
        last = [each for layer in (self.second, self.third) for each in (layer.weight, cast(Tensor, layer.bias))]
        return [*self.first, self.bias, *last]

    @torch.no_grad()
    def digits(self) -> Tensor:
        """Return every number as digits 0..m-1, uint8 [N]."""
        half = (self.m - 1) // 2
        coarse = [_steps(feature * QUICKER, half) for feature in self.features]
        fine = torch.cat([_steps(each / REACH, (self.fine - 1) // 2).reshape(-1) for each in self.convolutions()])
        split = [fine // self.m**place % self.m for place in range(WEIGHT_DIGITS[self.m])]
        return torch.cat([*(each.reshape(-1) for each in coarse), *split]).to(torch.uint8)

    @torch.no_grad()
    def take(self, digits: Tensor) -> None:
        """Undo `digits`."""
        half, at = (self.m - 1) // 2, 0
        for feature in self.features:
            part = digits[at : at + feature.numel()].reshape(feature.shape)
            feature.copy_((part.float() - half) / half / QUICKER)
            at += feature.numel()
        places = digits[at:].reshape(WEIGHT_DIGITS[self.m], -1).long()
        fine = sum(place * self.m**number for number, place in enumerate(places))
        assert isinstance(fine, Tensor)
        middle, at = (self.fine - 1) // 2, 0
        for each in self.convolutions():
            each.copy_(((fine[at : at + each.numel()].float() - middle) / middle * REACH).reshape(each.shape))
            at += each.numel()

    # --- the video ----------------------------------------------------------------------------------------

    def forward(self, first: int = 0, last: int | None = None) -> Tensor:
        """Return frames `first` to `last`, [T, 3, H, W], about -1..1."""
        frames = slice(first, self.counts[0] if last is None else last)
        half = (self.fine - 1) // 2
        weights = [_rounded(each / REACH, half) * REACH for each in self.convolutions()]
        *firsts, bias, second, second_bias, third, third_bias = weights
        x = functional.gelu(self._joined(firsts, frames) + bias.view(1, -1, 1, 1))
        x = functional.gelu(functional.conv2d(x, second, second_bias))
        return functional.conv2d(x, third, third_bias, padding=1).float()

    def _joined(self, weights: list[Tensor], frames: slice) -> Tensor:
        """Return what the first convolutions make of all grids, from coarse to fine, [T, HIDDEN, H, W]."""
        total: Tensor | None = None
        for space, weight in zip(self.spaces, weights, strict=True):
            own = functional.conv2d(self._features(space, frames), weight, padding=1)
            total = own if total is None else own + _enlarged(total, own.shape[2:])
        assert total is not None
        return _enlarged(total, torch.Size(self.counts[1:]))

    def _features(self, space: int, frames: slice) -> Tensor:
        """Return the grids of one size at these frames, [T, C, h, w]."""
        half = (self.m - 1) // 2
        own = [each for each, level in zip(self.features, self.levels, strict=True) if level.space == space]
        return torch.cat([_between(_rounded(each * QUICKER, half), self.counts[0], frames) for each in own], 1)


def _steps(values: Tensor, half: int) -> Tensor:
    """Return values -1..1 as whole steps 0..2 half."""
    return (values * half).round().clamp(-half, half).long() + half


def _rounded(values: Tensor, half: int) -> Tensor:
    """Return values -1..1 as their digits give them back, a straight-through gradient behind them."""
    return rounding.straight(values, (values.detach() * half).round().clamp(-half, half) / half)


def _between(feature: Tensor, count: int, wanted: slice) -> Tensor:
    """Return a grid [C, t, h, w] at those of `count` frames, [T, C, h, w], linear between its own."""
    frames = feature.shape[1]
    if frames == count:
        cut = feature[:, wanted]
    elif frames == 1:
        cut = feature.expand(-1, wanted.stop - wanted.start, -1, -1)
    else:
        at = torch.arange(wanted.start, wanted.stop, device=feature.device, dtype=torch.float32)
        at *= (frames - 1) / (count - 1)
        low = at.long().clamp(max=frames - 2)
        share = (at - low).view(1, -1, 1, 1)
        cut = feature[:, low] * (1 - share) + feature[:, low + 1] * share
    return cut.transpose(0, 1)


def _enlarged(x: Tensor, size: torch.Size) -> Tensor:
    return x if x.shape[2:] == size else functional.interpolate(x, size, mode="bilinear", align_corners=False)
