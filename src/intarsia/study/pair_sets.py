"""A set of pairs on disk: what was asked for, what it holds, and how it is gone on with.

manifest.csv    a line for each pair: split, source, both files, what was hidden, PSNR or SNR
manifest.json   method, settings, seed, counts, what was left out and why
pairs.jsonl     a line for each pair as soon as it is there
"""

import contextlib
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import __version__
from ..carrier.keys import PUBLIC_PASSWORD, Keyring
from ..errors import InputError, OutputError
from ..media import files, image_file
from . import lines

MANIFEST = "manifest.csv"
FACTS = "manifest.json"
_DONE = "pairs.jsonl"

COLUMNS = ("split", "source", "cover", "container", "hidden", "bytes", "bits_per_sample", "cover_db", "was_jpeg")


@dataclass(frozen=True)
class Origin:
    """A file to make pairs of.

    Attributes:
        path: the file.
        name: of its pairs, without a suffix.
        source: what must stay on one side of a split.
        split: "train" or "test".
    """

    path: Path
    name: str
    source: str
    split: str


@dataclass(frozen=True)
class Order:
    """What to make.

    Attributes:
        method: name of the method.
        origins: the files.
        out: folder of the set.
        settings: of the method, text or typed.
        model: trained model, a name or a run folder.
        device: where networks run.
        size: side of the squares that pictures are cut into, pixels; 0: whole pictures.
        clip: length of the pieces that sounds are cut into, s; 0: whole sounds.
        rate: bits per sample of random bytes to hide; None: another picture where the method hides pictures, else
            random bytes at half a bit per sample; in sounds, bytes where the method hides any, and another sound
            where its model hides sounds alone.
        limit: pairs, at most; None: all.
        keyring: the password.
        seed: of salts and of random bytes.
        force: begin anew.
        max_pixels: limit on pictures read.
        secrets: pictures, for methods that hide them in sounds and hide no bytes.
    """

    method: str
    origins: Sequence[Origin]
    out: Path
    settings: Mapping[str, object] = field(default_factory=dict)
    model: str | None = None
    device: str = "auto"
    size: int = 0
    clip: float = 0.0
    rate: float | None = None
    limit: int | None = None
    keyring: Keyring = field(default_factory=lambda: Keyring(PUBLIC_PASSWORD))
    seed: int = 0
    force: bool = False
    max_pixels: int = image_file.MAX_PIXELS
    secrets: Sequence[Path] = ()

    def record(self) -> dict[str, Any]:
        """Return what decides about the pairs."""
        made = {"size": self.size, "clip": self.clip, "rate": self.rate, "limit": self.limit, "seed": self.seed}
        settings = {key: str(value) for key, value in self.settings.items()}
        listed = [[origin.name, origin.source, origin.split] for origin in self.origins]
        given = {"secrets": [path.name for path in self.secrets]} if self.secrets else {}
        return {"method": self.method, "model": self.model, "settings": settings, **made, "files": listed, **given}


@dataclass(frozen=True)
class Pair:
    """One line of the manifest; paths are below the folder of the set."""

    split: str
    source: str
    cover: str
    container: str
    hidden: str
    bytes: int
    bits_per_sample: float
    cover_db: float
    was_jpeg: bool


@dataclass(frozen=True)
class Exported:
    """A set.

    Attributes:
        out: its folder.
        pairs: the manifest.
        left_out: what gave no pair, name and reason.
        broken: those among them that could not be read.
    """

    out: Path
    pairs: tuple[Pair, ...]
    left_out: tuple[tuple[str, str], ...]
    broken: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return the line for `--json`."""
        counts = {split: sum(pair.split == split for pair in self.pairs) for split in ("train", "test")}
        return {"out": str(self.out), "pairs": len(self.pairs), **counts, "left_out": dict(self.left_out)}


def read(folder: Path) -> list[Pair]:
    """Return the pairs of a set.

    Raises:
        InputError: the folder holds none.
    """
    try:
        with (folder / MANIFEST).open(encoding="utf-8", newline="") as stream:
            return [_pair(row) for row in csv.DictReader(stream)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{files.shown(folder)}: no set of pairs ({error}); make one with intarsia pairs") from error


def earlier(order: Order) -> dict[str, Pair]:
    """Return the pairs that are there already; a folder with another set is refused."""
    facts, asked = order.out / FACTS, order.record()
    try:
        order.out.mkdir(parents=True, exist_ok=True)
        before = json.loads(files.read_bytes(facts))["order"] if facts.exists() else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{files.shown(order.out)}: cannot be used: {error}; choose another folder") from error
    if before is not None and before != asked and not order.force:
        raise OutputError(
            f"{files.shown(order.out)}: holds another set of pairs; add --force to begin anew, or choose another folder"
        )
    if before is None or (order.force and before != asked):
        (order.out / _DONE).unlink(missing_ok=True)
        _write_facts(order, None)
        return {}
    return {name: pair for name, pair in _lines(order.out) if (order.out / pair.container).exists()}


def _lines(folder: Path) -> Iterator[tuple[str, Pair]]:
    for record in lines.read(folder / _DONE):
        with contextlib.suppress(TypeError, KeyError):  # a line of something else
            yield str(record.pop("name")), Pair(**record)


def append(folder: Path, name: str, pair: Pair) -> None:
    """Note a pair that is there, so that it is not made again."""
    lines.add(folder / _DONE, {"name": name, **vars(pair)})


def write_manifest(order: Order, found: Exported) -> None:
    """Write `manifest.csv` and `manifest.json`."""
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, COLUMNS)
    writer.writeheader()
    writer.writerows(vars(pair) for pair in found.pairs)
    files.write_output(order.out / MANIFEST, table.getvalue().encode(), force=True)
    _write_facts(order, found)


def _write_facts(order: Order, found: Exported | None) -> None:
    facts = {"intarsia": __version__, "order": order.record(), "finished": found is not None}
    if found is not None:
        facts |= found.record()
        facts["out"] = ""
    files.write_output(order.out / FACTS, (json.dumps(facts, indent=2) + "\n").encode(), force=True)


def _pair(row: Mapping[str, str]) -> Pair:
    return Pair(
        row["split"],
        row["source"],
        row["cover"],
        row["container"],
        row["hidden"],
        int(row["bytes"]),
        float(row["bits_per_sample"]),
        float(row["cover_db"]),
        row["was_jpeg"] == "True",
    )
