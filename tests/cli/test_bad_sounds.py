"""Sounds as covers, secrets and containers, from users and senders who mean no good: rows of the table."""

import contextlib
import gc
import io
import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from conftest import QUICK, Cli, without_progress
from intarsia.carrier import framed, modulo, sync
from intarsia.carrier.channel import Manner
from intarsia.codes import audio as audio_code
from intarsia.codes import mdct
from intarsia.container import Header
from intarsia.errors import DoesNotFitError, IntarsiaError, NoSecretError
from intarsia.hosts import SOUND_SALT, SoundHost
from intarsia.media import Audio, Blob, Image, audio_file, files
from intarsia.methods.base import Entry
from intarsia.pipeline import hide_file, reveal_file
from intarsia.survey import capacity, inspect
from samples import PASSWORD, noise, packed, random_bytes, speech, terms, there_and_back, write

AT_ONCE = 5.0
"""Seconds of processor time; a refusal takes a quarter of one."""

ONE_TEXT = "no secret found, or wrong password, or the file was changed after hiding"
RATE = 16_000
VOICE = speech(3.0, level=-14.0)
LOUD = np.random.default_rng(3).integers(-32_768, 32_768, 48_000).astype(np.int16)
HIDE = ("hide", "cover.wav", "secret.bin", "-o", "out.wav")
SECRET = Blob(random_bytes(300), "secret.bin")


# --- files ---------------------------------------------------------------------------------------------------


def chunk(kind, data, *, size=None, order="<"):
    return kind + struct.pack(order + "I", len(data) if size is None else size) + data + b"\0" * (len(data) % 2)


def riff(data, *, tag=1, channels=1, rate=RATE, bits=16, block=None, before=b"", size=None, whole=None, order="<"):
    """A WAV built by hand: any claim about anything. `before` are chunks in front of the format."""
    block = channels * bits // 8 if block is None else block
    form = struct.pack(order + "HHIIHH", tag, channels, rate, rate * block & 0xFFFFFFFF, block, bits)
    rest = before + chunk(b"fmt ", form, order=order) + chunk(b"data", data, size=size, order=order)
    start = b"RIFF" if order == "<" else b"RIFX"
    return start + struct.pack(order + "I", 4 + len(rest) if whole is None else whole) + b"WAVE" + rest


def made(form, subtype=None, samples=VOICE, rate=RATE):
    """A sound file by libsndfile."""
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format=form, subtype=subtype)
    return stream.getvalue()


def wav(samples=VOICE, rate=RATE):
    return audio_file.encode(Audio.of(samples, rate), "WAV")


def floats(kind=np.float32, **changed):
    values = (VOICE / 32768).astype(kind)
    for place, value in changed.items():
        values[int(place.removeprefix("at"))] = value
    return riff(values.tobytes(), tag=3, bits=8 * values.itemsize)


def adts():
    """Frames as in an AAC file."""
    head = bytes([0xFF, 0xF1, 0x50, 0x80, 107 >> 3, (107 & 7) << 5 | 0x1F, 0xFC])
    return b"".join(head + random_bytes(100, seed) for seed in range(9))


def zipped():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("letter.txt", "Dear Sir or Madam")
    return stream.getvalue()


@pytest.fixture
def cover(tmp_path):
    """cover.wav: three seconds of something like speech, 46 frames, room for some 30,000 bytes."""
    return write(tmp_path / "cover.wav", wav())


@contextlib.contextmanager
def refused(code, *says):
    """Expect one printable line with these words in it, and this exit code."""
    with pytest.raises(IntarsiaError) as caught:
        yield caught
    line = str(caught.value)
    assert caught.value.exit_code == code, line
    assert line.isprintable()
    assert all(fragment in line for fragment in says), line


@contextlib.contextmanager
def in_time(seconds=AT_ONCE):
    before = time.process_time() + sum(os.times()[2:4])
    yield
    assert time.process_time() + sum(os.times()[2:4]) - before < seconds


ROLES = {
    "cover": lambda path: hide_file(path, SECRET, path.parent / "out.wav", terms()),
    "secret": lambda path: hide_file(Image(noise(150, 150)), path, path.parent / "out.png", terms()),
    "container": lambda path: reveal_file(path, path.parent / "back", terms()),
    "cover of capacity": lambda path: capacity(path, None, terms()),
    "file of info": lambda path: inspect(path, None, terms()),
}


def refused_in(roles, path, code, *says):
    for role in roles:
        with refused(code, path.name, *says), in_time():
            ROLES[role](path)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def hidden_in(data, folder, *, suffix=".wav", name="cover.wav", **settings):
    """Hide in a cover given by its bytes; return the report, cover and container."""
    cover, out = write(folder / name, data), folder / f"out{suffix}"
    hidden, found = there_and_back(cover, SECRET, out, settings=settings)
    assert found.data == SECRET.data
    return hidden, audio_file.load(cover), audio_file.load(out)


def travels(data, folder, name):
    """Whether a secret comes back as the bytes it was."""
    secret = write(folder / name, data)
    there_and_back(Image(noise(150, 150)), secret, folder / "out.png")
    reveal_file(folder / "out.png", f"{folder}/back/", terms())
    return (folder / "back" / name).read_bytes() == data


# --- 2, 47: no regular file ----------------------------------------------------------------------------------

NO_FILES = {
    "missing": lambda path: None,
    "empty": lambda path: path.touch(),
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "endless device": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize("kind", NO_FILES)
def test_row_2_only_regular_files_are_read(tmp_path, kind):
    NO_FILES[kind](tmp_path / "odd.wav")
    for act in ROLES.values():
        with refused(3, "odd.wav: "), in_time():
            act(tmp_path / "odd.wav")


@pytest.mark.parametrize("kind", ["pipe", "endless device"])
def test_row_2_refused_at_once(quick, cover, secret, kind):
    NO_FILES[kind](quick.folder / "odd.wav")
    quick.refuses(3, "hide", "odd.wav", "secret.bin", "-o", "out.wav", says="odd.wav: not a regular file", timeout=10)
    quick.refuses(3, "reveal", "odd.wav", "-o", "back", says="odd.wav: not a regular file", timeout=10)


def test_row_2_a_link_to_a_sound_is_a_sound(tmp_path, cover):
    (tmp_path / "link.wav").symlink_to("cover.wav")
    there_and_back(tmp_path / "link.wav", SECRET, tmp_path / "out.wav")
    assert cover.read_bytes() == wav()


# --- 16: numbers that are none -------------------------------------------------------------------------------

SOUNDLESS = ["cover", "secret", "container", "cover of capacity", "file of info"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_row_16_nan_and_infinity_are_refused_wherever_they_are_read(tmp_path, value, kind):
    path = write(tmp_path / "floats.wav", floats(kind, at47999=value))
    refused_in(SOUNDLESS, path, 3, "sample 47999 is NaN or infinite", "replace it")


@pytest.mark.parametrize("verb", ["hide", "info"])
def test_row_16_on_the_command_line(quick, secret, verb):
    write(quick.folder / "floats.wav", floats(at5=np.nan))
    more = {"hide": ("secret.bin", "-o", "out.wav"), "reveal": ("-o", "back")}.get(verb, ())
    quick.refuses(3, verb, "floats.wav", *more, says=("floats.wav", "NaN"))


def test_row_16_far_behind_the_beginning(tmp_path):
    values = np.zeros(600_000, np.float32)
    values[-1] = np.nan
    path = write(tmp_path / "floats.wav", riff(values.tobytes(), tag=3, bits=32))
    refused_in(["cover"], path, 3, "sample 599999")


@pytest.mark.parametrize("role", ["cover", "secret"])
def test_row_16_finite_but_beyond_everything_is_clipped_in_silence(quick, cover, secret, role):
    write(quick.folder / "huge.wav", floats(np.float64, at5=1e306))
    words = ("huge.wav", "secret.bin") if role == "cover" else ("cover.wav", "huge.wav")
    outcome = quick.works("hide", *words, "-o", "out.wav")  # which finds a RuntimeWarning among the notes
    assert any("1 sample beyond full scale clipped" in note for note in outcome.notes)


# --- 23: beyond full scale -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_row_23_floats_beyond_full_scale_are_clipped_with_a_note(tmp_path, kind):
    hidden, before, after = hidden_in(floats(kind, at5=1.5, at9=-7.0), tmp_path)
    assert any("2 samples beyond full scale clipped" in note for note in hidden.notes)
    assert before.samples[5, 0] == before.high
    assert before.samples[9, 0] == before.low
    assert after.depth == 24


def test_row_23_the_note_reaches_the_command_line(quick, secret):
    write(quick.folder / "cover.wav", floats(at5=1.5))
    assert any("1 sample beyond full scale" in note for note in quick.works(*HIDE).notes)


# --- 17: silence, direct current, clipping -------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, 1, -1, 12_345, 32_767, -32_768])
def test_row_17_a_sound_that_stands_still_is_no_cover(tmp_path, value):
    write(tmp_path / "still.wav", wav(np.full(48_000, value, np.int16)))
    with refused(5, "still.wav", "silence or a constant", "use a longer or livelier one"):
        ROLES["cover"](tmp_path / "still.wav")
    with refused(4, "still.wav", ONE_TEXT):
        ROLES["container"](tmp_path / "still.wav")
    assert inspect(tmp_path / "still.wav", None, terms()).capacity == 0


def test_row_17_on_the_command_line(quick, secret):
    write(quick.folder / "still.wav", wav(np.zeros(48_000, np.int16)))
    quick.refuses(5, "hide", "still.wav", "secret.bin", "-o", "out.wav", says=("still.wav", "silence", "longer"))


def test_row_17_capacity_names_the_file_too(quick):
    write(quick.folder / "still.wav", wav(np.zeros(48_000, np.int16)))
    quick.refuses(5, "capacity", "still.wav", says=("still.wav", "silence"))


def test_row_17_a_constant_offset_under_a_voice_does_no_harm(tmp_path):
    hidden, before, after = hidden_in(wav(VOICE // 2 + 9_000), tmp_path)
    assert 30 <= hidden.carrier_snr < 200
    assert np.abs(after.samples.mean() - before.samples.mean()) < 1


def test_row_17_capacity_and_hide_measure_alike_over_an_offset(tmp_path):
    cover = Audio.of(VOICE // 4 + 9_000, RATE)
    level = capacity(cover, None, terms()).levels[0]
    secret = Blob(random_bytes(level.bytes))
    hidden = hide_file(cover, secret, tmp_path / "out.wav", terms(settings={"preset": "best"}))
    assert hidden.carrier_snr == pytest.approx(level.db, abs=0.5)


def test_row_17_clipping_is_noted_and_stays_in_range(tmp_path):
    clipped = np.clip(VOICE.astype(np.int32) * 30, -32_768, 32_767).astype(np.int16)
    hidden, _, _ = hidden_in(wav(clipped), tmp_path)
    assert any("poor cover" in note and "clipped" in note for note in hidden.notes)
    assert np.isfinite(hidden.carrier_snr)


def test_row_17_silence_inside_is_noted_and_left_alone(tmp_path):
    gap = VOICE.copy()
    gap[15_000:35_000] = 0
    hidden, _, after = hidden_in(wav(gap), tmp_path, protect=0)
    assert any("digital silence" in note for note in hidden.notes)
    assert not after.samples[15_000:35_000].any()


def constant(value, folder):
    """A sound of one value, there and back, in a cover that holds some 360 bytes."""
    secret = Audio.of(np.full(48_000, value, np.int16), RATE)
    hidden, found = there_and_back(Image(noise(30, 30)), secret, folder / "out.png")
    return hidden.secrets[0].exact and np.array_equal(found.samples, secret.samples)


def test_row_17_a_silent_secret_comes_back_as_it_was(tmp_path):
    assert constant(0, tmp_path)


def test_row_17_a_constant_secret_comes_back_as_it_was(tmp_path):
    assert len(made("FLAC", samples=np.full(48_000, 9_000, np.int16))) < 300, "for the control: it would fit"
    assert constant(9_000, tmp_path)


# --- 18: kinds of sound file ---------------------------------------------------------------------------------

EXTENSIBLE_GUID = struct.pack("<IHH", 1, 0, 0x10) + bytes.fromhex("800000aa00389b71")


def extensible(data, *, channels=1, bits=16, valid=16, mask=0, guid=EXTENSIBLE_GUID):
    block = channels * bits // 8
    form = struct.pack("<HHIIHHHHI", 0xFFFE, channels, RATE, RATE * block, block, bits, 22, valid, mask) + guid
    rest = chunk(b"fmt ", form) + chunk(b"data", data)
    return b"RIFF" + struct.pack("<I", 4 + len(rest)) + b"WAVE" + rest


def rf64(data, *, said=None):
    sizes = struct.pack("<QQQI", 0, len(data) if said is None else said, 0, 0)
    form = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    rest = chunk(b"ds64", sizes) + chunk(b"fmt ", form) + chunk(b"data", data, size=0xFFFFFFFF)
    return b"RF64\xff\xff\xff\xffWAVE" + rest


TAKEN = {
    "8 bits": (made("WAV", "PCM_U8"), 8, None),
    "24 bits": (made("WAV", "PCM_24", VOICE.astype(np.int32) << 16), 24, None),
    "32 bits": (made("WAV", "PCM_32", VOICE.astype(np.int32) << 16), 32, None),
    "32-bit floats": (floats(), 24, "32-bit float samples are read as 24-bit integers"),
    "64-bit floats": (floats(np.float64), 24, "64-bit float samples are read as 24-bit integers"),
    "extensible": (extensible(VOICE.tobytes()), 16, None),
    "12 of 16 bits": (extensible((VOICE & ~15).tobytes(), valid=12), 16, "lowest 4 of 16 bits are never used"),
    "20 of 24 bits": (extensible(bytes(1) + VOICE.astype("<i4").tobytes()[:143_997], bits=24, valid=20), 24, None),
    "RF64": (rf64(VOICE.tobytes()), 16, None),
    "RIFX": (riff(VOICE.astype(">i2").tobytes(), order=">"), 16, "big-endian"),
    "FLAC": (made("FLAC", "PCM_24"), 24, None),
    "FLAC of 8 bits": (made("FLAC", "PCM_S8"), 8, None),
    "OGG Vorbis": (made("OGG"), 16, "decoded from OGG"),
    "OGG Opus": (made("OGG", "OPUS"), 16, "decoded from OGG"),
    "MP3": (made("MP3"), 16, "decoded from MP3"),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_row_18_covers_that_are_taken(tmp_path, kind):
    data, depth, note = TAKEN[kind]
    hidden, before, after = hidden_in(data, tmp_path, name="cover.file")
    assert (after.depth, after.rate, after.length, after.channels) == (depth, before.rate, before.length, 1)
    assert after.format == "WAV"
    assert note is None or any(note in each for each in hidden.notes), hidden.notes
    change = (after.samples.astype(np.int64) - before.samples).astype(float)
    assert 30 <= hidden.carrier_snr < 200
    told = 10 * np.log10((before.samples.astype(float) ** 2).sum() / (change**2).sum())
    assert hidden.carrier_snr == pytest.approx(told, abs=1e-3)


NOT_TAKEN = {
    "A-law": made("WAV", "ALAW", VOICE[:8000]),
    "mu-law": made("WAV", "ULAW", VOICE[:8000]),
    "IMA ADPCM": made("WAV", "IMA_ADPCM", VOICE[:8000]),
    "ADPCM": made("WAV", "MS_ADPCM", VOICE[:8000]),
    "GSM": made("WAV", "GSM610", VOICE[:8000]),
    "MP3 in WAV": riff(made("MP3", samples=VOICE[:8000]), tag=0x55, bits=0, block=1),
    "AAC in WAV": riff(adts(), tag=0xFF),
    "12 bits": riff(bytes(4000), bits=12, block=2),
    "64 bits": riff(bytes(4000), bits=64),
    "16-bit floats": riff(bytes(4000), tag=3),
    "another GUID": extensible(bytes(4000), guid=bytes(16)),
}

STRANGE = {
    **{form.lower(): made(form, samples=VOICE[:4000]) for form in ("AIFF", "AU", "CAF", "W64", "VOC")},
    "m4a": struct.pack(">I", 32) + b"ftypM4A \0\0\2\0M4A mp42isom\0\0\0\0" + random_bytes(500),
    "aac": adts(),
    "amr": b"#!AMR\n" + random_bytes(300),
    "mid": b"MThd\0\0\0\6\0\1\0\2\1\xe0" + random_bytes(100),
    "zip": zipped(),
}


@pytest.mark.parametrize("kind", NOT_TAKEN)
def test_row_18_encodings_that_are_not(tmp_path, kind):
    path = write(tmp_path / "phone.wav", NOT_TAKEN[kind])
    refused_in(["cover", "container", "cover of capacity"], path, 3, "not supported; convert it to ")
    assert travels(NOT_TAKEN[kind], tmp_path, "phone.wav")


@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.parametrize("suffix", ["own", ".wav"])
def test_row_18_formats_that_are_not(tmp_path, kind, suffix):
    name = f"strange.{kind}" if suffix == "own" else "strange.wav"
    path = write(tmp_path / name, STRANGE[kind])
    says = ("not a picture, nor a sound", "expected", "WAV, FLAC, OGG, MP3")
    refused_in(["cover", "container", "cover of capacity"], path, 3, *says)
    assert travels(STRANGE[kind], tmp_path, name)


def test_row_18_on_the_command_line(quick, cover, secret):
    phone = write(quick.folder / "phone.wav", made("WAV", "ALAW", VOICE[:8000]))
    quick.refuses(3, "hide", "phone.wav", "secret.bin", "-o", "out.wav", says=("phone.wav", "A-law", "convert"))
    quick.refuses(3, "reveal", "phone.wav", "-o", "back", says=("phone.wav", "A-law", "convert"))
    quick.works("hide", "cover.wav", "phone.wav", "-o", "out.wav")
    quick.works("reveal", "out.wav", "-o", "back/")
    assert (quick.folder / "back" / "phone.wav").read_bytes() == phone.read_bytes()


@pytest.mark.parametrize("tagged", ["an AAC file", "a text"])
def test_row_18_what_begins_with_an_id3_tag_and_is_no_mp3_travels_as_bytes(tmp_path, tagged):
    tag = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
    data = tag + adts() if tagged == "an AAC file" else b"ID3\x03\0\0\0\0\0\x10 is how a tag begins, and this text too"
    assert travels(data, tmp_path, "tagged.file")


def test_row_18_an_intact_wav_without_sound_travels_as_bytes(tmp_path):
    assert travels(riff(b""), tmp_path, "empty.wav")


# --- 19: channels --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [2, 3, 6, 8, 32])
def test_row_19_every_channel_carries_and_all_are_kept(tmp_path, channels):
    voices = np.stack([speech(1.0, seed=seed) for seed in range(channels)], axis=1)
    hidden, before, after = hidden_in(wav(voices), tmp_path, preset="best")
    assert (after.channels, after.length, after.rate) == (channels, RATE, RATE)
    assert (before.samples != after.samples).any(axis=0).all()
    assert hidden.carrier_snr >= 30


@pytest.mark.parametrize("mask", [0x3F, 0x60F, 0x8000_0000])
def test_row_19_the_mask_of_five_point_one_is_kept(tmp_path, mask):
    voices = np.stack([speech(1.0, seed=seed) for seed in range(6)], axis=1)
    _, before, after = hidden_in(extensible(voices.tobytes(), channels=6, mask=mask), tmp_path)
    assert before.mask == after.mask == mask


def test_row_19_a_format_that_cannot_keep_the_mask_says_so(tmp_path):
    voices = np.stack([speech(1.0, seed=seed) for seed in range(6)], axis=1)
    hidden, _, after = hidden_in(extensible(voices.tobytes(), channels=6, mask=0x3F), tmp_path, suffix=".flac")
    assert (after.format, after.channels) == ("FLAC", 6)
    assert any("mask" in note for note in hidden.notes)


@pytest.mark.parametrize("room", [120, 400], ids=["lossy", "exact"])
def test_row_19_a_secret_keeps_its_mask_or_says_so(tmp_path, room):
    voices = np.stack([speech(0.5, seed=seed) for seed in range(6)], axis=1)
    secret = write(tmp_path / "secret.wav", extensible(voices.tobytes(), channels=6, mask=0x3F))
    hidden, found = there_and_back(Image(noise(room, room)), secret, tmp_path / "out.png")
    assert found.mask == 0x3F or any("mask" in note for note in hidden.notes)


@pytest.mark.parametrize("channels", [0, 33, 65_535])
def test_row_19_no_channel_or_too_many(tmp_path, channels):
    path = write(tmp_path / "many.wav", riff(bytes(200_000), channels=channels, block=2 * channels & 0xFFFF))
    refused_in(["cover", "container"], path, 3, f"{channels} channels", "expected 1 to 32")
    assert travels(path.read_bytes(), tmp_path, "many.wav")


# --- 20: rates -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0, 1_000_001, 0xFFFF_FFFF])
def test_row_20_rates_that_cannot_be(tmp_path, rate):
    path = write(tmp_path / "rate.wav", riff(VOICE[:6000].tobytes(), rate=rate))
    refused_in(["cover", "container", "cover of capacity"], path, 3, f"a rate of {rate} Hz", "expected 1 to 1000000")
    assert travels(path.read_bytes(), tmp_path, "rate.wav")


@pytest.mark.parametrize("rate", [1, 4_000, 44_101, 1_000_000])
def test_row_20_unusual_rates_are_kept(tmp_path, rate):
    hidden, _, after = hidden_in(wav(rate=rate), tmp_path)
    assert after.rate == rate
    assert hidden.carrier_snr >= 30


def test_row_20_a_rate_that_flac_has_not(tmp_path):
    write(tmp_path / "cover.wav", wav(rate=1_000_000))
    with refused(2, "1,000,000 Hz", ".wav"):
        hide_file(tmp_path / "cover.wav", SECRET, tmp_path / "out.flac", terms())


# --- 21: short and long --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 80, 1023, 5 * 1024, 6 * 1024 - 1])
def test_row_21_too_short_for_anything_says_how_long_it_must_be(tmp_path, count):
    path = write(tmp_path / "short.wav", wav(VOICE[20_000 : 20_000 + count]))
    says = (f"lasts {count / RATE:.2f} s", "at least 0.38 s", "use a longer")
    with refused(5, "short.wav", *says):
        ROLES["cover"](path)
    with refused(4, "short.wav", ONE_TEXT):
        ROLES["container"](path)


def test_row_21_just_six_frames(tmp_path):
    path = write(tmp_path / "six.wav", wav(VOICE[20_000 : 20_000 + 6 * 1024]))
    with refused(5, "six.wav", "protect=0", "longer"):
        ROLES["cover"](path)
    hidden, found = there_and_back(path, SECRET, tmp_path / "out.wav", settings={"protect": "0"})
    assert found.data == SECRET.data
    assert hidden.carrier_snr >= 30


def test_row_21_the_least_number_of_seconds_is_enough(tmp_path):
    with refused(5) as caught:
        hide_file(Audio.of(VOICE[:1000], RATE), SECRET, tmp_path / "out.wav", terms(settings={"protect": "0"}))
    seconds = float(str(caught.value).split("at least ")[1].split(" s")[0])
    assert 6 * 1024 <= seconds * RATE + 80 < 7 * 1024  # of a number with two digits


@pytest.mark.parametrize("frames", [6, 8])
def test_row_21_a_short_file_that_is_to_stay_clean(tmp_path, frames):
    write(tmp_path / "short.wav", wav(VOICE[20_000 : 20_000 + frames * 1024]))
    with refused(5, "short.wav") as caught:
        hide_file(tmp_path / "short.wav", SECRET, tmp_path / "out.wav", terms(settings={"snr": "100"}))
    assert "inf" not in str(caught.value)


@pytest.fixture(scope="module")
def long_sound(tmp_path_factory):
    """A folder with cover.wav, ten minutes at 24 kHz, and secret.bin."""
    folder = tmp_path_factory.mktemp("long")
    part = speech(6.0, 24_000).tobytes()
    form = struct.pack("<HHIIHH", 1, 1, 24_000, 48_000, 2, 16)
    with (folder / "cover.wav").open("wb") as stream:
        stream.write(b"RIFF" + struct.pack("<I", 36 + 100 * len(part)) + b"WAVE" + chunk(b"fmt ", form))
        stream.write(b"data" + struct.pack("<I", 100 * len(part)))
        for _ in range(100):
            stream.write(part)
    write(folder / "secret.bin", SECRET.data)
    return folder


def bounded():
    """Half a gigabyte of addresses: the sound as numbers alone would take more."""
    resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))


def test_rows_21_and_53_ten_minutes_in_bounded_memory_and_time(long_sound):
    long = Cli(long_sound, QUICK)
    hidden = long.works("hide", "cover.wav", "secret.bin", "-o", "ten.wav", preexec_fn=bounded)
    found = long.works("reveal", "ten.wav", "-o", "-", preexec_fn=bounded)
    (long_sound / "ten.wav").unlink()
    assert found.out == SECRET.data
    assert hidden.seconds + found.seconds < 30


# --- 22: headers that lie ------------------------------------------------------------------------------------


def flac_that_says(count, *, checksum=None):
    data = bytearray(made("FLAC"))
    data[21] = data[21] & 0xF0 | count >> 32
    data[22:26] = struct.pack(">I", count & 0xFFFFFFFF)
    if checksum is not None:
        data[26:42] = checksum
    return bytes(data)


def small(*chunks):
    """157 bytes, as a WAV that made libraries run for ever."""
    data = riff(b"", before=b"".join(chunks))
    return data[:157].ljust(157, b"\0")


LIES = {
    "more sound than there is": riff(VOICE.tobytes(), size=97_000),
    "far more": riff(VOICE.tobytes(), size=0xFFFF_FFFE),
    "RF64 with 2^62 bytes": rf64(VOICE.tobytes(), said=1 << 62),
    "a list of 4 GiB": small(chunk(b"LIST", b"INFO", size=0xFFFF_FFFF)),
    "a list that comes back": small(chunk(b"LIST", b"INFOISFT" + bytes(40), size=0xFFFF_FFF8)),
    "a format of 4 GiB": riff(VOICE.tobytes()).replace(b"fmt \x10\0\0\0", b"fmt \xff\xff\xff\xff"),
    "a format of 15 bytes": b"RIFF\0\0\0\0WAVE" + chunk(b"fmt ", bytes(15)) + chunk(b"data", bytes(100)),
    "half a million empty chunks": riff(bytes(9000), before=chunk(b"JUNK", b"") * 500_000),
    "sound before its format": b"RIFF\0\0\0\0WAVE" + chunk(b"data", bytes(100)),
    "no sound": riff(b""),
    "twelve bytes": b"RIFF\0\0\0\0WAVE",
    "two formats": riff(bytes(9000), before=chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))),
    "FLAC with 2^36 samples": flac_that_says((1 << 36) - 1),
    "FLAC with more than there is": flac_that_says(99_000),
    "FLAC with less than there is": flac_that_says(100),
    "FLAC with a wrong checksum": flac_that_says(48_000, checksum=bytes(range(16))),
    "FLAC of nothing": made("FLAC")[:42],
    "FLAC that is an OGG": b"fLaC" + made("OGG"),
    "OGG with a bit flipped": (lambda d: d[:5000] + bytes([d[5000] ^ 1]) + d[5001:])(made("OGG")),
}


@pytest.mark.parametrize("kind", LIES)
def test_row_22_a_header_that_lies_is_found_out_at_once(tmp_path, kind):
    path = write(tmp_path / "lie.wav", LIES[kind])
    refused_in(["cover", "container"], path, 3)


@pytest.mark.parametrize("kind", ["a list that comes back", "FLAC with 2^36 samples"])
def test_row_22_on_the_command_line(quick, kind):
    write(quick.folder / "lie.wav", LIES[kind])
    for words in (("hide", "lie.wav", "--text", "x", "-o", "out.wav"), ("reveal", "lie.wav", "-o", "back")):
        quick.refuses(3, *words, says="lie.wav", within=AT_ONCE, timeout=20)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
@pytest.mark.parametrize("form", ["FLAC", "OGG", "MP3"])
def test_row_22_cut_anywhere(tmp_path, form, share):
    data = made(form)
    path = write(tmp_path / f"cut.{form.lower()}", data[: int(share * len(data))])
    refused_in(["cover", "secret"], path, 3, "truncated", "get an undamaged copy")


STREAMED = {
    "no size": riff(VOICE.tobytes(), size=0, whole=0),
    "the largest size": riff(VOICE.tobytes(), size=0xFFFF_FFFF, whole=0xFFFF_FFFF),
    "RF64 without a size": rf64(VOICE.tobytes(), said=0),
}


@pytest.mark.parametrize("kind", STREAMED)
def test_row_22_a_size_nobody_knew_means_to_the_end(tmp_path, kind):
    hidden, before, _ = hidden_in(STREAMED[kind], tmp_path)
    assert before.length == len(VOICE)
    assert any("does not say how long" in note for note in hidden.notes)


def test_row_22_a_list_in_a_list_is_stepped_over(tmp_path):
    path = write(tmp_path / "lie.wav", small(chunk(b"LIST", b"INFO" + chunk(b"LIST", b"INFO", size=0x7FFF_FFFF))))
    refused_in(["cover"], path, 5, "0.0", "longer")


def test_row_22_less_sound_than_there_is_is_all_that_is_read(tmp_path):
    _, before, after = hidden_in(riff(VOICE.tobytes(), size=60_000), tmp_path)
    assert before.length == after.length == 30_000


def test_row_22_a_flac_from_a_pipe_does_not_know_its_length(tmp_path):
    hidden_in(flac_that_says(0, checksum=bytes(16)), tmp_path, name="cover.flac")


def test_row_22_names_that_lie_are_noted(tmp_path):
    hidden, _, _ = hidden_in(made("FLAC"), tmp_path, name="cover.wav")
    assert any("cover.wav is a FLAC file" in note for note in hidden.notes)


@pytest.mark.parametrize(("name", "kind"), [("cover.png", "WAV"), ("cover.wav", "PNG")])
def test_row_22_a_sound_named_as_a_picture_and_the_other_way_round(tmp_path, name, kind):
    cover = write(tmp_path / name, wav() if kind == "WAV" else packed(noise()))
    hidden, _ = there_and_back(cover, SECRET, tmp_path / f"out.{kind.lower()}")
    assert any(kind in note for note in hidden.notes), "a name that lies is worth a note"


def test_row_22_and_are_taken_for_what_they_are(tmp_path):
    cover = write(tmp_path / "cover.png", wav())
    with refused(2, "out.png", "the cover is a sound", ".wav, .flac"):
        hide_file(cover, SECRET, tmp_path / "out.png", terms())
    write(tmp_path / "cover.wav", noise())
    with refused(2, "out.wav", "the cover is a picture", ".png"):
        hide_file(tmp_path / "cover.wav", SECRET, tmp_path / "out.wav", terms())


# --- 24: the container's format ------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp3", ".MP3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".aiff", ".txt", ""])
def test_row_24_a_container_must_be_lossless(tmp_path, cover, suffix):
    with refused(2, f"out{suffix}", ".wav, .flac"):
        hide_file(cover, SECRET, tmp_path / f"out{suffix}", terms())
    assert [each.name for each in tmp_path.iterdir()] == ["cover.wav"]


@pytest.mark.parametrize("name", ["out.mp3", "out.png"])
def test_row_24_on_the_command_line(quick, cover, secret, name):
    quick.refuses(2, *HIDE[:-1], name, says=(name, ".wav, .flac"))


@pytest.mark.parametrize(("kind", "name", "remedy"), [("sound", "out.jpg", ".wav"), ("picture", "out.mp3", ".png")])
def test_row_24_the_remedy_is_one_for_this_cover(tmp_path, kind, name, remedy):
    cover = Audio.of(VOICE, RATE) if kind == "sound" else Image(noise())
    with refused(2, name, remedy):
        hide_file(cover, SECRET, tmp_path / name, terms())


@pytest.mark.parametrize("suffix", [".m4a", ".aac", ".aiff", ".gif"])
def test_row_24_a_known_format_is_not_called_none(tmp_path, cover, suffix):
    with refused(2, f"out{suffix}") as caught:
        hide_file(cover, SECRET, tmp_path / f"out{suffix}", terms())
    assert "neither a picture nor a sound format" not in str(caught.value)


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_row_24_flac_is_allowed(tmp_path, bits):
    samples = VOICE.astype(np.int32) >> 8 if bits == 8 else VOICE.astype(np.int32) << (bits - 16)
    cover = Audio.of(samples, RATE, depth=bits)
    hidden, found = there_and_back(cover, SECRET, tmp_path / "out.flac")
    after = audio_file.load(tmp_path / "out.flac")
    assert (after.format, after.depth, found.data) == ("FLAC", bits, SECRET.data)
    assert hidden.carrier_snr >= 30


NO_FLAC = {
    "32 bits": Audio.of(VOICE.astype(np.int32) << 16, RATE, depth=32),
    "32 channels": Audio.of(np.tile(VOICE[:, None], 32), RATE),
}


@pytest.mark.parametrize("kind", NO_FLAC)
def test_row_24_flac_cannot_hold_it(tmp_path, kind):
    with refused(2, "FLAC holds at most", "name the container .wav"):
        hide_file(NO_FLAC[kind], SECRET, tmp_path / "out.flac", terms())
    assert not list(tmp_path.iterdir())


def test_row_24_what_flac_cannot_hold_is_said_of_a_file(quick, secret):
    write(quick.folder / "cover.wav", TAKEN["32 bits"][0])
    quick.refuses(2, *HIDE[:-1], "out.flac", says=("out.flac", "at most 24 bits", ".wav"))


# --- 32 to 37: nothing there, or changed on the way ----------------------------------------------------------


@pytest.fixture(scope="module")
def container(tmp_path_factory):
    """The samples of a container whose quarter may be lost, and of one that may lose nothing."""
    folder = tmp_path_factory.mktemp("made")
    there_and_back(Audio.of(VOICE, RATE), SECRET, folder / "out.wav")
    there_and_back(Audio.of(VOICE, RATE), SECRET, folder / "bare.wav", settings={"protect": "0", "preset": "best"})
    return {name: soundfile.read(folder / f"{name}.wav", dtype="int16")[0] for name in ("out", "bare")}


def through(form, samples):
    return soundfile.read(io.BytesIO(made(form, samples=samples)), dtype="int16")[0][: len(samples)]


CHANGES = {
    "reversed": lambda s: s[::-1],
    "quieter": lambda s: np.rint(s * 0.9).astype(np.int16),
    "upside down": lambda s: -s,
    "a level up": lambda s: s + np.int16(1),
    "resampled": lambda s: np.interp(np.arange(0, len(s), 16 / 22.05), np.arange(len(s)), s).astype(np.int16),
    "every second sample": lambda s: s[::2],
    "an MP3 in between": lambda s: through("MP3", s),
    "an OGG in between": lambda s: through("OGG", s),
    "half of it": lambda s: s[: len(s) // 2],
    "as one of two channels": lambda s: np.stack([VOICE, s], axis=1),
    "another sound": lambda s: speech(3.0, seed=9),
}


@pytest.mark.parametrize("change", CHANGES)
def test_rows_34_to_37_a_changed_container_is_none(tmp_path, container, change):
    write(tmp_path / "changed.wav", wav(CHANGES[change](container["out"])))
    with refused(4, f"changed.wav: {ONE_TEXT}"), in_time():
        ROLES["container"](tmp_path / "changed.wav")
    assert [each.name for each in tmp_path.iterdir()] == ["changed.wav"]


def test_row_32_on_the_command_line_there_is_one_text(quick, container):
    write(quick.folder / "it.wav", wav(container["out"]))
    lines = {quick.refuses(4, "reveal", "it.wav", "-o", "back", password="another one")}
    lines.add(quick.refuses(4, "info", "it.wav", password="another one"))
    write(quick.folder / "it.wav", wav())
    lines.add(quick.refuses(4, "reveal", "it.wav", "-o", "new/"))
    write(quick.folder / "it.wav", wav(container["out"][::-1]))
    lines.add(quick.refuses(4, "reveal", "it.wav", "-o", "back"))
    write(quick.folder / "it.wav", wav(np.zeros(100, np.int16)))
    lines.add(quick.refuses(4, "reveal", "it.wav", "-o", "-"))
    assert lines == {f"intarsia: error: it.wav: {ONE_TEXT}"}


def test_row_32_and_about_one_time():
    def seconds(samples, **how):
        # The least of several: what else the machine does is not the question.
        found = []
        for _ in range(5):
            began = time.process_time()
            with pytest.raises(NoSecretError):
                reveal_file(Audio.of(samples, RATE), None, terms(**how))
            found.append(time.process_time() - began)
        return min(found)

    long = np.tile(VOICE, 4)
    inlay = SoundHost(Audio.of(long, RATE)).start(terms().keyring, "exact", 64)
    inlay.channel.write(b"s" + SECRET.data, Manner(30.0))
    inlay.seal(Header("exact", b"", (Entry("blob", 301),)))
    samples = np.concatenate(list(inlay.channel.pieces()))[:, 0].astype(np.int16)
    assert reveal_file(Audio.of(samples, RATE), None, terms()).value.data == SECRET.data
    clean, wrong, backwards = seconds(long), seconds(samples, password="other"), seconds(samples[::-1].copy())
    assert max(clean, wrong, backwards) < 2 * min(clean, wrong, backwards)


def test_row_36_an_mp3_of_a_container_is_told_what_it_is(quick, container):
    write(quick.folder / "sent.mp3", made("MP3", samples=container["out"]))
    outcome = quick("reveal", "sent.mp3", "-o", "back")
    assert (outcome.code, outcome.out, len(outcome.errors)) == (4, b"", 1)
    assert f"sent.mp3: {ONE_TEXT}" in outcome.errors[0]
    assert any("sent.mp3" in note and "MP3" in note and "lossy" in note for note in outcome.notes)


def test_row_37_one_bit_is_mended_where_a_loss_was_foreseen_and_refused_where_not(quick, container):
    for name in ("out", "bare"):
        samples = container[name].copy()
        samples[np.flatnonzero(samples != VOICE)[500]] ^= 1
        write(quick.folder / f"{name}.wav", wav(samples))
    record = json.loads(quick.works("reveal", "out.wav", "-o", "back", "--json").out)
    assert 0 < record["loss"] < 0.1
    assert (quick.folder / "back").read_bytes() == SECRET.data
    quick.refuses(4, "reveal", "bare.wav", "-o", "back2", says=f"bare.wav: {ONE_TEXT}")


@pytest.mark.parametrize("where", ["beginning", "middle", "end", "zeroed"])
def test_row_37_a_quarter_may_be_cut(container, where):
    samples, quarter = container["out"].copy(), len(container["out"]) // 4
    start = {"beginning": 0, "end": 3 * quarter}.get(where, 17_001)
    if where == "zeroed":
        samples[start : start + quarter] = 0
    else:
        samples = np.delete(samples, slice(start, start + quarter))
    found = reveal_file(Audio.of(samples, RATE), None, terms())
    assert 0.2 < found.loss < 0.35
    assert found.value.data == SECRET.data


def test_row_37_a_quarter_may_be_cut_on_the_command_line(quick, container):
    write(quick.folder / "cut.wav", wav(container["out"][13_001:]))
    outcome = quick.works("reveal", "cut.wav", "-o", "back", "--json")
    assert 0.2 < json.loads(outcome.out)["loss"] < 0.35
    assert any("lost or damaged" in note and "whole" in note for note in outcome.notes)
    assert (quick.folder / "back").read_bytes() == SECRET.data


def test_row_37_a_container_between_other_sounds_still_reveals(container):
    joined = np.concatenate([speech(0.7, seed=4), container["out"], np.zeros(999, np.int16)])
    assert reveal_file(Audio.of(joined, 44_100), None, terms()).value.data == SECRET.data


# --- 38: too large -------------------------------------------------------------------------------------------


def test_row_38_both_numbers_and_the_seconds_needed(quick, cover):
    room = capacity(cover, None, terms()).bytes
    write(quick.folder / "large.bin", random_bytes(3 * room))
    says = ("large.bin", "cover.wav", f"needs {3 * room + 1:,} bytes", f"{room + 1:,} fit")
    for words in (("hide", "cover.wav", "large.bin", "-o", "out.wav"), ("capacity", "cover.wav", "large.bin")):
        line = quick.refuses(5, *words, says=says)
        seconds = float(line.split("use about ")[1].split(" s of such sound")[0])
        assert 8 < seconds < 12


@pytest.mark.parametrize("channels", [1, 2, 32])
@pytest.mark.parametrize("protect", ["0", "0.25"])
def test_row_38_what_capacity_says_is_what_fits(tmp_path, channels, protect):
    cover = Audio.of(np.stack([speech(1.2, seed=seed) for seed in range(channels)], axis=1), RATE)
    how = {"settings": {"protect": protect}}
    room = capacity(cover, None, terms(**how)).bytes
    hidden, found = there_and_back(cover, Blob(random_bytes(room)), tmp_path / "out.wav", **how)
    assert found.data == random_bytes(room)
    assert hidden.carrier_snr >= 30
    with pytest.raises(DoesNotFitError) as caught:
        hide_file(cover, Blob(random_bytes(room + 1)), tmp_path / "over.wav", terms(**how))
    assert caught.value.needed == caught.value.available + 1


def test_row_38_a_sound_at_a_quality_that_does_not_fit(quick):
    write(quick.folder / "cover.wav", wav(VOICE[:14_000]))
    write(quick.folder / "song.wav", wav(LOUD[:9000]))
    quality = ("--set", "secret_db=100", "--set", "protect=0")
    words = ("hide", "cover.wav", "song.wav", "-o", "out.wav", *quality)
    line = quick.refuses(5, *words, says=("song.wav in cover.wav", "100 dB", "needs", "fit"))
    assert "s of such sound" in line


def test_row_38_a_sound_too_long_for_any_code_needs_more_than_there_is(monkeypatch):
    monkeypatch.setattr(audio_code, "_MOST_LOSSY", 10_000)
    with pytest.raises(DoesNotFitError) as caught:
        audio_code.encode(Audio.of(VOICE, RATE), 1000)
    assert caught.value.needed > caught.value.available


# --- settings ------------------------------------------------------------------------------------------------

SETTINGS = {
    "snr=0": (2, "snr is 0"),
    "snr=-5": (2, "snr is -5"),
    "snr=nan": (2, "snr="),
    "snr=inf": (2, "snr is inf"),
    "snr=loud": (2, "snr='loud'; expected a number"),
    "snr=200": (5, "nothing fits at snr=200"),
    "protect=1": (2, "from 0 to 0.9"),
    "protect=-0.1": (2, "from 0 to 0.9"),
    "protect=0.95": (2, "from 0 to 0.9"),
    "protect=nan": (2, "protect="),
    "protect=0.9": (5, "90 % may be lost"),
    "shaping=1": (2, "from 0 up to 1"),
    "shaping=-1": (2, "from 0 up to 1"),
    "shaping=nan": (2, "shaping="),
    "secret_db=0": (2, "secret_db is 0"),
    "cover_db=50": (2, "cover_db is for pictures"),
    "bits=5": (2, "no setting 'bits'"),
    "Snr=40": (2, "did you mean snr"),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_of_a_sound(tmp_path, setting):
    code, says = SETTINGS[setting]
    key, _, value = setting.partition("=")
    for act in (
        lambda: hide_file(Audio.of(VOICE, RATE), SECRET, tmp_path / "out.wav", terms(settings={key: value})),
        lambda: capacity(Audio.of(VOICE, RATE), SECRET, terms(settings={key: value})),
    ):
        with refused(code, says):
            act()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("setting", ["snr", "protect", "shaping"])
def test_settings_of_a_sound_for_a_picture(tmp_path, setting):
    with refused(2, setting, "for sounds"):
        hide_file(Image(noise()), SECRET, tmp_path / "out.png", terms(settings={setting: "0.5"}))


@pytest.mark.parametrize("setting", ["snr=-5", "snr=200", "cover_db=50"])
def test_settings_on_the_command_line(quick, cover, secret, setting):
    code, says = SETTINGS[setting]
    quick.refuses(code, *HIDE, "--set", setting, says=says)


def filled(cover, folder, **how):
    """Fill a cover with bytes; return the report. The seed makes it the same every time."""
    data = random_bytes(capacity(cover, None, terms(settings=how)).bytes)
    hidden, found = there_and_back(cover, Blob(data), folder / "out.wav", force=True, settings=how, seed=1)
    assert found.data == data
    return hidden


@pytest.mark.parametrize("how", [{}, {"snr": "40"}, {"protect": "0.5"}, {"snr": "60"}], ids=str)
@pytest.mark.parametrize("samples", [VOICE, VOICE // 20], ids=["voice", "quiet"])
def test_the_least_snr_is_kept(tmp_path, samples, how):
    assert filled(Audio.of(samples, RATE), tmp_path, **how).carrier_snr >= float(how.get("snr", 30))


@pytest.mark.parametrize("snr", ["10", "20", "30"])
def test_the_least_snr_is_kept_where_the_sound_is_loud(tmp_path, snr):
    assert filled(Audio.of(LOUD, RATE), tmp_path, snr=snr, protect="0").carrier_snr >= float(snr)


def test_the_least_snr_is_kept_where_a_voice_is_loud(tmp_path):
    loud = np.clip(VOICE.astype(np.int32) * 4, -32_000, 32_000).astype(np.int16)
    assert filled(Audio.of(loud, RATE), tmp_path, snr="15", protect="0").carrier_snr >= 15


def test_the_least_snr_is_kept_with_shaping(tmp_path):
    assert filled(Audio.of(speech(2.5), RATE), tmp_path, shaping="0.5").carrier_snr >= 30


def test_the_least_snr_is_kept_with_strong_shaping(tmp_path):
    covers = [Audio.of(speech(2.5, seed=seed), RATE) for seed in range(4)]
    assert all(filled(cover, tmp_path, shaping="0.9").carrier_snr >= 30 for cover in covers)


def test_a_low_snr_in_eight_bits_stays_in_range(tmp_path):
    cover = Audio.of((LOUD >> 8).astype(np.int32), RATE, depth=8)
    how = {"snr": "0.1", "protect": "0"}
    room = capacity(cover, None, terms(settings=how)).bytes
    there_and_back(cover, Blob(random_bytes(room)), tmp_path / "out.wav", settings=how)


def test_strong_shaping_of_a_loud_sound_in_32_bits(tmp_path):
    tone = (2.147e9 * np.sin(np.arange(40_000) * 2 * np.pi * 440 / RATE)).astype(np.int32)
    secret = Blob(random_bytes(40_000))
    how = {"shaping": "0.999999", "protect": "0", "snr": "10"}
    there_and_back(Audio.of(tone, RATE, depth=32), secret, tmp_path / "out.wav", settings=how)


# --- 39 to 42: outputs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_row_39_a_cover_is_replaced_only_when_forced(quick, secret, suffix):
    cover = write(quick.folder / f"cover{suffix}", made(suffix[1:].upper()))
    words = ("hide", cover.name, "secret.bin", "-o", cover.name)
    quick.refuses(8, *words, says=(cover.name, "already exists", "--force"))
    quick.works(*words, "--force")
    assert reveal_file(cover, None, terms()).value.data == secret.read_bytes()


def test_row_39_a_cover_hides_itself(tmp_path):
    cover = write(tmp_path / "cover.wav", wav(VOICE[:12_000]))
    hidden, found = there_and_back(cover, cover, tmp_path / "out.wav", settings={"protect": "0"})
    assert (found.length, found.rate) == (12_000, RATE)
    assert hidden.secrets[0].exact or hidden.secrets[0].snr > 20


def test_row_39_a_forced_run_that_fails_destroys_nothing(quick, cover):
    write(quick.folder / "large.bin", random_bytes(90_000))
    quick.refuses(5, "hide", "cover.wav", "large.bin", "-o", "cover.wav", "--force")
    quick.refuses(4, "reveal", "cover.wav", "-o", "cover.wav", "--force")


NOWHERE = {
    "a missing folder": "missing/out.wav",
    "a file as folder": "secret.bin/out.wav",
    "a system's": "/sys/out.wav",
}


@pytest.mark.parametrize("where", NOWHERE)
def test_row_41_nowhere_to_write(quick, cover, secret, where):
    quick.refuses(8, *HIDE[:-1], NOWHERE[where], says=(NOWHERE[where], "cannot be written"))


def small_files_only():
    """Make every file that grows beyond 4,096 bytes fail, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_row_42_a_container_that_cannot_be_finished(quick, cover, secret, suffix):
    old = write(quick.folder / f"old{suffix}", b"old")
    says = ("cannot be written", "file too large")
    quick.refuses(8, *HIDE[:-1], f"out{suffix}", preexec_fn=small_files_only, says=(f"out{suffix}", *says))
    quick.refuses(8, *HIDE[:-1], old.name, "--force", preexec_fn=small_files_only, says=(old.name, *says))


def test_row_42_a_sound_that_cannot_be_revealed_whole(quick):
    there_and_back(Image(noise(60, 60)), Audio.of(VOICE[:9_000], RATE, name="song.wav"), quick.folder / "out.png")
    for out in ("back.flac", "new/"):
        quick.refuses(8, "reveal", "out.png", "-o", out, preexec_fn=small_files_only, says="cannot be written")


def test_row_42_no_room_to_decode_in(quick, secret):
    write(quick.folder / "cover.flac", made("FLAC"))
    words = ("hide", "cover.flac", "secret.bin", "-o", "out.wav")
    quick.refuses(6, *words, preexec_fn=small_files_only, says=("cover.flac", "TMPDIR"))


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 KiB, mounted."""
    where = tmp_path / "disk"
    where.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", str(where)]
    if os.geteuid() or not mount or subprocess.run([mount, *options], capture_output=True).returncode:
        pytest.skip("mounting a small disk is not allowed here")
    yield where
    subprocess.run(["umount", str(where)], check=True)


def test_row_42_a_disk_that_is_really_full(quick, cover, secret, small_disk):
    write(small_disk / "old.wav", b"old")
    quick.refuses(8, *HIDE[:-1], "disk/out.wav", says=("disk/out.wav", "the disk is full"))
    quick.refuses(8, *HIDE[:-1], "disk/old.wav", "--force", says=("disk/old.wav", "the disk is full"))


# --- 43: interrupted -----------------------------------------------------------------------------------------


def ended(folder, number, words, *, until, program=QUICK, env=()):
    """Run `words`, send a signal to that process alone as soon as `until()`; return code and seconds."""
    running = subprocess.Popen(
        [sys.executable, *program, *words],
        cwd=folder,
        env=os.environ | {"INTARSIA_PASSWORD": PASSWORD, "TMPDIR": str(folder)} | dict(env),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 20
        while not until() and time.monotonic() < deadline:
            time.sleep(0.005)
        assert running.poll() is None, "it was too quick to be interrupted"
        running.send_signal(number)
        sent = time.monotonic()
        err = running.communicate(timeout=20)[1]
    finally:
        running.kill()
    assert b"Traceback" not in err
    return running.returncode, time.monotonic() - sent


@pytest.mark.parametrize(("number", "suffix"), [(signal.SIGINT, ".wav"), (signal.SIGTERM, ".flac")])
def test_row_43_interrupted_while_a_long_sound_is_written(long_sound, number, suffix):
    before = set(long_sound.iterdir())
    words = ("hide", "cover.wav", "secret.bin", "-o", f"out{suffix}", "--quiet")

    def halfway():
        return any(path.stat().st_size > 1 << 20 for path in long_sound.glob(".intarsia-*"))

    code, seconds = ended(long_sound, number, words, until=halfway)
    assert code == 128 + number
    assert seconds < 2
    assert set(long_sound.iterdir()) == before


ENDLESS_DECODER = (
    "-c",
    "import intarsia.media.sound_decode as decode\n"
    "decode.program = lambda: ['sh', '-c', 'echo $$ > child.tmp; mv child.tmp child; exec sleep 60']\n"
    "from intarsia.cli import main\n"
    "main()",
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_row_43_the_decoder_ends_with_the_program(tmp_path, number):
    write(tmp_path / "cover.flac", made("FLAC"))
    words = ("hide", "cover.flac", "--text", "x", "-o", "out.wav")
    child = tmp_path / "child"
    code, seconds = ended(tmp_path, number, words, until=child.exists, program=ENDLESS_DECODER)
    assert code == 128 + number
    assert seconds < 2
    decoder = int(child.read_text())
    try:
        for _ in range(20):
            os.kill(decoder, 0)
            time.sleep(0.05)
    except ProcessLookupError:
        return
    os.kill(decoder, signal.SIGKILL)
    pytest.fail("the decoder is still there after a second")


# --- 46: names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [b"caf\xe9 \xff", b"--two\nlines", "🐴 песня".encode()])
def test_row_46_any_name_for_cover_secret_container_and_output(quick, name):
    stem = os.fsdecode(name)
    cover, song, out = f"{stem}.mp3", f"{stem}.wav", f"{stem}.flac"
    write(quick.folder / cover, wav())
    write(quick.folder / song, wav(VOICE[:6000]))
    hidden = json.loads(quick.works("hide", "-o", out, "--json", "--", cover, song).out)
    assert (hidden["container"], hidden["secrets"][0]["name"]) == (out, song)
    found = quick.works("reveal", "-o", "back/", "--", out)
    assert os.listdir(os.fsencode(quick.folder / "back")) == [os.fsencode(song)]
    assert np.array_equal(audio_file.load(quick.folder / "back" / song).samples[:, 0], VOICE[:6000])
    assert files.shown(f"back/{song}") in found.out.decode()
    assert found.out.decode().removesuffix("\n").isprintable()


@pytest.mark.parametrize("name", ["../evil.wav", "/evil.wav", "evil.png", "..", "", "a/b/evil.mp3", "evil\0.wav"])
def test_row_46_the_name_of_a_hidden_sound_stays_in_its_folder(tmp_path, name):
    secret = Audio.of(VOICE[:9000], RATE, name=name)
    there_and_back(Image(noise(96, 96)), secret, tmp_path / "out.png")
    reveal_file(tmp_path / "out.png", f"{tmp_path}/back/", terms())
    assert {path.name for path in tmp_path.iterdir()} == {"back", "out.png"}
    (found,) = (tmp_path / "back").iterdir()
    assert audio_file.load(found).length >= 9000
    assert found.suffix in (".wav", ".mp3")


# --- 53: memory ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["WAV", "FLAC"])
def test_row_53_out_of_memory_is_said(quick, secret, form):
    def starved():
        resource.setrlimit(resource.RLIMIT_AS, (250 << 20, 250 << 20))

    write(quick.folder / "cover.wav", made(form))
    quick.refuses(6, *HIDE, preexec_fn=starved, says="out of memory")


# --- 57: pipes -----------------------------------------------------------------------------------------------


@pytest.fixture
def carrying(tmp_path):
    """song.png: a picture with a sound in it, exactly; photo.wav: a sound with a picture in it."""
    there_and_back(Image(noise(200, 200)), Audio.of(VOICE[:12_000], RATE, name="song.wav"), tmp_path / "song.png")
    there_and_back(Audio.of(VOICE, RATE), Image(noise(20, 20), name="photo.png"), tmp_path / "photo.wav")
    return tmp_path


def test_row_57_a_secret_through_pipes(quick, cover):
    quick.works("hide", "cover.wav", "-", "-o", "out.wav", stdin=b"through a pipe")
    assert quick.works("reveal", "out.wav", "-o", "-").out == b"through a pipe"


def test_row_57_a_sound_on_standard_output_is_a_wav(quick, carrying):
    out = quick.works("reveal", "song.png", "-o", "-").out
    samples, rate = soundfile.read(io.BytesIO(out), dtype="int16")
    assert rate == RATE
    assert np.array_equal(samples, VOICE[:12_000])


def test_row_57_a_reader_that_leaves_is_met_with_silence(quick, carrying):
    line = 'P() { "$0" -c "$1" reveal song.png -o -; }; P "$@" | true; echo ${PIPESTATUS[0]}'
    done = subprocess.run(
        ["bash", "-c", line, sys.executable, QUICK[1]],
        cwd=quick.folder,
        env=os.environ | {"INTARSIA_PASSWORD": PASSWORD},
        capture_output=True,
        timeout=60,
    )
    assert (done.stdout, without_progress(done.stderr)) == (b"141\n", b"")


# --- what a revealed sound is written as ---------------------------------------------------------------------

WRITTEN = {
    "back.wav": ("WAV", "PCM_16"),
    "back.flac": ("FLAC", "PCM_16"),
    "back.mp3": ("MP3", "MPEG_LAYER_III"),
    "back.ogg": ("OGG", "VORBIS"),
    "back": ("WAV", "PCM_16"),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_revealed_sound_is_converted_to_the_suffix(carrying, name):
    reveal_file(carrying / "song.png", carrying / name, terms())
    found = soundfile.info(io.BytesIO((carrying / name).read_bytes()))
    assert (found.format, found.subtype) == WRITTEN[name]
    assert found.samplerate == RATE
    assert name == "back.mp3" or found.frames == 12_000


def test_an_opus_file_is_opus_or_refused(carrying):
    try:
        reveal_file(carrying / "song.png", carrying / "back.opus", terms())
    except IntarsiaError as error:
        assert error.exit_code == 2
        return
    assert (carrying / "back.opus").read_bytes()[28:36] == b"OpusHead"


@pytest.mark.parametrize(
    ("container", "name", "says"),
    [("song.png", "back.png", ".wav, .flac"), ("song.png", "back.m4a", ".wav, .flac"), ("photo.wav", "b.wav", ".png")],
)
def test_a_suffix_of_another_kind_is_refused(quick, carrying, container, name, says):
    quick.refuses(2, "reveal", container, "-o", name, says=(Path(name).suffix, says))


def test_a_rate_that_a_format_has_not_is_refused(tmp_path):
    secret = Audio.of(VOICE[:9000], 12_345)
    there_and_back(Image(noise(100, 100)), secret, tmp_path / "out.png")
    with refused(2, "MP3", ".wav"):
        reveal_file(tmp_path / "out.png", tmp_path / "back.mp3", terms())
    assert [each.name for each in tmp_path.iterdir()] == ["out.png"]


# --- JSON and doctor -----------------------------------------------------------------------------------------


def strict(outcome):
    """One line of JSON without NaN or infinity in it."""

    def no_number(word):
        raise AssertionError(f"{word} is no JSON")

    assert outcome.out.count(b"\n") == 1
    return json.loads(outcome.out, parse_constant=no_number)


def test_the_json_of_sounds(quick, cover, secret):
    noisy = LOUD[:24_000]
    write(quick.folder / "song.wav", made("WAV", samples=noisy))
    hidden = strict(quick.works(*HIDE, "--json"))
    keys = "method model container carrier_snr secrets capacity_bytes seconds verified"
    assert list(hidden) == keys.split()
    assert hidden["secrets"] == [{"name": "secret.bin", "media": "blob", "exact": True, "bytes": 301}]
    assert 30 < hidden["carrier_snr"] < 100
    told = strict(quick.works("capacity", "cover.wav", "song.wav", "--json"))
    assert told.keys() - {"secret", "secrets"} == {"method", "cover", "capacity_bytes", "levels"}
    forecast = told["secret"] if "secret" in told else told["secrets"][0]
    assert all(level.keys() == {"m", "frames", "bytes", "carrier_snr"} for level in told["levels"])
    assert forecast.keys() | {"carrier_snr"} == {"name", "media", "bytes", "exact", "snr", "carrier_snr"}
    (song,) = strict(quick.works("hide", "cover.wav", "song.wav", "-o", "two.wav", "--json"))["secrets"]
    assert (song["media"], song["exact"]) == ("audio", False)
    assert song["snr"] == pytest.approx(forecast["snr"], abs=0.01)
    found = strict(quick.works("reveal", "two.wav", "-o", "back.wav", "--json"))
    assert found.keys() == {"method", "outputs", "seconds", "loss", "authenticated"}
    assert found["loss"] == 0
    back = audio_file.load(quick.folder / "back.wav").samples[:, 0].astype(float)
    true = 10 * np.log10((noisy.astype(float) ** 2).sum() / ((noisy - back) ** 2).sum())
    assert song["snr"] == pytest.approx(true, abs=1e-3)


def test_the_json_of_info(quick, cover, container):
    write(quick.folder / "out.wav", wav(container["out"]))
    keys = {"media", "description", "format", "capacity_bytes", "notes", "method", "carries"}
    record = strict(quick.works("info", "out.wav", "--json"))
    assert record.keys() == keys
    assert (record["media"], record["format"], record["method"]) == ("audio", "WAV", "exact")
    assert record["carries"] == [{"name": "secret.bin", "media": "blob", "bytes": 301}]
    assert record["description"] == "3.0 s, 16,000 Hz, mono, 16 bits"
    record = strict(quick.works("info", "cover.wav", "--json", password=None))
    assert (record.keys(), record["carries"]) == (keys, None)
    assert record["capacity_bytes"] == capacity(cover, None, terms()).bytes


@pytest.mark.parametrize("form", ["WAV", "FLAC"])
def test_doctor_looks_at_sounds(quick, container, form):
    write(quick.folder / "sent.file", made(form, samples=container["out"]))
    record = strict(quick.works("doctor", "sent.file", "--json", password=None))
    assert record["healthy"] is True
    assert form in record["checks"][0]["found"]


def test_doctor_says_that_an_mp3_is_lossy(quick):
    write(quick.folder / "sent.mp3", made("MP3"))
    outcome = quick("doctor", "sent.mp3", password=None)
    assert outcome.code == 3
    assert b"BAD  lossless format: MP3" in outcome.out


@pytest.mark.parametrize("kind", ["a text", "NaN", "A-law"])
def test_doctor_refuses_what_is_no_container(quick, kind):
    data = {"a text": b"Dear Sir or Madam", "NaN": floats(at5=np.nan), "A-law": NOT_TAKEN["A-law"]}[kind]
    write(quick.folder / "odd.wav", data)
    quick.refuses(3, "doctor", "odd.wav", says="odd.wav")


def test_the_table_of_capacity_keeps_its_columns_apart(long_sound):
    text = Cli(long_sound, QUICK).works("capacity", "cover.wav", "--set", "protect=0").out.decode()
    rows = [line.split() for line in text.splitlines()[2:]]
    assert rows
    assert all(len(row) == 4 for row in rows), text


# --- a sender who knows the password -------------------------------------------------------------------------


def crafted(code, kind="audio", *, length=None, name="", cover=None):
    """A container with any payload at all, sealed as it should be."""
    host = SoundHost(cover or Audio.of(VOICE, RATE))
    inlay = host.start(terms().keyring, "exact", 64)
    inlay.channel.write(code, Manner(10.0))
    inlay.seal(Header("exact", b"", (Entry(kind, len(code) if length is None else length, name),)))
    return Audio.of(np.concatenate(list(inlay.channel.pieces())).astype(np.int16), RATE)


def test_the_control_reveals_what_was_crafted():
    assert reveal_file(crafted(b"shello", "blob"), None, terms()).value.data == b"hello"
    exact = audio_code.encode(Audio.of(VOICE[:3000], RATE), 1 << 20).code
    assert np.array_equal(reveal_file(crafted(exact), None, terms()).value.samples[:, 0], VOICE[:3000])
    lossy = audio_code.encode(Audio.of(VOICE, RATE), 2000).code
    assert lossy[:1] == b"M"
    assert reveal_file(crafted(lossy), None, terms()).value.length == len(VOICE)


def head(depth=16, channels=1, length=1000, step=1.0, angle=0):
    return b"M" + struct.pack("<I", RATE) + mdct._Head(depth, channels, length, step, angle).pack()


DAMAGED = {
    "nothing": b"",
    "an unknown letter": b"Zanything",
    "a picture's code": b"p" + packed(noise(8, 8)),
    "a lossy code of noise": b"M" + random_bytes(500),
    "a lossy code cut short": audio_code.encode(Audio.of(VOICE, RATE), 2000).code[:20],
    "only its letter": b"M",
    "ones behind a good head": head(length=48_000) + b"\xff" * 700,
    "2^40 samples": head(channels=255, length=(1 << 32) - 1) + random_bytes(500),
    "2^28 samples in few bytes": head(length=1 << 28) + random_bytes(500),
    "no samples": head(length=0),
    "no channels": head(channels=0),
    "255 channels": head(channels=255, length=20) + random_bytes(500),
    "a depth of 12": head(depth=12) + bytes(60),
    "a step of NaN": head(step=float("nan")) + bytes(60),
    "an infinite step": head(step=float("inf")) + bytes(60),
    "an angle too far": head(channels=2, angle=64) + bytes(60),
    "a rate of 0": b"M" + bytes(4) + head()[5:] + bytes(60),
    "a rate of 2^32": b"M" + b"\xff" * 4 + head()[5:] + bytes(60),
    "FLAC of noise": b"F" + random_bytes(500),
    "FLAC of nothing": b"F",
    "FLAC with noise in it": b"F" + made("FLAC")[:42] + random_bytes(500),
    "FLAC of 2^36 samples": b"F" + flac_that_says((1 << 36) - 1)[:9000],
    "a file of noise": b"f" + random_bytes(500),
    "a file of nothing": b"f",
    "a file of text": b"fDear Sir or Madam",
    "a file that is a WAV with NaN": b"f" + riff(np.full(99, np.nan, np.float32).tobytes(), tag=3, bits=32),
    "a file that is a bomb": b"f" + riff(b"", size=0xFFFF_FFF0, before=chunk(b"LIST", b"", size=0x7FFF_FFFF)),
    "a file cut short": b"f" + made("OGG")[:5000],
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_row_22_a_sender_with_the_password_can_send_no_harm(tmp_path, kind):
    sent = crafted(DAMAGED[kind])
    gc.collect()
    tracemalloc.start()
    try:
        with refused(3), in_time():
            reveal_file(sent, tmp_path / "back.wav", terms())
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["ones behind a good head", "FLAC with noise in it", "a file of text"])
def test_row_22_nor_on_the_command_line(quick, kind):
    write(quick.folder / "sent.wav", audio_file.encode(crafted(DAMAGED[kind]), "WAV"))
    quick.refuses(3, "reveal", "sent.wav", "-o", "back/", says="sent.wav", within=AT_ONCE)


@pytest.mark.parametrize("seed", range(12))
def test_row_22_noise_behind_a_good_head_is_a_sound_or_none(seed):
    # Any bytes are some range code; what comes of them has to be a sound of the length that the head says.
    channels = [1, 2, 3, 32][seed % 4]
    start = head(depth=[8, 16, 32][seed % 3], channels=channels, length=30_000, step=2.0 ** (5 * seed))
    with in_time():
        try:
            found = reveal_file(crafted(start + random_bytes(700, seed)), None, terms()).value
        except IntarsiaError as error:
            assert error.exit_code == 3
        else:
            assert found.samples.shape == (30_000, channels)


@pytest.mark.parametrize("kind", ["image", "blob", "text"])
def test_a_kind_that_is_not_the_codes(kind):
    with refused(3):
        reveal_file(crafted(head() + bytes(60), kind), None, terms())


@pytest.mark.parametrize("length", [0, 1, 99, 101, 1 << 40, 1 << 62, 1 << 100])
def test_a_header_that_lies_about_the_length(length):
    with refused(4, ONE_TEXT), in_time():
        reveal_file(crafted(b"s" + bytes(99), "blob", length=length), None, terms())


def with_record(record, indices):
    """A sound whose frames say this record under the right password, and carry noise."""
    key = framed._sync_key(terms().keyring.keys(SOUND_SALT))
    heads = sync.blocks(key, bytes(16) + record, max(indices) + 1, bytes(32))
    samples = np.random.default_rng(5).integers(-20_000, 20_000, (len(indices), 1024)).astype(np.int32)
    samples[:, : sync.DIGITS] = modulo.write(
        samples[:, : sync.DIGITS], heads[list(indices)].astype(np.uint16), 3, -32_768, 32_767
    )
    return Audio.of(samples.reshape(-1).astype(np.int16), RATE)


def record(frames, m, share, spare):
    return frames.to_bytes(3, "little") + m.to_bytes(2, "little") + share.to_bytes(2, "little") + bytes([spare])


RECORDS = [
    ((1 << 24) - 1, 3, 1, 0),
    ((1 << 24) - 1, 65_535, 1880, 255),
    ((1 << 24) - 1, 65_535, 1880, 254),
    ((1 << 24) - 1, 3, 100, 1),
    (0, 3, 10, 0),
    (5, 3, 10, 0),
    (40, 0, 10, 0),
    (40, 1, 10, 0),
    (40, 2, 10, 0),
    (40, 3, 0, 0),
    (40, 3, 65_535, 0),
    (40, 3, 100, 40),
    (40, 3, 100, 255),
    (40, 65_535, 1880, 39),
    (40, 65_535, 1885, 0),
    (256, 7, 100, 127),
    (6, 3, 100, 5),
    (6, 3, 100, 0),  # fewer frames than there are: indices beyond the total
]


@pytest.mark.parametrize("numbers", RECORDS, ids=str)
def test_a_record_with_absurd_numbers(numbers):
    sent = with_record(record(*numbers), range(40))
    gc.collect()
    tracemalloc.start()
    try:
        with refused(4, ONE_TEXT), in_time():
            reveal_file(sent, None, terms())
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_frames_that_are_numbered_as_nobody_numbers_them():
    for indices in ([7] * 40, [300 + place % 5 for place in range(40)], list(range(1000, 1040))):
        with refused(4, ONE_TEXT), in_time():
            reveal_file(with_record(record(40, 3, 100, 9), indices), None, terms())
