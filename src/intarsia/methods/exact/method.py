"""Settings and the pair hide / reveal of the exact method."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ...carrier.channel import Channel, Manner
from ...carrier.seal import OVERHEAD
from ...codes import LETTER_BYTES
from ...codes import audio as audio_code
from ...codes import blob as blob_code
from ...codes import image as image_code
from ...codes import secret as secret_code
from ...codes import shape as shape_code
from ...codes.coded import Coded
from ...errors import DoesNotFitError, UsageError
from ...media import Audio, Blob, Cover, Image, Shape, Value, Video
from ..base import Entry, Facts, Method, Placed, Progress
from .sharing import parse_weights, share_out

PRESETS = ("fast", "balanced", "best")
BALANCED_DB = 42.0
"""PSNR at which a hidden picture, SNR at which a hidden sound, is good enough by default."""

BALANCED = {"image": BALANCED_DB, "audio": BALANCED_DB, "video": BALANCED_DB, "shape": 80.0}
"""The same by kind; of a shape it stands for surfaces 1e-4 of its size apart."""

_WORDS = {"image": "picture", "video": "video", "shape": "shape"}

LEAST_SNR = 30.0
"""SNR in dB that a sound keeps unless a lower one is asked for."""

SOUND_PROTECT = 0.25
"""Share of a sound that may vanish by default."""

MOST_PROTECT = 0.9


@dataclass(frozen=True)
class ExactConfig:
    """Settings of `exact`.

    Attributes:
        preset: "balanced": a picture at 42 dB or exactly, whichever is shorter, a sound exactly or, if that does not
            fit, at 42 dB, then the least visible carrier that holds it; "fast": the same with one codec; "best": fill
            the carrier.
        cover_db: of a picture, least PSNR of the container, dB; a secret that can use it gets the room that leaves.
        snr: of a sound, least SNR of the container, dB; the same. None: at least 30, and no more noise than a picture
            at 42 dB or any other secret needs.
        secret_db: PSNR a hidden picture or video, SNR a hidden sound must reach, dB; of a shape 20 log10(size /
            distance of the surfaces), 80 for 1e-4; "inf" means exactly.
        protect: share of the container that may be zeroed or cut out, 0..0.9; None: .25 of a sound, 0 of a picture.
        weights: of several secrets, how what is left is shared, as in 2:1:1; None: alike.
        shaping: of a sound, how far noise follows its spectrum, 0..1; 0.5 is mild and costs some 2 dB of SNR.
    """

    preset: str = "balanced"
    cover_db: float | None = None
    snr: float | None = None
    secret_db: float | None = None
    protect: float | None = None
    weights: str | None = None
    shaping: float = 0.0

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise UsageError(f"preset is {self.preset!r}; expected {', '.join(PRESETS)}")
        for key in ("cover_db", "snr"):
            value = getattr(self, key)
            if value is not None and not 0 < value < math.inf:
                raise UsageError(f"{key} is {value}; expected a positive number of dB")
        if self.secret_db is not None and not self.secret_db > 0:
            raise UsageError(f"secret_db is {self.secret_db}; expected a positive number of dB, or inf")
        if self.protect is not None and not 0 <= self.protect <= MOST_PROTECT:
            raise UsageError(f"protect is {self.protect}; expected a share from 0 to {MOST_PROTECT}")
        if not 0 <= self.shaping < 1:
            raise UsageError(f"shaping is {self.shaping}; expected a number from 0 up to 1")

    @property
    def fills(self) -> bool:
        """Whether a lossy secret takes all the room there is."""
        asked = self.cover_db is not None or self.snr is not None
        return self.preset == "best" or (asked and self.secret_db is None)


class Exact(Method[ExactConfig]):
    """Any secret in a picture or a sound, bit by bit; see the room's docstring for the flow."""

    facts: ClassVar[Facts] = Facts(
        name="exact",
        title="any file in a picture or a sound: stock codec, encryption, ternary matrix and modulo embedding",
        hides=dict.fromkeys(("image", "audio"), ("image", "audio", "video", "shape", "text", "blob")),
        exact=True,
        encrypted=True,
        paper="F. Willems, M. van Dijk: Capacity and codes for embedding information in gray-scale signals. "
        "IEEE Trans. Information Theory 51(3), 2005",
        bibtex="@article{willems2005capacity, author={Frans M. J. Willems and Marten van Dijk}, "
        "title={Capacity and codes for embedding information in gray-scale signals}, "
        "journal={IEEE Transactions on Information Theory}, volume={51}, number={3}, pages={1209--1214}, year={2005}}",
    )
    Config = ExactConfig

    def hide(self, cover: Cover, secret: Value, channel: Channel, config: ExactConfig, progress: Progress) -> Placed:
        """Code the secret within the channel's budget and write it."""
        return self.hide_all(cover, [secret], channel, config, progress)[0]

    def hide_all(
        self, cover: Cover, secrets: Sequence[Value], channel: Channel, config: ExactConfig, progress: Progress
    ) -> list[Placed]:
        """Code all secrets within the channel's budget and write them."""
        manner = manner_for(cover, config)
        budget = channel.budget(manner)
        _refuse_impossible(cover, budget, channel, manner)
        progress("coding the secret", 0.0)
        try:
            coded = _code_all(cover, secrets, budget - OVERHEAD * (len(secrets) - 1), config)
        except DoesNotFitError as error:
            raise _with_remedy(error, cover, budget, config) from error
        channel.write_all([each.code for each in coded], manner, lambda share: progress("writing", share))
        return [
            Placed(len(each.code), each.quality, notes=remarks(secret, each, config))
            for secret, each in zip(secrets, coded, strict=True)
        ]

    def reveal(self, cover: Cover, channel: Channel, entry: Entry, settings: bytes, progress: Progress) -> Value:
        """Read the payload, unseal it, decode it."""
        return self.reveal_all(cover, channel, [entry], settings, progress)[0]

    def reveal_all(
        self, cover: Cover, channel: Channel, entries: Sequence[Entry], settings: bytes, progress: Progress
    ) -> list[Value]:
        """Read all payloads, unseal them, decode them."""
        codes = channel.read_all([entry.length for entry in entries], lambda share: progress("reading", share))
        return [secret_code.decode(code, entry.kind, entry.name) for code, entry in zip(codes, entries, strict=True)]

    def capacity(self, cover: Cover, channel: Channel, config: ExactConfig) -> int:
        """What the channel holds, less the letter that names the codec."""
        return max(0, channel.budget(manner_for(cover, config)) - LETTER_BYTES)


def manner_for(cover: Cover, config: ExactConfig) -> Manner:
    """Return how visible a payload may be in this kind of cover, and what it must survive.

    Raises:
        UsageError: a setting that has no meaning there.
    """
    if isinstance(cover, Audio):
        if config.cover_db is not None:
            raise UsageError("cover_db is for pictures; the least SNR of a sound is --set snr=")
        protect = SOUND_PROTECT if config.protect is None else config.protect
        return Manner(LEAST_SNR if config.snr is None else config.snr, protect, config.shaping)
    if config.snr is not None:
        raise UsageError("snr is for sounds; the least PSNR of a picture is --set cover_db=")
    if config.protect or config.shaping:
        key = "protect" if config.protect else "shaping"
        raise UsageError(f"{key} is for sounds; a picture has to arrive unchanged")
    return Manner(config.cover_db)


# --- the secret ----------------------------------------------------------------------------------------------


def _code_all(cover: Cover, secrets: Sequence[Value], budget: int, config: ExactConfig) -> list[Coded]:
    weights = parse_weights(config.weights, len(secrets))
    if len(secrets) == 1:
        return [code(cover, secrets[0], budget, config, config.fills)]
    # Among several, one that cannot be as good as was wanted is made as good as its share lets it.
    strict = config.secret_db is not None

    def coder(secret: Value, share: int, fill: bool) -> Coded:
        return code(cover, secret, share, config, fill, strict=strict)

    return share_out(secrets, budget, weights, coder, fill=config.fills)


def code(
    cover: Cover, secret: Value, budget: int, config: ExactConfig, fill: bool, *, strict: bool | None = None
) -> Coded:
    """Code one secret within a budget.

    Args:
        cover: it goes into a picture or a sound, which differ in what they are spent on.
        secret: the value.
        budget: bytes.
        config: what is asked for.
        fill: use all the bytes there are, where less would do.
        strict: refuse what is not as good as was wanted; None: where a secret_db was given, or in a sound.

    Raises:
        DoesNotFitError: it does not fit, or not as well as it has to be.
    """
    if isinstance(secret, Blob):
        return Coded(blob_code.encode(secret, budget), math.inf)
    if isinstance(secret, Audio):
        return _code_sound(secret, budget, config, fill)
    # A picture may be as good as a small picture lets it be; a sound is not spent on less than was wanted.
    if strict is None:
        strict = config.secret_db is not None or (isinstance(cover, Audio) and not fill)
    return _code_seen(secret, budget, config, fill, strict=strict)


def _code_seen(secret: Image | Video | Shape, budget: int, config: ExactConfig, fill: bool, *, strict: bool) -> Coded:
    """Code a picture, a video or a shape."""
    wanted = BALANCED[secret.kind] if config.secret_db is None else config.secret_db

    def coded_in(room: int, target: float | None) -> Coded:
        if isinstance(secret, Image) and config.preset == "fast":
            return image_code.encode(secret, room, target_db=target, codecs=image_code.CODECS[:1])
        return secret_code.encode(secret, room, target_db=target)

    coded = coded_in(budget, None if fill else wanted)
    if coded.quality < wanted and strict:
        needed = len(coded_in(1 << 40, wanted).code)
        raise _too_good(_at(f"the {_WORDS[secret.kind]}", wanted), needed, budget, coded.quality)
    return coded


def _code_sound(secret: Audio, budget: int, config: ExactConfig, fill: bool) -> Coded:
    wanted = config.secret_db
    if wanted is None and not fill:
        # Exactly if that fits; else well enough, so that the cover is not spent on what nobody hears.
        coded = audio_code.encode(secret, budget, target_db=math.inf)
        return coded if math.isinf(coded.quality) else audio_code.encode(secret, budget, target_db=BALANCED_DB)
    coded = audio_code.encode(secret, budget, target_db=None if fill else wanted)
    if wanted is not None and coded.quality < wanted:
        needed = len(audio_code.encode(secret, 1 << 40, target_db=wanted).code)
        raise _too_good(_at("the sound", wanted), needed, budget, coded.quality)
    return coded


def _at(what: str, wanted: float) -> str:
    return f"{what} {'exactly' if math.isinf(wanted) else f'at {wanted:g} dB'}"


def remarks(secret: Value, coded: Coded, config: ExactConfig) -> tuple[str, ...]:
    """Return what the user should know about how a secret was coded."""
    if isinstance(secret, Blob):
        return ()
    notes = []
    if config.secret_db is None and not math.isinf(coded.quality):
        if isinstance(secret, Audio):
            notes.append(f"the sound does not fit exactly: it is carried at an SNR of {coded.quality:.1f} dB")
        elif isinstance(secret, Shape) and coded.quality < BALANCED["shape"]:
            away = shape_code.distance(coded.quality)
            notes.append(f"the cover is small for this shape: its surface is {away:.1e} of its size away on average")
        elif coded.quality < BALANCED[secret.kind]:
            notes.append(f"the cover is small for this {_WORDS[secret.kind]}: it is carried at {coded.quality:.1f} dB")
    if isinstance(secret, Audio) and secret.mask is not None and coded.code[:1] != b"f":
        notes.append("the secret: its channel mask is not carried; channels may come from other loudspeakers")
    if coded.code[:1] != b"f":
        notes += [f"the secret: {note}" for note in secret.notes]
    if isinstance(secret, Image) and secret.profile is not None and coded.code[:1] not in (b"p", b"f"):
        notes.append("the cover is small: the secret's colour profile was left out")
    return tuple(notes)


def _too_good(what: str, needed: int, budget: int, reached: float) -> DoesNotFitError:
    return DoesNotFitError(
        f"{what} needs {needed:,} bytes and {budget:,} fit (at {reached:.1f} dB)", needed=needed, available=budget
    )


# --- what does not fit ---------------------------------------------------------------------------------------


def _refuse_impossible(cover: Cover, budget: int, channel: Channel, manner: Manner) -> None:
    """Raise `DoesNotFitError` when the least quality of the container leaves no room at all."""
    if manner.least_db is None or budget >= LETTER_BYTES:
        return
    key, remedy = ("snr", "a longer or louder sound") if isinstance(cover, Audio) else ("cover_db", "a larger cover")
    if manner.protect and channel.budget(Manner(manner.least_db)) >= LETTER_BYTES:
        raise DoesNotFitError(
            f"nothing fits when {100 * manner.protect:g} % may be lost: {cover.describe()} has too few frames; "
            "use a longer sound, or protect=0",
            needed=LETTER_BYTES,
            available=budget,
        )
    smallest = channel.expected_db(LETTER_BYTES, Manner(protect=manner.protect))
    least = f"the cover is at {smallest:.1f} dB" if math.isfinite(smallest) else "there is no room, however loud"
    if smallest >= manner.least_db:
        least = "its noise is too loud beside what moves in the cover, whose constant offset does not count"
    raise DoesNotFitError(
        f"nothing fits at {key}={manner.least_db:g}: with the least that every container needs {least}; "
        f"use {remedy} or a lower {key}",
        needed=LETTER_BYTES,
        available=budget,
    )


def _with_remedy(error: DoesNotFitError, cover: Cover, budget: int, config: ExactConfig) -> DoesNotFitError:
    """Say what would help: a larger picture, or how long a sound it takes."""
    if isinstance(cover, Audio):
        seconds = cover.seconds * error.needed / max(budget, 1)
        remedies = [f"use about {seconds:,.1f} s of such sound"]
        lower = {"snr": True, "secret_db": config.secret_db, "protect": config.protect != 0}
    else:
        remedies = ["use a larger cover"]
        lower = {"secret_db": config.secret_db, "cover_db": config.cover_db or config.secret_db}
    names = [name for name, used in lower.items() if used]
    remedies += [f"a lower {' or '.join(names)}"] if names else []
    return DoesNotFitError(f"{error}; {', or '.join(remedies)}", needed=error.needed, available=error.available)
