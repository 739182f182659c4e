"""The picture: samples, alpha, and what the numbers mean. Files are `image_file`'s business."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from ..errors import UsageError
from . import metrics

Samples = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, eq=False)
class Image:
    """A still picture.

    Attributes:
        samples: uint8 or uint16, [H, W] grey or [H, W, 3] RGB.
        alpha: uint8 [H, W], 255 opaque, or None.
        profile: ICC profile bytes, or None.
        gamma: PNG gamma (file exponent, .45455 for 2.2), or None.
        name: file name without folders, or "".
        format: format it was read from ("PNG", "JPEG", ...), or "" for a picture made in memory.
        file: the bytes it was read from, or None.
        notes: what had to be converted on the way in, one sentence each.
    """

    samples: Samples
    alpha: NDArray[np.uint8] | None = None
    profile: bytes | None = field(default=None, repr=False)
    gamma: float | None = None
    name: str = ""
    format: str = ""
    file: bytes | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    kind = "image"

    def __post_init__(self) -> None:
        shape, dtype = self.samples.shape, self.samples.dtype
        grey, colour = len(shape) == 2, len(shape) == 3 and shape[2] == 3
        if not (grey or colour) or dtype not in (np.uint8, np.uint16) or 0 in shape:
            raise UsageError(f"picture array {dtype} {list(shape)}; expected uint8 or uint16 [H, W] or [H, W, 3]")
        if dtype == np.uint16 and (colour or self.alpha is not None):
            raise UsageError("16 bits are for grey pictures without alpha; reduce colour to 8 bits first")
        if self.alpha is not None and (self.alpha.shape != shape[:2] or self.alpha.dtype != np.uint8):
            raise UsageError(f"alpha {self.alpha.dtype} {list(self.alpha.shape)}; expected uint8 {list(shape[:2])}")

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.samples.shape[0])

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.samples.shape[1])

    @property
    def is_grey(self) -> bool:
        """Whether there is one channel instead of three."""
        return self.samples.ndim == 2

    @property
    def depth(self) -> int:
        """Bits of one sample: 8 or 16."""
        return 8 * self.samples.dtype.itemsize

    @property
    def closed(self) -> NDArray[np.bool_] | None:
        """Samples that carry nothing because they lie under alpha 0, bool [N] in file order, or None."""
        if self.alpha is None or self.alpha.all():
            return None
        return np.repeat(self.alpha.reshape(-1) == 0, 1 if self.is_grey else 3)

    @property
    def is_lossy(self) -> bool:
        """Whether the file it was read from is lossy, so that no exact container survives in it."""
        return self.format in ("JPEG", "AVIF", "GIF") or (self.file or b"")[12:16] == b"VP8 "

    def original(self) -> bytes | None:
        """Return the bytes of the file it was read from, or None."""
        return self.file

    def planes(self) -> NDArray[np.float32]:
        """Return float32 [3, H, W] in 0..1, grey repeated: what a network takes."""
        unit = self.samples.astype(np.float32) / np.iinfo(self.samples.dtype).max
        return np.repeat(unit[None], 3, axis=0) if self.is_grey else np.ascontiguousarray(unit.transpose(2, 0, 1))

    def digest(self) -> bytes:
        """Return a hash of everything this picture is, 32 bytes: samples, alpha, and the file it came from."""
        parts = [str((self.samples.shape, self.samples.dtype.str, self.name)).encode(), self.samples.tobytes()]
        parts += [b"" if part is None else bytes(part) for part in (self.alpha, self.file, self.profile)]
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()

    def with_samples(self, samples: Samples) -> "Image":
        """Return this picture with other samples of the same number and depth; its file is forgotten."""
        return replace(self, samples=samples.reshape(self.samples.shape), file=None, notes=())

    def describe(self) -> str:
        """Return size, channels and depth in words."""
        channels = ("grey" if self.is_grey else "RGB") + ("" if self.alpha is None else " + alpha")
        return f"{self.width} x {self.height}, {channels}, {self.depth} bits"


def to_pil(image: Image) -> Pil.Image:
    """Return the Pillow picture: L, LA, I;16, RGB or RGBA."""
    if image.alpha is None:
        return Pil.fromarray(np.ascontiguousarray(image.samples))
    if image.depth == 16:
        return Pil.fromarray(np.ascontiguousarray(image.samples))
    return Pil.fromarray(np.ascontiguousarray(np.dstack([image.samples, image.alpha])))


def from_pil(picture: Pil.Image) -> Image:
    """Undo `to_pil`; any other mode raises `UsageError`."""
    values = np.asarray(picture)
    if picture.mode == "LA":
        return Image(values[..., 0], values[..., 1])
    if picture.mode == "RGBA":
        return Image(values[..., :3], values[..., 3])
    return Image(values)


def resize(image: Image, width: int, height: int) -> Image:
    """Return the picture at another size (Lanczos), alpha dropped."""
    if (image.width, image.height) == (width, height):
        return replace(image, alpha=None)
    if image.depth == 16:
        # Pillow filters 16-bit grey only as float.
        scaled = np.asarray(
            Pil.fromarray(image.samples.astype(np.float32)).resize((width, height), Pil.Resampling.LANCZOS)
        )
        return replace(image, samples=np.clip(np.rint(scaled), 0, 65535).astype(np.uint16), alpha=None, file=None)
    scaled = np.asarray(Pil.fromarray(image.samples).resize((width, height), Pil.Resampling.LANCZOS))
    return replace(image, samples=scaled, alpha=None, file=None)


def psnr(reference: Image, image: Image) -> float:
    """PSNR in dB over all samples of two pictures, alpha included; higher is better, inf when identical.

    Raises:
        ValueError: sizes, channels or depths differ.
    """
    if reference.alpha is None or image.alpha is None:
        return metrics.psnr(reference.samples, image.samples)
    return metrics.psnr(np.dstack([reference.samples, reference.alpha]), np.dstack([image.samples, image.alpha]))
