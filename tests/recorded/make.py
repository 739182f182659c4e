"""Write the golden containers and models that are missing: `python tests/recorded/make.py`. None is ever rewritten.

The covers are drawn here, and models learn from what is drawn. Every later release must open every container in this
folder, with the models in `models/`.
"""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np

import intarsia
from intarsia.media import Audio, Blob, Image

HERE = Path(__file__).parent
PASSWORD = "golden pässword"


def drawn(height: int, width: int) -> np.ndarray:
    """Return a drawn picture, uint8 [height, width, 3]: soft waves and a little grain."""
    y, x = np.mgrid[:height, :width] / 7.0
    waves = np.stack([np.sin(x + y / 3), np.sin(y - x / 5), np.cos(x / 2) * np.sin(y / 2)], axis=-1)
    grain = np.random.default_rng(11).integers(-6, 7, waves.shape)
    return (128 + 90 * waves + grain).astype(np.uint8)


def hummed(count: int, channels: int = 1, depth: int = 16) -> Audio:
    """Return a hummed sound: a few harmonics and a little breath, int32 [count, channels]."""
    time = np.arange(count)[:, None] + 40 * np.arange(channels)
    hum = sum(np.sin(time * k * 0.05) / k for k in range(1, 6)) * np.sin(time / 900) ** 2
    breath = np.random.default_rng(12).standard_normal((count, channels))
    scaled = np.rint((0.15 * hum + 0.003 * breath) * (1 << (depth - 1))).astype(np.int32)
    return Audio.of(scaled, 8000, depth=depth, name="hum.wav")


def main() -> None:
    """Write containers and `expected.json`."""
    cover, secret = drawn(96, 120), drawn(40, 50)[::-1].copy()
    alpha = np.full((96, 120), 255, np.uint8)
    alpha[:30, :30] = 0
    field = {"method": "neural_field", "steps": 300, "batch": 1024, "lr": 0.012}
    residues = {"method": "neural_field", "steps": 300, "recipe": "residue", "m": 5}
    noise = Blob(np.random.default_rng(5).bytes(300), "noise.bin")
    cases = {
        "v1-exact-blob.png": (Image(cover), noise, {}),
        "v1-exact-long-name.png": (Image(cover), Blob(b"short", "a name too long for the short header.txt"), {}),
        "v1-exact-text.webp": (Image(cover, alpha), Blob.text("An inlay, ¼ inch."), {}),
        "v1-exact-picture-best.png": (Image(cover), Image(secret, name="waves.png"), {"preset": "best"}),
        "v1-exact-picture.bmp": (Image(cover[..., 0].copy()), Image(secret, name="waves.png"), {}),
        "v1-exact-grey16.tif": (Image(cover[..., 1].astype(np.uint16) * 255), noise, {}),
        "v1-lsb-3.png": (Image(cover), Image(secret, name="waves.png"), {"method": "lsb"}),
        "v1-lsb-2-midpoint.png": (Image(cover), Image(secret), {"method": "lsb", "bits": 2, "midpoint": True}),
        "v1-exact-text-in-sound.wav": (hummed(45_000), Blob.text("An inlay, ¼ inch."), {}),
        "v1-exact-blob-in-sound.flac": (hummed(7_000), noise, {"protect": 0}),
        "v1-exact-picture-in-stereo.wav": (hummed(24_000, 2), Image(secret, name="waves.png"), {"snr": 31}),
        "v1-exact-blob-in-24-bits.wav": (hummed(12_000, 1, 24), noise, {"snr": 30, "shaping": 0.5, "protect": 0.1}),
        "v1-exact-exact-sound-in-picture.png": (Image(cover), hummed(1_500), {}),
        "v1-exact-sound-in-sound.wav": (hummed(20_000), hummed(12_000, 2), {"snr": 40, "protect": 0}),
        "v1-exact-several.png": (Image(cover), [noise, Image(secret, name="waves.png"), Blob.text("third")], {}),
        "v1-exact-many-listed.webp": (
            Image(drawn(170, 200)),
            [Blob(bytes([n]) * 3, f"{n:030}.bin") for n in range(30)],
            {},
        ),
        "v1-lsb-2-in-sound.wav": (hummed(9_000), noise, {"method": "lsb", "bits": 2}),
        "v1-stegnet.png": (Image(cover), Image(HIDDEN, name="waves.png"), {"method": "stegnet"}),
        "v1-neural_field.png": (Image(cover), Image(secret, name="waves.png"), field),
        "v1-neural_field-published.png": (Image(cover), Image(secret), {**field, "colour_means": "field"}),
        "v1-neural_field-residue.png": (Image(cover), Image(secret), residues),
    }
    kept = HERE / "expected.json"
    expected = json.loads(kept.read_text()) if kept.exists() else {}
    for name, (host, value, settings) in cases.items():
        if name in expected:
            continue
        given = with_model(name)
        intarsia.hide(host, value, HERE / name, password=PASSWORD, seed=1, force=True, **settings, **given)
        found = [fingerprint(each) for each in intarsia.reveal(HERE / name, password=PASSWORD, **given).values]
        expected[name] = found[0] if len(found) == 1 else found
    kept.write_text(json.dumps(expected, indent=2, ensure_ascii=False) + "\n")


HIDDEN = drawn(96, 120)[::-1].copy()
"""What golden models hide."""

LEARNED = {"stegnet": {"size": 32}}
"""Methods with networks, and the settings of their golden models."""


def with_model(container: str) -> dict[str, str]:
    """Return what a container needs besides the password: the golden model of the method in its name, if it has one."""
    method = container.split("-")[1].partition(".")[0]
    return {"model": str(model(method))} if method in LEARNED else {}


def model(method: str) -> Path:
    """Return the golden model of a method, after half a minute of learning where there is none yet."""
    path = HERE / "models" / f"{method}.safetensors"
    if path.exists():
        return path
    import torch

    from intarsia import methods
    from intarsia.engine.company import team
    from intarsia.engine.loop import learn
    from intarsia.engine.recipe import Recipe
    from intarsia.zoo import weights

    torch.manual_seed(0)
    room = methods.load(method)
    config = room.Config(**LEARNED[method])
    learner = room.learner(config, room.recipe)
    recipe = Recipe(steps=800, batch=8, lr=3e-3, schedule="cosine", warmup=0.05, clip=1.0, validate=10_000)
    learn(learner, Drawings(), recipe, members=team("cpu"))
    path.parent.mkdir(exist_ok=True)
    tensors = {name: each for name, each in learner.net.state_dict().items() if each.is_floating_point()}
    weights.save(path, tensors, method=method, config=dataclasses.asdict(config), step=recipe.steps)
    return path


class Drawings:
    """Batches of crops of what `drawn` draws."""

    content = "drawings"

    def draw(self, step: int, first: int = 0, count: int | None = None) -> dict[str, np.ndarray]:
        """Return eight pairs, uint8 [8, 3, 32, 32]."""
        random = np.random.default_rng(step)
        pictures = (drawn(256, 256), drawn(256, 256)[::-1])
        return {name: self._crops(each, random) for name, each in zip(("cover", "secret"), pictures, strict=True)}

    def validation(self, count: int) -> dict[str, np.ndarray]:
        """Return pairs to look at."""
        return self.draw(0)

    def _crops(self, picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
        places = random.integers(0, 256 - 32, (8, 2))
        crops = [picture[y : y + 32, x : x + 32] for y, x in places]
        return np.ascontiguousarray(np.stack(crops).transpose(0, 3, 1, 2))


def fingerprint(value: Blob | Image | Audio) -> dict[str, object]:
    """Return what identifies a revealed value; a lossy picture's samples depend on its decoder's release."""
    if isinstance(value, Blob):
        return {"kind": value.kind, "name": value.name, "sha256": hashlib.sha256(value.data).hexdigest()}
    samples = value.samples.astype(float)
    return {
        "kind": value.kind,
        "name": value.name,
        "shape": list(value.samples.shape),
        "mean": round(samples.mean(), 1),
        "deviation": round(samples.std(), 1),
    }


if __name__ == "__main__":
    main()
