"""Finals rank by means of fresh seeds, shrunk as published."""

import math

import numpy as np
import pytest

from osetra.core.errors import StudyError
from osetra.core.records import TrialState
from osetra.search.finals import Finals, count_finalists, reserved, shrink


def play(finals, errors):
    jobs = []
    while (job := finals.ask()) is not None:
        values = errors(job)
        jobs.append(job)
        finals.tell(job, values, TrialState.DIVERGED if math.isnan(values[-1]) else TrialState.FINISHED)
    return jobs


def test_each_finalist_trains_three_times_from_the_start_under_new_numbers():
    finals = Finals({4: {"a": 1}, 9: {"a": 2}}, last=5, first_number=100)
    jobs = play(finals, lambda job: [0.5])
    assert [(job.trial, job.configuration["a"], job.start, job.until) for job in jobs] == [
        (100, 1, 0, 5), (101, 2, 0, 5), (102, 1, 0, 5), (103, 2, 0, 5), (104, 1, 0, 5), (105, 2, 0, 5),
    ]  # fmt: skip


@pytest.mark.parametrize(("budget", "count"), [(100, 0), (1500, 2), (6000, 8), (100_000, 8)])
def test_finals_take_at_most_a_fifth_of_the_budget(budget, count):
    assert count_finalists(budget, last=50) == count
    assert reserved(budget, last=50) == count * 150 <= 0.2 * budget


def test_the_luckiest_does_not_win_by_the_result_that_brought_it_here():
    finals = Finals({0: {"a": 0}, 1: {"a": 1}}, last=3, first_number=10)
    play(finals, lambda job: [0.3 if job.configuration["a"] else 0.4])
    assert [finalist.trial for finalist in finals.results()] == [1, 0]


def test_who_diverges_once_in_the_finals_is_out():
    finals = Finals({0: {"a": 0}, 1: {"a": 1}}, last=3, first_number=10)
    play(finals, lambda job: [0.1, math.nan] if job.trial == 12 else [0.2])
    assert [finalist.trial for finalist in finals.results()] == [1]


def test_means_shrink_as_worked_by_hand():
    """Five means 1 .. 5 of variance 1: S = 10, B = 2/4 * 4/10 = 0.2; the third stays, the others move a fifth of the way to it."""
    shrunk, deviation = shrink(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), 1.0)
    assert shrunk == pytest.approx([1.4, 2.2, 3.0, 3.8, 4.6])
    assert deviation[2] ** 2 == pytest.approx(1 - 4 / 5 * 0.2)
    assert deviation[0] ** 2 == pytest.approx(1 - 4 / 5 * 0.2 + 2 / 2 * 0.04 * 4)


def test_shrinking_brings_means_nearer_to_the_truth_and_intervals_hold_it():
    generator = np.random.default_rng(0)
    raw = near = held = 0.0
    for _ in range(400):
        truth = generator.normal(0.3, 0.01, 8)
        finals = Finals({trial: {"a": trial} for trial in range(8)}, last=1, first_number=0)
        play(finals, lambda job, truth=truth: [float(generator.normal(truth[job.configuration["a"]], 0.02))])
        for finalist in finals.results():
            raw += (finalist.mean - truth[finalist.trial]) ** 2
            near += (finalist.shrunk - truth[finalist.trial]) ** 2
            held += finalist.low <= truth[finalist.trial] <= finalist.high
    assert near < 0.8 * raw
    assert 0.93 < held / 3200 < 0.99


def test_finals_without_finalists_are_refused():
    with pytest.raises(StudyError, match="at least one finalist, got none; run a search first"):
        Finals({}, last=3, first_number=0)
