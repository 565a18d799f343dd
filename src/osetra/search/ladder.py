"""The ladder: which epochs are rungs, who stands on them, and what of the budget is left.

    rungs  first, first * eta, first * eta^2 .. last        R = 50, eta = 4: 1, 4, 16, 50

A trial climbs by being trained further, from where it was; nothing is trained twice. Any `Sampler` supplies the configurations.
Source: rungs as in Li et al. 2020, A System for Massively Parallel Hyperparameter Tuning (arXiv:1810.05934).
Knows nothing of: who is promoted (the schedulers decide), how configurations are chosen (a sampler does), training.
"""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

from osetra.core.errors import StudyError
from osetra.core.ports import Job, Sampler
from osetra.core.records import Configuration, TrialState
from osetra.space.space import Space

UNLIMITED = 2**62
"""Epochs of a study that is bounded by something else."""


def make_rungs(*, last: int, eta: float = 4.0, first: int | None = None) -> tuple[int, ...]:
    """Rising epochs, the last one `last`; `first` of None is one epoch, or last/50 where that is more.

    A step that would end within sqrt(eta) of the last rung goes straight to it. Raises `StudyError` unless 1 <= first <= last, eta > 1.
    """
    if first is None:
        first = max(1, last // 50)
    if not 1 <= first <= last:
        raise StudyError(f"rungs need 1 <= first <= last, got first {first} and last {last}; give epochs such as first 1, last 50")
    if not (math.isfinite(eta) and eta > 1):
        raise StudyError(f"eta must be a number > 1, got {eta}; give for example 3 or 4")
    rungs: list[int] = []
    epochs = float(first)
    while round(epochs) * math.sqrt(eta) <= last and round(epochs) < last:
        if not rungs or round(epochs) > rungs[-1]:
            rungs.append(round(epochs))
        epochs *= eta
    return (*rungs, last)


@dataclass(slots=True, kw_only=True)
class Climber:
    """One trial as its search remembers it."""

    number: int
    configuration: Configuration
    epochs: int = 0
    best: float = math.inf
    """The lowest error so far; infinite for one that has none, so that it is never ahead of a number."""
    is_over: bool = False
    is_out: bool = False
    """Whether a job of it is out."""
    rung: int = -1
    """The highest rung that it stands on."""
    before: float = math.inf
    """`best` on the rung before that."""


class Climbers:
    """All trials of a search, and its budget: no more epochs are granted than there are, and what a trial leaves unused comes back."""

    def __init__(self, sampler: Sampler, *, budget: int | None = None, trials: int | None = None) -> None:
        """budget: epochs of all trials together; trials: how many may begin; None: no such bound. Raises `StudyError` for one below 1."""
        for name, bound in (("budget", budget), ("trials", trials)):
            if bound is not None and bound < 1:
                raise StudyError(f"{name} must be a whole number >= 1, got {bound}; leave it out for no such bound")
        self._sampler = sampler
        self._budget = UNLIMITED if budget is None else budget
        self._trials = UNLIMITED if trials is None else trials
        self._exhausted = False
        self.all: list[Climber] = []
        self.out = 0
        """Jobs out."""

    def __getitem__(self, number: int) -> Climber:
        return self.all[number]

    @property
    def left(self) -> int:
        """Epochs that may still be granted."""
        return self._budget

    @property
    def may_begin(self) -> bool:
        """Whether another trial may begin, as far as is known before the sampler is asked."""
        return not self._exhausted and len(self.all) < self._trials and self._budget > 0

    @property
    def sentences(self) -> list[str]:
        """What the sampler said of its way, where it says anything."""
        return list(getattr(self._sampler, "sentences", ()))

    def edit(self, space: Space) -> None:
        """New trials are of this space; those who have begun go on as they are. `SpaceError` as the sampler says."""
        self._sampler.edit(space)
        self._exhausted = False

    def begin(self, until: int) -> Job | None:
        """A new trial, to `until` epochs or what is left of the budget; None if none may begin or the space holds no more."""
        number = self.enrol()
        return None if number is None else self.resume(number, until)

    def enrol(self) -> int | None:
        """The number of a new trial, for which no job is out yet; None as with `begin`."""
        if not self.may_begin:
            return None
        number = len(self.all)
        configuration = self._sampler.propose(number)
        if configuration is None:
            self._exhausted = True
            return None
        self.all.append(Climber(number=number, configuration=configuration))
        return number

    def resume(self, number: int, until: int) -> Job | None:
        """The next stretch of a trial, cut to what is left of the budget; None if nothing is left or the trial cannot go on."""
        climber = self.all[number]
        granted = min(until - climber.epochs, self._budget)
        if granted < 1 or climber.is_over or climber.is_out:
            return None
        self._budget -= granted
        self.out += 1
        climber.is_out = True
        return Job(trial=number, configuration=climber.configuration, start=climber.epochs, until=climber.epochs + granted)

    def take(self, job: Job, values: Sequence[float], state: TrialState) -> Climber:
        """Note what a job came to; what it did not use goes back to the budget. The sampler hears of it."""
        climber = self.all[job.trial]
        assert climber.is_out, f"trial {job.trial} has no job out"
        assert job.start == climber.epochs, f"trial {job.trial} stands at epoch {climber.epochs}, not {job.start}"
        assert len(values) <= job.until - job.start, f"{len(values)} values of a stretch of {job.until - job.start} epochs"
        climber.is_out = False
        self.out -= 1
        self._budget += job.until - job.start - len(values)
        climber.epochs += len(values)
        climber.is_over = state is not TrialState.PAUSED or climber.epochs < job.until
        numbers = [value for value in values if not math.isnan(value)]
        if len(numbers) < len(values) or not state.can_win:
            climber.is_over, climber.best = True, math.inf
        else:
            climber.best = min([climber.best, *numbers])
        self._sampler.observe(job.trial, climber.epochs, climber.best if climber.best < math.inf else math.nan)
        return climber


class TopShare:
    """The best 1/eta of those who stand on a rung, told apart as they come: who of them has not yet been taken up?

    Adding and taking cost O(log n): a heap of the best whose worst is on top, one of the rest whose best is on top.
    """

    def __init__(self, eta: float) -> None:
        self._eta = eta
        self._top: list[tuple[float, int]] = []
        self._rest: list[tuple[float, int]] = []
        self._waiting: list[tuple[float, int]] = []
        self._in_top: set[int] = set()
        self._taken: set[int] = set()
        self.count = 0

    def add(self, value: float, number: int) -> None:
        """Let a trial stand on the rung; one of infinite value counts and is never taken."""
        self.count += 1
        if value < math.inf:
            # Everyone passes through the top, so that the one who leaves it is its worst.
            self._enter(value, number)
            negative_value, negative_number = heapq.heappop(self._top)
            self._in_top.discard(-negative_number)
            heapq.heappush(self._rest, (-negative_value, -negative_number))
        while len(self._top) < int(self.count / self._eta) and self._rest:
            self._enter(*heapq.heappop(self._rest))

    def peek(self) -> int | None:
        """The best of the top who was not taken yet; None if there is none."""
        while self._waiting:
            _, number = self._waiting[0]
            if number in self._in_top and number not in self._taken:
                return number
            heapq.heappop(self._waiting)
        return None

    def take(self) -> int | None:
        """As `peek`, and it is taken."""
        number = self.peek()
        if number is not None:
            self._taken.add(number)
        return number

    def _enter(self, value: float, number: int) -> None:
        heapq.heappush(self._top, (-value, -number))
        heapq.heappush(self._waiting, (value, number))
        self._in_top.add(number)
