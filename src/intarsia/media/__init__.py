"""Files to values and back: pictures, sounds, bytes, and how far apart two of them are.

    file ─files─► bytes ─image_file.decode─► Image ─image_file.encode─► bytes ─files.Output─► file
    file ────────────────audio_file.load───► Audio ─audio_file.save───────────────────────► file, in pieces
                  bytes ─────────────────► Blob  ──────────────────► bytes

A kind is decided by content, never by suffix. Nothing here knows about hiding.
"""

from .audio import Audio
from .blob import Blob
from .image import Image
from .values import Cover, Value

__all__ = ["Audio", "Blob", "Cover", "Image", "Value"]
