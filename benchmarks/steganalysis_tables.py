"""Tables and plots of `steganalysis.py`: every figure in CSV, those that are compared in Markdown."""

import csv
import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from intarsia.study.steganalysis import figures, fusion, roc
from intarsia.study.steganalysis.findings import Looked, figure
from intarsia.study.steganalysis.measure import DETECTORS

Row = Mapping[str, Any]

FIGURES = ("auc", "auc_low", "auc_high", "auc_two_sided", "p_e", "detected_at_1", "detected_at_5", "answered", "n")
"""What is told of every detector."""


def rows_of(names: Sequence[str], head: Row, clean: Sequence[Looked], stego: Sequence[Looked]) -> list[Row]:
    """Return a row for each detector that answered, the cells of `head` before it."""
    found = [figure(name, clean, stego, 0) for name in names]
    return [figure_row(head, each) for each in found if each.auc is not None]


def figure_row(head: Row, found: roc.Figure) -> Row:
    """Return the row of one detector."""
    record = found.record()
    return {**head, "detector": found.name, **{name: record[name] for name in FIGURES}}


def parts_of(clean: Sequence[Looked], stego: Sequence[Looked], part: str) -> roc.Figure:
    """Return how one of the detectors inside StegExpose as published does alone."""
    sides: list[dict[str, list[float | None]]] = [{}, {}]
    for found, side in zip(sides, (clean, stego), strict=True):
        for each in side:
            found.setdefault(each.item.source, []).append(each.measured.parts.get(part))
    return roc.figure(f"its {part}", *sides)


def answered(looked: Sequence[Looked]) -> dict[str, str]:
    """Return how many files each of the detectors inside StegExpose as published answered for."""
    counts = {part: sum(each.measured.parts[part] is not None for each in looked) for part in fusion.PARTS}
    return {f"{part} answers": f"{count}/{len(looked)}" for part, count in counts.items()}


# --- tables --------------------------------------------------------------------------------------------------


def write(out: Path, part: str, rows: Sequence[Row], title: str, shown: Sequence[str] = ()) -> None:
    """Write PART.csv, and PART.md, which is printed as well.

    Args:
        out: folder.
        part: name of the table.
        rows: every figure.
        title: one line.
        shown: figures that the text shows, a column for each detector; empty: all, a line for each.
    """
    with (out / f"{part}.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, _names(rows))
        writer.writeheader()
        writer.writerows(rows)
    told_rows = across(rows, shown) if shown else rows
    names = _names(told_rows)
    lines = [f"# {part}, {datetime.date.today()}", "", title, ""]
    lines += [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    lines += [f"| {' | '.join(_told(row.get(name, '')) for name in names)} |" for row in told_rows]
    (out / f"{part}.md").write_text("\n".join(lines) + "\n", "utf-8")
    print("\n".join(lines), flush=True)


def across(rows: Sequence[Row], shown: Sequence[str]) -> list[Row]:
    """Return rows of one head as one, its detectors side by side."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        head = {name: value for name, value in row.items() if name not in (*FIGURES, "detector")}
        cells = {f"{row['detector']} {name}" if len(shown) > 1 else row["detector"]: row[name] for name in shown}
        found.setdefault(json.dumps(head), dict(head)).update(cells)
    return list(found.values())


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _told(value: Any) -> str:  # noqa: ANN401
    """Return a cell."""
    return f"{value:.3f}" if isinstance(value, float) else "-" if value is None else str(value)


# --- plots ---------------------------------------------------------------------------------------------------


def draw(out: Path, name: str, clean: Sequence[Looked], stego: Sequence[Looked]) -> None:
    """Draw ROC and histograms of one method."""
    sides = {}
    for detector in DETECTORS:
        both = [[s for each in side if (s := each.scores.get(detector)) is not None] for side in (clean, stego)]
        if all(both):
            sides[detector] = (both[0], both[1])
    title, called = f"{name}: {len(stego)} containers against their covers", name.replace(" ", "-")
    (out / f"roc-{called}.png").write_bytes(figures.draw_roc(sides, title))
    (out / f"histograms-{called}.png").write_bytes(figures.draw_histograms(sides, title))


def draw_sweep(out: Path, name: str, sides: Mapping[str, tuple[list[Looked], list[Looked]]], side: int) -> None:
    """Draw both fusions at thresholds 0, .01, .., 1."""
    swept = {}
    for made, groups in sides.items():
        for which in ("original", "clean"):
            scores = [[each.scores[f"stegexpose-{which}"] for each in group] for group in groups]
            swept[f"{which}, {made}"] = (roc.sweep(scores[0]), roc.sweep(scores[1]))
    count = max(len(groups[1]) for groups in sides.values())
    title = f"thresholds 0 to 1, {count} pictures of {side} x {side}"
    (out / f"{name}.png").write_bytes(figures.draw_sweep(swept, title))
