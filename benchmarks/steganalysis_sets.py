"""What `steganalysis.py` measures: squares of pictures, sets made by `hide`, controls, and what was measured so far."""

import argparse
import dataclasses
import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import steganalysis_tables as tables
from numpy.typing import NDArray

from intarsia import methods
from intarsia.carrier.keys import PUBLIC_PASSWORD, Keyring
from intarsia.errors import IntarsiaError
from intarsia.media import Cover, Image, image_file, values
from intarsia.media.image import resize
from intarsia.study import pairs as pair_making
from intarsia.study.pair_sets import Order, Origin
from intarsia.study.steganalysis import controls, natural, trained
from intarsia.study.steganalysis.findings import Looked
from intarsia.study.steganalysis.kinds import CHEAP
from intarsia.study.steganalysis.listing import Item
from intarsia.study.steganalysis.measure import measure, middle
from intarsia.study.steganalysis.store import Store

SIDE = 256
Made = Callable[[Image, np.random.Generator], Image]
Triples = list[tuple[str, Cover, Cover]]
"""Source, cover and container."""


class Fit(NamedTuple):
    """A method that fits every secret anew, with settings that keep it short."""

    label: str
    method: str
    settings: dict[str, str]
    every: int
    """Of so many pictures one is taken, and of each its middle square."""

    @classmethod
    def read(cls, text: str) -> "Fit":
        """Read METHOD:KEY=VALUE,... ; `every` is ours."""
        method, _, rest = text.partition(":")
        settings = dict(part.split("=", 1) for part in rest.split(",") if part)
        every = int(settings.pop("every", "1"))
        return cls(" ".join([method, *settings.values()]), method, settings, every)


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

    def write(self, part: str, rows: Sequence[tables.Row], title: str, shown: Sequence[str] = ()) -> None:
        """Write a table as CSV and as text, and show it."""
        tables.write(self.out, part, rows, title, shown)

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
        fit: Fit | None = None,
    ) -> Triples:
        """Return source, cover and container of every pair that a method makes, read back from files."""
        kind = "audio" if clip else "image"
        found: Triples = []
        for folder in folders:
            origins = pair_making.origins([folder], 0.0, method, (kind,))
            order = Order(
                method,
                self._middles(origins[:: fit.every]) if fit else origins,
                self.out / "sets" / _folder(name) / folder.name,
                fit.settings if fit else {},
                model=dict(self.options.model).get(method),
                size=0 if clip else side,
                clip=clip,
                rate=rate,
                limit=self.options.limit,
                keyring=Keyring(PUBLIC_PASSWORD, CHEAP),
                seed=self.options.seed,
                secrets=pair_making.secrets(self.options.pictures, method) if clip and self.options.pictures else (),
            )
            made = pair_making.export(order)
            for pair in made.pairs:
                both = [values.cover(made.out / path, max_pixels=1 << 26) for path in (pair.cover, pair.container)]
                found.append((pair.source, both[0], both[1]))
        return found[: self.options.limit]

    def _middles(self, origins: Sequence[Origin]) -> list[Origin]:
        """Write the middle square of each picture, and return the origins with that in its place."""
        folder = self.out / "middles"
        folder.mkdir(exist_ok=True)
        found = []
        for origin in origins:
            target = folder / f"{origin.path.parent.name}-{origin.path.stem}.png"
            if not target.exists():
                samples = middle(image_file.load(origin.path).samples, SIDE)
                target.write_bytes(image_file.encode(Image(np.ascontiguousarray(samples)), "PNG"))
            found.append(dataclasses.replace(origin, path=target))
        return found

    def network(self, name: str, pairs: Triples, kind: str = "image") -> trained.Network | None:
        """Return a network taught by pairs, now or before; None: they are too few."""
        if len(pairs) < trained.LEAST_PAIRS or len({source for source, *_ in pairs}) < 2:
            return None
        if name not in self.networks:
            from intarsia.study.steganalysis.learning import RECIPES

            began = time.monotonic()
            recipe = dataclasses.replace(RECIPES[kind], steps=self.options.steps, seed=self.options.seed)
            folder = self.out / "networks" / _folder(name)
            self.networks[name] = trained.network(kind, pairs, recipe, folder=folder)
            print(f"network for {name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        return self.networks[name]


def _folder(name: str) -> str:
    return name.replace(" ", "-")


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


def judge_by(network: trained.Network | None, pairs: Triples, sides: Sequence[Sequence[Looked]]) -> None:
    """Add what a network says about covers and containers."""
    for at, side in enumerate(sides, 1):
        for each, pair in zip(side, pairs, strict=True):
            each.scores["cnn"] = network(pair[at], pair[0]) if network else None


def read_off(reveal: natural.Revealer | None, pairs: Triples, sides: Sequence[Sequence[Looked]]) -> None:
    """Add how natural what anybody reads off covers and containers is."""
    for at, side in enumerate(sides, 1):
        for each, pair in zip(side, pairs, strict=True):
            each.scores["revealer"] = reveal(pair[at]) if reveal else None


def all_pairs(
    bench: Bench, left_out: Sequence[str] = (), folders: Sequence[Path] = (), side: int = SIDE
) -> Iterator[tuple[str, Triples]]:
    """Yield the pairs of every method that hides in pictures and can run, those that fit each secret last."""
    folders = folders or bench.options.pictures
    for name in _asked(bench, "image"):
        called = name if side == SIDE else f"{name}-{side}"
        if name not in left_out and not methods.load(name).fits:
            yield from _if_it_can(name, partial(bench.pairs, name, name=called, folders=folders, side=side))
    for fit in bench.options.fit if side == SIDE else ():
        if fit.method in _asked(bench, "image"):
            made = partial(bench.pairs, fit.method, name=fit.label, folders=folders, fit=fit)
            yield from _if_it_can(fit.label, made)


def sound_pairs(bench: Bench) -> Iterator[tuple[str, Triples]]:
    """Yield pieces of every method that hides in sounds and can run."""
    for name in _asked(bench, "audio"):
        made = partial(bench.pairs, name, name=f"{name}-sound", folders=bench.options.sounds, clip=bench.options.clip)
        yield from _if_it_can(name, made)


def _asked(bench: Bench, kind: str) -> list[str]:
    return [name for name in bench.options.methods or methods.TABLE if kind in methods.load(name).facts.covers]


def _if_it_can(name: str, work: Callable[[], Triples]) -> Iterator[tuple[str, Triples]]:
    try:
        yield name, work()
    except IntarsiaError as error:
        print(f"{name}: left out: {error}", file=sys.stderr, flush=True)


def equipped(bench: Bench, label: str) -> Any:  # noqa: ANN401
    """Return a method with its model."""
    name = label.partition(" ")[0]
    return methods.load(name).equip(dict(bench.options.model).get(name))


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
