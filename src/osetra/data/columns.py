"""How one column of a table becomes network inputs: numbers, dates, levels, hashed levels.

Every input is standardised with the training rows' moments, x := (x - mu)/sigma, mu = 1/m sum x, sigma^2 = 1/m sum (x - mu)^2,
and clipped to +-20, so that one odd row cannot blow a network up. A missing value becomes the mean, 0. Inputs that take few values
(a level, a hashed bucket, whether a value is missing) are scaled by no less than a tenth of their greatest distance from the mean:
that of a rare level stays within +-10.

Knows nothing of: targets, parts, how a treatment is chosen (see `treatments`).
"""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from osetra.data.values import dates, numbers, texts

if TYPE_CHECKING:
    import pandas as pd

CLIP = 20.0
RARE_LIMIT = 10.0
HASH_BUCKETS = 32

MISSING = "missing"
OTHER = "other"
LEVEL = "level:"
BUCKET = "bucket:"
FREQUENCY = "frequency"

_GATHER_ROWS = 65_536
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One network input: (raw - mean)/scale, clipped."""

    part: str
    """What it is of its column, such as `value`, `missing`, `level:Private`, `month sin`."""
    mean: float
    scale: float

    def __post_init__(self) -> None:
        assert self.scale > 0, f"{self.part}: scale {self.scale}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(ABC):
    """A column of the table, fitted."""

    kind: ClassVar[str]
    column: str
    inputs: tuple[Input, ...]

    @abstractmethod
    def fill(self, series: "pd.Series", out: np.ndarray) -> None:
        """Write the inputs of `series` [rows] into `out`, float32 [rows, inputs]. Raises DataError if a value does not fit the column."""

    def names(self) -> tuple[str, ...]:
        """What to call each input."""
        return tuple(self._name(item.part) for item in self.inputs)

    def _name(self, part: str) -> str:
        if part == MISSING:
            return f"{self.column} is missing"
        if part.startswith(LEVEL):
            return f"{self.column}={part.removeprefix(LEVEL)}"
        if part == OTHER:
            return f"{self.column} is another, rare level"
        return f"{self.column} {part.replace(':', ' ')}"

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "column": self.column, "inputs": [[item.part, item.mean, item.scale] for item in self.inputs]}


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberColumn(Column):
    """`value` and, if training rows lacked some, `missing`."""

    kind = "number"

    def fill(self, series: "pd.Series", out: np.ndarray) -> None:
        values = numbers(series, column=self.column)
        for place, item in enumerate(self.inputs):
            out[:, place] = standardised(np.isnan(values) if item.part == MISSING else values, item)

    def _name(self, part: str) -> str:
        return self.column if part == "value" else Column._name(self, part)


@dataclass(frozen=True, slots=True, kw_only=True)
class DateColumn(Column):
    """Some of `DATE_PARTS` and, if training rows lacked some, `missing`."""

    kind = "date"

    def fill(self, series: "pd.Series", out: np.ndarray) -> None:
        stamps = dates(series, column=self.column)
        for place, item in enumerate(self.inputs):
            out[:, place] = standardised(np.isnat(stamps) if item.part == MISSING else date_part(stamps, item.part), item)


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelColumn(Column):
    """One input a level; a level unknown or missing in training is `other` if there is one, else none of them."""

    kind = "level"

    def fill(self, series: "pd.Series", out: np.ndarray) -> None:
        codes, levels = texts(series)
        _gather(level_table(levels, [item.part for item in self.inputs]), self.inputs, codes, out)


@dataclass(frozen=True, slots=True, kw_only=True)
class HashedColumn(Column):
    """Each level is +1 or -1 in one of 32 buckets, by a hash that is the same everywhere, and has its log frequency in training."""

    kind = "hashed"
    counts: Mapping[str, int] = field(default_factory=dict)
    """Training rows of the levels that had more than one; any other level counts as 1 row."""

    def fill(self, series: "pd.Series", out: np.ndarray) -> None:
        codes, levels = texts(series)
        _gather(hashed_table(levels, [item.part for item in self.inputs], self.counts), self.inputs, codes, out)

    def _name(self, part: str) -> str:
        return f"{self.column} log frequency" if part == FREQUENCY else Column._name(self, part)

    def to_dict(self) -> dict[str, Any]:
        return {**Column.to_dict(self), "counts": dict(self.counts)}


def column_from_dict(record: Mapping[str, Any]) -> Column:
    """The inverse of `to_dict`."""
    kinds: dict[str, type[Column]] = {kind.kind: kind for kind in (NumberColumn, DateColumn, LevelColumn, HashedColumn)}
    inputs = tuple(Input(part=part, mean=float(mean), scale=float(scale)) for part, mean, scale in record["inputs"])
    extra = {"counts": {level: int(count) for level, count in record["counts"].items()}} if "counts" in record else {}
    return kinds[record["kind"]](column=record["column"], inputs=inputs, **extra)


DATE_PARTS = ("seconds", "year", "month sin", "month cos", "weekday sin", "weekday cos", "hour sin", "hour cos")


def date_part(stamps: np.ndarray, part: str) -> np.ndarray:
    """One of DATE_PARTS of datetime64[us] stamps, float64 [rows], NaN where missing; `seconds` since 1970, UTC."""
    missing = np.isnat(stamps)
    ticks = np.where(missing, 0, stamps.astype(np.int64))
    if part == "seconds":
        values = ticks / 1e6
    elif part == "year":
        values = np.where(missing, 0, stamps.astype("datetime64[Y]").astype(np.int64)) + 1970.0
    else:
        unit, wave = part.split()
        match unit:
            case "month":
                turn = np.where(missing, 0, stamps.astype("datetime64[M]").astype(np.int64)) % 12 / 12
            case "weekday":
                turn = (ticks // _DAY_US + 3) % 7 / 7  # 1970 began on a Thursday; Monday is 0.
            case _:
                turn = ticks % _DAY_US / _DAY_US
        values = np.sin(2 * np.pi * turn) if wave == "sin" else np.cos(2 * np.pi * turn)
    values[missing] = np.nan
    return values


def level_table(levels: list[str], parts: list[str]) -> np.ndarray:
    """Raw inputs of each level, 0 or 1, [levels + 1, parts]; the last row is that of a missing value."""
    places = {part.removeprefix(LEVEL): place for place, part in enumerate(parts) if part.startswith(LEVEL)}
    other = parts.index(OTHER) if OTHER in parts else -1
    chosen = [places.get(level, other) for level in levels]
    chosen.append(parts.index(MISSING) if MISSING in parts else other)
    table = np.zeros((len(chosen), len(parts) + 1))
    table[np.arange(len(chosen)), chosen] = 1  # What has no place, -1, goes to a column too many.
    return table[:, :-1]


def hashed_table(levels: list[str], parts: list[str], counts: Mapping[str, int]) -> np.ndarray:
    """Raw inputs of each level, [levels + 1, parts]; the last row is that of a missing value."""
    hashes = np.array([zlib.crc32(level.encode("utf-8", "surrogatepass")) for level in levels], dtype=np.int64)
    buckets, signs = hashes % HASH_BUCKETS, np.where(hashes >> 16 & 1, 1.0, -1.0)
    table = np.zeros((len(levels) + 1, len(parts)))
    for place, part in enumerate(parts):
        if part == FREQUENCY:
            table[:-1, place] = np.log([counts.get(level, 1) for level in levels])
        elif part == MISSING:
            table[-1, place] = 1
        else:
            table[:-1, place] = np.where(buckets == int(part.removeprefix(BUCKET)), signs, 0)
    return table


def standardised(raw: np.ndarray, item: Input) -> np.ndarray:
    """(raw - mean)/scale clipped to +-20, 0 where NaN; float64 [rows]."""
    with np.errstate(over="ignore"):
        values = (raw - item.mean) / item.scale
    np.clip(values, -CLIP, CLIP, out=values)
    values[np.isnan(values)] = 0.0
    return values


def _gather(table: np.ndarray, inputs: tuple[Input, ...], codes: np.ndarray, out: np.ndarray) -> None:
    """Standardise the few distinct rows, then copy one for each row of the table."""
    ready = np.stack([standardised(table[:, place], item) for place, item in enumerate(inputs)], axis=1).astype(np.float32)
    for start in range(0, len(codes), _GATHER_ROWS):
        out[start : start + _GATHER_ROWS] = ready[codes[start : start + _GATHER_ROWS]]
