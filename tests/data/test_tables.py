"""What is predicted from what: tasks inferred or told, rows without a target dropped, bad targets refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

from osetra.core.errors import DataError
from osetra.core.records import Task
from osetra.data.sources import read_table, table_from_arrays
from osetra.data.tables import dataset


def table(target, **others):
    target = target if isinstance(target, pd.Series) else pd.Series(target)
    columns = {"x": np.arange(len(target), dtype=float), **others, "y": target}
    return read_table(pd.DataFrame(columns), name="the table")


INFERRED = {
    "text": (["no", "yes"] * 20, Task.BINARY),
    "three texts": (["a", "b", "c"] * 20, Task.MULTICLASS),
    "truth values": ([True, False] * 20, Task.BINARY),
    "truth values among blanks": ([True, False, None, True] * 10, Task.BINARY),
    "categories": (pd.Series([1.5, 2.5, 3.5] * 20, dtype="category"), Task.MULTICLASS),
    "two whole numbers": ([0, 7] * 5, Task.BINARY),
    "a few whole numbers": ([0, 1, 2] * 20, Task.MULTICLASS),
    "a few whole numbers as floats": ([0.0, 1.0, 2.0] * 20, Task.MULTICLASS),
    "many whole numbers": (range(200), Task.REGRESSION),
    "21 whole numbers": (list(range(21)) * 20, Task.REGRESSION),
    "20 whole numbers": (list(range(20)) * 20, Task.MULTICLASS),
    "few rows a whole number": (list(range(10)) * 5, Task.REGRESSION),
    "fractions": (np.linspace(0, 1, 30), Task.REGRESSION),
    "two fractions": ([0.5, 1.5] * 20, Task.REGRESSION),
    "numbers as text": ([str(k / 7) for k in range(200)], Task.REGRESSION),
    "nullable whole numbers": (pd.Series([1, 2, None, 1] * 10, dtype="Int64"), Task.BINARY),
}


@pytest.mark.parametrize(("target", "task"), INFERRED.values(), ids=INFERRED)
def test_the_task_follows_from_the_values(target, task):
    found = dataset(table(target), target="y")
    assert found.task is task
    assert any(("regression" if task is Task.REGRESSION else "classification") in note for note in found.notes)


@pytest.mark.parametrize(
    ("load", "task"),
    [(load_breast_cancer, Task.BINARY), (load_iris, Task.MULTICLASS), (load_wine, Task.MULTICLASS), (load_diabetes, Task.REGRESSION)],
)
def test_the_task_of_known_data_sets_is_found(load, task):
    X, y = load(return_X_y=True)
    found = dataset(table_from_arrays(X, y), target="target")
    assert found.task is task
    assert found.features.shape == X.shape
    np.testing.assert_array_equal(found.target["target"], y)


def test_what_was_inferred_is_said():
    assert dataset(table(["no", "yes"] * 20), target="y").notes == ("y has 2 distinct values: binary classification",)


def test_several_targets_are_regression():
    found = dataset(table(range(20), z=np.arange(20) % 2), target=("y", "z"))
    assert found.task is Task.REGRESSION
    assert found.target_names == ("y", "z")
    assert list(found.target.columns) == ["y", "z"]
    assert list(found.features.columns) == ["x"]


def test_the_task_told_wins():
    assert dataset(table([0, 1] * 20), target="y", task="regression").task is Task.REGRESSION
    assert dataset(table([0, 1] * 20), target="y", task=Task.MULTICLASS).task is Task.MULTICLASS
    assert dataset(table(list(range(10)) * 5), target="y", task="classification").task is Task.MULTICLASS
    assert dataset(table([0.5, 1.5] * 5), target="y", task="classification").task is Task.BINARY
    np.testing.assert_array_equal(dataset(table([True, False] * 5), target="y", task="regression").target["y"], [1.0, 0.0] * 5)


def test_rows_without_a_target_are_dropped_and_counted():
    found = dataset(table([1.0, np.nan, 2.0, 3.0] * 10), target="y")
    assert len(found.features) == len(found.target) == found.num_rows == 30
    assert found.notes[0] == "10 rows without a target were dropped"
    assert list(found.features["x"][:4]) == [0, 2, 3, 4]
    assert list(found.features.index) == list(range(30))
    assert found.target["y"].dtype == np.int64, "1.0 was 1 before blanks made floats of whole numbers"
    one = dataset(table(["a", "b"] * 10 + [" ? "]), target="y")
    assert one.num_rows == 20
    assert one.notes[0] == "1 row without a target was dropped"


def test_classes_of_one_or_two_rows_are_named():
    notes = dataset(table(["a"] * 20 + ["b"] * 20 + ["rare"]), target="y").notes
    assert notes[1] == "1 class has fewer than 3 rows (rare): too few to be in every part"


def test_dropped_columns_are_not_features():
    found = dataset(table([0, 1] * 10, leak=[0, 1] * 10), target="y", drop=["leak"])
    assert list(found.features.columns) == ["x"]


BAD = {
    "no such target": ({"target": "Y2"}, [0, 1] * 9, "the target must be a column of the table, got 'Y2'"),
    "a slip": ({"target": "incme"}, [0, 1] * 9, r"got 'incme'; did you mean 'income'\? the columns are 'x', 'income', 'y'"),
    "no such column to drop": ({"target": "y", "drop": ["z"]}, [0, 1] * 9, "a column to drop must be a column of the table, got 'z'"),
    "target dropped": ({"target": "y", "drop": ["y"]}, [0, 1] * 9, "none of them dropped, got 'y'"),
    "target twice": ({"target": ["y", "y"]}, [0, 1] * 9, "each once"),
    "no target": ({"target": []}, [0, 1] * 9, "got none"),
    "no feature": ({"target": "y", "drop": ["x", "income"]}, [0, 1] * 9, "a column besides the target 'y', got none"),
    "one class": ({"target": "y"}, ["yes"] * 18, "at least 2 classes, got only 'yes'"),
    "one value": ({"target": "y", "task": "regression"}, [4] * 18, "at least 2 distinct values, got 4 throughout"),
    "all missing": ({"target": "y"}, [None] * 18, "must have values, got none at all"),
    "3 rows": ({"target": "y"}, [0, 1, 0], "at least 10 rows with a target, got 3; give more data"),
    "few known": ({"target": "y"}, [0, 1] + [np.nan] * 16, r"got 2 \(16 rows without a target were dropped\)"),
    "text for regression": (
        {"target": "y", "task": "regression"},
        ["lo", "hi"] * 9,
        "must hold numbers for regression, got text such as 'lo'",
    ),
    "three for binary": ({"target": "y", "task": "binary"}, [0, 1, 2] * 6, "2 classes for the binary task, got 3; choose multiclass"),
    "too many classes": ({"target": "y", "task": "multiclass"}, list(range(1001)) * 2, "at most 1,000 classes, got 1,001"),
    "names for classes": (
        {"target": "y"},
        [f"name {k}" for k in range(18)],
        "at least 2 rows a class on average, got 18 classes in 18 rows",
    ),
    "dates": ({"target": "y"}, pd.date_range("2024-01-01", periods=18), "numbers or labels, got dates"),
    "infinite target": ({"target": "y"}, [1.5, np.inf] * 9, "'y' must hold finite numbers, got 9 infinite values, the first in row 2"),
    "unknown task": ({"target": "y", "task": "ranking"}, [0, 1] * 9, "task must be one of binary, .*, got 'ranking'"),
    "several for classification": ({"target": ["y", "x"], "task": "multiclass"}, [0, 1] * 9, "must have one target, got 'y', 'x'"),
    "lists": ({"target": "y"}, [[1], [2]] * 9, "'y' must hold single values, got lists"),
    "complex": ({"target": "y"}, np.ones(18) * 1j, "'y' must hold real numbers"),
}


@pytest.mark.parametrize(("said", "target", "message"), BAD.values(), ids=BAD)
def test_a_target_that_cannot_be_used_says_why(said, target, message):
    with pytest.raises(DataError, match=message):
        dataset(table(target, income=np.arange(len(target))), **said)


def test_infinite_features_name_the_column_the_count_and_the_row():
    with pytest.raises(DataError, match="'x' must hold finite numbers, got 2 infinite values, the first in row 4"):
        dataset(table([0, 1] * 10, x=[0.0, 1, 2, np.inf, -np.inf] + [np.nan] * 15), target="y")
