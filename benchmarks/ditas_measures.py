"""One picture hidden in one sound by a run, and what is measured of it; for `ditas.py`.

    run, picture, sound ──► Trip: cover, container of the file, revealed ──► quality ──► {name: number}

Columns: `direct`, what the hiding network made is read as it is, no sound between, and the picture stays float, as
presumably published; `file`, the container is a 16-bit WAV, written and read back, and the picture is 8 bits. The
header is left out here: the command line adds it, one step in a few frames.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from intarsia import methods, zoo
from intarsia.carrier.keys import Cost, Keyring
from intarsia.codes import image as image_codes
from intarsia.engine import spectrum
from intarsia.errors import NoSecretError
from intarsia.media import Audio, Image, audio_file, image_file, metrics, sound_metrics
from intarsia.media.image import resize
from intarsia.methods.ditas import objective, trip
from intarsia.methods.hide_and_speak import objective as speak
from intarsia.methods.learned import steps_of
from intarsia.methods.picture_in_picture import as_colour
from intarsia.pipeline import Terms, hide_file, reveal_file

Picture = NDArray[np.uint8]
Samples = NDArray[np.int16]

RATE = 16_000
MEASURES = {
    "container_mse": ("container MSE, |STFT|", 1, "{:.3e}"),
    "plane_mse": ("container MSE, own plane", 1, "{:.3e}"),
    "wave_mse": ("container MSE, samples", 1, "{:.3e}"),
    "snr": ("carrier SNR, dB", 1, "{:.2f}"),
    "pesq": ("PESQ", 1, "{:.3f}"),
    "psnr": ("PSNR, dB", 1, "{:.2f}"),
    "ssim": ("SSIM", 1, "{:.4f}"),
    "ms_ssim": ("MS-SSIM", 1, "{:.4f}"),
}
"""Heading, factor and form of each measure. |STFT| of samples -1..1, Hann window of 256, hop 128, not normalised; the
own plane is what the method's networks change."""


@dataclass(frozen=True)
class Run:
    """A trained run, ready to use.

    Attributes:
        name: in tables.
        method: its method.
        net: its networks.
        config: its settings, stages in their natural order.
        identity: of its weights.
    """

    name: str
    method: Any
    net: torch.nn.Module
    config: Any
    identity: str
    folder: str

    @property
    def stages(self) -> int:
        """Stages, 1 where there are none."""
        return self.config.count if hasattr(self.config, "count") else 1

    @property
    def colour(self) -> bool:
        """Whether it hides R, G, B."""
        return self.method.planes(self.config) == 3


def load(name: str, folder: Path, at: str = "") -> Run:
    """Return the run in a folder, or a model that ships.

    Args:
        name: in tables.
        folder: of the run.
        at: where its containers are brought to one SNR and to which, such as sound:30; "": as it was trained.
    """
    model = zoo.find(str(folder))
    method = methods.load(model.method).equip(str(folder))
    config = method.settled(model)
    if hasattr(config, "order"):
        config = replace(config, order=":".join(map(str, range(config.count))))
    held, colon, db = at.partition(":")
    if colon:
        config = replace(config, held=held, snr=float(db), refine=0)
    return Run(name, method, method.loaded(model, config), config, model.identity.hex()[:12] + at, str(folder))


# --- items ---------------------------------------------------------------------------------------------------


def picture(path: Path, run: Run) -> Picture:
    """Return the central square of a picture at the run's size, uint8 [s, s, 3] or [s, s]."""
    whole = as_colour(image_file.load(path))
    short = min(whole.shape[:2])
    top, left = ((side - short) // 2 for side in whole.shape[:2])
    square = Image(np.ascontiguousarray(whole[top : top + short, left : left + short]))
    side = run.method.size(run.config)[0]
    levels = resize(square, side, side).samples
    return levels if run.colour else np.rint(levels @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)


@lru_cache(maxsize=64)
def recording(path: Path) -> Samples:
    """Return a recording, int16 [T]; read in this process, which a busy machine cannot take too long for."""
    found: Samples = soundfile.read(str(path), dtype="int16", always_2d=True)[0][:, 0]
    return found


def sound(path: Path, run: Run) -> Samples:
    """Return as much of the middle of a recording as the run needs, int16 [T]; a shorter one comes again."""
    samples, length = recording(path), run.method.clip(run.config)
    if len(samples) < length:
        return np.resize(samples, length)
    start = (len(samples) - length) // 2
    return samples[start : start + length]


# --- hiding and revealing ------------------------------------------------------------------------------------


def planes(levels: Picture) -> Tensor:
    """Return a picture as the networks take it, [1, P, s, s], 0..1."""
    return torch.from_numpy(np.atleast_3d(levels).transpose(2, 0, 1).astype(np.float32) / 255)[None]


def values(samples: Samples) -> Tensor:
    """Return samples as the networks take them, [1, 1, T], -1..1."""
    return torch.from_numpy(samples.astype(np.float32) / 32768)[None, None]


def written(container: Tensor) -> Samples:
    """Return what a 16-bit WAV of a container gives back, int16 [T]."""
    made = np.clip(np.rint(container.numpy()[0, 0] * 32768), -32768, 32767).astype(np.int16)
    data = audio_file.encode(Audio.of(made, RATE), "WAV")
    return audio_file.decode(data, "container.wav").samples[:, 0].astype(np.int16)


def hidden(run: Run, cover: Samples, levels: Picture) -> Samples:
    """Return the container as its file gives it back, int16 [T]; refined where the model is."""
    if steps_of(run.config):
        return refined(run, cover, levels)
    with torch.inference_mode():
        return written(run.method.embed(run.net, values(cover), planes(levels), run.config))


def key() -> Keyring:
    """Return keys that cost next to nothing: no number here depends on their cost."""
    return Keyring("benchmark", Cost(1, 32, 4))


def refined(run: Run, cover: Samples, levels: Picture) -> Samples:
    """Return the container that `hide` makes, its stages in their own order, int16 [T]."""
    how = {"shuffle": "false"} if run.method.facts.name == "ditas" else {}
    terms = Terms(key(), settings=how, method=run.method.facts.name, model=run.folder, seed=0, lenient=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "container.wav"
        hide_file(Audio.of(cover, RATE), Image(levels), path, terms)
        return audio_file.load(path).samples[:, 0].astype(np.int16)


@torch.inference_mode()
def revealed(run: Run, container: Samples, stages: Sequence[int] | None = None) -> Picture:
    """Return the picture read off a container, 8 bits; only of some stages, if they are named."""
    heard = values(container)
    if stages is not None:
        pieces = trip.pieces(heard, run.stages)
        heard = torch.cat([each if n in stages else torch.zeros_like(each) for n, each in enumerate(pieces)], -1)
    return eight_bits(run.method.extract(run.net, heard, run.config))


def eight_bits(found: Tensor) -> Picture:
    """Return a revealed picture [1, P, s, s] as uint8 [s, s, 3] or [s, s]."""
    shown = np.rint(np.clip(found.float().numpy()[0], 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
    return np.ascontiguousarray(shown if shown.shape[2] == 3 else shown[..., 0])


@torch.inference_mode()
def direct(run: Run, cover: Samples, levels: Picture) -> tuple[Tensor, float]:
    """Return the picture that is read off what the network made, float, and the container's error in its plane."""
    heard, wanted = values(cover), planes(levels)
    if run.method.facts.name == "ditas":
        terms = replace(run.config.terms(), file=False)
        steps = trip.go(run.net, trip.pieces(heard, run.stages), wanted, terms)
        errors = [float((step.cells - step.cover).square().mean()) for step in steps]
        return trip.shown([step.revealed for step in steps], terms.tiles), float(np.mean(errors))
    terms = replace(run.config.terms(), direct=True)
    made, _, read = speak.go(run.net, heard, speak.stretched(wanted, run.config.scale), terms)
    error = float((made - speak.magnitudes(heard)).square().mean())
    return speak.shrunk(read, run.config.side, run.config.scale), error


def plane_error(run: Run, cover: Samples, container: Samples) -> float:
    """Return the container's mean squared error in the plane that the run's networks change."""
    one, other = values(cover), values(container)
    if run.method.facts.name == "hide_and_speak":
        return float((speak.magnitudes(one) - speak.magnitudes(other)).square().mean())
    plane = run.config.tiles().plane
    pairs = zip(trip.pieces(one, run.stages), trip.pieces(other, run.stages), strict=True)
    return float(np.mean([float((plane.of(a) - plane.of(b)).square().mean()) for a, b in pairs]))


# --- quality -------------------------------------------------------------------------------------------------


def of_picture(levels: NDArray[Any], found: NDArray[Any]) -> dict[str, float]:
    """Return PSNR, SSIM and MS-SSIM (as many scales as fit) of two pictures, uint8 or 0..1."""
    scales = min(5, (min(levels.shape[:2]) // metrics.SSIM_MIN_SIDE).bit_length())
    return {
        "psnr": metrics.psnr(levels, found),
        "ssim": metrics.ssim(levels, found),
        "ms_ssim": metrics.ms_ssim(levels, found, scales=scales),
        "ms_ssim_scales": scales,
    }


def of_sound(cover: Samples, container: Samples) -> dict[str, float | None]:
    """Return the container's errors and PESQ (None where it is not installed)."""
    one, other = values(cover)[0], values(container)[0]
    seen = [spectrum.magnitude(spectrum.stft(each, 256, 128, padding=0)) for each in (one, other)]
    return {
        "container_mse": float((seen[0] - seen[1]).square().mean()),
        "wave_mse": float((one - other).square().mean()),
        "snr": sound_metrics.snr(cover, container),
        "pesq": pesq(cover, container),
    }


def pesq(cover: Samples, container: Samples) -> float | None:
    """Return wide-band PESQ, None where the package is missing or finds no speech."""
    try:
        return sound_metrics.pesq_wb(cover, container, RATE)
    except Exception:  # the package is missing, or it found no utterance
        return None


def measured(run: Run, cover: Samples, levels: Picture) -> dict[str, dict[str, float | None]]:
    """Return all measures by column."""
    container = hidden(run, cover, levels)
    saved = {**of_sound(cover, container), "plane_mse": plane_error(run, cover, container)}
    found, error = direct(run, cover, levels)
    shown = np.clip(found.float().numpy()[0].transpose(1, 2, 0), 0, 1)
    wanted = np.atleast_3d(levels) / np.float32(255)
    return {
        "file": {**saved, **of_picture(levels, revealed(run, container))},
        "direct": {"plane_mse": error, **of_picture(wanted, shown)},
    }


# --- what a digital codec could do ---------------------------------------------------------------------------


def ideal_bytes(cover: Samples, snr: float) -> int:
    """Return the bytes that a sound could carry at that SNR if the receiver takes the sound for noise.

    Shannon's capacity of parallel Gaussian channels, one for each MDCT coefficient: the noise is the cover's own power
    around it (five moments by five bands), the power of the change is poured over them like water.
    """
    power = spectrum.mdct(values(cover)[0], 128).double().square()
    noise = torch.nn.functional.avg_pool2d(power[None], 5, 1, 2, count_include_pad=False)[0].clamp_min(1e-9)
    low, high = 0.0, float(noise.max() + power.sum())
    for _ in range(80):
        level = (low + high) / 2
        poured = (level - noise).clamp_min(0).sum()
        low, high = (level, high) if poured < power.sum() * 10 ** (-snr / 10) else (low, level)
    bits = 0.5 * torch.log2(torch.clamp(low / noise, min=1)).sum()
    return int(bits // 8)


def ideal(cover: Samples, levels: Picture, snr: float) -> dict[str, float]:
    """Return the bytes of `ideal_bytes`, and the quality of the best stock code within them (99 dB: exact)."""
    room = ideal_bytes(cover, snr)
    coded = image_codes.decode(image_codes.encode(Image(levels), room).code).samples
    found = of_picture(levels, coded)
    return {"bytes": room, **found, "psnr": min(found["psnr"], 99.0)}


# --- residuals -----------------------------------------------------------------------------------------------


@torch.inference_mode()
def residuals(run: Run, cover: Samples, levels: Picture) -> list[dict[str, float]]:
    """Return what each stage was to hide and what it left, described, as the file gives it."""
    terms = replace(run.config.terms(), file=True)
    steps = trip.go(run.net, trip.pieces(values(cover), run.stages), planes(levels), terms)
    left = [step.secret for step in steps] + [steps[-1].secret - steps[-1].revealed]
    rows = []
    for number, each in enumerate(left):
        seen = terms.tiles.picture(each).numpy()
        rows.append(
            {
                "stage": number + 1,
                "rms": float(np.sqrt(np.mean(seen**2))),
                "kurtosis": objective.kurtosis(seen),
                "near_zero": objective.near_zero(seen),
                "entropy": objective.entropy(seen),
            }
        )
    return rows


# --- what may happen on the way ------------------------------------------------------------------------------


def silenced(container: Samples, share: float, pieces: int, seed: int) -> Samples:
    """Return a container with a share of it zeroed, in pieces at places that are drawn."""
    from intarsia.media.transit import sounds

    return sounds.zero(Audio.of(container, RATE), share, pieces, seed).samples[:, 0].astype(np.int16)


def noisy(container: Samples, db: float, seed: int) -> Samples:
    """Return a container with white noise at an SNR."""
    from intarsia.media.transit import sounds

    return sounds.noise(Audio.of(container, RATE), db, seed).samples[:, 0].astype(np.int16)


def louder(container: Samples, factor: float) -> Samples:
    """Return a container times a factor."""
    return np.clip(np.rint(container * factor), -32768, 32767).astype(np.int16)


WAYS: dict[str, Callable[[Samples, int], Samples]] = {
    "nothing": lambda c, _seed: c,
    "10 % zeroed": lambda c, seed: silenced(c, 0.10, 1, seed),
    "25 % zeroed": lambda c, seed: silenced(c, 0.25, 1, seed),
    "50 % zeroed": lambda c, seed: silenced(c, 0.50, 1, seed),
    "75 % zeroed": lambda c, seed: silenced(c, 0.75, 1, seed),
    "25 % zeroed in 4": lambda c, seed: silenced(c, 0.25, 4, seed),
    "gain .9": lambda c, _seed: louder(c, 0.9),
    "noise 40 dB": lambda c, seed: noisy(c, 40, seed),
    "25 % zeroed, noise 40 dB": lambda c, seed: silenced(noisy(c, 40, seed), 0.25, 1, seed),
}
"""What may happen to a container, by name."""


def exact(cover: Samples, levels: Picture, snr: float, folder: Path) -> tuple[Audio, Callable[[Audio], Picture | None]]:
    """Return a container of the exact path at that SNR, protected against the loss of a quarter, and its reader."""
    keyring, path = key(), folder / "exact.wav"
    settings = {"snr": snr, "protect": 0.25}
    hide_file(Audio.of(cover, RATE), Image(levels), path, Terms(keyring, settings=settings, force=True))

    def read(sent: Audio) -> Picture | None:
        arrived = folder / "sent.wav"
        arrived.write_bytes(audio_file.encode(sent, "WAV"))
        try:
            found = reveal_file(arrived, None, Terms(keyring)).value
        except NoSecretError:
            return None
        assert isinstance(found, Image)
        return found.samples

    return audio_file.load(path), read
