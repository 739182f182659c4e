"""`intarsia capacity`, `info`, `methods`, `doctor`: looking without hiding."""

import dataclasses
import inspect
import math
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from . import console, options

if TYPE_CHECKING:
    from ..methods.base import Method
    from ..survey import Capacity, Inspection


def capacity(
    cover: Annotated[str, typer.Argument(metavar="COVER", help="Picture or sound to hide in.")],
    secret: Annotated[list[str] | None, typer.Argument(metavar="SECRET", help="Files to try.")] = None,
    method: options.MethodName = None,
    model: options.ModelName = None,
    preset: Annotated[str | None, typer.Option("--preset", metavar="NAME", help="fast, balanced or best.")] = None,
    set_: options.Settings = None,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    max_pixels: options.MaxPixels = None,
    password_file: options.IgnoredText = None,
    ask_password: options.Ignored = False,
    no_password: options.Ignored = False,
    force: options.Ignored = False,
    seed: options.IgnoredText = None,
    device: options.IgnoredText = None,
) -> None:
    """Tell what fits in COVER, at which quality, before hiding."""
    settings = options.parse_settings(set_, preset)
    meter = console.Meter(quiet=quiet)

    def work() -> "Capacity":
        from ..media.image_file import MAX_PIXELS
        from ..pipeline import Terms
        from ..survey import capacity as survey

        terms = Terms(
            method=method, settings=settings, max_pixels=max_pixels or MAX_PIXELS, progress=meter, model=model
        )
        return survey(cover, list(secret or []) or None, terms)

    found = console.run(work)
    meter.done()
    if json_:
        console.show_json(found.record())
    else:
        _show_capacity(cover, found)


def _show_capacity(cover: str, found: "Capacity") -> None:
    from ..media.files import shown
    from ..results import said_quality

    console.show(f"{shown(cover)}: {found.cover}; {found.method} holds up to {found.bytes:,} bytes")
    measure = "cover PSNR (dB)" if found.kind == "image" else "carrier SNR (dB)"
    if found.levels:
        heads = [*found.levels[0].how, "bytes"]
        console.show("".join(f"{head:>14}" for head in heads) + f"{measure:>19}")
        for level in found.levels:
            cells = [*level.how.values(), level.bytes]
            console.show("".join(f"{cell:14,}" for cell in cells) + f"{level.db:19.1f}")
    for wanted in found.forecasts:
        quality = "exactly" if math.isinf(wanted.quality) else f"at {said_quality(wanted.media, wanted.quality)}"
        console.show(f"{shown(wanted.name)}: fits {quality} in {wanted.bytes:,} bytes, cover {wanted.db:.1f} dB")


def info(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Any file.")],
    password_file: options.PasswordFile = None,
    ask_password: options.AskPassword = False,
    no_password: options.NoPassword = False,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    max_pixels: options.MaxPixels = None,
    force: options.Ignored = False,
    seed: options.IgnoredText = None,
    device: options.IgnoredText = None,
) -> None:
    """Tell what FILE is; with the right password, what it carries."""
    password = options.Password(password_file, ask_password, no_password)
    keyring = password.keyring(quiet=quiet) if password.given else None

    def work() -> "Inspection":
        from ..media.image_file import MAX_PIXELS
        from ..pipeline import Terms
        from ..survey import inspect as survey

        return survey(file, keyring, Terms(max_pixels=max_pixels or MAX_PIXELS))

    found = console.run(work)
    if json_:
        console.show_json(found.record())
    else:
        _show_info(file, found)


def _show_info(file: str, found: "Inspection") -> None:
    from ..media.files import shown

    words = {"audio": "sound", "image": "picture", "video": "video", "shape": "shape"}
    kind = f"{found.format} {words.get(found.media, '')}, " if found.format else ""
    console.show(f"{shown(file)}: {kind}{found.description}")
    for note in found.notes:
        console.show(f"  {note}")
    if found.capacity:
        console.show(f"  can hide up to {found.capacity:,} bytes")
    elif found.format and found.media in ("image", "audio"):
        console.show("  too small, too short or too silent to hide anything in")
    if found.media in ("video", "shape"):
        console.show("  can be a secret, not a cover")
    elif found.carries is None and found.format:
        console.show("  whether it carries a secret cannot be told without the password")
    for secret in found.carries or ():
        name = shown(secret.name) if secret.name else "no name"
        console.show(
            f"  carries {secret.media} ({name}), {secret.bytes:,} bytes, hidden by {shown(found.method or '')}"
        )


def methods(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One method, with its settings.")] = None,
    cite: Annotated[bool, typer.Option("--cite", help="Print BibTeX.")] = False,
    json_: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List the methods, or one with its settings and paper."""
    from ..methods import TABLE, load

    for room in [load(name)] if name else [load(each) for each in TABLE]:
        facts = room.facts
        if json_:
            sums = {"covers": facts.covers, "secrets": facts.secrets}
            console.show_json({**dataclasses.asdict(facts), **sums, "settings": _defaults(room)})
        elif cite:
            console.show(facts.bibtex)
        else:
            console.show(f"{facts.name:<17}{facts.title}")
            if name:
                _show_method(room)


def _show_method(room: "Method[object]") -> None:
    facts = room.facts
    for cover, secrets in facts.hides.items():
        console.show(f"  hides      {', '.join(secrets)} in {cover}")
    console.show(f"  exact      {'yes' if facts.exact else 'no'}; encrypted {'yes' if facts.encrypted else 'no'}")
    console.show(f"  paper      {facts.paper}")
    console.show("  settings   (--set KEY=VALUE)")
    defaults = (f"{key}={'' if value is None else value}" for key, value in _defaults(room).items())
    console.show(f"    {'  '.join(defaults)}")
    _, _, attributes = inspect.cleandoc(room.Config.__doc__ or "").partition("Attributes:\n")
    for line in textwrap.dedent(attributes).rstrip().splitlines():
        console.show(f"    {line}")


def _defaults(room: "Method[object]") -> dict[str, object]:
    return {field.name: field.default for field in dataclasses.fields(room.Config)}  # type: ignore[arg-type]


def doctor(
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="A container that did not reveal.")] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="DIR", help="Say which data sets lie in a folder."),
    ] = None,
    json_: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Check the installation with a real round trip; with FILE, say what may have happened to it."""
    from .. import checkup

    if file is not None and data is not None:
        raise UsageError("FILE and --data DIR: give one of them")

    def look() -> checkup.Report:
        if data is not None:
            from ..study.datasets import report

            return report(Path(data))
        return checkup.file(file) if file else checkup.installation()

    report = console.run(look)
    if json_:
        console.show_json({"healthy": report.healthy, "checks": [dataclasses.asdict(c) for c in report.checks]})
    else:
        for check in report.checks:
            console.show(f"{'ok  ' if check.ok else 'BAD '} {check.what}: {check.found}")
    if not report.healthy:
        raise typer.Exit(6 if file is None and data is None else 3)
