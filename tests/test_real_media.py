"""What is promised on real photographs, held on some of them; needs the media pack."""

from pathlib import Path

import numpy as np
import pytest

from intarsia.carrier.keys import Cost, Keyring
from intarsia.media import Blob, Image, image_file
from intarsia.pipeline import Terms, hide_file, reveal_file

KODAK = Path(__file__).resolve().parents[2] / "shared/data/test/images/kodak"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not KODAK.is_dir(), reason="the media pack is not here"),
]


def crop(number: int) -> Image:
    image = image_file.load(KODAK / f"kodim{number:02}.png")
    top, left = (image.height - 512) // 2, (image.width - 512) // 2
    return Image(np.ascontiguousarray(image.samples[top : top + 512, left : left + 512]), name=f"kodim{number:02}.png")


def terms(**settings: object) -> Terms:
    return Terms(Keyring("x", Cost(1, 32, 4)), settings=settings)


def test_pictures_in_one_another_at_their_best(tmp_path):
    found = [hide_file(crop(n), crop(n + 6), tmp_path / f"{n}.png", terms(preset="best")) for n in (1, 7, 13, 17)]
    assert np.mean([hidden.cover_psnr for hidden in found]) >= 49.5
    assert np.mean([hidden.secrets[0].psnr for hidden in found]) >= 46


def test_sixty_kilobytes_are_byte_identical_and_cost_little(tmp_path):
    secret = Blob(np.random.default_rng(0).bytes(60_000), "noise.bin")
    hidden = hide_file(crop(5), secret, tmp_path / "c.png", terms())
    assert hidden.cover_psnr >= 54
    assert reveal_file(tmp_path / "c.png", None, terms()).value == secret
