"""The paper's figures, of our runs: methods side by side, and a picture growing stage by stage; for `ditas.py`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from ditas_measures import Run, hidden, of_picture, picture, planes, revealed, sound, values
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from intarsia.engine import spectrum
from intarsia.methods.ditas import trip

_DB = 80  # shown below the loudest


def decibels(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return a spectrogram, dB, [bins, frames]."""
    seen = spectrum.magnitude(spectrum.stft(values(samples)[0], 256, 64, padding=0))[0]
    level = 20 * torch.log10(seen.clamp_min(1e-6))
    return level.numpy().T


def by_method(runs: Sequence[Run], path: Path, said: Path, out: Path) -> None:
    """Draw, for the original and each run, the container's spectrogram above and the picture below."""
    figure = Figure(figsize=(2.1 * (len(runs) + 1), 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, len(runs) + 1, squeeze=False)
    first = runs[0]
    top = float(decibels(sound(said, first)).max())
    _column(axes[:, 0], sound(said, first), picture(path, first), top, "cover, secret", "")
    for column, run in zip(axes[:, 1:].T, runs, strict=True):
        cover, levels = sound(said, run), picture(path, run)
        container = hidden(run, cover, levels)
        found = revealed(run, container)
        said_of = f"{of_picture(levels, found)['psnr']:.1f} dB"
        _column(column, container, found, top, run.name, said_of)
    figure.savefig(str(out), dpi=110)


def _column(
    axes: Sequence[Axes], samples: NDArray[np.int16], levels: NDArray[np.uint8], top: float, title: str, below: str
) -> None:
    axes[0].imshow(decibels(samples), origin="lower", aspect="auto", vmin=top - _DB, vmax=top, cmap="magma")
    axes[0].set_title(title, fontsize="medium")
    axes[1].imshow(levels, cmap="gray", vmin=0, vmax=255)
    axes[1].set_xlabel(below, fontsize="medium")
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])


@torch.inference_mode()
def by_stage(run: Run, paths: Sequence[Path], said: Path, out: Path) -> None:
    """Draw, for each picture, what every stage was to hide, what it revealed, and the sum so far."""
    terms = replace(run.config.terms(), file=True)
    figure = Figure(figsize=(1.5 * (1 + 3 * run.stages), 1.6 * len(paths) + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(paths), 1 + 3 * run.stages, squeeze=False)
    for row, path in zip(axes, paths, strict=True):
        levels = picture(path, run)
        steps = trip.go(run.net, trip.pieces(values(sound(said, run)), run.stages), planes(levels), terms)
        shown = [("secret", planes(levels))]
        for number, step in enumerate(steps, 1):
            lift = 0.5 if number > 1 else 0.0
            parts = [
                terms.tiles.picture(each) * (4 if number > 1 else 1) + 0.5 for each in (step.secret, step.revealed)
            ]
            total = trip.shown([each.revealed for each in steps[:number]], terms.tiles)
            times = " x 4" if lift else ""
            shown += [(f"S{number}{times}", parts[0]), (f"R{number}{times}", parts[1]), (f"sum of {number}", total)]
        for axis, (title, each) in zip(row, shown, strict=True):
            seen = each.float().clamp(0, 1)[0].permute(1, 2, 0).numpy()
            axis.imshow(seen if seen.shape[2] == 3 else seen[..., 0], cmap="gray", vmin=0, vmax=1)
            axis.set_xticks([])
            axis.set_yticks([])
            if path == paths[0]:
                axis.set_title(title, fontsize="small")
    figure.savefig(str(out), dpi=110)
