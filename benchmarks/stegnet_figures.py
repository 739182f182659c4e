"""StegNet's figures: what the paper shows in its figures 1, 3 and 6 to 8, and capacity against distortion.

    figure1    one pair: original, result, residuals x1 x5 x10 (equation 4), of StegNet and of LSB-3 (figures 1, 3)
    strides    container and revealed secret against strided layers (figures 6 and 7)
    poolings   the same against what halves the picture (section 4.3)
    figure8    with and without the variance loss: container, difference x10, spikes marked, histogram of errors
    capacity   bits per pixel, as the paper counts them and as they are written, against the container's PSNR

Each is NAME_SIZE.png and .svg. A figure whose runs are not there is left out, and said so. Runs are compared where
their recipes and all other settings agree; everything goes through the file, with running statistics.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from stegnet_measures import RUINED, Made, Run, Samples, levels, lsb, measure, spikes

from intarsia.methods.stegnet.network import POOLINGS

if TYPE_CHECKING:
    from stegnet import Row, Summary

Pair = tuple[Samples, Samples]

DPI = 130
_MARKS = "osD^v<>pPX8hHd"


def draw_all(runs: Sequence[Run], pair: Pair, rows: "Sequence[Row]", folder: Path) -> None:
    """Draw every figure that the runs allow.

    Args:
        runs: the first one is figure 1's.
        pair: cover and secret, uint8 [H, W, 3].
        rows: what was measured at this size.
        folder: where the figures go.
    """
    size = pair[0].shape[0]
    figures: dict[str, Callable[[], Figure | None]] = {
        "figure1": lambda: side_by_side({name: make(*pair) for name, make in first_ways(runs[0]).items()}),
        "strides": lambda: strip(strided(runs), pair),
        "poolings": lambda: strip(pooled(runs), pair),
        "figure8": lambda: variance(with_and_without(runs), pair),
        "capacity": lambda: capacity(rows),
    }
    for name, draw in figures.items():
        figure = draw()
        if figure is None:
            print(f"{name}_{size}: left out; none of these runs differ in nothing but that", file=sys.stderr)
            continue
        FigureCanvasAgg(figure)
        for suffix in (".png", ".svg"):
            figure.savefig(folder / f"{name}_{size}{suffix}", dpi=DPI)


def first_ways(run: Run) -> dict[str, Callable[[Samples, Samples], Made]]:
    """Return what figure 1 compares."""
    return {f"StegNet ({run.name})": run.way().make, "LSB-3": lsb(3).make}


# --- which runs belong together ------------------------------------------------------------------------------


def alike(runs: Sequence[Run], *names: str) -> list[Run]:
    """Return the largest group of runs that differ in the settings of these names alone, and each in its own way."""
    groups: dict[str, dict[str, Run]] = {}
    for run in (each for each in runs if each.method == "stegnet"):
        rest = {key: value for key, value in run.config.items() if key not in names}
        group = groups.setdefault(repr((sorted(rest.items()), sorted(run.recipe.items(), key=str))), {})
        group.setdefault(repr([run.config[name] for name in names]), run)
    return list(max(groups.values(), key=len).values())


def strided(runs: Sequence[Run]) -> dict[str, Run]:
    """Return runs by their number of strided layers, none first."""
    found = [run for run in alike(runs, "strided_layers", "pooling") if run.config["pooling"] == "none"]
    found.sort(key=lambda run: run.config["strided_layers"])
    return {f"{run.config['strided_layers']} strided": run for run in found}


def pooled(runs: Sequence[Run]) -> dict[str, Run]:
    """Return runs by what halves the picture: nothing, strides, max, avg, and one mean over all of it."""
    found = alike(runs, "strided_layers", "pooling")
    counts = {run.config["strided_layers"] for run in found if run.config["pooling"] in ("max", "avg")} | {0}
    kept = [run for run in found if run.config["pooling"] != "none" or run.config["strided_layers"] in counts]
    kept.sort(key=lambda run: (POOLINGS.index(run.config["pooling"]), run.config["strided_layers"]))
    return {pooling(run.config): run for run in kept} if any(run.config["pooling"] != "none" for run in kept) else {}


def pooling(config: Mapping[str, Any]) -> str:
    """Return in words what halves the picture."""
    how, count = config["pooling"], config["strided_layers"]
    if how == "global":
        return "global mean"
    return f"{'stride' if how == 'none' else how}, {count} layers" if count else "none"


def with_and_without(runs: Sequence[Run]) -> dict[str, Run]:
    """Return a run with the variance loss, and one without it."""
    found = sorted(alike(runs, "variance_loss"), key=lambda run: -run.config["variance_loss"])
    if not found or found[-1].config["variance_loss"] or not found[0].config["variance_loss"]:
        return {}
    return {"with variance loss": found[0], "without": found[-1]}


# --- figures -------------------------------------------------------------------------------------------------


def side_by_side(made: Mapping[str, Made]) -> Figure:
    """Draw figures 1 and 3: two rows for each way, the cover's and the secret's."""
    titles = ("original", "result", "residual, of its largest", "residual × 5", "residual × 10")
    figure, grid = framed(2 * len(made), len(titles))
    for number, (name, each) in enumerate(made.items()):
        found = measure(each)
        first = f"{name}: container\nchanged {found['changing_rate']:.2%}, {found['container_psnr']:.1f} dB"
        second = f"revealed\ndecoded {found['decoded_rate']:.2%}, {found['bpp']:.2f} bpp*"
        for axes, label, one, other in (
            (grid[2 * number], first, each.cover, each.container),
            (grid[2 * number + 1], second, each.secret, each.revealed),
        ):
            error = np.abs(levels(one) - levels(other))
            shown = [one, other, *(magnified(error, factor) for factor in (1, 5, 10))]
            for axis, picture in zip(axes, shown, strict=True):
                show(axis, picture)
            axes[0].set_ylabel(label, fontsize="small")
            axes[2].set_xlabel(f"largest: {error.max():.0f} levels", fontsize="small")
    for axis, title in zip(grid[0], titles, strict=True):
        axis.set_title(title, fontsize="medium")
    figure.supxlabel(
        "* bits per pixel as the paper counts them, 24 × decoded rate; from the 8-bit file", fontsize="small"
    )
    return figure


def magnified(error: NDArray[np.float64], factor: float) -> Samples:
    """Return equation 4, clip(R · M, 0, 1) with R = |I1 - I2| / max |I1 - I2|, as uint8."""
    largest = error.max() or 1.0
    return np.rint(255 * np.clip(error / largest * factor, 0, 1)).astype(np.uint8)


def strip(runs: Mapping[str, Run], pair: Pair) -> Figure | None:
    """Draw figures 6 and 7 in one: containers above, revealed secrets below, the originals at the left."""
    if len(runs) < 2:
        return None
    figure, grid = framed(2, 1 + len(runs), side=1.55)
    for axes, label, original in zip(grid, ("container", "revealed"), pair, strict=True):
        axes[0].set_ylabel(label)
        show(axes[0], original)
    grid[0][0].set_title("original", fontsize="small")
    for (top, bottom), (name, run) in zip(grid.T[1:], runs.items(), strict=True):
        made = run.way().make(*pair)
        found = measure(made)
        top.set_title(name, fontsize="small")
        for axis, picture, quality in ((top, made.container, "container"), (bottom, made.revealed, "secret")):
            show(axis, picture)
            said = f"{found[quality + '_psnr']:.1f} dB\nSSIM {found[quality + '_ssim']:.2f}"
            axis.set_xlabel(said, fontsize="small")
    return figure


def variance(runs: Mapping[str, Run], pair: Pair) -> Figure | None:
    """Draw figure 8, a row for each run, and a histogram of both below."""
    if not runs:
        return None
    made = {name: run.way().make(*pair) for name, run in runs.items()}
    figure = Figure(figsize=(8.4, 8.6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(2.1, 1))
    grid = above.subplots(2, 3)
    for axes, (name, each) in zip(grid, made.items(), strict=True):
        worst = each.error().max(2)
        show(axes[0], each.container)
        show(axes[1], np.clip(10 * each.error(), 0, 255).astype(np.uint8))
        show(axes[2], (170 + levels(each.container).mean(2) / 3).astype(np.uint8))
        where = np.argwhere(spikes(worst))
        axes[2].plot(where[:, 1], where[:, 0], "ks", markersize=4, fillstyle="none", markeredgewidth=0.9)
        axes[0].set_ylabel(f"{name}\nmean {each.error().mean():.1f}, max {worst.max():.0f} levels")
        axes[2].set_xlabel(f"{len(where)} spikes, {np.mean(worst > RUINED):.2%} off by > {RUINED} levels")
    for axis, title in zip(grid[0], ("container", "difference × 10", "spikes, on the paled container"), strict=True):
        axis.set_title(title, fontsize="medium")
    histogram(below.subplots(), {name: each.error() for name, each in made.items()})
    return figure


def histogram(axis: Axes, errors: Mapping[str, NDArray[np.float64]]) -> None:
    """Draw how often each error occurs."""
    top = max(int(error.max()) for error in errors.values())
    for (name, error), style in zip(errors.items(), ("k-", "k:"), strict=False):
        counts = np.bincount(np.rint(error).astype(int).ravel(), minlength=top + 1)
        axis.step(np.arange(top + 1), np.where(counts > 0, counts / error.size, np.nan), style, where="mid", label=name)
    axis.set(yscale="log", xlabel="|container - cover|, levels of 255", ylabel="share of samples")
    axis.grid(True, alpha=0.3)
    axis.legend()


def capacity(rows: "Sequence[Row]") -> Figure:
    """Draw bits per pixel against the container's PSNR; batch statistics of the first run alone."""
    figure = Figure(figsize=(8.6, 5.2), layout="constrained")
    axis = figure.subplots()
    kept = [row for row in rows if row.way.column == "file"]
    trained = list(dict.fromkeys(row.way.name for row in kept if row.way.statistics))
    for row in kept:
        way, place = row.way, (row.measures["container_psnr"], row.measures["bpp"])
        if not way.statistics:
            point(axis, place, "*" if way.name == "exact" else "x")
            below = way.name == "lsb-3"
            offset, alignment = ((-6, -14), "right") if below else ((6, 6), "left")
            where = (place[0].mean, place[1].mean)
            axis.annotate(way.name, where, offset, textcoords="offset points", ha=alignment, fontsize="small")
        elif way.statistics == "running" or way.name == trained[0]:
            running = way.statistics == "running"
            label = way.name if running else f"{way.name}, batch statistics"
            mark = _MARKS[trained.index(way.name) % len(_MARKS)]
            point(axis, place, mark, label=label, markerfacecolor="0.6" if running else "none")
        if "written_bpp" in row.measures:
            axis.plot(place[0].mean, row.measures["written_bpp"].mean, "_", color="k", markersize=12)
    axis.plot([], [], "k_", markersize=12, label="bits really written")
    axis.axhline(24, color="0.6", linewidth=0.8, linestyle="--")
    axis.set(
        xlabel="container PSNR, dB", ylabel="bits per pixel as the paper counts: 24 × decoded rate", ylim=(0, 25.5)
    )
    axis.set_title(f"{kept[0].size} × {kept[0].size} pixels, from the file; bars: 95 % intervals", fontsize="medium")
    axis.margins(x=0.15)
    axis.grid(True, alpha=0.3)
    figure.legend(fontsize="small", loc="outside right upper")
    return figure


def point(axis: Axes, place: "tuple[Summary, Summary]", mark: str, **how: Any) -> None:  # noqa: ANN401
    """Draw a mean with the intervals of both axes."""
    bars = {
        f"{side}err": [[max(each.mean - each.low, 0)], [max(each.high - each.mean, 0)]]
        for side, each in zip("xy", place, strict=True)
        if each.low is not None and each.high is not None
    }
    x, y = place
    axis.errorbar(x.mean, y.mean, fmt=mark, color="k", markersize=7, elinewidth=0.6, **bars, **how)


def framed(rows: int, columns: int, side: float = 1.9) -> tuple[Figure, NDArray[Any]]:
    """Return a figure of pictures and its axes, [rows, columns]."""
    figure = Figure(figsize=(columns * side + 0.6, rows * (side + 0.3) + 0.4), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def show(axis: Axes, picture: Samples) -> None:
    """Show a picture, grey or colour, uint8, pixel by pixel and without ticks."""
    axis.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
