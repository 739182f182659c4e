"""What a field learns.

    L = L_s(f_Q, secret) + β L_c(Q, cover)                                                         (equation 5)
    Q = round(255 (W - w_min) / (w_max - w_min)), back in the range of weights; its gradient goes to W  (3, 4)

Both terms are means here, the paper's are sums: L_s over values in -1..1, L_c over samples in 0..1, so β is another
number than the paper's, which it does not state.

    IGR: L_s = mean |f| on the surface + λ mean (|∇f| - 1)² around it + τ mean |∇f - n| on it
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ...engine.learner import Batch, Learner, Losses
from ...engine.recipe import Phase
from .grids import Grids
from .network import Field
from .plan import WHITE, Floats

PICTURE = 4.0
"""Square of the range -1..1."""


@dataclass(frozen=True)
class Points:
    """Batches of one item: numbers of points, drawn by (seed, step).

    Attributes:
        total: how many points there are.
        batch: how many a step takes; all of them, in order, when there are no more.
        content: what they are, as a hash in hex.
    """

    total: int
    batch: int
    content: str = ""

    def draw(self, step: int, first: int = 0, count: int | None = None) -> Mapping[str, NDArray[np.int64]]:
        """Return the numbers of a step, int64 [count]."""
        if self.batch >= self.total:
            found = np.arange(self.total)
        else:
            found = np.random.default_rng((0, step)).integers(0, self.total, self.batch)
        return {"point": found[first : None if count is None else first + count]}

    def validation(self, count: int) -> Mapping[str, NDArray[np.int64]]:
        """Return always the same numbers."""
        return {"point": np.random.default_rng(1).integers(0, self.total, min(count, self.total))}


class FieldLearner(Learner):
    """A field, what it is to say, and the picture it is to look like.

    Args:
        net: the field.
        cover: grey levels it should have, uint8 [3, n, n]; the field's closed places hold these from the first.
        beta: β.
    """

    net: Field
    points: int
    """How many there are to draw from."""
    power: float = PICTURE
    """Mean square, or square of the peak, that the secret's error is told against: PSNR of pictures, SNR of sounds."""

    def __init__(self, net: Field, cover: NDArray[np.uint8], beta: float) -> None:
        self.net, self.beta = net, beta
        self.phases = (Phase("fit", weights={"cover": beta}),)
        self._cover = torch.from_numpy(cover.astype(np.float32))

    def losses(self, batch: Batch, phase: Phase) -> Losses:
        """Return L_s, in one term or more, and L_c."""
        where = self.net.levels.device
        self._cover = self._cover.to(where)
        levels = self.net.whole_levels() if self.net.rounds else self.net.levels
        half = torch.is_autocast_enabled(where.type)
        with torch.autocast(where.type, enabled=False):
            terms = self.secret_terms(batch, levels, half=half)
            return Losses({**terms, "cover": functional.mse_loss(levels, self._cover) / WHITE**2})

    def secret_terms(self, batch: Batch, levels: Tensor, *, half: bool) -> dict[str, Tensor]:
        """Return the parts of L_s by name, weighted; `secret` is what its quality is told from."""
        raise NotImplementedError

    def figures(self, batch: Batch) -> dict[str, float]:
        """Measure, and remember these levels if none were better."""
        found = self.losses(batch, self.phases[0])
        terms = {name: float(term) for name, term in found.terms.items()}
        total = sum(value * (self.beta if name == "cover" else 1.0) for name, value in terms.items())
        if total < float(self.net.best_loss):
            self.net.best_loss.fill_(total)
            self.net.best.copy_(self.net.levels.detach().round().clamp(0, WHITE))
        return {"cover_db": decibels(terms["cover"], 1.0), **self.quality(terms)}

    def quality(self, terms: Mapping[str, float]) -> dict[str, float]:
        """Return what is told of the secret."""
        return {"secret_db": decibels(terms["secret"], self.power)}


class SignalLearner(FieldLearner):
    """A video, a picture or a sound.

    Args:
        net: the field.
        cover: see `FieldLearner`.
        beta: see `FieldLearner`.
        points: coordinates, float32 [N, inputs].
        answers: values there, float32 [N, outputs], -1..1.
        power: see there; None: PSNR for the range -1..1.
    """

    def __init__(
        self,
        net: Field,
        cover: NDArray[np.uint8],
        beta: float,
        points: Floats,
        answers: Floats,
        power: float | None = None,
    ) -> None:
        super().__init__(net, cover, beta)
        self._points, self._answers = torch.from_numpy(points), torch.from_numpy(answers)
        self.points = len(points)
        if power is not None:
            self.power = power

    def secret_terms(self, batch: Batch, levels: Tensor, *, half: bool) -> dict[str, Tensor]:
        """Return the mean squared error."""
        self._points, self._answers = self._points.to(levels.device), self._answers.to(levels.device)
        x, wanted = self._points[batch["point"]], self._answers[batch["point"]]
        said = self.net.through(x, self.net.all_weights(levels), half=half)
        return {"secret": (said - wanted).square().mean()}


@dataclass(frozen=True)
class Cloud:
    """Points on a surface, in the cube -1..1.

    Attributes:
        surface: float32 [N, 3].
        normals: float32 [N, 3], outwards.
        spread: float32 [N], how far the points around each are strewn.
    """

    surface: Floats
    normals: Floats
    spread: Floats


class ShapeLearner(FieldLearner):
    """A shape, by IGR's loss.

    Args:
        net: the field.
        cover: see `FieldLearner`.
        beta: see `FieldLearner`.
        cloud: the shape.
        eikonal: λ.
        normal: τ.
    """

    def __init__(
        self,
        net: Field,
        cover: NDArray[np.uint8],
        beta: float,
        cloud: Cloud,
        *,
        eikonal: float,
        normal: float,
    ) -> None:
        super().__init__(net, cover, beta)
        self.eikonal, self.normal = eikonal, normal
        self._cloud = tuple(torch.from_numpy(array) for array in (cloud.surface, cloud.normals, cloud.spread))
        self.points = len(cloud.surface)

    def secret_terms(self, batch: Batch, levels: Tensor, *, half: bool) -> dict[str, Tensor]:
        """Return IGR's three terms."""
        self._cloud = tuple(array.to(levels.device) for array in self._cloud)
        given = self.net.all_weights(levels)
        surface, normals, spread = self._cloud
        on = surface[batch["point"]]
        near = on + spread[batch["point"], None] * torch.randn_like(on)
        far = LONGEST_REACH * (2 * torch.rand_like(on[: max(1, len(on) // FAR_SHARE)]) - 1)
        with torch.enable_grad():
            x = torch.cat([on, near, far]).requires_grad_()
            said = self.net.through(x, given, half=half)
            (slope,) = torch.autograd.grad(said.sum(), x, create_graph=True)
        size = slope[len(on) :].square().sum(1).clamp_min(1e-12).sqrt()
        turned = (slope[: len(on)] - normals[batch["point"]]).square().sum(1).clamp_min(1e-12).sqrt()
        return {
            "secret": said[: len(on)].abs().mean(),
            "eikonal": self.eikonal * (size - 1).square().mean(),
            "normal": self.normal * turned.mean(),
        }

    def quality(self, terms: Mapping[str, float]) -> dict[str, float]:
        """Return how far off the surface the field is zero, in units of the cube."""
        return {"distance": terms["secret"]}


LONGEST_REACH = 1.0
"""Half the side of the box that far points are drawn from; IGR's own is 1.8 around shapes of another scale."""

FAR_SHARE = 8
"""One far point for so many near ones, as IGR's code has it."""


def decibels(mean_squared_error: float, power: float) -> float:
    """Return PSNR in dB for a peak whose square is `power`."""
    return 10 * math.log10(power / max(mean_squared_error, 1e-12))


class GridLearner(Learner):
    """A video as digits: mean squared error over a few frames in a row.

    Args:
        net: the grids.
        frames: uint8 [T, H, W, 3].
        together: frames of a step.
    """

    net: Grids

    def __init__(self, net: Grids, frames: NDArray[np.uint8], together: int = 2) -> None:
        self.net = net
        self.together = min(together, len(frames))
        self.points = len(frames) - self.together + 1
        self._wanted = torch.from_numpy(frames.copy()).permute(0, 3, 1, 2).float() / 127.5 - 1

    def losses(self, batch: Batch, phase: Phase) -> Losses:
        """Return the error of the frames from the first point on."""
        first = int(batch["point"][0])
        return Losses({"secret": self._error(first, first + self.together)})

    def figures(self, batch: Batch) -> dict[str, float]:
        """Measure all frames, and remember these digits if none were better."""
        found = float(self._error(0, len(self._wanted)))
        if found < float(self.net.best_loss):
            self.net.best_loss.fill_(found)
            self.net.best.copy_(self.net.digits())
        return {"secret_db": decibels(found, PICTURE)}

    def _error(self, first: int, last: int) -> Tensor:
        self._wanted = self._wanted.to(self.net.best.device)
        said: Tensor = self.net(first, last)
        return (said - self._wanted[first:last]).square().mean()
