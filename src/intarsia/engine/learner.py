"""What the loop needs to know about a thing that learns.

    batch ──► Learner.losses ──► named terms ──► balance ──► one number ──► backward
                    │
                  Learner.net   everything with weights; its children are the parts that phases name

A method makes one `Learner` for its networks; a fit of one secret is a learner whose batches come from one item.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .recipe import Phase

Batch = Mapping[str, Tensor]
"""Tensors by name, the first axis counting items; uint8 pictures [B, 3, H, W], int16 sounds [B, 1, T] and the like."""


class Batches(Protocol):
    """Where batches come from: drawn by number, so that a run can be continued, or split, anywhere."""

    @property
    def content(self) -> str:
        """What the data are, as a hash in hex: a run is only continued on the same."""
        ...

    def draw(self, step: int, first: int = 0, count: int | None = None) -> Mapping[str, NDArray[Any]]:
        """Return items `first` to `first + count` of the batch of a step; None: all of it."""
        ...

    def validation(self, count: int) -> Mapping[str, NDArray[Any]]:
        """Return that many items that are never drawn, always the same ones."""
        ...


@dataclass(frozen=True)
class Losses:
    """What one batch cost.

    Attributes:
        terms: scalar tensors by name; each is a mean over the items, so that processes can share a batch.
        shared: what all terms pull at, the container, float32; None: losses cannot be balanced by gradient.
        quality: of the container, dB as it would be saved, a mean over the items as well; None: cannot be held at a
            target.
    """

    terms: Mapping[str, Tensor]
    shared: Tensor | None = None
    quality: Tensor | None = None


class Learner(ABC):
    """Networks and what they are to learn.

    Networks are run under autocast, so what they return may be bfloat16: losses take it to float32 first.
    """

    net: nn.Module
    phases: Sequence[Phase] = (Phase("all"),)
    cover_terms: Sequence[str] = ("cover",)
    """The losses whose weight follows `Recipe.target`."""

    @abstractmethod
    def losses(self, batch: Batch, phase: Phase) -> Losses:
        """Return what the batch costs."""

    def figures(self, batch: Batch) -> dict[str, float]:
        """Return validation figures by name; `net` is in evaluation mode. Called once for all items."""
        return {}

    def sheet(self, batch: Batch) -> NDArray[np.uint8] | None:
        """Return a strip of samples to look at, uint8 [H, W, 3]; None: there is nothing to see."""
        return None


def on(batch: Mapping[str, NDArray[Any]], device: torch.device) -> dict[str, Tensor]:
    """Take a drawn batch to a device."""
    return {name: torch.from_numpy(np.ascontiguousarray(array)).to(device) for name, array in batch.items()}
