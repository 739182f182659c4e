"""A decoder in a process of its own: limits on both sides, and a temporary file without a name between them.

    this process                       the other one
    the open file ────── stdin ──────► decoder
    temporary file ◄──── stdout ────── `HEADER` bytes of JSON, then raw data
    time limit                         processor and memory limit, and what the decoder counts itself

A file may be made to crash a decoder, to keep it busy for ever, or to let it print: none of that gets here. The
temporary file goes with the last reference to what was decoded (where the system allows that).
"""

import contextlib
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..errors import InputError, ResourceError
from .wav import Disk, Source

HEADER = 512
"""Bytes of JSON, padded with spaces, before the data."""


# --- in this process ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """One file to be decoded.

    Attributes:
        shown_as: how messages name the file.
        what: what the file is, such as "sound file".
        instead: what to do about a file that cannot be decoded, such as "convert it to WAV".
        seconds: time allowed in any case.
        progress: bytes of data that earn another second: silence is long in few bytes.
        most: bytes of data that may come at most.
    """

    shown_as: str
    what: str
    instead: str
    seconds: float
    progress: int
    most: int

    def damaged(self, how: str) -> InputError:
        """Return the error for a decoder that came to a bad end."""
        return InputError(f"{self.shown_as}: damaged {self.what} (the decoder {how}); get an undamaged copy")

    def no_room(self, detail: str) -> ResourceError:
        """Return the error for a disk, or a system, that has no room."""
        return ResourceError(
            f"{self.shown_as}: cannot be decoded here: {detail}; set TMPDIR to a folder with room, or {self.instead}"
        )


def program(module: str) -> list[str]:
    """Return the command that runs a module's `main`, with nothing imported from the folder it is run in."""
    return [sys.executable, "-P", "-W", "ignore", "-m", module]


def run(command: list[str], source: Source, task: Task) -> tuple[dict[str, Any], Disk]:
    """Run a decoder and wait for it.

    Args:
        command: the program; the seconds of processor time that it may take are added as its last argument.
        source: the file, its standard input.
        task: what it is about.

    Returns:
        What the header says, and the temporary file: `HEADER` bytes, then the data.

    Raises:
        InputError: no end of it in time, a crash, or no header.
        ResourceError: no room for temporary files.
    """
    try:
        with _input(source) as stdin, tempfile.TemporaryFile() as stdout:
            stdout.write(bytes(HEADER))
            stdout.flush()
            _run(command, stdin, stdout, task)
            decoded = Disk(os.dup(stdout.fileno()), task.shown_as)
    except OSError as error:
        raise task.no_room(error.strerror or str(error)) from error
    try:
        found: dict[str, Any] = json.loads(decoded.at(0, min(HEADER, decoded.size)))
    except ValueError:
        raise task.damaged("failed") from None
    if not isinstance(found, dict):
        raise task.damaged("failed")
    return found, decoded


def _run(command: list[str], stdin: int, stdout: IO[bytes], task: Task) -> None:
    # The other process finds the packages this one has, wherever they came from.
    path = os.pathsep.join(entry for entry in sys.path if entry)
    # Our own settings, a password among them, are no business of a decoder.
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("INTARSIA")}
    surroundings |= {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    longest = task.seconds + task.most / task.progress
    process = subprocess.Popen(  # noqa: S603 (our own program, and no word of it comes from outside)
        [*command, str(math.ceil(longest))],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        env=surroundings,
    )
    _running.add(process)
    try:
        code = _wait(process, stdout, task)
    except subprocess.TimeoutExpired:
        raise InputError(
            f"{task.shown_as}: not decoded within {task.seconds:.0f} seconds; get an undamaged copy, or {task.instead}"
        ) from None
    finally:
        # Also after an interrupt, when `subprocess.run` would not wait.
        process.kill()
        process.wait()
        _running.discard(process)
    if code:
        raise task.damaged("crashed")


_running: set[subprocess.Popen[bytes]] = set()


def end_all() -> None:
    """End the decoders that still run, when this process leaves without unwinding; for signal handlers."""
    for process in list(_running):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait(1)


def _wait(process: subprocess.Popen[bytes], stdout: IO[bytes], task: Task) -> int:
    """Return the exit code, or raise `TimeoutExpired`; what comes out earns more time."""
    begun = time.monotonic()
    while True:
        allowed = task.seconds + os.fstat(stdout.fileno()).st_size / task.progress
        left = begun + allowed - time.monotonic()
        try:
            return process.wait(max(left, 0))
        except subprocess.TimeoutExpired:
            if left <= 0:
                raise


@contextlib.contextmanager
def _input(source: Source) -> Iterator[int]:
    """Give the source as an open file."""
    if isinstance(source, Disk):
        yield source.descriptor
        return
    with tempfile.TemporaryFile() as stream:
        stream.write(source.at(0, source.size))
        stream.flush()
        yield stream.fileno()


# --- in the other process -------------------------------------------------------------------------------------


class RefusedError(Exception):
    """What the other process has to say: a kind ("damaged", "unsupported", "large", ...) and a detail."""


def serve(
    load: Callable[[], object], work: Callable[[io.FileIO], dict[str, Any]], *, seconds: int, memory: int
) -> None:
    """Be the other process: decode descriptor 0 to descriptor 1, header included.

    Args:
        load: imports the libraries, before memory is limited.
        work: writes the data to the file it is given and returns what the header shall say.
        seconds: of processor time allowed.
        memory: bytes that the work may take.
    """
    target = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):  # decoders print
        os.dup2(nowhere, descriptor)
    found: dict[str, Any]
    try:
        os.lseek(0, 0, os.SEEK_SET)
        load()
        _limit(seconds, memory)
        found = work(target)
    except RefusedError as refused:
        found = {"error": refused.args[0], "detail": refused.args[1]}
    except Exception as error:  # whatever a damaged file does to the library
        found = _failure(error)
    target.seek(0)
    target.write(json.dumps(found).encode().ljust(HEADER))


def _failure(error: Exception) -> dict[str, Any]:
    # Only what the system says is about room; libraries derive errors of their own from OSError.
    if type(error).__module__ == "builtins" and isinstance(error, OSError):
        return {"error": "room", "detail": error.strerror or str(error)}
    said = getattr(error, "error_string", None) or getattr(error, "strerror", None) or error
    words = " ".join(str(said).split()).removeprefix("Error : ").rstrip(".")
    return {"error": "damaged", "detail": ascii(words)[1:-1][:200] or type(error).__name__}


def _limit(seconds: int, memory: int) -> None:
    """Bound what this process may take, in case nobody is left to end it; not every system can."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds + 1, seconds + 1))
        # What libraries have reserved by now differs from machine to machine, and is not the file's doing.
        reserved = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (reserved + memory, reserved + memory))


def write(target: io.FileIO, data: bytes | memoryview) -> None:
    """Write all of it."""
    rest = memoryview(data)
    while rest:
        rest = rest[target.write(rest) :]
