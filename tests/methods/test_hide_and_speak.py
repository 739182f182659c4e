"""Hide and Speak: the layers of its public code, its frames, and messages that come back from the file."""

import numpy as np
import pytest
import torch
from skimage import data

from intarsia.carrier.keys import Keyring
from intarsia.engine import spectrum
from intarsia.engine.recipe import Phase
from intarsia.errors import DoesNotFitError, UsageError
from intarsia.media import Audio, Image, audio_file, metrics, sound_metrics
from intarsia.media.image import resize
from intarsia.methods.base import no_progress
from intarsia.methods.hide_and_speak import METHOD, HideAndSpeakConfig, objective
from intarsia.methods.hide_and_speak import speech as messages_of
from intarsia.methods.hide_and_speak.network import HideAndSpeak
from intarsia.methods.learned import config_record
from intarsia.pipeline import hide_file, reveal_file
from intarsia.study.evaluate import material, of_ditas, plans, trips
from intarsia.zoo import weights
from samples import CHEAP, speech, terms, write

ALL = Phase("all")
COVER = speech(3.2)
SAID = speech(1.0, rate=8_000, seed=5)


def count(module):
    return sum(weight.numel() for weight in module.parameters())


def test_as_many_weights_as_the_public_code():
    net = HideAndSpeak()
    assert (count(net.encoder), count(net.carrier), count(net.messages)) == (148_992, 224_002, 297_858)
    assert count(net) == 670_852
    assert METHOD.network(HideAndSpeakConfig()).carrier[-1].convolution.kernel_size == (1, 1)


def test_frames_are_those_of_the_public_code():
    sound = torch.from_numpy(COVER[: objective.LENGTH].astype(np.float32) / 32768)[None, None]
    found = objective.magnitudes(sound)
    assert found.shape == (1, 1, *objective.PLANE) == (1, 1, 378, 129)
    padded = np.pad(sound[0, 0].double().numpy(), 256)
    for frame in (0, 1, 100, 377):
        expected = np.sqrt(np.abs(np.fft.rfft(padded[128 * frame : 128 * frame + 256])) ** 2 + 1e-10)
        assert np.allclose(found[0, 0, frame].numpy(), expected, atol=1e-4)


def test_the_cover_is_what_its_own_magnitudes_give():
    sound = torch.from_numpy(COVER[: objective.LENGTH].astype(np.float32) / 32768)[None, None]
    made, again = objective.written(sound, objective.magnitudes(sound), objective.Terms())
    assert torch.allclose(again, sound, atol=1e-6)
    held = objective.written(sound, made * 1.3, objective.Terms(snr=20.0))[1]
    noise = (held - sound).square().sum()
    assert float(10 * torch.log10(sound.square().sum() / noise)) == pytest.approx(20, abs=0.01)


def batch(pictures=False):
    drawn = np.random.default_rng(0)
    cover = torch.from_numpy(COVER[: objective.LENGTH].copy())[None, None]
    if pictures:
        return {"cover": cover, "secret": torch.from_numpy(drawn.integers(0, 256, (1, 3, 32, 32), dtype=np.uint8))}
    return {"cover": cover, "secret": torch.from_numpy(speech(6.0, seed=3))[None, None]}


@pytest.mark.parametrize(
    ("changes", "hidden"),
    [
        ({"messages": 2}, False),
        ({"hides": "picture", "messages": 3, "side": 32}, True),
        ({"hides": "picture", "messages": 1, "side": 32, "snr": 20.0, "held": "plane", "rounds": False}, True),
    ],
)
def test_the_loss_is_three_to_one_and_every_weight_learns(changes, hidden):
    torch.manual_seed(0)
    learner = METHOD.learner(HideAndSpeakConfig(width=4, **changes), METHOD.recipe)
    assert dict(learner.phases[0].weights) == {"carrier": 3.0, "messages": 1.0}
    found = learner.losses(batch(hidden), ALL)
    sum(found.terms.values()).backward()
    assert all(weight.grad is not None and torch.isfinite(weight.grad).all() for weight in learner.net.parameters())
    with torch.no_grad():
        figures = learner.figures(batch(hidden))
    assert ("secret_psnr" in figures) == hidden and all(np.isfinite(value) for value in figures.values())


def test_phases_that_fit_give_the_magnitudes_back():
    sound = torch.from_numpy(speech(3.0, seed=4).astype(np.float32) / 32768)[None, None]
    wanted = objective.magnitudes(sound)
    found = objective.magnitudes(messages_of.with_phases(wanted, rounds=30))
    assert float(10 * torch.log10(wanted.square().sum() / (found - wanted).square().sum())) > 12
    assert float(spectrum.magnitude(torch.zeros(1, dtype=torch.complex64))) == pytest.approx(1e-5)


def test_a_picture_is_stretched_and_comes_back():
    picture = torch.from_numpy(resize(Image(data.camera()), 64, 64).samples.astype(np.float32) / 255)[None, None]
    again = objective.shrunk(objective.stretched(picture, 2.0), 64, 2.0)
    assert float(-10 * torch.log10((again - picture).square().mean())) > 25


def test_one_pair_is_learned():
    torch.manual_seed(0)
    learner = METHOD.learner(HideAndSpeakConfig(width=4, cover=0.0), METHOD.recipe)
    pair = {name: each[..., :] for name, each in batch().items()} | {"secret": batch()["secret"][..., :48_000]}
    optimiser = torch.optim.Adam(learner.net.parameters(), lr=1e-2)
    costs = []
    for _ in range(12):
        cost = learner.losses(pair, ALL).terms["messages"]
        optimiser.zero_grad()
        cost.backward()
        optimiser.step()
        costs.append(float(cost.detach()))
    assert costs[-1] < 0.9 * costs[0]


# --- networks that pass the message on, through files ---------------------------------------------------------

PICTURE = Image(resize(Image(data.camera()), 32, 32).samples, name="camera.png")
CONFIGS = {"picture": HideAndSpeakConfig(hides="picture", width=2, side=32), "speech": HideAndSpeakConfig(width=2)}


def passing(net):
    """Set weights by hand: every gate is open, and the container's magnitudes are the message's own."""
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.zero_()
                layer.bias.zero_()
        for row, first in ((net.carrier, -1), *((decoder, 0) for decoder in net.messages)):
            for number, layer in enumerate(row):
                middle = layer.convolution.kernel_size[0] // 2
                layer.convolution.weight[0, first if number == 0 else 0, middle, middle] = 1
                layer.gate.bias.fill_(20)
    return net


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name, config in CONFIGS.items():
        net = passing(METHOD.network(config))
        floats = {key: tensor.numpy() for key, tensor in net.state_dict().items()}
        (folder / name).mkdir()
        record = config_record(config)
        weights.save(folder / name / "model.safetensors", floats, method="hide_and_speak", config=record, step=1)
    return folder


def hidden(models, name, secret, path, cover=COVER, **settings):
    how = terms(method="hide_and_speak", model=str(models / name), settings=settings)
    return hide_file(Audio.of(cover, 16_000), secret, path, how)


def test_a_picture_comes_back_from_the_file(models, tmp_path):
    report = hidden(models, "picture", PICTURE, tmp_path / "c.wav")
    found = reveal_file(tmp_path / "c.wav", None, terms(model=str(models / "picture"))).value
    assert found.samples.shape == PICTURE.samples.shape and found.name == "camera.png"
    assert metrics.psnr(PICTURE.samples, found.samples) == pytest.approx(report.secrets[0].quality)


def test_speech_comes_back_at_its_own_rate_and_length(models, tmp_path):
    said = Audio.of(SAID, 8_000, name="said.wav")
    report = hidden(models, "speech", said, tmp_path / "c.wav")
    found = reveal_file(tmp_path / "c.wav", None, terms(model=str(models / "speech"))).value
    assert (found.length, found.rate, found.name) == (said.length, 8_000, "said.wav")
    assert (
        report.secrets[0].quality == pytest.approx(sound_metrics.magnitude_snr(SAID, found.samples[:, 0]))
        and report.verified
    )


@pytest.mark.parametrize(("name", "secret"), [("speech", Audio.of(SAID, 8_000)), ("picture", PICTURE)])
def test_refined_it_is_heard_better_and_is_no_louder(models, tmp_path, name, secret):
    plain, refined = (hidden(models, name, secret, tmp_path / f"{n}.wav", refine=str(n)) for n in (0, 30))
    assert refined.secrets[0].quality > plain.secrets[0].quality + 0.5
    assert refined.carrier_snr == pytest.approx(plain.carrier_snr, abs=0.05)
    with pytest.raises(UsageError, match="refine is -1"):
        HideAndSpeakConfig(refine=-1)


def test_its_own_table_is_through_floats_and_from_the_file(models, tmp_path, monkeypatch):
    monkeypatch.setattr(trips, "Keyring", lambda password: Keyring(password, CHEAP))
    (tmp_path / "speech").mkdir()
    for seed in (1, 2):
        sound = Audio.of(speech(3.0, seed=seed), 16_000)
        write(tmp_path / "speech" / f"{seed}.wav", audio_file.encode(sound, "WAV"))
    model = str(models / "speech")
    plan = of_ditas.plans(plans.Given(material.find(tmp_path), {"hide_and_speak": [model]}))[-1]
    assert (plan.name, [row.column for row in plan.rows]) == ("hide-and-speak", ["direct", "file"])
    measured = [trips.measure(task, trips.Room(tmp_path / "items" / "1", no_progress)) for task in plan.tasks]
    floats, saved = measured[0]["values"], measured[2]["values"]
    assert floats["carrier_magnitude_snr"] == pytest.approx(saved["carrier_magnitude_snr"], abs=0.1)
    assert floats["secret_magnitude_snr"] == pytest.approx(saved["secret_magnitude_snr"], abs=1)
    assert saved["secret_magnitude_snr"] > 3


def test_what_it_was_not_trained_for_is_refused(models, tmp_path):
    with pytest.raises(UsageError, match="this model hides speech"):
        hidden(models, "speech", PICTURE, tmp_path / "c.wav")
    with pytest.raises(UsageError, match="this model hides picture"):
        hidden(models, "picture", Audio.of(SAID, 8_000), tmp_path / "c.wav")
    with pytest.raises(UsageError, match="1 at once, not 2"):
        hidden(models, "speech", [Audio.of(SAID, 8_000)] * 2, tmp_path / "c.wav")
    with pytest.raises(DoesNotFitError, match=r"6\.00 s at 16,000 Hz, and the cover lasts 3\.20 s"):
        hidden(models, "speech", Audio.of(speech(4.0), 16_000), tmp_path / "c.wav")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hides": "video"}, "hides"),
        ({"messages": 9}, "messages is 9"),
        ({"hides": "picture", "messages": 2}, "1 or 3 for pictures"),
        ({"cover": -1.0}, "cover"),
        ({"snr": 100.0}, "snr"),
        ({"side": 4}, "side is 4"),
        ({"scale": 0.0}, "scale"),
        ({"held": "air"}, "held"),
        ({"width": 0}, "width"),
    ],
)
def test_settings_that_cannot_be_meant(changes, message):
    with pytest.raises(UsageError, match=message):
        HideAndSpeakConfig(**changes)
    assert METHOD.needs(HideAndSpeakConfig()) == ("audio",)
