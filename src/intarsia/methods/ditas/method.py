"""DITAS as a method: stages in an order that the key decides, as many as are wanted, and what is left after a loss."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from ... import zoo
from ...carrier.channel import Channel
from ...engine.packs import Pack, Packing
from ...engine.pairs import Crops, Cuts, Pairs, PictureAugment, SoundAugment
from ...engine.recipe import Recipe
from ...errors import NoSecretError, UsageError
from ...media import Audio
from ..base import Facts, configure
from ..picture_in_sound import PictureInSound
from .settings import MOST_STAGES, RATE, DitasConfig

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .objective import DitasLearner

__all__ = ["DitasConfig", "Method"]

_OWN_BYTES = 4 + MOST_STAGES


class Method(PictureInSound[DitasConfig]):
    """DITAS."""

    facts: ClassVar[Facts] = Facts(
        name="ditas",
        title="a picture in a sound, stage by stage: each hides what the stages before it left over",
        hides={"audio": ("image",)},
        exact=False,
        encrypted=False,
        paper="W. Cui, S. Liu, F. Jiang, Y. Liu, D. Zhao: Multi-Stage Residual Hiding for Image-into-Audio "
        "Steganography. ICASSP 2020",
        bibtex="@inproceedings{cui2020multistage, author={Wenxue Cui and Shaohui Liu and Feng Jiang and Yongliang Liu "
        "and Debin Zhao}, title={Multi-Stage Residual Hiding for Image-into-Audio Steganography}, "
        "booktitle={IEEE International Conference on Acoustics, Speech and Signal Processing}, year={2020}}",
    )
    Config = DitasConfig
    # Rate, batch and length were never published; these are those of Hide and Speak.
    recipe = Recipe(steps=78_000, batch=32, lr=1e-3)
    packing = Packing(side=256, rate=RATE)
    whole_clips = True
    reads = ("image", "audio")
    free = frozenset(("stages", "shuffle", "order", "protect", "snr", "refine"))
    settings_bytes = PictureInSound.settings_bytes + _OWN_BYTES
    partial = True

    _viewed: int | None = None

    # --- learning -------------------------------------------------------------------------------------------

    def learner(self, config: DitasConfig, recipe: Recipe) -> "DitasLearner":
        """Return fresh networks and the loss."""
        from .objective import DitasLearner

        how = {"together": config.together, "colour": config.colour, "way": config.way()}
        return DitasLearner(config.architecture(), config.terms(), config.weights(), **how)  # type: ignore[arg-type]

    def batches(self, config: DitasConfig, recipe: Recipe, pack: Pack) -> Pairs:
        """Return pictures, and speech with a piece for each stage."""
        augment = PictureAugment("crop", scale=(0.25, 1.0), flip=True) if config.crops else PictureAugment()
        pictures = Crops(pack.pictures, pack.train_pictures, config.side, augment, pack.validation_pictures)
        heard = SoundAugment(gain=(-6.0, 6.0), short="loop")
        speech = Cuts(pack.sounds, pack.train_sounds, self.clip(config), heard, pack.validation_sounds)
        return Pairs(speech, pictures, recipe.batch, recipe.seed)

    # --- settings -------------------------------------------------------------------------------------------

    def settle(self, settings: Mapping[str, object]) -> DitasConfig:
        """Make the settings to hide with; fewer stages may be asked for than the model has, not more."""
        trained = configure(DitasConfig, self.model().config, self.facts.name)
        asked = configure(DitasConfig, {"stages": settings.get("stages", trained.count)}, self.facts.name).stages
        if asked > trained.count:
            raise UsageError(f"stages is {asked}; the model has {trained.count}")
        return super().settle({**settings, "stages": asked})

    def viewing(self, settings: Mapping[str, object]) -> Self:
        """Return this method, to reveal the first stages only."""
        unknown = [key for key in settings if key != "stages"]
        if unknown:
            raise UsageError(f"ditas is revealed with stages; leave out {', '.join(unknown)}")
        viewing = copy.copy(self)
        viewing._viewed = configure(DitasConfig, settings, self.facts.name).stages
        return viewing

    # --- clips ----------------------------------------------------------------------------------------------

    def clip(self, config: DitasConfig) -> int:
        """Return the samples of a clip: a piece for each stage."""
        return config.count * config.tiles().plane.length

    def planes(self, config: DitasConfig) -> int:
        """Return the planes in a clip."""
        return config.planes

    def size(self, config: DitasConfig) -> tuple[int, int]:
        """Return height and width of a plane."""
        return config.side, config.side

    def embed(self, net: "nn.Module", cover: "Tensor", secret: "Tensor", config: DitasConfig) -> "Tensor":
        """Return the container's samples."""
        import torch

        from . import trip

        order = np.argsort(config.order_of_stages())
        found = trip.pieces(cover, config.count)
        terms = replace(config.terms(), file=True)
        steps = trip.go(net, [found[at] for at in order], secret, terms)  # type: ignore[arg-type]
        return torch.cat([steps[stage].sound for stage in config.order_of_stages()], -1)

    def extract(self, net: "nn.Module", container: "Tensor", config: DitasConfig) -> "Tensor":
        """Return the revealed planes, from the stages that are asked for and there."""
        from . import trip

        order = np.argsort(config.order_of_stages())[: self._viewed]
        found = trip.pieces(container, config.count)
        terms = replace(config.terms(), file=True)
        return trip.shown(trip.read(net, [found[at] for at in order], terms), terms.tiles)  # type: ignore[arg-type]

    def pieces(self, config: DitasConfig) -> int:
        """Return the stages: each has a piece of its own."""
        return config.count

    def heard(self, container: "Tensor", config: DitasConfig) -> "Tensor":
        """Return what may arrive of containers: by one of the ways they learnt from, drawn anew each time."""
        way = config.way()
        saved = super().heard(container, config)
        return saved if way is None else way(saved)

    def miss(
        self, net: "nn.Module", container: "Tensor", secret: "Tensor", config: DitasConfig, *, colour: bool
    ) -> "Tensor":
        """Return what is missing behind each stage, summed: the picture of the first ones stays a good one too."""
        import torch

        from . import trip

        terms = replace(config.terms(), file=True)
        order = np.argsort(config.order_of_stages())
        found = trip.pieces(self.heard(container, config), config.count)
        parts = torch.stack(trip.read(net, [found[at] for at in order], terms))  # type: ignore[arg-type]
        return (parts.float().cumsum(0) - terms.tiles.secret(secret - 0.5)).square().sum()

    # --- key and header -------------------------------------------------------------------------------------

    def keyed(self, config: DitasConfig, channel: Channel) -> DitasConfig:
        """Return the settings with the order of stages that belongs to the key."""
        if config.order or not config.shuffle:
            return config
        words = np.frombuffer(channel.stream("order", 8 * config.count), "<u8")
        return replace(config, order=":".join(map(str, np.argsort(words, kind="stable"))))

    def protect(self, config: DitasConfig) -> float:
        """Return the share that may be lost."""
        return config.protect

    def own_settings(self, config: DitasConfig, channel: Channel) -> bytes:
        """Return the sound's timeline and the order of the stages, one byte each."""
        return channel.timeline().to_bytes(4, "big") + bytes(config.order_of_stages())

    def received(
        self, container: Audio, channel: Channel, config: DitasConfig, own: bytes
    ) -> tuple[Audio, DitasConfig]:
        """Return the sound as it was before anything was cut out of it, and the stages that were hidden."""
        timeline, order = int.from_bytes(own[:4], "big"), tuple(own[4:])
        if not 1 <= len(order) <= config.count or sorted(order) != list(range(len(order))):
            raise NoSecretError
        samples = channel.aligned(timeline).reshape(-1, container.channels)
        heard = Audio.of(samples, container.rate, depth=container.depth)
        return heard, replace(config, stages=len(order), order=":".join(map(str, order)))

    def loaded(self, model: zoo.Model, config: DitasConfig) -> "nn.Module":
        """Return the networks of all stages the model has, however many are used."""
        return super().loaded(model, self.settled(model))
