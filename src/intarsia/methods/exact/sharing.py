"""Several secrets in one budget: who gets how much.

lossless ones (bytes, text)          what they need, first
all others, at what is wanted        if together they fit
else                                 shares by weight; what one cannot use goes to the others
"""

import math
from collections.abc import Callable, Sequence

from ...codes.coded import Coded
from ...errors import DoesNotFitError, UsageError
from ...media import Blob, Value

Coder = Callable[[Value, int, bool], Coded]
"""Codes one value within so many bytes; True: fill them, False: stop at what is wanted."""


def parse_weights(text: str | None, count: int) -> list[float]:
    """Read weights as "2:1:1", one for each secret; None: all alike.

    Raises:
        UsageError: not that many positive numbers.
    """
    if text is None:
        return [1.0] * count
    try:
        weights = [float(part) for part in text.split(":")]
    except ValueError:
        weights = []
    if len(weights) != count or not all(0 < weight < math.inf for weight in weights):
        raise UsageError(f"weights is {text!r}; expected {count} positive numbers, one for each secret, as in 2:1:1")
    return weights


def share_out(
    secrets: Sequence[Value], budget: int, weights: Sequence[float], code: Coder, *, fill: bool
) -> list[Coded]:
    """Return the codes of several secrets that together take at most `budget` bytes.

    Args:
        secrets: in any order.
        budget: bytes for all codes together.
        weights: of those that are not lossless, positive.
        code: codes one of them.
        fill: give all room there is even where less would do.

    Raises:
        DoesNotFitError: they do not fit, not even at their worst.
    """
    found: dict[int, Coded] = {}
    for number, secret in enumerate(secrets):
        if isinstance(secret, Blob):
            found[number] = _or_name(secret, code, _left(budget, found), fill)
    others = [number for number in range(len(secrets)) if number not in found]
    if others and not fill:
        wanted = {number: _or_name(secrets[number], code, _left(budget, found), False) for number in others}
        if sum(len(coded.code) for coded in wanted.values()) <= _left(budget, found):
            found |= wanted
            others = []
    while others:
        left, total = _left(budget, found), sum(weights[number] for number in others)
        tried = {
            number: _or_name(secrets[number], code, int(left * weights[number] / total), fill) for number in others
        }
        content = {
            number: coded
            for number, coded in tried.items()
            if math.isinf(coded.quality) or len(coded.code) < _CONTENT * int(left * weights[number] / total)
        }
        found |= content if content and len(content) < len(others) else tried
        others = [number for number in others if number not in found]
    return [found[number] for number in range(len(secrets))]


_CONTENT = 0.9
"""A code that leaves more than a tenth of its share has no use for it."""


def _left(budget: int, found: dict[int, Coded]) -> int:
    return budget - sum(len(coded.code) for coded in found.values())


def _or_name(secret: Value, code: Coder, budget: int, fill: bool) -> Coded:
    """Code a secret; what does not fit says which one it was."""
    try:
        return code(secret, budget, fill)
    except DoesNotFitError as error:
        if not secret.name:
            raise
        raise DoesNotFitError(f"{secret.name}: {error}", needed=error.needed, available=error.available) from error
