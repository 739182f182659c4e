"""Write the golden containers: `python tests/recorded/make.py`. Never rewrite one that was released.

The covers are drawn here. Every later release must open every container in this folder.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

import intarsia
from intarsia.media import Blob, Image

HERE = Path(__file__).parent
PASSWORD = "golden pässword"


def drawn(height: int, width: int) -> np.ndarray:
    """Return a drawn picture, uint8 [height, width, 3]: soft waves and a little grain."""
    y, x = np.mgrid[:height, :width] / 7.0
    waves = np.stack([np.sin(x + y / 3), np.sin(y - x / 5), np.cos(x / 2) * np.sin(y / 2)], axis=-1)
    grain = np.random.default_rng(11).integers(-6, 7, waves.shape)
    return (128 + 90 * waves + grain).astype(np.uint8)


def main() -> None:
    """Write containers and `expected.json`."""
    cover, secret = drawn(96, 120), drawn(40, 50)[::-1].copy()
    alpha = np.full((96, 120), 255, np.uint8)
    alpha[:30, :30] = 0
    noise = Blob(np.random.default_rng(5).bytes(300), "noise.bin")
    cases = {
        "v1-exact-blob.png": (Image(cover), noise, {}),
        "v1-exact-long-name.png": (Image(cover), Blob(b"short", "a name too long for the short header.txt"), {}),
        "v1-exact-text.webp": (Image(cover, alpha), Blob.text("An inlay, ¼ inch."), {}),
        "v1-exact-picture-best.png": (Image(cover), Image(secret, name="waves.png"), {"preset": "best"}),
        "v1-exact-picture.bmp": (Image(cover[..., 0].copy()), Image(secret, name="waves.png"), {}),
        "v1-exact-grey16.tif": (Image(cover[..., 1].astype(np.uint16) * 255), noise, {}),
        "v1-lsb-3.png": (Image(cover), Image(secret, name="waves.png"), {"method": "lsb"}),
        "v1-lsb-2-midpoint.png": (Image(cover), Image(secret), {"method": "lsb", "bits": 2, "midpoint": True}),
    }
    expected = {}
    for name, (host, value, settings) in cases.items():
        intarsia.hide(host, value, HERE / name, password=PASSWORD, seed=1, force=True, **settings)
        expected[name] = fingerprint(intarsia.reveal(HERE / name, password=PASSWORD).value)
    (HERE / "expected.json").write_text(json.dumps(expected, indent=2, ensure_ascii=False) + "\n")


def fingerprint(value: Blob | Image) -> dict[str, object]:
    """Return what identifies a revealed value; a lossy picture's samples depend on its decoder's release."""
    if isinstance(value, Blob):
        return {"kind": value.kind, "name": value.name, "sha256": hashlib.sha256(value.data).hexdigest()}
    samples = value.samples.astype(float)
    return {
        "kind": value.kind,
        "name": value.name,
        "shape": list(value.samples.shape),
        "mean": round(samples.mean(), 1),
        "deviation": round(samples.std(), 1),
    }


if __name__ == "__main__":
    main()
