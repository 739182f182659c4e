"""DITAS: stages that hide what was left over, variants wired as drawn, and pictures that survive what is lost."""

import dataclasses

import numpy as np
import pytest
import torch
from skimage import data

from intarsia.engine.company import team
from intarsia.engine.loop import learn
from intarsia.engine.recipe import Phase, Recipe
from intarsia.engine.transit.pictures import luma
from intarsia.errors import DoesNotFitError, NoSecretError, UsageError
from intarsia.media import Audio, Image, audio_file, metrics
from intarsia.media import transit as real
from intarsia.media.image import resize
from intarsia.methods.ditas import METHOD, DitasConfig, objective, trip
from intarsia.methods.ditas.network import VARIANTS, Ditas
from intarsia.methods.learned import config_record
from intarsia.pipeline import hide_file, reveal_file
from intarsia.zoo import weights
from samples import speech, terms

ALL = Phase("all")
TINY = {
    "representation": "mdct",
    "window": 64,
    "frames": 32,
    "compand": 25.0,
    "side": 32,
    "fold": 2,
    "spread": True,
    "colour": False,
    "width": 24,
    "layers": 3,
    "snr": 25.0,
    "stages": 2,
}
PIECE = 1024  # samples of a stage
SECRET = Image(resize(Image(data.camera()), 32, 32).samples, name="camera.png")
COVER = speech(3.0)


def config(**changes):
    return DitasConfig(**{**TINY, **changes})


def batch_of(how, count=2, seed=0):
    drawn = torch.Generator().manual_seed(seed)
    length = METHOD.clip(how)
    sound = torch.from_numpy(speech(count * length / 16_000 + 0.1))[: count * length]
    picture = torch.randint(0, 256, (count, 3, how.side, how.side), generator=drawn, dtype=torch.uint8)
    return {"cover": sound.reshape(count, 1, length), "secret": picture}


def learner_of(how, seed=0):
    torch.manual_seed(seed)
    return METHOD.learner(how, METHOD.recipe)


def count(module):
    return sum(weight.numel() for weight in module.parameters())


# --- networks ------------------------------------------------------------------------------------------------


def layer(before, after, norm):
    return 9 * before * after + (2 * after if norm else after)


@pytest.mark.parametrize("variant", VARIANTS)
def test_weights_are_those_of_the_drawing(variant):
    how = DitasConfig(variant=variant)
    net = learner_of(how).net
    hiding = layer(4, 64, True) + 4 * layer(64, 64, True) + layer(64, 1, False)
    revealing = layer(1, 64, True) + 4 * layer(64, 64, True) + layer(64, 3, False)
    fuse = 2 * 64 * 64 + 64
    assert net.count == (1 if variant == "S" else 3)
    for number in range(net.count):
        told = fuse if number else 0
        assert count(net.stage(number).hiding) == hiding + told * ("E" in variant)
        assert count(net.stage(number).revealing) == revealing + told * (variant in ("M-D", "M-ED"))


def test_deep_steg_stands_in_the_place_of_a_stage():
    how = config(network="deep_steg", variant="S", width=4, residual=False, frames=64)
    found = learner_of(how).losses(batch_of(how), ALL)
    assert set(found.terms) == {"cover1", "secret1"}
    with pytest.raises(UsageError, match="one stage"):
        config(network="deep_steg", variant="M")


@pytest.mark.parametrize(
    "changes",
    [
        *({"variant": variant} for variant in VARIANTS),
        {"representation": "magnitude", "hop": 32, "snr": 0.0},
        {"representation": "magnitude", "hop": 16, "held": "plane"},
        {"representation": "magnitude", "hop": 32, "round_trip": False, "snr": 0.0, "compand": 0.0},
        {"colour": True, "norm": False},
        {"transit": "wav|noise:30|zero:.25"},
        {"frames": 64, "spread": False},
    ],
)
def test_every_setting_learns(changes):
    how = config(**changes)
    learner = learner_of(how)
    found = learner.losses(batch_of(how), ALL)
    sum(found.terms.values()).backward()
    assert all(weight.grad is not None and torch.isfinite(weight.grad).all() for weight in learner.net.parameters())
    if how.snr and how.held == "sound":
        assert float(found.quality.detach()) == pytest.approx(how.snr, abs=0.01)
    learner.net.eval()
    with torch.no_grad():
        figures = learner.figures(batch_of(how))
    assert all(np.isfinite(value) for value in figures.values())


# --- the loss ------------------------------------------------------------------------------------------------


def test_the_loss_is_the_posters_and_the_recursion_leaves_what_is_left():
    how = config(snr=0.0, representation="magnitude", hop=32, round_trip=False, variant="M")
    learner = learner_of(how)
    learner.net.eval()
    batch = batch_of(how)
    with torch.no_grad():
        terms_ = learner.losses(batch, ALL).terms
        covers = trip.pieces(batch["cover"].float() / 32768, 2)
        picture = luma(batch["secret"].float() / 255)
        steps = trip.go(learner.net, covers, picture, how.terms())
    assert torch.allclose(steps[1].secret, steps[0].secret - steps[0].revealed)
    for number, step in enumerate(steps, 1):
        container = ((step.cells - how.terms().tiles.cells(covers[number - 1])) ** 2).mean()
        assert float(terms_[f"cover{number}"]) == pytest.approx(float(container), rel=1e-5)
        assert float(terms_[f"secret{number}"]) == pytest.approx(float(((step.revealed - step.secret) ** 2).mean()))
    shown = trip.shown([step.revealed for step in steps], how.tiles())
    last = how.tiles().picture(steps[1].secret - steps[1].revealed)
    assert torch.allclose(picture - shown, last, atol=1e-5)


def test_lambdas_are_weights_and_stages_can_learn_in_turn():
    phases = METHOD.learner(config(lambdas="1:3"), METHOD.recipe).phases
    assert dict(phases[0].weights) == {"secret1": 1.0, "secret2": 3.0}
    how = config(together=False)
    learner = learner_of(how)
    assert [phase.train for phase in learner.phases] == [("stage1",), ("stage2",)]
    learner.net.train()
    found = learner.losses(batch_of(how), learner.phases[1])
    assert set(found.terms) == {"cover2", "secret2"} and not learner.net.stage1.training


def gradient_of_first(how):
    learner = learner_of(how)
    learner.losses(batch_of(how), ALL).terms["secret2"].backward()
    return any(weight.grad is not None for weight in learner.net.stage1.revealing.parameters())


def test_the_gradient_through_the_recursion_is_a_switch():
    assert gradient_of_first(config(variant="M"))
    assert not gradient_of_first(config(variant="M", detach=True))


def test_residuals_are_described():
    flat, spiky = np.random.default_rng(0).normal(size=10_000), np.zeros(10_000)
    spiky[::100] = 1
    assert objective.kurtosis(flat) == pytest.approx(3, abs=0.2)
    assert objective.kurtosis(spiky) > 50
    assert objective.near_zero(spiky) == pytest.approx(0.99)
    assert objective.entropy(np.zeros(100)) == 0
    assert objective.entropy(np.repeat([0, 1, 2, 3], 25) / 255) == pytest.approx(2)


# --- what is missing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize("representation", ["mdct", "magnitude"])
def test_rows_whose_frames_are_gone_are_missing(spread, representation):
    tiles = config(spread=spread, representation=representation, hop=32).tiles()
    sound = torch.from_numpy(COVER[8000 : 8000 + tiles.plane.length].astype(np.float32) / 32768)[None, None]
    assert tiles.there(sound).shape == (1, 1, 16, 1) and tiles.there(sound).all()
    lost = sound.clone()
    lost[..., : tiles.plane.length // 4] = 0
    left = tiles.there(lost)[0, 0, :, 0]
    assert left.all() if spread else (left[:3] == 0).all() and (left[5:] == 1).all()
    assert not tiles.there(torch.zeros_like(sound)).any()


# --- a small model, through files ----------------------------------------------------------------------------


class Drawn:
    """Pieces of the cover, and the secret turned and mirrored."""

    content = "drawn"

    def __init__(self, how):
        self.length = METHOD.clip(how)

    def draw(self, step, first=0, count=None):
        rng = np.random.default_rng(step)
        starts = rng.integers(0, len(COVER) - self.length, 4)
        starts[0] = 0
        sounds = np.stack([COVER[at : at + self.length] for at in starts])[:, None]
        turned = [np.rot90(SECRET.samples, step + k) for k in (0, 0, 1, 2)]
        return {"cover": sounds, "secret": np.repeat(np.stack(turned)[:, None], 3, 1)}

    def validation(self, count):
        return self.draw(0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    how = config(variant="M-ED")
    learner = learner_of(how)
    recipe = Recipe(steps=350, batch=4, lr=5e-3, schedule="cosine", validate=10_000, precision="float32")
    learn(learner, Drawn(how), recipe, members=team("cpu"))
    floats = {name: t.numpy() for name, t in learner.net.state_dict().items() if t.is_floating_point()}
    weights.save(folder / "model.safetensors", floats, method="ditas", config=config_record(how), step=350)
    return str(folder)


def hidden(model, path, secret=SECRET, cover=None, **settings):
    cover = Audio.of(COVER, 16_000) if cover is None else cover
    return hide_file(cover, secret, path, terms(method="ditas", model=model, settings=settings))


def found(path, model, **settings):
    return reveal_file(path, None, terms(model=model, settings=settings))


def quality(value, secret=SECRET):
    return metrics.psnr(secret.samples, value.samples)


def after(path, channel, tmp_path):
    out = tmp_path / "after.wav"
    out.write_bytes(audio_file.encode(real.parse(channel, "audio")(audio_file.load(path)), "WAV"))
    return out


def test_a_picture_comes_back_from_the_file_and_grows_with_the_stages(model, tmp_path):
    path = tmp_path / "c.wav"
    report = hidden(model, path)
    assert report.verified and report.carrier_snr > 25
    seen = [quality(found(path, model, stages=stages).value) for stages in (1, 2)]
    assert seen[1] > seen[0] + 1 > 15
    assert quality(found(path, model).value) == seen[1]
    assert found(path, model).value.name == "camera.png"
    with pytest.raises(NoSecretError):
        reveal_file(path, None, terms("wrong", model=model))


@pytest.mark.parametrize("order", ["0:1", "1:0"])
def test_refined_it_is_read_better_after_every_stage_and_is_no_louder(model, tmp_path, order):
    seen = {}
    for steps in (0, 30):
        report = hidden(model, tmp_path / f"{steps}.wav", refine=str(steps), order=order)
        stages = [quality(found(tmp_path / f"{steps}.wav", model, stages=stages).value) for stages in (1, 2)]
        seen[steps] = (report.carrier_snr, *stages)
    assert seen[30][0] == pytest.approx(seen[0][0], abs=0.05)
    assert seen[30][1] > seen[0][1] + 0.3
    assert seen[30][2] > seen[0][2] + 0.5


def test_colour_takes_three_clips_and_several_pictures_share_a_sound(model, tmp_path):
    colour = Image(np.ascontiguousarray(resize(Image(data.astronaut()), 40, 24).samples))
    path = tmp_path / "c.wav"
    hide_file(
        Audio.of(COVER, 16_000), [SECRET, colour], path, terms(method="ditas", model=model, settings={"snr": 25.0})
    )
    one, other = found(path, model).values
    assert quality(one) > 15 and other.samples.shape == colour.samples.shape


def test_fewer_stages_take_less_sound(model, tmp_path):
    path = tmp_path / "c.wav"
    hidden(model, path, stages=1)
    changed = np.flatnonzero(np.abs(audio_file.load(path).samples[:, 0] - COVER.astype(np.int32)) > 1)
    assert changed.max() < PIECE
    assert quality(found(path, model).value) > 13
    with pytest.raises(UsageError, match="the model has 2"):
        hidden(model, path, stages=3, force=True)


def test_the_password_decides_the_order_of_the_stages(model, tmp_path):
    class Channel:
        def __init__(self, seed):
            self.seed = seed

        def stream(self, purpose, length):
            return np.random.default_rng(self.seed).bytes(length)

    orders = {METHOD.keyed(config(stages=3), Channel(seed)).order for seed in range(40)}
    assert len(orders) == 6
    assert METHOD.keyed(config(shuffle=False), Channel(0)).order == ""
    assert METHOD.keyed(config(order="1:0"), Channel(0)).order == "1:0"


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_stage_is_left_out(model, tmp_path, lost):
    path = tmp_path / "c.wav"
    hidden(model, path, order="1:0")
    sound = audio_file.load(path)
    samples = sound.samples.astype(np.int16)
    at = PIECE * (1 - lost)  # the order is turned round
    samples[at : at + PIECE] = 0
    broken = tmp_path / "broken.wav"
    broken.write_bytes(audio_file.encode(Audio.of(samples, 16_000), "WAV"))
    seen = found(broken, model)
    assert seen.loss > 0 and "what is left of the secret" in seen.notes[0]
    whole, flat = quality(found(path, model).value), quality(Image(np.full((32, 32), 128, np.uint8)))
    assert flat - 1 < quality(seen.value) < whole
    if lost == 1:
        assert np.array_equal(seen.value.samples, found(path, model, stages=1).value.samples)


@pytest.mark.parametrize("channel", ["zero:.25:1", "zero:.25:4:3", "zero:.7:1:1", "cut:.25:1:2", "cut:.5:1:5"])
def test_what_is_zeroed_or_cut_elsewhere_does_not_matter(model, tmp_path, channel):
    path = tmp_path / "c.wav"
    hidden(model, path, order="0:1")
    sound = audio_file.load(path)
    head, tail = sound.samples[: 2 * PIECE].astype(np.int16), sound.samples[2 * PIECE :].astype(np.int16)
    rest = real.parse(channel, "audio")(Audio.of(tail, 16_000)).samples.astype(np.int16)
    broken = tmp_path / "broken.wav"
    broken.write_bytes(audio_file.encode(Audio.of(np.concatenate([head, rest]), 16_000), "WAV"))
    seen = found(broken, model)
    assert np.array_equal(seen.value.samples, found(path, model).value.samples)
    assert seen.loss > 0.1


def test_stages_are_found_where_they_were_when_the_beginning_is_cut_off(model, tmp_path):
    path = tmp_path / "c.wav"
    hidden(model, path, order="1:0")
    samples = audio_file.load(path).samples.astype(np.int16)
    broken = tmp_path / "broken.wav"
    broken.write_bytes(audio_file.encode(Audio.of(samples[PIECE:], 16_000), "WAV"))
    seen = found(broken, model)
    first = found(path, model, stages=1)
    assert np.array_equal(seen.value.samples, first.value.samples)
    assert 0 < seen.loss < 0.2


def test_a_cover_with_digital_silence_bears_zeroing(model, tmp_path):
    samples = COVER.copy()
    samples[30_000:34_000] = 0
    path = tmp_path / "c.wav"
    hidden(model, path, cover=Audio.of(samples, 16_000))
    assert quality(found(path, model).value) > 15
    assert found(after(path, "zero:.2:1:3", tmp_path), model).loss > 0.1


# --- settings and errors -------------------------------------------------------------------------------------


def test_a_short_sound_says_how_long_it_must_be(model, tmp_path):
    with pytest.raises(DoesNotFitError, match=r"one plane takes 0\.13 s at 16,000 Hz, and the cover lasts 0\.06 s"):
        METHOD.equip(model)._check_room(Audio.of(COVER[:1000], 16_000), [SECRET], None, config())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variant": "L"}, "variant"),
        ({"network": "unet"}, "network"),
        ({"stages": 9}, "stages is 9"),
        ({"fold": 3}, "fold is 3"),
        ({"side": 33}, "multiple of 16"),
        ({"frames": 33}, "33 frames"),
        ({"lambdas": "1:-2"}, "lambdas"),
        ({"lambdas": "1:2", "stages": 3}, "lambdas"),
        ({"order": "0:0"}, "order"),
        ({"snr": 200.0}, "snr is 200"),
        ({"held": "air"}, "held"),
        ({"protect": 1.0}, "protect"),
        ({"representation": "wavelet"}, "representation"),
        ({"transit": "noise:30", "round_trip": False}, "round_trip"),
        ({"layers": 2}, "layers"),
        ({"width": 0}, "width"),
        ({"contrast": 0.0}, "contrast"),
    ],
)
def test_settings_that_cannot_be_meant(changes, message):
    with pytest.raises(UsageError, match=message):
        config(**changes).architecture()


def test_refining_takes_a_number_of_steps(model, tmp_path):
    with pytest.raises(UsageError, match=r"refine is -1; expected 0\.\.10,000 steps"):
        hidden(model, tmp_path / "c.wav", refine="-1")
    assert DitasConfig().refine == 0


def test_revealing_takes_stages_and_nothing_else():
    with pytest.raises(UsageError, match="leave out snr"):
        METHOD.viewing({"snr": 30})
    with pytest.raises(UsageError, match="stages is 0"):
        METHOD.viewing({"stages": "0"})


def test_defaults_are_what_is_published_and_the_rest_is_named():
    how = DitasConfig()
    assert (how.variant, how.snr, how.lambdas, how.residual) == ("M-ED", 0, "1", True)
    assert how.tiles().plane.shape == how.tiles().places == (128, 128)
    assert METHOD.size(how) == (128, 128) and METHOD.planes(how) == 3
    assert {each.name for each in dataclasses.fields(DitasConfig)} > METHOD.free
    assert isinstance(learner_of(config()).net, Ditas)
