"""Sealing: the RFC's vector, and that nothing but the sealed text ever comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intarsia.carrier import seal
from intarsia.carrier.keys import Keys
from intarsia.errors import NoSecretError

KEYS = Keys(b"k" * 32)


def test_aead_is_rfc_8439_section_2_8_2():
    key = bytes(range(0x80, 0xA0))
    nonce = bytes.fromhex("070000004041424344454647")
    associated = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    plaintext = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
        b"sunscreen would be it."
    )
    sealed = seal.aead_encrypt(key, nonce, plaintext, associated)
    assert sealed[:16].hex() == "d31a8d34648e60db7b86afbc53ef7ec2"
    assert sealed[-16:].hex() == "1ae10b594f09e26a7e902ecbd0600691"
    assert seal.aead_decrypt(key, nonce, sealed, associated) == plaintext


@given(st.binary(max_size=200), st.binary(max_size=20))
def test_unseal_undoes_seal(plaintext, associated):
    sealed = seal.seal(KEYS, "use", plaintext, associated)
    assert len(sealed) == len(plaintext) + seal.OVERHEAD
    assert seal.unseal(KEYS, "use", sealed, associated) == plaintext


@pytest.mark.parametrize(
    ("keys", "use", "associated"), [(Keys(b"K" * 32), "use", b"a"), (KEYS, "other", b"a"), (KEYS, "use", b"b")]
)
def test_other_key_use_or_association_opens_nothing(keys, use, associated):
    sealed = seal.seal(KEYS, "use", b"text", b"a")
    with pytest.raises(NoSecretError):
        seal.unseal(keys, use, sealed, associated)


def test_every_single_bit_counts():
    sealed = seal.seal(KEYS, "use", b"text", b"")
    for bit in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NoSecretError):
            seal.unseal(KEYS, "use", bytes(changed), b"")


@pytest.mark.parametrize("length", [0, 1, 31, 35])
def test_cut_texts_open_nothing(length):
    with pytest.raises(NoSecretError):
        seal.unseal(KEYS, "use", seal.seal(KEYS, "use", b"text", b"")[:length], b"")
