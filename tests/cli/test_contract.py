"""The contract of the doors: names, flags, keys and exit codes that scripts rely on."""

import json
import math
import os
import re
import sys

import pytest

from intarsia import methods
from samples import PASSWORD, noise, photograph, pixels, random_bytes, revealed, write

HIDE = ("hide", "cover.png", "secret.bin", "-o", "out.png")
REVEAL = ("reveal", "container.png", "-o", "back")
VERBS = (
    "hide",
    "reveal",
    "capacity",
    "info",
    "methods",
    "doctor",
    "train",
    "models",
    "attack",
    "analyze",
    "pairs",
    "demo",
)


def only_line(outcome):
    """The one line of JSON a command printed."""
    assert outcome.out.endswith(b"\n")
    assert outcome.out.count(b"\n") == 1
    return json.loads(outcome.out)


# --- help ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(cli, verb):
    outcome = cli.works(verb, "--help", password=None)
    assert b"Usage: intarsia " + verb.encode() in outcome.out
    assert len(outcome.out.splitlines()) > 8


def test_the_help_lists_verbs_and_exit_codes(cli):
    text = " ".join(cli.works("--help", password=None).out.decode().split())
    assert all(f" {verb} " in text for verb in VERBS)
    codes = dict(re.findall(r"(\d+) ([a-z -]+)", text.split("Exit codes: ")[1]))
    assert codes.keys() == {"0", "1", "2", "3", "4", "5", "6", "7", "8", "130"}
    assert cli.works("-h", password=None).out == cli.works("--help", password=None).out


def test_the_version(cli):
    assert re.fullmatch(rb"intarsia \d+\.\d+\.\d+\n", cli.works("--version", password=None).out)


# --- hide and reveal -----------------------------------------------------------------------------------------

HIDDEN = {
    "method": str,
    "model": type(None),
    "container": str,
    "cover_psnr": float,
    "secrets": list,
    "capacity_bytes": int,
    "seconds": float,
    "verified": bool,
}


def test_hide_json(cli, cover, secret):
    record = only_line(cli.works(*HIDE, "--json"))
    assert {key: type(value) for key, value in record.items()} == HIDDEN
    assert record["secrets"] == [{"name": "secret.bin", "media": "blob", "exact": True, "bytes": 301}]
    assert (record["method"], record["container"], record["verified"]) == ("exact", "out.png", True)
    assert 49 < record["cover_psnr"] < 100
    assert 2000 < record["capacity_bytes"] < 64 * 64 * 3 * 1.585 / 8
    assert 0 < record["seconds"] < 30
    error = pixels(cli.folder / "out.png").astype(float) - noise()
    assert record["cover_psnr"] == pytest.approx(10 * math.log10(255**2 / (error**2).mean()), abs=1e-3)


def test_hide_json_of_a_picture_gives_its_psnr(cli, cover):
    write(cli.folder / "picture.png", photograph(200, 200))
    (secret,) = only_line(cli.works("hide", "cover.png", "picture.png", "-o", "out.png", "--json"))["secrets"]
    assert {key: type(value) for key, value in secret.items()} == {
        "name": str,
        "media": str,
        "exact": bool,
        "psnr": float,
        "bytes": int,
    }
    assert (secret["media"], secret["exact"]) == ("image", False)
    cli.works("reveal", "out.png", "-o", "back.png")
    error = pixels(cli.folder / "back.png").astype(float) - photograph(200, 200)
    assert secret["psnr"] == pytest.approx(10 * math.log10(255**2 / (error**2).mean()), abs=1e-3)


def test_reveal_json(cli, container):
    record = only_line(cli.works("reveal", "container.png", "-o", "back", "--json"))
    assert record.keys() == {"method", "outputs", "seconds", "loss", "authenticated"}
    assert (record["method"], record["loss"]) == ("exact", 0.0)
    assert record["outputs"] == [{"path": "back", "media": "blob", "bytes": 300}]
    assert isinstance(record["seconds"], float)


@pytest.mark.parametrize("text", ["Grüße, 木 and 🐴", ""])
def test_a_text_in_one_line_and_out_in_one_line(cli, cover, text):
    cli.works("hide", "cover.png", "--text", text, "-o", "out.png")
    assert cli.works("reveal", "out.png", "-o", "-").out == text.encode()


def test_a_secret_from_standard_input(cli, cover):
    cli.works("hide", "cover.png", "-", "-o", "out.png", stdin=random_bytes(200))
    assert revealed(cli.folder / "out.png") == random_bytes(200)


def test_standard_input_with_nothing_in_it(cli, cover):
    cli.refuses(3, "hide", "cover.png", "-", "-o", "out.png", says="standard input is empty")


def test_a_folder_restores_the_name_and_a_suffix_converts(cli, cover):
    write(cli.folder / "picture.png", photograph(24, 24))
    cli.works("hide", "cover.png", "picture.png", "-o", "out.png")
    cli.works("reveal", "out.png", "-o", "folder/")
    cli.works("reveal", "out.png", "-o", "other.bmp")
    assert (cli.folder / "other.bmp").read_bytes()[:2] == b"BM"
    assert (pixels(cli.folder / "folder" / "picture.png") == pixels(cli.folder / "other.bmp")).all()


@pytest.mark.parametrize("words", [(*HIDE, "--no-password"), REVEAL], ids=["hide", "reveal"])
def test_quiet_prints_nothing(cli, container, words):
    outcome = cli.works(*words, "--quiet")
    assert (outcome.out, outcome.err) == (b"", "")


def test_quiet_leaves_answers_and_errors(cli, container):
    assert only_line(cli.works(*HIDE, "--quiet", "--json"))["verified"]
    cli.refuses(4, *REVEAL, "--quiet", password="another one")


def test_an_output_is_required(cli, container):
    cli.refuses(2, "hide", "cover.png", "secret.bin", says="-o")
    cli.refuses(2, "reveal", "container.png", says="-o")


def test_the_method_named_must_be_the_one_it_was_hidden_with(cli, container):
    cli.works(*REVEAL, "--method", "exact")
    cli.refuses(2, "reveal", "container.png", "-o", "two", "--method", "lsb", says=("container.png", "exact"))


def test_progress_is_json_off_a_terminal(cli):
    write(cli.folder / "cover.png", noise(1500, 1500))
    write(cli.folder / "secret.bin", random_bytes(900_000))
    outcome = cli.works(*HIDE)
    records = [json.loads(line) for line in outcome.err.splitlines() if line.startswith("{")]
    assert records
    assert all(0 <= record["done"] <= 1 and record["seconds"] >= 1 for record in records)


# --- refusals ------------------------------------------------------------------------------------------------

REFUSED = {
    "unknown setting": (2, (*HIDE, "--set", "presett=best"), ("presett", "did you mean preset")),
    "setting of another method": (2, (*HIDE, "--set", "bits=3"), ("bits", "preset", "cover_db", "secret_db")),
    "unknown preset": (2, (*HIDE, "--preset", "besst"), ("besst", "fast, balanced, best")),
    "value of the wrong type": (2, (*HIDE, "--set", "cover_db=loud"), ("cover_db", "loud", "a number")),
    "value that is no number": (2, (*HIDE, "--set", "cover_db=nan"), ("cover_db", "nan")),
    "value out of range": (2, (*HIDE, "--set", "cover_db=-3"), ("cover_db", "-3")),
    "setting without a value": (2, (*HIDE, "--set", "preset"), ("preset", "KEY=VALUE")),
    "setting given twice": (2, (*HIDE, "--set", "preset=best", "--preset", "fast"), ("preset", "twice")),
    "unknown method": (2, (*HIDE, "--method", "exacct"), ("exacct", "did you mean exact")),
    "method nowhere near": (2, (*HIDE, "--method", "zzzz"), ("zzzz", "exact", "lsb")),
    "method of a missing package": (2, (*HIDE, "--method", "no_such_package:METHOD"), ("no_such_package",)),
    "method that is none": (2, (*HIDE, "--method", "json:dumps"), ("json:dumps", "Method")),
    "methods of an unknown name": (2, ("methods", "exacct"), ("exacct", "did you mean exact")),
    "unknown model": (2, (*HIDE, "--model", "large"), ("large",)),
    "unknown option": (2, (*HIDE, "--loud"), ("--loud",)),
    "unknown verb": (2, ("hyde", "cover.png"), ("hyde",)),
    "missing argument": (2, ("hide",), ("COVER",)),
    "no secret": (2, ("hide", "cover.png", "-o", "out.png"), ("SECRET", "--text")),
    "secret and standard input": (2, (*HIDE[:3], "-", *HIDE[3:]), ("- reads one secret",)),
    "seed that is no number": (2, (*HIDE, "--seed", "x"), ("--seed",)),
    "no pixels": (2, (*HIDE, "--max-pixels", "0"), ("--max-pixels",)),
    "unknown device": (2, (*HIDE, "--device", "tpu"), ("tpu", "auto", "cpu", "cuda")),
    "text by lsb": (2, ("hide", "cover.png", "--text", "x", "-o", "out.png", "--method", "lsb"), ("lsb", "text")),
    "converting to a suffix that is none": (2, ("reveal", "picture.png", "-o", "back.xyz"), (".xyz", ".png")),
    "two answers on standard output": (2, ("reveal", "container.png", "-o", "-", "--json"), ("-o -", "--json")),
    "missing file": (3, ("info", "missing.png"), ("missing.png",)),
    "not a picture": (3, ("capacity", "secret.bin"), ("secret.bin", "not a picture")),
    "wrong password": (4, ("info", "cover.png"), ("no secret found",)),
    "too small": (5, ("capacity", "tiny.png"), ("usable samples",)),
    "too large": (6, ("info", "cover.png", "--max-pixels", "10"), ("cover.png", "--max-pixels 4096")),
    "output exists": (8, ("hide", "cover.png", "secret.bin", "-o", "container.png"), ("container.png", "--force")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_line_says_what_is_wrong(cli, container, case):
    code, words, says = REFUSED[case]
    if "picture.png" in words:
        write(cli.folder / "small.png", photograph(20, 20))
        cli.works("hide", "cover.png", "small.png", "-o", "picture.png")
    if "tiny.png" in words:
        write(cli.folder / "tiny.png", noise(3, 3))
    cli.refuses(code, *words, says=says)


def test_the_traceback_is_there_for_debug_only(cli, cover):
    outcome = cli("reveal", "cover.png", "-o", "back", "--debug")
    assert outcome.code == 4
    assert "Traceback (most recent call last)" in outcome.err
    assert len(outcome.errors) == 1


def test_a_bug_is_one_line_too(cli, cover, secret):
    broken = "import intarsia.pipeline as p\np.hide_file = lambda *x: 1 / 0\nfrom intarsia.cli import main\nmain()"
    cli.refuses(1, *HIDE, program=("-c", broken), says=("ZeroDivisionError", "--debug"))


def test_a_container_that_does_not_verify_is_removed(cli, cover, secret):
    broken = (
        "import intarsia.methods.exact.method as m\n"
        "m.blob_code.decode = lambda *given, **named: m.Blob(b'something else')\n"
        "from intarsia.cli import main\n"
        "main()"
    )
    cli.refuses(1, *HIDE, program=("-c", broken), says=("did not give the secret back", "removed"))


# --- looking -------------------------------------------------------------------------------------------------


def test_capacity_json(cli, cover, secret):
    record = only_line(cli.works("capacity", "cover.png", "secret.bin", "--json", password=None))
    assert record.keys() == {"method", "cover", "capacity_bytes", "levels", "secret", "secrets"}
    assert record["secrets"] == [record["secret"]]
    assert record["cover"] == "64 x 64, RGB, 8 bits"
    assert record["levels"][0]["r"] == 1
    assert all(level.keys() == {"r", "bytes", "cover_psnr"} for level in record["levels"])
    sizes = [level["bytes"] for level in record["levels"]]
    assert sizes == sorted(sizes, reverse=True)
    assert record["capacity_bytes"] == sizes[0]
    told = record["secret"]
    assert told.pop("cover_psnr") > 49
    assert told == {"name": "secret.bin", "media": "blob", "bytes": 301, "exact": True, "psnr": None}


def test_capacity_tells_what_hiding_will_give(cli, cover, secret):
    told = only_line(cli.works("capacity", "cover.png", "secret.bin", "--json", password=None))
    hidden = only_line(cli.works(*HIDE, "--json"))
    assert hidden["capacity_bytes"] == told["capacity_bytes"]
    # Some 700 places change; how many exactly is chance, with a standard deviation of .1 dB.
    assert told["secret"]["cover_psnr"] == pytest.approx(hidden["cover_psnr"], abs=0.5)


def test_capacity_in_words(cli, cover, secret):
    text = cli.works("capacity", "cover.png", "secret.bin", password=None).out.decode()
    assert "cover.png: 64 x 64, RGB, 8 bits; exact holds up to 2," in text
    assert "secret.bin: fits exactly in 301 bytes" in text


def test_info_without_a_password(cli, container):
    record = only_line(cli.works("info", "container.png", "--json", password=None))
    assert record.keys() == {"media", "description", "format", "capacity_bytes", "notes", "method", "carries"}
    assert (record["method"], record["carries"], record["format"]) == (None, None, "PNG")
    assert "cannot be told" in cli.works("info", "container.png", password=None).out.decode()


def test_info_with_the_password(cli, container):
    record = only_line(cli.works("info", "container.png", "--json"))
    assert record["method"] == "exact"
    assert record["carries"] == [{"name": "secret.bin", "media": "blob", "bytes": 301}]
    assert "carries blob (secret.bin), 301 bytes, hidden by exact" in cli.works("info", "container.png").out.decode()


def test_info_of_any_file(cli, secret):
    record = only_line(cli.works("info", "secret.bin", "--json", password=None))
    assert (record["media"], record["description"], record["capacity_bytes"]) == ("blob", "300 bytes", 0)


def test_methods_and_their_papers(cli):
    text = cli.works("methods", password=None).out.decode()
    assert [line.split()[0] for line in text.splitlines()] == list(methods.TABLE)
    cited = cli.works("methods", "--cite", password=None).out.decode()
    entries = re.findall(r"^@(\w+)\{(\w+),.*\}$", cited, re.MULTILINE)
    assert len(entries) == len(cited.splitlines()) == len(methods.TABLE)
    assert all(cited.count(bracket) == cited.count(other) for bracket, other in ("{}",))
    assert cli.works("methods", "lsb", "--cite", password=None).out.decode() == cited.splitlines()[1] + "\n"


def test_a_method_lists_its_settings(cli):
    text = cli.works("methods", "exact", password=None).out.decode()
    assert all(key in text for key in ("preset=balanced", "cover_db=", "secret_db=", "KEY=VALUE"))
    record = only_line(cli.works("methods", "lsb", "--json", password=None))
    assert record["settings"] == {"bits": 3, "midpoint": False}
    assert (record["exact"], record["encrypted"]) == (False, False)


def test_doctor(cli, container):
    record = only_line(cli.works("doctor", "--json", password=None))
    assert record["healthy"] is True
    assert {"hide and reveal, picture", "hide and reveal, sound", "password to key"} <= {
        check["what"] for check in record["checks"]
    }
    record = only_line(cli.works("doctor", "container.png", "--json", password=None))
    assert record["checks"][0] == {"what": "readable", "ok": True, "found": "PNG, 64 x 64, RGB, 8 bits"}


def test_lsb_says_that_it_hides_from_eyes_only(cli, cover):
    write(cli.folder / "picture.png", photograph())
    outcome = cli.works("hide", "cover.png", "picture.png", "-o", "out.png", "--method", "lsb")
    assert any("does not encrypt" in note for note in outcome.notes)


def test_the_installed_command_is_the_same(cli):
    program = os.path.join(os.path.dirname(sys.executable), "intarsia")
    assert os.access(program, os.X_OK)
    shown = cli.works("--version", password=PASSWORD, program=(program,)).out
    assert shown == cli.works("--version").out
