"""Answers: from labels or values to what a network is trained on, and from its outputs back, fitted on training rows.

    classification   class k is output k, classes in ascending order; hardmax decides
    regression       y := (y - mu)/sigma for each target

Knows nothing of: features, parts, networks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import DataError
from osetra.core.records import Task
from osetra.data.treatments import moments
from osetra.data.values import column_of, numbers

if TYPE_CHECKING:
    import pandas as pd

Label = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """What was learned of the target, JSON-able."""

    task: Task
    target_names: tuple[str, ...]
    classes: tuple[Label, ...] = ()
    """Labels in ascending order, as plain Python values; class k is output k. Empty for regression."""
    target_mean: np.ndarray
    """float64 [targets]; empty for classification."""
    target_scale: np.ndarray
    """float64 [targets], > 0; empty for classification."""

    def __post_init__(self) -> None:
        assert self.task is not Task.OBJECTIVE, "an objective has no answers"

    @classmethod
    def fit(cls, target: "pd.DataFrame", task: Task) -> "Answers":
        """Learn from the targets of the training rows. Raises DataError if they do not vary."""
        names = tuple(map(str, target.columns))
        classes: tuple[Label, ...] = ()
        mean = scale = np.zeros(0)
        if task.is_classification:
            classes = _sorted_labels(target.iloc[:, 0])
            if len(classes) < 2:
                raise DataError(f"the training part must hold at least 2 classes of {names[0]!r}, got {len(classes)}; give more rows")
        else:
            mean, scale = np.array([moments(column_of(target, name).to_numpy(dtype=np.float64)) for name in names]).T.copy()
            if not scale.all():
                constant = names[int(np.argmin(scale))]
                raise DataError(f"the target {constant!r} must vary in the training part, got a single value; give more rows")
        return cls(task=task, target_names=names, classes=classes, target_mean=mean, target_scale=scale)

    @property
    def num_outputs(self) -> int:
        """Classes, or targets of a regression."""
        return len(self.classes) or len(self.target_names)

    @property
    def error_scale(self) -> float:
        """Turns a root mean squared error of standardised targets into target units; 1 for classification and for several targets."""
        return float(self.target_scale[0]) if len(self.target_scale) == 1 else 1.0

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
        return {
            "task": self.task.value,
            "target_names": list(self.target_names),
            "classes": list(self.classes),
            "target_mean": self.target_mean.tolist(),
            "target_scale": self.target_scale.tolist(),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Answers":
        """The inverse of `to_dict`. Raises some KeyError, TypeError, ValueError or AssertionError if `record` is none of its results."""
        return cls(
            task=Task(record["task"]),
            target_names=tuple(record["target_names"]),
            classes=tuple(record["classes"]),
            target_mean=np.array(record["target_mean"], dtype=np.float64),
            target_scale=np.array(record["target_scale"], dtype=np.float64),
        )

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
