"""Waves up a ladder: the default search.

    ladder   rungs R/25, R/25 * 4 .. R epochs; each rung gets an equal share of the budget
    waves    2 to 12 of them (0.4 B/R), each a share of every rung: new trials begin, then from rung to rung the best go on
    zoom     the first wave is a Sobol sequence with the default configuration first; later ones follow a surface fitted to all results

Whoever goes on is chosen among all who ever stood on the rung, by the best error so far. No barrier: a promotion takes the best of those
who are there.
Guards: one promotion in twenty is a random control; a rung whose order says nothing about the next (Kendall's tau, upper 90 % bound
under 0.2) is left out from then on; where zoom wins fewer promotions an epoch than Sobol does, Sobol's share doubles.
What is left at the end trains the best on. With a budget under four full trainings trial 0 goes straight to the last epoch, and half of
what then remains is kept for the end.
Source: the ladder after Li et al. 2020 (arXiv:1810.05934) and Li et al. 2018 (JMLR 18(185)); the zoom is Bayesian optimisation as in
Falkner et al. 2018 (arXiv:1807.01774), where a Gaussian process chooses among what a density proposes.
Knows nothing of: training, the clock, the store.
"""

import heapq
import math
from collections.abc import Sequence

from osetra.core.ports import Job
from osetra.core.records import Configuration, TrialState
from osetra.core.seeding import Seed
from osetra.search.ladder import Climbers, make_rungs
from osetra.search.zoom import EXPLORE, ZoomSampler
from osetra.space.space import Space

ETA = 4.0
FEWEST_WAVES, MOST_WAVES = 2, 12
WAVES_PER_TRAINING = 0.4
CONTROLS = 0.05
"""Share of promotions that are drawn from those left behind."""
PAIRS_KEPT = 64
FEWEST_PAIRS = 12
NORMAL_90 = 1.2816
LEAST_AGREEMENT = 0.2


class Waves:
    """A `Search`.

    last: epochs of a full training. budget: epochs of all trials together; None: another bound ends the study, waves of 2.5 full
    trainings follow one another. trials: how many may begin. first: what trial 0 gets, such as the default configuration; then: what the
    trials after it get. Raises `SpaceError` if one of them does not lie in the space, `StudyError` for bounds below 1.
    """

    def __init__(
        self,
        space: Space,
        *,
        seed: int,
        last: int,
        budget: int | None = None,
        trials: int | None = None,
        first: Configuration | None = None,
        then: Sequence[Configuration] = (),
    ) -> None:
        ladder = budget
        rungs = make_rungs(last=last, eta=ETA, first=max(1, round(last / 25)))
        self._is_small = budget is not None and budget < 4 * last
        if budget is not None and self._is_small:
            ladder = max(1, (budget - last) // 2)
            rungs = tuple(rung for rung in rungs if rung <= ladder // 2) or rungs[:1]
        self.rungs = rungs
        """Epochs at which trials are compared."""
        self._last = last
        self.waves = _count_waves(ladder, last)
        """How many waves the budget is spent in; infinitely many without a budget."""
        self._share = (2.5 * last if ladder is None else ladder / self.waves) / len(rungs)
        start = max(5, math.ceil(self._share / rungs[0]))
        self._sampler = ZoomSampler(space, seed=seed, first=first, then=then, start=start)
        self._climbers = Climbers(self._sampler, budget=budget, trials=trials)
        self._generator = Seed(study=seed).generator("waves")
        self._standing: list[list[tuple[float, int]]] = [[] for _ in rungs]
        self._spent = [0] * len(rungs)
        self._lowest = self._rung = 0
        self.wave = 0
        """The wave that is going on, from 0."""
        self._pairs: list[list[tuple[float, float]]] = [[] for _ in rungs]
        self._cost = {True: 0, False: 0}
        self._wins = {True: 0, False: 0}
        self._said = 0
        self.sentences: list[str] = []
        """What the search has come to, such as `after wave 3, 80 trials: learning_rate 0.0003 .. 0.002`."""

    @property
    def importance(self) -> dict[str, float]:
        """How much the best agree on each hyperparameter, 0 .. 1; see `ZoomSampler`."""
        return self._sampler.importance

    def ask(self) -> Job | None:
        if self._is_small and not self._climbers.all:
            return self._climbers.begin(self._last)
        idle = 0
        while self._climbers.left and self.wave < self.waves and idle <= len(self.rungs):
            if self._spent[self._rung] < (self.wave + 1) * self._share - 0.5 * self._step(self._rung):
                job = self._begin() if self._rung == self._lowest else self._promote(self._rung)
                if job is not None:
                    return job
            idle += 1
            self._rung += 1
            if self._rung == len(self.rungs):
                self._end_wave()
        return self._finish()

    def tell(self, job: Job, values: Sequence[float], state: TrialState) -> None:
        climber = self._climbers.take(job, values, state)
        if self._is_small and job.trial == 0:
            return
        self._book(job.trial, job.start + len(values), job.until, -1)
        if climber.is_over:
            return
        best = climber.before
        for epoch, value in enumerate(values, start=job.start + 1):
            best = min(best, value)
            if climber.rung + 1 < len(self.rungs) and epoch == self.rungs[climber.rung + 1]:
                if climber.rung >= 0:
                    self._pairs[climber.rung] = [*self._pairs[climber.rung], (climber.before, best)][-PAIRS_KEPT:]
                climber.rung, climber.before = climber.rung + 1, best
        if climber.rung >= 0 and climber.epochs < self._last:
            heapq.heappush(self._standing[climber.rung], (climber.best, climber.number))

    def edit(self, space: Space) -> None:
        self._climbers.edit(space)

    def _step(self, rung: int) -> int:
        """Epochs from the rung below."""
        return self.rungs[rung] - (self.rungs[rung - 1] if rung > self._lowest else 0)

    def _book(self, trial: int, start: int, until: int, sign: int) -> None:
        """Note a stretch as spent (or, with sign -1, as not spent after all): for its rungs, and for what proposed the trial."""
        below = 0
        for index, rung in enumerate(self.rungs):
            epochs = max(0, min(until, rung) - max(start, below))
            self._spent[index] += sign * epochs
            if index <= 1:
                self._cost[trial in self._sampler.zoomed] += sign * epochs
            below = rung

    def _begin(self) -> Job | None:
        number = self._climbers.enrol()
        return None if number is None else self._resume(number, self.rungs[self._lowest])

    def _resume(self, number: int, until: int) -> Job | None:
        job = self._climbers.resume(number, until)
        if job is not None:
            self._book(number, job.start, job.until, 1)
        return job

    def _promote(self, rung: int) -> Job | None:
        waiting = self._standing[rung - 1]
        if not waiting:
            return None
        if self._generator.random() < CONTROLS:
            place = int(self._generator.integers(len(waiting)))
            waiting[place], waiting[-1] = waiting[-1], waiting[place]
            _, number = waiting.pop()
            heapq.heapify(waiting)
        else:
            _, number = heapq.heappop(waiting)
        self._wins[number in self._sampler.zoomed] += rung == 2
        return self._resume(number, self.rungs[rung])

    def _finish(self) -> Job | None:
        """The best of those who can go on, to the last epoch; a new trial where nobody can."""
        waiting = [standing for standing in self._standing if standing]
        if not waiting:
            return None if self._climbers.out else self._climbers.begin(self._last)
        best = min(waiting, key=lambda standing: standing[0])
        _, number = heapq.heappop(best)
        return self._climbers.resume(number, self._last)

    def _end_wave(self) -> None:
        self.wave += 1
        if len(self._sampler.sentences) > self._said:
            self._said = len(self._sampler.sentences)
            self.sentences.append(f"after wave {self.wave}, {self._sampler.sentences[-1].removeprefix('after ')}")
        for rung in range(self._lowest, len(self.rungs) - 2):
            if rung == self._lowest and says_nothing(self._pairs[rung]):
                self._lowest = rung + 1
                self.sentences.append(f"epoch {self.rungs[rung]} says nothing about epoch {self.rungs[rung + 1]}: it decides no more")
        self._rung = self._lowest
        if self._cost[True] and self._cost[False]:
            pays = self._wins[True] * self._cost[False] > self._wins[False] * self._cost[True]
            self._sampler.explore = max(EXPLORE, self._sampler.explore / 2) if pays else min(0.9, 2 * self._sampler.explore)


def says_nothing(pairs: Sequence[tuple[float, float]]) -> bool:
    """Whether two orders of the same trials agree no better than chance: Kendall's tau, its upper 90 % bound under 0.2.

    The bound is the normal one of independent orders, with variance 2 (2n + 5) / (9n (n - 1)). Never so of fewer than 12 pairs.
    """
    count = len(pairs)
    if count < FEWEST_PAIRS:
        return False
    signs = 0
    for place, (one, other) in enumerate(pairs):
        for one_too, other_too in pairs[:place]:
            signs += ((one - one_too) * (other - other_too) > 0) - int((one - one_too) * (other - other_too) < 0)
    tau = 2 * signs / (count * (count - 1))
    return tau + NORMAL_90 * math.sqrt(2 * (2 * count + 5) / (9 * count * (count - 1))) < LEAST_AGREEMENT


def _count_waves(budget: int | None, last: int) -> float:
    return math.inf if budget is None else min(max(int(WAVES_PER_TRAINING * budget / last), FEWEST_WAVES), MOST_WAVES)
