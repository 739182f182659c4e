"""`intarsia models`: what ships, and whether weights are whole."""

import json
import re

import pytest
from typer.testing import CliRunner

from intarsia import zoo
from intarsia.cli.app import app
from intarsia.errors import WeightsError
from zoo.shipped import FIGURE, altered, card, ship

NOTHING = "no trained models ship with this release"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where models ship from, empty."""
    monkeypatch.setattr(zoo, "FOLDER", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "models"


@pytest.fixture
def full(folder):
    ship(folder, "small")
    ship(folder, "other-nc", seed=2, method="ditas", commercial="no", figures={"direct": [], "file": [FIGURE, FIGURE]})
    return folder


def models(*words, code=0):
    done = CliRunner().invoke(app, ["models", *words])
    assert done.exit_code == code, done
    return done


def only_line(done):
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


def flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    return path


def run_folder(path):
    shipped = ship(path.parent / "kept elsewhere", "model", seed=3)
    path.mkdir()
    shipped.rename(path / "model.safetensors")
    return path


# --- list ----------------------------------------------------------------------------------------------------


def test_list_of_nothing(folder):
    assert models("list").stdout.startswith(NOTHING)
    assert "intarsia train METHOD --data DIR --run RUN" in models("list").stdout
    assert only_line(models("list", "--json")) == {"models": []}


def test_list(full):
    head, *lines = models("list").stdout.splitlines()
    assert head.split() == ["name", "method", "MiB", "commercial", "steps", "figures", "(file)"]
    assert [line.split()[:5] for line in lines] == [
        ["other-nc", "ditas", "0.00", "no", "12"],
        ["small", "stegnet", "0.00", "yes", "12"],
    ]
    assert lines[1].endswith("  secret PSNR 31.5 dB")
    assert lines[0].endswith("  secret PSNR 31.5 dB, secret PSNR 31.5 dB")


def test_list_json_is_the_cards(full):
    found = only_line(models("list", "--json"))["models"]
    assert [entry["name"] for entry in found] == ["other-nc", "small"]
    for entry in found:
        assert entry == json.loads((full / f"{entry['name']}.json").read_text())
        assert entry.keys() == set(card().__dataclass_fields__)


def test_list_shows_no_terminal_codes(full):
    altered(full / "small.json", figures={"direct": [], "file": [{**FIGURE, "name": "\x1b[31mred\n"}]})
    assert r"\x1b[31mred\n 31.5" in models("list").stdout


def test_list_of_a_card_that_is_damaged(full):
    altered(full / "small.json", commercial="maybe")
    done = models("list", code=1)
    assert isinstance(done.exception, WeightsError)
    assert "card of small: commercial is 'maybe'" in str(done.exception)


# --- verify --------------------------------------------------------------------------------------------------


def test_verify_nothing(folder):
    assert models("verify").stdout == NOTHING + "\n"
    assert only_line(models("verify", "--json")) == {"models": []}


def test_verify_all_that_ship(full):
    lines = models("verify").stdout.splitlines()
    assert len(lines) == 2
    identity = zoo.find("small").identity.hex()[:16]
    assert lines[1] == f"ok   small: stegnet, 16 numbers, {identity}"
    assert only_line(models("verify", "--json"))["models"] == [
        {"name": "other-nc", "ok": True, "problem": None},
        {"name": "small", "ok": True, "problem": None},
    ]


def test_verify_run_folders_and_files(full, tmp_path):
    run_folder(tmp_path / "run")
    for name in ("run", "./run", "run/model.safetensors", str(tmp_path / "run"), "small"):
        assert re.fullmatch(f"ok   {name}: stegnet, 16 numbers, [0-9a-f]{{16}}\n", models("verify", name).stdout)


def test_verify_goes_on_after_what_is_damaged(full, tmp_path):
    flip(full / "other-nc.safetensors")
    done = models("verify", code=7)
    first, second = done.stdout.splitlines()
    assert first.startswith("BAD  ") and "other-nc.safetensors: SHA-256 is " in first
    assert second.startswith("ok   small")
    found = only_line(models("verify", "--json", code=7))["models"]
    assert [entry["ok"] for entry in found] == [False, True]
    assert "SHA-256 is " in found[0]["problem"] and found[1]["problem"] is None


def test_verify_damage_of_every_kind(full, tmp_path):
    (full / "small.json").unlink()
    flip(run_folder(tmp_path / "run") / "model.safetensors")
    (tmp_path / "bare").mkdir()
    (tmp_path / "cut.safetensors").write_bytes((full / "small.safetensors").read_bytes()[:-3])
    (tmp_path / "two\nlines.safetensors").write_bytes(bytes(30))
    names = ["small", "run", "bare", "cut.safetensors", "missing", "two\nlines.safetensors", "other-nc"]
    lines = models("verify", *names, code=7).stdout.splitlines()
    assert len(lines) == len(names)
    words = ["without a card", "damaged", "holds no", "cut or", "no model 'missing'", r"two\nlines.safetensors: not"]
    for line, word in zip(lines, words, strict=False):
        assert line.startswith("BAD  ") and word in line
    assert lines[-1].startswith("ok   ")


def test_verify_of_a_pickle_says_how_to_convert_it(folder, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.pt").write_bytes(b"\x80\x02cos\nmkdir\n(S'sung'\ntR.")
    done = models("verify", "run", code=7)
    assert done.stdout.startswith("BAD  run: holds no model.safetensors, only model.pt, which looks like a pickle")
    assert "intarsia: note: whoever made it" in done.stderr and "intarsia.zoo.weights.save(" in done.stderr
    assert not (tmp_path / "sung").exists()


# --- as a command --------------------------------------------------------------------------------------------


def test_exit_codes_of_the_command_itself(cli, tmp_path):
    run_folder(tmp_path / "run")
    assert cli.works("models", "verify", "run").out.startswith(b"ok   run: stegnet")
    flip(tmp_path / "run" / "model.safetensors")
    outcome = cli("models", "verify", "run")
    assert outcome.code == 7
    assert outcome.out.startswith(b"BAD  run") and outcome.err == ""


def test_help(cli):
    assert "Missing command" in cli.refuses(2, "models")
    outcome = cli.works("models", "--help")
    assert b"list" in outcome.out and b"verify" in outcome.out
    assert b"NAME|DIR|FILE" in cli.works("models", "verify", "--help").out
