"""The picture on the neural field's page: one clip in one photograph, both recipes, from the saved files.

    python benchmarks/neural_field_figure.py -o docs/images/neural_field.png --work DIR

The cover is scikit-image's astronaut; the clip, 16 frames of 128 x 128, is a window that moves over its cat. Above: the
cover, then the container of each recipe. Below: first and last frame of the clip, then as each container gives them.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image as Pil

from intarsia.media import image_file, metrics, video_file

RECIPES = {"faithful": ("steps=1500", "lr=0.008"), "residue": ("recipe=residue", "steps=1400")}
FRAMES, SIDE = 16, 128
Samples = NDArray[np.uint8]


def clip(folder: Path) -> None:
    """Write the frames."""
    cat = skimage.data.chelsea()
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(FRAMES):
        top, left = 60 + 2 * number, 90 + 6 * number
        Pil.fromarray(cat[top : top + SIDE, left : left + SIDE]).save(folder / f"{number:03}.png")


def through(work: Path, recipe: str) -> tuple[Samples, Samples]:
    """Return the container and the clip it gives back."""
    container, sets = work / f"{recipe}.png", [word for pair in RECIPES[recipe] for word in ("--set", pair)]
    place = [str(work / "cover.png"), str(work / "clip"), "-o", str(container), "--force"]
    intarsia("hide", *place, "--method", "neural_field", *sets)
    intarsia("reveal", str(container), "-o", f"{work / recipe}/", "--force", "--set", "as=frames")
    return image_file.load(container).samples, video_file.load(work / recipe / "clip").frames


def intarsia(*words: str) -> None:
    """Run one command in a process of its own."""
    subprocess.run(
        [sys.executable, "-m", "intarsia", *words, "--quiet"],
        check=True, env={**os.environ, "INTARSIA_PASSWORD": "figure"},
    )  # fmt: skip


def pair(frames: Samples) -> Samples:
    """Return the first and the last frame side by side, twice as large."""
    return np.concatenate([frames[0], frames[-1]], axis=1).repeat(2, 0).repeat(2, 1)


def column(above: Samples, below: Samples) -> Samples:
    """Return one picture over two frames, a white line between them."""
    return np.concatenate([above, np.full((8, above.shape[1], 3), 255, np.uint8), below])


def main() -> None:
    """Read the command line."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("-o", "--out", type=Path, required=True)
    asked.add_argument("--work", type=Path, required=True)
    given = asked.parse_args()
    clip(given.work / "clip")
    cover, secret = skimage.data.astronaut(), video_file.load(given.work / "clip").frames
    Pil.fromarray(cover).save(given.work / "cover.png")
    columns = [column(cover, pair(secret))]
    for recipe in RECIPES:
        container, found = through(given.work, recipe)
        columns.append(column(container, pair(found)))
        off = np.mean([metrics.psnr(a, b) for a, b in zip(secret, found, strict=True)])
        print(f"{recipe}: cover {metrics.psnr(cover, container):.2f} dB, secret {off:.2f} dB")
    gap = np.full((columns[0].shape[0], 8, 3), 255, np.uint8)
    whole = np.concatenate([part for each in columns for part in (each, gap)][:-1], axis=1)
    Pil.fromarray(whole).resize((whole.shape[1] // 2, whole.shape[0] // 2), Pil.Resampling.LANCZOS).save(given.out)


if __name__ == "__main__":
    main()
