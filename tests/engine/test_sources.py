"""Files to learn from are found in miniature trees in the layout of the official archives, in groups."""

import os
from collections import Counter
from pathlib import Path

import pytest

from intarsia.engine import layouts, origins, sources
from intarsia.engine.sources import find
from intarsia.errors import InputError, UsageError

PACK = Path(__file__).resolve().parents[3] / "shared/data"
HEAD = "file\tsource_repo\tcommit\tsource_path\tnote\n"


def touch(path, content=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# --- makers of trees: nothing is opened, so the files need not be what they are called ------------------------


def timit(top):
    for place in ("TRAIN/DR1/FCJF0", "TRAIN/DR8/MTCS0", "TEST/DR1/FAKS0"):
        for sentence in ("SA1", "SX37"):
            touch(top / "TIMIT" / place / f"{sentence}.WAV")
            touch(top / "TIMIT" / place / f"{sentence}.PHN")
    return top / "TIMIT"


def librispeech(top):
    for place, number in (("train-clean-100/103", 2), ("dev-clean/84", 1), ("test-clean/61", 2)):
        for n in range(number):
            touch(top / "LibriSpeech" / place / "1240" / f"{Path(place).name}-1240-{n:04}.flac")
    return top / "LibriSpeech"


def voc(top):
    root = top / "VOCdevkit" / "VOC2012"
    for name in ("2007_000027", "2007_000032", "2008_000002", "2008_000003"):
        touch(root / "JPEGImages" / f"{name}.jpg")
        touch(root / "SegmentationClass" / f"{name}.png")
    touch(root / "ImageSets" / "Main" / "train.txt", "2007_000027\n2008_000002\n")
    touch(root / "ImageSets" / "Main" / "val.txt", "2007_000032\n")
    return root


def imagenet(top):
    base = top / "ILSVRC" / "Data" / "CLS-LOC"
    for wordnet in ("n01440764", "n01443537"):
        for number in (18, 36):
            touch(base / "train" / wordnet / f"{wordnet}_{number}.JPEG")
    touch(base / "val" / "ILSVRC2012_val_00000001.JPEG")
    touch(base / "test" / "ILSVRC2012_test_00000001.JPEG")
    return top / "ILSVRC"


def davis(top):
    for size in ("480p", "Full-Resolution"):
        for clip in ("bear", "blackswan"):
            for number in range(3):
                touch(top / "DAVIS" / "JPEGImages" / size / clip / f"{number:05}.jpg")
                touch(top / "DAVIS" / "Annotations" / size / clip / f"{number:05}.png")
    touch(top / "DAVIS" / "ImageSets" / "2017" / "train.txt", "bear\n")
    touch(top / "DAVIS" / "ImageSets" / "2017" / "val.txt", "blackswan\n")
    return top / "DAVIS"


def gtzan(top):
    for genre in ("blues", "jazz"):
        for number in (0, 1):
            touch(top / "genres" / genre / f"{genre}.{number:05}.wav")
    touch(top / "images_original" / "blues" / "blues00000.png")
    return top / "genres"


def stanford(top):
    for name in ("bunny/reconstruction/bun_zipper", "bunny/reconstruction/bun_zipper_res2", "bunny/data/bun000"):
        touch(top / f"{name}.ply")
    touch(top / "dragon_recon" / "dragon_vrip.ply")
    return top


def media_pack(top):
    rows = [
        ("images/train/a_0.jpg", "github:o/photos", "c", "beach.jpg", "licence: CC0; crop 0,0 of 512x384"),
        ("images/train/a_1.jpg", "github:o/photos", "c", "beach.jpg", "licence: CC0; crop 256,0 of 512x384"),
        ("images/train/b_0.jpg", "github:o/photos", "c", "town.jpg", "licence: CC BY 4.0, Some Body"),
        ("images/train-research/r_0.jpg", "github:o/r", "c", "x.jpg", "licence: research"),
        ("images/faces/f_0.jpg", "github:o/f", "c", "Faces_easy/image_0001.jpg", ""),
        ("images/faces/f_1.jpg", "github:o/f", "c", "Faces_easy/image_0300.jpg", ""),
        (
            "speech/train/103-1240-0000.flac",
            "github:o/s",
            "c",
            "librispeech_x/103-1240-0000.flac",
            "speaker 103 F 14 s",
        ),
        ("test/images/t.png", "github:o/t", "c", "t.png", ""),
    ]
    for row in rows:
        touch(top / row[0])
    for number in range(2):
        touch(top / "test" / "video" / "clip" / f"{number:03}.jpg")
    rows.append(("test/video/clip", "github:o/v", "c", "clip.mp4", "frames 0-1"))
    touch(top / "SOURCES.tsv", HEAD + "".join("\t".join(row) + "\n" for row in rows))
    touch(top / "MANIFEST.md")
    return top


def named(listing):
    return {item.name: item.group for item in listing.items}


def groups(listing):
    return Counter(item.group for item in listing.items)


# --- each set ------------------------------------------------------------------------------------------------


def test_timit_is_grouped_by_speaker_and_its_test_part_left_out(tmp_path):
    root = timit(tmp_path)
    for given in (root, tmp_path, str(root)):
        found = find([given], ["audio"])
        assert groups(found) == {"TIMIT/fcjf0": 2, "TIMIT/mtcs0": 2}
        assert found.left_out == {"TIMIT": 2} and found.counts() == {"TIMIT": 4}
        assert "left out 2 of the test part of TIMIT" in found.describe()
    assert groups(find([root / "TEST"], ["audio"])) == {"TIMIT/faks0": 2}
    assert len(find([root, root / "TEST"], ["audio"]).items) == 6


def test_of_a_sphere_file_and_its_riff_twin_the_twin_is_taken(tmp_path):
    root = timit(tmp_path)
    for path in list((root / "TRAIN" / "DR1").rglob("*.WAV")):
        touch(Path(f"{path}.wav"))
    names = [item.name for item in find([root], ["audio"]).items if "FCJF0" in item.name]
    assert names == ["TRAIN/DR1/FCJF0/SA1.WAV.wav", "TRAIN/DR1/FCJF0/SX37.WAV.wav"]


def test_librispeech_is_grouped_by_speaker(tmp_path):
    found = find([librispeech(tmp_path)], ["audio"])
    assert groups(found) == {"LibriSpeech/103": 2, "LibriSpeech/84": 1}
    assert {item.group: item.part for item in found.items} == {"LibriSpeech/103": "train", "LibriSpeech/84": "val"}
    assert {item.licence for item in found.items} == {"CC BY 4.0"}


def test_pascal_voc_has_its_lists_and_no_masks(tmp_path):
    found = find([voc(tmp_path)], ["image"])
    assert {item.group: item.part for item in found.items} == {
        "Pascal VOC/2007_000027": "train",
        "Pascal VOC/2007_000032": "val",
        "Pascal VOC/2008_000002": "train",
        "Pascal VOC/2008_000003": "",
    }
    (tmp_path / "VOCdevkit/VOC2012/ImageSets/Main/val.txt").unlink()
    assert {item.part for item in find([tmp_path], ["image"]).items} == {"train", ""}


def test_imagenet_has_official_parts(tmp_path):
    found = find([imagenet(tmp_path)], ["image"])
    assert Counter(item.part for item in found.items) == {"train": 4, "val": 1}
    assert found.left_out == {"ImageNet": 1}
    assert found.items[0].group == "ImageNet/n01440764_18" and found.items[0].label == "ImageNet"
    base = tmp_path / "ILSVRC/Data/CLS-LOC"
    assert len(find([base / "train" / "n01440764"], ["image"]).items) == 2
    assert [item.part for item in find([base / "test"], ["image"]).items] == ["test"]


def test_davis_is_frames_and_clips_grouped_by_clip_in_any_size(tmp_path):
    root = davis(tmp_path)
    frames = find([root], ["image"])
    assert groups(frames) == {"DAVIS/bear": 6, "DAVIS/blackswan": 6}
    assert {item.group: item.part for item in frames.items} == {"DAVIS/bear": "train", "DAVIS/blackswan": "val"}
    clips = find([root], ["video"])
    assert [item.name for item in clips.items] == [
        f"JPEGImages/{size}/{clip}" for size in ("480p", "Full-Resolution") for clip in ("bear", "blackswan")
    ]
    assert clips.items[0].path.is_dir() and clips.items[0].group == "DAVIS/bear"
    assert Counter(item.kind for item in find([root], ["image", "video"]).items) == {"image": 12, "video": 4}
    one = root / "JPEGImages" / "480p" / "bear"
    assert [item.path for item in find([one], ["video"]).items] == [one]


def test_gtzan_excerpts_are_their_own_groups(tmp_path):
    found = find([gtzan(tmp_path)], ["audio"])
    assert groups(found) == dict.fromkeys(
        ("GTZAN/blues.00000", "GTZAN/blues.00001", "GTZAN/jazz.00000", "GTZAN/jazz.00001"), 1
    )
    with pytest.raises(InputError, match="no pictures"):  # those in images_original are of spectra
        find([tmp_path], ["image"])


def test_stanford_models_are_grouped_over_resolutions_and_scans_left_out(tmp_path):
    found = find([stanford(tmp_path)], ["shape"])
    assert groups(found) == {"Stanford 3-D/Bunny": 2, "Stanford 3-D/Dragon": 1}


def test_several_sets_in_one_folder_and_a_plain_one(tmp_path):
    for make in (timit, librispeech, voc, imagenet, davis, gtzan, stanford):
        make(tmp_path)
    touch(tmp_path / "holiday" / "beach_0.jpg")
    touch(tmp_path / "holiday" / "beach_1.PNG")
    found = find([tmp_path], ["image", "audio", "shape"])
    plain = f"folder {tmp_path.name}"
    sets = {"TIMIT": 4, "LibriSpeech": 3, "Pascal VOC": 4, "ImageNet": 5, "DAVIS": 12, "GTZAN": 4, "Stanford 3-D": 3}
    assert found.counts() == {**sets, plain: 2}
    assert {item.group for item in found.items if item.label == plain} == {""}  # by content, which is not yet known


# --- the media pack ------------------------------------------------------------------------------------------


def test_of_the_whole_media_pack_only_the_training_folders_are_taken(tmp_path):
    root = media_pack(tmp_path / "data")
    for given in (root, tmp_path):
        found = find([given], ["image", "audio"])
        assert found.counts() == {"media pack images/train": 3, "media pack speech/train": 1}
    assert {Path(item.name).name for item in find([root / "images"], ["image"]).items} == {
        "a_0.jpg",
        "a_1.jpg",
        "b_0.jpg",
    }


def test_the_other_folders_of_the_media_pack_are_taken_when_given_by_name(tmp_path):
    root = media_pack(tmp_path)
    assert find([root / "images" / "train-research"], ["image"]).counts() == {"media pack images/train-research": 1}
    assert groups(find([root / "images" / "faces"], ["image"])) == {"github:o/f:Faces_easy": 2}
    assert groups(find([root / "test"], ["image"])) == {"github:o/t:t.png": 1, "github:o/v:clip.mp4": 2}
    assert [item.name for item in find([root / "test"], ["video"]).items] == ["video/clip"]
    both = find([root, root / "images" / "faces"], ["image"])
    assert len(both.items) == 5


def test_crops_of_one_photograph_are_a_group_and_speakers_are_named_as_in_librispeech(tmp_path):
    found = find([media_pack(tmp_path)], ["image", "audio"])
    assert named(found) == {
        "images/train/a_0.jpg": "github:o/photos:beach.jpg",
        "images/train/a_1.jpg": "github:o/photos:beach.jpg",
        "images/train/b_0.jpg": "github:o/photos:town.jpg",
        "speech/train/103-1240-0000.flac": "LibriSpeech/103",
    }
    assert [item.licence for item in found.items] == ["CC0", "CC0", "CC BY 4.0, Some Body", "CC BY 4.0"]
    assert found.items[0].source == "github:o/photos"


def test_a_table_of_another_make_is_no_media_pack(tmp_path):
    touch(tmp_path / "SOURCES.tsv", "name\twhere\n")
    touch(tmp_path / "MANIFEST.md")
    touch(tmp_path / "test" / "a.png")
    assert find([tmp_path], ["image"]).counts() == {f"folder {tmp_path.name}": 1}
    touch(tmp_path / "SOURCES.tsv", b"")
    assert len(find([tmp_path], ["image"]).items) == 1
    touch(tmp_path / "SOURCES.tsv", HEAD + "short\trow\n\xff\n")
    with pytest.raises(InputError, match="no pictures"):
        find([tmp_path], ["image"])


@pytest.mark.data
@pytest.mark.skipif(not PACK.is_dir(), reason="the media pack is not here")
def test_the_real_media_pack_has_the_groups_its_manifest_tells_of():
    found = find([PACK], ["image", "audio"])
    assert found.counts() == {"media pack images/train": 1288, "media pack speech/train": 91}
    crops = Counter(item.group for item in found.of_kind("image"))
    assert len(crops) == 452 + 279  # photographs that were cut up, and those that were not
    assert all(item.licence and item.source for item in found.items)
    held = {item.group for item in find([PACK / "test" / "speech"], ["audio"]).items}
    speakers = {item.group for item in found.of_kind("audio")}
    assert (len(held), len(speakers)) == (10, 91) and not held & speakers


# --- order, links, odd names ---------------------------------------------------------------------------------


def test_the_order_does_not_depend_on_the_system_nor_on_how_folders_are_given(tmp_path, monkeypatch):
    for name in ("b.png", "a.png", "c/a.png", "B.png", "c-d/z.png"):
        touch(tmp_path / name)
    expected = ["B.png", "a.png", "b.png", "c-d/z.png", "c/a.png"]
    assert [item.name for item in find([tmp_path], ["image"]).items] == expected
    listed = sources._listed
    monkeypatch.setattr(sources, "_listed", lambda path: tuple(each[::-1] for each in listed(path)))
    assert [item.name for item in find([tmp_path], ["image"]).items] == expected
    monkeypatch.undo()
    assert len(find([tmp_path, tmp_path / "c", tmp_path], ["image"]).items) == 5


def test_links_in_circles_pipes_and_hidden_files_do_no_harm(tmp_path):
    touch(tmp_path / "a.png")
    touch(tmp_path / ".hidden.png")
    touch(tmp_path / ".cache" / "b.png")
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe.png")
    assert [item.name for item in find([tmp_path], ["image"]).items] == ["a.png"]


def test_odd_names_survive(tmp_path):
    odd = ["new\nline.png", "-rf.png", os.fsdecode(b"\xff\xfe.png"), "a\tb.jpg", "ü .JPG"]
    for name in odd:
        touch(tmp_path / name)
    found = find([tmp_path], ["image"])
    assert {item.name for item in found.items} == set(odd)
    assert all(item.path.read_bytes() == b"x" for item in found.items)
    (tmp_path / "x").mkdir()
    with pytest.raises(InputError) as caught:
        find([tmp_path / "new\nline.png"], ["image"])
    assert "\n" not in str(caught.value)


def test_folders_that_cannot_be_listed_are_told_of(tmp_path, monkeypatch):
    touch(tmp_path / "a.png")
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "no")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    found = find([tmp_path], ["image"])
    assert found.unreadable == (tmp_path / "locked",) and "cannot be listed" in found.describe()
    with pytest.raises(InputError, match="locked: cannot be listed"):
        find([tmp_path / "locked"], ["image"])


def test_a_deep_tree_is_walked_to_its_end(tmp_path):
    deep = tmp_path.joinpath(*["d"] * 60)
    touch(deep / "a.png")
    assert len(find([tmp_path], ["image"]).items) == 1


# --- nothing, or the wrong thing -----------------------------------------------------------------------------


def test_nothing_usable_says_what_was_expected_and_what_is_there(tmp_path):
    with pytest.raises(InputError, match=r"no pictures here; expected pictures .* any folder") as caught:
        find([tmp_path], ["image"])
    assert str(tmp_path) in str(caught.value) and caught.value.exit_code == 3
    touch(tmp_path / "a.wav")
    touch(tmp_path / "b.flac")
    touch(tmp_path / "c.tar")
    with pytest.raises(
        InputError, match=r"no pictures here; found 2 sounds, 1 archive\(s\), to be unpacked first instead"
    ):
        find([tmp_path], ["image"])


def test_each_kind_must_be_somewhere_and_each_folder_must_give_something(tmp_path):
    touch(tmp_path / "p" / "a.png")
    touch(tmp_path / "s" / "a.wav")
    (tmp_path / "e").mkdir()
    assert len(find([tmp_path / "p", tmp_path / "s"], ["audio", "image"]).items) == 2
    with pytest.raises(InputError, match=r"no sounds here; found 1 picture instead"):
        find([tmp_path / "p"], ["audio", "image"])
    with pytest.raises(InputError, match=r"/e: no pictures here"):
        find([tmp_path / "p", tmp_path / "e"], ["image"])


def test_missing_folders_files_and_unknown_kinds_are_refused(tmp_path):
    path = touch(tmp_path / "a.png")
    with pytest.raises(InputError, match="no such folder"):
        find([tmp_path / "b"], ["image"])
    with pytest.raises(InputError, match="a file; give the folder"):
        find([path], ["image"])
    with pytest.raises(InputError, match="cannot be listed"):
        find(["a\0b"], ["image"])
    for kinds in ([], ["pictures"], "image"):
        with pytest.raises(UsageError, match="expected some of image, audio, video, shape"):
            find([tmp_path], kinds)
    with pytest.raises(UsageError, match="no folder"):
        find([], ["image"])


def test_facts_are_complete():
    assert {layout.label for layout in sources.TABLE} == set(layouts.TERMS)
    assert set(origins.FOR_TRAINING) == {"images/train", "speech/train"}
