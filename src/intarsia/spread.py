"""One secret over several covers: any K of the N containers bring it back.

    secret ─code─► bytes ─Reed-Solomon K of N─► N pieces ─hide_file─► N containers
    any K containers ─reveal─► pieces ─► bytes ─decode─► secret

Fewer than K containers give nothing away but their own piece, sealed like any secret. Containers of several sets may
be given together; a set that is complete is revealed.
"""

import hashlib
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import zfec

from . import hosts
from .codes import LETTER_BYTES
from .codes import secret as secret_code
from .container import SIZES
from .errors import DoesNotFitError, InputError, IntarsiaError, NoSecretError, UsageError
from .media import Audio, Cover, Value, audio_file, image_file, values, writing
from .media.blob import Piece, safe_name
from .media.files import (
    PathLike,
    check_target,
    folder_for_outputs,
    forget_temporary,
    shown,
    temporary_beside,
)
from .media.values import Source
from .methods import DEFAULT, load
from .methods.base import configure
from .methods.exact.method import ExactConfig, code, remarks
from .pipeline import (
    Terms,
    hide_file,
    naming_file,
    naming_the_cover,
    naming_what_does_not_fit,
    reveal_file,
    write_found,
)
from .results import Hidden, Revealed, SecretReport, Spread

MOST_COVERS = 255
_SET_BYTES = 8
_LETTERS = {"image": b"i", "audio": b"a", "video": b"v", "shape": b"s", "text": b"t", "blob": b"b"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}
_HEAD = 1 + _SET_BYTES + 3 + 1 + 5


@dataclass(frozen=True)
class _Part:
    """A piece, read.

    Attributes:
        set: which pieces belong together.
        number: of this piece, 0 to count − 1.
        need: pieces that bring the secret back.
        count: pieces there are.
        kind: of the secret.
        length: bytes of its code.
        data: this piece of it.
        name: file name of the secret.
    """

    set: bytes
    number: int
    need: int
    count: int
    kind: str
    length: int
    data: bytes
    name: str

    @property
    def key(self) -> tuple[object, ...]:
        """What pieces that belong together have in common."""
        return (self.set, self.need, self.count, self.kind, self.length)

    def pack(self) -> Piece:
        """Return the piece as it is hidden."""
        numbers = bytes([self.number, self.need, self.count])
        head = b"\1" + self.set + numbers + _LETTERS[self.kind] + self.length.to_bytes(5, "little")
        return Piece(head + self.data, self.name)

    @classmethod
    def unpack(cls, piece: Piece) -> "_Part":
        """Undo `pack`."""
        data = piece.data
        if data[:1] != b"\1" or len(data) < _HEAD or data[12:13] not in _KINDS:
            raise InputError("a piece of a secret that a newer release wrote, or damaged")
        number, need, count = data[9:12]
        length = int.from_bytes(data[13:_HEAD], "little")
        if not (1 <= need <= count and number < count and len(data) - _HEAD == -(-length // need)):
            raise InputError("a piece of a secret that does not fit its own numbers")
        return cls(data[1:9], number, need, count, _KINDS[data[12:13]], length, data[_HEAD:], piece.name)


# --- there ---------------------------------------------------------------------------------------------------


def hide_spread(covers: Sequence[Source], secret: Source, need: int, out: PathLike, terms: Terms) -> Spread:
    """Spread one secret over covers, so that any `need` of the containers reveal it.

    Args:
        covers: 2 to 255 pictures and sounds.
        secret: any file, or a value.
        need: how many are needed, 1 to as many as there are.
        out: folder for the containers, which are named after their covers.
        terms: password, settings of `exact`.

    Raises:
        IntarsiaError: one of its kinds; nothing was written then.
    """
    if not 2 <= len(covers) <= MOST_COVERS:
        raise UsageError(f"covers: {len(covers)} given; one secret is spread over 2 to {MOST_COVERS}")
    if not 1 <= need <= len(covers):
        raise UsageError(f"need is {need}; expected 1 to {len(covers)}, as many as there are covers")
    if terms.method not in (None, DEFAULT) or terms.model is not None:
        raise UsageError(f"only {DEFAULT} spreads a secret over several covers; leave --method and --model out")
    config = configure(ExactConfig, terms.settings, DEFAULT)
    hosted = [values.cover(cover, max_pixels=terms.max_pixels) for cover in covers]
    value = values.secret(secret, max_pixels=terms.max_pixels)
    room = min(_room(cover, host, config) for cover, host in zip(covers, hosted, strict=True))
    with naming_what_does_not_fit([secret], f"{len(covers)} covers"):
        if room < 1:
            raise DoesNotFitError("the smallest has no room for a piece", needed=_HEAD + 1, available=max(room, 0))
        coded = code(hosted[0], value, room * need, config, config.fills)
    parts = _parts(value, coded.code, need, len(covers), terms)
    with folder_for_outputs(out) as folder:
        made = _hide_parts(covers, hosted, parts, folder, terms)
    quality = None if math.isinf(coded.quality) else coded.quality
    report = SecretReport(value.name, value.kind, len(coded.code), quality)
    notes = (*(note for hidden in made for note in hidden.notes), *remarks(value, coded, config))
    return Spread(report, need, tuple(made), tuple(dict.fromkeys(notes)))


def _hide_parts(
    covers: Sequence[Source], hosted: Sequence[Cover], parts: Sequence[_Part], folder: Path, terms: Terms
) -> list[Hidden]:
    """Hide every piece, and let the containers appear together once all of them are there."""
    names: list[str] = []
    for host, part in zip(hosted, parts, strict=True):
        names.append(writing.unlike(_container_name(host, part.number), names))
        check_target(folder / names[-1], force=terms.force)
    waiting, made = [], []
    try:
        for cover, host, part, name in zip(covers, hosted, parts, names, strict=True):
            hidden_as = temporary_beside(folder, Path(name).suffix)
            waiting.append(hidden_as)
            source = cover if isinstance(cover, str | os.PathLike) else host
            made.append(hide_file(source, part.pack(), hidden_as, replace(terms, force=True)))
        for hidden_as, name in zip(waiting, names, strict=True):
            hidden_as.replace(folder / name)
    finally:
        for hidden_as in waiting:
            forget_temporary(hidden_as)
    return [replace(hidden, container=folder / name) for hidden, name in zip(made, names, strict=True)]


def _room(cover: Source, host: Cover, config: ExactConfig) -> int:
    """Return the bytes of a piece that one cover has room for."""
    with naming_the_cover(cover):
        carrier = hosts.host(host)
        size = SIZES[1] if carrier.spares(SIZES[1]) else SIZES[0]
        return load(DEFAULT).capacity(host, carrier.start(None, DEFAULT, size).channel, config) - LETTER_BYTES - _HEAD


def _parts(value: Value, coded: bytes, need: int, count: int, terms: Terms) -> list[_Part]:
    size = -(-len(coded) // need)
    blocks = [coded[i * size : (i + 1) * size].ljust(size, b"\0") for i in range(need)]
    material = None if terms.seed is None else f"{terms.seed} {need} {count}".encode() + coded
    identity = os.urandom(_SET_BYTES) if material is None else hashlib.sha256(material).digest()[:_SET_BYTES]
    pieces = zfec.Encoder(need, count).encode(blocks)
    return [
        _Part(identity, number, need, count, value.kind, len(coded), data, value.name)
        for number, data in enumerate(pieces)
    ]


def _container_name(host: Cover, number: int) -> str:
    """Name a container after its cover, in a format that keeps it."""
    suffixes, plain = (
        (audio_file.LOSSLESS_SUFFIXES, ".wav") if isinstance(host, Audio) else (image_file.LOSSLESS_SUFFIXES, ".png")
    )
    name = Path(safe_name(host.name, f"{number + 1}{plain}"))
    keeps = name.suffix.lower() in suffixes and suffixes[name.suffix.lower()] not in ("WEBP", "BMP")
    return name.name if keeps else f"{name.stem}{plain}"


# --- and back ------------------------------------------------------------------------------------------------


def reveal_spread(containers: Sequence[Source], out: PathLike | None, terms: Terms) -> Revealed:
    """Reveal secrets from several containers: pieces of spread ones are put together, others come as they are.

    Containers that do not open are left aside, as long as the others are enough.

    Raises:
        NoSecretError: none of them opens.
        InputError: pieces are missing.
    """
    started = time.perf_counter()
    found: list[Value] = []
    sets: dict[tuple[object, ...], dict[int, _Part]] = {}
    failed: list[IntarsiaError] = []
    loss, method = 0.0, ""
    for container in containers:
        try:
            revealed = reveal_file(container, None, terms, pieces=True)
            with naming_file(container):
                parts = [_Part.unpack(value) for value in revealed.values if isinstance(value, Piece)]
        except (InputError, NoSecretError) as error:
            failed.append(error)
            continue
        method, loss = revealed.method, max(loss, revealed.loss)
        found += [value for value in revealed.values if not isinstance(value, Piece)]
        for part in parts:
            sets.setdefault(part.key, {})[part.number] = part
    notes = [f"left aside: {error}" for error in failed]
    for pieces in sets.values():
        if len(pieces) >= next(iter(pieces.values())).need:
            found.append(_joined(list(pieces.values())))
        else:
            notes.append(_missing(pieces))
    if not found:
        absent = max(sets.values(), key=len, default=None)
        opened = next((error for error in failed if isinstance(error, NoSecretError)), failed[0] if failed else None)
        raise InputError(_missing(absent)) if absent else opened or InputError("no containers given")
    written = write_found(found, containers[0], out, terms)
    return Revealed(method, tuple(found), tuple(written), time.perf_counter() - started, loss, tuple(notes))


def _joined(parts: list[_Part]) -> Value:
    first = parts[0]
    chosen = parts[: first.need]
    blocks = zfec.Decoder(first.need, first.count).decode([part.data for part in chosen], [p.number for p in chosen])
    return secret_code.decode(b"".join(blocks)[: first.length], first.kind, first.name)


def _missing(pieces: dict[int, _Part]) -> str:
    one = next(iter(pieces.values()))
    name = f"{shown(one.name)}: " if one.name else ""
    have = f"piece {one.number + 1}" if len(pieces) == 1 else f"{len(pieces)} pieces"
    return f"{name}{have} of a secret spread over {one.count} containers; any {one.need} are needed; give more of them"
