"""What several tests share: the command line as a person or a script runs it."""

import os
import resource
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import intarsia
import samples
from samples import PASSWORD

QUICK = (
    "-c",
    "from intarsia.carrier import keys\n"
    "for name, value in {'passes': 1, 'memory_kib': 8, 'lanes': 1}.items():\n"
    "    object.__setattr__(keys.V1, name, value)\n"
    "from intarsia.cli import main\n"
    "main()",
)
"""The command line with the cheap keys of `samples.terms`: what it says and writes does not depend on them."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So a shell starts what runs in its background, and every process a test starts would be deaf to Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

PREFIXES = ("intarsia: error: ", "intarsia: note: ", '{"stage": ')


@dataclass(frozen=True)
class Outcome:
    """What one command gave back."""

    code: int
    out: bytes
    err: str
    seconds: float  # of processor time, so that a busy machine changes nothing

    @property
    def notes(self):
        return [line for line in self.err.splitlines() if line.startswith("intarsia: note: ")]

    @property
    def errors(self):
        return [line for line in self.err.splitlines() if line.startswith("intarsia: error: ")]


def without_progress(err):
    """Return what was said on stderr but for the lines of stages, which come when a machine is slow."""
    return b"".join(line for line in err.splitlines(keepends=True) if not line.startswith(b'{"stage": '))


class Cli:
    """`intarsia ...`, run in a folder of its own."""

    def __init__(self, folder, program=("-m", "intarsia")):
        self.folder = folder
        self.program = program

    def __call__(self, *words, password=PASSWORD, env=(), stdin=b"", program=None, timeout=60, **how):
        """Run it. `password` goes into the environment; None gives none. `stdin` is what is piped in."""
        surroundings = {key: value for key, value in os.environ.items() if key != "INTARSIA_PASSWORD"}
        surroundings |= {} if password is None else {"INTARSIA_PASSWORD": password}
        surroundings |= dict(env)
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "input": stdin, "env": surroundings} | how
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        # A session of its own: no terminal to ask a password on.
        done = subprocess.run(
            [sys.executable, *(program or self.program), *words],
            cwd=self.folder,
            timeout=timeout,
            start_new_session=True,
            **how,
        )
        err = (done.stderr or b"").decode(errors="backslashreplace")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Outcome(done.returncode, done.stdout or b"", err, seconds)

    def works(self, *words, **how):
        """Run it, expect success and nothing on stderr but notes and progress."""
        outcome = self(*words, **how)
        assert outcome.code == 0, outcome
        assert all(line.startswith(PREFIXES[1:]) for line in outcome.err.splitlines()), outcome
        return outcome

    def refuses(self, code, *words, says=(), within=60.0, **how):
        """Run it, expect this exit code, one line that says why, and a folder left as it was; return that line."""
        before = snapshot(self.folder)
        outcome = self(*words, **how)
        assert outcome.code == code, outcome
        assert len(outcome.errors) == 1, outcome
        assert all(line.startswith(PREFIXES) for line in outcome.err.splitlines()), outcome
        assert outcome.out == b"", outcome
        for fragment in [says] if isinstance(says, str) else says:
            assert fragment in outcome.errors[0]
        assert outcome.seconds < within
        assert snapshot(self.folder) == before
        return outcome.errors[0]


def snapshot(folder):
    """Everything below a folder: kind and content by path."""
    found = {}
    for path in Path(folder).rglob("*"):
        if path.is_symlink():
            found[str(path)] = os.readlink(path)
        else:
            found[str(path)] = path.read_bytes() if path.is_file() else path.stat().st_mode
    return found


@pytest.fixture
def cli(tmp_path):
    return Cli(tmp_path)


@pytest.fixture
def quick(tmp_path):
    return Cli(tmp_path, QUICK)


@pytest.fixture
def cover(tmp_path):
    """cover.png: 64 x 64 RGB noise, room for about 2,300 bytes."""
    return samples.write(tmp_path / "cover.png", samples.noise())


@pytest.fixture
def secret(tmp_path):
    """secret.bin: 300 bytes that do not shrink."""
    return samples.write(tmp_path / "secret.bin", samples.random_bytes(300))


@pytest.fixture(scope="session")
def container_bytes(tmp_path_factory):
    """cover.png with secret.bin in it, as bytes; its keys have their true cost."""
    folder = tmp_path_factory.mktemp("container")
    secret = samples.write(folder / "secret.bin", samples.random_bytes(300))
    intarsia.hide(samples.write(folder / "cover.png", samples.noise()), secret, folder / "out.png", password=PASSWORD)
    return (folder / "out.png").read_bytes()


@pytest.fixture
def container(tmp_path, cover, secret, container_bytes):
    """container.png, with secret.bin hidden in cover.png, beside both."""
    return samples.write(tmp_path / "container.png", container_bytes)
