"""What StegNet learns, and its own measures.

    L = 1/4 [ mean |C - C'| + mean |S - S'| + V(C - C') + V(S' - S) ]                           (equation 7)
    V(d): variance of the signed difference over channels, height and width of one picture, mean over the batch

Pixels are -1..1. The variance asks that errors be spread over the picture instead of standing out as spikes.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ...engine import rounding, similarity
from ...engine.learner import Batch, Learner, Losses
from ...engine.pictures import beside_each_other
from ...engine.recipe import Phase
from .network import Architecture, StegNet

BITS_PER_PIXEL = 24

_FLATNESS = 0.03  # local contrast, of 0..1, at which an error counts half as much as on a plain surface
_WINDOW = 7
_SHOWN = 4  # pairs on a strip


def absolute(one: Tensor, other: Tensor) -> Tensor:
    """Return mean |one - other| (equations 5 and 6, first terms), a scalar."""
    return (one - other).abs().mean()


def variance(difference: Tensor) -> Tensor:
    """Return the variance of a signed difference over each picture [B, C, H, W], mean over the batch (equation 7)."""
    return difference.flatten(1).var(1, unbiased=False).mean()


def flatness(picture: Tensor) -> Tensor:
    """Return how plain the surroundings of each pixel are, [B, 1, H, W], above 0, 1 where nothing changes.

    1 / (1 + (s / .03)^2), s the deviation of grey in a window of 7 x 7, on a scale of 0..1. Ours.

    Args:
        picture: [B, 3, H, W], -1..1.
    """
    grey = functional.pad((picture.mean(1, keepdim=True) + 1) / 2, (_WINDOW // 2,) * 4, mode="replicate")
    mean = functional.avg_pool2d(grey, _WINDOW, 1)
    spread = (functional.avg_pool2d(grey.square(), _WINDOW, 1) - mean.square()).clamp_min(0)
    return 1 / (1 + spread / _FLATNESS**2)


def textured(cover: Tensor, container: Tensor) -> Tensor:
    """Return the mean |error| of the container weighted by the flatness around it, a scalar (ours).

    Noise on plain surfaces is the weakness the paper states (section 5); here an error costs most where nothing hides
    it.
    """
    weight = flatness(cover)
    return ((container - cover).abs() * weight).mean() / weight.mean().clamp_min(1e-6)


# --- the paper's measures ------------------------------------------------------------------------------------


def changing_rate(cover: NDArray[np.uint8], container: NDArray[np.uint8]) -> float:
    """Return the cover changing rate, mean |C - C'| on 0..1 (equation 2)."""
    return float(np.abs(cover.astype(np.float64) - container).mean() / 255)


def decoded_rate(secret: NDArray[np.uint8], revealed: NDArray[np.uint8]) -> float:
    """Return the decoded rate, 1 - mean |S - S'| on 0..1 (equation 1)."""
    return 1 - float(np.abs(secret.astype(np.float64) - revealed).mean() / 255)


def capacity(rate: float) -> float:
    """Return the capacity in bits per pixel as the paper counts it, decoded rate times 24 (equation 3)."""
    return rate * BITS_PER_PIXEL


# --- learning ------------------------------------------------------------------------------------------------


class StegNetLearner(Learner):
    """StegNet learning from pairs of pictures, uint8 [B, 3, H, W].

    Args:
        how: architecture.
        weights: of the terms, by name.
        rounds: whether the container is rounded to 8 bits before it is decoded; published: not.
    """

    cover_terms = ("cover", "cover_variance", "texture")

    def __init__(self, how: Architecture, weights: Mapping[str, float], *, rounds: bool) -> None:
        self.net: StegNet = StegNet(how)
        self.phases = (Phase("all", weights=dict(weights)),)
        self._both, self._rounds = how.both, rounds

    def losses(self, batch: Batch, phase: Phase) -> Losses:
        """Return the four terms of equation 7, each a quarter, and ours, by name."""
        cover, secret = signed(batch["cover"]), signed(batch["secret"])
        container = self.net.embed(cover, secret)
        decoded = self.net.decode(rounding.picture(container, low=-1.0) if self._rounds else container)
        wanted = torch.cat([secret, cover], 1) if self._both else secret
        terms = {
            "cover": absolute(cover, container) / 4,
            "secret": absolute(wanted, decoded) / 4,
            "cover_variance": variance(cover - container) / 4,
            "secret_variance": variance(decoded - wanted) / 4,
        }
        if phase.weights.get("texture"):
            terms["texture"] = textured(cover, container) / 4
        return Losses(terms, shared=container, quality=psnr(container, cover))

    def figures(self, batch: Batch) -> dict[str, float]:
        """Return validation figures: container and secret through 8 bits, and the secret from the float container."""
        cover, secret = signed(batch["cover"]), signed(batch["secret"])
        container = self.net.embed(cover, secret)
        saved = rounding.picture(container, low=-1.0)
        revealed = rounding.picture(self.net.decode(saved)[:, :3], low=-1.0)
        direct = self.net.decode(container)[:, :3]
        return {
            "cover_psnr": float(psnr(saved, cover)),
            "secret_psnr": float(psnr(revealed, secret)),
            "secret_psnr_direct": float(psnr(direct, secret)),
            "cover_change": 50 * float(absolute(saved, cover)),
            "secret_error": 50 * float(absolute(revealed, secret)),
        }

    def sheet(self, batch: Batch) -> NDArray[np.uint8]:
        """Return cover, container, secret and revealed secret of the first four pairs."""
        cover, secret = signed(batch["cover"][:_SHOWN]), signed(batch["secret"][:_SHOWN])
        saved = rounding.picture(self.net.embed(cover, secret), low=-1.0)
        revealed = self.net.decode(saved)[:, :3]
        rows = zip(cover, saved, secret, revealed, strict=True)
        shown = [rounding.picture_samples(each, low=-1.0) for row in rows for each in row]
        return beside_each_other([each.permute(1, 2, 0).cpu().numpy() for each in shown])


def signed(levels: Tensor) -> Tensor:
    """Return uint8 levels as float32, -1..1."""
    return levels.float() / 127.5 - 1


def psnr(one: Tensor, other: Tensor) -> Tensor:
    """Return the mean PSNR in dB of pictures [B, 3, H, W], -1..1; the scale is 2."""
    return similarity.psnr(one, other, peak=2.0)
