"""Runs of StegNet and Deep-Steg measured and drawn, beside LSB and the exact path.

    python benchmarks/stegnet.py RUN... --pictures FOLDER... -o DIR [--pairs 200] [--large 24] [--exact 4]
                                 [--limit N] [--size 64] [--size 512] [--seed 0] [--few] [--no-figures]

RUN is the folder of a training run, the first one StegNet's; FOLDER holds pictures that no run has seen. Pairs are of
different pictures, drawn with `--seed` and without replacement. A size up to 256 is a whole picture shrunk (Lanczos),
as published; a larger one its central crop, with `--large` pairs, since they take long, and with `--exact` of them
through the exact path.

    pairs.jsonl   every pair, written while it goes on          table.md      means, 95 % intervals, worst, to read
    table.jsonl   a line for each row of the table              table.csv     a line for each row and measure
    figure1_SIZE, strides_SIZE, poolings_SIZE, figure8_SIZE, capacity_SIZE    .png and .svg; see `stegnet_figures.py`

Intervals are bootstrapped over pictures, not over pairs: two pairs with one picture in common are not two observations.
What each measure is stands in `stegnet_measures.py`.
"""

import argparse
import csv
import datetime
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from stegnet_measures import WORST_IS_LOW, Run, Samples, Way, exact, load, lsb, mantissa, measure

from intarsia.media import image_file
from intarsia.media.image import resize
from intarsia.methods.picture_in_picture import as_colour

SHRUNK = 256
"""Sizes up to this are whole pictures shrunk; larger ones are central crops."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".avif")
DRAWS = 1000

QUALITY = {
    "changing_rate": ("cover change, %", 100, 2),
    "decoded_rate": ("decoded, %", 100, 2),
    "bpp": ("bpp as the paper counts", 1, 2),
    "written_bpp": ("bpp written", 1, 2),
    "container_psnr": ("container PSNR, dB", 1, 2),
    "container_ssim": ("container SSIM", 1, 4),
    "secret_psnr": ("secret PSNR, dB", 1, 2),
    "secret_ssim": ("secret SSIM", 1, 4),
    "again_psnr": ("cover decoded, dB", 1, 2),
}
ERRORS = {
    "error_p999": ("99.9 % error, levels", 1, 1),
    "error_max": ("max error, levels", 1, 1),
    "spikes": ("spikes / Mpx", 1, 0),
    "ruined": ("off by > 64 levels, %", 100, 2),
    "error_flat": ("error on flat, levels", 1, 2),
    "error_textured": ("error on textured, levels", 1, 2),
    "shows_secret": ("secret in residual, r", 1, 3),
    "shows_secret_chance": ("by chance, r", 1, 3),
    "shows_edges": ("its edges, r", 1, 3),
    "shows_edges_chance": ("by chance, r", 1, 3),
}
"""Heading, factor and decimals of each measure, in two tables."""


@dataclass(frozen=True)
class Summary:
    """A measure over pairs: mean, its 95 % interval (None where it cannot be), median, smallest and largest value."""

    mean: float
    low: float | None
    high: float | None
    median: float
    min: float
    max: float


@dataclass(frozen=True)
class Row:
    """One way at one size."""

    way: Way
    size: int
    n: int
    seed: int
    date: str
    measures: dict[str, Summary]

    def facts(self) -> dict[str, Any]:
        """Return what identifies the row."""
        way = self.way
        named = {"name": way.name, "size": self.size, "column": way.column, "statistics": way.statistics}
        return {**named, "n": self.n, "seed": self.seed, "date": self.date}


# --- pictures ------------------------------------------------------------------------------------------------


def pictures(folders: Sequence[Path], limit: int | None) -> list[Path]:
    """Return the pictures in folders, in order of name, `limit` at most."""
    found = sorted(path for folder in folders for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if len(found) < 2:
        raise SystemExit(f"{', '.join(map(str, folders))}: {len(found)} pictures; expected 2 or more")
    return found[:limit]


@lru_cache(maxsize=32)
def picture(path: Path, size: int) -> Samples:
    """Return a picture as it is measured, uint8 [size, size, 3]."""
    image = image_file.load(path)
    if size <= SHRUNK:
        return as_colour(resize(image, size, size))
    if min(image.height, image.width) < size:
        raise SystemExit(f"{path}: {image.width} x {image.height} pixels; expected {size} x {size} or more")
    top, left = (image.height - size) // 2, (image.width - size) // 2
    return np.ascontiguousarray(as_colour(image)[top : top + size, left : left + size])


def draw_pairs(count: int, pairs: int, seed: int) -> list[tuple[int, int]]:
    """Return `pairs` ordered pairs of different numbers below `count`, or all there are, without repetition."""
    every = count * (count - 1)
    drawn = np.random.default_rng(seed).choice(every, min(pairs, every), replace=False)
    covers, others = np.divmod(drawn, count - 1)
    return [(int(c), int(o + (o >= c))) for c, o in zip(covers, others, strict=True)]


# --- numbers -------------------------------------------------------------------------------------------------


def summary(values: Sequence[float], pairs: Sequence[tuple[int, int]], seed: int) -> Summary:
    """Return mean, median, smallest, largest, and the interval of the mean.

    Pictures are drawn with replacement, and a pair counts as often as its cover times its secret was drawn (A. B. Owen,
    The pigeonhole bootstrap, Annals of Applied Statistics 1(2), 2007).
    """
    numbers = np.asarray(values, np.float64)
    mean, low, high = float(numbers.mean()), None, None
    if len(numbers) > 1 and np.isfinite(numbers).all():
        chosen = np.asarray(pairs)
        count = int(chosen.max()) + 1
        drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), DRAWS)
        weights = (drawn[:, chosen[:, 0]] * drawn[:, chosen[:, 1]]).astype(np.float64)
        weights = weights[weights.sum(1) > 0]
        low, high = map(float, np.quantile(weights @ numbers / weights.sum(1), (0.025, 0.975)))
    return Summary(mean, low, high, float(np.median(numbers)), float(numbers.min()), float(numbers.max()))


def rows(ways: Sequence[Way], paths: Sequence[Path], size: int, options: argparse.Namespace) -> Iterator[Row]:
    """Measure ways at one size, all on the same pairs; `exact` on the first few."""
    pairs = draw_pairs(len(paths), options.pairs if size <= SHRUNK else min(options.pairs, options.large), options.seed)
    for way in ways:
        begun, used = time.perf_counter(), pairs[: options.exact] if way.name == "exact" else pairs
        found: list[dict[str, float]] = []
        given = [(picture(paths[cover], size), picture(paths[secret], size)) for cover, secret in used]
        for (cover, secret), made in zip(used, way.each(given), strict=True):
            values = measure(made)
            found.append(values)
            line = {"name": way.name, "size": size, "column": way.column, "statistics": way.statistics}
            note(options.out, {**line, "cover": paths[cover].name, "secret": paths[secret].name, **values})
        summaries = {name: summary([each[name] for each in found], used, options.seed) for name in found[0]}
        yield Row(way, size, len(used), options.seed, datetime.date.today().isoformat(), summaries)
        spent = time.perf_counter() - begun
        print(f"{size}: {way.name} {way.column} {way.statistics}, {len(used)} pairs, {spent:.0f} s", file=sys.stderr)


def note(folder: Path, values: dict[str, Any]) -> None:
    """Add a pair to `pairs.jsonl`."""
    with (folder / "pairs.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(plain(values)) + "\n")


def plain(value: Any) -> Any:  # noqa: ANN401
    """Return a value as JSON knows it: no infinities."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


# --- tables --------------------------------------------------------------------------------------------------


def write_tables(found: Sequence[Row], data: str, folder: Path) -> None:
    """Write `table.md`, `table.csv` and `table.jsonl`."""
    lines = [{**row.facts(), **{name: vars(each) for name, each in row.measures.items()}} for row in found]
    (folder / "table.jsonl").write_text("".join(json.dumps(plain(line)) + "\n" for line in lines), "utf-8")
    with (folder / "table.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*found[0].facts(), "measure", "mean", "low", "high", "median", "min", "max"])
        for row in found:
            for name, each in row.measures.items():
                writer.writerow([*row.facts().values(), name, *vars(each).values()])
    (folder / "table.md").write_text(markdown(found, data), "utf-8")


def markdown(found: Sequence[Row], data: str) -> str:
    """Return the tables to read: mean [95 % interval], worst."""
    first = found[0]
    text = [f"# StegNet, {first.date}", "", f"{data}, seed {first.seed}. Each cell: mean [95 % interval], worst.", ""]
    for size in dict.fromkeys(row.size for row in found):
        for title, columns in (("quality", QUALITY), ("errors, and what shows of the secret", ERRORS)):
            text += [f"## {size} x {size}: {title}", ""]
            heads = ["way", "column", "statistics", "n", *(heading for heading, _, _ in columns.values())]
            text += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
            for row in (row for row in found if row.size == size):
                way = row.way
                cells = [cell(name, row.measures.get(name), *how[1:]) for name, how in columns.items()]
                text.append(f"| {' | '.join([way.name, way.column, way.statistics or '-', str(row.n), *cells])} |")
            text.append("")
    return "\n".join(text)


def cell(name: str, each: Summary | None, factor: float, decimals: int) -> str:
    """Return a cell of the table to read."""
    if each is None:
        return "-"

    def said(value: float) -> str:
        return f"{factor * value:.{decimals}f}" if math.isfinite(value) else "exact"

    interval = "" if each.low is None or each.high is None else f" [{said(each.low)}, {said(each.high)}]"
    return f"{said(each.mean)}{interval}, {said(each.min if name in WORST_IS_LOW else each.max)}"


# --- the command ---------------------------------------------------------------------------------------------


def parsed(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--pictures", nargs="+", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--pairs", type=int, default=200, help="pairs at each size")
    parser.add_argument("--large", type=int, default=24, help="pairs at sizes over 256, at most")
    parser.add_argument("--exact", type=int, default=4, help="of them, through the exact path")
    parser.add_argument("--limit", type=int, help="pictures used, at most")
    parser.add_argument("--size", type=int, action="append", help="side in pixels, again for more; 64 and 512")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--few", action="store_true", help="LSB 3 and 4, exact, and how each run is used; no more")
    parser.add_argument("--no-figures", dest="figures", action="store_false")
    options = parser.parse_args(words)
    if min(options.pairs, options.large) < 1 or options.exact < 0:
        parser.error("--pairs and --large are 1 or more, --exact is 0 or more")
    return options


def ways_at(runs: Sequence[Run], size: int, options: argparse.Namespace) -> list[Way]:
    """Return everything to be measured at one size, what we compare with first."""
    compared = [lsb(3), lsb(4)]
    if not options.few:
        compared += [lsb(3, midpoint=True), lsb(1), lsb(2), mantissa()]
    if size > SHRUNK and options.exact:
        compared.append(exact())
    own = [way for run in runs for way in run.ways if size <= SHRUNK or way.together is None]
    if options.few:
        own = [way for way in own if way.column in ("direct", "file") and not way.statistics.startswith("batch")]
    return [*compared, *own]


def main(words: Sequence[str] | None = None) -> None:
    """Measure, then draw."""
    options = parsed(words)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "pairs.jsonl").unlink(missing_ok=True)
    paths, runs = pictures(options.pictures, options.limit), [load(folder) for folder in options.runs]
    data = f"{len(paths)} pictures of {', '.join(folder.name for folder in options.pictures)}"
    found: list[Row] = []
    for size in options.size or (64, 512):
        for row in rows(ways_at(runs, size, options), paths, size, options):
            found.append(row)
            write_tables(found, data, options.out)
        if options.figures:
            from stegnet_figures import draw_all

            cover, secret = draw_pairs(len(paths), 1, options.seed)[0]
            pair: tuple[NDArray[np.uint8], NDArray[np.uint8]] = (
                picture(paths[cover], size),
                picture(paths[secret], size),
            )
            draw_all(runs, pair, [row for row in found if row.size == size], options.out)


if __name__ == "__main__":
    main()
