"""`pairs`: covers beside the containers that `hide` makes of them, to train and to test detectors on.

    files ─► squares, or seconds of sound ─► split by source ─► cover ──► DIR/SPLIT/covers/NAME.png
                                                                  └─ hide ─► DIR/SPLIT/containers/NAME.png

What lies in the folder is the business of `pair_sets`. A cover is written by the same writer as its container, so that
nothing but the hiding differs. What is stopped goes on with the same command.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..engine import sources, split
from ..errors import DoesNotFitError, InputError, IntarsiaError, OutputError, UsageError
from ..media import Audio, Blob, Cover, Image, Value, files, jpeg_trace, values, writing
from ..methods import load
from ..methods.base import Method, Progress, no_progress
from ..pipeline import Terms, hide_file
from .pair_sets import Exported, Order, Origin, Pair, append, earlier, write_manifest

TEST = 0.3
"""Share of the sources to test on."""

SOUND_RATE = 0.5
"""Bits per sample hidden in a sound when nothing else is asked for."""

_SUFFIX = {"image": ".png", "audio": ".wav"}


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


def secrets(folders: Sequence[files.PathLike], method: str) -> list[Path]:
    """Return the pictures in folders, for a method that hides pictures in sounds and no bytes; for others nothing."""
    kinds = load(method).facts.hides.get("audio", ())
    if "image" not in kinds or "blob" in kinds:
        return []
    with contextlib.suppress(InputError):  # no pictures there: said when one is needed
        return [item.path for item in sources.find(folders, ("image",)).items]
    return []


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
    done = earlier(order)
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
                    append(order.out, piece.name, pair)
    if not done:
        reason = left_out[0][1] if left_out else "no files"
        raise InputError(f"{files.shown(order.out)}: not one pair could be made: {reason}")
    found = Exported(order.out, tuple(done.values()), tuple(left_out), tuple(broken))
    write_manifest(order, found)
    return found


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
    kinds = room.takes(piece.value.kind)
    if not kinds:
        raise UsageError(f"{order.method} does not hide in a {piece.value.kind}; leave those out of the data")
    if order.rate is None and "image" in kinds and piece.value.kind == "image":
        return _other_picture(order, piece)
    draw = np.random.default_rng([order.seed, *piece.name.encode()])
    if order.rate is None and "blob" not in kinds:
        at = int(draw.integers(1 << 32))
        return _any_picture(order, at) if "image" in kinds else _other_sound(order, piece, at)
    if "blob" not in kinds:
        raise UsageError(f"{order.method} hides {', '.join(kinds)}, no bytes; leave rate out")
    size = piece.value.size if isinstance(piece.value, Audio) else piece.value.samples.size
    rate = SOUND_RATE if order.rate is None else order.rate
    return Blob(draw.bytes(max(1, int(rate * size / 8))))


def _any_picture(order: Order, at: int) -> Image:
    """Return one of the pictures for sounds, the next where one cannot be read."""
    for number in range(len(order.secrets)):
        with contextlib.suppress(InputError):
            value = values.cover(order.secrets[(at + number) % len(order.secrets)], max_pixels=order.max_pixels)
            if isinstance(value, Image):
                return value
    raise UsageError(f"{order.method} hides pictures in sounds; give some beside the sounds, in a folder that is read")


def _other_picture(order: Order, piece: _Piece) -> Image:
    """Return the next picture of another source that can be read, of the same side of the split if it has one."""
    for value in _others(order, piece, 0):
        if isinstance(value, Image):
            return _as_large(value, piece.value)
    raise UsageError(f"{order.method} hides pictures; give two or more that can be read, of different sources")


def _other_sound(order: Order, piece: _Piece, at: int) -> Audio:
    """Return the start of a sound of another source, no longer than the piece."""
    assert isinstance(piece.value, Audio)
    for value in _others(order, piece, at):
        if isinstance(value, Audio):
            length = min(value.length, int(piece.value.seconds * value.rate))
            return Audio.of(value.read(0, length), value.rate, depth=value.depth)
    raise UsageError(f"{order.method} hides sounds; give two or more that can be read, of different sources")


def _others(order: Order, piece: _Piece, at: int) -> Iterator[Cover]:
    """Yield what can be read of other sources, `at` places on, those of the same side of the split first."""
    first = (order.origins.index(piece.origin) + at) % len(order.origins)
    others = [each for each in (*order.origins[first:], *order.origins[:first]) if each.source != piece.origin.source]
    for origin in sorted(others, key=lambda each: each.split != piece.origin.split):
        with contextlib.suppress(InputError):
            yield values.cover(origin.path, max_pixels=order.max_pixels)


def _as_large(picture: Image, cover: Cover) -> Image:
    """Return the middle of a picture at the cover's size, or all of a smaller one."""
    assert isinstance(cover, Image)
    top, left = max(0, picture.height - cover.height) // 2, max(0, picture.width - cover.width) // 2
    return Image(np.ascontiguousarray(picture.samples[top : top + cover.height, left : left + cover.width]))


def _check(order: Order) -> None:
    for name, value in (("size", order.size), ("clip", order.clip)):
        if not 0 <= value < math.inf:
            raise UsageError(f"{name} is {value}; expected 0 or more")
    if order.rate is not None and not 0 < order.rate < 16:
        raise UsageError(f"rate is {order.rate}; expected bits per sample, above 0")
