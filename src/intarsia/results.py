"""What the verbs return: plain records, each able to say itself as one JSON line."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .media import Value

CARRIER_MEASURE = {"image": "cover_psnr", "audio": "carrier_snr"}
"""What the distortion of a cover is called, by its kind."""


@dataclass(frozen=True)
class SecretReport:
    """One hidden secret, measured from the saved container.

    Attributes:
        name: file name without folders, or "".
        media: "image", "audio", "text" or "blob".
        bytes: bytes of its code in the container.
        quality: of one that does not come back bit for bit: PSNR of a picture over RGB (and alpha), SNR of a sound
            over all channels, dB; None when exact.
    """

    name: str
    media: str
    bytes: int
    quality: float | None

    @property
    def exact(self) -> bool:
        """Whether it comes back bit for bit."""
        return self.quality is None

    @property
    def psnr(self) -> float | None:
        """PSNR in dB of a picture that is not exact."""
        return None if self.media == "audio" else self.quality

    @property
    def snr(self) -> float | None:
        """SNR in dB of a sound that is not exact."""
        return self.quality if self.media == "audio" else None

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        measure = "snr" if self.media == "audio" else "psnr"
        quality = {"exact": True} if self.exact else {"exact": False, measure: rounded(self.quality)}
        return {"name": self.name, "media": self.media, **quality, "bytes": self.bytes}


@dataclass(frozen=True)
class Hidden:
    """What `hide` did; every figure was measured on the saved file, read back.

    Attributes:
        container: the file written.
        method: name of the method.
        cover: kind of the cover, "image" or "audio".
        carrier_db: of the container against the cover: PSNR of a picture over all colour samples, SNR of a sound over
            all channels, dB; inf is never reached.
        secrets: one report for each secret.
        capacity: bytes this cover could have taken with this method.
        seconds: wall-clock time.
        verified: the saved file was read, revealed and compared. Always True: a failure raises instead.
        notes: what the user should know, one sentence each.
        model: name of the trained model, if the method has one.
    """

    container: Path
    method: str
    cover: str
    carrier_db: float
    secrets: tuple[SecretReport, ...]
    capacity: int
    seconds: float
    verified: bool = True
    notes: tuple[str, ...] = ()
    model: str | None = None

    @property
    def cover_psnr(self) -> float | None:
        """PSNR in dB of a picture."""
        return self.carrier_db if self.cover == "image" else None

    @property
    def carrier_snr(self) -> float | None:
        """SNR in dB of a sound."""
        return self.carrier_db if self.cover == "audio" else None

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "method": self.method,
            "model": self.model,
            "container": str(self.container),
            CARRIER_MEASURE[self.cover]: rounded(self.carrier_db),
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
        loss: share of the container found missing or damaged, 0..1; a picture gives all or nothing, so 0.
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
            "loss": round(self.loss, 6),
        }


def rounded(value: float | None) -> float | None:
    """Round for JSON, which has no infinity: None stands for it."""
    return None if value is None or math.isinf(value) else round(value, 3)
