"""The moving average of weights: a calmer network than the one that learns.

    average ← d · average + (1 - d) · weights,   d = min(decay, (1 + n) / (10 + n)) after n steps

The bound lets a young average follow quickly. Buffers, such as statistics of batch normalisation, are averages
already and are taken as they are.
"""

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn


class Average:
    """A moving average of a network's weights.

    Args:
        net: the network.
        decay: 0..1; 0 keeps none, and the weights themselves are used.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        self._net, self._decay = net, decay
        self.tensors: dict[str, Tensor] = {}
        if decay:
            self.tensors = {name: weight.detach().clone() for name, weight in net.named_parameters()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights as they are after `step` steps."""
        if not self._decay:
            return
        keep = min(self._decay, (1 + step) / (10 + step))
        for name, weight in self._net.named_parameters():
            if weight.requires_grad:
                self.tensors[name].lerp_(weight, 1 - keep)

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Set the average to what a checkpoint holds."""
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[name])

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the network have its average for a while."""
        weights = {name: weight for name, weight in self._net.named_parameters() if name in self.tensors}
        kept = {name: weight.data for name, weight in weights.items()}
        for name, weight in weights.items():
            weight.data = self.tensors[name]
        try:
            yield
        finally:
            for name, weight in weights.items():
                weight.data = kept[name]

    @torch.no_grad()
    def settle(self) -> None:
        """Let the network have its average for good."""
        for name, weight in self._net.named_parameters():
            if name in self.tensors:
                weight.copy_(self.tensors[name])
