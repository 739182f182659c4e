"""Which files are looked at, and which of them have one source.

    PATH... ──► files, folders walked in order of name ──► Item(path, name, source, kind)
    manifest.csv of `intarsia pairs` beside them ──► source; without one a file's own name is its source

A container of the same name as its cover has the same source, so that no detector is tested on what it learnt from.
"""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...engine.adapters import kind_of
from ...errors import InputError
from ...media import files
from ...media.files import PathLike

KINDS = ("image", "audio")
MANIFEST = "manifest.csv"


@dataclass(frozen=True)
class Item:
    """One file.

    Attributes:
        path: where it is.
        name: as it is shown in tables: below the folder that was given.
        source: what it was made from; files of one source are learnt from together, or tested on together.
        kind: "image" or "audio", by its suffix.
    """

    path: Path
    name: str
    source: str
    kind: str


def listed(paths: Sequence[PathLike]) -> list[Item]:
    """Return the pictures and sounds among files and below folders; a file that is named is always taken.

    Raises:
        InputError: a path is missing, or there is nothing to look at.
    """
    found: list[Item] = []
    sources: dict[Path, dict[str, str]] = {}
    for given in paths:
        path = Path(given)
        if not os.path.lexists(path):
            raise InputError(f"{files.shown(given)}: no such file or folder")
        if path.is_dir():
            inside = [(each, str(each.relative_to(path))) for each in _walked(path)]
            found += [_item(each, name, path, sources) for each, name in inside]
        else:
            found.append(_item(path, path.name, path.parent, sources))
    if not found:
        raise InputError(f"{files.shown(paths[0])}: no pictures or sounds here; name files, or a folder that has some")
    return found


def _walked(folder: Path) -> list[Path]:
    found = []
    for place, below, names in os.walk(folder):
        below[:] = sorted(name for name in below if not name.startswith("."))
        taken = [name for name in sorted(names) if not name.startswith(".") and kind_of(name) in KINDS]
        found += [Path(place) / name for name in taken]
    return found


def _item(path: Path, name: str, top: Path, sources: dict[Path, dict[str, str]]) -> Item:
    for folder in (top, top.parent, top.parent.parent):
        known = sources.setdefault(folder, _manifest(folder / MANIFEST))
        if known and (source := known.get(_real(path))):
            break
    else:
        source = path.stem
    return Item(path, name, source, kind_of(path.name) or "image")


def _manifest(path: Path) -> dict[str, str]:
    """Return the source of every file that a manifest lists, by its real path."""
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        return {_real(path.parent / row[column]): row["source"] for row in rows for column in ("cover", "container")}
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return {}  # somebody else's file of that name


def _real(path: Path) -> str:
    return os.path.realpath(path)
