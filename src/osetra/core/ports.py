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
    Value,
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


FIELDS = ("number", "state", "dev_error", "dev_loss", "train_error", "epochs", "best_epoch", "seconds", "num_parameters")
"""Of a trial, by which trials may be looked for; a hyperparameter is `hyperparameter(NAME)`."""
_OF_CONFIGURATION = "configuration."


def hyperparameter(name: str) -> str:
    """The column of a hyperparameter, in an order or a condition."""
    return _OF_CONFIGURATION + name


def hyperparameter_of(column: str) -> str | None:
    """The name of the hyperparameter that a column is of; None: it is of a field."""
    return column.removeprefix(_OF_CONFIGURATION) if column.startswith(_OF_CONFIGURATION) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a column's value must be: within a range, both ends in it, and one of several values. A trial without a value fulfils none."""

    column: str
    """One of `FIELDS`, or `hyperparameter(NAME)`."""
    low: float | None = None
    high: float | None = None
    among: tuple[Value, ...] = ()
    """None given: any value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPage:
    """Some of the trials that were looked for."""

    trials: Sequence[Trial]
    total: int
    """How many there are in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Trials of one state that came to the same number of epochs."""

    epochs: int
    state: TrialState
    trials: int
    scored: int
    """Those with a dev error."""
    best: float | None
    """The lowest dev error."""


class Store(Protocol):
    """Keeps studies. One writer per study; any number of readers. Errors are `StoreError`; an unknown study is a `StudyError`.

    owner, of the calls that write: who claimed the study. The call then writes only while the claim holds, which is looked up in its own
    transaction, and is a `StudyError` otherwise, so that a writer that was silent for too long cannot write into what another has taken
    over. None, which is for those who claimed nothing: nobody is asked.
    """

    def create_study(self, study: Study) -> None:
        """Record a new study; `StudyError` if the name is taken."""
        ...

    def update_study(self, study: Study, *, owner: str | None = None) -> None:
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
        owner: str | None = None,
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
        """A page of the trials that fulfil all conditions, and how many do.

        order_by: a column, as in `Condition`. Those without a value come last either way, ties by number; numbers come before texts, False
        and True are 0 and 1, NaN is above all numbers, states are texts. A hyperparameter is without a value in a configuration with a
        number that is not finite. Raises `StoreError` for a column, limit or offset that makes no sense.
        """
        ...

    def sample_trials(self, study: str, *, best: int, drawn: int, is_scored: bool = False) -> Sequence[Trial]:
        """Trials that stand for all, or with `is_scored` for those with a dev error: at most `best` with the lowest dev errors, and `drawn`
        others as `osetra.core.drawing` draws them. In the order of `trials`.
        """
        ...

    def leaders(self, study: str) -> Sequence[Trial]:
        """Trials that can win and have a lower dev error than all of these before them, by number: each was the best when it was begun."""
        ...

    def levels(self, study: str) -> Sequence[Level]:
        """How far all trials came, ascending by epochs, then by state as a text."""
        ...

    def version(self, study: str) -> int:
        """How often anything of the study was recorded: greater after each call that wrote. Claims and signs of life do not count."""
        ...

    def count_trials(self, study: str) -> Mapping[TrialState, int]: ...

    def curve(self, study: str, number: int) -> Sequence[EpochRecord]:
        """The epochs of one trial in order; empty if none is recorded."""
        ...

    def curves(self, study: str, numbers: Sequence[int], *, most: int | None = None) -> Mapping[int, Sequence[EpochRecord]]:
        """The curves of these trials, as `curve` gives one, by number.

        most: epochs of each at the most, evenly from the first to the last; all where there are no more. `StoreError` for fewer than 2.
        """
        ...

    def events(self, study: str, *, trial: int | None = None) -> Sequence[Event]:
        """In the order they were recorded; of one trial if `trial` is given, of the study and all its trials otherwise."""
        ...

    def last_events(self, study: str, *, but: Sequence[str] = (), limit: int) -> Sequence[Event]:
        """The last so many of all events, those of the kinds in `but` left out, in the order they were recorded."""
        ...

    def event_epochs(self, study: str, kind: str) -> Sequence[int]:
        """The epochs that events of a kind have, each once, ascending."""
        ...

    def event_times(self, study: str, kinds: Sequence[str]) -> Mapping[str, Sequence[float]]:
        """When events of these kinds were, in seconds since 1970, ascending, by kind; empty for one that there is none of."""
        ...

    def checkpoints(self, study: str, *, trial: int | None = None) -> Sequence[Checkpoint]:
        """By trial and epoch, without their data."""
        ...

    def checkpoint(self, study: str, trial: int, epoch: int) -> bytes:
        """The data, checked against the digest: `StoreError` if it is damaged, `StudyError` if there is no such checkpoint."""
        ...

    def drop_checkpoints(self, study: str, which: Sequence[tuple[int, int]], *, owner: str | None = None) -> None:
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

    def answer_command(
        self, study: str, command: int, *, state: CommandState, answer: str, epoch: int | None = None, at: datetime,
        owner: str | None = None,
    ) -> None:  # fmt: skip
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
