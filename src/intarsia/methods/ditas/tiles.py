"""Pieces of sound and pictures as the networks of DITAS see them.

    sound [B, 1, L] ─ plane ─► [B, 1, frames, bins] ─ fold ─► cells [B, C, h, w] ─ asinh ─► tile
    picture [B, P, s, s], 0..1 ─ - 1/2 ─ fold ─► [B, Q, w, w] ─ repeat down ─► secret [B, Q, h, w]

Pure functions of settings; what is learnt is in `network`, the way through a file in `trip`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...engine.planes import Coefficients, Magnitudes, Plane, folded, unfolded
from ...engine.tensors import full


@dataclass(frozen=True)
class Tiles:
    """How a piece of sound and a picture become tiles.

    Attributes:
        plane: what is seen of a piece of sound.
        fold: times that a plane is folded.
        spread: whether a place gets what lies far apart.
        compand: the networks see asinh(compand x); 0: x itself.
        side: of pictures, pixels.
    """

    plane: Plane
    fold: int
    spread: bool
    compand: float
    side: int

    @property
    def places(self) -> tuple[int, int]:
        """Height and width of a tile."""
        rows, columns = self.plane.shape
        return rows // self.fold, columns // self.fold

    @property
    def channels(self) -> int:
        """Channels of a tile."""
        return self.fold**2

    @property
    def picture_fold(self) -> int:
        """Times that a picture is folded."""
        return self.side // self.places[1]

    # --- sound ----------------------------------------------------------------------------------------------

    def cells(self, sound: Tensor) -> Tensor:
        """Return the cells of a sound: [B, 1, L] to [B, C, h, w]."""
        return folded(self.plane.of(sound), self.fold, spread=self.spread)

    def sound(self, cover: Tensor, cells: Tensor) -> Tensor:
        """Return the sound of changed cells, [B, 1, L], not clipped."""
        return self.plane.back(cover, unfolded(cells, self.fold, spread=self.spread))

    def seen(self, cells: Tensor) -> Tensor:
        """Return cells as the networks see them."""
        return torch.asinh(full(cells) * self.compand) if self.compand else full(cells)

    def heard(self, made: Tensor) -> Tensor:
        """Return what a network made in units of cells: where they are quiet, this undoes `seen`."""
        return made / self.compand if self.compand else made

    # --- pictures -------------------------------------------------------------------------------------------

    def secret(self, picture: Tensor) -> Tensor:
        """Return a picture [B, P, s, s] as [B, Q, h, w]; where a tile is longer than wide, several times over."""
        parts = folded(picture, self.picture_fold)
        high, wide = self.places
        return parts if high == wide else parts.repeat_interleave(high // wide, 2)

    def picture(self, secret: Tensor) -> Tensor:
        """Undo `secret`; of what is there several times, the mean."""
        high, wide = self.places
        if high != wide:
            batch, channels = secret.shape[:2]
            secret = secret.reshape(batch, channels, wide, high // wide, wide).mean(3)
        return unfolded(secret, self.picture_fold)

    # --- what is missing ------------------------------------------------------------------------------------

    def there(self, sound: Tensor) -> Tensor:
        """Return which rows of a tile are there, float32 [B, 1, h, 1], 1 or 0.

        A frame is missing when its samples are all alike, as they are where a sound was silenced or cut; a row is
        missing when less than half of its frames are left.
        """
        frames = self.plane.shape[0]
        hop = _hop(self.plane)
        before = (self.plane.length - frames * hop) // 2
        blocks = sound[:, 0, before : before + frames * hop].reshape(len(sound), frames, hop)
        moves = (blocks != blocks[..., :1]).any(-1).float()
        if self.spread:
            rows = moves.reshape(len(sound), self.fold, -1).mean(1)
        else:
            rows = moves.reshape(len(sound), -1, self.fold).mean(2)
        return (rows >= _ENOUGH).float()[:, None, :, None]


def _hop(plane: Plane) -> int:
    """Return by how many samples a frame is later than the one before."""
    if isinstance(plane, Magnitudes):
        return plane.hop
    assert isinstance(plane, Coefficients)
    return plane.size


_ENOUGH = 0.5
