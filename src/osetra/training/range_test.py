"""The learning-rate range test: the rate rises from mini-batch to mini-batch until the cost explodes; the curve says which rates are good.

    rate of step k of n    low * (high/low)^(k/(n - 1)), k from 0
    smoothed               mean of the costs around a step with weights exp(-d^2 / (2 w^2)), d steps away, w = n/50
    exploded               the average of the last 10 costs or so is over 4 times its lowest so far, or a cost is not finite
    lowest, steepest       the rates at which the smoothed cost is lowest, and at which it falls fastest by log rate before that
    suggested              lowest/3; a tenth of it to ten times is worth searching

A step's cost is that of its mini-batch before the step, as trained: penalty included, dropout and augmentation on. Training goes on in a
copy of the member, a step at a time, so the member keeps its weights, its moments and its counters to the last bit.

Why a third: over 5 data sets of 270 to 6,400 training rows, adam, momentum and gd, with batch norm and without, 5 tests each, against the
best of rates half a decade apart in 30 epochs with a cosine schedule. Lowest dev loss over that of the best rate, mean: 1.18 at
lowest/3, 1.42 at lowest/10; `steepest` lies 20 times below the best rate (median). A rate within 3 % of the best lies in the range
around lowest/3 in 93 % of the tests. Few exploded below a rate of 1, so 10 is where a test ends.

Sources: Smith 2017, arXiv:1506.01186 (the test); Howard & Gugger 2020, arXiv:2002.04688 (fastai: exponential rise, end at 4 times the
lowest, steepest point, a tenth of the minimum's rate).
Knows nothing of: tables, stores, what is done with the suggestion.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from osetra.core.errors import SpaceError
from osetra.engines.port import Engine, Member, TrainingData
from osetra.space.values import is_number, is_whole

STEPS = 200
FEWEST_STEPS = 20
EXPLODED = 4.0
"""Times the lowest average so far."""
RECENT = 0.9
"""Weight of the past in the average that tells an explosion: about the last 10 costs."""
WIDTH = 1 / 50
"""Of the window that smooths, as a share of all steps."""
BELOW_LOWEST = 3.0
AROUND = 10.0
"""The range to search goes so many times below and above the rate suggested."""
ENOUGH = 0.02
"""Share of its start that the smoothed cost must fall by, or no rate can be told from the others."""
SURE = 2.0
"""And multiples of the noise of one cost: the lowest of a smoothed row of nothing but noise lies about one below its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeTest:
    """What a range test saw."""

    rates: tuple[float, ...]
    """Of each step made, ascending; the steps after an explosion are not made."""
    costs: tuple[float, ...]
    """Before each of those steps; the last may be NaN or infinite."""
    smoothed: tuple[float, ...]
    """As `costs`, without the last where that is not finite."""
    exploded: float | None
    """The rate at which the cost exploded; None if it did not up to the highest."""
    steepest: float | None
    """Where the smoothed cost fell fastest; None where it hardly fell."""
    lowest: float | None
    """Where the smoothed cost was lowest; None where it hardly fell."""

    @property
    def suggested(self) -> float | None:
        """The rate to begin with, to two digits."""
        return None if self.lowest is None else _digits(self.lowest / BELOW_LOWEST, 2)

    @property
    def search(self) -> tuple[float, float] | None:
        """Low and high of the range to search, to one digit each."""
        if self.lowest is None:
            return None
        middle = self.lowest / BELOW_LOWEST
        return _digits(middle / AROUND, 1), _digits(middle * AROUND, 1)

    @property
    def sentence(self) -> str:
        """What was seen and what to try, in words."""
        tried = f"rates from {self.rates[0]:.2g} to {self.rates[-1]:.2g}"
        if self.search is None or self.lowest is None:
            ended = f", and exploded at {self.exploded:.2g}; try lower rates" if self.exploded else "; try higher ones"
            return f"The cost hardly fell at {tried}{ended}"
        low, high = self.search
        told = f"At {tried} the cost was lowest at {self.lowest:.2g}"
        if self.exploded:
            told += f" and exploded at {self.exploded:.2g}"
        elif self.lowest == self.rates[-1]:
            told += ", the highest of them, so that higher ones may be better still"
        return f"{told}: try learning_rate log({low:g}, {high:g}), or {self.suggested:g} for one training"


def range_test(
    member: Member, engine: Engine, data: TrainingData, *, low: float = 1e-6, high: float = 10.0, steps: int = STEPS
) -> RangeTest:
    """Test rates from `low` to `high`, the member staying as it is. Its own schedule is not asked.

    steps: mini-batches in all, drawn in shuffled passes over the training rows; a last short batch of a pass is left out.
    Raises SpaceError for rates or steps that make no sense.
    """
    bounds = is_number(low) and is_number(high) and 0 < low < high < math.inf
    if not bounds:
        raise SpaceError(f"a range test must go from a rate > 0 to a higher one, got {low!r} to {high!r}; 1e-6 to 10 suits most networks")
    if not (is_whole(steps) and steps >= FEWEST_STEPS):
        raise SpaceError(f"a range test needs a whole number of steps >= {FEWEST_STEPS}, got {steps!r}; {STEPS} draw a smooth curve")
    rates = np.geomspace(low, high, steps)
    costs: list[float] = []
    average, weight, least, exploded = 0.0, 0.0, math.inf, None
    trained = _Stepwise(member, engine, data)
    for rate in rates.tolist():
        cost = trained.step(rate)
        costs.append(cost)
        weight = RECENT * weight + 1 - RECENT
        average += (1 - RECENT) / weight * (cost - average)
        if not math.isfinite(cost) or average > EXPLODED * least:
            exploded = rate
            break
        least = min(least, average)
    return _judged(rates[: len(costs)], np.array(costs), exploded=exploded, width=WIDTH * steps)


class _Stepwise:
    """A copy of a member that trains one mini-batch at a time."""

    def __init__(self, member: Member, engine: Engine, data: TrainingData) -> None:
        h, rows = member.hyperparameters, data.num_rows
        self._rows, self._batch = rows, min(h.batch_size, rows)
        # An epoch here is a step on one batch, of which the penalty's m is a share.
        share = self._batch / rows
        shared = replace(h, batch_size=self._batch, l2=h.l2 * share, l1=h.l1 * share)
        self._member = replace(member, hyperparameters=shared, state=member.state.copy())
        self._engine, self._data, self._passes = engine, data, 0
        self._order = np.empty(0, dtype=np.int64)

    def step(self, rate: float) -> float:
        """The cost of the next mini-batch, and then a step on it."""
        if len(self._order) < self._batch:
            self._order = self._member.seed.generator("range test", self._passes).permutation(self._rows)
            self._passes += 1
        rows, self._order = self._order[: self._batch], self._order[self._batch :]
        inputs, targets = np.ascontiguousarray(self._data.train_inputs[rows]), np.ascontiguousarray(self._data.train_targets[rows])
        weights = self._data.train_weights
        part = TrainingData(
            train_inputs=inputs, train_targets=targets, train_weights=None if weights is None else np.ascontiguousarray(weights[rows]),
            # Every epoch of an engine ends with scoring; one row is the least.
            dev_inputs=inputs[:1], dev_targets=targets[:1], error_scale=self._data.error_scale, image=self._data.image,
        )  # fmt: skip
        self._member.learning_rates = lambda _epoch, steps: np.full(steps, rate)
        [[record]] = self._engine.advance([self._member], part)
        return record.train_cost


def _judged(rates: np.ndarray, costs: np.ndarray, *, exploded: float | None, width: float) -> RangeTest:
    finite = costs[np.isfinite(costs)]
    smoothed = _smooth(finite, width)
    steepest = lowest = None
    at = int(smoothed.argmin()) if len(smoothed) else 0
    if at >= 2 and smoothed[0] - smoothed[at] > max(ENOUGH * abs(smoothed[0]), SURE * _noise(finite)):
        slopes = np.gradient(smoothed[: at + 1], np.log(rates[: at + 1]))
        steepest, lowest = float(rates[int(slopes.argmin())]), float(rates[at])
    return RangeTest(
        rates=tuple(rates.tolist()), costs=tuple(costs.tolist()), smoothed=tuple(smoothed.tolist()), exploded=exploded,
        steepest=steepest, lowest=lowest,
    )  # fmt: skip


def _noise(values: np.ndarray) -> float:
    """The standard deviation of one value around the trend, from second differences (Gasser et al. 1986, Biometrika 73:625)."""
    return float(np.median(np.abs(np.diff(values, 2)))) / (0.6745 * math.sqrt(6))


def _smooth(values: np.ndarray, width: float) -> np.ndarray:
    """Looks both ways, so that the curve does not lag behind its rates."""
    places = np.arange(len(values))
    weights = np.exp(-0.5 * np.square((places[:, None] - places[None, :]) / width))
    return weights @ values / weights.sum(axis=1)


def _digits(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")
