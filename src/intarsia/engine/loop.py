"""The loop: the only one in the project, for networks and for fits of one secret alike.

    Recipe, phases ─┐
    Learner ────────┼─► prepare (device, processes, precision) ──┐
    Batches ────────┘                                            ▼
         ┌──────── batch n ──► losses ──► balance ──► backward ──► clip ──► Adam ──► average ──┐
         │                                                                                     │
         │   every now and then:  look (finite? exploded? ──► back to the last good state)     │
         │                        log · validate · save · stop when asked                      │
         └─────────────────────────────── n + 1 ◄──────────────────────────────────────────────┘

Everything random is drawn from (seed, step), so between two steps a run is its `State` and nothing else: continued
from it, it takes the very same steps. Several processes share each batch and agree on every decision.
"""

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor, nn

from ..errors import UsageError, WeightsError
from . import checkpoint, hardware
from .average import Average
from .balance import Balance
from .checkpoint import State
from .company import Company, Outcome, Tick, team
from .feed import Feed, Part
from .learner import Batches, Learner, Losses, on
from .recipe import Phase, Recipe, span
from .run import Run

MAX_ROLLBACKS = 5
"""Times a run may go back to its last good state before it is given up."""

_LOOK = {"cpu": 1, "cuda": 10}  # steps between looks at the losses; each makes a GPU wait
_SETTLED = 50  # steps until a loss is known well enough to call another one an explosion
_FORGET = 0.98


def learn(
    learner: Learner,
    batches: Batches,
    recipe: Recipe,
    *,
    run: Run | None = None,
    start: State | None = None,
    members: Accelerator | None = None,
    company: Company | None = None,
) -> Outcome:
    """Train until a bound of the recipe, or until asked to stop.

    Args:
        learner: networks and losses; its `net` holds the result, the moving average if the recipe has one.
        batches: where the data come from.
        recipe: how.
        run: the folder to write checkpoints and curves into; None: nothing is written.
        start: where an earlier stretch ended.
        members: from `team`; None: this process alone on whatever device there is.
        company: who watches.

    Raises:
        WeightsError: the losses became infinite or exploded again and again; the last good state was kept.
        OutputError: the run folder cannot be written; the last checkpoint is untouched.
    """
    return _Loop(learner, batches, recipe, run, members or team(), company or Company()).go(start)


class _Objective(nn.Module):
    """Networks and losses as one module, so that every gradient passes through the same door."""

    def __init__(self, learner: Learner, autocast: Callable[[], torch.autocast]) -> None:
        super().__init__()
        self.net = learner.net
        self._losses, self._autocast = learner.losses, autocast

    def forward(self, batch: dict[str, Tensor], phase: Phase) -> dict[str, Any]:
        """Return `Losses` as a mapping, which every wrapper understands."""
        with self._autocast():
            found = self._losses(batch, phase)
        if found.shared is not None and found.shared.dtype != torch.float32:
            raise ValueError(
                f"Losses.shared is {found.shared.dtype}; expected the float32 tensor the losses were made of"
            )
        return {"terms": dict(found.terms), "shared": found.shared, "quality": found.quality}


@dataclass
class _Window:
    """What was measured since the last line of the log."""

    names: list[str] = field(default_factory=list)
    sums: Tensor | None = None
    count: int = 0

    def add(self, terms: Mapping[str, Tensor]) -> None:
        values = torch.stack([term.detach().float() for term in terms.values()]).double()
        if self.names != list(terms):  # a phase with other losses has begun
            self.names, self.sums, self.count = list(terms), None, 0
        self.count += 1
        self.sums = values if self.sums is None else self.sums + values

    def state(self) -> dict[str, Any]:
        sums = [] if self.sums is None else self.sums.tolist()
        return {"names": self.names, "sums": sums, "count": self.count}


class _Loop:
    def __init__(
        self,
        learner: Learner,
        batches: Batches,
        recipe: Recipe,
        run: Run | None,
        members: Accelerator,
        company: Company,
    ) -> None:
        if recipe.batch % members.num_processes:
            raise UsageError(f"batch is {recipe.batch}; {members.num_processes} processes need a multiple of that")
        self.learner, self.batches, self.recipe = learner, batches, recipe
        self.members, self.company, self.run = members, company, run
        self.leads = members.is_main_process
        share = recipe.batch // members.num_processes
        self.part = Part(members.process_index * share, share)
        learner.net.to(members.device)
        if recipe.channels_last:
            learner.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = Average(learner.net, recipe.ema)
        self.balance = Balance(
            recipe.balance, recipe.target_db(), learner.cover_terms, self._mean, members.num_processes
        )
        self.window = _Window()
        self.step, self.phase, self.rollbacks, self.slower = 0, 0, 0, 1.0
        self.usual: float | None = None
        self.figures: dict[str, float] = {}
        self.seconds_before, self.began = 0.0, time.perf_counter()
        self.optimiser: torch.optim.Optimizer
        self.objective: nn.Module
        self.feed: Feed
        self.good: State

    # --- the whole run ------------------------------------------------------------------------------------

    def go(self, start: State | None) -> Outcome:
        phases = self.learner.phases
        if start is None:
            self._enter(0)
            self._keep()
        else:
            self._restore(start)
        self.began = time.perf_counter()
        self.saved = self.logged = self.began
        self.feed = self._open_feed()
        stopped = False
        try:
            while not stopped and self.share < 1:
                if self.phase + 1 < len(phases) and self.share >= span(tuple(phases), self.phase)[1]:
                    self._enter(self.phase + 1)
                stopped = self._step()
            if not stopped:
                self._validate()
                self._keep()
        finally:
            self.feed.close()
        if not stopped:
            self.average.settle()
        self.learner.net.eval()
        return Outcome(self.step, self.seconds, not stopped, dict(self.figures))

    @property
    def seconds(self) -> float:
        return self.seconds_before + time.perf_counter() - self.began

    @property
    def share(self) -> float:
        return self._agreed_share

    _agreed_share = 0.0

    def _enter(self, number: int) -> None:
        """Begin a phase: its parts learn, the others stand still, and Adam starts afresh."""
        self.phase, self.usual = number, None
        phase, net = self.learner.phases[number], self.learner.net
        unknown = [name for name in phase.train if not hasattr(net, name)]
        if unknown:
            raise ValueError(f"phase {phase.name!r} trains {unknown}; the network has no such parts")
        net.requires_grad_(not phase.train)
        for name in phase.train:
            getattr(net, name).requires_grad_(True)
        weights = [weight for weight in net.parameters() if weight.requires_grad]
        betas = (self.recipe.beta1, self.recipe.beta2)
        self.optimiser = torch.optim.Adam(weights, lr=self.recipe.lr, betas=betas, fused=True)
        objective: nn.Module = _Objective(self.learner, self._autocast)
        if self.recipe.compile:
            objective = torch.compile(objective)  # type: ignore[assignment]
        self.objective = self.members.prepare_model(objective)
        net.train()

    # --- one step -----------------------------------------------------------------------------------------

    def _step(self) -> bool:
        """Take one step and do what is due after it; return whether to stop."""
        phase = self.learner.phases[self.phase]
        batch = self.feed.take()
        self.learner.net.train()
        torch.manual_seed(hash((self.recipe.seed, self.step, self.rollbacks, self.part.first)))
        self._set_rate(phase)
        self.optimiser.zero_grad(set_to_none=True)
        losses = Losses(**self.objective(batch, phase))
        self.members.backward(self.balance.total(losses, phase.weights))
        if self.recipe.clip:
            self.members.clip_grad_norm_(self.objective.parameters(), self.recipe.clip)
        self.optimiser.step()
        self.step += 1
        self.average.update(self.step)
        self.window.add(losses.terms)
        return self._afterwards(losses, phase)

    def _set_rate(self, phase: Phase) -> None:
        begin, end = span(tuple(self.learner.phases), self.phase)
        within = min(1.0, max(0.0, (self.share - begin) / (end - begin)))
        # The very first step of a warm-up would have a rate of zero, and be wasted.
        within = max(within, 0.5 / self.recipe.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.lr * phase.rate * self.slower * self.recipe.rate(within)

    def _afterwards(self, losses: Losses, phase: Phase) -> bool:
        now = time.perf_counter()
        ask = [
            self.recipe.share(self.step, self.seconds),
            float(self.leads and self.company.stop()),
            float(now - self.saved >= self.recipe.save),
        ]
        self._agreed_share, stop, save = self._agree(ask)
        log, validate = self.step % self.recipe.log == 0, self.step % self.recipe.validate == 0
        due = log or validate or bool(stop) or bool(save) or self.share >= 1
        if due or self.step % _LOOK.get(self.members.device.type, 1) == 0:
            trouble = self._trouble(losses, phase)
            if trouble:
                self._go_back(trouble)
                return bool(stop)
        if log:
            self._log(phase)
        if validate and self.share < 1:
            self._validate()
        if (stop or save) and self.share < 1:
            self._keep()
        return bool(stop) and self.share < 1

    def _trouble(self, losses: Losses, phase: Phase) -> str:
        """Return what is wrong with the losses, or nothing."""
        weighted = [phase.weights.get(name, 1.0) * term.detach().float() for name, term in losses.terms.items()]
        found = float(self._mean(torch.stack(weighted).sum()))
        if not math.isfinite(found):
            return "the loss is not a number"
        usual = found if self.usual is None else self.usual
        if self.step > _SETTLED and found > self.recipe.explosion * max(usual, 1e-12):
            return f"the loss exploded from {usual:.3g} to {found:.3g}"
        self.usual = _FORGET * usual + (1 - _FORGET) * found
        return ""

    def _go_back(self, trouble: str) -> None:
        at = self.step
        self.rollbacks += 1
        if self.rollbacks > MAX_ROLLBACKS:
            raise WeightsError(
                f"step {at}: {trouble}, for the {self.rollbacks}th time; the state of step {self.good.step} was kept; "
                f"use a rate lower than lr={self.recipe.lr}"
            )
        rollbacks, slower = self.rollbacks, self.slower / 2
        self.feed.close()
        self._restore(self.good, same_stretch=True)
        self.rollbacks, self.slower = rollbacks, slower
        self.feed = self._open_feed()
        line = f"step {at}: {trouble}; back to step {self.step}, rate halved to {self.recipe.lr * slower:.2g}"
        if self.leads:
            self.company.note(line)
            if self.run is not None:
                self.run.cut_log(self.step)
                self.run.log({"step": self.step, "event": line})

    # --- now and then -------------------------------------------------------------------------------------

    def _log(self, phase: Phase) -> None:
        assert self.window.sums is not None
        means = (self._mean(self.window.sums) / self.window.count).tolist()
        now = time.perf_counter()
        took, waited = now - self.logged, self.feed.waited
        items = self.window.count * self.recipe.batch
        tick = Tick(
            step=self.step,
            share=self.share,
            seconds=self.seconds,
            phase=phase.name,
            items_per_s=items / took,
            items_per_s_loaded=items / max(took - waited, 1e-9),
            losses=dict(zip(self.window.names, means, strict=True)),
            figures=dict(self.figures),
            lr=float(self.optimiser.param_groups[0]["lr"]),
        )
        self.window, self.logged, self.feed.waited = _Window(), now, 0.0
        if self.leads:
            if self.run is not None:
                self.run.log(tick.record())
            self.company.tick(tick)

    def _validate(self) -> None:
        """Measure on pairs that are never drawn; the leading process does, the others wait at the next step."""
        if not self.leads:
            return
        began = time.perf_counter()
        net = self.learner.net
        net.eval()
        batch = on(self.batches.validation(self.recipe.pictures), self.members.device)
        with self.average.in_place(), torch.no_grad(), self._autocast():
            self.figures = self.learner.figures(batch)
            strip = self.learner.sheet(batch)
        net.train()
        if self.run is not None and self.figures:
            self.run.log({"step": self.step, "figures": self.figures, "seconds": round(self.seconds, 3)})
        if strip is not None:
            self.company.strip(self.step, strip)
        self.company.validated()
        self.logged += time.perf_counter() - began

    def _keep(self) -> None:
        """Remember this state as good, on disk if there is a folder."""
        began = time.perf_counter()
        self.good = self._state()
        if self.leads:
            # Weights first: whatever ends the process between the two, the next stretch writes them again.
            with self.average.in_place():
                self.company.publish(self.learner.net.state_dict(), self.step, self.seconds)
            if self.run is not None:
                self.run.save(self.good)
        self.saved = time.perf_counter()
        with contextlib.suppress(AttributeError):  # before the first step nothing was logged
            self.logged += self.saved - began

    # --- state --------------------------------------------------------------------------------------------

    def _state(self) -> State:
        tensors: dict[str, Tensor] = {}
        for prefix, group in (
            ("net", self.learner.net.state_dict()),
            ("average", self.average.tensors),
            ("adam", checkpoint.optimiser_tensors(self.optimiser)),
        ):
            tensors |= {f"{prefix}/{name}": tensor.detach().to("cpu", copy=True) for name, tensor in group.items()}
        facts = {
            "step": self.step,
            "seconds": self.seconds if hasattr(self, "saved") else self.seconds_before,
            "phase": self.phase,
            "rollbacks": self.rollbacks,
            "slower": self.slower,
            "usual": self.usual,
            "figures": self.figures,
            "balance": self.balance.state(),
            "window": self.window.state(),
            "share": self._agreed_share,
        }
        return State(tensors, facts)

    def _restore(self, state: State, *, same_stretch: bool = False) -> None:
        facts = state.facts
        self._enter(int(facts["phase"]))
        groups: dict[str, dict[str, Tensor]] = {"net": {}, "average": {}, "adam": {}}
        for name, tensor in state.tensors.items():
            prefix, rest = name.split("/", 1)
            groups[prefix][rest] = tensor
        self.learner.net.load_state_dict(groups["net"])
        self.average.restore(groups["average"])
        checkpoint.restore_optimiser(self.optimiser, groups["adam"])
        self.step, self.rollbacks, self.slower = state.step, int(facts["rollbacks"]), float(facts["slower"])
        self.usual, self.figures = facts["usual"], dict(facts["figures"])
        self.balance.restore(facts["balance"])
        kept = facts["window"]
        sums = torch.tensor(kept["sums"], dtype=torch.float64, device=self.members.device) if kept["count"] else None
        self.window = _Window(list(kept["names"]), sums, int(kept["count"]))
        if not same_stretch:
            self.seconds_before = float(facts["seconds"])
            self.good = state
        self._agreed_share = self.recipe.share(self.step, self.seconds_before)

    def _autocast(self) -> torch.autocast:
        wanted, where = self.recipe.precision, self.members.device
        half = hardware.has_bfloat16(where) if wanted == "auto" else wanted == "bfloat16"
        return torch.autocast(where.type, torch.bfloat16, enabled=half)

    # --- company ------------------------------------------------------------------------------------------

    def _open_feed(self) -> Feed:
        where, rows = self.members.device, self.recipe.channels_last
        return Feed(self.batches, self.step, self.part, where, salt=self.rollbacks, channels_last=rows)

    def _mean(self, tensor: Tensor) -> Tensor:
        """Return the mean over all processes."""
        if self.members.num_processes == 1:
            return tensor
        return self.members.reduce(tensor.clone(), "mean")  # type: ignore[no-any-return]

    def _agree(self, asked: Sequence[float]) -> list[float]:
        """Return what the leading process found, to every process."""
        if self.members.num_processes == 1:
            return list(asked)
        told = torch.tensor(asked, dtype=torch.float64, device=self.members.device)
        return [float(value) for value in broadcast(told, from_process=0)]
