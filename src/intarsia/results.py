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
        media: "image", "audio", "video", "shape", "text" or "blob".
        bytes: bytes of its code in the container.
        quality: of one that does not come back bit for bit, dB: PSNR of a picture over RGB (and alpha), mean PSNR of
            the frames of a video, SNR of a sound over all channels, 20 log10(size / distance) of a shape; None when
            exact.
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
        """PSNR in dB of a picture or a video that is not exact."""
        return self.quality if self.media in ("image", "video") else None

    @property
    def snr(self) -> float | None:
        """SNR in dB of a sound that is not exact."""
        return self.quality if self.media == "audio" else None

    @property
    def distance(self) -> float | None:
        """Mean distance of the surfaces of a shape that is not exact, in units of its longest side."""
        return None if self.quality is None or self.media != "shape" else distance_of(self.quality)

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"name": self.name, "media": self.media, **quality_record(self.media, self.quality), "bytes": self.bytes}


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
        verified: the saved file was read, revealed and compared. A failure raises instead, so it is
            always True, but for studies that asked to keep what came back poorly.
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
class Spread:
    """What spreading one secret over several covers did.

    Attributes:
        secret: as any `need` of the containers give it back; its bytes are those of the whole.
        need: containers that are needed.
        containers: one report for each cover.
        notes: what the user should know, one sentence each.
    """

    secret: SecretReport
    need: int
    containers: tuple[Hidden, ...]
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the JSON form."""
        containers = [hidden.record() for hidden in self.containers]
        return {"need": self.need, "secret": self.secret.record(), "containers": containers}


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
        authenticated: whether a header opened; False: the networks of the method that was named read without one.
    """

    method: str
    values: tuple[Value, ...] = field(repr=False)
    outputs: tuple[Output, ...]
    seconds: float
    loss: float = 0.0
    notes: tuple[str, ...] = ()
    authenticated: bool = True

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
            "authenticated": self.authenticated,
        }


def distance_of(quality: float) -> float:
    """Return the distance of surfaces, in units of the size, that a shape's quality in dB stands for."""
    return float(10 ** (-quality / 20))


def said_quality(media: str, quality: float) -> str:
    """Say how good a secret is that is not exact."""
    return f"distance {distance_of(quality):.1e}" if media == "shape" else f"{quality:.1f} dB"


def quality_record(media: str, quality: float | None) -> dict[str, Any]:
    """Return the JSON form of how good a secret is; None or inf: exact."""
    if quality is None or math.isinf(quality):
        return {"exact": True}
    if media == "shape":
        return {"exact": False, "distance": float(f"{distance_of(quality):.4g}")}
    return {"exact": False, "snr" if media == "audio" else "psnr": rounded(quality)}


def rounded(value: float | None) -> float | None:
    """Round for JSON, which has no infinity: None stands for it."""
    return None if value is None or math.isinf(value) else round(value, 3)
