"""What a lossy way leaves of a field, the header read from the file; and what the means in that header are worth.

Containers are those of the tables `video` and `residue` in the same folder, the first of each kind.
"""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from neural_field_measures import bands
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageFilter

from intarsia import hosts
from intarsia.carrier.keys import Keyring
from intarsia.carrier.scattered import Scattered
from intarsia.media import Image, Value, Video, image_file, metrics, video_file, video_metrics
from intarsia.methods import load
from intarsia.methods.neural_field.signals import MEANS

PASSWORD = "benchmark"
Add = Callable[[Path, dict[str, Any]], None]


def channel(out: Path, rows: list[dict[str, Any]], add: Add) -> None:
    """Measure JPEG, blur, noise and fewer levels."""
    for row in containers(rows, ("video", "residue")):
        picture, opened = ready(out, row)
        secret = video_file.load(out / "items" / row["item"])
        for name, value, changed in ways(picture.samples):
            found = ask(Image(changed), opened.channel, opened)
            assert isinstance(found, Video)
            figures = {
                "container_psnr": metrics.psnr(picture.samples, changed),
                "secret_psnr": video_metrics.mean_psnr(secret, found),
                "secret_bands_db": bands(secret.frames, found.frames),
            }
            line = {"key": f"channel/{row['key']}/{name}{value}", "table": "channel", "item": row["item"]}
            add(out, {**line, "settings": {"of": row["key"], name: value}, **figures})


def means(out: Path, rows: list[dict[str, Any]], add: Add) -> None:
    """Measure the secret with its means from the header, and as the field alone tells them."""
    for row in containers(rows, ("video", "residue")):
        picture, opened = ready(out, row)
        secret = video_file.load(out / "items" / row["item"])
        known = opened.header.settings
        found = {name: ask(picture, opened.channel, opened, settings)
                 for name, settings in (("header", known), ("field", known[: -MEANS.size]))}  # fmt: skip
        figures = {f"{name}_psnr": video_metrics.mean_psnr(secret, clip) for name, clip in found.items()}
        line = {"key": f"means/{row['key']}", "table": "means", "item": row["item"], "settings": {"of": row["key"]}}
        add(out, {**line, **figures})


def ways(samples: NDArray[np.uint8]) -> Iterator[tuple[str, float, NDArray[np.uint8]]]:
    """Yield name, strength and what is left of a picture."""
    picture = Pil.fromarray(samples)
    yield "none", 0, samples
    for quality in (100, 98, 95, 90, 85, 80, 75):
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=quality, subsampling=0)
        yield "jpeg", quality, np.asarray(Pil.open(stream))
    for radius in (0.3, 0.5, 1.0):
        yield "blur", radius, np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)))
    for sigma in (0.5, 1.0, 2.0, 4.0, 8.0):
        noise = np.random.default_rng(0).normal(0, sigma, samples.shape)
        yield "noise", sigma, np.clip(np.rint(samples + noise), 0, 255).astype(np.uint8)
    for step in (2, 4, 8, 16, 32):  # coarser rounding, as if w_min..w_max were so many times as wide
        yield "step", step, np.clip(np.rint(samples / step) * step, 0, 255).astype(np.uint8)


def containers(rows: list[dict[str, Any]], tables: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the first line of each kind of container."""
    kinds: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["table"] in tables and "container" in row:
            kinds.setdefault(f"{row['table']} {row['settings'].get('m', '')}", row)
    return list(kinds.values())


def ready(out: Path, row: dict[str, Any]) -> tuple[Image, hosts.Opened]:
    """Return a container, and what its header says."""
    picture = image_file.load(out / row["container"])
    return picture, hosts.host(picture).open(Keyring(PASSWORD))


def ask(picture: Image, keys: Scattered, opened: hosts.Opened, settings: bytes | None = None) -> Value:
    """Return what a picture gives under some keys, with the header's settings or others."""
    known = opened.header.settings if settings is None else settings
    return load("neural_field").reveal(picture, keys, opened.entries()[0], known, lambda _stage, _share: None)
