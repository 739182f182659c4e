"""What happens on the way: controls change nothing, strength costs what it should, sounds come back in time."""

import importlib.util
import io
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as Pil

import samples
from intarsia.errors import ResourceError, UsageError
from intarsia.media import Audio, Blob, Image, audio_file, image_file, metrics, sound_metrics, transit
from intarsia.media.transit import resampling, sound_codecs, written
from intarsia.media.transit.channel import SEED, spelled

PICTURE = Image(samples.photograph(72, 96))
GREY = Image(samples.photograph(40, 56)[..., 1].copy())
DEEP = Image((GREY.samples.astype(np.uint16) << 8) + 77)
CLEAR = Image(PICTURE.samples, (PICTURE.samples[..., 0] // 2 + 100).astype(np.uint8))
PICTURES = {"colour": PICTURE, "grey": GREY, "deep": DEEP, "alpha": CLEAR}

SPEECH = Audio.of(samples.speech(1.2, 16_000), 16_000)
STEREO = Audio.of(samples.speech(1.0, 44_100, channels=2), 44_100)
DEEPER = Audio.of(STEREO.samples[:20_000] * 256 + 5, 44_100, depth=24)
SMALL = Audio.of((SPEECH.samples[:9000] // 256 + 128).astype(np.uint8), 16_000)
SOUNDS = {"speech": SPEECH, "stereo": STEREO, "24 bits": DEEPER, "8 bits": SMALL}

CODECS = ("mp3:64", "aac:64", "opus:48", "opus:24:16000", "ogg:4")
OTHER_LENGTH = ("speed", "trim", "cut")
OTHER_SIZE = ("crop", "crop1")
NEEDS = {"mp3": "av", "aac": "av", "opus": "av", "resample": "soxr", "speed": "soxr"}


def need(*texts):
    """Skip a test whose channels need a package that is not there."""
    for step in "+".join(texts).split("+"):
        package = NEEDS.get(step.split(":")[0])
        if package and importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


def psnr(text, picture=PICTURE, **how):
    arrived = transit.send(picture, text, **how)
    return metrics.psnr(picture.samples, arrived.samples)


def snr(text, sound=SPEECH, **how):
    return sound_metrics.snr(sound.samples, transit.send(sound, text, **how).samples)


def written_as(channel):
    return channel.example or channel.name


# --- pictures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", transit.PICTURES)
@pytest.mark.parametrize("kind", PICTURES)
def test_every_channel_takes_every_picture_and_keeps_its_shape(name, kind):
    sent = PICTURES[kind]
    arrived = transit.send(sent, written_as(transit.PICTURES[name]))
    is_codec = name in ("jpeg", "jpeg444", "webp", "avif")
    if name not in OTHER_SIZE:
        assert (arrived.width, arrived.height) == (sent.width, sent.height)
    assert arrived.depth == (8 if is_codec else sent.depth)
    assert arrived.is_grey == (sent.is_grey and name not in ("webp", "avif"))
    assert (arrived.alpha is None) == (sent.alpha is None or name.startswith("jpeg"))
    assert bool(arrived.file) == bool(transit.PICTURES[name].suffixes) == (is_codec or name == "png")
    changed = [sent.depth == 16, sent.alpha is not None and name.startswith("jpeg"), sent.is_grey and name[0] in "wa"]
    assert len(arrived.notes) == (sum(changed) if is_codec else 0)


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("text", ["png", "resize:1", "scale:1600", "crop:1", "rotate:0", "quantise:16", "brightness:1"])
def test_what_does_nothing_changes_nothing(kind, text):
    sent = replace(PICTURES[kind], profile=b"not really a profile", gamma=0.45455, name="a.png")
    arrived = transit.send(sent, text)
    assert (arrived.samples == sent.samples).all()
    assert (arrived.alpha is sent.alpha is None) or (arrived.alpha == sent.alpha).all()
    assert (arrived.profile, arrived.gamma, arrived.name) == (sent.profile, pytest.approx(0.45455), "a.png")


FALLING = {
    "jpeg": (100, 90, 75, 50, 10),
    "jpeg444": (100, 90, 75, 50, 10),
    "webp": (100, 90, 75, 10),
    "avif": (100, 90, 60, 20),
    "resize": (2, 0.7, 0.5, 0.2),
    "blur": (0.1, 0.5, 1, 3),
    "noise": (0.5, 1, 4, 20),
    "quantise": (7, 6, 4, 1),
    "brightness": (1.02, 1.1, 1.5),
    "contrast": (1, 0.9, 0.5, 0),
    "rotate": (0.2, 1, 10),
}


@pytest.mark.parametrize("name", FALLING)
def test_more_of_it_costs_more(name):
    found = [psnr(f"{name}:{strength}") for strength in FALLING[name]]
    assert all(before > after for before, after in itertools.pairwise(found)), found


def test_halved_chroma_costs_and_is_in_the_file():
    assert psnr("jpeg444:90") > psnr("jpeg:90")
    layers = {text: Pil.open(io.BytesIO(transit.send(PICTURE, text).file)).layer for text in ("jpeg:90", "jpeg444:90")}
    assert [layer[0][1:3] for layer in layers.values()] == [(2, 2), (1, 1)]


def test_what_arrives_is_what_any_reader_finds_in_the_file():
    for text in ("jpeg:75", "webp:60", "avif:50"):
        arrived = transit.send(PICTURE, text)
        assert (np.asarray(Pil.open(io.BytesIO(arrived.file))) == arrived.samples).all()


def test_noise_has_the_deviation_asked_for():
    flat = Image(np.full((200, 200, 3), 128, np.uint8))
    assert np.std(transit.send(flat, "noise:5").samples.astype(float)) == pytest.approx(5, rel=0.02)
    deep = Image(np.full((200, 200), 30_000, np.uint16))
    assert np.std(transit.send(deep, "noise:5").samples.astype(float)) == pytest.approx(5 * 257, rel=0.02)


@pytest.mark.parametrize("sent", [PICTURE, DEEP, Image(np.tile(np.array([[0, 255]], np.uint8), (20, 20)))])
def test_plusminus1_moves_every_sample_by_one(sent):
    moved = transit.send(sent, "plusminus1").samples.astype(int) - sent.samples
    assert set(np.unique(moved)) == {-1, 1}


def test_places():
    assert (transit.send(PICTURE, "flip").samples == PICTURE.samples[:, ::-1]).all()
    assert (transit.send(PICTURE, "crop1").samples == PICTURE.samples[1:, 1:]).all()
    assert (transit.send(PICTURE, "crop:0.5").samples == PICTURE.samples[18:54, 24:72]).all()
    assert (transit.send(PICTURE, "rotate:90").samples == np.rot90(PICTURE.samples)).all()
    assert (transit.send(CLEAR, "flip").alpha == CLEAR.alpha[:, ::-1]).all()
    assert psnr("rotate:180+rotate:-180") == math.inf


def test_sizes():
    def size(text):
        arrived = transit.send(PICTURE, text)
        return arrived.width, arrived.height

    assert [size(text) for text in ("scale:48", "scale:96", "scale:500", "scale:10x30")] == [
        (48, 36),
        (96, 72),
        (96, 72),
        (10, 30),
    ]
    one = transit.send(Image(np.array([[9]], np.uint8)), "resize:0.01+crop1+crop:0.01+scale:1+blur:1")
    assert one.samples.tolist() == [[9]]


def test_a_blur_is_a_gaussian():
    point = np.zeros((41, 41), np.uint16)
    point[20, 20] = 60_000
    got = transit.send(Image(point), "blur:2").samples.astype(float)
    x = np.arange(-20, 21)
    bell = np.exp(-(x**2) / 8)
    expected = 60_000 * np.outer(bell, bell) / bell.sum() ** 2
    assert np.abs(got - expected).max() < 2
    assert (transit.send(Image(np.full((30, 30), 77, np.uint8)), "blur:5").samples == 77).all()


def test_a_screenshot_moves_some_levels_a_little():
    ramp = Image(np.arange(256, dtype=np.uint8)[None].repeat(2, 0))
    moved = transit.send(ramp, "screenshot").samples.astype(int) - ramp.samples
    assert 0 < np.count_nonzero(moved[0]) < 256
    assert np.abs(moved).max() <= 8
    grey = transit.send(PICTURE, "grey").samples
    assert (grey[..., 0] == grey[..., 2]).all()


# --- sounds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", transit.SOUNDS)
@pytest.mark.parametrize("kind", SOUNDS)
def test_every_channel_takes_every_sound_and_keeps_rate_depth_and_length(name, kind):
    text = written_as(transit.SOUNDS[name])
    need(text)
    sent = SOUNDS[kind]
    arrived = transit.send(sent, text)
    assert (arrived.rate, arrived.depth) == (sent.rate, sent.depth)
    assert arrived.channels == (1 if name == "mono" else sent.channels)
    assert name in OTHER_LENGTH or arrived.length == sent.length
    assert bool(arrived.original()) == bool(transit.SOUNDS[name].suffixes)
    assert -(1 << (sent.depth - 1)) <= arrived.samples.min() <= arrived.samples.max() < 1 << (sent.depth - 1)


@pytest.mark.parametrize("kind", SOUNDS)
@pytest.mark.parametrize(
    "text", ["wav", "gain:0", "requantise:32", "lowpass:22050", "trim:0", "cut:0", "zero:0:3", "echo:10:0", "speed:1"]
)
def test_a_sound_nothing_happens_to_stays_exactly_as_it_is(kind, text):
    sent = replace(SOUNDS[kind], name="a.wav")
    arrived = transit.send(sent, text)
    assert (arrived.samples == sent.samples).all()
    assert (arrived.name, arrived.rate, arrived.depth, arrived.notes) == ("a.wav", sent.rate, sent.depth, ())


QUIETER = {
    "mp3": (320, 128, 48),
    "aac": (256, 96, 32),
    "opus": (128, 48, 16),
    "ogg": (10, 5, 0),
    "resample": (40_000, 22_050, 8000),
    "noise": (80, 40, 10),
    "requantise": (14, 12, 8),
    "lowpass": (15_000, 6000, 500),
    "zero": (0.05, 0.3, 0.9),
    "gain": (-0.1, -3, -20),
}


@pytest.mark.parametrize("name", QUIETER)
def test_more_of_it_costs_more_of_a_sound(name):
    need(name)
    found = [snr(f"{name}:{strength}", STEREO) for strength in QUIETER[name]]
    assert all(before > after for before, after in itertools.pairwise(found)), found


def delay(sent, arrived):
    """Where the cross-correlation of the two has its peak, in samples."""
    x, y = (sound.samples.sum(axis=1).astype(float) for sound in (sent, arrived))
    size = 1 << (2 * len(x)).bit_length()
    peak = int(np.argmax(np.fft.irfft(np.fft.rfft(y, size) * np.conj(np.fft.rfft(x, size)), size)))
    return peak if peak < size // 2 else peak - size


@pytest.mark.parametrize("text", [*CODECS, "resample:8000", "lowpass:2000", "mono+opus:24:16000"])
@pytest.mark.parametrize("rate", [8000, 22_050, 48_000, 96_000])
def test_what_comes_back_is_in_time(text, rate):
    need(text, "resample")
    # White noise has a sharp peak; that of a voice is half a period wide.
    loud = (3000 * np.random.default_rng(rate).standard_normal(round(0.6 * rate))).astype(np.int16)
    for sound in (loud, samples.speech(0.6, rate)):
        sent = Audio.of(sound, rate)
        arrived = transit.send(sent, text)
        assert arrived.length == sent.length
        assert sound is not loud or delay(sent, arrived) == 0
    assert sound_metrics.snr(sent.samples, arrived.samples) > 5


@pytest.mark.parametrize("text", CODECS)
@pytest.mark.parametrize("length", [1, 2, 100, 1153, 5000])
def test_very_short_sounds_come_back_at_their_length(text, length):
    need(text, "resample")
    arrived = transit.send(Audio.of(STEREO.samples[:length].astype(np.int16), 44_100), text)
    assert (arrived.length, arrived.channels) == (length, 2)


def test_the_bit_rate_is_the_one_asked_for():
    need("mp3")
    long = Audio.of(samples.speech(4.0, 44_100), 44_100)
    for text, kbps in (("mp3:128", 128), ("mp3:64", 64), ("aac:64", 64)):
        assert 8 * len(transit.send(long, text).file) / 4000 == pytest.approx(kbps, rel=0.1)


def test_a_file_that_travelled_is_read_by_others_at_the_same_place():
    need("mp3")
    for text in ("mp3:96", "ogg:5"):
        arrived = transit.send(STEREO, text)
        other = audio_file.decode(arrived.file)
        assert (other.rate, other.length) == (STEREO.rate, STEREO.length)
        assert np.abs(other.samples - arrived.samples).max() <= 2


def test_a_codec_without_the_rate_gets_another_and_says_so():
    need("opus", "resample")
    (note,) = transit.send(STEREO, "opus:64").notes
    assert "48,000 Hz" in note
    assert transit.send(SPEECH, "mp3:64").notes == ()
    assert [sound_codecs.nearest(rate, sound_codecs.MP3_RATES) for rate in (7000, 44_100, 44_101, 96_000)] == [
        8000,
        44_100,
        48_000,
        48_000,
    ]


def test_cut_and_zero_hit_the_same_places():
    count = np.arange(1, 10_001, dtype=np.int16)
    sent = Audio.of(count, 16_000)
    left = transit.send(sent, "cut:0.25:4:9").samples[:, 0]
    silenced = transit.send(sent, "zero:0.25:4:9").samples[:, 0]
    assert len(left) == 7500
    assert (np.diff(left) > 0).all()
    assert (silenced[silenced != 0] == left).all()
    starts = np.flatnonzero(np.diff((silenced == 0).astype(int)) == 1)
    assert 1 <= len(starts) <= 4
    assert np.count_nonzero(transit.send(sent, "zero:0.25:4:10").samples[:, 0] != silenced) > 0
    assert transit.send(Audio.of(count[:1], 16_000), "cut:0.99:10000").length == 1


def test_numbers_of_sounds():
    assert snr("noise:30") == pytest.approx(30, abs=0.2)
    assert snr("gain:-20") == pytest.approx(20 * math.log10(1 / 0.9), abs=0.01)
    assert transit.send(SPEECH, "trim:100").samples.tolist() == SPEECH.samples[100:].tolist()
    assert abs(transit.send(SPEECH, "speed:1.25").length - SPEECH.length / 1.25) <= 1
    assert set(np.unique(transit.send(SPEECH, "plusminus1").samples - SPEECH.samples)) == {-1, 1}
    assert (transit.send(SPEECH, "requantise:12").samples % 16 == 0).all()
    loud = transit.send(SPEECH, "gain:40")
    assert "beyond full scale" in loud.notes[0]
    silent = Audio.of(np.zeros(500, np.int16), 8000)
    assert not transit.send(silent, "noise:10+gain:60+echo+lowpass:100").samples.any()


def test_a_lowpass_takes_high_notes_and_leaves_low_ones():
    time = np.arange(16_000) / 16_000
    for hertz, expected in ((500, 1.0), (900, 1.0), (1100, 0.0), (3000, 0.0)):
        sent = Audio.of((10_000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16), 16_000)
        middle = transit.send(sent, "lowpass:1000").samples[4000:12_000, 0]
        assert np.abs(middle).max() / 10_000 == pytest.approx(expected, abs=0.01)


def test_an_echo_comes_later():
    click = np.zeros(4000, np.int16)
    click[100] = 10_000
    heard = transit.send(Audio.of(click, 8000), "echo:250:0.5").samples[:, 0]
    assert {int(at): int(heard[at]) for at in np.flatnonzero(heard)} == {100: 10_000, 2100: 5000}


# --- the same every time -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "value"), [(transit.PICTURES, PICTURE), (transit.SOUNDS, STEREO)], ids=["pictures", "sounds"]
)
def test_the_same_every_time_and_another_seed_another_draw(table, value):
    for channel in table.values():
        text = written_as(channel)
        if channel.name in NEEDS and importlib.util.find_spec(NEEDS[channel.name]) is None:
            continue
        one, two, other = (transit.send(value, text, seed=seed) for seed in (3, 3, 4))
        assert (one.samples == two.samples).all()
        assert one.original() == two.original()
        is_same = one.samples.shape == other.samples.shape and bool((one.samples == other.samples).all())
        assert is_same == (SEED not in channel.arguments), text


# --- names ---------------------------------------------------------------------------------------------------


def test_a_text_is_read_and_written_back():
    for text, whole in {
        "jpeg:75": "jpeg:75",
        "scale:1600+jpeg:75": "scale:1600+jpeg:75",
        "scale:640x480": "scale:640x480",
        "resize:.50": "resize:0.5",
        "screenshot": "screenshot:2.2",
        "noise:2+plusminus1": "noise:2:5+plusminus1:6",
        "messenger-2026-picture": "scale:1600+jpeg:75",
    }.items():
        passage = transit.parse(text, "image", seed=5)
        assert passage.text == whole
        assert transit.parse(passage.text, "image").steps == passage.steps
    assert transit.parse("cut:0.25:4", "audio", seed=8).text == "cut:0.25:4:8"
    assert transit.parse("cut:0.25:4:7", "audio", seed=8).text == "cut:0.25:4:7"
    assert spelled(0.000001) == "0.000001"


@pytest.mark.parametrize("name", transit.PROFILES)
def test_profiles_are_dated_and_marked(name):
    profile = transit.PROFILES[name]
    assert "-2026-" in name
    need(profile.steps)
    arrived = transit.send(PICTURE if profile.kind == "image" else STEREO, name)
    assert arrived.notes[0] == f"{name} is our approximation of typical behaviour: {profile.steps}"
    assert arrived.original()
    if profile.kind == "audio":
        assert (arrived.channels, arrived.length) == (1, STEREO.length)


def test_a_profile_is_its_steps():
    large = Image(samples.noise(20, 2000))
    one, two = (transit.send(large, text) for text in ("messenger-2026-picture", "scale:1600+jpeg:75"))
    assert one.file == two.file
    assert (one.width, one.height) == (1600, 16)


WRONG = {
    "jpg:75": ("unknown channel 'jpg'", "did you mean jpeg"),
    "JPEG:75": ("unknown channel 'JPEG'", "jpeg"),
    "zzzz": ("unknown channel 'zzzz'", "png, jpeg"),
    "": ("unknown channel ''",),
    "jpeg:75+": ("unknown channel ''",),
    "jpeg": ("expected jpeg:QUALITY", "as in jpeg:75"),
    "jpeg:75:3": ("expected jpeg:QUALITY",),
    "jpeg:": ("QUALITY is ''", "a whole number from 1 to 100"),
    "jpeg:0": ("QUALITY is '0'", "1 to 100"),
    "jpeg:101": ("'101'", "1 to 100"),
    "jpeg:7.5": ("'7.5'", "whole"),
    "jpeg: 75": ("' 75'",),
    "jpeg:٧٥": ("whole",),
    "png:1": ("expected png",),
    "blur:nan": ("'nan'", "a number from 0.05 to 50"),
    "blur:inf": ("'inf'",),
    "blur:1e1": ("'1e1'",),
    "blur:1_0": ("'1_0'",),
    "resize:0": ("FACTOR", "0.01 to 4"),
    "scale:0": ("WIDTHxHEIGHT",),
    "scale:3x": ("WIDTHxHEIGHT",),
    "scale:3x99999": ("30000",),
    "noise:2:-1": ("SEED is '-1'", "whole number from 0"),
    "mp3:128": ("is for sounds", "pictures have png"),
    "messenger-2026-voice": ("is for sounds",),
    "messenger-2026-picture:3": ("takes no arguments",),
}


@pytest.mark.parametrize("text", WRONG)
def test_a_text_that_cannot_be_meant(text):
    with pytest.raises(UsageError) as caught:
        transit.parse(text, "image")
    assert "\n" not in str(caught.value)
    for words in WRONG[text]:
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("trim:19200", "one must be left"),
        ("opus:24:16001", "expected one of 8000, 12000"),
        ("opus:300", "mono takes at most 256"),
    ],
)
def test_a_strength_that_this_sound_cannot_take(text, says):
    with pytest.raises(UsageError, match=says):
        transit.send(SPEECH, text)


def test_other_kinds_and_seeds_are_refused():
    with pytest.raises(UsageError, match="is for sounds; expected one of them, not image"):
        transit.parse("wav", "audio")(PICTURE)
    with pytest.raises(UsageError, match="blob has no channels"):
        transit.send(Blob(b"x"), "wav")
    with pytest.raises(UsageError, match="seed -1; expected"):
        transit.parse("noise:2", "image", seed=-1)


def test_what_is_too_much_is_refused_before_it_is_made(monkeypatch):
    with pytest.raises(ResourceError, match="900,000,000 pixels"):
        transit.send(PICTURE, "scale:30000x30000")
    with pytest.raises(UsageError, match="WEBP cannot hold this picture"):
        transit.send(Image(np.zeros((1, 17_000), np.uint8)), "webp:50")
    need("speed")
    monkeypatch.setattr(resampling, "MOST", 20_000)
    transit.send(SPEECH, "gain:1")
    with pytest.raises(ResourceError, match="at most 20,000"):
        transit.send(SPEECH, "speed:0.5")
    with pytest.raises(ResourceError, match="cut the sound into parts"):
        transit.send(STEREO, "gain:1")


def test_many_channels_travel_without_loss_only():
    many = Audio.of(np.zeros((500, 6), np.int16), 48_000)
    assert transit.send(many, "wav+gain:-3+lowpass:500").channels == 6
    with pytest.raises(UsageError, match="mono and stereo here, not 6"):
        transit.send(many, "ogg:5")
    assert transit.send(many, "mono+ogg:5").channels == 1


@pytest.mark.parametrize(("package", "text", "says"), [("av", "mp3:64", "video"), ("soxr", "speed:2", "soxr")])
def test_a_missing_package_is_named(package, text, says, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == package else found(name))
    with pytest.raises(UsageError, match=rf"need the package {package}: pip install '?(intarsia\[)?{says}"):
        transit.send(SPEECH, text)
    assert transit.send(SPEECH, "ogg:5").length == SPEECH.length


# --- written -------------------------------------------------------------------------------------------------


def test_the_very_file_or_a_lossless_one():
    passage = transit.parse("jpeg:80", "image")
    arrived = passage(PICTURE)
    assert written.encode(arrived, passage, "a.JPG") == arrived.file
    for suffix in image_file.LOSSLESS_SUFFIXES:
        data = written.encode(arrived, passage, f"a{suffix}")
        assert (image_file.decode(data).samples == arrived.samples).all()
    lossy = transit.parse("webp:50", "image")
    assert written.encode(lossy(PICTURE), lossy, "a.webp") == lossy(PICTURE).file
    with pytest.raises(UsageError, match=r"a.jpg: .jpg is lossy, which would be one more channel; after flip use .png"):
        written.check_suffix(transit.parse("jpeg:80+flip", "image"), "a.jpg")
    with pytest.raises(UsageError, match=r"a: no suffix is no format of sounds; after gain:1 use .wav, .flac$"):
        written.check_suffix(transit.parse("gain:1", "audio"), "a")
    sound = transit.parse("ogg:3", "audio")
    assert written.encode(sound(SPEECH), sound, "a.ogg")[:4] == b"OggS"
    assert (audio_file.decode(written.encode(sound(SPEECH), sound, "a.flac")).samples == sound(SPEECH).samples).all()
