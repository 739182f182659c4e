"""The measures by key: heading, unit, scale, digits, and which way is better."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes:
        head: in tables.
        form: of one number.
        scale: tables show the value times this.
        more: whether more is better.
    """

    head: str
    form: str = "{:.2f}"
    scale: float = 1.0
    more: bool = True

    def said(self, value: float) -> str:
        """Return a value as it is shown; a share below one without its zero."""
        text = self.form.format(value * self.scale)
        return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


_OF_PICTURES = {
    "mae": Measure("APD, levels of 255", more=False),
    "psnr": Measure("PSNR, dB"),
    "psnr_y": Measure("PSNR of Y, dB"),
    "ssim": Measure("SSIM", "{:.4f}"),
    "ms_ssim": Measure("MS-SSIM", "{:.4f}"),
    "lpips": Measure("LPIPS", "{:.4f}", more=False),
}

MEASURES = {
    **{
        f"{whose}_{name}": replace(one, head=f"{whose} {one.head}")
        for whose in ("cover", "secret")
        for name, one in _OF_PICTURES.items()
    },
    "cover_change": Measure("cover change, %", scale=100, more=False),
    "secret_rate": Measure("decoded, %", scale=100),
    "secret_bpp": Measure("capacity as printed, bits/pixel"),
    "secret_psnr_whole": Measure("secret PSNR, one mean square, dB"),
    "secret_snr": Measure("secret SNR, dB"),
    "secret_magnitude_snr": Measure("secret SNR of magnitudes, dB"),
    "secret_ae": Measure("secret AE, peak to peak 255", more=False),
    "secret_mel_ssim": Measure("secret SSIM of mel spectrogram", "{:.4f}"),
    "secret_chamfer": Measure("secret distance of surfaces, 1e-3 of size", "{:.3f}", 1e3, more=False),
    "secret_hausdorff": Measure("secret largest distance, 1e-3 of size", "{:.2f}", 1e3, more=False),
    "secret_iou": Measure("secret IoU", "{:.4f}"),
    "secret_exact": Measure("secret exact, share", "{:.2f}"),
    "carrier_snr": Measure("carrier SNR, dB"),
    "carrier_segmental": Measure("segmental SNR, dB"),
    "carrier_magnitude_snr": Measure("carrier SNR of magnitudes, dB"),
    "container_mse": Measure("container MSE of |STFT|, 1e-3", "{:.4f}", 1e3, more=False),
    "spectrum_mae": Measure("spectrogram MAE", "{:.4f}", more=False),
    "spectrum_pearson": Measure("spectrogram Pearson", "{:.5f}"),
    "wave_mae": Measure("waveform MAE, full scale 1", "{:.5f}", more=False),
    "wave_pearson": Measure("waveform Pearson", "{:.4f}"),
    "pesq": Measure("PESQ, wide band"),
    "stoi": Measure("STOI", "{:.3f}"),
    "quiet_level": Measure("level of the quietest tenth, dB", "{:.1f}", more=False),
    "bits_per_sample": Measure("bits/sample", "{:.3f}"),
    "bytes": Measure("bytes", "{:,.0f}"),
    "hide_s": Measure("hide, s", more=False),
    "reveal_s": Measure("reveal, s", more=False),
    "hide_mb": Measure("memory taken to hide, MB", "{:.0f}", more=False),
    "fit_s": Measure("fit, s", "{:.0f}"),
}
"""Every measure of a table."""
