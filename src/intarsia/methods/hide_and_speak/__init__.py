"""Hide and Speak: speech in speech, the baseline of DITAS; and the same networks with R, G, B as three messages.

    cover ─ STFT ─► magnitudes C ─► encoder ─┐                                           ┌─► decoder 1 ─► message 1
                                 C ──────────┼─ concat ─► decoder ─► C' ─► sound ─► file ─ STFT ─► magnitudes ─┼─► ...
    messages ─ STFT ─► magnitudes ───────────┘               phases: the cover's         └─► decoder n ─► message n

F. Kreuk, Y. Adi, B. Raj, R. Singh, J. Keshet: Hide and Speak: Towards Deep Neural Networks for Speech Steganography,
Interspeech 2020, as its public code has it: gated convolutions, rectangular frames of 256, three seconds, the way
through the sound while learning. Magnitudes are all that is hidden: a revealed message gets phases that fit them.

It does not encrypt: who has the same weights can hear the message. The password seals the header alone.
"""

from .method import HideAndSpeakConfig, Method

METHOD = Method()

__all__ = ["METHOD", "HideAndSpeakConfig", "Method"]
