"""What a search loop is given beside its search, and what it leaves.

Knows nothing of: how either comes about.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from osetra.core.records import Task, Trial
from osetra.engines.port import Member
from osetra.study.budget import Budget
from osetra.study.rounds import LEAST_LAG


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that decides a study's trials, the search apart."""

    study: str
    task: Task
    num_outputs: int
    seed: int
    epochs_per_trial: int
    """The most epochs of a trial, over which its learning-rate schedule is laid out however far it climbs."""
    patience: int | None
    budget: Budget
    workers: int
    lag: int = LEAST_LAG
    """Jobs held at once."""
    slice_epochs: int = 1
    """Epochs of a slice; more than 1 where an epoch is so short that handing it out would cost more."""
    deadline: float | None
    """`time.monotonic()` at which the budget in seconds ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search leaves."""

    best: Trial | None
    """The winner of the finals; without them, the lowest dev error of all that did not diverge or fail, ties to the lower number."""
    member: Member | None
    """Its network, with the weights of its best epoch."""
    members: Mapping[int, Member]
    """The same of every trial whose network was kept, by number."""
    trials: list[Trial]
    epochs: int
    seconds: float
    ended: str
    """Why the search ended, in words."""
    interrupted: bool
