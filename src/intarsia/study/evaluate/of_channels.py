"""The attack matrix: every channel by every method, and what is left when a share is lost.

container ─► each channel of `media.transit` ─► reveal ─┬─ bit for bit ───────────► exact
                                                        ├─ otherwise ─────────────► PSNR, SSIM or SNR
                                                        └─ no header: network alone ► the same, in brackets; or -
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...methods import TABLE, load
from ...methods.learned import Learned
from . import of_all_pairs, onward
from .plans import Given, label_of
from .stats import summary
from .tables import Lines
from .tasks import Task, missing_weights
from .units import MEASURES

MOST = 3
"""Containers of each method that are sent through everything."""

SHARES = tuple(number / 10 for number in range(10))
LOSSES = ("zero", "cut")
PROTECTED = (0.0, 0.25, 0.5, 0.75, 0.9)
"""Shares that the exact method is made to bear, a curve each."""

QUALITY = {"image": ("secret_psnr", "secret_ssim"), "audio": ("secret_snr",)}


@dataclass(frozen=True)
class Sender:
    """A method, set up, whose containers are sent.

    Attributes:
        label: in the matrix.
        media: kind of the cover.
        tasks: its containers.
        note: why there are none.
    """

    label: str
    media: str
    tasks: tuple[Task, ...]
    note: str = ""


@dataclass(frozen=True)
class Cell:
    """What came back of a method's containers after one channel.

    Attributes:
        exact: how many bit for bit.
        n: how many were sent.
        by: how most of them were read: "reveal", "network alone" or "nothing".
        values: means by measure, of those that came back but not bit for bit.
        unavailable: why the channel cannot be measured here, or "".
    """

    exact: int
    n: int
    by: str
    values: dict[str, float]
    unavailable: str = ""

    def said(self) -> str:
        """Return it in few words."""
        if self.unavailable or not self.n:
            return "n/a"
        if self.exact == self.n:
            return "exact"
        if not self.values:
            return "-" if not self.exact else f"exact {self.exact} of {self.n}"
        text = " / ".join(MEASURES[name].said(value) for name, value in self.values.items())
        text = f"({text})" if self.by == "network alone" else text
        return text if not self.exact else f"exact {self.exact} of {self.n}, else {text}"


NOTHING = Cell(0, 0, "nothing", {})
"""What was not sent."""


@dataclass(frozen=True)
class Matrix:
    """Channels by methods, of one kind of cover.

    Attributes:
        media: "image" or "audio".
        channels: rows, as they are written, with the damage that they do (dB, or None).
        senders: columns.
        cells: by channel and label.
    """

    media: str
    channels: tuple[str, ...]
    senders: tuple[Sender, ...]
    cells: dict[tuple[str, str], Cell]

    def records(self) -> list[dict[str, Any]]:
        """Return a line for each cell, as JSON knows it."""
        return [
            {"matrix": self.media, "channel": channel, "row": label, **vars(cell)}
            for (channel, label), cell in self.cells.items()
        ]


def senders(given: Given, only: str | None = None) -> list[Sender]:
    """Return who sends: every method with a picture as its secret; in sound the exact one at several protections."""
    return [sender for media in ("image", "audio") for sender in _senders(given, media, only)]


def channels_of(media: str) -> tuple[str, ...]:
    """Return every channel of a kind and, of sounds, every share that is lost."""
    lost = tuple(f"{name}:{share:g}:1" for name in LOSSES for share in SHARES[1:]) if media == "audio" else ()
    return tuple(dict.fromkeys((*onward.listed(media), *lost)))


def _senders(given: Given, media: str, only: str | None) -> Iterator[Sender]:
    for name in [only] if only else TABLE:
        room = load(name)
        secret = next((kind for kind in ("image", "audio") if kind in room.facts.hides.get(media, ())), None)
        if secret is None:
            continue
        runs = of_all_pairs.models(given, name, media, secret) if isinstance(room, Learned) else [""]
        if not runs:
            yield Sender(name, media, (), missing_weights(name, ""))
        for model in runs:
            for label, settings in _settings(given, name, model, media):
                trips = of_all_pairs.tasks(given, name, model, media, secret, settings, fits=room.fits)
                sent = tuple(_sent(task, media) for task in trips[:MOST])
                yield Sender(label, media, sent)


def _settings(given: Given, name: str, model: str, media: str) -> list[tuple[str, dict[str, str]]]:
    if name == "exact" and media == "audio":
        return [(f"exact, protect={share:g}", {"protect": f"{share:g}"}) for share in PROTECTED]
    if name == "lsb":
        return [("lsb, 3 bits", {"bits": "3"})]
    if load(name).fits:
        # The first is the default, which the tables of all pairs have fitted already.
        return [(f"{name}, faithful", given.fit()), (f"{name}, residue", given.fit(recipe="residue"))]
    return [(label_of(name, model), {})]


def _sent(task: Task, media: str) -> Task:
    return Task(
        "channel",
        task.method,
        task.cover,
        task.secret,
        task.settings,
        task.model,
        channels_of(media),
        seed=task.seed,
        fits=task.fits,
    )


def matrix(media: str, given: Sequence[Sender], lines: Lines) -> Matrix | None:
    """Return the matrix of one kind of cover; None where nothing was measured."""
    own = tuple(sender for sender in given if sender.media == media)
    if not any(task in lines for sender in own for task in sender.tasks):
        return None
    cells = {
        (channel, sender.label): _cell(channel, sender, lines)
        for channel in channels_of(media)
        for sender in own
        if sender.tasks
    }
    return Matrix(media, channels_of(media), own, cells)


def _cell(channel: str, sender: Sender, lines: Lines) -> Cell:
    found = [
        each
        for task in sender.tasks
        if task in lines
        for each in lines[task].get("survived", ())
        if each["channel"] == channel
    ]
    if found and all("unavailable" in each for each in found):
        return Cell(0, 0, "nothing", {}, str(found[0]["unavailable"]))
    there = [each for each in found if "unavailable" not in each]
    read = [each for each in there if not each["exact"] and each["values"]]
    kind = sender.tasks[0].secret.kind
    values = {}
    for name in QUALITY[kind]:
        means = summary([each["values"].get(name) for each in read])
        if means is not None and means.mean is not None:
            values[name] = round(means.mean, 4)
    ways = [str(each["by"]) for each in read]
    by = max(set(ways), key=ways.count) if ways else "nothing"
    return Cell(sum(bool(each["exact"]) for each in there), len(there), by, values)
