"""What every verb accepts, and where the password comes from."""

import getpass
import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError, UsageError
from . import console

if TYPE_CHECKING:
    from ..carrier.keys import Keyring

VARIABLE = "INTARSIA_PASSWORD"
_MAX_PASSWORD_FILE = 4096


class Device(StrEnum):
    """Where networks run."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


PasswordFile = Annotated[
    str | None, typer.Option("--password-file", metavar="F", help="Read the password from a file (first line).")
]
AskPassword = Annotated[bool, typer.Option("--ask-password", help="Ask for the password on the terminal.")]
NoPassword = Annotated[bool, typer.Option("--no-password", help="Use the public key, which anyone can try.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON line.")]
Force = Annotated[bool, typer.Option("--force", help="Replace existing files.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No notes and no progress.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Seed = Annotated[
    int | None, typer.Option("--seed", metavar="N", help="For tests: same inputs and seed, same container.")
]
DeviceOption = Annotated[Device, typer.Option("--device", help="Where networks run; exact and lsb need none.")]
MaxPixels = Annotated[
    int | None, typer.Option("--max-pixels", metavar="N", min=1, help="Largest picture read (64 million).")
]
MethodName = Annotated[str | None, typer.Option("--method", metavar="NAME", help="See: intarsia methods.")]
ModelName = Annotated[
    str | None, typer.Option("--model", metavar="NAME|DIR", help="Trained model, or the folder of a training run.")
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the method; may be repeated.")
]

# Accepted by verbs that need neither, so that one set of flags serves a whole script.
Ignored = Annotated[bool, typer.Option(hidden=True)]
IgnoredText = Annotated[str | None, typer.Option(hidden=True)]


@dataclass(frozen=True)
class Password:
    """The three password options as they were given."""

    file: str | None
    ask: bool
    none: bool

    @property
    def given(self) -> bool:
        """Whether any of the four ways was used."""
        return self.file is not None or self.ask or self.none or VARIABLE in os.environ

    def keyring(self, *, confirm: bool = False, quiet: bool = False) -> "Keyring":
        """Return the keyring for the password, asking on a terminal when nothing was given."""
        from ..carrier.keys import PUBLIC_PASSWORD, Keyring

        if (self.file is not None) + self.ask + self.none > 1:
            raise UsageError("give only one of --password-file, --ask-password, --no-password")
        if self.none:
            if not quiet:
                console.say("note: no password: anyone who has this program can reveal it")
            return Keyring(PUBLIC_PASSWORD)
        if self.file is not None:
            return Keyring(_from_file(self.file))
        if not self.ask and VARIABLE in os.environ:
            return Keyring(os.environ[VARIABLE])
        if self.ask and not _has_terminal():
            raise UsageError(f"--ask-password needs a terminal; elsewhere use --password-file F or {VARIABLE}")
        if self.ask or sys.stdin.isatty():
            return Keyring(_ask(confirm))
        raise UsageError(
            f"a password is needed: --password-file F, the variable {VARIABLE}, --ask-password, or --no-password"
        )


def _from_file(path: str) -> str:
    # Not `media.files`: a pipe is welcome here, as in --password-file <(pass show picture).
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(_MAX_PASSWORD_FILE + 1)
    except OSError as error:
        raise InputError(f"{path}: password file cannot be read: {(error.strerror or str(error)).lower()}") from error
    if len(data) > _MAX_PASSWORD_FILE:
        raise InputError(f"{path}: password file is larger than {_MAX_PASSWORD_FILE} bytes; expected one line")
    return data.split(b"\n", 1)[0].rstrip(b"\r").decode("utf-8", "surrogateescape")


def _has_terminal() -> bool:
    try:
        with Path("/dev/tty").open("rb+", buffering=0):
            return True
    except OSError:
        return sys.stdin.isatty()


def _ask(confirm: bool) -> str:
    password = getpass.getpass("Password: ")
    if confirm and getpass.getpass("Again: ") != password:
        raise UsageError("the two passwords differ")
    return password


def parse_settings(pairs: list[str] | None, preset: str | None = None) -> dict[str, object]:
    """Turn `KEY=VALUE` texts into a mapping; --preset is one of them."""
    settings: dict[str, object] = {} if preset is None else {"preset": preset}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {pair!r}: expected KEY=VALUE")
        if key in settings:
            raise UsageError(f"setting {key} is given twice")
        settings[key] = value
    return settings


def required_output(name: str) -> str:
    """Return the output path, or say that it is missing."""
    if not name:
        raise UsageError("-o is missing; say where to write, as in -o container.png")
    return name
