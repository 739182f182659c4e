"""Names, links, pipes, locales, missing libraries: what surrounds a command. Rows of the table of bad inputs."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from conftest import QUICK, Cli, without_progress
from intarsia.errors import OutputError
from intarsia.media import Blob, Image, files
from intarsia.pipeline import hide_file, reveal_file
from samples import CHEAP, PASSWORD, noise, packed, photograph, random_bytes, revealed, terms, there_and_back, write

HIDE = ("hide", "cover.png", "secret.bin", "-o", "out.png")
TO = HIDE[:4]
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


# --- 14: the decoder -----------------------------------------------------------------------------------------


def test_row_14_pillow_has_a_floor():
    wanted = tomllib.loads(PYPROJECT.read_text())["project"]["dependencies"]
    (pillow,) = [each for each in wanted if each.lower().startswith("pillow")]
    floor = re.search(r">=\s*([\d.]+)", pillow)
    assert tuple(int(part) for part in floor[1].split(".")) >= (12, 2)


# --- 46: names -----------------------------------------------------------------------------------------------

NAMES = {
    "not utf-8": b"caf\xe9 \xff",
    "newline": b"two\nlines",
    "carriage return and escape": b"red\r\x1b[31m",
    "leading dashes": b"--help",
    "emoji": "🐴 картинка".encode(),
    "right to left": "abc\u202egnp".encode(),
    "255 bytes": b"n" * 251,
}


def printable(text):
    return all(character.isprintable() for character in text)


@pytest.mark.parametrize("kind", NAMES)
def test_row_46_any_name_for_cover_secret_container_and_output(tmp_path, kind):
    stem = os.fsdecode(NAMES[kind])
    cover, secret, out = f"{stem}.png", f"{stem}.bin", f"{stem}.bmp"
    write(tmp_path / cover, noise(96, 96))
    data = write(tmp_path / secret, random_bytes(300)).read_bytes()
    cli = Cli(tmp_path, QUICK)
    hidden = cli.works("hide", "-o", out, "--json", "--", cover, secret)
    record = json.loads(hidden.out)
    assert (record["container"], record["secrets"][0]["name"]) == (out, secret)
    found = cli.works("reveal", "-o", "back/", "--", out)
    assert os.listdir(os.fsencode(tmp_path / "back")) == [os.fsencode(secret)]
    assert (tmp_path / "back" / secret).read_bytes() == data
    assert printable(found.out.decode().removesuffix("\n"))
    assert files.shown(f"back/{secret}") in found.out.decode()


@pytest.mark.parametrize("kind", ["not utf-8", "newline", "right to left"])
def test_row_46_errors_show_names_escaped_on_one_line(cli, cover, secret, kind):
    name = os.fsdecode(NAMES[kind])
    shown = files.shown(name)
    assert printable(shown)
    for code, words in {
        "missing cover": (3, ("hide", f"{name}.png", "secret.bin", "-o", "out.png")),
        "missing secret": (3, ("hide", "cover.png", name, "-o", "out.png")),
        "missing folder": (8, ("hide", "cover.png", "secret.bin", "-o", f"{name}/out.png")),
    }.values():
        line = cli.refuses(code, *words, says=shown)
        assert printable(line)


STRANGE_WORDS = {
    "suffix": (2, ("hide", "cover.png", "secret.bin", "-o", "out.p\nn\x1b[31mg")),
    "setting": (2, (*HIDE, "--set", "no\nne=1")),
    "setting twice": (2, (*HIDE, "--set", "a\nb=1", "--set", "a\nb=1")),
    "value": (2, (*HIDE, "--set", "preset=a\nb")),
    "method": (2, (*HIDE, "--method", "exa\nct")),
    "method address": (2, (*HIDE, "--method", "a\nb:METHOD")),
    "model": (2, (*HIDE, "--model", "a\nb")),
    "option": (2, (*HIDE, "--a\nb")),
    "verb": (2, ("hi\nde",)),
}


@pytest.mark.parametrize("kind", STRANGE_WORDS)
def test_row_46_any_word_is_shown_escaped_on_one_line(cli, cover, secret, kind):
    code, words = STRANGE_WORDS[kind]
    assert printable(cli.refuses(code, *words))


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\..\\evil", "evil\0"])
def test_row_46_a_hidden_name_cannot_leave_its_folder(tmp_path, name):
    there_and_back(Image(noise(96, 96)), Blob(b"text", name), tmp_path / "out.png")
    reveal_file(tmp_path / "out.png", f"{tmp_path}/back/", terms())
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["back", "evil", "out.png"]
    assert (tmp_path / "back" / "evil").read_bytes() == b"text"


@pytest.mark.parametrize("name", [".", "..", "", "/", "x/"])
def test_row_46_a_hidden_name_that_is_none(tmp_path, name):
    there_and_back(Image(noise(96, 96)), Blob(b"text", name), tmp_path / "out.png")
    reveal_file(tmp_path / "out.png", f"{tmp_path}/back/", terms())
    assert [path.name for path in (tmp_path / "back").iterdir()] == ["secret.bin"]


# --- 47: links and devices -----------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["target.png", "missing.png"])
def test_row_47_a_link_is_an_existing_output(quick, cover, secret, target):
    write(quick.folder / "target.png", b"mine")
    (quick.folder / "link.png").symlink_to(target)
    quick.refuses(8, *TO, "link.png", says=("link.png", "already exists", "--force"))


@pytest.mark.parametrize("elsewhere", [False, True])
def test_row_47_force_replaces_the_target_and_keeps_the_link(quick, cover, secret, elsewhere):
    (quick.folder / "other").mkdir()
    target = quick.folder / "other" / "target.png" if elsewhere else quick.folder / "target.png"
    write(target, b"mine")
    (quick.folder / "link.png").symlink_to(target)
    quick.works(*TO, "link.png", "--force")
    assert (quick.folder / "link.png").is_symlink()
    assert revealed(target, cost=CHEAP) == secret.read_bytes()
    assert not list(quick.folder.rglob(".intarsia-*"))


@pytest.mark.parametrize("device", ["/dev/null", "/dev/full"])
@pytest.mark.parametrize("force", [False, True])
def test_row_47_devices_are_refused(tmp_path, device, force):
    (tmp_path / "device.png").symlink_to(device)
    before = os.stat(device).st_rdev
    with pytest.raises(OutputError, match=device):
        reveal_file(Image(noise()), device, terms(force=force))
    with pytest.raises(OutputError, match=r"device\.png"):
        hide_file(Image(noise()), Blob(b"text"), tmp_path / "device.png", terms(force=force))
    assert os.stat(device).st_rdev == before


def test_row_47_a_device_on_the_command_line(quick, cover):
    quick.refuses(8, "reveal", "cover.png", "-o", "/dev/null", says=("/dev/null", "choose another name"))
    quick.refuses(8, "reveal", "cover.png", "-o", "/dev/null", "--force", says=("/dev/null", "not a regular file"))


def test_row_47_a_pipe_or_a_folder_is_no_output(quick, cover, secret):
    os.mkfifo(quick.folder / "pipe.png")
    (quick.folder / "folder.png").mkdir()
    for name in ("pipe.png", "folder.png"):
        quick.refuses(8, *TO, name, "--force", says=(name, "not a regular file"), timeout=5)


# --- 56: libraries that are not there ------------------------------------------------------------------------


def without(*modules):
    missing = "".join(f"sys.modules[{name!r}] = None\n" for name in modules)
    return ("-c", f"import sys\n{missing}from intarsia.cli import main\nmain()")


def test_row_56_the_demo_without_its_photographs_names_the_extra(cli):
    cli.refuses(2, "demo", "shown", password=None, program=without("skimage"), says="[demo]")


def test_row_56_hiding_needs_no_optional_library(cli, cover, secret):
    optional = ("skimage", "scipy", "torch", "av", "trimesh", "tifffile", "sewar")
    cli.works(*HIDE, program=without(*optional))
    cli.works("reveal", "out.png", "-o", "back", program=without(*optional))


# --- 57: pipes -----------------------------------------------------------------------------------------------


def through_a_shell(folder, line, **env):
    """Run a line of shell in which `$I` is the command line; return its output and stderr, progress left out."""
    more = {"INTARSIA_PASSWORD": PASSWORD, "I": f"{sys.executable} -m intarsia"}
    surroundings = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"} | more | env
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env=surroundings, capture_output=True, timeout=60, stdin=subprocess.DEVNULL
    )
    return done.stdout, without_progress(done.stderr)


@pytest.mark.parametrize("words", ["reveal container.png -o -", "info container.png", "--help"])
@pytest.mark.parametrize("env", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
def test_row_57_a_reader_that_leaves_is_met_with_silence(cli, container, words, env):
    out, err = through_a_shell(cli.folder, f"$I {words} | true; echo ${{PIPESTATUS[0]}}", **env)
    assert err == b""
    assert out == b"141\n", "as of any program that SIGPIPE ends; 1 would mean that nothing was verified"


def test_row_57_head_takes_what_it_wants(cli, container):
    out, err = through_a_shell(cli.folder, "$I reveal container.png -o - | head -c1; echo :${PIPESTATUS[0]}")
    assert out[:2] == random_bytes(300)[:1] + b":"
    assert err == b""


@pytest.mark.parametrize(
    "words", ["reveal container.png -o -", "hide cover.png secret.bin -o out.png --json", "--help"]
)
def test_row_57_a_full_standard_output(cli, container, words):
    out, err = through_a_shell(cli.folder, f"$I {words} > /dev/full; echo $?")
    assert out == b"8\n", err
    assert err.count(b"\n") == 1
    assert err.startswith(b"intarsia: error: standard output: ")


def test_row_57_a_full_standard_error_changes_nothing(cli, cover, secret):
    out, _ = through_a_shell(cli.folder, "$I hide cover.png secret.bin -o out.png --no-password --json 2> /dev/full")
    assert json.loads(out)["verified"] is True


@pytest.mark.parametrize("closed", ["2>&-", "<&-"])
def test_row_57_closed_standard_streams(cli, container, closed):
    line = f"$I reveal container.png -o - {closed}; echo $? >&2"
    assert through_a_shell(cli.folder, line) == ((cli.folder / "secret.bin").read_bytes(), b"0\n")
    # A note, which must not end up in the answer.
    line = f"$I hide cover.png secret.bin -o out.png --no-password --json {closed}"
    assert json.loads(through_a_shell(cli.folder, line)[0])["verified"] is True


def test_row_57_a_closed_standard_output(cli, container):
    line = "$I reveal container.png -o back >&-; echo $? >&2"
    assert through_a_shell(cli.folder, line)[1] in (b"0\n", b"8\n")
    assert not list(cli.folder.glob(".intarsia-*"))


def test_row_57_a_secret_through_pipes(cli, cover, secret):
    line = "$I hide cover.png - -o out.png -q < secret.bin && $I reveal out.png -o - -q | cat"
    assert through_a_shell(cli.folder, line) == (secret.read_bytes(), b"")


# --- 58, 59: whatever the surroundings -----------------------------------------------------------------------

SURROUNDINGS = {
    "a time zone": {"TZ": "Pacific/Kiritimati"},
    "locale C": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "another hash seed": {"PYTHONHASHSEED": "12345", "PYTHONOPTIMIZE": "1"},
}


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    """A folder with a cover, a photograph as secret, and the container of seed 7."""
    folder = tmp_path_factory.mktemp("seeded")
    write(folder / "cover.png", noise(80, 80))
    write(folder / "secret.png", packed(photograph(100, 100)))
    Cli(folder).works("hide", "cover.png", "secret.png", "-o", "plain.png", "--seed", "7")
    return folder


@pytest.mark.parametrize("surroundings", SURROUNDINGS)
def test_row_58_the_same_seed_gives_the_same_bytes(seeded, tmp_path, surroundings):
    words = ("hide", "cover.png", "secret.png", "-o", str(tmp_path / "other.png"), "--seed", "7")
    Cli(seeded).works(*words, env=SURROUNDINGS[surroundings])
    assert (tmp_path / "other.png").read_bytes() == (seeded / "plain.png").read_bytes()


@pytest.mark.parametrize("seed", [("--seed", "8"), ()], ids=["another seed", "no seed"])
def test_row_58_another_seed_gives_other_bytes(seeded, tmp_path, seed):
    Cli(seeded).works("hide", "cover.png", "secret.png", "-o", str(tmp_path / "other.png"), *seed)
    assert (tmp_path / "other.png").read_bytes() != (seeded / "plain.png").read_bytes()


def test_row_58_names_are_escaped_where_the_locale_cannot_show_them(cli, cover):
    write(cli.folder / "лошадь.bin", b"text")
    env = SURROUNDINGS["locale C"]
    outcome = cli.works("hide", "cover.png", "лошадь.bin", "-o", "🐴.png", env=env)
    assert outcome.out.startswith(rb"\U0001f434.png: ")
    cli.refuses(3, "hide", "ни.png", "лошадь.bin", "-o", "out.png", env=env, says=r"\u043d\u0438.png")


def test_row_59_no_home_and_no_cache(cli, cover, secret):
    blocked = {"XDG_CACHE_HOME": "/proc/none", "XDG_CONFIG_HOME": "/proc/none", "HOME": "/proc/none"}
    cli.works(*HIDE, env=blocked)
    bare = {"INTARSIA_PASSWORD": PASSWORD}
    done = subprocess.run(
        [sys.executable, "-m", "intarsia", "reveal", "out.png", "-o", "-"],
        cwd=cli.folder,
        env=bare,
        capture_output=True,
        check=True,
    )
    assert (done.stdout, without_progress(done.stderr)) == (secret.read_bytes(), b"")


OFFLINE = (
    "-c",
    "import os, socket\n"
    "socket.socket.connect = socket.getaddrinfo = lambda *given, **named: os._exit(99)\n"
    "from intarsia.cli import main\n"
    "main()",
)


def test_row_59_no_network(cli, cover, secret):
    cli.works(*HIDE, program=OFFLINE)
    cli.works("doctor", program=OFFLINE)
    assert revealed(cli.folder / "out.png") == secret.read_bytes()
