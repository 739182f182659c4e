"""`intarsia evaluate`: the papers' tables, measured from saved files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError, UsageError
from . import console, options

if TYPE_CHECKING:
    from ..study.evaluation import Evaluation

_SHOWN = 10


def evaluate(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="A table, pairs, channels, all, a method, or TABLE:FIGURE.")
    ] = "all",
    data: Annotated[
        str, typer.Option("--data", metavar="DIR", help="Folder of pictures, sounds, videos, shapes.")
    ] = "",
    out: Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="Folder of the report.")] = "",
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Items of each kind, at most.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="Processes that measure.")] = 1,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="METHOD=RUN", help="Trained model of a method; may be repeated."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of fits, such as seconds=600; may be repeated."),
    ] = None,
    refit: Annotated[bool, typer.Option("--refit", help="Make fits again that took another time.")] = False,
    listening: Annotated[bool, typer.Option("--listening", help="Write a page for blind listening too.")] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of containers and intervals.")] = 0,
    device: options.DeviceOption = options.Device.auto,
    json_: options.Json = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    password_file: options.IgnoredText = None,
    ask_password: options.Ignored = False,
    no_password: options.Ignored = False,
    max_pixels: options.IgnoredText = None,
) -> None:
    """Measure methods on the media in DIR, and write tables and figures with the papers' numbers beside ours.

    WHAT is image-in-speech, ditas, stegnet or neural-field, the papers' tables; pairs, every method for every pair of
    media; channels, what survives on the way; all of that; or one method. Everything measured is kept in the folder of
    the report, so a command that was stopped goes on. Files that cannot be read are named at the end, and the exit code
    is 3.
    """
    if not data:
        raise UsageError("--data is missing; name a folder of media, as in --data photographs/")
    if not out:
        raise UsageError("-o is missing; name a folder for the report, as in -o report/")
    models = _models(model)
    settings = {name: str(value) for name, value in options.parse_settings(set_).items()}
    meter = console.Meter(quiet=quiet)

    def work() -> "Evaluation":
        from ..study.evaluation import Order
        from ..study.evaluation import evaluate as study

        asked = Order(what, data, Path(out), limit, jobs, models, settings, refit, listening, seed, device.value, force)
        return study(asked, meter)

    try:
        found = console.run(work)
    except KeyboardInterrupt:
        console.interrupted("stopped; what was measured is kept, and the same command goes on")
    meter.done()
    console.notes(found.notes, quiet=quiet)
    if json_:
        console.show_json(found.record())
    elif not quiet:
        _show(found)
    _complain(found)


def _models(words: list[str] | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in words or []:
        method, equals, run = word.partition("=")
        if not equals or not method or not run:
            raise UsageError(f"--model {word!r}: expected METHOD=RUN, as in --model stegnet=runs/stegnet")
        found.setdefault(method, []).append(run)
    return found


def _show(found: "Evaluation") -> None:
    from ..media.files import shown

    rows = [row for table in found.tables for row in table.rows]
    for label in dict.fromkeys(f"{row.label}: {row.note}" for row in rows if row.note and not row.asked):
        console.show(f"not measured: {label}")
    count = f"{len(found.tables)} tables, {found.measured} items measured, {found.known} known before"
    console.show(f"{shown(str(found.order.out / 'index.html'))}: {count}, {found.seconds:.1f} s")


def _complain(found: "Evaluation") -> None:
    for name, reason in list(found.failed.items())[:_SHOWN]:
        console.say(f"note: {name}: {reason}")
    if len(found.failed) > _SHOWN:
        console.say(f"note: and {len(found.failed) - _SHOWN} more that could not be measured")
    if found.broken:
        names = "; ".join(list(found.broken.values())[:_SHOWN])
        more = f"; and {len(found.broken) - _SHOWN} more" if len(found.broken) > _SHOWN else ""
        whose = "1 file" if len(found.broken) == 1 else f"{len(found.broken)} files"
        raise InputError(f"{whose} could not be read: {names}{more}; all others are in the report")
