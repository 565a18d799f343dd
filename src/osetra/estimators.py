"""scikit-learn estimators: `TunedClassifier` and `TunedRegressor` tune a network inside `fit`.

They work in Pipeline, GridSearchCV and cross_val_score, on arrays and on frames with text, missing values and dates as they are.
"""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

DEFAULT_TRIALS = 20


class _Tuned(BaseEstimator):
    """What both share. All rows given to `fit` train or serve as dev part; the test part is the caller's to keep."""

    def __init__(
        self,
        *,
        trials: int | None = None,
        budget: float | str | None = None,
        epochs: int | None = None,
        epochs_per_trial: int | None = None,
        space: dict[str, Any] | None = None,
        store: Any = None,
        study: str | None = None,
        workers: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.trials = trials
        self.budget = budget
        self.epochs = epochs
        self.epochs_per_trial = epochs_per_trial
        self.space = space
        self.store = store
        self.study = study
        self.workers = workers
        self.random_state = random_state

    def _tune(self, X: Any, y: Any, task: str | None) -> Any:
        import pandas as pd

        from osetra.study.fit import fit

        frame = self._frame(X, reset=True)
        targets = pd.DataFrame(np.asarray(y)) if np.ndim(y) > 1 else pd.DataFrame({"target": np.asarray(y)})
        if targets.shape[1] > 1 or np.ndim(y) > 1:
            targets.columns = [f"target {k}" for k in range(targets.shape[1])]
        names = list(targets.columns)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        bounded = self.budget is not None or self.epochs is not None
        self.study_ = fit(
            pd.concat([frame.reset_index(drop=True), targets], axis=1),
            names,
            task=task,
            trials=self.trials if self.trials is not None or bounded else DEFAULT_TRIALS,
            budget=self.budget,
            epochs=self.epochs,
            epochs_per_trial=self.epochs_per_trial,
            space=self.space,
            store=self.store,
            study=self.study,
            workers=self.workers,
            seed=seed,
            test=False,
        )
        self.model_ = self.study_.model
        return self

    def _frame(self, X: Any, *, reset: bool) -> Any:
        """Rows as a frame with text names; arrays get x0, x1, ..."""
        import pandas as pd

        if hasattr(X, "iloc"):
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X.set_axis([str(name) for name in X.columns], axis=1)
        array = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
        return pd.DataFrame(array, columns=[f"x{k}" for k in range(array.shape[1])]).infer_objects()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        return tags


class TunedClassifier(ClassifierMixin, _Tuned):
    """A tuned network that classifies.

    trials, budget, epochs: bounds of the search (20 trials if none is given); space: edits of the default space; random_state: an int
    makes `fit` repeatable. After `fit`: `classes_` [classes], `study_` (an `osetra.Study`), `model_`.
    """

    def fit(self, X: Any, y: Any) -> "TunedClassifier":
        """Tune on X [rows, columns] and y [rows]. Raises DataError for data that cannot be used."""
        from sklearn.utils.multiclass import check_classification_targets
        from sklearn.utils.validation import column_or_1d

        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self._tune(X, y, "classification")
        self.classes_ = np.asarray(self.model_.preparation.classes, dtype=np.asarray(y).dtype)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Labels [rows]."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class, [rows, classes], in the order of `classes_`."""
        check_is_fitted(self)
        return self.model_.outputs(self._frame(X, reset=False))


class TunedRegressor(RegressorMixin, _Tuned):
    """A tuned network that predicts one number, or several. Options and attributes as for `TunedClassifier`."""

    def fit(self, X: Any, y: Any) -> "TunedRegressor":
        """Tune on X [rows, columns] and y [rows] or [rows, targets]. Raises DataError for data that cannot be used."""
        return self._tune(X, y, "regression")

    def predict(self, X: Any) -> np.ndarray:
        """Values in the units of y, [rows] or [rows, targets]."""
        check_is_fitted(self)
        return self.model_.predict(self._frame(X, reset=False))
