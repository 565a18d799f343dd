"""A store that lives as long as its process: for trying things out and for tests.

Knows nothing of: files and databases.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from osetra.core.records import Checkpoint, Command, CommandState, EpochRecord, Event, Study, StudySummary, Trial, TrialState
from osetra.store import control_rows, rows, writers
from osetra.store.memory_board import MemoryBoard
from osetra.store.memory_kept import Kept, by_dev_error, by_number, curve_of


class MemoryStore(MemoryBoard):
    """Keeps studies in this process, as `osetra.core.ports.Store` says. One lock guards it: any thread may call anything."""

    def create_study(self, study: Study) -> None:
        """Record a new study; `StudyError` if the name is taken or no study may have it."""
        row = rows.study_row(study)
        with self._lock:
            self._check_open()
            if study.name in self._studies:
                raise rows.taken_name(study.name)
            self._studies[study.name] = Kept(study=row)

    def update_study(self, study: Study, *, owner: str | None = None) -> None:
        """Replace the record of a study that exists; `StudyError` if it does not, or is not held by `owner`."""
        row = rows.study_row(study)
        with self._lock:
            kept = self._held(study.name, owner)
            kept.study = row
            kept.changes += 1

    def study(self, name: str) -> Study:
        """`StudyError` if there is none of that name."""
        with self._lock:
            return rows.study_of(self._kept(name).study)

    def studies(self) -> Sequence[StudySummary]:
        """All studies, newest first."""
        with self._lock:
            self._check_open()
            return [
                StudySummary(study=rows.study_of(kept.study), trials=len(kept.trials), best=_best(kept)) for kept in self._newest_first()
            ]

    def record(
        self,
        study: str,
        *,
        trials: Sequence[Trial] = (),
        epochs: Mapping[int, Sequence[EpochRecord]] | None = None,
        events: Sequence[Event] = (),
        rolled_back: Mapping[int, int] | None = None,
        checkpoints: Sequence[tuple[Checkpoint, bytes]] = (),
        owner: str | None = None,
    ) -> None:
        """Keep all of it or nothing: a rollback first, then what is new.

        Raises `StudyError` for an unknown study or trial and if `owner` does not hold the study, `StoreError` for an epoch recorded before.
        """
        new_trials = {trial.number: rows.trial_row(trial) for trial in trials}
        new_curves = {int(number): rows.epoch_rows(int(number), curve) for number, curve in (epochs or {}).items() if curve}
        new_events = [rows.event_row(event) for event in events]
        new_checkpoints = control_rows.checkpoint_rows(checkpoints)
        last_epochs = control_rows.rollback_rows(rolled_back)
        with self._lock:
            kept = self._held(study, owner)
            others = (*last_epochs, *(trial for trial, _ in new_checkpoints))
            for number in rows.trials_named(new_curves, new_events, others):
                if number not in new_trials:
                    self._check_trial(kept, number)
            for number, curve in new_curves.items():
                known = kept.curves.get(number, {})
                for row in curve:
                    if row["epoch"] in known and row["epoch"] <= last_epochs.get(number, row["epoch"]):
                        raise rows.taken_epoch(number, row["epoch"])
            kept.trials.update(new_trials)
            for number, last in last_epochs.items():
                _roll_back(kept, number, last)
            for number, curve in new_curves.items():
                kept.curves.setdefault(number, {}).update((row["epoch"], row) for row in curve)
            kept.events.extend(new_events)
            kept.checkpoints.update(new_checkpoints)
            kept.changes += 1

    def trial(self, study: str, number: int) -> Trial:
        """One trial; `StudyError` if there is none of that number."""
        with self._lock:
            kept = self._kept(study)
            self._check_trial(kept, number)
            return rows.trial_of(kept.trials[number])

    def trials(
        self,
        study: str,
        *,
        states: Sequence[TrialState] = (),
        order_by: str = "dev_error",
        limit: int | None = None,
        offset: int = 0,
    ) -> Sequence[Trial]:
        """A page of trials, best first or by number. `StoreError` for an order, limit or offset that makes no sense."""
        rows.check_page(order_by, limit, offset)
        with self._lock:
            found = [row for row in self._kept(study).trials.values() if not states or row["state"] in states]
            found.sort(key=by_dev_error if order_by == "dev_error" else by_number)
            return [rows.trial_of(row) for row in found[offset : None if limit is None else offset + limit]]

    def count_trials(self, study: str) -> Counter[TrialState]:
        """Trials by state; a state that no trial is in counts 0."""
        with self._lock:
            return Counter(TrialState(row["state"]) for row in self._kept(study).trials.values())

    def curve(self, study: str, number: int) -> Sequence[EpochRecord]:
        """The epochs of one trial in order; empty if none is recorded."""
        with self._lock:
            return curve_of(self._kept(study), number)

    def events(self, study: str, *, trial: int | None = None) -> Sequence[Event]:
        """In the order they were recorded; of one trial if `trial` is given, of the study and all its trials otherwise."""
        with self._lock:
            return [rows.event_of(row) for row in self._kept(study).events if trial is None or row["trial"] == trial]

    def checkpoints(self, study: str, *, trial: int | None = None) -> Sequence[Checkpoint]:
        """By trial and epoch, without their data."""
        with self._lock:
            kept = self._kept(study).checkpoints
            return [control_rows.checkpoint_of(kept[key][0]) for key in sorted(kept) if trial is None or key[0] == trial]

    def checkpoint(self, study: str, trial: int, epoch: int) -> bytes:
        """The data. `StudyError` if there is no such checkpoint, `StoreError` if its data is not what was recorded."""
        with self._lock:
            kept = self._kept(study).checkpoints
            others = sorted(other for of, other in kept if of == trial and other != epoch)
            if (trial, epoch) not in kept:
                raise control_rows.unknown_checkpoint(study, trial, epoch, others)
            row, data = kept[trial, epoch]
        control_rows.check_data(data, row["digest"], study=study, trial=trial, epoch=epoch, others=others)
        return data

    def drop_checkpoints(self, study: str, which: Sequence[tuple[int, int]], *, owner: str | None = None) -> None:
        """Remove those of these (trial, epoch); one that is not there is passed over."""
        with self._lock:
            kept = self._held(study, owner)
            for key in which:
                kept.checkpoints.pop(key, None)
            kept.changes += 1

    def checkpoint_bytes(self, study: str) -> int:
        """Of the data of all checkpoints of a study together."""
        with self._lock:
            return sum(row["bytes"] for row, _ in self._kept(study).checkpoints.values())

    def add_command(self, study: str, command: Command) -> int:
        """Keep a new command; returns its id. `StudyError` for an unknown study or trial, `StoreError` for a command that is not new."""
        row = control_rows.command_row(command)
        with self._lock:
            kept = self._kept(study)
            if row["trial"] is not None:
                self._check_trial(kept, row["trial"])
            self._last_command += 1
            kept.commands.append({"id": self._last_command, **row})
            kept.changes += 1
            return self._last_command

    def commands(self, study: str, *, state: CommandState | None = None, after: int = 0) -> Sequence[Command]:
        """In order of id: those in `state` (None: in any) with an id above `after`."""
        with self._lock:
            kept = self._kept(study).commands
            return [control_rows.command_of(row) for row in kept if row["id"] > after and state in (None, row["state"])]

    def answer_command(
        self, study: str, command: int, *, state: CommandState, answer: str, epoch: int | None = None, at: datetime,
        owner: str | None = None,
    ) -> None:  # fmt: skip
        """Say what came of a command that waits. `StoreError` if it does not, so of two threads that answer one is refused."""
        answered = control_rows.answer_row(command, state, answer, epoch, at)
        with self._lock:
            kept = self._held(study, owner)
            row = next((row for row in kept.commands if row["id"] == command), None)
            if row is None or row["state"] != CommandState.WAITING:
                raise control_rows.not_waiting(study, command, row)
            row.update(answered)
            kept.changes += 1

    def claim(self, study: str, owner: str) -> None:
        """Become the one writer of a study, or go on as such. `StudyError` if another owner holds it."""
        row = writers.writer_row(owner, time.time_ns() // 1000)
        with self._lock:
            kept = self._kept(study)
            kept.writer = writers.claimed(study, kept.writer, row)

    def beat(self, study: str, owner: str) -> None:
        """Give a sign of life. `StudyError` if the study is not held by this owner."""
        row = writers.writer_row(owner, time.time_ns() // 1000)
        with self._lock:
            kept = self._kept(study)
            writers.require(study, owner, kept.writer)["beat"] = row["beat"]

    def release(self, study: str, owner: str) -> None:
        """Let others write; nothing happens if the study is not held by this owner."""
        with self._lock:
            kept = self._kept(study)
            if kept.writer is not None and writers.is_same(kept.writer, writers.writer_row(owner, 0)):
                kept.writer = None

    def close(self) -> None:
        """Forget everything; later calls raise `StoreError`."""
        with self._lock:
            self._studies.clear()
            self._closed = True


def _roll_back(kept: Kept, trial: int, last: int) -> None:
    """Remove what a trial came to after its epoch `last`."""
    curve = kept.curves.get(trial, {})
    for epoch in [epoch for epoch in curve if epoch > last]:
        del curve[epoch]
    for key in [key for key in kept.checkpoints if key[0] == trial and key[1] > last]:
        del kept.checkpoints[key]


def _best(kept: Kept) -> Trial | None:
    eligible = [row for row in kept.trials.values() if row["state"] in rows.BEST_STATES and row["dev_error"] is not None]
    return rows.trial_of(min(eligible, key=by_dev_error)) if eligible else None
