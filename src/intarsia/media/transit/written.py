"""The file that is written of what came out: without further loss, or the very file that travelled."""

from pathlib import Path

from ...errors import UsageError
from .. import audio_file, image_file
from ..audio import Audio
from ..files import PathLike, shown
from ..values import Cover
from .channel import PLURALS
from .table import Passage


def check_suffix(passage: Passage, out: PathLike) -> None:
    """Raise `UsageError` when what a passage gives cannot be written under that name without another loss."""
    suffix = Path(out).suffix.lower()
    lossless = _lossless(passage.kind)
    if suffix in passage.suffixes or suffix in lossless:
        return
    is_lossy = suffix in (audio_file.LOSSY_SUFFIXES if passage.kind == "audio" else image_file.LOSSY_SUFFIXES)
    problem = "is lossy, which would be one more channel" if is_lossy else f"is no format of {PLURALS[passage.kind]}"
    expected = ", ".join(dict.fromkeys((*lossless, *passage.suffixes)))
    raise UsageError(f"{shown(out)}: {suffix or 'no suffix'} {problem}; after {passage.steps[-1].text} use {expected}")


def encode(value: Cover, passage: Passage, out: PathLike) -> bytes:
    """Return the bytes of a file.

    Args:
        value: what the passage gave.
        passage: its last step decides which suffix means the very file that travelled.
        out: the name, whose suffix decides the format.

    Raises:
        UsageError: the suffix fits neither, or its format cannot hold this value.
    """
    check_suffix(passage, out)
    suffix = Path(out).suffix.lower()
    if suffix in passage.suffixes and (travelled := value.original()) is not None:
        return travelled
    form = _lossless(passage.kind)[suffix]
    try:
        if isinstance(value, Audio):
            return audio_file.encode(value, form)
        image_file.check_format(value, form)
        return image_file.encode(value, form)
    except UsageError as error:
        raise UsageError(f"{shown(out)}: {error}") from error


def losses(value: Cover, passage: Passage, out: PathLike) -> list[str]:
    """Return what the file `encode` makes cannot keep besides the samples, one sentence each."""
    suffix = Path(out).suffix.lower()
    if suffix in passage.suffixes:
        return []
    form = _lossless(passage.kind)[suffix]
    return audio_file.losses(value, form) if isinstance(value, Audio) else image_file.losses(value, form)


def _lossless(kind: str) -> dict[str, str]:
    return audio_file.LOSSLESS_SUFFIXES if kind == "audio" else image_file.LOSSLESS_SUFFIXES
