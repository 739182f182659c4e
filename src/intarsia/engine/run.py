"""A run folder: everything one training run leaves behind, loadable at any instant.

    config.json          what was asked for, resolved; written first
    metrics.jsonl        losses and validation figures by step
    model.safetensors    the weights as of the last checkpoint; `hide --model FOLDER` uses them
    sheet.png            samples, one strip for each validation that was kept
    losses.png           the curves
    trainer/             the last two checkpoints, strips, the lock
    tensorboard/         event files, when asked for

One process writes; a second one on the same folder is refused.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError, OutputError, UsageError
from ..media import files
from ..media.files import PathLike
from . import checkpoint
from .checkpoint import State

CONFIG = "config.json"
METRICS = "metrics.jsonl"
MODEL = "model.safetensors"
SHEET = "sheet.png"
CURVES = "losses.png"
EVENTS = "tensorboard"


class Run:
    """One folder, held by this process.

    Args:
        folder: where; made if need be.
        leader: whether this process writes, as `leads`; others of the same run only read.
    """

    def __init__(self, folder: PathLike, *, leader: bool = True) -> None:
        self.folder = Path(folder)
        self.trainer = self.folder / "trainer"
        self.leads = leader
        self._lock: int | None = None

    # --- beginning and end ----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def held(self) -> Iterator["Run"]:
        """Hold the folder against other processes.

        Raises:
            OutputError: it cannot be made, or another process holds it.
        """
        if not self.leads:
            yield self
            return
        try:
            self.trainer.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.trainer / "lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
            _lock(self._lock)
            for left_over in (*self.folder.glob(".intarsia-*"), *self.trainer.glob(".intarsia-*")):
                left_over.unlink(missing_ok=True)
        except BlockingIOError:
            self._release()
            raise OutputError(f"{files.shown(self.folder)}: another process is training here; stop it first") from None
        except (OSError, ValueError) as error:
            self._release()
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            raise OutputError(f"{files.shown(self.folder)}: cannot be written into: {reason}") from error
        try:
            yield self
        finally:
            self._release()

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def config(self) -> dict[str, Any] | None:
        """Return what an earlier stretch was asked for; None: there was none.

        Raises:
            InputError: config.json is there and cannot be understood.
        """
        path = self.folder / CONFIG
        if not path.exists():
            return None
        try:
            found = json.loads(files.read_bytes(path))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{files.shown(path)}: not the settings of a run: {error}; start another run") from error
        if not isinstance(found, dict):
            raise InputError(f"{files.shown(path)}: not the settings of a run; start another run")
        return found

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write config.json."""
        self.write(CONFIG, (json.dumps(dict(config), indent=2) + "\n").encode())

    # --- checkpoints ----------------------------------------------------------------------------------------

    def save(self, state: State) -> None:
        """Write a checkpoint; the curve on disk is made durable before it."""
        path = self.folder / METRICS
        if path.exists():
            with _naming(path), path.open("rb+") as stream:
                os.fsync(stream.fileno())
        checkpoint.save(self.trainer, state)

    def newest(self, tell: Callable[[str], None]) -> State | None:
        """Return the newest checkpoint that can be read; tells which ones cannot."""
        state, problems = checkpoint.newest(self.trainer)
        for problem in problems:
            tell(problem)
        if state is None and problems:
            raise InputError(f"{files.shown(self.folder)}: no checkpoint of this run can be read; start another run")
        return state

    # --- files ----------------------------------------------------------------------------------------------

    def write(self, name: str, data: bytes) -> None:
        """Write one file of the folder, whole or not at all."""
        files.write_output(self.folder / name, data, force=True)

    def log(self, record: Mapping[str, Any]) -> None:
        """Add a line to metrics.jsonl."""
        path = self.folder / METRICS
        with _naming(path), path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(dict(record)) + "\n")

    def cut_checkpoints(self, step: int) -> None:
        """Forget checkpoints after a step: those that could not be read, when an older one is gone on with."""
        for path in self.trainer.glob("step-*.safetensors"):
            if path.stem > f"step-{step:09d}":
                path.unlink(missing_ok=True)

    def cut_log(self, step: int) -> None:
        """Forget the lines after a step: what comes next is measured again."""
        lines = [json.dumps(record) + "\n" for record in records(self.folder) if record["step"] <= step]
        self.write(METRICS, "".join(lines).encode())


def records(folder: PathLike) -> list[dict[str, Any]]:
    """Return the lines of metrics.jsonl; a last one that was cut off is left out."""
    path = Path(folder) / METRICS
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict) and isinstance(record.get("step"), int):
                found.append(record)
    return found


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OutputError(
            f"{files.shown(path)}: cannot be written: {(error.strerror or str(error)).lower()}"
        ) from error


def _lock(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:  # no such locks on this system: two runs in one folder are the user's to avoid
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def start_over(folder: Path) -> None:
    """Remove what an earlier run left in a folder, and nothing else.

    Raises:
        UsageError: the folder does not hold a run.
    """
    if not (folder / CONFIG).exists():
        raise UsageError(f"{files.shown(folder)}: holds no run")
    left = ("trainer/step-*", "trainer/strip-*", f"{EVENTS}/events.out.tfevents.*")
    for path in (*(path for names in left for path in folder.glob(names)), folder / METRICS, folder / MODEL):
        path.unlink(missing_ok=True)
    for name in (SHEET, CURVES, CONFIG):
        (folder / name).unlink(missing_ok=True)
