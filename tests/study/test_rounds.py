"""Going round the places: what is decided follows from outcomes in their order, not from when they come."""

import random

from hypothesis import given
from hypothesis import strategies as st

from osetra.core.ports import Job
from osetra.core.records import TrialState
from osetra.study.rounds import LEAST_LAG, Rounds, lag_for


class Learner:
    """A search whose every job follows from all that it was told, in the order in which it was told it."""

    def __init__(self, jobs):
        self.left, self.history, self.asked = jobs, [], 0

    def ask(self):
        if not self.left:
            return None
        self.left -= 1
        self.asked += 1
        length = 1 + hash(tuple(self.history)) % 5
        return Job(trial=self.asked - 1, configuration={}, start=0, until=length)

    def tell(self, job, values, state):
        self.history.append((job.trial, job.until, len(values), state.value == "paused"))


def outcome(job):
    """(how many slices a job takes, whether it ends early): its own doing, whatever happens around it."""
    made = random.Random(job.trial * 31 + job.until)
    early = made.random() < 0.3
    return (made.randint(1, job.until), True) if early else (job.until, False)


def played(lag, jobs, choose):
    """The history of a search whose slices end in the order that `choose` picks; jobs run ahead of their turn."""
    search = Learner(jobs)
    rounds, under_way = Rounds(search, lag), []
    while True:
        while rounds.can_turn:
            _, place = rounds.turn()
            if place is not None and place.handed_out == 1:
                under_way.append(place)
        if not under_way:
            return search.history
        place = under_way[choose(len(under_way))]
        slices, early = outcome(place.job)
        place.values.append(0.0)
        is_last = place.heard_of + 1 == slices
        place.hear(TrialState.FAILED if is_last and early else TrialState.PAUSED, is_last=is_last)
        if is_last:
            under_way.remove(place)


@given(st.integers(1, 9), st.integers(0, 60), st.integers(0, 10**9))
def test_the_order_in_which_slices_end_changes_nothing(lag, jobs, seed):
    calm, chance = played(lag, jobs, lambda count: 0), random.Random(seed)
    assert played(lag, jobs, lambda count: count - 1) == calm
    assert played(lag, jobs, chance.randrange) == calm
    assert sorted(trial for trial, *_ in calm) == list(range(jobs))


def test_there_are_more_places_than_workers():
    assert [lag_for(workers) for workers in (1, 2, 6, 7, 64)] == [LEAST_LAG] * 3 + [9, 66]
