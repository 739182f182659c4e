"""Tasks done: what is known is looked up, the rest is measured here or by several processes, one line each.

    tasks ─► key ─┬─ known ─────────────────────────────────────────────┐
                  └─ not known ─► this process, or --jobs others ─► line ┴─► {task: line}

A file that cannot be read costs its own tasks and is named at the end. A process that dies costs its task and is
started anew.
"""

import contextlib
import datetime
import json
import os
import queue
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from ... import __version__
from ...errors import InputError, IntarsiaError, ResourceError, UsageError, WeightsError
from ...media import child
from ...methods.base import Progress, no_progress
from . import trips
from .store import Line, Store
from .tasks import Task, place

ITEMS = "items"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Work:
    """Tasks of one command.

    Args:
        store: what is known.
        progress: told of every task.
        jobs: processes; 1 is this one.
        device: where networks run.
        refit: whether a fit that took another time than is asked for is made again.
    """

    def __init__(
        self, store: Store, progress: Progress, *, jobs: int = 1, device: str = "auto", refit: bool = False
    ) -> None:
        self._store, self._progress, self._jobs, self._device, self._refit = store, progress, jobs, device, refit
        self.broken: dict[str, str] = {}
        self.failed: dict[str, str] = {}
        self.measured = 0

    def do(self, tasks: Sequence[Task], stage: str) -> list[tuple[Task, Line]]:
        """Return the line of every task that has one; what is not known is measured."""
        keys = self._keys(tasks)
        missing = {key: task for key, task in keys.items() if not self._known(key, task)}
        if missing:
            measured = self._here(missing, stage) if self._jobs == 1 else self._elsewhere(missing, stage)
            for key, task, found in measured:
                self._keep(key, task, found)
        lines = ((task, self._store.get(key)) for key, task in keys.items())
        return [(task, line) for task, line in lines if line is not None]

    def _keys(self, tasks: Sequence[Task]) -> dict[str, Task]:
        found: dict[str, Task] = {}
        for task in tasks:
            try:
                found.setdefault(task.key(), task)
            except InputError as error:
                self._note(task, error)
            except WeightsError as error:
                self.failed[f"{task.method}: model"] = str(error)
        return found

    def _known(self, key: str, task: Task) -> bool:
        line = self._store.get(key)
        if line is None or not self._files_are_there(line):
            return False
        asked = task.settings.get("seconds")
        return not (task.fits and self._refit and asked and line["task"]["settings"].get("seconds") != asked)

    def _files_are_there(self, line: Line) -> bool:
        return all((self._store.folder / path).exists() for path in line["files"].values())

    def _here(self, missing: dict[str, Task], stage: str) -> Iterator[tuple[str, Task, Line | IntarsiaError]]:
        for number, (key, task) in enumerate(missing.items()):
            share = number / len(missing)
            self._progress(f"{stage}: {task.method}, {task.pair}", share)

            def inside(_words: str, done: float, task: Task = task, share: float = share) -> None:
                if task.fits:
                    self._progress(f"{stage}: {task.method}, {task.pair}", share + done / len(missing))

            yield key, task, measured(key, task, self._store.folder, self._device, inside)

    def _elsewhere(self, missing: dict[str, Task], stage: str) -> Iterator[tuple[str, Task, Line | IntarsiaError]]:
        idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        with contextlib.ExitStack() as stack:
            for _ in range(min(self._jobs, len(missing))):
                idle.put(stack.enter_context(_Worker(self._store.folder, self._device)))

            def run(key: str, task: Task) -> Line | IntarsiaError:
                worker = idle.get()
                try:
                    return worker.measure(key, task)
                finally:
                    idle.put(worker)

            pool = ThreadPoolExecutor(self._jobs)
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)
            asked: dict[Future[Line | IntarsiaError], tuple[str, Task]] = {
                pool.submit(run, key, task): (key, task) for key, task in missing.items()
            }
            self._progress(stage, 0.0)
            for number, future in enumerate(as_completed(asked)):
                key, task = asked[future]
                self._progress(f"{stage}: {task.method}, {task.pair}", (number + 1) / len(asked))
                yield key, task, future.result()

    def _keep(self, key: str, task: Task, found: Line | IntarsiaError) -> None:
        if isinstance(found, IntarsiaError):
            self._note(task, found)
            return
        self.measured += 1
        when = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
        self._store.add(key, {"date": when, "intarsia": __version__, "task": task.pack(), **found})

    def _note(self, task: Task, error: IntarsiaError) -> None:
        if isinstance(error, InputError | ResourceError):
            named = [path for path in (task.cover.path, task.secret.path) if path and path in str(error)]
            self.broken[named[0] if named else task.pair] = str(error)
        else:
            self.failed[f"{task.method}, {task.pair}"] = str(error)


def measured(key: str, task: Task, folder: Path, device: str, progress: Progress = no_progress) -> Line | IntarsiaError:
    """Return the line of a task, or why it has none."""
    try:
        return trips.measure(task, trips.Room(folder / ITEMS / place(key), progress, device))
    except IntarsiaError as error:
        return error
    except MemoryError:
        return ResourceError(f"{task.method}, {task.pair}: out of memory")
    except Exception as error:  # whatever goes wrong in one method must not cost the others their rows
        return IntarsiaError(f"unexpected {type(error).__name__}: {error}")


# --- other processes -----------------------------------------------------------------------------------------


class _Worker:
    """A process that measures one task after the other; used by one thread at a time."""

    def __init__(self, folder: Path, device: str) -> None:
        self._words = [str(folder), device]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def measure(self, key: str, task: Task) -> Line | IntarsiaError:
        process = self._process = self._process or _started(self._words)
        assert process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps({"key": key, "task": task.pack()}).encode() + b"\n")
            process.stdin.flush()
            said = json.loads(process.stdout.readline())
        except (OSError, ValueError):
            self._end()
            return UsageError("the process that measured it died; look at memory, or use --jobs 1")
        return _ERRORS[said["error"]](said["said"]) if "error" in said else said

    def _end(self) -> None:
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    stream and stream.close()


_ERRORS: dict[str, Callable[[str], IntarsiaError]] = {
    each.__name__: each for each in (InputError, ResourceError, UsageError, WeightsError, IntarsiaError)
}


def _started(words: list[str]) -> subprocess.Popen[bytes]:
    surroundings = {name: value for name, value in os.environ.items() if name != "INTARSIA_PASSWORD"}
    surroundings |= {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    surroundings |= {name: surroundings.get(name, "1") for name in THREADS}
    return subprocess.Popen(  # noqa: S603 (our own program, and no word of it comes from outside)
        [*child.program(__name__), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=surroundings,
    )


def main() -> None:
    """Measure what stdin asks for, one line each, until it ends."""
    folder, device = Path(sys.argv[1]), sys.argv[2]
    for text in sys.stdin.buffer:
        asked = json.loads(text)
        found: Any = measured(asked["key"], Task.unpack(asked["task"]), folder, device)
        if isinstance(found, IntarsiaError):
            known = next((each for each in type(found).__mro__ if each.__name__ in _ERRORS), IntarsiaError)
            found = {"error": known.__name__, "said": str(found)}
        sys.stdout.buffer.write(json.dumps(found).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
