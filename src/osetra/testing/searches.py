"""What every `Search` keeps to, as plain functions that fail by assert.

    @pytest.mark.parametrize("claim", SEARCH_CONTRACT)
    def test_my_search(claim):
        claim(lambda space, seed, **bounds: MySearch(space, seed=seed, last=LAST, **bounds))

Each takes a factory of fresh searches whose full training is `LAST` epochs; bounds are `budget` (epochs) and `trials`. Needs no test
framework.
Knows nothing of: how any search decides.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from osetra.core.ports import Job, Search
from osetra.core.records import TrialState
from osetra.space.space import Space
from osetra.testing.samplers import CONDITIONAL, EDITS, FINITE, FLOATS

LAST = 20


class SearchFactory(Protocol):
    def __call__(self, space: Space, seed: int, *, budget: int | None = None, trials: int | None = None) -> Search: ...


@dataclass(slots=True)
class Course:
    """What happened while a search was followed."""

    jobs: list[Job] = field(default_factory=list)
    told: list[tuple[Job, list[float], TrialState]] = field(default_factory=list)
    epochs: int = 0
    """Trained, all trials together."""
    best: float = math.inf

    def configurations(self) -> dict[int, tuple[Any, ...]]:
        return {job.trial: tuple(sorted(job.configuration.items())) for job in self.jobs}


def curve(trial: int, seed: int = 0) -> np.ndarray:
    """Errors after epochs 1 .. LAST: a level of the trial's own, reached at a speed of its own, a little noise."""
    generator = np.random.default_rng([seed, trial])
    level, speed = generator.random(2)
    return level + np.exp(-np.arange(1, LAST + 1) * (0.1 + speed)) + 0.01 * generator.standard_normal(LAST)


def follow(
    search: Search,
    *,
    jobs: int = 1,
    errors: Callable[[int], np.ndarray] = curve,
    trouble: bool = True,
    most: int = 2_000,
    edits: Mapping[int, Space] | None = None,
) -> Course:
    """Run a search with `jobs` stretches out at once, told in the order in which they were handed out.

    edits: by the number of jobs handed out before.
    With `trouble` one trial in seven diverges (NaN) at its third epoch and one in eleven stops early at its second.
    """
    course = Course()
    out: deque[Job] = deque()
    standing: dict[int, int] = {}
    over: set[int] = set()
    waiting = dict(edits or {})
    while len(course.jobs) < most:
        if len(course.jobs) in waiting:
            search.edit(waiting.pop(len(course.jobs)))
        job = search.ask() if len(out) < jobs else None
        if job is not None:
            assert job.trial not in over, f"trial {job.trial} was over and is trained again"
            assert all(job.trial != other.trial for other in out), f"trial {job.trial} has two jobs out"
            assert job.start == standing.get(job.trial, 0), f"trial {job.trial} stands at {standing.get(job.trial, 0)}, not {job.start}"
            assert job.until <= LAST, f"a job until epoch {job.until}, beyond the last"
            assert job.start or job.trial == len(standing), f"trial {job.trial} begins as number {len(standing)}"
            standing.setdefault(job.trial, 0)
            course.jobs.append(job)
            out.append(job)
            continue
        if not out:
            break
        job = out.popleft()
        values, state = [float(value) for value in errors(job.trial)[job.start : job.until]], TrialState.PAUSED
        if trouble and job.trial % 7 == 3 and job.until >= 3 and job.start < 3:
            values, state = [*values[: 2 - job.start], math.nan], TrialState.DIVERGED
        elif trouble and job.trial % 11 == 5 and job.until > 2:
            values, state = values[: max(0, 2 - job.start)], TrialState.STOPPED
        elif job.until == LAST:
            state = TrialState.FINISHED
        standing[job.trial] += len(values)
        if state.is_over:
            over.add(job.trial)
        if state.can_win:
            course.best = min([course.best, *values])
        course.epochs += len(values)
        search.tell(job, values, state)
        course.told.append((job, values, state))
    return course


def the_budget_is_spent_exactly(make: SearchFactory) -> None:
    for budget in (1, 7, 90, 400):
        for jobs in (1, 5):
            epochs = follow(make(FLOATS, 0, budget=budget), jobs=jobs).epochs
            assert epochs == budget, f"{epochs} epochs of a budget of {budget}"


def the_bound_on_trials_holds(make: SearchFactory) -> None:
    for trials in (1, 12):
        course = follow(make(FLOATS, 0, budget=2_000, trials=trials), jobs=3)
        assert len(course.configurations()) == trials, f"{len(course.configurations())} trials of {trials}"


def no_configuration_is_trained_twice(make: SearchFactory) -> None:
    for space in (FLOATS, CONDITIONAL, FINITE):
        found = list(follow(make(space, 1, budget=500), jobs=3).configurations().values())
        assert len(set(found)) == len(found), "a configuration came twice"


def a_finite_space_ends(make: SearchFactory) -> None:
    course = follow(make(FINITE, 2, budget=10_000), jobs=3)
    assert len(course.configurations()) == FINITE.size, "the space was not used up"
    assert course.epochs < 10_000


def the_same_told_gives_the_same_asked(make: SearchFactory) -> None:
    for jobs in (1, 4):
        one, two = (follow(make(FLOATS, 3, budget=300), jobs=jobs).jobs for _ in range(2))
        assert one == two, "two searches told the same differ"


def a_search_is_rebuilt_by_telling_it_again(make: SearchFactory) -> None:
    """Asked and told what was asked and told, up to the middle, another goes on as the first did."""
    whole = follow(make(FLOATS, 4, budget=300))
    again = make(FLOATS, 4, budget=300)
    for job, values, state in whole.told[: len(whole.told) // 2]:
        assert again.ask() == job
        again.tell(job, values, state)
    assert again.ask() == whole.jobs[len(whole.told) // 2]


def another_seed_gives_other_trials(make: SearchFactory) -> None:
    assert follow(make(FLOATS, 5, budget=100)).jobs != follow(make(FLOATS, 6, budget=100)).jobs, "the seed changes nothing"


def an_edited_search_goes_on_in_the_new_space(make: SearchFactory) -> None:
    """Trials that have begun keep their configurations and climb on; new ones lie in the new space, none twice; the budget stays exact."""
    for place, (space, edit) in enumerate(EDITS[1::4]):
        edited = edit(space)
        one = follow(make(space, 7, budget=200), jobs=1 + 3 * (place % 2), edits={20: edited})
        if not place:
            again = follow(make(space, 7, budget=200), edits={20: edited})
            assert one.jobs == again.jobs, "two searches that were edited alike differ"
        begun = {job.trial for job in one.jobs[:20]}
        configurations: dict[int, Any] = {}
        for job in one.jobs:
            if job.trial not in begun:
                edited.validate(job.configuration)
            assert configurations.setdefault(job.trial, job.configuration) == job.configuration, f"trial {job.trial} was changed"
        found = list(one.configurations().values())
        assert len(set(found)) == len(found), "a configuration came twice"
        if math.isinf(edited.size):
            assert one.epochs == 200, f"{one.epochs} epochs of a budget of 200"


def a_search_that_ended_for_want_of_space_goes_on_in_a_larger_one(make: SearchFactory) -> None:
    search = make(FINITE, 8, budget=10_000)
    course = follow(search, jobs=3)
    numbers = set(course.configurations())
    search.edit(FINITE.add_choice("width", 30))
    job = search.ask()
    assert job is not None, "nothing new in a larger space"
    assert job.trial not in numbers, f"trial {job.trial} begins again"
    assert job.configuration["width"] == 30, "what is new of the space is all that remains"


SEARCH_CONTRACT: Sequence[Callable[[SearchFactory], None]] = (
    the_budget_is_spent_exactly,
    the_bound_on_trials_holds,
    no_configuration_is_trained_twice,
    a_finite_space_ends,
    the_same_told_gives_the_same_asked,
    a_search_is_rebuilt_by_telling_it_again,
    another_seed_gives_other_trials,
    an_edited_search_goes_on_in_the_new_space,
    a_search_that_ended_for_want_of_space_goes_on_in_a_larger_one,
)
