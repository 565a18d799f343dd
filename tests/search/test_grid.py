"""A grid holds every combination once, and its words count what it tries."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.search.grid import GridSampler, tries, tries_in_words
from osetra.space import Space, choice, integer, linear, log, log_integer, ordinal, powers_of_two, when


def whole(sampler):
    proposals = [sampler.propose(number) for number in range(sampler.size)]
    assert sampler.propose(sampler.size) is None
    return proposals


def test_it_is_every_combination():
    space = Space({"rate": log(1e-4, 1), "layers": integer(1, 3), "kind": choice("a", "b"), "eps": 1e-8})
    sampler = GridSampler(space, seed=0, points=5)
    found = {(configuration["rate"], configuration["layers"], configuration["kind"]) for configuration in whole(sampler)}
    assert found == set(itertools.product([log(1e-4, 1).decode(u) for u in (0, 0.25, 0.5, 0.75, 1)], (1, 2, 3), ("a", "b")))
    assert sampler.size == 30
    assert sampler.describe() == "a grid of 30 points: kind 2, layers 3, rate 5"


def test_points_lie_evenly_on_the_scale_with_both_bounds_among_them():
    rates = sorted(configuration["a"] for configuration in whole(GridSampler(Space({"a": log(1e-4, 1)}), seed=1, points=5)))
    assert rates == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1], rel=1e-12)
    assert whole(GridSampler(Space({"a": linear(0, 4)}), seed=0, points=1)) == [{"a": 2.0}]


def test_points_by_name_thin_out_counted_scales_too():
    space = Space({"rate": log(1e-4, 1), "units": powers_of_two(16, 256), "steps": log_integer(1, 1000), "kind": choice("a", "b", "c")})
    sampler = GridSampler(space, seed=0, points={"rate": 2, "units": 3, "steps": 3, "kind": 2})
    proposals = whole(sampler)
    assert sorted({configuration["units"] for configuration in proposals}) == [16, 64, 256]
    assert sorted({configuration["steps"] for configuration in proposals}) == [1, 22, 1000]
    assert {configuration["kind"] for configuration in proposals} == {"a", "c"}
    assert sampler.size == 36
    for configuration in proposals:
        space.validate(configuration)


def test_its_order_is_drawn_so_that_a_grid_cut_short_has_not_tried_a_corner_alone():
    space = Space({"a": integer(0, 9), "b": integer(0, 9)})
    sampler = GridSampler(space, seed=0)
    half = [sampler.propose(number)["a"] for number in range(50)]
    assert len(set(half)) == 10
    assert [GridSampler(space, seed=seed).propose(0) for seed in range(4)] != [GridSampler(space, seed=0).propose(0)] * 4


def test_conditions_and_constraints_thin_a_grid_out():
    space = Space(
        {"optimizer": choice("gd", "momentum"), "momentum": when(linear(0.5, 0.9), optimizer="momentum"), "rate": linear(0, 1)},
        constraints=("rate + momentum <= 1",),
    )
    sampler = GridSampler(space, seed=0, points=3)
    found = sorted(
        (str(configuration["optimizer"]), configuration.get("momentum", 0), configuration["rate"]) for configuration in whole(sampler)
    )
    assert found == [
        ("gd", 0, 0),
        ("gd", 0, 0.5),
        ("gd", 0, 1),
        ("momentum", 0.5, 0),
        ("momentum", 0.5, 0.5),
        ("momentum", 0.7, 0),
        ("momentum", 0.9, 0),
    ]


@pytest.mark.parametrize(
    ("space", "points", "message"),
    [
        (Space({"a": log(1, 2)}), None, "a grid needs a number of points for a, which is log 1 .. 2, got none; such as points={'a': 5}"),
        (Space({"a": log(1, 2), "b": log(1, 2)}), {"a": 3}, "a grid needs a number of points for b"),
        (Space({"a": log(1, 2)}), {"aa": 3}, "points must be of searched hyperparameters, got 'aa'; did you mean a?"),
        (Space({"a": log(1, 2)}), 0, "points of a must be a whole number >= 1, got 0; such as 5"),
        (Space({"a": log(1, 2)}), {"a": 2.5}, "points of a must be a whole number >= 1, got 2.5"),
        (
            Space({"a": linear(0, 1), "b": linear(0, 1)}, constraints=("a < b",)),
            300,
            "got one of more than 50,000 points under constraints\na grid of many points: a 300",
        ),
    ],
)
def test_a_grid_that_cannot_be_made_is_refused(space, points, message):
    with pytest.raises(SpaceError) as caught:
        GridSampler(space, seed=0, points=points)
    assert message in str(caught.value)


def test_two_scales_of_floats_in_25_trials():
    space = Space({"learning_rate": log(1e-4, 1), "eps": log(1e-10, 1e-6)})
    assert {name: (count.grid, count.random) for name, count in tries(space, 25).items()} == {"eps": (5, 25), "learning_rate": (5, 25)}
    assert tries_in_words(space, 25).splitlines() == [
        "Distinct values in 25 trials:",
        "eps: a grid tries 5 values, random search 25 values",
        "learning_rate: a grid tries 5 values, random search 25 values",
        "A grid is an option where these all matter; random search finds more where one of them matters most.",
    ]


def test_many_hyperparameters_leave_a_grid_one_or_two_values_each():
    space = Space({f"x{axis}": linear(0, 1) for axis in range(6)})
    assert sorted(count.grid for count in tries(space, 20).values()) == [1, 1, 2, 2, 2, 2]
    assert "With 6 hyperparameters a grid is too coarse" in tries_in_words(space, 20)


def test_a_small_counted_space_loses_nothing_to_a_grid():
    space = Space({"a": integer(1, 3), "b": choice("x", "y")})
    assert tries_in_words(space, 100).splitlines()[-1] == "A grid gives nothing away here."
    assert tries_in_words(Space({"a": 3}), 5) == "Nothing is searched: there is one configuration."


def test_no_trials_are_refused():
    with pytest.raises(SpaceError, match="a search needs at least 1 trial, got 0; give it a budget"):
        tries(Space({"a": linear(0, 1)}), 0)


@given(
    st.lists(st.one_of(st.integers(2, 9).map(lambda high: integer(1, high)), st.just(linear(0, 1)), st.just(ordinal(1, 2))), max_size=4),
    st.integers(1, 500),
)
def test_the_grid_counted_is_the_largest_that_grows_evenly(scales, trials):
    space = Space(dict(zip("abcd", scales, strict=False)))
    counts = tries(space, trials)
    sides = {name: count.grid for name, count in counts.items()}
    assert math.prod(sides.values()) <= trials
    for name, side in sides.items():
        if side < space.scales[name].size:
            assert math.prod(sides.values()) // side * (side + 1) > trials


def test_random_tries_as_many_values_as_draws_say():
    generator = np.random.default_rng(0)
    for size, trials in ((4, 6), (30, 25), (1000, 500)):
        measured = np.mean([len(set(generator.integers(0, size, trials).tolist())) for _ in range(400)])
        assert tries(Space({"a": integer(1, size)}), trials)["a"].random == pytest.approx(measured, abs=0.5 + 0.01 * size)
