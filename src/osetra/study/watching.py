"""The babysitter at the side of a study's trials: what it says is recorded and told, what it would do itself is handed back.

What it has said before of a trial, and what was changed by whom, follows from the trial's events, so a study that goes on after a break
hears the same as one that never broke off.
Knows nothing of: what the rules look for, how a change is made.
"""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from osetra.core.errors import SpaceError
from osetra.core.records import Configuration, EpochRecord, Event, Value
from osetra.engines.port import Member
from osetra.report.words import value
from osetra.training.babysitter import MODES, Babysitter, Mode
from osetra.training.rules import RULES
from osetra.training.steering import Script
from osetra.training.suggestion import Past, Suggestion

BABYSITTER = "babysitter"
"""Who its changes are of."""
USUAL_STORE = "osetra.db"
SUGGESTED = "suggested"
MOST_TOLD = 12
"""Suggestions that are told; all are recorded."""

Record = Callable[[int, int, str, dict[str, Any]], None]
"""(trial, epoch, kind, detail) of an event of the babysitter's."""


def parse_modes(text: str) -> Mode | dict[str, Mode]:
    """`off`, `suggest`, `act`, or `RULE=MODE,...`, those left out being off. Raises SpaceError for anything else."""
    if "=" not in text:
        if text not in MODES:
            raise SpaceError(f"the babysitter must be off, suggest or act, or RULE=MODE,..., got {text!r}; for example diverged=act")
        return text
    parted = (part.partition("=") for part in text.split(","))
    # Whatever is no mode, the babysitter itself refuses.
    return {name.strip().replace("_", " "): mode.strip() for name, _, mode in parted}  # pyright: ignore[reportReturnType]


def modes_of(given: str | Mapping[str, Mode] | None, *, default: Mode) -> dict[str, Mode]:
    """The mode of every rule. Raises SpaceError for an unknown rule or mode."""
    modes = default if given is None else parse_modes(given) if isinstance(given, str) else given
    return Babysitter(modes, rules=RULES).modes


def modes_in_words(modes: Mapping[str, str]) -> str:
    """As `parse_modes` reads it."""
    if len(set(modes.values())) == 1:
        return next(iter(modes.values()))
    return ",".join(f"{name.replace(' ', '_')}={mode}" for name, mode in modes.items() if mode != "off")


def store_suffix(store: object) -> str:
    """What a command needs to find the store; nothing where it is the usual one, or none that a command could open."""
    return f" --store {shlex.quote(str(store))}" if isinstance(store, str | Path) and str(store) != USUAL_STORE else ""


def rate_of(member: Member, epochs: int, rows: int) -> float:
    """Mean learning rate of the last of so many epochs."""
    steps = -(-rows // member.hyperparameters.batch_size)
    return float(np.mean(member.learning_rates(epochs - 1, steps)))


class Watching:
    """One babysitter for all trials of a study that it looks at."""

    def __init__(
        self, modes: Mapping[str, Mode], *, study: str, notice: Callable[[str], None], record: Record, past: Iterable[Event] = (),
        suffix: str = "",
    ) -> None:  # fmt: skip
        """past: events of an earlier run. suffix: what follows every command that is told, such as ` --store mine.db`."""
        self._sitter = Babysitter(modes, rules=RULES)
        self._study, self._notice, self._record, self._suffix = study, notice, record, suffix
        self._heard: dict[int, list[Past]] = {}
        self._told = 0
        self._last: dict[int, str] = {}
        """What was suggested of a trial last."""
        for event in past:
            self.hear(event.trial, event.epoch, event.kind, event.detail, event.who)

    def hear(self, trial: int | None, epoch: int | None, kind: str, detail: Mapping[str, Any], who: str) -> None:
        """Something happened to a trial; what is no change of it does not matter."""
        past = _as_past(epoch or 0, kind, detail, who)
        if trial is not None and past is not None:
            self._heard.setdefault(trial, []).append(past)

    def look(
        self, trial: int, curve: Sequence[EpochRecord], settings: Configuration, *, rate: float, script: Script | None = None
    ) -> Suggestion | None:
        """Look at a trial after an epoch: what is to be done at once, or None; what is only suggested is recorded and told.

        script: of a trial in hand; None: nothing can be changed, so that all is suggested only. Whoever goes back gives up epochs, and
        not what was found out by them: what was set since is set again.
        """
        found = self._sitter.look(curve, settings, self._heard.get(trial, ()), rate=rate)
        if script is not None:
            found = [one if one.rollback_to is None else replace(one, settings={**_set_since(script, one.rollback_to), **one.settings})
                     for one in found]  # fmt: skip
        acting = next((one for one in found if script is not None and self._sitter.acts(one)), None)
        if acting is None:
            for one in found:
                self.suggest(trial, one)
        return acting

    def suggest(self, trial: int, one: Suggestion) -> None:
        """Record a suggestion, and tell it with the command that carries it out, unless it is the one that was told last."""
        detail = {"rule": one.name, "settings": dict(one.settings), "rollback_to": one.rollback_to, "why": one.sentence}
        self._record(trial, one.epoch, SUGGESTED, detail)
        self.hear(trial, one.epoch, SUGGESTED, detail, BABYSITTER)
        command = command_of(self._study, trial, one) + self._suffix
        if self._last.get(trial) == command:
            return
        self._last[trial] = command
        self._told += 1
        if self._told <= MOST_TOLD:
            self._notice(f"Trial {trial}, epoch {one.epoch}: {one.sentence}. The babysitter suggests to {_in_words(one)}: {command}")
        if self._told == MOST_TOLD:
            self._notice(f"What else the babysitter suggests is recorded: osetra lineage {self._study} TRIAL{self._suffix}")

    def acted(self, trial: int, one: Suggestion) -> None:
        """Tell what was done."""
        self._notice(f"Trial {trial}, epoch {one.epoch}: {one.sentence}. The babysitter acts: {_in_words(one)}.")


def command_of(study: str, trial: int, one: Suggestion) -> str:
    """What a person types to do as the babysitter says."""
    settings = "".join(f" {name}={setting}" for name, setting in one.settings.items())
    verb = "set" if one.rollback_to is None else "rollback"
    where = "" if one.rollback_to is None else f" {one.rollback_to}"
    return f"osetra {verb} {shlex.quote(study)} {trial}{where}{settings}"


def _set_since(script: Script, epoch: int) -> dict[str, Value]:
    return {name: setting for change in script.changes if change.epoch >= epoch for name, setting in change.settings.items()}


def _in_words(one: Suggestion) -> str:
    back = [] if one.rollback_to is None else [f"go back to the end of epoch {one.rollback_to}" if one.rollback_to else "begin anew"]
    settings = ", ".join(f"{name} {value(setting)}" for name, setting in one.settings.items())
    return " and ".join([*back, f"set {settings}"] if settings else back)


def _as_past(epoch: int, kind: str, detail: Mapping[str, Any], who: str) -> Past | None:
    name = str(detail.get("rule", kind)) if who == BABYSITTER else kind
    if kind == SUGGESTED:
        return Past(name=name, epoch=epoch, rollback_to=detail["rollback_to"], acted=False)
    if kind in ("set", "extended", "branched"):
        return Past(name=name, epoch=epoch)
    if kind == "rolled back":
        return Past(name=name, epoch=int(detail["from"]), rollback_to=epoch)
    return None
