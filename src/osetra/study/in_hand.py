"""Trials in hand, and how each is kept going: an epoch at a time, beside the search's.

A trial in hand is its script (see `training.steering`): its life is brought back by it, from a checkpoint where there is one. After every
epoch the babysitter looks, also at one that diverged, before that is taken for its end; what it would do itself is done, what people ask
is carried out, and the next epoch begins.
Knows nothing of: commands, how a change is made, the search.
"""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from osetra.core.errors import SpaceError, StoreError, StudyError
from osetra.core.ports import Store
from osetra.core.records import Checkpoint, Configuration, EpochRecord, TrialState
from osetra.engines.port import Member, TrainingData
from osetra.study.ledger import Ledger
from osetra.study.watching import Watching, rate_of
from osetra.training.checkpoint import pack
from osetra.training.life import Life
from osetra.training.steering import Script, live_by
from osetra.training.suggestion import Suggestion

MOST_KEPT = 20
"""Checkpoints of one trial in hand."""


class Floor(Protocol):
    """What trials in hand need of the workers."""

    def new_life(self, configuration: Configuration, *, seed: int) -> Life:
        """Of the trial of that number, or with that one's randomness."""
        ...

    def build(self, configuration: Configuration, total: int, *, seed: int) -> Member: ...

    def submit(self, work: Callable[[], None]) -> "Future[None]":
        """Have a worker do it."""
        ...

    def post(self, word: Callable[[], None]) -> None:
        """Have the loop's thread do it soon."""
        ...

    def train_error(self, life: Life) -> float: ...

    def told_to_stop(self, last_epoch_s: float) -> str | None: ...


@dataclass(slots=True)
class InHand:
    """One trial in hand, and where it stands."""

    number: int
    seed: int
    """The trial whose randomness it has: its own, or that of the one it branched from."""
    script: Script
    life: Life | None
    """None: its weights are to be brought back first."""
    epochs: int
    runs: bool = True
    is_busy: bool = False
    cut: str = ""
    """Why no more of it can be trained in this run of the study; empty: it can."""
    looked: int = 0
    """Epochs after which the babysitter looked at it last; after a break it looks once more, and says nothing twice."""
    kept: list[int] = field(default_factory=list)
    """Epochs of which there is a checkpoint, rising."""


class Tending:
    """Has workers train the trials in hand."""

    def __init__(
        self, study: str, floor: Floor, store: Store, ledger: Ledger, data: TrainingData, *, watching: Watching | None,
        follow: Callable[[InHand, Suggestion], None], between: Callable[[InHand], None],
    ) -> None:  # fmt: skip
        """follow: makes the change that the babysitter makes, or raises. between: what is to be done to a trial between two epochs."""
        self._study, self._floor, self._store, self._ledger, self._data = study, floor, store, ledger, data
        self._watching, self._follow, self._between = watching, follow, between

    def life(self, one: InHand) -> Life:
        """Its life, brought back here and now if it is not at hand."""
        if one.life is None:
            one.life = self._floor.new_life(self._ledger[one.number].configuration, seed=one.seed)
            one.life.notice = None
            live_by(one.life, one.script, self.builder(one), one.epochs)
        return one.life

    def may_train(self, one: InHand) -> bool:
        return one.runs and not one.is_busy and not one.cut and self._floor.told_to_stop(0.0) is None

    def go_on(self, one: InHand) -> None:
        one.runs = True
        self._ledger.change(one.number, state=TrialState.RUNNING, reason="in hand", train_error=None)

    def store_curve(self, number: int) -> list[EpochRecord]:
        self._ledger.flush()
        return list(self._store.curve(self._study, number))

    def builder(self, one: InHand) -> Callable[[Configuration, int], Member]:
        return lambda configuration, total: self._floor.build(configuration, total, seed=one.seed)

    def keep(self, one: InHand, why: str, *, at_best: bool = False) -> None:
        """A checkpoint of a life that stands still, now or at its best epoch; the oldest go when there are many."""
        life = one.life
        state = None if life is None else life.weights if at_best else life.member.state
        if life is None or state is None or state.epoch in (0, *one.kept) or (life.state.is_over and not at_best):
            return
        data = pack(life, at_best=at_best)
        kept = Checkpoint.of(data, trial=one.number, epoch=state.epoch, why=why, step=state.step, at=datetime.now(UTC))
        self._ledger.keep(kept, data)
        one.kept.append(state.epoch)
        if len(one.kept) > MOST_KEPT:
            self._ledger.drop([(one.number, one.kept.pop(0))])

    def bring_back(self, one: InHand, until: int, *, of: int | None = None) -> None:
        """Have a worker make the life that the script says, from a checkpoint where there is one."""
        one.is_busy = True
        source = one.number if of is None else of
        curve = self.store_curve(one.number)
        known = [kept.epoch for kept in self._store.checkpoints(self._study, trial=source) if kept.epoch <= until]
        # The search's checkpoints and those of changes alike: weights at an epoch that the trial has not gone back behind.
        checkpoint = None
        with suppress(StoreError, StudyError):
            # One that is damaged, or was dropped meanwhile, is not needed: training from the start comes to the same bits.
            checkpoint = self._store.checkpoint(self._study, source, max(known)) if known and max(known) > 0 else None

        def work() -> None:
            life = self._floor.new_life(self._ledger[one.number].configuration, seed=one.seed)
            notice, life.notice = life.notice, None
            try:
                live_by(life, one.script, self.builder(one), until, checkpoint=checkpoint, curve=curve)
            except Exception as error:  # noqa: BLE001 -- a trial that fails is data
                failure = f"{type(error).__name__}: {error}"
                self._floor.post(lambda: self._failed(one, failure))
                return
            life.notice = notice
            self._floor.post(lambda: self._back(one, life))

        self._floor.submit(work)

    def _back(self, one: InHand, life: Life) -> None:
        one.life, one.is_busy = life, False
        if one.runs:
            self.go_on(one)
        if self.may_train(one):
            self.train(one)

    def _failed(self, one: InHand, failure: str) -> None:
        one.is_busy = one.runs = False
        self._ledger.end(one.number, TrialState.FAILED, failure)

    def train(self, one: InHand) -> None:
        """Have a worker train the next epoch."""
        life = one.life
        if life is None:
            self.bring_back(one, one.epochs)
            return
        if self._watched(one):
            return
        if life.state is TrialState.DIVERGED:
            one.runs = False
            self._ledger.end(one.number, life.state, life.reason)
            return
        if one.epochs >= one.script.total:
            # A branch from the last epoch.
            one.runs = False
            self._ledger.change(one.number, state=TrialState.PAUSED, reason=f"has all its {one.script.total} epochs; extend it")
            return
        one.is_busy = True

        def work() -> None:
            told: list[EpochRecord] = []
            try:
                life.go_on(1, report=told.append, told_to_stop=self._floor.told_to_stop)
                error = self._floor.train_error(life) if life.state is TrialState.FINISHED else None
            except Exception as problem:  # noqa: BLE001 -- a trial that fails is data
                failure = f"{type(problem).__name__}: {problem}"
                self._floor.post(lambda: self._failed(one, failure))
                return
            self._floor.post(lambda: self._trained(one, told, error))

        self._floor.submit(work)

    def _trained(self, one: InHand, told: list[EpochRecord], train_error: float | None) -> None:
        one.is_busy = False
        assert one.life is not None
        for record in told:
            one.epochs += 1
            self._ledger.add_epoch(one.number, record)
        if one.life.state is TrialState.STOPPED:
            # The study told it to, and a study that ends does not end those in hand for good (see `Desk.end`).
            one.cut = one.life.reason
            one.life.standing.revive()
        elif self._watched(one):
            return
        elif one.life.state.is_over:
            one.runs = False
            self._ledger.end(one.number, one.life.state, one.life.reason, train_error=train_error)
        self._between(one)
        if self.may_train(one):
            self.train(one)

    def _watched(self, one: InHand) -> bool:
        """Have the babysitter look at a trial after an epoch, also at one that diverged; whether it is brought back because of that."""
        life = one.life
        if self._watching is None or life is None or one.epochs in (0, one.looked) or life.state is TrialState.FINISHED:
            return False
        one.looked = one.epochs
        rate = rate_of(life.member, one.epochs, self._data.num_rows)
        found = self._watching.look(one.number, life.standing.curve, one.script.configuration, rate=rate, script=one.script)
        if found is None:
            return False
        why = self._floor.told_to_stop(0.0)
        if why is not None:
            # Who resumes the study has the babysitter look again.
            one.looked, one.cut = 0, f"{why} after {one.epochs} of {one.script.total} epochs"
            return True
        try:
            self._follow(one, found)
        except (SpaceError, StudyError):
            self._watching.suggest(one.number, found)
            return False
        self._watching.acted(one.number, found)
        return one.is_busy
