"""Hosts: how each kind of cover takes a header and a payload, and gives them back.

PictureHost                               SoundHost
salt         81 public places                          none: a constant one for the password,
a nonce in shares all over the file
header       its own keyed places                      in front of the payload
payload      keyed places (`carrier.scattered`)        frames (`carrier.framed`)
survives     nothing                                   cuts and gaps, as far as `protect` was asked for

Host(cover) ─start(keyring)─► Inlay ─channel─► METHOD.hide ─seal(header)─► save(file)
Host(saved) ─open(keyring)──► Opened ─channel─► METHOD.reveal
"""

import hashlib
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from . import container
from .carrier import framed, frames, sync, ternary
from .carrier.channel import Channel, Tick
from .carrier.framed import Framed, Received
from .carrier.keys import SALT_BYTES, Keyring, Keys
from .carrier.places import SALT_DIGITS, Places, draw_salt, salt_bytes
from .carrier.scattered import Scattered
from .carrier.seal import OVERHEAD
from .codes import LETTER_BYTES
from .container import SIZES, Header
from .errors import DoesNotFitError, NoSecretError
from .media import Audio, Cover, Image, audio_file, files, image_file, metrics, sound_metrics, values
from .methods.base import Entry

_NAMES_SHARE = 8  # a header with names is used when it takes at most this fraction, 1/8, of the places

_SILENT_SHARE = 0.1
_CLIPPED_SHARE = 0.01

SOUND_SALT = hashlib.sha256(b"intarsia/v1/audio/salt").digest()[:SALT_BYTES]
"""A sound may be cut anywhere, so its salt cannot be kept in it."""


@dataclass(frozen=True)
class Opened:
    """A header found.

    Attributes:
        header: what it says.
        channel: where its payload is read.
        loss: share of the container found missing or damaged, 0..1.
    """

    header: Header
    channel: Channel
    loss: float = 0.0

    def entries(self) -> tuple[Entry, ...]:
        """Return the secrets it lists, in the header or in front of the payload."""
        if self.header.listed is None:
            return self.header.entries
        return container.unpack_list(self.channel.read_in_front(*self.header.listed))


class Inlay(ABC):
    """One cover while something is laid into it."""

    channel: Channel

    @abstractmethod
    def seal(self, header: Header) -> None:
        """Add the header; the payload has been written to the channel."""

    @abstractmethod
    def save(self, output: files.Output, form: str, tick: Tick | None = None) -> None:
        """Write the container as a file of that format."""

    @abstractmethod
    def quality(self) -> float:
        """Return PSNR or SNR in dB against the cover as it would be saved."""


class Host(ABC):
    """A cover, or a container, of one kind."""

    kind: ClassVar[str]
    associated: ClassVar[bytes]
    """Authenticated with everything sealed in it: container version and kind of cover."""

    @abstractmethod
    def check_room(self, header_size: int) -> None:
        """Raise `DoesNotFitError` when beside a header of that size not even an empty file fits."""

    @abstractmethod
    def spares(self, header_size: int) -> bool:
        """Whether a header of that size takes little of the cover."""

    @abstractmethod
    def remarks(self) -> list[str]:
        """Return what makes this a cover that is easily caught, one sentence each."""

    @abstractmethod
    def start(self, keyring: Keyring | None, method: str, header_size: int, seed: bytes | None = None) -> Inlay:
        """Begin to write.

        Args:
            keyring: the password; None writes under no particular key, to see what fits.
            method: name of the method.
            header_size: one of `container.SIZES`.
            seed: for repeatable containers, bytes that differ whenever cover, secret or settings do; None asks the
                operating system.
        """

    @abstractmethod
    def open(self, keyring: Keyring, tick: Tick | None = None) -> Opened:
        """Find and open the header.

        Raises:
            NoSecretError: no header opens with this password.
            InputError: it opens, but a newer release wrote it.
        """


def host(value: Cover) -> Host:
    """Return the host for a cover or a container."""
    return PictureHost(value) if isinstance(value, Image) else SoundHost(value)


def quality(cover: Cover, saved: Cover) -> float:
    """Return how far a container is from its cover: PSNR in dB of a picture, SNR in dB of a sound."""
    if isinstance(cover, Image) and isinstance(saved, Image):
        return metrics.psnr(cover.samples, saved.samples)
    assert isinstance(cover, Audio)
    assert isinstance(saved, Audio)
    return sound_metrics.snr_of(cover, saved)


# --- pictures ------------------------------------------------------------------------------------------------


class PictureHost(Host):
    """A picture."""

    kind = "image"
    associated = b"intarsia/v1/image"

    def __init__(self, picture: Image) -> None:
        self._picture = picture

    @cached_property
    def _places(self) -> Places:
        return Places(self._picture.samples, self._picture.closed)

    def check_room(self, header_size: int) -> None:
        """Raise `DoesNotFitError` when beside salt and header not even an empty file fits."""
        needed = SALT_DIGITS + ternary.digits_needed(header_size) + ternary.digits_needed(OVERHEAD + LETTER_BYTES)
        if self._places.count < needed:
            raise DoesNotFitError(
                f"the cover has {self._places.count} usable samples; {needed} are needed before anything can be "
                "hidden; use a larger picture",
                needed=needed,
                available=self._places.count,
            )

    def spares(self, header_size: int) -> bool:
        """Whether a header of that size takes little of the cover."""
        return ternary.digits_needed(header_size) * _NAMES_SHARE <= self._places.count

    def remarks(self) -> list[str]:
        """Return what makes this a cover that is easily caught."""
        return values.cover_notes(self._picture)

    def start(
        self, keyring: Keyring | None, method: str, header_size: int, seed: bytes | None = None
    ) -> "PictureInlay":
        """Draw a salt and begin to write."""
        self.check_room(header_size)
        digits = draw_salt(seed)
        keys = Keys(bytes(32)) if keyring is None else keyring.keys(salt_bytes(digits))
        channel = Scattered(self._places, keys, method, header_size, self.associated)
        return PictureInlay(self._picture, channel, keys, header_size, digits)

    def open(self, keyring: Keyring, tick: Tick | None = None) -> Opened:
        """Read the salt, and try each size of header at its keyed places."""
        places = self._places
        if not places.has_room_for(SIZES[0]):
            raise NoSecretError
        keys = keyring.keys(places.read_salt())
        for size in SIZES:
            if not places.has_room_for(size):
                break
            try:
                header = container.unseal_header(places.read_header(keys, size), keys, self.associated)
            except NoSecretError:
                continue
            return Opened(header, Scattered(places, keys, header.method, size, self.associated))
        raise NoSecretError


class PictureInlay(Inlay):
    """A picture while something is laid into it."""

    def __init__(
        self, cover: Image, channel: Scattered, keys: Keys, header_size: int, salt_digits: NDArray[np.uint8]
    ) -> None:
        self.channel = channel
        self._cover = cover
        self._keys = keys
        self._size = header_size
        self._salt = salt_digits
        self._stego = cover

    def seal(self, header: Header) -> None:
        """Write header and salt at their places."""
        written = Places(self.channel.samples, self._cover.closed)
        sealed = container.seal_header(header, self._size, self._keys, PictureHost.associated)
        written.write_header(self._keys, sealed)
        written.write_salt(self._salt)
        self._stego = self._cover.with_samples(written.samples)

    def save(self, output: files.Output, form: str, tick: Tick | None = None) -> None:
        """Encode the picture and write it."""
        output.write(image_file.encode(self._stego, form))

    def quality(self) -> float:
        """Return PSNR in dB."""
        return metrics.psnr(self._cover.samples, self._stego.samples)


# --- sounds --------------------------------------------------------------------------------------------------


class SoundHost(Host):
    """A sound."""

    kind = "audio"
    associated = b"intarsia/v1/audio"

    def __init__(self, sound: Audio) -> None:
        self._sound = sound
        self._stale: list[int] = []
        """Where an earlier container's blocks were seen when it was looked for; a new one must break them."""

    @cached_property
    def ground(self) -> frames.Ground:
        """What the carrier knows of the sound; found by walking through it once."""
        return frames.survey(self._sound.pcm, self._sound.low, self._sound.high)

    def check_room(self, header_size: int) -> None:
        """Raise `DoesNotFitError` when there are fewer frames than the smallest container has."""
        usable = len(self.ground.starts)
        if usable >= sync.MIN_FRAMES:
            return
        needed = sync.MIN_FRAMES * -(-frames.FRAME // self._sound.channels) / self._sound.rate
        silent = self._sound.length * self._sound.channels >= 2 * sync.MIN_FRAMES * frames.FRAME
        why = "is digital silence or a constant" if silent else f"lasts {self._sound.seconds:.2f} s"
        raise DoesNotFitError(
            f"the cover {why}; at least {needed:.2f} s of sound that is not silent are needed before anything can be "
            "hidden; use a longer or livelier one",
            needed=sync.MIN_FRAMES,
            available=usable,
        )

    def spares(self, header_size: int) -> bool:
        """Whether a header of that size takes little of the cover."""
        return ternary.digits_needed(header_size) * _NAMES_SHARE <= len(self.ground.starts) * frames.DIGITS

    def remarks(self) -> list[str]:
        """Return what makes this a cover that is easily caught."""
        sound, ground, notes = self._sound, self.ground, []
        if sound.is_lossy:
            notes.append(
                f"the cover was decoded from {sound.format}: changes in it are easier to detect; better a "
                "recording never compressed"
            )
        if ground.unused_bits:
            notes.append(
                f"poor cover: the lowest {ground.unused_bits} of {sound.depth} bits are never used, so every "
                "change stands out"
            )
        silent = 1 - (len(ground.starts) + 1) * frames.FRAME / ground.size
        if silent > _SILENT_SHARE:
            notes.append(f"{100 * silent:.0f} % of the cover is digital silence or constant, which is left as it is")
        if ground.at_ends > _CLIPPED_SHARE:
            notes.append("poor cover: it is clipped, and changes at full scale are easier to detect")
        return notes

    def start(self, keyring: Keyring | None, method: str, header_size: int, seed: bytes | None = None) -> "SoundInlay":
        """Draw a nonce and begin to write."""
        self.check_room(header_size)
        nonce = os.urandom(framed.NONCE_BYTES) if seed is None else seed[: framed.NONCE_BYTES]
        shared = Keys(bytes(32)) if keyring is None else keyring.keys(SOUND_SALT)
        place = (shared, nonce, method, header_size, self.associated)
        channel = Framed(self._sound.pcm, self.ground, *place, stale=self._stale)
        return SoundInlay(self._sound, channel, header_size)

    def open(self, keyring: Keyring, tick: Tick | None = None) -> Opened:
        """Find the frames, put their bytes together, and try each size of header at the front."""
        shared = keyring.keys(SOUND_SALT)
        sightings = framed.scan(self._sound.pcm, shared, tick)
        self._stale = [sighting.offset for sighting in sightings]
        found = framed.gather(self._sound.pcm, shared, sightings)
        for size in SIZES:
            try:
                header = container.unseal_header(found.body[:size], found.keys, self.associated)
            except NoSecretError:
                continue
            channel = Received(self._sound.pcm, found, header.method, size, self.associated)
            return Opened(header, channel, found.loss)
        raise NoSecretError


class SoundInlay(Inlay):
    """A sound while something is laid into it."""

    def __init__(self, cover: Audio, channel: Framed, header_size: int) -> None:
        self.channel: Framed = channel
        self._cover = cover
        self._size = header_size

    def seal(self, header: Header) -> None:
        """Put the header in front of the payload."""
        sealed = container.seal_header(header, self._size, self.channel.keys, SoundHost.associated)
        self.channel.write_header(sealed)

    def save(self, output: files.Output, form: str, tick: Tick | None = None) -> None:
        """Write the sound piece by piece."""
        with output.writing() as path:
            audio_file.save(path, self.channel.pieces(tick), self._cover, form)

    def quality(self) -> float:
        """Return SNR in dB."""
        signal = noise = 0.0
        at = 0
        for piece in self.channel.pieces():
            cover = self._cover.read(at, len(piece)).astype(np.float64)
            signal += float((cover**2).sum())
            noise += float(((cover - piece) ** 2).sum())
            at += len(piece)
        return float(10 * np.log10(signal / noise)) if noise else float("inf")
