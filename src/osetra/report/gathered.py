"""All that a report is made of, as records; of a study of very many trials a sample of them, with what is counted over all.

Knows nothing of: where they are kept, what is said of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from osetra.core.direction import maximizes
from osetra.core.ports import Level
from osetra.core.records import Configuration, EpochRecord, Event, Study, Task, Trial, TrialState
from osetra.report.words import BROKEN_OFF

if TYPE_CHECKING:
    from osetra.space.space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """A study with its trials, as given (not turned for a study that maximises)."""

    study: Study
    trials: Sequence[Trial] = ()
    """All of them, best first; of very many with a result a sample, as `figures.sample.points_of` draws one."""
    levels: Sequence[Level] | None = None
    """How far all trials came (`best` is the one that wins), where `trials` are a sample."""
    leaders: Sequence[Trial] | None = None
    """Of all trials those that were the best when they began, where `trials` are a sample."""
    best: Trial | None = None
    curves: Mapping[int, Sequence[EpochRecord]] = field(default_factory=dict)
    """Of the trials that are drawn, by number."""
    states: Mapping[int, TrialState] = field(default_factory=dict)
    """Of these trials."""
    events: Sequence[Event] = ()
    """Of the best trial, in the order in which they happened, as all that follows."""
    notable: Sequence[Event] = ()
    """Of the study and all trials what not every trial goes through; of very many the last, as `records.events_table` takes them."""
    times: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """When trials began, went on and ended, in seconds, by the kind of event."""
    rungs: Sequence[int] = ()
    """Epochs at which trials waited before they went on, ascending."""
    space: "Space | None" = None
    diagnosis: Mapping[str, Any] | None = None
    """As `Diagnosis.to_dict` gives it."""
    no_diagnosis: str = ""
    """Why there is none."""
    importance: Mapping[str, Any] | None = None
    """As `Importances.to_dict` gives it."""
    no_importance: str = ""
    """Why there is none."""
    broke_off: datetime | None = None
    """When the study was last heard of, where its record says that it is trained and nobody trains it."""

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.study.facts

    @property
    def state(self) -> str:
        """As the study's record says, or `words.BROKEN_OFF`."""
        return str(self.study.state) if self.broke_off is None else BROKEN_OFF

    @property
    def error_name(self) -> str:
        return self.study.error_name

    @property
    def is_objective(self) -> bool:
        return self.study.task is Task.OBJECTIVE

    @property
    def maximize(self) -> bool:
        return maximizes(self.study)

    @property
    def evaluation(self) -> Mapping[str, Any]:
        """What the network answered on dev; empty where that was not kept."""
        return self.facts.get("evaluation") or {}

    @property
    def total(self) -> int:
        """How many trials there are."""
        return len(self.trials) if self.levels is None else sum(level.trials for level in self.levels)

    @property
    def scored(self) -> int | None:
        """How many have a result; None where `trials` are all, who say it themselves."""
        return None if self.levels is None else sum(level.scored for level in self.levels)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many trials are in each state, the most frequent first."""
        if self.levels is None:
            return counted_states((trial.state, 1) for trial in self.trials)
        return counted_states((level.state, level.trials) for level in self.levels)

    @property
    def lengths(self) -> set[int]:
        """To how many epochs trials came, beside those that came to none."""
        return {one.epochs for one in (self.trials if self.levels is None else self.levels) if one.epochs}

    @property
    def probes(self) -> list[Mapping[str, Any]]:
        """Of the best trial's layers."""
        return probes_of(self.events)


def counted_states(counted: Iterable[tuple[TrialState, int]]) -> Mapping[str, int]:
    """How many trials are in each state, from how many were met, the most frequent first."""
    counts: dict[str, int] = {}
    for state, count in counted:
        counts[str(state)] = counts.get(str(state), 0) + count
    return dict(sorted(counts.items(), key=lambda entry: -entry[1]))


def probes_of(events: Iterable[Event]) -> list[Mapping[str, Any]]:
    """What probes of one trial's layers showed: `epoch` and `layers`, none where a probe does not say."""
    return [{"epoch": event.epoch or 0, "layers": _layers(event.detail.get("layers"))} for event in events if event.kind == "probe"]


def _layers(given: Any) -> list[Mapping[str, Any]]:
    """A store may hold events that others wrote."""
    return [layer for layer in given if isinstance(layer, Mapping)] if isinstance(given, list | tuple) else []


def second_of_two(evaluation: Mapping[str, Any]) -> Any:
    """Of two classes the second, whose probability the calibration is of; None of more."""
    labels = (evaluation.get("confusion") or {}).get("labels") or ()
    return labels[1] if len(labels) == 2 else None


def searched(configuration: Configuration, space: "Space | None") -> Configuration:
    """The part of a configuration that was searched; all of it where the space is not known."""
    return configuration if space is None else {name: configuration[name] for name in space.names if name in configuration}
