"""Leaks: planted columns are found, however they are coded; strong columns of real tables are not."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

from osetra.diagnosis.leaks import leaks


def found(features, target, *, seed=0, dev=0.3):
    """Leaks of a table, its rows dealt out at random."""
    order = np.random.default_rng(seed).permutation(len(features))
    cut = int(dev * len(features))
    is_classification = np.asarray(target).dtype.kind in "iu"
    values = np.asarray(target) if is_classification else np.asarray(target, dtype=np.float64).reshape(len(features), -1)
    names = ["y"] if values.ndim == 1 or values.shape[1] == 1 else [f"y{k}" for k in range(values.shape[1])]
    return leaks(
        features, values, names, columns=list(features.columns), training=np.sort(order[cut:]), dev=np.sort(order[:cut]),
        scales=None if is_classification else [1.0] * len(names), generator=np.random.default_rng(seed),
    )  # fmt: skip


def told(*args, **options):
    return [leak.column for leak in found(*args, **options)]


def classes(rows=2_000, num=2, seed=0):
    """Columns that know a little of the class."""
    drawn = np.random.default_rng(seed)
    y = drawn.integers(0, num, rows)
    return pd.DataFrame({f"x{k}": y + drawn.normal(0, 2, rows) for k in range(4)}), y, drawn


def values(rows=2_000, seed=0):
    drawn = np.random.default_rng(seed)
    x = drawn.normal(size=(rows, 4))
    return pd.DataFrame(x, columns=list("abcd")), np.exp(x @ [1.0, 0.7, 0.5, 0.2] + 0.3 * drawn.normal(size=rows)), drawn


CODED = {
    "a copy": lambda y, drawn: y,
    "numbers in another order": lambda y, drawn: drawn.permutation(100)[y],
    "text": lambda y, drawn: np.array([f"group {code}" for code in "qzjxkvwbm"])[y],
    "a date": lambda y, drawn: pd.Timestamp("2024-01-01") + pd.to_timedelta(y * 30, unit="D"),
    "a copy, 1 % of it wrong": lambda y, drawn: np.where(drawn.random(len(y)) < 0.01, (y + 1) % (y.max() + 1), y),
    "a score": lambda y, drawn: y + drawn.normal(0, 0.1, len(y)),
    "whether it is blank": lambda y, drawn: np.where(y > 0, y, np.nan),
}


@pytest.mark.parametrize("num", [2, 7])
@pytest.mark.parametrize("code", CODED)
def test_a_coded_copy_of_the_class_is_found(code, num):
    features, y, drawn = classes(num=num)
    assert told(features, y) == []
    (leak,) = found(features.assign(planted=CODED[code](y, drawn)), y)
    assert (leak.column, leak.target) == ("planted", "y")
    assert leak.error <= 0.02
    assert leak.baseline == pytest.approx(1 - 1 / num, abs=0.06)


@pytest.mark.parametrize(
    "code",
    [lambda y, e: y, lambda y, e: 7 - 2.54 * y, lambda y, e: np.log(y), lambda y, e: np.log(y) + 0.01 * e, lambda y, e: y.astype(str)],
)
def test_the_value_in_other_words_is_found_heavy_tail_or_not(code):
    features, y, drawn = values()
    assert told(features, y) == []
    (leak,) = found(features.assign(planted=code(y, drawn.normal(size=len(y)))), y)
    assert leak.column == "planted"
    assert leak.baseline == pytest.approx(y.std(), rel=0.3)


def test_two_leaks_do_not_hide_one_another():
    features, y, _ = classes()
    assert set(told(features.assign(one=y, two=1 - y), y)) == {"one", "two"}


def test_of_several_targets_each_is_looked_at():
    features, y, _ = values()
    both = np.stack([y, features["d"] + features["a"]], axis=1)
    (leak,) = found(features.assign(planted=2 * y), both)
    assert (leak.column, leak.target) == ("planted", "y0")


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer, load_wine, load_diabetes, load_digits])
def test_strong_columns_of_real_tables_are_no_leaks(load):
    frame = load(as_frame=True).frame
    features, y = frame.drop(columns="target"), frame["target"].to_numpy()
    for seed in range(4):
        assert told(features, y, seed=seed) == []


def test_few_rows_give_a_leak_only_where_it_is_the_target_itself():
    frame = load_iris(as_frame=True).frame
    features, y = frame.drop(columns="target"), frame["target"].to_numpy()
    # Petal length parts setosa from the others without an error, which is botany and no mistake.
    assert told(features, (y == 0).astype(np.int64)) == []
    assert told(features.assign(planted=np.array(list("xyz"))[y]), y) == ["planted"]
    few, value, _ = values(rows=60)
    assert told(few.assign(planted=value + 0.05 * few["a"], exact=3 * value), value) == ["exact"]


def test_strong_columns_that_say_the_same_are_none():
    drawn = np.random.default_rng(0)
    size = drawn.uniform(1, 10, 3_000)
    features = pd.DataFrame({name: size * (1 + 0.06 * drawn.normal(size=3_000)) for name in "xyz"}).assign(noise=drawn.normal(size=3_000))
    assert told(features, size**3) == []


def test_names_that_differ_in_every_row_teach_nothing():
    features, y, _ = classes()
    assert told(features.assign(name=[f"row {k}" for k in range(len(y))]), y) == []


def test_a_table_of_one_column_has_no_leak():
    _, y, _ = classes()
    assert told(pd.DataFrame({"planted": y}), y) == []


def test_numbers_of_any_size_can_be_looked_at():
    features, y, _ = classes()
    huge = features.assign(x0=1e300 * features["x0"], x1=np.where(features["x1"] > 0, features["x1"], np.nan), x2=np.nan)
    assert told(huge.assign(planted=10**15 + y), y) == ["planted"]
    few, value, _ = values(rows=60)
    assert told(few.assign(exact=1e299 * value, a=np.where(few["a"] > 0, 1e-300, np.nan)), value) == ["exact"]


def test_many_classes_in_few_rows_warn_nobody():
    features, _, _ = classes(rows=120)
    assert told(features, np.repeat(np.arange(60), 2)) == []


def test_a_leak_among_a_thousand_columns_is_found():
    features, y, drawn = classes(rows=1_000)
    wide = pd.DataFrame(drawn.normal(size=(1_000, 1_000)), columns=[f"z{k}" for k in range(1_000)])
    planted = wide.assign(x0=features["x0"], planted=CODED["a copy, 1 % of it wrong"](y, drawn))
    assert told(planted, y) == ["planted"]
