"""What the page of a trial shows, read at one moment.

Knows nothing of: elements, how any of it is shown.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osetra.core.errors import StudyError
from osetra.core.records import (
    Checkpoint,
    Command,
    CommandState,
    Configuration,
    EpochRecord,
    Event,
    Study,
    StudyState,
    Task,
    Trial,
    TrialState,
)
from osetra.report.lineage import parent_of
from osetra.study.heard import BROKEN_OFF, Heard
from osetra.training.steering import Change, Script

if TYPE_CHECKING:
    from osetra.ui.reading import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A trial and what is known of it."""

    record: Study
    trial: Trial
    curve: Sequence[EpochRecord]
    events: Sequence[Event]
    checkpoints: Sequence[Checkpoint]
    commands: Sequence[Command]
    """Of this trial, the latest last."""
    best: int | None
    """The best trial of the study."""
    before: int | None
    after: int | None
    """Numbers of its neighbours."""
    is_trained: bool
    """Whether somebody trains the study."""
    has_broken_off: bool = False
    """Whether nobody does, though its record says so."""
    script: Script
    """What people changed, and is still in effect."""

    @property
    def state(self) -> str:
        """That of the trial; one whose training broke off with its study does not train."""
        return BROKEN_OFF if self.has_broken_off and self.trial.state is TrialState.RUNNING else str(self.trial.state)

    @property
    def settings(self) -> Configuration:
        """Those in effect."""
        return self.script.configuration

    @property
    def total(self) -> int:
        """The most epochs that it may have."""
        return max(self.script.total, self.trial.epochs)

    @property
    def parent(self) -> int | None:
        """The trial that it was branched from."""
        return parent_of(self.events)

    @property
    def branches(self) -> list[int]:
        """Trials that were branched from it."""
        answers = [one.answer for one in self.commands if one.kind == "branch" and one.state is CommandState.DONE]
        return [int(found[1]) for answer in answers if (found := re.match(r"trial (\d+) goes on", answer))]

    @property
    def is_in_hand(self) -> bool:
        """Whether people decide about it, and no longer the search."""
        return any(event.kind in ("taken in hand", "branched") for event in self.events)

    @property
    def waiting(self) -> list[Command]:
        return [one for one in self.commands if one.state is CommandState.WAITING]

    @property
    def why_not(self) -> str:
        """Why it cannot be steered; empty: it can."""
        if self.record.task is Task.OBJECTIVE:
            return "This study tunes an objective of yours; only networks that osetra trains can be steered."
        if not self.is_trained:
            if self.record.state is StudyState.FINISHED:
                return f"A trial is steered while its study is trained, and this study came to its end ({self.record.reason})."
            return "Nobody trains this study now. Resume it, and its trials can be steered again."
        if self.trial.best_epoch is None:
            return "This trial has no epoch that went well yet, so there is nothing to steer."
        return ""

    @property
    def can_resume(self) -> bool:
        """Whether somebody could take the study up again."""
        return self.record.state is not StudyState.FINISHED and self.record.task is not Task.OBJECTIVE and not self.is_trained

    @property
    def can_pause(self) -> bool:
        return self.trial.state is TrialState.RUNNING

    @property
    def can_continue(self) -> bool:
        stuck = (TrialState.RUNNING, TrialState.DIVERGED, TrialState.FAILED)
        return self.trial.state not in stuck and self.trial.epochs < self.script.total

    @property
    def can_stop(self) -> bool:
        return not self.trial.state.is_over

    @property
    def can_extend(self) -> bool:
        return self.trial.state not in (TrialState.DIVERGED, TrialState.FAILED)

    def kept_before(self, epoch: int) -> int | None:
        """The last epoch up to that one of which there is a checkpoint; None: training begins anew."""
        return max((kept.epoch for kept in self.checkpoints if 0 < kept.epoch <= epoch), default=None)


def look(reading: "Reading", name: str, number: int, *, heard: Heard | None = None) -> Seen:
    """Read it all. heard: None takes the study's record at its word. Raises StudyError for an unknown study or trial."""
    trial, head = reading.trial(name, number), reading.header(name)
    study = reading.study(name)
    events = reading.events(name, number)
    return Seen(
        record=study.record,
        trial=trial,
        curve=reading.curve(name, number),
        events=events,
        checkpoints=study.store.checkpoints(name, trial=number),
        commands=[command for command in study.store.commands(name) if command.trial == number],
        best=None if head.best is None else head.best.number,
        before=_neighbour(reading, name, number - 1),
        after=_neighbour(reading, name, number + 1),
        is_trained=study.record.state is StudyState.RUNNING if heard is None else bool(heard.is_trained),
        has_broken_off=heard is not None and heard.has_broken_off,
        script=script_of(trial, events, total=int(study.facts.get("epochs_per_trial") or trial.epochs)),
    )


def script_of(trial: Trial, events: Sequence[Event], *, total: int) -> Script:
    """What people changed and is still in effect. total: the most epochs that it might have had."""
    script = Script(trial.configuration, total)
    for event in events:
        detail = event.detail
        if event.kind == "branched":
            script.changes = [_change(line) for line in detail["script"]]
        elif event.kind in ("set", "extended"):
            script.changes.append(_change(detail))
        elif event.kind == "rolled back":
            script.roll_back(detail["epoch"])
            script.changes.append(_change(detail))
    return script


def _change(detail: Any) -> Change:
    return Change(epoch=detail["epoch"], settings=detail["settings"], total=detail["total"])


def _neighbour(reading: "Reading", name: str, number: int) -> int | None:
    with suppress(StudyError):
        return reading.trial(name, number).number if number >= 0 else None
    return None
