"""`intarsia train`: a method learns from a folder of media."""

import contextlib
import json
import os
import signal
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from . import console, options

if TYPE_CHECKING:
    from ..engine.company import Tick


def train(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="What learns; see: intarsia methods.")],
    data: Annotated[
        list[str] | None, typer.Option("--data", metavar="DIR", help="Folder of pictures, sounds; may be repeated.")
    ] = None,
    run: Annotated[str, typer.Option("--run", metavar="DIR", help="Folder of the run.")] = "",
    recipe: Annotated[str | None, typer.Option("--recipe", metavar="FILE", help="Settings in a YAML file.")] = None,
    set_: options.Settings = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="MODEL", help="Begin with a model: its weights, its settings.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    json_: options.Json = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    device: options.DeviceOption = options.Device.auto,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Short for --set seed=N.")] = None,
) -> None:
    """Train METHOD on the media in DIR; the run folder is then a model: hide --model DIR.

    Ctrl-C saves and stops; --resume goes on from there, bit by bit. --set steps= or seconds= bounds the whole run,
    over all its stretches. --from MODEL goes on learning where a model, a name or a run folder, ended.

    Several processes: torchrun --nproc-per-node 2 -m -- intarsia train ...; accelerate launch works too.
    """
    if not data:
        raise UsageError("--data is missing; name a folder of media, as in --data photographs/")
    if not run:
        raise UsageError("--run is missing; name a folder for the run, as in --run runs/first")
    settings = options.parse_settings(set_)
    if seed is not None:
        settings.setdefault("seed", seed)
    from ..engine.memory import keep_memory
    from ..study.orders import Order
    from ..study.train import Watch
    from ..study.train import train as study

    keep_memory()
    alone = os.environ.get("RANK", "0") == "0"
    meter = Meter(quiet=quiet or not alone)
    stop = Stop()
    watch = Watch(
        progress=console.Meter(quiet=quiet or not alone),
        tick=meter,
        note=lambda line: None if quiet or not alone else meter.note(line),
        stop=stop,
        begins=stop.listen,
    )
    order = Order(method, data, run, settings, recipe, resume, force, device.value, from_)
    done = study(order, watch)
    meter.done()
    if not alone:
        return
    if json_:
        console.show_json(done.record())
    elif not quiet:
        _tell(
            done.run, done.outcome.step, done.outcome.seconds, done.outcome.figures, done.already, done.outcome.finished
        )
    if not done.outcome.finished:
        raise typer.Exit(console.INTERRUPTED)


def _tell(
    run: object, steps: int, seconds: float, figures: "dict[str, float] | object", already: bool, finished: bool
) -> None:
    from ..media.files import shown

    found = figures if isinstance(figures, dict) else {}
    measured = "".join(f", {name} {value:.4g}" for name, value in found.items())
    how = "was finished" if already else "finished" if finished else "stopped and saved"
    console.show(f"{shown(str(run))}: {how} after {steps:,} steps, {_clock(seconds)}{measured}")
    if already:
        console.show("to go on, give larger bounds: --set steps=N or --set seconds=S")
    elif not finished:
        console.show("to go on: the same command with --resume")
    else:
        console.show(f"to use it: intarsia hide ... --model {shown(str(run))}")


class Stop:
    """Ctrl-C and SIGTERM, once training runs: the first asks to save and stop, the second ends it at once."""

    def __init__(self) -> None:
        self._asked = False

    def __call__(self) -> bool:
        """Whether it was asked for."""
        return self._asked

    def listen(self) -> None:
        """Take over the signals."""
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._ask)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        if self._asked:
            console.interrupted("ended at once; --resume goes on from the last checkpoint")
        self._asked = True
        console.say("saving after this step; once more ends at once")


class Meter:
    """Progress of training on stderr: a bar with losses and the time left on a terminal, JSON lines elsewhere."""

    EVERY = 1.0
    """Seconds between JSON lines, the least."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._began, self._share, self._last = time.monotonic(), None, 0.0  # type: tuple[float, float | None, float]

    def __call__(self, tick: "Tick") -> None:
        """Report one tick."""
        now = time.monotonic()
        if self._share is None:
            self._began, self._share = now, tick.share
        if self._quiet or (now - self._last < (0.2 if sys.stderr.isatty() else self.EVERY) and tick.share < 1):
            return
        self._last = now
        made = tick.share - self._share
        eta = (now - self._began) * (1 - tick.share) / made if made > 0 else None
        with contextlib.suppress(OSError, ValueError):
            self._draw(tick, eta)

    def note(self, line: str) -> None:
        """Say one line without spoiling the bar."""
        console.say(f"note: {line}")

    def done(self) -> None:
        """Wipe the bar."""
        if self._last and sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _draw(self, tick: "Tick", eta: float | None) -> None:
        if sys.stderr.isatty():
            filled = round(20 * tick.share)
            said = "".join(f" {name} {value:.3g}" for name, value in {**tick.losses, **tick.figures}.items())
            left = "" if eta is None else f" {_clock(eta)} left"
            speed = f"{tick.items_per_s:,.0f} ({tick.items_per_s_loaded:,.0f} without loading) items/s"
            bar = f"{'█' * filled}{'·' * (20 - filled)} {tick.share:4.0%}{left} step {tick.step:,} {speed}{said}"
            width = os.get_terminal_size(sys.stderr.fileno()).columns
            sys.stderr.write(f"\r\x1b[K{bar[: max(20, width - 1)]}")
        else:
            record = {**tick.record(), "share": round(tick.share, 4), "figures": dict(tick.figures)}
            if eta is not None:
                record["eta"] = round(eta, 1)
            sys.stderr.write(json.dumps(record) + "\n")
        sys.stderr.flush()


def _clock(seconds: float) -> str:
    whole = round(seconds)
    if whole < 100:
        return f"{seconds:.1f} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"
