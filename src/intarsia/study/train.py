"""`train`: a method, a folder of media and a run folder become a trained model.

    recipe file, --set ─► Order ─► Config, Recipe, Packing ─┐
    --data ─► sources ─► packs ─────────────────────────────┼─► learner, batches ─► loop ─► run folder
    --resume: config.json, newest checkpoint ───────────────┤
    --from: a model's settings and weights ─────────────────┘

Settings are checked before data are read, and data before anything is written.
"""

import contextlib
import dataclasses
import importlib.util
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__, zoo
from ..engine.packs import Pack, prepare
from ..engine.recipe import Recipe
from ..errors import InputError, OutputError, UsageError, WeightsError
from ..media import files
from ..methods.base import Progress, no_progress
from ..methods.learned import Learned, config_record, need_torch
from .orders import (
    FORMAT,
    Order,
    Settings,
    begun_model,
    check_place,
    check_same_data,
    earlier_run,
    first_model,
    room_of,
    settled,
)

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch import Tensor

    from ..engine.checkpoint import State
    from ..engine.company import Outcome, Tick
    from ..engine.learner import Batches, Learner
    from ..engine.run import Run


@dataclass(frozen=True)
class Watch:
    """Who follows a run.

    Attributes:
        progress: told what is being prepared, and the share done.
        tick: told how far training is.
        note: told one line at a time what a person should know.
        stop: asked after every step whether to stop.
        begins: called when the loop is about to run, and stopping means saving.
    """

    progress: Progress = no_progress
    tick: "Callable[[Tick], None]" = lambda _tick: None
    note: Callable[[str], None] = lambda _line: None
    stop: Callable[[], bool] = lambda: False
    begins: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Trained:
    """How a stretch ended.

    Attributes:
        run: the folder.
        outcome: steps, seconds, whether it is finished, figures.
        already: whether it was finished before.
    """

    run: Path
    outcome: "Outcome"
    already: bool = False

    def record(self) -> dict[str, Any]:
        """Return the line for `--json`."""
        return {
            "run": str(self.run),
            "steps": self.outcome.step,
            "seconds": round(self.outcome.seconds, 2),
            "finished": self.outcome.finished,
            "figures": dict(self.outcome.figures),
        }


def train(order: Order, watch: Watch | None = None) -> Trained:
    """Train, or go on training, until a bound is reached or somebody stops it.

    Raises:
        IntarsiaError: one of its kinds; whatever the run folder held is still there.
    """
    watch = watch or Watch()
    room = room_of(order.method)
    need_torch(order.method)
    earlier = earlier_run(order)
    model = first_model(order, earlier)
    settings = settled(order, room, earlier, model)
    check_place(order)
    if settings.recipe.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise UsageError("tensorboard=true needs it: pip install tensorboard")
    from ..engine import hardware
    from ..engine.company import team
    from ..engine.run import Run

    members = team(order.device, watch.note)
    if not members.is_main_process:
        watch = dataclasses.replace(watch, progress=no_progress, note=lambda _line: None)
    learner = _learner(room, settings)
    if model is not None:  # read at once: the folder it lies in may be the one to be replaced
        watch.note(_take_weights(learner, model))
    pack = prepare(order.data, room.needs(settings.config), settings.packing, progress=watch.progress)
    watch.note(pack.summary())
    check_same_data(order, earlier, pack)
    batches = _batches(room, settings, pack)
    run = Run(order.run, leader=members.is_main_process)
    with run.held():
        if run.leads and earlier_run(order) != earlier:
            raise OutputError(f"{files.shown(order.run)}: another process was here in the meantime; try again")
        start = run.newest(watch.note) if earlier is not None else None
        if earlier is not None and start is None and (model := begun_model(order, earlier)) is not None:
            watch.note(_take_weights(learner, model))
        if start is not None and settings.recipe.share(start.step, float(start.facts["seconds"])) >= 1:
            return _already(order, start, settings.recipe)
        if run.leads:
            _prepare(order, run, earlier, start)
            words = hardware.describe(members.device, members.num_processes)
            run.write_config(_record(order, settings, pack, words) | _begun(model, earlier))
        members.wait_for_everyone()
        outcome = _learn(order, learner, settings, batches, run, start, members, watch)
    return Trained(Path(order.run), outcome)


# --- the run -------------------------------------------------------------------------------------------------


def _prepare(order: Order, run: "Run", earlier: Mapping[str, Any] | None, start: "State | None") -> None:
    """Leave in the folder what the stretch goes on from, and nothing else."""
    from ..engine.pictures import cut_strips
    from ..engine.run import start_over

    if earlier is None and run.config() is not None:
        start_over(run.folder)
    step = start.step if start else -1
    run.cut_checkpoints(step)
    run.cut_log(step)
    cut_strips(run, step)


def _record(order: Order, settings: Settings, pack: Pack, hardware: str) -> dict[str, Any]:
    data = {"content": pack.sha256, "summary": pack.summary(), "sources": dict(pack.sources)}
    head = {"format": FORMAT, "intarsia": __version__, "method": order.method}
    return {**head, **settings.record(), "data": data, "hardware": hardware}


def _already(order: Order, start: "State", recipe: Recipe) -> Trained:
    from ..engine.company import Outcome

    seconds = float(start.facts["seconds"])
    return Trained(Path(order.run), Outcome(start.step, seconds, True, dict(start.facts["figures"])), already=True)


def _batches(room: Learned[Any], settings: Settings, pack: Pack) -> "Batches":
    """Return where batches come from; what is wrong with them shows here, not hours later."""
    batches = room.batches(settings.config, settings.recipe, pack)
    batches.draw(0)
    batches.validation(settings.recipe.pictures)
    return batches


def _learner(room: Learned[Any], settings: Settings) -> "Learner":
    import torch

    torch.manual_seed(settings.recipe.seed)
    return room.learner(settings.config, settings.recipe)


def _begun(model: zoo.Model | None, earlier: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what config.json says of the model a run began with, if it did."""
    if model is None:
        return {key: value for key, value in (earlier or {}).items() if key == "begin"}
    return {"begin": {"model": model.name, "identity": model.identity.hex()}}


def _take_weights(learner: "Learner", model: zoo.Model) -> str:
    """Give fresh networks what a model has of them; return a line that says so."""
    import torch

    weights = model.arrays()
    held = {name: tensor for name, tensor in learner.net.state_dict().items() if tensor.is_floating_point()}
    common = {name: torch.from_numpy(weights[name]) for name in held if name in weights}
    for name, tensor in common.items():
        if tensor.shape != held[name].shape:
            raise WeightsError(
                f"{files.shown(model.name)}: {name} is {tuple(tensor.shape)}, expected {tuple(held[name].shape)}; "
                "keep its settings of the networks"
            )
    if not common:
        raise WeightsError(
            f"{files.shown(model.name)}: weights of another network; expected {', '.join(list(held)[:3])}"
        )
    learner.net.load_state_dict(common, strict=False)
    fresh = len(held) - len(common)
    said = f"begins with the weights of {files.shown(model.name)}"
    return f"{said}; {fresh} of {len(held)} tensors are fresh" if fresh else said


def _learn(
    order: Order,
    learner: "Learner",
    settings: Settings,
    batches: "Batches",
    run: "Run",
    start: "State | None",
    members: "Accelerator",
    watch: Watch,
) -> "Outcome":
    from ..engine import pictures
    from ..engine.company import Company
    from ..engine.loop import learn
    from ..engine.run import MODEL
    from ..zoo import weights

    if start is not None:
        _check_shapes(order, learner.net.state_dict(), start)
    board = Board(run, start.step if start else 0) if settings.recipe.tensorboard and run.leads else None

    def publish(tensors: Mapping[str, "Tensor"], step: int, _seconds: float) -> None:
        # Counters of batch normalisation are of no use to whoever uses the networks.
        floats = {name: t.float().cpu().numpy() for name, t in tensors.items() if t.is_floating_point()}
        weights.save(
            run.folder / MODEL,
            floats,
            method=order.method,
            config=config_record(settings.config),
            step=step,
            force=True,
        )

    def tick(told: "Tick") -> None:
        if board is not None:
            board.add(told)
        watch.tick(told)

    drawn = 0.0

    def validated() -> None:
        nonlocal drawn
        if time.monotonic() - drawn > _CURVES_EVERY:
            pictures.draw_curves(run)
            drawn = time.monotonic()

    company = Company(
        tick=tick,
        note=watch.note,
        stop=watch.stop,
        strip=lambda step, strip: pictures.add_strip(run, step, strip),
        publish=publish,
        validated=validated,
    )
    watch.begins()
    try:
        outcome = learn(learner, batches, settings.recipe, run=run, start=start, members=members, company=company)
    finally:
        if board is not None:
            board.close()
    if run.leads:
        pictures.draw_curves(run)
    return outcome


_CURVES_EVERY = 20.0  # seconds; they take a good part of one to draw


def _check_shapes(order: Order, expected: Mapping[str, Any], start: "State") -> None:
    held = {name.removeprefix("net/"): tensor for name, tensor in start.tensors.items() if name.startswith("net/")}
    wrong = [name for name in expected if name not in held or held[name].shape != expected[name].shape]
    if wrong or len(held) != len(expected):
        raise InputError(
            f"{files.shown(order.run)}: its checkpoint does not fit {order.method} ({', '.join(wrong[:3])})"
        )


class Board:
    """TensorBoard's event files of one stretch.

    Args:
        run: the folder.
        step: steps done before; what an earlier stretch measured after it no longer counts.

    Raises:
        OutputError: they cannot be written.
    """

    def __init__(self, run: "Run", step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        from ..engine.run import EVENTS

        self._where = files.shown(run.folder / EVENTS)
        with self._naming():
            self._writer = SummaryWriter(str(run.folder / EVENTS), purge_step=step + 1)

    def add(self, told: "Tick") -> None:
        """Write losses, figures and the rate."""
        with self._naming():
            for kind, values in (("losses", told.losses), ("figures", told.figures)):
                for name, value in values.items():
                    self._writer.add_scalar(f"{kind}/{name}", value, told.step)
            self._writer.add_scalar("lr", told.lr, told.step)

    def close(self) -> None:
        """Write what is left."""
        with self._naming():
            self._writer.close()

    @contextlib.contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError(f"{self._where}: cannot be written: {reason}") from error
