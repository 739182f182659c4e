"""Every row of the table keeps the same promises, through real files."""

import dataclasses
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from intarsia import hosts, methods, zoo
from intarsia.carrier.keys import Cost, Keyring
from intarsia.errors import NoSecretError, UsageError, WeightsError
from intarsia.media import Audio, Blob, Image, Shape, Video, image_file, values
from intarsia.methods.base import Method, configure
from intarsia.methods.learned import Learned
from intarsia.pipeline import Terms, hide_file, reveal_file
from samples import moving, octahedron, speech

CHEAP = Cost(passes=1, memory_kib=32, lanes=4)
COVER = Image(data.coffee()[:160, :240].copy())
COVERS = {"image": COVER, "audio": Audio.of(speech(10.0), 16_000)}
CONTAINERS = {"image": "container.png", "audio": "container.wav"}
SECRETS = {
    "image": Image(data.astronaut()[:160:2, :240:2].copy(), name="astronaut.png"),
    "audio": Audio.of(speech(0.3, seed=2), 8_000, name="said.wav"),
    "video": Video.of(moving(), Fraction(12)),
    "shape": Shape(*octahedron()),
    "text": Blob.text("an inlay"),
    "blob": Blob(np.random.default_rng(0).bytes(500), "noise.bin"),
}
LEARNED = [name for name in methods.TABLE if isinstance(methods.load(name), Learned)]
FITTED = [name for name in methods.TABLE if methods.load(name).fits]
"""Methods that fit every secret anew, for minutes; their own tests hold the same promises on small fits."""

READY = [name for name in methods.TABLE if name not in FITTED and (name not in LEARNED or name in zoo.names())]
"""Methods that can hide as they are installed: those without networks, and those whose weights ship."""

IN_PICTURES = [name for name in READY if "image" in methods.load(name).facts.hides]
FREE = [name for name in READY if name not in LEARNED]
ROWS = [
    (name, cover, kind)
    for name in READY
    for cover in methods.load(name).facts.hides
    for kind in methods.load(name).takes(cover)
]


def terms(password: str = "right", **changes: object) -> Terms:
    if "refine" in getattr(methods.load(str(changes.get("method", "exact"))), "free", ()):
        changes = {"settings": {"refine": "0"}, **changes}  # no promise depends on how long somebody searched
    return dataclasses.replace(Terms(Keyring(password, CHEAP)), **changes)


@pytest.mark.parametrize(("name", "cover", "kind"), ROWS)
def test_what_is_hidden_comes_back_from_the_file(name, cover, kind, tmp_path):
    path = tmp_path / CONTAINERS[cover]
    hidden = hide_file(COVERS[cover], SECRETS[kind], path, terms(method=name))
    found = reveal_file(path, None, terms()).value
    saved = values.cover(path, max_pixels=1 << 20)
    assert hidden.verified and hidden.method == name
    assert saved.samples.shape == COVERS[cover].samples.shape
    assert hidden.carrier_db == hosts.quality(COVERS[cover], saved) > (20 if name in LEARNED else 30)
    assert (hidden.cover_psnr is None) == (cover == "audio") == (hidden.carrier_snr is not None)
    quality = methods.load(name).compare(SECRETS[kind], found, COVERS[cover])
    report = hidden.secrets[0]
    assert (quality == math.inf) if report.exact else (quality == report.quality)
    assert found.kind == kind
    assert methods.load(name).facts.exact is False or kind in ("image", "audio", "video", "shape") or report.exact


@pytest.mark.parametrize(("name", "cover", "kind"), ROWS)
def test_another_password_finds_nothing(name, cover, kind, tmp_path):
    path = tmp_path / CONTAINERS[cover]
    hide_file(COVERS[cover], SECRETS[kind], path, terms(method=name))
    with pytest.raises(NoSecretError):
        reveal_file(path, None, terms("wrong"))


@pytest.mark.parametrize(("name", "cover"), sorted({(name, cover) for name, cover, _ in ROWS}))
def test_the_same_seed_gives_the_same_file_and_none_gives_another(name, cover, tmp_path):
    secret = SECRETS[methods.load(name).facts.hides[cover][0]]
    paths = [tmp_path / f"{number}{CONTAINERS[cover]}" for number in range(4)]
    for path, seed in zip(paths, (1, 1, 2, None), strict=True):
        hide_file(COVERS[cover], secret, path, terms(method=name, seed=seed))
    contents = [path.read_bytes() for path in paths]
    assert contents[0] == contents[1]
    assert len(set(contents)) == 3


@pytest.mark.parametrize("name", IN_PICTURES)
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


@pytest.mark.parametrize("name", IN_PICTURES)
@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp"])
def test_every_lossless_format_carries(name, suffix, tmp_path):
    path = tmp_path / f"container{suffix}"
    hide_file(COVER, SECRETS[methods.load(name).facts.secrets[0]], path, terms(method=name))
    assert reveal_file(path, None, terms()).method == name


@pytest.mark.parametrize("name", FREE)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_covers_stay_grey_at_their_depth(name, dtype, tmp_path):
    grey = data.camera()[:200, :200].astype(dtype) * (257 if dtype == np.uint16 else 1)
    path = tmp_path / "container.png"
    hide_file(Image(grey), SECRETS[methods.load(name).facts.secrets[0]], path, terms(method=name))
    saved = image_file.load(path)
    assert saved.is_grey and saved.samples.dtype == dtype
    assert reveal_file(path, None, terms()).method == name


@pytest.mark.parametrize("name", LEARNED)
def test_without_weights_it_says_how_to_get_some(name, tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "names", tuple)
    cover, kinds = next(iter(methods.load(name).facts.hides.items()))
    with pytest.raises(WeightsError, match=f"intarsia train {name} --data DIR --run RUN"):
        hide_file(COVERS[cover], SECRETS[kinds[0]], tmp_path / CONTAINERS[cover], terms(method=name))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", LEARNED)
def test_what_is_learned_can_be_trained(name):
    room = methods.load(name)
    config = configure(room.Config, {}, name)
    learner = room.learner(config, room.recipe)
    assert sum(weight.numel() for weight in learner.net.parameters()) > 0
    assert room.recipe.steps > 1


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
