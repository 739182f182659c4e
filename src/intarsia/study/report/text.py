"""Tables as text: Markdown, CSV, LaTeX, lines of JSON.

A number is shown as mean [95 % interval], worst. What is printed in a paper stands in a row of its own.
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence

from ..evaluate.of_channels import Matrix
from ..evaluate.plans import PAPER
from ..evaluate.stats import Summary
from ..evaluate.tables import Filled, Table
from ..evaluate.units import MEASURES, Measure

_ESCAPED = {
    "&": r"\&",
    "%": r"\%",
    "_": r"\_",
    "#": r"\#",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
}
_ESCAPED |= {"^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}

Grid = tuple[list[str], list[list[str]]]
"""Headings, and rows of cells."""


def grid(table: Table) -> Grid:
    """Return headings and cells of a table."""
    heads = ["", "column", "n", *(MEASURES[key].head for key in table.measures)]
    return heads, [_cells(row, table.measures) for row in table.rows]


def _cells(row: Filled, measures: Sequence[str]) -> list[str]:
    count = "" if row.column == PAPER else str(row.n)
    if not row.summaries:
        return [row.label, row.column, count, "; ".join(row.remarks()), *[""] * (len(measures) - 1)]
    return [row.label, row.column, count, *(said(row.summaries.get(key), MEASURES[key]) for key in measures)]


def said(found: Summary | None, measure: Measure) -> str:
    """Return one number as it is shown."""
    if found is None:
        return "-"
    if found.mean is None:
        return "exact"
    text = measure.said(found.mean)
    if found.low is not None and found.high is not None:
        text += f" [{measure.said(found.low)}, {measure.said(found.high)}]"
    worst = found.least if measure.more else found.most
    if found.n > 1 and worst is not None:
        text += f", {measure.said(worst)}"
    return f"{text}; {found.exact} exact" if found.exact else text


def grid_of(matrix: Matrix) -> Grid:
    """Return headings and cells of a matrix."""
    labels = [sender.label for sender in matrix.senders]
    rows = [
        [
            channel,
            *(matrix.cells[channel, label].said() if (channel, label) in matrix.cells else "" for label in labels),
        ]
        for channel in matrix.channels
    ]
    return ["channel", *labels], rows


# --- forms ---------------------------------------------------------------------------------------------------


def markdown(tables: Iterable[Table], matrices: Iterable[Matrix], facts: Sequence[str]) -> str:
    """Return everything as one page."""
    lines = ["# Evaluation", "", *(f"- {fact}" for fact in facts), ""]
    for table in tables:
        lines += [f"## {table.title}", "", *_piped(grid(table)), ""]
        lines += [*(f"- {each}" for each in (*table.remarks(), *table.about)), ""]
    for matrix in matrices:
        lines += [f"## {title_of(matrix)}", "", *_piped(grid_of(matrix)), "", *(f"- {each}" for each in ABOUT), ""]
        lines += [f"- {each.label}: {each.note}" for each in matrix.senders if each.note]
    return "\n".join(lines).rstrip() + "\n"


ABOUT = (
    "exact: bit for bit in every container that was sent. -: nothing came back.",
    "PSNR in dB / SSIM of what came back, means of those that are not exact; SNR in dB of a sound.",
    "In brackets: the header was lost, and the networks (or the low bits) were read without key and header.",
    "n/a: a package for this channel is missing, or the value cannot go that way.",
)


def title_of(matrix: Matrix) -> str:
    """Return the heading of a matrix."""
    return f"What survives: {'pictures' if matrix.media == 'image' else 'sounds'}"


def _piped(found: Grid) -> list[str]:
    heads, rows = found
    clean = [[cell.replace("|", "\\|") for cell in row] for row in (heads, *rows)]
    lines = ["| " + " | ".join(row) + " |" for row in clean]
    return [lines[0], "|" + "---|" * len(heads), *lines[1:]]


def comma(found: Grid) -> bytes:
    """Return a table as CSV."""
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([found[0], *found[1]])
    return stream.getvalue().encode("utf-8", "surrogateescape")


def latex(found: Grid, title: str, name: str) -> bytes:
    """Return a table as LaTeX, to be included; it needs no package."""
    heads, rows = found
    columns = "l" * min(2, len(heads)) + "r" * max(0, len(heads) - 2)
    lines = [r"\begin{table}", r"\centering\small", rf"\caption{{{escaped(title)}}}", rf"\label{{tab:{name}}}"]
    lines += [rf"\begin{{tabular}}{{{columns}}}", r"\hline", _row(heads), r"\hline"]
    lines += [*map(_row, rows), r"\hline", r"\end{tabular}", r"\end{table}"]
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(escaped, cells)) + r" \\"


def escaped(text: str) -> str:
    """Return a text as LaTeX prints it."""
    return "".join(_ESCAPED.get(each, each) for each in text)


def numbers(tables: Iterable[Table], matrices: Iterable[Matrix]) -> bytes:
    """Return a line of JSON for each number."""
    records = [record for table in tables for record in table.records()]
    records += [record for matrix in matrices for record in matrix.records()]
    return "".join(json.dumps(record) + "\n" for record in records).encode()
