"""One file: what every detector that needs no training says, and the features the others learn from.

    picture ──► planes ──┬─► chi2 spa ws rs primary ──► scores            sound ──► channels ──┬─► chi2 spa ws
                         ├─► fusion ──► stegexpose-original, -clean                            └─► features
                         ├─► jpeg, revealer
                         └─► SPAM features

Every score rises with what is hidden. None: the detector has nothing to say about this file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...media import Audio, Cover, Image
from . import chi2, fusion, jpeg, natural, sample_pairs, sound_features, spam, ws

DETECTORS = (
    "chi2",
    "spa",
    "ws",
    "rs",
    "primary",
    "stegexpose-original",
    "stegexpose-clean",
    "spam",
    "cnn",
    "revealer",
)
"""Names, in the order of every table. `spam` and `cnn` are trained; `jpeg` is told beside them."""

TRAINED = ("spam", "cnn")
UNTRAINED = tuple(name for name in DETECTORS if name not in TRAINED)
VERSION = 1
"""Of everything here: what an earlier release measured is measured again."""

MAX_SIDE = 2048
"""Pixels, and MAX_SAMPLES of a sound: of larger files the middle is looked at."""

MAX_SAMPLES = 1 << 21


@dataclass(frozen=True)
class Measured:
    """What was found in one file.

    Attributes:
        kind: "image" or "audio".
        scores: by name of the detector, `jpeg` among them.
        parts: what StegExpose's four detectors say, by name.
        features: float32 [686] of a picture, [1077] of a sound; None: it is too small.
    """

    kind: str
    scores: Mapping[str, float | None]
    parts: Mapping[str, float | None] = field(default_factory=dict)
    features: NDArray[np.float32] | None = None


def measure(cover: Cover) -> Measured:
    """Return what the detectors say about a picture or a sound.

    Raises:
        InputError: a picture of 16 bits, for which they are not made.
    """
    return _sound(cover) if isinstance(cover, Audio) else _picture(cover)


def planes_of(picture: Image) -> list[NDArray[np.uint8]]:
    """Return the channels of the middle of a picture, uint8 [H, W] each."""
    samples = middle(picture.samples, MAX_SIDE)
    channels = samples.reshape(*samples.shape[:2], -1)
    return [np.ascontiguousarray(channels[..., number]) for number in range(channels.shape[2])]


def channels_of(sound: Audio) -> list[NDArray[Any]]:
    """Return the channels of the middle of a sound, integers [T] each."""
    start = max(0, sound.length - MAX_SAMPLES) // 2
    block = sound.read(start, min(sound.length, MAX_SAMPLES))
    return [np.ascontiguousarray(block[:, number]) for number in range(block.shape[1])]


def middle(samples: NDArray[Any], side: int) -> NDArray[Any]:
    """Return the central square of a picture's samples, [side, side, ...], or what there is."""
    top, left = (max(0, length - side) // 2 for length in samples.shape[:2])
    return samples[top : top + side, left : left + side]


def _picture(picture: Image) -> Measured:
    if picture.depth != 8:
        raise InputError(f"{picture.describe()}: detectors look at 8 bits; convert it to 8 bits first")
    planes = planes_of(picture)
    original, clean = fusion.original_parts(planes), fusion.clean_parts(planes)
    scores: dict[str, float | None] = {
        "chi2": chi2.score(planes),
        "spa": clean["spa"],
        "ws": ws.score(planes),
        "rs": clean["rs"],
        "primary": clean["primary"],
        "stegexpose-original": fusion.original(original),
        "stegexpose-clean": fusion.clean(clean),
        "revealer": natural.low_bits(picture),
        "jpeg": jpeg.score(middle(picture.samples, MAX_SIDE)),
    }
    found = spam.features(planes)
    return Measured("image", scores, original, None if found is None else found.astype(np.float32))


def _sound(sound: Audio) -> Measured:
    channels = channels_of(sound)
    scores = dict.fromkeys((*UNTRAINED, "jpeg")) | {
        "chi2": chi2.score(channels),
        "spa": sample_pairs.spa_sound(channels),
        "ws": ws.score_sound(channels),
    }
    found = sound_features.features(channels)
    return Measured("audio", scores, {}, None if found is None else found.astype(np.float32))
