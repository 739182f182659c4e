"""Image in speech: a picture in the magnitudes of a second of speech, one plane a second, by gated convolutions.

    speech ─ STFT ─┬─ magnitude [512, 512] ─► gated 3x3 ─┐
                   │                                     ├─► trunk ─► magnitude' ─┐
    R, G or B ─────│─ resized [512, 512] ───► 3x3 ───────┘                        ├─ iSTFT ─► 16 bits ─► file
                   └─ phase, Nyquist bin ─────────────────────────────────────────┘
    file ─ STFT ─► magnitude ─► trunk ─► sigmoid ─► one plane;   three planes ─► enhancer ─► colour picture

S. Agarwal, S. Venkatraman: Deep Residual Neural Networks for Image in Speech Steganography, arXiv:2003.13217, 2020.
Published: the picture is read off the float magnitudes that the hider gave, which no sound has: with a hop of 31 they
overlap 33 times. Three variants stand side by side: `paper`, which learns so and loses the picture in the file;
`consistent`, with iSTFT, rounding and STFT between the networks; `mdct`, where every plane is a sound.

It does not encrypt: who has the same weights can read the picture. The password seals the header alone.
"""

from .method import ImageInSpeechConfig, Method

METHOD = Method()

__all__ = ["METHOD", "ImageInSpeechConfig", "Method"]
