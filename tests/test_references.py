"""Quick references: each model against a reckoning of its own, caps that depend on sizes alone, and what a study keeps and says of them."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

import osetra
from listener import Listener
from osetra.core.records import Task
from osetra.core.seeding import Seed
from osetra.diagnosis.references import effort_for, references
from osetra.engines.port import ImageShape, TrainingData
from osetra.report.references import reference_sentences

CLASS = ["majority class", "logistic regression", "histogram gradient boosting"]
VALUE = ["mean", "linear regression", "histogram gradient boosting"]


def generator(seed=0):
    return Seed(study=seed).generator("references")


def rows_of(rows, inputs, *, classes=None, targets=1, seed=0, image=None, **more):
    """Random inputs, and classes or values that depend on the first of them; a third of the rows is dev."""
    drawn = np.random.default_rng(seed)
    x = drawn.normal(size=(rows, inputs)).astype(np.float32)
    if classes:
        y = np.clip(np.floor((x[:, 0] + 2) / 4 * classes), 0, classes - 1).astype(np.int64)
    else:
        y = (x[:, [0]] * np.arange(1, targets + 1) + 0.1 * drawn.normal(size=(rows, targets))).astype(np.float32)
    cut = 2 * rows // 3
    return TrainingData(
        train_inputs=x[:cut], train_targets=y[:cut], dev_inputs=x[cut:].copy(), dev_targets=y[cut:], image=image, **more
    )  # fmt: skip


def by_name(found):
    return {one.name: one.dev for one in found.references}


def test_the_majority_s_error_is_the_share_of_the_others():
    data = rows_of(900, 3, classes=2)
    most = np.bincount(data.train_targets).argmax()
    found = references(data, task=Task.BINARY, num_outputs=2, generator=generator())
    assert [one.name for one in found.references] == CLASS
    assert by_name(found)["majority class"].value == pytest.approx(np.mean(data.dev_targets != most))
    assert by_name(found)["majority class"].rows == 300
    assert by_name(found)["logistic regression"].value < 0.05
    assert found.rows_used == 600


def test_linear_regression_is_ridge_as_solved_by_hand_and_in_the_target_s_units():
    data = rows_of(900, 4, error_scale=50.0)
    x, y = data.train_inputs.astype(np.float64), data.train_targets[:, 0].astype(np.float64)
    centred = x - x.mean(axis=0)
    weights = np.linalg.solve(centred.T @ centred + np.eye(4), centred.T @ (y - y.mean()))
    expected = (data.dev_inputs - x.mean(axis=0)) @ weights + y.mean()
    found = by_name(references(data, task=Task.REGRESSION, num_outputs=1, generator=generator()))
    assert list(found) == VALUE
    wanted = 50 * np.sqrt(np.mean(np.square(expected - data.dev_targets[:, 0])))
    assert found["linear regression"].value == pytest.approx(wanted, rel=1e-4)
    assert found["linear regression"].low < wanted < found["linear regression"].high
    assert found["mean"].value == pytest.approx(50 * np.sqrt(np.mean(np.square(data.dev_targets - y.mean()))), rel=1e-4)


def test_several_targets_are_measured_together():
    found = by_name(references(rows_of(600, 3, targets=3), task=Task.REGRESSION, num_outputs=3, generator=generator()))
    assert list(found) == VALUE
    assert found["linear regression"].value == pytest.approx(0.1, rel=0.15)


def test_row_weights_count_in_learning_and_in_the_error():
    data = rows_of(900, 3, classes=2)
    drawn = np.random.default_rng(1)
    of_training, of_dev = (drawn.uniform(0.1, 2.0, rows) for rows in (600, 300))
    of_training[data.train_targets == 0] = 1e-3
    weighed = rows_of(900, 3, classes=2, train_weights=(of_training / of_training.mean()).astype(np.float32))
    found = by_name(references(weighed, task=Task.BINARY, num_outputs=2, generator=generator(), row_weights=(of_training, of_dev)))
    assert found["majority class"].value == pytest.approx(np.average(data.dev_targets != 1, weights=of_dev))
    assert found["majority class"].effective_rows == pytest.approx(of_dev.sum() ** 2 / np.square(of_dev).sum())
    alike = by_name(references(data, task=Task.BINARY, num_outputs=2, generator=generator()))
    assert found["logistic regression"].value > alike["logistic regression"].value


def test_class_weights_are_no_part_of_which_class_is_the_majority():
    data = rows_of(900, 3, classes=3)
    counts = np.bincount(data.train_targets)
    balanced = (len(data.train_targets) / (3 * counts))[data.train_targets].astype(np.float32)
    weighed = rows_of(900, 3, classes=3, train_weights=balanced)
    found = by_name(references(weighed, task=Task.MULTICLASS, num_outputs=3, generator=generator()))
    assert found["majority class"].value == pytest.approx(np.mean(data.dev_targets != counts.argmax()))


def test_the_same_data_gives_the_same_references_whatever_the_clock_says():
    data = rows_of(3_000, 5, classes=4)
    one, two = (references(data, task=Task.MULTICLASS, num_outputs=4, generator=generator(), effort=0.01) for _ in range(2))
    assert by_name(one) == by_name(two)
    assert one.rows_used == two.rows_used


def test_a_small_budget_pays_for_fewer_rows_and_for_no_slow_reference():
    data = rows_of(9_000, 60, classes=5)
    full, small = (references(data, task=Task.MULTICLASS, num_outputs=5, generator=generator(), effort=e) for e in (1.0, effort_for(0.5)))
    assert small.rows_used < full.rows_used == 6_000
    assert full.left_out == ()
    assert small.left_out == (
        "histogram gradient boosting is left out: 5 classes and 60 inputs take longer than a quick reference may under this budget",
    )
    assert [effort_for(budget) for budget in (None, 3.0, 30.0, 3_600.0)] == [1.0, 0.1, 1.0, 1.0]


def test_a_class_that_is_rare_is_learned_from_where_rows_are_drawn():
    data = rows_of(9_000, 20, classes=2)
    rare = np.zeros(6_000, dtype=np.int64)
    rare[4_321] = 1
    of_one = TrainingData(
        train_inputs=data.train_inputs, train_targets=rare, dev_inputs=data.dev_inputs, dev_targets=data.dev_targets * 0
    )  # fmt: skip
    found = references(of_one, task=Task.BINARY, num_outputs=2, generator=generator(), effort=0.002)
    assert [one.name for one in found.references] == CLASS[:2]
    assert found.rows_used in (400, 401, 402)
    assert by_name(found)["majority class"].value == 0


def test_large_images_have_no_trees_and_that_is_said():
    shape = ImageShape(height=24, width=24, channels=1, fill=(0.0,))
    found = references(rows_of(300, 576, classes=2, image=shape), task=Task.BINARY, num_outputs=2, generator=generator())
    assert list(by_name(found)) == CLASS[:2]
    assert "images have 576 inputs, and it takes 500 at most" in found.left_out[0]


def test_every_study_has_references_and_says_them_before_it_searches():
    heard = Listener()
    frame = load_breast_cancer(as_frame=True).frame
    study = osetra.fit(frame, "target", trials=1, epochs_per_trial=2, progress=heard)
    kept = study.facts["references"]
    assert json.loads(json.dumps(kept)) == kept
    assert [one["name"] for one in kept["references"]] == CLASS
    assert kept["references"][0]["dev"]["rows"] == study.facts["dev"]["rows"]
    assert (kept["rows_used"], kept["duplicates"], kept["leaks"]) == (341, None, [])
    told = next(said for said in heard.said if said.startswith("References on dev"))
    assert told.startswith("References on dev: majority class 37.72 %, logistic regression 3.51 %, histogram gradient boosting ")
    again = osetra.fit(frame, "target", trials=1, epochs_per_trial=2).facts["references"]
    assert [one["dev"] for one in again["references"]] == [one["dev"] for one in kept["references"]]


def test_of_values_and_of_weighed_rows_the_references_are_in_the_study_s_units():
    frame = load_diabetes(as_frame=True).frame.assign(w=np.linspace(0.5, 2.0, 442))
    study = osetra.fit(frame, "target", trials=1, epochs_per_trial=2, weights="w")
    kept = study.facts["references"]["references"]
    assert [one["name"] for one in kept] == VALUE
    assert 50 < kept[1]["dev"]["value"] < kept[0]["dev"]["value"] < 90
    assert all(one["dev"]["effective_rows"] == study.facts["dev"]["effective_rows"] for one in kept)
    assert reference_sentences(study.facts["references"], "RMSE")[0].startswith("References on dev (RMSE): mean ")


def test_images_have_references_too():
    digits = load_digits()
    images = (digits.images * 15).astype(np.uint8)[:300]
    study = osetra.fit(images, y=digits.target[:300], trials=1, epochs_per_trial=1)
    assert [one["name"] for one in study.facts["references"]["references"]] == CLASS
    assert study.facts["references"]["leaks"] == []


def test_a_leak_is_said_at_once_and_is_a_finding():
    frame = load_breast_cancer(as_frame=True).frame
    heard = Listener()
    study = osetra.fit(frame.assign(**{"final grade": 1 - frame["target"]}), "target", trials=1, epochs_per_trial=2, progress=heard)
    (leak,) = study.facts["references"]["leaks"]
    assert (leak["column"], leak["error"]) == ("final grade", 0.0)
    assert leak["sentence"].startswith("Column `final grade` alone gives the target `target` away: error 0.00 % where the majority")
    assert leak["sentence"].endswith("; is it known at prediction time?")
    assert any(said.startswith("Careful: column `final grade` alone") for said in heard.said)
    finding = study.diagnose().data[0]
    assert (finding.name, finding.figure) == ("leak", "references")
    assert finding.remedy.endswith("--drop 'final grade'")
    assert isinstance(study.to_frame(), pd.DataFrame)


def test_older_studies_have_nothing_to_say():
    assert reference_sentences(None, "RMSE") == []
