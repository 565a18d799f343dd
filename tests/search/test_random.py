"""Random search draws each trial on its own; that it keeps the samplers' contract is in `test_samplers`."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.search.proposed import Remaining as _Remaining
from osetra.search.random import RandomSampler
from osetra.space import Space, choice, integer, linear, log, log_integer, powers_of_two
from osetra.testing.samplers import FLOATS

seeds = st.integers(0, 2**32)
entries = st.sampled_from([integer(0, 3), choice("a", "b", "c"), powers_of_two(2, 8), log_integer(1, 6), 7])
finite_spaces = st.dictionaries(st.sampled_from("abc"), entries).map(Space)


@given(finite_spaces, seeds)
@settings(max_examples=30, deadline=None)
def test_a_finite_space_gives_each_configuration_once_and_then_none(space, seed):
    sampler = RandomSampler(space, seed=seed)
    proposals = [sampler.propose(number) for number in range(int(space.size))]
    assert len({tuple(proposal.items()) for proposal in proposals if proposal is not None}) == space.size
    assert sampler.propose(int(space.size)) is None
    assert sampler.propose(int(space.size) + 1) is None


@given(finite_spaces, seeds, st.data())
@settings(max_examples=30, deadline=None)
def test_the_first_configuration_counts_as_proposed(space, seed, data):
    first = space.at(data.draw(st.integers(0, int(space.size) - 1)))
    sampler = RandomSampler(space, seed=seed, first=first)
    proposals = [sampler.propose(number) for number in range(int(space.size) + 1)]
    assert proposals[0] == first
    assert proposals.count(first) == 1
    assert proposals.index(None) == space.size


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_a_trial_draws_the_same_whatever_came_before(seed):
    whole = RandomSampler(FLOATS, seed=seed)
    alone = RandomSampler(FLOATS, seed=seed)
    assert [whole.propose(number) for number in range(6)][5] == alone.propose(5)


def test_results_change_nothing():
    heard, deaf = RandomSampler(FLOATS, seed=1), RandomSampler(FLOATS, seed=1)
    for number in range(20):
        configuration = heard.propose(number)
        assert configuration == deaf.propose(number)
        heard.observe(number, 1, 0.01 * number)


def test_a_first_configuration_outside_the_space_is_refused():
    with pytest.raises(SpaceError, match=r"a must be in integer 1 \.\. 3, got 9; the nearest is 3"):
        RandomSampler(Space({"a": integer(1, 3)}), seed=0, first={"a": 9})


def test_draws_are_uniform_in_unit_coordinates():
    space = Space({"rate": log(1e-4, 1), "kind": choice("a", "b", "c", "d")})
    sampler = RandomSampler(space, seed=3)
    points = np.array([space.encode(sampler.propose(number)) for number in range(2000)])
    assert np.histogram(points[:, 1], bins=4, range=(0, 1))[0] / 2000 == pytest.approx([0.25] * 4, abs=0.04)
    assert np.histogram(points[:, 0], bins=4, range=(0, 1))[0] / 2000 == pytest.approx([0.25] * 4, abs=0.04)
    assert abs(np.corrcoef(points.T)[0, 1]) < 0.08


def test_the_last_configurations_of_a_large_space_are_found_without_guessing():
    space = Space({"steps": log_integer(1, 3000)})
    sampler = RandomSampler(space, seed=0)
    assert sorted(sampler.propose(number)["steps"] for number in range(3000)) == list(range(1, 3001))
    assert sampler.propose(3000) is None


def test_floats_between_almost_equal_bounds_end_in_none_rather_than_never():
    sampler = RandomSampler(Space({"a": linear(1.0, math.nextafter(1.0, 2.0))}), seed=0)
    proposals = [sampler.propose(number) for number in range(3)]
    assert {proposal["a"] for proposal in proposals[:2]} == {1.0, math.nextafter(1.0, 2.0)}
    assert proposals[2] is None


def test_a_space_with_nothing_to_search_has_one_configuration():
    sampler = RandomSampler(Space({"optimizer": "adam"}), seed=0)
    assert [sampler.propose(0), sampler.propose(1)] == [{"optimizer": "adam"}, None]


def test_a_space_larger_than_64_bits_is_searched():
    space = Space({f"x{i}": integer(0, 2**40) for i in range(40)})
    sampler = RandomSampler(space, seed=0)
    assert sampler.propose(0) != sampler.propose(1)


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
