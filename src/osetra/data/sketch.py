"""What data looked like, in a few kilobytes that a study can keep: so that data that has grown since can still be compared with it.

    a number    share missing, mean, deviation, 21 quantiles (every value with its share where there are 10 or fewer)
    text        share missing, distinct levels, the 10 most frequent with their shares
    a date      first and last; a counter (whole numbers, each greater than the last) is known as one; neither is compared
    an image    the mean and the deviation of each colour over its pixels, as numbers

Of a table of over 50 columns 11 quantiles and 4 levels are kept, of over 100 columns the first 100, of over 100,000 rows as many, drawn at
random: 20 kB at most, short column names taken for granted. How a sketch is compared says `drift`.
Knows nothing of: studies, what is done about a difference.
"""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.seeding import Seed
from osetra.data.images import Images
from osetra.data.values import column_of, dates, kind_of, numbers, texts

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 100_000
MOST_COLUMNS = 100
WIDE = 50
"""Columns beyond which less is kept of each."""
FEW_VALUES = 10
"""Numbers with so few distinct values are kept whole."""
LEVEL_LENGTH = 20
"""Characters of a level; a longer one is cut, and told apart by a digest."""
TARGET_LEVELS = 20
OFFSET = 100.0
"""Values this many times as large as they spread keep digits by their spread."""


def sketch(features: "pd.DataFrame | Images", target: "pd.DataFrame") -> dict[str, Any]:
    """A sketch, JSON-able: `rows`, `looked_at`, `features` and `target` by column, and `left_out`, columns beyond the first 100.

    features, target: of the same rows. The same rows have the same sketch.
    """
    rows = len(target)
    drawn = None
    if rows > MOST_ROWS:
        drawn = np.sort(Seed(study=0).generator("rows of a sketch").choice(rows, MOST_ROWS, replace=False))
        target = target.take(drawn)
        features = features.take(drawn)
    if isinstance(features, Images):
        listed = _image_columns(features)
        left_out = 0
    else:
        names = list(map(str, features.columns))
        listed = {name: _column(column_of(features, name), wide=len(names) > WIDE) for name in names[:MOST_COLUMNS]}
        left_out = max(0, len(names) - MOST_COLUMNS)
    answers = list(map(str, target.columns))
    return {
        "rows": rows,
        "looked_at": len(target),
        "features": listed,
        "left_out": left_out,
        "target": {name: _column(column_of(target, name), wide=False, levels=TARGET_LEVELS) for name in answers[:MOST_COLUMNS]},
    }


def cumulative(column: Mapping[str, Any], at: np.ndarray) -> np.ndarray:
    """The share of a sketched number's present values that are at most `at`, float64 [places]; interpolated between quantiles."""
    if "values" in column:
        values, shares = np.array(column["values"], dtype=np.float64).T
        return np.concatenate([[0.0], np.cumsum(shares)])[np.searchsorted(values, at, side="right")]
    quantiles = np.array(column["quantiles"], dtype=np.float64)
    levels = np.linspace(0.0, 1.0, len(quantiles))
    # Where many rows have one value, several quantiles are equal; all of that value's rows lie at or below it.
    after = np.searchsorted(quantiles, at, side="right")
    low, high = np.clip(after - 1, 0, len(quantiles) - 1), np.clip(after, 0, len(quantiles) - 1)
    width = quantiles[high] - quantiles[low]
    within = np.divide(at - quantiles[low], width, out=np.zeros(len(at)), where=width > 0)
    return np.where(after == 0, 0.0, levels[low] + np.clip(within, 0.0, 1.0) * (levels[high] - levels[low]))


def _column(series: "pd.Series", *, wide: bool, levels: int | None = None) -> dict[str, Any]:
    kind = kind_of(series)
    name = str(series.name)
    if kind == "empty":
        return {"kind": "empty"}
    if kind == "text":
        return _text_column(series, levels or (4 if wide else 10))
    if kind == "date":
        values = dates(series, column=name)
        present = values[~np.isnat(values)]
        return {"kind": "date", **_missing(len(present), len(values)), "first": str(present.min())[:19], "last": str(present.max())[:19]}
    return _number_column(numbers(series, column=name), quantiles=11 if wide else 21)


def _number_column(values: np.ndarray, *, quantiles: int) -> dict[str, Any]:
    present = values[~np.isnan(values)]
    if _is_counter(present):
        return {"kind": "counter", **_missing(len(present), len(values))}
    distinct, counts = np.unique(present, return_counts=True)
    facts = {"kind": "number", **_missing(len(present), len(values)), "mean": _short(present.mean()), "deviation": _short(present.std())}
    if len(distinct) <= FEW_VALUES:
        shares = counts / len(present)
        return facts | {"values": [[float(f"{value:.12g}"), _short(share)] for value, share in zip(distinct, shares, strict=True)]}
    cuts = np.quantile(present, np.linspace(0.0, 1.0, quantiles), method="lower")
    spread = cuts[-1] - cuts[0]
    if np.abs(cuts).max() > OFFSET * spread:
        digits = 3 - int(np.floor(np.log10(spread)))
        return facts | {"quantiles": [float(np.round(cut, digits)) for cut in cuts]}
    return facts | {"quantiles": [_short(cut) for cut in cuts]}


def _text_column(series: "pd.Series", most: int) -> dict[str, Any]:
    codes, levels = texts(series)
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    present = int(counts.sum())
    # Of levels as frequent as one another those that come first in the alphabet, whatever the order of the rows.
    order = sorted(range(len(levels)), key=lambda place: (-counts[place], levels[place]))[:most]
    kept = {_cut(levels[place]): _short(counts[place] / present) for place in order}
    return {"kind": "text", **_missing(present, len(codes)), "distinct": int(np.count_nonzero(counts)), "levels": kept}


def _image_columns(images: Images) -> dict[str, Any]:
    channels = images.shape[2]
    flat = images.pixels.reshape(len(images), -1, channels)
    names = ("red", "green", "blue") if channels == 3 else tuple(f"channel {place + 1}" for place in range(channels))
    listed = {}
    for place, name in enumerate(names):
        listed[f"mean of {name}"] = _number_column(flat[:, :, place].mean(axis=1, dtype=np.float64), quantiles=21)
        listed[f"deviation of {name}"] = _number_column(flat[:, :, place].std(axis=1, dtype=np.float64), quantiles=21)
    return listed


def _is_counter(present: np.ndarray) -> bool:
    """Row numbers, ids and the like, which never come again: whole numbers, each greater than the last."""
    return len(present) > FEW_VALUES and bool(np.all(np.diff(present) > 0)) and bool(np.all(present == np.floor(present)))


def _missing(present: int, rows: int) -> dict[str, float]:
    return {} if present == rows else {"missing": _short(1 - present / rows)}


def _cut(level: str) -> str:
    if len(level) <= LEVEL_LENGTH:
        return level
    return f"{level[: LEVEL_LENGTH - 5]}~{hashlib.blake2b(level.encode(errors='surrogatepass'), digest_size=2).hexdigest()}"


def _short(value: float) -> float:
    return float(f"{value:.4g}")
