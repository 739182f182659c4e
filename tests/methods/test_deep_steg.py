"""Deep-Steg as a method: settings, and pictures that come back through 8 bits."""

import math

import numpy as np
import pytest
import torch
from skimage import data

from intarsia.engine.company import team
from intarsia.engine.loop import learn
from intarsia.engine.recipe import Recipe
from intarsia.errors import UsageError
from intarsia.methods.deep_steg import METHOD, DeepStegConfig
from intarsia.methods.deep_steg.network import REACH

PAIR = {
    "cover": np.ascontiguousarray(data.coffee()[100:116, 100:116].transpose(2, 0, 1))[None],
    "secret": np.ascontiguousarray(data.astronaut()[60:92:2, 180:212:2].transpose(2, 0, 1))[None],
}


class One:
    """The same pair, again and again."""

    content = "one"

    def draw(self, step, first=0, count=None):
        return PAIR

    def validation(self, count):
        return PAIR


def test_one_pair_is_learned_by_heart_through_8_bits():
    torch.manual_seed(0)
    learner = METHOD.learner(DeepStegConfig(filters=12, noise=0.0, beta=1.0), METHOD.recipe)
    recipe = Recipe(steps=900, batch=1, lr=4e-3, schedule="cosine", warmup=0.05, precision="float32", validate=10_000)
    learn(learner, One(), recipe, members=team("cpu"))
    with torch.no_grad():
        figures = learner.figures({name: torch.from_numpy(values) for name, values in PAIR.items()})
    assert figures["cover_psnr"] > 40
    assert figures["secret_psnr"] > 40


def test_tiles_have_a_margin_as_wide_as_it_sees():
    assert METHOD.margin == REACH


def test_beta_is_the_weight_of_the_secret():
    learner = METHOD.learner(DeepStegConfig(filters=2, beta=1.25), METHOD.recipe)
    assert learner.phases[0].weights == {"cover": 1.0, "secret": 1.25}


@pytest.mark.parametrize(("name", "value"), [("beta", -1.0), ("noise", math.nan), ("filters", 0), ("size", 4)])
def test_settings_that_cannot_be_meant(name, value):
    with pytest.raises(UsageError, match=name):
        DeepStegConfig(**{name: value})
