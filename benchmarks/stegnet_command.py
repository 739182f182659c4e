"""Pairs of pictures hidden by one command and revealed by another, as a person would do it.

    python benchmarks/stegnet_command.py MODEL... --pictures FOLDER... -o DIR [--pairs 200] [--large 24] [--jobs 1]
                                         [--size 64] [--size 512] [--limit N] [--seed 0] [--set NAME=VALUE]

MODEL is the name of a model that ships, or a run folder. Each command is a process of its own, and the one that reveals
is given the saved PNG and the password only; and the run folder, where the model is one. Header, salt and key are in
the pictures, as they are in use. Pairs are those of `stegnet.py`, and so are sizes and intervals. A pair that the
command refuses counts as refused and is left out of the means; what it says is kept. An interrupted run goes on.

    rows.jsonl   every pair, written while it goes on          command.md   means, 95 % intervals, worst
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from stegnet import SHRUNK, draw_pairs, picture, pictures, plain, summary

from intarsia import zoo
from intarsia.media import Image, image_file, metrics

PASSWORD = "of the benchmark"
LEVELS = 255
MEASURES = {
    "cover_change": ("cover change, %", 2, max),
    "secret_error": ("secret error, %", 2, max),
    "cover_psnr": ("cover, dB", 2, min),
    "secret_psnr": ("secret, dB", 2, min),
    "secret_ssim": ("secret SSIM", 3, min),
    "hide_s": ("hide, s", 1, max),
    "reveal_s": ("reveal, s", 1, max),
}
"""Heading, decimals, and which value is the worst."""


@dataclass(frozen=True)
class Pair:
    """One pair to be hidden by one model; numbers of pictures, and what identifies it among the rows."""

    model: str
    size: int
    cover: int
    secret: int

    @property
    def key(self) -> list[Any]:
        """Return what a row is known by."""
        return [self.model, self.size, self.cover, self.secret]


def measured(pair: Pair, paths: Sequence[Path], options: argparse.Namespace) -> dict[str, Any]:
    """Hide and reveal one pair by commands, and measure it on what they wrote."""
    stem = options.out / "files" / f"{Path(pair.model).name}-{pair.size}-{pair.cover}-{pair.secret}"
    given = [written(picture(paths[number], pair.size), f"{stem}-{number}.png") for number in (pair.cover, pair.secret)]
    container, revealed = f"{stem}-container.png", f"{stem}-revealed.png"
    chosen = ["--method", zoo.find(pair.model).method, "--model", pair.model]
    settings = [word for one in options.set for word in ("--set", one)]
    row = {"key": pair.key, "cover": paths[pair.cover].name, "secret": paths[pair.secret].name}
    said, hide_s = intarsia("hide", *given, "-o", container, *chosen, *settings)
    if said:
        return {**row, "refused": said}
    carried = [] if pair.model in zoo.names() else ["--model", pair.model]
    said, reveal_s = intarsia("reveal", container, "-o", revealed, *carried)
    if said:
        raise SystemExit(f"{container}: hidden, but not revealed: {said}")
    cover, secret, kept, found = (image_file.load(path).samples for path in (*given, container, revealed))
    for path in (*given, container, revealed):
        Path(path).unlink()
    return {
        **row,
        "cover_change": 100 * metrics.mae(cover, kept) / LEVELS,
        "secret_error": 100 * metrics.mae(secret, found) / LEVELS,
        "cover_psnr": metrics.psnr(cover, kept),
        "secret_psnr": metrics.psnr(secret, found),
        "secret_ssim": metrics.ssim(secret, found),
        "hide_s": hide_s,
        "reveal_s": reveal_s,
    }


def written(samples: Any, path: str) -> str:  # noqa: ANN401 (an array of the picture)
    """Write a picture as PNG; return where."""
    Path(path).write_bytes(image_file.encode(Image(samples), "PNG"))
    return path


def intarsia(*words: str) -> tuple[str, float]:
    """Run one command in a process of its own; return what it said against it, and seconds by the clock."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "intarsia", *words, "--force", "--quiet"],
        check=False, capture_output=True, text=True, env={**os.environ, "INTARSIA_PASSWORD": PASSWORD},
    )  # fmt: skip
    return done.stderr.strip() if done.returncode else "", round(time.perf_counter() - begun, 2)


def table(found: Sequence[dict[str, Any]], data: str, seed: int) -> str:
    """Return means with their intervals and the worst, a line for each model and size."""
    text = [f"{data}; seed {seed}; mean [95 % interval], worst.", ""]
    heads = ["model", "side", "n", "refused", *(heading for heading, _, _ in MEASURES.values())]
    text += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for model, size in dict.fromkeys((row["key"][0], row["key"][1]) for row in found):
        own = [row for row in found if row["key"][:2] == [model, size]]
        good = [row for row in own if "refused" not in row]
        numbers = [(row["key"][2], row["key"][3]) for row in good]
        cells = [cell(name, [row[name] for row in good], numbers, seed) if good else "-" for name in MEASURES]
        head = [Path(model).name, str(size), str(len(own)), str(len(own) - len(good))]
        text.append(f"| {' | '.join([*head, *cells])} |")
    return "\n".join([*text, ""])


def cell(name: str, values: Sequence[float], pairs: Sequence[tuple[int, int]], seed: int) -> str:
    """Return a cell: mean [interval], worst."""
    _, decimals, worst = MEASURES[name]
    each = summary(values, pairs, seed)
    interval = "" if each.low is None or each.high is None else f" [{each.low:.{decimals}f}, {each.high:.{decimals}f}]"
    return f"{each.mean:.{decimals}f}{interval}, {worst(values):.{decimals}f}"


def rows(out: Path) -> list[dict[str, Any]]:
    """Return what was measured so far."""
    path = out / "rows.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def parsed(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--pictures", nargs="+", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--pairs", type=int, default=200, help="pairs at each size")
    parser.add_argument("--large", type=int, default=24, help="pairs at sizes over 256, at most")
    parser.add_argument("--size", type=int, action="append", help="side in pixels, again for more; 64 and 512")
    parser.add_argument("--limit", type=int, help="pictures used, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="pairs at once")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="passed on to `hide`")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    """Measure what is not yet measured, then write the table."""
    options = parsed(words)
    (options.out / "files").mkdir(parents=True, exist_ok=True)
    paths = pictures(options.pictures, options.limit)
    known = [row["key"] for row in rows(options.out)]
    asked = [
        Pair(model, size, *numbers)
        for size in options.size or (64, 512)
        for model in options.models
        for numbers in draw_pairs(len(paths), options.large if size > SHRUNK else options.pairs, options.seed)
    ]
    with ThreadPoolExecutor(options.jobs) as pool, (options.out / "rows.jsonl").open("a", encoding="utf-8") as stream:
        waiting = [pair for pair in asked if pair.key not in known]
        for row in pool.map(lambda pair: measured(pair, paths, options), waiting):
            stream.write(json.dumps(plain(row)) + "\n")
            stream.flush()
            print(json.dumps(plain(row)), flush=True)
    data = f"{len(paths)} pictures of {', '.join(folder.name for folder in options.pictures)}"
    text = table(rows(options.out), data, options.seed)
    (options.out / "command.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
