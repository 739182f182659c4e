"""Image in speech: three columns, which are recipes, by five rows; here a row each, and the measures beside them."""

from collections.abc import Iterator

from . import papers
from .material import first
from .plans import DIRECT, FILE, PAPER, Given, Plan, Row, config_of, label_of, picture, sound, without_weights
from .tasks import Task

RATE = 16_000
RECIPES = ("ssim+enhancer", "ssim", "base")
MEASURES = (
    *("secret_mae", "secret_ssim", "spectrum_mae", "spectrum_pearson", "wave_mae", "wave_pearson"),
    *("secret_psnr", "carrier_snr", "carrier_segmental", "pesq", "stoi", "quiet_level"),
)


def plans(given: Given) -> list[Plan]:
    """Return the table, if there are pictures and sounds."""
    if not given.material.pictures or not given.material.sounds:
        return []
    rows: list[Row] = []
    measured = [row for model in given.runs("image_in_speech") for row in _rows(given, model)]
    for recipe in RECIPES:
        rows.append(Row(recipe, PAPER, printed=papers.IMAGE_IN_SPEECH[recipe]))
        own = [row for row in measured if row.label.split(":")[0] == recipe]
        rows += own or [without_weights("image_in_speech", recipe)]
    return [
        Plan(
            "image-in-speech",
            "Image in speech: three recipes, five measures, and what they leave out",
            MEASURES,
            tuple(rows),
            (
                "Colour pictures, the middle square at the size of the model's planes, in as much speech as they take.",
                "The labels of the paper's spectrogram and waveform rows are lost: they are inferred, and the scale of "
                "its spectrograms is unknown, so that row compares with nothing. Its last row may be an MAE.",
                "file: a 16-bit WAV read back. direct: the picture is read off the plane the hider made.",
                "without enhancer: the same networks, the enhancer left out when revealing.",
            ),
        )
    ]


def _rows(given: Given, model: str) -> Iterator[Row]:
    room, config = config_of("image_in_speech", model)
    side, clips = room.size(config)[0], 3 // room.planes(config)
    name = label_of("image_in_speech", model)
    ways: list[tuple[str, str, dict[str, str]]] = [(config.recipe, "", {})]
    if config.recipe == "ssim+enhancer":
        ways.append(("ssim", ", without enhancer", {"enhance": "false"}))
    for recipe, more, viewed in ways:
        for column, what in ((DIRECT, "direct"), (FILE, "trip")):
            tasks = tuple(
                Task(
                    what,
                    "image_in_speech",
                    sound(said, f"sound:{clips * room.clip(config)}:{RATE}"),
                    picture(seen, f"square:{side}"),
                    model=model,
                    viewed=viewed,
                    seed=given.seed,
                )
                for said, seen in zip(*_items(given), strict=False)
            )
            yield Row(f"{recipe}: {name}, {config.variant}{more}", column, tasks)


def _items(given: Given) -> tuple[list[object], list[object]]:
    """Return as many sounds as pictures, each sound again where there are fewer."""
    pictures = first(given.material.pictures, given.limit)
    sounds = given.material.sounds
    return [sounds[number % len(sounds)] for number in range(len(pictures))], list(pictures)
