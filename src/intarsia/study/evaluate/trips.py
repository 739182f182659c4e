"""One task measured: there and back through the saved file, and the controls beside it.

    task ─► cover, secret ─► hide_file ─► container on disk ─► reveal_file ─► values ─► measures ─► line
                                             └─► through channels of `media.transit` ─► reveal ─► measures ─► line

A container that `hide` would refuse, because the secret comes back too poorly, is kept here and counted as refused, so
that means are not of the good cases alone. Files go to items/KEY/ in the output folder.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...carrier.keys import Keyring
from ...errors import DoesNotFitError, IntarsiaError, NoSecretError, VerificationError
from ...media import Audio, Cover, Image, Value, Video, files, values, video_file, writing
from ...media.image_file import MAX_PIXELS
from ...methods.base import Progress
from ...methods.picture_in_picture import as_colour
from ...pipeline import Terms, hide_file, reveal_file
from ...results import Hidden
from . import direct, onward, peak
from .measures import Samples, Values, of_cover, of_pictures, of_secret
from .tasks import Task, place

PASSWORD = "a password for the study"  # noqa: S105 (it opens what the study makes)
SUFFIX = {"image": ".png", "audio": ".wav", "video": ".mkv", "shape": ".ply", "text": ".txt", "blob": ".bin"}

Line = dict[str, Any]


@dataclass(frozen=True)
class Room:
    """Where a task works.

    Attributes:
        folder: for its files; made when something is written.
        progress: of a fit.
    """

    folder: Path
    progress: Progress
    device: str = "auto"


def measure(task: Task, room: Room) -> Line:
    """Return what a task gives: `values`, `files`, and `refused`, why there are none, or "".

    Raises:
        InputError: a file cannot be read.
        IntarsiaError: anything but that the secret does not fit, or did not come back.
    """
    cover, secret = task.cover.load(), task.secret.load()
    ways: dict[str, Callable[[Task, Any, Value, Room], Line]] = {
        "trip": _trip,
        "view": _view,
        "channel": _channels,
        "direct": lambda task, cover, secret, room: {"values": direct.measured(task, cover, secret, room.device)},
        "mantissa": lambda _task, cover, secret, _room: {"values": _mantissa(cover, secret)},
        "identity": _identity,
    }
    try:
        found = ways[task.what](task, cover, secret, room)
    except (DoesNotFitError, VerificationError) as error:
        found = {"values": {}, "refused": str(error)}
    clean = {name: _jsonable(value) for name, value in found["values"].items()}
    return {"files": {}, "refused": "", **found, "values": clean}


def _jsonable(value: float | None) -> float | str | None:
    """Return a number as JSON knows it: it has no infinity, which is "inf" here."""
    if value is None or math.isnan(value):
        return None
    return "inf" if math.isinf(value) else float(f"{value:.8g}")


# --- there and back ------------------------------------------------------------------------------------------


def _trip(task: Task, cover: Cover, secret: Value, room: Room) -> Line:
    hidden, container, took = _hidden(task, cover, secret, room)
    saved = values.container(container, max_pixels=MAX_PIXELS)
    with peak.watched() as memory:
        began = time.perf_counter()
        revealed = _revealed(task, container, room)
        took["reveal_s"] = time.perf_counter() - began
    took["reveal_mb"] = memory.megabytes
    found = {**of_cover(cover, saved), **of_secret(secret, revealed, _shrunk(task, cover)), **took}
    found |= _carried(hidden, cover)
    kept = {"container": container} | _kept(room.folder, {"cover": cover, "secret": secret, "revealed": revealed})
    return {"values": found, "files": _below(room, kept), "poor": not hidden.verified, "notes": list(hidden.notes)}


def _view(task: Task, cover: Cover, secret: Value, room: Room) -> Line:
    """Reveal as the task has it; a container that a trip left is used."""
    container = _left(task, room) or _hidden(task, cover, secret, room)[1]
    revealed = _revealed(task, container, room)
    kept = _kept(room.folder, {"secret": secret, "revealed": revealed})
    return {"values": of_secret(secret, revealed, _shrunk(task, cover)), "files": _below(room, kept)}


def _hidden(task: Task, cover: Cover, secret: Value, room: Room) -> tuple[Hidden, Path, dict[str, float]]:
    """Hide; return the report, the container, and what it took."""
    room.folder.mkdir(parents=True, exist_ok=True)
    container = room.folder / _name(cover.kind)
    spent = time.process_time()
    with peak.watched() as memory:
        hidden = hide_file(cover, secret, container, _terms(task, room, seed=task.seed))
    took = {"hide_s": hidden.seconds, "hide_cpu_s": time.process_time() - spent, "hide_mb": memory.megabytes}
    if task.fits:
        took["fit_s"] = float(task.settings.get("seconds", hidden.seconds))
    return hidden, container, took


def _name(kind: str) -> str:
    return f"container{SUFFIX[kind]}"


def _revealed(task: Task, container: Path, room: Room) -> Value:
    return reveal_file(container, None, _terms(task, room, settings=dict(task.viewed))).value


def _terms(task: Task, room: Room, **others: Any) -> Terms:  # noqa: ANN401 (what Terms takes)
    own = {"settings": dict(task.settings), "model": task.model or None, "device": room.device, **others}
    return Terms(Keyring(PASSWORD), method=task.method, force=True, lenient=True, progress=room.progress, **own)


def _shrunk(task: Task, cover: Cover) -> tuple[int, int] | None:
    """Return the size that a method hides pictures at, where that is the cover's."""
    return (cover.width, cover.height) if task.method == "lsb" and isinstance(cover, Image) else None


def _carried(hidden: Hidden, cover: Cover) -> Values:
    size = cover.size if isinstance(cover, Audio) else cover.samples.size
    held = sum(each.bytes for each in hidden.secrets)
    return {"bytes": float(held), "bits_per_sample": 8 * held / size, "capacity_bytes": float(hidden.capacity)}


def _kept(folder: Path, media: Mapping[str, Value]) -> dict[str, Path]:
    """Write what pictures and players of the report are made of."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, value in media.items():
        path = folder / f"{name}{SUFFIX[value.kind]}"
        if isinstance(value, Video):
            path = folder / name
            if not path.exists():
                with files.folder_for_outputs(path) as inside:
                    video_file.save_frames(value, inside)
        else:
            files.write_output(path, writing.render(value, path.suffix), force=True)
        found[name] = path
    return found


def _below(room: Room, kept: Mapping[str, Path]) -> dict[str, str]:
    """Return paths as a line has them, below the folder of the evaluation."""
    return {name: str(path.relative_to(room.folder.parents[1])) for name, path in kept.items()}


# --- on the way ----------------------------------------------------------------------------------------------


def _channels(task: Task, cover: Cover, secret: Value, room: Room) -> Line:
    """Hide once, send through every channel, and reveal from each; a container that a trip left is used."""
    container = _left(task, room) or _hidden(task, cover, secret, room)[1]
    saved = values.container(container, max_pixels=MAX_PIXELS)
    survived = []
    for number, text in enumerate(task.channels):
        room.progress(f"channel {text}", number / len(task.channels))
        survived.append(_sent(task, saved, secret, text, room))
    return {"values": of_cover(cover, saved), "survived": survived}


def _left(task: Task, room: Room) -> Path | None:
    """Return the container that the same trip, with nothing on the way and seen as usual, has left."""
    same = place(replace(task, what="trip", channels=(), viewed={}).key())
    path = room.folder.parent / same / _name(task.cover.kind)
    return path if path.exists() else None


def _sent(task: Task, saved: Cover, secret: Value, text: str, room: Room) -> Line:
    arrived, why = onward.arrived(saved, text, task.seed)
    if arrived is None:
        return {"channel": text, "unavailable": why}
    line: Line = {"channel": text, "damage": _jsonable(onward.damage(saved, arrived))}
    try:
        opened = reveal_file(arrived, None, _terms(task, room, settings=dict(task.viewed)))
        if not opened.authenticated:
            raise NoSecretError
        revealed = opened.value
        found = of_secret(secret, revealed, _shrunk(task, saved))
        line["exact"] = onward.same(secret, revealed)
        line["by"] = "reveal"
    except IntarsiaError as error:
        line |= {"exact": False, "said": str(error)[:200]}
        bare = onward.without_header(task, arrived, secret, room.device)
        found = of_secret(secret, bare, _shrunk(task, saved)) if bare is not None else {}
        line["by"] = "network alone" if found else "nothing"
    return {**line, "values": {name: _jsonable(value) for name, value in found.items()}}


# --- controls ------------------------------------------------------------------------------------------------


def _mantissa(cover: Value, secret: Value) -> Values:
    """Hide all of the secret behind the point of a float container: what scores of float arrays are worth."""
    assert isinstance(cover, Image)
    assert isinstance(secret, Image)
    one, other = as_colour(cover), as_colour(secret)
    step = np.float32(1 / 8192)
    container = (one + other * step) / np.float32(255)
    digits = container * np.float32(255)
    read = np.clip(np.rint((digits - np.floor(digits + step / 2)) / step), 0, 255) / np.float32(255)
    pairs: dict[str, tuple[Samples, Samples]] = {"cover": (one, container), "secret": (other, read)}
    found: Values = {}
    for name, (reference, made) in pairs.items():
        unit = (reference / np.float32(255)).astype(np.float32)
        found |= {f"{name}_{key}": value for key, value in of_pictures(unit, made.astype(np.float32)).items()}
    return found


def _identity(task: Task, cover: Cover, secret: Value, room: Room) -> Line:
    """Hide nothing: the container is the cover, and what is read from it is what the method reads off any cover."""
    read = onward.without_header(task, cover, secret, room.device) or cover
    at = (cover.width, cover.height) if isinstance(cover, Image) else None
    found = of_secret(secret, read, at if isinstance(read, Image) and isinstance(secret, Image) else None)
    return {"values": {**of_cover(cover, cover), **found}}
