"""Argon2id, HKDF and the rules for passwords, through our own wrappers."""

import threading

import pytest

from intarsia.carrier.keys import V1, Cost, Keyring, argon2id, hkdf, password_bytes, stretch
from intarsia.errors import UsageError

CHEAP = Cost(passes=1, memory_kib=32, lanes=4)


def test_argon2id_is_rfc_9106_section_5_3():
    tag = argon2id(
        b"\x01" * 32, b"\x02" * 16, Cost(passes=3, memory_kib=32, lanes=4), secret=b"\x03" * 8, associated=b"\x04" * 12
    )
    assert tag.hex() == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"


def test_hkdf_is_rfc_5869_case_1():
    okm = hkdf(b"\x0b" * 22, bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"), 42, bytes.fromhex("000102030405060708090a0b0c"))
    assert okm.hex() == ("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")


def test_hkdf_is_rfc_5869_case_3_without_salt_and_info():
    okm = hkdf(b"\x0b" * 22, b"", 42)
    assert okm.hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"


def test_containers_cost_what_the_design_says():
    assert Cost(passes=3, memory_kib=65536, lanes=4) == V1


def test_the_real_cost_changes_with_every_input():
    keys = {stretch(password, salt).master for password, salt in (("a", b"0" * 16), ("b", b"0" * 16), ("a", b"1" * 16))}
    assert len(keys) == 3


def test_composed_and_decomposed_accents_are_one_password():
    assert stretch("caf\u00e9", b"0" * 16, CHEAP) == stretch("cafe\u0301", b"0" * 16, CHEAP)


@pytest.mark.parametrize(("password", "rule"), [("", "empty"), ("x" * 1025, "at most 1024"), ("é" * 513, "1026 bytes")])
def test_passwords_outside_the_rule_are_refused(password, rule):
    with pytest.raises(UsageError, match=rule):
        password_bytes(password)


def test_the_longest_password_works():
    assert len(password_bytes("x" * 1024)) == 1024


def test_every_use_has_its_own_key():
    keys = stretch("x", b"0" * 16, CHEAP)
    assert len({keys.derive(use) for use in ("a", "b", "a/aead", "a/commit")}) == 4
    assert keys.derive("a") == keys.derive("a")


def test_keys_do_not_show_in_their_repr():
    keys = stretch("x", b"0" * 16, CHEAP)
    assert keys.master.hex() not in repr(keys) and repr(keys.master) not in repr(keys)


def test_a_keyring_stretches_each_salt_once(monkeypatch):
    from intarsia.carrier import keys as module

    calls = []
    monkeypatch.setattr(module, "stretch", lambda p, s, c: calls.append(s) or stretch(p, s, c))
    ring = Keyring("x", CHEAP)
    assert ring.keys(b"0" * 16) is ring.keys(b"0" * 16)
    ring.keys(b"1" * 16)
    assert calls == [b"0" * 16, b"1" * 16]


def test_threads_may_stretch_at_the_same_time():
    found = []
    threads = [threading.Thread(target=lambda: found.append(stretch("x", b"0" * 16).master)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 3 and len(set(found)) == 1
