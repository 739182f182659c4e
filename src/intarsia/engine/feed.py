"""Batches ready before they are needed: drawn in a thread of their own while the network works.

Draws are numbered, so nothing has to be remembered between stretches of a run: `Feed(batches, step=n)` goes on as if
it had never stopped.
"""

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray

from .learner import Batches, on

AHEAD = 3
"""Batches drawn before they are asked for."""


@dataclass(frozen=True)
class Part:
    """Which items of every batch this process takes."""

    first: int
    count: int


class Feed:
    """The batches of step `step`, `step + 1`, ... on a device.

    Args:
        batches: where they come from.
        step: the first one.
        part: of each batch.
        device: where they go.
        salt: draws other batches for the same steps; a run that went wrong is not led the same way again.
        channels_last: lay pictures out as rows of pixels.
    """

    def __init__(
        self, batches: Batches, step: int, part: Part, device: torch.device, *, salt: int = 0, channels_last: bool
    ) -> None:
        self.waited = 0.0
        self._device, self._channels_last = device, channels_last
        self._ready: queue.Queue[Mapping[str, NDArray[Any]] | BaseException] = queue.Queue(AHEAD)
        self._over = threading.Event()
        work = (batches, step + (salt << 40), part)
        self._drawer = threading.Thread(target=self._draw, args=work, daemon=True, name="feed")
        self._drawer.start()

    def take(self) -> dict[str, torch.Tensor]:
        """Return the next batch; the time spent waiting adds up in `waited`, s."""
        started = time.perf_counter()
        found = self._ready.get()
        self.waited += time.perf_counter() - started
        if isinstance(found, BaseException):
            raise found
        batch = on(found, self._device)
        if self._channels_last:
            batch = {name: rows_of_pixels(tensor) for name, tensor in batch.items()}
        return batch

    def close(self) -> None:
        """Stop drawing."""
        self._over.set()
        while self._drawer.is_alive():
            while not self._ready.empty():
                self._ready.get_nowait()
            self._drawer.join(0.01)

    def _draw(self, batches: Batches, step: int, part: Part) -> None:
        while not self._over.is_set():
            try:
                drawn: Mapping[str, NDArray[Any]] | BaseException = batches.draw(step, part.first, part.count)
            except BaseException as error:
                drawn = error
            while not self._over.is_set():
                try:
                    self._ready.put(drawn, timeout=0.1)
                    break
                except queue.Full:
                    continue
            if isinstance(drawn, BaseException):
                return
            step += 1


def rows_of_pixels(tensor: torch.Tensor) -> torch.Tensor:
    """Return pictures [B, C, H, W] laid out channels last; anything else as it is."""
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor
