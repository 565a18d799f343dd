"""All that a report is made of, as records.

Knows nothing of: where they are kept, what is said of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from osetra.core.direction import maximizes
from osetra.core.records import Configuration, EpochRecord, Event, Study, Task, Trial, TrialState

if TYPE_CHECKING:
    from osetra.space.space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """A study with its trials, as given (not turned for a study that maximises)."""

    study: Study
    trials: Sequence[Trial] = ()
    """All of them, best first."""
    best: Trial | None = None
    curves: Mapping[int, Sequence[EpochRecord]] = field(default_factory=dict)
    """Of the trials that are drawn, by number."""
    events: Sequence[Event] = ()
    """Of the study and all trials, in the order in which they happened."""
    space: "Space | None" = None
    diagnosis: Mapping[str, Any] | None = None
    """As `Diagnosis.to_dict` gives it."""
    no_diagnosis: str = ""
    """Why there is none."""
    importance: Mapping[str, Any] | None = None
    """As `Importances.to_dict` gives it."""
    no_importance: str = ""
    """Why there is none."""

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.study.facts

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
    def states(self) -> Mapping[int, TrialState]:
        return {trial.number: trial.state for trial in self.trials}

    @property
    def rungs(self) -> list[int]:
        """Epochs at which trials waited before they went on."""
        return rungs_of(self.events)

    @property
    def probes(self) -> list[Mapping[str, Any]]:
        """Of the best trial's layers."""
        return [] if self.best is None else probes_of(event for event in self.events if event.trial == self.best.number)


def rungs_of(events: Sequence[Event]) -> list[int]:
    """Epochs at which trials went on after they had waited, ascending."""
    return sorted({event.epoch for event in events if event.kind == "promoted" and event.epoch})


def probes_of(events: Iterable[Event]) -> list[Mapping[str, Any]]:
    """What probes of one trial's layers showed: `epoch` and `layers`, none where a probe does not say."""
    return [{"epoch": event.epoch or 0, "layers": event.detail.get("layers", [])} for event in events if event.kind == "probe"]


def second_of_two(evaluation: Mapping[str, Any]) -> Any:
    """Of two classes the second, whose probability the calibration is of; None of more."""
    labels = (evaluation.get("confusion") or {}).get("labels") or ()
    return labels[1] if len(labels) == 2 else None


def searched(configuration: Configuration, space: "Space | None") -> Configuration:
    """The part of a configuration that was searched; all of it where the space is not known."""
    return configuration if space is None else {name: configuration[name] for name in space.names if name in configuration}
