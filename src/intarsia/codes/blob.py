"""Bytes to fewer bytes: LZMA2 when that helps, as they are when it does not. Always exact."""

import lzma
from collections.abc import Sequence
from typing import Any

from ..errors import DoesNotFitError, InputError, ResourceError
from ..media.blob import Blob

MAX_REVEALED = 1 << 30
"""Bytes a revealed secret may unpack to; a tiny payload could otherwise fill the receiver's memory."""

_QUICK = 4 << 20  # above this, LZMA's strongest preset takes seconds for a per cent


def encode(value: Blob, budget: int) -> bytes:
    """Return the code of `value`.

    Args:
        value: the bytes to carry.
        budget: most bytes the code may take.

    Raises:
        DoesNotFitError: it takes more; nothing smaller exists.
    """
    packed = b"x" + lzma.compress(value.data, lzma.FORMAT_RAW, filters=_filters(len(value.data)))
    code = packed if len(packed) < 1 + len(value.data) else b"s" + value.data
    if len(code) > budget:
        raise DoesNotFitError(
            f"it needs {len(code):,} bytes and {max(budget, 0):,} fit",
            needed=len(code),
            available=budget,
        )
    return code


def decode(code: bytes, name: str = "", *, is_text: bool = False) -> Blob:
    """Undo `encode`; name and text flag travel apart from the bytes."""
    if code[:1] == b"s":
        return Blob(code[1:], name, is_text)
    if code[:1] != b"x":
        raise InputError(f"unknown code {code[:1]!r} for bytes; a newer release may know it")
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_filters(0))
    try:
        data = unpacker.decompress(code[1:], MAX_REVEALED + 1)
    except lzma.LZMAError as error:
        raise InputError(f"the secret's code is damaged: {error}") from error
    if len(data) > MAX_REVEALED:
        raise ResourceError(f"the secret unpacks to more than {MAX_REVEALED >> 20} MiB")
    if not unpacker.eof:
        raise InputError("the secret's code is damaged: it ends early")
    return Blob(data, name, is_text)


def _filters(size: int) -> Sequence[dict[str, Any]]:
    # The dictionary size is part of a raw LZMA2 stream's contract, so it is the same whatever the preset.
    preset = 6 if size > _QUICK else 9 | lzma.PRESET_EXTREME
    return [{"id": lzma.FILTER_LZMA2, "preset": preset, "dict_size": 1 << 24}]
