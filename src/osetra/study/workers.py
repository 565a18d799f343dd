"""The workers: threads that train one slice of a trial at a time, in code that releases the GIL, and say what came of it in messages.

Whatever else takes time is done here, too: weights are brought back, and trials in hand trained (see `in_hand`, whose floor this is).
What may be done at all ends with `stop` or the deadline, for which workers ask before every epoch.
Knows nothing of: what is trained when, what becomes of a message; nothing is written to the store here.
"""

import math
import queue
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from osetra.core.errors import StoreError, StudyError
from osetra.core.ports import Job, Store
from osetra.core.records import Configuration, EpochRecord, TrialState
from osetra.core.seeding import Seed
from osetra.engines.port import Engine, Member, TrainingData
from osetra.study.past import Past
from osetra.study.terms import Plan
from osetra.study.watching import rate_of
from osetra.training.life import Life
from osetra.training.recipe import build_member
from osetra.training.remembered import Remembered, wake
from osetra.training.shelf import Waiting


@dataclass(slots=True)
class Message:
    """One thing that happened to a trial; which, is said by the field that is filled."""

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


class Workers:
    """So many threads, and the messages that they have left."""

    def __init__(
        self, plan: Plan, *, engine: Engine, data: TrainingData, store: Store, past: Past, tells_rates: bool,
        has_come_to: Callable[[], bool],
    ) -> None:  # fmt: skip
        """store, past: to bring weights back from. tells_rates: whether somebody wants to know the learning rate of every epoch.

        has_come_to: whether anything has come of the study yet, an epoch or a trial's end; before, the deadline does not count.
        """
        self._plan, self._engine, self._data = plan, engine, data
        self._store, self._past, self._tells_rates = store, past, tells_rates
        self._has_come_to, self._has_trained = has_come_to, False
        self._pool = ThreadPoolExecutor(plan.workers, thread_name_prefix="osetra-trial")
        self.messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.stop: str | None = None
        """Why nothing more is trained; None while it is."""

    def train(self, job: Job, life: Waiting | None, epochs: int) -> Future[None]:
        """Have a worker train a slice. life: None where the trial begins."""
        return self._pool.submit(self._train, job, life, epochs)

    def submit(self, work: Callable[[], None]) -> Future[None]:
        """Have a worker do it."""
        return self._pool.submit(work)

    def post(self, word: Callable[[], None]) -> None:
        """Have the loop's thread do it soon."""
        self.messages.put(Message(-1, word=word))

    def finish(self) -> None:
        """Wait for what is being done; what has not begun is not begun any more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def told_to_stop(self, last_epoch_s: float) -> str | None:
        """Why the next epoch is not to be begun, such as that it would end after the deadline; None: it may be."""
        if self.stop is not None:
            return self.stop
        is_over = self._plan.deadline is not None and time.monotonic() + last_epoch_s > self._plan.deadline
        return "the time was up" if is_over and self.clock_counts else None

    @property
    def clock_counts(self) -> bool:
        """Whether the deadline is a reason to stop: a study that has not come to one epoch would leave nothing, whatever it spent."""
        # An epoch is heard of a little later than it is trained.
        return self._has_trained or self._has_come_to()

    def new_life(self, configuration: Configuration, *, seed: int) -> Life:
        """Before its first epoch, with the randomness of the trial of number `seed`."""
        member = self.build(configuration, self._plan.epochs_per_trial, seed=seed)
        life = Life(member, self._engine, self._data, epochs=self._plan.epochs_per_trial, patience=self._plan.patience)
        life.notice = lambda *what: self.messages.put(Message(seed, noticed=what))
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

    def wake(self, number: int, configuration: Configuration, remembered: Remembered) -> Life:
        """The life that a remembered one stands for, its weights brought back; done by whoever calls, here and now."""
        life = self.new_life(configuration, seed=number)
        epoch = self._past.checkpoint_before(number, remembered.epochs)
        try:
            kept = None if epoch is None else self._store.checkpoint(self._plan.study, number, epoch)
            differs = wake(remembered, life, kept)
        except (StoreError, StudyError):
            # Damaged, or dropped meanwhile: training from the start comes to the same bits.
            differs = wake(remembered, life)
        if differs is not None:
            self.messages.put(Message(number, noticed=("differs", differs, {"from": "the recorded epoch", "why": "trained again"})))
        return life

    def train_error(self, life: Life) -> float:
        """Of the weights of its best epoch; the life stays as it is."""
        assert life.weights is not None
        return self.train_error_of(replace(life.member, state=life.weights))

    def train_error_of(self, member: Member) -> float:
        """Of the weights that it has."""
        data = self._data
        return self._engine.measure(member, data.train_inputs, data.train_targets, error_scale=data.error_scale)[1]

    def _train(self, job: Job, life: Waiting | None, epochs: int) -> None:
        """Runs on a worker's thread; speaks to the loop through messages only."""
        number, put = job.trial, self.messages.put
        try:
            if life is None:
                if self.told_to_stop(0.0) is not None:
                    put(Message(number, ended=True))
                    return
                life = self.new_life(job.configuration, seed=number)
                put(Message(number, begun=life, num_parameters=life.member.layout.size))
            if isinstance(life, Remembered):
                life = self.wake(number, job.configuration, life)
                put(Message(number, begun=life, num_parameters=life.member.layout.size))
            state = life.go_on(epochs, report=partial(self._report, number, life.member), told_to_stop=self.told_to_stop)
            train_error = None
            if state is TrialState.FINISHED and life.weights is not None:
                life.member.state = life.weights
                train_error = self.train_error_of(life.member)
            put(Message(number, ended=True, state=state, train_error=train_error))
        except Exception as error:  # noqa: BLE001 -- a trial that fails is data, not the end of the study
            put(Message(number, ended=True, state=TrialState.FAILED, failure=f"{type(error).__name__}: {error}"))

    def _report(self, number: int, member: Member, record: EpochRecord) -> None:
        """An epoch was trained."""
        self._has_trained = True
        rate = rate_of(member, record.epoch, self._data.num_rows) if self._tells_rates else math.nan
        self.messages.put(Message(number, epoch=record, rate=rate))
