"""The whole trip: any size, any bytes, any password; and nothing but the very secret ever comes back."""

import dataclasses
import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pil
from skimage import data

import intarsia
from intarsia import container
from intarsia.carrier.keys import Cost, Keyring
from intarsia.carrier.places import Places, draw_salt, salt_bytes
from intarsia.errors import DoesNotFitError, InputError, NoSecretError, UsageError, VerificationError
from intarsia.media import Blob, Image, image_file
from intarsia.media import files as files_module
from intarsia.pipeline import Terms, hide_file, reveal_file
from intarsia.survey import capacity, inspect

CHEAP = Cost(passes=1, memory_kib=32, lanes=4)
PHOTO = data.astronaut()


def terms(password: str = "x", **changes: object) -> Terms:
    return dataclasses.replace(Terms(Keyring(password, CHEAP)), **changes)


passwords = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40)


@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(0, 2**32),
    passwords,
    st.data(),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_size_any_bytes_any_password_fits_exactly_as_capacity_says(
    tmp_path, height, width, grey, over, seed, password, choose
):
    rng = np.random.default_rng(seed)
    cover = Image(rng.integers(0, 256, (height, width) if grey else (height, width, 3), dtype=np.uint8))
    out = tmp_path / f"{rng.integers(1 << 60)}.png"
    try:
        room = capacity(cover, None, Terms()).bytes
    except DoesNotFitError:
        room = -1
    near_the_edge = choose.draw(st.booleans())
    size = max(0, room + over) if near_the_edge else choose.draw(st.integers(0, max(0, room)))
    secret = Blob(rng.bytes(size), "name.bin" if choose.draw(st.booleans()) else "")
    if size > room:
        with pytest.raises(DoesNotFitError):
            hide_file(cover, secret, out, terms(password))
        assert not out.exists()
    else:
        hide_file(cover, secret, out, terms(password))
        found = reveal_file(out, None, terms(password)).value
        assert found.data == secret.data
        assert found.name in (secret.name, "")
        out.unlink()
    assert not list(tmp_path.glob(".intarsia-*"))


@pytest.fixture(scope="module")
def containers(tmp_path_factory):
    """The same secret in small containers of every format, as bytes."""
    folder = tmp_path_factory.mktemp("containers")
    cover = Image(PHOTO[:40, :60].copy())
    secret = Blob(bytes(range(100)), "")
    for suffix in ("png", "bmp", "tif", "webp"):
        hide_file(cover, secret, folder / f"c.{suffix}", terms(seed=1))
    return {path.suffix: path.read_bytes() for path in folder.iterdir()}, secret


@given(st.sampled_from([".png", ".bmp", ".tif", ".webp"]), st.integers(0, 1 << 30), st.integers(1, 255))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_mutated_byte_gives_the_identical_secret_or_a_plain_refusal(tmp_path, containers, suffix, position, mask):
    files, secret = containers
    content = bytearray(files[suffix])
    # Half of the positions among the first 64 bytes, where headers are.
    content[position // 2 % (64 if position % 2 else len(content))] ^= mask
    (tmp_path / "mutated").write_bytes(content)
    try:
        found = reveal_file(tmp_path / "mutated", None, terms()).value
    except (NoSecretError, InputError):
        return
    assert found.data == secret.data


def test_the_real_cost_by_the_public_functions(tmp_path):
    hidden = intarsia.hide(Image(PHOTO[:100, :100].copy()), Blob(b"inlay"), tmp_path / "c.png", password="pä")
    assert hidden.verified
    assert intarsia.reveal(tmp_path / "c.png", password="pa\u0308").value == Blob(b"inlay")
    with pytest.raises(NoSecretError):
        intarsia.reveal(tmp_path / "c.png", password="pa")
    with pytest.raises(NoSecretError):
        intarsia.reveal(tmp_path / "c.png")


def test_no_password_is_the_public_key(tmp_path):
    intarsia.hide(Image(PHOTO[:60, :60].copy()), Blob(b"inlay"), tmp_path / "c.png")
    assert intarsia.reveal(tmp_path / "c.png", password="open").value == Blob(b"inlay")


def test_a_number_of_secrets_that_cannot_be_meant_is_refused_in_words(tmp_path):
    for count in (0, 256):
        with pytest.raises(UsageError, match=f"{count} secrets"):
            intarsia.hide(Image(PHOTO), [Blob(b"a")] * count, tmp_path / "c.png")


def test_a_container_that_does_not_give_the_secret_back_never_appears(tmp_path, monkeypatch):
    real = image_file.encode
    monkeypatch.setattr(image_file, "encode", lambda image, form, **k: real(Image(image.samples ^ 1), form, **k))
    with pytest.raises(VerificationError, match="it was removed"):
        hide_file(Image(PHOTO), Blob(b"x" * 1000), tmp_path / "c.png", terms())
    assert not list(tmp_path.iterdir())


def test_names_are_kept_where_they_are_cheap_and_dropped_where_not(tmp_path):
    for side, name, kept in ((40, "a.bin", True), (40, "a longer name.bin", False), (200, "a longer name.bin", True)):
        out = tmp_path / f"{side}{kept}.png"
        hidden = hide_file(Image(PHOTO[:side, :side].copy()), Blob(b"x", name), out, terms())
        assert reveal_file(out, None, terms()).value.name == (name if kept else "")
        assert any("name was left out" in note for note in hidden.notes) is not kept


def test_inspect_lists_what_is_carried_for_the_right_password_only(tmp_path):
    hide_file(Image(PHOTO), Blob(b"x" * 77, "plan.pdf"), tmp_path / "c.png", terms())
    assert inspect(tmp_path / "c.png", None, terms()).carries is None
    carried = inspect(tmp_path / "c.png", Keyring("x", CHEAP), terms())
    assert (carried.carries[0].name, carried.method) == ("plan.pdf", "exact")
    with pytest.raises(NoSecretError):
        inspect(tmp_path / "c.png", Keyring("y", CHEAP), terms())


@pytest.mark.parametrize(("suffix", "mode"), [(".jpg", "JPEG"), (".webp", "WEBP"), (".png", "PNG"), (".avif", "AVIF")])
def test_a_revealed_picture_is_converted_to_the_wanted_format(suffix, mode, tmp_path):
    hide_file(Image(PHOTO), Image(data.coffee()[:100, :100].copy(), name="c.png"), tmp_path / "c.png", terms())
    reveal_file(tmp_path / "c.png", tmp_path / f"out{suffix}", terms())
    with Pil.open(tmp_path / f"out{suffix}") as opened:
        assert opened.format == mode


def test_a_jpeg_that_fits_comes_back_byte_for_byte_in_a_folder(tmp_path):
    Pil.fromarray(data.coffee()[:100, :100]).save(tmp_path / "holiday.jpg", quality=80)
    hide_file(Image(PHOTO), tmp_path / "holiday.jpg", tmp_path / "c.png", terms(settings={"secret_db": "inf"}))
    reveal_file(tmp_path / "c.png", f"{tmp_path}/out/", terms())
    assert (tmp_path / "out/holiday.jpg").read_bytes() == (tmp_path / "holiday.jpg").read_bytes()


def test_the_container_has_no_metadata_of_the_cover(tmp_path):
    exif = Pil.Exif()
    exif[0x010F] = "Camera of somebody"
    exif.get_ifd(0x8825)[1] = "N"
    stream = io.BytesIO()
    Pil.fromarray(PHOTO).save(stream, "PNG", exif=exif)
    (tmp_path / "cover.png").write_bytes(stream.getvalue())
    hide_file(tmp_path / "cover.png", Blob(b"x"), tmp_path / "c.png", terms())
    content = (tmp_path / "c.png").read_bytes()
    assert b"Camera" not in content and b"eXIf" not in content
    with Pil.open(tmp_path / "c.png") as opened:
        assert not opened.getexif()


def test_salt_digits_are_uniform_and_fresh():
    digits = np.concatenate([draw_salt() for _ in range(200)])
    assert len(digits) == 200 * 81
    shares = np.bincount(digits, minlength=3) / len(digits)
    assert np.abs(shares - 1 / 3).max() < 0.02
    assert salt_bytes(draw_salt()) != salt_bytes(draw_salt())


@given(
    st.text(max_size=60), st.integers(0, 1 << 40), st.sampled_from(["image", "text", "blob"]), st.binary(max_size=40)
)
def test_headers_come_back(name, length, kind, extra):
    from intarsia.methods.base import Entry

    name = name.encode("utf-8", "replace").decode()
    header = container.Header("exact", extra, (Entry(kind, length, name),))
    packed = header.pack(header.size_for())
    assert len(packed) + 32 in container.SIZES
    assert container.unpack(packed) == header


@given(st.binary(min_size=32, max_size=32))
def test_no_plaintext_makes_the_header_reader_crash(noise):
    for plaintext in (noise, b"\x01" + noise[1:]):
        try:
            container.unpack(plaintext)
        except InputError as error:
            assert "newer" in str(error)


def test_temporaries_are_tracked_and_removed(tmp_path):
    with files_module.Output(tmp_path / "x") as output:
        output.write(b"half")
        assert output.temporary.exists()
        files_module.remove_temporaries()
        assert not output.temporary.exists()
    assert not list(tmp_path.iterdir())


def test_places_of_a_container_look_like_noise(tmp_path):
    cover = Image(PHOTO)
    hide_file(cover, Blob(np.random.default_rng(0).bytes(120_000)), tmp_path / "c.png", terms())
    saved = image_file.load(tmp_path / "c.png")
    change = saved.samples.astype(int) - cover.samples
    assert np.abs(change).max() <= 2
    inner = (cover.samples > 0) & (cover.samples < 255)
    assert abs(change[inner].mean()) < 0.01
    assert Places(saved.samples).count == cover.samples.size
