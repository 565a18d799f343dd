"""From a verdict to the next search, and whether it helped.

    diagnose -> the actions of the first gap that can be carried out -> the next space -> a new study -> the gap again

First bias, then variance. Of a gap, the actions that are most likely to close it go together, and only if they do not, the others:

    high bias      bigger network and longer training; then a better optimiser and another architecture
    high variance  stronger l2 or dropout, augmentation and early stopping; then a smaller network

What keeps training itself from going well is mended in the same study. Ranges whose end was reached are widened with the second of the
two; where no gap is high, they and what is wrong with training are all there is to do. The new study splits and prepares its data as the
old one, begins with the old one's best configurations, and has its budget. The old study stays as it is.
Knows nothing of: terminals.
"""

import re
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osetra.core.errors import ModelError, SpaceError, StudyError
from osetra.core.ports import Progress, Store
from osetra.core.records import StudyState
from osetra.diagnosis.actions import Action, next_space
from osetra.diagnosis.bias_variance import Gap
from osetra.diagnosis.change import Change, Difference, compare, paired
from osetra.diagnosis.intervals import Measured
from osetra.space.conditions import When
from osetra.space.counted import LogInteger, PowersOfTwo
from osetra.space.scales import make_scale
from osetra.space.words import print_scale
from osetra.study.beginning import Silence
from osetra.study.budget import Budget
from osetra.study.budget import seconds as parse_seconds

if TYPE_CHECKING:
    from osetra.space.space import Space
    from osetra.study.diagnose import Diagnosis
    from osetra.study.handle import Study
    from osetra.study.table import PreparedTable

STEPS = {
    "avoidable bias": (("bigger network", "longer training"), ("better optimiser", "another architecture")),
    "variance": (("more l2 or dropout", "augmentation", "early stopping"), ("smaller network",)),
}
"""Of each gap, the actions that go together, the most likely to help first."""
FRUITLESS = 2
"""Rounds without a gain after which a gap is left alone."""
DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """One round: what was done, and what came of it."""

    before: "Study"
    after: "Study"
    actions: tuple[Action, ...]
    change: Change
    better: "Study"
    """The one of the two to go on with: the later one only where it is a gain."""

    @property
    def sentence(self) -> str:
        """What became of gap and dev error, and which study is the better one."""
        told = f"the old study, {self.before.name}, stays the better one"
        if self.better is self.after:
            what = "is the better one" if self.change.dev.is_better else "is the one to go on with"
            told = f"the new study, {self.after.name}, {what}"
        return f"{self.change.sentence}; {told}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, as the new study's facts keep it under `applied`."""
        return {
            "from": self.before.name,
            "study": self.after.name,
            "actions": [action.to_dict() for action in self.actions],
            **self.change.to_dict(),
            "better": self.better.name,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Rounds, one after the other."""

    rounds: tuple[Applied, ...]
    best: "Study"
    ended: str
    """Why there were no more, in words."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {"rounds": [one.to_dict() for one in self.rounds], "best": self.best.name, "ended": self.ended}


def apply(
    study: "Study",
    *,
    base_error: float | None = None,
    data: Any = None,
    y: Any = None,
    budget: float | str | None = None,
    store: str | Path | Store | None = None,
    models: str | Path | None = None,
    progress: Progress | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Applied:
    """Run the next search that the verdict on a study asks for, and say whether the gap shrank.

    base_error: as in `Study.diagnose`; bias before and after is measured against the same. data, y: the study's data, as in `fit`; None
    reads them where they were. budget: seconds or a text; None: the study's own. store: None: the study's. models: folder for the new
    model; None: beside the old one, if that was saved. The new study is named like the old one with -next behind it, and keeps in
    `facts["applied"]` what was done and what came of it.

    Raises StudyError where there is nothing that options of `fit` carry out, for data that are not the study's, and what `fit` raises.
    """
    seconds = None if budget is None else Budget(seconds=parse_seconds(budget)).seconds
    found = study.diagnose(base_error)
    chosen = choose(found, ())
    if chosen is None:
        rest = "; ".join(action.sentence for action in found.actions)
        told = f"by hand: {rest}" if rest else "nothing stands out"
        raise StudyError(f"the next search needs an action that a search can carry out, got none ({found.sentence}); {told}")
    rounds = _Rounds(study, data=data, y=y, store=store, models=models, progress=progress, interrupted=interrupted)
    return rounds.run(study, found, chosen, seconds=seconds)


def until(
    study: "Study",
    total: float | str = DONE,
    *,
    base_error: float | None = None,
    data: Any = None,
    y: Any = None,
    budget: float | str | None = None,
    store: str | Path | Store | None = None,
    models: str | Path | None = None,
    progress: Progress | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Series:
    """Apply again and again, each time to the better study: first bias, then variance.

    total: `done`, or seconds or a text such as 10m for all rounds together. It ends when no gap is high, when a gap's actions brought
    nothing in 2 rounds (then the next gap's, if that is high), when the total is spent, when a later round comes to nothing, or when
    `interrupted` says so. The rest as `apply`.
    """
    limit = None if total == DONE else Budget(seconds=parse_seconds(total)).seconds
    each = None if budget is None else Budget(seconds=parse_seconds(budget)).seconds
    deadline = None if limit is None else time.monotonic() + limit
    done: list[Applied] = []
    failed: set[tuple[str, int]] = set()
    best = study
    rounds = _Rounds(study, data=data, y=y, store=store, models=models, progress=progress, interrupted=interrupted)
    while True:
        found = best.diagnose(base_error)
        chosen = choose(found, failed, gaps_only=True)
        if chosen is None:
            ended = _why_no_more(found, bool(failed))
            break
        usual = each or best.facts["budget"]["seconds"]
        left = None if deadline is None else deadline - time.monotonic()
        # A round of less than half its time would be held against the actions.
        if left is not None and left < max(1.0, (usual or 0.0) / 2):
            ended = f"of the time for all rounds {max(0.0, left):.0f} s are left, too few for another"
            break
        try:
            one = rounds.run(best, found, chosen, seconds=usual if left is None else min(left, usual or left))
        except StudyError as error:
            # What the rounds before came to is not lost with this one.
            if not done:
                raise
            ended = "interrupted" if interrupted() else f"a round came to nothing: {error}"
            break
        done.append(one)
        if one.change.is_gain:
            failed.clear()
        elif chosen.gap is not None:
            failed.add((chosen.gap.name, chosen.step))
        rounds.notice(f"{one.sentence}.")
        best = one.better
        if interrupted() or one.after.record.state is StudyState.STOPPED:
            ended = "interrupted"
            break
    return Series(rounds=tuple(done), best=best, ended=ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What one round works on."""

    gap: Gap | None
    """None where no gap is high."""
    actions: tuple[Action, ...]
    step: int
    """Which of the gap's `STEPS`."""


def choose(found: "Diagnosis", failed: Collection[tuple[str, int]], *, gaps_only: bool = False) -> Choice | None:
    """The first gap that something is left to do about, and that; None where there is nothing that a search carries out.

    failed: gaps and steps that brought nothing. gaps_only: nothing where no gap is high.
    """
    able = {action.name: action for action in found.actions if action.can_be_typed}
    in_steps = {name for steps in STEPS.values() for step in steps for name in step}
    wider = [action for name, action in able.items() if name.startswith("wider range")]
    health = [action for name, action in able.items() if name not in in_steps and action not in wider]
    judged = found.gaps
    high = [] if judged is None else [judged.gaps[place] for place, has in ((0, judged.has_bias), (1, judged.has_variance)) if has]
    for gap in high:
        if sum(name == gap.name for name, _ in failed) >= FRUITLESS:
            continue
        for step, names in enumerate(STEPS[gap.name]):
            actions = [*(wider if step else ()), *(able[name] for name in names if name in able)]
            if actions and (gap.name, step) not in failed:
                return Choice(gap=gap, actions=tuple(map(_bigger_than_the_best, (*health, *actions))), step=step)
    if high or gaps_only or not able:
        return None
    return Choice(gap=None, actions=tuple(able.values()), step=0)


def _bigger_than_the_best(action: Action) -> Action:
    """Bigger networks without the best one's size: what that comes to is known, and a warm start would spend its trials there."""
    entry = action.edits.get("hidden_units")
    scale = entry.entry if isinstance(entry, When) else entry
    if action.name != "bigger network" or not isinstance(scale, PowersOfTwo | LogInteger) or 2 * scale.low > scale.high:
        return action
    larger = make_scale(scale.kind, (2 * scale.low, scale.high))
    kept = When(entry=larger, conditions=entry.conditions) if isinstance(entry, When) else larger
    return replace(action, edits={**action.edits, "hidden_units": kept})


def next_space_of(space: "Space", actions: Sequence[Action]) -> "Space":
    """The space with the edits of all the actions, later ones over earlier ones."""
    for action in actions:
        if action.edits:
            space = next_space(space, action)
    return space


def writable(study: "Study") -> Store:
    """The study's store, open for writing. Raises StoreError for one that cannot be written."""
    if study.place is None:
        return study.store
    from osetra.store.sql import open_store

    return open_store(study.place, create=False)


class _Rounds:
    """What all rounds share: the data, the store, who is told."""

    def __init__(
        self, study: "Study", *, data: Any, y: Any, store: str | Path | Store | None, models: str | Path | None, progress: Progress | None,
        interrupted: Callable[[], bool],
    ) -> None:  # fmt: skip
        from osetra.store.sql import open_store
        from osetra.study.asked import data_of, reopen

        self._progress, self._interrupted = progress or Silence(), interrupted
        self._table: PreparedTable = reopen(study, data, y=y)
        self._data, self._y = data_of(study) if data is None else data, y
        self._store = writable(study) if store is None else open_store(store) if isinstance(store, str | Path) else store
        kept = study.facts.get("model")
        self._models = models if models is not None or kept is None else Path(kept).parent

    def notice(self, text: str) -> None:
        """A sentence for the person watching."""
        self._progress.notice(text)

    def run(self, study: "Study", found: "Diagnosis", chosen: Choice, *, seconds: float | None) -> Applied:
        """Fit the next study and compare. seconds: None: as many as the study's."""
        from osetra.study.asked import options_of
        from osetra.study.fit import fit

        space, options, asked = next_space_of(study.space, chosen.actions), options_of(study), study.facts["budget"]
        for action in chosen.actions:
            options |= action.options
        options["warm_start"] = self._warm_start(study, space)
        name, seconds = self._free_name(study.name), seconds or asked["seconds"]
        self._tell(found, chosen.actions, name, seconds)
        after = fit(
            self._data, y=self._y, budget=seconds, trials=asked["trials"], epochs=asked["epochs"], space=space.entries(), study=name,
            store=self._store, seed=study.record.seed, models=self._models, progress=self._progress, interrupted=self._interrupted,
            **options,
        )  # fmt: skip
        change = self._change(study, after, found, chosen.gap)
        applied = Applied(before=study, after=after, actions=chosen.actions, change=change, better=after if change.is_gain else study)
        after.record = replace(after.record, facts={**after.record.facts, "applied": applied.to_dict()})
        self._store.update_study(after.record)
        return applied

    def _change(self, before: "Study", after: "Study", found: "Diagnosis", gap: Gap | None) -> Change:
        """Of the gap, bias above the same base error, and of the dev error."""
        judged = training = None
        if gap is not None and found.gaps is not None:
            # Without errors that can be compared, after Ctrl-C for example, what became of the gap is not known.
            with suppress(StudyError):
                judged = after.diagnose(found.gaps.base_error if gap is found.gaps.gaps[0] else None).gaps
            # Of an ensemble, gaps are those of its best network, and its dev error is not.
            if judged is not None and not any(study.facts.get("single") for study in (before, after)):
                training = found.gaps.errors["training"], judged.errors["training"]
        return compare(
            gap, None if judged is None or gap is None else judged.gap(gap.name), dev_before=_measured(before), dev_after=_measured(after),
            dev=self._dev(before, after), error_name=before.record.error_name, training=training,
        )  # fmt: skip

    def _warm_start(self, study: "Study", space: "Space") -> str | None:
        """The old study, if its configurations mean something in the new space and it lies in the store of the new one."""
        from osetra.search.warm_start import elites_of

        try:
            elites_of(self._store.study(study.name), study.trials(), space)
        except (StudyError, SpaceError):
            return None
        return study.name

    def _free_name(self, name: str) -> str:
        stem = re.sub(r"-next(-\d+)?$", "", name) + "-next"
        taken = {summary.study.name for summary in self._store.studies()}
        number = 1
        while True:
            free = stem if number == 1 else f"{stem}-{number}"
            if free not in taken and (self._models is None or not (Path(self._models) / free).exists()):
                return free
            number += 1

    def _tell(self, found: "Diagnosis", actions: Sequence[Action], name: str, seconds: float | None) -> None:
        self._progress.notice(f"{found.sentence}.")
        for action in actions:
            edits = [f"{key} {print_scale(entry)}" for key, entry in action.edits.items()]
            numbers = [f"{key} {number}" for key, number in action.options.items()]
            self._progress.notice(f"To do: {action.name} ({', '.join([*edits, *numbers])}).")
        within = "" if seconds is None else f", {seconds:g} s"
        self._progress.notice(f"Study {name}{within}:")

    def _dev(self, before: "Study", after: "Study") -> Difference | None:
        """Of the same dev rows; None where they are not the same, or a model was not kept."""
        one, other = before.facts["split"], after.facts["split"]
        if one["dev"] != other["dev"] or one["test"] != other["test"]:
            return None
        table, rows = self._table, self._table.split.dev
        weights = None if table.weights is None else table.weights[rows]
        try:
            errors = [study.model.row_errors(table.dataset.table(rows))[0] for study in (before, after)]
        except (StudyError, ModelError):
            return None
        return paired(errors[0], errors[1], is_rate=before.record.error_name == "error rate", weights=weights)


def _measured(study: "Study") -> Measured:
    known = study.facts["dev"]
    return Measured(value=known["value"], low=known["low"], high=known["high"], rows=known["rows"])


def _why_no_more(found: "Diagnosis", has_failed: bool) -> str:
    if found.gaps is None:
        return "the errors cannot be compared"
    if not (found.gaps.has_bias or found.gaps.has_variance):
        return "neither bias nor variance is high"
    return "what a search can do about the gap brought nothing more" if has_failed else "what is left to do is done by hand"
