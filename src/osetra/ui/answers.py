"""What the REST API answers with, as types: of a number that is not finite there is null.

Knows nothing of: requests, where records come from.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from osetra.core.records import Checkpoint, Command, CommandState, Event, StudyState, StudySummary, Task, Trial, TrialState
from osetra.report import words

IS_TRAINED = "Whether somebody trains it; of one whose process was killed false, though its state says running; null: it cannot be asked"


class Failure(BaseModel):
    """Why a request was not done, and what to do."""

    error: str = Field(examples=["no study is called 'digit'; studies are digits"])


class TrialAnswer(BaseModel):
    """One configuration and what became of it."""

    trial: int = Field(description="Number, from 0 in the order begun", examples=[205])
    state: TrialState
    reason: str = Field(description="Why it is in this state", examples=["no better for 66 epochs"])
    dev_error: float | None = Field(description="At its best epoch, in units of the study's error_name", examples=[0.0059])
    dev_loss: float | None
    train_error: float | None
    epochs: int = Field(examples=[120])
    best_epoch: int | None
    seconds: float | None
    num_parameters: int | None
    configuration: dict[str, bool | int | float | str | None] = Field(examples=[{"learning_rate": 0.003, "batch_size": 64}])

    @classmethod
    def of(cls, trial: Trial) -> "TrialAnswer":
        return cls.model_validate(plain(words.trial_facts(trial)))


class StudyRow(BaseModel):
    """A row of the list of studies."""

    study: str = Field(examples=["digits"])
    state: StudyState
    is_trained: bool | None = Field(description=IS_TRAINED, examples=[True])
    reason: str
    created: datetime
    finished: datetime | None
    task: Task
    target: str = Field(examples=["digit"])
    source: str = Field(examples=["data/digits.csv"])
    error_name: str = Field(description="What dev_error measures", examples=["error rate"])
    trials: int = Field(examples=[210])
    best_trial: TrialAnswer | None

    @classmethod
    def of(cls, summary: StudySummary, *, is_trained: bool | None) -> "StudyRow":
        best = None if summary.best is None else TrialAnswer.of(summary.best)
        named = {name: fact for name, fact in words.study_facts(summary.study).items() if name in cls.model_fields}
        return cls.model_validate(plain(named) | {"is_trained": is_trained, "trials": summary.trials, "best_trial": best})


class StudyAnswer(BaseModel):
    """A study as a whole; beside these fields all that it remembers: space, plan, references, evaluation, environment ..."""

    model_config = ConfigDict(extra="allow")

    study: str = Field(examples=["digits"])
    state: StudyState
    is_trained: bool | None = Field(description=IS_TRAINED, examples=[True])
    reason: str
    created: datetime
    finished: datetime | None
    task: Task
    target: str
    source: str
    seed: int
    error_name: str
    split: dict[str, JsonValue]
    trial_states: dict[TrialState, int] = Field(examples=[{"finished": 30, "stopped": 180}])


class TrialsAnswer(BaseModel):
    """A page of trials."""

    trials: list[TrialAnswer]
    total: int = Field(description="In the states that were asked for, on all pages", examples=[210])
    offset: int
    limit: int


class EpochAnswer(BaseModel):
    """A point of a curve."""

    epoch: int = Field(description="Epochs completed, from 1")
    train_cost: float | None
    train_error: float | None
    dev_loss: float | None
    dev_error: float | None
    seconds: float | None


class EventAnswer(BaseModel):
    """Something that happened to a trial, or to the study where `trial` is null."""

    trial: int | None
    epoch: int | None
    kind: str = Field(examples=["set"])
    who: str = Field(examples=["osetra"])
    at: datetime
    detail: dict[str, JsonValue]

    @classmethod
    def of(cls, event: Event) -> "EventAnswer":
        return cls.model_validate(asdict(event) | {"detail": plain(dict(event.detail))})


class CheckpointAnswer(BaseModel):
    """That a trial's whole training state was kept."""

    trial: int
    epoch: int
    why: str = Field(examples=["rung"])
    step: int = Field(description="Steps of the optimiser completed")
    bytes: int
    digest: str = Field(description="SHA-256, in hexadecimal")
    at: datetime

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "CheckpointAnswer":
        return cls.model_validate(asdict(checkpoint))


class CommandAnswer(BaseModel):
    """What somebody asked of a trial, or of the study where `trial` is null, and what came of it."""

    id: int
    trial: int | None
    kind: str = Field(examples=["set"])
    detail: dict[str, JsonValue] = Field(examples=[{"settings": {"learning_rate": 0.001}}])
    why: str
    who: str
    at: datetime
    state: CommandState
    answer: str = Field(
        description="From which epoch it is in effect, or why not", examples=["learning_rate 0.01 to 0.001 from epoch 12 on"]
    )
    epoch: int | None = Field(description="Epochs that the trial had completed when it took effect")
    answered: datetime | None

    @classmethod
    def of(cls, command: Command) -> "CommandAnswer":
        return cls.model_validate(asdict(command) | {"detail": plain(dict(command.detail))})


class SpaceAnswer(BaseModel):
    """What is searched, and how that came about."""

    study: str
    space: dict[str, JsonValue] = Field(examples=[{"learning_rate": {"log": [0.0001, 0.03]}, "optimizer": "adam"}])
    history: JsonValue = Field(description="Edits while it ran; null where there were none")


class PlanAnswer(BaseModel):
    """What the budget was to buy, and what it bought."""

    predicted: dict[str, JsonValue]
    actual: dict[str, JsonValue] | None


class FigureAnswer(BaseModel):
    """A Plotly figure, as its JavaScript library reads it."""

    data: list[dict[str, JsonValue]]
    layout: dict[str, JsonValue]


class FiguresAnswer(BaseModel):
    """Figures that may be asked for; which a study has, depends on its data."""

    figures: list[str] = Field(examples=[["curves", "leaderboard"]])


class ReasonAnswer(BaseModel):
    """Why a study is due."""

    kind: Literal["age", "data", "versions", "hardware"]
    sentence: str


class DueAnswer(BaseModel):
    """Whether a study is to be tested again."""

    study: str
    due: bool
    tested: datetime
    verdict: str | None
    policy: dict[str, JsonValue]
    reasons: list[ReasonAnswer]
    notes: list[str]


class ImportanceAnswer(BaseModel):
    """How much each searched hyperparameter mattered."""

    hyperparameters: list[dict[str, JsonValue]]
    best: int
    trials: int
    levels: list[float | None]
    sentences: list[str]


class FindingAnswer(BaseModel):
    """Something that was noticed."""

    model_config = ConfigDict(extra="allow")

    name: str
    sentence: str
    remedy: str


class DiagnosisAnswer(BaseModel):
    """What stands between the network and a better one, and what to do; beside these fields the errors and gaps it rests on."""

    model_config = ConfigDict(extra="allow")

    study: str
    trial: int
    verdict: str | None
    sentence: str
    curve: list[FindingAnswer]
    layers: list[FindingAnswer]
    data: list[FindingAnswer]
    references: list[FindingAnswer]
    search: list[FindingAnswer]
    actions: list[dict[str, JsonValue]]


class StepAnswer(BaseModel):
    """A sentence of a trial's story."""

    trial: int
    epoch: int | None
    who: str
    at: datetime | None
    sentence: str


class LineageAnswer(BaseModel):
    """The story of a trial, from its initialisation to the model's file."""

    study: str
    trial: int
    is_model: bool
    model: str | None
    steps: list[StepAnswer]


def plain(fact: Any) -> Any:
    """What JSON can carry: what is not finite as None, anything that it has no form for as text."""
    if fact is None or isinstance(fact, bool | int | str):
        return fact
    if isinstance(fact, float):
        return float(fact) if math.isfinite(fact) else None
    if isinstance(fact, Mapping):
        return {str(name): plain(entry) for name, entry in fact.items()}
    if isinstance(fact, list | tuple):
        return [plain(entry) for entry in fact]
    if hasattr(fact, "tolist"):
        return plain(fact.tolist())
    return str(fact)
