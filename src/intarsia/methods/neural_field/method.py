"""The pair hide / reveal of the neural field."""

import copy
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ...carrier.channel import Channel
from ...errors import DoesNotFitError, InputError, NoSecretError, UsageError
from ...media import Cover, Image, Shape, Value, Video, video_metrics
from ..base import Entry, Facts, Method, Placed, Progress
from ..learned import need_torch
from ..picture_in_picture import ENOUGH_DB, MARGIN_DB, as_colour, flat_psnr
from . import plan as plans
from .plan import Plan
from .settings import NeuralFieldConfig
from .signals import Signal, Solid, signal_of, targets, unpacked

if TYPE_CHECKING:
    import torch

    from .network import Field
    from .objective import FieldLearner

REVISION = 1
SIDES = (32, 1024)
"""Widths of a network: the side of the square of the picture that it is."""

SHAPE_DB = 26.0
"""What a shape must come back with at least: surfaces 1/20 of its size apart."""

_HEAD = struct.Struct("<BcB3B4f")
_BODIES = ("siren", "igr")


@dataclass(frozen=True)
class Ground:
    """The square of a picture that is the field.

    Attributes:
        where: positions in the picture's samples, int64 [3, n, n].
        open: which of them may be set, bool [3, n, n].
    """

    where: NDArray[np.int64]
    open: NDArray[np.bool_]

    @property
    def side(self) -> int:
        """Side n of the square."""
        return int(self.where.shape[1])


def ground_of(cover: Image, channel: Channel) -> Ground:
    """Return the largest square in the middle of a picture, at most 1024 pixels wide.

    Raises:
        DoesNotFitError: the picture is too small.
    """
    side = min(cover.width, cover.height, SIDES[1])
    if side < SIDES[0]:
        raise DoesNotFitError(
            f"the cover is {cover.width} x {cover.height} pixels; a neural field needs {SIDES[0]} x {SIDES[0]}",
            needed=SIDES[0] ** 2,
            available=cover.width * cover.height,
        )
    top, left = (cover.height - side) // 2, (cover.width - side) // 2
    numbers = np.arange(cover.samples.size).reshape(cover.samples.shape)
    where = np.ascontiguousarray(numbers[top : top + side, left : left + side].transpose(2, 0, 1))
    taken = np.zeros(cover.samples.size, np.bool_) if cover.closed is None else cover.closed.copy()
    taken[channel.reserved] = True
    return Ground(where, ~taken[where])


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
        known = ("size", "rate", "grid")
        unknown = [key for key in settings if key not in known]
        if unknown:
            raise UsageError(f"neural_field is revealed with {', '.join(known)}; leave out {', '.join(unknown)}")
        viewing = copy.copy(self)
        viewing._asked = dict(settings)
        return viewing

    # --- the pair -------------------------------------------------------------------------------------------

    def hide(
        self, cover: Cover, secret: Value, channel: Channel, config: NeuralFieldConfig, progress: Progress
    ) -> Placed:
        """Fit a field to the secret, and let its weights be the cover's."""
        need_torch(self.facts.name)
        picture, signal = _colour(cover), signal_of(secret)
        ground = ground_of(picture, channel)
        plan = plan_of(config, signal, ground.side)
        levels = picture.samples.reshape(-1)[ground.where]
        progress("drawing weights", 0.0)
        learner = _learner(config, plan, secret, signal, levels, ground, channel, progress)
        fitted = self._fitted(learner, config, secret, signal, channel, picture, progress)
        samples = channel.samples
        samples[ground.where[ground.open]] = fitted[ground.open]
        channel.replace(samples)
        settings = _pack(plan, signal)
        return Placed(0, promise(secret), settings, tuple(_remarks(secret)), carried=levels.size)

    def reveal(self, cover: Cover, channel: Channel, entry: Entry, settings: bytes, progress: Progress) -> Value:
        """Ask the picture."""
        need_torch(self.facts.name)
        if not isinstance(cover, Image) or cover.is_grey or cover.depth != 8:
            raise NoSecretError
        from . import surface

        ground = ground_of(cover, channel)
        plan, signal = _unpack(settings, ground.side)
        wanted = signal.at(self._asked)
        net = field(plan, channel, cover.samples.reshape(-1)[ground.where], ground.open)
        net = net.to(_where(self._device))
        tick = lambda share: progress("asking the field", share)  # noqa: E731
        if isinstance(wanted, Solid):
            return surface.extracted(net.sampled, wanted, entry.name, tick)
        return wanted.value(net.sampled(wanted.coordinates(), tick), entry.name)

    def capacity(self, cover: Cover, channel: Channel, config: NeuralFieldConfig) -> int:
        """One byte for each weight of the three matrices."""
        if not isinstance(cover, Image) or cover.is_grey:
            return 0
        return 3 * min(cover.width, cover.height, SIDES[1]) ** 2

    def compare(self, original: Value, revealed: Value, cover: Cover) -> float:
        """As every method, pictures in 8-bit colour."""
        return super().compare(Image(as_colour(original)) if isinstance(original, Image) else original, revealed, cover)

    # --- inside ---------------------------------------------------------------------------------------------

    def _fitted(
        self, learner: "FieldLearner", config: NeuralFieldConfig, secret: Value, signal: Signal, channel: Channel,
        cover: Image, progress: Progress,
    ) -> NDArray[np.uint8]:  # fmt: skip
        from .fitting import fit
        from .objective import Points

        total = learner.points
        recipe = config.learning(signal.letter, total)
        same = (channel.stream("identity", 32), repr(config.lasting()).encode(), cover.digest(), secret.digest())
        fit(learner, Points(total, recipe.batch), recipe, self.bench, b"".join(same), progress, self._device)
        return learner.net.best.cpu().numpy()


def plan_of(config: NeuralFieldConfig, signal: Signal, side: int) -> Plan:
    """Return the network for a secret."""
    body = "igr" if isinstance(signal, Solid) else "siren"
    omega = float(np.float32(config.omega))
    bound = float(np.float32(config.reach * plans.reach(body, side, omega)))
    amplitude = float(np.float32(config.amplitude))
    return Plan(body, signal.inputs, signal.answers, side, config.layers(body), omega, -bound, bound, amplitude)


def field(
    plan: Plan, channel: Channel, levels: NDArray[np.uint8], open_: NDArray[np.bool_], *, rounds: bool = True
) -> "Field":
    """Return the network whose other weights are the channel's key."""
    from .network import Field

    return Field(plan, plans.drawn(plan, channel.stream), levels, open_, rounds=rounds)


def promise(secret: Value) -> float:
    """Return what must come back at least, dB: 3 more than a flat picture of the mean colour, than silence."""
    if isinstance(secret, Image):
        return min(flat_psnr(as_colour(secret)) + MARGIN_DB, ENOUGH_DB)
    if isinstance(secret, Video):
        colour = np.rint(secret.frames.reshape(-1, 3).mean(axis=0)).astype(np.uint8)
        flat = Video(np.broadcast_to(colour, secret.frames.shape), secret.rate)
        return min(video_metrics.mean_psnr(secret, flat) + MARGIN_DB, ENOUGH_DB)
    return SHAPE_DB if isinstance(secret, Shape) else MARGIN_DB


def _colour(cover: Cover) -> Image:
    if not isinstance(cover, Image) or cover.is_grey or cover.depth != 8:
        raise UsageError(
            f"neural_field needs a cover of 8-bit colour; this one is {cover.describe()}; convert it, or try "
            "--method exact"
        )
    return cover


def _learner(
    config: NeuralFieldConfig, plan: Plan, secret: Value, signal: Signal, levels: NDArray[np.uint8], ground: Ground,
    channel: Channel, progress: Progress,
) -> "FieldLearner":  # fmt: skip
    from . import surface
    from .objective import ShapeLearner, SignalLearner

    first = levels
    if config.start == "random":
        first = np.frombuffer(channel.stream("start", levels.size), np.uint8).reshape(levels.shape)
    net = field(plan, channel, first, ground.open, rounds=config.qat)
    if isinstance(signal, Solid):
        assert isinstance(secret, Shape)
        progress("sampling the shape", 0.0)
        cloud = surface.cloud(secret, signal)
        return ShapeLearner(net, levels, config.beta, cloud, eikonal=config.eikonal, normal=config.normal,
                            distances=config.shape_loss == "sdf")  # fmt: skip
    answers = targets(secret, signal)
    return SignalLearner(net, levels, config.beta, signal.coordinates(), answers)


def _pack(plan: Plan, signal: Signal) -> bytes:
    head = _HEAD.pack(REVISION, signal.letter.encode(), _BODIES.index(plan.body), *plan.variable, plan.omega,
                      plan.low, plan.high, plan.amplitude)  # fmt: skip
    return head + signal.pack()


def _unpack(settings: bytes, side: int) -> tuple[Plan, Signal]:
    """Undo `_pack`."""
    if len(settings) < _HEAD.size or settings[0] != REVISION:
        raise InputError("the container's field is of a later revision; a newer release of intarsia is needed")
    _, letter, body, first, second, third, omega, low, high, amplitude = _HEAD.unpack_from(settings)
    signal = unpacked(letter.decode("latin-1"), settings[_HEAD.size :])
    variable = (first, second, third)
    return Plan(_BODIES[body], signal.inputs, signal.answers, side, variable, omega, low, high, amplitude), signal


def _where(device: str) -> "torch.device":
    from ...engine import hardware

    return hardware.device(device, lambda _line: None)


def _remarks(secret: Value) -> list[str]:
    notes = ["the picture is visibly noisy: its pixels are the weights of the network (recipe=residue leaves it clean)"]
    if isinstance(secret, Image) and secret.alpha is not None:
        notes.append("the secret's transparency is not carried")
    if isinstance(secret, Shape):
        notes.append("the shape comes back as a new surface: its triangles and colours are not carried")
    return notes
