"""What the store holds of a study that goes on: curves, events, checkpoints.

A study follows from its seed and from what its trials came to (see `rounds`). So one that broke off goes on by being carried through
once more, from the beginning, with every stretch whose epochs are recorded recalled instead of trained. What comes to the store's
door a second time is known there and not written again.
Knows nothing of: how trials are trained and when.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from osetra.core.ports import Store
from osetra.core.records import EpochRecord, Event, Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """When a search under a budget in seconds gave way to its finals: the one decision that the clock takes."""

    asks: int
    """How often the search had been asked by then."""
    finalists: tuple[int, ...]
    """Trials that came to the finals; empty: there were none."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True, kw_only=True)
class Past:
    """Of a study that begins: nothing."""

    curves: Mapping[int, Sequence[EpochRecord]] = field(default_factory=dict)
    trials: Mapping[int, Trial] = field(default_factory=dict)
    checkpoints: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Epochs of which there is one, rising, by trial."""
    promoted: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """By trial the epochs from which it was sent on."""
    raised: str = ""
    """The traceback of the first trial that raised."""
    searched: Searched | None = None
    _events: Counter[tuple[int | None, int | None, str]] = field(default_factory=Counter)

    @staticmethod
    def of(store: Store, study: str) -> "Past":
        """Everything recorded so far."""
        trials = {trial.number: trial for trial in store.trials(study, order_by="number")}
        events = store.events(study)
        ended = [event.detail for event in events if event.kind == "search ended"]
        checkpoints: dict[int, list[int]] = {}
        for kept in store.checkpoints(study):
            checkpoints.setdefault(kept.trial, []).append(kept.epoch)
        return Past(
            curves={number: store.curve(study, number) for number in trials},
            trials=trials,
            checkpoints={number: sorted(epochs) for number, epochs in checkpoints.items()},
            promoted=_promoted(events),
            raised=next((str(event.detail["traceback"]) for event in events if event.kind == "raised"), ""),
            searched=Searched(asks=ended[0]["asks"], finalists=tuple(ended[0]["finalists"])) if ended else None,
            _events=Counter(_key(event) for event in events),
        )

    @property
    def is_known(self) -> bool:
        """Whether any trial had begun."""
        return bool(self.trials)

    def curve(self, number: int) -> Sequence[EpochRecord]:
        return self.curves.get(number, ())

    def new_events(self, events: Iterable[Event]) -> list[Event]:
        """Those that are not recorded yet: of each kind, trial and epoch, as many as come in excess of what the store holds."""
        fresh = []
        for event in events:
            if self._events[_key(event)] > 0:
                self._events[_key(event)] -= 1
            else:
                fresh.append(event)
        return fresh

    def checkpoint_before(self, number: int, epoch: int) -> int | None:
        """The last epoch up to `epoch` of which the trial has a checkpoint."""
        return max((kept for kept in self.checkpoints.get(number, ()) if kept <= epoch), default=None)


def _promoted(events: Iterable[Event]) -> dict[int, frozenset[int]]:
    by_trial: dict[int, set[int]] = {}
    for event in events:
        if event.kind == "promoted" and event.trial is not None and event.epoch is not None:
            by_trial.setdefault(event.trial, set()).add(event.epoch)
    return {number: frozenset(epochs) for number, epochs in by_trial.items()}


def _key(event: Event) -> tuple[int | None, int | None, str]:
    return event.trial, event.epoch, event.kind
