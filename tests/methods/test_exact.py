"""The exact method keeps the qualities it is asked for, measured from the saved file."""

import dataclasses
import math

import numpy as np
import pytest
from PIL import ImageCms
from skimage import data

from intarsia import survey
from intarsia.carrier.keys import Cost, Keyring
from intarsia.errors import DoesNotFitError, InputError, UsageError
from intarsia.media import Blob, Image, image_file, metrics
from intarsia.methods import load
from intarsia.methods.base import Entry, no_progress
from intarsia.pipeline import Terms, hide_file, reveal_file
from intarsia.survey import capacity

PHOTO = data.astronaut()


def terms(password: str = "x", **changes: object) -> Terms:
    return dataclasses.replace(Terms(Keyring(password, Cost(1, 32, 4))), **changes)


def test_a_picture_is_hidden_at_42_db_and_the_report_is_the_truth(tmp_path):
    secret = Image(data.coffee()[:256, :256].copy(), name="coffee.png")
    hidden = hide_file(Image(PHOTO), secret, tmp_path / "c.png", terms())
    found = reveal_file(tmp_path / "c.png", None, terms()).value
    assert hidden.secrets[0].psnr == metrics.psnr(secret.samples, found.samples)
    assert 42 <= hidden.secrets[0].psnr < 43
    assert hidden.cover_psnr == metrics.psnr(PHOTO, image_file.load(tmp_path / "c.png").samples)


def test_cover_db_is_kept_and_secret_db_is_reached_or_refused(tmp_path):
    secret = Image(data.coffee()[:256, :256].copy())
    cover = Image(np.clip(PHOTO, 2, 253))
    hidden = hide_file(cover, secret, tmp_path / "a.png", terms(settings={"cover_db": 60, "preset": "best"}))
    assert 60 <= hidden.cover_psnr < 61  # AVIF comes in steps, so a little room may be left
    hidden = hide_file(cover, secret, tmp_path / "b.png", terms(settings={"secret_db": 46}))
    assert 46 <= hidden.secrets[0].psnr < 47
    with pytest.raises(DoesNotFitError, match="at 46 dB needs") as error:
        hide_file(cover, secret, tmp_path / "c.png", terms(settings={"secret_db": 46, "cover_db": 66}))
    assert error.value.needed > error.value.available
    exact = hide_file(cover, secret, tmp_path / "d.png", terms(settings={"secret_db": "inf"}))
    assert exact.secrets[0].exact


def test_presets_order_as_they_say(tmp_path):
    secret = Image(data.coffee()[:256, :256].copy())
    cover = Image(np.clip(PHOTO[:256, :256], 2, 253))
    found = {
        preset: hide_file(cover, secret, tmp_path / f"{preset}.png", terms(settings={"preset": preset}))
        for preset in ("fast", "balanced", "best")
    }
    assert found["best"].cover_psnr < found["balanced"].cover_psnr
    assert found["best"].cover_psnr == pytest.approx(49.9, abs=0.1)
    assert found["balanced"].secrets[0].bytes <= found["fast"].secrets[0].bytes


def test_what_capacity_forecasts_is_what_hiding_gives(tmp_path):
    secret = Image(data.coffee()[:200, :200].copy())
    forecast = capacity(Image(PHOTO), secret, Terms()).forecast
    hidden = hide_file(Image(PHOTO), secret, tmp_path / "c.png", terms())
    assert forecast.bytes == hidden.secrets[0].bytes
    assert forecast.quality == hidden.secrets[0].psnr
    assert forecast.db == pytest.approx(hidden.cover_psnr, abs=0.3)


@pytest.mark.parametrize("wanted", [52, 58, 64])
def test_cover_db_holds_on_a_saturated_cover_too(wanted, tmp_path):
    # A tenth of this photograph is 0 or 255, where a change may cost two levels.
    secret = Blob(
        np.random.default_rng(0).bytes(capacity(Image(PHOTO), None, terms(settings={"cover_db": wanted})).bytes)
    )
    hidden = hide_file(Image(PHOTO), secret, tmp_path / "c.png", terms(settings={"cover_db": wanted}))
    assert wanted <= hidden.cover_psnr < wanted + 0.3
    with pytest.raises(DoesNotFitError):
        larger = Blob(secret.data + b"x")
        hide_file(Image(PHOTO), larger, tmp_path / "d.png", terms(settings={"cover_db": wanted}))


@pytest.mark.parametrize("wanted", [85, 200])
def test_a_cover_db_that_leaves_no_room_does_not_fit(wanted, tmp_path):
    for secret in (Image(data.coffee()), Blob(b"x")):
        with pytest.raises(DoesNotFitError, match="lower cover_db"):
            hide_file(Image(PHOTO), secret, tmp_path / "c.png", terms(settings={"cover_db": wanted}))
    assert capacity(Image(PHOTO), None, terms(settings={"cover_db": wanted})).bytes == 0


def test_a_colour_profile_travels_with_the_secret(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    secret = Image(data.coffee()[:100, :100].copy(), profile=profile)
    for wanted in ("42", "inf"):
        hide_file(Image(PHOTO), secret, tmp_path / f"{wanted}.png", terms(settings={"secret_db": wanted}))
        assert reveal_file(tmp_path / f"{wanted}.png", None, terms()).value.profile == profile
    hidden = hide_file(Image(PHOTO[:64, :64].copy()), secret, tmp_path / "small.png", terms())
    assert any("profile was left out" in note for note in hidden.notes)


def test_capacity_checks_method_and_settings_and_knows_each_method(tmp_path):
    cover = Image(PHOTO)
    assert capacity(cover, None, terms(settings={"cover_db": 60})).bytes < capacity(cover, None, terms()).bytes
    assert capacity(cover, None, terms(method="lsb", settings={"bits": 2})).bytes == PHOTO.size // 4
    for wrong in (terms(method="nope"), terms(settings={"foo": 1})):
        with pytest.raises(UsageError):
            capacity(cover, None, wrong)


def test_the_forecast_counts_salt_and_header():
    forecast = survey.capacity(Image(data.coffee()), Blob(bytes(100)), terms()).forecast
    assert 78 < forecast.db < 90 and forecast.quality == math.inf


@pytest.mark.parametrize(
    ("kind", "code"),
    [("image", b"jgarbage"), ("image", b"p\0\0\2xx"), ("blob", b"xgarbage"), ("blob", b"?"), ("image", b"")],
)
def test_a_sealed_code_that_is_damaged_is_bad_input(kind, code):
    class Fixed:
        def read_all(self, lengths, tick):
            return [code]

    with pytest.raises(InputError):
        load("exact").reveal(Image(PHOTO), Fixed(), Entry(kind, len(code)), b"", no_progress)
