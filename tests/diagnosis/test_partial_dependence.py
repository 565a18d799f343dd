"""Partial dependence is the mean answer as one column moves; influence says how far a column moves answers at all."""

import numpy as np
import pytest

from osetra.diagnosis.partial_dependence import influence, partial_dependence


def answers(inputs):
    """Adds the first to twice the square of the second; the third does nothing; a second output is the first's opposite."""
    said = inputs[:, 0] + 2 * inputs[:, 1] ** 2
    return np.stack([said, -said], axis=1)


@pytest.fixture
def inputs():
    return np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)


def test_it_is_the_mean_over_rows_with_the_column_set(inputs):
    values = np.linspace(-2, 2, 9, dtype=np.float32)[:, np.newaxis]
    found = partial_dependence(answers, inputs, slice(1, 2), values)
    expected = [np.mean(inputs[:, 0]) + 2 * value**2 for value in values[:, 0]]
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-5)
    np.testing.assert_allclose(found[:, 1], -found[:, 0])


def test_it_equals_scikit_learn(inputs):
    from sklearn import inspection
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(n_estimators=5, random_state=0).fit(inputs, answers(inputs)[:, 0])
    theirs = inspection.partial_dependence(forest, inputs, [1], kind="average", method="brute", grid_resolution=12)
    values = theirs["grid_values"][0].astype(np.float32)[:, np.newaxis]
    ours = partial_dependence(lambda rows: forest.predict(rows)[:, np.newaxis], inputs, slice(1, 2), values)
    np.testing.assert_allclose(ours[:, 0], theirs["average"][0], rtol=1e-6)


def test_several_inputs_of_one_column_move_together(inputs):
    values = np.array([[1, 0], [0, 3]], np.float32)
    found = partial_dependence(answers, inputs, slice(0, 2), values)
    np.testing.assert_allclose(found[:, 0], [1, 18])


def test_influence_is_nil_for_what_does_not_matter_and_larger_for_what_matters_more(inputs):
    first, second, third = influence(answers, inputs, [slice(0, 1), slice(1, 2), slice(2, 3)], np.random.default_rng(1))
    assert third == 0
    assert second > first > 0.5


def test_the_rows_stay_as_they_were(inputs):
    before = inputs.copy()
    partial_dependence(answers, inputs, slice(0, 1), np.zeros((2, 1), np.float32))
    influence(answers, inputs, [slice(0, 1)], np.random.default_rng(1))
    np.testing.assert_array_equal(inputs, before)
