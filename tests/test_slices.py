"""Slices: how columns are cut, and which slices are called worse, held against scalar tests of SciPy's and simulated studies."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact, mannwhitneyu

from osetra.diagnosis.slices import (
    ACTUAL_CLASS,
    Cut,
    cut_dates,
    cut_levels,
    cut_numbers,
    holm,
    slice_findings,
    slice_words,
    worst_slices,
)


def columns(generator, rows):
    """Twelve columns of several kinds, of which the errors know nothing; some say the same twice."""
    numbers = [cut_numbers(f"x{k}", generator.normal(size=rows)) for k in range(5)]
    shares = [0.4, 0.2, 0.1, 0.1, 0.08, 0.06, 0.04, 0.02]
    levels = [cut_levels(f"c{k}", generator.choice(8, size=rows, p=shares), list("abcdefgh")) for k in range(4)]
    twice = Cut(column="twice", codes=numbers[0].codes, names=tuple(name.replace("x0", "twice") for name in numbers[0].names))
    mostly_zero = cut_numbers("zeros", np.where(generator.random(rows) < 0.9, 0, generator.integers(1, 99, rows)).astype(float))
    classes = cut_levels(ACTUAL_CLASS, (generator.random(rows) < 0.3).astype(int), ["no", "yes"])
    return [*numbers, *levels, twice, mostly_zero, classes]


ERRORS = {
    "one in ten": lambda generator, rows: (generator.random(rows) < 0.1).astype(float),
    "one in a hundred": lambda generator, rows: (generator.random(rows) < 0.01).astype(float),
    "normal": lambda generator, rows: generator.normal(size=rows) ** 2,
    "heavy tails": lambda generator, rows: generator.standard_t(2, size=rows) ** 2,
}


@pytest.mark.parametrize("kind", ERRORS)
def test_errors_that_know_nothing_of_the_columns_raise_an_alarm_in_under_5_of_100_studies(kind):
    generator, alarms = np.random.default_rng(7), 0
    for study in range(250):
        rows = (400, 2_000)[study % 2]
        found = worst_slices(ERRORS[kind](generator, rows), columns(generator, rows), is_rate=kind.startswith("one"))
        alarms += any(one.is_worse for one in found.found)
    assert alarms / 250 < 0.05


@pytest.mark.parametrize("kind", ["one in ten", "normal"])
def test_a_planted_slice_is_found_and_listed_first(kind):
    generator, hits, others = np.random.default_rng(3), 0, 0
    for _ in range(60):
        planted = generator.random(2_000) < 0.15
        cuts = [*columns(generator, 2_000), cut_levels("group", planted.astype(int), ["others", "planted"])]
        if kind == "one in ten":
            errors = (generator.random(2_000) < np.where(planted, 0.3, 0.1)).astype(float)
        else:
            errors = np.square(generator.normal(size=2_000) * np.where(planted, 1.5, 1.0))
        found = worst_slices(errors, cuts, is_rate=kind == "one in ten").found
        hits += found[0].slice == "group = planted" and found[0].is_worse
        others += any(one.is_worse and one.column != "group" for one in found)
    assert hits >= 59
    assert others <= 3


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.booleans())
def test_what_is_called_worse_is_what_scalar_tests_and_hand_correction_say(seed, is_rate):
    generator = np.random.default_rng(seed)
    rows = int(generator.integers(200, 800))
    codes = generator.integers(0, 3, rows)
    worse = generator.uniform(1, 2.5)
    if is_rate:
        errors = (generator.random(rows) < 0.12 * np.where(codes == 0, worse, 1)).astype(float)
    else:
        errors = np.round(np.square(generator.normal(size=rows) * np.where(codes == 0, math.sqrt(worse), 1)), 1)
    found = worst_slices(errors, [cut_levels("c", codes, ["0", "1", "2"])], is_rate=is_rate)
    groups = [(errors[codes == code], errors[codes != code]) for code in range(3)]
    p_values = []
    for here, rest in groups:
        if is_rate:
            table = [[here.sum(), len(here) - here.sum()], [rest.sum(), len(rest) - rest.sum()]]
            p = fisher_exact(table, alternative="greater").pvalue
        else:
            p = mannwhitneyu(here, rest, alternative="greater", method="asymptotic").pvalue
        p_values.append(min(1.0, 2 * p))
    smallest = sorted(p_values)
    by_hand = {smallest[0]: 3 * smallest[0]}
    by_hand[smallest[1]] = max(by_hand[smallest[0]], 2 * smallest[1])
    by_hand[smallest[2]] = max(by_hand[smallest[1]], smallest[2])
    assert found.compared == 3
    for one in found.found:
        code = int(one.slice.removeprefix("c = "))
        here, rest = (float(part.mean()) if is_rate else math.sqrt(part.mean()) for part in groups[code])
        assert (one.error, one.rest_error, one.difference) == pytest.approx((here, rest, here - rest))
        is_large = one.difference >= 0.25 * rest and (one.difference >= 0.01 or not is_rate) and one.difference_low > 0
        assert one.is_worse == (by_hand[p_values[code]] <= 0.05 and is_large)


def test_holm_s_correction_is_that_of_hand_arithmetic():
    # 4 * 0.005; 3 * 0.01; 2 * 0.03; 0.04, which may not fall below 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]).tolist() == [1.0, 1.0]
    assert len(holm([])) == 0


@pytest.mark.parametrize("is_rate", [True, False])
def test_intervals_hold_the_truth_about_95_times_in_100(is_rate):
    generator, of_error, of_difference = np.random.default_rng(5), 0, 0
    truth, rest_truth = (0.3, 0.1) if is_rate else (2.0, 1.0)
    for _ in range(400):
        planted = np.arange(1_000) < 150
        if is_rate:
            errors = (generator.random(1_000) < np.where(planted, truth, rest_truth)).astype(float)
        else:
            errors = np.square(generator.normal(size=1_000) * np.where(planted, truth, rest_truth))
        one = worst_slices(errors, [cut_levels("c", planted.astype(int), ["no", "yes"])], is_rate=is_rate).found[0]
        of_error += one.low <= truth <= one.high
        of_difference += one.difference_low <= truth - rest_truth <= one.difference_high
    assert 0.92 <= of_error / 400 <= 0.98
    assert 0.92 <= of_difference / 400 <= 0.98


def test_a_difference_that_is_sure_but_small_is_not_called_worse():
    codes = (np.arange(200_000) < 100_000).astype(int)
    cut = cut_levels("c", codes, ["a", "b"])

    def judged(rate):
        errors = np.zeros(200_000)
        errors[: int(rate * 100_000)] = 1
        errors[100_000:104_000] = 1  # 4 % of the rest
        return worst_slices(errors, [cut], is_rate=True).found[0]

    assert judged(0.0495).difference_low > 0
    assert not judged(0.0495).is_worse  # a quarter more, but under a point would do
    assert judged(0.0505).is_worse
    many = np.repeat([2.4**2, 2.0**2], 100_000) * np.tile([0.5, 1.5], 100_000)
    assert worst_slices(many, [cut], is_rate=False).found[0].difference == pytest.approx(0.4)
    assert not worst_slices(many, [cut], is_rate=False).found[0].is_worse


def test_one_giant_residual_does_not_make_a_slice_worse():
    generator = np.random.default_rng(2)
    errors = np.square(generator.normal(size=2_000))
    errors[7] = 10**6
    found = worst_slices(errors, [cut_levels("c", (np.arange(2_000) < 200).astype(int), ["a", "b"])], is_rate=False).found
    assert found[0].error > 20 * found[0].rest_error
    assert not found[0].is_worse


def test_a_difference_of_rmse_that_hangs_on_two_rows_is_not_called_worse_whatever_the_ranks_say():
    generator = np.random.default_rng(2)
    inside = np.arange(2_000) < 200
    cut = cut_levels("c", inside.astype(int), ["rest", "inside"])
    errors = np.square(generator.normal(size=2_000) * np.where(inside, 2, 1))
    assert worst_slices(errors, [cut], is_rate=False).found[0].is_worse
    errors[[0, 1_999]] = 10**6
    found = worst_slices(errors, [cut], is_rate=False).found[0]
    assert found.error > 2 * found.rest_error
    assert found.difference_low < 0
    assert not found.is_worse


@pytest.mark.parametrize("unit", [1e-150, 1e150])
def test_the_unit_of_the_target_changes_no_verdict(unit):
    generator = np.random.default_rng(4)
    cuts = columns(generator, 1_000)
    errors = np.square(generator.normal(size=1_000) * (1 + (cuts[0].codes == 3)))
    plain, scaled = worst_slices(errors, cuts, is_rate=False).found, worst_slices(errors * unit**2, cuts, is_rate=False).found
    assert [(one.slice, one.is_worse) for one in plain] == [(one.slice, one.is_worse) for one in scaled]
    assert plain[0].is_worse
    assert scaled[0].difference_high == pytest.approx(unit * plain[0].difference_high)


def test_a_model_that_never_errs_or_always_does_has_no_worse_slice():
    cuts = columns(np.random.default_rng(0), 500)
    for errors, is_rate in ((np.zeros(500), True), (np.ones(500), True), (np.zeros(500), False), (np.full(500, 3.0), False)):
        assert not any(one.is_worse for one in worst_slices(errors, cuts, is_rate=is_rate).found)


def test_slices_and_rests_of_few_rows_are_not_compared():
    levels = np.repeat([0, 1, 2], [29, 30, 441])
    found = worst_slices(np.ones(500), [cut_levels("c", levels, ["29", "30", "441"])], is_rate=True)
    assert found.compared == 2
    of_many = np.repeat([0, 1, 2], [199, 200, 9_601])  # 2 % of 10,000
    assert worst_slices(np.ones(10_000), [cut_levels("c", of_many, ["199", "200", "9,601"])], is_rate=True).compared == 2
    assert worst_slices(np.ones(40), [cut_levels("c", np.arange(40) % 2, ["a", "b"])], is_rate=True).compared == 0
    assert worst_slices(np.zeros(0), [], is_rate=False).found == ()


def test_classes_do_not_crowd_out_columns():
    generator = np.random.default_rng(6)
    classes = generator.integers(0, 20, 10_000)
    group = generator.random(10_000) < 0.2
    errors = (generator.random(10_000) < 0.05 + 0.5 * (classes < 10) + 0.1 * group).astype(float)
    cuts = [cut_levels(ACTUAL_CLASS, classes, [str(k) for k in range(20)]), cut_levels("group", group.astype(int), ["a", "b"])]
    found = worst_slices(errors, cuts, is_rate=True).found
    assert sum(one.column == ACTUAL_CLASS for one in found) == 4
    assert "group = b" in [one.slice for one in found if one.is_worse]
    named = slice_findings({"slices": [one.to_dict() for one in found], "slices_compared": 22}, "error rate")
    assert [finding.sentence.split(" (")[0] for finding in named] == ["Where group = b", f"Where {found[0].slice}"]
    assert "balanced" in named[1].remedy


def test_the_same_rows_are_listed_under_one_name():
    generator = np.random.default_rng(8)
    cuts = columns(generator, 2_000)
    errors = (generator.random(2_000) < 0.05 + 0.3 * (cuts[0].codes == 3)).astype(float)
    found = worst_slices(errors, cuts, is_rate=True).found
    assert len(found) <= 12
    assert sum(one.is_worse for one in found) == 1
    assert found[0].column in ("twice", "x0")


def test_those_called_worse_come_first_and_all_have_an_error_above_the_rest_s():
    generator = np.random.default_rng(9)
    cuts = columns(generator, 3_000)
    errors = (generator.random(3_000) < 0.1 + 0.1 * (cuts[1].codes == 0) + 0.2 * (cuts[5].codes == 3)).astype(float)
    found = worst_slices(errors, cuts, is_rate=True).found
    flags = [one.is_worse for one in found]
    assert flags == sorted(flags, reverse=True)
    assert {one.column for one in found if one.is_worse} == {"x1", "c0"}
    assert all(one.difference > 0 for one in found)
    for worse in (True, False):
        ends = [one.difference_low for one in found if one.is_worse is worse]
        assert ends == sorted(ends, reverse=True)
    assert json.loads(json.dumps([one.to_dict() for one in found]))[0]["slice"] == found[0].slice


def counted(cut):
    """Rows by the name of their slice."""
    return {name: rows for code, name in enumerate(cut.names) if (rows := int((cut.codes == code).sum()))}


def test_numbers_are_cut_into_quarters_named_by_the_values_in_them():
    assert counted(cut_numbers("age", np.arange(17.0, 57))) == {
        "age 17 .. 26": 10,
        "age 27 .. 36": 10,
        "age 37 .. 46": 10,
        "age 47 .. 56": 10,
    }
    floats = cut_numbers("carat", np.array([0.2, 0.31234567, 1.05, 2.5, np.nan]))
    assert counted(floats) == {"carat = 0.2": 1, "carat = 0.3123": 1, "carat = 1.05": 1, "carat = 2.5": 1, "carat is missing": 1}
    assert counted(cut_numbers("price", np.array([1234.56, 98765.4] * 2))) == {"price = 1235": 2, "price = 98765": 2}


@pytest.mark.parametrize(("common", "others"), [(0.0, (5.0, 7.0)), (9.0, (5.0, 7.0)), (6.0, (5.0, 7.0))])
def test_a_value_that_most_rows_share_is_a_slice_of_its_own(common, others):
    values = np.array([common] * 80 + [others[0]] * 10 + [others[1]] * 10)
    assert counted(cut_numbers("x", values))[f"x = {common:.0f}"] == 80


@given(st.lists(st.one_of(st.integers(-20, 20).map(float), st.just(math.nan)), max_size=60))
def test_equal_numbers_share_a_slice_and_slices_follow_the_order_of_values(values):
    given_values = np.array(values, dtype=np.float64)
    cut = cut_numbers("x", given_values)
    missing = np.isnan(given_values)
    assert (cut.codes[missing] == len(cut.names) - 1).all()
    order = np.argsort(given_values[~missing], kind="stable")
    assert (np.diff(cut.codes[~missing][order]) >= 0).all()
    assert len(cut.names) <= 5
    for code in range(len(cut.names) - 1):
        inside = given_values[cut.codes == code]
        assert not np.isin(inside, given_values[~missing & (cut.codes != code)]).any()


def test_dates_and_levels_are_named_so_that_a_person_finds_them():
    days = np.datetime64("2024-01-01") + np.arange(8).astype("timedelta64[D]")
    stamps = np.append(days.astype("datetime64[us]"), np.datetime64("NaT"))
    named = counted(cut_dates("when", stamps))
    assert next(iter(named.items())) == ("when 2024-01-01 .. 2024-01-02", 2)
    assert named["when is missing"] == 1
    hours = days.astype("datetime64[us]") + np.timedelta64(90, "m")
    assert cut_dates("when", hours).names[0] == "when 2024-01-01 01:30 .. 2024-01-02 01:30"
    levels = cut_levels("colour", np.array([0, 1, -1, 0]), ["red", "g" * 80])
    assert counted(levels) == {"colour = red": 2, f"colour = {'g' * 57}...": 1, "colour is missing": 1}


def test_a_finding_says_where_how_much_and_how_sure():
    recorded = {
        "column": "age", "slice": "age 17 .. 24", "rows": 1_312, "error": 0.31, "low": 0.28, "high": 0.34, "rest_error": 0.187,
        "difference": 0.123, "difference_low": 0.081, "difference_high": 0.169, "is_worse": True,
    }  # fmt: skip
    others = [{**recorded, "column": f"c{k}", "slice": f"c{k} = b"} for k in range(5)]
    calm = {**recorded, "column": "z", "is_worse": False}
    found = slice_findings(
        {"slices": [calm, recorded, {**recorded, "slice": "age 50 .. 60"}, *others], "slices_compared": 57}, "error rate"
    )
    assert [finding.sentence.split(" (")[0] for finding in found] == ["Where age 17 .. 24", "Where c0 = b", "Where c1 = b"]
    told = "Where age 17 .. 24 (1,312 dev rows), the error rate is 31.0 %, 12.3 points above that of the other rows (8.1 to 16.9)"
    assert (found[0].name, found[0].sentence, found[0].figure) == ("worse slice", told, "slices")
    assert "57 slices" in found[0].certainty
    assert "Holm" in found[0].certainty
    assert "the RMSE is 0.31, 0.123 above that of the other rows (0.081 to 0.169)" in slice_words(recorded, "RMSE")
    assert slice_findings(None, "RMSE") == ()
