"""StegNet: a picture in a picture of the same size, painted by one network and read by another.

    cover  [3, H, W] ─┐                                                       ┌─► revealed [3, H, W]
                      ├─ concat ─► embedder ─► container ─► 8 bits ─► file ─► decoder
    secret [3, H, W] ─┘   6 SCR, 2 convolutions                               6 SCR, 2 convolutions

P. Wu, Y. Yang, X. Li: StegNet: Mega Image Steganography Capacity with Deep Convolutional Network, Future Internet
10(6):54, 2018. Published: a float container that never was a file, batch statistics when the network is used, 64 x 64
pixels. Here the container is 8 bits in training too (`rounds`), and any size goes through the same networks; what was
published stays as switches.

It does not encrypt: who has the same weights can read the picture. The password seals the header alone.
"""

from .method import Method, StegNetConfig

METHOD = Method()

__all__ = ["METHOD", "Method", "StegNetConfig"]
