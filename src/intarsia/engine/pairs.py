"""Covers and secrets, drawn: the same for the same seed, step and item, whoever draws them.

    seed, step, item ──► words ──┬─► which ──► Crops, Cuts ──► "cover"  [n, ...]
                                 └─► which ──► Crops, Cuts ──► "secret" [n, ...]

A secret is never the very file that it is hidden in. How a picture is cropped is `crops`' business, a sound `cuts`'.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, UsageError
from . import draws
from .crops import Crops, PictureAugment
from .cuts import Cuts, SoundAugment

__all__ = ["Crops", "Cuts", "Pairs", "PictureAugment", "SoundAugment", "Source"]

_COVER, _SECRET = 0, 1  # streams
_VALIDATION = 0x76616C6964  # a seed of its own: every run is validated on the same pairs
_PICK = draws.BLOCK  # words that are kept for the choice of the item


class Source(Protocol):
    """What items are drawn from: `Crops`, `Cuts`.

    Attributes:
        words: how many words one item may use, a multiple of `draws.BLOCK`.
    """

    words: int

    @property
    def data(self) -> Any:  # noqa: ANN401 (compared, and nothing else)
        """What the indices point into."""

    @property
    def content(self) -> str:
        """Hash of the data, hexadecimal."""

    @property
    def indices(self) -> NDArray[np.int64]:
        """Items to learn from, rising, each once."""

    @property
    def validation(self) -> NDArray[np.int64]:
        """Items to validate on, rising, each once."""

    def make(self, items: NDArray[np.int64], words: NDArray[np.uint64]) -> NDArray[Any]:
        """Return items [n, ...] for learning, drawn by `words`."""

    def still(self, items: NDArray[np.int64], words: NDArray[np.uint64]) -> NDArray[Any]:
        """Return items [n, ...] to validate on."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of a cover and a secret.

    Attributes:
        cover: what covers are drawn from.
        secret: what secrets are drawn from; may be the same pictures or sounds.
        batch: pairs in one step, over all processes.
        seed: of all that is drawn to learn from.
        replacement: True: every draw is independent of all others (StegNet). False: each item once before any comes
            again, covers and secrets each in an order of their own; where a secret would meet itself, the next one
            in that order takes its place.
    """

    cover: Source
    secret: Source
    batch: int
    seed: int = 0
    replacement: bool = True

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise UsageError(f"batch={self.batch}; expected 1 or more")
        _check(self.cover.data is self.secret.data, self.cover.indices, self.secret.indices, "learn from")

    @property
    def content(self) -> str:
        """Return a hash of all that is drawn from, hexadecimal; how it is cropped and cut is not in it."""
        return hashlib.sha256(f"{self.cover.content} {self.secret.content}".encode()).hexdigest()

    def draw(self, step: int, first: int = 0, count: int | None = None) -> dict[str, NDArray[Any]]:
        """Return some pairs of a step.

        Args:
            step: 0 or more.
            first: number of the first pair within the step's batch: where this process begins.
            count: pairs, None for all from `first` on.

        Returns:
            "cover" and "secret", [count, ...], of the type that their source makes.

        Raises:
            UsageError: pairs that are not in the batch.
        """
        count = self.batch - first if count is None else count
        if first < 0 or count < 0 or first + count > self.batch:
            raise UsageError(f"pairs {first} to {first + count} of a batch of {self.batch}")
        covers, secrets = self.items(step, first, count)
        return {
            "cover": self.cover.make(covers, self._words(_COVER, step, first, count)[:, _PICK:]),
            "secret": self.secret.make(secrets, self._words(_SECRET, step, first, count)[:, _PICK:]),
        }

    def items(self, step: int, first: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return which covers and which secrets `draw` takes, indices into their packs, int64 [count] each."""
        shared = self.cover.data is self.secret.data
        if not self.replacement:
            numbers = step * self.batch + np.arange(first, first + count)
            return _ordered(self.seed, numbers, self.cover.indices, self.secret.indices, shared)
        picks = [self._words(stream, step, first, count)[:, 0] for stream in (_COVER, _SECRET)]
        covers = self.cover.indices[draws.below(picks[0], len(self.cover.indices))]
        return covers, _others(picks[1], self.secret.indices, covers if shared else None)

    def validation(self, count: int) -> dict[str, NDArray[Any]]:
        """Return pairs to validate on: the same on every call, in every run, on every machine.

        Args:
            count: pairs; where there are fewer items, they come again in other pairs.

        Raises:
            InputError: nothing was kept for validation.
        """
        cover, secret = self.cover, self.secret
        shared = cover.data is secret.data
        _check(
            shared,
            cover.validation,
            secret.validation,
            "validate on; set a larger validation=, such as 0.3, or add files",
        )
        covers, secrets = _ordered(_VALIDATION, np.arange(count), cover.validation, secret.validation, shared)
        words = [
            draws.words(_VALIDATION, stream, 0, 0, count, source.words)
            for stream, source in ((_COVER, cover), (_SECRET, secret))
        ]
        return {"cover": cover.still(covers, words[0]), "secret": secret.still(secrets, words[1])}

    def _words(self, stream: int, step: int, first: int, count: int) -> NDArray[np.uint64]:
        width = _PICK + (self.cover, self.secret)[stream].words
        return draws.words(self.seed, stream, step, first, count, width)


def _check(shared: bool, covers: NDArray[np.int64], secrets: NDArray[np.int64], purpose: str) -> None:
    for name, indices in (("cover", covers), ("secret", secrets)):
        if not len(indices):
            raise InputError(f"there is no {name} to {purpose}")
    if shared and len(secrets) == 1 and secrets[0] in covers:
        raise InputError(f"a pair needs two different files, and there is only one to {purpose}")


def _others(
    words: NDArray[np.uint64], indices: NDArray[np.int64], covers: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """Draw from `indices`, each as likely as the others, but none that is its own cover."""
    if covers is None:
        return indices[draws.below(words, len(indices))]
    places = np.searchsorted(indices, covers)
    is_there = indices[np.minimum(places, len(indices) - 1)] == covers
    drawn = draws.below(words, len(indices) - is_there.astype(np.int64))
    chosen: NDArray[np.int64] = indices[drawn + (is_there & (drawn >= places))]
    return chosen


def _ordered(
    seed: int, numbers: NDArray[np.int64], covers: NDArray[np.int64], secrets: NDArray[np.int64], shared: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Take items in the order of permutations, a secret that is its own cover replaced by the next one."""
    first = covers[draws.in_order(seed, _COVER, numbers, len(covers))]
    second = secrets[draws.in_order(seed, _SECRET, numbers, len(secrets))]
    if shared:
        following = secrets[draws.in_order(seed, _SECRET, numbers, len(secrets), skip=1)]
        second = np.where(first == second, following, second)
    return first, second
