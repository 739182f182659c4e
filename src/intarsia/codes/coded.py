"""What encoding gives: bytes, and how good they are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Coded:
    """A coded value, and how far its decoded form is from the original.

    Attributes:
        code: the bytes, codec letter first.
        quality: PSNR of a picture, SNR of a sound, dB; inf when exact.
    """

    code: bytes
    quality: float
