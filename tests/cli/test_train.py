"""`intarsia train` as a command: signals, a full disk, two of them at once, what it says and where."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil
from safetensors import safe_open

from conftest import snapshot
from intarsia.engine import checkpoint
from samples import write

EXAMPLES = Path(__file__).parents[2] / "examples"
TOY = "toy_hider:METHOD"
TINY = ("size=16", "width=4", "batch=4", "side=32", "validation=0.5", "validate=50", "pictures=4", "precision=float32")
SETTINGS = tuple(word for setting in TINY for word in ("--set", setting))
TRAIN = ("train", TOY, "--data", "pictures", "--run", "run")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of pictures, and a cache that soon has them packed."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "pictures").mkdir()
    draw = np.random.default_rng(1)
    for number in range(14):
        small = Pil.fromarray(draw.integers(0, 256, (4, 4, 3), np.uint8))
        small.resize((40, 40), Pil.Resampling.BICUBIC).save(folder / "pictures" / f"{number}.png")
    return folder


@pytest.fixture
def ready(tmp_path, monkeypatch, pictures):
    """A folder to work in, with pictures/ in it."""
    (tmp_path / "pictures").symlink_to(pictures / "pictures")
    monkeypatch.setenv("INTARSIA_CACHE", str(pictures / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


def begin(folder, *words, run="run", **how):
    """Start the command and return it as it runs."""
    command = [sys.executable, "-m", "intarsia", "train", TOY, "--data", "pictures", "--run", run, *SETTINGS, *words]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    return subprocess.Popen(command, cwd=folder, **piped | how)


def ends(training):
    """Wait until it has done what it was told."""
    out, err = training.communicate(timeout=120)
    assert training.returncode == 0, (out, err)


def wait_for_steps(training, folder):
    """Wait until it has learnt for a while."""
    began = time.monotonic()
    while time.monotonic() - began < 60 and training.poll() is None:
        if (folder / "metrics.jsonl").exists() and (folder / "metrics.jsonl").stat().st_size > 1000:
            return
        time.sleep(0.01)
    pytest.fail(f"it did not get that far: {training.communicate()}")


def losses(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line.get("losses") or line.get("figures") for line in lines}


def weights(run):
    with safe_open(run / "model.safetensors", "np") as held:
        return held.metadata(), {name: held.get_tensor(name).tobytes() for name in held.keys()}  # noqa: SIM118


def same_run(one, other):
    assert losses(one) == losses(other)
    assert weights(one) == weights(other)


def errors(text):
    return [line for line in text.splitlines() if line.startswith("intarsia: error: ")]


# --- the whole way ---------------------------------------------------------------------------------------------


KNOWING = """
import dataclasses
import torch
import toy_hider

class Knowing(toy_hider.ToyHider):
    facts = dataclasses.replace(toy_hider.ToyHider.facts, name="knowing_toy:METHOD")

    def learner(self, config, recipe):
        made = super().learner(config, recipe)
        with torch.no_grad():
            for layer in (*made.net.hider[::2], *made.net.revealer[::2]):
                layer.weight.zero_()
                layer.bias.zero_()
                for channel in range(min(layer.weight.shape[:2])):
                    layer.weight[channel, channel, 1, 1] = 1
            for channel in range(3):
                made.net.hider[4].weight[channel, channel, 1, 1] = -1
                made.net.hider[4].weight[channel, channel + 3, 1, 1] = 1
        return made

METHOD = Knowing()
"""
"""The example, except that it knows from the beginning how to put the secret in the cover's place."""


def test_train_hide_reveal(ready, cli, monkeypatch):
    (ready / "knowing_toy.py").write_text(KNOWING)
    monkeypatch.setenv("PYTHONPATH", f"{EXAMPLES}{os.pathsep}{ready}")
    write(ready / "cover.png", np.full((128, 128, 3), 128, np.uint8))
    write(ready / "secret.png", np.asarray(Pil.open(ready / "pictures" / "3.png").resize((100, 90))))
    method, settings = "knowing_toy:METHOD", ("--set", "width=6", "--set", "steps=20", "--set", "lr=1e-6")
    kept = (*SETTINGS[:2], *SETTINGS[4:])  # all but the width
    outcome = cli("train", method, *TRAIN[2:], *kept, *settings, "--json")
    assert outcome.code == 0, outcome
    (line,) = outcome.out.splitlines()
    record = json.loads(line)
    assert record["run"] == "run"
    assert record["steps"] == 20
    assert record["finished"] is True
    assert set(record["figures"]) == {"cover_psnr", "secret_psnr"}
    told = [json.loads(line) for line in outcome.err.splitlines() if not line.startswith("intarsia: note: ")]
    assert told[-1]["step"] == 20
    assert told[-1]["share"] == 1
    assert {"losses", "lr", "seconds", "items_per_s", "figures"} <= set(told[-1])
    assert len(outcome.notes) == 1
    hidden = cli.works(
        "hide", "cover.png", "secret.png", "-o", "out.png", "--method", method, "--model", "run", "--json"
    )
    assert json.loads(hidden.out)["verified"] is True
    shutil.move(ready / "run", ready / "moved")
    cli.works("reveal", "out.png", "-o", "shown/", "--method", method, "--model", "moved")
    with Pil.open(ready / "shown" / "secret.png") as shown:
        assert shown.size == (100, 90)
    without = cli("reveal", "out.png", "-o", "again/", "--method", method)
    assert without.code == 7
    assert "--model RUN_DIR" in without.err


def test_what_it_says(ready, cli):
    first = cli(*TRAIN, *SETTINGS, "--set", "steps=20")
    assert first.code == 0
    first_line, second_line = first.out.decode().splitlines()
    assert first_line.startswith("run: finished after 20 steps, ")
    assert second_line == "to use it: intarsia hide ... --model run"
    assert not errors(first.err)
    before = snapshot(ready / "run")
    again = cli(*TRAIN, "--resume", "--quiet")
    assert (again.code, again.out, again.err) == (0, b"", "")
    again = cli(*TRAIN, "--resume")
    assert again.code == 0
    assert b"run: was finished after 20 steps" in again.out
    assert b"--set steps=N" in again.out
    assert snapshot(ready / "run") == before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((TOY,), 2, "--data is missing"),
        (("exact", "--data", "pictures", "--run", "run"), 2, "exact has nothing to learn"),
        ((TOY, "--data", "nowhere", "--run", "run"), 3, "nowhere: no such folder"),
        ((TOY, "--data", "pictures", "--run", "run", "--set", "setps=3"), 2, "did you mean"),
        ((TOY, "--data", "pictures", "--run", "pictures"), 8, "pictures: holds other files"),
    ],
)
def test_what_cannot_be_meant(ready, cli, words, code, said):
    before = snapshot(ready)
    outcome = cli("train", *words)
    assert outcome.code == code, outcome
    assert outcome.out == b""
    (line,) = outcome.errors
    assert said in line
    assert snapshot(ready) == before


# --- interrupted -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_stops(ready, number, cli):
    training = begin(ready, "--set", "steps=100000", "--set", "log=1")
    wait_for_steps(training, ready / "run")
    training.send_signal(number)
    out, err = training.communicate(timeout=60)
    assert training.returncode == 130, err
    assert "run: stopped and saved after" in out
    assert "--resume" in out
    assert "intarsia: saving after this step; once more ends at once" in err
    assert not errors(err)
    held = sorted(path.name for path in (ready / "run").iterdir())
    assert held == ["config.json", "losses.png", "metrics.jsonl", "model.safetensors", *held[4:]]
    assert set(held[4:]) <= {"sheet.png", "trainer"}
    assert not list((ready / "run").rglob(".intarsia-*"))
    state, problems = checkpoint.newest(ready / "run" / "trainer")
    assert problems == []
    assert max(losses(ready / "run")) == state.step


def test_a_second_signal_ends_at_once(ready):
    slow = ready / "slow_toy.py"
    slow.write_text(
        "import dataclasses\nimport time\nimport toy_hider\n\n\nclass Slow(toy_hider.ToyHider):\n"
        "    facts = dataclasses.replace(toy_hider.ToyHider.facts, name='slow_toy:METHOD')\n\n"
        "    def learner(self, config, recipe):\n        made = super().learner(config, recipe)\n"
        "        quick = made.losses\n\n"
        "        def losses(batch, phase):\n            time.sleep(4)\n            return quick(batch, phase)\n\n"
        "        made.losses = losses\n        return made\n\n\nMETHOD = Slow()\n"
    )
    words = ["train", "slow_toy:METHOD", "--data", "pictures", "--run", "run", *SETTINGS]
    training = subprocess.Popen(
        [sys.executable, "-m", "intarsia", *words],
        cwd=ready,
        env={**os.environ, "PYTHONPATH": f"{EXAMPLES}{os.pathsep}{ready}"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    began = time.monotonic()
    while not list((ready / "run" / "trainer").glob("step-*")) and time.monotonic() - began < 60:
        assert training.poll() is None, training.communicate()
        time.sleep(0.02)
    time.sleep(0.3)
    began = time.monotonic()
    training.send_signal(signal.SIGINT)
    time.sleep(0.3)
    training.send_signal(signal.SIGINT)
    _, err = training.communicate(timeout=60)
    assert training.returncode == 130
    assert time.monotonic() - began < 6  # a step takes four seconds, and saving comes after it
    assert err.splitlines()[-1] == "intarsia: ended at once; --resume goes on from the last checkpoint"
    assert [path.name for path in (ready / "run" / "trainer").glob("step-*")] == ["step-000000000.safetensors"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_ended_again_and_again_it_learns_the_same(ready, cli, number):
    bounds = ("--set", "steps=1500", "--set", "log=1", "--set", "save=0.05", "--set", "ema=0.9")
    ends(begin(ready, *bounds, run="whole"))
    for count in range(4):
        training = begin(ready, *bounds, "--resume", stderr=subprocess.DEVNULL)
        wait_for_steps(training, ready / "run")
        time.sleep(0.15 * (count + 1))
        assert training.poll() is None, "it ended before it could be stopped; make it longer"
        training.send_signal(number)
        training.communicate(timeout=60)
        assert training.returncode == (130 if number == signal.SIGINT else -number)
    ends(begin(ready, *bounds, "--resume"))
    same_run(ready / "run", ready / "whole")
    assert not list((ready / "run").rglob(".intarsia-*"))


def test_interrupted_while_packing_nothing_is_left(ready, tmp_path):
    many = tmp_path / "many"
    many.mkdir()
    picture = Pil.fromarray(np.random.default_rng(1).integers(0, 256, (20, 20, 3), np.uint8))
    picture.save(many / "0.png")
    for number in range(1, 150):
        os.link(many / "0.png", many / f"{number}.png")
    cache = tmp_path / "cache"
    command = [sys.executable, "-m", "intarsia", "train", TOY, "--data", "many", "--run", "run", *SETTINGS]
    training = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, "INTARSIA_CACHE": str(cache)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    began = time.monotonic()
    while not [path for path in cache.glob("packs/*") if path.is_dir()] and time.monotonic() - began < 60:
        assert training.poll() is None, training.communicate()
        time.sleep(0.02)
    training.send_signal(signal.SIGINT)
    _, err = training.communicate(timeout=60)
    assert training.returncode == 130, err
    assert "intarsia: interrupted; nothing was left behind" in err
    assert not (tmp_path / "run").exists()
    assert [path.name for path in cache.glob("packs/*") if not path.name.endswith(".lock")] == []


def test_two_at_once(ready, cli):
    training = begin(ready, "--set", "steps=100000", "--set", "log=1")
    try:
        wait_for_steps(training, ready / "run")
        second = cli(*TRAIN, "--resume")
        assert second.code == 8
        assert "run: another process is training here" in second.errors[0]
        assert training.poll() is None
    finally:
        training.send_signal(signal.SIGINT)
        _, err = training.communicate(timeout=60)
    assert training.returncode == 130, err


# --- no room ---------------------------------------------------------------------------------------------------


BOUNDS = ("--set", "steps=60", "--set", "log=1", "--set", "save=0.02")


@pytest.fixture(scope="module")
def unbroken(pictures):
    """A run that nothing came between."""
    names = {"INTARSIA_CACHE": str(pictures / "cache"), "PYTHONPATH": str(EXAMPLES), "OMP_NUM_THREADS": "1"}
    ends(begin(pictures, *BOUNDS, run="unbroken", env={**os.environ, **names}))
    return pictures / "unbroken"


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param(700, marks=pytest.mark.slow, id="config.json"),
        pytest.param(4_600, marks=pytest.mark.slow, id="first checkpoint"),
        pytest.param(6_000, id="a line of metrics.jsonl, or a checkpoint"),
        pytest.param(14_300, marks=pytest.mark.slow, id="last lines"),
        pytest.param(20_000, marks=pytest.mark.slow, id="pictures"),
    ],
)
def test_a_full_disk_ends_it_and_it_goes_on_when_there_is_room(ready, cli, unbroken, limit):

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    training = begin(ready, *BOUNDS, "-q", preexec_fn=fill)
    _, err = training.communicate(timeout=60)
    assert training.returncode == 8, err
    (line,) = errors(err)
    assert "run/" in line
    assert len(err.splitlines()) == 1
    assert not list((ready / "run").rglob(".intarsia-*"))
    outcome = cli(*TRAIN, *SETTINGS, *BOUNDS, "--resume")
    assert outcome.code == 0, outcome
    same_run(ready / "run", unbroken)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root mounts a small disk")
def test_a_disk_that_is_really_full(ready, unbroken):
    disk = ready / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48k", "none", disk], capture_output=True).returncode:
        pytest.skip("this system mounts nothing here")
    try:
        training = begin(ready, *BOUNDS, "-q", run="disk/run")
        _, err = training.communicate(timeout=60)
        assert training.returncode == 8, err
        (line,) = err.splitlines()
        assert "disk/run/" in line
        assert "the disk is full" in line
        subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
        ends(begin(ready, *BOUNDS, "--resume", run="disk/run"))
        same_run(disk / "run", unbroken)
    finally:
        subprocess.run(["umount", disk], check=True)


WITHOUT_TORCH = (
    "-c",
    "import sys\n"
    "class Nowhere:\n"
    "    def find_spec(self, name, path=None, target=None):\n"
    "        if name.split('.')[0] in ('torch', 'accelerate', 'safetensors', 'matplotlib', 'yaml'):\n"
    "            raise ModuleNotFoundError(name)\n"
    "sys.meta_path.insert(0, Nowhere())\n"
    "from intarsia.cli import main\n"
    "main()",
)


def test_where_torch_is_not_installed_it_says_how_to_get_it(tmp_path):
    def run(*arguments):
        return subprocess.run([sys.executable, *WITHOUT_TORCH, *arguments], capture_output=True, text=True, timeout=60)

    trained = run("train", "stegnet", "--data", str(tmp_path), "--run", str(tmp_path / "run"))
    assert (trained.returncode, trained.stdout) == (2, "")
    assert trained.stderr == "intarsia: error: stegnet needs torch: pip install 'intarsia[neural]'\n"
    assert not list(tmp_path.iterdir())
    assert run("methods").returncode == run("models", "list").returncode == 0
