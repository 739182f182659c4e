"""Data sets are recognised from miniature trees in the layout of the official archives, whole and broken."""

import os
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image as Pil

from intarsia.engine import layouts
from intarsia.errors import InputError
from intarsia.study import datasets
from intarsia.study.datasets import recognise, report

SPHERE = "NIST_1A\n   1024\nchannel_count -i 1\nsample_rate -i 16000\nsample_n_bytes -i 2\nend_head\n".ljust(
    1024
).encode()
PLY = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
PLY += "element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"


# --- makers of trees -----------------------------------------------------------------------------------------


def picture(path, form=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Pil.new("RGB", (4, 4), (90, 120, 30)).save(path, format=form)
    return path


def sound(path, rate=16_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".flac":
        soundfile.write(path, np.zeros(32, np.int16), rate)
    else:
        with wave.open(str(path), "wb") as stream:
            stream.setparams((1, 2, rate, 0, "NONE", ""))
            stream.writeframes(bytes(64))
    return path


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def timit(top, make=sound):
    for split, region, speaker in (("TRAIN", "DR1", "FCJF0"), ("TRAIN", "DR8", "MTCS0"), ("TEST", "DR1", "FAKS0")):
        for sentence in ("SA1", "SI648", "SX37"):
            make(top / "TIMIT" / split / region / speaker / f"{sentence}.WAV")
            text(top / "TIMIT" / split / region / speaker / f"{sentence}.PHN", "0 9640 h#\n")
    text(top / "TIMIT" / "DOC" / "TESTSET.DOC", "x")
    return top / "TIMIT"


def sphere(path):
    return text(path, SPHERE + bytes(64))


def librispeech(top):
    for split, speaker in (("test-clean", "1089"), ("test-clean", "61"), ("dev-other", "116")):
        for number in range(2):
            sound(top / "LibriSpeech" / split / speaker / "134686" / f"{speaker}-134686-{number:04}.flac")
        text(top / "LibriSpeech" / split / speaker / "134686" / f"{speaker}-134686.trans.txt", "HE HOPED\n")
    text(top / "LibriSpeech" / "README.TXT", "x")
    return top / "LibriSpeech"


def voc(top):
    root = top / "VOCdevkit" / "VOC2012"
    for name in ("2007_000027", "2007_000032", "2008_000002"):
        picture(root / "JPEGImages" / f"{name}.jpg")
    picture(root / "SegmentationClass" / "2007_000032.png")
    text(root / "Annotations" / "2007_000027.xml", "<annotation/>")
    text(root / "ImageSets" / "Main" / "train.txt", "2008_000002\n2007_000027\n")
    text(root / "ImageSets" / "Main" / "val.txt", "2007_000032\n\n")
    return root


def imagenet(top):
    base = top / "ILSVRC" / "Data" / "CLS-LOC"
    for wordnet in ("n01440764", "n01443537"):
        for number in (18, 36):
            picture(base / "train" / wordnet / f"{wordnet}_{number}.JPEG", "JPEG")
    picture(base / "val" / "ILSVRC2012_val_00000001.JPEG", "JPEG")
    picture(base / "test" / "ILSVRC2012_test_00000001.JPEG", "JPEG")
    text(top / "ILSVRC" / "Annotations" / "CLS-LOC" / "val" / "ILSVRC2012_val_00000001.xml", "<annotation/>")
    return top / "ILSVRC"


def davis(top, frames=16):
    for clip in ("bear", "blackswan"):
        for number in range(frames):
            picture(top / "DAVIS" / "JPEGImages" / "480p" / clip / f"{number:05}.jpg")
            picture(top / "DAVIS" / "Annotations" / "480p" / clip / f"{number:05}.png")
    text(top / "DAVIS" / "ImageSets" / "2017" / "train.txt", "bear\n")
    text(top / "DAVIS" / "ImageSets" / "2017" / "val.txt", "blackswan\n")
    return top / "DAVIS"


def gtzan(top, root="genres"):
    for genre in layouts.GENRES:
        for number in (0, 54):
            sound(top / root / genre / f"{genre}.{number:05}.wav", 22_050)
    return top / root


def stanford(top):
    text(top / "dragon_recon" / "dragon_vrip.ply", PLY)
    text(top / "dragon_recon" / "dragon_vrip_res4.ply", PLY)
    text(top / "bunny" / "reconstruction" / "bun_zipper.ply", PLY)
    text(top / "bunny" / "data" / "bun000.ply", PLY)
    return top


def kodak(top, numbers=range(1, 25)):
    for number in numbers:
        picture(top / "kodak" / f"kodim{number:02}.png")
    return top / "kodak"


MAKERS = {
    "TIMIT": timit,
    "LibriSpeech": librispeech,
    "Pascal VOC": voc,
    "ImageNet": imagenet,
    "DAVIS": davis,
    "GTZAN": gtzan,
    "Kodak": kodak,
}
COUNTS = {
    "TIMIT": {"speakers": 3, "utterances": 9, "train utterances": 6, "test utterances": 3},
    "LibriSpeech": {"speakers": 3, "utterances": 6, "dev-other utterances": 2, "test-clean utterances": 4},
    "Pascal VOC": {"pictures": 3, "train pictures": 2, "val pictures": 1},
    "ImageNet": {"classes": 2, "pictures": 6, "train pictures": 4, "val pictures": 1, "test pictures": 1},
    "DAVIS": {"clips": 2, "480p frames": 32, "train clips": 1, "val clips": 1},
    "GTZAN": {"genres": 10, "clips": 20},
    "Kodak": {"pictures": 24},
}


def only(folder):
    (found,) = recognise(folder)
    return found


def said(found, *fragments):
    told = " ".join(found.remarks)
    assert all(fragment in told for fragment in fragments), told


# --- whole ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MAKERS)
def test_a_set_is_recognised_from_its_own_folder_and_from_the_one_that_holds_it(name, tmp_path):
    root = MAKERS[name](tmp_path)
    for given in (root, tmp_path, str(tmp_path)):
        found = only(given)
        assert (found.name, found.path, dict(found.what), found.ok) == (name, root, COUNTS[name], True)
    # Miniatures are far from whole, and that is told; Kodak's is whole.
    assert bool(found.remarks) == (name != "Kodak")


def test_missing_official_counts_are_told(tmp_path):
    said(only(timit(tmp_path)), "train utterances: 6 of the 4,620", "test utterances: 3 of the 1,680")
    said(only(librispeech(tmp_path / "b")), "test-clean utterances: 4 of the 2,620")
    said(only(voc(tmp_path / "c")), "pictures: 3 of the 17,125")
    said(only(imagenet(tmp_path / "d")), "classes: 2 of the 1,000", "train pictures: 4 of the 1,281,167")
    said(only(davis(tmp_path / "e")), "clips: 2; the official archives have 50")
    said(only(gtzan(tmp_path / "f")), "clips: 20 of the 1,000")
    said(only(kodak(tmp_path / "g", (1, 2, 5))), "missing: kodim03.png, kodim04.png, kodim06.png and 18 more")


def test_the_models_of_the_stanford_repository(tmp_path):
    dragon, bunny = sorted(recognise(stanford(tmp_path)), key=lambda found: found.path.name, reverse=True)
    assert (dragon.path, dict(dragon.what)) == (
        tmp_path / "dragon_recon",
        {"models": 1, "meshes": 2, "Dragon triangles": 1},
    )
    assert (bunny.path, dict(bunny.what)) == (tmp_path / "bunny", {"models": 1, "meshes": 1, "Bunny triangles": 1})
    assert dragon.ok and bunny.ok and dragon.name == bunny.name == "Stanford 3-D"
    assert only(tmp_path / "bunny").path == tmp_path / "bunny"


def test_several_sets_in_one_folder_each_tell_their_own(tmp_path):
    for make in (*MAKERS.values(), stanford):
        make(tmp_path)
    picture(tmp_path / "holiday" / "beach.jpg")
    found = recognise(tmp_path)
    assert {each.name for each in found} == {*MAKERS, "Stanford 3-D", "folder of pictures"}
    assert {each.name: dict(each.what) for each in found if each.name in COUNTS} == COUNTS
    assert found[-1].path == tmp_path / "holiday"
    assert all(each.ok for each in found)


def test_plain_folders_are_counted_by_suffix(tmp_path):
    for number in range(3):
        picture(tmp_path / "images" / "train" / f"a_{number:04}.jpg")
        sound(tmp_path / "speech" / "train" / f"103-1240-{number:04}.flac")
    picture(tmp_path / "images" / "train" / "b.PNG", "PNG")
    kodak(tmp_path / "test" / "images")
    text(tmp_path / "test" / "shapes" / "own.ply", PLY)
    text(tmp_path / "MANIFEST.md", "x")
    found = {(each.name, str(each.path.relative_to(tmp_path))): dict(each.what) for each in recognise(tmp_path)}
    assert found == {
        ("Kodak", "test/images/kodak"): {"pictures": 24},
        ("folder of pictures", "images/train"): {".jpg": 3, ".png": 1},
        ("folder of sounds", "speech/train"): {".flac": 3},
        ("folder of shapes", "test/shapes"): {".ply": 1},
    }


def test_many_plain_folders_are_put_together(tmp_path):
    for number in range(datasets.MAX_GROUPS + 5):
        picture(tmp_path / "classes" / f"class-{number}" / "a.png")
    picture(tmp_path / "b.png")
    top, classes = recognise(tmp_path)
    assert (top.path, dict(top.what)) == (tmp_path, {".png": 1})
    assert (classes.path, dict(classes.what)) == (tmp_path / "classes", {".png": 25, "folders": 25})


# --- other layouts in circulation ----------------------------------------------------------------------------


def test_lower_case_and_deeper_folders(tmp_path):
    sound(tmp_path / "data" / "timit" / "train" / "dr1" / "fcjf0" / "sa1.wav")
    found = only(tmp_path)
    assert (found.name, found.path) == ("TIMIT", tmp_path / "data" / "timit")
    assert found.what["train utterances"] == 1


def test_sphere_files_are_told_of_once_and_riff_twins_are_taken_instead(tmp_path):
    root = timit(tmp_path, sphere)
    found = only(root)
    assert found.what["utterances"] == 9 and not found.ok
    assert sum("NIST SPHERE" in remark for remark in found.remarks) == 1
    said(found, "sph2pipe")
    for path in list(root.rglob("*.WAV")):
        sound(Path(f"{path}.wav"))
    found = only(root)
    assert found.what["utterances"] == 9 and found.ok


def test_validation_pictures_sorted_into_classes(tmp_path):
    picture(tmp_path / "imagenet" / "train" / "n01440764" / "a.JPEG", "JPEG")
    picture(tmp_path / "imagenet" / "val" / "n01440764" / "ILSVRC2012_val_00000293.JPEG", "JPEG")
    found = only(tmp_path)
    assert found.path == tmp_path / "imagenet"
    assert dict(found.what) == {"classes": 1, "pictures": 2, "train pictures": 1, "val pictures": 1}


def test_imagenet_classes_that_are_still_packed(tmp_path):
    text(tmp_path / "train" / "n01440764.tar", "x")
    text(tmp_path / "train" / "n01443537.tar", "x")
    found = recognise(tmp_path)[0]
    assert (found.name, dict(found.what), found.ok) == ("ImageNet", {"packed classes": 2}, False)
    said(found, "unpack each")


def test_davis_2016_lists_name_frames(tmp_path):
    root = davis(tmp_path)
    for name in ("train.txt", "val.txt"):
        (root / "ImageSets" / "2017" / name).unlink()
    lines = [f"/JPEGImages/480p/bear/{n:05}.jpg /Annotations/480p/bear/{n:05}.png" for n in range(9)]
    text(root / "ImageSets" / "480p" / "train.txt", "\n".join(lines))
    found = only(root)
    assert found.what["train clips"] == 1 and "val clips" not in found.what


def test_copies_of_gtzan(tmp_path):
    root = gtzan(tmp_path / "Data", "genres_original")
    picture(tmp_path / "Data" / "images_original" / "blues" / "blues00000.png")
    text(root / "jazz" / "jazz.00054.wav", "not a sound")
    found = only(tmp_path)
    assert (found.path, found.what["clips"]) == (root, 20)
    said(found, "jazz.00054.wav is damaged, as in many copies; leave it out")
    text(tmp_path / "au" / "blues" / "blues.00000.au", b".snd" + bytes(40))
    found = only(tmp_path / "au")
    assert not found.ok
    said(found, "AU file", "genres that are missing: classical, country")


def test_a_model_that_is_still_packed(tmp_path):
    text(tmp_path / "Armadillo.ply.gz", b"\x1f\x8b")
    found = only(tmp_path)
    assert (found.name, found.ok, found.what["meshes"]) == ("Stanford 3-D", False, 0)
    said(found, "still packed: Armadillo.ply.gz; unpack with gunzip")


# --- broken, or the wrong folder -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("TIMIT", "TRAIN"),
        ("TIMIT", "TRAIN/DR1"),
        ("TIMIT", "TRAIN/DR1/FCJF0"),
        ("LibriSpeech", "test-clean"),
        ("Pascal VOC", "JPEGImages"),
        ("ImageNet", "Data/CLS-LOC"),
        ("ImageNet", "Data/CLS-LOC/train/n01440764"),
        ("DAVIS", "JPEGImages/480p"),
        ("DAVIS", "JPEGImages/480p/bear"),
        ("GTZAN", "blues"),
    ],
)
def test_from_inside_a_set_the_right_folder_is_named(name, part, tmp_path):
    root = MAKERS[name](tmp_path)
    found = only(root / part)
    assert (found.name, found.ok) == (name, False)
    assert found.remarks == (f"only a part of it is below the folder that was given; give {root} or what holds it",)


@pytest.mark.parametrize("name", MAKERS)
def test_empty_and_unreadable_files_make_a_set_bad(name, tmp_path):
    root = MAKERS[name](tmp_path)
    media = sorted(
        path for path in root.rglob("*") if path.suffix.lower() in (".wav", ".flac", ".jpg", ".jpeg", ".png")
    )
    media = [path for path in media if not {"Annotations", "SegmentationClass"} & set(path.parts)]
    media[1].write_bytes(b"")
    found = only(tmp_path)
    assert not found.ok
    said(found, "1 empty", media[1].name)
    for path in media:
        path.write_bytes(b"<html>quota exceeded</html>")
    found = only(tmp_path)
    assert not found.ok
    said(found, "not a picture" if media[0].suffix.lower() in (".jpg", ".jpeg", ".png") else "not a sound")


def test_a_picture_with_a_damaged_head_and_a_broken_model(tmp_path):
    text(tmp_path / "a" / "a.png", b"\x89PNG\r\n\x1a\n" + bytes(30))
    text(tmp_path / "b" / "dragon_vrip.ply", "ply was here")
    model, plain = recognise(tmp_path)
    assert (model.ok, plain.ok) == (False, False)
    said(model, "not a shape")
    said(plain, "damaged picture")


def test_a_rate_that_is_not_the_original_one_is_told_and_does_no_harm(tmp_path):
    sound(tmp_path / "LibriSpeech" / "test-clean" / "61" / "70968" / "61-70968-0000.flac", 8000)
    found = only(tmp_path)
    assert found.ok
    said(found, "8,000 Hz; the original has 16,000 Hz")


def test_missing_lists_and_short_clips(tmp_path):
    root = davis(tmp_path, frames=15)
    for name in ("train.txt", "val.txt"):
        (root / "ImageSets" / "2017" / name).unlink()
    said(only(root), "clips of fewer than 16 frames: bear, blackswan", "ImageSets is missing")
    root = voc(tmp_path / "b")
    (root / "ImageSets" / "Main" / "train.txt").unlink()
    said(only(root), "ImageSets/Main/train.txt is missing")


def test_an_empty_folder_and_one_of_other_files_say_what_was_expected(tmp_path):
    found = only(tmp_path)
    assert (found.name, found.ok, dict(found.what)) == ("nothing recognised", False, {})
    said(found, "no files at all", "VOCdevkit/VOC2012/JPEGImages", "any folder of pictures or sounds")
    text(tmp_path / "a.parquet", "x")
    said(only(tmp_path), "only files of other kinds: 1 .parquet")
    text(tmp_path / "VOCtrainval_11-May-2012.tar", "x")
    said(only(tmp_path), "still packed: VOCtrainval_11-May-2012.tar; unpack first")


def test_a_file_and_a_folder_that_is_not_there_are_refused(tmp_path):
    path = picture(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png: a file; give the folder"):
        recognise(path)
    with pytest.raises(InputError, match="no such folder"):
        recognise(tmp_path / "b")
    with pytest.raises(InputError, match="cannot be listed"):
        recognise("a\0b")


# --- hostile trees -------------------------------------------------------------------------------------------


def test_links_in_circles_and_to_nowhere_do_no_harm(tmp_path):
    root = kodak(tmp_path)
    (root / "again").symlink_to(tmp_path, target_is_directory=True)
    (root / "nowhere").symlink_to(tmp_path / "gone")
    (root / "itself").symlink_to(root / "itself")
    assert only(tmp_path).what == {"pictures": 24}
    assert only(root / "again").what == {"pictures": 24}
    with pytest.raises(InputError):
        recognise(root / "itself")


def test_a_set_behind_a_link_is_found_where_the_link_is(tmp_path):
    voc(tmp_path / "disk")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "voc").symlink_to(tmp_path / "disk" / "VOCdevkit", target_is_directory=True)
    found = only(tmp_path / "data")
    assert (found.path, found.ok) == (tmp_path / "data" / "voc" / "VOC2012", True)


def test_folders_that_cannot_be_listed_are_told_of(tmp_path, monkeypatch):
    kodak(tmp_path)
    (tmp_path / "secret").mkdir()
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "secret":
            raise PermissionError(13, "no")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    pictures, refused = recognise(tmp_path)
    assert pictures.ok and not refused.ok
    assert (refused.name, dict(refused.what)) == ("unreadable folders", {"folders": 1})
    said(refused, str(tmp_path / "secret"))


def test_the_number_of_entries_is_bounded_and_that_is_said(tmp_path):
    kodak(tmp_path)
    (found,) = recognise(tmp_path, limit=10)
    assert found.what == {"pictures": 9}
    assert found.remarks == (
        "only the first 10 files and folders were looked at: there may be more than is counted here",
    )
    (whole,) = recognise(tmp_path, limit=25)  # one folder, 24 files
    assert not whole.remarks
    (nothing,) = recognise(tmp_path, limit=1)
    said(nothing, "only the first 1 files")


def test_a_pipe_named_as_a_picture_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert only(tmp_path).name == "nothing recognised"


def test_no_more_than_a_few_files_are_opened(tmp_path, monkeypatch):
    timit(tmp_path)
    opened = []
    look = datasets._look
    monkeypatch.setattr(datasets, "_look", lambda path: opened.append(path) or look(path))
    recognise(tmp_path)
    assert len(opened) == 3


# --- the report ----------------------------------------------------------------------------------------------


def test_the_report_is_what_doctor_prints(tmp_path):
    kodak(tmp_path)
    timit(tmp_path, sphere)
    speech, pictures = report(tmp_path).checks
    assert (pictures.what, pictures.ok) == ("Kodak", True)
    assert pictures.found == f"{tmp_path / 'kodak'}; pictures 24"
    assert (speech.what, speech.ok) == ("TIMIT", False)
    assert "\n" not in speech.found
    assert not report(tmp_path).healthy
    assert report(tmp_path / "kodak").healthy


def test_names_with_control_characters_are_escaped(tmp_path):
    picture(tmp_path / "new\nline" / "a.png")
    (check,) = report(tmp_path).checks
    assert "\n" not in check.found and r"new\nline" in check.found
