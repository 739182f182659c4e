"""Detector power first: simulated adaptive embedding of known payload, so that a low AUC means a good method.

    picture, bits per pixel ─► conseal's simulator (HILL, S-UNIWARD, LSB matching) ─► the picture as it would be

Simulators embed nothing; they change each pixel with the probability an optimal code would. `conseal` is the extra
`[steganalysis]`; it brings numba, so nothing else here depends on it.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError

NAMES = ("hill", "suniward", "wow", "mipod")
HOW = "simulated adaptive embedding needs conseal: pip install 'intarsia[steganalysis]'"


def available() -> bool:
    """Whether conseal is installed."""
    return importlib.util.find_spec("conseal") is not None


def simulate(name: str, picture: NDArray[np.uint8], rate: float, seed: int) -> NDArray[np.uint8]:
    """Return a picture as if it carried a payload.

    Args:
        name: "hill" (B. Li et al., 2014), "suniward" (V. Holub, J. Fridrich, T. Denemark, 2014), "wow" (V. Holub,
            J. Fridrich, 2012) or "mipod" (V. Sedighi et al., 2016).
        picture: uint8 [H, W] or [H, W, C]; channels are embedded in one by one.
        rate: bits per sample.
        seed: of the simulator.

    Raises:
        UsageError: conseal is not installed, or the name is unknown.
    """
    if name not in NAMES:
        raise UsageError(f"simulator is {name!r}; expected {', '.join(NAMES)}")
    if not available():
        raise UsageError(HOW)
    import conseal

    embed: Callable[..., NDArray[Any]] = getattr(conseal, name).simulate_single_channel
    channels = picture.reshape(*picture.shape[:2], -1)
    made = [
        embed(np.ascontiguousarray(channels[..., number]), rate, seed=seed + number)
        for number in range(channels.shape[2])
    ]
    return np.stack(made, axis=-1).reshape(picture.shape).astype(np.uint8)
