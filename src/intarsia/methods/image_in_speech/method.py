"""Settings of image in speech, and the pair embed / extract on clips of sound."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

from ...engine.packs import Pack, Packing
from ...engine.pairs import Crops, Cuts, Pairs, PictureAugment, SoundAugment
from ...engine.recipe import Recipe
from ...errors import UsageError
from ..base import Facts, configure
from ..learned import check_refine
from ..picture_in_sound import PictureInSound

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ...engine.transit import Chain
    from .network import Architecture
    from .objective import ImageInSpeechLearner, Way, Weights

VARIANTS = ("paper", "consistent", "mdct")
RECIPES = ("base", "ssim", "ssim+enhancer")
GRIDS = {"paper": (1024, 31, 512, 28.3), "small": (256, 125, 128, 9.4)}
"""Window, hop, frames, and the mean largest magnitude of a second of speech, by size."""

RATE = 16_000

BLOCK = 128
"""Coefficients in a block of the MDCT, and blocks in a clip: 16,384 samples."""

GAINS = {True: 25.0, False: 400.0}
"""Of companded coefficients, in units of loudness, and of companded magnitudes, whose RMS is some .06: changes 30 dB
below the sound lie where asinh is still linear."""


@dataclass(frozen=True)
class ImageInSpeechConfig:
    """Settings of `image_in_speech`; the defaults are the paper's.

    Attributes:
        variant: "paper", "consistent" or "mdct"; see the room.
        recipe: "base", "ssim" or "ssim+enhancer", the columns of the paper's table.
        size: "paper", 512 frames of 513 bins from 16,865 samples; or "small", 128 of 129 from 16,131. mdct has one.
        pixels: side of the picture's planes, pixels; 0: as large as the plane of sound, which is what is published.
        planes: planes of pictures in one clip, 1 to 3; published 1.
        width: of the networks; not stated.
        fold: times that the plane of sound is folded before the networks see it, 1, 2, 4 or 8; published 1.
        spread: fold parts that lie far from each other into one place.
        compand: the networks see the sound's plane companded; published: they see it as it is. mdct always has it.
        residual: the hider's change is added to the cover; published: it makes the container anew.
        snr: carrier SNR that is held, dB; 0: whatever the weights give, which is published.
        transit: what happens to the file while learning, such as wav|noise:35|lowpass:7000; none is published.
        speed: share by which speech is played faster or slower while learning, pitch along, at most; ours.
        shortcut: the enhancer begins at the picture it is given (ours); published: it makes the picture anew.
        enhancer_share: of the run, that the enhancer takes, after the other two; 1: it alone learns. Not stated.
        swapped: the outer two weights the other way round, since their order is a guess.
        enhance: whether a receiver uses the enhancer, where one was learnt.
        refine: steps that `hide` takes to move a container to where it is read best; published: 0.
    """

    variant: str = "paper"
    recipe: str = "ssim"
    size: str = "paper"
    pixels: int = 0
    planes: int = 1
    width: int = 32
    fold: int = 1
    spread: bool = False
    compand: bool = False
    residual: bool = False
    snr: float = 0.0
    transit: str = "wav"
    speed: float = 0.0
    shortcut: bool = False
    enhancer_share: float = 0.25
    swapped: bool = False
    enhance: bool = True
    refine: int = 0

    def __post_init__(self) -> None:
        check_refine(self.refine)
        for name, known in (("variant", VARIANTS), ("recipe", RECIPES), ("size", tuple(GRIDS))):
            if getattr(self, name) not in known:
                raise UsageError(f"{name} is {getattr(self, name)!r}; expected {', '.join(known)}")
        if not 1 <= self.planes <= 3:
            raise UsageError(f"planes is {self.planes}; expected 1, 2 or 3")
        if not 1 <= self.width <= 256:
            raise UsageError(f"width is {self.width}; expected 1..256")
        if self.planes == 2 and self.recipe == "ssim+enhancer":
            raise UsageError("planes=2 leaves no colour picture to enhance; set planes to 1 or 3, or another recipe")
        if self.fold not in (1, 2, 4, 8):
            raise UsageError(f"fold is {self.fold}; expected 1, 2, 4 or 8")
        if self.snr != 0 and not 0 < self.snr <= 96:
            raise UsageError(f"snr is {self.snr}; expected up to 96 dB, or 0 to leave it free")
        if not 0 < self.enhancer_share <= 1:
            raise UsageError(f"enhancer_share is {self.enhancer_share}; expected a share above 0, up to 1")
        if not 0 <= self.speed <= 0.5:
            raise UsageError(f"speed is {self.speed}; expected a share, 0 to .5")
        if self.transit != "wav" and self.variant == "paper":
            raise UsageError("transit needs a file: set variant=mdct or variant=consistent")
        self.chain()
        cells = self.rows // self.fold
        if self.pixels % cells or not 0 <= self.pixels <= 4096:
            raise UsageError(f"pixels is {self.pixels}; expected a multiple of {cells} up to 4096, or 0")

    @property
    def rows(self) -> int:
        """Frames, and bins, of a plane of sound."""
        return BLOCK if self.variant == "mdct" else GRIDS[self.size][2]

    @property
    def shown(self) -> int:
        """Side of the picture's planes."""
        return self.pixels or self.rows

    def architecture(self) -> "Architecture":
        """Return what the networks look like."""
        from .network import Architecture

        unfold = self.shown * self.fold // self.rows
        enhancer = self.width if self.recipe == "ssim+enhancer" else 0
        signed = self.variant == "mdct"
        gain = GAINS[signed] if signed or self.compand else 0.0
        return Architecture(
            self.width,
            self.planes,
            fold=self.fold,
            spread=self.spread,
            unfold=unfold,
            signed=signed,
            gain=gain,
            residual=self.residual,
            enhancer=enhancer,
            shortcut=self.shortcut,
        )

    def way(self) -> "Way":
        """Return representation and way."""
        from ...engine.planes import Coefficients, Magnitudes
        from .objective import Way

        plane = Coefficients(BLOCK, BLOCK) if self.variant == "mdct" else Magnitudes(*GRIDS[self.size])
        return Way(plane, self.variant != "paper", self.snr, self.chain())

    def chain(self) -> "Chain | None":
        """Return what happens to saved sounds while learning; None: nothing."""
        if self.transit == "wav":
            return None
        from ...engine import transit

        return transit.parse(self.transit, "audio", rate=RATE)

    def weights(self) -> "Weights":
        """Return the weights of the loss."""
        from .objective import Weights

        weights = Weights() if self.recipe != "base" else Weights(1.0, 0.0, 1.0, 0.0)
        return replace(weights, cover=weights.secret, secret=weights.cover) if self.swapped else weights


class Method(PictureInSound[ImageInSpeechConfig]):
    """Image in speech."""

    facts: ClassVar[Facts] = Facts(
        name="image_in_speech",
        title="a picture in speech, painted into its spectrogram by gated convolutions",
        hides={"audio": ("image",)},
        exact=False,
        encrypted=False,
        paper="S. Agarwal, S. Venkatraman: Deep Residual Neural Networks for Image in Speech Steganography. "
        "arXiv:2003.13217, 2020",
        bibtex="@article{agarwal2020speech, author={Shivam Agarwal and Siddarth Venkatraman}, title={Deep Residual "
        "Neural Networks for Image in Speech Steganography}, journal={arXiv preprint arXiv:2003.13217}, year={2020}}",
    )
    Config = ImageInSpeechConfig
    recipe = Recipe(steps=203_000, batch=4, lr=1e-4)
    packing = Packing(side=512, rate=RATE)
    reads = ("image", "audio")
    free = frozenset(("snr", "refine"))
    _enhances = True

    def learner(self, config: ImageInSpeechConfig, recipe: Recipe) -> "ImageInSpeechLearner":
        """Return fresh networks and the loss."""
        from .objective import ImageInSpeechLearner

        return ImageInSpeechLearner(config.architecture(), config.way(), config.weights(), config.enhancer_share)

    def batches(self, config: ImageInSpeechConfig, recipe: Recipe, pack: Pack) -> Pairs:
        """Return whole pictures shrunk to the plane's size, and speech long enough for their three planes."""
        whole = PictureAugment()
        pictures = Crops(pack.pictures, pack.train_pictures, config.shown, whole, pack.validation_pictures)
        length = self.clip(config) * (3 // config.planes)
        heard = SoundAugment(gain=(-6.0, 6.0), speed=(1 - config.speed, 1 + config.speed), short="loop")
        speech = Cuts(pack.sounds, pack.train_sounds, length, heard, pack.validation_sounds)
        return Pairs(speech, pictures, recipe.batch, recipe.seed)

    def viewing(self, settings: Mapping[str, object]) -> Self:
        """Return this method, to reveal with or without the enhancer."""
        unknown = [key for key in settings if key != "enhance"]
        if unknown:
            raise UsageError(f"image_in_speech is revealed with enhance=; leave out {', '.join(unknown)}")
        viewing = copy.copy(self)
        viewing._enhances = configure(self.Config, settings, self.facts.name).enhance
        return viewing

    # --- the pair -------------------------------------------------------------------------------------------

    def clip(self, config: ImageInSpeechConfig) -> int:
        """Return the samples of a clip."""
        return config.way().plane.length

    def planes(self, config: ImageInSpeechConfig) -> int:
        """Return the planes in a clip."""
        return config.planes

    def size(self, config: ImageInSpeechConfig) -> tuple[int, int]:
        """Return height and width of a plane."""
        return config.shown, config.shown

    def embed(self, net: "nn.Module", cover: "Tensor", secret: "Tensor", config: ImageInSpeechConfig) -> "Tensor":
        """Return the container's samples."""
        way = config.way()
        return way.written(cover, net.hide(way.plane.of(cover), secret))[0]  # type: ignore[operator]

    def extract(self, net: "nn.Module", container: "Tensor", config: ImageInSpeechConfig) -> "Tensor":
        """Return the revealed planes."""
        return net.reveal(config.way().plane.of(container))  # type: ignore[operator, no-any-return]

    def heard(self, container: "Tensor", config: ImageInSpeechConfig) -> "Tensor":
        """Return what may arrive of containers: by one of the ways they learnt from, drawn anew each time."""
        channel = config.way().channel
        return super().heard(container, config) if channel is None else channel(container)

    def finish(self, net: "nn.Module", pictures: "Tensor", config: ImageInSpeechConfig) -> "Tensor":
        """Return pictures enhanced, where there is an enhancer."""
        return net.enhance(pictures) if self._enhances else pictures  # type: ignore[operator]
