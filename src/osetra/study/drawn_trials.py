"""The trials that figures are drawn from: all of few, a sample of many, and what is counted over all of them.

A store draws and counts by itself, so what is read does not grow with the study.
Knows nothing of: figures.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from osetra.core.direction import as_given, maximizes, turned
from osetra.core.errors import StudyError
from osetra.core.ports import Level
from osetra.core.records import Trial
from osetra.report.figures.sample import BEST_OF_CURVES, MOST_CURVES, MOST_POINTS, curves_of

if TYPE_CHECKING:
    from osetra.study.handle import Study


def best_of(study: "Study") -> Trial | None:
    """The best trial; None where none has come to a result."""
    try:
        return study.best
    except StudyError:
        return None


def sample_of(study: "Study") -> list[Trial]:
    """Trials with a result, best first, or a sample of so many."""
    sample, best = study.sample(best=MOST_POINTS // 10, drawn=MOST_POINTS - MOST_POINTS // 10, is_scored=True), best_of(study)
    return best_first(best if best is not None and best.dev_error is not None else None, sample)[:MOST_POINTS]


def curved(study: "Study", best: Trial | None) -> list[Trial]:
    """Trials whose curves are drawn, of however many."""
    return best_first(best, curves_of(study.sample(best=BEST_OF_CURVES, drawn=MOST_CURVES)))[:MOST_CURVES]


def leaders_of(study: "Study") -> list[Trial]:
    """Of all trials those that were the best when they began, by number."""
    return [as_given(study.record, trial) for trial in study.store.leaders(study.name)]


def levels_of(study: "Study") -> list[Level]:
    """How far all trials came; `best` is the one that wins, as it was given."""
    maximize = maximizes(study.record)
    return [
        level if level.best is None else replace(level, best=turned(level.best, maximize=maximize))
        for level in study.store.levels(study.name)
    ]


def rungs_of(study: "Study") -> list[int]:
    """Epochs at which trials went on after they had waited."""
    return [epoch for epoch in study.store.event_epochs(study.name, "promoted") if epoch]


def best_first(best: Trial | None, trials: Sequence[Trial]) -> list[Trial]:
    """The trials, before all others the study's own best, which finals with fresh seeds may have chosen."""
    others = [trial for trial in trials if best is None or trial.number != best.number]
    return others if best is None else [best, *others]
