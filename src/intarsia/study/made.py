"""A video and a shape made by rules, so that something can be shown without a recording or a scan.

clip  three discs of light that circle over a soft ground
knot  a tube along a trefoil knot
"""

import numpy as np
from numpy.typing import NDArray


def clip(frames: int = 24, height: int = 120, width: int = 160) -> NDArray[np.uint8]:
    """Return a video, uint8 [frames, height, width, 3]."""
    y, x = np.mgrid[:height, :width] / height
    ground = np.stack([0.25 + 0.2 * np.sin(3 * x + y), 0.3 + 0.1 * y, 0.35 + 0.2 * np.cos(4 * y)], axis=-1)
    colours = np.array([(0.9, 0.5, 0.2), (0.3, 0.8, 0.4), (0.4, 0.5, 0.95)])
    shown = np.repeat(ground[None], frames, axis=0)
    for number in range(frames):
        for place, colour in enumerate(colours):
            turn = 2 * np.pi * (number / frames + place / len(colours))
            away = np.hypot(x - 0.66 - 0.35 * np.cos(turn), y - 0.5 - 0.3 * np.sin(turn))
            shown[number] += np.exp(-((away / 0.12) ** 2))[..., None] * colour
    whole: NDArray[np.uint8] = np.clip(np.rint(255 * shown), 0, 255).astype(np.uint8)
    return whole


def knot(along: int = 240, around: int = 24) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return a trefoil knot: vertices float32 [V, 3] and triangles int32 [F, 3]."""
    t = np.linspace(0, 2 * np.pi, along, endpoint=False)
    middle = np.stack([np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -np.sin(3 * t)], axis=-1)
    ahead = np.roll(middle, -1, axis=0) - np.roll(middle, 1, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    side = np.cross(ahead, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    up = np.cross(side, ahead)
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)[None, :, None]
    tube = middle[:, None] + 0.45 * (np.cos(turn) * side[:, None] + np.sin(turn) * up[:, None])
    i, j = (grid.reshape(-1) for grid in np.mgrid[:along, :around])
    a, b = i * around + j, (i + 1) % along * around + j
    c, d = i * around + (j + 1) % around, (i + 1) % along * around + (j + 1) % around
    faces = np.concatenate([np.stack([a, b, d], axis=-1), np.stack([a, d, c], axis=-1)])
    return tube.reshape(-1, 3).astype(np.float32), faces.astype(np.int32)
