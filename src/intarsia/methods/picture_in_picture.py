"""What methods share that paint a picture into a picture of the same size.

    cover ─────────────► uint8 → 0..1 ─┐
                                       ├─► embed ─► 0..1 → 8 bits ─► channel (all but salt and header)
    secret ─ resize ───► uint8 → 0..1 ─┘
    container ─────────► uint8 → 0..1 ───► extract ─► 0..1 → 8 bits ─ resize back ─► revealed

With `refine` the container is then moved, as far from the cover as it is, to where `extract` reads it best. At keyed
places salt and header change what was painted by at most one level, as if it had been rounded less well.
Large pictures go through in tiles.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import zoo
from ..carrier.channel import Channel
from ..errors import DoesNotFitError, NoSecretError, UsageError
from ..media import Cover, Image, Value, metrics
from ..media.image import resize
from .base import Entry, Placed, Progress, Reader, configure
from .learned import IDENTITY_BYTES, Bare, Learned, steps_of

if TYPE_CHECKING:
    from torch import Tensor, nn

ConfigT = TypeVar("ConfigT")
Samples = NDArray[np.uint8]

MARGIN_DB = 3.0
"""How much better than a flat picture of its mean colour a revealed secret must be, dB."""

ENOUGH_DB = 30.0
"""What is good enough for any secret, one that is nearly flat itself among them."""

PIXELS = 1 << 17
"""Pixels that go through networks at once, margin included, if nothing speaks against it: what a layer of 128 channels
gives is 32 MB then, the most that the allocator of glibc keeps and hands out again without new pages."""

LEARNING = 2
"""As many times smaller are tiles whose gradient is wanted, since all that layers gave is kept."""

_SIZE_BYTES = 4


class PictureInPicture(Learned[ConfigT]):
    """A method whose networks take and give pictures [B, 3, H, W] of any size, values 0..1."""

    settings_bytes = IDENTITY_BYTES + _SIZE_BYTES + 1
    margin: int
    """How far the networks see to each side, pixels."""

    @abstractmethod
    def embed(self, net: "nn.Module", cover: "Tensor", secret: "Tensor", config: ConfigT) -> "Tensor":
        """Return the container, float32 [B, 3, H, W], about 0..1; cover and secret have that shape."""

    @abstractmethod
    def extract(self, net: "nn.Module", container: "Tensor", config: ConfigT) -> "Tensor":
        """Return the revealed secret, float32 [B, 3, H, W], about 0..1."""

    def switches(self, config: ConfigT) -> int:
        """Return the settings that `extract` needs besides the model's, as one byte."""
        return 0

    def switched(self, config: ConfigT, switches: int) -> ConfigT:
        """Undo `switches`."""
        return config

    def tile(self, config: ConfigT) -> int:
        """Return how many pixels go through the networks at once, the most."""
        return PIXELS

    # --- the pair -------------------------------------------------------------------------------------------

    def hide(self, cover: Cover, secret: Value, channel: Channel, config: ConfigT, progress: Progress) -> Placed:
        """Paint the secret, at the cover's size, into the cover."""
        name = self.facts.name
        if not isinstance(cover, Image) or not isinstance(secret, Image):
            raise UsageError(f"{name} hides a picture in a picture; try --method exact")
        if cover.is_grey or cover.depth != 8:
            raise UsageError(
                f"{name} paints 8-bit colour; this cover is {cover.describe()}; convert it, or try --method exact"
            )
        if max(secret.width, secret.height) >= 1 << 8 * _SIZE_BYTES // 2:
            raise UsageError(
                f"{name}: the secret is {secret.width} x {secret.height} pixels; at most {(1 << 16) - 1:,} along a "
                "side; make it smaller, or try --method exact"
            )
        if channel.budget() <= 0:
            raise DoesNotFitError(f"the picture is too small for {name}", needed=1, available=0)
        model = self.model()
        progress("painting", 0.0)
        fitted = fit(secret, cover.width, cover.height)
        net = self.loaded(model, config)
        container = self._through(
            lambda c, s: self.embed(net, c, s, config), net, self.tile(config), cover.samples, fitted
        )
        if steps := steps_of(config):
            container = self._refined(net, cover.samples, fitted, container, config, steps, progress)
        channel.paint(container)
        size = secret.width.to_bytes(2, "big") + secret.height.to_bytes(2, "big")
        settings = model.identity[:IDENTITY_BYTES] + size + bytes([self.switches(config)])
        promise = min(flat_psnr(as_colour(secret)) + MARGIN_DB, ENOUGH_DB)
        return Placed(0, promise, settings, tuple(self._remarks(secret, cover)), carried=cover.samples.size)

    def reveal(self, cover: Cover, channel: Channel, entry: Entry, settings: bytes, progress: Progress) -> Value:
        """Read the secret off the container and bring it back to its own size."""
        assert isinstance(cover, Image)
        identity, rest = settings[:IDENTITY_BYTES], settings[IDENTITY_BYTES:]
        width, height = int.from_bytes(rest[:2], "big"), int.from_bytes(rest[2:4], "big")
        model = self.model_of(identity)
        config = self.switched(self.settled(model), rest[4])
        progress("reading", 0.0)
        net = self.loaded(model, config)
        revealed = self.read_off(net, cover.samples, config)
        found = resize(Image(revealed), width, height)
        return Image(found.samples, name=entry.name)

    def bare(self, cover: Cover, settings: Mapping[str, object]) -> Value | None:
        """Return what the networks see in a picture, at the cover's size unless `size` says another."""
        asked = configure(Bare, settings, self.facts.name)
        if not isinstance(cover, Image):
            raise NoSecretError
        model = self.model()
        config = self.settled(model)
        return asked.sized(Image(self.read_off(self.loaded(model, config), as_colour(cover), config)))

    def reader(self) -> Reader:
        """Return what reads the picture that the networks see in a picture of 8-bit colour."""
        model = self.model()
        config = self.settled(model)
        net = self.loaded(model, config)

        def read(cover: Cover) -> Samples | None:
            if not isinstance(cover, Image) or cover.is_grey or cover.depth != 8:
                return None
            return self.read_off(net, cover.samples, config)

        return read

    def capacity(self, cover: Cover, channel: Channel, config: ConfigT) -> int:
        """A picture of the cover's own size."""
        return cover.samples.size if isinstance(cover, Image) else 0

    def compare(self, original: Value, revealed: Value, cover: Cover) -> float:
        """PSNR of the revealed picture against the secret in 8-bit colour."""
        return super().compare(Image(as_colour(original)) if isinstance(original, Image) else original, revealed, cover)

    def read_off(self, net: "nn.Module", container: Samples, config: ConfigT) -> Samples:
        """Return what anybody with the weights reads off a picture, uint8 [H, W, 3], hidden there or not."""
        return self._through(lambda c: self.extract(net, c, config), net, self.tile(config), container)

    # --- inside ---------------------------------------------------------------------------------------------

    def settled(self, model: zoo.Model) -> ConfigT:
        """Return the settings a model was trained with."""
        return configure(self.Config, model.config, model.name)

    def _through(self, run: Callable[..., "Tensor"], net: "nn.Module", pixels: int, *pictures: Samples) -> Samples:
        """Return what `run` makes of pictures, uint8 [H, W, 3] each, rounded as the file will be."""
        import torch

        from ..engine.hardware import has_bfloat16
        from ..engine.tiles import tiled

        where = next(net.parameters()).device
        given = [
            torch.from_numpy(np.require(picture, requirements=["C", "W"])).permute(2, 0, 1)[None]
            for picture in pictures
        ]

        def levels(*parts: "Tensor") -> "Tensor":
            made = run(*(part.to(where).float() / 255 for part in parts))
            return (made.float().clamp(0, 1) * 255).round().to(torch.uint8).cpu()

        with torch.inference_mode(), torch.autocast(where.type, torch.bfloat16, enabled=has_bfloat16(where)):
            return tiled(levels, given, self.margin, pixels)[0].permute(1, 2, 0).numpy()

    def _refined(
        self,
        net: "nn.Module",
        cover: Samples,
        secret: Samples,
        container: Samples,
        config: ConfigT,
        steps: int,
        progress: Progress,
    ) -> Samples:
        """Return the container, moved to where the secret is read best; gradients are taken tile by tile."""
        import torch

        from ..engine import rounding
        from ..engine.hardware import has_bfloat16
        from ..engine.refine import refined
        from ..engine.tiles import cuts

        weights = next(net.parameters())
        net.requires_grad_(requires_grad=False)
        given = [torch.from_numpy(each.copy()).permute(2, 0, 1)[None] for each in (cover, container, secret)]
        before, painted, wanted = (each.to(weights.device).float() / 255 for each in given)

        def gradient(at: "Tensor") -> "Tensor":
            found = torch.zeros_like(at)
            for rows, columns, inner in cuts(at.shape[-2], at.shape[-1], self.margin, self.tile(config) // LEARNING):
                part = at[..., rows, columns].clone().requires_grad_()
                with torch.autocast(weights.device.type, torch.bfloat16, enabled=has_bfloat16(weights.device)):
                    read = self.extract(net, rounding.picture(part), config)
                miss = (read.float() - wanted[..., rows, columns])[..., inner[0], inner[1]].square().sum()
                found[..., rows, columns] += torch.autograd.grad(miss, part)[0]
            return found

        made = refined(before, painted, gradient, steps, lambda share: progress("refining", share))
        return rounding.picture_samples(made)[0].permute(1, 2, 0).cpu().contiguous().numpy()

    def _remarks(self, secret: Image, cover: Image) -> list[str]:
        notes = [f"{self.facts.name} does not encrypt: anybody with the same model can read the hidden picture"]
        if (secret.width, secret.height) != (cover.width, cover.height):
            notes.append(f"the secret was hidden at the cover's size, {cover.width} x {cover.height}")
        if secret.alpha is not None:
            notes.append("the secret's transparency is not carried")
        return notes


def as_colour(picture: Image) -> Samples:
    """Return a picture's samples as 8-bit colour, uint8 [H, W, 3]."""
    samples = picture.samples if picture.depth == 8 else (picture.samples >> 8).astype(np.uint8)
    return np.repeat(samples[..., None], 3, axis=2) if samples.ndim == 2 else samples


def fit(secret: Image, width: int, height: int) -> Samples:
    """Return a secret as 8-bit colour of that size, uint8 [height, width, 3]."""
    return resize(Image(as_colour(secret)), width, height).samples


def flat_psnr(samples: Samples) -> float:
    """Return the PSNR in dB of a flat picture of the mean colour; what says nothing about a picture but its colour."""
    mean = np.rint(samples.reshape(-1, samples.shape[-1]).mean(axis=0)).astype(np.uint8)
    found = metrics.psnr(samples, np.broadcast_to(mean, samples.shape))
    return found if math.isfinite(found) else 60.0
