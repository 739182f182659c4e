"""StegNet's rates and capacity, at the paper's 64 x 64 and at photographs' 512 x 512, and the controls beside them."""

from collections.abc import Iterator, Mapping
from typing import Any

from . import papers
from .plans import DIRECT, FILE, PAPER, Given, Plan, Row, around, label_of, picture, without_weights
from .tasks import Task

MEASURES = ("cover_change", "secret_rate", "secret_bpp", "cover_psnr", "cover_ssim", "secret_psnr", "secret_ssim")
SIDES = (64, 512)
MOST_LARGE = 24
"""Pictures of the larger side, of every table at once: each takes a minute. As many as Kodak's set has."""


def plans(given: Given) -> list[Plan]:
    """Return both tables, if there are pictures."""
    if not given.material.pictures:
        return []
    return [_plan(given, side) for side in SIDES]


def _plan(given: Given, side: int) -> Plan:
    most = given.limit if side == SIDES[0] else given.few
    if given.everything and side != SIDES[0]:
        most = min(most or MOST_LARGE, MOST_LARGE)
    pairs = [
        (picture(one, f"square:{side}"), picture(other, f"square:{side}"))
        for one, other in around(given.material.pictures, most)
    ]

    def tasks(what: str, method: str, model: str = "", noise: bool = False, **settings: str) -> tuple[Task, ...]:
        own: Mapping[str, Any] = {"settings": settings, "model": model, "seed": given.seed}
        hidden = [(one, picture("", f"noise:{side}") if noise else other) for one, other in pairs]
        return tuple(Task(what, method, one, other, **own) for one, other in hidden)

    rows = [Row("stegnet", PAPER, printed=papers.STEGNET["stegnet"])] if side == SIDES[0] else []
    for method in ("stegnet", "deep_steg"):
        rows += _painted(given, method, tasks)
    rows += [Row(f"lsb, {bits} bits", FILE, tasks("trip", "lsb", bits=str(bits))) for bits in (3, 4)]
    rows.append(Row("exact (AVIF in ternary digits)", FILE, tasks("trip", "exact")))
    rows.append(Row("control: secret behind the point", DIRECT, tasks("mantissa", "exact")))
    reader = next(iter(given.runs("stegnet")), None)
    how = ("stegnet", reader) if reader is not None else ("exact", "")
    said = "read by stegnet" if reader is not None else "the cover taken for the secret"
    rows.append(Row(f"control: nothing hidden, {said}", FILE, tasks("identity", *how)))
    rows += [Row("control: noise as the secret, lsb, 3 bits", FILE, tasks("trip", "lsb", noise=True, bits="3"))]
    rows += [Row("control: noise as the secret, exact", FILE, tasks("trip", "exact", noise=True))]
    return Plan(
        f"stegnet-{side}",
        f"StegNet: rates and capacity, {side} x {side}",
        MEASURES,
        tuple(rows),
        (
            f"Middle square of every picture, scaled to {side} x {side}; picture i hides picture i + 1.",
            "file: intarsia hide and reveal through a PNG; salt and header change up to 2,673 samples by one level.",
            "direct: the float container is decoded as it is, as published. What that is worth, the control says that "
            "carries the whole secret behind the point.",
            "The capacity as printed is 24 times the decoded share: it says how near a picture is, not how many bits "
            "were written.",
        ),
    )


def _painted(given: Given, method: str, tasks: Any) -> Iterator[Row]:  # noqa: ANN401 (makes tasks)
    runs = given.runs(method)
    if not runs:
        yield without_weights(method)
    for model in runs:
        label = label_of(method, model)
        yield Row(label, DIRECT, tasks("direct", method, model))
        yield Row(label, FILE, tasks("trip", method, model))
