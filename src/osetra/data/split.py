"""Training, dev and test: which rows are which.

Classes are shared out evenly, groups stay together, or later rows are held back. Parts that the data came with stay as they are. Same
data, same seed, same split.

Knows nothing of: features, how parts are used.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from osetra.core.errors import DataError
from osetra.core.seeding import Seed
from osetra.data.dealing import by_class, by_group, by_order
from osetra.data.tables import Dataset
from osetra.data.values import dates, kind_of, numbers

Way = Literal["random", "group", "time", "given"]
"""How a part came about."""

TRAIN, DEV, TEST = range(3)

_MOST_OF_GIVEN = 0.25
"""Drawn from training rows that came alone, dev or test takes at most this share of them: 20 of 80, as without given parts."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Row numbers of a data set, int64, ascending. The parts have no row in common and together hold every row."""

    train: np.ndarray
    dev: np.ndarray
    test: np.ndarray
    """Empty if there is no test part."""
    rule: str
    """For a person: how it was made, the sizes, and how precisely the dev part measures an error."""
    ways: tuple[Way, Way] = ("random", "random")
    """How dev and test came about."""


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

    Where the data came with parts (`dataset.given`), given dev and test rows are those. A part that was not given is drawn from the
    training rows in the same ways, as large as `split_sizes` of all rows says, but at most a quarter of the training rows; `sizes` then
    deals out the training rows, with 0 for a part that was given.

    Raises DataError if the sizes make no sense, there are too few groups, a group is in two given parts, or a class has no row left to
    train on.
    """
    labels = _label_numbers(dataset)
    group_numbers = None if groups is None else _group_numbers(groups, dataset.num_rows)
    if groups is not None and time is not None:
        raise DataError("a split must go by groups or by time, got both; leave one out")
    came = (
        np.zeros(dataset.num_rows, dtype=np.int8) if dataset.given is None else np.where(dataset.given == TEST, TEST * test, dataset.given)
    )
    is_given = [bool((came == part).any()) for part in range(3)]
    if not is_given[TRAIN]:
        raise DataError("there must be training rows with a target, got none besides the given parts; give some")
    parts = came.astype(np.int64)
    way: Way = "given"
    drawn = [part for part in (DEV, TEST) if not is_given[part] and (part == DEV or test)]
    if drawn:
        pool = np.flatnonzero(came == TRAIN)
        wanted = _wanted(len(pool), dataset.num_rows, sizes, drawn)
        parts[pool], way = _dealt(
            wanted, seed.generator("split"), labels=None if labels is None else labels[pool],
            groups=None if group_numbers is None else np.unique(group_numbers[pool], return_inverse=True)[1],
            order=None if time is None else _time_order(_at(time, pool, dataset.num_rows), len(pool)),
        )  # fmt: skip
    elif sizes is not None or time is not None:
        named = "sizes" if sizes is not None else "time"
        raise DataError(f"{named} deals out rows whose part is not given, got it with all parts given; leave it out")
    if any(is_given[1:]) and group_numbers is not None:
        _require_whole(groups, group_numbers, parts)
    if labels is not None:
        _require_trained(dataset, labels, parts)
    train, dev, held = (np.flatnonzero(parts == part) for part in range(3))
    how = _how(way, is_given, drawn, labels is not None)
    if dataset.given is not None and not test and (dataset.given == TEST).any():
        how += "; the rows given for test train, as no test part was wanted"
    rule = _rule(how, len(train), len(dev), len(held), dataset.task.is_classification)
    dev_way: Way = "given" if is_given[DEV] else way
    test_way: Way = "given" if is_given[TEST] else way
    return Split(train=train, dev=dev, test=held, rule=rule, ways=(dev_way, test_way))


def _dealt(
    wanted: tuple[int, int, int],
    generator: np.random.Generator,
    *,
    labels: np.ndarray | None,
    groups: np.ndarray | None,
    order: np.ndarray | None,
) -> tuple[np.ndarray, Way]:
    """The part of each row, [rows], and the way they were dealt out."""
    if order is not None:
        return by_order(order, wanted), "time"
    # What follows holds dev back first, then test; where only test is held back it takes dev's place.
    held_first = wanted if wanted[DEV] else (wanted[TRAIN], wanted[TEST], 0)
    way: Way = "random"
    if groups is not None:
        parts, way = by_group(groups, labels, held_first, generator), "group"
    elif labels is not None:
        parts = by_class(labels, held_first, generator)
    else:
        parts = np.repeat(np.arange(3), held_first)[generator.permutation(sum(wanted))]
    return np.where(parts == DEV, TEST, parts) if held_first != wanted else parts, way


def _how(way: Way, is_given: Sequence[bool], drawn: Sequence[int], is_classification: bool) -> str:
    words = {"group": "at random by group", "time": "by time, the latest rows last", "given": "as given"}
    how = words.get(way, "at random, stratified by class" if is_classification else "at random")
    if not any(is_given[1:]):
        return how
    given = " and ".join(name for part, name in ((DEV, "dev"), (TEST, "test")) if is_given[part])
    rest = " and ".join(name for part, name in ((DEV, "dev"), (TEST, "test")) if part in drawn)
    return f"{given} as given" + (f", {rest} drawn from the training rows {how}" if rest else "")


def _wanted(rows: int, total: int, sizes: Sequence[float] | None, drawn: Sequence[int]) -> tuple[int, int, int]:
    """Rows of each part out of `rows`, which come from a table of `total`; only the `drawn` parts get some besides training."""
    if sizes is None:
        held = split_sizes(total)[DEV]
        if rows < total:
            held = max(1, min(held, round(_MOST_OF_GIVEN * rows)))
        dev, test = (held if part in drawn else 0 for part in (DEV, TEST))
        if rows - dev - test < 1:
            raise DataError(f"there must be training rows to draw from, got {rows}; give more, or give every part")
        return rows - dev - test, dev, test
    train, dev, held = _asked_sizes(rows, sizes, needs_dev=DEV in drawn)
    if DEV not in drawn and dev:
        raise DataError(f"sizes must be 0 for the dev part, as that is given, got {tuple(sizes)}; they deal out the training rows")
    if TEST not in drawn and rows < total and held:
        raise DataError(f"sizes must be 0 for the test part, as that is given, got {tuple(sizes)}; they deal out the training rows")
    return (train, dev, held) if TEST in drawn else (train + held, dev, 0)


def _asked_sizes(rows: int, sizes: Sequence[float], *, needs_dev: bool) -> tuple[int, int, int]:
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
    if given[0] == 0 or (needs_dev and given[1] == 0) or train < 1:
        raise DataError(f"sizes must leave at least one row to train on and one for dev, got {given} of {rows:,} rows; {advice}")
    return train, dev, held


def _label_numbers(dataset: Dataset) -> np.ndarray | None:
    """Classes as numbers from 0 in order of appearance, [rows]; None for regression."""
    import pandas as pd

    return pd.factorize(dataset.target.iloc[:, 0])[0] if dataset.task.is_classification else None


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


def _at(values: Any, rows: np.ndarray, of: int) -> Any:
    """Of values, one for each of so many rows, those of some rows."""
    column = _column(values, of, what="time")
    return column.iloc[rows] if hasattr(column, "iloc") else column[rows]


def _require_whole(groups: Any, numbers: np.ndarray, parts: np.ndarray) -> None:
    """No group may be in two parts: the model would be measured on rows of groups that it knows."""
    names = ("training", "dev", "test")
    for first, second in ((TRAIN, DEV), (TRAIN, TEST), (DEV, TEST)):
        shared = np.intersect1d(numbers[parts == first], numbers[parts == second])
        if len(shared):
            group = np.asarray(groups)[int(np.argmax(numbers == shared[0]))]
            raise DataError(
                f"a group must be in one part only, got {str(group)!r} in the {names[first]} and the {names[second]} part "
                f"({len(shared):,} such group{'s' if len(shared) > 1 else ''}); give each group's rows to one part"
            )


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
        came = dataset.given is not None and bool(dataset.given.any())
        remedy = "mend that label, add training rows of it" if came else "split at random, change the sizes"
        raise DataError(
            f"the training part must hold every class, got no row of {len(lost)} of them, such as {str(label)!r}; "
            f"{remedy} or drop the rows of that class"
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
