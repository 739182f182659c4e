"""`intarsia attack`: what it writes, what it says, and how it refuses."""

import json
import math

import numpy as np
import pytest

from intarsia.media import Audio, audio_file, image_file, transit
from samples import noise, packed, photograph, pixels, revealed, speech, write

RECORD = {
    "container": str,
    "output": str,
    "channel": str,
    "media": str,
    "description": str,
    "unchanged": bool,
    "psnr": float,
    "bytes": int,
    "seconds": float,
}


@pytest.fixture
def files(cli):
    write(cli.folder / "cover.png", photograph(64, 80))
    sound = Audio.of(speech(1.0), 16_000)
    write(cli.folder / "voice.wav", audio_file.encode(sound, "WAV"))
    write(cli.folder / "secret.bin", b"neither a picture nor a sound")
    return cli


def only_line(outcome):
    assert outcome.out.count(b"\n") == 1
    return json.loads(outcome.out)


def attack(cli, name, channel, out, *more):
    return cli.works("attack", name, "--channel", channel, "-o", out, *more, password=None)


def test_the_help_explains_it(cli):
    outcome = cli.works("attack", "--help", password=None)
    assert b"Usage: intarsia attack" in outcome.out


def test_the_list_has_a_line_for_each(cli):
    lines = cli.works("attack", "--channel", "list", password=None).out.decode().splitlines()
    assert len(lines) == len(transit.PICTURES) + len(transit.SOUNDS) + len(transit.PROFILES)
    assert [line.split()[1] for line in lines[:3]] == ["png", "jpeg:QUALITY", "jpeg444:QUALITY"]
    assert sum("our approximation" in line for line in lines) == len(transit.PROFILES)
    record = only_line(cli.works("attack", "--channel", "list", "--json", password=None))
    assert len(record["channels"]) == len(lines)
    assert record["channels"][0].keys() == {"media", "usage", "what"}


def test_a_picture_and_its_record(files):
    record = only_line(attack(files, "cover.png", "noise:2", "out.png", "--json", "--seed", "5"))
    assert {key: type(value) for key, value in record.items()} == RECORD
    assert (record["channel"], record["media"], record["unchanged"]) == ("noise:2:5", "image", False)
    error = pixels(files.folder / "out.png").astype(float) - photograph(64, 80)
    assert record["psnr"] == pytest.approx(10 * math.log10(255**2 / (error**2).mean()), abs=1e-3)
    assert record["bytes"] == (files.folder / "out.png").stat().st_size


def test_a_sound_and_its_record(files):
    record = only_line(attack(files, "voice.wav", "zero:0.25:4", "out.flac", "--json"))
    assert record.keys() == (RECORD.keys() - {"psnr"}) | {"snr"}
    assert (record["channel"], record["media"]) == ("zero:0.25:4:0", "audio")
    arrived = audio_file.load(files.folder / "out.flac").samples[:, 0]
    silent = arrived == 0
    assert np.count_nonzero(silent) >= 4000
    assert (arrived[~silent] == speech(1.0)[~silent]).all()


def test_the_controls(files):
    for name, channel, out in (("cover.png", "png", "same.bmp"), ("voice.wav", "wav", "same.wav")):
        record = only_line(attack(files, name, channel, out, "--json"))
        assert record["unchanged"] is True
        assert record["psnr" if channel == "png" else "snr"] is None
    assert (pixels(files.folder / "same.bmp") == photograph(64, 80)).all()


def test_the_very_file_that_travelled_or_its_samples(files):
    attack(files, "cover.png", "jpeg:75", "out.jpg")
    data = (files.folder / "out.jpg").read_bytes()
    assert data == transit.send(image_file.load(files.folder / "cover.png"), "jpeg:75").file
    attack(files, "voice.wav", "ogg:5", "out.ogg")
    assert (files.folder / "out.ogg").read_bytes()[:4] == b"OggS"


def test_what_cannot_be_compared_says_so(files):
    assert only_line(attack(files, "cover.png", "scale:40", "out.png", "--json"))["psnr"] is None
    assert "not comparable" in attack(files, "voice.wav", "cut:0.25:4", "out.wav").out.decode()


def test_same_seed_same_file(files):
    for out, seed in (("a.png", "1"), ("b.png", "1"), ("c.png", "2")):
        attack(files, "cover.png", "plusminus1", out, "--seed", seed)
    a, b, c = ((files.folder / f"{name}.png").read_bytes() for name in "abc")
    assert a == b != c


def test_notes_and_quiet(files):
    write(files.folder / "clear.png", packed(np.dstack([noise(), noise(channels=1)])))
    outcome = attack(files, "clear.png", "messenger-2026-picture", "out.png")
    assert [note for note in outcome.notes if "our approximation" in note or "transparency" in note] == outcome.notes
    assert len(outcome.notes) == 2
    outcome = attack(files, "clear.png", "jpeg:75", "quiet.png", "--quiet")
    assert (outcome.out, outcome.err) == (b"", "")


def test_a_container_survives_the_control_and_not_one_level(cli, container):
    attack(cli, "container.png", "png", "sent.png")
    assert revealed(cli.folder / "sent.png") == (cli.folder / "secret.bin").read_bytes()
    attack(cli, "container.png", "plusminus1", "moved.png")
    cli.refuses(4, "reveal", "moved.png", "-o", "again", says="no secret found")


REFUSED = {
    "nothing to send": (2, ("--channel", "png", "-o", "o.png"), "expected a CONTAINER"),
    "no output": (2, ("cover.png", "--channel", "png"), "-o is missing"),
    "unknown channel": (2, ("cover.png", "--channel", "jpg:75", "-o", "o.png"), ("jpg", "did you mean jpeg")),
    "channel of sounds": (2, ("cover.png", "--channel", "mp3:128", "-o", "o.png"), "is for sounds"),
    "a second loss": (2, ("cover.png", "--channel", "blur:1", "-o", "o.jpg"), ("o.jpg", "lossy", ".png")),
    "a format that cannot hold it": (2, ("grey.png", "--channel", "flip", "-o", "o.webp"), ("o.webp", "no grey")),
    "negative seed": (2, ("cover.png", "--channel", "noise:2", "-o", "o.png", "--seed", "-1"), "--seed"),
    "missing file": (3, ("missing.png", "--channel", "png", "-o", "o.png"), "missing.png"),
    "neither": (3, ("secret.bin", "--channel", "png", "-o", "o.png"), "not a picture"),
    "too large": (6, ("cover.png", "--channel", "png", "-o", "o.png", "--max-pixels", "10"), "--max-pixels 5120"),
    "becomes too large": (6, ("cover.png", "--channel", "scale:30000x30000", "-o", "o.png"), "the limit is"),
    "output exists": (8, ("cover.png", "--channel", "png", "-o", "voice.wav.png"), ("voice.wav.png", "--force")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_line_says_what_is_wrong(files, case):
    code, words, says = REFUSED[case]
    write(files.folder / "grey.png", noise(channels=1))
    write(files.folder / "voice.wav.png", noise(3, 3))
    files.refuses(code, "attack", *words, says=says, password=None)


def test_force_replaces(files):
    attack(files, "cover.png", "flip", "cover.png", "--force")
    assert (pixels(files.folder / "cover.png") == photograph(64, 80)[:, ::-1]).all()
