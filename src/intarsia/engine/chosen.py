"""Some items of a pack: those to learn from, those to validate on, and a hash of what they are."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

T_co = TypeVar("T_co", covariant=True)


class Items(Protocol[T_co]):
    """Arrays by number: `packs.Pictures`, `packs.Sounds`, or a list."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> T_co: ...


class Chosen:
    """Items of one pack.

    Attributes:
        data: the pack's pictures or sounds.
        indices: of items to learn from, int64, rising, each once.
        validation: of items to validate on, likewise.
    """

    def __init__(self, data: Items[NDArray[Any]], indices: "Indices", validation: "Indices" = ()) -> None:
        self.data = data
        self.indices = np.unique(np.asarray(indices, np.int64))
        self.validation = np.unique(np.asarray(validation, np.int64))

    @cached_property
    def content(self) -> str:
        """Return a hash of the data and of which of them are chosen, hexadecimal; that of a pack is known already."""
        state = hashlib.sha256(getattr(self.data, "content", "").encode())
        if not hasattr(self.data, "content"):
            for index in range(len(self.data)):
                array = np.ascontiguousarray(self.data[index])
                state.update(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())
        for chosen in (self.indices, self.validation):
            state.update(f"{len(chosen)}".encode() + chosen.astype("<i8").tobytes())
        return state.hexdigest()


Indices = Sequence[int] | NDArray[np.int64]
"""Numbers of items, in any order."""
