"""Looking without hiding: what fits in a cover, and what a file is."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from . import hosts
from .carrier import matrix
from .carrier.channel import PLAIN, Channel, Manner
from .carrier.framed import Framed
from .carrier.keys import Keyring
from .carrier.scattered import Scattered
from .codes import LETTER_BYTES
from .container import SIZES
from .errors import DoesNotFitError, NoSecretError, UsageError
from .hosts import Host
from .media import Blob, Cover, Shape, Video, values
from .media.values import Source
from .methods import DEFAULT
from .methods.base import Method
from .methods.exact.method import LEAST_SNR, SOUND_PROTECT, ExactConfig, manner_for
from .pipeline import Job, Terms, naming_the_container, naming_the_cover, naming_what_does_not_fit
from .results import CARRIER_MEASURE, quality_record, rounded

SOUND_MANNER = Manner(LEAST_SNR, SOUND_PROTECT)

SNR_LEVELS = (30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0, 65.0, 70.0, 75.0)
"""Carrier SNRs in dB that `capacity` lists for a sound."""


@dataclass(frozen=True)
class Level:
    """One way to fill a cover.

    Attributes:
        how: of a picture, the Hamming order {"r": ...}; of a sound, the base of its digits and the frames used,
            {"m": ..., "frames": ...}.
        bytes: what it holds.
        db: PSNR (picture) or SNR (sound) the container then has, dB.
    """

    how: dict[str, int]
    bytes: int
    db: float


@dataclass(frozen=True)
class Forecast:
    """What hiding one secret would give.

    Attributes:
        name: file name, or "".
        media: kind of secret.
        bytes: it takes.
        quality: PSNR or SNR in dB it comes back at; inf: exact.
        db: PSNR or SNR in dB of the container.
    """

    name: str
    media: str
    bytes: int
    quality: float
    db: float


@dataclass(frozen=True)
class Capacity:
    """What fits.

    Attributes:
        cover: the cover in words.
        kind: "image" or "audio".
        method: name of the method.
        bytes: largest file of incompressible bytes that can be hidden, its name left out.
        levels: for `exact`, what the least visible ways to fill it hold.
        forecasts: of the secrets that were asked about, hidden together.
    """

    cover: str
    kind: str
    method: str
    bytes: int
    levels: tuple[Level, ...]
    forecasts: tuple[Forecast, ...] = ()

    @property
    def forecast(self) -> Forecast | None:
        """Of the first secret that was asked about, or None."""
        return self.forecasts[0] if self.forecasts else None

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        measure = CARRIER_MEASURE[self.kind]
        levels = [{**level.how, "bytes": level.bytes, measure: rounded(level.db)} for level in self.levels]
        record: dict[str, Any] = {"method": self.method, "cover": self.cover, "capacity_bytes": self.bytes}
        record["levels"] = levels
        secrets = [
            {
                "name": f.name,
                "media": f.media,
                "bytes": f.bytes,
                **({"psnr": None} if math.isinf(f.quality) else {}),
                **quality_record(f.media, f.quality),
                measure: rounded(f.db),
            }
            for f in self.forecasts
        ]
        if secrets:
            record |= {"secret": secrets[0], "secrets": secrets}
        return record


def capacity(cover: Source, secret: Source | list[Source] | tuple[Source, ...] | None, terms: Terms) -> Capacity:
    """Tell what fits in a cover; with secrets, what hiding them would give, without writing anything.

    Raises:
        DoesNotFitError: they do not fit.
    """
    original = values.cover(cover, max_pixels=terms.max_pixels)
    room = terms.room()
    name = terms.method or room.facts.name
    config = room.settle(terms.settings)
    host = hosts.host(original)
    with naming_the_cover(cover):
        channel = host.start(None, name, SIZES[0]).channel
    levels = tuple(_levels(channel, manner_for(original, config))) if isinstance(config, ExactConfig) else ()
    fits = room.capacity(original, channel, config)
    secrets: list[Source] = list(secret) if isinstance(secret, list | tuple) else [] if secret is None else [secret]
    forecasts = _forecast(original, host, cover, secrets, room, config, terms) if secrets else ()
    return Capacity(original.describe(), original.kind, name, fits, levels, forecasts)


def _levels(channel: Channel, manner: Manner) -> Iterator[Level]:
    if isinstance(channel, Scattered):
        held = [(r, channel.capacity_at(r) - LETTER_BYTES) for r in range(1, matrix.MAX_ORDER + 1)]
        yield from (Level({"r": r}, size, channel.expected_db(size)) for r, size in held if size > 0)
    elif isinstance(channel, Framed):
        for snr in SNR_LEVELS:
            size = channel.budget(replace(manner, least_db=snr))
            how = channel.layout(size, manner)
            if size > LETTER_BYTES and how is not None:
                db = channel.expected_db(size, manner)
                yield Level({"m": how.m, "frames": how.frames}, size - LETTER_BYTES, db)


def _forecast(
    original: Cover,
    host: Host,
    cover: Source,
    secrets: list[Source],
    room: Method[Any],
    config: object,
    terms: Terms,
) -> tuple[Forecast, ...]:
    """Hide, and write nothing: sizes and distortion do not depend on keys."""
    if room.fits:
        raise UsageError(f"{room.facts.name} fits every secret anew, so only hide tells how well it comes back")
    found = tuple(values.secret(secret, max_pixels=terms.max_pixels) for secret in secrets)
    job = Job(room.facts.name, room, config, original, host, found, terms)
    with naming_what_does_not_fit(secrets, cover):
        stego = job.place()
    db = stego.inlay.quality()
    return tuple(
        Forecast(value.name, value.kind, each.size, each.promise, db)
        for value, each in zip(found, stego.placed, strict=True)
    )


@dataclass(frozen=True)
class Carried:
    """One secret a container holds, as its header says."""

    name: str
    media: str
    bytes: int


@dataclass(frozen=True)
class Inspection:
    """What a file is; with the right password, what it carries.

    Attributes:
        media: "image", "audio", "text" or "blob".
        description: size, channels, depth, in words.
        format: file format, "" for bytes of no known kind.
        capacity: bytes of an incompressible file that `exact` can hide in it; 0 when it is no cover.
        notes: what is remarkable about it as a cover.
        carries: None when no password was given or nothing opened; then what the header lists.
        method: that hid it, or None.
    """

    media: str
    description: str
    format: str
    capacity: int
    notes: tuple[str, ...]
    carries: tuple[Carried, ...] | None = None
    method: str | None = None

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        carried = None
        if self.carries is not None:
            carried = [{"name": c.name, "media": c.media, "bytes": c.bytes} for c in self.carries]
        return {
            "media": self.media,
            "description": self.description,
            "format": self.format,
            "capacity_bytes": self.capacity,
            "notes": list(self.notes),
            "method": self.method,
            "carries": carried,
        }


def inspect(source: Source, keyring: Keyring | None, terms: Terms) -> Inspection:
    """Tell what a file is and, if a keyring is given, what it carries for that password.

    Raises:
        NoSecretError: a keyring was given and nothing opens with it.
    """
    value = values.secret(source, max_pixels=terms.max_pixels)
    if isinstance(value, Blob):
        if keyring is not None:
            raise NoSecretError(values.shown_source(source))
        why = ("no picture or sound that can be a cover: it can be a secret only",)
        return Inspection(value.kind, f"{len(value.data):,} bytes", "", 0, why)
    if isinstance(value, Video | Shape):
        if keyring is not None:
            raise NoSecretError(values.shown_source(source))
        return Inspection(value.kind, value.describe(), value.format, 0, value.notes)
    host = hosts.host(value)
    notes = (*value.notes, *host.remarks())
    room = _room(host)
    if keyring is None:
        return Inspection(value.kind, value.describe(), value.format, room, notes)
    with naming_the_container(source, value):
        opened = host.open(keyring)
        entries = opened.entries()
    carried = tuple(Carried(entry.name, entry.kind, entry.length) for entry in entries)
    return Inspection(value.kind, value.describe(), value.format, room, notes, carried, opened.header.method)


def _room(host: Host) -> int:
    """Return the bytes of an incompressible file that `exact` hides in it, with its defaults."""
    try:
        channel = host.start(None, DEFAULT, SIZES[0]).channel
    except DoesNotFitError:
        return 0
    manner = SOUND_MANNER if isinstance(channel, Framed) else PLAIN
    return max(0, channel.budget(manner) - LETTER_BYTES)
