"""What the detectors are worth: the parts of `steganalysis.py` for which nothing is hidden by `hide`."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from steganalysis_sets import SIDE, Bench, Triples, altered, controls_of, judge_by, luma, teach
from steganalysis_tables import Row, answered, draw_sweep, figure_row, parts_of, rows_of

from intarsia.media import Image, image_file
from intarsia.study.steganalysis import adaptive, chi2, fusion, jpeg, natural, rs, sample_pairs, spam, ws
from intarsia.study.steganalysis.findings import figure
from intarsia.study.steganalysis.measure import DETECTORS, measure, planes_of

QUALITIES = (75, 90, 97)
SIMULATED = ("spa", "ws", "stegexpose-clean", "spam", "cnn")


def original(bench: Bench) -> None:
    """StegExpose as published, and its sweep."""
    rows: list[Row] = []
    for side in (64, SIDE, 512):
        covers = bench.covers(side)
        clean_side = bench.look(covers)
        swept = {}
        for name, made in controls_of(covers).items():
            stego = bench.look(list(altered(covers, made, bench.options.seed)))
            flagged = [
                float(np.mean([(each.scores["stegexpose-original"] or 0) > fusion.THRESHOLD for each in looked]))
                for looked in (clean_side, stego)
            ]
            head = {"side": side, "made": name, "flagged clean": flagged[0], "flagged": flagged[1], **answered(stego)}
            found = figure("stegexpose-original", clean_side, stego, 0), parts_of(clean_side, stego, "spa")
            rows += [figure_row(head, each) for each in found]
            if name in ("lsb-random .138", "lsb-image 3"):
                swept[name] = (clean_side, stego)
        draw_sweep(bench.out, f"sweep-{side}", swept, side)
    title = "StegExpose's fusion as published, and how many altered pictures its parts answered for."
    bench.write("original", rows, title, ("auc", "auc_low", "auc_high"))


def clean(bench: Bench) -> None:
    """Repaired detectors on controls."""
    covers = bench.covers()
    looked = bench.look(covers)
    rows: list[Row] = []
    for name, made in controls_of(covers).items():
        stego = bench.look(list(altered(covers, made, bench.options.seed)))
        teach(looked, stego)
        rows += rows_of(DETECTORS, {"made": name}, looked, stego)
    halves = [[each for at, each in enumerate(looked) if at % 2 == side] for side in (0, 1)]
    teach(*halves)
    rows += rows_of(DETECTORS, {"made": "clean"}, *halves)
    bench.write("clean", rows, f"AUC, {len(covers)} squares of {SIDE}; spam: five-fold by source.", ("auc",))


def comb(bench: Bench) -> None:
    """JPEG compatibility, on covers that were JPEGs."""
    rows: list[Row] = []
    for quality in QUALITIES:
        pressed = [(source, image_file.encode(each, "JPEG", quality=quality)) for source, each in bench.covers()]
        covers = [(source, Image(image_file.decode(data).samples)) for source, data in pressed]
        looked = bench.look(covers)
        for name in ("lsb-random .05", "lsb-random 1", "lsb-image 3", "lsb-matching 1"):
            stego = bench.look(list(altered(covers, controls_of(covers)[name], bench.options.seed)))
            head = {"quality": quality, "made": name}
            rows += rows_of(("jpeg", "ws", "stegexpose-original"), head, looked, stego)
    title = f"AUC on {len(covers)} squares of {SIDE}, decoded from JPEGs and altered; no answer: no trace was found."
    bench.write("jpeg", rows, title, ("auc", "answered"))


def power(bench: Bench) -> None:
    """Detectors on simulated adaptive embedding."""
    if not adaptive.available():
        print(f"power: skipped: {adaptive.HOW}")
        return
    rows: list[Row] = []
    covers = [(source, Image(luma(picture))) for source, picture in bench.covers()]
    looked = bench.look(covers)
    for simulator in ("hill", "suniward"):
        for rate in (0.1, 0.4, 1.0):
            made = [Image(adaptive.simulate(simulator, each.samples, rate, at)) for at, (_, each) in enumerate(covers)]
            stego = bench.look([(source, value) for (source, _), value in zip(covers, made, strict=True)])
            teach(looked, stego)
            pairs: Triples = [(source, each, other) for (source, each), other in zip(covers, made, strict=True)]
            judge_by(bench.network(f"{simulator} {rate}", pairs), pairs, (looked, stego))
            rows += rows_of(SIMULATED, {"made": f"{simulator} {rate}"}, looked, stego)
            title = f"{len(covers)} grey squares of {SIDE}; simulated embedding by conseal."
            bench.write("power", rows, title, ("auc", "p_e"))


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
