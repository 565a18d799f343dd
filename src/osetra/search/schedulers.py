"""Schedulers of the literature, each a `Search` over any `Sampler`.

    Plain              every trial straight to the last rung
    SuccessiveHalving  Karnin et al. 2013; Jamieson & Talwalkar 2016, arXiv:1502.07943: of n trials the best n/eta go on, rung by rung
    Hyperband          Li et al. 2018, JMLR 18(185), Algorithm 1: brackets that trade how many against how long
    Asha               Li et al. 2020, arXiv:1810.05934, Algorithm 2: promotion without waiting

Each hands out jobs until its budget (epochs of all trials together) or its bound on trials is reached. A trial that diverged, failed or
ended early is never promoted; errors are compared by the best so far, ties by trial number.
Knows nothing of: how configurations are chosen, training.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import cycle

from osetra.core.errors import StudyError
from osetra.core.ports import Job, Sampler
from osetra.core.records import TrialState
from osetra.search.ladder import Climber, Climbers, TopShare, make_rungs
from osetra.space.space import Space


class _Scheduler:
    """What all have in common."""

    _climbers: Climbers

    @property
    def sentences(self) -> list[str]:
        """What the sampler said of its way, where it says anything."""
        return self._climbers.sentences

    def edit(self, space: Space) -> None:
        self._climbers.edit(space)


class Plain(_Scheduler):
    """Every trial is trained to `last` epochs at once: what random search and Bayesian optimisation do by themselves."""

    def __init__(self, sampler: Sampler, *, last: int, budget: int | None = None, trials: int | None = None) -> None:
        (self._last,) = make_rungs(last=last, first=last)
        self._climbers = Climbers(sampler, budget=budget, trials=trials)

    def ask(self) -> Job | None:
        return self._climbers.begin(self._last)

    def tell(self, job: Job, values: Sequence[float], state: TrialState) -> None:
        self._climbers.take(job, values, state)


class Asha(_Scheduler):
    """Asynchronous successive halving.

    Asked, it looks from the highest rung down for a trial among the best 1/eta of its rung that was not promoted yet; where there is none,
    a new trial begins on the first rung.
    """

    def __init__(
        self, sampler: Sampler, *, last: int, eta: float = 4.0, first: int = 1, budget: int | None = None, trials: int | None = None
    ) -> None:
        self._rungs = make_rungs(last=last, eta=eta, first=first)
        self._standing = [TopShare(eta) for _ in self._rungs]
        self._climbers = Climbers(sampler, budget=budget, trials=trials)

    def ask(self) -> Job | None:
        for rung in range(len(self._rungs) - 2, -1, -1):
            number = self._standing[rung].peek()
            if number is not None:
                job = self._climbers.resume(number, self._rungs[rung + 1])
                if job is not None:
                    self._standing[rung].take()
                return job
        return self._climbers.begin(self._rungs[0])

    def tell(self, job: Job, values: Sequence[float], state: TrialState) -> None:
        climber = self._climbers.take(job, values, state)
        rung = _next_rung(climber, self._rungs)
        climber.rung = rung
        if climber.epochs >= self._rungs[rung] or climber.is_over:
            self._standing[rung].add(math.inf if climber.is_over else climber.best, climber.number)


class _Brackets(_Scheduler, ABC):
    """Brackets of successive halving, one after another; nobody climbs before all on the rung below are there."""

    def __init__(self, sampler: Sampler, *, budget: int | None, trials: int | None) -> None:
        self._climbers = Climbers(sampler, budget=budget, trials=trials)
        self._plans = self._make_plans()
        self._plan: Sequence[tuple[int, int]] = ()
        self._rung = 0
        self._begun = 0
        self._waiting: list[int] = []
        self._arrived: list[Climber] = []

    @abstractmethod
    def _make_plans(self) -> Iterator[Sequence[tuple[int, int]]]:
        """For each bracket its rungs, as (how many trials, until which epoch)."""

    def ask(self) -> Job | None:
        if not self._plan:
            self._open(next(self._plans))
        count, until = self._plan[self._rung]
        if self._rung == 0 and self._begun < count:
            job = self._climbers.begin(until)
            if job is not None:
                self._begun += 1
                return job
            # The space or the bound on trials is used up: those who have begun go on.
            self._begun = count
            self._climb()
        if self._waiting:
            job = self._climbers.resume(self._waiting[-1], self._plan[self._rung][1])
            if job is not None:
                self._waiting.pop()
            return job
        return None

    def tell(self, job: Job, values: Sequence[float], state: TrialState) -> None:
        self._arrived.append(self._climbers.take(job, values, state))
        self._climb()

    def edit(self, space: Space) -> None:
        """A bracket that fell short because the space was used up stays as it is; the next one is full again."""
        self._climbers.edit(space)

    def _open(self, plan: Sequence[tuple[int, int]]) -> None:
        self._plan, self._rung, self._begun, self._waiting, self._arrived = plan, 0, 0, [], []

    def _climb(self) -> None:
        """Once all are on this rung, the best of them wait for the next; after the last rung the bracket closes."""
        if self._climbers.out or self._waiting or self._begun < self._plan[0][0]:
            return
        self._rung += 1
        if self._rung == len(self._plan):
            self._plan = ()
            return
        able = sorted((climber.best, climber.number) for climber in self._arrived if not climber.is_over)
        self._waiting = [number for _, number in reversed(able[: self._plan[self._rung][0]])]
        self._arrived = []
        if not self._waiting:
            self._plan = ()


class SuccessiveHalving(_Brackets):
    """Brackets of `size` trials on rungs first, first * eta ..; the best 1/eta of each rung, rounded down, go on.

    `size` of None: as many as one bracket can pay from the budget, or without a budget eta to the number of steps between rungs.
    """

    def __init__(
        self,
        sampler: Sampler,
        *,
        last: int,
        eta: float = 4.0,
        first: int = 1,
        size: int | None = None,
        budget: int | None = None,
        trials: int | None = None,
    ) -> None:
        self._rungs = make_rungs(last=last, eta=eta, first=first)
        self._eta = eta
        if size is not None and size < 1:
            raise StudyError(f"size must be a whole number >= 1, got {size}; leave it out for one that suits the budget")
        smallest = max(1, round(eta ** (len(self._rungs) - 1)))
        self._size = size or (smallest if budget is None else self._affordable(budget))
        super().__init__(sampler, budget=budget, trials=trials)

    def _make_plans(self) -> Iterator[Sequence[tuple[int, int]]]:
        return cycle([self._plan_of(self._size)])

    def _plan_of(self, size: int) -> list[tuple[int, int]]:
        counts = [int(size / self._eta**k + 1e-9) for k in range(len(self._rungs))]
        return [(count, until) for count, until in zip(counts, self._rungs, strict=True) if count]

    def _affordable(self, budget: int) -> int:
        size = 1
        while cost(self._plan_of(size + 1)) <= budget:
            size += 1
        return size


class Hyperband(_Brackets):
    """Brackets s = s_max .. 0, over and over: n = ceil((s_max + 1) / (s + 1) * eta^s) trials from epoch R * eta^-s."""

    def __init__(self, sampler: Sampler, *, last: int, eta: float = 3.0, budget: int | None = None, trials: int | None = None) -> None:
        make_rungs(last=last, eta=eta, first=1)
        self._last, self._eta = last, eta
        super().__init__(sampler, budget=budget, trials=trials)

    def plans(self) -> list[list[tuple[int, int]]]:
        """One round of brackets, each its rungs as (how many trials, until which epoch), both rounded as in the paper: n_i down."""
        largest = int(math.log(self._last) / math.log(self._eta) + 1e-9)
        plans = []
        for s in range(largest, -1, -1):
            count = math.ceil((largest + 1) / (s + 1) * self._eta**s - 1e-9)
            rungs = [max(1, round(self._last * self._eta ** (i - s))) for i in range(s + 1)]
            plans.append([(int(count * self._eta**-i + 1e-9), until) for i, until in enumerate(rungs)])
        return plans

    def _make_plans(self) -> Iterator[Sequence[tuple[int, int]]]:
        return cycle(self.plans())


def cost(plan: Sequence[tuple[int, int]]) -> int:
    """Epochs that a bracket takes when no trial ends early."""
    spent, below = 0, 0
    for count, until in plan:
        spent += count * (until - below)
        below = until
    return spent


def _next_rung(climber: Climber, rungs: Sequence[int]) -> int:
    """The rung that a trial is on its way to or stands on."""
    return next(index for index, until in enumerate(rungs) if climber.epochs <= until)
