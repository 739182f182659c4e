"""DITAS: a picture in a sound, stage by stage; each stage hides what the stages before it left over.

    S1 = secret ─┐             S2 = S1 - R1(T~1) ─┐             S3 = S2 - R2(T~2) ─┐
                 ▼                                ▼                                ▼
    T1 ───────► H1 ─► T~1        T2 ───────────► H2 ─► T~2        T3 ───────────► H3 ─► T~3     pieces of a sound
                       │                                │                                │
                       ▼ file                           ▼ file                           ▼ file
                      R1 ─────────────────┐            R2 ─────────────────┐            R3
                       └──────────────────┴─► + ◄──────┴──────────────────►+ ◄───────────┘ ─► revealed

    S     one stage                  M-E    Hi is told what Hi-1 saw (its last features)
    M     stages by themselves       M-D    Ri is told what Ri-1 saw                      M-ED   both

W. Cui, S. Liu, F. Jiang, Y. Liu, D. Zhao: Multi-Stage Residual Hiding for Image-into-Audio Steganography, ICASSP 2020.
Published are the recursion, the loss and a table; sizes, layers and how E and D are wired are not, so they are
settings here, with what we chose and why.

It does not encrypt: who has the same weights can read the picture. The password seals the header, and decides in which
order the stages lie in the sound. A stage whose piece is lost is left out of the sum.
"""

from .method import DitasConfig, Method

METHOD = Method()

__all__ = ["METHOD", "DitasConfig", "Method"]
