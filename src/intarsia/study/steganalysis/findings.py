"""What `analyze` is asked for, and what it found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...media import image_file
from ...methods.base import Progress, no_progress
from . import roc
from .listing import Item
from .measure import Measured
from .roc import Figure
from .verdicts import Judge, Verdict

if TYPE_CHECKING:
    from ...engine.company import Company


@dataclass(frozen=True)
class Order:
    """What is asked for.

    Attributes:
        paths: files and folders to examine.
        out: folder of the report.
        against: folder or file of clean covers like them.
        train: method whose containers the trained detectors learn to tell.
        settings: of that method, and of the recipe of its detector.
        model: of that method.
        device: where networks run.
        seed: of everything random.
        force: replace an earlier report.
        max_pixels: limit on pictures read.
    """

    paths: Sequence[str]
    out: Path
    against: Sequence[str] = ()
    train: str | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    model: str | None = None
    device: str = "auto"
    seed: int = 0
    force: bool = False
    max_pixels: int = image_file.MAX_PIXELS


@dataclass(frozen=True)
class Watch:
    """Who follows: progress of stages, notes, and who watches the network learn."""

    progress: Progress = no_progress
    note: Callable[[str], None] = lambda _line: None
    company: "Callable[[], Company | None]" = lambda: None


@dataclass(frozen=True)
class Looked:
    """One file that was measured; `scores` holds those of trained detectors too."""

    item: Item
    key: str
    measured: Measured
    scores: dict[str, float | None]


@dataclass(frozen=True)
class Part:
    """What was found among files of one kind.

    Attributes:
        kind: "image" or "audio".
        files: those examined.
        covers: those compared with.
        figures: one for each detector; the AUCs are None without covers.
        controls: figures of each control.
        judge: thresholds in force.
        verdicts: on each file.
    """

    kind: str
    files: Sequence[Looked]
    covers: Sequence[Looked]
    figures: Sequence[Figure]
    controls: Mapping[str, Sequence[Figure]]
    judge: Judge
    verdicts: Sequence[Verdict]

    @property
    def suspicious(self) -> int:
        """Count the suspicious files."""
        return sum(verdict.suspicious for verdict in self.verdicts)

    def sides(self, name: str) -> tuple[list[float], list[float]]:
        """Return what a detector said about covers and about files, where it answered."""
        return _answers(self.covers, name), _answers(self.files, name)


@dataclass(frozen=True)
class Analysis:
    """Everything.

    Attributes:
        order: what was asked for.
        parts: by kind.
        broken: files that could not be read: name and reason.
        seconds: wall-clock time.
        notes: what the user should know.
    """

    order: Order
    parts: Sequence[Part]
    broken: Sequence[tuple[str, str]]
    seconds: float
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "files": sum(len(part.files) for part in self.parts),
            "covers": sum(len(part.covers) for part in self.parts),
            "suspicious": sum(part.suspicious for part in self.parts),
            "broken": dict(self.broken),
            "trained_on": self.order.train,
            "detectors": [{**figure.record(), "media": part.kind} for part in self.parts for figure in part.figures],
            "jpeg": [_jpeg(part) for part in self.parts if part.kind == "image"],
            "controls": {
                part.kind: {name: [figure.record() for figure in found] for name, found in part.controls.items()}
                for part in self.parts
            },
            "false_alarms": {part.kind: part.judge.false_alarms for part in self.parts},
            "calibrated": {part.kind: part.judge.calibrated for part in self.parts},
            "out": str(self.order.out),
            "seconds": round(self.seconds, 3),
        }


def figure(name: str, covers: Sequence[Looked], looked: Sequence[Looked], seed: int) -> Figure:
    """Return how well a detector tells files from covers."""
    return roc.figure(name, grouped(covers, name), grouped(looked, name), seed)


def grouped(looked: Sequence[Looked], name: str) -> dict[str, list[float | None]]:
    """Return what a detector says about files, by source."""
    found: dict[str, list[float | None]] = {}
    for each in looked:
        found.setdefault(each.item.source, []).append(each.scores.get(name))
    return found


def _answers(looked: Sequence[Looked], name: str) -> list[float]:
    return [score for each in looked if (score := each.scores.get(name)) is not None]


def _jpeg(part: Part) -> dict[str, Any]:
    return figure("jpeg", part.covers, part.files, 0).record()
