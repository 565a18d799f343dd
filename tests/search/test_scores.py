"""Scores keep the order, and make skewed results about normal."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.preprocessing import PowerTransformer

from osetra.search.scores import by_order, by_value


def test_orders_become_normal_quantiles():
    scores = by_order(4, np.array([0, 1, 3]))
    assert scores == pytest.approx(stats.norm.ppf([1 / 8, 3 / 8, 7 / 8]))


def test_values_become_what_scikit_learn_s_power_makes_of_them():
    values = np.random.default_rng(0).gamma(2.0, size=60)
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    cut = np.minimum((values - middle) / (high - low), 5.0)
    expected = PowerTransformer().fit_transform(cut[:, None])[:, 0]
    assert by_value(values) == pytest.approx(expected, abs=1e-3)


def test_skewed_values_lose_nine_tenths_of_their_skew():
    values = np.exp(2 * np.random.default_rng(1).standard_normal(300))
    assert abs(stats.skew(by_value(values))) < 0.1 * stats.skew(values)


@given(st.lists(st.floats(-1e12, 1e12) | st.sampled_from([math.nan, math.inf]), min_size=1, max_size=40))
def test_better_values_never_score_worse(values):
    scores = by_value(np.array(values))
    assert np.isfinite(scores).all()
    told = np.array([value if math.isfinite(value) else math.inf for value in values])
    assert (np.diff(scores[np.argsort(told, kind="stable")]) >= -1e-9).all()


def test_the_best_stay_apart_however_bad_the_worst_are():
    scores = by_value(np.array([0.10, 0.11, 0.12, 0.13, 0.14, 0.15, 0.2, 1e9, math.nan]))
    assert scores[0] < scores[1] < scores[2] < scores[6] < scores[7] == scores[8]
    assert scores[2] - scores[0] > 0.1
