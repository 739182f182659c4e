"""Reading and writing files without surprises.

Inputs are regular files (a pipe or a device would hang); outputs appear whole or not at all: a temporary file
beside the target, fsync, then an atomic rename. What was at the target survives every failure.
"""

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from ..errors import InputError, OutputError, printable

PathLike = str | os.PathLike[str]

_live_temporaries: set[Path] = set()
_live_folders: list[Path] = []


def shown(path: PathLike) -> str:
    """Return a path as one printable line: control and undecodable characters escaped."""
    return printable(os.fsdecode(path))


def read_bytes(path: PathLike) -> bytes:
    """Return the whole content of a regular file.

    Raises:
        InputError: it is missing, unreadable, empty, or not a regular file.
    """
    try:
        with os.fdopen(open_regular(path), "rb") as stream:
            data = stream.read()
    except OSError as error:
        raise InputError(f"{shown(path)}: cannot be read: {_reason(error)}") from error
    if not data:
        raise InputError(f"{shown(path)}: the file is empty")
    return data


def read_head(path: PathLike, count: int) -> bytes:
    """Return the first `count` bytes of a regular file, or all there are; errors are those of `read_bytes`."""
    try:
        with os.fdopen(open_regular(path), "rb") as stream:
            head = stream.read(count)
    except OSError as error:
        raise InputError(f"{shown(path)}: cannot be read: {_reason(error)}") from error
    if not head:
        raise InputError(f"{shown(path)}: the file is empty")
    return head


def open_regular(path: PathLike) -> int:
    """Open a regular file for reading and return its descriptor, which the caller closes.

    Raises:
        InputError: it is missing, unreadable, or not a regular file.
    """
    try:
        # Asked before opening: to open a device may already do something.
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise InputError(f"{shown(path)}: not a regular file; give a file on disk")
        return os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        raise InputError(f"{shown(path)}: cannot be read: {_reason(error)}") from error


class Output:
    """One output file: checked before the work, written beside the target, moved into place at the end.

        with Output(path, force=False) as output:   # fails here if the target cannot be written
            ...                                     # the long work
            output.write(data)                      # temporary file, on disk
            ...                                     # read output.temporary back and check it
            output.commit()                         # the target appears, whole

    Leaving the block without `commit` removes the temporary file.
    """

    def __init__(self, path: PathLike, *, force: bool = False) -> None:
        self._name = shown(path)
        self._force = force
        self.target = Path(path)
        if force and self.target.is_symlink():
            self.target = Path(os.path.realpath(path))
        self.temporary: Path = self.target

    def __enter__(self) -> "Output":
        try:
            self._refuse_existing()
            descriptor, name = tempfile.mkstemp(prefix=".intarsia-", dir=self.target.parent)
            os.close(descriptor)
            self.temporary = Path(name)
            _live_temporaries.add(self.temporary)
            # The file system refuses a target's name that is too long only when asked for that very name.
            with contextlib.suppress(FileNotFoundError):
                self.target.lstat()
        except (OSError, ValueError) as error:
            self.__exit__(None, None, None)
            raise OutputError(f"{self._name}: cannot be written: {_reason(error)}") from error
        return self

    def write(self, data: bytes) -> None:
        """Write the temporary file and flush it to disk."""
        with self.writing() as path, path.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())

    @contextlib.contextmanager
    def writing(self) -> Iterator[Path]:
        """Give the temporary file to somebody who writes it in pieces and flushes it; what fails names the target."""
        try:
            yield self.temporary
        except OSError as error:
            raise OutputError(f"{self._name}: cannot be written: {_reason(error)}") from error

    def commit(self) -> None:
        """Move the temporary file to the target, with the permissions a new file would get."""
        try:
            umask = os.umask(0)
            os.umask(umask)
            self.temporary.chmod(0o666 & ~umask)
            if self._force:
                self.temporary.replace(self.target)
            else:
                self._link_new()
            _sync_directory(self.target.parent)
        except FileExistsError:
            raise OutputError(_exists(self._name)) from None
        except OSError as error:
            raise OutputError(f"{self._name}: cannot be written: {_reason(error)}") from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.temporary != self.target:
            with contextlib.suppress(OSError):
                self.temporary.unlink()
            _live_temporaries.discard(self.temporary)

    def _refuse_existing(self) -> None:
        if not os.path.lexists(self.target):
            return
        if not self._force:
            raise OutputError(_exists(self._name))
        if not stat.S_ISREG(self.target.lstat().st_mode):
            raise OutputError(f"{self._name}: is not a regular file; choose another name")

    def _link_new(self) -> None:
        # A hard link never replaces a file that appeared meanwhile; not every file system has links.
        try:
            os.link(self.temporary, self.target)
        except FileExistsError:
            raise
        except OSError:
            if os.path.lexists(self.target):
                raise FileExistsError from None
            self.temporary.replace(self.target)


def check_target(path: Path, *, force: bool) -> None:
    """Raise `OutputError` when a file cannot appear at `path`."""
    if os.path.lexists(path):
        if not force:
            raise OutputError(_exists(shown(path)))
        if not stat.S_ISREG(path.lstat().st_mode):
            raise OutputError(f"{shown(path)}: is not a regular file; choose another name")


def temporary_beside(folder: Path, suffix: str) -> Path:
    """Make an empty file that goes when the program does; `forget_temporary` ends that."""
    descriptor, name = tempfile.mkstemp(prefix=".intarsia-", suffix=suffix, dir=folder)
    os.close(descriptor)
    _live_temporaries.add(Path(name))
    return Path(name)


def forget_temporary(path: Path) -> None:
    """Remove a temporary file, if it is still there."""
    with contextlib.suppress(OSError):
        path.unlink()
    _live_temporaries.discard(path)


def write_output(path: PathLike, data: bytes, *, force: bool = False) -> None:
    """Write `data` to `path`, whole or not at all."""
    with Output(path, force=force) as output:
        output.write(data)
        output.commit()


@contextlib.contextmanager
def folder_for_outputs(path: PathLike) -> Iterator[Path]:
    """Create a folder, and those above it, and make sure that files can be written in it, before the work.

    If the block fails, the folders that were created are removed again.
    """
    folder = Path(path)
    created: list[Path] = []
    try:
        created = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]
        _live_folders[:0] = created
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=".intarsia-", dir=folder):
            pass
    except (OSError, ValueError) as error:
        _remove_folders(created)
        raise OutputError(f"{shown(path)}: cannot be written into: {_reason(error)}") from error
    try:
        yield folder
    except BaseException:
        _remove_folders(created)
        raise
    for each in created:
        _live_folders.remove(each)


def _remove_folders(created: list[Path]) -> None:
    for each in created:
        with contextlib.suppress(OSError):
            each.rmdir()
        if each in _live_folders:
            _live_folders.remove(each)


def remove_temporaries() -> None:
    """Remove what an interrupted run would leave behind; for signal handlers."""
    for path in list(_live_temporaries):
        with contextlib.suppress(OSError):
            path.unlink()
    _remove_folders(list(_live_folders))


def _exists(name: str) -> str:
    return f"{name}: already exists; choose another name or add --force"


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        hints = {errno.ENOENT: "no such file or folder", errno.ENOSPC: "the disk is full"}
        return hints.get(error.errno, (os.strerror(error.errno) or str(error)).lower())
    return str(error)


def _sync_directory(folder: Path) -> None:
    # Makes the rename itself durable; some file systems cannot open folders, and that loses nothing.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
