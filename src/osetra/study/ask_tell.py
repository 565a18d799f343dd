"""`osetra.Tuner`: ask for configurations, tell what they came to; who computes it, where and how, is yours.

    tuner = osetra.Tuner({"x": osetra.linear(-5, 5)}, trials=20)
    while trial := tuner.ask():
        tuner.tell(trial, (trial.params["x"] - 1) ** 2)
    tuner.best.params

The space may be edited between any two asks; what was told before still counts:

    tuner.edit(tuner.space.widen("x", -20, 5, why="the best lie at -5"))

Knows nothing of: objectives, processes, clocks.
"""

import math
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, cast

from osetra.core.direction import turned
from osetra.core.errors import StudyError
from osetra.core.ports import Job, Search, Store
from osetra.core.records import Configuration, EpochRecord, Event, StudyState, Trial, TrialState
from osetra.core.records import Study as StudyRecord
from osetra.core.seeding import Seed
from osetra.executors.objective import as_number
from osetra.space.history import SpaceHistory
from osetra.space.space import Space
from osetra.study.budget import Budget
from osetra.study.closing import close_record
from osetra.study.handle import Study
from osetra.study.ledger import Ledger
from osetra.study.objective_setting import ASK_AND_TELL, Strategy, decide, find_study, require_count, require_place
from osetra.study.places import name_and_folder, open_place
from osetra.study.retelling import CLOSED, retell
from osetra.study.sentences import sentences_of
from osetra.study.writing import writing

TOLD_STATES = (TrialState.FINISHED, TrialState.STOPPED, TrialState.DIVERGED, TrialState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTrial:
    """A configuration to try out, or one to go on with."""

    number: int
    """In its study, from 0."""
    params: Configuration
    """The value of every hyperparameter, by name."""
    start: int
    """Epochs told before: 0 for a new trial."""
    until: int
    """Epochs to be told after: `until - start` values are wanted."""
    seed: int
    """Below 2^32, for its random numbers; follows from the study's seed and the trial's number alone."""


class Tuner:
    """A search to ask and tell. Any number of trials may be asked before the first is told, from any thread.

    What it proposes follows from the seed and from the order of the calls. Every ask and tell is written to the store at once. `close`
    ends the study; `with osetra.Tuner(...) as tuner:` does so by itself, unless an exception ends it: then the study has failed, or was
    interrupted, and another Tuner may go on with it.
    """

    def __init__(
        self,
        space: Space | Mapping[str, Any],
        *,
        trials: int | None = None,
        epochs: int | None = None,
        epochs_per_trial: int | None = None,
        direction: str = "minimize",
        strategy: Strategy | None = None,
        first: Mapping[str, Any] | None = None,
        seed: int = 0,
        store: str | Path | Store | None = None,
        study: str | None = None,
        resume: bool = False,
    ) -> None:
        """As for `osetra.optimize`. trials, epochs: bounds, after which `ask` gives None; without any there is always another trial.

        resume: go on with the study of that name in that store, begun with the same options; begin it if it is not there. The search is
        told again what it was told, in the same order. Trials that were asked and not told are handed out again first, and may be told
        before that. Of a study that was closed `ask` gives None.
        Raises SpaceError, StudyError, StoreError for what cannot be used.
        """
        bounds = {"trials": trials, "epochs": epochs}
        for name, bound in bounds.items():
            if bound is not None:
                require_count(bound, name, "leave it out for no such bound")
        setting = decide(
            space, strategy=strategy, first=first, direction=direction, epochs_per_trial=epochs_per_trial, epochs=epochs, trials=trials,
            seed=seed,
        )  # fmt: skip
        if resume:
            require_place(study, store)
        store_of_ours = open_place(store)
        budget = Budget(**bounds) if trials or epochs else None
        before = find_study(study, store_of_ours) if resume else None
        if before is not None:
            setting.require_same(_as_begun(before), budget, is_asked=True)
        name = before.name if before is not None else name_and_folder(study, "", store_of_ours, None)[0]
        if store_of_ours is None:
            from osetra.store.sql import open_store

            store_of_ours = open_store(cast("str | Path", store))
        self._store = store_of_ours
        self._search, self._maximize, self._seed = setting.search, setting.maximize, setting.seed
        self._last = setting.epochs_per_trial or 1
        self._record = before or setting.record(name, target="values told", source=ASK_AND_TELL, workers=1, budget=budget, more={})
        self._ledger = Ledger(name, self._store)
        self._out: dict[int, tuple[Job, float]] = {}
        self._again: dict[int, Job] = {}
        """Asked in an earlier run and not told; to be handed out once more."""
        self._history = SpaceHistory.begin(setting.space) if before is None else _history_of(before)
        self._asks = 0
        """Those that gave a trial: the others are not recorded, and change nothing that edits depend on."""
        self._began = time.monotonic()
        self._spent_s = 0.0
        """By earlier runs."""
        self._lock = threading.RLock()
        self._was_closed = before is not None and before.state is StudyState.FINISHED
        if before is None:
            self._store.create_study(self._record)
        # Given back when the study is closed, or when nobody has the tuner any more.
        self._writing = ExitStack()
        if not self._was_closed:
            self._claim = self._writing.enter_context(writing(self._store, name))
            if before is not None:
                self._go_on()

    def ask(self) -> AskedTrial | None:
        """The next trial to try out or to go on with.

        None: there is none before more is told, or ever, if nothing asked remains to be told. Raises StudyError after `close`.
        """
        with self._lock:
            if self._was_closed:
                return None
            self._require_open()
            is_new = not self._again
            job = self._search.ask() if is_new else self._again.pop(next(iter(self._again)))
            if job is None:
                return None
            self._asks += is_new
            if job.trial in self._out:
                self._ledger.event(job.trial, job.start, "asked again", {})
            elif job.start == 0:
                self._ledger.begin(job)
                self._ledger.start(job.trial)
            else:
                self._ledger.promote(job)
            self._ledger.flush()
            self._out[job.trial] = job, time.monotonic()
            seed = int(Seed(study=self._seed, trial=job.trial).key("objective")) % 2**32
            return AskedTrial(number=job.trial, params=dict(job.configuration), start=job.start, until=job.until, seed=seed)

    def tell(self, trial: AskedTrial | int, values: float | Iterable[float] = (), *, state: str | None = None, reason: str = "") -> Trial:
        """Tell what a trial that was asked came to; gives its record.

        trial: what `ask` gave, or its number. values: one number, or one after each epoch from `start + 1` on, up to `until - start` of
        them; fewer end the trial. state: finished, stopped, diverged or failed for one that is over; by default it follows from the
        values: one that is not finite is the last that counts, and the trial diverged. reason: in words, kept with it.
        Raises StudyError for a trial that is not out, for values that are too many or no numbers, and for another state.
        """
        with self._lock:
            self._require_open()
            number = trial.number if isinstance(trial, AskedTrial) else trial
            if number not in self._out:
                out = ", ".join(map(str, sorted(self._out))) or "none"
                raise StudyError(f"a trial is told once after it was asked, got trial {number}; those asked and not told: {out}")
            job, asked_at = self._out[number]
            told = _finite_start(_numbers(values))
            if len(told) > job.until - job.start:
                raise StudyError(
                    f"trial {number} wants {job.until - job.start} values, of epochs {job.start + 1} to {job.until}, got {len(told)}; "
                    "tell no more"
                )
            becomes, why = self._state(job, told, state)
            kept = [turned(value, maximize=self._maximize) if math.isfinite(value) else math.nan for value in told]
            seconds = (time.monotonic() - asked_at) / max(1, len(kept))
            for epoch, value in enumerate(kept, start=job.start + 1):
                record = EpochRecord(
                    epoch=epoch, train_cost=math.nan, train_error=math.nan, dev_loss=value, dev_error=value, seconds=seconds
                )
                self._ledger.add_epoch(number, record)
            if becomes is TrialState.PAUSED:
                self._ledger.change(number, state=becomes, reason=reason or why)
                # One that goes on needs to know the order of all that was told.
                self._ledger.event(number, self._ledger[number].epochs, str(becomes), {"reason": reason or why})
            else:
                self._ledger.end(number, becomes, reason or why)
            del self._out[number]
            self._again.pop(number, None)
            self._search.tell(job, kept, becomes)
            self._ledger.flush()
            return self.study.trial(number)

    @property
    def space(self) -> Space:
        """What is searched now."""
        return self._history.space

    def edit(self, space: Space) -> None:
        """Search in this space from now on: `tuner.space` after one `widen`, `narrow`, `fix`, `add_choice` or `release`.

            tuner.edit(tuner.space.fix("optimizer", "adam", why="it won every time"))

        New trials lie in it, none with a configuration that there was before; those that have begun go on as they are. What they were told
        still counts where they have a place in the space. After `ask` gave None because the space held no more, it may give trials again.
        The study keeps every edit, when it was made and why: in facts["space_history"] (see `osetra.space.SpaceHistory`) and as an event.
        Raises SpaceError for another space and one in which nothing can be proposed, StudyError after `close` and for a strategy of your
        own without `edit`.
        """
        with self._lock:
            self._require_open()
            if not callable(getattr(self._search, "edit", None)):
                raise StudyError(f"strategy must make a search with edit for the space to be edited, got {self._search!r:.60}; give it one")
            history = self._history.after(len(self._ledger.trials), space, asks=self._asks)
            self._search.edit(space)
            self._history = history
            facts = {**self._record.facts, "space": space.to_dict(), "space_history": history.to_dict()}
            self._record = replace(self._record, facts=facts)
            self._store.update_study(self._record)
            self._ledger.event(None, None, "space edited", history.to_dict()["versions"][-1])
            self._ledger.flush()

    @property
    def study(self) -> Study:
        """All that was told, as `osetra.optimize` returns it."""
        return Study(self._record, self._store)

    @property
    def best(self) -> Trial:
        """The best trial so far. Raises StudyError before any came to a value."""
        return self.study.best

    def close(self) -> None:
        """End the study: trials that wait or were never told are stopped. A store that the tuner opened stays open for reading."""
        with self._lock:
            if self._record.finished is not None:
                return
            self._require_open()
            self._out.clear()
            self._again.clear()
            self._ledger.end_rest(CLOSED, epochs_per_trial=self._last)
            self._ledger.flush()
            best = self._ledger.best()
            facts = {
                **self._record.facts, "ended": "closed", "seconds": self._seconds(), "epochs": self._ledger.epochs,
                "trials": len(self._ledger.trials), "sentences": sentences_of(self._search),
                **({} if best is None else {"best": best.number}),
            }  # fmt: skip
            self._record = replace(self._record, state=StudyState.FINISHED, reason="closed", finished=datetime.now(UTC), facts=facts)
            self._store.update_study(self._record)
            self._writing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _where: object) -> None:
        if error is None:
            self.close()
            return
        with self._lock:
            if self._record.finished is None and not self._claim.is_lost:
                # What ended it may be a store that fails; the error that came first is the one to be seen.
                with suppress(Exception):
                    close_record(self._store, self._record.name, error)
                    self._record = self._store.study(self._record.name)
            self._writing.close()

    def _go_on(self) -> None:
        """Come to where an earlier run was."""
        from osetra.study.resume import RESUMED, spent_s

        name = self._record.name
        try:
            again = _EditedAgain(self._search, self._history)
            retold = retell(self._store, name, again)
            self._asks = again.asks
            self._ledger.recall(retold.trials)
            self._again = {job.trial: job for job in retold.out}
            self._out = {number: (job, self._began) for number, job in self._again.items()}
            self._spent_s = spent_s(self._store, self._record.created, name)
            self._record = replace(self._record, state=StudyState.RUNNING, reason="", finished=None)
            self._store.update_study(self._record)
            went_on = Event(trial=None, epoch=None, kind=RESUMED, detail={"spent_s": self._spent_s}, at=datetime.now(UTC))
            self._store.record(name, events=[went_on])
        except BaseException:
            self._writing.close()
            raise

    def _seconds(self) -> float:
        """That the study was worked on, by all runs together."""
        return self._spent_s + time.monotonic() - self._began

    def _state(self, job: Job, told: Sequence[float], state: str | None) -> tuple[TrialState, str]:
        """What becomes of a trial, and why."""
        if state is not None:
            if state not in TOLD_STATES:
                raise StudyError(f"state must be one of {', '.join(TOLD_STATES)}, got {state!r}; leave it out for one that went well")
            return TrialState(state), ""
        if told and not math.isfinite(told[-1]):
            return TrialState.DIVERGED, f"the value was {told[-1]}"
        if not told:
            raise StudyError(f"trial {job.trial} needs a value, got none; give one, or state='failed'")
        if job.start + len(told) < job.until:
            return TrialState.FINISHED, f"ended by itself after {job.start + len(told)} of {self._last} epochs"
        if job.until < self._last:
            return TrialState.PAUSED, f"waits at epoch {job.until}"
        return TrialState.FINISHED, "told its last value"

    def _require_open(self) -> None:
        if not self._was_closed and self._claim.is_lost:
            raise StudyError(
                f"study {self._record.name!r} must have one writer, got another that took it over while this one was silent; ask there"
            )
        if self._record.finished is not None:
            raise StudyError(f"study {self._record.name!r} was closed and takes no more; begin another Tuner")


class _EditedAgain:
    """A search that is told again what it was told: with the edits of its history, made when it has been asked as often as it had then."""

    def __init__(self, search: Search, history: SpaceHistory) -> None:
        self._search, self._history = search, history
        self.asks = 0
        self._make_edits()

    def ask(self) -> Job | None:
        job = self._search.ask()
        self.asks += 1
        self._make_edits()
        return job

    def tell(self, job: Job, values: Sequence[float], state: TrialState) -> None:
        self._search.tell(job, values, state)

    def edit(self, space: Space) -> None:
        self._search.edit(space)

    def _make_edits(self) -> None:
        for version in self._history.made_at(self.asks):
            self._search.edit(version.space)


def _history_of(record: StudyRecord) -> SpaceHistory:
    written = record.facts.get("space_history")
    return SpaceHistory.begin(Space.from_dict(record.facts["space"])) if written is None else SpaceHistory.from_dict(written)


def _as_begun(record: StudyRecord) -> StudyRecord:
    """With the space that it began with."""
    if "space_history" not in record.facts:
        return record
    return replace(record, facts={**record.facts, "space": _history_of(record).at_first.to_dict()})


def _numbers(values: Any) -> list[float]:
    listed = values if isinstance(values, Iterable) and not isinstance(values, str | bytes) and getattr(values, "ndim", 1) else [values]
    return [as_number(value, "what a trial is told") for value in listed]


def _finite_start(values: Sequence[float]) -> list[float]:
    """Up to the first that is not finite, which is the last that counts."""
    end = next((place + 1 for place, value in enumerate(values) if not math.isfinite(value)), len(values))
    return list(values[:end])
