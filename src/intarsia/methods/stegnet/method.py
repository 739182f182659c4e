"""Settings of StegNet, and the pair embed / decode on pictures of any size."""

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

    from .network import Architecture
    from .objective import StegNetLearner


@dataclass(frozen=True)
class StegNetConfig:
    """Settings of `stegnet`; the defaults are the paper's, but for `rounds` and `batch_statistics`.

    Attributes:
        order: "code" normalises before each convolution, "figure" behind it; paper and code differ, the code counts.
        batch_statistics: normalise by the pictures at hand when the networks are used, as published; false uses the
            running means of training, which do not depend on what else is in the batch.
        strided_layers: SCR layers that halve the picture, 0..6 (figures 6 and 7); published 0.
        pooling: what halves it: none (a stride), max, avg; or global, one mean over the picture.
        both: decode the cover as well as the secret.
        norm: batch normalisation, as published; else its scale and shift alone.
        rounds: round the container to 8 bits while learning; published: false, a float container.
        cover: weight of the container's error.
        secret: weight of the secret's error.
        variance_loss: weight of the two variances of equation 7; 0 is figure 8's other half.
        texture: weight of our loss against errors on plain surfaces; published 0.
        size: side of the pictures it learns from, pixels.
        crops: learn from random crops; published: false, whole pictures shrunk.
        refine: steps that `hide` takes to move a container to where it is read best; published: 0.
    """

    order: str = "code"
    batch_statistics: bool = False
    strided_layers: int = 0
    pooling: str = "none"
    both: bool = False
    norm: bool = True
    rounds: bool = True
    cover: float = 1.0
    secret: float = 1.0
    variance_loss: float = 1.0
    texture: float = 0.0
    size: int = 64
    crops: bool = False
    refine: int = 0

    def __post_init__(self) -> None:
        check_refine(self.refine)
        for name in ("cover", "secret", "variance_loss", "texture"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UsageError(f"{name} is {getattr(self, name)}; expected a weight, 0 or more")
        if not 8 <= self.size <= 4096:
            raise UsageError(f"size is {self.size}; expected 8..4096 pixels")

    def architecture(self) -> "Architecture":
        """Return what the networks look like."""
        from .network import Architecture

        names = ("order", "batch_statistics", "strided_layers", "pooling", "both", "norm")
        return Architecture(**{name: getattr(self, name) for name in names})


class Method(PictureInPicture[StegNetConfig]):
    """StegNet."""

    facts: ClassVar[Facts] = Facts(
        name="stegnet",
        title="a picture in a picture of the same size, painted by a network of separable convolutions",
        hides={"image": ("image",)},
        exact=False,
        encrypted=False,
        paper="P. Wu, Y. Yang, X. Li: StegNet: Mega Image Steganography Capacity with Deep Convolutional Network. "
        "Future Internet 10(6):54, 2018",
        bibtex="@article{wu2018stegnet, author={Pin Wu and Yang Yang and Xiaoqiang Li}, title={StegNet: Mega Image "
        "Steganography Capacity with Deep Convolutional Network}, journal={Future Internet}, volume={10}, "
        "number={6}, pages={54}, year={2018}}",
    )
    Config = StegNetConfig
    recipe = Recipe(steps=96_000, batch=64, lr=1e-5, beta1=0.5, beta2=0.9)
    packing = Packing(side=256, validation=0.2)
    reads = ("image",)
    free = frozenset(("batch_statistics", "refine"))
    margin = 8

    def learner(self, config: StegNetConfig, recipe: Recipe) -> "StegNetLearner":
        """Return fresh networks and equation 7."""
        from .objective import StegNetLearner

        weights = {
            "cover": config.cover,
            "secret": config.secret,
            "cover_variance": config.variance_loss * config.cover,
            "secret_variance": config.variance_loss * config.secret,
            "texture": config.texture,
        }
        return StegNetLearner(config.architecture(), weights, rounds=config.rounds)

    def batches(self, config: StegNetConfig, recipe: Recipe, pack: Pack) -> Pairs:
        """Return pairs of whole pictures shrunk to `size`, drawn with replacement, as published; or of crops."""
        augment = PictureAugment("crop", scale=(0.25, 1.0), flip=True) if config.crops else PictureAugment()
        crops = Crops(pack.pictures, pack.train_pictures, config.size, augment, pack.validation_pictures)
        return Pairs(crops, crops, recipe.batch, recipe.seed)

    def switches(self, config: StegNetConfig) -> int:
        """Return whether statistics are the batch's."""
        return int(config.batch_statistics)

    def switched(self, config: StegNetConfig, switches: int) -> StegNetConfig:
        """Undo `switches`."""
        from dataclasses import replace

        return replace(config, batch_statistics=bool(switches))

    def tile(self, config: StegNetConfig) -> int:
        """Return no limit where statistics are the picture's own: those of a tile would be others."""
        return 1 << 40 if config.batch_statistics else super().tile(config)

    def embed(self, net: "nn.Module", cover: "Tensor", secret: "Tensor", config: StegNetConfig) -> "Tensor":
        """Return the container."""
        return (net.embed(2 * cover - 1, 2 * secret - 1) + 1) / 2  # type: ignore[operator, no-any-return]

    def extract(self, net: "nn.Module", container: "Tensor", config: StegNetConfig) -> "Tensor":
        """Return the revealed secret."""
        return (net.decode(2 * container - 1)[:, :3] + 1) / 2  # type: ignore[operator, no-any-return]
