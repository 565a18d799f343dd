"""Dev errors of trainings that nobody did: one draw of all the curves that agree with what the probe saw.

    y = f(x) + t g(x) + noise,   t = log4(epoch / first)

y: the logarithm of an error, counted from the probe's median after `first` epochs, in deviations; f, g: surfaces drawn from what networks
on tables have in common and the probe's errors (see `drawn_surfaces`). Epochs that the probe trained are no guess: the search begins with
the same trials. A trial that has trained for its patience ends early as often as the probe's did.
Knows nothing of: time, what a search does with errors.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from osetra.core.records import Configuration, TrialState
from osetra.core.seeding import Seed
from osetra.space.space import Space
from osetra.study.drawn_surfaces import FORGETS, NOISE, DrawnSurfaces
from osetra.study.probe_cost import ProbedTrial

FEWEST_TRIALS = 5
"""Fewer of the probe, or none that learned anything, give no scale to count errors in."""
MOST_OBSERVED = 120
"""Trials of the probe that the draw is made to agree with, evenly among all of them."""
WORST = 3.0
"""Deviations above the median; how much worse a configuration did tells nothing about others."""
DECILE = 1.2816
"""Deviations of a normal distribution from its median to its tenth part."""
TINY, LEAST_DEVIATION = 1e-12, 1e-3
SOME_ENDS, SOME_SHARE = 0.2, 0.6
"""Early ends that count as seen, in this share of the epochs that a trial may have beyond its patience."""


class GuessedErrors:
    """One draw. `last`: epochs of a full training; patience as a study's, None: no trial ends early."""

    def __init__(self, space: Space, trials: Sequence[ProbedTrial], *, seed: Seed, last: int = 1, patience: int | None = None) -> None:
        self._space, self._generator = space, seed.generator("guess")
        # Where the ladder of the default search begins.
        self._first = first = max(1, round(last / 25))
        self._last, self._patience = last, patience
        self._known = {trial.number: trial for trial in trials}
        seen = [trial for trial in trials if trial.has_learned and len(trial.curve) >= first]
        self._scale = _Scale.of([trial.curve[first - 1] for trial in seen]) if len(seen) >= FEWEST_TRIALS else None
        self._surfaces = DrawnSurfaces(space.names, self._generator)
        if self._scale is not None:
            self._agree(seen)
        self._end_rate = self._draw_end_rate(trials)
        self._guesses: dict[int, _Guess] = {}

    def of(self, number: int, configuration: Configuration, epoch: int) -> float:
        """Of a trial after so many epochs, in deviations; infinite where the probe saw it diverge. Asked for in rising order of epochs."""
        known = self._known_of(number, configuration)
        if known is not None and self._scale is not None and epoch <= len(known.curve):
            return self._scale.of_error(known.curve[epoch - 1])
        if number not in self._guesses:
            self._guesses[number] = self._begin(configuration, known, epoch)
        guess = self._guesses[number]
        # Noise that forgets: an Ornstein-Uhlenbeck process in t.
        kept = math.exp(-math.log(epoch / guess.epoch, 4) / FORGETS)
        guess.noise = kept * guess.noise + math.sqrt(1 - kept * kept) * NOISE * float(self._generator.standard_normal())
        guess.epoch = epoch
        return guess.level + self._time(epoch) * guess.slope + guess.noise

    def ends(self, number: int, configuration: Configuration) -> float:
        """The epoch after which a trial is over, no better for its patience; infinite if it is not. Asked for once a trial."""
        known = self._known_of(number, configuration)
        if known is not None and known.state is TrialState.FINISHED:
            return len(known.curve)
        if self._patience is None or not self._end_rate:
            return math.inf
        begun = max(self._patience, 0 if known is None else len(known.curve))
        return begun + math.ceil(self._generator.exponential() / self._end_rate)

    def _known_of(self, number: int, configuration: Configuration) -> ProbedTrial | None:
        known = self._known.get(number)
        return known if known is not None and dict(known.configuration) == dict(configuration) else None

    def _begin(self, configuration: Configuration, known: ProbedTrial | None, epoch: int) -> "_Guess":
        level, slope = self._surfaces.at(self._space.encode(configuration))
        if known is None or self._scale is None or not known.has_learned:
            return _Guess(level, slope, NOISE * float(self._generator.standard_normal()), epoch)
        reached = len(known.curve)
        noise = self._scale.of_error(known.curve[-1]) - level - self._time(reached) * slope
        return _Guess(level, slope, noise, reached)

    def _time(self, epoch: int) -> float:
        return math.log(epoch / self._first, 4)

    def _agree(self, seen: Sequence[ProbedTrial]) -> None:
        """Have the draw agree with the curves, at epochs that double and at their ends."""
        assert self._scale is not None
        chosen = [seen[round(place)] for place in np.linspace(0, len(seen) - 1, min(len(seen), MOST_OBSERVED))]
        points, times, scores, numbers = [], [], [], []
        for trial in chosen:
            place, reached = self._space.encode(trial.configuration), len(trial.curve)
            doubling = {self._first * 2**power for power in range(1 + int(math.log2(reached / self._first)))}
            for epoch in sorted(doubling | {reached}):
                points.append(place)
                times.append(self._time(epoch))
                scores.append(min(WORST, self._scale.of_error(trial.curve[epoch - 1])))
                numbers.append(trial.number)
        time, number = np.array(times), np.array(numbers)
        noise = NOISE**2 * np.exp(-np.abs(time[:, None] - time) / FORGETS) * (number[:, None] == number)
        self._surfaces.agree(np.array(points), time, np.array(scores), noise)

    def _draw_end_rate(self, trials: Sequence[ProbedTrial]) -> float:
        """Early ends for an epoch beyond the patience: a draw of what the probe's trials leave possible."""
        if self._patience is None or self._last <= self._patience:
            return 0.0
        ends = sum(trial.state is TrialState.FINISHED and len(trial.curve) < self._last for trial in trials)
        beyond = sum(max(0, len(trial.curve) - self._patience) for trial in trials)
        return float(self._generator.gamma(SOME_ENDS + ends) / (SOME_SHARE * (self._last - self._patience) + beyond))


@dataclass(slots=True)
class _Guess:
    level: float
    """f."""
    slope: float
    """g."""
    noise: float
    """After `epoch`."""
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """Deviations above the median are counted apart from those below: the bad are much worse than the good are good."""

    median: float
    below: float
    above: float

    @staticmethod
    def of(errors: Sequence[float]) -> "_Scale":
        low, median, high = np.quantile(np.log(np.maximum(errors, TINY)), [0.1, 0.5, 0.9])
        below = max((median - low) / DECILE, LEAST_DEVIATION)
        return _Scale(median=float(median), below=float(below), above=float(max((high - median) / DECILE, below)))

    def of_error(self, error: float) -> float:
        """An error in deviations; infinite for none."""
        if not math.isfinite(error):
            return math.inf
        off = math.log(max(error, TINY)) - self.median
        return off / (self.below if off < 0 else self.above)
