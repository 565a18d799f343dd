"""What is known of a study's trials, and what of that waits to be written to the store.

Knows nothing of: who trains, when a trial is handed out, the store's tables.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from osetra.core.ports import Job, Store
from osetra.core.records import Checkpoint, EpochRecord, Event, Trial, TrialState
from osetra.study.past import Past


@dataclass(slots=True)
class _Pending:
    """What waits for the next transaction."""

    trials: dict[int, Trial] = field(default_factory=dict)
    epochs: dict[int, list[EpochRecord]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    checkpoints: dict[int, tuple[Checkpoint, bytes]] = field(default_factory=dict)
    """By trial: of each the last one."""
    dropped: set[tuple[int, int]] = field(default_factory=set)
    """Trial and epoch of checkpoints that are not needed any more."""


class Ledger:
    """Trials by number, with counts; `flush` writes what is new."""

    def __init__(self, study: str, store: Store, past: Past | None = None) -> None:
        """past: what the store holds already; it is not written again."""
        self._study, self._store = study, store
        self._past = past or Past()
        self.trials: dict[int, Trial] = {}
        self.epochs = 0
        """Trained, by all trials together."""
        self.ended = 0
        self.diverged = 0
        self.best_error: float | None = None
        """The lowest dev error that any epoch had."""
        self._pending = _Pending()
        self._frozen = set(self._past.taken)
        """Trials in hand from before a break: what the search recalls of them is not what they are now."""
        self._recorded: dict[int, int] = {}
        """Of trials in hand, whose curve need not be what the search knew of it: epochs that the store holds."""

    def __getitem__(self, number: int) -> Trial:
        return self.trials[number]

    def recall(self, trials: Iterable[Trial]) -> None:
        """Trials as the store holds them; nothing of that is to be written."""
        for trial in trials:
            self.trials[trial.number] = trial
            self.epochs += trial.epochs
            self.ended += trial.state.is_over
            self.diverged += trial.state is TrialState.DIVERGED
            if trial.dev_error is not None:
                self.best_error = trial.dev_error if self.best_error is None else min(trial.dev_error, self.best_error)

    def leave(self, number: int) -> None:
        """The store's record of a trial is as new as this one, or newer: it is not written again."""
        self._pending.trials.pop(number, None)

    def thaw(self, number: int) -> None:
        """A trial in hand from before a break is at hand again."""
        self._frozen.discard(number)
        self.trials[number] = self._past.trials[number]
        self._recorded[number] = self.trials[number].epochs
        self.epochs += self._past.trained.get(number, 0)
        known = [error for error in (self.best_error, self.trials[number].dev_error) if error is not None]
        self.best_error = min(known, default=None)

    def begin(self, job: Job) -> None:
        """A trial is handed out for the first time. Nothing is written before it starts."""
        if job.trial in self._frozen:
            self.trials[job.trial] = self._past.trials[job.trial]
            return
        self.trials[job.trial] = Trial(number=job.trial, configuration=job.configuration, state=TrialState.WAITING)

    def withdraw(self, number: int) -> None:
        """The study ended before the trial began; it leaves no trace."""
        del self.trials[number]

    def change(self, number: int, **fields: Any) -> Trial:
        """The trial with these fields, from now on."""
        if number in self._frozen:
            return self.trials[number]
        trial = replace(self.trials[number], **fields)
        self.trials[number] = self._pending.trials[number] = trial
        return trial

    def start(self, number: int, *, num_parameters: int | None = None) -> None:
        self.change(number, state=TrialState.RUNNING, num_parameters=num_parameters)
        self.event(number, 0, "started", {})

    def promote(self, job: Job) -> None:
        """A trial that waited goes on."""
        self.change(job.trial, state=TrialState.RUNNING, reason="")
        self.event(job.trial, job.start, "promoted", {"until": job.until})

    def add_epoch(self, number: int, record: EpochRecord) -> None:
        trial, error = self.trials[number], record.dev_error
        self.epochs += 1
        if number in self._frozen:
            return
        fields: dict[str, Any] = {"epochs": trial.epochs + 1, "seconds": trial.seconds + record.seconds}
        if not math.isnan(error) and (trial.dev_error is None or (error, record.dev_loss) < (trial.dev_error, trial.dev_loss)):
            fields |= {"dev_error": error, "dev_loss": record.dev_loss, "best_epoch": record.epoch}
            self.best_error = error if self.best_error is None else min(error, self.best_error)
        self.change(number, **fields)
        if record.epoch > self._recorded.get(number, len(self._past.curve(number))):
            self._pending.epochs.setdefault(number, []).append(record)

    def end(
        self, number: int, state: TrialState, reason: str, *, who: str = "osetra", detail: Mapping[str, Any] | None = None, **fields: Any
    ) -> Trial:
        """The trial is over. who, detail: of the event that says so, beside the reason."""
        trial = self.change(number, state=state, reason=reason, **fields)
        self.ended += 1
        self.diverged += state is TrialState.DIVERGED
        self.event(number, trial.epochs, str(state), {"reason": reason, **(detail or {})}, who=who)
        return trial

    def end_rest(self, why: str, *, epochs_per_trial: int) -> None:
        """Those who wait, wait no more."""
        for number, trial in list(self.trials.items()):
            if not trial.state.is_over:
                self.end(number, TrialState.STOPPED, f"{why} after {trial.epochs} of {epochs_per_trial} epochs")

    def event(self, number: int | None, epoch: int | None, kind: str, detail: Mapping[str, Any], *, who: str = "osetra") -> None:
        if number in self._frozen:
            return
        event = Event(trial=number, epoch=epoch, kind=kind, detail=detail, who=who, at=datetime.now(UTC))
        self._pending.events.extend(self._past.new_events([event]))

    def roll_back(self, number: int, curve: Sequence[EpochRecord]) -> None:
        """The trial's curve is this, the beginning of what it was, from now on; its later checkpoints go.

        In one transaction with all that waits, so that the event that says so is recorded with it or not at all.
        """
        trial = self._cut(self.trials[number], curve)
        self.trials[number] = self._pending.trials[number] = trial
        self._recorded[number] = len(curve)
        self.flush(rolled_back={number: len(curve)})

    def begin_with(self, number: int, like: Trial, curve: Sequence[EpochRecord], event: Event) -> None:
        """A new trial with another one's configuration and first epochs, which were trained once and count once. event: says so."""
        trial = self._cut(replace(like, number=number), curve)
        self.trials[number] = trial
        self._store.record(self._study, trials=[trial], epochs={number: curve}, events=[event])

    @staticmethod
    def _cut(trial: Trial, curve: Sequence[EpochRecord]) -> Trial:
        """The trial when its curve was this."""
        best = min(
            (record for record in curve if not math.isnan(record.dev_error)), key=lambda one: (one.dev_error, one.dev_loss), default=None
        )
        return replace(
            trial, epochs=len(curve), seconds=sum(record.seconds for record in curve), train_error=None,
            best_epoch=best.epoch if best else None, dev_error=best.dev_error if best else None, dev_loss=best.dev_loss if best else None,
        )  # fmt: skip

    def keep(self, checkpoint: Checkpoint, data: bytes) -> None:
        """A checkpoint; of several that wait to be written, the trial's last one."""
        self._pending.checkpoints[checkpoint.trial] = (checkpoint, data)

    def drop(self, checkpoints: Iterable[tuple[int, int]]) -> None:
        """These (trial, epoch) are kept no longer."""
        for trial, epoch in checkpoints:
            waiting = self._pending.checkpoints.get(trial)
            if waiting is not None and waiting[0].epoch == epoch:
                del self._pending.checkpoints[trial]
            else:
                self._pending.dropped.add((trial, epoch))

    def flush(self, *, rolled_back: Mapping[int, int] | None = None) -> None:
        """Write what is new, in one transaction. Raises StoreError; what was to be written is then lost.

        rolled_back: trials that lose, with it, what they had after an epoch.
        """
        pending, self._pending = self._pending, _Pending()
        if pending.trials or pending.events:
            self._store.record(
                self._study, trials=list(pending.trials.values()), epochs=pending.epochs, events=pending.events, rolled_back=rolled_back,
                checkpoints=list(pending.checkpoints.values()),
            )  # fmt: skip
        if pending.dropped:
            self._store.drop_checkpoints(self._study, sorted(pending.dropped))

    def best(self) -> Trial | None:
        """Lowest dev error of all that did not diverge or fail; ties go to the lower number."""
        able = [trial for trial in self.trials.values() if trial.state.can_win and trial.dev_error is not None]
        return min(able, key=lambda trial: (trial.dev_error, trial.number)) if able else None
