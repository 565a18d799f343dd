"""Which commands can be carried out at all, whatever a trial has come to meanwhile.

What cannot is refused before the trial is taken in hand, so that a mistake leaves the search its trial.
Knows nothing of: how commands come and are carried out.
"""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from osetra.core.errors import StudyError
from osetra.core.records import Command, Configuration, Trial
from osetra.engines.port import Member, TrainingData
from osetra.training.steering import Change, Script, check_change

KINDS = ("set", "pause", "continue", "stop", "extend", "rollback", "branch")
OF_THE_STUDY = ("edit", "stop")
STUDY_ENDS = "the study ends; the best so far is kept, and it can be resumed"
"""What whoever stops a study is answered."""


class Build(Protocol):
    def __call__(self, configuration: Configuration, total: int, *, seed: int) -> Member: ...


def check(command: Command, study: str, trials: Mapping[int, Trial], *, total: int, build: Build, data: TrainingData) -> None:
    """Raises StudyError or SpaceError for what cannot be done, saying why. total: the most epochs of a trial."""
    number, kind, detail = command.trial, command.kind, command.detail
    if number is None:
        if kind not in OF_THE_STUDY:
            raise StudyError(f"a command for the whole study must be {' or '.join(OF_THE_STUDY)}, got {kind!r}; name a trial for others")
        return
    if kind not in KINDS:
        raise StudyError(f"a command must be one of {', '.join(KINDS)}, got {kind!r}; choose one")
    if number not in trials:
        raise StudyError(f"study {study!r} has no trial {number} yet; `osetra trials {study}` lists them")
    trial, settings = trials[number], detail.get("settings", {})
    if kind == "set" and not settings:
        raise StudyError("set needs at least one setting, got none; for example learning_rate=0.01")
    if settings:
        check_change(Script(trial.configuration, total), Change(epoch=0, settings=settings), partial(build, seed=number), data)
    epochs, at = detail.get("epochs"), detail.get("epoch")
    if kind == "extend" and not _is_whole(epochs, 1, math.inf):
        raise StudyError(f"extend needs a whole number of epochs >= 1, got {epochs!r}; for example 10")
    if kind == "rollback" and not _is_place(at, 0, trial.epochs - 1):
        raise StudyError(f"rollback of trial {number}, of {trial.epochs} epochs, needs an earlier one's number, or best, got {at!r}")
    if kind == "branch" and not _is_place(detail.get("epoch", "best"), 1, trial.epochs):
        raise StudyError(f"a branch of trial {number}, of {trial.epochs} epochs, needs one's number, or best, got {at!r}")
    if trial.best_epoch is None:
        raise StudyError(f"trial {number} has trained no epoch that went well, so there is nothing to steer; wait, or choose another")


def refusal_of_objective(study: str) -> str:
    """Of whatever is asked of a study of an objective, but that it ends."""
    return (
        f"only networks that osetra trains can be steered, got {study!r}, which tunes an objective of yours; "
        f"it can be stopped as a whole: osetra stop {study}"
    )


def _is_whole(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_place(value: Any, low: int, high: int) -> bool:
    """An epoch of the trial's, or its best."""
    return value == "best" or _is_whole(value, low, high)
