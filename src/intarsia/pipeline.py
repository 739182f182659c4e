"""One trip, there and back: the only place where files, keys and methods meet.

cover ──load──► Host ─start─► Inlay ─┐                                           ┌─load─ container
                                     ├─ METHOD.hide ─► seal header ─ save ────►──┤
secret ─load─────────────────────────┘                      └ read back, reveal, └─ Host.open ─► METHOD.reveal
                                                              compare, report                     ─► save
"""

import contextlib
import hashlib
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from . import container, hosts
from .carrier.keys import PUBLIC_PASSWORD, Keyring
from .container import Header
from .errors import DoesNotFitError, InputError, IntarsiaError, NoSecretError, UsageError, VerificationError
from .hosts import Host, Inlay, Opened
from .media import Cover, Value, files, image_file, values
from .media.files import PathLike
from .media.values import Source
from .methods import DEFAULT, load, load_named_by_a_file
from .methods.base import Entry, Method, Placed, Progress, configure, no_progress
from .results import Hidden, Output, Revealed, SecretReport

_UNVERIFIED = "the saved container did not give the secret back; it was removed"


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
    """Hide one secret in a cover and write the container; it is read back and revealed before it appears.

    Args:
        cover: picture or sound: a file, an `Image`, an `Audio`.
        secret: any file, or a value.
        out: the container: .png .bmp .tif .tiff .webp (lossless) for a picture, .wav .flac for a sound.
        terms: password, method, settings.

    Raises:
        IntarsiaError: one of its kinds; nothing was written then.
    """
    started = time.perf_counter()
    name = terms.method or DEFAULT
    room = load(name)
    config = configure(room.Config, terms.settings, name)
    form = values.container_format(out)
    with files.Output(out, force=terms.force) as output:
        original = values.cover(cover, max_pixels=terms.max_pixels)
        value = values.secret(secret, max_pixels=terms.max_pixels)
        _check_kinds(room, original, value)
        values.check_container(original, form, out)
        host = hosts.host(original)
        notes = [*original.notes, *host.remarks(), *_answers_already(host, terms)]
        notes += values.losses(original, form)
        job = _Job(name, room, config, original, host, value, terms)
        with naming_what_does_not_fit(secret, cover):
            stego = job.place()
        terms.progress("saving", 0.0)
        stego.inlay.save(output, form, lambda share: terms.progress("saving", share))
        terms.progress("checking", 0.0)
        saved, quality = job.check(output.temporary, stego)
        carrier = hosts.quality(original, saved)
        output.commit()
    placed = stego.placed
    if value.name and not stego.header.entries[0].name:
        notes.append("the cover is small: the secret's file name was left out")
    return Hidden(
        container=Path(out),
        method=name,
        cover=original.kind,
        carrier_db=carrier,
        secrets=(SecretReport(value.name, value.kind, placed.size, None if math.isinf(quality) else quality),),
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

    inlay: Inlay
    header: Header
    placed: Placed
    capacity: int


@dataclass(frozen=True)
class _Job:
    """One secret on its way into one cover."""

    name: str
    room: Method[Any]
    config: Any
    cover: Cover
    host: Host
    secret: Value
    terms: Terms

    def place(self) -> _Stego:
        """Hide with the secret's name when that costs little, else without."""
        names = [self.secret.name, ""] if self.secret.name else [""]
        for name in names:
            size = self._header(name, length=1 << 40, settings=bytes(self.room.settings_bytes)).size_for()
            try:
                if size > container.SIZES[0] and not self.host.spares(size):
                    continue
                return self._place(name, size)
            except DoesNotFitError:
                if not name:
                    raise
        raise AssertionError("unreachable: the last name is empty")

    def check(self, saved_as: Path, stego: _Stego) -> tuple[Cover, float]:
        """Reveal from the saved file and compare with what was promised; return it and the quality in dB."""
        with _failing_as_unverified():
            opened, saved, found = _reveal_from(saved_as, replace(self.terms, settings={}))
        quality = self.room.compare(self.secret, found, self.cover)
        if opened.header != stego.header or opened.loss or quality < stego.placed.promise - 1e-9:
            raise VerificationError(_UNVERIFIED)
        return saved, quality

    def _place(self, name: str, size: int) -> _Stego:
        self.terms.progress("deriving keys", 0.0)
        inlay = self.host.start(self.terms.keyring, self.name, size, self._seed_material())
        placed = self.room.hide(self.cover, self.secret, inlay.channel, self.config, self.terms.progress)
        header = self._header(name, placed.length, placed.settings)
        inlay.seal(header)
        return _Stego(inlay, header, placed, self.room.capacity(self.cover, inlay.channel, self.config))

    def _header(self, name: str, length: int, settings: bytes) -> Header:
        return Header(self.name, settings, (Entry(self.secret.kind, length, name),))

    def _seed_material(self) -> bytes | None:
        if self.terms.seed is None:
            return None
        # Everything that goes in is hashed, so one seed never gives two different texts the same keys.
        what = f"{self.terms.seed} {self.name} {self.config!r} {self.secret.kind}".encode()
        return hashlib.sha256(what + self.cover.digest() + self.secret.digest()).digest()


@contextlib.contextmanager
def _failing_as_unverified() -> Iterator[None]:
    try:
        yield
    except IntarsiaError as error:
        raise VerificationError(_UNVERIFIED) from error


def _answers_already(host: Host, terms: Terms) -> list[str]:
    try:
        host.open(terms.keyring, lambda share: terms.progress("looking at the cover", share))
    except NoSecretError:
        return []
    except InputError:  # it opened, and a newer release had written it
        pass
    return ["the cover already carries a secret under this password; it will be lost"]


def _check_kinds(room: Method[Any], cover: Value, secret: Value) -> None:
    facts = room.facts
    if secret.kind not in facts.hides.get(cover.kind, ()):
        ways = "; ".join(f"{', '.join(secrets)} in {kind}" for kind, secrets in facts.hides.items())
        raise UsageError(f"{facts.name} hides {ways}; this is {secret.kind} in {cover.kind}; try --method {DEFAULT}")


# --- and back ------------------------------------------------------------------------------------------------


def reveal_file(source: Source, out: PathLike | None, terms: Terms) -> Revealed:
    """Reveal what a container holds and, if asked, write it.

    Args:
        source: the container: a file, an `Image`, an `Audio`.
        out: None: values only. A folder (existing, or ending in "/"): name and format restored. A file name:
            pictures and sounds are converted to its suffix, bytes are written as they are.
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
        if output is not None:
            output.write(data)
            output.commit()
    written = () if output is None else (Output(str(output.target), value.kind, len(data)),)
    seconds = time.perf_counter() - started
    return Revealed(opened.header.method, (value,), written, seconds, opened.loss, _loss_notes(opened.loss))


def _loss_notes(loss: float) -> tuple[str, ...]:
    return (f"{100 * loss:.0f} % of the container was lost or damaged; the secret is whole",) if loss else ()


def _reveal_from(source: Source, terms: Terms) -> tuple[Opened, Cover, Value]:
    saved = values.container(source, max_pixels=terms.max_pixels)
    terms.progress("deriving keys", 0.0)
    with naming_the_container(source, saved):
        opened = hosts.host(saved).open(terms.keyring, lambda share: terms.progress("looking", share))
        return opened, saved, _reveal_opened(source, saved, opened, terms)


def _reveal_opened(source: Source, saved: Cover, opened: Opened, terms: Terms) -> Value:
    name = opened.header.method
    if terms.method not in (None, name):
        raise UsageError(
            f"{values.shown_source(source)}: hidden with method {name!r}; leave --method out or name that one"
        )
    if terms.settings:
        raise UsageError(f"method {name!r} takes no settings when revealing; leave out {', '.join(terms.settings)}")
    room = load_named_by_a_file(name, terms.method)
    return room.reveal(saved, opened.channel, opened.header.entries[0], opened.header.settings, terms.progress)


@contextlib.contextmanager
def naming_the_container(source: Source, saved: Cover) -> Iterator[None]:
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
