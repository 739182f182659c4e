"""A bench: the folder beside a container in which one secret is fitted, so that a fit can go on after Ctrl-C.

    picture.png.fit/    bench.json   a random number: the same salt, so the same key, when the command is given again
                        config.json, trainer/, metrics.jsonl: a run folder, `engine.run`

It is made by the first command and removed when the container appears. What lies in it is as secret as the container:
unreadable without the password, but half a container all the same. No torch here.
"""

import contextlib
import json
import secrets
import shutil
from pathlib import Path

from ..errors import InputError, OutputError
from ..media import files
from ..media.files import PathLike

_NAME = "bench.json"
_FORMAT = "intarsia/bench/1"


def of(container: PathLike) -> Path:
    """Return where the bench of a container stands, or would."""
    path = Path(container)
    return path.with_name(path.name + ".fit")


def number(bench: Path) -> str:
    """Return the bench's random number in hex; made, with the folder, if there is none.

    Raises:
        InputError: something else stands there.
        OutputError: it cannot be written.
    """
    path = bench / _NAME
    with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        found = json.loads(path.read_bytes())
        if found["format"] == _FORMAT:
            return str(found["number"])
    if bench.exists() and (not bench.is_dir() or any(bench.iterdir())):
        raise InputError(f"{files.shown(bench)}: is in the way, and no bench of ours; move it")
    drawn = secrets.token_hex(32)
    try:
        bench.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{files.shown(bench)}: cannot be made: {(error.strerror or str(error)).lower()}") from error
    files.write_output(path, json.dumps({"format": _FORMAT, "number": drawn}).encode(), force=True)
    return drawn


def clear(bench: Path) -> None:
    """Remove a bench; what is no bench of ours stays."""
    if (bench / _NAME).exists():
        shutil.rmtree(bench, ignore_errors=True)
