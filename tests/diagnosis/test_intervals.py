"""Intervals against independent implementations and their own promise."""

import numpy as np
import pytest
from scipy.stats import binomtest

from osetra.diagnosis.intervals import error_rate, root_mean_squared_error


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
