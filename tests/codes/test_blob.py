import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intarsia.codes import blob
from intarsia.errors import DoesNotFitError, InputError, ResourceError
from intarsia.media import Blob


@given(st.binary(max_size=2000))
def test_bytes_come_back(data):
    code = blob.encode(Blob(data, "n"), len(data) + 1)
    assert len(code) <= len(data) + 1
    assert blob.decode(code, "n") == Blob(data, "n")


def test_repetition_is_packed_and_noise_is_stored():
    assert len(blob.encode(Blob(b"intarsia" * 1000), 10_000)) < 100
    noise = random.Random(0).randbytes(256)
    assert blob.encode(Blob(noise), 10_000) == b"s" + noise


def test_exactly_the_budget_fits_and_one_byte_less_does_not():
    noise = random.Random(0).randbytes(256)
    assert len(blob.encode(Blob(noise), 257)) == 257
    with pytest.raises(DoesNotFitError, match=r"257 bytes and 256 fit") as error:
        blob.encode(Blob(noise), 256)
    assert (error.value.needed, error.value.available) == (257, 256)


def test_a_small_payload_cannot_unpack_to_more_than_the_limit(monkeypatch):
    code = blob.encode(Blob(bytes(1 << 20)), 1 << 20)
    monkeypatch.setattr(blob, "MAX_REVEALED", 1000)
    with pytest.raises(ResourceError):
        blob.decode(code)


def test_a_code_from_the_future_says_so():
    with pytest.raises(InputError, match="newer release"):
        blob.decode(b"?abc")


def test_large_and_small_inputs_share_one_stream_format():
    data = bytes(range(256)) * 20_000  # above the size where the quick preset is used
    assert blob.decode(blob.encode(Blob(data), len(data))).data == data
