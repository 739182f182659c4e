"""Settings and the pair hide / reveal of the exact method."""

import math
from dataclasses import dataclass
from typing import ClassVar

from ...carrier.channel import Channel
from ...codes import LETTER_BYTES
from ...codes import blob as blob_code
from ...codes import image as image_code
from ...codes.image import Coded
from ...errors import DoesNotFitError, UsageError
from ...media import Blob, Image, Value
from ..base import Entry, Facts, Method, Placed, Progress

PRESETS = ("fast", "balanced", "best")
BALANCED_DB = 42.0
"""PSNR at which a hidden picture is good enough by default."""


@dataclass(frozen=True)
class ExactConfig:
    """Settings of `exact`.

    Attributes:
        preset: "balanced": a picture at 42 dB or exactly, whichever is shorter, then the least visible carrier
            that holds it; "fast": the same with one codec; "best": fill the carrier.
        cover_db: least PSNR of the container, dB; the secret gets what room that leaves.
        secret_db: PSNR a hidden picture must reach, dB; "inf" means exactly. None: 42 wanted, less accepted.
    """

    preset: str = "balanced"
    cover_db: float | None = None
    secret_db: float | None = None

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise UsageError(f"preset is {self.preset!r}; expected {', '.join(PRESETS)}")
        if self.cover_db is not None and not 0 < self.cover_db < math.inf:
            raise UsageError(f"cover_db is {self.cover_db}; expected a positive number of dB")
        if self.secret_db is not None and not self.secret_db > 0:
            raise UsageError(f"secret_db is {self.secret_db}; expected a positive number of dB, or inf")


class Exact(Method[ExactConfig]):
    """Any secret in a picture, bit by bit; see the room's docstring for the flow."""

    facts: ClassVar[Facts] = Facts(
        name="exact",
        title="any file in a picture: stock codec, encryption, ternary matrix embedding",
        covers=("image",),
        secrets=("image", "text", "blob"),
        exact=True,
        encrypted=True,
        paper="F. Willems, M. van Dijk: Capacity and codes for embedding information in gray-scale signals. "
        "IEEE Trans. Information Theory 51(3), 2005",
        bibtex="@article{willems2005capacity, author={Frans M. J. Willems and Marten van Dijk}, "
        "title={Capacity and codes for embedding information in gray-scale signals}, "
        "journal={IEEE Transactions on Information Theory}, volume={51}, number={3}, pages={1209--1214}, year={2005}}",
    )
    Config = ExactConfig

    def hide(self, cover: Image, secret: Value, channel: Channel, config: ExactConfig, progress: Progress) -> Placed:
        """Code the secret within the channel's budget and write it."""
        budget = _budget(channel, config)
        _refuse_impossible(budget, channel, config)
        progress("coding the secret", 0.0)
        coded, notes = self._code(secret, budget, config)
        channel.write(coded.code, lambda share: progress("writing", share))
        return Placed(len(coded.code), coded.psnr, notes=notes)

    def reveal(self, cover: Image, channel: Channel, entry: Entry, settings: bytes, progress: Progress) -> Value:
        """Read the payload, unseal it, decode it."""
        code = channel.read(entry.length, lambda share: progress("reading", share))
        if entry.kind == "image":
            return image_code.decode(code, entry.name)
        return blob_code.decode(code, entry.name, is_text=entry.kind == "text")

    def capacity(self, cover: Image, channel: Channel, config: ExactConfig) -> int:
        """What the channel holds, less the letter that names the codec."""
        return max(0, _budget(channel, config) - LETTER_BYTES)

    def _code(self, secret: Value, budget: int, config: ExactConfig) -> tuple[Coded, tuple[str, ...]]:
        if isinstance(secret, Blob):
            return Coded(blob_code.encode(secret, budget), math.inf), ()
        wanted = BALANCED_DB if config.secret_db is None else config.secret_db
        codecs = image_code.CODECS[:1] if config.preset == "fast" else image_code.CODECS
        target = None if config.preset == "best" else wanted
        coded = image_code.encode(secret, budget, target_db=target, codecs=codecs)
        if coded.psnr < wanted and config.secret_db is not None:
            needed = len(image_code.encode(secret, 1 << 40, target_db=wanted, codecs=codecs).code)
            raise DoesNotFitError(
                f"the picture at {wanted:g} dB needs {needed:,} bytes and {budget:,} fit (at {coded.psnr:.1f} dB); "
                "use a larger cover, or a lower secret_db or cover_db",
                needed=needed,
                available=budget,
            )
        notes = []
        if coded.psnr < BALANCED_DB and config.secret_db is None:
            notes.append(f"the cover is small for this picture: it is carried at {coded.psnr:.1f} dB")
        if coded.code[:1] != b"f":
            notes += [f"the secret: {note}" for note in secret.notes]
        if secret.profile is not None and coded.code[:1] not in (b"p", b"f"):
            notes.append("the cover is small: the secret's colour profile was left out")
        return coded, tuple(notes)


def _budget(channel: Channel, config: ExactConfig) -> int:
    return channel.capacity if config.cover_db is None else channel.budget_at(config.cover_db)


def _refuse_impossible(budget: int, channel: Channel, config: ExactConfig) -> None:
    """Raise `DoesNotFitError` when `cover_db` leaves no room at all."""
    if config.cover_db is not None and budget < LETTER_BYTES:
        raise DoesNotFitError(
            f"nothing fits at cover_db={config.cover_db:g}: with salt, header and the smallest payload the cover is "
            f"at {channel.expected_psnr(LETTER_BYTES):.1f} dB; use a larger cover or a lower cover_db",
            needed=LETTER_BYTES,
            available=budget,
        )
