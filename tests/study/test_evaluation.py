"""Evaluation: what is found, measured once, kept, summed up and written; and that controls show what they should."""

import csv
import html.parser
import json
import math

import numpy as np
import pytest
import scipy.stats
import skimage.metrics

import samples
from intarsia.carrier.keys import Keyring
from intarsia.errors import InputError, OutputError, UsageError
from intarsia.media import Audio, Image, audio_file, metrics
from intarsia.methods.base import no_progress
from intarsia.study import evaluation
from intarsia.study.evaluate import (
    material,
    measures,
    of_all_pairs,
    of_channels,
    of_ditas,
    of_stegnet,
    papers,
    plans,
    stats,
    store,
    tables,
    trips,
    units,
    work,
)
from intarsia.study.evaluate.pieces import Piece
from intarsia.study.evaluate.tasks import Task
from intarsia.study.report import figures, listening, text, views


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch):
    """Keys that cost next to nothing: no number here depends on their cost."""
    monkeypatch.setattr(trips, "Keyring", lambda password: Keyring(password, samples.CHEAP))


@pytest.fixture
def data(tmp_path):
    """Three photographs, two faces, a sound, music, a folder of frames, a file that is broken, one of no kind."""
    top = tmp_path / "data"
    for name in ("photos", "faces", "speech", "music", "clip"):
        (top / name).mkdir(parents=True)
    for number in range(3):
        samples.write(top / "photos" / f"{number}x.png", samples.photograph(96, 96, top=60 * number))
    for number in range(2):
        samples.write(top / "faces" / f"f{number}.png", samples.photograph(80, 80, left=120 + 60 * number))
    for folder in ("speech", "music"):
        sound = Audio.of(samples.speech(3.0, seed=len(folder)), 16_000)
        samples.write(top / folder / "s.wav", audio_file.encode(sound, "WAV"))
    for number, frame in enumerate(samples.moving(4)):
        samples.write(top / "clip" / f"{number:03}.png", frame)
    (top / "notes.txt").write_text("nothing to see")
    return top


@pytest.fixture
def small(monkeypatch):
    """Tables of pictures of 64 x 64 alone."""
    monkeypatch.setattr(of_stegnet, "SIDES", (64,))


def order(what, data, out, **others):
    return evaluation.Order(what, str(data), out, **others)


# --- what is found -------------------------------------------------------------------------------------------


def test_media_are_told_apart_and_a_test_folder_stands_for_the_rest(data):
    found = material.find(data)
    counts = {"pictures": 3, "faces": 2, "speech": 1, "music": 1, "clips": 1, "shapes": 0}
    assert found.found == counts
    assert found.clips[0].name == "clip"
    (data / "test").mkdir()
    samples.write(data / "test" / "only.png", samples.photograph())
    assert [path.name for path in material.find(data).pictures] == ["only.png"]
    assert len(material.find(data).faces) == 2


def test_the_first_items_are_among_the_first_of_more(data):
    paths = material.find(data).pictures
    assert material.first(paths, 2) == list(paths[:2]) != sorted(paths)[:0]


def test_a_folder_without_media_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        material.find(tmp_path / "none")
    with pytest.raises(InputError, match="no pictures and no sounds"):
        material.find(tmp_path)


def test_pieces_are_cut_to_their_form(data):
    photo, said = str(data / "photos" / "0x.png"), str(data / "speech" / "s.wav")
    assert Piece(photo, "square:64", "image").load().samples.shape == (64, 64, 3)
    assert Piece(photo, "grey:32", "image").load().samples.shape == (32, 32)
    sound = Piece(said, "sound:50000:8000", "audio").load()
    assert (sound.length, sound.rate, sound.channels) == (50_000, 8_000, 1)
    assert Piece(str(data / "clip"), "frames:3:48", "video").load().frames.shape == (3, 48, 48, 3)
    with pytest.raises(InputError, match="expected image"):
        Piece(said, "square:64", "image").load()


# --- keys and lines ------------------------------------------------------------------------------------------


def a_task(data, **others):
    photos = [Piece(str(data / "photos" / f"{number}x.png"), "square:64", "image") for number in (0, 1)]
    return Task(**{"what": "trip", "method": "lsb", "cover": photos[0], "secret": photos[1], **others})


def test_a_key_is_of_content_and_settings_and_not_of_the_time_of_a_fit(data, tmp_path):
    task = a_task(data)
    copy = tmp_path / "copy.png"
    copy.write_bytes((data / "photos" / "0x.png").read_bytes())
    assert a_task(data, cover=Piece(str(copy), "square:64", "image")).key() == task.key()
    others = [a_task(data, settings={"bits": "4"}), a_task(data, seed=1), a_task(data, what="direct")]
    others.append(a_task(data, cover=Piece(str(copy), "square:32", "image")))
    assert len({task.key(), *(each.key() for each in others)}) == 5
    fits = [a_task(data, fits=True, settings={"seconds": seconds}).key() for seconds in ("60", "600")]
    assert fits[0] == fits[1]
    assert Task.unpack(json.loads(json.dumps(task.pack()))) == task


def test_lines_survive_a_cut_and_the_later_one_counts(tmp_path):
    kept = store.Store(tmp_path)
    for value in (1, 2):
        kept.add("k", {"values": {"a": value}, "files": {}})
    with (tmp_path / store.NAME).open("a") as stream:
        stream.write('{"key": "half')
    again = store.Store(tmp_path)
    assert (len(again), again.get("k")["values"]) == (1, {"a": 2})


def test_what_is_known_is_not_measured_again_and_a_broken_file_is_named(data, tmp_path):
    (data / "photos" / "1x.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    good = a_task(data, secret=Piece(str(data / "photos" / "2x.png"), "square:64", "image"))
    first = work.Work(store.Store(tmp_path), no_progress)
    assert len(first.do([good, a_task(data)], "measuring")) == 1
    assert first.measured == 1
    assert list(first.broken) == [str(data / "photos" / "1x.png")]
    again = work.Work(store.Store(tmp_path), no_progress)
    assert len(again.do([good], "measuring")) == 1
    assert again.measured == 0


def test_other_processes_give_the_same_numbers(data, tmp_path, monkeypatch):
    monkeypatch.setattr(trips, "Keyring", Keyring)  # as they have it
    task, other = a_task(data), a_task(data, settings={"bits": "2"})
    here = work.Work(store.Store(tmp_path), no_progress).do([task, other], "here")
    (tmp_path / "elsewhere").mkdir()
    there = work.Work(store.Store(tmp_path / "elsewhere"), no_progress, jobs=2).do([task, other], "there")
    timed = ("hide_s", "hide_cpu_s", "reveal_s", "hide_mb", "reveal_mb")
    strip = lambda lines: [{k: v for k, v in line["values"].items() if k not in timed} for _, line in lines]  # noqa: E731
    assert strip(here) == strip(there)


# --- measures and numbers ------------------------------------------------------------------------------------


def test_measures_agree_with_others(data):
    one, other = samples.photograph(64, 64), samples.photograph(64, 64, top=104)
    found = measures.of_pictures(one, other)
    assert found["psnr"] == pytest.approx(skimage.metrics.peak_signal_noise_ratio(one, other), abs=1e-9)
    how = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": 2}
    _, whole = skimage.metrics.structural_similarity(one, other, full=True, data_range=255, **how)
    assert found["ssim"] == pytest.approx(whole[5:-5, 5:-5].mean(), abs=1e-6)
    assert found["mae"] == pytest.approx(np.abs(one.astype(float) - other).mean())
    assert found["rate"] + found["change"] == pytest.approx(1)
    assert measures.bits_per_pixel(0.982) == pytest.approx(papers.STEGNET["stegnet"]["secret_bpp"], abs=0.01)


def test_a_carrier_is_measured_and_what_cannot_be_answered_is_none():
    sound = samples.speech(1.5)
    louder = np.clip(sound + np.random.default_rng(0).integers(-3, 4, sound.shape), -32768, 32767).astype(np.int16)
    found = measures.of_carriers(Audio.of(sound, 16_000), Audio.of(louder, 16_000))
    expected = 10 * math.log10((sound.astype(float) ** 2).sum() / ((louder.astype(float) - sound) ** 2).sum())
    assert found["carrier_snr"] == pytest.approx(expected)
    pearson = scipy.stats.pearsonr(sound.astype(float), louder.astype(float)).statistic
    assert found["wave_pearson"] == pytest.approx(pearson)
    assert found["pesq"] is None or 1 <= found["pesq"] <= 4.65


def test_intervals_are_bootstrapped_and_identical_items_are_in_no_mean():
    values = list(np.random.default_rng(1).normal(30, 2, 40))
    found = stats.summary(values)
    reference = scipy.stats.bootstrap((values,), np.mean, n_resamples=2000, method="percentile", random_state=0)
    ends = reference.confidence_interval
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), abs=0.15)
    assert (found.n, found.least) == (40, min(values))
    mixed = stats.summary([30.0, "inf", None, 32.0])
    assert (mixed.n, mixed.exact, mixed.mean) == (3, 1, 31.0)
    assert stats.summary(["inf", "inf"]).mean is None
    assert stats.summary([None]) is None


@pytest.mark.parametrize(
    "printed", [papers.STEGNET, papers.NEURAL_FIELD, papers.IMAGE_IN_SPEECH, *papers.DITAS.values()]
)
def test_every_printed_value_has_a_measure_of_ours(printed):
    assert {name for row in printed.values() for name in row} <= set(units.MEASURES)


@pytest.mark.parametrize(("right", "trials"), [(0, 0), (9, 10), (10, 10), (5, 12), (30, 50)])
def test_the_listeners_p_value_is_the_binomial_one(right, trials):
    expected = scipy.stats.binomtest(right, trials, alternative="greater").pvalue if trials else 1.0
    assert listening.p_value(right, trials) == pytest.approx(expected)


def test_residuals_are_equation_4():
    one, other = samples.photograph(32, 32), samples.photograph(32, 32, top=101)
    off = np.abs(one / 255 - other / 255)
    wanted = np.clip(5 * off / off.max(), 0, 1)
    assert np.abs(views.residual(one, other, 5) / 255 - wanted).max() <= 0.5 / 255 + 1e-9
    assert views.residual(one, one, 10).max() == 0


# --- controls ------------------------------------------------------------------------------------------------


def test_the_mantissa_carries_everything_where_no_file_does(data, tmp_path):
    found = trips.measure(a_task(data, what="mantissa"), trips.Room(tmp_path, no_progress))["values"]
    assert found["secret_psnr"] == "inf"
    assert found["cover_psnr"] > 80
    nothing = trips.measure(a_task(data, what="identity"), trips.Room(tmp_path, no_progress))["values"]
    assert nothing["cover_psnr"] == "inf"
    assert nothing["secret_psnr"] < 25


def test_the_exact_rival_has_the_quality_of_the_cover_it_is_compared_with(data, tmp_path):
    task = a_task(data)
    done = work.Work(store.Store(tmp_path), no_progress)
    lines = dict(done.do([task], "first"))
    plan = plans.Plan("p", "P", ("cover_psnr", "secret_psnr"), (plans.Row("lsb", plans.FILE, (task,)),), match=True)
    both = tables.matched(plan, lines)
    lines |= dict(done.do(both.tasks, "rivals"))
    table = tables.filled(both, lines)
    ours, exact = (row.summaries["cover_psnr"].mean for row in table.rows)
    assert exact >= ours - 0.02
    assert table.rows[1].label == "exact at the same cover as lsb"


# --- the whole -----------------------------------------------------------------------------------------------


class Wellformed(html.parser.HTMLParser):
    """Counts what opens and closes, and looks for anything from elsewhere."""

    def __init__(self):
        super().__init__()
        self.open, self.sources = [], []

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass


def test_stegnet_s_table_without_weights_says_so_and_goes_on(data, tmp_path, small, monkeypatch):
    monkeypatch.setattr("intarsia.zoo.FOLDER", tmp_path / "none")
    out = tmp_path / "report"
    found = evaluation.evaluate(order("stegnet", data, out, limit=2))
    (table,) = found.tables
    by_label = {(row.label, row.column): row for row in table.rows}
    assert by_label["stegnet", "file"].note.startswith("no weights ship yet")
    assert by_label["stegnet", "paper"].summaries["secret_rate"].mean == 0.982
    assert by_label["lsb, 3 bits", "file"].n == 2
    assert by_label["control: secret behind the point", "direct"].summaries["secret_psnr"].exact == 2
    page = (out / "index.html").read_text()
    parser = Wellformed()
    parser.feed(page)
    assert parser.open == []
    assert all(each.startswith(("data:", "#")) for each in parser.sources)
    assert {"tables.md", "numbers.jsonl", "cite.bib", "tables/stegnet-64.csv", "tables/stegnet-64.tex"} <= set(
        found.written
    )
    assert "@" in (out / "cite.bib").read_text()
    again = evaluation.evaluate(order("stegnet", data, out, limit=2))
    assert (again.measured, again.known > 0) == (0, True)


def test_every_form_of_a_table_has_the_same_numbers(data, tmp_path, small):
    out = tmp_path / "report"
    (table,) = evaluation.evaluate(order("stegnet:pictures", data, out, limit=2)).tables
    heads, rows = text.grid(table)
    with (out / "tables" / "stegnet-64.csv").open(newline="") as stream:
        assert list(csv.reader(stream)) == [heads, *rows]
    records = [json.loads(line) for line in (out / "numbers.jsonl").read_text().splitlines()]
    lsb = {each["measure"]: each for each in records if each["row"] == "lsb, 3 bits"}
    lines = [json.loads(line) for line in (out / store.NAME).read_text().splitlines()]
    own = [each["values"]["cover_psnr"] for each in lines
           if each["task"]["settings"] == {"bits": "3"} and each["task"]["secret"]["path"]]  # fmt: skip
    assert lsb["cover_psnr"]["mean"] == pytest.approx(np.mean(own), rel=1e-5)
    shown = units.MEASURES["cover_psnr"].said(lsb["cover_psnr"]["mean"])
    assert shown in (out / "tables.md").read_text()
    assert shown in (out / "index.html").read_text()
    assert sorted(path.name for path in (out / "figures").iterdir()) == [
        "stegnet-64-pictures.png",
        "stegnet-64-pictures.svg",
    ]
    painted = next(each for each in lines if each["task"]["settings"] == {"bits": "3"})
    container = out / painted["files"]["container"]
    assert metrics.psnr(samples.pixels(container), samples.pixels(container.parent / "cover.png")) > 25


def test_stages_are_revealed_one_more_at_a_time_from_the_container_that_is_there(data, tmp_path):
    given = plans.Given(material.find(data), {"ditas": ["ditas-M"]}, limit=1)
    (plan,) = (each for each in of_ditas.plans(given) if each.name == plans.STAGES)
    (tmp_path / "out").mkdir()
    lines = dict(work.Work(store.Store(tmp_path / "out"), no_progress).do(plan.tasks[::-1], ""))  # the trip at first
    rows = tables.filled(plan, lines).rows
    assert [row.label for row in rows] == [f"M: ditas (ditas-M), after stage {number}" for number in (1, 2, 3)]
    first, _, last = (row.summaries["secret_psnr"].mean for row in rows)
    assert first < last
    assert len(list(tmp_path.glob("out/items/*/container.wav"))) == 1
    (drawn,) = figures.of_table(tables.filled(plan, lines), tmp_path / "out")
    assert drawn.name == "ditas-stages-stages"
    assert figures.of_table(tables.filled(plan, lines), tmp_path / "out", ("pictures", "histograms")) == []


def test_what_is_left_over_is_about_grey():
    one, other = np.full((2, 2, 3), 100, np.uint8), np.full((2, 2, 3), 90, np.uint8)
    assert (views.left_over(one, other) == 168).all()
    assert (views.left_over(other, one) == 88).all()
    assert views.left_over(one * 2, other).max() == 255


def test_channels_say_what_is_exact_and_what_is_left(data, tmp_path, monkeypatch):
    monkeypatch.setattr(of_channels, "channels_of", lambda media: ("png", "jpeg:75") if media == "image" else ("wav",))
    monkeypatch.setattr(of_channels, "TABLE", dict.fromkeys(("exact", "lsb", "stegnet"), ""))
    monkeypatch.setattr(of_channels.of_all_pairs, "PICTURE", "square:96")
    found = evaluation.evaluate(order("channels", data, tmp_path / "report", limit=1))
    records = [json.loads(line) for line in (tmp_path / "report" / "numbers.jsonl").read_text().splitlines()]
    cells = {(each["channel"], each["row"]): each for each in records}
    assert cells["png", "exact"]["by"] in ("reveal", "nothing")
    assert cells["jpeg:75", "exact"]["exact"] == 0
    assert cells["jpeg:75", "lsb, 3 bits"]["by"] == "network alone"
    assert cells["wav", "exact, protect=0"]["n"] == 1
    assert found.broken == {}


@pytest.mark.parametrize(("limit", "many", "few"), [(1, 1, 1), (3, 3, 1), (5, 3, 2), (None, 3, 3)])
def test_of_what_takes_long_a_quick_look_takes_a_quarter(data, limit, many, few):
    given = plans.Given(material.find(data), limit=limit, everything=True)
    tables = {plan.name: plan for plan in (*of_stegnet.plans(given), *of_all_pairs.plans(given))}
    counted = {name: {row.label: len(row.tasks) for row in plan.rows} for name, plan in tables.items()}
    assert counted["stegnet-64"]["lsb, 3 bits"] == many
    assert counted["pair-picture-in-picture"] == dict.fromkeys(counted["pair-picture-in-picture"], few)
    assert counted["stegnet-512"]["lsb, 3 bits"] == few
    alone = plans.Given(given.material, limit=limit)
    assert {len(row.tasks) for row in of_stegnet.plans(alone)[1].rows if row.column == plans.FILE} == {many}
    assert alone.fit()["seconds"] == "60"
    assert given.fit()["seconds"] == ("60" if limit is None else str(5 * limit))


def test_folders_and_names_that_cannot_be_meant(data, tmp_path):
    for what in ("nothing", "stegnet:curves"):
        with pytest.raises(UsageError):
            evaluation.parse(what)
    assert evaluation.parse("ditas:pictures") == ("ditas", ("pictures",))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(OutputError, match="something else"):
        evaluation.evaluate(order("stegnet", data, tmp_path / "full"))
    with pytest.raises(UsageError, match="refit"):
        evaluation.evaluate(order("stegnet", data, tmp_path / "report", refit=True))
    with pytest.raises(UsageError, match="no setting"):
        evaluation.evaluate(order("stegnet", data, tmp_path / "report", settings={"second": "5"}))


def test_what_fails_in_one_method_costs_the_others_nothing(data, tmp_path, monkeypatch):
    def fails(*_):
        raise RuntimeError("a tensor of another shape")

    monkeypatch.setattr(trips, "_mantissa", fails)
    done = work.Work(store.Store(tmp_path), no_progress)
    assert len(done.do([a_task(data, what="mantissa"), a_task(data)], "measuring")) == 1
    assert next(iter(done.failed.values())) == "unexpected RuntimeError: a tensor of another shape"


def test_latex_is_escaped():
    assert text.escaped("50 % of a_b & {c}") == r"50 \% of a\_b \& \{c\}"


def test_a_picture_keeps_its_grey(data):
    grey = Image(np.full((32, 32), 90, np.uint8))
    assert measures.of_secret(grey, grey)["secret_psnr"] == math.inf
