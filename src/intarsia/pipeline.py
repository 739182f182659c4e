"""One trip, there and back: the only place where files, keys and methods meet.

cover ──load──► Places, Channel ─┐                                           ┌─load─ container
                                 ├─ METHOD.hide ─► stego ─ header ─ save ──►─┤
secret ─load─────────────────────┘                      └ read back, reveal, └─ open header ─► METHOD.reveal
                                                          compare, report                        ─► save
"""

import contextlib
import hashlib
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import container
from .carrier import ternary
from .carrier.channel import Channel
from .carrier.keys import PUBLIC_PASSWORD, Keyring, Keys
from .carrier.places import SALT_DIGITS, Places
from .carrier.seal import OVERHEAD
from .codes import LETTER_BYTES
from .container import Header, Opened
from .errors import DoesNotFitError, InputError, IntarsiaError, NoSecretError, UsageError, VerificationError
from .media import Image, Value, files, image_file, metrics, values
from .media.files import PathLike
from .media.values import Source
from .methods import DEFAULT, load, load_named_by_a_file
from .methods.base import Entry, Method, Placed, Progress, configure, no_progress
from .results import Hidden, Output, Revealed, SecretReport

ASSOCIATED = b"intarsia/v1/image"
"""Authenticated with everything sealed in a picture: container version and kind of cover."""

_UNVERIFIED = "the saved container did not give the secret back; it was removed"

_NAMES_SHARE = 8  # a header with names is used when it takes at most this fraction, 1/8, of the places


@dataclass(frozen=True)
class Terms:
    """How a trip is made, beside the values themselves.

    Attributes:
        keyring: the password and the keys it gave so far.
        method: name of the method; None means the default when hiding, the header's when revealing.
        settings: the method's settings, text or typed.
        force: replace existing outputs.
        seed: makes containers repeatable; None draws the salt from the operating system.
        max_pixels: limit on pictures read.
        progress: called with stage and share.
    """

    keyring: Keyring = field(default_factory=lambda: Keyring(PUBLIC_PASSWORD))
    method: str | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    force: bool = False
    seed: int | None = None
    max_pixels: int = image_file.MAX_PIXELS
    progress: Progress = no_progress


# --- there ---------------------------------------------------------------------------------------------------


def hide_file(cover: Source, secret: Source, out: PathLike, terms: Terms) -> Hidden:
    """Hide one secret in a picture and write the container; it is read back and revealed before it appears.

    Args:
        cover: picture file or `Image`.
        secret: any file, or a value.
        out: the container, .png .bmp .tif .tiff .webp (lossless).
        terms: password, method, settings.

    Raises:
        IntarsiaError: one of its kinds; nothing was written then.
    """
    started = time.perf_counter()
    name = terms.method or DEFAULT
    room = load(name)
    config = configure(room.Config, terms.settings, name)
    form = image_file.lossless_format(out)
    with files.Output(out, force=terms.force) as output:
        host = values.cover(cover, max_pixels=terms.max_pixels)
        value = values.secret(secret, max_pixels=terms.max_pixels)
        _check_kinds(room, host, value)
        image_file.check_format(host, form)
        notes = [*host.notes, *values.cover_notes(host), *_answers_already(host, terms)]
        notes += image_file.losses(host, form)
        job = _Job(name, room, config, host, value, terms)
        with naming_what_does_not_fit(secret, cover):
            stego = job.place()
        terms.progress("saving", 0.0)
        output.write(image_file.encode(stego.image, form))
        terms.progress("checking", 0.0)
        saved, quality = job.check(output.temporary, stego)
        output.commit()
    placed = stego.placed
    if value.name and not stego.header.entries[0].name:
        notes.append("the cover is small: the secret's file name was left out")
    exact = math.isinf(quality)
    return Hidden(
        container=Path(out),
        method=name,
        cover_psnr=metrics.psnr(host.samples, saved.samples),
        secrets=(SecretReport(value.name, value.kind, placed.size, exact, None if exact else quality),),
        capacity=stego.capacity,
        seconds=time.perf_counter() - started,
        notes=(*notes, *placed.notes),
    )


@contextlib.contextmanager
def naming_what_does_not_fit(secret: Source, cover: Source) -> Iterator[None]:
    """Put the names of secret and cover into what does not fit."""
    try:
        yield
    except DoesNotFitError as error:
        message = f"{values.shown_source(secret)} in {values.shown_source(cover)}: {error}"
        raise DoesNotFitError(message, needed=error.needed, available=error.available) from error


@dataclass(frozen=True)
class _Stego:
    """A cover with a secret in it, before it is a file."""

    image: Image
    header: Header
    placed: Placed
    capacity: int


@dataclass(frozen=True)
class _Job:
    """One secret on its way into one cover."""

    name: str
    room: Method[Any]
    config: Any
    cover: Image
    secret: Value
    terms: Terms

    def place(self) -> _Stego:
        """Hide with the secret's name when that costs little, else without."""
        places = Places(self.cover.samples, self.cover.closed)
        names = [self.secret.name, ""] if self.secret.name else [""]
        for name in names:
            header = self._header(name, length=1 << 40, settings=bytes(self.room.settings_bytes))
            size = header.size_for()
            try:
                if size > container.SIZES[0] and ternary.digits_needed(size) * _NAMES_SHARE > places.count:
                    continue
                return self._place(places, name, size)
            except DoesNotFitError:
                if not name:
                    raise
        raise AssertionError("unreachable: the last name is empty")

    def check(self, saved_as: Path, stego: _Stego) -> tuple[Image, float]:
        """Reveal from the saved file and compare with what was promised; return it and the quality in dB."""
        with _failing_as_unverified():
            opened, saved, found = _reveal_from(saved_as, replace(self.terms, settings={}))
        quality = self.room.compare(self.secret, found, self.cover)
        if opened.header != stego.header or quality < stego.placed.promise - 1e-9:
            raise VerificationError(_UNVERIFIED)
        return saved, quality

    def _place(self, places: Places, name: str, size: int) -> _Stego:
        channel, digits, keys = self._channel(places, size)
        placed = self.room.hide(self.cover, self.secret, channel, self.config, self.terms.progress)
        header = self._header(name, placed.length, placed.settings)
        written = Places(channel.samples, self.cover.closed)
        container.write_header(written, header, size, keys, ASSOCIATED)
        written.write_salt(digits)
        capacity = self.room.capacity(self.cover, channel, self.config)
        return _Stego(self.cover.with_samples(written.samples), header, placed, capacity)

    def _channel(self, places: Places, size: int) -> tuple[Channel, NDArray[np.uint8], Keys]:
        check_room(places, size)
        digits, salt = container.new_salt(self._seed_material())
        self.terms.progress("deriving keys", 0.0)
        keys = self.terms.keyring.keys(salt)
        return Channel(places, keys, self.name, size, ASSOCIATED), digits, keys

    def _header(self, name: str, length: int, settings: bytes) -> Header:
        return Header(self.name, settings, (Entry(self.secret.kind, length, name),))

    def _seed_material(self) -> bytes | None:
        if self.terms.seed is None:
            return None
        # Everything that goes in is hashed, so one seed never gives two different texts the same keys.
        what = f"{self.terms.seed} {self.name} {self.config!r} {self.secret.kind}".encode()
        return hashlib.sha256(what + self.cover.digest() + self.secret.digest()).digest()


def check_room(places: Places, header_size: int) -> None:
    """Raise `DoesNotFitError` when beside salt and header not even an empty file fits."""
    needed = SALT_DIGITS + ternary.digits_needed(header_size) + ternary.digits_needed(OVERHEAD + LETTER_BYTES)
    if places.count < needed:
        raise DoesNotFitError(
            f"the cover has {places.count} usable samples; {needed} are needed before anything can be hidden; "
            "use a larger picture",
            needed=needed,
            available=places.count,
        )


@contextlib.contextmanager
def _failing_as_unverified() -> Iterator[None]:
    try:
        yield
    except IntarsiaError as error:
        raise VerificationError(_UNVERIFIED) from error


def _answers_already(cover: Image, terms: Terms) -> list[str]:
    try:
        container.open_header(Places(cover.samples, cover.closed), terms.keyring, ASSOCIATED)
    except NoSecretError:
        return []
    except InputError:  # it opened, and a newer release had written it
        pass
    return ["the cover already carries a secret under this password; it will be lost"]


def _check_kinds(room: Method[Any], cover: Value, secret: Value) -> None:
    for role, value, kinds in (("covers", cover, room.facts.covers), ("secrets", secret, room.facts.secrets)):
        if value.kind not in kinds:
            raise UsageError(
                f"{room.facts.name} takes {role} of kind {', '.join(kinds)}; this one is {value.kind}; "
                "try --method exact"
            )


# --- and back ------------------------------------------------------------------------------------------------


def reveal_file(source: Source, out: PathLike | None, terms: Terms) -> Revealed:
    """Reveal what a container holds and, if asked, write it.

    Args:
        source: the container, a file or an `Image`.
        out: None: values only. A folder (existing, or ending in "/"): name and format restored. A file name:
            pictures are converted to its suffix, bytes are written as they are.
        terms: password; a method given here must be the header's.

    Raises:
        NoSecretError: nothing hidden, wrong password, or changed after hiding.
        IntarsiaError: one of its other kinds; nothing was written then.
    """
    started = time.perf_counter()
    with contextlib.ExitStack() as stack:
        output = folder = None
        if out is not None and values.names_folder(out):
            folder = stack.enter_context(files.folder_for_outputs(out))
        elif out is not None:
            output = stack.enter_context(files.Output(out, force=terms.force))
        opened, _, value = _reveal_from(source, terms)
        if folder is not None:
            name, data = values.in_folder(value)
            output = stack.enter_context(files.Output(folder / name, force=terms.force))
        elif output is not None and out is not None:
            data = values.render(value, Path(out).suffix)
        else:
            return Revealed(opened.header.method, (value,), (), time.perf_counter() - started)
        output.write(data)
        output.commit()
    written = Output(str(output.target), value.kind, len(data))
    return Revealed(opened.header.method, (value,), (written,), time.perf_counter() - started)


def _reveal_from(source: Source, terms: Terms) -> tuple[Opened, Image, Value]:
    saved = values.container(source, max_pixels=terms.max_pixels)
    places = Places(saved.samples, saved.closed)
    terms.progress("deriving keys", 0.0)
    with naming_the_container(source, saved):
        return _reveal_opened(source, saved, places, terms)


def _reveal_opened(source: Source, saved: Image, places: Places, terms: Terms) -> tuple[Opened, Image, Value]:
    opened = container.open_header(places, terms.keyring, ASSOCIATED)
    name = opened.header.method
    if terms.method not in (None, name):
        raise UsageError(
            f"{values.shown_source(source)}: hidden with method {name!r}; leave --method out or name that one"
        )
    if terms.settings:
        raise UsageError(f"method {name!r} takes no settings when revealing; leave out {', '.join(terms.settings)}")
    room = load_named_by_a_file(name, terms.method)
    channel = Channel(places, opened.keys, name, opened.size, ASSOCIATED)
    entry = opened.header.entries[0]
    return opened, saved, room.reveal(saved, channel, entry, opened.header.settings, terms.progress)


@contextlib.contextmanager
def naming_the_container(source: Source, saved: Image) -> Iterator[None]:
    """Put the container's name into what the block raises."""
    try:
        yield
    except NoSecretError:
        named = NoSecretError(values.shown_source(source))
        if saved.is_lossy:
            named.add_note(
                f"{values.shown_source(source)} is {saved.format}, a lossy file: no exact container survives in it"
            )
        raise named from None
    except InputError as error:
        raise InputError(f"{values.shown_source(source)}: {error}") from error
