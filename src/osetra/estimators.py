"""scikit-learn estimators: `TunedClassifier` and `TunedRegressor` tune a network inside `fit`.

They work in Pipeline, GridSearchCV and cross_val_score, on arrays and on frames with text, missing values and dates as they are.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import assert_all_finite, check_array, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d, validate_data

from osetra.core.errors import DataError
from osetra.data.tables import MIN_ROWS
from osetra.data.values import MISSING_WORDS
from osetra.data.weights import require_weights

if TYPE_CHECKING:
    import pandas as pd

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

    def _tune(self, X: Any, y: np.ndarray, task: str, *, sample_weight: Any, class_weight: Any = None) -> Any:
        import pandas as pd

        from osetra.study.fit import fit

        frame = self._frame(X, reset=True)
        check_consistent_length(frame, y)
        if len(frame) < MIN_ROWS:
            raise DataError(f"fit needs at least {MIN_ROWS} rows, got n_samples = {len(frame)}; give more data")
        names = _free_names("target", y.shape[1] if y.ndim > 1 else 1, taken=frame.columns)
        columns = [frame.reset_index(drop=True), pd.DataFrame(y, columns=pd.Index(names))]
        weights = None
        if sample_weight is not None:
            (weights,) = _free_names("weight", 1, taken=[*frame.columns, *names])
            columns.append(pd.DataFrame({weights: _weights(sample_weight, len(frame))}))
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        is_bounded = self.budget is not None or self.epochs is not None
        self.study_ = fit(
            pd.concat(columns, axis=1),
            names,
            task=task,
            trials=DEFAULT_TRIALS if self.trials is None and not is_bounded else self.trials,
            budget=self.budget,
            epochs=self.epochs,
            epochs_per_trial=self.epochs_per_trial,
            space=self.space,
            store=self.store,
            study=self.study,
            workers=self.workers,
            seed=seed,
            test=False,
            weights=weights,
            class_weight=class_weight,
        )
        self.model_ = self.study_.model
        return self

    def _frame(self, X: Any, *, reset: bool) -> "pd.DataFrame":
        """Rows as a frame with text names; arrays get x0, x1, ..."""
        import pandas as pd

        if hasattr(X, "to_pandas"):
            X = X.to_pandas()
        if isinstance(X, pd.DataFrame):
            given: Any = X
            validate_data(self, given, reset=reset, skip_check_array=True)
            return X.set_axis([str(name) for name in X.columns], axis=1)
        array = np.asarray(validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan"))
        frame = pd.DataFrame(array, columns=pd.Index([f"x{k}" for k in range(array.shape[1])]))
        return frame.infer_objects() if array.dtype == object else frame

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        # By position, as scikit-learn has it: columns with names that differ were refused or warned of.
        frame = self._frame(X, reset=False)
        return self.model_.outputs(frame.set_axis(list(self.model_.feature_names), axis=1))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        return tags


class TunedClassifier(ClassifierMixin, _Tuned):
    """A tuned network that classifies.

    trials, budget, epochs: bounds of the search (20 trials if none is given), as in `osetra.fit`; space: edits of the default space;
    store: where the study is kept, in memory if left out; random_state: an int makes `fit` repeatable, to the same bits.
    class_weight: "balanced", or a weight for each label; what a mistake costs in training.
    After `fit`: `classes_` [classes] in ascending order, `n_features_in_`, `feature_names_in_` (of frames), `study_` (an `osetra.Study`),
    `model_`.
    """

    def __init__(
        self,
        *,
        trials: int | None = None,
        budget: float | str | None = None,
        epochs: int | None = None,
        epochs_per_trial: int | None = None,
        space: dict[str, Any] | None = None,
        class_weight: Any = None,
        store: Any = None,
        study: str | None = None,
        workers: int | None = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            trials=trials, budget=budget, epochs=epochs, epochs_per_trial=epochs_per_trial, space=space, store=store, study=study,
            workers=workers, random_state=random_state,
        )  # fmt: skip
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "TunedClassifier":
        """Tune on X [rows, columns] and y [rows].

        sample_weight: >= 0, [rows], what each row counts in the cost and in the dev error; rows of weight 0 are left out. Raises
        DataError for data that cannot be used.
        """
        y = column_or_1d(_given(self, y), warn=True)
        _require_labels(y)
        check_classification_targets(y)
        self._tune(X, y, "classification", sample_weight=sample_weight, class_weight=self.class_weight)
        self.classes_ = np.array(self.model_.preparation.classes, dtype=y.dtype)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Labels [rows], in the type of y."""
        winners = self._outputs(X).argmax(axis=1)
        return self.classes_[winners]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class, float32 [rows, classes], in the order of `classes_`."""
        return self._outputs(X)


class TunedRegressor(RegressorMixin, _Tuned):
    """A tuned network that predicts one number, or several. Options and attributes as for `TunedClassifier`."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "TunedRegressor":
        """Tune on X [rows, columns] and y [rows] or [rows, targets]; sample_weight [rows] as for `TunedClassifier`.

        Raises DataError for data that cannot be used.
        """
        y = check_array(_given(self, y), dtype="numeric", ensure_2d=False, input_name="y", estimator=self)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return self._tune(X, y, "regression", sample_weight=sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Values in the units of y, float64 [rows] or [rows, targets]."""
        check_is_fitted(self)
        return self.model_.preparation.decode(self._outputs(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _given(estimator: _Tuned, y: Any) -> Any:
    if y is None:
        name = type(estimator).__name__
        raise DataError(f"{name} requires y to be passed, but the target y is None; give one target for each row of X")
    return y


def _require_labels(y: np.ndarray) -> None:
    """No label may be missing or look as if it were: in a table its rows would be left out."""
    import pandas as pd

    assert_all_finite(y, input_name="y")
    if pd.isna(y).any():
        raise DataError(f"every row must have a label, got {int(pd.isna(y).sum()):,} missing in y; leave these rows out")
    if y.dtype.kind == "S":
        raise DataError("labels must be text, numbers or truth values, got bytes in y; decode them, such as numpy.char.decode(y)")
    if y.dtype.kind not in "OU":
        return
    words = sorted({str(label).strip() for label in np.unique(y.astype(str))} & set(MISSING_WORDS))
    if words:
        raise DataError(f"labels must not be words for missing values, got {', '.join(map(repr, words))} in y; rename these classes")


def _weights(sample_weight: Any, rows: int) -> np.ndarray:
    """float64 [rows]; a single number is the weight of every row."""
    try:
        weights = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"sample_weight must be numbers >= 0, got something else ({error}); give one for each row of X") from error
    if weights.ndim and weights.shape != (rows,):
        raise DataError(f"sample_weight must be one number for each of the {rows:,} rows of X, got shape {weights.shape}; give one a row")
    return require_weights(np.broadcast_to(weights, rows), "sample_weight")


def _free_names(stem: str, count: int, *, taken: Any) -> list[str]:
    """Names, such as those of targets, that no feature has."""
    while any(str(name).startswith(stem) for name in taken):
        stem = f"_{stem}"
    return [stem] if count == 1 else [f"{stem}{k}" for k in range(count)]
