"""Lossy codecs of sounds, with the delay they add taken off again.

    floats [T, C] ──► rate the codec has ──► encoder ──► file ──► decoder ──► own rate, own length ──► floats [T, C]
                      (soxr)                                                  (soxr)

An encoder puts samples before the first one (priming) and fills the last frame up. How many come before is said in
each file, and the decoder drops as many:

    MP3     1,105 samples (576 of LAME, 529 of the decoder), in the LAME tag
    AAC     1,024 samples, in the edit list of the MP4
    Opus    312 samples at 48,000 Hz, in the field pre-skip of the first packet
    Vorbis  none: the first half window is never output, and the last page says where the end is

What is left over at the end is cut off. So sample t of the result belongs to sample t of the original.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from .. import sound_decode, video_decode
from .resampling import fitted, resampled

Floats = NDArray[np.float64]
"""A sound, [T, C] in -1..1."""

MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
AAC_RATES = (7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
VORBIS_MOST = 192_000

_SHORTEST = 4096  # samples; of less some encoders make no frame at all, so silence is added and cut off again
_PIECE = 1 << 14  # samples handed to an encoder at a time
_BITEXACT = 1024  # flag of FFmpeg's formats: no date, no program, no number drawn by chance in the file


@dataclass(frozen=True)
class Coded:
    """What came back.

    Attributes:
        values: the decoded sound, as long as the one that went in, at its rate.
        file: what travelled.
        rate: Hz at which it was coded.
    """

    values: Floats
    file: bytes
    rate: int


@dataclass(frozen=True)
class _Codec:
    """FFmpeg's names."""

    encoder: str
    muxer: str
    demuxer: str


_MP3 = _Codec("libmp3lame", "mp3", "mp3")
_AAC = _Codec("aac", "ipod", "mov")
_OPUS = _Codec("libopus", "ogg", "ogg")


def mp3(values: Floats, rate: int, kbps: int) -> Coded:
    """Code as MP3 by LAME at a constant bit rate, the nearest that the rate has."""
    return _there_and_back(values, rate, nearest(rate, MP3_RATES), lambda sound, at: _ffmpeg(sound, at, _MP3, kbps))


def aac(values: Floats, rate: int, kbps: int) -> Coded:
    """Code as AAC-LC in MP4 by FFmpeg's encoder; kbit/s on average."""
    return _there_and_back(values, rate, nearest(rate, AAC_RATES), lambda sound, at: _ffmpeg(sound, at, _AAC, kbps))


def opus(values: Floats, rate: int, kbps: int, hertz: int = 48_000) -> Coded:
    """Code as Opus in Ogg by libopus.

    Args:
        values: the sound.
        rate: its own, Hz.
        kbps: kbit/s on average.
        hertz: the encoder gets, one of `OPUS_RATES`; the decoder gives 48,000.
    """
    return _there_and_back(values, rate, hertz, lambda sound, at: _ffmpeg(sound, at, _OPUS, kbps))


def ogg(values: Floats, rate: int, quality: float) -> Coded:
    """Code as Ogg Vorbis by libvorbis; quality 0 to 10."""
    return _there_and_back(values, rate, min(rate, VORBIS_MOST), lambda sound, at: _vorbis(sound, at, quality))


def nearest(rate: int, rates: tuple[int, ...]) -> int:
    """Return the lowest of the rates that loses nothing, or the highest."""
    return min((one for one in rates if one >= rate), default=max(rates))


_Work = Callable[[Floats, int], tuple[bytes, Floats, int]]
"""A sound and its rate to the file, what was decoded of it, and at which rate."""


def _there_and_back(values: Floats, rate: int, at: int, work: _Work) -> Coded:
    if values.shape[1] > 2:
        raise UsageError(f"lossy codecs carry mono and stereo here, not {values.shape[1]} channels; put mono+ before")
    sound = resampled(values, rate, at)
    file, decoded, given = work(fitted(sound, max(len(sound), _SHORTEST)), at)
    return Coded(fitted(resampled(decoded, given, rate), len(values)), file, at)


# --- FFmpeg --------------------------------------------------------------------------------------------------


def _ffmpeg(values: Floats, rate: int, codec: _Codec, kbps: int) -> tuple[bytes, Floats, int]:
    if video_decode.is_missing():
        raise UsageError("MP3, AAC and Opus channels need the package av: pip install 'intarsia[video]'")
    av = video_decode.library()
    try:
        file = _encoded(av, values, rate, codec, kbps)
        return file, *_decoded(av, file, codec)
    except av.FFmpegError as error:
        raise UsageError(
            f"{codec.encoder} refuses {kbps} kbit/s at {rate:,} Hz with {values.shape[1]} channels "
            f"({error.strerror}); use another bit rate"
        ) from error


def _encoded(av: Any, values: Floats, rate: int, codec: _Codec, kbps: int) -> bytes:  # noqa: ANN401 (loaded later)
    layout = "mono" if values.shape[1] == 1 else "stereo"
    stream = io.BytesIO()
    with av.open(stream, "w", format=codec.muxer) as container:
        container.flags |= _BITEXACT
        track = container.add_stream(codec.encoder, rate=rate, layout=layout)
        track.bit_rate = 1000 * kbps
        track.codec_context.thread_count = 1
        for start in range(0, len(values), _PIECE):
            piece = values[start : start + _PIECE].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="flt", layout=layout)
            frame.sample_rate, frame.pts = rate, start
            for packet in track.encode(frame):
                container.mux(packet)
        for packet in track.encode(None):
            container.mux(packet)
    return stream.getvalue()


def _decoded(av: Any, file: bytes, codec: _Codec) -> tuple[Floats, int]:  # noqa: ANN401
    """Return the sound and its rate; the file is our own, so no other process is needed."""
    with av.open(io.BytesIO(file), format=codec.demuxer) as container:
        track = container.streams.audio[0]
        pieces = [_interleaved(frame) for frame in container.decode(track)]
        return np.concatenate(pieces).astype(np.float64), int(track.rate)


def _interleaved(frame: Any) -> NDArray[np.float32]:  # noqa: ANN401
    """Return a decoded frame as [n, C]; decoders of lossy sound give floats."""
    values: NDArray[np.float32] = frame.to_ndarray()
    return values.T if frame.format.is_planar else values.reshape(frame.samples, -1)


# --- libsndfile ----------------------------------------------------------------------------------------------


def _vorbis(values: Floats, rate: int, quality: float) -> tuple[bytes, Floats, int]:
    library = sound_decode.library()
    stream = io.BytesIO()
    options: dict[str, Any] = {"format": "OGG", "subtype": "VORBIS", "compression_level": 1 - quality / 10}
    with library.SoundFile(stream, "w", rate, values.shape[1], **options) as sound:
        for start in range(0, len(values), _PIECE):
            sound.write(values[start : start + _PIECE].astype(np.float32))
    file = _numbered(stream.getvalue())
    decoded, given = library.read(io.BytesIO(file), dtype="float64", always_2d=True)
    return file, decoded, int(given)


def _numbered(file: bytes) -> bytes:
    """Return an Ogg file whose stream has the number 1 instead of one drawn from the clock."""
    pages = bytearray(file)
    position = 0
    while position < len(pages):
        count = pages[position + 26]
        end = position + 27 + count + sum(pages[position + 27 : position + 27 + count])
        pages[position + 14 : position + 18] = (1).to_bytes(4, "little")
        pages[position + 22 : position + 26] = bytes(4)
        checksum = sound_decode.ogg_crc(bytes(pages[position:end]))
        pages[position + 22 : position + 26] = checksum.to_bytes(4, "little")
        position = end
    return bytes(pages)
