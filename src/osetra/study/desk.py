"""The desk: what people ask of a study while it runs, carried out and answered.

A trial that somebody takes in hand leaves the search: from the next slice on the search takes it for stopped, so that its own decisions
follow from what it trained alone, and the trial goes on, an epoch at a time, beside the search's. Each change is an event and a line of
the trial's script (see `training.steering`), by which it can be repeated, rolled back, or taken up again after a break.

    set, extend, rollback, branch    see `steering`; a branch begins with the weights of another trial at the end of an epoch
    pause, continue, stop            it stands still, goes on, is over

What concerns the whole study: `edit` changes its space, `stop` has it end as Ctrl-C does.

Knows nothing of: how commands are typed, how the search decides.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from osetra.core.errors import OsetraError, StudyError
from osetra.core.ports import Job, Store
from osetra.core.records import Command, CommandState, Configuration, EpochRecord, Event, TrialState
from osetra.engines.port import TrainingData
from osetra.study.in_hand import Floor, InHand, Tending
from osetra.study.ledger import Ledger
from osetra.study.past import Past
from osetra.study.steerable import STUDY_ENDS, check
from osetra.study.watching import BABYSITTER, Watching
from osetra.training.life import Life
from osetra.training.steering import Change, Script, apply, check_change
from osetra.training.suggestion import Suggestion

FIRST_BRANCH = 1_000_000
"""Branches are numbered from here, so that they take no number of the search's."""


class Desk:
    """The trials in hand, and the commands that wait."""

    def __init__(
        self, study: str, floor: Floor, store: Store, ledger: Ledger, past: Past, data: TrainingData, *, total: int,
        take: Callable[[int], tuple[bool, Life | None]], edit: Callable[[Command], str], leave: Callable[[], None],
        watching: Watching | None = None, counts_given_up: bool = False,
    ) -> None:  # fmt: skip
        """total: the most epochs of a trial. edit: edits the space of the search, and says what was done. watching: of those in hand.

        take: takes a trial from the search; (whether it can be had now, its life where that is at hand). leave: has the study end soon.

        counts_given_up: whether epochs that a trial was rolled back from count as epochs that it had.
        """
        self._take, self._edit, self._leave = take, edit, leave
        self._watching, self._counts_given_up = watching, counts_given_up
        self._study, self._floor, self._store, self._ledger, self._past = study, floor, store, ledger, past
        self._data, self._total = data, total
        self._in_hand: dict[int, InHand] = {}
        self._tending = Tending(study, floor, store, ledger, data, watching=watching, follow=self._follow, between=self._between)
        self._asked: deque[Command] = deque()
        self._last = 0

    def owns(self, number: int) -> bool:
        return number in self._in_hand

    def wants(self, number: int) -> bool:
        """Whether a command waits for a trial that is not in hand yet."""
        return number not in self._in_hand and any(command.trial == number for command in self._asked)

    def life(self, number: int) -> Life:
        """Of a trial in hand; its weights are brought back if need be."""
        return self._tending.life(self._in_hand[number])

    @property
    def is_busy(self) -> bool:
        """Whether a trial in hand trains, or is to."""
        return any(one.is_busy or (one.runs and not one.cut) for one in self._in_hand.values())

    @property
    def stands_still(self) -> bool:
        """Whether a trial in hand waits for people to have it go on."""
        return any(not one.runs and self._ledger[one.number].state is TrialState.PAUSED for one in self._in_hand.values())

    def begin(self, number: int, configuration: Configuration) -> None:
        """A trial that is in hand from its first epoch on; no search knows of it."""
        self._ledger.begin(Job(trial=number, configuration=configuration, start=0, until=self._total))
        life = self._floor.new_life(configuration, seed=number)
        one = InHand(number=number, seed=number, script=Script(configuration, self._total), life=life, epochs=0)
        self._in_hand[number] = one
        self._ledger.start(number, num_parameters=life.member.layout.size)
        change = Change(epoch=0)
        one.script.add(change)
        apply(life, one.script, self._tending.builder(one))
        self._ledger.event(number, 0, "taken in hand", {"curve": [], **change.to_dict()})
        self._tending.go_on(one)
        self._tending.train(one)

    def restore(self) -> None:
        """Take those in hand again that were in hand when the study broke off."""
        for number, script in self._past.scripts.items():
            trial = self._past.trials[number]
            seed = self._past.seeds.get(number, number)
            made = Script(trial.configuration, self._total, script)
            one = InHand(number=number, seed=seed, script=made, life=None, epochs=len(self._past.curve_in_hand(number)))
            one.kept = list(self._past.checkpoints.get(number, ()))
            state, reason = self._past.cut_short.get(number, (trial.state, trial.reason))
            one.runs = state in (TrialState.RUNNING, TrialState.WAITING)
            self._in_hand[number] = one
            self._ledger.thaw(number)
            if number in self._past.cut_short:
                self._ledger.change(number, state=state, reason=reason, train_error=None)
            if one.runs:
                self._tending.bring_back(one, one.epochs)

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
        self._carry_out_asked(list(self._asked))
        for one in self._in_hand.values():
            if self._tending.may_train(one):
                self._tending.train(one)

    def _carry_out_asked(self, commands: Iterable[Command]) -> None:
        for command in commands:
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

    def _between(self, one: InHand) -> None:
        """Between two epochs of a trial: what is asked of it."""
        self._carry_out_asked([command for command in self._asked if command.trial == one.number])

    def _follow(self, one: InHand, found: Suggestion) -> None:
        """Do as the babysitter says, the way a person's command is carried out. Raises SpaceError for what cannot be done."""
        where = {} if found.rollback_to is None else {"epoch": found.rollback_to}
        detail = {**where, "settings": dict(found.settings), "rule": found.name}
        kind = "set" if found.rollback_to is None else "rollback"
        command = Command(trial=one.number, kind=kind, detail=detail, why=found.sentence, who=BABYSITTER, at=datetime.now(UTC))
        (self._set if found.rollback_to is None else self._roll_back)(one, command)

    def _is_behind(self, number: int | None) -> bool:
        """Whether a trial, in a study that goes on, is not yet where it was."""
        if number is None or number in self._in_hand:
            return False
        known = self._ledger.trials.get(number)
        return (0 if known is None else known.epochs) < len(self._past.curve(number))

    def end(self, why: str) -> None:
        """The study ends, and with it those that have not come to their end; who resumes it finds them as they stood."""
        for one in self._in_hand.values():
            trial = self._ledger[one.number]
            if trial.state.is_over:
                continue
            so_far = f"after {one.epochs} of {one.script.total} epochs"
            reason = one.cut or f"{why} {so_far}" if one.runs else f"stood still {so_far} when the study ended ({why})"
            stood = {"state": str(trial.state), "reason": trial.reason}
            self._ledger.end(one.number, TrialState.STOPPED, reason, detail={"stood": stood})

    def close(self, why: str) -> None:
        """The study has ended: commands that still wait are refused."""
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
            if command.kind == "stop":
                self._leave()
                self._ledger.event(None, None, "asked to stop", _by(command), who=command.who)
                return STUDY_ENDS, None
            told = self._edit(command)
            self._ledger.event(None, None, "space edited", {**command.detail, "told": told, "why": command.why}, who=command.who)
            return told, None
        kinds = {
            "set": self._set, "pause": self._pause, "continue": self._continue, "stop": self._stop, "extend": self._extend,
            "rollback": self._roll_back, "branch": self._branch,
        }  # fmt: skip
        one = self._had(command.trial)
        return None if one is None else kinds[command.kind](one, command)

    def _had(self, number: int) -> InHand | None:
        """The trial in hand, taken from the search if need be; None while it is training, or its weights are being brought back."""
        if number in self._in_hand:
            one = self._in_hand[number]
            return None if one.is_busy else one
        can_be_had, life = self._take(number)
        if not can_be_had:
            return None
        trial = self._ledger[number]
        curve = list(self._tending.store_curve(number))
        one = InHand(number=number, seed=number, script=Script(trial.configuration, self._total), life=life, epochs=trial.epochs)
        one.runs = trial.state in (TrialState.RUNNING, TrialState.PAUSED)
        self._in_hand[number] = one
        change = Change(epoch=trial.epochs)
        one.script.add(change)
        self._ledger.event(number, trial.epochs, "taken in hand", {"curve": [_row(record) for record in curve], **change.to_dict()})
        if one.runs:
            self._tending.go_on(one)
        if life is None:
            self._tending.bring_back(one, trial.epochs)
            return None
        apply(life, one.script, self._tending.builder(one))
        return one

    def _require_going(self, one: InHand) -> None:
        if self._ledger[one.number].state is TrialState.DIVERGED:
            raise StudyError(f"trial {one.number} diverged, so it cannot go on from there; roll it back to an earlier epoch")

    def _set(self, one: InHand, command: Command) -> tuple[str, int]:
        settings = dict(command.detail["settings"])
        before = one.script.configuration
        self._change(
            one, Change(epoch=one.epochs, settings=settings), command, "set", {"old": {name: before.get(name) for name in settings}}
        )
        told = ", ".join(f"{name} {_short(before.get(name))} -> {_short(value)}" for name, value in settings.items())
        return f"{told}, from epoch {one.epochs + 1} on", one.epochs

    def _extend(self, one: InHand, command: Command) -> tuple[str, int]:
        self._require_going(one)
        total = max(one.script.total, one.epochs) + int(command.detail["epochs"])
        self._change(one, Change(epoch=one.epochs, total=total), command, "extended", {"old": one.script.total})
        self._tending.go_on(one)
        return f"trains up to {total} epochs", one.epochs

    def _change(self, one: InHand, change: Change, command: Command, kind: str, more: Mapping[str, Any]) -> None:
        check_change(one.script, change, self._tending.builder(one), self._data)
        self._tending.keep(one, "before change")
        one.script.add(change)
        if one.life is not None:
            apply(one.life, one.script, self._tending.builder(one))
        self._event(one, one.epochs, kind, {**change.to_dict(), **more, **_by(command)}, who=command.who)

    def _event(self, one: InHand, epoch: int, kind: str, detail: Mapping[str, Any], *, who: str) -> None:
        """A change, which the babysitter hears of, too."""
        self._ledger.event(one.number, epoch, kind, detail, who=who)
        if self._watching is not None:
            self._watching.hear(one.number, epoch, kind, detail, who)

    def _pause(self, one: InHand, command: Command) -> tuple[str, int]:
        one.runs = False
        self._tending.keep(one, "asked")
        self._ledger.change(one.number, state=TrialState.PAUSED, reason=f"paused by {command.who} after epoch {one.epochs}")
        self._ledger.event(one.number, one.epochs, "paused", _by(command), who=command.who)
        return f"stands still after epoch {one.epochs}", one.epochs

    def _continue(self, one: InHand, command: Command) -> tuple[str, int]:
        self._require_going(one)
        if one.epochs >= one.script.total:
            raise StudyError(f"trial {one.number} has trained all its {one.script.total} epochs; extend it first")
        self._tending.go_on(one)
        self._ledger.event(one.number, one.epochs, "continued", _by(command), who=command.who)
        return f"goes on with epoch {one.epochs + 1}", one.epochs

    def _stop(self, one: InHand, command: Command) -> tuple[str, int]:
        one.runs = False
        reason = f"stopped by {command.who} after epoch {one.epochs}"
        self._ledger.end(one.number, TrialState.STOPPED, reason, who=command.who, detail=_by(command))
        return f"stopped after epoch {one.epochs}", one.epochs

    def _roll_back(self, one: InHand, command: Command) -> tuple[str, int]:
        to = self._place(one, command.detail["epoch"])
        if to >= one.epochs:
            raise StudyError(
                f"trial {one.number} stands at the end of epoch {one.epochs}, so there is no way back to {to}; name an earlier one"
            )
        total = max(one.script.total - (one.epochs - to), to + 1) if self._counts_given_up else None
        change = Change(epoch=to, settings=dict(command.detail.get("settings", {})), total=total)
        check_change(one.script, change, self._tending.builder(one), self._data)
        curve = self._tending.store_curve(one.number)
        before = one.script.configuration
        forgotten = one.script.roll_back(to)
        one.script.add(change)
        dropped = [_row(record) for record in curve[to:]]
        detail = {**change.to_dict(), "old": {name: before.get(name) for name in change.settings}, "from": one.epochs, "dropped": dropped}
        detail |= {**_by(command), "forgotten": [old.to_dict() for old in forgotten]}
        self._event(one, to, "rolled back", detail, who=command.who)
        one.kept = [epoch for epoch in one.kept if epoch <= to]
        if one.life is not None and one.life.best is not None and one.life.best.epoch == to:
            self._tending.keep(one, "best", at_best=True)
        self._tending.go_on(one)
        self._ledger.roll_back(one.number, curve[:to])
        one.epochs, one.life = to, None
        self._tending.bring_back(one, to)
        return f"stands at the end of epoch {to}, and goes on from there", to

    def _branch(self, one: InHand, command: Command) -> tuple[str, int]:
        at = self._place(one, command.detail.get("epoch", one.epochs))
        settings = dict(command.detail.get("settings", {}))
        curve = self._tending.store_curve(one.number)[:at]
        script = Script(self._ledger[one.number].configuration, self._total, [line for line in one.script.changes if line.epoch < at])
        change = Change(epoch=at, settings=settings)
        check_change(script, change, self._tending.builder(one), self._data)
        script.add(change)
        number = max([FIRST_BRANCH - 1, *self._ledger.trials]) + 1
        branch = InHand(number=number, seed=one.seed, script=script, life=None, epochs=at)
        self._in_hand[number] = branch
        lines = [line.to_dict() for line in script.changes]
        detail = {"from": one.number, "seed": one.seed, "epoch": at, "settings": settings, "script": lines, **_by(command)}
        event = Event(trial=number, epoch=at, kind="branched", detail=detail, who=command.who, at=datetime.now(UTC))
        like = replace(self._ledger[one.number], state=TrialState.RUNNING, reason="in hand")
        self._ledger.begin_with(number, like, curve, event)
        if self._watching is not None:
            self._watching.hear(number, at, "branched", detail, command.who)
        self._tending.bring_back(branch, at, of=one.number)
        return f"trial {number} goes on from epoch {at} of trial {one.number}", at

    def _place(self, one: InHand, epoch: int | str) -> int:
        best = self._ledger[one.number].best_epoch
        return (best if best is not None else one.epochs) if isinstance(epoch, str) else epoch


def _by(command: Command) -> dict[str, Any]:
    """For an event: which command it carries out, so that it is not done again after a break, why, and the babysitter's rule."""
    rule = {"rule": command.detail["rule"]} if command.who == BABYSITTER and "rule" in command.detail else {}
    return {"command": command.id, "why": command.why, **rule}


def _row(record: EpochRecord) -> list[float | int | None]:
    """For an event: JSON has no NaN."""
    numbers = (record.train_cost, record.train_error, record.dev_loss, record.dev_error, record.seconds)
    return [record.epoch, *(number if math.isfinite(number) else None for number in numbers)]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
