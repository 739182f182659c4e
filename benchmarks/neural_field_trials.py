"""What a lossy way and a wrong key leave of a field; the header, which survives neither, is read from the file.

Containers are those of the tables `video` and `residue` in the same folder, the first of each kind.
"""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from neural_field_measures import bands
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageFilter

from intarsia import hosts
from intarsia.carrier.keys import Keyring, Keys
from intarsia.carrier.places import Places
from intarsia.carrier.scattered import Scattered
from intarsia.media import Image, Video, image_file, metrics, video_file, video_metrics
from intarsia.methods import load

PASSWORD = "benchmark"
BITS = range(0, 256, 17)
"""Of the key, changed one at a time: sixteen of them, the first and the last among them."""

Add = Callable[[Path, dict[str, Any]], None]


def channel(out: Path, rows: list[dict[str, Any]], add: Add) -> None:
    """Measure JPEG, blur, noise and fewer levels."""
    for row in containers(rows):
        picture, opened, secret = ready(out, row)
        for name, value, changed in ways(picture.samples):
            found = ask(Image(changed), opened.channel, opened)
            figures = {
                "container_psnr": metrics.psnr(picture.samples, changed),
                "secret_psnr": video_metrics.mean_psnr(secret, found),
                "secret_bands_db": bands(secret.frames, found.frames),
            }
            line = {"key": f"channel/{row['key']}/{name}{value}", "table": "channel", "item": row["item"]}
            add(out, {**line, "settings": {"of": row["key"], name: value}, **figures})


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


def key(out: Path, rows: list[dict[str, Any]], add: Add) -> None:
    """Measure what wrong keys reveal."""
    for row in containers(rows):
        picture, opened, secret = ready(out, row)
        flat = np.broadcast_to(np.rint(secret.frames.mean(axis=(0, 1, 2))).astype(np.uint8), secret.frames.shape)
        line = {"table": "key", "item": row["item"], "flat_psnr": video_metrics.mean_psnr(secret, Video.of(flat))}
        add(out, {**line, "key": f"key/command/{row['key']}", "settings": {"of": row["key"]},
                  "exit": command(out / row["container"])})  # fmt: skip
        right = hosts.host(picture)
        master = Keyring(PASSWORD).keys(right._places.read_salt()).master
        for bit in BITS:
            turned = bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(master))
            other = Scattered(Places(picture.samples), Keys(turned), "neural_field", 512, hosts.PictureHost.associated)
            found = ask(picture, other, opened)
            add(out, {**line, "key": f"key/bit{bit}/{row['key']}", "settings": {"of": row["key"]}, "bit": str(bit),
                      "secret_psnr": video_metrics.mean_psnr(secret, found),
                      **correlations(secret.frames, found.frames)})  # fmt: skip


def correlations(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> dict[str, float]:
    """Return Pearson's r over all samples, and with each colour's mean taken off: three means alone may correlate."""
    pairs = [each.reshape(-1, 3).astype(np.float64) for each in (one, other)]
    found = {"correlation": float(np.corrcoef(*(pair.reshape(-1) for pair in pairs))[0, 1])}
    centred = [(pair - pair.mean(axis=0)).reshape(-1) for pair in pairs]
    return {**found, "correlation_within_colours": float(np.corrcoef(*centred)[0, 1])}


def command(container: Path) -> int:
    """Return the exit code of `reveal` with another password."""
    words = [sys.executable, "-m", "intarsia", "reveal", str(container), "-o", str(container.parent / "wrong/")]
    return subprocess.run(words, env={**os.environ, "INTARSIA_PASSWORD": "another"}, capture_output=True).returncode


def containers(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first line of each kind of container."""
    kinds: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["table"] in ("video", "residue") and "container" in row:
            kinds.setdefault(f"{row['table']} {row['settings'].get('m', '')}", row)
    return list(kinds.values())


def ready(out: Path, row: dict[str, Any]) -> tuple[Image, hosts.Opened, Video]:
    """Return a container, what its header says, and the secret."""
    picture = image_file.load(out / row["container"])
    opened = hosts.host(picture).open(Keyring(PASSWORD))
    return picture, opened, video_file.load(out / "items" / row["item"])


def ask(picture: Image, keys: Scattered, opened: hosts.Opened) -> Video:
    """Return the clip a picture gives under some keys."""
    room = load("neural_field")
    entry = replace(opened.entries()[0])
    found = room.reveal(picture, keys, entry, opened.header.settings, lambda _stage, _share: None)
    assert isinstance(found, Video)
    return found
