"""Several secrets in one budget."""

import math

import pytest

from intarsia.codes.coded import Coded
from intarsia.errors import DoesNotFitError, UsageError
from intarsia.media import Blob, Image
from intarsia.methods.exact.sharing import parse_weights, share_out
from intarsia.pipeline import hide_file, reveal_file
from samples import noise, photograph, terms

PICTURE = Image(photograph(32, 32))


def coder(wants):
    """A codec that takes what it is given up to what each value wants, by the value's name."""

    def code(value, budget, fill):
        if isinstance(value, Blob):
            if len(value.data) > budget:
                raise DoesNotFitError("too large", needed=len(value.data), available=budget)
            return Coded(bytes(len(value.data)), math.inf)
        size = wants[value.name]
        taken = min(budget, size) if fill else size
        if taken > budget:
            taken = budget
        return Coded(bytes(taken), 40.0 if taken >= size else 40.0 * taken / size)

    return code


def named(name):
    return Image(PICTURE.samples, name=name)


def test_all_get_what_they_want_when_it_fits():
    found = share_out([named("a"), Blob(bytes(10)), named("b")], 100, [1, 1, 1], coder({"a": 40, "b": 50}), fill=False)
    assert [len(coded.code) for coded in found] == [40, 10, 50]


def test_bytes_come_first_and_the_rest_is_shared_by_weight():
    found = share_out([named("a"), Blob(bytes(10)), named("b")], 100, [2, 1, 1], coder({"a": 900, "b": 900}), fill=True)
    assert [len(coded.code) for coded in found] == [60, 10, 30]


def test_what_one_cannot_use_goes_to_the_others():
    wants = {"a": 5, "b": 900, "c": 900}
    found = share_out([named("a"), named("b"), named("c")], 105, [1, 1, 1], coder(wants), fill=True)
    assert [len(coded.code) for coded in found] == [5, 50, 50]


def test_the_one_that_does_not_fit_is_named():
    with pytest.raises(DoesNotFitError, match=r"big\.bin: too large"):
        share_out([Blob(bytes(90)), Blob(bytes(20), "big.bin")], 100, [1, 1], coder({}), fill=False)


@pytest.mark.parametrize("text", ["1", "1:2:3", "1:0", "1:-1", "a:b", "1:inf", ""])
def test_weights_that_cannot_be_meant(text):
    with pytest.raises(UsageError, match="one for each secret"):
        parse_weights(text, 2)
    assert parse_weights("2:1", 2) == [2.0, 1.0]
    assert parse_weights(None, 3) == [1.0] * 3


def test_many_secrets_with_long_names_are_listed_in_front(tmp_path):
    secrets = [Blob(bytes([n]) * (n + 1), f"{n:0100}.bin") for n in range(40)]
    hide_file(Image(noise(300, 300)), secrets, tmp_path / "c.png", terms())
    assert list(reveal_file(tmp_path / "c.png", None, terms()).values) == secrets


def test_the_weights_show_in_the_container(tmp_path):
    pictures = [Image(photograph(120, 120, top=t), name=f"{t}.png") for t in (0, 200)]
    sizes = []
    for weights in ("1:1", "3:1"):
        settings = {"preset": "best", "weights": weights}
        hidden = hide_file(Image(noise(160, 160)), pictures, tmp_path / f"{weights[0]}.png", terms(settings=settings))
        sizes.append([secret.bytes for secret in hidden.secrets])
    assert sizes[1][0] > 1.3 * sizes[0][0] and sizes[1][1] < 0.7 * sizes[0][1]
