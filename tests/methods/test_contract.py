"""Every row of the table keeps the same promises, through real files."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from intarsia import methods
from intarsia.carrier.keys import Cost, Keyring
from intarsia.errors import NoSecretError, UsageError
from intarsia.media import Blob, Image, image_file, metrics
from intarsia.methods.base import Method, configure
from intarsia.pipeline import Terms, hide_file, reveal_file

CHEAP = Cost(passes=1, memory_kib=32, lanes=4)
COVER = Image(data.coffee()[:160, :240].copy())
SECRETS = {
    "image": Image(data.astronaut()[:160:2, :240:2].copy(), name="astronaut.png"),
    "text": Blob.text("an inlay"),
    "blob": Blob(np.random.default_rng(0).bytes(500), "noise.bin"),
}
ROWS = [(name, kind) for name in methods.TABLE for kind in methods.load(name).facts.secrets]


def terms(password: str = "right", **changes: object) -> Terms:
    return dataclasses.replace(Terms(Keyring(password, CHEAP)), **changes)


@pytest.mark.parametrize(("name", "kind"), ROWS)
def test_what_is_hidden_comes_back_from_the_file(name, kind, tmp_path):
    path = tmp_path / "container.png"
    hidden = hide_file(COVER, SECRETS[kind], path, terms(method=name))
    found = reveal_file(path, None, terms()).value
    saved = image_file.load(path)
    assert hidden.verified and hidden.method == name
    assert saved.samples.shape == COVER.samples.shape
    assert hidden.cover_psnr == metrics.psnr(COVER.samples, saved.samples) > 30
    quality = methods.load(name).compare(SECRETS[kind], found, COVER)
    report = hidden.secrets[0]
    assert (quality == math.inf) if report.exact else (quality == report.psnr)
    assert found.kind == kind
    assert methods.load(name).facts.exact is False or kind == "image" or report.exact


@pytest.mark.parametrize(("name", "kind"), ROWS)
def test_another_password_finds_nothing(name, kind, tmp_path):
    path = tmp_path / "container.png"
    hide_file(COVER, SECRETS[kind], path, terms(method=name))
    with pytest.raises(NoSecretError):
        reveal_file(path, None, terms("wrong"))


@pytest.mark.parametrize("name", methods.TABLE)
def test_the_same_seed_gives_the_same_file_and_none_gives_another(name, tmp_path):
    secret = SECRETS[methods.load(name).facts.secrets[0]]
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for path, seed in zip(paths, (1, 1, 2, None), strict=True):
        hide_file(COVER, secret, path, terms(method=name, seed=seed))
    contents = [path.read_bytes() for path in paths]
    assert contents[0] == contents[1]
    assert len(set(contents)) == 3


@pytest.mark.parametrize("name", methods.TABLE)
def test_samples_under_alpha_zero_stay_as_they_are(name, tmp_path):
    alpha = np.full((160, 240), 255, np.uint8)
    alpha[40:80, 60:120] = 0
    cover = Image(COVER.samples, alpha)
    path = tmp_path / "container.png"
    hide_file(cover, SECRETS[methods.load(name).facts.secrets[0]], path, terms(method=name))
    saved = image_file.load(path)
    assert np.array_equal(saved.alpha, alpha)
    assert np.array_equal(saved.samples[alpha == 0], COVER.samples[alpha == 0])
    assert reveal_file(path, None, terms()).method == name


@pytest.mark.parametrize("name", methods.TABLE)
@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp"])
def test_every_lossless_format_carries(name, suffix, tmp_path):
    path = tmp_path / f"container{suffix}"
    hide_file(COVER, SECRETS[methods.load(name).facts.secrets[0]], path, terms(method=name))
    assert reveal_file(path, None, terms()).method == name


@pytest.mark.parametrize("name", methods.TABLE)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_covers_stay_grey_at_their_depth(name, dtype, tmp_path):
    grey = data.camera()[:200, :200].astype(dtype) * (257 if dtype == np.uint16 else 1)
    path = tmp_path / "container.png"
    hide_file(Image(grey), SECRETS[methods.load(name).facts.secrets[0]], path, terms(method=name))
    saved = image_file.load(path)
    assert saved.is_grey and saved.samples.dtype == dtype
    assert reveal_file(path, None, terms()).method == name


@pytest.mark.parametrize("name", methods.TABLE)
def test_facts_and_settings_are_complete(name):
    room = methods.load(name)
    assert isinstance(room, Method)
    assert room.facts.name == name
    assert room.facts.paper and room.facts.bibtex.startswith("@")
    config = configure(room.Config, {}, name)
    assert dataclasses.is_dataclass(config)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, dataclasses.fields(config)[0].name, None)
    for field in dataclasses.fields(config):
        assert f"{field.name}:" in (room.Config.__doc__ or ""), f"{field.name} is undocumented"


def test_settings_are_read_from_text_and_checked():
    config = methods.load("exact").Config
    assert configure(config, {"cover_db": "51.5", "preset": "best"}, "exact") == config("best", 51.5)
    assert configure(config, {"secret_db": "inf"}, "exact").secret_db == math.inf
    assert configure(methods.load("lsb").Config, {"bits": "2", "midpoint": "true"}, "lsb").midpoint is True
    for name, setting, message in [
        ("exact", {"cover_bd": "50"}, "cover_db"),
        ("exact", {"cover_db": "high"}, "expected a number"),
        ("exact", {"cover_db": "nan"}, "expected a number"),
        ("exact", {"preset": "slow"}, "fast, balanced, best"),
        ("lsb", {"bits": "2.5"}, "expected a whole number"),
        ("lsb", {"bits": "5"}, r"expected 1\.\.4"),
        ("lsb", {"bits": True}, "expected a whole number"),
    ]:
        with pytest.raises(UsageError, match=message):
            configure(methods.load(name).Config, setting, name)


def test_a_method_of_another_package_works_by_its_address(tmp_path, monkeypatch):
    (tmp_path / "their_package.py").write_text(Path(__file__).with_name("their_method.txt").read_text())
    monkeypatch.syspath_prepend(str(tmp_path))
    name = "their_package:METHOD"
    path = tmp_path / "container.png"
    hide_file(COVER, Blob.text("hello"), path, terms(method=name))
    found = reveal_file(path, None, terms(method=name))
    assert (found.method, found.value) == (name, Blob.text("hello"))
    # Loading a module runs its code, and the name came with the file: only the caller may choose it.
    with pytest.raises(UsageError, match=r"not ours.*add --method"):
        reveal_file(path, None, terms())


@pytest.mark.parametrize("name", ["exakt", "nothing:METHOD", "intarsia.methods:TABLE"])
def test_a_method_that_is_not_there_is_a_usage_error(name):
    with pytest.raises(UsageError, match=r"exact|imported|expected an"):
        methods.load(name)
