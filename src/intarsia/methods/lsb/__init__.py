"""LSB: the classical baseline, top bits of one picture in the low bits of another, or any file in those of a sound.

    cover   c7 c6 c5 c4 c3 │ c2 c1 c0          secret  s7 s6 s5 │ s4 … s0
                           ▼                            ▼
    stego   c7 c6 c5 c4 c3 │ s7 s6 s5          reveal  s7 s6 s5 │ 0 0 0 0 0

The baseline StegNet (P. Wu, Y. Yang, X. Li, Future Internet 10(6):54, 2018) compares itself with, n = 3 bits
there. In a sound the low bits of one sample after the other hold the secret's code, n bits at a time, as the common
WAV tools do it. Nothing is encrypted: anybody who knows the trick sees the secret. It is here to be measured against.

Through files, the places of salt and header carry those instead; the revealed picture shows their left
neighbour's value there. A sound's header stands in six frames, which are stepped over.
"""

from .method import Lsb, hide_bits, read_bits, reveal_bits, write_bits

METHOD = Lsb()

__all__ = ["METHOD", "Lsb", "hide_bits", "read_bits", "reveal_bits", "write_bits"]
