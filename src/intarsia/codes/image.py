"""A picture to as many bytes as there are, and back.

    exact    the file as it was, WebP lossless, JPEG 2000 reversible: the shortest
    lossy    JPEG 2000 (irreversible, colour transform on) and AVIF 4:4:4: the smaller error wins

Two questions are asked of the lossy codecs: "the best within this many bytes" (`budget`), and "the shortest that
reaches this PSNR" (`target_db`). JPEG 2000 can be asked for a size or for a quality directly and needs two or
three tries to hit it; AVIF has 101 quality steps, searched outwards from a guess. PSNR is that of the decoded
8-bit (16-bit) picture, all channels, alpha included.
"""

import io
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image as Pil

from ..errors import DoesNotFitError, InputError, ResourceError
from ..media import image_file
from ..media.image import Image, from_pil, psnr, to_pil
from .coded import Coded

CODECS = ("jpeg2000", "avif")
"""Lossy codecs in the order they are tried."""

AVIF_SPEED = 8
"""libaom's speed while the quality is searched."""

AVIF_FINAL_SPEEDS = ((1 << 18, 4), (1 << 20, 6))
"""Samples of a picture, and the slower speed its final code is made at: up to 1.2 dB better than at 8."""

_GREY = (b"W", b"A")  # grey pictures in codecs that know colour only
_MAX_REVEALED_PIXELS = 1 << 28
_PROFILE_SHARE = 16  # a colour profile travels when it takes at most 1/16 of the budget
_MAX_PROFILE = 1 << 22
_SAMPLE_SIDE = 512
_EXACT_HOPELESS = 200  # raw bytes for each byte of budget beyond which no lossless try is made


def encode(value: Image, budget: int, *, target_db: float | None = None, codecs: Sequence[str] = CODECS) -> Coded:
    """Return the best code of `value` within `budget` bytes.

    Args:
        value: the picture.
        budget: most bytes the code may take.
        target_db: stop at this PSNR instead of filling the budget. An exact code is taken when it is no longer.
        codecs: which lossy codecs to try.

    Returns:
        The code. Its PSNR is below `target_db` when the budget cannot reach it.

    Raises:
        DoesNotFitError: not even the coarsest code fits.
    """
    prefix = _profile_prefix(value, budget)
    coded = _encode_samples(value, budget - len(prefix), target_db, codecs)
    # A file as it was has its profile inside.
    return coded if coded.code[:1] == b"f" else Coded(prefix + coded.code, coded.quality)


def _encode_samples(value: Image, budget: int, target_db: float | None, codecs: Sequence[str]) -> Coded:
    exact = _shortest_exact(value, budget)
    if target_db is not None:
        found = [_CODECS[name].at_quality(value, target_db) for name in codecs]
        reaching = [one for one in (*found, exact) if one and one.quality >= target_db and len(one.code) <= budget]
        if reaching:
            return min(reaching, key=lambda one: (len(one.code), -one.quality))
    if exact:
        return exact
    filled = [one for name in codecs if (one := _CODECS[name].at_size(value, budget))]
    if not filled:
        smallest = _coarsest(value)
        raise DoesNotFitError(
            f"it needs at least {smallest:,} bytes and {max(budget, 0):,} fit",
            needed=smallest,
            available=budget,
        )
    return max(filled, key=lambda one: one.quality)


def decode(code: bytes, name: str = "") -> Image:
    """Undo `encode`; an exact code gives the very samples, a lossy one the picture that was measured."""
    if code[:1] == b"p":
        profile, rest = _split_profile(code)
        return replace(decode(rest, name), profile=profile)
    if code[:1] == b"f":
        return image_file.decode(code[1:], name, max_pixels=_MAX_REVEALED_PIXELS)
    if code[:1] not in (b"w", b"j", b"a", *_GREY):
        raise InputError(f"unknown code {code[:1]!r} for a picture; a newer release may know it")
    picture = _open(code)
    if code[:1] in _GREY:
        picture = picture.convert("LA" if picture.mode in ("LA", "RGBA") else "L")
    return replace(from_pil(picture), name=name)


def _open(code: bytes) -> Pil.Image:
    try:
        with Pil.open(io.BytesIO(code[1:]), formats=("WEBP", "JPEG2000", "AVIF")) as opened:
            if opened.width * opened.height > _MAX_REVEALED_PIXELS:
                raise ResourceError(f"the secret picture is {opened.width} x {opened.height}, too large to unpack")
            opened.load()
            return opened
    except ResourceError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds
        raise InputError(f"the secret's code is damaged ({error})") from error


# --- colour profile -----------------------------------------------------------------------------------------


def _profile_prefix(value: Image, budget: int) -> bytes:
    """Return the coded colour profile, or nothing when there is none or it would take much of the budget."""
    if value.profile is None:
        return b""
    packed = zlib.compress(value.profile, 9)
    prefix = b"p" + len(packed).to_bytes(3, "big") + packed
    return prefix if len(prefix) * _PROFILE_SHARE <= budget else b""


def _split_profile(code: bytes) -> tuple[bytes, bytes]:
    end = 4 + int.from_bytes(code[1:4], "big")
    try:
        profile = zlib.decompressobj().decompress(code[4:end], _MAX_PROFILE)
    except zlib.error as error:
        raise InputError(f"the secret's colour profile is damaged: {error}") from error
    if code[end : end + 1] == b"p":
        raise InputError("the secret has two colour profiles; expected one")
    return profile, code[end:]


# --- exact --------------------------------------------------------------------------------------------------


def _shortest_exact(value: Image, budget: int) -> Coded | None:
    codes = []
    if value.file is not None:
        codes.append(b"f" + value.file)
    if value.samples.nbytes < budget * _EXACT_HOPELESS:
        codes.append(_reversible(value))
    fitting = [code for code in codes if len(code) <= budget]
    return Coded(min(fitting, key=len), math.inf) if fitting else None


def _reversible(value: Image) -> bytes:
    if value.depth == 8 and max(value.width, value.height) <= 16383 and not (value.is_grey and value.alpha is not None):
        colour = to_pil(value) if not value.is_grey else to_pil(value).convert("RGB")
        packed = _save(colour, "WEBP", lossless=True, exact=True, quality=60, method=4)
        return (b"W" if value.is_grey else b"w") + packed
    return b"j" + _save(to_pil(value), "JPEG2000", irreversible=False, no_jp2=True)


# --- JPEG 2000 ----------------------------------------------------------------------------------------------


def _jpeg2000_at_size(value: Image, budget: int) -> Coded | None:
    """Fill `budget` to within 1 %, or as far as the finest quantisation goes."""
    if budget < 1:
        return None
    raw, aim, best = _raw_bytes(value), float(max(budget - 1, 1)), b""
    for _ in range(6):
        code = _jpeg2000_code(value, "rates", max(raw / aim, 1.0))
        if len(code) > budget:
            aim *= 0.997 * budget / len(code)
            continue
        best = max(best, code, key=len)
        if len(code) >= 0.99 * budget or aim >= raw:
            break
        aim *= min(2.0, 0.998 * budget / len(code))
    # Tiny pictures come in coarse steps that the aim may jump over; the coarsest of all may still fit.
    best = best or _jpeg2000_code(value, "rates", float(raw))
    return _measured(value, best) if len(best) <= budget else None


def _jpeg2000_at_quality(value: Image, target_db: float) -> Coded | None:
    """Reach `target_db` with at most .1 dB to spare where the codec allows."""
    ask, best = target_db + 0.4, None
    for _ in range(5):
        found = _measured(value, _jpeg2000_code(value, "dB", ask))
        if found.quality >= target_db and (best is None or len(found.code) < len(best.code)):
            best = found
        if target_db <= found.quality <= target_db + 0.1:
            break
        ask += target_db + 0.05 - found.quality
        if not 1 < ask < 120:
            break
    return best


def _jpeg2000_code(value: Image, mode: str, layer: float) -> bytes:
    # mct=1: without the colour transform RGB planes are coded apart and lose 6 dB.
    mct = 0 if value.is_grey else 1
    options = {"irreversible": True, "mct": mct, "quality_mode": mode, "quality_layers": [layer], "no_jp2": True}
    return b"j" + _save(to_pil(value), "JPEG2000", num_resolutions=_resolutions(value), **options)


def _resolutions(value: Image) -> int:
    # The codec refuses more wavelet levels than the shorter side can be halved.
    return max(1, min(6, min(value.width, value.height).bit_length()))


# --- AVIF ---------------------------------------------------------------------------------------------------


def _avif_at_size(value: Image, budget: int) -> Coded | None:
    """Take the finest quality step that stays within `budget`."""
    if value.depth == 16:
        return None

    def over(codes: _Steps, start: int) -> int:
        step = _first(lambda step: len(codes[step].code) > budget, start)
        return 101 if step is None else step

    codes = _Steps(value, AVIF_SPEED)
    step = over(codes, start=85)
    if (slow := _final_speed(value)) is not None:
        codes = _Steps(value, slow)
        step = over(codes, start=min(step, 100))
    return codes[step - 1] if step else None


def _avif_at_quality(value: Image, target_db: float) -> Coded | None:
    """Take the coarsest quality step that reaches `target_db`."""
    if value.depth == 16:
        return None
    codes, start = _Steps(value, AVIF_SPEED), 88
    if value.width * value.height > 4 * _SAMPLE_SIDE**2:
        # A piece of a large picture tells about where to look, at a fraction of the time.
        sample = _Steps(_centre(value), AVIF_SPEED)
        start = _first(lambda step: sample[step].quality >= target_db, start) or start
    step = _first(lambda step: codes[step].quality >= target_db, start)
    if (slow := _final_speed(value)) is not None:
        codes = _Steps(value, slow)
        step = _first(lambda step: codes[step].quality >= target_db, 100 if step is None else step)
    return None if step is None else codes[step]


def _final_speed(value: Image) -> int | None:
    """Return the speed at which a picture of this size is worth coding again, or None."""
    return next((speed for samples, speed in AVIF_FINAL_SPEEDS if value.samples.size <= samples), None)


class _Steps(dict[int, Coded]):
    """AVIF codes of one picture by quality step, each made when first asked for."""

    def __init__(self, value: Image, speed: int) -> None:
        super().__init__()
        self._value = value
        self._speed = speed

    def __missing__(self, step: int) -> Coded:
        self[step] = _measured(self._value, _avif_code(self._value, step, self._speed))
        return self[step]


def _first(holds: Callable[[int], bool], start: int) -> int | None:
    """Return the first quality step 0..100 that `holds`, assuming it holds from there on; None if none does.

    Gallops away from `start` in growing strides until the answer is enclosed, then halves.
    """
    low, high, probe, stride = 0, 101, start, 2
    while low < high:
        low, high = (low, probe) if holds(probe) else (probe + 1, high)
        if high > 100:
            probe = min(low + stride, 100)
        elif low == 0:
            probe = max(high - 1 - stride, 0)
        else:
            probe = (low + high) // 2
        stride *= 2
    return low if low <= 100 else None


def _centre(value: Image) -> Image:
    top, left = (value.height - _SAMPLE_SIDE) // 2, (value.width - _SAMPLE_SIDE) // 2
    rows = slice(max(top, 0), max(top, 0) + _SAMPLE_SIDE)
    columns = slice(max(left, 0), max(left, 0) + _SAMPLE_SIDE)
    return Image(value.samples[rows, columns], None if value.alpha is None else value.alpha[rows, columns])


def _avif_code(value: Image, quality: int, speed: int) -> bytes:
    picture = to_pil(value)
    # Tuned for squared error, which is what is measured here; the codec's own default is SSIM and costs .7 dB.
    options: dict[str, Any] = {"quality": quality, "subsampling": "4:4:4", "speed": speed, "advanced": {"tune": "psnr"}}
    if value.is_grey:
        picture = picture.convert("RGB" if value.alpha is None else "RGBA")
        options["subsampling"] = "4:0:0"
    return (b"A" if value.is_grey else b"a") + _save(picture, "AVIF", **options)


@dataclass(frozen=True)
class _Codec:
    at_size: Callable[[Image, int], Coded | None]
    at_quality: Callable[[Image, float], Coded | None]


_CODECS = {
    "jpeg2000": _Codec(_jpeg2000_at_size, _jpeg2000_at_quality),
    "avif": _Codec(_avif_at_size, _avif_at_quality),
}


# --- shared -------------------------------------------------------------------------------------------------


def _coarsest(value: Image) -> int:
    """Return the size of the shortest code there is."""
    return len(_jpeg2000_code(value, "rates", float(_raw_bytes(value))))


def _measured(value: Image, code: bytes) -> Coded:
    return Coded(code, psnr(value, decode(code)))


def _raw_bytes(value: Image) -> int:
    return value.samples.nbytes + (0 if value.alpha is None else value.alpha.nbytes)


def _save(picture: Pil.Image, form: str, **options: Any) -> bytes:  # noqa: ANN401 (Pillow's own options)
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()
