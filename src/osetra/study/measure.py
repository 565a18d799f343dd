"""A model's error on rows, with its 95 % interval.

Knows nothing of: how the model was found.
"""

from typing import Any

import numpy as np

from osetra.diagnosis.intervals import Measured, error_rate, root_mean_squared_error, weighted_error_rate
from osetra.models.predictor import Predictor


def measure(model: Predictor, data: Any, *, weights: np.ndarray | None = None) -> Measured:
    """Error rate or RMSE on a table that holds the target too (path, frame or Table); rows without a target are left out.

    weights: of the rows, all of which then need a target, float64 > 0 [rows]; the error is a weighted mean, and its interval that of
    (sum w)^2 / sum w^2 equal rows (Kish 1965). Raises DataError or ModelError.
    """
    rows, _ = model.row_errors(data)
    assert weights is None or len(weights) == len(rows), f"{len(rows)} rows"
    if not model.preparation.task.is_classification:
        return root_mean_squared_error(rows, weights)
    return error_rate(int(rows.sum()), len(rows)) if weights is None else weighted_error_rate(rows, weights)
