"""What Deep-Steg learns.

    cover ──────────► hide ─► container ─► (8 bits) ─► + noise ─► reveal ─► revealed
    secret ─► prepare ─┘         │                                              │
                          ‖C - C'‖²  reaches P and H               β ‖S - S'‖²  reaches all three

    L = ‖C - C'‖² + β ‖S - S'‖²                                              (equation 1; means over all values)

The noise before the receiver keeps the networks from writing the secret into the lowest bit; how much of it, the
paper does not say. The gradient passes it; it does not in one public re-implementation, whose
secret loss never reaches P and H. Values are 0..1.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...engine import rounding
from ...engine.learner import Batch, Learner, Losses
from ...engine.pictures import beside_each_other
from ...engine.recipe import Phase
from ...engine.similarity import psnr
from ...errors import UsageError
from .network import DeepSteg

_SHOWN = 4  # pairs on a strip


def squared(one: Tensor, other: Tensor) -> Tensor:
    """Return the mean squared error, a scalar (equation 1, either term)."""
    return (one - other).square().mean()


def disturbed(container: Tensor, noise: float) -> Tensor:
    """Return a container with Gaussian noise of that deviation, drawn from torch's own generator."""
    return container + noise * torch.randn_like(container) if noise else container


class DeepStegLearner(Learner):
    """Deep-Steg learning from pairs of pictures, uint8 [B, 3, H, W].

    Args:
        net: the networks.
        weights: of the terms "cover" and "secret"; the paper's are 1 and β.
        noise: deviation of the noise on the container while learning, of 0..1.
        rounds: whether the container is rounded to 8 bits before that; published: not.

    Raises:
        UsageError: the noise is negative, or not a number.
    """

    def __init__(self, net: DeepSteg, weights: Mapping[str, float], *, noise: float, rounds: bool) -> None:
        if not 0 <= noise < float("inf"):
            raise UsageError(f"noise is {noise}; expected a deviation, 0 or more")
        self.net: DeepSteg = net
        self.phases = (Phase("all", weights=dict(weights)),)
        self._noise, self._rounds = noise, rounds

    def losses(self, batch: Batch, phase: Phase) -> Losses:
        """Return the two terms of equation 1; β is among the weights of the phase."""
        cover, secret = rounding.picture_values(batch["cover"]), rounding.picture_values(batch["secret"])
        container = self.net.hide(cover, secret)
        sent = rounding.picture(container) if self._rounds else container
        revealed = self.net.reveal(disturbed(sent, self._noise))
        terms = {"cover": squared(container, cover), "secret": squared(revealed, secret)}
        return Losses(terms, shared=container, quality=psnr(container, cover))

    def figures(self, batch: Batch) -> dict[str, float]:
        """Return validation figures: container and secret through 8 bits, and the secret from the float container.

        `cover_error` and `secret_error` are mean |error| on 0..255, the measure of the paper's table.
        """
        cover, secret = rounding.picture_values(batch["cover"]), rounding.picture_values(batch["secret"])
        container = self.net.hide(cover, secret)
        saved = rounding.picture(container)
        revealed = rounding.picture(self.net.reveal(saved))
        return {
            "cover_psnr": float(psnr(saved, cover)),
            "secret_psnr": float(psnr(revealed, secret)),
            "secret_psnr_direct": float(psnr(self.net.reveal(container), secret)),
            "cover_error": 255 * float((saved - cover).abs().mean()),
            "secret_error": 255 * float((revealed - secret).abs().mean()),
        }

    def sheet(self, batch: Batch) -> NDArray[np.uint8]:
        """Return cover, container, secret and revealed secret of the first four pairs."""
        cover, secret = (rounding.picture_values(batch[name][:_SHOWN]) for name in ("cover", "secret"))
        saved = rounding.picture(self.net.hide(cover, secret))
        rows = zip(cover, saved, secret, self.net.reveal(saved), strict=True)
        shown = [rounding.picture_samples(each) for row in rows for each in row]
        return beside_each_other([each.permute(1, 2, 0).cpu().numpy() for each in shown])
