"""Embedder and decoder of StegNet, layer by layer as its code has them.

    x ──► SCR 32 ─► SCR 32 ─► SCR 64 ─► SCR 64 ─► SCR 128 ─► SCR 128 ─► conv 32 ─► conv 3 ──► y
          6 or 3 channels in; every layer k3, stride 1, same size; conv: BN, ELU, 3x3, no skip

    SCR (separable convolution with residual), order="code":
        x ──► BN ─► ELU ─► depthwise 3x3 ─► 1x1 ──► + ──► y        figure: depthwise ─► 1x1 ─► BN ─► ELU ──► +
        └──── zero channels before and behind, if y has more ──┘

P. Wu, Y. Yang, X. Li: StegNet, Future Internet 10(6):54, 2018, figure 5 and section 3.2. Paper and code agree on the
channels; the code normalises first, the figure last (`order`). Strides and poolings are the paper's section 3.3,
figures 6 and 7, which show what they destroy.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...engine import fast
from ...errors import UsageError

CHANNELS = (32, 32, 64, 64, 128, 128)
"""Of the six SCR layers."""

REACH = 8
"""How far a network sees to each side, pixels: eight layers of 3x3."""

ORDERS = ("code", "figure")
POOLINGS = ("none", "max", "avg", "global")
LAYERS = len(CHANNELS)


@dataclass(frozen=True)
class Architecture:
    """What the networks look like.

    Attributes:
        order: "code" normalises before each convolution, "figure" behind it.
        batch_statistics: normalise by the pictures at hand when the networks are used, as published; else by the
            running means of training.
        strided_layers: how many of the first SCR layers halve the picture, 0..6; before the last two layers it is
            enlarged again (nearest).
        pooling: what halves it: "none", a stride of 2; "max" or "avg", pooling 2x2 behind the layer; "global": one
            mean over the whole picture behind the sixth layer, whatever `strided_layers` is.
        both: the decoder gives back the cover as well, in channels 3..5 (the paper's section 4.4 in the journal).
        norm: batch normalisation, as published; else its scale and shift alone, with means of 0 and deviations of 1.
    """

    order: str = "code"
    batch_statistics: bool = False
    strided_layers: int = 0
    pooling: str = "none"
    both: bool = False
    norm: bool = True

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise UsageError(f"order is {self.order!r}; expected code or figure")
        if self.pooling not in POOLINGS:
            raise UsageError(f"pooling is {self.pooling!r}; expected {', '.join(POOLINGS)}")
        if not 0 <= self.strided_layers <= LAYERS:
            raise UsageError(f"strided_layers is {self.strided_layers}; expected 0..{LAYERS}")
        if self.batch_statistics and not self.norm:
            raise UsageError("batch_statistics needs norm=true")


class _Normalised(nn.Module):
    """A layer with a batch norm; without `norm` that stands still, at means of 0 and deviations of 1."""

    def __init__(self, channels: int, how: Architecture) -> None:
        super().__init__()
        self.normalises_first = how.order == "code"
        self.by_batch, self.learns_statistics = how.batch_statistics, how.norm
        self.norm = nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1)

    @property
    def of_batch(self) -> bool:
        """Whether the statistics are those of the pictures at hand."""
        return (self.training and self.learns_statistics) or self.by_batch

    def train(self, mode: bool = True) -> Self:
        """As torch's, but for a norm that stands still."""
        super().train(mode)
        self.norm.train(mode and self.learns_statistics)
        return self


class Separable(_Normalised):
    """SCR: [B, before, H, W] to [B, after, H', W'] with H' = H, or half of it where the layer reduces."""

    def __init__(self, before: int, after: int, how: Architecture, *, reduces: bool) -> None:
        super().__init__(before if how.order == "code" else after, how)
        self.pooling = how.pooling if reduces else "none"
        stride = 2 if reduces and how.pooling == "none" else 1
        self.depthwise = nn.Conv2d(before, before, 3, stride, padding=1, groups=before, bias=False)
        self.pointwise = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor, known: fast.Moments | None) -> tuple[Tensor, fast.Moments | None]:
        """Return x, widened, plus what the layer adds; and its moments, as far as they are known."""
        moments, by_batch = None, self.of_batch
        if self.normalises_first:
            y, moments = fast.separable_residual(
                x, self.norm, self.depthwise, self.pointwise, batch=by_batch, known=known
            )
        else:
            stride = self.depthwise.stride[0]
            made = fast.norm_elu(self.pointwise(self.depthwise(x)), self.norm, batch=by_batch)
            y = made + fast.widened(x[..., ::stride, ::stride], self.pointwise.out_channels)
        if self.pooling == "max":
            return functional.max_pool2d(y, 2, ceil_mode=True), None
        if self.pooling == "avg":
            return functional.avg_pool2d(y, 2, ceil_mode=True), None
        return y, moments


class Plain(_Normalised):
    """The last two layers: [B, before, H, W] to [B, after, H, W], no skip."""

    def __init__(self, before: int, after: int, how: Architecture) -> None:
        super().__init__(before if how.order == "code" else after, how)
        self.convolution = nn.Conv2d(before, after, 3, padding=1)

    def forward(self, x: Tensor, known: fast.Moments | None = None) -> Tensor:
        """Convolve; `known` are the moments of x, if they are."""
        if self.normalises_first:
            return self.convolution(fast.norm_elu(x, self.norm, batch=self.of_batch, known=known))  # type: ignore[no-any-return]
        return fast.norm_elu(self.convolution(x), self.norm, batch=self.of_batch)


class Tower(nn.Module):
    """One of the two networks.

    Args:
        before: channels in.
        after: channels out.
        how: its architecture.
    """

    def __init__(self, before: int, after: int, how: Architecture) -> None:
        super().__init__()
        reduces = 0 if how.pooling == "global" else how.strided_layers
        sizes = zip((before, *CHANNELS), CHANNELS, strict=False)
        self.separable = nn.ModuleList(
            Separable(*size, how, reduces=number < reduces) for number, size in enumerate(sizes)
        )
        self.plain = nn.ModuleList((Plain(CHANNELS[-1], 32, how), Plain(32, after, how)))
        self.averages = how.pooling == "global"
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_uniform_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, after, H, W] for [B, before, H, W]; linear at the end."""
        size, known = x.shape[-2:], None
        for layer in self.separable:
            x, known = layer(x, known)
        if self.averages:
            x, known = x.mean((2, 3), keepdim=True).expand(-1, -1, *size), None
        elif x.shape[-2:] != size:
            x, known = functional.interpolate(x, size, mode="nearest"), None
        return self.plain[1](self.plain[0](x, known))  # type: ignore[no-any-return]


class StegNet(nn.Module):
    """Both networks; pictures are [B, 3, H, W], -1..1, of any size.

    Args:
        how: their architecture; 74,053 and 73,924 weights as published.
    """

    def __init__(self, how: Architecture | None = None) -> None:
        super().__init__()
        how = how or Architecture()
        self.embedder = Tower(6, 3, how)
        self.decoder = Tower(3, 6 if how.both else 3, how)

    def embed(self, cover: Tensor, secret: Tensor) -> Tensor:
        """Return the container, float32, about -1..1."""
        return self.embedder(torch.cat([cover, secret], 1)).float()  # type: ignore[no-any-return]

    def decode(self, container: Tensor) -> Tensor:
        """Return the secret, float32, about -1..1; with `both`, [B, 6, H, W], the cover behind it."""
        return self.decoder(container).float()  # type: ignore[no-any-return]
