"""Leaks: a single column that (nearly) gives the target away.

Of each column a tree grows on that column alone, or for text the commonest answer of each level is learned, and tells other rows. A leak is

    near perfect      classes: error at most 2 %, and at most 3 % with 95 % confidence
                      values: error at most 5 % of that of the mean, both in ranks of the target, which scale and shape leave alone
    far from the rest classes: at most 15 %, values: at most 25 %, of the error of knowing nothing and of the best column that is not
                      near perfect itself

so that strong columns among other strong ones, as carat among a diamond's measures, are none. Under 200 rows a good column may do as well,
and only one that is the target in other words counts: one level to a class, or a straight line. A table of one column has no leaks.

Knows nothing of: networks, what is done about a leak.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from osetra.data.values import column_of, dates, kind_of, numbers, texts
from osetra.diagnosis.intervals import wilson

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 4_000
"""Drawn of either part."""
FEWEST_DRAWN = 500
MAX_VALUES = 400_000
"""Rows x columns looked at, down to `FEWEST_DRAWN` rows."""
MIN_ROWS = 200
"""Below, only the target in other words is a leak; and a smaller dev part is joined with the training part, halves telling each other."""
FEWEST_OF_ALL = 30
MAX_TARGETS = 8
NEAR_RATE, NEAR_RATE_SURELY, FAR_RATE = 0.02, 0.03, 0.15
NEAR_VALUE, FAR_VALUE = 0.05, 0.25
FIRST_LOOK = 4
"""Times as far from perfect as a leak may be, by its neighbours, a column is looked at closely."""
MOST_TREES = 50
_STRAIGHT = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """One column and the target that it gives away."""

    column: str
    target: str
    error: float
    """Of telling the target by this column alone: error rate, or RMSE in units of the target."""
    baseline: float
    """Of the majority class, or of the mean."""


@dataclass(frozen=True, slots=True)
class _Telling:
    """How well one column tells the target: `share` of the error of knowing nothing, and whether that is near perfect."""

    share: float
    is_near: bool


def leaks(
    features: "pd.DataFrame",
    targets: np.ndarray,
    names: Sequence[str],
    *,
    columns: Sequence[str],
    training: np.ndarray,
    dev: np.ndarray,
    scales: Sequence[float] | None,
    generator: np.random.Generator,
) -> tuple[Leak, ...]:
    """The columns among `columns` that give a target away, the clearest first.

    features: of all rows, raw. targets: class numbers int64 [rows], or standardised values [rows, targets], of those called `names`, of
    which the first 8 are looked at. training, dev: row numbers; the training part's tell dev's. scales: units of the target in a standard
    deviation, one a target; None for classes.
    """
    from scipy.stats import rankdata

    is_classification = scales is None
    if len(columns) < 2:
        return ()
    most = int(np.clip(MAX_VALUES // len(columns), FEWEST_DRAWN, MAX_ROWS))
    parts = [part if len(part) <= most else np.sort(generator.choice(part, most, replace=False)) for part in (training, dev)]
    rows = np.concatenate(parts)
    if len(rows) < FEWEST_OF_ALL:
        return ()
    in_dev = np.repeat([False, True], [len(part) for part in parts])
    if len(parts[1]) < MIN_ROWS:
        in_dev = generator.permutation(len(rows)) % 2 == 1
        folds = [(~in_dev, in_dev), (in_dev, ~in_dev)]
    else:
        folds = [(~in_dev, in_dev)]
    frame = features.iloc[rows]
    values = [_read(frame, name) for name in columns]
    found: list[Leak] = []
    for nth, name in enumerate(names[:MAX_TARGETS]):
        target = targets[rows] if scales is None else targets[rows, nth].astype(np.float64)
        scale = 1.0 if scales is None else float(scales[nth])
        ranks = target if is_classification else rankdata(target) / len(target)
        chosen = _most_telling(values, ranks, folds, is_classification)
        if is_classification:
            told = [_tell_class(values[place], target, folds) for place in chosen]
        else:
            told = [_tell_value(values[place], target, ranks, folds) for place in chosen]
        rest = min((one.share for one in told if not one.is_near), default=1.0)
        most = (FAR_RATE if is_classification else FAR_VALUE) * min(1.0, rest)
        baseline = scale * _baseline(target, folds, is_classification)
        for one, place in sorted(zip(told, chosen, strict=True), key=lambda pair: (pair[0].share, pair[1])):
            if one.is_near and one.share <= most:
                answers = [_answers(values[place], target, *fold, is_classification) for fold in folds]
                error = scale * _error(answers, target, folds, is_classification)
                found.append(Leak(column=columns[place], target=name, error=error, baseline=baseline))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column as it is learned from."""

    places: np.ndarray
    """int64 [rows]: of each value its place among all in their order, or the number of its level of text; 0 where it is missing."""
    line: np.ndarray | None
    """The values within -1 .. 1, NaN where missing; None for text."""


Folds = Sequence[tuple[np.ndarray, np.ndarray]]
"""Which rows learn and which are told, masks [rows]."""


def _read(frame: "pd.DataFrame", name: str) -> "_Column":
    series = column_of(frame, name)
    match kind_of(series):
        case "number":
            read = numbers(series, column=name)
        case "date":
            stamps = dates(series, column=name)
            read = np.where(np.isnat(stamps), np.nan, stamps.astype(np.float64))
        case "text":
            return _Column(texts(series)[0] + 1, None)
        case _:
            return _Column(np.zeros(len(frame), dtype=np.int64), None)
    # Trees keep numbers as float32, which would overflow or run distinct ones together; the order is all they need.
    places = np.unique(read, return_inverse=True, equal_nan=True)[1]
    return _Column(np.where(np.isnan(read), 0, places + 1), read / max(float(np.nanmax(np.abs(read))), 1e-300))


def _most_telling(values: Sequence[_Column], target: np.ndarray, folds: Folds, is_classification: bool) -> list[int]:
    """Numbers of the columns worth a tree, the most telling; none where a look at neighbours shows that no column comes near.

    A row is told the target of the next row, by the column alone, that was learned from: about twice the error of a tree.
    """
    learn, tell = folds[0]
    alone = _baseline(target, folds[:1], is_classification)
    errors = []
    for column in values:
        order = np.argsort(column.places[learn], kind="stable")
        learned, asked = column.places[learn][order], column.places[tell]
        at, end = (np.searchsorted(learned, asked, side=side) for side in ("left", "right"))
        # Of rows of one place each is asked in turn, so that no single one answers for all.
        at += np.arange(len(at)) % np.maximum(end - at, 1)
        answers = target[learn][order[np.minimum(at, len(order) - 1)]]
        errors.append(_error([answers], target, folds[:1], is_classification))
    near = FIRST_LOOK * (NEAR_RATE if is_classification else NEAR_VALUE * alone)
    # Of few rows some class may be missing among those that are learned from.
    if len(target) >= MIN_ROWS and min(errors) > near:
        return []
    return np.argsort(errors, kind="stable")[:MOST_TREES].tolist()


def _tell_class(column: _Column, target: np.ndarray, folds: Folds) -> _Telling:
    alone = _baseline(target, folds, True)
    rate = _error([_answers(column, target, *fold, True) for fold in folds], target, folds, True)
    share = rate / alone if alone else 1.0
    if len(target) < MIN_ROWS:
        is_near = rate == 0 and _is_one_to_one(column.places, target)
    else:
        is_near = rate <= NEAR_RATE and wilson(rate, sum(int(tell.sum()) for _, tell in folds))[1] <= NEAR_RATE_SURELY
    return _Telling(share, is_near)


def _tell_value(column: _Column, target: np.ndarray, ranks: np.ndarray, folds: Folds) -> _Telling:
    if len(target) < MIN_ROWS:
        is_near = column.line is not None and _is_straight(column.line, target)
        return _Telling(0.0 if is_near else 1.0, is_near)
    alone = _baseline(ranks, folds, False)
    error = _error([_answers(column, ranks, *fold, False) for fold in folds], ranks, folds, False)
    share = error / alone if alone else 1.0
    return _Telling(share, share <= NEAR_VALUE)


def _answers(column: _Column, target: np.ndarray, learn: np.ndarray, tell: np.ndarray, is_classification: bool) -> np.ndarray:
    """What `column` says of the target of the rows `tell`, learned from the rows `learn`."""
    if column.line is not None:
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        tree = DecisionTreeClassifier if is_classification else DecisionTreeRegressor
        leaf = int(np.clip(learn.sum() // 400, 1, 5))
        with warnings.catch_warnings():
            # Many classes in few rows are no reason to warn anybody here.
            warnings.simplefilter("ignore")
            grown = tree(min_samples_leaf=leaf, random_state=0).fit(column.places[learn, None], target[learn])
        return grown.predict(column.places[tell, None])
    levels = column.places
    learned, seen, num_levels = levels[learn], target[learn], int(levels.max()) + 1
    if is_classification:
        table = np.zeros((num_levels, int(target.max()) + 1))
        np.add.at(table, (learned, seen), 1.0)
        known, overall = table.argmax(axis=1), int(np.bincount(seen).argmax())
    else:
        sums, overall = np.bincount(learned, weights=seen, minlength=num_levels), float(seen.mean())
        known = sums / np.maximum(np.bincount(learned, minlength=num_levels), 1)
    is_known = np.bincount(learned, minlength=num_levels) > 0
    return np.where(is_known, known, overall)[levels[tell]]


def _baseline(target: np.ndarray, folds: Folds, is_classification: bool) -> float:
    """The error of the commonest class, or of the mean."""
    known = [np.bincount(target[learn]).argmax() if is_classification else target[learn].mean() for learn, _ in folds]
    return _error([np.full(tell.sum(), one) for one, (_, tell) in zip(known, folds, strict=True)], target, folds, is_classification)


def _error(answers: Sequence[np.ndarray], target: np.ndarray, folds: Folds, is_classification: bool) -> float:
    """Of the answers of all folds together: error rate, or root mean squared error."""
    told, truth = np.concatenate(answers), np.concatenate([target[tell] for _, tell in folds])
    return float(np.mean(told != truth) if is_classification else np.sqrt(np.mean(np.square(told - truth))))


def _is_one_to_one(places: np.ndarray, target: np.ndarray) -> bool:
    """Whether each level stands for one class and each class for one level."""
    pairs = np.unique(np.stack([places, target]), axis=1)
    return all(len(np.unique(side)) == pairs.shape[1] for side in pairs)


def _is_straight(line: np.ndarray, target: np.ndarray) -> bool:
    if np.isnan(line).any() or np.ptp(line) == 0 or np.ptp(target) == 0:
        return False
    return bool(1 - abs(np.corrcoef(line, target)[0, 1]) < _STRAIGHT)
