"""`evaluate`: tables, figures and the attack matrix by one command.

what, --data ─► plans ─► tasks ─► lines ─► plans whose covers are matched ─► tasks ─► lines ─► tables ─► report
                                            senders ─► tasks through channels ─► lines ─► matrices ─┘
"""

import datetime
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import InputError, OutputError, UsageError
from ..media import files
from ..methods import TABLE as METHODS
from ..methods import load
from ..methods.base import Progress, configure, no_progress
from .evaluate import material, of_all_pairs, of_channels, of_ditas, of_image_in_speech, of_neural_field, of_stegnet
from .evaluate.plans import Given, Plan
from .evaluate.store import NAME, Store
from .evaluate.tables import Table, filled, matched
from .evaluate.work import Work
from .report import figures, folder

TABLES = {
    "image-in-speech": of_image_in_speech.plans,
    "ditas": of_ditas.plans,
    "stegnet": of_stegnet.plans,
    "neural-field": of_neural_field.plans,
}
"""The papers' tables by name."""

PAIRS, CHANNELS, ALL = "pairs", "channels", "all"


@dataclass(frozen=True)
class Order:
    """What is asked for.

    Attributes:
        what: a table's name, "pairs", "channels", "all", a method, or TABLE:FIGURE.
        data: folder of media.
        out: folder of the report.
        limit: items of each kind, at most; None: all.
        jobs: processes.
        models: run folders or names, by method.
        settings: of methods that fit, such as seconds.
        refit: make fits again that took another time.
        listening: write the blind listening page as well.
        seed: of containers and intervals.
        device: where networks run.
        force: write into a folder that holds something else.
    """

    what: str
    data: str
    out: Path
    limit: int | None = None
    jobs: int = 1
    models: Mapping[str, Sequence[str]] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    refit: bool = False
    listening: bool = False
    seed: int = 0
    device: str = "auto"
    force: bool = False


@dataclass(frozen=True)
class Evaluation:
    """What was done.

    Attributes:
        order: what was asked for.
        tables: filled.
        written: files of the report, below the folder.
        measured: tasks measured now; known: looked up.
        broken: files that could not be read, with the reason.
        failed: tasks that failed for another reason.
        seconds: wall-clock time.
        notes: what the user should know.
    """

    order: Order
    tables: tuple[Table, ...]
    written: tuple[str, ...]
    measured: int
    known: int
    broken: Mapping[str, str]
    failed: Mapping[str, str]
    seconds: float
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the JSON record."""
        return {
            "what": self.order.what,
            "out": str(self.order.out),
            "tables": [table.name for table in self.tables],
            "measured": self.measured,
            "known": self.known,
            "broken": dict(self.broken),
            "failed": dict(self.failed),
            "written": list(self.written),
            "seconds": round(self.seconds, 3),
        }


def evaluate(order: Order, progress: Progress = no_progress) -> Evaluation:
    """Measure what is not known yet, and write the report.

    Raises:
        InputError: no media, or not one item could be measured.
        OutputError: the folder holds something else, or cannot be written.
        UsageError: no such table, method, figure or setting.
    """
    began = time.monotonic()
    what, shown = parse(order.what)
    _check(order)
    found = material.find(order.data)
    given = Given(found, order.models, order.limit, order.seed, order.settings, everything=what == ALL)
    plans, senders = _planned(what, given)
    store = Store(_prepared(order))
    known_before = len(store)
    work = Work(store, progress, jobs=order.jobs, device=order.device, refit=order.refit)
    lines: dict[Any, Any] = dict(work.do([task for plan in plans for task in plan.tasks], "measuring"))
    plans = [matched(plan, lines) if plan.match else plan for plan in plans]
    lines |= dict(work.do([task for plan in plans for task in plan.tasks], "the same by exact"))
    lines |= dict(work.do([task for sender in senders for task in sender.tasks], "on the way"))
    if not lines:
        _nothing(order, plans, work)
    progress("writing the report", 0.0)
    tables = tuple(filled(plan, lines, order.seed) for plan in plans)
    matrices = [each for media in ("image", "audio") if (each := of_channels.matrix(media, senders, lines))]
    contents = folder.Contents(tables, tuple(matrices), _facts(order, given), shown, order.listening)
    written, notes = folder.write(order.out, contents, order.jobs)
    known = len(lines) - work.measured if known_before else 0
    return Evaluation(
        order, tables, written, work.measured, known, work.broken, work.failed, time.monotonic() - began, notes
    )


def parse(what: str) -> tuple[str, tuple[str, ...]]:
    """Return what to measure and which figures to draw.

    Raises:
        UsageError: there is no such table, method or figure.
    """
    table, colon, name = what.partition(":")
    groups = (*TABLES, PAIRS, CHANNELS, ALL)
    if table in groups:
        if not colon:
            return table, figures.NAMES
        if name not in figures.NAMES:
            raise UsageError(f"{what}: no figure {name!r}; expected one of {', '.join(figures.NAMES)}")
        return table, (name,)
    if what in METHODS or colon:
        load(what)
        return what, figures.NAMES
    raise UsageError(
        f"nothing to evaluate is called {what!r}; expected {', '.join(groups)}, or a method: {', '.join(METHODS)}"
    )


# --- small steps ---------------------------------------------------------------------------------------------


def _planned(what: str, given: Given) -> tuple[list[Plan], list[of_channels.Sender]]:
    if what in TABLES:
        return TABLES[what](given), []
    if what == PAIRS:
        return of_all_pairs.plans(given), []
    if what == CHANNELS:
        return [], of_channels.senders(given)
    if what == ALL:
        papers = [plan for make in TABLES.values() for plan in make(given)]
        return [*papers, *of_all_pairs.plans(given)], of_channels.senders(given)
    return of_all_pairs.plans(given, what), of_channels.senders(given, what)


def _check(order: Order) -> None:
    for name in order.models:
        load(name)
    fitting = load("neural_field")
    configure(fitting.Config, dict(order.settings), "neural_field")
    if order.refit and not order.settings:
        raise UsageError("--refit makes fits again that took another time; say which: --set seconds=600")


def _prepared(order: Order) -> Path:
    try:
        order.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{files.shown(order.out)}: cannot be made: {reason}") from error
    if not (order.out / NAME).exists() and any(order.out.iterdir()) and not order.force:
        raise OutputError(f"{files.shown(order.out)}: holds something else; choose another folder, or add --force")
    return order.out


def _nothing(order: Order, plans: Sequence[Plan], work: Work) -> None:
    if work.broken or work.failed:
        reason = next(iter({**work.broken, **work.failed}.values()))
        raise InputError(f"not one item could be measured: {reason}")
    notes = [row.note for plan in plans for row in plan.rows if row.note]
    if not plans or not notes:
        raise InputError(f"{files.shown(order.data)}: nothing here that {order.what} could be measured on")


def _facts(order: Order, given: Given) -> list[str]:
    models = [f"{method}: {Path(run).name}" for method, runs in order.models.items() for run in runs]
    return [
        f"{order.what}, on {Path(order.data).resolve().name}: {given.material.describe()}"
        + (f"; at most {order.limit} of each" if order.limit else "")
        + (f", {given.few} where each takes long" if given.few != order.limit else ""),
        "Every number but those of the columns paper and direct is of the saved file, read back, no cover at the "
        "receiver.",
        "Cells: mean [95 % interval, items drawn with replacement], worst.",
        f"Models: {', '.join(models) or 'those that ship'}. Seed {order.seed}.",
        f"Intarsia {__version__}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}, by "
        f"intarsia evaluate {order.what}" + (f" --limit {order.limit}" if order.limit else ""),
    ]
