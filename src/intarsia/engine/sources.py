"""From folders to files to learn from, each with the group that must stay on one side of a split.

    folders ──► walk ──► folder by folder ──┬─ media pack ──► origins ────┐
                                            ├─ known set ───► adapters ───┼─► Item(file, kind, group, label) ──► Listing
                                            └─ any other ───► by content ─┘

Names are listed, and nothing is opened but lists of names. Hidden files, masks and annotations are passed over; links
are followed, each folder once. The official test part of a set is left out where the folder that was given has
another part of it: who wants to learn from it, gives that very folder.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import cast, get_args

from ..errors import InputError, UsageError
from ..media import files
from ..media.files import PathLike
from . import layouts, origins
from .adapters import TABLE, Folder, Kind, Part, Place, Places, kind_of

EXPECTED = {
    "image": "pictures (PNG, JPEG, WebP, BMP, TIFF, AVIF): ImageNet, Pascal VOC, DAVIS, or any folder of them",
    "audio": "sounds (WAV, FLAC, OGG, MP3): TIMIT, LibriSpeech, GTZAN, or any folder of them",
    "video": "videos (MP4, MOV, MKV, WebM, AVI): DAVIS, or any folder of them",
    "shape": "shapes (PLY, OBJ, STL, OFF, GLB): the Stanford models, or any folder of them",
}
"""What is looked for, by kind."""

_NAMES = {"image": "picture", "audio": "sound", "video": "video", "shape": "shape"}
_ARCHIVES = frozenset((".tar", ".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"))
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Item:
    """One file; of a clip that lies there as frames, their folder.

    Attributes:
        root: the folder that was given.
        name: path below it, with slashes.
        kind: "image", "audio", "video" or "shape".
        group: what must stay on one side; "" stands for the file's content, known once it has been read.
        label: name of the data set, or "folder NAME".
        part: of the official split, "train", "val" or "test"; "" when it is in none.
        source: repository that a file of the media pack is from.
        licence: on what terms, in a few words, where that is known.
    """

    root: Path
    name: str
    kind: Kind
    group: str
    label: str
    part: Part = ""
    source: str = ""
    licence: str = ""

    @property
    def path(self) -> Path:
        """Return where the file is."""
        return self.root / self.name


@dataclass(frozen=True)
class Listing:
    """Files in a fixed order: by name, whatever order the system lists them in.

    Attributes:
        items: the files.
        left_out: files of official test parts that were not taken, by data set.
        unreadable: folders that could not be listed.
    """

    items: tuple[Item, ...]
    left_out: Counter[str] = field(default_factory=Counter)
    unreadable: tuple[Path, ...] = ()

    def counts(self) -> Counter[str]:
        """Count files by data set."""
        return Counter(item.label for item in self.items)

    def of_kind(self, kind: str) -> tuple[Item, ...]:
        """Return the files of one kind."""
        return tuple(item for item in self.items if item.kind == kind)

    def describe(self) -> str:
        """Return in one line how many files of which data sets there are, and what was not taken."""
        parts = [f"{label} {count:,}" for label, count in sorted(self.counts().items())]
        parts += [f"left out {count:,} of the test part of {label}" for label, count in sorted(self.left_out.items())]
        if self.unreadable:
            more = f" and {len(self.unreadable) - _SHOWN:,} more" if len(self.unreadable) > _SHOWN else ""
            parts.append(f"cannot be listed: {', '.join(map(files.shown, self.unreadable[:_SHOWN]))}{more}")
        return "; ".join(parts)


def find(folders: Sequence[PathLike], kinds: Collection[str]) -> Listing:
    """List what there is to learn from.

    Args:
        folders: data sets, folders that hold several, parts of them, or plain folders of files. Of the media pack as a
            whole only `origins.FOR_TRAINING` is taken; its other folders are taken when they are given by name.
        kinds: of "image", "audio", "video", "shape": those that are needed.

    Returns:
        Each file once, however many of the folders lead to it.

    Raises:
        InputError: a folder is missing, is a file, cannot be listed or holds nothing of these kinds; or one of the
            kinds is in none of the folders.
        UsageError: there is no such kind, or none was asked for, or no folder was given.
    """
    wanted = _checked(kinds)
    given = [folders] if isinstance(folders, str | os.PathLike) else list(folders)
    if not given:
        raise UsageError("no folder to learn from was given; name one or more with --data DIR")
    walks = [_walked(folder, wanted) for folder in given]
    for kind in wanted:
        if not any(item.kind == kind for walk in walks for item in walk.items):
            raise _nothing(walks, (kind,))
    items = _once(item for walk in walks for item in walk.items)
    left_out = sum((walk.left_out for walk in walks), Counter[str]())
    unreadable = tuple(dict.fromkeys(path for walk in walks for path in walk.unreadable))
    return Listing(tuple(sorted(items, key=lambda item: (item.name, item.kind))), left_out, unreadable)


def _checked(kinds: Collection[str]) -> tuple[Kind, ...]:
    known = get_args(Kind)
    if isinstance(kinds, str) or not kinds or not set(kinds) <= set(known):
        raise UsageError(f"kinds {kinds!r}; expected some of {', '.join(known)}")
    return cast("tuple[Kind, ...]", tuple(kind for kind in known if kind in kinds))


def _once(items: Iterator[Item]) -> list[Item]:
    """Leave out files that were met before, by way of another folder or a link."""
    real: dict[str, str] = {}
    kept: dict[tuple[str, str, str], Item] = {}
    for item in items:
        folder, name = os.path.split(os.path.normpath(item.path))
        if folder not in real:
            real[folder] = os.path.realpath(folder)
        kept.setdefault((item.kind, real[folder], name), item)
    return list(kept.values())


# --- walking -------------------------------------------------------------------------------------------------


@dataclass
class _Walk:
    """What was met below one of the folders that were given."""

    top: Path
    kinds: tuple[Kind, ...]
    items: list[Item] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    unreadable: list[Path] = field(default_factory=list)

    def add(self, path: str, kind: Kind, place: Place, **facts: str) -> None:
        """Add a file, if its kind is needed."""
        if kind not in self.kinds:
            self.others[kind] += 1
            return
        self.items.append(Item(self.top, path, kind, place.group, part=place.part, **facts))


def _walked(folder: PathLike, kinds: tuple[Kind, ...]) -> _Walk:
    top = _folder(folder)
    walk = _Walk(top, kinds)
    for each, pack in _folders(walk):
        if pack and not pack.takes(each.path, top):
            continue
        _take(each, pack, walk)
    _leave_out_tests(walk)
    if not walk.items:
        raise _nothing([walk], kinds)
    return walk


def _folder(folder: PathLike) -> Path:
    try:
        path = Path(folder).resolve()
        if not path.exists():
            raise InputError(f"{files.shown(folder)}: no such folder")
        if not path.is_dir():
            raise InputError(f"{files.shown(folder)}: a file; give the folder that holds the files to learn from")
        with os.scandir(path):
            return path
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{files.shown(folder)}: cannot be listed: {error}") from error


def _folders(walk: _Walk) -> Iterator[tuple[Folder, origins.MediaPack | None]]:
    """Yield folders, each once however many links lead to it, with the media pack that they are in."""
    stack, seen = [(walk.top, origins.above(walk.top))], set()
    while stack:
        path, pack = stack.pop()
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            names, below = _listed(path)
        except OSError:
            walk.unreadable.append(path)
            continue
        if not pack and origins.TABLE in names:
            pack = origins.read(path)
        yield Folder(path, names), pack
        inner = [path / name for name in reversed(below)]
        stack += [(each, pack) for each in inner if not pack or pack.enters(each, walk.top)]


def _listed(path: Path) -> tuple[tuple[str, ...], list[str]]:
    names, below = [], []
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in layouts.PASSED_OVER:
                continue
            try:
                if entry.is_dir():
                    below.append(entry.name)
                elif entry.is_file():
                    names.append(entry.name)
            except OSError:  # a link to itself; a file that just vanished
                continue
    return tuple(sorted(names)), sorted(below)


def _take(folder: Folder, pack: origins.MediaPack | None, walk: _Walk) -> None:
    """Add the files of one folder, by the media pack's table, by the set they are of, or as they are."""
    inside = folder.path.relative_to(walk.top).as_posix()
    start = "" if inside == "." else f"{inside}/"
    places, facts, are_clips = _known(folder)
    if "video" in walk.kinds and places and are_clips:
        walk.add(inside, "video", next(place for place in places.values() if place), **facts)
    if "video" in walk.kinds and pack and pack.is_clip(folder.path) and (origin := pack.origin(folder.path)):
        walk.add(inside, "video", origin.place, **_facts(origin))
    for name in folder.names:
        if not (kind := kind_of(name)):
            walk.others["archive"] += PurePath(name).suffix.lower() in _ARCHIVES
        elif pack and (origin := pack.origin(folder.path / name)):
            walk.add(start + name, kind, origin.place, **_facts(origin))
        elif name not in places:
            walk.add(start + name, kind, Place(""), label=f"folder {walk.top.name}")
        elif place := places[name]:
            walk.add(start + name, kind, place, **facts)


def _known(folder: Folder) -> tuple[Places, dict[str, str], bool]:
    """Return the places of the files that belong to a known set, what is the same for all, and if they are a clip."""
    for layout in TABLE:
        if places := layout.places(folder):
            label = layout.label
            full = {name: place and Place(f"{label}/{place.group}", place.part) for name, place in places.items()}
            return full, {"label": label, "licence": layouts.TERMS[label]}, layout.are_clips
    return {}, {}, False


def _facts(origin: origins.Origin) -> dict[str, str]:
    return {"label": origin.label, "source": origin.source, "licence": origin.licence}


def _leave_out_tests(walk: _Walk) -> None:
    with_more = {item.label for item in walk.items if item.part != "test"}
    walk.left_out.update(item.label for item in walk.items if item.part == "test" and item.label in with_more)
    walk.items = [item for item in walk.items if item.part != "test" or item.label not in with_more]


def _nothing(walks: list[_Walk], kinds: tuple[Kind, ...]) -> InputError:
    """Return the error for folders without files of a kind: what is there instead, and what was expected."""
    met: Counter[str] = sum((walk.others for walk in walks), Counter())
    met.update(item.kind for walk in walks for item in walk.items)
    where = ", ".join(files.shown(walk.top) for walk in walks)
    wanted = " or ".join(f"{_NAMES[kind]}s" for kind in kinds)
    there = [f"{met[kind]:,} {name}{'s' * (met[kind] != 1)}" for kind, name in _NAMES.items() if met[kind]]
    there += [f"{met['archive']:,} archive(s), to be unpacked first"] if met["archive"] else []
    there += [f"{len(walk.unreadable)} folder(s) that cannot be listed" for walk in walks if walk.unreadable]
    instead = f"; found {', '.join(there)} instead" if there else ""
    return InputError(f"{where}: no {wanted} here{instead}; expected {'; '.join(EXPECTED[kind] for kind in kinds)}")
