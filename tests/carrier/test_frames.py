"""Frames: found beside silence whatever the pieces, spared for what may be lost, filled the least visible way."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from intarsia.carrier import frames, modulo, sync
from intarsia.carrier.frames import FRAME, SILENCE, Ground, Layout, least_visible, spare_needed, survey
from intarsia.media.audio import ArrayPcm

LOW, HIGH = -32_768, 32_767


def pcm(array):
    return ArrayPcm(array if array.ndim == 2 else array[:, None])


def lively(count, channels=1, seed=0, top=2000):
    """Noise in which no two neighbours are equal."""
    steps = np.random.default_rng(seed).integers(1, top, (count, channels))
    return (np.cumsum(steps, axis=0) % (2 * top) - top).astype(np.int16)


def with_runs(runs, channels, seed):
    """Lively and constant stretches one after the other: a positive length is lively, a negative one stands still."""
    rng = np.random.default_rng(seed)
    parts = []
    for run in runs:
        if run >= 0:
            parts.append(lively(run, channels, int(rng.integers(1 << 30))))
        else:
            parts.append(np.full((-run, channels), rng.integers(-5, 6), np.int16))
    return np.concatenate([*parts, lively(3, channels, seed)])


def naive_silences(samples):
    """Runs of `SILENCE` equal time samples or more, one sample after the other."""
    runs, begin = [], 0
    for t in range(1, len(samples) + 1):
        if t == len(samples) or (samples[t] != samples[t - 1]).any():
            if t - begin >= SILENCE:
                runs.append((begin, t))
            begin = t
    return runs


def naive_starts(samples):
    """As many frames as fit in a row into each stretch between silences."""
    channels, starts, at = samples.shape[1], [], 0
    long = math.ceil(FRAME / channels)
    for begin, end in [*naive_silences(samples), (len(samples), 0)]:
        while at + long <= begin:
            starts.append(at * channels)
            at += long
        at = end
    return starts


def ground_of(samples):
    return survey(pcm(samples), LOW, HIGH)


def plain_ground(count, channels=1, power=1e6, silences=(), seed=0):
    """A ground with frames in a row, and pauses of the given lengths before frames of the given numbers."""
    gaps = np.zeros(count, np.int64)
    for place, length in silences:
        gaps[place % count] += length
    long = -(-FRAME // channels) * channels
    starts = np.arange(count) * long + np.cumsum(gaps) * channels
    size = int(starts[-1]) + long + channels * (seed % 700)
    return Ground(starts, size, channels, power, 0.0, LOW, HIGH)


# --- survey --------------------------------------------------------------------------------------------------

stretches = st.lists(
    st.one_of(
        st.integers(0, 3000),
        st.sampled_from([-62, -63, -64, -65, -128, -700, 1021, 1022, 1023, 1024, 1025]),
        st.integers(-3000, -1),
    ),
    min_size=1,
    max_size=8,
)


@given(stretches, st.integers(1, 6), st.sampled_from([1, 7, 63, 64, 65, 500, 4096, 1 << 18]), st.integers(0, 999))
@example([-64], 1, 64, 0)
@example([1024, -63, 1024, -64, 1024], 1, 32, 0)
@settings(max_examples=90, deadline=None)
def test_the_survey_is_that_of_a_naive_walk_whatever_the_pieces(runs, channels, piece, seed):
    samples = with_runs(runs, channels, seed)
    before = frames._READ
    frames._READ = max(piece, len(samples) // 300)
    try:
        ground = ground_of(samples)
    finally:
        frames._READ = before
    assert ground.starts.tolist() == naive_starts(samples)
    assert ground.starts.dtype == np.int64
    assert (ground.size, ground.channels) == (samples.size, channels)
    assert ground.power == pytest.approx(samples.astype(float).var(axis=0).mean(), rel=1e-9, abs=1e-6)
    assert ground.at_ends == 0


@given(stretches, st.integers(1, 6), st.integers(0, 999))
@settings(max_examples=50, deadline=None)
def test_frames_never_overlap_and_never_cover_silence(runs, channels, seed):
    samples = with_runs(runs, channels, seed)
    starts = ground_of(samples).starts
    covered = np.zeros(samples.size, int)
    for start in starts:
        assert start % channels == 0
        assert start + FRAME <= samples.size
        covered[start : start + FRAME] += 1
    assert covered.max(initial=0) <= 1
    for begin, end in naive_silences(samples):
        assert not covered[begin * channels : end * channels].any()


def test_one_channel_that_lives_is_enough():
    samples = np.zeros((4096, 2), np.int16)
    samples[:, 1] = lively(4096)[:, 0]
    assert len(ground_of(samples).starts) == 8
    assert len(ground_of(np.zeros((4096, 2), np.int16)).starts) == 0


def test_power_leaves_each_channels_own_offset_out():
    samples = np.stack([np.tile([99, 101], 2000), np.tile([-207, -193], 2000)], axis=1).astype(np.int16)
    assert ground_of(samples).power == pytest.approx((1 + 49) / 2)


@pytest.mark.parametrize("value", [0, 5, -32_768, 32_767])
def test_a_constant_has_neither_power_nor_frames(value):
    ground = ground_of(np.full((5000, 2), value, np.int16))
    assert ground.power == 0
    assert len(ground.starts) == 0
    assert ground.snr(1.0) == -math.inf


@pytest.mark.parametrize("depth", [8, 16, 24, 32])
def test_the_ends_of_the_range_are_counted(depth):
    low, high = -(1 << (depth - 1)), (1 << (depth - 1)) - 1
    samples = np.array([low, high, low + 1, high - 1, 0, low, 1, 2], np.int32).repeat(2)[:, None]
    ground = survey(pcm(samples), low, high)
    assert ground.at_ends == 3 / 8
    assert math.isfinite(ground.power)


@pytest.mark.parametrize(("step", "unused"), [(1, 0), (2, 1), (256, 8), (65_536, 16), (96, 5)])
def test_unused_bits(step, unused):
    samples = np.array([-3, 1, 0, 2, -1], np.int32)[:, None] * step
    assert survey(pcm(samples), -(1 << 23), (1 << 23) - 1).unused_bits == unused
    assert survey(pcm(samples * 0), -(1 << 23), (1 << 23) - 1).unused_bits == 0


def test_the_largest_values_of_32_bits_stand_still_and_move_without_wrapping():
    limit = (1 << 31) - 1
    samples = np.full((3000, 1), limit, np.int32)
    samples[1500:] = -limit - 1
    ground = survey(pcm(samples), -limit - 1, limit)
    assert len(ground.starts) == 0 and ground.at_ends == 1
    assert ground.power == pytest.approx(2.0**62, rel=1e-6)


# --- protection ----------------------------------------------------------------------------------------------


def touched(used, begin, length):
    """Numbers of the frames, given by their starts, that a stretch of samples touches."""
    return np.flatnonzero((used < begin + length) & (used + FRAME > begin))


@given(
    st.integers(40, 700),
    st.integers(1, 6),
    st.floats(0.005, 0.9),
    st.lists(st.tuples(st.integers(0, 700), st.integers(1, 60_000)), max_size=4),
    st.integers(0, 1 << 30),
    st.data(),
)
@settings(max_examples=80, deadline=None)
def test_the_spares_are_enough_for_whatever_is_lost(usable, channels, protect, silences, seed, data):
    ground = plain_ground(usable, channels, silences=silences, seed=seed)
    count = data.draw(st.integers(6, usable))
    spare = spare_needed(ground, count, protect)
    if spare is None:
        return
    groups = Layout(count, 3, 1, spare).groups
    rng = np.random.default_rng(seed)
    bounds = frames.cell_bounds(ground.starts, count)
    lost_time = int(protect * ground.size / channels)
    for way in (1, 2, 3, 4) if count >= frames.ENOUGH_FOR_PIECES else (1,):
        length = lost_time // way * channels
        for _ in range(25):
            # The writer chooses any frame of a cell; the loss begins where it likes, also right at a frame's end.
            used = ground.starts[rng.integers(bounds[:-1], bounds[1:])]
            begins = rng.integers(0, (ground.size - length) // channels + 1, way) * channels
            snap = used[rng.integers(0, count, way)] + FRAME - 1
            begins = np.where(rng.random(way) < 0.5, begins, snap // channels * channels)
            lost = np.unique(np.concatenate([touched(used, begin, length) for begin in begins]))
            worst = max(np.count_nonzero(lost % groups.number == g) for g in range(groups.number))
            assert worst <= spare
            assert count - len(lost) >= sync.MIN_FRAMES


def test_most_touched_is_reached_by_the_worst_window():
    ground = plain_ground(50)
    # 50 frames in 50 cells: a window of two samples over a border touches two, of 1,026 samples three.
    assert [frames.most_touched(ground, 50, w) for w in (1, 2, 1025, 1026, 2049, 2050)] == [1, 2, 2, 3, 3, 4]
    assert frames.most_touched(ground, 50, 10**9) == 50
    # With two frames to a cell, one cell in between is twice as long.
    assert [frames.most_touched(ground, 25, w) for w in (1, 2, 2049, 2050)] == [1, 2, 2, 3]


def test_too_much_to_protect_is_said():
    ground = plain_ground(60)
    assert spare_needed(ground, 60, 0.0) == 0
    assert spare_needed(ground, 60, 0.99) is None
    assert spare_needed(ground, 6, 0.25) is None  # six frames must be left
    assert spare_needed(plain_ground(6), 6, 0.01) is None


# --- how full ------------------------------------------------------------------------------------------------


@given(
    st.integers(6, 900),
    st.floats(0, 1).map(lambda x: int(10 ** (5 * x))),
    st.sampled_from([0.0, 0.0, 0.1, 0.25, 0.5]),
    st.sampled_from([(-128, 127), (LOW, HIGH), (-(1 << 31), (1 << 31) - 1)]),
)
@settings(max_examples=120, deadline=None)
def test_the_layout_holds_the_bytes_and_is_the_least_of_its_candidates(usable, length, protect, span):
    low, high = span
    plain = plain_ground(usable)
    ground = Ground(plain.starts, plain.size, 1, 1e4, 0.0, low, high)
    fit = least_visible(ground, length, protect)
    candidates = [
        other
        for count in frames._counts(ground, protect)
        if (other := frames._fit(ground, count, length, protect)) is not None
    ]
    if fit is None:
        assert not candidates
        return
    assert fit.room >= length
    assert 6 <= fit.frames <= usable
    assert fit.filled <= frames._most_bytes(fit.m)
    assert fit.filled == fit.share + (4 if fit.spare else 0)
    assert 3 <= fit.m <= min(modulo.MAX_MODULUS, high - low + 1)  # every digit must exist in the range
    assert frames.total_noise(ground, fit) == min(frames.total_noise(ground, each) for each in candidates)
    assert fit.m == 3 or frames._most_bytes(fit.m - 1) < fit.filled  # the smallest base
    assert Layout.unpack(fit.pack()) == fit
    assert bool(fit.spare) == bool(protect)


def test_an_eight_bit_sound_gets_no_base_beyond_its_range():
    ground = Ground(plain_ground(40).starts, 40 * FRAME, 1, 1e4, 0.0, -128, 127)
    assert least_visible(ground, 40 * frames._most_bytes(255), 0.0).m == 255
    assert least_visible(ground, 40 * frames._most_bytes(256) + 1, 0.0) is None


def test_more_bytes_are_never_less_visible():
    ground = plain_ground(200)
    noises = [frames.total_noise(ground, least_visible(ground, n, 0.25)) for n in range(1, 60_000, 1237)]
    assert noises == sorted(noises)


def test_small_payloads_take_hamming_groups_and_large_ones_every_frame():
    ground = plain_ground(300)
    small, large = least_visible(ground, 100, 0.0), least_visible(ground, 200_000, 0.0)
    assert small.m == 3 and large.m > 3 and large.frames == 300
    # Both close to what is known: 54 of 81 sync digits squared in each frame, and a change in hundreds of samples.
    assert small.noise < 54 + 100


def test_too_few_frames_hold_nothing():
    assert least_visible(plain_ground(5), 1, 0.0) is None
    assert least_visible(plain_ground(39), 1, 0.5) is not None
    assert least_visible(plain_ground(300), 10**7, 0.0) is None


# --- the record ----------------------------------------------------------------------------------------------


@given(st.binary(min_size=8, max_size=8))
@example(b"\xff" * 8)
@example(bytes(8))
@settings(max_examples=500, deadline=None)
def test_any_eight_bytes_are_a_layout_that_packs_back_or_none(data):
    found = Layout.unpack(data)
    if found is not None:
        assert found.pack() == data
        assert found.room >= 1 and found.frames >= sync.MIN_FRAMES and found.m >= 3
        assert found.filled <= frames._most_bytes(found.m)


@given(st.integers(6, 1 << 24), st.integers(3, 65_535), st.integers(0, 254), st.data())
@settings(max_examples=200, deadline=None)
def test_layouts_come_back(count, m, spare, data):
    count = min(count, sync.MAX_FRAMES - 1)
    most = frames._most_bytes(m) - (4 if spare else 0)
    how = Layout(count, m, data.draw(st.integers(1, most)), spare)
    expected = how if how.groups.whole >= 1 else None
    assert Layout.unpack(how.pack()) == expected
    assert Layout.unpack(Layout(count, m, most + 1, spare).pack()) is None
    assert Layout.unpack(Layout(5, m, 1, 0).pack()) is None


def test_the_record_is_pinned():
    assert Layout(300, 59, 689, 44).pack().hex() == "2c01003b00b1022c"
    assert Layout.unpack(bytes.fromhex("2c01003b00b1022c")) == Layout(300, 59, 689, 44)
