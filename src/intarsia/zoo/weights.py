"""The one format of trained weights: safetensors with a few facts and a digest inside.

    8 bytes   length of the header, little-endian
    header    JSON: __metadata__ {format, method, config, step, digest}, then each tensor's type, shape and place
    data      the tensors, one behind the other

The header is read by ourselves before a byte of the data is: sizes are bounded, places must lie inside the file and
not on one another, types must be floating-point. The digest is over method, config, step, and names, types, shapes and
bytes of the tensors, so a changed bit shows without a card. Pickles, which can run code when they are opened, are
never opened. No torch here.
"""

import hashlib
import json
import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, WeightsError, printable
from ..media import files
from ..media.files import PathLike
from . import strict

FORMAT = "intarsia/weights/1"
MAX_HEADER = 1 << 20
MAX_FILE = 1 << 26
"""Bytes of the largest file that is read."""

PICKLES = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle")
"""Suffixes of files that may run code when they are opened."""

CONVERSION = (
    "whoever made it, and nobody else, can convert it: tensors = torch.load(FILE, weights_only=True), then with those "
    "that are floating-point: intarsia.zoo.weights.save('NAME.safetensors', tensors, method=METHOD, config=CONFIG, "
    "step=STEPS)"
)
"""What to do with weights that lie in a pickle."""

_TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_FACTS = ("method", "config", "step", "digest")
_MAX_RANK = 8
_TOLD = 3  # names in a message
_TOLD_LETTERS = 60  # of each


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
        digest: SHA-256 over the facts above and all tensors, in hex.
        slots: the tensors by name.
        start: where the data begin, bytes.
        config_text: `config` as it is written.
    """

    method: str
    config: Mapping[str, Any]
    step: int
    digest: str
    slots: Mapping[str, Slot]
    start: int
    config_text: str


def save(
    path: PathLike,
    tensors: Mapping[str, NDArray[np.float32]],
    *,
    method: str,
    config: Mapping[str, Any],
    step: int,
    half: bool = False,
    force: bool = False,
) -> None:
    """Write weights, whole or not at all; the same weights give the same bytes.

    Args:
        path: of the file.
        tensors: float32 arrays by name.
        method: whose they are.
        config: its settings, as JSON knows them.
        step: steps they were trained for.
        half: round them to 16 bits (F16).
        force: replace a file that is there.

    Raises:
        WeightsError: they are more than `load` reads.
        OutputError: the file is there already, or cannot be written.
    """
    shown = files.shown(path)
    slots: dict[str, Slot] = {}
    pieces: list[bytes] = []
    at = 0
    kind = "F16" if half else "F32"
    for name in sorted(tensors):
        pieces.append(np.ascontiguousarray(tensors[name], _TYPES[kind]).tobytes())
        slots[name] = Slot(kind, tuple(tensors[name].shape), at, at + len(pieces[-1]))
        at = slots[name].end
    body = b"".join(pieces)
    facts = {"method": method, "config": json.dumps(dict(config), sort_keys=True), "step": str(step)}
    facts["digest"] = _digest(facts, slots, memoryview(body))
    rows = {n: {"dtype": s.type, "shape": list(s.shape), "data_offsets": [s.begin, s.end]} for n, s in slots.items()}
    text = json.dumps({"__metadata__": {"format": FORMAT, **facts}, **rows}).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER or 8 + len(text) + at > MAX_FILE:
        raise WeightsError(f"{shown}: weights of {at:,} bytes, named in {len(text):,}; at most {MAX_FILE:,} are read")
    # What could not be read back is not written: a name that is none, a step below 0, a shape of too many axes.
    _head(shown, text, at)
    files.write_output(path, struct.pack("<Q", len(text)) + text + body, force=force)


def peek(path: PathLike, limit: int = MAX_FILE) -> Head:
    """Read a file's header alone.

    Raises:
        WeightsError: it is missing, a pickle, too large, or not weights of this format.
    """
    shown = files.shown(path)
    try:
        start = files.read_head(path, 8)
        if Path(path).suffix.lower() in PICKLES or _starts_as_pickle(start):
            raise pickle_error(f"{shown}: looks like a pickle; expected .safetensors")
        size = Path(path).stat().st_size
        length = _header_length(shown, start, size, limit)
        text = files.read_head(path, 8 + length)[8:]
    except InputError as error:
        raise WeightsError(str(error)) from error
    except OSError as error:
        raise WeightsError(f"{shown}: cannot be read: {(error.strerror or str(error)).lower()}") from error
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
    peek(path)  # what is no file of weights is refused before it is read whole
    shown = files.shown(path)
    try:
        data = files.read_bytes(path)
    except InputError as error:
        raise WeightsError(str(error)) from error
    if sha256 is not None and (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise WeightsError(f"{shown}: SHA-256 is {found}, expected {sha256}; fetch it again")
    # Once more, of the very bytes that are used: a run that goes on may have put another file in its place.
    start = 8 + _header_length(shown, data[:8], len(data), MAX_FILE)
    head, body = _head(shown, data[8:start], len(data) - start), memoryview(data)[start:]
    facts = {"method": head.method, "config": head.config_text, "step": str(head.step)}
    if (digest := _digest(facts, head.slots, body)) != head.digest:
        raise WeightsError(f"{shown}: damaged: its SHA-256 inside is {digest}, expected {head.digest}; fetch it again")
    if expected is not None:
        _check_shapes(shown, head.slots, expected)
    arrays = {name: _array(slot, body) for name, slot in head.slots.items()}
    bad = [_told(name) for name, array in arrays.items() if not np.isfinite(array).all()]
    if bad:
        raise WeightsError(f"{shown}: values that are not numbers in {_some(bad)}; train again from an earlier state")
    return head, arrays


def file_sha256(path: PathLike) -> str:
    """Return the SHA-256 of a file, in hex."""
    return hashlib.sha256(files.read_bytes(path)).hexdigest()


# --- header --------------------------------------------------------------------------------------------------


def _header_length(shown: str, start: bytes, size: int, limit: int) -> int:
    (length,) = struct.unpack("<Q", start) if len(start) == 8 else (0,)
    if not 2 <= length <= min(MAX_HEADER, size - 8):
        raise WeightsError(f"{shown}: not weights: its header claims {length:,} of {size:,} bytes; fetch it again")
    if size > limit:
        raise WeightsError(f"{shown}: {size:,} bytes; weights of at most {limit:,} are read")
    return int(length)


def _head(shown: str, text: bytes, size: int) -> Head:
    try:
        header = strict.parse(text)
        facts = header.pop("__metadata__")
        form = str(facts["format"])
        if form != FORMAT:
            raise WeightsError(f"{shown}: is {form[:_TOLD_LETTERS]!r}; this release reads {FORMAT}")
        method, config_text, step, digest = (_fact(facts, name) for name in _FACTS)
        config = strict.parse(config_text)
        if not isinstance(config, dict):
            raise ValueError("config is no mapping")
        slots = {name: _slot(value) for name, value in header.items()}
    except KeyError as error:
        raise WeightsError(f"{shown}: not weights of this project: it lacks {error}; expected {FORMAT}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f"{shown}: not weights of this project: {error!r:.120}; expected {FORMAT}") from error
    _check_places(shown, slots, size)
    return Head(method, config, int(step), digest, slots, 8 + len(text), config_text)


_FORMS = {"method": r"[\w.:-]{1,200}", "config": r"(?s:.*)", "step": "0|[1-9][0-9]{0,14}", "digest": "[0-9a-f]{64}"}


def _fact(facts: Mapping[str, Any], name: str) -> str:
    text = facts[name]
    if not isinstance(text, str) or not re.fullmatch(_FORMS[name], text):
        raise ValueError(f"{name} is {text!r:.40}")
    return text


def _slot(value: Mapping[str, Any]) -> Slot:
    (begin, end), shape = value["data_offsets"], value["shape"]
    numbers = [begin, end, *shape]
    if any(isinstance(n, bool) or not isinstance(n, int) or not 0 <= n <= MAX_FILE for n in numbers):
        raise ValueError(f"sizes {numbers!r:.60}")
    # Also where an axis of length 0 leaves nothing to store: arrays of such shapes cannot be made.
    if not isinstance(shape, list) or len(shape) > _MAX_RANK or math.prod(max(1, n) for n in shape) > MAX_FILE:
        raise ValueError(f"shape {shape!r:.60}")
    return Slot(str(value["dtype"]), tuple(shape), begin, end)


def _check_places(shown: str, slots: Mapping[str, Slot], size: int) -> None:
    at = 0
    for name, slot in sorted(slots.items(), key=lambda item: (item[1].begin, item[1].end)):
        if slot.type not in _TYPES:
            raise WeightsError(f"{shown}: {_told(name)} is {_told(slot.type)}; expected {', '.join(_TYPES)}")
        needed = math.prod(slot.shape) * _TYPES[slot.type].itemsize
        if slot.begin != at or slot.end - slot.begin != needed:
            raise WeightsError(
                f"{shown}: damaged: {_told(name)} lies at {slot.begin:,}..{slot.end:,}, "
                f"expected {at:,}..{at + needed:,}; fetch it again"
            )
        at = slot.end
    if at != size:
        raise WeightsError(f"{shown}: cut or damaged: {size:,} bytes of data, expected {at:,}; fetch it again")


def _check_shapes(shown: str, slots: Mapping[str, Slot], expected: Mapping[str, tuple[int, ...]]) -> None:
    wrong = [f"{name} is {slots[name].shape}, expected {tuple(shape)}" for name, shape in expected.items()
             if name in slots and slots[name].shape != tuple(shape)]  # fmt: skip
    missing = [f"{name} is missing" for name in expected if name not in slots]
    extra = [f"{_told(name)} is not expected" for name in slots if name not in expected]
    if problems := wrong + missing + extra:
        raise WeightsError(f"{shown}: weights of another network: {_some(problems)}")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more


def _told(text: str) -> str:
    return printable(text[:_TOLD_LETTERS])


def pickle_error(said: str) -> WeightsError:
    """Return the error for a pickle, with what its owner can do."""
    error = WeightsError(f"{said} (a pickle can run code when it is opened, and none is opened here)")
    error.add_note(CONVERSION)
    return error


def _starts_as_pickle(start: bytes) -> bool:
    # A header of 640, 896, 1,152 or 1,408 bytes begins with the same two bytes; zeros follow there alone.
    return start.startswith(_PICKLE_STARTS) and start[3:8] != bytes(5)


# --- data ----------------------------------------------------------------------------------------------------


def _digest(facts: Mapping[str, str], slots: Mapping[str, Slot], body: memoryview) -> str:
    names = sorted(slots)
    said = [facts["method"], facts["config"], facts["step"], [[n, slots[n].type, slots[n].shape] for n in names]]
    found = hashlib.sha256(json.dumps(said).encode())
    for name in names:
        found.update(body[slots[name].begin : slots[name].end])
    return found.hexdigest()


def _array(slot: Slot, body: memoryview) -> NDArray[np.float32]:
    raw = np.frombuffer(body[slot.begin : slot.end], _TYPES[slot.type])
    if slot.type == "BF16":
        raw = (raw.astype(np.uint32) << 16).view(np.float32)
    values: NDArray[np.float32] = raw.astype(np.float32).reshape(slot.shape)
    return values
