"""A fit: the one loop on one item, its progress in dB, and its state kept on a bench."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ...engine.checkpoint import State
from ...engine.company import Company, Tick, team
from ...engine.learner import Batches, Learner
from ...engine.loop import learn
from ...engine.recipe import Recipe
from ...engine.run import Run, start_over
from ..base import Progress
from .objective import PICTURE, decibels

if TYPE_CHECKING:
    from accelerate import Accelerator

STAGE = "fitting"


def fit(
    learner: Learner, batches: Batches, recipe: Recipe, bench: Path | None, identity: bytes, progress: Progress,
    device: str,
) -> None:  # fmt: skip
    """Fit until the recipe's bound.

    Args:
        learner: `learner.net` holds the result.
        batches: points of the one item.
        recipe: how.
        bench: folder to keep the state in, and to go on from if it holds one of the same fit; None: nowhere.
        identity: of everything the fit depends on but its bounds.
        progress: told of every few steps.
        device: "auto", "cpu" or "cuda".
    """
    members = team(device)
    with _held(bench) as run:
        start = None if run is None else _earlier(run, hashlib.sha256(identity).hexdigest())
        _go(learner, batches, recipe, run, start, members, progress)


@contextlib.contextmanager
def _held(bench: Path | None) -> Iterator[Run | None]:
    if bench is None:
        yield None
        return
    with Run(bench).held() as run:
        yield run


def _earlier(run: Run, identity: str) -> State | None:
    """Return where an earlier stretch of the same fit ended; what is left of another one is removed."""
    found = run.config()
    if found is not None and found.get("fit") == identity:
        start = run.newest(lambda _line: None)
        run.cut_log(start.step if start else -1)
        return start
    if found is not None:
        start_over(run.folder)
    run.write_config({"fit": identity})
    return None


def _go(
    learner: Learner, batches: Batches, recipe: Recipe, run: Run | None, start: State | None, members: "Accelerator",
    progress: Progress,
) -> None:  # fmt: skip
    power = float(getattr(learner, "power", PICTURE))

    def tick(told: Tick) -> None:
        progress(f"{STAGE}: {said(told, power)}", told.share)

    learn(learner, batches, recipe, run=run, start=start, members=members, company=Company(tick=tick))


def said(told: Tick, power: float = PICTURE) -> str:
    """Say how good cover and secret are, dB; of a shape, how far its surface is off."""
    words = [f"cover {decibels(told.losses['cover'], 1.0):.1f} dB"] if "cover" in told.losses else []
    if "distance" in told.figures or "eikonal" in told.losses:
        words.append(f"secret off by {told.figures.get('distance', told.losses['secret']):.4f}")
    else:
        words.append(f"secret {decibels(told.losses['secret'], power):.1f} dB")
    return ", ".join(words)
