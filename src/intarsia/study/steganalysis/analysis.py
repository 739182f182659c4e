"""`analyze`: files, covers to compare them with, and what the detectors say.

    PATH...   ─► measured ─┐
                           ├─► figures, a Judge ─► a verdict on each file ─► report
    --against ─► measured ─┤
                  └─► controls made of them
    --train   ─► pairs that `hide` makes of the covers ─► LDA, network ─► their scores

Everything measured is kept by content, so what was stopped goes on. Files that cannot be read are named at the end.
"""

import dataclasses
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ...engine.recipe import Recipe
from ...errors import InputError, OutputError, ResourceError, UsageError
from ...media import files, values
from ...methods import load
from ...methods.base import Method, Progress, configure
from ...methods.learned import need_torch
from .findings import Analysis, Looked, Order, Watch
from .kinds import Work
from .listing import KINDS, Item, listed
from .measure import Measured, measure
from .report import FIRST, write
from .store import Store, key_of


def analyze(order: Order, watch: Watch | None = None) -> Analysis:
    """Examine files, and write the report.

    Raises:
        InputError: a path is missing, or not one file could be read.
        OutputError: the folder holds a report, or cannot be written.
        UsageError: options that do not go together.
    """
    watch, began = watch or Watch(), time.monotonic()
    order, room, recipe = _taught(order)
    items, against = listed(order.paths), listed(order.against) if order.against else []
    folder = _prepared(order)
    store = Store(folder)
    broken: list[tuple[str, str]] = []
    looked = _look(items, order, store, watch.progress, "examining", broken)
    covers = _look(against, order, store, watch.progress, "measuring covers", broken)
    if not looked:
        raise InputError(f"not one file could be read: {'; '.join(reason for _, reason in broken[:3])}")
    notes: list[str] = []
    work = Work(order, room, recipe, store, watch, notes)
    parts = [
        work.part(kind, _of_kind(looked, kind), _of_kind(covers, kind)) for kind in KINDS if _of_kind(looked, kind)
    ]
    found = Analysis(order, parts, tuple(broken), time.monotonic() - began, tuple(notes))
    notes_of_plots = write(found)
    return dataclasses.replace(found, notes=(*found.notes, *notes_of_plots))


# --- small steps ---------------------------------------------------------------------------------------------


def _taught(order: Order) -> tuple[Order, Method[Any] | None, dict[str, Any]]:
    """Return the order with the method's settings alone, the method, and the settings of its detector's recipe."""
    if order.train is None:
        if order.settings or order.model is not None:
            raise UsageError("--set and --model are for the method to learn; add --train METHOD")
        return order, None, {}
    if not order.against:
        raise UsageError("--train learns from clean covers; name them: --against DIR")
    need_torch("--train")
    room = load(order.train)
    recipe = {name: order.settings[name] for name in ("steps", "seconds", "batch", "lr") if name in order.settings}
    rest = {name: value for name, value in order.settings.items() if name not in recipe}
    equipped = room.equip(order.model, order.device)
    equipped.settle(rest)
    read = configure(Recipe, recipe, "the detector")
    return dataclasses.replace(order, settings=rest), equipped, {name: getattr(read, name) for name in recipe}


def _prepared(order: Order) -> Path:
    try:
        order.out.mkdir(parents=True, exist_ok=True)
        files.check_target(order.out / FIRST, force=order.force)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{files.shown(order.out)}: cannot be written: {reason}") from error
    return order.out


def _look(
    items: Sequence[Item],
    order: Order,
    store: Store,
    progress: Progress,
    stage: str,
    broken: list[tuple[str, str]],
) -> list[Looked]:
    """Measure files; what cannot be read is noted, and the others go on."""
    found = []
    for number, item in enumerate(items):
        progress(stage, number / len(items))
        try:
            key = key_of(item.path)
            measured = store.get(key, partial(_measured, item.path, order.max_pixels))
        except (InputError, ResourceError) as error:
            broken.append((item.name, str(error)))
            continue
        kept = dataclasses.replace(item, kind=measured.kind)
        found.append(Looked(kept, key, measured, dict(measured.scores)))
    return found


def _measured(path: Path, max_pixels: int) -> Measured:
    return measure(values.cover(path, max_pixels=max_pixels))


def _of_kind(looked: Sequence[Looked], kind: str) -> list[Looked]:
    return [each for each in looked if each.measured.kind == kind]
