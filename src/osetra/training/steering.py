"""A trial whose settings change while it trains, and that can be repeated from the start.

    set        from the next epoch on these settings; a learning rate alone stands still until a schedule is set
    extend     so many epochs in all, over which the schedule is laid out anew; a rate that was set stays
    roll back  to the end of an earlier epoch; what was set at or after it is forgotten

What was changed, and after which epoch, is the script of the trial. Its seed and its script say all that it is: trained by the script
from the start it comes to the same bits, and so does one that was rolled back and one that never took the way that was given up.
Knows nothing of: who asks for changes, stores, other trials.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from osetra.core.errors import SpaceError
from osetra.core.records import Configuration, EpochRecord, Value
from osetra.engines.port import Member, TrainingData, require_trainable
from osetra.training.checkpoint import restore
from osetra.training.life import Life
from osetra.training.plateau import HearsCurve
from osetra.training.recipe import SCHEDULE_SETTINGS
from osetra.training.schedules import Rates

OF_SCHEDULE = ("schedule", *SCHEDULE_SETTINGS)
STEERABLE = (
    "learning_rate", *OF_SCHEDULE, "momentum", "beta1", "beta2", "l2", "l1", "clip_norm", "batch_size", "keep_prob", "input_keep_prob",
    "noise", "mixup", "flip", "crop_padding", "rotation", "distortion", "label_smoothing",
)  # fmt: skip
"""What can be set while a trial trains; all else makes another network, or another trial."""

Build = Callable[[Configuration, int], Member]
"""(configuration, all the epochs it may have) -> the untrained member, always of the trial's own seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of a script."""

    epoch: int
    """Epochs completed when it was made."""
    settings: Mapping[str, Value] = field(default_factory=dict)
    total: int | None = None
    """All the epochs that the trial may have from then on; None: as before."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {"epoch": self.epoch, "settings": dict(self.settings), "total": self.total}


class Script:
    """The changes of one trial, in order."""

    def __init__(self, configuration: Configuration, total: int, changes: Sequence[Change] = ()) -> None:
        """configuration, total: what the trial began with, and all the epochs that it might have."""
        self._configuration, self._total = configuration, total
        self.changes = list(changes)

    @property
    def configuration(self) -> dict[str, Value]:
        """The settings now in effect."""
        made: dict[str, Value] = dict(self._configuration)
        for change in self.changes:
            made |= change.settings
        return made

    @property
    def total(self) -> int:
        """All the epochs that the trial may have now."""
        return next((change.total for change in reversed(self.changes) if change.total is not None), self._total)

    def before(self) -> "Script":
        """The same trial before any change."""
        return Script(self._configuration, self._total)

    def add(self, change: Change) -> None:
        assert not self.changes or self.changes[-1].epoch <= change.epoch, "changes come in order"
        self.changes.append(change)

    def roll_back(self, epoch: int) -> list[Change]:
        """Forget the changes that were made at or after the end of that epoch; those are given back."""
        forgotten = [change for change in self.changes if change.epoch >= epoch]
        self.changes = [change for change in self.changes if change.epoch < epoch]
        return forgotten


def check_change(script: Script, change: Change, build: Build, data: TrainingData) -> None:
    """Raises SpaceError for a change that cannot be made to a trial, saying why; the trial is not touched."""
    for name in change.settings:
        if name not in STEERABLE:
            raise SpaceError(f"{name} cannot change while a trial trains; set one of {', '.join(STEERABLE)}, or begin another trial")
    if change.total is not None and change.total <= change.epoch:
        raise SpaceError(f"a trial of {change.epoch} epochs can only be given more than these, got {change.total}; give a larger number")
    total = change.total or script.total
    require_trainable(build({**script.configuration, **change.settings}, total), data)


def apply(life: Life, script: Script, build: Build) -> None:
    """Make the script's last change hold for a life that stands where it was made. From then on its patience does not end it."""
    change, member = script.changes[-1], life.member
    made = build(script.configuration, script.total)
    member.hyperparameters = made.hyperparameters
    life.standing.patience = None
    life.standing.extend(script.total)
    rates = _rates(script, made.learning_rates)
    if rates is not None:
        _tell(rates, life.standing.curve)
        member.learning_rates = SteeredRates(member.learning_rates, change.epoch, rates)


def live_by(
    life: Life, script: Script, build: Build, until: int, *, checkpoint: bytes | None = None, curve: Sequence[EpochRecord] = ()
) -> None:
    """Bring a life that has not begun to the end of epoch `until`, or to where it ends before, by its script.

    checkpoint: of an epoch up to `until`, with the epochs of the trial up to it, so that only what follows is trained.
    """
    if checkpoint is not None:
        restore(life, checkpoint, curve)
    made = script.before()
    for change in script.changes:
        if change.epoch > until:
            break
        _train_to(life, change.epoch)
        made.add(change)
        apply(life, made, build)
    _train_to(life, until)


class SteeredRates:
    """One run of rates until an epoch, another from it on."""

    def __init__(self, before: Rates, epoch: int, after: Rates) -> None:
        self._before, self._epoch, self._after = before, epoch, after

    def __call__(self, epoch: int, steps: int) -> np.ndarray:
        return (self._after if epoch >= self._epoch else self._before)(epoch, steps)

    def hear(self, record: EpochRecord) -> None:
        """Handed on to whichever rates follow the curve."""
        for rates in (self._before, self._after):
            _tell(rates, [record])


def _tell(rates: Rates, curve: Sequence[EpochRecord]) -> None:
    if isinstance(rates, HearsCurve):
        for record in curve:
            rates.hear(record)


def _train_to(life: Life, epoch: int) -> None:
    if life.epochs < epoch and not life.state.is_over:
        life.go_on(epoch - life.epochs)


def _rates(script: Script, laid_out: Rates) -> Rates | None:
    """The rates from a script's last change on; None where it left them alone."""
    change = script.changes[-1]
    if any(name in change.settings for name in OF_SCHEDULE):
        return laid_out
    if "learning_rate" in change.settings:
        return _Constant(float(change.settings["learning_rate"]))
    if change.total is not None and not _stands_still(script):
        return laid_out
    return None


def _stands_still(script: Script) -> bool:
    """Whether a rate was set and no schedule since."""
    for change in reversed(script.changes):
        if any(name in change.settings for name in OF_SCHEDULE):
            return False
        if "learning_rate" in change.settings:
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Constant:
    rate: float

    def __call__(self, epoch: int, steps: int) -> np.ndarray:  # noqa: ARG002 -- whatever the epoch
        return np.full(steps, self.rate)
