"""Many numbers as one: mean, least, worst, and what the mean might have been on other items.

values ─► mean, min, worst ─► means of draws with replacement ─► 2.5 % and 97.5 % ─► interval
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

DRAWS = 2000
INTERVAL = (2.5, 97.5)


@dataclass(frozen=True)
class Summary:
    """What many items say.

    Attributes:
        n: items with a number.
        mean: None when all are exact, or a printed value has none.
        low: lower end of the 95 % interval of the mean, from draws of items with replacement; None below two items.
        high: upper end.
        least: smallest.
        most: largest.
        exact: items that are identical, whose infinite PSNR is in no mean.
    """

    n: int
    mean: float | None
    low: float | None = None
    high: float | None = None
    least: float | None = None
    most: float | None = None
    exact: int = 0

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        found = {"mean": self.mean, "low": self.low, "high": self.high, "min": self.least, "max": self.most}
        rounded = {name: None if value is None else float(f"{value:.6g}") for name, value in found.items()}
        return {"n": self.n, "exact": self.exact, **rounded}


def summary(values: Sequence[float | str | None], seed: int = 0) -> Summary | None:
    """Return what values of one measure say; None where none has an answer.

    Args:
        values: numbers, "inf" of what is identical, None of what has no answer.
        seed: of the draws.
    """
    exact = sum(value == "inf" for value in values)
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if not numbers:
        return Summary(exact, None, exact=exact) if exact else None
    found = np.asarray(numbers)
    low = high = None
    if len(found) > 1:
        low, high = interval(found, seed)
    whole = len(found) + exact
    return Summary(whole, float(found.mean()), low, high, float(found.min()), float(found.max()), exact)


def interval(values: "np.ndarray[Any, np.dtype[np.float64]]", seed: int = 0) -> tuple[float, float]:
    """Return the ends of the 95 % interval of the mean, by percentiles of `DRAWS` draws with replacement."""
    word = hashlib.sha256(f"{seed} {len(values)}".encode()).digest()
    draw = np.random.default_rng(int.from_bytes(word[:8], "big"))
    means = values[draw.integers(0, len(values), (DRAWS, len(values)))].mean(axis=1)
    low, high = np.percentile(means, INTERVAL)
    return float(low), float(high)
