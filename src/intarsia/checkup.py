"""`doctor`: is this installation sound, and what may have happened to a file."""

import importlib.metadata
import platform
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import features

from .carrier.keys import stretch
from .media import Blob, Image, image_file
from .media.values import cover_notes
from .pipeline import Terms, hide_file, reveal_file

_CODECS = {"avif": "AVIF", "jpg_2000": "JPEG 2000", "webp": "WebP", "littlecms2": "colour profiles"}
_LIBRARIES = ("numpy", "pillow", "cryptography", "typer")


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    what: str
    ok: bool
    found: str


@dataclass(frozen=True)
class Report:
    """All of them."""

    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is bad."""
        return all(check.ok for check in self.checks)


def installation() -> Report:
    """Check libraries, codecs, the cost of a password, and one real round trip through a file."""
    checks = [Check("python", True, f"{platform.python_version()} on {platform.machine()}")]
    checks += [Check(name, True, importlib.metadata.version(name)) for name in _LIBRARIES]
    checks += [
        Check(f"codec {label}", bool(features.check(name)), str(features.version(name) or "missing in Pillow"))
        for name, label in _CODECS.items()
    ]
    started = time.perf_counter()
    stretch("doctor", bytes(16))
    checks.append(Check("password to key", True, f"{time.perf_counter() - started:.2f} s"))
    checks.append(_round_trip())
    return Report(tuple(checks))


def _round_trip() -> Check:
    cover = Image(np.random.default_rng(0).integers(40, 210, (96, 96, 3), dtype=np.uint8))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "doctor.png")
        hidden = hide_file(cover, Blob(b"intarsia" * 40), path, Terms())
        found = reveal_file(path, None, Terms()).value
    same = isinstance(found, Blob) and found.data == b"intarsia" * 40
    return Check("hide and reveal", same, f"cover {hidden.carrier_db:.1f} dB, {hidden.seconds:.2f} s")


def file(path: str) -> Report:
    """Say what is visible about a container that does not reveal; nothing of this needs the password."""
    picture = image_file.load(path)
    lossy = picture.is_lossy
    checks = [
        Check("readable", True, f"{picture.format}, {picture.describe()}"),
        Check("lossless format", not lossy, f"{picture.format} destroys exact containers" if lossy else picture.format),
    ]
    if picture.notes:
        checks.append(Check("as stored", True, "; ".join(picture.notes)))
    traces = [note for note in cover_notes(picture) if "JPEG" in note]
    if not lossy:
        # A JPEG that was re-saved as PNG looks lossless but is not what was sent; a JPEG cover looks the same.
        checks.append(Check("traces of JPEG", True, traces[0] if traces else "none found"))
    advice = "compare size and checksum with the sender's file; resizing, cropping or re-saving destroys the secret"
    checks.append(Check("advice", True, advice))
    return Report(tuple(checks))
