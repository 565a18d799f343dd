"""The two-sample check finds what was planted, names its columns, and seldom sees what is not there."""

import numpy as np
import pandas as pd
import pytest
import threadpoolctl
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm
from sklearn.metrics import roc_auc_score

from osetra.core.seeding import Seed
from osetra.data.images import images_from_array
from osetra.data.shift import MAX_COLUMNS, MIN_ROWS, auc_interval, part_shifts, two_sample
from osetra.data.split import Split

ROWS, DEV = 2_000, 1_000


def made(planted="nothing", seed=0, rows=ROWS, dev=DEV, columns=8):
    """Numbers and one column of levels; from row `rows` on with the planted difference."""
    generator = np.random.default_rng(seed)
    is_dev = np.arange(rows + dev) >= rows
    numbers = generator.normal(size=(rows + dev, columns))
    level = generator.choice(list("abc"), rows + dev, p=[0.6, 0.3, 0.1])
    if planted == "mean":
        numbers[is_dev, 2] += 0.5
    elif planted == "variance":
        numbers[is_dev, 2] *= 1.7
    elif planted == "level":
        level[is_dev] = generator.choice(list("abc"), dev, p=[0.35, 0.3, 0.35])
    elif planted == "relation":
        # Each column by itself stays the standard normal that it was.
        rho = np.where(is_dev, -0.6, 0.6)
        numbers[:, 5] = rho * numbers[:, 2] + np.sqrt(1 - rho**2) * numbers[:, 5]
    elif planted == "missing":
        numbers[is_dev & (generator.random(rows + dev) < 0.3), 2] = np.nan
    frame = pd.DataFrame(numbers, columns=[f"x{k}" for k in range(columns)]).assign(kind=level)
    label = np.where(numbers[:, 0] + generator.normal(size=rows + dev) > 0, "yes", "no")
    if planted == "target":
        label[is_dev] = np.where(generator.random(dev) < 0.75, "yes", "no")
    return frame, pd.DataFrame({"label": label}), parts(rows, dev)


def parts(rows, dev, test=0):
    order = np.arange(rows + dev + test)
    return Split(train=order[:rows], dev=order[rows : rows + dev], test=order[rows + dev :], rule="")


def check(frame, target, split, seed=0):
    (shift,) = part_shifts(frame, target, split, seed=Seed(study=seed))
    return shift


@pytest.mark.parametrize(
    ("planted", "columns"),
    [
        ("mean", {"x2"}),
        ("variance", {"x2"}),
        ("level", {"kind"}),
        ("relation", {"x2", "x5"}),
        ("missing", {"x2"}),
        ("target", {"label"}),
    ],
)
def test_what_was_planted_is_found_and_its_columns_are_named_first(planted, columns):
    shift = check(*made(planted))
    assert shift.is_found
    assert 0.5 < shift.low < shift.auc < shift.high <= 1
    assert set(shift.columns[: len(columns)]) == columns
    assert len(shift.columns) <= MAX_COLUMNS


def test_parts_of_one_distribution_are_told_apart_no_more_often_than_the_interval_says():
    seeds = 200
    false_alarms = above = below = 0
    for seed in range(seeds):
        generator = np.random.default_rng(seed)
        rows = generator.normal(size=(240, 4)).astype(np.float32)
        shift = two_sample(rows[:160], rows[160:], owners=list("abcd"), generator=generator)
        false_alarms += shift.is_found
        above += shift.low > 0.5
        below += shift.high < 0.5
    # 1 in 40 to either side: 5 are expected, and more than 11 come in 1 of 200 such tests.
    assert false_alarms <= above <= 11
    assert 1 <= above + below <= 20


def test_the_shift_of_a_wide_table_is_found_among_hundreds_of_columns():
    frame, target, split = made("mean", columns=400)
    frame["x2"] += np.where(np.arange(len(frame)) >= ROWS, 1.0, 0.0)
    shift = check(frame, target, split)
    assert shift.is_found
    assert shift.columns[0] == "x2"


def test_darker_images_are_found():
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 200, (600, 12, 10, 3)).astype(np.uint8)
    target = pd.DataFrame({"class": generator.integers(0, 2, 600)})
    split = parts(400, 200)
    assert not check(images_from_array(pixels)[0], target, split).is_found
    pixels[400:] += 10
    shift = check(images_from_array(pixels)[0], target, split)
    assert shift.is_found
    assert shift.columns == ("pixels",)


def test_training_and_dev_then_dev_and_test_are_compared():
    frame, target, _ = made("mean", rows=2_000, dev=2_000)
    order = np.arange(4_000)
    # The second half is shifted: all of dev, half of test.
    split = Split(train=order[:1_500], dev=order[2_000:3_500], test=np.r_[order[1_500:2_000], order[3_500:]], rule="")
    shifts = part_shifts(frame, target, split, seed=Seed(study=0))
    assert [(shift.first, shift.second) for shift in shifts] == [("training", "dev"), ("dev", "test")]
    assert shifts[0].is_found
    assert shifts[0].auc > shifts[1].auc


def test_a_part_of_a_few_rows_is_not_compared():
    frame, target, _ = made()
    assert part_shifts(frame, target, parts(100, MIN_ROWS - 1, MIN_ROWS), seed=Seed(study=0)) == ()
    assert [shift.second for shift in part_shifts(frame, target, parts(100, MIN_ROWS), seed=Seed(study=0))] == ["dev"]


def test_columns_without_variation_and_of_identifiers_tell_nothing():
    constant = pd.DataFrame({"one": 1, "blank": np.nan, "id": [f"row {k}" for k in range(200)]})
    same = pd.DataFrame({"label": ["yes"] * 200})
    shift = check(constant, same, parts(100, 100))
    assert (shift.auc, shift.is_found, shift.columns) == (0.5, False, ())


def test_parts_without_any_overlap_have_an_interval_that_does_not_collapse():
    frame, target, split = made(rows=60, dev=40)
    frame["x2"] = np.where(np.arange(100) >= 60, 5.0, -5.0)
    shift = check(frame, target, split)
    assert shift.auc == shift.high == 1
    assert 0.8 < shift.low < 0.95
    assert shift.columns == ("x2",)


def test_the_same_seed_gives_the_same_outcome_whatever_the_threads_and_another_seed_another():
    data = made("mean")
    one = check(*data)
    with threadpoolctl.threadpool_limits(2):
        assert check(*data) == one
    before = [(pool["filepath"], pool["num_threads"]) for pool in threadpoolctl.threadpool_info()]
    assert check(*data, seed=1).auc != one.auc
    assert [(pool["filepath"], pool["num_threads"]) for pool in threadpoolctl.threadpool_info()] == before


def test_rows_of_other_parts_and_their_order_do_not_matter():
    frame, target, split = made("mean")
    frame.iloc[-300:] = frame.iloc[:300].to_numpy()
    fewer = Split(train=split.train, dev=split.dev[:-300], test=np.arange(0), rule="")
    whole = check(frame, target, fewer)
    assert check(frame.iloc[:-300], target.iloc[:-300], fewer) == whole


def test_a_shift_becomes_json():
    facts = check(*made("mean")).to_dict()
    assert set(facts) == {"first", "second", "auc", "low", "high", "rows", "found", "columns"}
    assert (facts["first"], facts["second"], facts["found"]) == ("training", "dev", True)
    assert facts["rows"] == [1_000, 500], "half of each part is held out"


@given(st.floats(0, 1), st.integers(2, 3_000), st.integers(2, 3_000))
def test_the_interval_holds_the_auc_and_mirrors(auc, first, second):
    low, high = auc_interval(auc, first, second)
    assert 0 <= low <= auc <= high <= 1
    mirrored = auc_interval(1 - auc, first, second)
    np.testing.assert_allclose((1 - high, 1 - low), mirrored, atol=1e-9)


def test_the_interval_lies_above_a_half_exactly_if_the_mann_whitney_test_rejects():
    generator = np.random.default_rng(0)
    rejected = 0
    for _ in range(300):
        a, b = generator.normal(size=60), generator.normal(0.3, 1, size=45)
        auc = float(roc_auc_score(np.repeat([0, 1], [60, 45]), np.concatenate([a, b])))
        p = mannwhitneyu(b, a, method="asymptotic", use_continuity=False).pvalue
        low, high = auc_interval(auc, 60, 45)
        assert (low > 0.5 or high < 0.5) == (p < 0.05)
        rejected += p < 0.05
    assert 50 < rejected < 250


def test_the_interval_covers_the_true_auc_as_often_as_it_says():
    generator = np.random.default_rng(0)
    true = norm.cdf(1 / np.sqrt(2))
    covered = 0
    for _ in range(1_000):
        scores = np.concatenate([generator.normal(size=50), generator.normal(1, 1, 30)])
        low, high = auc_interval(float(roc_auc_score(np.repeat([0, 1], [50, 30]), scores)), 50, 30)
        covered += low <= true <= high
    assert 0.93 < covered / 1_000 < 0.985
