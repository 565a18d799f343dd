"""Which of many trials or points are drawn: enough to see what there is, never so many that a page grows with the study.

Knows nothing of: Plotly, stores.
"""

from collections.abc import Sequence
from typing import TypeVar

from osetra.core import drawing
from osetra.core.records import Trial

MOST_CURVES = 60
"""Trials whose curves are drawn."""
MOST_POINTS = 2_000
"""Trials drawn as points."""
MOST_EPOCHS = 200
"""Points of one curve."""
BEST_OF_CURVES = 12

T = TypeVar("T")


def spread(items: Sequence[T], most: int) -> list[T]:
    """At most so many of them, evenly over their order, the first and the last among them; all where there are no more."""
    if len(items) <= most:
        return list(items)
    if most == 1:
        return [items[0]]
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


def curves_of(trials: Sequence[Trial], most: int = MOST_CURVES) -> list[Trial]:
    """Trials to draw the curves of, from all, best first: the best dozen, and others drawn by a fixed key."""
    return _sampled([trial for trial in trials if trial.epochs], min(BEST_OF_CURVES, most), most)


def points_of(trials: Sequence[Trial], most: int = MOST_POINTS) -> list[Trial]:
    """Trials to draw as points, from all, best first: as many of the best as make up a tenth, and others drawn by a fixed key."""
    return _sampled([trial for trial in trials if trial.dev_error is not None], most // 10, most)


def _sampled(trials: Sequence[Trial], ahead: int, most: int) -> list[Trial]:
    """As a store samples them, in the order given."""
    if len(trials) <= most:
        return list(trials)
    drawn = {trial.number for trial in sorted(trials[ahead:], key=lambda trial: drawing.key(trial.number))[: most - ahead]}
    return [*trials[:ahead], *(trial for trial in trials[ahead:] if trial.number in drawn)]


def median_place(count: int, of: int, most: int = MOST_POINTS) -> int:
    """Where the median of `of` lies among so many of them, best first, as `points_of` draws them."""
    if count >= of:
        return count // 2
    ahead = most // 10
    return min(count - 1, ahead + round((of / 2 - ahead) / (of - ahead) * (count - ahead)))


def thinned(points: Sequence[T], most: int = MOST_EPOCHS) -> list[T]:
    """A curve's points, evenly thinned."""
    return spread(points, most)


def drawn_in_words(drawn: int, of: int, what: str = "trials") -> str:
    """`60 of 2,000 trials drawn`; empty where all are."""
    return f"{drawn:,} of {of:,} {what} drawn" if drawn < of else ""
