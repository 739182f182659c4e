"""Sound within a budget: every shape and depth, the rate filled, damage noticed or survived."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intarsia.codes import mdct
from intarsia.errors import InputError


def tune(length=12_000, channels=1, depth=16, seed=3):
    """Decaying harmonics in a little noise, int32 [T, C]."""
    draw = np.random.default_rng(seed)
    time = np.arange(length)
    result = draw.normal(scale=0.002, size=(length, channels))
    for start in range(0, length, 4000):
        pitch, decay = draw.uniform(0.01, 0.05), np.exp(-np.maximum(time - start, 0) / 2500)
        note = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 6)) * decay * (time >= start)
        result += 0.15 * note[:, None] * draw.uniform(0.3, 1, channels)
    top = 1 << (depth - 1)
    return np.clip(np.rint(result * top), -top, top - 1).astype(np.int32)


def snr(samples, found):
    error = ((samples.astype(float) - found) ** 2).sum()
    return 10 * math.log10((samples.astype(float) ** 2).sum() / error) if error else math.inf


TUNE = tune()
DRAW = np.random.default_rng(11)
SIGNALS = {
    "one sample": (np.array([[-7]]), 8),
    "two samples": (np.array([[100, -100], [90, 5]]), 8),
    "three": (np.array([[1], [-2], [3]]), 16),
    "silence": (np.zeros((5000, 2)), 16),
    "square": (np.where(np.arange(6000) // 50 % 2, 32767, -32768)[:, None], 16),
    "noise": (DRAW.integers(-32768, 32768, (5000, 1)), 16),
    "24 bit": (tune(6000, 1, 24), 24),
    "32 bit": (tune(6000, 1, 32), 32),
    "full 32 bit": (DRAW.integers(-(2**31), 2**31, (300, 1)), 32),
    "8 bit": (tune(6000, 1, 8), 8),
    "stereo": (tune(6000, 2), 16),
    "same twice": (np.repeat(tune(6000), 2, axis=1), 16),
    "six": (tune(3000, 6), 16),
    "click": (30000 * (np.arange(5000) == 2500)[:, None], 16),
}


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_the_budget_is_kept_and_shape_and_depth_come_back(name, share):
    samples, depth = SIGNALS[name]
    samples = samples.astype(np.int32)
    budget = 80 + int(share * samples.size * depth / 8)
    code = mdct.encode(samples, depth, budget)
    assert code is not None
    assert len(code) <= budget
    found, found_depth = mdct.decode(code)
    assert (found.shape, found.dtype, found_depth) == (samples.shape, np.int32, depth)
    assert found.min() >= -(1 << (depth - 1))
    assert found.max() < 1 << (depth - 1)
    assert snr(samples, found) >= -1e-9 if samples.any() else not found.any()


@pytest.mark.parametrize("budget", [1500, 4000, 12_000])
def test_the_budget_is_filled(budget):
    assert len(mdct.encode(TUNE, 16, budget)) > 0.99 * budget


def test_more_bytes_are_more_decibels():
    found = [snr(TUNE, mdct.decode(mdct.encode(TUNE, 16, budget))[0]) for budget in (200, 1000, 4000, 10_000)]
    assert found == sorted(found)
    assert found[1] > 15
    assert found[3] > 50


def test_close_to_exact_it_becomes_exact():
    code = mdct.encode(TUNE, 16, 2 * TUNE.size)
    assert np.array_equal(mdct.decode(code)[0], TUNE)


@pytest.mark.parametrize("target", [0.5, 10, 30, 55])
def test_the_quality_asked_for_is_reached_closely(target):
    assert target <= snr(TUNE, mdct.decode(mdct.encode_at(TUNE, 16, target))[0]) < target + 0.2


def test_silence_and_the_impossible_can_be_asked_for():
    assert not mdct.decode(mdct.encode_at(np.zeros((3000, 1), np.int32), 16, 40.0))[0].any()
    assert np.array_equal(mdct.decode(mdct.encode_at(TUNE, 16, 1000.0))[0], TUNE)


def test_two_equal_channels_cost_hardly_more_than_one():
    one = len(mdct.encode_at(TUNE, 16, 30.0))
    two = len(mdct.encode_at(np.repeat(TUNE, 2, axis=1), 16, 30.0))
    assert two < 1.1 * one


def test_too_small_a_budget_is_none():
    assert mdct.encode(TUNE, 16, 5) is None
    assert mdct.encode(TUNE, 16, 0) is None
    smallest = next(budget for budget in range(100) if mdct.encode(TUNE[:500], 16, budget) is not None)
    assert smallest < 40


def test_the_same_input_gives_the_same_code():
    samples = tune(5000, 2)
    assert mdct.encode(samples, 16, 3000) == mdct.encode(samples.copy(), 16, 3000)


def test_long_sound_goes_in_segments(monkeypatch):
    monkeypatch.setattr(mdct, "_SEGMENT", 4096)
    code = mdct.encode(TUNE, 16, 6000)
    assert 0.99 * 6000 < len(code) <= 6000
    assert snr(TUNE, mdct.decode(code)[0]) > 30


@given(st.integers(1, 3000), st.integers(1, 3), st.integers(0, 99), st.integers(40, 3000))
@settings(max_examples=20, deadline=None)
def test_any_shape_and_budget(length, channels, seed, budget):
    samples = tune(length, channels, seed=seed)
    code = mdct.encode(samples, 16, budget)
    if code is not None:
        assert len(code) <= budget
        assert mdct.decode(code)[0].shape == samples.shape


RECORDED = (
    "10020000009643b1bc170e809c807c748d7e6db7589b119d26b8e2001c32fdfcf143ac5d326785228f73d5b340bd227a9624a8d084a58e5c"
    "f9799cc22d5e15211833c09d0d54a61e1d5c17125b658854326fd5511a63b07e7c3e20d1477033914e3c0f383996266d104086"
)


def test_a_code_of_this_release_stays_readable():
    n = np.arange(150)
    base = (n * n * 37 % 401 - 200) * (n % 50)
    samples = np.stack([base // 4, base // 5 + n % 7], axis=1)
    found, depth = mdct.decode(bytes.fromhex(RECORDED))
    assert depth == 16
    assert np.abs(found[:5] - [[-24, -20], [-201, -165], [-35, -28], [101, 83], [121, 99]]).max() <= 1
    assert abs(int(found.sum()) + 2066) <= 3
    assert 8.5 < snr(samples, found) < 30


def decodes_or_complains(code):
    try:
        samples, depth = mdct.decode(code)
    except InputError:
        return
    assert samples.dtype == np.int32
    assert 8 <= depth <= 32


@pytest.mark.parametrize("channels", [1, 2])
def test_damage_is_noticed_or_survived(channels):
    code = mdct.encode(tune(1000, channels), 16, 500)
    draw = random.Random(5)
    for cut in (*range(0, 40, 3), *(draw.randrange(len(code)) for _ in range(10))):
        decodes_or_complains(code[:cut])
    for place in (*range(25), *(draw.randrange(len(code)) for _ in range(25))):
        damaged = bytearray(code)
        damaged[place] ^= draw.randrange(1, 256)
        decodes_or_complains(bytes(damaged))


@given(st.binary(max_size=200))
@settings(max_examples=30, deadline=None)
def test_any_bytes_behind_a_head_end_soon(data):
    head = mdct.encode(np.zeros((1000, 1), np.int32), 16, 100)[: mdct._HEAD_BYTES]
    decodes_or_complains(head + data)
    decodes_or_complains(data)


def test_a_few_bytes_cannot_claim_much():
    code = bytearray(mdct.encode(TUNE, 16, 500))
    for length in (2**31, mdct.MAX_SAMPLES, 500 << 17):
        code[2:6] = length.to_bytes(4, "big")
        with pytest.raises(InputError):
            mdct.decode(bytes(code))


def test_what_cannot_be_is_refused():
    for samples, depth in ((np.zeros((0, 1)), 16), (np.zeros(5), 16), (np.zeros((5, 1)), 7), (np.zeros((2, 256)), 16)):
        with pytest.raises(ValueError, match="expected"):
            mdct.encode(samples.astype(np.int32), depth, 1000)
