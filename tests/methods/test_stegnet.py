"""StegNet: layers as published, losses as written, and pictures that come back through 8 bits."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from skimage import data
from torch.nn import functional

from intarsia.engine.company import team
from intarsia.engine.loop import learn
from intarsia.engine.recipe import Phase, Recipe
from intarsia.errors import UsageError
from intarsia.media import Image
from intarsia.methods.learned import config_record
from intarsia.methods.stegnet import METHOD, StegNetConfig, objective
from intarsia.methods.stegnet.network import REACH, Architecture, StegNet
from intarsia.methods.stegnet.objective import StegNetLearner
from intarsia.pipeline import hide_file
from intarsia.zoo import weights
from samples import terms

ALL = Phase("all")
PAIR = {
    "cover": np.ascontiguousarray(data.coffee()[100:116, 100:116].transpose(2, 0, 1))[None],
    "secret": np.ascontiguousarray(data.astronaut()[60:92:2, 180:212:2].transpose(2, 0, 1))[None],
}


def tensors(batch=PAIR):
    return {name: torch.from_numpy(values) for name, values in batch.items()}


def test_as_many_weights_as_published():
    net = StegNet()
    assert sum(weight.numel() for weight in net.embedder.parameters()) == 74_053
    assert sum(weight.numel() for weight in net.decoder.parameters()) == 73_924


def reference(tower, x):
    """The layer table by stock layers, in evaluation mode."""
    for layer in tower.separable:
        norm = layer.norm
        y = functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=1e-5)
        y = functional.conv2d(functional.elu(y), layer.depthwise.weight, padding=1, groups=y.shape[1])
        y = functional.conv2d(y, layer.pointwise.weight, layer.pointwise.bias)
        more = y.shape[1] - x.shape[1]
        zeros = torch.zeros(x.shape[0], more, *x.shape[2:])
        x = y + torch.cat([zeros[:, : more // 2], x, zeros[:, more // 2 :]], 1)
    for layer in tower.plain:
        norm = layer.norm
        y = functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=1e-5)
        x = functional.conv2d(functional.elu(y), layer.convolution.weight, layer.convolution.bias, padding=1)
    return x


def settled(seed=0, **how):
    """Networks whose running statistics are not the ones they were born with."""
    torch.manual_seed(seed)
    net = StegNet(Architecture(**how))
    for part in net.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 2)
    return net.eval()


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (17, 24)])
def test_the_layers_are_those_of_the_table(size):
    net, x = settled(), torch.rand(2, 6, *size) * 2 - 1
    with torch.no_grad():
        assert torch.allclose(net.embedder(x), reference(net.embedder, x), atol=1e-5)
        assert torch.allclose(net.decoder(x[:, :3]), reference(net.decoder, x[:, :3]), atol=1e-5)


def test_it_sees_eight_pixels_to_each_side():
    net = settled()
    x = torch.zeros(1, 3, 41, 41)
    with torch.no_grad():
        moved = x.clone()
        moved[0, :, 20, 20] = 1
        seen = (net.decoder(moved) - net.decoder(x)).abs().sum(1)[0] > 0
    rows, columns = np.nonzero(seen.numpy())
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (20 - REACH, 20 + REACH, 20 - REACH, 20 + REACH)


@pytest.mark.parametrize(
    "how",
    [
        {"order": "figure"},
        {"both": True},
        {"pooling": "global"},
        *({"strided_layers": n} for n in range(1, 7)),
        {"strided_layers": 2, "pooling": "max"},
        {"strided_layers": 2, "pooling": "avg"},
        {"strided_layers": 3, "order": "figure"},
    ],
)
def test_switches_keep_the_size_and_learn(how):
    torch.manual_seed(0)
    learner = StegNetLearner(Architecture(**how), {}, rounds=True)
    batch = {name: torch.randint(0, 256, (2, 3, 19, 26), dtype=torch.uint8) for name in ("cover", "secret")}
    found = learner.losses(batch, ALL)
    assert found.shared.shape == (2, 3, 19, 26)
    sum(found.terms.values()).backward()
    assert all(weight.grad is not None and torch.isfinite(weight.grad).all() for weight in learner.net.parameters())


def test_global_pooling_leaves_nothing_of_where_things_are():
    net, x = settled(pooling="global"), torch.rand(1, 3, 24, 24)
    with torch.no_grad():
        out = net.decoder(x)[0, :, 4:-4, 4:-4]
    assert float((out - out[:, :1, :1]).abs().max()) < 1e-5


def test_strides_need_fewer_layers_than_there_are():
    with pytest.raises(UsageError, match=r"strided_layers is 7; expected 0\.\.6"):
        Architecture(strided_layers=7)
    with pytest.raises(UsageError, match="pooling is 'min'"):
        Architecture(pooling="min")
    with pytest.raises(UsageError, match="order is 'none'"):
        Architecture(order="none")


def test_the_loss_is_equation_7():
    torch.manual_seed(1)
    learner = StegNetLearner(Architecture(), {}, rounds=False)
    batch = {name: torch.randint(0, 256, (3, 3, 9, 11), dtype=torch.uint8) for name in ("cover", "secret")}
    with torch.no_grad():
        terms = learner.losses(batch, ALL).terms
        cover, secret = (batch[name].double().numpy() / 127.5 - 1 for name in ("cover", "secret"))
        container = learner.net.embed(*(objective.signed(batch[name]) for name in ("cover", "secret")))
        decoded = learner.net.decode(container).double().numpy()
    container = container.double().numpy()
    spread = lambda d: np.mean([np.var(each) for each in d])  # noqa: E731
    expected = [np.abs(cover - container).mean(), np.abs(secret - decoded).mean()]
    expected += [spread(cover - container), spread(decoded - secret)]
    assert [float(terms[name]) for name in ("cover", "secret", "cover_variance", "secret_variance")] == pytest.approx(
        [value / 4 for value in expected], rel=1e-4
    )


def test_without_variance_the_terms_weigh_nothing():
    learner = METHOD.learner(StegNetConfig(variance_loss=0), METHOD.recipe)
    assert learner.phases[0].weights["cover_variance"] == learner.phases[0].weights["secret_variance"] == 0


def test_errors_on_plain_surfaces_cost_more():
    cover = torch.zeros(1, 3, 32, 32)
    cover[..., 16:] = torch.rand(1, 3, 32, 16, generator=torch.manual_seed(0)) * 2 - 1
    on_plain, on_texture = cover.clone(), cover.clone()
    on_plain[..., 2:12] += 0.1
    on_texture[..., 20:30] += 0.1
    assert objective.textured(cover, on_plain) > 5 * objective.textured(cover, on_texture)
    assert objective.absolute(cover, on_plain) == pytest.approx(float(objective.absolute(cover, on_texture)), rel=1e-5)


def test_the_papers_rates():
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert objective.changing_rate(black, white) == 1
    assert objective.decoded_rate(black, black) == 1
    assert objective.decoded_rate(black, np.full((4, 4, 3), 51, np.uint8)) == pytest.approx(0.8)
    assert objective.capacity(0.982) == pytest.approx(23.568)


def test_published_batch_statistics_are_a_switch():
    one, other = settled(), settled(batch_statistics=True)
    other.load_state_dict(one.state_dict())
    x = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        assert not torch.allclose(one.decoder(x), other.decoder(x), atol=1e-2)
        means = {name: buffer.clone() for name, buffer in other.named_buffers()}
        alone = other.decoder(x[:1])
        assert not torch.allclose(other.decoder(x)[:1], alone, atol=1e-3)
    assert all(torch.equal(buffer, means[name]) for name, buffer in other.named_buffers())
    assert "batch_statistics" in METHOD.free
    config = StegNetConfig(batch_statistics=True)
    assert METHOD.switched(StegNetConfig(), METHOD.switches(config)) == config


def test_without_norm_statistics_stand_still_and_learning_sees_what_using_does():
    torch.manual_seed(0)
    taught, x = StegNet(Architecture(norm=False)), torch.rand(2, 3, 16, 16)
    learnt = taught.train().decode(taught.embed(x, x.flip(0)))
    assert torch.allclose(learnt[:1], taught.decode(taught.embed(x[:1], x[1:])), atol=1e-5)
    learnt.sum().backward()
    with torch.no_grad():
        assert torch.allclose(learnt, taught.eval().decode(taught.embed(x, x.flip(0))), atol=1e-5)
        assert torch.allclose(taught.decoder(x), reference(taught.decoder, x), atol=1e-4)
    parts = [part for part in taught.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert all(float(part.running_mean.abs().max()) == 0 and float(part.running_var.min()) == 1 for part in parts)
    assert all(part.weight.grad is not None for part in parts)
    with pytest.raises(UsageError, match="batch_statistics needs norm=true"):
        Architecture(norm=False, batch_statistics=True)


class One:
    """The same pair, again and again."""

    content = "one"

    def draw(self, step, first=0, count=None):
        return PAIR

    def validation(self, count):
        return PAIR


def test_one_pair_is_learned_by_heart_through_8_bits():
    torch.manual_seed(0)
    learner = METHOD.learner(StegNetConfig(), METHOD.recipe)
    how = {"beta1": 0.5, "beta2": 0.9, "schedule": "cosine", "warmup": 0.05, "precision": "float32"}
    recipe = Recipe(steps=500, batch=1, lr=1e-2, validate=10_000, **how)
    learn(learner, One(), recipe, members=team("cpu"))
    learner.net.train()  # one pair is its own statistics
    with torch.no_grad():
        figures = learner.figures(tensors())
    assert figures["cover_psnr"] > 40
    assert figures["secret_psnr"] > 40


@pytest.mark.parametrize("pixels", [1 << 17, 2 * 60 * 60])
def test_refined_it_is_read_better_and_as_far_from_the_cover(tmp_path, monkeypatch, pixels):
    monkeypatch.setattr(METHOD.__class__, "tile", lambda self, config: pixels)
    net = settled(seed=1)
    floats = {name: value.numpy() for name, value in net.state_dict().items() if value.is_floating_point()}
    weights.save(tmp_path / "w.safetensors", floats, method="stegnet", config=config_record(StegNetConfig()), step=1)
    cover, secret = Image(data.coffee()[:96, :96].copy()), Image(data.astronaut()[:192:2, :192:2].copy())
    seen = []
    for steps in (0, 12):
        how = terms(method="stegnet", model=str(tmp_path / "w.safetensors"), settings={"refine": str(steps)})
        report = hide_file(cover, secret, tmp_path / f"{steps}.png", dataclasses.replace(how, lenient=True))
        seen.append((report.secrets[0].quality, report.cover_psnr))
    assert seen[1][0] > seen[0][0] + 1
    assert seen[1][1] == pytest.approx(seen[0][1], abs=0.5)


def test_defaults_are_the_papers():
    recipe = METHOD.recipe
    assert (recipe.batch, recipe.lr, recipe.beta1, recipe.beta2) == (64, 1e-5, 0.5, 0.9)
    assert METHOD.packing.validation == 0.2
    config = StegNetConfig()
    assert (config.size, config.crops, config.strided_layers, config.texture) == (64, False, 0, 0)
    ours, theirs = ({each.name for each in dataclasses.fields(kind)} for kind in (StegNetConfig, Architecture))
    assert theirs <= ours


@pytest.mark.parametrize(("name", "value"), [("size", 4), ("texture", -1.0), ("cover", math.inf), ("order", "none")])
def test_settings_that_cannot_be_meant(name, value):
    with pytest.raises(UsageError, match=name):
        StegNetConfig(**{name: value}).architecture()
