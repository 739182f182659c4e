"""WAV files against two other readers and a writer, and against every header that lies."""

import io
import struct
import tracemalloc
import wave

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from intarsia.errors import InputError, UsageError
from intarsia.media import audio_file, wav
from intarsia.media.wav import UnsupportedSoundError

RNG = np.random.default_rng(11)
DEPTHS = [8, 16, 24, 32]
SURROUND = 0x3F  # six loudspeakers
GUID = bytes.fromhex("0100000000001000800000aa00389b71")


def noise(depth, channels=2, length=501):
    """Samples over the whole range, both ends included, int32 [T, C]."""
    limit = 1 << (depth - 1)
    values = RNG.integers(-limit, limit, (length, channels), dtype=np.int64)
    values[0], values[1] = -limit, limit - 1
    return values.astype(np.int32)


def decode(data):
    return wav.read(wav.Memory(data), "s.wav")


def written(samples, depth, rate=8000, mask=None, **others):
    stream = io.BytesIO()
    facts = {"length": len(samples), "rate": rate, "channels": samples.shape[1], "depth": depth, "mask": mask}
    wav.write(stream, [samples[:100], samples[100:]], **facts | others)
    return stream.getvalue()


def chunk(kind, content, size=None, order="<"):
    return (
        kind + struct.pack(order + "I", len(content) if size is None else size) + content + b"\0" * (len(content) % 2)
    )


def form(encoding=1, channels=1, rate=8000, bits=16, block=None, extra=b"", order="<"):
    block = channels * bits // 8 if block is None else block
    content = struct.pack(order + "HHIIHH", encoding, channels, rate, rate * block, block, bits)
    return chunk(b"fmt ", content + extra, order=order)


def extensible(bits=16, valid=16, mask=0, guid=GUID, channels=1):
    return form(0xFFFE, channels, bits=bits, extra=struct.pack("<HHI", 22, valid, mask) + guid)


def riff(*chunks, kind=b"RIFF", size=None, order="<"):
    body = b"WAVE" + b"".join(chunks)
    return kind + struct.pack(order + "I", len(body) if size is None else size) + body


FOUR = struct.pack("<4h", 1, -2, 3, -32768)
PLAIN = riff(form(), chunk(b"data", FOUR))


# --- others agree --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64"])
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_what_another_program_wrote_is_read_exactly(kind, depth, channels):
    samples, stream = noise(depth, channels), io.BytesIO()
    subtype = {8: "PCM_U8"}.get(depth, f"PCM_{depth}")
    soundfile.write(stream, samples << (32 - depth), 11_025, subtype, format=kind)
    found = decode(stream.getvalue())
    assert (found.rate, found.depth, found.format, found.notes) == (11_025, depth, "WAV", ())
    assert np.array_equal(found.samples, samples)


@pytest.mark.parametrize("depth", [8, 16, 24, 32])
def test_big_endian_is_read_and_said_so(depth):
    samples = noise(depth)
    content = {
        8: lambda: (samples + 128).astype("u1").tobytes(),
        24: lambda: samples.astype(">i4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes(),
    }.get(depth, lambda: samples.astype(f">i{depth // 8}").tobytes())()
    found = decode(riff(form(1, 2, bits=depth, order=">"), chunk(b"data", content, order=">"), kind=b"RIFX", order=">"))
    assert np.array_equal(found.samples, samples) and found.notes == ("big-endian WAV (RIFX)",)


def test_big_endian_by_another_program():
    stream = io.BytesIO()
    soundfile.write(stream, noise(16).astype(np.int16), 8000, "PCM_16", "BIG", "WAV")
    assert stream.getvalue()[:4] == b"RIFX"
    stream.seek(0)
    assert np.array_equal(decode(stream.getvalue()).samples, soundfile.read(stream, dtype="int16")[0])


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(("channels", "mask"), [(1, None), (2, None), (2, 3), (6, SURROUND), (3, None), (32, None)])
def test_what_is_written_others_read(depth, channels, mask):
    samples = noise(depth, channels)
    data = written(samples, depth, 22_050, mask)
    read, rate = soundfile.read(io.BytesIO(data), dtype="int32", always_2d=True)
    assert rate == 22_050 and np.array_equal(read >> (32 - depth), samples)
    found = decode(data)
    assert np.array_equal(found.samples, samples) and found.mask == mask and found.notes == ()
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    if mask is None and channels <= 2:
        with wave.open(io.BytesIO(data)) as opened:
            assert (opened.getnchannels(), opened.getsampwidth(), opened.getframerate()) == (
                channels,
                depth // 8,
                22_050,
            )
            assert opened.readframes(9999) == data[44 : 44 + samples.size * depth // 8]


@settings(deadline=None)
@given(
    st.sampled_from(DEPTHS),
    st.integers(1, 4),
    st.integers(1, 60),
    st.integers(1, 1_000_000),
    st.one_of(st.none(), st.integers(1, (1 << 32) - 1)),
    st.integers(0, 1000),
)
def test_any_sound_comes_back(depth, channels, length, rate, mask, seed):
    limit = 1 << (depth - 1)
    samples = np.random.default_rng(seed).integers(-limit, limit, (length, channels)).astype(np.int32)
    found = decode(written(samples, depth, rate, mask))
    assert np.array_equal(found.samples, samples) and (found.rate, found.depth, found.mask) == (rate, depth, mask)
    middle = length // 2
    assert np.array_equal(found.read(middle, length), samples[middle:])


# --- floating point ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("subtype", "bits"), [("FLOAT", 32), ("DOUBLE", 64)])
@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_floats_are_24_bits_and_said_so(subtype, bits, endian):
    samples, stream = noise(24), io.BytesIO()
    soundfile.write(stream, samples / float(1 << 23), 8000, subtype, endian, "WAV")
    found = decode(stream.getvalue())
    assert found.depth == 24 and np.array_equal(found.samples, samples)
    assert found.notes[-1] == f"{bits}-bit float samples are read as 24-bit integers"


def test_floats_beyond_full_scale_are_clipped_and_counted():
    values = np.array([[0.5, -2.0], [1.0, 1.5]], "<f4")
    found = decode(riff(form(3, 2, bits=32), chunk(b"data", values.tobytes())))
    assert found.samples.tolist() == [[1 << 22, found.low], [found.high, found.high]]
    assert found.notes[1] == "2 samples beyond full scale clipped"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_floats_that_are_no_numbers_are_named(bad):
    values = np.zeros((300_000, 1), "<f4")
    values[299_999] = bad
    with pytest.raises(InputError, match="sample 299999 is NaN or infinite"):
        decode(riff(form(3, bits=32), chunk(b"data", values.tobytes())))


# --- chunks --------------------------------------------------------------------------------------------------


def test_other_chunks_are_stepped_over():
    others = [chunk(b"JUNK", b""), chunk(b"bext", b"odd"), chunk(b"LIST", b"INFOIART\x05\0\0\0Name\0\0")]
    found = decode(riff(*others, form(), *others, chunk(b"data", FOUR), *others) + b"and more")
    assert found.samples[:, 0].tolist() == [1, -2, 3, -32768] and found.notes == ()


def test_a_sound_of_odd_size_is_padded():
    data = written(noise(8, 1, 5), 8)
    assert len(data) == 44 + 6 and decode(data).length == 5
    assert decode(data[:-1]).length == 5


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("whole", [0, 0xFFFFFFFF])
def test_sizes_of_streaming_tools_mean_to_the_end(size, whole):
    found = decode(riff(form(), chunk(b"data", FOUR, size), size=whole))
    assert found.length == 4 and found.notes == (
        "the header does not say how long the sound is; read to the end of the file",
    )


def test_a_header_that_claims_more_than_there_is():
    with pytest.raises(InputError, match=r"s\.wav: the header says 1,000 bytes of sound, the file has 8; get a"):
        decode(riff(form(), chunk(b"data", FOUR, 1000)))


def test_half_a_sample_at_the_end_is_left_out():
    found = decode(riff(form(), chunk(b"data", FOUR + b"\1")))
    assert found.length == 4 and found.notes == ("the last sample is incomplete and left out",)


def test_extensible_formats():
    found = decode(riff(extensible(mask=4), chunk(b"data", FOUR)))
    assert found.mask == 4 and found.samples[:, 0].tolist() == [1, -2, 3, -32768]
    assert decode(riff(extensible(mask=0), chunk(b"data", FOUR))).mask is None
    assert decode(riff(extensible(valid=0), chunk(b"data", FOUR))).depth == 16


def test_bits_that_are_not_in_use_are_dropped():
    samples = noise(24)
    content = (samples << 8).astype("<i4").tobytes()
    found = decode(riff(extensible(32, 24, channels=2), chunk(b"data", content)))
    assert found.depth == 24 and np.array_equal(found.samples, samples)
    assert found.notes == ("24 of 32 bits are in use; read as 24-bit samples",)
    assert decode(riff(extensible(24, 20), chunk(b"data", bytes(6)))).depth == 24


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([chunk(b"data", FOUR), form()], "sound before its format"),
        ([form(), form(), chunk(b"data", FOUR)], "two formats"),
        ([form()], "no sound in it"),
        ([form(), chunk(b"data", b"")], "without sound"),
        ([form(), chunk(b"data", b""), chunk(b"LIST", b"INFO")], "without sound"),
        ([form(), chunk(b"data", b"\1")], "without sound"),
        ([chunk(b"fmt ", b"\1\0"), chunk(b"data", FOUR)], "format of 2 bytes"),
        ([chunk(b"fmt ", b""), chunk(b"data", FOUR)], "format of 0 bytes"),
        ([form(0xFFFE), chunk(b"data", FOUR)], "extensible format cut short"),
        ([chunk(b"LIST", b"", 0xFFFFFFF0), form(), chunk(b"data", FOUR)], "no sound in it"),
        ([chunk(b"JUNK", b"")] * 5000 + [form(), chunk(b"data", FOUR)], "no sound in 4096 chunks"),
    ],
)
def test_chunks_that_make_no_sound(chunks, message):
    with pytest.raises(InputError, match=message) as raised:
        decode(riff(*chunks))
    assert str(raised.value).startswith("s.wav: ") and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (form(6, bits=8), "A-law WAV is not supported; convert it to PCM, for example with sox or ffmpeg"),
        (form(7, bits=8), "mu-law WAV"),
        (form(2, bits=4, block=256), "ADPCM WAV"),
        (form(0x11, bits=4, block=256), "IMA ADPCM WAV"),
        (form(0x31, bits=0, block=65), r"GSM 6\.10 WAV"),
        (form(0x50, bits=0, block=1), "MPEG WAV"),
        (form(0x55, bits=0, block=1), "MP3 WAV"),
        (form(0x1234), "encoding 0x1234 WAV"),
        (form(0), "encoding 0x0000 WAV"),
        (extensible(guid=GUID[::-1]), "unknown WAV"),
        (extensible(guid=b"\6" + GUID[1:]), "A-law WAV"),
        (form(rate=0), "a rate of 0 Hz; expected 1 to 1000000"),
        (form(rate=1_000_001), "a rate of 1000001 Hz"),
        (form(channels=0), "0 channels; expected 1 to 32"),
        (form(channels=33), "33 channels"),
        (form(bits=12, block=2), "12-bit PCM WAV is not supported"),
        (form(bits=0, block=2), "0-bit PCM"),
        (form(bits=64), "64-bit PCM"),
        (form(3, bits=16), "16-bit float"),
        (extensible(valid=17), "17 of 16-bit PCM"),
        (form(block=3), r"1 channels of 16 bits in 3 bytes"),
        (form(block=0), "in 0 bytes"),
    ],
)
def test_forms_that_are_not_supported_are_named(header, message):
    with pytest.raises(UnsupportedSoundError, match=message) as raised:
        decode(riff(header, chunk(b"data", FOUR)))
    assert str(raised.value).startswith("s.wav: ") and "\n" not in str(raised.value)


@pytest.mark.parametrize("subtype", ["ALAW", "ULAW", "IMA_ADPCM", "MS_ADPCM", "GSM610"])
def test_other_encodings_by_another_program(subtype):
    stream = io.BytesIO()
    soundfile.write(stream, noise(16, 1).astype(np.int16), 8000, subtype, format="WAV")
    with pytest.raises(UnsupportedSoundError, match="convert it to PCM"):
        decode(stream.getvalue())


# --- hostile -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 4, 12, 0x71, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF4, 0xFFFFFFF8, 0xFFFFFFFF])
@pytest.mark.parametrize("inner", [0, 0x7FFFFFFF, 0xFFFFFFF0, 0xFFFFFFF8, 0xFFFFFFFF])
def test_lists_that_turn_in_circles_are_refused_at_once(size, inner, tmp_path):
    words = b"".join(name + struct.pack("<I", inner) for name in (b"IART", b"INAM", b"ICMT"))
    start = riff(form(), b"LIST" + struct.pack("<I", size) + b"INFO" + words, size=149)
    hostile = tmp_path / "hostile.wav"
    hostile.write_bytes(start.ljust(157, b"\xff"))
    assert hostile.stat().st_size == 157
    with pytest.raises(InputError, match=r"hostile\.wav"):
        audio_file.load(hostile)


@pytest.mark.parametrize(
    "data",
    [
        PLAIN,
        written(noise(16, 6, 4), 16, mask=SURROUND),
        riff(
            chunk(b"ds64", struct.pack("<QQQI", 100, 8, 4, 0)),
            form(),
            chunk(b"data", FOUR, 0xFFFFFFFF),
            kind=b"RF64",
            size=0xFFFFFFFF,
        ),
    ],
    ids=["plain", "extensible", "RF64"],
)
def test_a_file_cut_anywhere_is_an_input_error(data):
    assert decode(data).length == 4
    for cut in range(len(data)):
        with pytest.raises(InputError):
            audio_file.decode(data[:cut])


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 67), st.integers(0, 255), st.integers(0, 67), st.integers(0, 255))
def test_wrong_bytes_give_a_sound_or_an_input_error(first, one, second, other):
    data = bytearray(written(np.ones((4, 6), np.int32), 16, mask=SURROUND))
    data[first], data[second] = one, other
    try:
        found = audio_file.decode(bytes(data))
    except InputError:
        return
    assert found.samples.shape == (found.length, found.channels)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_anything_behind_a_wav_header_gives_a_sound_or_an_input_error(tail):
    for start in (b"RIFF\0\0\0\0WAVE", b"RIFX\0\0\0\0WAVE", b"RF64\xff\xff\xff\xffWAVE" + chunk(b"ds64", bytes(28))):
        with pytest.raises(InputError):
            decode(start + tail)


def test_a_sound_survives_its_file(tmp_path):
    path = tmp_path / "s.wav"
    path.write_bytes(PLAIN)
    found = audio_file.load(path)
    path.unlink()
    path.write_bytes(b"something else")
    assert found.samples[:, 0].tolist() == [1, -2, 3, -32768]


def test_a_file_that_shrinks_is_named(tmp_path):
    path = tmp_path / "s.wav"
    path.write_bytes(PLAIN)
    found = audio_file.load(path)
    path.write_bytes(PLAIN[:46])
    with pytest.raises(InputError, match=r"s\.wav: became shorter"):
        _ = found.samples


# --- writing -------------------------------------------------------------------------------------------------


def test_the_length_must_be_the_one_announced():
    samples = noise(16)
    with pytest.raises(UsageError, match="501 time samples written; expected 502"):
        written(samples, 16, length=502)
    with pytest.raises(UsageError, match=r"\[100, 2\]; expected integers \[n, 3\]"):
        written(samples, 16, channels=3)
    with pytest.raises(UsageError, match=r"expected -128\.\.127"):
        written(samples, 8)


def test_a_path_is_written_as_a_stream_is(tmp_path):
    samples = noise(24)
    path = tmp_path / "s.wav"
    wav.write(path, [samples], length=501, rate=8000, channels=2, depth=24)
    assert path.read_bytes() == written(samples, 24)


# --- long ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "mask"), [(2, None), (6, SURROUND)])
def test_beyond_four_gibibytes_the_header_is_rf64(tmp_path, channels, mask):
    length = (1 << 32) // (2 * channels) + 12_345
    path = tmp_path / "long.wav"
    start = wav.header(length=length, rate=48_000, channels=channels, depth=16, mask=mask)
    with path.open("wb") as stream:  # a sparse file: it takes no room
        stream.write(start)
        stream.truncate(len(start) + length * channels * 2 - 4)
        stream.seek(0, 2)
        stream.write(struct.pack("<hh", -7, 8))
    found = audio_file.load(path)
    assert start[:4] == b"RF64" and (found.length, found.channels, found.mask) == (length, channels, mask)
    assert found.read(length - 1, 1)[0, -2:].tolist() == [-7, 8] and found.notes == ()
    with soundfile.SoundFile(path) as other:
        assert other.frames == length and other.format == "RF64"
        other.seek(length - 1)
        assert other.read(1, dtype="int16")[0, -2:].tolist() == [-7, 8]


def test_the_last_size_that_fits_is_plain():
    limit = (1 << 32) - 1 - 36  # bytes of sound beside the header, even
    assert wav.header(length=limit - 1, rate=8000, channels=1, depth=8, mask=None)[:4] == b"RIFF"
    assert wav.header(length=limit + 1, rate=8000, channels=1, depth=8, mask=None)[:4] == b"RF64"


def test_a_long_sound_needs_little_memory(tmp_path):
    depth, length = 16, 50 << 20
    path, copy = tmp_path / "long.wav", tmp_path / "copy.wav"
    start = wav.header(length=length, rate=48_000, channels=2, depth=depth, mask=None)
    with path.open("wb") as stream:
        stream.write(start)
        stream.truncate(len(start) + length * 2 * depth // 8)
    tracemalloc.start()
    try:
        found = audio_file.load(path)
        audio_file.save(copy, found.blocks(), found, "WAV")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert copy.stat().st_size == path.stat().st_size and peak < 16 << 20
