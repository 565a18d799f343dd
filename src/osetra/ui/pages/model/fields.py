"""The form of a model of a table: one field for each column, made from what its preparation knows, and the row that is typed in.

Knows nothing of: elements.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from osetra.data.columns import LEVEL, MISSING, OTHER, Column, DateColumn, HashedColumn, NumberColumn

if TYPE_CHECKING:
    import pandas as pd

    from osetra.data.prepare import Preparation

MOST_FIELDS = 40
"""Columns beyond it are left blank, which the network takes for their mean."""
MISSING_WORD, OTHER_WORD = "(missing)", "(another)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What is typed for one column."""

    name: str
    kind: Literal["number", "date", "choice", "text"]
    value: str
    """To begin with: what is usual in the training rows."""
    hint: str
    levels: tuple[str, ...] = ()
    """Of a choice, as the data have them."""

    @property
    def options(self) -> list[str]:
        """Of a choice: its levels, one for any other and one for none."""
        return [*self.levels, *(word for word in (OTHER_WORD, MISSING_WORD) if word not in self.levels)]

    def read(self, text: str | None) -> str | None:
        """The value for the model; None where it is missing."""
        typed = (text or "").strip()
        if self.kind == "choice" and typed not in self.levels:
            return None if typed in (MISSING_WORD, "") else _ANOTHER if typed == OTHER_WORD else typed
        return typed or None


_ANOTHER = "\N{REPLACEMENT CHARACTER} another"
"""A level that no data have."""


def fields_of(preparation: "Preparation", sketch: Mapping[str, Any]) -> list[Field]:
    """One for each of the first columns in use. sketch: of the study's features, as its fingerprint has it; may be empty."""
    return [_field(column, sketch.get(column.column) or {}) for column in preparation.columns[:MOST_FIELDS]]


def row_of(preparation: "Preparation", fields: Sequence[Field], typed: Mapping[str, str | None]) -> "pd.DataFrame":
    """The typed row, with the columns that have no field left blank."""
    import pandas as pd

    known = {field.name: field.read(typed.get(field.name)) for field in fields}
    return pd.DataFrame({column.column: pd.Series([known.get(column.column)], dtype=object) for column in preparation.columns})


def _field(column: Column, known: Mapping[str, Any]) -> Field:
    if isinstance(column, NumberColumn):
        return _number(column, known)
    if isinstance(column, DateColumn):
        return _date(column, known)
    if isinstance(column, HashedColumn):
        common = sorted(column.counts, key=lambda level: (-column.counts[level], level))
        hint = f"text; such as {_cut(common[1])}" if len(common) > 1 else "text"
        return Field(name=column.column, kind="text", value=common[0] if common else "", hint=hint)
    levels = sorted((item for item in column.inputs if item.part.startswith(LEVEL)), key=lambda item: -item.mean)
    texts = [item.part.removeprefix(LEVEL) for item in levels]
    parts = {item.part for item in column.inputs}
    usual = texts[0] if texts else MISSING_WORD if MISSING in parts else OTHER_WORD
    hint = f"{len(texts):,} levels" + (", rare ones together" if OTHER in parts else "")
    return Field(name=column.column, kind="choice", value=usual, hint=hint, levels=tuple(texts))


def _number(column: NumberColumn, known: Mapping[str, Any]) -> Field:
    item = next((item for item in column.inputs if item.part == "value"), None)
    mean, spread = (item.mean, item.scale) if item is not None else (0.0, 0.0)
    cuts = known.get("quantiles") or [pair[0] for pair in known.get("values") or ()]
    if cuts:
        usual = cuts[len(cuts) // 2] if known.get("quantiles") else max(known["values"], key=lambda pair: pair[1])[0]
        return Field(name=column.column, kind="number", value=_plain(usual), hint=f"{_plain(cuts[0])} to {_plain(cuts[-1])}")
    return Field(
        name=column.column, kind="number", value=_plain(mean), hint=f"about {_plain(mean - 2 * spread)} to {_plain(mean + 2 * spread)}"
    )


def _date(column: DateColumn, known: Mapping[str, Any]) -> Field:
    item = next((item for item in column.inputs if item.part == "seconds"), None)
    import numpy as np

    usual = str(np.datetime64(int(item.mean), "s").astype("datetime64[D]")) if item is not None else ""
    first, last = str(known.get("first", ""))[:10], str(known.get("last", ""))[:10]
    return Field(name=column.column, kind="date", value=usual, hint=f"{first} to {last}" if first and last else "a date such as 2024-05-31")


def _plain(value: float) -> str:
    return f"{value:.6g}" if abs(value) < 1e15 else f"{value:g}"


def _cut(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:29]}…"
