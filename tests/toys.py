"""A network small enough to be trained inside a test."""

import numpy as np
import torch
from torch import nn

from intarsia.engine.learner import Learner, Losses
from intarsia.engine.recipe import Phase, Recipe

ALL = Phase("all")
RECIPE = Recipe(steps=40, batch=4, lr=3e-3, precision="float32", validate=20, pictures=4, log=1, save=1e9)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hider = nn.Sequential(nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 3, padding=1))
        self.revealer = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 3, padding=1))


class Toy(Learner):
    """Hides a picture in a picture, badly."""

    def __init__(self, seed=0, spoil=(), phases=(ALL,)):
        torch.manual_seed(seed)
        self.net = Net()
        self.phases = phases
        self.spoil = set(spoil)
        self.calls = 0

    def losses(self, batch, phase):
        cover, secret = batch["cover"].float() / 255, batch["secret"].float() / 255
        container = (cover + self.net.hider(torch.cat([cover, secret], 1))).float()
        revealed = self.net.revealer(container).float()
        terms = {"cover": (container - cover).square().mean(), "secret": (revealed - secret).square().mean()}
        self.calls += 1
        if self.calls in self.spoil:
            terms["secret"] = terms["secret"] * float("nan")
        quality = -10 * torch.log10((container - cover).square().mean((1, 2, 3)))
        return Losses(terms, shared=container, quality=quality.mean())

    def figures(self, batch):
        found = self.losses(batch, Phase("all")).terms
        return {name: float(term.detach()) for name, term in found.items()}

    def sheet(self, batch):
        return np.ascontiguousarray(batch["cover"][0].permute(1, 2, 0).cpu().numpy())


class Noise:
    """Pairs of blurred noise, drawn by number."""

    content = "noise"

    def __init__(self, batch=4, side=12):
        self.batch, self.side = batch, side

    def draw(self, step, first=0, count=None):
        count = self.batch - first if count is None else count
        rows = [self._item(step, first + number) for number in range(count)]
        return {"cover": np.stack([row[0] for row in rows]), "secret": np.stack([row[1] for row in rows])}

    def validation(self, count):
        return Noise(count, self.side).draw(1 << 39)

    def _item(self, step, item):
        draw = np.random.default_rng([step, item])
        small = draw.integers(0, 256, (2, 3, self.side // 4, self.side // 4), np.uint8)
        return small.repeat(4, axis=2).repeat(4, axis=3)
