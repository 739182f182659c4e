"""Drawing: the same for the same seed, step and item; crops and cuts as told; no secret inside itself."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from PIL import Image as Pil

from intarsia.engine import crops, draws
from intarsia.engine.crops import centred_box, drawn_box
from intarsia.engine.pairs import Crops, Cuts, Pairs, PictureAugment, SoundAugment
from intarsia.errors import InputError, UsageError

RNG = np.random.default_rng(0)
PICTURES = [RNG.integers(0, 256, (h, w, 3), np.uint8) for h, w in ((40, 60), (60, 40), (32, 32), (7, 90), (33, 47))]
SOUNDS = [RNG.integers(-9000, 9000, n).astype(np.int16) for n in (3000, 900, 5000, 40)]


def flat(count, side=4):
    """Pictures that are told by their values."""
    return [np.full((side, side, 3), n, np.uint8) for n in range(count)]


def plain(pictures, indices=None, validation=(), **more):
    return Crops(pictures, range(len(pictures)) if indices is None else indices, 4, validation=validation, **more)


def drawn(pairs, step):
    batch = pairs.draw(step)
    return [(int(c[0, 0, 0]), int(s[0, 0, 0])) for c, s in zip(batch["cover"], batch["secret"], strict=True)]


def equal(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


ALL = {"mode": "crop", "flip": True}
MIXED = Pairs(
    Crops(PICTURES, [0, 1, 2], 16, PictureAugment(**ALL), [3, 4]),
    Cuts(SOUNDS, [0, 1], 500, SoundAugment(gain=(-6, 6), speed=(0.9, 1.1)), [2, 3]),
    8,
    seed=5,
)


# --- words ---------------------------------------------------------------------------------------------------


def test_words_of_an_item_do_not_depend_on_what_else_is_asked_for():
    whole = draws.words(1, 0, 9, 0, 10, 8)
    assert np.array_equal(draws.words(1, 0, 9, 3, 4, 8), whole[3:7])
    others = [draws.words(*where, 0, 10, 8) for where in ((2, 0, 9), (1, 1, 9), (1, 0, 8))]
    assert len(np.unique(np.stack([whole, *others]))) == 4 * 80


def test_words_are_those_of_philox_on_every_machine():
    # Philox-4x64-10 of a zero counter and key; the published vector of its authors begins 16554d9eca36314c.
    raw = np.random.Philox(key=np.zeros(2, np.uint64), counter=np.full(4, 2**64 - 1, np.uint64)).random_raw(4)
    assert [f"{word:016x}" for word in raw.tolist()] == [
        "16554d9eca36314c",
        "db20fe9d672d0fdc",
        "d7e772cee186176b",
        "7e68b68aec7ba23b",
    ]
    assert hashlib.sha256(draws.words(1, 2, 3, 4, 5, 8).tobytes()).hexdigest()[:16] == WORDS


WORDS = "34ed929cfe1921c0"


def test_indices_stay_below_their_limit_and_meet_all():
    most = np.array([2**64 - 1], np.uint64)
    assert draws.unit(most)[0] < 1
    for limit in (1, 3, 7, 10**15 + 1):
        assert draws.below(most, limit)[0] == limit - 1
    counts = Counter(draws.below(draws.words(0, 0, 0, 0, 1500, 4), 5).reshape(-1).tolist())
    assert counts.keys() == set(range(5)) and min(counts.values()) > 1050


def test_impossible_numbers_are_refused():
    with pytest.raises(UsageError, match="seed=-1"):
        draws.words(-1, 0, 0, 0, 1, 4)
    with pytest.raises(UsageError, match="expected 0 or more"):
        draws.words(0, 0, -1, 0, 1, 4)
    with pytest.raises(UsageError, match="multiple of 4"):
        draws.words(0, 0, 0, 0, 1, 6)


# --- pairs ---------------------------------------------------------------------------------------------------


def test_a_batch_is_the_same_whoever_draws_it_and_when():
    whole = MIXED.draw(7)
    assert whole["cover"].shape == (8, 3, 16, 16) and whole["cover"].dtype == np.uint8
    assert whole["secret"].shape == (8, 1, 500) and whole["secret"].dtype == np.int16
    again = Pairs(MIXED.cover, MIXED.secret, 8, seed=5)
    again.draw(99)
    assert equal(again.draw(7), whole)
    parts = [again.draw(7, 5, 3), again.draw(7, 0, 5)]
    assert equal({name: np.concatenate([parts[1][name], parts[0][name]]) for name in whole}, whole)
    assert equal(again.draw(7, 6), {name: array[6:] for name, array in whole.items()})
    assert again.draw(7, 8, 0)["cover"].shape == (0, 3, 16, 16)
    assert not equal(again.draw(8), whole) and not equal(Pairs(MIXED.cover, MIXED.secret, 8, seed=6).draw(7), whole)


@pytest.mark.parametrize("replacement", [True, False])
def test_a_secret_is_never_its_own_cover(replacement):
    pictures = flat(5)
    for indices in ((None, None), ((0, 1, 2, 3), (2, 3, 4)), ((1, 3), (3, 1))):
        pairs = Pairs(plain(pictures, indices[0]), plain(pictures, indices[1]), 200, replacement=replacement)
        seen = Counter(drawn(pairs, 0))
        assert all(cover != secret for cover, secret in seen)
        both = [range(5) if each is None else each for each in indices]
        assert set(seen) == {(c, s) for c in both[0] for s in both[1] if c != s}


def test_with_replacement_every_other_secret_is_as_likely():
    pictures = flat(4)
    pairs = Pairs(plain(pictures), plain(pictures), 4800)
    counts = Counter(drawn(pairs, 3))
    assert len(counts) == 12 and min(counts.values()) > 330 and max(counts.values()) < 470


def test_of_two_packs_any_two_may_meet():
    pairs = Pairs(plain(flat(3)), plain(flat(3)), 300)
    assert len(set(drawn(pairs, 0))) == 9


def test_without_replacement_each_comes_once_before_any_comes_again():
    covers, secrets = flat(7), flat(5)
    pairs = Pairs(plain(covers), plain(secrets), 4, seed=3, replacement=False)
    both = [pair for step in range(35) for pair in drawn(pairs, step)]  # 140 draws: 20 epochs of 7, 28 of 5
    first, second = zip(*both, strict=True)
    assert all(sorted(first[at : at + 7]) == list(range(7)) for at in range(0, 140, 7))
    assert all(sorted(second[at : at + 5]) == list(range(5)) for at in range(0, 140, 5))
    assert len({first[at : at + 7] for at in range(0, 140, 7)}) > 15
    assert equal(pairs.draw(9, 2, 1), {name: array[2:3] for name, array in pairs.draw(9).items()})


def test_validation_pairs_are_always_the_same_and_never_learnt_from():
    pictures = flat(20)
    mine = plain(pictures, range(12), range(12, 20))
    pairs = Pairs(mine, mine, 64, seed=1)
    first = pairs.validation(8)
    assert equal(first, Pairs(mine, mine, 5, seed=2, replacement=False).validation(8))
    covers = sorted(first["cover"][:, 0, 0, 0].tolist())
    assert covers == list(range(12, 20))  # each once
    assert (first["cover"][:, 0, 0, 0] != first["secret"][:, 0, 0, 0]).all()
    assert set(pairs.draw(0)["cover"].reshape(-1).tolist()) <= set(range(12))
    assert equal({name: array[:8] for name, array in pairs.validation(30).items()}, first)
    assert len(pairs.validation(30)["cover"]) == 30


def test_drawing_does_not_change_between_releases():
    batch, kept = MIXED.items(3, 0, 8), MIXED.validation(2)
    assert [each.tolist() for each in batch] == ITEMS
    assert kept["cover"].shape == (2, 3, 16, 16) and kept["secret"].shape == (2, 1, 500)


ITEMS = [[2, 1, 0, 2, 0, 1, 0, 1], [0, 0, 1, 1, 0, 1, 1, 0]]


def test_pairs_that_cannot_be_are_refused():
    pictures = flat(3)
    with pytest.raises(InputError, match="two different files, and there is only one"):
        Pairs(plain(pictures, [1]), plain(pictures, [1]), 2)
    Pairs(plain(pictures, [1]), plain(pictures, [2]), 2)
    with pytest.raises(InputError, match="no secret to learn from"):
        Pairs(plain(pictures), plain(pictures, []), 2)
    with pytest.raises(InputError, match="no cover to validate on; set a larger validation="):
        Pairs(plain(pictures), plain(pictures), 2).validation(1)
    with pytest.raises(UsageError, match="batch=0"):
        Pairs(plain(pictures), plain(pictures), 0)
    for wrong in ((0, -1), (0, 3, 9), (0, 0, 9), (0, 9)):
        with pytest.raises(UsageError, match="of a batch of 8"):
            MIXED.draw(*wrong)


def test_content_tells_data_and_choice_and_not_how_they_are_cropped():
    pictures = flat(4)
    content = Pairs(plain(pictures, [0, 1, 2]), plain(pictures), 2).content
    assert content == Pairs(Crops(flat(4), [2, 1, 0], 2), plain(pictures), 9, seed=4).content
    assert content != Pairs(plain(pictures, [0, 1, 3]), plain(pictures), 2).content
    changed = [*pictures[:3], pictures[3] + 1]
    assert content != Pairs(plain(changed, [0, 1, 2]), plain(pictures), 2).content


# --- crops ---------------------------------------------------------------------------------------------------


def words(count, width, seed=0):
    return draws.words(seed, 0, 0, 0, count, width)


def test_whole_pictures_are_resized_as_pillow_does_and_keep_nothing_of_their_aspect():
    made = Crops(PICTURES, range(5), (16, 24)).make(np.arange(5), words(5, 8))
    assert made.shape == (5, 3, 16, 24)
    for picture, found in zip(PICTURES, made, strict=True):
        expected = np.asarray(Pil.fromarray(picture).resize((24, 16), Pil.Resampling.LANCZOS, reducing_gap=2.0))
        assert np.array_equal(found.transpose(1, 2, 0), expected)


def test_a_picture_of_the_right_size_is_not_touched():
    made = Crops(PICTURES, [2], 32).make(np.array([2]), words(1, 8))
    assert np.array_equal(made[0].transpose(1, 2, 0), PICTURES[2])


def test_boxes_lie_inside_and_have_the_scale_and_aspect_that_were_asked_for():
    augment = PictureAugment("crop", scale=(0.4, 0.8), aspect=(0.5, 2.0))
    seen = []
    for height, width in ((256, 256), (200, 500), (500, 200), (3, 300), (1, 1)):
        for row in draws.unit(words(150, 8)).tolist():
            top, left, h, w = drawn_box((height, width), (64, 64), augment, row)
            assert 0 <= top <= height - h and 0 <= left <= width - w and h >= 1 and w >= 1
            if height == width == 256:
                seen.append((h, w, top / max(1, 256 - h), left / max(1, 256 - w)))
    heights, widths, tops, lefts = np.array(seen).T
    assert 0.48 < (widths / heights).min() < 0.56 and 1.8 < (widths / heights).max() < 2.08
    longer = np.maximum(heights, widths) / 256
    assert 0.39 < longer.min() < 0.43 and 0.77 < longer.max() < 0.81
    assert min(tops) < 0.05 < 0.95 < max(tops) and min(lefts) < 0.05 < 0.95 < max(lefts)
    assert centred_box((256, 300), (64, 64), augment) == (0, 22, 256, 256)
    assert centred_box((100, 300), (32, 64), augment) == (0, 50, 100, 200)


def test_half_of_the_crops_are_mirrored():
    ramp = [np.repeat(np.tile(np.arange(32, dtype=np.uint8) * 8, (32, 1))[..., None], 3, 2)]
    made = Crops(ramp, [0], 16, PictureAugment("crop", flip=True)).make(np.zeros(400, np.int64), words(400, 8))
    mirrored = (made[:, 0, 8, 0] > made[:, 0, 8, -1]).mean()
    assert 0.4 < mirrored < 0.6
    still = Crops(ramp, [0], 16, PictureAugment("crop", flip=True)).still(np.zeros(9, np.int64), words(9, 8))
    assert (still == still[0]).all() and still[0, 0, 8, 0] < still[0, 0, 8, -1]


def test_a_crop_shows_the_part_of_the_box():
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[10:26, 30:46] = 200
    assert (crops.resized(picture, (10, 30, 16, 16), (8, 8), "bicubic") == 200).all()
    assert crops.resized(picture, (10, 30, 16, 16), (16, 16), "box").base is not None  # a view


@pytest.mark.parametrize(
    "wrong", [{"mode": "x"}, {"scale": (0, 1)}, {"scale": (0.5, 2)}, {"aspect": (2, 1)}, {"filter": "nearest"}]
)
def test_settings_of_crops_are_checked(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        PictureAugment(**wrong)


# --- cuts ----------------------------------------------------------------------------------------------------


def test_cuts_are_pieces_of_their_sound():
    made = Cuts(SOUNDS, [0], 100).make(np.zeros(50, np.int64), words(50, 16))
    places = [SOUNDS[0].tobytes().find(row.tobytes()) // 2 for row in made[:, 0]]
    assert min(places) >= 0 and max(places) <= 2900 and min(places) < 300 and max(places) > 2600
    whole = Cuts(SOUNDS, [0], 3000).make(np.zeros(1, np.int64), words(1, 16))
    assert np.array_equal(whole[0, 0], SOUNDS[0])


def test_short_sounds_are_padded_or_looped():
    item = np.array([3])
    padded = Cuts(SOUNDS, [3], 100).make(item, words(1, 16))[0, 0]
    assert np.array_equal(padded[:40], SOUNDS[3]) and not padded[40:].any()
    looped = Cuts(SOUNDS, [3], 100, SoundAugment(short="loop")).make(item, words(1, 16))[0, 0]
    assert np.array_equal(looped, np.concatenate([SOUNDS[3], SOUNDS[3], SOUNDS[3][:20]]))


def test_silent_cuts_are_drawn_again_a_bounded_number_of_times():
    sound = np.zeros(10_000, np.int16)
    sound[4000:6000] = 1000
    at = np.zeros(300, np.int64)

    def silent(tries):
        made = Cuts([sound], [0], 100, SoundAugment(tries=tries)).make(at, words(300, 16))
        return (np.abs(made).max(axis=(1, 2)) == 0).mean()

    assert 0.7 < silent(1) < 0.88 and 0.3 < silent(4) < 0.55 and silent(12) < 0.12
    nothing = Cuts([sound * 0], [0], 100).make(at[:2], words(2, 16))
    assert not nothing.any()


def test_gain_is_in_decibels_and_clips():
    sound = [np.full(500, 1000, np.int16)]
    louder = Cuts(sound, [0], 100, SoundAugment(gain=(6.0206, 6.0206))).make(np.zeros(1, np.int64), words(1, 16))
    assert (louder == 2000).all()
    clipped = Cuts(sound, [0], 100, SoundAugment(gain=(60, 60))).make(np.zeros(1, np.int64), words(1, 16))
    assert (clipped == 32_767).all()
    many = Cuts(sound, [0], 4, SoundAugment(gain=(-6, 6))).make(np.zeros(200, np.int64), words(200, 16))[:, 0, 0]
    assert 500 <= many.min() < 540 and 1850 < many.max() <= 1996


@pytest.mark.parametrize("speed", [0.8, 1.25])
def test_speed_changes_the_pitch(speed):
    tone = (np.sin(2 * np.pi * 0.05 * np.arange(20_000)) * 9000).astype(np.int16)
    made = Cuts([tone], [0], 4000, SoundAugment(speed=(speed, speed))).make(np.zeros(1, np.int64), words(1, 16))
    spectrum = np.abs(np.fft.rfft(made[0, 0] * np.hanning(4000)))
    assert abs(spectrum.argmax() / 4000 - 0.05 * speed) < 0.001
    still = Cuts([tone], [0], 4000, SoundAugment(speed=(speed, speed))).still(np.zeros(1, np.int64), words(1, 16))
    assert abs(np.abs(np.fft.rfft(still[0, 0])).argmax() / 4000 - 0.05) < 0.001


@pytest.mark.parametrize(
    "wrong", [{"gain": (1, 0)}, {"speed": (0, 1)}, {"short": "x"}, {"tries": 0}, {"tries": 99}, {"gain": (0, 1e9)}]
)
def test_settings_of_cuts_are_checked(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        SoundAugment(**wrong)


def test_sizes_are_checked():
    with pytest.raises(UsageError, match="size"):
        Crops(PICTURES, [0], 0)
    with pytest.raises(UsageError, match="length 0"):
        Cuts(SOUNDS, [0], 0)
