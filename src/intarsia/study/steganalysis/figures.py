"""Pictures of an analysis: ROC curves, the sweep over thresholds, and histograms of scores.

roc         detections against false alarms, a line for each detector
sweep       StegExpose's fusion at thresholds 0, .01, .., 1, as P. Wu, Y. Yang, X. Li (StegNet, 2018) draw it
histograms  scores of clean files and of the others, a small plot for each detector
"""

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import roc

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Sides = tuple[Sequence[float], Sequence[float]]
"""Scores of clean files, and of the others."""

_BINS = 40
_COLUMNS = 4


def draw_roc(sides: Mapping[str, Sides], title: str) -> bytes:
    """Return a PNG of the ROC of every detector, its AUC in the legend."""
    figure = _figure(7.8, 5.2)
    axes = figure.subplots()
    for number, (name, (clean, stego)) in enumerate(sides.items()):
        flat = np.asarray(clean), np.asarray(stego)
        found = roc.curve(*flat)
        style = "-" if number < 7 else "--"
        axes.plot(found.alarms, found.detections, style, linewidth=1.3, label=f"{name}  {roc.auc(*flat):.3f}")
    _finish(axes, title)
    return _png(figure)


def draw_sweep(swept: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str) -> bytes:
    """Return a PNG of false alarms and detections at each threshold, one line with dots for each fusion."""
    figure = _figure(7.8, 5.2)
    axes = figure.subplots()
    for (name, (alarms, detections)), marker in zip(swept.items(), "osv^D*", strict=False):
        axes.plot(alarms, detections, marker=marker, markersize=3, linewidth=0.8, label=name)
    _finish(axes, title)
    return _png(figure)


def draw_histograms(sides: Mapping[str, Sides], title: str) -> bytes:
    """Return a PNG with a histogram for each detector, its AUC above; the ends hold what lies beyond them."""
    rows = -(-len(sides) // _COLUMNS)
    figure = _figure(3.1 * _COLUMNS, 2.3 * rows + 0.7)
    figure.suptitle(title, fontsize="medium")
    every = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes, (name, (clean, stego)) in zip(every, sides.items(), strict=False):
        _histogram(axes, clean, stego)
        axes.set_title(f"{name}  {roc.auc(np.asarray(clean), np.asarray(stego)):.3f}", fontsize="small")
    for axes in every[len(sides) :]:
        axes.set_axis_off()
    figure.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize="small")
    return _png(figure)


def _histogram(axes: Any, clean: Sequence[float], stego: Sequence[float]) -> None:  # noqa: ANN401
    low, high = np.quantile(np.concatenate([clean, stego]), (0.005, 0.995))
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    for values, label in ((clean, "clean"), (stego, "examined")):
        axes.hist(np.clip(values, edges[0], edges[-1]), edges, alpha=0.55, label=label, density=True)
    axes.tick_params(labelsize="x-small")
    axes.locator_params(axis="x", nbins=4)
    axes.set_yticks([])
    axes.spines[["left", "top", "right"]].set_visible(False)


def _finish(axes: Any, title: str) -> None:  # noqa: ANN401 (matplotlib's axes)
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.8, zorder=0)
    axes.set_xlabel("false alarms")
    axes.set_ylabel("detections")
    axes.set_title(title, fontsize="medium")
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.grid(True, alpha=0.3)
    axes.set_aspect("equal")
    # Beside the plot: there is no corner that no curve passes through.
    axes.figure.legend(loc="outside right center", fontsize="small")


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _png(figure: "Figure") -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return stream.getvalue()
