"""Trained models: by name, by the folder of a run, or by the identity a container remembers.

    NAME ──► models/NAME.safetensors + NAME.json ───┐
    RUN_DIR ──► RUN_DIR/model.safetensors ──────────┼──► Model ──► tensors, checked ──► networks
    FILE.safetensors ───────────────────────────────┘

Models that ship lie in `models/` beside this file. Nothing here needs torch, and nothing is ever unpickled.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import WeightsError
from ..media import files
from . import cards, weights
from .cards import Card

FOLDER = Path(__file__).with_name("models")
"""Where the models that ship lie."""

SUFFIX = ".safetensors"
_RUN_MODEL = "model.safetensors"


@dataclass(frozen=True)
class Model:
    """A trained model that was found; its weights are not read yet.

    Attributes:
        name: of the model that ships, or the path that was given.
        path: its weights.
        card: what is known about it; None for a run folder.
        method: whose it is.
        config: that method's settings.
        identity: SHA-256 over its tensors.
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
        return weights.load(self.path, expected=expected, sha256=sha256)[1]


def names() -> list[str]:
    """Return the names of the models that ship."""
    return sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}"))


def find(name: str | Path, method: str | None = None) -> Model:
    """Return a model.

    Args:
        name: of one that ships, a run folder, or a file of weights.
        method: whose it must be; None: whoever's.

    Raises:
        WeightsError: there is none, it is damaged, or it is another method's.
    """
    text = str(name)
    model = _shipped(text) if text in names() else _from_disk(_on_disk(text, method), text)
    if method is not None and model.method != method:
        raise WeightsError(f"{files.shown(text)}: a model of {model.method}, not of {method}")
    return model


def by_identity(identity: bytes, method: str) -> Model | None:
    """Return the model that ships whose identity begins so; None: there is none."""
    models = (_shipped(name) for name in names())
    return next((m for m in models if m.method == method and m.identity.startswith(identity)), None)


def _shipped(name: str) -> Model:
    card = cards.read(FOLDER / f"{name}.json")
    model = _from_disk(FOLDER / f"{name}{SUFFIX}", name)
    if card.name != name or card.method != model.method:
        raise WeightsError(f"{name}: its card is that of {card.name}, a model of {card.method}")
    return Model(name, model.path, card, model.method, model.config, model.identity)


def _from_disk(path: Path, name: str) -> Model:
    head = weights.peek(path)
    return Model(name, path, None, head.method, head.config, bytes.fromhex(head.digest))


def _on_disk(text: str, method: str | None) -> Path:
    path = Path(text)
    if path.is_dir():
        if not (path / _RUN_MODEL).exists():
            raise WeightsError(f"{files.shown(text)}: holds no {_RUN_MODEL}; expected the folder of a training run")
        return path / _RUN_MODEL
    if path.exists() or path.suffix or len(path.parts) > 1:
        return path
    if text == method:
        raise WeightsError(
            f"{text} has no trained weights yet; train some: intarsia train {text} --data DIR --run RUN, "
            "then add --model RUN"
        )
    near = difflib.get_close_matches(text, names(), n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names()) or 'none'}"
    raise WeightsError(f"no model {text!r}; {hint} (a run folder works too: --model DIR)")
