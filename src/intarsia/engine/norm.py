"""Batch norm and ELU in one step, for whatever comes in batches of pictures.

    x ──► moments ──► (x - mean) / deviation * gain + bias ──► ELU ──► y
                                                                       gradient: from x and y alone

A few pictures go through at a time, so that what one step hands to the next is still in the cache. Moments and sums
are float32 at least, whatever the values are. Second derivatives are left out.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

Moments = tuple[Tensor, Tensor]
"""Mean and biased variance of each channel, [C] each, float32 or float64."""

TOGETHER = 1 << 20
"""Values that go through together; half a dozen tensors of that size fit into a shared cache."""

LAST = torch.channels_last


class Affine(NamedTuple):
    """What a batch norm does to a channel: (x - mean) / sqrt(variance + eps) * gain + shift; tensors [C]."""

    gain: Tensor
    shift: Tensor
    mean: Tensor
    variance: Tensor
    eps: float


def norm_elu(x: Tensor, norm: nn.BatchNorm2d, *, batch: bool | None = None, known: Moments | None = None) -> Tensor:
    """Return ELU(batch norm(x)).

    Args:
        x: [B, C, H, W].
        norm: its weights, and its running statistics, which are updated in training.
        batch: whether to normalise by the batch's own statistics; None: in training only. In training they are
            always used. A batch of a single value has variance 0 and becomes the bias; torch would refuse it.
        known: the moments of `x`, if they are.

    Returns:
        The same shape; in autocast's type under autocast, else in that of `x`.
    """
    own = norm.training or bool(batch)
    if x.device.type != "cpu" and norm.training and x.numel() > x.shape[1]:
        return F.elu(norm(x))
    affine = Affine(norm.weight, norm.bias, *statistics(x, norm, own, known), norm.eps)
    if x.device.type != "cpu":
        return F.elu(normalised(x, affine))
    x = x.to(working_type(x)).contiguous(memory_format=LAST)
    return cast(Tensor, _NormElu.apply(x, *affine, own))  # type: ignore[no-untyped-call]


# --- moments ------------------------------------------------------------------------------------------------


def statistics(x: Tensor, norm: nn.BatchNorm2d, own: bool, known: Moments | None = None) -> Moments:
    """Return what to normalise by, the batch's `own` moments or the running ones, and remember it in training."""
    running_mean, running_variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    if not own:
        return running_mean, running_variance
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        mean, variance = known or moments(x)
        if norm.training and norm.track_running_stats:
            count = x.numel() // x.shape[1]
            momentum = 0.1 if norm.momentum is None else norm.momentum
            cast(Tensor, norm.num_batches_tracked).add_(1)
            running_mean.lerp_(mean.to(running_mean), momentum)
            running_variance.lerp_((variance * (count / max(1, count - 1))).to(running_variance), momentum)
    return mean, variance


def moments(x: Tensor) -> Moments:
    """Return mean and biased variance over all but the channels of [B, C, H, W]; at least float32."""
    if x.device.type != "cpu":
        wide = torch.float64 if x.dtype == torch.float64 else torch.float32
        variance, mean = torch.var_mean(x.to(wide), (0, 2, 3), correction=0)
        return mean, variance
    return pooled([moments_of_part(part) for part in parts(x)], [len(part) for part in parts(x)])


def moments_of_part(x: Tensor) -> Moments:
    """Return `moments` of what fits into the cache, on a CPU."""
    scratch = torch.zeros(2, x.shape[1], dtype=torch.float64 if x.dtype == torch.float64 else torch.float32)
    return torch.batch_norm_update_stats(x, scratch[0], scratch[1], 0.0)


def pooled(found: Sequence[Moments], counts: Sequence[int]) -> Moments:
    """Return the moments of all parts together; T. Chan, G. Golub, R. LeVeque, Stanford CS-79-773 (1979)."""
    means, variances = (torch.stack(part) for part in zip(*found, strict=True))
    share = means.new_tensor(counts)[:, None] / sum(counts)
    mean = (share * means).sum(0)
    return mean, (share * (variances + (means - mean).square())).sum(0)


# --- forward and backward -----------------------------------------------------------------------------------


def normalised(x: Tensor, affine: Affine) -> Tensor:
    """Return the batch norm alone."""
    gain, shift, mean, variance, eps = affine
    return F.batch_norm(x, mean, variance, gain, shift, False, 0.0, eps)


def working_type(x: Tensor) -> torch.dtype:
    """Return the type to compute in on a CPU: autocast's, else that of `x`."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype


def parts(x: Tensor, like: Tensor | None = None) -> Sequence[Tensor]:
    """Cut a batch [B, C, H, W] into as many pictures as go through together; or as many as of another batch."""
    pictures = max(1, TOGETHER // (x if like is None else like)[0].numel())
    return cast(Sequence[Tensor], x.split(pictures))  # type: ignore[no-untyped-call]


class _NormElu(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, *settings: Any) -> Tensor:  # noqa: ANN401
        affine, ctx.own = Affine(*settings[:5]), settings[5]
        activated = torch.empty_like(x, memory_format=LAST)
        for part, result in zip(parts(x), parts(activated), strict=True):
            torch.ops.aten.elu(normalised(part, affine), out=result)
        ctx.eps = affine.eps
        ctx.save_for_backward(x, *affine[:4], activated)
        return activated

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        x, gain, shift, mean, variance, activated = ctx.saved_tensors
        gradient = gradient.to(x.dtype).contiguous(memory_format=LAST)
        norm = NormGradient(x, Affine(gain, shift, mean, variance, ctx.eps), ctx.own)
        for number, (part, active) in enumerate(zip(parts(gradient), parts(activated), strict=True)):
            norm.add(number, elu_gradient(part, active))
        return *norm.total(), None, None, None, None


def elu_gradient(gradient: Tensor, activated: Tensor) -> Tensor:
    """Return the gradient of what ELU made `activated` of."""
    return cast(Tensor, torch.ops.aten.elu_backward(gradient, 1, 1, 1, True, activated))


class NormGradient:
    """The gradient of a batch norm, gathered part by part and finished when all of it is known.

    dx = gain r (dy - mean(dy) - x' mean(dy x')), where r is 1 / deviation and x' = (x - mean) r. What the means
    take away is a batch norm of x itself.

    Args:
        x: what was normalised.
        affine: how.
        own: whether by its own moments.
    """

    def __init__(self, x: Tensor, affine: Affine, own: bool) -> None:
        self._affine, self._own = affine, own
        self._made = torch.empty_like(x, memory_format=LAST)
        self._gains, self._shifts = torch.zeros_like(affine.mean), torch.zeros_like(affine.mean)
        self._from, self._to = parts(x), parts(self._made)
        self._count = x.numel() // x.shape[1]

    def add(self, number: int, gradient: Tensor, beside: Tensor | None = None) -> None:
        """Take the gradient of the output for one part, and what comes to the input by another way."""
        gain, _, mean, variance, eps = self._affine
        slope, gains, shifts = torch.ops.aten.native_batch_norm_backward(
            gradient, self._from[number], gain, mean, variance, None, None, False, eps, [True, True, True]
        )
        if beside is None:
            self._to[number].copy_(slope)
        else:
            torch.add(slope, beside, out=self._to[number])
        self._gains += gains
        self._shifts += shifts

    def total(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of input, gain and bias."""
        if self._own:
            gain, _, mean, variance, eps = self._affine
            factor = -gain * torch.rsqrt(variance + eps) / self._count
            means = Affine(factor * self._gains, factor * self._shifts, mean, variance, eps)
            for x, made in zip(self._from, self._to, strict=True):
                made += normalised(x, means)
        return self._made, self._gains, self._shifts
