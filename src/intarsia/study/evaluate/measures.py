"""What is measured of a trip: the cover against the saved container, the secret against what was revealed.

Numbers of pictures are over all colour samples of 8 bits; those of sounds over all channels, but for what is said of a
spectrum, of PESQ and of STOI, which hear the first channel. A measure that has no answer, because a package or the
weights of a measure are missing, or because a picture is too small for it, is None; what is identical has an infinite
PSNR.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...media import (
    Audio,
    Cover,
    Image,
    Shape,
    Value,
    Video,
    mel,
    metrics,
    shape_metrics,
    sound_metrics,
    spectrum,
    video_metrics,
)
from ...methods.picture_in_picture import as_colour

Values = dict[str, float | None]
Samples = NDArray[Any]

WINDOWS = {"spectrum": (1024, 31), "container": (256, 128)}
"""Window and hop: image in speech's transform, and that of DITAS's container."""


def of_cover(cover: Cover, saved: Cover) -> Values:
    """Return what became of the cover."""
    if isinstance(cover, Image) and isinstance(saved, Image):
        return _named("cover", of_pictures(as_colour(cover), as_colour(saved)))
    assert isinstance(cover, Audio)
    assert isinstance(saved, Audio)
    return of_carriers(cover, saved)


def of_secret(secret: Value, revealed: Value, at: tuple[int, int] | None = None) -> Values:
    """Return what became of the secret; values of another kind or size give nothing.

    Args:
        secret: what was hidden.
        revealed: what came back.
        at: width and height it was hidden at, where a method hides pictures at the cover's size alone.
    """
    if isinstance(secret, Image) and isinstance(revealed, Image):
        one, other = as_colour(secret), as_colour(revealed)
        if at is not None:
            from ...media.image import resize

            one, other = (resize(Image(each), *at).samples for each in (one, other))
        if secret.is_grey and revealed.is_grey:
            one, other = one[..., 0], other[..., 0]
        return _named("secret", of_pictures(one, other)) if one.shape == other.shape else {}
    if isinstance(secret, Audio) and isinstance(revealed, Audio):
        same = (secret.length, secret.channels, secret.rate) == (revealed.length, revealed.channels, revealed.rate)
        return _of_sounds(secret, revealed) if same else {}
    if isinstance(secret, Video) and isinstance(revealed, Video):
        return _of_videos(secret, revealed) if secret.frames.shape == revealed.frames.shape else {}
    if isinstance(secret, Shape) and isinstance(revealed, Shape):
        return _of_shapes(secret, revealed)
    return {"secret_exact": float(getattr(secret, "data", None) == getattr(revealed, "data", b""))}


# --- pictures ------------------------------------------------------------------------------------------------


def of_pictures(one: Samples, other: Samples) -> Values:
    """Return the measures of two pictures of one shape and type, uint8 or float 0..1, without a name in front.

    mae in levels of 255 (APD); rate, 1 - mae / 255, StegNet's decoded rate (equation 1), and change, what it is short
    of 1 (equation 2); bpp, StegNet's capacity (equation 3).
    """
    short, colour = min(one.shape[:2]), one.ndim == 3
    error = metrics.mae(one, other)
    scales = min(5, (short // metrics.SSIM_MIN_SIDE).bit_length())
    whole = short >= metrics.SSIM_MIN_SIDE
    return {
        "mae": error,
        "psnr": metrics.psnr(one, other),
        "psnr_y": metrics.psnr_y(one, other) if colour else metrics.psnr(one, other),
        "ssim": metrics.ssim(one, other) if whole else None,
        "ms_ssim": metrics.ms_ssim(one, other, scales=scales) if whole else None,
        "lpips": lpips(one[None], other[None]) if colour else None,
        "rate": 1 - error / 255,
        "change": error / 255,
        "bpp": bits_per_pixel(1 - error / 255),
    }


def bits_per_pixel(rate: float) -> float:
    """Return StegNet's capacity (equation 3) of a decoded rate, 0..1: its share of three samples of 8 bits."""
    return 24 * rate


def lpips(one: Samples, other: Samples) -> float | None:
    """Return the mean LPIPS of pictures [T, H, W, 3]; None without weights, and for pictures below 32 x 32."""
    if min(one.shape[1:3]) < 32 or (measure := _lpips()) is None:
        return None
    import torch

    scale = 255 if one.dtype == np.uint8 else 1
    a, b = (torch.from_numpy(each.copy()).permute(0, 3, 1, 2).float() / scale for each in (one, other))
    with torch.inference_mode():
        return float(measure(a, b).mean())


@functools.cache
def _lpips() -> Callable[..., Any] | None:
    import os

    if not os.environ.get("INTARSIA_LPIPS"):
        return None
    from ...engine import perceptual

    return perceptual.load()


def _of_videos(one: Video, other: Video) -> Values:
    found = video_metrics.fidelity(one, other)
    flat = [each.frames.reshape(-1, *each.frames.shape[2:]) for each in (one, other)]
    return {
        "secret_mae": metrics.mae(*flat),
        "secret_psnr": found.mean_psnr,
        "secret_psnr_whole": video_metrics.psnr_of(one, other),
        "secret_ssim": found.mean_ssim,
        "secret_lpips": lpips(one.frames, other.frames),
    }


def _of_shapes(one: Shape, other: Shape) -> Values:
    found = shape_metrics.distances(one, other)
    return {
        "secret_chamfer": found.mean,
        "secret_hausdorff": found.most,
        "secret_iou": shape_metrics.volume_iou(one, other),
    }


# --- sounds --------------------------------------------------------------------------------------------------


def of_carriers(one: Audio, other: Audio) -> Values:
    """Return what became of a cover that is a sound.

    spectrum_mae and spectrum_pearson: magnitudes of 1,024 samples, hop 31, as image in speech has them; container_mse:
    mean square of magnitudes of 256 samples, hop 128, Hann window, samples -1..1, not normalised;
    carrier_magnitude_snr: of magnitudes as Hide and Speak has them.
    """
    if (one.length, one.channels) != (other.length, other.channels):
        return {}
    a, b = (each.planes()[0].astype(np.float64) for each in (one, other))
    seen = [np.abs(spectrum.stft(each, *WINDOWS["spectrum"])) for each in (a, b)]
    small = [np.abs(spectrum.stft(each, *WINDOWS["container"])) for each in (a, b)]
    return {
        "carrier_snr": sound_metrics.snr_of(one, other),
        "carrier_segmental": sound_metrics.segmental_snr(a, b, one.rate),
        "carrier_magnitude_snr": sound_metrics.magnitude_snr(a, b),
        "wave_mae": float(np.abs(a - b).mean()),
        "wave_pearson": sound_metrics.pearson(a, b),
        "spectrum_mae": float(np.abs(seen[0] - seen[1]).mean()),
        "spectrum_pearson": _pearson(*seen),
        "container_mse": float(np.square(small[0] - small[1]).mean()),
        "pesq": _answered(lambda: sound_metrics.pesq_wb(a, b, one.rate)),
        "stoi": _answered(lambda: sound_metrics.stoi(a, b, one.rate)),
        "quiet_level": _answered(lambda: sound_metrics.quiet_level(other)),
    }


def _of_sounds(one: Audio, other: Audio) -> Values:
    a, b = (each.planes()[0].astype(np.float64) for each in (one, other))
    return {
        "secret_snr": sound_metrics.snr_of(one, other),
        "secret_magnitude_snr": sound_metrics.magnitude_snr(a, b),
        "secret_ae": mel.absolute_error(a, b),
        "secret_mel_ssim": _answered(lambda: mel.mel_ssim(a, b, one.rate)),
    }


def _pearson(one: Samples, other: Samples) -> float:
    a, b = one - one.mean(), other - other.mean()
    scale = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum()) / scale if scale else 0.0


def _answered(measure: Callable[[], float]) -> float | None:
    """Return what a measure says, None where its package is missing or it finds nothing to judge."""
    try:
        found = float(measure())
    except Exception:  # packages of judges of speech raise classes of their own
        return None
    return found if math.isfinite(found) else None


def _named(whose: str, found: Values) -> Values:
    return {f"{whose}_{name}": value for name, value in found.items()}
