"""The sound as a value: pieces and whole agree, samples keep to their range, wrong arrays are named."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from intarsia.errors import InputError, UsageError
from intarsia.media.audio import ArrayPcm, Audio

RNG = np.random.default_rng(5)
STEREO = RNG.integers(-30_000, 30_000, (2_345, 2)).astype(np.int16)


def sound(samples=STEREO, rate=16_000, **others):
    return Audio.of(samples, rate, **others)


def test_an_array_becomes_a_sound_and_back():
    found = sound(name="s.wav")
    assert (found.length, found.channels, found.size, found.rate, found.depth) == (2345, 2, 4690, 16_000, 16)
    assert (found.low, found.high, found.kind, found.format, found.mask) == (-32768, 32767, "audio", "", None)
    assert found.samples.dtype == np.int32 and np.array_equal(found.samples, STEREO)
    assert found.seconds == pytest.approx(2345 / 16_000) and not found.is_lossy
    assert found.original() is None and found.notes == ()


def test_one_channel_may_come_without_its_axis():
    assert sound(STEREO[:, 0]).samples.shape == (2345, 1)


@pytest.mark.parametrize("count", [1, 7, 1000, 2345, 9999])
def test_blocks_cover_the_sound(count):
    blocks = list(sound().blocks(count))
    assert np.array_equal(np.concatenate(blocks), STEREO)
    assert all(block.dtype == np.int32 for block in blocks) and {len(block) for block in blocks[:-1]} <= {count}


def test_reading_beyond_the_end_gives_what_there_is():
    assert sound().read(2340, 100).shape == (5, 2)
    assert sound().read(9999, 100).shape == (0, 2)
    assert sound().read(-5, 3).shape == (3, 2)


def test_reading_gives_a_copy():
    found = sound()
    found.read(0, 10)[:] = 0
    assert np.array_equal(found.samples, STEREO)


def test_eight_bits_are_moved_to_signed():
    found = sound(np.array([0, 128, 255], np.uint8))
    assert found.depth == 8 and found.samples[:, 0].tolist() == [-128, 0, 127]
    assert (found.low, found.high) == (-128, 127)


@pytest.mark.parametrize("depth", [8, 16, 24, 32])
def test_int32_says_its_depth(depth):
    ends = np.array([-(1 << (depth - 1)), (1 << (depth - 1)) - 1], np.int32)
    found = sound(ends, depth=depth)
    assert found.depth == depth and [found.low, found.high] == found.samples[:, 0].tolist() == ends.tolist()
    if depth < 32:
        with pytest.raises(UsageError, match=f"with {depth} bits; expected"):
            sound(ends + 1, depth=depth)


def test_floats_become_24_bits():
    found = sound(np.array([-1, -0.5, 0, 2**-23, 0.25, 1], np.float32))
    assert found.depth == 24 and found.notes == ()
    assert found.samples[:, 0].tolist() == [-(1 << 23), -(1 << 22), 0, 1, 1 << 21, (1 << 23) - 1]


def test_floats_beyond_full_scale_are_clipped_and_counted():
    found = sound(np.array([-3.0, 0, 1.001]))
    assert found.samples[:, 0].tolist() == [found.low, 0, found.high]
    assert found.notes == ("2 samples beyond full scale clipped",)
    assert sound(np.array([7.0, 0])).notes == ("1 sample beyond full scale clipped",)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_floats_that_are_no_numbers_are_refused(bad):
    values = np.zeros((50, 2))
    values[31, 1] = bad
    with pytest.raises(UsageError, match="sample 31 is NaN or infinite"):
        sound(values)


@pytest.mark.parametrize(
    ("samples", "others", "message"),
    [
        (np.zeros((0,), np.int16), {}, r"\[0\]; expected \[T\] or \[T, C\]"),
        (np.zeros((5, 0), np.int16), {}, r"\[5, 0\]"),
        (np.zeros((5, 2, 2), np.int16), {}, r"\[5, 2, 2\]"),
        (np.zeros(5, np.int64), {}, "sound array int64; expected uint8, int16"),
        (np.zeros(5, np.complex64), {}, "complex64"),
        (np.zeros(5, np.int32), {}, "without a depth"),
        (np.zeros(5, np.int32), {"depth": 20}, "depth=20"),
        (np.zeros(5, np.int16), {"depth": 24}, "int16 with depth=24; expected 16"),
        (np.zeros(5, np.float32), {"depth": 16}, "depth=16; they become 24"),
        (np.zeros((5, 33), np.int16), {}, "33 channels; expected 1 to 32"),
        (np.zeros(5, np.int16), {"rate": 0}, "rate 0; expected a whole number"),
        (np.zeros(5, np.int16), {"rate": 1_000_001}, "rate 1000001"),
        (np.zeros(5, np.int16), {"rate": 44_100.0}, "rate 44100.0"),
        (np.zeros(5, np.int16), {"rate": True}, "rate True"),
        (np.zeros(5, np.int16), {"rate": -1, "name": "a.wav"}, "sound a.wav: rate -1"),
    ],
)
def test_wrong_arrays_are_named(samples, others, message):
    with pytest.raises(UsageError, match=message):
        sound(samples, **others)


def test_wrong_facts_are_named():
    pcm = ArrayPcm(STEREO)
    with pytest.raises(UsageError, match="depth 20; expected 8, 16, 24 or 32"):
        Audio(pcm, 8000, 20)
    with pytest.raises(UsageError, match="channel mask 0; expected"):
        Audio(pcm, 8000, 16, 0)
    with pytest.raises(UsageError, match="no samples"):
        Audio(ArrayPcm(STEREO[:0]), 8000, 16)


def test_other_samples_keep_everything_else():
    first = Audio(ArrayPcm(STEREO), 8000, 16, 3, "s.wav", "WAV", b"bytes", ("a note",))
    found = first.with_samples(-STEREO.reshape(-1))
    assert np.array_equal(found.samples, -STEREO.astype(np.int32))
    assert (found.rate, found.depth, found.mask, found.name, found.format) == (8000, 16, 3, "s.wav", "WAV")
    assert found.file is None and found.notes == ()
    with pytest.raises(UsageError, match="4688 samples given; expected 2345 x 2"):
        first.with_samples(STEREO[1:])
    with pytest.raises(UsageError, match="with 16 bits"):
        first.with_samples(STEREO.astype(np.int32) * 2)
    with pytest.raises(UsageError, match="float64; expected integers"):
        first.with_samples(STEREO / 2)


def test_digest_tells_apart_whatever_differs():
    first = sound(name="a.wav")
    others = [
        sound(-STEREO, name="a.wav"),
        sound(name="b.wav"),
        sound(rate=8000, name="a.wav"),
        sound(STEREO.reshape(-1), name="a.wav"),
        sound(STEREO.astype(np.int32), depth=24, name="a.wav"),
        Audio(first.pcm, 16_000, 16, 3, "a.wav"),
    ]
    digests = {each.digest() for each in (first, *others)}
    assert len(digests) == 7 and all(len(digest) == 32 for digest in digests)
    assert sound(STEREO.astype(np.int32), depth=16, name="a.wav").digest() == first.digest()


def test_planes_are_what_a_network_takes():
    planes = sound().planes()
    assert planes.shape == (2, 2345) and planes.dtype == np.float32 and planes.flags.c_contiguous
    assert np.array_equal(planes.T * 32768, STEREO)
    assert sound(np.array([-(1 << 31), (1 << 31) - 1], np.int32), depth=32).planes().tolist() == [[-1, 1]]


def test_original_is_read_when_asked_for(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"as it is")
    assert Audio(ArrayPcm(STEREO), 8000, 16, file=path).original() == b"as it is"
    assert Audio(ArrayPcm(STEREO), 8000, 16, file=b"here").original() == b"here"
    path.unlink()
    with pytest.raises(InputError, match=r"a\.wav: cannot be read"):
        Audio(ArrayPcm(STEREO), 8000, 16, file=path).original()


@pytest.mark.parametrize(
    ("length", "channels", "rate", "words"),
    [
        (48_000, 1, 16_000, "3.0 s, 16,000 Hz, mono, 16 bits"),
        (22_050, 2, 44_100, "0.5 s, 44,100 Hz, stereo, 16 bits"),
        (480, 6, 48_000, "0.01 s, 48,000 Hz, 6 channels, 16 bits"),
        (3_600_000, 1, 1000, "3,600.0 s, 1,000 Hz, mono, 16 bits"),
    ],
)
def test_describe(length, channels, rate, words):
    assert sound(np.zeros((length, channels), np.int16), rate).describe() == words


@settings(deadline=None)
@given(
    arrays.arrays(st.sampled_from([np.uint8, np.int16, np.int32]), st.tuples(st.integers(1, 40), st.integers(1, 4))),
    st.integers(1, 50),
)
def test_any_array_comes_back(samples, count):
    found = Audio.of(samples, 8000, depth=32 if samples.dtype == np.int32 else None)
    expected = samples.astype(np.int64) - (128 if samples.dtype == np.uint8 else 0)
    assert np.array_equal(np.concatenate(list(found.blocks(count))), expected)
    assert np.array_equal(found.with_samples(found.samples).samples, expected)
