"""The demo: real pictures, sounds and files through every method, and a page that shows them.

Covers and secrets are the photographs scikit-image bundles, sounds, a video and a shape made by rules, a text and a
file of random bytes.
Everything shown comes from the container read back from disk in a call of its own; where a row says so, after a
quarter of it was cut out.
"""

import html
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pil
from PIL import ImageDraw, ImageFont

from .. import zoo
from ..carrier.keys import Keyring
from ..errors import UsageError
from ..media import Audio, Blob, Cover, Image, Shape, Value, Video, audio_file, files, image_file, metrics, values
from ..media.image import resize
from ..methods import load
from ..methods.learned import Learned, has_torch
from ..pipeline import Terms, hide_file, reveal_file
from ..results import said_quality
from . import made, sounds
from .tiles import difference, tile

PASSWORD = "a password for the demo"  # noqa: S105 (it opens the demo's own containers)
AMPLIFY = 60
_TILE = 220
_COLUMNS = ("cover", "container", f"difference x{AMPLIFY}", "secret", "revealed")
_TEXT = "Marquetry shows what it is made of; intarsia hides one wood in another. This text came out of its container."


@dataclass(frozen=True)
class Case:
    """One thing to show: names of cover and secret, method, settings, whether a quarter is lost, how it is revealed."""

    cover: str
    secret: str
    method: str
    settings: dict[str, object]
    cut: bool = False
    viewed: dict[str, object] = field(default_factory=dict)

    @property
    def runs(self) -> bool:
        """Whether it can run here: networks need torch, and weights that ship."""
        room = load(self.method)
        learned = isinstance(room, Learned)
        return (has_torch() or not (learned or room.fits)) and (not learned or self.method in zoo.names())

    @property
    def label(self) -> str:
        """Method and settings in words."""
        words = [self.method, *(f"{key}={value}" for key, value in self.settings.items())]
        words += [f"(revealed with {key}={value})" for key, value in self.viewed.items()]
        return " ".join([*words, "(a quarter cut out)"] if self.cut else words)

    @property
    def stem(self) -> str:
        """File name stem of what this case writes."""
        chosen = map(str, [*self.settings.values(), *self.viewed.values()])
        words = [self.method, *chosen, self.secret.replace(" ", "-"), "in", self.cover]
        return "-".join([*words, "cut"] if self.cut else words)


CASES = (
    Case("astronaut", "coffee", "exact", {"preset": "balanced"}),
    Case("astronaut", "coffee", "exact", {"preset": "best"}),
    Case("coffee", "retina", "exact", {"preset": "fast"}),
    Case("camera", "chelsea", "exact", {"preset": "best"}),
    Case("astronaut", "coffee", "lsb", {"bits": 3}),
    Case("astronaut", "text", "exact", {}),
    Case("coffee", "bytes", "exact", {}),
    Case("coffee", "tune", "exact", {}),
    Case("astronaut", "clip", "exact", {"cover_db": 55}),
    Case("coffee", "knot", "exact", {"cover_db": 60}),
    Case("coffee", "clip", "neural_field", {"recipe": "residue", "seconds": 20}),
    Case("voice", "small", "exact", {"snr": 40}),
    Case("voice", "small", "exact", {"snr": 40}, cut=True),
    Case("voice", "tune", "exact", {"snr": 40}),
    Case("tune", "small", "lsb", {"bits": 2}),
    Case("tune", "text", "exact", {}),
    Case("astronaut", "coffee", "stegnet", {}),
    Case("astronaut", "coffee", "deep_steg", {}),
    Case("voice", "small", "image_in_speech", {}),
    Case("speech", "small", "ditas", {}, viewed={"stages": 1}),
    Case("speech", "small", "ditas", {}, viewed={"stages": 2}),
    Case("speech", "small", "ditas", {}),
    Case("voice", "other voice", "hide_and_speak", {}),
)


@dataclass(frozen=True)
class Shown:
    """One row of the table, from the saved file.

    PSNR on RGB of pictures, SNR of sounds, dB (inf: exact); SSIM of a container that is a picture; seconds.
    """

    case: Case
    secret_bytes: int
    secret_media: str
    carrier_db: float
    cover_ssim: float | None
    secret_db: float
    hide_seconds: float
    reveal_seconds: float
    pictures: tuple[Path, ...]

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        secret = "exact" if math.isinf(self.secret_db) else f"{self.secret_db:.2f}"
        ssim = "" if self.cover_ssim is None else f"{self.cover_ssim:.4f}"
        numbers = (f"{self.secret_bytes:,}", f"{self.carrier_db:.2f}", ssim, secret)
        times = (f"{self.hide_seconds:.2f}", f"{self.reveal_seconds:.2f}")
        return (self.case.label, self.case.cover, self.case.secret, *numbers, *times)

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        return dict(zip(HEADINGS, self.cells(), strict=True))

    def sentence(self) -> str:
        """Say the row in one line."""
        secret = "exact" if math.isinf(self.secret_db) else said_quality(self.secret_media, self.secret_db)
        return (
            f"{self.case.label}: {self.case.secret} in {self.case.cover}, {self.secret_bytes:,} bytes, "
            f"cover {self.carrier_db:.1f} dB, secret {secret}, {self.hide_seconds:.1f} s"
        )


HEADINGS = (
    "method",
    "cover",
    "secret",
    "payload (bytes)",
    "cover PSNR or SNR (dB)",
    "cover SSIM",
    "secret PSNR or SNR (dB)",
    "hide (s)",
    "reveal (s)",
)


def run(folder: str, progress: Callable[[str, float], None]) -> list[Shown]:
    """Run every case into `folder` and write its page, its table and its sheet; without torch, those that need none."""
    media = _media()
    rows = []
    with files.folder_for_outputs(Path(folder, "tiles")):
        cases = [case for case in CASES if case.runs]
        for number, case in enumerate(cases):
            progress("demo", number / len(cases))
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
    pictures["small"] = resize(pictures["coffee"], 256, 256)
    tune = Audio.of(sounds.tune(4.0), 22_050, name="tune.wav")
    voice = Audio.of(sounds.voice(6.0), 16_000, name="voice.wav")
    speech = Audio.of(sounds.voice(10.0), 16_000, name="speech.wav")
    other = Audio.of(sounds.voice(3.0, seed=1), 16_000, name="other.wav")
    clip = Video.of(made.clip(), Fraction(12), name="clip.mkv")
    knot = Shape(*made.knot(), name="knot.ply")
    noise = Blob(np.random.default_rng(7).bytes(60_000), "noise.bin")
    return {
        **pictures,
        "tune": tune,
        "voice": voice,
        "speech": speech,
        "other voice": other,
        "clip": clip,
        "knot": knot,
        "text": Blob.text(_TEXT),
        "bytes": noise,
    }


def _show(case: Case, media: dict[str, Value], folder: Path) -> Shown:
    cover, secret = media[case.cover], media[case.secret]
    if isinstance(secret, Image):
        secret = replace(secret, name=f"{case.secret}.png")
    assert isinstance(cover, Image | Audio)
    path = folder / f"{case.stem}{'.wav' if isinstance(cover, Audio) else '.png'}"
    terms = Terms(Keyring(PASSWORD), case.method, case.settings, force=True)
    hidden = hide_file(cover, secret, path, terms)
    saved = values.cover(path, max_pixels=image_file.MAX_PIXELS)
    if case.cut:
        saved = _three_quarters(saved, path)
    started = time.perf_counter()
    found = reveal_file(path, None, Terms(Keyring(PASSWORD), settings=case.viewed)).value
    seconds = time.perf_counter() - started
    quality = hidden.secrets[0].quality
    if case.viewed and isinstance(secret, Image) and isinstance(found, Image):
        quality = metrics.psnr(secret.samples, found.samples)
    pictures = isinstance(cover, Image) and isinstance(saved, Image)
    return Shown(
        case,
        hidden.secrets[0].bytes,
        hidden.secrets[0].media,
        hidden.carrier_db,
        metrics.ssim(cover.samples, saved.samples) if pictures else None,
        math.inf if quality is None else quality,
        hidden.seconds,
        seconds,
        _pictures(case, folder, cover, saved, secret, found),
    )


def _three_quarters(sound: Cover, path: Path) -> Audio:
    """Cut a quarter out of the middle of a saved sound, and save what is left."""
    assert isinstance(sound, Audio)
    samples, quarter = sound.samples, sound.length // 4
    left = np.concatenate([samples[: 2 * quarter], samples[3 * quarter :]])
    cut = replace(sound, pcm=Audio.of(left, sound.rate, depth=sound.depth).pcm, file=None)
    files.write_output(path, audio_file.encode(cut, "WAV"), force=True)
    return cut


def _pictures(case: Case, folder: Path, cover: Cover, saved: Cover, secret: Value, found: Value) -> tuple[Path, ...]:
    """Write the five tiles of a row and return their paths in the order of `_COLUMNS`."""
    same_length = isinstance(cover, Image) or (isinstance(saved, Audio) and saved.length == cover.length)
    change = difference(cover, saved, AMPLIFY) if same_length else tile(Blob.text("(shorter than its cover)"))
    drawn = (tile(cover), tile(saved), change, tile(secret), tile(found))
    paths = []
    for column, picture in zip(("cover", "container", "difference", "secret", "revealed"), drawn, strict=True):
        paths.append(folder / "tiles" / f"{case.stem}-{column}.png")
        files.write_output(paths[-1], image_file.encode(Image(picture), "PNG"), force=True)
    return tuple(paths)


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
    sound = f"{row.case.stem}.wav"
    player = f'<audio controls src="{html.escape(sound)}"></audio>' if (folder / sound).exists() else ""
    return f"<h2>{html.escape(row.sentence())}</h2>{player}<div class=row>{tiles}</div>"


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
{amplify} times. PSNR is over all colour samples, 8 bits; sounds are shown as spectrograms, time to the right, frequency
upwards, and their SNR is that of the waveform.</p>
<table><tr>{heads}</tr>
{cells}
</table>
{figures}
</html>
"""
