"""Sound files: content decides, what is damaged is refused, and no decoder gets the better of this process."""

import contextlib
import errno
import io
import json
import os
import signal
import struct
import sys
import tempfile
import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from intarsia.errors import InputError, ResourceError, UsageError
from intarsia.media import audio_file, sound_decode, writing
from intarsia.media.audio import ArrayPcm, Audio
from intarsia.media.sound_decode import mpeg_frame_length, ogg_crc

RATE = 16_000
RNG = np.random.default_rng(3)


def tone(channels=2, seconds=0.5, rate=RATE):
    """A sound that codecs can make something of: three tones and a little noise, int16 [T, C]."""
    time_ = np.arange(round(seconds * rate))[:, None] / rate
    waves = sum(np.sin(2 * np.pi * f * time_ + np.arange(channels)) for f in (220, 523, 1310)) / 4
    return np.rint((waves + RNG.normal(0, 0.01, waves.shape)) * 20_000).astype(np.int16)


TONE = tone()
SOUND = Audio.of(TONE, RATE)
FILES = {form: audio_file.encode(SOUND, form) for form in audio_file.READABLE}


def by_other(form, subtype, samples=TONE, rate=RATE):
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, subtype, format=form)
    return stream.getvalue()


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """The folder for temporary files: empty, and to be left so."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def decoder(monkeypatch, code, seconds=None):
    """Let another program decode."""
    monkeypatch.setattr(sound_decode, "program", lambda: [sys.executable, "-S", "-E", "-c", code])
    if seconds is not None:
        monkeypatch.setattr(sound_decode, "_SECONDS", seconds)


# --- every format --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("subtype", "depth"), [("PCM_S8", 8), ("PCM_16", 16), ("PCM_24", 24)])
def test_flac_by_another_program_is_read_exactly(subtype, depth, tmp_path, scratch):
    limit = 1 << (depth - 1)
    samples = RNG.integers(-limit, limit, (3000, 3)).astype(np.int32)
    path = tmp_path / "s.flac"
    path.write_bytes(by_other("FLAC", subtype, samples << (32 - depth), 44_100))
    found = audio_file.load(path)
    assert (found.rate, found.depth, found.format, found.name, found.notes) == (44_100, depth, "FLAC", "s.flac", ())
    assert np.array_equal(found.samples, samples) and not found.is_lossy and found.file == path
    assert list(scratch.iterdir()) == []  # although the samples lie in a temporary file


@pytest.mark.parametrize(
    ("form", "subtype", "rate"), [("OGG", "VORBIS", RATE), ("OGG", "OPUS", 48_000), ("MP3", "MPEG_LAYER_III", RATE)]
)
def test_lossy_formats_are_what_the_library_decodes(form, subtype, rate):
    data = by_other(form, subtype, TONE / 32768, rate)  # libsndfile spoils an MP3 of 16-bit integers
    found = audio_file.decode(data, "s")
    expected = np.clip(np.rint(soundfile.read(io.BytesIO(data), dtype="float32")[0] * 32768), -32768, 32767)
    assert (found.rate, found.depth, found.format, found.name, found.file) == (rate, 16, form, "s", data)
    # The library seeks to the beginning before it reads, which leaves other rounding errors behind.
    assert found.is_lossy and found.samples.shape == TONE.shape and np.abs(found.samples - expected).max() <= 1


@pytest.mark.parametrize("form", ["WAV", "FLAC"])
@pytest.mark.parametrize("depth", [8, 24])
def test_lossless_formats_give_back_what_was_saved(form, depth, tmp_path):
    limit = 1 << (depth - 1)
    samples = RNG.integers(-limit, limit, (40_000, 2)).astype(np.int32)
    sound, path = Audio.of(samples, 12_345, depth=depth), tmp_path / "s"
    audio_file.save(path, sound.blocks(777), sound, form)
    found = audio_file.load(path)
    assert (found.format, found.rate, found.depth, found.notes) == (form, 12_345, depth, ())
    assert np.array_equal(found.samples, samples)
    assert np.array_equal(soundfile.read(path, dtype="int32")[0] >> (32 - depth), samples)


def test_one_sample_is_a_sound():
    one = Audio.of(np.array([7], np.int16), 8000)
    assert audio_file.decode(audio_file.encode(one, "FLAC")).samples.tolist() == [[7]]
    assert audio_file.decode(audio_file.encode(one, "WAV")).samples.tolist() == [[7]]


def test_lossy_formats_are_close_at_their_best_quality():
    for form in ("OGG", "MP3"):
        found = audio_file.decode(FILES[form])
        noise = found.samples[: len(TONE)].astype(float) - TONE
        assert 10 * np.log10(np.mean(TONE.astype(float) ** 2) / np.mean(noise**2)) > 30


# --- by content ----------------------------------------------------------------------------------------------


def test_content_decides_not_the_suffix(tmp_path):
    (tmp_path / "s.mp3").write_bytes(FILES["WAV"])
    found = audio_file.load(tmp_path / "s.mp3")
    assert found.format == "WAV" and found.notes == (f"{tmp_path}/s.mp3 is a WAV file by its content",)
    (tmp_path / "t.wav").write_text("words")
    with pytest.raises(InputError, match=r"t\.wav: not a sound; expected WAV, FLAC, OGG, MP3 by content"):
        audio_file.load(tmp_path / "t.wav")


@pytest.mark.parametrize("form", FILES)
def test_sounds_are_known_by_their_beginning(form):
    assert audio_file.is_sound(FILES[form][: audio_file.HEAD])


def test_other_things_are_no_sounds():
    others = [
        b"",
        b"RIFF",
        b"RIFF\0\0\0\0WEBP",
        b"ID3",
        b"ID3\x09\0\0\0\0\0\0",
        b"OggS",
        b"\xff\xfb",
        b"\x89PNG\r\n\x1a\n",
    ]
    film = b"OggS\0\2" + bytes(20) + b"\1\x2a\x80theora" + bytes(40)
    assert not any(audio_file.is_sound(data) for data in [*others, film])
    assert audio_file.is_sound(b"ID3\x04\0\0\0\0\0\0")
    chance = (start + RNG.bytes(4094) for start in (b"\xff\xfb", b"\xff\xf3", b"\xff\xfa") for _ in range(500))
    assert not any(audio_file.is_sound(data) for data in chance)


def test_one_frame_of_an_mp3_is_not_enough():
    length = mpeg_frame_length(FILES["MP3"][:4])
    assert length > 0 and mpeg_frame_length(FILES["MP3"][length : length + 4])
    assert not audio_file.is_sound(FILES["MP3"][:length]) and audio_file.is_sound(FILES["MP3"][: length + 4])


@pytest.mark.parametrize(
    ("start", "length"),
    [
        ("fffb9000", 417),  # MPEG-1 layer III, 128 kbit/s, 44,100 Hz
        ("fffb9200", 418),  # with padding
        ("fff38000", 208),  # MPEG-2 layer III, 64 kbit/s, 22,050 Hz
        ("ffe38800", 576),  # MPEG-2.5 layer III, 64 kbit/s, 8,000 Hz
        ("fffd8400", 384),  # MPEG-1 layer II, 128 kbit/s, 48,000 Hz
        ("ffff8800", 384),  # MPEG-1 layer I, 256 kbit/s, 32,000 Hz
        ("fffb0000", 0),  # free format
        ("fffbf000", 0),
        ("fffb9c00", 0),
        ("fff99000", 0),
        ("ffeb9000", 0),
        ("fffb9002", 0),
        ("fffb", 0),
    ],
)
def test_lengths_of_mpeg_frames(start, length):
    assert mpeg_frame_length(bytes.fromhex(start)) == length


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    for path, message in [
        (tmp_path, "regular"),
        (tmp_path / "pipe", "regular"),
        ("/dev/zero", "regular"),
        (tmp_path / "empty", "is empty"),
        (tmp_path / "missing", "no such file"),
        ("nul\0", "cannot be read"),
    ]:
        with pytest.raises(InputError, match=message):
            audio_file.load(path)


# --- damaged -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["FLAC", "OGG", "MP3"])
def test_files_cut_short_are_refused(form):
    for share in (0.5, 0.999):
        with pytest.raises(InputError, match="damaged or truncated"):
            audio_file.decode(FILES[form][: int(len(FILES[form]) * share)], "s")


def test_an_mp3_cut_between_frames_is_refused():
    data, position, ends = FILES["MP3"], 0, []
    while length := mpeg_frame_length(data[position : position + 4]):
        position += length
        ends.append(position)
    with pytest.raises(InputError, match="samples are there"):
        audio_file.decode(data[: ends[len(ends) // 2]])


@pytest.mark.parametrize("form", ["FLAC", "OGG"])
def test_one_wrong_bit_is_found(form):
    data = bytearray(FILES[form])
    data[len(data) // 2] ^= 1
    with pytest.raises(InputError, match="damaged"):
        audio_file.decode(bytes(data))


def test_a_flac_is_compared_with_its_checksum():
    data = bytearray(FILES["FLAC"])
    data[30] ^= 1
    with pytest.raises(InputError, match=r"s: damaged or truncated sound file \(checksum error\)"):
        audio_file.decode(bytes(data), "s")
    data[26:42] = bytes(16)  # says that it has none
    assert np.array_equal(audio_file.decode(bytes(data)).samples, TONE)


@pytest.mark.parametrize("bits", [20, 32])
def test_a_flac_of_other_bits_is_not_supported(bits):
    data = bytearray(FILES["FLAC"])
    data[20] = data[20] & 0xFE | (bits - 1) >> 4
    data[21] = data[21] & 0x0F | (bits - 1) << 4 & 0xF0
    with pytest.raises(audio_file.UnsupportedSoundError, match=f"s: {bits}-bit FLAC is not supported; convert it to"):
        audio_file.decode(bytes(data), "s")


def test_a_flac_stream_does_not_say_how_long_it_is():
    data = bytearray(FILES["FLAC"])
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    assert np.array_equal(audio_file.decode(bytes(data)).samples, TONE)
    data[21] |= 0x0F
    with pytest.raises(InputError, match=r"claims 64,424,509,440 samples"):
        audio_file.decode(bytes(data))


def test_an_ogg_without_its_end_is_noted():
    data = bytearray(FILES["OGG"])
    last = data.rindex(b"OggS")
    data[last + 5] &= ~4
    data[last + 22 : last + 26] = bytes(4)
    data[last + 22 : last + 26] = struct.pack("<I", ogg_crc(bytes(data[last:])))
    assert "the file has no end mark; it may have been longer" in audio_file.decode(bytes(data)).notes


STARTS = {
    "flac": b"fLaC",
    "ogg": b"OggS",
    "vorbis": FILES["OGG"][:60],
    "id3": b"ID3\x04\0\0\0\0\0\0",
    "stream info": FILES["FLAC"][:42],
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_garbage_behind_the_right_beginning_is_refused_in_time(start, scratch):
    before = time.monotonic()
    with pytest.raises(InputError):
        audio_file.decode(start + RNG.bytes(5000))
    assert time.monotonic() - before < 5


def test_frames_of_garbage_are_a_sound_or_refused():
    header = FILES["MP3"][:4]
    frame = header + RNG.bytes(mpeg_frame_length(header) - 4)
    with contextlib.suppress(InputError):
        assert audio_file.decode(frame * 20).is_lossy


# --- the other process ---------------------------------------------------------------------------------------


def test_a_decoder_that_does_not_end_is_ended(monkeypatch, scratch):
    decoder(monkeypatch, "import time; time.sleep(60)", 0.3)
    before = time.monotonic()
    with pytest.raises(InputError, match="s: not decoded within 0 seconds"):
        audio_file.decode(FILES["FLAC"], "s")
    assert time.monotonic() - before < 3


def test_what_comes_out_of_a_decoder_earns_it_time(monkeypatch, scratch):
    lasting = "import os, time; os.truncate(1, 1 << 25); time.sleep({}); os.truncate(1, 0)"
    decoder(monkeypatch, lasting.format(0.4), 0.2)
    with pytest.raises(InputError, match="the decoder failed"):
        audio_file.decode(FILES["FLAC"])
    monkeypatch.setattr(sound_decode, "_PROGRESS", 1 << 28)
    with pytest.raises(InputError, match="not decoded within"):
        audio_file.decode(FILES["FLAC"])


@pytest.mark.parametrize(
    "code",
    [
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        "raise SystemExit(3)",
        "print('x' * 5000)",
        "pass",
        "import json, sys; sys.stdout.write(json.dumps({'error': 'damaged', 'detail': 'x'}).ljust(512))",
        "import json, sys; sys.stdout.write(json.dumps(dict(form='FLAC', rate=8000, channels=1, depth=16, length=9,"
        " beyond=0, has_end=True)).ljust(512))",
    ],
)
def test_a_decoder_that_fails_is_an_input_error(code, monkeypatch, scratch, capfd):
    decoder(monkeypatch, "import os; os.lseek(1, 0, 0)\n" + code)
    with pytest.raises(InputError, match="s: damaged"):
        audio_file.decode(FILES["FLAC"], "s")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("channels", "rate"), [(33, 8000), (0, 8000), (1, 0), (1, 1_000_001)])
def test_what_no_sound_can_be_is_named(channels, rate, monkeypatch, scratch):
    facts = {"form": "OGG", "rate": rate, "channels": channels, "depth": 16, "length": 9, "beyond": 0, "has_end": True}
    decoder(monkeypatch, f"import os; os.lseek(1, 0, 0); print({json.dumps(facts)!r}.ljust(512))")
    with pytest.raises(audio_file.UnsupportedSoundError, match=f"{channels} channels at {rate} Hz"):
        audio_file.decode(FILES["OGG"], "s")


def test_an_interrupt_ends_the_decoder(tmp_path, monkeypatch, scratch):
    told = tmp_path / "told"
    decoder(monkeypatch, f"import os, time; open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(60)")

    def interrupt(*_):
        if told.exists() and told.read_text():
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            audio_file.decode(FILES["FLAC"])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


def test_more_samples_than_the_limit_are_refused(monkeypatch, scratch):
    monkeypatch.setattr(sound_decode, "MAX_SAMPLES", 10_000)
    message = r"s: 16,000 samples; the limit is 10,000; cut it into parts, or convert it to WAV"
    with pytest.raises(ResourceError, match=message):
        audio_file.decode(FILES["FLAC"], "s")


def test_no_room_for_decoding_is_a_resource_error(monkeypatch, tmp_path):
    limited = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "from intarsia.media.sound_decode import main; main()"
    )
    monkeypatch.setattr(sound_decode, "program", lambda: [sys.executable, "-c", limited])
    with pytest.raises(ResourceError, match="s: cannot be decoded here: File too large; set TMPDIR"):
        audio_file.decode(FILES["FLAC"], "s")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(ResourceError, match="set TMPDIR"):
        audio_file.decode(FILES["FLAC"], "s")


def test_memory_of_the_decoder_is_limited(monkeypatch, scratch):
    greedy = (
        "from intarsia.media import sound_decode\n"
        "sound_decode._decode_to = lambda *_: bytes(1 << 30)\n"
        "sound_decode.main()"
    )
    monkeypatch.setattr(sound_decode, "program", lambda: [sys.executable, "-c", greedy])
    with pytest.raises(InputError, match="MemoryError"):
        audio_file.decode(FILES["FLAC"])


def test_the_decoder_is_not_told_the_password(tmp_path, monkeypatch):
    monkeypatch.setenv("INTARSIA_PASSWORD", "secret")
    decoder(monkeypatch, f"import os; open({str(tmp_path / 'told')!r}, 'w').write(repr(dict(os.environ)))")
    with pytest.raises(InputError):
        audio_file.decode(FILES["FLAC"])
    assert "PYTHONPATH" in (tmp_path / "told").read_text() and "INTARSIA" not in (tmp_path / "told").read_text()


def test_nothing_is_imported_from_the_folder_one_works_in(tmp_path, monkeypatch):
    for name in ("soundfile", "numpy", "intarsia"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(1)")
    monkeypatch.chdir(tmp_path)
    assert audio_file.decode(FILES["FLAC"]).length == len(TONE)


def test_without_the_library_wav_still_works(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    monkeypatch.setattr(sound_decode.importlib.util, "find_spec", lambda _: None)
    assert audio_file.decode(FILES["WAV"]).length == len(TONE)
    for attempt in (lambda: audio_file.decode(FILES["FLAC"]), lambda: audio_file.encode(SOUND, "OGG")):
        with pytest.raises(UsageError, match="pip install soundfile"):
            attempt()


# --- out -----------------------------------------------------------------------------------------------------


def test_container_names():
    assert writing.container_format("a/B.WAV") == "WAV" and writing.container_format("b.flac") == "FLAC"
    for name, message in [
        ("a.mp3", r"a\.mp3: \.mp3 is a lossy format, which would destroy the secret; use .* a sound \.wav, \.flac"),
        ("a.opus", "lossy"),
        ("a.m4a", r"\.m4a is no format of containers; use .* a sound \.wav, \.flac"),
        ("a", "a container needs a suffix"),
    ]:
        with pytest.raises(UsageError, match=message):
            writing.container_format(name)


@pytest.mark.parametrize(
    ("others", "form", "message"),
    [
        ({"depth": 32}, "FLAC", "at most 24 bits; name the container .wav"),
        ({"channels": 9}, "FLAC", "at most 8 channels"),
        ({"rate": 65_537}, "FLAC", "no rate of 65,537 Hz"),
        ({"rate": 655_360}, "FLAC", "no rate of 655,360 Hz"),
        ({"channels": 3}, "MP3", "mono and stereo"),
        ({"rate": 96_000}, "MP3", "mono and stereo"),
        ({"rate": 200_001}, "OGG", "at most 192,000 Hz"),
        ({}, "AIFF", "AIFF is not a sound format"),
    ],
)
def test_what_a_format_cannot_hold_is_said(others, form, message, tmp_path):
    facts = {"channels": 1, "rate": 8000, "depth": 16} | others
    sound = Audio(ArrayPcm(np.zeros((9, facts["channels"]), np.int32)), facts["rate"], facts["depth"])
    for attempt in (audio_file.check_format, audio_file.encode):
        with pytest.raises(UsageError, match=message):
            attempt(sound, form)


@pytest.mark.parametrize(("rate", "channels"), [(1, 8), (65_535, 1), (655_350, 2)])
def test_the_ends_of_what_flac_holds(rate, channels):
    sound = Audio.of(RNG.integers(-9, 9, (5000, channels)).astype(np.int16), rate)
    data = audio_file.encode(sound, "FLAC")
    read, found = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    assert found == rate and np.array_equal(read, sound.samples)


def test_what_is_lost_is_said():
    surround = replace(SOUND, mask=3)
    assert audio_file.losses(surround, "WAV") == audio_file.losses(SOUND, "FLAC") == []
    assert audio_file.losses(surround, "FLAC") == [
        "FLAC keeps no channel mask; channels may come from other loudspeakers"
    ]


@pytest.mark.parametrize("form", ["WAV", "FLAC"])
def test_writing_fails_as_the_disk_does(form):
    with pytest.raises(OSError) as raised:
        audio_file.save("/dev/full", SOUND.blocks(), SOUND, form)
    assert raised.value.errno == errno.ENOSPC


@pytest.mark.parametrize("form", ["WAV", "FLAC"])
def test_blocks_must_be_like_the_sound(form, tmp_path):
    path = tmp_path / "s"
    with pytest.raises(UsageError, match="7999 time samples written; expected 8000"):
        audio_file.save(path, [TONE[1:]], SOUND, form)
    with pytest.raises(UsageError, match="expected integers"):
        audio_file.save(path, [TONE[:, :1]], SOUND, form)
    with pytest.raises(UsageError, match="16 bits"):
        audio_file.save(path, [TONE.astype(np.int32) + 32_768], SOUND, form)
    with pytest.raises(UsageError, match="not a lossless sound format"):
        audio_file.save(path, SOUND.blocks(), SOUND, "OGG")


@pytest.mark.slow
def test_a_long_flac_is_decoded_in_constant_memory(tmp_path):
    length = 20 << 20
    path = tmp_path / "s.flac"
    flat = ArrayPcm(np.broadcast_to(RNG.integers(-99, 99, (1, 2)).astype(np.int16), (length, 2)))
    sound = Audio(flat, 48_000, 16)
    audio_file.save(path, sound.blocks(), sound, "FLAC")
    tracemalloc.start()
    try:
        assert sum(len(block) for block in audio_file.load(path).blocks()) == length
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
