"""The rows of `ditas.py`: what is trained, on which media, and where it lies.

name, seed ──► settings ──► intarsia train, a process of its own ──► DIR/runs/NAME ──► Run
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ditas_measures import Run, load

BORDER = 262
"""Last number of the faces that are learnt from; the next one shows somebody else."""

DITAS = ("S", "M", "M-E", "M-D", "M-ED")
RIVALS = ("deep_steg", "hide_and_speak")
ROWS = (*RIVALS, *DITAS)
STAGES = 5
LEARN = ("schedule=cosine", "warmup=0.03", "clip=1", "ema=0.99", "pictures=8", "validate=100000")
SUFFIXES = (".png", ".jpg", ".webp", ".flac", ".wav")


# --- what the rows are ---------------------------------------------------------------------------------------


def settings(name: str, given: argparse.Namespace, seed: int) -> tuple[str, list[str]]:
    """Return the method and the settings of a row."""
    small = given.size == "small"
    side, batch = (64, 8) if small else (128, 32)
    held = [] if given.hold == "free" else [f"snr={given.snr:g}", f"held={given.hold}"]
    words = [*LEARN, f"batch={batch}", f"lr={2e-3 if small else 1e-3:g}", f"seed={seed}", f"side={side}", *held]
    own = {"representation": given.representation, "compand": 25 if given.representation == "mdct" else 0}
    own |= {"fold": 4 if small else 1, "spread": small, "width": 48 if small else 64}
    if name == "hide_and_speak":
        own = {"hides": "picture", "messages": 3, "width": 16 if small else 64}
    elif name == "deep_steg":
        own |= {"variant": "S", "network": name, "residual": False, "frames": 384, "width": 16 if small else 50}
    elif name in DITAS:
        own |= {"variant": name}
    else:
        own |= {"variant": "M-ED", "stages": STAGES}
    words += [*(f"{key}={value}" for key, value in own.items()), *given.set]
    latest = dict(word.split("=", 1) for word in words)
    return "hide_and_speak" if name == "hide_and_speak" else "ditas", [f"{k}={v}" for k, v in latest.items()]


def folder_of(name: str, seed: int, given: argparse.Namespace) -> Path:
    """Return the run folder of a row."""
    kind = f"{given.size}-{given.representation}-{given.hold}" + ("" if given.hold == "free" else f"{given.snr:g}")
    return given.out / "runs" / f"{kind}-{name}-{seed}"


def wanted(given: argparse.Namespace) -> Iterator[tuple[str, int, Path]]:
    """Yield name, seed and folder of every row of the table."""
    for seed in range(given.seeds):
        for name in given.row or ROWS:
            yield name, seed, folder_of(name, seed, given)


def runs(given: argparse.Namespace) -> list[tuple[str, int, Run]]:
    """Return the rows that are trained, and the runs that were named."""
    own = [(name, seed, load(name, path, given.at)) for name, seed, path in wanted(given) if (path / "done").exists()]
    named = [word.partition("=") for word in given.run]
    return own + [(name, 0, load(name, Path(path), given.at)) for name, _, path in named]


# --- training ------------------------------------------------------------------------------------------------


def train(given: argparse.Namespace) -> None:
    """Train what is not trained yet."""
    for name, seed, folder in wanted(given):
        if not (folder / "done").exists():
            trained(name, seed, folder, given)


def trained(name: str, seed: int, folder: Path, given: argparse.Namespace) -> None:
    """Train one row, or go on with it."""
    method, words = settings(name, given, seed)
    again = ["--resume"] if (folder / "config.json").exists() else []
    if not again:
        words.append(bound(method, words, given))
    spent = run(method, folder, [] if again else words, given, again)
    (folder / "done").write_text(f"{spent:.0f}\n")
    say({"trained": folder.name, "cpu_s": round(spent)})


def bound(method: str, words: Sequence[str], given: argparse.Namespace) -> str:
    """Return what ends a training; with a budget of processor time, the steps that it is enough for."""
    if given.steps:
        return f"steps={given.steps}"
    if not given.cpu_seconds:
        return f"seconds={given.seconds}"
    with tempfile.TemporaryDirectory() as folder:
        # The first run of all may have to pack the media, which belongs to no step.
        _, short, long = (run(method, Path(folder) / str(n), [*words, f"steps={n}"], given, []) for n in (1, 5, 35))
    return f"steps={max(1, round(given.cpu_seconds / max((long - short) / 30, 1e-3)))}"


def run(method: str, folder: Path, words: Sequence[str], given: argparse.Namespace, more: Sequence[str]) -> float:
    """Train in a process of its own; return the processor time it took, s."""
    data = [given.data / "images/train", faces_to_learn(given), given.data / "speech/train"]
    command = [sys.executable, "-m", "intarsia", "train", method, "--run", str(folder), "--quiet", *more]
    command += [part for each in data for part in ("--data", str(each))]
    command += [part for word in words for part in ("--set", word)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


# --- media ---------------------------------------------------------------------------------------------------


def faces(given: argparse.Namespace) -> tuple[list[Path], list[Path]]:
    """Return the faces to learn from and those to test on."""
    lines = [line.split("\t") for line in (given.data / "SOURCES.tsv").read_text("utf-8").splitlines()]
    found = [(int(Path(line[3]).stem.split("_")[-1]), given.data / line[0]) for line in lines if "/face_" in line[0]]
    found.sort()
    return [path for number, path in found if number <= BORDER], [path for number, path in found if number > BORDER]


def faces_to_learn(given: argparse.Namespace) -> Path:
    """Return a folder with links to the faces that are learnt from."""
    folder = given.out / "faces"
    folder.mkdir(parents=True, exist_ok=True)
    for path in faces(given)[0]:
        with suppress(FileExistsError):  # from an earlier call, or one beside this
            (folder / path.name).symlink_to(path.resolve())
    return folder


def tests(kind: str, given: argparse.Namespace) -> list[tuple[Path, Path]]:
    """Return pictures of a set and the recordings they go into, one speaker after the other."""
    found = faces(given)[1]
    if kind == "natural":
        found = sorted(path for path in (given.data / "test/images").rglob("*") if path.suffix in SUFFIXES)
    said = sorted(path for path in (given.data / "test/speech").iterdir() if path.suffix in SUFFIXES)
    if given.limit:
        found = found[:: max(1, len(found) // given.limit)][: given.limit]
    return [(path, said[7 * number % len(said)]) for number, path in enumerate(found)]


def say(row: Mapping[str, Any]) -> None:
    """Say how far it is."""
    print(json.dumps(row), flush=True)
