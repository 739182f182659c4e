"""What the detectors see: of controls, of every method, and of the exact path at each payload.

    python benchmarks/steganalysis.py PART... --pictures FOLDER... -o DIR [--sounds FOLDER...] [--model METHOD=RUN]...
                                      [--fit METHOD:KEY=VALUE,...]... [--methods NAME...] [--steps 200]
                                      [--clip 2] [--limit N] [--seed 0]

    original   StegExpose as published, on 256 x 256, and its sweep over thresholds at 64 x 64 and 512 x 512
    clean      the same detectors repaired, WS, and SPAM + LDA, on controls
    jpeg       JPEG compatibility, on covers that were JPEGs
    methods    every method that can run, each detector; a network is trained for each
    sweep      StegExpose's sweep over thresholds on what those methods make, at 64 x 64 and 512 x 512
    matrix     those networks and LDAs, each tested on what it was not taught
    sounds     the methods that hide in sounds, on pieces of --clip seconds, beside controls
    payload    P_E of the exact path at .05, .1, .2, .4, 1.58 bits per sample, in colour and in grey
    power      simulated adaptive embedding (needs conseal): what the trained detectors are worth
    speed      seconds of each classical detector on 512 x 512

FOLDER holds pictures that never were a JPEG. A method with a network takes part with the model that ships, or
with its --model. One that fits every secret takes part in methods and matrix when --fit names it with its settings, as
in neural_field:recipe=residue,steps=120; it hides in the middle of each picture, or with every=3 of each third.

Everything is measured from saved files but the controls, whose samples are what a file would hold. Folds, splits and
intervals are by source picture. What is measured is kept in DIR, so a command that was stopped goes on. Each part
leaves PART.csv with every figure, PART.md and its plots in DIR.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from steganalysis_controls import clean, comb, original, power, speed
from steganalysis_sets import (
    SIDE,
    Bench,
    Fit,
    Triples,
    all_pairs,
    equipped,
    grey,
    judge_by,
    read_off,
    shrunk,
    sound_pairs,
    teach,
)
from steganalysis_tables import Row, draw, draw_sweep, rows_of

from intarsia.study.steganalysis import controls, fusion, natural, trained
from intarsia.study.steganalysis.findings import Looked
from intarsia.study.steganalysis.measure import DETECTORS

UNTAUGHT = ("chi2", "spa", "ws", "spam")
"""Those of a sound that no network is needed for."""

RATES = (0.05, 0.1, 0.2, 0.4, 1.58)

# --- parts ---------------------------------------------------------------------------------------------------


def method_table(bench: Bench) -> None:
    """Every method, every detector."""
    rows: list[Row] = []
    for name, pairs in all_pairs(bench):
        sides = looked_at(bench, pairs)
        teach(*sides)
        judge_by(bench.network(name, pairs), pairs, sides)
        read_off(natural.revealer(equipped(bench, name)), pairs, sides)
        decibels = [-10 * np.log10(controls.energy(pair[1].samples, pair[2].samples) / 255**2) for pair in pairs]
        rows += rows_of(DETECTORS, {"method": name, "psnr": float(np.mean(decibels)), "pairs": len(pairs)}, *sides)
        draw(bench.out, name, *sides)
        bench.write("methods", rows, f"Squares of {SIDE} x {SIDE}, saved and read back.")


def sweep(bench: Bench) -> None:
    """StegExpose on what methods with networks paint, as StegNet's paper draws it, beside image-in-LSB."""
    rows: list[Row] = []
    for side, folders in ((64, shrunk(bench, 64)), (512, bench.options.pictures)):
        swept = {}
        for name, pairs in all_pairs(bench, ["exact"], folders, side):
            swept[name] = sides = looked_at(bench, pairs)
            always = [part for part in fusion.PARTS if all(each.measured.parts[part] is not None for each in sides[1])]
            head = {"side": side, "method": name, "always answered": " ".join(always)}
            rows += rows_of(("stegexpose-original", "stegexpose-clean"), head, *sides)
        draw_sweep(bench.out, f"sweep-methods-{side}", swept, side)
    bench.write("sweep", rows, "StegExpose's fusion on saved containers; figures sweep-methods-64 and -512.")


def matrix(bench: Bench) -> None:
    """Networks and LDAs taught by one method, tested on another."""
    sets = dict(all_pairs(bench))
    looked = {name: looked_at(bench, pairs) for name, pairs in sets.items()}
    rows: list[Row] = []
    for taught, pairs in sets.items():
        network = bench.network(taught, pairs)
        lesson = trained.Lesson(
            "image", [pair[0] for pair in pairs], *([each.measured for each in side] for side in looked[taught])
        )
        lda = trained.discriminants(lesson)
        for tested, other in sets.items():
            judge_by(network, other, looked[tested])
            for side in looked[tested]:
                for each, pair in zip(side, other, strict=True):
                    each.scores["spam"] = lda(each.measured, pair[0]) if lda else None
            rows += rows_of(("cnn", "spam"), {"taught": taught, "tested": tested}, *looked[tested])
    title = "AUC of detectors taught by one method and tested on another, on sources not taught."
    bench.write("matrix", rows, title, ("auc", "answered"))


def sounds(bench: Bench) -> None:
    """Methods that hide in sounds, and controls with the same detectors."""
    rows: list[Row] = []
    title = f"Pieces of {bench.options.clip:g} s, saved and read back, beside controls made of the same pieces."
    most: Triples = []
    for name, pairs in sound_pairs(bench):
        rows += sound_rows(bench, name, pairs, DETECTORS, natural.revealer(equipped(bench, name)))
        bench.write("sounds", rows, title)
        most = max(most, pairs, key=len)
    for control in ("lsb-random", "lsb-matching"):
        changed = [controls.made(control, pair[1], None, seed=at, energy=0.5) for at, pair in enumerate(most)]
        pairs = [(*pair[:2], value) for pair, value in zip(most, changed, strict=True) if value is not None]
        # A network is worth what it finds where nothing but one level is changed.
        rows += sound_rows(bench, f"control {control}", pairs, DETECTORS if control == "lsb-matching" else UNTAUGHT)
        bench.write("sounds", rows, title)


def sound_rows(
    bench: Bench, name: str, pairs: Triples, names: Sequence[str], reveal: natural.Revealer | None = None
) -> list[Row]:
    """Return what detectors, taught by these pairs, say of them."""
    sides = looked_at(bench, pairs)
    teach(*sides)
    read_off(reveal, pairs, sides)
    if "cnn" in names:
        judge_by(bench.network(f"{name}-sound", pairs, "audio"), pairs, sides)
    head = {"method": name, "pieces": len(pairs), "speakers": len({pair[0] for pair in pairs})}
    return rows_of(names, head, *sides)


def payload(bench: Bench) -> None:
    """The exact path's P_E at each payload."""
    rows: list[Row] = []
    for colour in ("rgb", "grey"):
        folders = bench.options.pictures if colour == "rgb" else grey(bench)
        for rate in RATES:
            name = f"exact-{colour}-{rate}"
            pairs = bench.pairs("exact", name=name, folders=folders, rate=rate)
            sides = looked_at(bench, pairs)
            teach(*sides)
            judge_by(bench.network(name, pairs), pairs, sides)
            rows += rows_of(("ws", "spam", "cnn"), {"colour": colour, "bits per sample": rate}, *sides)
            title = "P_E (.5 is blind) and AUC of the exact path; random bytes, saved and read back."
            bench.write("payload", rows, title, ("p_e", "auc", "answered"))


def looked_at(bench: Bench, pairs: Triples) -> tuple[list[Looked], list[Looked]]:
    """Measure covers and containers."""
    return bench.look([(pair[0], pair[1]) for pair in pairs]), bench.look([(pair[0], pair[2]) for pair in pairs])


PARTS: dict[str, Callable[[Bench], None]] = {
    "original": original,
    "clean": clean,
    "jpeg": comb,
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
    parser.add_argument("--methods", nargs="+", default=[], metavar="NAME", help="those alone; else all of the table")
    parser.add_argument("--fit", action="append", type=Fit.read, default=[], metavar="METHOD:KEY=VALUE,...")
    parser.add_argument("--steps", type=int, default=200, help="of every network")
    parser.add_argument("--clip", type=float, default=2.0, help="seconds of a piece of sound")
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
