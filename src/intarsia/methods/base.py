"""What every method is: facts about itself, settings, and the pair hide / reveal.

A method is handed values and a channel. It never sees a file, a password, a key or the header; those belong to
the pipeline.
"""

import copy
import dataclasses
import difflib
import math
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..carrier.channel import Channel
from ..codes import shape as shape_code
from ..engine.recipe import Recipe
from ..errors import UsageError
from ..media import Audio, Blob, Cover, Image, Shape, Value, Video, shape_metrics, sound_metrics, video_metrics
from ..media.image import psnr

Progress = Callable[[str, float], None]
"""Called with what is being done and the share done, 0..1; behind a colon, how well it goes."""

Reader = Callable[[Cover], NDArray[np.uint8] | None]
"""Reads a file without a key, as a picture [H, W, C]; None: not of a kind, or a length, that can be read."""

ConfigT = TypeVar("ConfigT")


@dataclass(frozen=True)
class Facts:
    """What a method is, for tables and help.

    Attributes:
        name: as in `--method`.
        title: one line.
        hides: kinds of secret it hides, by kind of cover.
        exact: whether the saved file gives back the very bytes that were written.
        encrypted: whether the content is unreadable without the password.
        paper: reference in words.
        bibtex: the same for `--cite`.
    """

    name: str
    title: str
    hides: Mapping[str, tuple[str, ...]]
    exact: bool
    encrypted: bool
    paper: str
    bibtex: str

    @property
    def covers(self) -> tuple[str, ...]:
        """Kinds of medium it hides in."""
        return tuple(self.hides)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Kinds of medium it hides, in whatever cover."""
        return tuple(dict.fromkeys(kind for kinds in self.hides.values() for kind in kinds))


@dataclass(frozen=True)
class Entry:
    """One secret as the header lists it.

    Attributes:
        kind: "image", "audio", "video", "shape", "text" or "blob".
        length: payload bytes in the channel.
        name: file name without folders, or "".
    """

    kind: str
    length: int
    name: str = ""


@dataclass(frozen=True)
class Placed:
    """What `Method.hide` did.

    Attributes:
        length: payload bytes it wrote to the channel.
        promise: least `compare` the saved file must give back, dB; inf means identical.
        settings: what `reveal` needs besides keys; sealed in the header.
        notes: what the user should know, one sentence each.
        carried: bytes the secret takes in the cover, for reports; None when that is `length`.
    """

    length: int
    promise: float
    settings: bytes = b""
    notes: tuple[str, ...] = ()
    carried: int | None = None

    @property
    def size(self) -> int:
        """Bytes the secret takes, as reports give it."""
        return self.length if self.carried is None else self.carried


class Method(ABC, Generic[ConfigT]):
    """A way to hide one value in a cover. Rooms make one instance and call it METHOD."""

    facts: ClassVar[Facts]
    Config: type[ConfigT]
    settings_bytes: ClassVar[int] = 0
    """Most bytes of `Placed.settings`."""
    recipe: ClassVar[Recipe | None] = None
    """How its networks are trained as published; None: it has none."""
    partial: ClassVar[bool] = False
    """Whether a damaged container gives back what is left of a secret, where others give the whole or nothing."""
    fits: ClassVar[bool] = False
    """Whether every secret is fitted anew, for minutes: then it is given a bench."""
    bench: Path | None = None
    """Where the state of a fit is kept; None: nowhere."""

    @property
    def model_name(self) -> str | None:
        """Name of the trained model it hides with; None: it has no networks."""
        return None

    def equip(self, model: str | None, device: str = "auto") -> Self:
        """Return this method with a trained model to use, a name or a run folder, on a device.

        Raises:
            UsageError: it has no networks, and a model was named.
        """
        if model is not None:
            raise UsageError(f"--model {model}: {self.facts.name} has no networks, so no trained models either")
        return self

    def takes(self, cover: str) -> tuple[str, ...]:
        """Return the kinds of secret it hides in a kind of cover, with the model it has."""
        return self.facts.hides.get(cover, ())

    def on_bench(self, bench: Path) -> Self:
        """Return this method with a folder to keep the state of a fit in; see `engine.bench`."""
        equipped = copy.copy(self)
        equipped.bench = bench
        return equipped

    def viewing(self, settings: Mapping[str, object]) -> Self:
        """Return this method, to reveal as these settings say.

        Raises:
            UsageError: it has no such settings.
        """
        raise UsageError(
            f"method {self.facts.name!r} takes no settings when revealing; leave out {', '.join(settings)}"
        )

    def bare(self, cover: Cover, settings: Mapping[str, object]) -> Value | None:
        """Return what it reads off a container whose header is lost, unauthenticated; None: it needs the header.

        Raises:
            NoSecretError: nothing can be read off this one.
            UsageError: it has no such settings.
        """
        return None

    def reader(self) -> Reader | None:
        """Return what reads any file without a key, to tell whether something is there; None: nobody can."""
        return None

    def notices(self) -> tuple[str, ...]:
        """Return what the user should know about where it runs, one sentence each."""
        return ()

    def settle(self, settings: Mapping[str, object]) -> ConfigT:
        """Make the settings to hide with from `KEY=VALUE` pairs.

        Raises:
            UsageError: unknown key, or a value that cannot be meant.
        """
        return configure(self.Config, settings, self.facts.name)

    @abstractmethod
    def hide(self, cover: Cover, secret: Value, channel: Channel, config: ConfigT, progress: Progress) -> Placed:
        """Write `secret` into `channel`, whose samples are the cover's.

        Raises:
            DoesNotFitError: the channel is too small under these settings.
            UsageError: this method cannot hide that kind of secret.
        """

    @abstractmethod
    def reveal(self, cover: Cover, channel: Channel, entry: Entry, settings: bytes, progress: Progress) -> Value:
        """Read back what `hide` wrote; `cover` is the container as read from its file.

        Raises:
            NoSecretError: damaged.
        """

    def hide_all(
        self, cover: Cover, secrets: Sequence[Value], channel: Channel, config: ConfigT, progress: Progress
    ) -> list[Placed]:
        """Write several secrets into `channel`; a method that can do so overrides this.

        Raises:
            UsageError: this method hides one secret.
        """
        if len(secrets) != 1:
            raise UsageError(f"{self.facts.name} hides one secret in a cover, not {len(secrets)}; use --method exact")
        return [self.hide(cover, secrets[0], channel, config, progress)]

    def reveal_all(
        self, cover: Cover, channel: Channel, entries: Sequence[Entry], settings: bytes, progress: Progress
    ) -> list[Value]:
        """Read back what `hide_all` wrote, in its order."""
        return [self.reveal(cover, channel, entries[0], settings, progress)]

    def capacity(self, cover: Cover, channel: Channel, config: ConfigT) -> int:
        """Return the bytes of the largest secret that cannot be compressed."""
        return channel.budget()

    def compare(self, original: Value, revealed: Value, cover: Cover) -> float:
        """Return how close the revealed value is to what was given, in dB; inf when identical.

        PSNR of a picture, mean PSNR of the frames of a video, SNR of a sound, 20 log10(size / distance) of a shape.

        Values of another kind or shape than the original's are -inf.
        """
        if isinstance(original, Image) and isinstance(revealed, Image):
            same_shape = original.samples.shape == revealed.samples.shape and original.depth == revealed.depth
            return psnr(original, revealed) if same_shape else -math.inf
        if isinstance(original, Audio) and isinstance(revealed, Audio):
            facts, others = ((a.length, a.channels, a.rate, a.depth) for a in (original, revealed))
            return sound_metrics.snr_of(original, revealed) if facts == others else -math.inf
        if isinstance(original, Video) and isinstance(revealed, Video):
            like = original.frames.shape == revealed.frames.shape and original.rate == revealed.rate
            return video_metrics.mean_psnr(original, revealed) if like else -math.inf
        if isinstance(original, Shape) and isinstance(revealed, Shape):
            return _nearness(original, revealed)
        same = isinstance(original, Blob) and isinstance(revealed, Blob) and original.data == revealed.data
        return math.inf if same else -math.inf


def _nearness(original: Shape, revealed: Shape) -> float:
    """Return how near two surfaces are, in dB as the code of shapes gives it; inf for the very same triangles."""
    if np.array_equal(original.vertices, revealed.vertices) and np.array_equal(original.faces, revealed.faces):
        return math.inf
    found = shape_metrics.distances(original, revealed, samples=shape_code.MEASURED, vertices=False)
    return shape_code.quality(found.mean)


def no_progress(_stage: str, _share: float) -> None:
    """Report to nobody."""


def configure(config: type[ConfigT], settings: Mapping[str, object], method: str) -> ConfigT:
    """Make a method's settings from `KEY=VALUE` pairs; text is read as the field's type.

    Raises:
        UsageError: unknown key (the nearest names are given) or a value that cannot be meant.
    """
    types = typing.get_type_hints(config)
    fields = [field.name for field in dataclasses.fields(config)]  # type: ignore[arg-type]
    for key in settings:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(fields)}"
            raise UsageError(f"{method} has no setting {key!r}; {hint}")
    return config(**{key: _read_setting(key, value, types[key]) for key, value in settings.items()})


def _read_setting(key: str, value: object, wanted: Any) -> object:  # noqa: ANN401 (a type, or a union of types)
    kinds = typing.get_args(wanted) or (wanted,)
    if not isinstance(value, str):
        allowed = (*kinds, int) if float in kinds else kinds
        if isinstance(value, allowed) and not (isinstance(value, bool) and bool not in kinds):
            return value
        raise UsageError(f"setting {key} is {value!r}; expected {_names(kinds)}")
    for kind in kinds:
        try:
            if kind is bool:
                return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[value.lower()]
            if kind in (int, float, str) and not (kind is float and math.isnan(float(value))):
                return kind(value)
        except (ValueError, KeyError):
            continue
    raise UsageError(f"setting {key}={value!r}; expected {_names(kinds)}")


def _names(kinds: tuple[type, ...]) -> str:
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "nothing"}
    return " or ".join(words.get(kind, kind.__name__) for kind in kinds)
