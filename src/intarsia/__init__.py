"""Intarsia hides one medium inside another and gives it back from the saved file.

import intarsia

hidden = intarsia.hide("cover.png", "secret.pdf", "container.png", password="correct horse")
print(hidden.cover_psnr)
intarsia.reveal("container.png", "out/", password="correct horse")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from .media.values import Source
    from .methods.base import Facts
    from .results import Hidden, Revealed
    from .survey import Capacity, Inspection

__version__ = "0.1.0"
__all__ = ["capacity", "hide", "inspect", "methods", "reveal"]

# Everything heavy is imported inside the functions, so that `import intarsia` costs nothing.


def hide(
    cover: Source,
    secret: Source | list[Source] | tuple[Source, ...],
    out: str | os.PathLike[str],
    *,
    method: str | None = None,
    password: str | None = None,
    force: bool = False,
    seed: int | None = None,
    max_pixels: int | None = None,
    model: str | None = None,
    device: str = "auto",
    **settings: object,
) -> Hidden:
    """Hide secrets in a picture or a sound and write the container, which is read back and checked before it appears.

    Args:
        cover: picture or sound file; or a picture: `intarsia.media.Image`, uint8 array [H, W] or [H, W, 3], Pillow
            picture; or a sound: `intarsia.media.Audio`.
        secret: any file, or a value: bytes, a picture or a sound as above, `intarsia.media.Blob`; or a list of
            them.
        out: container to write: .png, .bmp, .tif, .tiff or .webp (lossless) for a picture, .wav or .flac for a sound.
        method: name from `methods()`; None is `exact`.
        password: None is the public key, which anybody can try.
        force: replace `out` if it exists.
        seed: makes the container repeatable: same inputs and seed, same bytes. None draws fresh randomness.
        max_pixels: limit on pictures read; None is 64 million.
        model: trained model, a name or the folder of a training run; None is the one shipped for the method.
        device: where networks run: "auto", "cpu" or "cuda".
        **settings: of the method, for `exact`: preset="fast" | "balanced" | "best", cover_db= (picture), snr= (sound),
            secret_db= (dB), protect= (share of a sound that may be lost), shaping= (of its noise).

    Returns:
        What was measured on the saved file: cover PSNR in dB (RGB) or carrier SNR in dB (waveform), higher is better,
        and for each secret its bytes and PSNR, SNR, or that it is exact.

    Raises:
        intarsia.errors.IntarsiaError: one class for each exit code; nothing was written.
    """
    from .pipeline import hide_file

    return hide_file(cover, secret, out, _terms(method, password, force, seed, max_pixels, settings, model, device))


def reveal(
    container: Source | list[Source] | tuple[Source, ...],
    out: str | os.PathLike[str] | None = None,
    *,
    password: str | None = None,
    method: str | None = None,
    force: bool = False,
    max_pixels: int | None = None,
    model: str | None = None,
    device: str = "auto",
    **settings: object,
) -> Revealed:
    """Reveal what a container holds, from the file alone.

    Args:
        container: picture or sound file, `intarsia.media.Image` or `Audio`; or a list of those that one secret was
            spread over.
        out: None returns values only; a folder restores name and format; a file name converts a picture or a sound to
            its suffix.
        password: None is the public key.
        method: must be the one it was hidden with; None reads it from the header.
        force: replace existing files.
        max_pixels: limit on pictures read; None is 64 million.
        model: trained model, where the one it was hidden with is not shipped.
        device: where networks run: "auto", "cpu" or "cuda".
        **settings: of the method; none of today's needs any.

    Raises:
        intarsia.errors.NoSecretError: nothing hidden, wrong password, or changed: nobody can tell which.
        intarsia.errors.IntarsiaError: other kinds, one for each exit code.
    """
    from .pipeline import reveal_file
    from .spread import reveal_spread

    terms = _terms(method, password, force, None, max_pixels, settings, model, device)
    if isinstance(container, list | tuple):
        return reveal_spread(container, out, terms)
    return reveal_file(container, out, terms)


def capacity(
    cover: Source,
    secret: Source | list[Source] | tuple[Source, ...] | None = None,
    *,
    method: str | None = None,
    max_pixels: int | None = None,
    model: str | None = None,
    **settings: object,
) -> Capacity:
    """Tell how many bytes fit in a cover and, with a secret, what hiding it would give.

    Args:
        cover: picture or sound file, `intarsia.media.Image` or `Audio`.
        secret: file or value to try, or a list of them; nothing is written.
        method: None is `exact`.
        max_pixels: limit on pictures read; None is 64 million.
        model: trained model, as in `hide`.
        **settings: of the method.

    Raises:
        intarsia.errors.DoesNotFitError: the secret does not fit; needed and available bytes are attributes.
    """
    from .survey import capacity as survey_capacity

    return survey_capacity(cover, secret, _terms(method, None, False, None, max_pixels, settings, model))


def inspect(file: Source, *, password: str | None = None, max_pixels: int | None = None) -> Inspection:
    """Tell what a file is; with a password, what it carries for it.

    Args:
        file: any file, or a value.
        password: None does not look for a secret; use "open" for the public key.
        max_pixels: limit on pictures read; None is 64 million.

    Raises:
        intarsia.errors.NoSecretError: a password was given and nothing opens with it.
    """
    from .carrier.keys import Keyring
    from .survey import inspect as survey_inspect

    keyring = None if password is None else Keyring(password)
    return survey_inspect(file, keyring, _terms(None, None, False, None, max_pixels, {}))


if TYPE_CHECKING:

    def methods() -> tuple[Facts, ...]:
        """Return the facts of every method in the table: what it hides in what, its paper, whether it is exact."""

else:

    def __getattr__(name):  # noqa: ANN001, ANN202 (seen by the interpreter only)
        # `intarsia.methods` is the package of that name, which answers when it is called.
        if name == "methods":
            import importlib

            return importlib.import_module(".methods", __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _terms(
    method: str | None,
    password: str | None,
    force: bool,
    seed: int | None,
    max_pixels: int | None,
    settings: dict[str, object],
    model: str | None = None,
    device: str = "auto",
) -> Terms:
    from .carrier.keys import PUBLIC_PASSWORD, Keyring
    from .media.image_file import MAX_PIXELS
    from .pipeline import Terms

    return Terms(
        keyring=Keyring(PUBLIC_PASSWORD if password is None else password),
        method=method,
        settings=settings,
        force=force,
        seed=seed,
        max_pixels=max_pixels or MAX_PIXELS,
        model=model,
        device=device,
    )


if TYPE_CHECKING:
    from .pipeline import Terms
