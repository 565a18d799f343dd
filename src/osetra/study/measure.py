"""A model's error on rows, with its 95 % interval.

Knows nothing of: how the model was found.
"""

from typing import Any

from osetra.diagnosis.intervals import Measured, error_rate, root_mean_squared_error
from osetra.models.model import Model


def measure(model: Model, data: Any) -> Measured:
    """Error rate or RMSE on a table that holds the target too (path, frame or Table); rows without a target are left out.

    Raises DataError or ModelError.
    """
    rows, _ = model.row_errors(data)
    if model.preparation.task.is_classification:
        return error_rate(int(rows.sum()), len(rows))
    return root_mean_squared_error(rows)
