"""A store that lives as long as its process: for trying things out and for tests.

Knows nothing of: files and databases.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from osetra.core.errors import StoreError
from osetra.core.records import EpochRecord, Event, Study, StudySummary, Trial, TrialState
from osetra.store import rows
from osetra.store.rows import Row


@dataclass(slots=True, kw_only=True)
class _Kept:
    study: Row
    trials: dict[int, Row] = field(default_factory=dict)
    curves: dict[int, dict[int, Row]] = field(default_factory=dict)
    events: list[Row] = field(default_factory=list)


class MemoryStore:
    """Keeps studies in this process, as `osetra.core.ports.Store` says. One lock guards it: any thread may call anything."""

    def __init__(self) -> None:
        self._studies: dict[str, _Kept] = {}
        self._lock = RLock()
        self._closed = False

    def __getstate__(self) -> dict[str, Any]:
        # A lock belongs to its process; the records may go to another, with an estimator that was fitted there.
        with self._lock:
            return {"_studies": deepcopy(self._studies), "_closed": self._closed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=RLock())

    def create_study(self, study: Study) -> None:
        """Record a new study; `StudyError` if the name is taken or no study may have it."""
        row = rows.study_row(study)
        with self._lock:
            self._check_open()
            if study.name in self._studies:
                raise rows.taken_name(study.name)
            self._studies[study.name] = _Kept(study=row)

    def update_study(self, study: Study) -> None:
        """Replace the record of a study that exists; `StudyError` if it does not."""
        row = rows.study_row(study)
        with self._lock:
            self._kept(study.name).study = row

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
    ) -> None:
        """Keep all of it or nothing. `StudyError` for an unknown study or trial, `StoreError` for an epoch recorded before."""
        new_trials = {trial.number: rows.trial_row(trial) for trial in trials}
        new_curves = {int(number): rows.epoch_rows(int(number), curve) for number, curve in (epochs or {}).items() if curve}
        new_events = [rows.event_row(event) for event in events]
        with self._lock:
            kept = self._kept(study)
            for number in rows.trials_named(new_curves, new_events):
                if number not in new_trials and number not in kept.trials:
                    raise self._unknown_trial(kept, number)
            for number, curve in new_curves.items():
                known = kept.curves.get(number, {})
                for row in curve:
                    if row["epoch"] in known:
                        raise rows.taken_epoch(number, row["epoch"])
            kept.trials.update(new_trials)
            for number, curve in new_curves.items():
                kept.curves.setdefault(number, {}).update((row["epoch"], row) for row in curve)
            kept.events.extend(new_events)

    def trial(self, study: str, number: int) -> Trial:
        """One trial; `StudyError` if there is none of that number."""
        with self._lock:
            kept = self._kept(study)
            if number not in kept.trials:
                raise self._unknown_trial(kept, number)
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
            found.sort(key=_by_dev_error if order_by == "dev_error" else _by_number)
            return [rows.trial_of(row) for row in found[offset : None if limit is None else offset + limit]]

    def count_trials(self, study: str) -> Counter[TrialState]:
        """Trials by state; a state that no trial is in counts 0."""
        with self._lock:
            return Counter(TrialState(row["state"]) for row in self._kept(study).trials.values())

    def curve(self, study: str, number: int) -> Sequence[EpochRecord]:
        """The epochs of one trial in order; empty if none is recorded."""
        with self._lock:
            curve = self._kept(study).curves.get(number, {})
            return [rows.epoch_of(curve[epoch]) for epoch in sorted(curve)]

    def events(self, study: str, *, trial: int | None = None) -> Sequence[Event]:
        """In the order they were recorded; of one trial if `trial` is given, of the study and all its trials otherwise."""
        with self._lock:
            return [rows.event_of(row) for row in self._kept(study).events if trial is None or row["trial"] == trial]

    def close(self) -> None:
        """Forget everything; later calls raise `StoreError`."""
        with self._lock:
            self._studies.clear()
            self._closed = True

    def _kept(self, name: str) -> _Kept:
        self._check_open()
        kept = self._studies.get(name)
        if kept is None:
            raise rows.unknown_study(name, [kept.study["name"] for kept in self._newest_first()])
        return kept

    def _newest_first(self) -> list[_Kept]:
        oldest_first = sorted(self._studies.values(), key=lambda kept: kept.study["created"])
        return oldest_first[::-1]

    def _unknown_trial(self, kept: _Kept, number: int) -> Exception:
        numbers = kept.trials.keys()
        return rows.unknown_trial(
            kept.study["name"], number, count=len(numbers), first=min(numbers, default=None), last=max(numbers, default=None)
        )

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed; open it again")


def _best(kept: _Kept) -> Trial | None:
    eligible = [row for row in kept.trials.values() if row["state"] in rows.BEST_STATES and row["dev_error"] is not None]
    return rows.trial_of(min(eligible, key=_by_dev_error)) if eligible else None


def _by_dev_error(row: Mapping[str, Any]) -> tuple[bool, float, int]:
    dev_error = row["dev_error"]
    return (dev_error is None, 0.0 if dev_error is None else dev_error, row["number"])


def _by_number(row: Mapping[str, Any]) -> int:
    return row["number"]
