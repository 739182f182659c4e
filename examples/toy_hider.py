"""A hiding network of one's own, in one file, trained and used like those in the house.

    export PYTHONPATH=examples
    intarsia train toy_hider:METHOD --data photographs/ --run runs/toy --set seconds=60
    intarsia hide cover.png secret.png -o container.png --method toy_hider:METHOD --model runs/toy --no-password
    intarsia reveal container.png -o revealed/ --method toy_hider:METHOD --model runs/toy --no-password

It is here to be read and copied; it hides neither well nor discreetly.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from intarsia.engine import rounding
from intarsia.engine.learner import Batch, Batches, Learner, Losses
from intarsia.engine.packs import Pack
from intarsia.engine.pairs import Crops, Pairs, PictureAugment
from intarsia.engine.pictures import beside_each_other
from intarsia.engine.recipe import Phase, Recipe
from intarsia.methods.base import Facts
from intarsia.methods.picture_in_picture import PictureInPicture


@dataclass(frozen=True)
class ToyConfig:
    """Settings of the toy.

    Attributes:
        width: channels between the layers.
        beta: weight of the secret against the cover.
        size: side of the squares it learns from, pixels.
    """

    width: int = 16
    beta: float = 0.75
    size: int = 64


class Networks(nn.Module):
    """A hider that draws on the cover, and a revealer; three layers each."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hider = _three_layers(6, width)
        self.revealer = _three_layers(3, width)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """Return the container; all are [B, 3, H, W], 0..1."""
        return cover + self.hider(torch.cat([cover, secret], 1)).float()

    def reveal(self, container: Tensor) -> Tensor:
        """Return the revealed secret, [B, 3, H, W], about 0..1."""
        return self.revealer(container).float()


def _three_layers(channels: int, width: int) -> nn.Sequential:
    sizes = ((channels, width), (width, width), (width, 3))
    first, middle, last = (nn.Conv2d(before, after, 3, padding=1) for before, after in sizes)
    return nn.Sequential(first, nn.ReLU(), middle, nn.ReLU(), last)


def psnr(one: Tensor, other: Tensor) -> Tensor:
    """Return the mean PSNR in dB of pictures [B, 3, H, W], 0..1."""
    return (-10 * torch.log10((one - other).square().mean((1, 2, 3)))).mean()


class ToyLearner(Learner):
    """What the networks are to do: leave the cover alone, and bring the secret back from 8 bits."""

    def __init__(self, config: ToyConfig) -> None:
        self.net: Networks = Networks(config.width)
        self.phases = (Phase("all", weights={"secret": config.beta}),)

    def losses(self, batch: Batch, phase: Phase) -> Losses:
        """Return the mean squared errors of container and revealed secret."""
        cover, secret = batch["cover"].float() / 255, batch["secret"].float() / 255
        container = self.net.hide(cover, secret)
        revealed = self.net.reveal(rounding.picture(container))
        terms = {"cover": (container - cover).square().mean(), "secret": (revealed - secret).square().mean()}
        return Losses(terms, shared=container, quality=psnr(container, cover))

    def figures(self, batch: Batch) -> dict[str, float]:
        """Return PSNR in dB of container and revealed secret, both as they would be saved."""
        cover, secret = batch["cover"].float() / 255, batch["secret"].float() / 255
        container = rounding.picture(self.net.hide(cover, secret))
        revealed = rounding.picture(self.net.reveal(container))
        return {"cover_psnr": float(psnr(container, cover)), "secret_psnr": float(psnr(revealed, secret))}

    def sheet(self, batch: Batch) -> NDArray[np.uint8]:
        """Return cover, container, secret and revealed secret of the first four pairs."""
        cover, secret = batch["cover"][:4].float() / 255, batch["secret"][:4].float() / 255
        container = rounding.picture(self.net.hide(cover, secret))
        shown = zip(cover, container, secret, rounding.picture(self.net.reveal(container)), strict=True)
        levels = [(255 * picture).round().byte().permute(1, 2, 0).cpu().numpy() for row in shown for picture in row]
        return beside_each_other(levels)


class ToyHider(PictureInPicture[ToyConfig]):
    """The toy as a method."""

    facts: ClassVar[Facts] = Facts(
        name="toy_hider:METHOD",
        title="a picture in a picture, by two networks of three layers; an example",
        hides={"image": ("image",)},
        exact=False,
        encrypted=False,
        paper="none",
        bibtex="",
    )
    Config = ToyConfig
    recipe = Recipe(steps=2_000, batch=16, lr=2e-3, schedule="cosine")
    margin = 6

    def learner(self, config: ToyConfig, recipe: Recipe) -> ToyLearner:
        """Return fresh networks."""
        return ToyLearner(config)

    def batches(self, config: ToyConfig, recipe: Recipe, pack: Pack) -> Batches:
        """Return pairs of square crops."""
        augment = PictureAugment("crop", flip=True)
        crops = Crops(pack.pictures, pack.train_pictures, config.size, augment, pack.validation_pictures)
        return Pairs(crops, crops, recipe.batch, recipe.seed)

    def embed(self, net: nn.Module, cover: Tensor, secret: Tensor, config: ToyConfig) -> Tensor:
        """Return the container."""
        assert isinstance(net, Networks)
        return net.hide(cover, secret)

    def extract(self, net: nn.Module, container: Tensor, config: ToyConfig) -> Tensor:
        """Return the revealed secret."""
        assert isinstance(net, Networks)
        return net.reveal(container)


METHOD = ToyHider()
