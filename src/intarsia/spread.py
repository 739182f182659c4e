"""One secret over several covers: any K of the N containers bring it back.

    secret ─code─► bytes ─Reed-Solomon K of N─► N pieces ─hide_file─► N containers
    any K containers ─reveal─► pieces ─► bytes ─decode─► secret

Fewer than K containers give nothing away but their own piece, sealed like any secret. Containers of several sets may
be given together; a set that is complete is revealed.
"""

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import zfec

from . import hosts
from .codes import LETTER_BYTES
from .codes import secret as secret_code
from .container import SIZES
from .errors import DoesNotFitError, InputError, IntarsiaError, NoSecretError, UsageError
from .media import Audio, Cover, Value, audio_file, image_file, values, writing
from .media.blob import Piece, safe_name
from .media.files import PathLike, folder_for_outputs
from .media.values import Source
from .methods import DEFAULT, load
from .methods.base import configure
from .pipeline import Terms, hide_file, naming_the_cover, reveal_file, write_found
from .results import Hidden, Revealed

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


def hide_spread(covers: Sequence[Source], secret: Source, need: int, out: PathLike, terms: Terms) -> list[Hidden]:
    """Spread one secret over covers, so that any `need` of the containers reveal it.

    Args:
        covers: 2 to 255 pictures and sounds.
        secret: any file, or a value.
        need: how many are needed, 1 to as many as there are.
        out: folder for the containers, which are named after their covers.
        terms: password, method, settings.

    Raises:
        IntarsiaError: one of its kinds; nothing was written then.
    """
    if not 2 <= len(covers) <= MOST_COVERS:
        raise UsageError(f"{len(covers)} covers given; one secret is spread over 2 to {MOST_COVERS}")
    if not 1 <= need <= len(covers):
        raise UsageError(f"need is {need}; expected 1 to {len(covers)}, as many as there are covers")
    hosted = [values.cover(cover, max_pixels=terms.max_pixels) for cover in covers]
    value = values.secret(secret, max_pixels=terms.max_pixels)
    room = min(_room(cover, host, terms) for cover, host in zip(covers, hosted, strict=True))
    parts = _parts(value, room, need, len(covers), terms)
    names, made = set[str](), []
    with folder_for_outputs(out) as folder:
        try:
            for cover, host, part in zip(covers, hosted, parts, strict=True):
                name = writing.unlike(_container_name(host, part.number), names)
                names.add(name)
                made.append(
                    hide_file(
                        host if not isinstance(cover, str | os.PathLike) else cover, part.pack(), folder / name, terms
                    )
                )
        except BaseException:
            for hidden in made:
                hidden.container.unlink(missing_ok=True)
            raise
    return made


def _room(cover: Source, host: Cover, terms: Terms) -> int:
    """Return the bytes of a piece that one cover has room for."""
    name = terms.method or DEFAULT
    room = load(name)
    config = configure(room.Config, terms.settings, name)
    with naming_the_cover(cover):
        channel = hosts.host(host).start(None, name, SIZES[1] if _is_large(host) else SIZES[0]).channel
        return room.capacity(host, channel, config) - LETTER_BYTES - _HEAD


def _is_large(host: Cover) -> bool:
    return hosts.host(host).spares(SIZES[1])


def _parts(value: Value, room: int, need: int, count: int, terms: Terms) -> list[_Part]:
    if room < 1:
        raise DoesNotFitError("the smallest of the covers has no room for a piece", needed=_HEAD + 1, available=room)
    wanted = {"image": 42.0, "video": 42.0, "shape": 80.0}.get(value.kind)
    code = secret_code.encode(value, room * need, target_db=wanted).code
    size = -(-len(code) // need)
    blocks = [code[i * size : (i + 1) * size].ljust(size, b"\0") for i in range(need)]
    material = None if terms.seed is None else f"{terms.seed} {need} {count}".encode() + value.digest()
    identity = os.urandom(_SET_BYTES) if material is None else hashlib.sha256(material).digest()[:_SET_BYTES]
    pieces = zfec.Encoder(need, count).encode(blocks)
    return [
        _Part(identity, number, need, count, value.kind, len(code), data, value.name)
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
    parts: dict[bytes, dict[int, _Part]] = {}
    failed: list[IntarsiaError] = []
    loss, method = 0.0, ""
    for container in containers:
        try:
            revealed = reveal_file(container, None, terms, pieces=True)
        except (InputError, NoSecretError) as error:
            failed.append(error)
            continue
        method, loss = revealed.method, max(loss, revealed.loss)
        for value in revealed.values:
            if isinstance(value, Piece):
                part = _Part.unpack(value)
                parts.setdefault(part.set, {})[part.number] = part
            else:
                found.append(value)
    found += [_joined(list(pieces.values())) for pieces in parts.values() if _enough(pieces)]
    if not found:
        raise _missing(parts) if parts else failed[0]
    written = write_found(found, containers[0], out, terms)
    notes = tuple(f"left aside: {error}" for error in failed)
    return Revealed(method, tuple(found), tuple(written), time.perf_counter() - started, loss, notes)


def _enough(pieces: dict[int, _Part]) -> bool:
    return len(pieces) >= next(iter(pieces.values())).need


def _joined(parts: list[_Part]) -> Value:
    first = parts[0]
    chosen = parts[: first.need]
    blocks = zfec.Decoder(first.need, first.count).decode([part.data for part in chosen], [p.number for p in chosen])
    return secret_code.decode(b"".join(blocks)[: first.length], first.kind, first.name)


def _missing(parts: dict[bytes, dict[int, _Part]]) -> InputError:
    pieces = max(parts.values(), key=len)
    one = next(iter(pieces.values()))
    have = f"piece {one.number + 1}" if len(pieces) == 1 else f"{len(pieces)} pieces"
    return InputError(f"{have} of a secret in {one.count}; any {one.need} of them are needed; give more containers")
