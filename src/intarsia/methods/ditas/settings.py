"""Settings of DITAS; the defaults are the paper as far as it is known."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...errors import UsageError
from ..learned import check_refine

if TYPE_CHECKING:
    from .network import Architecture
    from .tiles import Tiles
    from .trip import Terms, Way

MOST_STAGES = 8
RATE = 16_000


@dataclass(frozen=True)
class DitasConfig:
    """Settings of `ditas`; the defaults are the paper's where it says something, and but for `round_trip`.

    Attributes:
        variant: S, M, M-E, M-D or M-ED, the rows of the paper's table.
        stages: how many, 1 to 8; not stated. Fewer than were learnt may be hidden, and fewer than hidden revealed.
        network: ditas; or deep_steg, whose three networks are then the only stage, for comparison.
        representation: magnitude (of a Fourier transform; not stated, but likely) or mdct.
        window: samples in a frame; not stated, 256 as in Hide and Speak.
        hop: from one frame to the next, for magnitudes; not stated.
        frames: in a piece; not stated.
        scale: magnitude that counts as 1; not stated.
        compand: the networks see asinh(compand x) instead of x, which shows them quiet places; not stated.
        fold: times that a piece's plane is folded, 1 to 16; published presumably 1.
        spread: fold what lies far apart into one place.
        side: of the picture, pixels; not stated.
        colour: hide R, G, B; else a plane of grey.
        width: channels of the networks; not stated.
        layers: convolutions of a network; not stated.
        norm: batch normalisation; not stated.
        residual: what H makes is added to the tile; not stated.
        contrast: size (RMS) at which H is shown the residuals, against a tile as it is; not stated.
        lambdas: weights of the secrets' errors, one for all stages or one each, as 1:1:2; not stated.
        detach: no gradient through S - R; not stated.
        together: stages learn at once; else one after the other.
        round_trip: the saved 16-bit file stands between H and R while learning; published presumably false.
        transit: what else happens to the file while learning, such as wav|noise:40|zero:.25; none is published.
        snr: carrier SNR that is held, dB; 0: what the loss gives, which is published.
        held: where the SNR is held: in the sound, or in the plane, where the paper measures its container.
        shuffle: the password decides in which order stages lie in the sound; else one behind the other.
        order: that order, such as 2:0:1; empty unless it is to be fixed.
        protect: share of the sound that may be lost and the header still be found, if the sound is long enough.
        crops: learn from random crops of pictures; else whole ones shrunk.
        refine: steps that `hide` takes to move a container to where it is read best; published: 0.
    """

    variant: str = "M-ED"
    stages: int = 3
    network: str = "ditas"
    representation: str = "magnitude"
    window: int = 256
    hop: int = 128
    frames: int = 128
    scale: float = 1.0
    compand: float = 0.0
    fold: int = 1
    spread: bool = False
    side: int = 128
    colour: bool = True
    width: int = 64
    layers: int = 6
    norm: bool = True
    residual: bool = True
    contrast: float = 2.0
    lambdas: str = "1"
    detach: bool = False
    together: bool = True
    round_trip: bool = True
    transit: str = "wav"
    snr: float = 0.0
    held: str = "sound"
    shuffle: bool = True
    order: str = ""
    protect: float = 0.75
    crops: bool = True
    refine: int = 0

    def __post_init__(self) -> None:
        check_refine(self.refine)
        _known("representation", self.representation, ("magnitude", "mdct"))
        _known("held", self.held, ("sound", "plane"))
        _known("fold", self.fold, (1, 2, 4, 8, 16))
        _within("stages", self.stages, 1, MOST_STAGES)
        _within("window", self.window, 4, 4096)
        if self.representation == "magnitude":
            _within("hop", self.hop, 1, self.window // 2)
        _within("frames", self.frames, 1, 8192)
        _within("side", self.side, 8, 2048)
        _within("protect", self.protect, 0, 0.95)
        for name in ("scale", "contrast"):
            if not 0 < getattr(self, name) < float("inf"):
                raise UsageError(f"{name} is {getattr(self, name)}; expected a number above 0")
        if not 0 <= self.compand < float("inf"):
            raise UsageError(f"compand is {self.compand}; expected 0 or more")
        if self.snr != 0 and not 0 < self.snr <= 96:
            raise UsageError(f"snr is {self.snr}; expected up to 96 dB, or 0 to leave it free")
        if self.network == "deep_steg" and self.variant != "S":
            raise UsageError(f"network=deep_steg has one stage; set variant=S instead of {self.variant}")
        self._check_sides()
        self.weights()
        self.order_of_stages()
        if self.transit != "wav" and not self.round_trip:
            raise UsageError("transit needs the file: set round_trip=true")

    def _check_sides(self) -> None:
        bins = self.window // 2
        if self.window % 4 or self.frames % bins or bins % self.fold:
            raise UsageError(
                f"{self.frames} frames of {bins} bins cannot be folded {self.fold} times; expected frames to be a "
                "multiple of the bins, half the window, and those of the fold"
            )
        if self.side % (bins // self.fold):
            raise UsageError(f"side is {self.side}; expected a multiple of {bins // self.fold}, the places of a tile")

    # --- what follows from them -----------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """Stages."""
        return 1 if self.variant == "S" else self.stages

    @property
    def planes(self) -> int:
        """Planes of a picture."""
        return 3 if self.colour else 1

    def weights(self) -> tuple[float, ...]:
        """Return lambda of each stage."""
        try:
            found = [float(word) for word in self.lambdas.split(":")]
        except ValueError:
            found = []
        if len(found) == 1:
            found *= MOST_STAGES
        if len(found) < self.count or not all(0 <= weight < float("inf") for weight in found):
            raise UsageError(f"lambdas is {self.lambdas!r}; expected one weight, or {self.count} as in 1:1:2")
        return tuple(found[: self.count])

    def order_of_stages(self) -> tuple[int, ...]:
        """Return which stage each piece of the sound carries."""
        if not self.order:
            return tuple(range(self.count))
        try:
            found = tuple(int(word) for word in self.order.split(":"))
        except ValueError:
            found = ()
        if sorted(found) != list(range(self.count)):
            raise UsageError(f"order is {self.order!r}; expected each of 0..{self.count - 1} once, as in 1:0:2")
        return found

    def tiles(self) -> "Tiles":
        """Return how sounds and pictures become tiles."""
        from ...engine.planes import Coefficients, Magnitudes, Plane
        from .tiles import Tiles

        plane: Plane = Magnitudes(self.window, self.hop, self.frames, self.scale)
        if self.representation == "mdct":
            plane = Coefficients(self.window // 2, self.frames)
        return Tiles(plane, self.fold, self.spread, self.compand, self.side)

    def architecture(self) -> "Architecture":
        """Return what the networks look like."""
        from .network import Architecture

        tiles = self.tiles()
        secret = self.planes * tiles.picture_fold**2
        how = Architecture(tiles.channels, secret, self.stages, self.variant)
        return replace(how, width=self.width, layers=self.layers, norm=self.norm, network=self.network)

    def terms(self) -> "Terms":
        """Return how a trip is made; without a file, the SNR can only be held in the plane."""
        from .trip import Terms

        held = self.held if self.round_trip else "plane"
        return Terms(self.tiles(), self.contrast, self.residual, self.snr, held, self.round_trip, self.detach)

    def way(self) -> "Way | None":
        """Return what happens to saved sounds while learning."""
        from ...engine import transit

        return None if self.transit == "wav" else transit.parse(self.transit, "audio", rate=RATE)


def _known(name: str, value: object, known: tuple[object, ...]) -> None:
    if value not in known:
        raise UsageError(f"{name} is {value!r}; expected {', '.join(map(str, known))}")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UsageError(f"{name} is {value}; expected {low}..{high}")
