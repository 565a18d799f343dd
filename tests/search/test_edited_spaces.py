"""What a search makes of a space that is edited while it runs."""

import importlib.util

import numpy as np
import pytest

from osetra.core.errors import SpaceError
from osetra.core.records import Trial, TrialState
from osetra.diagnosis.boundaries import boundaries
from osetra.search.coarse_to_fine import CoarseToFineSampler
from osetra.search.grid import GridSampler
from osetra.search.importance import importance
from osetra.search.listed import ListSampler
from osetra.search.optuna_sampler import OptunaSampler
from osetra.search.proposed import placed
from osetra.search.random import RandomSampler
from osetra.search.sobol import SobolSampler
from osetra.search.warm_start import Elite, Elites, WarmStarted
from osetra.search.waves import Waves
from osetra.search.zoom import ZoomSampler
from osetra.space import Space, choice, integer, linear, log, ordinal
from osetra.study.phases import Phases
from osetra.testing.searches import LAST, follow

needs_optuna = pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="Optuna, an optional plug-in, is not installed")
SPACE = Space({"rate": log(1e-4, 1), "keep": linear(0, 1), "kind": choice("a", "b"), "eps": 1e-8})
LEARNERS = [
    pytest.param(lambda space: ZoomSampler(space, seed=2, start=12, explore=0.0), id="zoom"),
    pytest.param(lambda space: CoarseToFineSampler(space, seed=2, coarse=12, fine=10), id="coarse to fine"),
    pytest.param(lambda space: ZoomSampler(space, seed=2, start=12, explore=0.0, exact=True), id="zoom, exact"),
]


def bowl(configuration):
    """Best at a rate of 0.01 and keep 0.8; b is worse by far."""
    return abs(np.log10(configuration["rate"]) + 2) + abs(configuration["keep"] - 0.8) + 2 * (configuration["kind"] == "b")


def search(sampler, numbers):
    proposals = []
    for number in numbers:
        proposals.append(sampler.propose(number))
        sampler.observe(number, 1, bowl(proposals[-1]))
    return proposals


@pytest.mark.parametrize("make", LEARNERS)
def test_what_was_learned_before_an_edit_counts_after_it(make):
    """One sampler heard of the trials before the edit how good they were, another that they were all alike."""

    def after(error):
        sampler = make(SPACE)
        for number in range(24):
            sampler.observe(number, 1, error(sampler.propose(number)))
        sampler.edit(SPACE.fix("eps", 1e-7).fix("keep", 0.8))
        proposals = [sampler.propose(number) for number in range(24, 38)]
        assert all(configuration["keep"] == 0.8 for configuration in proposals)
        return np.mean([configuration["kind"] == "a" for configuration in proposals])

    assert after(bowl) > max(0.7, after(lambda _: 1.0))


# Zoom as the default search has it: what is far from all good ones is left to its share of Sobol points.
@pytest.mark.parametrize("make", [pytest.param(lambda space: ZoomSampler(space, seed=2, start=12), id="zoom"), *LEARNERS[1:]])
def test_what_an_edit_adds_is_tried(make):
    sampler = make(SPACE)
    search(sampler, range(21))
    sampler.edit(SPACE.add_choice("kind", "c").widen("rate", 1e-8, 1).release("eps", ordinal(1e-9, 1e-8, 1e-7)))
    after = search(sampler, range(21, 41))
    assert {configuration["kind"] for configuration in after} >= {"a", "c"}
    assert min(configuration["rate"] for configuration in after) < 1e-4
    assert {configuration["eps"] for configuration in after} >= {1e-8, 1e-7}


@pytest.mark.parametrize(
    "make", [RandomSampler, SobolSampler, ZoomSampler, CoarseToFineSampler, pytest.param(OptunaSampler, marks=needs_optuna)]
)
def test_a_refused_edit_changes_nothing(make):
    space = Space({"a": integer(0, 30), "b": linear(0, 1)})
    one, other = make(space, seed=3), make(space, seed=3)
    for impossible in (
        space.replace({}, constraints=("b > 2",)),
        Space({"a": integer(0, 3)}, constraints=("a > 3",)),
    ):
        with pytest.raises(SpaceError, match="the constraints must leave something to search"):
            one.edit(impossible)
    assert [one.propose(number) for number in range(8)] == [other.propose(number) for number in range(8)]


def test_a_trial_counts_where_its_error_means_what_it_did():
    narrow = SPACE.narrow("rate", 1e-3, 1e-1)
    trial = {"rate": 0.5, "keep": 0.2, "kind": "a", "eps": 1e-8}
    assert placed(narrow, trial) is None
    assert placed(narrow, {**trial, "rate": 0.05}) == {**trial, "rate": 0.05}
    assert placed(SPACE.fix("rate", 0.01), trial) == {**trial, "rate": 0.01}
    assert placed(SPACE.fix("kind", "b"), trial) is None
    assert placed(SPACE.fix("kind", "a"), trial) == trial
    assert placed(SPACE.with_(depth=integer(1, 3)), trial) == {**trial, "depth": 2}
    assert placed(SPACE.replace({}, constraints=("rate < 0.1",)), trial) is None
    # Fixed where what the trial has besides would break a constraint.
    assert placed(SPACE.replace({"eps": 0.6}, constraints=("eps + rate <= 1",)), trial) is None


def test_sobol_fills_the_gaps_of_what_is_still_searched():
    """Thirty-two points of a sequence have one in each of 32 stretches of an axis, whatever was fixed half-way."""
    space = Space({"a": linear(0, 1), "b": linear(0, 1), "c": linear(0, 1)})
    sampler = SobolSampler(space, seed=1)
    before = [sampler.propose(number) for number in range(16)]
    sampler.edit(space.fix("b", 0.5))
    proposals = before + [sampler.propose(number) for number in range(16, 32)]
    for name in ("a", "c"):
        assert sorted(int(configuration[name] * 32) for configuration in proposals) == list(range(32))
    sampler.edit(space.with_(d=linear(0, 1)))
    later = [sampler.propose(number) for number in range(32, 64)]
    assert not {configuration["a"] for configuration in later} & {configuration["a"] for configuration in proposals}


def test_a_grid_is_laid_anew():
    space = Space({"rate": log(1e-2, 1), "kind": choice("a", "b")})
    sampler = GridSampler(space, seed=0, points={"rate": 3})
    first = [sampler.propose(number) for number in range(2)]
    sampler.edit(space.widen("rate", 1e-4, 1))
    rest = [sampler.propose(number) for number in range(2, 9)]
    wanted = {(rate, kind) for rate in (1e-4, 1e-2, 1.0) for kind in "ab"}
    seen = {(round(configuration["rate"], 9), configuration["kind"]) for configuration in [*first, *rest] if configuration is not None}
    assert wanted <= seen
    assert sampler.describe() == "a grid of 6 points: kind 2, rate 3"
    with pytest.raises(SpaceError, match=r"a grid needs a number of points for eps, .* or list its values with ordinal"):
        GridSampler(SPACE, seed=0, points={"rate": 3, "keep": 2}).edit(SPACE.release("eps", log(1e-9, 1e-7)))


def test_a_list_goes_on_with_what_lies_in_the_space_as_it_was_written():
    written = [{"rate": rate, "keep": 0.5, "kind": kind} for rate in (0.5, 0.01, 0.001) for kind in "ab"]
    sampler = ListSampler(SPACE, written)
    assert sampler.propose(0) == {**written[0], "eps": 1e-8}
    sampler.edit(SPACE.narrow("rate", 1e-3, 1e-1).fix("kind", "b").fix("eps", 1e-7))
    assert [sampler.propose(number) for number in (1, 2, 3)] == [{**written[3], "eps": 1e-7}, {**written[5], "eps": 1e-7}, None]
    sampler.edit(SPACE)
    assert sampler.propose(3) is None


def test_a_warm_start_leaves_out_elites_that_do_not_fit_and_marks_the_others():
    configurations = [{"rate": rate, "keep": 0.5, "kind": "a", "eps": 1e-8} for rate in (0.5, 0.3, 0.01, 0.02)]
    sampler = WarmStarted(SPACE, RandomSampler(SPACE, seed=0), configurations)
    assert sampler.propose(0) == configurations[0]
    narrow = SPACE.narrow("rate", 1e-3, 1e-1)
    sampler.edit(narrow)
    assert [sampler.propose(number) for number in (1, 2)] == configurations[2:]
    narrow.validate(sampler.propose(3))
    elites = Elites(
        study="old",
        elites=tuple(Elite(configuration=one, trial=10 + n, changes=()) for n, one in enumerate(configurations)),
        duplicates=(),
    )
    assert elites.detail(1, configurations[2]) == {"study": "old", "trial": 12, "changes": []}
    assert elites.detail(3, {"rate": 0.05, "keep": 0.1, "kind": "a", "eps": 1e-8}) is None
    assert elites.detail(1) == {"study": "old", "trial": 11, "changes": []}


@needs_optuna
def test_optuna_knows_the_trials_before_an_edit_by_their_places_in_the_edited_space():
    sampler = OptunaSampler(SPACE, seed=2)
    proposals = search(sampler, range(12))
    proposals.append(sampler.propose(12))
    sampler.edit(SPACE.narrow("rate", 1e-3, 1e-1).fix("keep", 0.8).release("eps", log(1e-10, 1e-6)))
    known = [configuration for configuration in proposals if 1e-3 <= configuration["rate"] <= 1e-1]
    trials = sampler._study.trials
    assert 0 < len(known) < 12
    assert [trial.params["rate"] for trial in trials] == [log(1e-3, 1e-1).encode(configuration["rate"]) for configuration in known]
    assert {tuple(trial.params) for trial in trials} == {("eps", "kind", "rate")}
    wanted = [bowl(configuration) if configuration is not proposals[12] else None for configuration in known]
    assert [trial.value for trial in trials] == wanted
    # Back in the old space those that were left out count again, with what was heard of them meanwhile.
    sampler.observe(12, 1, 7.0)
    sampler.edit(SPACE)
    assert [trial.value for trial in sampler._study.trials] == [*map(bowl, proposals[:12]), 7.0]


@needs_optuna
def test_a_sampler_object_of_optuna_goes_on_after_an_edit():
    import optuna

    space = Space({"a": linear(0, 1), "b": linear(0, 1), "c": 0.5})
    for made in (optuna.samplers.RandomSampler(seed=1), optuna.samplers.TPESampler(seed=1, n_startup_trials=5)):
        sampler = OptunaSampler(space, seed=0, sampler=made)
        for number in range(10):
            sampler.observe(number, 1, sampler.propose(number)["a"])
        edited = space.fix("b", 0.25).release("c", linear(0, 1))
        sampler.edit(edited)
        known = [trial.value for trial in sampler._study.trials]
        assert len(known) == 10
        assert None not in known
        for number in range(10, 20):
            edited.validate(sampler.propose(number))
            sampler.observe(number, 1, 0.5)


def test_the_finals_of_an_edited_search_are_of_its_best_wherever_they_lie():
    space = Space({"rate": log(1e-4, 1), "keep": linear(0, 1)})
    narrow = space.narrow("keep", 0.0, 0.1)
    configurations = {}

    def errors(trial):
        return np.full(LAST, 1.0 - configurations[trial]["keep"])

    class Noted(Phases):
        def ask(self):
            job = super().ask()
            if job is not None:
                configurations[job.trial] = job.configuration
            return job

    phases = Noted(Waves(space, seed=0, last=LAST, budget=200), last=LAST, final_epochs=4 * 3 * LAST)
    course = follow(phases, errors=errors, trouble=False, edits={30: narrow})
    begun = {job.trial for job in course.jobs[:30]}
    searched = {number for number in configurations if number not in begun and not phases.is_final(number)}
    assert searched
    assert all(configurations[number]["keep"] <= 0.1 for number in searched)
    best = max(begun, key=lambda number: configurations[number]["keep"])
    assert phases.results[0].configuration["keep"] >= 0.5
    assert phases.results[0].configuration["keep"] <= configurations[best]["keep"]


def trials_of(space, count, error, *, seed=0):
    sampler = RandomSampler(space, seed=seed)
    made = []
    for number in range(count):
        configuration = sampler.propose(number)
        value = error(configuration)
        made.append(Trial(number=number, configuration=configuration, state=TrialState.FINISHED, epochs=5, dev_error=value, dev_loss=value))
    return made


EDITED = {
    "narrowed": SPACE.narrow("rate", 1e-3, 1e-1),
    "narrowed and widened": SPACE.narrow("keep", 0.4, 0.6).widen("rate", 1e-9, 10),
    "fixed": SPACE.fix("kind", "a"),
    "given a choice": SPACE.add_choice("kind", "c"),
    "released": SPACE.release("eps", log(1e-10, 1e-6)),
    "another kind of scale": SPACE.with_(rate=choice("slow", "fast"), kind=ordinal(1, 2, 3), keep=integer(0, 5)),
    "other names": SPACE.with_(depth=integer(1, 5)),
}


@pytest.mark.parametrize("name", EDITED)
def test_importance_and_boundaries_take_trials_from_outside_the_space(name):
    space, trials = EDITED[name], sorted(trials_of(SPACE, 60, bowl), key=lambda trial: trial.dev_error)
    found = importance(space, trials)
    assert {one.name for one in found.hyperparameters} == set(space.names)
    assert all(np.isfinite([one.share, one.low, one.high]).all() for one in found.hyperparameters)
    for boundary in boundaries(space, trials, best=trials[0]):
        assert space.scales[boundary.name].contains(boundary.value)


def test_importance_still_finds_what_matters_after_an_edit():
    trials = trials_of(SPACE, 200, lambda configuration: abs(np.log10(configuration["rate"]) + 2))
    assert importance(SPACE.widen("rate", 1e-6, 1).add_choice("kind", "c"), trials).hyperparameters[0].name == "rate"


def test_a_best_trial_outside_a_narrowed_range_is_on_none_of_its_ends():
    # The best lie at the upper end of the range as it was, and outside the range as it is.
    trials = sorted(trials_of(SPACE, 60, lambda configuration: -configuration["rate"]), key=lambda trial: trial.dev_error)
    assert [(found.name, found.end) for found in boundaries(SPACE, trials, best=trials[0])] == [("rate", "upper")]
    assert boundaries(SPACE.narrow("rate", 1e-4, 1e-2), trials, best=trials[0]) == ()
    assert boundaries(SPACE.widen("rate", 1e-4, 1e4), trials, best=trials[0]) == ()
