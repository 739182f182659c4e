"""The examples run as they are."""

import subprocess
import sys
from pathlib import Path

from PIL import Image
from skimage import data

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_five_lines(tmp_path):
    Image.fromarray(data.coffee()[:200, :200]).save(tmp_path / "cover.png")
    (tmp_path / "plans.txt").write_bytes(b"an inlay")
    command = [sys.executable, EXAMPLES / "five_lines.py", tmp_path / "cover.png", tmp_path / "plans.txt", tmp_path]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == f"{tmp_path}/revealed/plans.txt"
    assert (tmp_path / "revealed/plans.txt").read_bytes() == b"an inlay"
