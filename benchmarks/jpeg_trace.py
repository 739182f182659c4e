"""How surely an earlier JPEG is recognised: the rates in the docstring of `intarsia.media.jpeg_trace`.

    python benchmarks/jpeg_trace.py FOLDER [FOLDER ...] [--as-is FOLDER]

Each FOLDER holds photographs that never were a JPEG (Kodak and gb82, say). Every one is looked at untouched, whole
and in cuts, and after Pillow compressed it at each quality: in colour with default subsampling, in colour with
none, and in grey; decoded, whole and with 3 rows and 5 columns cut off. `--as-is` counts traces in another set.
"""

import argparse
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from intarsia.media.jpeg_trace import find_jpeg_trace

QUALITIES = (30, 50, 75, 85, 90, 95, 97, 98, 99, 100)
CUTS = (64, 128, 256)
CROP = (3, 5)


def compressed(picture: Pil.Image, quality: int, subsampling: int) -> NDArray[np.uint8]:
    """Return the samples of a picture after JPEG compression."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Pil.open(stream))


def centre(samples: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return the central square of a picture."""
    top, left = (samples.shape[0] - side) // 2, (samples.shape[1] - side) // 2
    return samples[top : top + side, left : left + side]


def rate(pictures: list[Pil.Image], quality: int) -> tuple[int, int, int]:
    """Return how many were found, how many at the right offset, and how many were looked at."""
    found = right = looked = 0
    for picture in pictures:
        for kind, subsampling in ((picture, 2), (picture, 0), (picture.convert("L"), 0)):
            samples = compressed(kind, quality, subsampling)
            for rows, columns in ((0, 0), CROP):
                trace = find_jpeg_trace(samples[rows:, columns:])
                looked += 1
                found += trace is not None
                right += trace is not None and trace.offset == (-rows % 8, -columns % 8)
    return found, right, looked


def main() -> None:
    """Print the rates."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--as-is", type=Path)
    options = parser.parse_args()
    pictures = [Pil.open(path).convert("RGB") for folder in options.folders for path in sorted(folder.glob("*.png"))]
    whole = [np.asarray(kind) for picture in pictures for kind in (picture, picture.convert("L"))]
    cuts = [centre(np.asarray(picture), side) for picture in pictures for side in CUTS]
    for name, untouched in (("whole", whole), ("cuts", cuts)):
        print(f"untouched, {name}: {sum(find_jpeg_trace(s) is not None for s in untouched)} of {len(untouched)}")
    for quality in QUALITIES:
        found, right, looked = rate(pictures, quality)
        print(f"quality {quality}: found {found} of {looked}, offset right {right}", flush=True)
    for side in CUTS[:2]:
        for quality in (75, 90, 95):
            pieces = [Pil.fromarray(centre(np.asarray(picture), side)) for picture in pictures]
            found = sum(find_jpeg_trace(compressed(piece, quality, 2)) is not None for piece in pieces)
            print(f"cuts of {side} compressed alone at {quality}: {found} of {len(pieces)}")
    if options.as_is:
        others = [np.asarray(Pil.open(path).convert("RGB")) for path in sorted(options.as_is.glob("*.png"))]
        print(f"{options.as_is.name} as it is: {sum(find_jpeg_trace(s) is not None for s in others)} of {len(others)}")


if __name__ == "__main__":
    main()
