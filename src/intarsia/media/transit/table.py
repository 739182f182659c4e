"""Names to channels: "jpeg:75", "cut:0.25:4", "scale:1600+jpeg:75", "messenger-2026-voice".

A text is one step, or several joined by "+". A step is the name of a channel and its arguments, or the name of a
profile, which stands for steps. Pictures and sounds have tables of their own: `noise` is in both.
"""

import difflib
from dataclasses import dataclass, replace
from typing import Any

from ...errors import UsageError
from ..values import Cover
from . import pictures, sounds
from .channel import PLURALS, SEED, Amount, Channel, Sides, Strength, spelled


@dataclass(frozen=True)
class Profile:
    """What one kind of service does, as far as we know: our approximation of typical behaviour in its year.

    Attributes:
        name: what it is called, the year in it.
        kind: "image" or "audio".
        steps: what it stands for.
        what: one line about it.
    """

    name: str
    kind: str
    steps: str
    what: str


@dataclass(frozen=True)
class Step:
    """A channel with its arguments."""

    channel: Channel
    values: tuple[Strength, ...]

    @property
    def text(self) -> str:
        """How it is written, all arguments said."""
        return ":".join([self.channel.name, *map(spelled, self.values)])


@dataclass(frozen=True)
class Passage:
    """A way that values take: one step, or several.

    Attributes:
        kind: "image" or "audio".
        steps: one after the other.
        notes: which profiles are in it, one sentence each.
    """

    kind: str
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """How it is written, all arguments and seeds said; profiles as the steps they stand for."""
        return "+".join(step.text for step in self.steps)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Suffixes of the very file that arrives, none when the last step makes no file of its own."""
        return self.steps[-1].channel.suffixes

    def __call__(self, value: Cover) -> Cover:
        """Return what the receiver gets.

        Args:
            value: a picture or a sound, of the kind that the channels are for.

        Returns:
            The value after decoding, with a note on everything that had to be converted or clipped. After a codec
            its `file` holds what travelled.

        Raises:
            UsageError: another kind; a strength that this value cannot take; a package that is missing.
            ResourceError: too large for memory.
        """
        if value.kind != self.kind:
            raise UsageError(f"{self.text} is for {PLURALS[self.kind]}; expected one of them, not {value.kind}")
        arrived: Any = value
        notes = dict.fromkeys(self.notes)  # a set that remembers the order
        for step in self.steps:
            arrived = step.channel.work(arrived, *step.values)
            notes |= dict.fromkeys(arrived.notes)
        result: Cover = replace(arrived, notes=tuple(notes))
        return result


def send(value: Cover, text: str, *, seed: int = 0) -> Cover:
    """Return what the receiver gets of a picture or a sound; see `parse` and `Passage`."""
    return parse(text, value.kind, seed=seed)(value)


def parse(text: str, kind: str, *, seed: int = 0) -> Passage:
    """Return the way that a text names.

    Args:
        text: such as "jpeg:75" or "scale:1600+jpeg:75".
        kind: of the values: "image" or "audio".
        seed: 0 or more, of steps that draw by chance and do not say their own; the second step gets the next, and so
            on.

    Raises:
        UsageError: no such channel (the message names the nearest), or arguments that cannot be meant.
    """
    if kind not in PLURALS:
        raise UsageError(f"{kind} has no channels; expected a picture or a sound")
    if not SEED.low <= seed <= SEED.high:
        raise UsageError(f"seed {seed}; expected {SEED.range}")
    words: list[str] = []
    notes: list[str] = []
    for one in text.split("+"):
        profile = PROFILES.get(one)
        if profile is None or profile.kind != kind:
            words.append(one)
            continue
        words += profile.steps.split("+")
        notes.append(f"{profile.name} is our approximation of typical behaviour: {profile.steps}")
    return Passage(kind, tuple(_step(word, kind, seed + at) for at, word in enumerate(words)), tuple(notes))


def _step(text: str, kind: str, seed: int) -> Step:
    name, *words = text.split(":")
    channel = TABLES[kind].get(name)
    if channel is None:
        raise _unknown(name, kind)
    return Step(channel, channel.read(words, seed))


def _unknown(name: str, kind: str) -> UsageError:
    known = [*TABLES[kind], *(one.name for one in PROFILES.values() if one.kind == kind)]
    hint = "(--channel list lists them)"
    other = "audio" if kind == "image" else "image"
    if name in known:  # a profile with arguments
        return UsageError(f"channel {name!r} takes no arguments; expected {name} alone")
    if name in TABLES[other] or name in PROFILES:
        return UsageError(
            f"channel {name!r} is for {PLURALS[other]}; {PLURALS[kind]} have {', '.join(TABLES[kind])} {hint}"
        )
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    said = f"did you mean {' or '.join(near)}?" if near else f"{PLURALS[kind]} have {', '.join(TABLES[kind])}"
    return UsageError(f"unknown channel {name!r}; {said} {hint}")


# --- the tables ----------------------------------------------------------------------------------------------

_LONGEST = 30_000  # pixels on a side
_QUALITY = Amount("QUALITY", 1, 100, whole=True)
_FACTOR = Amount("FACTOR", 0, 10)
_SHARE = Amount("SHARE", 0, 0.99)
_PIECES = Amount("PIECES", 1, 10_000, whole=True, default=1)


def _named(kind: str, *rows: Channel) -> dict[str, Channel]:
    return {row.name: replace(row, kind=kind) for row in rows}


PICTURES = _named(
    "image",
    Channel("png", pictures.png, "written as PNG and read again: the control, nothing changes", suffixes=(".png",)),
    Channel("jpeg", pictures.jpeg, "JPEG, 4:2:0 (Pillow, libjpeg)", (_QUALITY,), "jpeg:75", (".jpg", ".jpeg")),
    Channel("jpeg444", pictures.jpeg444, "JPEG, 4:4:4 (Pillow, libjpeg)", (_QUALITY,), "jpeg444:75", (".jpg", ".jpeg")),
    Channel("webp", pictures.webp, "lossy WebP (libwebp)", (_QUALITY,), "webp:75", (".webp",)),
    Channel("avif", pictures.avif, "AVIF, 4:2:0 (libavif)", (_QUALITY,), "avif:60", (".avif",)),
    Channel(
        "resize", pictures.resize, "scaled by a factor and back (Lanczos)", (Amount("FACTOR", 0.01, 4),), "resize:0.5"
    ),
    Channel(
        "scale",
        pictures.scale,
        "scaled (Lanczos) to a longest side, never up; or to width x height",
        (Sides("SIZE", _LONGEST),),
        "scale:1600",
    ),
    Channel(
        "crop", pictures.crop, "the middle kept: a share of width and height", (Amount("SHARE", 0.01, 1),), "crop:0.8"
    ),
    Channel("crop1", pictures.crop1, "first row and first column cut off"),
    Channel("rotate", pictures.rotate, "turned (bicubic), size kept", (Amount("DEGREES", -180, 180),), "rotate:2"),
    Channel("flip", pictures.flip, "mirrored, left to right"),
    Channel("blur", pictures.blur, "Gaussian blur, pixels", (Amount("SIGMA", 0.05, 50),), "blur:1"),
    Channel("noise", pictures.noise, "Gaussian noise, levels of 255", (Amount("DEVIATION", 0, 255), SEED), "noise:2"),
    Channel("plusminus1", pictures.plusminus1, "every sample one level up or down", (SEED,)),
    Channel("grey", pictures.grey, "colour taken out, three equal channels"),
    Channel("quantise", pictures.quantise, "fewer levels: 2^BITS", (Amount("BITS", 1, 16, whole=True),), "quantise:6"),
    Channel("brightness", pictures.brightness, "samples multiplied", (_FACTOR,), "brightness:1.1"),
    Channel("contrast", pictures.contrast, "distances from the mean luma multiplied", (_FACTOR,), "contrast:1.1"),
    Channel(
        "screenshot",
        pictures.screenshot,
        "through a screen's gamma in 8 bits and back to sRGB",
        (Amount("GAMMA", 1, 4, default=2.2),),
    ),
)
"""What happens to pictures, by name."""

SOUNDS = _named(
    "audio",
    Channel("wav", sounds.wav, "written as WAV and read again: the control, nothing changes", suffixes=(".wav",)),
    Channel(
        "mp3", sounds.mp3, "MP3, constant bit rate (LAME)", (Amount("KBPS", 8, 320, whole=True),), "mp3:128", (".mp3",)
    ),
    Channel("aac", sounds.aac, "AAC-LC in MP4 (FFmpeg)", (Amount("KBPS", 8, 512, whole=True),), "aac:128", (".m4a",)),
    Channel(
        "opus",
        sounds.opus,
        "Opus in Ogg (libopus)",
        (Amount("KBPS", 6, 510, whole=True), Amount("HZ", 8000, 48_000, whole=True, default=48_000)),
        "opus:64",
        (".opus", ".ogg"),
    ),
    Channel("ogg", sounds.ogg, "Ogg Vorbis (libvorbis)", (Amount("QUALITY", 0, 10),), "ogg:5", (".ogg", ".oga")),
    Channel(
        "resample",
        sounds.resample,
        "to another rate and back (soxr)",
        (Amount("HZ", 100, 1_000_000, whole=True),),
        "resample:22050",
    ),
    Channel("speed", sounds.speed, "played faster, pitch along (soxr)", (Amount("FACTOR", 0.25, 4),), "speed:1.02"),
    Channel("trim", sounds.trim, "samples lost at the start", (Amount("SAMPLES", 0, 10**12, whole=True),), "trim:100"),
    Channel("cut", sounds.cut, "a share taken out, by chance", (_SHARE, _PIECES, SEED), "cut:0.25:4"),
    Channel("zero", sounds.zero, "a share silenced, by chance", (_SHARE, _PIECES, SEED), "zero:0.25:4"),
    Channel("gain", sounds.gain, "louder or quieter, clipped", (Amount("DB", -120, 60),), "gain:-6"),
    Channel("noise", sounds.noise, "white noise at an SNR in dB", (Amount("SNR", -60, 200), SEED), "noise:40"),
    Channel("plusminus1", sounds.plusminus1, "every sample one level up or down", (SEED,)),
    Channel(
        "requantise", sounds.requantise, "fewer bits, same depth", (Amount("BITS", 2, 32, whole=True),), "requantise:12"
    ),
    Channel("lowpass", sounds.lowpass, "high notes lost, no delay", (Amount("HZ", 20, 1_000_000),), "lowpass:4000"),
    Channel(
        "echo",
        sounds.echo,
        "the sound once more, later and weaker",
        (Amount("MS", 0.1, 5000, default=80.0), Amount("SHARE", 0, 1, default=0.4)),
        "echo:80:0.4",
    ),
    Channel("mono", sounds.mono, "mixed down to one channel"),
)
"""What happens to sounds, by name."""

TABLES = {"image": PICTURES, "audio": SOUNDS}

PROFILES = {
    profile.name: profile
    for profile in (
        Profile("messenger-2026-picture", "image", "scale:1600+jpeg:75", "a picture sent by a messenger"),
        Profile("social-2026-picture", "image", "scale:2048+jpeg:85", "a picture on a social network"),
        Profile("messenger-2026-voice", "audio", "mono+opus:24:16000", "a voice note"),
    )
}
"""Our approximations of typical behaviour, by name. No service says what it does, and each changes it at will."""
