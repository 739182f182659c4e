"""The search for traces of an earlier JPEG, on photographs, drawings and noise."""

import io
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from intarsia.media.jpeg_trace import JpegTrace, find_jpeg_trace

KODAK = Path(__file__).resolve().parents[3] / "shared/data/test/images/kodak"

NEVER_COMPRESSED = ("astronaut", "coffee", "camera")
"""Of the photographs bundled with scikit-image, those without a trace; chelsea and rocket have one."""


def photograph(name):
    return getattr(skimage.data, name)()


def halved(picture):
    """Mean of every 2x2 pixels: a picture that is no JPEG any more, whatever it was."""
    height, width = picture.shape[:2]
    return np.asarray(Image.fromarray(picture).resize((width // 2, height // 2), Image.Resampling.BOX))


def through_jpeg(picture, quality, **options):
    """The decoded picture and the steps of its luma table."""
    packed = io.BytesIO()
    Image.fromarray(picture).save(packed, "JPEG", quality=quality, **options)
    decoded = Image.open(packed)
    return np.asarray(decoded), set(decoded.quantization[0])


@pytest.mark.parametrize("name", NEVER_COMPRESSED)
def test_a_photograph_that_never_was_a_jpeg(name):
    assert find_jpeg_trace(photograph(name)) is None


@pytest.mark.parametrize("name", ["chelsea", "rocket"])
def test_a_bundled_photograph_that_was_a_jpeg(name):
    trace = find_jpeg_trace(photograph(name))
    assert trace is not None
    assert trace.offset == (0, 0)
    assert find_jpeg_trace(halved(photograph(name))) is None


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4", "grey"])
@pytest.mark.parametrize("quality", [50, 75, 85, 90, 95, 98])
@pytest.mark.parametrize("name", NEVER_COMPRESSED)
def test_a_decoded_jpeg(name, quality, subsampling):
    picture = photograph(name)
    if subsampling == "grey" and picture.ndim == 3:
        picture = picture[:, :, 1]
    if picture.ndim == 2:
        decoded, steps = through_jpeg(picture, quality)
    else:
        decoded, steps = through_jpeg(picture, quality, subsampling=subsampling)
    whole = find_jpeg_trace(decoded)
    assert whole is not None
    assert whole.offset == (0, 0)
    assert whole.quantum in steps
    cut = find_jpeg_trace(decoded[3:, 5:])
    assert cut is not None
    assert cut.offset == (5, 3)


def test_strength_falls_with_the_size_of_the_picture():
    decoded, _ = through_jpeg(photograph("astronaut"), 85)
    traces = [find_jpeg_trace(decoded[:side, :side]) for side in (128, 256, 512)]
    strengths = [trace.strength for trace in traces]
    assert strengths == sorted(strengths)
    assert [trace.offset for trace in traces] == [(0, 0)] * 3


def test_hiding_in_the_lowest_bits_does_not_cover_the_trace():
    decoded, _ = through_jpeg(photograph("coffee"), 90)
    steps = np.random.default_rng(5).choice([-1, 0, 0, 1], decoded.shape)
    marked = np.clip(decoded + steps, 0, 255).astype(np.uint8)
    assert find_jpeg_trace(marked) is not None


def test_only_the_middle_of_a_large_picture_is_looked_at():
    decoded, _ = through_jpeg(photograph("astronaut"), 85)
    large = np.random.default_rng(2).integers(0, 256, (1101, 1203, 3), dtype=np.uint8)
    # The middle 512 x 512 of it begins at row 294 and column 345.
    large[294 : 294 + 512, 345 : 345 + 512] = decoded
    trace = find_jpeg_trace(large)
    assert trace is not None
    assert trace.offset == (294 % 8, 345 % 8)


ROWS, COLUMNS = np.mgrid[0:512, 0:512]


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(np.full((512, 512), 77), id="flat grey"),
        pytest.param(np.zeros((512, 512, 3)), id="black"),
        pytest.param(np.full((512, 512, 3), 255), id="white"),
        pytest.param(COLUMNS // 2, id="gradient"),
        pytest.param(np.stack([COLUMNS // 2, ROWS // 2, (ROWS + COLUMNS) // 4], 2), id="gradient in colour"),
        pytest.param(np.minimum(np.hypot(ROWS - 300, COLUMNS - 200) / 2, 255), id="round gradient"),
        *[
            pytest.param((ROWS // side + COLUMNS // side) % 2 * 255, id=f"chequers of {side}")
            for side in (1, 4, 7, 8, 16, 33)
        ],
    ],
)
def test_drawings(picture):
    assert find_jpeg_trace(picture.astype(np.uint8)) is None


@pytest.mark.parametrize("shape", [(64, 64), (100, 333), (512, 512), (300, 300, 3)])
@pytest.mark.parametrize("seed", range(5))
def test_noise(shape, seed):
    generator = np.random.default_rng(seed)
    assert find_jpeg_trace(generator.integers(0, 256, shape, dtype=np.uint8)) is None
    assert find_jpeg_trace(generator.choice(np.array([0, 255], np.uint8), shape)) is None


@pytest.mark.parametrize("side", [2, 4, 8, 16])
def test_pixels_blown_up_to_squares(side):
    small = photograph("coffee")[: 512 // side, : 512 // side]
    assert find_jpeg_trace(small.repeat(side, 0).repeat(side, 1)) is None
    black_and_white = np.where(small > 127, np.uint8(255), np.uint8(0))
    assert find_jpeg_trace(black_and_white.repeat(side, 0).repeat(side, 1)) is None


@pytest.mark.parametrize("side", [8, 16])
def test_a_map_of_repeated_tiles(side):
    generator = np.random.default_rng(4)
    tiles = generator.integers(0, 256, (40, side, side), dtype=np.uint8)
    count = 512 // side
    chosen = tiles[generator.integers(0, len(tiles), (count, count))]
    assert find_jpeg_trace(chosen.swapaxes(1, 2).reshape(512, 512)) is None


def test_colours_saturated_to_black_and_white():
    stretched = np.clip((photograph("coffee").astype(int) - 128) * 8 + 128, 0, 255).astype(np.uint8)
    assert find_jpeg_trace(stretched) is None


@pytest.mark.parametrize("shape", [(1, 1), (0, 0, 3), (63, 500), (500, 63, 3)])
def test_pictures_too_small_to_tell(shape):
    assert find_jpeg_trace(np.zeros(shape, np.uint8)) is None


@pytest.mark.parametrize("samples", [np.zeros((80, 80), np.uint16), np.zeros((80, 80, 4), np.uint8), np.zeros(80)])
def test_other_samples_are_refused(samples):
    with pytest.raises(ValueError, match=r"expected uint8 \[H, W\] or \[H, W, 3\], got"):
        find_jpeg_trace(samples)


def test_the_result_is_plain_and_frozen():
    trace = find_jpeg_trace(through_jpeg(photograph("camera"), 80)[0])
    assert isinstance(trace, JpegTrace)
    assert [type(part) for part in (*trace.offset, trace.quantum, trace.strength)] == [int, int, int, float]
    with pytest.raises(AttributeError):
        trace.strength = 0.0


@pytest.mark.data
def test_kodak_photographs():
    files = sorted(KODAK.glob("*.png"))
    if not files:
        pytest.skip("the media pack is not here")
    for file in files:
        picture = np.asarray(Image.open(file).convert("RGB"))
        assert find_jpeg_trace(picture) is None, file.name
        for quality in (50, 90, 95):
            decoded, steps = through_jpeg(picture, quality)
            trace = find_jpeg_trace(decoded[3:, 5:])
            assert trace is not None, (file.name, quality)
            assert trace.offset == (5, 3), (file.name, quality)
            assert trace.quantum in steps, (file.name, quality)
