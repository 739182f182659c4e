"""Pictures of lines: what was hidden in what, what it became, and the difference.

    cover  container  residual x1 x5 x10  |  secret  revealed  residual x5           residuals as StegNet's equation 4

A sound is its spectrogram; a hidden sound its mel spectrogram; a video a strip of frames; a shape is drawn.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...media import Audio, Image, Shape, Value, Video, audio_file, mel
from ...media import values as media_values
from ...media.image_file import MAX_PIXELS
from ...methods.picture_in_picture import as_colour
from .. import tiles

Picture = NDArray[np.uint8]
AMPLIFIED = (1, 5, 10)
FRAMES = 4


def residual(one: Picture, other: Picture, times: int) -> Picture:
    """Return |one - other| over its largest value, `times` as strong and clipped (StegNet, equation 4)."""
    off = np.abs(one.astype(np.float64) - other)
    most = off.max()
    shown: Picture = np.rint(255 * np.clip(times * off / most if most else off, 0, 1)).astype(np.uint8)
    return shown


def left_over(one: Picture, other: Picture, times: int = 4) -> Picture:
    """Return one - other, `times` as strong, about middle grey and clipped."""
    off = times * (one.astype(np.int32) - other) + 128
    shown: Picture = np.clip(off, 0, 255).astype(np.uint8)
    return shown


def panel(folder: Path, kept: Mapping[str, str]) -> list[tuple[str, Picture]]:
    """Return captions and pictures of one line's files.

    Args:
        folder: of the evaluation.
        kept: paths below it: cover, container, secret, revealed.
    """
    found = {name: _load(folder / path) for name, path in kept.items()}
    shown: list[tuple[str, Picture]] = []
    if isinstance(found["cover"], Audio):
        shown += _heard(found["cover"], found["container"])
    else:
        shown += _seen("cover", "container", found["cover"], found["container"], AMPLIFIED)
    return shown + _hidden(found["secret"], found["revealed"])


def _load(path: Path) -> Value:
    return media_values.secret(path, max_pixels=MAX_PIXELS)


def _seen(one: str, other: str, first: Value, second: Value, times: tuple[int, ...]) -> list[tuple[str, Picture]]:
    assert isinstance(first, Image)
    assert isinstance(second, Image)
    a, b = as_colour(first), as_colour(second)
    if a.shape != b.shape:
        from ...media.image import resize

        a = resize(Image(a), second.width, second.height).samples.astype(np.uint8)
    return [(one, a), (other, b), *((f"residual x{each}", residual(a, b, each)) for each in times)]


def _heard(cover: Value, container: Value) -> list[tuple[str, Picture]]:
    assert isinstance(cover, Audio)
    assert isinstance(container, Audio)
    waves = [each.planes().mean(axis=0) for each in (cover, container)]
    shown = [("cover", tiles.spectrogram(waves[0])), ("container", tiles.spectrogram(waves[1]))]
    if waves[0].shape == waves[1].shape:
        shown.append(("difference", tiles.spectrogram(waves[1] - waves[0])))
    return shown


def _hidden(secret: Value, revealed: Value) -> list[tuple[str, Picture]]:
    if isinstance(secret, Image) and isinstance(revealed, Image):
        return _seen("secret", "revealed", secret, revealed, (5,))
    if isinstance(secret, Audio) and isinstance(revealed, Audio):
        one, other = (each.planes()[0].astype(np.float64) for each in (secret, revealed))
        pictures = mel.pictures(one, other, secret.rate)
        return [(name, _large(each)) for name, each in zip(("secret", "revealed"), pictures, strict=True)]
    if isinstance(secret, Video) and isinstance(revealed, Video):
        strips = [_strip(each) for each in (secret, revealed)]
        off = left_over(strips[1], strips[0])
        return [("secret", strips[0]), ("revealed", strips[1]), ("difference x4", off)]
    if isinstance(secret, Shape) and isinstance(revealed, Shape):
        return [("secret", tiles.drawing(secret)), ("revealed", tiles.drawing(revealed))]
    return []


def _large(grey: Picture) -> Picture:
    """Return a mel spectrogram as colour, its bands three pixels high."""
    return np.repeat(np.repeat(grey, 3, axis=0)[..., None], 3, axis=2)


def _strip(video: Video) -> Picture:
    """Return four frames, two by two."""
    chosen = video.frames[np.linspace(0, video.length - 1, FRAMES).astype(int)]
    rows = [np.concatenate(list(chosen[at : at + 2]), axis=1) for at in (0, 2)]
    return np.concatenate(rows)


def player(path: Path) -> bytes:
    """Return a sound as 16-bit WAV, as browsers play it."""
    sound = audio_file.load(path)
    samples = sound.samples.astype(np.int64)
    narrow = samples >> (sound.depth - 16) if sound.depth > 16 else samples << (16 - sound.depth)
    return audio_file.encode(Audio.of(narrow.astype(np.int16), sound.rate), "WAV")
