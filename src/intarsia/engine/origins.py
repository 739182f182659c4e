"""The media pack that comes beside the project: where each of its files is from, and what may be learnt from.

    SOURCES.tsv   file · source_repo · commit · source_path · note    ──► Origin(group, repository, licence)

Crops of one photograph have one source path, utterances of one speaker a note that says so; each is one group. The
faces are some two dozen people, and nothing tells which picture shows whom: all of them together are one group.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ..errors import InputError
from ..media import files
from . import layouts
from .adapters import Place

TABLE, CARD = "SOURCES.tsv", "MANIFEST.md"
"""Files that the pack has at its root."""

FOR_TRAINING = ("images/train", "speech/train")
"""All that is taken when the whole pack is given; the rest is for research only, or to be measured on."""

_HEAD = "file\tsource_repo\tcommit\tsource_path"
_MOST = 1 << 26  # bytes of the table
_SPEAKER = re.compile(r"\bspeaker (\w+)")
_LICENCE = re.compile(r"\blicence: ([^;]+)")
_SAME_PEOPLE = "Faces_easy"
_LABEL = "media pack"


class Origin(NamedTuple):
    """Where a file is from.

    Attributes:
        place: its group.
        label: of the data set, for counting.
        source: repository it was taken from.
        licence: what the source states; "" where the table says nothing.
    """

    place: Place
    label: str
    source: str
    licence: str


@dataclass(frozen=True)
class MediaPack:
    """The pack's table.

    Attributes:
        root: the folder it lies in.
        rows: origins by path below the root, with slashes; a clip's is that of its folder.
    """

    root: Path
    rows: dict[str, Origin] = field(repr=False)

    def origin(self, path: Path) -> Origin | None:
        """Return where a file, or the clip that it is a frame of, is from; None for one that is not in the table."""
        inside = path.relative_to(self.root)
        return self.rows.get(inside.as_posix()) or self.rows.get(inside.parent.as_posix())

    def is_clip(self, folder: Path) -> bool:
        """Whether the table has this very folder: then it is a video."""
        return folder.relative_to(self.root).as_posix() in self.rows

    def takes(self, folder: Path, given: Path) -> bool:
        """Whether the files directly in a folder are taken when `given` was asked for."""
        inside = folder.relative_to(self.root)
        return not self._holds_more(given) or any(inside.is_relative_to(each) for each in FOR_TRAINING)

    def enters(self, folder: Path, given: Path) -> bool:
        """Whether a folder may lead to files that are taken."""
        return self.takes(folder, given) or self._holds_more(folder)

    def _holds_more(self, folder: Path) -> bool:
        """Whether a folder lies above one of those for training."""
        if not folder.is_relative_to(self.root):
            return True
        inside = PurePosixPath(folder.relative_to(self.root).as_posix())
        return any(inside in PurePosixPath(each).parents for each in FOR_TRAINING)


def read(root: Path) -> MediaPack | None:
    """Return the table in a folder, or None when there is none, or one of another make."""
    table = root / TABLE
    if not table.is_file() or not (root / CARD).is_file():
        return None
    try:
        text = files.read_head(table, _MOST).decode("utf-8", "replace")
    except InputError:
        return None
    head, *lines = text.splitlines() or [""]
    if not head.startswith(_HEAD):
        return None
    rows = (line.split("\t") for line in lines)
    return MediaPack(root, {row[0]: _origin(row) for row in rows if len(row) >= len(_HEAD.split("\t")) and row[0]})


def above(folder: Path) -> MediaPack | None:
    """Return the table of the pack that a folder is in, or None."""
    return next((found for each in (folder, *folder.parents) if (found := read(each))), None)


def _origin(row: list[str]) -> Origin:
    name, repository, _, source, *notes = row
    note = " ".join(notes)
    stated, speaker = _LICENCE.search(note), _SPEAKER.search(note)
    is_librispeech = bool(speaker) and "librispeech" in source.lower()
    place = Place(f"{repository}:{source}")
    if speaker:
        # As the set itself names them: a speaker in both is then one group.
        place = Place(f"LibriSpeech/{speaker[1]}" if is_librispeech else f"{repository}:speaker {speaker[1]}")
    elif _SAME_PEOPLE in PurePosixPath(source).parts:
        place = Place(f"{repository}:{_SAME_PEOPLE}")
    licence = stated[1].strip() if stated else layouts.TERMS["LibriSpeech"] if is_librispeech else ""
    return Origin(place, f"{_LABEL} {PurePosixPath(name).parent.as_posix()}", repository, licence)
