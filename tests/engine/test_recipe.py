"""Recipes: checked values, schedules, and files that mean no harm."""

import math

import pytest

from intarsia.engine import recipe as recipes
from intarsia.engine.recipe import Phase, Recipe, span
from intarsia.errors import InputError, UsageError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0), ("batch", 0), ("lr", 0.0), ("lr", math.nan), ("beta1", 1.0), ("ema", 1.0), ("warmup", -0.1),
        ("seconds", 0.0), ("seconds", math.inf), ("clip", -1.0), ("schedule", "linear"), ("balance", "even"),
        ("precision", "float16"), ("target", "38"), ("target", "snr:loud"), ("target", "ssim:0.9"), ("seed", -1),
        ("validate", 0), ("save", -1.0), ("explosion", 0.0),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_meant_is_named(name, value):
    with pytest.raises(UsageError, match=rf"^{name} is .*expected"):
        Recipe(**{name: value})


def test_the_share_is_that_of_the_bound_that_comes_first():
    recipe = Recipe(steps=100, seconds=10.0)
    assert recipe.share(50, 1.0) == 0.5
    assert recipe.share(5, 9.0) == 0.9
    assert recipe.share(500, 1.0) == 1.0
    assert Recipe(steps=100).share(50, 1e9) == 0.5


def test_the_rate_rises_and_falls():
    recipe = Recipe(warmup=0.2, schedule="cosine")
    assert [round(recipe.rate(share), 3) for share in (0.1, 0.2, 0.6, 1.0)] == [0.5, 1.0, 0.5, 0.0]
    assert Recipe().rate(1.0) == 1.0
    late = Recipe(warmup=0.2, schedule="late")
    assert [round(late.rate(share), 3) for share in (0.1, 0.2, 0.8, 0.9, 1.0)] == [0.5, 1.0, 1.0, 0.5, 0.0]
    assert Recipe(warmup=0.9, schedule="late").rate(0.95) == pytest.approx(0.5)


def test_phases_follow_each_other():
    phases = (Phase("a", 1), Phase("b", 2), Phase("c", 1))
    assert [span(phases, number) for number in range(3)] == [(0, 0.25), (0.25, 0.75), (0.75, 1)]


def test_a_recipe_file(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("batch: 64   # as published\nlr: 1e-5\nschedule: cosine\ntarget: snr:30\nseconds:\n")
    assert recipes.read(path) == {
        "batch": 64, "lr": "1e-5", "schedule": "cosine", "target": "snr:30", "seconds": None
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- 1\n- 2\n", "holds list; expected lines like batch: 64"),
        ("just words\n", "holds str"),
        ("batch: [1, 2]\n", "'batch' is list; expected a number or a word"),
        ("batch: {a: 1}\n", "'batch' is dict"),
        ("1: 2\n", "1 is int"),
        ("batch: 1\nbatch: 2\n", "'batch' is given twice"),
        ("batch: *nowhere\n", "not a recipe"),
        ("batch: 'open\n", "not a recipe"),
        ("date: 2020-01-01\n", "'date' is date"),
        ("\x00\x01\x02", "not a recipe"),
        ("a: &a [x, x]\nb: &b [*a, *a]\n", "'a' is list"),
        ("[" * 5000, "not a recipe"),
    ],
)
def test_a_file_that_is_no_recipe(tmp_path, text, words):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"recipe\.yaml") as caught:
        recipes.read(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system ['touch {canary}']", "!!python/name:os.system"])
def test_a_tag_that_would_make_an_object_makes_none(tmp_path, tag):
    path, canary = tmp_path / "recipe.yaml", tmp_path / "canary"
    path.write_text(f"batch: {tag.format(canary=canary)}\n")
    with pytest.raises(UsageError, match="not a recipe"):
        recipes.read(path)
    assert not canary.exists()


def test_a_recipe_that_is_not_there_or_empty(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        recipes.read(tmp_path / "none.yaml")
    (tmp_path / "empty.yaml").write_bytes(b"")
    with pytest.raises(InputError, match="empty"):
        recipes.read(tmp_path / "empty.yaml")
