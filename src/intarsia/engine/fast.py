"""Small convolutional networks, faster on a CPU: the layers of torch, computed another way.

    x ──► batch norm ──► ELU ──► depthwise 3x3 ──► 1x1 ──► + ──► y        `separable_residual`, one step for autograd
    │     └──── `norm_elu` ───┘                            ▲ └──► moments of y, for the batch norm that follows
    └──────────── zeros before and behind the channels ────┘

Nothing here owns weights. The functions take stock layers (`nn.BatchNorm2d`, `nn.Conv2d`), so a state_dict is that of
the stock network. What is gained, on a CPU, comes from four things:

* a few pictures go through at a time, so that what one layer hands to the next is still in the cache;
* moments are taken, and summed for the gradients, while the values are there anyway;
* of a block only its input and the output of ELU are kept, the depthwise output is computed again;
* the gradient of a depthwise convolution is a depthwise convolution with the kernel turned round.

Under autocast values are kept in bfloat16 and channels last; statistics, weights and sums over pictures are float32.
On other devices, and for blocks with a stride, the stock functions are called. Plain convolutions need nothing from
here: autocast and channels-last weights make them fast. Second derivatives are left out.
"""

import ctypes
import os
import platform
from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

Moments = tuple[Tensor, Tensor]
"""Mean and biased variance of each channel, [C] each, float32 or float64."""

_TOGETHER = 1 << 20  # values that go through together; half a dozen tensors of that size fit into a shared cache
_LAST = torch.channels_last


# --- batch norm and ELU -------------------------------------------------------------------------------------


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
    mean, variance = _statistics(x, norm, own, known)
    if x.device.type != "cpu":
        return F.elu(_normalised(x, norm, (mean, variance), own))
    x = x.to(_working_type(x)).contiguous(memory_format=_LAST)
    return cast(Tensor, _NormElu.apply(x, norm.weight, norm.bias, mean, variance, norm.eps, own))  # type: ignore[no-untyped-call]


def moments(x: Tensor) -> Moments:
    """Return mean and biased variance over all but the channels of [B, C, H, W]; at least float32."""
    if x.device.type != "cpu" or not x.numel():
        wide = torch.float64 if x.dtype == torch.float64 else torch.float32
        variance, mean = torch.var_mean(x.to(wide), (0, 2, 3), correction=0)
        return mean, variance
    return _pooled([_moments(part) for part in _parts(x)], [len(part) for part in _parts(x)])


def _statistics(x: Tensor, norm: nn.BatchNorm2d, own: bool, known: Moments | None) -> Moments:
    """Return what to normalise by, and remember it in training."""
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


def _moments(x: Tensor) -> Moments:
    scratch = torch.zeros(2, x.shape[1], dtype=torch.float64 if x.dtype == torch.float64 else torch.float32)
    return torch.batch_norm_update_stats(x, scratch[0], scratch[1], 0.0)


def _pooled(found: Sequence[Moments], counts: Sequence[int]) -> Moments:
    """Return the moments of all parts; T. Chan, G. Golub, R. LeVeque, Stanford CS-79-773 (1979), equation 1.5."""
    means, variances = (torch.stack(part) for part in zip(*found, strict=True))
    share = means.new_tensor(counts)[:, None] / sum(counts)
    mean = (share * means).sum(0)
    return mean, (share * (variances + (means - mean).square())).sum(0)


def _working_type(x: Tensor) -> torch.dtype:
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype


def _normalised(x: Tensor, norm: nn.BatchNorm2d, known: Moments, own: bool) -> Tensor:
    """Return the batch norm alone, by torch; also of what torch refuses as too little."""
    if own and x.numel() > x.shape[1]:
        return F.batch_norm(x, None, None, norm.weight, norm.bias, True, 0.0, norm.eps)
    return F.batch_norm(x, *known, norm.weight, norm.bias, False, 0.0, norm.eps)


class _NormElu(Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, x: Tensor, gain: Tensor, shift: Tensor, mean: Tensor, variance: Tensor, eps: float, own: bool
    ) -> Tensor:
        activated = torch.empty_like(x, memory_format=_LAST)
        for part, result in zip(_parts(x), _parts(activated), strict=True):
            _activate(part, gain, shift, mean, variance, eps, result)
        ctx.save_for_backward(x, gain, mean, variance, activated)
        ctx.eps, ctx.own = eps, own
        return activated

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, gain, mean, variance, activated = ctx.saved_tensors
        gradient = gradient.to(x.dtype).contiguous(memory_format=_LAST)
        norm = _NormGradient(x, gain, mean, variance, ctx.eps, ctx.own)
        for number, (part, active) in enumerate(zip(_parts(gradient), _parts(activated), strict=True)):
            norm.add(number, torch.ops.aten.elu_backward(part, 1, 1, 1, True, active))
        return *norm.total(None), None, None, None, None


def _activate(
    x: Tensor, gain: Tensor, shift: Tensor, mean: Tensor, variance: Tensor, eps: float, result: Tensor
) -> None:
    """Write ELU(batch norm(x)) into `result`."""
    torch.ops.aten.elu(F.batch_norm(x, mean, variance, gain, shift, False, 0.0, eps), out=result)


class _NormGradient:
    """The gradient of a batch norm, gathered part by part and finished when all of it is known."""

    def __init__(self, x: Tensor, gain: Tensor, mean: Tensor, variance: Tensor, eps: float, own: bool) -> None:
        self._x, self._gain, self._mean, self._variance, self._eps, self._own = x, gain, mean, variance, eps, own
        self._slope = torch.empty_like(x, memory_format=_LAST)
        self._gains, self._shifts = torch.zeros_like(mean), torch.zeros_like(mean)
        self._from, self._to = _parts(x), _parts(self._slope)

    def add(self, number: int, gradient: Tensor) -> None:
        """Take the gradient of the output for one part."""
        slope, gain, shift = torch.ops.aten.native_batch_norm_backward(
            gradient, self._from[number], self._gain, self._mean, self._variance, None, None, False, self._eps, [True] * 3
        )
        self._to[number].copy_(slope)
        self._gains += gain
        self._shifts += shift

    def total(self, beside: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of input, gain and bias; `beside` comes to the input by another way."""
        if self._own:
            # dx = gain r (dy - mean(dy) - x' mean(dy x')), where r is 1 / deviation and x' = (x - mean) r
            factor = self._gain * torch.rsqrt(self._variance + self._eps) / (self._x.numel() // self._x.shape[1])
            aim = -factor * self._gains, -factor * self._shifts
        others: Sequence[Tensor | None] = [None] * len(self._to) if beside is None else _parts(beside)
        for x, slope, other in zip(self._from, self._to, others, strict=True):
            if self._own:
                slope += F.batch_norm(x, self._mean, self._variance, *aim, False, 0.0, self._eps)
            if other is not None:
                slope += other
        return self._slope, self._gains, self._shifts


def _parts(x: Tensor) -> Sequence[Tensor]:
    """Cut a batch [B, C, H, W] into as many pictures as go through together."""
    return x.split(max(1, _TOGETHER // max(1, x[0].numel())))


# --- separable convolution with residual --------------------------------------------------------------------


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
    mean, variance = _statistics(x, norm, own, known)
    kind = _working_type(x)
    x = x.to(kind).contiguous(memory_format=_LAST)
    weights = (norm.weight, norm.bias, depthwise.weight.to(kind), pointwise.weight.to(kind), pointwise.bias)
    keep = torch.is_grad_enabled()
    found = _SeparableResidual.apply(x, *weights, mean, variance, norm.eps, own, keep)  # type: ignore[no-untyped-call]
    return found[0], (found[1:] if own else None)


def widened(x: Tensor, channels: int) -> Tensor:
    """Return [B, C, H, W] with zeros for the missing channels, half of them (rounded down) before."""
    missing = channels - x.shape[1]
    return F.pad(x, (0, 0, 0, 0, missing // 2, missing - missing // 2)) if missing else x


class _SeparableResidual(Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        x: Tensor,
        gain: Tensor,
        shift: Tensor,
        deep: Tensor,
        point: Tensor,
        bias: Tensor,
        mean: Tensor,
        variance: Tensor,
        eps: float,
        own: bool,
        keep: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        activated = torch.empty_like(x if keep else _parts(x)[0], memory_format=_LAST)
        y = torch.empty(len(x), len(point), *x.shape[2:], dtype=x.dtype, memory_format=_LAST)
        across, offset = point.flatten(1).t().contiguous(), bias.to(x.dtype)
        before = (len(point) - x.shape[1]) // 2
        found = []
        with torch.autocast("cpu", enabled=False):
            for part, active, made in zip(_parts(x), _as_many(activated, x), _parts_like(y, x), strict=True):
                _activate(part, gain, shift, mean, variance, eps, active)
                torch.addmm(offset, _rows(_depthwise(active, deep)), across, out=_rows(made))
                made[:, before : before + x.shape[1]] += part
                if own:
                    found.append(_moments(made))
            known = _pooled(found, [len(part) for part in _parts(x)]) if own else (mean, variance)
        if keep:
            ctx.save_for_backward(x, gain, deep, point, mean, variance, activated)
        ctx.eps, ctx.own = eps, own
        ctx.mark_non_differentiable(*known)
        return y, *known

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        x, gain, deep, point, mean, variance, activated = ctx.saved_tensors
        gradient = gradient.to(x.dtype).contiguous(memory_format=_LAST)
        turned, down = deep.flip(2, 3).contiguous(), point.flatten(1).contiguous()
        wide = mean.dtype
        d_deep, d_point = torch.zeros_like(deep, dtype=wide), torch.zeros_like(down, dtype=wide)
        d_bias = torch.zeros(len(point), dtype=wide)
        norm = _NormGradient(x, gain, mean, variance, ctx.eps, ctx.own)
        for number, (got, active) in enumerate(zip(_parts_like(gradient, x), _parts(activated), strict=True)):
            rows = _rows(got)
            d_point += rows.t() @ _rows(_depthwise(active, deep))
            d_bias += rows.sum(0, dtype=wide)
            hidden = (rows @ down).view(len(got), *x.shape[2:], -1).permute(0, 3, 1, 2)
            d_deep += _depthwise_weights(hidden, active, deep)
            norm.add(number, torch.ops.aten.elu_backward(_depthwise(hidden, turned), 1, 1, 1, True, active))
        before = (len(point) - x.shape[1]) // 2
        d_x, d_gain, d_shift = norm.total(gradient[:, before : before + x.shape[1]])
        d_weights = (d_deep.to(deep.dtype), d_point.to(point.dtype).view_as(point), d_bias)
        return d_x, d_gain, d_shift, *d_weights, *[None] * 5


def _parts_like(x: Tensor, other: Tensor) -> Sequence[Tensor]:
    """Cut a batch where `_parts` cuts another one of as many pictures."""
    return x.split(len(_parts(other)[0]))


def _as_many(scratch: Tensor, x: Tensor) -> Iterator[Tensor]:
    """Iterate over the parts of `scratch`; over it again and again when it is no longer than one part of `x`."""
    if len(scratch) == len(x):
        return iter(_parts_like(scratch, x))
    return (scratch[: len(part)] for part in _parts(x))


def _rows(x: Tensor) -> Tensor:
    """Return [B, C, H, W], channels last, as [B * H * W, C] in the same memory."""
    return x.permute(0, 2, 3, 1).view(-1, x.shape[1])


def _depthwise(x: Tensor, kernel: Tensor) -> Tensor:
    return F.conv2d(x, kernel, None, 1, 1, 1, len(kernel)).contiguous(memory_format=_LAST)


def _depthwise_weights(gradient: Tensor, x: Tensor, kernel: Tensor) -> Tensor:
    """Return the gradient of the kernel [C, 1, 3, 3]."""
    found = torch.ops.aten.convolution_backward(
        gradient, x, kernel, None, [1, 1], [1, 1], [1, 1], False, [0, 0], len(kernel), [False, True, False]
    )
    return cast(Tensor, found[1])


# --- memory -------------------------------------------------------------------------------------------------


def keep_memory() -> bool:
    """Ask the allocator to keep what is freed, and for large pages; True if there is such an allocator (glibc).

    A training step frees and takes the same gigabytes again and again, and each time the system clears every page.
    This holds for the whole process and cannot be undone, so it is for programs that train, not for libraries.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # torch reads it at its first large tensor
    if platform.libc_ver()[0] != "glibc":
        return False
    change = ctypes.CDLL(None).mallopt
    trim, pieces = -1, -4  # M_TRIM_THRESHOLD, M_MMAP_MAX
    return bool(change(trim, 2**31 - 1)) and bool(change(pieces, 0))
