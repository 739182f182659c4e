"""The neural field measured: every number of its page, from saved PNG files revealed by a process of its own.

    python benchmarks/neural_field.py TABLE... --data DIR -o DIR [--seconds S] [--limit N] [--only NAME] [--set K=V]

    video      five clips of 16 x 128 x 128 (the middle of the first frames) in five Kodak covers of 512 x 512
    no-qat     the same, without rounding while learning: the paper's Table 3; measured where `hide` would refuse, too
    audio      excerpts of 100,000 samples at 22,050 Hz (as many seconds from 5 s on), one channel
    shapes     bunny, armadillo, spot; rendered beside the original
    residue    the clips again, `recipe=residue`, 60 s; and with m=5
    beta       the first clip for several beta: cover against secret
    layers     the first clip with other variable layers
    channel    what JPEG 100..75, blur, noise and coarser rounding leave of a container of `video` and `residue`
    key        what wrong keys reveal of the first container of `video`, `residue`, `audio`, `shapes`: by the command,
               and with the header bypassed, 100 other passwords and 100 bits of the key changed (`--limit` of each)
    means      containers of `video` and `residue` again, with the means from the header and as the field tells them
    exact      the clips by the exact path at two levels: the honest rival
    report     tables in words, from the lines of earlier calls

`--set steps=N` takes the place of seconds: on a busy machine the same work whatever the clock says. `--cover N` hides
everything in that picture of Kodak.

DIR/rows.jsonl gets a line for each fit as it ends, with seconds by the clock and by the processor; what is there is not
measured again. LPIPS is n/a unless INTARSIA_LPIPS names weights (`intarsia.engine.perceptual`).
"""

import argparse
import datetime
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from neural_field_measures import (
    cover_figures,
    shape_figures,
    shape_views,
    sound_figures,
    sound_views,
    video_figures,
    video_views,
)
from neural_field_report import report
from numpy.typing import NDArray
from PIL import Image as Pil

from intarsia.media import Audio, audio_file, image_file, shape_file, video_file, writing

COVERS = (1, 4, 8, 13, 23, 5, 7, 19)
SHAPES = ("stanford_bunny", "armadillo", "spot")
SIDE, FRAMES, SQUARE = 512, 16, 128
SAMPLES, RATE, FROM = 100_000, 22_050, 5.0
PASSWORD = "benchmark"


@dataclass(frozen=True)
class Order:
    """What the command line asks for."""

    data: Path
    out: Path
    seconds: float | None
    limit: int | None
    only: str | None
    settings: tuple[str, ...]
    cover: int | None = None


@dataclass(frozen=True)
class Item:
    """One secret in one cover, as files."""

    name: str
    cover: Path
    secret: Path


# --- items ---------------------------------------------------------------------------------------------------


def middle(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return the central square of [..., H, W, 3]."""
    top, left = (picture.shape[-3] - side) // 2, (picture.shape[-2] - side) // 2
    return picture[..., top : top + side, left : left + side, :]


def cover(order: Order, number: int) -> Path:
    """Write a cover: the one that was asked for, or that of the item's number."""
    kodak = order.cover or COVERS[number]
    path = order.out / "items" / f"cover{kodak:02}.png"
    if not path.exists():
        samples = image_file.load(order.data / f"images/kodak/kodim{kodak:02}.png").samples
        Pil.fromarray(middle(samples, SIDE)).save(path)
    return path


def clips(order: Order) -> Iterator[Item]:
    """Write the clips as folders of frames."""
    for number, clip in enumerate(sorted(path for path in (order.data / "video").iterdir())):
        folder = order.out / "items" / clip.name
        if not folder.is_dir():
            video = video_file.load(clip)
            folder.mkdir()
            for count, frame in enumerate(middle(video.frames[:FRAMES], SQUARE)):
                Pil.fromarray(frame).save(folder / f"{count:03}.png")
        yield Item(clip.name, cover(order, number), folder)


def excerpts(order: Order) -> Iterator[Item]:
    """Write the excerpts as WAV."""
    for number, path in enumerate(sorted((order.data / "music").glob("*.flac"))):
        wav = order.out / "items" / f"{path.stem}.wav"
        if not wav.exists():
            sound = audio_file.load(path)
            mono = sound.read(round(FROM * sound.rate), round(SAMPLES / RATE * sound.rate) + 8).mean(axis=1)
            import soxr

            found = soxr.resample(mono / 2.0 ** (sound.depth - 1), sound.rate, RATE, "VHQ")[:SAMPLES]
            whole = np.clip(np.rint(found * 32768), -32768, 32767).astype(np.int16)
            wav.write_bytes(writing.render(Audio.of(whole, RATE), ".wav"))
        yield Item(path.stem, cover(order, number), wav)


def shapes(order: Order) -> Iterator[Item]:
    """Name the shapes."""
    for number, name in enumerate(SHAPES):
        yield Item(name, cover(order, number), order.data / f"shapes/{name}.obj")


# --- one fit -------------------------------------------------------------------------------------------------


PROMISES_NOTHING = """
from intarsia.cli import main
from intarsia.methods.neural_field import by_level
by_level.promise = lambda secret: 0.0
main()
"""
"""The command line, but for one thing: a container that gives back too little of the secret is kept, to be measured."""


def intarsia(*words: str, promises: bool = True) -> tuple[dict[str, Any], float, float]:
    """Run one command in a process of its own; return its JSON line, seconds by the clock and by the processor."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "INTARSIA_PASSWORD": PASSWORD}
    program = ["-m", "intarsia"] if promises else ["-c", PROMISES_NOTHING]
    command = [sys.executable, *program, *words, "--json", "--quiet"]
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode:
        return {"exit": run.returncode, "said": run.stderr.strip()}, time.perf_counter() - began, 0.0
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(run.stdout.splitlines()[-1]), time.perf_counter() - began, spent


def fitted(
    order: Order, table: str, item: Item, measure: Callable[[Item, Path], dict[str, Any]], settings: dict[str, object]
) -> None:
    """Hide, reveal in a fresh process, measure, and write a line."""
    own = dict(pair.split("=", 1) for pair in order.settings)
    asked = {**settings, **own}
    if order.seconds is not None:
        asked["seconds"] = order.seconds
    if "steps" in own:
        asked.pop("seconds", None)
    words = [f"{key}={value}" for key, value in asked.items()]
    name = f"{item.name} in {item.cover.stem}" if order.cover else item.name
    key = f"{table}/{name}/{' '.join(words)}"
    if any(row["key"] == key for row in rows(order.out)):
        return
    base = order.out / table / "-".join([name, *(word.replace("=", "").replace(",", "") for word in words)])
    base.mkdir(parents=True, exist_ok=True)
    container = base / "container.png"
    sets = [part for word in words for part in ("--set", word)]
    method = ["--method", "neural_field"] if table != "exact" else []
    place = [str(item.cover), str(item.secret), "-o", str(container), "--force"]
    said, took, spent = intarsia("hide", *place, *method, *sets, promises=table != "no-qat")
    row: dict[str, Any] = {"key": key, "table": table, "item": item.name, "settings": asked, "hide_s": round(took, 1),
                           "hide_cpu_s": round(spent, 1), "date": f"{datetime.date.today():%Y-%m-%d}"}  # fmt: skip
    if order.cover:
        row["cover"] = item.cover.stem
    if "exit" in said:
        row |= said
    else:
        target = base / "out"
        frames = ["--set", "as=frames"] if item.secret.is_dir() else []
        told, took, _ = intarsia("reveal", str(container), "-o", f"{target}/", "--force", *frames)
        row |= {"reveal_s": round(took, 1), "container": str(container.relative_to(order.out))}
        if "exit" in told:
            row |= told
        else:
            row |= {**cover_figures(item.cover, container), **measure(item, Path(told["outputs"][0]["path"]))}
    add(order.out, row)


def rows(out: Path) -> list[dict[str, Any]]:
    """Return what was measured so far."""
    path = out / "rows.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def add(out: Path, row: dict[str, Any]) -> None:
    """Write a line, and say it."""
    with (out / "rows.jsonl").open("a") as stream:
        stream.write(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)


# --- tables --------------------------------------------------------------------------------------------------


def of_video(item: Item, found: Path) -> dict[str, Any]:
    """Measure a revealed clip, and draw it."""
    one, other = video_file.load(item.secret).frames, video_file.load(found).frames
    video_views(one, other, found.parent.parent / "frames.png")
    return video_figures(one, other)


def of_sound(item: Item, found: Path) -> dict[str, Any]:
    """Measure a revealed excerpt, and draw it."""
    one, other = audio_file.load(item.secret), audio_file.load(found)
    sound_views(one, other, found.parent.parent / "mel.png")
    return sound_figures(one, other)


def of_shape(item: Item, found: Path) -> dict[str, Any]:
    """Measure a revealed shape, and draw it."""
    one, other = shape_file.load(item.secret), shape_file.load(found)
    shape_views(one, other, found.parent.parent / "views.png")
    return shape_figures(one, other)


SECONDS = {"video": 600, "no-qat": 600, "audio": 600, "shapes": 600, "residue": 60, "beta": 120, "layers": 120}
BETAS = (0.02, 0.05, 0.2, 1.0, 5.0)
LAYERS = ("1,2,3", "2,3,4", "1,2,4", "1,3,4")


def measured(order: Order, table: str) -> None:
    """Measure one table."""
    seconds = {"seconds": SECONDS.get(table, 60)}
    if table in ("video", "no-qat"):
        more = {"qat": "false"} if table == "no-qat" else {}
        each(order, clips(order), lambda item: fitted(order, table, item, of_video, {**seconds, **more}))
    elif table == "residue":
        for m in (3, 5):
            more = {"recipe": "residue", "m": m}
            each(order, clips(order), lambda item, more=more: fitted(order, table, item, of_video, {**seconds, **more}))
    elif table == "audio":
        each(order, excerpts(order), lambda item: fitted(order, table, item, of_sound, seconds))
    elif table == "shapes":
        each(order, shapes(order), lambda item: fitted(order, table, item, of_shape, seconds))
    elif table == "exact":
        for db in (0, 49.5):
            more = {"cover_db": db} if db else {}
            each(order, clips(order), lambda item, more=more: fitted(order, table, item, of_video, more))
    else:
        name, values = ("beta", BETAS) if table == "beta" else ("variable_layers", LAYERS)
        for value in values:
            fitted(order, table, next(clips(order)), of_video, {**seconds, name: value})


def each(order: Order, items: Iterator[Item], work: Callable[[Item], None]) -> None:
    """Do the work for those that were asked for."""
    chosen = [item for item in items if order.only in (None, item.name)]
    for item in chosen[: order.limit]:
        work(item)


def main() -> None:
    """Read the command line."""
    known = (
        "video",
        "no-qat",
        "audio",
        "shapes",
        "residue",
        "beta",
        "layers",
        "channel",
        "key",
        "means",
        "exact",
        "report",
    )
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("tables", nargs="+", choices=known, metavar="TABLE")
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("-o", "--out", type=Path, required=True)
    asked.add_argument("--seconds", type=float)
    asked.add_argument("--limit", type=int)
    asked.add_argument("--only")
    asked.add_argument("--cover", type=int, choices=range(1, 25), metavar="N")
    asked.add_argument("--set", action="append", default=[])
    given = asked.parse_args()
    order = Order(given.data, given.out, given.seconds, given.limit, given.only, tuple(given.set), given.cover)
    (order.out / "items").mkdir(parents=True, exist_ok=True)
    for table in given.tables:
        if table == "report":
            report(order.out, rows(order.out))
        elif table in ("channel", "means"):
            from neural_field_trials import channel, means

            (channel if table == "channel" else means)(order.out, rows(order.out), add)
        elif table == "key":
            from neural_field_keys import key

            key(order.data, order.out, rows(order.out), add, order.limit)
        else:
            measured(order, table)


if __name__ == "__main__":
    main()
