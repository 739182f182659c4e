"""One secret over several covers: any K of them, and never fewer."""

import itertools

import pytest

from intarsia.errors import DoesNotFitError, InputError, NoSecretError, UsageError
from intarsia.media import Audio, Blob, Image
from intarsia.media.blob import Piece
from intarsia.pipeline import reveal_file
from intarsia.spread import hide_spread, reveal_spread
from samples import noise, random_bytes, speech, terms, write


@pytest.fixture
def covers(tmp_path):
    """Four pictures of different sizes and one sound, as files."""
    paths = [write(tmp_path / f"cover{n}.png", noise(50 + 10 * n, 64, seed=n)) for n in range(4)]
    return [*paths, Audio.of(speech(4.0), 16_000, name="said.mp3")]


def test_any_three_of_five_bring_it_back_and_no_two_do(covers, tmp_path):
    secret = Blob(random_bytes(3000), "plan.bin")
    made = hide_spread(covers, secret, 3, tmp_path / "out", terms())
    paths = [hidden.container for hidden in made.containers]
    assert [path.name for path in paths] == ["cover0.png", "cover1.png", "cover2.png", "cover3.png", "said.wav"]
    for chosen in itertools.permutations(paths, 3):
        assert reveal_spread(chosen, None, terms()).values == (secret,)
    for chosen in itertools.combinations(paths, 2):
        with pytest.raises(InputError, match="any 3 are needed"):
            reveal_spread(chosen, None, terms())
    with pytest.raises(InputError, match="give the others too"):
        reveal_file(paths[0], None, terms())


def test_strangers_and_damaged_ones_among_them_do_no_harm(covers, tmp_path):
    secret = Blob.text("the place is the old mill")
    paths = [hidden.container for hidden in hide_spread(covers, secret, 2, tmp_path / "out", terms()).containers]
    paths[1].write_bytes(paths[1].read_bytes()[:200])
    found = reveal_spread([covers[0], paths[1], paths[2], paths[2], paths[4]], None, terms())
    assert found.values == (secret,)
    assert len(found.notes) == 2
    with pytest.raises(NoSecretError):
        reveal_spread(covers[:2], None, terms())


def test_two_sets_do_not_mix(covers, tmp_path):
    first = hide_spread(covers, Blob(b"first", "a"), 2, tmp_path / "one", terms()).containers
    second = hide_spread(covers, Blob(b"second", "b"), 2, tmp_path / "two", terms()).containers
    both = [first[0].container, second[1].container]
    with pytest.raises(InputError):
        reveal_spread(both, None, terms())
    everything = [*both, first[3].container, second[4].container]
    assert {value.data for value in reveal_spread(everything, None, terms()).values} == {b"first", b"second"}


def test_pictures_come_back_as_pictures(covers, tmp_path):
    secret = Image(noise(40, 30, seed=9), name="small.png")
    paths = [hidden.container for hidden in hide_spread(covers, secret, 4, tmp_path / "out", terms()).containers]
    reveal_spread(paths[1:], f"{tmp_path}/back/", terms())
    assert (tmp_path / "back" / "small.png").is_file()


def test_the_smallest_cover_counts_and_nothing_is_left_behind(covers, tmp_path):
    with pytest.raises(DoesNotFitError):
        hide_spread(covers, Blob(random_bytes(30_000)), 2, tmp_path / "out", terms())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("count", "need"), [(1, 1), (5, 0), (5, 6)])
def test_numbers_that_cannot_be_meant(covers, count, need, tmp_path):
    with pytest.raises(UsageError):
        hide_spread(covers[:count], Blob(b"x"), need, tmp_path / "out", terms())


@pytest.mark.parametrize("damage", range(18))
def test_a_piece_that_lies_is_bad_input(covers, damage, tmp_path):
    from intarsia.spread import _Part

    part = _Part(b"12345678", 1, 2, 3, "blob", 9, b"12345", "n")
    data = bytearray(part.pack().data)
    assert _Part.unpack(Piece(bytes(data), "n")) == part
    data[damage] ^= 255
    try:
        changed = _Part.unpack(Piece(bytes(data), "n"))
    except InputError:
        return
    assert changed.need <= changed.count and changed.number < changed.count


def test_on_the_command_line(quick):
    for number in range(3):
        write(quick.folder / f"c{number}.png", noise(seed=number))
    write(quick.folder / "s.bin", random_bytes(900))
    quick.works("hide", "c0.png", "c1.png", "c2.png", "--secret", "s.bin", "--need", "2", "-o", "out/", "--json")
    quick.works("reveal", "out/c0.png", "out/c2.png", "-o", "back/")
    assert (quick.folder / "back" / "s.bin").read_bytes() == random_bytes(900)
    quick.refuses(3, "reveal", "out/c1.png", "-o", "one", says="one piece")
    quick.refuses(2, "hide", "c0.png", "c1.png", "--secret", "s.bin", "-o", "o/", says="--need")
    quick.refuses(2, "hide", "c0.png", "c1.png", "--secret", "s.bin", "--need", "3", "-o", "o/", says="need is 3")
