"""Pictures of image in speech, from a photograph scikit-image brings and speech made by rules: free to be shown.

spectrograms.png   cover, container, and their difference, 20 to -80 dB, one below the other, of each variant
enhanced.png       the secret, what comes out of the file, and the same behind the enhancer
cover.wav container.wav   to hear
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from image_in_speech_measures import KEYS, Run
from numpy.typing import NDArray
from PIL import Image as Pil

from intarsia.errors import IntarsiaError
from intarsia.media import Audio, Image, audio_file, writing
from intarsia.media.image import resize
from intarsia.media.spectrum import stft
from intarsia.pipeline import Terms, hide_file, reveal_file
from intarsia.study import sounds

RATE = 16_000
SECONDS = 3.2


def draw(out: Path, runs: Sequence[Run]) -> None:
    """Draw what every run makes of one photograph and one sound."""
    from skimage import data

    cover = Audio.of(sounds.voice(SECONDS, RATE), RATE)
    (out / "cover.wav").write_bytes(writing.render(cover, ".wav"))
    spectra, pictures = [spectrogram(cover)], []
    for run in runs:
        secret = resize(Image(np.ascontiguousarray(data.astronaut())), run.side, run.side)
        path = out / f"{run.name}-container.wav"
        terms = Terms(KEYS, method="image_in_speech", model=str(run.folder), force=True, seed=0)
        try:
            hide_file(cover, secret, path, terms)
        except IntarsiaError:
            continue  # the variant that loses the picture in the file
        saved = audio_file.load(path)
        spectra += [spectrogram(saved), spectrogram(saved.with_samples(saved.samples - cover.samples))]
        shown = [secret.samples]
        for enhance in (False, True) if run.enhances else (False,):
            seen = {"enhance": enhance} if run.enhances else {}
            found = reveal_file(path, None, Terms(KEYS, model=str(run.folder), settings=seen)).value
            assert isinstance(found, Image)
            shown.append(found.samples)
        pictures.append(np.concatenate([enlarged(each) for each in shown], axis=1))
    save(out / "spectrograms.png", spectra)
    save(out / "enhanced.png", pictures)


def spectrogram(sound: Audio) -> NDArray[np.uint8]:
    """Return magnitudes in dB, 20 to -80 as white to black, low frequencies below, uint8 [257, frames, 3]."""
    found = np.abs(stft(sound.planes()[0], 512, 128)).T[::-1]
    grey = np.clip((20 * np.log10(np.maximum(found, 1e-6)) + 80) / 100, 0, 1)
    return np.repeat(np.rint(255 * grey).astype(np.uint8)[..., None], 3, axis=2)


def enlarged(picture: NDArray[np.uint8], side: int = 192) -> NDArray[np.uint8]:
    """Return a picture with its pixels as squares."""
    times = max(1, side // len(picture))
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def save(path: Path, rows: Sequence[NDArray[np.uint8]]) -> None:
    """Write pictures below each other, with white between them."""
    if not rows:
        return
    wide = max(row.shape[1] for row in rows)
    framed = [np.pad(row, ((0, 6), (0, wide - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    Pil.fromarray(np.concatenate(framed)[:-6]).save(path)
