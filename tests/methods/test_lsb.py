"""The baseline is bit for bit what the papers' code does."""

import dataclasses

import numpy as np
import pytest
from skimage import data

from intarsia.carrier.keys import Cost, Keyring
from intarsia.errors import NoSecretError, UsageError
from intarsia.media import Blob, Image, image_file, metrics
from intarsia.methods.lsb import hide_bits, reveal_bits
from intarsia.methods.lsb.method import like_cover
from intarsia.pipeline import Terms, hide_file, reveal_file

COVER = data.astronaut()[:200, :200].copy()
SECRET = data.coffee()[:200, :200].copy()
TERMS = Terms(Keyring("x", Cost(1, 32, 4)), method="lsb")


def test_three_bits_are_the_published_formula():
    stego = hide_bits(COVER, SECRET, 3)
    assert np.array_equal(stego, (COVER & 0xF8) | (SECRET >> 5))
    assert np.array_equal(reveal_bits(stego, 3), (stego & 0x07) << 5)
    assert np.array_equal(reveal_bits(stego, 3), SECRET & 0xE0)


def test_a_pair_worked_by_hand():
    cover, secret = np.array([0b10110101, 255, 0], np.uint8), np.array([0b11001111, 0, 255], np.uint8)
    assert hide_bits(cover, secret, 4).tolist() == [0b10111100, 240, 15]
    assert reveal_bits(np.array([0b10111100], np.uint8), 4).tolist() == [0b11000000]
    assert reveal_bits(np.array([0b10111100], np.uint8), 4, midpoint=True).tolist() == [0b11001000]


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
def test_errors_stay_within_what_the_bits_allow(bits):
    stego = hide_bits(COVER, SECRET, bits)
    assert np.abs(stego.astype(int) - COVER).max() < 1 << bits
    assert np.abs(reveal_bits(stego, bits).astype(int) - SECRET).max() < 1 << (8 - bits)
    assert np.abs(reveal_bits(stego, bits, midpoint=True).astype(int) - SECRET).max() <= 1 << (7 - bits)
    assert metrics.psnr(SECRET, reveal_bits(stego, bits, midpoint=True)) > metrics.psnr(
        SECRET, reveal_bits(stego, bits)
    )


def test_sixteen_bits_use_the_top_of_sixteen():
    cover, secret = np.array([0xFFFF, 0], np.uint16), np.array([0x1234, 0xE000], np.uint16)
    assert hide_bits(cover, secret, 3).tolist() == [0xFFF8, 7]
    assert reveal_bits(np.array([7], np.uint16), 3).tolist() == [0xE000]


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="expected equal"):
        hide_bits(COVER, SECRET[:10], 3)


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
def test_through_a_file_all_but_the_reserved_places_are_the_pure_function(bits, tmp_path):
    path = tmp_path / "c.png"
    hide_file(Image(COVER), Image(SECRET), path, dataclasses.replace(TERMS, settings={"bits": bits}))
    saved = image_file.load(path).samples
    pure = hide_bits(COVER, SECRET, bits)
    # 81 digits of salt and 324 of a header without name; a place may agree by chance.
    assert 100 < np.count_nonzero(saved != pure) <= 81 + 324
    found = reveal_file(path, None, TERMS).value.samples
    assert np.count_nonzero(found != reveal_bits(pure, bits)) <= 81 + 324


def test_midpoint_travels_in_the_header(tmp_path):
    path = tmp_path / "c.png"
    hide_file(Image(COVER), Image(SECRET), path, dataclasses.replace(TERMS, settings={"midpoint": True}))
    found = reveal_file(path, None, TERMS).value.samples
    assert (found & 0x1F == 0x10).all()


def test_a_secret_of_another_size_is_resized_and_said_so(tmp_path):
    hidden = hide_file(Image(COVER), Image(SECRET[:50, :80]), tmp_path / "c.png", TERMS)
    assert any("resized from 80 x 50 to 200 x 200" in note for note in hidden.notes)
    assert any("anybody can read" in note for note in hidden.notes)


def test_a_changed_sample_is_noticed(tmp_path):
    path = tmp_path / "c.png"
    hide_file(Image(COVER), Image(SECRET), path, TERMS)
    samples = image_file.load(path).samples.copy()
    samples[100, 100, 1] ^= 1
    with pytest.raises(NoSecretError):
        reveal_file(Image(samples), None, TERMS)


def test_only_pictures_go_in(tmp_path):
    with pytest.raises(UsageError, match="try --method exact"):
        hide_file(Image(COVER), Blob(b"x"), tmp_path / "c.png", TERMS)
    assert not list(tmp_path.iterdir())


def test_channels_and_depth_follow_the_cover():
    grey16 = Image(np.zeros((20, 30), np.uint16))
    assert like_cover(Image(SECRET), grey16).shape == (20, 30)
    assert like_cover(Image(SECRET), grey16).dtype == np.uint16
    assert like_cover(grey16, Image(COVER)).shape == COVER.shape
