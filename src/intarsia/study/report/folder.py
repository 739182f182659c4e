"""Writes a report into its folder; every file is replaced whole."""

import importlib.util
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ...media import files
from ...methods import facts
from ..evaluate.of_channels import Matrix
from ..evaluate.tables import Table
from . import figures, listening, page, text
from .figures import Figure


@dataclass(frozen=True)
class Contents:
    """What goes into a report.

    Attributes:
        tables: filled.
        matrices: of channels.
        facts: data, seed, date, one sentence each.
        drawn: names of the figures to draw.
        listening: whether there is to be a page for blind listening.
    """

    tables: tuple[Table, ...]
    matrices: tuple[Matrix, ...]
    facts: list[str]
    drawn: tuple[str, ...]
    listening: bool


def write(out: Path, contents: Contents, jobs: int = 1) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write everything; return the files, and what could not be made, in words.

    Args:
        out: the folder.
        contents: what goes into the report.
        jobs: processes that draw; 1 is this one.

    Raises:
        OutputError: a file cannot be written.
    """
    notes = []
    drawn: list[Figure] = []
    if importlib.util.find_spec("matplotlib") is None:
        notes.append("no figures: they need matplotlib: pip install 'intarsia[neural]'")
    else:
        drawn = _drawn(contents, out, jobs)
        drawn += [each for matrix in contents.matrices for each in figures.of_matrix(matrix, contents.drawn)]
    made = _texts(contents)
    made |= {f"figures/{each.name}.{form}": getattr(each, form) for each in drawn for form in ("png", "svg")}
    if contents.listening:
        heard = listening.page(contents.tables, out)
        if heard is None:
            notes.append("no page for listening: no sound had anything hidden in it")
        else:
            made["listening.html"] = heard.encode()
    made["index.html"] = page.page(contents.tables, contents.matrices, drawn, contents.facts, out).encode()
    for name, data in made.items():
        (out / name).parent.mkdir(exist_ok=True)
        files.write_output(out / name, data, force=True)
    return tuple(made), tuple(notes)


def _drawn(contents: Contents, out: Path, jobs: int) -> list[Figure]:
    """Return the figures of all tables."""
    draw = partial(figures.of_table, folder=out, wanted=contents.drawn)
    if jobs == 1 or len(contents.tables) == 1:
        return [each for table in contents.tables for each in draw(table)]
    fresh = multiprocessing.get_context("spawn")  # nothing of this process, with its threads, is to be taken over
    with ProcessPoolExecutor(min(jobs, len(contents.tables)), fresh) as pool:
        return [each for found in pool.map(draw, contents.tables) for each in found]


def _texts(contents: Contents) -> dict[str, bytes]:
    made = {
        "tables.md": text.markdown(contents.tables, contents.matrices, contents.facts).encode(),
        "numbers.jsonl": text.numbers(contents.tables, contents.matrices),
        "cite.bib": "".join(f"{bibtex}\n" for bibtex in dict.fromkeys(each.bibtex for each in facts())).encode(),
    }
    grids = {table.name: (text.grid(table), table.title) for table in contents.tables}
    grids |= {f"channels-{each.media}": (text.grid_of(each), text.title_of(each)) for each in contents.matrices}
    for name, (grid, title) in grids.items():
        made[f"tables/{name}.csv"] = text.comma(grid)
        made[f"tables/{name}.tex"] = text.latex(grid, title, name)
    return made
