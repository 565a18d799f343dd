"""The base error that nobody gave: which source it comes from, and that it shows bias only where there is some."""

import pytest

from osetra.diagnosis.base_error import compared, estimate
from osetra.diagnosis.bias_variance import Verdict, judge, rate_of
from osetra.diagnosis.intervals import Measured


def known(*errors, rows=2_000, duplicates=None):
    names = ("majority class", "logistic regression", "histogram gradient boosting")
    listed = [{"name": name, "dev": rate_of(error, rows).to_dict(), "seconds": 0.1} for name, error in zip(names, errors, strict=False)]
    return {"references": listed, "duplicates": duplicates, "leaks": []}


def repeated(value, *, rows=2_000, of_rows=4_000, low=None, high=None):
    ends = {"low": value - 0.02 if low is None else low, "high": value + 0.02 if high is None else high}
    return {"rows": rows, "groups": rows // 2, "of_rows": of_rows, "disagreement": value, **ends}


def judged(train, dev, facts, rows=(10_000, 2_000)):
    training, of_dev = rate_of(train, rows[0]), rate_of(dev, rows[1])
    return judge(training, of_dev, error_name="error rate", base_error=estimate(training, facts, error_name="error rate"))


def test_a_training_error_above_what_a_reference_reaches_on_dev_is_bias():
    told = judged(0.20, 0.21, known(0.5, 0.15, 0.08))
    assert (told.verdict, told.base.source, told.base_error) == (Verdict.HIGH_BIAS, "references", 0.08)
    above = "training error is 12.0 points above the 8.0 % that histogram gradient boosting reaches on dev"
    assert told.sentence.startswith(f"High bias: {above}")
    # The base may be as low as 0, so that all of the training error may be bias.
    assert told.gaps[0].high >= 0.20 > told.gaps[0].value
    assert "at most 8.0 %, which histogram gradient boosting reaches" in told.notes[0]
    assert told.to_dict()["base_from"] == "references"
    assert told.to_dict()["base_interval"][0] == 0.0


@pytest.mark.parametrize("best", [0.15, 0.20, 0.205, 0.30])
def test_noise_that_no_reference_gets_below_is_not_called_bias(best):
    told = judged(0.20, 0.205, known(0.5, 0.4, max(best, 0.195)))
    assert told.verdict is Verdict.NEITHER
    assert told.gaps[0].reading("error rate") == "not shown: no reference clearly errs less"
    assert "no reference clearly errs less than the 20 % of training" in told.sentence
    assert told.gaps[0].low <= 0 <= told.gaps[0].high
    assert "Give one to know what can be avoided" in told.notes[0]


def test_a_network_that_knows_its_rows_by_heart_has_variance_and_no_bias():
    told = judged(0.0, 0.25, known(0.5, 0.22, 0.24))
    assert told.verdict is Verdict.HIGH_VARIANCE
    assert told.base_error == 0.0


def test_rows_that_disagree_are_the_base_where_they_are_enough_of_all():
    told = judged(0.20, 0.205, known(0.5, 0.3, duplicates=repeated(0.2)))
    assert (told.base.source, told.base_error, told.verdict) == ("duplicates", 0.2, Verdict.NEITHER)
    assert "disagree the base error is about 20.0 % (18.0 to 22.0 %)" in told.notes[0]
    assert judged(0.28, 0.29, known(0.5, 0.3, duplicates=repeated(0.2))).verdict is Verdict.HIGH_BIAS
    # As wide an interval as pairs of rows give shows less.
    wide = repeated(0.2, low=0.17, high=0.33)
    assert judged(0.28, 0.29, known(0.5, 0.3, duplicates=wide)).verdict is Verdict.NEITHER


@pytest.mark.parametrize(
    "few", [repeated(0.1, rows=80, of_rows=100), repeated(0.1, rows=500, of_rows=9_000), repeated(0.0, low=0.0, high=0.0), None]
)
def test_few_duplicates_rare_ones_and_mere_copies_say_nothing(few):
    told = judged(0.20, 0.205, known(0.5, 0.21, duplicates=few))
    assert told.base.source == "references"
    assert told.verdict is Verdict.NEITHER


def test_a_study_without_references_has_a_base_of_0_and_says_so():
    told = judged(0.15, 0.16, None)
    assert (told.base.source, told.verdict) == ("0", Verdict.HIGH_BIAS)
    assert "The base error is taken as 0" in told.notes[0]


def test_a_base_error_that_was_given_counts_and_nothing_else():
    told = judge(rate_of(0.15, 10_000), rate_of(0.16, 2_000), error_name="error rate", base_error=0.145)
    assert (told.base.source, told.verdict) == ("given", Verdict.NEITHER)


def test_an_rmse_has_a_base_in_its_own_units():
    training, dev = (Measured(value=v, low=0.95 * v, high=1.05 * v, rows=2_000) for v in (50.0, 51.0))
    reached = {"value": 30.0, "low": 28.5, "high": 31.5, "rows": 2_000}
    facts = {"references": [{"name": "linear regression", "dev": reached, "seconds": 0.1}]}
    told = judge(training, dev, error_name="RMSE", base_error=estimate(training, facts, error_name="RMSE"))
    assert told.verdict is Verdict.HIGH_BIAS
    assert "training error is 20 above the 30 that linear regression reaches on dev" in told.sentence
    (finding,) = compared(training, dev, facts, error_name="RMSE")
    assert finding.sentence.startswith("linear regression reaches 30 on the same dev rows, this network 51")


def test_a_network_worse_than_a_reference_is_told_so_with_what_it_lacks():
    facts = known(0.5, 0.15, 0.10)

    def beside(train, dev):
        return compared(rate_of(train, 10_000), rate_of(dev, 2_000), facts, error_name="error rate")

    (biased,), (varied,) = beside(0.19, 0.2), beside(0.01, 0.2)
    assert biased.sentence.startswith("histogram gradient boosting reaches 10.0 % on the same dev rows, this network 20.0 %")
    assert "bigger network" in biased.remedy
    assert "more l2 or dropout" in varied.remedy
    assert "the difference is 10.0 % (95 % interval 7.8 % to 12.2 %)" in varied.certainty
    assert (biased.name, biased.figure) == ("worse than a reference", "references")
    assert beside(0.1, 0.105) == ()
    assert compared(rate_of(0.1, 10), rate_of(0.9, 10), None, error_name="error rate") == ()


def test_a_network_worse_than_knowing_nothing_is_told_so():
    (finding,) = compared(rate_of(0.6, 10_000), rate_of(0.6, 2_000), known(0.3), error_name="error rate")
    assert "worse than knowing nothing of a row" in finding.sentence
