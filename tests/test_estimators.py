"""The scikit-learn estimators: scikit-learn's own checks, and what its users do with them."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_linnerud
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from osetra import TunedClassifier, TunedRegressor
from osetra.core.errors import DataError, InputError, SpaceError, StudyError

QUICK: dict[str, Any] = {"trials": 2, "epochs_per_trial": 5, "workers": 1, "random_state": 0}

NOT_THE_SAME = {
    "check_sample_weight_equivalence_on_dense_data": (
        "a row of weight 3 is not three rows: parts and mini-batches are drawn by the row. scikit-learn lists its own estimators with "
        "random draws so, and runs this check on MLPClassifier with lbfgs, which draws nothing"
    )
}


@parametrize_with_checks(
    # A rate at which ten epochs are enough, as scikit-learn gives its own networks more iterations for these checks.
    [
        TunedClassifier(trials=2, epochs_per_trial=10, workers=1, space={"learning_rate": 0.03}),
        TunedRegressor(trials=2, epochs_per_trial=5, workers=1),
    ],
    expected_failed_checks=lambda _estimator: NOT_THE_SAME,
)
def test_scikit_learns_own_check(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def fitted(iris):
    return TunedClassifier(**QUICK).fit(*iris)


def people(rows=120, seed=0):
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": generator.normal(40, 10, rows).round(),
            "city": generator.choice(["Oslo", "Bergen", "Hamar"], rows),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(generator.integers(0, 900, rows), unit="D"),
            "member": generator.random(rows) < 0.5,
        }
    )
    frame.loc[::7, "age"] = np.nan
    frame.loc[::11, "city"] = None
    label = np.where((frame["age"].fillna(40) > 40) ^ (frame["city"] == "Oslo"), "yes", "no")
    return frame, label


def test_probabilities_stand_in_the_order_of_classes(iris, fitted):
    X, y = iris
    probabilities = fitted.predict_proba(X)
    assert probabilities.shape == (150, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(fitted.predict(X), fitted.classes_[probabilities.argmax(axis=1)])
    assert fitted.score(X, y) == np.mean(fitted.predict(X) == y)


def test_it_learns():
    X, y = load_breast_cancer(return_X_y=True)
    assert TunedClassifier(trials=2, epochs_per_trial=20, random_state=0).fit(X[:400], y[:400]).score(X[400:], y[400:]) > 0.9
    X, y = load_diabetes(return_X_y=True)
    assert TunedRegressor(trials=3, epochs_per_trial=60, random_state=0).fit(X[:350], y[:350]).score(X[350:], y[350:]) > 0.3


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["no", "yes"]),
        np.array(["no", "yes"], dtype=object),
        np.array(["2", "10"]),
        np.array([False, True]),
        np.array([-1, 1]),
        np.array([1.0, 2.0]),
        np.array([" padded", "padded "]),
    ],
    ids=lambda labels: f"{labels.dtype}:{labels[0]!r}",
)
def test_labels_come_back_in_their_own_type_and_ascending(labels):
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = labels[(X[:, 0] > 0).astype(int)]
    model = TunedClassifier(**QUICK).fit(X, y)
    np.testing.assert_array_equal(model.classes_, np.unique(y))
    assert model.classes_.dtype == y.dtype
    assert set(model.predict(X)) <= set(labels)


@pytest.mark.parametrize(
    "wrap", [list, pd.Series, lambda y: pd.Series(y).astype("category"), lambda y: pd.Series(y, index=range(150, 0, -1))]
)
def test_y_may_be_a_list_or_a_series_of_any_index(iris, fitted, wrap):
    X, y = iris
    np.testing.assert_array_equal(TunedClassifier(**QUICK).fit(X, wrap(y)).predict_proba(X), fitted.predict_proba(X))


def test_the_same_random_state_gives_the_same_bits_whatever_the_workers(iris, fitted):
    X, y = iris
    again = TunedClassifier(**{**QUICK, "workers": 2}).fit(X, y)
    assert [dict(trial.configuration) for trial in again.study_.trials()] == [dict(trial.configuration) for trial in fitted.study_.trials()]
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    other = TunedClassifier(**{**QUICK, "random_state": 1}).fit(X, y)
    assert not np.array_equal(other.predict_proba(X), fitted.predict_proba(X))


def test_frames_with_text_dates_and_missing_values_go_in_as_they_are():
    frame, y = people()
    model: Any = TunedClassifier(trials=3, epochs_per_trial=40, workers=1, random_state=0).fit(frame, y)
    assert list(model.feature_names_in_) == list(frame.columns)
    assert model.score(frame, y) > 0.8
    new = frame.iloc[:3].assign(city=["Narvik", None, "Oslo"])
    assert set(model.predict(new)) <= {"no", "yes"}


def test_text_where_numbers_were_is_refused_by_column_and_row():
    frame, y = people()
    model = TunedClassifier(**QUICK).fit(frame, y)
    bad = frame.astype({"age": object})
    bad.loc[4, "age"] = "forty"
    with pytest.raises(DataError, match=r"'age' must hold numbers, got 'forty' in row 5"):
        model.predict(bad)


def test_a_feature_may_be_called_target():
    frame, y = people()
    renamed = frame.rename(columns={"age": "target", "city": "target0"})
    left, right = TunedClassifier(**QUICK).fit(renamed, y), TunedClassifier(**QUICK).fit(frame, y)
    np.testing.assert_array_equal(left.predict_proba(renamed), right.predict_proba(frame))


def test_columns_in_another_order_are_refused(iris):
    frame, y = people()
    model = TunedClassifier(**QUICK).fit(frame, y)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[frame.columns[::-1]])


@pytest.mark.parametrize("change", ["permuted", "lacking", "besides", "renamed"])
def test_columns_that_do_not_fit_are_answered_as_scikit_learn_s_own_do(iris, change):
    frame = pd.DataFrame(iris[0], columns=["a", "b", "c", "d"])
    changed = {
        "permuted": frame[["b", "a", "d", "c"]],
        "lacking": frame[["a", "c", "d"]],
        "besides": frame.assign(e=1.0),
        "renamed": frame.rename(columns={"a": "z"}),
    }[change]
    own = LogisticRegression(max_iter=1000).fit(frame, iris[1])
    ours = TunedClassifier(**QUICK).fit(frame, iris[1])
    said = []
    for estimator in (own, ours):
        with pytest.raises(ValueError, match="feature") as caught:
            estimator.predict(changed)
        said.append(str(caught.value).replace("LogisticRegression", "TunedClassifier"))
    assert said[0] == said[1]


def test_an_array_after_a_frame_and_a_frame_after_an_array_are_taken_by_position_with_scikit_learn_s_warning(iris):
    X, y = iris
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    named, unnamed = TunedClassifier(**QUICK).fit(frame, y), TunedClassifier(**QUICK).fit(X, y)
    with pytest.warns(UserWarning, match="X does not have valid feature names, but TunedClassifier was fitted with feature names"):
        np.testing.assert_array_equal(named.predict_proba(X), named.predict_proba(frame))
    with pytest.warns(UserWarning, match="X has feature names, but TunedClassifier was fitted without feature names"):
        np.testing.assert_array_equal(unnamed.predict_proba(frame), unnamed.predict_proba(X))


def test_names_of_columns_are_kept_only_if_they_are_text(iris):
    X, y = iris
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    named: Any = TunedClassifier(**QUICK).fit(frame, y)
    assert named.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert named.feature_names_in_.dtype == object
    for without in (X, pd.DataFrame(X)):
        estimator = TunedClassifier(**QUICK).fit(without, y)
        assert not hasattr(estimator, "feature_names_in_")
        assert estimator.n_features_in_ == 4
    np.testing.assert_array_equal(named.predict_proba(frame), TunedClassifier(**QUICK).fit(X, y).predict_proba(X))


def test_missing_numbers_are_taken_at_fit_and_at_predict(iris):
    X, y = iris[0].copy(), iris[1]
    X[::9, 1] = np.nan
    model = TunedClassifier(**QUICK).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()
    unseen = iris[0][:5].copy()
    unseen[:, 0] = np.nan
    assert np.isfinite(model.predict_proba(unseen)).all()
    with pytest.raises(ValueError, match="infinity"):
        model.predict(np.full((1, 4), np.inf))


def test_rows_of_weight_0_are_as_if_they_were_not_there(iris):
    X, y = iris
    kept = np.arange(150) % 3 != 0
    weighed = TunedClassifier(**QUICK).fit(X, y, sample_weight=kept.astype(float))
    np.testing.assert_array_equal(weighed.predict_proba(X), TunedClassifier(**QUICK).fit(X[kept], y[kept]).predict_proba(X))
    assert "50 rows of weight 0 were left out" in weighed.study_.facts["notes"]


def test_equal_weights_are_as_good_as_none_and_others_change_the_model(iris):
    X, y = iris
    plain = TunedClassifier(**QUICK).fit(X, y)
    np.testing.assert_allclose(TunedClassifier(**QUICK).fit(X, y, sample_weight=4).predict_proba(X), plain.predict_proba(X), atol=1e-5)
    weighed = TunedClassifier(**QUICK).fit(X, y, sample_weight=np.where(y == 2, 30.0, 1.0))
    assert (weighed.predict(X) == 2).sum() > (plain.predict(X) == 2).sum()
    assert weighed.study_.dev_error["effective_rows"] < weighed.study_.dev_error["rows"]


def test_a_weighted_regression_goes_where_the_weight_is():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(200, 2))
    y = np.where(np.arange(200) % 2, 10.0, 0.0) + generator.normal(size=200)
    sizes = {"trials": 2, "epochs_per_trial": 30, "workers": 1, "random_state": 0}
    low, high = (TunedRegressor(**sizes).fit(X, y, sample_weight=np.where(np.arange(200) % 2, odd, 1.0)) for odd in (0.02, 50.0))
    assert low.predict(X).mean() < 3
    assert high.predict(X).mean() > 7


def test_balanced_classes_find_more_of_a_rare_one():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(600, 3))
    y = np.where(X[:, 0] + generator.normal(size=600) > 2.2, "rare", "common")
    sizes = {"trials": 2, "epochs_per_trial": 15, "workers": 1, "random_state": 0}
    plain, balanced = (TunedClassifier(**sizes, class_weight=wanted).fit(X, y) for wanted in (None, "balanced"))
    assert (balanced.predict(X) == "rare").sum() > 2 * (plain.predict(X) == "rare").sum()
    weights = balanced.study_.facts["class_weight"]
    assert weights["rare"] > 5 > 1 > weights["common"]


def test_weights_go_through_a_pipeline_and_cross_validation(iris):
    X, y = iris
    weights = np.where(y == 2, 5.0, 1.0)
    step = make_pipeline(StandardScaler(), TunedClassifier(**QUICK))
    direct = TunedClassifier(**QUICK).fit(StandardScaler().fit_transform(X), y, sample_weight=weights)
    np.testing.assert_array_equal(
        step.fit(X, y, tunedclassifier__sample_weight=weights).predict(X), direct.predict(StandardScaler().fit_transform(X))
    )
    scores = cross_val_score(TunedClassifier(**QUICK), X, y, cv=2, params={"sample_weight": weights})
    assert scores.shape == (2,)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1.0, -1.0] * 75, "sample_weight must be finite numbers >= 0, got -1 in row 2"),
        ([1.0, np.nan] * 75, "sample_weight must be finite numbers >= 0, got nan in row 2"),
        ([0.0] * 150, "sample_weight must not all be zero"),
        ([1.0] * 149, r"one number for each of the 150 rows of X, got shape \(149,\)"),
        (["heavy"] * 150, "sample_weight must be numbers >= 0, got something else"),
        ([1.0] * 50 + [0.0] * 100, "at least 2 classes in rows of a weight above 0, got only '0'"),
    ],
)
def test_bad_weights_are_refused_in_words(iris, weights, said):
    with pytest.raises(DataError, match=said):
        TunedClassifier(**QUICK).fit(*iris, sample_weight=weights)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [("equal", "must be 'balanced' or a weight for each label"), ({7: 2.0}, r"classes of the training part \(0, 1, 2\), got 7")],
)
def test_bad_class_weights_are_refused_in_words(iris, wanted, said):
    with pytest.raises(DataError, match=said):
        TunedClassifier(**QUICK, class_weight=wanted).fit(*iris)


def test_several_targets_are_predicted_together():
    X, y = load_linnerud(return_X_y=True)
    model = TunedRegressor(**QUICK).fit(X, y)
    assert model.predict(X).shape == y.shape
    assert np.isfinite(model.score(X, y))
    names = pd.DataFrame(y, columns=["weight", "waist", "pulse"])
    np.testing.assert_array_equal(TunedRegressor(**QUICK).fit(X, names).predict(X), model.predict(X))


def test_they_work_in_pipelines_and_searches(iris):
    X, y = iris
    pipeline = make_pipeline(StandardScaler(), TunedClassifier(**QUICK))
    assert len(cross_val_score(pipeline, X, y, cv=3)) == 3
    search = GridSearchCV(TunedClassifier(**QUICK), {"epochs_per_trial": [1, 10]}, cv=2).fit(X, y)
    assert search.best_params_ == {"epochs_per_trial": 10}
    frame, label = people()
    chosen = make_pipeline(make_column_transformer(("passthrough", ["age", "city"])), TunedClassifier(**QUICK))
    assert set(chosen.fit(frame, label).predict(frame)) <= {"no", "yes"}


def test_clones_have_the_same_parameters_and_no_memory(fitted):
    fresh: Any = clone(fitted)
    assert fresh.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        fresh.predict([[1, 2, 3, 4]])
    assert fresh.set_params(trials=7).trials == 7


@pytest.mark.parametrize("kept_in", ["memory", "a file"])
def test_a_pickled_estimator_predicts_the_same_and_keeps_its_study(iris, tmp_path, kept_in):
    X, y = iris
    store = None if kept_in == "memory" else str(tmp_path / "s.db")
    fitted = TunedClassifier(**QUICK, store=store).fit(X, y)
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict_proba(X), fitted.predict_proba(X))
    assert [trial.number for trial in copy.study_.trials()] == [trial.number for trial in fitted.study_.trials()]
    for estimator in (fitted, copy):
        estimator.study_.store.close()


def test_nothing_is_printed(iris, capfd):
    TunedClassifier(**QUICK).fit(*iris).predict(iris[0])
    assert capfd.readouterr() == ("", "")


def test_the_study_is_there_to_look_at(fitted):
    assert len(fitted.study_.trials()) == 2
    assert fitted.study_.best.dev_error == fitted.study_.dev_error["value"]
    assert fitted.study_.test_error is None


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (["yes", None] * 30, r"every row must have a label, got 30 missing"),
        (["yes", "NA"] * 30, r"labels must not be words for missing values, got 'NA'"),
        ([b"yes", b"no"] * 30, r"got bytes in y; decode them"),
        (["yes"] * 60, r"at least 2 classes, got only 'yes'"),
        (None, r"requires y to be passed"),
        (["yes", "no"] * 29, r"inconsistent numbers of samples"),
    ],
)
def test_a_bad_y_is_refused_in_words(y, said):
    with pytest.raises(ValueError, match=said):
        TunedClassifier(**QUICK).fit(np.arange(120.0).reshape(60, 2), y)


@pytest.mark.parametrize(
    ("parameters", "error", "said"),
    [
        ({"trials": 0}, StudyError, "trials must be a whole number >= 1, got 0"),
        ({"budget": "soon"}, StudyError, "a time must be a number"),
        ({"epochs_per_trial": 0}, StudyError, "epochs_per_trial must be >= 1, got 0"),
        ({"workers": 0}, StudyError, "workers must be >= 1, got 0"),
        ({"space": {"learning_rat": 0.1}}, SpaceError, "did you mean learning_rate"),
        ({"space": {"activation": "rellu"}}, SpaceError, "rellu"),
    ],
)
def test_a_bad_parameter_is_refused_at_fit(iris, parameters, error, said):
    with pytest.raises(error, match=said) as caught:
        TunedClassifier(**{**QUICK, **parameters}).fit(*iris)
    assert isinstance(caught.value, InputError)


def test_too_few_rows_are_refused(iris):
    with pytest.raises(DataError, match=r"at least 10 rows, got n_samples = 9"):
        TunedClassifier(**QUICK).fit(iris[0][:9], [0, 1, 0] * 3)
