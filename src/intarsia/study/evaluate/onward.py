"""What happens to a container on its way, and what a receiver reads when the header did not survive.

saved ─► media.transit ─► arrived ─┬─► reveal: header, key, method
                                   └─► the networks alone, unauthenticated, or the low bits: no header, no key
"""

import math

import numpy as np

from ...errors import IntarsiaError, UsageError
from ...media import Audio, Blob, Cover, Image, Shape, Value, Video, image, sound_metrics, transit
from ...media.image import resize
from ...methods import load
from ...methods.lsb import reveal_bits
from ...methods.picture_in_picture import as_colour
from .tasks import Task


def listed(kind: str) -> tuple[str, ...]:
    """Return every channel of a kind, its example where it has arguments, and the profiles."""
    table, profiles = {"image": transit.PICTURES, "audio": transit.SOUNDS}[kind], transit.PROFILES.values()
    own = tuple(channel.example or channel.name for channel in table.values())
    return (*own, *(profile.name for profile in profiles if profile.kind == kind))


def arrived(saved: Cover, text: str, seed: int) -> tuple[Cover | None, str]:
    """Return what the receiver gets, or why this value cannot go that way."""
    try:
        return transit.send(saved, text, seed=seed), ""
    except UsageError as error:  # a package that is missing, or a strength that this value cannot take
        return None, str(error)


def damage(saved: Cover, other: Cover) -> float | None:
    """Return PSNR or SNR in dB of what arrived; None where it has not the same samples."""
    if isinstance(saved, Image) and isinstance(other, Image):
        alike = saved.samples.shape == other.samples.shape and saved.depth == other.depth
        return image.psnr(saved, other) if alike and (saved.alpha is None) == (other.alpha is None) else None
    assert isinstance(saved, Audio)
    assert isinstance(other, Audio)
    facts = [(each.length, each.channels, each.depth) for each in (saved, other)]
    return sound_metrics.snr_of(saved, other) if facts[0] == facts[1] else None


def same(one: Value, other: Value) -> bool:
    """Whether a value came back bit for bit."""
    if isinstance(one, Image) and isinstance(other, Image):
        return one.samples.shape == other.samples.shape and bool(np.array_equal(one.samples, other.samples))
    if isinstance(one, Audio) and isinstance(other, Audio):
        return one.length == other.length and math.isinf(sound_metrics.snr_of(one, other))
    if isinstance(one, Video) and isinstance(other, Video):
        return bool(np.array_equal(one.frames, other.frames))
    if isinstance(one, Shape) and isinstance(other, Shape):
        return bool(np.array_equal(one.vertices, other.vertices) and np.array_equal(one.faces, other.faces))
    return isinstance(one, Blob) and isinstance(other, Blob) and one.data == other.data


def without_header(task: Task, container: Cover, secret: Value, device: str) -> Image | None:
    """Return the picture that is read without header and key, at the secret's size; None where nothing can be read."""
    if not isinstance(secret, Image):
        return None
    size = f"{secret.width}x{secret.height}"
    try:
        if task.method == "lsb" and isinstance(container, Image) and container.depth == 8:
            read = Image(reveal_bits(as_colour(container), int(task.settings.get("bits", "3"))))
            return resize(read, secret.width, secret.height)
        settings: dict[str, object] = {"size": size}
        if container.kind == "audio":
            settings["colour"] = not secret.is_grey
        found = load(task.method).equip(task.model or None, device).bare(container, settings)
    except (IntarsiaError, ValueError):  # too short, or of another kind than the networks take
        return None
    assert found is None or isinstance(found, Image)
    return found
