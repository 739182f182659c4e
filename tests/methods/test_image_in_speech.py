"""Image in speech: networks as described, losses as written, pictures that come back through 16 bits."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skimage import data

import intarsia
from intarsia.carrier import keys
from intarsia.engine import planes, rounding
from intarsia.engine.company import team
from intarsia.engine.loop import learn
from intarsia.engine.recipe import Phase, Recipe
from intarsia.errors import DoesNotFitError, NoSecretError, UsageError
from intarsia.media import Audio, Image, audio_file, transit
from intarsia.media.image import resize
from intarsia.methods.image_in_speech import METHOD, ImageInSpeechConfig
from intarsia.methods.image_in_speech.network import SCALES, Architecture, Enhancer, Gated, Hider, ImageInSpeech, Trunk
from intarsia.methods.image_in_speech.objective import ENHANCE, HIDE, Weights
from intarsia.methods.picture_in_sound import at_rate
from intarsia.zoo import weights
from samples import speech

SMALL = {"size": "small", "fold": 8, "pixels": 16, "width": 2, "residual": True, "compand": True}
HOLDING = Phase(HIDE)


def config(variant="mdct", **changes):
    return ImageInSpeechConfig(**{"variant": variant, **SMALL, **changes})


def batch(settings, count=2, seed=0):
    """Return pictures of soft colours, and speech."""
    draw = np.random.default_rng(seed)
    soft = (
        draw.integers(0, 256, (count, 3, 4, 4), np.uint8).repeat(settings.shown // 4, 2).repeat(settings.shown // 4, 3)
    )
    length = METHOD.clip(settings) * (3 // settings.planes)
    cuts = np.stack([speech(length / 16_000 + 0.1, seed=seed + n)[:length] for n in range(count)])
    return {"secret": torch.from_numpy(soft), "cover": torch.from_numpy(cuts.astype(np.int16))[:, None]}


def learner(settings, seed=0):
    torch.manual_seed(seed)
    return METHOD.learner(settings, METHOD.recipe)


# --- as published ----------------------------------------------------------------------------------------------


def test_defaults_are_the_papers():
    settings = ImageInSpeechConfig()
    assert (settings.variant, settings.recipe, settings.fold, settings.planes) == ("paper", "ssim", 1, 1)
    assert not (settings.residual or settings.compand or settings.snr or settings.swapped)
    plane = settings.way().plane
    assert (plane.window, plane.hop, plane.frames, plane.length) == (1024, 31, 512, 16_865)
    assert METHOD.size(settings) == (512, 512)
    assert METHOD.recipe.steps == 203_000
    assert settings.weights() == Weights(0.995, 0.005, 0.85, 0.15, 0.69, 1.0)


def test_recipes_are_the_columns_of_the_table():
    assert ImageInSpeechConfig(recipe="base").weights() == Weights(1.0, 0.0, 1.0, 0.0, 0.69, 1.0)
    swapped = ImageInSpeechConfig(swapped=True).weights()
    assert (swapped.cover, swapped.secret) == (1.0, 0.69)
    assert learner(config(recipe="ssim")).net.enhancer is None
    enhancing = learner(config(recipe="ssim+enhancer"))
    assert [(phase.name, phase.train) for phase in enhancing.phases] == [
        (HIDE, ("hider", "revealer")),
        (ENHANCE, ("enhancer",)),
    ]
    assert [phase.share for phase in enhancing.phases] == [0.75, 0.25]
    alone = learner(config(recipe="ssim+enhancer", enhancer_share=1.0))
    assert [phase.name for phase in alone.phases] == [ENHANCE]


def test_a_gate_is_dauphins():
    layer, x = Gated(2, 3), torch.randn(1, 2, 5, 6)
    by_hand = layer.convolution(x) / (1 + torch.exp(-layer.gate(x)))
    assert torch.allclose(layer(x), by_hand, atol=1e-6)


def test_the_trunk_adds_what_has_one_scale():
    trunk, x = Trunk(1, 1, 2), torch.rand(1, 1, 2 * SCALES, SCALES)
    with torch.no_grad():
        for up in trunk.up:
            up.weight.zero_()
            up.bias.fill_(-1)
        shallow = trunk.last(torch.relu(trunk.level[0](torch.relu(trunk.first(x)))))
        assert torch.allclose(trunk(x), shallow, atol=1e-6)


def test_the_published_container_is_no_change_but_a_plane_above_zero():
    net = ImageInSpeech(Architecture(width=2))
    with torch.no_grad():
        net.hider.trunk.last.weight.zero_()
        net.hider.trunk.last.bias.fill_(-1)
        plane, secret = torch.rand(1, 1, 16, 16), torch.rand(1, 1, 16, 16)
        assert float(net.hide(plane, secret).abs().max()) == 0
        net.hider.trunk.last.bias.zero_()
        kept = ImageInSpeech(Architecture(width=2, residual=True))
        kept.hider.trunk.last.weight.zero_()
        kept.hider.trunk.last.bias.zero_()
        assert torch.equal(kept.hide(plane, secret), plane)


@pytest.mark.parametrize("make", [lambda: Hider(Architecture(width=8)), lambda: Trunk(1, 1, 8), lambda: Enhancer(8)])
def test_gradients_reach_every_weight(make):
    torch.manual_seed(0)
    part = make()
    channels = 3 if isinstance(part, Enhancer) else 1
    x = torch.rand(2, channels, 16, 24)
    made = part(x, torch.rand(2, 1, 16, 24)) if isinstance(part, Hider) else part(x)
    assert made.shape == x.shape
    made.square().sum().backward()
    assert all(float(weight.grad.abs().sum()) > 0 for weight in part.parameters())


@pytest.mark.parametrize("part", ["enhancer", "hider and revealer"])
def test_networks_overfit_one_example(part):
    torch.manual_seed(0)
    target = torch.from_numpy(np.ascontiguousarray(data.astronaut()[::16, ::16])).permute(2, 0, 1)[None].float() / 255
    if part == "enhancer":
        net, run = (made := Enhancer(4)), lambda: made((target - 0.2).clamp(0, 1))
    else:
        how = Architecture(width=4, residual=True)
        net, plane = ImageInSpeech(how), torch.rand(1, 1, 32, 32)
        run = lambda: net.reveal(net.hide(plane, target[:, :1]))  # noqa: E731
    wanted = target if part == "enhancer" else target[:, :1]
    adam = torch.optim.Adam(net.parameters(), 5e-3)
    first = float((run() - wanted).square().mean().detach())
    for _ in range(120):
        adam.zero_grad()
        loss = (run() - wanted).square().mean()
        loss.backward()
        adam.step()
    assert float(loss.detach()) < 0.12 * first


def test_an_enhancer_with_a_shortcut_begins_at_its_picture():
    picture = torch.rand(1, 3, 16, 16) * 0.9 + 0.05
    with torch.no_grad():
        assert torch.allclose(Enhancer(2, shortcut=True)(picture), picture, atol=1e-5)
        assert not torch.allclose(Enhancer(2)(picture), picture, atol=0.05)


def test_the_loss_is_written_down():
    settings = config(recipe="ssim")
    taught = learner(settings)
    given = batch(settings)
    with torch.no_grad():
        terms = taught.losses(given, HOLDING).terms
        cover, secret = taught._items(given)
        before = taught.way.plane.of(cover)
        samples, _ = taught.way.written(cover, taught.net.hide(before, secret))
        plane = taught.way.plane.of(rounding.sound(samples))
        revealed = taught.net.reveal(plane)
    from intarsia.engine.similarity import ssim

    wanted = 0.69 * (0.995 * (before - plane).square().mean() + 0.005 * (1 - ssim(before, plane)) / 2)
    assert float(terms["cover"]) == pytest.approx(float(wanted), rel=1e-5)
    wanted = 0.85 * (secret - revealed).square().mean() + 0.15 * (1 - ssim(secret, revealed)) / 2
    assert float(terms["secret"]) == pytest.approx(float(wanted), rel=1e-5)


# --- variants --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["paper", "consistent", "mdct"])
def test_the_ratio_is_held_where_the_variant_says(variant):
    settings = config(variant, snr=30.0)
    taught = learner(settings)
    cover, secret = taught._items(batch(settings))
    with torch.no_grad():
        samples, made = taught.way.written(cover, taught.net.hide(taught.way.plane.of(cover), secret))
    if variant == "paper":
        assert float(planes.snr(taught.way.plane.of(cover), made)) == pytest.approx(30, abs=1e-2)
        assert float(planes.snr(cover, samples)) > 30
    else:
        assert float(planes.snr(cover, samples)) == pytest.approx(30, abs=1e-2)


def test_only_the_published_variant_learns_from_what_is_no_sound():
    for variant in ("paper", "consistent", "mdct"):
        settings = config(variant, snr=20.0)
        taught = learner(settings)
        given = batch(settings)
        with torch.no_grad():
            figures = taught.figures(given)
        same = figures["secret_psnr"] == pytest.approx(figures["secret_psnr_direct"], abs=0.3)
        assert same or variant == "paper"
    with torch.no_grad():
        settings = config("paper")
        taught = learner(settings)
        cover, secret = taught._items(batch(settings))
        samples, made = taught.way.written(cover, taught.net.hide(taught.way.plane.of(cover), secret))
        assert torch.equal(taught._through(batch(settings))[3], made)
        assert not torch.allclose(taught.way.plane.of(samples), made, atol=1e-3)


def test_a_channel_while_learning_is_heard_by_the_revealer_and_by_nobody_else():
    plain, lossy = (learner(config(snr=20.0, transit=text)) for text in ("wav", "zero:.99"))
    found = [taught._through(batch(config())) for taught in (plain, lossy)]
    for one, other in zip(found[0][1:], found[1][1:], strict=True):
        assert torch.equal(one, other)
    assert not torch.allclose(found[0][0], found[1][0], atol=1e-4)
    with torch.no_grad():
        first, second = (taught.figures(batch(config())) for taught in (plain, lossy))
    assert first == second


@pytest.mark.parametrize("together", [1, 2, 3])
def test_one_clip_carries_one_two_or_three_planes(together):
    settings = config(planes=together)
    taught = learner(settings)
    cover, secret = taught._items(batch(settings))
    assert secret.shape[1] == together
    assert len(cover) == len(secret)
    found = taught.losses(batch(settings), HOLDING)
    sum(found.terms.values()).backward()


def test_it_learns_phase_by_phase():
    settings = config(recipe="ssim+enhancer", snr=15.0, width=4)
    taught = learner(settings)

    class Again:
        content = "one batch"

        def draw(self, step, first=0, count=None):
            return {name: values.numpy()[first:][:count] for name, values in batch(settings).items()}

        def validation(self, count):
            return self.draw(0)

    before = {name: weight.clone() for name, weight in taught.net.state_dict().items()}
    with torch.no_grad():
        first = taught.figures(batch(settings))["secret_mae"]
    recipe = Recipe(steps=30, batch=2, lr=5e-3, precision="float32", validate=30, pictures=2, log=30, save=1e9)
    learn(taught, Again(), recipe, members=team("cpu"))
    with torch.no_grad():
        assert taught.figures(batch(settings))["secret_mae"] < first
    moved = {name.split(".")[0] for name, weight in taught.net.state_dict().items() if not weight.equal(before[name])}
    assert moved == {"hider", "revealer", "enhancer"}


def test_settings_that_cannot_be_meant():
    for changes, said in (
        ({"variant": "dct"}, "variant is 'dct'; expected paper, consistent, mdct"),
        ({"pixels": 100}, "pixels is 100; expected a multiple of 512"),
        ({"planes": 2, "recipe": "ssim+enhancer"}, "planes=2"),
        ({"enhancer_share": 0.0}, "enhancer_share is 0.0"),
        ({"enhancer_share": 1.5}, "enhancer_share is 1.5"),
        ({"fold": 3}, "fold is 3"),
        ({"snr": -3.0}, "snr is -3.0"),
        ({"transit": "noise:40", "variant": "paper"}, "transit needs a file"),
        ({"transit": "mp3:64", "variant": "mdct"}, "cannot be learnt through"),
        ({"speed": 0.6}, "speed is 0.6"),
    ):
        with pytest.raises(UsageError, match=said):
            ImageInSpeechConfig(**changes)


def test_speech_is_played_faster_and_slower_while_learning():
    tone = np.rint(8_000 * np.sin(2 * np.pi * 1_000 / 16_000 * np.arange(5 * 16_000))).astype(np.int16)
    pack = SimpleNamespace(
        pictures=[COLOUR.samples], train_pictures=[0], validation_pictures=[0], sounds=[tone], train_sounds=[0],
        validation_sounds=[0],
    )  # fmt: skip

    def heard(**changes):
        config = ImageInSpeechConfig(variant="mdct", pixels=128, **changes)
        found = METHOD.batches(config, Recipe(batch=8), pack).draw(0)["cover"][:, 0]
        return np.abs(np.fft.rfft(found)).argmax(axis=1) * 16_000 / found.shape[1]

    assert np.ptp(heard()) < 1
    assert 50 < np.ptp(heard(speed=0.1)) < 200 and np.abs(heard(speed=0.1) - 1_000).max() < 101


# --- through files ---------------------------------------------------------------------------------------------


@pytest.fixture
def model(request, tmp_path, monkeypatch):
    """Make a run folder whose networks write a plane of 16 x 16 straight over a plane of coefficients."""
    for name, cheap in zip(("passes", "memory_kib", "lanes"), (1, 8, 1), strict=True):
        monkeypatch.setitem(keys.V1.__dict__, name, cheap)
    monkeypatch.chdir(tmp_path)
    settings = config(fold=8, width=2, recipe="ssim+enhancer", planes=getattr(request, "param", 1))
    net = Plain(settings.architecture())
    (tmp_path / "run").mkdir()
    record = {name: getattr(settings, name) for name in settings.__dataclass_fields__}
    weights.save(
        tmp_path / "run/model.safetensors",
        net.state_dict(),
        method="image_in_speech",
        config=record,
        step=1,
        force=True,
    )
    monkeypatch.setattr(METHOD.__class__, "network", lambda self, config: Plain(config.architecture()))
    return "run"


class Plain(ImageInSpeech):
    """Networks that need not learn: planes stand in coefficients as they are, a quarter as loud as the sound."""

    def hide(self, plane, secret):
        made = plane.clone()
        for number in range(self.how.planes):
            made[:, 0, 32:48, 32 + 16 * number : 48 + 16 * number] = secret[:, number] - 0.5
        return made

    def reveal(self, plane):
        parts = [plane[..., 32:48, 32 + 16 * number : 48 + 16 * number] for number in range(self.how.planes)]
        return torch.cat(parts, 1).float() + 0.5

    def enhance(self, picture):
        return picture * 0.8


GREY = Image(np.ascontiguousarray(data.camera()[::32, ::32]), name="camera.png")
COLOUR = Image(np.ascontiguousarray(data.astronaut()[::32, ::32]), name="astronaut.png")


def sound(seconds=4.0, **how):
    return Audio.of(speech(seconds), 16_000, **how)


def near(one, other):
    return np.abs(one.samples.astype(int) - other.samples).mean() < 3


def test_grey_and_colour_and_several_come_back(model):
    for secret in (GREY, COLOUR):
        report = intarsia.hide(
            sound(), secret, "out.wav", password="p", method="image_in_speech", model=model, force=True
        )
        assert any("does not encrypt" in note for note in report.notes)
        settings = {} if secret is GREY else {"enhance": "false"}
        found = intarsia.reveal("out.wav", password="p", model=model, **settings).value
        assert near(secret, found)
        assert found.name == secret.name
    intarsia.hide(sound(6), [GREY, COLOUR], "two.wav", password="p", method="image_in_speech", model=model)
    first, second = intarsia.reveal("two.wav", password="p", model=model).values
    assert near(GREY, first)
    assert near(Image(np.rint(COLOUR.samples * 0.8).astype(np.uint8)), second)


@pytest.mark.parametrize("model", [1, 3], indirect=True)
def test_refining_knows_what_the_enhancer_will_do(model):
    def off(steps):
        report = intarsia.hide(
            sound(), COLOUR, "out.wav", password="p", method="image_in_speech", model=model, refine=steps, force=True
        )
        found = intarsia.reveal("out.wav", password="p", model=model).value
        return np.abs(COLOUR.samples.astype(int) - found.samples).mean(), report.carrier_snr

    plain, refined = off("0"), off("40")
    assert refined[0] < 0.8 * plain[0]
    assert refined[1] == pytest.approx(plain[1], abs=0.05)


def test_a_lossy_file_is_read_without_its_header_where_a_method_is_named(model):
    how = {"method": "image_in_speech", "model": model}
    intarsia.hide(sound(), GREY, "out.wav", password="p", **how)
    sent = transit.send(audio_file.load("out.wav"), "noise:50", seed=0)
    with pytest.raises(NoSecretError):
        intarsia.reveal(sent, password="p", model=model)
    found = intarsia.reveal(sent, password="p", **how, colour="false")
    assert near(GREY, found.value)
    assert not found.authenticated
    assert "nothing vouches for it" in found.notes[0]
    assert intarsia.reveal(sent, "shown.png", password="p", **how, size="64x48").value.samples.shape == (48, 64, 3)
    slower = at_rate(sent, 32_000)
    assert near(GREY, intarsia.reveal(slower, password="p", **how, colour="false", rate="16000").value)
    with pytest.raises(NoSecretError):  # too short for three planes
        intarsia.reveal(sound(2), password="p", **how)
    for settings, said in (
        ({"size": "big"}, "size is 'big'"),
        ({"rate": "3"}, "rate is 3"),
        ({"fold": "8"}, "enhance="),
    ):
        with pytest.raises(UsageError, match=said):
            intarsia.reveal(sent, password="p", **how, **settings)


@pytest.mark.parametrize("model", [3], indirect=True)
def test_three_grey_pictures_share_a_clip_of_three_planes(model):
    others = [
        Image(np.ascontiguousarray(each), name=f"{number}.png")
        for number, each in enumerate((GREY.samples.T, 255 - GREY.samples))
    ]
    intarsia.hide(sound(1.1), [GREY, *others], "out.wav", password="p", method="image_in_speech", model=model)
    for one, other in zip([GREY, *others], intarsia.reveal("out.wav", password="p", model=model).values, strict=True):
        assert near(one, other)
    intarsia.hide(sound(1.1), COLOUR, "colour.wav", password="p", method="image_in_speech", model=model)
    assert near(COLOUR, intarsia.reveal("colour.wav", password="p", model=model, enhance="false").value)


def test_the_tail_and_the_other_channel_stay(model):
    cover = Audio.of(np.stack([speech(3.0), speech(3.0, seed=5)], axis=1), 44_100)
    intarsia.hide(cover, GREY, "out.wav", password="p", method="image_in_speech", model=model)
    saved = audio_file.load("out.wav")
    assert (saved.rate, saved.channels, saved.depth, saved.length) == (44_100, 2, 16, cover.length)
    off = np.abs(saved.samples - cover.samples)
    assert off[:16_384, 0].max() > 100
    assert off[16_384:].max() <= 1
    assert off[:, 1].max() <= 1


def test_24_bits_stay_24_bits(model):
    samples = speech(2.0).astype(np.int32) * 256 + 17
    intarsia.hide(
        Audio.of(samples, 16_000, depth=24), GREY, "out.wav", password="p", method="image_in_speech", model=model
    )
    assert audio_file.load("out.wav").depth == 24
    assert near(GREY, intarsia.reveal("out.wav", password="p", model=model).value)


def test_too_short_a_sound_is_refused_with_the_seconds_needed(model):
    with pytest.raises(
        DoesNotFitError, match=r"3 planes take 3\.07 s at 16,000 Hz, and the cover lasts 2\.00 s"
    ) as caught:
        intarsia.hide(sound(2.0), COLOUR, "out.wav", password="p", method="image_in_speech", model=model)
    assert caught.value.exit_code == 5
    assert caught.value.needed == 3 * 16_384


def test_another_password_finds_nothing_and_other_settings_are_refused(model):
    intarsia.hide(sound(), GREY, "out.wav", password="p", method="image_in_speech", model=model)
    with pytest.raises(NoSecretError):
        intarsia.reveal("out.wav", password="q", model=model)
    with pytest.raises(UsageError, match="revealed with enhance="):
        intarsia.reveal("out.wav", password="p", model=model, size="64x64")


def test_a_secret_of_another_size_comes_back_at_its_own(model):
    wide = resize(COLOUR, 40, 22)
    intarsia.hide(sound(), wide, "out.wav", password="p", method="image_in_speech", model=model)
    found = intarsia.reveal("out.wav", password="p", model=model, enhance="false").value
    assert (found.width, found.height) == (40, 22)
    quality = METHOD.compare(wide, found, sound())
    assert 15 < quality < math.inf
