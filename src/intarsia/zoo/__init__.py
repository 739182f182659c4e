"""Trained models: by name, by the folder of a run, or by the identity a container remembers.

    NAME ──► models/NAME.safetensors + NAME.json ───┐
    RUN_DIR ──► RUN_DIR/model.safetensors ──────────┼──► Model ──► tensors, checked ──► networks
    FILE.safetensors ───────────────────────────────┘

Models that ship lie in `models/` beside this file, and go into the wheel as everything in the package does. Nothing
here needs torch, and nothing is ever unpickled.
"""

import contextlib
import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError, WeightsError
from ..media import files
from . import cards, weights
from .cards import Card

FOLDER = Path(__file__).with_name("models")
"""Where the models that ship lie."""

SUFFIX = ".safetensors"
_RUN_MODEL = "model.safetensors"
_FILES = (SUFFIX, *weights.PICKLES)


@dataclass(frozen=True)
class Model:
    """A trained model that was found; its weights are not read yet.

    Attributes:
        name: of the model that ships, or the path that was given.
        path: its weights.
        card: what is known about it; None for a run folder.
        method: whose it is.
        config: that method's settings.
        identity: SHA-256 over its tensors, settings, steps and method.
    """

    name: str
    path: Path
    card: Card | None
    method: str
    config: Mapping[str, Any]
    identity: bytes

    def arrays(self, expected: Mapping[str, tuple[int, ...]] | None = None) -> dict[str, NDArray[np.float32]]:
        """Return the weights by name, float32, after all checks.

        Args:
            expected: shapes by name, as the networks have them.

        Raises:
            WeightsError: damaged, or of another network.
        """
        sha256 = None if self.card is None else self.card.sha256
        head, arrays = weights.load(self.path, expected=expected, sha256=sha256)
        if bytes.fromhex(head.digest) != self.identity:
            raise WeightsError(f"{files.shown(self.path)}: replaced by other weights meanwhile; start again")
        return arrays


def names() -> list[str]:
    """Return the names of the models that ship."""
    return sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}"))


def of(method: str) -> list[str]:
    """Return the names of a method's models that ship and are whole, the one of its own name first."""
    found = []
    for name in names():
        with contextlib.suppress(WeightsError):
            if _shipped(name).method == method:
                found.append(name)
    return sorted(found, key=lambda name: (name != method, name))


def find(name: str | Path, method: str | None = None) -> Model:
    """Return a model.

    Args:
        name: of one that ships, a run folder, or a file of weights; ./NAME is always the latter.
        method: whose it must be; None: whoever's.

    Raises:
        UsageError: there is no such name; the message has the nearest ones.
        WeightsError: the folder or file holds none, it is damaged, or it is another method's.
    """
    text = str(name)
    model = _shipped(text) if text in names() else _from_disk(_on_disk(text, method), text)
    if method is not None and model.method != method:
        raise WeightsError(f"{files.shown(text)}: a model of {model.method}, not of {method}")
    return model


def by_identity(identity: bytes, method: str) -> Model | None:
    """Return the model that ships whose identity begins so; None: there is none.

    Raises:
        WeightsError: none of those that are whole is it, and there is one that is not.
    """
    trouble: WeightsError | None = None
    for name in names() if identity else ():
        try:
            model = _shipped(name)
        except WeightsError as error:
            trouble = trouble or error
            continue
        if model.method == method and model.identity.startswith(identity):
            return model
    if trouble is not None:
        raise trouble
    return None


def _shipped(name: str) -> Model:
    path = FOLDER / f"{name}{SUFFIX}"
    card = cards.read(FOLDER / f"{name}.json")
    head = weights.peek(path)
    same = {
        "name": (card.name, name),
        "method": (card.method, head.method),
        "configuration": (card.configuration, head.config),
        "steps": (card.steps, head.step),
        "bytes": (card.bytes, path.stat().st_size),
    }
    for field, (said, found) in same.items():
        if said != found:
            raise WeightsError(f"{name}: its card says {field} {said!r:.80}, but it is {found!r:.80}; fetch both again")
    return Model(name, path, card, head.method, head.config, bytes.fromhex(head.digest))


def _from_disk(path: Path, name: str) -> Model:
    head = weights.peek(path)
    return Model(name, path, None, head.method, head.config, bytes.fromhex(head.digest))


def _on_disk(text: str, method: str | None) -> Path:
    path = Path(text)
    # os.path, since pathlib raises for names that are too long or that nobody may see.
    if os.path.lexists(path / _RUN_MODEL):
        return path / _RUN_MODEL
    if os.path.isdir(path) and text != method:  # noqa: PTH112
        raise _no_run(path)
    if text != method and (os.path.lexists(path) or path.suffix in _FILES or len(path.parts) > 1):
        return path
    if text == method:
        raise WeightsError(
            f"{text} has no trained weights yet; train some: intarsia train {text} --data DIR --run RUN, "
            "then add --model RUN"
        )
    near = difflib.get_close_matches(text, names(), n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names()) or 'none'}"
    raise UsageError(f"no model {text[:60]!r}; {hint} (a run folder works too: --model DIR)")


def _no_run(folder: Path) -> WeightsError:
    said = f"{files.shown(folder)}: holds no {_RUN_MODEL}"
    try:
        pickles = sorted(entry for entry in os.listdir(folder) if entry.lower().endswith(weights.PICKLES))  # noqa: PTH208
    except OSError:
        pickles = []
    if pickles:
        return weights.pickle_error(f"{said}, only {files.shown(pickles[0])}, which looks like a pickle")
    return WeightsError(f"{said}; expected the folder of a training run")
