"""Finals: the best of a search train anew with fresh seeds, since the best of many is partly the luckiest.

    mean* = grand + (1 - B) (mean - grand),   B = (k - 3)/(k - 1) min(1, (k - 1) v / S),   S = sum (mean - grand)^2

k finalists, v the variance of one mean (pooled within finalists). Fewer than four are not shrunk. Intervals: Student's t on
v (1 - (k - 1)/k B) + 2/(k - 3) B^2 (mean - grand)^2.
Source: James & Stein 1961 in the empirical-Bayes form of Morris 1983, JASA 78(381), sections 1 and 5.
Knows nothing of: how the finalists were found, training.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from osetra.core.errors import StudyError
from osetra.core.ports import Job
from osetra.core.records import Configuration, TrialState
from osetra.space.space import Space

MOST_FINALISTS = 8
REPEATS = 3
MOST_OF_BUDGET = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalist:
    """How a configuration did in the finals."""

    trial: int
    """The trial of the search that brought it here."""
    configuration: Configuration
    errors: tuple[float, ...]
    """The best dev error of each fresh seed, in the order in which they were begun."""
    mean: float
    shrunk: float
    """The mean, moved toward that of all finalists; by this they are ranked."""
    low: float
    high: float
    """95 % interval around `shrunk`."""


def count_finalists(budget: int, *, last: int) -> int:
    """How many finalists a budget in epochs pays for at their true cost (3 seeds, `last` epochs each) within a fifth: 0, or 2 to 8."""
    count = min(MOST_FINALISTS, int(MOST_OF_BUDGET * budget / (REPEATS * last)))
    return count if count >= 2 else 0


def reserved(budget: int, *, last: int) -> int:
    """Epochs to set aside for the finals before the search begins."""
    return count_finalists(budget, last=last) * REPEATS * last


class Finals:
    """A `Search` that trains each finalist `repeats` times to the last epoch, the first seed of all before the second of any.

    finalists: configurations by the number of the trial that found them, best first. first_number: of the first trial of the finals; seeds
    follow from numbers, so these are fresh. Raises `StudyError` without finalists and for bounds below 1.
    """

    def __init__(self, finalists: Mapping[int, Configuration], *, last: int, first_number: int, repeats: int = REPEATS) -> None:
        if not finalists:
            raise StudyError("finals need at least one finalist, got none; run a search first")
        for name, value in (("last", last), ("repeats", repeats)):
            if value < 1:
                raise StudyError(f"{name} must be a whole number >= 1, got {value}")
        self._finalists = dict(finalists)
        self._errors: dict[int, dict[int, float]] = {trial: {} for trial in finalists}
        self.sources = {first_number + place: trial for place, trial in enumerate([*finalists] * repeats)}
        """The finalist of each trial of the finals, by their numbers."""
        self._waiting = deque(self.sources)
        self._last = last

    def ask(self) -> Job | None:
        if not self._waiting:
            return None
        number = self._waiting.popleft()
        return Job(trial=number, configuration=self._finalists[self.sources[number]], start=0, until=self._last)

    def tell(self, job: Job, values: Sequence[float], state: TrialState) -> None:
        is_good = state.can_win and len(values) > 0 and not any(math.isnan(value) for value in values)
        self._errors[self.sources[job.trial]][job.trial] = min(values) if is_good else math.inf

    def edit(self, space: Space) -> None:
        """Does nothing: the finalists are what the search has found."""

    def results(self) -> list[Finalist]:
        """Finalists best first; one of whose seeds diverged or failed, or that has no result yet, is not among them."""
        held = {trial: [errors[number] for number in sorted(errors)] for trial, errors in self._errors.items()}
        good = [trial for trial, errors in held.items() if errors and max(errors) < math.inf]
        if not good:
            return []
        means = np.array([np.mean(held[trial]) for trial in good])
        freedom = sum(len(held[trial]) - 1 for trial in good)
        within = sum(float(((np.array(held[trial]) - mean) ** 2).sum()) for trial, mean in zip(good, means, strict=True))
        repeats = np.mean([len(held[trial]) for trial in good])
        variance = within / freedom / float(repeats) if freedom else 0.0
        shrunk, deviation = shrink(means, variance)
        reach = deviation * _student(freedom) if freedom else np.full(len(good), math.inf)
        found = [
            Finalist(
                trial=trial,
                configuration=self._finalists[trial],
                errors=tuple(held[trial]),
                mean=float(means[place]),
                shrunk=float(shrunk[place]),
                low=float(shrunk[place] - reach[place]),
                high=float(shrunk[place] + reach[place]),
            )
            for place, trial in enumerate(good)
        ]
        return sorted(found, key=lambda finalist: (finalist.shrunk, finalist.trial))


def shrink(means: np.ndarray, variance: float) -> tuple[np.ndarray, np.ndarray]:
    """Means [k], each of that variance, moved toward their own mean; and the standard deviations [k] of what comes out."""
    k = len(means)
    offsets = means - means.mean()
    spread = float((offsets**2).sum())
    if k < 4 or spread == 0:
        return means, np.full(k, math.sqrt(variance))
    B = (k - 3) / (k - 1) * min(1.0, (k - 1) * variance / spread)
    uncertain = variance * (1 - (k - 1) / k * B) + 2 / (k - 3) * B**2 * offsets**2
    return means - B * offsets, np.sqrt(uncertain)


def _student(freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, freedom))
