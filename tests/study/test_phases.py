"""Search, then finals or closing."""

from osetra.core.ports import Job
from osetra.core.records import TrialState
from osetra.search.schedulers import Asha, Plain
from osetra.study.phases import Phases


class Listed:
    """A sampler of numbered configurations."""

    def __init__(self):
        self.seen = []

    def propose(self, number):
        return {"x": number}

    def observe(self, number, epoch, value):
        self.seen.append((number, epoch, value))


def error_of(job: Job, luck: dict[int, float]) -> float:
    """Configuration 3 is the best but for luck."""
    return abs(job.configuration["x"] - 3.2) / 10 + luck.get(job.trial, 0.0)


def run(search, *, last, luck=None, lag=1, most=500):
    """Hand out and tell, `lag` jobs out at once."""
    jobs, out = [], []
    for _ in range(most):
        job = search.ask()
        if job is not None:
            jobs.append(job)
            out.append(job)
        if out and (job is None or len(out) == lag):
            done = out.pop(0)
            values = [error_of(done, luck or {}) + 0.01 * (last - epoch) for epoch in range(done.start + 1, done.until + 1)]
            search.tell(done, values, TrialState.FINISHED if done.until == last else TrialState.PAUSED)
        elif job is None:
            return jobs
    raise AssertionError("it does not end")


def test_finals_train_the_best_with_fresh_seeds_and_luck_does_not_win():
    # Trial 8 was lucky in the search; with fresh seeds it is what it is.
    phases = Phases(Plain(Listed(), last=4, trials=10), last=4, final_epochs=2 * 3 * 4)
    jobs = run(phases, last=4, luck={8: -0.6}, lag=3)
    finals = jobs[10:]
    assert [job.trial for job in finals] == list(range(10, 16))
    assert [job.configuration["x"] for job in finals] == [8, 3] * 3
    assert all(phases.is_final(job.trial) for job in finals)
    assert not phases.is_final(8)
    assert [finalist.trial for finalist in phases.results] == [3, 8]
    assert phases.winner in (11, 13, 15)


def test_without_enough_for_two_finalists_there_are_no_finals():
    phases = Phases(Plain(Listed(), last=4, trials=10), last=4, final_epochs=2 * 3 * 4 - 1)
    assert len(run(phases, last=4)) == 10
    assert (phases.results, phases.winner) == ([], None)


def test_finals_can_be_left_out():
    phases = Phases(Plain(Listed(), last=4, trials=10), last=4, final_epochs=1000, with_finals=False)
    assert len(run(phases, last=4)) == 10


def test_one_configuration_is_one_finalist():
    class Same(Listed):
        def propose(self, number):
            return {"x": number % 2}

    phases = Phases(Plain(Same(), last=2, trials=6), last=2, final_epochs=1000)
    finals = run(phases, last=2)[6:]
    assert [job.configuration["x"] for job in finals] == [1, 0] * 3


def test_when_the_time_for_searching_is_over_the_best_who_wait_are_trained_to_the_end():
    asked = []

    def share_spent():
        asked.append(None)
        return 0.0 if len(asked) < 40 else 0.9

    phases = Phases(Asha(Listed(), last=16), last=16, share_spent=share_spent)
    jobs = run(phases, last=16, lag=2)
    closing = jobs[-5:]
    assert all(job.until == 16 and job.start > 0 for job in closing)
    ended = [job.trial for job in jobs if job.until == 16]
    assert len(ended) == len(set(ended)) == len({job.trial for job in jobs})
    assert phases.results == []


def test_when_the_time_for_searching_is_over_finals_begin_if_it_pays_for_them():
    asked = []

    def share_spent():
        asked.append(None)
        return 0.0 if len(asked) < 40 else 0.9

    phases = Phases(Asha(Listed(), last=16), last=16, share_spent=share_spent, trainings_left=lambda trials: 7.0)
    jobs = run(phases, last=16, lag=2)
    assert [job.configuration["x"] for job in jobs[-6:]] == [3, 4] * 3
    assert all((job.start, job.until) == (0, 16) for job in jobs[-6:])


def test_a_finalist_that_diverges_does_not_win():
    phases = Phases(Plain(Listed(), last=1, trials=6), last=1, final_epochs=6)
    while (job := phases.ask()) is not None:
        is_bad = phases.is_final(job.trial) and job.configuration["x"] == 3
        values, state = ([float("nan")], TrialState.DIVERGED) if is_bad else ([error_of(job, {})], TrialState.FINISHED)
        phases.tell(job, values, state)
    assert [finalist.trial for finalist in phases.results] == [4]
