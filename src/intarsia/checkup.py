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
from .media import Audio, Blob, Cover, Image, image_file, values
from .pipeline import Terms, hide_file, reveal_file

_CODECS = {"avif": "AVIF", "jpg_2000": "JPEG 2000", "webp": "WebP", "littlecms2": "colour profiles"}
_LIBRARIES = ("numpy", "pillow", "cryptography", "soundfile", "zfec", "constriction", "typer")


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
    draw = np.random.default_rng(0)
    picture = Image(draw.integers(40, 210, (96, 96, 3), dtype=np.uint8))
    sound = Audio.of((2000 * draw.standard_normal(16_000)).astype(np.int16), 16_000)
    checks.append(_round_trip("picture", picture, "doctor.png"))
    checks.append(_round_trip("sound", sound, "doctor.flac"))
    return Report(tuple(checks))


def _round_trip(what: str, cover: Cover, name: str) -> Check:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        hidden = hide_file(cover, Blob(b"intarsia" * 40), path, Terms())
        found = reveal_file(path, None, Terms()).value
    same = isinstance(found, Blob) and found.data == b"intarsia" * 40
    return Check(f"hide and reveal, {what}", same, f"{hidden.carrier_db:.1f} dB, {hidden.seconds:.2f} s")


def file(path: str) -> Report:
    """Say what is visible about a container that does not reveal; nothing of this needs the password."""
    value = values.container(path, max_pixels=image_file.MAX_PIXELS)
    lossy, form = value.is_lossy, value.format
    checks = [
        Check("readable", True, f"{form}, {value.describe()}"),
        Check("lossless format", not lossy, f"{form} destroys exact containers" if lossy else form),
    ]
    if value.notes:
        checks.append(Check("as stored", True, "; ".join(value.notes)))
    if isinstance(value, Audio):
        checks.append(Check("advice", True, _SOUND_ADVICE))
        return Report(tuple(checks))
    traces = [note for note in values.cover_notes(value) if "JPEG" in note]
    if not lossy:
        # A JPEG that was re-saved as PNG looks lossless but is not what was sent; a JPEG cover looks the same.
        checks.append(Check("traces of JPEG", True, traces[0] if traces else "none found"))
    checks.append(Check("advice", True, _PICTURE_ADVICE))
    return Report(tuple(checks))


_PICTURE_ADVICE = (
    "compare size and checksum with the sender's file; resizing, cropping or re-saving destroys the secret"
)
_SOUND_ADVICE = (
    "compare length, rate, depth and checksum with the sender's file; parts may be missing, but a change of volume, "
    "rate or depth, any effect, and MP3, OGG or AAC on the way destroy the secret"
)
