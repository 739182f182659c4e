"""Learned methods where something is wrong with the model or the machine: rows of the table of bad inputs."""

import json
import resource
import shutil

import pytest
import torch

import intarsia
from conftest import QUICK, Cli
from intarsia.engine import hardware
from intarsia.media import metrics
from recorded.make import HERE, HIDDEN, PASSWORD, with_model
from samples import noise, write

GOLDEN = "v1-stegnet.png"
MODEL = with_model(GOLDEN)["model"]


@pytest.fixture
def golden(tmp_path):
    """A folder with the golden container, and the command line in it under its password."""
    shutil.copy(HERE / GOLDEN, tmp_path / "sent.png")
    return Cli(tmp_path, QUICK)


def revealed(**how):
    """Reveal the golden container; return the PSNR against what was hidden, dB."""
    found = intarsia.reveal(HERE / GOLDEN, password=PASSWORD, model=MODEL, **how).value
    return metrics.psnr(HIDDEN, found.samples)


# --- 34: another method, another model -------------------------------------------------------------------------


def test_row_34_another_method_is_named_only_to_who_has_the_password(tmp_path):
    cli = Cli(tmp_path)
    shutil.copy(HERE / GOLDEN, tmp_path / "sent.png")
    words = ("reveal", "sent.png", "-o", "out/", "--model", MODEL)
    # Without a header the model that was named is asked, and says whose it is: of the container that tells nothing.
    write(tmp_path / "plain.png", noise(200, 200))
    plain = ("reveal", "plain.png", *words[2:], "--method", "deep_steg")
    said = cli.refuses(7, *words, "--method", "deep_steg", password="another")
    assert said == cli.refuses(7, *plain, password="another")
    cli.refuses(2, *words, "--method", "deep_steg", password=PASSWORD, says=("stegnet",))
    found = cli.works(*words, "--json", password=PASSWORD)
    assert json.loads(found.out)["method"] == "stegnet"


def test_row_34_the_model_that_is_missing_is_named_only_to_who_has_the_password(tmp_path):
    cli = Cli(tmp_path)
    shutil.copy(HERE / GOLDEN, tmp_path / "sent.png")
    cli.refuses(4, "reveal", "sent.png", "-o", "out/", password="another")
    cli.refuses(7, "reveal", "sent.png", "-o", "out/", password=PASSWORD, says=("not shipped", "--model"))


# --- 53: little memory -------------------------------------------------------------------------------------------


def test_row_53_little_memory(tmp_path):
    """Half a gigabyte of addresses does not even hold torch."""
    cli = Cli(tmp_path, QUICK)
    write(tmp_path / "cover.png", noise(200, 200))
    write(tmp_path / "secret.png", noise(200, 200))
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))  # noqa: E731
    words = ("hide", "cover.png", "secret.png", "-o", "out.png", "--model", MODEL)
    cli.refuses(6, *words, says=("out of memory", "MB are needed"), preexec_fn=limit)


# --- 54: other threads, other arithmetic, other devices -----------------------------------------------------------


def test_row_54_threads_change_nothing_that_is_seen():
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 8):
            torch.set_num_threads(threads)
            found.append(revealed())
    finally:
        torch.set_num_threads(before)
    assert found[0] == pytest.approx(found[1], abs=0.1)


def test_row_54_float32_and_bfloat16_reveal_the_same(monkeypatch):
    found = []
    for answer in (False, True):
        monkeypatch.setattr(hardware, "has_bfloat16", lambda _where, answer=answer: answer)
        found.append(revealed())
    assert found[0] == pytest.approx(found[1], abs=0.5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_row_54_a_gpu_reveals_what_a_cpu_hid():
    assert revealed(device="cuda") == pytest.approx(revealed(device="cpu"), abs=0.5)


def test_row_54_tiles_reveal_what_the_whole_reveals(monkeypatch):
    from intarsia.methods import picture_in_picture

    whole = revealed()
    monkeypatch.setattr(picture_in_picture, "PIXELS", 48 * 48)
    assert revealed() == pytest.approx(whole, abs=0.01)


def test_row_54_what_is_sealed_does_not_depend_on_arithmetic(monkeypatch, tmp_path):
    """What one machine painted in float32, another with bfloat16 opens, and the other way round."""
    for paints in (False, True):
        monkeypatch.setattr(hardware, "has_bfloat16", lambda _where, paints=paints: paints)
        out = tmp_path / f"{paints}.png"
        intarsia.hide(HERE / GOLDEN, HERE / GOLDEN, out, password=PASSWORD, model=MODEL)
        monkeypatch.setattr(hardware, "has_bfloat16", lambda _where, paints=paints: not paints)
        assert intarsia.reveal(out, password=PASSWORD, model=MODEL).value.name == GOLDEN
