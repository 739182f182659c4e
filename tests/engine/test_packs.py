"""Packs: what goes in comes out, broken files are counted, nothing half-made is ever found, and splits hold."""

import json
import os
import signal
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image as Pil

from intarsia.engine import decoding, packed, packs, sources, split, workers
from intarsia.engine.packs import Packing, open_pack, pack, prepare
from intarsia.engine.split import Member, held_out
from intarsia.errors import InputError, OutputError, UsageError

DATA = Path(__file__).resolve().parents[3] / "shared/data"
ALL = Packing(validation=0)


def noise(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def picture(path, seed=0, height=12, width=9, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Pil.fromarray(noise(seed, height, width, 3)).save(path, **options)
    return path


def sound(path, values=None, rate=16_000, subtype="PCM_16"):
    path.parent.mkdir(parents=True, exist_ok=True)
    if values is None:
        values = np.random.default_rng(zlib.crc32(path.name.encode())).integers(-9000, 9000, 400).astype(np.int16)
    soundfile.write(path, values, rate, subtype=subtype)
    return path


def packed_from(folder, kinds=("image",), packing=ALL, **more):
    return pack(sources.find([folder], kinds), packing, folder.parent / "cache", **more)


def folder_of(tmp_path, count=3):
    for number in range(count):
        picture(tmp_path / "data" / f"{number}.png", number)
    return tmp_path / "data"


# --- what is in it -------------------------------------------------------------------------------------------


def test_small_pictures_come_back_as_they_are(tmp_path):
    found = packed_from(folder_of(tmp_path))
    assert len(found.pictures) == 3 and found.pictures[1].dtype == np.uint8
    for number in range(3):
        assert np.array_equal(found.pictures[number], noise(number, 12, 9, 3))
    assert not found.pictures[0].flags.owndata and not found.pictures[0].flags.writeable
    assert found.picture_names == ("0.png", "1.png", "2.png")
    assert found.sources == Counter({"folder data": 3}) and found.licences == Counter({"folder data: not stated": 3})
    assert len(found.sounds) == 0 and len(found.train_pictures) == 3
    assert found.summary().startswith("3 pictures (short side up to 256; 3 to learn from, 0 to validate on); sha256")


def test_large_pictures_are_shrunk_to_the_short_side_and_turned_upright(tmp_path):
    exif = Pil.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    picture(tmp_path / "data" / "a.png", height=40, width=100)
    picture(tmp_path / "data" / "b.jpg", height=20, width=50, exif=exif)
    ramp = np.tile(np.linspace(0, 255, 128).astype(np.uint8), (64, 1))
    Pil.fromarray(ramp).save(tmp_path / "data" / "c.png")
    found = packed_from(tmp_path / "data", packing=Packing(side=16, validation=0))
    assert [each.shape for each in map(found.pictures.__getitem__, range(3))] == [(16, 40, 3), (40, 16, 3), (16, 32, 3)]
    assert np.ptp(found.pictures[2], axis=2).max() == 0  # grey, repeated
    assert np.abs(found.pictures[2][8, :, 0] - np.linspace(3, 252, 32)).max() < 3  # averaged, not picked


def test_sixteen_bits_alpha_and_palettes_become_rgb(tmp_path):
    (tmp_path / "data").mkdir()
    Pil.fromarray(np.array([[0, 257, 65_535]], np.uint16)).save(tmp_path / "data" / "a.png")
    Pil.fromarray(np.array([[[9, 8, 7, 0]]], np.uint8)).save(tmp_path / "data" / "b.png")
    Pil.fromarray(noise(1, 5, 5, 3)).quantize(4).save(tmp_path / "data" / "c.png")
    found = packed_from(tmp_path / "data")
    assert found.pictures[0][0].tolist() == [[0] * 3, [1] * 3, [255] * 3]
    assert found.pictures[1].tolist() == [[[9, 8, 7]]]
    assert found.pictures[2].shape == (5, 5, 3)


def test_sounds_are_mono_at_one_rate(tmp_path):
    time_axis = np.arange(22_050) / 22_050
    tone = np.sin(2 * np.pi * 440 * time_axis) * 0.5
    plain = np.arange(-200, 200, dtype=np.int16) * 50
    sound(tmp_path / "data" / "a.wav", plain)
    sound(tmp_path / "data" / "b.wav", np.stack([tone, tone * 0], 1), 22_050, "PCM_24")
    sound(tmp_path / "data" / "c.wav", np.full(50, 0.5), subtype="PCM_U8")
    sound(tmp_path / "data" / "d.flac", plain)
    found = packed_from(tmp_path / "data", ("audio",))
    assert np.array_equal(found.sounds[0], plain) and np.array_equal(found.sounds[3], plain)
    assert found.sounds[1].dtype == np.int16 and len(found.sounds[1]) == 16_000
    expected = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000) * 0.25 * 32_768
    assert np.abs(found.sounds[1] - expected)[200:-200].max() < 5
    assert abs(int(found.sounds[2][10]) - 16_384) <= 256
    assert len(found.pictures) == 0 and "sounds (0.0 min at 16,000 Hz" in found.summary()


def test_a_long_sound_is_joined_from_blocks_without_a_seam(tmp_path, monkeypatch):
    values = (np.sin(np.arange(9000) / 9) * 9000).astype(np.int16)
    sound(tmp_path / "data" / "a.wav", values, 22_050)
    whole = packed_from(tmp_path / "data", ("audio",)).sounds[0].copy()
    monkeypatch.setattr(decoding, "_BLOCK", 1000)
    audio = decoding.audio_file.load(tmp_path / "data" / "a.wav")
    assert np.array_equal(decoding.sound(audio, 16_000), whole)


def test_both_kinds_lie_in_one_pack(tmp_path):
    folder = folder_of(tmp_path)
    sound(folder / "a.wav")
    found = packed_from(folder, ("image", "audio"))
    assert (len(found.pictures), len(found.sounds)) == (3, 1) and found.sound_names == ("a.wav",)
    card = json.loads((found.folder / "pack.json").read_text())
    assert (card["pictures"], card["sounds"], card["groups"]) == (3, 1, {"image": 3, "audio": 1})


def test_odd_names_survive_in_a_pack(tmp_path):
    names = sorted(("new\nline.png", os.fsdecode(b"\xff.png"), "ü.png"))
    for number, name in enumerate(names):
        picture(tmp_path / "data" / name, number)
    found = packed_from(tmp_path / "data")
    assert found.picture_names == tuple(names)


def test_other_kinds_and_wrong_settings_are_refused(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.ply").write_bytes(b"x")
    with pytest.raises(UsageError, match="shape: packs hold pictures and sounds only"):
        packed_from(tmp_path / "data", ("shape",))
    for wrong in ({"side": 0}, {"rate": 1.5}, {"validation": 1}, {"validation": -0.1}, {"side": True}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            Packing(**wrong)


# --- broken files --------------------------------------------------------------------------------------------


def broken(folder):
    (folder / "empty.png").write_bytes(b"")
    whole = picture(folder / "cut.jpg", 5, 64, 64).read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("<html>quota exceeded</html>")
    data = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + bytes((8, 2, 0, 0, 0))
    chunk = len(data[4:]).to_bytes(4, "big") + data + zlib.crc32(data).to_bytes(4, "big")
    (folder / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + bytes(4) + b"IEND\xae\x42\x60\x82")
    return {"empty.png": "empty", "cut.jpg": "truncated", "text.jpg": "not a picture", "huge.png": "the limit"}


@pytest.mark.parametrize("few", [0, 100])
def test_broken_pictures_are_skipped_and_counted(few, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "FEW", few)
    folder = folder_of(tmp_path)
    expected = broken(folder)
    found = packed_from(folder)
    assert (len(found.pictures), found.skipped) == (3, 4)
    reasons = dict(found.reasons)
    assert reasons.keys() == expected.keys()
    assert all(text in reasons[name] for name, text in expected.items()), reasons
    assert str(tmp_path) not in json.dumps(found.reasons)
    assert "4 skipped (cut.jpg: " in found.summary()


@pytest.mark.parametrize("few", [0, 100])
def test_broken_sounds_are_skipped_and_counted(few, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "FEW", few)
    folder = tmp_path / "data"
    sound(folder / "a.wav")
    whole = sound(
        folder / "cut.flac", np.random.default_rng(0).integers(-9000, 9000, 9000).astype(np.int16)
    ).read_bytes()
    (folder / "cut.flac").write_bytes(whole[: len(whole) // 2])
    flipped = bytearray(whole)
    flipped[30] ^= 1  # in the checksum of the samples
    (folder / "flipped.flac").write_bytes(flipped)
    (folder / "sphere.wav").write_bytes(b"NIST_1A\n   1024\n".ljust(2048))
    (folder / "old.au").write_bytes(b".snd" + bytes(64))
    found = packed_from(folder, ("audio",))
    reasons = dict(found.reasons)
    assert (len(found.sounds), found.skipped) == (1, 4)
    assert "sph2pipe" in reasons["sphere.wav"] and "AU file" in reasons["old.au"]
    assert "damaged" in reasons["cut.flac"] and "checksum" in reasons["flipped.flac"]


def test_when_all_are_broken_that_is_an_error_and_nothing_is_left(tmp_path):
    (tmp_path / "data").mkdir()
    broken(tmp_path / "data")
    with pytest.raises(InputError, match=r"none of 4 pictures can be used \(cut.jpg: .*; get undamaged copies"):
        packed_from(tmp_path / "data")
    assert [path.suffix for path in (tmp_path / "cache" / "packs").iterdir()] == [".lock"]


def test_a_missing_package_is_an_error_and_no_broken_file(tmp_path, monkeypatch):
    sound(tmp_path / "data" / "a.wav", rate=8000)

    def missing():
        raise UsageError("needs soxr")

    monkeypatch.setattr(decoding.resampling, "library", missing)
    with pytest.raises(UsageError, match="needs soxr"):
        packed_from(tmp_path / "data", ("audio",))


# --- processes -----------------------------------------------------------------------------------------------


def test_processes_give_the_same_as_one_and_in_order(tmp_path, monkeypatch):
    folder = folder_of(tmp_path, 9)
    told = []
    here = packed_from(folder, progress=lambda *word: told.append(word))
    assert told[-1] == ("packing", 1.0) and [word[1] for word in told] == sorted(word[1] for word in told)
    monkeypatch.setattr(workers, "FEW", 0)
    there = pack(sources.find([folder], ["image"]), ALL, tmp_path / "other", jobs=2)
    assert there.sha256 == here.sha256 and there.picture_groups == here.picture_groups


def test_a_decoder_that_crashes_takes_one_file_with_it(tmp_path, monkeypatch):
    folder = folder_of(tmp_path, 4)
    code = "import os, sys; from intarsia.engine import decoding, workers\n"
    code += "plain = decoding.decode\n"
    code += "workers.decode = lambda task, **how: os.abort() if '2.png' in task.path else plain(task, **how)\n"
    code += "workers.main()"
    monkeypatch.setattr(workers.child, "program", lambda name: [sys.executable, "-c", code])
    monkeypatch.setattr(workers, "FEW", 0)
    found = packed_from(folder, jobs=1)
    assert (found.picture_names, found.skipped) == (("0.png", "1.png", "3.png"), 1)
    assert "crashed" in found.reasons[0][1]


def test_leaving_early_ends_the_processes(tmp_path):
    tasks = [decoding.Task(str(picture(tmp_path / f"{n}.png", n)), "image", 16) for n in range(3)]
    results = workers.decode_all(iter(tasks), jobs=1)
    assert next(results).array is not None
    mine = subprocess.run(["ps", "-o", "args=", "--ppid", str(os.getpid())], capture_output=True, text=True).stdout
    assert "intarsia.engine.workers" in mine
    results.close()
    mine = subprocess.run(["ps", "-o", "args=", "--ppid", str(os.getpid())], capture_output=True, text=True).stdout
    assert "intarsia.engine.workers" not in mine


# --- the cache -----------------------------------------------------------------------------------------------


def test_where_packs_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("INTARSIA_CACHE", str(tmp_path / "own"))
    assert packs.cache_folder(tmp_path / "given") == tmp_path / "given"
    assert packs.cache_folder() == tmp_path / "own"
    monkeypatch.delenv("INTARSIA_CACHE")
    assert packs.cache_folder() == tmp_path / "xdg" / "intarsia"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert packs.cache_folder() == tmp_path / ".cache" / "intarsia"


def test_the_same_files_are_packed_once_and_changed_ones_anew(tmp_path, monkeypatch):
    folder = folder_of(tmp_path)
    first = packed_from(folder)
    made = packs.make
    monkeypatch.setattr(packs, "make", lambda *_, **__: pytest.fail("packed again"))
    assert packed_from(folder).folder == first.folder
    monkeypatch.setattr(packs, "make", made)
    assert packed_from(folder, packing=Packing(side=8, validation=0)).folder != first.folder
    picture(folder / "0.png", 9)
    os.utime(folder / "0.png", (1, 1))
    again = packed_from(folder)
    assert again.folder != first.folder and again.sha256 != first.sha256


def test_a_folder_that_cannot_be_written_says_what_to_do(tmp_path):
    folder = folder_of(tmp_path)
    (tmp_path / "cache").write_bytes(b"")
    with pytest.raises(OutputError, match="INTARSIA_CACHE"):
        packed_from(folder)


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    folder = folder_of(tmp_path)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packed.np, "savez", full)
    with pytest.raises(OutputError, match="no space left on device; name a folder with room"):
        packed_from(folder)
    assert [path.suffix for path in (tmp_path / "cache" / "packs").iterdir()] == [".lock"]


SLOW = """
import sys, time
from intarsia.engine import packs, sources, pack_making
written = pack_making._write
def late(path, data):
    print("now", flush=True)
    time.sleep(float(sys.argv[3]))
    written(path, data)
pack_making._write = late
found = packs.pack(sources.find([sys.argv[1]], ["image"]), packs.Packing(validation=0), sys.argv[2])
print(found.sha256, len(found.pictures))
"""


def slow(folder, cache, seconds):
    words = [sys.executable, "-c", SLOW, str(folder), str(cache), str(seconds)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_a_packer_that_is_killed_leaves_a_cache_that_works(tmp_path):
    folder = folder_of(tmp_path)
    killed = slow(folder, tmp_path / "cache", 60)
    assert killed.stdout.readline() == "now\n"
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdout.close()
    left = list((tmp_path / "cache" / "packs").iterdir())
    assert len(left) == 2 and not any(packs.is_pack(each) for each in left)  # the lock, and half a pack
    found = packed_from(folder)
    assert len(found.pictures) == 3
    assert sorted(path.suffix for path in (tmp_path / "cache" / "packs").iterdir()) == ["", ".lock"]
    open_pack(found.folder, verify=True)


def test_two_that_pack_the_same_at_once_end_with_one_pack(tmp_path):
    folder = folder_of(tmp_path)
    both = [slow(folder, tmp_path / "cache", 0.3) for _ in range(2)]
    said = [each.communicate()[0].splitlines() for each in both]
    assert said[0][-1] == said[1][-1] and said[0][-1].endswith(" 3")
    assert sorted(map(len, said)) == [1, 3]  # one has written the index and the card, the other nothing
    assert len([path for path in (tmp_path / "cache" / "packs").iterdir() if packs.is_pack(path)]) == 1


def test_without_locks_the_slower_one_takes_what_is_there(tmp_path, monkeypatch):
    listing = sources.find([folder_of(tmp_path)], ["image"])
    written = packs.make.__globals__["_sync"]
    first = []

    def meanwhile(folder):
        if not first:
            first.append(True)
            first[0] = pack(listing, ALL, tmp_path / "cache")
        written(folder)

    monkeypatch.setattr(packs.importlib, "import_module", lambda name: (_ for _ in ()).throw(ImportError(name)))
    monkeypatch.setitem(packs.make.__globals__, "_sync", meanwhile)
    second = pack(listing, ALL, tmp_path / "cache")
    assert second.folder == first[0].folder and second.sha256 == first[0].sha256
    assert len(list((tmp_path / "cache" / "packs").iterdir())) == 2


def test_a_pack_whose_card_was_deleted_is_made_again(tmp_path):
    folder = folder_of(tmp_path)
    (packed_from(folder).folder / "pack.json").unlink()
    assert len(packed_from(folder).pictures) == 3


# --- opening -------------------------------------------------------------------------------------------------


def test_a_pack_is_carried_elsewhere_and_used_as_it_is(tmp_path):
    found = packed_from(folder_of(tmp_path))
    moved = found.folder.rename(tmp_path / "moved")
    again = prepare([moved], ["image"], Packing(side=64))
    assert again.sha256 == found.sha256 and again.folder == moved
    assert prepare(moved, ["image"], ALL).sha256 == found.sha256
    with pytest.raises(UsageError, match="give the pack alone"):
        prepare([moved, tmp_path / "data"], ["image"], ALL)
    with pytest.raises(InputError, match="a pack without sounds"):
        prepare([moved], ["image", "audio"], ALL)
    with pytest.raises(InputError, match="side=256; 512 is needed"):
        prepare([moved], ["image"], Packing(side=512))


def test_a_pack_of_sounds_at_another_rate_is_refused(tmp_path):
    sound(tmp_path / "data" / "a.wav")
    found = packed_from(tmp_path / "data", ("audio",))
    with pytest.raises(InputError, match="rate=16000; 22050 is needed"):
        prepare([found.folder], ["audio"], Packing(rate=22_050))


def test_folders_are_prepared_through_the_cache(tmp_path):
    found = prepare([folder_of(tmp_path)], ["image"], ALL, tmp_path / "cache")
    assert found.folder.parent == tmp_path / "cache" / "packs"


@pytest.mark.parametrize("name", ["pack.json", "index.npz", "pictures.u8", "sounds.i16"])
def test_a_pack_that_was_cut_is_refused(name, tmp_path):
    folder = folder_of(tmp_path)
    sound(folder / "a.wav")
    found = packed_from(folder, ("image", "audio"))
    path = found.folder / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"damaged pack .*; delete the folder, and it is packed again"):
        open_pack(found.folder)
    path.unlink()
    with pytest.raises(InputError, match="not a pack" if name == "pack.json" else "damaged pack"):
        open_pack(found.folder)


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)


def test_a_flipped_bit_is_found_at_once_in_card_and_index_and_in_samples_when_asked(tmp_path):
    folder = packed_from(folder_of(tmp_path)).folder
    open_pack(folder, verify=True)
    size = (folder / "pack.json").stat().st_size
    for name, places in (("pack.json", range(3, size, 97)), ("index.npz", (40, 400, -9))):
        for at in places:
            whole = (folder / name).read_bytes()
            flip(folder / name, at)
            with pytest.raises(InputError, match="delete the folder"):
                open_pack(folder)
            (folder / name).write_bytes(whole)
    flip(folder / "pictures.u8", 100)
    open_pack(folder)
    with pytest.raises(InputError, match=r"pictures.u8 was changed"):
        open_pack(folder, verify=True)


def rewritten(folder, **facts):
    """Change a card and sign it again, as somebody who means harm would."""
    card = json.loads((folder / "pack.json").read_text()) | facts
    card.pop("check")
    (folder / "pack.json").write_text(json.dumps(card | {"check": packed.check(card)}))


def test_another_version_and_a_forged_index_are_refused(tmp_path):
    folder = packed_from(folder_of(tmp_path)).folder
    whole = (folder / "pack.json").read_text()
    rewritten(folder, format=2)
    with pytest.raises(InputError, match="format 2; this release reads 1; delete"):
        open_pack(folder)
    (folder / "pack.json").write_text(whole)
    with np.load(folder / "index.npz") as stored:
        index = {name: stored[name] for name in stored.files}
    for change in (
        {"picture_offsets": index["picture_offsets"] + 10**6},
        {"picture_sizes": -index["picture_sizes"]},
        {"picture_sizes": index["picture_sizes"][:1]},
        {"picture_held": index["picture_held"][:1]},
        {"picture_offsets": np.array([object()])},
    ):
        np.savez(folder / "index.npz", **(index | change))
        facts = json.loads(whole)["files"]
        data = (folder / "index.npz").read_bytes()
        facts["index.npz"] = {"bytes": len(data), "sha256": packed.hashlib.sha256(data).hexdigest()}
        rewritten(folder, files=facts)
        with pytest.raises(InputError, match="damaged pack"):
            open_pack(folder)


def test_a_pack_sent_to_another_process_opens_itself_there(tmp_path):
    import pickle

    found = packed_from(folder_of(tmp_path, 40))
    sent = pickle.dumps((found.pictures, found.pictures))
    assert len(sent) < 1000
    first, second = pickle.loads(sent)
    assert first is second and np.array_equal(first[7], found.pictures[7])
    packed._elsewhere.cache_clear()
    rewritten(found.folder, sha256="0" * 64)
    with pytest.raises(InputError, match="another pack than before"):
        pickle.loads(sent)


# --- splits --------------------------------------------------------------------------------------------------


def members(groups, label="x", part=""):
    return [Member(group, label, part) for group in groups]


def test_a_group_is_on_one_side_and_stays_there_when_others_are_added():
    groups = [f"group {n % 400}" for n in range(1200)]
    kept = held_out(members(groups), 0.1)
    sides = {
        group: {bool(side) for other, side in zip(groups, kept, strict=True) if other == group} for group in groups
    }
    assert all(len(each) == 1 for each in sides.values())
    assert 20 < sum(each == {True} for each in sides.values()) < 60
    more = held_out(members([f"new {n}" for n in range(300)] + groups), 0.1)
    assert np.array_equal(more[300:], kept)
    assert not (kept & ~held_out(members(groups), 0.2)).any()  # a larger share keeps what the smaller kept


def test_the_split_is_the_same_in_every_release():
    assert [f"{split.place_of(group):.6f}" for group in ("a", "LibriSpeech/103", "ü")] == PLACES


PLACES = ["0.000610", "0.945133", "0.052491"]


@pytest.mark.parametrize("share", [1e-9, 0.999_999_999])
def test_a_pair_can_be_made_on_both_sides_of_four_groups(share):
    kept = held_out(members("abcdd"), share)
    assert len(set(np.array(list("abcdd"))[kept])) in (2, 3)
    sides = [{group for group, side in zip("abcdd", kept, strict=True) if side is np.bool_(which)} for which in (0, 1)]
    assert min(map(len, sides)) == 2
    assert held_out(members("abc"), share).sum() in (1, 2)


def test_two_groups_are_enough_for_two_sides_and_one_is_not():
    for share in (1e-9, 0.5, 0.999_999_999):
        assert held_out(members("aabb"), share).sum() == 2
    with pytest.raises(InputError, match=r"all 3 sounds belong together \(a\).*validation=0"):
        held_out(members("aaa"), 0.05, what="sounds")
    assert not held_out(members("aaa"), 0).any() and len(held_out([], 0.5)) == 0


def test_an_official_validation_part_counts_where_there_is_one():
    found = members("ab", "ImageNet", "train") + members("c", "ImageNet", "val") + members("abc", "plain")
    assert held_out(found, 0.5).tolist()[:3] == [False, False, True]
    assert held_out(found, 0.5).tolist()[3:] == [False, False, True]  # a group is one, whatever set its files are in
    by_share = held_out(found, 0.5, official=False).tolist()
    assert by_share[:2] == [split.place_of("a") < 0.5, split.place_of("b") < 0.5]
    only = members([f"{n}" for n in range(99)], "ImageNet", "val")
    assert 0 < held_out(only, 0.1).sum() < 50  # nothing else of that set: by the share


def test_one_group_is_refused_before_anything_is_read(tmp_path, monkeypatch):
    picture(tmp_path / "DAVIS/JPEGImages/480p/bear/00000.jpg")
    picture(tmp_path / "DAVIS/JPEGImages/480p/bear/00001.jpg", 1)
    monkeypatch.setattr(workers, "decode_all", lambda *_, **__: pytest.fail("read"))
    with pytest.raises(InputError, match=r"all 2 pictures belong together \(DAVIS/bear\)"):
        packed_from(tmp_path / "DAVIS", packing=Packing())


def test_the_same_picture_twice_is_one_group(tmp_path):
    folder = folder_of(tmp_path)
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    groups = packed_from(folder, packing=Packing(validation=0.5)).picture_groups
    assert groups[0] == groups[3] and len(set(groups)) == 3 and groups[0].startswith("content/")


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="the media pack is not here")
def test_no_photograph_and_no_speaker_of_the_media_pack_is_on_both_sides(tmp_path):
    listing = sources.find([DATA], ["image", "audio"])
    some = sources.Listing(listing.of_kind("image")[:400:2] + listing.of_kind("audio")[:20])
    found = pack(some, Packing(side=16, validation=0.2), tmp_path)
    for groups, train, kept in (
        (found.picture_groups, found.train_pictures, found.validation_pictures),
        (found.sound_groups, found.train_sounds, found.validation_sounds),
    ):
        assert len(train) and len(kept) and sorted([*train, *kept]) == list(range(len(groups)))
        assert not {groups[i] for i in train} & {groups[i] for i in kept}
    assert found.skipped == 0 and any("Caltech-101" in licence for licence in found.licences)


def test_nothing_here_needs_torch():
    code = "import sys, intarsia.engine.packs, intarsia.engine.pairs; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
