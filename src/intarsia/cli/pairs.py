"""`intarsia pairs`: covers beside their containers, for detectors of all kinds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError, UsageError
from . import console, options

if TYPE_CHECKING:
    from ..study.pair_sets import Exported

_OURS = ("size", "clip", "rate", "test")
_SHOWN = 20


def pairs(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="What hides; see: intarsia methods.")],
    data: Annotated[
        list[str] | None, typer.Option("--data", metavar="DIR", help="Folder of covers; may be repeated.")
    ] = None,
    out: Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="Folder of the set.")] = "",
    set_: options.Settings = None,
    model: options.ModelName = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Pairs, at most.")] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of salts and random bytes.")] = 0,
    password_file: options.PasswordFile = None,
    ask_password: options.AskPassword = False,
    no_password: options.NoPassword = False,
    json_: options.Json = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    max_pixels: options.MaxPixels = None,
    device: options.DeviceOption = options.Device.auto,
) -> None:
    """Hide something in every cover of DIR, and write covers and containers beside each other, split by source.

    --set size=N cuts pictures into squares of N pixels, clip=S sounds into S seconds, rate=R hides R random bits per
    sample, test=.3 keeps that share of the sources to test on; all others are settings of METHOD. The same command
    goes on with what was stopped.
    """
    if not data:
        raise UsageError("--data is missing; name a folder of covers, as in --data photographs/")
    if not out:
        raise UsageError("-o is missing; name a folder for the set, as in -o sets/")
    keyring = options.Password(password_file, ask_password, no_password).keyring(confirm=True, quiet=quiet)
    settings = options.parse_settings(set_)
    own = {name: _number(name, settings.pop(name)) for name in _OURS if name in settings}
    meter = console.Meter(quiet=quiet)

    def work() -> "Exported":
        from ..media.image_file import MAX_PIXELS
        from ..study import pairs as study
        from ..study.pair_sets import Order

        origins = study.origins(data, own.pop("test", study.TEST), method)
        order = Order(
            method,
            origins,
            Path(out),
            settings,
            model,
            device.value,
            int(own.get("size", 0)),
            own.get("clip", 0.0),
            own.get("rate"),
            limit,
            keyring,
            seed,
            force,
            max_pixels or MAX_PIXELS,
            study.secrets(data, method),
        )
        return study.export(order, meter, (lambda _: None) if quiet else (lambda line: console.say(f"note: {line}")))

    try:
        found = console.run(work)
    except KeyboardInterrupt:
        console.interrupted("stopped; the pairs so far are kept, and the same command goes on")
    meter.done()
    if json_:
        console.show_json(found.record())
    elif not quiet:
        _show(found.record())
    if found.broken:
        names = ", ".join(found.broken[:_SHOWN])
        raise InputError(f"{len(found.broken)} covers could not be used: {names}; all others are in the set")


def _show(record: dict[str, Any]) -> None:
    from ..media.files import shown

    said = f"{record['pairs']} pairs, {record['train']} to learn from, {record['test']} to test on"
    console.show(f"{shown(record['out'])}: {said}, listed in manifest.csv")


def _number(name: str, text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        raise UsageError(f"setting {name}={text!r}; expected a number") from None
