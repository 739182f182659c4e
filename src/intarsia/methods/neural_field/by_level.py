"""The paper's way: a weight is a grey level.

picture's central square, n x n ─► red, green, blue ─► three weight matrices, 255 (w - w_min) / (w_max - w_min)
"""

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...carrier.channel import Channel
from ...engine import hardware
from ...errors import DoesNotFitError
from ...media import Shape, Value
from ..base import Placed
from . import colours, surface
from . import plan as plans
from .network import Field
from .objective import FieldLearner, Points, ShapeLearner, SignalLearner
from .plan import Floats, Plan
from .settings import NeuralFieldConfig
from .signals import Coloured, Signal, Solid, Sound, signal_of, targets, unpacked
from .work import SIDES, Work, promise, remarks

if TYPE_CHECKING:
    from ...media import Image

_HEAD = struct.Struct("<cB3B4f")
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


def ground_of(picture: "Image", taken: NDArray[np.bool_]) -> Ground:
    """Return the largest square in the middle of a picture, at most 1024 pixels wide.

    Raises:
        DoesNotFitError: the picture is too small.
    """
    side = min(picture.width, picture.height, SIDES[1])
    if side < SIDES[0]:
        raise DoesNotFitError(
            f"the cover is {picture.width} x {picture.height} pixels; a neural field needs {SIDES[0]} x {SIDES[0]}",
            needed=SIDES[0] ** 2,
            available=picture.width * picture.height,
        )
    top, left = (picture.height - side) // 2, (picture.width - side) // 2
    numbers = np.arange(picture.samples.size).reshape(picture.samples.shape)
    where = np.ascontiguousarray(numbers[top : top + side, left : left + side].transpose(2, 0, 1))
    return Ground(where, ~taken[where])


def hide(work: Work, secret: Value, config: NeuralFieldConfig) -> Placed:
    """Fit a network whose three matrices are the picture."""
    signal, ground = signal_of(secret, means=config.seals_means), ground_of(work.picture, work.taken())
    plan = plan_of(config, signal, ground.side)
    cover = work.picture.samples.reshape(-1)[ground.where]
    work.progress("drawing weights", 0.0)
    learner = learner_of(work, config, plan, secret, signal, cover, ground)
    recipe = config.learning(signal.letter, learner.points)
    work.fit(learner, Points(learner.points, recipe.batch), recipe, config, secret)
    fitted = learner.net.best.cpu().numpy()
    samples = work.channel.samples
    samples[ground.where[ground.open]] = fitted[ground.open]
    work.channel.replace(samples)
    notes = ["the picture is visibly noisy: its pixels are the network's weights (recipe=residue leaves it clean)"]
    return Placed(0, promise(secret), _pack(plan, signal), (*notes, *remarks(secret)), carried=cover.size)


def reveal(work: Work, settings: bytes, name: str, asked: Mapping[str, object]) -> Value:
    """Ask the network that a picture is."""
    ground = ground_of(work.picture, work.taken())
    plan, signal = _unpack(settings, ground.side)
    wanted = signal.at(asked)
    net = field(plan, work.channel, work.picture.samples.reshape(-1)[ground.where], ground.open)
    net = net.to(hardware.device(work.device, lambda _line: None))
    if isinstance(wanted, Solid):
        return surface.extracted(net.sampled, wanted, name, work.asking())
    return wanted.value(_answers(net, signal, wanted, work.asking()), name)


def _answers(net: Field, signal: Signal, wanted: Signal, tick: Callable[[float], None]) -> Floats:
    """Return a field at the points that are wanted; means are put right over the signal's own."""
    if not isinstance(signal, Coloured) or signal.means is None:
        return net.sampled(wanted.coordinates(), tick)
    if wanted.counts == signal.counts:
        found = own = net.sampled(signal.coordinates(), tick)
    else:
        part = 1 / (1 + math.prod(wanted.counts) / math.prod(signal.counts))
        own = net.sampled(signal.coordinates(), lambda share: tick(part * share))
        found = net.sampled(wanted.coordinates(), lambda share: tick(part + (1 - part) * share))
    found += colours.shift(own, signal.means)
    return found


# --- the network ---------------------------------------------------------------------------------------------


def plan_of(config: NeuralFieldConfig, signal: Signal, side: int) -> Plan:
    """Return the network for a secret."""
    body = "igr" if isinstance(signal, Solid) else "siren"
    omega = float(np.float32(config.omega))
    bound = float(np.float32(config.reach_of(body) * plans.reach(body, side, omega)))
    amplitude = float(np.float32(config.amplitude_of(body)))
    return Plan(body, signal.inputs, signal.answers, side, config.layers(body), omega, -bound, bound, amplitude)


def field(
    plan: Plan, channel: Channel, levels: NDArray[np.uint8], open_: NDArray[np.bool_], *, rounds: bool = True
) -> Field:
    """Return the network whose other weights are the channel's key."""
    return Field(plan, plans.drawn(plan, channel.stream), levels, open_, rounds=rounds)


def learner_of(
    work: Work,
    config: NeuralFieldConfig,
    plan: Plan,
    secret: Value,
    signal: Signal,
    cover: NDArray[np.uint8],
    ground: Ground,
) -> FieldLearner:
    """Return the network and what it is to learn."""
    first = cover
    if config.start == "random":
        random = np.frombuffer(work.channel.stream("start", cover.size), np.uint8).reshape(cover.shape)
        first = np.where(ground.open, random, cover)
    net = field(plan, work.channel, first, ground.open, rounds=config.qat)
    if not isinstance(signal, Solid):
        answers = targets(secret, signal)
        power = float(np.square(answers).mean()) if isinstance(signal, Sound) else None
        return SignalLearner(net, cover, config.beta, signal.coordinates(), answers, power)
    assert isinstance(secret, Shape)
    work.progress("sampling the shape", 0.0)
    cloud = surface.cloud(secret, signal)
    return ShapeLearner(net, cover, config.beta, cloud, eikonal=config.eikonal, normal=config.normal)


# --- the header ----------------------------------------------------------------------------------------------


def _pack(plan: Plan, signal: Signal) -> bytes:
    facts = (signal.letter.encode(), _BODIES.index(plan.body), *plan.variable)
    head = _HEAD.pack(*facts, plan.omega, plan.low, plan.high, plan.amplitude)
    return b"\x01" + head + signal.pack()


def _unpack(settings: bytes, side: int) -> tuple[Plan, Signal]:
    """Undo `_pack`, but for its first byte."""
    letter, body, first, second, third, omega, low, high, amplitude = _HEAD.unpack_from(settings)
    signal = unpacked(letter.decode("latin-1"), settings[_HEAD.size :])
    variable = (first, second, third)
    return Plan(_BODIES[body], signal.inputs, signal.answers, side, variable, omega, low, high, amplitude), signal
