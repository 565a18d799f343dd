"""One field of a record as a plain value, and back.

Numbers are kept as Python's own, nested values as JSON text (tuples come back as lists, keys as text), times as microseconds since 1970
in UTC. `what` names the field in the message of the `StoreError` that a value raises which cannot be kept.

Knows nothing of: records.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from osetra.core.errors import StoreError

MAX_NUMBER = 2**31 - 1
"""Of a trial or an epoch: what every database's integer holds."""
MAX_LARGE = 2**63 - 1
"""Of an id, a step or a number of bytes."""

_EPOCH_0 = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def as_count(value: int, what: str, most: int = MAX_NUMBER) -> int:
    value = int(value)
    if not 0 <= value <= most:
        raise StoreError(f"{what} must be between 0 and {most} to be kept, got {value}")
    return value


def as_text(value: str, what: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise StoreError(f"{what} must be valid Unicode to be kept, got {shown(value)}; rename what it names") from None
    if "\0" in value:
        raise StoreError(f"{what} must be free of NUL characters to be kept, got {shown(value)}")
    return value


def as_json(value: Mapping[str, Any], what: str) -> str:
    try:
        return json.dumps(dict(value), separators=(",", ":"), default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"{what} must hold only what JSON can carry (text, numbers, booleans, None, lists, mappings): {error}") from error


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"got {shown(value)} of type {type(value).__name__}")


def as_microseconds(value: datetime, what: str) -> int:
    if value.tzinfo is None:
        raise StoreError(f"{what} must be a time with its time zone, got {value.isoformat()}; make it with datetime.now(UTC)")
    return (value - _EPOCH_0) // _MICROSECOND


def as_datetime(microseconds: int) -> datetime:
    return _EPOCH_0 + timedelta(microseconds=microseconds)


def shown(value: object) -> str:
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
