"""What a model does row by row: records against scikit-learn's counts, and a study's `evaluation` against its model asked anew."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.metrics import confusion_matrix

import osetra
from osetra.diagnosis.evaluation import (
    boundary,
    calibration,
    confusion,
    plain,
    plain_row,
    plane,
    residuals,
    worst_classified,
    worst_predicted,
)
from osetra.diagnosis.intervals import wilson
from osetra.models.ensemble import Ensemble
from osetra.study.evaluate import evaluate
from osetra.study.table import PreparedTable

QUICK = {"trials": 1, "epochs_per_trial": 4, "seed": 3}


def probabilities(rows, classes, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.4), rows).astype(np.float32)


def test_a_confusion_is_counted_as_scikit_learn_counts_it():
    generator = np.random.default_rng(0)
    actual, predicted = generator.integers(0, 5, 500), generator.integers(0, 4, 500)
    found = confusion(["a", "b", "c", "d", "e"], actual, predicted)
    assert found["counts"] == confusion_matrix(actual, predicted, labels=range(5)).tolist()
    assert found["labels"] == ["a", "b", "c", "d", "e"]


def test_of_many_classes_the_commonest_are_shown_and_the_others_together():
    generator = np.random.default_rng(1)
    shares = np.where(np.arange(100) % 4 == 1, 3.0, 0.1)
    actual, predicted = (generator.choice(100, size=5_000, p=shares / shares.sum()) for _ in range(2))
    found = confusion([f"k{k}" for k in range(100)], actual, predicted)
    shown = [int(label[1:]) for label in found["labels"][:-1]]
    assert len(shown) == 29
    assert found["labels"][-1] == "other"
    assert set(range(1, 100, 4)) <= set(shown)
    assert shown == sorted(shown)
    together = [np.where(np.isin(numbers, shown), numbers, 100) for numbers in (actual, predicted)]
    assert found["counts"] == confusion_matrix(*together, labels=[*shown, 100]).tolist()
    named = confusion(["other", *(f"k{k}" for k in range(40))], np.arange(41) % 3, np.zeros(41, int))
    assert named["labels"][-1] == "other classes"
    assert named["labels"].count("other") == 1


@pytest.mark.parametrize("classes", [2, 4])
def test_calibration_is_scikit_learn_s(classes):
    said = probabilities(900, classes)
    actual = np.random.default_rng(1).integers(0, classes, 900)
    found = calibration(said, actual)
    if classes == 2:
        of_bin, came = said[:, 1].astype(float), actual == 1
    else:
        of_bin, came = said.max(axis=1).astype(float), said.argmax(axis=1) == actual
    shares, means = calibration_curve(came, of_bin, n_bins=10, strategy="uniform")
    assert [one["accuracy"] for one in found["bins"]] == pytest.approx(shares)
    assert [one["confidence"] for one in found["bins"]] == pytest.approx(means)
    assert sum(one["rows"] for one in found["bins"]) == 900
    assert all(one["low"] <= one["confidence"] <= one["high"] for one in found["bins"])
    assert all((one["accuracy_low"], one["accuracy_high"]) == wilson(one["accuracy"], one["rows"]) for one in found["bins"])


def test_the_calibration_error_is_that_of_hand_arithmetic():
    # Three rows say 0.85, of which two came; one says 0.2 and did not come.
    said = np.array([[0.15, 0.85]] * 3 + [[0.8, 0.2]])
    found = calibration(said, np.array([1, 1, 0, 0]))
    assert found["error"] == pytest.approx(3 / 4 * abs(0.85 - 2 / 3) + 1 / 4 * 0.2)
    assert [(one["low"], one["high"], one["rows"]) for one in found["bins"]] == [(0.1, 0.2, 1), (0.8, 0.9, 3)]
    generator = np.random.default_rng(0)
    p = generator.random(100_000)
    honest = calibration(np.stack([1 - p, p], axis=1), (generator.random(100_000) < p).astype(int))
    assert honest["error"] < 0.01
    assert calibration(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1]))["error"] == 0


def test_the_wrongest_rows_are_those_whose_own_class_is_thought_least_likely():
    said, actual = probabilities(300, 3), np.random.default_rng(2).integers(0, 3, 300)
    rows, records = worst_classified("kind", ["a", "b", "c"], said, actual, np.arange(300) + 1_000)
    own = said[np.arange(300), actual]
    assert sorted(own[rows]) == sorted(own)[:10]
    assert [record["row"] for record in records] == (rows + 1_000).tolist()
    first = rows[0]
    assert records[0]["actual"] == "abc"[actual[first]]
    assert records[0]["predicted"] == "abc"[said[first].argmax()]
    assert records[0]["confidence"] == pytest.approx(float(said[first].max()), rel=1e-5)
    assert records[0]["residual"] is None


def test_rows_that_got_their_own_class_are_never_among_the_wrongest():
    said = np.array([[0.9, 0.1, 0.0], [0.4, 0.3, 0.3], [0.36, 0.34, 0.3]])
    rows, records = worst_classified("kind", ["a", "b", "c"], said, np.array([0, 0, 1]), np.arange(3))
    assert (rows.tolist(), [record["predicted"] for record in records]) == ([2], ["a"])
    assert worst_classified("kind", ["a", "b", "c"], said, np.array([0, 0, 0]), np.arange(3))[1] == []


def test_the_largest_residuals_are_found_in_each_target_s_own_scale():
    actual, predicted = np.zeros((50, 2)), np.zeros((50, 2))
    predicted[7, 0], predicted[9, 1], predicted[11, 1] = 900.0, 3.0, -0.5
    rows, records = worst_predicted(["metres", "grams"], np.array([1_000.0, 1.0]), actual, predicted, np.arange(50))
    assert rows[:3].tolist() == [9, 7, 11]
    assert records[0] == {"row": 9, "target": "grams", "actual": 0.0, "predicted": 3.0, "confidence": None, "residual": -3.0}
    assert (records[1]["target"], records[1]["residual"]) == ("metres", -900.0)


def test_residuals_are_of_at_most_500_rows_from_first_to_last():
    values = np.arange(2_400.0).reshape(1_200, 2)
    first, second = residuals(["a", "b"], values, values + 1)
    assert (first["target"], second["target"]) == ("a", "b")
    assert len(first["actual"]) == len(second["predicted"]) == 500
    assert (first["actual"][0], first["actual"][-1]) == (0.0, 2398.0)
    assert np.subtract(second["predicted"], second["actual"]).tolist() == [1.0] * 500
    assert len(residuals(["a"], values[:30, :1], values[:30, :1])[0]["actual"]) == 30
    assert len(residuals([f"t{k}" for k in range(20)], np.zeros((3, 20)), np.zeros((3, 20)))) == 8


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None), (float("nan"), None), (np.float32("nan"), None), (pd.NaT, None), (pd.NA, None), (np.datetime64("NaT"), None),
        (np.int64(3), 3), (np.float64(0.1234567891), 0.123457), (np.bool_(True), True), (False, False), (10**20, 10**20), (np.inf, None),
        (date(2024, 5, 31), "2024-05-31"), (pd.Timestamp("2024-05-31 12:30"), "2024-05-31T12:30:00"),
        (np.datetime64("2024-05-31"), "2024-05-31"), ("x" * 61, "x" * 57 + "..."), ("x" * 60, "x" * 60), ("", ""), ([1, 2], "[1, 2]"),
    ],
)  # fmt: skip
def test_any_value_of_a_table_becomes_one_that_json_can_carry(value, expected):
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)
    json.dumps(found, allow_nan=False)


def test_a_row_keeps_its_first_eight_features():
    assert plain_row({f"c{k}": k for k in range(20)}) == {f"c{k}": k for k in range(8)}


def test_a_plane_reaches_from_the_1_to_the_99_percent_quantile_and_a_little_beyond():
    x = np.append(np.arange(101.0), np.nan)
    across, up = plane(x, np.full(5, 3.0))
    assert (across[0], across[-1], len(across)) == pytest.approx((1 - 4.9, 99 + 4.9, 60))
    assert (up[0], up[-1]) == (2.5, 3.5)


def test_a_boundary_s_points_are_rows_that_lack_neither_feature():
    x, y = np.arange(1_000.0), np.arange(1_000.0)
    x[0], y[-1] = np.nan, np.nan
    found = boundary(("a", "b"), plane(x, y), np.zeros((60, 60), int), (x, y, np.arange(1_000) % 2))
    points = found["points"]
    assert len(points["x"]) == len(points["y"]) == len(points["actual"]) == 300
    assert (points["x"][0], points["x"][-1]) == (1.0, 998.0)
    assert [value % 2 for value in points["x"]] == points["actual"]


def fitted(data, target="target", **options):
    """A study, its evaluation, and its data as the study dealt it out."""
    study = osetra.fit(data, target, **{**QUICK, **options})
    drawn = {name: value for name, value in options.items() if name in ("weights", "groups")}
    found = study.facts["evaluation"]
    json.dumps(found, allow_nan=False)
    return study, found, PreparedTable.of(data, target, seed=3, **drawn)


def test_a_study_s_evaluation_is_what_its_model_says_of_the_dev_rows():
    data = load_breast_cancer(as_frame=True).frame.assign(
        when=pd.date_range("2024-01-01", periods=569), kind=["a", "b", None] * 189 + ["a", "b"]
    )
    study, found, table = fitted(data)
    rows = data.iloc[table.split.dev]
    predicted, said = study.model.predict(rows), study.model.predict_proba(rows)
    assert found["part"] == "dev"
    assert found["confusion"] == {"labels": [0, 1], "counts": confusion_matrix(rows["target"], predicted).tolist()}
    assert study.dev_error["value"] == pytest.approx((predicted != rows["target"]).mean())
    shares, _ = calibration_curve(rows["target"], said[:, 1].astype(float), n_bins=10)
    assert [one["accuracy"] for one in found["calibration"]["bins"]] == pytest.approx(shares)
    worst = found["worst"][0]
    own = said[np.arange(len(rows)), rows["target"]]
    assert worst["row"] == rows.index[own.argmin()]
    assert worst["actual"] == data["target"][worst["row"]]
    assert worst["features"]["mean radius"] == pytest.approx(data["mean radius"][worst["row"]], rel=1e-5)
    assert len(worst["features"]) == 8
    assert (found["residuals"], found["boundary"]) == ([], None)
    # Quarters of 28 or 29 of the 114 rows are too few; the levels of `kind` and the classes are not.
    assert {one["column"] for one in found["slices"]} <= {"kind", "actual class"}
    assert found["slices_compared"] == 5


def test_slices_are_cut_as_the_model_reads_the_columns():
    generator = np.random.default_rng(0)
    data = pd.DataFrame(
        {
            "number": generator.normal(size=2_000), "text": generator.choice(["1.5", "2", "3.25", " "], 2_000),
            "flag": generator.random(2_000) < 0.5, "day": pd.date_range("2020-01-01", periods=2_000).astype(str), "same": "x",
        }
    )  # fmt: skip
    data["target"] = np.where(generator.random(2_000) < 0.45 * data["flag"], "yes", "no")
    study, found, _ = fitted(data, epochs_per_trial=10)
    assert {one["slice"] for one in found["slices"] if one["is_worse"]} == {"flag = True", "actual class = yes"}
    # Four quarters of number and day, three values of text and its blanks, two flags, two classes.
    assert found["slices_compared"] == 4 + 4 + 4 + 2 + 2
    told = study.diagnose()
    assert [finding.figure for finding in told.data] == ["slices"] * len(told.data)
    assert told.data[0].sentence.startswith("Where flag = True (")
    assert told.to_dict()["data"][0]["name"] == "worse slice"
    assert study.diagnose(trial=study.best.number).data == told.data


def test_rows_are_counted_alike_whatever_their_weights():
    data = load_wine(as_frame=True).frame.assign(w=np.linspace(0.5, 4, 178))
    _, found, table = fitted(data, weights="w")
    assert sum(map(sum, found["confusion"]["counts"])) == len(table.split.dev)


def test_a_regression_has_residuals_in_units_of_the_target_and_no_classes():
    data = load_diabetes(as_frame=True).frame
    study, found, table = fitted(data)
    rows = data.iloc[table.split.dev]
    assert (found["confusion"], found["calibration"], found["boundary"]) == (None, None, None)
    (of_target,) = found["residuals"]
    assert of_target["actual"] == rows["target"].tolist()
    assert of_target["predicted"] == pytest.approx(study.model.predict(rows), rel=1e-5)
    gaps = rows["target"] - study.model.predict(rows)
    assert found["worst"][0]["row"] == gaps.abs().idxmax()
    assert found["worst"][0]["residual"] == pytest.approx(gaps[gaps.abs().idxmax()], rel=1e-5)


def test_several_targets_are_told_apart():
    data = load_diabetes(as_frame=True).frame
    data["thousandfold"] = 1_000 * data["bmi"] + 1
    study, found, table = fitted(data, ["target", "thousandfold"])
    assert [one["target"] for one in found["residuals"]] == ["target", "thousandfold"]
    rows = data.iloc[table.split.dev]
    gaps = (rows[["target", "thousandfold"]] - study.model.predict(rows)) / study.model.preparation.target_scale
    worst = gaps.abs().max(axis=1).sort_values(ascending=False).index[:10]
    assert [record["row"] for record in found["worst"]] == worst.tolist()
    assert [record["target"] for record in found["worst"]] == gaps.abs().idxmax(axis=1)[worst].tolist()
    assert {record["target"] for record in found["worst"]} == {"target", "thousandfold"}


@pytest.mark.parametrize("target", ["kind", "height"])
def test_two_features_have_a_boundary_that_is_the_model_s_answer_there(target):
    generator = np.random.default_rng(0)
    data = pd.DataFrame({"a": generator.normal(size=600), "b": generator.integers(0, 50, 600)})
    data.loc[5:20, "a"] = np.nan
    data[target] = np.where(data["b"] > 25, "up", "down") if target == "kind" else data["b"] + generator.normal(size=600)
    study, found, _ = fitted(data, target, epochs_per_trial=15)
    drawn = found["boundary"]
    assert (drawn["x"], drawn["y"]) == ("a", "b")
    asked = pd.DataFrame({"a": drawn["x_values"][10], "b": drawn["y_values"]})
    over = [line[10] for line in drawn["predicted"]]
    if target == "kind":
        assert [found["confusion"]["labels"][place] for place in over] == study.model.predict(asked).tolist()
        assert (over[0], over[-1]) == (0, 1)
        assert set(drawn["points"]["actual"]) == {0, 1}
    else:
        assert over == pytest.approx(study.model.predict(asked), rel=1e-3, abs=1e-3)
    assert 0 < len(drawn["points"]["x"]) <= 120


def test_a_third_feature_or_a_text_leaves_no_boundary():
    generator = np.random.default_rng(0)
    data = pd.DataFrame({"a": generator.normal(size=200), "b": generator.choice(["u", "v"], 200), "target": generator.integers(0, 2, 200)})
    assert fitted(data)[1]["boundary"] is None
    assert fitted(data.assign(b=1.0 * np.arange(200), c=np.arange(200)))[1]["boundary"] is None


def test_images_have_rows_without_features_and_slices_of_classes_only():
    data = load_digits()
    study = osetra.fit(data.images.astype(np.uint8), y=data.target, **QUICK)
    found = study.facts["evaluation"]
    assert json.loads(json.dumps(found)) == found
    assert found["worst"][0]["features"] == {}
    assert found["worst"][0]["target"] == "target"
    assert {one["column"] for one in found["slices"]} == {"actual class"}
    assert len(found["slices"]) <= 4
    assert found["boundary"] is None


def test_an_ensemble_is_evaluated_as_itself():
    data = load_wine(as_frame=True).frame
    first, _, table = fitted(data)
    second, _, _ = fitted(data, space={"hidden_units": 3})
    joined = Ensemble(members=(first.model, second.model), weights=(0.3, 0.7))
    found = evaluate(joined, table)
    rows = data.iloc[table.split.dev]
    assert found["confusion"]["counts"] == confusion_matrix(rows["target"], joined.predict(rows), labels=[0, 1, 2]).tolist()
