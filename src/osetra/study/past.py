"""What the store holds of a study that goes on: curves, events, checkpoints.

A study follows from its seed and from what its trials came to (see `rounds`). So one that broke off goes on by being carried through
once more, from the beginning, with every stretch whose epochs are recorded recalled instead of trained. What comes to the store's
door a second time is known there and not written again.
Knows nothing of: how trials are trained and when.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from osetra.core.ports import Store
from osetra.core.records import EpochRecord, Event, Trial, TrialState
from osetra.training.steering import Change

LAST = "last"
"""Why the search keeps a checkpoint: it is the trial's last one."""


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
    last_checkpoints: Sequence[tuple[int, int, int, float]] = ()
    """Of those that the search kept, to go on from: trial, epoch, bytes, and seconds trained by then."""
    promoted: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """By trial the epochs from which it was sent on."""
    raised: str = ""
    """The traceback of the first trial that raised."""
    searched: Searched | None = None
    scripts: Mapping[int, Sequence[Change]] = field(default_factory=dict)
    """Of the trials in hand (see `desk`): what was changed."""
    taken: Mapping[int, Sequence[EpochRecord]] = field(default_factory=dict)
    """What the search knew of those when they left it."""
    seeds: Mapping[int, int] = field(default_factory=dict)
    """Of branches: the trial whose randomness they have."""
    trained: Mapping[int, int] = field(default_factory=dict)
    """Epochs that trials in hand trained since they were taken, ways given up included."""
    cut_short: Mapping[int, tuple[TrialState, str]] = field(default_factory=dict)
    """Of trials in hand that ended because the study did: their state before, and its reason."""
    carried_out: Mapping[int, int | None] = field(default_factory=dict)
    """Commands by id that an event says were carried out, and the epoch of it."""
    events: Sequence[Event] = ()
    _events: Counter[tuple[int | None, int | None, str]] = field(default_factory=Counter)

    @staticmethod
    def of(store: Store, study: str) -> "Past":
        """Everything recorded so far."""
        trials = {trial.number: trial for trial in store.trials(study, order_by="number")}
        events = store.events(study)
        ended = [event.detail for event in events if event.kind == "search ended"]
        scripts, taken, seeds = _in_hand(events)
        checkpoints: dict[int, list[int]] = {}
        known = store.checkpoints(study)
        for kept in known:
            checkpoints.setdefault(kept.trial, []).append(kept.epoch)
        curves = {number: store.curve(study, number) for number in trials}
        return Past(
            curves=curves,
            trials=trials,
            checkpoints={number: sorted(epochs) for number, epochs in checkpoints.items()},
            last_checkpoints=[
                (kept.trial, kept.epoch, kept.bytes, sum(epoch.seconds for epoch in curves[kept.trial][: kept.epoch]))
                for kept in known
                if kept.why == LAST
            ],
            promoted=_promoted(events),
            raised=next((str(event.detail["traceback"]) for event in events if event.kind == "raised"), ""),
            searched=Searched(asks=ended[0]["asks"], finalists=tuple(ended[0]["finalists"])) if ended else None,
            scripts=scripts,
            taken=taken,
            seeds=seeds,
            trained=_trained(events, curves, taken),
            cut_short=_cut_short(events, trials),
            carried_out={event.detail["command"]: event.epoch for event in events if event.detail.get("command") is not None},
            events=events,
            # What is done to trials in hand is not done again when the search is recalled.
            _events=Counter(_key(event) for event in events if event.trial not in scripts),
        )

    @property
    def is_known(self) -> bool:
        """Whether any trial had begun."""
        return bool(self.trials)

    def curve(self, number: int) -> Sequence[EpochRecord]:
        """What the search trained of it."""
        return self.taken[number] if number in self.taken else self.curves.get(number, ())

    def curve_in_hand(self, number: int) -> Sequence[EpochRecord]:
        """All of it."""
        return self.curves.get(number, ())

    def new_events(self, events: Iterable[Event]) -> list[Event]:
        """Those that are not recorded yet: of each kind, trial and epoch, as many as come in excess of what the store holds."""
        fresh = []
        for event in events:
            # What somebody asked for is done once, so it is never what was recorded before.
            if event.detail.get("command") is None and self._events[_key(event)] > 0:
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


def _in_hand(events: Sequence[Event]) -> tuple[dict[int, list[Change]], dict[int, list[EpochRecord]], dict[int, int]]:
    """Scripts, what the search knew, and whose randomness it is, of the trials that were taken in hand; from their events."""
    scripts: dict[int, list[Change]] = {}
    taken: dict[int, list[EpochRecord]] = {}
    seeds: dict[int, int] = {}
    for event in events:
        number, detail = event.trial, event.detail
        if number is None:
            continue
        if event.kind == "taken in hand":
            taken[number] = [_epoch(row) for row in detail["curve"]]
            scripts[number] = [_change(detail)]
        elif event.kind == "branched":
            seeds[number], scripts[number] = detail["seed"], [_change(line) for line in detail["script"]]
            taken[number] = []
        elif event.kind in ("set", "extended"):
            scripts[number].append(_change(detail))
        elif event.kind == "rolled back":
            scripts[number] = [line for line in scripts[number] if line.epoch < detail["epoch"]] + [_change(detail)]
    return scripts, taken, seeds


def _trained(
    events: Iterable[Event], curves: Mapping[int, Sequence[EpochRecord]], taken: Mapping[int, Sequence[EpochRecord]]
) -> dict[int, int]:
    """See `Past.trained`."""
    trained = {number: len(curves[number]) - len(known) for number, known in taken.items()}
    for event in events:
        if event.trial is not None and event.kind == "branched":
            trained[event.trial] -= event.detail["epoch"]
        elif event.trial is not None and event.kind == "rolled back":
            trained[event.trial] += event.detail["from"] - event.detail["epoch"]
    return trained


def _cut_short(events: Iterable[Event], trials: Mapping[int, Trial]) -> dict[int, tuple[TrialState, str]]:
    """See `Desk.end`; of several ends of a trial the last one counts."""
    stood = {event.trial: event.detail.get("stood") for event in events if event.kind == str(TrialState.STOPPED)}
    return {
        number: (TrialState(before["state"]), before["reason"])
        for number, trial in trials.items()
        if trial.state is TrialState.STOPPED and (before := stood.get(number)) is not None
    }


def _change(detail: Mapping[str, Any]) -> Change:
    return Change(epoch=detail["epoch"], settings=detail["settings"], total=detail["total"])


def _epoch(row: Sequence[Any]) -> EpochRecord:
    epoch, *numbers = row
    cost, train_error, dev_loss, dev_error, seconds = (math.nan if number is None else number for number in numbers)
    return EpochRecord(epoch=epoch, train_cost=cost, train_error=train_error, dev_loss=dev_loss, dev_error=dev_error, seconds=seconds)


def _key(event: Event) -> tuple[int | None, int | None, str]:
    return event.trial, event.epoch, event.kind
