"""What the papers print, value by value, in the units of our measures.

Rows are named as in our tables. A measure that a paper does not print is not here. Data: StegNet ImageNet at 64 x 64;
neural fields DAVIS, GTZAN and ImageNet covers at 512 x 512; image in speech Pascal VOC and TIMIT; DITAS natural and
face pictures and TIMIT; none of them says which items.
"""

from collections.abc import Mapping

Row = Mapping[str, float]

STEGNET: Mapping[str, Row] = {"stegnet": {"cover_change": 0.0076, "secret_rate": 0.982, "secret_bpp": 23.57}}
"""Abstract and section 3: what a cover changes, what is decoded, and the capacity of equation 3."""

NEURAL_FIELD: Mapping[str, Row] = {
    "video": {
        "cover_mae": 20.32,
        "cover_psnr": 19.77,
        "cover_ssim": 0.5191,
        "cover_lpips": 0.5262,
        "secret_mae": 5.79,
        "secret_psnr": 29.98,
        "secret_ssim": 0.9263,
        "secret_lpips": 0.1333,
    },
    "sound": {
        "cover_mae": 13.73,
        "cover_psnr": 23.33,
        "cover_ssim": 0.7139,
        "cover_lpips": 0.3948,
        "secret_ae": 2.84,
        "secret_snr": 17.92,
        "secret_mel_ssim": 0.9328,
    },
    "no-rounding": {
        "cover_mae": 19.17,
        "cover_psnr": 20.37,
        "cover_ssim": 0.5700,
        "cover_lpips": 0.4785,
        "secret_mae": 27.76,
        "secret_psnr": 17.73,
        "secret_ssim": 0.5094,
        "secret_lpips": 0.4279,
    },
}
"""Tables 1, 2 and 3."""

IMAGE_IN_SPEECH: Mapping[str, Row] = {
    "ssim+enhancer": {
        "secret_mae": 8.1673,
        "secret_ssim": 0.9486,
        "spectrum_mae": 0.0715,
        "spectrum_pearson": 0.99878,
        "wave_pearson": 0.4943,
    },
    "ssim": {
        "secret_mae": 7.3529,
        "secret_ssim": 0.9246,
        "spectrum_mae": 0.0715,
        "spectrum_pearson": 0.99878,
        "wave_pearson": 0.4943,
    },
    "base": {
        "secret_mae": 13.3901,
        "secret_ssim": 0.8666,
        "spectrum_mae": 0.0633,
        "spectrum_pearson": 0.9987,
        "wave_pearson": 0.4999,
    },
}
"""Table III. The labels of the last three rows are lost and inferred from their ranges; the last one may be the mean
absolute error or the correlation of the waveform."""

_DITAS_NAMES = ("container_mse", "secret_psnr", "secret_ssim", "secret_ms_ssim")


def _ditas(rows: Mapping[str, tuple[float, float, float, float]]) -> Mapping[str, Row]:
    return {name: dict(zip(_DITAS_NAMES, values, strict=True)) for name, values in rows.items()}


DITAS: Mapping[str, Mapping[str, Row]] = {
    "natural": _ditas(
        {
            "deep_steg": (2.7669e-3, 31.40, 0.8624, 0.9576),
            "hide_and_speak": (1.3495e-3, 33.68, 0.8893, 0.9671),
            "S": (1.2144e-3, 27.84, 0.8691, 0.9685),
            "M": (1.9249e-3, 37.09, 0.9444, 0.9925),
            "M-E": (9.3864e-4, 37.84, 0.9482, 0.9934),
            "M-D": (1.6904e-3, 38.42, 0.9581, 0.9935),
            "M-ED": (9.8471e-4, 38.39, 0.9597, 0.9944),
        }
    ),
    "faces": _ditas(
        {
            "deep_steg": (2.2258e-3, 31.44, 0.8196, 0.9380),
            "hide_and_speak": (9.8872e-4, 33.59, 0.8420, 0.9574),
            "S": (1.1033e-3, 28.05, 0.7682, 0.9340),
            "M": (2.1313e-3, 36.12, 0.8898, 0.9807),
            "M-E": (9.9386e-4, 36.52, 0.8906, 0.9847),
            "M-D": (1.7932e-3, 37.65, 0.9036, 0.9883),
            "M-ED": (1.0582e-3, 37.69, 0.9054, 0.9900),
        }
    ),
}
"""The poster's table, by set of pictures and row."""
