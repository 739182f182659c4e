"""One kind of files: measured against covers, with detectors taught for it, beside controls."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...carrier.keys import PUBLIC_PASSWORD, Cost, Keyring
from ...engine.recipe import Recipe
from ...media import Cover, values
from ...methods.base import Method
from .. import pairs as pair_making
from ..pair_sets import Order as PairOrder
from ..pair_sets import Origin
from . import controls, natural, trained
from .findings import Looked, Order, Part, Watch, figure
from .listing import Item
from .measure import DETECTORS, Measured, measure
from .roc import Figure
from .store import Store, key_of
from .verdicts import judge

CHEAP = Cost(1, 8, 1)
"""Of the passwords of pairs that are made to learn from: it changes nothing that a detector can see."""

MOST_CONTROLS = 100
"""Covers of which controls are made, at most."""

_WORD = {"image": "pictures", "audio": "sounds"}


@dataclass(frozen=True)
class Work:
    """What every step needs."""

    order: Order
    room: Method[Any] | None
    recipe: dict[str, Any]
    store: Store
    watch: Watch
    notes: list[str]

    def part(self, kind: str, looked: list[Looked], covers: list[Looked]) -> Part:
        """Return what is found among files of one kind."""
        if self.order.against and not covers:
            self.notes.append(f"no covers to compare the {_WORD[kind]} with")
        lda: trained.Discriminants | None = None
        network: trained.Network | None = None
        if covers and self.room is not None and kind in self.room.facts.covers:
            lda, network = self._learn(kind, covers)
            self._reveal([*looked, *covers])
        elif covers:
            clean, other = ([(each.item, each.measured) for each in side] for side in (covers, looked))
            for side, scores in zip((covers, looked), trained.crossed(clean, other), strict=True):
                _fill(side, "spam", scores)
        if lda is not None:
            for each in (*looked, *covers):
                each.scores["spam"] = lda(each.measured, each.item.source)
        if network is not None:
            self._judge_by(network, [*looked, *covers])
        found = judge([each.scores for each in covers], kind)
        figures = [figure(name, covers, looked, self.order.seed) for name in DETECTORS]
        made = self._controls(covers, looked, lda, network) if covers else {}
        return Part(kind, looked, covers, figures, made, found, [found(each.scores) for each in looked])

    def _learn(self, kind: str, covers: list[Looked]) -> tuple[trained.Discriminants | None, trained.Network]:
        """Make pairs of the covers, and learn to tell them apart."""
        made = pair_making.export(self._pairs(kind, covers), self.watch.progress, self.watch.note)
        loaded: list[tuple[str, Cover, Cover]] = []
        measured: list[list[Measured]] = [[], []]
        for number, pair in enumerate(made.pairs):
            self.watch.progress("measuring pairs", number / len(made.pairs))
            paths = [made.out / pair.cover, made.out / pair.container]
            cover, container = (values.cover(path, max_pixels=self.order.max_pixels) for path in paths)
            loaded.append((pair.source, cover, container))
            for side, path, value in zip(measured, paths, (cover, container), strict=True):
                side.append(self.store.get(key_of(path), partial(measure, value)))
        lesson = trained.Lesson(kind, [source for source, _, _ in loaded], measured[0], measured[1])
        network = trained.network(
            kind,
            loaded,
            self._recipe(kind),
            folder=self.order.out / f"network-{kind}",
            device=self.order.device,
            company=self.watch.company(),
        )
        return trained.discriminants(lesson), network

    def _pairs(self, kind: str, covers: Sequence[Looked]) -> PairOrder:
        """Return the order for pairs of the covers, split as the network will be tested."""
        assert self.order.train is not None
        kept = trained.kept_sources([each.item.source for each in covers])
        sides = ["test" if each.item.source in kept else "train" for each in covers]
        origins = [
            Origin(each.item.path, f"{number:05d}", each.item.source, side)
            for number, (each, side) in enumerate(zip(covers, sides, strict=True))
        ]
        return PairOrder(
            self.order.train,
            origins,
            self.order.out / f"pairs-{kind}",
            self.order.settings,
            self.order.model,
            self.order.device,
            keyring=Keyring(PUBLIC_PASSWORD, CHEAP),
            seed=self.order.seed,
            force=self.order.force,
            max_pixels=self.order.max_pixels,
            secrets=pair_making.secrets(self.order.against, self.order.train) if kind == "audio" else (),
        )

    def _recipe(self, kind: str) -> Recipe:
        from .learning import RECIPES

        return dataclasses.replace(RECIPES[kind], **self.recipe, seed=self.order.seed)

    def _judge_by(self, network: trained.Network, looked: Sequence[Looked]) -> None:
        for number, each in enumerate(looked):
            self.watch.progress("judging", number / len(looked))
            if each.item.source not in network.seen:
                each.scores["cnn"] = network(self._load(each.item), each.item.source)

    def _reveal(self, looked: Sequence[Looked]) -> None:
        """Score what the method gives to anybody; the low bits, which were tried before, do not count then."""
        bits = int(str(self.order.settings.get("bits", natural.PUBLISHED_BITS)))
        reveal = natural.revealer(self.room, bits)
        for number, each in enumerate(looked):
            self.watch.progress("revealing without a key", number / len(looked))
            each.scores["revealer"] = None if reveal is None else reveal(self._load(each.item))
        if reveal is None:
            self.notes.append(f"{self.order.train}: nothing to see without the password, so revealer says nothing")

    def _controls(
        self,
        covers: Sequence[Looked],
        looked: Sequence[Looked],
        lda: trained.Discriminants | None,
        network: trained.Network | None,
    ) -> dict[str, list[Figure]]:
        """Return figures of the controls, beside which the others are to be read."""
        chosen = [covers[at * len(covers) // MOST_CONTROLS] for at in range(MOST_CONTROLS)]
        chosen = list({each.item.path: each for each in (chosen if len(covers) > MOST_CONTROLS else covers)}.values())
        halves = [[each for at, each in enumerate(_by_source(covers)) if at % 2 == side] for side in (0, 1)]
        flat = [[each for source in half for each in source] for half in halves]
        found = {"clean": [figure(name, flat[0], flat[1], self.order.seed) for name in DETECTORS]}
        energy = self._energy(covers, looked)
        for at, name in enumerate(controls.NAMES):
            made = []
            for number, each in enumerate(chosen):
                self.watch.progress("controls", (at + number / len(chosen)) / len(controls.NAMES))
                made += self._control(name, each, chosen[(number + 1) % len(chosen)], energy, lda, network)
            if made:
                if lda is None:
                    clean, other = ([(each.item, each.measured) for each in side] for side in (covers, made))
                    _fill(made, "spam", trained.crossed(clean, other)[1])
                found[name] = [figure(each, covers, made, self.order.seed) for each in DETECTORS]
        return found

    def _control(
        self,
        name: str,
        cover: Looked,
        other: Looked,
        energy: float,
        lda: trained.Discriminants | None,
        network: trained.Network | None,
    ) -> list[Looked]:
        key = f"{cover.key}/{name}/{energy:.4g}/{other.key[:16] if name == 'lsb-image' else self.order.seed}"
        needs_value = network is not None and cover.item.source not in network.seen
        value: Cover | None = None
        if needs_value or key not in self.store:
            given = self._load(cover.item)
            value = controls.made(name, given, self._load(other.item), seed=self.order.seed, energy=energy)
            if value is None:
                return []
        measured = self.store.get(key, lambda: measure(value))  # type: ignore[arg-type]
        scores = dict(measured.scores)
        if lda is not None:
            scores["spam"] = lda(measured, cover.item.source)
        if network is not None and value is not None:
            scores["cnn"] = network(value, cover.item.source)
        return [Looked(cover.item, key, measured, scores)]

    def _energy(self, covers: Sequence[Looked], looked: Sequence[Looked]) -> float:
        """Return the mean squared change of files from covers of the same source; of one bit, where none match."""
        by_source = {each.item.source: each for each in covers}
        found = []
        for each in looked[:MOST_CONTROLS]:
            cover = by_source.get(each.item.source)
            if cover is not None:
                samples, changed = self._load(cover.item).samples, self._load(each.item).samples
                if samples.shape == changed.shape:
                    found.append(controls.energy(samples, changed))
        mean = sum(found) / len(found) if found else 0.0
        return mean if mean > 0 else 0.5

    def _load(self, item: Item) -> Cover:
        return values.cover(item.path, max_pixels=self.order.max_pixels)


def _fill(side: Sequence[Looked], name: str, scores: Sequence[float | None]) -> None:
    for each, score in zip(side, scores, strict=True):
        each.scores[name] = score


def _by_source(looked: Sequence[Looked]) -> list[list[Looked]]:
    found: dict[str, list[Looked]] = {}
    for each in looked:
        found.setdefault(each.item.source, []).append(each)
    return [found[source] for source in sorted(found)]
