"""What a training run is asked for: read, checked, and held against what the folder already holds.

recipe file ◄── --set     ──► Order ──► settled ──► Config, Recipe, Packing
config.json of the folder ──► earlier ──┘  nothing is written here
"""

import dataclasses
import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import zoo
from ..engine import recipe as recipes
from ..engine.packs import Pack, Packing
from ..engine.recipe import Recipe
from ..errors import InputError, OutputError, UsageError
from ..media import files
from ..media.files import PathLike
from ..methods import load
from ..methods.base import configure
from ..methods.learned import Learned, config_record

FORMAT = 1
"""Of config.json."""

_MAY_CHANGE = frozenset(
    ("steps", "seconds", "save", "log", "validate", "pictures", "tensorboard", "compile", "explosion")
)
"""Settings of the recipe that another stretch may change: bounds, and what is only written down."""

_MAY_FOLLOW = (("schedule", "constant", "late"),)
"""Settings that may become another: until its rate falls, a late run is a constant one."""


@dataclass(frozen=True)
class Order:
    """What is asked for.

    Attributes:
        method: name, or `package.module:NAME`.
        data: folders of media, or packs.
        run: folder of the run.
        settings: of the method, the recipe and the packing, text or typed.
        recipe: a recipe file; `settings` come before it.
        resume: go on with the run in the folder.
        force: replace the run in the folder.
        device: "auto", "cpu" or "cuda".
        begin: model whose weights and settings the run begins with, a name, run folder or file; None: fresh ones.
    """

    method: str
    data: Sequence[PathLike]
    run: PathLike
    settings: Mapping[str, object] = field(default_factory=dict)
    recipe: PathLike | None = None
    resume: bool = False
    force: bool = False
    device: str = "auto"
    begin: str | None = None


@dataclass(frozen=True)
class Settings:
    """An order's settings, each where it belongs."""

    config: Any
    recipe: Recipe
    packing: Packing

    def record(self) -> dict[str, Any]:
        """Return them as JSON knows them."""
        return {
            "config": config_record(self.config),
            "recipe": dataclasses.asdict(self.recipe),
            "packing": dataclasses.asdict(self.packing),
        }


def room_of(name: str) -> Learned[Any]:
    """Return the method to train.

    Raises:
        UsageError: it has nothing to learn, or is called by another name than its own.
    """
    room = load(name)
    if not isinstance(room, Learned):
        raise UsageError(f"{name} has nothing to learn; intarsia methods lists those with networks")
    if room.facts.name != name:
        raise UsageError(f"method {name} calls itself {room.facts.name!r}; a model is found again by one name only")
    return room


def earlier_run(order: Order) -> dict[str, Any] | None:
    """Return what the run in the folder was asked for, if this is to go on with it."""
    from ..engine.run import Run

    found = Run(order.run).config()
    where = files.shown(order.run)
    if found is None:
        if Path(order.run).is_dir() and any(_others(Path(order.run))):
            raise OutputError(f"{where}: holds other files, and no run; choose an empty or a new folder")
        return None
    if order.resume:
        _check_record(order, found)
        return found
    if not order.force:
        raise OutputError(f"{where}: already holds a run; --resume goes on with it, --force replaces it")
    return None


def _check_record(order: Order, found: Mapping[str, Any]) -> None:
    parts = [found.get(name) for name in ("config", "recipe", "packing", "data")] + [found.get("begin", {})]
    if found.get("format") != FORMAT or not all(isinstance(part, dict) for part in parts):
        raise InputError(
            f"{files.shown(Path(order.run) / 'config.json')}: not the settings of a run; start another run"
        )
    if found.get("method") != order.method:
        raise UsageError(f"{files.shown(order.run)}: is a run of {found.get('method')}, not of {order.method}")


def _others(folder: Path) -> list[Path]:
    """Return what in a folder is not from a run that ended before its config.json was there."""
    held = [path for path in folder.iterdir() if path.name not in ("trainer", "metrics.jsonl")]
    return [path for path in (*held, *folder.glob("trainer/step-*")) if not path.name.startswith(".")]


def check_place(order: Order) -> None:
    """Check that the run folder can be made, before hours go into packing."""
    path = Path(order.run).absolute()
    place = next(each for each in (path, *path.parents) if os.path.lexists(each))
    if not place.is_dir():
        raise OutputError(f"{files.shown(order.run)}: {files.shown(place.name)} is no folder; choose another place")
    if not os.access(place, os.W_OK | os.X_OK):
        raise OutputError(f"{files.shown(order.run)}: cannot be written into: permission denied")


def first_model(order: Order, earlier: Mapping[str, Any] | None) -> zoo.Model | None:
    """Return the model that a new run begins with; None: fresh weights, or those of an earlier stretch.

    Raises:
        UsageError: there is no such model, or the earlier stretch began with another.
        WeightsError: it is damaged, or another method's.
    """
    if earlier is None:
        return None if order.begin is None else zoo.find(order.begin, order.method)
    named = earlier.get("begin", {}).get("model")
    if order.begin not in (None, named):
        how = "fresh weights" if named is None else f"those of {named}"
        raise UsageError(f"{files.shown(order.run)}: was begun with {how}; leave --from out, or choose another folder")
    return None


def begun_model(order: Order, earlier: Mapping[str, Any]) -> zoo.Model | None:
    """Return the model that an earlier stretch began with, which ended before its first checkpoint.

    Raises:
        InputError: it is another one by now.
    """
    begun = earlier.get("begin")
    if begun is None:
        return None
    name = str(begun.get("model"))
    model = zoo.find(name, order.method)
    if model.identity.hex() != begun.get("identity"):
        raise InputError(
            f"{files.shown(order.run)}: began with {name}, which has other weights by now; start another run"
        )
    return model


def settled(
    order: Order, room: Learned[Any], earlier: Mapping[str, Any] | None, model: zoo.Model | None = None
) -> Settings:
    """Return the settings of a run: those asked for, over those of the earlier stretch or the model, over the paper's.

    Raises:
        UsageError: an unknown key, a value that cannot be meant, or one that would make it another run.
    """
    given = {**(recipes.read(order.recipe) if order.recipe is not None else {}), **order.settings}
    kinds: dict[str, Any] = {"config": room.Config, "recipe": Recipe, "packing": Packing}
    fields = {key: [each.name for each in dataclasses.fields(kind)] for key, kind in kinds.items()}
    known = [name for names in fields.values() for name in names]
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(known)}"
            raise UsageError(f"training {order.method} has no setting {key!r}; {hint}")
    config = room.Config() if model is None else configure(room.Config, model.config, model.name)
    defaults = {"config": config, "recipe": room.recipe or Recipe(), "packing": room.packing}
    made = {}
    for key, kind in kinds.items():
        base = dataclasses.asdict(defaults[key]) if earlier is None else dict(earlier.get(key, {}))
        mine = {name: value for name, value in given.items() if name in fields[key]}
        before = _before(order, kind, base) if earlier is not None else None
        made[key] = configure(kind, {**base, **mine}, order.method)
        if before is not None:
            _check_unchanged(order, key, before, made[key])
    return Settings(**made)


def _before(order: Order, kind: type, settings: Mapping[str, Any]) -> object:
    try:
        return configure(kind, settings, order.method)
    except UsageError as error:
        where = files.shown(Path(order.run) / "config.json")
        raise InputError(f"{where}: not the settings of such a run: {error}; start another run") from error


def _check_unchanged(order: Order, key: str, before: object, now: object) -> None:
    for each in dataclasses.fields(before):  # type: ignore[arg-type]
        old, new = getattr(before, each.name), getattr(now, each.name)
        may = key == "recipe" and (each.name in _MAY_CHANGE or (each.name, old, new) in _MAY_FOLLOW)
        if old != new and not may:
            raise UsageError(
                f"{files.shown(order.run)}: was begun with {each.name}={old}; going on with {new} is another run; "
                "leave it out, or choose another folder"
            )


def check_same_data(order: Order, earlier: Mapping[str, Any] | None, pack: Pack) -> None:
    """Raise `InputError` when a run would go on with other data than it was begun with."""
    if earlier is None:
        return
    before = earlier.get("data", {}).get("content")
    if before != pack.sha256:
        raise InputError(
            f"{files.shown(order.data[0])}: not the data of {files.shown(order.run)} (content {pack.sha256[:12]}, "
            f"not {str(before)[:12]}); give the same folders, or choose another run"
        )
