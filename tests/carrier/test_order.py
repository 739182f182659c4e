"""Keyed order: the RFC's key stream, and permutations that are what the format says on every machine."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intarsia.carrier import order

KEY = b"k" * 32
PINNED_DIGITS = [1, 2, 1, 2, 0, 1, 0, 0, 0, 1, 1, 2]
PINNED = ([1, 4, 6, 0, 3, 5, 7, 2], [3, 0, 6, 2, 5, 1, 7, 4], [98, 17, 4, 99, 92, 7])


def test_key_stream_is_rfc_8439_section_2_4_2():
    nonce = bytes.fromhex("000000000000004a00000000")
    stream = order.key_stream(bytes(range(32)), nonce, 114, counter=1)
    assert stream[:16].hex() == "224f51f3401bd9e12fde276fb8631ded"


def test_permutation_is_pinned():
    # A change here makes every container ever written unreadable.
    assert order.permutation(KEY, 0, 8).tolist() == PINNED[0]
    assert order.permutation(KEY, 1, 8).tolist() == PINNED[1]
    assert order.draw(KEY, 6, 100).tolist() == PINNED[2]


@given(st.integers(0, 3000), st.integers(0, 5))
def test_a_permutation_has_every_place_once_in_stable_argsort_order(count, stream):
    found = order.permutation(KEY, stream, count)
    assert sorted(found.tolist()) == list(range(count))
    assert np.array_equal(found, np.argsort(order.words(KEY, stream, count), kind="stable"))


def test_a_full_block_is_in_stable_argsort_order():
    words = order.words(KEY, 9, order.BLOCK)
    assert np.array_equal(order.argsort_words(words), np.argsort(words, kind="stable"))


def test_digits_are_pinned_uniform_and_a_prefix_of_longer_ones():
    digits = order.digits(KEY, 300_000)
    assert digits[:12].tolist() == PINNED_DIGITS
    assert np.array_equal(order.digits(KEY, 1000), digits[:1000])
    assert np.abs(np.bincount(digits) / len(digits) - 1 / 3).max() < 0.005


def test_words_that_share_their_upper_bits_are_sorted_by_their_lower_ones():
    words = np.array([5 << 20 | 7, 5 << 20 | 3, 1, 5 << 20 | 3], dtype=np.uint64)
    assert order.argsort_words(words).tolist() == [2, 1, 3, 0]


def test_a_block_may_not_be_larger_than_the_packing_allows():
    with pytest.raises(ValueError, match="expected 0"):
        order.permutation(KEY, 0, order.BLOCK + 1)


@given(st.integers(1, 400), st.data())
def test_draws_are_distinct_in_range_and_avoid_what_is_taken(below, data):
    count = data.draw(st.integers(0, below))
    taken = np.array(sorted(data.draw(st.sets(st.integers(0, below - 1), max_size=below - count))), dtype=np.int64)
    drawn = order.draw(KEY, count, below, taken).tolist()
    assert len(set(drawn)) == count
    assert all(0 <= number < below for number in drawn)
    assert not set(drawn) & set(taken.tolist())


def test_a_shorter_draw_is_the_beginning_of_a_longer_one():
    assert order.draw(KEY, 324, 5000).tolist() == order.draw(KEY, 2592, 5000).tolist()[:324]


def test_drawing_more_than_there_is_says_so():
    with pytest.raises(ValueError, match="cannot draw 5 of 6"):
        order.draw(KEY, 5, 6, np.array([0, 1]))
