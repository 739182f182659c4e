"""A container moved to where its receiver reads best, as far from the cover as the network that painted it left it.

    painted ─► change = painted - cover ─► scaled to its old length ─► cover + change ─► file ─► receiver ─► error
                   ▲                                                                                           │
                   └──────────────────────── Adam, one step each ◄────────────── gradient ◄────────────────────┘

Whoever hides has the receiver's network too, and the secret. So what one pass of a network can only guess is searched
for, file by file. The receiver is the same, and learns nothing of it.

Source: V. Kishore, X. Chen, Y. Wang, B. Li, K. Weinberger, Fixed Neural Network Steganography: Train the Images, Not
the Network, ICLR 2022. There the receiver's network is untaught and the search begins at the cover.
"""

from collections.abc import Callable

import torch
from torch import Tensor

RATE = 0.1
"""Of Adam, in units of the change's own size (RMS); it falls to nothing in a straight line."""

_BETAS = (0.9, 0.99)
_SMALLEST = 1e-12

Gradient = Callable[[Tensor], Tensor]
"""From a container to the gradient of what its receiver gets wrong, of the same shape; its scale does not matter."""


def refined(
    cover: Tensor, painted: Tensor, gradient: Gradient, steps: int, said: Callable[[float], None] | None = None
) -> Tensor:
    """Return containers that are read better.

    Args:
        cover: float32 [B, ...].
        painted: the containers to begin with, same shape.
        gradient: of the receiver's error, through whatever the file does.
        steps: how many, 1 or more.
        said: told the share that is done.

    Returns:
        Containers of the same shape; each is as far from its cover (Euclidean) as the one it began with.
    """
    length = _length(painted - cover)
    size = (length / (painted[0].numel() ** 0.5)).clamp_min(_SMALLEST)
    change = ((painted - cover) / size).detach().clone().requires_grad_()
    adam = torch.optim.Adam([change], lr=RATE, betas=_BETAS)
    with torch.enable_grad():
        for step in range(steps):
            adam.param_groups[0]["lr"] = RATE * (1 - step / steps)
            adam.zero_grad()
            container = _at_length(cover, change * size, length)
            container.backward(gradient(container.detach()))  # type: ignore[no-untyped-call]
            adam.step()
            if said is not None:
                said((step + 1) / steps)
    return _at_length(cover, change.detach() * size, length)


def _at_length(cover: Tensor, change: Tensor, length: Tensor) -> Tensor:
    return cover + change * (length / _length(change).clamp_min(_SMALLEST))


def _length(change: Tensor) -> Tensor:
    """Return the Euclidean length of each item, [B, 1, ...]."""
    length: Tensor = torch.linalg.vector_norm(change.flatten(1), dim=1)
    return length.reshape(-1, *[1] * (change.ndim - 1))
