"""Pictures in one another at 512x512, through the saved file: the table of `docs/rooms/exact.md`.

    python benchmarks/kodak.py FOLDER [--limit N]

FOLDER holds photographs (the Kodak set, say). Each one's central 512x512 crop is a cover; the secret is the next
one's. Three parts: pictures with --preset best; 60 KB of random bytes; and random bytes that fill the cover at each
Hamming order r. Every figure is measured on the PNG, read back; payloads are compared byte for byte.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from intarsia.carrier.keys import Keyring, Keys
from intarsia.carrier.places import Places
from intarsia.carrier.scattered import Scattered
from intarsia.media import Blob, Image, image_file
from intarsia.pipeline import Terms, hide_file, reveal_file

SIDE = 512
CALM = 0.01
"""Covers with a smaller share of samples at 0 or 255 count as unsaturated."""


def crop(path: Path) -> Image:
    """Return the central 512x512 of a photograph."""
    image = image_file.load(path)
    top, left = (image.height - SIDE) // 2, (image.width - SIDE) // 2
    return Image(np.ascontiguousarray(image.samples[top : top + SIDE, left : left + SIDE]), name=path.name)


def row(label: str, covers: list[float], secrets: list[float] | None = None) -> str:
    """Return one line of the table: mean, 95 % interval of the mean, and minimum."""

    def said(values: list[float]) -> str:
        half = 1.96 * np.std(values, ddof=1) / len(values) ** 0.5
        return f"{np.mean(values):.2f} ± {half:.2f} | {min(values):.2f}"

    return f"| {label} | {said(covers)} | {said(secrets) if secrets else 'exact | exact'} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=None)
    options = parser.parse_args()
    pictures = [crop(path) for path in sorted(options.folder.glob("*.png"))[: options.limit]]
    print(f"{len(pictures)} covers of {SIDE}x{SIDE}, PSNR in dB over RGB, from the saved PNG\n")
    print("| what | cover mean | cover min | secret mean | secret min |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "container.png")
        print(best(pictures, out))
        print(sixty(pictures, out))
        calm = [picture for picture in pictures if at_ends(picture) < CALM]
        for order in range(1, 6):
            print(filled(f"all {len(pictures)}", pictures, order, out))
            if calm:
                print(filled(f"the {len(calm)} with under 1 % saturated", calm, order, out))
    sys.stdout.flush()


def best(pictures: list[Image], out: Path) -> str:
    """Hide each picture in its neighbour with the carrier filled."""
    covers, secrets = [], []
    for cover, secret in zip(pictures, pictures[1:] + pictures[:1], strict=True):
        hidden = hide_file(cover, secret, out, Terms(settings={"preset": "best"}, force=True))
        covers.append(hidden.carrier_db)
        secrets.append(hidden.secrets[0].psnr or float("inf"))
    return row("picture in picture, `preset=best`", covers, secrets)


def at_ends(picture: Image) -> float:
    """Return the share of samples at 0 or 255, where a change may cost two levels."""
    return float(np.mean((picture.samples == 0) | (picture.samples == 255)))


def filled(which: str, pictures: list[Image], order: int, out: Path) -> str:
    """Fill each cover with random bytes at one Hamming order."""
    places = Places(pictures[0].samples)
    length = Scattered(places, Keys(bytes(32)), "exact", 64).capacity_at(order) - 1
    covers = [exchanged(cover, length, number, out) for number, cover in enumerate(pictures)]
    return row(f"{length:,} random bytes, r = {order}, {which}", covers)


def sixty(pictures: list[Image], out: Path) -> str:
    """Hide 60 KB of random bytes in each cover."""
    covers = [exchanged(cover, 60_000, number, out) for number, cover in enumerate(pictures)]
    return row("60,000 random bytes", covers)


def exchanged(cover: Image, length: int, seed: int, out: Path) -> float:
    """Hide random bytes, reveal them with a new keyring, compare; return the cover's PSNR."""
    data = np.random.default_rng(seed).bytes(length)
    hidden = hide_file(cover, Blob(data), out, Terms(Keyring("benchmark"), force=True))
    found = reveal_file(out, None, Terms(Keyring("benchmark"))).value
    assert isinstance(found, Blob) and found.data == data, "the bytes came back changed"
    return hidden.carrier_db


if __name__ == "__main__":
    main()
