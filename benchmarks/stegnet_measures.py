"""One pair hidden and revealed, in every way that `stegnet.py` compares, and what is measured of it.

    cover, secret ──► Way.make ──► Made(cover, secret, container, revealed) ──► measure ──► {name: number}

Columns: `direct`, the float container is decoded as it is, neither clipped nor rounded, and the secret stays float, as
published; `file`, the container is 8 bits, written as PNG and read back, and so is the secret. Header and salt, which
`intarsia hide` adds, are left out: on 64 x 64 pixels they would be a fifth of all samples.
"""

import dataclasses
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pil
from PIL import ImageFilter
from torch import Tensor

import intarsia
from intarsia import methods, zoo
from intarsia.engine.tiles import tiled
from intarsia.media import Image, image_file, metrics
from intarsia.methods.lsb import hide_bits, reveal_bits
from intarsia.methods.stegnet.objective import capacity, flatness

Samples = NDArray[np.uint8]
Picture = NDArray[Any]

SPIKE, FLOOR, AROUND = 5.0, 10, 7
"""A spike is a pixel whose error, of its worst channel, exceeds `FLOOR` levels and `SPIKE` times what three quarters
of the `AROUND` x `AROUND` pixels around it stay below: noise that stands out, not the corner of a surface that went
wrong. A quantile of the whole picture's errors would find nothing where such a surface is."""

TOGETHER = 32
"""Pairs of a batch whose statistics normalise each of them, where more than one is taken, as when it learnt."""

RUINED = 64
"""Levels; a pixel whose worst channel is further off is ruined."""

WORST_IS_LOW = (
    *("written_bpp", "decoded_rate", "bpp"),
    *("container_psnr", "container_ssim", "secret_psnr", "secret_ssim", "again_psnr"),
)
"""Measures of which more is better; of all others less is better."""


@dataclass(frozen=True)
class Made:
    """A pair there and back; pictures [H, W, 3], all uint8 0..255, or all float32 with black 0 and white 1.

    `written`: bits per pixel that were really written, where they can be counted. `again`: the cover as it was decoded
    from the container, where the decoder gives it back too (`both`).
    """

    cover: Picture
    secret: Picture
    container: Picture
    revealed: Picture
    written: float | None = None
    again: Picture | None = None

    def error(self) -> NDArray[np.float64]:
        """Return |container - cover| in levels of 255, [H, W, 3]."""
        return np.abs(levels(self.container) - levels(self.cover))


@dataclass(frozen=True)
class Way:
    """A way to hide and reveal a pair.

    Attributes:
        name: of the run or the method.
        column: "direct", "file", or "file, float32", the same without bfloat16.
        statistics: "running"; "batch", of the one pair; "batch of 32", of so many; "" where there is nothing to
            normalise.
        make: takes cover and secret, uint8 [H, W, 3].
        together: takes many such pairs at once, where that makes a difference.
    """

    name: str
    column: str
    statistics: str
    make: Callable[[Samples, Samples], Made]
    together: Callable[[Sequence[tuple[Samples, Samples]]], list[Made]] | None = None

    def each(self, pairs: Sequence[tuple[Samples, Samples]]) -> Iterator[Made]:
        """Yield every pair, hidden and revealed."""
        if self.together is None:
            yield from (self.make(*pair) for pair in pairs)
            return
        for start in range(0, len(pairs), TOGETHER):
            yield from self.together(pairs[start : start + TOGETHER])


@dataclass(frozen=True)
class Run:
    """A trained model: its name, method, settings, recipe, and ways."""

    name: str
    method: str
    config: Mapping[str, Any]
    recipe: Mapping[str, Any]
    ways: tuple[Way, ...] = field(repr=False)

    def way(self) -> Way:
        """Return how it is used: from the file, with running statistics where there are any."""
        return next(way for way in self.ways if way.column == "file" and way.statistics in ("running", ""))


def levels(picture: Picture) -> NDArray[np.float64]:
    """Return a picture as float64, 0..255."""
    return picture.astype(np.float64) * (1 if picture.dtype == np.uint8 else 255)


def unit(picture: Samples) -> NDArray[np.float32]:
    """Return a picture as float32, 0..1."""
    return picture.astype(np.float32) / np.float32(255)


def through_png(samples: Samples) -> Samples:
    """Return what a PNG file gives back."""
    return image_file.decode(image_file.encode(Image(samples), "PNG")).samples


# --- ways ----------------------------------------------------------------------------------------------------


def load(folder: Path) -> Run:
    """Load a run folder as hiding does.

    Raises:
        WeightsError: its weights are damaged.
    """
    name = zoo.find(folder.resolve()).method
    method: Any = methods.load(name)
    method = method.equip(str(folder.resolve()), "cpu")
    model, written = method.model(), folder / "config.json"
    config, ways = method.settled(model), []
    switches = ("running", "batch") if getattr(config, "norm", False) else ("running",)
    for statistics in switches if hasattr(config, "batch_statistics") else ("",):
        how = dataclasses.replace(config, batch_statistics=statistics == "batch") if statistics else config
        painter = Painter(method, method.loaded(model, how), how)
        ways.append(Way(folder.name, "direct", statistics, painter.direct))
        ways.append(Way(folder.name, "file", statistics, painter.by_file))
        if statistics == "batch":
            many = f"batch of {TOGETHER}"
            ways.append(Way(folder.name, "direct", many, painter.direct, painter.direct_together))
        else:
            precise = dataclasses.replace(painter, precise=True)
            ways.append(Way(folder.name, "file, float32", statistics, precise.by_file))
    recipe = json.loads(written.read_text()).get("recipe", {}) if written.exists() else {}
    return Run(folder.name, name, dataclasses.asdict(config), recipe, tuple(ways))


@dataclass(frozen=True)
class Painter:
    """Networks with their weights; `precise`: in float32 where hiding would take bfloat16."""

    method: Any
    net: Any
    config: Any
    precise: bool = False

    def direct(self, cover: Samples, secret: Samples) -> Made:
        """Hide and reveal through a float container, in float32."""
        container = self._tiled(self._embed, *(_tensor(each) for each in (cover, secret)))
        revealed = self._tiled(self._extract, container)
        return Made(unit(cover), unit(secret), _picture(container), _picture(revealed))

    def direct_together(self, pairs: Sequence[tuple[Samples, Samples]]) -> list[Made]:
        """Hide and reveal as `direct`, all at once: the statistics that normalise each of them are of them all."""
        covers, secrets = (torch.cat([_tensor(pair[place]) for pair in pairs]) for place in (0, 1))
        with torch.inference_mode():
            containers = self._embed(covers, secrets)
            revealed = self._extract(containers)
        each = zip(pairs, containers.split(1), revealed.split(1), strict=True)
        return [Made(unit(c), unit(s), _picture(made), _picture(read)) for (c, s), made, read in each]

    def by_file(self, cover: Samples, secret: Samples) -> Made:
        """Hide and reveal through a PNG."""
        container = through_png(self._levels(self._embed, cover, secret))
        revealed = through_png(self._levels(self._extract, container))
        both = getattr(self.config, "both", False)
        again = through_png(self._levels(self._extract_cover, container)) if both else None
        return Made(cover, secret, container, revealed, again=again)

    def _embed(self, cover: Tensor, secret: Tensor) -> Tensor:
        return self.method.embed(self.net, cover, secret, self.config)

    def _extract(self, container: Tensor) -> Tensor:
        return self.method.extract(self.net, container, self.config)

    def _extract_cover(self, container: Tensor) -> Tensor:
        return (self.net.decode(2 * container - 1)[:, 3:] + 1) / 2

    def _tiled(self, run: Callable[..., Tensor], *given: Tensor) -> Tensor:
        with torch.inference_mode():
            return tiled(run, given, self.method.margin, self.method.tile(self.config))

    def _levels(self, run: Callable[..., Tensor], *pictures: Samples) -> Samples:
        if not self.precise:
            return self.method._through(run, self.net, self.method.tile(self.config), *pictures)
        found = self._tiled(run, *(_tensor(each) for each in pictures))
        return np.rint(np.clip(_picture(found), 0, 1) * 255).astype(np.uint8)


def _tensor(picture: Samples) -> Tensor:
    return torch.from_numpy(unit(picture)).permute(2, 0, 1)[None]


def _picture(tensor: Tensor) -> NDArray[np.float32]:
    return tensor[0].permute(1, 2, 0).numpy()


def lsb(bits: int, *, midpoint: bool = False) -> Way:
    """Return LSB replacement, `bits` deep; filled with zeros as published, or with the middle of what was lost."""

    def make(cover: Samples, secret: Samples) -> Made:
        container = through_png(hide_bits(cover, secret, bits))
        return Made(cover, secret, container, reveal_bits(container, bits, midpoint=midpoint), 3.0 * bits)

    return Way(f"lsb-{bits}" + (" midpoint (ours)" if midpoint else ""), "file", "", make)


def mantissa() -> Way:
    """Return the control for `direct`: a float container whose digits behind the point are the secret."""
    step = np.float32(1 / 8192)

    def make(cover: Samples, secret: Samples) -> Made:
        container = (cover + secret * step) / np.float32(255)
        digits = container * np.float32(255)
        revealed = (digits - np.floor(digits + step / 2)) / step
        return Made(
            unit(cover), unit(secret), container, np.clip(np.rint(revealed) / 255, 0, 1).astype(np.float32), 24.0
        )

    return Way("control: secret in the mantissa", "direct", "", make)


def exact() -> Way:
    """Return the exact path, with header, salt and encryption: `intarsia.hide` and `intarsia.reveal` as they are."""

    def make(cover: Samples, secret: Samples) -> Made:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder, "container.png")
            hidden = intarsia.hide(Image(cover), Image(secret), out)
            container, revealed = image_file.load(out).samples, intarsia.reveal(out).value
        assert isinstance(revealed, Image)
        return Made(cover, secret, container, revealed.samples, 8 * hidden.secrets[0].bytes / cover[..., 0].size)

    return Way("exact", "file", "", make)


# --- measures ------------------------------------------------------------------------------------------------


def measure(made: Made) -> dict[str, float]:
    """Return what is measured of one pair; rates are of 1, errors are in levels of 255, correlations are 0..1."""
    error = made.error()
    worst = error.max(2)
    decoded = 1 - metrics.mae(made.secret, made.revealed) / 255  # equation 1
    return {
        "changing_rate": metrics.mae(made.cover, made.container) / 255,  # equation 2
        "decoded_rate": decoded,
        "bpp": capacity(decoded),  # equation 3
        **({} if made.written is None else {"written_bpp": made.written}),
        "container_psnr": metrics.psnr(made.cover, made.container),
        "container_ssim": metrics.ssim(made.cover, made.container),
        "secret_psnr": metrics.psnr(made.secret, made.revealed),
        "secret_ssim": metrics.ssim(made.secret, made.revealed),
        **({} if made.again is None else {"again_psnr": metrics.psnr(made.cover, made.again)}),
        "error_p999": float(np.quantile(error, 0.999)),
        "error_max": float(error.max()),
        "spikes": float(spikes(worst).mean()) * 1e6,
        "ruined": float((worst > RUINED).mean()),
        **by_surface(made.cover, error),
        **visible(levels(made.container) - levels(made.cover), levels(made.secret)),
    }


def spikes(worst: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which pixels are spikes (figure 8), [H, W], of each pixel's largest error, [H, W]; rule at `SPIKE`."""
    shown = Pil.fromarray(np.clip(np.rint(worst), 0, 255).astype(np.uint8))
    around = np.asarray(shown.filter(ImageFilter.RankFilter(AROUND, 3 * AROUND**2 // 4)))
    return (worst > SPIKE * around) & (worst > FLOOR)


def by_surface(cover: Picture, error: NDArray[np.float64]) -> dict[str, float]:
    """Return the mean error weighted by the flatness around each pixel, and by one minus it."""
    signed = torch.from_numpy(levels(cover) / 127.5 - 1).permute(2, 0, 1)[None]
    flat = flatness(signed)[0, 0].numpy()
    mean = error.mean(2)
    weighted = ((mean * weight).sum() / max(weight.sum(), 1e-9) for weight in (flat, 1 - flat))
    return dict(zip(("error_flat", "error_textured"), map(float, weighted), strict=True))


def visible(residual: NDArray[np.float64], secret: NDArray[np.float64]) -> dict[str, float]:
    """Return how much of the secret shows in container - cover, and what a picture that is not hidden there gives.

    shows_secret: the largest |r| of a channel of the residual and one of the secret; shows_edges: |r| of the mean
    |residual| and the gradient of the secret's grey. `_chance`: the same with the secret turned by 180 degrees.
    """
    strength = np.abs(residual).mean(2)
    result = {}
    for name, picture in (("", secret), ("_chance", secret[::-1, ::-1])):
        pairs = (correlation(residual[..., i], picture[..., j]) for i in range(3) for j in range(3))
        result["shows_secret" + name] = max(map(abs, pairs))
        result["shows_edges" + name] = abs(correlation(strength, np.hypot(*np.gradient(picture.mean(2)))))
    return result


def correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return Pearson's r of two planes, 0 where one of them does not change."""
    a, b = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 1e-9 else 0.0
