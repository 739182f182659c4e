"""What DITAS learns, and how the residuals look.

    L = sum over the stages of  L_Hi + lambda_i L_Ri
    L_Hi = 1/N sum || H(S_i, T_i) - T_i ||²          container of stage i, in the plane that the networks change
    L_Ri = 1/N sum || R(T~_i) - S_i ||²              what stage i was to hide, pictures 0..1

Means over all values here, so that the weights do not depend on sizes. The gradient of L_Ri reaches the stages before
through S_i, unless `detach`.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...engine import rounding
from ...engine.learner import Batch, Learner, Losses
from ...engine.pictures import beside_each_other
from ...engine.planes import snr
from ...engine.recipe import Phase
from ...engine.similarity import psnr
from ...engine.transit.pictures import luma
from .network import Architecture, Ditas, parts
from .trip import Step, Terms, Way, go, pieces, shown

_SHOWN = 4  # pairs on a strip


def squared(one: Tensor, other: Tensor) -> Tensor:
    """Return the mean squared error, a scalar: L_Hi, L_Ri."""
    return (one - other).square().mean()


# --- how residuals look --------------------------------------------------------------------------------------


def kurtosis(residual: NDArray[np.floating]) -> float:
    """Return the kurtosis of a residual's values, 3 for a normal distribution; the higher, the sparser."""
    values = residual.astype(np.float64) - residual.mean()
    return float((values**4).mean() / max((values**2).mean() ** 2, 1e-30))


def near_zero(residual: NDArray[np.floating], within: float = 2 / 255) -> float:
    """Return the share of values that are at most `within` from 0 (two grey levels), 0..1."""
    return float((np.abs(residual) <= within).mean())


def entropy(residual: NDArray[np.floating]) -> float:
    """Return the entropy of a residual rounded to grey levels, bits for each value."""
    counts = np.unique(np.rint(residual * 255).astype(np.int64), return_counts=True)[1] / residual.size
    return float(-(counts * np.log2(counts)).sum())


# --- learning ------------------------------------------------------------------------------------------------


class DitasLearner(Learner):
    """DITAS learning from sounds, int16 [B, 1, N L], and pictures, uint8 [B, 3, s, s].

    Args:
        how: architecture.
        terms: how a trip is made.
        lambdas: weight of the secret's error, of each stage.
        together: all stages at once; else one after the other, the earlier ones standing still.
        colour: hide R, G, B; else the luma.
        way: what happens to the saved sounds.
    """

    def __init__(
        self,
        how: Architecture,
        terms: Terms,
        lambdas: Sequence[float],
        *,
        together: bool,
        colour: bool,
        way: Way | None = None,
    ) -> None:
        self.net: Ditas = Ditas(how)
        self._terms, self._colour, self._way = terms, colour, way
        count = self.net.count
        self.cover_terms = [f"cover{number + 1}" for number in range(count)]
        weights = {f"secret{number + 1}": weight for number, weight in enumerate(lambdas)}
        self.phases = (Phase("all", weights=weights),)
        if not together:
            self.phases = tuple(Phase(part, train=(part,), weights=weights) for part in parts(count))

    def losses(self, batch: Batch, phase: Phase) -> Losses:
        """Return L_Hi and L_Ri of the stages that learn, unweighted, by name."""
        covers, picture = self._given(batch)
        learning = self._learning(phase)
        steps = go(self.net, covers[: learning[-1] + 1], picture, self._terms, self._way)
        terms = {}
        for number in learning:
            step = steps[number]
            terms[f"cover{number + 1}"] = squared(step.cells, step.cover)
            terms[f"secret{number + 1}"] = squared(step.revealed, step.secret)
        return Losses(terms, quality=_mean_snr(covers, steps, learning))

    def _learning(self, phase: Phase) -> list[int]:
        """Return the stages that learn; those that do not are used as they are."""
        learning = [number for number, part in enumerate(parts(self.net.count)) if part in (phase.train or [part])]
        for number, part in enumerate(parts(self.net.count)):
            if number not in learning and self.net.training:
                getattr(self.net, part).eval()
        return learning

    def figures(self, batch: Batch) -> dict[str, float]:
        """Return validation figures: PSNR from the file and from what H made, by number of stages; carrier SNR."""
        covers, picture = self._given(batch)
        found = {}
        for column, terms in (("", replace(self._terms, file=True)), ("_direct", replace(self._terms, file=False))):
            steps = go(self.net, covers, picture, terms)
            for number in range(len(steps)):
                picture_now = shown([step.revealed for step in steps[: number + 1]], terms.tiles).clamp(0, 1)
                found[f"secret_psnr{number + 1}{column}"] = float(psnr(picture_now, picture))
        sounds = [rounding.sound(step.sound) for step in steps]
        pairs = zip(covers, sounds, strict=True)
        return found | {"cover_snr": float(sum(snr(*pair) for pair in pairs) / len(sounds))}

    def sheet(self, batch: Batch) -> NDArray[np.uint8]:
        """Return of the first pairs: the secret, what is revealed after each stage, and what is left, four times."""
        covers, picture = self._given({name: each[:_SHOWN] for name, each in batch.items()})
        terms = replace(self._terms, file=True)
        steps = go(self.net, covers, picture, terms)
        columns = [picture]
        for number in range(len(steps)):
            seen = shown([step.revealed for step in steps[: number + 1]], terms.tiles)
            columns += [seen, (picture - seen) * 4 + 0.5]
        rows = zip(*columns, strict=True)
        made = [rounding.picture_samples(each.expand(3, -1, -1)) for row in rows for each in row]
        return beside_each_other([each.permute(1, 2, 0).cpu().numpy() for each in made])

    def _given(self, batch: Batch) -> tuple[list[Tensor], Tensor]:
        picture = rounding.picture_values(batch["secret"])
        covers = pieces(rounding.sound_values(batch["cover"]), self.net.count)
        return covers, picture if self._colour else luma(picture)


def _mean_snr(covers: Sequence[Tensor], steps: Sequence[Step], learning: Sequence[int]) -> Tensor:
    """Return the mean carrier SNR of the stages that learn, dB."""
    found = [snr(covers[number], steps[number].sound) for number in learning]
    return torch.stack(found).mean()
