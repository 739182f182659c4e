"""Run folders: a log that can be cut, files that are whole, pictures that grow."""

import json

import numpy as np
import pytest
from PIL import Image

from intarsia.engine import pictures
from intarsia.engine.run import CURVES, SHEET, Run, records, start_over
from intarsia.errors import InputError, OutputError, UsageError


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "run")
    with run.held():
        yield run


def test_a_line_that_was_cut_off_is_left_out(run):
    for step in range(3):
        run.log({"step": step})
    path = run.folder / "metrics.jsonl"
    path.write_bytes(path.read_bytes() + b'{"step": 3, "los')
    assert [record["step"] for record in records(run.folder)] == [0, 1, 2]
    run.cut_log(1)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [0, 1]


def test_left_over_temporaries_are_swept(run):
    (run.trainer / ".intarsia-abc").write_bytes(b"half")
    (run.folder / ".intarsia-def").write_bytes(b"half")
    other = Run(run.folder)
    run._release()
    with other.held():
        assert not list(run.folder.rglob(".intarsia-*"))


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(OutputError, match="file/run: cannot be written into"), Run(tmp_path / "file/run").held():
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_settings_that_cannot_be_read(run, text):
    (run.folder / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json"):
        run.config()


def test_only_a_run_is_removed(run):
    with pytest.raises(UsageError, match="holds no run"):
        start_over(run.folder)
    run.write_config({"format": 1})
    run.log({"step": 1})
    (run.folder / "mine.txt").write_text("keep")
    start_over(run.folder)
    assert sorted(path.name for path in run.folder.iterdir()) == ["mine.txt", "trainer"]


def test_the_sheet_grows_and_is_thinned(run):
    for step in range(1, 40):
        pictures.add_strip(run, step, np.full((8, 20, 3), step, np.uint8))
    kept = [int(path.stem.removeprefix("strip-")) for path in sorted(run.trainer.glob("strip-*.png"))]
    assert kept[0] == 1
    assert kept[-1] == 39
    assert 6 <= len(kept) <= pictures.MAX_STRIPS
    with Image.open(run.folder / SHEET) as sheet:
        assert sheet.size == (20, len(kept) * 12 - 4)
        assert [sheet.getpixel((0, 12 * row))[0] for row in range(len(kept))] == kept
    pictures.cut_strips(run, 20)
    assert max(int(path.stem.removeprefix("strip-")) for path in run.trainer.glob("strip-*.png")) <= 20


def test_a_strip_that_was_damaged_is_dropped(run):
    pictures.add_strip(run, 1, np.zeros((8, 8, 3), np.uint8))
    (run.trainer / "strip-000000001.png").write_bytes(b"no picture")
    pictures.add_strip(run, 2, np.full((8, 8, 3), 9, np.uint8))
    with Image.open(run.folder / SHEET) as sheet:
        assert sheet.size == (8, 8)


def test_pictures_beside_each_other():
    strip = pictures.beside_each_other([np.zeros((4, 6, 3), np.uint8), np.ones((4, 2, 3), np.uint8)])
    assert strip.shape == (4, 12, 3)
    assert (strip[:, 6:10] == 255).all()
    assert (strip[:, 10:] == 1).all()


def test_curves_are_drawn(run):
    pictures.draw_curves(run)
    assert not (run.folder / CURVES).exists()
    for step in range(500):
        run.log({"step": step, "losses": {"cover": 1 / (step + 1), "secret": 0.0}})
    run.log({"step": 500, "figures": {"psnr": 30.0}})
    pictures.draw_curves(run)
    with Image.open(run.folder / CURVES) as picture:
        assert picture.width > 500
