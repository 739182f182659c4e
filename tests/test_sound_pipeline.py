"""Sound as a cover and as a secret, through files: what goes in comes back, and every figure is the measured one."""

import contextlib
import json
import math

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from intarsia import hosts
from intarsia.carrier import frames
from intarsia.errors import DoesNotFitError, InputError, NoSecretError, UsageError
from intarsia.media import Audio, Blob, Image, audio_file, metrics, sound_metrics, writing
from intarsia.methods.lsb import read_bits, write_bits
from intarsia.pipeline import hide_file, reveal_file
from intarsia.survey import capacity, inspect
from samples import noise, photograph, random_bytes, speech, terms, there_and_back

RATE = 16_000
SURROUND = 0x3F


def room_tone(seconds=3.0, channels=1, depth=16, seed=1, level=-26.0, rate=RATE):
    """`speech` in any depth."""
    sound = speech(seconds, rate, seed=seed, level=level, channels=channels).astype(np.int32)
    sound = sound << (depth - 16) if depth > 16 else sound >> (16 - depth)
    if depth > 16:  # used down to the last bit
        sound = sound + np.random.default_rng(seed).integers(0, 1 << (depth - 16), sound.shape)
    if depth == 8:
        return Audio.of((sound + 128).astype(np.uint8), rate)
    return Audio.of(sound.astype(np.int16) if depth == 16 else sound.astype(np.int32), rate, depth=depth)


def saved(path, sound):
    path.write_bytes(audio_file.encode(sound, writing.container_format(path)))
    return path


def facts(sound):
    return sound.length, sound.channels, sound.rate, sound.depth, sound.mask


def lost_quarter(path, out, begin=0.4, cut=True):
    """A quarter of a sound file cut out or zeroed, by another program."""
    sound = audio_file.load(path)
    samples, at = sound.samples.copy(), int(begin * sound.length)
    end = at + sound.length // 4
    if cut:
        samples = np.delete(samples, np.s_[at:end], axis=0)
    else:
        samples[at:end] = 0
    data = (samples + 128).astype(np.uint8) if sound.depth == 8 else samples
    return saved(out, Audio.of(data, sound.rate, depth=sound.depth))


# --- covers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [8, 16, 24, 32])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_wav_of_any_depth_carries_any_bytes_and_stays_what_it_was(depth, channels, tmp_path):
    cover = room_tone(3.0, channels, depth, level=-15.0, rate=22_050)
    path = saved(tmp_path / "cover.wav", cover)
    secret = Blob(random_bytes(700), "plan.bin")
    hidden, found = there_and_back(path, secret, tmp_path / "c.wav")
    assert (found.data, found.name) == (secret.data, "plan.bin")
    container = audio_file.load(tmp_path / "c.wav")
    assert facts(container) == facts(cover)
    assert (tmp_path / "c.wav").stat().st_size <= path.stat().st_size
    assert hidden.carrier_snr == sound_metrics.snr_of(cover, container) >= 30
    assert hidden.cover_psnr is None
    for cut in (True, False):
        lost = lost_quarter(tmp_path / "c.wav", tmp_path / f"lost{cut}.wav", cut=cut)
        revealed = reveal_file(lost, None, terms())
        assert revealed.value.data == secret.data
        assert 0.15 < revealed.loss < 0.4
        assert "the secret is whole" in revealed.notes[0]


@pytest.mark.parametrize(("channels", "mask"), [(6, SURROUND), (2, 3), (3, None), (8, None)])
def test_surround_keeps_its_mask(channels, mask, tmp_path):
    sound = room_tone(1.0, channels)
    cover = Audio(sound.pcm, 48_000, 16, mask=mask)
    saved(tmp_path / "cover.wav", cover)
    _, found = there_and_back(tmp_path / "cover.wav", Blob(b"surround" * 9), tmp_path / "c.wav")
    assert found.data == b"surround" * 9
    assert facts(audio_file.load(tmp_path / "c.wav")) == facts(audio_file.load(tmp_path / "cover.wav"))
    assert audio_file.load(tmp_path / "c.wav").mask == mask


def test_a_float_wav_becomes_24_bits(tmp_path):
    soundfile.write(tmp_path / "f.wav", room_tone(2.0, 2).samples / 32_768, RATE, subtype="FLOAT")
    hidden, found = there_and_back(tmp_path / "f.wav", Blob(b"x" * 300), tmp_path / "c.wav")
    assert found.data == b"x" * 300
    assert audio_file.load(tmp_path / "c.wav").depth == 24
    assert soundfile.info(tmp_path / "c.wav").subtype == "PCM_24"
    assert hidden.carrier_snr > 30


@pytest.mark.parametrize("depth", [8, 16, 24])
def test_flac_there_and_back_in_every_depth_it_has(depth, tmp_path):
    cover = room_tone(2.0, 2, depth, level=-12.0)
    secret = Blob(random_bytes(400), "")
    _, found = there_and_back(saved(tmp_path / "cover.wav", cover), secret, tmp_path / "c.flac")
    assert found.data == secret.data
    assert facts(audio_file.load(tmp_path / "c.flac")) == facts(cover)
    # A FLAC is a cover too, and a lossless conversion of a container is one still.
    _, found = there_and_back(tmp_path / "c.flac", secret, tmp_path / "d.wav", seed=1, method=None)
    assert found.data == secret.data


def test_a_container_survives_lossless_conversion_and_foreign_metadata(tmp_path):
    hide_file(room_tone(2.0, 2), Blob(b"inlay" * 50), tmp_path / "c.wav", terms())
    sound = audio_file.load(tmp_path / "c.wav")
    saved(tmp_path / "d.flac", sound)
    soundfile.write(tmp_path / "e.wav", sound.samples << 16, RATE, subtype="PCM_16", format="RF64")
    content = (tmp_path / "c.wav").read_bytes()
    (tmp_path / "f.wav").write_bytes(content + b"LIST\x04\0\0\0INFO")
    for name in ("d.flac", "e.wav", "f.wav"):
        assert reveal_file(tmp_path / name, None, terms()).value.data == b"inlay" * 50
    # 16 bits kept in 24 are other numbers; 256 is 1 modulo 3, so ternary digits happen to stay.
    saved(tmp_path / "g.wav", Audio.of(sound.samples << 8, RATE, depth=24))
    with contextlib.suppress(NoSecretError):
        assert reveal_file(tmp_path / "g.wav", None, terms()).value.data == b"inlay" * 50


def test_an_rf64_cover(tmp_path):
    soundfile.write(tmp_path / "cover.wav", speech(2.0), RATE, subtype="PCM_16", format="RF64")
    assert (tmp_path / "cover.wav").read_bytes()[:4] == b"RF64"
    _, found = there_and_back(tmp_path / "cover.wav", Blob(b"long" * 20), tmp_path / "c.wav")
    assert found.data == b"long" * 20
    assert audio_file.load(tmp_path / "c.wav").length == 2 * RATE


def test_the_container_has_no_metadata_of_the_cover(tmp_path):
    with soundfile.SoundFile(tmp_path / "cover.wav", "w", RATE, 1, "PCM_16") as file:
        file.title = "Title of somebody"
        file.write(speech(2.0))
    assert b"Title of somebody" in (tmp_path / "cover.wav").read_bytes()
    hide_file(tmp_path / "cover.wav", Blob(b"x"), tmp_path / "c.wav", terms())
    assert b"somebody" not in (tmp_path / "c.wav").read_bytes()


def test_lossy_covers_are_remarked_on_and_lossy_containers_refused(tmp_path):
    (tmp_path / "cover.ogg").write_bytes(audio_file.encode(room_tone(3.0), "OGG"))
    hidden, found = there_and_back(tmp_path / "cover.ogg", Blob(b"x" * 50), tmp_path / "c.wav")
    assert found.data == b"x" * 50
    assert any("decoded from OGG" in note for note in hidden.notes)
    for name in ("c.ogg", "c.mp3", "c.png", "c"):
        with pytest.raises(UsageError):
            hide_file(room_tone(3.0), Blob(b"x"), tmp_path / name, terms())
    with pytest.raises(UsageError, match="24 bits"):
        hide_file(room_tone(3.0, depth=32), Blob(b"x"), tmp_path / "c.flac", terms())
    (tmp_path / "c.ogg").write_bytes(audio_file.encode(audio_file.load(tmp_path / "c.wav"), "OGG"))
    with pytest.raises(NoSecretError) as refused:
        reveal_file(tmp_path / "c.ogg", None, terms())
    assert any("lossy" in note for note in refused.value.__notes__)


# --- secrets -------------------------------------------------------------------------------------------------


def test_text_and_bytes(tmp_path):
    cover = room_tone(3.0)
    _, found = there_and_back(cover, Blob.text("Grüße aus Köln\n" * 20), tmp_path / "c.wav")
    assert (found.kind, found.data.decode()) == ("text", "Grüße aus Köln\n" * 20)
    (tmp_path / "letter.txt").write_bytes(b"a file")
    _, found = there_and_back(cover, tmp_path / "letter.txt", tmp_path / "c.wav", force=True)
    assert (found.kind, found.data, found.name) == ("blob", b"a file", "letter.txt")
    for data in (b"", b"\0", random_bytes(2000)):
        _, found = there_and_back(cover, Blob(data), tmp_path / "c.wav", force=True)
        assert (found.kind, found.data) == ("blob", data)


def test_a_picture_in_a_sound(tmp_path):
    cover = room_tone(8.0, 2)
    hidden, found = there_and_back(cover, Image(photograph(48, 48)), tmp_path / "c.wav")
    report = hidden.secrets[0]
    assert report.media == "image" and report.snr is None
    assert report.exact or report.psnr == pytest.approx(metrics.psnr(photograph(48, 48), found.samples))
    assert report.exact or report.psnr >= 42
    _, found = there_and_back(
        cover, Image(photograph(24, 24)), tmp_path / "d.wav", settings={"secret_db": "inf", "snr": 25}
    )
    assert np.array_equal(found.samples, photograph(24, 24))


@pytest.mark.parametrize("depth", [8, 24])
def test_a_sound_in_a_sound_exactly(depth, tmp_path):
    secret = room_tone(0.4, depth=depth, rate=8000, seed=5)
    saved(tmp_path / "s.wav", secret)
    cover = room_tone(16.0, 2, 24)
    hidden, found = there_and_back(cover, tmp_path / "s.wav", tmp_path / "c.wav")
    report = hidden.secrets[0]
    assert report.exact and report.snr is None and report.psnr is None
    assert report.record() == {"name": "s.wav", "media": "audio", "exact": True, "bytes": report.bytes}
    assert facts(found) == facts(secret) and found.name == "s.wav"
    assert np.array_equal(found.samples, secret.samples)
    assert report.bytes < 1 + (tmp_path / "s.wav").stat().st_size


def test_a_sound_in_a_sound_as_well_as_it_fits(tmp_path):
    cover, secret = room_tone(1.2), room_tone(1.0, seed=5)
    hidden, found = there_and_back(cover, secret, tmp_path / "c.wav")
    report = hidden.secrets[0]
    assert not report.exact
    assert report.snr == sound_metrics.snr(secret.samples, found.samples) > 5
    assert report.psnr is None
    assert report.record()["snr"] == round(report.snr, 3)
    assert facts(found) == facts(secret)
    assert hidden.carrier_snr >= 30
    assert any(f"{report.snr:.1f} dB" in note for note in hidden.notes)
    # More room, more quality; a target stops there and leaves more of the cover.
    roomy, _ = there_and_back(cover, secret, tmp_path / "d.wav", settings={"snr": 20})
    assert roomy.secrets[0].snr > report.snr + 2
    target, found = there_and_back(cover, secret, tmp_path / "e.wav", settings={"snr": 20, "secret_db": 8})
    assert 8 <= target.secrets[0].snr < 9
    assert target.carrier_snr > roomy.carrier_snr + 1


def test_a_sound_in_a_picture(tmp_path):
    cover, secret = Image(noise(120, 120)), room_tone(1.0, rate=8000)
    hidden, found = there_and_back(cover, secret, tmp_path / "c.png")
    report = hidden.secrets[0]
    assert facts(found) == facts(secret)
    if report.exact:
        assert np.array_equal(found.samples, secret.samples)
    else:
        assert report.snr == sound_metrics.snr_of(secret, found)
    assert hidden.carrier_snr is None and hidden.cover_psnr > 40
    assert "cover_psnr" in hidden.record() and "carrier_snr" not in hidden.record()


def test_a_sound_file_that_fits_comes_back_byte_for_byte(tmp_path):
    (tmp_path / "s.ogg").write_bytes(audio_file.encode(room_tone(0.5, rate=8000), "OGG"))
    hide_file(room_tone(20.0, 2, 24), tmp_path / "s.ogg", tmp_path / "c.wav", terms())
    reveal_file(tmp_path / "c.wav", f"{tmp_path}/out/", terms())
    assert (tmp_path / "out/s.ogg").read_bytes() == (tmp_path / "s.ogg").read_bytes()


# --- settings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("snr", [15, 30, 45.5])
@pytest.mark.parametrize("more", [{}, {"protect": 0}, {"shaping": 0.5}, {"protect": 0.5, "shaping": 0.9}])
def test_the_least_snr_is_kept_on_the_saved_file(snr, more, tmp_path):
    cover = room_tone(4.0)
    room = capacity(cover, None, terms(settings={"snr": snr} | more)).bytes
    if room < 1:
        pytest.skip("no room at all")
    hidden, found = there_and_back(cover, Blob(random_bytes(room)), tmp_path / "c.wav", settings={"snr": snr} | more)
    assert found.data == random_bytes(room)
    measured = sound_metrics.snr_of(cover, audio_file.load(tmp_path / "c.wav"))
    assert hidden.carrier_snr == measured >= snr
    assert hidden.capacity == room
    with pytest.raises(DoesNotFitError):
        hide_file(cover, Blob(random_bytes(room + 60)), tmp_path / "d.wav", terms(settings={"snr": snr} | more))
    assert not (tmp_path / "d.wav").exists()


@pytest.mark.parametrize("protect", [0.1, 0.5, 0.7])
def test_what_protection_was_asked_for_is_there_and_none_when_none_was(protect, tmp_path):
    cover, secret = room_tone(10.0), Blob(random_bytes(300))
    hide_file(cover, secret, tmp_path / "c.wav", terms(settings={"protect": protect}))
    sound = audio_file.load(tmp_path / "c.wav")
    kept = sound.samples[int(protect * sound.length) :]
    saved(tmp_path / "cut.wav", Audio.of(kept, RATE, depth=16))
    assert reveal_file(tmp_path / "cut.wav", None, terms()).value.data == secret.data
    hide_file(cover, secret, tmp_path / "bare.wav", terms(settings={"protect": 0}))
    samples = audio_file.load(tmp_path / "bare.wav").samples
    saved(tmp_path / "cut.wav", Audio.of(samples[: len(samples) // 2], RATE, depth=16))
    with pytest.raises(NoSecretError):
        reveal_file(tmp_path / "cut.wav", None, terms())


@pytest.mark.parametrize(
    "settings",
    [
        {"cover_db": 40},
        {"snr": 0},
        {"snr": -3},
        {"snr": "nan"},
        {"snr": "inf"},
        {"snr": "loud"},
        {"protect": 1},
        {"protect": 0.91},
        {"protect": -0.1},
        {"protect": "25%"},
        {"shaping": 1},
        {"shaping": -0.5},
        {"secret_db": 0},
        {"nsr": 30},
        {"bits": 1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, tmp_path):
    with pytest.raises(UsageError):
        hide_file(room_tone(2.0), Blob(b"x"), tmp_path / "c.wav", terms(settings=settings))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("settings", [{"snr": 40}, {"protect": 0.25}, {"shaping": 0.5}])
def test_settings_of_sounds_are_refused_with_a_picture(settings, tmp_path):
    with pytest.raises(UsageError, match="sound"):
        hide_file(Image(noise(60, 60)), Blob(b"x"), tmp_path / "c.png", terms(settings=settings))
    with pytest.raises(UsageError, match="picture"):
        hide_file(room_tone(2.0), Blob(b"x"), tmp_path / "c.wav", terms(settings={"cover_db": 40}))


def test_a_secret_that_must_be_better_than_it_can_be_is_refused(tmp_path):
    settings = {"secret_db": 50, "preset": "fast"}
    for secret in (room_tone(2.0, seed=5), Image(photograph(160, 160))):
        with pytest.raises(DoesNotFitError, match=r"dB needs [\d,]+ bytes and [\d,]+ fit"):
            hide_file(room_tone(0.8), secret, tmp_path / "c.wav", terms(settings=settings | {"protect": 0}))
    assert not list(tmp_path.iterdir())


def test_seeded_containers_repeat_and_fresh_ones_never(tmp_path):
    cover, secret = room_tone(2.0), Blob(b"x" * 40)
    for name, changes in (("a", {"seed": 3}), ("b", {"seed": 3}), ("c", {"seed": 4}), ("d", {}), ("e", {})):
        hide_file(cover, secret, tmp_path / f"{name}.wav", terms(**changes))
    a, b, *others = ((tmp_path / f"{name}.wav").read_bytes() for name in "abcde")
    assert a == b
    assert len({a, *others}) == 4


def test_hiding_again_in_a_container_under_the_same_password(tmp_path):
    for first, second in ((20, 20), (4000, 20), (20, 4000)):
        hide_file(room_tone(8.0), Blob(random_bytes(first)), tmp_path / "a.wav", terms(force=True))
        secret = Blob(random_bytes(second, seed=4))
        hidden, found = there_and_back(tmp_path / "a.wav", secret, tmp_path / "b.wav", force=True)
        assert any("already carries a secret" in note for note in hidden.notes)
        assert found.data == secret.data


def test_hiding_again_under_another_password_notices_nothing(tmp_path):
    hide_file(room_tone(10.0), Blob(b"first" * 9), tmp_path / "a.wav", terms("one"))
    hidden = hide_file(tmp_path / "a.wav", Blob(b"second" * 9), tmp_path / "b.wav", terms("two"))
    assert not any("already" in note for note in hidden.notes)
    assert reveal_file(tmp_path / "b.wav", None, terms("two")).value.data == b"second" * 9


# --- what does not fit ---------------------------------------------------------------------------------------


def test_what_does_not_fit_is_told_in_seconds_of_such_sound(tmp_path):
    cover = room_tone(3.0)
    with pytest.raises(DoesNotFitError, match=r"use about [\d,.]+ s of such sound") as refused:
        hide_file(cover, Blob(random_bytes(100_000)), tmp_path / "c.wav", terms())
    assert refused.value.needed >= 100_000 > refused.value.available
    words = str(refused.value)
    seconds = float(words.split("use about ")[1].split(" s of")[0].replace(",", ""))
    assert seconds == pytest.approx(3 * refused.value.needed / refused.value.available, abs=0.06)
    assert "-inf" not in words and "nan" not in words
    # It is no empty promise.
    enough = room_tone(1.1 * seconds)
    assert hide_file(enough, Blob(random_bytes(100_000)), tmp_path / "d.wav", terms()).carrier_snr >= 30


def quiet(count, most, seed=0):
    """Changing at every sample, but by very little."""
    return np.random.default_rng(seed).integers(-most, most + 1, count).astype(np.int16)


@pytest.mark.parametrize(
    ("name", "samples"),
    [
        ("silence", np.zeros(200_000, np.int16)),
        ("constant", np.full(200_000, 1234, np.int16)),
        ("full scale", np.full(200_000, -32_768, np.int16)),
        ("stepped", np.repeat(np.arange(2000) % 7, 100).astype(np.int16)),
        ("one sample", np.array([5], np.int16)),
        ("too short", quiet(6143, 3000)),
        ("five frames", quiet(5 * 1024 + 900, 3000)),
        ("short and quiet", quiet(7000, 1)),
        ("short, quiet, protected", quiet(10_000, 5)),
        ("quiet", quiet(40_000, 1)),
        ("mostly silent", np.concatenate([np.zeros(100_000, np.int16), quiet(3000, 3000)])),
    ],
)
def test_covers_that_hold_nothing_are_refused_in_words(name, samples, tmp_path):
    with pytest.raises(DoesNotFitError) as refused:
        hide_file(Audio.of(samples, 8000), Blob(b"x"), tmp_path / "c.wav", terms())
    words = str(refused.value)
    assert "inf" not in words and "nan" not in words, words
    assert refused.value.needed > refused.value.available
    assert not list(tmp_path.iterdir())
    assert inspect(saved(tmp_path / "x.wav", Audio.of(samples, 8000)), None, terms()).capacity == 0
    with pytest.raises(NoSecretError):
        reveal_file(tmp_path / "x.wav", None, terms())


def test_one_of_them_says_how_long_is_long_enough(tmp_path):
    with pytest.raises(DoesNotFitError, match=r"lasts 0\.05 s; at least 0\.77 s"):
        hide_file(Audio.of(quiet(400, 3000), 8000), Blob(b"x"), tmp_path / "c.wav", terms())
    with pytest.raises(DoesNotFitError, match="silence or a constant"):
        hide_file(Audio.of(np.zeros((40_000, 2), np.int16), 8000), Blob(b"x"), tmp_path / "c.wav", terms())
    cover = Audio.of(quiet(6 * 1024, 3000), 8000)  # as short as it goes
    _, found = there_and_back(cover, Blob(b"x"), tmp_path / "c.wav", settings={"protect": 0})
    assert found.data == b"x"


def test_silence_is_left_alone_and_said(tmp_path):
    cover = speech(6.0).copy()
    cover[20_000:60_000] = 0
    cover[70_000:70_100] = -7
    sound = Audio.of(cover, RATE)
    room = capacity(sound, None, terms()).bytes
    hidden, found = there_and_back(sound, Blob(random_bytes(room)), tmp_path / "c.wav")
    assert found.data == random_bytes(room)
    written = audio_file.load(tmp_path / "c.wav").samples[:, 0]
    assert not written[20_000:60_000].any()
    assert (written[70_000:70_100] == -7).all()
    assert any("digital silence" in note for note in hidden.notes)
    assert hidden.carrier_snr >= 30


@pytest.mark.parametrize("level", [3000, 25_000, 32_000, 32_700, 32_767])
@pytest.mark.parametrize("secret_share", [0.02, 1.0])
def test_no_sound_is_ever_below_30_db_unless_it_was_asked_for(level, secret_share, tmp_path):
    loud = np.random.default_rng(level).normal(0, 1.5 * level, 80_000)
    cover = Audio.of(np.clip(loud, -level, level).astype(np.int16), RATE)
    room = capacity(cover, None, terms()).bytes
    secret = Blob(random_bytes(int(secret_share * room)))
    hidden, found = there_and_back(cover, secret, tmp_path / "c.wav")
    assert found.data == secret.data
    assert hidden.carrier_snr >= 30


def test_an_offset_is_no_licence(tmp_path):
    # 30 dB under a huge constant would be far above the sound itself.
    faint = quiet(60_000, 40) + 20_000
    cover = Audio.of(faint.astype(np.int16), RATE)
    room = capacity(cover, None, terms(settings={"protect": 0})).bytes
    hide_file(cover, Blob(random_bytes(room)), tmp_path / "c.wav", terms(settings={"protect": 0}))
    change = audio_file.load(tmp_path / "c.wav").samples[:, 0].astype(float) - faint
    assert 10 * math.log10(np.var(faint.astype(float)) / np.mean(change**2)) >= 30


# --- lsb -----------------------------------------------------------------------------------------------------


def test_lsb_by_hand():
    samples = np.array([5, -1, 0, 7, -128, 127, 2, 3, 9], np.int32)
    # 0xB1 = 1011 0001, the most significant bit first.
    assert write_bits(samples, b"\xb1", 1).tolist() == [5, -2, 1, 7, -128, 126, 2, 3, 9]
    assert write_bits(samples, b"\xb1", 2).tolist() == [6, -1, 0, 5, -128, 127, 2, 3, 9]
    assert write_bits(samples, b"\xb1", 3).tolist() == [5, -4, 2, 7, -128, 127, 2, 3, 9]  # 101 100 01(0)
    assert write_bits(samples, b"\xb1", 4).tolist() == [11, -15, 0, 7, -128, 127, 2, 3, 9]
    for bits in (1, 2, 3, 4):
        assert read_bits(write_bits(samples, b"\xb1", bits), 1, bits) == b"\xb1"
    assert samples.tolist() == [5, -1, 0, 7, -128, 127, 2, 3, 9]
    assert write_bits(samples, b"", 2).tolist() == samples.tolist()


@given(st.binary(max_size=60), st.integers(1, 4), st.integers(0, 1 << 30))
def test_lsb_is_the_classical_formula(data, bits, seed):
    count = math.ceil(8 * len(data) / bits)
    samples = np.random.default_rng(seed).integers(-(1 << 31), 1 << 31, count + 5).astype(np.int32)
    written = write_bits(samples, data, bits)
    stream = "".join(f"{byte:08b}" for byte in data).ljust(count * bits, "0")
    for at, (before, after) in enumerate(zip(samples.tolist(), written.tolist(), strict=True)):
        group = stream[at * bits : (at + 1) * bits]
        assert after == (((before >> bits) << bits) | int(group, 2) if at < count else before)
    assert read_bits(written, len(data), bits) == data


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
@pytest.mark.parametrize(("channels", "depth"), [(1, 16), (2, 8), (6, 24)])
def test_lsb_in_a_sound_is_that_formula_outside_of_the_headers_frames(bits, channels, depth, tmp_path):
    cover = room_tone(12_000 / RATE / channels * 2, channels, depth)
    limit = capacity(cover, None, terms(method="lsb", settings={"bits": bits})).bytes
    secret = Blob(random_bytes(limit), "")
    hidden, found = there_and_back(cover, secret, tmp_path / "c.wav", method="lsb", settings={"bits": bits})
    assert found.data == secret.data
    before, after = cover.samples.reshape(-1), audio_file.load(tmp_path / "c.wav").samples.reshape(-1)
    reserved = hosts.host(audio_file.load(tmp_path / "c.wav")).open(terms().keyring).channel.reserved
    assert len(set(reserved.tolist())) == 6 * frames.FRAME
    code = np.unpackbits(np.frombuffer(b"s" + secret.data, np.uint8))
    groups = np.pad(code, (0, -len(code) % bits)).reshape(-1, bits) @ (1 << np.arange(bits)[::-1])
    expected = np.delete(before, reserved)
    expected[: len(groups)] = (expected[: len(groups)] >> bits << bits) + groups
    assert np.array_equal(np.delete(after, reserved), expected)
    assert any("does not encrypt" in note for note in hidden.notes)
    with pytest.raises(DoesNotFitError):
        hide_file(
            cover, Blob(random_bytes(limit + 1)), tmp_path / "d.wav", terms(method="lsb", settings={"bits": bits})
        )


def test_lsb_notices_any_change_and_refuses_what_is_for_pictures(tmp_path):
    cover = room_tone(2.0)
    hidden, found = there_and_back(cover, room_tone(0.2, rate=8000, seed=3), tmp_path / "c.wav", method="lsb")
    assert found.kind == "audio"
    assert hidden.secrets[0].exact or hidden.secrets[0].snr > 10
    sound = audio_file.load(tmp_path / "c.wav")
    for place in (0, 15_000, 31_999):
        changed = sound.samples.copy()
        changed[place] ^= 16
        saved(tmp_path / "x.wav", Audio.of(changed, RATE, depth=16))
        with pytest.raises(NoSecretError):
            reveal_file(tmp_path / "x.wav", None, terms())
    for settings in ({"bits": 0}, {"bits": 5}, {"midpoint": True}, {"snr": 30}):
        with pytest.raises(UsageError):
            hide_file(cover, Blob(b"x"), tmp_path / "d.wav", terms(method="lsb", settings=settings))


# --- reports -------------------------------------------------------------------------------------------------


def test_records_are_json_with_both_ratios(tmp_path):
    cover, secret = room_tone(1.2), room_tone(1.0, seed=5)
    hidden, _ = there_and_back(cover, secret, tmp_path / "c.wav")
    record = json.loads(json.dumps(hidden.record(), allow_nan=False))
    assert record["carrier_snr"] == round(hidden.carrier_snr, 3)
    assert "cover_psnr" not in record and "psnr" not in record["secrets"][0]
    assert record["secrets"][0]["snr"] == round(hidden.secrets[0].snr, 3)
    assert record["secrets"][0]["exact"] is False
    revealed = reveal_file(tmp_path / "c.wav", f"{tmp_path}/out/", terms())
    record = json.loads(json.dumps(revealed.record(), allow_nan=False))
    assert record["loss"] == 0 and record["outputs"][0]["media"] == "audio"
    told = json.loads(json.dumps(capacity(cover, secret, terms()).record(), allow_nan=False))
    assert told["secret"]["carrier_snr"] == pytest.approx(hidden.carrier_snr, abs=0.3)
    assert told["secret"]["bytes"] == hidden.secrets[0].bytes
    levels = told["levels"]
    assert all(level["carrier_snr"] >= wanted for level, wanted in zip(levels, (30, 35, 40, 45), strict=False))
    assert [level["bytes"] for level in levels] == sorted((level["bytes"] for level in levels), reverse=True)


def test_inspect_tells_what_a_sound_carries_and_what_it_could(tmp_path):
    hide_file(room_tone(3.0), Blob(b"x" * 77, "plan.pdf"), tmp_path / "c.wav", terms())
    found = inspect(tmp_path / "c.wav", terms().keyring, terms())
    assert (found.media, found.method, found.carries[0].name) == ("audio", "exact", "plan.pdf")
    assert found.capacity == capacity(tmp_path / "c.wav", None, terms()).bytes > 0
    with pytest.raises(NoSecretError):
        inspect(tmp_path / "c.wav", terms("other").keyring, terms())


def test_any_mutated_byte_gives_the_secret_or_a_plain_refusal(tmp_path):
    hide_file(room_tone(1.5), Blob(b"inlay" * 20), tmp_path / "c.wav", terms(seed=1))
    content = bytearray((tmp_path / "c.wav").read_bytes())
    for position in (*range(0, 48, 2), 100, 5000, 40_000):
        for mask in (0x01, 0x80):
            content[position] ^= mask
            (tmp_path / "m.wav").write_bytes(content)
            content[position] ^= mask
            try:
                found = reveal_file(tmp_path / "m.wav", None, terms())
            except (NoSecretError, InputError):
                continue
            assert found.value.data == b"inlay" * 20
