"""What Hide and Speak learns, and the way through the sound.

    L = 3 mean (C - C')² + sum over messages of mean (M_i - M'_i)²       on raw magnitudes, as in the public code

C' is what the carrier decoder made; the message decoders read the magnitudes of the sound made of it with the cover's
phases. Published that sound is float; `rounds` makes it 16 bits. A picture's planes are stretched to the plane of
magnitudes, white being `scale`; how DITAS did that is not known.
"""

from dataclasses import dataclass, replace

from torch import Tensor
from torch.nn import functional

from ...engine import rounding, spectrum
from ...engine.learner import Batch, Learner, Losses
from ...engine.planes import at_snr, snr
from ...engine.recipe import Phase
from ...engine.similarity import psnr
from ...engine.transit.pictures import luma
from .network import HideAndSpeak

WINDOW, HOP, PADDING, LENGTH = 256, 128, 256, 48_000
"""Frames without a window's slopes, zeros around the sound, and samples of a clip: three seconds at 16 kHz."""

PLANE = ((LENGTH + 2 * PADDING - WINDOW) // HOP + 1, WINDOW // 2 + 1)
"""Frames and bins of a clip: 378, 129."""


@dataclass(frozen=True)
class Terms:
    """How a trip is made.

    Attributes:
        rounds: the sound is 16 bits before it is read.
        snr: carrier SNR that is held, dB; 0 leaves it free.
        held: where, in the "sound" or in the "plane".
        direct: what was made is read as it is, with no sound between.
    """

    rounds: bool = True
    snr: float = 0.0
    held: str = "sound"
    direct: bool = False


def magnitudes(sounds: Tensor) -> Tensor:
    """Return the magnitudes of clips, [B, n, LENGTH] to [B, n, 378, 129]."""
    return spectrum.magnitude(spectrum.stft(sounds, WINDOW, HOP, shape="rectangular", padding=PADDING))


def written(cover: Tensor, made: Tensor, terms: Terms) -> tuple[Tensor, Tensor]:
    """Return the container's magnitudes and its sound [B, 1, LENGTH], not rounded.

    Args:
        cover: [B, 1, LENGTH], -1..1.
        made: magnitudes that were made for it, [B, 1, 378, 129].
        terms: where the SNR is held.
    """
    if terms.snr and terms.held == "plane":
        made = at_snr(magnitudes(cover), made, terms.snr)
    sound = spectrum.with_magnitude(cover, made, WINDOW, HOP, shape="rectangular", padding=PADDING)
    if terms.snr and terms.held == "sound":
        sound = at_snr(cover, sound, terms.snr)
        made = magnitudes(sound)
    return made, sound


def go(net: HideAndSpeak, cover: Tensor, messages: Tensor, terms: Terms) -> tuple[Tensor, Tensor, Tensor]:
    """Hide messages in clips and read them again.

    Args:
        net: the networks.
        cover: [B, 1, LENGTH], -1..1.
        messages: magnitudes [B, n, 378, 129].
        terms: how.

    Returns:
        The container's magnitudes [B, 1, 378, 129], its sound [B, 1, LENGTH], the messages that were read.
    """
    made, sound = written(cover, net.hide(magnitudes(cover), messages), terms)
    saved = rounding.sound(sound) if terms.rounds else sound
    return made, sound, net.reveal(made if terms.direct else magnitudes(saved))


# --- pictures as messages ------------------------------------------------------------------------------------


def stretched(planes: Tensor, scale: float) -> Tensor:
    """Return planes of a picture, [B, n, h, w], 0..1, as messages [B, n, 378, 129]."""
    return functional.interpolate(planes.float(), PLANE, mode="bilinear", antialias=True) * scale


def shrunk(messages: Tensor, side: int, scale: float) -> Tensor:
    """Return messages as planes of a picture, [B, n, side, side], about 0..1; nearly undoes `stretched`."""
    return functional.interpolate(messages.float() / scale, (side, side), mode="bilinear", antialias=True)


# --- learning ------------------------------------------------------------------------------------------------


class HideAndSpeakLearner(Learner):
    """Hide and Speak learning from sounds, int16 [B, 1, LENGTH], and messages.

    Args:
        net: the networks; they say how many messages there are.
        weights: of carrier and messages; published 3 and 1.
        terms: how a trip is made.
        scale: magnitude of white; None: messages are speech, int16 [B, 1, n LENGTH], else pictures, uint8
            [B, 3, h, w], of which the luma is taken where there is one message only.
    """

    cover_terms = ("carrier",)

    def __init__(self, net: HideAndSpeak, weights: tuple[float, float], terms: Terms, scale: float | None) -> None:
        self.net: HideAndSpeak = net
        self.phases = (Phase("all", weights={"carrier": weights[0], "messages": weights[1]}),)
        self._terms, self._scale = terms, scale

    def losses(self, batch: Batch, phase: Phase) -> Losses:
        """Return the two terms, unweighted; that of the messages is summed over them."""
        cover, messages = self._given(batch)
        made, sound, read = go(self.net, cover, messages, self._terms)
        terms = {
            "carrier": (made - magnitudes(cover)).square().mean(),
            "messages": (read - messages).square().mean((0, 2, 3)).sum(),
        }
        return Losses(terms, shared=made, quality=snr(cover, sound))

    def figures(self, batch: Batch) -> dict[str, float]:
        """Return validation figures from the file and `direct`: SNR of the sound, of magnitudes (the paper's), PSNR."""
        cover, messages = self._given(batch)
        found = {}
        for column, direct in (("", False), ("_direct", True)):
            made, sound, read = go(self.net, cover, messages, replace(self._terms, rounds=True, direct=direct))
            found[f"message_snr{column}"] = float(snr(messages, read))
            if self._scale is not None:
                seen = (read / self._scale).clamp(0, 1)
                found[f"secret_psnr{column}"] = float(psnr(seen, messages / self._scale))
        found["carrier_snr_magnitude"] = float(snr(magnitudes(cover), made))
        return found | {"cover_snr": float(snr(cover, rounding.sound(sound)))}

    def _given(self, batch: Batch) -> tuple[Tensor, Tensor]:
        cover, count = rounding.sound_values(batch["cover"]), len(self.net.messages)
        if self._scale is None:
            sounds = rounding.sound_values(batch["secret"])
            return cover, magnitudes(sounds.reshape(len(sounds), count, LENGTH))
        planes = rounding.picture_values(batch["secret"])
        return cover, stretched(luma(planes) if count == 1 else planes, self._scale)
