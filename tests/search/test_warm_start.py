"""A study can begin with the best of another: they are tried first, fitted to the new space, and marked."""

import json
from datetime import UTC, datetime

import pytest

from osetra.core.errors import SpaceError, StudyError
from osetra.core.records import Study, StudyState, Task, Trial, TrialState
from osetra.search.coarse_to_fine import CoarseToFineSampler
from osetra.search.grid import GridSampler
from osetra.search.random import RandomSampler
from osetra.search.sobol import SobolSampler
from osetra.search.warm_start import Elites, WarmStarted, elites_of
from osetra.search.zoom import ZoomSampler
from osetra.space import Space, choice, integer, linear, log, when
from osetra.study.strategy import make_search
from osetra.testing.samplers import FINITE_CONDITIONAL, SAMPLER_CONTRACT, run

OLD = Space({"rate": log(1e-4, 1.0), "layers": integer(1, 4), "optimizer": "adam"})
STUDY = Study(
    name="adult", state=StudyState.FINISHED, created=datetime(2026, 1, 1, tzinfo=UTC), task=Task.BINARY, target="income",
    source="adult.csv", seed=0, error_name="error rate",
)  # fmt: skip


def tried(configurations, *, state=TrialState.FINISHED, epochs=9):
    """Trials of a study, the first the best."""
    return [
        Trial(number=number, configuration=dict(one), state=state, epochs=epochs, dev_error=0.1 + number / 1000)
        for number, one in enumerate(configurations)
    ]


def drawn(space, count, seed=0):
    sampler = RandomSampler(space, seed=seed)
    return [sampler.propose(number) for number in range(count)]


@pytest.mark.parametrize(("count", "elites"), [(3, 3), (5, 5), (20, 5), (200, 20), (201, 21)])
def test_the_best_tenth_and_at_least_five_are_taken_best_first(count, elites):
    found = elites_of(STUDY, tried(drawn(OLD, count))[::-1], OLD)
    assert [one.trial for one in found.elites] == list(range(elites))
    assert found.configurations == drawn(OLD, count)[:elites]
    assert not any(one.changes for one in found.elites)
    assert found.duplicates == ()
    number = "" if elites == 1 else f"{elites} "
    assert found.sentences() == [f"The first {number}trials begin with the best configurations of study 'adult'."]


def test_a_configuration_trained_twice_counts_once_and_one_that_diverged_never():
    one, two, three = drawn(OLD, 3)
    trials = [*tried([one, one, two]), Trial(number=9, configuration=three, state=TrialState.DIVERGED, epochs=2, dev_error=0.0)]
    found = elites_of(STUDY, trials, OLD)
    assert [(elite.trial, dict(elite.configuration)) for elite in found.elites] == [(0, one), (2, two)]


def test_who_was_promoted_is_better_than_a_lower_error_earlier_on():
    left = tried(drawn(OLD, 30), state=TrialState.STOPPED, epochs=1)
    last = Trial(number=99, configuration=drawn(OLD, 31)[30], state=TrialState.FINISHED, epochs=16, dev_error=0.5)
    assert elites_of(STUDY, [*left, last], OLD).elites[0].trial == 99


def test_what_does_not_fit_the_new_space_is_moved_dropped_or_filled_in_and_said():
    new = Space({"rate": log(1e-3, 0.1), "layers": 2, "keep_prob": linear(0.5, 1.0), "eps": 1e-8})
    old = [{"rate": 0.5, "layers": 4, "optimizer": "adam"}, {"rate": 0.01, "layers": 2, "optimizer": "adam"}]
    found = elites_of(STUDY, tried(old), new, default={"rate": 0.003, "layers": 2, "keep_prob": 0.9, "eps": 1e-8})
    assert found.configurations == [
        {"rate": 0.1, "layers": 2, "keep_prob": 0.9, "eps": 1e-8},
        {"rate": 0.01, "layers": 2, "keep_prob": 0.9, "eps": 1e-8},
    ]
    assert found.elites[0].changes == ("keep_prob 0.9 filled in", "layers 4 -> 2", "optimizer dropped", "rate 0.5 -> 0.1")
    assert found.elites[1].changes == ("keep_prob 0.9 filled in", "optimizer dropped")
    assert elites_of(STUDY, tried(old), new).configurations[0]["keep_prob"] == 0.75
    said = found.sentences()[-1]
    assert said.startswith("To fit this space: keep_prob 0.9 filled in (in 2); optimizer dropped (in 2); ")
    assert "rate 0.5 -> 0.1 (in 1)" in said


def test_those_that_become_the_same_are_dropped_and_said():
    new = OLD.with_(rate=log(1e-4, 0.01))
    old = [{"rate": rate, "layers": 1, "optimizer": "adam"} for rate in (0.5, 0.1, 0.001, 0.02)]
    found = elites_of(STUDY, tried(old), new)
    assert [elite.trial for elite in found.elites] == [0, 2]
    assert found.duplicates == (1, 3)
    assert found.sentences()[1] == "2 more became the same as a better one in this space and were dropped."


def test_conditional_names_exist_only_where_they_do_in_the_new_space():
    old = Space({"optimizer": choice("adam", "momentum"), "momentum": when(linear(0.5, 0.9), optimizer="momentum"), "rate": log(1e-3, 1)})
    trials = tried([{"optimizer": "momentum", "momentum": 0.8, "rate": 0.1}, {"optimizer": "adam", "rate": 0.2}])
    always = Space({"optimizer": choice("adam", "momentum"), "momentum": linear(0.5, 0.9), "rate": log(1e-3, 1)})
    never = Space({"optimizer": "adam", "momentum": when(linear(0.5, 0.9), optimizer="adam"), "rate": log(1e-3, 1)})
    default = {"optimizer": "adam", "momentum": 0.6, "rate": 0.01}
    assert elites_of(STUDY, trials, old, default=default).configurations == [dict(one.configuration) for one in trials]
    assert [one["momentum"] for one in elites_of(STUDY, trials, always, default=default).configurations] == [0.8, 0.6]
    found = elites_of(STUDY, trials, never)
    assert found.elites[0].changes == ("optimizer momentum -> adam",)
    for configuration in found.configurations:
        never.validate(configuration)


def test_constraints_of_the_new_space_hold():
    new = Space({"rate": log(1e-4, 1.0), "layers": integer(1, 4), "optimizer": "adam"}, constraints=("layers < 3 or rate < 0.01",))
    found = elites_of(STUDY, tried(drawn(OLD, 60)), new)
    for configuration in found.configurations:
        new.validate(configuration)


def test_where_each_trial_comes_from_is_marked():
    found = elites_of(STUDY, tried(drawn(OLD, 8)), OLD.with_(layers=integer(1, 2)))
    moved = next(number for number, elite in enumerate(found.elites) if elite.changes)
    assert found.detail(moved) == {
        "study": "adult", "trial": found.elites[moved].trial, "changes": list(found.elites[moved].changes)
    }  # fmt: skip
    assert found.detail(len(found.elites)) is None
    facts = json.loads(json.dumps(found.to_dict()))
    assert facts["study"] == "adult"
    assert facts["trials"] == [elite.trial for elite in found.elites]
    assert facts["changes"][str(found.elites[moved].trial)] == list(found.elites[moved].changes)


def test_a_study_that_has_nothing_to_give_is_refused():
    with pytest.raises(StudyError, match="a warm start needs a study with trained trials, got 'adult', which has none; name another"):
        elites_of(STUDY, [Trial(number=0, configuration={"rate": 1}, state=TrialState.FAILED)], OLD)
    with pytest.raises(StudyError, match="got 'adult' with depth, where this space searches layers, rate; name another study"):
        elites_of(STUDY, tried([{"depth": 3}]), OLD)


def warm(space, seed, make):
    """Seven configurations of another study first."""
    given = [one for one in drawn(space, 7, seed=seed + 100) if one is not None]
    return WarmStarted(space, make(space, seed), given)


SAMPLERS = {
    "random": lambda space, seed: RandomSampler(space, seed=seed),
    "sobol": lambda space, seed: SobolSampler(space, seed=seed),
    "grid": lambda space, seed: GridSampler(space, seed=seed, points=3),
    "coarse to fine": lambda space, seed: CoarseToFineSampler(space, seed=seed, coarse=8, fine=5),
    "zoom": lambda space, seed: ZoomSampler(space, seed=seed, start=8, exact=True),
}


@pytest.mark.parametrize("claim", SAMPLER_CONTRACT, ids=lambda claim: claim.__name__)
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_warm_started_sampler_keeps_the_contract(name, claim):
    claim(lambda space, seed: warm(space, seed, SAMPLERS[name]))


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_elites_come_first_and_only_once(name):
    size = int(FINITE_CONDITIONAL.size)
    given = [FINITE_CONDITIONAL.at(number) for number in (5, 0, 9)]
    proposals = run(WarmStarted(FINITE_CONDITIONAL, SAMPLERS[name](FINITE_CONDITIONAL, 0), given), size + 1)
    assert proposals[:3] == given
    assert all(proposals.count(one) == 1 for one in given)
    assert proposals.index(None) == size


def test_without_elites_it_is_the_sampler_itself():
    for make in SAMPLERS.values():
        assert run(WarmStarted(OLD, make(OLD, 3), []), 24) == run(make(OLD, 3), 24)


class Noted:
    """A sampler that goes through a list and notes what it hears."""

    def __init__(self, configurations):
        self.configurations, self.heard = configurations, []

    def propose(self, number):
        return self.configurations[number] if number < len(self.configurations) else None

    def observe(self, number, epoch, value):
        self.heard.append((number, epoch, value))


def test_the_sampler_behind_hears_of_what_it_proposed_by_its_own_numbers_and_of_elites_once_it_came_to_them():
    one, two, three, four = drawn(OLD, 4)
    inner = Noted([three, two, four])
    sampler = WarmStarted(OLD, inner, [one, two])
    assert [sampler.propose(number) for number in range(3)] == [one, two, three]
    sampler.observe(1, 1, 0.3)
    sampler.observe(1, 4, 0.2)
    sampler.observe(2, 1, 0.5)
    assert inner.heard == [(0, 1, 0.5)]
    assert sampler.propose(3) == four
    assert inner.heard[1:] == [(1, 1, 0.3), (1, 4, 0.2)]
    sampler.observe(1, 16, 0.1)
    sampler.observe(0, 1, 0.9)
    sampler.observe(3, 1, 0.4)
    assert inner.heard[3:] == [(1, 16, 0.1), (2, 1, 0.4)]
    assert sampler.propose(4) is None


def test_a_list_that_does_not_fit_is_refused():
    one, two = drawn(OLD, 2)
    with pytest.raises(SpaceError, match=r"configuration 2 of the warm start: rate must be in log 0\.0001 \.\. 1, got 3"):
        WarmStarted(OLD, Noted([]), [one, {**two, "rate": 3}])
    with pytest.raises(SpaceError, match="a warm start must hold each configuration once, got number 3 before; drop it"):
        WarmStarted(OLD, Noted([]), [one, two, one])


def test_elites_of_one_are_spoken_of_as_one():
    found = elites_of(STUDY, tried(drawn(OLD, 1)), OLD)
    assert isinstance(found, Elites)
    assert found.sentences() == ["The first trial begins with the best configuration of study 'adult'."]


@pytest.mark.parametrize("error", [lambda x: (x - 0.9) ** 2, lambda x: (x - 0.1) ** 2])
def test_a_zoom_learns_from_the_elites(error):
    """Six elites all over the axis: what comes after them lies where the best of them does."""
    line = Space({"x": linear(0, 1)})
    elites = [{"x": x} for x in (0.05, 0.25, 0.45, 0.65, 0.85, 0.95)]
    search = make_search("zoom", line, seed=1, first=elites[0], elites=elites[1:], last=1, epochs=None, trials=None)
    tried = []
    for _ in range(12):
        job = search.ask()
        tried.append(job.configuration["x"])
        search.tell(job, [error(tried[-1])], TrialState.FINISHED)
    assert tried[:6] == [one["x"] for one in elites]
    assert min(error(x) for x in tried[6:]) < 1e-4
