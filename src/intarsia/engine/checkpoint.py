"""Checkpoints: everything a run needs to go on, in one file that is whole or not there.

tensors + facts ──► safetensors, digest inside ──► temporary file, fsync, rename ──► trainer/step-000000500.safetensors
                                                                                      the last two are kept
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as unpack
from safetensors.torch import save as pack
from torch import Tensor

from ..errors import WeightsError
from ..media import files

FORMAT = "intarsia/trainer/1"
KEPT = 2
"""Checkpoints that stay: the newest, and the one before it in case the newest cannot be read."""

_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class State:
    """A run between two steps.

    Attributes:
        tensors: weights, their moving average, the optimiser's moments.
        facts: everything else, as JSON knows it: step, seconds, phase, balance ...
    """

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.facts["step"])


def save(folder: Path, state: State) -> Path:
    """Write a checkpoint into a folder, then remove those beyond the newest `KEPT`.

    Raises:
        OutputError: it cannot be written; the earlier ones are untouched.
    """
    tensors = {name: tensor.detach().to("cpu").contiguous() for name, tensor in state.tensors.items()}
    facts = json.dumps(dict(state.facts), sort_keys=True)
    data = pack(tensors, {"format": FORMAT, "facts": facts, "digest": _digest(tensors, facts)})
    path = folder / f"step-{state.step:09d}{_SUFFIX}"
    files.write_output(path, data, force=True)
    for old in _all(folder)[:-KEPT]:
        old.unlink(missing_ok=True)
    return path


def load(path: Path) -> State:
    """Read a checkpoint.

    Raises:
        WeightsError: it is cut, changed, or no checkpoint.
        InputError: it cannot be read.
    """
    data = files.read_bytes(path)
    try:
        (length,) = struct.unpack_from("<Q", data)
        metadata = json.loads(data[8 : 8 + length])["__metadata__"]
        tensors = unpack(data)
        facts, digest, form = metadata["facts"], metadata["digest"], metadata["format"]
    except (SafetensorError, struct.error, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{files.shown(path)}: not a checkpoint, or cut: {error}") from error
    if form != FORMAT:
        raise WeightsError(f"{files.shown(path)}: is {form}; this release reads {FORMAT}")
    if (found := _digest(tensors, facts)) != digest:
        raise WeightsError(
            f"{files.shown(path)}: changed since it was written (sha256 {found[:12]}, not {digest[:12]})"
        )
    return State(tensors, json.loads(facts))


def newest(folder: Path) -> tuple[State | None, list[str]]:
    """Return the newest checkpoint that can be read, and what is wrong with newer ones."""
    problems: list[str] = []
    for path in reversed(_all(folder)):
        try:
            return load(path), problems
        except WeightsError as error:
            problems.append(str(error))
    return None, problems


def _all(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"step-*{_SUFFIX}"))


def _digest(tensors: Mapping[str, Tensor], facts: str) -> str:
    found = hashlib.sha256(facts.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return found.hexdigest()


# --- optimisers ----------------------------------------------------------------------------------------------


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return what an optimiser remembers, as tensors named number.what."""
    states = optimiser.state_dict()["state"]
    return {
        f"{number}.{what}": value if isinstance(value, Tensor) else torch.tensor(float(value))
        for number, state in states.items()
        for what, value in state.items()
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Undo `optimiser_tensors`."""
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, what = name.split(".", 1)
        weight = weights[int(number)]
        # Fused optimisers walk through memory, so moments must lie in it as their weights do.
        laid_out = torch.empty_like(weight).copy_(tensor) if tensor.shape == weight.shape else tensor
        state.setdefault(int(number), {})[what] = laid_out if tensor.ndim else tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
