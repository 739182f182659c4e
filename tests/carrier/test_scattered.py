"""The channel: what goes in comes out, nothing else is touched, and the numbers it announces are true."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intarsia.carrier import matrix, order, ternary
from intarsia.carrier.channel import Manner
from intarsia.carrier.keys import Keys
from intarsia.carrier.matrix import plan
from intarsia.carrier.places import Places, salt_bytes
from intarsia.carrier.scattered import Scattered
from intarsia.errors import NoSecretError

KEYS = Keys(b"k" * 32)


def noise(count: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(count).integers(1, np.iinfo(dtype).max, count, dtype=dtype)


def channel(places: Places, method: str = "exact", keys: Keys = KEYS) -> Scattered:
    return Scattered(places, keys, method, 64, b"test")


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


@given(st.integers(700, 20_000), st.data())
@settings(max_examples=60, deadline=None)
def test_any_payload_up_to_capacity_comes_back_and_one_byte_more_does_not_fit(count, data):
    places = Places(noise(count))
    sender = channel(places)
    payload = np.random.default_rng(count).bytes(data.draw(st.integers(0, sender.capacity)))
    sender.write(payload)
    assert channel(Places(sender.samples)).read(len(payload)) == payload
    assert sender.capacity == places.capacity(64)
    assert ternary.digits_needed(sender.capacity + 1 + 32) > count - 81 - 324


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_several_blocks_and_both_depths(dtype):
    places = Places(noise(3 * order.BLOCK + 17, dtype))
    for length in (0, 10, 40_000, channel(places).capacity):
        payload = np.random.default_rng(length).bytes(length)
        sender = channel(places)
        sender.write(payload)
        assert channel(Places(sender.samples)).read(length) == payload


def test_closed_places_stay_and_the_rest_still_carries():
    samples = noise(5000)
    closed = np.arange(5000) % 3 == 0
    places = Places(samples, closed)
    sender = channel(places)
    sender.write(b"x" * sender.capacity)
    final = Places(sender.samples, closed)
    final.write_salt(np.ones(81, np.uint8))
    final.write_header(KEYS, bytes(64))
    assert np.array_equal(final.samples[closed], samples[closed])
    assert channel(final).read(sender.capacity) == b"x" * sender.capacity
    assert final.read_header(KEYS, 64) == bytes(64)


def test_alpha_that_leaves_few_places_in_each_block_still_fits_what_is_announced():
    count = 5 * order.BLOCK
    closed = np.ones(count, np.bool_)
    closed[:4000] = False
    sender = channel(Places(noise(count), closed))
    payload = b"y" * sender.capacity
    sender.write(payload)
    assert channel(Places(sender.samples, closed)).read(len(payload)) == payload


def test_salt_header_and_payload_never_share_a_place():
    places = Places(noise(9000))
    sender = Scattered(places, KEYS, "exact", 512)
    sender.write(b"z" * sender.capacity)
    changed = np.flatnonzero(sender.samples != places.samples)
    assert len(set(sender.reserved.tolist())) == 81 + ternary.digits_needed(512)
    assert not set(changed.tolist()) & set(sender.reserved.tolist())


def test_other_keys_or_another_method_read_nothing():
    sender = channel(Places(noise(5000)))
    sender.write(b"secret")
    for keys, method in ((Keys(b"K" * 32), "exact"), (KEYS, "lsb")):
        with pytest.raises(NoSecretError):
            channel(Places(sender.samples), method, keys).read(6)
    with pytest.raises(NoSecretError):
        channel(Places(sender.samples)).read(7)
    with pytest.raises(NoSecretError):
        channel(Places(sender.samples)).read(1 << 40)


def test_one_changed_sample_is_noticed():
    sender = channel(Places(noise(5000)))
    payload = bytes(range(256)) * 2
    sender.write(payload)
    rng, refused = np.random.default_rng(0), 0
    for position in rng.choice(5000, 60, replace=False):
        samples = sender.samples.copy()
        samples[position] += 1
        try:
            assert channel(Places(samples)).read(len(payload)) == payload
        except NoSecretError:
            refused += 1
    assert refused > 40  # some places carry no digit of this payload


@pytest.mark.parametrize(("code_order", "expected"), [(1, 49.9), (2, 54.6), (3, 59.4), (4, 64.1), (5, 68.9)])
def test_distortion_of_a_full_cover_is_that_of_the_literature(code_order, expected):
    places = Places(noise(786_432))
    sender = channel(places)
    length = sender.capacity_at(code_order)
    sender.write(np.random.default_rng(0).bytes(length))
    measured = psnr(sender.samples, places.samples)
    assert measured == pytest.approx(expected, abs=0.15)
    final = Places(sender.samples)
    final.write_salt(np.random.default_rng(1).integers(0, 3, 81, dtype=np.uint8))
    final.write_header(KEYS, np.random.default_rng(2).bytes(64))
    assert psnr(final.samples, places.samples) == pytest.approx(sender.expected_db(length), abs=0.05)


def test_between_two_orders_the_cover_is_better_than_with_the_lower_one_alone():
    sender = channel(Places(noise(786_432)))
    length = sender.capacity_at(3) + 2000  # just too much for order 3
    whole_groups = -(-ternary.digits_needed(length + 32) // 2)
    order_two_alone = 10 * np.log10(255**2 * 786_432 / (whole_groups * matrix.change_rate(2)))
    assert sender.expected_db(length) > order_two_alone + 1.0


def test_budget_is_the_most_that_keeps_the_quality():
    sender = channel(Places(noise(100_000)))
    budget = sender.budget(Manner(60.0))
    changes = sender.expected_changes(budget)
    margin = 10 * np.log10(1 + 3 / changes**0.5)
    assert 60.0 < sender.expected_db(budget) < 60.0 + margin + 0.01
    assert sender.budget(Manner(59.9)) > budget > sender.budget(Manner(60.1))
    assert sender.budget(Manner(200.0)) == 0
    assert sender.budget(Manner(1.0)) == sender.capacity


@given(st.integers(0, 100_000), st.data())
def test_a_plan_holds_its_digits_in_its_places(places, data):
    digits = data.draw(st.integers(0, places))
    how = plan(digits, places)
    assert how.low * how.order + how.high * (how.order + 1) >= digits
    used = how.low * matrix.group_length(how.order) + how.high * matrix.group_length(how.order + 1)
    assert used <= places


def test_written_digits_are_uniform_whatever_the_payload():
    # Sealed bytes alone are not: twelve digits have more patterns than nineteen bits.
    sender = channel(Places(np.full(1_200_000, 120, np.uint8)))
    sender.write(bytes(sender.capacity))
    counts = np.bincount(ternary.read(sender.samples), minlength=3)
    expected = counts.sum() / 3
    assert ((counts - expected) ** 2 / expected).sum() < 20  # chi-square, 2 degrees of freedom: one in 20,000


def test_saturated_covers_are_reckoned_with():
    samples = np.random.default_rng(3).choice(np.array([0, 255, 100, 101], np.uint8), 300_000)
    sender = channel(Places(samples))
    sender.write(np.random.default_rng(0).bytes(sender.capacity))
    assert psnr(sender.samples, samples) == pytest.approx(sender.expected_db(sender.capacity), abs=0.05)


def test_a_payload_lies_evenly_over_the_cover():
    places = Places(noise(2 * order.BLOCK))
    sender = channel(places)
    sender.write(np.random.default_rng(0).bytes(100_000))
    changes = (sender.samples != places.samples).reshape(16, -1).sum(axis=1)
    assert changes.min() > 0.9 * changes.mean()


def test_a_salt_is_uniform_and_public():
    places = Places(noise(5000))
    digits = np.random.default_rng(0).integers(0, 3, 81, dtype=np.uint8)
    places.write_salt(digits)
    assert places.read_salt() == salt_bytes(digits)
    assert Places(places.samples).read_salt() == salt_bytes(digits)


def test_painting_reaches_what_replacing_leaves_alone_but_for_closed_places():
    samples = np.full(3000, 100, np.uint8)
    closed = np.zeros(3000, np.bool_)
    closed[:30] = True
    keys = Keys(bytes(32))
    replaced, painted = (Scattered(Places(samples, closed), keys, "exact", 64) for _ in range(2))
    replaced.replace(samples + 50)
    painted.paint(samples + 50)
    reserved = painted.reserved
    assert (replaced.samples[reserved] == 100).all() and (painted.samples[reserved] == 150).all()
    assert (painted.samples[:30] == 100).all() and (painted.samples[30:] == 150).all()
