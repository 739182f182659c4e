"""Digits in samples and bytes in digits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intarsia.carrier import ternary


@given(st.binary(max_size=3000))
def test_bytes_come_back_from_digits(data):
    digits = ternary.to_digits(data)
    assert len(digits) == ternary.digits_needed(len(data))
    assert digits.max(initial=0) <= 2
    assert ternary.to_bytes(digits, len(data)) == data


def test_bytes_come_back_across_chunks():
    data = np.random.default_rng(0).bytes(500_000)
    assert ternary.to_bytes(ternary.to_digits(data), len(data)) == data


def test_nineteen_bits_become_twelve_digits_low_digit_first():
    # 19 bits 0...01 000: the number 8 = 2 + 2·3 in base 3.
    data = (8 << 5).to_bytes(3, "big")
    assert ternary.to_digits(data)[:12].tolist() == [2, 2] + [0] * 10


@given(st.integers(0, 100_000))
def test_capacity_is_the_inverse_of_need(digits):
    held = ternary.bytes_held(digits)
    assert ternary.digits_needed(held) <= digits < ternary.digits_needed(held + 1) + ternary.WORD_DIGITS
    assert ternary.digits_needed(held + 1) > digits


def test_digits_nobody_wrote_are_read_without_complaint():
    assert len(ternary.to_bytes(np.full(120, 2, np.uint8), 20)) == 20


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("digit", [0, 1, 2])
def test_every_value_reaches_every_digit_by_the_smallest_change(dtype, digit):
    top = np.iinfo(dtype).max
    samples = np.arange(top + 1, dtype=dtype)
    written = ternary.write(samples, np.full(len(samples), digit, np.uint8))
    assert written.dtype == dtype
    assert (ternary.read(written) == digit).all()
    change = np.abs(written.astype(int) - samples.astype(int))
    assert change[1:-1].max() == 1
    assert change.max() <= 2
    assert (change[ternary.read(samples) == digit] == 0).all()


def test_the_ends_of_the_range_move_inwards():
    ends = np.array([0, 0, 255, 255], np.uint8)
    assert ternary.write(ends, np.array([1, 2, 1, 2], np.uint8)).tolist() == [1, 2, 253, 254]


def test_random_digits_cost_two_thirds_of_a_level_squared():
    rng = np.random.default_rng(1)
    samples = rng.integers(1, 255, 200_000, dtype=np.uint8)
    written = ternary.write(samples, rng.integers(0, 3, len(samples), dtype=np.uint8))
    assert np.mean((written.astype(float) - samples) ** 2) == pytest.approx(2 / 3, abs=0.01)
