"""Other bodies for the neural field, each against the one that ships: same clips, same seed, same steps.

    python benchmarks/neural_field_bodies.py NAME... --data DIR -o DIR [--clip NAME]... [--steps N] [--m 3]

    sine finer finer-5 wire          faithful: what stands behind a layer
    grids                            residue: the body that ships
    joined                           all grids enlarged first, one convolution over all; the others begin with it:
    relu finer-conv                  another function in the convolutions
    soft noise                       rounding that hardens, or noise in its place, for six tenths of the steps
    scaled                           learnt ranges of convolutions, learnt factors of features
    stacked                          HiNeRV's order, with ConvNeXt blocks

What is printed is what the fit itself ends at, its numbers rounded as the file will have them and the network run in
float32; nothing goes through a file here. Seconds are the processor's.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from neural_field import Order, clips
from torch import Tensor, nn
from torch.nn import functional

from intarsia import hosts
from intarsia.carrier.keys import Cost, Keyring
from intarsia.media import image_file, video_file
from intarsia.methods.neural_field import by_level, grids, signals
from intarsia.methods.neural_field.fitting import fit
from intarsia.methods.neural_field.grids import Grids
from intarsia.methods.neural_field.network import Field
from intarsia.methods.neural_field.objective import PICTURE, GridLearner, Points, decibels
from intarsia.methods.neural_field.settings import NeuralFieldConfig
from intarsia.methods.neural_field.work import Work

SYMBOLS = 786_432 - 2_673
CHEAP = Cost(passes=1, memory_kib=32, lanes=4)
Bend = Callable[[Tensor, float], Tensor]
Counts = tuple[int, int, int]


# --- faithful ------------------------------------------------------------------------------------------------


def sine(z: Tensor, omega: float) -> Tensor:
    """SIREN."""
    return torch.sin(omega * z)


def finer(z: Tensor, omega: float) -> Tensor:
    """FINER: the further from zero, the faster (Z. Liu et al., CVPR 2024, equation 5)."""
    return torch.sin(omega * (z.detach().abs() + 1) * z)


def wire(z: Tensor, omega: float) -> Tensor:
    """WIRE's real wavelet, its two products with the same weights (V. Saragadam et al., CVPR 2023, equation 2)."""
    return torch.cos(omega * z) * torch.exp(-(10 * z).square())


class Bent(Field):
    """A field with another function behind its layers."""

    bend: Bend = staticmethod(sine)
    first_bias = 1.0

    def through(self, x: Tensor, given: tuple[list[Tensor], list[Tensor]], *, half: bool = False) -> Tensor:
        """Return the outputs with these weights and biases."""
        weights, biases = given
        biases = [self.first_bias * biases[0], *biases[1:]]
        hidden = self.bend(functional.linear(x, weights[0], biases[0]), self.plan.omega)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=half):
            for weight, bias in zip(weights[1:-1], biases[1:-1], strict=True):
                hidden = self.bend(functional.linear(hidden, weight, bias), self.plan.omega)
        return self.plan.amplitude * functional.linear(hidden.float(), weights[-1], biases[-1])


def bent(bend: Bend, first_bias: float = 1.0) -> type[Bent]:
    """Return the class of such a field."""
    return type("OneBent", (Bent,), {"bend": staticmethod(bend), "first_bias": first_bias})


FAITHFUL: dict[str, type[Field]] = {
    "sine": bent(sine),
    "finer": bent(finer),
    "finer-5": bent(finer, 5 * 3**0.5),
    "wire": bent(wire),
}


def faithful(kind: type[Field], cover: Path, secret: Path, steps: int, lr: float, m: int) -> tuple[float, float]:
    """Return what becomes of cover and secret, dB."""
    picture, clip = image_file.load(cover), video_file.load(secret)
    inlay = hosts.host(picture).start(Keyring("right", CHEAP), "neural_field", 512, b"0" * 32)
    work = Work(picture, inlay.channel, None, "cpu", lambda *_: None)
    config = NeuralFieldConfig(steps=steps, lr=lr or 2 / 255)
    ground, signal = by_level.ground_of(picture, work.taken()), signals.signal_of(clip)
    plan = by_level.plan_of(config, signal, ground.side)
    levels = picture.samples.reshape(-1)[ground.where]
    learner = by_level.learner_of(work, config, plan, clip, signal, levels, ground)
    learner.net.__class__ = kind
    recipe = config.learning("v", learner.points)
    work.fit(learner, Points(learner.points, recipe.batch), recipe, config, clip)
    fitted = learner.net.best
    learner.net.levels.data.copy_(fitted.float())
    chosen = np.random.default_rng(2).choice(learner.points, 1 << 15, replace=False)
    said = learner.net.sampled(signal.coordinates()[chosen])
    off = np.square(said - signals.targets(clip, signal)[chosen]).mean()
    change = np.where(ground.open, fitted.numpy().astype(float) - levels, 0)
    return decibels(float(np.square(change).mean()) / 255**2, 1.0), decibels(float(off), PICTURE)


# --- residue -------------------------------------------------------------------------------------------------


class Joined(Grids):
    """All grids enlarged to the frames' size, side by side, and one 3x3 over all of them: slower, and no better."""

    bend: Callable[[Tensor], Tensor] = staticmethod(functional.gelu)

    def __init__(self, counts: Counts, symbols: int, m: int) -> None:
        super().__init__(counts, symbols, m)
        channels = sum(level.channels for level in self.levels)
        self.all = nn.Conv2d(channels, grids.HIDDEN, 3, padding=1)
        self.register_buffer("best", torch.zeros(self.digits().numel(), dtype=torch.uint8))

    def convolutions(self) -> list[Tensor]:
        """Return weights and biases in the order they are written."""
        if not hasattr(self, "all"):
            return super().convolutions()
        return [each for layer in (self.all, self.second, self.third) for each in (layer.weight, layer.bias)]

    def forward(self, first: int = 0, last: int | None = None) -> Tensor:
        """Return frames."""
        frames = slice(first, self.counts[0] if last is None else last)
        w = self.rounded_weights()
        x = torch.cat([grids._enlarged(each, self.counts[1:]) for each in self.between(frames)], 1)
        x = self.bend(functional.conv2d(x, w[0], w[1], padding=1))
        x = self.bend(functional.conv2d(x, w[2], w[3]))
        return functional.conv2d(x, w[4], w[5], padding=1).float()

    def rounded_weights(self) -> list[Tensor]:
        """Return all weights and biases as their digits have them."""
        half = (self.fine - 1) // 2
        return [grids._rounded(each / grids.REACH, half) * grids.REACH for each in self.convolutions()]

    def between(self, frames: slice) -> list[Tensor]:
        """Return each grid at those frames."""
        hard = [self.hard(each * grids.QUICKER) for each in self.features]
        return [grids._between(each, self.counts[0], frames) for each in hard]

    def hard(self, values: Tensor) -> Tensor:
        """Return features as their digits have them."""
        return grids._rounded(values, (self.m - 1) // 2)


class Soft(Joined):
    """Rounding that hardens (E. Agustsson, L. Theis, NeurIPS 2020), then the straight-through one."""

    total, calls = 1, 0
    noisy = False

    def hard(self, values: Tensor) -> Tensor:
        """Return features, less and less soft."""
        half = (self.m - 1) // 2
        share = self.calls / len(self.features) / self.total
        if not self.training or share > 0.6:
            return grids._rounded(values, half)
        self.calls += 1
        y = values * half
        if self.noisy:
            return (y + torch.rand_like(y) - 0.5).clamp(-half, half) / half
        sharp = 1 + 12 * share
        low = y.detach().floor()
        soft = low + 0.5 + 0.5 * torch.tanh(sharp * (y - low - 0.5)) / np.tanh(sharp / 2)
        return soft.clamp(-half - 0.2, half + 0.2) / half


class Scaled(Joined):
    """A learnt range for each tensor of the convolutions, and a learnt factor for each channel of the grids."""

    def __init__(self, counts: Counts, symbols: int, m: int) -> None:
        super().__init__(counts, symbols, m)
        self.ranges = nn.ParameterList(nn.Parameter(torch.zeros(())) for _ in self.convolutions())
        self.gains = nn.ParameterList(nn.Parameter(torch.zeros(level.channels, 1, 1, 1)) for level in self.levels)

    def rounded_weights(self) -> list[Tensor]:
        """Return all weights and biases as their digits have them."""
        half, found = (self.fine - 1) // 2, []
        for each, power in zip(self.convolutions(), self.ranges, strict=True):
            reach = grids.REACH * torch.exp2(power)
            found.append(grids._rounded(each / reach, half) * reach)
        return found

    def between(self, frames: slice) -> list[Tensor]:
        """Return each grid at those frames."""
        pairs = zip(super().between(frames), self.gains, strict=True)
        return [each * torch.exp2(gain).view(1, -1, 1, 1) for each, gain in pairs]


class Stacked(Joined):
    """HiNeRV's order (H. M. Kwan et al., NeurIPS 2023): from coarse to fine, features join where they live.

    At every scale: twice as wide, by straight lines; the scale's own features through a 1x1; a ConvNeXt block. Frames
    are told apart by the grids, which are linear in time. At the pixels' own scale a 3x3 takes the block's place.
    """

    width = 16
    blocks = 40_000  # symbols they take

    def __init__(self, counts: Counts, symbols: int, m: int) -> None:
        super().__init__(counts, symbols - self.blocks, m)
        self.joins, self.deep = nn.ModuleList(), nn.ModuleList()
        for space in self.spaces:
            own = sum(level.channels for level in self.levels if level.space == space)
            side, below = 3 if space == 1 else 1, self.width if self.joins else 0
            self.joins.append(nn.Conv2d(own + below, self.width, side))
            if space > 1:
                self.deep.append(nn.Conv2d(self.width, self.width, 3, groups=self.width))
                self.deep.append(nn.Conv2d(self.width, 2 * self.width, 1))
                self.deep.append(nn.Conv2d(2 * self.width, self.width, 1))
        self.register_buffer("best", torch.zeros(self.digits().numel(), dtype=torch.uint8))

    def convolutions(self) -> list[Tensor]:
        """Return weights and biases in the order they are written."""
        if not hasattr(self, "deep"):
            return super().convolutions()
        layers = [*self.joins, *self.deep, self.second, self.third]
        return [each for layer in layers for each in (layer.weight, layer.bias)]

    def forward(self, first: int = 0, last: int | None = None) -> Tensor:
        """Return frames."""
        frames = slice(first, self.counts[0] if last is None else last)
        w = iter(self.rounded_weights())
        pairs = [(weight, next(w)) for weight in w]
        joins, deep = pairs[: len(self.joins)], iter(pairs[len(self.joins) : -2])
        x: Tensor | None = None
        for space, (weight, bias) in zip(self.spaces, joins, strict=True):
            own = self._features(space, frames)
            own = own if x is None else torch.cat([grids._enlarged(x, own.shape[2:]), own], 1)
            x = functional.gelu(functional.conv2d(own, weight, bias, padding=weight.shape[-1] // 2))
            if space > 1:
                y = functional.conv2d(x, *next(deep), padding=1, groups=self.width)
                y = functional.gelu(functional.conv2d(y, *next(deep)))
                x = x + functional.conv2d(y, *next(deep))
        assert x is not None
        x = functional.gelu(functional.conv2d(x, *pairs[-2]))
        return functional.conv2d(x, *pairs[-1], padding=1).float()


def finer_unit(x: Tensor) -> Tensor:
    """FINER, omega 1."""
    return torch.sin((x.detach().abs() + 1) * x)


def kind(base: type[Grids], **changes: object) -> type[Grids]:
    """Return a class with those attributes."""
    return type("Tried", (base,), changes)


RESIDUE: dict[str, type[Grids]] = {
    "grids": Grids,
    "joined": Joined,
    "relu": kind(Joined, bend=staticmethod(functional.relu)),
    "finer-conv": kind(Joined, bend=staticmethod(finer_unit)),
    "soft": Soft,
    "noise": kind(Soft, noisy=True),
    "scaled": Scaled,
    "stacked": Stacked,
}


def residue(body: type[Grids], cover: Path, secret: Path, steps: int, lr: float, m: int) -> tuple[float, float]:
    """Return what becomes of cover (as m has it) and secret, dB."""
    clip = video_file.load(secret)
    torch.manual_seed(0)
    net = body(clip.frames.shape[:3], SYMBOLS, m)
    net.total = steps  # type: ignore[assignment]
    assert net.best.numel() <= SYMBOLS, net.best.numel()
    learner = GridLearner(net, clip.frames)
    recipe = NeuralFieldConfig(recipe="residue", steps=steps, lr=lr).learning("v", 1)
    fit(learner, Points(learner.points, 1), recipe, None, b"", lambda *_: None, "cpu")
    return decibels((m * m - 1) / 12 / 255**2, 1.0), decibels(float(net.best_loss), PICTURE)


# --- both ----------------------------------------------------------------------------------------------------


def main(words: Sequence[str] | None = None) -> None:
    """Read the command line."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("names", nargs="+", choices=[*FAITHFUL, *RESIDUE], metavar="NAME")
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("-o", "--out", type=Path, required=True)
    asked.add_argument("--clip", action="append")
    asked.add_argument("--steps", type=int, default=0)
    asked.add_argument("--lr", type=float, default=0.0)
    asked.add_argument("--m", type=int, default=3)
    given = asked.parse_args(words)
    torch.set_num_threads(1)
    order = Order(given.data, given.out, None, None, None, ())
    (order.out / "items").mkdir(parents=True, exist_ok=True)
    wanted = given.clip or ["davis_tennis", "davis_bmx-trees"]
    for item in clips(order):
        if item.name not in wanted:
            continue
        for name in given.names:
            work, steps = (faithful, 250) if name in FAITHFUL else (residue, 500)
            body = FAITHFUL.get(name) or RESIDUE[name]
            began = time.process_time()
            cover, secret = work(body, item.cover, item.secret, given.steps or steps, given.lr, given.m)
            said = f"{cover:.1f} / {secret:.2f} | {time.process_time() - began:.0f} s"
            print(f"| {item.name} | {name} | {given.steps or steps} | {said} |", flush=True)


if __name__ == "__main__":
    main()
