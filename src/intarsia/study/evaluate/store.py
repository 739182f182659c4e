"""What is known: `items.jsonl` in the output folder, a line for each task, appended as soon as it is measured.

    key ─► line: when, by which release, what it was, values, files kept

A later line of a key takes the place of an earlier one; a last line that was cut off is passed over.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import lines
from .tasks import VERSION

NAME = "items.jsonl"
Line = Mapping[str, Any]


class Store:
    """Lines by key.

    Args:
        folder: where `items.jsonl` lies; it exists.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / NAME
        self._lines: dict[str, Line] = {}
        for record in lines.read(self._path):
            with contextlib.suppress(KeyError, TypeError):
                if record["version"] == VERSION:
                    self._lines[str(record["key"])] = record

    def get(self, key: str) -> Line | None:
        """Return the line of a key."""
        return self._lines.get(key)

    def add(self, key: str, line: Line) -> None:
        """Keep a line, on disk at once."""
        record = {"key": key, "version": VERSION, **line}
        lines.add(self._path, record)
        self._lines[key] = record

    def __len__(self) -> int:
        return len(self._lines)
