"""The frozen records that stages hand to one another and that the store keeps.

Knows nothing of: how a record is made, stored or shown.
"""

import builtins
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, TypeAlias

Value: TypeAlias = float | int | str | bool
Configuration: TypeAlias = Mapping[str, Value]
"""One value for each hyperparameter, by name; JSON can carry it."""


class Task(StrEnum):
    """What is predicted."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    OBJECTIVE = "objective"
    """Nothing by osetra itself: the value of a function of the user's is tuned."""

    @property
    def is_classification(self) -> bool:
        return self in (Task.BINARY, Task.MULTICLASS)

    @property
    def in_words(self) -> str:
        """As a person says it."""
        words = {"binary": "binary classification", "multiclass": "multi-class classification", "objective": "tuning"}
        return words.get(self.value, self.value)


class TrialState(StrEnum):
    """Where a trial stands (spec 11.3)."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"
    DIVERGED = "diverged"
    FAILED = "failed"
    STALE = "stale"

    @property
    def is_over(self) -> bool:
        return self not in (TrialState.WAITING, TrialState.RUNNING, TrialState.PAUSED)

    @property
    def can_win(self) -> bool:
        """Whether a trial in this state may be called best: not one that diverged or failed."""
        return self not in (TrialState.DIVERGED, TrialState.FAILED, TrialState.STALE)


class StudyState(StrEnum):
    """Where a study stands."""

    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """One point of a trial's curve."""

    epoch: int
    """Epochs completed, from 1."""
    train_cost: float
    """Mean over the epoch's mini-batches of the cost, with its regularisation term."""
    train_error: float
    """Over the epoch's mini-batches, as trained (dropout on): error rate, or root mean squared error in target units."""
    dev_loss: float
    """Mean loss over the dev part in scoring mode, without penalty."""
    dev_error: float
    """Dev part in scoring mode: error rate, or root mean squared error in target units."""
    seconds: float
    """Wall-clock time of this epoch, its scoring included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerProbe:
    """How one layer does at one moment, seen on a batch of training rows with dropout off."""

    layer: int
    """From 1; the last is the output layer."""
    gradient_norm: float
    """||dJ/dW||, without L2's part."""
    weight_norm: float
    """||W||"""
    update_ratio: float
    """||change of W by the next step|| / ||W||; a healthy one lies between 1e-4 and 1e-2."""
    activation_mean: float
    activation_deviation: float
    """Standard deviation over rows and units; of the output layer, as the mean, that of z."""
    dead_units: float
    """Share of units whose slope is 0 at every row: relu at 0, tanh, sigmoid and elu at an end."""
    saturated: float
    """Share of activations at which the slope is below 1 % of its largest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One configuration and what became of it. `number` counts from 0 in its study."""

    number: int
    configuration: Configuration
    state: TrialState
    reason: str = ""
    """Why it is in this state, in words."""
    epochs: int = 0
    best_epoch: int | None = None
    dev_error: float | None = None
    """At `best_epoch`; None until an epoch is done and for a trial that diverged before its first."""
    dev_loss: float | None = None
    train_error: float | None = None
    """Of the weights of `best_epoch` in scoring mode, once the trial is over."""
    seconds: float = 0.0
    num_parameters: int | None = None

    def __post_init__(self) -> None:
        assert self.number >= 0, f"trial number {self.number}"
        assert self.dev_error is None or not math.isnan(self.dev_error), "NaN never wins: a trial without a number has None"

    @property
    def params(self) -> Configuration:
        """The configuration, under the name that it has in an objective."""
        return self.configuration

    @property
    def value(self) -> float | None:
        """The dev error, under the name that it has where an objective is tuned."""
        return self.dev_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a trial (or, with `trial` None, to the study)."""

    trial: int | None
    epoch: int | None
    kind: str
    """Such as started, finished, diverged, interrupted, tested."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    who: str = "osetra"
    at: datetime


class CommandState(StrEnum):
    """Where a command stands."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a person asks of a trial that trains (or, with `trial` None, of the study), and what came of it."""

    id: int | None = None
    """Given by the store; later commands have higher ones."""
    trial: int | None
    kind: str
    """Such as set, pause, continue, stop, extend, rollback, branch."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""
    who: str
    at: datetime
    state: CommandState = CommandState.WAITING
    answer: str = ""
    """In words: from which epoch it is in effect, or why not."""
    epoch: int | None = None
    """Epochs that the trial had completed when it took effect."""
    answered: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """That a trial's whole training state was kept; the state itself is bytes that the store hands out as it got them."""

    trial: int
    epoch: int
    """Epochs completed."""
    why: str
    """Why it is kept, such as rung, last, best, before change, asked."""
    step: int
    """Steps of the optimiser completed."""
    bytes: int
    digest: str
    """SHA-256 of the bytes, in hexadecimal."""
    at: datetime

    @classmethod
    def of(cls, data: builtins.bytes, *, trial: int, epoch: int, why: str, step: int, at: datetime) -> "Checkpoint":
        """The record that goes with `data`."""
        return cls(trial=trial, epoch=epoch, why=why, step=step, bytes=len(data), digest=sha256(data).hexdigest(), at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One task tuned on one data set, as the store keeps it."""

    name: str
    state: StudyState
    reason: str = ""
    created: datetime
    finished: datetime | None = None
    task: Task
    target: str
    source: str
    """Where the data came from: a path, or a word for data handed over in memory."""
    seed: int
    error_name: str
    """What dev_error measures: `error rate`, or `RMSE`."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Everything else that is remembered, JSON-able: budget, space, split, notes on the data, fingerprint, versions, hardware, result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySummary:
    """A row of the list of studies."""

    study: Study
    trials: int
    """Trials recorded, in any state."""
    best: Trial | None
