"""Names in the official archives of data sets: what recognises them on disk, and on what terms they come.

    TIMIT/TRAIN/DR1/FCJF0/SA1.WAV        SPEAKER / SENTENCE          LibriSpeech/test-clean/61/70968/61-70968-0000.flac
    VOC2012/JPEGImages/2007_000027.jpg   VOC_PICTURE                 train/n01440764/n01440764_18.JPEG    SYNSET
    JPEGImages/480p/bear/00000.jpg       FRAME                       genres/blues/blues.00000.wav         EXCERPT

Facts and pure functions only. Who walks through folders, and what for, is another matter: `sources` looks for files to
learn from, `doctor --data` for what is wrong with a set. Owners and terms at length: docs/datasets.md.
"""

import re
from pathlib import Path
from types import MappingProxyType

from ..errors import InputError
from ..media import audio_file, files, image_file, shape_file, video_file

PICTURES = frozenset((*image_file.SUFFIXES, ".gif"))
SOUNDS = frozenset((*audio_file.SUFFIXES, ".au"))
SHAPES = frozenset(shape_file.SUFFIXES)
VIDEOS = frozenset(video_file.SUFFIXES) - PICTURES
"""Suffixes of the files of each kind, in lower case; that of AU is there so that its files are told of."""

MASKS = ("Annotations", "Annotations_unsupervised", "SegmentationClass", "SegmentationObject")
PASSED_OVER = frozenset((*MASKS, "__MACOSX", "images_original"))  # the last: pictures of spectra, in copies of GTZAN
"""Folders whose pictures are none to learn from."""

SPEAKER = re.compile(r"[fm][a-z]{3}\d", re.IGNORECASE)
REGION = re.compile(r"dr[1-8]", re.IGNORECASE)
SENTENCE = re.compile(r"(s[aix]\d{1,4})\.(wav|flac)(\.wav)?", re.IGNORECASE)
"""TIMIT: folders of speakers and of dialect regions, and files. Some copies keep a RIFF file beside each original."""

UTTERANCE = re.compile(r"\d+-\d+-\d{4}\.(flac|wav)", re.IGNORECASE)
"""LibriSpeech: speaker, chapter, number."""

VOC_PICTURE = re.compile(r"(\d{4}_)?\d{6}\.jpe?g", re.IGNORECASE)
VOC_LISTS = ("train", "val", "test")
"""Pascal VOC: files in JPEGImages, and the lists of names in ImageSets/Main."""

SYNSET = re.compile(r"n\d{8}")
FLAT = re.compile(r"ILSVRC\d{4}_(val|test)_\d{8}\.jpe?g", re.IGNORECASE)
"""ImageNet: folders of classes, and files of the parts that are not sorted into classes."""

FRAME = re.compile(r"\d{5}\.(jpe?g|png)", re.IGNORECASE)
DAVIS_LISTS = ("2017", "2016", "480p", "1080p")
"""DAVIS: frames, and where in ImageSets the lists are; the last two hold names of frames instead of clips."""

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
EXCERPT = re.compile(r"([a-z]+)\.\d{5}\.(wav|au|mp3|flac|ogg)", re.IGNORECASE)
"""GTZAN: folders and files."""

MODELS = MappingProxyType(
    {
        "bun_zipper": "Bunny",
        "dragon_vrip": "Dragon",
        "happy_vrip": "Happy Buddha",
        "armadillo": "Armadillo",
        "lucy": "Lucy",
        "drill_shaft_vrip": "Drill",
        "xyzrgb_dragon": "Asian Dragon",
        "xyzrgb_statuette": "Thai Statuette",
    }
)
MODEL = re.compile(rf"({'|'.join(MODELS)})(_res[234])?\.ply(\.gz)?", re.IGNORECASE)
"""The Stanford repository: files, each model in up to four resolutions."""

TERMS = MappingProxyType(
    {
        "TIMIT": "LDC agreement",
        "LibriSpeech": "CC BY 4.0",
        "Pascal VOC": "photographs under Flickr's terms; research",
        "ImageNet": "non-commercial research and education",
        "DAVIS": "not clear; research",
        "GTZAN": "none stated; music of others",
        "Stanford 3-D": "free for research; not commercial without permission",
    }
)
"""What a set's owner allows, in a few words, for the card of a model that has learnt from it."""

_TEXT = 1 << 22  # bytes of a list of names that are read


def lines(path: Path) -> list[str]:
    """Return the lines of a list that have something on them; none when it cannot be read."""
    try:
        text = files.read_head(path, _TEXT).decode("utf-8", "replace")
    except InputError:
        return []
    return [line for line in text.splitlines() if line.strip()]


def clips(path: Path) -> set[str]:
    """Return the clips that a list of DAVIS names, be it by their frames."""
    firsts = (line.split()[0] for line in lines(path))
    return {Path(first).parent.name if "/" in first else first for first in firsts}


def foreign_sound(head: bytes) -> str:
    """Return what to do about a sound of a form that data sets come in and that is not read here; "" for others."""
    if head.startswith(b"NIST_1A"):
        return (
            "a NIST SPHERE file, as in the original archive, which cannot be read here; convert all of them "
            "to RIFF WAV, for example with SoX or sph2pipe"
        )
    if head.startswith(b".snd"):
        return "an AU file, which cannot be read here; convert all of them to WAV, say with SoX"
    return ""
