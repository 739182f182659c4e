"""The format of trained weights: what is written comes back, and whatever was changed or made up is refused."""

import hashlib
import io
import json
import os
import pickle
import resource
import struct
import time

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch

from conftest import snapshot
from intarsia.errors import OutputError, WeightsError
from intarsia.media import files
from intarsia.zoo import weights

TENSORS = {
    "net.0.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4) - 7.5,
    "net.0.bias": np.array([0.5, -0.25, 1e-30], np.float32),
    "scale": np.array(3.25, np.float32),
}
SHAPES = {name: array.shape for name, array in TENSORS.items()}
FACTS = {"method": "stegnet", "config": {"width": 6, "beta": 0.75}, "step": 12}


def saved(path, tensors=TENSORS, **facts):
    weights.save(path, tensors, **{**FACTS, **facts})
    return path


def parts(path):
    """Header and data of a file."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def raw(path, text, body=b"", length=None):
    """A file with this header, whatever it says."""
    text = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + body)
    return path


def digest(method, config, step, slots, body):
    """The digest as docs and docstring describe it, computed here once more."""
    names = sorted(slots)
    rows = [[name, slots[name]["dtype"], slots[name]["shape"]] for name in names]
    pieces = [body[slice(*slots[name]["data_offsets"])] for name in names]
    return hashlib.sha256(json.dumps([method, config, step, rows]).encode() + b"".join(pieces)).hexdigest()


def made(path, slots, body=b"", **facts):
    """A file with a digest that is right, so that nothing but what is being tested can be wrong."""
    said = {"format": weights.FORMAT, "method": "stegnet", "config": "{}", "step": "1"}
    try:
        said["digest"] = digest("stegnet", "{}", "1", slots, body)
    except (TypeError, KeyError, AttributeError, ValueError, OverflowError, MemoryError):
        said["digest"] = "0" * 64
    return raw(path, json.dumps({"__metadata__": {**said, **facts}, **slots}), body)


def refused(path, *words, **how):
    """Loading is refused with one printable line of bearable length that names the file."""
    with pytest.raises(WeightsError) as caught:
        weights.load(path, **how)
    said = str(caught.value)
    assert caught.value.exit_code == 7
    assert said.isprintable()
    assert len(said) < 600
    assert files.shown(path) in said
    for word in words:
        assert word in said
    return caught.value


@pytest.fixture
def file(tmp_path):
    return saved(tmp_path / "model.safetensors")


# --- there and back ------------------------------------------------------------------------------------------


def test_what_is_saved_comes_back(file):
    head, arrays = weights.load(file, expected=SHAPES)
    assert (head.method, head.config, head.step) == ("stegnet", {"width": 6, "beta": 0.75}, 12)
    assert head == weights.peek(file)
    assert arrays.keys() == TENSORS.keys()
    for name, array in arrays.items():
        assert array.dtype == np.float32
        assert array.flags.writeable and array.flags.c_contiguous
        assert np.array_equal(array, TENSORS[name]) and array.shape == TENSORS[name].shape


def test_the_bytes_depend_on_the_weights_alone(tmp_path, file):
    turned = {name: np.array(TENSORS[name], order="F") for name in reversed(TENSORS)}
    other = saved(tmp_path / "other.safetensors", turned, config={"beta": 0.75, "width": 6})
    assert other.read_bytes() == file.read_bytes()
    assert (8 + struct.unpack("<Q", file.read_bytes()[:8])[0]) % 8 == 0
    for change in ({"method": "ditas"}, {"config": {"width": 6}}, {"step": 13}):
        different = saved(tmp_path / "different.safetensors", force=True, **change)
        assert weights.peek(different).digest != weights.peek(file).digest


def test_the_digest_is_what_the_module_says(file):
    header, body = parts(file)
    facts = header.pop("__metadata__")
    assert facts["digest"] == digest(facts["method"], facts["config"], facts["step"], header, body)
    assert weights.file_sha256(file) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_another_library_reads_what_is_written(file):
    found = safetensors.numpy.load_file(file)
    assert found.keys() == TENSORS.keys()
    assert all(np.array_equal(found[name], TENSORS[name]) for name in found)


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_what_another_library_writes_is_read(tmp_path, kind):
    tensors = {"a": torch.linspace(-3, 3, 5).to(kind), "b": torch.full((2, 1, 3), 0.1).to(kind), "none": torch.zeros(0)}
    path = tmp_path / "model.safetensors"
    for stamp in ("0" * 64, None):
        facts = {"format": weights.FORMAT, "method": "stegnet", "config": "{}", "step": "1"}
        if stamp is None:
            header, body = parts(path)
            header.pop("__metadata__")
            stamp = digest("stegnet", "{}", "1", header, body)
        safetensors.torch.save_file(tensors, path, metadata={**facts, "digest": stamp})
    _, arrays = weights.load(path)
    for name, tensor in tensors.items():
        assert arrays[name].dtype == np.float32
        assert np.array_equal(arrays[name], tensor.float().numpy())


def test_tensors_that_lie_at_odd_places(tmp_path):
    body = np.float16(1.5).tobytes() + np.arange(3, dtype="<f4").tobytes()
    slots = {
        "half": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]},
        "whole": {"dtype": "F32", "shape": [3], "data_offsets": [2, 14]},
    }
    _, arrays = weights.load(made(tmp_path / "odd.safetensors", slots, body))
    assert arrays["half"].tolist() == [1.5] and arrays["whole"].tolist() == [0, 1, 2]


def test_no_tensors_and_empty_tensors(tmp_path):
    assert weights.load(saved(tmp_path / "none.safetensors", {}))[1] == {}
    _, arrays = weights.load(saved(tmp_path / "empty.safetensors", {"a": np.zeros((0, 5), np.float32)}))
    assert arrays["a"].shape == (0, 5)


@pytest.mark.parametrize("wanted", [640, 896, 1152, 1408])
def test_headers_whose_length_looks_like_a_pickle(tmp_path, wanted):
    path = tmp_path / "model.safetensors"
    (short,) = struct.unpack("<Q", saved(path, {"n": np.ones(2, np.float32)}).read_bytes()[:8])
    name = "n" * (1 + wanted - short)
    saved(path, {name: np.ones(2, np.float32)}, force=True)
    assert struct.unpack("<Q", path.read_bytes()[:8]) == (wanted,)
    assert path.read_bytes()[:1] == b"\x80"
    assert weights.load(path)[1][name].tolist() == [1, 1]


def test_a_large_file_is_read_in_little_time(tmp_path):
    path = saved(tmp_path / "large.safetensors", {"a": np.ones((2048, 2048), np.float32)})
    before = time.process_time()
    weights.peek(path)
    assert time.process_time() - before < 0.05
    assert weights.load(path)[1]["a"].shape == (2048, 2048)


# --- saving --------------------------------------------------------------------------------------------------


def test_nothing_is_overwritten_unless_asked(file):
    before = file.read_bytes()
    with pytest.raises(OutputError, match="already exists"):
        saved(file, step=13)
    assert file.read_bytes() == before
    saved(file, step=13, force=True)
    assert weights.load(file)[0].step == 13


@pytest.mark.parametrize("broken", ["fsync", "replace", "link"])
def test_a_disk_that_fails_leaves_no_half_file(tmp_path, file, monkeypatch, broken):
    def fails(*_args, **_how):
        raise OSError(28, "No space left on device")

    before = snapshot(tmp_path)
    monkeypatch.setattr(os, broken, fails)
    new = tmp_path / "new.safetensors"
    if broken == "link":
        saved(new)  # a file system without hard links
        assert weights.load(new)[0].step == 12
        return
    for path, force in ((file, True), (new, True)):
        with pytest.raises(OutputError, match="disk is full"):
            saved(path, step=13, force=force)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": ""},
        {"method": "two\nlines"},
        {"method": "m" * 201},
        {"step": -1},
        {"step": 1.5},
        {"step": True},
        {"config": {"beta": float("nan")}},
        {"config": {"beta": float("inf")}},
        {"tensors": {"__metadata__": np.ones(3, np.float32)}},
        {"tensors": {"\ud800": np.ones(3, np.float32)}},
        {"tensors": {"a": np.ones((1,) * 9, np.float32)}},
        {"tensors": {"a": np.ones((1 << 24) + 1, np.float32)}},
        {"tensors": {"n" * (1 << 20): np.ones(3, np.float32)}},
    ],
    ids=lambda wrong: f"{wrong!r:.30}",
)
def test_what_could_not_be_read_back_is_not_written(tmp_path, wrong):
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        saved(tmp_path / "model.safetensors", **wrong)
    assert snapshot(tmp_path) == {}


def test_settings_that_json_does_not_know(tmp_path):
    with pytest.raises(TypeError):
        saved(tmp_path / "model.safetensors", config={"path": object()})
    assert snapshot(tmp_path) == {}


# --- cut and flipped -----------------------------------------------------------------------------------------


def test_a_file_cut_anywhere_is_refused(file):
    data = file.read_bytes()
    for length in (*range(24), *range(24, len(data), 7), *range(len(data) - 9, len(data))):
        file.write_bytes(data[:length])
        refused(file)


def test_a_file_with_something_behind_is_refused(file):
    data = file.read_bytes()
    for more in (b"\0", b" ", bytes(4), data):
        file.write_bytes(data + more)
        refused(file, "cut or damaged")


def test_no_bit_of_header_or_data_can_change_unnoticed(file):
    data = file.read_bytes()
    bits = np.random.default_rng(1).permutation(8 * len(data))[:300]
    for bit in (*range(64), *bits.tolist()):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        file.write_bytes(changed)
        refused(file)


def test_a_changed_number_is_told_with_both_digests(file):
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    expected = weights.peek(file).digest
    file.write_bytes(data)
    assert "fetch it again" in str(refused(file, "damaged", f"expected {expected}"))


@pytest.mark.parametrize("old_new", [(b"0.75", b"0.25"), (b'"12"', b'"13"'), (b"stegnet", b"stegnot")])
def test_settings_steps_and_method_are_part_of_the_digest(file, old_new):
    data = file.read_bytes()
    assert data.count(old_new[0]) == 1
    file.write_bytes(data.replace(*old_new))
    refused(file, "damaged")


def test_the_card_is_believed_not_the_file(file):
    right = weights.file_sha256(file)
    assert weights.load(file, sha256=right)[0].step == 12
    saved(file, step=13, force=True)
    refused(file, right, weights.file_sha256(file), "fetch it again", sha256=right)


# --- another network -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scale": (1,)}, ("scale is (), expected (1,)",)),
        ({"net.0.weight": (24,)}, ("net.0.weight is (2, 3, 4), expected (24,)",)),
        ({"net.0.weight": (4, 3, 2)}, ("expected (4, 3, 2)",)),
        ({"net.1.weight": (2,)}, ("net.1.weight is missing",)),
        ({"scale": None}, ("scale is not expected",)),
        ({f"more.{n}": (2,) for n in range(40)}, ("more.0 is missing", "and 37 more")),
    ],
)
def test_weights_of_another_network(file, change, words):
    expected = {name: shape for name, shape in {**SHAPES, **change}.items() if shape is not None}
    refused(file, "weights of another network", *words, expected=expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", TENSORS)
def test_values_that_are_no_numbers(tmp_path, name, value):
    tensors = dict(TENSORS)
    tensors[name] = np.where(TENSORS[name] == TENSORS[name].flat[-1], np.float32(value), TENSORS[name])
    refused(saved(tmp_path / "model.safetensors", tensors), "not numbers", name)


def test_a_number_too_large_for_half_precision_is_no_number(tmp_path):
    slots = {"a": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}}
    refused(made(tmp_path / "a.safetensors", slots, b"\x00\x7c"), "not numbers in a")


# --- headers that lie ----------------------------------------------------------------------------------------

ONE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
LIES = {
    "another's tensor": {"a": ONE, "b": ONE},
    "overlap": {"a": {**ONE, "shape": [2], "data_offsets": [0, 8]}, "b": {**ONE, "data_offsets": [4, 8]}},
    "gap": {"a": ONE, "b": {**ONE, "data_offsets": [8, 12]}},
    "gap in front": {"a": {**ONE, "data_offsets": [4, 8]}},
    "behind the end": {"a": {**ONE, "shape": [9], "data_offsets": [0, 36]}},
    "backwards": {"a": {**ONE, "data_offsets": [4, 0]}},
    "longer than its shape": {"a": {**ONE, "data_offsets": [0, 8]}},
    "shorter than its shape": {"a": {**ONE, "shape": [2]}},
    "F64": {"a": {**ONE, "dtype": "F64", "data_offsets": [0, 8]}},
    "I64": {"a": {**ONE, "dtype": "I64", "data_offsets": [0, 8]}},
    "F8": {"a": {**ONE, "dtype": "F8_E4M3"}},
    "BOOL": {"a": {**ONE, "dtype": "BOOL"}},
    "meta": {"a": {**ONE, "dtype": "meta", "data_offsets": [0, 0]}},
    "type is a list": {"a": {**ONE, "dtype": ["F32"]}},
    "type is a terminal's": {"a": {**ONE, "dtype": "\x1b[31m\n"}},
    "name is a terminal's": {"\x1b[31m\n": {**ONE, "dtype": "F64"}},
    "name is very long": {"n" * 9000: {**ONE, "dtype": "F64"}},
    "name is half a character": {"\ud800": ONE},
    "negative axis": {"a": {**ONE, "shape": [-1]}},
    "two negative axes": {"a": {**ONE, "shape": [-1, -1]}},
    "negative place": {"a": {**ONE, "data_offsets": [-4, 0]}},
    "boolean axis": {"a": {**ONE, "shape": [True]}},
    "boolean place": {"a": {**ONE, "data_offsets": [False, 4]}},
    "broken axis": {"a": {**ONE, "shape": [1.0]}},
    "axis in words": {"a": {**ONE, "shape": ["1"]}},
    "shape in words": {"a": {**ONE, "shape": "1"}},
    "shape is a mapping": {"a": {**ONE, "shape": {}}},
    "shape is a number": {"a": {**ONE, "shape": 1}},
    "no shape": {"a": {"dtype": "F32", "data_offsets": [0, 4]}},
    "no type": {"a": {"shape": [1], "data_offsets": [0, 4]}},
    "no place": {"a": {"dtype": "F32", "shape": [1]}},
    "three places": {"a": {**ONE, "data_offsets": [0, 4, 8]}},
    "a place in words": {"a": {**ONE, "data_offsets": "04"}},
    "a list": {"a": [1, 2]},
    "nothing": {"a": None},
    "a huge shape": {"a": {**ONE, "shape": [1 << 40, 1 << 40]}},
    "a huge shape of nothing": {"a": {**ONE, "shape": [0, 1 << 62, 1 << 62], "data_offsets": [0, 0]}},
    "a large shape of nothing": {"a": {**ONE, "shape": [0, 1 << 26, 1 << 26, 1 << 26], "data_offsets": [0, 0]}},
    "2^32 x 2^32": {"a": {**ONE, "shape": [1 << 32, 1 << 32], "data_offsets": [0, 0]}},
    "numbers of 4,000 digits": {"a": {**ONE, "shape": [10**4000] * 40, "data_offsets": [0, 10**4000]}},
    "places of 4,000 digits": {"a": {**ONE, "data_offsets": [10**4000, 10**4000]}},
    "5,000 axes": {"a": {**ONE, "shape": [1] * 5000}},
    "nine axes": {"a": {**ONE, "shape": [1] * 9}},
}


@pytest.mark.parametrize("lie", LIES)
def test_headers_that_lie(tmp_path, lie):
    before = time.process_time()
    for length in (0, 4, 8, 12):  # at one of them, all but the lie is as it should be
        refused(made(tmp_path / "model.safetensors", LIES[lie], bytes(length)))
    assert time.process_time() - before < 2


FACTS_THAT_LIE = {
    "method": ["", " ", "two words", "two\nlines", "\x1b[31m", "m" * 300, None, 3, ["stegnet"]],
    "config": ["", "[]", "3", "null", "{", '{"a": NaN}', '{"a": 1, "a": 2}', "[" * 90_000, None, {}],
    "step": ["", "-1", "+1", " 1", "1_0", "1.0", "1e3", "٣", "01", "9" * 5000, None, 1],
    "digest": ["", "0" * 63, "0" * 65, "G" * 64, "0" * 63 + " ", None, 7],
}


@pytest.mark.parametrize(("fact", "value"), [(fact, value) for fact, many in FACTS_THAT_LIE.items() for value in many])
def test_facts_that_lie(tmp_path, fact, value):
    refused(made(tmp_path / "a.safetensors", {"a": ONE}, bytes(4), **{fact: value}), "not weights of this project")


@pytest.mark.parametrize("fact", ["format", *FACTS_THAT_LIE])
def test_facts_that_lack(tmp_path, fact):
    header, body = parts(made(tmp_path / "a.safetensors", {"a": ONE}, bytes(4)))
    del header["__metadata__"][fact]
    refused(raw(tmp_path / "a.safetensors", json.dumps(header), body), f"it lacks '{fact}'", weights.FORMAT)


@pytest.mark.parametrize("form", ["intarsia/weights/2", "intarsia/checkpoint/1", "pt", "", "\x1b\n" * 500])
def test_other_formats_are_told_from_damage(tmp_path, form):
    header = {"__metadata__": {"format": form}}
    refused(raw(tmp_path / "a.safetensors", json.dumps(header)), f"this release reads {weights.FORMAT}")


def test_weights_of_somebody_else(tmp_path):
    safetensors.numpy.save_file(TENSORS, tmp_path / "theirs.safetensors")
    refused(tmp_path / "theirs.safetensors", "not weights of this project", "__metadata__", weights.FORMAT)


TEXTS = {
    "no JSON": "{'a': 1}",
    "a list": "[1, 2]",
    "a text": '"text"',
    "a number": "  12",
    "nothing": "null",
    "empty": "{}",
    "metadata is a text": '{"__metadata__": "format"}',
    "metadata is a list": '{"__metadata__": ["format"]}',
    "metadata is nothing": '{"__metadata__": null}',
    "not UTF-8": b'{"\xff": 1}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a mark in front": b"\xef\xbb\xbf{}",
    "deep lists": "[" * 500_000,
    "deep mappings": '{"a":' * 100_000,
    "a long number": '{"a": ' + "9" * 9_000 + "}",
    "no number": '{"a": NaN}',
    "zeros": bytes(4096),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_headers_that_are_none(tmp_path, kind):
    refused(raw(tmp_path / "model.safetensors", TEXTS[kind], bytes(16)), "not weights")


@pytest.mark.parametrize("twice", ["a", "__metadata__", "dtype", "digest"])
def test_names_given_twice(tmp_path, twice):
    path = made(tmp_path / "model.safetensors", {"a": ONE}, bytes(4))
    header, body = parts(path)
    text = json.dumps(header)
    again = {
        "a": lambda: text[:-1] + f', "a": {json.dumps(ONE)}}}',
        "__metadata__": lambda: text[:-1] + f', "__metadata__": {json.dumps(header["__metadata__"])}}}',
        "dtype": lambda: text.replace('"dtype"', '"dtype": "F32", "dtype"'),
        "digest": lambda: text.replace('"digest"', '"digest": "", "digest"'),
    }[twice]()
    assert json.loads(again) == header  # other readers take the last
    refused(raw(path, again, body), "twice")


@pytest.mark.parametrize("length", [0, 1, 100 << 20, (1 << 20) + 1, 1 << 31, 1 << 32, (1 << 63) - 1, (1 << 64) - 1])
def test_headers_that_claim_to_be_long(tmp_path, length):
    path = raw(tmp_path / "model.safetensors", "{}", bytes(64), length=length)
    refused(path, f"{length:,}")


def test_a_header_of_100_megabytes_is_not_read(tmp_path):
    path = tmp_path / "model.safetensors"
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", 100 << 20) + b"{")
        stream.truncate(101 << 20)  # takes no room on disk
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(path, "104,857,600")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10  # KiB


def test_a_file_that_is_too_large_is_not_read(tmp_path, file):
    with file.open("r+b") as stream:
        stream.truncate(1 << 40)
    refused(file, "1,099,511,627,776 bytes", "67,108,864")
    saved(file, force=True)
    assert weights.peek(file, limit=file.stat().st_size).step == 12
    with pytest.raises(WeightsError, match="weights of at most 100 are read"):
        weights.peek(file, limit=100)


# --- what is no file -----------------------------------------------------------------------------------------


def test_missing_empty_and_no_files(tmp_path):
    refused(tmp_path / "missing.safetensors", "no such file")
    refused(tmp_path / "no" / "folder.safetensors", "no such file")
    (tmp_path / "empty.safetensors").touch()
    refused(tmp_path / "empty.safetensors", "empty")
    (tmp_path / "folder.safetensors").mkdir()
    refused(tmp_path / "folder.safetensors", "not a regular file")
    os.mkfifo(tmp_path / "pipe.safetensors")
    refused(tmp_path / "pipe.safetensors", "not a regular file")
    (tmp_path / "loop.safetensors").symlink_to("loop.safetensors")
    refused(tmp_path / "loop.safetensors", "symbolic links")
    refused(tmp_path / ("n" * 300), "too long")
    with pytest.raises(WeightsError, match="null"):
        weights.load("a\0b")
    with pytest.raises(WeightsError, match="not a regular file"):
        weights.load("/dev/zero")


def test_a_link_to_weights_is_followed(tmp_path, file):
    (tmp_path / "link.safetensors").symlink_to(file)
    assert weights.load(tmp_path / "link.safetensors")[0].step == 12


# --- pickles -------------------------------------------------------------------------------------------------


class Canary:
    """Sings when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


@pytest.mark.parametrize("name", ["model.pt", "MODEL.PTH", "a.ckpt", "a.bin", "a.pkl", "a.pickle", "model.safetensors"])
@pytest.mark.parametrize("how", [2, 3, 4, 5, "torch", "old torch"])
def test_pickles_are_refused_and_never_opened(tmp_path, name, how):
    sung, path = tmp_path / "sung", tmp_path / name
    if isinstance(how, int):
        path.write_bytes(pickle.dumps(Canary(sung), protocol=how))
    else:
        torch.save({"a": Canary(sung)}, path, _use_new_zipfile_serialization=how == "torch")
    error = refused(path, "pickle", ".safetensors")
    assert any("weights.save(" in note and "weights_only=True" in note for note in error.__notes__)
    assert not sung.exists()
    pickle.loads(path.read_bytes()) if isinstance(how, int) else torch.load(
        io.BytesIO(path.read_bytes()), weights_only=False
    )
    assert sung.exists()  # so it would have


@pytest.mark.parametrize("suffix", weights.PICKLES)
def test_a_suffix_of_pickles_is_enough(tmp_path, file, suffix):
    refused(file.rename(tmp_path / f"model{suffix}"), "looks like a pickle")


@pytest.mark.parametrize("protocol", [0, 1])
def test_pickles_of_old_have_no_mark_and_are_refused_all_the_same(tmp_path, protocol):
    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Canary(tmp_path / "sung"), protocol=protocol))
    refused(path, "not weights")
    assert not (tmp_path / "sung").exists()


def test_the_owner_can_convert_as_the_note_says(tmp_path, file):
    old = {name: torch.from_numpy(np.array(array)) for name, array in TENSORS.items()}
    torch.save({**old, "counter": torch.tensor(3)}, tmp_path / "old.pt")
    loaded = torch.load(tmp_path / "old.pt", weights_only=True)
    tensors = {name: tensor.float().numpy() for name, tensor in loaded.items() if tensor.is_floating_point()}
    weights.save(tmp_path / "new.safetensors", tensors, **FACTS)
    assert (tmp_path / "new.safetensors").read_bytes() == file.read_bytes()


def test_weights_may_be_rounded_to_16_bits(tmp_path):
    array = np.random.default_rng(0).normal(size=(40, 30)).astype(np.float32)
    for name, half in (("whole", False), ("half", True)):
        weights.save(tmp_path / f"{name}.safetensors", {"a": array}, method="m", config={}, step=1, half=half)
    _, found = weights.load(tmp_path / "half.safetensors")
    assert np.array_equal(found["a"], array.astype(np.float16).astype(np.float32))
    assert (tmp_path / "half.safetensors").stat().st_size < 0.6 * (tmp_path / "whole.safetensors").stat().st_size
