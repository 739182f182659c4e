"""A task: one secret in one cover by one method under its settings; and the key its line is found by.

    what, method, settings, model's identity, cover's bytes and form, secret's bytes and form, seed ─► SHA-256 ─► key

The time of a fit is not part of it: a fit that is there is used, however long it took, and its row says how long.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ... import zoo
from ...errors import WeightsError
from ...methods import load
from .pieces import Piece

VERSION = 1
"""Of the measures: lines of another are not used."""

TIMES = ("seconds", "steps", "preset")
"""Settings of a fit that only say how long it takes."""

WHATS = ("trip", "view", "direct", "mantissa", "identity", "channel")


@dataclass(frozen=True)
class Task:
    """What is to be measured.

    Attributes:
        what: "trip", there and back through the saved file; "view", a trip's container revealed as `viewed` has it;
            "direct", through floats; "mantissa" and "identity", controls; "channel", a trip with something on the way.
        method: name of the method.
        cover: what it is hidden in.
        secret: what is hidden.
        settings: of the method.
        model: trained model, a name or a run folder; "" is the one that ships.
        channels: what happens on the way, one measured after the other; see `media.transit`.
        viewed: settings of revealing.
        seed: of the container.
        fits: whether its time is a matter of choice.
    """

    what: str
    method: str
    cover: Piece
    secret: Piece
    settings: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    channels: tuple[str, ...] = ()
    viewed: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    fits: bool = False

    def __hash__(self) -> int:
        return hash((self.what, self.method, self.cover, self.secret, self.model, self.channels, self.seed))

    @property
    def pair(self) -> str:
        """What is hidden in what, in words."""
        return f"{self.secret.name} in {self.cover.name}"

    def key(self) -> str:
        """Return what its line is found by.

        Raises:
            InputError: a file cannot be read.
            WeightsError: the model is not there.
        """
        settings = {name: value for name, value in self.settings.items() if not (self.fits and name in TIMES)}
        facts = [VERSION, self.what, self.method, settings, identity(self.method, self.model), self.cover.identity()]
        facts += [self.secret.identity(), self.channels, dict(self.viewed), self.seed]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def pack(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return dataclasses.asdict(self)

    @classmethod
    def unpack(cls, record: Mapping[str, Any]) -> "Task":
        """Undo `pack`."""
        values = dict(record)
        values["cover"], values["secret"] = Piece(**values["cover"]), Piece(**values["secret"])
        values["channels"] = tuple(values["channels"])
        return cls(**values)


def place(key: str) -> str:
    """Return the name of the folder that the files of a key go to."""
    return key[:16]


def identity(method: str, model: str) -> str:
    """Return the identity of the weights a method hides with, in hex; "" when it has none.

    Raises:
        WeightsError: there is no such model.
    """
    if model:
        return zoo.find(model, method).identity.hex()
    return zoo.find(method, method).identity.hex() if method in zoo.names() else ""


def missing_weights(method: str, model: str) -> str:
    """Return why a method cannot be used, or ""."""
    try:
        if model or method in zoo.names():
            identity(method, model)
            return ""
    except WeightsError as error:
        return str(error)
    from ...methods.learned import Learned

    return "no weights ship yet" if isinstance(load(method), Learned) else ""
