"""What scores of clean and of stego files say about a detector.

clean scores ─┐              ┌─► AUC, signed: below .5 the detector takes stego for cleaner than clean
              ├─► ROC ───────┼─► two-sided AUC, max(AUC, 1 - AUC): what a detector learns that knows which way
stego scores ─┘              ├─► interval of the AUC, from sources drawn with replacement
                             ├─► P_E = min (false alarms + missed) / 2; .5 is blind
                             └─► detection at 1 % and at 5 % false alarms
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

DRAWS = 400


@dataclass(frozen=True)
class Curve:
    """A ROC: false alarms and detections, each rising from 0 to 1, [K]."""

    alarms: Scores
    detections: Scores

    def at(self, alarm: float) -> float:
        """Return the detections at a share of false alarms, without randomising between two thresholds."""
        return float(self.detections[self.alarms <= alarm + 1e-12].max())


@dataclass(frozen=True)
class Figure:
    """How well one detector tells two sets apart.

    Attributes:
        name: of the detector.
        auc: signed, 0..1; None: it did not answer for both sets.
        low: lower end of the 95 % interval of the AUC.
        high: upper end.
        p_e: least average of false alarms and misses, 0..0.5.
        at_1: detections at 1 % false alarms; at_5: at 5 %.
        answered: files it had a score for.
        n: files asked about, clean and stego.
    """

    name: str
    auc: float | None
    low: float | None
    high: float | None
    p_e: float | None
    at_1: float | None
    at_5: float | None
    answered: int
    n: int

    @property
    def two_sided(self) -> float | None:
        """Return max(AUC, 1 - AUC)."""
        return None if self.auc is None else max(self.auc, 1 - self.auc)

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "name": self.name,
            "auc": _short(self.auc),
            "auc_two_sided": _short(self.two_sided),
            "auc_low": _short(self.low),
            "auc_high": _short(self.high),
            "p_e": _short(self.p_e),
            "detected_at_1": _short(self.at_1),
            "detected_at_5": _short(self.at_5),
            "answered": self.answered,
            "n": self.n,
        }


def figure(
    name: str,
    clean: Mapping[str, Sequence[float | None]],
    stego: Mapping[str, Sequence[float | None]],
    seed: int = 0,
) -> Figure:
    """Return what scores say.

    Args:
        name: of the detector.
        clean: scores of the clean files by source (a photograph, a speaker); None where it did not answer.
        stego: the same of the others; sources of one name are one source.
        seed: of the bootstrap.
    """
    kept, other = _answers(clean), _answers(stego)
    n = sum(map(len, clean.values())) + sum(map(len, stego.values()))
    answered = sum(map(len, kept.values())) + sum(map(len, other.values()))
    if not any(kept.values()) or not any(other.values()):
        return Figure(name, None, None, None, None, None, None, answered, n)
    flat = [np.concatenate([np.asarray(values) for values in each.values()]) for each in (kept, other)]
    found = curve(*flat)
    low, high = interval(kept, other, seed)
    errors = float(((found.alarms + 1 - found.detections) / 2).min())
    return Figure(name, auc(*flat), low, high, errors, found.at(0.01), found.at(0.05), answered, n)


def curve(clean: Scores, stego: Scores) -> Curve:
    """Return the ROC of scores [N] and [M], one point for each threshold, ends included."""
    values = np.concatenate([clean, stego])
    cuts = np.unique(values)[::-1]
    alarms = 1 - np.searchsorted(np.sort(clean), cuts, "left") / len(clean)
    detections = 1 - np.searchsorted(np.sort(stego), cuts, "left") / len(stego)
    return Curve(np.concatenate([[0.0], alarms]), np.concatenate([[0.0], detections]))


def auc(clean: Scores, stego: Scores) -> float:
    """Return the share of pairs (clean, stego) in which stego scores more; equal scores count half."""
    ordered = np.sort(clean)
    below, upto = (np.searchsorted(ordered, stego, side).astype(np.float64) for side in ("left", "right"))
    return float((below + upto).mean() / (2 * len(clean)))


def interval(
    clean: Mapping[str, Sequence[float]], stego: Mapping[str, Sequence[float]], seed: int
) -> tuple[float | None, float | None]:
    """Return the 95 % interval of the AUC; sources, not files, are drawn with replacement."""
    names = sorted({*clean, *stego})
    if len(names) < 2:
        return None, None
    # wins[i, j]: over the files of sources i (clean) and j (stego), how often stego scores more.
    sizes = [np.array([len(each.get(name, ())) for name in names], np.float64) for each in (clean, stego)]
    wins = _wins(clean, stego, names)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), DRAWS)
    pairs = (drawn @ sizes[0]) * (drawn @ sizes[1])
    totals = ((drawn @ wins) * drawn).sum(axis=1)
    found = totals[pairs > 0] / pairs[pairs > 0]
    if not len(found):
        return None, None
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def _wins(clean: Mapping[str, Sequence[float]], stego: Mapping[str, Sequence[float]], names: list[str]) -> Scores:
    wins = np.zeros((len(names), len(names)))
    sources = np.repeat(np.arange(len(names)), [len(stego.get(name, ())) for name in names])
    values = np.concatenate([np.asarray(stego.get(name, ()), np.float64) for name in names])
    for row, name in enumerate(names):
        ordered = np.sort(np.asarray(clean.get(name, ()), np.float64))
        more = (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / 2
        wins[row] = np.bincount(sources, more, len(names))
    return wins


def sweep(scores: Sequence[float | None], steps: int = 100) -> Scores:
    """Return the share of scores above each threshold 0, 1 / steps, .. 1, of those that answered: [steps + 1]."""
    found = np.array([score for score in scores if score is not None])
    thresholds = np.arange(steps + 1) / steps
    return np.array([float((found > threshold).mean()) if len(found) else np.nan for threshold in thresholds])


def _answers(scores: Mapping[str, Sequence[float | None]]) -> dict[str, list[float]]:
    return {name: [value for value in values if value is not None] for name, values in scores.items()}


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
