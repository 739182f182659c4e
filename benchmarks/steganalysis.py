"""What the detectors see: of controls, of every method, and of the exact path at each payload.

    python benchmarks/steganalysis.py PART... --pictures FOLDER... -o DIR [--sounds FOLDER...] [--model METHOD=RUN]...
                                      [--steps 200] [--limit N] [--seed 0]

    original   StegExpose as published, on 256 x 256, and its sweep over thresholds at 64 x 64 and 512 x 512
    clean      the same detectors repaired, WS, and SPAM + LDA, on controls
    methods    every method that can run, each detector, beside controls; a network is trained for each
    sweep      StegExpose's sweep over thresholds on what those methods make, at 64 x 64 and 512 x 512
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
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from steganalysis_sets import (
    SIDE,
    Bench,
    all_pairs,
    altered,
    aucs,
    controls_of,
    draw,
    draw_sweep,
    equipped,
    grey,
    grouped_parts,
    luma,
    short,
    shrunk,
    teach,
    told_by,
)

from intarsia import methods
from intarsia.media import Image
from intarsia.study.steganalysis import (
    adaptive,
    chi2,
    controls,
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
from intarsia.study.steganalysis.findings import figure
from intarsia.study.steganalysis.measure import DETECTORS, measure, planes_of

UNTAUGHT = ("chi2", "spa", "ws", "spam")
"""Those of a sound that no network is needed for."""

RATES = (0.05, 0.1, 0.2, 0.4, 1.58)


# --- parts ---------------------------------------------------------------------------------------------------


def original(bench: Bench) -> None:
    """StegExpose as published, and its sweep."""
    rows = []
    for side in (64, SIDE, 512):
        covers = bench.covers(side)
        clean = bench.look(covers)
        swept = {}
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
            if name in ("lsb-random .138", "lsb-image 3"):
                swept[name] = (clean, stego)
        draw_sweep(bench, f"sweep-{side}", swept, side)
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


def sweep(bench: Bench) -> None:
    """StegExpose on what methods with networks paint, as StegNet's paper draws it, beside image-in-LSB."""
    rows = []
    for side, folders in ((64, shrunk(bench, 64)), (512, bench.options.pictures)):
        swept = {}
        for name, pairs in all_pairs(bench, [name for name in methods.TABLE if name != "exact"], folders, side):
            sides = [bench.look([(pair[0], pair[at]) for pair in pairs]) for at in (1, 2)]
            swept[name] = (sides[0], sides[1])
            answered = [
                part for part in fusion.PARTS if all(each.measured.parts[part] is not None for each in sides[1])
            ]
            for which in ("stegexpose-original", "stegexpose-clean"):
                row = {"side": side, "method": name, "fusion": which, **short(figure(which, *sides, 0), full=True)}
                rows.append({**row, "always answered": " ".join(answered)})
        draw_sweep(bench, f"sweep-methods-{side}", swept, side)
    bench.write("sweep", rows, "StegExpose's fusion on saved containers; figures sweep-methods-64 and -512.")


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
    "sweep": sweep,
    "matrix": matrix,
    "sounds": sounds,
    "payload": payload,
    "power": power,
    "speed": speed,
}


# --- the command ---------------------------------------------------------------------------------------------


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
