"""What goes in: a file, cut to the form that a table asks for, or a secret that is made.

Piece(path, form) ─► value                        Piece("", form) ─► value

""             the file as it is                  noise:S     uniform noise, S x S, RGB
square:S       middle of a picture, S x S, RGB    bytes:N     random bytes
grey:S         the same, grey                     text        one sentence
whole:S        shrunk until its longer side is S
sound:N:HZ     N samples around the middle, mono, 16 bits; a shorter one comes again
frames:T:S     middle S x S of the first T frames; a smaller one is enlarged first
"""

import functools
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...media import Audio, Blob, Image, Value, Video, files, image_file
from ...media import values as media_values
from ...media.image import resize
from ...methods.picture_in_picture import as_colour

LUMA = np.array([0.299, 0.587, 0.114])
TEXT = "Marquetry shows what it is made of; intarsia hides one wood in another. This text came out of its container."


@dataclass(frozen=True)
class Piece:
    """One value to be made.

    Attributes:
        path: of the file, or folder of frames; "" for what is made.
        form: see the module.
        kind: "image", "audio", "video", "shape", "text" or "blob".
    """

    path: str
    form: str
    kind: str

    @property
    def name(self) -> str:
        """Name in tables: of the file without its suffix, or of what is made."""
        return Path(self.path).stem if self.path else self.form

    def identity(self) -> str:
        """Return the digest of the file's bytes and the form.

        Raises:
            InputError: it cannot be read.
        """
        return f"{_digest(self.path)} {self.form}" if self.path else self.form

    def load(self) -> Value:
        """Make the value.

        Raises:
            InputError: the file cannot be read, or is something else.
        """
        what, _, rest = self.form.partition(":")
        numbers = [int(word) for word in rest.split(":") if word]
        if not self.path:
            return _made(what, numbers)
        value = media_values.secret(self.path, max_pixels=image_file.MAX_PIXELS)
        if value.kind != self.kind:
            raise InputError(f"{files.shown(self.path)}: this is {value.kind}; expected {self.kind}")
        return _cut(value, what, numbers)


def luma(samples: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a colour picture [H, W, 3] as grey [H, W]."""
    grey: NDArray[np.uint8] = np.rint(samples @ LUMA).astype(np.uint8)
    return grey


def _cut(value: Value, what: str, numbers: list[int]) -> Value:
    if isinstance(value, Image) and what in ("square", "grey"):
        levels = square(as_colour(value), numbers[0])
        return Image(luma(levels) if what == "grey" else levels)
    if isinstance(value, Image) and what == "whole":
        share = min(1.0, numbers[0] / max(value.width, value.height))
        size = max(1, round(value.width * share)), max(1, round(value.height * share))
        return resize(Image(as_colour(value)), *size)
    if isinstance(value, Audio) and what == "sound":
        return _excerpt(value, *numbers)
    if isinstance(value, Video) and what == "frames":
        count, side = numbers
        return Video.of(np.stack([_middle(frame, side) for frame in value.frames[:count]]), value.rate)
    return value


def square(samples: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return the central square of a picture [H, W, 3] at another size."""
    height, width = samples.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    middle = np.ascontiguousarray(samples[top : top + short, left : left + short])
    found: NDArray[np.uint8] = resize(Image(middle), side, side).samples.astype(np.uint8)
    return found


def _middle(frame: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    height, width = frame.shape[:2]
    if min(height, width) < side:
        return square(frame, side)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(frame[top : top + side, left : left + side])


def _excerpt(sound: Audio, count: int, rate: int) -> Audio:
    wanted = -(-count * sound.rate // rate)
    start = max(0, (sound.length - wanted) // 2)
    heard = sound.read(start, wanted).astype(np.float64).mean(axis=1) / (sound.high + 1)
    if sound.rate != rate:
        import soxr

        heard = soxr.resample(heard, sound.rate, rate, "VHQ")
    whole = np.clip(np.rint(np.resize(heard, count) * 32768), -32768, 32767).astype(np.int16)
    return Audio.of(whole, rate)


def _made(what: str, numbers: list[int]) -> Value:
    draw = np.random.default_rng(20_181_017)
    if what == "noise":
        return Image(draw.integers(0, 256, (numbers[0], numbers[0], 3), dtype=np.uint8))
    if what == "bytes":
        return Blob(draw.bytes(numbers[0]), "random.bin")
    return Blob.text(TEXT)


@functools.lru_cache(maxsize=4096)
def _digest(path: str) -> str:
    """Return the SHA-256 of a file, or of all files of a folder with their names, in hex."""
    if not os.path.lexists(path):
        raise InputError(f"{files.shown(path)}: no such file or folder")
    if not Path(path).is_dir():
        return hashlib.sha256(files.read_bytes(path)).hexdigest()
    state = hashlib.sha256()
    for each in sorted(Path(path).iterdir()):
        if each.is_file():
            state.update(each.name.encode("utf-8", "surrogateescape") + b"\0")
            state.update(hashlib.sha256(files.read_bytes(each)).digest())
    return state.hexdigest()
