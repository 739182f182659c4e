"""`intarsia demo`: every method that can run, on real pictures, with a page to look at."""

from typing import TYPE_CHECKING, Annotated

import typer

from . import console, options

if TYPE_CHECKING:
    from ..study.demo import Shown


def demo(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Where pictures, page and table go.")] = "demo",
    json_: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Hide and reveal real pictures and files with every method; write a page and a table into DIR."""
    meter = console.Meter(quiet=quiet)

    def work() -> "list[Shown]":
        from ..study.demo import run

        return run(folder, meter)

    shown = console.run(work)
    meter.done()
    if json_:
        console.show_json({"rows": [row.record() for row in shown], "page": f"{folder}/index.html"})
    else:
        for row in shown:
            console.show(row.sentence())
        console.show(f"open {folder}/index.html")
