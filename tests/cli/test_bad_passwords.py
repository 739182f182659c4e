"""Passwords, given in every way and in every wrong way: row 32 of the table of bad inputs."""

import fcntl
import os
import pty
import subprocess
import sys
import termios

import pytest

from intarsia import hide, reveal
from intarsia.carrier.keys import MAX_PASSWORD_BYTES, Cost, Keyring
from intarsia.errors import NoSecretError, UsageError
from intarsia.media import Blob, Image
from intarsia.pipeline import Terms, reveal_file
from samples import PASSWORD, noise, revealed, there_and_back, write

ONE_TEXT = "no secret found, or wrong password, or the file was changed after hiding"
HIDE = ("hide", "cover.png", "secret.bin", "-o", "out.png")
REVEAL = ("reveal", "container.png", "-o", "back")
OPTIONS = ("--password-file", "INTARSIA_PASSWORD", "--ask-password", "--no-password")


# --- wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("password", ["another one", PASSWORD + " ", PASSWORD.upper()])
def test_row_32_a_wrong_password(cli, container, password):
    cli.refuses(4, *REVEAL, password=password, says=ONE_TEXT)


def test_row_32_the_public_key_is_a_wrong_password_too(cli, container):
    cli.refuses(4, *REVEAL, "--no-password", password=None, says=ONE_TEXT)
    cli.refuses(4, "info", "container.png", "--no-password", password=None, says=ONE_TEXT)


def test_row_32_one_bit_of_difference_is_enough(tmp_path):
    there_and_back(Image(noise()), Blob(b"text"), tmp_path / "out.png")
    letters = PASSWORD.encode()
    for number in range(8 * len(letters)):
        wrong = bytearray(letters)
        wrong[number // 8] ^= 1 << number % 8
        keyring = Keyring(wrong.decode("utf-8", "surrogateescape"), Cost(1, 8, 1))
        with pytest.raises(NoSecretError):
            reveal_file(tmp_path / "out.png", None, Terms(keyring))


# --- empty, long, strange ------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["hide", "reveal", "info"])
def test_row_32_an_empty_password_in_the_environment(cli, container, verb):
    words = {"hide": HIDE, "reveal": REVEAL, "info": ("info", "container.png")}[verb]
    cli.refuses(2, *words, password="", says=("password is empty", "--no-password"))


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n", b"\nsecond line\n"])
def test_row_32_an_empty_password_file(cli, cover, secret, content):
    write(cli.folder / "password", content)
    cli.refuses(2, *HIDE, "--password-file", "password", password=None, says=("password is empty", "--no-password"))


def test_row_32_a_password_of_a_megabyte(cli, cover, secret):
    write(cli.folder / "password", b"x" * 1_000_000)
    cli.refuses(3, *HIDE, "--password-file", "password", password=None, says=("password", "larger than"))


def test_row_32_the_longest_password_and_one_byte_more(cli, cover, secret):
    longest = "é" * (MAX_PASSWORD_BYTES // 2)
    cli.works(*HIDE, password=longest)
    assert revealed(cli.folder / "out.png", longest) == secret.read_bytes()
    cli.refuses(2, *HIDE, "--force", password=longest + "x", says=("1025 bytes", "1024"))


def test_row_32_composed_and_decomposed_letters_are_equal(cli, cover, secret):
    cli.works(*HIDE, password="caf\u00e9 \u1ea1\u0302")
    assert revealed(cli.folder / "out.png", "cafe\u0301 \u1ead") == secret.read_bytes()
    with pytest.raises(NoSecretError):
        revealed(cli.folder / "out.png", "cafe \u1ead")


@pytest.mark.parametrize("password", [b"\xff\xfe not utf-8", "пароль 🔑".encode(), b" \t spaces matter "])
def test_row_32_any_bytes_are_a_password(cli, cover, secret, password):
    cli.works(*HIDE, password=os.fsdecode(password))
    write(cli.folder / "password", password + b"\nsecond line\n")
    cli.works("reveal", "out.png", "-o", "back", "--password-file", "password", password=None)
    assert (cli.folder / "back").read_bytes() == secret.read_bytes()


@pytest.mark.parametrize("password", ["", "x" * 1025])
def test_row_32_the_library_refuses_them_too(password):
    with pytest.raises(UsageError, match="password"):
        hide(Image(noise()), Blob(b"text"), "never.png", password=password)
    with pytest.raises(UsageError, match="password"):
        reveal(Image(noise()), password=password)


# --- the four ways -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [HIDE, REVEAL], ids=["hide", "reveal"])
def test_none_of_the_four_ways_off_a_terminal(cli, container, words):
    cli.refuses(2, *words, password=None, says=OPTIONS)


def test_standard_input_may_be_closed(cli, container):
    cli.refuses(2, *HIDE, password=None, stdin=None, preexec_fn=lambda: os.close(0), says=OPTIONS)


def test_no_password_is_the_public_key_and_says_so_once(cli, cover, secret):
    outcome = cli.works(*HIDE, "--no-password", password=None)
    assert [note for note in outcome.notes if "anyone" in note] == outcome.notes
    assert revealed(cli.folder / "out.png", "open") == secret.read_bytes()


def test_a_password_file_that_ends_in_a_windows_line(cli, container, secret):
    write(cli.folder / "password", PASSWORD.encode() + b"\r\n")
    cli.works(*REVEAL, "--password-file", "password", password=None)
    assert (cli.folder / "back").read_bytes() == secret.read_bytes()


def test_a_password_file_wins_over_the_environment(cli, container):
    write(cli.folder / "password", PASSWORD.encode())
    cli.works(*REVEAL, "--password-file", "password", password="another one")


def test_a_password_may_come_through_a_pipe(cli, container, secret):
    cli.works(*REVEAL, "--password-file", "/dev/stdin", password=None, stdin=PASSWORD.encode() + b"\n")
    assert (cli.folder / "back").read_bytes() == secret.read_bytes()


@pytest.mark.parametrize("name", ["missing", ".", "two\nlines"])
def test_a_password_file_that_cannot_be_read(cli, container, name):
    shown = name.replace("\n", "\\n")
    cli.refuses(3, *REVEAL, "--password-file", name, password=None, says=(shown, "password file", "cannot be read"))


@pytest.mark.parametrize(
    "two",
    [
        ("--no-password", "--ask-password"),
        ("--no-password", "--password-file", "x"),
        ("--ask-password", "--password-file", "x"),
    ],
    ids=" ".join,
)
def test_two_ways_at_once(cli, container, two):
    cli.refuses(2, *REVEAL, *two, password=None, says="only one of --password-file, --ask-password, --no-password")


def test_asking_without_a_terminal(cli, container):
    cli.refuses(2, *REVEAL, "--ask-password", password=None, says="terminal", timeout=20)
    cli.refuses(2, *REVEAL, "--ask-password", password=None, says="terminal", stdin=b"piped in\n", timeout=20)


def on_a_terminal(folder, words, answers):
    """Run the command line on a terminal of its own, type the answers, and return its code and what it showed."""
    ours, theirs = pty.openpty()

    def take_the_terminal():
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    surroundings = {key: value for key, value in os.environ.items() if key != "INTARSIA_PASSWORD"}
    running = subprocess.Popen(
        [sys.executable, "-m", "intarsia", *words],
        cwd=folder,
        env=surroundings,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=take_the_terminal,
    )
    os.close(theirs)
    shown = b""
    try:
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other end is closed
                return running.wait(30), shown.decode()
            if answers and shown.rsplit(b"\n", 1)[-1].strip() in (b"Password:", b"Again:"):
                os.write(ours, answers.pop(0).encode() + b"\n")
                shown += b"\n"
    finally:
        running.kill()
        os.close(ours)


@pytest.mark.parametrize("how", [(), ("--ask-password",)])
def test_a_terminal_is_asked(cli, cover, secret, how):
    code, shown = on_a_terminal(cli.folder, (*HIDE, *how), [PASSWORD, PASSWORD])
    assert code == 0, shown
    assert PASSWORD not in shown, "it must not be seen on the screen"
    assert revealed(cli.folder / "out.png") == secret.read_bytes()


def test_a_terminal_is_asked_once_for_revealing(cli, container, secret):
    code, shown = on_a_terminal(cli.folder, REVEAL, [PASSWORD])
    assert (code, "Again" in shown) == (0, False), shown
    assert (cli.folder / "back").read_bytes() == secret.read_bytes()


@pytest.mark.parametrize(("answers", "says"), [([PASSWORD, "other"], "differ"), (["", ""], "password is empty")])
def test_what_is_typed_must_be_the_same_twice_and_not_empty(cli, cover, secret, answers, says):
    code, shown = on_a_terminal(cli.folder, HIDE, answers)
    assert code == 2, shown
    assert says in shown
    assert not (cli.folder / "out.png").exists()


def test_ctrl_c_at_the_question(cli, cover, secret):
    code, shown = on_a_terminal(cli.folder, HIDE, ["\x03"])
    assert code == 130, shown
    assert "Traceback" not in shown
