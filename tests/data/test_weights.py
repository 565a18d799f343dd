"""Weights: scikit-learn's balance, mean 1, and mistakes said in words."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from osetra.core.errors import DataError
from osetra.core.records import Task
from osetra.data.weights import class_weights, column_weights, scaled, training_weights

positive = st.floats(1e-3, 1e3)
CLASSES = ("no", "yes")
TARGETS = np.array([0, 0, 0, 1])


def weights_of(wanted, **options):
    return class_weights(wanted, **{"task": Task.BINARY, "classes": CLASSES, "targets": TARGETS} | options)


@given(st.lists(st.integers(0, 3), min_size=4, max_size=80).map(lambda codes: np.array([0, 1, 2, 3, *codes])))
def test_balanced_is_scikit_learn_s(codes):
    classes = tuple("abcd")
    found = class_weights("balanced", task=Task.MULTICLASS, classes=classes, targets=codes)
    expected = compute_class_weight("balanced", classes=np.arange(4), y=codes)
    np.testing.assert_allclose(list(found.values()), expected, rtol=1e-12)
    assert tuple(found) == classes


def test_balanced_by_hand():
    # m/(C m_c): 4/(2*3) and 4/(2*1).
    assert weights_of("balanced") == {"no": 4 / 6, "yes": 2.0}


@given(st.lists(st.tuples(st.integers(0, 2), positive), min_size=1, max_size=40))
def test_balanced_classes_weigh_the_same_whatever_their_rows_do(rows):
    codes = np.array([0, 1, 2, *(code for code, _ in rows)])
    row_weights = np.array([1.0, 2.0, 0.5, *(weight for _, weight in rows)])
    of_class = class_weights("balanced", task=Task.MULTICLASS, classes=("a", "b", "c"), targets=codes, weights=row_weights)
    total = np.bincount(codes, weights=training_weights(row_weights, of_class, codes))
    np.testing.assert_allclose(total, len(codes) / 3, rtol=1e-4)


def test_labels_may_be_written_as_text_and_those_not_named_count_1():
    assert weights_of({"yes": 3}) == {"no": 1.0, "yes": 3.0}
    assert weights_of({"1": 2.5}, classes=(0, 1)) == {0: 1.0, 1: 2.5}
    assert weights_of({1: 2}, classes=(0, 1)) == {0: 1.0, 1: 2.0}
    assert weights_of({np.int64(1): np.float32(2)}, classes=(0, 1)) == {0: 1.0, 1: 2.0}


def test_a_class_without_weight_is_left_alone_by_balanced():
    assert weights_of("balanced", targets=np.array([0, 0])) == {"no": 0.5, "yes": 1.0}


def test_training_weights_are_the_product_with_mean_1():
    of_class = {"no": 1.0, "yes": 3.0}
    found = training_weights(np.array([1.0, 2.0, 1.0, 2.0]), of_class, TARGETS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.array([1, 2, 1, 6]) / 2.5, rtol=1e-6)
    np.testing.assert_allclose(training_weights(None, of_class, TARGETS), np.array([1, 1, 1, 3]) / 1.5, rtol=1e-6)
    np.testing.assert_allclose(training_weights(np.array([1.0, 2, 3, 2]), None, TARGETS), [0.5, 1, 1.5, 1])
    assert training_weights(None, None, TARGETS) is None
    assert scaled(None) is None


@given(st.lists(positive, min_size=1, max_size=100))
def test_scaled_weights_have_mean_1_and_keep_their_ratios(weights):
    weights = np.array(weights)
    found = scaled(weights)
    assert found.mean() == pytest.approx(1, rel=1e-4)
    np.testing.assert_allclose(found / found[0], weights / weights[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("wanted", "options", "message"),
    [
        ("balanced", {"task": Task.REGRESSION}, "class_weight needs classes, got a regression"),
        ("equal", {}, "must be 'balanced' or a weight for each label, got 'equal'"),
        (3.0, {}, "must be 'balanced' or a weight for each label, got float"),
        ({"maybe": 2}, {}, r"classes of the training part \('no', 'yes'\), got 'maybe'"),
        ({"yes": 0}, {}, "weight of class 'yes' must be a finite number > 0, got 0"),
        ({"yes": -1}, {}, "weight of class 'yes' must be a finite number > 0, got -1"),
        ({"yes": float("nan")}, {}, "got nan"),
        ({"yes": "3"}, {}, "got '3'"),
        ({"yes": True}, {}, "got True"),
    ],
)
def test_class_weights_that_make_no_sense_say_why(wanted, options, message):
    with pytest.raises(DataError, match=message):
        weights_of(wanted, **options)


@pytest.mark.parametrize("values", [[0, 2, 1], [0.5, 0, 1e-9], ["1", "2.5", "0"], [True, False, True]])
def test_a_column_of_weights_is_read_as_numbers(values):
    np.testing.assert_array_equal(column_weights(pd.Series(values, name="w")), np.array(values, dtype=float))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, -2, 3], r"the weights 'w' must be finite numbers >= 0, got -2 in row 2"),
        ([1, np.inf, 3], r"'w' must hold finite numbers, got 1 infinite value, the first in row 2"),
        ([1, None, np.nan], r"the weights 'w' must be known for every row, got 2 missing, the first in row 2"),
        ([0, 0, 0], r"the weights 'w' must not all be zero, got 3 times 0"),
        (["heavy", "light", "light"], r"the weights 'w' must be numbers >= 0, got text such as 'heavy'"),
        ([None, None], r"must be known for every row, got 2 missing"),
    ],
)
def test_a_column_of_weights_that_makes_no_sense_says_why(values, message):
    with pytest.raises(DataError, match=message):
        column_weights(pd.Series(values, name="w"))
