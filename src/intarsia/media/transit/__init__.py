"""What happens to pictures and sounds on their way: one function for each thing, with real codecs.

    text ─table.parse(kind, seed)─► Passage ─── step ─── step ───┐
    what was sent ──────────────────────────────────────────────►┴─► what the receiver gets after decoding

    jpeg:75            one step                  scale:1600+jpeg:75    several, one after the other
    mp3:128            names of sounds           cut:0.25:4:7          further arguments, the last one a seed
    messenger-2026-picture                       a dated profile: our approximation of what such services do

    channel        what a channel is: name, arguments and their ranges
    pictures       the functions of pictures
    sounds         the functions of sounds; codecs of sounds are in sound_codecs
    table          names to functions
    written        the file that is written of what came out

Same value, same text, same seed: same result. Nothing here knows about hiding.
"""

from .channel import Channel
from .table import PICTURES, PROFILES, SOUNDS, Passage, Profile, parse, send

__all__ = ["PICTURES", "PROFILES", "SOUNDS", "Channel", "Passage", "Profile", "parse", "send"]
