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

from ...methods.lsb import hide_bits

Samples = NDArray[Any]


def lsb_random(
    samples: Samples, draw: np.random.Generator, *, rate: float = 1.0, bits: int = 1
) -> Samples:
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


def lsb_image(cover: NDArray[np.uint8], other: NDArray[np.uint8], *, bits: int = 3) -> NDArray[np.uint8]:
    """Put another picture of the same shape into the lowest bits."""
    written: NDArray[np.uint8] = hide_bits(cover, other, bits)
    return written


def noise(samples: Samples, draw: np.random.Generator, *, energy: float, low: int, high: int) -> Samples:
    """Add Gaussian noise of that mean square, rounded, between low and high."""
    added = samples + np.sqrt(energy) * draw.standard_normal(samples.shape)
    noisy: Samples = np.clip(np.rint(added), low, high).astype(samples.dtype)
    return noisy


def energy(cover: Samples, container: Samples) -> float:
    """Return the mean squared change."""
    return float(((container.astype(np.float64) - cover) ** 2).mean())
