"""Results by content: what was measured once is not measured again, whatever the file is called.

    file ──► SHA-256 of its bytes, and what was done to it ──► key ──► measured.jsonl, a line for each

A line is appended as soon as it is known, so an analysis that was stopped goes on where it was. A last line that was
cut off is passed over.
"""

import base64
import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...media import files
from .. import lines
from .measure import VERSION, Measured

NAME = "measured.jsonl"


class Store:
    """What was measured so far.

    Args:
        folder: where `measured.jsonl` lies; it exists.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._found: dict[str, Measured] = {}
        for record in lines.read(self._path):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                if record["version"] == VERSION:
                    self._found[str(record["key"])] = _from(record)

    def get(self, key: str, work: Callable[[], Measured]) -> Measured:
        """Return what was measured under a key, now or before."""
        if key not in self._found:
            self._found[key] = work()
            lines.add(self._path, _record(key, self._found[key]))
        return self._found[key]

    def __contains__(self, key: object) -> bool:
        return key in self._found


def key_of(path: files.PathLike) -> str:
    """Return the key of a file: the SHA-256 of its bytes."""
    return hashlib.sha256(files.read_bytes(path)).hexdigest()


def _record(key: str, measured: Measured) -> dict[str, Any]:
    features = None if measured.features is None else base64.b64encode(measured.features.tobytes()).decode()
    return {
        "key": key,
        "version": VERSION,
        "kind": measured.kind,
        "scores": dict(measured.scores),
        "parts": dict(measured.parts),
        "features": features,
    }


def _from(record: dict[str, Any]) -> Measured:
    text = record["features"]
    features = None if text is None else np.frombuffer(base64.b64decode(text), np.float32)
    return Measured(str(record["kind"]), dict(record["scores"]), dict(record["parts"]), features)
