"""Figures of tables and matrices, each as PNG and SVG; lines and marks differ, so they are readable in grey.

pictures     a row for each row of the table: cover, container, residuals x1 x5 x10, secret, revealed
histograms   of container - cover, in levels of 8 bits or of 16, and of both
trade-off    quality of the secret against quality of the cover, a mark for each method
losses       quality that is left against the share that was lost, a line for each method
stages       what has come back after each stage of DITAS, and what is left over
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...media import Audio, Image, image_file
from ...media import values as media_values
from ...media.image_file import MAX_PIXELS
from ...methods.picture_in_picture import as_colour
from ..evaluate.of_channels import LOSSES, NOTHING, QUALITY, SHARES, Matrix
from ..evaluate.plans import AFTER, FILE, STAGES
from ..evaluate.tables import Filled, Table
from ..evaluate.units import MEASURES
from . import views

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

NAMES = ("pictures", "histograms", "trade-off", "losses", "stages")
MARKS, STYLES = "osv^D*Xp<>hP", ("-", "--", "-.", ":")
_DPI = 110
_SHADES = 0.75
_MOST = 10


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        name: of its files.
        table: name of the table or matrix it belongs to.
        caption: one or two sentences.
        png: as PNG.
        svg: as SVG.
    """

    name: str
    table: str
    caption: str
    png: bytes
    svg: bytes


def of_table(table: Table, folder: Path, wanted: Sequence[str] = NAMES) -> list[Figure]:
    """Return the figures of a table that there are data for."""
    if table.name == STAGES:
        return [_stages(table, folder)] if "stages" in wanted and any(map(_kept, table.rows)) else []
    rows = [row for row in table.rows if row.column == FILE and _kept(row)][:_MOST]
    found = []
    if rows and "pictures" in wanted:
        found.append(_pictures(table, rows, folder))
    if rows and "histograms" in wanted:
        found.append(_histograms(table, rows, folder))
    if "trade-off" in wanted and (drawn := _trade_off(table)) is not None:
        found.append(drawn)
    return found


def of_matrix(matrix: Matrix, wanted: Sequence[str] = NAMES) -> list[Figure]:
    """Return the curves of what is left when a share of a sound is lost."""
    if matrix.media != "audio" or "losses" not in wanted:
        return []
    return [_losses(matrix, name) for name in LOSSES]


def _kept(row: Filled) -> dict[str, str]:
    return dict(row.lines[0]["files"]) if row.lines else {}


# --- pictures ------------------------------------------------------------------------------------------------


def _pictures(table: Table, rows: Sequence[Filled], folder: Path) -> Figure:
    panels = [(row.label, views.panel(folder, _kept(row))) for row in rows]
    columns = max(len(panel) for _, panel in panels)
    height = 1.95 * len(panels) + 0.3
    canvas = _canvas(1.5 * columns, height)
    room = (0.0, 0.0, 1.0, 1 - 0.2 / height)  # above, for the first label
    canvas.get_layout_engine().set(h_pad=0.12, rect=room)  # type: ignore[union-attr, call-arg]
    grid = canvas.subplots(len(panels), columns, squeeze=False)
    for (label, panel), line in zip(panels, grid, strict=True):
        for axes in line:
            axes.set_axis_off()
        for (caption, picture), axes in zip(panel, line, strict=False):
            axes.imshow(picture, interpolation="nearest", aspect="auto" if _is_wide(picture) else "equal")
            axes.set_title(caption, fontsize=7, pad=2)
        said = line[0].text(0, 1.22, label, transform=line[0].transAxes, fontsize=8, fontweight="bold")
        said.set_in_layout(False)  # it reaches over several columns and must not widen the first
    said = "Residuals: |difference| over its largest, x1 x5 x10, clipped (StegNet, equation 4). First item of each row."
    return _figure(f"{table.name}-pictures", table.name, f"{table.title}. {said}", canvas)


def _stages(table: Table, folder: Path) -> Figure:
    runs: dict[str, list[Filled]] = {}
    for row in filter(_kept, table.rows):
        runs.setdefault(row.label.rpartition(AFTER)[0], []).append(row)
    strips = {label: _strip([_kept(row) for row in rows], folder) for label, rows in runs.items()}
    columns = max(map(len, strips.values()))
    canvas = _canvas(1.4 * columns, 1.55 * len(strips) + 0.3)
    grid = canvas.subplots(len(strips), columns, squeeze=False)
    for (label, strip), line in zip(strips.items(), grid, strict=True):
        for axes in line:
            axes.set_axis_off()
        for (caption, picture), axes in zip(strip, line, strict=False):
            axes.imshow(picture, interpolation="nearest")
            axes.set_title(caption, fontsize=7, pad=2, loc="left")
        line[0].set_title(f"{label}\n{strip[0][0]}", fontsize=7, pad=2, loc="left")
    said = "Revealed from the saved file with the first stages only, and what is left over, four times, about grey."
    return _figure(f"{table.name}-stages", table.name, f"{table.title}. {said} First item of each run.", canvas)


def _strip(kept: Sequence[dict[str, str]], folder: Path) -> list[tuple[str, views.Picture]]:
    """Return the secret, and after each stage what is revealed and what is left over."""
    secret = _colours(folder / kept[0]["secret"])
    found = [("secret", secret)]
    for number, each in enumerate(kept, 1):
        seen = _colours(folder / each["revealed"])
        found += [(f"after stage {number}", seen), ("left over x4", views.left_over(secret, seen))]
    return found


def _is_wide(picture: views.Picture) -> bool:
    return bool(max(picture.shape[:2]) > 1.6 * min(picture.shape[:2]))


def _histograms(table: Table, rows: Sequence[Filled], folder: Path) -> Figure:
    canvas = _canvas(7.0, 1.6 * len(rows) + 0.4)
    grid = canvas.subplots(len(rows), 2, squeeze=False)
    for row, (left, right) in zip(rows, grid, strict=True):
        kept = _kept(row)
        cover, container = (_values(folder / kept[name]) for name in ("cover", "container"))
        if cover.shape != container.shape:
            continue
        off = container - cover
        reach = max(3.0, float(np.quantile(np.abs(off), 0.999)))
        left.hist(off.ravel(), bins=np.linspace(-reach - 0.5, reach + 0.5, 62), color="0.3", log=True)
        edges = np.linspace(min(cover.min(), container.min()), max(cover.max(), container.max()) + 1, 65)
        right.hist(cover.ravel(), edges, histtype="stepfilled", color=str(_SHADES), label="cover")
        right.hist(container.ravel(), edges, histtype="step", color="black", linewidth=0.9, label="container")
        left.set_title(row.label, fontsize=7, loc="left")
        left.yaxis.set_minor_formatter("")
        for axes in (left, right):
            axes.tick_params(labelsize=6)
            axes.locator_params(axis="x", nbins=6)
            axes.set_ylabel("samples", fontsize=6)
        left.set_xlabel("container - cover, levels", fontsize=6)
        right.set_xlabel("level", fontsize=6)
    grid[0][1].legend(fontsize=6)
    said = "Left: what the cover was changed by (logarithmic). Right: samples of both. First item of each row."
    return _figure(f"{table.name}-histograms", table.name, f"{table.title}. {said}", canvas)


def _colours(path: Path) -> views.Picture:
    return as_colour(image_file.load(path))


def _values(path: Path) -> "np.ndarray[Any, np.dtype[np.int32]]":
    value = media_values.cover(path, max_pixels=MAX_PIXELS)
    if isinstance(value, Audio):
        return value.samples.astype(np.int32)
    assert isinstance(value, Image)
    return as_colour(value).astype(np.int32)


# --- plots ---------------------------------------------------------------------------------------------------


def _trade_off(table: Table) -> Figure | None:
    across = next((key for key in ("cover_psnr", "carrier_snr") if key in table.measures), None)
    along = next((key for key in ("secret_psnr", "secret_snr", "secret_iou") if key in table.measures), None)
    if across is None or along is None:
        return None
    points = [
        (row, x, y)
        for row in table.rows
        if across in row.summaries and along in row.summaries
        if (x := row.summaries[across].mean) is not None and (y := row.summaries[along].mean) is not None
    ]
    if len(points) < 2:
        return None
    canvas = _canvas(6.4, 4.4)
    axes = canvas.subplots()
    for number, (row, x, y) in enumerate(points):
        filled = {"paper": "none", "direct": str(_SHADES)}.get(row.column, "black")
        axes.plot([x], [y], MARKS[number % len(MARKS)], color="black", markerfacecolor=filled, markersize=7,
                  label=f"{row.label}, {row.column}")  # fmt: skip
    axes.set_xlabel(MEASURES[across].head)
    axes.set_ylabel(MEASURES[along].head)
    axes.grid(True, alpha=0.3)
    axes.legend(fontsize=6, loc="best")
    said = "Means; black: from the file, grey: direct, hollow: as printed. Up and to the right is better."
    return _figure(f"{table.name}-trade-off", table.name, f"{table.title}. {said}", canvas)


def _losses(matrix: Matrix, name: str) -> Figure:
    canvas = _canvas(6.4, 4.2)
    axes = canvas.subplots()
    for number, sender in enumerate(sender for sender in matrix.senders if sender.tasks):
        measure = QUALITY[sender.tasks[0].secret.kind][0]
        points = []
        for share in SHARES[1:]:
            cell = matrix.cells.get((f"{name}:{share:g}:1", sender.label), NOTHING)
            value = 60.0 if cell.n and cell.exact == cell.n else cell.values.get(measure)
            points.append(np.nan if value is None else value)
        axes.plot([100 * share for share in SHARES[1:]], points, STYLES[number % 4], color=str(0.12 * (number % 5)),
                  marker=MARKS[number % len(MARKS)], markersize=4, linewidth=1, label=sender.label)  # fmt: skip
    axes.set_xlabel("share of the sound lost, %")
    axes.set_ylabel("secret, dB (60: bit for bit)")
    axes.set_xlim(0, 100)
    axes.grid(True, alpha=0.3)
    axes.legend(fontsize=6)
    how = {"zero": "silenced", "cut": "cut out"}[name]
    said = f"What is left of a secret when a share of the sound is {how}, in one piece. No mark: nothing came back."
    return _figure(f"channels-{name}", "channels-audio", said, canvas)


def _canvas(width: float, height: float) -> "Canvas":
    from matplotlib.figure import Figure as Drawn

    return Drawn(figsize=(width, height), layout="constrained")


def _figure(name: str, table: str, caption: str, canvas: "Canvas") -> Figure:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(canvas)
    forms = []
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        for form in ("png", "svg"):
            stream = io.BytesIO()
            canvas.savefig(stream, format=form, dpi=_DPI, metadata={"Date": None} if form == "svg" else None)
            forms.append(stream.getvalue())
            canvas.set_layout_engine("none")  # what stands is in its place, and finding it costs half the time
    return Figure(name, table, caption, *forms)
