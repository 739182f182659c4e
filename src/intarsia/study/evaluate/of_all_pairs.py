"""The grand table: every method for every pair of media, and the exact method beside it at the same cover quality."""

from collections.abc import Iterator

from ...methods import TABLE, load
from ...methods.learned import Learned
from .material import Paths, first
from .pieces import Piece
from .plans import FILE, Given, Plan, Row, config_of, label_of, picture, sound, without_weights
from .tasks import Task

MOST = 4
"""Items of a pair, unless a limit says fewer: the pairs are many."""

WORDS = {"image": "picture", "audio": "sound", "video": "video", "shape": "shape", "text": "text", "blob": "bytes"}
PICTURE, SOUND = "square:512", "sound:160000:16000"
SECRETS = {
    "image": {"image": PICTURE, "audio": "sound:100000:22050", "video": "frames:16:128"},
    "audio": {"image": "square:128", "audio": "sound:48000:16000", "video": "frames:16:128"},
}
"""Forms of the secrets by kind of cover and of secret; everything else goes in as it is."""

QUALITY = {
    "image": ("secret_psnr", "secret_ssim"),
    "audio": ("secret_snr", "secret_mel_ssim"),
    "video": ("secret_psnr", "secret_ssim"),
    "shape": ("secret_chamfer", "secret_iou"),
    "text": ("secret_exact",),
    "blob": ("secret_exact",),
}
_SOUND_COVERS = "Covers: 10 s of speech at 16 kHz, or what a model takes."
COST = ("bits_per_sample", "hide_s", "reveal_s", "hide_mb")


def plans(given: Given, only: str | None = None) -> list[Plan]:
    """Return a table for each pair of media; of one method alone, if it is named."""
    found = []
    for cover in ("image", "audio"):
        for hidden in QUALITY:
            rows = tuple(row for name in _methods(only) for row in _rows(given, name, cover, hidden))
            if any(row.tasks for row in rows):
                found.append(_plan(cover, hidden, rows))
    return found


def _methods(only: str | None) -> list[str]:
    return [only] if only else list(TABLE)


def _plan(cover: str, hidden: str, rows: tuple[Row, ...]) -> Plan:
    carrier = ("cover_psnr", "cover_ssim") if cover == "image" else ("carrier_snr", "carrier_segmental", "pesq", "stoi")
    return Plan(
        f"pair-{WORDS[hidden]}-in-{WORDS[cover]}",
        f"{WORDS[hidden].capitalize()} in {WORDS[cover]}",
        (*carrier, *QUALITY[hidden], *COST),
        rows,
        (
            "Covers: middle square at 512 x 512." if cover == "image" else _SOUND_COVERS,
            "exact at the same cover: its least PSNR, or SNR, is what that row's container of the same item has.",
            "Memory: the most that was taken on top of what the process held before, libraries loaded then included.",
        ),
        match=True,
    )


def _rows(given: Given, name: str, cover: str, hidden: str) -> Iterator[Row]:
    room = load(name)
    if hidden not in room.facts.hides.get(cover, ()):
        return
    if not isinstance(room, Learned):
        settings = [{"bits": "3"}] if name == "lsb" else [given.fit()] if room.fits else [{}]
        for own in settings:
            said = f"{name}, {own['bits']} bits" if name == "lsb" else name
            yield Row(said, FILE, tasks(given, name, "", cover, hidden, own, fits=room.fits))
        return
    runs = models(given, name, cover, hidden)
    if not runs:
        yield without_weights(name)
    for model in runs:
        yield Row(label_of(name, model), FILE, tasks(given, name, model, cover, hidden, {}))


def models(given: Given, name: str, cover: str, hidden: str) -> list[str]:
    """Return the models of a method that hide this kind of secret: those that were named, or the first that ships."""
    found = [model for model in given.runs(name) if hidden in load(name).equip(model or None).takes(cover)]
    return found if given.models.get(name) else found[:1]


def tasks(
    given: Given, name: str, model: str, cover: str, hidden: str, settings: dict[str, str], fits: bool = False
) -> tuple[Task, ...]:
    """Return the trips of one method for one pair of media: kinds of the cover and of what is hidden."""
    cover_form, secret_form = _forms(name, model, cover, hidden)
    material, most = given.material, min(given.few or MOST, MOST)
    of = {"image": material.pictures, "audio": material.speech, "video": material.clips, "shape": material.shapes}
    if hidden == "audio" and cover == "image":
        of["audio"] = material.tunes
    covers = first(material.pictures if cover == "image" else material.sounds, most + 1)
    if not covers:
        return ()
    secrets = _secrets(of.get(hidden, ()), hidden, secret_form, most, skip=hidden == cover)
    make = picture if cover == "image" else sound
    return tuple(
        Task(
            "trip",
            name,
            make(covers[n % len(covers)], cover_form),
            each,
            settings=settings,
            model=model,
            seed=given.seed,
            fits=fits,
        )
        for n, each in enumerate(secrets)
    )


def _secrets(paths: Paths, kind: str, form: str, most: int, *, skip: bool) -> list[Piece]:
    """Return the secrets; among files of the cover's own kind the next one is hidden, not the cover itself."""
    if kind in ("text", "blob"):
        return [Piece("", "text" if kind == "text" else "bytes:2000", kind)] * most
    chosen = first(paths, most + 1)
    rolled = [*chosen[1:], *chosen[:1]] if skip else chosen
    return [Piece(str(path), form, kind) for path in rolled[:most]]


def _forms(name: str, model: str, cover: str, hidden: str) -> tuple[str, str]:
    """Return the forms of cover and hidden; a model in sound takes planes of one size in clips of one length."""
    forms = (PICTURE if cover == "image" else SOUND), SECRETS[cover].get(hidden, "")
    if cover == "image" or not isinstance(load(name), Learned):
        return forms
    room, config = config_of(name, model)
    if hidden != "image":
        return f"sound:{room.clip(config)}:16000", f"sound:{room.clip(config)}:16000"
    per, side = room.planes(config), room.size(config)[0]
    form, clips = ("square", 3 // per) if per in (1, 3) else ("grey", 1)
    if name == "ditas" and per == 1:
        form, clips = "grey", 1
    return f"sound:{clips * room.clip(config)}:16000", f"{form}:{side}"
