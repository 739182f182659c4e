"""What a table is before anything is measured: rows, and the tasks whose lines they look at.

Given(material, models, limit, ...) ─► Plan(title, measures, rows) ─► tasks ─► lines ─► report.table
Row(label, column, tasks)     column: "paper", as printed; "direct", through floats; "file", from the saved file
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ... import zoo
from ...methods import load
from .material import Material
from .pieces import Piece
from .tasks import Task, missing_weights

PAPER, DIRECT, FILE = "paper", "direct", "file"
STAGES, AFTER = "ditas-stages", ", after stage "
"""The table of what stages add, and what stands between the label of a run and a stage's number there."""

FIT_SECONDS, FIT_SECONDS_PER_ITEM = 60, 5
"""Of a fit that nobody asked to be longer; and, of every table at once, for each item of a limit, if that is less."""

PER_LONG = 4
"""Of every table at once, items of the limit that allow one that takes as long as many: a fit, or all channels."""


@dataclass(frozen=True)
class Given:
    """What plans are made from.

    Attributes:
        material: the media.
        models: run folders or names, by method.
        limit: items of each kind, at most.
        seed: of containers.
        settings: of methods that fit, such as seconds.
        everything: whether every table is asked for; then a limit means a quick look.
    """

    material: Material
    models: Mapping[str, Sequence[str]] = field(default_factory=dict)
    limit: int | None = None
    seed: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    everything: bool = False

    def runs(self, method: str) -> list[str]:
        """Return the models of a method that were named, or else those that ship; "" has the method's own name."""
        named = list(self.models.get(method, ()))
        return named or ["" if name == method else name for name in zoo.of(method)]

    @property
    def few(self) -> int | None:
        """Items of each kind, at most, where each takes long: of every table at once a quarter, rounded up."""
        return math.ceil(self.limit / PER_LONG) if self.limit and self.everything else self.limit

    def fit(self, **settings: str) -> dict[str, str]:
        """Return the settings of a fit."""
        seconds = FIT_SECONDS
        if self.limit and self.everything:
            seconds = min(seconds, FIT_SECONDS_PER_ITEM * self.limit)
        own = {"seconds": str(seconds), **settings, **self.settings}
        if "steps" in self.settings:
            own.pop("seconds" if "seconds" not in self.settings else "", None)
        return own


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        label: what it is.
        column: PAPER, DIRECT or FILE.
        tasks: whose lines it sums up.
        printed: of a row as printed: values by measure.
        note: why it is empty, or what is special.
    """

    label: str
    column: str
    tasks: tuple[Task, ...] = ()
    printed: Mapping[str, float] | None = None
    note: str = ""


@dataclass(frozen=True)
class Plan:
    """One table.

    Attributes:
        name: of its files.
        title: in the report.
        measures: keys of `units.MEASURES`, in order.
        rows: as they stand.
        about: what is to be known, one sentence each.
        match: whether every row that is measured gets the exact method beside it, at the same quality of the cover.
    """

    name: str
    title: str
    measures: tuple[str, ...]
    rows: tuple[Row, ...]
    about: tuple[str, ...] = ()
    match: bool = False

    @property
    def tasks(self) -> list[Task]:
        """Every task."""
        return [task for row in self.rows for task in row.tasks]


# --- what plans share ----------------------------------------------------------------------------------------


def without_weights(method: str, label: str = "", column: str = FILE) -> Row:
    """Return the row of a method that has no weights, which says so."""
    why = missing_weights(method, "") or "nothing to measure it on"
    return Row(label or method, column, note=f"{why}: --model {method}=RUN")


def config_of(method: str, model: str) -> tuple[Any, Any]:
    """Return a method with a model, and the settings that was trained with."""
    room: Any = load(method).equip(model or None)
    return room, room.settled(room.model())


def label_of(method: str, model: str) -> str:
    """Return how a run is called in tables."""
    return method if not model else f"{method} ({Path(model).name})"


def around(items: Sequence[Any], limit: int | None) -> list[tuple[Any, Any]]:
    """Return every item with the one behind it, the last with the first; the first `limit` of these pairs."""
    return [(one, items[(number + 1) % len(items)]) for number, one in enumerate(items)][:limit]


def picture(path: object, form: str) -> Piece:
    """Return a picture to be loaded."""
    return Piece(str(path), form, "image")


def sound(path: object, form: str) -> Piece:
    """Return a sound to be loaded."""
    return Piece(str(path), form, "audio")
