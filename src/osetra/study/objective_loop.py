"""The loop that tunes an objective: hands out calls, hears what becomes of them, records it, stops on the budget.

A search hands out jobs, each a stretch of one trial's epochs; one job is one call of the objective, in a process of its own or in this one.
Epochs are the slices in which the places are gone round (see `rounds`). A call runs ahead of its turn, since where it ends was decided when
it was handed out; so the same values give the same study, whatever the timing and however many processes. Time limits and a budget in
seconds go by the clock.

In a study that goes on, a stretch whose end is known from an earlier run is recalled; the objective is called for the others, from the
trial's start unless its folder is known to stand where the stretch begins. What was recorded stays, whatever the call comes to.
Only this loop's thread writes the store. Knows nothing of: how a search decides, how an objective is called, what the person sees.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from osetra.core.direction import turned
from osetra.core.errors import StudyError
from osetra.core.ports import Progress, Search, Store
from osetra.core.records import EpochRecord, Trial, TrialState
from osetra.core.seeding import Seed
from osetra.executors.objective import Began, Call, Ended, Message, Reported
from osetra.study.budget import Budget
from osetra.study.ledger import Ledger
from osetra.study.objective_desk import ObjectiveDesk
from osetra.study.past import Past
from osetra.study.rounds import Place, Rounds
from osetra.study.spending import Spending
from osetra.study.stretches import LAST_REPORT, ONE_VALUE, end_of, require_same
from osetra.study.trial_folders import TrialFolders

INTERRUPTED = "interrupted"
"""Why a study ends that a person ends."""
TICK_S = 0.25
SIGN_S = 15.0
"""Seconds after which it is noted again how long the study has been worked on."""
GRACE_S = 2.0
"""Seconds in which an objective that is told to stop may return by itself."""
SAME = 1e-6
"""Share by which an epoch that is done over again may differ from the first time before that is noted: sums round by order."""


class Executor(Protocol):
    """Calls objectives."""

    @property
    def has_room(self) -> bool: ...
    def start(self, call: Call) -> None: ...
    def poll(self, timeout_s: float, told_to_stop: Callable[[], bool], /) -> Sequence[Message]: ...
    def ask_to_stop(self) -> None: ...
    def end(self, number: int) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectivePlan:
    """Everything that decides a study of an objective, the search apart."""

    study: str
    seed: int
    epochs_per_trial: int | None
    """The most epochs of a trial; None where an objective returns its one value."""
    maximize: bool
    budget: Budget
    lag: int
    deadline: float | None
    """`time.monotonic()` at which the budget in seconds ends."""
    time_limit_s: float | None
    """Of one trial, its calls together."""
    folders: TrialFolders
    spent_s: float = 0.0
    """Seconds that earlier runs worked on the study."""

    @property
    def last_epoch(self) -> int:
        return self.epochs_per_trial or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveFound:
    """What a search leaves."""

    best: Trial | None
    trials: list[Trial]
    epochs: int
    seconds: float
    ended: str
    """Why the search ended, in words."""
    interrupted: bool
    traceback: str
    """Of the first trial that failed; empty if none did."""


@dataclass(slots=True)
class _Running:
    """A call on its way."""

    place: Place
    began: float | None = None
    """`time.monotonic()` at which the objective was called."""
    end: str = ""
    """Why its trial is over although the objective did not say so."""
    differs: bool = False
    """Whether it was noted that an epoch came to another value than the first time."""


@dataclass(slots=True)
class _Life:
    """What is remembered of a trial between its calls."""

    values: list[float] = field(default_factory=list)
    """As the objective gave them."""
    seconds: float = 0.0
    stands_at: int = 0
    """Epochs completed when its last call of this run ended."""
    is_of_old: bool = False
    """Whether it began in an earlier run."""


class ObjectiveLoop:
    """One run of a search; `run` is called once."""

    def __init__(
        self,
        plan: ObjectivePlan,
        *,
        search: Search,
        executor: Executor,
        store: Store,
        progress: Progress,
        interrupted: Callable[[], bool] = lambda: False,
        past: Past | None = None,
        sign: Callable[[float], None] = lambda _seconds: None,
        desk: ObjectiveDesk,
    ) -> None:
        """past: what the store holds of a study that goes on. sign: hears now and then for how many seconds the study was worked on.

        desk: where people ask for its end.
        """
        self._plan, self._executor, self._sign, self._desk = plan, executor, sign, desk
        self._progress, self._interrupted = progress, interrupted
        self._rounds = Rounds(search, plan.lag)
        self._past = past or Past()
        self._ledger = Ledger(plan.study, store, self._past)
        self._is_recalling = self._past.is_known
        """Whether everything so far was known from an earlier run."""
        self._spending = Spending(plan.budget, plan.deadline)
        self._waiting: deque[Place] = deque()
        self._running: dict[int, _Running] = {}
        self._lives: dict[int, _Life] = {}
        self._stop: str | None = None
        self._stopped_at = math.inf
        self._traceback = self._past.raised

    def run(self) -> ObjectiveFound:
        """Search until the budget is spent, the space is exhausted or the person interrupts. The executor is closed by whoever made it.

        Raises StudyError for an objective that cannot be called at all, StoreError if the store fails.
        """
        flushed = signed = time.monotonic()
        while True:
            self._check_clock()
            while self._stop is None and self._rounds.can_turn:
                self._decide()
            self._check_clock()
            while self._waiting and self._executor.has_room:
                self._call(self._waiting.popleft())
            if not self._running:
                break
            for message in self._executor.poll(TICK_S, self._told_to_stop):
                self._hear(message)
            self._check_limits()
            if time.monotonic() - flushed > TICK_S:
                self._tell_and_write()
                self._desk.answer(self._ledger, self._past)
                flushed = time.monotonic()
            if time.monotonic() - signed > SIGN_S:
                self._sign(self._plan.spent_s + self._spending.seconds)
                signed = time.monotonic()
        self._ledger.end_rest(self._stop or "not promoted", epochs_per_trial=self._plan.last_epoch)
        self._tell_and_write()
        if self._stop == INTERRUPTED:
            # An objective in this process was told of it before anybody could be answered.
            self._desk.answer(self._ledger, self._past)
        return self.found()

    def found(self) -> ObjectiveFound:
        """What the search has come to so far."""
        return ObjectiveFound(
            best=self._ledger.best(),
            trials=[trial for _, trial in sorted(self._ledger.trials.items())],
            epochs=self._ledger.epochs,
            seconds=self._plan.spent_s + self._spending.seconds,
            ended=self._spending.ended(self._stop, self._ledger),
            interrupted=self._stop == INTERRUPTED,
            traceback=self._traceback,
        )

    def _check_clock(self) -> None:
        # A study that goes on comes to where it was before anybody can ask for its end.
        if self._stop is None and (self._interrupted() or (not self._is_recalling and self._desk.is_told_to_end())):
            self._end_early(INTERRUPTED)
        is_over = self._plan.deadline is not None and time.monotonic() >= self._plan.deadline
        # What is recalled takes no time, and all of it counts.
        if self._stop is None and is_over and not self._is_recalling:
            self._end_early("the time was up")

    def _told_to_stop(self) -> bool:
        """Asked by an objective that runs in this process."""
        self._check_clock()
        return self._stop is not None

    def _end_early(self, why: str) -> None:
        self._stop, self._stopped_at = why, time.monotonic()
        for place in self._waiting:
            if self._ledger[place.job.trial].state is TrialState.WAITING:
                # It never began; it leaves no trace.
                self._ledger.withdraw(place.job.trial)
        self._waiting.clear()
        self._executor.ask_to_stop()

    def _check_limits(self) -> None:
        """End what takes too long."""
        now, limit = time.monotonic(), self._plan.time_limit_s
        for number, running in list(self._running.items()):
            took = self._lives[number].seconds + (0.0 if running.began is None else now - running.began)
            if limit is not None and took > limit:
                self._executor.end(number)
                self._over(number, TrialState.FAILED, f"it did not end within the time limit of {limit:g} s")
            elif now > self._stopped_at + GRACE_S:
                self._executor.end(number)
                self._over(number, TrialState.STOPPED, self._stop or "")

    def _decide(self) -> None:
        """What the next slice is; a job that begins waits for a process."""
        _, place = self._rounds.turn()
        if place is None or place.handed_out > 1:
            return
        job = place.job
        assert job.until <= self._plan.last_epoch, f"a job until epoch {job.until}, of at most {self._plan.last_epoch}"
        if job.start == 0:
            self._ledger.begin(job)
            self._lives[job.trial] = _Life()
        else:
            self._ledger.promote(job)
        if not self._recall(place):
            self._is_recalling = False
            self._waiting.append(place)

    def _recall(self, place: Place) -> bool:
        """Tell what is known of a stretch from an earlier run; whether that is all of it, its end included."""
        job, number = place.job, place.job.trial
        if number not in self._past.trials:
            return False
        require_same(self._past, job)
        life = self._lives[number]
        life.is_of_old = True
        if job.start == 0:
            self._ledger.start(number)
        for record in self._past.curve(number)[job.start : job.until]:
            life.values.append(turned(record.dev_error, maximize=self._plan.maximize))
            self._take(place, record)
        end = end_of(self._past, job, last=self._plan.last_epoch, has_epochs=self._plan.epochs_per_trial is not None)
        if end is None:
            return False
        life.seconds = self._ledger[number].seconds
        place.hear(end.state, is_last=True)
        if end.state is TrialState.PAUSED:
            self._ledger.change(number, state=end.state, reason=end.reason)
        else:
            seconds = self._past.trials[number].seconds if end.is_recorded else life.seconds
            self._ledger.end(number, end.state, end.reason, seconds=seconds)
            del self._lives[number]
            self._plan.folders.over(number)
        if end.is_recorded:
            self._ledger.leave(number)
        return True

    def _call(self, place: Place) -> None:
        job, life = place.job, self._lives[place.job.trial]
        stands = job.start in (life.stands_at, self._plan.folders.stands_at(job.trial) if life.is_of_old else 0)
        start = job.start if stands else 0
        if life.is_of_old and start == 0:
            self._ledger.event(job.trial, len(life.values), "run again", {"known": len(life.values)})
            life.seconds = 0.0
        self._plan.folders.open(job.trial, start=start)
        seed = int(Seed(study=self._plan.seed, trial=job.trial).key("objective")) % 2**32
        self._running[job.trial] = _Running(place)
        self._executor.start(
            Call(
                number=job.trial, configuration=dict(job.configuration), start=start, until=job.until,
                epochs=self._plan.epochs_per_trial, seed=seed, folder=str(self._plan.folders.of(job.trial)),
            )
        )  # fmt: skip

    def _hear(self, message: Message) -> None:
        if message.number not in self._running:
            return
        match message:
            case Began():
                self._running[message.number].began = time.monotonic()
                if self._ledger[message.number].state is TrialState.WAITING:
                    self._ledger.start(message.number)
            case Reported():
                self._hear_report(message)
            case Ended():
                self._hear_end(message)

    def _hear_report(self, message: Reported) -> None:
        known = self._lives[message.number].values
        if message.epoch > len(known):
            self._add(message.number, message.value, message.seconds)
            return
        running, before = self._running[message.number], known[message.epoch - 1]
        if not running.differs and not math.isclose(message.value, before, rel_tol=SAME):
            running.differs = True
            now = message.value if math.isfinite(message.value) else str(message.value)
            kind = "differs" if message.epoch <= len(self._past.curve(message.number)) else "repeated otherwise"
            self._ledger.event(message.number, message.epoch, kind, {"first": before, "again": now})

    def _add(self, number: int, value: float, seconds: float) -> None:
        """One more epoch of a trial."""
        running, values = self._running[number], self._lives[number].values
        values.append(value)
        kept = turned(value, maximize=self._plan.maximize) if math.isfinite(value) else math.nan
        record = EpochRecord(epoch=len(values), train_cost=math.nan, train_error=math.nan, dev_loss=kept, dev_error=kept, seconds=seconds)
        self._take(running.place, record)
        if not math.isfinite(value):
            running.end = f"the value was {value} after epoch {len(values)}" if self._plan.epochs_per_trial else f"the value was {value}"
            # Written with the epoch: should all break off before the call ends, it tells what the value was.
            self._ledger.change(number, reason=running.end)

    def _take(self, place: Place, record: EpochRecord) -> None:
        """An epoch of a job, new or recalled."""
        place.values.append(record.dev_error)
        self._ledger.add_epoch(place.job.trial, record)
        if not place.is_full:
            place.hear(is_last=False)

    def _hear_end(self, message: Ended) -> None:
        number = message.number
        running = self._running[number]
        place = running.place
        if message.is_interrupt and self._stop is None:
            self._end_early(INTERRUPTED)
        if message.value is not None:
            self._add(number, message.value, message.seconds)
        if message.is_misuse:
            raise StudyError(message.failure.partition(": ")[2])
        if running.end:
            self._over(number, TrialState.DIVERGED, running.end)
        elif message.failure and not message.is_interrupt:
            if message.traceback:
                self._traceback = self._traceback or message.traceback
                self._ledger.event(number, self._ledger[number].epochs, "raised", {"traceback": message.traceback})
            self._over(number, TrialState.FAILED, message.failure)
        elif place.is_full and place.job.until >= self._plan.last_epoch:
            self._over(number, TrialState.FINISHED, LAST_REPORT if self._plan.epochs_per_trial else ONE_VALUE)
        elif place.is_full:
            self._close(number, TrialState.PAUSED)
            self._lives[number].stands_at = place.job.until
            self._plan.folders.wait(number, place.job.until)
            self._ledger.change(number, state=TrialState.PAUSED, reason=f"waits at epoch {place.job.until}")
        elif self._stop is not None:
            self._over(number, TrialState.STOPPED, self._stop)
        else:
            self._over(number, TrialState.FINISHED, "ended by itself")

    def _over(self, number: int, state: TrialState, reason: str) -> None:
        """The trial is over; where it has epochs, say how many it took."""
        self._close(number, state)
        trial, of = self._ledger[number], self._plan.epochs_per_trial
        if trial.state is TrialState.WAITING:
            # Its process never came to call it.
            self._ledger.start(number)
        told = f"{reason} after {trial.epochs} of {of} epochs" if of and state in (TrialState.STOPPED, TrialState.FINISHED) else reason
        self._ledger.end(number, state, told, seconds=self._lives.pop(number).seconds)
        self._plan.folders.over(number)

    def _close(self, number: int, state: TrialState) -> None:
        """A call is over."""
        running = self._running.pop(number)
        if running.began is not None:
            self._lives[number].seconds += time.monotonic() - running.began
        running.place.hear(state, is_last=True)

    def _tell_and_write(self) -> None:
        self._ledger.flush()
        facts = self._spending.facts(self._ledger)
        best = facts["best_error"]
        facts["best_error"] = None if best is None else turned(best, maximize=self._plan.maximize)
        self._progress.update(facts)
