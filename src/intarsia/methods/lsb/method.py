"""Settings, the two pure functions, and the pair hide / reveal of the LSB baseline."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...carrier.channel import Channel
from ...codes import LETTER_BYTES
from ...codes import secret as secret_code
from ...errors import DoesNotFitError, NoSecretError, UsageError
from ...media import Audio, Cover, Image, Value
from ...media.image import resize
from ..base import Entry, Facts, Method, Placed, Progress

Samples = NDArray[np.unsignedinteger[Any]]
_DIGEST_BYTES = 8


def hide_bits(cover: Samples, secret: Samples, bits: int = 3) -> Samples:
    """Put the top `bits` bits of each secret sample into the low bits of the cover's sample.

    For 8 bits and n = 3: `(cover & 0xF8) | (secret >> 5)`.

    Args:
        cover: uint8 or uint16, any shape.
        secret: same dtype and shape.
        bits: n, 1..4.
    """
    if cover.shape != secret.shape or cover.dtype != secret.dtype:
        raise ValueError(f"cover {cover.dtype} {cover.shape}, secret {secret.dtype} {secret.shape}; expected equal")
    depth, number = 8 * cover.dtype.itemsize, cover.dtype.type
    mask = number((1 << depth) - (1 << bits))
    return (cover & mask) | (secret >> number(depth - bits))


def reveal_bits(stego: Samples, bits: int = 3, *, midpoint: bool = False) -> Samples:
    """Undo `hide_bits` as far as it can be undone.

    Args:
        stego: uint8 or uint16, any shape.
        bits: n, 1..4.
        midpoint: False fills the lost low bits with zeros, as published; True puts the value in the middle of
            what the kept bits allow, which halves the largest error.
    """
    depth, number = 8 * stego.dtype.itemsize, stego.dtype.type
    revealed = (stego & number((1 << bits) - 1)) << number(depth - bits)
    return revealed | number(1 << (depth - bits - 1)) if midpoint else revealed


def write_bits(samples: NDArray[np.int32], data: bytes, bits: int = 1) -> NDArray[np.int32]:
    """Put the bits of `data` into the low bits of one sample after the other, most significant first.

    Args:
        samples: int32 [N], N * bits at least the bits of `data`.
        data: the bytes.
        bits: n, 1..4.
    """
    stream = np.unpackbits(np.frombuffer(data, np.uint8))
    groups = np.pad(stream, (0, -len(stream) % bits)).reshape(-1, bits)
    values = (groups @ (1 << np.arange(bits - 1, -1, -1))).astype(np.int32)
    written = samples.copy()
    written[: len(values)] = (samples[: len(values)] & -(1 << bits)) | values
    return written


def read_bits(samples: NDArray[np.int32], length: int, bits: int = 1) -> bytes:
    """Undo `write_bits` for `length` bytes."""
    low = (samples[: -(-8 * length // bits)] & ((1 << bits) - 1)).astype(np.uint8)
    stream = np.unpackbits(low[:, None], axis=1)[:, 8 - bits :].reshape(-1)
    return np.packbits(stream[: 8 * length]).tobytes()


@dataclass(frozen=True)
class LsbConfig:
    """Settings of `lsb`.

    Attributes:
        bits: low bits of each sample used, 1..4; 3 is the published baseline.
        midpoint: reveal in the middle of the lost range instead of at its bottom (ours; the paper fills zeros).
    """

    bits: int = 3
    midpoint: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 4:
            raise UsageError(f"bits is {self.bits}; expected 1..4")


class Lsb(Method[LsbConfig]):
    """A picture in a picture of the same size, or any file in a sound, n bits deep, readable by anyone."""

    facts: ClassVar[Facts] = Facts(
        name="lsb",
        title="a picture in a picture, any file in a sound: in the low bits, the classical baseline, not encrypted",
        hides={"image": ("image",), "audio": ("image", "audio", "video", "shape", "text", "blob")},
        exact=False,
        encrypted=False,
        paper="Baseline of P. Wu, Y. Yang, X. Li: StegNet: Mega Image Steganography Capacity with Deep "
        "Convolutional Network. Future Internet 10(6):54, 2018",
        bibtex="@article{wu2018stegnet, author={Pin Wu and Yang Yang and Xiaoqiang Li}, title={StegNet: Mega Image "
        "Steganography Capacity with Deep Convolutional Network}, journal={Future Internet}, volume={10}, "
        "number={6}, pages={54}, year={2018}}",
    )
    Config = LsbConfig
    settings_bytes = 2 + _DIGEST_BYTES

    def hide(self, cover: Cover, secret: Value, channel: Channel, config: LsbConfig, progress: Progress) -> Placed:
        """Write the top bits of a picture, or the code of any secret, into the low bits of the samples."""
        if isinstance(cover, Audio):
            return self._hide_in_sound(cover, secret, channel, config)
        if not isinstance(secret, Image):
            raise UsageError(f"lsb hides only pictures in a picture, this secret is {secret.kind}; try --method exact")
        if channel.budget() <= 0:
            raise DoesNotFitError("the picture is too small for lsb", needed=1, available=0)
        notes = ["lsb does not encrypt: anybody can read the hidden picture"]
        if (secret.width, secret.height) != (cover.width, cover.height):
            notes.append(
                f"the secret was resized from {secret.width} x {secret.height} to {cover.width} x {cover.height}"
            )
        if secret.alpha is not None:
            notes.append("the secret's transparency is not carried")
        fitted = like_cover(secret, cover)
        channel.replace(hide_bits(cover.samples, fitted, config.bits))
        # Few bits are no better than a flat picture, so no PSNR is promised; the digest is what must hold.
        carried = self.capacity(cover, channel, config)
        return Placed(0, 0.0, _settings(channel, config), tuple(notes), carried=carried)

    def reveal(self, cover: Cover, channel: Channel, entry: Entry, settings: bytes, progress: Progress) -> Value:
        """Read the low bits of every sample; the header's digest tells whether any was changed."""
        if _digest(channel) != settings[2:]:
            raise NoSecretError
        if isinstance(cover, Audio):
            free = np.delete(channel.samples, channel.reserved)
            return secret_code.decode(read_bits(free, entry.length, settings[0]), entry.kind, entry.name)
        samples = channel.samples
        # Salt and header sit here: show the neighbouring sample of the same channel instead.
        samples[channel.reserved] = samples[channel.reserved - (1 if cover.is_grey else 3)]
        revealed = reveal_bits(samples.reshape(cover.samples.shape), settings[0], midpoint=bool(settings[1]))
        return replace(Image(revealed), name=entry.name)

    def capacity(self, cover: Cover, channel: Channel, config: LsbConfig) -> int:
        """N bits in every sample; of a sound, those of the header's frames left out."""
        size = cover.size - len(channel.reserved) if isinstance(cover, Audio) else cover.samples.size
        letter = LETTER_BYTES if isinstance(cover, Audio) else 0
        return size * config.bits // 8 - letter

    def compare(self, original: Value, revealed: Value, cover: Cover) -> float:
        """PSNR against the secret at the cover's size and channels; in a sound, of the secret as it was."""
        if isinstance(original, Image) and isinstance(cover, Image):
            original = Image(like_cover(original, cover))
        return super().compare(original, revealed, cover)

    def _hide_in_sound(self, cover: Audio, secret: Value, channel: Channel, config: LsbConfig) -> Placed:
        if config.midpoint:
            raise UsageError("midpoint is for pictures; leave it out")
        coded = secret_code.encode(secret, self.capacity(cover, channel, config) + LETTER_BYTES)
        samples, free = channel.samples, np.ones(cover.size, np.bool_)
        free[channel.reserved] = False
        samples[free] = write_bits(samples[free], coded.code, config.bits)
        channel.replace(samples)
        note = "lsb does not encrypt: anybody can read the hidden secret"
        return Placed(len(coded.code), coded.quality, _settings(channel, config), (note,))


def like_cover(secret: Image, cover: Image) -> Samples:
    """Return the secret's samples at the cover's size, channels and depth."""
    samples = resize(secret, cover.width, cover.height).samples
    if cover.is_grey and samples.ndim == 3:
        samples = np.rint(samples @ np.array([0.299, 0.587, 0.114])).astype(samples.dtype)
    elif not cover.is_grey and samples.ndim == 2:
        samples = np.repeat(samples[..., None], 3, axis=2)
    if samples.dtype == cover.samples.dtype:
        return samples
    return samples.astype(np.uint16) * np.uint16(257) if cover.depth == 16 else (samples >> 8).astype(np.uint8)


def _settings(channel: Channel, config: LsbConfig) -> bytes:
    return bytes([config.bits, config.midpoint]) + _digest(channel)


def _digest(channel: Channel) -> bytes:
    open_samples = channel.samples.copy()
    open_samples[channel.reserved] = 0
    little = open_samples.astype(open_samples.dtype.newbyteorder("<"), copy=False)
    return hashlib.sha256(little.tobytes()).digest()[:_DIGEST_BYTES]
