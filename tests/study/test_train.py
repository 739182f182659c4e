"""What `train` does with orders, data and run folders, with the example's networks on a few drawn pictures."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil
from safetensors import safe_open

from conftest import snapshot
from intarsia.errors import InputError, IntarsiaError, OutputError, UsageError, WeightsError
from intarsia.study.orders import Order
from intarsia.study.train import Watch, train
from intarsia.zoo import weights as zoo_weights

EXAMPLES = Path(__file__).parents[2] / "examples"
TOY = "toy_hider:METHOD"
TINY = {"size": 16, "width": 4, "batch": 4, "side": 32, "validation": 0.3, "steps": 40, "validate": 20, "log": 5}
TINY |= {"pictures": 4, "precision": "float32"}
FILES = ["config.json", "losses.png", "metrics.jsonl", "model.safetensors", "sheet.png"]


def soft(seed, side=40, mode="RGB"):
    """A picture of soft blots."""
    draw = np.random.default_rng(seed)
    small = Pil.fromarray(draw.integers(0, 256, (5, 5, 3), np.uint8))
    return small.resize((side, side), Pil.Resampling.BICUBIC).convert(mode)


def fill(folder, count=12, **how):
    """Draw pictures into a new folder."""
    folder.mkdir(parents=True)
    for number in range(count):
        soft(number, **how).save(folder / f"{number}.png")
    return folder


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch, cache):
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setenv("INTARSIA_CACHE", str(cache))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("data") / "pictures")


@pytest.fixture(scope="module")
def finished(data, cache, tmp_path_factory):
    """A finished run; copied, not touched."""
    run = tmp_path_factory.mktemp("runs") / "finished"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES)
        patch.setenv("INTARSIA_CACHE", str(cache))
        train(Order(TOY, [data], run, TINY))
    return run


@pytest.fixture
def copied(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture
def order(data, tmp_path):
    """An order, changed at will: settings are added to the tiny ones."""

    def make(*, settings=(), **changes):
        whole = Order(TOY, [data], tmp_path / "run", {**TINY, **dict(settings)})
        return dataclasses.replace(whole, **changes)

    return make


def losses(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line["losses"] for line in lines if "losses" in line}


def figures(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line["figures"] for line in lines if "figures" in line}


def weights(run):
    """What its model says of itself, and all its weights; their order in the file is nobody's business."""
    with safe_open(run / "model.safetensors", "np") as held:
        return held.metadata(), {name: held.get_tensor(name).tobytes() for name in held.keys()}  # noqa: SIM118


def same_run(one, other):
    assert losses(one) == losses(other)
    assert figures(one) == figures(other)
    assert weights(one) == weights(other)


def after(steps):
    """A watch that asks to stop after so many steps."""
    asked = iter(range(1, 1 << 30))
    return Watch(stop=lambda: next(asked) >= steps)


def refused(order, kind, *words, watch=None):
    """It is refused with one line that says so, and the run folder stays as it was."""
    before = snapshot(Path(order.run)) if Path(order.run).is_dir() else None
    with pytest.raises(IntarsiaError) as caught:
        train(order, watch)
    assert type(caught.value) is kind, caught.value
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 400
    for word in words:
        assert word in said
    after = snapshot(Path(order.run)) if Path(order.run).is_dir() else None
    assert after == before
    return said


# --- what is left ----------------------------------------------------------------------------------------------


def test_a_run_folder_holds_what_is_promised(finished):
    assert sorted(path.name for path in finished.iterdir()) == [*FILES[:4], "sheet.png", "trainer"]
    held = sorted(path.name for path in (finished / "trainer").iterdir())
    assert [name for name in held if name.startswith("step")] == [f"step-0000000{n}.safetensors" for n in ("00", "40")]
    assert [name for name in held if not name.startswith(("step", "strip"))] == ["lock"]
    for name in ("sheet.png", "losses.png"):
        with Pil.open(finished / name) as picture:
            picture.load()
            assert min(picture.size) >= 16
    assert list(losses(finished)) == list(range(5, 41, 5))
    assert list(figures(finished)) == [20, 40]


def test_the_settings_say_all_that_was_asked_for(finished):
    found = json.loads((finished / "config.json").read_text())
    assert found["method"] == TOY
    assert found["config"] == {"width": 4, "beta": 0.75, "size": 16}
    assert found["recipe"]["steps"] == 40
    assert found["recipe"]["schedule"] == "cosine"
    assert found["packing"]["side"] == 32
    assert found["data"]["content"]
    assert "12 pictures" in found["data"]["summary"]


def test_it_learns(order, tmp_path):
    train(order(settings={"steps": 150, "log": 15, "validate": 1000}))
    curve = losses(tmp_path / "run")
    assert sum(curve[150].values()) < 0.8 * sum(curve[15].values())


def test_what_is_told_and_returned(order):
    ticks, notes, begun = [], [], []
    done = train(order(), Watch(tick=ticks.append, note=notes.append, begins=lambda: begun.append(True)))
    assert [tick.step for tick in ticks] == list(range(5, 41, 5))
    assert ticks[-1].share == 1
    assert begun == [True]
    assert len(notes) == 1
    assert notes[0].startswith("12 pictures")
    record = json.loads(json.dumps(done.record()))
    assert (record["steps"], record["finished"], done.already) == (40, True, False)
    assert set(record["figures"]) == {"cover_psnr", "secret_psnr"}


# --- going on --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [{}, {"ema": 0.9, "clip": 1.0, "balance": "gradient", "target": "psnr:30"}])
def test_stopped_anywhere_it_goes_on_bit_by_bit(order, tmp_path, more):
    train(order(settings=more, run=tmp_path / "whole"))
    for number, step in enumerate((1, 13, 6, 19)):
        done = train(order(settings=more, resume=number > 0), after(step))
        assert not done.outcome.finished or number == 3
    done = train(Order(TOY, order().data, tmp_path / "run", resume=True))  # config.json knows the settings
    assert done.outcome.finished
    same_run(tmp_path / "run", tmp_path / "whole")


def test_a_finished_run_says_so_and_is_left_alone(order, copied):
    before = snapshot(copied)
    done = train(order(resume=True))
    assert done.already
    assert done.outcome.finished
    assert done.outcome.step == 40
    assert snapshot(copied) == before
    assert train(order(resume=True, settings={"steps": 10})).outcome.step == 40  # a bound below what is done
    assert snapshot(copied) == before


def test_a_larger_bound_goes_on(order, copied):
    done = train(order(resume=True, settings={"steps": 60}))
    assert done.outcome.step == 60
    assert not done.already
    assert list(losses(copied)) == list(range(5, 61, 5))
    assert json.loads((copied / "config.json").read_text())["recipe"]["steps"] == 60


def test_a_constant_rate_may_be_brought_down_at_last(order, tmp_path):
    train(order(settings={"schedule": "late"}, run=tmp_path / "whole"))
    assert not train(order(settings={"schedule": "constant"}), after(30)).outcome.finished
    assert train(order(settings={"schedule": "late"}, resume=True)).outcome.finished
    same_run(tmp_path / "run", tmp_path / "whole")
    refused(order(resume=True, settings={"schedule": "constant"}), UsageError, "begun with schedule=late")


def test_seconds_bound_the_whole_run(order):
    much = {"steps": 10**9, "log": 1, "seconds": 3600}
    first = train(order(settings=much), after(5)).outcome
    assert not first.finished
    much["seconds"] = first.seconds + 0.2
    second = train(order(settings=much, resume=True)).outcome
    assert second.finished
    assert second.seconds >= much["seconds"]
    assert second.step > first.step
    assert train(order(settings=much, resume=True)).already
    much["seconds"] = second.seconds + 0.2
    third = train(order(settings=much, resume=True)).outcome
    assert third.finished
    assert third.step > second.step


def test_going_on_with_nothing_begins(order, tmp_path):
    (tmp_path / "run").mkdir()
    assert train(order(resume=True)).outcome.step == 40


def test_a_run_that_ended_before_its_first_step_begins_anew(order, tmp_path, finished):
    (tmp_path / "run" / "trainer").mkdir(parents=True)
    (tmp_path / "run" / "trainer" / "lock").touch()
    (tmp_path / "run" / "metrics.jsonl").touch()
    train(order())
    same_run(tmp_path / "run", finished)


# --- the folder ------------------------------------------------------------------------------------------------


def test_a_run_is_not_begun_over_another(order, copied):
    refused(order(), OutputError, "run: already holds a run", "--resume", "--force")


def test_force_replaces_a_run_and_spares_the_rest(order, copied, finished, tmp_path):
    (copied / "notes.txt").write_text("mine")
    train(order(force=True, settings={"seed": 1}))
    assert (copied / "notes.txt").read_text() == "mine"
    assert losses(copied) != losses(finished)
    assert list(losses(copied)) == list(range(5, 41, 5))
    train(order(run=tmp_path / "fresh", settings={"seed": 1}))
    same_run(copied, tmp_path / "fresh")


@pytest.mark.parametrize("how", [{}, {"resume": True}, {"force": True}])
def test_a_folder_of_something_else_is_refused(order, tmp_path, how):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    refused(order(**how), OutputError, "run: holds other files")


@pytest.mark.parametrize("how", [{}, {"resume": True}, {"force": True}])
def test_a_run_without_its_settings_is_not_written_over(order, copied, how):
    (copied / "config.json").unlink()
    for name in ("model.safetensors", "sheet.png", "losses.png"):
        (copied / name).unlink()
    refused(order(**how), OutputError, "run: holds other files")


def test_a_file_in_the_place_of_the_folder(order, tmp_path):
    (tmp_path / "run").write_text("mine")
    refused(order(), OutputError, "run is no folder")
    refused(order(run=tmp_path / "run" / "deeper"), OutputError, "run is no folder")
    assert (tmp_path / "run").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_told_before_anything_is_packed(order, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    monkeypatch.setattr("intarsia.study.train.prepare", lambda *_, **__: pytest.fail("packed before"))
    refused(order(), OutputError, "run: cannot be written into: permission denied")


def test_a_dangling_link_and_a_link_to_a_folder(order, tmp_path):
    (tmp_path / "run").symlink_to(tmp_path / "nowhere")
    refused(order(), OutputError, "run is no folder")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    train(order(run=tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere" / "model.safetensors").exists()


def test_a_run_that_appears_meanwhile_is_not_written_over(order, tmp_path, finished, data):
    appeared = tmp_path / "run"
    watch = Watch(note=lambda _line: appeared.exists() or shutil.copytree(finished, appeared))
    with pytest.raises(OutputError, match="already holds a run"):
        train(order(), watch)
    assert sorted(snapshot(appeared).values(), key=str) == sorted(snapshot(finished).values(), key=str)


def test_another_process_there(order, copied):
    import fcntl

    with (copied / "trainer" / "lock").open("rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused(order(resume=True, settings={"steps": 60}), OutputError, "run: another process is training here")


# --- settings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"setps": 4}, ("'setps'", "did you mean", "steps")),
        ({"xyzzy": 4}, ("'xyzzy'", "it has width, beta, size, steps")),
        ({"steps": "many"}, ("steps='many'", "whole number")),
        ({"steps": 0}, ("steps is 0", "whole number from 1")),
        ({"steps": 2.5}, ("steps is 2.5", "whole number")),
        ({"lr": "nan"}, ("lr",)),
        ({"lr": -1.0}, ("lr is -1.0", "above 0")),
        ({"seconds": 0}, ("seconds is 0", "above 0")),
        ({"schedule": "linear"}, ("schedule", "constant or cosine")),
        ({"target": "lufs:3"}, ("target", "psnr:38")),
        ({"tensorboard": "perhaps"}, ("tensorboard", "true or false")),
        ({"side": 0}, ("side", "1")),
        ({"validation": 2}, ("validation", "share")),
        ({"ema": 1}, ("ema is 1", "below 1")),
        ({"seed": -1}, ("seed is -1",)),
    ],
)
def test_settings_that_cannot_be_meant(order, settings, words):
    refused(order(settings=settings), UsageError, *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("setps: 4\n", ("setps", "did you mean")),
        ("steps: [1, 2]\n", ("'steps' is list", "a number or a word")),
        ("- steps\n", ("holds list",)),
        ("# nothing\n", ("holds NoneType",)),
        ("steps: 4\nsteps: 5\n", ("'steps' is given twice",)),
        ("steps: !!python/object/apply:os.system [touch canary]\n", ("not a recipe",)),
        ("steps: {4\n", ("not a recipe",)),
        ("4: 5\n", ("4 is int",)),
        ("\x00\x01", ("not a recipe",)),
        ("a: &a [*a]\n", ("recipe.yaml",)),
        ("steps: 2024-01-01\n", ("'steps' is date",)),
        ("? [1, 2]\n: 3\n", ("recipe.yaml",)),
    ],
)
def test_recipe_files_that_cannot_be_meant(order, tmp_path, monkeypatch, text, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(text)
    refused(order(recipe="recipe.yaml"), UsageError, *words)
    assert not (tmp_path / "canary").exists()


def test_a_recipe_file_that_is_not_there(order):
    refused(order(recipe="nowhere.yaml"), InputError, "nowhere.yaml")


def test_what_is_set_comes_before_the_recipe_file(order, tmp_path):
    (tmp_path / "recipe.yaml").write_text("steps: 7\nbeta: 0.5\nlr: 1e-4\n")
    done = train(order(recipe=tmp_path / "recipe.yaml", settings={"steps": 5}))
    assert done.outcome.step == 5
    found = json.loads((tmp_path / "run" / "config.json").read_text())
    assert found["config"]["beta"] == 0.5
    assert found["recipe"]["lr"] == 1e-4


@pytest.mark.parametrize("settings", [{"lr": 1e-5}, {"batch": 8}, {"width": 5}, {"side": 33}, {"seed": 3}])
def test_another_run_is_not_gone_on_with(order, copied, settings):
    ((name, value),) = settings.items()
    refused(order(resume=True, settings=settings), UsageError, "run: was begun with", f"{name}=", str(value))


def test_a_run_of_another_method(order, copied):
    found = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**found, "method": "stegnet"}))
    refused(order(resume=True), UsageError, "run: is a run of stegnet", TOY)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "5", "{}", "[" * 100_000, '{"method": "toy_hider:METHOD"}', "\x00" * 99],
)
def test_settings_of_a_run_that_are_damaged(order, copied, text):
    (copied / "config.json").write_text(text)
    refused(order(resume=True), InputError, "config.json", "start another run")


@pytest.mark.parametrize("part", ["config", "recipe", "packing", "data", "format"])
@pytest.mark.parametrize("value", [5, [], "x", {"no such": 3}, {"steps": "x", "width": [], "side": -1}])
def test_settings_of_a_run_that_were_changed(order, copied, part, value):
    found = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**found, part: value}))
    settings = {"steps": 60}
    refused(order(resume=True, settings=settings), InputError, "run" if part == "data" else "config.json")


# --- what it begins with ---------------------------------------------------------------------------------------

STILL = {"lr": 1e-9, "steps": 1, "validate": 1}
"""A step that moves nothing."""


@pytest.fixture
def more(order, finished, tmp_path):
    """An order that goes on where the finished run ended, and says nothing of the networks itself."""

    def make(begin=finished, *, settings=(), **changes):
        rest = {name: value for name, value in TINY.items() if name not in ("size", "width")}
        asked = order(begin=str(begin), run=tmp_path / "more", **changes)
        return dataclasses.replace(asked, settings={**rest, **dict(settings)})

    return make


def tensors(run):
    return {name: np.frombuffer(data, np.float32) for name, data in weights(run)[1].items()}


def test_it_begins_with_weights_and_settings_of_a_model(more, finished, tmp_path):
    noted = []
    train(more(settings=STILL), Watch(note=noted.append))
    before, found = tensors(finished), tensors(tmp_path / "more")
    for name, values in found.items():
        np.testing.assert_allclose(values, before[name], atol=1e-5)
    first, second = (json.loads((run / "config.json").read_text()) for run in (finished, tmp_path / "more"))
    assert second["config"] == first["config"]
    assert second["begin"]["model"] == str(finished)
    assert "begin" not in first
    assert any(line.startswith("begins with the weights of") and line.endswith("finished") for line in noted)


def test_begun_with_a_model_and_stopped_it_goes_on_bit_by_bit(more, finished, tmp_path):
    train(more())
    whole = Path(shutil.copytree(tmp_path / "more", tmp_path / "whole"))
    shutil.rmtree(tmp_path / "more")
    assert not train(more(), after(7)).outcome.finished
    assert not train(more(resume=True), after(9)).outcome.finished
    assert train(dataclasses.replace(more(resume=True), begin=None)).outcome.finished
    same_run(whole, tmp_path / "more")


def test_ended_before_its_first_checkpoint_it_begins_with_the_model_again(more, finished, tmp_path):
    train(more(settings=STILL))
    for path in (*(tmp_path / "more" / "trainer").glob("step-*"), tmp_path / "more" / "model.safetensors"):
        path.unlink()
    train(more(settings=STILL, resume=True))
    np.testing.assert_allclose(
        *(np.concatenate([*tensors(run).values()]) for run in (tmp_path / "more", finished)), atol=1e-5
    )


def test_the_model_it_began_with_is_another_by_now(more, copied, tmp_path, data):
    train(more(copied, settings=STILL))
    for path in (tmp_path / "more" / "trainer").glob("step-*"):
        path.unlink()
    train(Order(TOY, [data], copied, {"steps": 50}, resume=True))
    refused(more(copied, settings=STILL, resume=True), InputError, "more: began with", "other weights by now")


def test_a_run_may_begin_with_what_it_replaces(more, copied):
    before = tensors(copied)
    train(dataclasses.replace(more(copied, settings=STILL, force=True), run=copied))
    for name, values in tensors(copied).items():
        np.testing.assert_allclose(values, before[name], atol=1e-5)


def test_parts_the_model_lacks_are_fresh(more, finished, tmp_path):
    head, held = zoo_weights.load(finished / "model.safetensors")
    dropped = sorted(held)[0]
    del held[dropped]
    zoo_weights.save(tmp_path / "part.safetensors", held, method=TOY, config=head.config, step=head.step)
    noted = []
    train(more(tmp_path / "part.safetensors", settings=STILL), Watch(note=noted.append))
    assert any(line.endswith(f"1 of {len(held) + 1} tensors are fresh") for line in noted)
    assert not np.allclose(tensors(tmp_path / "more")[dropped], tensors(finished)[dropped])


def test_a_model_that_does_not_fit(more, tmp_path):
    refused(more(settings={"width": 5}), WeightsError, "finished: ", "expected (5", "keep its settings")
    zoo_weights.save(tmp_path / "other.safetensors", {"x": np.ones(3, np.float32)}, method=TOY, config={}, step=1)
    refused(more(tmp_path / "other.safetensors"), WeightsError, "weights of another network")
    zoo_weights.save(
        tmp_path / "deep.safetensors", {"x": np.ones(3, np.float32)}, method="deep_steg", config={}, step=1
    )
    refused(more(tmp_path / "deep.safetensors"), WeightsError, "a model of deep_steg, not of")


@pytest.mark.parametrize("begin", [5, [], "finished"])
def test_what_it_began_with_is_damaged(order, copied, begin):
    found = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**found, "begin": begin}))
    refused(order(resume=True, settings={"steps": 60}), InputError, "config.json", "start another run")


@pytest.mark.parametrize("name", ["stegnot", "nowhere/run", "nowhere.safetensors", ""])
def test_a_model_that_is_not_there(more, name):
    with pytest.raises(IntarsiaError):
        train(more(name))


def test_a_run_is_gone_on_with_from_where_it_began(order, more, copied, finished):
    refused(order(resume=True, begin=str(finished)), UsageError, "run: was begun with fresh weights", "--from")
    train(more(settings=STILL))
    refused(more(copied, settings={**STILL, "steps": 3}, resume=True), UsageError, "more: was begun with those of")


@pytest.mark.parametrize("name", ["exact", "lsb"])
def test_methods_without_networks(order, name):
    refused(order(method=name), UsageError, f"{name} has nothing to learn")


@pytest.mark.parametrize("name", ["stegnot", "no_such_module:METHOD", "toy_hider:NOTHING", "toy_hider:torch", ":", ""])
def test_methods_that_are_not_there(order, name):
    refused(order(method=name), UsageError)


def test_a_method_of_two_names(order, tmp_path, monkeypatch):
    (tmp_path / "renamed_toy.py").write_text("from toy_hider import METHOD\n")
    monkeypatch.syspath_prepend(tmp_path)
    refused(order(method="renamed_toy:METHOD"), UsageError, "calls itself 'toy_hider:METHOD'")


# --- checkpoints -----------------------------------------------------------------------------------------------


def _checkpoints(run):
    return sorted((run / "trainer").glob("step-*"))


def test_a_damaged_checkpoint_falls_back_to_the_one_before(order, tmp_path, finished):
    train(order(settings={"save": 0}), after(30))
    newer = _checkpoints(tmp_path / "run")[-1]
    data = bytearray(newer.read_bytes())
    data[-5] ^= 1
    newer.write_bytes(data)
    notes = []
    done = train(order(resume=True), dataclasses.replace(after(1 << 20), note=notes.append))
    assert done.outcome.finished
    assert len(notes) == 2
    assert newer.name in notes[1]
    assert "changed since it was written" in notes[1]
    same_run(tmp_path / "run", finished)


def test_a_damaged_checkpoint_does_not_outlive_the_run(order, tmp_path):
    train(order(), after(20))
    newer = _checkpoints(tmp_path / "run")[-1]
    newer.write_bytes(newer.read_bytes()[:-1])
    train(order(resume=True), after(3))  # saves at a step before the damaged one's
    assert [path.stem for path in _checkpoints(tmp_path / "run")] == ["step-000000000", "step-000000003"]
    notes = []
    train(order(resume=True), Watch(note=notes.append))
    assert len(notes) == 1


def test_when_no_checkpoint_can_be_read(order, copied):
    for path in _checkpoints(copied):
        path.write_bytes(path.read_bytes()[:-1])
    refused(order(resume=True, settings={"steps": 60}), InputError, "run: no checkpoint of this run can be read")


def test_leftovers_of_a_killed_process_are_removed(order, copied):
    for folder in (copied, copied / "trainer"):
        (folder / ".intarsia-x.tmp").write_text("half")
    with (copied / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 45, "losses": {"cover": 1}}\n{"step": 50, "los')
    train(order(resume=True, settings={"steps": 60}))
    assert not list(copied.rglob(".intarsia-*"))
    assert list(losses(copied)) == list(range(5, 61, 5))
    assert losses(copied)[45]["cover"] < 1


# --- data ------------------------------------------------------------------------------------------------------


def test_data_that_are_not_there(order, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "a.txt").write_text("hello")
    (tmp_path / "file.png").write_bytes(b"")
    for name in ("nowhere", "empty", "words", "file.png"):
        refused(order(data=[tmp_path / name]), InputError, name)
    refused(order(data=[]), UsageError, "--data DIR")


def test_sounds_are_not_pictures(order, tmp_path):
    import soundfile

    (tmp_path / "sounds").mkdir()
    soundfile.write(tmp_path / "sounds" / "a.wav", np.zeros(100, np.int16), 8000)
    refused(order(data=[tmp_path / "sounds"]), InputError, "sounds", "pictures")


def test_other_data_are_refused_and_moved_ones_are_not(order, copied, data, tmp_path):
    other = fill(tmp_path / "other", 11)
    refused(order(resume=True, settings={"steps": 60}, data=[other]), InputError, "other: not the data of", "run")
    moved = shutil.copytree(data, tmp_path / "moved")
    assert train(order(resume=True, settings={"steps": 60}, data=[moved])).outcome.step == 60


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_pictures_are_told_before_anything_is_made(order, tmp_path, count):
    few = fill(tmp_path / "few", count)
    refused(order(data=[few]), InputError)
    assert not (tmp_path / "run").exists()


def test_a_single_picture_kept_for_validation_is_told_at_once(order, data, tmp_path):
    three = fill(tmp_path / "three", count=3)
    refused(order(data=[three], settings={"validation": 0.05}), InputError, "validation=")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("side", [15, 1])
def test_pictures_smaller_than_the_crop(order, tmp_path, side):
    small = fill(tmp_path / "small", side=side)
    assert train(order(data=[small], settings={"steps": 2})).outcome.finished
    with Pil.open(tmp_path / "run" / "sheet.png") as sheet:
        assert sheet.height == 16


def test_broken_pictures_are_counted(order, tmp_path):
    mixed = fill(tmp_path / "mixed")
    whole = (mixed / "0.png").read_bytes()
    for name, content in (("a.png", whole[:200]), ("b.png", b""), ("c.jpg", b"hello"), ("d.png", whole[:-30])):
        (mixed / name).write_bytes(content)
    notes = []
    train(order(data=[mixed], settings={"steps": 2}), Watch(note=notes.append))
    assert "12 pictures" in notes[0] or "13 pictures" in notes[0]
    assert "skipped" in notes[0]
    assert "\n" not in notes[0]


def test_pictures_of_all_kinds_and_names(order, tmp_path):
    odd = fill(tmp_path / "odd\nfolder", 4)
    for number, mode in enumerate(("L", "P", "1", "RGBA", "LA", "CMYK")):
        suffix = "tif" if mode == "CMYK" else "png"
        soft(50 + number, mode="RGB").convert(mode).save(odd / f"naïve {mode} 名\n.{suffix}")
    Pil.fromarray(np.arange(1600, dtype=np.uint16).reshape(40, 40) * 40).save(odd / "deep.png")
    soft(99).save(os.fsdecode(os.fsencode(odd) + b"/bytes-\xff.png"))
    notes = []
    done = train(order(data=[odd], settings={"steps": 3}), Watch(note=notes.append))
    assert done.outcome.finished
    assert notes[0].startswith("12 pictures")
    assert "skipped" not in notes[0]


# --- trouble ---------------------------------------------------------------------------------------------------


def test_losses_that_are_no_numbers_end_it_with_the_good_state_kept(order, tmp_path, monkeypatch):
    import toy_hider

    learnt, calls = toy_hider.ToyLearner.losses, []

    def spoilt(self, batch, phase):
        calls.append(1)
        found = learnt(self, batch, phase)
        if len(calls) > 10:
            found.terms["secret"] = found.terms["secret"] * float("nan")
        return found

    monkeypatch.setattr(toy_hider.ToyLearner, "losses", spoilt)
    notes = []
    with pytest.raises(WeightsError) as caught:
        train(order(settings={"save": 0}), Watch(note=notes.append))
    assert caught.value.exit_code == 7
    assert "the state of step 10 was kept" in str(caught.value)
    assert "lr=" in str(caught.value)
    assert len(notes) == 6
    monkeypatch.undo()
    monkeypatch.syspath_prepend(EXAMPLES)
    assert train(Order(TOY, order().data, tmp_path / "run", resume=True)).outcome.finished


def test_event_files(order, tmp_path, monkeypatch):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(order(settings={"tensorboard": True}), after(23))
    _checkpoints(tmp_path / "run")[-1].unlink()  # as if it had been killed: what was measured is measured again
    train(order(settings={"tensorboard": True}, resume=True))
    found = events.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    found.Reload()
    assert [event.step for event in found.Scalars("losses/cover")] == list(range(5, 41, 5))
    assert "figures/secret_psnr" in found.Tags()["scalars"]
    train(order(force=True))
    assert not list((tmp_path / "run" / "tensorboard").iterdir())


def test_event_files_without_tensorboard(order, monkeypatch):
    find = "importlib.util.find_spec"
    known = __import__("importlib.util").util.find_spec
    monkeypatch.setattr(find, lambda name, *rest: None if name == "tensorboard" else known(name, *rest))
    refused(order(settings={"tensorboard": True}), UsageError, "pip install tensorboard")
