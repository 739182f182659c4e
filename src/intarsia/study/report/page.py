"""The report as one HTML file that needs nothing else: tables, figures and players, all inside it."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path

from ..evaluate.of_channels import Matrix
from ..evaluate.plans import FILE
from ..evaluate.tables import Filled, Table
from . import text, views
from .figures import Figure

_PLAYED = 6
"""Rows of a table whose sounds can be heard."""

_COMFORTABLE = 13
"""Columns that fit the page's width as they are; tables with more are set smaller."""


def page(
    tables: Sequence[Table],
    matrices: Sequence[Matrix],
    figures: Sequence[Figure],
    facts: Sequence[str],
    folder: Path,
) -> str:
    """Return the page."""
    names = [(table.name, table.title) for table in tables]
    names += [(f"channels-{each.media}", text.title_of(each)) for each in matrices]
    contents = "".join(f'<li><a href="#{name}">{html.escape(title)}</a></li>' for name, title in names)
    body = [f"<ul>{''.join(f'<li>{html.escape(fact)}</li>' for fact in facts)}</ul><nav><ul>{contents}</ul></nav>"]
    body += [_section(table, [each for each in figures if each.table == table.name], folder) for table in tables]
    for matrix in matrices:
        own = [each for each in figures if each.table == f"channels-{matrix.media}"]
        body.append(_matrix(matrix, own))
    return _PAGE.format(style=_STYLE, body="\n".join(body))


def _section(table: Table, figures: Sequence[Figure], folder: Path) -> str:
    heads, rows = text.grid(table)
    parts = [f'<section id="{table.name}"><h2>{html.escape(table.title)}</h2>', _table(heads, rows, table.rows)]
    parts.append(_listed([*(f"{each}." for each in table.remarks()), *table.about]))
    parts += [_figure(each) for each in figures]
    parts.append(_players(table, folder))
    return "".join(parts) + "</section>"


def _matrix(matrix: Matrix, figures: Sequence[Figure]) -> str:
    heads, rows = text.grid_of(matrix)
    notes = [f"{each.label}: {each.note}" for each in matrix.senders if each.note]
    parts = [f'<section id="channels-{matrix.media}"><h2>{text.title_of(matrix)}</h2>', _table(heads, rows, ())]
    return "".join([*parts, _listed([*text.ABOUT, *notes]), *map(_figure, figures)]) + "</section>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], filled: Sequence[Filled]) -> str:
    top = "".join(f"<th>{html.escape(head)}</th>" for head in heads)
    lines = []
    for number, row in enumerate(rows):
        column = filled[number].column if filled else ""
        empty = bool(filled) and not filled[number].summaries
        cells = [f"<td>{_cell(cell)}</td>" for cell in row]
        if empty:  # the reason goes through all columns
            cells = [*cells[:3], f'<td class=why colspan="{len(row) - 3}">{html.escape(row[3])}</td>']
        lines.append(f'<tr class="{column}">{"".join(cells)}</tr>')
    opened = "<table class=many>" if len(heads) > _COMFORTABLE else "<table>"
    return f"<div class=wide>{opened}<tr>{top}</tr>{''.join(lines)}</table></div>"


def _cell(cell: str) -> str:
    """Return a number large; its interval and its worst case small, a line each."""
    mean, bracket, rest = cell.partition(" [")
    if not bracket:
        return html.escape(mean)
    interval, closed, worst = rest.partition("]")
    small = [f"[{interval}{closed}", worst.removeprefix(", ")]
    return html.escape(mean) + "".join(f" <small>{html.escape(each)}</small>" for each in small if each)


def _listed(lines: Sequence[str]) -> str:
    return f"<ul class=notes>{''.join(f'<li>{html.escape(line)}</li>' for line in lines)}</ul>"


def _figure(figure: Figure) -> str:
    caption, source = html.escape(figure.caption), _data("image/png", figure.png)
    return f'<figure><img alt="{caption}" src="{source}"><figcaption>{caption}</figcaption></figure>'


def _players(table: Table, folder: Path) -> str:
    """Return what can be heard: cover and container, secret and revealed, of the first item of each row."""
    parts = []
    for row in [row for row in table.rows if row.column == FILE and row.lines][:_PLAYED]:
        kept = row.lines[0]["files"]
        heard = [name for name in ("cover", "container", "secret", "revealed") if str(kept.get(name)).endswith(".wav")]
        if heard:
            sounds = "".join(f"<label>{name} {_sound(folder / kept[name])}</label>" for name in heard)
            parts.append(f"<div class=heard><b>{html.escape(row.label)}</b>{sounds}</div>")
    return "".join(parts)


def _sound(path: Path) -> str:
    return f'<audio controls preload=none src="{_data("audio/wav", views.player(path))}"></audio>'


def _data(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1c1c; margin: 2rem auto; max-width: 1240px; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin: 2.6rem 0 .6rem;
  border-top: 1px solid #ccc; padding-top: 1rem }
nav ul { columns: 2; padding-left: 1.2rem } a { color: #174a7c }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .82rem; font-variant-numeric: tabular-nums }
td, th { padding: .22rem .4rem; border-bottom: 1px solid #ddd; text-align: right; vertical-align: top;
  white-space: nowrap }
th { white-space: normal; border-bottom: 2px solid #666; vertical-align: bottom; min-width: 4.2rem }
td:nth-child(-n+2), th:nth-child(-n+2) { text-align: left } td:first-child { white-space: normal; min-width: 10rem }
th:nth-child(-n+3) { min-width: 0 }
.many { font-size: .74rem } .many td, .many th { padding: .2rem .25rem } .many th { min-width: 3.6rem }
.many th:nth-child(-n+3) { min-width: 0 } .many td:first-child { min-width: 8rem }
td.why { text-align: left; color: #777; font-style: italic; white-space: normal }
tr.paper td { background: #f3efe6 } tr.direct td { color: #666 }
small { color: #777; font-size: .8em; display: block; white-space: normal }
.notes { color: #555; font-size: .82rem } figure { margin: 1.2rem 0 } figure img { max-width: 100% }
figcaption { color: #555; font-size: .8rem } .heard { margin: .4rem 0; font-size: .82rem }
.heard b { margin-right: .8rem }
.heard label { display: inline-flex; align-items: center; gap: .3rem; margin-right: .8rem }
audio { height: 30px; width: 220px }
@media print { nav, .heard { display: none } tr, figure { break-inside: avoid } @page { size: A3 landscape } }
"""

_PAGE = """<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content="width=device-width">
<title>Intarsia: evaluation</title><style>{style}</style></head><body>
<h1>Intarsia: the papers' tables, measured from the saved files</h1>
{body}
</body></html>
"""
