"""The detectors: what the papers say in numbers, and what the figures mean."""

import io
import itertools
import json
import math

import numpy as np
import pytest
import scipy.stats
import skimage.data
from PIL import Image as Pil

from intarsia.errors import InputError, UsageError
from intarsia.media import Audio, Image
from intarsia.methods.lsb import hide_bits
from intarsia.study.steganalysis import (
    adaptive,
    chi2,
    controls,
    fusion,
    jpeg,
    lda,
    listing,
    measure,
    natural,
    roc,
    rs,
    sample_pairs,
    sound_features,
    spam,
    store,
    verdicts,
    ws,
)
from samples import noise, packed, photograph, speech, write


@pytest.fixture(scope="module")
def picture():
    return photograph(256, 256, top=60, left=120)


def planes(samples):
    return [np.ascontiguousarray(samples[..., channel]) for channel in range(3)]


def embedded(samples, rate, bits=1, seed=0):
    return controls.lsb_random(samples, np.random.default_rng(seed), rate=rate, bits=bits)


# --- estimators ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("estimate", [sample_pairs.spa, sample_pairs.primary, rs.score, ws.score])
def test_estimators_find_the_rate(picture, rate, estimate):
    assert estimate(planes(embedded(picture, rate))) == pytest.approx(rate, abs=0.12)


def test_full_embedding_is_where_poles_and_double_roots_are(picture):
    full = planes(embedded(picture, 1.0))
    for estimate in (sample_pairs.spa, sample_pairs.primary, rs.score, ws.score):
        assert 0.8 < estimate(full) < 1.2
    assert chi2.score(full) > 3 * chi2.score(planes(picture))


def test_pairs_are_counted_as_the_paper_defines_them():
    u, v = (np.array(side, np.uint8) for side in ([0, 1, 4, 5, 5, 6, 7, 3], [1, 0, 5, 4, 5, 8, 4, 0]))
    odd, below = v % 2 == 1, u < v
    x = ((~odd & below) | (odd & (u > v))).sum()
    y = ((~odd & (u > v)) | (odd & below)).sum()
    found = sample_pairs.count(u, v)
    assert (found.p, found.x, found.y, found.z, found.w) == (8, x, y, 1, 4)


def test_flat_pictures_and_tiny_ones_get_no_answer_or_none_that_matters():
    flat = [np.full((16, 16), 90, np.uint8)] * 3
    assert chi2.score(flat) == -1
    assert ws.score([np.zeros((2, 2), np.uint8)]) is None
    assert spam.features([np.zeros((3, 9), np.uint8)]) is None
    parts = fusion.clean_parts(flat)
    assert 0 <= fusion.clean(parts) <= 1
    measure.measure(Image(np.zeros((5, 7, 3), np.uint8)))
    measure.measure(Image(np.zeros((1, 1), np.uint8)))


def test_unsigned_samples_do_not_wrap(picture):
    wide = [plane.astype(np.int64) for plane in planes(picture)]
    for detector in (chi2.score, sample_pairs.spa, sample_pairs.primary, rs.score, rs.unclamped, ws.score):
        assert detector(planes(picture)) == pytest.approx(detector(wide))


def test_probabilities_are_those_of_chi_square():
    statistic = np.array([60.0, 100.0, 127.0, 160.0, 220.0])
    assert chi2.survival(statistic, 127) == pytest.approx(scipy.stats.chi2.sf(statistic, 127), abs=1e-3)


def test_blocks_grow_from_the_top(picture):
    half = picture.copy()
    half[:128] = embedded(picture[:128], 1.0)
    found = chi2.blocks(fusion.interleaved(planes(half)))
    assert len(found) == 256 * 256 * 3 // 1024
    assert found[60:90].mean() > found[-30:].mean() + 0.3
    halved = chi2.blocks(fusion.interleaved(planes(half)), even_only=True)
    assert (halved >= found).all()


# --- StegExpose ----------------------------------------------------------------------------------------------


def test_the_original_drops_what_it_drops():
    whole = np.ascontiguousarray(skimage.data.astronaut()[:300, :300])
    small, large, odd = whole[:256, :256], whole, whole[:, :299]
    assert fusion.original_parts(planes(small))["chi2"] is None
    assert fusion.original_parts(planes(large))["chi2"] is not None
    assert fusion.original_parts(planes(odd))["spa"] is None
    full = [fusion.original_parts(planes(embedded(small, 1.0, seed=seed)))["primary"] for seed in range(5)]
    assert None in full  # no real root
    for samples in (small, large, odd, embedded(small, 1.0)):
        assert None not in fusion.clean_parts(planes(samples)).values()


def test_fusions():
    parts = {"primary": None, "spa": -0.5, "rs": 0.1, "chi2": None}
    assert fusion.original(parts) == pytest.approx(0.2)
    assert fusion.clean(parts) == pytest.approx(0.025)
    assert fusion.original(dict.fromkeys(parts)) is None
    assert fusion.original({"rs": -7.0}) == 1.0


def test_structured_low_bits_pass_for_clean_and_random_ones_do_not(picture):
    other = np.ascontiguousarray(skimage.data.astronaut()[256:, 256:])
    hidden, random = hide_bits(picture, other, 3), embedded(picture, 1.0)
    scores = [fusion.clean(fusion.clean_parts(planes(each))) for each in (picture, hidden, random)]
    assert scores[1] < 0.2 < scores[2]


# --- features ------------------------------------------------------------------------------------------------


def test_spam_is_the_mean_of_eight_conditional_matrices():
    plane = np.random.default_rng(1).integers(0, 6, (9, 11)).astype(np.uint8)
    expected = []
    straight, diagonal = [(0, 1), (0, -1), (1, 0), (-1, 0)], [(1, 1), (-1, -1), (1, -1), (-1, 1)]
    for directions in (straight, diagonal):
        matrices = [conditional(plane.astype(int), *direction) for direction in directions]
        expected.append(np.mean(matrices, axis=0).ravel())
    assert spam.features([plane]) == pytest.approx(np.concatenate(expected))


def conditional(plane, down, right):
    """Pr(c | b, a) by the definition: d[i] = x[i] - x[i + 1], one step after the other."""
    rows, columns = plane.shape
    counts = np.zeros((7, 7, 7))
    for row in range(rows):
        for column in range(columns):
            places = [(row + step * down, column + step * right) for step in range(4)]
            if all(0 <= r < rows and 0 <= c < columns for r, c in places):
                values = [plane[place] for place in places]
                a, b, c = (int(np.clip(one - other, -3, 3)) + 3 for one, other in itertools.pairwise(values))
                counts[a, b, c] += 1
    return counts / np.maximum(counts.sum(axis=2, keepdims=True), 1)


def test_features_of_sounds():
    sound = speech(1.0)
    found = sound_features.features([sound])
    assert found.shape == (sound_features.LENGTH,)
    assert [found[start : start + 343].sum() for start in (0, 343, 686)] == pytest.approx([1, 1, 1])
    second = np.diff(sound.astype(np.int64), 2)
    there, back = (sound_features.co_occurrence(values, 4) for values in (second, second[::-1]))
    assert np.array_equal(there, back)
    assert sound_features.features([sound[:2047]]) is None


def test_a_sound_is_measured():
    quiet = speech(2.0, level=-40.0)
    changed = controls.lsb_random(quiet, np.random.default_rng(1))
    clean, stego = (measure.measure(Audio.of(samples, 16_000)) for samples in (quiet, changed))
    even = measure.measure(Audio.of(quiet & ~1, 16_000))
    assert stego.scores["chi2"] > even.scores["chi2"] + 0.5
    assert stego.scores["ws"] == pytest.approx(1, abs=0.25)
    assert clean.scores["ws"] == pytest.approx(0, abs=0.25)
    assert clean.scores["rs"] is None
    assert set(clean.scores) == {*measure.UNTRAINED, "jpeg"}


def test_sixteen_bits_are_refused_in_words():
    with pytest.raises(InputError, match="convert it to 8 bits"):
        measure.measure(Image(noise(16, 16, channels=1, dtype=np.uint16)))


# --- JPEG, natural -------------------------------------------------------------------------------------------


def test_what_is_embedded_in_a_decoded_jpeg_stands_beside_the_comb():
    whole = Pil.fromarray(skimage.data.astronaut()[:256, :256])
    decoded = np.asarray(Pil.open(io.BytesIO(packed(whole, "JPEG", quality=90))))
    scores = [jpeg.score(samples) for samples in (decoded, embedded(decoded, 0.2), embedded(decoded, 0.5))]
    assert scores == sorted(scores)
    assert scores[1] > 1.15 * scores[0]
    assert jpeg.score(np.asarray(whole)) is None


def test_distance_from_multiples():
    coefficients = np.array([[10.0, 20.5, -10.0], [3.0, 6.0, 9.5]])
    assert jpeg.distance(coefficients, np.array([10, 3])) == pytest.approx(0.125)


def test_a_public_revealer_sees_a_picture_or_noise(picture):
    other = np.ascontiguousarray(skimage.data.astronaut()[256:, 256:])
    assert natural.low_bits(Image(hide_bits(picture, other, 3))) > 0.6
    assert abs(natural.low_bits(Image(embedded(picture, 1.0, 3)))) < 0.05
    assert natural.naturalness(np.zeros((8, 8, 3), np.uint8)) is None
    # The file itself, or its negative, is nothing new; another picture is.
    assert natural.novelty(255 - picture, picture) < 0.01
    assert natural.novelty(other, picture) > 0.8
    assert natural.low_bits(Audio.of(speech(0.2), 16_000)) is None
    from intarsia.methods import load

    assert natural.revealer(load("exact")) is None
    assert natural.revealer(load("lsb"))(Image(picture)) == natural.low_bits(Image(picture))


@pytest.mark.parametrize("name", ["image_in_speech", "ditas", "hide_and_speak"])
def test_what_anybody_reads_off_a_sound_is_smooth_whatever_it_is(name):
    from intarsia.methods import load

    reveal = natural.revealer(load(name).equip(None))
    assert 0.3 < reveal(Audio.of(speech(3.2), 16_000)) < 1
    assert reveal(Audio.of(speech(0.2), 16_000)) is None  # no clip of it
    assert reveal(Image(noise(64, 64))) is None


def test_a_network_reads_no_sounds_and_no_grey_pictures_where_it_paints_colour(picture):
    from intarsia.methods import load

    reveal = natural.revealer(load("stegnet").equip(None))
    assert -1 < reveal(Image(picture)) < 1
    assert reveal(Image(np.ascontiguousarray(picture[..., 0]))) is None
    assert reveal(Audio.of(speech(0.2), 16_000)) is None


# --- controls ------------------------------------------------------------------------------------------------


def test_controls_change_what_they_should():
    draw = np.random.default_rng(0)
    samples = noise(128, 128)
    changed = controls.lsb_random(samples, draw, rate=0.4)
    assert (changed != samples).mean() == pytest.approx(0.2, abs=0.01)
    assert ((changed ^ samples) <= 1).all()
    edge = np.tile(np.array([0, 255, 100], np.uint8), 4000)
    moved = controls.lsb_matching(edge, draw, low=0, high=255)
    assert (np.abs(moved.astype(int) - edge) <= 1).all()
    assert (moved != edge).mean() == pytest.approx(0.5, abs=0.03)
    noisy = controls.noise(samples, draw, energy=2.0, low=0, high=255)
    assert controls.energy(samples, noisy) == pytest.approx(2 + 1 / 12, rel=0.05)


def test_every_control_can_be_made_or_says_that_it_cannot():
    picture, sound = Image(noise(32, 32)), Audio.of(speech(0.2), 16_000)
    for name in controls.NAMES:
        made = controls.made(name, picture, Image(noise(40, 30, seed=4)), seed=1, energy=1.0)
        assert made.samples.shape == picture.samples.shape
        assert (made.samples != picture.samples).any()
        heard = controls.made(name, sound, sound, seed=1, energy=1.0)
        assert (heard is None) == (name == "lsb-image")


# --- figures -------------------------------------------------------------------------------------------------


def test_auc_counts_pairs():
    draw = np.random.default_rng(0)
    clean, stego = draw.integers(0, 9, 50).astype(float), draw.integers(2, 11, 70).astype(float)
    wins = (stego[:, None] > clean).mean() + (stego[:, None] == clean).mean() / 2
    assert roc.auc(clean, stego) == pytest.approx(wins)
    curve = roc.curve(clean, stego)
    assert np.trapezoid(curve.detections, curve.alarms) == pytest.approx(wins)


def test_a_figure_says_which_way_and_how_sure():
    draw = np.random.default_rng(1)
    clean = {f"s{number}": list(draw.normal(0, 1, 4)) for number in range(40)}
    stego = {name: [value - 1 for value in values] for name, values in clean.items()}
    found = roc.figure("spa", clean, stego)
    assert found.auc < 0.5 < found.two_sided
    assert found.auc + found.two_sided == pytest.approx(1)
    assert found.low < found.auc < found.high
    assert found.p_e == pytest.approx(0.5, abs=0.05)  # it points the wrong way, and that is what it says
    turned = roc.figure("spa", stego, clean)
    assert turned.p_e < 0.4
    assert turned.at_1 <= turned.at_5
    assert (found.answered, found.n) == (320, 320)


def test_a_figure_of_those_that_answered():
    found = roc.figure("ws", {"a": [0.0, None], "b": [0.2]}, {"a": [1.0], "b": [None]})
    assert (found.auc, found.answered, found.n) == (1.0, 3, 5)
    silent = roc.figure("ws", {"a": [None]}, {"a": [1.0]})
    assert silent.record()["auc"] is None
    assert silent.record()["answered"] == 1


def test_the_interval_is_over_sources_not_files():
    draw = np.random.default_rng(2)
    few = {f"s{number}": [float(draw.normal())] * 50 for number in range(4)}
    moved = {name: [value + 0.3 for value in values] for name, values in few.items()}
    wide = roc.figure("x", few, moved)
    many = {f"s{n}-{i}": [value] for n, values in enumerate(few.values()) for i, value in enumerate(values)}
    narrow = roc.figure("x", many, {name: [value + 0.3 for value in values] for name, values in many.items()})
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_the_sweep():
    assert roc.sweep([0.005, 0.5, None])[[0, 1, 50, 100]].tolist() == [1.0, 0.5, 0.0, 0.0]


# --- LDA -----------------------------------------------------------------------------------------------------


def features(count, size=60, shift=0.0, seed=0):
    draw = np.random.default_rng(seed)
    mixed = draw.normal(size=(count, size)) @ np.random.default_rng(9).normal(size=(size, size))
    return mixed + shift * np.linspace(0, 1, size)


def test_lda_tells_apart_what_differs_and_nothing_else():
    groups = [f"s{number // 2}" for number in range(100)]
    clean, same, moved = features(100, seed=1), features(100, seed=2), features(100, shift=6.0, seed=3)
    assert roc.auc(*lda.crossed(clean, moved, groups, groups)) > 0.95
    assert abs(roc.auc(*lda.crossed(clean, same, groups, groups)) - 0.5) < 0.15
    assert lda.crossed(clean[:9], moved, groups[:9], groups) is None


def test_a_source_is_on_one_side():
    groups = ["b", "a", "b", "c", "a", "d", "e", "f"]
    folds = lda.folds(groups)
    assert len({(group, fold) for group, fold in zip(groups, folds, strict=True)}) == 6
    # What a fold is tested on changes nothing in what it is tested with.
    names = [f"s{number}" for number in range(50)]
    clean, stego = features(50, seed=1), features(50, shift=6.0, seed=2)
    before = lda.crossed(clean, stego, names, names)[1]
    spoilt = stego.copy()
    spoilt[7] += 1000
    after = lda.crossed(clean, spoilt, names, names)[1]
    same = [number for number in range(50) if lda.folds(names)[number] == lda.folds(names)[7] and number != 7]
    assert after[same] == pytest.approx(before[same])


def test_shrinking_keeps_the_trace_and_makes_it_invertible():
    rows = features(20, size=50)
    rows -= rows.mean(axis=0)
    plain = rows.T @ rows / len(rows)
    shrunk = lda.shrunk(rows)
    assert np.trace(shrunk) == pytest.approx(np.trace(plain), rel=1e-6)
    assert np.linalg.eigvalsh(shrunk)[0] > 0
    assert np.linalg.eigvalsh(plain)[0] < 1e-6


# --- store, listing, verdicts --------------------------------------------------------------------------------


def test_what_was_measured_is_not_measured_again(tmp_path):
    calls = []

    def work():
        calls.append(1)
        return measure.measure(Image(photograph()))

    first = store.Store(tmp_path).get("a", work)
    with (tmp_path / store.NAME).open("a") as stream:
        stream.write('{"key": "b", "version"')  # killed while writing
    again = store.Store(tmp_path)
    found = again.get("a", work)
    again.get("c", work)
    assert len(calls) == 2
    assert found.scores == first.scores
    assert np.array_equal(found.features, first.features)
    assert "c" in store.Store(tmp_path)


def test_an_older_release_counts_for_nothing(tmp_path):
    store.Store(tmp_path).get("a", lambda: measure.measure(Image(photograph())))
    path = tmp_path / store.NAME
    record = json.loads(path.read_text()) | {"version": measure.VERSION - 1}
    path.write_text(json.dumps(record) + "\n")
    assert "a" not in store.Store(tmp_path)


def test_files_are_listed_and_sources_known(tmp_path):
    for name in ("set/train/covers/x.png", "set/train/containers/x.png", "set/train/covers/y.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / name, b"")
    write(tmp_path / "set/train/covers/.hidden.png", b"")
    write(tmp_path / "set/train/covers/notes.txt", b"")
    write(tmp_path / "set/manifest.csv", b"source,cover,container\nphoto,train/covers/x.png,train/containers/x.png\n")
    covers = listing.listed([tmp_path / "set/train/covers"])
    assert [(item.name, item.source, item.kind) for item in covers] == [
        ("x.png", "photo", "image"),
        ("y.wav", "y", "audio"),
    ]
    assert listing.listed([tmp_path / "set/train/containers/x.png"])[0].source == "photo"
    assert listing.listed([tmp_path / "set/train/covers/notes.txt"])[0].name == "notes.txt"
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no pictures or sounds"):
        listing.listed([tmp_path / "empty"])
    with pytest.raises(InputError, match=r"missing: no such file"):
        listing.listed([tmp_path / "missing"])


def test_verdicts_by_covers_and_without():
    covers = [{"spa": value / 100, "rs": None} for value in range(50)]
    judge = verdicts.judge(covers, "image")
    assert judge.calibrated
    assert judge.thresholds == {"spa": 0.49}
    assert judge.false_alarms == pytest.approx(0.02)
    assert judge({"spa": 0.5, "rs": 9.0}).sentence == "suspicious: about 50% of the low bits are overwritten (spa)"
    assert judge({"spa": 0.49}).sentence == "nothing found"
    few = verdicts.judge(covers[:19], "image")
    assert (few.calibrated, few.false_alarms) == (False, None)
    assert few({"ws": 1.0, "chi2": -math.inf, "spa": None}).suspicious
    # What photographs exceed by chance, speech exceeds all the time: each kind has its own.
    assert few({"ws": 0.3}).suspicious
    assert not verdicts.judge([], "audio")({"ws": 0.3}).suspicious
    assert all(set(limits) <= {*measure.DETECTORS, "jpeg"} for limits in verdicts.SHIPPED.values())
    assert set(verdicts._WORDS) == {*measure.DETECTORS, "jpeg"}


def test_simulated_embedding_is_an_extra_and_says_so():
    with pytest.raises(UsageError, match="hill, suniward"):
        adaptive.simulate("no such", noise(16, 16), 0.4, 0)
    if adaptive.available():
        made = adaptive.simulate("hill", photograph(), 0.4, 0)
        assert made.shape == (64, 64, 3)
        assert 0 < (made != photograph()).mean() < 0.3
    else:
        with pytest.raises(UsageError, match=r"intarsia\[steganalysis\]"):
            adaptive.simulate("hill", noise(16, 16), 0.4, 0)


def test_larger_files_are_looked_at_in_the_middle(monkeypatch):
    monkeypatch.setattr(measure, "MAX_SIDE", 32)
    monkeypatch.setattr(measure, "MAX_SAMPLES", 100)
    assert [plane.shape for plane in measure.planes_of(Image(noise(64, 20)))] == [(32, 20)] * 3
    sound = Audio.of(np.arange(300, dtype=np.int16), 16_000)
    assert measure.channels_of(sound)[0].tolist() == list(range(100, 200))
