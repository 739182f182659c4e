"""Neural field: a video, a sound, a shape or a picture as a network whose weights are the picture.

    cover   ─► grey = weight ─┐                                    ┌─► weights = grey ─┐
                              ├─ fit, rounding ─► 8 bits ─► file ──┤                   ├─► field(t, y, x) ─► secret
    secret  ─► points ────────┤                                    └─► key: all other ─┘   at any size or rate
    key     ─► all other weights, all biases                           weights, biases

G. Han, D.-J. Lee, J. Hur, J. Choi, J. Kim: Deep Cross-Modal Steganography Using Neural Representations, ICIP 2023.
There is no trained model: every secret is fitted anew, and the receiver needs the picture and the password.
"""

from .method import NeuralField
from .settings import NeuralFieldConfig

METHOD = NeuralField()

__all__ = ["METHOD", "NeuralField", "NeuralFieldConfig"]
