"""Shrinkage LDA: one direction in feature space, learnt from clean and stego features, tested on sources never seen.

    features ──► centred, to unit deviation ──► S = within-class scatter, shrunk towards its mean diagonal ──► w = S⁻¹ Δ

Fisher's discriminant with the shrinkage of O. Ledoit, M. Wolf: A well-conditioned estimator for large-dimensional
covariance matrices, J. Multivariate Analysis 88(2), 2004. A container and its cover lie close together, so what
differs between pictures is taken out first: scatter is measured within classes, and the direction against it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]

FOLDS = 5
LEAST = 10
"""Items of each class, and sources in all, below which nothing is learnt."""


@dataclass(frozen=True)
class Lda:
    """A direction: scores are (features - middle) / spread · direction, 0 half way between the classes."""

    middle: Features
    spread: Features
    direction: Features

    def __call__(self, features: Features) -> Features:
        """Return scores [N] of features [N, D]; more is more like stego."""
        scores: Features = ((features - self.middle) / self.spread) @ self.direction
        return scores


def fit(clean: Features, stego: Features) -> Lda:
    """Learn from features [N, D] and [M, D]."""
    middle = (clean.mean(axis=0) + stego.mean(axis=0)) / 2
    every = np.concatenate([clean, stego])
    spread = every.std(axis=0)
    spread[spread < 1e-12] = 1.0  # what never moves decides nothing
    clean, stego = (clean - middle) / spread, (stego - middle) / spread
    apart = stego.mean(axis=0) - clean.mean(axis=0)
    within = np.concatenate([clean - clean.mean(axis=0), stego - stego.mean(axis=0)])
    return Lda(middle, spread, np.linalg.solve(shrunk(within), apart))


def shrunk(centred: Features) -> Features:
    """Return the covariance of centred rows [N, D], shrunk as far as Ledoit and Wolf's lemma says."""
    count, size = centred.shape
    scatter: Features = centred.T @ centred / count
    level = float(np.trace(scatter)) / size
    distance = float((scatter**2).sum()) - size * level**2
    squares = (centred**2).sum(axis=1)
    noise = (float((squares**2).sum()) / count - float((scatter**2).sum())) / count
    share = 1.0 if distance <= 0 else min(1.0, max(0.0, noise / distance))
    scatter *= 1 - share
    scatter[np.diag_indices(size)] += share * level + 1e-9
    return scatter


def folds(groups: Sequence[str], count: int = FOLDS) -> NDArray[np.int64]:
    """Return the fold of each item: all of one source picture or speaker are in one, by order of name."""
    names = sorted(set(groups))
    place = {name: number % count for number, name in enumerate(names)}
    return np.array([place[group] for group in groups], np.int64)


def crossed(
    clean: Features, stego: Features, clean_groups: Sequence[str], stego_groups: Sequence[str]
) -> tuple[Features, Features] | None:
    """Return scores of clean [N] and stego [M], each from an LDA that saw nothing of its source; None: too few."""
    names = sorted({*clean_groups, *stego_groups})
    if min(len(clean), len(stego), len(names)) < LEAST:
        return None
    both = folds([*clean_groups, *stego_groups])
    clean_folds, stego_folds = both[: len(clean)], both[len(clean) :]
    scores = np.empty(len(clean)), np.empty(len(stego))
    for fold in range(FOLDS):
        learnt = fit(clean[clean_folds != fold], stego[stego_folds != fold])
        scores[0][clean_folds == fold] = learnt(clean[clean_folds == fold])
        scores[1][stego_folds == fold] = learnt(stego[stego_folds == fold])
    return scores
