"""Cards: what is said about every model that ships, and nothing ships without.

models/NAME.safetensors + models/NAME.json ──► Card ──► models list, docs, hide
"""

import dataclasses
import json
import math
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, WeightsError, printable
from ..media import files
from . import strict

MAX_BYTES = 1 << 24
"""Of the weights of one shipped model: 16 MiB."""

COMMERCIAL = ("yes", "no", "unclear")
FIGURES = ("direct", "file")
"""Where figures come from: the networks' own floats, and the saved 8-bit or 16-bit file."""

_FIGURE = ("name", "value", "unit", "data", "n", "seed", "date")


@dataclass(frozen=True)
class Card:
    """What there is to know about a model; every field must be given.

    Attributes:
        name: of the model; ends in -nc exactly when `commercial` is "no".
        method: whose it is.
        title: one line.
        paper: the reference.
        configuration: the method's settings.
        data: what it was trained on: each {source, count, licence}.
        commercial: "yes", "no" or "unclear": whether the data's terms allow commercial use.
        steps: trained for.
        seconds: trained for.
        hardware: trained on.
        figures: {"direct": [...], "file": [...]}; each figure {name, value, unit, data, n, seed, date}.
        limits: what is missing, in words.
        recipe: the settings that rebuild it, and the command in words.
        made: date.
        bytes: of the file of weights.
        sha256: of that file, in hex.
    """

    name: str
    method: str
    title: str
    paper: str
    configuration: Mapping[str, Any]
    data: list[Mapping[str, Any]]
    commercial: str
    steps: int
    seconds: float
    hardware: str
    figures: Mapping[str, Any]
    limits: str
    recipe: Mapping[str, Any]
    made: str
    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise WeightsError(f"card of {printable(self.name)}: {problem}")

    def _problems(self) -> list[str]:
        found = []
        if self.commercial not in COMMERCIAL:
            found.append(f"commercial is {self.commercial!r}; expected {', '.join(COMMERCIAL)}")
        if self.name.endswith("-nc") != (self.commercial == "no"):
            found.append("a name ends in -nc exactly when commercial is no")
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            found.append("sha256 is not 64 digits")
        found += [f"{name} is below 0" for name in ("steps", "seconds") if getattr(self, name) < 0]
        if not 0 < self.bytes <= MAX_BYTES:
            found.append(f"bytes is {self.bytes:,}; shipped weights have at most {MAX_BYTES:,}")
        found += ["data is empty"] if not self.data else _lacking("data", self.data, ("source", "count", "licence"))
        for column in FIGURES:
            figures = self.figures.get(column)
            if not isinstance(figures, list):
                found.append(f"figures lacks {column}")
            else:
                found += _lacking(f"figures {column}", figures, _FIGURE) or _wordy(column, figures)
        if self.figures.get("file") == []:
            found.append("figures file is empty; every model that ships was measured in files")
        return found


def read(path: Path) -> Card:
    """Read a card.

    Raises:
        WeightsError: it is missing, a field is, or one has the wrong type.
    """
    shown = files.shown(path)
    try:
        found = strict.parse(files.read_bytes(path))
    except InputError as error:
        raise WeightsError(f"{error}; weights without a card are not loaded") from error
    except ValueError as error:
        raise WeightsError(f"{shown}: not a card: {error!r:.120}") from error
    if not isinstance(found, dict):
        raise WeightsError(f"{shown}: not a card")
    wanted = typing.get_type_hints(Card)
    for name, kind in wanted.items():
        if name not in found:
            raise WeightsError(f"{shown}: the card lacks {name}; weights without a complete card are not loaded")
        if not _is(found[name], kind):
            raise WeightsError(f"{shown}: {name} is {found[name]!r:.40}; expected {_word(kind)}")
    if extra := [name for name in found if name not in wanted]:
        raise WeightsError(f"{shown}: {extra[0]!r} is no field of a card")
    return Card(**found)


def write(path: Path, card: Card) -> None:
    """Write a card."""
    files.write_output(path, (json.dumps(dataclasses.asdict(card), indent=2) + "\n").encode(), force=True)


def _lacking(what: str, rows: list[Any], keys: tuple[str, ...]) -> list[str]:
    lacks = [key for row in rows for key in keys if not isinstance(row, dict) or key not in row]
    return [f"{what} lacks {lacks[0]}"] if lacks else []


def _wordy(column: str, rows: list[Any]) -> list[str]:
    wordy = [row for row in rows if not _is(row["value"], float)]
    return [f"figures {column}: value is {wordy[0]['value']!r:.40}; expected a number"] if wordy else []


def _is(value: object, kind: Any) -> bool:  # noqa: ANN401 (a type)
    origin = typing.get_origin(kind) or kind
    if origin is float:
        return _is(value, int) or (isinstance(value, float) and math.isfinite(value))
    if origin is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin) and not (origin is str and not value)


def _word(kind: Any) -> str:  # noqa: ANN401 (a type)
    words: dict[Any, str] = {str: "text that says something", int: "a whole number", float: "a number", list: "a list"}
    return words.get(typing.get_origin(kind) or kind, "a mapping")
