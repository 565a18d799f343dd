"""Warm start: a study begins with the best configurations of an earlier one.

    elites of the earlier study -> the nearest configurations of the new space -> proposed before anything else

Every trial that began so is marked with the study and trial it comes from, and with what had to be dropped or moved to fit the new space.
Knows nothing of: training, stores, how the sampler behind it chooses.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from osetra.core.errors import SpaceError, StudyError
from osetra.core.ports import Sampler
from osetra.core.records import Configuration, Study, Trial, TrialState, Value
from osetra.search.merit import in_order
from osetra.search.proposed import lies_in
from osetra.space.space import Space
from osetra.space.values import print_short, same

EVENT = "warm start"
"""The kind of the event that marks such a trial."""
FEWEST = 5
SHARE = 0.1
"""Elites are the best tenth of the distinct configurations, at least 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elite:
    """One configuration taken over."""

    configuration: Mapping[str, Value]
    """In the new space."""
    trial: int
    """Its number in the earlier study."""
    changes: tuple[str, ...]
    """What was dropped, moved or filled in, such as `learning_rate 0.5 -> 0.1`; empty if it fitted as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elites:
    """What one study gives another, best first."""

    study: str
    elites: tuple[Elite, ...]
    duplicates: tuple[int, ...]
    """Trials of the earlier study whose configurations became the same as a better one's in the new space."""

    @property
    def configurations(self) -> list[dict[str, Value]]:
        return [dict(elite.configuration) for elite in self.elites]

    def detail(self, number: int, configuration: Configuration | None = None) -> dict[str, Any] | None:
        """Of the `EVENT` of the new study's trial `number`: study, trial and changes; None for a trial that is not from there.

        configuration: the trial's. By it the elite is found where the space was edited before all of them had begun: those outside the
        edited space were left out, so the others have other numbers.
        """
        elite = self.elites[number] if 0 <= number < len(self.elites) else None
        if configuration is not None and (elite is None or elite.configuration != configuration):
            elite = next((one for one in self.elites if one.configuration == configuration), None)
        if elite is None:
            return None
        return {"study": self.study, "trial": elite.trial, "changes": list(elite.changes)}

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, for the facts of the new study; element n of `trials` is where its trial n comes from."""
        return {
            "study": self.study,
            "trials": [elite.trial for elite in self.elites],
            "changes": {str(elite.trial): list(elite.changes) for elite in self.elites if elite.changes},
            "duplicates": list(self.duplicates),
        }

    def sentences(self) -> list[str]:
        """For a person: how many begin, and what did not fit."""
        count = len(self.elites)
        ones = "trial begins with the best configuration" if count == 1 else "trials begin with the best configurations"
        said = [f"The first {f'{count:,} ' if count > 1 else ''}{ones} of study {self.study!r}."]
        if self.duplicates:
            same_ones = f"{len(self.duplicates):,} more" if len(self.duplicates) > 1 else "One more"
            said.append(
                f"{same_ones} became the same as a better one in this space and {'were' if len(self.duplicates) > 1 else 'was'} dropped."
            )
        tally: dict[str, int] = {}
        for elite in self.elites:
            for change in elite.changes:
                tally[change] = tally.get(change, 0) + 1
        if tally:
            most = sorted(tally, key=lambda change: -tally[change])
            shown = [f"{change} (in {tally[change]:,})" for change in most[:5]] + ([f"{len(most) - 5:,} more"] if len(most) > 5 else [])
            said.append(f"To fit this space: {'; '.join(shown)}.")
        return said


def elites_of(study: Study, trials: Sequence[Trial], space: Space, *, default: Configuration | None = None) -> Elites:
    """The best distinct configurations of a study, a tenth and at least 5 where there are so many, brought into a new space.

    trials: all of the study's as its store keeps them, in any order; compared as `merit` says, and none that diverged counts.
    default: of the new study, for names that the earlier one did not have; without it they lie in the middle. A conditional name is kept
    where it exists in the new space.
    Raises `StudyError` if the study has no trial with a dev error, or none of its hyperparameters is searched in the new space.
    """
    best: dict[tuple[tuple[str, Value], ...], Trial] = {}
    for trial in in_order(trials).trials:
        if trial.state is not TrialState.DIVERGED:
            best.setdefault(tuple(sorted(trial.configuration.items())), trial)
    if not best:
        raise StudyError(f"a warm start needs a study with trained trials, got {study.name!r}, which has none; name another")
    known = {name for trial in best.values() for name in trial.configuration}
    if not known & set(space.names):
        theirs, ours = (", ".join(sorted(names)[:5]) or "none" for names in (known, space.names))
        raise StudyError(
            f"a warm start needs a study of the same hyperparameters, got {study.name!r} with {theirs}, where this space searches {ours}; "
            "name another study, or begin without"
        )
    chosen = list(best.values())[: max(FEWEST, math.ceil(SHARE * len(best)))]
    elites: dict[tuple[Value | None, ...], Elite] = {}
    duplicates: list[int] = []
    for trial in chosen:
        mapped = space.nearest({**(default or {}), **trial.configuration})
        if space.key(mapped) in elites:
            duplicates.append(trial.number)
            continue
        changes = _changes(trial.configuration, mapped, space)
        elites[space.key(mapped)] = Elite(configuration=mapped, trial=trial.number, changes=changes)
    return Elites(study=study.name, elites=tuple(elites.values()), duplicates=tuple(duplicates))


class WarmStarted:
    """A `Sampler`: trial n gets configuration n of the list, and behind its end what another sampler proposes that is not in it.

    The other sampler counts its own trials from 0; it hears of those that it proposed, those of the list among them that it came to by
    itself. Raises `SpaceError`, with the place in the list counted from 1, for a configuration outside the space or one given twice.
    """

    def __init__(self, space: Space, sampler: Sampler, configurations: Sequence[Configuration]) -> None:
        self._space, self._sampler = space, sampler
        self._first: list[dict[str, Value]] = []
        self._place: dict[tuple[Value | None, ...], int] = {}
        for place, configuration in enumerate(configurations):
            try:
                space.validate(configuration)
            except SpaceError as error:
                raise SpaceError(f"configuration {place + 1} of the warm start: {error}") from None
            if self._place.setdefault(space.key(configuration), place) != place:
                raise SpaceError(f"a warm start must hold each configuration once, got number {place + 1} before; drop it")
            self._first.append(space.nearest(configuration))
        self._begun = 0
        """Trials up to the last one asked for."""
        self._inner: dict[int, int] = {}
        """Trial number -> the number under which the other sampler knows it."""
        self._asked = 0
        self._heard: dict[int, list[tuple[int, float]]] = {}
        """What was heard of trials of the list that the other sampler does not know (yet)."""

    @property
    def sentences(self) -> list[str]:
        """What the other sampler said of its way, where it says anything."""
        return list(getattr(self._sampler, "sentences", ()))

    def propose(self, number: int) -> Configuration | None:
        """The configuration of trial `number`; None once every configuration of the space has been proposed."""
        self._begun = max(self._begun, number + 1)
        if number < len(self._first):
            return dict(self._first[number])
        while True:
            inner = self._asked
            proposal = self._sampler.propose(inner)
            if proposal is None:
                return None
            self._asked += 1
            place = self._place.get(self._space.key(proposal))
            if place is None:
                self._inner[number] = inner
                return proposal
            self._inner[place] = inner
            for epoch, value in self._heard.pop(place, ()):
                self._sampler.observe(inner, epoch, value)

    def observe(self, number: int, epoch: int, value: float) -> None:
        """Hand on what a trial came to, to the sampler that proposed it."""
        if number in self._inner:
            self._sampler.observe(self._inner[number], epoch, value)
        else:
            self._heard.setdefault(number, []).append((epoch, value))

    def edit(self, space: Space) -> None:
        """Leave out what of the rest of the list does not lie in this space, for the nearest to it was nobody's best; then as the sampler
        behind it, which may raise `SpaceError`.
        """
        self._sampler.edit(space)
        self._space = space
        rest = [configuration for configuration in self._first[self._begun :] if lies_in(space, configuration)]
        self._first = self._first[: self._begun] + rest
        self._place = {space.key(one): number for number, one in enumerate(self._first) if lies_in(space, one)}


def _changes(old: Configuration, new: Configuration, space: Space) -> tuple[str, ...]:
    """In the order of the names."""
    said: list[str] = []
    for name in sorted({*old, *new}):
        if name not in old:
            # What is fixed in the new space is the same in all its trials and was nobody's choice.
            if name in space.scales:
                said.append(f"{name} {print_short(new[name])} filled in")
        elif name not in new:
            said.append(f"{name} dropped")
        elif not same(old[name], new[name]):
            said.append(f"{name} {print_short(old[name])} -> {print_short(new[name])}")
    return tuple(said)
