"""How far apart two videos are, frame by frame and as a whole."""

import math
from fractions import Fraction

import numpy as np
import pytest

from intarsia.media import metrics, video_metrics
from intarsia.media.video import Video

RNG = np.random.default_rng(8)
FRAMES = RNG.integers(40, 216, (4, 16, 20, 3), dtype=np.uint8)
REFERENCE = Video(FRAMES, Fraction(10))


def off_by(*levels):
    return REFERENCE.with_frames(FRAMES + np.array(levels, np.uint8)[:, None, None, None])


def test_every_frame_has_its_figures():
    other = off_by(1, 2, 4, 8)
    found = video_metrics.fidelity(REFERENCE, other)
    assert found.psnr == tuple(metrics.psnr(one, two) for one, two in zip(FRAMES, other.frames, strict=True))
    assert found.ssim == tuple(metrics.ssim(one, two) for one, two in zip(FRAMES, other.frames, strict=True))
    assert found.psnr == pytest.approx([20 * math.log10(255 / step) for step in (1, 2, 4, 8)])
    assert found.mean_psnr == pytest.approx(np.mean(found.psnr)) == video_metrics.mean_psnr(REFERENCE, other)
    assert found.min_psnr == found.psnr[3] and found.min_ssim == min(found.ssim)
    assert found.mean_ssim == pytest.approx(np.mean(found.ssim))


def test_the_whole_has_one_error():
    other = off_by(1, 2, 4, 8)
    expected = 10 * math.log10(255**2 / np.mean([1, 4, 16, 64]))
    assert video_metrics.psnr_of(REFERENCE, other) == pytest.approx(expected)
    assert video_metrics.psnr_of(REFERENCE, other) < video_metrics.mean_psnr(REFERENCE, other)
    assert video_metrics.psnr_of(REFERENCE, other) == video_metrics.psnr_of(other, REFERENCE)


def test_exact_frames_count_for_much_but_not_for_all():
    found = video_metrics.fidelity(REFERENCE, off_by(0, 1, 1, 1))
    assert found.psnr[0] == math.inf and found.ssim[0] == 1
    assert found.mean_psnr == pytest.approx((video_metrics.EXACT_DB + 3 * 20 * math.log10(255)) / 4)
    assert math.isfinite(video_metrics.psnr_of(REFERENCE, off_by(0, 1, 1, 1)))


def test_exact_videos_are_infinite():
    found = video_metrics.fidelity(REFERENCE, REFERENCE)
    assert found.mean_psnr == found.min_psnr == video_metrics.psnr_of(REFERENCE, REFERENCE) == math.inf
    assert found.mean_ssim == found.min_ssim == 1


def test_small_frames_have_no_ssim():
    small = REFERENCE.with_frames(FRAMES[:, :10])
    found = video_metrics.fidelity(small, small)
    assert found.ssim == () and found.mean_ssim is None and found.min_ssim is None


@pytest.mark.parametrize("compare", [video_metrics.fidelity, video_metrics.mean_psnr, video_metrics.psnr_of])
def test_only_equal_shapes_compare(compare):
    for other in (FRAMES[:3], FRAMES[:, 1:], FRAMES[:, :, 1:]):
        with pytest.raises(ValueError, match="expected equal lengths and sizes"):
            compare(REFERENCE, REFERENCE.with_frames(other))
