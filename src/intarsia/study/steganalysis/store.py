"""Results by content: what was measured once is not measured again, whatever the file is called.

    file ──► SHA-256 of its bytes, and what was done to it ──► key ──► measured.jsonl, a line for each

A line is appended as soon as it is known, so an analysis that was stopped goes on where it was. A last line that was
cut off is passed over.
"""

import base64
import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import OutputError
from ...media import files
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
        if self._path.exists():
            for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    record = json.loads(line)
                    if record["version"] == VERSION:
                        self._found[str(record["key"])] = _from(record)

    def get(self, key: str, work: Callable[[], Measured]) -> Measured:
        """Return what was measured under a key, now or before."""
        if key not in self._found:
            self._found[key] = work()
            self._append(_record(key, self._found[key]))
        return self._found[key]

    def __contains__(self, key: object) -> bool:
        return key in self._found

    def _append(self, record: dict[str, Any]) -> None:
        try:
            with self._path.open("a+b") as stream:
                stream.seek(0, 2)
                if stream.tell():
                    stream.seek(-1, 2)
                    whole = stream.read(1) == b"\n"
                    stream.write(b"" if whole else b"\n")
                stream.write(json.dumps(record).encode() + b"\n")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError(f"{files.shown(self._path)}: cannot be written: {reason}") from error


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
