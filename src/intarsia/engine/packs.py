"""Files packed once, so that learning never waits for a decoder.

    Listing ──► key ──► in the cache? ──────────────────────────────────────────────► open
                             └─► decode (all processors) ──► temporary folder ──► rename ──► open

The key is made of names, sizes and times of the files and of the settings, so a folder that has changed is packed
anew. A pack appears whole or not at all; of two processes that want the same one, the second waits for the first.
What a pack looks like on disk is `packed`'s business, how it gets there `pack_making`'s.
"""

import contextlib
import hashlib
import importlib
import json
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import InputError, OutputError, UsageError
from ..media import files
from ..media.files import PathLike
from . import packed, sources
from .pack_making import WORDS, Progress, make
from .packed import Pack, Packing, Pictures, Sounds, is_pack, open_pack
from .sources import Listing

__all__ = ["Pack", "Packing", "Pictures", "Progress", "Sounds"]
__all__ += ["cache_folder", "is_pack", "key", "open_pack", "pack", "prepare"]

VARIABLE = "INTARSIA_CACHE"
"""Environment variable that names the folder packs are kept in."""


def prepare(
    folders: Sequence[PathLike],
    kinds: Collection[str],
    packing: Packing,
    cache: PathLike | None = None,
    progress: Progress | None = None,
) -> Pack:
    """Return a pack of what lies in some folders, packed now or before; a folder that is a pack is used as it is.

    Args:
        folders: as `sources.find` takes them; or one pack.
        kinds: "image", "audio" or both.
        packing: how to pack. Of a pack that is given only `side` (it may be larger) and `rate` are compared.
        cache: see `cache_folder`.
        progress: told how far it is.

    Raises:
        InputError: nothing usable in a folder; or a pack that is damaged, or not of the kinds or settings asked for.
        OutputError: the cache cannot be written.
        UsageError: a pack among other folders.
    """
    given = [folders] if isinstance(folders, str | os.PathLike) else list(folders)
    found = [folder for folder in given if is_pack(folder)]
    if not found:
        return pack(sources.find(given, kinds), packing, cache, progress)
    if len(given) > 1:
        raise UsageError(f"{files.shown(found[0])}: a pack among other folders; give the pack alone, or the folders")
    opened = open_pack(found[0])
    _check_fits(opened, kinds, packing)
    return opened


def _check_fits(opened: Pack, kinds: Collection[str], packing: Packing) -> None:
    shown, own = files.shown(opened.folder), opened.packing
    for kind, items in (("image", opened.pictures), ("audio", opened.sounds)):
        if kind in kinds and not len(items):
            raise InputError(f"{shown}: a pack without {WORDS[kind]}; pack a folder that has them")
    if "image" in kinds and own.side < packing.side:
        raise InputError(
            f"{shown}: pictures packed with side={own.side}; {packing.side} is needed; pack them again from the files"
        )
    if "audio" in kinds and own.rate != packing.rate:
        raise InputError(
            f"{shown}: sounds packed with rate={own.rate}; {packing.rate} is needed; pack them again from the files"
        )


def pack(
    listing: Listing,
    packing: Packing,
    cache: PathLike | None = None,
    progress: Progress | None = None,
    *,
    jobs: int | None = None,
) -> Pack:
    """Pack files, or open the pack that was made of them before.

    Args:
        listing: pictures and sounds.
        packing: how.
        cache: see `cache_folder`.
        progress: told how far it is.
        jobs: processes that decode; None is one for each processor.

    Raises:
        InputError: no file of one kind can be used, or a split is impossible; or a pack in the cache is damaged.
        OutputError: the cache cannot be written, the disk is full.
        UsageError: videos or shapes, which are not packed; or a package is missing that some files need.
    """
    if others := {item.kind for item in listing.items} - WORDS.keys():
        raise UsageError(f"{', '.join(sorted(others))}: packs hold pictures and sounds only; leave out the others")
    base, name = cache_folder(cache) / "packs", key(listing, packing)
    target = base / name
    if not is_pack(target):
        try:
            base.mkdir(parents=True, exist_ok=True)
            with _locked(base / f".{name}.lock") as is_alone:
                if not is_pack(target):
                    make(target, listing, packing, progress, jobs, is_alone=is_alone)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError(
                f"{files.shown(base)}: cannot be written: {reason}; name a folder with room by {VARIABLE}"
            ) from error
    return open_pack(target)


def cache_folder(cache: PathLike | None = None) -> Path:
    """Return where packs are kept: `cache`, $INTARSIA_CACHE, $XDG_CACHE_HOME/intarsia or ~/.cache/intarsia."""
    if cache or os.environ.get(VARIABLE):
        return Path(cache or os.environ[VARIABLE])
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".cache") / "intarsia"


def key(listing: Listing, packing: Packing) -> str:
    """Return the name of a pack: it changes with names, sizes and times of the files, and with the settings."""
    state = hashlib.sha256(json.dumps([packed.FORMAT, asdict(packing)], sort_keys=True).encode())
    for item in listing.items:
        try:
            status = item.path.stat()
            facts = (status.st_size, status.st_mtime_ns)
        except OSError:
            facts = (-1, -1)
        said = (item.name, item.kind, item.group, item.label, item.part, item.source, item.licence, *facts)
        state.update(json.dumps(said).encode() + b"\n")
    return state.hexdigest()[:32]


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Wait until no other process packs the same; yield whether that is certain. The lock goes with the process."""
    with path.open("wb") as stream:
        try:
            lock: Any = importlib.import_module("fcntl")
            lock.flock(stream, lock.LOCK_EX)
        except (ImportError, OSError):  # not everywhere; then the same may be packed twice, and one of them is kept
            yield False
            return
        yield True
