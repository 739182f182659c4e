"""`analyze`: files, covers to compare them with, and what the detectors say.

    PATH...   ─► measured ─┐
                           ├─► figures, a Judge ─► a verdict on each file ─► report
    --against ─► measured ─┤
                  └─► controls made of them
    --train   ─► pairs that `hide` makes of the covers ─► LDA, network ─► their scores

Everything measured is kept by content, so what was stopped goes on. Files that cannot be read are named at the end.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...carrier.keys import PUBLIC_PASSWORD, Cost, Keyring
from ...engine.recipe import Recipe
from ...errors import InputError, OutputError, ResourceError, UsageError
from ...media import Cover, files, image_file, values
from ...methods import load
from ...methods.base import Method, Progress, configure, no_progress
from ...methods.learned import need_torch
from .. import pairs as pair_making
from . import controls, natural, roc, trained
from .listing import KINDS, Item, listed
from .measure import DETECTORS, Measured, measure
from .roc import Figure
from .store import Store, key_of
from .verdicts import Judge, Verdict, judge

if TYPE_CHECKING:
    from ...engine.company import Company

CHEAP = Cost(1, 8, 1)
"""Of the passwords of pairs that are made to learn from: it changes nothing that a detector can see."""

MOST_CONTROLS = 100
"""Covers of which controls are made, at most."""

FIRST = "analysis.json"


@dataclass(frozen=True)
class Order:
    """What is asked for.

    Attributes:
        paths: files and folders to examine.
        out: folder of the report.
        against: folder or file of clean covers like them.
        train: method whose containers the trained detectors learn to tell.
        settings: of that method, and of the recipe of its detector.
        model: of that method.
        device: where networks run.
        seed: of everything random.
        force: replace an earlier report.
        max_pixels: limit on pictures read.
    """

    paths: Sequence[str]
    out: Path
    against: Sequence[str] = ()
    train: str | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    model: str | None = None
    device: str = "auto"
    seed: int = 0
    force: bool = False
    max_pixels: int = image_file.MAX_PIXELS


@dataclass(frozen=True)
class Watch:
    """Who follows: progress of stages, notes, and who watches the network learn."""

    progress: Progress = no_progress
    note: Callable[[str], None] = lambda _line: None
    company: "Callable[[], Company | None]" = lambda: None


@dataclass(frozen=True)
class Looked:
    """One file that was measured; `scores` holds those of trained detectors too."""

    item: Item
    key: str
    measured: Measured
    scores: dict[str, float | None]


@dataclass(frozen=True)
class Part:
    """What was found among files of one kind.

    Attributes:
        kind: "image" or "audio".
        files: those examined.
        covers: those compared with.
        figures: one for each detector; the AUCs are None without covers.
        controls: figures of each control.
        judge: thresholds in force.
        verdicts: on each file.
    """

    kind: str
    files: Sequence[Looked]
    covers: Sequence[Looked]
    figures: Sequence[Figure]
    controls: Mapping[str, Sequence[Figure]]
    judge: Judge
    verdicts: Sequence[Verdict]

    @property
    def suspicious(self) -> int:
        """Count the suspicious files."""
        return sum(verdict.suspicious for verdict in self.verdicts)

    def sides(self, name: str) -> tuple[list[float], list[float]]:
        """Return what a detector said about covers and about files, where it answered."""
        return _answers(self.covers, name), _answers(self.files, name)


@dataclass(frozen=True)
class Analysis:
    """Everything.

    Attributes:
        order: what was asked for.
        parts: by kind.
        broken: files that could not be read: name and reason.
        seconds: wall-clock time.
        notes: what the user should know.
    """

    order: Order
    parts: Sequence[Part]
    broken: Sequence[tuple[str, str]]
    seconds: float
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "files": sum(len(part.files) for part in self.parts),
            "covers": sum(len(part.covers) for part in self.parts),
            "suspicious": sum(part.suspicious for part in self.parts),
            "broken": dict(self.broken),
            "trained_on": self.order.train,
            "detectors": [{**figure.record(), "media": part.kind} for part in self.parts for figure in part.figures],
            "jpeg": [_jpeg(part) for part in self.parts if part.kind == "image"],
            "controls": {
                part.kind: {name: [figure.record() for figure in found] for name, found in part.controls.items()}
                for part in self.parts
            },
            "false_alarms": {part.kind: part.judge.false_alarms for part in self.parts},
            "calibrated": {part.kind: part.judge.calibrated for part in self.parts},
            "out": str(self.order.out),
            "seconds": round(self.seconds, 3),
        }


def analyze(order: Order, watch: Watch | None = None) -> Analysis:
    """Examine files, and write the report.

    Raises:
        InputError: a path is missing, or not one file could be read.
        OutputError: the folder holds a report, or cannot be written.
        UsageError: options that do not go together.
    """
    from .report import write

    watch, began = watch or Watch(), time.monotonic()
    order, room, recipe = _taught(order)
    items, against = listed(order.paths), listed(order.against) if order.against else []
    folder = _prepared(order)
    store = Store(folder)
    broken: list[tuple[str, str]] = []
    looked = _look(items, order, store, watch.progress, "examining", broken)
    covers = _look(against, order, store, watch.progress, "measuring covers", broken)
    if not looked:
        raise InputError(f"not one file could be read: {'; '.join(reason for _, reason in broken[:3])}")
    notes: list[str] = []
    work = _Work(order, room, recipe, store, watch, notes)
    parts = [
        work.part(kind, _of_kind(looked, kind), _of_kind(covers, kind)) for kind in KINDS if _of_kind(looked, kind)
    ]
    found = Analysis(order, parts, tuple(broken), time.monotonic() - began, tuple(notes))
    notes_of_plots = write(found)
    return dataclasses.replace(found, notes=(*found.notes, *notes_of_plots))


# --- one kind of files ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Work:
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
        found = judge([each.scores for each in covers])
        figures = [figure(name, covers, looked, self.order.seed) for name in DETECTORS]
        made = self._controls(covers, looked, lda, network) if covers else {}
        return Part(kind, looked, covers, figures, made, found, [found(each.scores) for each in looked])

    def _learn(self, kind: str, covers: list[Looked]) -> tuple[trained.Discriminants | None, trained.Network]:
        """Make pairs of the covers, and learn to tell them apart."""
        kept = trained.kept_sources([each.item.source for each in covers])
        origins = [
            pair_making.Origin(
                each.item.path, f"{number:05d}", each.item.source, "test" if each.item.source in kept else "train"
            )
            for number, each in enumerate(covers)
        ]
        assert self.order.train is not None
        making = pair_making.Order(
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
        )
        made = pair_making.export(making, self.watch.progress, self.watch.note)
        loaded = []
        lesson = trained.Lesson(kind, [], [], [])
        for number, pair in enumerate(made.pairs):
            self.watch.progress("measuring pairs", number / len(made.pairs))
            paths = [made.out / pair.cover, made.out / pair.container]
            pictures = [values.cover(path, max_pixels=self.order.max_pixels) for path in paths]
            clean, stego = (
                self.store.get(key_of(path), lambda value=value: measure(value))  # type: ignore[misc]
                for path, value in zip(paths, pictures, strict=True)
            )
            loaded.append((pair.source, pictures[0], pictures[1]))
            lesson = trained.Lesson(
                kind, [*lesson.sources, pair.source], [*lesson.clean, clean], [*lesson.stego, stego]
            )
        recipe = self._recipe(kind)
        network = trained.network(
            kind,
            loaded,
            recipe,
            folder=self.order.out / f"network-{kind}",
            device=self.order.device,
            company=self.watch.company(),
        )
        return trained.discriminants(lesson), network

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


def figure(name: str, covers: Sequence[Looked], looked: Sequence[Looked], seed: int) -> Figure:
    """Return how well a detector tells files from covers."""
    return roc.figure(name, _grouped(covers, name), _grouped(looked, name), seed)


# --- small steps ---------------------------------------------------------------------------------------------

_WORD = {"image": "pictures", "audio": "sounds"}


def _taught(order: Order) -> tuple[Order, Method[Any] | None, dict[str, Any]]:
    """Return the order with the method's settings alone, the method, and the settings of its detector's recipe."""
    if order.train is None:
        if order.settings or order.model is not None:
            raise UsageError("--set and --model are for the method to learn; add --train METHOD")
        return order, None, {}
    if not order.against:
        raise UsageError("--train learns from clean covers; name them: --against DIR")
    need_torch("--train")
    room = load(order.train)
    recipe = {name: order.settings[name] for name in ("steps", "seconds", "batch", "lr") if name in order.settings}
    rest = {name: value for name, value in order.settings.items() if name not in recipe}
    equipped = room.equip(order.model, order.device)
    equipped.settle(rest)
    read = configure(Recipe, recipe, "the detector")
    return dataclasses.replace(order, settings=rest), equipped, {name: getattr(read, name) for name in recipe}


def _prepared(order: Order) -> Path:
    try:
        order.out.mkdir(parents=True, exist_ok=True)
        files.check_target(order.out / FIRST, force=order.force)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{files.shown(order.out)}: cannot be written: {reason}") from error
    return order.out


def _look(
    items: Sequence[Item],
    order: Order,
    store: Store,
    progress: Progress,
    stage: str,
    broken: list[tuple[str, str]],
) -> list[Looked]:
    """Measure files; what cannot be read is noted, and the others go on."""
    found = []
    for number, item in enumerate(items):
        progress(stage, number / len(items))
        try:
            key = key_of(item.path)
            measured = store.get(key, lambda item=item: measure(values.cover(item.path, max_pixels=order.max_pixels)))  # type: ignore[misc]
        except (InputError, ResourceError) as error:
            broken.append((item.name, str(error)))
            continue
        kept = dataclasses.replace(item, kind=measured.kind)
        found.append(Looked(kept, key, measured, dict(measured.scores)))
    return found


def _of_kind(looked: Sequence[Looked], kind: str) -> list[Looked]:
    return [each for each in looked if each.measured.kind == kind]


def _fill(side: Sequence[Looked], name: str, scores: Sequence[float | None]) -> None:
    for each, score in zip(side, scores, strict=True):
        each.scores[name] = score


def _grouped(looked: Sequence[Looked], name: str) -> dict[str, list[float | None]]:
    found: dict[str, list[float | None]] = {}
    for each in looked:
        found.setdefault(each.item.source, []).append(each.scores.get(name))
    return found


def _by_source(looked: Sequence[Looked]) -> list[list[Looked]]:
    found: dict[str, list[Looked]] = {}
    for each in looked:
        found.setdefault(each.item.source, []).append(each)
    return [found[source] for source in sorted(found)]


def _answers(looked: Sequence[Looked], name: str) -> list[float]:
    return [score for each in looked if (score := each.scores.get(name)) is not None]


def _jpeg(part: Part) -> dict[str, Any]:
    return figure("jpeg", part.covers, part.files, 0).record()
