"""Preparation: from features to network inputs, from targets to what is trained on, and from outputs back to answers.

Fitted on the training rows and applied unchanged to dev, test and new data. What treats features (`table_inputs`, `image_inputs`) and what
treats the target (`answers`) do not know one another; here they are one.

Knows nothing of: where rows come from, which part they are in, networks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import DataError
from osetra.core.records import Task
from osetra.data.answers import Answers, Label
from osetra.data.columns import Column
from osetra.data.image_inputs import ImageInputs
from osetra.data.images import Images, Shape
from osetra.data.table_inputs import TableInputs
from osetra.data.tables import Dataset

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Label", "Preparation"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Preparation:
    """All that was learned about the data from its training rows, JSON-able."""

    features: TableInputs | ImageInputs
    answers: Answers

    @classmethod
    def fit(cls, dataset: Dataset, rows: np.ndarray) -> "Preparation":
        """Learn from the rows of `dataset` numbered `rows`, int64 [m]; no other row is looked at.

        Raises DataError if no column (or channel) varies in them, or the target does not.
        """
        given = dataset.features
        if isinstance(given, Images):
            features = ImageInputs.fit(given, rows, source=dataset.source)
        else:
            features = TableInputs.fit(given, rows, source=dataset.source)
        return cls(features=features, answers=Answers.fit(dataset.target.iloc[rows], dataset.task))

    @property
    def task(self) -> Task:
        return self.answers.task

    @property
    def target_names(self) -> tuple[str, ...]:
        return self.answers.target_names

    @property
    def classes(self) -> tuple[Label, ...]:
        """Labels in ascending order, as plain Python values; class k is output k. Empty for regression."""
        return self.answers.classes

    @property
    def target_mean(self) -> np.ndarray:
        """float64 [targets]; empty for classification."""
        return self.answers.target_mean

    @property
    def target_scale(self) -> np.ndarray:
        """float64 [targets], > 0; empty for classification."""
        return self.answers.target_scale

    @property
    def num_outputs(self) -> int:
        """Classes, or targets of a regression."""
        return self.answers.num_outputs

    @property
    def error_scale(self) -> float:
        """Turns a root mean squared error of standardised targets into target units; 1 for classification and for several targets."""
        return self.answers.error_scale

    @property
    def columns(self) -> tuple[Column, ...]:
        """The feature columns that are used, in the order of their inputs; none for images."""
        return () if isinstance(self.features, ImageInputs) else self.features.columns

    @property
    def image_shape(self) -> Shape | None:
        """Height, width and channels of the images; None for a table."""
        return self.features.shape if isinstance(self.features, ImageInputs) else None

    @property
    def fill(self) -> tuple[float, ...]:
        """The inputs of a black pixel, one a channel; none for a table."""
        return self.features.fill if isinstance(self.features, ImageInputs) else ()

    @property
    def num_inputs(self) -> int:
        return self.features.num_inputs

    @property
    def input_names(self) -> tuple[str, ...]:
        """What each input stands for, such as `age`, `age is missing`, `workclass=Private`, `pixel 0,27`."""
        return self.features.input_names

    @property
    def notes(self) -> tuple[str, ...]:
        """What became of columns or channels that are not simply standardised, in sentences for a person."""
        return self.features.notes

    def inputs(self, features: "pd.DataFrame | Images") -> np.ndarray:
        """Network inputs, float32 [rows, num_inputs], C-contiguous, of a frame with the fitted columns or of images of the fitted size.

        Raises DataError if they do not fit, as `TableInputs.inputs` and `ImageInputs.inputs` say.
        """
        if isinstance(self.features, ImageInputs):
            if not isinstance(features, Images):
                raise DataError(f"the data must be images, as the training data was, got a {type(features).__name__}; give images")
            return self.features.inputs(features)
        if isinstance(features, Images):
            raise DataError("the data must be a table with the columns of the training data, got images; give a table")
        return self.features.inputs(features)

    def targets(self, frame: "pd.DataFrame") -> np.ndarray:
        """Class numbers int64 [rows], or standardised targets float32 [rows, targets], of a frame with the target columns.

        Raises DataError if a column is missing, a row has no target, or its label was not among the training rows.
        """
        return self.answers.targets(frame)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Answers: labels [rows] from probabilities [rows, classes], by hardmax; or values in target units, float64, from [rows, targets].

        Several targets give [rows, targets], one gives [rows].
        """
        return self.answers.decode(outputs)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON can carry it; `from_dict` gives back what prepares to the same bits."""
        return {**self.features.to_dict(), **self.answers.to_dict()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Preparation":
        """The inverse of `to_dict`. Raises DataError if `record` is none of its results."""
        try:
            kind = ImageInputs if "image" in record else TableInputs
            return cls(features=kind.from_dict(record), answers=Answers.from_dict(record))
        except (KeyError, TypeError, ValueError, AttributeError, AssertionError, OverflowError) as error:
            raise DataError(
                f"a preparation must be what Preparation.to_dict wrote, got something else ({error!r}); save the model anew"
            ) from error
