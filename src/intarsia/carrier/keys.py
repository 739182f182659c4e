"""From a password to the keys of one container.

    password (NFC, UTF-8) ──Argon2id(salt)──► master ──HKDF-SHA256(info)──► one key for each use

Argon2id is RFC 9106, HKDF is RFC 5869. The costs belong to the container version and are never read from a
file, so no file can ask the receiver for gigabytes. Nothing here knows where the salt is kept.
"""

import threading
import unicodedata
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..errors import UsageError

PUBLIC_PASSWORD = "open"  # noqa: S105  (it is no secret: the key of --no-password, which anyone can try)
MAX_PASSWORD_BYTES = 1024
SALT_BYTES = 16

# Two Argon2id calls at once in one process can deadlock inside OpenSSL's thread pool, so they queue here.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Cost:
    """What one password guess costs: Argon2id passes, memory in KiB, lanes."""

    passes: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 4


V1 = Cost()


@dataclass(frozen=True)
class Keys:
    """All keys of one container, derived from its master key when asked for."""

    master: bytes = field(repr=False)

    def derive(self, info: str, length: int = 32) -> bytes:
        """Return the `length`-byte key for one use; `info` names the use (RFC 5869, section 2.3)."""
        return hkdf(self.master, info.encode(), length)


def stretch(password: str, salt: bytes, cost: Cost = V1) -> Keys:
    """Turn a password and a 16-byte salt into the keys of one container.

    Args:
        password: any text; compared after Unicode NFC, so composed and decomposed accents are equal.
        salt: 16 bytes, stored in the open in the container.
        cost: Argon2id cost. Containers always use `V1`; tests that open thousands pass a cheaper one.

    Raises:
        UsageError: the password is empty or longer than 1,024 bytes of UTF-8.
    """
    return Keys(argon2id(password_bytes(password), salt, cost))


class Keyring:
    """A password, and the keys it gave for each salt met in one command; Argon2id runs once for each."""

    def __init__(self, password: str, cost: Cost = V1) -> None:
        password_bytes(password)
        self._password = password
        self._cost = cost
        self._known: dict[bytes, Keys] = {}

    def keys(self, salt: bytes) -> Keys:
        """Return the keys for a 16-byte salt."""
        if salt not in self._known:
            self._known[salt] = stretch(self._password, salt, self._cost)
        return self._known[salt]


def password_bytes(password: str) -> bytes:
    """Return the UTF-8 bytes of the NFC form of `password`, or raise `UsageError` with the rule it breaks."""
    data = unicodedata.normalize("NFC", password).encode("utf-8", "surrogateescape")
    if not data:
        raise UsageError("the password is empty; give one, or --no-password for the public key")
    if len(data) > MAX_PASSWORD_BYTES:
        raise UsageError(f"the password has {len(data)} bytes; at most {MAX_PASSWORD_BYTES} are allowed")
    return data


def argon2id(
    password: bytes,
    salt: bytes,
    cost: Cost = V1,
    *,
    secret: bytes | None = None,
    associated: bytes | None = None,
    length: int = 32,
) -> bytes:
    """Return the Argon2id tag (RFC 9106) of `length` bytes; version 0x13, the only one in use."""
    kdf = Argon2id(
        salt=salt,
        length=length,
        iterations=cost.passes,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
        ad=associated,
        secret=secret,
    )
    with _ONE_AT_A_TIME:
        return kdf.derive(password)


def hkdf(key_material: bytes, info: bytes, length: int, salt: bytes | None = None) -> bytes:
    """Return `length` bytes of HKDF-SHA256 (RFC 5869), extract and expand."""
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(key_material)
