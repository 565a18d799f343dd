"""`osetra.Tuner`: ask for configurations, tell what they came to; who computes it, where and how, is yours.

    tuner = osetra.Tuner({"x": osetra.linear(-5, 5)}, trials=20)
    while trial := tuner.ask():
        tuner.tell(trial, (trial.params["x"] - 1) ** 2)
    tuner.best.params

Knows nothing of: objectives, processes, clocks.
"""

import math
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, cast

from osetra.core.direction import turned
from osetra.core.errors import StudyError
from osetra.core.ports import Job, Store
from osetra.core.records import Configuration, EpochRecord, StudyState, Trial, TrialState
from osetra.core.seeding import Seed
from osetra.executors.objective import as_number
from osetra.space.space import Space
from osetra.study.budget import Budget
from osetra.study.handle import Study
from osetra.study.ledger import Ledger
from osetra.study.objective_setting import Strategy, decide, require_count
from osetra.study.places import name_and_folder, open_place

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
    ends the study; `with osetra.Tuner(...) as tuner:` does so by itself.
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
    ) -> None:
        """As for `osetra.optimize`. trials, epochs: bounds, after which `ask` gives None; without any there is always another trial.

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
        store_of_ours = open_place(store)
        name, _ = name_and_folder(study, "", store_of_ours, None)
        if store_of_ours is None:
            from osetra.store.sql import open_store

            store_of_ours = open_store(cast("str | Path", store))
        self._store = store_of_ours
        self._search, self._maximize, self._seed = setting.search, setting.maximize, setting.seed
        self._last = setting.epochs_per_trial or 1
        budget = Budget(**bounds) if trials or epochs else None
        self._record = setting.record(name, target="values told", source="ask and tell", workers=1, budget=budget, more={})
        self._ledger = Ledger(name, self._store)
        self._out: dict[int, tuple[Job, float]] = {}
        self._began = time.monotonic()
        self._lock = threading.RLock()
        self._store.create_study(self._record)

    def ask(self) -> AskedTrial | None:
        """The next trial to try out or to go on with.

        None: there is none before more is told, or ever, if nothing asked remains to be told. Raises StudyError after `close`.
        """
        with self._lock:
            self._require_open()
            job = self._search.ask()
            if job is None:
                return None
            if job.start == 0:
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
            else:
                self._ledger.end(number, becomes, reason or why)
            del self._out[number]
            self._search.tell(job, kept, becomes)
            self._ledger.flush()
            return self.study.trial(number)

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
            self._out.clear()
            self._ledger.end_rest("the study was closed", epochs_per_trial=self._last)
            self._ledger.flush()
            best = self._ledger.best()
            facts = {
                **self._record.facts, "ended": "closed", "seconds": time.monotonic() - self._began, "epochs": self._ledger.epochs,
                "trials": len(self._ledger.trials), **({} if best is None else {"best": best.number}),
            }  # fmt: skip
            self._record = replace(self._record, state=StudyState.FINISHED, reason="closed", finished=datetime.now(UTC), facts=facts)
            self._store.update_study(self._record)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
        if self._record.finished is not None:
            raise StudyError(f"study {self._record.name!r} was closed and takes no more; begin another Tuner")


def _numbers(values: Any) -> list[float]:
    listed = values if isinstance(values, Iterable) and not isinstance(values, str | bytes) and getattr(values, "ndim", 1) else [values]
    return [as_number(value, "what a trial is told") for value in listed]


def _finite_start(values: Sequence[float]) -> list[float]:
    """Up to the first that is not finite, which is the last that counts."""
    end = next((place + 1 for place, value in enumerate(values) if not math.isfinite(value)), len(values))
    return list(values[:end])
