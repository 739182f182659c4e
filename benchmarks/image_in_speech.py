"""Image in speech measured: trainings of three recipes and three variants, and every number of its page.

    python benchmarks/image_in_speech.py PART... -o DIR [--train FOLDER...] [--pictures FOLDER] [--speech FOLDER]
                                         [--seconds 360] [--set KEY=VALUE]... [--run NAME=RUN]... [--limit N]
                                         [--only NAME] [--side N]...

    train      recipes x variants at equal carrier SNR, and the networks as published; a run folder each in DIR/runs
    table      every run, and those that --run names, on pictures x speech: the paper's five rows and more
    colour     what a file gives back with and without the enhancer: mean difference in CIE Lab, bias of each channel
    sizes      pictures of 64, 128 and 256 pixels, or of --side, each revealed at its own size by a fresh process
    tolerance  what the networks alone read after noise, gain, codecs and another rate; no header survives these
    command    hide and reveal by the command line, the receiver in a fresh process with the password only
    figures    spectrograms of cover, container and difference; pictures before and after the enhancer; sounds

Picture i of FOLDER, shrunk to the plane's size, goes into utterance i; every number but those of the column `direct` is
of a 16-bit WAV that was written and read back. `direct` is read off float values: for `paper` the magnitudes that the
hider made, which no sound has; for the others the samples before rounding. DIR/rows.jsonl keeps what is measured.
"""

import argparse
import datetime
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from image_in_speech_figures import draw
from image_in_speech_measures import MEASURES, Run, after, keep, load, measured, of_colour, of_pictures

from intarsia.media import Image, audio_file, image_file, metrics
from intarsia.media.image import resize
from intarsia.methods.picture_in_picture import as_colour

RECIPES = ("base", "ssim", "ssim+enhancer")
VARIANTS = ("paper", "consistent", "mdct")
SMALL = ("size=small", "pixels=64", "fold=4", "spread=true", "compand=true", "width=16", "residual=true", "snr=30")
"""The networks of the table: a plane of sound folded four times and companded, for a CPU's minutes."""

PUBLISHED = ("variant=paper", "recipe=ssim", "size=small", "width=8")
"""The networks as published but for their width, with nothing held."""

LARGE = (*SMALL, "variant=paper", "recipe=ssim", "size=paper", "fold=8")
"""The published transform, 1,024 / 31, whose frames overlap 33 times."""

DEARER = 5
"""How much longer a step of those two takes than one of the others, about."""

LEARN = ("lr=2e-3", "schedule=cosine", "warmup=0.03", "clip=1", "ema=0.995", "validation=0.15", "pictures=8")
LEARN += ("validate=400",)
WAYS = ("wav", "noise:50", "noise:40", "noise:30", "gain:-0.915", "mp3:192", "mp3:128", "mp3:64", "opus:24")
WAYS += ("resample:44100",)
"""What may happen to a file, as `intarsia attack` has it; the gain is .9."""

PASSWORD = "benchmark"
SIDES = (64, 128, 256)
"""Of pictures, pixels, in `sizes`."""

SUFFIXES = (".png", ".jpg", ".webp", ".wav", ".flac")


@dataclass(frozen=True)
class Order:
    """What the command line asks for."""

    out: Path
    train: tuple[str, ...]
    pictures: Path | None
    speech: Path | None
    bound: str
    settings: tuple[str, ...]
    runs: tuple[tuple[str, Path], ...]
    limit: int | None
    only: str | None
    sides: tuple[int, ...]


# --- training ------------------------------------------------------------------------------------------------


def trainings() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield name and settings of each run."""
    for variant in VARIANTS:
        for recipe in RECIPES:
            yield f"{variant}-{recipe}", (*SMALL, f"variant={variant}", f"recipe={recipe}")
    yield "mdct-shortcut", (*SMALL, "variant=mdct", "recipe=ssim+enhancer", "shortcut=true")
    yield "as-published", PUBLISHED
    yield "mdct-three-planes", (*SMALL, "variant=mdct", "recipe=ssim", "planes=3")
    yield "paper-1024-31", LARGE


def train(order: Order) -> None:
    """Train what is not trained yet."""
    for name, words in trainings():
        run = order.out / "runs" / name
        if order.limit is not None and len(list((order.out / "runs").glob("*/done"))) >= order.limit:
            return
        if (run / "done").exists() or order.only not in (None, name):
            continue
        asked = dict(word.split("=", 1) for word in (*LEARN, *words, order.bound, *order.settings))
        if words in (LARGE, PUBLISHED) and "steps" in asked:
            asked["steps"] = str(int(asked["steps"]) // DEARER)
        sets = [part for key, value in asked.items() for part in ("--set", f"{key}={value}")]
        data = [part for folder in order.train for part in ("--data", folder)]
        again = ["--resume"] if (run / "config.json").exists() else []
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "intarsia", "train", "image_in_speech", *data, "--run", str(run), *again]
        subprocess.run([*command, *([] if again else sets), "--quiet"], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        (run / "done").write_text(f"{spent:.0f}\n")
        print(json.dumps({"trained": name, "cpu_s": round(spent)}), flush=True)


# --- measuring -----------------------------------------------------------------------------------------------


def files(folder: Path | None, limit: int | None) -> list[Path]:
    """Return the media in a folder, by name."""
    if folder is None:
        raise SystemExit("expected --pictures FOLDER and --speech FOLDER")
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)[:limit]


def pairs(order: Order) -> list[tuple[Path, Path]]:
    """Return pictures and the speech they go into; one speaker after the other."""
    pictures, speech = files(order.pictures, order.limit), files(order.speech, None)
    step = max(1, len(speech) // max(1, len(pictures)))
    return [(picture, speech[number * step % len(speech)]) for number, picture in enumerate(pictures)]


def runs(order: Order) -> list[Run]:
    """Return the trained runs, and those that were named."""
    own = [(path.parent.name, path.parent) for path in sorted((order.out / "runs").glob("*/done"))]
    return [load(name, path) for name, path in (*own, *order.runs)]


def secret(path: Path, side: int, *, colour: bool) -> Image:
    """Return a picture shrunk to a plane's size, its central square; grey or in colour."""
    picture = as_colour(image_file.load(path))
    short = min(picture.shape[:2])
    top, left = ((length - short) // 2 for length in picture.shape[:2])
    square = picture[top : top + short, left : left + short]
    levels = resize(Image(np.ascontiguousarray(square)), side, side).samples
    grey = np.rint(levels @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    return Image(levels if colour else grey)


def table(order: Order) -> None:
    """Measure every run on every pair, and write the table."""
    for run in runs(order):
        for picture, speech in pairs(order):
            key = f"table/{run.name}/{run.identity}/{picture.stem}"
            if not any(row["key"] == key for row in rows(order.out)):
                for colour in (False, True):
                    found = measured(run, secret(picture, run.side, colour=colour), audio_file.load(speech), order.out)
                    add(order.out, {"key": key, "part": "table", "run": run.name, "picture": picture.stem,
                                    "speech": speech.stem, "colour": colour, **found})  # fmt: skip
    write_table(order.out, rows(order.out))


def colour(order: Order) -> None:
    """Measure what the enhancer does to hues."""
    lines = ["| run | enhancer | Delta E | bias R | bias G | bias B | MAE | SSIM |", "|---" * 8 + "|"]
    for run in runs(order):
        if run.enhances:
            found = [
                of_colour(run, secret(picture, run.side, colour=True), audio_file.load(speech), order.out)
                for picture, speech in pairs(order)
            ]
            for name in ("without", "with"):
                values = np.mean([each[name] for each in found], axis=0)
                cells = [f"{value:.4g}" for value in values]
                lines.append(f"| {run.name} | {name} | " + " | ".join(cells) + " |")
    write(order.out / "colour.md", lines)


def tolerance(order: Order) -> None:
    """Measure what is left of pictures when something happens to the file."""
    lines = ["| run | secret | what happens | n | PSNR, dB | SSIM |", "|---" * 6 + "|"]
    for run in runs(order):
        for tone in (False, True):
            found = [
                after(run, secret(picture, run.side, colour=tone), audio_file.load(speech), order.out, WAYS)
                for picture, speech in pairs(order)
            ]
            for way in WAYS:
                psnr, ssim = ([each[way][name] for each in found] for name in ("psnr", "ssim"))
                cells = f"{len(found)} | {np.mean(psnr):.2f} [{min(psnr):.2f}, {max(psnr):.2f}] | {np.mean(ssim):.3f}"
                lines.append(f"| {run.name} | {'RGB' if tone else 'grey'} | {way} | {cells} |")
    write(order.out / "tolerance.md", lines)


def sizes(order: Order) -> None:
    """Measure pictures of several sizes, which networks see at their own, each at its size."""
    known = {row["key"] for row in rows(order.out)}
    for run, side, tone, (picture, speech) in product(runs(order), order.sides, (False, True), pairs(order)):
        key = f"sizes/{run.name}/{run.identity}/{side}/{tone}/{picture.stem}"
        if key not in known:
            found = at_its_size(order, run, secret(picture, side, colour=tone), speech)
            add(order.out, {"key": key, "part": "sizes", "run": run.name, "side": side, "colour": tone, **found})
    write_sizes(order.out, [row for row in rows(order.out) if row["part"] == "sizes"])


def at_its_size(order: Order, run: Run, picture: Image, speech: Path) -> dict[str, float]:
    """Hide a picture of any size, however poorly, reveal it by a command, and measure it at that size."""
    wav, out = order.out / f"{run.name}.wav", order.out / f"{run.name}.png"
    keep(run, picture, audio_file.load(speech), wav, PASSWORD)
    intarsia(run, "reveal", str(wav), "-o", str(out))
    return of_pictures(picture, image_file.load(out), "")


def write_sizes(out: Path, found: Sequence[dict[str, Any]]) -> None:
    """Write means and the worst."""
    lines = ["| run | side | secret | n | PSNR, dB | SSIM | MAE |", "|---" * 7 + "|"]
    for run, side, tone in dict.fromkeys((row["run"], row["side"], row["colour"]) for row in found):
        own = [row for row in found if (row["run"], row["side"], row["colour"]) == (run, side, tone)]
        psnr, ssim, mae = ([row[name] for row in own] for name in ("psnr", "ssim", "mae"))
        cells = f"{np.mean(psnr):.2f} ({min(psnr):.2f}) | {np.mean(ssim):.3f} | {np.mean(mae):.2f}"
        lines.append(f"| {run} | {side} | {'RGB' if tone else 'grey'} | {len(own)} | {cells} |")
    write(out / "sizes.md", lines)


def command(order: Order) -> None:
    """Hide and reveal by the command line, every reveal in a fresh process."""
    folder = order.out / "command"
    folder.mkdir(parents=True, exist_ok=True)
    for run in runs(order):
        for picture, speech in pairs(order):
            for tone in (False, True):
                given, stem = folder / f"{picture.stem}.png", folder / f"{run.name}-{picture.stem}"
                given.write_bytes(image_file.encode(secret(picture, run.side, colour=tone), "PNG"))
                key = f"command/{run.name}/{picture.stem}/{tone}"
                row = {"key": key, "part": "command", "run": run.name, "colour": tone}
                add(order.out, row | there_and_back(run, speech, given, stem))


def there_and_back(run: Run, speech: Path, given: Path, stem: Path) -> dict[str, Any]:
    """Return SNR and PSNR in dB, and seconds, of one picture hidden and revealed by commands."""
    wav, out = f"{stem}.wav", f"{stem}-out.png"
    hiding = ["hide", str(speech), str(given), "-o", wav, "--method", "image_in_speech"]
    said, hide_s = intarsia(run, *hiding)
    _, reveal_s = intarsia(run, "reveal", wav, "-o", out)
    before, after = image_file.load(given).samples, image_file.load(out).samples
    quality = {"carrier_snr": said["carrier_snr"], "secret_psnr": metrics.psnr(before, after)}
    return quality | {"hide_s": round(hide_s, 2), "reveal_s": round(reveal_s, 2)}


def intarsia(run: Run, *words: str) -> tuple[dict[str, Any], float]:
    """Run one command in a process of its own; return its JSON line and seconds by the clock."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "intarsia", *words, "--model", str(run.folder), "--force", "--json", "--quiet"],
        check=True, capture_output=True, text=True, env={**os.environ, "INTARSIA_PASSWORD": PASSWORD},
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1]), time.perf_counter() - begun


# --- lines ---------------------------------------------------------------------------------------------------


def rows(out: Path) -> list[dict[str, Any]]:
    """Return what was measured so far."""
    path = out / "rows.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def add(out: Path, row: dict[str, Any]) -> None:
    """Write a line, and say it."""
    with (out / "rows.jsonl").open("a") as stream:
        stream.write(json.dumps({**row, "date": f"{datetime.date.today():%Y-%m-%d}"}) + "\n")
    print(json.dumps(row), flush=True)


def write_table(out: Path, found: Sequence[dict[str, Any]]) -> None:
    """Write means, and 95 % intervals over pictures, as Markdown and CSV."""
    lines = ["| run | secret | n | " + " | ".join(MEASURES.values()) + " |", "|---" * (len(MEASURES) + 3) + "|"]
    names = dict.fromkeys((row["run"], row["colour"]) for row in found if row["part"] == "table")
    draws = np.random.default_rng(0)
    for run, tone in names:
        own = [row for row in found if row["part"] == "table" and (row["run"], row["colour"]) == (run, tone)]
        cells = []
        for name in MEASURES:
            values = np.array([row[name] for row in own if row.get(name) is not None], np.float64)
            if not len(values):
                cells.append("n/a")
                continue
            means = values[draws.integers(0, len(values), (1000, len(values)))].mean(axis=1)
            low, high = np.percentile(means, (2.5, 97.5))
            cells.append(f"{values.mean():.4g} [{low:.4g}, {high:.4g}]")
        lines.append(f"| {run} | {'RGB' if tone else 'grey'} | {len(own)} | " + " | ".join(cells) + " |")
    write(out / "table.md", lines)


def write(path: Path, lines: Sequence[str]) -> None:
    """Write lines, and say them."""
    path.write_text("\n".join(lines) + "\n")
    print("\n".join(lines), flush=True)


PARTS = {
    "train": train,
    "table": table,
    "colour": colour,
    "tolerance": tolerance,
    "sizes": sizes,
    "command": command,
}


def main() -> None:
    """Read the command line."""
    known = (*PARTS, "figures")
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("parts", nargs="+", choices=known, metavar="PART")
    asked.add_argument("-o", "--out", type=Path, required=True)
    asked.add_argument("--train", nargs="+", default=[])
    asked.add_argument("--pictures", type=Path)
    asked.add_argument("--speech", type=Path)
    asked.add_argument("--seconds", type=float, default=360)
    asked.add_argument("--steps", type=int, help="bounds the trainings in place of seconds, on a busy machine")
    asked.add_argument("--set", action="append", default=[])
    asked.add_argument("--run", action="append", default=[])
    asked.add_argument("--limit", type=int)
    asked.add_argument("--side", type=int, action="append", help="of pictures in `sizes`, pixels")
    asked.add_argument("--only", help="the only run to train")
    given = asked.parse_args()
    bound = f"steps={given.steps}" if given.steps else f"seconds={given.seconds}"
    named = tuple((name, Path(path)) for name, _, path in (each.partition("=") for each in given.run))
    folders = {"train": tuple(given.train), "pictures": given.pictures, "speech": given.speech}
    order = Order(given.out, **folders, bound=bound, settings=tuple(given.set), runs=named, limit=given.limit,
                  only=given.only, sides=tuple(given.side or SIDES))  # fmt: skip
    (order.out / "runs").mkdir(parents=True, exist_ok=True)
    for part in given.parts:
        if part == "figures":
            draw(order.out, runs(order))
        else:
            PARTS[part](order)


if __name__ == "__main__":
    main()
