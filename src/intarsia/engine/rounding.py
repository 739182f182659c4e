"""What saving does to samples, while something is learnt: rounded as the file will be, with a gradient all the same.

    network ──► values ── picture() or sound() ──► exactly what the file gives back ──► the receiver's network
    gradient ◄──────── 1 inside the range ◄──────────────────────────────────────────────── gradient

Values beyond the range are clipped, and what becomes of their gradient is the caller's choice (`Outside`):

    "pass"    it goes through as if nothing had been clipped: what lies outside is still told to come back;
    "zero"    it stops, which is the true derivative of clipping: what lies outside can no longer be heard of.

Source of the straight-through gradient: Y. Bengio, N. Leonard, A. Courville, arXiv:1308.3432 (2013), section 4.
Source of the additive noise: J. Balle, V. Laparra, E. Simoncelli, End-to-end optimized image compression, ICLR 2017.
"""

from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch.autograd import Function

from .tensors import full, uniform

Outside = Literal["pass", "zero"]

PICTURE_STEP = 1 / 255
"""From one of the 256 levels of a picture to the next, where black is 0; twice as much where it is -1."""

SOUND_STEP = 1 / 32768
"""From one 16-bit sample of a sound to the next."""

_WHITE = 255
_FULL_SCALE = 32768


# --- pictures -----------------------------------------------------------------------------------------------


def picture(values: Tensor, *, low: float = 0.0, outside: Outside = "pass") -> Tensor:
    """Return pictures as 8-bit files give them back.

    Args:
        values: any shape, `low`..1; half-precision ones become float32.
        low: black: 0, or -1.
        outside: what becomes of the gradient beyond `low`..1.

    Returns:
        The same shape; in float32 and with `low` 0 the very numbers of `media.Image.planes`.

    Raises:
        ValueError: `low` or `outside` is something else.
    """
    values = full(values)
    return straight(values, _from_levels(_picture_levels(values.detach(), low), low), (low, 1.0), outside)


def picture_samples(values: Tensor, *, low: float = 0.0) -> Tensor:
    """Return what is written for pictures, uint8, black 0: clipped, rounded, halves to even."""
    return _picture_levels(full(values.detach()), low).to(torch.uint8)


def picture_values(samples: Tensor, *, low: float = 0.0) -> Tensor:
    """Return float32 values `low`..1 of uint8 samples."""
    return _from_levels(samples.float(), low)


def _picture_levels(values: Tensor, low: float) -> Tensor:
    if low not in (0, -1):
        raise ValueError(f"low is {low}; expected 0 or -1, the black of pictures")
    unit = values if low == 0 else (values + 1) / 2
    return (unit * _WHITE).round().clamp(0, _WHITE)


def _from_levels(levels: Tensor, low: float) -> Tensor:
    # On a GPU, dividing by a plain number is multiplying by its inverse, which gives other bits now and then.
    unit = levels / torch.full((), _WHITE, dtype=levels.dtype, device=levels.device)
    return unit if low == 0 else unit * 2 - 1


# --- sounds -------------------------------------------------------------------------------------------------


def sound(values: Tensor, *, outside: Outside = "pass") -> Tensor:
    """Return sounds as 16-bit files give them back.

    Args:
        values: any shape, -1..1; half-precision ones become float32.
        outside: what becomes of the gradient beyond -1..1.

    Returns:
        The same shape, -1..32767/32768: the very numbers of `media.Audio.planes`.

    Raises:
        ValueError: `outside` is something else.
    """
    values = full(values)
    return straight(values, _sound_levels(values.detach()) / _FULL_SCALE, (-1.0, 1.0), outside)


def sound_samples(values: Tensor) -> Tensor:
    """Return what is written for sounds, int16: clipped, rounded, halves to even, as `media.audio.from_float`."""
    return _sound_levels(full(values.detach())).to(torch.int16)


def sound_values(samples: Tensor) -> Tensor:
    """Return float32 values -1..1 of int16 samples."""
    return samples.float() / _FULL_SCALE


def _sound_levels(values: Tensor) -> Tensor:
    return (values * _FULL_SCALE).round().clamp(-_FULL_SCALE, _FULL_SCALE - 1)


# --- both ---------------------------------------------------------------------------------------------------


def additive(values: Tensor, step: float, generator: torch.Generator | None = None) -> Tensor:
    """Return values with uniform noise of one step, -step / 2..step / 2, in place of rounding; nothing is clipped.

    Args:
        values: any shape.
        step: `PICTURE_STEP` or `SOUND_STEP`.
        generator: what the noise is drawn by.
    """
    values = full(values)
    return values + (uniform(values.shape, values, generator) - 0.5) * step


def straight(
    values: Tensor, made: Tensor, bounds: tuple[float, float] | None = None, outside: Outside = "pass"
) -> Tensor:
    """Return `made`, bit for bit, and let its gradient go straight to `values`.

    Args:
        values: any shape.
        made: what was made of them, the same shape; no gradient goes this way.
        bounds: the range, needed when `outside` is "zero".
        outside: what becomes of the gradient of values beyond it.
    """
    if outside not in ("pass", "zero"):
        raise ValueError(f"outside is {outside!r}; expected 'pass' or 'zero'")
    inside = None
    if outside == "zero" and bounds is not None:
        inside = (values >= bounds[0]) & (values <= bounds[1])
    return cast(Tensor, _Straight.apply(values, made.detach(), inside))  # type: ignore[no-untyped-call]


class _Straight(Function):
    """`values + (made - values).detach()` would not be `made`: the sum is rounded."""

    @staticmethod
    def forward(ctx: Any, _values: Tensor, made: Tensor, inside: Tensor | None) -> Tensor:  # noqa: ANN401
        ctx.inside = inside
        return made.view_as(made)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        return gradient if ctx.inside is None else gradient * ctx.inside, None, None
