"""Reduce on plateau: the learning rate falls whenever the curve stops getting better.

    rate <- factor * rate   after `patience` epochs in a row without one better than the best so far; then the count starts anew

An epoch is better as it is for the best weights of a trial: lower dev error, or the same with a lower dev loss. torch's
ReduceLROnPlateau waits one epoch more than its patience says.

How often the rate fell follows from the curve alone, so a trial that is resumed hears its old records once more and goes on alike.
Knows nothing of: engines, what the rates would be without plateaus.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from osetra.core.errors import SpaceError
from osetra.core.records import EpochRecord
from osetra.space.values import is_number, is_whole


@runtime_checkable
class HearsCurve(Protocol):
    """Learning rates that follow from the curve, and so must hear every epoch of it, in order."""

    def hear(self, record: EpochRecord) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """What a curve up to some epoch says."""

    best: tuple[float, float] | None = None
    """Dev error and dev loss of the best epoch."""
    waited: int = 0
    """Epochs since the best one, or since the rate last fell."""
    reductions: int = 0


class ReduceOnPlateau:
    """Scales `rates` by `factor` for every plateau of the curve that it hears.

    Raises SpaceError for a factor outside (0, 1] or a patience that is not a whole number >= 1.
    """

    def __init__(self, rates: Callable[[int, int], np.ndarray], *, factor: float = 0.5, patience: int = 3) -> None:
        if not (is_number(factor) and 0 < factor <= 1):
            raise SpaceError(f"the factor of reduce_on_plateau must be in (0, 1], got {factor!r}; 0.5 halves the rate")
        if not (is_whole(patience) and patience >= 1):
            raise SpaceError(f"the patience of reduce_on_plateau must be a whole number >= 1, got {patience!r}; give epochs, such as 3")
        self._rates, self._factor, self._patience = rates, factor, patience
        self._standings = [_Standing()]

    def hear(self, record: EpochRecord) -> None:
        """Take note of an epoch. Epochs come in order; one heard before replaces it and all that came after."""
        assert 1 <= record.epoch <= len(self._standings), f"epoch {record.epoch} after {len(self._standings) - 1} epochs"
        del self._standings[record.epoch :]
        self._standings.append(self._after(self._standings[-1], record))

    def __call__(self, epoch: int, steps: int) -> np.ndarray:
        """The rate of each step of the epoch that follows `epoch` completed ones, float64 [steps]; all of these must have been heard."""
        assert epoch < len(self._standings), f"the rates after {epoch} epochs need their records, heard {len(self._standings) - 1}"
        return self._rates(epoch, steps) * self._factor ** self._standings[epoch].reductions

    def _after(self, before: _Standing, record: EpochRecord) -> _Standing:
        now = (record.dev_error, record.dev_loss)
        if before.best is None or now < before.best:
            return _Standing(best=now, reductions=before.reductions)
        fell = before.waited + 1 >= self._patience
        return _Standing(best=before.best, waited=0 if fell else before.waited + 1, reductions=before.reductions + fell)
