"""Small pictures of values, for pages and sheets: a picture as it is, a sound as its spectrogram, bytes as text."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageDraw, ImageFont

from ..media import Audio, Blob, Image, Shape, Value, Video
from ..media.image import to_pil
from ..media.spectrum import stft

CARD = 400
"""Pixels on a side of a tile that is no picture."""

_WINDOW, _HOP = 512, 128
_RANGE_DB = 100.0
_COLOURS = np.array([(0, 0, 20), (60, 10, 110), (180, 40, 100), (250, 140, 40), (255, 245, 180)], np.float64)


def tile(value: Value) -> NDArray[np.uint8]:
    """Return a picture of a value, uint8 [H, W, 3]."""
    if isinstance(value, Image):
        return np.asarray(to_pil(value).convert("RGB"))
    if isinstance(value, Audio):
        return spectrogram(value.planes().mean(axis=0))
    if isinstance(value, Video):
        return contact_sheet(value)
    if isinstance(value, Shape):
        return drawing(value)
    return card(value)


def contact_sheet(video: Video) -> NDArray[np.uint8]:
    """Return nine frames of a video side by side, uint8 [H, W, 3]."""
    chosen = video.frames[np.linspace(0, video.length - 1, 9).astype(int)]
    rows = [np.concatenate(list(chosen[row : row + 3]), axis=1) for row in (0, 3, 6)]
    return np.concatenate(rows, axis=0)


def drawing(shape: Shape) -> NDArray[np.uint8]:
    """Return a shape seen from the front, lit by where its vertices face, uint8 [400, 400, 3]."""
    corners = shape.triangles().astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-30
    middle, side = (shape.vertices.min(axis=0) + shape.vertices.max(axis=0)) / 2, shape.size
    flat = (corners[..., :2] - middle[:2]) / side * (CARD - 20) * [1, -1] + CARD / 2
    drawn = Pil.new("RGB", (CARD, CARD), "white")
    pen = ImageDraw.Draw(drawn)
    for number in np.argsort(corners[..., 2].mean(axis=1)):
        light = int(70 + 160 * abs(float(normals[number] @ [0.3, 0.5, 0.81])))
        pen.polygon([tuple(point) for point in flat[number]], fill=(light, light, min(255, light + 20)))
    return np.asarray(drawn)


def difference(cover: Image | Audio, saved: Image | Audio, amplify: int) -> NDArray[np.uint8]:
    """Return a picture of how two covers differ, `amplify` times as strong, uint8 [H, W, 3]."""
    if isinstance(cover, Image):
        assert isinstance(saved, Image)
        change = np.abs(cover.samples.astype(np.int32) - saved.samples.astype(np.int32)) * amplify
        return tile(Image(np.clip(change, 0, 255).astype(np.uint8)))
    change = saved.samples.astype(np.float64) - cover.samples
    return spectrogram(amplify * change.mean(axis=1) / (cover.high + 1))


def spectrogram(wave: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return a sound's spectrogram, time to the right, frequency upwards, uint8 [400, 400, 3].

    Args:
        wave: float [T] in -1..1. The darkest colour is 100 dB below a sine of full scale.
    """
    power = np.abs(stft(wave, _WINDOW, _HOP)) ** 2
    frames = len(power)
    # Every pixel is the mean power of what it covers, so that nothing is lost between the columns.
    columns = np.linspace(0, frames, min(CARD, frames) + 1).astype(int)[:-1]
    level = 10 * np.log10(np.add.reduceat(power, columns, axis=0) / np.diff([*columns, frames])[:, None] + 1e-12)
    top = 20 * np.log10(_WINDOW / 4)
    share = np.clip((level - top + _RANGE_DB) / _RANGE_DB, 0, 1).T[::-1]
    places = share[..., None] * (len(_COLOURS) - 1)
    steps = np.arange(len(_COLOURS))
    picture = np.stack([np.interp(places[..., 0], steps, _COLOURS[:, channel]) for channel in range(3)], axis=-1)
    resized = Pil.fromarray(picture.astype(np.uint8)).resize((CARD, CARD), Pil.Resampling.BILINEAR)
    return np.asarray(resized)


def card(blob: Blob) -> NDArray[np.uint8]:
    """Draw a text, or the first bytes of a file, uint8 [400, 400, 3]."""
    drawn = Pil.new("RGB", (CARD, CARD), "white")
    text = blob.data.decode() if blob.is_text else blob.data[:176].hex(" ")
    lines = [text[i : i + 33] for i in range(0, len(text), 33)]
    ImageDraw.Draw(drawn).multiline_text((12, 12), "\n".join(lines), "black", ImageFont.load_default(20), spacing=6)
    return np.asarray(drawn)
