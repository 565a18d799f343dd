"""Reading a trial's curve: is it diverging, oscillating, stuck, still falling, overfitting; was the learning rate too high or too low.

The curve is smoothed (`diagnosis.smoothing`) over about an eighth of its epochs, 3 to 10. The noise s of one epoch's value is estimated
from second differences, x_t - 2 x_(t+1) + x_(t+2), which a trend hardly enters (Gasser, Sroka & Jennen-Steinmetz 1986, Biometrika 73:625):
their median size over 0.6745 sqrt(6). From 8 epochs on, with cost the training cost and fall its first value less its lowest smoothed one:

    diverging        the trial diverged; or the cost ends, smoothed, above its first value by more than 4 s and 10 %
    oscillating      over the last half (at least 6 epochs), with u as s but from the mean size of second differences: u of the dev loss is
                     over 12.5 % of its median and over 1.5 % of the fall, and u of the cost over 6 % of its median; or of either u is over
                     15 % of its own fall and over 5 % of its median. (Dev, because small mini-batches and dropout make the cost noisy at
                     any rate; late, because schedules calm what was restless. Tanh networks with Adam: at the best rate u of dev is at
                     most 1.1 % of the fall in 25 seeds, at ten times that at least 1.5 % in 53 of 55.) Not where the rate fell to next to
                     nothing: what is restless then is so for another reason, such as batch norm's averages over few rows; nor, by the
                     first test, where u of the dev error is under half of what is acted on, as where nearly no row is wrong
    plateau          the whole fall is under 5 % of the first value and under 4 s; or the smoothed cost keeps within 2 % of the fall over a
                     third of the epochs, with 20 % of the fall still to come
    still falling    of 12 epochs or more, over the last quarter (at least 4) lines through dev loss and cost slope down by more than
                     3 standard errors, and dev loss on its line would fall by another 3 % in as many epochs again
    overfitting      the smoothed dev loss ends above its lowest by more than 4 s and 5 %, a tenth of the epochs (at least 3) after it,
                     while the cost ends below what it was then
    rate too high    diverging, oscillating, or a cost that rose where full-batch gradient descent must lower it
    rate too low     still falling, the trial having had all its epochs, and over the last quarter the cost slopes down at least a third
                     as steeply as over the first; or by less than half of its level, where more epochs would soon do, and over 8 s:
                     then the noise of mini-batches, which grows with the rate, limits nothing yet. (With Adam, four networks on three
                     data sets at the best rate, a third and a tenth of it: where still falling, by under 5, 4 to 9, and 7 to 92 s.)

A curve that has flattened at the end is no finding: it has converged.
Knows nothing of: stores, what the other trials did.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from osetra.core.records import EpochRecord, TrialState
from osetra.diagnosis.finding import Finding
from osetra.diagnosis.smoothing import smooth

FEWEST_EPOCHS = 8
FEWEST_FALLING = 12
"""Of fewer, the last quarter is too short to be told from the bend of a curve that is about to be flat."""
SURE = 4.0
"""Multiples of s."""
STEEP = 3.0
"""Multiples of a slope's standard error."""
FREE = 8.0
"""Multiples of s that the cost falls by in the last quarter, where noise does not limit the rate."""
_LOWER = "a lower learning rate"
_ONE_CURVE = "a sign in one trial's curve; no other rate was tried for it"
_CERTAINTY = {
    "still falling": "lines through dev loss and cost slope down by over 3 standard errors",
    "overfitting": "the rise is over 4 times the noise of one epoch",
    "learning rate too high": _ONE_CURVE,
    "learning rate too low": _ONE_CURVE,
}
"""Of what is not plain to see."""


def read_curve(
    curve: Sequence[EpochRecord],
    *,
    state: TrialState = TrialState.FINISHED,
    reason: str = "",
    cost_rose: int | None = None,
    is_annealed: bool = False,
    is_averaged: bool = False,
    practical: float = 0.0,
) -> tuple[Finding, ...]:
    """What is out of order; nothing for a good curve, and for one of fewer than 8 epochs unless it diverged or its cost rose.

    cost_rose: the epoch of the event `cost rose`, if there was one. is_annealed: whether the learning rate was next to nothing at the end.
    is_averaged: whether what is scored are averaged weights, whose dev loss moves less.
    practical: a difference in dev error that is not acted on, in its units.
    """
    cost = np.array([record.train_cost for record in curve])
    dev = np.array([record.dev_loss for record in curve])
    found: list[Finding] = []
    finite = bool(np.isfinite(cost).all() and np.isfinite(dev).all())
    if state is TrialState.DIVERGED or not finite:
        why = reason or "the cost was not finite"
        found.append(Finding(name="diverging", sentence=f"It diverged: {why}", remedy=f"{_LOWER}, warm-up, clipping of the gradient"))
    elif len(curve) >= FEWEST_EPOCHS:
        errors = np.array([record.dev_error for record in curve])
        is_calm = _unrest(errors[-max(len(errors) // 2, 6) :]) < practical / 2
        found += _shape(cost, dev, [record.epoch for record in curve], is_annealed=is_annealed, is_averaged=is_averaged, is_calm=is_calm)
        if state is not TrialState.FINISHED:
            # Its end is the search's doing, so it says nothing about the rate.
            found = [finding for finding in found if finding.name != "learning rate too low"]
    if cost_rose is not None:
        told = f"The cost rose in epoch {cost_rose}, where full-batch gradient descent must lower it"
        found.append(Finding(name="cost rose", sentence=told, remedy=_LOWER, epoch=cost_rose))
    signs = [finding.name for finding in found if finding.name in ("diverging", "oscillating", "cost rose")]
    if signs:
        told = f"The learning rate is too high, to judge by this: {', '.join(signs)}"
        found.append(Finding(name="learning rate too high", sentence=told, remedy=_LOWER))
    return tuple(replace(one, certainty=_CERTAINTY.get(one.name, ""), figure="curves") for one in found)


def noise(values: np.ndarray) -> float:
    """The standard deviation of one value around the trend, from at least 3 values [epochs]."""
    second = values[:-2] - 2 * values[1:-1] + values[2:]
    return float(np.median(np.abs(second)) / (0.6745 * math.sqrt(6)))


def _shape(
    cost: np.ndarray, dev: np.ndarray, epochs: Sequence[int], *, is_annealed: bool, is_averaged: bool, is_calm: bool
) -> list[Finding]:
    window = min(max(len(cost) / 8, 3.0), 10.0)
    smooth_cost, smooth_dev = (smooth(values, 1 - 1 / window) for values in (cost, dev))
    spread = noise(cost)
    fall = float(cost[0] - smooth_cost.min())
    found: list[Finding] = []
    above = float(smooth_cost[-1] - cost[0])
    if above > SURE * spread and above > 0.1 * abs(cost[0]):
        told = f"The training cost ends at {smooth_cost[-1]:.3g}, above the {cost[0]:.3g} of epoch {epochs[0]}"
        return [Finding(name="diverging", sentence=told, remedy=f"{_LOWER}, warm-up, clipping of the gradient")]
    if not is_annealed:
        found += _oscillating(cost, dev, fall, is_averaged=is_averaged, is_calm=is_calm)
    found += _plateau(cost, smooth_cost, fall, spread, epochs)
    falling = _still_falling(cost, dev, epochs)
    if falling and not found:
        found += falling
    return found + _overfitting(cost, smooth_cost, dev, smooth_dev, epochs)


def _oscillating(cost: np.ndarray, dev: np.ndarray, fall: float, *, is_averaged: bool, is_calm: bool) -> list[Finding]:
    last = max(len(cost) // 2, 6)
    of_cost, of_dev = _unrest(cost[-last:]), _unrest(dev[-last:])
    cost_level, dev_level = (float(np.median(np.abs(values[-last:]))) for values in (cost, dev))
    if min(cost_level, dev_level) <= 0:
        return []
    dev_fall = float(dev[0] - dev.min())
    least_of_dev, least_of_cost = (0.05 * dev_level, 0.1) if is_averaged else (max(0.125 * dev_level, 0.015 * fall), 0.06)
    is_large = not is_calm and of_dev > least_of_dev and of_cost > least_of_cost * cost_level
    is_all_there_is = of_dev > max(0.15 * dev_fall, 0.05 * dev_level) and of_cost > max(0.15 * fall, 0.05 * cost_level)
    if not is_large and not is_all_there_is:
        return []
    told = f"Over the last {last} epochs the dev loss goes up and down by about {of_dev:.2g} from epoch to epoch, "
    told += f"{100 * of_dev / dev_level:.0f} % of its size, and the training cost by {100 * of_cost / cost_level:.0f} %"
    return [Finding(name="oscillating", sentence=told, remedy=f"{_LOWER}, one that falls over the epochs, larger mini-batches")]


def _unrest(values: np.ndarray) -> float:
    """As `noise`, but all second differences count: of few epochs it varies half as much, and single leaps are part of it."""
    return float(np.abs(np.diff(values, 2)).mean() / (math.sqrt(2 / math.pi) * math.sqrt(6)))


def _plateau(cost: np.ndarray, smoothed: np.ndarray, fall: float, spread: float, epochs: Sequence[int]) -> list[Finding]:
    remedy = "another learning rate, warm-up, batch norm, He's initialisation, Adam"
    if (fall < 0.05 * abs(cost[0]) and fall < SURE * max(spread, 1e-12)) or fall <= 0:
        told = f"The training cost hardly moved: {cost[0]:.3g} in epoch {epochs[0]}, {smoothed.min():.3g} at its lowest"
        return [Finding(name="plateau", sentence=told, remedy=remedy, epoch=epochs[0])]
    length = max(len(cost) // 3, 5)
    for start in range(len(cost) - length):
        stretch = smoothed[start : start + length]
        # The ends of the stretch tell a slow fall from none; noise on them is that of an average.
        level = float(stretch.max() - stretch.min()) < 0.02 * fall
        if level and stretch[-1] - smoothed.min() > max(0.2 * fall, SURE * spread):
            told = f"The training cost stood still from about epoch {epochs[start]} to {epochs[start + length - 1]}, and fell after that"
            return [Finding(name="plateau", sentence=told, remedy=remedy, epoch=epochs[start])]
    return []


def _still_falling(cost: np.ndarray, dev: np.ndarray, epochs: Sequence[int]) -> list[Finding]:
    if len(cost) < FEWEST_FALLING:
        return []
    last = max(len(cost) // 4, 4)
    (dev_slope, dev_error), (cost_slope, cost_error) = _line(dev[-last:]), _line(cost[-last:])
    more = -dev_slope * last
    steep = dev_slope < -STEEP * dev_error and cost_slope < -STEEP * cost_error
    level = float(dev[-last:].mean())
    if not steep or more < 0.03 * abs(level):
        return []
    told = f"The dev loss still fell at the end, by {100 * more / abs(level):.0f} % over the last {last} of {len(epochs)} epochs"
    found = [Finding(name="still falling", sentence=told, remedy="longer training", epoch=epochs[-last])]
    first_slope, _ = _line(cost[:last])
    spread = noise(cost[-max(len(cost) // 3, 6) :])
    fell, far = -cost_slope * last, 0.5 * float(np.abs(cost[-last:]).mean())
    why = ""
    if cost_slope < first_slope / 3 < 0:
        why = f"The training cost fell nearly as fast at the end ({-cost_slope:.2g} an epoch) as at the start ({-first_slope:.2g})"
    elif FREE * spread < fell < far:
        why = f"The training cost crept down by {fell:.2g} over the last {last} epochs, with next to no noise ({spread:.1g})"
    if why:
        found.append(Finding(name="learning rate too low", sentence=why, remedy="a higher learning rate, or longer training"))
    return found


def _overfitting(
    cost: np.ndarray, smooth_cost: np.ndarray, dev: np.ndarray, smooth_dev: np.ndarray, epochs: Sequence[int]
) -> list[Finding]:
    at = int(smooth_dev.argmin())
    after = len(cost) - 1 - at
    rise = float(smooth_dev[-1] - smooth_dev[at])
    sure = rise > SURE * noise(dev) and rise > 0.05 * abs(float(smooth_dev[at]))
    if not sure or after < max(3, len(cost) // 10) or smooth_cost[-1] >= smooth_cost[at]:
        return []
    told = (
        f"Overfitting since about epoch {epochs[at]}: dev loss rose from {smooth_dev[at]:.3g} to {smooth_dev[-1]:.3g} while the cost fell"
    )
    remedy = "more l2 or dropout, more data, augmentation; the weights of the best epoch are what is kept"
    return [Finding(name="overfitting", sentence=told, remedy=remedy, epoch=epochs[at])]


def _line(values: np.ndarray) -> tuple[float, float]:
    """Slope an epoch of the least-squares line through the values [epochs], and its standard error."""
    at = np.arange(len(values)) - (len(values) - 1) / 2
    slope = float((at * values).sum() / np.square(at).sum())
    rest = values - values.mean() - slope * at
    return slope, math.sqrt(float(np.square(rest).sum()) / (len(values) - 2) / float(np.square(at).sum()))
