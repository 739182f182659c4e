"""Models as they would ship, made up: weights and card in a folder that takes the place of `zoo.FOLDER`."""

import dataclasses
import json

import numpy as np

from intarsia.zoo import cards, weights

CONFIG = {"width": 6, "beta": 0.75}
FIGURE = {
    "name": "secret PSNR",
    "value": 31.5,
    "unit": "dB",
    "data": "made up",
    "n": 4,
    "seed": 0,
    "date": "2026-01-02",
}


def card(name="small", **changes):
    """A card that is complete; it fits no file until `bytes` and `sha256` do."""
    fields = {
        "name": name,
        "method": "stegnet",
        "title": "StegNet, small",
        "paper": "Wu, Yang, Li 2018",
        "configuration": dict(CONFIG),
        "data": [{"source": "made up", "count": 3, "licence": "CC0"}],
        "commercial": "yes",
        "steps": 12,
        "seconds": 3.5,
        "hardware": "CPU",
        "figures": {"direct": [dict(FIGURE)], "file": [dict(FIGURE)]},
        "limits": "hides nothing",
        "recipe": {"command": "intarsia train stegnet --data DIR --run RUN", "steps": 12},
        "made": "2026-01-02",
        "bytes": 1000,
        "sha256": "0" * 64,
    }
    return cards.Card(**{**fields, **changes})


def record(**changes):
    """The same as JSON knows it."""
    return {**dataclasses.asdict(card()), **changes}


def ship(folder, name="small", *, seed=1, step=12, **changes):
    """Put weights and card into a folder; changes go to the card, method and configuration to both."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.safetensors"
    draw = np.random.default_rng(seed)
    tensors = {"a.weight": draw.normal(size=(4, 3)).astype(np.float32), "a.bias": np.zeros(4, np.float32)}
    method, config = changes.get("method", "stegnet"), changes.get("configuration", CONFIG)
    weights.save(path, tensors, method=method, config=config, step=step, force=True)
    fits = {"bytes": path.stat().st_size, "sha256": weights.file_sha256(path), "steps": step}
    cards.write(folder / f"{name}.json", card(name, **{**fits, **changes}))
    return path


def altered(path, **changes):
    """Change fields of a card in its file, unchecked."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
