"""Constraints are read from text, never run, and every way to a configuration keeps them."""

import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osetra.core.errors import SpaceError
from osetra.space import Constraint, Space, choice, integer, linear, log, powers_of_two, when
from osetra.space.feasible import reflect

SPACE = Space(
    {"hidden_units": powers_of_two(16, 512), "num_layers": integer(1, 8), "learning_rate": log(1e-4, 0.1), "optimizer": "adam"},
    constraints=("hidden_units * num_layers <= 512", "learning_rate < 0.01 or num_layers <= 4"),
)
FLOATS = Space({"a": linear(0, 1), "b": linear(0, 1), "c": linear(0, 1)}, constraints=("a + b <= 0.3",))
points = st.lists(st.floats(0, 1), min_size=3, max_size=3)


def satisfied(text, **values):
    return Constraint(text=text).satisfied(values)


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("a + b * c <= 10", lambda a, b, c: a + b * c <= 10),
        ("a - -b > c", lambda a, b, c: a + b > c),
        ("(a + b) / c == 2", lambda a, b, c: (a + b) / c == 2),
        ("a // b + a % c >= 2", lambda a, b, c: a // b + a % c >= 2),
        ("a ** 2 + b ** 2 < c ** 2", lambda a, b, c: a**2 + b**2 < c**2),
        ("a <= b < c", lambda a, b, c: a <= b < c),
        ("a != b != c", lambda a, b, c: a != b != c),
        ("not a < b and (b > c or a == c)", lambda a, b, c: not a < b and (b > c or a == c)),
        ("a in (1, 3) or b not in [2, c]", lambda a, b, c: a in (1, 3) or b not in [2, c]),
        ("a*b in {2, 4, 6}", lambda a, b, c: a * b in {2, 4, 6}),
    ],
)
def test_it_says_what_python_would(text, python):
    constraint = Constraint(text=text)
    for a, b, c in itertools.product((1, 2, 3, 5), repeat=3):
        assert constraint.satisfied({"a": a, "b": b, "c": c}) == python(a, b, c)


def test_words_truths_and_numbers_are_told_apart():
    assert satisfied("optimizer == 'adam' and batch_norm", optimizer="adam", batch_norm=True)
    assert satisfied("optimizer in ('gd', 'adam') and not batch_norm", optimizer="adam", batch_norm=False)
    assert satisfied("batch_norm == true", batch_norm=True)
    assert not satisfied("batch_norm == 1", batch_norm=True)
    assert not satisfied("a == '1'", a=1)
    assert satisfied("a == 1.0", a=1)


def test_one_that_names_an_absent_hyperparameter_counts_as_satisfied():
    assert satisfied("momentum < 0.5 and rate < 1", rate=7)
    assert not satisfied("rate < 1", rate=7)
    space = Space(
        {"optimizer": choice("adam", "momentum"), "momentum": when(linear(0.5, 1), optimizer="momentum")}, constraints=("momentum < 0.6",)
    )
    assert space.fits(space.decode([1.0, 0.0]))
    assert not space.fits(space.decode([1.0, 1.0]))
    drawn = [space.decode(space.draw(np.random.default_rng(seed))) for seed in range(40)]
    assert all(configuration.get("momentum", 0) < 0.6 for configuration in drawn)
    # Half the points are adam and all of those fit; of the others a fifth do.
    assert 25 <= sum("momentum" not in configuration for configuration in drawn) <= 39


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').getcwd() == 1", "it must not call anything"),
        ("open('x') == 1", "it must not call anything"),
        ("a.real > 1", "Attribute has no place in it"),
        ("a[0] > 1", "Subscript has no place in it"),
        ("(lambda: 1)() == 1", "it must not call anything"),
        ("(a := 3) > 1", "NamedExpr has no place in it"),
        ("[x for x in a] == 1", "ListComp has no place in it"),
        ("a if b else c", "IfExp has no place in it"),
        ("f'{a}' == '1'", "JoinedStr has no place in it"),
        ("a @ b > 1", "BinOp has no place in it"),
        ("a << 3 > 1", "BinOp has no place in it"),
        ("~a > 1", "UnaryOp has no place in it"),
        ("a == 1j", "Constant has no place in it"),
        ("a == None", "Constant has no place in it"),
        ("a == 1e999", "finite number"),
        ("a is 1", "is has no place in it; write =="),
        ("a in b", "in needs a list of values, such as"),
        ("1 < a in (1, 2)", "in needs a list of values"),
        ("a == (1, 2)", "a list of values stands only behind in"),
        ("a + 1", "it must compare a hyperparameter with something"),
        ("1 < 2", "it must compare a hyperparameter with something"),
        ("a <", "a constraint must be an expression, got 'a <'"),
        ("a < 1; b < 2", "a constraint must be an expression"),
        ("import os", "a constraint must be an expression"),
        ("a < 1\x00", "a constraint must be an expression"),
        ("(" * 400 + "a" + ")" * 400 + " < 1", "a constraint must be an expression"),
        ("a < " + "1 + " * 400 + "1", "at most 1000 characters long"),
        ("", "a constraint must be a text, got ''"),
        (3, "a constraint must be a text, got 3"),
    ],
)
def test_anything_else_is_refused(text, message):
    with pytest.raises(SpaceError) as caught:
        Constraint(text=text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("units * 2 <= 512", {"units": "128-64"}, "needs numbers where it calculates or compares sizes, got units 128-64; write it anew"),
        ("norm + 1 > 1", {"norm": True}, "needs numbers where it calculates"),
        ("a / b > 1", {"a": 1, "b": 0}, "needs a divisor other than 0, got a 1, b 0"),
        ("a ** b > 1", {"a": 10, "b": 10**9}, "needs a finite real number throughout"),
        ("a ** b > 1", {"a": -8, "b": 0.5}, "needs a finite real number throughout"),
        ("a * a > 1", {"a": 1e300}, "needs a finite real number throughout"),
        ("a", {"a": 3}, "needs something that is true or false, got a 3"),
        ("a and b", {"a": True, "b": 3}, "needs something that is true or false"),
    ],
)
def test_values_that_do_not_fit_it_are_named(text, values, message):
    with pytest.raises(SpaceError) as caught:
        satisfied(text, **values)
    assert message in str(caught.value)
    assert text in str(caught.value)


def test_powers_of_whole_numbers_do_not_grow_without_end():
    with pytest.raises(SpaceError, match="finite real number"):
        satisfied("a ** 9 ** 9 ** 9 > 1", a=9)


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        (["hidden_unit < 3"], "got hidden_unit in 'hidden_unit < 3'; did you mean hidden_units?"),
        (["optimizer == adam"], "(a word that is a value is written in quotes: 'adam')"),
        ("num_layers <", "a constraint must be an expression"),
    ],
)
def test_a_space_refuses_constraints_on_what_it_lacks(constraints, message):
    with pytest.raises(SpaceError) as caught:
        SPACE.replace({}, constraints=constraints)
    assert message in str(caught.value)


def test_a_configuration_that_breaks_one_is_refused_with_its_values():
    broken = {"hidden_units": 512, "num_layers": 2, "learning_rate": 1e-3, "optimizer": "adam"}
    for refuse in (SPACE.validate, SPACE.encode):
        with pytest.raises(SpaceError) as caught:
            refuse(broken)
        assert "must satisfy 'hidden_units * num_layers <= 512', got hidden_units 512, num_layers 2; change a value" in str(caught.value)


@given(st.integers(0, 2**32))
def test_a_draw_satisfies_them(seed):
    for space in (SPACE, FLOATS):
        space.validate(space.decode(space.draw(np.random.default_rng(seed))))


def test_draws_are_uniform_among_what_satisfies_them():
    generator = np.random.default_rng(0)
    drawn = np.array([FLOATS.draw(generator) for _ in range(1000)])
    # In the triangle a + b <= 0.3 the mean is a third of each side.
    assert drawn.mean(axis=0).tolist() == pytest.approx([0.1, 0.1, 0.5], abs=0.03)


@given(points, st.integers(0, 2**32))
def test_a_draw_near_a_point_satisfies_them_and_is_the_point_itself_where_that_does(point, seed):
    near = FLOATS.draw_near(point, np.random.default_rng(seed))
    assert FLOATS.fits(FLOATS.decode(near))
    if FLOATS.fits(FLOATS.decode(point)):
        assert near.tolist() == point


def test_a_draw_near_a_point_that_almost_fits_stays_near():
    generator = np.random.default_rng(1)
    distances = [np.abs(FLOATS.draw_near([0.15, 0.16, 0.9], generator) - [0.15, 0.16, 0.9]).max() for _ in range(50)]
    assert max(distances) < 0.1


@given(points)
def test_the_nearest_configuration_satisfies_them_and_leaves_alone_what_has_no_part(point):
    wanted = dict(zip("abc", point, strict=True))
    found = FLOATS.nearest(wanted)
    FLOATS.validate(found)
    assert found["c"] == wanted["c"]
    assert found == FLOATS.nearest(wanted)
    assert FLOATS.nearest(found) == found
    excess = wanted["a"] + wanted["b"] - 0.3
    if excess > 0:
        # The least that must be moved is the excess.
        assert abs(found["a"] - wanted["a"]) + abs(found["b"] - wanted["b"]) <= excess + 1e-4
    else:
        assert found == wanted


def test_what_has_no_part_in_a_broken_constraint_keeps_its_last_digit():
    found = SPACE.nearest({"hidden_units": 512, "num_layers": 3, "learning_rate": 0.003, "optimizer": "adam"})
    assert found["learning_rate"] == 0.003 != SPACE.scales["learning_rate"].decode(SPACE.scales["learning_rate"].encode(0.003))
    assert found["hidden_units"] * found["num_layers"] <= 512


def test_a_space_of_counted_scales_numbers_only_what_satisfies_them():
    space = Space({"a": integer(1, 4), "b": integer(1, 4)}, constraints=("a < b",))
    assert space.size == 6
    assert [tuple(space.at(index).values()) for index in range(6)] == [(1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)]


def test_constraints_are_part_of_a_space():
    assert SPACE.replace({}, constraints=()) != SPACE
    assert SPACE.with_(optimizer="gd").constraints == SPACE.constraints
    assert Space({"a": integer(1, 3)}, constraints="a < 3").constraints == (Constraint(text="a < 3"),)
    assert SPACE.describe().splitlines()[-2:] == [
        "constraint     hidden_units * num_layers <= 512",
        "constraint     learning_rate < 0.01 or num_layers <= 4",
    ]
    assert SPACE.to_dict()["constraints"] == ["hidden_units * num_layers <= 512", "learning_rate < 0.01 or num_layers <= 4"]
    assert pickle.loads(pickle.dumps(SPACE)) == SPACE
    assert repr(SPACE).endswith("constraints=('hidden_units * num_layers <= 512', 'learning_rate < 0.01 or num_layers <= 4'))")


def test_impossible_constraints_are_named():
    with pytest.raises(SpaceError, match="no configuration satisfies 'a > 3' and 'a < 9'; loosen them or widen the scales"):
        _ = Space({"a": integer(1, 3)}, constraints=("a > 3", "a < 9")).size
    with pytest.raises(SpaceError, match="none of 10,000 draws satisfied them; loosen them or narrow the scales"):
        Space({"a": linear(0, 1)}, constraints=("a > 2",)).nearest({"a": 1})


@given(st.lists(st.floats(-5, 6), min_size=1, max_size=4))
def test_reflection_folds_into_the_cube_and_leaves_the_inside_alone(point):
    folded = reflect(np.array(point))
    assert ((folded >= 0) & (folded <= 1)).all()
    for before, after in zip(point, folded.tolist(), strict=True):
        assert math.cos(math.pi * before) == pytest.approx(math.cos(math.pi * after), abs=1e-9)
        assert before < 0 or before > 1 or before == after
