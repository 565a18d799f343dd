"""Preparation: from a table's columns to network inputs and targets, and from outputs back to answers.

Fitted on the training rows and applied unchanged to dev, test and new data. Formulas and treatments are in `columns` and `treatments`.

Knows nothing of: where rows come from, which part they are in, networks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import DataError
from osetra.core.records import Task
from osetra.data.columns import Column, column_from_dict
from osetra.data.tables import Dataset
from osetra.data.treatments import fit_column, moments
from osetra.data.values import column_of, numbers

if TYPE_CHECKING:
    import pandas as pd

Label = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Preparation:
    """All that was learned about the data from its training rows, JSON-able."""

    task: Task
    target_names: tuple[str, ...]
    columns: tuple[Column, ...]
    """The feature columns that are used, in the order of their inputs."""
    classes: tuple[Label, ...] = ()
    """Labels in ascending order, as plain Python values; class k is output k. Empty for regression."""
    target_mean: np.ndarray
    """float64 [targets]; empty for classification."""
    target_scale: np.ndarray
    """float64 [targets], > 0; empty for classification."""
    notes: tuple[str, ...] = ()
    """What became of columns that are not simply standardised, in sentences for a person."""

    @classmethod
    def fit(cls, dataset: Dataset, rows: np.ndarray) -> "Preparation":
        """Learn from the rows of `dataset` numbered `rows`, int64 [m]; no other row is looked at.

        Raises DataError if no column varies in them, or the target does not.
        """
        columns: list[Column] = []
        notes: list[str] = []
        for name in dataset.features.columns:
            column, said = fit_column(dataset.features[name].iloc[rows])
            columns += [column] if column is not None else []
            notes += said
        if not columns:
            raise DataError(f"at least one column of {dataset.source} must be of use, got none: {'; '.join(notes)}; give other features")
        target = dataset.target.iloc[rows]
        classes: tuple[Label, ...] = ()
        mean = scale = np.zeros(0)
        if dataset.task.is_classification:
            classes = _sorted_labels(target.iloc[:, 0])
            if len(classes) < 2:
                raise DataError(
                    f"the training part must hold at least 2 classes of {dataset.target_names[0]!r}, got {len(classes)}; give more rows"
                )
        else:
            mean, scale = np.array([moments(target[name].to_numpy(dtype=np.float64)) for name in dataset.target_names]).T.copy()
            if not scale.all():
                constant = dataset.target_names[int(np.argmin(scale))]
                raise DataError(f"the target {constant!r} must vary in the training part, got a single value; give more rows")
        return cls(
            task=dataset.task,
            target_names=dataset.target_names,
            columns=tuple(columns),
            classes=classes,
            target_mean=mean,
            target_scale=scale,
            notes=tuple(notes),
        )

    @property
    def num_inputs(self) -> int:
        return sum(len(column.inputs) for column in self.columns)

    @property
    def num_outputs(self) -> int:
        """Classes, or targets of a regression."""
        return len(self.classes) or len(self.target_names)

    @property
    def input_names(self) -> tuple[str, ...]:
        """What each input stands for, such as `age`, `age is missing`, `workclass=Private`."""
        return tuple(name for column in self.columns for name in column.names())

    @property
    def error_scale(self) -> float:
        """Turns a root mean squared error of standardised targets into target units; 1 for classification and for several targets."""
        return float(self.target_scale[0]) if len(self.target_scale) == 1 else 1.0

    def inputs(self, frame: "pd.DataFrame") -> np.ndarray:
        """Network inputs, float32 [rows, num_inputs], C-contiguous, of a frame with the fitted columns in any order; others are ignored.

        Levels never seen in training are fine. Raises DataError for columns that are missing, for text where numbers were and for
        infinite numbers.
        """
        lacking = [column.column for column in self.columns if column.column not in frame.columns]
        if lacking:
            raise DataError(
                f"the table must have the columns of the training data, got none called {', '.join(map(repr, lacking))}; add or rename them"
            )
        matrix = np.empty((len(frame), self.num_inputs), dtype=np.float32)
        start = 0
        for column in self.columns:
            end = start + len(column.inputs)
            column.fill(column_of(frame, column.column), matrix[:, start:end])
            start = end
        return matrix

    def targets(self, frame: "pd.DataFrame") -> np.ndarray:
        """Class numbers int64 [rows], or standardised targets float32 [rows, targets], of a frame with the target columns.

        Raises DataError if a column is missing, a row has no target, or its label was not among the training rows.
        """
        lacking = [name for name in self.target_names if name not in frame.columns]
        if lacking:
            raise DataError(f"the table must have the target, got no column {', '.join(map(repr, lacking))}; add or rename it")
        if self.task.is_classification:
            return self._class_numbers(column_of(frame, self.target_names[0]))
        values = np.empty((len(frame), len(self.target_names)), dtype=np.float32)
        for k, name in enumerate(self.target_names):
            column = numbers(column_of(frame, name), column=name)
            _require_no_missing(np.isnan(column), name)
            values[:, k] = (column - self.target_mean[k]) / self.target_scale[k]
        return values

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Answers: labels [rows] from probabilities [rows, classes], by hardmax; or values in target units, float64, from [rows, targets].

        Several targets give [rows, targets], one gives [rows].
        """
        outputs = np.asarray(outputs)
        assert outputs.shape[1:] == (self.num_outputs,), f"outputs {outputs.shape}, expected [rows, {self.num_outputs}]"
        if self.task.is_classification:
            return _label_array(self.classes)[np.argmax(outputs, axis=1)]
        values = outputs.astype(np.float64) * self.target_scale + self.target_mean
        return values[:, 0] if len(self.target_names) == 1 else values

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON can carry it; `from_dict` gives back what prepares to the same bits."""
        return {
            "task": self.task.value,
            "target_names": list(self.target_names),
            "columns": [column.to_dict() for column in self.columns],
            "classes": list(self.classes),
            "target_mean": self.target_mean.tolist(),
            "target_scale": self.target_scale.tolist(),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Preparation":
        """The inverse of `to_dict`. Raises DataError if `record` is none of its results."""
        try:
            return cls(
                task=Task(record["task"]),
                target_names=tuple(record["target_names"]),
                columns=tuple(column_from_dict(column) for column in record["columns"]),
                classes=tuple(record["classes"]),
                target_mean=np.array(record["target_mean"], dtype=np.float64),
                target_scale=np.array(record["target_scale"], dtype=np.float64),
                notes=tuple(record["notes"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, AssertionError) as error:
            raise DataError(
                f"a preparation must be what Preparation.to_dict wrote, got something else ({error!r}); save the model anew"
            ) from error

    def _class_numbers(self, series: "pd.Series") -> np.ndarray:
        import pandas as pd

        codes, uniques = pd.factorize(series, use_na_sentinel=True)
        _require_no_missing(codes < 0, self.target_names[0])
        known = {label: number for number, label in enumerate(self.classes)}
        found = np.array([known.get(_plain(label), -1) for label in uniques], dtype=np.int64)[codes]
        if (found < 0).any():
            row = int(np.argmax(found < 0))
            listed = ", ".join(repr(label) for label in self.classes[:10]) + (" ..." if len(self.classes) > 10 else "")
            raise DataError(
                f"{self.target_names[0]!r} must be one of the training part's classes ({listed}), got {_plain(series.iloc[row])!r} "
                f"in row {row + 1:,}; mend the label or leave the row out"
            )
        return found


def _sorted_labels(series: "pd.Series") -> tuple[Label, ...]:
    labels = [_plain(label) for label in series.unique()]
    try:
        return tuple(sorted(labels))  # pyright: ignore[reportArgumentType]  (labels of different types are sorted below)
    except TypeError:
        return tuple(sorted(labels, key=lambda label: (type(label).__name__, label)))


def _plain(label: Any) -> Label:
    """A label as a Python value that JSON can carry."""
    value = label.item() if isinstance(label, np.generic) else label
    return value if isinstance(value, str | int | float | bool) else str(value)


def _label_array(labels: tuple[Label, ...]) -> np.ndarray:
    # NumPy turns labels of different types into text; they are kept as they are instead.
    return np.array(labels) if len({type(label) for label in labels}) == 1 else np.array(labels, dtype=object)


def _require_no_missing(missing: np.ndarray, name: str) -> None:
    if missing.any():
        raise DataError(
            f"{name!r} must be known for every row, got {int(missing.sum()):,} missing, the first in row {int(np.argmax(missing)) + 1:,}; "
            "drop these rows"
        )
