"""The demo: real pictures and files through every method, and a page that shows them.

Covers and secrets are the photographs scikit-image bundles, a text and a file of random bytes. Everything shown
comes from the container read back from disk in a call of its own.
"""

import html
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageDraw, ImageFont

from ..carrier.keys import Keyring
from ..errors import UsageError
from ..media import Blob, Image, Value, files, image_file, metrics
from ..media.image import to_pil
from ..pipeline import Terms, hide_file, reveal_file

PASSWORD = "a password for the demo"  # noqa: S105 (it opens the demo's own containers)
AMPLIFY = 60
_TILE = 220
_COLUMNS = ("cover", "container", f"difference x{AMPLIFY}", "secret", "revealed")
_TEXT = "Marquetry shows what it is made of; intarsia hides one wood in another. This text came out of a photograph."


@dataclass(frozen=True)
class Case:
    """One thing to show: names of cover and secret, method, settings."""

    cover: str
    secret: str
    method: str
    settings: dict[str, object]

    @property
    def label(self) -> str:
        """Method and settings in words."""
        return " ".join([self.method, *(f"{key}={value}" for key, value in self.settings.items())])

    @property
    def stem(self) -> str:
        """File name stem of what this case writes."""
        return "-".join([self.method, *map(str, self.settings.values()), self.secret, "in", self.cover])


CASES = (
    Case("astronaut", "coffee", "exact", {"preset": "balanced"}),
    Case("astronaut", "coffee", "exact", {"preset": "best"}),
    Case("coffee", "retina", "exact", {"preset": "fast"}),
    Case("camera", "chelsea", "exact", {"preset": "best"}),
    Case("astronaut", "coffee", "lsb", {"bits": 3}),
    Case("astronaut", "text", "exact", {}),
    Case("coffee", "bytes", "exact", {}),
)


@dataclass(frozen=True)
class Shown:
    """One row of the table; PSNR in dB on RGB from the saved file (inf: exact), SSIM of the container, seconds."""

    case: Case
    secret_bytes: int
    cover_psnr: float
    cover_ssim: float
    secret_psnr: float
    hide_seconds: float
    reveal_seconds: float
    pictures: tuple[Path, ...]

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        secret = "exact" if math.isinf(self.secret_psnr) else f"{self.secret_psnr:.2f}"
        numbers = (f"{self.secret_bytes:,}", f"{self.cover_psnr:.2f}", f"{self.cover_ssim:.4f}", secret)
        times = (f"{self.hide_seconds:.2f}", f"{self.reveal_seconds:.2f}")
        return (self.case.label, self.case.cover, self.case.secret, *numbers, *times)

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        return dict(zip(HEADINGS, self.cells(), strict=True))

    def sentence(self) -> str:
        """Say the row in one line."""
        secret = "exact" if math.isinf(self.secret_psnr) else f"{self.secret_psnr:.1f} dB"
        return (
            f"{self.case.label}: {self.case.secret} in {self.case.cover}, {self.secret_bytes:,} bytes, "
            f"cover {self.cover_psnr:.1f} dB, secret {secret}, {self.hide_seconds:.1f} s"
        )


HEADINGS = (
    "method",
    "cover",
    "secret",
    "payload (bytes)",
    "cover PSNR (dB)",
    "cover SSIM",
    "secret PSNR (dB)",
    "hide (s)",
    "reveal (s)",
)


def run(folder: str, progress: Callable[[str, float], None]) -> list[Shown]:
    """Run every case into `folder` and write its page, its table and its sheet."""
    media = _media()
    rows = []
    with files.folder_for_outputs(Path(folder, "tiles")):
        for number, case in enumerate(CASES):
            progress("demo", number / len(CASES))
            rows.append(_show(case, media, Path(folder)))
        _write_page(Path(folder), rows)
        _write_sheet(Path(folder), rows)
    return rows


def _media() -> dict[str, Value]:
    """Return the demo's covers and secrets by name."""
    try:
        from skimage import data
    except ImportError as error:
        raise UsageError(
            "the demo shows scikit-image's photographs; install the extra [demo], or: pip install scikit-image"
        ) from error
    names = ("astronaut", "coffee", "chelsea", "camera", "retina")
    pictures = {name: Image(np.asarray(getattr(data, name)())) for name in names}
    noise = Blob(np.random.default_rng(7).bytes(60_000), "noise.bin")
    return {**pictures, "text": Blob.text(_TEXT), "bytes": noise}


def _show(case: Case, media: dict[str, Value], folder: Path) -> Shown:
    cover, secret = media[case.cover], media[case.secret]
    if isinstance(secret, Image):
        secret = replace(secret, name=f"{case.secret}.png")
    path = folder / f"{case.stem}.png"
    terms = Terms(Keyring(PASSWORD), case.method, case.settings, force=True)
    hidden = hide_file(cover, secret, path, terms)
    started = time.perf_counter()
    found = reveal_file(path, None, Terms(Keyring(PASSWORD))).value
    seconds = time.perf_counter() - started
    saved = image_file.load(path)
    assert isinstance(cover, Image)
    quality = hidden.secrets[0].psnr
    return Shown(
        case,
        hidden.secrets[0].bytes,
        hidden.carrier_db,
        metrics.ssim(cover.samples, saved.samples),
        math.inf if quality is None else quality,
        hidden.seconds,
        seconds,
        _pictures(case, folder, cover, saved, secret, found),
    )


def _pictures(case: Case, folder: Path, cover: Image, saved: Image, secret: Value, found: Value) -> tuple[Path, ...]:
    """Write the five tiles of a row and return their paths in the order of `_COLUMNS`."""
    difference = np.abs(cover.samples.astype(np.int16) - saved.samples.astype(np.int16)) * AMPLIFY
    tiles = [cover, saved, Image(np.clip(difference, 0, 255).astype(np.uint8)), secret, found]
    paths = []
    for column, tile in zip(("cover", "container", "difference", "secret", "revealed"), tiles, strict=True):
        paths.append(folder / "tiles" / f"{case.stem}-{column}.png")
        picture = to_pil(tile) if isinstance(tile, Image) else _card(tile)
        files.write_output(paths[-1], image_file.encode(Image(_rgb(picture)), "PNG"), force=True)
    return tuple(paths)


def _card(blob: Blob) -> Pil.Image:
    """Draw a text, or the first bytes of a file, as a picture."""
    card = Pil.new("RGB", (400, 400), "white")
    text = blob.data.decode() if blob.is_text else blob.data[:176].hex(" ")
    lines = [text[i : i + 33] for i in range(0, len(text), 33)]
    ImageDraw.Draw(card).multiline_text((12, 12), "\n".join(lines), "black", ImageFont.load_default(20), spacing=6)
    return card


def _rgb(picture: Pil.Image) -> NDArray[np.uint8]:
    return np.asarray(picture.convert("RGB"))


def _write_page(folder: Path, rows: list[Shown]) -> None:
    table = ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
    table += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    files.write_output(folder / "table.md", ("\n".join(table) + "\n").encode(), force=True)
    figures = "\n".join(_figure(folder, row) for row in rows)
    cells = "\n".join(f"<tr>{''.join(f'<td>{html.escape(c)}</td>' for c in row.cells())}</tr>" for row in rows)
    heads = "".join(f"<th>{html.escape(h)}</th>" for h in HEADINGS)
    page = _PAGE.format(heads=heads, cells=cells, figures=figures, amplify=AMPLIFY)
    files.write_output(folder / "index.html", page.encode(), force=True)


def _figure(folder: Path, row: Shown) -> str:
    tiles = "".join(
        f'<figure><img src="{html.escape(str(path.relative_to(folder)))}" alt="{caption}">'
        f"<figcaption>{caption}</figcaption></figure>"
        for path, caption in zip(row.pictures, _COLUMNS, strict=True)
    )
    return f"<h2>{html.escape(row.sentence())}</h2><div class=row>{tiles}</div>"


def _write_sheet(folder: Path, rows: list[Shown]) -> None:
    """Draw all tiles on one sheet, a row for each case."""
    step = _TILE + 28
    sheet = Pil.new("RGB", (5 * (_TILE + 8) + 8, len(rows) * step + 30), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for column, caption in enumerate(_COLUMNS):
        draw.text((8 + column * (_TILE + 8), 6), caption, "black", font)
    for number, row in enumerate(rows):
        draw.text((8, 26 + number * step), row.sentence(), "black", font)
        for column, path in enumerate(row.pictures):
            with Pil.open(path) as tile:
                tile.thumbnail((_TILE, _TILE - 8))
                sheet.paste(tile, (8 + column * (_TILE + 8), 46 + number * step))
    files.write_output(folder / "sheet.png", image_file.encode(Image(np.asarray(sheet)), "PNG"), force=True)


_PAGE = """<!doctype html><html lang=en><meta charset=utf-8><title>Intarsia demo</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1200px; padding: 0 1rem }}
table {{ border-collapse: collapse }}
td, th {{ padding: .25rem .7rem; border-bottom: 1px solid #ccc; text-align: right }}
td:nth-child(-n+3), th:nth-child(-n+3) {{ text-align: left }}
h2 {{ font-size: 1rem; margin-top: 2rem }} .row {{ display: flex; gap: 8px }}
figure {{ margin: 0; flex: 1 }} img {{ width: 100%; display: block }} figcaption {{ color: #555; font-size: .8rem }}
</style>
<h1>Intarsia demo</h1>
<p>Every figure comes from the saved container, read back from disk with no cover at hand. Differences are amplified
{amplify} times. PSNR is over all colour samples, 8 bits.</p>
<table><tr>{heads}</tr>
{cells}
</table>
{figures}
</html>
"""
