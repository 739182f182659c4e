"""The networks of DITAS: for each stage one that hides and one that reveals, and how stages are told of each other.

    H:  tile C ─┐                                                                  R:  tile C ─► the same ─► Q
                ├─ concat ─► conv ──► (fuse) ──► conv ─► ... ──► conv ──► C
    secret Q ───┘             W          ▲        W         │     linear
                                         │                  ▼
                 features W of the stage before      features W for the next stage        fuse: concat, 1x1, 2 W to W

    conv: 3x3, stride 1, same size, batch normalisation, ReLU; the last one neither

W. Cui et al., ICASSP 2020. The layers are not published: six of 64 channels are ours, after the 64 channels of Hide
and Speak, which the paper compares itself with. The figure with the wiring of E and D is not at hand either; here
stage i is given the last features of stage i - 1 behind its own first layer, the first stage nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...errors import UsageError
from ..deep_steg.network import DeepSteg

VARIANTS = ("S", "M", "M-E", "M-D", "M-ED")
NETWORKS = ("ditas", "deep_steg")


@dataclass(frozen=True)
class Architecture:
    """What the networks look like.

    Attributes:
        tile: channels of a tile of sound, C.
        secret: channels of the secret, Q.
        stages: how many.
        variant: one of `VARIANTS`.
        width: W; of Deep-Steg, filters of each size.
        layers: convolutions of a network, 3 or more.
        norm: batch normalisation.
        network: "ditas", or "deep_steg": Deep-Steg's three networks as the only stage.
    """

    tile: int
    secret: int
    stages: int = 3
    variant: str = "M-ED"
    width: int = 64
    layers: int = 6
    norm: bool = True
    network: str = "ditas"

    def __post_init__(self) -> None:
        for name, known in (("variant", VARIANTS), ("network", NETWORKS)):
            if getattr(self, name) not in known:
                raise UsageError(f"{name} is {getattr(self, name)!r}; expected {', '.join(known)}")
        if not 1 <= self.width <= 1024:
            raise UsageError(f"width is {self.width}; expected 1..1024")
        if not 3 <= self.layers <= 32:
            raise UsageError(f"layers is {self.layers}; expected 3..32")


class Stack(nn.Module):
    """A row of convolutions, [B, before, h, w] to [B, after, h, w].

    Args:
        before: channels in.
        after: channels out.
        how: width, layers, normalisation.
        fuses: whether it is told the features of the stage before.
    """

    def __init__(self, before: int, after: int, how: Architecture, *, fuses: bool) -> None:
        super().__init__()
        self.first = _convolution(before, how.width, how)
        self.fuse = nn.Conv2d(2 * how.width, how.width, 1) if fuses else None
        self.middle = nn.Sequential(*(_convolution(how.width, how.width, how) for _ in range(how.layers - 2)))
        self.last = nn.Conv2d(how.width, after, 3, padding=1)

    def forward(self, x: Tensor, earlier: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return what it makes, and its last features [B, W, h, w]."""
        x = self.first(x)
        if self.fuse is not None:
            assert earlier is not None
            x = self.fuse(torch.cat([x, earlier.to(x.dtype)], 1))
        features = self.middle(x)
        return self.last(features), features


def _convolution(before: int, after: int, how: Architecture) -> nn.Module:
    norm = [nn.BatchNorm2d(after)] if how.norm else []
    return nn.Sequential(nn.Conv2d(before, after, 3, padding=1, bias=not how.norm), *norm, nn.ReLU(inplace=True))


class Stage(nn.Module):
    """One stage: a network that hides and one that reveals.

    Args:
        how: the architecture.
        number: of the stage, 0 the first.
    """

    def __init__(self, how: Architecture, number: int) -> None:
        super().__init__()
        later = number > 0
        self.hiding = Stack(how.tile + how.secret, how.tile, how, fuses=later and how.variant in ("M-E", "M-ED"))
        self.revealing = Stack(how.tile, how.secret, how, fuses=later and how.variant in ("M-D", "M-ED"))

    def hide(self, tile: Tensor, secret: Tensor, earlier: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return what becomes of a tile [B, C, h, w] and a secret [B, Q, h, w], and the features."""
        made, features = self.hiding(torch.cat([tile, secret], 1), earlier)
        return made.float(), features

    def reveal(self, tile: Tensor, earlier: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the secret [B, Q, h, w] of a tile [B, C, h, w], and the features."""
        made, features = self.revealing(tile, earlier)
        return made.float(), features


class DeepStegStage(nn.Module):
    """Deep-Steg's networks in the place of a stage, told of nothing."""

    def __init__(self, how: Architecture) -> None:
        super().__init__()
        self.nets = DeepSteg(how.tile, how.secret, how.width)

    def hide(self, tile: Tensor, secret: Tensor, earlier: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return what becomes of a tile [B, C, h, w] and a secret [B, Q, h, w]."""
        return self.nets.hide(tile, secret), None

    def reveal(self, tile: Tensor, earlier: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the secret [B, Q, h, w] of a tile [B, C, h, w]."""
        return self.nets.reveal(tile), None


class Ditas(nn.Module):
    """All stages, and how large what they hide commonly is.

    Args:
        how: their architecture.
    """

    sizes: Tensor
    """RMS of the secret of each stage, [stages]: networks see every residual at about the same size. Learnt by
    `measure`; the receiver needs it too."""

    def __init__(self, how: Architecture) -> None:
        super().__init__()
        self.count = 1 if how.variant == "S" else how.stages
        for number in range(self.count):
            self.add_module(name(number), DeepStegStage(how) if how.network == "deep_steg" else Stage(how, number))
        self.register_buffer("sizes", torch.full((self.count,), 0.25))

    def stage(self, number: int) -> Stage:
        """Return a stage, 0 the first."""
        found: Stage = getattr(self, name(number))
        return found

    @torch.no_grad()
    def measure(self, number: int, secret: Tensor, keep: float = 0.98) -> None:
        """Take in how large the secret of a stage is in this batch."""
        size = secret.float().square().mean().sqrt().clamp_min(1e-3)
        self.sizes[number] = self.sizes[number] * keep + size * (1 - keep)


def name(number: int) -> str:
    """Return what a stage is called among the parts of the network, 0 the first."""
    return f"stage{number + 1}"


def parts(count: int) -> Sequence[str]:
    """Return the names of the first stages."""
    return [name(number) for number in range(count)]
