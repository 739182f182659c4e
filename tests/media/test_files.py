"""Inputs that are not files, and outputs that appear whole or not at all."""

import os
import threading

import pytest

from intarsia.errors import InputError, OutputError
from intarsia.media import files
from intarsia.media.blob import safe_name


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    for path, message in [
        (tmp_path, "regular"),
        (tmp_path / "pipe", "regular"),
        ("/dev/zero", "regular"),
        (tmp_path / "empty", "is empty"),
        (tmp_path / "missing", "no such file"),
        ("nul\0", "cannot be read"),
    ]:
        with pytest.raises(InputError, match=message):
            files.read_bytes(path)


def test_an_output_appears_at_commit_and_not_before(tmp_path):
    target = tmp_path / "out"
    with files.Output(target) as output:
        output.write(b"whole")
        assert not target.exists()
        output.commit()
    assert target.read_bytes() == b"whole"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failure_leaves_nothing_and_keeps_the_old_file(tmp_path):
    target = tmp_path / "out"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError), files.Output(target, force=True) as output:
        output.write(b"new")
        raise RuntimeError
    assert target.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path):
    target = tmp_path / "out"
    with pytest.raises(OutputError, match="already exists"), files.Output(target) as output:
        output.write(b"ours")
        target.write_bytes(b"theirs")
        output.commit()
    assert target.read_bytes() == b"theirs"


def test_of_two_writers_one_wins_and_the_other_is_told(tmp_path):
    target, told = tmp_path / "out", []

    def write(content: bytes) -> None:
        try:
            files.write_output(target, content * 100_000)
        except OutputError as error:
            told.append(str(error))

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1 and len(set(target.read_bytes())) == 1


def test_permissions_are_those_of_a_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_output(tmp_path / "out", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["missing/out", "n" * 300, "nul\0"])
def test_targets_that_cannot_be_written_fail_before_the_work(tmp_path, name):
    with pytest.raises(OutputError), files.Output(f"{tmp_path}/{name}"):
        pytest.fail("the work began")
    assert not list(tmp_path.iterdir())


def test_links_and_devices(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    for name in ("link", "dangling"):
        with pytest.raises(OutputError, match="already exists"), files.Output(tmp_path / name):
            pass
    files.write_output(tmp_path / "link", b"new", force=True)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == b"new"
    with pytest.raises(OutputError, match="regular file"), files.Output("/dev/null", force=True):
        pass
    with pytest.raises(OutputError, match="regular file"), files.Output(tmp_path, force=True):
        pass


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("..\\evil.exe", "evil.exe"),
        ("/", "secret.bin"),
        ("..", "secret.bin"),
        ("", "secret.bin"),
        ("a\0b", "ab"),
        ("-rf", "-rf"),
        ("é\n", "é\n"),
    ],
)
def test_names_stay_inside_their_folder(given, safe):
    assert safe_name(given, "secret.bin") == safe


def test_paths_are_shown_on_one_printable_line():
    assert files.shown("a\nb") == "a\\nb"
    assert files.shown("bild ü 🙂") == "bild ü 🙂"
    assert files.shown(os.fsdecode(b"\xff.png")) == "\\xff.png"
    assert files.shown("\x1b[31m") == "\\x1b[31m"
