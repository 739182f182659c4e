"""The neural field: what the paper says in numbers, the key, the fit that goes on, and a trip through real files."""

import dataclasses
import math
import signal
import subprocess
import sys
import time
from fractions import Fraction

import numpy as np
import pytest
import torch

from intarsia import hosts
from intarsia.carrier import order
from intarsia.carrier.keys import Cost, Keyring, Keys
from intarsia.carrier.places import Places
from intarsia.carrier.scattered import Scattered
from intarsia.engine import bench
from intarsia.engine.sine import sine_stack
from intarsia.errors import DoesNotFitError, NoSecretError, UsageError, VerificationError
from intarsia.media import Audio, Image, Shape, Video, image_file
from intarsia.methods.neural_field import METHOD, NeuralFieldConfig, by_level, colours, grids, plan, residues, signals
from intarsia.methods.neural_field.network import Field, softplus_stack
from intarsia.methods.neural_field.work import Work
from intarsia.pipeline import Terms, hide_file, reveal_file
from samples import moving, noise, photograph, speech

CHEAP = Cost(passes=1, memory_kib=32, lanes=4)
COVER = Image(photograph(128, 128))
CLIP = Video.of(moving(), Fraction(12))
QUICK = {"steps": 120, "batch": 1024, "lr": 0.012}


def terms(password="right", **changes):
    return dataclasses.replace(Terms(Keyring(password, CHEAP), method="neural_field"), **changes)


def stream(purpose, length, key=b"k" * 32):
    return order.key_stream(key, purpose.encode().ljust(12)[:12], length)


def siren(width=512, **changes):
    bound = plan.reach("siren", width, 30)
    return plan.Plan("siren", 3, 3, width, (1, 2, 3), 30.0, -bound, bound, **changes)


# --- the networks ------------------------------------------------------------------------------------------


def test_layers_are_the_papers():
    own = siren()
    assert [own.shape(number) for number in range(6)] == [(512, 3)] + 4 * [(512, 512)] + [(3, 512)]
    igr = plan.Plan("igr", 3, 1, 512, (1, 2, 4), 30.0, -0.06, 0.06)
    shapes = [igr.shape(number) for number in range(8)]
    assert shapes == [(512, 3), (512, 512), (512, 512), (509, 512), (512, 512), (512, 512), (512, 512), (1, 512)]
    assert NeuralFieldConfig().layers("siren") == (1, 2, 3) and NeuralFieldConfig().layers("igr") == (1, 2, 4)
    assert plan.reach("siren", 512, 30) == pytest.approx(0.00361, abs=1e-5)


def test_the_key_draws_what_the_networks_own_beginnings_do():
    weights, biases = plan.drawn(siren(256), stream)
    bound = math.sqrt(6 / 256) / 30
    assert np.abs(weights[2]).max() <= bound and weights[2].std() == pytest.approx(bound / math.sqrt(3), rel=0.01)
    assert np.abs(weights[0]).max() <= 1 / 3 and np.abs(biases[2]).max() <= 1 / 16
    assert all(np.array_equal(a, b) for a, b in zip(weights, plan.drawn(siren(256), stream)[0], strict=True))
    igr = plan.Plan("igr", 3, 1, 256, (1, 2, 4), 30.0, -0.06, 0.06)
    weights, biases = plan.drawn(igr, stream)
    assert weights[1].std() == pytest.approx(math.sqrt(2 / 256), rel=0.01) and not biases[1].any()
    points = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
    tensors = [[torch.from_numpy(array) for array in arrays] for arrays in (weights, biases)]
    found = softplus_stack(torch.from_numpy(points), *tensors)[:, 0].numpy()
    # the geometric beginning: about the distance to a sphere
    assert np.corrcoef(found, np.linalg.norm(points, axis=1))[0, 1] > 0.9


def test_numbers_from_the_key_are_the_same_everywhere():
    assert order.evenly(bytes(4)).tolist() == [2.0**-32 - 1]
    assert order.evenly(b"\xff" * 4).tolist() == [1 - 2.0**-32]
    assert order.bell(b"\xff\x7f" * 6 + b"\x00\x80" * 6).tolist() == [0.0]
    drawn = order.bell(stream("bell", 24 * 20_000))
    assert drawn.mean() == pytest.approx(0, abs=0.02) and drawn.std() == pytest.approx(1, rel=0.02)


def test_grey_and_weight_are_the_papers_scaling():
    own = siren(64)
    levels = np.array([0, 128, 255], np.uint8)
    expected = levels / 255 * (own.high - own.low) + own.low
    net = Field(own, plan.drawn(own, stream), np.zeros((3, 64, 64), np.uint8), np.ones((3, 64, 64), bool))
    carried = net.all_weights(torch.from_numpy(np.tile(levels[:, None, None], (1, 64, 64)).astype(np.float32)))[0]
    for number, value in zip((1, 2, 3), expected, strict=True):
        assert torch.allclose(carried[number], torch.tensor(value, dtype=torch.float32), atol=1e-8)


@pytest.mark.parametrize("needed", [(1, 2, 3), (2, 3, 4), (0, 5)])
def test_the_fused_sines_have_the_stock_gradient(needed):
    draw = torch.Generator().manual_seed(1)
    sizes = [(16, 3), *4 * [(16, 16)], (3, 16)]
    weights = [torch.randn(size, generator=draw) * (0.3 if number == 0 else 0.01) for number, size in enumerate(sizes)]
    biases = [torch.randn(size[0], generator=draw) * 0.1 for size in sizes]
    for number in needed:
        weights[number].requires_grad_()
        biases[number].requires_grad_()
    x = torch.rand(20, 3, generator=draw)
    hidden = x
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        hidden = torch.sin(30 * (hidden @ weight.t() + bias))
    asked = [tensor for number in needed for tensor in (weights[number], biases[number])]
    stock = hidden @ weights[-1].t() + biases[-1]
    ours = sine_stack(x, weights, biases, 30.0)
    assert torch.allclose(ours, stock, atol=1e-5)
    pairs = (torch.autograd.grad(each.square().sum(), asked) for each in (stock, ours))
    for one, other in zip(*pairs, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4 * float(one.abs().max()))
    near = sine_stack(x, weights, biases, 30.0, half=True)
    assert torch.allclose(near, stock, atol=0.1 * float(stock.detach().std()))


def test_rounding_lets_the_gradient_through_and_no_rounding_does_not_round():
    own = siren(32)
    levels = np.full((3, 32, 32), 100, np.uint8)
    for rounds in (True, False):
        net = Field(own, plan.drawn(own, stream), levels, np.ones((3, 32, 32), bool), rounds=rounds)
        with torch.no_grad():
            net.levels += 0.4
        found = net(torch.zeros(1, 3))
        found.sum().backward()
        assert net.levels.grad.abs().sum() > 0
        assert torch.equal(net.whole_levels(), torch.full((3, 32, 32), 100.0))
        plain = Field(own, plan.drawn(own, stream), levels, np.ones((3, 32, 32), bool))
        assert torch.equal(found, plain(torch.zeros(1, 3))) == rounds


def test_closed_places_keep_the_keys_weights_and_get_no_gradient():
    own, levels = siren(32), np.full((3, 32, 32), 100, np.uint8)
    drawn, open_ = plan.drawn(own, stream), np.ones(levels.shape, bool)
    open_[1, 3, 4] = False
    net = Field(own, drawn, levels, open_)
    weights, _ = net.all_weights(net.whole_levels())
    found = torch.stack([weights[number] for number in own.variable]).detach().numpy()
    assert found[1, 3, 4] == drawn[0][2][3, 4] and found[open_] == pytest.approx(plan.weights_of(levels, own)[open_])
    net(torch.rand(50, 3)).square().sum().backward()
    gradient = net.levels.grad.numpy()
    assert gradient[1, 3, 4] == 0 and gradient[open_].all()


# --- through files -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    path = tmp_path_factory.mktemp("field") / "container.png"
    return path, hide_file(COVER, CLIP, path, terms(settings=QUICK, seed=1))


def test_a_clip_comes_back_from_the_picture_and_the_bench_is_gone(fitted):
    path, hidden = fitted
    assert hidden.verified and hidden.secrets[0].psnr > 20 and 10 < hidden.cover_psnr < 40
    assert not bench.of(path).exists()
    found = reveal_file(path, None, terms()).value
    assert isinstance(found, Video) and found.frames.shape == CLIP.frames.shape and found.rate == 12


def test_it_is_asked_at_any_size_and_rate(fitted):
    path, _ = fitted
    found = reveal_file(path, None, terms(settings={"size": "64x48", "rate": "24"})).value
    assert found.frames.shape == (10, 48, 64, 3) and found.rate == 24
    own = reveal_file(path, None, terms()).value
    corners = (slice(None, None, 9), slice(None, None, 47), slice(None, None, 63))
    assert np.array_equal(found.frames[corners], own.frames[::4, ::23, ::31])
    for settings, message in [({"grid": "64"}, "revealed with size, rate"), ({"size": "big"}, "expected WIDTHxHEIGHT"),
                              ({"weights": "1"}, "size, rate, grid")]:  # fmt: skip
        with pytest.raises(UsageError, match=message):
            reveal_file(path, None, terms(settings=settings))


def test_another_password_finds_nothing_and_a_bit_of_the_key_changes_all(fitted):
    path, _ = fitted
    with pytest.raises(NoSecretError):
        reveal_file(path, None, terms("wrong"))
    picture = image_file.load(path)
    opened = hosts.host(picture).open(Keyring("right", CHEAP))
    master = Keyring("right", CHEAP).keys(Places(picture.samples).read_salt()).master
    for bit in (0, 100):
        turned = bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(master))
        other = Scattered(Places(picture.samples), Keys(turned), "neural_field", 512, b"intarsia/v1/image")
        # no key but the right one opens the header, and so nobody else knows what the colours are in the mean
        unsealed = opened.header.settings[: -signals.MEANS.size] + signals.MEANS.pack(*colours.GREY)
        found = METHOD.reveal(picture, other, opened.entries()[0], unsealed, lambda *_: None)
        flat = np.broadcast_to(np.rint(CLIP.frames.mean((0, 1, 2))).astype(np.uint8), CLIP.frames.shape)
        assert METHOD.compare(CLIP, found, COVER) < METHOD.compare(CLIP, Video.of(flat, Fraction(12)), COVER)
        assert found.frames.mean((0, 1, 2)) == pytest.approx(colours.GREY, abs=0.1)


def test_the_header_tells_the_means_of_colours_unless_the_field_is_to(fitted, tmp_path):
    path, _ = fitted
    true = CLIP.frames.mean((0, 1, 2))
    assert reveal_file(path, None, terms()).value.frames.mean((0, 1, 2)) == pytest.approx(true, abs=0.1)
    as_published = tmp_path / "field.png"
    hide_file(COVER, CLIP, as_published, terms(settings={**QUICK, "colour_means": "field"}, seed=1))
    off = np.abs(reveal_file(as_published, None, terms()).value.frames.mean((0, 1, 2)) - true)
    assert 0.1 < off.max() < 5


@pytest.mark.parametrize("means", [(127.5, 127.5, 127.5), (3.0, 250.0, 90.0), (0.0, 255.0, 17.3)])
def test_a_shift_gives_clipped_colours_their_means(means):
    answers = np.random.default_rng(0).normal(0, 1.5, (20_000, 3)).astype(np.float32)
    found = colours.levels(answers + colours.shift(answers, means))
    assert found.mean(axis=0) == pytest.approx(means, abs=0.05)
    samples = np.arange(256, dtype=np.uint8).repeat(3).reshape(-1, 1, 3)
    assert np.array_equal(colours.levels(colours.answered(samples)), samples.reshape(-1, 3))
    assert colours.means_of(samples) == (127.5, 127.5, 127.5)


def test_without_rounding_while_learning_less_comes_back(fitted, tmp_path):
    _, with_rounding = fitted
    try:
        same_key = terms(settings={**QUICK, "qat": False}, seed=1)
        found = hide_file(COVER, CLIP, tmp_path / "b.png", same_key).secrets[0].psnr
    except VerificationError:
        found = 0.0
    assert found < with_rounding.secrets[0].psnr - 1


def test_places_of_salt_header_and_alpha_are_left_alone(tmp_path):
    alpha = np.full((128, 128), 255, np.uint8)
    alpha[40:60, 40:60] = 0
    cover = Image(COVER.samples, alpha)
    path = tmp_path / "container.png"
    hide_file(cover, CLIP, path, terms(settings=QUICK))
    saved = image_file.load(path)
    assert np.array_equal(saved.samples[alpha == 0], COVER.samples[alpha == 0])
    channel = hosts.host(saved).open(Keyring("right", CHEAP)).channel
    off = saved.samples.reshape(-1).astype(int) - COVER.samples.reshape(-1)
    assert np.abs(off[channel.reserved]).max() <= 2


def test_a_fit_that_was_cut_goes_on_where_it_was(tmp_path):
    path = tmp_path / "container.png"
    said = []

    def stop_late(stage, share):
        said.append((stage, share))
        if stage.startswith("fitting") and share > 0.5:
            raise KeyboardInterrupt

    settings = QUICK
    import intarsia.methods.neural_field.settings as own

    always = dataclasses.replace(own.NeuralFieldConfig(**settings).learning("v", 5 * 24 * 32), save=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own.NeuralFieldConfig, "learning", lambda *_: always)
        with pytest.raises(KeyboardInterrupt):
            hide_file(COVER, CLIP, path, terms(settings=settings, progress=stop_late))
    assert bench.of(path).is_dir() and not path.exists()
    said.clear()
    hide_file(COVER, CLIP, path, terms(settings=settings, progress=lambda *told: said.append(told)))
    shares = [share for stage, share in said if stage.startswith("fitting")]
    assert shares[0] > 0.5
    assert "cover" in said[-3][0] or any("dB" in stage for stage, _ in said)
    assert not bench.of(path).exists() and path.exists()


def test_sounds_and_pictures(tmp_path):
    tone = np.sin(np.arange(2000) / 6) * 8000
    sound = Audio.of(tone.astype(np.int16), 8000, name="tone.wav")
    path = tmp_path / "sound.png"
    hidden = hide_file(COVER, sound, path, terms(settings=QUICK))
    assert hidden.secrets[0].snr > 6
    found = reveal_file(path, None, terms(settings={"rate": 16_000})).value
    assert found.rate == 16_000 and found.length == 4000
    picture = Image(photograph(48, 48))
    hidden = hide_file(COVER, picture, tmp_path / "p.png", terms(settings=QUICK))
    assert hidden.secrets[0].psnr > 18
    assert reveal_file(tmp_path / "p.png", None, terms(settings={"size": "96x64"})).value.samples.shape == (64, 96, 3)


def sphere():
    from skimage.measure import marching_cubes

    axis = np.linspace(-1.2, 1.2, 25)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    vertices, faces, _, _ = marching_cubes(np.sqrt(x**2 + (1.5 * y) ** 2 + z**2) - 1, 0, spacing=(0.1,) * 3,
                                           gradient_direction="descent")  # fmt: skip
    return Shape(vertices.astype(np.float32) + 5, faces.astype(np.int32))


def test_a_shape_comes_back_as_a_surface_that_looks_outwards(tmp_path, monkeypatch):
    from intarsia.media import shape_metrics
    from intarsia.methods.neural_field import signals, surface

    monkeypatch.setattr(surface, "ON_SURFACE", 20_000)
    monkeypatch.setattr(signals, "GRID", 32)
    path = tmp_path / "shape.png"
    settings = {"steps": 300, "batch": 512, "reach": 1.0, "lr": 0.012}
    hide_file(COVER, sphere(), path, terms(settings=settings))
    found = reveal_file(path, None, terms(settings={"grid": 32})).value
    assert shape_metrics.volume_iou(sphere(), found, resolution=32) > 0.85
    assert shape_metrics.volume(found) > 0


@pytest.mark.parametrize("level", [0.5, -0.5])
def test_a_field_that_is_zero_nowhere_holds_no_surface(level):
    from intarsia.methods.neural_field import signals, surface

    def field(points, _tick):
        assert len(points), "asked for nothing"  # a network has no answer to that
        return np.full((len(points), 1), level, np.float32)

    with pytest.raises(NoSecretError):
        surface.extracted(field, signals.Solid((33,)), "")


# --- residues ------------------------------------------------------------------------------------------------


def test_residues_are_written_and_read_under_a_key():
    picture = Image(noise(64, 64))
    inlay = hosts.host(picture).start(Keyring("right", CHEAP), "neural_field", 512, b"0" * 32)
    work = Work(picture, inlay.channel, None, "cpu", lambda *_: None)
    where = residues.places(inlay.channel, work.taken())
    assert len(np.unique(where)) == len(where) == 64 * 64 * 3 - len(inlay.channel.reserved)
    for m in (3, 5):
        digits = (np.arange(len(where)) % m).astype(np.uint8)
        found = residues.written(picture.samples.reshape(-1), where, digits, m, inlay.channel)
        assert np.array_equal(residues.read(found, where, m, inlay.channel), digits)
        off = found.astype(int) - picture.samples.reshape(-1)
        assert np.abs(off).max() <= m - 1
        assert (off[where] ** 2).mean() == pytest.approx((m * m - 1) / 12, rel=0.05)


def test_digits_are_the_whole_of_a_grid():
    torch.manual_seed(3)
    for m in (3, 5):
        net, other = grids.Grids((5, 24, 32), 40_000, m), grids.Grids((5, 24, 32), 40_000, m)
        digits = net.digits()
        assert digits.numel() <= 40_000 and int(digits.max()) == m - 1
        other.take(digits)
        with torch.no_grad():
            assert torch.allclose(net(), other(), atol=1e-5)


def test_the_layout_stays_within_its_symbols():
    for counts in ((16, 128, 128), (24, 240, 426), (1, 512, 768), (2, 7, 3)):
        for symbols in (786_432, 60_000):
            levels = grids.layout(counts, symbols, 3)
            channels = sum(level.channels for level in levels)
            assert sum(level.size for level in levels) + grids.weights_digits(channels, 3) <= symbols


def test_a_cover_that_cannot_hold_the_convolutions_is_refused():
    with pytest.raises(DoesNotFitError, match="20,000 free samples, recipe=residue needs more than"):
        grids.layout((1, 96, 96), 20_000, 3)


def test_a_clip_by_residues_leaves_the_cover_clean(tmp_path):
    path = tmp_path / "container.png"
    hidden = hide_file(COVER, CLIP, path, terms(settings={"recipe": "residue", "steps": 120}))
    assert hidden.cover_psnr > 49 and hidden.secrets[0].psnr > 20
    assert reveal_file(path, None, terms()).value.frames.shape == CLIP.frames.shape
    with pytest.raises(NoSecretError):
        reveal_file(path, None, terms("wrong"))
    with pytest.raises(UsageError, match="its own size"):
        reveal_file(path, None, terms(settings={"size": "9x9"}))


# --- settings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"variable_layers": "1,2"}, "three of 1, 2, 3, 4"),
        ({"variable_layers": "1,2,2"}, "three of"),
        ({"recipe": "best"}, "faithful or paper or residue"),
        ({"m": "4"}, "expected 3 or 5"),
        ({"precision": "half"}, "float32 or bfloat16"),
        ({"colour_means": "mine"}, "nothing or header or field"),
        ({"beta": "-1"}, "a number from 0"),
        ({"seconds": "0"}, "a number above 0"),
    ],
)
def test_settings_that_cannot_be_meant(settings, message):
    with pytest.raises(UsageError, match=message):
        METHOD.settle(settings)


def test_the_published_schedule():
    for letter, steps, rate in (("v", 5_000, 1e-3), ("a", 20_000, 1e-3), ("s", 5_000, 1e-4)):
        recipe = NeuralFieldConfig(recipe="paper").learning(letter, 262_144)
        assert (recipe.steps, recipe.batch, recipe.schedule) == (steps, 262_144, "constant")
        assert recipe.lr == pytest.approx(255 * rate) and recipe.seconds is None
    assert not NeuralFieldConfig(recipe="paper").seals_means and NeuralFieldConfig().seals_means
    assert NeuralFieldConfig(seconds=5).learning("v", 1 << 18).seconds == 5


def test_precision_is_the_recipes_unless_it_is_said():
    cases = ({}, {"recipe": "paper"}, {"precision": "float32"}, {"recipe": "paper", "precision": "bfloat16"})
    found = [NeuralFieldConfig(**how).learning("s", 1 << 10).precision for how in cases]
    assert found == ["auto", "float32", "float32", "bfloat16"]


def test_grey_covers_and_small_ones_are_refused(tmp_path):
    with pytest.raises(UsageError, match="8-bit colour"):
        hide_file(Image(COVER.samples[..., 0].copy()), CLIP, tmp_path / "c.png", terms())
    assert not list(tmp_path.glob("*.png"))


def test_signals_come_back_from_their_bytes():
    means = (1.0, 2.5, 250.25)
    for one in (signals.Still((3, 4)), signals.Moving((2, 3, 4), rate=Fraction(30_000, 1001)),
                signals.Still((3, 4), means), signals.Moving((2, 3, 4), means, Fraction(12)),
                signals.Sound((99,), 2, 48_000, 24, 0.5), signals.Solid((129,) * 3, (1.0, 2.0, 3.0), 0.5)):  # fmt: skip
        assert signals.unpacked(one.letter, one.pack()) == one
    assert signals.signal_of(Audio.of(speech(0.1), 16_000)).coordinates()[[0, -1], 0].tolist() == [-100, 100]


def test_by_level_takes_the_middle_square():
    picture = Image(np.arange(64 * 80 * 3, dtype=np.uint8).reshape(64, 80, 3))
    ground = by_level.ground_of(picture, np.zeros(picture.samples.size, bool))
    taken = picture.samples.reshape(-1)[ground.where]
    assert ground.side == 64 and np.array_equal(taken.transpose(1, 2, 0), picture.samples[:, 8:72])


def test_ctrl_c_says_where_it_goes_on(tmp_path):
    for name, picture in (("cover.png", COVER), ("secret.png", Image(photograph(32, 32)))):
        (tmp_path / name).write_bytes(image_file.encode(picture, "PNG"))
    words = [sys.executable, "-m", "intarsia", "hide", "cover.png", "secret.png", "-o", "out.png", "--no-password"]
    words += ["--method", "neural_field", "--set", "seconds=100"]
    run = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("out.png.fit/trainer/step-*")):
        assert run.poll() is None
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=30)[1]
    assert run.returncode == 130 and "the same command goes on from out.png.fit/" in said
    assert {path.name for path in tmp_path.iterdir()} == {"cover.png", "secret.png", "out.png.fit"}
