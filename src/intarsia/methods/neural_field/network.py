"""The field: a network, three of whose matrices are the picture.

    levels 0..255 [3, n, n] ─ round ─► weights w_min..w_max ─┐
                                                             ├─► network(x) ─► values
    the key ─► all other matrices, all biases ───────────────┘

At places that are not the field's to set (salt, header, transparent pixels) the key's own weights stay.
"""

import math
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ...engine import rounding
from ...engine.sine import sine_stack
from .plan import SKIP, WHITE, Floats, Plan

STEEP = 100.0
"""IGR's softplus."""

_AT_ONCE = 1 << 13  # points that go through together where no gradient is wanted


class Field(nn.Module):
    """A field whose `levels` are learnt, or read from a container.

    Args:
        plan: its layers.
        drawn: weights and biases of all layers, from the key.
        levels: grey levels to begin with, [3, n, n].
        open_: where levels count, bool [3, n, n]; elsewhere the key's weights stay.
        rounds: round and clip levels before they are used, with a straight-through gradient (equations 3 to 5).
    """

    levels: nn.Parameter
    closed: Tensor
    keyed: Tensor
    best: Tensor
    best_loss: Tensor

    def __init__(
        self,
        plan: Plan,
        drawn: tuple[Sequence[Floats], Sequence[Floats]],
        levels: NDArray[np.uint8],
        open_: NDArray[np.bool_],
        *,
        rounds: bool = True,
    ) -> None:
        super().__init__()
        self.plan, self.rounds = plan, rounds
        self.levels = nn.Parameter(torch.from_numpy(levels.astype(np.float32)))
        for number, (weight, bias) in enumerate(zip(*drawn, strict=True)):
            self._keep(f"weight{number}", weight)
            self._keep(f"bias{number}", bias)
        self._keep("closed", np.flatnonzero(~open_))
        self._keep("keyed", np.stack([drawn[0][number] for number in plan.variable])[~open_])
        self.register_buffer("best", torch.from_numpy(levels.copy()))
        self.register_buffer("best_loss", torch.tensor(math.inf))

    def _keep(self, name: str, array: NDArray[np.generic]) -> None:
        self.register_buffer(name, torch.from_numpy(np.array(array)), persistent=False)

    def whole_levels(self) -> Tensor:
        """Return the levels as the file will have them, float32 [3, n, n], a straight-through gradient behind them."""
        made = self.levels.detach().round().clamp_(0, WHITE)
        return rounding.straight(self.levels, made)

    def all_weights(self, levels: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return weights and biases of all layers, the picture's among them."""
        plan = self.plan
        carried = levels * ((plan.high - plan.low) / WHITE) + plan.low
        carried.view(-1).index_copy_(0, self.closed, self.keyed)
        weights = [cast(Tensor, getattr(self, f"weight{number}")) for number in range(plan.layers)]
        biases = [cast(Tensor, getattr(self, f"bias{number}")) for number in range(plan.layers)]
        for number, matrix in zip(plan.variable, carried.unbind(), strict=True):
            weights[number] = matrix
        return weights, biases

    def forward(self, x: Tensor, *, half: bool = False) -> Tensor:
        """Return float32 [B, outputs] for coordinates [B, inputs]; `half`: hidden layers in bfloat16."""
        given = self.all_weights(self.whole_levels() if self.rounds else self.levels)
        return self.through(x, given, half=half)

    def through(self, x: Tensor, given: tuple[list[Tensor], list[Tensor]], *, half: bool = False) -> Tensor:
        """Return the outputs with these weights and biases."""
        if self.plan.body == "siren":
            return self.plan.amplitude * sine_stack(x, *given, self.plan.omega, half=half)
        return self.plan.amplitude * softplus_stack(x, *given, half=half)

    @torch.inference_mode()
    def sampled(self, points: Floats, tick: Callable[[float], None] | None = None) -> Floats:
        """Return the outputs at many points [N, inputs], in float32 whatever learnt them: [N, outputs]."""
        given = self.all_weights(self.levels.detach().round().clamp(0, WHITE))
        found = []
        for start in range(0, len(points), _AT_ONCE):
            part = torch.from_numpy(points[start : start + _AT_ONCE]).to(self.levels.device)
            found.append(self.through(part, given).cpu())
            if tick is not None:
                tick(min(1.0, (start + _AT_ONCE) / len(points)))
        return torch.cat(found).numpy()


def softplus_stack(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], *, half: bool = False) -> Tensor:
    """Return IGR's outputs [B, out] for [B, 3]; can be differentiated twice."""
    hidden = x
    last = len(weights) - 1
    with torch.autocast(x.device.type, torch.bfloat16, enabled=half):
        for number, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            if number == SKIP:
                hidden = torch.cat([hidden, x.to(hidden.dtype)], 1) / math.sqrt(2)
            hidden = functional.linear(hidden, weight, bias)
            if number < last:
                hidden = functional.softplus(hidden, beta=STEEP)
    return hidden.float()
