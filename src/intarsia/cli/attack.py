"""`intarsia attack`: what a picture or a sound becomes on its way."""

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UsageError
from . import console, options

if TYPE_CHECKING:
    from ..media.values import Cover

_LIST = "list"


def attack(
    container: Annotated[
        str | None, typer.Argument(metavar="CONTAINER", help="Picture or sound to send.", show_default=False)
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option("--channel", metavar="NAME[:ARG]", help="What happens to it, as jpeg:75; list shows all."),
    ] = None,
    out: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Lossless, or in the very format of the channel.")
    ] = "",
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="For what is drawn by chance (noise, cut, zero).")
    ] = 0,
    json_: options.Json = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    max_pixels: options.MaxPixels = None,
    password_file: options.IgnoredText = None,
    ask_password: options.Ignored = False,
    no_password: options.Ignored = False,
    device: options.IgnoredText = None,
) -> None:
    """Do to CONTAINER what happens to files on their way, and write what the receiver gets.

    Several steps are joined by +, as in scale:1600+jpeg:75.
    """
    if channel == _LIST:
        _list(json_=json_)
        return
    if container is None:
        raise UsageError("expected a CONTAINER, or --channel list")
    if channel is None:
        raise UsageError("--channel is missing; say what happens, as in --channel jpeg:75 (--channel list shows all)")
    sent, way = container, channel
    out = options.required_output(out)
    meter = console.Meter(quiet=quiet)
    attacked = console.run(lambda: _attack(sent, way, out, _Terms(seed, force, max_pixels, meter)))
    meter.done()
    console.notes(attacked.notes, quiet=quiet)
    if json_:
        console.show_json(attacked.record())
    elif not quiet:
        console.show(attacked.sentence())


@dataclass(frozen=True)
class _Terms:
    """How it is done: see the options."""

    seed: int
    force: bool
    max_pixels: int | None
    meter: console.Meter


@dataclass(frozen=True)
class _Attacked:
    """What was written.

    Attributes:
        container: what was sent.
        output: the file written.
        channel: the way it took, all arguments and seeds said.
        media: "image" or "audio".
        description: what arrived, in words.
        db: PSNR of a picture, SNR of a sound against what was sent; inf when nothing changed, None when the two
            have not the same samples.
        bytes: size of the file written.
        seconds: wall-clock time.
        notes: what was converted, clipped or lost, one sentence each.
    """

    container: str
    output: str
    channel: str
    media: str
    description: str
    db: float | None
    bytes: int
    seconds: float
    notes: tuple[str, ...]

    @property
    def measure(self) -> str:
        """What `db` is."""
        return "snr" if self.media == "audio" else "psnr"

    def record(self) -> dict[str, Any]:
        """Return the JSON record."""
        return {
            "container": self.container,
            "output": self.output,
            "channel": self.channel,
            "media": self.media,
            "description": self.description,
            "unchanged": self.db == math.inf,
            self.measure: None if self.db is None or math.isinf(self.db) else round(self.db, 3),
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
        }

    def sentence(self) -> str:
        """Return the same in words."""
        from ..media.files import shown

        how = "not comparable" if self.db is None else f"{self.measure.upper()} {self.db:.1f} dB"
        how = "unchanged" if self.db == math.inf else how
        return f"{shown(self.output)}: {self.description} after {self.channel}, {how}, {self.seconds:.1f} s"


def _attack(container: str, channel: str, out: str, terms: _Terms) -> _Attacked:
    from ..media import transit, values
    from ..media.files import Output
    from ..media.image_file import MAX_PIXELS
    from ..media.transit import written

    began = time.monotonic()
    terms.meter("read", 0.0)
    sent = values.container(container, max_pixels=terms.max_pixels or MAX_PIXELS)
    passage = transit.parse(channel, sent.kind, seed=terms.seed)
    written.check_suffix(passage, out)
    with Output(out, force=terms.force) as output:
        terms.meter("send", 0.0)
        arrived = passage(sent)
        terms.meter("write", 0.0)
        data = written.encode(arrived, passage, out)
        output.write(data)
        output.commit()
    return _Attacked(
        container,
        out,
        passage.text,
        sent.kind,
        arrived.describe(),
        _compared(sent, arrived),
        len(data),
        time.monotonic() - began,
        (*sent.notes, *arrived.notes, *written.losses(arrived, passage, out)),
    )


def _compared(sent: "Cover", arrived: "Cover") -> float | None:
    """Return PSNR or SNR in dB, inf when nothing changed, or None when the two have not the same samples."""
    from ..media import Audio, Image, image, sound_metrics

    if isinstance(sent, Audio) and isinstance(arrived, Audio):
        is_alike = (sent.length, sent.channels, sent.depth) == (arrived.length, arrived.channels, arrived.depth)
        return sound_metrics.snr_of(sent, arrived) if is_alike else None
    assert isinstance(sent, Image)
    assert isinstance(arrived, Image)
    shapes = [(one.samples.shape, one.depth, one.alpha is None) for one in (sent, arrived)]
    return image.psnr(sent, arrived) if shapes[0] == shapes[1] else None


def _list(*, json_: bool) -> None:
    from ..media.transit import PICTURES, PROFILES, SOUNDS

    rows = [(one.kind, one.usage, one.what) for table in (PICTURES, SOUNDS) for one in table.values()]
    rows += [(one.kind, one.name, f"{one.what}: {one.steps} (our approximation)") for one in PROFILES.values()]
    if json_:
        console.show_json({"channels": [dict(zip(("media", "usage", "what"), row, strict=True)) for row in rows]})
        return
    widths = [max(len(row[at]) for row in rows) for at in (0, 1)]
    for kind, usage, what in rows:
        console.show(f"{kind:<{widths[0]}}  {usage:<{widths[1]}}  {what}")
