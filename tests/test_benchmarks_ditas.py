"""The benchmark of DITAS: rows, splits and tables."""

import argparse
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def bench():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import ditas
        import ditas_runs

        return ditas, ditas_runs
    finally:
        sys.path.remove(str(BENCHMARKS))


def given(tmp_path, **changes):
    words = {"size": "small", "representation": "magnitude", "hold": "sound", "snr": 30.0, "set": [], "row": None}
    return argparse.Namespace(
        **{**words, "out": tmp_path, "data": tmp_path, "limit": None, "at": "", "seeds": 2, **changes}
    )


@pytest.mark.parametrize("size", ["small", "paper"])
def test_every_row_has_settings_that_its_method_knows(bench, size, tmp_path):
    from intarsia.study.orders import Order, room_of, settled

    _, runs = bench
    for name in (*runs.ROWS, "stages"):
        method, words = runs.settings(name, given(tmp_path, size=size, set=["batch=4"]), 1)
        found = settled(Order(method, [], tmp_path, dict(word.split("=", 1) for word in words)), room_of(method), None)
        assert (found.recipe.seed, found.recipe.batch, found.config.snr) == (1, 4, 30)
        assert room_of(method).planes(found.config) == 3
    assert len({path for _, _, path in runs.wanted(given(tmp_path))}) == 14


def test_faces_are_split_by_where_they_stood(bench, tmp_path):
    lines = [f"images/faces/face_{n}.jpg\tgithub:x\tabc\tx/image_{n:04}.jpg\t" for n in (1, 262, 263, 400)]
    (tmp_path / "SOURCES.tsv").write_text("file\tsource_repo\tcommit\tsource_path\tnote\n" + "\n".join(lines) + "\n")
    learn, test = bench[1].faces(given(tmp_path))
    assert [path.name for path in learn] == ["face_1.jpg", "face_262.jpg"]
    assert [path.name for path in test] == ["face_263.jpg", "face_400.jpg"]


def row(name, seed, item, **values):
    return {"row": name, "seed": seed, "set": "natural", "item": item, "column": "file", **values}


def test_the_table_takes_means_over_seeds_first_and_orders_say_what_holds(bench):
    ditas, _ = bench
    found = [row("S", seed, item, psnr=20.0 + seed + item) for seed in (0, 1) for item in range(8)]
    found += [row("M", seed, item, psnr=22.0 + seed + item) for seed in (0, 1) for item in range(8)]
    text = ditas.tabulated(found)
    assert text[2].startswith("| natural | S | file | 8 x 2 |") and "24.00 [" in text[2]
    claims = [line for line in ditas.orders(found) if "| M | S |" in line]
    assert claims == ["| natural | file | M | S | psnr | 2.00 [2.00, 2.00] | yes |"]
    assert ditas.interval([None], "{:.2f}") == ""
    assert ditas.over_seeds(found, "pesq") == {}


def test_ways_do_what_they_say(bench):
    from ditas_measures import WAYS

    container = np.random.default_rng(0).integers(1, 1000, 48_000).astype(np.int16)
    assert np.mean(WAYS["25 % zeroed"](container, 0) == 0) == pytest.approx(0.25, abs=0.01)
    assert np.array_equal(WAYS["nothing"](container, 0), container)
    noise = WAYS["noise 40 dB"](container, 0).astype(float) - container
    assert 10 * np.log10(np.mean(container.astype(float) ** 2) / np.mean(noise**2)) == pytest.approx(40, abs=0.3)
