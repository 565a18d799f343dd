"""Numbers and records as a person reads them."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from osetra.core.records import EpochRecord, Study, StudyState, Task, Trial, TrialState
from osetra.report import words


@pytest.mark.parametrize(
    ("value", "error_name", "said"),
    [
        (0.1234567, "error rate", "12.35 %"), (0.0, "error rate", "0.00 %"), (None, "error rate", "-"), (math.nan, "RMSE", "-"),
        (math.inf, "RMSE", "-"), (635.0, "RMSE", "635.0"),
        (0.0512345, "RMSE", "0.05123"), (12345.6, "RMSE", "12,346"), (0.0, "RMSE", "0.000"), (3.4e9, "RMSE", "3.400e+09"),
    ],
)  # fmt: skip
def test_an_error_has_four_figures_or_is_a_percentage(value, error_name, said):
    assert words.error(value, error_name) == said


def test_errors_below_one_another_have_the_same_decimals():
    assert words.errors([630.94, 1002.3, None, 98.765], "RMSE") == ["630.94", "1,002.30", "-", "98.77"]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.none()), st.sampled_from(["error rate", "RMSE"]))
def test_any_errors_can_be_said(values, error_name):
    said = words.errors(values, error_name)
    assert [text == "-" for text in said] == [value is None or not math.isfinite(value) for value in values]


def test_an_interval_names_its_ends_and_rows():
    measured = {"value": 0.142, "low": 0.1311, "high": 0.154, "rows": 3480}
    assert words.interval(measured, "error rate") == "14.20 % (95 % interval 13.11 to 15.40 %, 3,480 rows)"
    assert words.interval({"value": 9.5, "low": 9, "high": 12.25, "rows": 1}, "RMSE") == "9.500 (95 % interval 9.000 to 12.250, 1 row)"
    weighed = words.interval({**measured, "effective_rows": 2_110.4}, "error rate")
    assert weighed == "14.20 % (95 % interval 13.11 to 15.40 %, 3,480 rows weighed, worth 2,110)"
    assert words.interval(None, "RMSE") == "-"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.00 s"), (0.04, "0.04 s"), (0.996, "1.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
    ],
)  # fmt: skip
def test_durations_are_said_in_the_largest_units(seconds, said):
    assert words.duration(seconds) == said


def test_values_are_said_as_they_are_typed():
    assert [words.value(v) for v in (0.000297612, 1e-8, True, 64, "adam", 1.0)] == ["0.0002976", "1e-08", "true", "64", "adam", "1"]
    assert words.value(0.000297612, figures=3) == "0.000298"


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=300))
@example([1.7976931348623157e308, -9.9792015476736e291])
def test_a_curve_is_one_line_of_blocks_no_wider_than_asked(values):
    line = words.sparkline(values, width=40)
    assert len(line) <= 40
    assert set(line) <= {*words.BLOCKS, " "}


def test_a_curve_that_falls_falls():
    assert words.sparkline([3.0, 2.0, 1.0]) == "█▄▁"
    assert words.sparkline([1.0, math.nan, 1.0]) == "▁ ▁"


def trial(number, **configuration):
    return Trial(number=number, configuration=configuration, state=TrialState.FINISHED)


def test_hyperparameters_that_vary_come_weightiest_first():
    trials = [
        trial(k, beta1=0.9, activation="relu" if k else "tanh", l2=k, learning_rate=k, hidden_units=k, batch_size=32) for k in range(2)
    ]
    assert words.varying(trials) == ["learning_rate", "hidden_units", "l2", "activation"]
    assert words.varying(trials[:1]) == []


def test_a_configuration_is_aligned_and_weightiest_first():
    assert words.configuration_lines({"l2": 0.5, "learning_rate": 0.001, "activation": "relu"}) == [
        "learning_rate  0.001",
        "l2             0.5",
        "activation     relu",
    ]


def test_a_point_of_a_curve_has_null_for_what_is_not_finite():
    record = EpochRecord(epoch=1, train_cost=math.inf, train_error=0.5, dev_loss=math.nan, dev_error=0.5, seconds=0.1)
    assert words.epoch_facts(record) == {
        "epoch": 1,
        "train_cost": None,
        "train_error": 0.5,
        "dev_loss": None,
        "dev_error": 0.5,
        "seconds": 0.1,
    }


def test_a_studys_facts_leave_its_row_numbers_out():
    study = Study(
        name="s", state=StudyState.FINISHED, created=datetime(2026, 1, 2, tzinfo=UTC), task=Task.BINARY, target="y", source="frame", seed=1,
        error_name="error rate", facts={"split": {"rule": "at random", "sizes": [6, 2, 2], "dev": "...", "test": "..."}, "trials": 3},
    )  # fmt: skip
    facts = words.study_facts(study)
    assert facts["split"] == {"rule": "at random", "sizes": [6, 2, 2]}
    assert (facts["study"], facts["task"], facts["created"], facts["trials"]) == ("s", "binary", "2026-01-02T00:00:00+00:00", 3)
