"""Finding models: by name, by run folder, by file, by identity; and every model that ships is complete."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

import intarsia
from intarsia import methods, zoo
from intarsia.errors import UsageError, WeightsError
from intarsia.zoo import cards, weights
from zoo.shipped import CONFIG, altered, ship

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What ships, put in place of what really does: small, other, of two methods."""
    monkeypatch.setattr(zoo, "FOLDER", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    ship(tmp_path / "models", "small")
    ship(tmp_path / "models", "other-nc", seed=2, method="ditas", commercial="no")
    return tmp_path / "models"


def run_folder(path, seed=3):
    """A run folder, of which the weights matter."""
    shipped = ship(path.parent / "kept elsewhere", "model", seed=seed)
    path.mkdir()
    shipped.rename(path / "model.safetensors")
    return path


def refused(work, *words, kind=WeightsError):
    with pytest.raises(kind) as caught:
        work()
    said = str(caught.value)
    assert caught.value.exit_code == {WeightsError: 7, UsageError: 2}[kind]
    assert said.isprintable()
    for word in words:
        assert word in said
    return caught.value


# --- what ships ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*zoo.names(), None], ids=str)
def test_every_model_that_ships_is_complete(name):
    if name is None:
        assert zoo.by_identity(bytes(8), "stegnet") is None  # nothing of what ships is damaged, and nothing is that
        return
    model = zoo.find(name)
    assert model.card is not None and model.method in methods.TABLE
    arrays = model.arrays()
    assert sum(array.nbytes for array in arrays.values()) > 0
    assert model.path.stat().st_size == model.card.bytes <= 16 << 20
    assert zoo.by_identity(model.identity[:8], model.method) == model
    assert all(text.strip() for text in (model.card.limits, model.card.paper, model.card.hardware))


def test_nothing_else_lies_in_the_folder():
    found = {path.name for path in zoo.FOLDER.iterdir()} if zoo.FOLDER.exists() else set()
    assert found == {f"{name}{suffix}" for name in zoo.names() for suffix in (".safetensors", ".json")}


def test_what_ships_lies_in_the_package_and_goes_into_the_wheel():
    assert Path(intarsia.__file__).parent in zoo.FOLDER.parents
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"] == {"packages": ["src/intarsia"]}  # no exclusions, so everything below it
    assert not build.get("exclude")
    for name in ("toy.safetensors", "toy.json"):
        # What git ignores, the build leaves out.
        path = zoo.FOLDER / name
        asked = subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT, capture_output=True)
        assert asked.returncode != 0


# --- by name -------------------------------------------------------------------------------------------------


def test_by_name(folder):
    assert zoo.names() == ["other-nc", "small"]
    model = zoo.find("small", "stegnet")
    assert (model.name, model.method, model.config) == ("small", "stegnet", CONFIG)
    assert model.path == folder / "small.safetensors"
    assert model.card == cards.read(folder / "small.json")
    assert model.identity.hex() == weights.peek(model.path).digest
    assert model.arrays()["a.weight"].shape == (4, 3)
    assert zoo.find("other-nc").card.commercial == "no"


def test_an_empty_zoo_and_none_at_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in (tmp_path / "missing", tmp_path):
        monkeypatch.setattr(zoo, "FOLDER", place)
        assert zoo.names() == []
        assert zoo.by_identity(bytes(8), "stegnet") is None
        refused(lambda: zoo.find("small"), "no model 'small'", "there are none", "--model DIR", kind=UsageError)


def test_names_that_are_none(folder):
    refused(lambda: zoo.find("smal"), "did you mean small?", kind=UsageError)
    refused(lambda: zoo.find("quite another"), "there are other-nc, small", kind=UsageError)
    refused(lambda: zoo.find("stegnet", "stegnet"), "no trained weights yet", "intarsia train stegnet", "--model RUN")
    refused(lambda: zoo.find("n" * 300), "no model", kind=UsageError)
    refused(lambda: zoo.find("n" * 300 + "/model.safetensors"), "too long")
    refused(lambda: zoo.find("a\0b"), "no model", kind=UsageError)
    refused(lambda: zoo.find("red\x1b[31m\n"), r"\x1b[31m\n", kind=UsageError)
    refused(lambda: zoo.find("missing.safetensors"), "no such file")
    refused(lambda: zoo.find("missing/run"), "no such file")
    refused(lambda: zoo.find(""), "holds no model.safetensors")


def test_of_another_method(folder):
    refused(lambda: zoo.find("small", "ditas"), "small: a model of stegnet, not of ditas")
    refused(lambda: zoo.find(folder / "small.safetensors", "ditas"), "a model of stegnet, not of ditas")


def test_a_folder_of_the_methods_name_is_in_nobodys_way(folder, tmp_path):
    (tmp_path / "stegnet").mkdir()
    refused(lambda: zoo.find("stegnet", "stegnet"), "no trained weights yet")
    refused(lambda: zoo.find("./stegnet", "stegnet"), "holds no model.safetensors")


# --- by folder and file --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["run", "./run", "run/", "run/model.safetensors", "link", "{}/run"])
def test_a_run_folder_is_a_model(folder, tmp_path, how):
    run_folder(tmp_path / "run")
    (tmp_path / "link").symlink_to("run")
    model = zoo.find(how.format(tmp_path), "stegnet")
    assert model.card is None
    assert model.config == CONFIG
    assert model.arrays({"a.weight": (4, 3), "a.bias": (4,)}).keys() == {"a.weight", "a.bias"}
    refused(lambda: model.arrays({"a.weight": (3, 4)}), "another network")


def test_what_ships_comes_before_a_folder_of_the_same_name(folder, tmp_path):
    run_folder(tmp_path / "small")
    assert zoo.find("small").card is not None
    assert zoo.find("./small").card is None


def test_a_folder_without_weights(folder, tmp_path):
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "cat.png").touch()
    error = refused(lambda: zoo.find("photographs"), "photographs: holds no model.safetensors", "a training run")
    assert not hasattr(error, "__notes__")
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / "model.safetensors").mkdir()
    refused(lambda: zoo.find("file"), "not a regular file")
    (tmp_path / "dangling").mkdir()
    (tmp_path / "dangling" / "model.safetensors").symlink_to("nowhere")
    refused(lambda: zoo.find("dangling"), "no such file")
    os.mkfifo(tmp_path / "pipe")
    refused(lambda: zoo.find("pipe"), "not a regular file")
    (tmp_path / "loop").symlink_to("loop")
    refused(lambda: zoo.find("loop"), "symbolic links")


class Canary:
    """Sings when it is unpickled."""

    def __reduce__(self):
        return (os.mkdir, ("sung",))


@pytest.mark.parametrize("name", ["model.pt", "Last.CKPT", "pytorch_model.bin"])
def test_a_folder_that_holds_a_pickle_alone(folder, tmp_path, name):
    (tmp_path / "run").mkdir()
    torch.save({"a": Canary()}, tmp_path / "run" / name)
    error = refused(lambda: zoo.find("run"), "run: holds no model.safetensors", name, "none is opened here")
    assert error.__notes__ == [weights.CONVERSION]
    refused(lambda: zoo.find(f"run/{name}"), name, "none is opened here")
    (tmp_path / "run" / name).rename(tmp_path / "run" / "model.safetensors")
    refused(lambda: zoo.find("run"), "looks like a pickle")
    assert not (tmp_path / "sung").exists()


def test_a_checkpoint_is_no_model(folder, tmp_path):
    from safetensors.numpy import save_file

    facts = {"format": "intarsia/checkpoint/1", "facts": "{}", "digest": "0" * 64}
    save_file({"a": np.ones(2, np.float32)}, tmp_path / "step-000000010.safetensors", metadata=facts)
    refused(lambda: zoo.find("step-000000010.safetensors"), "intarsia/checkpoint/1", weights.FORMAT)


def test_weights_replaced_between_looking_and_reading(folder, tmp_path):
    model = zoo.find(run_folder(tmp_path / "run"))
    ship(tmp_path, "newer", seed=9).replace(tmp_path / "run" / "model.safetensors")
    refused(model.arrays, "replaced by other weights meanwhile")


# --- cards and weights that do not agree ---------------------------------------------------------------------


def test_weights_without_a_card_are_not_loaded(folder):
    (folder / "small.json").unlink()
    refused(lambda: zoo.find("small"), "small.json", "weights without a card are not loaded")
    assert zoo.find(folder / "small.safetensors").card is None  # named as a file, nobody speaks for them


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "large"),
        ("method", "ditas"),
        ("configuration", {"width": 7, "beta": 0.75}),
        ("steps", 13),
        ("bytes", 1000),
    ],
)
def test_a_card_of_something_else(folder, field, value):
    altered(folder / "small.json", **{field: value})
    refused(lambda: zoo.find("small"), f"small: its card says {field}", repr(value))


def test_a_card_with_another_sha256(folder):
    right = cards.read(folder / "small.json").sha256
    altered(folder / "small.json", sha256="0" * 64)
    refused(zoo.find("small").arrays, "0" * 64, right)


def test_one_damaged_bit(folder):
    data = bytearray((folder / "small.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "small.safetensors").write_bytes(data)
    found, expected = weights.file_sha256(folder / "small.safetensors"), cards.read(folder / "small.json").sha256
    refused(zoo.find("small").arrays, found, expected)


# --- by identity ---------------------------------------------------------------------------------------------


def test_by_identity(folder):
    small, other = zoo.find("small"), zoo.find("other-nc")
    assert small.identity != other.identity
    for length in (8, 32):
        assert zoo.by_identity(small.identity[:length], "stegnet") == small
        assert zoo.by_identity(other.identity[:length], "ditas") == other
    assert zoo.by_identity(small.identity, "ditas") is None
    assert zoo.by_identity(bytes(8), "stegnet") is None
    assert zoo.by_identity(b"", "stegnet") is None


def test_a_damaged_neighbour_is_no_obstacle(folder):
    small = zoo.find("small")
    (folder / "other-nc.json").unlink()
    (folder / "aaa.safetensors").write_bytes(b"\x80\x04" + bytes(90))
    assert zoo.by_identity(small.identity[:8], "stegnet") == small
    refused(lambda: zoo.by_identity(bytes(8), "stegnet"), "aaa.json")


def test_the_identity_is_that_of_weights_and_settings_not_of_the_path(folder, tmp_path):
    same = run_folder(tmp_path / "run", seed=1)
    assert zoo.find(same).identity == zoo.find("small").identity
    assert zoo.find(run_folder(tmp_path / "run2", seed=4)).identity != zoo.find("small").identity
    config = {"width": 6, "beta": 0.5}
    assert zoo.find(ship(tmp_path / "elsewhere", configuration=config)).identity != zoo.find("small").identity


# --- no torch ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "import intarsia.zoo",
        "from intarsia import zoo; zoo.find('small.safetensors').arrays(); zoo.by_identity(bytes(8), 'x')",
        "import sys; sys.argv = ['intarsia', 'models', 'list']; from intarsia.cli.app import app; "
        "app(standalone_mode=False)",
        "import sys; sys.argv = ['intarsia', 'models', 'verify', 'small.safetensors']; "
        "from intarsia.cli.app import app; app(standalone_mode=False)",
    ],
)
def test_torch_is_not_needed(code, tmp_path):
    ship(tmp_path, "small")
    code += "; import sys; print([m for m in ('torch', 'safetensors') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert run.stdout.splitlines()[-1] == "[]"
