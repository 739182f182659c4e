"""The documentation is true where it can be run."""

import re
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

import samples
from intarsia.carrier.keys import Keyring
from intarsia.media import Audio, Blob
from intarsia.pipeline import Terms, hide_file
from recorded.make import PASSWORD

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / "tests" / "recorded"


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """The stand-alone reader printed in the description of the format."""
    page = (ROOT / "docs" / "container-format.md").read_text()
    (source,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert "import intarsia" not in source and "from intarsia" not in source
    path = tmp_path_factory.mktemp("reader") / "reader.py"
    path.write_text(source)
    return path


@pytest.mark.parametrize(
    "container",
    sorted(path for path in RECORDED.glob("v1-exact-*") if path.suffix != ".flac"),
    ids=lambda path: path.name,
)
def test_the_reader_in_the_format_description_opens_every_recorded_container(container, reader, tmp_path):
    command = [sys.executable, reader, container, PASSWORD, tmp_path / "out"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("exact, kind ")
    assert (tmp_path / "out").stat().st_size > 0


def deep(channels=2):
    """A sound of 24 bits, the lowest eight in use."""
    above = samples.speech(8.0, channels=channels, level=-12.0).astype(np.int32) * 256
    return Audio.of(above + np.random.default_rng(3).integers(0, 256, above.shape, dtype=np.int32), 16_000, depth=24)


def small_unsigned():
    """A sound of 8 bits, which WAV keeps as 0..255."""
    return Audio.of((samples.speech(12.0, level=-12.0) // 256 + 128).astype(np.uint8), 16_000)


SOUNDS = {
    "few bytes in a long sound: Hamming groups": (lambda: Audio.of(samples.speech(30.0), 16_000), 20, {"protect": 0}),
    "many groups of frames, protected": (lambda: Audio.of(samples.speech(25.0), 16_000), 30_000, {}),
    "a large payload: a long number in each frame": (
        lambda: Audio.of(samples.speech(8.0, level=-12.0), 16_000),
        50_000,
        {"protect": 0},
    ),
    "stereo, 24 bits, protected, shaped": (deep, 70_000, {"shaping": 0.5}),
    "8 bits": (small_unsigned, 40, {"snr": 20.0}),
}


@pytest.mark.parametrize("case", SOUNDS)
def test_the_reader_in_the_format_description_opens_sounds(case, reader, tmp_path):
    cover, length, settings = SOUNDS[case]
    secret = samples.random_bytes(length)
    path = tmp_path / "container.wav"
    hide_file(cover(), Blob(secret, "noise.bin"), path, Terms(Keyring(PASSWORD), settings=settings))
    if settings.get("protect") != 0:
        cut_a_quarter_out(path)
    out = tmp_path / "out"
    run = subprocess.run([sys.executable, reader, path, PASSWORD, out], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("exact, kind b, code s")
    assert out.read_bytes() == secret


def test_the_reader_in_the_format_description_finds_nothing_in_a_clean_sound(reader, tmp_path):
    path = tmp_path / "clean.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        sound.writeframes(samples.speech(2.0).tobytes())
    run = subprocess.run([sys.executable, reader, path, PASSWORD, tmp_path / "out"], capture_output=True, text=True)
    assert run.returncode == 1
    assert "no secret found" in run.stderr


def cut_a_quarter_out(path):
    """Take a quarter out of a WAV file, at a place that no frame begins with."""
    with wave.open(str(path)) as sound:
        params, data = sound.getparams(), sound.readframes(sound.getnframes())
    block = params.sampwidth * params.nchannels
    first, length = params.nframes * 3 // 10 * block, params.nframes // 4 * block
    with wave.open(str(path), "wb") as sound:
        sound.setparams(params)
        sound.writeframes(data[:first] + data[first + length :])


def test_every_page_is_in_the_navigation_and_every_link_leads_somewhere():
    navigation = (ROOT / "mkdocs.yml").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        assert str(page.relative_to(ROOT / "docs")) in navigation
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            assert "://" in target or (page.parent / target).exists(), f"{page.name} links to {target}"
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / target).exists()


def test_the_project_speaks_of_itself_alone():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    if not listed:
        pytest.skip("not a git checkout")
    for name in listed:
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".txt", ".yml", ".cff", "") and path.is_file():
            text = path.read_text(errors="replace")
            assert not re.search(r"(?<![\w./-])/(work|root)/", text), f"{name} names a machine's path"
