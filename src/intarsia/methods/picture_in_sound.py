"""What methods share that paint pictures into a sound, clip after clip.

    cover  ─ first channel ─► -1..1 ─ cut ─► clips [N, 1, T] ─┐
                                                              ├─► embed ─► the cover's depth ─► channel, and the tail
    secret ─ grey or R, G, B ─ resize ─► planes [N, P, h, w] ─┘
    container ─ first channel ─► clips ─► extract ─► planes ─► finish ─► 8 bits ─ resize back ─► revealed

A clip carries P planes; a grey picture is one plane, a colour picture three. Planes fill clip after clip from the
start of the sound, and what is behind the last clip stays as it is, like the other channels and the sound's rate,
depth and length. With `whole_clips` every picture begins a clip of its own, a grey one as R = G = B. The frames that
carry the header change what was painted by at most one step.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import zoo
from ..carrier.channel import Channel
from ..errors import DoesNotFitError, NoSecretError, UsageError
from ..media import Audio, Cover, Image, Value, audio
from ..media.image import resize
from .base import Entry, Placed, Progress, Reader, configure
from .learned import IDENTITY_BYTES, Bare, Learned, steps_of
from .picture_in_picture import ENOUGH_DB, MARGIN_DB, as_colour, flat_psnr

if TYPE_CHECKING:
    from torch import Tensor, nn

ConfigT = TypeVar("ConfigT")
Planes = NDArray[np.float32]

MOST = 8
"""Pictures in one sound, the most."""

_PICTURE_BYTES = 5  # width, height, planes


class PictureInSound(Learned[ConfigT]):
    """A method whose networks take and give clips of sound, and planes of pictures of one size."""

    settings_bytes = IDENTITY_BYTES + 1 + MOST * _PICTURE_BYTES
    """More by what `own_settings` takes."""
    whole_clips: ClassVar[bool] = False
    """Whether every picture begins a clip of its own; else grey ones share a clip that carries several planes."""

    @abstractmethod
    def clip(self, config: ConfigT) -> int:
        """Return the samples of a clip."""

    @abstractmethod
    def planes(self, config: ConfigT) -> int:
        """Return how many planes a clip carries."""

    @abstractmethod
    def size(self, config: ConfigT) -> tuple[int, int]:
        """Return height and width of a plane."""

    @abstractmethod
    def embed(self, net: "nn.Module", cover: "Tensor", secret: "Tensor", config: ConfigT) -> "Tensor":
        """Return containers, float32 [N, 1, T], of covers [N, 1, T], -1..1, and planes [N, P, h, w], 0..1."""

    @abstractmethod
    def extract(self, net: "nn.Module", container: "Tensor", config: ConfigT) -> "Tensor":
        """Return revealed planes, float32 [N, P, h, w], about 0..1."""

    def finish(self, net: "nn.Module", pictures: "Tensor", config: ConfigT) -> "Tensor":
        """Return colour pictures [N, 3, h, w], 0..1, as they are shown; here as they are."""
        return pictures

    def pieces(self, config: ConfigT) -> int:
        """Return the pieces of a clip that each keep their own SNR when it is refined."""
        return 1

    def heard(self, container: "Tensor", config: ConfigT) -> "Tensor":
        """Return what a receiver may hear of containers [N, 1, T] that were not rounded; here what the file holds."""
        from ..engine import rounding

        return rounding.sound(container)

    def miss(
        self, net: "nn.Module", container: "Tensor", secret: "Tensor", config: ConfigT, *, colour: bool
    ) -> "Tensor":
        """Return what a receiver gets wrong, a scalar.

        Args:
            net: the networks.
            container: [N, 1, T], not rounded.
            secret: planes [N, P, h, w].
            config: the settings.
            colour: whether these are the three planes of one picture.
        """
        read = self.extract(net, self.heard(container, config), config).float()
        if colour:
            read = self.finish(net, read.reshape(1, 3, *read.shape[-2:]), config).float()
        return (read - secret.reshape(read.shape)).square().sum()

    def keyed(self, config: ConfigT, channel: Channel) -> ConfigT:
        """Return the settings with what the channel's key decides; here nothing is."""
        return config

    def protect(self, config: ConfigT) -> float:
        """Return the share of the sound that may be lost and the header still be found; here nothing may."""
        return 0.0

    def own_settings(self, config: ConfigT, channel: Channel) -> bytes:
        """Return what `received` needs besides the model's settings."""
        return b""

    def received(self, container: Audio, channel: Channel, config: ConfigT, own: bytes) -> tuple[Audio, ConfigT]:
        """Return the sound as the networks should hear it, and the settings it was made with."""
        return container, config

    # --- the pair -------------------------------------------------------------------------------------------

    def hide(self, cover: Cover, secret: Value, channel: Channel, config: ConfigT, progress: Progress) -> Placed:
        """Paint one picture into the sound."""
        return self.hide_all(cover, [secret], channel, config, progress)[0]

    def reveal(self, cover: Cover, channel: Channel, entry: Entry, settings: bytes, progress: Progress) -> Value:
        """Read one picture off the sound."""
        return self.reveal_all(cover, channel, [entry], settings, progress)[0]

    def hide_all(
        self, cover: Cover, secrets: Sequence[Value], channel: Channel, config: ConfigT, progress: Progress
    ) -> list[Placed]:
        """Paint pictures into the sound, one behind the other."""
        pictures = self._pictures(cover, secrets)
        assert isinstance(cover, Audio)
        self._check_room(cover, pictures, channel, config)
        model = self.model()
        progress("painting", 0.0)
        config = self.keyed(config, channel)
        high, wide = self.size(config)
        per, clip = self.planes(config), self.clip(config)
        planes = np.concatenate(
            [_planes_of(picture, wide, high, self._taken(picture.is_grey, per)) for picture in pictures]
        )
        planes = np.pad(planes, [(0, -len(planes) % per), (0, 0), (0, 0)]).reshape(-1, per, high, wide)
        net = self.loaded(model, config)
        clips = cover.planes()[0, : len(planes) * clip].reshape(-1, 1, clip)
        painted = self._through(lambda c, s: self.embed(net, c, s, config), net, clips, planes)
        if steps := steps_of(config):
            groups = list(self._groups(pictures, len(clips), config))
            miss = partial(self.miss, net, config=config)
            painted = self._refined(net, (clips, planes, painted), groups, miss, config, steps, progress)
        self._paint(cover, painted, channel, config)
        settings = model.identity[:IDENTITY_BYTES] + bytes([len(pictures)]) + b"".join(map(_facts_of, pictures))
        settings += self.own_settings(config, channel)
        notes = self._remarks(pictures, config)
        return [
            Placed(
                0, promised(picture), settings, notes if picture is pictures[0] else (), self._carried(picture, config)
            )
            for picture in pictures
        ]

    def reveal_all(
        self, cover: Cover, channel: Channel, entries: Sequence[Entry], settings: bytes, progress: Progress
    ) -> list[Value]:
        """Read every picture off the sound and bring it back to its own size."""
        assert isinstance(cover, Audio)
        end = IDENTITY_BYTES + 1 + settings[IDENTITY_BYTES] * _PICTURE_BYTES
        identity, facts, own = settings[:IDENTITY_BYTES], settings[IDENTITY_BYTES + 1 : end], settings[end:]
        model = self.model_of(identity)
        progress("reading", 0.0)
        net = self.loaded(model, self.settled(model))
        heard, config = self.received(cover, channel, self.settled(model), own)
        sizes = [_facts(facts[at : at + _PICTURE_BYTES]) for at in range(0, len(facts), _PICTURE_BYTES)]
        per = self.planes(config)
        planes = self.read_off(net, heard, sum(self._taken(count == 1, per) for *_, count in sizes), config)
        found: list[Value] = []
        at = 0
        for (width, height, count), entry in zip(sizes, entries, strict=True):
            picture = planes[at : at + self._taken(count == 1, per)]
            at += len(picture)
            shown = resize(self._finished(net, picture, config, grey=count == 1), width, height)
            found.append(Image(shown.samples, name=entry.name))
        return found

    def bare(self, cover: Cover, settings: Mapping[str, object]) -> Value | None:
        """Return what the networks see at the start of a sound, in colour unless `colour` says it is grey."""
        own = {field.name for field in fields(Bare)}
        asked = configure(Bare, {key: value for key, value in settings.items() if key in own}, self.facts.name)
        others = {key: value for key, value in settings.items() if key not in own}
        room = self.viewing(others) if others else self
        if not isinstance(cover, Audio):
            raise NoSecretError
        model = room.model()
        config = room.settled(model)
        net = room.loaded(model, config)
        planes = room.read_off(
            net, at_rate(cover, asked.rate), room._taken(not asked.colour, room.planes(config)), config
        )
        return asked.sized(room._finished(net, planes, config, grey=not asked.colour))

    def reader(self) -> Reader:
        """Return what reads the planes that the networks see in the first clip of a sound."""
        model = self.model()
        config = self.settled(model)
        net, clip, per = self.loaded(model, config), self.clip(config), self.planes(config)

        def read(cover: Cover) -> NDArray[np.uint8] | None:
            if not isinstance(cover, Audio) or cover.length < clip:
                return None
            return _levels(self.read_off(net, cover, per, config))

        return read

    def _finished(self, net: "nn.Module", planes: Planes, config: ConfigT, *, grey: bool) -> Image:
        """Return the planes of one picture as it is shown, at the networks' size."""
        if grey:
            planes = planes.mean(axis=0, keepdims=True)
        else:
            planes = self._through(lambda p: self.finish(net, p, config), net, planes[None])[0]
        levels = _levels(planes)
        return Image(np.ascontiguousarray(levels[..., 0] if grey else levels))

    def read_off(self, net: "nn.Module", container: Audio, count: int, config: ConfigT) -> Planes:
        """Return what anybody with the weights reads off a sound: float32 [count, h, w], about 0..1.

        Raises:
            NoSecretError: the sound is too short to hold as many planes.
        """
        per, clip = self.planes(config), self.clip(config)
        clips = -(-count // per)
        if container.length < clips * clip:
            raise NoSecretError
        samples = container.planes()[0, : clips * clip].reshape(clips, 1, clip)
        found = self._through(lambda c: self.extract(net, c, config), net, samples)
        return found.reshape(-1, *found.shape[-2:])[:count]

    def capacity(self, cover: Cover, channel: Channel, config: ConfigT) -> int:
        """As many planes as there are clips for, one byte for each of their pixels."""
        high, wide = self.size(config)
        return cover.length // self.clip(config) * self.planes(config) * high * wide if isinstance(cover, Audio) else 0

    def compare(self, original: Value, revealed: Value, cover: Cover) -> float:
        """PSNR of the revealed picture against the secret in 8 bits, at its own size."""
        return super().compare(_shown(original) if isinstance(original, Image) else original, revealed, cover)

    # --- inside ---------------------------------------------------------------------------------------------

    def settled(self, model: zoo.Model) -> ConfigT:
        """Return the settings a model was trained with."""
        return configure(self.Config, model.config, model.name)

    def _pictures(self, cover: Cover, secrets: Sequence[Value]) -> list[Image]:
        name = self.facts.name
        pictures = [secret for secret in secrets if isinstance(secret, Image)]
        if not isinstance(cover, Audio) or len(pictures) < len(secrets):
            raise UsageError(f"{name} hides pictures in a sound; try --method exact")
        if len(pictures) > MOST:
            raise UsageError(f"{name} hides {MOST} pictures in a sound at the most, not {len(pictures)}")
        if max(max(picture.width, picture.height) for picture in pictures) > (1 << 16) - 1:
            raise UsageError(f"{name}: a secret has more than {(1 << 16) - 1:,} pixels along a side; make it smaller")
        return pictures

    def _check_room(self, cover: Audio, pictures: Sequence[Image], channel: Channel, config: ConfigT) -> None:
        per = self.planes(config)
        count = sum(self._taken(picture.is_grey, per) for picture in pictures)
        needed = -(-count // per) * self.clip(config)
        if cover.length < needed:
            raise DoesNotFitError(
                f"{'one plane takes' if count == 1 else f'{count} planes take'} {needed / cover.rate:.2f} s at "
                f"{cover.rate:,} Hz, and the cover lasts {cover.seconds:.2f} s; use a longer one, or a grey picture",
                needed=needed,
                available=cover.length,
            )
        if channel.budget() <= 0:
            raise DoesNotFitError(f"the sound is too short for {self.facts.name}", needed=1, available=0)

    def _paint(self, cover: Audio, painted: Planes, channel: Channel, config: ConfigT) -> None:
        """Write clips [N, 1, T], -1..1, over the start of the first channel, at the cover's depth."""
        samples = channel.samples.reshape(cover.length, cover.channels)
        samples[: painted.size, 0] = audio.from_float(painted.reshape(-1), cover.depth)
        channel.paint(samples, self.protect(config))

    def _taken(self, is_grey: bool, per: int) -> int:
        """Return how many planes a picture takes where a clip carries `per`."""
        own = 1 if is_grey else 3
        return max(own, per) if self.whole_clips else own

    def _carried(self, picture: Image, config: ConfigT) -> int:
        high, wide = self.size(config)
        return high * wide * (1 if picture.is_grey else 3)

    def _through(self, run: Callable[..., "Tensor"], net: "nn.Module", *given: Planes) -> Planes:
        """Return what `run` makes of arrays [N, ...], one item at a time."""
        import torch

        from ..engine.hardware import has_bfloat16

        where = next(net.parameters()).device
        with torch.inference_mode(), torch.autocast(where.type, torch.bfloat16, enabled=has_bfloat16(where)):
            made = [
                run(*(torch.from_numpy(each[at : at + 1].copy()).to(where) for each in given)).float().cpu().numpy()
                for at in range(len(given[0]))
            ]
        return np.concatenate(made)

    def _refined(
        self,
        net: "nn.Module",
        given: tuple[Planes, Planes, Planes],
        groups: Sequence[tuple[slice, bool]],
        miss: Callable[..., "Tensor"],
        config: ConfigT,
        steps: int,
        progress: Progress,
    ) -> Planes:
        """Return painted clips [N, 1, T], -1..1, moved to where secrets are read best.

        Args:
            net: the networks.
            given: cover, secrets and painted clips, [N, ...] each.
            groups: clips that are refined together, and whether they are one picture in colour.
            miss: what a receiver gets wrong, as the method of that name, settings and networks known.
            config: the settings.
            steps: of the search.
            progress: told of them.
        """
        import torch

        where = next(net.parameters()).device
        net.requires_grad_(requires_grad=False)
        made = []
        for number, (clips, colour) in enumerate(groups):

            def said(share: float, before: int = number) -> None:
                progress("refining", (before + share) / len(groups))

            cover, secret, painted = (torch.from_numpy(each[clips].copy()).to(where) for each in given)
            missed = partial(miss, secret=secret, colour=colour)
            made.append(self._searched(cover, painted, missed, config, steps, said).cpu().numpy())
        return np.concatenate(made)

    def _searched(
        self,
        cover: "Tensor",
        painted: "Tensor",
        miss: Callable[["Tensor"], "Tensor"],
        config: ConfigT,
        steps: int,
        said: Callable[[float], None],
    ) -> "Tensor":
        """Return painted clips [N, 1, T], moved to where `miss`, a scalar, is least; each piece keeps its SNR."""
        import torch

        from ..engine.hardware import has_bfloat16
        from ..engine.refine import refined

        def gradient(at: "Tensor") -> "Tensor":
            container = at.reshape(cover.shape).requires_grad_()
            with torch.autocast(cover.device.type, torch.bfloat16, enabled=has_bfloat16(cover.device)):
                missed = miss(container)
            return torch.autograd.grad(missed, container)[0].reshape(at.shape)

        pieces = (len(cover) * self.pieces(config), 1, -1)
        with torch.random.fork_rng(devices=[]):  # `heard` may draw what happens; the same file each time
            torch.manual_seed(0)
            found = refined(cover.reshape(pieces), painted.reshape(pieces), gradient, steps, said)
        return found.reshape(cover.shape)

    def _groups(self, pictures: Sequence[Image], count: int, config: ConfigT) -> Iterator[tuple[slice, bool]]:
        """Yield clips that are refined together, and whether they are one picture in colour."""
        per, at = self.planes(config), 0
        taken = [self._taken(picture.is_grey, per) for picture in pictures]
        if any(number % per for number in taken):
            yield from ((slice(number, number + 1), False) for number in range(count))
            return
        for picture, number in zip(pictures, taken, strict=True):
            yield slice(at, at + number // per), not picture.is_grey
            at += number // per

    def _remarks(self, pictures: Sequence[Image], config: ConfigT) -> tuple[str, ...]:
        high, wide = self.size(config)
        notes = [f"{self.facts.name} does not encrypt: anybody with the same model can read the hidden picture"]
        if any((picture.height, picture.width) != (high, wide) for picture in pictures):
            notes.append(f"the secret was hidden at {wide} x {high}")
        if any(picture.alpha is not None for picture in pictures):
            notes.append("the secret's transparency is not carried")
        return tuple(notes)


def _levels(planes: Planes) -> NDArray[np.uint8]:
    """Return planes [C, H, W], 0..1, in 8 bits, [H, W, C]."""
    levels: NDArray[np.uint8] = np.rint(np.clip(planes, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    return levels


def at_rate(sound: Audio, rate: int) -> Audio:
    """Return a sound at another rate; 0: as it is."""
    if rate in (0, sound.rate):
        return sound
    from ..media.transit.resampling import resampled

    samples = resampled(sound.planes().T.astype(np.float64), sound.rate, rate)
    return Audio.of(audio.from_float(samples, sound.depth), rate, depth=sound.depth)


def promised(picture: Image) -> float:
    """Return the least PSNR in dB that a revealed picture must have: more than a flat one says, or plenty."""
    levels = _shown(picture).samples
    return min(flat_psnr(levels[..., None] if levels.ndim == 2 else levels) + MARGIN_DB, ENOUGH_DB)


def _shown(picture: Image) -> Image:
    """Return a picture in 8 bits, grey or colour as it is."""
    if picture.is_grey:
        return Image(picture.samples if picture.depth == 8 else (picture.samples >> 8).astype(np.uint8))
    return Image(as_colour(picture))


def _planes_of(picture: Image, width: int, height: int, count: int) -> Planes:
    """Return the planes of a picture at that size, float32 [count, height, width], 0..1."""
    samples = np.atleast_3d(resize(_shown(picture), width, height).samples).transpose(2, 0, 1)
    return np.broadcast_to(samples / 255, (count, height, width)).astype(np.float32)


def _facts_of(picture: Image) -> bytes:
    return picture.width.to_bytes(2, "big") + picture.height.to_bytes(2, "big") + bytes([1 if picture.is_grey else 3])


def _facts(packed: bytes) -> tuple[int, int, int]:
    return int.from_bytes(packed[:2], "big"), int.from_bytes(packed[2:4], "big"), packed[4]
