"""Looking for trials among rows: columns, conditions and orders, as every store must take them.

Knows nothing of: where rows are kept.
"""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from osetra.core.errors import StoreError
from osetra.core.ports import FIELDS, Condition, hyperparameter_of
from osetra.store.fields import shown
from osetra.store.rows import Row, check_limits

UNREADABLE = ("Infinity", "NaN")
"""In the text of a configuration: not every database reads a JSON with such a number."""
WHOLE = ("number", "epochs", "best_epoch", "num_parameters")
"""Fields that databases keep as integers."""


def check_search(order_by: str, where: Iterable[Condition], limit: int | None, offset: int) -> None:
    """Raises `StoreError` unless columns, conditions and page make sense."""
    for column in (order_by, *(condition.column for condition in where)):
        if column not in FIELDS and hyperparameter_of(column) is None:
            raise StoreError(f"a column of trials must be one of {', '.join(FIELDS)} or configuration.NAME, got {shown(column)}")
    for condition in where:
        for end in (condition.low, condition.high):
            if end is not None and (isinstance(end, bool) or not isinstance(end, int | float) or end != end):
                raise StoreError(f"a range of {condition.column} must have numbers for ends, got {shown(end)}; leave an end out with None")
        for value in condition.among:
            # NaN is the one number that differs from itself.
            if not (isinstance(value, int | float) and value == value) and not (isinstance(value, str) and _is_unicode(value)):
                raise StoreError(f"a value of {condition.column} must be a number, a text or a truth value, got {shown(value)}")
    check_limits(limit, offset)


def value_of(row: Row, column: str) -> float | int | str | None:
    """What a trial has in a column; None: nothing."""
    name = hyperparameter_of(column)
    if name is None:
        return row[column]
    try:
        value = json.loads(row["configuration"], parse_constant=_refuse).get(name)
    except ValueError:
        return None
    return value if isinstance(value, int | float | str) else None


def fulfils(row: Row, condition: Condition) -> bool:
    value = value_of(row, condition.column)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return False
    if condition.low is not None or condition.high is not None:
        if isinstance(value, str):
            return False
        if not (-math.inf if condition.low is None else condition.low) <= value <= (math.inf if condition.high is None else condition.high):
            return False
    return not condition.among or any(value == one and isinstance(value, str) == isinstance(one, str) for one in condition.among)


def in_order(rows: Sequence[Row], order_by: str, *, descending: bool) -> list[Row]:
    """Those without a value last, ties by number."""
    numbered = sorted(rows, key=lambda row: row["number"])
    given = [(value, row) for row in numbered if (value := value_of(row, order_by)) is not None]
    key: Callable[[tuple[Any, Row]], Any] = lambda one: _place(one[0])  # noqa: E731
    return [row for _, row in sorted(given, key=key, reverse=descending)] + [row for row in numbered if value_of(row, order_by) is None]


def _place(value: float | str) -> tuple[Any, ...]:
    if isinstance(value, str):
        # Databases order texts by their bytes.
        return (1, False, 0.0, value.encode())
    is_nan = isinstance(value, float) and math.isnan(value)
    return (0, is_nan, 0.0 if is_nan else value, b"")


def _refuse(word: str) -> None:
    # Databases do not read JSON with numbers that are not finite.
    raise ValueError(word)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
