"""One trial's life: epochs, curve, best weights, and how it ends.

Under full-batch gradient descent with nothing random in it the cost must fall at every step; the first time it does not, that is noticed.
A trial ends `finished` (all its epochs, or no better for `patience` epochs), `stopped` (told to) or `diverged` (its cost stopped being
finite or exploded). Whatever its end, the weights of its best epoch are restored.

Knows nothing of: search, stores, other trials.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from osetra.core.records import EpochRecord, TrialState
from osetra.engines.port import Engine, Member, ModelState, TrainingData
from osetra.training.plateau import ReduceOnPlateau
from osetra.training.probe import is_due, probe

RISE = 1e-5
"""A cost that rises by less than this share of itself counts as level: float32 rounds sums over many rows by about as much."""
EXPLODED = 1e4
"""A cost this many times the first epoch's counts as diverged, finite or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a trial ended."""

    state: TrialState
    reason: str
    epochs: int
    best: EpochRecord | None
    """The epoch of the restored weights; None if no epoch ended well."""
    weights: ModelState | None
    """The model at `best`."""
    seconds: float


def live(
    member: Member,
    engine: Engine,
    data: TrainingData,
    *,
    epochs: int,
    patience: int | None = None,
    report: Callable[[EpochRecord], None] = lambda _: None,
    told_to_stop: Callable[[float], str | None] = lambda _: None,
    notice: Callable[[str, int, dict[str, Any]], None] | None = None,
) -> Outcome:
    """Train `member` for up to `epochs` epochs.

    `patience`: end after so many epochs without a better dev error; None: never. `report` hears every epoch. `told_to_stop` is asked
    before every epoch, with the seconds that the last one took, for a reason to stop, or None. `notice` hears, as (kind, epoch, detail), of
    probes of the layers (`probe`, after 0, 1, 2, 4, 8, ... epochs) and of a cost that rose where it must fall (`cost rose`); left out, the
    trial is not probed.
    """
    best: EpochRecord | None = None
    weights: ModelState | None = None
    first_cost = math.inf
    seconds = 0.0
    last = 0.0
    done = 0
    lowest = math.inf if notice and must_fall(member, data) else -math.inf
    look = _prober(member, engine, data, notice) if notice else lambda _epoch: None
    look(0)

    def end(state: TrialState, reason: str) -> Outcome:
        return Outcome(state=state, reason=reason, epochs=done, best=best, weights=weights, seconds=seconds)

    while done < epochs:
        if why := told_to_stop(last):
            return end(TrialState.STOPPED, f"{why} after {done} of {epochs} epochs")
        record = engine.advance([member], data)[0][0]
        report(record)
        if isinstance(member.learning_rates, ReduceOnPlateau):
            member.learning_rates.hear(record)
        done += 1
        last = record.seconds
        seconds += record.seconds
        if done == 1:
            first_cost = abs(record.train_cost)
        if not (math.isfinite(record.train_cost) and math.isfinite(record.dev_loss)):
            return end(TrialState.DIVERGED, f"the cost was not finite in epoch {done}")
        if record.train_cost > EXPLODED * max(first_cost, 1e-12) and done > 1:
            return end(TrialState.DIVERGED, f"the cost reached {record.train_cost:.3g} in epoch {done}, from {first_cost:.3g} in the first")
        look(done)
        if notice and lowest > -math.inf and record.train_cost > lowest * (1 + RISE):
            notice("cost rose", done, {"from": lowest, "to": record.train_cost})
            lowest = -math.inf
        lowest = min(lowest, record.train_cost)
        if best is None or (record.dev_error, record.dev_loss) < (best.dev_error, best.dev_loss):
            best, weights = record, member.state.copy()
        elif patience is not None and done - best.epoch >= patience:
            return end(TrialState.FINISHED, f"no better for {patience} epochs")
    return end(TrialState.FINISHED, f"trained its {epochs} epochs")


def must_fall(member: Member, data: TrainingData) -> bool:
    """Whether every step is gradient descent over all rows, without dropout or augmentation, so that the cost must fall at each."""
    h = member.hyperparameters
    return h.optimizer == "gd" and h.clip_norm == 0 and h.is_noiseless and h.batch_size >= data.num_rows


def _prober(
    member: Member, engine: Engine, data: TrainingData, notice: Callable[[str, int, dict[str, Any]], None]
) -> Callable[[int], None]:
    """Give a function of the epochs done that probes the layers when that is due."""

    def look(epoch: int) -> None:
        if is_due(epoch):
            notice("probe", epoch, {"layers": [_short(asdict(layer)) for layer in probe(engine, member, data)]})

    return look


def _short(numbers: dict[str, float]) -> dict[str, float | None]:
    """To 6 digits, which is plenty to judge by and little to keep; what is not finite, JSON cannot carry."""
    return {name: float(f"{value:.6g}") if math.isfinite(value) else None for name, value in numbers.items()} | {"layer": numbers["layer"]}
