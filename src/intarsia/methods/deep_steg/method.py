"""Settings of Deep-Steg, and the pair hide / reveal on pictures of any size."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ...engine.packs import Pack, Packing
from ...engine.pairs import Crops, Pairs, PictureAugment
from ...engine.recipe import Recipe
from ...errors import UsageError
from ..base import Facts
from ..learned import check_refine
from ..picture_in_picture import PictureInPicture

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .objective import DeepStegLearner


@dataclass(frozen=True)
class DeepStegConfig:
    """Settings of `deep_steg`.

    Attributes:
        beta: weight of the secret's error against the cover's; the paper's table has .75, 1 and 1.25.
        noise: deviation of the Gaussian noise on the container while learning, of 0..1; the paper does not say how
            much, this is ours.
        filters: of each convolution; published 50.
        rounds: round the container to 8 bits while learning; published: false, a float container.
        size: side of the pictures it learns from, pixels; published 224.
        crops: learn from random crops; false: whole pictures shrunk.
        refine: steps that `hide` takes to move a container to where it is read best; published: 0.
    """

    beta: float = 0.75
    noise: float = 0.01
    filters: int = 50
    rounds: bool = True
    size: int = 224
    crops: bool = False
    refine: int = 0

    def __post_init__(self) -> None:
        check_refine(self.refine)
        for name in ("beta", "noise"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UsageError(f"{name} is {getattr(self, name)}; expected 0 or more")
        if not 1 <= self.filters <= 1024:
            raise UsageError(f"filters is {self.filters}; expected 1..1024")
        if not 8 <= self.size <= 4096:
            raise UsageError(f"size is {self.size}; expected 8..4096 pixels")


class Method(PictureInPicture[DeepStegConfig]):
    """Deep-Steg."""

    facts: ClassVar[Facts] = Facts(
        name="deep_steg",
        title="a picture in a picture of the same size, by three networks of 3x3, 4x4 and 5x5 filters; a baseline",
        hides={"image": ("image",)},
        exact=False,
        encrypted=False,
        paper="S. Baluja: Hiding Images in Plain Sight: Deep Steganography. NeurIPS 2017",
        bibtex="@inproceedings{baluja2017hiding, author={Shumeet Baluja}, title={Hiding Images in Plain Sight: Deep "
        "Steganography}, booktitle={Advances in Neural Information Processing Systems}, year={2017}}",
    )
    Config = DeepStegConfig
    # Length, batch and rate of the original were never published; these are what the re-implementations use.
    recipe = Recipe(steps=100_000, batch=8, lr=1e-4)
    packing = Packing(side=256, validation=0.2)
    reads = ("image",)
    free = frozenset(("refine",))
    margin = 20

    def learner(self, config: DeepStegConfig, recipe: Recipe) -> "DeepStegLearner":
        """Return fresh networks and equation 1."""
        from .network import DeepSteg
        from .objective import DeepStegLearner

        weights = {"cover": 1.0, "secret": config.beta}
        return DeepStegLearner(DeepSteg(filters=config.filters), weights, noise=config.noise, rounds=config.rounds)

    def batches(self, config: DeepStegConfig, recipe: Recipe, pack: Pack) -> Pairs:
        """Return pairs of pictures."""
        augment = PictureAugment("crop", scale=(0.25, 1.0), flip=True) if config.crops else PictureAugment()
        crops = Crops(pack.pictures, pack.train_pictures, config.size, augment, pack.validation_pictures)
        return Pairs(crops, crops, recipe.batch, recipe.seed)

    def embed(self, net: "nn.Module", cover: "Tensor", secret: "Tensor", config: DeepStegConfig) -> "Tensor":
        """Return the container."""
        return net.hide(cover, secret)  # type: ignore[operator, no-any-return]

    def extract(self, net: "nn.Module", container: "Tensor", config: DeepStegConfig) -> "Tensor":
        """Return the revealed secret."""
        return net.reveal(container)  # type: ignore[operator, no-any-return]
