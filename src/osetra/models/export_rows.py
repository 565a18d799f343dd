"""From rows as people have them to the numbers that a network standardises, in NumPy and the standard library alone.

Its source, from `raw_inputs` on, is copied into exported models, which so take the same rows as `Model.predict` without osetra.

    number   the value; whether it is missing            date     parts of it; whether it is missing
    level    1 where the text is the level, else 0       hashed   +-1 in a bucket, log frequency; whether it is missing

Knows nothing of: models, files, frames.
"""

import math
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np


def raw_inputs(table: Mapping[str, Any], columns: Sequence[tuple[str, str, Sequence[str], Mapping[str, int]]]) -> np.ndarray:
    """Inputs before they are standardised, float64 [rows, inputs], NaN where a value is missing.

    table: values of each column by name, such as a dict of lists or a data frame. columns: kind, name, parts (one an input) and counts.
    Raises KeyError for a column that the table lacks, ValueError for text where numbers or dates belong.
    """
    made = []
    for kind, name, parts, counts in columns:
        if kind == "number":
            numbers = np.array([as_number(value, name) for value in table[name]], dtype=np.float64)
            made += [np.isnan(numbers) if part == "missing" else numbers for part in parts]
        elif kind == "date":
            stamps = np.array([as_date(value, name) for value in table[name]], dtype="datetime64[us]")
            made += [np.isnat(stamps) if part == "missing" else date_part(stamps, part) for part in parts]
        else:
            texts = [as_text(value) for value in table[name]]
            of_text = {text: level_row(text, parts) if kind == "level" else hashed_row(text, parts, counts) for text in set(texts)}
            made += list(np.array([of_text[text] for text in texts], dtype=np.float64).reshape(-1, len(parts)).T)
    return np.stack([column.astype(np.float64) for column in made], axis=1)


def is_missing(value: Any) -> bool:
    """None, NaN, NaT and the words that stand for a missing value."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, str):
        return value.strip() in ("", "?", "NA", "N/A", "NaN", "nan", "null", "NULL")
    return bool(value != value)


def as_number(value: Any, name: str) -> float:
    if is_missing(value):
        return math.nan
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name!r} must hold numbers, got {value!r}") from None
    if math.isinf(number):
        raise ValueError(f"{name!r} must hold finite numbers, got {value!r}")
    return number


def as_text(value: Any) -> str | None:
    if is_missing(value):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.strip() if isinstance(value, str) else str(value)


def as_date(value: Any, name: str) -> np.datetime64:
    """In UTC."""
    if is_missing(value):
        return np.datetime64("NaT", "us")
    try:
        if isinstance(value, str):
            text = value.strip()
            value = datetime.fromisoformat(text) if len(text) > len("2024-05") else np.datetime64(text, "us")
        if isinstance(value, datetime) and value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        if isinstance(value, date):
            return np.datetime64(value, "us")
        if isinstance(value, np.datetime64):
            return value.astype("datetime64[us]")
        raise TypeError
    except (TypeError, ValueError):
        raise ValueError(f"{name!r} must hold dates such as 2024-05-31, got {value!r}") from None


def date_part(stamps: np.ndarray, part: str) -> np.ndarray:
    """`seconds` since 1970, `year`, or `month`, `weekday` or `hour` on a circle, `sin` or `cos`; NaN where missing."""
    missing = np.isnat(stamps)
    ticks = np.where(missing, np.datetime64(0, "us"), stamps)
    day = 86_400_000_000
    microseconds = ticks.astype(np.int64)
    months = ticks.astype("datetime64[M]").astype(np.int64)
    if part == "seconds":
        values = microseconds / 1e6
    elif part == "year":
        values = ticks.astype("datetime64[Y]").astype(np.int64) + 1970.0
    else:
        unit, wave = part.split()
        turns = {"month": months % 12 / 12, "weekday": (microseconds // day + 3) % 7 / 7, "hour": microseconds % day / day}
        values = np.sin(2 * np.pi * turns[unit]) if wave == "sin" else np.cos(2 * np.pi * turns[unit])
    return np.where(missing, np.nan, values)


def level_row(text: str | None, parts: Sequence[str]) -> list[float]:
    """A level that training did not know, or a missing value where none was, is `other` if there is such an input, else none of them."""
    part = "missing" if text is None else f"level:{text}"
    wanted = part if part in parts else "other"
    return [float(part == wanted) for part in parts]


def hashed_row(text: str | None, parts: Sequence[str], counts: Mapping[str, int]) -> list[float]:
    if text is None:
        return [float(part == "missing") for part in parts]
    hashed = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    bucket, sign = f"bucket:{hashed % 32}", 1.0 if hashed >> 16 & 1 else -1.0
    values = {bucket: sign, "frequency": math.log(counts.get(text, 1))}
    return [values.get(part, 0.0) for part in parts]
