"""`pairs`: covers beside the containers that `hide` makes of them, to train and to test detectors on.

    files ─► squares, or seconds of sound ─► split by source ─► cover ──► DIR/SPLIT/covers/NAME.png
                                                                  └─ hide ─► DIR/SPLIT/containers/NAME.png
    manifest.csv    a line for each pair: split, source, both files, what was hidden, PSNR or SNR
    manifest.json   method, settings, seed, counts, what was left out and why

A cover is written by the same writer as its container, so that nothing but the hiding differs. What is stopped goes on
with the same command.
"""

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..carrier.keys import PUBLIC_PASSWORD, Keyring
from ..engine import sources, split
from ..errors import DoesNotFitError, InputError, IntarsiaError, OutputError, UsageError
from ..media import Audio, Blob, Cover, Image, Value, files, image_file, jpeg_trace, values, writing
from ..methods import load
from ..methods.base import Method, Progress, no_progress
from ..pipeline import Terms, hide_file

MANIFEST = "manifest.csv"
FACTS = "manifest.json"
_DONE = "pairs.jsonl"

COLUMNS = ("split", "source", "cover", "container", "hidden", "bytes", "bits_per_sample", "cover_db", "was_jpeg")
TEST = 0.3
"""Share of the sources to test on."""

SOUND_RATE = 0.5
"""Bits per sample hidden in a sound when nothing else is asked for."""

_SUFFIX = {"image": ".png", "audio": ".wav"}


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
            random bytes at half a bit per sample.
        limit: pairs, at most; None: all.
        keyring: the password.
        seed: of salts and of random bytes.
        force: begin anew.
        max_pixels: limit on pictures read.
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

    def record(self) -> dict[str, Any]:
        """Return what decides about the pairs."""
        made = {"size": self.size, "clip": self.clip, "rate": self.rate, "limit": self.limit, "seed": self.seed}
        settings = {key: str(value) for key, value in self.settings.items()}
        listed = [[origin.name, origin.source, origin.split] for origin in self.origins]
        return {"method": self.method, "model": self.model, "settings": settings, **made, "files": listed}


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


@dataclass(frozen=True)
class _Piece:
    """A cover on its way, and the number that seeds its secret."""

    origin: Origin
    name: str
    value: Cover
    was_jpeg: bool


def origins(folders: Sequence[files.PathLike], test: float, method: str, kinds: Sequence[str] = ()) -> list[Origin]:
    """Return what lies in folders that a method hides in, split by source.

    Args:
        folders: as `engine.sources.find` takes them.
        test: share of the sources to test on, 0..1.
        method: its name.
        kinds: of covers, "image" or "audio"; empty: whichever it hides in.

    Raises:
        InputError: nothing usable.
        UsageError: the share cannot be meant.
    """
    if not 0 <= test < 1:
        raise UsageError(f"test is {test}; expected a share, 0 or more, below 1")
    listing = _of_any(folders, kinds or load(method).facts.covers)
    members = [split.Member(item.group or item.path.stem, item.label, "") for item in listing.items]
    kept = split.held_out(members, test, official=False, what="covers")
    names = _different([item.path.with_suffix("").name for item in listing.items])
    return [
        Origin(item.path, name, member.group, "test" if is_kept else "train")
        for item, name, member, is_kept in zip(listing.items, names, members, kept, strict=True)
    ]


def _of_any(folders: Sequence[files.PathLike], kinds: Sequence[str]) -> sources.Listing:
    """Return files of whichever of the kinds there are."""
    found: list[sources.Item] = []
    problem: InputError | None = None
    for kind in kinds:
        try:
            found += sources.find(folders, (kind,)).items
        except InputError as error:
            problem = error
    if not found and problem is not None:
        raise problem
    return sources.Listing(tuple(found))


def _different(names: Sequence[str]) -> list[str]:
    counts: dict[str, int] = {}
    found = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        found.append(name if counts[name] == 1 else f"{name}_{counts[name]}")
    return found


def export(
    order: Order, progress: Progress = no_progress, note: Callable[[str], None] = lambda _line: None
) -> Exported:
    """Make the pairs.

    Raises:
        InputError: no file could be used.
        OutputError: the folder holds another set, or cannot be written.
        UsageError: the method, its settings or the sizes cannot be meant.
    """
    _check(order)
    room = load(order.method).equip(order.model, order.device)
    room.settle(order.settings)
    done = _earlier(order)
    left_out: list[tuple[str, str]] = []
    broken: list[str] = []
    for number, origin in enumerate(order.origins):
        progress("making pairs", number / len(order.origins))
        if order.limit is not None and len(done) >= order.limit:
            break
        try:
            pieces = list(_pieces(order, origin))
        except InputError as error:
            broken.append(origin.name)
            left_out.append((origin.name, str(error)))
            note(str(error))
            continue
        for piece in pieces:
            if piece.name not in done and (order.limit is None or len(done) < order.limit):
                pair = _made(order, room, piece, left_out, note)
                if pair is not None:
                    done[piece.name] = pair
                    _append(order.out, piece.name, pair)
    if not done:
        reason = left_out[0][1] if left_out else "no files"
        raise InputError(f"{files.shown(order.out)}: not one pair could be made: {reason}")
    found = Exported(order.out, tuple(done.values()), tuple(left_out), tuple(broken))
    _write_manifest(order, found)
    return found


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


# --- one pair ------------------------------------------------------------------------------------------------


def _pieces(order: Order, origin: Origin) -> Iterator[_Piece]:
    cover = values.cover(origin.path, max_pixels=order.max_pixels)
    return _clips(order, origin, cover) if isinstance(cover, Audio) else _squares(order, origin, cover)


def _clips(order: Order, origin: Origin, sound: Audio) -> Iterator[_Piece]:
    step = round(order.clip * sound.rate) or sound.length
    for start in range(0, max(1, sound.length - step + 1), step):
        name = f"{origin.name}-{start // step}" if order.clip else origin.name
        part = sound.read(start, min(step, sound.length - start))
        yield _Piece(origin, name, Audio.of(part, sound.rate, depth=sound.depth), sound.is_lossy)


def _squares(order: Order, origin: Origin, picture: Image) -> Iterator[_Piece]:
    samples, size = picture.samples, order.size
    trace = jpeg_trace.find_jpeg_trace(samples.astype(np.uint8)) if picture.depth == 8 else None
    was_jpeg = picture.is_lossy or trace is not None
    if not size:
        yield _Piece(origin, origin.name, Image(samples), was_jpeg)
        return
    if min(picture.height, picture.width) < size:
        raise InputError(f"{files.shown(origin.path)}: {picture.describe()}; size={size} needs larger pictures")
    for top in range(0, picture.height - size + 1, size):
        for left in range(0, picture.width - size + 1, size):
            part = Image(np.ascontiguousarray(samples[top : top + size, left : left + size]))
            yield _Piece(origin, f"{origin.name}-{top // size}-{left // size}", part, was_jpeg)


def _made(
    order: Order,
    room: Method[Any],
    piece: _Piece,
    left_out: list[tuple[str, str]],
    note: Callable[[str], None],
) -> Pair | None:
    """Hide something in a piece; what cannot be hidden in is left out, and named."""
    kind = piece.value.kind
    base = f"{piece.origin.split}/{{}}/{piece.name}{_SUFFIX[kind]}"
    cover, container = base.format("covers"), base.format("containers")
    try:
        secret = _secret(order, room, piece)
        hidden = _hidden(order, piece, secret, order.out / container)
        files.write_output(order.out / cover, writing.render(piece.value, _SUFFIX[kind]), force=True)
    except (OutputError, UsageError):
        raise
    except IntarsiaError as error:
        left_out.append((piece.name, str(error)))
        note(f"{piece.name}: left out: {error}")
        return None
    size = piece.value.size if isinstance(piece.value, Audio) else piece.value.samples.size
    held = hidden.secrets[0].bytes
    decibels = round(hidden.carrier_db, 3) if math.isfinite(hidden.carrier_db) else 0.0
    bits = round(8 * held / size, 5)
    return Pair(
        piece.origin.split, piece.origin.source, cover, container, secret.kind, held, bits, decibels, piece.was_jpeg
    )


def _hidden(order: Order, piece: _Piece, secret: Value, out: Path) -> Any:  # noqa: ANN401 (results.Hidden)
    out.parent.mkdir(parents=True, exist_ok=True)
    (out.parents[1] / "covers").mkdir(exist_ok=True)
    terms = Terms(
        keyring=order.keyring,
        method=order.method,
        settings=order.settings,
        force=True,
        seed=order.seed,
        max_pixels=order.max_pixels,
        model=order.model,
        device=order.device,
    )
    try:
        return hide_file(piece.value, secret, out, terms)
    except DoesNotFitError as error:
        if not isinstance(secret, Blob) or not 0 < error.available < len(secret.data):
            raise
        # As much as there is room for: what a full container looks like is what was asked for.
        return hide_file(piece.value, replace(secret, data=secret.data[: error.available - 1]), out, terms)


def _secret(order: Order, room: Method[Any], piece: _Piece) -> Value:
    kinds = room.facts.hides.get(piece.value.kind, ())
    if not kinds:
        raise UsageError(f"{order.method} does not hide in a {piece.value.kind}; leave those out of the data")
    if order.rate is not None or piece.value.kind == "audio" or "image" not in kinds:
        if "blob" not in kinds:
            raise UsageError(f"{order.method} hides {', '.join(kinds)}, no bytes; leave rate out")
        size = piece.value.size if isinstance(piece.value, Audio) else piece.value.samples.size
        rate = SOUND_RATE if order.rate is None else order.rate
        draw = np.random.default_rng([order.seed, *piece.name.encode()])
        return Blob(draw.bytes(max(1, int(rate * size / 8))))
    return _other_picture(order, piece)


def _other_picture(order: Order, piece: _Piece) -> Image:
    """Return the next picture of another source that can be read, of the same side of the split if it has one."""
    at = order.origins.index(piece.origin)
    others = [each for each in (*order.origins[at:], *order.origins[:at]) if each.source != piece.origin.source]
    for origin in sorted(others, key=lambda each: each.split != piece.origin.split):
        try:
            value = values.cover(origin.path, max_pixels=order.max_pixels)
        except InputError:
            continue
        if isinstance(value, Image):
            return _as_large(value, piece.value)
    raise UsageError(f"{order.method} hides pictures; give two or more that can be read, of different sources")


def _as_large(picture: Image, cover: Cover) -> Image:
    """Return the middle of a picture at the cover's size, or all of a smaller one."""
    assert isinstance(cover, Image)
    top, left = max(0, picture.height - cover.height) // 2, max(0, picture.width - cover.width) // 2
    return Image(np.ascontiguousarray(picture.samples[top : top + cover.height, left : left + cover.width]))


# --- the folder ----------------------------------------------------------------------------------------------


def _check(order: Order) -> None:
    for name, value in (("size", order.size), ("clip", order.clip)):
        if not 0 <= value < math.inf:
            raise UsageError(f"{name} is {value}; expected 0 or more")
    if order.rate is not None and not 0 < order.rate < 16:
        raise UsageError(f"rate is {order.rate}; expected bits per sample, above 0")


def _earlier(order: Order) -> dict[str, Pair]:
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
    path = folder / _DONE
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        try:
            record = json.loads(line)
            yield str(record.pop("name")), Pair(**record)
        except (ValueError, TypeError, KeyError):  # the last line, cut off
            continue


def _append(folder: Path, name: str, pair: Pair) -> None:
    try:
        with (folder / _DONE).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"name": name, **vars(pair)}) + "\n")
    except OSError as error:
        raise OutputError(
            f"{files.shown(folder)}: cannot be written: {(error.strerror or str(error)).lower()}"
        ) from error


def _write_manifest(order: Order, found: Exported) -> None:
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
