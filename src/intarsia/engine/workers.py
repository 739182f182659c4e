"""Many files to arrays, by as many processes as there are processors.

    this process                       one of the others
    path, kind, setting ── stdin ────► decoding.decode
    array, or why none ◄── stdout ──── one line of JSON, then raw samples

A decoder that crashes takes one file with it and nothing else: its process is started anew. Results come in the order
of the tasks, and no more of them are waiting than there are processes times a few. A few tasks are done right here.
"""

import contextlib
import json
import os
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from types import TracebackType
from typing import IO, Any

import numpy as np

from ..errors import UsageError
from ..media import child
from .decoding import Result, Task, decode

FEW = 16
"""Tasks that are not worth starting processes for."""

_AHEAD = 8  # results waiting, for each process


def decode_all(
    tasks: Iterable[Task], *, jobs: int | None = None, count: int | None = None
) -> Generator[Result, None, None]:
    """Read many files; results come in the order of the tasks.

    Args:
        tasks: the files.
        jobs: processes; None is one for each processor that this process may use.
        count: how many tasks there are, if that is known: up to `FEW` are done in this process.
    """
    jobs = jobs or processors()
    if count is not None and count <= FEW:
        yield from map(decode, tasks)
        return
    with contextlib.ExitStack() as stack:
        idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for _ in range(jobs):
            idle.put(stack.enter_context(_Worker()))
        pool = ThreadPoolExecutor(jobs)
        # Left at once when something fails: the workers end with the stack, and so do the threads that wait for them.
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        yield from _in_order(tasks, pool, idle, jobs * _AHEAD)


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_order(
    tasks: Iterable[Task], pool: ThreadPoolExecutor, idle: "queue.SimpleQueue[_Worker]", most: int
) -> Iterator[Result]:
    def run(task: Task) -> Result:
        worker = idle.get()
        try:
            return worker.decode(task)
        finally:
            idle.put(worker)

    waiting: deque[Future[Result]] = deque()
    for task in tasks:
        waiting.append(pool.submit(run, task))
        if len(waiting) >= most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


class _Worker:
    """A process that decodes one file after the other; used by one thread at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._end()

    def decode(self, task: Task) -> Result:
        """Have one file decoded, as `decode` does."""
        process = self._process = self._process or _started()
        assert process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps(asdict(task)).encode() + b"\n")
            process.stdin.flush()
            return _received(process.stdout)
        except (OSError, ValueError, EOFError):
            self._end()
            return Result(None, error="the decoder crashed; get an undamaged copy")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    stream and stream.close()


def _started() -> subprocess.Popen[bytes]:
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("INTARSIA")}
    surroundings |= {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(  # noqa: S603 (our own program, and no word of it comes from outside)
        child.program(__name__),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=surroundings,
    )


def _received(stream: IO[bytes]) -> Result:
    line = stream.readline()
    if not line:
        raise EOFError
    said = json.loads(line)
    if said["fatal"]:
        raise UsageError(said["error"])
    if said["shape"] is None:
        return Result(None, error=said["error"])
    array = np.empty(said["shape"], said["type"])
    view, done = array.reshape(-1).view(np.uint8).data, 0
    while done < len(view):
        count = stream.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        done += count
    return Result(array, said["digest"])


def main() -> None:
    """Decode what stdin asks for, one line each, until it ends."""
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        said: dict[str, Any] = {"fatal": False, "shape": None, "type": "", "digest": "", "error": ""}
        array = None
        try:
            result = decode(Task(**json.loads(line)), expendable=True)
            array, said["digest"], said["error"] = result.array, result.digest, result.error
        except UsageError as error:
            said |= {"fatal": True, "error": str(error)}
        if array is not None:
            said |= {"shape": array.shape, "type": array.dtype.str}
        out.write(json.dumps(said).encode() + b"\n")
        if array is not None:
            out.write(array.reshape(-1).view(np.uint8).data)
        out.flush()


if __name__ == "__main__":
    main()
