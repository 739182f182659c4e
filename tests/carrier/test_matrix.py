"""Ternary Hamming codes: at most one change, the rate and the change probability of the theory."""

import itertools

import numpy as np
import pytest

from intarsia.carrier import matrix

ORDERS = range(1, matrix.MAX_ORDER + 1)


@pytest.mark.parametrize("order", ORDERS)
def test_message_comes_back_and_each_group_changes_at_most_once(order):
    rng = np.random.default_rng(order)
    groups = rng.integers(0, 3, (300, matrix.group_length(order)), dtype=np.uint8)
    message = rng.integers(0, 3, (300, order), dtype=np.uint8)
    written = matrix.write(groups, message, order)
    assert np.array_equal(matrix.read(written, order), message)
    assert (written != groups).sum(axis=1).max() <= 1


@pytest.mark.parametrize("order", [1, 2, 3])
def test_groups_change_as_often_as_theory_says(order):
    rng = np.random.default_rng(order)
    groups = rng.integers(0, 3, (40_000, matrix.group_length(order)), dtype=np.uint8)
    message = rng.integers(0, 3, (40_000, order), dtype=np.uint8)
    changed = (matrix.write(groups, message, order) != groups).any(axis=1).mean()
    assert changed == pytest.approx(matrix.change_rate(order), abs=0.01)


def test_the_code_is_perfect():
    # Order 2: 4 places, 9 messages; every message is within one change of every group.
    groups = np.array(list(itertools.product(range(3), repeat=4)), np.uint8)
    for message in itertools.product(range(3), repeat=2):
        written = matrix.write(groups, np.tile(np.array(message, np.uint8), (81, 1)), 2)
        assert (matrix.read(written, 2) == message).all()
        assert (written != groups).sum(axis=1).max() == 1


def test_group_lengths_are_those_of_the_literature():
    assert [matrix.group_length(order) for order in ORDERS] == [1, 4, 13, 40, 121, 364, 1093, 3280]


def test_the_parity_check_columns_are_pinned():
    # A change here makes every container ever written unreadable.
    assert matrix.read(np.eye(4, dtype=np.uint8), 2).tolist() == [[1, 0], [0, 1], [1, 1], [1, 2]]
