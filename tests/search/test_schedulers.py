"""Schedulers keep the contract and do as published."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osetra.core.errors import StudyError
from osetra.core.records import TrialState
from osetra.search.ladder import TopShare, make_rungs
from osetra.search.random import RandomSampler
from osetra.search.schedulers import Asha, Hyperband, Plain, SuccessiveHalving, cost
from osetra.search.waves import Waves
from osetra.testing.samplers import FLOATS
from osetra.testing.searches import LAST, SEARCH_CONTRACT, curve, follow

SCHEDULERS = {
    "plain": lambda space, seed, **bounds: Plain(RandomSampler(space, seed=seed), last=LAST, **bounds),
    "halving": lambda space, seed, **bounds: SuccessiveHalving(RandomSampler(space, seed=seed), last=LAST, eta=3, **bounds),
    "hyperband": lambda space, seed, **bounds: Hyperband(RandomSampler(space, seed=seed), last=LAST, **bounds),
    "asha": lambda space, seed, **bounds: Asha(RandomSampler(space, seed=seed), last=LAST, eta=3, **bounds),
    "waves": lambda space, seed, **bounds: Waves(space, seed=seed, last=LAST, **bounds),
}


@pytest.mark.parametrize("claim", SEARCH_CONTRACT, ids=lambda claim: claim.__name__)
@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_search_keeps_the_contract(name, claim):
    claim(SCHEDULERS[name])


@pytest.mark.parametrize(
    ("last", "eta", "first", "rungs"),
    [(50, 4, 1, (1, 4, 16, 50)), (81, 3, 1, (1, 3, 9, 27, 81)), (52, 4, 2, (2, 8, 52)), (65, 4, 1, (1, 4, 16, 65)), (1, 4, 1, (1,))],
)
def test_rungs_rise_by_eta_and_end_at_the_last(last, eta, first, rungs):
    assert make_rungs(last=last, eta=eta, first=first) == rungs


def test_rungs_that_make_no_sense_are_refused():
    with pytest.raises(StudyError, match=r"1 <= first <= last, got first 9 and last 5"):
        make_rungs(last=5, first=9)
    with pytest.raises(StudyError, match=r"eta must be a number > 1, got 1"):
        make_rungs(last=5, eta=1)
    with pytest.raises(StudyError, match=r"budget must be a whole number >= 1, got 0"):
        Plain(RandomSampler(FLOATS, seed=0), last=5, budget=0)


def test_hyperband_has_the_brackets_of_the_paper():
    """Li et al. 2018, Table 1: R = 81, eta = 3."""
    assert Hyperband(RandomSampler(FLOATS, seed=0), last=81, eta=3).plans() == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(34, 3), (11, 9), (3, 27), (1, 81)],
        [(15, 9), (5, 27), (1, 81)],
        [(8, 27), (2, 81)],
        [(5, 81)],
    ]


def test_a_bracket_of_halving_keeps_the_best_third_each_time():
    search = SuccessiveHalving(RandomSampler(FLOATS, seed=0), last=9, eta=3, size=9, budget=9 + 3 * 2 + 6)
    course = follow(search, trouble=False, errors=lambda trial: np.full(LAST, float(trial)))
    assert [(job.trial, job.start, job.until) for job in course.jobs] == [
        *((trial, 0, 1) for trial in range(9)),
        *((trial, 1, 3) for trial in range(3)),
        (0, 3, 9),
    ]


def test_halving_begins_as_many_as_its_budget_pays_for():
    search = SuccessiveHalving(RandomSampler(FLOATS, seed=0), last=81, eta=3, budget=cost([(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)]))
    assert [search.ask().until for _ in range(81)] == [1] * 81
    assert search.ask() is None


def test_asha_promotes_as_its_algorithm_says():
    """Against Algorithm 2 of Li et al. 2020 written out naively, with four jobs out at once."""
    rungs, eta = (1, 3, 9), 3
    search = Asha(RandomSampler(FLOATS, seed=0), last=9, eta=eta)
    scores, promoted = [{} for _ in rungs], [set() for _ in rungs]
    begun, out, order = 0, [], random.Random(0)
    errors = {trial: curve(trial) for trial in range(400)}
    for _ in range(400):
        if len(out) == 4:
            job = out.pop(order.randrange(4))
            values = errors[job.trial][job.start : job.until].tolist()
            search.tell(job, values, TrialState.PAUSED)
            scores[rungs.index(job.until)][job.trial] = float(errors[job.trial][: job.until].min())
        expected = None
        for rung in (1, 0):
            top = sorted(scores[rung], key=lambda trial: (scores[rung][trial], trial))[: len(scores[rung]) // eta]
            able = [trial for trial in top if trial not in promoted[rung]]
            if able:
                promoted[rung].add(able[0])
                expected = (able[0], rungs[rung], rungs[rung + 1])
                break
        if expected is None:
            expected, begun = (begun, 0, 1), begun + 1
        job = search.ask()
        assert (job.trial, job.start, job.until) == expected
        out.append(job)


@given(st.lists(st.one_of(st.floats(0, 1), st.just(math.inf)), max_size=80), st.sampled_from([2.0, 3.0, 4.0]))
@settings(max_examples=60, deadline=None)
def test_the_top_share_is_that_of_sorting(values, eta):
    share, taken = TopShare(eta), []
    for number, value in enumerate(values):
        share.add(value, number)
        seen = sorted((held, place) for place, held in enumerate(values[: number + 1]))
        able = [place for held, place in seen[: int((number + 1) / eta)] if place not in taken and held < math.inf]
        assert share.peek() == (able[0] if able else None)
        if number % 2 and able:
            taken.append(share.take())


@pytest.mark.parametrize("name", ["halving", "hyperband", "asha", "waves"])
def test_who_diverged_is_never_promoted_however_good_it_was(name):
    """Every third trial is perfect until it is not a number: `follow` fails if one is trained again."""

    def errors(trial):
        return np.zeros(LAST) if trial % 7 == 3 else curve(trial)

    course = follow(SCHEDULERS[name](FLOATS, 0, budget=300), errors=errors)
    diverged = {job.trial for job, _, state in course.told if state is TrialState.DIVERGED}
    assert diverged
    assert all(job.until <= 8 or job.trial not in diverged or job.start < 3 for job in course.jobs)
