"""Video files and folders of frames: a path or bytes to `Video`, and frames to a file.

    MP4, MOV, MKV, WEBM, AVI ───► video_decode (FFmpeg) ──┐
    GIF of several frames ──────► video_decode (Pillow) ──┼─► Video ──► encode ──────► file
    folder of pictures ─────────► image_file, one by one ─┘         ──► save_frames ─► 000.png, 001.png, ...

The kind of file is read from its content. Only frames and their rate are kept: sound, subtitles, title, camera, place
and comments of the original are dropped. GIF and folders need nothing but Pillow; the rest needs PyAV.
"""

import io
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pil

from ..errors import InputError, OutputError, ResourceError, UsageError
from . import image_file, video_decode
from .files import PathLike, folder_for_outputs, shown, write_output
from .image import Image
from .video import DEFAULT_RATE, MAX_RATE, MAX_SAMPLES, Frames, Video
from .video_decode import UnsupportedVideoError
from .wav import Memory, Source, open_disk

__all__ = ["HEAD", "LOSSLESS_SUFFIXES", "READABLE", "SUFFIXES", "UnsupportedVideoError"]
__all__ += ["decode", "encode", "form_of", "is_video", "load", "save_frames"]

READABLE = ("MP4", "MOV", "MKV", "WEBM", "AVI", "GIF")
LOSSLESS_SUFFIXES = {".mkv": "MKV", ".webm": "WEBM", ".avi": "AVI"}
LOSSY_SUFFIXES = {".mp4": "MP4", ".m4v": "MP4", ".mov": "MOV", ".gif": "GIF"}
SUFFIXES = LOSSLESS_SUFFIXES | LOSSY_SUFFIXES

HEAD = 4096
"""Bytes that tell what a file is; of a GIF all are needed, because only they tell how many frames there are."""

FRAME_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""What is taken for a frame in a folder."""

MP4_STEP = 4
"""Quantiser of H.264 in MP4 and MOV: some 46 dB, which nobody sees; players show 4:4:4 (exact RGB hardly any does)."""

_STILLS = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"jpeg", b"crx ")
_SOUNDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ")
_JPEG_2000 = (b"jp2 ", b"jpx ", b"jpm ", b"jxl ")
_QUICKTIME_BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_GIF_FASTEST = 50  # frames in one second beyond which players slow down
_ENCODERS: dict[str, tuple[str, str, dict[str, str]]] = {  # codec, kind of pixels, options
    "MP4": ("libx264", "yuv444p", {"qp": str(MP4_STEP), "tune": "psnr"}),
    "MOV": ("libx264", "yuv444p", {"qp": str(MP4_STEP), "tune": "psnr"}),
    "MKV": ("ffv1", "bgr0", {"level": "3", "slicecrc": "1", "coder": "1", "context": "1"}),
    "AVI": ("ffv1", "bgr0", {"level": "3", "slicecrc": "1", "coder": "1", "context": "1"}),
    "WEBM": ("libvpx-vp9", "gbrp", {"lossless": "1", "deadline": "good", "cpu-used": "4"}),
}
_MUXERS = {"MP4": "mp4", "MOV": "mov", "MKV": "matroska", "AVI": "avi", "WEBM": "webm"}


# --- in ------------------------------------------------------------------------------------------------------


def load(path: PathLike, *, rate: Fraction | None = None) -> Video:
    """Read a video file, or a folder of frames.

    Args:
        path: an MP4, MOV, MKV, WEBM, AVI or animated GIF file, whatever its suffix; or a folder with pictures of one
            size, in the order of the numbers in their names.
        rate: frames in one second; None is what the file says, and 24 for a folder.

    Raises:
        InputError: missing, not a video, truncated, damaged, pictures of several sizes.
        UnsupportedVideoError: a video file without a moving picture that can be read.
        ResourceError: more than 2^30 samples, or no room for temporary files.
        UsageError: PyAV is not installed, and this is neither a GIF nor a folder; or the rate is none.
    """
    _check_rate(rate)
    # Not Path.is_dir, which raises where the name is too long.
    if os.path.isdir(path):  # noqa: PTH112
        return _load_folder(path, rate)
    video = replace(_decode(open_disk(path), shown(path)), name=Path(path).name, file=Path(path))
    if rate is not None:
        video = replace(video, rate=rate)
    said = SUFFIXES.get(Path(path).suffix.lower(), video.format)
    if said != video.format and {said, video.format} != {"MP4", "MOV"}:
        return replace(video, notes=(*video.notes, f"{shown(path)} is a {video.format} file by its content"))
    return video


def decode(data: bytes, name: str = "", *, shown_as: str = "") -> Video:
    """Decode the bytes of a video file; see `load`."""
    return replace(_decode(Memory(data), shown_as or shown(name) or "video"), name=name, file=data)


def is_video(data: bytes) -> bool:
    """Whether these bytes begin a video that `decode` reads; `HEAD` of them are enough, of a GIF all are needed."""
    return bool(form_of(data))


def form_of(data: bytes) -> str:
    """Return which of `READABLE` the bytes begin, or "" for anything else: still pictures and sounds among them."""
    kind, brand = data[4:8], data[8:12]
    if kind == b"ftyp" and len(brand) == 4:
        if brand in (*_STILLS, *_SOUNDS, *_JPEG_2000):
            return ""
        return "MOV" if brand == b"qt  " else "MP4"
    # Four letters are met by chance, and a file that begins with a box larger than 16 MiB has it behind "ftyp".
    if kind in _QUICKTIME_BOXES and (data[:1] == b"\0" or data[:4] == b"\0\0\0\1"):
        return "MOV"
    if data.startswith(_EBML):
        return "WEBM" if b"\x42\x82\x84webm" in data[:64] else "MKV"
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return "AVI"
    return "GIF" if next(itertools.islice(_gif_frames(data), 1, None), 0) else ""


def _decode(source: Source, shown_as: str) -> Video:
    head = source.at(0, min(HEAD, source.size))
    form = form_of(source.at(0, source.size) if head.startswith(b"GIF8") else head)
    if not form:
        raise InputError(f"{shown_as}: not a video; expected {', '.join(READABLE)} by content, or a folder of frames")
    if not _is_whole(source, form):
        raise InputError(f"{shown_as}: truncated video (it says that it is longer); get a complete copy")
    return video_decode.decode(source, form, shown_as)


def _check_rate(rate: Fraction | None) -> None:
    if rate is not None and (not isinstance(rate, Fraction) or not 0 < rate <= MAX_RATE):
        raise UsageError(f"rate {rate!r}; expected a Fraction above 0 and at most {MAX_RATE} frames a second")


# --- cut short -----------------------------------------------------------------------------------------------


def _is_whole(source: Source, form: str) -> bool:
    """Whether the outermost parts of a file end within it; a decoder would take a cut for the end."""
    if form in ("MP4", "MOV"):
        return _are_boxes_whole(source)
    head = source.at(0, min(HEAD, source.size))
    if form == "AVI":
        return int.from_bytes(head[4:8], "little") in (0, 0xFFFFFFFF) or _up_to(head, 4) <= source.size
    if form == "GIF":
        return any(end for _, end in _gif_blocks(source.at(0, source.size)))
    return _is_segment_whole(head, source.size)


def _up_to(head: bytes, offset: int) -> int:
    return offset + 4 + int.from_bytes(head[offset : offset + 4], "little")


def _are_boxes_whole(source: Source) -> bool:
    position = 0
    while position + 8 <= source.size:
        head = source.at(position, min(16, source.size - position))
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:  # to the end, or no box at all
            return True
        position += length
    return position <= source.size + 7


def _is_segment_whole(head: bytes, size: int) -> bool:
    """Whether the one great element of a Matroska file, which follows the first, ends within the file."""
    length, position = _vint(head, 4)
    position += length or 0
    if head[position : position + 4] != _SEGMENT:
        return True  # others may stand between; the decoder will see
    length, position = _vint(head, position + 4)
    return length is None or position + length <= size


def _vint(head: bytes, position: int) -> tuple[int | None, int]:
    """Return a length of Matroska, None where it is not known, and where it ends."""
    first = head[position] if position < len(head) else 0
    width = 9 - first.bit_length()
    value = int.from_bytes(head[position : position + width], "big") & ((1 << 7 * width) - 1)
    return (None if value == (1 << 7 * width) - 1 else value), position + width


def _gif_frames(data: bytes) -> Iterator[int]:
    """Yield the positions of the frames in a GIF."""
    return (position for position, is_end in _gif_blocks(data) if not is_end)


def _gif_blocks(data: bytes) -> Iterator[tuple[int, bool]]:
    """Yield each frame's position, and the end mark's with True, as far as the blocks of a GIF are there."""
    if data[:6] not in (b"GIF87a", b"GIF89a") or len(data) < 13:
        return
    position = 13 + _palette(data[10])
    while position < len(data):
        mark = data[position]
        if mark == 0x3B:
            yield position, True
            return
        if mark == 0x2C and position + 10 <= len(data):
            yield position, False
            position += 10 + _palette(data[position + 9]) + 1
        elif mark == 0x21:
            position += 2
        else:
            return
        while position < len(data) and data[position]:
            position += 1 + data[position]
        position += 1


def _palette(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 128 else 0


# --- folders -------------------------------------------------------------------------------------------------


def _load_folder(path: PathLike, rate: Fraction | None) -> Video:
    folder = Path(path)
    try:
        with os.scandir(folder) as entries:
            names = sorted((entry.name for entry in entries if entry.is_file()), key=_natural)
    except OSError as error:
        raise InputError(f"{shown(path)}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    pictures = [name for name in names if Path(name).suffix.lower() in FRAME_SUFFIXES]
    if not pictures:
        raise InputError(f"{shown(path)}: no frames in this folder; expected pictures such as 000.png, 001.png")
    frames, notes = _read_frames([folder / name for name in pictures], shown(path))
    if skipped := len(names) - len(pictures):
        notes.append(f"{skipped} other {'file' if skipped == 1 else 'files'} in {shown(path)} left out")
    if rate is None:
        notes.append(f"a folder says no rate; taken for {DEFAULT_RATE} frames per second")
    name = folder.name or folder.resolve().name
    return Video(frames, rate or DEFAULT_RATE, name, "FRAMES", folder, tuple(notes))


def _natural(name: str) -> list[tuple[int, str]]:
    """Return the key that sorts 2 before 10."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(int(part) if at % 2 else 0, part) for at, part in enumerate(parts)]


def _read_frames(paths: list[Path], shown_as: str) -> tuple[Frames, list[str]]:
    notes: dict[str, None] = {}
    first = _read_frame(paths[0], notes)
    if len(paths) * first.size > MAX_SAMPLES:
        raise ResourceError(
            f"{shown_as}: {len(paths) * first.size:,} samples; the limit is {MAX_SAMPLES:,}; make it shorter or smaller"
        )
    frames = np.empty((len(paths), *first.shape), np.uint8)
    for index, path in enumerate(paths):
        frame = _read_frame(path, notes) if index else first
        if frame.shape != first.shape:
            raise InputError(
                f"{shown(path)}: {frame.shape[1]} x {frame.shape[0]}, but {shown(paths[0])} is {first.shape[1]} x "
                f"{first.shape[0]}; expected frames of one size"
            )
        frames[index] = frame
    return frames, list(notes)


def _read_frame(path: Path, notes: dict[str, None]) -> Frames:
    """Return one picture as uint8 [H, W, 3], adding to the notes what that loses."""
    picture = image_file.load(path)
    samples = picture.samples
    if picture.depth == 16:
        notes["16 bits reduced to 8"] = None
        samples = np.rint(samples / 257.0).astype(np.uint8)
    if picture.alpha is not None and not (picture.alpha == 255).all():
        notes["transparency dropped"] = None
    colour = np.repeat(samples[..., None], 3, axis=2) if picture.is_grey else samples
    return colour.astype(np.uint8, copy=False)


# --- out -----------------------------------------------------------------------------------------------------


def encode(video: Video, form: str) -> bytes:
    """Return the bytes of a video file, without metadata.

    Args:
        video: the video.
        form: "MKV" or "AVI" (FFV1) or "WEBM" (VP9 lossless), whose samples are exact; "MP4" or "MOV" (H.264 4:4:4 at
            `MP4_STEP`, beyond what can be seen); "GIF" (256 colours a frame, times in hundredths of a second).

    Raises:
        UsageError: not such a format, it cannot hold this video, or PyAV is not installed.
    """
    if form == "GIF":
        return _encode_gif(video)
    if form not in _ENCODERS:
        raise UsageError(f"{form} is not a video format; use {', '.join(dict.fromkeys(SUFFIXES.values()))}")
    if form == "WEBM" and max(video.width, video.height) > 16384:
        raise UsageError("WEBM holds at most 16384 pixels on a side; name the file .mkv")
    av = video_decode.library()
    stream = io.BytesIO()
    try:
        with av.open(stream, "w", format=_MUXERS[form]) as container:
            for packet in _packets(video, container, form):
                container.mux(packet)
    except av.FFmpegError as error:
        why = f"{video.describe()}: {error.strerror}"
        raise UsageError(f"{form} cannot hold this video ({why}); use another format, or save its frames") from error
    return stream.getvalue()


def _packets(video: Video, container: Any, form: str) -> Iterator[Any]:  # noqa: ANN401 (loaded at run time)
    """Yield the packets of a video for a container."""
    av = video_decode.library()
    codec, kind, options = _ENCODERS[form]
    track = container.add_stream(codec, rate=video.rate, options=options)
    track.width, track.height, track.pix_fmt = video.width, video.height, kind
    track.codec_context.time_base = 1 / video.rate
    colours = {}
    if kind == "yuv444p":
        # Said in the file, and used: BT.709 at limited range, what players assume.
        track.codec_context.colorspace, track.codec_context.color_range = 1, 1
        track.codec_context.color_primaries, track.codec_context.color_trc = 1, 1
        colours = {"dst_colorspace": 1, "interpolation": video_decode.SCALING}
    for index, samples in enumerate(video.frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(samples), format="rgb24")
        frame = frame.reformat(format=kind, **colours)
        frame.pts, frame.time_base = index, 1 / video.rate
        yield from track.encode(frame)
    yield from track.encode(None)


def _encode_gif(video: Video) -> bytes:
    pictures = [Pil.fromarray(np.ascontiguousarray(frame)) for frame in video.frames]
    few = [one.quantize(256, Pil.Quantize.MEDIANCUT, dither=Pil.Dither.FLOYDSTEINBERG) for one in pictures]
    rate = min(video.rate, Fraction(_GIF_FASTEST))
    ends = [round(100 * index / rate) for index in range(video.length + 1)]
    lasting = [10 * (after - before) for before, after in itertools.pairwise(ends)]
    stream = io.BytesIO()
    few[0].save(stream, "GIF", save_all=True, append_images=few[1:], duration=lasting, loop=0, optimize=False)
    return stream.getvalue()


def save_frames(video: Video, folder: PathLike) -> list[Path]:
    """Write every frame as a PNG into a folder that is empty or not there yet: 000.png, 001.png, ...

    Returns:
        The files.

    Raises:
        OutputError: the folder has something in it, or cannot be written into.
    """
    digits = max(3, len(str(video.length - 1)))
    written: list[Path] = []
    with folder_for_outputs(folder) as target:
        if any(target.iterdir()):
            raise OutputError(f"{shown(folder)}: not empty; choose a new folder for the frames")
        try:
            for index, frame in enumerate(video.frames):
                path = target / f"{index:0{digits}}.png"
                write_output(path, image_file.encode(Image(frame), "PNG"))
                written.append(path)
        except BaseException:
            for path in written:
                path.unlink(missing_ok=True)
            raise
    return written
