"""Who trains together, who watches, and what they are told.

Company ──► stop?            loop ──► Tick, at every line of the log ──► Company
Company ◄── strips, weights, notes, validations             at the end ──► Outcome
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from accelerate import Accelerator
from torch import Tensor

from . import hardware

Publish = Callable[[Mapping[str, Tensor], int, float], None]
"""Called with the weights to use, steps and seconds, whenever there are new ones on disk."""


@dataclass(frozen=True)
class Tick:
    """How far a run is.

    Attributes:
        step: steps done.
        share: of the whole run, 0..1.
        seconds: over all stretches.
        phase: its name.
        items_per_s: items of the whole batch a second, loading included.
        items_per_s_loaded: the same without the time spent waiting for data.
        losses: means since the last one.
        figures: of the last validation.
        lr: rate in force.
    """

    step: int
    share: float
    seconds: float
    phase: str
    items_per_s: float
    items_per_s_loaded: float
    losses: Mapping[str, float]
    figures: Mapping[str, float]
    lr: float

    def record(self) -> dict[str, Any]:
        """Return the line for metrics.jsonl."""
        return {
            "step": self.step,
            "phase": self.phase,
            "losses": dict(self.losses),
            "lr": self.lr,
            "seconds": round(self.seconds, 3),
            "items_per_s": round(self.items_per_s, 2),
            "items_per_s_loaded": round(self.items_per_s_loaded, 2),
        }


@dataclass(frozen=True)
class Outcome:
    """How a stretch ended.

    Attributes:
        step: steps done over all stretches.
        seconds: time over all stretches, s.
        finished: whether the run is at its bound; else it was asked to stop.
        figures: of the last validation.
    """

    step: int
    seconds: float
    finished: bool
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Company:
    """Who watches a run; each is called by the leading process only.

    Attributes:
        tick: told how far it is, at every log line.
        note: told what a person should know, in one line.
        stop: asked after every step whether to stop.
        strip: given samples to keep, with the step.
        publish: given the weights to use, with every checkpoint.
        validated: called after a validation is on disk.
    """

    tick: Callable[[Tick], None] = lambda _tick: None
    note: Callable[[str], None] = lambda _line: None
    stop: Callable[[], bool] = lambda: False
    strip: Callable[[int, Any], None] = lambda _step, _strip: None
    publish: Publish = lambda _tensors, _step, _seconds: None
    validated: Callable[[], None] = lambda: None


def team(device: str = "auto", note: Callable[[str], None] = lambda _line: None) -> Accelerator:
    """Return this process's place among those that train together, as the launcher's environment says.

    Args:
        device: "auto", "cpu" or "cuda".
        note: told when there is no GPU.
    """
    where = hardware.device(device, note)
    # Precision is not accelerate's business here: it allows one for the life of a process, and fits differ.
    return Accelerator(cpu=where.type == "cpu", mixed_precision="no")
