"""`intarsia analyze` and `intarsia pairs`: the contract of their records, verdicts, and broken files."""

import csv
import json

import numpy as np
import pytest

from intarsia.media import Audio, audio_file
from intarsia.study.steganalysis import controls, measure
from samples import packed, photograph, pixels, speech, write

DETECTOR = {
    "name": str,
    "auc": float,
    "auc_two_sided": float,
    "auc_low": float,
    "auc_high": float,
    "p_e": float,
    "detected_at_1": float,
    "detected_at_5": float,
    "answered": int,
    "n": int,
    "media": str,
}
NAMES = ["chi2", "spa", "ws", "rs", "primary", "stegexpose-original", "stegexpose-clean", "spam", "cnn", "revealer"]
COUNT = 12


@pytest.fixture
def folders(cli):
    """covers/ and stego/: twelve photographs of 48 x 48, and the same with random low bits."""
    for name in ("covers", "stego"):
        (cli.folder / name).mkdir()
    for number in range(COUNT):
        cover = photograph(48, 48, top=20 * number, left=40 + 20 * number)
        stego = controls.lsb_random(cover, np.random.default_rng(number), bits=2)
        write(cli.folder / "covers" / f"{number}.png", packed(cover))
        write(cli.folder / "stego" / f"{number}.png", packed(stego))
    return cli


def only_line(outcome):
    assert outcome.out.count(b"\n") == 1
    return json.loads(outcome.out)


def analyze(cli, *words):
    return cli.works("analyze", *words, password=None)


def test_the_record(folders):
    record = only_line(analyze(folders, "stego", "--against", "covers", "-o", "report", "--json"))
    assert [each["name"] for each in record["detectors"]] == NAMES == list(measure.DETECTORS)
    by_name = {each["name"]: each for each in record["detectors"]}
    answering = [name for name in NAMES if name != "cnn"]
    assert all({key: type(value) for key, value in by_name[name].items()} == DETECTOR for name in answering)
    assert by_name["cnn"]["auc"] is None
    assert (by_name["cnn"]["answered"], by_name["ws"]["answered"], by_name["ws"]["n"]) == (0, 24, 24)
    assert by_name["ws"]["auc"] > 0.95
    assert (record["files"], record["covers"], record["broken"]) == (12, 12, {})
    assert set(record["controls"]["image"]) == {"clean", *controls.NAMES}
    assert [each["name"] for each in record["controls"]["image"]["noise"]] == NAMES
    made = {path.name for path in (folders.folder / "report").iterdir()}
    plots = {"roc.png", "histograms.png", "sweep.png"}
    tables = {"report.md", "files.csv", "table.csv", "roc.csv", "sweep.csv", "analysis.json", "measured.jsonl"}
    assert made == plots | tables
    assert json.loads((folders.folder / "report/analysis.json").read_text()) == record
    with (folders.folder / "report/files.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == COUNT
    assert all(float(row["ws"]) > 0.4 for row in rows)
    with (folders.folder / "report/sweep.csv").open(newline="") as stream:
        assert len(list(csv.reader(stream))) == 102


def test_a_word_about_each_file(folders):
    write(folders.folder / "clean.png", packed(photograph(256, 256, top=60, left=120)))
    out = analyze(folders, "stego/3.png", "clean.png", "-o", "report").out.decode().splitlines()
    assert out[0].startswith("3.png: suspicious: about ")
    assert out[2].startswith("1 of 2 pictures are suspicious by thresholds of other photographs, which do not travel")
    assert out[1] == "clean.png: nothing found"
    assert "report.md" in out[3]


def test_it_goes_on_where_it_was(folders):
    words = ("stego", "covers", "-o", "report", "--json")
    first = only_line(analyze(folders, *words))
    folders.refuses(8, "analyze", *words, says=("analysis.json", "--force"), password=None)
    measured = (folders.folder / "report/measured.jsonl").read_bytes()
    lines = measured.splitlines(keepends=True)
    assert len(lines) == COUNT * 2
    # Stopped in the middle of a line, and before the report: the same command goes on.
    (folders.folder / "report/analysis.json").unlink()
    (folders.folder / "report/measured.jsonl").write_bytes(b"".join(lines[:9]) + lines[9][:40])
    again = only_line(analyze(folders, *words))
    assert again["detectors"] == first["detectors"]
    assert again["suspicious"] == first["suspicious"]
    assert len((folders.folder / "report/measured.jsonl").read_bytes().splitlines()) == COUNT * 2 + 1


def test_a_folder_with_broken_files_is_finished(folders):
    write(folders.folder / "stego/cut.png", (folders.folder / "stego/0.png").read_bytes()[:300])
    write(folders.folder / "stego/empty.png", b"")
    write(folders.folder / "stego/text.png", b"not a picture")
    write(folders.folder / "stego/notes.txt", b"passed over")
    outcome = folders("analyze", "stego", "-o", "report", "--json", password=None)
    assert outcome.code == 3
    record = only_line(outcome)
    assert (record["files"], set(record["broken"])) == (COUNT, {"cut.png", "empty.png", "text.png"})
    assert len(outcome.errors) == 1
    assert "3 files could not be read: cut.png, empty.png, text.png" in outcome.errors[0]
    with (folders.folder / "report/files.csv").open(newline="") as stream:
        assert [row["file"] for row in csv.DictReader(stream) if row["verdict"] == "not read"] == sorted(
            record["broken"]
        )


def test_sounds_beside_pictures(folders):
    for number in range(3):
        sound = speech(0.4, seed=number)
        for name, samples in (("covers", sound), ("stego", controls.lsb_random(sound, np.random.default_rng(0)))):
            data = audio_file.encode(Audio.of(samples, 16_000), "WAV")
            write(folders.folder / name / f"{number}.wav", data)
    record = only_line(analyze(folders, "stego", "--against", "covers", "-o", "report", "--json"))
    heard = {each["name"]: each for each in record["detectors"] if each["media"] == "audio"}
    assert list(heard) == NAMES
    assert (heard["ws"]["answered"], heard["rs"]["answered"], heard["rs"]["auc"]) == (6, 0, None)
    assert "lsb-image" not in record["controls"]["audio"]
    assert (folders.folder / "report/roc-audio.png").exists()


def test_taught_by_what_a_method_makes(folders):
    words = ("stego", "--against", "covers", "--train", "lsb", "--set", "steps=4", "--set", "batch=2", "-o", "report")
    outcome = analyze(folders, *words, "--set", "bits=2", "--json")
    record = only_line(outcome)
    taught = {each["name"]: each for each in record["detectors"]}
    assert record["trained_on"] == "lsb"
    assert taught["spam"]["answered"] == 24
    assert 4 <= taught["cnn"]["answered"] < 24
    assert taught["revealer"]["answered"] == 24
    assert (folders.folder / "report/pairs-image/manifest.csv").exists()
    cnn = next(each for each in record["controls"]["image"]["lsb-matching"] if each["name"] == "cnn")
    assert cnn["auc"] is not None


REFUSED = {
    "nothing": (2, ("analyze", "-o", "report"), "nothing to examine"),
    "no output": (2, ("analyze", "covers"), "-o is missing"),
    "missing": (3, ("analyze", "missing", "-o", "report"), "missing: no such file"),
    "train alone": (2, ("analyze", "stego", "--train", "lsb", "-o", "report"), "--against"),
    "settings alone": (2, ("analyze", "stego", "--set", "bits=2", "-o", "report"), "--train METHOD"),
    "unknown method": (
        2,
        ("analyze", "stego", "--against", "covers", "--train", "lsbb", "-o", "r"),
        "did you mean lsb",
    ),
    "unknown setting": (
        2,
        ("analyze", "stego", "--against", "covers", "--train", "lsb", "--set", "bitz=2", "-o", "r"),
        "did you mean bits",
    ),
    "pairs without data": (2, ("pairs", "lsb", "-o", "set", "--no-password"), "--data is missing"),
    "pairs without output": (2, ("pairs", "lsb", "--data", "covers", "--no-password"), "-o is missing"),
    "pairs without password": (2, ("pairs", "lsb", "--data", "covers", "-o", "set"), "password is needed"),
    "pairs of a wrong number": (
        2,
        ("pairs", "lsb", "--data", "covers", "-o", "set", "--no-password", "--set", "size=big"),
        "size='big'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_line_says_what_is_wrong(folders, case):
    code, words, says = REFUSED[case]
    folders.refuses(code, *words, says=says, password=None)


def test_pairs_and_what_analyze_makes_of_them(quick):
    (quick.folder / "data").mkdir()
    for number in range(4):
        write(quick.folder / f"data/{number}.png", packed(photograph(32, 64, top=30 * number)))
    write(quick.folder / "data/broken.png", b"")
    words = ("pairs", "lsb", "--data", "data", "-o", "set", "--set", "size=32", "--set", "test=.5", "--set", "bits=1")
    outcome = quick(*words, "--json")
    assert outcome.code == 3
    assert "broken" in outcome.errors[0]
    record = only_line(outcome)
    assert record.keys() == {"out", "pairs", "train", "test", "left_out"}
    assert (record["pairs"], record["train"] + record["test"]) == (8, 8)
    container = next((quick.folder / "set/train/containers").iterdir())
    quick.works("reveal", str(container), "-o", "revealed.png")
    assert pixels(quick.folder / "revealed.png").shape == (32, 32, 3)
    report = only_line(analyze(quick, "set/test/containers", "--against", "set/test/covers", "-o", "report", "--json"))
    assert report["files"] == record["test"]
