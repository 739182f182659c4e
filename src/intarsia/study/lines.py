"""Files that grow by a line of JSON at a time, and may be cut off anywhere: what long work knows so far."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..media import files


def add(path: Path, record: Mapping[str, Any]) -> None:
    """Add a line; one that was cut off before it is ended first.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        with path.open("a+b") as stream:
            if stream.seek(0, 2):
                stream.seek(-1, 2)
                stream.write(b"" if stream.read(1) == b"\n" else b"\n")
            stream.write(json.dumps(dict(record)).encode() + b"\n")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{files.shown(path)}: cannot be written: {reason}") from error


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines that are whole; no file is no lines."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict):
                yield record
