"""What `steganalysis.py` measures: squares of pictures, sets made by `hide`, controls, and what was measured so far."""

import argparse
import csv
import dataclasses
import datetime
import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from intarsia import methods
from intarsia.carrier.keys import PUBLIC_PASSWORD, Keyring
from intarsia.errors import IntarsiaError
from intarsia.media import Cover, Image, image_file, values
from intarsia.media.image import resize
from intarsia.study import pairs as pair_making
from intarsia.study.pair_sets import Order
from intarsia.study.steganalysis import controls, figures, roc, trained
from intarsia.study.steganalysis.findings import Looked, figure
from intarsia.study.steganalysis.kinds import CHEAP
from intarsia.study.steganalysis.listing import Item
from intarsia.study.steganalysis.measure import DETECTORS, measure
from intarsia.study.steganalysis.roc import Figure
from intarsia.study.steganalysis.store import Store

SIDE = 256
Made = Callable[[Image, np.random.Generator], Image]
Triples = list[tuple[str, Cover, Cover]]
"""Source, cover and container."""


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
                squares = [
                    samples[top : top + side, left : left + side]
                    for left in range(0, samples.shape[1] - side + 1, step or side)
                ]
                found += [(path.stem, Image(np.ascontiguousarray(square))) for square in squares]
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
        self,
        method: str,
        *,
        name: str,
        folders: Sequence[Path],
        rate: float | None = None,
        clip: float = 0.0,
        side: int = SIDE,
    ) -> Triples:
        """Return source, cover and container of every pair that a method makes, read back from files."""
        kind = "audio" if clip else "image"
        found = []
        for folder in folders:
            origins = pair_making.origins([folder], 0.0, method, (kind,))
            order = Order(
                method,
                origins,
                self.out / "sets" / name / folder.name,
                model=dict(self.options.model).get(method),
                size=0 if clip else side,
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


def all_pairs(
    bench: Bench, names: Sequence[str] = (), folders: Sequence[Path] = (), side: int = SIDE
) -> Iterator[tuple[str, Triples]]:
    """Yield the pairs of every method that hides pictures and can run."""
    for name in names or methods.TABLE:
        try:
            called = name if side == SIDE else f"{name}-{side}"
            yield name, bench.pairs(name, name=called, folders=folders or bench.options.pictures, side=side)
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


def draw_sweep(bench: Bench, name: str, sides: Mapping[str, tuple[list[Looked], list[Looked]]], side: int) -> None:
    """Draw both fusions at thresholds 0, .01, .., 1."""
    swept = {}
    for made, groups in sides.items():
        for which in ("original", "clean"):
            scores = [[each.scores[f"stegexpose-{which}"] for each in group] for group in groups]
            swept[f"{which}, {made}"] = (roc.sweep(scores[0]), roc.sweep(scores[1]))
    count = max(len(groups[1]) for groups in sides.values())
    title = f"thresholds 0 to 1, {count} pictures of {side} x {side}"
    (bench.out / f"{name}.png").write_bytes(figures.draw_sweep(swept, title))


def shrunk(bench: Bench, side: int) -> list[Path]:
    """Write the pictures shrunk, and return the folder."""
    folder = bench.out / f"shrunk-{side}"
    folder.mkdir(exist_ok=True)
    for path in pictures(bench.options.pictures):
        target = folder / f"{path.stem}.png"
        if not target.exists():
            target.write_bytes(image_file.encode(Image(resize(image_file.load(path), side, side).samples), "PNG"))
    return [folder]


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
