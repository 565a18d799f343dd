"""How the learning rate moves over epochs and steps.

    constant      alpha0
    inverse       alpha0/(1 + decay*epoch)          0.2 with decay 1: 0.2, 0.1, 0.0667 ...
    exponential   alpha0 * 0.95^epoch
    cosine        alpha0/2 * (1 + cos(pi * progress)), progress from 0 to 1 over all steps of the trial

`epoch` counts from 0. Sources: the course (inverse, exponential); Loshchilov & Hutter 2017, arXiv:1608.03983 (cosine).
Knows nothing of: optimisers, data.
"""

import math
from collections.abc import Callable

import numpy as np

from osetra.core.errors import SpaceError

SCHEDULES = ("constant", "inverse", "exponential", "cosine")


def learning_rates(schedule: str, learning_rate: float, *, total_epochs: int, decay: float = 1.0) -> Callable[[int, int], np.ndarray]:
    """A function (epoch from 0, steps an epoch) -> the rate of each step of that epoch, float64 [steps].

    Raises SpaceError for an unknown schedule, a rate that is not > 0 or a decay below 0.
    """
    if schedule not in SCHEDULES:
        raise SpaceError(f"schedule must be one of {', '.join(SCHEDULES)}, got {schedule!r}; choose one")
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise SpaceError(f"learning_rate must be > 0, got {learning_rate}; give a value or a range such as log(1e-4, 1)")
    if not (math.isfinite(decay) and decay >= 0):
        raise SpaceError(f"decay must be >= 0, got {decay}; 0 keeps the rate constant")

    def rates(epoch: int, steps: int) -> np.ndarray:
        if schedule == "cosine":
            progress = np.minimum((epoch * steps + np.arange(steps)) / (total_epochs * steps), 1.0)
            return learning_rate * 0.5 * (1.0 + np.cos(np.pi * progress))
        factor = {"constant": 1.0, "inverse": 1.0 / (1.0 + decay * epoch), "exponential": 0.95**epoch}[schedule]
        return np.full(steps, learning_rate * factor)

    return rates
