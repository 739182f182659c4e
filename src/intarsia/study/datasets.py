"""Data sets on disk: which of the published ones lie in a folder, and whether they are whole.

    folder ──► walk ──► folders ──┬─ names of a known set ──► leaves ──► gathered by root ──► summary ──┐
                                  └─ any other media ───────► counted by suffix ────────────────────────┴─► Found

Names are listed, and of each set the heads of at most a few files are read; nothing is decoded, nothing is fetched.
What the sets are, whose they are and what their owners allow stands in docs/datasets.md.
"""

import contextlib
import os
import re
import warnings
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image as Pil

from ..checkup import Check, Report
from ..engine import layouts
from ..errors import InputError
from ..media import audio_file, files, image_file, shape_file, wav

MAX_ENTRIES = 3_000_000
"""Files and folders looked at, the most; ImageNet has 1.4 million besides its annotations, which are passed over."""

MAX_SIZES = 100_000
"""Files whose size is asked for: on a disk in the network that takes longer than to list them."""

MAX_DEPTH = 12
"""Folders in folders."""

MAX_GROUPS = 20
"""Folders of plain pictures and sounds that are named one by one; more are put together."""

EXPECTED = (
    "TIMIT/TRAIN/DR1/FCJF0/SA1.WAV, LibriSpeech/test-clean/1089/134686/*.flac, VOCdevkit/VOC2012/JPEGImages/*.jpg, "
    "ILSVRC/Data/CLS-LOC/train/n01440764/*.JPEG, DAVIS/JPEGImages/480p/bear/00000.jpg, "
    "genres/blues/blues.00000.wav, dragon_recon/dragon_vrip.ply, bunny/reconstruction/bun_zipper.ply, kodim01.png, "
    "or any folder of pictures or sounds"
)
"""What is recognised, in the words of the official archives."""

_KEPT = 128  # names of a folder that are remembered: the first ones, sorted
_SHOWN = 3  # names told of many
_LOOKED_AT = 3  # files of a set whose head is read
_PUBLISHED_FRAMES = 16

_PICTURES, _SOUNDS, _SHAPES, _VIDEOS = layouts.PICTURES, layouts.SOUNDS, layouts.SHAPES, layouts.VIDEOS
_KINDS = {"pictures": _PICTURES, "sounds": _SOUNDS, "videos": _VIDEOS, "shapes": _SHAPES}
_PACKED = (".tar", ".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


@dataclass(frozen=True)
class Found:
    """One data set, or one folder of media that belongs to none.

    Attributes:
        name: of the set, or "folder of pictures" and the like.
        path: where it starts.
        what: how many of each role there are: speakers, utterances, "train utterances", pictures, classes, clips ...
        ok: whether it can be used as it lies there; false when files are empty, cannot be read, or only a part of the
            set is below the folder that was given.
        remarks: what is wrong, with the remedy, and what differs from the official archive; the former first.
    """

    name: str
    path: Path
    what: Mapping[str, int]
    ok: bool
    remarks: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return all but the name in one line."""
        counts = ", ".join(f"{role} {count:,}" for role, count in self.what.items())
        return "; ".join(part for part in (files.shown(self.path), counts, *self.remarks) if part)


def report(folder: files.PathLike) -> Report:
    """Return what `recognise` finds, for `doctor` to print."""
    return Report(tuple(Check(found.name, found.ok, found.describe()) for found in recognise(folder)))


def recognise(folder: files.PathLike, *, limit: int = MAX_ENTRIES) -> tuple[Found, ...]:
    """Tell which data sets lie in a folder.

    Args:
        folder: a data set, a folder that holds several, or one inside a data set (the remark then names the right one).
        limit: files and folders looked at, the most.

    Returns:
        At least one; when nothing was recognised, one that is not ok and says what was expected.

    Raises:
        InputError: there is no such folder, it is a file, or it cannot be listed.
    """
    tree = _walk(_checked(folder), limit)
    found = [*_sets(tree), *_packed_classes(tree)]
    found += _plain(tree)
    if not found:
        found.append(_nothing(tree))
    if tree.unreadable:
        remark = f"cannot be listed: {_some(str(path) for path in tree.unreadable)}; check who may read them"
        found.append(Found("unreadable folders", tree.top, {"folders": len(tree.unreadable)}, False, (remark,)))
    return tuple(found)


def _checked(folder: files.PathLike) -> Path:
    try:
        path = Path(folder).resolve()
        if not path.exists():
            raise InputError(f"{files.shown(folder)}: no such folder")
        if not path.is_dir():
            raise InputError(f"{files.shown(folder)}: a file; give the folder that holds the data set, unpacked")
        with os.scandir(path):
            return path
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{files.shown(folder)}: cannot be listed: {error}") from error


# --- listing -------------------------------------------------------------------------------------------------


@dataclass
class _Folder:
    """One folder: how many files of each suffix are directly in it, and some of their names."""

    path: Path
    counts: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.path.name.lower()

    def count(self, suffixes: Collection[str]) -> int:
        """Count files with one of these suffixes."""
        return sum(count for suffix, count in self.counts.items() if suffix in suffixes)

    def matches(self, pattern: re.Pattern[str]) -> list[re.Match[str]]:
        """Match each of the remembered names, whole."""
        return [match for name in self.names if (match := pattern.fullmatch(name))]


@dataclass
class _Tree:
    """Every folder below the top, and what could not be seen."""

    top: Path
    limit: int
    sizes: int = MAX_SIZES
    entries: int = 0
    is_cut: bool = False
    folders: dict[Path, _Folder] = field(default_factory=dict)
    unreadable: list[Path] = field(default_factory=list)


def _walk(top: Path, limit: int) -> _Tree:
    """List folders, the upper ones first, each only once however many links lead to it."""
    tree = _Tree(top, limit)
    queue, seen = deque([(top, 0)]), set()
    while queue and not tree.is_cut:
        path, depth = queue.popleft()
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            folder = _list(path, tree)
        except OSError:
            tree.unreadable.append(path)
            continue
        tree.folders[path] = folder
        if depth < MAX_DEPTH:
            queue += [(path / name, depth + 1) for name in sorted(folder.folders)]
    return tree


def _list(path: Path, tree: _Tree) -> _Folder:
    folder = _Folder(path)
    with os.scandir(path) as entries:
        for entry in entries:
            if tree.entries >= tree.limit:
                tree.is_cut = True
                break
            tree.entries += 1
            if entry.name.startswith(".") or entry.name in layouts.PASSED_OVER:
                continue
            with contextlib.suppress(OSError):  # a link to itself; a file that just vanished
                _add(folder, entry, tree)
    folder.names = sorted(folder.names)[:_KEPT]
    return folder


def _add(folder: _Folder, entry: os.DirEntry[str], tree: _Tree) -> None:
    if entry.is_dir():
        folder.folders.append(entry.name)
    elif entry.is_file():
        stem, dot, suffix = entry.name.rpartition(".")
        folder.counts[f".{suffix.lower()}" if dot and stem else ""] += 1
        folder.names.append(entry.name)
        if tree.sizes:
            tree.sizes -= 1
            if not entry.stat().st_size:
                folder.empty.append(entry.name)


# --- what belongs to a known set -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Leaf:
    """One folder whose files belong to a set.

    Attributes:
        folder: that folder.
        root: where the set starts, be it above what was given.
        split: train, test, ...; "" when there is none.
        unit: speaker, class, clip, ...: what is one of its kind in the set.
        count: files of the set in this folder.
        name: one that stands for the others, whose head is read.
    """

    folder: _Folder
    root: Path
    split: str
    unit: str
    count: int
    name: str


@dataclass(frozen=True)
class _Set:
    """How a set is recognised and described.

    Attributes:
        name: of the set.
        leaf: the set's files in a folder; None for a folder that is not of the set.
        summary: from the root and its leaves to counts by role and to what differs from the official archive.
        suffixes: what the set's media end with.
        beside: other folders of the set, below its root.
        rate: of its sounds, in Hz.
    """

    name: str
    leaf: Callable[[_Folder], _Leaf | None]
    summary: Callable[[Path, list[_Leaf], _Tree], tuple[dict[str, int], list[str]]]
    suffixes: frozenset[str]
    beside: tuple[str, ...] = ()
    rate: int | None = None


def _sets(tree: _Tree) -> list[Found]:
    found = []
    for each in _TABLE:
        roots: dict[Path, list[_Leaf]] = {}
        for folder in tree.folders.values():
            if leaf := each.leaf(folder):
                roots.setdefault(leaf.root, []).append(leaf)
        found += [_found(each, root, leaves, tree) for root, leaves in roots.items()]
        for root, leaves in roots.items():
            _take(tree, [leaf.folder.path for leaf in leaves] + [root / name for name in each.beside])
    return found


def _take(tree: _Tree, paths: list[Path]) -> None:
    """Leave out what was recognised, so that it is not counted once more as plain media."""
    taken = set(paths)
    for path in list(tree.folders):
        if path in taken or not taken.isdisjoint(path.parents):
            del tree.folders[path]


def _found(each: _Set, root: Path, leaves: list[_Leaf], tree: _Tree) -> Found:
    what, remarks = each.summary(root, leaves, tree)
    bad = []
    if is_part := tree.top != root and tree.top not in root.parents:
        bad.append(f"only a part of it is below the folder that was given; give {files.shown(root)} or what holds it")
    if not sum(leaf.count for leaf in leaves):
        bad.append("nothing in it can be used as it lies there")
    bad += _empties([leaf.folder for leaf in leaves], each.suffixes, tree)
    picked = [leaves[i] for i in sorted({0, len(leaves) // 2, len(leaves) - 1})][:_LOOKED_AT]
    problems, notes = _heads([leaf.folder.path / leaf.name for leaf in picked if leaf.name], each.rate)
    bad += problems
    if is_part or tree.is_cut:  # then counts are too low, and to compare them says nothing
        remarks = [_cut(tree)] if tree.is_cut else []
    return Found(each.name, root, what, not bad, (*bad, *notes, *remarks))


def _cut(tree: _Tree) -> str:
    return f"only the first {tree.limit:,} files and folders were looked at: there may be more than is counted here"


def _empties(folders: list[_Folder], suffixes: Collection[str], tree: _Tree) -> list[str]:
    names = [str(each.path / name) for each in folders for name in each.empty if _suffix(name) in suffixes]
    more = "" if tree.sizes else " or more"
    return [f"{len(names):,}{more} empty: {_some(names)}; copy or unpack again"] if names else []


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()


def _some(names: Iterator[str] | Collection[str]) -> str:
    """Name the first few of many."""
    listed = sorted(names)
    more = f" and {len(listed) - _SHOWN:,} more" if len(listed) > _SHOWN else ""
    return ", ".join(map(files.shown, listed[:_SHOWN])) + more


def _first(folder: _Folder, names: Iterator[str]) -> str:
    """Return the first name that is not of an empty file; those are told of anyway."""
    return next((name for name in names if name not in folder.empty), "")


def _by_split(leaves: list[_Leaf], role: str) -> dict[str, int]:
    """Sum over all splits, and over each when there are some."""
    counts: Counter[str] = Counter()
    for leaf in leaves:
        counts[leaf.split] += leaf.count
    splits = {f"{split} {role}": counts[split] for split in sorted(counts, key=_split_order) if split}
    return {role: counts.total(), **splits}


def _split_order(split: str) -> tuple[int, str]:
    order = [split.startswith(start) for start in ("train", "val", "dev", "test")]
    return (order.index(True) if any(order) else len(order), split)


def _units(leaves: list[_Leaf]) -> int:
    return len({leaf.unit for leaf in leaves})


def _fewer(role: str, count: int, official: int | None) -> list[str]:
    if official is None or count >= official:
        return []
    return [f"{role}: {count:,} of the {official:,} of the official archive"]


# --- TIMIT

_TIMIT = {"train utterances": 4620, "test utterances": 1680}


def _timit(folder: _Folder) -> _Leaf | None:
    if not layouts.SPEAKER.fullmatch(folder.path.name) or not (sentences := folder.matches(layouts.SENTENCE)):
        return None
    region = folder.path.parent
    split = region.parent if layouts.REGION.fullmatch(region.name) else region
    is_split = split.name.lower() in ("train", "test")
    # Some copies keep a RIFF file beside each of the original ones; that one can be read.
    chosen = sorted(sentences, key=lambda match: match[3] is None)
    return _Leaf(
        folder,
        split.parent if is_split else split,
        split.name.lower() if is_split else "",
        folder.path.name.lower(),
        len({match[1].lower() for match in sentences}),
        _first(folder, (match[0] for match in chosen)),
    )


def _timit_summary(root: Path, leaves: list[_Leaf], tree: _Tree) -> tuple[dict[str, int], list[str]]:
    what = {"speakers": _units(leaves), **_by_split(leaves, "utterances")}
    remarks = []
    for role, official in _TIMIT.items():
        remarks += _fewer(role, what.get(role, 0), official)
    return what, remarks


# --- LibriSpeech

_LIBRISPEECH = {
    "dev-clean": 2703,
    "dev-other": 2864,
    "test-clean": 2620,
    "test-other": 2939,
    "train-clean-100": 28_539,
    "train-clean-360": 104_014,
    "train-other-500": 148_688,
}


def _librispeech(folder: _Folder) -> _Leaf | None:
    speaker = folder.path.parent
    if not (folder.name.isdigit() and speaker.name.isdigit()) or not (spoken := folder.matches(layouts.UTTERANCE)):
        return None
    split, count = speaker.parent, folder.count((".flac", ".wav"))
    name = _first(folder, (match[0] for match in spoken))
    return _Leaf(folder, split.parent, split.name.lower(), speaker.name, count, name)


def _librispeech_summary(root: Path, leaves: list[_Leaf], tree: _Tree) -> tuple[dict[str, int], list[str]]:
    what = {"speakers": _units(leaves), **_by_split(leaves, "utterances")}
    remarks = []
    for split in sorted({leaf.split for leaf in leaves}):
        remarks += _fewer(f"{split} utterances", what.get(f"{split} utterances", 0), _LIBRISPEECH.get(split))
    return what, remarks


# --- Pascal VOC

_VOC = {"voc2007": 5011, "voc2012": 17_125}


def _voc(folder: _Folder) -> _Leaf | None:
    if folder.name != "jpegimages" or not (pictures := folder.matches(layouts.VOC_PICTURE)):
        return None
    name = _first(folder, (match[0] for match in pictures))
    return _Leaf(folder, folder.path.parent, "", "", folder.count((".jpg", ".jpeg")), name)


def _voc_summary(root: Path, leaves: list[_Leaf], tree: _Tree) -> tuple[dict[str, int], list[str]]:
    what = _by_split(leaves, "pictures")
    lists = tree.folders.get(root / "ImageSets" / "Main")
    for split in layouts.VOC_LISTS:
        if lists and f"{split}.txt" in lists.names:
            what[f"{split} pictures"] = len(layouts.lines(lists.path / f"{split}.txt"))
    remarks = _fewer("pictures", what["pictures"], _VOC.get(root.name.lower()))
    if "train pictures" not in what:
        remarks.append("ImageSets/Main/train.txt is missing: no official split")
    return what, remarks


# --- ImageNet

_IMAGENET = {"train pictures": 1_281_167, "val pictures": 50_000}
_CLASSES = 1000


def _imagenet(folder: _Folder) -> _Leaf | None:
    count, parent = folder.count(_PICTURES), folder.path.parent
    if not count:
        return None
    if layouts.SYNSET.fullmatch(folder.name):
        is_split = parent.name.lower() in ("train", "val", "test")
        base, split = (parent.parent, parent.name.lower()) if is_split else (parent, "")
        unit = folder.name
    elif flat := folder.matches(layouts.FLAT):
        split, unit = flat[0][1].lower(), ""
        base = parent if folder.name in ("val", "test") else folder.path
    else:
        return None
    root = base.parents[1] if (base.name, base.parent.name) == ("CLS-LOC", "Data") else base
    name = _first(folder, (name for name in folder.names if _suffix(name) in _PICTURES))
    return _Leaf(folder, root, split, unit, count, name)


def _imagenet_summary(root: Path, leaves: list[_Leaf], tree: _Tree) -> tuple[dict[str, int], list[str]]:
    what = {"classes": _units([leaf for leaf in leaves if leaf.unit]), **_by_split(leaves, "pictures")}
    remarks = _fewer("classes", what["classes"], _CLASSES) if what["classes"] else []
    for role, official in _IMAGENET.items():
        remarks += _fewer(role, what[role], official) if role in what else []
    if not any(leaf.split for leaf in leaves):
        remarks.append("no train and val folder: no official split")
    return what, remarks


# --- DAVIS

_DAVIS_CLIPS = (30, 50, 60, 90, 120, 150)  # test-dev; 2016; train; train and val; all but one test set; all of 2017


def _davis(folder: _Folder) -> _Leaf | None:
    size = folder.path.parent
    if size.parent.name != "JPEGImages" or not (frames := folder.matches(layouts.FRAME)):
        return None
    name = _first(folder, (match[0] for match in frames))
    return _Leaf(folder, size.parents[1], size.name, folder.path.name, folder.count(_PICTURES), name)


def _davis_summary(root: Path, leaves: list[_Leaf], tree: _Tree) -> tuple[dict[str, int], list[str]]:
    what = {"clips": _units(leaves)}
    for size in sorted({leaf.split for leaf in leaves}):
        what[f"{size} frames"] = sum(leaf.count for leaf in leaves if leaf.split == size)
    remarks = []
    if what["clips"] not in _DAVIS_CLIPS:
        remarks.append(f"clips: {what['clips']:,}; the official archives have 50 (2016), 90 (2017) or 30 (test-dev)")
    short = {leaf.folder.path.name for leaf in leaves if leaf.count < _PUBLISHED_FRAMES}
    if short:
        remarks.append(f"clips of fewer than {_PUBLISHED_FRAMES} frames: {_some(short)}")
    lists = _davis_lists(root, tree)
    what.update(lists)
    if not lists:
        remarks.append("ImageSets is missing: no official split")
    return what, remarks


def _davis_lists(root: Path, tree: _Tree) -> dict[str, int]:
    """Return how many clips train.txt and val.txt name, those of 2017 before those of 2016."""
    for year in layouts.DAVIS_LISTS:
        folder = tree.folders.get(root / "ImageSets" / year)
        names = [name for name in ("train", "val") if folder and f"{name}.txt" in folder.names]
        if folder and names:
            return {f"{name} clips": len(layouts.clips(folder.path / f"{name}.txt")) for name in names}
    return {}


# --- GTZAN

_EXCERPTS = 1000
_DAMAGED = "jazz.00054.wav"  # in widespread copies


def _gtzan(folder: _Folder) -> _Leaf | None:
    excerpts = [match for match in folder.matches(layouts.EXCERPT) if match[1].lower() == folder.name]
    if folder.name not in layouts.GENRES or not excerpts:
        return None
    name = _first(folder, (match[0] for match in excerpts))
    return _Leaf(folder, folder.path.parent, "", folder.name, folder.count(_SOUNDS), name)


def _gtzan_summary(root: Path, leaves: list[_Leaf], tree: _Tree) -> tuple[dict[str, int], list[str]]:
    genres = {leaf.unit: leaf for leaf in leaves}
    what = {"genres": len(genres), "clips": sum(leaf.count for leaf in leaves)}
    remarks = _fewer("clips", what["clips"], _EXCERPTS)
    if missing := [genre for genre in layouts.GENRES if genre not in genres]:
        remarks.append(f"genres that are missing: {', '.join(missing)}")
    if "jazz" in genres and _DAMAGED in genres["jazz"].folder.names:
        problems, _ = _heads([genres["jazz"].folder.path / _DAMAGED], None)
        remarks += [f"{_DAMAGED} is damaged, as in many copies; leave it out"] if problems else []
    return what, remarks


# --- the Stanford 3-D Scanning Repository


def _stanford(folder: _Folder) -> _Leaf | None:
    models = folder.matches(layouts.MODEL)
    if not models:
        return None
    root = folder.path.parent if folder.name == "reconstruction" else folder.path
    ready = [match[0] for match in models if not match[3]]
    return _Leaf(folder, root, "", "", len(ready), _first(folder, iter(ready)))


def _stanford_summary(root: Path, leaves: list[_Leaf], tree: _Tree) -> tuple[dict[str, int], list[str]]:
    matches = [(leaf.folder.path, match) for leaf in leaves for match in leaf.folder.matches(layouts.MODEL)]
    ready = {match[0].lower() for _, match in matches if not match[3]}
    packed = [match[0] for _, match in matches if match[3] and match[0].lower().removesuffix(".gz") not in ready]
    what = {"models": len({match[1].lower() for _, match in matches}), "meshes": len(ready)}
    for key, model in layouts.MODELS.items():
        faces = [_faces(path / match[0]) for path, match in matches if match[1].lower() == key and not match[3]]
        if faces:
            what[f"{model} triangles"] = max(faces)
    return what, [f"still packed: {_some(packed)}; unpack with gunzip"] if packed else []


def _faces(path: Path) -> int:
    """Return how many faces the header of a PLY file promises; 0 when it has none."""
    try:
        match = re.search(rb"element face (\d{1,12})\b", files.read_head(path, _HEAD_OF_SHAPE))
    except InputError:
        return 0
    return int(match[1]) if match else 0


# --- Kodak

_KODIM = re.compile(r"kodim(\d\d)\.png", re.IGNORECASE)
_KODAK = 24


def _kodak(folder: _Folder) -> _Leaf | None:
    pictures = folder.matches(_KODIM)
    if not pictures:
        return None
    name = _first(folder, (match[0] for match in pictures))
    return _Leaf(folder, folder.path, "", "", len({match[1] for match in pictures}), name)


def _kodak_summary(root: Path, leaves: list[_Leaf], tree: _Tree) -> tuple[dict[str, int], list[str]]:
    have = {int(match[1]) for leaf in leaves for match in leaf.folder.matches(_KODIM)}
    missing = [f"kodim{number:02}.png" for number in range(1, _KODAK + 1) if number not in have]
    return {"pictures": len(have)}, [f"missing: {_some(missing)}"] if missing else []


_TABLE = (
    _Set("TIMIT", _timit, _timit_summary, _SOUNDS, rate=16_000),
    _Set("LibriSpeech", _librispeech, _librispeech_summary, _SOUNDS, rate=16_000),
    _Set("Pascal VOC", _voc, _voc_summary, _PICTURES),
    _Set("ImageNet", _imagenet, _imagenet_summary, _PICTURES),
    _Set("DAVIS", _davis, _davis_summary, _PICTURES),
    _Set("GTZAN", _gtzan, _gtzan_summary, _SOUNDS, rate=22_050),
    _Set("Stanford 3-D", _stanford, _stanford_summary, _SHAPES, ("data",)),
    _Set("Kodak", _kodak, _kodak_summary, _PICTURES),
)


# --- heads of files ------------------------------------------------------------------------------------------

_HEAD_OF_SHAPE = 1 << 16


def _heads(paths: list[Path], rate: int | None) -> tuple[list[str], list[str]]:
    """Read the heads of some files; return why some cannot be used, and what is otherwise than it should be, once."""
    problems: dict[str, str] = {}
    notes: dict[str, str] = {}
    for path in paths:
        name = files.shown(path)
        try:
            found = _look(path)
        except InputError as error:
            problems.setdefault(str(error).removeprefix(f"{name}: "), name)
            continue
        if rate and found and found != rate:
            notes.setdefault(f"{found:,} Hz; the original has {rate:,} Hz", name)
    return [f"{name}: {text}" for text, name in problems.items()], [f"{name}: {text}" for text, name in notes.items()]


def _look(path: Path) -> int | None:
    """Check the head of a medium; return the rate of a sound, if it is easily seen.

    Raises:
        InputError: it is not what its name says, damaged, or of a kind that cannot be read here.
    """
    suffix = path.suffix.lower()
    if suffix in _SOUNDS:
        return _look_at_sound(path)
    if suffix in _PICTURES:
        _look_at_picture(path)
        return None
    head, size = files.read_head(path, _HEAD_OF_SHAPE), path.stat().st_size
    if suffix in _SHAPES and not shape_file.is_shape(head, suffix, size):
        raise InputError(f"{files.shown(path)}: not a shape; copy or unpack again")
    return None


def _look_at_picture(path: Path) -> None:
    if not image_file.is_picture(files.read_head(path, audio_file.HEAD)):
        raise InputError(f"{files.shown(path)}: not a picture; copy or unpack again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Pil.open(path, formats=image_file.READABLE).close()
    except Pil.DecompressionBombError:
        return  # large, but a picture
    except Exception as error:  # Pillow's decoders raise many kinds on damaged input
        raise InputError(f"{files.shown(path)}: damaged picture; copy or unpack again") from error


def _look_at_sound(path: Path) -> int | None:
    head, name = files.read_head(path, audio_file.HEAD), files.shown(path)
    if foreign := layouts.foreign_sound(head):
        raise InputError(f"{name}: {foreign}")
    if wav.is_wav(head):
        return wav.read(wav.open_disk(path), name).rate
    if not audio_file.is_sound(head):
        raise InputError(f"{name}: not a sound; copy or unpack again")
    # "fLaC", the head of the first block, and 10 bytes into that block 20 bits: the rate.
    return int.from_bytes(head[18:21], "big") >> 4 if head.startswith(b"fLaC") else None


# --- everything else -----------------------------------------------------------------------------------------


def _packed_classes(tree: _Tree) -> list[Found]:
    """Find ImageNet's training pictures as they come: one archive of each class inside a large one."""
    found = []
    for folder in list(tree.folders.values()):
        count = len([name for name in folder.names if re.fullmatch(r"n\d{8}\.tar", name)])
        if count:
            remark = "the classes are still packed; unpack each n........tar into a folder of that name, in train"
            count = max(count, folder.counts[".tar"])
            found.append(Found("ImageNet", folder.path, {"packed classes": count}, False, (remark,)))
    return found


def _plain(tree: _Tree) -> list[Found]:
    """Find folders of media that belong to no known set."""
    found = []
    for kind, suffixes in _KINDS.items():
        groups = {path: [folder] for path, folder in tree.folders.items() if folder.count(suffixes)}
        while len(groups) > MAX_GROUPS:
            groups = _merged(groups, tree.top)
        found += [_plain_found(f"folder of {kind}", path, groups[path], suffixes, tree) for path in sorted(groups)]
    return found


def _merged(groups: dict[Path, list[_Folder]], top: Path) -> dict[Path, list[_Folder]]:
    """Put the deepest folders together in the ones that hold them."""
    depth = max(len(path.parts) for path in groups)
    merged: dict[Path, list[_Folder]] = {}
    for path, folders in groups.items():
        target = path.parent if len(path.parts) == depth and path != top else path
        merged.setdefault(target, []).extend(folders)
    return merged


def _plain_found(name: str, path: Path, folders: list[_Folder], suffixes: Collection[str], tree: _Tree) -> Found:
    counts = sum((folder.counts for folder in folders), Counter[str]())
    what = {suffix: counts[suffix] for suffix in sorted(counts) if suffix in suffixes}
    if len(folders) > 1:
        what["folders"] = len(folders)
    bad = _empties(folders, suffixes, tree)
    firsts = (
        folder.path / _first(folder, (each for each in folder.names if _suffix(each) in suffixes)) for folder in folders
    )
    problems, _ = _heads([first for first in firsts if first.suffix.lower() in suffixes][:_LOOKED_AT], None)
    bad += problems
    return Found(name, path, what, not bad, (*bad, *([_cut(tree)] if tree.is_cut else [])))


def _nothing(tree: _Tree) -> Found:
    counts = sum((folder.counts for folder in tree.folders.values()), Counter[str]())
    remarks = []
    if packed := [name for folder in tree.folders.values() for name in folder.names if _suffix(name) in _PACKED]:
        remarks.append(f"still packed: {_some(packed)}; unpack first")
    elif counts:
        seen = ", ".join(f"{count:,} {suffix or 'without suffix'}" for suffix, count in counts.most_common(_SHOWN))
        remarks.append(f"only files of other kinds: {seen}")
    else:
        remarks.append("no files at all")
    if tree.is_cut:
        remarks.append(_cut(tree))
    return Found("nothing recognised", tree.top, {}, False, (*remarks, f"expected below it: {EXPECTED}"))
