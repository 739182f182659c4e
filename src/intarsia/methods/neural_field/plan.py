"""What a field looks like, and the numbers its key gives it. No torch here.

    SIREN  in ─► W0 ─► W1 ─► W2 ─► W3 ─► W4 ─► W5 ─► out                                  sin 30 behind all but the last
    IGR    x  ─► W0 ─► W1 ─► W2 ─► W3 ─► W4 ─► W5 ─► W6 ─► W7 ─► f                softplus 100 behind all but the last
           └──────────────────────────┘ W4 is given [W3's outputs, x] / sqrt 2, so W3 has three outputs less

Three square matrices are the picture's colours, W1 W2 W3 of SIREN and W1 W2 W4 of IGR (W3 is not square there). All
others, and every bias, come from the key: the very numbers that the networks' own first weights are drawn from.

Sources: V. Sitzmann et al., NeurIPS 2020, section 3.2 and code (SIREN); A. Gropp et al., Implicit Geometric
Regularization for Learning Shapes, ICML 2020, and code (IGR); biases as torch's own layers draw them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...carrier import order

Floats = NDArray[np.float32]
Stream = Callable[[str, int], bytes]
"""Gives so many bytes of the keyed stream of that name."""

SIREN_LAYERS, IGR_LAYERS = 6, 8
SKIP = 4
"""The layer of IGR that sees the coordinates again."""

WHITE = 255


@dataclass(frozen=True)
class Plan:
    """One network.

    Attributes:
        body: "siren" or "igr".
        inputs: coordinates.
        outputs: values.
        width: side of the hidden matrices, and of the square of the picture they are.
        variable: which layers are the picture's red, green and blue.
        omega: factor in front of SIREN's sines.
        low: weight that black stands for.
        high: weight that white stands for.
        amplitude: outputs are multiplied by it.
    """

    body: str
    inputs: int
    outputs: int
    width: int
    variable: tuple[int, int, int]
    omega: float
    low: float
    high: float
    amplitude: float = 1.0

    @property
    def layers(self) -> int:
        """How many there are."""
        return SIREN_LAYERS if self.body == "siren" else IGR_LAYERS

    def shape(self, number: int) -> tuple[int, int]:
        """Return outputs and inputs of a layer."""
        outputs = self.outputs if number == self.layers - 1 else self.width
        if self.body == "igr" and number == SKIP - 1:
            outputs -= self.inputs
        return outputs, self.inputs if number == 0 else self.width


def reach(body: str, width: int, omega: float) -> float:
    """Return how far the first weights of a hidden layer go: SIREN's bound, IGR's standard deviation."""
    return math.sqrt(6 / width) / omega if body == "siren" else math.sqrt(2 / width)


def square_layers(body: str) -> tuple[int, ...]:
    """Return the layers that are square matrices."""
    layers = range(1, SIREN_LAYERS - 1) if body == "siren" else range(1, IGR_LAYERS - 1)
    return tuple(number for number in layers if body == "siren" or number != SKIP - 1)


# --- grey and weight -----------------------------------------------------------------------------------------


def weights_of(levels: NDArray[np.uint8], plan: Plan) -> Floats:
    """Return the weights that grey levels stand for: v / 255 (w_max - w_min) + w_min (the paper's equation 1)."""
    return (levels.astype(np.float32) / WHITE * (plan.high - plan.low) + plan.low).astype(np.float32)


# --- from the key --------------------------------------------------------------------------------------------


def drawn(plan: Plan, stream: Stream) -> tuple[list[Floats], list[Floats]]:
    """Return weights [out, in] and biases [out] of every layer, those too that the picture replaces."""
    draw = _siren_layer if plan.body == "siren" else _igr_layer
    pairs = [draw(plan, number, stream) for number in range(plan.layers)]
    return [weight for weight, _ in pairs], [bias for _, bias in pairs]


def _siren_layer(plan: Plan, number: int, stream: Stream) -> tuple[Floats, Floats]:
    shape = plan.shape(number)
    bound = 1 / shape[1] if number == 0 else reach("siren", shape[1], plan.omega)
    weight = bound * order.evenly(stream(f"weight {number}", order.EVEN_BYTES * math.prod(shape)))
    bias = order.evenly(stream(f"bias {number}", order.EVEN_BYTES * shape[0])) / math.sqrt(shape[1])
    return weight.reshape(shape).astype(np.float32), bias.astype(np.float32)


def _igr_layer(plan: Plan, number: int, stream: Stream) -> tuple[Floats, Floats]:
    """Draw a layer of the network that begins as the distance to a sphere of radius 1; its biases are constants."""
    shape = plan.shape(number)
    normal = order.bell(stream(f"weight {number}", order.BELL_BYTES * math.prod(shape))).reshape(shape)
    if number < plan.layers - 1:
        return (normal * math.sqrt(2 / shape[0])).astype(np.float32), np.zeros(shape[0], np.float32)
    weight = math.sqrt(math.pi / shape[1]) + 1e-5 * normal
    return weight.astype(np.float32), np.full(shape[0], -1, np.float32)
