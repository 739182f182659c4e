"""Settings of Hide and Speak, and the pair hide / reveal for speech and for pictures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...carrier.channel import Channel
from ...engine.packs import Pack, Packing
from ...engine.pairs import Crops, Cuts, Pairs, PictureAugment, SoundAugment
from ...engine.recipe import Recipe
from ...errors import DoesNotFitError, NoSecretError, UsageError
from ...media import Audio, Cover, Value, sound_metrics
from ..base import Entry, Facts, Placed, Progress, Reader
from ..learned import IDENTITY_BYTES, check_refine, steps_of
from ..picture_in_picture import MARGIN_DB
from ..picture_in_sound import PictureInSound

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .objective import HideAndSpeakLearner, Terms

RATE = 16_000
SECONDS = 3

_SOUND_BYTES = 7  # length, rate
_SPEECH_NOTES = (
    "hide_and_speak does not encrypt: anybody with the same model can hear the hidden message",
    "the message is hidden as magnitudes, mono; its quality is the SNR of those",
)


@dataclass(frozen=True)
class HideAndSpeakConfig:
    """Settings of `hide_and_speak`; the defaults are the public code's, but for `rounds`.

    Attributes:
        hides: speech, as published, or picture: its planes are the messages.
        messages: how many at once; published 1, 3 and 5. Of pictures 3, R, G and B, or 1 for grey.
        cover: weight of the carrier's error.
        message: weight of each message's error.
        width: channels of the networks; published 64.
        rounds: the sound is 16 bits while learning; published: false, float.
        snr: carrier SNR that is held, dB; published: 0, whatever the loss gives.
        held: where that is held: sound or plane.
        side: of a picture's planes, pixels; ours, as pictures are.
        scale: magnitude of white in a picture; ours.
        refine: steps that `hide` takes to move a container to where it is read best; published: 0.
    """

    hides: str = "speech"
    messages: int = 1
    cover: float = 3.0
    message: float = 1.0
    width: int = 64
    rounds: bool = True
    snr: float = 0.0
    held: str = "sound"
    side: int = 128
    scale: float = 1.0
    refine: int = 0

    def __post_init__(self) -> None:
        check_refine(self.refine)
        for name, known in (("hides", ("speech", "picture")), ("held", ("sound", "plane"))):
            if getattr(self, name) not in known:
                raise UsageError(f"{name} is {getattr(self, name)!r}; expected {' or '.join(known)}")
        if not 1 <= self.messages <= 8 or (self.hides == "picture" and self.messages not in (1, 3)):
            raise UsageError(f"messages is {self.messages}; expected 1..8 for speech, 1 or 3 for pictures")
        for name in ("cover", "message"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UsageError(f"{name} is {getattr(self, name)}; expected a weight, 0 or more")
        if not 1 <= self.width <= 1024:
            raise UsageError(f"width is {self.width}; expected 1..1024")
        if self.snr != 0 and not 0 < self.snr <= 96:
            raise UsageError(f"snr is {self.snr}; expected up to 96 dB, or 0 to leave it free")
        if not 8 <= self.side <= 2048:
            raise UsageError(f"side is {self.side}; expected 8..2048 pixels")
        if not 0 < self.scale < math.inf:
            raise UsageError(f"scale is {self.scale}; expected a magnitude above 0")

    def terms(self) -> "Terms":
        """Return how a trip is made."""
        from .objective import Terms

        return Terms(self.rounds, self.snr, self.held)


class Method(PictureInSound[HideAndSpeakConfig]):
    """Hide and Speak."""

    facts: ClassVar[Facts] = Facts(
        name="hide_and_speak",
        title="speech in speech by gated convolutions on magnitudes, or a picture's planes as messages; a baseline",
        hides={"audio": ("audio", "image")},
        exact=False,
        encrypted=False,
        paper="F. Kreuk, Y. Adi, B. Raj, R. Singh, J. Keshet: Hide and Speak: Towards Deep Neural Networks for Speech "
        "Steganography. Interspeech 2020",
        bibtex="@inproceedings{kreuk2020hide, author={Felix Kreuk and Yossi Adi and Bhiksha Raj and Rita Singh and "
        "Joseph Keshet}, title={Hide and Speak: Towards Deep Neural Networks for Speech Steganography}, "
        "booktitle={Interspeech}, year={2020}}",
    )
    Config = HideAndSpeakConfig
    # 100 epochs of 50,000 pairs; the published rate is halved every 20 of them, here it stays.
    recipe = Recipe(steps=78_000, batch=64, lr=1e-3)
    packing = Packing(side=256, rate=RATE)
    whole_clips = True
    reads = ("image", "audio")
    free = frozenset(("snr", "refine"))

    # --- learning -------------------------------------------------------------------------------------------

    def needs(self, config: HideAndSpeakConfig) -> tuple[str, ...]:
        """Return the kinds it learns from: speech alone, when that is what it hides."""
        return ("audio",) if config.hides == "speech" else self.reads

    def learner(self, config: HideAndSpeakConfig, recipe: Recipe) -> "HideAndSpeakLearner":
        """Return fresh networks and the loss."""
        from .network import HideAndSpeak
        from .objective import HideAndSpeakLearner

        scale = config.scale if config.hides == "picture" else None
        net = HideAndSpeak(config.messages, config.width)
        return HideAndSpeakLearner(net, (config.cover, config.message), config.terms(), scale)

    def batches(self, config: HideAndSpeakConfig, recipe: Recipe, pack: Pack) -> Pairs:
        """Return clips of speech, and speech or pictures to hide in them."""

        def speech(count: int) -> Cuts:
            length, heard = count * SECONDS * RATE, SoundAugment(short="loop")
            return Cuts(pack.sounds, pack.train_sounds, length, heard, pack.validation_sounds)

        if config.hides == "speech":
            return Pairs(speech(1), speech(config.messages), recipe.batch, recipe.seed)
        augment = PictureAugment("crop", scale=(0.25, 1.0), flip=True)
        pictures = Crops(pack.pictures, pack.train_pictures, config.side, augment, pack.validation_pictures)
        return Pairs(speech(1), pictures, recipe.batch, recipe.seed)

    def takes(self, cover: str) -> tuple[str, ...]:
        """Return what its model hides, ("image",) or ("audio",).

        Raises:
            WeightsError: there is no model, or it is damaged.
        """
        kind = "audio" if self.settled(self.model()).hides == "speech" else "image"
        return tuple(each for each in super().takes(cover) if each == kind)

    # --- pictures -------------------------------------------------------------------------------------------

    def clip(self, config: HideAndSpeakConfig) -> int:
        """Return the samples of a clip."""
        return SECONDS * RATE

    def planes(self, config: HideAndSpeakConfig) -> int:
        """Return the planes in a clip."""
        return config.messages

    def size(self, config: HideAndSpeakConfig) -> tuple[int, int]:
        """Return height and width of a plane."""
        return config.side, config.side

    def embed(self, net: "nn.Module", cover: "Tensor", secret: "Tensor", config: HideAndSpeakConfig) -> "Tensor":
        """Return the container's samples."""
        from . import objective

        messages = objective.stretched(secret, config.scale)
        return objective.go(net, cover, messages, config.terms())[1]  # type: ignore[arg-type]

    def extract(self, net: "nn.Module", container: "Tensor", config: HideAndSpeakConfig) -> "Tensor":
        """Return the revealed planes."""
        from . import objective

        read = net.reveal(objective.magnitudes(container))  # type: ignore[operator]
        return objective.shrunk(read, config.side, config.scale)

    # --- speech ---------------------------------------------------------------------------------------------

    def hide_all(
        self, cover: Cover, secrets: Sequence[Value], channel: Channel, config: HideAndSpeakConfig, progress: Progress
    ) -> list[Placed]:
        """Hide pictures one behind the other, or sounds at the same time."""
        sounds = [secret for secret in secrets if isinstance(secret, Audio)]
        if len(sounds) not in (0, len(secrets)):
            raise UsageError("hide_and_speak hides either pictures or sounds, not both at once")
        if bool(sounds) != (config.hides == "speech"):
            other = "speech" if config.hides == "picture" else "picture"
            raise UsageError(f"this model hides {config.hides}; name another (--model), or train one: hides={other}")
        if not sounds:
            return super().hide_all(cover, secrets, channel, config, progress)
        return self._hide_speech(cover, sounds, channel, config, progress)

    def reveal_all(
        self, cover: Cover, channel: Channel, entries: Sequence[Entry], settings: bytes, progress: Progress
    ) -> list[Value]:
        """Read what `hide_all` hid."""
        if entries[0].kind == "image":
            return super().reveal_all(cover, channel, entries, settings, progress)
        return self._reveal_speech(cover, entries, settings, progress)

    def bare(self, cover: Cover, settings: Mapping[str, object]) -> Value | None:
        """Return a picture; a message in speech cannot be read without its length."""
        return super().bare(cover, settings) if self.settled(self.model()).hides == "picture" else None

    def reader(self) -> Reader:
        """Return what reads a picture, or the magnitudes of messages as one: time downwards, dB as levels."""
        model = self.model()
        config = self.settled(model)
        if config.hides == "picture":
            return super().reader()
        from . import objective, speech

        net, clip = self.loaded(model, config), self.clip(config)

        def read(cover: Cover) -> NDArray[np.uint8] | None:
            if not isinstance(cover, Audio) or cover.length < clip:
                return None
            samples = cover.planes()[0, :clip].reshape(1, 1, clip)
            found = self._through(lambda c: net.reveal(objective.magnitudes(c)), net, samples)  # type: ignore[operator]
            return speech.drawn(found[0])

        return read

    def _hide_speech(
        self, cover: Cover, secrets: list[Audio], channel: Channel, config: HideAndSpeakConfig, progress: Progress
    ) -> list[Placed]:
        from . import objective, speech

        assert isinstance(cover, Audio)
        if len(secrets) > config.messages:
            raise UsageError(f"this model hides {config.messages} at once, not {len(secrets)}")
        needed = max(speech.length_at(secret, cover.rate) for secret in secrets)
        if cover.length < needed:
            raise DoesNotFitError(
                f"so long a message takes {needed / cover.rate:.2f} s at {cover.rate:,} Hz, and the cover lasts "
                f"{cover.seconds:.2f} s; use a longer one",
                needed=needed,
                available=cover.length,
            )
        model = self.model()
        progress("painting", 0.0)
        net = self.loaded(model, config)
        messages = speech.clips(secrets, cover.rate)
        messages = np.pad(messages, [(0, 0), (0, config.messages - len(secrets)), (0, 0)])
        clips = cover.planes()[0, :needed].reshape(-1, 1, self.clip(config))

        def run(clip: "Tensor", said: "Tensor") -> "Tensor":
            return objective.go(net, clip, objective.magnitudes(said), config.terms())[1]  # type: ignore[arg-type]

        painted = self._through(run, net, clips, messages)
        if steps := steps_of(config):

            def miss(container: "Tensor", secret: "Tensor", *, colour: bool) -> "Tensor":
                read = net.reveal(objective.magnitudes(self.heard(container, config)))  # type: ignore[operator]
                return (read - objective.magnitudes(secret)).square().sum()  # type: ignore[no-any-return]

            alone = [(slice(number, number + 1), False) for number in range(len(clips))]
            painted = self._refined(net, (clips, messages, painted), alone, miss, config, steps, progress)
        self._paint(cover, painted, channel, config)
        settings = model.identity[:IDENTITY_BYTES] + b"".join(map(_facts_of, secrets))
        return [
            Placed(0, MARGIN_DB, settings, _SPEECH_NOTES if secret is secrets[0] else (), 2 * secret.length)
            for secret in secrets
        ]

    def _reveal_speech(
        self, cover: Cover, entries: Sequence[Entry], settings: bytes, progress: Progress
    ) -> list[Value]:
        from . import objective, speech

        assert isinstance(cover, Audio)
        identity, facts = settings[:IDENTITY_BYTES], settings[IDENTITY_BYTES:]
        sizes = [_facts(facts[at : at + _SOUND_BYTES]) for at in range(0, len(facts), _SOUND_BYTES)]
        model = self.model_of(identity)
        config = self.settled(model)
        progress("reading", 0.0)
        net = self.loaded(model, config)
        clip = self.clip(config)
        count = max(-(-max(1, round(length * cover.rate / rate)) // clip) for length, rate in sizes)
        if cover.length < count * clip:
            raise NoSecretError
        clips = cover.planes()[0, : count * clip].reshape(-1, 1, clip)
        found = self._through(
            lambda c: speech.with_phases(net.reveal(objective.magnitudes(c))),  # type: ignore[operator]
            net,
            clips,
        )
        return [
            replace(speech.joined(found[:, number], cover.rate, length, rate), name=entry.name)
            for number, ((length, rate), entry) in enumerate(zip(sizes, entries, strict=True))
        ]

    def compare(self, original: Value, revealed: Value, cover: Cover) -> float:
        """PSNR of a picture; of a sound the SNR of magnitudes, the paper's measure."""
        if not isinstance(original, Audio) or not isinstance(revealed, Audio):
            return super().compare(original, revealed, cover)
        from . import speech

        alike = (original.length, original.rate) == (revealed.length, revealed.rate)
        return sound_metrics.magnitude_snr(speech.mono(original), speech.mono(revealed)) if alike else -math.inf


def _facts_of(sound: Audio) -> bytes:
    return sound.length.to_bytes(4, "big") + sound.rate.to_bytes(3, "big")


def _facts(packed: bytes) -> tuple[int, int]:
    return int.from_bytes(packed[:4], "big"), int.from_bytes(packed[4:], "big")
