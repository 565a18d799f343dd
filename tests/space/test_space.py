"""Spaces turn configurations into points of the unit cube and back."""

import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.space import Space, choice, integer, linear, log, powers_of_two

from .strategies import conditional_spaces, constrained_spaces, finite_spaces, spaces

SPACE = Space({"learning_rate": log(1e-4, 0.1), "batch_size": powers_of_two(64, 512), "optimizer": "adam"})
GOOD = {"learning_rate": 0.01, "batch_size": 128, "optimizer": "adam"}


def points(space, data):
    return data.draw(st.lists(st.floats(0, 1), min_size=len(space.names), max_size=len(space.names)))


@given(st.one_of(spaces(), conditional_spaces()), st.data())
def test_a_decoded_configuration_is_valid_and_comes_back(space, data):
    configuration = space.decode(points(space, data))
    space.validate(configuration)
    again = space.decode(space.encode(configuration))
    assert set(again) == set(configuration)
    assert set(again) == {*space.names, *space.fixed} or space.conditions
    for name, value in configuration.items():
        assert again[name] == (pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) and name in space.names else value)


@given(st.one_of(spaces(), conditional_spaces()), st.data())
def test_a_valid_configuration_is_its_own_nearest(space, data):
    configuration = space.decode(points(space, data))
    assert space.nearest(configuration) == configuration


@given(st.one_of(spaces(), conditional_spaces(), constrained_spaces()))
def test_a_space_comes_back_from_json(space):
    again = Space.from_dict(json.loads(json.dumps(space.to_dict())))
    assert again == space == pickle.loads(pickle.dumps(space))
    assert again.describe() == space.describe()
    assert again.decode([0.3] * len(space.names)) == space.decode([0.3] * len(space.names))


@given(st.one_of(spaces(), conditional_spaces()), st.data())
def test_the_order_in_which_a_space_is_written_changes_nothing(space, data):
    turned = Space(dict(data.draw(st.permutations(list(space.entries().items())))))
    point = points(space, data)
    assert turned == space
    assert hash(turned) == hash(space)
    assert list(turned.decode(point).items()) == list(space.decode(point).items())


@given(finite_spaces())
def test_every_configuration_of_a_finite_space_has_one_number(space):
    configurations = [space.at(index) for index in range(int(space.size))]
    assert [space.index_of(configuration) for configuration in configurations] == list(range(int(space.size)))
    assert len({tuple(configuration.items()) for configuration in configurations}) == space.size
    for configuration in configurations:
        space.validate(configuration)


def test_coordinates_follow_the_sorted_names():
    assert SPACE.names == ("batch_size", "learning_rate")
    assert SPACE.decode([0.0, 1.0]) == {"batch_size": 64, "learning_rate": 0.1, "optimizer": "adam"}
    assert SPACE.encode({**GOOD, "learning_rate": 0.1}).tolist() == [0.375, 1.0]


def test_size_counts_configurations():
    assert SPACE.size == math.inf
    assert Space({"a": integer(1, 4), "b": choice("x", "y"), "c": 3}).size == 8
    assert Space({"c": 3}).size == Space({}).size == 1
    assert Space({f"x{i}": integer(0, 2**40) for i in range(40)} | {"y": linear(0, 1)}).size == math.inf


def test_it_prints_one_aligned_line_a_hyperparameter_with_the_fixed_ones_last():
    space = Space({"optimizer": "adam", "learning_rate": log(1e-4, 0.1), "batch_size": powers_of_two(64, 512), "eps": 1e-8})
    assert space.describe().splitlines() == [
        "learning_rate  log 0.0001 .. 0.1",
        "batch_size     powers of two 64 .. 512",
        "optimizer      fixed adam",
        "eps            fixed 1e-08",
    ]


def test_json_form_is_short_and_exact():
    assert SPACE.to_dict() == {"learning_rate": {"log": [1e-4, 0.1]}, "batch_size": {"powers_of_two": [64, 512]}, "optimizer": "adam"}


def test_replacing_gives_a_new_space_and_leaves_the_old():
    edited = SPACE.with_(batch_size=128, momentum=linear(0, 0.9))
    assert edited.fixed["batch_size"] == 128
    assert edited.names == ("learning_rate", "momentum")
    assert edited == SPACE.replace({"batch_size": 128, "momentum": linear(0, 0.9)})
    assert SPACE.names == ("batch_size", "learning_rate")


def test_a_space_cannot_be_changed_in_place():
    with pytest.raises(TypeError):
        SPACE.fixed["optimizer"] = "gd"  # type: ignore[index]


def test_spaces_tell_1_and_true_and_one_point_zero_apart():
    assert len({Space({"a": 1}), Space({"a": 1.0}), Space({"a": True}), Space({"a": "1"})}) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 1.0}, "learning_rate must be in log 0.0001 .. 0.1, got 1.0; the nearest is 0.1"),
        ({"learning_rate": math.nan}, "finite number"),
        ({"batch_size": 100}, "batch_size must be in powers of two 64 .. 512, got 100; the nearest is 128"),
        ({"optimizer": "gd"}, "optimizer must be adam, at which it is fixed, got 'gd'; change the value or the space"),
        ({"batchsize": 64}, "got 'batchsize'; did you mean batch_size?"),
        ({"zzz": 64}, "got 'zzz'; there are: batch_size, learning_rate, optimizer"),
    ],
)
def test_a_wrong_configuration_is_refused_by_name(changes, message):
    for refuse in (SPACE.validate, SPACE.encode):
        with pytest.raises(SpaceError) as caught:
            refuse({**GOOD, **changes})
        assert message in str(caught.value)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_value_is_refused_by_name(name):
    with pytest.raises(SpaceError, match=f"{name} is missing; add it"):
        SPACE.validate({key: value for key, value in GOOD.items() if key != name})


def test_nearest_clips_drops_and_fills_in():
    wild = {"learning_rate": 7, "optimizer": "gd", "beta3": 1}
    assert SPACE.nearest(wild) == {"learning_rate": 0.1, "batch_size": 256, "optimizer": "adam"}


@pytest.mark.parametrize("point", [[0.5], [0.5, 0.5, 0.5], [[0.5, 0.5]], 0.5])
def test_a_point_of_another_shape_is_refused(point):
    with pytest.raises(SpaceError, match=r"a point must have shape \(2,\)"):
        SPACE.decode(point)


def test_a_point_outside_the_cube_is_refused():
    with pytest.raises(SpaceError, match="a unit coordinate must lie in"):
        SPACE.decode(np.array([0.5, 1.5]))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (
            {"units": [32, 64]},
            "units must be a scale or a plain value: a value must be a number, text or true/false, got [32, 64]; several",
        ),
        ({"units": None}, "units must be a scale or a plain value"),
        ({"units": math.inf}, "finite number"),
        ({"": 3}, "the name of a hyperparameter must be a word, got ''"),
        ({"constraints": 3}, "constraints is a word of the written form of a space and cannot name a hyperparameter"),
        ({"when": 3}, "when is a word of the written form of a space"),
        ({3: 3}, "the name of a hyperparameter must be a word, got 3"),
        ("abc", "a space must be a mapping"),
    ],
)
def test_a_space_of_anything_else_is_refused(entries, message):
    with pytest.raises(SpaceError) as caught:
        Space(entries)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            {"a": {"lgo": [1, 2]}},
            "a scale must be of a kind there is, got lgo; did you mean log?",
        ),
        ({"a": {"log": [1]}}, "log needs two numbers, low and high, got log(1); give both"),
        ({"a": {"log": 1}}, "a must be written as a value or as"),
        ({"a": {}}, "a must be written as a value or as"),
        ({"a": {"log": [[1], 2]}}, "give two finite numbers"),
        ([1], "a space must be written as a mapping"),
        ({"a": {"linear": [0, 1], "when": 3}, "b": 1}, "the conditions of a must be written as"),
        ({"a": {"linear": [0, 1], "value": 3, "when": {"b": [1]}}, "b": 1}, "a must be written as a value or as"),
        ({"a": {"linear": [0, 1], "when": {"c": [1]}}, "b": 1}, "yet there is no c; there are: b"),
        ({"a": 1, "constraints": "a < 2"}, "constraints must be a list of texts, got 'a < 2'"),
        ({"a": 1, "constraints": [3]}, "a constraint must be a text, got 3"),
    ],
)
def test_a_broken_written_space_is_refused(written, message):
    with pytest.raises(SpaceError) as caught:
        Space.from_dict(written)
    assert message in str(caught.value)
