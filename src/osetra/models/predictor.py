"""What every trained model answers: from rows as a user has them to labels, probabilities or values.

    table or images -> preparation -> outputs of a network, or of several -> answers in the target's own labels or units

Knows nothing of: where outputs come from, files of models.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import ModelError
from osetra.data.prepare import Label, Preparation
from osetra.data.sources import Table
from osetra.models.reading import named, read_for

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


class Predictor(ABC):
    """A preparation and what says outputs for the rows that it prepares.

    Wherever `data` is taken: a path, a pandas or polars frame, a Table, or an array [rows, features], whose columns are those of the
    training data by position. A model of images takes a folder or an .npz file of them, or an array [images, height, width] or
    [images, height, width, channels] of whole numbers 0 to 255. Where targets are needed, `data` holds them, or `y` [rows] (or
    [rows, targets]) does. Errors are DataError if the data cannot be read or a column does not fit, else ModelError.
    """

    __slots__ = ()

    preparation: Preparation
    feature_names: tuple[str, ...]
    """All feature columns of the training data in their order, unused ones too: what the columns of an array are. None for images."""
    facts: Mapping[str, Any]
    """Where it comes from, JSON-able: study, trial, configuration, errors and their intervals, version, date."""

    @property
    @abstractmethod
    def num_parameters(self) -> int:
        """Weights, biases, gammas and betas, of all networks together."""

    @abstractmethod
    def prepared_outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Outputs as `outputs` gives them, float32, for prepared inputs [rows, num_inputs]. ModelError where they are not finite."""

    def export(self, to: str, path: "str | Path", *, overwrite: bool = False) -> "tuple[Path, ...]":
        """Write the model as `onnx`, as a `torch` module or in `numpy` alone, as `models.export` says; returns the files."""
        from osetra.models.export import export

        return export(self, to, path, overwrite=overwrite)

    @property
    def classes(self) -> tuple[Label, ...]:
        """Labels in the order of their probabilities; empty for regression."""
        return self.preparation.classes

    def read(self, data: Any, y: Any = None) -> Table:
        """The rows of `data`, with their targets if it holds them or `y` does; what every other method takes in place of `data`."""
        return read_for(self.preparation, data, y, feature_names=self.feature_names)

    def outputs(self, data: Any) -> np.ndarray:
        """What the network says, float32: probabilities [rows, classes], or standardised values [rows, targets]."""
        return self._outputs(self.read(data))

    def predict(self, data: Any) -> np.ndarray:
        """Labels [rows] in the type of the training labels, or values in target units, float64 [rows] ([rows, targets] if several)."""
        return self.preparation.decode(self.outputs(data))

    def predict_proba(self, data: Any) -> np.ndarray:
        """Probability of each class, float32 [rows, classes], in the order of `classes`. ModelError for regression."""
        if not self.preparation.task.is_classification:
            raise ModelError(f"probabilities need a model of classes, got one of values of {self._targets()}; use predict")
        return self.outputs(data)

    def score(self, data: Any, y: Any = None) -> float:
        """Accuracy or, for regression, R^2 = 1 - sum (y - yhat)^2 / sum (y - mean y)^2, averaged over targets.

        Rows without a target are left out.
        """
        if self.preparation.task.is_classification:
            return 1.0 - self.errors(data, y)["error"]
        table, _ = self._known_rows(data, y)
        frame = table.frame
        if len(frame) < 2:
            raise ModelError(f"R^2 needs at least 2 rows whose target {self._targets()} is known, got {len(frame)}; give more rows")
        from osetra.data.values import column_of, numbers

        found = self.preparation.decode(self._outputs(table)).reshape(len(frame), -1)
        y = np.stack([numbers(column_of(frame, name), column=name) for name in self.preparation.target_names], axis=1)
        residual, total = ((y - found) ** 2).sum(axis=0), ((y - y.mean(axis=0)) ** 2).sum(axis=0)
        # Where the target does not vary there is nothing to explain: 1 if predicted exactly, else 0.
        shares = np.where(total > 0, 1 - residual / np.where(total > 0, total, 1), residual == 0)
        return float(shares.mean())

    def errors(self, data: Any, y: Any = None) -> dict[str, Any]:
        """`error_name`, `error`, `rows` scored and rows `dropped` for want of a target.

        The error rate, or the root mean squared error: in target units for one target, in standard deviations for several.
        """
        rows, dropped = self.row_errors(data, y)
        if self.preparation.task.is_classification:
            return {"error_name": "error rate", "error": float(rows.mean()), "rows": len(rows), "dropped": dropped}
        return {"error_name": "RMSE", "error": float(np.sqrt(rows.mean())), "rows": len(rows), "dropped": dropped}

    def row_errors(self, data: Any, y: Any = None) -> tuple[np.ndarray, int]:
        """The error of each row whose target is known, float64 [rows], and the number of the others.

        1 for a wrong class and 0 for the right one; or the squared error, in target units for one target, in standard deviations for more.
        """
        table, dropped = self._known_rows(data, y)
        targets, outputs = self.preparation.targets(table.frame), self._outputs(table)
        if self.preparation.task.is_classification:
            return (outputs.argmax(axis=1) != targets).astype(np.float64), dropped
        return ((outputs.astype(np.float64) - targets) ** 2).mean(axis=1) * self.preparation.error_scale**2, dropped

    def _known_rows(self, data: Any, y: Any) -> tuple[Table, int]:
        """The rows whose targets are known and the number of the others."""
        from osetra.data.values import column_of, texts

        if isinstance(data, np.ndarray) and y is None:
            raise ModelError(
                f"scoring needs the target {self._targets()}, got an array without y; give y too, or a frame, or a file of X and y"
            )
        table = self.read(data, y)
        frame = table.frame
        lacking = [name for name in self.preparation.target_names if name not in frame.columns]
        if lacking:
            raise ModelError(f"scoring needs the target, got no column {named(lacking)}; add it, or use predict")
        unknown = np.zeros(len(frame), dtype=bool)
        for name in self.preparation.target_names:
            unknown |= texts(column_of(frame, name))[0] < 0
        if unknown.all():
            raise ModelError(f"scoring needs rows whose target {self._targets()} is known, got none in {len(frame):,} rows; use predict")
        return (table.take(np.flatnonzero(~unknown)) if unknown.any() else table), int(unknown.sum())

    def _outputs(self, table: Table) -> np.ndarray:
        return self.prepared_outputs(self.preparation.inputs(table.features))

    def _targets(self) -> str:
        return named(self.preparation.target_names)


def predictions_frame(model: Predictor, data: Any) -> "pd.DataFrame":
    """Predictions as a table, a row for each row of `data` in its order.

    Columns: `file` for images of a folder, `predicted <target>`, and for classification `probability of <class>` for each class.
    """
    import pandas as pd

    table = model.read(data)
    outputs = model.outputs(table)
    answers = model.preparation.decode(outputs).reshape(len(outputs), -1)
    # Labels may share their text, such as 1 and "1"; columns that are put side by side may too.
    files = table.images.files if table.images is not None else ()
    parts = [pd.DataFrame({"file": files})] if files else []
    parts += [pd.DataFrame(answers, columns=pd.Index([f"predicted {name}" for name in model.preparation.target_names]))]
    if model.preparation.task.is_classification:
        parts.append(pd.DataFrame(outputs, columns=pd.Index([f"probability of {label}" for label in model.classes])))
    return pd.concat(parts, axis=1)
