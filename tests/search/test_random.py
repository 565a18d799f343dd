"""Random search keeps the searchers' contract and draws each trial on its own."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.core.records import Trial, TrialState
from osetra.search import RandomSearch
from osetra.search.proposed import Remaining as _Remaining
from osetra.space import Space, choice, integer, linear, log, log_integer, powers_of_two
from osetra.testing.searchers import FLOATS, SEARCHER_CONTRACT

seeds = st.integers(0, 2**32)
entries = st.sampled_from([integer(0, 3), choice("a", "b", "c"), powers_of_two(2, 8), log_integer(1, 6), 7])
finite_spaces = st.dictionaries(st.sampled_from("abc"), entries).map(Space)


@pytest.mark.parametrize("claim", SEARCHER_CONTRACT, ids=lambda claim: claim.__name__)
def test_random_search_keeps_the_contract(claim):
    claim(lambda space, seed: RandomSearch(space, seed=seed))


class Broken:
    """A searcher that breaks one promise of the contract."""

    def __init__(self, space, seed, fault):
        self.space, self.fault = space, fault
        self.whole = RandomSearch(space, seed=0 if fault == "ignores its seed" else seed)

    def ask(self, number):
        proposal = self.whole.ask(0 if number == 1 and self.fault == "repeats" else number)
        if proposal is None:
            return {"num_layers": 1} if self.fault == "never ends" else None
        if self.fault == "gives up early" and number == 7:
            return None
        if self.fault == "leaves the space":
            return {**proposal, "optimizer": "gd"}
        if self.fault == "repeats":
            return self.space.nearest({})
        if self.fault == "follows the order" and len(self.space.scales) > 3:
            return {**proposal, "keep_prob": 0.5 if self.space.describe().startswith("learning_rate") else 1.0}
        if self.fault == "uses shared randomness" and "keep_prob" in proposal:
            return {**proposal, "keep_prob": 0.5 + np.random.random() / 2}  # noqa: NPY002  the fault itself
        return proposal

    def tell(self, trial):
        pass


@pytest.mark.parametrize(
    ("fault", "claim"),
    [
        ("leaves the space", "proposals_lie_in_the_space"),
        ("repeats", "no_configuration_is_proposed_twice"),
        ("gives up early", "a_finite_space_is_used_up_exactly"),
        ("never ends", "a_finite_space_is_used_up_exactly"),
        ("uses shared randomness", "the_same_seed_and_results_give_the_same_proposals"),
        ("uses shared randomness", "shared_randomness_is_neither_used_nor_changed"),
        ("ignores its seed", "another_seed_gives_other_proposals"),
        ("follows the order", "the_order_of_a_space_changes_nothing"),
    ],
)
def test_the_contract_catches_a_searcher_that_breaks_it(fault, claim):
    broken = next(check for check in SEARCHER_CONTRACT if check.__name__ == claim)
    with pytest.raises((AssertionError, SpaceError)):
        broken(lambda space, seed: Broken(space, seed, fault))


@given(finite_spaces, seeds)
@settings(max_examples=30, deadline=None)
def test_a_finite_space_gives_each_configuration_once_and_then_none(space, seed):
    searcher = RandomSearch(space, seed=seed)
    proposals = [searcher.ask(number) for number in range(int(space.size))]
    assert len({tuple(proposal.items()) for proposal in proposals if proposal is not None}) == space.size
    assert searcher.ask(int(space.size)) is None
    assert searcher.ask(int(space.size) + 1) is None


@given(finite_spaces, seeds, st.data())
@settings(max_examples=30, deadline=None)
def test_the_first_configuration_counts_as_proposed(space, seed, data):
    first = space.at(data.draw(st.integers(0, int(space.size) - 1)))
    searcher = RandomSearch(space, seed=seed, first=first)
    proposals = [searcher.ask(number) for number in range(int(space.size) + 1)]
    assert proposals[0] == first
    assert proposals.count(first) == 1
    assert proposals.index(None) == space.size


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_a_trial_draws_the_same_whatever_came_before(seed):
    whole = RandomSearch(FLOATS, seed=seed)
    alone = RandomSearch(FLOATS, seed=seed)
    assert [whole.ask(number) for number in range(6)][5] == alone.ask(5)


def test_results_change_nothing():
    heard, deaf = RandomSearch(FLOATS, seed=1), RandomSearch(FLOATS, seed=1)
    for number in range(20):
        configuration = heard.ask(number)
        assert configuration == deaf.ask(number)
        heard.tell(Trial(number=number, configuration=configuration, state=TrialState.FINISHED, dev_error=0.01 * number))


def test_a_first_configuration_outside_the_space_is_refused():
    with pytest.raises(SpaceError, match=r"a must be in integer 1 \.\. 3, got 9; the nearest is 3"):
        RandomSearch(Space({"a": integer(1, 3)}), seed=0, first={"a": 9})


def test_draws_are_uniform_in_unit_coordinates():
    space = Space({"rate": log(1e-4, 1), "kind": choice("a", "b", "c", "d")})
    searcher = RandomSearch(space, seed=3)
    points = np.array([space.encode(searcher.ask(number)) for number in range(2000)])
    assert np.histogram(points[:, 1], bins=4, range=(0, 1))[0] / 2000 == pytest.approx([0.25] * 4, abs=0.04)
    assert np.histogram(points[:, 0], bins=4, range=(0, 1))[0] / 2000 == pytest.approx([0.25] * 4, abs=0.04)
    assert abs(np.corrcoef(points.T)[0, 1]) < 0.08


def test_the_last_configurations_of_a_large_space_are_found_without_guessing():
    space = Space({"steps": log_integer(1, 3000)})
    searcher = RandomSearch(space, seed=0)
    assert sorted(searcher.ask(number)["steps"] for number in range(3000)) == list(range(1, 3001))
    assert searcher.ask(3000) is None


def test_floats_between_almost_equal_bounds_end_in_none_rather_than_never():
    searcher = RandomSearch(Space({"a": linear(1.0, math.nextafter(1.0, 2.0))}), seed=0)
    proposals = [searcher.ask(number) for number in range(3)]
    assert {proposal["a"] for proposal in proposals[:2]} == {1.0, math.nextafter(1.0, 2.0)}
    assert proposals[2] is None


def test_a_space_with_nothing_to_search_has_one_configuration():
    searcher = RandomSearch(Space({"optimizer": "adam"}), seed=0)
    assert [searcher.ask(0), searcher.ask(1)] == [{"optimizer": "adam"}, None]


def test_a_space_larger_than_64_bits_is_searched():
    space = Space({f"x{i}": integer(0, 2**40) for i in range(40)})
    searcher = RandomSearch(space, seed=0)
    assert searcher.ask(0) != searcher.ask(1)


@settings(deadline=None)
@given(st.integers(1, 60), st.randoms(use_true_random=False), seeds)
def test_what_remains_is_what_was_not_taken(count, order, seed):
    remaining = _Remaining(count)
    generator = np.random.default_rng(seed)
    left = set(range(count))
    while left:
        drawn = remaining.draw(generator)
        assert drawn in left
        number = order.choice(sorted(left))
        remaining.take(number)
        left.remove(number)
        assert {remaining._number_at.get(place, place) for place in range(remaining.count)} == left


def test_what_remains_is_drawn_alike_often():
    generator = np.random.default_rng(0)
    remaining = _Remaining(6)
    for number in (5, 0):
        remaining.take(number)
    counts = np.bincount([remaining.draw(generator) for _ in range(4000)], minlength=6)
    assert counts[[0, 5]].tolist() == [0, 0]
    assert counts[1:5] / 4000 == pytest.approx([0.25] * 4, abs=0.03)
