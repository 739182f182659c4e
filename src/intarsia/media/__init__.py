"""Files to values and back: pictures, bytes, and how far apart two of them are.

    file ─files─► bytes ─image_file.decode─► Image ─image_file.encode─► bytes ─files.Output─► file
                  bytes ─────────────────► Blob  ──────────────────► bytes

A kind is decided by content, never by suffix. Nothing here knows about hiding.
"""

from .blob import Blob
from .image import Image
from .values import Value

__all__ = ["Blob", "Image", "Value"]
