"""What takes minutes: thousands of damaged containers, and pictures of twenty megapixels."""

import collections
import json
import random
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image as Pil
from skimage import data

from intarsia.errors import InputError, NoSecretError, UsageError
from intarsia.media import Blob, Image
from intarsia.pipeline import hide_file, reveal_file
from samples import terms

pytestmark = pytest.mark.slow
SECRET = Blob(bytes(range(100)))


def covers():
    alpha = np.full((40, 60), 255, np.uint8)
    alpha[:9] = 0
    yield Image(data.astronaut()[:40, :60].copy())
    yield Image(data.astronaut()[:40, :60].copy(), alpha)
    yield Image(data.camera()[:60, :60].astype(np.uint16) * 255)


@pytest.fixture(scope="module")
def containers(tmp_path_factory):
    folder, found = tmp_path_factory.mktemp("containers"), []
    for number, cover in enumerate(covers()):
        for suffix in ("png", "bmp", "tif", "webp"):
            path = folder / f"{number}.{suffix}"
            try:
                hide_file(cover, SECRET, path, terms(seed=1))
            except UsageError:  # a format that cannot hold this cover
                continue
            found.append(path.read_bytes())
    return found


@pytest.mark.parametrize("seed", range(8))
def test_damaged_containers_give_the_identical_secret_or_a_plain_refusal(containers, tmp_path, seed):
    chance, answers = random.Random(seed), collections.Counter()
    for _ in range(5000):
        content = bytearray(chance.choice(containers))
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            content[chance.randrange(chance.choice((64, 300, len(content))))] = chance.randrange(256)
        if chance.random() < 0.1:
            del content[chance.randrange(1, len(content)) :]
        (tmp_path / "damaged").write_bytes(content)
        try:
            found = reveal_file(tmp_path / "damaged", None, terms()).value
        except (NoSecretError, InputError) as refusal:
            # A damaged file may seem to hold two pictures, which is a kind of bad input of its own.
            answers["bad input" if isinstance(refusal, InputError) else "no secret"] += 1
            continue
        assert found.data == SECRET.data
        answers["identical"] += 1
    assert min(answers.values()) > 50 and len(answers) == 3, answers


def test_twenty_megapixels_stay_under_a_gigabyte_and_a_half(tmp_path):
    noise = np.random.default_rng(0).integers(20, 236, (3648, 5472, 3), dtype=np.uint8)
    Pil.fromarray(noise).save(tmp_path / "cover.png", compress_level=1)
    (tmp_path / "secret.bin").write_bytes(np.random.default_rng(1).bytes(5_000_000))
    meter = (
        "import json, os, subprocess, sys;"
        "process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL);"
        "_, status, usage = os.wait4(process.pid, 0);"
        "print(json.dumps([os.waitstatus_to_exitcode(status), usage.ru_maxrss / 1024]))"
    )
    for words in (
        ["hide", tmp_path / "cover.png", tmp_path / "secret.bin", "-o", tmp_path / "out.png"],
        ["reveal", tmp_path / "out.png", "-o", tmp_path / "back.bin"],
    ):
        command = [sys.executable, "-ISc", meter, sys.executable, "-m", "intarsia", *words, "--no-password"]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        code, megabytes = json.loads(run.stdout)
        assert code == 0
        assert megabytes < 1500
    assert (tmp_path / "back.bin").read_bytes() == (tmp_path / "secret.bin").read_bytes()
