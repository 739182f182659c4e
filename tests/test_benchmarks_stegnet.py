"""`benchmarks/stegnet.py` on a run folder made by hand: tables and figures are written, and the numbers are right."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pil

from intarsia.methods import deep_steg
from intarsia.methods.stegnet import METHOD
from intarsia.zoo import weights
from samples import photograph

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.chdir(tmp_path)


def run(folder, method=METHOD, **settings):
    """Make a run folder with fresh weights."""
    import dataclasses

    config = method.Config(size=16, **settings)
    torch.manual_seed(0)
    Path(folder).mkdir()
    facts = {"method": method.facts.name, "config": dataclasses.asdict(config), "step": 1, "force": True}
    tensors = method.network(config).state_dict()
    floating = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
    weights.save(Path(folder, "model.safetensors"), floating, **facts)
    Path(folder, "config.json").write_text(json.dumps({"recipe": {"steps": 1}}))
    return folder


def pictures(count=3, side=40):
    """Write photographs of different content."""
    Path("pictures").mkdir()
    for number in range(count):
        Pil.fromarray(np.roll(photograph(side, side), 11 * number, axis=number % 2)).save(f"pictures/{number}.png")
    return "pictures"


def test_tables_and_figures_are_written(capsys):
    import stegnet

    runs = [
        run("base"),
        run("still", variance_loss=0.0),
        run("strided", strided_layers=2),
        run("max", strided_layers=2, pooling="max"),
        run("both", both=True),
        run("deep", deep_steg.METHOD, filters=2),
    ]
    stegnet.main([*runs, "--pictures", pictures(), "-o", "out", "--pairs", "4", "--size", "16"])
    lines = [json.loads(line) for line in Path("out/table.jsonl").read_text().splitlines()]
    assert {(line["name"], line["column"], line["statistics"]) for line in lines} >= {
        ("base", "direct", "batch"),
        ("base", "direct", "batch of 32"),
        ("base", "file", "running"),
        ("base", "file, float32", "running"),
        ("lsb-3", "file", ""),
        ("deep", "direct", ""),
        ("deep", "file", ""),
    }
    assert {line["name"] for line in lines if "again_psnr" in line} == {"both"}
    assert all(line["n"] == 4 and line["size"] == 16 for line in lines)
    assert len(Path("out/pairs.jsonl").read_text().splitlines()) == 4 * len(lines)
    control = next(line for line in lines if line["name"].startswith("control"))
    assert control["decoded_rate"]["min"] == 1 and control["container_psnr"]["min"] > 70
    for name in ("figure1", "strides", "poolings", "figure8", "capacity"):
        assert all(Path(f"out/{name}_16{suffix}").stat().st_size > 1000 for suffix in (".png", ".svg")), name
    assert "left out" not in capsys.readouterr().err
    assert "| lsb-3 | file |" in Path("out/table.md").read_text()


def test_lsb_is_measured_as_the_equations_say():
    from stegnet_measures import lsb, measure

    cover, secret = photograph(32, 32), photograph(32, 32)[::-1].copy()
    found = measure(lsb(3).make(cover, secret))
    container = (cover & 0xF8) | (secret >> 5)
    assert found["changing_rate"] == pytest.approx(np.abs(container.astype(float) - cover).mean() / 255)
    assert found["decoded_rate"] == pytest.approx(1 - (secret & 31).mean() / 255)
    assert found["bpp"] == pytest.approx(24 * found["decoded_rate"])
    assert found["error_max"] <= 7 and found["written_bpp"] == 9


def test_spikes_are_lone_pixels_and_not_surfaces():
    from stegnet_measures import spikes

    error = np.full((32, 32), 3.0)
    error[4, 5] = 40
    error[16:, 16:] = 200
    assert np.argwhere(spikes(error)).tolist() == [[4, 5]]


def test_what_shows_of_a_secret_is_told_from_chance():
    from stegnet_measures import visible

    random = np.random.default_rng(0)
    secret = random.uniform(0, 255, (32, 32, 3))
    found = visible(secret / 50 + random.normal(0, 1, secret.shape), secret)
    assert found["shows_secret"] > 0.7 and found["shows_secret_chance"] < 0.2


def test_pairs_are_different_pictures_and_none_comes_twice():
    from stegnet import draw_pairs

    pairs = draw_pairs(5, 1000, 3)
    assert len(set(pairs)) == len(pairs) == 20
    assert all(cover != secret and max(cover, secret) < 5 for cover, secret in pairs)
    assert draw_pairs(5, 7, 3) == draw_pairs(5, 7, 3) != draw_pairs(5, 7, 4)


def test_the_interval_is_wider_where_pairs_share_pictures():
    from stegnet import summary

    values = [0.0] * 10 + [1.0] * 10
    shared = [(0, 10 + n) for n in range(10)] + [(1, 20 + n) for n in range(10)]
    apart = [(2 * n, 2 * n + 1) for n in range(20)]
    width = {name: (s := summary(values, pairs, 0)).high - s.low for name, pairs in (("s", shared), ("a", apart))}
    assert width["s"] > width["a"] > 0
    assert summary([np.inf, np.inf], [(0, 1), (1, 0)], 0).low is None


def test_runs_are_compared_only_where_all_else_agrees():
    from stegnet_figures import strided, with_and_without
    from stegnet_measures import Run

    def of(name, steps=1, **config):
        return Run(
            name,
            "stegnet",
            {"strided_layers": 0, "pooling": "none", "variance_loss": 1.0, **config},
            {"steps": steps},
            (),
        )

    runs = [of("long", 9), of("two", strided_layers=2), of("base"), of("still", variance_loss=0.0)]
    assert [run.name for run in strided(runs).values()] == ["base", "two"]
    assert [run.name for run in with_and_without(runs).values()] == ["base", "still"]
    assert with_and_without(runs[:2]) == {}


def test_what_commands_hide_and_reveal_is_measured_once_and_what_they_refuse_is_counted():
    import stegnet_command

    words = ["stegnet", run("fresh"), "--pictures", pictures(), "-o", "out", "--pairs", "1", "--size", "48"]
    stegnet_command.main(words)
    written = Path("out/rows.jsonl").read_text()
    shipped, fresh = map(json.loads, written.splitlines())
    assert 10 < shipped["cover_psnr"] < 60 and 10 < shipped["secret_psnr"] < 60
    assert "fresh" in fresh["key"] and fresh["refused"]  # weights that learnt nothing
    assert "| fresh | 48 | 1 | 1 | - |" in Path("out/command.md").read_text()
    assert not list(Path("out/files").glob("*revealed*"))
    stegnet_command.main(words)
    assert Path("out/rows.jsonl").read_text() == written
