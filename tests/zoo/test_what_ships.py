"""The models that ship: whole, loadable into their networks, and said to be what they are."""

import json
import sys
from pathlib import Path

import pytest

from intarsia import methods, zoo

ROOT = Path(__file__).parents[2]
NAMES = zoo.names()
TERMS = ("CC0", "CC BY", "MIT", "Unsplash", "Pexels", "Pixabay", "public domain")


@pytest.fixture(scope="module")
def ship():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import ship
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
    return ship


@pytest.mark.parametrize("name", NAMES)
def test_weights_fit_the_networks_they_are_for(name):
    pytest.importorskip("torch")
    model = zoo.find(name)
    room = methods.load(model.method).equip(name)
    net = room.loaded(model, room.settled(model))
    assert sum(each.numel() for each in net.parameters()) > 1000


@pytest.mark.parametrize("name", NAMES)
def test_a_card_says_what_it_was_trained_on_and_what_is_missing(name):
    card = zoo.find(name).card
    assert card is not None
    assert len(card.limits) > 40
    words = card.recipe["command"].split()
    assert words[:3] == ["intarsia", "train", card.method]
    assert "--data" in words
    if "--from" in words:
        assert words[words.index("--from") + 1] in NAMES
    assert all(row["n"] >= 10 for column in card.figures.values() for row in column)
    if card.commercial == "yes":
        assert all(
            part in TERMS
            for row in card.data
            for part in row["licence"].replace(" and ", ", ").replace(" 4.0", "").split(", ")
        )


def test_no_two_have_one_identity():
    assert len({zoo.find(name).identity for name in NAMES}) == len(NAMES)


def test_the_page_says_what_the_cards_say(ship):
    path = ROOT / "docs" / "models.md"
    text = path.read_text("utf-8")
    assert ship.page(text) == text, "python benchmarks/ship.py --page docs/models.md"


def test_figures_are_those_of_a_report_whose_rows_name_the_run(ship, tmp_path):
    def line(row, column="file", **more):
        return {
            "table": "t",
            "row": row,
            "column": column,
            "measure": "secret_psnr",
            "mean": 30.0,
            "n": 4,
            "seed": 0,
            "date": "d",
            **more,
        }

    rows = [
        line("stegnet (a)"),
        line("stegnet (ab)", mean=1.0),
        line("stegnet", "paper"),
        line("stegnet (a)", "direct"),
    ]
    rows += [line("S: stegnet (a), mdct", measure="cover_change", mean=0.01), line("stegnet (a)", table="pair-x")]
    path = tmp_path / "numbers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = ship.figures(path, "a", "stegnet")
    assert [(row["name"], row["unit"], row["value"]) for row in found["file"]] == [
        ("secret PSNR", "dB", 30.0),
        ("cover change", "%", 1.0),
    ]
    assert len(found["direct"]) == 1


def test_commands_are_broken_where_options_begin(ship):
    words = "intarsia train x --data photographs/ " + " ".join(f"--set key{n}=value{n}" for n in range(12))
    lines = ship.broken_up(words)
    assert len(lines) > 1 and all(len(line) <= 120 for line in lines)
    assert " ".join(line.removesuffix(" \\").strip() for line in lines) == words
