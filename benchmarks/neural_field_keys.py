"""What wrong keys leave of a field.

The command ends with exit code 4. Here the header is bypassed: who tries a key is given all that stands in it but what
it says of colours, since nobody can open it with that key. As many other passwords are tried as bits of the right key,
changed one at a time.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from neural_field_trials import PASSWORD, Add, ask, containers, ready
from numpy.typing import NDArray

from intarsia import hosts
from intarsia.carrier.keys import Keyring, Keys
from intarsia.carrier.places import Places
from intarsia.carrier.scattered import Scattered
from intarsia.errors import NoSecretError
from intarsia.media import (
    Audio,
    Image,
    Shape,
    Value,
    Video,
    audio_file,
    shape_file,
    shape_metrics,
    sound_metrics,
    video_file,
    video_metrics,
)
from intarsia.methods.neural_field.colours import GREY
from intarsia.methods.neural_field.signals import MEANS

MANY = 100
"""Passwords, and bits, unless `--limit` says otherwise."""

TABLES = ("video", "residue", "audio", "shapes")


def key(data: Path, out: Path, rows: list[dict[str, Any]], add: Add, many: int | None) -> None:
    """Measure what wrong keys reveal."""
    done = {row["key"] for row in rows}
    for row in containers(rows, TABLES):
        picture, opened = ready(out, row)
        secret = loaded(data, out, row)
        line = {"table": "key", "item": row["item"], "settings": {"of": row["key"]}, **baseline(secret)}
        settings = unsealed(opened.header.settings, row)
        if (own := f"key/command/{row['key']}") not in done:
            add(out, {**line, "key": own, "exit": command(out / row["container"])})
        for name, keys in wrong(picture, many or MANY):
            if (own := f"key/{name}/{row['key']}") not in done:
                add(out, {**line, "key": own, "tried": name, **figures(secret, tried(picture, keys, opened, settings))})


def wrong(picture: Image, many: int) -> Iterator[tuple[str, Keys]]:
    """Yield names and keys: other passwords, then the right key with one bit changed."""
    salt = Places(picture.samples).read_salt()
    for number in range(many):
        yield f"password {number}", Keyring(f"another {number}").keys(salt)
    master = Keyring(PASSWORD).keys(salt).master
    for bit in np.linspace(0, 255, many).round().astype(int).tolist():
        turned = bytearray(master)
        turned[bit // 8] ^= 1 << bit % 8
        yield f"bit {bit}", Keys(bytes(turned))


def tried(picture: Image, keys: Keys, opened: hosts.Opened, settings: bytes) -> Value | None:
    """Return what a key reveals; None: no surface at all."""
    channel = Scattered(Places(picture.samples), keys, "neural_field", 512, hosts.PictureHost.associated)
    try:
        return ask(picture, channel, opened, settings)
    except NoSecretError:
        return None


def unsealed(settings: bytes, row: dict[str, Any]) -> bytes:
    """Return the settings of a header nobody opened: colours are grey in the mean."""
    if row["table"] in ("audio", "shapes") or row["settings"].get("colour_means") == "field":
        return settings
    return settings[: -MEANS.size] + MEANS.pack(*GREY)


def loaded(data: Path, out: Path, row: dict[str, Any]) -> Value:
    """Return the secret."""
    if row["table"] == "shapes":
        return shape_file.load(data / f"shapes/{row['item']}.obj")
    if row["table"] == "audio":
        return audio_file.load(out / "items" / f"{row['item']}.wav")
    return video_file.load(out / "items" / row["item"])


def baseline(secret: Value) -> dict[str, float]:
    """Return what a flat picture of the mean colour has."""
    if not isinstance(secret, Video):
        return {}
    flat = np.broadcast_to(np.rint(secret.frames.mean(axis=(0, 1, 2))).astype(np.uint8), secret.frames.shape)
    found = video_metrics.fidelity(secret, Video.of(flat))
    return {"flat_psnr": video_metrics.mean_of(found.psnr), "flat_ssim": float(np.mean(found.ssim))}


def figures(secret: Value, found: Value | None) -> dict[str, float]:
    """Return the size of Pearson's r over all samples, and how near the secret is in its own units."""
    if isinstance(secret, Video) and isinstance(found, Video):
        colours = [each.frames.reshape(-1, 3).astype(np.float64) for each in (secret, found)]
        centred = [each - each.mean(axis=0) for each in colours]
        measured = video_metrics.fidelity(secret, found)
        near = {"secret_psnr": video_metrics.mean_of(measured.psnr), "secret_ssim": float(np.mean(measured.ssim))}
        return {**near, "r": correlation(*colours), "r_within_colours": correlation(*centred)}
    if isinstance(secret, Audio) and isinstance(found, Audio):
        near = {"secret_snr": sound_metrics.snr_of(secret, found)}
        return {**near, "r": correlation(secret.planes(), found.planes())}
    if isinstance(secret, Shape) and isinstance(found, Shape):
        return {"secret_iou": shape_metrics.volume_iou(secret, found)}
    return {"surfaces": 0.0}


def correlation(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Return the size of Pearson's r."""
    return abs(float(np.corrcoef(one.reshape(-1), other.reshape(-1))[0, 1]))


def command(container: Path) -> int:
    """Return the exit code of `reveal` with another password."""
    words = [sys.executable, "-m", "intarsia", "reveal", str(container), "-o", str(container.parent / "wrong/")]
    return subprocess.run(words, env={**os.environ, "INTARSIA_PASSWORD": "another"}, capture_output=True).returncode
