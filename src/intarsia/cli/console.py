"""What a person or a script sees: progress, notes, one-line errors, exit codes."""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn, TypeVar

import typer

from ..errors import IntarsiaError, OutputError, out_of_memory, printable

INTERRUPTED = 130
BROKEN_PIPE = 141
_INTERRUPTED = "interrupted; nothing was left behind"
PATIENCE = 1.0
"""Seconds of work before progress is shown."""

# The parser's own "wrong command line" error, whose home differs between releases of typer.
_CommandLineError = typer.BadParameter.__mro__[1]

_R = TypeVar("_R")


@contextlib.contextmanager
def guard(*, debug: bool) -> Iterator[None]:
    """Turn whatever the block raises into one line on stderr and the right exit code."""
    _open_closed_streams()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Somebody who ignores a signal on purpose, as nohup does, keeps ignoring it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _terminate)
    if not debug:
        _silence_libraries()
    try:
        yield
        sys.stdout.flush()
        _leave(0)
    except BaseException as error:
        if debug and not isinstance(error, SystemExit | typer.Exit):
            import traceback

            traceback.print_exc()
        _fail(error)


def _silence_libraries() -> None:
    """Keep stderr for our own lines: C libraries print to file descriptor 2 whatever they dislike in a file."""
    with contextlib.suppress(OSError, ValueError):
        ours = os.fdopen(os.dup(sys.stderr.fileno()), "w", errors="backslashreplace", buffering=1)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stderr.fileno())
        sys.stderr = ours


def _fail(error: BaseException) -> NoReturn:
    if isinstance(error, typer.Exit):
        _leave(error.exit_code)
    if isinstance(error, SystemExit):
        # The parser turns a closed pipe into a plain 1, which none of our own commands raises this way.
        code = error.code if isinstance(error.code, int) else 0
        if code == INTERRUPTED:
            say(_INTERRUPTED)
        _leave(BROKEN_PIPE if code == 1 else code)
    if isinstance(error, BrokenPipeError):
        _leave(BROKEN_PIPE)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        say(_INTERRUPTED)
        _leave(INTERRUPTED)
    if isinstance(error, _CommandLineError):
        context = getattr(error, "ctx", None)
        where = f" (see: {context.command_path} --help)" if context else ""
        message = error.format_message() or "a command is expected"  # type: ignore[attr-defined]
        say(f"error: {message}{where}")
        _leave(2)
    if isinstance(error, MemoryError) or _cannot_be_mapped(error):
        error = out_of_memory()
    if isinstance(error, OSError):
        error = OutputError(f"{error.filename or 'standard output'}: {(error.strerror or str(error)).lower()}")
    if isinstance(error, IntarsiaError):
        say(f"error: {error}")
        for hint in getattr(error, "__notes__", ()):
            say(f"note: {hint}")
        _leave(error.exit_code)
    say(f"error: unexpected {type(error).__name__}: {error}; --debug shows where")
    _leave(1)


def _cannot_be_mapped(error: BaseException) -> bool:
    """Whether a library did not fit into memory."""
    return isinstance(error, ImportError) and ("map segment" in str(error) or "allocate memory" in str(error))


def interrupted(line: str) -> NoReturn:
    """Say what became of the work, and exit at once."""
    say(line)
    _leave(INTERRUPTED)


def _leave(code: int) -> NoReturn:
    """Exit at once: a worker thread deep inside a codec must not delay Ctrl-C."""
    from ..media import files

    files.remove_temporaries()
    if (child := sys.modules.get("intarsia.media.child")) is not None:
        child.end_all()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)


def _terminate(number: int, _frame: FrameType | None) -> None:
    _leave(128 + number)


def _open_closed_streams() -> None:
    """Give a standard stream that was closed to nobody, or the next file opened would take its place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode = os.O_RDONLY if number == 0 else os.O_WRONLY
            descriptor = os.open(os.devnull, mode)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115


def say(line: str) -> None:
    """Write one line to stderr; a closed stderr is nobody's problem."""
    with contextlib.suppress(OSError, ValueError):
        wipe = "\r\x1b[K" if sys.stderr.isatty() else ""  # a bar may stand there
        print(f"{wipe}intarsia: {printable(line)}", file=sys.stderr, flush=True)  # noqa: T201


def show(text: str) -> None:
    """Write one line to stdout; characters the terminal cannot show are escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def show_json(record: dict[str, Any]) -> None:
    """Write one JSON line to stdout."""
    show(json.dumps(record, ensure_ascii=True))


def notes(lines: tuple[str, ...], *, quiet: bool) -> None:
    """Write notes to stderr, one a line."""
    if not quiet:
        for line in lines:
            say(f"note: {line}")


def run(work: Callable[[], _R]) -> _R:
    """Run `work` in a thread of its own, so that Ctrl-C is answered even while a codec is busy."""
    result: list[_R] = []
    failure: list[BaseException] = []

    def target() -> None:
        try:
            result.append(work())
        except BaseException as error:
            failure.append(error)

    worker = threading.Thread(target=target, daemon=True)
    worker.start()
    while worker.is_alive():
        worker.join(0.2)
    if failure:
        raise failure[0]
    return result[0]


class Meter:
    """Progress on stderr: a bar with the time left on a terminal, JSON lines elsewhere, nothing for short work."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._started = time.monotonic()
        self._stage, self._since, self._last = "", self._started, 0.0
        self._from = 0.0

    def __call__(self, stage: str, share: float) -> None:
        """Report that `share` (0..1) of `stage` is done; "stage: words" says how well it goes."""
        now = time.monotonic()
        stage, _, words = stage.partition(": ")
        if stage != self._stage:
            self._stage, self._since, self._from = stage, now, share
        elif now - self._last < 0.25 and share < 1:
            return
        if self._quiet or now - self._started < PATIENCE:
            return
        self._last = now
        made = share - self._from  # a fit that goes on does not begin at zero
        eta = (now - self._since) * (1 - share) / made if made > 0.01 else None
        with contextlib.suppress(OSError, ValueError):
            self._draw(share, eta, now - self._started, words)

    def done(self) -> None:
        """Wipe the bar."""
        if self._last and sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _draw(self, share: float, eta: float | None, elapsed: float, words: str) -> None:
        if sys.stderr.isatty():
            filled = round(30 * share)
            left = "" if eta is None else f" {eta:5.1f} s left"
            sys.stderr.write(f"\r\x1b[K{self._stage:<20} {'█' * filled}{'·' * (30 - filled)} {share:4.0%}{left}")
            sys.stderr.write(f" {words}" if words else "")
        else:
            record = {"stage": self._stage, "done": round(share, 3), "seconds": round(elapsed, 2)}
            if words:
                record["so_far"] = words
            if eta is not None:
                record["eta"] = round(eta, 2)
            sys.stderr.write(json.dumps(record) + "\n")
        sys.stderr.flush()
