"""Two small residual networks that tell containers from covers; light enough to learn on a processor.

    picture [B, 3, H, W] ─► 6 fixed high-pass filters a channel, cut to -4..4 ─► 4 blocks ─► mean, deviation ─► logit
    sound   [B, 1, T]    ─► 4 fixed differences, at 3 scales, cut to -4..4    ─► 4 blocks ─► mean, deviation ─► logit

    block:  x ──► convolution, BN, ReLU, convolution, BN ──► + ──► ReLU ──► average over 2 (sound: 4)
            └──── 1 x 1 ───────────────────────────────────┘

After G. Xu, H. Wu, Y. Shi: Structural design of convolutional neural networks for steganalysis, IEEE Signal Processing
Letters 23(5), 2016 (fixed filter, cut values, averages), with a bank of filters as in J. Fridrich, J. Kodovsky: Rich
models for steganalysis of digital images, IEEE Trans. Information Forensics and Security 7(3), 2012, and shortcuts as
in M. Boroumand, M. Chen, J. Fridrich: Deep residual network for steganalysis of digital images, 2019. Far smaller than
theirs: 94,209 and 22,273 weights.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

CUT = 4.0
WIDTHS = (24, 32, 40, 48)
SOUND_WIDTHS = (16, 20, 24, 32)
SOUND_SCALES = (1.0, 8.0, 64.0)

_FIRST = ((0, 0, 0), (0, -1, 1), (0, 0, 0))
_SECOND = ((0, 0, 0), (1, -2, 1), (0, 0, 0))
_SQUARE = ((-1, 2, -1), (2, -4, 2), (-1, 2, -1))
_WIDE = (
    (-1, 2, -2, 2, -1),
    (2, -6, 8, -6, 2),
    (-2, 8, -12, 8, -2),
    (2, -6, 8, -6, 2),
    (-1, 2, -2, 2, -1),
)
_DIFFERENCES = ((0, 0, -1, 1, 0), (0, 1, -2, 1, 0), (0, -1, 3, -3, 1), (1, -4, 6, -4, 1))
_DIFFERENCE_SCALES = (1.0, 2.0, 4.0, 8.0)


def picture_filters() -> Tensor:
    """Return the fixed filters [6, 1, 5, 5]: first and second differences both ways, the square, the wide one."""
    first, second, square = (
        functional.pad(torch.tensor(each).float(), (1, 1, 1, 1)) for each in (_FIRST, _SECOND, _SQUARE)
    )
    bank = [first, first.T, second / 2, second.T / 2, square / 4, torch.tensor(_WIDE).float() / 12]
    return torch.stack(bank)[:, None]


def sound_filters() -> Tensor:
    """Return the fixed differences of first to fourth order [4, 1, 5]."""
    rows = [torch.tensor(each).float() / scale for each, scale in zip(_DIFFERENCES, _DIFFERENCE_SCALES, strict=True)]
    return torch.stack(rows)[:, None]


class Block(nn.Module):
    """Two convolutions beside a shortcut, then an average.

    Args:
        before: channels in.
        after: channels out.
        dimensions: 2 for pictures, 1 for sounds.
        pool: how many neighbours are averaged along each axis.
    """

    def __init__(self, before: int, after: int, dimensions: int, pool: int) -> None:
        super().__init__()
        convolution = nn.Conv2d if dimensions == 2 else nn.Conv1d
        norm = nn.BatchNorm2d if dimensions == 2 else nn.BatchNorm1d
        kernel, around = (3, 1) if dimensions == 2 else (5, 2)
        self.body = nn.Sequential(
            convolution(before, after, kernel, padding=around, bias=False),
            norm(after),
            nn.ReLU(),
            convolution(after, after, kernel, padding=around, bias=False),
            norm(after),
        )
        self.shortcut = convolution(before, after, 1, bias=False)
        self.average = nn.AvgPool2d(pool) if dimensions == 2 else nn.AvgPool1d(pool)

    def forward(self, x: Tensor) -> Tensor:
        """[B, before, ...] to [B, after, ... / pool]."""
        averaged: Tensor = self.average(functional.relu(self.body(x) + self.shortcut(x)))
        return averaged


class PictureNet(nn.Module):
    """Logit of being a container, [B], of pictures [B, 3, H, W] in levels 0..255, sides of 16 or more."""

    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", picture_filters().repeat(3, 1, 1, 1), persistent=False)
        widths = (3 * 6, *WIDTHS)
        self.blocks = nn.Sequential(*(Block(one, other, 2, 2) for one, other in zip(widths, WIDTHS, strict=False)))
        self.last = nn.Linear(2 * WIDTHS[-1], 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the logits."""
        with torch.autocast(pictures.device.type, enabled=False):  # differences of close numbers
            residuals = functional.conv2d(pictures.float(), self.filters, padding=2, groups=3)
        return _judged(self.last, self.blocks(residuals.clamp(-CUT, CUT)).flatten(2))


class SoundNet(nn.Module):
    """Logit of being a container, [B], of sounds [B, 1, T] in 16-bit levels, 2,048 samples or more."""

    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", sound_filters(), persistent=False)
        widths = (4 * len(SOUND_SCALES), *SOUND_WIDTHS)
        self.blocks = nn.Sequential(
            *(Block(one, other, 1, 4) for one, other in zip(widths, SOUND_WIDTHS, strict=False))
        )
        self.last = nn.Linear(2 * SOUND_WIDTHS[-1], 1)

    def forward(self, sounds: Tensor) -> Tensor:
        """Return the logits."""
        with torch.autocast(sounds.device.type, enabled=False):
            residuals = functional.conv1d(sounds.float(), self.filters, padding=2)
        cut = torch.cat([(residuals / scale).clamp(-CUT, CUT) for scale in SOUND_SCALES], 1)
        return _judged(self.last, self.blocks(cut).flatten(2))


def _judged(last: nn.Linear, maps: Tensor) -> Tensor:
    """Return logits [B] of maps [B, C, places]."""
    maps = maps.float()
    statistics = torch.cat([maps.mean(2), maps.std(2, unbiased=False)], 1)
    logits: Tensor = last(statistics)[:, 0]
    return logits.float()
