"""What a store in memory holds: rows by study, behind one lock.

Knows nothing of: what is asked of them.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from osetra.core.errors import StoreError
from osetra.core.records import EpochRecord
from osetra.store import rows, writers
from osetra.store.rows import Row


@dataclass(slots=True, kw_only=True)
class Kept:
    """One study."""

    study: Row
    trials: dict[int, Row] = field(default_factory=dict)
    curves: dict[int, dict[int, Row]] = field(default_factory=dict)
    events: list[Row] = field(default_factory=list)
    checkpoints: dict[tuple[int, int], tuple[Row, bytes]] = field(default_factory=dict)
    commands: list[Row] = field(default_factory=list)
    writer: Row | None = None
    changes: int = 0


class KeptStudies:
    """The ground of a `MemoryStore`: studies by name. Whoever reads or writes them holds the lock."""

    def __init__(self) -> None:
        self._studies: dict[str, Kept] = {}
        self._lock = RLock()
        self._last_command = 0
        self._closed = False

    def __getstate__(self) -> dict[str, Any]:
        # A lock and a claim belong to their process; the records may go to another, with an estimator that was fitted there.
        with self._lock:
            state = self.__dict__ | {"_studies": deepcopy(self._studies)}
        del state["_lock"]
        for kept in state["_studies"].values():
            kept.writer = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=RLock())

    def _kept(self, name: str) -> Kept:
        self._check_open()
        kept = self._studies.get(name)
        if kept is None:
            raise rows.unknown_study(name, [kept.study["name"] for kept in self._newest_first()])
        return kept

    def _held(self, name: str, owner: str | None) -> Kept:
        """To be written by `owner`, if that is given."""
        kept = self._kept(name)
        if owner is not None:
            writers.require(name, owner, kept.writer)
        return kept

    def _newest_first(self) -> list[Kept]:
        oldest_first = sorted(self._studies.values(), key=lambda kept: kept.study["created"])
        return oldest_first[::-1]

    def _check_trial(self, kept: Kept, number: int) -> None:
        numbers = kept.trials.keys()
        if number not in numbers:
            first, last = min(numbers, default=None), max(numbers, default=None)
            raise rows.unknown_trial(kept.study["name"], number, count=len(numbers), first=first, last=last)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed; open it again")


def curve_of(kept: Kept, number: int) -> list[EpochRecord]:
    """The epochs of one trial in order; empty if none is recorded."""
    curve = kept.curves.get(number, {})
    return [rows.epoch_of(curve[epoch]) for epoch in sorted(curve)]


def by_dev_error(row: Mapping[str, Any]) -> tuple[bool, float, int]:
    """Sorts the best first, those without a result last."""
    dev_error = row["dev_error"]
    return (dev_error is None, 0.0 if dev_error is None else dev_error, row["number"])


def by_number(row: Mapping[str, Any]) -> int:
    return row["number"]
