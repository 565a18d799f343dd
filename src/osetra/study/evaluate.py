"""`facts["evaluation"]`: what a study's model does with the rows of the dev part, one by one, for figures and for slices.

Knows nothing of: how the model was found, how figures are drawn.
"""

from typing import Any

import numpy as np

from osetra.data.columns import Column, DateColumn, NumberColumn
from osetra.data.images import Images
from osetra.data.values import column_of, dates, numbers, texts
from osetra.diagnosis.evaluation import (
    GRID,
    boundary,
    calibration,
    confusion,
    plain_row,
    plane,
    residuals,
    shown_labels,
    worst_classified,
    worst_predicted,
)
from osetra.diagnosis.slices import ACTUAL_CLASS, Cut, cut_dates, cut_levels, cut_numbers, worst_slices
from osetra.models.predictor import Predictor
from osetra.study.table import PreparedTable


def evaluate(model: Predictor, table: PreparedTable) -> dict[str, Any]:
    """What `model` does on the dev part of `table`, which must be the one that it was trained on. JSON-able:

        part          dev
        confusion     labels, counts [actual][predicted]; None for regression
        calibration   bins, error; None for regression
        residuals     of each target: actual and predicted values of a sample; empty for classification
        worst         the 10 rows, at most, where it is most wrong; `row` counts from 0 among the rows of the data set
        boundary      of exactly two features, both numbers: what it says over the plane; else None
        slices        the groups of rows where it is worst, see `diagnosis.slices`
        slices_compared    how many groups were looked at

    The rows of the data set are those with a target and a weight above 0, those of a dev and a test table of their own after the others.
    Every row counts the same, also where rows have weights. Slices are cut from the columns that the model uses, as it reads them, and
    from the actual classes; images have no columns. Errors are those of the study: error rate or RMSE, of several targets in standard
    deviations.
    """
    part, rows = table.split.dev, table.dataset
    preparation, targets = model.preparation, table.training.dev_targets
    outputs = model.prepared_outputs(table.training.dev_inputs)
    facts: dict[str, Any] = {"part": "dev", "confusion": None, "calibration": None, "residuals": []}
    cuts = _cuts(table)
    if preparation.task.is_classification:
        predicted = outputs.argmax(axis=1)
        errors = (predicted != targets).astype(np.float64)
        facts["confusion"] = confusion(preparation.classes, targets, predicted)
        facts["calibration"] = calibration(outputs, targets)
        worst, records = worst_classified(preparation.target_names[0], preparation.classes, outputs, targets, part)
        cuts.append(cut_levels(ACTUAL_CLASS, targets, [str(label) for label in preparation.classes]))
        shown, places = shown_labels(preparation.classes, targets)
        assert shown == facts["confusion"]["labels"], "a boundary's classes are places among the labels of the confusion"
        actual, said = places[targets], lambda over: places[over.argmax(axis=1)]
    else:
        errors = np.square(outputs.astype(np.float64) - targets).mean(axis=1) * preparation.error_scale**2
        values = rows.target.iloc[part].to_numpy(dtype=np.float64)
        predicted = preparation.decode(outputs).reshape(values.shape)
        facts["residuals"] = residuals(preparation.target_names, values, predicted)
        worst, records = worst_predicted(preparation.target_names, preparation.target_scale, values, predicted, part)
        actual, said = values[:, 0], lambda over: preparation.decode(over).reshape(len(over), -1)[:, 0]
    facts["worst"] = [
        {**record, "features": features} for record, features in zip(records, _features(table, part[worst]), strict=True)
    ]  # fmt: skip
    facts["boundary"] = _boundary(model, table, actual, said)
    found = worst_slices(errors, cuts, is_rate=preparation.task.is_classification)
    return {**facts, "slices": [one.to_dict() for one in found.found], "slices_compared": found.compared}


def _cuts(table: PreparedTable) -> list[Cut]:
    features = table.dataset.features
    if isinstance(features, Images):
        return []
    part = features.take(table.split.dev)
    return [_cut(column, column_of(part, column.column)) for column in table.preparation.columns]


def _cut(column: Column, series: Any) -> Cut:
    """As the model reads the column: a number that it takes for a level is one here too."""
    if isinstance(column, NumberColumn) and series.dtype.kind != "b":
        return cut_numbers(column.column, numbers(series, column=column.column))
    if isinstance(column, DateColumn):
        return cut_dates(column.column, dates(series, column=column.column))
    return cut_levels(column.column, *texts(series))


def _features(table: PreparedTable, numbers: np.ndarray) -> list[dict[str, Any]]:
    """Of the rows of these numbers, the first features as they came; none of images."""
    features = table.dataset.features
    if isinstance(features, Images):
        return [{} for _ in numbers]
    rows = features.take(numbers)
    columns = [list(column) for _, column in rows.items()]
    return [plain_row(dict(zip(map(str, rows.columns), row, strict=True))) for row in zip(*columns, strict=True)]


def _boundary(model: Predictor, table: PreparedTable, actual: np.ndarray, said: Any) -> dict[str, Any] | None:
    """actual: what is drawn for each dev row. said: from outputs over the plane to what is drawn there."""
    import pandas as pd

    features, columns = table.dataset.features, table.preparation.columns
    names = table.dataset.feature_names
    if isinstance(features, Images) or len(names) != 2 or [isinstance(column, NumberColumn) for column in columns] != [True, True]:
        return None
    x, y = (numbers(column_of(features, name).iloc[table.split.dev], column=name) for name in names)
    if np.isnan(x).all() or np.isnan(y).all():
        return None
    axes = plane(x, y)
    across, up = np.meshgrid(*axes)
    over = said(model.outputs(pd.DataFrame({names[0]: across.ravel(), names[1]: up.ravel()})))
    return boundary((names[0], names[1]), axes, over.reshape(GRID, GRID), (x, y, actual))
