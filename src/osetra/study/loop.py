"""The loop that hands out training, hears what becomes of it, records it and stops on the budget.

A search hands out jobs, each a stretch of one trial. The loop holds several at once and cuts each into slices of a few epochs, which it
hands out going round (see `rounds`), so timing and the number of workers change nothing. A budget in seconds decides only where a study
ends.

Workers are threads, each training one slice at a time in code that releases the GIL. Only this loop's thread writes the store.
A slice whose epochs the store holds from an earlier run is recalled instead of trained.
Knows nothing of: files, tables, how a search decides, what the person sees.
"""

import bisect
import math
import queue
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from osetra.core.errors import StoreError, StudyError
from osetra.core.ports import Job, Progress, Search, Store
from osetra.core.records import Checkpoint, Command, Configuration, EpochRecord, Task, Trial, TrialState
from osetra.core.seeding import Seed
from osetra.engines.port import Engine, Member, TrainingData
from osetra.study.budget import Budget
from osetra.study.desk import Desk
from osetra.study.keeping import KEPT_BYTES, Keeping
from osetra.study.ledger import Ledger
from osetra.study.past import LAST, Past
from osetra.study.rounds import LEAST_LAG, Rounds
from osetra.study.spending import Spending
from osetra.study.watching import BABYSITTER, Watching, rate_of
from osetra.training.babysitter import Mode
from osetra.training.checkpoint import pack
from osetra.training.life import Life
from osetra.training.recipe import build_member
from osetra.training.remembered import Remembered, wake
from osetra.training.shelf import Shelf, Waiting

FLUSH_S = 0.25
FAILED = "the study failed"
MOST_FAILED = 20
"""So many trials that fail before any has trained an epoch end a study."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that decides a study's trials, the search apart."""

    study: str
    task: Task
    num_outputs: int
    seed: int
    epochs_per_trial: int
    """The most epochs of a trial, over which its learning-rate schedule is laid out however far it climbs."""
    patience: int | None
    budget: Budget
    workers: int
    lag: int = LEAST_LAG
    """Jobs held at once."""
    slice_epochs: int = 1
    """Epochs of a slice; more than 1 where an epoch is so short that handing it out would cost more."""
    deadline: float | None
    """`time.monotonic()` at which the budget in seconds ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search leaves."""

    best: Trial | None
    """The winner of the finals; without them, the lowest dev error of all that did not diverge or fail, ties to the lower number."""
    member: Member | None
    """Its network, with the weights of its best epoch."""
    members: Mapping[int, Member]
    """The same of every trial whose network was kept, by number."""
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
    rate: float = math.nan
    """Mean learning rate of the epoch, where the babysitter wants to know."""
    noticed: tuple[str, int, dict[str, Any]] | None = None
    begun: Waiting | None = None
    """A life that has begun, or has been woken."""
    num_parameters: int | None = None
    word: Callable[[], None] | None = None
    """To be said on the loop's thread, for the desk."""
    ended: bool = False
    """The slice is over."""
    state: TrialState = TrialState.PAUSED
    train_error: float | None = None
    failure: str = ""


class SearchLoop:
    """One run of a search; `run` is called once."""

    def __init__(
        self,
        plan: Plan,
        *,
        search: Search,
        engine: Engine,
        data: TrainingData,
        store: Store,
        progress: Progress,
        interrupted: Callable[[], bool] = lambda: False,
        keeps: Callable[[int], bool] = lambda _number: False,
        winner: Callable[[], int | None] = lambda: None,
        keep_best: int = 1,
        memory_bytes: int = 2**30,
        checkpoint_bytes: int = KEPT_BYTES,
        past: Past | None = None,
        edit: Callable[[Command], str] | None = None,
        watched_by: Mapping[str, Mode] | None = None,
        suffix: str = "",
        in_hand: Configuration | None = None,
    ) -> None:
        """memory_bytes: in which trials that wait are kept; the others wait on disk. checkpoint_bytes: of those in the store.

        keep_best: how many of the best trials that are over keep their networks. keeps: others that do. past: what the store holds.

        winner: the trial that won finals; without one, the best trial is that of the lowest dev error. watched_by: the babysitter's mode
        by rule; suffix: of the commands that it tells. in_hand: the configuration of trial 0, which is in hand from the beginning, beside
        a search that hands out nothing; while it stands still, the study waits.
        """
        self._keeps, self._winner = keeps, winner
        self._plan, self._engine, self._data = plan, engine, data
        self._progress, self._interrupted = progress, interrupted
        self._messages: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._rounds = Rounds(search, plan.lag)
        self._futures: dict[int, Future[None]] = {}
        self._lives: dict[int, Waiting] = {}
        self._shelf = Shelf(memory_bytes)
        self._store, self._past = store, past or Past()
        self._ledger = Ledger(plan.study, store, self._past)
        self._keeping = Keeping(checkpoint_bytes, known=self._past.last_checkpoints)
        self._ledger.drop(self._keeping.strays)
        self._taken = {number: len(curve) for number, curve in self._past.taken.items()}
        """Trials that the search takes for stopped, and their epochs then."""
        self._in_hand = in_hand
        self._watching = None
        if watched_by is not None and set(watched_by.values()) != {"off"}:
            self._watching = Watching(
                watched_by, study=plan.study, notice=progress.notice, suffix=suffix, past=self._past.events,
                record=lambda *what: self._ledger.event(*what, who=BABYSITTER),
            )  # fmt: skip
        self._desk = Desk(
            plan.study, self, store, self._ledger, self._past, data, total=plan.epochs_per_trial, edit=edit or _no_edit,
            watching=self._watching, counts_given_up=in_hand is not None and plan.budget.epochs is not None,
        )  # fmt: skip
        self._pool: ThreadPoolExecutor | None = None
        self._keep_best = keep_best
        self._best: list[tuple[float, int]] = []
        """Dev error and number of the best that are over."""
        self._spending = Spending(plan.budget, plan.deadline)
        self._stop: str | None = None
        self._known_epochs = sum(len(self._past.curve(number)) for number in self._past.trials)
        """Recorded by an earlier run."""
        self._is_recalling = self._past.is_known
        """Whether everything so far was known from an earlier run."""

    def run(self) -> Found:
        """Search until the budget is spent, the space is exhausted or the person interrupts.

        Raises StoreError if the store fails; `found` then still tells what there was. The loop is closed by `close`.
        """
        flushed = time.monotonic()
        pool = self._pool = ThreadPoolExecutor(self._plan.workers, thread_name_prefix="osetra-trial")
        has_restored = False
        try:
            while True:
                self._check_clock()
                while self._stop is None and self._rounds.can_turn:
                    self._decide(pool)
                if not has_restored:
                    self._desk.restore()
                    has_restored, self._is_recalling = True, False
                    if self._in_hand is not None and self._stop is None and not self._desk.owns(0):
                        self._desk.begin(0, self._in_hand)
                if not self._futures and (self._stop is not None or not self._has_work):
                    if self._stop is None:
                        # What was asked of a trial last may have it train on.
                        self._ledger.flush()
                        self._desk.poll()
                    if self._stop is not None or not self._has_work:
                        break
                self._listen()
                now = time.monotonic()
                if now - flushed > FLUSH_S:
                    self._ledger.flush()
                    self._desk.poll()
                    self._progress.update(self._spending.facts(self._ledger))
                    flushed = now
            pool.shutdown(wait=True, cancel_futures=True)
            self._listen(wait=False)
            self._desk.end(self._stop or "its search came to its end")
            self._ledger.end_rest(self._stop or "not promoted", epochs_per_trial=self._plan.epochs_per_trial)
            found = self.found()
            self._ledger.flush()
            self._progress.update(self._spending.facts(self._ledger))
            self._desk.close(self._stop or "its search came to its end")
            return found
        except StoreError:
            # What still trains ends with its epoch and is heard, so that the best is known; nothing more is written.
            self._stop = FAILED
            pool.shutdown(wait=True, cancel_futures=True)
            self._listen()
            raise
        finally:
            if self._futures:
                self._stop = self._stop or FAILED
            pool.shutdown(wait=True, cancel_futures=True)

    @property
    def _has_work(self) -> bool:
        """Whether there is something to do beside what the search hands out, or to wait for."""
        return self._desk.is_busy or (self._in_hand is not None and self._desk.stands_still)

    def close(self) -> None:
        """Let go of the trials that wait."""
        self._shelf.close()

    def found(self) -> Found:
        """What the search has come to so far."""
        winner = self._winner()
        best = self._ledger.best() if winner is None or winner not in self._lives else self._ledger[winner]
        kept = {number for _, number in self._best} | {number for number in self._lives if self._keeps(number)}
        members = {number: self._best_of(number) for number in kept}
        member = None
        if best is not None:
            if best.number not in self._lives and not self._desk.owns(best.number):
                self._lives[best.number] = self._shelf.take(best.number)
            member = members[best.number] = self._best_of(best.number)
            if best.train_error is None and member is not None:
                best = self._ledger.change(best.number, train_error=self._train_error(member))
        return Found(
            best=best,
            member=member,
            members={number: kept for number, kept in sorted(members.items()) if kept is not None},
            trials=[trial for _, trial in sorted(self._ledger.trials.items())],
            epochs=self._ledger.epochs,
            seconds=self._spending.seconds,
            ended=self._ended(),
            interrupted=self._stop == "interrupted",
        )

    def _ended(self) -> str:
        if self._stop is None and self._in_hand is not None and 0 in self._ledger.trials:
            return self._ledger[0].reason
        return self._spending.ended(self._stop if self._stop != FAILED else None, self._ledger)

    def note(self, kind: str, detail: Mapping[str, Any]) -> None:
        """Record an event of the study as a whole."""
        self._ledger.event(None, None, kind, dict(detail))

    def trainings_left(self, trials: Sequence[int]) -> float:
        """Full trainings like those of the given trials that the time still pays for; 0 where time is no bound or one has no epoch."""
        known = [self._ledger[number] for number in trials]
        if self._plan.deadline is None or not known or any(not trial.epochs for trial in known):
            return 0.0
        training_s = sum(trial.seconds / trial.epochs for trial in known) / len(known) * self._plan.epochs_per_trial
        return max(0.0, self._plan.deadline - time.monotonic()) * self._plan.workers / training_s

    def _best_of(self, number: int) -> Member | None:
        """The network of a trial with the weights of its best epoch; None if it has none."""
        life = self._desk.life(number) if self._desk.owns(number) else self._lives[number]
        if isinstance(life, Remembered):
            life = self._lives[number] = self._wake(number, self._ledger[number].configuration, life)
        if life.weights is None:
            return None
        life.member.state = life.weights
        return life.member

    def _check_clock(self) -> None:
        # A study that goes on first comes to where it was; else one that is stopped at once would have come to less.
        if self._stop is None and self._ledger.epochs >= self._known_epochs and self._interrupted():
            self._stop = "interrupted"
        is_over = self._plan.deadline is not None and time.monotonic() >= self._plan.deadline
        # What is recalled takes no time, and all of it counts.
        if self._stop is None and is_over and not self._is_recalling:
            self._stop = "the time was up"
        if self._stop is not None:
            for number in [number for number, future in self._futures.items() if future.cancel()]:
                del self._futures[number]
                if number not in self._lives:
                    self._ledger.withdraw(number)

    def _decide(self, pool: ThreadPoolExecutor) -> None:
        """What the next slice is, and who pauses now."""
        over, place = self._rounds.turn()
        if over is not None and over.state is TrialState.PAUSED:
            number = over.job.trial
            self._put_away(number)
            self._ledger.change(number, state=over.state, reason=f"waits at epoch {self._ledger[number].epochs}")
        if place is None:
            return
        number = place.job.trial
        at = place.job.start + len(place.values)
        if self._taken.get(number, math.inf) <= at or (place.handed_out > 1 and self._desk.wants(number)):
            self._taken.setdefault(number, at)
            place.hear(TrialState.STOPPED, is_last=True)
            return
        if place.handed_out == 1:
            self._begin(place.job)
        left = place.job.until - place.job.start - len(place.values)
        epochs = min(left, self._plan.slice_epochs)
        life = self._lives.get(number)
        if self._recall(place.job, life, epochs):
            self._futures[number] = Future()
            self._listen(wait=False)
        else:
            self._is_recalling = False
            self._futures[number] = pool.submit(self._train, place.job, life, epochs)

    def _put_away(self, number: int) -> None:
        try:
            self._shelf.put(number, self._lives.pop(number))
        except StoreError:
            # It is not the store that failed, so what is known is recorded, and the trial goes on from there when the study is resumed.
            self._ledger.flush()
            raise

    def _begin(self, job: Job) -> None:
        assert job.until <= self._plan.epochs_per_trial, f"a job until epoch {job.until}, of at most {self._plan.epochs_per_trial}"
        if job.start == 0:
            self._ledger.begin(job)
        else:
            self._lives[job.trial] = self._shelf.take(job.trial)
            self._ledger.promote(job)

    def _recall(self, job: Job, life: Waiting | None, epochs: int) -> bool:
        """Whether all of a slice's epochs are known from an earlier run; then they are told as if they had been trained."""
        number, put = job.trial, self._messages.put
        known = self._past.curve(number)
        if not known or isinstance(life, Life):
            return False
        begins = life is None
        if life is None:
            life = Remembered(known, epochs=self._plan.epochs_per_trial, patience=self._plan.patience)
        recalled = life.recall(epochs)
        before = self._past.trials[number]
        if recalled is None:
            return False
        is_end_known = before.train_error is not None or number in self._past.taken
        if life.state is TrialState.FINISHED and life.standing.best is not None and not is_end_known:
            # It broke off before its end was recorded.
            life.standing.back_to(life.epochs - len(recalled))
            return False
        if begins:
            put(_Message(number, begun=life, num_parameters=before.num_parameters))
        for record in recalled:
            put(_Message(number, epoch=record))
        train_error = before.train_error if life.state is TrialState.FINISHED else None
        put(_Message(number, ended=True, state=life.state, train_error=train_error))
        return True

    def _wake(self, number: int, configuration: Configuration, remembered: Remembered) -> Life:
        """The life that a remembered one stands for, its weights brought back."""
        life = self.new_life(configuration, seed=number)
        epoch = self._past.checkpoint_before(number, remembered.epochs)
        try:
            kept = None if epoch is None else self._store.checkpoint(self._plan.study, number, epoch)
            differs = wake(remembered, life, kept)
        except (StoreError, StudyError):
            # Damaged, or dropped meanwhile: training from the start comes to the same bits.
            differs = wake(remembered, life)
        if differs is not None:
            self._messages.put(_Message(number, noticed=("differs", differs, {"from": "the recorded epoch", "why": "trained again"})))
        return life

    def _train(self, job: Job, life: Waiting | None, epochs: int) -> None:
        """Runs on a worker's thread; speaks to the loop through messages only."""
        number, put = job.trial, self._messages.put
        try:
            if life is None:
                if self.told_to_stop(0.0) is not None:
                    put(_Message(number, ended=True))
                    return
                life = self.new_life(job.configuration, seed=number)
                put(_Message(number, begun=life, num_parameters=life.member.layout.size))
            if isinstance(life, Remembered):
                life = self._wake(number, job.configuration, life)
                put(_Message(number, begun=life, num_parameters=life.member.layout.size))
            state = life.go_on(epochs, report=partial(self._report, number, life.member), told_to_stop=self.told_to_stop)
            train_error = None
            if state is TrialState.FINISHED and life.weights is not None:
                life.member.state = life.weights
                train_error = self._train_error(life.member)
            put(_Message(number, ended=True, state=state, train_error=train_error))
        except Exception as error:  # noqa: BLE001 -- a trial that fails is data, not the end of the study
            put(_Message(number, ended=True, state=TrialState.FAILED, failure=f"{type(error).__name__}: {error}"))

    def _report(self, number: int, member: Member, record: EpochRecord) -> None:
        """Of a worker: an epoch was trained."""
        rate = math.nan if self._watching is None else rate_of(member, record.epoch, self._data.num_rows)
        self._messages.put(_Message(number, epoch=record, rate=rate))

    def new_life(self, configuration: Configuration, *, seed: int) -> Life:
        """Before its first epoch, with the randomness of the trial of number `seed`."""
        member = self.build(configuration, self._plan.epochs_per_trial, seed=seed)
        life = Life(member, self._engine, self._data, epochs=self._plan.epochs_per_trial, patience=self._plan.patience)
        life.notice = lambda *what: self._messages.put(_Message(seed, noticed=what))
        return life

    def build(self, configuration: Configuration, total: int, *, seed: int) -> Member:
        """The untrained member of a configuration, for so many epochs in all."""
        return build_member(
            configuration,
            num_inputs=self._data.train_inputs.shape[1],
            num_outputs=self._plan.num_outputs,
            task=self._plan.task,
            seed=Seed(study=self._plan.seed, trial=seed),
            total_epochs=total,
            dtype=self._data.train_inputs.dtype.type,
        )

    def take(self, number: int) -> tuple[bool, Life | None]:
        """For the desk: (whether the trial stands still, its life where that can go on); the search takes it for stopped from then on."""
        if number not in self._ledger.trials:
            raise StudyError(f"study {self._plan.study!r} has no trial {number} yet; `osetra trials {self._plan.study}` lists them")
        if number in self._futures:
            return False, None
        self._taken.setdefault(number, self._ledger[number].epochs)
        life = self._shelf.take(number) if number in self._shelf else self._lives.get(number)
        self._ledger.drop(self._keeping.forget(number))
        return True, life if isinstance(life, Life) and not life.state.is_over else None

    def submit(self, work: Callable[[], None]) -> Future[None]:
        """For the desk: have a worker do it."""
        assert self._pool is not None
        return self._pool.submit(work)

    def post(self, word: Callable[[], None]) -> None:
        """For the desk: have this loop's thread do it soon."""
        self._messages.put(_Message(-1, word=word))

    def train_error(self, life: Life) -> float:
        """Of the weights of its best epoch; the life stays as it is."""
        assert life.weights is not None
        return self._train_error(replace(life.member, state=life.weights))

    def _train_error(self, member: Member) -> float:
        data = self._data
        return self._engine.measure(member, data.train_inputs, data.train_targets, error_scale=data.error_scale)[1]

    def told_to_stop(self, last_epoch_s: float) -> str | None:
        """Asked by workers: an epoch that would end after the deadline is not begun."""
        if self._stop is not None:
            return self._stop
        if self._plan.deadline is not None and time.monotonic() + last_epoch_s > self._plan.deadline:
            return "the time was up"
        return None

    def _listen(self, *, wait: bool = True) -> None:
        try:
            if wait:
                self._hear(self._messages.get(timeout=FLUSH_S))
            # No more than are there now: each word of a trial in hand may bring forth the next one.
            for _ in range(self._messages.qsize()):
                self._hear(self._messages.get_nowait())
        except queue.Empty:
            return

    def _hear(self, message: _Message) -> None:
        number = message.number
        if message.word is not None:
            message.word()
        elif message.begun is not None:
            is_new = number not in self._lives
            self._lives[number] = message.begun
            if is_new:
                self._ledger.start(number, num_parameters=message.num_parameters)
        elif message.noticed is not None:
            self._ledger.event(number, message.noticed[1], message.noticed[0], message.noticed[2])
        elif message.epoch is not None:
            self._rounds.of(number).values.append(message.epoch.dev_error)
            self._ledger.add_epoch(number, message.epoch)
            if self._watching is not None and isinstance(life := self._lives[number], Life):
                curve = life.standing.curve[: message.epoch.epoch]
                self._watching.look(number, curve, self._ledger[number].configuration, rate=message.rate)
        else:
            self._hear_end(message)

    def _hear_end(self, message: _Message) -> None:
        """A slice is over; the trial may be, too."""
        number = message.number
        del self._futures[number]
        place, life = self._rounds.of(number), self._lives.get(number)
        place.hear(message.state, is_last=message.state.is_over or place.is_full)
        if life is None and not message.failure:
            self._ledger.withdraw(number)
            return
        if not message.state.is_over:
            if isinstance(life, Life) and self._keeping.is_due(number, life.seconds):
                self._keep(number, life, LAST)
            return
        reason = message.failure or (life.reason if life else "")
        trial = self._ledger.end(number, message.state, reason, train_error=message.train_error)
        if message.failure and self._ledger.epochs == 0 and self._ledger.ended >= MOST_FAILED:
            # Trials that fail spend no epochs, so no budget in epochs would ever end them.
            self._stop = self._stop or f"the first {self._ledger.ended} trials all failed"
        # Of those that are over, only the best and the finalists may be needed again.
        dropped = number
        if trial.state.can_win and trial.dev_error is not None:
            bisect.insort(self._best, (trial.dev_error, number))
            dropped = self._best.pop()[1] if len(self._best) > self._keep_best else None
        if dropped is not None and not self._keeps(dropped):
            self._lives.pop(dropped, None)
            self._ledger.drop(self._keeping.forget(dropped))

    def _keep(self, number: int, life: Life, why: str) -> None:
        """A checkpoint of a life that stands still."""
        data = pack(life)
        state = life.member.state
        kept = Checkpoint.of(data, trial=number, epoch=state.epoch, why=why, step=state.step, at=datetime.now(UTC))
        self._ledger.keep(kept, data)
        self._ledger.drop(self._keeping.keep(number, state.epoch, len(data), life.seconds))


def _no_edit(_command: Command) -> str:
    raise StudyError("the space of this search cannot be edited; begin another study")
