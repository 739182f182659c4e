"""Secrets to bytes and back: one file for each kind of medium.

    encode(value, budget, ...) -> bytes       never longer than the budget
    decode(bytes) -> value                    needs nothing else

Bytes are stored as long as they are, never padded. The first byte names the codec by letter:

    picture   f  the file as it was        exact
              w  WebP lossless             exact
              j  JPEG 2000 codestream      exact or lossy
              a  AVIF 4:4:4                lossy
              p  a colour profile, then one of the above
    sound     f  the file as it was        exact
              F  FLAC                      exact
              M  our own MDCT code         lossy
    video     f  the file as it was        exact
              F L  FFV1, H.264 lossless    exact
              H V a  HEVC, H.264, AVIF     lossy
    shape     f x  the file, in LZMA2      exact
              e  rearranged, LZMA2         exact
              D  Draco over a lattice      lossy
    bytes     s  stored                    exact
              x  LZMA2                     exact
"""

LETTER_BYTES = 1
"""What the letter adds to every code."""
