"""Table inputs: how the columns of a frame become network inputs, fitted on training rows.

Formulas and treatments are in `columns` and `treatments`.

Knows nothing of: targets, parts, where rows come from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import DataError
from osetra.data.columns import Column, column_from_dict
from osetra.data.treatments import fit_column
from osetra.data.values import column_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TableInputs:
    """What was learned of the columns, JSON-able."""

    columns: tuple[Column, ...]
    """The feature columns that are used, in the order of their inputs."""
    notes: tuple[str, ...] = ()
    """What became of columns that are not simply standardised, in sentences for a person."""

    @classmethod
    def fit(cls, frame: "pd.DataFrame", rows: np.ndarray, *, source: str) -> "TableInputs":
        """Learn from the rows of `frame` numbered `rows`, int64 [m]; no other is looked at.

        Raises DataError if no column varies in them.
        """
        columns: list[Column] = []
        notes: list[str] = []
        for name in frame.columns:
            column, said = fit_column(column_of(frame, name).iloc[rows])
            columns += [column] if column is not None else []
            notes += said
        if not columns:
            raise DataError(f"at least one column of {source} must be of use, got none: {'; '.join(notes)}; give other features")
        return cls(columns=tuple(columns), notes=tuple(notes))

    @property
    def num_inputs(self) -> int:
        return sum(len(column.inputs) for column in self.columns)

    @property
    def input_names(self) -> tuple[str, ...]:
        """What each input stands for, such as `age`, `age is missing`, `workclass=Private`."""
        return tuple(name for column in self.columns for name in column.names())

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

    def blank(self) -> "pd.DataFrame":
        """A row without any value."""
        import pandas as pd

        return pd.DataFrame({column.column: [None] for column in self.columns})

    def to_dict(self) -> dict[str, Any]:
        return {"columns": [column.to_dict() for column in self.columns], "notes": list(self.notes)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "TableInputs":
        """The inverse of `to_dict`. Raises some KeyError, TypeError, ValueError or AssertionError if `record` is none of its results."""
        return cls(columns=tuple(column_from_dict(column) for column in record["columns"]), notes=tuple(record["notes"]))
