"""Videos, decoded in a process of their own.

    this process                       the other one
    the open file ────── stdin ──────► FFmpeg (MP4, MOV, MKV, WEBM, AVI), Pillow (GIF)
    temporary file ◄──── stdout ────── 512 bytes of JSON
                                       T frames, uint8 [H, W, 3]
                                       when each of them is shown, int64 [T]

How the two work together, and what a file cannot do to this one, is `child`'s business. Frames come turned as the
file says they shall be shown, and in 8-bit RGB; here they are given a constant rate.

The same program decodes the bare packets of a codec, without a file around them (`planes`): what codes are made of.
"""

import contextlib
import importlib
import importlib.util
import io
import math
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, IntarsiaError, ResourceError, UsageError
from . import child
from .child import RefusedError
from .video import DEFAULT_RATE, MAX_RATE, MAX_SAMPLES, Video
from .wav import Disk, Memory, Source

DEMUXERS = {"MP4": "mov", "MOV": "mov", "MKV": "matroska", "WEBM": "matroska", "AVI": "avi"}
"""FFmpeg's name for what takes a file apart. It is never left to guess: some formats name further files."""

DECODERS = {"h264": {"yuv444p10le": 10}, "hevc": {"yuv444p12le": 12}, "ffv1": {"bgr0": 8}}
"""Codecs whose bare packets are decoded, and what they may decode to: FFmpeg's name, bits."""

_SECONDS = 5.0
_SECONDS_PER_MIB = 4.0
_PROGRESS = 1 << 26  # bytes of frames that earn another second
_MEMORY = 1 << 30  # bytes that decoding may add to the other process
_GIF_SLOW = 100  # milliseconds that browsers show a frame of a GIF that asks for 10 or fewer
_PERCEPTUAL_QUANTISER, _HYBRID_LOG_GAMMA = 16, 18  # transfer functions of high dynamic range
_BT709, _BT601, _UNSAID = 1, 5, 2
_HD_WIDTH, _HD_HEIGHT = 1280, 576  # from where on players take colours that say nothing for those of BT.709
# Bicubic for chroma that has fewer samples; full chroma, accurate rounding and the same result on every processor.
SCALING = 4 | 1 << 13 | 1 << 14 | 1 << 18 | 1 << 19


class UnsupportedVideoError(InputError):
    """An intact file, as far as one can see, without a moving picture that can be read."""


# --- in this process ------------------------------------------------------------------------------------------


def decode(source: Source, form: str, shown_as: str) -> Video:
    """Decode a video in another process.

    Args:
        source: the file.
        form: "MP4", "MOV", "MKV", "WEBM", "AVI" or "GIF".
        shown_as: how messages name it.

    Returns:
        The video, with format and notes, without name and file.

    Raises:
        InputError: damaged, or no end of it within 5 s, 4 s for each MiB of the file, and 1 s for each 64 MiB of
            frames that came out of it.
        UnsupportedVideoError: sound only, an unknown codec, frames of several sizes.
        ResourceError: more than `MAX_SAMPLES`, or no room for temporary files.
        UsageError: PyAV is not installed, and this is no GIF.
    """
    if form != "GIF":
        library()
    task = _task(source.size, shown_as)
    found, decoded = _run(source, form, task)
    try:
        return _video(found, decoded, form, task)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        raise task.damaged("failed") from None


def _video(found: dict[str, Any], decoded: Disk, form: str, task: child.Task) -> Video:
    """Turn what the other process wrote into a video."""
    shape = _checked((found["length"], found["height"], found["width"], 3), task)
    size = math.prod(shape)
    if decoded.size != child.HEADER + size + 8 * shape[0]:
        raise task.damaged("failed")
    frames = np.frombuffer(decoded.at(child.HEADER, size), np.uint8).reshape(shape)
    times = np.frombuffer(decoded.at(child.HEADER + size, 8 * shape[0]), "<i8")
    rate, picks = steady(times, found["end"], Fraction(*found["tick"]), [Fraction(*one) for one in found["rates"]])
    notes = list(found["notes"])
    if picks is not None:
        frames = frames[picks]
        notes.append(f"frames lasted differently; now {float(rate):.4g} per second, some of them repeated or left out")
    return Video(frames, rate, format=form, notes=tuple(notes))


def planes(
    packets: bytes, codec: str, height: int, width: int, shown_as: str
) -> tuple[int, Iterator[NDArray[np.uint8] | NDArray[np.uint16]]]:
    """Decode bare packets in another process.

    Args:
        packets: what `joined` returns; of "avif" a whole file.
        codec: one of `DECODERS`, or "avif".
        height: of every frame.
        width: of every frame.
        shown_as: how messages name them.

    Returns:
        How many frames there are; and one after the other uint8 or uint16 [3, H, W], planes in the order of the codec,
        of FFV1 and AVIF red, green, blue.

    Raises:
        InputError: damaged, frames of another size, or no end of it in time.
        ResourceError: more than `MAX_SAMPLES`, or no room for temporary files.
        UsageError: PyAV is not installed.
    """
    data = packets
    if codec != "avif":
        library()
        data = number(height) + number(width) + packets
    task = _task(len(data), shown_as)
    found, decoded = _run(Memory(data), codec, task)
    shape = _checked(tuple(found.get(key, 0) for key in ("length", "height", "width")), task)
    if shape[1:] != (height, width):
        raise InputError(f"{shown_as}: {shape[2]} x {shape[1]} inside, not {width} x {height}; get an undamaged copy")
    kind = np.dtype("<u1" if found.get("depth") == 8 else "<u2")
    size = 3 * height * width * kind.itemsize
    if decoded.size != child.HEADER + shape[0] * size:
        raise task.damaged("failed")
    starts = range(child.HEADER, decoded.size, size)
    return shape[0], (np.frombuffer(decoded.at(start, size), kind).reshape(3, height, width) for start in starts)


def joined(packets: Iterable[bytes]) -> bytes:
    """Return packets as one, before each its length."""
    return b"".join(number(len(packet)) + packet for packet in packets)


def split(whole: bytes) -> Iterator[bytes]:
    """Undo `joined`.

    Raises:
        ValueError: the bytes end inside a packet.
    """
    position = 0
    while position < len(whole):
        length, position = read_number(whole, position)
        if position + length > len(whole):
            raise ValueError("cut inside a packet")
        yield whole[position : position + length]
        position += length


def number(value: int) -> bytes:
    """Return a number, 0 or more, as bytes: seven bits in each, the lowest first, the eighth says that more follow."""
    whole = bytearray()
    while value > 127:
        whole.append(value & 127 | 128)
        value >>= 7
    return bytes([*whole, value])


def read_number(data: bytes, position: int) -> tuple[int, int]:
    """Undo `number` and return where it ended.

    Raises:
        ValueError: the bytes end inside it, or it has more than 63 bits.
    """
    value = 0
    for shift in range(0, 63, 7):
        if position >= len(data):
            break
        value |= (data[position] & 127) << shift
        position += 1
        if data[position - 1] < 128:
            return value, position
    raise ValueError("no number where one was expected")


def is_missing() -> bool:
    """Whether PyAV is not installed."""
    return importlib.util.find_spec("av") is None


def library() -> ModuleType:
    """Return the module av.

    Raises:
        UsageError: it is not installed.
    """
    if is_missing():
        raise UsageError("videos need the package av: pip install 'intarsia[video]'; or use GIF or a folder of frames")
    return importlib.import_module("av")


def program() -> list[str]:
    """Return the command that decodes: this file."""
    return child.program(__name__)


def steady(
    times: NDArray[np.int64], end: int, tick: Fraction, rates: list[Fraction]
) -> tuple[Fraction, NDArray[np.intp] | None]:
    """Find the rate of frames, and which of them to show when they do not come at a constant one.

    Args:
        times: [T], when each frame is shown, in ticks; empty differences or a way back mean that nobody knows.
        end: when the last one ends, or anything up to its beginning if that is not known.
        tick: seconds, above 0.
        rates: what the file says, the most credible first.

    Returns:
        Frames in one second; and None where every frame lasts as long as that says, else as many indices as there
        are frames, at the mean rate: the frame that is shown in the middle of each interval.
    """
    said = [rate for rate in rates if 0 < rate <= MAX_RATE]
    steps = np.diff(times)
    if len(times) < 2 or (steps <= 0).any() or tick <= 0:
        alone = (
            _sane(1 / ((end - int(times[0])) * tick))
            if len(times) == 1 and end > times[0] and tick > 0
            else DEFAULT_RATE
        )
        return (said[0] if said else alone), None
    last = end - int(times[-1]) if end > times[-1] else int(np.median(steps))
    total = int(times[-1]) - int(times[0]) + last
    mean = _sane(len(times) / (total * tick))
    whole = round(mean)
    # What was meant, where the file says it with times rounded to ticks only.
    usual = [Fraction(whole), Fraction(whole * 1000, 1001), mean]
    for rate in (*said, *(one for one in usual if 0 < one <= MAX_RATE)):
        frame = float(1 / (rate * tick))
        # Times are rounded to ticks; frames must still be told apart from the ones beside them.
        slack = max(0.51, min(1.0, frame / 4))
        if (abs(times - times[0] - np.arange(len(times)) * frame) <= slack).all():
            return rate, None
    middles = times[0] + (np.arange(len(times)) + 0.5) * (total / len(times))
    return mean, np.searchsorted(times, middles, side="right") - 1


def _sane(rate: Fraction) -> Fraction:
    return min(max(rate.limit_denominator(1001), Fraction(1, 1001)), Fraction(MAX_RATE))


def _task(size: int, shown_as: str) -> child.Task:
    seconds = _SECONDS + _SECONDS_PER_MIB * size / (1 << 20)
    return child.Task(shown_as, "video", "convert it to PNG frames", seconds, _PROGRESS, most=2 * MAX_SAMPLES)


def _run(source: Source, job: str, task: child.Task) -> tuple[dict[str, Any], Disk]:
    found, decoded = child.run([*program(), job, str(MAX_SAMPLES)], source, task)
    if "error" in found:
        raise _error(found["error"], found["detail"], task)
    return found, decoded


def _error(kind: str, detail: str, task: child.Task) -> IntarsiaError:
    if kind == "large":
        return ResourceError(f"{task.shown_as}: {detail}; the limit is {MAX_SAMPLES:,}; make it shorter or smaller")
    if kind == "room":
        return task.no_room(detail)
    if kind == "still":
        return UnsupportedVideoError(f"{task.shown_as}: {detail}; expected a file with a track of frames")
    if kind == "unsupported":
        return UnsupportedVideoError(f"{task.shown_as}: {detail}; convert it to MP4 (H.264)")
    return InputError(f"{task.shown_as}: damaged or truncated video ({detail}); get an undamaged copy")


def _checked(shape: tuple[Any, ...], task: child.Task) -> tuple[int, ...]:
    """Return a shape that the other process says, once it is one."""
    if not all(isinstance(side, int) and side >= 0 for side in shape) or math.prod(shape) > MAX_SAMPLES:
        raise task.damaged("failed")
    if not all(shape):
        raise InputError(f"{task.shown_as}: no frames in it; expected one or more")
    return shape


# --- in the other process -------------------------------------------------------------------------------------


def main() -> None:
    """Decode stdin to stdout; the arguments are what it is, and the samples and the seconds allowed."""
    job, most, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

    def work(target: io.FileIO) -> dict[str, Any]:
        if job in ("GIF", "avif"):
            return _decode_pillow(_Sink(target, most), job)
        return (_decode_file if job in DEMUXERS else _decode_packets)(_Sink(target, most), job)

    load = _pillow if job in ("GIF", "avif") else library
    child.serve(load, work, seconds=seconds, memory=_MEMORY)


@dataclass
class _Sink:
    """Where frames go, all of one shape and together no more than allowed."""

    target: io.FileIO
    most: int
    shape: tuple[int, ...] = ()
    length: int = 0

    def check(self, height: int, width: int) -> None:
        """Refuse a frame that would be too much, before it is there."""
        samples = (self.length + 1) * height * width * 3
        if samples > self.most:
            raise RefusedError("large", f"{samples:,} samples or more")

    def put(self, frame: NDArray[Any]) -> None:
        """Write one frame."""
        self.shape = self.shape or frame.shape
        if frame.shape != self.shape:
            raise RefusedError("unsupported", "frames of several sizes")
        child.write(self.target, np.ascontiguousarray(frame).data.cast("B"))
        self.length += 1


def _decode_file(sink: _Sink, form: str) -> dict[str, Any]:
    """Decode a file with FFmpeg."""
    av = library()
    with (
        open(0, "rb", closefd=False) as stream,
        av.open(stream, format=DEMUXERS[form], metadata_errors="replace") as container,
    ):
        tracks = [track for track in container.streams.video if not _is_still(track)]
        if not tracks:
            raise RefusedError("still", "no moving picture in it")
        track = tracks[0]
        if track.codec_context is None:
            raise RefusedError("unsupported", "an unknown codec")
        sink.check(track.codec_context.height, track.codec_context.width)
        track.codec_context.thread_count = 1
        times, end, notes = _decode_track(sink, container, track)
        if container.streams.audio:
            notes["sound dropped"] = None
        rates = [track.guessed_rate, track.average_rate, track.base_rate]
        if len(tracks) > 1:
            notes[f"only the first of {len(tracks)} pictures kept"] = None
        tick = Fraction(track.time_base or 1)
    child.write(sink.target, np.array(times, "<i8").tobytes())
    return _facts(sink) | {
        "end": end,
        "tick": tick.as_integer_ratio(),
        "rates": [Fraction(rate).as_integer_ratio() for rate in rates if rate],
        "notes": list(notes),
    }


def _is_still(track: Any) -> bool:  # noqa: ANN401 (the library is loaded at run time)
    """Whether this is the picture on the cover of a record."""
    flags = getattr(track, "disposition", None)
    return bool(flags is not None and "attached_pic" in str(flags))


def _decode_track(sink: _Sink, container: Any, track: Any) -> tuple[list[int], int, dict[str, None]]:  # noqa: ANN401
    """Decode the frames of one track and return when each is shown, when the last ends, and notes."""
    convert = _Converter()
    times: list[int] = []
    end = 0
    for packet in container.demux(track):
        if packet.is_corrupt:
            raise RefusedError("damaged", "a packet is cut")
        for frame in packet.decode():
            if frame.is_corrupt:
                raise RefusedError("damaged", f"frame {sink.length} cannot be decoded")
            sink.check(frame.height, frame.width)
            sink.put(convert.rgb(frame))
            # A frame without a time gets one that goes back, so that no times are believed.
            times.append(-1 if frame.pts is None else frame.pts)
            end = times[-1] + (getattr(frame, "duration", 0) or 0)
    return times, end, convert.notes


class _Converter:
    """Frames as FFmpeg has them to RGB as they shall be shown."""

    def __init__(self) -> None:
        reformatter = importlib.import_module("av.video.reformatter")
        self._reformat = reformatter.VideoReformatter().reformat
        self.notes: dict[str, None] = {}  # a set that remembers the order

    def rgb(self, frame: Any) -> NDArray[np.uint8]:  # noqa: ANN401
        """Return uint8 [H, W, 3]."""
        self._note_losses(frame)
        colours = int(frame.colorspace)
        if colours == _UNSAID:
            colours = _BT709 if frame.width >= _HD_WIDTH or frame.height > _HD_HEIGHT else _BT601
        plain = self._reformat(frame, format="rgb24", src_colorspace=colours, interpolation=SCALING)
        samples: NDArray[np.uint8] = plain.to_ndarray()
        turns = round(getattr(frame, "rotation", 0) / 90) % 4
        if turns:
            self.notes["turned as the file says"] = None
            samples = np.rot90(samples, turns)
        return samples

    def _note_losses(self, frame: Any) -> None:  # noqa: ANN401
        parts = frame.format.components
        bits = max((part.bits for part in parts), default=8)
        if bits > 8:
            self.notes[f"{bits} bits reduced to 8"] = None
        if any(part.is_alpha for part in parts):
            self.notes["transparency dropped"] = None
        if getattr(frame, "color_trc", 0) in (_PERCEPTUAL_QUANTISER, _HYBRID_LOG_GAMMA):
            self.notes["high dynamic range shown as if it were not; colours may look pale"] = None


def _decode_packets(sink: _Sink, codec: str) -> dict[str, Any]:
    """Decode bare packets with FFmpeg: three full planes each, not converted. Two numbers before them: size."""
    kinds = DECODERS[codec]
    with open(0, "rb", closefd=False) as stream:
        whole = stream.read()
    height, position = read_number(whole, 0)
    width, position = read_number(whole, position)
    sink.check(height, width)
    for frame in _frames(codec, whole[position:], height, width):
        bits = kinds.get(frame.format.name)
        if frame.is_corrupt or bits is None:
            raise RefusedError("damaged", f"frame {sink.length} cannot be decoded")
        if (frame.height, frame.width) != (height, width):
            raise RefusedError("damaged", f"frame {sink.length} is {frame.width} x {frame.height}")
        sink.check(height, width)
        sink.put(_planes_of(frame, bits))
    return _facts(sink, axis=1) | {"depth": next(iter(kinds.values()))}


def _frames(codec: str, packets: bytes, height: int, width: int) -> Iterator[Any]:
    av = library()
    context = av.CodecContext.create(codec, "r")
    context.thread_count = 1
    if codec == "ffv1":  # which does not say its size
        context.height, context.width = height, width
    for packet in split(packets):
        yield from context.decode(av.Packet(packet))
    yield from context.decode(None)


def _planes_of(frame: Any, bits: int) -> NDArray[Any]:  # noqa: ANN401
    """Return the planes of a frame [3, H, W], without what fills its rows up; red, green, blue of BGR."""
    if frame.format.name == "bgr0":
        rows = np.frombuffer(frame.planes[0], np.uint8).reshape(frame.height, -1, 4)
        return rows[:, : frame.width, 2::-1].transpose(2, 0, 1)
    wide = [np.frombuffer(plane, "<u1" if bits == 8 else "<u2").reshape(frame.height, -1) for plane in frame.planes]
    return np.stack([plane[:, : frame.width] for plane in wide])


def _pillow() -> ModuleType:
    return importlib.import_module("PIL.Image")


def _decode_pillow(sink: _Sink, form: str) -> dict[str, Any]:
    """Decode the frames of a GIF, flattened, or of an AVIF as planes."""
    pil: Any = _pillow()
    pil.MAX_IMAGE_PIXELS = None
    times: list[int] = []
    notes: dict[str, None] = {}
    now = 0
    with open(0, "rb", closefd=False) as stream, pil.open(stream, formats=[form.upper()]) as opened:
        sink.check(opened.height, opened.width)
        for index in range(opened.n_frames):
            opened.seek(index)
            opened.load()
            sink.check(opened.height, opened.width)
            frame = np.asarray(opened.convert("RGB" if form == "avif" else "RGBA"))
            if form == "GIF" and frame[..., 3].min() < 255:
                notes["transparent pixels made white"] = None
                frame = np.where(frame[..., 3:] < 128, np.uint8(255), frame)
            sink.put(frame.transpose(2, 0, 1) if form == "avif" else frame[..., :3])
            times.append(now)
            asked = round(opened.info.get("duration", 0))
            now += asked if asked > _GIF_SLOW // 10 else _GIF_SLOW
    if form == "avif":
        return _facts(sink, axis=1) | {"depth": 8}
    # Hundredths are what a GIF counts in.
    child.write(sink.target, np.array([time // 10 for time in times], "<i8").tobytes())
    facts = {"end": now // 10, "tick": (1, 100), "rates": [], "notes": list(notes)}
    return _facts(sink) | facts


def _facts(sink: _Sink, axis: int = 0) -> dict[str, Any]:
    """Return the size of the frames; `axis` is where their height is."""
    height, width = sink.shape[axis : axis + 2] if sink.shape else (0, 0)
    return {"length": sink.length, "height": height, "width": width}


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        os.umask(0o077)
        main()
