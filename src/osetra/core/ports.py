"""The places where parts meet that do not know one another.

A store keeps records, a search decides what is trained. Each port has a contract in `osetra.testing` that every
implementation passes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from osetra.core.records import (
    Checkpoint,
    Command,
    CommandState,
    Configuration,
    EpochRecord,
    Event,
    Study,
    StudySummary,
    Trial,
    TrialState,
)

if TYPE_CHECKING:
    from osetra.space.space import Space


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

    def edit(self, space: "Space") -> None:
        """From now on new trials are of this space. What was told still counts; trials that have begun go on as they are.

        What comes of it depends on the asks before it alone, not on what is told between two of them. Raises `SpaceError` where nothing
        can be proposed in the space, and is then as it was.
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

    def edit(self, space: "Space") -> None:
        """From now on propose what lies in this space, and was not proposed before; what was heard still counts where it has a place in it.

        Proposals may go on after there was None. Raises `SpaceError` where nothing can be proposed, and is then as it was.
        """
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
        rolled_back: Mapping[int, int] | None = None,
        checkpoints: Sequence[tuple[Checkpoint, bytes]] = (),
    ) -> None:
        """Write all of it or nothing, in one transaction.

        trials: inserted, or replaced by number. rolled_back: by trial number the last epoch that stays; later ones leave the curve, and
        their checkpoints the store, before anything new is written. epochs: new ones by trial number. checkpoints: each with its data;
        one of the same trial and epoch is replaced.
        """
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

    def checkpoints(self, study: str, *, trial: int | None = None) -> Sequence[Checkpoint]:
        """By trial and epoch, without their data."""
        ...

    def checkpoint(self, study: str, trial: int, epoch: int) -> bytes:
        """The data, checked against the digest: `StoreError` if it is damaged, `StudyError` if there is no such checkpoint."""
        ...

    def drop_checkpoints(self, study: str, which: Sequence[tuple[int, int]]) -> None:
        """Remove those of these (trial, epoch), data and record; one that is not there is passed over."""
        ...

    def checkpoint_bytes(self, study: str) -> int:
        """Of the data of all checkpoints of a study together."""
        ...

    def add_command(self, study: str, command: Command) -> int:
        """Keep a new command, from whatever process; returns its id."""
        ...

    def commands(self, study: str, *, state: CommandState | None = None, after: int = 0) -> Sequence[Command]:
        """In order of id: those in `state` (None: in any) with an id above `after`."""
        ...

    def answer_command(self, study: str, command: int, *, state: CommandState, answer: str, epoch: int | None = None, at: datetime) -> None:
        """Say what came of the command of this id: `done` or `refused`. Only one that waits is answered, once: `StoreError` otherwise."""
        ...

    def claim(self, study: str, owner: str) -> None:
        """Become the one writer of a study, for as long as the process lives and beats, or until `release`.

        owner: names the writer within its process; its own claim is renewed. `StudyError` if another holds the study, saying who.
        """
        ...

    def beat(self, study: str, owner: str) -> None:
        """Give a sign of life, every 15 seconds or so. `StudyError` if the claim was lost: the owner must write no more."""
        ...

    def release(self, study: str, owner: str) -> None:
        """Let others write; nothing happens if `owner` does not hold the study."""
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
