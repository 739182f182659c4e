"""One folder of a known data set: which of its files are to be learnt from, and what belongs together.

    folder ──► first row of TABLE that knows it ──► name of file ──► Place(group, part), or None: leave it out

A group is what must not lie on both sides of a split: a speaker, a clip, a photograph. A part is the official one.
Nothing is walked through here, and of each set at most its lists of names are read.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal, NamedTuple

from . import layouts

Kind = Literal["image", "audio", "video", "shape"]
Part = Literal["train", "val", "test", ""]

SUFFIXES: Mapping[Kind, Collection[str]] = {
    "image": layouts.PICTURES,
    "audio": layouts.SOUNDS,
    "video": layouts.VIDEOS,
    "shape": layouts.SHAPES,
}


class Place(NamedTuple):
    """Where a file belongs.

    Attributes:
        group: what it belongs to, unique within its data set.
        part: of the official split; "" when there is none, or it is in none.
    """

    group: str
    part: Part = ""


Places = dict[str, Place | None]
"""By name of file; None: to be left out. A file that is not named belongs to no set."""


@dataclass(frozen=True)
class Folder:
    """One folder: where it is, and the names of the files directly in it, sorted, hidden ones left out."""

    path: Path
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the folder's own name in lower case."""
        return self.path.name.lower()

    def of_kind(self, kind: Kind) -> list[str]:
        """Return the names whose suffix is one of this kind."""
        return [name for name in self.names if kind_of(name) == kind]


def kind_of(name: str) -> Kind | None:
    """Return the kind that a file's suffix says, or None."""
    suffix = PurePath(name).suffix.lower()
    return next((kind for kind, suffixes in SUFFIXES.items() if suffix in suffixes), None)


def timit(folder: Folder) -> Places:
    """Place the sentences of one speaker; of an original and its RIFF twin only the twin can be read."""
    sentences = [match for name in folder.names if (match := layouts.SENTENCE.fullmatch(name))]
    if not layouts.SPEAKER.fullmatch(folder.name) or not sentences:
        return {}
    region = folder.path.parent
    split = (region.parent if layouts.REGION.fullmatch(region.name) else region).name.lower()
    place = Place(folder.name, _part(split))
    twins = {match[1].lower() for match in sentences if match[3]}
    return {match[0]: None if match[1].lower() in twins and not match[3] else place for match in sentences}


def librispeech(folder: Folder) -> Places:
    """Place the utterances of one chapter; who speaks is the folder above."""
    speaker = folder.path.parent
    if not (folder.name.isdigit() and speaker.name.isdigit()):
        return {}
    place = Place(speaker.name, _part(speaker.parent.name.lower().partition("-")[0]))
    return {name: place for name in folder.names if layouts.UTTERANCE.fullmatch(name)}


def voc(folder: Folder) -> Places:
    """Place the photographs, each a group of its own, by the main lists where those are there."""
    if folder.name != "jpegimages" or not any(map(layouts.VOC_PICTURE.fullmatch, folder.names)):
        return {}
    lists = folder.path.parent / "ImageSets" / "Main"
    parts: dict[str, Part] = {}
    for part in ("train", "val", "test"):
        parts |= {line.split()[0]: _part(part) for line in layouts.lines(lists / f"{part}.txt")}
    stems = {name: PurePath(name).stem for name in folder.of_kind("image")}
    return {name: Place(stem, parts.get(stem, "")) for name, stem in stems.items()}


def imagenet(folder: Folder) -> Places:
    """Place the photographs of one class, or of a part that is not sorted into classes, each a group of its own."""
    if layouts.SYNSET.fullmatch(folder.name):
        part = _part(folder.path.parent.name.lower())
        return {name: Place(PurePath(name).stem, part) for name in folder.of_kind("image")}
    flat = [match for name in folder.names if (match := layouts.FLAT.fullmatch(name))]
    return {match[0]: Place(PurePath(match[0]).stem, _part(match[1].lower())) for match in flat}


def davis(folder: Folder) -> Places:
    """Place the frames of one clip; the clip in another size is the same group."""
    size = folder.path.parent
    if size.parent.name != "JPEGImages":
        return {}
    place = Place(folder.path.name, _davis_part(folder.path.name, size.parents[1] / "ImageSets"))
    return {name: place for name in folder.names if layouts.FRAME.fullmatch(name)}


def _davis_part(clip: str, lists: Path) -> Part:
    """Return the part of the first year whose lists name the clip."""
    for year in layouts.DAVIS_LISTS:
        for part in ("train", "val"):
            if clip in layouts.clips(lists / year / f"{part}.txt"):
                return _part(part)
    return ""


def gtzan(folder: Folder) -> Places:
    """Place the excerpts of one genre, each a group of its own; which of them are repeats, their names do not say."""
    if folder.name not in layouts.GENRES:
        return {}
    excerpts = [match for name in folder.names if (match := layouts.EXCERPT.fullmatch(name))]
    return {match[0]: Place(PurePath(match[0]).stem.lower()) for match in excerpts if match[1].lower() == folder.name}


def stanford(folder: Folder) -> Places:
    """Place the scanned models, all resolutions of one in a group; the single scans beside them are left out."""
    if folder.name == "data" and (folder.path.parent / "reconstruction").is_dir():
        return dict.fromkeys(folder.of_kind("shape"))
    models = [match for name in folder.of_kind("shape") if (match := layouts.MODEL.fullmatch(name))]
    return {match[0]: Place(layouts.MODELS[match[1].lower()]) for match in models}


def _part(name: str) -> Part:
    parts: dict[str, Part] = {"train": "train", "val": "val", "dev": "val", "test": "test"}
    return parts.get(name, "")


class Layout(NamedTuple):
    """How one data set is laid out.

    Attributes:
        label: its name.
        kind: of its files.
        places: the files of a folder; empty for one that is not of the set.
        are_clips: whether such a folder is a video as well.
    """

    label: str
    kind: Kind
    places: Callable[[Folder], Places]
    are_clips: bool = False


TABLE = (
    Layout("TIMIT", "audio", timit),
    Layout("LibriSpeech", "audio", librispeech),
    Layout("Pascal VOC", "image", voc),
    Layout("ImageNet", "image", imagenet),
    Layout("DAVIS", "image", davis, are_clips=True),
    Layout("GTZAN", "audio", gtzan),
    Layout("Stanford 3-D", "shape", stanford),
)
"""Every data set whose files are told apart; anything else is a folder of files that have nothing in common."""
