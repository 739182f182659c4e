"""The sound channel: any bytes through any sound, found again after any loss that was asked for, and nothing else."""

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intarsia.carrier import framed, frames, modulo, seal
from intarsia.carrier.channel import PLAIN, Manner
from intarsia.carrier.filling import Coder
from intarsia.carrier.framed import Framed, Received, find
from intarsia.carrier.frames import FRAME, Layout, survey
from intarsia.carrier.keys import Keys
from intarsia.errors import NoSecretError
from intarsia.media.audio import ArrayPcm
from samples import random_bytes, speech

KEYS, NONCE = Keys(b"k" * 32), bytes(range(16))
HEADER = random_bytes(64, seed=9)
ASSOCIATED = b"test"


def ends(depth):
    return -(1 << (depth - 1)), (1 << (depth - 1)) - 1


def tone(count, channels=1, depth=16, seed=0, level=0.25):
    """Noise about a slow wave, `level` of full scale, int32 [T, C]."""
    rng = np.random.default_rng(seed)
    low, high = ends(depth)
    wave = np.sin(np.arange(count)[:, None] / 90 + rng.uniform(0, 6, channels))
    sound = high * level * (wave + 0.3 * rng.standard_normal((count, channels)))
    return np.clip(np.rint(sound), low, high).astype(np.int32)


def sender(samples, depth=16, *, keys=KEYS, nonce=NONCE):
    pcm = ArrayPcm(samples)
    return Framed(pcm, survey(pcm, *ends(depth)), keys, nonce, "exact", len(HEADER), ASSOCIATED)


def written(channel, payload, manner=PLAIN):
    channel.write(payload, manner)
    channel.write_header(HEADER)
    return np.concatenate(list(channel.pieces()))


def laid(samples, payload, manner=PLAIN, depth=16, **how):
    return written(sender(samples, depth, **how), payload, manner)


def read(samples, length, keys=KEYS):
    """The payload of a container, and the share found lost; the header must be whole."""
    pcm = ArrayPcm(samples)
    found = find(pcm, keys)
    assert found.body[: len(HEADER)] == HEADER
    return Received(pcm, found, "exact", len(HEADER), ASSOCIATED).read(length), found.loss


def gives_or_refuses(samples, payload, keys=KEYS):
    """Whether the payload comes back; anything else than that or a plain refusal is a failure."""
    try:
        found = find(ArrayPcm(samples), keys)
        body = found.body[len(HEADER) : len(HEADER) + len(payload) + seal.OVERHEAD]
        got = seal.unseal(found.keys, "intarsia/v1/payload/exact", body, ASSOCIATED)
    except NoSecretError:
        return False
    assert got == payload
    return True


def damaged(samples, share, pieces, how, rng):
    """Zero, cut or overwrite equal pieces that together are at most this share, whole time samples at random."""
    total = int(share * samples.size) // samples.shape[1]
    length = total // pieces
    if not length:
        return samples
    begins = rng.integers(0, len(samples) - length + 1, pieces)
    if rng.random() < 0.4:
        begins[0] = rng.choice([0, len(samples) - length])
    kept, changed = np.ones(len(samples), bool), samples.copy()
    for begin in begins:
        kept[begin : begin + length] = False
        if how == "noise":
            changed[begin : begin + length] = rng.integers(-100, 100, (length, samples.shape[1]))
        else:
            changed[begin : begin + length] = 0
    return changed[kept] if how == "cut" else changed


def snr(cover, stego):
    cover = cover.astype(float)
    return 10 * math.log10(np.var(cover, axis=0).mean() * cover.size / np.square(stego - cover).sum())


# --- any sound, any bytes, any loss --------------------------------------------------------------------------


@given(
    st.one_of(st.integers(1, 9000), st.integers(6_000, 60_000)),
    st.integers(1, 6),
    st.sampled_from([8, 16, 24]),
    st.sampled_from([0.0, 0.1, 0.25, 0.5]),
    st.sampled_from([0.0, 0.5]),
    st.sampled_from([None, 5.0, 20.0, 45.0]),
    st.sampled_from(["zero", "cut", "noise"]),
    st.integers(0, 1 << 30),
    st.data(),
)
@settings(max_examples=90, deadline=None)
def test_any_sound_any_bytes_any_loss_that_was_asked_for(
    size, channels, depth, protect, shaping, least, how, seed, data
):
    rng = np.random.default_rng(seed)
    cover = tone(max(1, size // channels), channels, depth, seed % 1000)
    low, high = ends(depth)
    manner = Manner(least, protect, shaping)
    channel = sender(cover, depth)
    if len(channel._ground.starts) < 6:
        manner = Manner(least, protect)
    budget = channel.budget(manner)
    if channel.layout(budget, manner) is None:
        assert budget == 0
        return
    at_the_edge = data.draw(st.booleans())
    payload = rng.bytes(budget if at_the_edge else data.draw(st.integers(0, budget)))
    stego = written(channel, payload, manner)
    assert stego.shape == cover.shape
    assert stego.min() >= low and stego.max() <= high
    assert read(stego, len(payload)) == (payload, 0.0)
    outside = np.ones(cover.size, bool)
    outside[channel.reserved] = False
    assert np.array_equal(stego.reshape(-1)[outside], cover.reshape(-1)[outside])
    if protect:
        count = channel.layout(len(payload), manner).frames
        pieces = int(rng.integers(1, 5)) if count >= frames.ENOUGH_FOR_PIECES else 1
        for _ in range(3):
            lost = damaged(stego, protect, pieces, how, rng)
            got, loss = read(lost, len(payload))
            assert got == payload
            assert 0 <= loss < 1
            if how == "cut" and len(lost) < len(stego):
                gone = 1 - len(lost) / len(stego)
                # Cells differ by one frame, and every cut costs up to two frames more than it covers.
                assert loss <= gone * (1 + 1 / (len(channel._ground.starts) // count)) + (2 * pieces + 1) / count


@pytest.mark.parametrize(
    ("channels", "depth", "pieces"),
    [
        (1, 16, 4),
        (6, 24, 1),
        *(
            pytest.param(channels, depth, pieces, marks=pytest.mark.slow)
            for channels, depth in ((1, 24), (2, 24), (6, 16))
            for pieces in (1, 2, 3, 4)
        ),
    ],
)
def test_a_quarter_may_vanish_from_a_long_sound_filled_to_the_brim(channels, depth, pieces):
    cover = tone(600_000 // channels, channels, depth)
    manner = Manner(30.0, 0.25)
    channel = sender(cover, depth)
    payload = random_bytes(channel.budget(manner))
    stego = written(channel, payload, manner)
    rng = np.random.default_rng(pieces)
    for how in ("zero", "cut", "noise"):
        got, loss = read(damaged(stego, 0.25, pieces, how, rng), len(payload))
        assert got == payload
        assert loss < 0.25 + 0.02 * pieces


def test_every_place_of_one_piece_is_survived():
    cover = tone(64_000)
    payload = random_bytes(3000)
    stego = laid(cover, payload, Manner(20.0, 0.25))
    for begin in range(0, 48_001, 997):
        cut = np.delete(stego, np.s_[begin : begin + 16_000], axis=0)
        got, loss = read(cut, len(payload))
        assert got == payload
        assert 0.2 < loss < 0.35


def test_losing_more_than_was_asked_for_is_refused_in_words_or_survived():
    cover = tone(64_000)
    payload = random_bytes(2000)
    stego = laid(cover, payload, Manner(20.0, 0.25))
    rng, given_back = np.random.default_rng(0), []
    for share in (0.3, 0.4, 0.6, 0.9, 0.99):
        for pieces in (1, 4, 30):
            lost = damaged(stego, share, pieces, "zero", rng)
            given_back.append(gives_or_refuses(lost, payload))
    assert False in given_back


def test_single_samples_damaged_at_random_cost_their_frame_only():
    cover = tone(120_000)
    payload = random_bytes(2000)
    channel = sender(cover)
    stego = written(channel, payload, Manner(20.0, 0.25))
    count = channel.layout(len(payload), Manner(20.0, 0.25)).frames
    rng = np.random.default_rng(1)
    for hits in (1, 5, 8):
        frames_hit = rng.choice(count, hits, replace=False)
        changed = stego.copy()
        places = channel.reserved.reshape(count, FRAME)[frames_hit, rng.integers(0, FRAME, hits)]
        changed.reshape(-1)[places] += 1
        got, loss = read(changed, len(payload))
        assert got == payload
        # A ternary frame does not use all of its samples.
        assert loss <= hits / count + 1e-12
        assert loss > 0 or hits < 5
    # Without protection one change in a digit is fatal, and noticed.
    bare = laid(cover, payload)
    outcomes = []
    for place in rng.choice(bare.size, 40, replace=False):
        changed = bare.copy()
        changed.reshape(-1)[place] += 1
        outcomes.append(gives_or_refuses(changed, payload))
    assert False in outcomes


# --- what others do to a file --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def container():
    cover, payload = tone(50_000, 2), random_bytes(1500)
    return cover, payload, laid(cover, payload, Manner(20.0, 0.25))


def test_another_password_finds_nothing(container):
    _, payload, stego = container
    for keys in (Keys(b"K" * 32), Keys(bytes(32))):
        with pytest.raises(NoSecretError):
            find(ArrayPcm(stego), keys)
    with pytest.raises(NoSecretError):
        read(stego, len(payload) + 1)
    found = find(ArrayPcm(stego), KEYS)
    for method, associated in (("lsb", ASSOCIATED), ("exact", b"other")):
        with pytest.raises(NoSecretError):
            Received(ArrayPcm(stego), found, method, len(HEADER), associated).read(len(payload))


def test_a_cover_holds_nothing(container):
    with pytest.raises(NoSecretError):
        find(ArrayPcm(container[0]), KEYS)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x + 1,
        lambda x: x * 2,
        lambda x: -x,
        lambda x: x // 2,
        lambda x: np.rint(x * 0.99).astype(np.int32),
        lambda x: x[::-1],
        lambda x: x[:, ::-1],
        lambda x: x[:, :1],
        lambda x: x * 0,
        lambda x: x[:40],
        lambda x: x[:1],
    ],
)
def test_what_changes_every_sample_leaves_nothing(container, change):
    _, payload, stego = container
    assert not gives_or_refuses(np.ascontiguousarray(change(stego)), payload)


def test_three_more_is_the_only_thing_added_that_sync_blocks_survive(container):
    _, payload, stego = container
    assert gives_or_refuses(stego + 3, payload) in (True, False)  # by chance of the base; never an error


def test_foreign_sound_around_it_does_no_harm(container):
    _, payload, stego = container
    for before, behind in ((0, 777), (1, 0), (12_345, 54_321), (200_000, 0)):
        around = np.concatenate([tone(before, 2, seed=5), stego, tone(behind, 2, seed=6)])
        assert read(around, len(payload)) == (payload, 0.0)


def test_a_container_behind_itself_or_damaged_and_whole(container):
    _, payload, stego = container
    assert read(np.concatenate([stego, stego]), len(payload)) == (payload, 0.0)
    half = stego.copy()
    half[:25_000] = 0
    assert read(np.concatenate([half, stego]), len(payload)) == (payload, 0.0)
    # Two copies, each too badly hurt alone.
    other = stego.copy()
    other[25_000:] = 0
    assert not gives_or_refuses(half, payload)
    got, loss = read(np.concatenate([half, other]), len(payload))
    assert got == payload and loss < 0.1


def test_halves_exchanged_are_still_found(container):
    _, payload, stego = container
    got, loss = read(np.concatenate([stego[25_000:], stego[:25_000]]), len(payload))
    assert got == payload and loss < 0.1


def test_of_two_containers_under_one_password_one_is_read(container):
    _, payload, stego = container
    other_payload = random_bytes(1500, seed=77)
    other = laid(tone(50_000, 2, seed=8), other_payload, Manner(20.0, 0.25), nonce=bytes(16))
    found = []
    for both in (np.concatenate([stego, other]), np.concatenate([other, stego])):
        pcm = ArrayPcm(both)
        body = find(pcm, KEYS)
        channel = Received(pcm, body, "exact", len(HEADER), ASSOCIATED)
        found.append(channel.read(1500))
    assert all(each in (payload, other_payload) for each in found)


@pytest.mark.parametrize(("first", "second"), [(20, 20), (20, 6000), (6000, 20), (6000, 6000)])
@pytest.mark.parametrize("shift", [0, 1, 777])
def test_writing_over_a_container_under_the_same_password_breaks_the_first(first, second, shift):
    manner = Manner(20.0, 0.25)
    once = laid(tone(200_000), random_bytes(first), manner)[shift:]
    payload = random_bytes(second, seed=3)
    pcm = ArrayPcm(once)
    stale = [each.offset for each in framed.scan(pcm, KEYS)]
    assert len(stale) > 30
    ground = survey(pcm, *ends(16))
    channel = Framed(pcm, ground, KEYS, b"\7" * 16, "exact", len(HEADER), ASSOCIATED, stale)
    twice = written(channel, payload, manner)
    assert read(twice, second) == (payload, 0.0)
    left = {each.offset for each in framed.scan(ArrayPcm(twice), KEYS)}
    new = set(channel.reserved.reshape(-1, FRAME)[:, 0].tolist())
    assert new <= left
    # Where frames no longer stand in a row, a new one may by chance undo the step that broke an old one behind it.
    assert len(left - new) <= (0.03 * len(stale) if shift else 0)
    outside = np.ones(once.size, bool)
    outside[channel.reserved] = False
    outside[stale] = False
    assert np.array_equal(twice.reshape(-1)[outside], once.reshape(-1)[outside])
    lost = damaged(twice, 0.25, 1, "cut", np.random.default_rng(0))
    assert read(lost, second)[0] == payload


def test_stale_blocks_at_the_ends_of_the_range_are_broken_inwards():
    cover = tone(60_000)
    once = laid(cover, b"x" * 100)
    stale = [each.offset for each in framed.scan(ArrayPcm(once), KEYS)]
    once.reshape(-1)[stale[::2]] = 32_767  # whatever it was
    pcm = ArrayPcm(once)
    channel = Framed(pcm, survey(pcm, *ends(16)), KEYS, b"\7" * 16, "exact", 64, ASSOCIATED, stale)
    stego = written(channel, b"y" * 100)
    assert stego.max() <= 32_767
    assert read(stego, 100) == (b"y" * 100, 0.0)


def test_frames_cut_in_the_middle_at_both_ends_of_the_file(container):
    _, payload, stego = container
    for begin, end in ((1, 0), (500, 0), (0, 1), (0, 511), (700, 700)):
        got, loss = read(stego[begin : len(stego) - end], len(payload))
        assert got == payload
        assert loss < 0.1


# --- quality -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [8, 16, 24])
@pytest.mark.parametrize("snr_wanted", [20.0, 30.0, 45.0])
@pytest.mark.parametrize("protect", [0.0, 0.25])
def test_expected_and_least_snr_are_those_measured(depth, snr_wanted, protect):
    cover = tone(120_000, 2, depth, level=0.2)
    manner = Manner(snr_wanted, protect)
    channel = sender(cover, depth)
    budget = channel.budget(manner)
    if not budget:
        return
    for length in (budget, budget // 3):
        how = channel.layout(length, manner)
        stego = written(sender(cover, depth), random_bytes(length), manner)
        measured = snr(cover, stego)
        # The sum of n squared errors of mean s and kurtosis 9/5 (or of few large ones): four standard deviations.
        noise = how.frames * how.noise
        spread = 4 * math.sqrt(noise * max(1.0, how.m**2 / 15)) / noise
        assert measured == pytest.approx(channel.expected_db(length, manner), abs=10 * math.log10(1 + spread) + 0.005)
        assert measured >= snr_wanted
    # And no room was given away: one more per cent does not fit.
    assert channel.expected_db(budget + 40 + budget // 100, manner) < snr_wanted + 0.05


@pytest.mark.parametrize("gamma", [0.3, 0.5, 0.9])
def test_shaped_noise_keeps_its_least_snr_and_follows_the_sound(gamma):
    cover = speech(8.0)[:, None].astype(np.int32)
    manner = Manner(30.0, 0.0, gamma)
    channel = sender(cover)
    payload = random_bytes(channel.budget(manner))
    stego = written(channel, payload, manner)
    assert read(stego, len(payload)) == (payload, 0.0)
    assert snr(cover, stego) >= 30.0
    # Which frames are loud is chance; half a decibel either way.
    assert snr(cover, stego) == pytest.approx(channel.expected_db(len(payload), manner), abs=0.5)
    flat = written(sender(cover), payload, Manner(None))
    tops = [np.abs(np.fft.rfft((each - cover)[:, 0]))[-20_000:] for each in (stego, flat)]
    shares = [
        np.square(top).sum() / np.square(np.abs(np.fft.rfft((each - cover)[:, 0]))).sum()
        for top, each in zip(tops, (stego, flat), strict=True)
    ]
    assert shares[0] < shares[1]  # speech has little up there


def chords(count=160_000):
    """Decaying tones, all of their power far below."""
    time = np.arange(count)
    sound = sum(3000 / k * np.sin(0.02 * k * time + k) for k in range(1, 12)) * np.exp(-(time % 20_000) / 6000)
    return np.rint(sound).astype(np.int32)[:, None]


@pytest.mark.parametrize("gamma", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("snr_wanted", [25.0, 30.0, 35.0])
def test_shaped_noise_keeps_its_least_snr_where_prediction_gains_most(gamma, snr_wanted):
    # Its filter raises low frequencies a hundredfold: an error whose mean is not zero would be raised as much.
    cover, manner = chords(), Manner(snr_wanted, 0.0, gamma)
    channel = sender(cover)
    payload = random_bytes(channel.budget(manner))
    assert len(payload) > 1000
    measured = snr(cover, written(channel, payload, manner))
    assert measured >= snr_wanted


def clipped(level, channels=1, seed=0):
    """Loud noise through a limiter that lets nothing above `level`."""
    loud = np.random.default_rng(seed).normal(0, 60_000, (100_000, channels))
    return np.clip(loud, -level, level).astype(np.int32)


@pytest.mark.parametrize("level", [32_768, 32_767, 32_760, 32_700, 32_000, 30_000])
@pytest.mark.parametrize("snr_wanted", [30.0, 60.0])
def test_a_clipped_or_limited_cover_keeps_its_least_snr_too(level, snr_wanted):
    cover = np.clip(clipped(level), -32_768, 32_767)
    manner = Manner(snr_wanted)
    channel = sender(cover)
    payload = random_bytes(channel.budget(manner))
    assert len(payload) > 5000
    measured = snr(cover, written(channel, payload, manner))
    assert measured >= snr_wanted


def test_clipping_is_counted_where_frames_are():
    # Half of the file is silence; all of the rest is at the ends of its range.
    ends_only = np.random.default_rng(0).choice(np.array([-32_768, 32_767], np.int32), (60_000, 1))
    cover = np.concatenate([np.zeros((240_000, 1), np.int32), ends_only])
    manner = Manner(40.0)
    channel = sender(cover)
    payload = random_bytes(channel.budget(manner))
    assert len(payload) > 1000
    measured = snr(cover, written(channel, payload, manner))
    assert measured >= 40.0


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("depth", [8, 16, 24, 32])
def test_a_sound_over_its_whole_range_stays_in_it(depth, gamma):
    low, high = ends(depth)
    wave = 1.3 * np.sin(np.arange(30_000) / 20) + np.random.default_rng(depth).normal(0, 0.01, 30_000)
    cover = np.clip(np.rint(wave * float(high)), low, high).astype(np.int64).astype(np.int32)[:, None]
    channel = sender(cover, depth)
    manner = Manner(25.0 if depth < 32 else None, 0.0, gamma)
    payload = random_bytes(channel.budget(manner))
    stego = written(channel, payload, manner)
    assert stego.min() >= low and stego.max() <= high
    assert read(stego, len(payload)) == (payload, 0.0)
    most = 20 * channel.layout(len(payload), manner).m
    assert np.abs(stego.astype(np.int64) - cover).max() < most  # nothing wrapped around


def test_an_eight_bit_sound_filled_as_full_as_it_goes():
    cover = tone(20_000, 1, 8, level=0.6)
    for manner in (PLAIN, Manner(0.5), Manner(0.01)):
        channel = sender(cover, 8)
        payload = random_bytes(channel.budget(manner))
        stego = written(channel, payload, manner)
        assert stego.min() >= -128 and stego.max() <= 127
        assert read(stego, len(payload)) == (payload, 0.0)


def test_silence_stays_silence_and_frames_stand_beside_it():
    cover = tone(90_000, 2)
    cover[10_000:40_000] = 7
    cover[60_000:60_064] = -3
    channel = sender(cover)
    payload = random_bytes(channel.budget(Manner(15.0)))
    stego = written(channel, payload, Manner(15.0))
    assert np.array_equal(stego[10_000:40_000], cover[10_000:40_000])
    assert np.array_equal(stego[60_000:60_064], cover[60_000:60_064])
    assert read(stego, len(payload)) == (payload, 0.0)


def test_what_is_written_is_uniform_digits_whatever_the_payload():
    cover = np.tile([100, 140], 60_000).astype(np.int32)[:, None]
    channel = sender(cover)
    manner = Manner(12.0)
    payload = bytes(channel.budget(manner))
    stego = written(channel, payload, manner)
    m = channel.layout(len(payload), manner).m
    assert m > 3
    body = stego.reshape(-1)[channel.reserved].reshape(-1, FRAME)[:, 81:]
    counts = np.bincount(modulo.read(body, m).reshape(-1), minlength=m)
    expected = counts.sum() / m
    chi = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi - (m - 1)) < 5 * math.sqrt(2 * (m - 1)) + 8


def test_budget_is_nothing_where_nothing_fits():
    assert sender(tone(5 * FRAME)).budget() == 0
    assert sender(tone(40_000)).budget(Manner(300.0)) == 0
    assert sender(np.full((40_000, 1), 9, np.int32)).budget() == 0
    assert sender(np.full((40_000, 1), 9, np.int32)).expected_db(1) == -math.inf
    assert sender(np.full((40_000, 1), 9, np.int32)).budget(Manner(30.0, 0.25, 0.5)) == 0
    channel = sender(tone(40_000))
    assert channel.budget(Manner(30.0)) < channel.budget(Manner(29.0)) < channel.budget()
    assert channel.budget(Manner(30.0, 0.25)) < channel.budget(Manner(30.0, 0.1)) < channel.budget(Manner(30.0))
    with pytest.raises(ValueError, match="budget"):
        laid(tone(40_000), bytes(channel.budget() + 1))


# --- for methods that write samples themselves ---------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_replaced_samples_are_written_and_reserved_ones_carry_the_header(channels):
    cover = tone(30_000 // channels, channels)
    channel = sender(cover)
    assert len(set(channel.reserved.tolist())) == 6 * FRAME
    channel.replace(channel.samples ^ 1)
    channel.write_header(HEADER)
    stego = np.concatenate(list(channel.pieces())).reshape(-1)
    free = np.ones(cover.size, bool)
    free[channel.reserved] = False
    assert np.array_equal(stego[free], cover.reshape(-1)[free] ^ 1)
    found = find(ArrayPcm(stego.reshape(cover.shape)), KEYS)
    assert found.body[:64] == HEADER
    assert sorted(found.reserved.tolist()) == sorted(channel.reserved.tolist())


# --- streaming and format ------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(("length", "shaping"), [(40, 0.0), (5000, 0.0), (5000, 0.5)])
def test_how_many_samples_are_worked_on_at_once_changes_nothing(channels, length, shaping, monkeypatch):
    cover = tone(60_000 // channels, channels)
    cover[3000:5000] = 0
    payload, manner = random_bytes(length), Manner(15.0, 0.1, shaping)
    stego = laid(cover, payload, manner)
    for batch, span, scan, piece in ((1, 1, 600, 100), (3, 5000, 997, 4099), (256, 3000, 86, 1 << 18)):
        monkeypatch.setattr(framed, "_BATCH", batch)
        monkeypatch.setattr(framed, "_SPAN", max(span, channels))
        monkeypatch.setattr(framed, "_SCAN", scan)
        monkeypatch.setattr(frames, "_READ", piece)
        again = sender(cover)
        assert np.array_equal(written(again, payload, manner), stego)
        assert read(stego, length) == (payload, 0.0)
        seen = [each.offset for each in framed.scan(ArrayPcm(stego), KEYS)]  # each once, in order
        assert seen == again.reserved.reshape(-1, FRAME)[:, 0].tolist()
        lost = np.delete(stego, np.s_[7000 // channels : 11_000 // channels], axis=0)
        assert read(lost, length)[0] == payload


def test_the_header_may_be_asked_for_twice_and_progress_ends_at_one():
    channel = sender(tone(60_000))
    told = []
    channel.write(b"x" * 100)
    channel.write_header(HEADER)
    first = np.concatenate(list(channel.pieces(told.append)))
    assert told == sorted(told) and told[-1] == 1
    assert np.array_equal(np.concatenate(list(channel.pieces())), first)
    assert channel.read(100) == b"x" * 100
    told.clear()
    find(ArrayPcm(first), KEYS, told.append)
    assert told == sorted(told) and told[-1] == 1


PINNED = {
    "ternary": "738a67e8f454b27f",
    "ternary, protected, stereo": "4edbaf27b0c3e622",
    "modulo": "898fd85b0073cc38",
    "modulo, protected, six channels": "cd99d01f5ec2522f",
    "coder 3": "5c2320c9d0b5ad35",
    "coder 59": "1ef3963fd42de80c",
    "coder 65535": "5a11ab2ebadadde4",
}


def saw(count, channels=1):
    """A cover of whole numbers only, the same on every machine."""
    time = np.arange(count * channels, dtype=np.int64).reshape(count, channels)
    return ((time * 7919 % 4001) - 2000 + (time * time * 31 % 907)).astype(np.int32)


class Laid(Framed):
    """A writer whose layout is given: which one is least visible may change, how it is written may not."""

    how = None

    def layout(self, length, manner=PLAIN):
        return self.how


@pytest.mark.parametrize(
    ("name", "channels", "length", "how"),
    [
        ("ternary", 1, 30, Layout(7, 3, 20, 0)),
        ("ternary, protected, stereo", 2, 100, Layout(40, 3, 9, 10)),
        ("modulo", 1, 20_000, Layout(58, 59, 690, 0)),
        ("modulo, protected, six channels", 6, 9000, Layout(50, 1001, 1160, 20)),
    ],
)
def test_the_whole_format_is_pinned(name, channels, length, how):
    # A change here makes every sound ever written unreadable. Keys, nonce, cover, layout and payload are all fixed;
    # bases are odd, so that there is one nearest value, and which of two is taken stays free.
    payload = bytes(i * i % 251 for i in range(length))
    pcm = ArrayPcm(saw(60_000 // channels, channels))
    channel = Laid(pcm, survey(pcm, *ends(16)), KEYS, NONCE, "exact", len(HEADER), ASSOCIATED)
    channel.how = how
    stego = written(channel, payload)
    assert read(stego, length) == (payload, 0.0)
    assert hashlib.sha256(stego.astype("<i4").tobytes()).hexdigest()[:16] == PINNED[name]


@pytest.mark.parametrize(
    ("name", "m", "filled"), [("coder 3", 3, 60), ("coder 59", 59, 600), ("coder 65535", 65_535, 1884)]
)
def test_the_digits_of_a_frame_are_pinned(name, m, filled):
    coder = Coder(KEYS, Layout(40, m, filled, 0))
    data = np.arange(2 * filled).reshape(2, -1).astype(np.uint8)
    hosts = np.tile(np.arange(943, dtype=np.int32), (2, 1))
    digits = coder.digits(hosts, data, 17)
    assert np.array_equal(coder.bytes(modulo.write(hosts, digits, m, -(1 << 20), 1 << 20), [17, 18]), data)
    assert hashlib.sha256(digits.astype("<u2").tobytes()).hexdigest()[:16] == PINNED[name]
