"""The moving picture: frames, how many a second, and what the numbers mean. Files are `video_file`'s business.

    frames  uint8 [T, H, W, 3]      rate  frames in one second, an exact fraction

        ┌─────┐┌─────┐┌─────┐
        │  0  ││  1  ││  2  │ ...  T frames, T / rate seconds
        └─────┘└─────┘└─────┘

A video is a secret, never a cover. It has no sound and no alpha, and every frame lasts equally long: whatever a file
has beyond that is dropped or evened out on the way in, and a note says so.
"""

import hashlib
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from .files import read_bytes

Frames = NDArray[np.uint8]
"""Frames of one size, uint8 [T, H, W, 3], red, green and blue 0..255."""

FORMATS = ("MP4", "MKV", "WEBM", "MOV", "AVI", "GIF", "FRAMES")
"""What a video may be read from; FRAMES is a folder of pictures."""

MAX_RATE = 1000
"""Frames in one second, the most that are believed."""

MAX_SAMPLES = 1 << 30
"""Samples of all frames together, T * H * W * 3: about 70 s of 426 x 240 at 50 per second."""

DEFAULT_RATE = Fraction(24)
"""Frames in one second where nothing says how many."""


@dataclass(frozen=True, eq=False)
class Video:
    """A moving picture.

    Attributes:
        frames: uint8 [T, H, W, 3], red, green and blue.
        rate: frames in one second, above 0 and at most `MAX_RATE`.
        name: file name without folders, or "".
        format: one of `FORMATS` it was read from, or "" for a video made in memory.
        file: what it was read from: a path (of a folder for FRAMES), or bytes in memory, or None.
        notes: what had to be converted on the way in, one sentence each.
    """

    frames: Frames
    rate: Fraction
    name: str = ""
    format: str = ""
    file: bytes | Path | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    kind = "video"

    def __post_init__(self) -> None:
        who = f"video {self.name}" if self.name else "video"
        shape, dtype = self.frames.shape, self.frames.dtype
        if len(shape) != 4 or shape[3] != 3 or dtype != np.uint8 or 0 in shape:
            raise UsageError(f"{who}: array {dtype} {list(shape)}; expected uint8 [T, H, W, 3], none of them 0")
        if not isinstance(self.rate, Fraction) or not 0 < self.rate <= MAX_RATE:
            raise UsageError(f"{who}: rate {self.rate!r}; expected a Fraction above 0 and at most {MAX_RATE} a second")
        if self.format and self.format not in FORMATS:
            raise UsageError(f"{who}: format {self.format!r}; expected {', '.join(FORMATS)} or nothing")

    @property
    def length(self) -> int:
        """Frames T."""
        return int(self.frames.shape[0])

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.frames.shape[1])

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.frames.shape[2])

    @property
    def size(self) -> int:
        """Samples of all frames together, T * H * W * 3."""
        return int(self.frames.size)

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return float(self.length / self.rate)

    def original(self) -> bytes | None:
        """Return the bytes of the file it was read from, read now; None for a folder and for a video from memory.

        Raises:
            InputError: the file is no longer there or cannot be read.
        """
        if self.format == "FRAMES":
            return None
        return read_bytes(self.file) if isinstance(self.file, Path) else self.file

    def digest(self) -> bytes:
        """Return a hash of frames, rate and name, 32 bytes."""
        facts = (self.frames.shape, self.rate.as_integer_ratio(), self.name)
        state = hashlib.sha256(hashlib.sha256(str(facts).encode("utf-8", "backslashreplace")).digest())
        for frame in self.frames:
            state.update(frame.tobytes())
        return state.digest()

    def with_frames(self, frames: Frames) -> "Video":
        """Return this video with other frames; its file is forgotten.

        Raises:
            UsageError: they are not uint8 [T, H, W, 3].
        """
        return replace(self, frames=frames, format="", file=None, notes=())

    def describe(self) -> str:
        """Return length, size and rate in words."""
        frames = "1 frame" if self.length == 1 else f"{self.length:,} frames"
        seconds = f"{self.seconds:,.1f}" if self.seconds >= 1 else f"{self.seconds:.2g}"
        return f"{frames}, {self.width} x {self.height}, {float(self.rate):.4g} per second, {seconds} s"

    @classmethod
    def of(cls, frames: NDArray[Any], rate: Fraction | float = DEFAULT_RATE, *, name: str = "") -> "Video":
        """Wrap an array as a video.

        Args:
            frames: uint8 [T, H, W, 3], or [T, H, W] for grey, which becomes three equal channels.
            rate: frames in one second; a float is taken as the nearest fraction with a denominator up to 1001.
            name: file name without folders, or "".

        Raises:
            UsageError: another shape or type, no frames, or a rate that is none.
        """
        if frames.ndim == 3 and frames.dtype == np.uint8:
            frames = np.repeat(frames[..., None], 3, axis=3)
        try:
            exact = Fraction(rate)
        except (TypeError, ValueError, OverflowError):
            raise UsageError(f"video: rate {rate!r}; expected a number above 0 and at most {MAX_RATE}") from None
        return cls(frames, exact if isinstance(rate, Fraction) else exact.limit_denominator(1001), name=name)
