"""Training, dev and test: which rows are which.

Classes are shared out evenly, groups stay together, or later rows are held back. Same data, same seed, same split.

Knows nothing of: features, how parts are used.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from osetra.core.errors import DataError
from osetra.core.seeding import Seed
from osetra.data.tables import Dataset
from osetra.data.values import dates, kind_of, numbers

_GROUP_SHUFFLES = 16
"""Of so many ways to deal the groups out, the one nearest the wanted sizes and classes is taken."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Row numbers of a data set, int64, ascending. The parts have no row in common and together hold every row."""

    train: np.ndarray
    dev: np.ndarray
    test: np.ndarray
    """Empty if there is no test part."""
    rule: str
    """For a person: how it was made, the sizes, and how precisely the dev part measures an error."""


def split_sizes(rows: int) -> tuple[int, int, int]:
    """Rows of training, dev and test that suit a table of so many.

        rows <= 10,000                60 / 20 / 20 %
        between                       dev = test = 2,000 * (rows/10,000)^(log10(5)/2)
        rows = 1,000,000              98 / 1 / 1 %
        above                         99.5 / 0.25 / 0.25 %

    Between, dev grows from 2,000 rows to 10,000. An error rate of 10 % is then known to within +-1.3 points (95 % interval,
    1.96 sqrt(p (1 - p) / dev)) at 10,000 rows and to within +-0.6 at a million: enough to tell candidates apart that differ by more,
    and every other row trains.
    """
    if rows <= 10_000:
        held = round(0.2 * rows)
    elif rows <= 1_000_000:
        held = round(2000 * (rows / 10_000) ** (math.log10(5) / 2))
    else:
        held = round(0.0025 * rows)
    return rows - 2 * held, held, held


def split(
    dataset: Dataset,
    *,
    seed: Seed,
    sizes: Sequence[float] | None = None,
    groups: np.ndarray | None = None,
    time: np.ndarray | None = None,
    test: bool = True,
) -> Split:
    """Deal the rows of `dataset` out.

    sizes: training, dev and test as fractions that sum to 1, or as counts that sum to the rows; by `split_sizes` if left out.
    groups [rows]: rows of one group stay in one part; the sizes are then met as nearly as the groups allow.
    time [rows] (dates, text of ISO dates, or numbers): the earliest rows train, later ones are dev, the latest test.
    test: with False there is no test part, and its rows train.

    Otherwise the rows are drawn at random, for classification by class: each class is shared out in proportion, to within one row a part,
    and one of 3 rows or more is in every part; what a smaller class has goes to training first.
    Raises DataError if the sizes make no sense, there are too few groups, or a class has no row left to train on.
    """
    rows = dataset.num_rows
    wanted = _wanted(rows, sizes, test)
    if groups is not None and time is not None:
        raise DataError("a split must go by groups or by time, got both; leave one out")
    generator = seed.generator("split")
    labels = _label_numbers(dataset)
    if time is not None:
        parts, how = _by_time(_time_order(time, rows), wanted), "by time, the latest rows last"
    elif groups is not None:
        parts, how = _by_group(_group_numbers(groups, rows), labels, wanted, generator), "at random by group"
    elif labels is not None:
        parts, how = _by_class(labels, wanted, generator), "at random, stratified by class"
    else:
        parts, how = np.repeat(np.arange(3), wanted)[generator.permutation(rows)], "at random"
    if labels is not None:
        _require_trained(dataset, labels, parts)
    train, dev, held = (np.flatnonzero(parts == part) for part in range(3))
    return Split(train=train, dev=dev, test=held, rule=_rule(how, len(train), len(dev), len(held), dataset.task.is_classification))


def _wanted(rows: int, sizes: Sequence[float] | None, test: bool) -> tuple[int, int, int]:
    if sizes is None:
        train, dev, held = split_sizes(rows)
    else:
        advice = f"give fractions that sum to 1, such as (0.6, 0.2, 0.2), or counts that sum to the {rows:,} rows"
        given = tuple(sizes) if isinstance(sizes, Sequence | np.ndarray) else (sizes,)
        if len(given) != 3 or not all(isinstance(size, int | float | np.number) and 0 <= size < math.inf for size in given):
            raise DataError(f"sizes must be three numbers >= 0 (training, dev, test), got {given}; {advice}")
        if math.isclose(sum(given), 1, abs_tol=1e-6):
            dev, held = (max(1, round(size * rows)) if size > 0 else 0 for size in given[1:])
            train = rows - dev - held
        elif all(float(size).is_integer() for size in given) and sum(given) == rows:
            train, dev, held = (int(size) for size in given)
        else:
            raise DataError(f"sizes must sum to 1 or, as counts, to the {rows:,} rows with a target, got {given}; {advice}")
        if given[0] == 0 or given[1] == 0 or train < 1:
            raise DataError(f"sizes must leave at least one row to train on and one for dev, got {given} of {rows:,} rows; {advice}")
    return (train, dev, held) if test else (train + held, dev, 0)


def _label_numbers(dataset: Dataset) -> np.ndarray | None:
    """Classes as numbers from 0 in order of appearance, [rows]; None for regression."""
    import pandas as pd

    return pd.factorize(dataset.target.iloc[:, 0])[0] if dataset.task.is_classification else None


def _by_class(labels: np.ndarray, wanted: tuple[int, int, int], generator: np.random.Generator) -> np.ndarray:
    """The part of each row, [rows]: 0 training, 1 dev, 2 test."""
    counts = np.bincount(labels)
    _, dev, test = wanted
    held_parts = 1 + (test > 0)
    # First what is held back from each class, then what of that is dev: both times to within a row of the class's share.
    share = counts * ((dev + test) / len(labels))
    least = np.where(counts > held_parts, held_parts, 0)
    lower = np.maximum(np.floor(share), least)
    held = _apportion(share, lower, np.clip(np.ceil(share), lower, counts - 1), dev + test)
    of_dev = _dev_of_held(held, counts * (dev / len(labels)), counts * (test / len(labels)), dev) if test else held

    # Each class's rows in random order: the first are dev, the next test, the rest train.
    order = np.lexsort((generator.random(len(labels)), labels))
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(labels), dtype=np.int64)
    rank[order] = np.arange(len(labels)) - np.repeat(starts, counts)
    return np.where(rank < of_dev[labels], 1, np.where(rank < held[labels], 2, 0))


def _dev_of_held(held: np.ndarray, dev_share: np.ndarray, test_share: np.ndarray, dev: int) -> np.ndarray:
    least = held >= 2
    lower = np.minimum(np.maximum.reduce([np.floor(dev_share), held - np.ceil(test_share), least]), held - least)
    upper = np.minimum.reduce([np.ceil(dev_share), held - np.floor(test_share), held - least])
    return _apportion(held * (dev_share / (dev_share + test_share)), lower, upper, dev)


def _apportion(shares: np.ndarray, lower: np.ndarray, upper: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers near `shares`, [classes], between `lower` and `upper`, that sum to `total` if they can: largest remainder."""
    lower, upper = lower.astype(np.int64), np.maximum(lower, upper).astype(np.int64)
    given = np.clip(np.floor(shares).astype(np.int64), lower, upper)
    while (lacking := total - int(given.sum())) != 0:
        step = 1 if lacking > 0 else -1
        room = np.flatnonzero(given < upper) if step > 0 else np.flatnonzero(given > lower)
        if len(room) == 0:
            break
        neediest = np.argsort(-step * (shares - given)[room], kind="stable")
        given[room[neediest[: abs(lacking)]]] += step
    return given


def _by_group(groups: np.ndarray, labels: np.ndarray | None, wanted: tuple[int, int, int], generator: np.random.Generator) -> np.ndarray:
    sizes = np.bincount(groups)
    parts_needed = sum(size > 0 for size in wanted)
    if len(sizes) < parts_needed:
        raise DataError(
            f"groups must be at least {parts_needed}, one for each part, got {len(sizes)}; split at random or name another column"
        )
    classes = np.zeros(len(groups), dtype=np.int64) if labels is None else labels
    num_classes = int(classes.max()) + 1
    ideal = np.outer(np.array(wanted) / len(groups), np.bincount(classes))
    best, best_cost = np.zeros(len(groups), dtype=np.int64), math.inf
    for _ in range(_GROUP_SHUFFLES):
        order = generator.permutation(len(sizes))
        parts = _deal_groups(sizes[order], wanted)[np.argsort(order)][groups]
        counts = np.bincount(parts * num_classes + classes, minlength=3 * num_classes).reshape(3, num_classes)
        untrained = int(np.count_nonzero(counts[0] == 0))
        cost = float(np.abs(counts - ideal).sum()) + untrained * len(groups)
        if cost < best_cost:
            best, best_cost = parts, cost
    return best


def _deal_groups(sizes: np.ndarray, wanted: tuple[int, int, int]) -> np.ndarray:
    """The part of each group, dealt out in the order given: dev, then test, then training, each ending nearest its wanted size."""
    _, dev, test = wanted
    ends = np.cumsum(sizes)

    def groups_up_to(rows: int, least: int, most: int) -> int:
        return int(np.clip(np.argmin(np.abs(ends - rows)) + 1, least, most))

    after_dev = groups_up_to(dev, 1, len(sizes) - 1 - (test > 0))
    after_test = groups_up_to(dev + test, after_dev + 1, len(sizes) - 1) if test else after_dev
    place = np.arange(len(sizes))
    return np.where(place < after_dev, 1, np.where(place < after_test, 2, 0))


def _by_time(order: np.ndarray, wanted: tuple[int, int, int]) -> np.ndarray:
    parts = np.empty(len(order), dtype=np.int64)
    parts[order] = np.repeat(np.arange(3), wanted)
    return parts


def _time_order(time: Any, rows: int) -> np.ndarray:
    """Rows from the earliest to the latest; equal times keep their order."""
    import pandas as pd

    series = pd.Series(_column(time, rows, what="time"), name="time")
    kind = kind_of(series)
    if kind == "text" or kind == "empty":
        example = "nothing" if kind == "empty" else f"text such as {str(series.dropna().iloc[0])!r}"
        raise DataError(f"time must hold dates such as 2024-05-31, or numbers, got {example}; name another column, or write dates so")
    values = dates(series, column="time") if kind == "date" else numbers(series, column="time")
    _require_known(np.isnat(values) if kind == "date" else np.isnan(values), what="time")
    return np.argsort(values, kind="stable")


def _group_numbers(groups: Any, rows: int) -> np.ndarray:
    import pandas as pd

    codes = pd.factorize(pd.Series(_column(groups, rows, what="groups")), use_na_sentinel=True)[0]
    _require_known(codes < 0, what="groups")
    return codes


def _column(values: Any, rows: int, *, what: str) -> Any:
    if np.ndim(values) != 1 or len(values) != rows:
        raise DataError(
            f"{what} must have one value for each of the {rows:,} rows with a target, got shape {np.shape(values)}; give one a row"
        )
    return values if hasattr(values, "dtype") else np.asarray(values)


def _require_known(missing: np.ndarray, *, what: str) -> None:
    if missing.any():
        raise DataError(
            f"{what} must be known for every row, got {int(missing.sum()):,} missing, the first in row {int(np.argmax(missing)) + 1:,}; "
            "fill them in or drop these rows"
        )


def _require_trained(dataset: Dataset, labels: np.ndarray, parts: np.ndarray) -> None:
    lost = np.setdiff1d(labels, labels[parts == 0])
    if len(lost):
        label = dataset.target.iloc[int(np.argmax(labels == lost[0])), 0]
        raise DataError(
            f"the training part must hold every class, got no row of {len(lost)} of them, such as {str(label)!r}; "
            "split at random, change the sizes or drop the rows of that class"
        )


def _rule(how: str, train: int, dev: int, test: int, is_classification: bool) -> str:
    rows = train + dev + test
    shares = " / ".join(f"{100 * part / rows:.3g} %" for part in (train, dev, test))
    if is_classification:
        precision = f"an error rate of 10 % on dev is known to within +-{100 * 1.96 * math.sqrt(0.09 / dev):.2g} points"
    else:
        precision = f"a root mean squared error on dev is known to within about +-{100 * 1.96 / math.sqrt(2 * dev):.2g} % of itself"
    risk = "" if test else "; no test part: the dev error of the winner flatters it, as it was chosen by that"
    return f"{how}: {train:,} rows train, {dev:,} dev, {test:,} test ({shares}); {precision} (95 % interval){risk}"
