"""Erasure: any shares that are enough give the bytes back, and neighbours never share a group."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intarsia.carrier import erasure
from intarsia.carrier.erasure import MAX_GROUP, Groups
from intarsia.errors import NoSecretError

counts = st.one_of(st.integers(1, 620), st.sampled_from([1, 254, 255, 256, 509, 510, 511, 512]))


def content(length, seed=0):
    return np.random.default_rng(seed).bytes(length)


@given(counts, st.data())
@settings(max_examples=60, deadline=None)
def test_any_shares_that_are_enough_bring_the_bytes_back(count, data):
    least = min(Groups(count, 0).size(group) for group in range(Groups(count, 0).number))
    groups = Groups(count, data.draw(st.integers(0, least - 1)))
    size = data.draw(st.integers(1, 40))
    short = data.draw(st.integers(0, min(3 * size, groups.whole * size)))
    given_bytes = content(groups.whole * size - short, count)
    shares = erasure.spread(given_bytes, groups, size)
    assert len(shares) == count and {len(share) for share in shares} == {size}
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    left = dict(enumerate(shares))
    for group in range(groups.number):
        members = np.arange(group, count, groups.number)
        for lost in rng.choice(members, groups.spare, replace=False):
            del left[int(lost)]
    assert erasure.gather(left, groups) == given_bytes + bytes(short)
    # One more, in any group, and it is over.
    group = int(rng.integers(groups.number))
    del left[next(i for i in left if i % groups.number == group)]
    with pytest.raises(NoSecretError):
        erasure.gather(left, groups)


@given(st.integers(1, 5000))
@settings(max_examples=200)
def test_groups_are_small_enough_even_and_complete(count):
    groups = Groups(count, 0)
    sizes = [groups.size(group) for group in range(groups.number)]
    assert sum(sizes) == count == groups.whole
    assert max(sizes) <= MAX_GROUP
    assert max(sizes) - min(sizes) <= 1
    assert groups.number == math.ceil(count / 255)


@given(st.integers(1, 3000), st.integers(0, 300))
@settings(max_examples=200)
def test_whole_is_what_the_groups_have_left(count, spare):
    groups = Groups(count, spare)
    left = [groups.size(group) - spare for group in range(groups.number)]
    assert groups.whole == (sum(left) if min(left) > 0 else 0)


@given(st.integers(1, 1500), st.data())
@settings(max_examples=100)
def test_neighbours_are_dealt_evenly(count, data):
    run = data.draw(st.integers(1, count))
    first = data.draw(st.integers(0, count - run))
    number = Groups(count, 0).number
    hits = np.zeros(number, int)
    for group in range(number):
        members = range(group, count, number)
        hits[group] = sum(first <= member < first + run for member in members)
    assert hits.sum() == run
    assert hits.max() <= -(-run // number)


def test_a_run_of_neighbours_as_long_as_all_spares_together_is_survived():
    groups = Groups(600, 20)  # three groups of 200
    given_bytes = content(groups.whole * 9)
    shares = erasure.spread(given_bytes, groups, 9)
    for first in range(0, 541, 27):
        left = {i: share for i, share in enumerate(shares) if not first <= i < first + 60}
        assert erasure.gather(left, groups) == given_bytes
        del left[next(iter(left))]
        with pytest.raises(NoSecretError):
            erasure.gather(left, groups)


def test_without_spares_the_shares_are_the_bytes_group_by_group():
    groups = Groups(256, 0)  # two groups: even and odd numbers
    given_bytes = content(256 * 3)
    shares = erasure.spread(given_bytes, groups, 3)
    assert b"".join(shares[::2]) + b"".join(shares[1::2]) == given_bytes
    assert erasure.gather(dict(enumerate(shares)), groups) == given_bytes
    with pytest.raises(NoSecretError):
        erasure.gather({i: share for i, share in enumerate(shares) if i != 77}, groups)


def test_with_nothing_lost_the_first_shares_are_the_bytes_themselves():
    groups = Groups(10, 4)
    shares = erasure.spread(b"abcdefghijkl", groups, 2)
    assert b"".join(shares[:6]) == b"abcdefghijkl"


def test_shares_of_no_frame_are_ignored_and_none_at_all_is_no_secret():
    groups = Groups(4, 1)
    shares = dict(enumerate(erasure.spread(b"abc", groups, 1)))
    assert erasure.gather(shares | {4: b"?", 99: b"?"}, groups) == b"abc"
    with pytest.raises(NoSecretError):
        erasure.gather({}, groups)


def test_the_code_is_pinned():
    # A change here makes every container ever written unreadable.
    shares = erasure.spread(bytes(range(12)), Groups(9, 3), 2)
    assert [share.hex() for share in shares] == ["0001", "0203", "0405", "0607", "0809", "0a0b", "6f6e", "2322", "5f5e"]
    wide = erasure.spread(bytes(range(200)), Groups(510, 155), 1)
    assert wide[-4:] == [b"\x11", b"\xca", b"\x93", b"\xd0"]
