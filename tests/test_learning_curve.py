"""The learning curve over training rows: the fit against planted curves, and parts of a real study."""

import json

import numpy as np
import pandas as pd
import pytest

import osetra
from osetra.core.errors import InputError, StudyError
from osetra.diagnosis.learning_curve import fit_curve
from osetra.study.asked import reopen
from osetra.study.learning_curve import epochs_on_all, nested_order, seconds_needed

SIZES = (1_000, 2_000, 4_000, 8_000)


def planted(a, b, c, *, noise=0.0, seeds=3, sizes=SIZES, generator=None):
    """Errors of some trainings at each size, whose mean follows a + b m^-c; noise as a share of it."""
    generator = generator or np.random.default_rng(0)
    return [(a + b * m**-c) * (1 + noise * generator.normal(size=seeds)) for m in map(float, sizes)]


@pytest.mark.parametrize(("a", "b", "c"), [(0.1, 3.0, 0.5), (0.05, 1.0, 0.25), (0.0, 2.0, 0.35), (0.02, 500.0, 1.2)])
def test_planted_a_b_and_c_are_found(a, b, c):
    found = fit_curve(SIZES, planted(a, b, c, noise=1e-7))
    assert (found.a, found.b, found.c) == (pytest.approx(a, abs=1e-4), pytest.approx(b, rel=1e-2), pytest.approx(c, rel=1e-2))
    for times, ahead in zip((2, 4), found.forecast, strict=True):
        assert ahead.rows == times * SIZES[-1]
        assert ahead.error == pytest.approx(a + b * ahead.rows**-c, rel=1e-3)
        assert ahead.low <= ahead.error <= ahead.high


@pytest.mark.parametrize(("a", "c", "noise"), [(0.0, 0.2, 0.03), (0.1, 0.5, 0.02), (0.05, 1.0, 0.05), (0.0, 0.6, 0.05)])
def test_forecasts_hold_the_truth_in_at_least_nine_of_ten_curves(a, c, noise):
    generator, b, held, curves = np.random.default_rng(7), 0.1 * SIZES[-1] ** c, np.zeros(2), 60
    for _ in range(curves):
        found = fit_curve(SIZES, planted(a, b, c, noise=noise, generator=generator))
        held += [ahead.low <= a + b * ahead.rows**-c <= ahead.high for ahead in found.forecast]
    assert (held >= 0.9 * curves).all(), held / curves


def test_more_noise_makes_a_forecast_less_sure():
    wide, narrow = (fit_curve(SIZES, planted(0.05, 3.0, 0.5, noise=noise)).forecast[0] for noise in (0.08, 0.01))
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_a_falling_curve_says_what_twice_the_rows_bring_and_a_level_one_that_they_bring_little():
    falling = fit_curve(SIZES, planted(0.0, 2.0, 0.3, noise=1e-7)).sentence
    assert falling == "Twice the rows would bring the dev error from 13.5 % to about 11.0 % (11.0 to 11.0), four times to 8.9 %"
    level = fit_curve(SIZES, planted(0.1, 0.0, 0.3, noise=0.01))
    assert level.sentence.startswith("More rows would bring little: twice as many would bring the dev error from 1")
    assert level.forecast[1].high == pytest.approx(0.1, rel=0.05)
    in_units = fit_curve(SIZES, [20 * of for of in planted(0.0, 2.0, 0.3, noise=1e-7)], error_name="RMSE").sentence
    assert in_units.startswith("Twice the rows would bring the dev RMSE from 2.699 to about 2.192 (2.19")


def test_odd_errors_still_have_a_forecast():
    for errors in ([[0.0, 0.0]] * 4, [[0.1, 0.11], [0.12, 0.13], [0.2, 0.19], [0.3, 0.31]], [[0.1, 0.1], [0.1], [0.1], [0.1]]):
        found = fit_curve(SIZES, errors)
        numbers = [number for point in (*found.points, found.now, *found.forecast) for number in (point.low, point.error, point.high)]
        assert np.isfinite(numbers).all()
        assert min(numbers) >= 0
        assert found.brings_little
        assert json.loads(json.dumps(found.to_dict()))["b"] >= 0


@pytest.mark.parametrize(
    ("rows", "errors", "said"),
    [
        ((10, 20), [[0.1, 0.1]] * 2, "3 sizes or more, got 2 sizes"),
        ((10, 40, 20), [[0.1, 0.1]] * 3, r"must ascend from 1 or more, got \[10, 40, 20\]"),
        ((10, 20, 40), [[0.1]] * 3, r"tell the noise, got \[1, 1, 1\]; repeat trainings"),
        ((10, 20, 40), [[0.1, np.nan]] * 3, "must be finite and >= 0, got nan"),
    ],
)
def test_what_makes_no_curve_is_refused(rows, errors, said):
    with pytest.raises(InputError, match=said):
        fit_curve(rows, errors)


def table(rows=600):
    """Three classes, one of them rare, told apart by a curved border."""
    generator = np.random.default_rng(5)
    X = generator.normal(size=(rows, 4))
    label = np.where(X[:, 0] * X[:, 1] > 0, "a", "b")
    label[X[:, 2] > 1.7] = "rare"
    return pd.DataFrame(X, columns=list("wxyz")).assign(label=label)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("curve")
    table().to_csv(folder / "rows.csv", index=False)
    fitted = osetra.fit(folder / "rows.csv", "label", trials=3, epochs_per_trial=6, sizes=(0.6, 0.2, 0.2), store=folder / "s.db", seed=2)
    fitted.store.close()
    return fitted.name, folder / "s.db"


def test_parts_lie_within_one_another_and_hold_every_class_s_share(study):
    prepared = reopen(osetra.Study.open(*study))
    targets = prepared.training.train_targets
    order = nested_order(prepared, np.random.default_rng(0))
    assert sorted(order) == list(range(len(targets)))
    for rows in (45, 90, 180):
        # A beginning of one order is a part of every longer one; a class is within a row or so of its share.
        seen = np.bincount(targets[order[:rows]], minlength=3)
        np.testing.assert_allclose(seen, rows * np.bincount(targets) / len(targets), atol=1.01)
    assert not np.array_equal(order, nested_order(prepared, np.random.default_rng(1)))


def test_a_study_s_learning_curve_is_kept_with_it_and_changes_the_advice(study):
    opened = osetra.Study.open(*study)
    assert seconds_needed(opened) > 0
    assert opened.best.epochs <= epochs_on_all(opened) <= 6
    found = opened.learning_curve()
    rows = [point.rows for point in found.points]
    assert rows == [45, 90, 180, 360]
    assert found.trainings == 12
    assert [ahead.rows for ahead in found.forecast] == [720, 1_440]
    again = osetra.Study.open(*study)
    assert again.facts["learning_curve"] == json.loads(json.dumps(found.to_dict()))
    advised = {action.name: action.effect for action in again.diagnose(0.0).actions}
    assert advised.get("more data", found.sentence) == found.sentence
    assert again.learning_curve().points == found.points, "the same seed gives the same curve"


def test_shares_and_repeats_that_make_no_curve_are_refused(study):
    opened = osetra.Study.open(*study)
    for options, said in (
        ({"shares": (0.5, 1.0)}, r"3 different shares or more in \(0, 1\], got \[0.5, 1.0\]"),
        ({"shares": (0.5, 1.0, 1.5)}, "got .*1.5"),
        ({"repeats": 1}, "2 repeats or more, which tell the noise, got 1"),
        ({"shares": (0.01, 0.5, 1.0)}, "must have 20 rows, got 4 of 360"),
        ({"interrupted": lambda: True}, "was interrupted before its end"),
    ):
        with pytest.raises(StudyError, match=said):
            opened.learning_curve(**options)
    with pytest.raises(StudyError, match="must be those of study"):
        opened.learning_curve(table(500), y=None)
