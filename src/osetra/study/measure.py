"""A model's error on rows, with its 95 % interval.

Knows nothing of: how the model was found.
"""

from typing import Any

import numpy as np

from osetra.core.errors import ModelError
from osetra.data.sources import read_table
from osetra.diagnosis.intervals import Measured, error_rate, root_mean_squared_error
from osetra.models.model import Model


def measure(model: Model, features: Any, target: Any) -> Measured:
    """Error rate or RMSE (in target units for one target) of `features` [rows] against `target` [rows], both frames."""
    outputs = model.outputs(features)
    targets = model.preparation.targets(target)
    if model.preparation.task.is_classification:
        return error_rate(int((outputs.argmax(axis=1) != targets).sum()), len(targets))
    squared = ((outputs.astype(np.float64) - targets) ** 2).mean(axis=1) * model.preparation.error_scale**2
    return root_mean_squared_error(squared)


def measure_table(model: Model, data: Any) -> Measured:
    """As `measure`, on a table that holds the target too: path, frame or Table. Raises DataError or ModelError."""
    frame = read_table(data).frame
    names = list(model.preparation.target_names)
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ModelError(f"scoring needs the target column {', '.join(missing)}, which the data lacks; use predict for rows without it")
    known = frame[names].notna().all(axis=1)
    if not known.any():
        raise ModelError(f"scoring needs rows whose target {', '.join(names)} is known, got none")
    return measure(model, frame[known], frame.loc[known, names])
