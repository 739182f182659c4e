"""DITAS: seven rows by two sets of pictures by four measures; what each stage adds; and Hide and Speak as published.

A row of DITAS's table is what its run was trained as.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ... import zoo
from . import papers
from .material import first
from .pieces import Piece
from .plans import (
    AFTER,
    DIRECT,
    FILE,
    PAPER,
    STAGES,
    Given,
    Plan,
    Row,
    around,
    config_of,
    label_of,
    picture,
    sound,
    without_weights,
)
from .tasks import Task

RATE = 16_000
ROWS = ("deep_steg", "hide_and_speak", "S", "M", "M-E", "M-D", "M-ED")
MEASURES = (
    *("container_mse", "secret_psnr", "secret_ssim", "secret_ms_ssim"),
    *("carrier_snr", "pesq", "stoi", "quiet_level", "bits_per_sample"),
)

LEARNT = "learnt from faces, of which some may be among these"

SPOKEN = (
    *("carrier_magnitude_snr", "secret_magnitude_snr", "secret_mel_ssim"),
    *("carrier_snr", "carrier_segmental", "pesq", "stoi", "quiet_level", "bits_per_sample"),
)


def plans(given: Given) -> list[Plan]:
    """Return a table for each set of pictures that there is, that of stages, and that of speech in speech."""
    sets = {"natural": given.material.pictures, "faces": given.material.faces}
    found = [_plan(given, name, paths) for name, paths in sets.items() if paths and given.material.sounds]
    if found:
        staged = tuple(_staged(given, next(paths for paths in sets.values() if paths)))
        found += [_progressive(staged)] if staged else []
    return [*found, _spoken(given)] if given.material.speech else found


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


def _progressive(rows: tuple[Row, ...]) -> Plan:
    return Plan(
        STAGES,
        "DITAS: what each stage adds",
        ("secret_psnr", "secret_ssim", "secret_ms_ssim"),
        rows,
        ("Each container revealed again, with its first stages only. The items are those of the table before.",),
    )


def _staged(given: Given, paths: Sequence[Path]) -> Iterator[Row]:
    """Yield a row for each number of stages of each model that has several; all of them is the trip itself."""
    for model in given.runs("ditas"):
        room, config = config_of("ditas", model)
        trips = _tasks(given, "trip", "ditas", model, _pairs(given, room, config, first(paths, given.few)))
        for number in range(1, config.count + 1) if config.count > 1 else ():
            views = tuple(replace(task, what="view", viewed={"stages": str(number)}) for task in trips)
            label = f"{_row_of('ditas', config)}: {label_of('ditas', model)}{AFTER}{number}"
            yield Row(label, FILE, trips if number == config.count else views)


def _spoken(given: Given) -> Plan:
    """Return the table of speech in speech: every sound with the next one in it."""
    method, rows = "hide_and_speak", []
    for model in given.runs(method):
        room, config = config_of(method, model)
        if config.hides != "speech" or config.messages != 1:
            continue
        form = f"sound:{room.clip(config)}:{RATE}"
        pairs = [(sound(one, form), sound(other, form)) for one, other in around(given.material.speech, given.limit)]
        for column, what in ((DIRECT, "direct"), (FILE, "trip")):
            tasks = _tasks(given, what, method, model, pairs)
            rows.append(Row(label_of(method, model), column, tasks))
    return Plan(
        "hide-and-speak",
        "Hide and Speak: speech in speech",
        SPOKEN,
        tuple(rows) or (without_weights(method),),
        (
            "The middle three seconds of every recording, at 16 kHz; recording i hides recording i + 1.",
            "SNR of magnitudes is the published measure: frames of 256, hop 128, rectangular; here of each item, there "
            "pooled over a batch. The published table is on TIMIT, and its numbers are not at hand.",
            "direct: the float sound, and magnitudes read off it. file: the sound that was revealed; its phases were "
            "looked for (Griffin and Lim), so its waveform says nothing.",
        ),
    )


def _rows(given: Given, method: str, paths: Sequence[Path]) -> Iterator[Row]:
    for model in given.runs(method):
        room, config = config_of(method, model)
        if method == "hide_and_speak" and config.hides != "picture":
            continue
        row = _row_of(method, config)
        note = LEARNT if paths == given.material.faces and _learnt_faces(method, model) else ""
        pairs = _pairs(given, room, config, first(paths, given.limit))
        for column, what in ((DIRECT, "direct"), (FILE, "trip")):
            tasks = _tasks(given, what, method, model, pairs)
            yield Row(f"{row}: {label_of(method, model)}", column, tasks, note=note)


def _pairs(given: Given, room: Any, config: Any, pictures: Sequence[Path]) -> list[tuple[Piece, Piece]]:  # noqa: ANN401
    """Return each picture with the sound it goes into, at the size of a model's planes."""
    form = "square" if room.planes(config) == 3 else "grey"
    sounds, clip = given.material.sounds, f"sound:{room.clip(config)}:{RATE}"
    shown = [picture(path, f"{form}:{room.size(config)[0]}") for path in pictures]
    return [(sound(sounds[number % len(sounds)], clip), each) for number, each in enumerate(shown)]


def _tasks(given: Given, what: str, method: str, model: str, pairs: Sequence[tuple[Piece, Piece]]) -> tuple[Task, ...]:
    return tuple(Task(what, method, *pair, model=model, seed=given.seed) for pair in pairs)


def _learnt_faces(method: str, model: str) -> bool:
    """Whether the card of a model says so; a run folder has none."""
    card = zoo.find(model or method, method).card
    return card is not None and any("faces" in each["source"].lower() for each in card.data)


def _row_of(method: str, config: object) -> str:
    """Return the row of the paper's table that a run belongs to."""
    if method == "hide_and_speak":
        return method
    return "deep_steg" if getattr(config, "network", "") == "deep_steg" else str(getattr(config, "variant", "S"))
