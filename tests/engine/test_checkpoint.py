"""Checkpoints: whole or not there, the newest that can be read, no byte changed unseen."""

import random
import subprocess
import sys

import pytest
import torch

from intarsia.engine import checkpoint
from intarsia.engine.checkpoint import State
from intarsia.errors import OutputError, WeightsError

STATE = State(
    {"net/a": torch.arange(6.0).reshape(2, 3), "net/n": torch.tensor(7), "net/none": torch.zeros(0, 3)},
    {"step": 5, "seconds": 0.1 + 0.2, "words": "ä"},
)


def test_a_state_comes_back(tmp_path):
    found = checkpoint.load(checkpoint.save(tmp_path, STATE))
    assert found.facts == STATE.facts
    assert found.step == 5
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in STATE.tensors.items())


def test_the_newest_two_stay(tmp_path):
    for step in (1, 20, 300):
        checkpoint.save(tmp_path, State(STATE.tensors, {"step": step}))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step-000000020.safetensors",
        "step-000000300.safetensors",
    ]


def test_no_byte_changes_unseen(tmp_path):
    path = checkpoint.save(tmp_path, STATE)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << random.Random(at).randrange(8)]) + whole[at + 1 :])
        try:
            found = checkpoint.load(path)
        except WeightsError:
            continue
        # JSON allows a few bytes to differ without meaning anything else.
        assert found.facts == STATE.facts
        assert all(torch.equal(found.tensors[name], tensor) for name, tensor in STATE.tensors.items())


def test_cut_anywhere_the_one_before_is_taken(tmp_path):
    checkpoint.save(tmp_path, State(STATE.tensors, {"step": 1}))
    path = checkpoint.save(tmp_path, State(STATE.tensors, {"step": 2}))
    whole = path.read_bytes()
    for length in range(1, len(whole), 7):
        path.write_bytes(whole[:length])
        found, problems = checkpoint.newest(tmp_path)
        assert found.step == 1
        assert len(problems) == 1
        assert "step-000000002" in problems[0]


def test_nothing_there(tmp_path):
    assert checkpoint.newest(tmp_path) == (None, [])


def test_another_format_is_named(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "step-1.safetensors", {"format": "else", "facts": "{}", "digest": ""})
    with pytest.raises(WeightsError, match="is else; this release reads intarsia/trainer/1"):
        checkpoint.load(tmp_path / "step-1.safetensors")


def test_moments_lie_in_memory_as_their_weights_do():
    weight = torch.nn.Parameter(torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last))
    optimiser = torch.optim.Adam([weight], fused=True)
    weight.square().sum().backward()
    optimiser.step()
    kept = {name: tensor.contiguous() for name, tensor in checkpoint.optimiser_tensors(optimiser).items()}
    other = torch.optim.Adam([weight], fused=True)
    checkpoint.restore_optimiser(other, kept)
    moment = other.state[weight]["exp_avg"]
    assert moment.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(moment, optimiser.state[weight]["exp_avg"])


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path):
    """Files larger than a limit cannot be written: to the writer that is a full disk."""
    checkpoint.save(tmp_path, State({"a": torch.zeros(10)}, {"step": 1}))
    code = f"""
import resource, signal, sys, torch
from pathlib import Path
from intarsia.engine import checkpoint
from intarsia.errors import OutputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    checkpoint.save(Path({str(tmp_path)!r}), checkpoint.State({{"a": torch.zeros(100_000)}}, {{"step": 2}}))
except OutputError as error:
    print(error)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot be written" in found.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000001.safetensors"]
    assert checkpoint.newest(tmp_path)[0].step == 1


def test_a_folder_that_is_gone(tmp_path):
    with pytest.raises(OutputError):
        checkpoint.save(tmp_path / "gone", STATE)
