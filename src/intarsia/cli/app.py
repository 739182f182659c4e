"""The table of verbs."""

import sys

import typer

from .. import __version__
from . import analyze, attack, console, demo, evaluate, hide, look, models, pairs, reveal, train

app = typer.Typer(
    name="intarsia",
    help="Hide one medium inside another and get it back from the saved file.",
    epilog="Exit codes: 0 ok, 1 not verified, 2 usage, 3 bad input, 4 no secret or wrong password, 5 does not fit, "
    "6 resources, 7 weights, 8 output, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("hide")(hide.hide)
app.command("reveal")(reveal.reveal)
app.command("capacity")(look.capacity)
app.command("info")(look.info)
app.command("methods")(look.methods)
app.command("doctor")(look.doctor)
app.command("train")(train.train)
app.add_typer(models.models, name="models")
app.command("evaluate")(evaluate.evaluate)
app.command("attack")(attack.attack)
app.command("analyze")(analyze.analyze)
app.command("pairs")(pairs.pairs)
app.command("demo")(demo.demo)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"intarsia {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Hide one medium inside another and get it back from the saved file."""


def run() -> None:
    """Run the command line; never returns."""
    with console.guard(debug="--debug" in sys.argv):
        code = app(prog_name="intarsia", standalone_mode=False)
        if isinstance(code, int) and code:
            raise SystemExit(code)
