"""The neural field's tables: clips, sounds, clips without rounding while learning, and shapes, each fitted anew."""

from collections.abc import Sequence
from pathlib import Path

from . import papers
from .material import first
from .pieces import Piece
from .plans import FILE, PAPER, Given, Plan, Row, picture, sound
from .tasks import Task

COVER = "square:512"
OF_COVER = ("cover_mae", "cover_psnr", "cover_ssim", "cover_lpips")
OF_CLIP = ("secret_mae", "secret_psnr", "secret_ssim", "secret_lpips", "fit_s")
OF_SOUND = ("secret_ae", "secret_snr", "secret_mel_ssim", "fit_s")
OF_SHAPE = ("secret_chamfer", "secret_hausdorff", "secret_iou", "fit_s")


def plans(given: Given) -> list[Plan]:
    """Return the tables for which there is something to hide."""
    material, limit = given.material, given.few
    clips = [Piece(str(path), "frames:16:128", "video") for path in first(material.clips, limit)]
    tunes = [sound(path, "sound:100000:22050") for path in first(material.tunes, limit)]
    shapes = [Piece(str(path), "", "shape") for path in first(material.shapes, limit)]
    covers = first(material.pictures, None)
    found = [
        _plan(given, "video", "Table 1: a video in a picture", OF_CLIP, clips, covers, residue=True),
        _plan(given, "sound", "Table 2: a sound in a picture", OF_SOUND, tunes, covers),
        _plan(given, "no-rounding", "Table 3: Table 1 without rounding while learning", OF_CLIP, clips, covers),
        _plan(given, "shape", "Shapes in a picture (no table in the paper)", OF_SHAPE, shapes, covers),
    ]
    return [plan for plan in found if plan.tasks]


def _plan(
    given: Given,
    name: str,
    title: str,
    measures: tuple[str, ...],
    secrets: Sequence[Piece],
    covers: Sequence[Path],
    residue: bool = False,
) -> Plan:
    pairs = [(picture(covers[n % len(covers)], COVER), secret) for n, secret in enumerate(secrets) if covers]

    def tasks(**settings: str) -> tuple[Task, ...]:
        own = given.fit(**settings)
        return tuple(Task("trip", "neural_field", *pair, settings=own, seed=given.seed, fits=True) for pair in pairs)

    plain = {"qat": "false"} if name == "no-rounding" else {}
    printed = papers.NEURAL_FIELD.get(name)
    rows = [Row("neural_field", PAPER, printed=printed)] if printed else []
    rows.append(Row("neural_field, faithful", FILE, tasks(**plain)))
    if residue:
        rows.append(Row("neural_field, residue, m = 3", FILE, tasks(recipe="residue")))
    return Plan(
        f"neural-field-{name}",
        f"Neural fields, {title}",
        (*OF_COVER, *measures),
        tuple(rows),
        (
            "Covers: middle square, scaled to 512 x 512. Clips: middle 128 x 128 of the first 16 frames. Sounds: "
            "100,000 samples at 22,050 Hz.",
            "Every secret is fitted anew; `fit, s` is the time each fit got. The paper's are 5,000 (sounds 20,000) "
            "full steps of a GPU; longer ones: --refit --set seconds=600.",
            "PSNR and SSIM of a clip are means over its frames. LPIPS has no weights here unless INTARSIA_LPIPS names "
            "some.",
        ),
        match=name != "no-rounding",
    )
