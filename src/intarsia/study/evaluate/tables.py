"""Tables filled: rows of a plan with what their lines say; and the exact method at the same quality of the cover.

Plan, lines ─► Filled(label, column, n, refused, summaries) ─► Table
lines of a row ─► quality of each container ─► the same items by `exact` at that quality ─► one more row
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .plans import FILE, PAPER, Plan, Row
from .stats import Summary, summary
from .store import Line
from .tasks import Task
from .units import MEASURES

_RUN = re.compile(r": | \(|, ")
"""Behind what the papers call a row stands which run of ours it is."""

Lines = Mapping[Task, Line]


@dataclass(frozen=True)
class Filled:
    """A row with its numbers.

    Attributes:
        label: what it is.
        column: "paper", "direct" or "file".
        asked: items.
        n: items with numbers.
        refused: items that could not be hidden.
        poor: items that `hide` would have refused, because the secret comes back too poorly; they are in the numbers.
        summaries: by measure.
        note: why it is empty, or what is special.
        dates: first and last day it was measured, or "".
        lines: what was measured, in the order of its tasks.
    """

    label: str
    column: str
    asked: int
    n: int
    refused: int
    poor: int
    summaries: Mapping[str, Summary]
    note: str = ""
    dates: str = ""
    lines: tuple[Line, ...] = ()

    def remarks(self) -> list[str]:
        """Return what is to be known about it, a phrase each."""
        parts = [self.note] if self.note else []
        if self.refused:
            parts.append(f"{self.refused} of {self.asked} did not fit or came back damaged")
        if self.poor:
            parts.append(f"intarsia hide would refuse {self.poor} of {self.n}: too poor")
        missing = self.asked - self.n - self.refused
        if missing and (self.n or not self.note):
            parts.append(f"{missing} of {self.asked} not measured")
        return parts


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: of its files.
        title: in the report.
        measures: keys of `units.MEASURES` that some row has, in order.
        rows: filled.
        about: what is to be known, one sentence each.
        seed: of containers and intervals.
    """

    name: str
    title: str
    measures: tuple[str, ...]
    rows: tuple[Filled, ...]
    about: tuple[str, ...]
    seed: int = 0

    def remarks(self) -> list[str]:
        """Return what is to be known about rows with numbers; what holds of several is said once."""
        holds: dict[str, dict[str, list[str]]] = {}
        for row in self.rows:
            for remark in row.remarks() if row.summaries else ():
                holds.setdefault(remark, {}).setdefault(row.label, []).append(row.column)
        return [f"{'; '.join(map(_named, own, own.values()))}: {remark}" for remark, own in holds.items()]

    def records(self) -> list[dict[str, Any]]:
        """Return a line for each number, as JSON knows it; a printed one beside ours."""
        printed = {row.label: row.summaries for row in self.rows if row.column == PAPER}
        found = []
        for row in self.rows:
            for measure, each in row.summaries.items():
                theirs = printed.get(_RUN.split(row.label)[0], {}).get(measure)
                found.append(
                    {
                        "table": self.name,
                        "row": row.label,
                        "column": row.column,
                        "measure": measure,
                        **each.record(),
                        "paper": None if theirs is None or row.column == PAPER else theirs.mean,
                        "seed": self.seed,
                        "date": row.dates,
                        "refused": row.refused,
                        "poor": row.poor,
                    }
                )
        return found


def _named(label: str, columns: Sequence[str]) -> str:
    return label if len(columns) > 1 else f"{label}, {columns[0]}"


def filled(plan: Plan, lines: Lines, seed: int = 0) -> Table:
    """Return a plan's table."""
    rows = tuple(_filled(row, plan.measures, lines, seed) for row in plan.rows)
    shown = tuple(key for key in plan.measures if key in MEASURES and any(key in row.summaries for row in rows))
    return Table(plan.name, plan.title, shown, rows, plan.about, seed)


def _filled(row: Row, measures: Sequence[str], lines: Lines, seed: int) -> Filled:
    if row.printed is not None:
        printed = {name: Summary(0, value) for name, value in row.printed.items()}
        return Filled(row.label, row.column, 0, 0, 0, 0, printed, row.note)
    own = [lines[task] for task in row.tasks if task in lines]
    good = [line for line in own if line["values"]]
    summaries = {}
    for name in measures:
        found = summary([line["values"].get(name) for line in good], seed)
        if found is not None:
            summaries[name] = found
    dates = sorted({str(line["date"]) for line in good})
    said = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}" if dates else ""
    poor = sum(bool(line.get("poor")) for line in good)
    return Filled(
        row.label,
        row.column,
        len(row.tasks),
        len(good),
        len(own) - len(good),
        poor,
        summaries,
        row.note,
        said,
        tuple(good),
    )


# --- the same quality of the cover ---------------------------------------------------------------------------


def matched(plan: Plan, lines: Lines) -> Plan:
    """Return a plan whose measured rows are followed by the exact method at the quality that their containers have."""
    rows = []
    for row in plan.rows:
        rows.append(row)
        own = tuple(_rival(task, lines[task]) for task in row.tasks if task in lines and lines[task]["values"])
        tasks = tuple(task for task in own if task is not None)
        if row.column == FILE and tasks and row.tasks[0].method != "exact":
            rows.append(Row(f"exact at the same cover as {row.label}", FILE, tasks))
    return replace(plan, rows=tuple(rows))


def _rival(task: Task, line: Line) -> Task | None:
    """Return the exact method's task with the least quality that a line's container has, one hundredth below it."""
    key, setting = ("cover_psnr", "cover_db") if task.cover.kind == "image" else ("carrier_snr", "snr")
    quality = line["values"].get(key)
    if not isinstance(quality, int | float) or not 0 < quality < math.inf:
        return None
    settings = {setting: f"{math.floor(100 * quality) / 100:g}"}
    if setting == "snr":
        settings["protect"] = "0"
    return Task("trip", "exact", task.cover, task.secret, settings, seed=task.seed)
