"""Who is ahead of whom among trials that were trained unequally far.

    level    epochs at which several trials were left behind; above the last one stand those that finished
    order    the trial that came further is ahead, for where the other was left behind it was taken on;
             on one level the lower dev error is; those that diverged are last, all alike

So no two trials are compared at different epochs: it is the order of a ladder, and in a study without one, where all finish, that of
dev errors. What it takes on trust is the promotion itself: a trial promoted at random counts as promoted.
Knows nothing of: what the configurations are.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from osetra.core.records import Trial, TrialState

LEAST_LEFT = 3
LEAST_SHARE_LEFT = 0.02
"""So many trials, and such a share of all, were left behind at a level; fewer were cut off by the end of a budget, say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Trials from the best to the worst."""

    trials: tuple[Trial, ...]
    places: np.ndarray
    """int64 [trials], rising from 0; equal for trials that nothing tells apart."""
    levels: tuple[int, ...]
    """Epochs, rising."""


def in_order(trials: Sequence[Trial]) -> Order:
    """Those that ended, or wait, with a dev error, and those that diverged.

    Left out: trials that train, failed, or were cut off before the first level.
    """
    able = [trial for trial in trials if _counts(trial)]
    left = Counter(trial.epochs for trial in able if trial.state in (TrialState.STOPPED, TrialState.PAUSED))
    least = max(LEAST_LEFT, LEAST_SHARE_LEFT * len(able))
    levels = tuple(sorted(epochs for epochs, count in left.items() if count >= least))
    bounds = np.array(levels)
    keyed: list[tuple[int, float, int, Trial]] = []
    for trial in able:
        if trial.state is TrialState.DIVERGED or trial.dev_error is None:
            keyed.append((1, 0.0, trial.number, trial))
            continue
        finished = trial.state is TrialState.FINISHED
        level = len(levels) if finished else int(np.searchsorted(bounds, trial.epochs, side="right")) - 1
        if level >= 0:
            keyed.append((-level, trial.dev_error, trial.number, trial))
    keyed.sort(key=lambda key: key[:3])
    changes = [before[:2] != after[:2] for before, after in pairwise(keyed)]
    return Order(
        trials=tuple(trial for *_, trial in keyed),
        places=np.concatenate([[0], np.cumsum(changes)]).astype(np.int64)[: len(keyed)],
        levels=levels,
    )


def _counts(trial: Trial) -> bool:
    if trial.state is TrialState.DIVERGED:
        return True
    return trial.dev_error is not None and trial.state in (TrialState.FINISHED, TrialState.STOPPED, TrialState.PAUSED)
