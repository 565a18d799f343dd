"""Slices of the search's trials: what is trained next, and what is made of the messages that say what became of it.

A job of the search is cut into slices of a few epochs, which are handed out going round (see `rounds`). A slice whose epochs the store
holds from an earlier run is recalled instead of trained. A trial that somebody takes in hand leaves the search between two slices, which
takes it for stopped from then on.
Knows nothing of: when to stop, how a slice is trained, what is asked of trials in hand.
"""

import math
import queue
from collections.abc import Callable
from concurrent.futures import Future

from osetra.core.errors import StudyError
from osetra.core.ports import Job, Search
from osetra.core.records import TrialState
from osetra.study.ledger import Ledger
from osetra.study.networks import Networks
from osetra.study.past import Past
from osetra.study.recalling import recall
from osetra.study.rounds import Rounds
from osetra.study.terms import Plan
from osetra.study.watching import Watching
from osetra.study.workers import Message, Workers
from osetra.training.life import Life

MOST_FAILED = 20
"""So many trials that fail before any has trained an epoch end a study."""


class Slices:
    """The slices that are on their way."""

    def __init__(
        self, plan: Plan, search: Search, *, workers: Workers, networks: Networks, ledger: Ledger, past: Past, watching: Watching | None,
        wants: Callable[[int], bool],
    ) -> None:  # fmt: skip
        """wants: whether somebody wants to take the trial of this number in hand."""
        self._plan, self._rounds = plan, Rounds(search, plan.lag)
        self._workers, self._networks, self._ledger = workers, networks, ledger
        self._past, self._watching, self._wants = past, watching, wants
        self._futures: dict[int, Future[None]] = {}
        self._taken = {number: len(curve) for number, curve in past.taken.items()}
        """Trials that the search takes for stopped, and their epochs then."""
        self.is_recalling = past.is_known
        """Whether everything so far was known from an earlier run."""

    @property
    def are_out(self) -> bool:
        """Whether there are slices that have not been heard of."""
        return bool(self._futures)

    @property
    def can_hand_out(self) -> bool:
        """Whether all that the next slice follows from is known, and there may be one."""
        return self._rounds.can_turn

    def hand_out(self) -> None:
        """What the next slice is, and who pauses now."""
        over, place = self._rounds.turn()
        if over is not None and over.state is TrialState.PAUSED:
            number = over.job.trial
            self._networks.put_away(number)
            self._ledger.change(number, state=over.state, reason=f"waits at epoch {self._ledger[number].epochs}")
        if place is None:
            return
        number = place.job.trial
        at = place.job.start + len(place.values)
        if self._taken.get(number, math.inf) <= at or (place.handed_out > 1 and self._wants(number)):
            self._taken.setdefault(number, at)
            place.hear(TrialState.STOPPED, is_last=True)
            return
        if place.handed_out == 1:
            self._begin(place.job)
        left = place.job.until - place.job.start - len(place.values)
        epochs = min(left, self._plan.slice_epochs)
        life = self._networks.get(number)
        if recall(place.job, life, epochs, plan=self._plan, past=self._past, tell=self._workers.messages.put):
            self._futures[number] = Future()
            self.listen()
        else:
            self.is_recalling = False
            self._futures[number] = self._workers.train(place.job, life, epochs)

    def _begin(self, job: Job) -> None:
        assert job.until <= self._plan.epochs_per_trial, f"a job until epoch {job.until}, of at most {self._plan.epochs_per_trial}"
        if job.start == 0:
            self._ledger.begin(job)
        else:
            self._networks.take_up(job.trial)
            self._ledger.promote(job)

    def call_back(self) -> None:
        """Those that no worker has begun are not to be trained."""
        for number in [number for number, future in self._futures.items() if future.cancel()]:
            del self._futures[number]
            if number not in self._networks:
                self._ledger.withdraw(number)

    def take(self, number: int) -> tuple[bool, Life | None]:
        """For the desk: (whether the trial stands still, its life where that can go on); the search takes it for stopped from then on.

        Raises StudyError where there is no such trial.
        """
        if number not in self._ledger.trials:
            raise StudyError(f"study {self._plan.study!r} has no trial {number} yet; `osetra trials {self._plan.study}` lists them")
        if number in self._futures:
            return False, None
        self._taken.setdefault(number, self._ledger[number].epochs)
        return True, self._networks.leave(number)

    def listen(self, *, timeout_s: float | None = None) -> None:
        """Hear what has been said; with a timeout, wait so long for a first message."""
        messages = self._workers.messages
        try:
            if timeout_s is not None:
                self._hear(messages.get(timeout=timeout_s))
            # No more than are there now: each word of a trial in hand may bring forth the next one.
            for _ in range(messages.qsize()):
                self._hear(messages.get_nowait())
        except queue.Empty:
            return

    def _hear(self, message: Message) -> None:
        number = message.number
        if message.word is not None:
            message.word()
        elif message.begun is not None:
            is_new = number not in self._networks
            self._networks.put(number, message.begun)
            if is_new:
                self._ledger.start(number, num_parameters=message.num_parameters)
        elif message.noticed is not None:
            self._ledger.event(number, message.noticed[1], message.noticed[0], message.noticed[2])
        elif message.epoch is not None:
            self._rounds.of(number).values.append(message.epoch.dev_error)
            self._ledger.add_epoch(number, message.epoch)
            if self._watching is not None and isinstance(life := self._networks.get(number), Life):
                curve = life.standing.curve[: message.epoch.epoch]
                self._watching.look(number, curve, self._ledger[number].configuration, rate=message.rate)
        else:
            self._hear_end(message)

    def _hear_end(self, message: Message) -> None:
        """A slice is over; the trial may be, too."""
        number = message.number
        del self._futures[number]
        place, life = self._rounds.of(number), self._networks.get(number)
        place.hear(message.state, is_last=message.state.is_over or place.is_full)
        if life is None and not message.failure:
            self._ledger.withdraw(number)
            return
        if not message.state.is_over:
            self._networks.stand(number)
            return
        reason = message.failure or (life.reason if life else "")
        trial = self._ledger.end(number, message.state, reason, train_error=message.train_error)
        if message.failure and self._ledger.epochs == 0 and self._ledger.ended >= MOST_FAILED:
            # Trials that fail spend no epochs, so no budget in epochs would ever end them.
            self._workers.stop = self._workers.stop or f"the first {self._ledger.ended} trials all failed"
        self._networks.end(trial)
