"""Sobol search hands out SciPy's sequence, point by point."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import qmc

from osetra.core.errors import SpaceError
from osetra.core.seeding import Seed
from osetra.search.random import RandomSampler
from osetra.search.sobol import SobolSampler
from osetra.space import Space, choice, integer, linear, log
from osetra.testing.samplers import CONSTRAINED, FLOATS

CUBE = Space({name: linear(0, 1) for name in "abcde"})


def points(sampler, space, count):
    return np.array([space.encode(sampler.propose(number)) for number in range(count)])


def scipy_points(axes, seed, count):
    return qmc.Sobol(axes, rng=np.random.default_rng(int(Seed(study=seed).key("sobol")))).random(count)


def test_it_is_scipys_sequence():
    assert points(SobolSampler(CUBE, seed=3), CUBE, 256) == pytest.approx(scipy_points(5, 3, 256), abs=1e-15)


def test_every_power_of_two_of_trials_fills_each_axis_evenly():
    found = points(SobolSampler(CUBE, seed=1), CUBE, 64)
    for axis in range(5):
        assert (np.histogram(found[:, axis], bins=64, range=(0, 1))[0] == 1).all()


def test_it_covers_the_cube_more_evenly_than_random_search():
    for count in (50, 200):
        sobol = [qmc.discrepancy(points(SobolSampler(CUBE, seed=seed), CUBE, count)) for seed in range(3)]
        drawn = [qmc.discrepancy(points(RandomSampler(CUBE, seed=seed), CUBE, count)) for seed in range(3)]
        assert max(sobol) < 0.5 * min(drawn)


@given(st.integers(0, 2**32), st.integers(0, 200))
@settings(max_examples=15, deadline=None)
def test_a_trial_follows_from_its_number(seed, number):
    for space in (FLOATS, CONSTRAINED):
        whole, alone = SobolSampler(space, seed=seed), SobolSampler(space, seed=seed)
        assert [whole.propose(earlier) for earlier in range(number + 1)][-1] == alone.propose(number)


def test_numbers_may_be_passed_over():
    whole, some = SobolSampler(FLOATS, seed=2), SobolSampler(FLOATS, seed=2)
    every = [whole.propose(number) for number in range(200)]
    assert [some.propose(number) for number in (3, 63, 64, 65, 199)] == [every[number] for number in (3, 63, 64, 65, 199)]


def test_constraints_only_thin_the_sequence_out():
    space = Space({"a": linear(0, 1), "b": linear(0, 1)}, constraints=("a + b <= 0.7",))
    kept = [point for point in scipy_points(2, 5, 512).tolist() if sum(point) <= 0.7][:60]
    assert points(SobolSampler(space, seed=5), space, 60) == pytest.approx(np.array(kept), abs=1e-12)


def test_the_first_configuration_pushes_the_sequence_on_by_one():
    space = Space({"rate": log(1e-4, 1), "kind": choice("a", "b")})
    first = {"rate": 0.01, "kind": "b"}
    with_it, without = SobolSampler(space, seed=0, first=first), SobolSampler(space, seed=0)
    assert [with_it.propose(number) for number in range(9)] == [first, *(without.propose(number) for number in range(8))]


def test_rare_configurations_are_found_when_the_sequence_no_longer_brings_them():
    space = Space({"a": integer(0, 700), "b": choice("x", "y", "z")})
    sampler = SobolSampler(space, seed=0)
    assert len({space.key(sampler.propose(number)) for number in range(2103)}) == 2103
    assert sampler.propose(2103) is None


def test_more_axes_than_have_direction_numbers_are_refused():
    with pytest.raises(SpaceError, match="Sobol search needs at most 21201 searched hyperparameters, got 21202; fix some of them"):
        SobolSampler(_Wide(), seed=0)  # type: ignore[arg-type]


class _Wide:
    """As many names as a space could have; a real one of them takes long to make."""

    names = ("x",) * 21_202
