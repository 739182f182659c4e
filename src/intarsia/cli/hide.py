"""`intarsia hide`: a secret into a cover."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError, UsageError
from . import console, options

if TYPE_CHECKING:
    from ..media.values import Source
    from ..results import Hidden, SecretReport, Spread


def hide(
    cover: Annotated[str, typer.Argument(metavar="COVER", help="Picture or sound to hide in.", show_default=False)],
    secret: Annotated[
        list[str] | None,
        typer.Argument(metavar="SECRET", help="Files to hide; - reads standard input.", show_default=False),
    ] = None,
    out: Annotated[str, typer.Option("--output", "-o", metavar="CONTAINER", help="Picture or sound to write.")] = "",
    text: Annotated[str | None, typer.Option("--text", metavar="STR", help="Hide this text.")] = None,
    spread: Annotated[
        list[str] | None,
        typer.Option("--secret", metavar="FILE", help="Spread this one secret over all the covers named before."),
    ] = None,
    need: Annotated[
        int | None, typer.Option("--need", metavar="K", min=1, help="How many of the containers bring it back.")
    ] = None,
    method: options.MethodName = None,
    model: options.ModelName = None,
    preset: Annotated[str | None, typer.Option("--preset", metavar="NAME", help="fast, balanced or best.")] = None,
    set_: options.Settings = None,
    password_file: options.PasswordFile = None,
    ask_password: options.AskPassword = False,
    no_password: options.NoPassword = False,
    json_: options.Json = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    seed: options.Seed = None,
    device: options.DeviceOption = options.Device.auto,
    max_pixels: options.MaxPixels = None,
) -> None:
    """Hide SECRETs in COVER and write CONTAINER.

    The saved container is read back, revealed and compared before it appears.

    Containers are lossless: .png .bmp .tif .tiff .webp for a picture, .wav .flac for a sound.
    """
    out = options.required_output(out)
    if len(spread or []) > 1:
        raise UsageError("--secret is given more than once; one secret is spread over the covers")
    if (not spread) != (need is None):
        raise UsageError("--secret and --need belong together: hide COVER... --secret FILE --need K -o DIR/")
    if spread and text is not None:
        raise UsageError("--secret and --text: give one of them")
    settings = options.parse_settings(set_, preset)
    sources = [] if spread else _sources(secret, text)
    keyring = options.Password(password_file, ask_password, no_password).keyring(confirm=True, quiet=quiet)
    meter = console.Meter(quiet=quiet)

    def work() -> "Hidden | Spread":
        from ..media.image_file import MAX_PIXELS
        from ..pipeline import Terms, hide_file
        from ..spread import hide_spread

        terms = Terms(keyring, method, settings, force, seed, max_pixels or MAX_PIXELS, meter, model, device.value)
        if spread and need is not None:
            return hide_spread([cover, *(secret or [])], spread[0], need, out, terms)
        return hide_file(cover, sources, out, terms)

    try:
        done = console.run(work)
    except KeyboardInterrupt:
        _say_what_stays(out)
        raise
    meter.done()
    console.notes(done.notes, quiet=quiet)
    if json_:
        console.show_json(done.record())
    elif not quiet:
        from ..results import Hidden

        for hidden in (done,) if isinstance(done, Hidden) else done.containers:
            console.show(_sentence(hidden))


def _say_what_stays(out: str) -> None:
    """End here when a fit was interrupted that can go on."""
    from ..engine import bench
    from ..media.files import shown

    folder = bench.of(out)
    if folder.is_dir():
        console.interrupted(f"interrupted; the same command goes on from {shown(folder)}/, and removes it at the end")


def _sources(secrets: list[str] | None, text: str | None) -> "list[Source]":
    from ..media import Blob

    if text is None and not secrets:
        raise UsageError("expected a SECRET, or --text STR")
    if text is not None:
        return [*(secrets or []), Blob.text(text)]
    if secrets == ["-"]:
        data = sys.stdin.buffer.read()
        if not data:
            raise InputError("standard input is empty; pipe the secret in, or name a file")
        return [Blob(data)]
    if "-" in (secrets or []):
        raise UsageError("- reads one secret from standard input; give it alone")
    return list(secrets or [])


def _sentence(hidden: "Hidden") -> str:
    from ..media.files import shown
    from ..results import said_quality

    def said(secret: "SecretReport") -> str:
        quality = "exact" if secret.quality is None else said_quality(secret.media, secret.quality)
        return f"{shown(secret.name) if secret.name else secret.media} ({quality}, {secret.bytes:,} bytes)"

    what = ", ".join(map(said, hidden.secrets))
    measure = "cover" if hidden.cover == "image" else "carrier SNR"
    return (
        f"{shown(hidden.container)}: {what} by {hidden.method}, "
        f"{measure} {hidden.carrier_db:.1f} dB, verified, {hidden.seconds:.1f} s"
    )
