"""The loop: it learns, stops at its bounds, continues bit by bit, and finds its way back from infinity."""

import dataclasses
import json
import math
import time
from itertools import pairwise

import pytest
import torch

from intarsia.engine import checkpoint
from intarsia.engine.company import Company, team
from intarsia.engine.learner import Losses
from intarsia.engine.loop import learn
from intarsia.engine.recipe import Phase
from intarsia.engine.run import Run, records
from intarsia.errors import UsageError, WeightsError
from toys import RECIPE, Noise, Toy


def train(toy=None, folder=None, start=None, company=None, **changes):
    recipe = dataclasses.replace(RECIPE, **changes)
    run = None if folder is None else Run(folder)
    toy = toy or Toy(recipe.seed)
    members = team("cpu")
    if run is None:
        return toy, learn(toy, Noise(recipe.batch), recipe, start=start, members=members, company=company)
    with run.held():
        return toy, learn(toy, Noise(recipe.batch), recipe, run=run, start=start, members=members, company=company)


def curve(folder):
    return {record["step"]: record["losses"] for record in records(folder) if "losses" in record}


def weights(toy):
    return {name: tensor.clone() for name, tensor in toy.net.state_dict().items()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def stop_after(steps):
    calls = iter(range(steps))
    return Company(stop=lambda: next(calls, None) is None)


def test_it_learns(tmp_path):
    _, outcome = train(folder=tmp_path, steps=150)
    found = curve(tmp_path)
    assert outcome.finished
    assert outcome.step == 150
    assert found[150]["secret"] < 0.5 * found[1]["secret"]


def test_the_log_gives_the_mean_since_the_last_line(tmp_path):
    train(folder=tmp_path / "each", steps=10)
    train(folder=tmp_path / "five", steps=10, log=5)
    each, five = curve(tmp_path / "each"), curve(tmp_path / "five")
    assert sorted(five) == [5, 10]
    assert five[10]["cover"] == pytest.approx(sum(each[step]["cover"] for step in range(6, 11)) / 5, rel=1e-6)


@pytest.mark.parametrize("changes", [{}, {"ema": 0.9, "schedule": "cosine", "warmup": 0.2, "clip": 0.1, "log": 7}])
@pytest.mark.parametrize("balance", ["fixed", "gradient"])
def test_continuing_takes_the_very_same_steps(tmp_path, changes, balance):
    changes = {**changes, "balance": balance, "target": "psnr:30"}
    whole, _ = train(folder=tmp_path / "whole", **changes)
    train(folder=tmp_path / "parts", company=stop_after(13), **changes)
    for after in (9, 100):
        start, problems = checkpoint.newest(tmp_path / "parts/trainer")
        assert problems == []
        parts, outcome = train(folder=tmp_path / "parts", start=start, company=stop_after(after), **changes)
    assert outcome.finished
    assert same(weights(whole), weights(parts))
    assert curve(tmp_path / "whole") == curve(tmp_path / "parts")


def test_continuing_across_phases(tmp_path):
    phases = (Phase("hide", 1, ("hider",)), Phase("reveal", 1, ("revealer",), {"cover": 0.0}, 0.5))
    whole, _ = train(Toy(phases=phases), tmp_path / "whole")
    train(Toy(phases=phases), tmp_path / "parts", company=stop_after(25))
    start, _ = checkpoint.newest(tmp_path / "parts/trainer")
    assert start.facts["phase"] == 1
    parts, _ = train(Toy(phases=phases), tmp_path / "parts", start=start)
    assert same(weights(whole), weights(parts))
    names = [record["phase"] for record in records(tmp_path / "whole") if "phase" in record]
    assert names == ["hide"] * 20 + ["reveal"] * 20


def test_phases_may_have_losses_of_their_own(tmp_path):
    class Changing(Toy):
        def losses(self, batch, phase):
            found = super().losses(batch, phase)
            return found if phase.name == "both" else Losses({"secret": found.terms["secret"]})

    phases = (Phase("both", 1), Phase("one", 1, ("revealer",)))
    train(Changing(phases=phases), tmp_path / "run", log=7)
    found = [list(record["losses"]) for record in records(tmp_path / "run") if "losses" in record]
    assert found == [["cover", "secret"]] * 2 + [["secret"]] * 3


def test_a_phase_moves_only_its_parts():
    before = weights(Toy())
    after = weights(train(Toy(phases=(Phase("reveal", train=("revealer",)),)), steps=3)[0])
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"revealer"}


def test_a_phase_for_parts_that_are_not_there():
    with pytest.raises(ValueError, match="enhancer"):
        train(Toy(phases=(Phase("more", train=("enhancer",)),)), steps=1)


def test_a_longer_bound_goes_on_where_the_run_ended(tmp_path):
    train(folder=tmp_path, steps=10)
    start, _ = checkpoint.newest(tmp_path / "trainer")
    _, outcome = train(folder=tmp_path, start=start, steps=15)
    assert outcome.step == 15
    assert sorted(curve(tmp_path)) == list(range(1, 16))


def test_seconds_bound_all_stretches(tmp_path):
    began = time.perf_counter()
    _, outcome = train(folder=tmp_path, steps=1_000_000, seconds=0.6)
    assert outcome.finished
    assert 0.5 < time.perf_counter() - began < 5
    start, _ = checkpoint.newest(tmp_path / "trainer")
    assert start.facts["seconds"] >= 0.6
    _, again = train(folder=tmp_path, start=start, steps=1_000_000, seconds=0.6)
    assert again.step == outcome.step
    _, longer = train(folder=tmp_path, start=start, steps=1_000_000, seconds=1.0)
    assert longer.step > outcome.step


def test_the_rate_follows_time_when_time_is_the_bound():
    rates = []
    company = Company(tick=lambda tick: rates.append((tick.share, tick.lr)))
    train(steps=10_000_000, seconds=1.0, schedule="cosine", company=company)
    factors = [rate / RECIPE.lr for _, rate in rates]
    assert factors == sorted(factors, reverse=True)
    for (before, _), (_, rate) in pairwise(rates):  # a step's rate is that of the share done before it
        assert rate / RECIPE.lr == pytest.approx(0.5 + 0.5 * math.cos(math.pi * before), abs=1e-6)
    assert min(factors) < 0.3


def test_a_loss_that_is_no_number_leads_back_to_the_last_good_state(tmp_path):
    notes = []
    toy, outcome = train(Toy(spoil=[26]), tmp_path, company=Company(note=notes.append))
    assert outcome.finished
    assert len(notes) == 1
    assert notes[0].startswith("step 25: the loss is not a number; back to step 0, rate halved to 0.0015")
    assert all(torch.isfinite(tensor).all() for tensor in weights(toy).values())
    assert sorted(curve(tmp_path)) == list(range(1, 41))
    assert [record["event"] for record in records(tmp_path) if "event" in record] == notes


def test_an_explosion_leads_back_too():
    notes = []
    toy = Toy()
    plain = toy.losses

    def exploding(batch, phase):
        found = plain(batch, phase)
        return (
            dataclasses.replace(found, terms={k: v * 1e4 for k, v in found.terms.items()}) if toy.calls == 70 else found
        )

    toy.losses = exploding
    _, outcome = train(toy, steps=100, company=Company(note=notes.append))
    assert outcome.finished
    assert "the loss exploded from" in notes[0]


def test_a_run_that_cannot_be_saved_from_infinity_ends_with_its_good_state(tmp_path):
    with pytest.raises(WeightsError, match=r"6th time; the state of step 0 was kept; use a rate lower than lr=0.003"):
        train(Toy(spoil=range(5, 1000)), tmp_path)
    state, _ = checkpoint.newest(tmp_path / "trainer")
    assert state.step == 0
    assert all(torch.isfinite(tensor).all() for tensor in state.tensors.values())


@pytest.mark.parametrize("wanted", [25.0, 40.0])
def test_a_target_is_held(wanted):
    seen = []

    class Watched(Toy):
        def losses(self, batch, phase):
            found = super().losses(batch, phase)
            seen.append(float(found.quality.detach()))
            return found

    train(Watched(), steps=1500, target=f"psnr:{wanted}", log=100, validate=10_000, lr=2e-3)
    last = sorted(seen[-200:])
    assert last[100] == pytest.approx(wanted, abs=1.5)


def test_equal_pulls_do_not_mind_how_large_a_loss_is():
    class Loud(Toy):
        def losses(self, batch, phase):
            found = super().losses(batch, phase)
            return dataclasses.replace(found, terms={**found.terms, "secret": 1000 * found.terms["secret"]})

    quiet = weights(train(steps=20, balance="gradient")[0])
    loud = weights(train(Loud(), steps=20, balance="gradient")[0])
    assert all(torch.allclose(quiet[name], loud[name], atol=2e-3) for name in quiet)
    fixed = weights(train(Loud(), steps=20)[0])
    assert not all(torch.allclose(quiet[name], fixed[name], atol=2e-3) for name in quiet)


def test_the_average_is_what_comes_out(tmp_path):
    published = {}
    company = Company(
        publish=lambda tensors, step, _s: published.update({step: {n: t.clone() for n, t in tensors.items()}})
    )
    toy, _ = train(folder=tmp_path, ema=0.99, company=company)
    state, _ = checkpoint.newest(tmp_path / "trainer")
    name = "hider.0.weight"
    assert torch.equal(weights(toy)[name], state.tensors[f"average/{name}"])
    assert torch.equal(published[40][name], state.tensors[f"average/{name}"])
    assert not torch.equal(state.tensors[f"net/{name}"], state.tensors[f"average/{name}"])


def test_two_checkpoints_stay(tmp_path):
    train(folder=tmp_path, save=0, steps=10)
    assert [path.name for path in sorted((tmp_path / "trainer").glob("*.safetensors"))] == [
        "step-000000009.safetensors",
        "step-000000010.safetensors",
    ]


def test_every_line_of_the_log_is_json_and_has_the_speed(tmp_path):
    train(folder=tmp_path, steps=5)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert {"step", "phase", "losses", "lr", "seconds", "items_per_s", "items_per_s_loaded"} == set(lines[0])
    assert all(line["items_per_s_loaded"] >= line["items_per_s"] > 0 for line in lines if "lr" in line)


def test_figures_are_logged_and_come_back(tmp_path):
    _, outcome = train(folder=tmp_path)
    found = [record for record in records(tmp_path) if "figures" in record]
    assert [record["step"] for record in found] == [20, 40]
    assert found[-1]["figures"] == outcome.figures


def test_bfloat16_learns_too():
    toy, _ = train(steps=150, precision="bfloat16")
    assert toy.figures({name: torch.from_numpy(a) for name, a in Noise(4).draw(7).items()})["secret"] < 0.1
    assert all(tensor.dtype == torch.float32 for tensor in weights(toy).values())


def test_the_container_is_balanced_in_float32():
    class Careless(Toy):
        def losses(self, batch, phase):
            found = super().losses(batch, phase)
            return dataclasses.replace(found, shared=found.shared.bfloat16())

    with pytest.raises(ValueError, match=r"Losses\.shared is torch.bfloat16"):
        train(Careless(), steps=1)


def test_balancing_needs_a_container_and_a_target_needs_a_quality():
    class Bare(Toy):
        def losses(self, batch, phase):
            return dataclasses.replace(super().losses(batch, phase), shared=None, quality=None)

    with pytest.raises(UsageError, match="use fixed"):
        train(Bare(), steps=1, balance="gradient")
    with pytest.raises(UsageError, match="leave it out"):
        train(Bare(), steps=1, target="psnr:30")


def test_trouble_in_the_data_comes_out():
    class Broken(Noise):
        def draw(self, step, first=0, count=None):
            if step == 3:
                raise OSError("the disk went away")
            return super().draw(step, first, count)

    with pytest.raises(OSError, match="went away"):
        learn(Toy(), Broken(), RECIPE, members=team("cpu"))
