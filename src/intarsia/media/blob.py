"""Any bytes at all, with the name they came under."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from .files import PathLike, read_bytes


@dataclass(frozen=True)
class Blob:
    """Bytes carried as they are.

    Attributes:
        data: the bytes.
        name: file name without folders, or "" when there is none.
        is_text: the bytes are UTF-8 text typed by somebody; revealed to a terminal as such.
    """

    data: bytes
    name: str = ""
    is_text: bool = False

    @property
    def kind(self) -> str:
        """Kind of medium as reports name it: "text" or "blob"."""
        return "text" if self.is_text else "blob"

    def digest(self) -> bytes:
        """Return a hash of data and name, 32 bytes."""
        return hashlib.sha256(hashlib.sha256(self.data).digest() + os.fsencode(self.name)).digest()

    @classmethod
    def load(cls, path: PathLike) -> "Blob":
        """Read a file; its name is kept, its folder is not."""
        return cls(read_bytes(path), Path(path).name)

    @classmethod
    def text(cls, text: str) -> "Blob":
        """Wrap a text."""
        return cls(text.encode("utf-8", "surrogateescape"), is_text=True)


@dataclass(frozen=True)
class Piece(Blob):
    """A piece of a secret that was spread over several covers; more of them are needed to make sense of it."""

    @property
    def kind(self) -> str:
        """Kind of medium as reports name it."""
        return "piece"


def safe_name(name: str, default: str) -> str:
    """Return a file name that stays inside its folder: the last component of `name`, or `default`.

    A name comes from whoever hid the secret; folders, "..", NUL and the empty name are not obeyed.
    """
    last = os.path.basename(name.replace("\\", "/").replace("\0", ""))  # noqa: PTH119 (Path drops "." silently)
    return default if last in ("", ".", "..") else last
