"""DITAS: seven rows by two sets of pictures by four measures; a row is what its run was trained as."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from . import papers
from .material import first
from .plans import DIRECT, FILE, PAPER, Given, Plan, Row, config_of, label_of, picture, sound, without_weights
from .tasks import Task

RATE = 16_000
ROWS = ("deep_steg", "hide_and_speak", "S", "M", "M-E", "M-D", "M-ED")
MEASURES = (
    *("container_mse", "secret_psnr", "secret_ssim", "secret_ms_ssim"),
    *("carrier_snr", "pesq", "stoi", "quiet_level", "bits_per_sample"),
)


def plans(given: Given) -> list[Plan]:
    """Return a table for each set of pictures that there is."""
    sets = {"natural": given.material.pictures, "faces": given.material.faces}
    return [_plan(given, name, paths) for name, paths in sets.items() if paths and given.material.sounds]


def _plan(given: Given, name: str, paths: Sequence[Path]) -> Plan:
    measured = [row for method in ("ditas", "hide_and_speak") for row in _rows(given, method, paths)]
    rows: list[Row] = []
    for each in ROWS:
        rows.append(Row(each, PAPER, printed=papers.DITAS[name][each]))
        own = [row for row in measured if row.label.split(":")[0] == each]
        method = "hide_and_speak" if each == "hide_and_speak" else "ditas"
        rows += own or [without_weights(method, each)]
    return Plan(
        f"ditas-{name}",
        f"DITAS: seven rows, {name}",
        MEASURES,
        tuple(rows),
        (
            "Middle square of every picture at the size of the model's planes, in as much speech as it takes.",
            "The paper does not say in what domain its container MSE is; ours is of magnitudes, window 256, hop 128, "
            "samples -1..1. MS-SSIM has as many scales as fit into the picture.",
        ),
    )


def _rows(given: Given, method: str, paths: Sequence[Path]) -> Iterator[Row]:
    for model in given.runs(method):
        room, config = config_of(method, model)
        if method == "hide_and_speak" and config.hides != "picture":
            continue
        row = _row_of(method, config)
        form = "square" if room.planes(config) == 3 else "grey"
        pictures = first(paths, given.limit)
        pairs = [
            (sound(given.material.sounds[n % len(given.material.sounds)], f"sound:{room.clip(config)}:{RATE}"), each)
            for n, each in enumerate(picture(path, f"{form}:{room.size(config)[0]}") for path in pictures)
        ]
        for column, what in ((DIRECT, "direct"), (FILE, "trip")):
            tasks = tuple(Task(what, method, *pair, model=model, seed=given.seed) for pair in pairs)
            yield Row(f"{row}: {label_of(method, model)}", column, tasks)


def _row_of(method: str, config: object) -> str:
    """Return the row of the paper's table that a run belongs to."""
    if method == "hide_and_speak":
        return method
    return "deep_steg" if getattr(config, "network", "") == "deep_steg" else str(getattr(config, "variant", "S"))
