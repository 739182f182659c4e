"""DITAS and its rivals, trained and measured: the paper's table, what is lost, residuals, number of stages, figures.

    python benchmarks/ditas.py PART... --data DIR -o DIR [--seconds 240 | --cpu-seconds N | --steps N] [--seeds 3]
                               [--hold free|sound|plane] [--snr 30] [--size small|paper]
                               [--representation magnitude|mdct] [--row NAME]... [--set KEY=VALUE]...
                               [--run NAME=FOLDER]... [--at sound:30|plane:30] [--limit N]

    train      seven rows x seeds, a run folder each in DIR/runs; what is trained already is left alone
    table      every run on two sets of pictures: columns `direct` and `file`, and which of the paper's orders hold
    loss       every subset of stages, zeroed shares, gain, noise; the exact path beside it
    residuals  what each stage was to hide: RMS, kurtosis, share near zero, entropy
    stages     a run of five stages, trained here, revealed by 1 to 5 of them: bits for each sample against quality
    ideal      beside every run: what an ideal digital codec could carry at that SNR, and a stock codec in so many bytes
    figures    containers above and pictures below, by method (figure 2); stage by stage (figure 3)

--data is a media pack: images/train, images/faces, speech/train, test/images, test/speech, SOURCES.tsv. Faces are
split by the number their source gave them, by which one person's pictures are neighbours: up to 262 to learn from, the
rest to test on. Tests take the central square of a picture and the middle of a recording, picture i with recording i.

--hold says what of the container is alike in all rows: nothing, the loss decides (free, as published); the SNR of the
sound; or the error in the plane that the networks change (the paper's container MSE). --at does so afterwards: what a
run that was trained freely adds is made larger or smaller, so that all rows are compared at one SNR. --cpu-seconds
measures first how long a step takes, and gives every row as much processor time. DIR/rows.jsonl keeps what is
measured; a part that was interrupted goes on where it was. Intervals: 95 %, bootstrapped over pictures, means over
seeds first.
"""

import argparse
import datetime
import json
import os
import tempfile
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from ditas_figures import by_method, by_stage
from ditas_measures import (
    MEASURES,
    RATE,
    WAYS,
    Picture,
    Run,
    Samples,
    exact,
    hidden,
    ideal,
    load,
    measured,
    of_picture,
    of_sound,
    picture,
    residuals,
    revealed,
    sound,
)
from ditas_runs import ROWS, folder_of, runs, tests, train, trained
from numpy.typing import NDArray

from intarsia.media import Audio

SETS = ("natural", "faces")
DRAWS = 2000
Row = dict[str, Any]


# --- parts ---------------------------------------------------------------------------------------------------


def table(given: argparse.Namespace) -> None:
    """Measure every run on both sets, and write the table."""
    for name, seed, each in runs(given):
        for kind in SETS:
            for path, said in tests(kind, given):
                key = f"table/{name}/{each.identity}/{kind}/{path.stem}"
                if key not in keys(given):
                    for column, values in measured(each, sound(said, each), picture(path, each)).items():
                        about = {"row": name, "seed": seed, "set": kind, "item": path.stem, "column": column}
                        add(given, {"key": key, "part": "table", "run": each.identity, **about, **values})
    identities = {each.identity for _, _, each in runs(given)}
    found = [row for row in lines(given) if row["part"] == "table" and row["run"] in identities]
    title = "table" + (f"-at-{given.at.replace(':', '-')}" if given.at else "")
    write(given, title, [*tabulated(found), "", *orders(found)])


def loss(given: argparse.Namespace) -> None:
    """Measure what is left of pictures when something happens to the container."""
    for name, seed, each in runs(given):
        if each.method.facts.name != "ditas" or seed:
            continue
        for number, (path, said) in enumerate(tests("natural", given)):
            key = f"loss/{name}/{each.identity}/{path.stem}"
            if key not in keys(given):
                cover, levels = sound(said, each), picture(path, each)
                found = {**subsets(each, cover, levels), **on_the_way(each, cover, levels, number)}
                for way, values in found.items():
                    about = {"row": name, "run": each.identity, "item": path.stem, "way": way}
                    add(given, {"key": key, "part": "loss", **about, **values})
    identities = {each.identity for _, _, each in runs(given)}
    found = [row for row in lines(given) if row["part"] == "loss" and row["run"] in identities]
    text = ["| run | what | n | PSNR, dB | SSIM | exact: gives it back | PSNR, dB |", "|---" * 7 + "|"]
    for name, way in dict.fromkeys((row["row"], row["way"]) for row in found):
        own = [row for row in found if (row["row"], row["way"]) == (name, way)]
        theirs = [row["exact"] for row in own if "exact" in row]
        share = f"{np.mean([value is not None for value in theirs]):.0%}" if theirs else ""
        kept = [value for value in theirs if value is not None]
        cells = [interval([row[measure] for row in own], MEASURES[measure][2]) for measure in ("psnr", "ssim")]
        exactly = f"{np.mean(kept):.2f}" if kept else ""
        text.append(f"| {name} | {way} | {len(own)} | {' | '.join(cells)} | {share} | {exactly} |")
    write(given, "loss", text)


def subsets(each: Run, cover: Samples, levels: Picture) -> dict[str, Row]:
    """Return the quality from every subset of the stages."""
    container, found = hidden(each, cover, levels), {}
    for count in range(each.stages + 1):
        for chosen in combinations(range(each.stages), count):
            name = "stages " + (", ".join(str(stage + 1) for stage in chosen) or "none")
            found[name] = of_picture(levels, revealed(each, container, chosen))
    return found


def on_the_way(each: Run, cover: Samples, levels: Picture, seed: int) -> dict[str, Row]:
    """Return the quality after everything that may happen; and that of the exact path, None where it gives nothing."""
    container, found = hidden(each, cover, levels), {}
    with tempfile.TemporaryDirectory() as folder:
        other, read = exact(cover, levels, of_sound(cover, container)["snr"] or 30, Path(folder))
        for name, way in WAYS.items():
            theirs = read(Audio.of(way(other.samples[:, 0].astype(np.int16), seed), RATE))
            quality = None if theirs is None else min(of_picture(levels, theirs)["psnr"], 99.0)
            found[name] = {**of_picture(levels, revealed(each, way(container, seed))), "exact": quality}
    return found


def of_residuals(given: argparse.Namespace) -> None:
    """Describe what each stage was to hide."""
    names = ("rms", "kurtosis", "near_zero", "entropy")
    text = ["| run | stage | RMS | kurtosis | within 2 levels of 0 | entropy, bits |", "|---" * 6 + "|"]
    for name, seed, each in runs(given):
        if each.method.facts.name != "ditas" or seed:
            continue
        found = [residuals(each, sound(said, each), picture(path, each)) for path, said in tests("natural", given)]
        for stage in range(len(found[0])):
            cells = [interval([rows[stage][key] for rows in found], "{:.3g}") for key in names]
            text.append(f"| {name} | {stage + 1 if stage < each.stages else 'left'} | {' | '.join(cells)} |")
    write(given, "residuals", text)


def stages(given: argparse.Namespace) -> None:
    """Train five stages and reveal by one to five of them."""
    folder = folder_of("stages", 0, given)
    if not (folder / "done").exists():
        trained("stages", 0, folder, given)
    each = load("stages", folder)
    text = ["| stages | bits / sample | PSNR, dB | SSIM | container MSE | carrier SNR, dB |", "|---" * 6 + "|"]
    rows: dict[int, list[Row]] = {count: [] for count in range(1, each.stages + 1)}
    for path, said in tests("natural", given):
        cover, levels = sound(said, each), picture(path, each)
        container = hidden(each, cover, levels)
        for count, found in rows.items():
            end = len(cover) * count // each.stages
            quality = of_picture(levels, revealed(each, container, range(count)))
            found.append({**quality, **of_sound(cover[:end], container[:end]), "bits": 8 * levels.size / end})
    for count, found in rows.items():
        cells = [
            interval([row[key] for row in found], MEASURES[key][2]) for key in ("psnr", "ssim", "container_mse", "snr")
        ]
        text.append(f"| {count} | {found[0]['bits']:.2f} | {' | '.join(cells)} |")
    write(given, "stages", text)


def of_ideal(given: argparse.Namespace) -> None:
    """Measure the bytes that an ideal codec would carry in the same sounds, and a stock code in them."""
    text = ["| run | n | bytes | PSNR, dB | SSIM | PSNR of the run, dB |", "|---" * 6 + "|"]
    for name, _, each in runs(given):
        found = []
        for path, said in tests("natural", given):
            cover, levels = sound(said, each), picture(path, each)
            own = of_picture(levels, revealed(each, hidden(each, cover, levels)))["psnr"]
            found.append({**ideal(cover, levels, given.snr), "own": own})
        forms = {"bytes": "{:.0f}", "psnr": "{:.2f}", "ssim": "{:.3f}", "own": "{:.2f}"}
        cells = [interval([row[key] for row in found], form) for key, form in forms.items()]
        text.append(f"| {name} | {len(found)} | {' | '.join(cells)} |")
    write(given, "ideal", text)


def figures(given: argparse.Namespace) -> None:
    """Draw the paper's figures 2 and 3."""
    firsts = [each for _, seed, each in runs(given) if not seed]
    path, said = tests("natural", given)[0]
    by_method(firsts, path, said, given.out / "figure2.png")
    staged = [each for each in firsts if each.stages > 1]
    if staged:
        by_stage(staged[-1], [pair[0] for pair in tests("natural", given)[:4]], said, given.out / "figure3.png")


# --- lines and tables ----------------------------------------------------------------------------------------


def lines(given: argparse.Namespace) -> list[Row]:
    """Return what was measured so far."""
    path = given.out / "rows.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def keys(given: argparse.Namespace) -> set[str]:
    """Return the keys of what was measured so far."""
    return {row["key"] for row in lines(given)}


def add(given: argparse.Namespace, row: Row) -> None:
    """Write a line."""
    clean = {
        name: None if isinstance(value, float) and not np.isfinite(value) else value for name, value in row.items()
    }
    with (given.out / "rows.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({**clean, "date": f"{datetime.date.today():%Y-%m-%d}"}) + "\n")


def write(given: argparse.Namespace, name: str, text: Sequence[str]) -> None:
    """Write a table, and say it."""
    (given.out / f"{name}.md").write_text("\n".join(text) + "\n", "utf-8")
    print("\n".join(text), flush=True)


def interval(values: Sequence[float | None], form: str) -> str:
    """Return the mean and its interval; nothing where nothing was measured."""
    found = np.array([value for value in values if value is not None], np.float64)
    if not len(found):
        return ""
    low, high = bounds(found)
    return f"{form.format(found.mean())} [{form.format(low)}, {form.format(high)}]"


def bounds(found: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of a mean."""
    means = found[np.random.default_rng(0).integers(0, len(found), (DRAWS, len(found)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def over_seeds(found: Sequence[Row], measure: str) -> dict[str, float]:
    """Return a measure of each picture, its mean over the seeds."""
    items: dict[str, list[float]] = {}
    for row in found:
        if row.get(measure) is not None:
            items.setdefault(row["item"], []).append(row[measure])
    return {item: float(np.mean(values)) for item, values in items.items()}


def tabulated(found: Sequence[Row]) -> list[str]:
    """Return the table: a line for each set, row and column."""
    text = ["| pictures | row | column | n x seeds | " + " | ".join(MEASURES[name][0] for name in MEASURES) + " |"]
    text.append("|---" * (4 + len(MEASURES)) + "|")
    for kind, name, column in dict.fromkeys((row["set"], row["row"], row["column"]) for row in found):
        own = [row for row in found if (row["set"], row["row"], row["column"]) == (kind, name, column)]
        cells = [interval(list(over_seeds(own, measure).values()), MEASURES[measure][2]) for measure in MEASURES]
        size = f"{len({row['item'] for row in own})} x {len({row['seed'] for row in own})}"
        text.append(f"| {kind} | {name} | {column} | {size} | {' | '.join(cells)} |")
    return text


CLAIMS = (("M", "S", "psnr"), ("M-E", "M", "psnr"), ("M-D", "M", "psnr"), ("M-ED", "M", "psnr"))
CLAIMS += (("M-E", "M", "container_mse"), ("M-ED", "M-D", "container_mse"))
CLAIMS += (("M-ED", "deep_steg", "psnr"), ("M-ED", "hide_and_speak", "psnr"))
"""The paper's orders: the first is better than the second (published gaps of the last two: 7.0 and 4.7 dB)."""


def orders(found: Sequence[Row]) -> list[str]:
    """Return which of the paper's orders hold, by the mean difference over the same pictures."""
    text = ["| pictures | column | better | than | measure | difference | holds |", "|---" * 7 + "|"]
    for kind, column in dict.fromkeys((row["set"], row["column"]) for row in found):
        own = [row for row in found if (row["set"], row["column"]) == (kind, column)]
        for better, other, measure in CLAIMS:
            name = "plane_mse" if measure == "container_mse" and column == "direct" else measure
            one, two = (over_seeds([r for r in own if r["row"] == row], name) for row in (better, other))
            gaps = [one[item] - two[item] for item in one if item in two]
            if gaps:
                wrong = [-gap if measure == "psnr" else gap for gap in gaps]
                shown = interval(gaps, MEASURES[name][2])
                text.append(f"| {kind} | {column} | {better} | {other} | {name} | {shown} | {verdict(wrong)} |")
    return text


def verdict(wrong: Sequence[float]) -> str:
    """Return whether values are below zero, by the interval of their mean; "open" when it holds both."""
    low, high = bounds(np.array(wrong))
    return "yes" if high < 0 else "no" if low > 0 else "open"


# --- the command ---------------------------------------------------------------------------------------------

PARTS = {
    "train": train,
    "table": table,
    "loss": loss,
    "residuals": of_residuals,
    "stages": stages,
    "ideal": of_ideal,
    "figures": figures,
}


def main(words: Sequence[str] | None = None) -> None:
    """Read the command line, and do the parts."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("parts", nargs="+", choices=(*PARTS, "all"), metavar="PART")
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("-o", "--out", type=Path, required=True)
    asked.add_argument("--seconds", type=float, default=240)
    asked.add_argument("--cpu-seconds", type=float)
    asked.add_argument("--steps", type=int)
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--hold", choices=("free", "sound", "plane"), default="free")
    asked.add_argument("--snr", type=float, default=30)
    asked.add_argument("--size", choices=("small", "paper"), default="small")
    asked.add_argument("--representation", choices=("magnitude", "mdct"), default="magnitude")
    asked.add_argument("--row", action="append", choices=ROWS)
    asked.add_argument("--set", action="append", default=[])
    asked.add_argument("--run", action="append", default=[])
    asked.add_argument("--at", default="")
    asked.add_argument("--limit", type=int)
    given = asked.parse_args(words)
    given.out.mkdir(parents=True, exist_ok=True)
    for part in PARTS if "all" in given.parts else given.parts:
        PARTS[part](given)


if __name__ == "__main__":
    main()
