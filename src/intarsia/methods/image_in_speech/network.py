"""The three networks of image in speech.

    plane  ─► gated 3x3 ─► gated 3x3 ─► gated 3x3 ─┐
                                                   ├─ concat ─► trunk ─► ReLU ─► container's plane      (hider)
    secret ─► 3x3 ─────► 3x3 ─────► 3x3 ───────────┘
    plane  ────────────────────────────────────────────────────► trunk ─► sigmoid ─► revealed plane     (revealer)
    R, G, B revealed ─► U-Net, skips concatenated ─► sigmoid ─► R, G, B                                 (enhancer)

    trunk   3x3 ─► 3x3 ─┬─► half ─► 3x3 ─┬─► half ─► 3x3 ─┬─► half ─► 3x3 ─┐    2w, 4w, 8w, 8w channels
            3x3 ◄─ + ◄──┴── twice ◄─ + ◄─┴── twice ◄─ + ◄─┴─────── twice ◄─┘    what has one scale is added

S. Agarwal, S. Venkatraman: Deep Residual Neural Networks for Image in Speech Steganography, arXiv:2003.13217, 2020,
which states the gated and the plain stack, concatenation, down- and upsampling with residual connections at equal
scales, ReLU, a sigmoid at the end of the revealer, and a U-Net. How many layers and channels there are it does not
say: those above are ours, width 32 after the gated blocks of F. Kreuk et al., 2020. A gate is Dauphin's,
conv(x) σ(gate(x)) (Y. Dauphin et al., ICML 2017).
"""

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...engine.planes import folded, unfolded
from ..hide_and_speak.network import Gated

LEVELS = (2, 4, 8, 8)
"""Channels of the trunk's scales, in widths."""

U_LEVELS = (1, 2, 4, 8)
"""Channels of the enhancer's scales, in widths."""

_LOGIT = 1e-3  # black and white have no logit; these are nearest to them

SCALES = 1 << len(LEVELS) - 1
"""Sides of what goes through are multiples of this."""


@dataclass(frozen=True)
class Architecture:
    """What the networks look like.

    Attributes:
        width: channels of the two stacks; the trunk has 2, 4, 8 and 8 times as many.
        planes: planes of pictures that one plane of sound carries.
        fold: the plane of sound is folded so many times before the networks see it (ours); published 1.
        spread: how it is folded, see `engine.planes.folded`.
        unfold: the picture's planes are folded so many times, to become as large.
        signed: coefficients, positive or not: nothing is clipped at zero.
        gain: the networks see asinh(gain x) of a plane of sound, and planes of pictures as -4..4, so that a change
            far below the loud places is seen (ours); 0: both as they are.
        residual: what the hider gives is added to the cover's plane (ours); published: false, it is the container.
        enhancer: width of the enhancer; 0: there is none.
        shortcut: the enhancer begins at the picture it is given, and learns what to add to its logits (ours).
    """

    width: int = 32
    planes: int = 1
    fold: int = 1
    spread: bool = False
    unfold: int = 1
    signed: bool = False
    gain: float = 0.0
    residual: bool = False
    enhancer: int = 0
    shortcut: bool = False


class Trunk(nn.Module):
    """[B, before, H, W] to [B, after, H, W], linear at the end; H and W are multiples of `SCALES`."""

    def __init__(self, before: int, after: int, width: int) -> None:
        super().__init__()
        sizes = [width * level for level in LEVELS]
        self.first = nn.Conv2d(before, sizes[0], 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, padding=1) for a, b in itertools.pairwise(sizes))
        self.level = nn.ModuleList(nn.Conv2d(size, size, 3, padding=1) for size in sizes)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 3, padding=1) for a, b in itertools.pairwise(sizes))
        self.last = nn.Conv2d(sizes[0], after, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Go down, and come back."""
        x = functional.relu(self.level[0](functional.relu(self.first(x))))
        seen = [x]
        for down, level in zip(self.down, self.level[1:], strict=True):
            x = functional.relu(level(functional.relu(down(x))))
            seen.append(x)
        for up, before in zip(reversed(self.up), reversed(seen[:-1]), strict=True):
            x = functional.relu(up(functional.interpolate(x, scale_factor=2.0, mode="nearest"))) + before
        return self.last(x)  # type: ignore[no-any-return]


class Hider(nn.Module):
    """A plane of sound and planes of a picture to the container's plane."""

    def __init__(self, how: Architecture) -> None:
        super().__init__()
        sound, picture, width = how.fold**2, how.planes * how.unfold**2, how.width
        self.carrier = nn.Sequential(Gated(sound, width), Gated(width, width), Gated(width, width))
        plain = [(picture, width), (width, width), (width, width)]
        layers = [(nn.Conv2d(*each, 3, padding=1), nn.ReLU()) for each in plain]
        self.message = nn.Sequential(*(part for layer in layers for part in layer))
        self.trunk = Trunk(2 * width, sound, width)

    def forward(self, plane: Tensor, picture: Tensor) -> Tensor:
        """Return what the trunk makes of both, linear."""
        return self.trunk(torch.cat([self.carrier(plane), self.message(picture)], 1))  # type: ignore[no-any-return]


class Enhancer(nn.Module):
    """A U-Net: colour pictures [B, 3, H, W], 0..1, to colour pictures.

    Args:
        width: channels of its first scale.
        shortcut: see `Architecture`.
    """

    def __init__(self, width: int, *, shortcut: bool = False) -> None:
        super().__init__()
        self.shortcut = shortcut
        sizes = [width * level for level in U_LEVELS]
        self.down = nn.ModuleList(_twice(a, b) for a, b in zip((3, *sizes), sizes, strict=False))
        pairs = list(itertools.pairwise(sizes))
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in pairs)
        self.join = nn.ModuleList(_twice(2 * a, a) for a, _ in pairs)
        self.last = nn.Conv2d(sizes[0], 3, 1)
        if shortcut:
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, picture: Tensor) -> Tensor:
        """Return the enhanced picture."""
        x, seen = self.down[0](picture), []
        for down in self.down[1:]:
            seen.append(x)
            x = down(functional.max_pool2d(x, 2))
        for up, join, before in zip(reversed(self.up), reversed(self.join), reversed(seen), strict=True):
            x = join(torch.cat([before, up(x)], 1))
        made = self.last(x)
        return torch.sigmoid(made.float() + torch.logit(picture.float(), _LOGIT) if self.shortcut else made)


def _twice(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.Conv2d(after, after, 3, padding=1), nn.ReLU()
    )


class ImageInSpeech(nn.Module):
    """All three.

    Args:
        how: their architecture.
    """

    def __init__(self, how: Architecture | None = None) -> None:
        super().__init__()
        self.how = how = how or Architecture()
        self.hider = Hider(how)
        self.revealer = Trunk(how.fold**2, how.planes * how.unfold**2, how.width)
        self.enhancer = Enhancer(how.enhancer, shortcut=how.shortcut) if how.enhancer else None

    def hide(self, plane: Tensor, secret: Tensor) -> Tensor:
        """Return the container's plane, float32 [B, 1, F, K].

        Args:
            plane: of the cover, [B, 1, F, K].
            secret: [B, planes, h, w], 0..1; F = h fold / unfold, and so K.
        """
        how = self.how
        seen = folded(self._seen(plane), how.fold, spread=how.spread)
        picture = folded(8 * secret - 4 if how.gain else secret, how.unfold)
        made = unfolded(self.hider(seen, picture).float(), how.fold, spread=how.spread)
        made = plane + made if how.residual else made
        return made if how.signed else functional.relu(made)

    def reveal(self, plane: Tensor) -> Tensor:
        """Return the revealed planes, float32 [B, planes, h, w], 0..1, of a container's plane."""
        how = self.how
        found = self.revealer(folded(self._seen(plane), how.fold, spread=how.spread)).float()
        return torch.sigmoid(unfolded(found, how.unfold))

    def enhance(self, picture: Tensor) -> Tensor:
        """Return a colour picture [B, 3, h, w], 0..1, enhanced; as it is where there is no enhancer."""
        return picture if self.enhancer is None else self.enhancer(picture).float()

    def _seen(self, plane: Tensor) -> Tensor:
        return torch.asinh(self.how.gain * plane) if self.how.gain else plane
