"""The header: what a container carries, told only to whoever has the password.

    plaintext (32 or 480 bytes)
    ├── u8       revision of this layout: 1
    ├── u8 + n   method name, ASCII
    ├── u8 + n   method settings, the method's own bytes
    ├── u8       number of secrets; 0: their list is sealed in front of the payload, and follow here
    │            varint bytes of that list, varint bytes of all that is sealed
    ├── each:    u8 kind letter, varint payload length, u8 + n file name (file-system bytes)
    └── zeros    up to the size
    sealed: + 32 bytes  →  64 or 512 bytes; `hosts` knows where they stand

The shorter size is taken when everything fits it. Sealed bytes and salt are indistinguishable from noise, so
there is nothing to look for without the password. Names are stored, never positions in a table. Every size ever
used stays readable; a revision from the future is recognised after it was authenticated.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .carrier import seal
from .carrier.keys import Keys
from .errors import InputError, UsageError
from .methods.base import Entry

REVISION = 1
SIZES = (64, 512)
"""Bytes of a sealed header: for short names or none, and for long ones."""

_USE = "intarsia/v1/header"
_KINDS = {"image": "i", "text": "t", "blob": "b", "audio": "a", "video": "v", "shape": "s", "piece": "p"}
_LETTERS = {letter: kind for kind, letter in _KINDS.items()}


@dataclass(frozen=True)
class Header:
    """What a container says about itself.

    Attributes:
        method: name of the method that reveals it.
        settings: that method's own bytes.
        entries: the secrets, in order; none when they are listed elsewhere.
        listed: bytes of the list in front of the payload, and of all that is sealed; None when there is no list.
    """

    method: str
    settings: bytes
    entries: tuple[Entry, ...]
    listed: tuple[int, int] | None = None

    def pack(self, size: int) -> bytes:
        """Return the plaintext for a sealed header of `size` bytes.

        Raises:
            UsageError: a field does not fit; `size_for` tells beforehand.
        """
        fields = self._fields()
        room = size - seal.OVERHEAD
        if len(fields) > room:
            raise UsageError(f"header fields take {len(fields)} bytes; expected at most {room}")
        return fields + bytes(room - len(fields))

    def size_for(self) -> int:
        """Return the smallest of `SIZES` that holds this header."""
        needed = len(self._fields()) + seal.OVERHEAD
        fitting = [size for size in SIZES if needed <= size]
        if not fitting:
            raise UsageError(f"header takes {needed} bytes; expected at most {SIZES[-1]} (shorten names)")
        return fitting[0]

    def _fields(self) -> bytes:
        start = bytes([REVISION]) + _short(self.method.encode()) + _short(self.settings)
        if self.listed is not None:
            return start + bytes(1) + b"".join(_varint(number) for number in self.listed)
        return start + bytes([len(self.entries)]) + _fields_of(self.entries)


def unpack(plaintext: bytes) -> Header:
    """Undo `Header.pack`.

    Raises:
        InputError: authentic, but of a later revision than this release knows.
    """
    reader = _Reader(plaintext)
    if (revision := reader.byte()) != REVISION:
        raise InputError(f"the container has header revision {revision}; a newer release of intarsia is needed")
    method, settings = reader.short().decode("utf-8", "replace"), reader.short()
    if (count := reader.byte()) == 0:
        return Header(method, settings, (), (reader.varint(), reader.varint()))
    return Header(method, settings, _read_entries(reader, count))


# --- the list of secrets -------------------------------------------------------------------------------------

MAX_SECRETS = 255
_LONGEST = 1 << 40


def list_size(entries: Sequence[Entry]) -> int:
    """Return the bytes of a list of these secrets, whatever their payloads' lengths will be."""
    return 1 + len(_fields_of([replace(entry, length=_LONGEST) for entry in entries]))


def pack_list(entries: Sequence[Entry], size: int) -> bytes:
    """Return the list that is sealed in front of the payload: as in a header, filled up with zeros to `size`."""
    return (bytes([len(entries)]) + _fields_of(entries)).ljust(size, b"\0")


def unpack_list(data: bytes) -> tuple[Entry, ...]:
    """Undo `pack_list`."""
    reader = _Reader(data)
    return _read_entries(reader, reader.byte())


def _fields_of(entries: Sequence[Entry]) -> bytes:
    return b"".join(
        _KINDS[entry.kind].encode() + _varint(entry.length) + _short(os.fsencode(entry.name)) for entry in entries
    )


def _read_entries(reader: "_Reader", count: int) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    for _ in range(count):
        kind = _LETTERS.get(chr(reader.byte()))
        if kind is None:
            raise InputError("the container holds a kind of secret this release does not know; a newer one is needed")
        entries.append(Entry(kind, reader.varint(), os.fsdecode(reader.short())))
    return tuple(entries)


# --- sealed --------------------------------------------------------------------------------------------------


def seal_header(header: Header, size: int, keys: Keys, associated: bytes) -> bytes:
    """Return the header as `size` sealed bytes."""
    return seal.seal(keys, _USE, header.pack(size), associated)


def unseal_header(sealed: bytes, keys: Keys, associated: bytes) -> Header:
    """Undo `seal_header`.

    Raises:
        NoSecretError: these bytes are no header under these keys.
        InputError: they are, and a newer release wrote them.
    """
    return unpack(seal.unseal(keys, _USE, sealed, associated))


# --- little fields -------------------------------------------------------------------------------------------


def _short(data: bytes) -> bytes:
    if len(data) > 255:
        raise UsageError(f"a header field has {len(data)} bytes; expected at most 255")
    return bytes([len(data)]) + data


def _varint(number: int) -> bytes:
    """Write a number in groups of seven bits, low first; the top bit says that more follow."""
    groups = []
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    return bytes([*groups, number])


class _Reader:
    """Reads fields in order; a field that runs over the end means another release's layout."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        return self._take(1)[0]

    def short(self) -> bytes:
        return self._take(self.byte())

    def varint(self) -> int:
        number = shift = 0
        while (byte := self.byte()) > 127:
            number |= (byte & 127) << shift
            shift += 7
        return number | byte << shift

    def _take(self, count: int) -> bytes:
        if self._at + count > len(self._data):
            raise InputError("the container's header does not follow the known layout; a newer release is needed")
        self._at += count
        return self._data[self._at - count : self._at]
