"""`intarsia models list`, `models verify`: the trained models that ship, and whether weights are whole."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UsageError, WeightsError, printable
from . import console, options

if TYPE_CHECKING:
    from ..zoo import Model

_SHOWN = 4  # figures of a model

models = typer.Typer(help="List the trained models, or check weights.")


@models.command("list")
def list_(json_: options.Json = False, debug: options.Debug = False) -> None:
    """List the models that ship."""
    from .. import zoo

    found = [zoo.find(name) for name in zoo.names()]
    if json_:
        console.show_json({"models": [_record(model) for model in found]})
        return
    if not found:
        console.show("no trained models ship with this release; train one: intarsia train METHOD --data DIR --run RUN")
        return
    console.show(f"{'name':<26}{'method':<18}{'MiB':>7}{'commercial':>12}{'steps':>10}  figures (file)")
    for model in found:
        assert model.card is not None
        card = model.card
        figures = ", ".join(_said(row) for row in card.figures["file"][:_SHOWN])
        size = f"{card.bytes / 2**20:7.2f}"
        line = f"{card.name:<26}{card.method:<18}{size}{card.commercial:>12}{card.steps:>10,}  {figures}"
        console.show(printable(line))


def _said(figure: Mapping[str, Any]) -> str:
    unit = "" if figure["unit"] == "1" else f" {figure['unit']}"
    return f"{figure['name']} {figure['value']:.4g}{unit}"


def _record(model: "Model") -> dict[str, object]:
    import dataclasses

    assert model.card is not None
    return dataclasses.asdict(model.card)


@models.command("verify")
def verify(
    which: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME|DIR|FILE", help="Models to check; all that ship if none is named."),
    ] = None,
    json_: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Check weights: header, digest, values, and of those that ship the card and its SHA-256."""
    from .. import zoo

    rows: list[tuple[str, UsageError | WeightsError | None, str]] = []
    for name in which or zoo.names():
        try:
            model = zoo.find(name)
            size = sum(array.size for array in model.arrays().values())
            said = f"{printable(name)}: {model.method}, {size:,} numbers, {model.identity.hex()[:16]}"
            rows.append((name, None, said))
        except (UsageError, WeightsError) as error:
            rows.append((name, error, printable(str(error))))
    if json_:
        listed = [{"name": name, "ok": wrong is None, "problem": said if wrong else None} for name, wrong, said in rows]
        console.show_json({"models": listed})
    else:
        for _, wrong, said in rows:
            console.show(f"{'BAD ' if wrong else 'ok  '} {said}")
            console.notes(tuple(getattr(wrong, "__notes__", ())), quiet=False)
        if not rows:
            console.show("no trained models ship with this release")
    if any(wrong for _, wrong, _ in rows):
        raise typer.Exit(WeightsError.exit_code)
