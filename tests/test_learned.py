"""Hiding and revealing with trained networks: the example's, with weights set by hand so that they do their work."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pil

import intarsia
from conftest import snapshot
from intarsia.carrier import keys
from intarsia.errors import DoesNotFitError, NoSecretError, UsageError, VerificationError, WeightsError
from intarsia.media import Image, image_file, metrics, transit
from intarsia.zoo import weights
from samples import deep_png, photograph, pixels, write

EXAMPLES = Path(__file__).parents[1] / "examples"
TOY = "toy_hider:METHOD"


def calm(height=128, width=128, *, channels=3, dtype=np.uint8):
    """A cover of one grey, nearly: where keys and header lie, the networks below reveal it instead of the secret."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    levels = np.random.default_rng(1).integers(118, 139, shape, np.uint8)
    return levels if dtype is np.uint8 else levels.astype(np.uint16) * 257


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.chdir(tmp_path)
    kept = {name: getattr(keys.V1, name) for name in ("passes", "memory_kib", "lanes")}
    for name, cheap in zip(kept, (1, 8, 1), strict=True):
        object.__setattr__(keys.V1, name, cheap)
    yield
    for name, dear in kept.items():
        object.__setattr__(keys.V1, name, dear)


def model(folder, *, width=6, method=TOY, useless=False):
    """Make a run folder whose networks put the secret in the cover's place, and read it off there."""
    from toy_hider import Networks

    net = Networks(width)
    with torch.no_grad():
        for layer in (*net.hider, *net.revealer):
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.zero_()
                layer.bias.zero_()
                for channel in range(min(layer.weight.shape[:2])):
                    layer.weight[channel, channel, 1, 1] = 1
        net.hider[4].weight.zero_()
        for channel in range(3):
            net.hider[4].weight[channel, channel, 1, 1] = -1
            net.hider[4].weight[channel, channel + 3, 1, 1] = 1
        if useless:
            net.revealer[4].weight.zero_()
    Path(folder).mkdir()
    config = {"width": width, "beta": 0.75, "size": 16}
    weights.save(Path(folder) / "model.safetensors", net.state_dict(), method=method, config=config, step=1, force=True)
    return folder


def there_and_back(cover, secret, **how):
    """Hide, reveal, and return the report, the revealed picture and its PSNR, dB."""
    write("cover.png", cover)
    write("secret.png", secret)
    report = intarsia.hide("cover.png", "secret.png", "out.png", method=TOY, model="run", **how)
    found = intarsia.reveal("out.png", method=TOY, model="run").value
    return report, found


def refused(kind, code, *words, **how):
    """Hiding is refused with one line; no container is left."""
    before = snapshot(".")
    with pytest.raises(kind) as caught:
        intarsia.hide("cover.png", "secret.png", "out.png", **{"method": TOY, "model": "run", **how})
    assert caught.value.exit_code == code
    said = str(caught.value)
    assert "\n" not in said
    for word in words:
        assert word in said
    assert snapshot(".") == before
    return said


@pytest.fixture
def ready():
    """run/, cover.png and secret.png."""
    write("cover.png", calm())
    write("secret.png", photograph(128, 128))
    return model("run")


# --- the trip --------------------------------------------------------------------------------------------------


def test_a_run_folder_hides_and_reveals(ready):
    report, found = there_and_back(calm(), photograph(128, 128))
    assert report.method == TOY
    assert "run" in report.model
    assert report.secrets[0].psnr > 15
    assert metrics.psnr(found.samples, photograph(128, 128)) == pytest.approx(report.secrets[0].psnr)
    assert any("does not encrypt" in note for note in report.notes)
    assert found.name == "secret.png"


@pytest.mark.parametrize(
    ("cover", "secret"),
    [
        ((128, 128), (128, 128)),
        ((129, 131), (64, 64)),
        ((120, 190), (323, 77)),
        ((128, 128), (5, 3)),
        ((128, 128), (1, 1)),
        ((160, 170), (1, 90)),
        ((81, 290), (400, 30)),
    ],
)
def test_a_secret_comes_back_at_its_own_size(ready, cover, secret):
    soft = Pil.fromarray(photograph(128, 128)).resize((4, 4)).resize(secret[::-1], Pil.Resampling.BICUBIC)
    report, found = there_and_back(calm(*cover), np.asarray(soft))
    assert found.samples.shape == (*secret, 3)
    with Pil.open("out.png") as container:
        assert container.size == cover[::-1]
    assert any("at the cover's size" in note for note in report.notes) == (cover != secret)


@pytest.mark.parametrize("level", [100, 128, 150])
def test_a_flat_secret(ready, level):
    _, found = there_and_back(calm(), np.full((128, 128, 3), level, np.uint8))
    assert np.abs(found.samples.astype(int) - level).mean() < 4


@pytest.mark.parametrize("kind", ["grey", "deep", "deep grey", "alpha", "palette"])
def test_secrets_of_other_kinds(ready, kind):
    colour = photograph(128, 128)
    secret = {
        "grey": colour[..., 1],
        "deep": deep_png(colour.astype(np.uint16) * 257),
        "deep grey": deep_png(colour[..., 1].astype(np.uint16) * 257),
        "alpha": Pil.fromarray(np.dstack([colour, colour[..., :1]])),
        "palette": Pil.fromarray(colour).quantize(16),
    }[kind]
    if isinstance(secret, Pil.Image):
        secret.save("any.png")
        secret = Path("any.png").read_bytes()
    report, found = there_and_back(calm(), secret)
    assert found.samples.shape == (128, 128, 3)
    assert any("transparency is not carried" in note for note in report.notes) == (kind == "alpha")


def test_a_picture_whose_header_is_lost_is_read_by_the_networks_alone(ready):
    there_and_back(calm(), photograph(128, 128))
    lossy = transit.send(image_file.load("out.png"), "jpeg:95", seed=0)
    with pytest.raises(NoSecretError):
        intarsia.reveal(lossy, model="run")
    found = intarsia.reveal(lossy, method=TOY, model="run", size="64x32")
    assert found.value.samples.shape == (32, 64, 3)
    assert "nothing vouches for it" in found.notes[0]
    whole = intarsia.reveal(lossy, method=TOY, model="run").value
    assert metrics.psnr(whole.samples, photograph(128, 128)) > 12
    with pytest.raises(NoSecretError):
        intarsia.reveal(lossy, method="exact")


def test_values_need_no_files(ready):
    report = intarsia.hide(Image(calm()), Image(photograph(128, 128)), "out.png", method=TOY, model="run")
    assert report.secrets[0].psnr > 15
    revealed = intarsia.reveal("out.png", "shown/", method=TOY, model="run")
    assert [Path(output.path).parent.name for output in revealed.outputs] == ["shown"]


# --- covers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (3, 5), (1, 100), (8, 8), (17, 9)])
def test_covers_with_too_little_room(ready, size):
    write("cover.png", calm(*size))
    refused(DoesNotFitError, 5, "secret.png in cover.png", "larger picture")


@pytest.mark.parametrize("size", [(1, 16001), (16001, 1), (3, 5501), (127, 129)])
def test_thin_and_odd_covers(ready, size):
    soft = Pil.fromarray(photograph(128, 128)).resize((3, 3)).resize(size[::-1], Pil.Resampling.BICUBIC)
    _, found = there_and_back(calm(*size), np.asarray(soft))
    assert found.samples.shape == (*size, 3)


def test_a_cover_that_is_nearly_all_header(ready):
    write("cover.png", calm(31, 31))
    report = intarsia.hide("cover.png", "secret.png", "out.png", method=TOY, model="run")
    assert report.secrets[0].psnr > 20


@pytest.mark.parametrize("cover", [calm(channels=1), deep_png(calm(channels=1, dtype=np.uint16))])
def test_covers_that_are_not_8_bit_colour(ready, cover):
    write("cover.png", cover)
    refused(UsageError, 2, "toy_hider:METHOD paints 8-bit colour", "--method exact")


def test_a_deep_cover_in_colour_is_reduced(ready):
    write("cover.png", deep_png(calm(dtype=np.uint16)))
    report = intarsia.hide("cover.png", "secret.png", "out.png", method=TOY, model="run")
    assert any("16 bits in each channel reduced to 8" in note for note in report.notes), report.notes


def test_pixels_under_full_transparency_stay_as_they_are(ready):
    alpha = np.full((128, 128), 255, np.uint8)
    alpha[:4] = 0
    cover = np.dstack([calm(), alpha])
    write("cover.png", cover)
    intarsia.hide("cover.png", "secret.png", "out.png", method=TOY, model="run")
    assert np.array_equal(pixels("out.png")[..., 3], alpha)
    assert np.array_equal(pixels("out.png")[:4], cover[:4])
    assert intarsia.reveal("out.png", method=TOY, model="run").value.samples.shape == (128, 128, 3)


def test_networks_that_do_not_bring_the_secret_back(ready):
    model("useless", useless=True)
    refused(VerificationError, 1, "gives the secret back at", "it was removed", model="useless")


# --- models ----------------------------------------------------------------------------------------------------


@pytest.fixture
def hidden(ready):
    """out.png, made with run/."""
    intarsia.hide("cover.png", "secret.png", "out.png", method=TOY, model="run", password="one")
    return Path("out.png")


def not_revealed(kind, code, *words, **how):
    with pytest.raises(kind) as caught:
        intarsia.reveal("out.png", "shown/", **{"password": "one", **how})
    assert caught.value.exit_code == code
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)
    assert not Path("shown").exists()


def test_other_weights_are_refused(hidden):
    model("other", width=7)
    not_revealed(WeightsError, 7, "other", "was hidden with", method=TOY, model="other")


def test_no_model_says_what_to_do(hidden):
    not_revealed(WeightsError, 7, "--model RUN_DIR", method=TOY)


def test_moved_and_renamed_the_model_is_the_same(hidden):
    Path("run").rename("moved")
    assert intarsia.reveal("out.png", method=TOY, model="moved", password="one").value.name == "secret.png"


def test_a_method_not_ours_is_named_by_hand(hidden, ready):
    not_revealed(UsageError, 2, "toy_hider:METHOD", "add --method", model="run")
    said = refused(UsageError, 2, "toy_hider:METHOD", "add --method", method=None)
    assert "made by" in said


def test_a_model_file_may_not_choose_what_is_imported(ready, tmp_path):
    (tmp_path / "canary.py").write_text("open('sung', 'w').close()\n")
    sys.path.insert(0, str(tmp_path))
    try:
        model("strange", method="canary:METHOD")
        refused(UsageError, 2, "canary:METHOD", method=None, model="strange")
        with pytest.raises(UsageError, match="canary:METHOD"):
            intarsia.capacity("cover.png", model="strange")
    finally:
        sys.path.remove(str(tmp_path))
    assert "canary" not in sys.modules
    assert not Path("sung").exists()


def test_a_model_of_another_method(ready):
    model("strange", method="stegnet")
    refused(WeightsError, 7, "stegnet", model="strange")


def test_settings_are_those_of_the_model(ready):
    assert intarsia.hide("cover.png", "secret.png", "out.png", method=TOY, model="run", width="6").method == TOY
    Path("out.png").unlink()
    refused(UsageError, 2, "width is 6", "train another", width="5")
    refused(UsageError, 2, "'widht'", "did you mean width?", widht="6")
    refused(UsageError, 2, "width='six'", width="six")


def test_the_exact_method_has_no_models(ready):
    refused(UsageError, 2, "--model run", "exact has no networks", method="exact")


def test_an_exact_container_has_no_model(ready):
    intarsia.hide("cover.png", b"hello", "out.png", password="one")
    not_revealed(UsageError, 2, "--model run", model="run")


def test_sounds_and_bytes_are_not_its_business(ready):
    with pytest.raises(UsageError, match="hides image in image; this is blob in image; try --method exact"):
        intarsia.hide("cover.png", b"hello", "out.png", method=TOY, model="run")
    assert not Path("out.png").exists()


def test_two_secrets(ready):
    with pytest.raises(UsageError) as caught:
        intarsia.hide("cover.png", ["secret.png", "secret.png"], "out.png", method=TOY, model="run")
    assert "exact" in str(caught.value)
    assert not Path("out.png").exists()


def test_what_fits(ready):
    found = intarsia.capacity("cover.png", "secret.png", method=TOY, model="run")
    assert found is not None


def test_a_secret_longer_than_the_header_can_say(ready):
    write("secret.png", np.zeros((1, 70_000, 3), np.uint8))
    refused(UsageError, 2, "70000")
