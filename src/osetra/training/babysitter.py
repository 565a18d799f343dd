"""A babysitter for one trial: after every epoch its rules say what a person at its side would change.

Each rule is off, suggests, or acts. What the babysitter says follows from what it is given, so a trial that is repeated hears the same.
Knows nothing of: what the rules look for, how a change is made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np

from osetra.core.errors import SpaceError
from osetra.core.records import Configuration, EpochRecord, Value
from osetra.space.values import did_you_mean
from osetra.training.rules import RULES, Diverged
from osetra.training.suggestion import Past, Rule, Seen, Suggestion, is_finite

Mode: TypeAlias = Literal["off", "suggest", "act"]
MODES: tuple[Mode, ...] = ("off", "suggest", "act")
AGAIN = 10
"""Epochs before a rule says again what nobody followed."""


class Babysitter:
    """Looks at one trial by several rules."""

    def __init__(self, modes: Mode | Mapping[str, Mode] = "suggest", *, rules: Sequence[Rule] = RULES) -> None:
        """modes: one for all rules, or one for each named, the others being off. Raises SpaceError for an unknown rule or mode."""
        self._rules = tuple(rules)
        names = [rule.name for rule in self._rules]
        given: dict[str, Mode] = {}
        for name in names if isinstance(modes, str) else modes:
            mode = modes if isinstance(modes, str) else modes[name]
            if name not in names:
                raise SpaceError(f"a rule of the babysitter must be one of {', '.join(names)}, got {name!r}; {did_you_mean(name, names)}")
            if mode not in MODES:
                raise SpaceError(f"the mode of a rule must be off, suggest or act, got {mode!r} for {name}; choose one")
            given[name] = mode
        self.modes: dict[str, Mode] = {name: given.get(name, "off") for name in names}
        """By rule."""

    def acts(self, suggestion: Suggestion) -> bool:
        """Whether it is to be carried out without asking."""
        return self.modes[suggestion.name] == "act"

    def look(self, curve: Sequence[EpochRecord], settings: Configuration, history: Sequence[Past] = (), *, rate: float) -> list[Suggestion]:
        """What the rules that are not off would change now, the most urgent first; of those that act, only the first is meant.

        curve: the trial's epochs, without those that it was rolled back from. settings: those in effect. history: all changes so far, of
        people, too, and the suggestions. rate: the mean learning rate of the last epoch.
        """
        if not curve:
            return []
        acted = [past for past in history if past.acted]
        last = acted[-1] if acted else None
        since = 0 if last is None else last.epoch if last.rollback_to is None else last.rollback_to
        found: list[Suggestion] = []
        is_ruined = not all(is_finite(record) for record in curve[since:])
        for rule in self._rules:
            own = [past for past in acted if past.name == rule.name]
            told = [past.epoch for past in history if past.name == rule.name and not past.acted and past.epoch >= since]
            is_told = any(0 <= len(curve) - epoch < AGAIN for epoch in told)
            if self.modes[rule.name] == "off" or len(own) >= rule.tries or is_told:
                continue
            if is_ruined and not isinstance(rule, Diverged):
                continue
            seen = Seen(
                curve=curve, since=min(since, len(curve)), settings=settings, rate=rate, own=own, last="" if last is None else last.name
            )
            with np.errstate(over="ignore", invalid="ignore"):
                suggestion = rule.look(seen)
            if suggestion is not None:
                found.append(replace(suggestion, settings=_rounded(suggestion.settings)))
        return found


def _rounded(settings: Mapping[str, Value]) -> dict[str, Value]:
    """Numbers to 3 digits, as a person would set them."""
    return {name: float(f"{value:.3g}") if isinstance(value, float) else value for name, value in settings.items()}
