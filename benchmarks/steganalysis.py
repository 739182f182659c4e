"""What the detectors see: of controls, of every method, and of the exact path at each payload.

    python benchmarks/steganalysis.py PART... --pictures FOLDER... -o DIR [--sounds FOLDER...] [--model METHOD=RUN]...
                                      [--steps 200] [--limit N] [--seed 0]

    original   StegExpose as published, on 256 x 256, and its sweep over thresholds at 64 x 64 and 512 x 512
    clean      the same detectors repaired, WS, and SPAM + LDA, on controls
    methods    every method that can run, each detector, beside controls; a network is trained for each
    matrix     those networks and LDAs, each tested on what it was not taught
    sounds     the methods that hide in sounds, on pieces of two seconds
    payload    P_E of the exact path at .05, .1, .2, .4, 1.58 bits per sample, in colour and in grey
    power      simulated adaptive embedding (needs conseal): what the trained detectors are worth
    speed      seconds of each classical detector on 512 x 512

FOLDER holds pictures that never were a JPEG. Everything is measured from saved files but the controls, whose samples
are what a file would hold. Folds, splits and intervals are by source picture. What is measured is kept in DIR, so a
command that was stopped goes on. Each part leaves PART.csv, PART.md and its figures in DIR.
"""

import argparse
import csv
import dataclasses
import datetime
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from intarsia import methods
from intarsia.carrier.keys import PUBLIC_PASSWORD, Keyring
from intarsia.errors import IntarsiaError
from intarsia.media import Cover, Image, image_file, values
from intarsia.media.image import resize
from intarsia.study import pairs as pair_making
from intarsia.study.steganalysis import (
    adaptive,
    chi2,
    controls,
    figures,
    fusion,
    jpeg,
    natural,
    roc,
    rs,
    sample_pairs,
    spam,
    trained,
    ws,
)
from intarsia.study.steganalysis.analysis import CHEAP, Looked, figure
from intarsia.study.steganalysis.listing import Item
from intarsia.study.steganalysis.measure import DETECTORS, measure, planes_of
from intarsia.study.steganalysis.roc import Figure
from intarsia.study.steganalysis.store import Store

SIDE = 256
UNTAUGHT = ("chi2", "spa", "ws", "spam")
"""Those of a sound that no network is needed for."""

RATES = (0.05, 0.1, 0.2, 0.4, 1.58)
Made = Callable[[Image, np.random.Generator], Image]


class Bench:
    """Pictures, and what was measured so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.out = options, options.out
        self.store = Store(options.out)
        self.networks: dict[str, trained.Network] = {}

    def covers(self, side: int = SIDE, step: int | None = None) -> list[tuple[str, Image]]:
        """Return squares of the pictures: source and picture."""
        found = []
        for path in pictures(self.options.pictures):
            samples = image_file.load(path).samples
            if side < SIDE:
                found.append((path.stem, Image(resize(Image(samples), side, side).samples)))
                continue
            for top in range(0, samples.shape[0] - side + 1, step or side):
                for left in range(0, samples.shape[1] - side + 1, step or side):
                    found.append(
                        (path.stem, Image(np.ascontiguousarray(samples[top : top + side, left : left + side])))
                    )
        return found[: self.options.limit]

    def look(self, covers: Sequence[tuple[str, Cover]]) -> list[Looked]:
        """Measure values."""
        found = []
        for source, value in covers:
            key = hashlib.sha256(
                str(value.samples.shape).encode() + np.ascontiguousarray(value.samples).data
            ).hexdigest()
            measured = self.store.get(key, lambda value=value: measure(value))
            item = Item(Path(key), key, source, measured.kind)
            found.append(Looked(item, key, measured, dict(measured.scores)))
        return found

    def write(self, part: str, rows: Sequence[Mapping[str, Any]], title: str) -> None:
        """Write a table as CSV and as text, and show it."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        with (self.out / f"{part}.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, names)
            writer.writeheader()
            writer.writerows(rows)
        lines = [
            f"# {part}, {datetime.date.today()}",
            "",
            title,
            "",
            f"| {' | '.join(names)} |",
            "|---" * len(names) + "|",
        ]
        lines += [f"| {' | '.join(told(row.get(name, '')) for name in names)} |" for row in rows]
        (self.out / f"{part}.md").write_text("\n".join(lines) + "\n", "utf-8")
        print("\n".join(lines), flush=True)

    # --- sets made by hide --------------------------------------------------------------------------------

    def pairs(
        self, method: str, *, name: str, folders: Sequence[Path], rate: float | None = None, clip: float = 0.0
    ) -> list[tuple[str, Cover, Cover]]:
        """Return source, cover and container of every pair that a method makes, read back from files."""
        kind = "audio" if clip else "image"
        found = []
        for folder in folders:
            origins = pair_making.origins([folder], 0.0, method, (kind,))
            order = pair_making.Order(
                method,
                origins,
                self.out / "sets" / name / folder.name,
                model=dict(self.options.model).get(method),
                size=0 if clip else SIDE,
                clip=clip,
                rate=rate,
                limit=self.options.limit,
                keyring=Keyring(PUBLIC_PASSWORD, CHEAP),
                seed=self.options.seed,
            )
            made = pair_making.export(order)
            for pair in made.pairs:
                both = [values.cover(made.out / path, max_pixels=1 << 26) for path in (pair.cover, pair.container)]
                found.append((pair.source, both[0], both[1]))
        return found[: self.options.limit]

    def network(self, name: str, pairs: Sequence[tuple[str, Cover, Cover]], kind: str = "image") -> trained.Network:
        """Return a network taught by pairs, now or before."""
        if name not in self.networks:
            from intarsia.study.steganalysis.learning import RECIPES

            began = time.monotonic()
            recipe = dataclasses.replace(RECIPES[kind], steps=self.options.steps, seed=self.options.seed)
            self.networks[name] = trained.network(kind, pairs, recipe, folder=self.out / "networks" / name)
            print(f"network for {name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        return self.networks[name]


# --- parts ---------------------------------------------------------------------------------------------------


def original(bench: Bench) -> None:
    """StegExpose as published, and its sweep."""
    rows = []
    for side in (64, SIDE, 512):
        covers = bench.covers(side)
        clean = bench.look(covers)
        swept: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {}
        for name, made in controls_of(covers).items():
            stego = bench.look(list(altered(covers, made, bench.options.seed)))
            found = figure("stegexpose-original", clean, stego, 0)
            spa = roc.figure("spa", *(grouped_parts(each, "spa") for each in (clean, stego)))
            answered = {
                part: f"{sum(each.measured.parts[part] is not None for each in stego)}/{len(stego)}"
                for part in fusion.PARTS
            }
            flagged = [
                np.mean([(each.scores["stegexpose-original"] or 0) > 0.2 for each in side]) for side in (clean, stego)
            ]
            rates = {"flagged clean": float(flagged[0]), "flagged": float(flagged[1])}
            rows.append({"side": side, "made": name, **short(found), "its spa alone": spa.auc, **rates, **answered})
            for which in ("original", "clean") if name in ("lsb-random .138", "lsb-image 3") else ():
                scores = [[each.scores[f"stegexpose-{which}"] for each in group] for group in (clean, stego)]
                swept[f"{which}, {name}"] = (roc.sweep(scores[0]), roc.sweep(scores[1]))
        title = f"thresholds 0 to 1, {len(covers)} pictures of {side} x {side}"
        (bench.out / f"sweep-{side}.png").write_bytes(figures.draw_sweep(swept, title))
    bench.write("original", rows, "StegExpose's fusion as published; answered: of its parts, on altered pictures.")


def clean(bench: Bench) -> None:
    """Repaired detectors on controls."""
    covers = bench.covers()
    looked = bench.look(covers)
    rows = []
    for name, made in controls_of(covers).items():
        stego = bench.look(list(altered(covers, made, bench.options.seed)))
        teach(looked, stego)
        rows.append({"made": name, **aucs(looked, stego)})
    halves = [[each for at, each in enumerate(looked) if at % 2 == side] for side in (0, 1)]
    rows.append({"made": "clean", **aucs(*halves, learn=True)})
    bench.write("clean", rows, f"AUC, {len(covers)} squares of {SIDE}; spam: five-fold by source.")


def method_table(bench: Bench) -> None:
    """Every method, every detector."""
    rows = []
    for name, pairs in all_pairs(bench):
        clean_side, stego = (bench.look([(pair[0], pair[at]) for pair in pairs]) for at in (1, 2))
        teach(clean_side, stego)
        network = bench.network(name, pairs)
        reveal = natural.revealer(equipped(bench, name))
        for side, at in ((clean_side, 1), (stego, 2)):
            for each, pair in zip(side, pairs, strict=True):
                each.scores["cnn"] = network(pair[at], pair[0])
                each.scores["revealer"] = reveal(pair[at]) if reveal else None
        decibels = [-10 * np.log10(controls.energy(pair[1].samples, pair[2].samples) / 255**2) for pair in pairs]
        head = {"method": name, "psnr": float(np.mean(decibels))}
        rows += [{**head, **told_of} for told_of in told_by(DETECTORS, clean_side, stego)]
        draw(bench, name, clean_side, stego)
        bench.write("methods", rows, f"{len(pairs)} pairs of {SIDE} x {SIDE}, saved and read back.")


def matrix(bench: Bench) -> None:
    """Networks and LDAs taught by one method, tested on another."""
    sets = dict(all_pairs(bench))
    rows = []
    for taught, pairs in sets.items():
        network = bench.network(taught, pairs)
        looked = {name: [bench.look([(p[0], p[at]) for p in each]) for at in (1, 2)] for name, each in sets.items()}
        lesson = trained.Lesson(
            "image", [p[0] for p in pairs], *([e.measured for e in side] for side in looked[taught])
        )
        lda = trained.discriminants(lesson)
        for tested, each in sets.items():
            for at, side in enumerate(looked[tested]):
                for one, pair in zip(side, each, strict=True):
                    one.scores["cnn"] = network(pair[at + 1], pair[0])
                    one.scores["spam"] = lda(one.measured, pair[0]) if lda else None
            found = {name: figure(name, *looked[tested], 0) for name in ("cnn", "spam")}
            rows.append(
                {"taught": taught, "tested": tested, **{k: v.auc for k, v in found.items()}, "n": found["cnn"].answered}
            )
    bench.write("matrix", rows, "AUC of detectors taught by one method and tested on another, on sources not taught.")


def sounds(bench: Bench) -> None:
    """Methods that hide in sounds."""
    rows = []
    for name in (name for name in methods.TABLE if "audio" in methods.load(name).facts.covers):
        pairs = bench.pairs(name, name=f"{name}-sound", folders=bench.options.sounds, clip=2.0)
        clean_side, stego = (bench.look([(pair[0], pair[at]) for pair in pairs]) for at in (1, 2))
        teach(clean_side, stego)
        network = bench.network(f"{name}-sound", pairs, "audio")
        for side, at in ((clean_side, 1), (stego, 2)):
            for each, pair in zip(side, pairs, strict=True):
                each.scores["cnn"] = network(pair[at], pair[0])
        rows += [{"method": name, **told_of} for told_of in told_by(DETECTORS, clean_side, stego)]
        for control in ("lsb-random", "lsb-matching"):
            changed = [controls.made(control, pair[1], None, seed=at, energy=0.5) for at, pair in enumerate(pairs)]
            other = bench.look([(pair[0], value) for pair, value in zip(pairs, changed, strict=True) if value])
            teach(clean_side, other)
            rows += [{"method": f"control {control}", **row} for row in told_by(UNTAUGHT, clean_side, other)]
        bench.write("sounds", rows, f"{len(pairs)} pieces of 2 s, saved and read back.")


def payload(bench: Bench) -> None:
    """The exact path's P_E at each payload."""
    rows = []
    for colour in ("rgb", "grey"):
        folders = bench.options.pictures if colour == "rgb" else grey(bench)
        for rate in RATES:
            name = f"exact-{colour}-{rate}"
            pairs = bench.pairs("exact", name=name, folders=folders, rate=rate)
            clean_side, stego = (bench.look([(pair[0], pair[at]) for pair in pairs]) for at in (1, 2))
            teach(clean_side, stego)
            network = bench.network(name, pairs)
            for side, at in ((clean_side, 1), (stego, 2)):
                for each, pair in zip(side, pairs, strict=True):
                    each.scores["cnn"] = network(pair[at], pair[0])
            found = {detector: figure(detector, clean_side, stego, 0) for detector in ("ws", "spam", "cnn")}
            told_of = {f"{key} {what}": getattr(each, what) for key, each in found.items() for what in ("p_e", "auc")}
            rows.append(
                {
                    "colour": colour,
                    "bits per sample": rate,
                    "n": len(pairs),
                    "cnn n": found["cnn"].answered // 2,
                    **told_of,
                }
            )
            bench.write(
                "payload", rows, "P_E (.5 is blind) and AUC of the exact path; random bytes, saved and read back."
            )


def power(bench: Bench) -> None:
    """Detectors on simulated adaptive embedding."""
    if not adaptive.available():
        print(f"power: skipped: {adaptive.HOW}")
        return
    rows = []
    covers = [(source, Image(luma(picture))) for source, picture in bench.covers()]
    looked = bench.look(covers)
    for simulator in ("hill", "suniward"):
        for rate in (0.1, 0.4, 1.0):
            made = [Image(adaptive.simulate(simulator, each.samples, rate, at)) for at, (_, each) in enumerate(covers)]
            stego = bench.look([(source, value) for (source, _), value in zip(covers, made, strict=True)])
            teach(looked, stego)
            rows.append(
                {
                    "made": f"{simulator} {rate}",
                    **{d: figure(d, looked, stego, 0).auc for d in ("spa", "ws", "stegexpose-clean", "spam")},
                    "spam P_E": figure("spam", looked, stego, 0).p_e,
                }
            )
            bench.write("power", rows, f"AUC on {len(covers)} grey squares of {SIDE}; simulated embedding by conseal.")


def speed(bench: Bench) -> None:
    """Seconds a picture."""
    (_, picture), *_ = bench.covers(512)
    planes = planes_of(picture)
    work: dict[str, Callable[[], Any]] = {
        "chi2": lambda: chi2.score(planes),
        "spa": lambda: sample_pairs.spa(planes),
        "primary": lambda: sample_pairs.primary(planes),
        "ws": lambda: ws.score(planes),
        "rs": lambda: rs.score(planes),
        "stegexpose-original": lambda: fusion.original(fusion.original_parts(planes)),
        "stegexpose-clean": lambda: fusion.clean(fusion.clean_parts(planes)),
        "jpeg": lambda: jpeg.score(picture.samples),
        "revealer": lambda: natural.low_bits(picture),
        "spam features": lambda: spam.features(planes),
        "all of them": lambda: measure(picture),
    }
    rows = []
    for name, run in work.items():
        times = []
        for _ in range(5):
            began = time.perf_counter()
            run()
            times.append(time.perf_counter() - began)
        rows.append({"detector": name, "seconds": float(np.median(times))})
    bench.write("speed", rows, "Median of five, one 512 x 512 colour picture, one thread.")


PARTS: dict[str, Callable[[Bench], None]] = {
    "original": original,
    "clean": clean,
    "methods": method_table,
    "matrix": matrix,
    "sounds": sounds,
    "payload": payload,
    "power": power,
    "speed": speed,
}


# --- small steps ---------------------------------------------------------------------------------------------


def controls_of(covers: Sequence[tuple[str, Image]]) -> dict[str, Made]:
    """Return the controls by name."""
    others = {id(each): covers[(at + len(covers) // 2) % len(covers)][1] for at, (_, each) in enumerate(covers)}

    def random(rate: float, bits: int = 1) -> Made:
        return lambda cover, draw: Image(controls.lsb_random(cover.samples, draw, rate=rate, bits=bits))

    def hidden(bits: int) -> Made:
        return lambda cover, _draw: Image(controls.hide_bits(cover.samples, others[id(cover)].samples, bits))

    def matched(rate: float) -> Made:
        return lambda cover, draw: Image(controls.lsb_matching(cover.samples, draw, rate=rate, low=0, high=255))

    return {
        "lsb-random .05": random(0.05),
        "lsb-random .138": random(0.138),
        "lsb-random .2": random(0.2),
        "lsb-random 1": random(1.0),
        "3 random bits": random(1.0, 3),
        "lsb-image 3": hidden(3),
        "lsb-image 4": hidden(4),
        "lsb-matching 1": matched(1.0),
        "noise sd 2": lambda cover, draw: Image(controls.noise(cover.samples, draw, energy=4.0, low=0, high=255)),
    }


def altered(covers: Sequence[tuple[str, Image]], made: Made, seed: int) -> Iterator[tuple[str, Image]]:
    """Yield every picture altered."""
    for number, (source, cover) in enumerate(covers):
        yield source, made(cover, np.random.default_rng([seed, number]))


def teach(clean_side: Sequence[Looked], stego: Sequence[Looked]) -> None:
    """Add the five-fold scores of SPAM + LDA."""
    sides = [[(each.item, each.measured) for each in side] for side in (clean_side, stego)]
    for side, scores in zip((clean_side, stego), trained.crossed(*sides), strict=True):
        for each, score in zip(side, scores, strict=True):
            each.scores["spam"] = score


def aucs(clean_side: Sequence[Looked], stego: Sequence[Looked], *, learn: bool = False) -> dict[str, float | None]:
    """Return the AUC of every detector that answered."""
    if learn:
        teach(clean_side, stego)
    found = [figure(name, clean_side, stego, 0) for name in DETECTORS]
    return {each.name: each.auc for each in found if each.auc is not None}


def told_by(names: Sequence[str], clean_side: Sequence[Looked], stego: Sequence[Looked]) -> list[dict[str, Any]]:
    """Return a row for each detector that answered."""
    found = [figure(name, clean_side, stego, 0) for name in names]
    return [{"detector": each.name, **short(each, full=True)} for each in found if each.auc is not None]


def short(found: Figure, *, full: bool = False) -> dict[str, Any]:
    """Return a figure's cells."""
    record = found.record()
    names = ("auc", "auc_low", "auc_high", "auc_two_sided", "p_e", "detected_at_1", "detected_at_5", "answered", "n")
    return {name: record[name] for name in (names if full else names[:3])}


def grouped_parts(looked: Sequence[Looked], part: str) -> dict[str, list[float | None]]:
    """Return what one of StegExpose's detectors says, by source."""
    found: dict[str, list[float | None]] = {}
    for each in looked:
        found.setdefault(each.item.source, []).append(each.measured.parts.get(part))
    return found


def all_pairs(bench: Bench) -> Iterator[tuple[str, list[tuple[str, Cover, Cover]]]]:
    """Yield the pairs of every method that hides pictures and can run."""
    for name in methods.TABLE:
        try:
            yield name, bench.pairs(name, name=name, folders=bench.options.pictures)
        except IntarsiaError as error:
            print(f"{name}: left out: {error}", file=sys.stderr, flush=True)


def equipped(bench: Bench, name: str) -> Any:  # noqa: ANN401
    """Return a method with its model."""
    return methods.load(name).equip(dict(bench.options.model).get(name))


def draw(bench: Bench, name: str, clean_side: Sequence[Looked], stego: Sequence[Looked]) -> None:
    """Draw ROC and histograms of one method."""
    sides = {}
    for detector in DETECTORS:
        both = [[s for each in side if (s := each.scores.get(detector)) is not None] for side in (clean_side, stego)]
        if all(both):
            sides[detector] = (both[0], both[1])
    (bench.out / f"roc-{name}.png").write_bytes(
        figures.draw_roc(sides, f"{name}, {len(stego)} pairs of {SIDE} x {SIDE}")
    )
    (bench.out / f"histograms-{name}.png").write_bytes(figures.draw_histograms(sides, name))


def grey(bench: Bench) -> list[Path]:
    """Write the pictures in grey, and return the folder."""
    folder = bench.out / "grey"
    folder.mkdir(exist_ok=True)
    for path in pictures(bench.options.pictures):
        target = folder / f"{path.stem}.png"
        if not target.exists():
            target.write_bytes(image_file.encode(Image(luma(image_file.load(path))), "PNG"))
    return [folder]


def luma(picture: Image) -> NDArray[np.uint8]:
    """Return a picture in grey, uint8 [H, W]."""
    return np.rint(picture.samples @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)


def pictures(folders: Sequence[Path]) -> list[Path]:
    """Return the pictures of folders, in order of name."""
    return sorted(path for folder in folders for path in folder.iterdir() if path.suffix.lower() in (".png", ".webp"))


def told(value: Any) -> str:  # noqa: ANN401
    """Return a cell."""
    return f"{value:.3f}" if isinstance(value, float) else "-" if value is None else str(value)


def parsed(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("parts", nargs="+", choices=list(PARTS), metavar="PART")
    parser.add_argument("--pictures", nargs="+", type=Path, default=[], metavar="FOLDER")
    parser.add_argument("--sounds", nargs="+", type=Path, default=[], metavar="FOLDER")
    parser.add_argument("--model", action="append", type=lambda text: tuple(text.split("=", 1)), default=[])
    parser.add_argument("--steps", type=int, default=200, help="of every network")
    parser.add_argument("--limit", type=int, help="pictures or pieces, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    """Measure."""
    options = parsed(words)
    options.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(options)
    for part in options.parts:
        began = time.monotonic()
        PARTS[part](bench)
        print(f"{part}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
