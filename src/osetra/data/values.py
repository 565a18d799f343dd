"""What the values of one column mean: numbers, dates or text; and which of them are missing.

A frame may hold numbers as text, truth values among blanks, dates as text. Text is looked at level by level, never row by row.

Knows nothing of: targets, parts, how a column becomes network inputs.
"""

import re
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from osetra.core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["number", "date", "text", "empty"]

MISSING_WORDS = ("", "?", "NA", "N/A", "NaN", "nan", "null", "NULL")
"""Text that stands for a missing value."""

_ISO_START = re.compile(r"[+-]?\d{4}-\d{2}")


def column_of(frame: "pd.DataFrame", name: str) -> "pd.Series":
    """One column of a frame whose names are all different."""
    return cast("pd.Series", frame[name])


def kind_of(series: "pd.Series") -> Kind:
    """What a column holds, judged by its type and, for text, by every distinct value.

    Truth values and durations are numbers (0 and 1; seconds). Text is `number` or `date` only if all of it parses, dates as ISO 8601.
    A categorical column is `text` whatever its categories are.
    """
    import pandas as pd

    if isinstance(series.dtype, pd.CategoricalDtype):
        return "text" if series.notna().any() else "empty"
    if series.dtype.kind in "biufmM":
        if not series.notna().any():
            return "empty"
        return "date" if series.dtype.kind == "M" else "number"
    _, levels = _levels(series)
    if not levels:
        return "empty"
    inferred = pd.api.types.infer_dtype(levels, skipna=False)
    if inferred in ("boolean", "integer", "floating", "mixed-integer-float", "decimal"):
        return "number"
    if inferred in ("datetime64", "datetime", "date"):
        return "date"
    if inferred == "string" or inferred.startswith("mixed"):
        if not np.isnan(_parse_numbers(levels)).any():
            return "number"
        if inferred == "string" and _ISO_START.match(levels[0]) and not np.isnat(_parse_dates(levels)).any():
            return "date"
    return "text"


def numbers(series: "pd.Series", *, column: str) -> np.ndarray:
    """The column as float64 [rows], NaN where missing.

    Raises DataError if a value is no number, or is infinite, naming the column, an example and its row (counted from 1).
    """
    import pandas as pd

    kind = "O" if isinstance(series.dtype, pd.CategoricalDtype) else series.dtype.kind
    if kind in "biuf":
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    elif kind == "m":
        values = series.dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        codes, levels = _levels(series)
        parsed = _parse_numbers(levels) if kind != "M" else np.full(len(levels), np.nan)
        _require_parsed(np.isnan(parsed), codes, levels, column=column, wanted="numbers")
        values = _take(parsed, codes, missing=np.nan)
    require_finite(values, column=column)
    return values


def dates(series: "pd.Series", *, column: str) -> np.ndarray:
    """The column as datetime64[us] in UTC, [rows], NaT where missing. Raises DataError if a value is no date."""
    if series.dtype.kind == "M":
        return _naive_utc(series)
    codes, levels = _levels(series)
    parsed = _parse_dates(levels)
    _require_parsed(np.isnat(parsed), codes, levels, column=column, wanted="dates such as 2024-05-31")
    return _take(parsed, codes, missing=np.datetime64("NaT", "us"))


def texts(series: "pd.Series") -> tuple[np.ndarray, list[str]]:
    """The column as level numbers int64 [rows], -1 where missing, and the text of each level, all different."""
    codes, levels = _levels(series)
    return _merge(codes, [_text(level) for level in levels])


def require_finite(values: np.ndarray, *, column: str) -> None:
    """Raise DataError if a float is infinite, naming the column, how many there are and the first one's row."""
    infinite = np.isinf(values)
    if infinite.any():
        rows = np.flatnonzero(infinite)
        raise DataError(
            f"{column!r} must hold finite numbers, got {len(rows):,} infinite value{'s' if len(rows) > 1 else ''}, "
            f"the first in row {rows[0] + 1:,}; mend them or leave them blank, which counts as missing"
        )


def _levels(series: "pd.Series") -> tuple[np.ndarray, list[Any]]:
    """Level numbers [rows], -1 where missing, and the distinct values; text is stripped and words for missing are missing."""
    import pandas as pd

    try:
        codes, uniques = pd.factorize(series, use_na_sentinel=True)
    except TypeError as error:
        raise DataError(
            f"{str(series.name)!r} must hold numbers, text, truth values or dates, got nested values such as lists; "
            "drop the column or spread it over several"
        ) from error
    levels = uniques.tolist() if series.dtype.kind != "M" else list(uniques)
    return _merge(codes.astype(np.int64), [level.strip() if isinstance(level, str) else level for level in levels], words=MISSING_WORDS)


def _merge(codes: np.ndarray, levels: list[Any], *, words: tuple[str, ...] = ()) -> tuple[np.ndarray, list[Any]]:
    """Give equal levels one number, and levels that are among `words` the number -1."""
    places: dict[Any, int] = dict.fromkeys(words, -1)
    merged: list[Any] = []
    renumber = np.empty(len(levels) + 1, dtype=np.int64)
    renumber[-1] = -1
    for old, level in enumerate(levels):
        if level not in places:
            places[level] = len(merged)
            merged.append(level)
        renumber[old] = places[level]
    return (codes, merged) if len(merged) == len(levels) else (renumber[codes], merged)


def _text(level: Any) -> str:
    # A whole number among blanks is read as a float; it is still the level "3".
    if isinstance(level, float) and level.is_integer():
        return str(int(level))
    return level if type(level) is str else str(level)


def _parse_numbers(levels: list[Any]) -> np.ndarray:
    """Each level as a float64, NaN where it is none."""
    try:
        return np.array([float(level) for level in levels], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.array([_number(level) for level in levels], dtype=np.float64)


def _number(level: Any) -> float:
    try:
        return float(level)
    except (TypeError, ValueError, OverflowError):
        return np.nan


def _parse_dates(levels: list[Any]) -> np.ndarray:
    """Each level as a datetime64[us] in UTC, NaT where it is none."""
    import pandas as pd

    # "2024" alone would pass for a year; a number where a date belongs is more often a mistake.
    usable = [
        level if isinstance(level, date | np.datetime64) or (isinstance(level, str) and _ISO_START.match(level)) else None
        for level in levels
    ]
    parsed = pd.to_datetime(pd.Series(usable, dtype=object), format="ISO8601", utc=True, errors="coerce")
    return _naive_utc(parsed)


def _naive_utc(series: "pd.Series") -> np.ndarray:
    import pandas as pd

    return pd.to_datetime(series, utc=True).dt.tz_localize(None).to_numpy(dtype="datetime64[us]")


def _take(values: np.ndarray, codes: np.ndarray, *, missing: Any) -> np.ndarray:
    return np.append(values, np.array([missing], dtype=values.dtype))[codes]


def _require_parsed(failed: np.ndarray, codes: np.ndarray, levels: list[Any], *, column: str, wanted: str) -> None:
    if failed.any():
        bad = failed[codes] & (codes >= 0)
        row = int(np.argmax(bad))
        raise DataError(
            f"{column!r} must hold {wanted}, got {_text(levels[codes[row]])!r} in row {row + 1:,} "
            f"({int(bad.sum()):,} such value{'s' if bad.sum() > 1 else ''}); mend it, or leave it blank, which counts as missing"
        )
