"""A model answers in the target's own labels and units, from any kind of table, and says what does not fit."""

import numpy as np
import pandas as pd
import pytest

from osetra.core.errors import DataError, ModelError
from osetra.core.records import Task
from osetra.data.sources import read_table
from osetra.models.model import Model, predictions_frame
from osetra.network.layout import Layout
from osetra.network.spec import NetworkSpec

from .made import ROWS, classifier, features, model, regressor


@pytest.fixture(scope="module")
def three():
    return classifier()


def line(slope=1.0, shift=0.0):
    """y from x by one linear unit, standardised y = slope * standardised x + shift; y of the training rows is 10 x + 3."""
    x = np.arange(20.0)
    made = model(pd.DataFrame({"x": x}), pd.DataFrame({"y": 10 * x + 3}), Task.REGRESSION, hidden=())
    parameters = np.array([slope, shift], np.float32)
    return Model(preparation=made.preparation, network=made.network, parameters=parameters, running=made.running)


def test_probabilities_are_the_networks_own_and_labels_the_likeliest(three):
    frame = features(40, seed=9)
    chances = three.predict_proba(frame)
    np.testing.assert_array_equal(chances, three.folded.outputs(three.preparation.inputs(frame)))
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-6)
    assert three.classes == ("high", "low", "middle")
    assert three.predict(frame).tolist() == [three.classes[k] for k in chances.argmax(axis=1)]
    assert len(set(three.predict(frame).tolist())) > 1


@pytest.mark.parametrize(
    ("labels", "kind"),
    [(np.array(["no", "yes"]), "U"), (np.array([3, 7]), "i"), (np.array([False, True]), "b"), (np.array([0.5, 2.5]), "f")],
)
def test_labels_keep_their_type(labels, kind):
    made = model(features(), pd.DataFrame({"y": labels[np.arange(ROWS) % 2]}), Task.BINARY)
    found = made.predict(features())
    assert found.dtype.kind == kind
    assert set(found.tolist()) == set(labels.tolist())


def test_one_sigmoid_output_gives_the_chances_of_both_classes():
    made = model(features(), pd.DataFrame({"y": np.array(["no", "yes"])[np.arange(ROWS) % 2]}), Task.BINARY, output="sigmoid")
    chances = made.predict_proba(features())
    positive = made.folded.outputs(made.preparation.inputs(features()))
    np.testing.assert_array_equal(chances[:, 1:], positive)
    np.testing.assert_array_equal(chances[:, 0], 1 - positive[:, 0])
    assert made.predict(features()).tolist() == ["yes" if p > 0.5 else "no" for p in positive[:, 0]]


def test_values_are_in_the_units_of_their_target():
    np.testing.assert_allclose(line().predict(pd.DataFrame({"x": [0.0, 5.0, 30.0]})), [3, 53, 303], rtol=1e-5)
    two = regressor(2)
    outputs = two.outputs(features())
    expected = outputs * two.preparation.target_scale + two.preparation.target_mean
    np.testing.assert_allclose(two.predict(features()), expected, rtol=1e-12)
    assert two.predict(features()).shape == (ROWS, 2)


def test_probabilities_of_values_are_refused():
    with pytest.raises(ModelError, match=r"probabilities need a model of classes, got one of values of 'y0'; use predict"):
        regressor().predict_proba(features())


def test_a_file_a_frame_a_table_and_an_array_give_the_same_answers(three, tmp_path):
    frame = features(50, seed=3)
    expected = three.predict_proba(frame)
    frame.to_parquet(tmp_path / "rows.parquet")
    frame.to_csv(tmp_path / "rows.csv", index=False)
    for data in (tmp_path / "rows.parquet", str(tmp_path / "rows.csv"), read_table(frame), frame.to_numpy(dtype=object)):
        np.testing.assert_array_equal(three.predict_proba(data), expected)
    shuffled = frame[frame.columns[::-1]].assign(more="than needed").set_index(np.arange(50)[::-1])
    np.testing.assert_array_equal(three.predict_proba(shuffled), expected)


def test_one_row_answers_as_it_does_among_others(three):
    frame = features()
    together = three.predict_proba(frame)
    for row in (0, 7, 150, ROWS - 1):
        np.testing.assert_array_equal(three.predict_proba(frame.iloc[row : row + 1]), together[row : row + 1])


def test_an_arrays_columns_are_the_training_features_by_position_unused_ones_too():
    frame = features()
    frame.insert(0, "always", "same")
    target = pd.DataFrame({"y": np.arange(ROWS) % 2})
    made = model(frame, target, Task.BINARY, feature_names=tuple(frame.columns))
    np.testing.assert_array_equal(made.predict_proba(frame.to_numpy(dtype=object)), made.predict_proba(frame))
    with pytest.raises(ModelError, match=r"must be \[rows, 5\], .* \('always', 'age', .*\), got shape \[300, 4\]; give these columns"):
        made.predict(frame.to_numpy(dtype=object)[:, 1:])


def test_without_feature_names_an_arrays_columns_are_those_in_use(three):
    assert three.feature_names == ("age", "weight", "job", "since")
    for shape in ((3, 5), (4,)):
        with pytest.raises(ModelError, match=r"an array must be \[rows, 4\]"):
            three.predict(np.zeros(shape))


def test_a_model_of_an_array_takes_its_columns_by_number():
    X = np.random.default_rng(0).normal(size=(ROWS, 12))
    X[:, [0, 4]] = 1.0
    frame = read_table(X).frame
    made = model(frame, pd.DataFrame({"target": np.arange(ROWS) % 2}), Task.BINARY)
    assert made.feature_names == tuple(f"x{k}" for k in range(12))
    np.testing.assert_array_equal(made.predict_proba(X), made.predict_proba(frame))
    with pytest.raises(ModelError, match=r"\[rows, 12\]"):
        made.predict(X[:, :10])


def test_feature_names_without_a_column_in_use_are_refused():
    with pytest.raises(ModelError, match=r"must hold every column in use, got none called 'job'; add them"):
        classifier(feature_names=("age", "weight", "since"))


def test_missing_columns_and_wrong_types_are_named(three):
    with pytest.raises(DataError, match="none called 'job'"):
        three.predict(features().drop(columns="job"))
    with pytest.raises(DataError, match="'age' must hold numbers, got 'old'"):
        three.predict(features().assign(age="old"))
    assert len(three.predict(features(20).assign(job="astronaut"))) == 20


def test_score_of_classes_is_one_minus_the_error_rate_over_rows_with_a_target(three):
    frame = features()
    truth = three.predict(frame).astype(object)
    truth[:60] = np.where(truth[:60] == "high", "low", "high")
    frame["grade"] = truth
    assert three.errors(frame) == {"error_name": "error rate", "error": 0.2, "rows": 300, "dropped": 0}
    assert three.score(frame) == 0.8
    frame.loc[:29, "grade"] = None
    frame.loc[30:59, "grade"] = "?"
    assert three.errors(frame) == {"error_name": "error rate", "error": 0.0, "rows": 240, "dropped": 60}


def test_score_of_values_is_r_squared_and_their_error_the_rmse_in_target_units():
    x = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    off = np.array([2.0, -2.0, 2.0, -2.0, 0.0])
    frame = pd.DataFrame({"x": x, "y": 10 * x + 3 + off})
    sound = line()
    measured = sound.errors(frame)
    assert measured == {"error_name": "RMSE", "error": pytest.approx(np.sqrt(16 / 5), rel=1e-5), "rows": 5, "dropped": 0}
    assert sound.score(frame) == pytest.approx(1 - 16 / np.sum((frame["y"] - frame["y"].mean()) ** 2), rel=1e-5)
    assert sound.score(pd.DataFrame({"x": [0.0, 1.0], "y": [8.0, 8.0]})) == 0.0
    frame.loc[1, "y"] = np.nan
    assert sound.errors(frame)["rows"] == 4
    assert sound.errors(frame)["dropped"] == 1


def test_r_squared_equals_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    two = regressor(2)
    truth = two.predict(features()) + np.random.default_rng(8).normal(0, [1, 10], (ROWS, 2))
    frame = features().assign(y0=truth[:, 0], y1=truth[:, 1])
    assert two.score(frame) == pytest.approx(metrics.r2_score(truth, two.predict(features())), rel=1e-9)
    standard = (truth - two.preparation.target_mean) / two.preparation.target_scale
    assert two.errors(frame)["error"] == pytest.approx(np.sqrt(np.mean((standard - two.outputs(features())) ** 2)), rel=1e-5)


def test_scoring_without_known_targets_is_refused(three):
    with pytest.raises(ModelError, match=r"scoring needs the target, got no column 'grade'; add it, or use predict"):
        three.score(features())
    with pytest.raises(ModelError, match=r"'grade' is known, got none in 300 rows"):
        three.errors(features().assign(grade=None))
    with pytest.raises(ModelError, match=r"needs the target 'grade', got an array without y; give y too"):
        three.score(np.zeros((5, 5)))
    with pytest.raises(ModelError, match=r"R\^2 needs at least 2 rows .*, got 1"):
        line().score(pd.DataFrame({"x": [1.0], "y": [13.0]}))
    with pytest.raises(DataError, match=r"got 'lowest' in row 300"):
        three.score(features().assign(grade=["low"] * 299 + ["lowest"]))


def test_predictions_are_a_column_of_answers_and_one_of_chances_a_class(three):
    frame = features(25, seed=4).set_index(np.arange(100, 125))
    table = predictions_frame(three, frame)
    assert list(table.columns) == ["predicted grade", "probability of high", "probability of low", "probability of middle"]
    assert table["predicted grade"].tolist() == three.predict(frame).tolist()
    np.testing.assert_array_equal(table.iloc[:, 1:].to_numpy(), three.predict_proba(frame))
    values = predictions_frame(regressor(2), frame)
    assert list(values.columns) == ["predicted y0", "predicted y1"]
    np.testing.assert_array_equal(values.to_numpy(), regressor(2).predict(frame))
    assert list(predictions_frame(line(), pd.DataFrame({"x": [1.0]})).columns) == ["predicted y"]


def test_a_network_and_a_preparation_that_do_not_fit_are_refused(three):
    def other(**changes):
        shape = {"num_inputs": three.network.num_inputs, "num_outputs": 3, "output": "softmax"} | changes
        network = NetworkSpec(hidden_units=(), **shape)
        size = Layout(network).size
        return Model(preparation=three.preparation, network=network, parameters=np.zeros(size), running=np.zeros(0))

    assert other().predict(features(3)).tolist() == ["high"] * 3
    count = three.network.num_inputs
    with pytest.raises(ModelError, match=rf"must have {count} inputs and 3 softmax outputs, got {count + 1} inputs and 3 softmax outputs"):
        other(num_inputs=count + 1)
    with pytest.raises(ModelError, match="2 softmax outputs; give the parts of one model"):
        other(num_outputs=2)
    with pytest.raises(ModelError, match="1 sigmoid outputs"):
        other(output="sigmoid", num_outputs=1)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(three, value):
    parameters = three.parameters.copy()
    parameters[5] = value
    with pytest.raises(ModelError, match="must be finite, got NaN or infinity"):
        Model(preparation=three.preparation, network=three.network, parameters=parameters, running=three.running)


def test_a_negative_variance_and_an_eps_of_zero_are_refused(three):
    running = three.running.copy()
    three.layout.view(running, "variance2")[3] = -0.1
    parts = {"preparation": three.preparation, "network": three.network, "parameters": three.parameters}
    with pytest.raises(ModelError, match="running variances of a model must be >= 0"):
        Model(running=running, **parts)
    with pytest.raises(ModelError, match=r"batch_norm_eps must be > 0, got 0\.0"):
        Model(running=three.running, batch_norm_eps=0.0, **parts)


def test_outputs_that_overflow_are_an_error_not_nan(three):
    huge = Model(
        preparation=three.preparation, network=three.network, parameters=np.full_like(three.parameters, 3e38), running=three.running
    )
    with pytest.raises(ModelError, match=r"must be finite, got overflow in row 1; its weights are too large"):
        huge.predict(features(4))


def test_a_model_is_no_view_of_the_weights_it_was_made_from():
    parameters = np.array([1.0, 0.0], np.float32)
    made = line()
    made = Model(preparation=made.preparation, network=made.network, parameters=parameters, running=made.running)
    parameters[:] = 9
    np.testing.assert_allclose(made.predict(pd.DataFrame({"x": [2.0]})), [23], rtol=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        made.parameters[0] = 2
