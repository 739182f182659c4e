"""Names to channels that can be learnt through: "jpeg:75", "noise:40+gain:-6", "png|jpeg:75|jpeg:50+blur:1".

    text ─parse─► Chain ── rounded ── step ── rounded ── step ── rounded ──► what the receiver gets

A text is one way, or several joined by "|", of which every call draws one. A way is one step, or several joined by
"+" or ",". Names and arguments are those of `media.transit`, but for the seed: here, chance is the caller's generator.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...errors import UsageError
from ...media import transit
from ...media.transit.channel import PLURALS, SEED, Channel
from ...media.transit.table import Step
from .. import rounding
from ..rounding import Outside
from . import pictures, sounds
from .jpeg import jpeg


@dataclass(frozen=True)
class Around:
    """What a step may need besides its arguments.

    Attributes:
        generator: of its draws; None is torch's own.
        rate: of sounds, Hz; 0 when it is not known.
    """

    generator: torch.Generator | None = None
    rate: int = 0


@dataclass(frozen=True)
class Chain:
    """What happens to a container on its way.

    Attributes:
        kind: "image" or "audio".
        ways: of which each call draws one; a way is steps, one after the other.
        rate: of sounds, Hz; 0 when no step needs it.
    """

    kind: str
    ways: tuple[tuple[Step, ...], ...]
    rate: int = 0

    @property
    def text(self) -> str:
        """How it is written, all arguments said."""
        return "|".join("+".join(step.text for step in way) for way in self.ways)

    def __call__(
        self, values: Tensor, generator: torch.Generator | None = None, *, outside: Outside = "pass"
    ) -> Tensor:
        """Return what the receiver gets: saved, sent, and rounded after every step, as the real channels do.

        Args:
            values: pictures [B, C, H, W] in 0..1, C 3 or 1; or sounds [B, T] or [B, C, T] in -1..1.
            generator: of all draws, on any device.
            outside: what becomes of the gradient where something is clipped; see `rounding`.

        Returns:
            The same shape, on the levels of 8-bit pictures or 16-bit sounds.
        """
        if values.ndim not in ((4,) if self.kind == "image" else (2, 3)):
            expected = "[B, C, H, W]" if self.kind == "image" else "[B, T] or [B, C, T]"
            raise ValueError(f"{PLURALS[self.kind]} {list(values.shape)}; expected {expected}")
        around = Around(generator, self.rate)
        saved = rounding.picture if self.kind == "image" else rounding.sound
        values = saved(values, outside=outside)
        for step in self._drawn(generator):
            values = saved(step.channel.work(values, around, *step.values), outside=outside)
        return values

    def _drawn(self, generator: torch.Generator | None) -> tuple[Step, ...]:
        if len(self.ways) == 1:
            return self.ways[0]
        device = "cpu" if generator is None else generator.device
        return self.ways[int(torch.randint(len(self.ways), (), generator=generator, device=device))]


def parse(text: str, kind: str, *, rate: int = 0) -> Chain:
    """Return the chain that a text names.

    Args:
        text: such as "jpeg:75", "noise:40+gain:-6" or "png|jpeg:75".
        kind: of the container: "image" or "audio".
        rate: of sounds, Hz; needed by resample, lowpass and echo.

    Raises:
        UsageError: no such channel (the message names the nearest), or arguments that cannot be meant.
    """
    if kind not in TABLES:
        raise UsageError(f"{kind} has no channels; expected image or audio")
    ways = tuple(
        tuple(_step(word.strip(), kind, rate) for word in way.replace(",", "+").split("+")) for way in text.split("|")
    )
    return Chain(kind, ways, rate)


def _step(text: str, kind: str, rate: int) -> Step:
    name, *words = text.split(":")
    channel = TABLES[kind].get(name)
    if channel is None:
        raise _unknown(name, kind)
    if name in NEED_RATE and kind == "audio" and rate <= 0:
        raise UsageError(f"channel {text!r} needs the rate of the sounds; say it in Hz")
    return Step(channel, channel.read(words, 0))


def _unknown(name: str, kind: str) -> UsageError:
    known = list(TABLES[kind])
    have = f"{PLURALS[kind]} have {', '.join(known)}"
    if name in (transit.PICTURES if kind == "image" else transit.SOUNDS):
        return UsageError(f"channel {name!r} cannot be learnt through; {have}")
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    said = f"did you mean {' or '.join(near)}?" if near else have
    return UsageError(f"unknown channel {name!r}; {said}")


# --- the tables ---------------------------------------------------------------------------------------------

Work = Callable[..., Tensor]


def _twins(kind: str, real: Mapping[str, Channel], works: Mapping[str, Work]) -> dict[str, Channel]:
    """Rows of the real table with other work; chance needs no seed, and no file is made."""
    return {
        name: replace(
            real[name],
            work=work,
            arguments=tuple(one for one in real[name].arguments if one is not SEED),
            suffixes=(),
            kind=kind,
        )
        for name, work in works.items()
    }


PICTURES = _twins(
    "image",
    transit.PICTURES,
    {
        "png": lambda x, _: x,
        "jpeg": lambda x, _, quality: jpeg(x, quality, "4:2:0"),
        "jpeg444": lambda x, _, quality: jpeg(x, quality, "4:4:4"),
        "resize": lambda x, _, factor: pictures.resize(x, factor),
        "blur": lambda x, _, sigma: pictures.blur(x, sigma),
        "noise": lambda x, around, deviation: pictures.noise(x, deviation, around.generator),
        "plusminus1": lambda x, around: pictures.plusminus1(x, around.generator),
        "grey": lambda x, _: pictures.grey(x),
        "quantise": lambda x, _, bits: pictures.quantise(x, bits),
        "brightness": lambda x, _, factor: pictures.brightness(x, factor),
        "contrast": lambda x, _, factor: pictures.contrast(x, factor),
    },
)
"""What happens to pictures, by name."""

SOUNDS = _twins(
    "audio",
    transit.SOUNDS
    | {"hold": replace(transit.SOUNDS["zero"], name="hold", what="a share stands still, by chance", example="hold:.2")},
    {
        "wav": lambda x, _: x,
        "resample": lambda x, around, hertz: sounds.resample(x, around.rate, hertz),
        "zero": lambda x, around, share, pieces: sounds.zero(x, share, pieces, around.generator),
        "hold": lambda x, around, share, pieces: sounds.hold(x, share, pieces, around.generator),
        "gain": lambda x, _, decibels: sounds.gain(x, decibels),
        "noise": lambda x, around, snr: sounds.noise(x, snr, around.generator),
        "plusminus1": lambda x, around: sounds.plusminus1(x, around.generator),
        "requantise": lambda x, _, bits: sounds.requantise(x, bits),
        "lowpass": lambda x, around, hertz: sounds.lowpass(x, around.rate, hertz),
        "echo": lambda x, around, milliseconds, share: sounds.echo(x, around.rate, milliseconds, share),
    },
)
"""What happens to sounds, by name."""

TABLES = {"image": PICTURES, "audio": SOUNDS}

NEED_RATE = ("resample", "lowpass", "echo")
"""Channels of sounds that know their strengths in Hz or milliseconds."""
