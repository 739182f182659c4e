"""`intarsia models list`, `models verify`: the trained models that ship, and whether weights are whole."""

from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import WeightsError
from . import console, options

if TYPE_CHECKING:
    from ..zoo import Model

models = typer.Typer(help="List the trained models, or check weights.", no_args_is_help=True)


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
    console.show(f"{'name':<24}{'method':<18}{'MiB':>7}{'commercial':>12}{'steps':>10}  figures (file)")
    for model in found:
        assert model.card is not None
        card = model.card
        figures = ", ".join(f"{row['name']} {row['value']} {row['unit']}" for row in card.figures["file"])
        size = f"{card.bytes / 2**20:7.2f}"
        console.show(f"{card.name:<24}{card.method:<18}{size}{card.commercial:>12}{card.steps:>10,}  {figures}")


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
    from ..media.files import shown

    rows = []
    for name in which or zoo.names():
        try:
            model = zoo.find(name)
            arrays = model.arrays()
            size = sum(array.size for array in arrays.values())
            said = f"{model.method}, {size:,} numbers, {model.identity.hex()[:16]}"
            rows.append((name, True, said))
        except WeightsError as error:
            rows.append((name, False, str(error)))
    if json_:
        listed = [{"name": name, "ok": fine, "problem": None if fine else said} for name, fine, said in rows]
        console.show_json({"models": listed})
    else:
        for name, fine, said in rows:
            console.show(f"{'ok  ' if fine else 'BAD '} {said if not fine else f'{shown(name)}: {said}'}")
        if not rows:
            console.show("no trained models ship with this release")
    if not all(fine for _, fine, _ in rows):
        raise typer.Exit(WeightsError.exit_code)
