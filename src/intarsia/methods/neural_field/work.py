"""What both recipes share: the picture and its key, the fit on it, and what they promise."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...carrier.channel import Channel
from ...media import Image, Shape, Value, Video, video_metrics
from ..base import Progress
from ..picture_in_picture import ENOUGH_DB, MARGIN_DB, as_colour, flat_psnr
from .settings import NeuralFieldConfig

if TYPE_CHECKING:
    from ...engine.learner import Batches, Learner
    from ...engine.recipe import Recipe

SIDES = (32, 1024)
"""Widths of a network: the side of the square of the picture that it is."""

SHAPE_DB = 26.0
"""What a shape must come back with at least: surfaces 1/20 of its size apart."""


@dataclass(frozen=True)
class Work:
    """A cover, or a container, and everything that is done with it.

    Attributes:
        picture: 8-bit colour.
        channel: its samples and its key.
        bench: where a fit keeps its state; None: nowhere.
        device: "auto", "cpu" or "cuda".
        progress: told how far it is.
    """

    picture: Image
    channel: Channel
    bench: Path | None
    device: str
    progress: Progress

    def taken(self) -> NDArray[np.bool_]:
        """Return which samples are not to be set: salt, header, transparent pixels; bool [N]."""
        closed = self.picture.closed
        found = np.zeros(self.picture.samples.size, np.bool_) if closed is None else closed.copy()
        found[self.channel.reserved] = True
        return found

    def fit(
        self, learner: "Learner", batches: "Batches", recipe: "Recipe", config: NeuralFieldConfig, secret: Value
    ) -> None:
        """Fit, going on from the bench if the same was begun there."""
        from .fitting import fit

        key = self.channel.stream("identity", 32)
        same = (key, repr(config.lasting()).encode(), self.picture.digest(), secret.digest())
        fit(learner, batches, recipe, self.bench, b"".join(same), self.progress, self.device)

    def asking(self) -> Callable[[float], None]:
        """Return what is told how much of a field was asked."""
        return lambda share: self.progress("asking the field", share)


def promise(secret: Value) -> float:
    """Return what must come back at least, dB: 3 more than a flat picture of the mean colour, than silence."""
    if isinstance(secret, Image):
        return min(flat_psnr(as_colour(secret)) + MARGIN_DB, ENOUGH_DB)
    if isinstance(secret, Video):
        colour = np.rint(secret.frames.reshape(-1, 3).mean(axis=0)).astype(np.uint8)
        flat = Video(np.broadcast_to(colour, secret.frames.shape), secret.rate)
        return min(video_metrics.mean_psnr(secret, flat) + MARGIN_DB, ENOUGH_DB)
    return SHAPE_DB if isinstance(secret, Shape) else MARGIN_DB


def remarks(secret: Value) -> list[str]:
    """Return what of a secret is not carried, one sentence each."""
    if isinstance(secret, Image) and secret.alpha is not None:
        return ["the secret's transparency is not carried"]
    if isinstance(secret, Shape):
        return ["the shape comes back as a new surface: its own triangles and colours are not carried"]
    return []
