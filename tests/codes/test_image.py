"""Pictures within a budget, for every mode, on real photographs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from intarsia.codes import image as codes
from intarsia.errors import DoesNotFitError, InputError
from intarsia.media import Image, image_file
from intarsia.media.image import psnr

PHOTO = Image(data.astronaut()[100:356, 100:356].copy())
GREY = Image(data.camera()[100:356, 100:356].copy())
DEEP = Image((data.camera()[100:356, 100:356].astype(np.uint16) * 257) ^ 0x55)
CLEAR = Image(PHOTO.samples, np.tile(np.arange(256, dtype=np.uint8), (256, 1)))
GREY_CLEAR = Image(GREY.samples, CLEAR.alpha)
MODES = {"rgb": PHOTO, "grey": GREY, "grey16": DEEP, "rgba": CLEAR, "grey+alpha": GREY_CLEAR}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("budget", [3000, 20_000])
def test_the_budget_is_kept_and_the_decoded_picture_is_the_measured_one(mode, budget):
    value = MODES[mode]
    coded = codes.encode(value, budget)
    assert len(coded.code) <= budget
    found = codes.decode(coded.code, "n.png")
    assert found.samples.shape == value.samples.shape
    assert found.samples.dtype == value.samples.dtype
    assert (found.alpha is None) == (value.alpha is None)
    assert psnr(value, found) == coded.quality > 25
    assert found.name == "n.png"


@pytest.mark.parametrize("mode", MODES)
def test_a_large_budget_gives_the_very_picture(mode):
    value = MODES[mode]
    coded = codes.encode(value, 1 << 20)
    found = codes.decode(coded.code)
    assert coded.quality == math.inf
    assert np.array_equal(found.samples, value.samples)
    assert value.alpha is None or np.array_equal(found.alpha, value.alpha)


@pytest.mark.parametrize("budget", [5_000, 15_000, 40_000])
def test_jpeg_2000_fills_its_budget_to_one_per_cent(budget):
    coded = codes.encode(PHOTO, budget, codecs=("jpeg2000",))
    assert 0.99 * budget <= len(coded.code) <= budget


def test_avif_takes_the_best_step_below_and_the_smaller_error_wins():
    budget = 6000
    each = {name: codes.encode(PHOTO, budget, codecs=(name,)) for name in codes.CODECS}
    assert len(each["avif"].code) <= budget
    assert codes.encode(PHOTO, budget).quality == max(coded.quality for coded in each.values())


@pytest.mark.parametrize("target", [32.0, 38.0, 42.0])
def test_a_target_is_reached_and_not_overshot(target):
    coded = codes.encode(PHOTO, 1 << 20, target_db=target)
    assert target <= coded.quality < target + 1
    smaller = codes.encode(PHOTO, len(coded.code) * 9 // 10, target_db=target)
    assert smaller.quality < target


def test_an_exact_code_is_taken_when_it_is_no_longer_than_the_target_needs():
    flat = Image(np.full((200, 300, 3), 77, np.uint8))
    assert codes.encode(flat, 10_000, target_db=42.0).quality == math.inf


def test_a_file_that_fits_travels_as_it_was():
    file = image_file.encode(PHOTO, "JPEG", quality=60)
    value = image_file.decode(file, "photo.jpg")
    coded = codes.encode(value, len(file) + 1)
    assert coded.code == b"f" + file
    assert codes.decode(coded.code).file == file


@pytest.mark.parametrize("budget", [-5, 0, 1])
@pytest.mark.parametrize("target", [None, 42.0])
def test_no_budget_at_all_is_a_plain_refusal(budget, target):
    with pytest.raises(DoesNotFitError):
        codes.encode(PHOTO, budget, target_db=target)


def test_too_small_a_budget_names_what_is_needed():
    with pytest.raises(DoesNotFitError) as error:
        codes.encode(PHOTO, 60)
    assert error.value.available == 60
    assert len(codes.encode(PHOTO, error.value.needed + 8).code) <= error.value.needed + 8


@given(st.integers(1, 40), st.integers(1, 40), st.booleans(), st.integers(100, 4000))
@settings(max_examples=40, deadline=None)
def test_any_small_size_fits_its_budget_or_says_so(height, width, grey, budget):
    shape = (height, width) if grey else (height, width, 3)
    value = Image(np.random.default_rng(height).integers(0, 256, shape, dtype=np.uint8))
    try:
        coded = codes.encode(value, budget)
    except DoesNotFitError as error:
        assert error.needed > budget
        return
    assert len(coded.code) <= budget
    assert psnr(value, codes.decode(coded.code)) == coded.quality


def test_a_code_from_the_future_says_so():
    with pytest.raises(InputError, match="newer release"):
        codes.decode(b"?abc")
