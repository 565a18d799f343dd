"""A trained model: from rows as a user has them to labels, probabilities or values.

    table -> preparation -> network in scoring mode -> answers in the target's own labels or units

Knows nothing of: how the network was trained or found, files of models.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import ModelError
from osetra.data.prepare import Label, Preparation
from osetra.models.score import FoldedNetwork, fold
from osetra.network.layout import Layout
from osetra.network.spec import NetworkSpec

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Model:
    """A preparation and the network trained on what it prepares. Nothing in it changes, so threads may share it.

    Wherever `data` is taken: a path, a pandas or polars frame, a Table, or an array [rows, features], whose columns are those of the
    training data by position. Errors are DataError if the table cannot be read or a column does not fit, else ModelError.
    """

    preparation: Preparation
    network: NetworkSpec
    parameters: np.ndarray
    """float32 [layout.size]; a copy is kept."""
    running: np.ndarray
    """Batch norm's moments, float32 [layout.running_size]; a copy is kept."""
    batch_norm_eps: float = 1e-5
    feature_names: tuple[str, ...] = ()
    """All feature columns of the training data in their order, unused ones too: what the columns of an array are.

    Left out, they are taken to be the columns in use or, if those are called x0, x1, ... as those of an array are, x0 up to the last.
    """
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Where it comes from, JSON-able: study, trial, configuration, errors and their intervals, version, date."""
    layout: Layout = field(init=False)
    folded: FoldedNetwork = field(init=False)

    def __post_init__(self) -> None:
        layout = Layout(self.network)
        _require_fit(self.preparation, self.network)
        parameters, running = (np.array(row, np.float32) for row in (self.parameters, self.running))
        for row in (parameters, running):
            row.setflags(write=False)
        if not (np.isfinite(parameters).all() and np.isfinite(running).all()):
            raise ModelError("every weight and running moment of a model must be finite, got NaN or infinity; use another trial's weights")
        if not self.batch_norm_eps > 0:
            raise ModelError(f"batch_norm_eps must be > 0, got {self.batch_norm_eps}; give the one of the training, such as 1e-5")
        if any((layout.view(running, name) < 0).any() for name in layout.running if name.startswith("variance")):
            raise ModelError("the running variances of a model must be >= 0, got a negative one; use another trial's weights")
        folded = fold(self.network, layout, parameters, running, batch_norm_eps=self.batch_norm_eps)
        used = tuple(column.column for column in self.preparation.columns)
        missing = set(used) - set(self.feature_names)
        if self.feature_names and missing:
            raise ModelError(
                f"feature_names must hold every column in use, got none called {', '.join(map(repr, sorted(missing)))}; add them"
            )
        object.__setattr__(self, "parameters", parameters)
        object.__setattr__(self, "running", running)
        object.__setattr__(self, "batch_norm_eps", float(self.batch_norm_eps))
        object.__setattr__(self, "layout", layout)
        object.__setattr__(self, "folded", folded)
        object.__setattr__(self, "feature_names", tuple(self.feature_names) or _positions(used))

    @property
    def classes(self) -> tuple[Label, ...]:
        """Labels in the order of their probabilities; empty for regression."""
        return self.preparation.classes

    def outputs(self, data: Any) -> np.ndarray:
        """What the network says, float32: probabilities [rows, classes], or standardised values [rows, targets]."""
        return self._outputs(self._frame(data))

    def predict(self, data: Any) -> np.ndarray:
        """Labels [rows] in the type of the training labels, or values in target units, float64 [rows] ([rows, targets] if several)."""
        return self.preparation.decode(self.outputs(data))

    def predict_proba(self, data: Any) -> np.ndarray:
        """Probability of each class, float32 [rows, classes], in the order of `classes`. ModelError for regression."""
        if not self.preparation.task.is_classification:
            raise ModelError(f"probabilities need a model of classes, got one of values of {self._targets()}; use predict")
        return self.outputs(data)

    def score(self, data: Any) -> float:
        """Accuracy or, for regression, R^2 = 1 - sum (y - yhat)^2 / sum (y - mean y)^2, averaged over targets.

        `data` has the target columns too; rows without a target are left out.
        """
        if self.preparation.task.is_classification:
            return 1.0 - self.errors(data)["error"]
        frame, _ = self._known_rows(data)
        if len(frame) < 2:
            raise ModelError(f"R^2 needs at least 2 rows whose target {self._targets()} is known, got {len(frame)}; give more rows")
        from osetra.data.values import column_of, numbers

        found = self.preparation.decode(self._outputs(frame)).reshape(len(frame), -1)
        y = np.stack([numbers(column_of(frame, name), column=name) for name in self.preparation.target_names], axis=1)
        residual, total = ((y - found) ** 2).sum(axis=0), ((y - y.mean(axis=0)) ** 2).sum(axis=0)
        # Where the target does not vary there is nothing to explain: 1 if predicted exactly, else 0.
        shares = np.where(total > 0, 1 - residual / np.where(total > 0, total, 1), residual == 0)
        return float(shares.mean())

    def errors(self, data: Any) -> dict[str, Any]:
        """`error_name`, `error`, `rows` scored and rows `dropped` for want of a target; `data` has the target columns too.

        The error rate, or the root mean squared error: in target units for one target, in standard deviations for several.
        """
        rows, dropped = self.row_errors(data)
        if self.preparation.task.is_classification:
            return {"error_name": "error rate", "error": float(rows.mean()), "rows": len(rows), "dropped": dropped}
        return {"error_name": "RMSE", "error": float(np.sqrt(rows.mean())), "rows": len(rows), "dropped": dropped}

    def row_errors(self, data: Any) -> tuple[np.ndarray, int]:
        """The error of each row whose target is known, float64 [rows], and the number of the others; `data` has the target columns too.

        1 for a wrong class and 0 for the right one; or the squared error, in target units for one target, in standard deviations for more.
        """
        frame, dropped = self._known_rows(data)
        targets, outputs = self.preparation.targets(frame), self._outputs(frame)
        if self.preparation.task.is_classification:
            return (outputs.argmax(axis=1) != targets).astype(np.float64), dropped
        return ((outputs.astype(np.float64) - targets) ** 2).mean(axis=1) * self.preparation.error_scale**2, dropped

    def _frame(self, data: Any) -> "pd.DataFrame":
        from osetra.data.sources import read_table, table_from_arrays

        if not isinstance(data, np.ndarray):
            return read_table(data).frame
        if data.ndim != 2 or data.shape[1] != len(self.feature_names):
            raise ModelError(
                f"an array must be [rows, {len(self.feature_names)}], one column for each feature of the training data "
                f"({_few(self.feature_names)}), got shape {list(data.shape)}; give these columns in this order"
            )
        return table_from_arrays(data, names=self.feature_names).frame

    def _known_rows(self, data: Any) -> "tuple[pd.DataFrame, int]":
        """The rows whose targets are known and the number of the others."""
        from osetra.data.values import column_of, texts

        if isinstance(data, np.ndarray):
            raise ModelError(f"scoring needs the target {self._targets()} by name, got an array; give a frame, or a file of X and y")
        frame = self._frame(data)
        lacking = [name for name in self.preparation.target_names if name not in frame.columns]
        if lacking:
            raise ModelError(f"scoring needs the target, got no column {_few(lacking)}; add it, or use predict")
        unknown = np.zeros(len(frame), dtype=bool)
        for name in self.preparation.target_names:
            unknown |= texts(column_of(frame, name))[0] < 0
        if unknown.all():
            raise ModelError(f"scoring needs rows whose target {self._targets()} is known, got none in {len(frame):,} rows; use predict")
        return (frame.loc[~unknown].reset_index(drop=True) if unknown.any() else frame), int(unknown.sum())

    def _outputs(self, frame: "pd.DataFrame") -> np.ndarray:
        outputs = self.folded.outputs(self.preparation.inputs(frame))
        if not np.isfinite(outputs).all():
            row = int(np.argmin(np.isfinite(outputs).all(axis=1)))
            raise ModelError(
                f"the network's outputs must be finite, got overflow in row {row + 1:,}; its weights are too large, retrain it"
            )
        if self.network.output == "sigmoid":
            return np.concatenate([1 - outputs, outputs], axis=1)
        return outputs

    def _targets(self) -> str:
        return _few(self.preparation.target_names)

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.network.layer_sizes))
        return f"<Model: {self.preparation.task} of {', '.join(self.preparation.target_names)}, network {sizes}>"


def predictions_frame(model: Model, data: Any) -> "pd.DataFrame":
    """Predictions as a table, a row for each row of `data` in its order.

    Columns: `predicted <target>`, and for classification `probability of <class>` for each class.
    """
    import pandas as pd

    outputs = model.outputs(data)
    answers = model.preparation.decode(outputs).reshape(len(outputs), -1)
    # Labels may share their text, such as 1 and "1"; columns that are put side by side may too.
    parts = [pd.DataFrame(answers, columns=pd.Index([f"predicted {name}" for name in model.preparation.target_names]))]
    if model.preparation.task.is_classification:
        parts.append(pd.DataFrame(outputs, columns=pd.Index([f"probability of {label}" for label in model.classes])))
    return pd.concat(parts, axis=1)


def _require_fit(preparation: Preparation, network: NetworkSpec) -> None:
    """A preparation and a network fit if one's inputs and answers are the other's; a binary model may have one sigmoid output."""
    wanted = ("softmax", preparation.num_outputs) if preparation.task.is_classification else ("linear", preparation.num_outputs)
    outputs = [wanted] + [("sigmoid", 1)] * (len(preparation.classes) == 2)
    if network.num_inputs != preparation.num_inputs or (network.output, network.num_outputs) not in outputs:
        raise ModelError(
            f"the network of this {preparation.task} model must have {preparation.num_inputs} inputs and "
            f"{' or '.join(f'{count} {kind} outputs' for kind, count in outputs)}, "
            f"got {network.num_inputs} inputs and {network.num_outputs} {network.output} outputs; give the parts of one model"
        )


def _positions(used: tuple[str, ...]) -> tuple[str, ...]:
    numbers = [int(name[1:]) for name in used if name[:1] == "x" and name[1:].isdecimal() and name == f"x{int(name[1:])}"]
    return tuple(f"x{k}" for k in range(max(numbers) + 1)) if len(numbers) == len(used) else used


def _few(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")
