"""One run of one method on one task: what it trains is read from a table and paid for from a budget in steps.

Knows nothing of: how a method chooses.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from search_tables import Table

from osetra.core.ports import Search
from osetra.core.records import Configuration, TrialState


class BudgetSpent(Exception):  # noqa: N818 -- not an error: a peer's loop has come to its end
    """Raised out of a peer's objective once no step is left."""


@dataclass(slots=True)
class Replay:
    """The budget and the best value seen. Steps of a trial that are paid for once are not paid for again: training goes on from there."""

    table: Table
    budget: int
    spent: int = 0
    best: float = math.inf
    trials: dict[int, int] = field(default_factory=dict)
    """Steps done, by trial."""
    ended: set[int] = field(default_factory=set)

    @property
    def left(self) -> int:
        return self.budget - self.spent

    def train(self, trial: int, configuration: Configuration, until: int) -> np.ndarray:
        """The errors of the new steps, fewer than asked for if the budget ends or, last a NaN, if the trial diverged."""
        start = self.trials.get(trial, 0)
        if trial in self.ended or until <= start:
            return np.empty(0)
        values = self.table.errors(configuration, start, min(until, start + self.left))
        bad = np.flatnonzero(np.isnan(values))
        if len(bad):
            values = values[: bad[0] + 1]
            self.ended.add(trial)
        self.spent += len(values)
        self.trials[trial] = start + len(values)
        finite = values[~np.isnan(values)]
        if len(finite):
            self.best = min(self.best, float(finite.min()))
        return values

    @property
    def regret(self) -> float:
        return 1.0 if self.best == math.inf else self.table.regret(self.best)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    regret: float
    seconds: float
    """Spent in the method's own code."""
    decisions: int
    """Times it was asked or told something."""


def run_search(make: Callable[[], Search], table: Table, budget: int, *, jobs: int = 1) -> Run:
    """Replay a `Search` with `jobs` stretches out at once, told in the order in which they were handed out."""
    replay = Replay(table, budget)
    seconds, decisions = 0.0, 0
    began = time.perf_counter()
    search = make()
    out = []
    while True:
        while len(out) < jobs:
            job = search.ask()
            decisions += 1
            if job is None:
                break
            out.append(job)
        if not out:
            break
        job = out.pop(0)
        seconds += time.perf_counter() - began
        values = replay.train(job.trial, job.configuration, job.until)
        if job.trial in replay.ended:
            state = TrialState.DIVERGED
        else:
            assert len(values) == job.until - job.start, "a search granted more than its budget"
            state = TrialState.FINISHED if job.until == table.steps else TrialState.PAUSED
        began = time.perf_counter()
        search.tell(job, values.tolist(), state)
        decisions += 1
    return Run(regret=replay.regret, seconds=seconds + time.perf_counter() - began, decisions=decisions)
