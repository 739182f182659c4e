"""`intarsia reveal`: the secret out of a container."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from . import console, options

if TYPE_CHECKING:
    from ..results import Revealed


def reveal(
    container: Annotated[
        list[str],
        typer.Argument(metavar="CONTAINER", help="Pictures or sounds to look into."),
    ],
    out: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="PATH", help="DIR/ restores name and format; NAME.ext converts; - is stdout."
        ),
    ] = "",
    method: options.MethodName = None,
    model: options.ModelName = None,
    set_: options.Settings = None,
    password_file: options.PasswordFile = None,
    ask_password: options.AskPassword = False,
    no_password: options.NoPassword = False,
    json_: options.Json = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    device: options.DeviceOption = options.Device.auto,
    max_pixels: options.MaxPixels = None,
) -> None:
    """Reveal what CONTAINER holds, from the file alone."""
    out = options.required_output(out)
    if out == "-" and json_:
        raise UsageError("-o - and --json both want standard output; write to a file")
    settings = options.parse_settings(set_)
    keyring = options.Password(password_file, ask_password, no_password).keyring(quiet=quiet)
    meter = console.Meter(quiet=quiet)

    def work() -> "Revealed":
        from ..media.image_file import MAX_PIXELS
        from ..pipeline import Terms, reveal_file
        from ..spread import reveal_spread

        terms = Terms(keyring, method, settings, force, None, max_pixels or MAX_PIXELS, meter, model, device.value)
        target = None if out == "-" else out
        return (
            reveal_file(container[0], target, terms) if len(container) == 1 else reveal_spread(container, target, terms)
        )

    revealed = console.run(work)
    meter.done()
    console.notes(revealed.notes, quiet=quiet)
    if out == "-":
        _to_stdout(container[0], revealed)
    elif json_:
        console.show_json(revealed.record())
    elif not quiet:
        _list(revealed)


def _to_stdout(container: str, revealed: "Revealed") -> None:
    from ..media.writing import render
    from ..pipeline import only_one

    data = render(only_one(container, revealed.values))
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    if revealed.value.kind == "text" and os.isatty(sys.stdout.fileno()):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


def _list(revealed: "Revealed") -> None:
    from ..media.files import shown

    for output in revealed.outputs:
        console.show(f"{shown(output.path or '-')}: {output.media}, {output.bytes:,} bytes, {revealed.seconds:.1f} s")
