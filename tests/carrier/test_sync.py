"""Sync blocks: found wherever they are, never where they are not, and uniform to whoever has no key."""

import math

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from intarsia.carrier import sync
from intarsia.carrier.sync import DIGITS, RECORD_BYTES, Sighting
from intarsia.errors import NoSecretError

KEY, COINS = b"k" * 32, b"c" * 32
RECORD = bytes(range(RECORD_BYTES))
OTHER = bytes.fromhex("8b1f02c4a7e95d3360b8f41c7725de90ab6614f3029c58e1")
WEIGHTS = [3**i for i in range(DIGITS)]


def noise(count, seed=0):
    return np.random.default_rng(seed).integers(0, 3, count, dtype=np.uint8)


def numbers(heads):
    return [sum(d * w for d, w in zip(row, WEIGHTS, strict=True)) for row in heads.tolist()]


def sighted(record, indices, *, at=0):
    """What `find` says of these frames of a file."""
    shares = sync._share(record)
    return [Sighting(at + 2000 * i, i, shares[i % 256]) for i in indices]


# --- found ---------------------------------------------------------------------------------------------------


@given(st.integers(1, 6), st.lists(st.integers(0, 120), min_size=1, max_size=8), st.integers(0, 300), st.data())
@settings(max_examples=120, deadline=None)
def test_blocks_are_found_at_any_offset_and_step(step, gaps, tail, data):
    heads = sync.blocks(KEY, RECORD, len(gaps), COINS)
    digits, wanted = noise(step * sum(gaps) + (DIGITS + step) * len(gaps) + tail), []
    at = 0
    for index, gap in enumerate(gaps):
        at += gap * step
        digits[at : at + DIGITS] = heads[index]
        wanted.append((at, index))
        at += -(-DIGITS // step) * step
    found = sync.find(KEY, digits, step)
    assert [(each.offset, each.index) for each in found] == wanted
    shares = sync._share(RECORD)
    assert [each.share for each in found] == [shares[index] for _, index in wanted]


@pytest.mark.parametrize("step", range(1, 7))
def test_a_block_off_the_step_is_not_looked_for(step):
    head = sync.blocks(KEY, RECORD, 1, COINS)[0]
    for shift in range(2 * step):
        digits = noise(400, shift)
        digits[60 + shift : 60 + shift + DIGITS] = head
        expected = [60 + shift] if (60 + shift) % step == 0 else []
        assert [each.offset for each in sync.find(KEY, digits, step)] == expected


def test_a_row_just_long_enough_and_one_too_short():
    head = sync.blocks(KEY, RECORD, 3, COINS)[2]
    assert [each.index for each in sync.find(KEY, head)] == [2]
    assert sync.find(KEY, head[:-1]) == []
    assert sync.find(KEY, head[:0]) == []
    assert [each.offset for each in sync.find(KEY, np.concatenate([noise(7), head]))] == [7]


def test_every_single_change_of_a_digit_hides_a_block():
    head = sync.blocks(KEY, RECORD, 1, COINS)[0]
    for place in range(DIGITS):
        for change in (1, 2):
            damaged = head.copy()
            damaged[place] = (damaged[place] + change) % 3
            assert sync.find(KEY, damaged) == []


def test_both_spellings_of_a_number_are_read():
    # Frames spelled with and without 2^128 are among so many; all must be found.
    heads = sync.blocks(KEY, RECORD, 2000, COINS)
    assert {n >= 1 << 128 for n in numbers(heads)} == {True, False}
    assert [each.index for each in sync.find(KEY, heads.reshape(-1)[: 2000 * DIGITS], DIGITS)] == list(range(2000))


def test_a_large_index_survives():
    heads = sync.blocks(KEY, RECORD, 70_001, COINS)
    found = sync.find(KEY, heads[-3:].reshape(-1), DIGITS)
    assert [each.index for each in found] == [69_998, 69_999, 70_000]
    assert found[-1].share == sync._share(RECORD)[70_000 % 256]


def test_nothing_is_found_in_noise_or_with_another_key():
    assert sync.find(KEY, noise(1_500_000)) == []
    heads = sync.blocks(KEY, RECORD, 300, COINS).reshape(-1)
    assert sync.find(b"K" * 32, heads) == []
    assert sync.find(KEY, np.zeros(10_000, np.uint8)) == []
    assert sync.find(KEY, np.full(10_000, 2, np.uint8)) == []


@pytest.mark.slow
def test_nothing_is_found_in_much_noise():
    for seed in range(40):
        assert sync.find(KEY, noise(1 << 20, seed)) == []


# --- uniform -------------------------------------------------------------------------------------------------


def test_the_number_spelled_is_uniform_below_all_that_digits_can_hold():
    count, top = 40_000, 3**81
    spelled = numbers(sync.blocks(KEY, RECORD, count, COINS))
    assert max(spelled) < top
    share = (top - (1 << 128)) / top
    above = sum(n >= 1 << 128 for n in spelled)
    assert abs(above - count * share) < 5 * math.sqrt(count * share * (1 - share))
    # And in equal parts all the way: 27 bins, 26 degrees of freedom.
    bins = np.bincount([n * 27 // top for n in spelled], minlength=27)
    expected = count / 27
    assert ((bins - expected) ** 2 / expected).sum() < 75  # once in 10^6


def test_every_digit_is_uniform_and_neighbours_tell_nothing():
    heads = sync.blocks(KEY, RECORD, 30_000, COINS)
    assert heads.dtype == np.uint8 and heads.max() == 2
    for place in range(DIGITS):
        counts = np.bincount(heads[:, place], minlength=3)
        assert ((counts - 10_000) ** 2 / 10_000).sum() < 40, place  # 2 degrees of freedom; 81 places
    for place in (0, 38, 39, 40, 78, 79):
        pairs = np.bincount(heads[:, place] * 3 + heads[:, place + 1], minlength=9)
        expected = len(heads) / 9
        assert ((pairs - expected) ** 2 / expected).sum() < 50, place  # 8 degrees of freedom


def test_frames_of_a_file_and_of_two_files_differ_everywhere():
    one, other = (sync.blocks(KEY, record, 500, COINS) for record in (RECORD, OTHER))
    assert len({row.tobytes() for row in np.concatenate([one, other])}) == 1000
    equal = np.mean(one == other)
    assert abs(equal - 1 / 3) < 5 * math.sqrt(2 / 9 / one.size)
    neighbours = np.mean(one[1:] == one[:-1])
    assert abs(neighbours - 1 / 3) < 5 * math.sqrt(2 / 9 / one.size)


def test_a_block_is_what_its_drawing_says():
    # Decrypted here with big integers and nothing of the module's own arithmetic.
    heads = sync.blocks(KEY, RECORD, 600, COINS)
    shares = sync._share(RECORD)
    cipher = Cipher(algorithms.AES(KEY), modes.ECB()).decryptor()
    draws = []
    for index, number in enumerate(numbers(heads)):
        plain = cipher.update((number % (1 << 128)).to_bytes(16, "little"))
        assert int.from_bytes(plain[:3], "little") == index
        assert plain[4:8] == shares[index % 256]
        assert plain[8:] == bytes(8)
        draws.append(plain[3])
    # They begin at random: two files in which index and share are the same still differ.
    assert abs(np.mean(draws) - 127.5) < 5 * 74 / math.sqrt(600)
    again = sync.blocks(KEY, RECORD, 600, b"d" * 32)
    assert np.mean((again == heads).all(axis=1)) < 0.03


def test_the_first_six_shares_are_the_record_and_the_blocks_are_pinned():
    # A change here makes every container ever written unreadable.
    assert b"".join(sync._share(RECORD)[:6]) == RECORD
    assert [sync._share(RECORD)[i].hex() for i in (6, 100, 255)] == ["dedfdcdd", "bebfbcbd", "dbdad9d8"]
    heads = sync.blocks(KEY, RECORD, 8, COINS)
    assert [f"{number:033x}" for number in numbers(heads)[::7]] == [
        "1401c302cb5cf45cfb33698c274fccf26",
        "0a1197c4341d08b43e5d434099fe0fac9",
    ]


# --- the record ----------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 2000), min_size=6, max_size=60, unique_by=lambda i: i % 256))
@settings(max_examples=80, deadline=None)
def test_any_six_frames_give_the_record(indices):
    sightings = sighted(RECORD, indices)
    assert sync.agree(sightings) == (RECORD, sightings)
    assert sync.agree(sightings[:6]) == (RECORD, sightings[:6])
    with pytest.raises(NoSecretError):
        sync.agree(sightings[:5])


def test_frames_seen_twice_count_once_for_the_record():
    twice = sighted(RECORD, range(5)) + sighted(RECORD, range(5), at=10**6)
    with pytest.raises(NoSecretError):
        sync.agree(twice)
    # 3 and 259 carry the same share.
    with pytest.raises(NoSecretError):
        sync.agree(sighted(RECORD, [0, 1, 2, 3, 4, 259, 256]))
    whole = sighted(RECORD, range(6)) + sighted(RECORD, range(6), at=10**6)
    assert sync.agree(whole) == (RECORD, whole)


def test_nothing_seen_is_no_secret():
    with pytest.raises(NoSecretError):
        sync.agree([])


@pytest.mark.parametrize(("mine", "others"), [(40, 10), (10, 40), (300, 299), (8, 7), (7, 6), (6, 7)])
def test_of_two_files_behind_each_other_both_are_told_the_longer_first(mine, others):
    first, second = sighted(RECORD, range(mine)), sighted(OTHER, range(others), at=10**7)
    both = [(RECORD, first), (OTHER, second)]
    both.sort(key=lambda each: len(each[1]), reverse=True)
    # Six alone are no evidence beside more: any six give some record.
    assert sync.records(first + second) == (both if min(mine, others) > 6 else both[:1])
    assert sync.agree(first + second) == both[0]


@pytest.mark.parametrize("foreign", [1, 2, 5, 15])
def test_some_frames_of_another_file_in_between_do_no_harm(foreign):
    # What is left of an earlier container, wherever its frames stand.
    rng = np.random.default_rng(foreign)
    for _ in range(20):
        mixed = sighted(RECORD, range(46))
        for place in rng.choice(46, foreign, replace=False):
            mixed[place] = sighted(OTHER, [int(place)])[0]
        record, agreeing = sync.agree(mixed)
        assert record == RECORD
        assert len(agreeing) == 46 - foreign


@pytest.mark.parametrize("others", [10, 30, 60])
def test_two_files_woven_into_each_other_are_both_told(others):
    # A sound that was hidden in twice under one password: the earlier frames were left where they stood.
    rng = np.random.default_rng(others)
    for _ in range(10):
        both = iter(sighted(RECORD, range(60))), iter(sighted(OTHER, range(others)))
        mixed = [next(both[which]) for which in rng.permutation([0] * 60 + [1] * others)]
        told = dict(sync.records(mixed))
        assert len(told[RECORD]) == 60
        assert others < 60 or len(told[OTHER]) == others


def test_what_is_told_is_the_same_every_time():
    mixed = [s for pair in zip(sighted(RECORD, range(50)), sighted(OTHER, range(50)), strict=True) for s in pair]
    assert sync.records(mixed) == sync.records(mixed)
