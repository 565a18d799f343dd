"""Weights: how much a row counts, and how much a class does.

    balanced   w_c = m / (C m_c): every class counts the same (King & Zeng 2001, Political Analysis 9:137, as in scikit-learn)
    in use     row weight times class weight, scaled to mean 1 over the rows of a part

m_c is the weight of the rows of class c, their number where rows have no weights of their own; m = sum m_c, C classes. Row weights say
what a row stands for, so they count wherever an error is measured; class weights say what a mistake costs, so they count in training and
in the dev error that chooses epochs and trials.

Knows nothing of: where weights come from, parts, networks.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import DataError
from osetra.core.records import Task
from osetra.data.prepare import Label
from osetra.data.values import kind_of, numbers, texts

if TYPE_CHECKING:
    import pandas as pd

BALANCED = "balanced"
ClassWeight = str | Mapping[Any, float]
"""`balanced`, or the weight of each label; a label that is not named counts 1."""


def column_weights(column: "pd.Series") -> np.ndarray:
    """The weights in a column, float64 [rows], all >= 0 and some > 0. Raises DataError for anything else."""
    name = str(column.name)
    if kind_of(column) == "text":
        raise DataError(
            f"the weights {name!r} must be numbers >= 0, got text such as {str(column.dropna().iloc[0])!r}; name another column"
        )
    missing = texts(column)[0] < 0
    if missing.any():
        raise DataError(
            f"the weights {name!r} must be known for every row, got {int(missing.sum()):,} missing, the first in row "
            f"{int(np.argmax(missing)) + 1:,}; fill them in, 0 leaves a row out"
        )
    return require_weights(numbers(column, column=name), f"the weights {name!r}")


def require_weights(weights: np.ndarray, what: str) -> np.ndarray:
    """The same weights, float64 [rows]. Raises DataError unless all are finite and >= 0, and some > 0. `what` names them."""
    bad = ~np.isfinite(weights) | (weights < 0)
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(f"{what} must be finite numbers >= 0, got {weights[row]:g} in row {row + 1:,}; mend them, 0 leaves a row out")
    if not weights.any():
        raise DataError(f"{what} must not all be zero, got {len(weights):,} times 0; give the rows that count a weight above 0")
    return weights


def class_weights(
    wanted: ClassWeight, *, task: Task, classes: tuple[Label, ...], targets: np.ndarray, weights: np.ndarray | None = None
) -> dict[Label, float]:
    """The weight of each class, in the order of `classes`.

    targets: class numbers of the training rows, [rows]; weights: theirs, [rows], all 1 if left out. Labels in `wanted` may be written as
    text, as on a command line. Raises DataError for a regression, unknown labels and weights that are not finite and > 0.
    """
    if not task.is_classification:
        raise DataError(f"class_weight needs classes, got a {task.in_words}; leave it out, or weigh rows by a column of weights")
    if isinstance(wanted, str):
        if wanted != BALANCED:
            raise DataError(f"class_weight must be {BALANCED!r} or a weight for each label, got {wanted!r}; give one of these")
        of_class = np.bincount(targets, weights=weights, minlength=len(classes))
        # A class of no weight has no rows to weigh.
        shares = len(classes) * of_class / of_class.sum()
        return dict(zip(classes, np.divide(1.0, shares, out=np.ones(len(classes)), where=shares > 0).tolist(), strict=True))
    if not isinstance(wanted, Mapping):
        raise DataError(
            f"class_weight must be {BALANCED!r} or a weight for each label, got {type(wanted).__name__}; give for example {{'yes': 3}}"
        )
    found = dict.fromkeys(classes, 1.0)
    by_text = {str(label): label for label in reversed(classes)}
    for label, weight in wanted.items():
        known = label if label in found else by_text.get(str(label))
        if known is None:
            listed = ", ".join(repr(label) for label in classes[:10]) + (" ..." if len(classes) > 10 else "")
            raise DataError(f"class_weight must name classes of the training part ({listed}), got {label!r}; mend the label")
        if isinstance(weight, bool) or not isinstance(weight, int | float | np.number) or not 0 < weight < math.inf:
            raise DataError(
                f"the weight of class {str(label)!r} must be a finite number > 0, got {weight!r}; to do without a class, leave its rows out"
            )
        found[known] = float(weight)
    return found


def training_weights(weights: np.ndarray | None, of_class: Mapping[Label, float] | None, targets: np.ndarray) -> np.ndarray | None:
    """Row weights [rows] of a part times those of the rows' classes, float32 of mean 1; None where there are neither."""
    if of_class is not None:
        row_weights = np.array(list(of_class.values()))[targets]
        return scaled(row_weights if weights is None else weights * row_weights)
    return scaled(weights)


def scaled(weights: np.ndarray | None) -> np.ndarray | None:
    """float32 of mean 1, [rows]."""
    return None if weights is None else (weights / weights.mean()).astype(np.float32)
