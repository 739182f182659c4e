"""Controls: what every figure is printed beside, so that a low AUC says something.

    clean          one half of the covers against the other; must give .5
    lsb-random     the lowest bit of a share of the samples replaced at random
    lsb-matching   one level up or down where that bit was to change
    lsb-image      the top bits of another picture in the lowest (n = 3)
    noise          Gaussian, of the energy that a container has

Everything takes and gives samples, integers of any shape, and a generator.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...media import Audio, Cover, Image
from ...methods.lsb import hide_bits
from ...methods.lsb.method import like_cover

Samples = NDArray[Any]

IMAGE_BITS = 3
"""Low bits that `lsb-image` takes, as published with StegNet."""


def lsb_random(samples: Samples, draw: np.random.Generator, *, rate: float = 1.0, bits: int = 1) -> Samples:
    """Replace the lowest bits of a share of the samples, 0..1, at random places."""
    chosen = draw.random(samples.shape) < rate
    mask = (1 << bits) - 1
    drawn = draw.integers(0, 1 << bits, samples.shape).astype(samples.dtype)
    written: Samples = np.where(chosen, (samples & ~samples.dtype.type(mask)) | drawn, samples)
    return written


def lsb_matching(samples: Samples, draw: np.random.Generator, *, rate: float = 1.0, low: int, high: int) -> Samples:
    """Give a share of the samples, 0..1, a random lowest bit by going up or down one level, by chance.

    Args:
        samples: integers low..high.
        draw: the generator.
        rate: bits per sample.
        low: least value, which can only go up.
        high: largest value, which can only go down.
    """
    changes = draw.random(samples.shape) < rate / 2  # half of the bits are right already
    steps = np.where(draw.random(samples.shape) < 0.5, -1, 1)
    steps = np.where(samples <= low, 1, np.where(samples >= high, -1, steps))
    moved: Samples = (samples.astype(np.int64) + steps * changes).astype(samples.dtype)
    return moved


def noise(samples: Samples, draw: np.random.Generator, *, energy: float, low: int, high: int) -> Samples:
    """Add Gaussian noise of that mean square, rounded, between low and high."""
    added = samples + np.sqrt(energy) * draw.standard_normal(samples.shape)
    noisy: Samples = np.clip(np.rint(added), low, high).astype(samples.dtype)
    return noisy


def energy(cover: Samples, container: Samples) -> float:
    """Return the mean squared change."""
    return float(((container.astype(np.float64) - cover) ** 2).mean())


NAMES = ("lsb-random", "lsb-matching", "lsb-image", "noise")


def made(name: str, cover: Cover, other: Cover | None, *, seed: int, energy: float) -> Cover | None:
    """Return a control made from a cover.

    Args:
        name: one of `NAMES`.
        cover: picture of 8 bits, or sound.
        other: what `lsb-image` puts into it.
        seed: of everything random.
        energy: mean squared change of `noise`.

    Returns:
        None: there is no such control for this cover.
    """
    draw = np.random.default_rng([seed, NAMES.index(name)])
    samples = cover.samples
    low, high = (cover.low, cover.high) if isinstance(cover, Audio) else (0, 255)
    if name == "lsb-image":
        if not (isinstance(cover, Image) and isinstance(other, Image)):
            return None
        return Image(hide_bits(cover.samples, like_cover(other, cover), IMAGE_BITS))
    if name == "lsb-random":
        changed = lsb_random(samples, draw)
    elif name == "lsb-matching":
        changed = lsb_matching(samples, draw, low=low, high=high)
    else:
        changed = noise(samples, draw, energy=energy, low=low, high=high)
    return cover.with_samples(changed) if isinstance(cover, Audio) else Image(changed)
