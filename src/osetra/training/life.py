"""One trial's life: epochs, curve, best weights, and how it ends.

A life goes on in stretches, with pauses of any length between; a paused one goes on to the bits of one that never paused. Schedules are
laid out over all the epochs that a trial may have, so a stretch that ends early leaves the rate where the longer life would have it.

Under full-batch gradient descent with nothing random in it the cost must fall at every step; the first time it does not, that is noticed.
How it ends, its curve says (see `standing`), or somebody who stops it. Whatever its end, the weights of its best epoch are there.

Knows nothing of: search, stores, other trials.
"""

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from osetra.core.records import EpochRecord, TrialState
from osetra.engines.port import Engine, Member, ModelState, TrainingData
from osetra.training.plateau import HearsCurve
from osetra.training.probe import is_due, probe
from osetra.training.standing import Lived, Standing

RISE = 1e-5
"""A cost that rises by less than this share of itself counts as level: float32 rounds sums over many rows by about as much."""

Notice = Callable[[str, int, dict[str, Any]], None]
"""Hears (kind, epoch, detail): `probe`, after 0, 1, 2, 4, 8, ... epochs, of the layers; `cost rose` where it must fall."""


class Life(Lived):
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
        self.notice = notice
        self.standing = Standing(epochs, patience)
        self.weights: ModelState | None = None
        """The model at `best`."""
        self._must_fall = must_fall(member, data)
        self._rose: int | None = None
        """The epoch in which the cost rose where it must fall, for the first time."""

    @property
    def seconds(self) -> float:
        return self.standing.seconds

    @property
    def best(self) -> EpochRecord | None:
        """The epoch of `weights`; None if no epoch ended well."""
        return self.standing.best

    def states(self) -> list[tuple[str, ModelState]]:
        """The model now and, once there is one, at its best epoch."""
        return [("now", self.member.state)] + ([("best", self.weights)] if self.weights is not None else [])

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
        standing = self.standing
        assert not self.state.is_over, f"a trial that is {self.state} cannot go on"
        if self.state is TrialState.WAITING:
            self._look()
        for _ in range(min(epochs, standing.total - self.epochs)):
            last_epoch_s = standing.curve[-1].seconds if standing.curve else 0.0
            if why := told_to_stop(last_epoch_s):
                return standing.end(TrialState.STOPPED, f"{why} after {self.epochs} of {standing.total} epochs")
            self._epoch(report)
            if self.state is not TrialState.RUNNING:
                return self.state
        return standing.pause()

    def remember(self, record: EpochRecord) -> bool:
        """Take note of the next epoch, whose training the member has behind it; whether it is the best so far."""
        if isinstance(self.member.learning_rates, HearsCurve):
            self.member.learning_rates.hear(record)
        if self._must_fall and self._rose is None and record.train_cost > self._lowest() * (1 + RISE):
            self._rose = record.epoch
        return self.standing.hear(record)

    def _epoch(self, report: Callable[[EpochRecord], None]) -> None:
        """An epoch, what there is to notice, and then the report: whoever heard of an epoch has heard all about it."""
        record = self._engine.advance([self.member], self._data)[0][0]
        lowest = self._lowest() if self._must_fall else math.inf
        if self.remember(record):
            self.weights = self.member.state.copy()
        if self.state is not TrialState.DIVERGED:
            self._look()
            if self.notice and self._rose == self.epochs:
                self.notice("cost rose", self.epochs, {"from": lowest, "to": record.train_cost})
        report(record)

    def _lowest(self) -> float:
        return min((one.train_cost for one in self.standing.curve), default=math.inf)

    def _look(self) -> None:
        """Probe the layers when that is due."""
        if self.notice and is_due(self.epochs):
            layers = probe(self._engine, self.member, self._data)
            self.notice("probe", self.epochs, {"layers": [_short(asdict(layer)) for layer in layers]})


def must_fall(member: Member, data: TrainingData) -> bool:
    """Whether every step is gradient descent over all rows, without clipping, dropout or augmentation, so that each must lower the cost."""
    h = member.hyperparameters
    return h.optimizer == "gd" and h.clip_norm == 0 and h.is_noiseless and h.batch_size >= data.num_rows


def _short(numbers: dict[str, float]) -> dict[str, float | None]:
    """To 6 digits, which is plenty to judge by and little to keep; what is not finite, JSON cannot carry."""
    return {name: float(f"{value:.6g}") if math.isfinite(value) else None for name, value in numbers.items()} | {"layer": numbers["layer"]}
