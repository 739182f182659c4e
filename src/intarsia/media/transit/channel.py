"""What a channel is: a name, a function, its arguments and their ranges."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ...errors import UsageError

PLURALS = {"image": "pictures", "audio": "sounds"}
"""How messages name what a channel is for, by the kind of a value."""

_NUMBER = re.compile(r"-?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,15}", re.ASCII)
_SIDES = re.compile(r"(\d{1,9})(?:x(\d{1,9}))?", re.ASCII)

Strength = int | float | tuple[int, int]
"""What an argument may be, once read."""


class Argument(Protocol):
    """One argument of a channel."""

    @property
    def name(self) -> str:
        """What it is, in capitals."""

    @property
    def default(self) -> Strength | None:
        """What is taken when it is left out; None when it cannot be."""

    @property
    def range(self) -> str:
        """What is expected, in words."""

    def read(self, text: str) -> Strength:
        """Return what a text means.

        Raises:
            ValueError: it is not what is expected.
        """


@dataclass(frozen=True)
class Amount:
    """A number.

    Attributes:
        name: what it is, in capitals.
        low: the smallest allowed.
        high: the largest allowed.
        whole: whether it has no fraction.
        default: what is taken when it is left out, or None.
    """

    name: str
    low: float
    high: float
    whole: bool = False
    default: Strength | None = None

    @property
    def range(self) -> str:
        """What is expected, in words."""
        return f"a {'whole ' if self.whole else ''}number from {self.low:g} to {self.high:.15g}"

    def read(self, text: str) -> Strength:
        """Return the number; neither exponents, nor NaN, nor infinity are numbers here."""
        if not (_WHOLE if self.whole else _NUMBER).fullmatch(text):
            raise ValueError(text)
        value = int(text) if self.whole else float(text)
        if not self.low <= value <= self.high:
            raise ValueError(text)
        return value


@dataclass(frozen=True)
class Sides:
    """The size of a picture: its longest side, or width and height, in pixels."""

    name: str
    high: int
    default: Strength | None = None

    @property
    def range(self) -> str:
        """What is expected, in words."""
        return f"a longest side or WIDTHxHEIGHT, each from 1 to {self.high}"

    def read(self, text: str) -> Strength:
        """Return the longest side, or width and height."""
        found = _SIDES.fullmatch(text)
        sides = tuple(int(side) for side in found.groups() if side) if found else ()
        if not sides or not all(1 <= side <= self.high for side in sides):
            raise ValueError(text)
        return sides[0] if len(sides) == 1 else (sides[0], sides[1])


SEED = Amount("SEED", 0, 10**15 - 1, whole=True, default=0)
"""Last argument of every channel that draws by chance."""


@dataclass(frozen=True)
class Channel:
    """One thing that happens to values of one kind.

    Attributes:
        name: what it is called.
        work: value and arguments to what the receiver gets.
        what: one line about it.
        arguments: what stands after the name, between colons; `SEED` last where chance is drawn.
        example: how it may be written.
        suffixes: of the file that travels; none when the channel makes no file of its own.
        kind: "image" or "audio".
    """

    name: str
    work: Callable[..., Any]
    what: str
    arguments: tuple[Argument, ...] = ()
    example: str = ""
    suffixes: tuple[str, ...] = ()
    kind: str = ""

    @property
    def usage(self) -> str:
        """Return name and arguments as they are written: "cut:SHARE[:PIECES[:SEED]]"."""
        text, closing = self.name, ""
        for argument in self.arguments:
            is_free = argument.default is not None
            text += f"{'[' if is_free else ''}:{argument.name}"
            closing += "]" if is_free else ""
        return text + closing

    def read(self, words: list[str], seed: int) -> tuple[Strength, ...]:
        """Return the arguments.

        Args:
            words: what stands after the name, split at the colons.
            seed: of a channel that draws, when the words do not say it.

        Raises:
            UsageError: too many or too few, or one that cannot be meant; the message says what is expected.
        """
        written = ":".join([self.name, *words])
        needed = sum(argument.default is None for argument in self.arguments)
        if not needed <= len(words) <= len(self.arguments):
            as_in = f", as in {self.example}" if self.example else ""
            raise UsageError(f"channel {written!r}: expected {self.usage}{as_in}")
        values = [_read(written, *pair) for pair in zip(self.arguments, words, strict=False)]
        rest = self.arguments[len(words) :]
        return (*values, *(seed if one is SEED else one.default for one in rest if one.default is not None))


def _read(written: str, argument: Argument, word: str) -> Strength:
    try:
        return argument.read(word)
    except ValueError:
        raise UsageError(f"channel {written!r}: {argument.name} is {word!r}; expected {argument.range}") from None


def spelled(value: Strength) -> str:
    """Return an argument as it is written."""
    if isinstance(value, tuple):
        return f"{value[0]}x{value[1]}"
    return str(value) if isinstance(value, int) else f"{value:.15f}".rstrip("0").rstrip(".")
