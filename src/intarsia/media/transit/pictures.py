"""What happens to pictures on their way.

Each function takes a picture and strengths, and returns what the receiver gets after decoding. Arithmetic is done in
floating point on samples of any depth and rounded once. Alpha is moved with the pixels and otherwise left alone.
A picture that came out of a codec keeps the very file in `file`, and its `format`.
"""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from ...errors import ResourceError, UsageError
from .. import image_file
from ..image import Image, Samples, to_pil

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_BAND = 1 << 20  # samples worked on at a time
_Plane = NDArray[np.float32]
_Values = NDArray[np.floating[Any]]


# --- codecs --------------------------------------------------------------------------------------------------


def png(image: Image) -> Image:
    """Write as PNG and read again: the control, which changes nothing."""
    return _decoded(image, image_file.encode(image, "PNG"))


def jpeg(image: Image, quality: int) -> Image:
    """Compress as JPEG with halved chroma (4:2:0), as cameras, messengers and Pillow do by themselves.

    Args:
        image: the picture; alpha is dropped, 16 bits become 8.
        quality: 1 to 100, the scale of libjpeg.
    """
    return _compressed(image, "JPEG", quality=quality, subsampling="4:2:0")


def jpeg444(image: Image, quality: int) -> Image:
    """Compress as JPEG with full chroma (4:4:4); see `jpeg`."""
    return _compressed(image, "JPEG", quality=quality, subsampling="4:4:4")


def webp(image: Image, quality: int) -> Image:
    """Compress as lossy WebP; quality 1 to 100, the scale of libwebp; 16 bits become 8, grey becomes RGB."""
    return _compressed(image, "WEBP", quality=quality, method=4, lossless=False)


def avif(image: Image, quality: int) -> Image:
    """Compress as AVIF, 4:2:0; quality 1 to 100, the scale of libavif; 16 bits become 8, grey becomes RGB."""
    return _compressed(image, "AVIF", quality=quality, subsampling="4:2:0")


def _compressed(image: Image, form: str, **options: Any) -> Image:  # noqa: ANN401 (what Pillow takes)
    notes = ["16 bits reduced to 8"] if image.depth == 16 else []
    if form == "JPEG" and image.alpha is not None:
        notes.append("transparency dropped: JPEG has none")
    if form != "JPEG" and image.is_grey:
        notes.append(f"grey became RGB: {form} has no grey")
    plain = image
    if image.depth == 16:
        plain = replace(image, samples=np.rint(image.samples / 257.0).astype(np.uint8))
    picture = to_pil(replace(plain, alpha=None) if form == "JPEG" else plain)
    if form != "JPEG":
        picture = picture.convert("RGB" if image.alpha is None else "RGBA")
    stream = io.BytesIO()
    try:
        picture.save(stream, form, icc_profile=image.profile or b"", **options)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{form} cannot hold this picture ({image.describe()}: {error}); make it smaller") from error
    return replace(_decoded(image, stream.getvalue()), notes=tuple(notes))


def _decoded(image: Image, data: bytes) -> Image:
    limit = max(image_file.MAX_PIXELS, image.width * image.height)
    return replace(image_file.decode(data, image.name, max_pixels=limit), notes=())


# --- other sizes and places ----------------------------------------------------------------------------------


def resize(image: Image, factor: float) -> Image:
    """Scale by a factor and back to the old size, both by Lanczos."""
    width, height = (max(1, round(side * factor)) for side in (image.width, image.height))
    return _resized(_resized(image, width, height), image.width, image.height)


def scale(image: Image, size: int | tuple[int, int]) -> Image:
    """Scale by Lanczos: to a longest side that a smaller picture keeps, or to width and height."""
    if isinstance(size, tuple):
        return _resized(image, *size)
    share = min(1.0, size / max(image.width, image.height))
    return _resized(image, max(1, round(image.width * share)), max(1, round(image.height * share)))


def _resized(image: Image, width: int, height: int) -> Image:
    limit = max(image_file.MAX_PIXELS, image.width * image.height)
    if width * height > limit:
        raise ResourceError(f"{width} x {height} is {width * height:,} pixels; the limit is {limit:,}; scale it less")
    if (width, height) == (image.width, image.height):
        return _made(image, image.samples, image.alpha)
    return _each_plane(image, lambda plane: _pillow(plane).resize((width, height), Pil.Resampling.LANCZOS))


def crop(image: Image, share: float) -> Image:
    """Keep the middle: this share of the width and of the height, at least one pixel."""
    height, width = (max(1, round(side * share)) for side in (image.height, image.width))
    top, left = (image.height - height) // 2, (image.width - width) // 2
    return _cut(image, slice(top, top + height), slice(left, left + width))


def crop1(image: Image) -> Image:
    """Cut off the first row and the first column, where there are more than one: every grid is off by one."""
    return _cut(image, slice(min(1, image.height - 1), None), slice(min(1, image.width - 1), None))


def flip(image: Image) -> Image:
    """Mirror, left to right."""
    return _cut(image, slice(None), slice(None, None, -1))


def _cut(image: Image, rows: slice, columns: slice) -> Image:
    return _made(image, image.samples[rows, columns], None if image.alpha is None else image.alpha[rows, columns])


def rotate(image: Image, degrees: float) -> Image:
    """Turn counter-clockwise about the middle, bicubic, corners black; size kept.

    Whole quarter turns move pixels and change none; the sides swap at 90 and 270 degrees.
    """
    if degrees % 90 == 0:
        turns = round(degrees / 90)
        alpha = None if image.alpha is None else np.rot90(image.alpha, turns)
        return _made(image, np.rot90(image.samples, turns), alpha)
    return _each_plane(image, lambda plane: _pillow(plane).rotate(degrees, Pil.Resampling.BICUBIC))


# --- other values --------------------------------------------------------------------------------------------


def blur(image: Image, sigma: float) -> Image:
    """Blur by a Gaussian of this standard deviation in pixels; beyond the border the border goes on."""
    reach = int(np.ceil(4 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()

    def along(plane: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        margin = [(0, 0), (0, 0)]
        margin[axis] = (reach, reach)
        padded = np.pad(plane, margin, mode="edge")
        total = np.zeros_like(plane)
        for at, weight in enumerate(weights):
            piece = padded[at : at + plane.shape[0]] if axis == 0 else padded[:, at : at + plane.shape[1]]
            total += weight * piece
        return total

    return _each_plane(image, lambda plane: along(along(plane.astype(np.float64), 0), 1))


def noise(image: Image, deviation: float, seed: int = 0) -> Image:
    """Add Gaussian noise of this standard deviation, in levels of 255, to every sample."""
    draw = np.random.default_rng(seed)
    width = deviation * _top(image) / 255
    return _each_band(image, lambda rows: rows + draw.normal(0, width, rows.shape))


def plusminus1(image: Image, seed: int = 0) -> Image:
    """Move every sample by one level, up or down by chance; at the ends of the range, inwards."""
    draw = np.random.default_rng(seed)

    def moved(rows: Samples) -> _Values:
        signs = draw.integers(0, 2, rows.shape) * 2 - 1
        signs[rows == 0] = 1
        signs[rows == _top(image)] = -1
        return rows.astype(np.float64) + signs

    return _each_band(image, moved)


def grey(image: Image) -> Image:
    """Take the colour out: luma of BT.601 in all three channels; a grey picture stays as it is."""
    if image.is_grey:
        return _made(image, image.samples, image.alpha)
    return _each_band(image, lambda rows: np.repeat((rows @ _LUMA)[..., None], 3, axis=2))


def quantise(image: Image, bits: int) -> Image:
    """Keep 2^bits levels, spread evenly from black to white; with as many bits as it has, nothing changes."""
    if bits >= image.depth:
        return _made(image, image.samples, image.alpha)
    step = _top(image) / ((1 << bits) - 1)
    return _each_band(image, lambda rows: np.rint(rows / step) * step)


def brightness(image: Image, factor: float) -> Image:
    """Multiply every sample; what lies beyond white is clipped."""
    return _each_band(image, lambda rows: rows * factor)


def contrast(image: Image, factor: float) -> Image:
    """Multiply every sample's distance from the mean luma; what lies beyond black and white is clipped."""
    means = image.samples.mean(axis=(0, 1))
    mean = float(means if image.is_grey else means @ _LUMA)
    return _each_band(image, lambda rows: mean + factor * (rows - mean))


def screenshot(image: Image, gamma: float = 2.2) -> Image:
    """Show on a screen with a plain gamma in 8 bits, and turn what it shows back into sRGB.

    What colour management does to a screenshot: the size stays, some levels meet and others move by one or more.
    """

    def seen(rows: Samples) -> _Values:
        unit = rows / _top(image)
        linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
        shown = (np.rint(255 * linear ** (1 / gamma)) / 255) ** gamma
        back: _Values = np.where(shown <= 0.0031308, 12.92 * shown, 1.055 * shown ** (1 / 2.4) - 0.055)
        return back * _top(image)

    return _each_band(image, seen)


# --- how -----------------------------------------------------------------------------------------------------


def _top(image: Image) -> int:
    return (1 << image.depth) - 1


def _made(image: Image, samples: Samples, alpha: NDArray[np.uint8] | None) -> Image:
    """Return the picture with other samples, made here and no longer from a file."""
    alpha = None if alpha is None else np.ascontiguousarray(alpha)
    return replace(image, samples=np.ascontiguousarray(samples), alpha=alpha, format="", file=None, notes=())


def _each_band(image: Image, work: Callable[[Samples], _Values]) -> Image:
    """Do the same to every sample, a band of rows after the other from the top; rounded and clipped, alpha kept."""
    result = np.empty_like(image.samples)
    height = max(1, _BAND // image.samples[0].size)
    for top in range(0, image.height, height):
        values = work(image.samples[top : top + height])
        result[top : top + height] = np.clip(np.rint(values), 0, _top(image))
    return _made(image, result, image.alpha)


def _pillow(plane: _Plane) -> Pil.Image:
    return Pil.fromarray(np.ascontiguousarray(plane))


def _each_plane(image: Image, work: Callable[[_Plane], Any]) -> Image:
    """Do the same to every channel [H, W], alpha among them, as floats; what comes back may have another size."""

    def done(plane: Samples, top: int) -> Samples:
        values = np.asarray(work(plane.astype(np.float32)))
        rounded: Samples = np.clip(np.rint(values), 0, top).astype(plane.dtype)
        return rounded

    channels = [image.samples] if image.is_grey else [image.samples[..., one] for one in range(3)]
    planes = [done(channel, _top(image)) for channel in channels]
    alpha = None if image.alpha is None else done(image.alpha, 255).astype(np.uint8)
    return _made(image, planes[0] if image.is_grey else np.dstack(planes), alpha)
