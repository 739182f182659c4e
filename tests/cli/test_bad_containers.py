"""Containers that were changed, and pictures that never were any: rows of the table of bad inputs."""

import io

import numpy as np
import pytest
import skimage.data
from PIL import Image as Pil

from intarsia import container as layout
from intarsia.carrier import seal
from intarsia.carrier.places import Places, draw_salt, salt_bytes
from intarsia.errors import NoSecretError
from intarsia.hosts import PictureHost
from intarsia.media import Blob, Image, image_file
from intarsia.pipeline import reveal_file
from samples import CHEAP, noise, packed, photograph, pixels, random_bytes, revealed, terms, there_and_back, write

ONE_TEXT = "no secret found, or wrong password, or the file was changed after hiding"
SECRET = Blob(random_bytes(1500, seed=9), "secret.bin")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The pixels of a container, and those of its cover; always the same, for one digit in a thousand is padding."""
    out = tmp_path_factory.mktemp("made") / "out.png"
    there_and_back(Image(noise()), SECRET, out, seed=1)
    return pixels(out), noise()


def reads(data):
    """Whether a picture file still gives the secret back."""
    try:
        return reveal_file(image_file.decode(data), None, terms()).value.data == SECRET.data
    except NoSecretError:
        return False


# --- 5, 6, 37: changed on the way ----------------------------------------------------------------------------


def add_one(samples, cover):
    # Where the container differs from its cover, it certainly carries something.
    changed = np.argwhere(samples != cover)[50]
    return replaced(samples, tuple(changed))


def replaced(samples, place):
    copy = samples.copy()
    copy[place] += 1
    return copy


CHANGES = {
    "row 6 resized": lambda s, _: packed(Pil.fromarray(s).resize((80, 80))),
    "row 6 cropped by a row": lambda s, _: packed(s[1:]),
    "row 6 cropped by a column": lambda s, _: packed(s[:, :-1]),
    "row 6 turned": lambda s, _: packed(np.rot90(s)),
    "row 6 mirrored": lambda s, _: packed(s[:, ::-1]),
    "row 37 one sample and one level": lambda s, c: packed(add_one(s, c)),
    "row 37 two rows swapped": lambda s, _: packed(s[[1, 0, *range(2, 64)]]),
    "row 37 channels swapped": lambda s, _: packed(s[..., ::-1]),
    "row 37 joined with itself": lambda s, _: packed(np.vstack([s, s])),
    "row 37 a cover beside it": lambda s, c: packed(np.hstack([s, c])),
    "one channel only": lambda s, _: packed(s[..., 0]),
    "one level up everywhere": lambda s, _: packed(s + np.uint8(1)),
}


def turned_by_exif(samples):
    exif = Pil.Exif()
    exif[0x0112] = 3
    return packed(samples, exif=exif)


def test_the_control_still_reveals(made):
    samples, _ = made
    assert all(reads(packed(samples, form)) for form in ("PNG", "BMP", "TIFF", "WEBP"))


@pytest.mark.parametrize("change", CHANGES)
def test_rows_6_and_37_a_changed_container_is_none(made, change):
    assert not reads(CHANGES[change](*made))


def test_row_6_an_orientation_somebody_added_is_a_change(made):
    assert not reads(turned_by_exif(made[0]))


@pytest.mark.parametrize("change", ["row 37 one sample and one level", "row 37 two rows swapped"])
def test_row_37_on_the_command_line(quick, made, change):
    write(quick.folder / "changed.png", CHANGES[change](*made))
    quick.refuses(4, "reveal", "changed.png", "-o", "back", says=ONE_TEXT)


def test_row_37_two_containers_stacked(quick, made):
    there_and_back(Image(noise(seed=7)), Blob(b"another secret"), quick.folder / "other.png")
    write(quick.folder / "both.png", np.vstack([made[0], pixels(quick.folder / "other.png")]))
    quick.refuses(4, "reveal", "both.png", "-o", "back", says=ONE_TEXT)


def test_row_37_every_place_that_carries_data_counts(made):
    samples, cover = made
    places = np.argwhere(samples != cover)
    assert len(places) > 1000
    spoilt = [replaced(samples, tuple(place)) for place in places[:: len(places) // 60]]
    assert not any(reads(packed(each)) for each in spoilt)


@pytest.mark.parametrize(("form", "quality"), [("JPEG", 75), ("JPEG", 100), ("AVIF", 90)])
def test_row_5_saved_again_in_a_lossy_format(quick, made, form, quality):
    write(quick.folder / "again.file", packed(made[0], form, quality=quality, subsampling="4:4:4"))
    outcome = quick("reveal", "again.file", "-o", "back")
    assert (outcome.code, outcome.out) == (4, b"")
    assert ONE_TEXT in outcome.errors[0]
    assert any("again.file" in note and form in note and "lossy" in note for note in outcome.notes)
    assert not (quick.folder / "back").exists()


def test_row_5_a_jpeg_saved_as_png_is_no_container_either(made):
    with Pil.open(io.BytesIO(packed(made[0], "JPEG", quality=100, subsampling="4:4:4"))) as jpeg:
        assert not reads(packed(np.asarray(jpeg)))


def test_row_5_saved_again_in_a_lossless_format_nothing_is_lost(quick, made):
    write(quick.folder / "again.webp", packed(made[0], "WEBP"))
    quick.works("reveal", "again.webp", "-o", "back")
    assert (quick.folder / "back").read_bytes() == SECRET.data


# --- 33: nothing hidden --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["noise", "photograph", "flat", "one pixel"])
def test_row_33_a_clean_picture_holds_no_secret(quick, kind):
    samples = {"noise": noise(), "photograph": photograph(), "flat": np.zeros((64, 64, 3), np.uint8)}
    write(quick.folder / "clean.png", samples.get(kind, noise(1, 1)))
    quick.refuses(4, "reveal", "clean.png", "-o", "back", says=ONE_TEXT)


def test_row_33_the_message_names_the_file(quick, cover):
    quick.refuses(4, "reveal", "cover.png", "-o", "back", says="cover.png")


def test_row_33_one_text_for_every_reason(quick, made):
    write(quick.folder / "it.png", noise())
    clean = quick.refuses(4, "reveal", "it.png", "-o", "back")
    write(quick.folder / "it.png", made[0])
    wrong = quick.refuses(4, "reveal", "it.png", "-o", "back", password="another one")
    write(quick.folder / "it.png", add_one(*made))
    assert clean == wrong == quick.refuses(4, "reveal", "it.png", "-o", "back")


def test_row_33_none_of_10_000_clean_crops_opens():
    photographs = [getattr(skimage.data, name)() for name in ("astronaut", "coffee", "chelsea", "rocket")]
    draw = np.random.default_rng(33)
    opened = 0
    for number in range(10_000):
        picture = photographs[number % len(photographs)]
        top, left = draw.integers(0, picture.shape[0] - 48), draw.integers(0, picture.shape[1] - 48)
        crop = np.ascontiguousarray(picture[top : top + 48, left : left + 48])
        try:
            PictureHost(Image(crop)).open(terms("x").keyring)
        except NoSecretError:
            continue
        opened += 1
    assert opened == 0


def test_row_33_a_crop_that_is_a_container_opens(tmp_path):
    # The control: the loop above would have noticed.
    there_and_back(Image(photograph(48, 48)), Blob(b"here"), tmp_path / "out.png")
    assert PictureHost(Image(pixels(tmp_path / "out.png"))).open(terms().keyring).header.entries


# --- 35: from the future -------------------------------------------------------------------------------------


def from_the_future(revision):
    """A picture whose header is authentic and of a revision this release may not know."""
    places = Places(noise())
    digits = draw_salt()
    keys, size = terms().keyring.keys(salt_bytes(digits)), layout.SIZES[0]
    plaintext = layout.Header("exact", b"", ()).pack(size)
    assert plaintext[0] == layout.REVISION
    sealed = seal.seal(keys, layout._USE, bytes([revision]) + plaintext[1:], PictureHost.associated)
    places.write_header(keys, sealed)
    places.write_salt(digits)
    return places.samples.reshape(64, 64, 3)


@pytest.mark.parametrize("revision", [layout.REVISION + 1, 255])
def test_row_35_a_container_of_a_later_release(quick, revision):
    write(quick.folder / "later.png", from_the_future(revision))
    quick.refuses(3, "reveal", "later.png", "-o", "back", says=(str(revision), "newer release"))
    quick.refuses(3, "info", "later.png", says="newer release")


def test_row_35_only_whoever_has_the_password_is_told(quick):
    write(quick.folder / "later.png", from_the_future(layout.REVISION + 1))
    quick.refuses(4, "reveal", "later.png", "-o", "back", password="another one", says=ONE_TEXT)


def test_row_35_the_message_names_the_file(quick):
    write(quick.folder / "later.png", from_the_future(layout.REVISION + 1))
    quick.refuses(3, "reveal", "later.png", "-o", "back", says="later.png")


# --- 36: hidden twice ----------------------------------------------------------------------------------------


def test_row_36_hiding_in_a_container_says_what_is_lost(quick, made):
    container = write(quick.folder / "container.png", made[0])
    outcome = quick.works("hide", "container.png", "--text", "second", "-o", "two.png")
    assert any("already carries a secret" in note and "lost" in note for note in outcome.notes)
    assert revealed(quick.folder / "two.png", cost=CHEAP) == b"second"
    assert revealed(container, cost=CHEAP) == SECRET.data


def test_row_36_under_another_password_nobody_can_tell(quick, made):
    write(quick.folder / "container.png", made[0])
    words = ("hide", "container.png", "--text", "second", "-o", "two.png")
    assert quick.works(*words, password="another one").notes == []
