"""Inputs are standardised with training moments only, any frame scores or says why not, and JSON carries it all exactly."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from osetra.core.errors import DataError
from osetra.core.records import Task
from osetra.core.seeding import Seed
from osetra.data.prepare import Preparation
from osetra.data.sources import read_table
from osetra.data.split import split
from osetra.data.tables import Dataset, dataset
from osetra.data.treatments import moments

ROWS = 400


def made(features, target=None, task=Task.BINARY):
    frame = pd.DataFrame(features)
    target = np.arange(len(frame)) % 2 if target is None else target
    target = target if isinstance(target, pd.DataFrame) else pd.DataFrame({"y": target})
    return Dataset(features=frame, target=target, task=task, target_names=tuple(target.columns), source="made")


def fitted(features, **others):
    data = made(features, **others)
    return Preparation.fit(data, np.arange(data.num_rows)), data.features


def one_of_each(rows=ROWS, seed=0):
    """A frame with a column of every treatment."""
    draw = np.random.default_rng(seed)
    with_blanks = draw.normal(50, 9, rows)
    with_blanks[draw.random(rows) < 0.1] = np.nan
    job = draw.choice(np.array(["clerk", "cook", None, "pilot"], dtype=object), rows, p=[0.5, 0.3, 0.1, 0.1])
    days = draw.integers(0, 2000, rows).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "age": draw.integers(18, 90, rows),
            "weight": with_blanks,
            "smokes": draw.random(rows) < 0.3,
            "job": job,
            "income": [f"{number:.2f}" for number in draw.lognormal(9, 1, rows)],
            "since": np.datetime64("2015-03-01T10:30") + days,
            "town": [f"town {k}" for k in draw.integers(0, 60, rows)],
        }
    )


@pytest.fixture(scope="module")
def every():
    return fitted(one_of_each())


def test_inputs_have_zero_mean_and_unit_variance_in_training(every):
    preparation, frame = every
    matrix = preparation.inputs(frame)
    assert matrix.dtype == np.float32
    assert matrix.flags.c_contiguous
    assert matrix.shape == (ROWS, preparation.num_inputs) == (ROWS, len(preparation.input_names))
    np.testing.assert_allclose(matrix.mean(axis=0, dtype=np.float64), 0, atol=1e-6)
    spread = matrix.std(axis=0, dtype=np.float64)
    rare = np.char.startswith(preparation.input_names, "town")
    np.testing.assert_allclose(spread[~rare], 1, rtol=1e-5)
    assert np.all(spread <= 1 + 1e-5)


def test_a_number_is_centred_and_divided_by_sigma():
    preparation, frame = fitted({"x": [1.0, 2.0, 3.0, 6.0]})
    np.testing.assert_allclose(preparation.inputs(frame)[:, 0], (np.array([1, 2, 3, 6]) - 3) / np.sqrt(14 / 4), rtol=1e-6)


def test_a_missing_number_becomes_the_mean_and_is_marked():
    preparation, frame = fitted({"x": [1.0, np.nan, 3.0, np.nan, 5.0]})
    assert preparation.input_names == ("x", "x is missing")
    matrix = preparation.inputs(frame)
    assert matrix[1, 0] == matrix[3, 0] == 0
    np.testing.assert_allclose(matrix[:, 0], np.array([-2, 0, 0, 0, 2]) / np.sqrt(8 / 5), rtol=1e-6)
    np.testing.assert_allclose(matrix[:, 1], (np.array([0, 1, 0, 1, 0]) - 0.4) / np.sqrt(0.24), rtol=1e-6)


def test_a_number_missing_only_when_scoring_becomes_the_mean():
    preparation, _ = fitted({"x": [1.0, 2.0, 4.0]})
    assert preparation.input_names == ("x",)
    assert preparation.inputs(pd.DataFrame({"x": [np.nan, None]})).tolist() == [[0.0], [0.0]]


def test_levels_are_one_input_each_and_missing_is_a_level():
    preparation, frame = fitted({"job": ["cook"] * 10 + ["clerk"] * 20 + [None] * 10})
    assert preparation.input_names == ("job=clerk", "job=cook", "job is missing")
    matrix = preparation.inputs(frame)
    assert len(np.unique(matrix, axis=0)) == 3
    np.testing.assert_allclose(matrix[0], [(0 - 0.5) / 0.5, 0.75 / np.sqrt(0.1875), -0.25 / np.sqrt(0.1875)], rtol=1e-6)


def test_rare_levels_share_an_input_that_unknown_ones_join():
    preparation, _ = fitted({"job": ["cook"] * 300 + ["clerk"] * 94 + ["pilot"] * 3 + ["diver"] * 3})
    assert preparation.input_names == ("job=clerk", "job=cook", "job is another, rare level")
    assert preparation.notes == ("job: 2 levels of under 5 training rows share one input",)
    pilot, diver, unknown, clerk = preparation.inputs(pd.DataFrame({"job": ["pilot", "diver", "never seen", "clerk"]}))
    assert pilot.tolist() == diver.tolist() == unknown.tolist() != clerk.tolist()


def test_an_unknown_level_is_none_of_the_known_ones():
    preparation, _ = fitted({"job": ["cook"] * 10 + ["clerk"] * 30})
    np.testing.assert_allclose(
        preparation.inputs(pd.DataFrame({"job": ["pilot"]})), [[-0.75 / np.sqrt(0.1875), -0.25 / np.sqrt(0.1875)]], rtol=1e-6
    )


def test_a_rare_level_stays_within_ten():
    preparation, frame = fitted({"job": ["cook"] * 9990 + ["pilot"] * 10, "x": [0.0] * 9999 + [np.nan]})
    assert np.abs(preparation.inputs(frame)).max() == pytest.approx(10)


def test_an_odd_row_is_clipped():
    preparation, _ = fitted({"x": np.linspace(-1, 1, 100)})
    assert preparation.inputs(pd.DataFrame({"x": [1e300, -1e300, 1e9]}))[:, 0].tolist() == [20, -20, 20]


def test_two_thousand_levels_are_hashed_the_same_way_everywhere():
    levels = [f"street {k}" for k in range(2000)]
    preparation, frame = fitted({"street": levels + levels[:1000] * 3, "x": range(5000)})
    assert "street has 2,000 levels in the training part: hashed into 32 signed inputs" in preparation.notes[0]
    assert preparation.num_inputs == 32 + 1 + 1
    assert preparation.input_names[32] == "street log frequency"
    matrix = preparation.inputs(frame)
    assert len(np.unique(matrix[:, :32], axis=0)) == 64
    # crc32 of "street 7" is 987475909: bucket 5, sign +1. A process-wide hash would differ from run to run.
    unsigned = np.array([-item.mean / item.scale for item in preparation.columns[0].inputs[:32]])
    assert np.flatnonzero(np.abs(matrix[7, :32] - unsigned) > 1e-5).tolist() == [5]
    assert np.sign(matrix[7, 5]) == 1
    unknown = preparation.inputs(pd.DataFrame({"street": ["never seen"], "x": [0]}))
    assert unknown[0, 32] == matrix[1500, 32] < matrix[7, 32]


def test_an_identifier_a_constant_and_an_empty_column_are_dropped_with_a_note():
    preparation, frame = fitted(
        {"x": range(30), "name": [f"name {k}" for k in range(30)], "same": 4, "word": "one", "empty": None, "blank": np.nan}
    )
    assert preparation.input_names == ("x",)
    assert preparation.notes == (
        "name was dropped: 30 different texts in 30 training rows identify rows",
        "same was dropped: it has a single value in the training part",
        "word was dropped: it has a single value in the training part",
        "empty was dropped: it is empty in the training part",
        "blank was dropped: it is empty in the training part",
    )
    assert preparation.inputs(frame.loc[:, ["x"]]).shape == (30, 1), "a dropped column is not asked for"


def test_a_column_that_is_constant_but_for_blanks_says_which_are_blank():
    assert fitted({"x": [5.0, np.nan, 5.0, 5.0]})[0].input_names == ("x is missing",)


def test_numbers_as_text_are_numbers():
    as_text, text_frame = fitted({"x": ["1", " 2.5", "?", "-3e1"]})
    as_numbers, frame = fitted({"x": [1, 2.5, np.nan, -30]})
    assert as_text.to_dict() == as_numbers.to_dict()
    assert np.array_equal(as_text.inputs(text_frame), as_numbers.inputs(frame))
    assert np.array_equal(as_text.inputs(frame), as_numbers.inputs(text_frame))


@pytest.mark.parametrize("dtype", [bool, object, "boolean"])
def test_truth_values_are_zero_and_one(dtype):
    frame = pd.DataFrame({"x": pd.Series([True, False, True, True], dtype=dtype)})
    np.testing.assert_allclose(fitted(frame)[0].inputs(frame)[:, 0], np.array([0.25, -0.75, 0.25, 0.25]) / np.sqrt(0.1875), rtol=1e-6)


def test_categories_of_numbers_are_the_same_levels_as_numbers_among_blanks():
    preparation, frame = fitted({"ward": pd.Series([1, 2, 3, 1] * 10, dtype="category")})
    assert preparation.input_names == ("ward=1", "ward=2", "ward=3")
    assert np.array_equal(preparation.inputs(pd.DataFrame({"ward": [1.0, 2.0, 3.0, np.nan]}))[:3], preparation.inputs(frame)[:3])


def test_dates_give_what_varies_in_them():
    stamps = pd.Series(pd.date_range("2024-01-01", periods=120, freq="D"))
    forms = {
        "datetimes": stamps,
        "with a zone": stamps.dt.tz_localize("UTC"),
        "ISO text": stamps.dt.strftime("%Y-%m-%d"),
        "date objects": pd.Series([stamp.date() for stamp in stamps], dtype=object),
    }
    prepared = {form: fitted({"day": column}) for form, column in forms.items()}
    first, frame = prepared["datetimes"]
    assert first.input_names == tuple(f"day {part}" for part in ("seconds", "month sin", "month cos", "weekday sin", "weekday cos"))
    for other, other_frame in prepared.values():
        assert other.to_dict() == first.to_dict()
        assert np.array_equal(other.inputs(other_frame), first.inputs(frame))
    raw = first.inputs(frame) * [item.scale for item in first.columns[0].inputs] + [item.mean for item in first.columns[0].inputs]
    day = 45
    at = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(days=day)
    month, weekday = 2 * np.pi * (at.month - 1) / 12, 2 * np.pi * at.weekday() / 7
    assert raw[day, 0] == pytest.approx(at.timestamp(), rel=1e-9)
    np.testing.assert_allclose(raw[day, 1:], [np.sin(month), np.cos(month), np.sin(weekday), np.cos(weekday)], atol=1e-6)


def test_hours_years_and_missing_dates_are_seen():
    preparation, frame = fitted({"at": pd.Series(["2020-05-01T06:00", "2021-05-01T18:00", None, "2021-05-01T12:00:30"])})
    assert {"at year", "at hour sin", "at is missing"} <= set(preparation.input_names)
    assert "at month sin" not in preparation.input_names
    assert np.all(preparation.inputs(frame)[2, :-1] == 0)


def test_any_frame_with_the_columns_scores_in_any_order(every):
    preparation, frame = every
    shuffled = frame.iloc[:, ::-1].assign(extra="ignored").set_index(np.arange(ROWS) * 3)
    assert np.array_equal(preparation.inputs(shuffled), preparation.inputs(frame))
    assert np.array_equal(preparation.inputs(frame.iloc[5:9]), preparation.inputs(frame)[5:9])
    assert preparation.inputs(frame.iloc[:0]).shape == (0, preparation.num_inputs)


def test_json_carries_a_preparation_to_the_same_bits(every):
    preparation, frame = every
    back = Preparation.from_dict(json.loads(json.dumps(preparation.to_dict(), allow_nan=False)))
    assert back.to_dict() == preparation.to_dict()
    assert back.input_names == preparation.input_names
    assert np.array_equal(back.inputs(frame), preparation.inputs(frame))


@pytest.mark.parametrize(
    "spoil", [lambda d: d.pop("columns"), lambda d: d.update(task="ranking"), lambda d: d["columns"][0].update(kind="pickle")]
)
def test_what_is_no_preparation_is_a_data_error(every, spoil):
    record = json.loads(json.dumps(every[0].to_dict()))
    spoil(record)
    with pytest.raises(DataError, match=r"must be what Preparation\.to_dict wrote"):
        Preparation.from_dict(record)


@given(st.integers(0, 2**32), st.floats(-1e6, 1e6), st.sampled_from(["clerk", "a new level", None]), st.booleans())
@settings(max_examples=25, deadline=None)
def test_dev_and_test_rows_never_change_a_fitted_value(seed, number, level, label):
    data = made(one_of_each(120, seed=seed % 7))
    parts = split(data, seed=Seed(study=seed))
    before = Preparation.fit(data, parts.train)
    others = np.concatenate([parts.dev, parts.test])
    changed = data.features.copy()
    changed["age"] = changed["age"].astype(float)
    changed.loc[others, ["age", "weight"]] = number
    changed.loc[others, ["job", "town"]] = level
    changed.loc[others, "income"] = str(number)
    changed.loc[others, "since"] = pd.Timestamp("1999-12-31")
    target = data.target.copy()
    target.loc[others] = int(label)
    after = Preparation.fit(made(changed, target=target), parts.train)
    assert after.to_dict() == before.to_dict()
    assert np.array_equal(after.inputs(changed.iloc[parts.train]), before.inputs(data.features.iloc[parts.train]))


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.MULTICLASS])
def test_dev_and_test_targets_never_change_a_fitted_value(task):
    features = {"x": np.arange(60.0)}
    before = Preparation.fit(made(features, target=np.arange(60) % 3, task=task), np.arange(30))
    after = Preparation.fit(made(features, target=np.where(np.arange(60) < 30, np.arange(60) % 3, 7), task=task), np.arange(30))
    assert after.to_dict() == before.to_dict()


def test_changing_a_training_row_does_change_fitted_values():
    data = made(one_of_each(120))
    rows = np.arange(60)
    changed = data.features.copy()
    changed.loc[3, "weight"] = 1000.0
    assert Preparation.fit(made(changed), rows).to_dict() != Preparation.fit(data, rows).to_dict()


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["no", "yes", "no"], ("no", "yes")),
        ([3, 1, 2], (1, 2, 3)),
        ([True, False, True], (False, True)),
        ([2.0, 1.0, 2.0], (1.0, 2.0)),
        (pd.Series(["b", "a", "b"], dtype="category"), ("a", "b")),
        (pd.Series([3, 1, 3], dtype="Int64"), (1, 3)),
        (pd.Series(["b", 1, "b"], dtype=object), (1, "b")),
    ],
)
def test_labels_become_class_numbers_and_come_back(labels, classes):
    data = made({"x": [1.0, 2.0, 3.0]}, target=labels, task=Task.MULTICLASS)
    preparation = Preparation.fit(data, np.arange(3))
    assert preparation.classes == classes
    assert [type(label) for label in preparation.classes] == [type(label) for label in classes]
    assert preparation.num_outputs == len(classes)
    assert preparation.error_scale == 1.0
    numbers = preparation.targets(data.target)
    assert numbers.dtype == np.int64
    decoded = preparation.decode(np.eye(len(classes))[numbers])
    assert decoded.tolist() == list(labels)
    again = Preparation.from_dict(json.loads(json.dumps(preparation.to_dict())))
    assert [(type(label), label) for label in again.classes] == [(type(label), label) for label in classes]


def test_hardmax_takes_the_greatest_probability():
    preparation, _ = fitted({"x": range(4)}, target=["a", "b", "c", "a"], task=Task.MULTICLASS)
    assert preparation.decode(np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]])).tolist() == ["b", "a"]


def test_one_regression_target_is_standardised_and_comes_back():
    values = np.array([10.0, 20.0, 60.0])
    preparation, _ = fitted({"x": range(3)}, target=values, task=Task.REGRESSION)
    targets = preparation.targets(pd.DataFrame({"y": values}))
    assert targets.dtype == np.float32
    assert targets.shape == (3, 1)
    assert preparation.num_outputs == 1
    assert preparation.error_scale == pytest.approx(values.std())
    np.testing.assert_allclose(targets[:, 0], (values - 30) / values.std(), rtol=1e-6)
    np.testing.assert_allclose(preparation.decode(targets), values, rtol=1e-6)


def test_several_regression_targets_come_back_in_their_own_units():
    target = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [-500.0, 0.0, 1000.0]})
    preparation, _ = fitted({"x": range(3)}, target=target, task=Task.REGRESSION)
    assert preparation.num_outputs == 2
    assert preparation.error_scale == 1.0
    np.testing.assert_allclose(preparation.decode(preparation.targets(target)), target, rtol=1e-6, atol=1e-4)


UNFIT = {
    "missing columns": (lambda frame: frame.drop(columns=["age", "job"]), "got none called 'age', 'job'; add or rename them"),
    "text for numbers": (
        lambda frame: frame.assign(age=["40"] * 3 + ["forty"] + ["41"] * (ROWS - 4)),
        "'age' must hold numbers, got 'forty' in row 4",
    ),
    "text among number text": (lambda frame: frame.assign(income="lots"), "'income' must hold numbers, got 'lots' in row 1 "),
    "infinite": (
        lambda frame: frame.assign(weight=np.inf),
        "'weight' must hold finite numbers, got 400 infinite values, the first in row 1",
    ),
    "no date": (lambda frame: frame.assign(since="yesterday"), "'since' must hold dates such as 2024-05-31, got 'yesterday' in row 1"),
    "a number for a date": (lambda frame: frame.assign(since=2024), "'since' must hold dates .*, got '2024'"),
    "lists": (lambda frame: frame.assign(job=[[1]] * ROWS), "'job' must hold numbers, text, truth values or dates, got nested values"),
}


@pytest.mark.parametrize(("spoil", "message"), UNFIT.values(), ids=UNFIT)
def test_a_frame_that_does_not_fit_says_why(every, spoil, message):
    preparation, frame = every
    with pytest.raises(DataError, match=message):
        preparation.inputs(spoil(frame))


def test_targets_that_do_not_fit_say_why():
    classifier, _ = fitted({"x": range(4)}, target=["a", "b", "a", "b"])
    with pytest.raises(DataError, match=r"one of the training part's classes \('a', 'b'\), got 'c' in row 2"):
        classifier.targets(pd.DataFrame({"y": ["a", "c"]}))
    with pytest.raises(DataError, match="'y' must be known for every row, got 1 missing, the first in row 2"):
        classifier.targets(pd.DataFrame({"y": ["a", None]}))
    with pytest.raises(DataError, match="must have the target, got no column 'y'"):
        classifier.targets(pd.DataFrame({"x": ["a", None]}))
    regressor, _ = fitted({"x": range(4)}, target=[1.0, 2.0, 3.0, 4.0], task=Task.REGRESSION)
    with pytest.raises(DataError, match="'y' must hold numbers, got 'a' in row 1"):
        regressor.targets(pd.DataFrame({"y": ["a"]}))
    with pytest.raises(DataError, match="got 1 missing, the first in row 2"):
        regressor.targets(pd.DataFrame({"y": [1.0, np.nan]}))


def test_training_rows_that_teach_nothing_say_why():
    with pytest.raises(DataError, match="at least one column of made must be of use, got none: x was dropped"):
        fitted({"x": [1.0, 1.0, 1.0]})
    with pytest.raises(DataError, match="the target 'y' must vary in the training part"):
        fitted({"x": range(3)}, target=[1.0, 1.0, 1.0], task=Task.REGRESSION)
    with pytest.raises(DataError, match="at least 2 classes of 'y', got 1"):
        fitted({"x": range(3)}, target=["a", "a", "a"])


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=30))
@example([1.7976931348623157e308, -3.2e301, -1.7976928111531385e308])
@example([5e-324, 0.0, 1e-323])
@settings(max_examples=100, deadline=None)
def test_moments_stay_finite_for_any_numbers(values):
    mean, scale = moments(np.array(values))
    assert min(values) <= mean <= max(values)
    assert 0 <= scale < np.inf


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_moments_are_those_after_the_mean_fills_the_blanks(values, blanks):
    mean, scale = moments(np.array(values + [np.nan] * blanks))
    filled = np.array(values + [np.mean(values)] * blanks)
    assert mean == pytest.approx(filled.mean(), rel=1e-9, abs=1e-6)
    assert scale == pytest.approx(filled.std(), rel=1e-6, abs=1e-6)


def test_a_file_goes_all_the_way(tmp_path):
    frame = one_of_each().assign(left=np.arange(ROWS) % 3 == 0)
    frame.to_csv(tmp_path / "people.csv", index=False)
    data = dataset(read_table(tmp_path / "people.csv"), target="left")
    parts = split(data, seed=Seed(study=1))
    preparation = Preparation.fit(data, parts.train)
    from_file, in_memory = preparation.inputs(data.features), preparation.inputs(frame)
    np.testing.assert_allclose(from_file, in_memory, rtol=1e-5, atol=1e-6)
    assert preparation.classes == (False, True)
