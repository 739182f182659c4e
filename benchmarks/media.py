"""Videos, shapes, and three media at once in pictures, through the saved file: tables of `docs/rooms/exact.md`.

    python benchmarks/media.py PICTURES --videos FOLDER --shapes FOLDER [--sounds FOLDER] [--part NAME]

PICTURES holds photographs of 512 pixels or more on each side; videos are folders of frames, shapes OBJ files. The
central 512x512 of a photograph is the cover. What is measured is what a process of its own reveals from the PNG.
Parts:

    video    16 frames of 128x128, and all frames at their own size; PSNR in dB, mean over clips of the mean over frames
    shape    mean distance of the surfaces both ways, in units of the longest side
    three    a video, a sound and a shape in one cover by one command
    spread   a file of 40 KB over five covers, any three of which bring it back
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image as Pil

from intarsia.carrier.keys import Keyring
from intarsia.media import Blob, Image, Video, audio_file, image_file, metrics, shape_file, sound_metrics, video_file
from intarsia.media.shape_metrics import distances
from intarsia.media.video_metrics import fidelity
from intarsia.pipeline import Terms, hide_file
from intarsia.spread import hide_spread

PASSWORD = "benchmark"
LEVELS = (49.5, 59.0, 64.0)


def terms(**settings: object) -> Terms:
    """Return how everything here is hidden."""
    return Terms(Keyring(PASSWORD), settings=settings, force=True)


def cover(path: Path) -> Image:
    """Return the central 512x512 of a photograph."""
    image = image_file.load(path)
    top, left = (image.height - 512) // 2, (image.width - 512) // 2
    return Image(np.ascontiguousarray(image.samples[top : top + 512, left : left + 512]), name=path.name)


def calm(pictures: list[Path]) -> list[Image]:
    """Return the covers with under 1 % of their samples at 0 or 255."""
    covers = [cover(path) for path in pictures]
    return [c for c in covers if np.mean((c.samples == 0) | (c.samples == 255)) < 0.01]


def revealed(containers: list[Path], out: str) -> None:
    """Reveal in a process of its own."""
    words = [sys.executable, "-m", "intarsia", "reveal", *map(str, containers), "-o", out, "--quiet", "--force"]
    done = subprocess.run(words, env={**os.environ, "INTARSIA_PASSWORD": PASSWORD}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def small(path: Path) -> Video:
    """Return the first 16 frames of a clip, the central square at 128x128."""
    video = video_file.load(path)
    side = min(video.height, video.width)
    top, left = (video.height - side) // 2, (video.width - side) // 2
    frames = [
        np.asarray(
            Pil.fromarray(frame[top : top + side, left : left + side]).resize((128, 128), Pil.Resampling.LANCZOS)
        )
        for frame in video.frames[:16]
    ]
    return replace(video, frames=np.stack(frames), file=None, name="clip.mkv")


def videos(options: argparse.Namespace, covers: list[Image], folder: Path) -> Iterator[str]:
    """Yield the table of videos."""
    clips = sorted(path for path in options.videos.iterdir() if path.is_dir())
    yield "| video | least cover PSNR | cover mean | min | bytes | PSNR mean | min clip | min frame | SSIM mean |"
    yield "|---|---|---|---|---|---|---|---|---|"
    sizes = [("16 frames 128x128", small, db) for db in LEVELS]
    sizes.append(
        ("all frames, own size", lambda path: replace(video_file.load(path), file=None, name="c.mkv"), LEVELS[0])
    )
    for label, load, wanted in sizes:
        rows = []
        for clip, picture in zip(clips, covers, strict=False):
            video = load(clip)
            hidden = hide_file(picture, video, folder / "c.png", terms(cover_db=wanted))
            revealed([folder / "c.png"], str(folder / "v.mkv"))
            found = fidelity(video, video_file.load(folder / "v.mkv"))
            saved = metrics.psnr(picture.samples, image_file.load(folder / "c.png").samples)
            rows.append((saved, hidden.secrets[0].bytes, found.mean_psnr, found.min_psnr, found.mean_ssim or 0.0))
        covers_db, sizes_, means, least, ssim = (np.array(column) for column in zip(*rows, strict=True))
        means = np.minimum(means, 110.0)
        yield (
            f"| {label} | {wanted:g} | {covers_db.mean():.2f} | {covers_db.min():.2f} | {sizes_.mean():,.0f} | "
            f"{means.mean():.2f} | {means.min():.2f} | {least.min():.2f} | {ssim.mean():.4f} |"
        )


def shapes(options: argparse.Namespace, covers: list[Image], folder: Path) -> Iterator[str]:
    """Yield the table of shapes."""
    yield "| shape | vertices | least cover PSNR | cover | bytes | distance there | back |"
    yield "|---|---|---|---|---|---|---|"
    for number, path in enumerate(sorted(options.shapes.glob("*.obj"))):
        shape = shape_file.load(path)
        for wanted in LEVELS:
            hidden = hide_file(covers[number], path, folder / "c.png", terms(cover_db=wanted))
            revealed([folder / "c.png"], str(folder / "s.ply"))
            found = distances(shape, shape_file.load(folder / "s.ply"))
            yield (
                f"| {path.stem} | {len(shape.vertices):,} | {wanted:g} | {hidden.carrier_db:.2f} | "
                f"{hidden.secrets[0].bytes:,} | {found.there:.1e} | {found.back:.1e} |"
            )


def three(options: argparse.Namespace, covers: list[Image], folder: Path) -> Iterator[str]:
    """Yield what a video, a sound and a shape have in one cover."""
    yield "| cover PSNR | video PSNR | sound SNR | shape distance |\n|---|---|---|---|"
    clip, sound = sorted(options.videos.iterdir())[0], sorted(options.sounds.glob("*.flac"))[0]
    mesh = sorted(options.shapes.glob("*.obj"))[-2]
    song = audio_file.load(sound)
    part = replace(song.of(song.read(0, 100_000).astype(np.int16), song.rate), name="song.wav")
    hidden = hide_file(covers[0], [small(clip), part, mesh], folder / "c.png", terms(cover_db=49.5))
    revealed([folder / "c.png"], f"{folder}/back/")
    video = fidelity(small(clip), video_file.load(folder / "back" / "clip.mkv"))
    heard = sound_metrics.snr_of(part, audio_file.load(folder / "back" / "song.wav"))
    solid = distances(shape_file.load(mesh), shape_file.load(folder / "back" / mesh.name)).mean
    yield f"| {hidden.carrier_db:.2f} | {video.mean_psnr:.2f} | {heard:.2f} | {solid:.1e} |"


def spread(options: argparse.Namespace, covers: list[Image], folder: Path) -> Iterator[str]:
    """Yield how many of the ways to choose three of five containers bring a file back."""
    data = np.random.default_rng(0).bytes(40_000)
    made = hide_spread(covers[:5], Blob(data, "file.bin"), 3, folder / "out", terms()).containers
    same = 0
    for chosen in itertools.combinations([hidden.container for hidden in made], 3):
        revealed(list(chosen), str(folder / "file.bin"))
        same += (folder / "file.bin").read_bytes() == data
    least = min(hidden.carrier_db for hidden in made)
    yield f"40,000 bytes over 5 covers, any 3 of them: {same} of 10 choices identical; covers at {least:.1f} dB or more"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--videos", type=Path, required=True)
    parser.add_argument("--shapes", type=Path, required=True)
    parser.add_argument("--sounds", type=Path)
    parser.add_argument("--part", choices=("video", "shape", "three", "spread"))
    options = parser.parse_args()
    covers = calm(sorted(options.pictures.glob("*.png")))
    for name, part in {"video": videos, "shape": shapes, "three": three, "spread": spread}.items():
        if options.part in (None, name) and (name != "three" or options.sounds):
            with tempfile.TemporaryDirectory() as folder:
                print(f"\n{name}\n")
                for line in part(options, covers, Path(folder)):
                    print(line, flush=True)


if __name__ == "__main__":
    main()
