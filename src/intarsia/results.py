"""What the verbs return: plain records, each able to say itself as one JSON line."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .media import Value


@dataclass(frozen=True)
class SecretReport:
    """One hidden secret, measured from the saved container.

    Attributes:
        name: file name without folders, or "".
        media: "image", "text" or "blob".
        bytes: bytes of its code in the container.
        exact: whether it comes back bit for bit.
        psnr: of a picture that does not, dB over RGB (and alpha); None when exact.
    """

    name: str
    media: str
    bytes: int
    exact: bool
    psnr: float | None

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        quality = {"exact": True} if self.exact else {"exact": False, "psnr": rounded(self.psnr)}
        return {"name": self.name, "media": self.media, **quality, "bytes": self.bytes}


@dataclass(frozen=True)
class Hidden:
    """What `hide` did; every figure was measured on the saved file, read back.

    Attributes:
        container: the file written.
        method: name of the method.
        cover_psnr: of the container against the cover, dB over all colour samples; inf is never reached.
        secrets: one report for each secret.
        capacity: bytes this cover could have taken with this method.
        seconds: wall-clock time.
        verified: the saved file was read, revealed and compared. Always True: a failure raises instead.
        notes: what the user should know, one sentence each.
        model: name of the trained model, if the method has one.
    """

    container: Path
    method: str
    cover_psnr: float
    secrets: tuple[SecretReport, ...]
    capacity: int
    seconds: float
    verified: bool = True
    notes: tuple[str, ...] = ()
    model: str | None = None

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "method": self.method,
            "model": self.model,
            "container": str(self.container),
            "cover_psnr": rounded(self.cover_psnr),
            "secrets": [secret.record() for secret in self.secrets],
            "capacity_bytes": self.capacity,
            "seconds": round(self.seconds, 3),
            "verified": self.verified,
        }


@dataclass(frozen=True)
class Output:
    """One revealed secret: where it went and what it is."""

    path: str | None
    media: str
    bytes: int

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"path": self.path, "media": self.media, "bytes": self.bytes}


@dataclass(frozen=True)
class Revealed:
    """What `reveal` found.

    Attributes:
        method: name of the method that had hidden it.
        values: the secrets, as `intarsia.media` values.
        outputs: where each was written; empty when no output was asked for.
        seconds: wall-clock time.
        loss: share of the container found damaged, 0..1; the exact channel gives all or nothing, so 0.
        notes: what the user should know.
    """

    method: str
    values: tuple[Value, ...] = field(repr=False)
    outputs: tuple[Output, ...]
    seconds: float
    loss: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def value(self) -> Value:
        """The only secret, or the first of several."""
        return self.values[0]

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "method": self.method,
            "outputs": [output.record() for output in self.outputs],
            "seconds": round(self.seconds, 3),
            "loss": self.loss,
        }


def rounded(value: float | None) -> float | None:
    """Round for JSON, which has no infinity: None stands for it."""
    return None if value is None or math.isinf(value) else round(value, 3)
