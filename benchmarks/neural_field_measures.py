"""Measures and pictures of the neural field's benchmark. Every figure is of files; units stand in the names."""

import itertools
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from intarsia.media import Audio, Shape, image_file, mel, metrics, shape_metrics, sound_metrics, video_metrics
from intarsia.media.video import Video

Frames = NDArray[np.uint8]

NOTHING = 1e-20
"""Power that is told instead of none."""

NEAR = 0.02
"""How far behind the nearest point of its pixel a point is still in front, where the longest side is 1."""


def cover_figures(cover: Path, container: Path) -> dict[str, Any]:
    """Return what the cover is, and what became of it: APD, PSNR, SSIM, LPIPS."""
    one, other = (image_file.load(path).samples for path in (cover, container))
    return {
        "cover_ends": float(((one == 0) | (one == 255)).mean()),
        "cover_ranks": [rank(one[..., colour]) for colour in range(3)],
        "cover_apd": metrics.mae(one, other),
        "cover_psnr": metrics.psnr(one, other),
        "cover_ssim": metrics.ssim(one, other),
        "cover_lpips": lpips(one[None], other[None]),
    }


def rank(levels: NDArray[np.uint8]) -> int:
    """Return how many singular values of a colour [H, W], as weights -1..1, have 95 % of its power."""
    power = np.linalg.svd(levels / 127.5 - 1, compute_uv=False) ** 2
    return int(np.searchsorted(np.cumsum(power) / power.sum(), 0.95)) + 1


def video_figures(one: Frames, other: Frames) -> dict[str, Any]:
    """Return what became of a clip; PSNR and SSIM are means over frames, `psnr_whole` is of one mean square."""
    a, b = Video.of(one), Video.of(other)
    found = video_metrics.fidelity(a, b)
    return {
        "secret_apd": metrics.mae(one.reshape(-1, *one.shape[2:]), other.reshape(-1, *other.shape[2:])),
        "secret_psnr": video_metrics.mean_of(found.psnr),
        "secret_psnr_whole": video_metrics.psnr_of(a, b),
        "secret_ssim": float(np.mean(found.ssim)),
        "secret_lpips": lpips(one, other),
        "secret_bands_db": bands(one, other),
    }


def bands(one: Frames, other: Frames) -> list[float]:
    """Return the error's power in octaves of spatial frequency, from coarse to fine, dB relative to the secret's."""
    difference = one.astype(np.float64) - other
    powers = [np.abs(np.fft.fft2(each.astype(np.float64), axes=(1, 2))) ** 2 for each in (difference, one)]
    y, x = (np.abs(np.fft.fftfreq(size)) for size in one.shape[1:3])
    radius = np.maximum(y[:, None], x)
    edges = (1 / 1024, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 0.51)
    found = []
    for low, high in itertools.pairwise(edges):
        inside = (radius >= low) & (radius < high)
        error, signal = (power[:, inside].sum() for power in powers)
        found.append(round(float(10 * np.log10(max(error / signal, NOTHING))), 2))
    return found


def sound_figures(one: Audio, other: Audio) -> dict[str, Any]:
    """Return what became of an excerpt: AE (peak to peak is 0..255), SNR in dB, SSIM of mel spectrograms."""
    a, b = one.planes()[0], other.planes()[0]
    return {
        "secret_ae": mel.absolute_error(a, b),
        "secret_snr": sound_metrics.snr_of(one, other),
        "secret_mel_ssim": mel.mel_ssim(a, b, one.rate),
    }


def shape_figures(one: Shape, other: Shape) -> dict[str, Any]:
    """Return what became of a shape: mean distance both ways, in units of its size, and IoU in 64 cells."""
    found = shape_metrics.distances(one, other)
    return {
        "secret_chamfer": found.mean,
        "secret_iou": shape_metrics.volume_iou(one, other),
        "faces": len(other.faces),
    }


@cache
def _lpips() -> object:
    from intarsia.engine import perceptual

    return perceptual.load()


def lpips(one: Frames, other: Frames) -> float | None:
    """Return the mean LPIPS of pictures [T, H, W, 3]; None without weights."""
    measure = _lpips()
    if measure is None:
        return None
    import torch

    a, b = (torch.from_numpy(each.copy()).permute(0, 3, 1, 2).float() / 255 for each in (one, other))
    with torch.inference_mode():
        return float(measure(a, b).mean())


# --- pictures ------------------------------------------------------------------------------------------------


def video_views(one: Frames, other: Frames, path: Path) -> None:
    """Draw four frames, what is revealed under them, and four times the difference."""
    chosen = np.linspace(0, len(one) - 1, 4).astype(int)
    off = np.clip(128 + 4 * (other.astype(np.int32) - one), 0, 255).astype(np.uint8)
    strips = [np.concatenate(list(each[chosen]), axis=1) for each in (one, other, off)]
    Pil.fromarray(np.concatenate(strips).repeat(2, 0).repeat(2, 1)).save(path)


def sound_views(one: Audio, other: Audio, path: Path) -> None:
    """Draw both mel spectrograms, the secret's above."""
    pictures = mel.pictures(one.planes()[0], other.planes()[0], one.rate)
    grey = np.concatenate([pictures[0], np.full((4, pictures[0].shape[1]), 255, np.uint8), pictures[1]])
    Pil.fromarray(np.repeat(np.repeat(grey, 3, 0), 3, 1)).save(path)


def shape_views(one: Shape, other: Shape, path: Path) -> None:
    """Draw both from three sides, the secret above."""
    rows = [np.concatenate([drawn(shape, turn) for turn in (0.4, 2.5, 4.6)], axis=1) for shape in (one, other)]
    Pil.fromarray(np.concatenate(rows)).save(path)


def drawn(shape: Shape, turn: float, side: int = 360) -> NDArray[np.uint8]:
    """Return a picture of a shape, grey [side, side]: the mean light of the points in front, lit from the left."""
    points, normals = strewn(shape, 1_500_000)
    cosine, sine = np.cos(turn), np.sin(turn)
    turned = np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])
    points, normals = points @ turned, normals @ turned
    light = 30 + 210 * np.abs(normals @ np.array([-0.4, 0.5, 0.77]))
    x = np.clip(((points[:, 0] * 0.85 + 0.5) * side).astype(int), 0, side - 1)
    y = np.clip(((0.5 - points[:, 1] * 0.85) * side).astype(int), 0, side - 1)
    depth = np.full((side, side), -1.0)
    np.maximum.at(depth, (y, x), points[:, 2])
    front = points[:, 2] > depth[y, x] - NEAR
    place = (y * side + x)[front]
    count = np.bincount(place, minlength=side * side)
    mean = np.bincount(place, light[front], side * side) / np.maximum(count, 1)
    return np.where(count > 0, mean, 255).astype(np.uint8).reshape(side, side)


def strewn(shape: Shape, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points spread evenly over a shape of longest side 1 around 0, and the normals there."""
    low, high = shape.vertices.min(axis=0).astype(np.float64), shape.vertices.max(axis=0).astype(np.float64)
    triangles = (shape.triangles() - (low + high) / 2) / float((high - low).max())
    across = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    twice = np.linalg.norm(across, axis=1)
    draw = np.random.default_rng(0)
    which = draw.choice(len(triangles), count, p=twice / twice.sum())
    u, v = draw.random((2, count, 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    corners = triangles[which]
    points = corners[:, 0] + u * (corners[:, 1] - corners[:, 0]) + v * (corners[:, 2] - corners[:, 0])
    return points, across[which] / twice[which, None]
