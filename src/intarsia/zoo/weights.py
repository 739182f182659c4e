"""The one format of trained weights: safetensors with a few facts and a digest inside.

    8 bytes   length of the header, little-endian
    header    JSON: __metadata__ {format, method, config, step, digest}, then each tensor's type, shape and place
    data      the tensors, one behind the other

The header is read by ourselves before a byte of the data is: sizes are bounded, places must lie inside the file and
not on one another, types must be floating-point. The digest is over names, types, shapes and bytes, so a changed bit
shows without a card. Pickles, which can run code when they are opened, are never opened. No torch here.
"""

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, WeightsError
from ..media import files
from ..media.files import PathLike

FORMAT = "intarsia/weights/1"
MAX_HEADER = 1 << 20
MAX_FILE = 1 << 26
"""Bytes of the largest file that is read."""

_TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}
_PICKLES = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle")
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_TOLD = 3  # names in a message


@dataclass(frozen=True)
class Slot:
    """Where a tensor lies: its type as safetensors names it, its shape, and its bytes behind the header."""

    type: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Head:
    """What a file of weights says about itself.

    Attributes:
        method: whose networks they are for.
        config: that method's settings.
        step: steps they were trained for.
        digest: SHA-256 over all tensors, in hex.
        slots: the tensors by name.
        start: where the data begin, bytes.
    """

    method: str
    config: Mapping[str, Any]
    step: int
    digest: str
    slots: Mapping[str, Slot]
    start: int


def save(
    path: PathLike,
    tensors: Mapping[str, NDArray[np.float32]],
    *,
    method: str,
    config: Mapping[str, Any],
    step: int,
    force: bool = False,
) -> None:
    """Write weights, whole or not at all; the same weights give the same bytes.

    Args:
        path: of the file.
        tensors: float32 arrays by name.
        method: whose they are.
        config: its settings, as JSON knows them.
        step: steps they were trained for.
        force: replace a file that is there.
    """
    header: dict[str, Any] = {}
    pieces: list[bytes] = []
    at = 0
    for name in sorted(tensors):
        data = np.ascontiguousarray(tensors[name], "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [at, at + len(data)]}
        pieces.append(data)
        at += len(data)
    slots = {name: Slot("F32", tuple(v["shape"]), *v["data_offsets"]) for name, v in header.items()}
    body = b"".join(pieces)
    facts = {
        "format": FORMAT,
        "method": method,
        "config": json.dumps(dict(config), sort_keys=True),
        "step": str(step),
        "digest": _digest(slots, memoryview(body)),
    }
    text = json.dumps({"__metadata__": facts, **header}).encode()
    text += b" " * (-len(text) % 8)
    files.write_output(path, struct.pack("<Q", len(text)) + text + body, force=force)


def peek(path: PathLike, limit: int = MAX_FILE) -> Head:
    """Read a file's header alone.

    Raises:
        WeightsError: it is missing, a pickle, too large, or not weights of this format.
    """
    shown = files.shown(path)
    try:
        start = files.read_head(path, 8)
        if Path(path).suffix.lower() in _PICKLES or start.startswith(_PICKLE_STARTS):
            raise _pickle(shown)
        size = Path(path).stat().st_size
        (length,) = struct.unpack("<Q", start) if len(start) == 8 else (0,)
        if not 2 <= length <= min(MAX_HEADER, size - 8):
            raise WeightsError(f"{shown}: not weights: its header claims {length:,} of {size:,} bytes; fetch it again")
        if size > limit:
            raise WeightsError(f"{shown}: {size:,} bytes; weights of at most {limit:,} are read")
        text = files.read_head(path, 8 + length)[8:]
    except InputError as error:
        raise WeightsError(str(error)) from error
    return _head(shown, text, size - 8 - length)


def load(
    path: PathLike, *, expected: Mapping[str, tuple[int, ...]] | None = None, sha256: str | None = None
) -> tuple[Head, dict[str, NDArray[np.float32]]]:
    """Read weights; everything is checked before anything is returned.

    Args:
        path: of the file.
        expected: shapes by name, as the networks have them.
        sha256: of the whole file, in hex, as its card says.

    Returns:
        The header, and float32 arrays by name.

    Raises:
        WeightsError: it is missing, damaged, of other shapes, or holds values that are no numbers.
    """
    head, shown = peek(path), files.shown(path)
    if expected is not None:
        _check_shapes(shown, head.slots, expected)
    try:
        data = files.read_bytes(path)
    except InputError as error:
        raise WeightsError(str(error)) from error
    if sha256 is not None and (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise WeightsError(f"{shown}: SHA-256 is {found}, expected {sha256}; fetch it again")
    body = memoryview(data)[head.start :]
    if (digest := _digest(head.slots, body)) != head.digest:
        raise WeightsError(
            f"{shown}: damaged: its tensors' SHA-256 is {digest}, expected {head.digest}; fetch it again"
        )
    arrays = {name: _array(slot, body) for name, slot in head.slots.items()}
    bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if bad:
        raise WeightsError(f"{shown}: values that are not numbers in {_some(bad)}; train again from an earlier state")
    return head, arrays


def file_sha256(path: PathLike) -> str:
    """Return the SHA-256 of a file, in hex."""
    return hashlib.sha256(files.read_bytes(path)).hexdigest()


# --- header --------------------------------------------------------------------------------------------------


def _head(shown: str, text: bytes, size: int) -> Head:
    try:
        header = json.loads(text.decode(), object_pairs_hook=_once)
        facts = header.pop("__metadata__")
        form = facts["format"]
        config, step = json.loads(facts["config"]), int(facts["step"])
        method, digest = str(facts["method"]), str(facts["digest"])
        slots = {name: _slot(value) for name, value in header.items()}
        bytes.fromhex(digest)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsError(f"{shown}: not weights of this project: {error!r:.120}; expected {FORMAT}") from error
    if form != FORMAT or not isinstance(config, dict) or len(digest) != 64:
        raise WeightsError(f"{shown}: is {str(form)[:40]!r}; this release reads {FORMAT}")
    _check_places(shown, slots, size)
    return Head(method, config, step, digest, slots, 8 + len(text))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


def _slot(value: Mapping[str, Any]) -> Slot:
    begin, end = value["data_offsets"]
    numbers = [begin, end, *value["shape"]]
    if any(isinstance(number, bool) or not isinstance(number, int) or number < 0 for number in numbers):
        raise ValueError(f"sizes {numbers[:6]}")
    return Slot(str(value["dtype"]), tuple(value["shape"]), begin, end)


def _check_places(shown: str, slots: Mapping[str, Slot], size: int) -> None:
    at = 0
    for name, slot in sorted(slots.items(), key=lambda item: (item[1].begin, item[1].end)):
        if slot.type not in _TYPES:
            raise WeightsError(f"{shown}: {name[:40]} is {slot.type[:10]}; expected {', '.join(_TYPES)}")
        needed = math.prod(slot.shape) * _TYPES[slot.type].itemsize
        if slot.begin != at or slot.end - slot.begin != needed:
            raise WeightsError(f"{shown}: damaged: {name[:40]} lies at {slot.begin}..{slot.end}; fetch it again")
        at = slot.end
    if at != size:
        raise WeightsError(f"{shown}: cut or damaged: {size:,} bytes of data, expected {at:,}; fetch it again")


def _check_shapes(shown: str, slots: Mapping[str, Slot], expected: Mapping[str, tuple[int, ...]]) -> None:
    wrong = [f"{name} {slots[name].shape}, expected {shape}" for name, shape in expected.items()
             if name in slots and slots[name].shape != tuple(shape)]  # fmt: skip
    missing = [f"{name} missing" for name in expected if name not in slots]
    extra = [f"{name} not expected" for name in slots if name not in expected]
    if problems := wrong + missing + extra:
        raise WeightsError(f"{shown}: weights of another network: {_some(problems)}")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more


def _pickle(shown: str) -> WeightsError:
    error = WeightsError(
        f"{shown}: looks like a pickle, which can run code when it is opened, and is never opened here; "
        "expected .safetensors"
    )
    error.add_note(
        "who made it can convert it: safetensors.torch.save_file(torch.load(FILE, weights_only=True), NAME.safetensors)"
    )
    return error


# --- data ----------------------------------------------------------------------------------------------------


def _digest(slots: Mapping[str, Slot], body: memoryview) -> str:
    found = hashlib.sha256()
    for name in sorted(slots):
        slot = slots[name]
        found.update(f"{name} {slot.type} {slot.shape}".encode())
        found.update(body[slot.begin : slot.end])
    return found.hexdigest()


def _array(slot: Slot, body: memoryview) -> NDArray[np.float32]:
    raw = np.frombuffer(body[slot.begin : slot.end], _TYPES[slot.type])
    if slot.type == "BF16":
        raw = (raw.astype("<u4") << 16).view("<f4")
    values: NDArray[np.float32] = raw.astype(np.float32).reshape(slot.shape)
    return values
