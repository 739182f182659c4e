"""Sealing bytes: encryption, authentication, and a commitment to the key.

    sealed = commitment (16) ‖ ChaCha20-Poly1305 ciphertext ‖ tag (16)

ChaCha20-Poly1305 (RFC 8439) alone can be opened under two keys by a crafted file; the commitment, a truncated
HMAC-SHA256 under a key of its own, closes that door. Every sealed text has its own key (the container's salt
and the use go into it), so the nonce may stay zero. Sealed bytes are opaque here: what they mean is known
above.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hmac import HMAC

from ..errors import NoSecretError
from .keys import Keys

COMMITMENT_BYTES = 16
TAG_BYTES = 16
OVERHEAD = COMMITMENT_BYTES + TAG_BYTES
_NONCE = bytes(12)


def seal(keys: Keys, use: str, plaintext: bytes, associated: bytes) -> bytes:
    """Seal `plaintext` for one `use`; the result is `OVERHEAD` (32) bytes longer.

    Args:
        keys: the container's keys.
        use: names the key, `intarsia/v1/...`; never seal two texts with the same keys and use.
        plaintext: the bytes to protect.
        associated: bytes that are authenticated but not stored (version, media kind, method).
    """
    ciphertext = aead_encrypt(keys.derive(use + "/aead"), _NONCE, plaintext, associated)
    return _commit(keys, use, ciphertext, associated) + ciphertext


def unseal(keys: Keys, use: str, sealed: bytes, associated: bytes) -> bytes:
    """Undo `seal`.

    Raises:
        NoSecretError: wrong key, wrong use, or any bit was changed.
    """
    if len(sealed) < OVERHEAD:
        raise NoSecretError
    commitment, ciphertext = sealed[:COMMITMENT_BYTES], sealed[COMMITMENT_BYTES:]
    if not bytes_eq(commitment, _commit(keys, use, ciphertext, associated)):
        raise NoSecretError
    try:
        return aead_decrypt(keys.derive(use + "/aead"), _NONCE, ciphertext, associated)
    except InvalidTag:
        raise NoSecretError from None


def aead_encrypt(key: bytes, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """ChaCha20-Poly1305 (RFC 8439, section 2.8): ciphertext followed by its 16-byte tag."""
    return ChaCha20Poly1305(key).encrypt(nonce, plaintext, associated)


def aead_decrypt(key: bytes, nonce: bytes, ciphertext: bytes, associated: bytes) -> bytes:
    """Inverse of `aead_encrypt`; raises `cryptography.exceptions.InvalidTag`."""
    return ChaCha20Poly1305(key).decrypt(nonce, ciphertext, associated)


def _commit(keys: Keys, use: str, ciphertext: bytes, associated: bytes) -> bytes:
    # The last 16 bytes of the ciphertext are its Poly1305 tag: committing to them and to the lengths under a
    # separate key binds the key without hashing a large payload a second time.
    mac = HMAC(keys.derive(use + "/commit"), hashes.SHA256())
    mac.update(len(ciphertext).to_bytes(8, "big") + ciphertext[-TAG_BYTES:] + associated)
    return mac.finalize()[:COMMITMENT_BYTES]
