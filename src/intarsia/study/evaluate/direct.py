"""Column `direct`: the secret read off what a network made, as papers score it; no file ever holds that.

    stegnet, deep_steg        the container as floats, neither clipped nor rounded; the secret stays float
    image_in_speech, ditas    the plane that the hider made; with variant=paper no sound has such magnitudes
    hide_and_speak            likewise; with speech as the secret the float sound, as its own code measures

It reproduces the papers and earns nothing: a float container can hold a picture behind its point (the control does).
"""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...media import Audio, Image, Value
from ...methods import load
from ...methods.picture_in_picture import PictureInPicture, as_colour
from .measures import Values, of_pictures
from .tasks import Task

if TYPE_CHECKING:
    from torch import Tensor


def measured(task: Task, cover: Value, secret: Value, device: str = "auto") -> Values:
    """Return the measures of a pair whose container never was a file."""
    room: Any = load(task.method).equip(task.model or None, device)
    model = room.model()
    config = room.settled(model)
    net = room.loaded(model, config)
    if isinstance(room, PictureInPicture) and isinstance(cover, Image) and isinstance(secret, Image):
        return _of_pictures(room, net, config, cover, secret)
    if isinstance(cover, Audio) and isinstance(secret, Image):
        ways = {"image_in_speech": _speech, "ditas": _stages, "hide_and_speak": _magnitudes}
        read = ways[task.method](room, net, config, cover, secret, dict(task.viewed))
        wanted = np.atleast_3d(secret.samples).astype(np.float32) / np.float32(255)
        return {f"secret_{name}": value for name, value in of_pictures(*_alike(wanted, read)).items()}
    if isinstance(cover, Audio) and isinstance(secret, Audio) and task.method == "hide_and_speak":
        return _speech_in_speech(net, config, cover, secret)
    raise UsageError(f"{task.method} has no column direct for {secret.kind} in {cover.kind}")


def has(method: str) -> bool:
    """Whether a method has such a column."""
    return method in ("image_in_speech", "ditas", "hide_and_speak") or isinstance(load(method), PictureInPicture)


def _alike(wanted: NDArray[np.float32], read: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return both as [H, W] or both as [H, W, 3]."""
    if wanted.shape[2] == 1:
        return wanted[..., 0], read.mean(axis=2).astype(np.float32)
    return wanted, read


def _of_pictures(room: Any, net: Any, config: Any, cover: Image, secret: Image) -> Values:  # noqa: ANN401
    import torch

    from ...engine.tiles import tiled

    given = [_picture_tensor(as_colour(each)) for each in (cover, secret)]
    size = room.tile(config)
    with torch.inference_mode():
        container = tiled(lambda c, s: room.embed(net, c, s, config), given, room.margin, size)
        read = tiled(lambda c: room.extract(net, c, config), [container], room.margin, size)
    pairs = {"cover": (given[0], container), "secret": (given[1], read)}
    return {
        f"{whose}_{name}": value
        for whose, (one, other) in pairs.items()
        for name, value in of_pictures(_array(one), _array(other)).items()
    }


def _speech(room: Any, net: Any, config: Any, cover: Audio, secret: Image, viewed: dict[str, str]) -> Any:  # noqa: ANN401
    import torch

    way = config.way()
    sound, planes = _clips(room, config, cover, secret)
    with torch.inference_mode():
        samples, made = way.written(sound, net.hide(way.plane.of(sound), planes))
        read = net.reveal(way.direct(samples, made))
        read = read.reshape(1, -1, *read.shape[-2:])
        if read.shape[1] == 3 and viewed.get("enhance", "true") == "true":
            read = net.enhance(read)
    return _shown(read)


def _stages(room: Any, net: Any, config: Any, cover: Audio, secret: Image, viewed: dict[str, str]) -> Any:  # noqa: ANN401
    import torch

    from ...methods.ditas import trip

    terms = dataclasses.replace(config.terms(), file=False)
    sound, planes = _clips(room, config, cover, secret)
    found = []
    with torch.inference_mode():
        for clip, picture in zip(torch.split(sound, 1), torch.split(planes, 1), strict=True):
            steps = trip.go(net, trip.pieces(clip, config.count), picture, terms)
            found.append(trip.shown([step.revealed for step in steps], terms.tiles))
    return _shown(torch.cat(found).reshape(1, -1, *found[0].shape[-2:]))


def _magnitudes(room: Any, net: Any, config: Any, cover: Audio, secret: Image, viewed: dict[str, str]) -> Any:  # noqa: ANN401
    import torch

    from ...methods.hide_and_speak import objective

    sound, planes = _clips(room, config, cover, secret)
    terms = dataclasses.replace(config.terms(), direct=True)
    with torch.inference_mode():
        read = objective.go(net, sound, objective.stretched(planes, config.scale), terms)[2]
        read = objective.shrunk(read, config.side, config.scale)
    return _shown(read.reshape(1, -1, *read.shape[-2:]))


def _speech_in_speech(net: Any, config: Any, cover: Audio, secret: Audio) -> Values:  # noqa: ANN401
    """Return the SNR of magnitudes of both; sounds as long as whole clips, one message."""
    import torch

    from ...engine.planes import snr
    from ...methods.hide_and_speak import objective

    sounds = [
        torch.from_numpy(each.planes()[0].copy()).float().reshape(-1, 1, objective.LENGTH) for each in (cover, secret)
    ]
    terms = dataclasses.replace(config.terms(), rounds=False)
    with torch.inference_mode():
        given, message = (objective.magnitudes(each) for each in sounds)
        _, sound, read = objective.go(net, sounds[0], message, terms)
        pairs = {"carrier": (given, objective.magnitudes(sound)), "secret": (message, read)}
        return {f"{whose}_magnitude_snr": float(snr(*pair)) for whose, pair in pairs.items()}


# --- tensors -------------------------------------------------------------------------------------------------


def _clips(room: Any, config: Any, cover: Audio, secret: Image) -> "tuple[Tensor, Tensor]":  # noqa: ANN401
    """Return clips [N, 1, T], -1..1, and their planes [N, P, h, w], 0..1."""
    import torch

    per, clip = room.planes(config), room.clip(config)
    planes = np.atleast_3d(secret.samples).transpose(2, 0, 1).astype(np.float32) / 255
    if len(planes) < per:
        planes = np.repeat(planes, per, axis=0)
    planes = planes.reshape(-1, per, *planes.shape[1:])
    sound = cover.planes()[0, : len(planes) * clip].reshape(-1, 1, clip)
    return torch.from_numpy(sound.copy()), torch.from_numpy(planes.copy())


def _picture_tensor(samples: NDArray[np.uint8]) -> "Tensor":
    import torch

    return torch.from_numpy(samples.astype(np.float32) / np.float32(255)).permute(2, 0, 1)[None]


def _array(tensor: "Tensor") -> NDArray[np.float32]:
    found: NDArray[np.float32] = tensor[0].float().permute(1, 2, 0).numpy()
    return found


def _shown(read: "Tensor") -> NDArray[np.float32]:
    """Return planes [1, P, h, w] as a picture [h, w, P], clipped to what can be shown."""
    found: NDArray[np.float32] = np.clip(_array(read), 0, 1)
    return found
