"""Small convolutional networks, faster on a CPU: the layers of torch, computed another way.

    x ──► batch norm ──► ELU ──► depthwise 3x3 ──► 1x1 ──► + ──► y        `separable_residual`, one step for autograd
    │     └──── `norm_elu` ───┘                            ▲ └──► moments of y, for the batch norm that follows
    └──────────── zeros before and behind the channels ────┘

Nothing here owns weights. The functions take stock layers (`nn.BatchNorm2d`, `nn.Conv2d`), so a state_dict is that of
the stock network. What is gained, on a CPU, comes from four things:

* a few pictures go through at a time, or a few rows where no gradient is wanted, so that what one layer hands to the
  next is still in the cache, and little memory is asked of the system;
* moments are taken, and summed for the gradients, while the values are there anyway;
* of a block only its input and the output of ELU are kept, the depthwise output is computed again;
* the gradient of a depthwise convolution is a depthwise convolution with the kernel turned round.

Under autocast values are kept in bfloat16 and channels last; statistics, weights and sums over pictures are float32.
On other devices, and for blocks with a stride, the stock functions are called. Plain convolutions need nothing from
here: autocast and channels-last weights make them fast. Second derivatives are left out.
"""

from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from . import norm as norms
from .norm import LAST, Affine, Moments, NormGradient, norm_elu, parts

__all__ = ["Moments", "norm_elu", "separable_residual", "widened"]


class _Weights(NamedTuple):
    """Of the two convolutions: [C, 1, 3, 3] and [C', C, 1, 1] in the type that is computed in, and [C']."""

    deep: Tensor
    point: Tensor
    bias: Tensor

    @property
    def before(self) -> int:
        """Zero channels in front of the skip."""
        return (len(self.point) - len(self.deep)) // 2

    def make(self, activated: Tensor, skip: Tensor, result: Tensor, above: int = 0) -> None:
        """Convolve and add `skip`; `activated` has `above` rows more at the top, and any more at the bottom."""
        hidden = _depthwise(activated, self.deep)[:, :, above : above + result.shape[2]]
        across = self.point.flatten(1).t()
        torch.addmm(self.bias.to(skip.dtype), _rows(hidden), across, out=_rows(result))
        result[:, self.before : self.before + len(self.deep)] += skip


def separable_residual(
    x: Tensor,
    norm: nn.BatchNorm2d,
    depthwise: nn.Conv2d,
    pointwise: nn.Conv2d,
    *,
    batch: bool | None = None,
    known: Moments | None = None,
) -> tuple[Tensor, Moments | None]:
    """Return x + pointwise(depthwise(ELU(batch norm(x)))), zeros put around the channels of `x` where they grow.

    Args:
        x: [B, C, H, W].
        norm: of C channels.
        depthwise: C to C, 3x3, `padding=1`, `groups=C`, without bias; with a stride `x` is thinned out likewise.
        pointwise: C to C' >= C, 1x1, with bias; of the d channels gained, floor(d / 2) come before.
        batch: as in `norm_elu`.
        known: the moments of `x`, if they are.

    Returns:
        [B, C', H, W], or fewer rows and columns with a stride, in autocast's type under autocast; and its moments, for
        the batch norm that follows, where they were needed here.
    """
    if x.device.type != "cpu" or depthwise.stride != (1, 1):
        made = pointwise(depthwise(norm_elu(x, norm, batch=batch, known=known)))
        thinned = x[:, :, :: depthwise.stride[0], :: depthwise.stride[1]]
        return made + widened(thinned, pointwise.out_channels), None
    own = norm.training or bool(batch)
    affine = Affine(norm.weight, norm.bias, *norms.statistics(x, norm, own, known), norm.eps)
    kind = norms.working_type(x)
    x = x.to(kind).contiguous(memory_format=LAST)
    weights = _Weights(depthwise.weight.to(kind), pointwise.weight.to(kind), cast(Tensor, pointwise.bias))
    if not torch.is_grad_enabled():
        return _in_strips(x, affine, weights, own)
    y, *moments = _SeparableResidual.apply(x, *affine, *weights, own)  # type: ignore[no-untyped-call]
    return y, ((moments[0], moments[1]) if own else None)


def widened(x: Tensor, channels: int) -> Tensor:
    """Return [B, C, H, W] with zeros for the missing channels, half of them (rounded down) before."""
    missing = channels - x.shape[1]
    return F.pad(x, (0, 0, 0, 0, missing // 2, missing - missing // 2)) if missing else x


def _in_strips(x: Tensor, affine: Affine, weights: _Weights, own: bool) -> tuple[Tensor, Moments | None]:
    """Run a block whose gradient nobody wants: some rows of a picture at a time, nothing kept."""
    count, _, height, width = x.shape
    channels = len(weights.point)
    y = torch.empty(count, channels, height, width, dtype=x.dtype, memory_format=LAST)
    step = max(1, norms.TOGETHER // (channels * width))
    found, counts = [], []
    with torch.autocast("cpu", enabled=False):
        for number in range(count):
            picture, result = x[number : number + 1], y[number : number + 1]
            for top in range(0, height, step):
                above, bottom = min(1, top), min(height, top + step)
                active = F.elu_(norms.normalised(picture[:, :, top - above : bottom + 1], affine))
                made = result[:, :, top:bottom]
                weights.make(active, picture[:, :, top:bottom], made, above)
                if own:
                    found.append(norms.moments_of_part(made))
                    counts.append(bottom - top)
        return y, norms.pooled(found, counts) if own else None


class _SeparableResidual(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, *settings: Any) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401
        affine, weights, ctx.own = Affine(*settings[:5]), _Weights(*settings[5:8]), settings[8]
        activated = torch.empty_like(x, memory_format=LAST)
        y = torch.empty(len(x), len(weights.point), *x.shape[2:], dtype=x.dtype, memory_format=LAST)
        found = []
        with torch.autocast("cpu", enabled=False):
            for part, active, made in zip(parts(x), parts(activated), parts(y, like=x), strict=True):
                torch.ops.aten.elu(norms.normalised(part, affine), out=active)
                weights.make(active, part, made)
                if ctx.own:
                    found.append(norms.moments_of_part(made))
            moments = (
                norms.pooled(found, [len(part) for part in parts(x)]) if found else (x.new_empty(0), x.new_empty(0))
            )
        ctx.save_for_backward(x, *affine[:4], *weights[:2], activated)
        ctx.eps = affine.eps
        ctx.mark_non_differentiable(*moments)
        return y, *moments

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        x, gain, shift, mean, variance, deep, point, activated = ctx.saved_tensors
        affine = Affine(gain, shift, mean, variance, ctx.eps)
        gradient = gradient.to(x.dtype).contiguous(memory_format=LAST)
        turned, down = deep.flip(2, 3), point.flatten(1)
        d_deep, d_point, d_bias = (torch.zeros(t.shape, dtype=mean.dtype) for t in (deep, down, down[:, 0]))
        norm, before = NormGradient(x, affine, ctx.own), (len(point) - len(deep)) // 2
        learns = any(ctx.needs_input_grad[1:])  # else the weights stand, and only the gradient of x is wanted
        for number, (got, active) in enumerate(zip(parts(gradient, like=x), parts(activated), strict=True)):
            rows = _rows(got)
            hidden = (rows @ down).view(len(got), *x.shape[2:], -1).permute(0, 3, 1, 2)
            if learns:
                d_point += rows.t() @ _rows(_depthwise(active, deep))
                d_bias += rows.sum(0)  # in bfloat16 six times as fast as with dtype=; inside it is float32 anyway
                d_deep += _depthwise_weights(hidden, active, deep)
            slope = norms.elu_gradient(_depthwise(hidden, turned), active)
            norm.add(number, slope, got[:, before : before + len(deep)])
        d_x, d_gain, d_shift = norm.total()
        if not learns:
            return d_x, *[None] * 9
        d_weights = d_deep.to(deep.dtype), d_point.to(point.dtype).view_as(point), d_bias
        return d_x, d_gain, d_shift, None, None, None, *d_weights, None


def _rows(x: Tensor) -> Tensor:
    """Return [B, C, H, W], channels last, as [B * H * W, C] in the same memory."""
    return x.permute(0, 2, 3, 1).view(-1, x.shape[1])


def _depthwise(x: Tensor, kernel: Tensor) -> Tensor:
    return F.conv2d(x, kernel, None, 1, 1, 1, len(kernel)).contiguous(memory_format=LAST)


def _depthwise_weights(gradient: Tensor, x: Tensor, kernel: Tensor) -> Tensor:
    """Return the gradient of the kernel [C, 1, 3, 3]."""
    found = torch.ops.aten.convolution_backward(
        gradient, x, kernel, None, [1, 1], [1, 1], [1, 1], False, [0, 0], len(kernel), [False, True, False]
    )
    return cast(Tensor, found[1])
