"""A video to as many bytes as there are, and back.

    exact    f  the file as it was
             F  FFV1                              L  H.264 lossless, of a reversible turn of the colours
    lossy    H  HEVC, 12 bits                     V  H.264, 10 bits, both of an orthonormal turn of the colours
             a  AVIF sequence, where PyAV is missing

The error that counts is that of red, green and blue, squared. Codecs make theirs in planes of luma and chroma; so here
the planes are an orthonormal turn of red, green and blue, quantised alike: then an error costs the same wherever it is
made. More than 8 bits keep the turn from costing anything itself. Measured, that is worth 3 dB against the same codecs
on red, green and blue as they are; AVIF, on YCbCr of 8 bits, is behind by 1 dB, and by 3 near what is exact.

There is no container: a code is a letter, the rate, the size, and the bare units of the codec, each after its length.
Codes come from outside and are decoded in another process (`video_decode`).
"""

import functools
import io
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from ..errors import DoesNotFitError, InputError
from ..media import video_decode, video_file, video_metrics
from ..media.video import MAX_RATE, Frames, Video
from .coded import Coded

_SHOWN = "secret video"
_EXACT_HOPELESS = 40  # raw bytes for each byte of budget beyond which no lossless try is made at first
_EXACT_NEAR = 55.0  # dB from where on one is made after all: what codes that well may fit as a whole
_PACKED_WELL = 8  # raw bytes for each byte of a file from where on no lossless try will beat the file
_MOST_LOSSY = 1 << 29  # samples beyond which no lossy code is made: it would take half an hour


def encode(value: Video, budget: int, *, target_db: float | None = None) -> Coded:
    """Return the best code of `value` within `budget` bytes: an exact one if it fits, else the best PSNR.

    Args:
        value: the video.
        budget: most bytes the code may take.
        target_db: stop at this PSNR instead of filling the budget; inf means exactly. An exact code is taken when it
            is no longer.

    Returns:
        The code, and the mean over frames of the PSNR of each (`video_metrics.mean_of`), dB; below `target_db` when
        the budget cannot reach it.

    Raises:
        DoesNotFitError: not even the coarsest code fits.
    """
    exact = _shortest_exact(value, budget)
    if target_db is None or math.isinf(target_db):
        return exact or _filled(value, budget)
    if value.size <= _MOST_LOSSY and (lossy := _at_quality(value, target_db)) and lossy.quality >= target_db:
        fitting = [one for one in (lossy, exact) if one and len(one.code) <= budget]
        if fitting:
            return min(fitting, key=lambda one: len(one.code))
    return exact or _filled(value, budget)


def decode(code: bytes, name: str = "") -> Video:
    """Undo `encode`; an exact code gives the very frames, a lossy one the video that was measured.

    Raises:
        InputError: the code is damaged, or a newer release made it.
        ResourceError: it unpacks to more than 2^30 samples.
        UsageError: PyAV is missing, and this is neither an AVIF sequence nor a GIF.
    """
    letter = code[:1]
    if letter == b"f":
        return video_file.decode(code[1:], name, shown_as=_SHOWN)
    if letter not in _DECODERS:
        raise InputError(f"unknown code {letter!r} for a video; a newer release may know it")
    codec, back = _DECODERS[letter]
    rate, height, width, body = _head(code[1:])
    if codec in _PICTURES:
        body = video_decode.joined(_pictures(_split(body), codec))
    length, planes = video_decode.planes(body, codec, height, width, _SHOWN)
    frames = np.empty((length, height, width, 3), np.uint8)
    for frame, its_planes in zip(frames, planes, strict=True):
        frame[:] = back(its_planes)
    return Video(frames, rate, name)


# --- exact --------------------------------------------------------------------------------------------------


def _shortest_exact(value: Video, budget: int) -> Coded | None:
    original = value.original()
    codes = [b"f" + original] if original is not None and len(original) < budget else []
    if not codes or value.size < _PACKED_WELL * len(codes[0]):
        codes += _lossless(value, budget) if value.size < budget * _EXACT_HOPELESS else []
    return Coded(min(codes, key=len), math.inf) if codes else None


def _lossless(value: Video, budget: int) -> list[bytes]:
    """Return what lossless codes of the frames fit."""
    if video_decode.is_missing():
        return []
    codes = [b"F" + _head_code(value) + _ffv1(value)]
    if _has_encoder("libx264"):
        codes.append(b"L" + _head_code(value) + _h264_lossless(value))
    return [code for code in codes if len(code) <= budget]


def _ffv1(value: Video) -> bytes:
    # Level 1 has no header of its own, and no slices.
    options = {"level": "1", "coder": "1", "context": "0"}
    return video_decode.joined(_encoded(map(_packed, value.frames), value, "ffv1", "bgr0", options))


def _h264_lossless(value: Video) -> bytes:
    frames = (_planar(_lifted(frame), "yuv444p10le") for frame in value.frames)
    packets = _encoded(frames, value, "libx264", "yuv444p10le", {"qp": "0", "preset": "medium"})
    return video_decode.joined(_units(packets, "h264"))


# --- lossy --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Speed:
    """How slowly an encoder works on videos of some size.

    Attributes:
        samples: of a video, up to which this is for.
        quick: preset while the rate factor is looked for.
        final: preset of the code itself, with settings that differ from it after a colon.
        tries: of the final preset, if one of them will do; one more where that one is poor.
    """

    samples: int
    quick: str
    final: str
    tries: int


@dataclass(frozen=True)
class _Codec:
    """A lossy codec.

    Attributes:
        letter: of its codes.
        encoder: FFmpeg's name.
        decoder: one of `video_decode.DECODERS`.
        bits: of one sample.
        least: pixels on a side, the fewest it takes.
        always: further settings of the encoder.
        speeds: for small videos first; the last one for all that are larger.
    """

    letter: bytes
    encoder: str
    decoder: str
    bits: int
    least: int
    always: str
    speeds: tuple[_Speed, ...]

    def speed(self, value: Video) -> _Speed:
        """Return the speed for a video of that size."""
        return next((speed for speed in self.speeds if value.size <= speed.samples), self.speeds[-1])

    def code(self, value: Video, factor: float, preset: str) -> bytes:
        """Return the code at a rate factor: the higher, the shorter."""
        kind = f"yuv444p{self.bits}le"
        named, _, more = preset.partition(":")
        private = ":".join([f"crf={factor:.3f}", *filter(None, [more, self.always])])
        options = {"preset": named, "tune": "psnr", f"{self.encoder[3:]}-params": private}
        frames = (_planar(_turned(frame, self.bits), kind) for frame in value.frames)
        units = _units(_encoded(frames, value, self.encoder, kind, options), self.decoder)
        return self.letter + _head_code(value) + video_decode.joined(units)


_HEVC = _Codec(
    b"H",
    "libx265",
    "hevc",
    bits=12,
    least=16,
    always="log-level=none:info=0:pools=none:frame-threads=1",
    speeds=(
        _Speed(1 << 20, "superfast", "slow:rd=6", 3),
        _Speed(1 << 23, "superfast", "slow", 2),
        _Speed(1 << 26, "superfast", "medium", 2),
        _Speed(1 << 30, "ultrafast", "superfast", 2),
    ),
)
_H264 = _Codec(
    b"V",
    "libx264",
    "h264",
    bits=10,
    least=1,
    always="",
    speeds=(_Speed(1 << 23, "veryfast", "veryslow", 3), _Speed(1 << 30, "veryfast", "medium", 2)),
)
CODECS = (_HEVC, _H264)
"""The first one that there is, and that takes the size, is taken: at equal bytes it is .4 dB ahead of the second."""

_USUAL_RATE = Fraction(12)
_NO_KEY_FRAMES = 1 << 20  # frames after which there would be one in any case; nobody seeks in a secret

_LOWEST, _START, _HIGHEST = -12.0, 22.0, 51.0  # rate factors
_LOG_SLOPE = -0.115  # of the logarithm of bytes against the rate factor
_DB_SLOPE = -0.75
_FULL = 0.985  # of the budget: good enough
_SPARE_DB = 0.1
_QUICK_TRIES, _LAST_TRIES = 4, 9
_CLIFF = 10.0  # times what will do: 15 % of the bytes, or 1 dB


def _codec_for(value: Video) -> _Codec | None:
    """Return the codec to use, or None if only Pillow's is left."""
    if video_decode.is_missing():
        return None
    side = min(value.height, value.width)
    return next((one for one in CODECS if side >= one.least and _has_encoder(one.encoder)), None)


def _filled(value: Video, budget: int) -> Coded:
    """Return the longest lossy code that fits, or an exact one after all."""
    if value.size > _MOST_LOSSY:
        raise _does_not_fit(budget + 1, budget, f"{value.describe()} is too long for a lossy code; make it shorter")
    code, smallest = _longest(value, budget)
    if not code:
        raise _does_not_fit(smallest, budget, f"it needs at least {smallest:,} bytes")
    found = _measured(value, code)
    was_tried = value.size < budget * _EXACT_HOPELESS
    exact = [] if was_tried or found.quality < _EXACT_NEAR else _lossless(value, budget)
    return Coded(min(exact, key=len), math.inf) if exact else found


def _does_not_fit(needed: int, budget: int, why: str) -> DoesNotFitError:
    return DoesNotFitError(f"{why}; {max(budget, 0):,} fit", needed=needed, available=budget)


def _longest(value: Video, budget: int) -> tuple[bytes, int]:
    """Return the longest lossy code of at most `budget` bytes, or nothing, and the length of the shortest one seen."""
    codec = _codec_for(value)
    if codec is None:
        return _avif_at_size(value, budget)
    fitting, shortest = b"", math.inf

    def level(factor: float, preset: str) -> float:
        nonlocal fitting, shortest
        code = codec.code(value, factor, preset)
        shortest = min(shortest, len(code))
        # A quick preset may fill the budget as well, but not as well.
        if preset == speed.final and len(fitting) < len(code) <= budget:
            fitting = code
        return math.log(len(code))

    speed, top = codec.speed(value), math.log(max(budget, 1))
    _hunt(level, speed, top + math.log(_FULL), top, _LOG_SLOPE, is_good=lambda found: found <= top)
    return fitting, int(shortest)


def _at_quality(value: Video, target_db: float) -> Coded | None:
    """Return the shortest lossy code that was found to reach a PSNR, or one that does not quite."""
    codec = _codec_for(value)
    if codec is None:
        return _avif_at_quality(value, target_db)
    speed = codec.speed(value)
    found: list[Coded] = []

    def level(factor: float, preset: str) -> float:
        one = _measured(value, codec.code(value, factor, preset))
        if preset == speed.final:
            found.append(one)
        return min(one.quality, video_metrics.EXACT_DB)

    top = target_db + _SPARE_DB
    _hunt(level, speed, target_db, top, _DB_SLOPE, is_good=lambda reached: reached >= target_db)
    reaching = [one for one in found if one.quality >= target_db]
    return min(reaching, key=lambda one: len(one.code)) if reaching else None


@dataclass
class _Curve:
    """What rate factors gave: levels that fall as the factor grows."""

    slope: float
    points: list[tuple[float, float]] = field(default_factory=list)

    def factor_for(self, level: float) -> float:
        """Return the factor that should give a level: on the line through two points near it."""
        if not self.points:
            return _START
        factor, nearest = min(self.points, key=lambda point: abs(point[1] - level))
        return min(max(factor + (level - nearest) / self.slope_near(level), _LOWEST), _HIGHEST)

    def slope_near(self, level: float) -> float:
        """Return the slope between the points on both sides of a level, or else the two nearest, where plausible."""
        near = sorted(self.points, key=lambda point: abs(point[1] - level))
        beyond = [point for point in near if (point[1] < level) != (near[0][1] < level)]
        others = [point for point in (*beyond, *near) if point[0] != near[0][0]]
        if not others:
            return self.slope
        slope = (others[0][1] - near[0][1]) / (others[0][0] - near[0][0])
        steepest = -math.inf if beyond else 2 * self.slope
        return min(max(slope, steepest), self.slope / 4)


def _hunt(
    level_at: Callable[[float, str], float],
    speed: _Speed,
    low: float,
    high: float,
    slope: float,
    is_good: Callable[[float], bool],
) -> None:
    """Look for the rate factor whose level lies between `low` and `high`: quickly first, then with the final preset.

    Args:
        level_at: encodes at a factor with a preset and returns the level; it also keeps the code.
        speed: the presets.
        low: of the levels that will do.
        high: of the levels that will do.
        slope: of levels against factors, roughly.
        is_good: whether a level is on the right side, if not near.
    """
    aim = (low + high) / 2
    quick = _Curve(slope)
    near = 4 * (high - low)
    factor = quick.factor_for(aim)
    for _ in range(_QUICK_TRIES):
        quick.points.append((factor, level_at(factor, speed.quick)))
        factor, before = quick.factor_for(aim), factor
        if abs(quick.points[-1][1] - aim) < near or factor == before:
            break
    final, nearest = _Curve(quick.slope_near(aim)), math.inf  # how far off the best one is that will do
    for tried in range(1, _LAST_TRIES + 1):
        found = level_at(factor, speed.final)
        final.points.append((factor, found))
        nearest = min(nearest, abs(found - aim)) if is_good(found) else nearest
        # Where none will do, the aim moves to the side where they do, the further the longer it takes.
        drift = 0 if nearest < math.inf else (tried - 1) * (high - low) * (1 if found < low else -1)
        factor, before = final.factor_for(aim + drift), factor
        if low <= found <= high or factor == before or tried >= _enough(speed.tries, nearest / (high - low)):
            break


def _enough(tries: int, off: float) -> int:
    """Return how many tries are enough when the best is `off`: noise makes cliffs, where a line is a poor guess."""
    if off == math.inf:
        return _LAST_TRIES
    return tries + (4 if off > _CLIFF else 1 if off > 1 else 0)


def _measured(value: Video, code: bytes) -> Coded:
    return Coded(code, video_metrics.mean_psnr(value, decode(code)))


# --- colours ------------------------------------------------------------------------------------------------

_TURN = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])
"""The new axes, in rows: grey, red against blue, both against green. As good as those made for each video."""

_BACK_BITS = 20
"""Of the fixed point that turns back: integers, so that every machine decodes alike."""


def _levels(bits: int) -> tuple[float, NDArray[np.int64]]:
    """Return how many levels one of 0..255 takes, so that grey fills the range, and what stands for 0 on each axis."""
    return ((1 << bits) - 1) / (255 * math.sqrt(3)), np.array([0, 1 << (bits - 1), 1 << (bits - 1)])


def _turned(frame: Frames, bits: int) -> NDArray[np.uint16]:
    """Turn uint8 [H, W, 3] to planes [3, H, W] of more bits."""
    levels, middle = _levels(bits)
    turned = np.rint(frame @ (_TURN.T * levels)) + middle
    return np.clip(turned, 0, (1 << bits) - 1).astype(np.uint16).transpose(2, 0, 1)


def _turned_back(bits: int, planes: NDArray[np.integer[Any]]) -> Frames:
    """Turn planes [3, H, W] of more bits back to uint8 [H, W, 3]."""
    levels, middle = _levels(bits)
    factors = np.rint(_TURN.T / levels * (1 << _BACK_BITS)).astype(np.int32)
    axes = planes.astype(np.int32) - middle[:, None, None].astype(np.int32)
    half = np.int32(1 << (_BACK_BITS - 1))
    mixed = [(row[0] * axes[0] + row[1] * axes[1] + row[2] * axes[2] + half) >> _BACK_BITS for row in factors]
    return np.stack([colour.clip(0, 255) for colour in mixed], axis=-1).astype(np.uint8)


def _lifted(frame: Frames) -> NDArray[np.uint16]:
    """Turn uint8 [H, W, 3] to luma and two differences that give it back exactly, [3, H, W] below 512."""
    red, green, blue = (frame[..., channel].astype(np.int32) for channel in range(3))
    across = red - blue
    base = blue + (across >> 1)
    up = green - base
    return np.stack([base + (up >> 1), across + 256, up + 256]).astype(np.uint16)


def _lowered(planes: NDArray[np.integer[Any]]) -> Frames:
    """Undo `_lifted`; what no frame turns into is cut to 0..255."""
    luma, across, up = planes.astype(np.int32) - np.array([0, 256, 256], np.int32)[:, None, None]
    base = luma - (up >> 1)
    blue = base - (across >> 1)
    return np.stack([blue + across, base + up, blue], axis=-1).clip(0, 255).astype(np.uint8)


def _interleaved(planes: NDArray[np.uint8]) -> Frames:
    return planes.transpose(1, 2, 0)


# --- AVIF, where there is no other encoder ------------------------------------------------------------------


def _avif(value: Video, quality: int) -> bytes:
    pictures = [Pil.fromarray(np.ascontiguousarray(frame)) for frame in value.frames]
    options: dict[str, Any] = {"quality": quality, "subsampling": "4:4:4", "advanced": {"tune": "psnr"}}
    options["speed"] = 6 if value.size <= 1 << 23 else 8
    stream = io.BytesIO()
    pictures[0].save(stream, "AVIF", save_all=True, append_images=pictures[1:], **options)
    return b"a" + _head_code(value) + stream.getvalue()


def _avif_at_size(value: Video, budget: int) -> tuple[bytes, int]:
    """Return the code of the finest quality that fits, or nothing, and the length of the shortest one seen."""
    best, shortest, low, high = b"", math.inf, 0, 101
    while low < high:
        middle = (low + high) // 2
        code = _avif(value, middle)
        shortest = min(shortest, len(code))
        if len(code) <= budget:
            best, low = code, middle + 1
        else:
            high = middle
    return best, int(shortest)


def _avif_at_quality(value: Video, target_db: float) -> Coded | None:
    """Return the code of the coarsest quality that reaches a PSNR."""
    best, low, high = None, 0, 101
    while low < high:
        middle = (low + high) // 2
        found = _measured(value, _avif(value, middle))
        if found.quality >= target_db:
            best, high = found, middle
        else:
            low = middle + 1
    return best


# --- bytes --------------------------------------------------------------------------------------------------


def _head_code(value: Video) -> bytes:
    """Return rate and size, which the units of a codec do not always say."""
    numbers = (*value.rate.as_integer_ratio(), value.height, value.width)
    return b"".join(video_decode.number(one) for one in numbers)


def _head(code: bytes) -> tuple[Fraction, int, int, bytes]:
    """Undo `_head_code`: rate, height, width, and what follows."""
    numbers, position = [], 0
    try:
        for _ in range(4):
            one, position = video_decode.read_number(code, position)
            numbers.append(one)
    except ValueError as error:
        raise InputError(f"the secret's code is damaged: {error}") from error
    above, below, height, width = numbers
    if not 0 < above <= MAX_RATE * below or not height or not width:
        raise InputError(f"the secret's code is damaged: {width} x {height}, {above}/{below} frames a second")
    return Fraction(above, below), height, width, code[position:]


def _split(body: bytes) -> list[bytes]:
    try:
        return list(video_decode.split(body))
    except ValueError as error:
        raise InputError(f"the secret's code is damaged: {error}") from error


# --- units --------------------------------------------------------------------------------------------------


def _units(packets: Iterable[bytes], decoder: str) -> Iterator[bytes]:
    """Yield the units of H.264 or HEVC packets, without those that only talk."""
    for packet in packets:
        for unit in packet.split(b"\0\0\1")[1:]:
            if _type_of(unit, decoder) not in _TALK[decoder]:
                yield unit.rstrip(b"\0")


def _pictures(units: Iterable[bytes], decoder: str) -> Iterator[bytes]:
    """Yield packets of one picture each, with the units before it that it needs."""
    packet = b""
    for unit in units:
        packet += b"\0\0\1" + unit
        if _type_of(unit, decoder) in _PICTURES[decoder]:
            yield packet
            packet = b""


def _type_of(unit: bytes, decoder: str) -> int:
    first = unit[0] if unit else 0
    return first & 31 if decoder == "h264" else first >> 1 & 63


_TALK = {"h264": (6, 9), "hevc": (35, 39, 40)}  # remarks of the encoder, delimiters
_PICTURES = {"h264": range(1, 6), "hevc": range(32)}


# --- encoders -----------------------------------------------------------------------------------------------


def _has_encoder(name: str) -> bool:
    """Whether this build of FFmpeg has it."""
    av = video_decode.library()
    try:
        av.Codec(name, "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def _encoded(frames: Iterable[Any], value: Video, encoder: str, kind: str, options: dict[str, str]) -> Iterator[bytes]:
    """Yield the packets that an encoder makes of frames; one thread, so that every run makes the same."""
    context = video_decode.library().CodecContext.create(encoder, "w")
    context.width, context.height, context.pix_fmt = value.width, value.height, kind
    # Encoders take the time between frames into account; what they were measured at is as good as any.
    context.time_base, context.framerate = 1 / _USUAL_RATE, _USUAL_RATE
    context.thread_count, context.gop_size = 1, _NO_KEY_FRAMES
    context.options = options
    for index, frame in enumerate(frames):
        frame.pts = index
        yield from map(bytes, context.encode(frame))
    yield from map(bytes, context.encode(None))


def _planar(planes: NDArray[np.uint16], kind: str) -> Any:  # noqa: ANN401 (the library is loaded at run time)
    """Return a frame of three planes [3, H, W]."""
    frame = video_decode.library().VideoFrame(planes.shape[2], planes.shape[1], kind)
    for target, plane in zip(frame.planes, planes, strict=True):
        np.frombuffer(target, "<u2").reshape(plane.shape[0], -1)[:, : plane.shape[1]] = plane
    return frame


def _packed(samples: Frames) -> Any:  # noqa: ANN401
    """Return a frame of blue, green, red and nothing."""
    frame = video_decode.library().VideoFrame.from_ndarray(np.ascontiguousarray(samples), format="rgb24")
    return frame.reformat(format="bgr0")


_DECODERS: dict[bytes, tuple[str, Callable[[NDArray[Any]], Frames]]] = {
    b"F": ("ffv1", _interleaved),
    b"L": ("h264", _lowered),
    b"H": (_HEVC.decoder, functools.partial(_turned_back, _HEVC.bits)),
    b"V": (_H264.decoder, functools.partial(_turned_back, _H264.bits)),
    b"a": ("avif", _interleaved),
}
"""By letter: the codec, and what turns its planes [3, H, W] into a frame."""
