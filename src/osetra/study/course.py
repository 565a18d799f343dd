"""A long search from the rehearsal of a short one: what the search comes to is multiplied, the finals, which have a largest size, are not.

Knows nothing of: how a search is rehearsed, what a plan says.
"""

import math
from dataclasses import dataclass, replace

from osetra.search.finals import MOST_FINALISTS, REPEATS, reserved
from osetra.study.budget import Budget
from osetra.study.phases import FEWEST_FINALISTS
from osetra.study.rehearse import Rehearsal, reached
from osetra.study.setting import Setting


def shortened(budget: Budget, setting: Setting, *, setup_s: float, epoch_s: float, most_epochs: int) -> tuple[Budget, Setting, float]:
    """A budget of about `most_epochs` at most, the setting for it, and by what the given one is larger."""
    last = setting.epochs_per_trial
    expected = min(
        math.inf if budget.seconds is None else max(0.0, budget.seconds - setup_s) * setting.workers / epoch_s,
        math.inf if budget.epochs is None else budget.epochs,
        math.inf if budget.trials is None else budget.trials * last,
    )
    factor = max(1.0, expected / most_epochs)
    if factor == 1.0:
        return budget, setting, factor
    short = Budget(
        seconds=None if budget.seconds is None else setup_s + (budget.seconds - setup_s) / factor,
        trials=None if budget.trials is None else max(1, round(budget.trials / factor)),
        epochs=None if budget.epochs is None else max(last, round(budget.epochs / factor)),
    )
    final_epochs = reserved(short.epochs, last=last) if setting.finals and short.epochs is not None else 0
    return short, replace(setting, final_epochs=final_epochs), factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a study comes to."""

    epochs: int
    seconds: float
    trials: int
    finals: int
    reached: tuple[tuple[int, int], ...]
    waiting_bytes: float

    @staticmethod
    def of(played: Rehearsal, setting: Setting, budget: Budget, *, setup_s: float, factor: float) -> "Course":
        """Of a rehearsal; `factor`: by what the study's budget is larger than that of the rehearsal."""
        if factor == 1:
            return Course(
                epochs=played.epochs, seconds=played.seconds, trials=len(played.lengths), finals=played.finals, reached=played.reached,
                waiting_bytes=played.waiting_bytes,
            )  # fmt: skip
        lengths, finals = played.searched_lengths, 0
        epochs, seconds = round(factor * sum(lengths)), factor * played.searched_s
        if budget.seconds is not None and played.best_epoch_s:
            finals, more, more_s = _end(setting, budget.seconds, setup_s=setup_s, searched_s=seconds, played=played)
            epochs, seconds = epochs + more, seconds + more_s
        elif budget.epochs is not None:
            finals = setting.final_epochs // setting.epochs_per_trial
            seconds, epochs = budget.epochs * seconds / max(1, epochs), budget.epochs
        rungs = tuple((rung, round(factor * count) + finals) for rung, count in reached(played.rungs, lengths))
        return Course(
            # Not those that were on their way to the first rung when the shortened search ended: the longer one has no more of them.
            epochs=epochs, seconds=seconds, trials=rungs[0][1] if rungs else len(lengths), finals=finals, reached=rungs,
            waiting_bytes=factor * played.waiting_bytes,
        )  # fmt: skip


def _end(setting: Setting, budget_s: float, *, setup_s: float, searched_s: float, played: Rehearsal) -> tuple[int, int, float]:
    """What follows the search in a budget in seconds: (trials of the finals, epochs, seconds)."""
    left, epoch_s = max(0.0, budget_s - setup_s - searched_s), played.best_epoch_s
    affordable = left * setting.workers / epoch_s
    finalists = min(MOST_FINALISTS, int(affordable / setting.epochs_per_trial / REPEATS)) if setting.finals else 0
    if finalists < FEWEST_FINALISTS:
        return 0, int(affordable), left
    epochs = round(finalists * REPEATS * played.end_epochs)
    return finalists * REPEATS, epochs, epochs * epoch_s / setting.workers
