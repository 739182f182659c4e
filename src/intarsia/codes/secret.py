"""Any secret to bytes and back: one door to the codes of every kind."""

import math

from ..media import Audio, Blob, Image, Shape, Value, Video
from ..media.blob import Piece
from . import audio, blob, image, shape, video
from .coded import Coded


def encode(value: Value, budget: int, *, target_db: float | None = None) -> Coded:
    """Return the best code of a value within `budget` bytes; see the code of its kind.

    Raises:
        DoesNotFitError: none fits.
    """
    if isinstance(value, Image):
        return image.encode(value, budget, target_db=target_db)
    if isinstance(value, Audio):
        return audio.encode(value, budget, target_db=target_db)
    if isinstance(value, Video):
        return video.encode(value, budget, target_db=target_db)
    if isinstance(value, Shape):
        return shape.encode(value, budget, target=target_db)
    return Coded(blob.encode(value, budget), math.inf)


def decode(code: bytes, kind: str, name: str = "") -> Value:
    """Undo `encode` for a value of this kind: "image", "audio", "video", "shape", "text" or "blob".

    Raises:
        InputError: the code is damaged, or a newer release made it.
    """
    if kind == "image":
        return image.decode(code, name)
    if kind == "audio":
        return audio.decode(code, name)
    if kind == "video":
        return video.decode(code, name)
    if kind == "shape":
        return shape.decode(code, name)
    if kind == "piece":
        return Piece(blob.decode(code).data, name)
    value: Blob = blob.decode(code, name, is_text=kind == "text")
    return value
