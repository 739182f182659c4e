"""A plain word about each file: suspicious, or nothing found.

    covers to compare with ──► of each detector the score that 1 % of them exceed ──► a file above one is suspicious
    none, or fewer than 20 ──► thresholds of 192 photographs, or of speech, which do not travel: said so

How many of the covers themselves would be called suspicious is counted, each left out in turn, and told: of ten
detectors each has its own 1 %.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
Scores = Mapping[str, float | None]

ALARM = 0.01
LEAST_COVERS = 20

SHIPPED = {
    "image": {
        "chi2": -0.0020,
        "spa": 0.230,
        "ws": 0.133,
        "rs": 0.263,
        "primary": 0.218,
        "stegexpose-clean": 0.170,
        "revealer": 0.552,
        "jpeg": 0.35,
    },
    "audio": {"chi2": -0.0046, "spa": 1.10, "ws": 0.622},
}
"""Scores that 1 % of clean files exceeded: of 192 photographs of 256 x 256 (`jpeg`: of 48 decoded at quality 75), and
of 688 pieces of two seconds of speech by 101 speakers, 16 kHz."""

_WORDS = {
    "chi2": "values come in pairs as random low bits make them (chi2)",
    "spa": "about {:.0%} of the low bits are overwritten (spa)",
    "ws": "about {:.0%} of the low bits are overwritten (ws)",
    "rs": "about {:.0%} of the low bits are overwritten (rs)",
    "primary": "about {:.0%} of the low bits are overwritten (primary)",
    "stegexpose-original": "StegExpose as published says {:.2f}",
    "stegexpose-clean": "StegExpose, repaired, says {:.2f}",
    "spam": "differences of neighbours follow each other as in containers (spam)",
    "cnn": "the trained network takes it for a container (cnn)",
    "revealer": "what anybody can read off it looks like a picture, {:.2f} (revealer)",
    "jpeg": "it was a JPEG once, and something was changed since (jpeg)",
}


@dataclass(frozen=True)
class Verdict:
    """What is said about one file.

    Attributes:
        suspicious: whether a detector is above its threshold.
        reasons: which ones, in words; the clearest first.
    """

    suspicious: bool
    reasons: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Return it in words."""
        return f"suspicious: {'; '.join(self.reasons)}" if self.suspicious else "nothing found"


@dataclass(frozen=True)
class Judge:
    """Thresholds by detector.

    Attributes:
        thresholds: a score above is an alarm.
        calibrated: whether they come from covers like the files, or from elsewhere.
        false_alarms: share of the covers that would be suspicious; None: there were none.
    """

    thresholds: Mapping[str, float]
    calibrated: bool
    false_alarms: float | None = None

    def __call__(self, scores: Scores) -> Verdict:
        """Return the verdict on one file."""
        over = {name: score for name, score in scores.items() if score is not None and score > self._limit(name)}
        order = sorted(over, key=lambda name: self.thresholds[name] - over[name])
        return Verdict(bool(over), tuple(_WORDS[name].format(over[name]) for name in order))

    def _limit(self, name: str) -> float:
        return self.thresholds.get(name, math.inf)


def judge(covers: Sequence[Scores], kind: str) -> Judge:
    """Return the thresholds for files like these covers, "image" or "audio"."""
    if len(covers) < LEAST_COVERS:
        return Judge(SHIPPED[kind], False)
    names = list(dict.fromkeys(name for scores in covers for name in scores))
    columns = {name: np.array([_number(scores.get(name)) for scores in covers]) for name in names}
    answered = {name: column for name, column in columns.items() if np.isfinite(column).sum() >= LEAST_COVERS}
    thresholds = {name: _exceeded_by_few(column) for name, column in answered.items()}
    left_out = [any(_alarms_if_left_out(column, at) for column in answered.values()) for at in range(len(covers))]
    return Judge(thresholds, True, float(np.mean(left_out)))


def _exceeded_by_few(column: Column) -> float:
    kept = np.sort(column[np.isfinite(column)])
    return float(kept[len(kept) - 1 - math.floor(ALARM * len(kept))])


def _alarms_if_left_out(column: Column, at: int) -> bool:
    others = np.delete(column, at)
    return bool(column[at] > _exceeded_by_few(others))


def _number(score: float | None) -> float:
    return math.nan if score is None else score
