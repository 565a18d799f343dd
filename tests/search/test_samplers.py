"""Every sampler keeps the samplers' contract, and the contract catches one that does not."""

import importlib.util
import math

import numpy as np
import pytest

from osetra.core.errors import SpaceError
from osetra.search.coarse_to_fine import CoarseToFineSampler
from osetra.search.grid import GridSampler
from osetra.search.listed import ListSampler
from osetra.search.optuna_sampler import OptunaSampler
from osetra.search.random import RandomSampler
from osetra.search.sobol import SobolSampler
from osetra.search.zoom import ZoomSampler
from osetra.testing.samplers import SAMPLER_CONTRACT


def listed(space, seed):
    """Forty configurations, or all there are."""
    drawn = RandomSampler(space, seed=seed)
    configurations = [drawn.propose(number) for number in range(40)]
    return ListSampler(space, [configuration for configuration in configurations if configuration is not None])


def tpe(seed):
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed, n_startup_trials=5)


def optuna_random(seed):
    from optuna.samplers import RandomSampler as OptunaRandom

    return OptunaRandom(seed=seed)


needs_optuna = pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="Optuna, an optional plug-in, is not installed")
SAMPLERS = [
    pytest.param(lambda space, seed: RandomSampler(space, seed=seed), id="random"),
    pytest.param(lambda space, seed: SobolSampler(space, seed=seed), id="sobol"),
    pytest.param(lambda space, seed: GridSampler(space, seed=seed, points=3), id="grid"),
    pytest.param(listed, id="list"),
    pytest.param(lambda space, seed: CoarseToFineSampler(space, seed=seed, coarse=8, fine=5), id="coarse to fine"),
    pytest.param(lambda space, seed: CoarseToFineSampler(space, seed=seed, coarse=5, fine=5, start="random"), id="coarse to fine, random"),
    pytest.param(lambda space, seed: ZoomSampler(space, seed=seed, start=8), id="zoom"),
    pytest.param(lambda space, seed: ZoomSampler(space, seed=seed, start=8, exact=True), id="zoom, exact"),
    pytest.param(lambda space, seed: OptunaSampler(space, seed=seed, sampler=tpe), id="optuna TPE", marks=needs_optuna),
    pytest.param(lambda space, seed: OptunaSampler(space, seed=seed, sampler=optuna_random), id="optuna random", marks=needs_optuna),
]


@pytest.mark.parametrize("claim", SAMPLER_CONTRACT, ids=lambda claim: claim.__name__)
@pytest.mark.parametrize("make", SAMPLERS)
def test_the_sampler_keeps_the_contract(make, claim):
    claim(make)


class Broken:
    """A sampler that breaks one promise of the contract."""

    def __init__(self, space, seed, fault):
        self.space, self.fault = space, fault
        self.whole = RandomSampler(space, seed=0 if fault == "ignores its seed" else seed)
        self.make_anew = lambda: RandomSampler(self.space, seed=seed)

    def propose(self, number):
        proposal = self.whole.propose(number)
        if proposal is None:
            return {"kind": "plain"} if self.fault == "never ends" else None
        if self.fault == "gives up early" and number == 7:
            return None
        if self.fault == "leaves the space":
            return {**proposal, "optimizer": "sgd"}
        if self.fault == "forgets conditions" and "momentum" in self.space.conditions:
            return {**proposal, "momentum": 0.9}
        if self.fault == "forgets constraints" and "hidden_units" in proposal:
            return {**proposal, "hidden_units": 512}
        if self.fault == "repeats":
            return self.space.nearest({})
        if self.fault == "follows the order" and "keep_prob" in proposal:
            return {**proposal, "keep_prob": 0.5 if self.space.describe().startswith("learning_rate") else 1.0}
        if self.fault == "sees units" and self.space.scales.get("num_layers") and "learning_rate" in proposal:
            return {**proposal, "num_layers": 4 if proposal["learning_rate"] > 1 else 1}
        if self.fault == "uses shared randomness" and "keep_prob" in proposal:
            return {**proposal, "keep_prob": 0.5 + np.random.random() / 2}  # noqa: NPY002  the fault itself
        return proposal

    def observe(self, number, epoch, value):
        self.heard = value

    def edit(self, space):
        if self.fault == "ignores edits":
            return
        self.space = space
        if self.fault == "forgets at edits":
            self.whole = self.make_anew()
            return
        self.whole.edit(space)
        if self.fault == "hears at edits" and self.heard > 0.5:
            self.whole.propose(1000)
            self.whole._seed += 1


@pytest.mark.parametrize(
    ("fault", "claim"),
    [
        ("ignores edits", "proposals_follow_an_edit_and_never_repeat"),
        ("ignores edits", "a_finite_space_made_smaller_is_used_up_exactly"),
        ("forgets at edits", "proposals_follow_an_edit_and_never_repeat"),
        ("hears at edits", "an_edit_is_as_good_before_as_after_what_is_heard"),
        ("leaves the space", "proposals_lie_in_the_space"),
        ("forgets conditions", "proposals_lie_in_the_space"),
        ("forgets constraints", "proposals_lie_in_the_space"),
        ("repeats", "no_configuration_is_proposed_twice"),
        ("gives up early", "a_finite_space_is_used_up_exactly"),
        ("never ends", "a_finite_space_is_used_up_exactly"),
        ("uses shared randomness", "the_same_seed_and_results_give_the_same_proposals"),
        ("uses shared randomness", "shared_randomness_is_neither_used_nor_changed"),
        ("ignores its seed", "another_seed_gives_other_proposals"),
        ("follows the order", "the_order_of_a_space_changes_nothing"),
        ("sees units", "rescaling_a_log_axis_changes_nothing_else"),
    ],
)
def test_the_contract_catches_a_sampler_that_breaks_it(fault, claim):
    broken = next(check for check in SAMPLER_CONTRACT if check.__name__ == claim)
    with pytest.raises((AssertionError, SpaceError)):
        broken(lambda space, seed: Broken(space, seed, fault))


def test_the_contract_passes_what_is_not_broken():
    for claim in SAMPLER_CONTRACT:
        claim(lambda space, seed: Broken(space, seed, ""))


@pytest.mark.parametrize("make", [RandomSampler, SobolSampler, CoarseToFineSampler])
def test_impossible_constraints_end_in_a_message_rather_than_never(make):
    from osetra.space import Space, integer, linear

    floats = Space({"a": linear(0, 1), "b": linear(0, 1)}, constraints=("a + b > 2.5",))
    with pytest.raises(SpaceError, match="the constraints must leave something to search, and none of 10,000 draws satisfied them"):
        make(floats, seed=0).propose(0)
    finite = Space({"a": integer(0, 3)}, constraints=("a > 3",))
    with pytest.raises(SpaceError, match="no configuration satisfies 'a > 3'; loosen them"):
        make(finite, seed=0).propose(0)


@pytest.mark.parametrize("make", [RandomSampler, SobolSampler, CoarseToFineSampler, OptunaSampler])
def test_the_first_configuration_is_what_trial_0_gets_and_counts_as_proposed(make):
    if make is OptunaSampler:
        pytest.importorskip("optuna", reason="Optuna, an optional plug-in, is not installed")
    from osetra.testing.samplers import FINITE_CONDITIONAL

    for index in (0, 7):
        first = FINITE_CONDITIONAL.at(index)
        sampler = make(FINITE_CONDITIONAL, seed=1, first=first)
        proposals = [sampler.propose(number) for number in range(int(FINITE_CONDITIONAL.size) + 1)]
        assert proposals[0] == first
        assert proposals.count(first) == 1
        assert proposals.index(None) == FINITE_CONDITIONAL.size
    with pytest.raises(SpaceError, match="kind is missing; add it"):
        make(FINITE_CONDITIONAL, seed=0, first={"hidden_units": 16})


def test_a_space_too_large_to_be_numbered_under_constraints_is_searched_all_the_same():
    from osetra.space import Space, integer

    space = Space({"a": integer(1, 10**6), "b": integer(1, 10**6)}, constraints=("a < b",))
    assert space.size == math.inf
    for make in (RandomSampler, SobolSampler):
        sampler = make(space, seed=0)
        for number in range(20):
            space.validate(sampler.propose(number))
