"""`intarsia analyze`: would anyone notice?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError, UsageError
from . import console, options

if TYPE_CHECKING:
    from ..engine.company import Company
    from ..study.steganalysis.findings import Analysis

_SHOWN = 20


def analyze(
    path: Annotated[list[str] | None, typer.Argument(metavar="PATH...", help="Files or folders to examine.")] = None,
    against: Annotated[
        list[str] | None,
        typer.Option("--against", metavar="COVERS", help="Clean files like them; may be repeated."),
    ] = None,
    train: Annotated[
        str | None,
        typer.Option("--train", metavar="METHOD", help="Teach detectors to tell what METHOD makes of the covers."),
    ] = None,
    out: Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="Folder of the report.")] = "",
    set_: options.Settings = None,
    model: options.ModelName = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of everything drawn by chance.")] = 0,
    json_: options.Json = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    max_pixels: options.MaxPixels = None,
    device: options.DeviceOption = options.Device.auto,
    password_file: options.IgnoredText = None,
    ask_password: options.Ignored = False,
    no_password: options.Ignored = False,
) -> None:
    """Examine pictures and sounds with every detector, and say of each whether it would be noticed.

    With --against, thresholds and figures come from clean files like them. What was measured is kept in DIR, so a
    command that was stopped goes on. Files that cannot be read are named at the end, and the exit code is 3.
    """
    if not path:
        raise UsageError("nothing to examine; name files or folders")
    if not out:
        raise UsageError("-o is missing; name a folder for the report, as in -o report/")
    settings = options.parse_settings(set_)
    meter = console.Meter(quiet=quiet)

    def work() -> "Analysis":
        from ..media.image_file import MAX_PIXELS
        from ..study.steganalysis.analysis import analyze as study
        from ..study.steganalysis.findings import Order, Watch

        order = Order(
            path,
            Path(out),
            tuple(against or ()),
            train,
            settings,
            model,
            device.value,
            seed,
            force,
            max_pixels or MAX_PIXELS,
        )
        said = (lambda _line: None) if quiet else (lambda line: console.say(f"note: {line}"))
        return study(order, Watch(meter, said, lambda: _company(meter, quiet=quiet)))

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
    if found.broken:
        names = ", ".join(name for name, _ in found.broken[:_SHOWN])
        more = f" and {len(found.broken) - _SHOWN} more" if len(found.broken) > _SHOWN else ""
        count = len(found.broken)
        whose = "1 file" if count == 1 else f"{count} files"
        raise InputError(f"{whose} could not be read: {names}{more}; all others are in the report, with the reasons")


def _show(found: "Analysis") -> None:
    from ..media.files import shown
    from ..study.steganalysis.report import summary

    for part in found.parts:
        named = [(each.item.name, verdict) for each, verdict in zip(part.files, part.verdicts, strict=True)]
        told = named if len(named) <= _SHOWN else [one for one in named if one[1].suspicious][:_SHOWN]
        for name, verdict in told:
            console.show(f"{shown(name)}: {verdict.sentence}")
        if len(told) < len(named):
            console.show(f"... all {len(named)} in {shown(str(found.order.out / 'files.csv'))}")
        console.show(summary(part))
    console.show(f"{shown(str(found.order.out / 'report.md'))}: figures and controls, {found.seconds:.1f} s")


def _company(meter: console.Meter, *, quiet: bool) -> "Company | None":
    if quiet:
        return None
    from ..engine.company import Company

    return Company(tick=lambda tick: meter("teaching the network", tick.share))
