"""Intervals against independent implementations and their own promise."""

import numpy as np
import pytest
from scipy.stats import binomtest

from osetra.diagnosis.intervals import effective_rows, error_rate, root_mean_squared_error, weighted_error_rate


@pytest.mark.parametrize(("wrong", "rows"), [(0, 10), (1, 10), (10, 10), (143, 1000), (500, 3480)])
def test_wilson_s_interval_is_scipy_s(wrong, rows):
    expected = binomtest(wrong, rows).proportion_ci(0.95, method="wilson")
    made = error_rate(wrong, rows)
    assert made.low == pytest.approx(expected.low, abs=1e-12)
    assert made.high == pytest.approx(expected.high, abs=1e-12)
    assert made.value == wrong / rows


def test_the_bootstrap_interval_of_an_rmse_holds_the_truth_about_95_times_in_100():
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        made = root_mean_squared_error(generator.normal(0, 2, 300) ** 2, resamples=200)
        held += made.low <= 2.0 <= made.high
    # 200 draws at 95 %: 190 expected, 177 is four standard deviations below.
    assert 177 <= held <= 200


def test_an_interval_holds_its_value_even_at_the_ends():
    assert error_rate(0, 5).low == 0.0
    assert error_rate(5, 5).high == 1.0
    same = root_mean_squared_error(np.full(10, 4.0))
    assert (same.low, same.value, same.high) == (2.0, 2.0, 2.0)


def test_effective_rows_by_hand():
    assert effective_rows(np.full(7, 0.3)) == pytest.approx(7)
    # Their sum is 4, that of their squares 6.
    assert effective_rows(np.array([1.0, 1.0, 2.0])) == pytest.approx(16 / 6)
    assert effective_rows(np.array([1e300, 1e300, 1e-300])) == pytest.approx(2)


def test_equal_weights_change_nothing_but_are_told():
    wrong = np.repeat([1.0, 0.0], [14, 86])
    weighed, plain = weighted_error_rate(wrong, np.full(100, 2.5)), error_rate(14, 100)
    assert (weighed.value, weighed.low, weighed.high) == pytest.approx((plain.value, plain.low, plain.high))
    assert weighed.to_dict()["effective_rows"] == pytest.approx(100)
    assert "effective_rows" not in plain.to_dict()
    squares = np.random.default_rng(0).random(50)
    alike, none = root_mean_squared_error(squares, np.full(50, 3.0)), root_mean_squared_error(squares)
    assert (alike.value, alike.low, alike.high) == pytest.approx((none.value, none.low, none.high))


def test_a_weighted_error_is_the_weighted_mean():
    made = weighted_error_rate(np.array([1.0, 0.0, 0.0]), np.array([2.0, 1.0, 1.0]))
    assert made.value == 0.5
    assert made.low <= 0.5 <= made.high
    assert (made.rows, made.effective_rows) == (3, pytest.approx(16 / 6))
    assert root_mean_squared_error(np.array([4.0, 0.0]), np.array([3.0, 1.0])).value == pytest.approx(np.sqrt(3))


def test_weighted_intervals_hold_the_truth_about_95_times_in_100_and_unweighted_ones_would_not():
    generator = np.random.default_rng(0)
    held = too_sure = squared_held = 0
    for _ in range(300):
        weights = generator.exponential(size=200)
        wrong = (generator.random(200) < 0.2).astype(float)
        made = weighted_error_rate(wrong, weights)
        held += made.low <= 0.2 <= made.high
        narrow = error_rate(round(made.value * 200), 200)
        too_sure += narrow.low <= 0.2 <= narrow.high
        squared = root_mean_squared_error(generator.normal(0, 2, 200) ** 2, weights, resamples=200)
        squared_held += squared.low <= 2 <= squared.high
    # 285 are expected of 300, 269 is four standard deviations below. Exponential weights are worth half as many rows: z = 1.39, 84 %.
    assert held >= 269
    assert squared_held >= 265
    assert too_sure < 269
