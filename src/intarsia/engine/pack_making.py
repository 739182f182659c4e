"""Making a pack: decode, write, move into place.

    files ──► workers ──► arrays ──► pictures.u8, sounds.i16 ──► index.npz ──► pack.json ──► rename the folder

Nothing but the rows of the index is kept in memory. Files that cannot be used are skipped and counted. Everything is
on disk before the folder gets its name, so a process may be killed at any moment: what it leaves has another name,
and the next one that packs the same removes it.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, printable
from . import packed, workers
from .decoding import Result, Task
from .packed import Packing
from .sources import Item, Listing
from .split import Member, held_out

Progress = Callable[[str, float], None]
"""Called with the stage, "packing", and the share of it that is done."""

WORDS = {"image": "pictures", "audio": "sounds"}
"""The kinds that are packed."""

_REASONS = 20  # skipped files whose names are kept
_NAMED = 3  # of those, how many an error tells
_TOLD = 200  # calls of progress for one pack, about


@dataclass
class _Rows:
    """What the index says of one kind."""

    offsets: list[int] = field(default_factory=list)
    sizes: list[tuple[int, ...]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)

    def add(self, item: Item, result: Result, offset: int) -> None:
        """Add an item that begins at `offset`, in samples."""
        assert result.array is not None
        self.offsets.append(offset)
        self.sizes.append(result.array.shape[:2])
        self.names.append(item.name)
        self.members.append(Member(item.group or f"content/{result.digest[:32]}", item.label, item.part))

    def arrays(self, kind: str, packing: Packing) -> dict[str, NDArray[Any]]:
        """Return what is stored."""
        start, words = ("picture", "pictures") if kind == "image" else ("sound", "sounds")
        held = held_out(self.members, packing.validation, official=packing.official, what=words)
        sizes = np.array(self.sizes, np.int64)
        return {
            f"{start}_offsets": np.array(self.offsets, np.int64),
            **({"picture_sizes": sizes.reshape(-1, 2)} if kind == "image" else {"sound_lengths": sizes.reshape(-1)}),
            f"{start}_held": held,
            f"{start}_groups": packed.blob(member.group for member in self.members),
            f"{start}_names": packed.blob(self.names),
        }


def make(
    target: Path, listing: Listing, packing: Packing, progress: Progress | None, jobs: int | None, *, is_alone: bool
) -> None:
    """Write a pack beside where it is to be, and move it there.

    Args:
        target: the folder that is to appear.
        listing: the files.
        packing: how to pack them.
        progress: told how far it is.
        jobs: processes that decode; None is one for each processor.
        is_alone: whether no other process makes the same.

    Raises:
        InputError: no file of one kind can be used, or a split is impossible.
        OSError: the disk is full, or another reason not to write.
        UsageError: a package is missing that some files need.
    """
    for kind, words in WORDS.items():  # first, because to read them all takes hours
        members = [Member(item.group or item.name, item.label, item.part) for item in listing.of_kind(kind)]
        held_out(members, packing.validation, official=packing.official, what=words)
    start = f".{target.name}-"
    if is_alone:  # what a packer left that was killed
        for left in target.parent.glob(f"{start}*"):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=start, dir=target.parent))
    try:
        _fill(folder, listing, packing, progress, jobs)
        _sync(folder)
        with contextlib.suppress(FileExistsError):  # somebody else was faster, where nothing could be locked
            _move(folder, target)
        _sync(target.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move(folder: Path, target: Path) -> None:
    try:
        folder.chmod(0o777 & ~_umask())  # a folder made to be temporary is its owner's alone
        if target.exists() and not packed.is_pack(target):  # somebody has deleted a part of it
            shutil.rmtree(target)
        folder.rename(target)
    except OSError as error:
        if packed.is_pack(target):
            raise FileExistsError from error
        raise


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current


def _sync(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every system can flush a folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _fill(folder: Path, listing: Listing, packing: Packing, progress: Progress | None, jobs: int | None) -> None:
    """Write the four files of a pack."""
    rows = {"image": _Rows(), "audio": _Rows()}
    reasons: list[tuple[str, str]] = []
    skipped: Counter[str] = Counter()
    used: list[Item] = []
    with _Stream(folder / packed.PICTURES) as pictures, _Stream(folder / packed.SOUNDS) as sounds:
        for item, result in _results(listing, packing, progress, jobs):
            if result.array is None:
                skipped[item.kind] += 1
                reasons += [(printable(item.name), result.error)] * (len(reasons) < _REASONS)
                continue
            stream = pictures if item.kind == "image" else sounds
            rows[item.kind].add(item, result, stream.bytes // result.array.itemsize)
            stream.write(result.array)
            used.append(item)
    for kind in dict.fromkeys(item.kind for item in listing.items):
        if not rows[kind].names:
            raise _unusable(WORDS[kind], skipped[kind], reasons)
    index = {name: array for kind, each in rows.items() for name, array in each.arrays(kind, packing).items()}
    stored = {packed.PICTURES: pictures.facts(), packed.SOUNDS: sounds.facts()}
    stored[packed.INDEX] = _save_index(folder / packed.INDEX, index)
    card = {
        "format": packed.FORMAT,
        "packing": asdict(packing),
        "files": stored,
        "pictures": len(rows["image"].names),
        "sounds": len(rows["audio"].names),
        "groups": {kind: len({member.group for member in each.members}) for kind, each in rows.items()},
        "sources": Counter(item.label for item in used),
        "licences": Counter(f"{item.source or item.label}: {item.licence or 'not stated'}" for item in used),
        "skipped": skipped.total(),
        "reasons": reasons,
        "sha256": _content(stored, index),
    }
    _write(folder / packed.CARD, json.dumps(card | {"check": packed.check(card)}, indent=1).encode())


def _results(
    listing: Listing, packing: Packing, progress: Progress | None, jobs: int | None
) -> Iterator[tuple[Item, Result]]:
    settings = {"image": packing.side, "audio": packing.rate}
    tasks = (Task(str(item.path), item.kind, settings[item.kind], not item.group) for item in listing.items)  # type: ignore[arg-type]
    total = len(listing.items)
    results = workers.decode_all(tasks, jobs=jobs, count=total)
    with contextlib.closing(results):  # also when the disk is full: the other processes must end
        for done, (item, result) in enumerate(zip(listing.items, results, strict=True), 1):
            yield item, result
            if progress and (done == total or done % (total // _TOLD + 1) == 0):
                progress("packing", done / total)


def _unusable(words: str, count: int, reasons: list[tuple[str, str]]) -> InputError:
    first = "; ".join(f"{name}: {reason}" for name, reason in reasons[:_NAMED])
    return InputError(f"none of {count:,} {words} can be used ({first}); get undamaged copies")


def _content(stored: dict[str, Any], index: dict[str, NDArray[Any]]) -> str:
    """Return the hash of samples, sizes and sides; names and groups are left out."""
    state = hashlib.sha256()
    for name in (packed.PICTURES, packed.SOUNDS):
        state.update(bytes.fromhex(stored[name]["sha256"]))
    for name in ("picture_sizes", "sound_lengths", "picture_held", "sound_held"):
        state.update(hashlib.sha256(np.ascontiguousarray(index[name]).tobytes()).digest())
    return state.hexdigest()


class _Stream:
    """A file that is written from the beginning to the end, flushed to disk, and hashed on the way."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._state = hashlib.sha256()
        self.bytes = 0

    def __enter__(self) -> "_Stream":
        return self

    def __exit__(self, *_: object) -> None:
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())

    def write(self, array: NDArray[Any]) -> None:
        data = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        self._file.write(data)
        self._state.update(data)
        self.bytes += len(data)

    def facts(self) -> dict[str, Any]:
        return {"bytes": self.bytes, "sha256": self._state.hexdigest()}


def _save_index(path: Path, index: dict[str, NDArray[Any]]) -> dict[str, Any]:
    with path.open("wb") as stream:
        np.savez(stream, **index)  # type: ignore[arg-type]
    data = path.read_bytes()
    _write(path, data)
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
