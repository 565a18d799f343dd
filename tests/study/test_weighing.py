"""`osetra.fit` with row weights and class weights."""

import numpy as np
import pandas as pd
import pytest

import osetra
from listener import Listener
from osetra.core.errors import DataError
from osetra.study.table import PreparedTable, split_from_facts

QUICK = {"trials": 2, "epochs_per_trial": 8, "seed": 3, "workers": 1}


def rows_of(rows=300, seed=0):
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(generator.normal(size=(rows, 3)), columns=list("abc"))
    frame["label"] = np.where(frame["a"] + generator.normal(size=rows) > 1, "yes", "no")
    frame["w"] = generator.choice([0.5, 1.0, 4.0], rows)
    return frame


def test_the_error_is_the_weighted_one_in_training_and_in_the_model():
    rows = rows_of()
    study = osetra.fit(rows, "label", weights="w", **QUICK)
    parts = split_from_facts(study.facts["split"])
    for error, part in ((study.dev_error, parts.dev), (study.test_error, parts.test)):
        wrong = (study.model.predict(rows) != rows["label"]).to_numpy()[part]
        weights = rows["w"].to_numpy()[part]
        assert error["value"] == pytest.approx(np.average(wrong, weights=weights))
        assert error["effective_rows"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
        assert error["rows"] == len(part)
    assert study.best.dev_error == pytest.approx(study.dev_error["value"], abs=1e-6)


def test_a_weighted_regression_is_measured_so_too():
    rows = rows_of().assign(label=lambda frame: frame["a"] + 0.1 * frame["b"])
    study = osetra.fit(rows, "label", weights="w", **QUICK)
    dev = split_from_facts(study.facts["split"]).dev
    squared = (study.model.predict(rows) - rows["label"].to_numpy())[dev] ** 2
    assert study.dev_error["value"] == pytest.approx(np.sqrt(np.average(squared, weights=rows["w"].to_numpy()[dev])), rel=1e-6)
    assert study.dev_error["value"] == pytest.approx(study.best.dev_error, rel=1e-4)


def test_weights_are_no_feature_and_new_rows_need_none():
    rows = rows_of()
    study = osetra.fit(rows, "label", weights="w", **QUICK)
    assert study.model.feature_names == ("a", "b", "c")
    study.model.predict(rows.drop(columns="w"))


def test_rows_of_weight_0_are_left_out_of_every_part_and_counted():
    rows = rows_of().assign(w=1.0)
    rows.loc[::4, "w"] = 0
    study = osetra.fit(rows, "label", weights="w", **QUICK)
    without = osetra.fit(rows[rows["w"] > 0].drop(columns="w"), "label", **QUICK)
    assert "75 rows of weight 0 were left out" in study.facts["notes"]
    assert study.facts["split"]["sizes"] == without.facts["split"]["sizes"]
    assert study.dev_error["value"] == pytest.approx(without.dev_error["value"])


def test_given_parts_have_weights_too():
    with pytest.raises(DataError, match=r"the dev part, a frame, must have the columns .* got none called 'w'"):
        osetra.fit(rows_of(), "label", weights="w", dev=rows_of(seed=1).drop(columns="w"), **QUICK)
    dev = rows_of(40, seed=1).assign(w=[1, 0] * 20)
    study = osetra.fit(rows_of(), "label", weights="w", dev=dev, **QUICK)
    assert study.dev_error["rows"] == 20


def test_class_weights_count_in_training_and_in_comparing_and_not_in_the_errors_at_the_end():
    rows = rows_of()
    table = PreparedTable.of(rows.drop(columns="w"), "label", class_weight={"yes": 3}, seed=3)
    labels = rows["label"].to_numpy()
    for part, weights in ((table.split.train, table.training.train_weights), (table.split.dev, table.training.dev_weights)):
        assert weights.mean() == pytest.approx(1, rel=1e-6)
        assert weights[labels[part] == "yes"][0] == pytest.approx(3 * weights[labels[part] == "no"][0])
    study = osetra.fit(rows.drop(columns="w"), "label", class_weight={"yes": 3}, **QUICK)
    dev = split_from_facts(study.facts["split"]).dev
    wrong = (study.model.predict(rows) != labels)[dev]
    costs = np.where(labels[dev] == "yes", 3.0, 1.0)
    assert study.dev_error["value"] == wrong.mean()
    assert study.best.dev_error == pytest.approx((costs * wrong).sum() / costs.sum(), rel=1e-6)
    assert study.facts["class_weight"] == {"no": 1.0, "yes": 3.0}
    assert study.facts["weights"] is None


def test_balance_is_taken_from_the_training_part():
    rows = rows_of()
    table = PreparedTable.of(rows, "label", class_weight="balanced", weights="w", seed=3)
    train = rows.iloc[table.split.train]
    total = train.groupby("label")["w"].sum()
    assert table.class_weights == pytest.approx((train["w"].sum() / (2 * total)).to_dict())
    summed = pd.Series(table.training.train_weights).groupby(train["label"].to_numpy()).sum()
    assert summed["yes"] == pytest.approx(summed["no"], rel=1e-5)


def test_weights_are_told_and_kept():
    heard = Listener()
    study = osetra.fit(rows_of(), "label", weights="w", class_weight="balanced", progress=heard, **QUICK)
    kept = study.facts["weights"]
    assert kept["column"] == "w"
    assert {name: rows for name, (_, rows) in kept["effective_rows"].items()} == {"train": 180, "dev": 60, "test": 60}
    assert all(0 < effective < rows for effective, rows in kept["effective_rows"].values())
    assert any(line.startswith("Rows are weighed by `w`, in the cost and in every error") for line in heard.said)
    assert any(line.startswith("Class weights, in training and in the dev error that trials are compared by: no 0.") for line in heard.said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"weights": "v"}, "groups, orders or weighs rows must be in the table, got 'v'"),
        ({"weights": "label"}, "groups, orders or weighs rows must be in the table, got 'label'"),
        ({"weights": "b"}, "the weights 'b' must be finite numbers >= 0, got -"),
        ({"class_weight": {"maybe": 2}}, r"classes of the training part \('no', 'yes'\), got 'maybe'"),
        ({"target": "a", "class_weight": "balanced"}, "class_weight needs classes, got a regression"),
        ({"weights": "w", "drop": ["a", "b", "c"]}, "a column besides the target and the weights 'w'"),
    ],
)
def test_weights_that_make_no_sense_are_refused(arguments, said):
    with pytest.raises(DataError, match=said):
        osetra.fit(**{"data": rows_of(), "target": "label"} | QUICK | arguments)


def test_few_rows_of_a_weight_are_refused():
    rows = rows_of(60).assign(w=0.0)
    rows.loc[:8, "w"] = 1
    with pytest.raises(DataError, match="at least 10 rows of a weight above 0, got 9"):
        osetra.fit(rows, "label", weights="w", **QUICK)
