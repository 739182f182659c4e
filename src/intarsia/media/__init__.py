"""Files to values and back: pictures, sounds, videos, shapes, bytes, and how far apart two of them are.

    file ─files─► bytes ─image_file.decode─► Image ─image_file.encode─► bytes ─files.Output─► file
    file ────────────────audio_file.load───► Audio ─audio_file.save───────────────────────► file, in pieces
    file, folder ───────video_file.load───► Video ─video_file.encode─► bytes
    file ───────────────shape_file.load───► Shape ─shape_file.encode─► bytes
                  bytes ─────────────────► Blob  ──────────────────► bytes

A kind is decided by content, never by suffix. Nothing here knows about hiding.
"""

from .audio import Audio
from .blob import Blob
from .image import Image
from .shape import Shape
from .values import Cover, Value
from .video import Video

__all__ = ["Audio", "Blob", "Cover", "Image", "Shape", "Value", "Video"]
