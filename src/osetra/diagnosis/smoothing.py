"""Exponentially weighted averages, which smooth a curve without looking ahead.

    v_t = beta v_(t-1) + (1 - beta) x_t,  v_0 = 0,  smoothed x_t = v_t / (1 - beta^t)

An average over about the last 1/(1 - beta) values: 0.9 about 10, 0.999 about 1,000. Without the division, which is the bias correction
of Kingma & Ba 2015 (arXiv:1412.6980), the start would lean towards 0.

Knows nothing of: what the values are.
"""

import math
from collections.abc import Iterable

import numpy as np

from osetra.core.errors import InputError


def smooth(values: Iterable[float], beta: float = 0.9) -> np.ndarray:
    """The smoothed values, float64 [values]; beta 0 leaves them as they are.

    A value that is not finite stays as it is, and the average goes on without it: t counts the finite ones only. Raises InputError for
    a beta outside [0, 1).
    """
    if isinstance(beta, bool) or not isinstance(beta, int | float | np.integer | np.floating) or not 0 <= beta < 1:
        raise InputError(f"the weight of the past must be in [0, 1), got {beta!r}; 0.9 averages about the last 10 values, 0 none")
    try:
        given = np.array(list(values), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"what is smoothed must be a row of numbers, got something else ({error}); give a list of numbers") from error
    if given.ndim != 1:
        raise InputError(f"what is smoothed must be one row of numbers, got shape {given.shape}; smooth one curve at a time")
    # Divided through at each step, v_t / (1 - beta^t) is x_t and the average before, by weights that sum to 1; so it stays within the
    # values, a constant row stays as it is to the last bit, and nothing is lost where beta^t is near 1.
    smoothed, average, weight = given.copy(), 0.0, 0.0
    for place, value in enumerate(given.tolist()):
        if not math.isfinite(value):
            continue
        weight = beta * weight + (1.0 - beta)
        average += (1.0 - beta) / weight * (value - average)
        smoothed[place] = average
    return smoothed
