"""Cards: complete, of the right types, true to the rule about names, or refused."""

import dataclasses
import json
import os

import pytest

from intarsia.errors import WeightsError
from intarsia.zoo import cards
from zoo.shipped import FIGURE, card, record

FIELDS = [field.name for field in dataclasses.fields(cards.Card)]
TEXTS = ("name", "method", "title", "paper", "commercial", "hardware", "limits", "made", "sha256")
MAPPINGS = ("configuration", "figures", "recipe")


def refused(tmp_path, content, *words):
    path = tmp_path / "small.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(WeightsError) as caught:
        cards.read(path)
    said = str(caught.value)
    assert caught.value.exit_code == 7
    assert said.isprintable()
    assert len(said) < 500
    for word in words:
        assert word in said
    return said


def test_a_card_comes_back(tmp_path):
    cards.write(tmp_path / "small.json", card())
    assert cards.read(tmp_path / "small.json") == card()
    before = (tmp_path / "small.json").read_bytes()
    cards.write(tmp_path / "small.json", cards.read(tmp_path / "small.json"))
    assert (tmp_path / "small.json").read_bytes() == before
    assert before.endswith(b"}\n") and before.count(b"\n") > len(FIELDS)  # for people to read


def test_the_fields_are_those_of_the_docstring():
    lines = [line.strip().partition(":")[0] for line in cards.Card.__doc__.splitlines() if line.startswith("        ")]
    assert lines == FIELDS


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_must_be_there(tmp_path, name):
    found = record()
    del found[name]
    refused(tmp_path, found, "small.json", f"lacks {name}", "not loaded")


WRONG = {
    **{name: ["", None, 3, True, ["text"], {"a": 1}] for name in TEXTS},
    **{name: [None, "text", 3, [1]] for name in MAPPINGS},
    "data": [None, "text", 3, {"source": 1}],
    "steps": [None, "12", 12.0, True, [12]],
    "bytes": [None, "12", 12.0, False, {}],
    "seconds": [None, "12", True, [1.0]],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in FIELDS for value in WRONG[name]])
def test_every_field_has_its_type(tmp_path, name, value):
    refused(tmp_path, record(**{name: value}), "small.json", f"{name} is ", "expected ")


def test_seconds_may_be_whole(tmp_path):
    (tmp_path / "small.json").write_text(json.dumps(record(seconds=3)))
    assert cards.read(tmp_path / "small.json").seconds == 3


def test_fields_nobody_knows(tmp_path):
    refused(tmp_path, record(colour="red"), "'colour' is no field")
    refused(tmp_path, record(**{"\x1b[31m\n": 1}), "is no field")


@pytest.mark.parametrize(
    ("name", "commercial", "fine"),
    [
        ("small", "yes", True),
        ("small", "unclear", True),
        ("small-nc", "no", True),
        ("small", "no", False),
        ("small-nc", "yes", False),
        ("small-nc", "unclear", False),
        ("small-nc-v2", "no", False),
        ("smallnc", "no", False),
        ("small-NC", "no", False),
    ],
)
def test_a_name_ends_in_nc_exactly_when_commercial_is_no(tmp_path, name, commercial, fine):
    found = record(name=name, commercial=commercial)
    if fine:
        (tmp_path / "small.json").write_text(json.dumps(found))
        assert cards.read(tmp_path / "small.json").commercial == commercial
    else:
        refused(tmp_path, found, f"card of {name}", "-nc exactly when")


@pytest.mark.parametrize("value", ["Yes", "true", "maybe", "y", "no "])
def test_commercial_is_one_of_three_words(tmp_path, value):
    refused(tmp_path, record(commercial=value), repr(value), "yes, no, unclear")


@pytest.mark.parametrize("value", ["0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 64 + "\n"])
def test_sha256_is_64_digits(tmp_path, value):
    refused(tmp_path, record(sha256=value), "sha256")


@pytest.mark.parametrize("value", [0, -1, (16 << 20) + 1, 10**30])
def test_shipped_weights_have_at_most_16_mebibytes(tmp_path, value):
    refused(tmp_path, record(bytes=value), "bytes is", "16,777,216")


def test_16_mebibytes_are_allowed():
    assert card(bytes=16 << 20).bytes == cards.MAX_BYTES


@pytest.mark.parametrize("name", ["steps", "seconds"])
def test_nothing_is_trained_for_less_than_nothing(tmp_path, name):
    refused(tmp_path, record(**{name: -1}), f"{name} is below 0")


@pytest.mark.parametrize("key", ["source", "count", "licence"])
def test_data_name_source_count_and_licence(tmp_path, key):
    row = {name: value for name, value in record()["data"][0].items() if name != key}
    refused(tmp_path, record(data=[record()["data"][0], row]), f"data lacks {key}")


def test_data_must_be_named(tmp_path):
    refused(tmp_path, record(data=[]), "data is empty")
    refused(tmp_path, record(data=["ImageNet"]), "data lacks source")


@pytest.mark.parametrize("column", cards.FIGURES)
@pytest.mark.parametrize("key", FIGURE)
def test_figures_say_what_they_are(tmp_path, column, key):
    row = {name: value for name, value in FIGURE.items() if name != key}
    figures = {**record()["figures"], column: [FIGURE, row]}
    refused(tmp_path, record(figures=figures), f"figures {column} lacks {key}")


@pytest.mark.parametrize("column", cards.FIGURES)
def test_figures_have_both_columns(tmp_path, column):
    figures = {name: rows for name, rows in record()["figures"].items() if name != column}
    refused(tmp_path, record(figures=figures), f"figures lacks {column}")
    refused(tmp_path, record(figures={**figures, column: "31.5 dB"}), f"figures lacks {column}")
    refused(tmp_path, record(figures={**figures, column: ["31.5 dB"]}), f"figures {column} lacks name")


def test_there_is_a_figure_from_files(tmp_path):
    refused(tmp_path, record(figures={"direct": [FIGURE], "file": []}), "figures file is empty")
    assert card(figures={"direct": [], "file": [FIGURE]}).figures["direct"] == []


@pytest.mark.parametrize("value", ["31.5", None, True, [31.5]])
def test_figures_are_numbers(tmp_path, value):
    refused(tmp_path, record(figures={"direct": [], "file": [{**FIGURE, "value": value}]}), "expected a number")


TEXT = json.dumps(record())
NONE = {
    "a list": b"[]",
    "a text": b'"card"',
    "nothing": b"null",
    "no JSON": b"name: small",
    "cut": TEXT[:-5].encode(),
    "two": (TEXT + TEXT).encode(),
    "not UTF-8": TEXT.replace("CPU", "caf\xe9").encode("latin-1"),
    "UTF-16": TEXT.encode("utf-16"),
    "deep": b"[" * 200_000,
    "NaN": TEXT.replace("3.5,", "NaN,").encode(),
    "infinite": TEXT.replace("3.5,", "-Infinity,").encode(),
    "too large": TEXT.replace("3.5,", "1e999,").encode(),
    "a figure that is too large": TEXT.replace("31.5", "1e999").encode(),
    "a number of 5,000 digits": TEXT.replace("3.5,", "9" * 5000 + ",").encode(),
    "half a character": TEXT.replace("CPU", r"\ud800").encode(),
    "a field twice": (TEXT[:-1] + ', "commercial": "yes"}').encode(),
    "a licence twice": TEXT.replace('"licence"', '"licence": "secret", "licence"').encode(),
}


@pytest.mark.parametrize("kind", NONE)
def test_what_is_no_card(tmp_path, kind):
    assert NONE[kind] != TEXT.encode()
    refused(tmp_path, NONE[kind], "small.json" if "figure" not in kind else "card of small")


def test_a_name_that_is_a_terminals(tmp_path):
    refused(tmp_path, record(name="\x1b[31m\n", commercial="maybe"), r"\x1b[31m\n")


@pytest.mark.parametrize("kind", ["missing", "empty", "folder", "pipe", "loop"])
def test_what_is_no_file(tmp_path, kind):
    path = tmp_path / "small.json"
    make = {"empty": path.touch, "folder": path.mkdir, "pipe": lambda: os.mkfifo(path)}
    make["loop"] = lambda: path.symlink_to(path.name)
    make.get(kind, lambda: None)()
    with pytest.raises(WeightsError, match=r"small\.json.*weights without a card are not loaded"):
        cards.read(path)
