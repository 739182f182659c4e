"""What a person looks at while something learns: a sheet of samples that grows, and the curves.

strips, one for each validation ──► thinned to at most 12, the first and the last kept ──► sheet.png
metrics.jsonl ──► losses above, figures below ──► losses.png
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from ..errors import InputError
from ..media import Image, image_file
from .run import CURVES, SHEET, Run, records

MAX_STRIPS = 12
_GAP = 4
_SMOOTH = 200  # points of a curve, the most


def add_strip(run: Run, step: int, strip: NDArray[np.uint8]) -> None:
    """Keep a strip of samples, uint8 [H, W, 3], and draw the sheet again."""
    run.write(f"trainer/strip-{step:09d}.png", image_file.encode(Image(strip), "PNG"))
    paths = sorted(run.trainer.glob("strip-*.png"))
    while len(paths) > MAX_STRIPS:
        # Every second one goes, from the newest but one backwards: the sheet keeps its whole length of time.
        for path in paths[-2:0:-2]:
            path.unlink(missing_ok=True)
        paths = sorted(run.trainer.glob("strip-*.png"))
    strips = []
    for path in paths:
        try:
            with Pil.open(path) as picture:
                strips.append(np.asarray(picture.convert("RGB")))
        except (OSError, InputError):
            path.unlink(missing_ok=True)
    run.write(SHEET, image_file.encode(Image(below_each_other(strips)), "PNG"))


def cut_strips(run: Run, step: int) -> None:
    """Forget strips made after a step."""
    for path in run.trainer.glob("strip-*.png"):
        if int(path.stem.removeprefix("strip-")) > step:
            path.unlink(missing_ok=True)


def below_each_other(strips: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return one picture, uint8 [H, W, 3], of strips with white between them."""
    width = max(strip.shape[1] for strip in strips)
    rows = []
    for strip in strips:
        padded = np.full((strip.shape[0] + _GAP, width, 3), 255, np.uint8)
        padded[: strip.shape[0], : strip.shape[1]] = strip
        rows.append(padded)
    return np.concatenate(rows)[:-_GAP]


def beside_each_other(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return one strip, uint8 [H, W, 3], of pictures of one height with white between them."""
    turned = [np.ascontiguousarray(picture.transpose(1, 0, 2)) for picture in pictures]
    return np.ascontiguousarray(below_each_other(turned).transpose(1, 0, 2))


def draw_curves(run: Run) -> None:
    """Draw losses and validation figures against steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = records(run.folder)
    losses, figures = _series(found, "losses"), _series(found, "figures")
    if not losses:
        return
    figure = Figure(figsize=(7.5, 2.8 * (2 if figures else 1) + 0.3), layout="constrained")
    axes = figure.subplots(2 if figures else 1, 1, sharex=True, squeeze=False)[:, 0]
    for (name, (steps, values)), style in zip(losses.items(), _STYLES, strict=False):
        axes[0].plot(*_thinned(steps, values), style, label=name, linewidth=1)
    if all(value > 0 for _, values in losses.values() for value in values):
        axes[0].set_yscale("log")
    axes[0].set_ylabel("loss")
    for (name, (steps, values)), style in zip(figures.items(), _STYLES, strict=False):
        axes[1].plot(steps, values, style, marker="o", markersize=2.5, label=name, linewidth=1)
    if figures:
        axes[1].set_ylabel("validation")
    for axis in axes:
        axis.grid(True, alpha=0.3)
        axis.legend(fontsize="small")
    axes[-1].set_xlabel("step")
    picture = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(picture, format="png")
    run.write(CURVES, picture.getvalue())


_STYLES = tuple(style + line for line in ("-", "--", ":") for style in ("k", "C0", "C1", "C2", "C3", "C4"))

_Series = dict[str, tuple[list[int], list[float]]]


def _series(found: Sequence[dict[str, Any]], kind: str) -> _Series:
    series: _Series = {}
    for record in found:
        for name, value in record.get(kind, {}).items():
            steps, values = series.setdefault(name, ([], []))
            steps.append(record["step"])
            values.append(value)
    return series


def _thinned(steps: list[int], values: list[float]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return means over neighbours, so that a long curve stays readable."""
    size = -(-len(steps) // _SMOOTH)
    starts = np.arange(0, len(steps), size)
    counts = np.diff(np.append(starts, len(steps)))
    return np.add.reduceat(steps, starts) / counts, np.add.reduceat(values, starts) / counts
