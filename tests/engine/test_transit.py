"""Twins give what the real channels give; what they draw is as strong as asked; gradients come all the way back."""

import io
import math

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image as Pil

import samples
from intarsia.engine import transit
from intarsia.engine.transit import jpeg as coder
from intarsia.engine.transit import pictures, sounds
from intarsia.errors import UsageError
from intarsia.media import Audio, Image
from intarsia.media import transit as real

PICTURE = Image(samples.photograph(72, 97))
SPEECH = Audio.of(samples.speech(1.2, 16_000), 16_000)
RATE = 16_000
ALL = {"image": transit.PICTURES, "audio": transit.SOUNDS}
TEXTS = {
    "image": ("png jpeg:75 jpeg444:30 resize:0.5 blur:1 noise:2 plusminus1 grey quantise:5 brightness:.9 contrast:.8"),
    "audio": ("wav resample:8000 zero:.2:3 hold:.2:3 gain:-3 noise:40 plusminus1 requantise:9 lowpass:3000 echo:20:.3"),
}
EVERY = [(kind, text) for kind, texts in TEXTS.items() for text in texts.split()]


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def of_picture(image):
    return torch.from_numpy(image.planes())[None]


def levels(values):
    """Samples [H, W, 3] of pictures [1, 3, H, W]."""
    return (values[0] * 255).round().permute(1, 2, 0).numpy().astype(int)


def batch(kind, dtype=torch.float32):
    shape = (2, 3, 18, 27) if kind == "image" else (3, 2, 900)
    values = 0.2 + 0.6 * torch.rand(shape, generator=seeded(), dtype=torch.float64)
    return (values if kind == "image" else values - 0.5).to(dtype)


# --- against the real ones ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *("png", "resize:0.5", "resize:1.7", "resize:0.01", "blur:1", "blur:0.3", "grey", "quantise:5"),
        *("brightness:1.2", "contrast:1.3", "contrast:.5", "blur:1+brightness:.8"),
    ],
)
def test_pictures_arrive_as_they_really_do(text):
    expected = real.send(PICTURE, text).samples.astype(int)
    difference = np.abs(levels(transit.parse(text, "image")(of_picture(PICTURE))) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.001


@pytest.mark.parametrize(
    "text",
    ["wav", "gain:-6", "gain:20", "requantise:9", "lowpass:3000", "lowpass:9000", "echo", "echo:50:.7", "gain:3+echo"],
)
def test_sounds_arrive_as_they_really_do(text):
    expected = real.send(SPEECH, text).samples[:, 0].astype(int)
    found = transit.parse(text, "audio", rate=RATE)(torch.from_numpy(SPEECH.planes()))
    difference = np.abs((found[0] * 32768).round().numpy().astype(int) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01


@pytest.mark.parametrize("crop", [(512, 512), (65, 51)])
@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
@pytest.mark.parametrize("quality", [10, 50, 75, 90, 95])
def test_jpeg_is_pillows(quality, subsampling, crop):
    photograph = np.ascontiguousarray(skimage.data.astronaut()[: crop[0], : crop[1]])
    stream = io.BytesIO()
    Pil.fromarray(photograph).save(stream, "JPEG", quality=quality, subsampling=subsampling)
    opened = Pil.open(stream)
    assert sorted(opened.quantization[0]) == sorted(coder.table(quality, "luma"))
    assert sorted(opened.quantization[1]) == sorted(coder.table(quality, "chroma"))
    expected = np.asarray(opened).astype(int)
    difference = np.abs(levels(coder.jpeg(of_picture(Image(photograph)), quality, subsampling)) - expected)
    assert difference.mean() < 0.2  # grey levels
    assert (difference == 0).mean() > 0.85
    assert np.abs(expected - photograph).mean() > 1  # what the file itself loses


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 3), (16, 4), (9, 17)])
def test_jpeg_takes_any_size_and_grey(size):
    for samples_ in (PICTURE.samples[: size[0], : size[1]], PICTURE.samples[: size[0], : size[1], 0]):
        image = Image(np.ascontiguousarray(samples_))
        planes = of_picture(image)[:, : 1 if image.is_grey else 3]
        found = coder.jpeg(planes, 75)
        assert found.shape == planes.shape
        expected = of_picture(real.send(image, "jpeg:75"))[:, : planes.shape[1]]
        assert (found - expected).abs().mean() < 0.1 / 255


@pytest.mark.parametrize("width", [1, 2, 3, 4, 6])
def test_jpeg_of_narrow_pictures_spreads_chroma_as_libjpeg_does(width):
    image = Image(samples.noise(16, width, seed=2))
    expected = real.send(image, "jpeg:75").samples.astype(int)
    assert np.abs(levels(coder.jpeg(of_picture(image), 75)) - expected).mean() < 2  # levels; about 10 otherwise


@pytest.mark.parametrize("rates", [(16_000, 8000), (16_000, 22_050), (44_100, 16_000), (48_000, 44_100), (8000, 8100)])
def test_rates_change_as_with_soxr_in_the_pass_band(rates):
    soxr = pytest.importorskip("soxr")
    old, new = rates
    draw = np.fft.rfft(np.random.default_rng(1).normal(size=12_000))
    draw[int(0.88 * len(draw) * min(1, new / old)) :] = 0
    sound = np.fft.irfft(draw, 12_000) * np.hanning(12_000)
    expected = soxr.resample(sound, *rates, quality="VHQ")
    found = sounds.resampled(torch.from_numpy(sound)[None], *rates)
    assert found.shape == (1, max(1, round(12_000 * new / old)))
    length = min(len(expected), found.shape[-1])
    error = expected[:length] - found[0, :length].numpy()
    assert 10 * math.log10((expected**2).mean() / (error**2).mean()) > 70


def test_a_lower_rate_takes_away_what_it_cannot_hold():
    time = torch.arange(16_000, dtype=torch.float64) / RATE
    tone = torch.stack([torch.sin(2 * torch.pi * hertz * time) for hertz in (3600, 4001)])
    there_and_back = sounds.resample(tone, RATE, 8000)
    middle = slice(1000, -1000)
    assert (there_and_back - tone)[0, middle].abs().max() < 1e-3
    assert there_and_back[1, middle].abs().max() < 1e-3


def test_a_lower_rate_and_back_is_nearly_the_real_one():
    pytest.importorskip("soxr")
    expected = real.send(SPEECH, "resample:8000").planes()[0]
    found = transit.parse("resample:8000", "audio", rate=RATE)(torch.from_numpy(SPEECH.planes()))[0].numpy()
    assert 10 * math.log10((expected**2).mean() / ((found - expected) ** 2).mean()) > 60


# --- chance -------------------------------------------------------------------------------------------------


def test_noise_of_sounds_has_the_snr_item_by_item():
    loud = torch.randn(3, 2, 20_000, generator=seeded()) * torch.tensor([1.0, 0.01, 0.0])[:, None, None]
    noisy = sounds.noise(loud, 20, seeded())
    power = loud.square().mean(dim=(1, 2)) / (noisy - loud).square().mean(dim=(1, 2))
    assert torch.allclose(10 * power[:2].log10(), torch.tensor(20.0), atol=0.2)
    assert (noisy[2] == 0).all()


def test_how_loud_the_noise_is_tells_the_gradient_nothing():
    values = batch("audio").requires_grad_()
    sounds.noise(values, 10, seeded()).sum().backward()
    assert (values.grad == 1).all()


def test_noise_of_pictures_has_the_deviation():
    noisy = pictures.noise(torch.full((4, 3, 64, 64), 0.5), 3, seeded())
    assert abs(float(noisy.std()) * 255 - 3) < 0.05


@pytest.mark.parametrize("pieces", [1, 3, 40])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_as_much_is_lost_as_was_asked_for(share, pieces):
    values = torch.ones(50, 2, 137)
    lost = sounds.hit(values, share, pieces, seeded())
    assert lost.shape == (50, 137)
    assert (lost.sum(dim=1) == min(round(share * 137), 136)).all()
    assert (lost[:, 1:] & ~lost[:, :-1]).sum(dim=1).max() <= pieces
    silenced = sounds.zero(values, share, pieces, seeded())
    assert torch.equal(silenced == 0, lost[:, None].expand_as(values))
    if 0 < share < 0.9:
        assert len({tuple(row.tolist()) for row in lost}) > 20  # each item loses something else
        assert 0.5 * share < lost.float().mean(dim=0)[40:-40].mean() < 2 * share


def test_pieces_lie_anywhere_up_to_both_ends():
    lost = sounds.hit(torch.zeros(200, 4), 0.5, 1, seeded())
    starts = lost.int().argmax(dim=1)
    assert sorted(set(starts.tolist())) == [0, 1, 2]


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_what_is_held_is_the_last_sample_before(share):
    values = torch.arange(1.0, 101).expand(20, 1, 100).clone()
    lost = sounds.hit(values, share, 4, seeded())
    held = sounds.hold(values, share, 4, seeded())
    assert lost[:, 0].any() or share < 0.5  # what is lost from the very start is silence
    for item, where in zip(held[:, 0], lost, strict=True):
        expected = 0.0
        for at in range(100):
            expected = expected if where[at] else at + 1.0
            assert item[at] == expected


@pytest.mark.parametrize(("kind", "step"), [("image", 1 / 255), ("audio", 1 / 32768)])
def test_one_level_up_or_down_and_inwards_at_the_ends(kind, step):
    chain = transit.parse("plusminus1", kind)
    low, high = (0.0, 1.0) if kind == "image" else (-1.0, 1 - step)
    values = torch.rand(batch(kind).shape, generator=seeded()) * (high - low) + low
    values.view(-1)[:2000:2], values.view(-1)[1:2000:2] = low, high
    saved = transit.parse("png" if kind == "image" else "wav", kind)(values)
    moved = (chain(values, seeded()) - saved) / step
    assert torch.allclose(moved.abs(), torch.ones(()), atol=1e-3)
    assert (moved.view(-1)[:2000:2] > 0).all()
    assert (moved.view(-1)[1:2000:2] < 0).all()


@pytest.mark.parametrize(("kind", "text"), [*EVERY, ("image", "png|blur:1|noise:3"), ("audio", "noise:20|gain:-3")])
def test_the_generator_decides(kind, text):
    chain, values = transit.parse(text, kind, rate=RATE), batch(kind)
    first = chain(values, seeded(4))
    assert torch.equal(first, chain(values, seeded(4)))
    if any(word in text for word in ("noise", "plusminus1", "zero", "hold")):
        assert any(not torch.equal(first, chain(values, seeded(seed))) for seed in range(5, 15))


def test_of_several_ways_each_call_takes_one():
    chain = transit.parse("png|brightness:.5+brightness:.5|brightness:.5", "image")
    generator = seeded()
    means = [round(float(chain(torch.full((1, 3, 4, 4), 0.8), generator).mean()), 1) for _ in range(60)]
    assert {mean: means.count(mean) > 9 for mean in means} == {0.8: True, 0.4: True, 0.2: True}


# --- gradients ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "text"), EVERY)
def test_gradients_reach_every_sample_unless_it_was_lost(kind, text):
    values = batch(kind).requires_grad_()
    arrived = transit.parse(text, kind, rate=RATE)(values, seeded())
    assert arrived.shape == values.shape
    assert arrived.dtype == torch.float32
    (arrived * torch.rand(values.shape, generator=seeded())).sum().backward()
    assert values.grad.isfinite().all()
    assert (values.grad != 0).float().mean() > (0.7 if text.startswith(("zero", "hold")) else 0.999)


@pytest.mark.parametrize(
    ("work", "kind"),
    [
        (lambda x: pictures.scaled(x, 5, 40), "image"),
        (lambda x: pictures.blur(x, 0.8), "image"),
        (lambda x: pictures.contrast(x, 1.4), "image"),
        (lambda x: sounds.resampled(x, 3, 2), "audio"),
        (lambda x: sounds.resampled(x, 2, 3), "audio"),
        (lambda x: sounds.lowpass(x, 8, 3), "audio"),
        (lambda x: sounds.echo(x, 1000, 3), "audio"),
        (lambda x: sounds.hold(x, 0.3, 2, seeded()), "audio"),
    ],
)
def test_gradients_are_those_of_differences(work, kind):
    values = batch(kind, torch.float64)
    values = (values[:1, :, :6, :7] if kind == "image" else values[:2, :1, :15]).clone().requires_grad_()
    assert torch.autograd.gradcheck(work, values)


@pytest.mark.parametrize("gradient", ["straight", "cubic"])
def test_descent_through_jpeg_finds_what_survives_it(gradient):
    wanted = of_picture(Image(samples.photograph(32, 32)))
    # On a level, the cubic's gradient is zero: it has to be off it to move.
    values = (wanted + 0.2 * torch.randn(wanted.shape, generator=seeded())).requires_grad_()
    optimiser = torch.optim.Adam([values], 0.02)
    errors = []
    for _ in range(40):
        loss = (coder.jpeg(values, 75, gradient=gradient) - wanted).square().mean()
        errors.append(float(loss.detach()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert errors[-1] < errors[0] / 5


def test_the_cubic_gradient_arrives_with_the_same_picture():
    values = batch("image").requires_grad_()
    straight, cubic = (coder.jpeg(values, 75, gradient=name) for name in ("straight", "cubic"))
    assert torch.equal(straight, cubic)
    gradients = [torch.autograd.grad(made.square().sum(), values)[0] for made in (straight, cubic)]
    assert gradients[1].norm() < gradients[0].norm()


def test_what_is_clipped_has_the_gradient_asked_for():
    values = torch.full((1, 3, 4, 4), 0.9, requires_grad=True)
    chain = transit.parse("brightness:1.5", "image")
    assert torch.autograd.grad(chain(values).sum(), values)[0].eq(1.5).all()
    assert torch.autograd.grad(chain(values, outside="zero").sum(), values)[0].eq(0).all()


@pytest.mark.parametrize(("kind", "text"), EVERY)
def test_autocast_changes_nothing_and_neither_does_earlier_inference(kind, text):
    chain, values = transit.parse(text, kind, rate=RATE), batch(kind)
    with torch.inference_mode():
        expected = chain(values[..., 1:], seeded()).clone()
    values = values[..., 1:].clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        arrived = chain(values, seeded())
        assert torch.equal(arrived, expected)
        arrived.sum().backward()
    assert values.grad.isfinite().all()


# --- names --------------------------------------------------------------------------------------------------


def test_every_channel_is_tested_and_has_the_arguments_of_the_real_one():
    for kind, table in ALL.items():
        assert {text.split(":")[0] for text in TEXTS[kind].split()} == set(table)
        for name, channel in table.items():
            its = (real.PICTURES if kind == "image" else real.SOUNDS).get("zero" if name == "hold" else name)
            assert channel.usage.replace("hold", "zero") == its.usage.replace("[:SEED]", "")


def test_a_text_says_what_it_means():
    chain = transit.parse("jpeg:75, noise:2|png", "image")
    assert chain.text == "jpeg:75+noise:2|png"
    assert transit.parse(chain.text, "image") == chain
    assert transit.parse("zero:.25", "audio").text == "zero:0.25:1"


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("jpg:75", "image", "did you mean jpeg"),
        ("webp:75", "image", "'webp' cannot be learnt through; pictures have png"),
        ("xyz", "audio", "sounds have wav"),
        ("jpeg", "image", "expected jpeg:QUALITY, as in jpeg:75"),
        ("jpeg:101", "image", "QUALITY is '101'"),
        ("noise:2:7", "image", "expected noise:DEVIATION"),
        ("resample:8000", "audio", "needs the rate"),
        ("", "image", "unknown channel ''"),
        ("png|", "image", "unknown channel ''"),
        ("png", "video", "video has no channels"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(text, kind, said):
    with pytest.raises(UsageError, match=said.replace("|", r"\|")):
        transit.parse(text, kind)


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"pictures \[3, 8, 8\]; expected \[B, C, H, W\]"):
        transit.parse("png", "image")(torch.zeros(3, 8, 8))
    with pytest.raises(ValueError, match=r"\[1, 2, 8, 8\]"):
        coder.jpeg(torch.zeros(1, 2, 8, 8), 75)
    with pytest.raises(ValueError, match="quality is 0"):
        coder.jpeg(torch.zeros(1, 3, 8, 8), 0)
    with pytest.raises(ValueError, match="4:1:1"):
        coder.jpeg(torch.zeros(1, 3, 8, 8), 75, "4:1:1")
    with pytest.raises(UsageError, match="rates 16000 and 15999"):
        sounds.resampled(torch.zeros(1, 100), 16_000, 15_999)
