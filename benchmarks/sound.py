"""Pictures in speech, bytes in sound, music in pictures, through the saved file: the tables of `docs/rooms/exact.md`.

    python benchmarks/sound.py SPEECH PICTURES [--music FOLDER] [--limit N] [--part NAME]

SPEECH holds mono 16 kHz recordings (LibriSpeech, say), PICTURES photographs of 512 pixels or more on each side (the
Kodak set, say). A recording is repeated or cut to the seconds a row says and scaled to -26 dBFS; picture i goes into
recording i. What is measured is what a process of its own reveals from the WAV (or PNG) file. Parts:

    speech    pictures in speech: SNR, PESQ (if the package pesq is there), level of the quiet frames; PSNR, SSIM, MAE
    shaping   random bytes at SNR 40, with noise shaping of several strengths, in every recording
    loss      the protected ones again, after a quarter was zeroed or cut out in four ways
    bytes     random bytes in speech, and a megabyte in stereo
    music     the first 100,000 samples of music in 512x512 pictures
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from intarsia.carrier.keys import Keyring
from intarsia.errors import UsageError
from intarsia.media import Audio, Blob, Image, audio_file, image_file, metrics, sound_metrics
from intarsia.pipeline import Terms, hide_file
from intarsia.survey import capacity

PASSWORD = "benchmark"
RATE = 16_000
LEVEL = -26.0
Samples = NDArray[np.int32]


@dataclass(frozen=True)
class Case:
    """One row: a picture's side and mode, seconds of speech, least SNR in dB, share that may be lost."""

    side: int
    mode: str
    seconds: float
    snr: float
    protect: float

    @property
    def label(self) -> str:
        """The row in words."""
        return f"{self.mode} {self.side}x{self.side} in {self.seconds:g} s, snr={self.snr:g}, protect={self.protect:g}"


CASES = (
    Case(256, "RGB", 3.0, 40, 0.0),
    Case(256, "RGB", 3.0, 40, 0.25),
    Case(256, "RGB", 3.0, 50, 0.0),
    Case(512, "L", 1.054, 30, 0.0),
)
SHAPINGS = (0.0, 0.5, 0.85)
MUSIC = ((49.5, 4), (54.5, 4), (64.0, 4))


# --- media ---------------------------------------------------------------------------------------------------


def speech(path: Path, seconds: float, rate: int = RATE) -> Samples:
    """Return a recording of so many seconds at -26 dBFS, int32 [T, 1]."""
    sound = audio_file.load(path)
    values = sound.planes()[0].astype(np.float64)
    if rate != sound.rate:
        import soxr

        values = soxr.resample(values, sound.rate, rate)
    count = round(seconds * rate)
    values = np.tile(values, -(-count // len(values)))[:count]
    values *= 32768 * 10 ** (LEVEL / 20) / np.sqrt(np.mean(values**2))
    return np.clip(np.rint(values), -32768, 32767).astype(np.int32)[:, None]


def saved(samples: Samples, path: Path, rate: int = RATE) -> Audio:
    """Write a 16-bit WAV and return it as read back."""
    sound = Audio.of(samples.astype(np.int16), rate)
    audio_file.save(path, sound.blocks(), sound, "WAV")
    return audio_file.load(path)


def photograph(path: Path, side: int, mode: str = "RGB") -> Image:
    """Return the central 512x512 of a photograph, reduced to `side`, as grey or colour."""
    with Pil.open(path) as opened:
        left, top = (opened.width - 512) // 2, (opened.height - 512) // 2
        part = opened.convert("RGB").crop((left, top, left + 512, top + 512))
    part = part if side == 512 else part.resize((side, side), Pil.Resampling.LANCZOS)
    return Image(np.ascontiguousarray(np.asarray(part.convert(mode))), name=path.stem + ".png")


def revealed(container: Path, out: Path) -> tuple[int, bytes]:
    """Reveal in a process of its own; return its exit code and what it wrote."""
    out.unlink(missing_ok=True)
    words = [sys.executable, "-m", "intarsia", "reveal", str(container), "-o", str(out), "--quiet", "--force"]
    done = subprocess.run(words, env={**os.environ, "INTARSIA_PASSWORD": PASSWORD}, capture_output=True, check=False)
    return done.returncode, out.read_bytes() if out.exists() else b""


def terms(**settings: object) -> Terms:
    """Return how everything here is hidden."""
    return Terms(Keyring(PASSWORD), settings=settings, force=True)


def said(values: list[float], digits: int = 2) -> str:
    """Return mean ± 95 % interval of the mean, and minimum, as two cells."""
    half = 1.96 * np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return f"{np.mean(values):.{digits}f} ± {half:.{digits}f} | {min(values):.{digits}f}"


# --- parts ---------------------------------------------------------------------------------------------------


def in_speech(recordings: list[Path], pictures: list[Path], folder: Path) -> Iterator[str]:
    """Yield the table of pictures in speech."""
    yield f"{len(pictures)} pictures; SNR and PSNR in dB, MAE in levels of 255, quiet frames in dB against the cover\n"
    heads = ("what", "bytes", "SNR mean", "min", "PESQ mean", "min", "quiet frames", "PSNR mean", "min", "SSIM mean")
    yield "| " + " | ".join((*heads, "min", "MAE mean")) + " |"
    yield "|" + "---|" * (len(heads) + 2)
    for case in CASES:
        rows = [row_in_speech(case, *pair, folder) for pair in zip(recordings, pictures, strict=False)]
        columns = [list(column) for column in zip(*rows, strict=True)]
        length, snr, pesq, quiet, psnr, ssim, mae = columns
        cells = (f"{np.mean(length):,.0f}", said(snr), said(pesq), f"{np.mean(quiet):+.2f}", said(psnr), said(ssim, 3))
        yield f"| {case.label} | " + " | ".join((*cells, f"{np.mean(mae):.2f}")) + " |"


def row_in_speech(case: Case, recording: Path, picture: Path, folder: Path) -> tuple[float, ...]:
    """Hide one picture in one recording, reveal it elsewhere, and measure both files."""
    cover = saved(speech(recording, case.seconds), folder / "cover.wav")
    secret, out = photograph(picture, case.side, case.mode), folder / "container.wav"
    hidden = hide_file(folder / "cover.wav", secret, out, terms(snr=case.snr, protect=case.protect))
    code, data = revealed(out, folder / "secret.png")
    assert code == 0, f"{picture.name} was not revealed"
    found, stego = image_file.decode(data), audio_file.load(out)
    images = (secret.samples, found.samples)
    quiet = sound_metrics.quiet_level(stego) - sound_metrics.quiet_level(cover)
    measured = (metrics.psnr(*images), metrics.ssim(*images), metrics.mae(*images))
    return (hidden.secrets[0].bytes, sound_metrics.snr_of(cover, stego), pesq(cover, stego), quiet, *measured)


def pesq(cover: Audio, stego: Audio) -> float:
    """Return wideband PESQ, or NaN without the package or where it finds no speech."""
    try:
        return sound_metrics.pesq_wb(cover.planes()[0], stego.planes()[0], cover.rate)
    except (UsageError, ValueError):
        return float("nan")


def with_shaping(recordings: list[Path], _pictures: list[Path], folder: Path) -> Iterator[str]:
    """Yield what noise shaping does: speech of three seconds filled at SNR 40."""
    yield "| shaping | bytes | SNR mean | min | PESQ mean | min | STOI mean | min |\n|---|---|---|---|---|---|---|---|"
    for shaping in SHAPINGS:
        rows = [shaped(path, shaping, number, folder) for number, path in enumerate(recordings)]
        length, *columns = (list(column) for column in zip(*rows, strict=True))
        cells = (said(columns[0]), said(columns[1]), said(columns[2], 4))
        yield f"| {shaping:g} | {np.mean(length):,.0f} | " + " | ".join(cells) + " |"


def shaped(recording: Path, shaping: float, seed: int, folder: Path) -> tuple[float, ...]:
    """Fill one recording with random bytes; return their number, SNR, PESQ and STOI."""
    cover = saved(speech(recording, 3.0), folder / "cover.wav")
    settings = {"snr": 40, "protect": 0.0, "shaping": shaping}
    length = capacity(cover, None, terms(**settings)).bytes
    data = np.random.default_rng(seed).bytes(length)
    hide_file(folder / "cover.wav", Blob(data), folder / "container.wav", terms(**settings))
    assert revealed(folder / "container.wav", folder / "secret.bin") == (0, data)
    stego = audio_file.load(folder / "container.wav")
    understood = sound_metrics.stoi(cover.planes()[0], stego.planes()[0], cover.rate)
    return length, sound_metrics.snr_of(cover, stego), pesq(cover, stego), understood


def lost(sound: Samples, kind: str, draw: np.random.Generator) -> Samples:
    """Return a sound that has lost a quarter."""
    count, quarter = len(sound), len(sound) // 4
    begin = {"start": 0, "middle": (count - quarter) // 2}.get(kind, int(draw.integers(0, count - quarter)))
    keep = np.ones(count, np.bool_)
    if kind == "four pieces":
        piece = quarter // 4
        for at in np.sort(draw.integers(0, count - 4 * piece, 4)) + piece * np.arange(4):
            keep[at : at + piece] = False
    else:
        keep[begin : begin + quarter] = False
    return np.where(keep[:, None], sound, 0) if kind == "zeroed" else sound[keep]


def after_loss(recordings: list[Path], pictures: list[Path], folder: Path) -> Iterator[str]:
    """Yield how many protected pictures come back identical from three quarters of their file."""
    kinds = {"zeroed": "zeroed in one piece", "middle": "cut from the middle", "start": "cut from the start"}
    kinds["four pieces"] = "cut in four pieces"
    same, draw = dict.fromkeys(kinds, 0), np.random.default_rng(0)
    case = CASES[1]
    for recording, picture in zip(recordings, pictures, strict=False):
        saved(speech(recording, case.seconds), folder / "cover.wav")
        secret = photograph(picture, case.side)
        hide_file(folder / "cover.wav", secret, folder / "container.wav", terms(snr=case.snr, protect=case.protect))
        whole = revealed(folder / "container.wav", folder / "secret.png")
        for kind in kinds:
            saved(lost(audio_file.load(folder / "container.wav").samples, kind, draw), folder / "damaged.wav")
            same[kind] += whole[0] == 0 and revealed(folder / "damaged.wav", folder / "damaged.png") == whole
    yield f"{case.label}: the identical picture revealed after a quarter was lost\n"
    yield "| a quarter | identical |\n|---|---|"
    for kind, label in kinds.items():
        yield f"| {label} | {same[kind]} of {len(pictures)} |"


def with_bytes(recordings: list[Path], _pictures: list[Path], folder: Path) -> Iterator[str]:
    """Yield random bytes in ten seconds of speech, and a megabyte in half a minute of stereo."""
    yield "| cover | bytes | settings | carrier SNR mean | min | identical |\n|---|---|---|---|---|---|"
    stereo = [np.hstack([speech(a, 30, 44_100), speech(b, 30, 44_100)]) for a, b in [(recordings[0], recordings[5])]]
    mono = [speech(path, 10) for path in recordings]
    for covers, rate, label, count, settings in (
        (mono, RATE, "10 s of 16 kHz speech", 60_000, {"protect": 0.0}),
        (mono, RATE, "10 s of 16 kHz speech", 60_000, {}),
        (mono, RATE, "10 s of 16 kHz speech", 9_900, {"protect": 0.0}),
        (mono, RATE, "10 s of 16 kHz speech", 9_900, {}),
        (stereo, 44_100, "30 s of 44.1 kHz stereo", 1_000_000, {"protect": 0.0, "snr": 50}),
    ):
        found = [one_with_bytes(cover, rate, count, number, settings, folder) for number, cover in enumerate(covers)]
        asked = ", ".join(f"{key}={value}" for key, value in settings.items()) or "protect=0.25"
        identical = f"{sum(same for _, same in found)} of {len(found)}"
        yield f"| {label} | {count:,} | {asked} | {said([snr for snr, _ in found])} | {identical} |"


def one_with_bytes(
    cover: Samples, rate: int, count: int, seed: int, settings: dict[str, float], folder: Path
) -> tuple[float, bool]:
    """Hide random bytes, reveal them elsewhere; return the SNR and whether they are the same."""
    sound, data = saved(cover, folder / "cover.wav", rate), np.random.default_rng(seed).bytes(count)
    hide_file(folder / "cover.wav", Blob(data), folder / "container.wav", terms(**settings))
    same = revealed(folder / "container.wav", folder / "secret.bin") == (0, data)
    return sound_metrics.snr_of(sound, audio_file.load(folder / "container.wav")), same


def with_music(music: list[Path], pictures: list[Path], folder: Path) -> Iterator[str]:
    """Yield music in pictures of 512x512."""
    yield "| least cover PSNR | cover mean | min | exact | SNR of the others mean | min |\n|---|---|---|---|---|---|"
    for wanted, covers in MUSIC:
        found = [
            one_with_music(path, picture, wanted, folder) for path in music for picture in pictures[:: 24 // covers]
        ]
        exact = sum(np.isinf(snr) for _, snr in found)
        others = [snr for _, snr in found if np.isfinite(snr)]
        cells = (said([psnr for psnr, _ in found]), f"{exact} of {len(found)}", said(others) if others else "- | -")
        yield f"| {wanted:g} | " + " | ".join(cells) + " |"


def one_with_music(path: Path, picture: Path, wanted: float, folder: Path) -> tuple[float, float]:
    """Hide the first 100,000 samples in a picture; return the cover's PSNR and the sound's SNR."""
    whole = audio_file.load(path)
    sound, cover = Audio.of(whole.read(0, 100_000).astype(np.int16), whole.rate), photograph(picture, 512)
    out = folder / "container.png"
    hide_file(cover, sound, out, terms(cover_db=wanted))
    code, data = revealed(out, folder / "secret.wav")
    assert code == 0, f"{path.name} was not revealed"
    quality = sound_metrics.snr_of(sound, audio_file.decode(data))
    return metrics.psnr(cover.samples, image_file.load(out).samples), quality


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("speech", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--music", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--part", choices=("speech", "shaping", "loss", "bytes", "music"))
    options = parser.parse_args()
    pictures = sorted(options.pictures.glob("*.png"))[: options.limit]
    every = sorted(options.speech.glob("*.flac"))[: options.limit]
    recordings = sorted(options.speech.glob("*.flac"))
    recordings = [recordings[i % len(recordings)] for i in range(max(len(pictures), 6))]
    music = sorted(options.music.glob("*.flac"))[: options.limit] if options.music else []
    Part = Callable[[list[Path], list[Path], Path], Iterator[str]]  # noqa: N806 (a type)
    parts: dict[str, tuple[Part, list[Path]]] = {
        "speech": (in_speech, recordings),
        "shaping": (with_shaping, every),
        "loss": (after_loss, recordings),
        "bytes": (with_bytes, recordings[: len(pictures)] if len(pictures) > 5 else recordings),
        "music": (with_music, music),
    }
    for name, (part, sounds) in parts.items():
        if options.part in (None, name) and sounds:
            with tempfile.TemporaryDirectory() as folder:
                print(f"\n{name}\n")
                for line in part(sounds, pictures, Path(folder)):
                    print(line, flush=True)


if __name__ == "__main__":
    main()
