"""Secrets as functions: what is asked, what is answered, and what the receiver must know to ask again.

    video    (t, y, x) ─► red, green, blue      -1..1 along every axis, values -1..1
    picture  (y, x)    ─► red, green, blue
    sound    (t)       ─► channels              -100..100, values divided by the largest
    shape    (x, y, z) ─► distance to the surface, negative inside; the longest side is 1.8

A function has no resolution: `at` asks the same one at another size, rate or grid. Ends of an axis stay where they are.
Coordinates as in the code of SIREN.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import ClassVar

import numpy as np

from ...errors import InputError, UsageError
from ...media import Audio, Image, Shape, Value, Video
from ...media.audio import from_float
from ..picture_in_picture import as_colour
from .colours import Means, answered, levels, means_of
from .plan import Floats

LONGEST = 1.8
"""Longest side of a shape in the cube -1..1."""

GRID = 128
"""Cells along a side of that cube a shape is revealed with, unless asked otherwise."""

MAX_ASKED = 1 << 28
"""Values that may be asked of a field at once."""

MEANS = struct.Struct("<3f")
"""The last bytes of a signal that knows the means of its colours."""


@dataclass(frozen=True)
class Signal:
    """What all kinds share.

    Attributes:
        counts: points along each axis.
    """

    counts: tuple[int, ...]

    letter: ClassVar[str]
    outputs: ClassVar[int] = 3
    span: ClassVar[float] = 1.0
    asked: ClassVar[tuple[str, ...]] = ("size",)

    @property
    def inputs(self) -> int:
        """Coordinates."""
        return len(self.counts)

    @property
    def answers(self) -> int:
        """Values a point has."""
        return self.outputs

    def coordinates(self) -> Floats:
        """Return every point, float32 [N, inputs], the last axis fastest."""
        axes = [np.linspace(-self.span, self.span, count, dtype=np.float32) if count > 1 else np.zeros(1, np.float32)
                for count in self.counts]  # fmt: skip
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, self.inputs)

    def pack(self) -> bytes:
        """Return what the receiver must know."""
        raise NotImplementedError

    def at(self, settings: Mapping[str, object]) -> "Signal":
        """Return the same signal at another size, rate or grid.

        Raises:
            UsageError: it has no such thing, or the value cannot be meant.
        """
        wrong = [key for key in settings if key not in self.asked]
        if wrong:
            raise UsageError(
                f"this field holds {_KIND[self.letter]}, which is revealed with {', '.join(self.asked)}; leave out "
                f"{', '.join(wrong)}"
            )
        found = self._at(settings)
        if np.prod(found.counts, dtype=object) > MAX_ASKED:
            raise UsageError(f"{settings}: more than {MAX_ASKED:,} points; ask for fewer")
        return found

    def _at(self, settings: Mapping[str, object]) -> "Signal":
        return replace(self, counts=(*self.counts[:-2], *_size(settings, self.counts[-2:])))

    def value(self, answers: Floats, name: str) -> Value:
        """Return the secret for answers [N, outputs]."""
        raise NotImplementedError


@dataclass(frozen=True)
class Coloured(Signal):
    """What has colours.

    Attributes:
        means: of each colour over all points; None: what the field says.
    """

    means: Means | None = None

    _facts: ClassVar[struct.Struct]

    def pack(self) -> bytes:
        """What a kind needs, and the means, if there are."""
        return self._own() + (b"" if self.means is None else MEANS.pack(*self.means))

    def _own(self) -> bytes:
        raise NotImplementedError


@dataclass(frozen=True)
class Still(Coloured):
    """A picture: counts are rows and columns."""

    letter = "i"

    _facts = struct.Struct("<2I")

    def _own(self) -> bytes:
        return self._facts.pack(*self.counts)

    @staticmethod
    def unpack(data: bytes) -> "Still":
        """Undo `pack`."""
        own, means = _split(data, Still._facts)
        return Still(own, means)

    def value(self, answers: Floats, name: str) -> Image:
        """Return the picture."""
        return Image(levels(answers).reshape(*self.counts, 3), name=name)


@dataclass(frozen=True)
class Moving(Coloured):
    """A video: counts are frames, rows and columns.

    Attributes:
        rate: frames in one second.
    """

    rate: Fraction = Fraction(24)

    letter = "v"
    asked = ("size", "rate")

    _facts = struct.Struct("<3I2Q")

    def _own(self) -> bytes:
        return self._facts.pack(*self.counts, *self.rate.as_integer_ratio())

    @staticmethod
    def unpack(data: bytes) -> "Moving":
        """Undo `pack`."""
        (*counts, above, below), means = _split(data, Moving._facts)
        return Moving(tuple(counts), means, Fraction(above, below))

    def _at(self, settings: Mapping[str, object]) -> Signal:
        rate = Fraction(_number(settings, "rate", float(self.rate))).limit_denominator(1001)
        frames = self.counts[0] if "rate" not in settings else max(1, round(self.counts[0] / self.rate * rate))
        counts = (frames, *_size(settings, self.counts[1:]))
        return replace(self, counts=counts, rate=rate if "rate" in settings else self.rate)

    def value(self, answers: Floats, name: str) -> Video:
        """Return the video."""
        return Video(levels(answers).reshape(*self.counts, 3), self.rate, name=name)


@dataclass(frozen=True)
class Sound(Signal):
    """A sound: counts are its time samples.

    Attributes:
        channels: C.
        rate: Hz.
        depth: bits.
        peak: largest value, 0..1, which the field's 1 stands for.
    """

    channels: int = 1
    rate: int = 22_050
    depth: int = 16
    peak: float = 1.0

    letter = "a"
    span = 100.0
    asked = ("rate",)

    @property
    def answers(self) -> int:
        """One for each channel."""
        return self.channels

    def pack(self) -> bytes:
        """All there is."""
        return struct.pack("<2I2Bf", *self.counts, self.rate, self.channels, self.depth, self.peak)

    @staticmethod
    def unpack(data: bytes) -> "Sound":
        """Undo `pack`."""
        length, rate, channels, depth, peak = struct.unpack("<2I2Bf", data)
        return Sound((length,), channels, rate, depth, peak)

    def _at(self, settings: Mapping[str, object]) -> Signal:
        rate = round(_number(settings, "rate", self.rate))
        return replace(self, counts=(max(1, round(self.counts[0] * rate / self.rate)),), rate=rate)

    def value(self, answers: Floats, name: str) -> Audio:
        """Return the sound."""
        samples = from_float(answers.astype(np.float64) * self.peak, self.depth)
        if self.depth == 8:
            return Audio.of((samples + 128).astype(np.uint8), self.rate, name=name)
        kind = np.int16 if self.depth == 16 else np.int32
        return Audio.of(samples.astype(kind), self.rate, depth=self.depth, name=name)


@dataclass(frozen=True)
class Solid(Signal):
    """A shape: counts are points of a cubic grid, one more than cells.

    Attributes:
        centre: of the box around it, in its own units.
        scale: its own units in one of the cube's.
    """

    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float = 1.0

    letter = "s"
    outputs = 1
    asked = ("grid",)

    def pack(self) -> bytes:
        """Where it is."""
        return struct.pack("<4d", *self.centre, self.scale)

    @staticmethod
    def unpack(data: bytes) -> "Solid":
        """Undo `pack`."""
        x, y, z, scale = struct.unpack("<4d", data)
        return Solid((GRID + 1,) * 3, (x, y, z), scale)

    def _at(self, settings: Mapping[str, object]) -> Signal:
        cells = round(_number(settings, "grid", GRID))
        if not 8 <= cells <= 512:
            raise UsageError(f"grid={cells}; expected 8 to 512 cells along a side")
        return replace(self, counts=(cells + 1,) * 3)


_KIND = {"i": "a picture", "v": "a video", "a": "a sound", "s": "a shape"}
_UNPACK = {"i": Still.unpack, "v": Moving.unpack, "a": Sound.unpack, "s": Solid.unpack}


def signal_of(value: Value, *, means: bool = False) -> Signal:
    """Return a secret as a signal; `means`: with those of its colours, where it has colours.

    Raises:
        UsageError: it is not a kind a field can be fitted to.
    """
    if isinstance(value, Image):
        return Still((value.height, value.width), means_of(as_colour(value)) if means else None)
    if isinstance(value, Video):
        counts = (value.length, value.height, value.width)
        return Moving(counts, means_of(value.frames) if means else None, value.rate)
    if isinstance(value, Audio):
        peak = float(np.abs(value.planes()).max())
        return Sound((value.length,), value.channels, value.rate, value.depth, peak or 1.0)
    if isinstance(value, Shape):
        if value.size == 0:
            raise UsageError("the shape has no size: all its vertices are one point")
        low, high = (ends(value.vertices, axis=0).astype(np.float64) for ends in (np.min, np.max))
        x, y, z = ((low + high) / 2).tolist()
        return Solid((GRID + 1,) * 3, (x, y, z), value.size / LONGEST)
    raise UsageError(f"a field is fitted to a video, a sound, a shape or a picture, not to {value.kind}")


def unpacked(letter: str, data: bytes) -> Signal:
    """Undo `pack`."""
    try:
        return _UNPACK[letter](data)
    except (KeyError, struct.error, ZeroDivisionError) as error:
        raise InputError(
            "the container's field is of a kind this release does not know; a newer one is needed"
        ) from error


def targets(value: Value, signal: Signal) -> Floats:
    """Return the answers a secret gives at its own points, float32 [N, outputs], -1..1; not for shapes."""
    if isinstance(value, Image):
        return answered(as_colour(value))
    if isinstance(value, Video):
        return answered(value.frames)
    assert isinstance(value, Audio)
    assert isinstance(signal, Sound)
    return np.ascontiguousarray(value.planes().T) / np.float32(signal.peak)


def _split(data: bytes, facts: struct.Struct) -> tuple[tuple[int, ...], Means | None]:
    """Return what `facts` reads, and the means behind it, if there are."""
    if len(data) == facts.size:
        return facts.unpack(data), None
    red, green, blue = MEANS.unpack(data[facts.size :])
    return facts.unpack_from(data), (red, green, blue)


def _size(settings: Mapping[str, object], own: tuple[int, ...]) -> tuple[int, int]:
    """Return rows and columns of size=WxH."""
    if "size" not in settings:
        return own[0], own[1]
    words = str(settings["size"]).lower().split("x")
    if len(words) != 2 or not all(word.isdecimal() and 0 < int(word) <= 1 << 16 for word in words):
        raise UsageError(f"size={settings['size']!r}; expected WIDTHxHEIGHT, as size=256x192")
    return int(words[1]), int(words[0])


def _number(settings: Mapping[str, object], key: str, own: float) -> float:
    try:
        found = float(str(settings.get(key, own)))
    except ValueError:
        found = -1.0
    if not 0 < found <= 1e6:
        raise UsageError(f"{key}={settings[key]!r}; expected a number above 0")
    return found
