"""A conditional hyperparameter exists where its conditions hold and nowhere else."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.space import Space, choice, integer, linear, log, one_minus_log, parse_scale, print_scale, when

from .strategies import conditional_spaces, constrained_spaces, finite_conditional_spaces

SPACE = Space(
    {
        "optimizer": choice("adam", "momentum", "nesterov"),
        "momentum": when(one_minus_log(0.8, 0.99), optimizer=("momentum", "nesterov")),
        "beta2": when(0.999, optimizer="adam"),
        "learning_rate": log(1e-4, 0.1),
    }
)


def test_a_name_whose_condition_does_not_hold_is_absent():
    # Coordinates: learning_rate, momentum, optimizer.
    assert SPACE.decode([0, 0.5, 0]) == {"optimizer": "adam", "beta2": 0.999, "learning_rate": 1e-4}
    assert SPACE.decode([0, 0, 0.5]) == {"optimizer": "momentum", "momentum": 0.8, "learning_rate": 1e-4}
    assert SPACE.decode([0, 1, 1]) == {"optimizer": "nesterov", "momentum": 0.99, "learning_rate": 1e-4}


def test_coordinates_of_absent_names_mean_nothing():
    assert SPACE.decode([0.2, 0.1, 0]) == SPACE.decode([0.2, 0.9, 0])
    assert SPACE.key(SPACE.decode([0.2, 0.1, 0])) == SPACE.key(SPACE.decode([0.2, 0.9, 0]))
    assert SPACE.key(SPACE.decode([0.2, 0.1, 1])) != SPACE.key(SPACE.decode([0.2, 0.9, 1]))
    assert SPACE.encode(SPACE.decode([0, 0.9, 0])).tolist() == pytest.approx([0, 0.5, 1 / 6])


def test_chains_of_conditions_break_at_the_first_that_fails():
    space = Space({"c": when(3, b=1), "a": choice("x", "y"), "b": when(integer(1, 2), a="x"), "d": when(linear(0, 1), c=3)})
    assert space.decode([0, 0, 0.5]) == {"a": "x", "b": 1, "c": 3, "d": 0.5}
    assert space.decode([0, 1, 0.5]) == {"a": "x", "b": 2}
    assert space.decode([1, 0, 0.5]) == {"a": "y"}


def test_a_condition_on_a_fixed_name_holds_or_does_not():
    assert Space({"optimizer": "adam", "momentum": when(linear(0, 1), optimizer="momentum")}).decode([0.5]) == {"optimizer": "adam"}
    held = Space({"optimizer": "momentum", "momentum": when(linear(0, 1), optimizer="momentum")})
    assert held.decode([0.5]) == {"optimizer": "momentum", "momentum": 0.5}


def test_several_conditions_must_all_hold():
    space = Space({"a": integer(1, 3), "b": integer(1, 3), "c": when(7, a=(1, 2), b=3)})
    with_c = [(a, b) for a, b in itertools.product((1, 2, 3), repeat=2) if "c" in space.decode([(a - 0.5) / 3, (b - 0.5) / 3])]
    assert with_c == [(1, 3), (2, 3)]


def test_true_and_1_are_two_conditions():
    space = Space({"a": choice(True, 2, 3), "b": when(5, a=True)})
    assert "b" in space.decode([0.0])
    with pytest.raises(SpaceError, match="b exists only where a is 1, which it never is"):
        Space({"a": choice(True, 2), "b": when(5, a=1)})


@given(st.one_of(finite_conditional_spaces(), constrained_spaces()))
def test_numbers_go_through_every_configuration_once(space):
    points = itertools.product(*([(i + 0.5) / scale.size for i in range(scale.size)] for scale in space.scales.values()))
    # A log_integer's bins are not of one width, so points come from values.
    corners = itertools.product(*([scale.encode(scale.at(i)) for i in range(scale.size)] for scale in space.scales.values()))
    decoded = [space.decode(point) for point in (*points, *corners)]
    there_are = {space.key(configuration) for configuration in decoded if space.fits(configuration)}
    numbered = [space.at(index) for index in range(int(space.size))]
    assert {space.key(configuration) for configuration in numbered} == there_are
    assert len(numbered) == len(there_are)
    assert [space.index_of(configuration) for configuration in numbered] == list(range(len(numbered)))
    for configuration in numbered:
        space.validate(configuration)
        assert space.decode(space.encode(configuration)) == configuration


def test_a_large_switch_is_numbered_by_the_values_that_conditions_name():
    space = Space({"width": integer(0, 2**40), "deep": when(integer(1, 3), width=(0, 5)), "other": choice("a", "b")})
    assert space.size == 2 * (2**40 - 1 + 2 * 3)
    for index in (0, 5, 11, 12, 13, 2**40, int(space.size) - 1):
        assert space.index_of(space.at(index)) == index
    assert len({space.key(space.at(index)) for index in range(100)}) == 100


def test_a_space_is_infinite_where_floats_can_exist():
    assert SPACE.size == math.inf
    never = Space({"a": "x", "b": when(linear(0, 1), a="y"), "c": integer(1, 4)})
    assert never.size == 4
    assert Space({"a": choice("x", "y"), "b": when(linear(0, 1), a="y")}).size == math.inf


def test_nearest_drops_what_does_not_exist_and_fills_in_what_does():
    assert SPACE.nearest({"optimizer": "adam", "momentum": 0.9, "learning_rate": 1}) == {
        "optimizer": "adam", "beta2": 0.999, "learning_rate": 0.1,
    }  # fmt: skip
    filled = SPACE.nearest({"optimizer": "nesterov", "learning_rate": 0.01})
    assert filled["momentum"] == one_minus_log(0.8, 0.99).decode(0.5)


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        (
            {"optimizer": "adam", "beta2": 0.999, "learning_rate": 0.01, "momentum": 0.9},
            "momentum exists only when optimizer is momentum or nesterov, got it all the same; leave it out",
        ),
        ({"optimizer": "momentum", "learning_rate": 0.01}, "momentum is missing; add it"),
        ({"optimizer": "adam", "learning_rate": 0.01}, "beta2 is missing; add it"),
        ({"optimizer": "momentum", "learning_rate": 0.01, "momentum": 0.5}, "momentum must be in one-minus log 0.8 .. 0.99, got 0.5"),
    ],
)
def test_a_configuration_must_give_what_exists_and_nothing_else(configuration, message):
    with pytest.raises(SpaceError) as caught:
        SPACE.validate(configuration)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"a": when(1, b=2)}, "a exists only where b has certain values, yet there is no b"),
        ({"a": when(1, optimiser="x"), "optimizer": "x"}, "yet there is no optimiser; did you mean optimizer?"),
        ({"a": when(1, b=2), "b": integer(3, 4)}, "a exists only where b is 2, which it never is: b must be in integer 3 .. 4, got 2"),
        ({"a": when(1, b=0.5), "b": linear(0, 1)}, "got one of a on b, which is linear 0 .. 1; use a constraint"),
        ({"a": when(1, b=1), "b": when(1, c=1), "c": when(1, a=1), "d": 3}, "must not run in a circle, got a needs b needs c needs a"),
        ({"a": when(integer(1, 2), a=1)}, "must not run in a circle, got a needs a"),
        ({"x": when(1, a=1), "a": when(1, b=1), "b": when(1, a=1)}, "got a needs b needs a; drop one"),
    ],
)
def test_conditions_that_cannot_be_worked_out_are_refused(entries, message):
    with pytest.raises(SpaceError) as caught:
        Space(entries)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: when(1), "when needs at least one condition, got 1 alone"),
        (lambda: when(1, a=()), "a condition on a needs at least one value, got none"),
        (lambda: when(1, a=(1, 1.0)), "a condition on a needs distinct values, got 1.0 twice"),
        (lambda: when(1, {"": 1}), "a condition must name a hyperparameter, got ''"),
        (lambda: when(1, a=None), "a value must be a finite number"),
        (lambda: when(when(1, a=1), b=1), "got another when, 1 when a=1; give all conditions at once"),  # type: ignore[arg-type]
        (lambda: when([1], a=1), "a value must be a number"),  # type: ignore[arg-type]
    ],
)
def test_a_condition_of_nonsense_is_refused(make, message):
    with pytest.raises(SpaceError) as caught:
        make()
    assert message in str(caught.value)


def test_it_says_when_a_hyperparameter_exists():
    assert SPACE.describe().splitlines() == [
        "optimizer      choice of adam, momentum, nesterov",
        "momentum       one-minus log 0.8 .. 0.99, when optimizer is momentum or nesterov",
        "learning_rate  log 0.0001 .. 0.1",
        "beta2          fixed 0.999, when optimizer is adam",
    ]


def test_json_form_names_the_conditions():
    assert SPACE.to_dict() == {
        "optimizer": {"choice": ["adam", "momentum", "nesterov"]},
        "momentum": {"one_minus_log": [0.8, 0.99], "when": {"optimizer": ["momentum", "nesterov"]}},
        "beta2": {"value": 0.999, "when": {"optimizer": ["adam"]}},
        "learning_rate": {"log": [1e-4, 0.1]},
    }


def test_spaces_differ_where_their_conditions_do():
    other = SPACE.with_(momentum=when(one_minus_log(0.8, 0.99), optimizer="momentum"))
    assert other != SPACE
    assert SPACE.with_(momentum=when(one_minus_log(0.8, 0.99), optimizer=("momentum", "nesterov"))) == SPACE
    assert SPACE.with_(momentum=one_minus_log(0.8, 0.99)).conditions.keys() == {"beta2"}


def test_its_repr_makes_it_anew():
    space = Space({"a": integer(1, 3), "b": when(linear(0, 1), a=(1, 2)), "c": when("x", {"a": 1}), "d e": 1, "f": when(2, {"d e": 1})})
    assert eval(repr(space)) == space


@given(conditional_spaces())
def test_printed_conditions_read_back_as_themselves(space):
    for entry in space.entries().values():
        assert parse_scale(print_scale(entry)) == entry


@given(conditional_spaces(), st.data())
def test_a_configuration_built_value_by_value_is_the_one_decoded(space, data):
    point = data.draw(st.lists(st.floats(0, 1), min_size=len(space.names), max_size=len(space.names)))
    asked = []

    def value_of(name):
        asked.append(name)
        return space.scales[name].decode(point[space.names.index(name)])

    built = space.build(value_of)
    assert list(built.items()) == list(space.decode(point).items())
    assert set(asked) == {name for name in built if name in space.scales}


def test_draws_leave_no_branch_out():
    generator = np.random.default_rng(0)
    kinds = [SPACE.decode(SPACE.draw(generator))["optimizer"] for _ in range(300)]
    assert min(kinds.count(kind) for kind in ("adam", "momentum", "nesterov")) > 60
