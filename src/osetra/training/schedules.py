"""How the learning rate moves over epochs and steps.

    constant            alpha0
    inverse             alpha0/(1 + decay*epoch)                    0.2 with decay 1: 0.2, 0.1, 0.0667 ...
    exponential         alpha0 * decay_base^epoch                   decay_base 0.95
    sqrt_epoch          alpha0/sqrt(epoch + 1)                      k/sqrt(epoch) of the course, which counts epochs from 1
    sqrt_step           alpha0/sqrt(t), t from 1 over all steps
    staircase           alpha0 * decay_factor^(epoch // decay_every)
    cosine              alpha0/2 * (1 + cos(pi * progress)), progress from 0 to 1 over all steps of the trial
    one_cycle           linear from alpha0/25 to alpha0 over 30 % of all steps, then a cosine down to alpha0/10,000
    reduce_on_plateau   alpha0, times decay_factor whenever no epoch was better for decay_patience epochs (see plateau)

Warm-up multiplies any of them but one_cycle, which has its own, by min(1, t/(warmup_epochs * steps an epoch)), t from 1. A rate that is
set while a trial trains is no schedule: see `steering`.

`epoch` counts from 0. Sources: the course (inverse, exponential, square roots, staircase); Loshchilov & Hutter 2017,
arXiv:1608.03983 (cosine); Smith & Topin 2019, arXiv:1708.07120 (one_cycle); Goyal et al. 2017, arXiv:1706.02677 (warm-up).
Knows nothing of: optimisers, data.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from osetra.core.errors import SpaceError
from osetra.space.values import is_number, is_whole
from osetra.training.plateau import ReduceOnPlateau

Rates: TypeAlias = Callable[[int, int], np.ndarray]
"""(epochs completed, steps an epoch) -> the rate of each step of the next epoch, float64 [steps]."""

SCHEDULES = (
    "constant",
    "inverse",
    "exponential",
    "sqrt_epoch",
    "sqrt_step",
    "staircase",
    "cosine",
    "one_cycle",
    "reduce_on_plateau",
)
"""The words that a configuration may use."""

CYCLE_START, CYCLE_RISE, CYCLE_END = 1 / 25, 0.3, 1e-4
"""One cycle: first rate and last rate as shares of the highest, and the share of all steps over which it rises."""


def learning_rates(
    schedule: str,
    learning_rate: float,
    *,
    total_epochs: int,
    decay: float = 1.0,
    decay_base: float = 0.95,
    decay_factor: float = 0.5,
    decay_every: int | None = None,
    decay_patience: int = 3,
    warmup_epochs: float = 0.0,
) -> Rates:
    """A function (epoch from 0, steps an epoch) -> the rate of each step of that epoch, float64 [steps].

    `decay_every` left out is a third of `total_epochs`, at least 1. A schedule passes over what only others use. The function of
    reduce_on_plateau is a `ReduceOnPlateau`, which must hear every epoch's record before it is asked for the next.
    Raises SpaceError for an unknown schedule or a value out of range.
    """
    assert total_epochs >= 1, f"{total_epochs} epochs"
    _require(schedule in SCHEDULES, f"schedule must be one of {', '.join(SCHEDULES)}", schedule, "choose one")
    good_rate = is_number(learning_rate) and learning_rate > 0
    _require(good_rate, "learning_rate must be > 0", learning_rate, "give a value or a range such as log(1e-4, 1)")
    _require(is_number(decay) and decay >= 0, "decay must be >= 0", decay, "0 keeps the rate constant")
    _require(is_number(decay_base) and 0 < decay_base <= 1, "decay_base must be in (0, 1]", decay_base, "0.95 takes 5 % an epoch")
    every = max(1, total_epochs // 3) if decay_every is None else decay_every
    _require(is_whole(every) and every >= 1, "decay_every must be a whole number >= 1", decay_every, "give epochs, such as 10")
    _require(is_number(decay_factor) and 0 < decay_factor <= 1, "decay_factor must be in (0, 1]", decay_factor, "0.5 halves the rate")
    good_patience = is_whole(decay_patience) and decay_patience >= 1
    _require(good_patience, "decay_patience must be a whole number >= 1", decay_patience, "give epochs, such as 3")
    _require(is_number(warmup_epochs) and warmup_epochs >= 0, "warmup_epochs must be >= 0", warmup_epochs, "0 switches warm-up off")

    def rates(epoch: int, steps: int) -> np.ndarray:
        step, total = epoch * steps + np.arange(steps), total_epochs * steps
        match schedule:
            case "inverse":
                factors = np.full(steps, 1.0 / (1.0 + decay * epoch))
            case "exponential":
                factors = np.full(steps, decay_base**epoch)
            case "sqrt_epoch":
                factors = np.full(steps, 1.0 / np.sqrt(epoch + 1.0))
            case "sqrt_step":
                factors = 1.0 / np.sqrt(step + 1.0)
            case "staircase":
                factors = np.full(steps, decay_factor ** (epoch // every))
            case "cosine":
                factors = 0.5 * (1.0 + np.cos(np.pi * np.minimum(step / total, 1.0)))
            case "one_cycle":
                factors = _one_cycle(step, total)
            case _:
                factors = np.ones(steps)
        return learning_rate * factors

    warmed = rates if schedule == "one_cycle" or warmup_epochs == 0 else _warmed_up(rates, warmup_epochs)
    if schedule == "reduce_on_plateau":
        return ReduceOnPlateau(warmed, factor=decay_factor, patience=decay_patience)
    return warmed


def _one_cycle(step: np.ndarray, total: int) -> np.ndarray:
    """Shares of the highest rate at these of `total` steps: linear up, cosine down; as torch's OneCycleLR places the peak."""
    peak = max(CYCLE_RISE * total - 1.0, 0.0)
    risen = step / max(peak, 1.0)
    fallen = np.clip((step - peak) / max(total - 1.0 - peak, 1.0), 0.0, 1.0)
    return np.where(
        step < peak,
        CYCLE_START + (1.0 - CYCLE_START) * risen,
        CYCLE_END + (1.0 - CYCLE_END) * 0.5 * (1.0 + np.cos(np.pi * fallen)),
    )


def _warmed_up(rates: Rates, warmup_epochs: float) -> Rates:
    def warmed(epoch: int, steps: int) -> np.ndarray:
        ramp = warmup_epochs * steps
        return rates(epoch, steps) * (np.minimum(epoch * steps + np.arange(1, steps + 1), ramp) / ramp)

    return warmed


def _require(good: bool, requirement: str, got: object, remedy: str) -> None:
    if not good:
        raise SpaceError(f"{requirement}, got {got!r}; {remedy}")
