"""What all differentiable functions share: number formats, constants that are remembered, draws by chance."""

import functools
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar, cast

import torch
from torch import Tensor

_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")

_KEPT = 16  # constants that are remembered, of each kind


def full(values: Tensor) -> Tensor:
    """Return values as they are when float32 or float64, and all others as float32."""
    return values if values.dtype in (torch.float32, torch.float64) else values.float()


def precise(work: Callable[Concatenate[Tensor, _Given], Tensor]) -> Callable[Concatenate[Tensor, _Given], Tensor]:
    """Let a function of a tensor be computed in float32, or in float64, whatever autocast says."""

    @functools.wraps(work)
    def done(values: Tensor, *given: _Given.args, **named: _Given.kwargs) -> Tensor:
        with torch.autocast(values.device.type, enabled=False):
            return work(full(values), *given, **named)

    return cast(Callable[Concatenate[Tensor, _Given], Tensor], done)


def kept(make: Callable[_Given, _Made]) -> Callable[_Given, _Made]:
    """Let a function remember the constant tensors it makes.

    What is made under inference mode could never again be learnt with, so it is left while they are made.
    """

    @functools.wraps(make)
    def made(*given: _Given.args, **named: _Given.kwargs) -> _Made:
        with torch.inference_mode(False):
            return make(*given, **named)

    return cast(Callable[_Given, _Made], functools.lru_cache(_KEPT)(made))


def uniform(shape: Sequence[int], like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return numbers drawn evenly from 0..1, of the type and on the device of `like`.

    Drawn where the generator is: one on the CPU gives the same numbers whatever the device.
    """
    device = like.device if generator is None else generator.device
    return torch.rand(tuple(shape), generator=generator, dtype=like.dtype, device=device).to(like.device)


def normal(shape: Sequence[int], like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return normal numbers of mean 0 and deviation 1; see `uniform`."""
    device = like.device if generator is None else generator.device
    return torch.randn(tuple(shape), generator=generator, dtype=like.dtype, device=device).to(like.device)
