"""JPEG compatibility: in a picture that was a JPEG once, whatever is embedded stands beside the comb's teeth.

    samples ──► trace of a JPEG? ──► coefficients, and the steps they were multiples of ──► how far off the multiples

J. Fridrich, M. Goljan, R. Du: Steganalysis based on JPEG compatibility, SPIE 2001. There every block is tried for a
JPEG that gives it; here the distance from the multiples is averaged, which needs no table of quantisers. Rounding to
grey levels alone gives 1/12, of colour a little more. Pictures that never were a JPEG get no answer.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...media.jpeg_trace import find_jpeg_trace, spectrum_at

ROUNDING = 1 / 12
"""Mean squared distance that rounding to grey levels leaves, squared grey levels."""


def score(samples: NDArray[np.uint8]) -> float | None:
    """Return the mean squared distance of DCT coefficients from multiples of their steps, in squared grey levels.

    Args:
        samples: uint8 [H, W] or [H, W, 3].

    Returns:
        None: no trace of a JPEG, or one too faint to measure by.
    """
    trace = find_jpeg_trace(samples)
    if trace is None:
        return None
    coefficients, steps = spectrum_at(samples, trace)
    if not coefficients.size:
        return None
    return distance(coefficients, steps)


def distance(coefficients: NDArray[np.floating[Any]], steps: NDArray[np.int64]) -> float:
    """Return the median over blocks of the mean squared distance of coefficients [K, blocks] from their steps [K]."""
    scale = steps[:, None].astype(np.float64)
    # The median: where colours were clipped on their way from luma and chroma, a block lies on no comb.
    return float(np.median(((coefficients - scale * np.rint(coefficients / scale)) ** 2).mean(axis=0)))
