"""Packs on disk: pictures and sounds as plain arrays, mapped into memory and never copied.

    pack.json      what it is: format, settings, counts, sources, files that were skipped, hashes
    index.npz      where each item begins, how large it is, its side of the split, its group and name
    pictures.u8    uint8 [H, W, 3], one after the other
    sounds.i16     int16 [T], little-endian, one after the other

A pack needs nothing but its folder and can be carried to another machine. Sizes and the index's hash are compared
whenever one is opened, the hashes of pictures and sounds when asked for. How packs are made is `packs`' business.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, UsageError
from ..media import files
from ..media.files import PathLike

FORMAT = 1
"""Version of what is written; any other is refused."""

CARD, INDEX, PICTURES, SOUNDS = "pack.json", "index.npz", "pictures.u8", "sounds.i16"

Integers = NDArray[np.int64]

_MOST = 1 << 24  # bytes of the card
_DIGEST = 12  # digits of a hash that a person is shown
_AGAIN = "delete the folder, and it is packed again"


@dataclass(frozen=True)
class Packing:
    """How files are packed.

    Attributes:
        side: longest short side of a picture, pixels; larger ones are shrunk (Lanczos), none is enlarged.
        rate: of all sounds, Hz; they are mono.
        validation: share of the groups that is kept for validation, 0..1, of pictures and of sounds.
        official: whether an official validation part is kept instead, where a data set has one.
    """

    side: int = 256
    rate: int = 16_000
    validation: float = 0.05
    official: bool = True

    def __post_init__(self) -> None:
        for name, most in (("side", 1 << 14), ("rate", 1 << 20)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise UsageError(f"{name}={value!r}; expected a whole number from 1 to {most:,}")
        if not isinstance(self.validation, int | float) or not 0 <= self.validation < 1:
            raise UsageError(f"validation={self.validation!r}; expected a share from 0 to less than 1")


class Pictures:
    """Pictures of a pack: item i is uint8 [H, W, 3], a view of the file, not to be written to.

    Sent to another process, it opens the pack there instead of taking the samples along.
    """

    def __init__(self, pack: "Home", flat: NDArray[np.uint8], offsets: Integers, sizes: Integers) -> None:
        self._home, self._flat, self._offsets, self.sizes = pack, flat, offsets, sizes
        self.content = pack.sha256

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        start = int(self._offsets[index])
        height, width = self.sizes[index].tolist()
        return self._flat[start : start + height * width * 3].reshape(height, width, 3)

    def __reduce__(self) -> tuple[Any, ...]:
        return _elsewhere, (self._home, "pictures")


class Sounds:
    """Sounds of a pack: item i is int16 [T], a view of the file, not to be written to; see `Pictures`."""

    def __init__(self, pack: "Home", flat: NDArray[np.int16], offsets: Integers, lengths: Integers) -> None:
        self._home, self._flat, self._offsets, self.lengths = pack, flat, offsets, lengths
        self.content = pack.sha256

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, index: int) -> NDArray[np.int16]:
        start = int(self._offsets[index])
        return self._flat[start : start + int(self.lengths[index])]

    def __reduce__(self) -> tuple[Any, ...]:
        return _elsewhere, (self._home, "sounds")


class Home(NamedTuple):
    """Which pack something is from: its folder, and the hash that it has."""

    folder: str
    sha256: str


@dataclass(frozen=True, eq=False)
class Pack:
    """A pack that was opened.

    Attributes:
        folder: where it lies.
        packing: how it was packed.
        pictures: item i is uint8 [H, W, 3].
        sounds: item i is int16 [T] at `packing.rate`.
        sha256: hash of everything in it that can be learnt from: samples, sizes, sides of the split.
        sources: items by data set.
        licences: items by where they are from and on what terms.
        skipped: how many files could not be used.
        reasons: names of the first of them, and why.
    """

    folder: Path
    packing: Packing
    pictures: Pictures
    sounds: Sounds
    sha256: str
    sources: Counter[str]
    licences: Counter[str]
    skipped: int
    reasons: tuple[tuple[str, str], ...]
    _index: Mapping[str, NDArray[Any]]

    @cached_property
    def train_pictures(self) -> NDArray[np.int64]:
        """Return the indices of pictures to learn from, rising."""
        return np.flatnonzero(~self._index["picture_held"])

    @cached_property
    def validation_pictures(self) -> NDArray[np.int64]:
        """Return the indices of pictures kept for validation, rising."""
        return np.flatnonzero(self._index["picture_held"])

    @cached_property
    def train_sounds(self) -> NDArray[np.int64]:
        """Return the indices of sounds to learn from, rising."""
        return np.flatnonzero(~self._index["sound_held"])

    @cached_property
    def validation_sounds(self) -> NDArray[np.int64]:
        """Return the indices of sounds kept for validation, rising."""
        return np.flatnonzero(self._index["sound_held"])

    @cached_property
    def picture_names(self) -> tuple[str, ...]:
        """Return where below the folder that was given each picture was."""
        return texts(self._index["picture_names"])

    @cached_property
    def sound_names(self) -> tuple[str, ...]:
        """Return where below the folder that was given each sound was."""
        return texts(self._index["sound_names"])

    @cached_property
    def picture_groups(self) -> tuple[str, ...]:
        """Return the group of each picture."""
        return texts(self._index["picture_groups"])

    @cached_property
    def sound_groups(self) -> tuple[str, ...]:
        """Return the group of each sound."""
        return texts(self._index["sound_groups"])

    def summary(self) -> str:
        """Return in one line what is in it."""
        parts = []
        if len(self.pictures):
            counts = f"{len(self.train_pictures):,} to learn from, {len(self.validation_pictures):,} to validate on"
            parts.append(f"{len(self.pictures):,} pictures (short side up to {self.packing.side}; {counts})")
        if len(self.sounds):
            minutes = int(self.sounds.lengths.sum()) / self.packing.rate / 60
            counts = f"{len(self.train_sounds):,} to learn from, {len(self.validation_sounds):,} to validate on"
            parts.append(f"{len(self.sounds):,} sounds ({minutes:,.1f} min at {self.packing.rate:,} Hz; {counts})")
        if self.skipped:
            first = "; ".join(f"{name}: {reason}" for name, reason in self.reasons[:1])
            parts.append(f"{self.skipped:,} skipped ({first}{'; ...' * (self.skipped > 1)})")
        return f"{', '.join(parts)}; sha256 {self.sha256[:_DIGEST]}"


# --- opening -------------------------------------------------------------------------------------------------


def is_pack(folder: PathLike) -> bool:
    """Whether a folder says that it is a pack."""
    return (Path(folder) / CARD).is_file()


def open_pack(folder: PathLike, *, verify: bool = False) -> Pack:
    """Open a pack.

    Args:
        folder: where it lies.
        verify: whether all samples are read and compared with their hashes, which takes its time.

    Raises:
        InputError: not a pack, cut, changed, or of another version; the remedy is to delete it.
    """
    path, shown = Path(folder), files.shown(folder)
    if not is_pack(path):
        raise InputError(f"{shown}: not a pack; expected a folder with {CARD} in it")
    try:
        card = json.loads(files.read_head(path / CARD, _MOST))
        if card["format"] != FORMAT:
            raise InputError(f"{shown}: a pack of format {card['format']!r}; this release reads {FORMAT}; {_AGAIN}")
        if card.pop("check") != check(card):
            raise ValueError(f"{CARD} was changed")
        for name, facts in card["files"].items():
            _compare(path / name, facts, is_read=verify or name == INDEX)
        return _opened(path, card)
    except InputError:
        raise
    except Exception as error:  # whatever a damaged card or index makes of the readers
        raise InputError(f"{shown}: damaged pack ({error}); {_AGAIN}") from error


@lru_cache(maxsize=8)
def _elsewhere(home: Home, what: str) -> Pictures | Sounds:
    """Return the pictures or sounds of a pack in a process they were sent to."""
    opened = open_pack(home.folder)
    if opened.sha256 != home.sha256:
        raise InputError(f"{files.shown(home.folder)}: another pack than before; start again")
    return opened.pictures if what == "pictures" else opened.sounds


def check(card: Mapping[str, Any]) -> str:
    """Return the hash of what the card says."""
    return hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()


def _compare(path: Path, facts: Mapping[str, Any], *, is_read: bool) -> None:
    size = path.stat().st_size
    if size != facts["bytes"]:
        raise ValueError(f"{path.name} has {size:,} bytes; expected {facts['bytes']:,}")
    if is_read:
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != facts["sha256"]:
                raise ValueError(f"{path.name} was changed")


def _opened(path: Path, card: Mapping[str, Any]) -> Pack:
    with np.load(path / INDEX, allow_pickle=False) as stored:
        index = {name: stored[name] for name in stored.files}
    pixels, samples = _mapped(path / PICTURES, np.uint8), _mapped(path / SOUNDS, np.int16)
    sizes, lengths = index["picture_sizes"], index["sound_lengths"]
    _check_inside(index["picture_offsets"], sizes, index["picture_held"], 3, len(pixels))
    _check_inside(index["sound_offsets"], lengths[:, None], index["sound_held"], 1, len(samples))
    home = Home(os.path.realpath(path), card["sha256"])
    return Pack(
        path,
        Packing(**{each.name: card["packing"][each.name] for each in fields(Packing)}),
        Pictures(home, pixels, index["picture_offsets"], sizes),
        Sounds(home, samples, index["sound_offsets"], lengths),
        card["sha256"],
        Counter(card["sources"]),
        Counter(card["licences"]),
        card["skipped"],
        tuple((name, reason) for name, reason in card["reasons"]),
        index,
    )


def _mapped(path: Path, kind: type[Any]) -> NDArray[Any]:
    if not path.stat().st_size:  # nothing cannot be mapped
        return np.zeros(0, kind)
    # A plain array over the mapping: slices of a memmap cost several times as much.
    return np.asarray(np.memmap(path, np.dtype(kind).newbyteorder("<"), "r"))


def _check_inside(offsets: Integers, sizes: Integers, held: NDArray[np.bool_], channels: int, total: int) -> None:
    """Refuse an index, [n], [n, sides], [n], that disagrees with itself or points outside of `total` samples."""
    kinds = [each.dtype.kind for each in (offsets, sizes, held)]
    if kinds != ["i", "i", "b"] or not len(offsets) == len(sizes) == len(held):
        raise ValueError(f"{INDEX} does not agree with itself")
    ends = offsets + channels * sizes.astype(np.float64).prod(axis=1)  # as integers, forged sizes would overflow
    if len(ends) and (sizes.min() < 1 or offsets.min() < 0 or ends.max() > total):
        raise ValueError(f"{INDEX} points outside")


# --- texts in an index ---------------------------------------------------------------------------------------


def blob(words: Iterable[str]) -> NDArray[np.uint8]:
    """Return texts without zeros in them as uint8 [bytes], one after the other."""
    joined = "".join(f"{word}\0" for word in words).encode("utf-8", "surrogateescape")
    return np.frombuffer(joined, np.uint8)


def texts(values: NDArray[np.uint8]) -> tuple[str, ...]:
    """Undo `blob`."""
    return tuple(values.tobytes().decode("utf-8", "surrogateescape").split("\0")[:-1])
