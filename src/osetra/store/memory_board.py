"""Reading many trials of a store in memory at once: looked for, drawn, counted.

Knows nothing of: how rows are written.
"""

from collections.abc import Mapping, Sequence

from osetra.core import drawing
from osetra.core.ports import Condition, Level, TrialPage
from osetra.core.records import EpochRecord, Event, Trial, TrialState
from osetra.store import board_rows, rows
from osetra.store.memory_kept import KeptStudies, by_dev_error, by_number, curve_of
from osetra.store.rows import Row


class MemoryBoard(KeptStudies):
    """The part of a `MemoryStore` by which many trials are read at once."""

    def find_trials(
        self,
        study: str,
        *,
        order_by: str = "dev_error",
        descending: bool = False,
        states: Sequence[TrialState] = (),
        where: Sequence[Condition] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> TrialPage:
        """A page of the trials that fulfil all conditions. `StoreError` for a column, limit or offset that makes no sense."""
        board_rows.check_search(order_by, where, limit, offset)
        with self._lock:
            found = [row for row in self._kept(study).trials.values() if not states or row["state"] in states]
            found = [row for row in found if all(board_rows.fulfils(row, condition) for condition in where)]
            page = board_rows.in_order(found, order_by, descending=descending)[offset : None if limit is None else offset + limit]
            return TrialPage(trials=[rows.trial_of(row) for row in page], total=len(found))

    def sample_trials(self, study: str, *, best: int, drawn: int, is_scored: bool = False) -> Sequence[Trial]:
        """Those with the lowest dev errors, and others drawn by their numbers, best first."""
        with self._lock:
            found = [row for row in self._kept(study).trials.values() if not is_scored or row["dev_error"] is not None]
            found.sort(key=by_dev_error)
            ahead = [row for row in found[:best] if row["dev_error"] is not None]
            others = sorted(found[len(ahead) :], key=lambda row: drawing.key(row["number"]))[:drawn]
            return [rows.trial_of(row) for row in sorted([*ahead, *others], key=by_dev_error)]

    def leaders(self, study: str) -> Sequence[Trial]:
        """Trials that were the best when they were begun, by number."""
        found: list[Row] = []
        with self._lock:
            for row in sorted(self._kept(study).trials.values(), key=by_number):
                able = TrialState(row["state"]).can_win and row["dev_error"] is not None
                if able and (not found or row["dev_error"] < found[-1]["dev_error"]):
                    found.append(row)
            return [rows.trial_of(row) for row in found]

    def levels(self, study: str) -> Sequence[Level]:
        """How far all trials came, ascending by epochs, then by state."""
        groups: dict[tuple[int, str], list[float | None]] = {}
        with self._lock:
            for row in self._kept(study).trials.values():
                groups.setdefault((row["epochs"], row["state"]), []).append(row["dev_error"])
        levels = []
        for (epochs, state), errors in sorted(groups.items()):
            known = [error for error in errors if error is not None]
            best = min(known, default=None)
            levels.append(Level(epochs=epochs, state=TrialState(state), trials=len(errors), scored=len(known), best=best))
        return levels

    def version(self, study: str) -> int:
        """How often anything of the study was recorded."""
        with self._lock:
            return self._kept(study).changes

    def curves(self, study: str, numbers: Sequence[int], *, most: int | None = None) -> Mapping[int, Sequence[EpochRecord]]:
        """The curves of these trials, by number; of each at most so many epochs, evenly."""
        rows.check_most(most)
        with self._lock:
            found = {number: curve_of(self._kept(study), number) for number in numbers}
        if most is None:
            return found
        return {number: _spread(curve, most) for number, curve in found.items()}

    def last_events(self, study: str, *, but: Sequence[str] = (), limit: int) -> Sequence[Event]:
        """The last so many of all events, those of the kinds in `but` left out."""
        rows.check_limits(limit, 0)
        with self._lock:
            found = [row for row in self._kept(study).events if row["kind"] not in but]
            return [rows.event_of(row) for row in found[max(0, len(found) - limit) :]]

    def event_epochs(self, study: str, kind: str) -> Sequence[int]:
        """The epochs that events of a kind have, each once, ascending."""
        with self._lock:
            return sorted({row["epoch"] for row in self._kept(study).events if row["kind"] == kind and row["epoch"] is not None})

    def event_times(self, study: str, kinds: Sequence[str]) -> Mapping[str, Sequence[float]]:
        """When events of these kinds were, in seconds since 1970, ascending."""
        with self._lock:
            kept = self._kept(study).events
            return {kind: sorted(row["at"] / 1e6 for row in kept if row["kind"] == kind) for kind in kinds}


def _spread(curve: Sequence[EpochRecord], most: int) -> list[EpochRecord]:
    """At most so many epochs: the first, every so many after it, and the last."""
    last = curve[-1].epoch if curve else 0
    step = 1 + max(0, last - 2) // (most - 1)
    return [record for record in curve if record.epoch == last or (record.epoch - 1) % step == 0]
