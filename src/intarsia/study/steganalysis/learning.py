"""How the networks learn: pairs of a cover and its container, through the project's one loop.

    pairs ──► Sets (sources learnt from, sources kept) ──► the same cut, turned alike ──► Telling ──► loop ──► network

A batch holds every cover beside its own container, so what differs between them is all there is to learn.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ...engine import hardware
from ...engine.learner import Batch, Learner, Losses
from ...engine.loop import learn
from ...engine.recipe import Phase, Recipe
from ...engine.run import Run
from .network import PictureNet, SoundNet
from .roc import auc

if TYPE_CHECKING:
    from ...engine.company import Company

RECIPES = {
    "image": Recipe(steps=600, batch=8, lr=3e-3, schedule="cosine", warmup=0.05, clip=1, ema=0.97, validate=100),
    "audio": Recipe(steps=600, batch=16, lr=3e-3, schedule="cosine", warmup=0.05, clip=1, ema=0.97, validate=100),
}
"""Minutes on one core; more pairs and more steps find more."""

SIDE = 128
"""Pixels of the cuts that are learnt from."""

LENGTH = 8192
"""Samples of the cuts that are learnt from."""


@dataclass(frozen=True)
class Sets:
    """Pairs to learn from.

    Attributes:
        covers: uint8 [3, H, W] pictures, or int16 [1, T] sounds, of any sizes.
        containers: of the same shapes.
        kept: numbers of the pairs that are validated on and never drawn; may be empty.
    """

    covers: Sequence[NDArray[Any]]
    containers: Sequence[NDArray[Any]]
    kept: Sequence[int]

    @cached_property
    def learnt(self) -> list[int]:
        """Return the numbers of the pairs that are drawn."""
        kept = set(self.kept)
        return [number for number in range(len(self.covers)) if number not in kept]

    @property
    def content(self) -> str:
        """Return what they are, as a hash in hex."""
        found = hashlib.sha256(repr(list(self.kept)).encode())
        for array in (*self.covers, *self.containers):
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()


class Cuts:
    """Batches of cuts, drawn by number: {"cover": [B, ...], "container": [B, ...]}.

    Args:
        sets: the pairs.
        batch: pairs a step.
        seed: of every draw.
    """

    def __init__(self, sets: Sets, batch: int, seed: int) -> None:
        self._sets, self._batch, self._seed = sets, batch, seed
        self.content = sets.content
        smallest = min(array.shape[-1] for array in sets.covers)
        lowest = min(array.shape[-2] for array in sets.covers)
        self._is_sound = sets.covers[0].shape[0] == 1 and sets.covers[0].ndim == 2
        self._size = (min(LENGTH, smallest),) if self._is_sound else (min(SIDE, lowest), min(SIDE, smallest))

    def draw(self, step: int, first: int = 0, count: int | None = None) -> Mapping[str, NDArray[Any]]:
        """Return cuts of the batch of a step."""
        count = self._batch - first if count is None else count
        return self._stacked([self._pair(step, first + item) for item in range(count)])

    def validation(self, count: int) -> Mapping[str, NDArray[Any]]:
        """Return the middles of pairs that are never drawn; of those drawn, where none were kept."""
        chosen = (list(self._sets.kept) or self._sets.learnt)[:count]
        return self._stacked([self._cut(number, None) for number in chosen])

    def _pair(self, step: int, item: int) -> tuple[NDArray[Any], NDArray[Any]]:
        draw = np.random.default_rng([self._seed, step, item])
        return self._cut(self._sets.learnt[int(draw.integers(len(self._sets.learnt)))], draw)

    def _cut(self, number: int, draw: np.random.Generator | None) -> tuple[NDArray[Any], NDArray[Any]]:
        cover, container = self._sets.covers[number], self._sets.containers[number]
        room = [have - want for have, want in zip(cover.shape[1:], self._size, strict=True)]
        starts = [each // 2 if draw is None else int(draw.integers(each + 1)) for each in room]
        part = (slice(None), *(slice(at, at + want) for at, want in zip(starts, self._size, strict=True)))
        axes = () if draw is None else tuple(axis for axis in range(1, cover.ndim) if draw.random() < 0.5)
        return np.flip(cover[part], axes), np.flip(container[part], axes)

    @staticmethod
    def _stacked(pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> Mapping[str, NDArray[Any]]:
        return {"cover": np.stack([pair[0] for pair in pairs]), "container": np.stack([pair[1] for pair in pairs])}


class Telling(Learner):
    """Telling containers from covers: binary cross-entropy over both halves of a batch.

    Args:
        net: one of the networks.
    """

    phases = (Phase("all"),)

    def __init__(self, net: nn.Module) -> None:
        self.net = net

    def losses(self, batch: Batch, phase: Phase) -> Losses:
        """Return the cross-entropy."""
        logits, labels = self._judged(batch)
        return Losses({"entropy": functional.binary_cross_entropy_with_logits(logits, labels)})

    def figures(self, batch: Batch) -> dict[str, float]:
        """Return the AUC on pairs that were kept."""
        logits, labels = self._judged(batch)
        found = logits.double().cpu().numpy()
        is_container = labels.cpu().numpy() > 0.5
        return {"auc": auc(found[~is_container], found[is_container])}

    def _judged(self, batch: Batch) -> tuple[Tensor, Tensor]:
        cover, container = batch["cover"], batch["container"]
        logits = self.net(torch.cat([cover, container]).float())
        labels = torch.cat([torch.zeros(len(cover)), torch.ones(len(container))]).to(logits.device)
        return logits, labels


def network(kind: str) -> nn.Module:
    """Return a fresh network for "image" or "audio"."""
    return PictureNet() if kind == "image" else SoundNet()


def train(
    kind: str, sets: Sets, recipe: Recipe, *, folder: Path, device: str = "auto", company: "Company | None" = None
) -> nn.Module:
    """Return a network that has learnt to tell the containers from the covers.

    Args:
        kind: "image" or "audio".
        sets: the pairs.
        recipe: how.
        folder: of the run; if an earlier stretch of the same run lies there, it goes on.
        device: "auto", "cpu" or "cuda".
        company: who watches.
    """
    from ...engine.company import Company, team

    company = company or Company()
    torch.manual_seed(recipe.seed)
    learner, batches = Telling(network(kind)), Cuts(sets, recipe.batch, recipe.seed)
    run = Run(folder)
    asked = {"kind": kind, "content": batches.content, "recipe": _plain(recipe)}
    with run.held():
        if run.config() not in (None, asked):
            from ...engine.run import start_over

            start_over(folder)
        start = run.newest(company.note) if run.config() == asked else None
        run.write_config(asked)
        run.cut_log(start.step if start else -1)
        learn(learner, batches, recipe, run=run, start=start, members=team(device), company=company)
    return learner.net.eval()


def judged(net: nn.Module, arrays: Sequence[NDArray[Any]]) -> list[float | None]:
    """Return the logit of each picture [3, H, W] or sound [1, T] from `trained.array_of`; None: it is too small."""
    where = next(net.parameters()).device
    found: list[float | None] = []
    with torch.inference_mode(), torch.autocast(where.type, torch.bfloat16, enabled=hardware.has_bfloat16(where)):
        for array in arrays:
            least = 16 if array.ndim == 3 else 2048
            tensor = torch.from_numpy(np.ascontiguousarray(array))[None].to(where).float()
            found.append(float(net(tensor)[0]) if min(array.shape[1:]) >= least else None)
    return found


def _plain(recipe: Recipe) -> dict[str, Any]:
    import dataclasses

    return dataclasses.asdict(recipe)
