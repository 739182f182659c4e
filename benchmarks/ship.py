"""Makes a run a model that ships: its weights, and a card filled from the run and from a report on it.

    python benchmarks/ship.py RUN --prepare FOLDER [--set KEY=VALUE]... [--half]
    python benchmarks/ship.py RUN NAME --numbers REPORT/numbers.jsonl --title TEXT --limits TEXT [--commercial yes]
    python benchmarks/ship.py --page docs/models.md

    RUN/model.safetensors ─────────────────────────────┐
    RUN/config.json, metrics.jsonl ─► settings, command ┼─► src/intarsia/zoo/models/NAME.safetensors, NAME.json
    REPORT/numbers.jsonl ─► figures `direct` and `file` ┘        └─► --page: what ships, between two marks

--prepare copies what is needed of a run: with other settings that hiding is free to choose (`refine`), or weights of 16
bits where 32 are too large. It has to come before the report, for the weights are others then.

REPORT is what `intarsia evaluate` made with `--model METHOD=RUN`. Of its numbers those are taken whose row names the
run.
"""

import argparse
import dataclasses
import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from intarsia import methods, zoo
from intarsia.media import files
from intarsia.study.evaluate.units import MEASURES
from intarsia.zoo import cards, weights

MEASURED = {
    "stegnet": ("cover_change", "secret_rate", "cover_psnr", "secret_psnr", "secret_ssim"),
    "deep_steg": ("cover_change", "secret_rate", "cover_psnr", "secret_psnr", "secret_ssim"),
    "image_in_speech": ("secret_psnr", "secret_ssim", "secret_mae", "spectrum_pearson", "carrier_snr"),
    "ditas": ("secret_psnr", "secret_ssim", "secret_ms_ssim", "container_mse", "carrier_snr"),
    "hide_and_speak": (
        *("secret_psnr", "secret_ssim", "container_mse"),
        *("carrier_magnitude_snr", "secret_magnitude_snr", "secret_mel_ssim", "carrier_snr"),
    ),
}
"""What a card says, by method."""

DATA = {
    "images/train": (
        "photographs and crops of photographs from public collections: Unsplash, Pexels, Pixabay, Open Images, "
        "Caltech-101, TensorFlow flowers, clothing, government sites",
        "CC0 and public domain, CC BY, MIT, Unsplash, Pexels, Pixabay",
    ),
    "images/faces": ("Caltech-101, Faces_easy", "CC BY 4.0"),
    "faces": ("Caltech-101, Faces_easy", "CC BY 4.0"),
    "speech/train": ("LibriSpeech train-clean-100, one utterance of each speaker", "CC BY 4.0"),
}
"""What lies in the folders that runs are trained on, and under which terms."""

BEGIN, END = "<!-- what ships -->", "<!-- end of what ships -->"
HOW = ("--data photographs/", "--data speech/")


# --- before the report ---------------------------------------------------------------------------------------


def prepared(run: Path, folder: Path, settings: Mapping[str, Any], *, half: bool) -> None:
    """Copy a run, with other free settings and smaller weights."""
    head, arrays = weights.load(run / "model.safetensors")
    room: Any = methods.load(head.method)
    if held := sorted(set(settings) - room.free):
        raise SystemExit(f"{', '.join(held)}: decided by training")
    folder.mkdir(parents=True, exist_ok=True)
    config = {**head.config, **settings}
    how = {"method": head.method, "config": config, "step": head.step, "half": half, "force": True}
    weights.save(folder / "model.safetensors", arrays, **how)
    told = json.loads((run / "config.json").read_text("utf-8"))
    told["config"] |= settings
    files.write_output(folder / "config.json", json.dumps(told, indent=2).encode(), force=True)
    files.write_output(folder / "metrics.jsonl", (run / "metrics.jsonl").read_bytes(), force=True)


# --- the card ------------------------------------------------------------------------------------------------


def card(run: Path, name: str, given: argparse.Namespace) -> cards.Card:
    """Return the card of a run."""
    config = json.loads((run / "config.json").read_text("utf-8"))
    weighed, room = run / "model.safetensors", methods.load(config["method"])
    head = weights.peek(weighed)
    curve = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    return cards.Card(
        name=name,
        method=head.method,
        title=given.title,
        paper=room.facts.paper or "",
        configuration=head.config,
        data=sources(config["data"]["sources"]),
        commercial=given.commercial,
        steps=head.step,
        seconds=round(max(row.get("seconds", 0) for row in curve)),
        hardware=config["hardware"],
        figures=figures(given.numbers, run.name, head.method),
        limits=given.limits,
        recipe={"command": command(config), **config["recipe"]},
        made=given.made or f"{datetime.date.fromtimestamp(weighed.stat().st_mtime):%Y-%m-%d}",
        bytes=weighed.stat().st_size,
        sha256=weights.file_sha256(weighed),
    )


def sources(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return what a run was trained on."""
    found = []
    for source, count in counts.items():
        folder = source.split(" ")[-1]
        if folder not in DATA:
            raise SystemExit(f"{source}: unknown terms; add it to DATA")
        said, licence = DATA[folder]
        found.append({"source": said, "count": count, "licence": licence})
    return found


def command(config: Mapping[str, Any]) -> str:
    """Return the command that makes the run again: what differs from the method's own settings."""
    room: Any = methods.load(config["method"])
    begun = config.get("begin", {}).get("model")
    own = dataclasses.asdict(room.Config()) | (zoo.find(begun).config if begun else {})
    own |= dataclasses.asdict(room.recipe) | dataclasses.asdict(room.packing)
    asked = {**config["config"], **config["recipe"], **config["packing"]}
    words = [f"--set {key}={said(value)}" for key, value in asked.items() if value != own.get(key)]
    data = HOW if "audio" in room.reads else HOW[:1]
    first = [f"--from {begun}"] if begun else []
    return " ".join(["intarsia train", config["method"], *first, *data, "--run RUN", *words])


def said(value: object) -> str:
    """Return a value as `--set` reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def figures(path: Path, run: str, method: str) -> dict[str, list[dict[str, Any]]]:
    """Return the figures of a run that a report has."""
    found: dict[str, list[dict[str, Any]]] = {"direct": [], "file": []}
    for row in map(json.loads, path.read_text("utf-8").splitlines()):
        own = row["column"] in found and _is_of(row["row"], run, method) and row["measure"] in MEASURED[method]
        if own and row["mean"] is not None and not row["table"].startswith("pair-"):
            name, unit = headed(row["measure"])
            value = round(row["mean"] * MEASURES[row["measure"]].scale, 4)
            before, _, behind = row["row"].rpartition(": ")
            data = ", ".join([row["table"], *filter(None, [before]), *behind.split(", ")[1:]])
            about = {"n": row["n"], "seed": row["seed"], "date": row["date"]}
            found[row["column"]].append({"name": name, "value": value, "unit": unit, "data": data, **about})
    return found


def _is_of(row: str, run: str, method: str) -> bool:
    labels = {f"{method} ({run})", method if run == method else ""}
    return row in labels or row.split(": ")[-1].split(", ")[0] in labels


def headed(measure: str) -> tuple[str, str]:
    """Return name and unit of a measure."""
    name, comma, unit = MEASURES[measure].head.rpartition(", ")
    return (name, unit) if comma else (unit, "1")


# --- the page ------------------------------------------------------------------------------------------------


def table() -> Iterator[str]:
    """Yield the lines of what ships."""
    yield "| model | method | MiB | steps, hours | trained on | |"
    yield "|---|---|---|---|---|---|"
    shipped = [zoo.find(name).card for name in zoo.names()]
    for each in shipped:
        assert each is not None
        counts = ", ".join(
            f"{row['count']:,} {'sounds' if 'Speech' in row['source'] else 'pictures'}" for row in each.data
        )
        size = f"{each.bytes / 2**20:.2f} | {each.steps:,}, {each.seconds / 3600:.1f}"
        yield f"| `{each.name}` | `{each.method}` | {size} | {counts} | {each.title} |"
    for each in shipped:
        assert each is not None
        yield from (
            "",
            f"**`{each.name}`**. {each.limits}",
            "",
            "| data | n | measure | direct | file |",
            "|---|---|---|---|---|",
        )
        columns = {column: {_key(row): row for row in each.figures[column]} for column in cards.FIGURES}
        for key in dict.fromkeys([*columns["file"], *columns["direct"]]):
            row = columns["file"].get(key) or columns["direct"][key]
            values = [f"{found['value']:.5g}" if (found := columns[c].get(key)) else "" for c in ("direct", "file")]
            unit = "" if row["unit"] == "1" else f", {row['unit']}"
            name = f"{row['name']}{unit}".replace("|", "\\|")
            yield f"| {row['data']} | {row['n']} | {name} | {' | '.join(values)} |"
        yield from ("", "```sh", *broken_up(each.recipe["command"]), "```")


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["data"], row["name"]


def broken_up(words: str, width: int = 118) -> list[str]:
    """Return a command in lines."""
    lines = [""]
    for part in words.replace(" --", "\n--").split("\n"):
        if len(lines[-1]) + len(part) > width:
            lines.append(" ")
        lines[-1] = f"{lines[-1]} {part}" if lines[-1] else part
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def page(text: str) -> str:
    """Return a page with what ships now between the marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "\n".join([before + BEGIN, "", *table(), "", END]) + after


# --- the command ---------------------------------------------------------------------------------------------


def main(words: Sequence[str] | None = None) -> None:
    """Write a model that ships, or the page about them."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("run", nargs="?", type=Path, metavar="RUN")
    asked.add_argument("name", nargs="?", metavar="NAME")
    asked.add_argument("--prepare", type=Path)
    asked.add_argument("--set", action="append", default=[])
    asked.add_argument("--half", action="store_true")
    asked.add_argument("--numbers", type=Path)
    asked.add_argument("--title", default="")
    asked.add_argument("--limits", default="")
    asked.add_argument("--commercial", choices=cards.COMMERCIAL, default="yes")
    asked.add_argument("--made", default="")
    asked.add_argument("--page", type=Path)
    given = asked.parse_args(words)
    if given.prepare:
        settings = {key: json.loads(value) for key, value in (each.split("=", 1) for each in given.set)}
        prepared(given.run, given.prepare, settings, half=given.half)
    elif given.run:
        if not (given.name and given.numbers and given.title and given.limits):
            asked.error("a model needs NAME, --numbers, --title and --limits")
        made = card(given.run, given.name, given)
        zoo.FOLDER.mkdir(exist_ok=True)
        data = (given.run / "model.safetensors").read_bytes()
        files.write_output(zoo.FOLDER / f"{given.name}{zoo.SUFFIX}", data, force=True)
        cards.write(zoo.FOLDER / f"{given.name}.json", made)
    if given.page:
        files.write_output(given.page, page(given.page.read_text("utf-8")).encode(), force=True)


if __name__ == "__main__":
    main()
