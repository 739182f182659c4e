"""Pictures and files the tests need, drawn here: nothing is downloaded."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image as Pil

from intarsia.carrier.keys import V1, Cost, Keyring
from intarsia.pipeline import Terms, hide_file, reveal_file

PASSWORD = "correct horse battery staple"
CHEAP = Cost(1, 8, 1)
LOSSLESS = {"PNG": ".png", "BMP": ".bmp", "TIFF": ".tif", "WEBP": ".webp"}
LOSSY = {"JPEG": ".jpg", "AVIF": ".avif"}


def noise(height=64, width=64, *, channels=3, seed=1, dtype=np.uint8):
    """Uniform noise away from the ends of the range, [H, W, 3], or [H, W] when `channels` is 1."""
    top = np.iinfo(dtype).max
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(top // 8, top - top // 8, shape, dtype=dtype)


def photograph(height=64, width=64, *, top=100, left=180):
    """A part of a photograph that was never a JPEG, uint8 [H, W, 3]."""
    return np.ascontiguousarray(skimage.data.astronaut()[top : top + height, left : left + width])


def speech(seconds=1.0, rate=16_000, *, seed=1, level=-26.0, channels=1):
    """Something like speech: a voice of gliding harmonics in syllables, over a quiet room; int16 [T] or [T, C]."""
    draw = np.random.default_rng(seed)
    count = round(seconds * rate)
    time = np.arange(count) / rate
    sound = np.zeros((count, channels))
    for channel in range(channels):
        pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * time + draw.uniform(0, 6)) + 8 * channel
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        voice = sum(np.sin(k * phase) / (1 + abs(k - 5)) for k in range(1, 25))
        syllables = np.clip(np.sin(2 * np.pi * 3.1 * time + draw.uniform(0, 6)) + 0.3, 0, None)
        sound[:, channel] = voice * syllables + 0.02 * draw.standard_normal(count)
    sound *= 32768 * 10 ** (level / 20) / np.sqrt(np.mean(sound**2))
    whole = np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
    return whole[:, 0] if channels == 1 else whole


def moving(frames=5, height=24, width=32):
    """A bright square on its way over a soft ground, uint8 [T, H, W, 3]."""
    y, x = np.mgrid[:height, :width]
    ground = np.stack([4 * x, 5 * y, 2 * (x + y)], axis=-1).astype(np.uint8)
    video = np.repeat(ground[None], frames, axis=0)
    for number in range(frames):
        video[number, 8:16, 3 * number : 3 * number + 8] = (230, 200, 40)
    return video


def octahedron():
    """Vertices float32 [6, 3] and faces int32 [8, 3]."""
    vertices = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], np.float32) / 3
    faces = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    return vertices, np.array(faces, np.int32)


def random_bytes(count, seed=2):
    """Bytes that no codec makes shorter."""
    return np.random.default_rng(seed).bytes(count)


def packed(picture, form="PNG", **options):
    """The bytes of a picture file; lossless where the format can be."""
    picture = picture if isinstance(picture, Pil.Image) else Pil.fromarray(picture)
    if form == "WEBP":
        options = {"lossless": True, "exact": True} | options
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def pixels(path):
    """What any other program sees in a picture file."""
    with Pil.open(path) as opened:
        return np.asarray(opened)


def chunk(kind, data):
    """One chunk of a PNG, with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, *, bits=8, colour=2, rows=b"", extra=b""):
    """A PNG built by hand: any depth, any claimed size. `rows` are raw big-endian rows, `extra` more chunks."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def deep_png(samples, *, extra=b""):
    """A PNG with 16 bits in each channel: [H, W] grey, or [H, W, C] with C = 2 (grey, alpha), 3 or 4."""
    height, width = samples.shape[:2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[1 if samples.ndim == 2 else samples.shape[2]]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return png(width, height, bits=16, colour=colour, rows=rows, extra=extra)


def with_chunk(data, kind, content):
    """A PNG file with one more chunk right behind its header."""
    return data[:33] + chunk(kind, content) + data[33:]


def write(path, data):
    """Write bytes, or an array as PNG, and return the path."""
    path = Path(path)
    path.write_bytes(data if isinstance(data, bytes) else packed(data))
    return path


def terms(password=PASSWORD, **others):
    """How a trip is made, with keys that cost next to nothing: for what does not depend on their cost."""
    return Terms(Keyring(password, CHEAP), **others)


def there_and_back(cover, secret, out, **others):
    """Hide, reveal with a keyring of its own, and return the report and the revealed value."""
    hidden = hide_file(cover, secret, out, terms(**others))
    return hidden, reveal_file(out, None, terms()).value


def revealed(container, password=PASSWORD, cost=V1):
    """The bytes of the secret in a container made by the command line."""
    return reveal_file(container, None, Terms(Keyring(password, cost))).value.data
