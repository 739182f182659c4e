"""Detectors that learn: the networks, the pairs they learn from, and what they never see."""

import dataclasses

import numpy as np
import pytest
import torch

from intarsia.engine.company import Company
from intarsia.errors import UsageError
from intarsia.media import Audio, Image
from intarsia.study.steganalysis import controls, learning, network, trained
from samples import noise, photograph, speech

QUICK = {"steps": 3, "batch": 2, "validate": 2, "log": 1, "precision": "float32"}


def pairs(count=12, side=32):
    found = []
    for number in range(count):
        cover = photograph(side, side, top=8 * number, left=60 + 16 * number)
        container = controls.lsb_random(cover, np.random.default_rng(number), bits=3)
        found.append((f"s{number}", Image(cover), Image(container)))
    return found


def sounds(count=12):
    found = []
    for number in range(count):
        cover = speech(0.3, seed=number)
        container = controls.lsb_random(cover, np.random.default_rng(number), bits=3)
        found.append((f"s{number}", Audio.of(cover, 16_000), Audio.of(container, 16_000)))
    return found


def test_the_fixed_filters_see_no_flat_and_no_even_slope():
    slope = torch.arange(16.0).expand(1, 3, 16, 16)
    bank = network.picture_filters().repeat(3, 1, 1, 1)
    flat = torch.nn.functional.conv2d(torch.full((1, 3, 16, 16), 90.0), bank, groups=3)
    sloped = torch.nn.functional.conv2d(slope, bank, groups=3).reshape(3, 6, 12, 12)
    assert flat.abs().max() < 1e-3
    assert sloped[:, [2, 3, 4, 5]].abs().max() < 1e-3
    assert sloped[:, 0].abs().max() == 1
    assert network.sound_filters().sum(dim=2).abs().max() == 0


def test_sizes_of_the_networks():
    counts = [sum(weight.numel() for weight in net.parameters()) for net in (network.PictureNet(), network.SoundNet())]
    assert counts == [94_209, 22_273]
    assert network.PictureNet()(torch.zeros(2, 3, 16, 40)).shape == (2,)
    assert network.SoundNet()(torch.zeros(2, 1, 2048)).shape == (2,)


def test_cuts_lie_at_the_same_place_and_kept_pairs_are_never_drawn():
    covers = [np.full((3, 40, 50), number, np.uint8) for number in range(4)]
    covers[0] = noise(40, 50).transpose(2, 0, 1)
    sets = learning.Sets(covers, [cover + 1 for cover in covers], [3])
    cuts = learning.Cuts(sets, 8, 0)
    seen = set()
    for step in range(20):
        drawn = cuts.draw(step)
        assert np.array_equal(drawn["cover"] + 1, drawn["container"])
        seen |= set(drawn["cover"][:, 0, 0, 0].tolist()) & {3}
    assert not seen
    assert cuts.validation(5)["cover"].max() == 3
    whole, part = cuts.draw(4), cuts.draw(4, 3, 2)
    assert np.array_equal(whole["cover"][3:5], part["cover"])


@pytest.mark.parametrize(("kind", "make"), [("image", pairs), ("audio", sounds)])
def test_a_network_learns_and_judges_only_what_it_has_not_seen(kind, make, tmp_path):
    made = make()
    ticks = []
    recipe = dataclasses.replace(learning.RECIPES[kind], **QUICK)
    found = trained.network(kind, made, recipe, folder=tmp_path / "run", company=Company(tick=ticks.append))
    assert len(ticks) == 3
    kept = [source for source, _, _ in made if source not in found.seen]
    assert 2 <= len(kept) < 8
    for source, cover, _ in made:
        assert (found(cover, source) is None) == (source in found.seen)
    assert found(made[0][1], "a stranger") is not None
    # The same again goes on where it was: at the end.
    ticks.clear()
    again = trained.network(kind, made, recipe, folder=tmp_path / "run", company=Company(tick=ticks.append))
    assert not ticks
    assert again(made[0][1], "a stranger") == found(made[0][1], "a stranger")


def test_three_bits_of_noise_are_learnt_within_seconds(tmp_path):
    made = pairs(20, 32)
    recipe = dataclasses.replace(learning.RECIPES["image"], steps=40, batch=6, validate=100, precision="float32", ema=0)
    found = trained.network("image", made, recipe, folder=tmp_path / "run")
    kept = [pair for pair in made if pair[0] not in found.seen]
    scores = [[found(pair[at], pair[0]) for pair in kept] for at in (1, 2)]
    assert np.mean(scores[1]) > np.mean(scores[0]) + 1


def test_too_few_pairs_are_refused(tmp_path):
    with pytest.raises(UsageError, match="10 covers or more"):
        trained.network("image", pairs(9), folder=tmp_path)


def test_grey_pictures_and_deep_sounds_fit_the_networks():
    assert trained.array_of(Image(noise(20, 30, channels=1))).shape == (3, 20, 30)
    deep = Audio.of(np.array([[0x12345], [-1]], np.int32), 16_000, depth=24)
    assert trained.array_of(deep).tolist() == [[0x2345, -1]]
