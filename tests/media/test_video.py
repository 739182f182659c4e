"""The value: what a video is, and what is none."""

from fractions import Fraction

import numpy as np
import pytest

from intarsia.errors import InputError, UsageError
from intarsia.media.video import Video

FRAMES = np.random.default_rng(5).integers(0, 256, (24, 6, 8, 3), dtype=np.uint8)


def test_what_it_says_of_itself():
    video = Video(FRAMES, Fraction(12))
    assert (video.length, video.height, video.width, video.size) == (24, 6, 8, 24 * 6 * 8 * 3)
    assert video.seconds == 2 and video.kind == "video"
    assert video.describe() == "24 frames, 8 x 6, 12 per second, 2.0 s"
    assert Video(FRAMES[:1], Fraction(30000, 1001)).describe() == "1 frame, 8 x 6, 29.97 per second, 0.033 s"


@pytest.mark.parametrize(
    "frames",
    [FRAMES[0], FRAMES[:0], FRAMES[..., :2], FRAMES[:, :0], FRAMES.astype(np.int16), FRAMES / 255],
    ids=lambda frames: f"{frames.dtype}{list(frames.shape)}",
)
def test_other_arrays_are_refused(frames):
    with pytest.raises(UsageError, match=r"expected uint8 \[T, H, W, 3\], none of them 0"):
        Video(frames, Fraction(1))


@pytest.mark.parametrize("rate", [Fraction(0), Fraction(-1), Fraction(1001), 12, 12.5, None])
def test_other_rates_are_refused(rate):
    with pytest.raises(UsageError, match=r"video v: rate .*; expected a Fraction above 0 and at most 1000"):
        Video(FRAMES, rate, "v")


def test_other_formats_are_refused():
    with pytest.raises(UsageError, match="format 'MPG'; expected MP4, MKV"):
        Video(FRAMES, Fraction(1), format="MPG")


def test_arrays_become_videos():
    assert Video.of(FRAMES).rate == 24
    assert Video.of(FRAMES, 29.97).rate == Fraction(2997, 100)
    assert Video.of(FRAMES, Fraction(2999, 1003)).rate == Fraction(2999, 1003)
    grey = Video.of(FRAMES[..., 0], 5, name="g")
    assert grey.name == "g" and np.array_equal(grey.frames, np.repeat(FRAMES[..., :1], 3, axis=3))
    for rate in (float("nan"), float("inf"), "fast", None):
        with pytest.raises(UsageError, match="rate"):
            Video.of(FRAMES, rate)


def test_the_digest_tells_videos_apart():
    one = Video(FRAMES, Fraction(12))
    changed = FRAMES.copy()
    changed[-1, -1, -1, -1] ^= 1
    others = [Video(changed, one.rate), Video(FRAMES, Fraction(13)), Video(FRAMES, one.rate, "n")]
    others.append(Video(FRAMES.reshape(24, 8, 6, 3), one.rate))
    assert one.digest() == Video(FRAMES.copy(), Fraction(12)).digest()
    assert len({video.digest() for video in (one, *others)}) == 5


def test_the_original_is_read_when_asked_for(tmp_path):
    path = tmp_path / "v.gif"
    path.write_bytes(b"as it was")
    assert Video(FRAMES, Fraction(1), file=path).original() == b"as it was"
    assert Video(FRAMES, Fraction(1), file=b"data").original() == b"data"
    assert Video(FRAMES, Fraction(1)).original() is None
    assert Video(FRAMES, Fraction(1), format="FRAMES", file=tmp_path).original() is None
    path.unlink()
    with pytest.raises(InputError, match=r"v\.gif"):
        Video(FRAMES, Fraction(1), file=path).original()


def test_other_frames_forget_the_file():
    video = Video(FRAMES, Fraction(3), "n", "GIF", b"file", ("note",)).with_frames(FRAMES[:2])
    assert (video.file, video.format, video.notes, video.name, video.rate, video.length) == (None, "", (), "n", 3, 2)
