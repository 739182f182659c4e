"""Measures of the benchmark of image in speech; units stand in the names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import rgb2lab

from intarsia import zoo
from intarsia.carrier.keys import Cost, Keyring
from intarsia.engine import rounding, spectrum
from intarsia.errors import UsageError, VerificationError
from intarsia.media import Audio, Image, audio_file, metrics, sound_metrics, transit, writing
from intarsia.methods import load as room
from intarsia.methods.image_in_speech import ImageInSpeechConfig
from intarsia.pipeline import Terms, hide_file, reveal_file

MEASURES = {
    "mae": "MAE, levels",
    "ssim": "SSIM",
    "psnr": "PSNR, dB",
    "mae_direct": "MAE direct",
    "ssim_direct": "SSIM direct",
    "psnr_direct": "PSNR direct, dB",
    "spectrum_mae": "spectrogram MAE",
    "spectrum_pearson": "spectrogram Pearson",
    "wave_mae": "waveform MAE",
    "wave_pearson": "waveform Pearson",
    "snr": "SNR, dB",
    "segmental_snr": "segmental SNR, dB",
    "pesq": "PESQ",
    "stoi": "STOI",
}
"""Heading of each measure. The sound's are of the clips that carry something."""

KEYS = Keyring("benchmark", Cost(passes=1, memory_kib=32, lanes=4))


@dataclass(frozen=True)
class Run:
    """A trained run."""

    name: str
    folder: Path
    identity: str
    config: ImageInSpeechConfig

    @property
    def side(self) -> int:
        """Pixels of a plane."""
        return self.config.shown

    @property
    def enhances(self) -> bool:
        """Whether there is an enhancer."""
        return self.config.recipe == "ssim+enhancer"


def load(name: str, folder: Path) -> Run:
    """Open a run."""
    model = zoo.find(str(folder), "image_in_speech")
    return Run(name, folder, model.identity.hex()[:16], room("image_in_speech").settled(model))  # type: ignore[attr-defined]


def measured(run: Run, picture: Image, speech: Audio, out: Path) -> dict[str, Any]:
    """Hide through a file, reveal from it, and measure both; and what no file was made of."""
    path = out / f"{run.name}.wav"
    found: dict[str, Any] = {}
    try:
        _hide(run, picture, speech, path)
    except VerificationError as error:
        found["refused"] = str(error)
        revealed = _unverified(run, picture, speech, path)[-1]
    else:
        revealed = _revealed(run, path)
    found |= of_pictures(picture, revealed, "")
    used = _clips(run, picture)
    saved = audio_file.load(path)
    direct = _direct(run, picture, speech)
    return {**found, **of_pictures(picture, direct, "_direct"), **_sounds(speech, saved, used)}


def _hide(run: Run, picture: Image, speech: Audio, path: Path) -> None:
    terms = Terms(KEYS, method="image_in_speech", model=str(run.folder), force=True, seed=0)
    hide_file(speech, picture, path, terms)


def _revealed(run: Run, path: Path, **settings: object) -> Image:
    """Return the picture that a container gives back."""
    found = reveal_file(path, None, Terms(KEYS, model=str(run.folder), settings=settings)).value
    assert isinstance(found, Image)
    return found


def _clips(run: Run, picture: Image) -> int:
    method = room("image_in_speech")
    planes = 1 if picture.is_grey else 3
    return int(-(-planes // run.config.planes) * method.clip(run.config))  # type: ignore[attr-defined]


def _tensors(run: Run, picture: Image, speech: Audio) -> tuple[torch.Tensor, torch.Tensor]:
    clip = run.config.way().plane.length
    planes = np.atleast_3d(picture.samples).transpose(2, 0, 1).astype(np.float32) / 255
    planes = planes.reshape(-1, run.config.planes, *planes.shape[1:])
    cuts = speech.planes()[0, : len(planes) * clip].reshape(-1, 1, clip)
    return torch.from_numpy(cuts), torch.from_numpy(planes)


def _net(run: Run) -> Any:  # noqa: ANN401 (a network)
    method = room("image_in_speech").equip(str(run.folder), "cpu")
    return method.loaded(method.model(), run.config)  # type: ignore[attr-defined]


def _shown(planes: torch.Tensor) -> NDArray[np.uint8]:
    levels = rounding.picture_samples(planes.reshape(-1, *planes.shape[-2:])).numpy()
    return np.ascontiguousarray(levels.transpose(1, 2, 0) if len(levels) == 3 else levels[0])


@torch.inference_mode()
def _direct(run: Run, picture: Image, speech: Audio) -> Image:
    net, way = _net(run), run.config.way()
    cover, secret = _tensors(run, picture, speech)
    samples, made = way.written(cover, net.hide(way.plane.of(cover), secret))
    planes = net.reveal(way.direct(samples, made))
    if not picture.is_grey:
        planes = net.enhance(planes.reshape(1, 3, *planes.shape[-2:]))
    return Image(_shown(planes))


@torch.inference_mode()
def _unverified(run: Run, picture: Image, speech: Audio, path: Path) -> list[Image]:
    """Write the container that `hide` refuses to keep, and read it back: as revealed, and enhanced where that is."""
    net, way = _net(run), run.config.way()
    cover, secret = _tensors(run, picture, speech)
    samples = rounding.sound_samples(way.written(cover, net.hide(way.plane.of(cover), secret))[0]).numpy().reshape(-1)
    whole = speech.samples.copy()
    whole[: len(samples), 0] = samples
    path.write_bytes(writing.render(speech.with_samples(whole), ".wav"))
    return _heard(run, net, picture, audio_file.load(path))


@torch.inference_mode()
def _heard(run: Run, net: Any, picture: Image, sound: Audio) -> list[Image]:  # noqa: ANN401 (a network)
    """Return what the networks read off a sound without a header: as revealed, and enhanced where that is."""
    plane, clips = run.config.way().plane, _clips(run, picture) // run.config.way().plane.length
    saved = sound.planes()[0, : clips * plane.length].reshape(clips, 1, plane.length)
    planes = net.reveal(plane.of(torch.from_numpy(np.ascontiguousarray(saved))))
    if picture.is_grey:
        return [Image(_shown(planes))]
    planes = planes.reshape(1, 3, *planes.shape[-2:])
    return [Image(_shown(planes)), Image(_shown(net.enhance(planes)))]


def after(run: Run, picture: Image, speech: Audio, out: Path, ways: Sequence[str]) -> dict[str, dict[str, float]]:
    """Hide through a file, let something happen to it, and return what the networks alone still read, by way."""
    path = out / f"{run.name}.wav"
    try:
        _hide(run, picture, speech, path)
    except VerificationError:
        _unverified(run, picture, speech, path)
    saved, net, found = audio_file.load(path), _net(run), {}
    for way in ways:
        arrived = transit.send(saved, way, seed=0)
        assert isinstance(arrived, Audio)
        found[way] = of_pictures(picture, _heard(run, net, picture, arrived)[-1], "")
    return found


def keep(run: Run, picture: Image, speech: Audio, path: Path, password: str) -> None:
    """Hide a picture of any size through a file, however poorly."""
    terms = Terms(Keyring(password), method="image_in_speech", model=str(run.folder), force=True, seed=0, lenient=True)
    hide_file(speech, picture, path, terms)


def of_pictures(one: Image, other: Image, name: str) -> dict[str, float]:
    """Return MAE, SSIM and PSNR of two pictures; `name` ends the names."""
    a, b = one.samples, other.samples
    return {
        f"mae{name}": metrics.mae(a, b),
        f"ssim{name}": metrics.ssim(a, b),
        f"psnr{name}": metrics.psnr(a, b),
    }


def of_colour(run: Run, picture: Image, speech: Audio, out: Path) -> dict[str, list[float]]:
    """Return Delta E (CIE 1976), bias of R, G and B in levels, MAE and SSIM, without and with the enhancer.

    From the saved file, as `measured`.
    """
    path = out / f"{run.name}.wav"
    try:
        _hide(run, picture, speech, path)
        pair = [_revealed(run, path, enhance=False), _revealed(run, path)]
    except VerificationError:
        pair = _unverified(run, picture, speech, path)
    found = {}
    for name, image in zip(("without", "with"), pair, strict=True):
        off = np.linalg.norm(rgb2lab(image.samples) - rgb2lab(picture.samples), axis=-1).mean()
        bias = (image.samples.astype(np.float64) - picture.samples).mean(axis=(0, 1))
        scores = metrics.mae(picture.samples, image.samples), metrics.ssim(picture.samples, image.samples)
        found[name] = [float(off), *map(float, bias), *scores]
    return found


def _sounds(cover: Audio, saved: Audio, used: int) -> dict[str, float | None]:
    one, other = (each.planes()[0, :used].astype(np.float64) for each in (cover, saved))
    spectra = [np.asarray(spectrum.stft(torch.from_numpy(each), 1024, 31, padding=0).abs()) for each in (one, other)]
    heard: dict[str, float | None] = {"pesq": None, "stoi": None}
    for name, measure in (("pesq", sound_metrics.pesq_wb), ("stoi", sound_metrics.stoi)):
        try:
            heard[name] = measure(one, other, cover.rate)
        except (UsageError, ValueError):  # not installed, or no speech in it
            heard[name] = None
    return {
        "spectrum_mae": float(np.abs(spectra[0] - spectra[1]).mean()),
        "spectrum_pearson": float(np.corrcoef(spectra[0].ravel(), spectra[1].ravel())[0, 1]),
        "wave_mae": float(np.abs(one - other).mean()),
        "wave_pearson": sound_metrics.pearson(one, other),
        "snr": sound_metrics.snr(one, other),
        "segmental_snr": sound_metrics.segmental_snr(one, other, cover.rate),
        **heard,
    }
