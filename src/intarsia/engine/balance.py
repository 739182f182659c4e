"""One number out of several losses: fixed weights, equal pulls, or whatever holds the cover at a target.

terms ──► weights of the phase ──► × 1 / ‖∂ term / ∂ container‖   (balance=gradient)
                              └──► × e^w on the cover's terms     (target=psnr:38; w follows the measured dB)
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import UsageError
from .learner import Losses

_FORGET = 0.98  # of the running norms
_GAIN = 0.004  # nepers a step for each dB that the cover is off
_REACH = 7.0  # the target's weight stays within e^±7


class Balance:
    """Weights of the losses, and what they remember.

    Args:
        kind: "fixed" or "gradient", as in `Recipe.balance`.
        target: dB to hold the cover at, or None.
        cover_terms: names of the terms whose weight follows the target.
        mean: averages a tensor over all processes.
        processes: how many there are.
    """

    def __init__(
        self,
        kind: str,
        target: float | None,
        cover_terms: Sequence[str],
        mean: Callable[[Tensor], Tensor],
        processes: int = 1,
    ) -> None:
        self._kind, self._target, self._cover = kind, target, tuple(cover_terms)
        self._mean, self._processes = mean, processes
        self._norms: dict[str, float] = {}
        self._pull = 0.0

    def total(self, losses: Losses, weights: Mapping[str, float]) -> Tensor:
        """Return the number whose gradient is followed."""
        terms = {name: term for name, term in losses.terms.items() if weights.get(name, 1.0)}
        factors = {name: float(weights.get(name, 1.0)) for name in terms}
        if self._kind == "gradient":
            norms = self._gradient_norms(losses, terms)
            factors = {name: factor / norms[name] for name, factor in factors.items()}
        if self._target is not None:
            self._follow(losses)
            factors = {name: f * (math.exp(self._pull) if name in self._cover else 1.0) for name, f in factors.items()}
        return torch.stack([factors[name] * term for name, term in terms.items()]).sum()

    def _gradient_norms(self, losses: Losses, terms: Mapping[str, Tensor]) -> dict[str, float]:
        """Return running norms of what each term does to the container; 1 for one that does not touch it."""
        if losses.shared is None:
            raise UsageError("balance is 'gradient', but this method names no container to balance at; use fixed")
        for name, term in terms.items():
            (gradient,) = torch.autograd.grad(term, losses.shared, retain_graph=True, allow_unused=True)
            # Each process has the gradient of the mean over its own items; together they are that of the mean of all.
            square = 0.0 if gradient is None else float(self._mean(gradient.float().square().sum()))
            norm = math.sqrt(square / self._processes) if math.isfinite(square) else math.nan
            if math.isfinite(norm) and norm > 0:
                before = self._norms.get(name, norm)
                self._norms[name] = _FORGET * before + (1 - _FORGET) * norm
        return {name: self._norms.get(name, 1.0) for name in terms}

    def _follow(self, losses: Losses) -> None:
        if losses.quality is None:
            raise UsageError("a target is set, but this method measures no cover quality while it learns; leave it out")
        assert self._target is not None
        found = float(self._mean(losses.quality.detach().float()))
        if math.isfinite(found):
            self._pull = max(-_REACH, min(_REACH, self._pull + _GAIN * (self._target - found)))

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"norms": self._norms, "pull": self._pull}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Undo `state`."""
        self._norms, self._pull = dict(state["norms"]), float(state["pull"])
