"""The places where parts meet that do not know one another.

A store keeps records, a search decides what is trained. Each port has a contract in `osetra.testing` that every
implementation passes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from osetra.core.records import Configuration, EpochRecord, Event, Study, StudySummary, Trial, TrialState


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One stretch of one trial's training. A trial of `start` 0 is new; a later stretch goes on from where the last one ended."""

    trial: int
    """Numbered from 0 in the order in which trials are begun."""
    configuration: Configuration
    start: int
    """Epochs completed before."""
    until: int
    """Epochs completed after."""

    def __post_init__(self) -> None:
        assert 0 <= self.start < self.until, f"a stretch from epoch {self.start} to {self.until}"


class Search(Protocol):
    """Decides which trial trains next and how far; knows no training.

    Several jobs may be out at once. Their ends are told in an order that does not depend on timing, and all that is handed out follows
    from what was told before, so the same search told the same hands out the same.
    """

    def ask(self) -> Job | None:
        """The next stretch; None: there is nothing to hand out before more is told, or ever, if no job is out."""
        ...

    def tell(self, job: Job, values: Sequence[float], state: TrialState) -> None:
        """What became of a job.

        values: the dev error (lower is better) after each new epoch, fewer than asked for if the trial ended early. state: paused where the
        trial can go on; finished, stopped, diverged or failed where it cannot.
        """
        ...


class Sampler(Protocol):
    """Proposes configurations; knows nothing of budgets, rungs and promotion."""

    def propose(self, number: int) -> Configuration | None:
        """The configuration of trial `number`, never one already proposed; None once the space holds no more."""
        ...

    def observe(self, number: int, epoch: int, value: float) -> None:
        """Hear what trial `number` had come to after `epoch` epochs: its best dev error so far, lower is better; NaN: it diverged."""
        ...


class Store(Protocol):
    """Keeps studies. One writer per study; any number of readers. Errors are `StoreError`; an unknown study is a `StudyError`."""

    def create_study(self, study: Study) -> None:
        """Record a new study; `StudyError` if the name is taken."""
        ...

    def update_study(self, study: Study) -> None:
        """Replace the record of a study that exists."""
        ...

    def study(self, name: str) -> Study: ...

    def studies(self) -> Sequence[StudySummary]:
        """All studies, newest first."""
        ...

    def record(
        self,
        study: str,
        *,
        trials: Sequence[Trial] = (),
        epochs: Mapping[int, Sequence[EpochRecord]] | None = None,
        events: Sequence[Event] = (),
    ) -> None:
        """Write all of it or nothing, in one transaction: trials (inserted, or replaced by number), new epochs by trial number, events."""
        ...

    def trial(self, study: str, number: int) -> Trial:
        """One trial; `StudyError` if there is none of that number."""
        ...

    def trials(
        self,
        study: str,
        *,
        states: Sequence[TrialState] = (),
        order_by: str = "dev_error",
        limit: int | None = None,
        offset: int = 0,
    ) -> Sequence[Trial]:
        """A page of trials; no `states` means all.

        `order_by`: `dev_error` (best first, those without one last, ties by number) or `number`.
        """
        ...

    def count_trials(self, study: str) -> Mapping[TrialState, int]: ...

    def curve(self, study: str, number: int) -> Sequence[EpochRecord]:
        """The epochs of one trial in order; empty if none is recorded."""
        ...

    def events(self, study: str, *, trial: int | None = None) -> Sequence[Event]:
        """In the order they were recorded; of one trial if `trial` is given, of the study and all its trials otherwise."""
        ...

    def close(self) -> None: ...


class Progress(Protocol):
    """Hears how a study goes; the CLI draws it."""

    def notice(self, text: str) -> None:
        """One line for the person watching."""
        ...

    def update(self, facts: Mapping[str, Any]) -> None:
        """The state of things, several times a second.

        trials_done, diverged, epochs_done, epochs_per_s, best_error (None at first), seconds_left (None: not bounded by time),
        share_done (0..1), error_name (`error rate` or `RMSE`), best_interval (95 %, low and high, of an error rate; else None).
        """
        ...
