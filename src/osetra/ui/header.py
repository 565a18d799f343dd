"""How a study stands, in the numbers that a page shows first: counts, the best, how far its budget is spent.

Knows nothing of: pages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from osetra.core.errors import StudyError
from osetra.core.records import CommandState, StudyState, Task, Trial, TrialState
from osetra.study.handle import Study
from osetra.study.steer import can_be_stopped

_LEAST_SHARE = 0.02
"""Of a budget that is not one in seconds: before, what is left cannot be told from what has been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A study at one moment."""

    name: str
    state: StudyState
    reason: str
    task: Task
    target: str
    can_be_stopped: bool
    """Whether those who train it look for commands."""
    error_name: str
    created: datetime
    finished: datetime | None
    counts: Mapping[TrialState, int]
    trials: int
    best: Trial | None
    """Its errors as they were given."""
    epochs: int
    """Of all trials' curves together."""
    seconds: float
    """Since it began, or until it ended."""
    budget: Mapping[str, float]
    """Those of seconds, trials and epochs that were given."""
    share_done: float | None
    """Of the budget, 0 .. 1; None without one."""
    seconds_left: float | None
    """Of a study that goes on: what is left of a budget in seconds, else how long the rest takes at the pace so far; None: unknown."""
    in_hand: tuple[int, ...]
    """Trials that people steered and that are not over."""
    waiting: int
    """Commands that wait to be carried out."""

    @property
    def is_live(self) -> bool:
        """Whether the study's record says that it goes on."""
        return self.state is StudyState.RUNNING


def header(study: Study, *, now: datetime | None = None) -> Header:
    """Read from the study's store."""
    record, store = study.record, study.store
    counts: dict[TrialState, int] = {}
    epochs = 0
    for level in store.levels(record.name):
        counts[level.state] = counts.get(level.state, 0) + level.trials
        epochs += level.epochs * level.trials
    commands = store.commands(record.name)
    steered = {command.trial for command in commands if command.trial is not None and command.state is CommandState.DONE}
    try:
        best = study.best
    except StudyError:
        best = None
    seconds = max(0.0, ((record.finished or now or datetime.now(UTC)) - record.created).total_seconds())
    budget = {name: value for name, value in (record.facts.get("budget") or {}).items() if value}
    over = sum(count for state, count in counts.items() if state.is_over)
    spent = {"seconds": seconds, "trials": over, "epochs": epochs}
    shares = [spent[name] / value for name, value in budget.items() if name in spent]
    share = min(1.0, max(shares)) if shares else None
    left = None
    if record.state is StudyState.RUNNING and share is not None:
        at_this_pace = seconds * (1 - share) / share if share >= _LEAST_SHARE else None
        left = max(0.0, budget["seconds"] - seconds) if "seconds" in budget else at_this_pace
    return Header(
        name=record.name, state=record.state, reason=record.reason, task=record.task, target=record.target,
        can_be_stopped=can_be_stopped(record), error_name=record.error_name, created=record.created, finished=record.finished,
        counts=counts, trials=sum(counts.values()), best=best, epochs=epochs, seconds=seconds, budget=budget, share_done=share,
        seconds_left=left,
        in_hand=tuple(number for number in sorted(steered) if not store.trial(record.name, number).state.is_over),
        waiting=sum(command.state is CommandState.WAITING for command in commands),
    )  # fmt: skip
