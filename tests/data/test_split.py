"""Parts are disjoint, complete, stratified or kept together, and the same for the same seed."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osetra.core.errors import DataError
from osetra.core.records import Task
from osetra.core.seeding import Seed
from osetra.data.split import split, split_sizes
from osetra.data.tables import Dataset

SEED = Seed(study=7)
seeds = st.integers(0, 2**32).map(lambda number: Seed(study=number))
class_counts = st.lists(st.integers(1, 40), min_size=2, max_size=12).filter(lambda counts: sum(counts) >= 10)
fractions = st.sampled_from(
    [(0.6, 0.2, 0.2), (0.98, 0.01, 0.01), (0.5, 0.3, 0.2), (0.34, 0.33, 0.33), (0.8, 0.2, 0.0), (0.7, 0.05, 0.25), (0.1, 0.1, 0.8)]
)


def made(target):
    task = Task.MULTICLASS if np.asarray(target).dtype.kind in "iU" else Task.REGRESSION
    return Dataset(
        features=pd.DataFrame({"x": np.arange(len(target))}),
        target=pd.DataFrame({"y": target}),
        task=task,
        target_names=("y",),
        source="made",
    )


def rows_of(counts, seed=0):
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))


def assert_disjoint_and_complete(parts, rows):
    together = np.concatenate([parts.train, parts.dev, parts.test])
    assert np.array_equal(np.sort(together), np.arange(rows))
    for part in (parts.train, parts.dev, parts.test):
        assert part.dtype == np.int64
        assert np.all(np.diff(part) > 0)


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [
        (10, (6, 2, 2)),
        (150, (90, 30, 30)),
        (10_000, (6_000, 2_000, 2_000)),
        (100_000, (91_056, 4_472, 4_472)),
        (1_000_000, (980_000, 10_000, 10_000)),
        (1_000_001, (995_001, 2_500, 2_500)),
        (10_000_000, (9_950_000, 25_000, 25_000)),
    ],
)
def test_sizes_follow_the_rows(rows, sizes):
    assert split_sizes(rows) == sizes


@given(st.integers(10, 3_000_000))
def test_sizes_sum_to_the_rows_and_dev_never_shrinks_up_to_a_million(rows):
    train, dev, test = split_sizes(rows)
    assert train + dev + test == rows
    assert train > dev == test > 0
    if rows <= 1_000_000:
        assert split_sizes(rows - 1)[1] <= dev


@given(class_counts, seeds, fractions)
@settings(max_examples=150, deadline=None)
def test_each_class_is_shared_out_to_within_one_row_a_part(counts, seed, sizes):
    labels = rows_of(counts)
    dev, test = (max(1, round(size * len(labels))) if size else 0 for size in sizes[1:])
    wanted = (len(labels) - dev - test, dev, test)
    parts = split(made(labels), seed=seed, sizes=sizes)
    assert_disjoint_and_complete(parts, len(labels))
    wanted_parts = 2 + (sizes[2] > 0)
    for number, count in enumerate(counts):
        got = [int(np.sum(labels[part] == number)) for part in (parts.train, parts.dev, parts.test)]
        assert got[0] >= 1
        if count >= 3:
            assert sum(rows > 0 for rows in got) == wanted_parts
        shares = [count * size / len(labels) for size in wanted]
        if min(share for share in shares if share > 0) >= 1:
            assert max(abs(rows - share) for rows, share in zip(got, shares, strict=True)) < 1


@given(st.lists(st.integers(5, 60), min_size=2, max_size=12), seeds)
@settings(max_examples=100, deadline=None)
def test_sixty_twenty_twenty_is_exact_in_sum_and_within_one_row_a_class(counts, seed):
    labels = rows_of(counts)
    parts = split(made(labels), seed=seed)
    assert (len(parts.train), len(parts.dev), len(parts.test)) == split_sizes(len(labels))
    for number, count in enumerate(counts):
        for part in (parts.train, parts.dev, parts.test):
            assert abs(np.sum(labels[part] == number) - count * len(part) / len(labels)) < 1


def test_a_rare_class_goes_to_training_first():
    labels = rows_of([50, 50, 1, 2, 3])
    parts = split(made(labels), seed=SEED)
    assert np.sum(labels[parts.train] == 2) == 1
    assert np.sum(labels[parts.train] == 3) >= 1
    assert [np.sum(labels[part] == 4) for part in (parts.train, parts.dev, parts.test)] == [1, 1, 1]


@given(st.integers(10, 300), seeds)
@settings(max_examples=40, deadline=None)
def test_a_regression_is_split_at_random_into_exact_sizes(rows, seed):
    parts = split(made(np.linspace(0, 1, rows)), seed=seed)
    assert_disjoint_and_complete(parts, rows)
    assert (len(parts.train), len(parts.dev), len(parts.test)) == split_sizes(rows)


@given(st.lists(st.integers(0, 9), min_size=20, max_size=200), seeds, st.booleans(), st.booleans())
@settings(max_examples=80, deadline=None)
def test_a_group_never_spans_parts(groups, seed, classes, test):
    groups = np.array([*groups, 100, 101, 102])
    target = np.arange(len(groups)) % 2 if classes else np.linspace(0, 1, len(groups))
    parts = split(made(target), seed=seed, groups=groups, test=test)
    assert_disjoint_and_complete(parts, len(groups))
    held = [set(groups[part]) for part in (parts.train, parts.dev, parts.test)]
    assert not held[0] & held[1]
    assert not held[0] & held[2]
    assert not held[1] & held[2]
    assert held[0]
    assert held[1]
    assert bool(held[2]) is test


def test_many_groups_come_near_the_wanted_sizes_and_classes():
    groups = np.repeat(np.arange(300), 4)
    labels = (np.arange(1200) // 4 % 4 == 0).astype(int)
    parts = split(made(labels), seed=SEED, groups=np.array([f"g{k}" for k in groups]))
    assert abs(len(parts.dev) - 240) <= 4
    assert abs(len(parts.test) - 240) <= 4
    assert abs(labels[parts.dev].mean() - 0.25) < 0.1
    assert "by group" in parts.rule


@pytest.mark.parametrize(
    "time",
    [
        lambda ages: ages,
        lambda ages: np.datetime64("2024-01-01") + ages.astype("timedelta64[D]"),
        lambda ages: np.array([f"{2000 + age}-05-31" for age in ages]),
        lambda ages: pd.Series([f"{2000 + age}-05-31" for age in ages], dtype=object).to_numpy(),
    ],
)
def test_later_rows_are_dev_and_the_latest_are_test(time):
    ages = np.random.default_rng(0).permutation(100)
    parts = split(made(np.linspace(0, 1, 100)), seed=SEED, time=time(ages))
    assert_disjoint_and_complete(parts, 100)
    assert ages[parts.train].max() == 59
    assert sorted(ages[parts.dev]) == list(range(60, 80))
    assert ages[parts.test].min() == 80


def test_without_a_test_part_its_rows_train_and_the_risk_is_said():
    labels = rows_of([60, 40])
    parts = split(made(labels), seed=SEED, test=False)
    assert (len(parts.train), len(parts.dev), len(parts.test)) == (80, 20, 0)
    assert "no test part" in parts.rule
    assert "no test part" not in split(made(labels), seed=SEED).rule


def test_the_rule_says_how_precise_dev_is():
    assert "200 dev" in split(made(rows_of([500, 500])), seed=SEED).rule
    assert "+-4.2 points (95 % interval)" in split(made(rows_of([500, 500])), seed=SEED).rule
    assert "+-9.8 % of itself" in split(made(np.linspace(0, 1, 1000)), seed=SEED).rule


def test_sizes_may_be_counts():
    parts = split(made(rows_of([60, 40])), seed=SEED, sizes=(70, 20, 10))
    assert (len(parts.train), len(parts.dev), len(parts.test)) == (70, 20, 10)


@pytest.mark.parametrize("kind", ["class", "random", "group"])
def test_the_same_seed_gives_the_same_split_and_another_seed_another(kind):
    data = made(rows_of([60, 40])) if kind != "random" else made(np.linspace(0, 1, 100))
    groups = np.arange(100) // 2 if kind == "group" else None
    first, again, other = (split(data, seed=Seed(study=number), groups=groups) for number in (1, 1, 2))
    assert all(np.array_equal(getattr(first, part), getattr(again, part)) for part in ("train", "dev", "test"))
    assert not np.array_equal(first.dev, other.dev)


def with_parts(target, came):
    return dataclasses.replace(made(target), given=np.asarray(came, dtype=np.int8))


def came_as(train=100, dev=0, test=0):
    return np.repeat([0, 1, 2], [train, dev, test])


def test_parts_that_all_came_with_the_data_stay_exactly_as_they_are():
    came = np.random.default_rng(0).permutation(came_as(100, 30, 20))
    parts = split(with_parts(rows_of([80, 70]), came), seed=SEED)
    for number, part in enumerate((parts.train, parts.dev, parts.test)):
        assert np.array_equal(part, np.flatnonzero(came == number))
    assert parts.ways == ("given", "given")
    assert parts.rule.startswith("dev and test as given: 100 rows train, 30 dev, 20 test")


@pytest.mark.parametrize("kind", ["class", "random", "group", "time"])
@pytest.mark.parametrize("given_part", ["dev", "test"])
def test_a_part_that_did_not_come_is_drawn_from_the_training_rows_alone(kind, given_part):
    came = np.random.default_rng(0).permutation(came_as(160, **{given_part: 40}))
    data = with_parts(rows_of([120, 80]) if kind == "class" else np.linspace(0, 1, 200), came)
    groups = np.where(came == 0, np.arange(200) // 4, 1_000 + np.arange(200)) if kind == "group" else None
    parts = split(data, seed=SEED, groups=groups, time=np.arange(200) if kind == "time" else None)
    assert_disjoint_and_complete(parts, 200)
    given_rows, drawn = (parts.dev, parts.test) if given_part == "dev" else (parts.test, parts.dev)
    assert np.array_equal(given_rows, np.flatnonzero(came))
    # 20 % of all 200 rows.
    assert len(drawn) == 40
    way = "random" if kind == "class" else kind
    assert parts.ways == (("given", way) if given_part == "dev" else (way, "given"))
    assert f"{given_part} as given, {'test' if given_part == 'dev' else 'dev'} drawn from the training rows" in parts.rule
    if kind == "time":
        assert parts.train.max() < drawn.min()
    if kind == "group":
        assert not set(groups[drawn]) & set(groups[parts.train])
    if kind == "class":
        labels = data.target["y"].to_numpy()
        share = labels[came == 0].mean()
        assert abs(labels[drawn].sum() - 40 * share) <= 1


def test_a_drawn_part_takes_no_more_than_a_quarter_of_the_training_rows():
    parts = split(with_parts(rows_of([540, 500]), came_as(40, test=1_000)), seed=SEED)
    assert (len(parts.train), len(parts.dev), len(parts.test)) == (30, 10, 1_000)


def test_without_a_wanted_test_part_given_test_rows_train_and_that_is_said():
    parts = split(with_parts(rows_of([100, 100]), came_as(100, 50, 50)), seed=SEED, test=False)
    assert (len(parts.train), len(parts.dev), len(parts.test)) == (150, 50, 0)
    assert "the rows given for test train, as no test part was wanted" in parts.rule
    only_dev = split(with_parts(rows_of([100, 100]), came_as(150, 50)), seed=SEED, test=False)
    assert (len(only_dev.train), len(only_dev.dev), len(only_dev.test)) == (150, 50, 0)


def test_sizes_deal_out_the_training_rows_where_a_part_came():
    data = with_parts(rows_of([100, 100]), came_as(100, test=100))
    parts = split(data, seed=SEED, sizes=(0.9, 0.1, 0))
    assert (len(parts.train), len(parts.dev), len(parts.test)) == (90, 10, 100)
    dev_came = split(with_parts(rows_of([100, 100]), came_as(100, dev=100)), seed=SEED, sizes=(70, 0, 30))
    assert (len(dev_came.train), len(dev_came.dev), len(dev_came.test)) == (70, 100, 30)


BAD_PARTS = {
    "sizes of a part that came": (came_as(100, test=50), {"sizes": (0.8, 0.1, 0.1)}, "sizes must be 0 for the test part, as that is given"),
    "sizes of dev that came": (came_as(100, dev=50), {"sizes": (0.8, 0.1, 0.1)}, "sizes must be 0 for the dev part, as that is given"),
    "sizes of nothing": (came_as(100, 25, 25), {"sizes": (0.8, 0.1, 0.1)}, "sizes deals out rows whose part is not given"),
    "time of nothing": (came_as(100, 25, 25), {"time": np.arange(150)}, "time deals out rows whose part is not given"),
    "no training rows": (came_as(0, 100, 50), {}, "there must be training rows with a target, got none"),
    "a group in two parts": (
        came_as(100, 25, 25),
        {"groups": np.array([f"clinic {row % 120}" for row in range(150)])},
        r"a group must be in one part only, got 'clinic 0' in the training and the dev part \(5 such groups\)",
    ),
}


@pytest.mark.parametrize(("came", "said", "message"), BAD_PARTS.values(), ids=BAD_PARTS)
def test_parts_that_make_no_sense_say_why(came, said, message):
    with pytest.raises(DataError, match=message):
        split(with_parts(rows_of([80, 70]), came), seed=SEED, **said)


def test_a_class_that_only_a_given_part_has_is_a_data_error():
    labels = np.array(["old", "mid"] * 50 + ["old"] * 20 + ["new"])
    with pytest.raises(DataError, match="got no row of 1 of them, such as '1'; mend that label, add training rows of it or drop"):
        split(with_parts(pd.Categorical(labels).codes, came_as(100, dev=21)), seed=SEED)


BAD = {
    "sum": ({"sizes": (0.6, 0.2, 0.1)}, r"sum to 1 or, as counts, to the 100 rows with a target, got \(0.6, 0.2, 0.1\)"),
    "counts": ({"sizes": (60, 20, 10)}, "sum to 1 or, as counts, to the 100 rows"),
    "negative": ({"sizes": (1.2, -0.1, -0.1)}, "three numbers >= 0"),
    "two": ({"sizes": (0.8, 0.2)}, "three numbers >= 0"),
    "one": ({"sizes": 0.2}, "three numbers >= 0"),
    "no number": ({"sizes": ("a", 0.2, 0.2)}, "three numbers >= 0"),
    "not finite": ({"sizes": (float("nan"), 0.2, 0.2)}, "three numbers >= 0"),
    "no dev": ({"sizes": (0.8, 0.0, 0.2)}, "at least one row to train on and one for dev"),
    "no training": ({"sizes": (0, 50, 50)}, "at least one row to train on and one for dev"),
    "both": ({"groups": np.arange(100), "time": np.arange(100)}, "by groups or by time, got both"),
    "two groups": ({"groups": np.arange(100) % 2}, "groups must be at least 3, one for each part, got 2"),
    "short groups": ({"groups": np.arange(99)}, r"groups must have one value for each of the 100 rows with a target, got shape \(99,\)"),
    "missing groups": (
        {"groups": np.array([None, *"ab" * 49, "c"], dtype=object)},
        "groups must be known for every row, got 1 missing, the first in row 1",
    ),
    "missing time": ({"time": np.array([1.0] * 99 + [np.nan])}, "time must be known for every row, got 1 missing, the first in row 100"),
    "text time": ({"time": np.array(["spring"] * 100)}, "dates such as 2024-05-31, or numbers, got text such as 'spring'"),
}


@pytest.mark.parametrize(("said", "message"), BAD.values(), ids=BAD)
def test_a_split_that_makes_no_sense_says_why(said, message):
    with pytest.raises(DataError, match=message):
        split(made(rows_of([60, 40])), seed=SEED, **said)


def test_a_class_that_only_comes_later_is_a_data_error():
    labels = np.array(["old"] * 50 + ["mid"] * 10 + ["old"] * 35 + ["new"] * 5)
    with pytest.raises(DataError, match="training part must hold every class, got no row of 1 of them, such as 'new'"):
        split(made(labels), seed=SEED, time=np.arange(100))
