"""The loop that hands out trials, hears what becomes of them, records it and stops on the budget.

Workers are threads, each training one trial at a time in code that releases the GIL. Only this loop's thread writes the store. Trials
are numbered as they are handed out; the searcher, and the share of the epoch budget that trial k gets, see exactly the outcomes of
trials 0 .. k - LAG, in order, so timing changes nothing; a budget in seconds decides only where a study ends.

Knows nothing of: files, tables, what the person sees.
"""

import math
import queue
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from osetra.core.errors import StoreError
from osetra.core.ports import Progress, Searcher, Store
from osetra.core.records import Configuration, EpochRecord, Event, Task, Trial, TrialState
from osetra.core.seeding import Seed
from osetra.engines.port import Engine, Member, TrainingData
from osetra.study.budget import Budget
from osetra.training.life import Outcome, live
from osetra.training.recipe import build_member

LAG = 32
"""Trial k is decided upon with the outcomes of trials 0 .. k - LAG: far enough that no core waits for a slow trial. Kept with the study."""
FLUSH_S = 0.25
FAILED = "the study failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that decides a study's trials."""

    study: str
    task: Task
    num_outputs: int
    seed: int
    epochs_per_trial: int
    patience: int | None
    budget: Budget
    workers: int
    deadline: float | None
    """`time.monotonic()` at which the budget in seconds ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search leaves."""

    best: Trial | None
    """Lowest dev error of all that did not diverge or fail; ties go to the lower number."""
    member: Member | None
    """Its network, with the weights of its best epoch."""
    trials: list[Trial]
    epochs: int
    seconds: float
    ended: str
    """Why the search ended, in words."""
    interrupted: bool


@dataclass(slots=True)
class _Message:
    number: int
    epoch: EpochRecord | None = None
    outcome: Outcome | None = None
    member: Member | None = None
    train_error: float | None = None
    failure: str = ""
    withdrawn: bool = False
    """The study ended before the trial began; it leaves no trace."""


@dataclass(slots=True)
class _Pending:
    """What waits to be written in the next transaction."""

    trials: dict[int, Trial] = field(default_factory=dict)
    epochs: dict[int, list[EpochRecord]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)


class SearchLoop:
    """One run of a search; `run` is called once."""

    def __init__(
        self,
        plan: Plan,
        *,
        searcher: Searcher,
        engine: Engine,
        data: TrainingData,
        store: Store,
        progress: Progress,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._plan, self._searcher, self._engine, self._data = plan, searcher, engine, data
        self._store, self._progress, self._interrupted = store, progress, interrupted
        self._messages: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._futures: dict[int, Future[None]] = {}
        self._trials: dict[int, Trial] = {}
        self._allotted: dict[int, int] = {}
        self._told = 0
        self._seen = 0
        self._seen_epochs = 0
        self._done = 0
        self._diverged = 0
        self._best_error: float | None = None
        self._pending = _Pending()
        self._best: Trial | None = None
        self._best_member: Member | None = None
        self._epochs = 0
        self._began = time.monotonic()
        self._stop: str | None = None
        self._exhausted: str | None = None

    def run(self) -> Found:
        """Search until the budget is spent, the space is exhausted or the person interrupts.

        Raises StoreError if the store fails; `found` then still tells what there was.
        """
        self._began = flushed = time.monotonic()
        pool = ThreadPoolExecutor(self._plan.workers, thread_name_prefix="osetra-trial")
        try:
            while True:
                self._check_clock()
                self._hand_out(pool)
                if not self._futures:
                    break
                self._listen()
                now = time.monotonic()
                if now - flushed > FLUSH_S:
                    self._flush()
                    self._progress.update(self._facts(now - self._began))
                    flushed = now
            self._flush()
            self._progress.update(self._facts(time.monotonic() - self._began))
        except StoreError:
            # What still trains ends with its epoch and is heard, so that the best is known; nothing more is written.
            self._stop = FAILED
            pool.shutdown(wait=True, cancel_futures=True)
            self._listen()
            raise
        finally:
            self._stop = self._stop or FAILED
            pool.shutdown(wait=True, cancel_futures=True)
        return self.found()

    def found(self) -> Found:
        """What the search has come to so far."""
        return Found(
            best=self._best,
            member=self._best_member,
            trials=[self._trials[number] for number in sorted(self._trials)],
            epochs=self._epochs,
            seconds=time.monotonic() - self._began,
            ended=self._stop_word(),
            interrupted=self._stop == "interrupted",
        )

    def _stop_word(self) -> str:
        if self._stop and self._stop != FAILED:
            return self._stop
        return self._exhausted or "the budget was spent"

    def _check_clock(self) -> None:
        if self._stop is None and self._interrupted():
            self._stop = "interrupted"
        if self._stop is None and self._plan.deadline is not None and time.monotonic() >= self._plan.deadline:
            self._stop = "the time was up"
        if self._stop is not None:
            for number in [number for number, future in self._futures.items() if future.cancel()]:
                del self._futures[number]
                self._trials.pop(number)

    def _hand_out(self, pool: ThreadPoolExecutor) -> None:
        # One more than the workers a worker is kept ready, so that none waits for this thread.
        while self._stop is None and self._exhausted is None and len(self._futures) < 2 * self._plan.workers:
            number = len(self._allotted)
            if self._plan.budget.trials is not None and number >= self._plan.budget.trials:
                self._exhausted = "all trials of the budget were trained"
                return
            if number - self._told >= LAG:
                return
            epochs = self._epochs_for(number)
            if epochs < 1:
                return
            configuration = self._searcher.ask(number)
            if configuration is None:
                self._exhausted = "every configuration of the space was trained"
                return
            self._allotted[number] = epochs
            self._trials[number] = Trial(number=number, configuration=configuration, state=TrialState.WAITING)
            self._futures[number] = pool.submit(self._train, number, configuration, epochs)

    def _epochs_for(self, number: int) -> int:
        """The trial's share of the epoch budget; 0: none is left, or none until more outcomes are known."""
        wanted = self._plan.epochs_per_trial
        if self._plan.budget.epochs is None:
            return wanted
        seen = number - LAG + 1
        left = self._left_of_epochs(seen)
        if left < 1 and number == self._told:
            # Everything before is known, in order: the same at any speed.
            left = self._left_of_epochs(number)
            if left < 1:
                self._exhausted = "all epochs of the budget were spent"
        return max(0, min(wanted, left))

    def _left_of_epochs(self, seen: int) -> int:
        """The epoch budget less what trials 0 .. seen - 1 took and what the later ones were allotted; `seen` never falls."""
        assert self._plan.budget.epochs is not None
        while self._seen < seen:
            self._seen_epochs += self._trials[self._seen].epochs
            self._seen += 1
        later = sum(self._allotted[number] for number in range(self._seen, len(self._allotted)))
        return self._plan.budget.epochs - self._seen_epochs - later

    def _train(self, number: int, configuration: Configuration, epochs: int) -> None:
        """Runs on a worker's thread; speaks to the loop through messages only."""
        if self._told_to_stop(0.0) is not None:
            self._messages.put(_Message(number, withdrawn=True))
            return
        try:
            member = build_member(
                configuration,
                num_inputs=self._data.train_inputs.shape[1],
                num_outputs=self._plan.num_outputs,
                task=self._plan.task,
                seed=Seed(study=self._plan.seed, trial=number),
                total_epochs=self._plan.epochs_per_trial,
                dtype=self._data.train_inputs.dtype.type,
            )
            self._messages.put(_Message(number, member=member))
            outcome = live(
                member,
                self._engine,
                self._data,
                epochs=epochs,
                patience=self._plan.patience,
                report=lambda record: self._messages.put(_Message(number, epoch=record)),
                told_to_stop=self._told_to_stop,
            )
            train_error = None
            if outcome.weights is not None:
                member.state = outcome.weights
                _, train_error = self._engine.measure(
                    member, self._data.train_inputs, self._data.train_targets, error_scale=self._data.error_scale
                )
            self._messages.put(_Message(number, outcome=outcome, member=member, train_error=train_error))
        except Exception as error:  # noqa: BLE001 -- a trial that fails is data, not the end of the study
            self._messages.put(_Message(number, failure=f"{type(error).__name__}: {error}"))

    def _told_to_stop(self, last_epoch_s: float) -> str | None:
        """Asked by workers: an epoch that would end after the deadline is not begun."""
        if self._stop is not None:
            return self._stop
        if self._plan.deadline is not None and time.monotonic() + last_epoch_s > self._plan.deadline:
            return "the time was up"
        return None

    def _listen(self) -> None:
        try:
            self._hear(self._messages.get(timeout=FLUSH_S))
            while True:
                self._hear(self._messages.get_nowait())
        except queue.Empty:
            return

    def _hear(self, message: _Message) -> None:
        number = message.number
        if message.withdrawn:
            del self._futures[number], self._trials[number]
            return
        trial = self._trials[number]
        if message.failure:
            self._end(replace(trial, state=TrialState.FAILED, reason=message.failure))
        elif message.epoch is not None:
            self._epochs += 1
            record = message.epoch
            trial = replace(trial, epochs=trial.epochs + 1, seconds=trial.seconds + record.seconds)
            if not math.isnan(record.dev_error) and (trial.dev_error is None or record.dev_error < trial.dev_error):
                trial = replace(trial, dev_error=record.dev_error, dev_loss=record.dev_loss, best_epoch=record.epoch)
                self._best_error = min(record.dev_error, self._best_error if self._best_error is not None else record.dev_error)
            self._note(trial)
            self._pending.epochs.setdefault(number, []).append(record)
        elif message.outcome is None:
            assert message.member is not None
            self._note(replace(trial, state=TrialState.RUNNING, num_parameters=message.member.layout.size))
            self._event(number, None, "started", {})
        else:
            self._finish(trial, message)

    def _finish(self, trial: Trial, message: _Message) -> None:
        outcome = message.outcome
        assert outcome is not None
        best = outcome.best
        trial = replace(
            trial,
            state=outcome.state,
            reason=outcome.reason,
            epochs=outcome.epochs,
            seconds=outcome.seconds,
            best_epoch=best.epoch if best else None,
            dev_error=best.dev_error if best else None,
            dev_loss=best.dev_loss if best else None,
            train_error=message.train_error,
        )
        if trial.state in (TrialState.FINISHED, TrialState.STOPPED) and trial.dev_error is not None:
            challenger = (trial.dev_error, trial.number)
            if self._best is None or self._best.dev_error is None or challenger < (self._best.dev_error, self._best.number):
                self._best, self._best_member = trial, message.member
        self._end(trial)

    def _end(self, trial: Trial) -> None:
        del self._futures[trial.number]
        self._note(trial)
        self._done += 1
        self._diverged += trial.state is TrialState.DIVERGED
        self._event(trial.number, trial.epochs, str(trial.state), {"reason": trial.reason})
        # The searcher hears of trials in the order of their numbers, whatever order they end in.
        while self._told in self._trials and self._trials[self._told].state.is_over:
            self._searcher.tell(self._trials[self._told])
            self._told += 1

    def _note(self, trial: Trial) -> None:
        self._trials[trial.number] = self._pending.trials[trial.number] = trial

    def _event(self, number: int, epoch: int | None, kind: str, detail: dict[str, Any]) -> None:
        self._pending.events.append(Event(trial=number, epoch=epoch, kind=kind, detail=detail, at=datetime.now(UTC)))

    def _flush(self) -> None:
        pending, self._pending = self._pending, _Pending()
        if pending.trials:
            self._store.record(self._plan.study, trials=list(pending.trials.values()), epochs=pending.epochs, events=pending.events)

    def _facts(self, elapsed: float) -> dict[str, Any]:
        budget = self._plan.budget
        shares = [0.0]
        left = None
        if self._plan.deadline is not None and budget.seconds is not None:
            left = max(0.0, self._plan.deadline - time.monotonic())
            shares.append(1.0 - left / budget.seconds)
        if budget.trials is not None:
            shares.append(self._done / budget.trials)
        if budget.epochs is not None:
            shares.append(self._epochs / budget.epochs)
        return {
            "trials_done": self._done,
            "diverged": self._diverged,
            "epochs_done": self._epochs,
            "epochs_per_s": self._epochs / elapsed if elapsed > 0 else 0.0,
            "best_error": self._best_error,
            "seconds_left": left,
            "share_done": min(1.0, max(shares)),
        }
