"""Recipes: how something is learnt, as data.

    recipe file (YAML) ─┐
    --set KEY=VALUE ────┴─► Recipe ──► loop        phases of the method ──► loop

A recipe says nothing about what is learnt; that is the method's Config. Both are read from the same keys, so a
recipe file may hold either. This module knows nothing of torch.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import UsageError
from ..media import files
from ..media.files import PathLike

SCHEDULES = ("constant", "cosine", "late")
BALANCES = ("fixed", "gradient")
PRECISIONS = ("auto", "float32", "bfloat16")
_MAX_RECIPE = 1 << 20

FALL = 0.2
"""Share of a phase over which the rate of a late schedule falls."""


@dataclass(frozen=True)
class Recipe:
    """How a run is made.

    Attributes:
        steps: steps of the whole run, over all its stretches.
        seconds: time for the whole run, over all its stretches, s; the schedule is fitted to whichever of the two
            bounds comes first. None: no such bound.
        batch: items a step, over all processes.
        lr: rate of Adam at its height.
        beta1: Adam's decay of the gradient's mean.
        beta2: Adam's decay of its square.
        warmup: share of each phase over which the rate rises from zero, 0..1.
        schedule: "constant"; "cosine": down to zero over each phase; or "late": constant, and down to zero over the
            last fifth of each phase.
        clip: largest norm of the gradient; 0 leaves it alone.
        ema: decay of the weights' moving average, which is what is saved and validated; 0: the weights themselves.
        balance: "fixed" weights of the losses, or "gradient": each loss pulls at the container with a force as its
            weight says, however large it is (A. Defossez et al., High Fidelity Neural Audio Compression, 2022,
            section 3.4).
        target: quality to hold the cover at, as psnr:38 or snr:30 (dB); the weight of the cover's losses follows.
            Empty: none.
        precision: "float32", "bfloat16" (weights stay float32), or "auto": bfloat16 where the hardware has it.
        channels_last: keep pictures as rows of pixels, which convolutions like better.
        compile: let torch compile the networks; needs a C++ compiler.
        seed: of the first weights and of every draw.
        validate: steps between validations.
        pictures: pairs that are validated on.
        save: seconds between checkpoints.
        log: steps between lines of metrics.jsonl.
        explosion: a loss this many times what it was counts as an explosion.
        tensorboard: write event files as well.
    """

    steps: int = 100_000
    seconds: float | None = None
    batch: int = 32
    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    warmup: float = 0.0
    schedule: str = "constant"
    clip: float = 0.0
    ema: float = 0.0
    balance: str = "fixed"
    target: str = ""
    precision: str = "auto"
    channels_last: bool = True
    compile: bool = False
    seed: int = 0
    validate: int = 500
    pictures: int = 32
    save: float = 60.0
    log: int = 10
    explosion: float = 100.0
    tensorboard: bool = False

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "validate", "pictures", "log"):
            _check(name, getattr(self, name), getattr(self, name) >= 1, "a whole number from 1")
        for name in ("lr", "explosion"):
            _check(name, getattr(self, name), 0 < getattr(self, name) < math.inf, "a number above 0")
        for name in ("beta1", "beta2", "ema", "warmup"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) < 1, "0 or more, below 1")
        _check("seconds", self.seconds, self.seconds is None or 0 < self.seconds < math.inf, "a number above 0")
        _check("clip", self.clip, 0 <= self.clip < math.inf, "a number from 0")
        _check("save", self.save, 0 <= self.save < math.inf, "a number from 0")
        _check("seed", self.seed, 0 <= self.seed < 1 << 63, "a whole number from 0")
        for name, known in (("schedule", SCHEDULES), ("balance", BALANCES), ("precision", PRECISIONS)):
            _check(name, getattr(self, name), getattr(self, name) in known, " or ".join(known))
        self.target_db()

    def target_db(self) -> float | None:
        """Return the quality the cover is held at, dB; None when there is no target."""
        if not self.target:
            return None
        measure, _, decibels = self.target.partition(":")
        try:
            wanted = float(decibels)
        except ValueError:
            wanted = math.nan
        _check("target", self.target, measure in ("psnr", "snr") and 0 < wanted < 120, "psnr:38 or snr:30")
        return wanted

    def share(self, step: int, seconds: float) -> float:
        """Return how much of the run is done after so many steps and seconds, 0..1."""
        by_time = 0.0 if self.seconds is None else seconds / self.seconds
        return min(1.0, max(step / self.steps, by_time))

    def rate(self, share: float) -> float:
        """Return the factor on `lr` when `share` (0..1) of a phase is done."""
        if share < self.warmup:
            return share / self.warmup
        if self.schedule == "constant":
            return 1.0
        high = self.warmup if self.schedule == "cosine" else max(self.warmup, 1 - FALL)
        return 0.5 + 0.5 * math.cos(math.pi * max(0.0, share - high) / (1 - high))


@dataclass(frozen=True)
class Phase:
    """One stretch of a run: which parts learn, towards what.

    Attributes:
        name: for people and for metrics.jsonl.
        share: how much of the run it takes, relative to the other phases.
        train: names of the network's parts that learn; all when empty.
        weights: of the losses by name; 1 where none is given, and 0 leaves a loss out.
        rate: factor on the recipe's rate.
    """

    name: str
    share: float = 1.0
    train: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    rate: float = 1.0


def span(phases: tuple[Phase, ...], number: int) -> tuple[float, float]:
    """Return where in the run a phase begins and ends, 0..1."""
    total = sum(phase.share for phase in phases)
    begin = sum(phase.share for phase in phases[:number])
    return begin / total, (begin + phases[number].share) / total


def read(path: PathLike) -> dict[str, Any]:
    """Return the settings in a recipe file: a YAML mapping of names to plain values.

    Raises:
        UsageError: it is not such a mapping, names a thing twice, or holds tags that would make objects.
        InputError: the file cannot be read.
    """
    import yaml

    data = files.read_head(path, _MAX_RECIPE)
    try:
        found = yaml.load(data, Loader=_loader())  # noqa: S506 (a subclass of the safe one)
    except (yaml.YAMLError, UnicodeError, ValueError, RecursionError) as error:
        where = " ".join(str(error).replace(' in "<byte string>",', " in").split())[:200]
        raise UsageError(f"{files.shown(path)}: not a recipe: {where}; expected lines like batch: 64") from error
    if not isinstance(found, dict):
        raise UsageError(f"{files.shown(path)}: holds {type(found).__name__}; expected lines like batch: 64")
    for key, value in found.items():
        if not isinstance(key, str) or not isinstance(value, str | int | float | bool | None):
            raise UsageError(f"{files.shown(path)}: {key!r} is {type(value).__name__}; expected a number or a word")
    return found


def _loader() -> Any:  # noqa: ANN401 (a class made here)
    """Return PyYAML's safe loader, which also refuses a key given twice."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: ANN401
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            twice = next((key for number, key in enumerate(keys) if key in keys[:number]), None)
            if twice is not None:
                raise ValueError(f"{twice!r} is given twice")
            return super().construct_mapping(node, deep)

    return Loader


def _check(name: str, value: object, fine: bool, expected: str) -> None:
    if not fine:
        raise UsageError(f"{name} is {value!r}; expected {expected}")
