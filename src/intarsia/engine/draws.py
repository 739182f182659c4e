"""Random numbers by counter: what is drawn for item i of step n depends on the seed, n and i, and on nothing else.

    key (seed, stream) ─┐
    counter (i, n) ─────┴─► Philox ──► words of 64 bits ──► 0..1, or an index

So a run that was interrupted, or is shared between processes, draws the very same. The raw words of a counter-based
generator are the same on every machine and in every release of numpy, which its distributions are not.

Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, Parallel random numbers: as easy as 1, 2, 3, SC 2011 (Philox-4x64-10).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError

BLOCK = 4
"""Words that one value of the counter gives."""

_ORDER = 1  # third word of the counter: permutations do not meet the words of steps


def words(seed: int, stream: int, step: int, first: int, count: int, width: int) -> NDArray[np.uint64]:
    """Return the words of some items of a step.

    Args:
        seed: of the run, 0..2^64 - 1.
        stream: what they are for; two streams have nothing in common.
        step: 0 or more.
        first: number of the first item in the step.
        count: items.
        width: words for each item, a multiple of `BLOCK`.

    Returns:
        uint64 [count, width]; row i is that of item `first + i`, whatever else is asked for.

    Raises:
        UsageError: a number below zero or too large, or a width that is no multiple.
    """
    if width % BLOCK:
        raise UsageError(f"{width} words for each item; expected a multiple of {BLOCK}")
    if min(step, first, count) < 0:
        raise UsageError(f"step {step}, first {first}, count {count}; expected 0 or more")
    counter = (first * (width // BLOCK), step, 0, 0)
    return _philox(seed, stream, counter).random_raw(count * width).reshape(count, width)


def _philox(seed: int, stream: int, counter: tuple[int, int, int, int]) -> np.random.Philox:
    if not 0 <= seed < 1 << 64:
        raise UsageError(f"seed={seed}; expected 0 to 2^64 - 1")
    return np.random.Philox(key=np.array((seed, stream), np.uint64), counter=np.array(counter, np.uint64))


def unit(values: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return words as numbers from 0 to less than 1: the upper 53 bits of each."""
    return (values >> np.uint64(11)).astype(np.float64) * 2.0**-53


def below(values: NDArray[np.uint64], limit: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Return words as indices 0..limit - 1."""
    result: NDArray[np.int64] = np.minimum((unit(values) * limit).astype(np.int64), np.asarray(limit) - 1)
    return result


@lru_cache(maxsize=8)
def order(seed: int, stream: int, epoch: int, count: int) -> NDArray[np.int64]:
    """Return the permutation of an epoch, int64 [count], not to be written to."""
    keys = _philox(seed, stream, (0, epoch, _ORDER, 0)).random_raw(count)
    result = np.argsort(keys, kind="stable").astype(np.int64)
    result.flags.writeable = False
    return result


def in_order(seed: int, stream: int, numbers: NDArray[np.int64], count: int, skip: int = 0) -> NDArray[np.int64]:
    """Return indices without replacement: item `number` of a run through one permutation after the other.

    Args:
        seed: of the run.
        stream: what they are for.
        numbers: int64 [n], counted from the beginning of the run.
        count: how many there are to draw from.
        skip: places further on in the same permutation, round its end.
    """
    result = np.empty(len(numbers), np.int64)
    epochs = numbers // count
    for epoch in np.unique(epochs).tolist():
        here = epochs == epoch
        result[here] = order(seed, stream, epoch, count)[(numbers[here] + skip) % count]
    return result
