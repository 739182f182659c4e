"""`pairs`: what a set holds, and that it can be gone on with."""

import csv
import dataclasses
import json
import pathlib

import numpy as np
import pytest

from intarsia.carrier.keys import Keyring
from intarsia.errors import InputError, OutputError, UsageError
from intarsia.media import Audio, audio_file, image_file
from intarsia.methods.lsb.method import Lsb
from intarsia.pipeline import reveal_file
from intarsia.study import pair_sets, pairs
from intarsia.study.steganalysis import listing
from samples import CHEAP, PASSWORD, noise, packed, photograph, pixels, speech, terms, write

KEYRING = Keyring(PASSWORD, CHEAP)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(4):
        write(folder / f"p{number}.png", packed(photograph(64, 96, top=40 * number)))
    return folder


def order(data, tmp_path, method="lsb", test=0.3, **others):
    origins = pairs.origins([data], test, method)
    return pair_sets.Order(method, origins, tmp_path / "set", keyring=KEYRING, **others)


def test_a_set(data, tmp_path):
    found = pairs.export(order(data, tmp_path, size=32))
    assert len(found.pairs) == 4 * 2 * 3
    with (tmp_path / "set/manifest.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == pair_sets.COLUMNS
    assert pair_sets.read(tmp_path / "set") == list(found.pairs)
    splits = {}
    for pair in found.pairs:
        splits.setdefault(pair.source, set()).add(pair.split)
        cover, container = (pixels(tmp_path / "set" / path) for path in (pair.cover, pair.container))
        assert cover.shape == container.shape == (32, 32, 3)
        assert (cover >> 3 == container >> 3).mean() > 0.95
        assert (cover != container).any()
    assert all(len(each) == 1 for each in splits.values())
    assert {"train", "test"} == {pair.split for pair in found.pairs}
    facts = json.loads((tmp_path / "set/manifest.json").read_text())
    assert facts["finished"]
    assert facts["pairs"] == 24
    sources = {item.source for item in listing.listed([tmp_path / "set/train/containers"])}
    assert sources == {pair.source for pair in found.pairs if pair.split == "train"}


def test_random_bytes_at_a_rate_and_no_more_than_fit(data, tmp_path):
    found = pairs.export(order(data, tmp_path, "exact", rate=0.2))
    assert [pair.bits_per_sample for pair in found.pairs] == pytest.approx([0.2] * 4, abs=0.01)
    assert {pair.hidden for pair in found.pairs} == {"blob"}
    full = pairs.export(dataclasses.replace(order(data, tmp_path, "exact", rate=1.58), out=tmp_path / "full"))
    assert all(1.0 < pair.bits_per_sample < 1.58 for pair in full.pairs)
    value = reveal_file(tmp_path / "set" / found.pairs[0].container, None, terms()).value
    assert len(value.data) * 8 / (64 * 96 * 3) == pytest.approx(0.2, abs=0.001)


def test_sounds_in_pieces(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(2):
        write(folder / f"{number}.wav", audio_file.encode(Audio.of(speech(2.5, seed=number), 16_000), "WAV"))
    found = pairs.export(order(folder, tmp_path, clip=1.0))
    assert len(found.pairs) == 4
    sound = audio_file.load(tmp_path / "set" / found.pairs[0].container)
    assert (sound.length, sound.rate) == (16_000, 16_000)


def test_another_source_where_sounds_are_all_that_is_hidden(tmp_path, monkeypatch):
    said = [speech(2.0, seed=number) for number in range(3)]
    (tmp_path / "data").mkdir()
    for number, each in enumerate(said):
        write(tmp_path / "data" / f"{number}.wav", audio_file.encode(Audio.of(each, 16_000), "WAV"))
    monkeypatch.setattr(Lsb, "facts", dataclasses.replace(Lsb.facts, hides={"audio": ("audio",)}))
    asked = order(tmp_path / "data", tmp_path, clip=1.0)
    found = pairs.export(asked).pairs
    assert [pair.hidden for pair in found] == ["audio"] * 6
    for pair in found:
        heard = reveal_file(tmp_path / "set" / pair.container, None, terms()).value.samples[:, 0]
        alike = [np.corrcoef(heard, each[: len(heard)])[0, 1] for each in said]
        assert max(alike) > 0.8 and str(np.argmax(alike)) != pathlib.Path(pair.cover).name[0]
    with pytest.raises(UsageError, match="hides sounds; give two or more"):
        pairs.export(dataclasses.replace(asked, origins=asked.origins[:1], force=True))


def test_a_picture_for_each_sound_where_no_bytes_can_be_hidden(data, tmp_path, monkeypatch):
    for number in range(2):
        write(data / f"s{number}.wav", audio_file.encode(Audio.of(speech(3.0, seed=number), 16_000), "WAV"))
    assert pairs.secrets([data], "lsb") == []
    monkeypatch.setattr(Lsb, "facts", dataclasses.replace(Lsb.facts, hides={"audio": ("image",)}))
    asked = order(data, tmp_path, secrets=pairs.secrets([data], "lsb"))
    assert [path.name for path in asked.secrets] == [f"p{number}.png" for number in range(4)]
    assert [pair.hidden for pair in pairs.export(asked).pairs] == ["image"] * 2
    with pytest.raises(UsageError, match="give some beside the sounds"):
        pairs.export(dataclasses.replace(asked, secrets=(), force=True))


def test_the_same_command_goes_on(data, tmp_path):
    asked = order(data, tmp_path)
    pairs.export(dataclasses.replace(asked))
    container = tmp_path / "set" / pair_sets.read(tmp_path / "set")[1].container
    kept = tmp_path / "set" / pair_sets.read(tmp_path / "set")[0].container
    before = kept.stat().st_mtime_ns
    container.unlink()
    found = pairs.export(asked)
    assert len(found.pairs) == 4
    assert container.exists()
    assert kept.stat().st_mtime_ns == before


def test_another_set_is_not_overwritten(data, tmp_path):
    pairs.export(order(data, tmp_path))
    with pytest.raises(OutputError, match="--force"):
        pairs.export(order(data, tmp_path, seed=1))
    assert len(pairs.export(order(data, tmp_path, seed=1, force=True)).pairs) == 4


def test_what_cannot_be_read_is_named_and_the_others_go_on(data, tmp_path):
    write(data / "broken.png", b"\x89PNG\r\n\x1a\nnothing")
    write(data / "small.png", packed(noise(8, 8)))
    found = pairs.export(order(data, tmp_path, size=32))
    assert set(found.broken) == {"broken", "small"}
    assert len(found.pairs) == 24


def test_was_it_a_jpeg(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    import skimage.data

    whole = np.ascontiguousarray(skimage.data.astronaut()[:256, :256])
    write(folder / "a.png", packed(whole))
    write(folder / "b.jpg", packed(whole, "JPEG", quality=85))
    write(folder / "c.png", packed(pixels(folder / "b.jpg")))
    found = pairs.export(order(folder, tmp_path, test=0.0))
    assert [pair.was_jpeg for pair in found.pairs] == [False, True, True]
    assert image_file.load(tmp_path / "set" / found.pairs[0].cover).format == "PNG"


@pytest.mark.parametrize(
    ("others", "says"),
    [
        ({"rate": 0.0}, "bits per sample"),
        ({"size": -1}, "size is -1"),
        ({"rate": 0.1}, "no bytes"),
        ({"settings": {"bits": "9"}}, "1..4"),
    ],
)
def test_orders_that_cannot_be_meant(data, tmp_path, others, says):
    with pytest.raises(UsageError, match=says):
        pairs.export(order(data, tmp_path, **others))


def test_nothing_to_make_pairs_of(tmp_path):
    (tmp_path / "data").mkdir()
    write(tmp_path / "data/one.png", b"nothing")
    with pytest.raises(InputError, match="not one pair"):
        pairs.export(order(tmp_path / "data", tmp_path, test=0.0))
    with pytest.raises(UsageError, match="a share"):
        pairs.origins([tmp_path / "data"], 1.0, "lsb")
