"""Looking without hiding: what fits in a cover, and what a file is."""

import math
import os
from dataclasses import dataclass
from typing import Any

from . import container
from .carrier import matrix
from .carrier.channel import Channel
from .carrier.keys import Keyring, Keys
from .carrier.places import Places
from .codes import LETTER_BYTES
from .errors import NoSecretError
from .media import Image, metrics, values
from .media.values import Source
from .methods import DEFAULT, load
from .methods.base import Method, configure
from .pipeline import ASSOCIATED, Terms, check_room, naming_the_container, naming_what_does_not_fit
from .results import rounded


@dataclass(frozen=True)
class Level:
    """One way to fill a cover: Hamming order, bytes it holds, and the PSNR the container then has, dB."""

    order: int
    bytes: int
    cover_psnr: float


@dataclass(frozen=True)
class Forecast:
    """What hiding one secret would give: its bytes, its PSNR (inf: exact), the container's PSNR, dB."""

    name: str
    media: str
    bytes: int
    psnr: float
    cover_psnr: float


@dataclass(frozen=True)
class Capacity:
    """What fits.

    Attributes:
        cover: the cover in words.
        method: name of the method.
        bytes: largest file of incompressible bytes that can be hidden, its name left out.
        levels: for `exact`, capacity and distortion of each Hamming order that holds anything.
        forecast: of the secret that was asked about, or None.
    """

    cover: str
    method: str
    bytes: int
    levels: tuple[Level, ...]
    forecast: Forecast | None = None

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        levels = [{"r": x.order, "bytes": x.bytes, "cover_psnr": rounded(x.cover_psnr)} for x in self.levels]
        record: dict[str, Any] = {"method": self.method, "cover": self.cover, "capacity_bytes": self.bytes}
        record["levels"] = levels
        if self.forecast is not None:
            f = self.forecast
            record["secret"] = {
                "name": f.name,
                "media": f.media,
                "bytes": f.bytes,
                "exact": math.isinf(f.psnr),
                "psnr": rounded(f.psnr),
                "cover_psnr": rounded(f.cover_psnr),
            }
        return record


def capacity(cover: Source, secret: Source | None, terms: Terms) -> Capacity:
    """Tell what fits in a cover; with a secret, what hiding it would give, without writing anything.

    Raises:
        DoesNotFitError: that secret does not fit.
    """
    host = values.cover(cover, max_pixels=terms.max_pixels)
    name = terms.method or DEFAULT
    room = load(name)
    config = configure(room.Config, terms.settings, name)
    channel = _blank_channel(Places(host.samples, host.closed), name)
    held = [(r, channel.capacity_at(r) - LETTER_BYTES) for r in range(1, matrix.MAX_ORDER + 1)]
    levels = tuple(Level(r, size, channel.expected_psnr(size)) for r, size in held if size > 0)
    fits = room.capacity(host, channel, config)
    forecast = None if secret is None else _forecast(host, cover, secret, room, config, terms)
    return Capacity(host.describe(), name, fits, levels if name == "exact" else (), forecast)


def _forecast(host: Image, cover: Source, secret: Source, room: Method[Any], config: object, terms: Terms) -> Forecast:
    """Hide on an in-memory copy under no particular key: sizes and distortion do not depend on keys."""
    value = values.secret(secret, max_pixels=terms.max_pixels)
    channel = _blank_channel(Places(host.samples, host.closed), room.facts.name)
    with naming_what_does_not_fit(secret, cover):
        placed = room.hide(host, value, channel, config, terms.progress)
    written = Places(channel.samples, host.closed)
    written.write_salt(container.new_salt()[0])
    written.write_header(Keys(bytes(32)), os.urandom(container.SIZES[0]))
    distortion = metrics.psnr(host.samples, written.samples.reshape(host.samples.shape))
    return Forecast(value.name, value.kind, placed.size, placed.promise, distortion)


def _blank_channel(places: Places, method: str) -> Channel:
    check_room(places, container.SIZES[0])
    return Channel(places, Keys(bytes(32)), method, container.SIZES[0], ASSOCIATED)


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
        media: "image" or "blob".
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
    if not isinstance(value, Image):
        if keyring is not None:
            raise NoSecretError(values.shown_source(source))
        return Inspection(value.kind, f"{len(value.data):,} bytes", "", 0, ("not a picture: it can be a secret only",))
    places = Places(value.samples, value.closed)
    room = max(0, places.capacity(container.SIZES[0]) - LETTER_BYTES)
    notes = (*value.notes, *values.cover_notes(value))
    if keyring is None:
        return Inspection(value.kind, value.describe(), value.format, room, notes)
    with naming_the_container(source, value):
        opened = container.open_header(places, keyring, ASSOCIATED)
    carried = tuple(Carried(entry.name, entry.kind, entry.length) for entry in opened.header.entries)
    return Inspection(value.kind, value.describe(), value.format, room, notes, carried, opened.header.method)
