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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from . import container, hosts, zoo
from .carrier.channel import Foreword
from .carrier.keys import PUBLIC_PASSWORD, Keyring
from .carrier.seal import OVERHEAD
from .container import Header
from .engine import bench
from .errors import (
    DoesNotFitError,
    InputError,
    IntarsiaError,
    NoSecretError,
    ResourceError,
    UsageError,
    VerificationError,
    WeightsError,
)
from .hosts import Host, Inlay, Opened
from .media import Cover, Value, Video, files, image_file, values, video_file, writing
from .media.blob import Piece
from .media.files import PathLike
from .media.values import Source
from .methods import DEFAULT, load, load_named_by_a_file
from .methods.base import Entry, Method, Placed, Progress, no_progress
from .results import Hidden, Output, Revealed, SecretReport

_UNAUTHENTICATED = (
    "no header opens: lost on the way, another password, or nothing hidden; this is what the networks see in the file, "
    "and nothing vouches for it"
)
_UNVERIFIED = "the saved container did not give the secret back; it was removed"


@dataclass(frozen=True)
class Terms:
    """How a trip is made, beside the values themselves.

    Attributes:
        keyring: the password and the keys it gave so far.
        method: name of the method; None means the default when hiding, the header's when revealing.
        settings: the method's settings, text or typed.
        force: replace existing outputs.
        seed: makes containers repeatable, a number or a text; None draws the salt from the operating system.
        max_pixels: limit on pictures read.
        progress: called with stage and share.
        model: trained model, a name or a run folder; None: the one shipped for the method, or the header's.
        device: where networks run: "auto", "cpu" or "cuda".
        lenient: keep a container whose secret comes back worse than promised, and say so in `verified`: for studies,
            whose means must not be of the good cases alone. What must be exact is still refused.
    """

    keyring: Keyring = field(default_factory=lambda: Keyring(PUBLIC_PASSWORD))
    method: str | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    force: bool = False
    seed: int | str | None = None
    max_pixels: int = image_file.MAX_PIXELS
    progress: Progress = no_progress
    model: str | None = None
    device: str = "auto"
    lenient: bool = False

    def room(self) -> Method[Any]:
        """Return the method to hide with: the one named, the model's, or the default.

        Raises:
            UsageError: the model says that it belongs to a method of another package.
        """
        if self.method is None and self.model is not None:
            room = load_named_by_a_file(zoo.find(self.model).method, None)
        else:
            room = load(self.method or DEFAULT)
        return room.equip(self.model, self.device)


# --- there ---------------------------------------------------------------------------------------------------


def hide_file(cover: Source, secret: Source | list[Source] | tuple[Source, ...], out: PathLike, terms: Terms) -> Hidden:
    """Hide secrets in a cover and write the container; it is read back and revealed before it appears.

    Args:
        cover: picture or sound: a file, an `Image`, an `Audio`.
        secret: any file, or a value; or a list of them.
        out: the container: .png .bmp .tif .tiff .webp (lossless) for a picture, .wav .flac for a sound.
        terms: password, method, settings.

    Raises:
        IntarsiaError: one of its kinds; nothing was written then.
    """
    started = time.perf_counter()
    room = terms.room()
    name = terms.method or room.facts.name
    config = room.settle(terms.settings)
    form = writing.container_format(out)
    with files.Output(out, force=terms.force) as output:
        original = values.cover(cover, max_pixels=terms.max_pixels)
        sources: list[Source] = list(secret) if isinstance(secret, list | tuple) else [secret]
        secrets = _secrets(sources, room, original, terms)
        writing.check_container(original, form, out)
        host = hosts.host(original)
        notes = [*original.notes, *host.remarks(), *_answers_already(host, terms)]
        notes += writing.losses(original, form)
        with _on_bench(room, terms, out) as (room, terms):
            job = Job(name, room, config, original, host, secrets, terms)
            with naming_what_does_not_fit(sources, cover):
                stego = job.place()
            terms.progress("saving", 0.0)
            stego.inlay.save(output, form, lambda share: terms.progress("saving", share))
            terms.progress("checking", 0.0)
            saved, qualities = job.check(output.temporary, stego)
            carrier = hosts.quality(original, saved)
            output.commit()
    reports = [
        SecretReport(value.name, value.kind, placed.size, None if math.isinf(quality) else quality)
        for value, placed, quality in zip(secrets, stego.placed, qualities, strict=True)
    ]
    if any(value.name and not entry.name for value, entry in zip(secrets, stego.entries, strict=True)):
        whose = "the secret's file name was" if len(secrets) == 1 else "the secrets' file names were"
        notes.append(f"the cover is small: {whose} left out")
    kept = all(each >= placed.promise - 1e-9 for each, placed in zip(qualities, stego.placed, strict=True))
    return Hidden(
        container=Path(out),
        method=name,
        cover=original.kind,
        carrier_db=carrier,
        secrets=tuple(reports),
        capacity=stego.capacity,
        seconds=time.perf_counter() - started,
        verified=kept,
        notes=(*notes, *room.notices(), *(note for placed in stego.placed for note in placed.notes)),
        model=room.model_name,
    )


@contextlib.contextmanager
def _on_bench(room: Method[Any], terms: Terms, out: PathLike) -> Iterator[tuple[Method[Any], Terms]]:
    """Give a method that fits its bench, and terms under which the same command has the same key again.

    The bench stays for the next try, unless the container appeared or the same fit would end in the same failure.
    """
    if not room.fits:
        yield room, terms
        return
    fitting = bench.of(out)
    drawn = bench.number(fitting)
    try:
        yield room.on_bench(fitting), terms if terms.seed is not None else replace(terms, seed=drawn)
    except VerificationError:
        bench.clear(fitting)
        raise
    bench.clear(fitting)


def _secrets(sources: Sequence[Source], room: Method[Any], cover: Cover, terms: Terms) -> tuple[Value, ...]:
    if not 1 <= len(sources) <= container.MAX_SECRETS:
        raise UsageError(f"{len(sources)} secrets given; expected 1 to {container.MAX_SECRETS}")
    found = tuple(values.secret(source, max_pixels=terms.max_pixels) for source in sources)
    for value in found:
        _check_kinds(room, cover, value)
    return found


@contextlib.contextmanager
def naming_file(source: Source) -> Iterator[None]:
    """Put a file's name in front of what is wrong with it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{values.shown_source(source)}: {error}") from error


@contextlib.contextmanager
def naming_what_does_not_fit(secrets: Sequence[Source], cover: Source) -> Iterator[None]:
    """Put the names of secret and cover into what does not fit."""
    try:
        yield
    except DoesNotFitError as error:
        who = values.shown_source(secrets[0]) if len(secrets) == 1 else f"{len(secrets)} secrets"
        message = f"{who} in {values.shown_source(cover)}: {error}"
        raise DoesNotFitError(message, needed=error.needed, available=error.available) from error


@contextlib.contextmanager
def naming_the_cover(cover: Source) -> Iterator[None]:
    """Put the cover's name into what it has no room for."""
    try:
        yield
    except DoesNotFitError as error:
        message = f"{values.shown_source(cover)}: {error}"
        raise DoesNotFitError(message, needed=error.needed, available=error.available) from error


@dataclass(frozen=True)
class Stego:
    """A cover with secrets in it, before it is a file."""

    inlay: Inlay
    header: Header
    entries: tuple[Entry, ...]
    placed: list[Placed]
    capacity: int


@dataclass(frozen=True)
class Job:
    """Secrets on their way into one cover."""

    name: str
    room: Method[Any]
    config: Any
    cover: Cover
    host: Host
    secrets: tuple[Value, ...]
    terms: Terms

    def place(self) -> Stego:
        """Hide with the secrets' names when that costs little, else without."""
        names = tuple(value.name for value in self.secrets)
        nameless = ("",) * len(names)
        ways = [(names, self._header_size(names)), (nameless, self._header_size(nameless))]
        if names == nameless or not self._affords(*ways[0]):
            ways = ways[1:]
        for which, size in ways[:-1]:
            try:
                return self._place(which, size)
            except DoesNotFitError as error:
                if error.needed - error.available > container.SIZES[-1]:  # names would not make the difference
                    raise
        return self._place(*ways[-1])

    def check(self, saved_as: Path, stego: Stego) -> tuple[Cover, list[float]]:
        """Reveal from the saved file and compare with what was promised; return it and the qualities in dB."""
        with _failing_as_unverified():
            opened, entries, saved, found = _reveal_from(saved_as, replace(self.terms, settings={}))
        pairs = zip(self.secrets, found, strict=True)
        qualities = [self.room.compare(secret, value, self.cover) for secret, value in pairs]
        if opened.header != stego.header or entries != stego.entries or opened.loss:
            raise VerificationError(_UNVERIFIED)
        for quality, placed in zip(qualities, stego.placed, strict=True):
            if quality < placed.promise - 1e-9 and (math.isinf(placed.promise) or not self.terms.lenient):
                raise VerificationError(_UNVERIFIED if math.isinf(placed.promise) else _too_poor(quality, placed))
        return saved, qualities

    def _place(self, names: tuple[str, ...], size: int | None) -> Stego:
        """Hide; a size of None means that no header holds the list of secrets, so it goes in front of the payload."""
        self.terms.progress("deriving keys", 0.0)
        inlay = self.host.start(self.terms.keyring, self.name, size or container.SIZES[0], self._seed_material())
        listed = None if size else container.list_size(self._entries(names))
        if listed:
            text = lambda lengths: container.pack_list(self._entries(names, lengths), listed)  # noqa: E731
            inlay.channel.put_in_front(Foreword(listed, text))
        placed = self.room.hide_all(self.cover, self.secrets, inlay.channel, self.config, self.terms.progress)
        entries = self._entries(names, [each.length for each in placed])
        header = Header(self.name, placed[0].settings, entries)
        if listed:
            sealed = sum(entry.length + OVERHEAD for entry in entries)
            header = Header(self.name, placed[0].settings, (), (listed, listed + OVERHEAD + sealed))
        inlay.seal(header)
        capacity = self.room.capacity(self.cover, inlay.channel, self.config)
        return Stego(inlay, header, entries, placed, capacity)

    def _header_size(self, names: tuple[str, ...]) -> int | None:
        """Return the size of a header with these names, or None when none is large enough."""
        longest = Header(self.name, bytes(self.room.settings_bytes), self._entries(names))
        with contextlib.suppress(UsageError):
            return longest.size_for()
        return None

    def _affords(self, names: tuple[str, ...], size: int | None) -> bool:
        """Whether names take little of the cover, wherever they go."""
        spent = container.list_size(self._entries(names)) if size is None else size
        return spent <= container.SIZES[0] or self.host.spares(spent)

    def _entries(self, names: tuple[str, ...], lengths: Sequence[int] | None = None) -> tuple[Entry, ...]:
        lengths = [1 << 40] * len(names) if lengths is None else lengths
        rows = zip(self.secrets, lengths, names, strict=True)
        return tuple(Entry(value.kind, length, name) for value, length, name in rows)

    def _seed_material(self) -> bytes | None:
        if self.terms.seed is None:
            return None
        # Everything that goes in is hashed, so one seed never gives two different texts the same keys.
        kinds = " ".join(value.kind for value in self.secrets)
        what = f"{self.terms.seed} {self.name} {self.config!r} {kinds}".encode()
        return hashlib.sha256(what + self.cover.digest() + b"".join(v.digest() for v in self.secrets)).digest()


def _too_poor(quality: float, placed: Placed) -> str:
    return (
        f"the saved container gives the secret back at {quality:.1f} dB, and at least {placed.promise:.1f} dB were "
        "expected; it was removed"
    )


@contextlib.contextmanager
def _failing_as_unverified() -> Iterator[None]:
    try:
        yield
    except (ResourceError, WeightsError):  # nothing that the saved file could help
        raise
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
    kind = "blob" if isinstance(secret, Piece) else secret.kind
    if kind not in facts.hides.get(cover.kind, ()):
        ways = "; ".join(f"{', '.join(secrets)} in {kind}" for kind, secrets in facts.hides.items())
        raise UsageError(f"{facts.name} hides {ways}; this is {secret.kind} in {cover.kind}; try --method {DEFAULT}")


# --- and back ------------------------------------------------------------------------------------------------


def reveal_file(source: Source, out: PathLike | None, terms: Terms, *, pieces: bool = False) -> Revealed:
    """Reveal what a container holds and, if asked, write it.

    Args:
        source: the container: a file, an `Image`, an `Audio`.
        out: None: values only. A folder (existing, or ending in "/"): name and format restored. A file name:
            pictures and sounds are converted to its suffix, bytes are written as they are.
        terms: password; a method given here must be the header's. Where no header opens, one with networks that is
            named here reads without it, unauthenticated.
        pieces: give pieces of a secret that was spread over several covers as they are, instead of refusing them.

    Raises:
        NoSecretError: nothing hidden, wrong password, or changed after hiding.
        IntarsiaError: one of its other kinds; nothing was written then.
    """
    started = time.perf_counter()
    opened: Opened | None = None
    found: list[Value] = []

    def read() -> Sequence[Value]:
        nonlocal opened, found
        try:
            opened, _, _, found = _reveal_from(source, terms)
        except NoSecretError:
            if (bare := _without_header(source, terms)) is None:
                raise
            found = [bare]
            return found
        if not pieces and any(isinstance(value, Piece) for value in found):
            raise InputError(
                f"{values.shown_source(source)} holds one piece of a secret that was spread over several containers; "
                "give the others too"
            )
        return found

    written = write_found(read, source, out, terms)
    seconds = time.perf_counter() - started
    if opened is None:
        assert terms.method is not None
        return Revealed(terms.method, tuple(found), tuple(written), seconds, 0.0, (_UNAUTHENTICATED,), False)
    room = load_named_by_a_file(opened.header.method, terms.method).equip(terms.model, terms.device)
    notes = (*_loss_notes(opened.loss, room), *room.notices())
    return Revealed(opened.header.method, tuple(found), tuple(written), seconds, opened.loss, notes)


def _without_header(source: Source, terms: Terms) -> Value | None:
    """Return what the networks of the method that was named see; None: none was named, or it needs its header."""
    if terms.method is None:
        return None
    room = load(terms.method).equip(terms.model, terms.device)
    saved = values.container(source, max_pixels=terms.max_pixels)
    terms.progress("no header; reading without it", 0.0)
    with naming_the_container(source, saved):
        return room.bare(saved, terms.settings)


def write_found(
    found: Sequence[Value] | Callable[[], Sequence[Value]], source: Source, out: PathLike | None, terms: Terms
) -> list[Output]:
    """Write revealed secrets; the outputs are checked before they are read, if `found` reads them."""
    with contextlib.ExitStack() as stack:
        output = folder = None
        if out is not None and writing.names_folder(out):
            folder = stack.enter_context(files.folder_for_outputs(out))
        elif out is not None:
            output = stack.enter_context(files.Output(out, force=terms.force))
        secrets = found() if callable(found) else found
        if folder is not None:
            return _write_all(folder, secrets, stack, terms)
        if output is None or out is None:
            return []
        data = writing.render(only_one(source, secrets), Path(out).suffix)
        output.write(data)
        output.commit()
        return [Output(str(output.target), secrets[0].kind, len(data))]


def _write_all(folder: Path, found: Sequence[Value], stack: contextlib.ExitStack, terms: Terms) -> list[Output]:
    """Write every secret under its name; all of them appear, or none."""
    ready: list[tuple[files.Output, Output]] = []
    films: list[tuple[Video, Path]] = []
    taken: set[str] = set()
    for value in found:
        if (video := writing.as_frames(value, asked=terms.settings.get("as") == "frames")) is not None:
            name = writing.unlike(writing.folder_name(video), taken)
            films.append((video, folder / name))
        else:
            name, data = writing.in_folder(value)
            name = writing.unlike(name, taken)
            output = stack.enter_context(files.Output(folder / name, force=terms.force))
            output.write(data)
            ready.append((output, Output(str(output.target), value.kind, len(data))))
        taken.add(name)
    frames: list[Path] = []
    reports = [report for _, report in ready]
    try:
        for video, target in films:
            paths = video_file.save_frames(video, stack.enter_context(files.folder_for_outputs(target)))
            frames += paths
            reports.append(Output(str(target), video.kind, sum(path.stat().st_size for path in paths)))
        for output, _ in ready:
            output.commit()
    except BaseException:
        for path in frames:
            path.unlink(missing_ok=True)
        raise
    return reports


def only_one(source: Source, found: Sequence[Value]) -> Value:
    """Return the only secret; several do not go where one does.

    Raises:
        UsageError: there are several.
    """
    if len(found) > 1:
        names = ", ".join(files.shown(value.name) or value.kind for value in found)
        raise UsageError(f"{values.shown_source(source)} holds {len(found)} secrets ({names}); name a folder, -o DIR/")
    return found[0]


def _loss_notes(loss: float, room: Method[Any]) -> tuple[str, ...]:
    left = "this is what is left of the secret" if room.partial else "the secret is whole"
    return (f"{100 * loss:.0f} % of the container was lost or damaged; {left}",) if loss else ()


def _reveal_from(source: Source, terms: Terms) -> tuple[Opened, tuple[Entry, ...], Cover, list[Value]]:
    saved = values.container(source, max_pixels=terms.max_pixels)
    terms.progress("deriving keys", 0.0)
    with naming_the_container(source, saved):
        opened = hosts.host(saved).open(terms.keyring, lambda share: terms.progress("looking", share))
        entries = opened.entries()
        return opened, entries, saved, _reveal_opened(source, saved, opened, entries, terms)


def _reveal_opened(
    source: Source, saved: Cover, opened: Opened, entries: tuple[Entry, ...], terms: Terms
) -> list[Value]:
    name = opened.header.method
    if terms.method not in (None, name):
        raise UsageError(
            f"{values.shown_source(source)}: hidden with method {name!r}; leave --method out or name that one"
        )
    if terms.settings.get("as", "frames") != "frames":
        raise UsageError(f"as={terms.settings['as']}; expected as=frames, a video as a folder of PNG frames")
    room = load_named_by_a_file(name, terms.method).equip(terms.model, terms.device)
    if others := {key: value for key, value in terms.settings.items() if key != "as"}:
        room = room.viewing(others)
    return room.reveal_all(saved, opened.channel, entries, opened.header.settings, terms.progress)


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
