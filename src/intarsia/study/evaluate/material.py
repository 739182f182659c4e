"""What there is to evaluate on: the media in any folder, by kind.

    DIR ─► walked ─► kind by suffix, frames by their numbers ─► Material: pictures, faces, speech, music, clips, shapes

A folder `test` in DIR stands for the rest of it, so nothing is evaluated on what was learnt from; `faces` are found
wherever they lie. Files come in an order that their names decide and the alphabet does not, so that the first N of
them are a fair choice and are among the first 2 N.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...engine.adapters import kind_of
from ...errors import InputError
from ...media import files

FACES = ("faces", "celeba", "ffhq", "lfw")
MUSIC = ("music", "gtzan", "genres")
TEST = "test"
_WIDTH = 3  # digits of a frame's number; photographs called 1, 2, 3 are no video

Paths = tuple[Path, ...]


@dataclass(frozen=True)
class Material:
    """Files by kind.

    Attributes:
        folder: what was given.
        pictures: photographs, faces left out.
        faces: pictures in a folder that says so.
        speech: sounds, music left out.
        music: sounds in a folder that says so.
        clips: videos, and folders of numbered frames.
        shapes: meshes.
    """

    folder: Path
    pictures: Paths = ()
    faces: Paths = ()
    speech: Paths = ()
    music: Paths = ()
    clips: Paths = ()
    shapes: Paths = ()
    found: dict[str, int] = field(default_factory=dict)

    @property
    def sounds(self) -> Paths:
        """Speech, or music where there is none."""
        return self.speech or self.music

    @property
    def tunes(self) -> Paths:
        """Music, or speech where there is none."""
        return self.music or self.speech

    def describe(self) -> str:
        """Return how many there are of each."""
        return ", ".join(f"{count:,} {name}" for name, count in self.found.items() if count) or "nothing"


def find(folder: files.PathLike) -> Material:
    """Look for media below a folder.

    Raises:
        InputError: it is missing, or holds neither pictures nor sounds.
    """
    top = Path(folder)
    if not top.is_dir():
        raise InputError(f"{files.shown(folder)}: no such folder; name one with pictures or sounds: --data DIR")
    root = top / TEST if (top / TEST).is_dir() else top
    found: dict[str, list[Path]] = {name: [] for name in ("pictures", "faces", "speech", "music", "clips", "shapes")}
    for path, group in _walked(root):
        found[group].append(path)
    if root != top and not found["faces"]:
        found["faces"] = [path for path, group in _walked(top) if group == "faces"]
    if not any(found[name] for name in ("pictures", "faces", "speech", "music")):
        raise InputError(f"{files.shown(folder)}: no pictures and no sounds here; expected a folder that has some")
    ordered = {name: tuple(sorted(paths, key=lambda path: _drawn(path, top))) for name, paths in found.items()}
    return Material(top, **ordered, found={name: len(paths) for name, paths in ordered.items()})


def first(paths: Sequence[Path], limit: int | None) -> list[Path]:
    """Return the first of them."""
    return list(paths if limit is None else paths[:limit])


# --- walking -------------------------------------------------------------------------------------------------


def _walked(top: Path) -> Iterator[tuple[Path, str]]:
    """Yield files and folders of frames with the group they belong to."""
    for place, below, names in os.walk(top):
        below[:] = sorted(name for name in below if not name.startswith("."))
        folder = Path(place)
        seen = sorted(name for name in names if not name.startswith("."))
        if _are_frames(seen):
            yield folder, "clips"
            continue
        words = {part.lower() for part in folder.parts}
        for name in seen:
            group = _group(name, words)
            if group:
                yield folder / name, group


def _group(name: str, words: set[str]) -> str:
    kind = kind_of(name)
    if kind == "image":
        return "faces" if words & set(FACES) else "pictures"
    if kind == "audio":
        return "music" if words & set(MUSIC) else "speech"
    return {"video": "clips", "shape": "shapes"}.get(kind or "", "")


def _are_frames(names: Sequence[str]) -> bool:
    """Whether a folder holds the frames of one video: 000, 001, 002 ... or from 1 on, all of one width."""
    numbers = [Path(name).stem for name in names if kind_of(name) == "image"]
    widths = {len(number) for number in numbers}
    if len(numbers) < 2 or not all(number.isascii() and number.isdecimal() for number in numbers):
        return False
    wanted = sorted(map(int, numbers))
    return (
        len(widths) == 1
        and min(widths) >= _WIDTH
        and wanted
        in (
            list(range(len(wanted))),
            list(range(1, len(wanted) + 1)),
        )
    )


def _drawn(path: Path, top: Path) -> bytes:
    name = os.path.relpath(path, top).encode("utf-8", "surrogateescape")
    return hashlib.sha256(name).digest()
