"""What an analysis leaves in its folder.

report.md        to read: verdicts, figures, controls           roc.png  histograms.png  sweep.png
files.csv        a line for each file: verdict, scores          roc.csv  sweep.csv
table.csv        a line for each detector, of files and of every control
analysis.json    what `--json` prints; written last
"""

import csv
import importlib.util
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...media import files
from . import fusion, roc
from .findings import Analysis, Looked, Part
from .measure import DETECTORS
from .roc import Figure

FIRST = "analysis.json"
"""What tells that there is a report."""

FUSIONS = ("stegexpose-original", "stegexpose-clean")
_COLUMNS = (*DETECTORS, "jpeg")
_SHOWN = 30


def write(found: Analysis) -> tuple[str, ...]:
    """Write everything; return what could not be made, in words."""
    out = found.order.out
    _put(out / "files.csv", _csv(_file_rows(found)))
    _put(out / "table.csv", _csv(_table_rows(found)))
    notes = []
    compared = [part for part in found.parts if part.covers]
    if compared:
        _put(out / "roc.csv", _csv(_roc_rows(compared)))
        if any(part.kind == "image" for part in compared):
            _put(out / "sweep.csv", _csv(_sweep_rows(compared)))
        if importlib.util.find_spec("matplotlib") is None:
            notes.append("no plots: they need matplotlib: pip install 'intarsia[neural]'")
        else:
            _draw(out, compared)
    _put(out / "report.md", markdown(found).encode())
    _put(out / FIRST, (json.dumps(found.record(), indent=1) + "\n").encode())
    return tuple(notes)


def markdown(found: Analysis) -> str:
    """Return the report to read."""
    lines = ["# Would anyone notice?", ""]
    for part in found.parts:
        lines += [f"## {'Pictures' if part.kind == 'image' else 'Sounds'}", "", *_verdict_lines(part), ""]
        lines += [f"Examined: {len(part.files)}. Covers to compare with: {len(part.covers)}.", ""]
        if part.covers:
            lines += [*_figure_table("files against covers", part.figures), ""]
            for name, figures in part.controls.items():
                lines += [*_figure_table(f"control: {name}", figures), ""]
        if part.kind == "image":
            lines += [_answered(part), ""]
    if found.broken:
        lines += ["## Could not be read", "", *(f"- {name}: {reason}" for name, reason in found.broken), ""]
    lines += [f"- {note}" for note in found.notes]
    return "\n".join(lines).rstrip() + "\n"


def summary(part: Part) -> str:
    """Return how many files are suspicious, and how much that says."""
    word = "pictures" if part.kind == "image" else "sounds"
    said = f"{part.suspicious} of {len(part.files)} {word} are suspicious"
    if part.judge.false_alarms is not None:
        return f"{said}; so would be {part.judge.false_alarms:.0%} of the {len(part.covers)} covers"
    why = "no covers to compare with" if not part.covers else f"only {len(part.covers)} covers"
    others = "photographs" if part.kind == "image" else "speech"
    return f"{said} by thresholds of other {others}, which do not travel ({why}; use --against)"


# --- tables --------------------------------------------------------------------------------------------------


def _verdict_lines(part: Part) -> list[str]:
    named = [(each.item.name, verdict) for each, verdict in zip(part.files, part.verdicts, strict=True)]
    flagged = [f"- {name}: {verdict.sentence}" for name, verdict in named if verdict.suspicious]
    more = [f"- and {len(flagged) - _SHOWN} more, in files.csv"] if len(flagged) > _SHOWN else []
    return [f"{summary(part)}.", "", *flagged[:_SHOWN], *more]


def _figure_table(title: str, figures: Sequence[Figure]) -> list[str]:
    heads = f"| {title} | AUC | 95 % | two-sided | P_E | at 1 % | at 5 % | answered |"
    return [heads, "|---|---|---|---|---|---|---|---|", *(_figure_line(figure) for figure in figures)]


def _figure_line(figure: Figure) -> str:
    said = [_three(value) for value in (figure.auc, figure.two_sided, figure.p_e, figure.at_1, figure.at_5)]
    between = "-" if figure.low is None else f"{_three(figure.low)} to {_three(figure.high)}"
    cells = [figure.name, said[0], between, *said[1:], f"{figure.answered} of {figure.n}"]
    return f"| {' | '.join(cells)} |"


def _answered(part: Part) -> str:
    counts = {
        name: sum(each.measured.parts.get(name) is not None for each in (*part.files, *part.covers))
        for name in fusion.PARTS
    }
    total = len(part.files) + len(part.covers)
    said = ", ".join(f"{name} {count} of {total}" for name, count in counts.items())
    return f"Detectors that answered inside stegexpose-original: {said}."


def _three(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _file_rows(found: Analysis) -> Iterator[list[Any]]:
    yield ["file", "media", "source", "verdict", "reasons", *_COLUMNS]
    for part in found.parts:
        for each, verdict in zip(part.files, part.verdicts, strict=True):
            word = "suspicious" if verdict.suspicious else "nothing found"
            head = [files.shown(each.item.name), part.kind, each.item.source, word, "; ".join(verdict.reasons)]
            yield [*head, *_scores(each)]
    for name, reason in found.broken:
        yield [files.shown(name), "", "", "not read", reason, *[""] * len(_COLUMNS)]


def _scores(each: Looked) -> list[str]:
    found = [each.scores.get(name) for name in _COLUMNS]
    return ["" if score is None else f"{score:.6g}" for score in found]


def _table_rows(found: Analysis) -> Iterator[list[Any]]:
    yield ["media", "set", *Figure("", None, None, None, None, None, None, 0, 0).record()]
    for part in found.parts:
        for name, figures in {"files": part.figures, **part.controls}.items():
            for figure in figures:
                yield [part.kind, name, *("" if value is None else value for value in figure.record().values())]


def _roc_rows(parts: Sequence[Part]) -> Iterator[list[Any]]:
    yield ["media", "detector", "false_alarms", "detections"]
    for part in parts:
        for name in DETECTORS:
            clean, other = part.sides(name)
            if clean and other:
                curve = roc.curve(np.asarray(clean), np.asarray(other))
                for alarm, detection in zip(curve.alarms, curve.detections, strict=True):
                    yield [part.kind, name, f"{alarm:.6g}", f"{detection:.6g}"]


def _sweep_rows(parts: Sequence[Part]) -> Iterator[list[Any]]:
    yield ["threshold", *(f"{name} {what}" for name in FUSIONS for what in ("false alarms", "detections"))]
    (part,) = [part for part in parts if part.kind == "image"]
    columns = [roc.sweep(side) for name in FUSIONS for side in part.sides(name)]
    for at, values in enumerate(zip(*columns, strict=True)):
        yield [at / 100, *(f"{value:.6g}" for value in values)]


def _draw(out: Path, parts: Sequence[Part]) -> None:
    from . import figures

    for part in parts:
        mark = "" if len(parts) == 1 else f"-{part.kind}"
        sides = {name: part.sides(name) for name in DETECTORS}
        sides = {name: side for name, side in sides.items() if all(side)}
        if not sides:
            continue
        title = f"{len(part.files)} files against {len(part.covers)} covers"
        _put(out / f"roc{mark}.png", figures.draw_roc(sides, title))
        _put(out / f"histograms{mark}.png", figures.draw_histograms(sides, title))
        if part.kind == "image":
            swept = {name: tuple(roc.sweep(side) for side in part.sides(name)) for name in FUSIONS}
            _put(out / "sweep.png", figures.draw_sweep(swept, f"thresholds 0 to 1, {title}"))  # type: ignore[arg-type]


def _csv(rows: Iterator[list[Any]]) -> bytes:
    table = io.StringIO(newline="")
    csv.writer(table).writerows(rows)
    return table.getvalue().encode("utf-8", "surrogateescape")


def _put(path: Path, data: bytes) -> None:
    files.write_output(path, data, force=True)
