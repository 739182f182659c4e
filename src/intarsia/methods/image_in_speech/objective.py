"""What image in speech learns.

    L_C = .995 mean (C - C')² + .005 (1 - SSIM(C, C')) / 2          C, C': planes of cover and container
    L_S = .85  mean (S - S')² + .15  (1 - SSIM(S, S')) / 2          S, S': planes of the secret, 0..1
    L   = .69 L_C + 1 L_S                                           `base`: both SSIM weights 0, both others 1

The paper gives the six numbers in this order and lost its equations; which belongs to what is read from two pairs that
sum to one. The enhancer learns .85 and .15 alone, with the other two networks frozen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...engine import planes, rounding, similarity
from ...engine.learner import Batch, Learner, Losses
from ...engine.pictures import beside_each_other
from ...engine.recipe import Phase
from .network import Architecture, ImageInSpeech

HIDE, ENHANCE = "hide", "enhance"
_SHOWN = 4


@dataclass(frozen=True)
class Weights:
    """The six weights, and where they stand."""

    cover_mse: float = 0.995
    cover_ssim: float = 0.005
    secret_mse: float = 0.85
    secret_ssim: float = 0.15
    cover: float = 0.69
    secret: float = 1.0


@dataclass(frozen=True)
class Way:
    """From a plane to a file, and back to a plane.

    Attributes:
        plane: how a piece of sound is seen.
        round_trip: whether the receiver learns from what a 16-bit file gives back; published: from C' itself.
        snr: of the container, dB, held by scaling the change; 0 leaves it free.
        channel: what happens to saved sounds while learning; None: nothing.
    """

    plane: planes.Plane
    round_trip: bool
    snr: float
    channel: Callable[[Tensor], Tensor] | None = None

    def written(self, cover: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        """Return the container's samples before rounding, and its plane before it was sound.

        Args:
            cover: samples [B, 1, T].
            made: the plane that the hider made of it.
        """
        if not self.round_trip and self.snr:
            made = planes.at_snr(self.plane.of(cover), made, self.snr)
        samples = self.plane.back(cover, made)
        if self.round_trip and self.snr:
            samples = planes.at_snr(cover, samples, self.snr)
        return samples, made

    def read(self, samples: Tensor) -> Tensor:
        """Return the plane of a 16-bit file with these samples."""
        return self.plane.of(rounding.sound(samples))

    def direct(self, samples: Tensor, made: Tensor) -> Tensor:
        """Return the plane that no file was made of: C' where networks learnt from it, else of the float samples."""
        return self.plane.of(samples) if self.round_trip else made


class ImageInSpeechLearner(Learner):
    """The three networks learning from pictures uint8 [B, 3, h, w] and cuts int16 [B, 1, n T].

    Each of a picture's three planes goes into a cut of its own, or all into one where a cut carries three.

    Args:
        how: architecture.
        way: representation and what happens on the way.
        weights: of the loss.
        enhancer_share: of the run, that the enhancer takes; 1: nothing else learns.
    """

    def __init__(self, how: Architecture, way: Way, weights: Weights, enhancer_share: float) -> None:
        self.net: ImageInSpeech = ImageInSpeech(how)
        self.way, self.weights = way, weights
        painting = Phase(HIDE, 1 - enhancer_share, ("hider", "revealer"))
        enhancing = Phase(ENHANCE, enhancer_share, ("enhancer",))
        self.phases: Sequence[Phase] = (painting,)
        if how.enhancer:
            self.phases = (enhancing,) if enhancer_share == 1 else (painting, enhancing)

    def losses(self, batch: Batch, phase: Phase) -> Losses:
        """Return the two halves of the loss; in the second phase the enhancer's."""
        if phase.name == ENHANCE:
            colour = batch["secret"].float() / 255
            with torch.no_grad():
                revealed = self._through(batch)[0].reshape(colour.shape)
            return Losses({"enhanced": self._picture_loss(colour, self.net.enhance(revealed))})
        revealed, secret, cover, plane, samples = self._through(batch)
        before, weights = self.way.plane.of(cover), self.weights
        cover_loss = weights.cover_mse * (before - plane).square().mean()
        if weights.cover_ssim:
            cover_loss = cover_loss + weights.cover_ssim * (1 - similarity.ssim(before, plane)) / 2
        terms = {
            "cover": weights.cover * cover_loss,
            "secret": weights.secret * self._picture_loss(secret, revealed),
        }
        return Losses(terms, shared=plane, quality=planes.snr(cover, samples))

    def _picture_loss(self, secret: Tensor, revealed: Tensor) -> Tensor:
        loss = self.weights.secret_mse * (secret - revealed).square().mean()
        if self.weights.secret_ssim:
            loss = loss + self.weights.secret_ssim * (1 - similarity.ssim(secret, revealed)) / 2
        return loss

    def _through(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return revealed and secret planes [N, P, h, w], cuts [N, 1, T], the container's plane and float samples."""
        cover, secret = self._items(batch)
        samples, made = self.way.written(cover, self.net.hide(self.way.plane.of(cover), secret))
        plane = self.way.read(samples) if self.way.round_trip else made
        heard = plane if self.way.channel is None else self.way.plane.of(self.way.channel(samples))
        return self.net.reveal(heard), secret, cover, plane, samples

    def _items(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return cuts [N, 1, T], -1..1, and the planes that go into them [N, P, h, w], 0..1."""
        together = self.net.how.planes
        pictures = batch["secret"][:, : 3 // together * together].float() / 255
        secret = pictures.reshape(-1, together, *pictures.shape[-2:])
        return rounding.sound_values(batch["cover"]).reshape(-1, 1, self.way.plane.length), secret

    def figures(self, batch: Batch) -> dict[str, float]:
        """Return validation figures: through the file, and direct."""
        cover, secret = self._items(batch)
        samples, made = self.way.written(cover, self.net.hide(self.way.plane.of(cover), secret))
        saved = rounding.sound(samples)
        found = {"cover_snr": float(planes.snr(cover, saved))}
        ways = {"": self.way.plane.of(saved), "_direct": self.way.direct(samples, made)}
        for name, plane in ways.items():
            revealed = rounding.picture(self.net.reveal(plane))
            found |= _of_pictures(secret, revealed, name)
            if self.net.enhancer is not None:
                colour = batch["secret"].float() / 255
                enhanced = self.net.enhance(revealed.reshape(colour.shape))
                found |= _of_pictures(colour, rounding.picture(enhanced), f"{name}_enhanced")
        return found

    def sheet(self, batch: Batch) -> NDArray[np.uint8]:
        """Return the first four pictures, and what comes out of the file."""
        few = {name: tensor[:_SHOWN] for name, tensor in batch.items()}
        cover, secret = self._items(few)
        samples, _ = self.way.written(cover, self.net.hide(self.way.plane.of(cover), secret))
        revealed = self.net.reveal(self.way.read(samples))
        if secret.numel() == few["secret"].numel():
            colour = few["secret"].shape
            secret, revealed = secret.reshape(colour), self.net.enhance(revealed.reshape(colour))
        shown = [rounding.picture_samples(each) for row in zip(secret, revealed, strict=True) for each in row]
        return beside_each_other([each[:3].expand(3, -1, -1).permute(1, 2, 0).cpu().numpy() for each in shown])


def _of_pictures(secret: Tensor, revealed: Tensor, name: str) -> dict[str, float]:
    return {
        f"secret_psnr{name}": float(similarity.psnr(secret, revealed)),
        f"secret_mae{name}": 255 * float((secret - revealed).abs().mean()),
        f"secret_ssim{name}": float(similarity.ssim(secret, revealed)),
    }
