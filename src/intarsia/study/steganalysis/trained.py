"""Detectors that learn: SPAM (or a sound's features) with LDA, and the networks, on pairs that `hide` makes.

    covers ─► pairs.export(METHOD) ─┬─► features ─► five LDAs, each without a fifth of the sources ─┐
                                    └─► pixels of 7 sources in 10 ─► network ───────────────────────┴─► scores of files

A file is only judged by what has never seen its source. Where that is impossible, as of the covers that the network
learnt from, there is no score.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...engine.recipe import Recipe
from ...engine.split import Member, held_out
from ...errors import UsageError
from ...media import Audio, Cover
from . import lda
from .listing import Item
from .measure import Measured, channels_of, planes_of

if TYPE_CHECKING:
    from torch import nn

    from ...engine.company import Company

KEPT = 0.3
"""Share of the sources that the network is tested on."""

LEAST_PAIRS = 10

_LARGEST = 512  # pixels along a side of what a network sees
_LONGEST = 1 << 16  # samples


@dataclass(frozen=True)
class Lesson:
    """What is learnt from: covers and containers of one kind, item by item.

    Attributes:
        kind: "image" or "audio".
        sources: of each pair.
        clean: what was measured of the covers.
        stego: of the containers.
    """

    kind: str
    sources: Sequence[str]
    clean: Sequence[Measured]
    stego: Sequence[Measured]


@dataclass(frozen=True)
class Discriminants:
    """LDAs by fold, and one that saw everything."""

    places: Mapping[str, int]
    folds: Sequence[lda.Lda] = field(repr=False)
    whole: lda.Lda = field(repr=False)

    def __call__(self, measured: Measured, source: str) -> float | None:
        """Return the score of a file; None: it has no features."""
        if measured.features is None:
            return None
        chosen = self.folds[self.places[source]] if source in self.places else self.whole
        return float(chosen(measured.features.astype(np.float64)[None])[0])


def discriminants(lesson: Lesson) -> Discriminants | None:
    """Return what the features teach; None: there are too few pairs or sources."""
    usable = [
        number
        for number, (clean, stego) in enumerate(zip(lesson.clean, lesson.stego, strict=True))
        if clean.features is not None and stego.features is not None
    ]
    sources = [lesson.sources[number] for number in usable]
    if min(len(usable), len(set(sources))) < lda.LEAST:
        return None
    clean, stego = (_matrix([each[number] for number in usable]) for each in (lesson.clean, lesson.stego))
    folds = lda.folds(sources)
    learnt = [lda.fit(clean[folds != fold], stego[folds != fold]) for fold in range(lda.FOLDS)]
    return Discriminants(dict(zip(sources, folds.tolist(), strict=True)), learnt, lda.fit(clean, stego))


def crossed(
    clean: Sequence[tuple[Item, Measured]], stego: Sequence[tuple[Item, Measured]]
) -> tuple[list[float | None], list[float | None]]:
    """Return five-fold scores of two sets of files, each from an LDA that saw nothing of its source."""
    sides = [
        [(number, one) for number, one in enumerate(side) if one[1].features is not None] for side in (clean, stego)
    ]
    found: tuple[list[float | None], list[float | None]] = ([None] * len(clean), [None] * len(stego))
    if not all(sides):
        return found
    matrices = [_matrix([measured for _, (_, measured) in side]) for side in sides]
    groups = [[item.source for _, (item, _) in side] for side in sides]
    scores = lda.crossed(matrices[0], matrices[1], groups[0], groups[1])
    if scores is not None:
        for into, side, values in zip(found, sides, scores, strict=True):
            for (number, _), value in zip(side, values, strict=True):
                into[number] = float(value)
    return found


def kept_sources(sources: Sequence[str]) -> frozenset[str]:
    """Return the sources that are tested on, by the project's own rule: three in ten, by name."""
    members = [Member(source, "", "") for source in sources]
    kept = held_out(members, KEPT, official=False, what="covers")
    return frozenset(source for source, is_kept in zip(sources, kept, strict=True) if is_kept)


@dataclass(frozen=True)
class Network:
    """A network, and the sources it has seen."""

    net: "nn.Module" = field(repr=False)
    seen: frozenset[str]

    def __call__(self, cover: Cover, source: str) -> float | None:
        """Return the logit of a file; None: the network learnt from its source, or the file is too small."""
        from .learning import judged

        return None if source in self.seen else judged(self.net, [array_of(cover)])[0]


def network(
    kind: str,
    pairs: Sequence[tuple[str, Cover, Cover]],
    recipe: Recipe | None = None,
    *,
    folder: Path,
    device: str = "auto",
    company: "Company | None" = None,
) -> Network:
    """Return a network that learnt from pairs (source, cover, container) of one kind.

    Raises:
        UsageError: fewer than ten pairs.
    """
    from . import learning

    if len(pairs) < LEAST_PAIRS:
        raise UsageError(f"{len(pairs)} pairs to learn from; give {LEAST_PAIRS} covers or more")
    sources = [source for source, _, _ in pairs]
    kept = kept_sources(sources)
    sets = learning.Sets(
        [array_of(cover) for _, cover, _ in pairs],
        [array_of(container) for _, _, container in pairs],
        [number for number, source in enumerate(sources) if source in kept],
    )
    chosen = recipe or learning.RECIPES[kind]
    net = learning.train(kind, sets, chosen, folder=folder, device=device, company=company)
    return Network(net, frozenset(sources) - kept)


def array_of(cover: Cover) -> NDArray[Any]:
    """Return what a network looks at: uint8 [3, H, W] of the middle of a picture, int16 [1, T] of that of a sound."""
    if isinstance(cover, Audio):
        mixed = channels_of(cover)[0]
        start = max(0, len(mixed) - _LONGEST) // 2
        return _as_16_bits(mixed[start : start + _LONGEST], cover.depth)[None]
    planes = planes_of(cover)
    top, left = (max(0, length - _LARGEST) // 2 for length in planes[0].shape)
    stacked = np.stack([plane[top : top + _LARGEST, left : left + _LARGEST] for plane in planes])
    return np.repeat(stacked, 3, axis=0) if len(stacked) == 1 else stacked


def _as_16_bits(samples: NDArray[Any], depth: int) -> NDArray[np.int16]:
    # The lowest bits are where things are hidden: of 24 bits they are kept, and the rest wraps around.
    return samples.astype(np.int16) if depth <= 16 else (samples & 0xFFFF).astype(np.uint16).view(np.int16)


def _matrix(measured: Sequence[Measured]) -> NDArray[np.float64]:
    return np.stack([np.asarray(each.features, np.float64) for each in measured])
