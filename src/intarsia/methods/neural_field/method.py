"""What the neural field is to everybody else: facts, settings, and the pair hide / reveal."""

import copy
from collections.abc import Mapping
from typing import ClassVar, Self

from ...carrier.channel import Channel
from ...errors import InputError, NoSecretError, UsageError
from ...media import Cover, Image, Value
from ..base import Entry, Facts, Method, Placed, Progress
from ..learned import need_torch
from ..picture_in_picture import as_colour
from .settings import NeuralFieldConfig
from .work import SIDES, Work

ASKED = ("size", "rate", "grid")
"""Settings of reveal: a field can be asked anywhere."""

LEVEL, RESIDUE = 1, 2
"""First byte of the settings in a header: what a weight is."""


class NeuralField(Method[NeuralFieldConfig]):
    """A field whose weights are the picture."""

    facts: ClassVar[Facts] = Facts(
        name="neural_field",
        title="a video, sound, shape or picture as a neural network whose weights are the picture; fitted to each",
        hides={"image": ("video", "audio", "shape", "image")},
        exact=False,
        encrypted=False,
        paper="G. Han, D.-J. Lee, J. Hur, J. Choi, J. Kim: Deep Cross-Modal Steganography Using Neural "
        "Representations. ICIP 2023",
        bibtex="@inproceedings{han2023crossmodal, author={Gyojin Han and Dong-Jae Lee and Jiwan Hur and Jaehyun Choi "
        "and Junmo Kim}, title={Deep Cross-Modal Steganography Using Neural Representations}, booktitle={ICIP}, "
        "year={2023}}",
    )
    Config = NeuralFieldConfig
    settings_bytes = 80
    fits = True

    _device = "auto"
    _asked: Mapping[str, object]

    def __init__(self) -> None:
        self._asked = {}

    def equip(self, model: str | None, device: str = "auto") -> Self:
        """Return this method on a device."""
        equipped = copy.copy(super().equip(model, device))
        equipped._device = device
        return equipped

    def viewing(self, settings: Mapping[str, object]) -> Self:
        """Return this method, to reveal at another size, rate or grid."""
        unknown = [key for key in settings if key not in ASKED]
        if unknown:
            raise UsageError(f"neural_field is revealed with {', '.join(ASKED)}; leave out {', '.join(unknown)}")
        viewing = copy.copy(self)
        viewing._asked = dict(settings)
        return viewing

    # --- the pair -------------------------------------------------------------------------------------------

    def hide(
        self, cover: Cover, secret: Value, channel: Channel, config: NeuralFieldConfig, progress: Progress
    ) -> Placed:
        """Fit a field to the secret, and let its weights be the cover's."""
        need_torch(self.facts.name)
        from . import by_level, by_residue

        if not isinstance(cover, Image) or cover.is_grey or cover.depth != 8:
            raise UsageError(
                f"neural_field needs a cover of 8-bit colour; this one is {cover.describe()}; convert it, or try "
                "--method exact"
            )
        work = Work(cover, channel, self.bench, self._device, progress)
        hide = by_residue.hide if config.recipe == "residue" else by_level.hide
        return hide(work, secret, config)

    def reveal(self, cover: Cover, channel: Channel, entry: Entry, settings: bytes, progress: Progress) -> Value:
        """Ask the picture."""
        need_torch(self.facts.name)
        from . import by_level, by_residue

        if not isinstance(cover, Image) or cover.is_grey or cover.depth != 8:
            raise NoSecretError
        ways = {LEVEL: by_level.reveal, RESIDUE: by_residue.reveal}
        if not settings or settings[0] not in ways:
            raise InputError("the container's field is of a later kind; a newer release of intarsia is needed")
        work = Work(cover, channel, None, self._device, progress)
        return ways[settings[0]](work, settings[1:], entry.name, self._asked)

    def capacity(self, cover: Cover, channel: Channel, config: NeuralFieldConfig) -> int:
        """One byte for each weight of the three matrices; with residues, log2 m bits for each sample."""
        if not isinstance(cover, Image) or cover.is_grey:
            return 0
        if config.recipe == "residue":
            return int(min(config.symbols, cover.samples.size) * {3: 1.585, 5: 2.322}[config.m] / 8)
        return 3 * min(cover.width, cover.height, SIDES[1]) ** 2

    def compare(self, original: Value, revealed: Value, cover: Cover) -> float:
        """As every method, pictures in 8-bit colour."""
        return super().compare(Image(as_colour(original)) if isinstance(original, Image) else original, revealed, cover)
