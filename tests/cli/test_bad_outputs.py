"""Outputs that cannot be written, and work that is cut short: rows of the table of bad inputs."""

import contextlib
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image as Pil

from conftest import snapshot
from intarsia.errors import OutputError
from intarsia.media import Blob, Image
from intarsia.pipeline import hide_file, reveal_file
from samples import CHEAP, PASSWORD, noise, random_bytes, revealed, terms, there_and_back, write

HIDE = ("hide", "cover.png", "secret.bin", "-o")
REVEAL = ("reveal", "container.png", "-o")

WITHOUT_KEYS = (
    "-c",
    "import os, intarsia.carrier.keys as keys\n"
    "keys.argon2id = lambda *given, **named: os._exit(99)\n"
    "from intarsia.cli import main\n"
    "main()",
)
"""The command line, except that it ends with 99 as soon as a key is derived."""


@pytest.fixture
def container(tmp_path, cover, secret):
    """container.png, with secret.bin hidden in cover.png, beside both."""
    hide_file(cover, secret, tmp_path / "container.png", terms())
    return tmp_path / "container.png"


# --- 38: too large -------------------------------------------------------------------------------------------


def test_row_38_a_secret_that_does_not_fit_gives_both_numbers(quick, cover):
    room = quick.works("capacity", "cover.png").out.decode().split("up to ")[1].split(" bytes")[0]
    write(quick.folder / "large.bin", random_bytes(5000))
    line = quick.refuses(5, "hide", "cover.png", "large.bin", "-o", "out.png", says="needs 5,001 bytes")
    assert int(room.replace(",", "")) + 1 == int(line.split(" fit")[0].split()[-1].replace(",", ""))
    quick.refuses(5, "capacity", "cover.png", "large.bin", says=("5,001", "fit"))


def test_row_38_a_picture_under_a_quality_that_does_not_fit(quick, cover):
    write(quick.folder / "picture.png", noise(80, 80))
    settings = ("--set", "secret_db=60")
    line = quick.refuses(5, "hide", "cover.png", "picture.png", "-o", "out.png", *settings, says=("60 dB", "needs"))
    assert "use a larger cover" in line


def test_row_38_the_message_names_the_files(quick, cover):
    write(quick.folder / "large.bin", random_bytes(5000))
    quick.refuses(5, "hide", "cover.png", "large.bin", "-o", "out.png", says=("large.bin", "cover.png"))
    quick.refuses(5, "capacity", "cover.png", "large.bin", says=("large.bin", "cover.png"))


# --- 39, 40: the output is there already ---------------------------------------------------------------------


def test_row_39_a_cover_hides_itself(quick, cover):
    quick.works("hide", "cover.png", "cover.png", "-o", "out.png")
    assert reveal_file(quick.folder / "out.png", None, terms()).value.samples.shape == (64, 64, 3)


@pytest.mark.parametrize("name", ["./cover.png", "link.png"])
def test_row_39_a_cover_is_replaced_only_when_forced(quick, cover, secret, name):
    (quick.folder / "link.png").symlink_to("cover.png")
    quick.refuses(8, *HIDE, name, says=(name, "already exists", "--force"))
    quick.works(*HIDE, name, "--force")
    assert revealed(cover, cost=CHEAP) == secret.read_bytes()


def test_row_39_a_forced_run_that_fails_destroys_nothing(quick, cover):
    write(quick.folder / "large.bin", random_bytes(5000))
    quick.refuses(5, "hide", "cover.png", "large.bin", "-o", "cover.png", "--force")
    quick.refuses(4, "reveal", "cover.png", "-o", "cover.png", "--force")


def test_row_40_an_existing_file_stays(quick, container):
    write(quick.folder / "there.png", b"mine")
    quick.refuses(8, *HIDE, "there.png", says=("there.png", "already exists", "--force"))
    quick.refuses(8, *REVEAL, "there.png", says=("there.png", "already exists", "--force"))
    (quick.folder / "folder").mkdir()
    write(quick.folder / "folder" / "secret.bin", b"mine")
    quick.refuses(8, *REVEAL, "folder/", says=("folder/secret.bin", "already exists", "--force"))


def test_row_40_force_replaces_it(quick, container, secret):
    write(quick.folder / "there.png", b"mine")
    quick.works(*REVEAL, "there.png", "--force")
    assert (quick.folder / "there.png").read_bytes() == secret.read_bytes()


def test_row_40_a_new_file_gets_ordinary_permissions(quick, cover, secret):
    quick.works(*HIDE, "out.png")
    umask = os.umask(0o022)
    os.umask(umask)
    assert stat.S_IMODE((quick.folder / "out.png").stat().st_mode) == 0o666 & ~umask


# --- 41: nowhere to write ------------------------------------------------------------------------------------


def read_only_folder(folder):
    """A folder that refuses new files, even to root."""
    locked = folder / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    if not os.access(locked, os.W_OK):
        return str(locked)
    if not Path("/sys/kernel").is_dir():
        pytest.skip("no folder here refuses to be written")
    return "/sys/kernel"


NOWHERE = {
    "a missing folder": lambda folder: "missing/out.png",
    "a file as folder": lambda folder: "secret.bin/out.png",
    "a read-only folder": lambda folder: f"{read_only_folder(folder)}/out.png",
    "a name of 300 bytes": lambda folder: "n" * 296 + ".png",
    "a path of 5000 bytes": lambda folder: "n/" * 2500 + "out.png",
}


@pytest.mark.parametrize("where", NOWHERE)
def test_row_41_found_out_before_the_long_computation(quick, cover, secret, where):
    out = NOWHERE[where](quick.folder)
    quick.refuses(8, *HIDE, out, program=WITHOUT_KEYS, says=f"{out}: ", within=2.0)


def test_row_41_found_out_before_revealing_too(quick, container):
    quick.refuses(8, *REVEAL, "missing/out", program=WITHOUT_KEYS, says="missing/out: cannot be written", within=2.0)


@pytest.mark.parametrize("where", NOWHERE)
def test_row_41_the_library_raises_the_same(tmp_path, where):
    write(tmp_path / "secret.bin", b"in the way")
    out = tmp_path / NOWHERE[where](tmp_path)
    with pytest.raises(OutputError, match=r"cannot be written: .{5}"):
        hide_file(Image(noise()), Blob(b"text"), out, terms())
    with pytest.raises(OutputError, match=r"cannot be written: .{5}"):
        reveal_file(Image(noise()), out, terms())


@pytest.mark.parametrize("where", ["a read-only folder", "a file as folder"])
def test_row_41_a_folder_to_reveal_into_is_tried_first_too(quick, container, where):
    out = NOWHERE[where](quick.folder).removesuffix("out.png")
    quick.refuses(8, *REVEAL, f"{out}new/", program=WITHOUT_KEYS, says=f"{out}new", within=2.0)


def test_row_41_the_trap_for_keys_works(quick, cover, secret):
    assert quick(*HIDE, "out.png", program=WITHOUT_KEYS).code == 99
    assert quick("reveal", "cover.png", "-o", "out", program=WITHOUT_KEYS).code == 99


def test_row_41_a_revealed_folder_appears_only_with_something_in_it(quick, cover):
    quick.refuses(4, "reveal", "cover.png", "-o", "new/folder/")


# --- 42: the disk is full ------------------------------------------------------------------------------------


def small_files_only():
    """Make every file that grows beyond 4,096 bytes fail, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))


@contextlib.contextmanager
def small_files():
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    small_files_only()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_row_42_a_container_that_cannot_be_finished(quick, cover, secret):
    quick.refuses(8, *HIDE, "out.png", preexec_fn=small_files_only, says=("out.png", "cannot be written"))


def test_row_42_the_old_file_survives(quick, container):
    quick.refuses(8, *HIDE, "container.png", "--force", preexec_fn=small_files_only, says="container.png")
    assert revealed(container, cost=CHEAP) == (quick.folder / "secret.bin").read_bytes()


@pytest.mark.parametrize("out", ["back", "new/"])
def test_row_42_a_secret_that_cannot_be_finished(quick, out):
    there_and_back(Image(noise(100, 100)), Blob(bytes(10_000), "zeros"), quick.folder / "container.png")
    with pytest.raises(OutputError, match="cannot be written"), small_files():
        reveal_file(quick.folder / "container.png", f"{quick.folder}/{out}", terms())
    assert [path.name for path in quick.folder.iterdir()] == ["container.png"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 24 KiB, mounted."""
    where = tmp_path / "disk"
    where.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=24k", "tmpfs", str(where)]
    if os.geteuid() or not mount or subprocess.run([mount, *options], capture_output=True).returncode:
        pytest.skip("mounting a small disk is not allowed here")
    yield where
    subprocess.run(["umount", str(where)], check=True)


def test_row_42_a_disk_that_is_really_full(quick, container, small_disk):
    shutil.copy(container, small_disk / "out.png")
    assert shutil.disk_usage(small_disk).free < container.stat().st_size
    quick.refuses(8, *HIDE, "disk/out.png", "--force", says=("disk/out.png", "the disk is full"))
    quick.refuses(8, *HIDE, "disk/new.png", says=("disk/new.png", "the disk is full"))
    assert revealed(small_disk / "out.png", cost=CHEAP) == (quick.folder / "secret.bin").read_bytes()


# --- 43: interrupted -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A folder with work for several seconds: cover.bmp, secret.bin, picture.png."""
    folder = tmp_path_factory.mktemp("busy")
    Pil.fromarray(noise(3000, 3000)).save(folder / "cover.bmp")
    write(folder / "secret.bin", random_bytes(2_000_000))
    Pil.fromarray(noise(900, 900)).save(folder / "picture.png", compress_level=1)
    return folder


def interrupted(folder, number, words, *, after):
    """Run `words`, send a signal `after` seconds behind the appearance of the temporary file."""
    before = snapshot(folder).keys()
    surroundings = os.environ | {"INTARSIA_PASSWORD": PASSWORD}
    running = subprocess.Popen(
        [sys.executable, "-m", "intarsia", *words],
        cwd=folder,
        env=surroundings,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 20
        while not list(folder.glob(".intarsia-*")) and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(after)
        assert running.poll() is None, "it was too quick to be interrupted"
        running.send_signal(number)
        sent = time.monotonic()
        out, err = running.communicate(timeout=20)
    finally:
        running.kill()
    assert snapshot(folder).keys() == before
    return running.returncode, time.monotonic() - sent, out, err.decode()


WORK = {
    "a file": ("hide", "cover.bmp", "secret.bin", "-o", "out.png"),
    "a picture": ("hide", "cover.bmp", "picture.png", "-o", "out.png", "--set", "secret_db=40"),
}


@pytest.mark.parametrize("after", [0.0, 0.8])
@pytest.mark.parametrize("work", WORK)
def test_row_43_ctrl_c(busy, work, after):
    code, seconds, out, err = interrupted(busy, signal.SIGINT, WORK[work], after=after)
    assert (code, out) == (130, b"")
    assert seconds < 2
    assert "Traceback" not in err


def test_row_43_ctrl_c_is_answered(busy):
    err = interrupted(busy, signal.SIGINT, WORK["a file"], after=0.5)[3]
    assert err.endswith("intarsia: interrupted; nothing was left behind\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_row_43_other_ways_to_be_ended(busy, number):
    code, seconds, out, err = interrupted(busy, number, WORK["a file"], after=0.5)
    assert (abs(code) if code < 0 else code - 128, out) == (number, b"")
    assert seconds < 2
    assert "Traceback" not in err


SLEEPY = (
    "-c",
    "import time, intarsia.carrier.keys as keys\n"
    "derive = keys.argon2id\n"
    "def slowly(*given, **named):\n"
    "    print('busy', flush=True)\n"
    "    time.sleep(1)\n"
    "    return derive(*given, **named)\n"
    "keys.argon2id = slowly\n"
    "from intarsia.cli import main\n"
    "main()",
)
"""The command line, a second slower: time to be interrupted, with little to compute."""


def sent_while_busy(folder, words, number, **how):
    """Send a signal while a key is being derived; return the exit code."""
    command, surroundings = [sys.executable, *SLEEPY, *words], os.environ | {"INTARSIA_PASSWORD": PASSWORD}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=folder, env=surroundings, **pipes, **how) as running:
        assert running.stdout.readline() == b"busy\n"
        running.send_signal(number)
        return running.wait(30)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_row_43_an_interrupted_reveal_leaves_no_folder(tmp_path, cover, number):
    before = snapshot(tmp_path)
    code = sent_while_busy(tmp_path, ("reveal", "cover.png", "-o", "new/folder/", "--quiet"), number)
    assert code == 128 + number
    assert snapshot(tmp_path) == before


def test_row_43_a_hangup_is_ignored_under_nohup(tmp_path, cover, secret):
    def nohup():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    assert sent_while_busy(tmp_path, (*HIDE, "out.png", "--quiet"), signal.SIGHUP, preexec_fn=nohup) == 0
    assert (tmp_path / "out.png").exists()


def test_row_43_an_interrupted_replacement_leaves_the_old_file(busy):
    write(busy / "old.png", b"old")
    with contextlib.closing((busy / "old.png").open("rb")) as old:
        words = ("hide", "cover.bmp", "secret.bin", "-o", "old.png", "--force")
        assert interrupted(busy, signal.SIGINT, words, after=0.5)[0] == 130
        assert (busy / "old.png").read_bytes() == old.read() == b"old"
