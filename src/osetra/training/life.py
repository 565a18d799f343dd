"""One trial's life: epochs, curve, best weights, and how it ends.

A life goes on in stretches, with pauses of any length between; a paused one goes on to the bits of one that never paused. Schedules are
laid out over all the epochs that a trial may have, so a stretch that ends early leaves the rate where the longer life would have it.

Under full-batch gradient descent with nothing random in it the cost must fall at every step; the first time it does not, that is noticed.
A trial ends `finished` (all its epochs, or no better for `patience` epochs), `stopped` (told to) or `diverged` (its cost stopped being
finite or exploded). Whatever its end, the weights of its best epoch are there.

Knows nothing of: search, stores, other trials.
"""

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from osetra.core.records import EpochRecord, TrialState
from osetra.engines.port import Engine, Member, ModelState, TrainingData
from osetra.training.plateau import ReduceOnPlateau
from osetra.training.probe import is_due, probe

RISE = 1e-5
"""A cost that rises by less than this share of itself counts as level: float32 rounds sums over many rows by about as much."""
EXPLODED = 1e4
"""A cost this many times the first epoch's counts as diverged, finite or not."""

Notice = Callable[[str, int, dict[str, Any]], None]
"""Hears (kind, epoch, detail): `probe`, after 0, 1, 2, 4, 8, ... epochs, of the layers; `cost rose` where it must fall."""


class Life:
    """One trial from its first epoch on. `go_on` trains it further; the rest tells where it stands."""

    def __init__(
        self,
        member: Member,
        engine: Engine,
        data: TrainingData,
        *,
        epochs: int,
        patience: int | None = None,
        notice: Notice | None = None,
    ) -> None:
        """`epochs`: all that it may have. `patience`: end after so many without a better dev error, or None. `notice` None: no probes."""
        self.member, self._engine, self._data = member, engine, data
        self._epochs, self._patience, self._notice = epochs, patience, notice
        self.state = TrialState.WAITING
        self.reason = ""
        self.epochs = 0
        """Trained so far."""
        self.seconds = 0.0
        self.best: EpochRecord | None = None
        """The epoch of `weights`; None if no epoch ended well."""
        self.weights: ModelState | None = None
        """The model at `best`."""
        self._first_cost = math.inf
        self._lowest = math.inf if notice and must_fall(member, data) else -math.inf
        self._last_epoch_s = 0.0

    def go_on(
        self,
        epochs: int,
        *,
        report: Callable[[EpochRecord], None] = lambda _: None,
        told_to_stop: Callable[[float], str | None] = lambda _: None,
    ) -> TrialState:
        """Train for up to `epochs` more and say how it stands: paused if it can go on.

        `report` hears every epoch. `told_to_stop` is asked before every epoch, with the seconds that the last one took, for a reason to
        stop, or None.
        """
        assert not self.state.is_over, f"a trial that is {self.state} cannot go on"
        if self.state is TrialState.WAITING:
            self._look()
        self.state = TrialState.RUNNING
        for _ in range(min(epochs, self._epochs - self.epochs)):
            if why := told_to_stop(self._last_epoch_s):
                return self._end(TrialState.STOPPED, f"{why} after {self.epochs} of {self._epochs} epochs")
            self._epoch(report)
            if self.state is not TrialState.RUNNING:
                return self.state
        if self.epochs == self._epochs:
            return self._end(TrialState.FINISHED, f"trained its {self._epochs} epochs")
        return self._end(TrialState.PAUSED, f"trained {self.epochs} of {self._epochs} epochs")

    def _epoch(self, report: Callable[[EpochRecord], None]) -> None:
        member = self.member
        record = self._engine.advance([member], self._data)[0][0]
        report(record)
        if isinstance(member.learning_rates, ReduceOnPlateau):
            member.learning_rates.hear(record)
        self.epochs += 1
        self._last_epoch_s = record.seconds
        self.seconds += record.seconds
        cost = record.train_cost
        if self.epochs == 1:
            self._first_cost = abs(cost)
        if not (math.isfinite(cost) and math.isfinite(record.dev_loss)):
            self._end(TrialState.DIVERGED, f"the cost was not finite in epoch {self.epochs}")
            return
        if cost > EXPLODED * max(self._first_cost, 1e-12) and self.epochs > 1:
            told = f"the cost reached {cost:.3g} in epoch {self.epochs}, from {self._first_cost:.3g} in the first"
            self._end(TrialState.DIVERGED, told)
            return
        self._look()
        if self._notice and self._lowest > -math.inf and cost > self._lowest * (1 + RISE):
            self._notice("cost rose", self.epochs, {"from": self._lowest, "to": cost})
            self._lowest = -math.inf
        self._lowest = min(self._lowest, cost)
        if self.best is None or (record.dev_error, record.dev_loss) < (self.best.dev_error, self.best.dev_loss):
            self.best, self.weights = record, member.state.copy()
        elif self._patience is not None and self.epochs - self.best.epoch >= self._patience:
            self._end(TrialState.FINISHED, f"no better for {self._patience} epochs")

    def _end(self, state: TrialState, reason: str) -> TrialState:
        self.state, self.reason = state, reason
        return state

    def _look(self) -> None:
        """Probe the layers when that is due."""
        if self._notice and is_due(self.epochs):
            layers = probe(self._engine, self.member, self._data)
            self._notice("probe", self.epochs, {"layers": [_short(asdict(layer)) for layer in layers]})


def must_fall(member: Member, data: TrainingData) -> bool:
    """Whether every step is gradient descent over all rows, without clipping, dropout or augmentation, so that each must lower the cost."""
    h = member.hyperparameters
    return h.optimizer == "gd" and h.clip_norm == 0 and h.is_noiseless and h.batch_size >= data.num_rows


def _short(numbers: dict[str, float]) -> dict[str, float | None]:
    """To 6 digits, which is plenty to judge by and little to keep; what is not finite, JSON cannot carry."""
    return {name: float(f"{value:.6g}") if math.isfinite(value) else None for name, value in numbers.items()} | {"layer": numbers["layer"]}
