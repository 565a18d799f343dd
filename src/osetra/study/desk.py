"""The desk: what people ask of a study while it runs, carried out and answered.

A trial that somebody takes in hand leaves the search: from the next slice on the search takes it for stopped, so that its own decisions
follow from what it trained alone, and the trial goes on, an epoch at a time, beside the search's. Each change is an event and a line of
the trial's script (see `training.steering`), by which it can be repeated, rolled back, or taken up again after a break.

    set, extend, rollback, branch    see `steering`; a branch begins with the weights of another trial at the end of an epoch
    pause, continue, stop            it stands still, goes on, is over

Knows nothing of: how commands are typed, how the search decides.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from osetra.core.errors import OsetraError, StudyError
from osetra.core.ports import Store
from osetra.core.records import Checkpoint, Command, CommandState, Configuration, EpochRecord, Event, TrialState
from osetra.engines.port import Member, TrainingData
from osetra.study.ledger import Ledger
from osetra.study.past import Past
from osetra.study.steerable import check
from osetra.training.checkpoint import pack
from osetra.training.life import Life
from osetra.training.steering import Change, Script, apply, check_change, live_by

FIRST_BRANCH = 1_000_000
"""Branches are numbered from here, so that they take no number of the search's."""
MOST_KEPT = 20
"""Checkpoints of one trial in hand."""


class Floor(Protocol):
    """What the desk needs of the loop."""

    def take(self, number: int) -> tuple[bool, Life | None]:
        """(whether the trial can be had now, its life where that is at hand); from then on the search takes it for stopped."""
        ...

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

    def over(self, number: int, state: TrialState, reason: str, train_error: float | None) -> None:
        """The trial is over."""
        ...

    def train_error(self, life: Life) -> float: ...

    def told_to_stop(self, last_epoch_s: float) -> str | None: ...


@dataclass(slots=True)
class _InHand:
    number: int
    seed: int
    """The trial whose randomness it has: its own, or that of the one it branched from."""
    script: Script
    life: Life | None
    """None: its weights are to be brought back first."""
    epochs: int
    runs: bool = True
    is_busy: bool = False
    kept: list[int] = field(default_factory=list)
    """Epochs of which there is a checkpoint, rising."""


class Desk:
    """The trials in hand, and the commands that wait."""

    def __init__(
        self, study: str, floor: Floor, store: Store, ledger: Ledger, past: Past, data: TrainingData, *, total: int,
        edit: Callable[[Command], str],
    ) -> None:  # fmt: skip
        """total: the most epochs of a trial. edit: edits the space of the search, and says what was done."""
        self._edit = edit
        self._study, self._floor, self._store, self._ledger, self._past = study, floor, store, ledger, past
        self._data, self._total = data, total
        self._in_hand: dict[int, _InHand] = {}
        self._asked: deque[Command] = deque()
        self._last = 0

    def owns(self, number: int) -> bool:
        return number in self._in_hand

    def wants(self, number: int) -> bool:
        """Whether a command waits for a trial that is not in hand yet."""
        return number not in self._in_hand and any(command.trial == number for command in self._asked)

    def life(self, number: int) -> Life:
        """Of a trial in hand; its weights are brought back if need be."""
        one = self._in_hand[number]
        if one.life is None:
            one.life = self._floor.new_life(self._ledger[number].configuration, seed=one.seed)
            one.life.notice = None
            live_by(one.life, one.script, self._builder(one), one.epochs)
        return one.life

    @property
    def is_busy(self) -> bool:
        """Whether a trial in hand trains, or is to."""
        return any(one.is_busy or one.runs for one in self._in_hand.values())

    def restore(self) -> None:
        """Take those in hand again that were in hand when the study broke off."""
        for number, script in self._past.scripts.items():
            trial = self._past.trials[number]
            seed = self._past.seeds.get(number, number)
            made = Script(trial.configuration, self._total, script)
            one = _InHand(number=number, seed=seed, script=made, life=None, epochs=len(self._past.curve_in_hand(number)))
            one.kept = list(self._past.checkpoints.get(number, ()))
            one.runs = trial.state in (TrialState.RUNNING, TrialState.WAITING)
            self._in_hand[number] = one
            self._ledger.thaw(number)
            if one.runs:
                self._bring_back(one, one.epochs)

    def poll(self) -> None:
        """Carry out what can be, and have those in hand train on."""
        for command in self._store.commands(self._study, state=CommandState.WAITING, after=self._last):
            assert command.id is not None
            if self._is_behind(command.trial):
                break
            self._last = command.id
            if command.id in self._past.carried_out:
                self._answer(command, CommandState.DONE, "carried out before the study broke off", self._past.carried_out[command.id])
                continue
            try:
                check(command, self._study, self._ledger.trials, total=self._total, build=self._floor.build, data=self._data)
            except OsetraError as error:
                # Before it is taken in hand, so that a mistake leaves the search its trial.
                self._answer(command, CommandState.REFUSED, str(error), None)
            else:
                self._asked.append(command)
        for command in list(self._asked):
            try:
                answer = self._carry_out(command)
            except OsetraError as error:
                self._answer(command, CommandState.REFUSED, str(error), None)
                self._asked.remove(command)
                continue
            if answer is not None:
                # What is answered is recorded, whatever happens next.
                self._ledger.flush()
                self._answer(command, CommandState.DONE, *answer)
                self._asked.remove(command)
        for one in self._in_hand.values():
            if one.runs and not one.is_busy and self._floor.told_to_stop(0.0) is None:
                self._train(one)

    def _is_behind(self, number: int | None) -> bool:
        """Whether a trial, in a study that goes on, is not yet where it was."""
        if number is None or number in self._in_hand:
            return False
        known = self._ledger.trials.get(number)
        return (0 if known is None else known.epochs) < len(self._past.curve(number))

    def close(self, why: str) -> None:
        """The study ends: commands that still wait are refused."""
        # Those too that came since the last poll.
        for command in self._store.commands(self._study, state=CommandState.WAITING):
            self._answer(command, CommandState.REFUSED, f"the study ended first: {why}", None)
        self._asked.clear()

    def _answer(self, command: Command, state: CommandState, answer: str, epoch: int | None) -> None:
        assert command.id is not None
        self._store.answer_command(self._study, command.id, state=state, answer=answer, epoch=epoch, at=datetime.now(UTC))

    def _carry_out(self, command: Command) -> tuple[str, int | None] | None:
        """What came of it, and the epoch at which it took effect; None: the trial cannot be had just now."""
        if command.trial is None:
            told = self._edit(command)
            self._ledger.event(None, None, "space edited", {**command.detail, "told": told, "why": command.why}, who=command.who)
            return told, None
        kinds = {
            "set": self._set, "pause": self._pause, "continue": self._continue, "stop": self._stop, "extend": self._extend,
            "rollback": self._roll_back, "branch": self._branch,
        }  # fmt: skip
        one = self._had(command.trial)
        return None if one is None else kinds[command.kind](one, command)

    def _had(self, number: int) -> _InHand | None:
        """The trial in hand, taken from the search if need be; None while it is training, or its weights are being brought back."""
        if number in self._in_hand:
            one = self._in_hand[number]
            return None if one.is_busy else one
        can_be_had, life = self._floor.take(number)
        if not can_be_had:
            return None
        trial = self._ledger[number]
        curve = list(self._store_curve(number))
        one = _InHand(number=number, seed=number, script=Script(trial.configuration, self._total), life=life, epochs=trial.epochs)
        one.runs = trial.state in (TrialState.RUNNING, TrialState.PAUSED)
        self._in_hand[number] = one
        change = Change(epoch=trial.epochs)
        one.script.add(change)
        self._ledger.event(number, trial.epochs, "taken in hand", {"curve": [_row(record) for record in curve], **change.to_dict()})
        if life is None:
            self._bring_back(one, trial.epochs)
            return None
        apply(life, one.script, self._builder(one))
        self._ledger.change(number, state=TrialState.RUNNING, reason="in hand")
        return one

    def _store_curve(self, number: int) -> list[EpochRecord]:
        self._ledger.flush()
        return list(self._store.curve(self._study, number))

    def _builder(self, one: _InHand) -> Callable[[Configuration, int], Member]:
        return lambda configuration, total: self._floor.build(configuration, total, seed=one.seed)

    def _set(self, one: _InHand, command: Command) -> tuple[str, int]:
        settings = dict(command.detail["settings"])
        before = one.script.configuration
        self._change(
            one, Change(epoch=one.epochs, settings=settings), command, "set", {"old": {name: before.get(name) for name in settings}}
        )
        told = ", ".join(f"{name} {_short(before.get(name))} -> {_short(value)}" for name, value in settings.items())
        return f"{told}, from epoch {one.epochs + 1} on", one.epochs

    def _extend(self, one: _InHand, command: Command) -> tuple[str, int]:
        total = max(one.script.total, one.epochs) + int(command.detail["epochs"])
        self._change(one, Change(epoch=one.epochs, total=total), command, "extended", {"old": one.script.total})
        one.runs = True
        return f"trains up to {total} epochs", one.epochs

    def _change(self, one: _InHand, change: Change, command: Command, kind: str, more: Mapping[str, Any]) -> None:
        check_change(one.script, change, self._builder(one), self._data)
        self._keep(one, "before change")
        one.script.add(change)
        if one.life is not None:
            apply(one.life, one.script, self._builder(one))
        self._ledger.event(one.number, one.epochs, kind, {**change.to_dict(), **more, **_by(command)}, who=command.who)

    def _pause(self, one: _InHand, command: Command) -> tuple[str, int]:
        one.runs = False
        self._keep(one, "asked")
        self._ledger.change(one.number, state=TrialState.PAUSED, reason=f"paused by {command.who} after epoch {one.epochs}")
        self._ledger.event(one.number, one.epochs, "paused", _by(command), who=command.who)
        return f"stands still after epoch {one.epochs}", one.epochs

    def _continue(self, one: _InHand, command: Command) -> tuple[str, int]:
        if one.epochs >= one.script.total:
            raise StudyError(f"trial {one.number} has trained all its {one.script.total} epochs; extend it first")
        one.runs = True
        self._ledger.change(one.number, state=TrialState.RUNNING, reason="in hand")
        self._ledger.event(one.number, one.epochs, "continued", _by(command), who=command.who)
        return f"goes on with epoch {one.epochs + 1}", one.epochs

    def _stop(self, one: _InHand, command: Command) -> tuple[str, int]:
        one.runs = False
        self._floor.over(one.number, TrialState.STOPPED, f"stopped by {command.who} after epoch {one.epochs}", None)
        return f"stopped after epoch {one.epochs}", one.epochs

    def _roll_back(self, one: _InHand, command: Command) -> tuple[str, int]:
        to = self._place(one, command.detail["epoch"])
        if to >= one.epochs:
            raise StudyError(
                f"trial {one.number} stands at the end of epoch {one.epochs}, so there is no way back to {to}; name an earlier one"
            )
        curve = self._store_curve(one.number)
        forgotten = one.script.roll_back(to)
        one.script.add(Change(epoch=to))
        dropped = [_row(record) for record in curve[to:]]
        detail = {**Change(epoch=to).to_dict(), "from": one.epochs, "dropped": dropped, **_by(command)}
        self._ledger.event(one.number, to, "rolled back", {**detail, "forgotten": [old.to_dict() for old in forgotten]}, who=command.who)
        one.kept = [epoch for epoch in one.kept if epoch <= to]
        self._ledger.roll_back(one.number, curve[:to])
        one.epochs, one.life, one.runs = to, None, True
        self._bring_back(one, to)
        return f"stands at the end of epoch {to}, and goes on from there", to

    def _branch(self, one: _InHand, command: Command) -> tuple[str, int]:
        at = self._place(one, command.detail.get("epoch", one.epochs))
        settings = dict(command.detail.get("settings", {}))
        curve = self._store_curve(one.number)[:at]
        script = Script(self._ledger[one.number].configuration, self._total, [line for line in one.script.changes if line.epoch < at])
        change = Change(epoch=at, settings=settings)
        check_change(script, change, self._builder(one), self._data)
        script.add(change)
        number = max([FIRST_BRANCH - 1, *self._ledger.trials]) + 1
        branch = _InHand(number=number, seed=one.seed, script=script, life=None, epochs=at)
        self._in_hand[number] = branch
        lines = [line.to_dict() for line in script.changes]
        detail = {"from": one.number, "seed": one.seed, "epoch": at, "settings": settings, "script": lines, **_by(command)}
        event = Event(trial=number, epoch=at, kind="branched", detail=detail, who=command.who, at=datetime.now(UTC))
        self._ledger.begin_with(number, self._ledger[one.number], curve, event)
        self._bring_back(branch, at, of=one.number)
        return f"trial {number} goes on from epoch {at} of trial {one.number}", at

    def _place(self, one: _InHand, epoch: int | str) -> int:
        best = self._ledger[one.number].best_epoch
        return (best if best is not None else one.epochs) if isinstance(epoch, str) else epoch

    def _keep(self, one: _InHand, why: str) -> None:
        """A checkpoint of a life that stands still; the oldest go when there are many."""
        if one.life is None or one.epochs in one.kept or one.life.epochs == 0 or one.life.state.is_over:
            return
        data, state = pack(one.life), one.life.member.state
        kept = Checkpoint.of(data, trial=one.number, epoch=state.epoch, why=why, step=state.step, at=datetime.now(UTC))
        self._ledger.keep(kept, data)
        one.kept.append(one.epochs)
        if len(one.kept) > MOST_KEPT:
            self._ledger.drop([(one.number, one.kept.pop(0))])

    def _bring_back(self, one: _InHand, until: int, *, of: int | None = None) -> None:
        """Have a worker make the life that the script says, from a checkpoint where there is one."""
        one.is_busy = True
        source = one.number if of is None else of
        curve = self._store_curve(one.number)
        known = [kept.epoch for kept in self._store.checkpoints(self._study, trial=source) if kept.epoch <= until]
        # The search's checkpoints and those of changes alike: weights at an epoch that the trial has not gone back behind.
        checkpoint = self._store.checkpoint(self._study, source, max(known)) if known and max(known) > 0 else None

        def work() -> None:
            life = self._floor.new_life(self._ledger[one.number].configuration, seed=one.seed)
            notice, life.notice = life.notice, None
            try:
                live_by(life, one.script, self._builder(one), until, checkpoint=checkpoint, curve=curve)
            except Exception as error:  # noqa: BLE001 -- a trial that fails is data
                failure = f"{type(error).__name__}: {error}"
                self._floor.post(lambda: self._failed(one, failure))
                return
            life.notice = notice
            self._floor.post(lambda: self._back(one, life))

        self._floor.submit(work)

    def _back(self, one: _InHand, life: Life) -> None:
        one.life, one.is_busy = life, False
        self._ledger.change(one.number, state=TrialState.RUNNING if one.runs else TrialState.PAUSED, reason="in hand")

    def _failed(self, one: _InHand, failure: str) -> None:
        one.is_busy = one.runs = False
        self._floor.over(one.number, TrialState.FAILED, failure, None)

    def _train(self, one: _InHand) -> None:
        """Have a worker train the next epoch."""
        life = one.life
        if life is None:
            self._bring_back(one, one.epochs)
            return
        if one.epochs >= one.script.total:
            one.runs = False
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

    def _trained(self, one: _InHand, told: list[EpochRecord], train_error: float | None) -> None:
        one.is_busy = False
        assert one.life is not None
        for record in told:
            one.epochs += 1
            self._ledger.add_epoch(one.number, record)
        if one.life.state.is_over:
            one.runs = False
            self._floor.over(one.number, one.life.state, one.life.reason, train_error)


def _by(command: Command) -> dict[str, Any]:
    """For an event: which command it carries out, so that it is not done again after a break, and why."""
    return {"command": command.id, "why": command.why}


def _row(record: EpochRecord) -> list[float | int | None]:
    """For an event: JSON has no NaN."""
    numbers = (record.train_cost, record.train_error, record.dev_loss, record.dev_error, record.seconds)
    return [record.epoch, *(number if math.isfinite(number) else None for number in numbers)]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
