"""Pictures of a pack cut and scaled to the size a network takes.

    uint8 [H, W, 3] ──► box: whole, or drawn ──► resize (Pillow, antialiased) ──► mirrored? ──► uint8 [3, h, w]

What is drawn comes from words that are given, so the same words make the same crop.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from ..errors import UsageError
from . import draws
from .chosen import Chosen, Indices, Items

WORDS = 8
"""Words that one crop may use."""

FILTERS = {
    "lanczos": Pil.Resampling.LANCZOS,
    "bicubic": Pil.Resampling.BICUBIC,
    "bilinear": Pil.Resampling.BILINEAR,
    "box": Pil.Resampling.BOX,
}
"""How pictures are resized, best first; all of them average what they shrink."""

_GAP = 2.0  # a picture four times as large as needed is averaged down by two first: half the time, 45 dB the same


@dataclass(frozen=True)
class PictureAugment:
    """How pictures are brought to size.

    Attributes:
        mode: "whole": the whole picture, its aspect lost (Wu et al., StegNet, 2018, section 4: ImageNet at 64 x 64);
            "crop": a part of it, drawn.
        scale: of a crop: its side as a share of the largest one there is room for, from and to, 0..1.
        aspect: of a crop: width by height before it is resized, as a multiple of that of the result, from and to.
        flip: whether half of the pictures are mirrored left to right.
        filter: one of `FILTERS`.
    """

    mode: Literal["whole", "crop"] = "whole"
    scale: tuple[float, float] = (0.5, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)
    flip: bool = False
    filter: str = "lanczos"

    def __post_init__(self) -> None:
        if self.mode not in ("whole", "crop"):
            raise UsageError(f"mode={self.mode!r}; expected whole or crop")
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise UsageError(f"scale={self.scale}; expected two shares, 0 < from <= to <= 1")
        if not 0 < self.aspect[0] <= self.aspect[1]:
            raise UsageError(f"aspect={self.aspect}; expected two ratios, 0 < from <= to")
        if self.filter not in FILTERS:
            raise UsageError(f"filter={self.filter!r}; expected one of {', '.join(FILTERS)}")


class Crops(Chosen):
    """Crops of some pictures of a pack.

    Attributes:
        data: the pictures: item i is uint8 [H, W, 3].
        indices: of those to learn from, rising, each once.
        validation: of those to validate on.
        size: (h, w) of the crops.
        augment: how they are made.
    """

    words = WORDS

    def __init__(
        self,
        pictures: Items[NDArray[np.uint8]],
        indices: Indices,
        size: int | tuple[int, int],
        augment: PictureAugment | None = None,
        validation: Indices = (),
    ) -> None:
        super().__init__(pictures, indices, validation)
        self.size = (size, size) if isinstance(size, int) else size
        self.augment = augment or PictureAugment()
        if min(self.size) < 1:
            raise UsageError(f"size {self.size}; expected pixels, 1 or more")

    def make(self, items: NDArray[np.int64], words: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """Return crops for learning.

        Args:
            items: indices into `data`, [n].
            words: uint64 [n, `WORDS`] to draw by.

        Returns:
            uint8 [n, 3, h, w].
        """
        result = np.empty((len(items), 3, *self.size), np.uint8)
        for row, item, drawn in zip(result, items.tolist(), draws.unit(words).tolist(), strict=True):
            picture = self.data[item]
            box = drawn_box(picture.shape[:2], self.size, self.augment, drawn)
            row[...] = resized(picture, box, self.size, self.augment.filter).transpose(2, 0, 1)
            if self.augment.flip and drawn[0] < 0.5:
                row[...] = row[..., ::-1].copy()
        return result

    def still(self, items: NDArray[np.int64], words: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """Return crops to validate on, uint8 [n, 3, h, w]: nothing is drawn; a crop is the largest one, centred."""
        result = np.empty((len(items), 3, *self.size), np.uint8)
        for row, item in zip(result, items.tolist(), strict=True):
            picture = self.data[item]
            box = centred_box(picture.shape[:2], self.size, self.augment)
            row[...] = resized(picture, box, self.size, self.augment.filter).transpose(2, 0, 1)
        return result


Box = tuple[int, int, int, int]
"""Top, left, height, width, in pixels."""


def drawn_box(shape: tuple[int, ...], size: tuple[int, int], augment: PictureAugment, drawn: list[float]) -> Box:
    """Return the part of a picture of this shape [H, W] that is taken, by numbers 0..1."""
    if augment.mode == "whole":
        return 0, 0, shape[0], shape[1]
    low, high = augment.scale
    narrow, wide = augment.aspect
    scale = low + (high - low) * drawn[1]
    aspect = narrow * (wide / narrow) ** drawn[2]  # as often twice as wide as twice as high
    height, width = _largest(shape, size, aspect, scale)
    top, left = int(drawn[3] * (shape[0] - height + 1)), int(drawn[4] * (shape[1] - width + 1))
    return min(top, shape[0] - height), min(left, shape[1] - width), height, width


def centred_box(shape: tuple[int, ...], size: tuple[int, int], augment: PictureAugment) -> Box:
    """Return the part that is taken when nothing is drawn."""
    if augment.mode == "whole":
        return 0, 0, shape[0], shape[1]
    height, width = _largest(shape, size, 1.0, 1.0)
    return (shape[0] - height) // 2, (shape[1] - width) // 2, height, width


def _largest(shape: tuple[int, ...], size: tuple[int, int], aspect: float, scale: float) -> tuple[int, int]:
    """Return height and width of a box, `scale` times the largest that has `aspect` times the aspect of the result."""
    ratio = aspect * size[1] / size[0]
    height = min(shape[0], shape[1] / ratio) * scale
    return min(max(round(height), 1), shape[0]), min(max(round(height * ratio), 1), shape[1])


def resized(picture: NDArray[np.uint8], box: Box, size: tuple[int, int], by: str) -> NDArray[np.uint8]:
    """Return a box of a picture [H, W, 3] at another size (h, w), uint8 [h, w, 3]; at its own size a view."""
    top, left, height, width = box
    part = picture[top : top + height, left : left + width]
    if (height, width) == size:
        return part
    source = Pil.fromarray(np.ascontiguousarray(part))  # cut first: Pillow copies what it is given
    return np.asarray(source.resize((size[1], size[0]), FILTERS[by], reducing_gap=_GAP))
