"""What a model answers along its columns: on rows, and without them; and how that is drawn."""

import json

import numpy as np
import pandas as pd
import pytest

from models.made import ROWS, classifier, features, model, pixels, regressor
from osetra.core.errors import StudyError
from osetra.core.records import Task
from osetra.data.images import Images
from osetra.report.figures.dependence import partial_dependence
from osetra.report.figures.theme import text_of
from osetra.study.dependence import MOST_ROWS, dependence, described
from report.made_study import HOSTILE


def by_hand(made, frame, column, value):
    return made.predict_proba(frame.assign(**{column: value})).mean(axis=0)


def test_answers_are_the_means_of_predictions_of_rows_with_the_column_set():
    made, frame = classifier(), features(120, seed=4)
    found = dependence(made, frame, columns=["age", "job", "since"])
    assert [column["name"] for column in found["columns"]] == ["age", "job", "since"]
    assert (found["rows"], found["unit"], found["outputs"]) == (120, "probability", list(made.classes))
    for column in found["columns"]:
        for place in (0, len(column["values"]) - 1):
            expected = by_hand(made, frame, column["name"], column["values"][place])
            np.testing.assert_allclose([answers[place] for answers in column["answers"]], expected, rtol=1e-5)
    json.dumps(found, allow_nan=False)


def test_values_are_in_the_units_of_the_target():
    made, frame = regressor(2), features(50)
    found = dependence(made, frame, columns=["weight"])
    assert found["outputs"] == ["y0", "y1"]
    (column,) = found["columns"]
    expected = made.predict(frame.assign(weight=column["values"][3])).mean(axis=0)
    np.testing.assert_allclose([answers[3] for answers in column["answers"]], expected, rtol=1e-5)


def test_the_most_influential_columns_come_first_and_few_rows_are_looked_at():
    made = classifier()
    found = dependence(made, features(2 * MOST_ROWS + 50))
    moved = [column["influence"] for column in found["columns"]]
    assert found["rows"] == MOST_ROWS
    assert moved == sorted(moved, reverse=True)
    assert "300 rows" in described(found)


def test_without_rows_the_mean_row_of_the_training_stands_for_all():
    made = classifier()
    found = dependence(made)
    assert found["rows"] == 0
    assert {column["name"] for column in found["columns"]} == {"age", "weight", "job", "since"}
    age = next(column for column in found["columns"] if column["name"] == "age")
    inputs = np.zeros((1, made.preparation.num_inputs), np.float32)
    item = made.preparation.columns[0].inputs[0]
    inputs[0, 0] = (age["values"][5] - item.mean) / item.scale
    np.testing.assert_allclose([answers[5] for answers in age["answers"]], made.prepared_outputs(inputs)[0], rtol=1e-4)
    assert "mean row of the training" in described(found)


def test_of_two_classes_the_probability_of_the_second_is_told():
    made = model(features(), pd.DataFrame({"y": np.array(["no", "yes"])[np.arange(ROWS) % 2]}), Task.BINARY, output="sigmoid")
    found = dependence(made, features(30), columns=["job"])
    assert found["outputs"] == ["yes"]
    assert len(found["columns"][0]["answers"]) == 1


def test_images_and_unknown_columns_are_refused():
    seen = model(Images(pixels=pixels()), pd.DataFrame({"y": np.array(["no", "yes"])[np.arange(ROWS) % 2]}), Task.BINARY)
    with pytest.raises(StudyError, match="needs a model of a table, got one of images"):
        dependence(seen)
    with pytest.raises(StudyError, match="needs columns of the model, got 'wage'; it has age, weight"):
        dependence(classifier(), columns=["wage"])


def test_a_figure_tells_its_ends_and_reads_no_markup():
    made, frame = classifier(), features(80)
    found = dependence(made, frame)
    for column in found["columns"]:
        figure = partial_dependence(found, column)
        assert len(figure.data) == len(found["outputs"])
        assert "lowest" in text_of(figure)
    hostile = {**found["columns"][-1], "name": HOSTILE, "is_ordered": False, "values": [HOSTILE] * len(found["columns"][-1]["values"])}
    drawn = partial_dependence({**found, "outputs": [HOSTILE] * len(found["outputs"])}, hostile)
    # The words beside a figure are shown as plain text; what Plotly draws is escaped.
    drawn.update_layout(meta=None)
    assert "<" not in drawn.to_json().replace("<extra></extra>", "").replace("\\u003cextra\\u003e\\u003c\\u002fextra\\u003e", "")
