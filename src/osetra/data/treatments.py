"""Choosing and fitting the treatment of a column, from training rows alone.

    numbers, also as text             standardised; a second input says which are missing
    dates, also as ISO text           seconds, year, and month, weekday and hour on a circle, those that vary
    text of few levels                one input a level, a missing value being a level; rare levels share one
    text of more than 32 levels       hashed, unless all but 32 are rare and hold at most 5 % of the rows
    one value only, or none           dropped
    text, different in nearly every row   dropped: an identifier

A level is rare under 5 rows or 0.1 % of the rows, whichever is more; with fewer than 100 rows, under 5 % of them.

Knows nothing of: how a fitted column is applied, targets, the network.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from osetra.data.columns import (
    BUCKET,
    DATE_PARTS,
    FREQUENCY,
    HASH_BUCKETS,
    LEVEL,
    MISSING,
    OTHER,
    RARE_LIMIT,
    Column,
    DateColumn,
    HashedColumn,
    Input,
    LevelColumn,
    NumberColumn,
    date_part,
    hashed_table,
    level_table,
)
from osetra.data.values import dates, kind_of, numbers, texts

if TYPE_CHECKING:
    import pandas as pd

MAX_LEVELS = 32
RARE_SHARE_LIMIT = 0.05
"""Rare levels are merged to bring a column down to 32 only if together they hold at most this share of the rows."""
IDENTIFIER_SHARE = 0.95
IDENTIFIER_MIN_ROWS = 20
MAX_COUNTED_LEVELS = 10_000
"""Frequencies are remembered for so many levels of a hashed column, the commonest."""


def fit_column(series: "pd.Series") -> tuple[Column | None, list[str]]:
    """Fit the treatment of a column to its training rows. Returns None if it is dropped, and notes for a person."""
    name = str(series.name)
    match kind_of(series):
        case "empty":
            return None, [f"{name} was dropped: it is empty in the training part"]
        case "number":
            fitted, notes = _fit_numbers(name, numbers(series, column=name)), []
        case "date":
            fitted, notes = _fit_dates(name, dates(series, column=name)), []
        case _:
            fitted, notes = _fit_text(name, *texts(series))
    if fitted is not None and not fitted.inputs:
        return None, [f"{name} was dropped: it has a single value in the training part"]
    return fitted, notes


def moments(values: np.ndarray) -> tuple[float, float]:
    """The moments mu and sigma, float64, of values [rows] with NaN taken to be mu; sigma is 0 if they are all the same."""
    present = values[~np.isnan(values)]
    low, high = (float(present.min()), float(present.max())) if len(present) else (0.0, 0.0)
    if low == high:
        return low, 0.0
    # Magnitudes near the end of the float range are scaled down first, spreads always, so that neither sums nor squares leave it.
    peak = max(-low, high)
    unit = peak if peak > 1e150 else 1.0
    scaled = present / unit
    mean = min(max(float(np.mean(scaled)), low / unit), high / unit)
    centred = scaled - mean
    spread = float(np.abs(centred).max())
    sigma = spread * float(np.sqrt(np.sum(np.square(centred / spread)) / len(values)))
    return mean * unit, min(sigma * unit, np.finfo(np.float64).max)


def _fit_numbers(name: str, values: np.ndarray) -> NumberColumn:
    return NumberColumn(column=name, inputs=(*_measured([("value", values)]), *_missing(np.isnan(values))))


def _fit_dates(name: str, stamps: np.ndarray) -> DateColumn:
    inputs = _measured([(part, date_part(stamps, part)) for part in DATE_PARTS])
    return DateColumn(column=name, inputs=(*inputs, *_missing(np.isnat(stamps))))


def _measured(parts: Sequence[tuple[str, np.ndarray]]) -> list[Input]:
    found = ((part, *moments(values)) for part, values in parts)
    return [Input(part=part, mean=mean, scale=scale) for part, mean, scale in found if scale > 0]


def _missing(missing: np.ndarray) -> list[Input]:
    count = int(missing.sum())
    return _counted([MISSING], np.array([[0.0], [1.0]]), np.array([len(missing) - count, count]))


def _counted(parts: Sequence[str], table: np.ndarray, counts: np.ndarray) -> list[Input]:
    """Inputs from the raw values [kinds, parts] of each kind of row and how many rows are of each kind [kinds]; those that vary."""
    occurs = counts > 0
    table, weights = table[occurs], counts[occurs] / counts.sum()
    means = weights @ table
    distance = np.abs(table - means)
    scales = np.maximum(np.sqrt(weights @ np.square(distance)), distance.max(axis=0) / RARE_LIMIT)
    varies = np.ptp(table, axis=0) > 0
    return [
        Input(part=part, mean=float(mean), scale=float(scale))
        for part, mean, scale, wanted in zip(parts, means, scales, varies, strict=True)
        if wanted
    ]


def _fit_text(name: str, codes: np.ndarray, levels: list[str]) -> tuple[Column | None, list[str]]:
    rows = len(codes)
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    num_missing = rows - int(counts.sum())
    if len(levels) >= IDENTIFIER_SHARE * (rows - num_missing) and rows - num_missing >= IDENTIFIER_MIN_ROWS:
        return None, [f"{name} was dropped: {len(levels):,} different texts in {rows - num_missing:,} training rows identify rows"]
    threshold = max(rows / 1000, min(5, rows / 20))
    rare = counts < threshold
    can_merge = np.count_nonzero(~rare) <= MAX_LEVELS and counts[rare].sum() <= RARE_SHARE_LIMIT * rows
    row_counts = np.append(counts, num_missing)
    if len(levels) > MAX_LEVELS and not can_merge:
        return _fit_hashed(name, levels, row_counts)

    merged = int(np.count_nonzero(rare)) > 1
    parts = [LEVEL + level for level in sorted(level for level, is_rare in zip(levels, rare, strict=True) if not (is_rare and merged))]
    parts += [OTHER] * merged + [MISSING] * (num_missing > 0)
    notes = [f"{name}: {np.count_nonzero(rare):,} levels of under {np.ceil(threshold):.0f} training rows share one input"] if merged else []
    return LevelColumn(column=name, inputs=tuple(_counted(parts, level_table(levels, parts), row_counts))), notes


def _fit_hashed(name: str, levels: list[str], row_counts: np.ndarray) -> tuple[Column, list[str]]:
    commonest = np.lexsort((np.array(levels), -row_counts[:-1]))[:MAX_COUNTED_LEVELS]
    remembered = {levels[place]: int(row_counts[place]) for place in commonest if row_counts[place] > 1}
    parts = [*(f"{BUCKET}{bucket}" for bucket in range(HASH_BUCKETS)), FREQUENCY, MISSING]
    inputs = _counted(parts, hashed_table(levels, parts, remembered), row_counts)
    note = f"{name} has {len(levels):,} levels in the training part: hashed into {HASH_BUCKETS} signed inputs, with their log frequency"
    return HashedColumn(column=name, inputs=tuple(inputs), counts=remembered), [note]
