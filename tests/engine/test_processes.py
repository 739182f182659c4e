"""Several processes learn as one does; a process that is killed leaves a run that goes on."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from intarsia.engine import checkpoint
from intarsia.engine.run import Run, records

TESTS = Path(__file__).parents[1]
SCRIPT = """
    import dataclasses, sys
    from intarsia.engine.company import team
    from intarsia.engine.loop import learn
    from intarsia.engine.run import Run
    from toys import RECIPE, Noise, Toy

    folder, steps, save, balance = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    members = team("cpu")
    recipe = dataclasses.replace(RECIPE, steps=steps, save=save, ema=0.9, clip=1.0, balance=balance, target="psnr:30")
    run = Run(folder, leader=members.is_main_process)
    with run.held():
        start = run.newest(print)
        if members.is_main_process:
            run.cut_log(start.step if start else -1)
        members.wait_for_everyone()
        learn(Toy(), Noise(4), recipe, run=run, start=start, members=members)
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "learn.py"
    path.write_text(textwrap.dedent(SCRIPT))
    return path


def environment(**more):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    return {**kept, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1", **more}


def losses(folder):
    return {record["step"]: record["losses"] for record in records(folder) if "losses" in record}


@pytest.mark.parametrize("balance", ["fixed", "gradient"])
def test_two_processes_learn_what_one_learns(tmp_path, script, balance):
    one, two = tmp_path / "one", tmp_path / "two"
    arguments = ["30", "1e9", balance]
    subprocess.run([sys.executable, script, one, *arguments], env=environment(), check=True, timeout=120)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend", "c10d"]
    launch += ["--rdzv-endpoint", "localhost:0", script, two, *arguments]
    ran = subprocess.run(launch, env=environment(), timeout=120, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-4000:]
    alone, together = losses(one), losses(two)
    assert sorted(alone) == sorted(together) == list(range(1, 31))
    for step, terms in alone.items():
        assert together[step] == pytest.approx(terms, rel=1e-4)
    assert alone[30]["secret"] < alone[1]["secret"]


@pytest.mark.slow
def test_killed_at_any_instant_a_run_goes_on(tmp_path, script):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    arguments = ["8000", "0.02", "fixed"]
    subprocess.run([sys.executable, script, whole, *arguments], env=environment(), check=True, timeout=300)
    draw, kills, seen = random.Random(5), 0, []
    while kills < 10:
        learner = subprocess.Popen([sys.executable, script, killed, *arguments], env=environment())
        began = time.monotonic()
        while not list((killed / "trainer").glob("step-*")) and time.monotonic() - began < 60:
            time.sleep(0.01)
        time.sleep(2.2 + draw.random() * 0.5)
        assert learner.poll() is None, "it ended before it could be killed; make it longer"
        learner.send_signal(signal.SIGKILL)
        learner.wait()
        kills += 1
        state, problems = checkpoint.newest(killed / "trainer")
        assert problems == []
        seen.append(state.step)
    assert seen == sorted(seen)
    assert seen[-1] > 0
    subprocess.run([sys.executable, script, killed, *arguments], env=environment(), check=True, timeout=300)
    assert losses(killed) == losses(whole)
    assert not list(killed.rglob(".intarsia-*"))


def test_a_second_process_is_refused(tmp_path):
    code = f"""
        from intarsia.engine.run import Run
        from intarsia.errors import OutputError
        try:
            with Run({str(tmp_path)!r}).held():
                print("held")
        except OutputError as error:
            print(error.exit_code, error)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with Run(tmp_path).held():
        found = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    assert found.stdout.startswith("8 ")
    assert "another process is training here" in found.stdout
    found = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    assert found.stdout == "held\n"
