"""Quick references: what simple and well-tried models reach on the dev part that the networks are measured on.

    majority class, or mean              what knowing nothing of a row costs
    logistic, or linear regression       what a straight line does (the latter with an L2 penalty of 1)
    histogram gradient boosting          what trees do (Friedman 2001, Annals of Statistics 29:1189), as scikit-learn grows them

They learn from the prepared inputs and the weights that the networks learn from, and are measured as those are. The best of them bounds
the base error from above. They are kept quick by caps on rows and rounds, which follow from sizes and from `effort` alone, never from a
clock, and run on one thread: the same data gives the same references on any machine of one kind.

Knows nothing of: networks, trials, what a reference is good for.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from osetra.core.records import Task
from osetra.diagnosis.intervals import Measured, error_rate, root_mean_squared_error, weighted_error_rate
from osetra.engines.port import TrainingData

MAJORITY, MEAN = "majority class", "mean"
LOGISTIC, LINEAR = "logistic regression", "linear regression"
BOOSTING = "histogram gradient boosting"

LINEAR_VALUES = 4_000_000
"""Rows x inputs that a linear model learns from, and rows x inputs x classes / 4."""
LINEAR_ROUNDS = 50
BOOSTING_VALUES = 3_000_000
"""Rows x inputs that trees are grown on."""
BOOSTING_WORK = 150_000_000
"""Rows x inputs x trees, a tree of no rows counting as `TREE` values and `TREE_INPUT` for each input: 1 to 2 s on a slow core."""
TREE, TREE_INPUT = 250_000, 4_000
MANY_INPUTS = 100
"""From more on, values fall into 63 bins in place of 255: a tree looks through the bins of each input at each of its nodes."""
LEAST_WORK = 25_000_000
WORK_A_VALUE = 800
"""Small tables get less: so much work for each row x input, from `LEAST_WORK` on."""
MOST_ROUNDS, FEWEST_ROUNDS = 100, 3
MAX_IMAGE_INPUTS = 500
"""Trees on the pixels of larger images are slow and know little."""
BOOTSTRAP_DRAWS = 5_000_000
FULL_EFFORT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One simple model and its error on the dev part."""

    name: str
    dev: Measured
    """Error rate, or RMSE in the units in which the networks' is measured."""
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {"name": self.name, "dev": self.dev.to_dict(), "seconds": self.seconds}


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """All of them, from the simplest on."""

    references: tuple[Reference, ...]
    rows_used: int
    """The most training rows that one of them learned from."""
    left_out: tuple[str, ...] = ()
    """Which are missing and why, in sentences."""


def effort_for(budget_s: float | None) -> float:
    """The share of the full effort that a budget in seconds pays for, so that references take about a tenth of it; 1 without one."""
    return 1.0 if budget_s is None else min(1.0, budget_s / FULL_EFFORT_S)


def references(
    data: TrainingData,
    *,
    task: Task,
    num_outputs: int,
    generator: np.random.Generator,
    row_weights: tuple[np.ndarray, np.ndarray] | None = None,
    effort: float = 1.0,
) -> References:
    """Fit the references on the training part and measure them on the dev part.

    num_outputs: classes, or targets of a regression. row_weights: > 0, of the training rows and of the dev rows, class weights no part of
    them: which class is the majority and the errors that are told go by these. generator: draws rows where there are more than are used.
    effort: 0 .. 1, see `effort_for`.
    """
    from threadpoolctl import threadpool_limits

    of_training, of_dev = row_weights or (None, None)
    fitting = _Fitting(data, task, num_outputs, generator, effort)
    models = [lambda: fitting.constant(of_training), fitting.linear, fitting.boosting]
    found, left_out = [], []
    with threadpool_limits(1), warnings.catch_warnings():
        # Rounds are capped on purpose, of which scikit-learn would warn.
        warnings.simplefilter("ignore")
        for model in models:
            began = time.monotonic()
            made = model()
            if isinstance(made, str):
                left_out.append(made)
                continue
            name, predict = made
            dev = _measured(predict(data.dev_inputs), data, task, of_dev, effort)
            found.append(Reference(name=name, dev=dev, seconds=time.monotonic() - began))
    return References(references=tuple(found), rows_used=fitting.rows_used, left_out=tuple(left_out))


Predict = Callable[[np.ndarray], np.ndarray]
"""From inputs [rows, inputs] to class numbers [rows], or standardised values [rows, targets]."""


class _Fitting:
    """Makes each reference from rows that it can be made from quickly."""

    def __init__(self, data: TrainingData, task: Task, num_outputs: int, generator: np.random.Generator, effort: float) -> None:
        self._data, self._num_outputs, self._effort = data, num_outputs, effort
        self._is_classification = task.is_classification
        self._order = generator.permutation(data.num_rows)
        self._seed = int(generator.integers(2**31))
        self.rows_used = 0

    def constant(self, weights: np.ndarray | None) -> tuple[str, Predict]:
        targets = self._data.train_targets
        if self._is_classification:
            most = int(np.bincount(targets, weights=weights, minlength=self._num_outputs).argmax())
            return MAJORITY, lambda inputs: np.full(len(inputs), most)
        mean = np.average(targets, axis=0, weights=weights)
        return MEAN, lambda inputs: np.tile(mean, (len(inputs), 1))

    def linear(self) -> tuple[str, Predict]:
        from sklearn.linear_model import LogisticRegression, Ridge

        classes = self._num_outputs if self._is_classification else 1
        inputs, targets, weights = self._drawn(LINEAR_VALUES / max(1.0, classes / 4))
        if self._is_classification:
            model = LogisticRegression(max_iter=LINEAR_ROUNDS).fit(inputs, targets, sample_weight=weights)
            return LOGISTIC, model.predict
        ridge = Ridge(alpha=1.0).fit(inputs, targets, sample_weight=weights)
        return LINEAR, lambda inputs: ridge.predict(inputs).reshape(len(inputs), -1)

    def boosting(self) -> tuple[str, Predict] | str:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        if self._data.image is not None and self._data.image.size > MAX_IMAGE_INPUTS:
            return f"{BOOSTING} is left out: images have {self._data.image.size:,} inputs, and it takes {MAX_IMAGE_INPUTS} at most"
        inputs, targets, weights = self._drawn(BOOSTING_VALUES)
        work = min(BOOSTING_WORK, max(LEAST_WORK, WORK_A_VALUE * inputs.size)) * self._effort
        trees = work / (inputs.size + TREE + TREE_INPUT * inputs.shape[1])
        each = 1 if self._is_classification and self._num_outputs == 2 else self._num_outputs
        rounds = int(min(MOST_ROUNDS, trees / each))
        if rounds < FEWEST_ROUNDS:
            of = f"{self._num_outputs} {'classes' if self._is_classification else 'targets'} and {inputs.shape[1]:,} inputs"
            return f"{BOOSTING} is left out: {of} take longer than a quick reference may under this budget"
        options: dict[str, Any] = {
            "max_iter": rounds, "learning_rate": min(0.3, max(0.1, 8.0 / rounds)), "early_stopping": False, "random_state": self._seed,
            # Without a penalty, steps of many classes at this rate may go astray: letter, 11 rounds, 41 % in place of 7 %.
            "l2_regularization": 1.0, "min_samples_leaf": int(np.clip(len(inputs) // 40, 3, 20)),
            "max_bins": 255 if inputs.shape[1] <= MANY_INPUTS else 63,
        }  # fmt: skip
        if self._is_classification:
            return BOOSTING, HistGradientBoostingClassifier(**options).fit(inputs, targets, sample_weight=weights).predict
        models = [HistGradientBoostingRegressor(**options).fit(inputs, column, sample_weight=weights) for column in targets.T]
        return BOOSTING, lambda inputs: np.stack([model.predict(inputs) for model in models], axis=1)

    def _drawn(self, values: float) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Rows of the training part that hold at most so many values, at full effort; of classes at least one row each."""
        data = self._data
        most = max(int(values * self._effort / data.train_inputs.shape[1]), 100)
        rows = self._order[:most]
        if most < data.num_rows and self._is_classification:
            rows = np.union1d(rows, np.unique(data.train_targets, return_index=True)[1])
        rows = np.sort(rows)
        self.rows_used = max(self.rows_used, len(rows))
        weights = None if data.train_weights is None else data.train_weights[rows].astype(np.float64)
        return data.train_inputs[rows], data.train_targets[rows], weights


def _measured(predicted: np.ndarray, data: TrainingData, task: Task, weights: np.ndarray | None, effort: float) -> Measured:
    """As a network's error is measured."""
    targets = data.dev_targets
    if task.is_classification:
        wrong = (predicted != targets).astype(np.float64)
        return error_rate(int(wrong.sum()), len(wrong)) if weights is None else weighted_error_rate(wrong, weights)
    resamples = int(np.clip(effort * BOOTSTRAP_DRAWS / len(targets), 200, 1000))
    squared = np.square(predicted.astype(np.float64) - targets).mean(axis=1)
    found = root_mean_squared_error(squared, weights, resamples=resamples)
    # Scaled at the end, as squares of large units would leave the range of floats.
    value, low, high = (number * data.error_scale for number in (found.value, found.low, found.high))
    return replace(found, value=value, low=low, high=high)
