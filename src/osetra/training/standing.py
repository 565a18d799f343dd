"""Where a trial stands, by its curve alone: whether it goes on, and which epoch was the best.

A trial ends `finished` (all its epochs, or no better for `patience` epochs) or `diverged` (its cost stopped being finite, or exploded).
As the curve decides it, a curve that was recorded says it again, without training.
Knows nothing of: networks, engines, weights.
"""

import math

from osetra.core.records import EpochRecord, TrialState

EXPLODED = 1e4
"""A cost this many times the first epoch's counts as diverged, finite or not."""


class Standing:
    """A curve as it comes. `total`: all the epochs that the trial may have; `patience`: end after so many without a better dev error."""

    def __init__(self, total: int, patience: int | None = None) -> None:
        self.total, self.patience = total, patience
        self.state = TrialState.WAITING
        self.reason = ""
        self.curve: list[EpochRecord] = []
        self.best: EpochRecord | None = None
        """The epoch with the lowest dev error, ties to the lower dev loss; None if no epoch ended well."""

    @property
    def epochs(self) -> int:
        """Trained so far."""
        return len(self.curve)

    @property
    def seconds(self) -> float:
        return sum(record.seconds for record in self.curve)

    def hear(self, record: EpochRecord) -> bool:
        """Take the next epoch; whether it is the best so far."""
        assert record.epoch == self.epochs + 1, f"epoch {record.epoch} after {self.epochs}"
        self.curve.append(record)
        self.state = TrialState.RUNNING
        cost, epoch = record.train_cost, record.epoch
        if not (math.isfinite(cost) and math.isfinite(record.dev_loss)):
            self.end(TrialState.DIVERGED, f"the cost was not finite in epoch {epoch}")
            return False
        first = abs(self.curve[0].train_cost)
        if cost > EXPLODED * max(first, 1e-12) and epoch > 1:
            self.end(TrialState.DIVERGED, f"the cost reached {cost:.3g} in epoch {epoch}, from {first:.3g} in the first")
            return False
        if self.best is None or (record.dev_error, record.dev_loss) < (self.best.dev_error, self.best.dev_loss):
            self.best = record
            return True
        if self.patience is not None and epoch - self.best.epoch >= self.patience:
            self.end(TrialState.FINISHED, f"no better for {self.patience} epochs")
        return False

    def pause(self) -> TrialState:
        """The end of a stretch: paused, or finished where there are no more epochs."""
        if not self.state.is_over:
            if self.epochs >= self.total:
                self.end(TrialState.FINISHED, f"trained its {self.total} epochs")
            else:
                self.end(TrialState.PAUSED, f"trained {self.epochs} of {self.total} epochs")
        return self.state

    def end(self, state: TrialState, reason: str) -> TrialState:
        self.state, self.reason = state, reason
        return state

    def extend(self, total: int) -> None:
        """Another number of epochs in all; one that had come to its end goes on."""
        self.total = total
        self.revive()

    def revive(self) -> None:
        """Whoever steers it decides that it goes on, unless it diverged."""
        if self.state.is_over and self.state is not TrialState.DIVERGED and self.epochs < self.total:
            self.end(TrialState.PAUSED, f"trained {self.epochs} of {self.total} epochs")

    def back_to(self, epoch: int) -> None:
        """Forget all epochs after `epoch`, as if they had never been."""
        curve = self.curve[:epoch]
        self.curve, self.best = [], None
        self.state, self.reason = TrialState.WAITING, ""
        for record in curve:
            self.hear(record)


class Lived:
    """What has a standing, and is asked for it."""

    standing: Standing

    @property
    def state(self) -> TrialState:
        return self.standing.state

    @property
    def reason(self) -> str:
        return self.standing.reason

    @property
    def epochs(self) -> int:
        """Trained, or recalled, so far."""
        return self.standing.epochs
