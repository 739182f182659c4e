"""The picture metrics against independent libraries, and against numbers worked out by hand."""

import math
import tracemalloc

import numpy as np
import pytest
import sewar
import sewar.full_ref
import skimage.data
from scipy.ndimage import uniform_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from intarsia.media.metrics import mae, ms_ssim, psnr, psnr_y, ssim

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee")
ALL_METRICS = (psnr, psnr_y, mae, ssim, ms_ssim)
HIGHER_IS_BETTER = (psnr, psnr_y, ssim, ms_ssim)


def photograph(name, dtype=np.uint8, grey=False, odd=False):
    picture = getattr(skimage.data, name)()
    if grey:
        picture = picture[:, :, 1]
    if odd:
        picture = picture[: picture.shape[0] // 2 * 2 - 3, : picture.shape[1] // 2 * 2 - 5]
    if dtype == np.uint16:
        # Low byte filled as well, so that sixteen bits really are in use.
        noise = np.random.default_rng(7).integers(0, 256, picture.shape)
        return (picture.astype(np.uint16) << 8) | noise.astype(np.uint16)
    if np.issubdtype(dtype, np.floating):
        return (picture / 255).astype(dtype)
    return picture


def with_noise(picture, sigma, seed=1):
    """Gaussian noise of `sigma` 8-bit grey levels."""
    is_float = np.issubdtype(picture.dtype, np.floating)
    peak = 1.0 if is_float else np.iinfo(picture.dtype).max
    noise = np.random.default_rng(seed).normal(0, sigma * peak / 255, picture.shape)
    noisy = np.clip(picture + noise, 0, peak)
    return (noisy if is_float else np.rint(noisy)).astype(picture.dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float64])
@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_psnr_is_that_of_skimage(name, grey, dtype):
    reference = photograph(name, dtype, grey, odd=True)
    image = with_noise(reference, 5)
    peak = 1.0 if dtype == np.float64 else np.iinfo(dtype).max
    expected = peak_signal_noise_ratio(reference, image, data_range=peak)
    assert psnr(reference, image) == pytest.approx(expected, abs=1e-9)
    assert psnr(reference, image, peak=2 * peak) == pytest.approx(expected + 20 * math.log10(2), abs=1e-9)


def test_psnr_by_hand():
    reference = np.array([[0, 0], [0, 0]], np.uint8)
    image = np.array([[255, 0], [0, 0]], np.uint8)
    assert psnr(reference, image) == pytest.approx(6.020599913279624)  # 10 log10(4)
    assert psnr(image, reference) == pytest.approx(6.020599913279624)


def test_psnr_y_by_hand():
    reference = np.zeros((1, 2, 3), np.uint8)
    image = np.array([[[10, 0, 0], [0, 0, 0]]], np.uint8)
    # Luma off by 2.99 at one of two pixels: mean squared error 4.47005, and 65025 / 4.47005 = 14546.817...
    assert psnr_y(reference, image) == pytest.approx(41.627679, abs=1e-5)
    green_and_blue = np.array([[[0, 10, 100], [0, 0, 0]]], np.uint8)
    # 5.87 + 11.4 = 17.27, squared 298.2529, halved 149.12645
    assert psnr_y(reference, green_and_blue) == pytest.approx(26.395255, abs=1e-5)


def test_psnr_y_of_grey_is_psnr():
    reference = photograph("chelsea", grey=True)
    image = with_noise(reference, 3)
    assert psnr_y(reference, image) == psnr(reference, image)
    assert psnr_y(reference[:, :, None], image[:, :, None]) == psnr(reference, image)


def test_psnr_y_of_uint16_uses_its_own_peak():
    reference = photograph("coffee")
    image = with_noise(reference, 3)
    # 257 takes 0..255 to 0..65535 exactly, which no ratio notices.
    scaled = psnr_y(reference.astype(np.uint16) * 257, image.astype(np.uint16) * 257)
    assert scaled == pytest.approx(psnr_y(reference, image), abs=1e-9)


def test_mae_by_hand():
    reference = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)
    image = np.array([[11, 18, 30], [40, 50, 69]], np.uint8)
    assert mae(reference, image) == 2.0  # (1 + 2 + 9) / 6
    wide = np.array([[0, 65535]], np.uint16), np.array([[257, 65535]], np.uint16)
    assert mae(*wide) == 0.5  # 257 of 65535 is one grey level of 255
    real = np.array([[0.0, 1.0]]), np.array([[0.2, 1.0]])
    assert mae(*real) == pytest.approx(25.5)
    colour = np.zeros((1, 1, 3), np.uint8), np.array([[[3, 0, 255]]], np.uint8)
    assert mae(*colour) == 86.0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float64])
@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize("odd", [True, False])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_ssim_is_that_of_skimage(name, odd, grey, dtype):
    reference = photograph(name, dtype, grey, odd)
    image = with_noise(reference, 8)
    expected = structural_similarity(
        reference,
        image,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0 if dtype == np.float64 else np.iinfo(dtype).max,
        channel_axis=None if grey else 2,
    )
    assert 0.2 < expected < 0.95
    assert ssim(reference, image) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("shape", [(11, 11), (11, 40), (13, 12), (75, 11)])
def test_ssim_of_the_smallest_pictures(shape):
    reference = np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)
    image = with_noise(reference, 20)
    expected = structural_similarity(
        reference, image, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    assert ssim(reference, image) == pytest.approx(expected, abs=1e-9)


def aligned_uniform_filter(array, size):
    """The 2x2 mean as in the reference code of the MS-SSIM paper, for use inside sewar.

    sewar 0.4.6 follows that code but for two conventions: its mean at a pixel takes the pixel and the ones
    before it instead of the ones after it, and on a [H, W, C] array it also takes the mean of two neighbouring
    channels.
    """
    return uniform_filter(array, (size, size, 1), origin=(-1, -1, 0))


@pytest.mark.parametrize("damage", [2, 8, 30])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("odd", [True, False])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_ms_ssim_is_that_of_sewar_with_the_papers_downsampling(name, odd, dtype, damage, monkeypatch):
    monkeypatch.setattr(sewar.full_ref, "uniform_filter", aligned_uniform_filter)
    reference = photograph(name, dtype, grey=True, odd=odd)
    image = with_noise(reference, damage)
    assert ms_ssim(reference, image) == pytest.approx(sewar.msssim(reference, image), abs=1e-9)


@pytest.mark.parametrize("damage", [2, 8, 30])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_ms_ssim_is_close_to_that_of_sewar_as_it_is(name, damage):
    """Sewar's 2x2 means begin half a step off: the same picture, sampled elsewhere."""
    reference = photograph(name, grey=True)
    image = with_noise(reference, damage)
    assert ms_ssim(reference, image) == pytest.approx(sewar.msssim(reference, image), abs=1e-3)


def test_ms_ssim_of_colour_is_the_mean_over_channels():
    reference = photograph("astronaut")
    image = with_noise(reference, 8)
    channels = [ms_ssim(reference[:, :, c], image[:, :, c]) for c in range(3)]
    assert ms_ssim(reference, image) == pytest.approx(sum(channels) / 3, abs=1e-12)


def test_ms_ssim_of_opposites_is_zero_not_complex():
    reference = photograph("chelsea", grey=True)
    assert ms_ssim(reference, 255 - reference) == 0.0


def test_ms_ssim_of_fewer_scales_takes_smaller_pictures():
    picture = np.random.default_rng(0).random((44, 44))
    assert ms_ssim(picture, picture, scales=3) == pytest.approx(1)
    noisy = np.clip(picture + 0.1 * np.random.default_rng(1).standard_normal(picture.shape), 0, 1)
    assert ms_ssim(picture, noisy, scales=1) == pytest.approx(ssim(picture, noisy) ** 1.0001)  # the weights' own sum
    with pytest.raises(ValueError, match="MS-SSIM"):
        ms_ssim(picture, picture, scales=4)


def test_ms_ssim_of_the_smallest_picture():
    reference = photograph("astronaut")[:176, :176]
    assert 0.5 < ms_ssim(reference, with_noise(reference, 8)) < 1.0
    with pytest.raises(ValueError, match=r"176 x 176 pixels or more, got 176 x 175"):
        ms_ssim(reference[:, :175], reference[:, :175])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("grey", [True, False])
def test_identical_pictures(grey, dtype):
    picture = photograph("coffee", dtype, grey)
    assert psnr(picture, picture.copy()) == math.inf
    assert psnr_y(picture, picture.copy()) == math.inf
    assert mae(picture, picture.copy()) == 0.0
    assert ssim(picture, picture.copy()) == pytest.approx(1.0, abs=1e-12)
    assert ms_ssim(picture, picture.copy()) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("grey", [True, False])
def test_more_noise_is_worse(grey, dtype):
    reference = photograph("chelsea", dtype, grey)
    noisy = [with_noise(reference, sigma) for sigma in (1, 3, 10, 30)]
    for metric in HIGHER_IS_BETTER:
        values = [metric(reference, image) for image in noisy]
        assert values == sorted(values, reverse=True), metric.__name__
    errors = [mae(reference, image) for image in noisy]
    assert errors == sorted(errors)


@pytest.mark.parametrize("metric", ALL_METRICS)
def test_what_cannot_be_compared_is_named(metric):
    picture = np.zeros((200, 190, 3), np.uint8)
    with pytest.raises(ValueError, match=r"shapes differ: \(200, 190, 3\) and \(200, 190\)"):
        metric(picture, picture[:, :, 0])
    with pytest.raises(ValueError, match="dtypes differ: uint8 and uint16"):
        metric(picture, picture.astype(np.uint16))
    with pytest.raises(ValueError, match="got int64"):
        metric(picture.astype(np.int64), picture.astype(np.int64))
    with pytest.raises(ValueError, match=r"got \(4,\)"):
        metric(np.zeros(4), np.zeros(4))
    with pytest.raises(ValueError, match=r"got \(0, 190, 3\)"):
        metric(picture[:0], picture[:0])


def test_other_refusals():
    small = np.zeros((10, 300), np.uint8)
    with pytest.raises(ValueError, match="11 x 11 pixels or more, got 10 x 300"):
        ssim(small, small)
    with pytest.raises(ValueError, match="1 or 3 channels, got 4"):
        psnr_y(np.zeros((4, 4, 4)), np.zeros((4, 4, 4)))
    with pytest.raises(ValueError, match="peak must be positive"):
        psnr(small, small, peak=0)


@pytest.mark.parametrize("metric", [psnr, psnr_y, mae, ssim])
def test_memory_stays_bounded(metric):
    """3 megapixels in colour would be 75 MB as one float64 copy of one picture."""
    reference = np.zeros((2048, 1536, 3), np.uint8)
    image = np.ones_like(reference)
    tracemalloc.start()
    try:
        metric(reference, image)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 40e6
