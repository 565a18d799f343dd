"""Gaps between errors: their intervals against published and simulated ones, and the verdict for each planted case."""

import math

import numpy as np
import pytest

from osetra.core.errors import InputError
from osetra.diagnosis.bias_variance import Verdict, difference, judge, rate_of, scaled_like
from osetra.diagnosis.intervals import Measured, error_rate, root_mean_squared_error, weighted_error_rate


def judged(train, dev, test=None, *, rows=(20_000, 4_000, 4_000), **options):
    return judge(
        rate_of(train, rows[0]), rate_of(dev, rows[1]), None if test is None else rate_of(test, rows[2]),
        **{"error_name": "error rate", **options},
    )  # fmt: skip


def test_the_interval_of_a_difference_of_rates_is_newcombe_s_example():
    # Newcombe 1998, Statistics in Medicine 17:873, table II, method 10: 56/70 - 48/80 and 9/10 - 3/10.
    value, low, high = difference(error_rate(56, 70), error_rate(48, 80))
    assert (value, low, high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert difference(error_rate(9, 10), error_rate(3, 10))[1:] == pytest.approx((0.1705, 0.8090), abs=5e-5)


def test_the_interval_of_a_gap_in_rmse_holds_the_truth_about_95_times_in_100():
    generator, held = np.random.default_rng(0), 0
    for _ in range(300):
        dev = root_mean_squared_error(np.square(generator.normal(0, 1.2, 150)), resamples=200)
        train = scaled_like(dev, float(np.sqrt(np.mean(np.square(generator.normal(0, 1.0, 600))))), 600)
        _, low, high = difference(dev, train)
        held += low <= 0.2 <= high
    assert 0.91 <= held / 300 <= 0.985


def test_an_rmse_s_interval_narrows_with_the_root_of_the_rows():
    dev = Measured(value=2.0, low=1.6, high=2.5, rows=100)
    train = scaled_like(dev, 1.0, 400)
    assert (train.low, train.high) == pytest.approx((1 - 0.1, 1 + 0.125))
    assert scaled_like(Measured(value=0.0, low=0.0, high=0.0, rows=9), 1.0, 9).high == 1.0


@pytest.mark.parametrize(
    ("train", "dev", "verdict"),
    [
        (0.01, 0.11, Verdict.HIGH_VARIANCE),
        (0.15, 0.16, Verdict.HIGH_BIAS),
        (0.15, 0.30, Verdict.BOTH),
        (0.005, 0.01, Verdict.NEITHER),
    ],
)
def test_each_planted_pair_of_errors_gets_its_verdict(train, dev, verdict):
    assert judged(train, dev).verdict is verdict


def test_a_base_error_takes_what_cannot_be_avoided_out_of_the_bias():
    assert judged(0.15, 0.16, base_error=0.145).verdict is Verdict.NEITHER
    told = judged(0.15, 0.16)
    assert told.sentence.startswith("High bias: training error is 15.0 points above the base error 0 (14.5 to 15.5)")
    assert any("base error is taken as 0" in note for note in told.notes)
    assert not judged(0.15, 0.16, base_error=0.01).notes
    assert (
        judged(0.05, 0.06, base_error=0.2).gaps[0].reading("error rate").startswith("below 0: training is lower than the base error 20 %")
    )


def test_a_gap_that_few_rows_cannot_tell_from_none_is_noise():
    few, many = judged(0.05, 0.08, rows=(2_000, 150, 150)), judged(0.05, 0.08)
    assert few.gap("variance").is_noise
    assert few.gap("variance").reading("error rate") == "noise: the interval holds 0"
    assert many.gap("variance").is_high
    small = judged(0.05, 0.0595, rows=(10**6, 10**6, 10**6)).gap("variance")
    assert small.low > 0
    assert small.reading("error rate") == "noise: no more than 1 point"


def test_false_alarms_of_variance_are_rare_where_there_is_none():
    generator = np.random.default_rng(1)
    alarms = 0
    for _ in range(400):
        train, dev = (error_rate(int(generator.binomial(rows, 0.2)), rows) for rows in (2_000, 500))
        alarms += judge(train, dev, error_name="error rate", base_error=0.2).verdict is not Verdict.NEITHER
    assert alarms / 400 < 0.06


def test_test_above_dev_is_over_tuning_and_said():
    told = judged(0.05, 0.06, 0.09, base_error=0.05)
    assert told.gap("over-tuning on dev").is_high
    assert "test error is 3.0 points above dev" in told.sentence
    assert judged(0.05, 0.06).gap("over-tuning on dev") is None


def test_parts_that_differ_and_err_more_are_mismatched_not_variance():
    pair = {"first": "training", "second": "dev", "found": True, "auc": 0.8, "rows": [200, 100]}
    told = judged(0.02, 0.10, shifts=[pair])
    assert told.verdict is Verdict.MISMATCHED
    assert not told.has_variance
    assert "tells training rows from dev rows (AUC 0.80)" in told.sentence
    assert judged(0.02, 0.10, shifts=[{**pair, "found": False}], base_error=0.02).verdict is Verdict.HIGH_VARIANCE
    alike = judged(0.02, 0.025, shifts=[pair], base_error=0.02)
    assert alike.verdict is Verdict.NEITHER
    assert "can be told apart (AUC 0.80)" in alike.notes[0]
    of_test = {"first": "dev", "second": "test", "found": True, "auc": 0.7, "rows": [200, 100]}
    assert judged(0.02, 0.025, 0.08, shifts=[of_test], base_error=0.02).verdict is Verdict.MISMATCHED


def test_parts_that_chance_tells_apart_leave_variance_what_it_is():
    pair = {"first": "training", "second": "dev", "found": True, "auc": 0.61, "rows": [50, 500]}
    told = judged(0.0, 0.10, shifts=[pair])
    assert told.verdict is Verdict.HIGH_VARIANCE
    assert "can be told apart (AUC 0.61), as by chance in 1 study of 40" in " ".join(told.notes)
    assert judged(0.0, 0.10, shifts=[{**pair, "rows": [500, 500]}]).verdict is Verdict.MISMATCHED


def test_an_rmse_is_judged_in_units_of_the_target():
    dev, train = (Measured(value=v, low=0.95 * v, high=1.05 * v, rows=500) for v in (50.0, 20.0))
    told = judge(train, dev, error_name="RMSE", base_error=19.0)
    assert told.verdict is Verdict.HIGH_VARIANCE
    assert "dev error is 30 above training" in told.sentence
    assert told.gaps[0].practical == pytest.approx(5.0)


def test_weights_widen_a_gap_s_interval():
    generator = np.random.default_rng(2)
    wrong = generator.random(1_000) < 0.1
    even, uneven = (weighted_error_rate(wrong, weights) for weights in (np.ones(1_000), generator.pareto(1.2, 1_000) + 0.1))
    train = rate_of(0.05, 5_000)
    width = [high - low for _, low, high in (difference(dev, train) for dev in (even, uneven))]
    assert width[1] > 1.5 * width[0]


@pytest.mark.parametrize("wrong", [-0.1, 1.5, math.nan, math.inf, True, "0.1"])
def test_a_base_error_that_is_none_is_refused(wrong):
    with pytest.raises(InputError, match="base_error must be an error rate from 0 to 1, got"):
        judged(0.1, 0.1, base_error=wrong)


def test_an_rmse_s_base_error_may_exceed_one():
    one = Measured(value=5.0, low=4.0, high=6.0, rows=50)
    assert judge(one, one, error_name="RMSE", base_error=4.9).verdict is Verdict.NEITHER
    with pytest.raises(InputError, match="an RMSE >= 0, in units of the target, got -1"):
        judge(one, one, error_name="RMSE", base_error=-1)
