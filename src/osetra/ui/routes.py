"""Addresses of the REST API: what each reads or asks for.

Blocking throughout: FastAPI has threads for such functions.
Knows nothing of: how errors are told, who may ask.
"""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias, get_args
from urllib.parse import quote, unquote

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from pydantic import StringConstraints

from osetra.core.errors import InputError, StudyError
from osetra.core.ports import FIELDS, Condition, hyperparameter
from osetra.core.records import Command, CommandState, StudyState, TrialState
from osetra.core.records import Study as StudyRecord
from osetra.report import words
from osetra.study.due import can_be_retested, policy_of
from osetra.study.due import due as judged
from osetra.study.handle import Study
from osetra.study.steer import Steer
from osetra.ui import answers
from osetra.ui.answers import plain
from osetra.ui.orders import EditOrder, EndOrder, TrialOrder
from osetra.ui.reading import Reading

MOST_ROWS = 1_000
"""Trials or events of one answer."""
WAIT_S = 5.0
"""Seconds that a command is waited for, unless it is asked otherwise."""
LONGEST_WAIT_S = 30.0
FigureName: TypeAlias = Literal[
    "curves", "leaderboard", "importance", "parallel", "scatter", "ladder", "layers", "events", "bias_variance", "references", "confusion",
    "residuals", "calibration", "slices", "worst_rows", "boundary", "learning_curve",
]  # fmt: skip

_LARGEST = 2**53 - 1
_COLUMN = rf"({'|'.join(FIELDS)}|{hyperparameter('[A-Za-z_][A-Za-z0-9_]{0,99}').replace('.', '[.]', 1)})"
_Answers: TypeAlias = dict[int | str, dict[str, Any]]
_NOT_FOUND: _Answers = {404: {"model": answers.Failure, "description": "There is no such study, trial or command"}}
_CONFLICT: _Answers = {409: {"model": answers.Failure, "description": "It cannot be done as things stand"}}
_WAITS = {"model": answers.CommandAnswer, "description": "It waits, and is carried out; Location says where its answer will be"}
_STEERED: _Answers = {**_NOT_FOUND, **_CONFLICT, 202: _WAITS}

_NUMBER = r"-?[0-9]{1,30}([.][0-9]{1,30})?(e-?[0-9]{1,2})?"
_CONDITION = rf"^{_COLUMN}((>=|<=){_NUMBER}|=[^\x00-\x1f]{{1,100}})$"

routes = APIRouter()


def reading_of(request: Request) -> Reading:
    """That of the dashboard."""
    return request.app.state.reading


OneReading: TypeAlias = Annotated[Reading, Depends(reading_of)]


def study_of(
    reading: OneReading,
    study: Annotated[str, Path(description="Name of a study; a / or % in it is percent-encoded", min_length=1, examples=["digits"])],
) -> Study:
    """The study that an address names."""
    if not reading.has_store:
        raise HTTPException(404, "there is no study yet; the first fit makes the store: osetra fit DATA --target COLUMN")
    try:
        return reading.study(unquote(study))
    except StudyError as error:
        raise HTTPException(404, str(error)) from error


OneStudy: TypeAlias = Annotated[Study, Depends(study_of)]


def trial_of(
    study: OneStudy, number: Annotated[int, Path(ge=0, le=_LARGEST, description="Number of a trial", examples=[0])]
) -> tuple[Study, int]:
    """A study and the number of one of its trials."""
    try:
        study.store.trial(study.name, number)
    except StudyError as error:
        raise HTTPException(404, str(error)) from error
    return study, number


OneTrial: TypeAlias = Annotated[tuple[Study, int], Depends(trial_of)]
Offset: TypeAlias = Annotated[int, Query(ge=0, le=_LARGEST)]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=MOST_ROWS)]
Wait: TypeAlias = Annotated[float, Query(ge=0, le=LONGEST_WAIT_S, description="Seconds to wait for the answer")]
BaseError: TypeAlias = Annotated[float | None, Query(ge=0, le=1e300, description="Lowest error that can be hoped for; 0.1 is 10 %")]


@routes.get("/studies", summary="All studies, newest first")
def studies(reading: OneReading) -> list[answers.StudyRow]:
    """With the best trial of each."""
    return [answers.StudyRow.of(summary, is_trained=_is_trained(reading, summary.study)) for summary in reading.studies()]


@routes.get("/studies/{study}", summary="A study and all that it remembers", responses=_NOT_FOUND)
def study(reading: OneReading, study: OneStudy) -> answers.StudyAnswer:
    counts = {str(state): count for state, count in study.store.count_trials(study.name).items()}
    told = {"is_trained": _is_trained(reading, study.record), "trial_states": counts}
    return answers.StudyAnswer.model_validate(plain(words.study_facts(study.record)) | told)


def _is_trained(reading: Reading, study: StudyRecord) -> bool | None:
    """Whether somebody trains it; nobody is asked of one that is over."""
    return study.state is StudyState.RUNNING and reading.heard(study.name).is_trained


@routes.get("/studies/{study}/trials", summary="A page of trials", responses=_NOT_FOUND)
def trials(
    reading: OneReading,
    study: OneStudy,
    state: Annotated[list[TrialState] | None, Query(description="Only in these states")] = None,
    where: Annotated[
        list[Annotated[str, StringConstraints(pattern=_CONDITION)]] | None,
        Query(
            max_length=20,
            description="Only those that fulfil all of these",
            examples=[["configuration.learning_rate>=0.001", "epochs<=50"]],
        ),
    ] = None,
    sort: Annotated[str, Query(pattern=f"^{_COLUMN}$", description="A field of trials, or configuration.NAME")] = "dev_error",
    descending: bool = False,
    offset: Offset = 0,
    limit: Limit = 50,
) -> answers.TrialsAnswer:
    """Those without a value in the column that they are sorted by come last."""
    found = reading.page(
        study.name, order_by=sort, descending=descending, limit=limit, offset=offset, states=tuple(dict.fromkeys(state or ())),
        where=tuple(_condition(text) for text in where or ()),
    )  # fmt: skip
    listed = [answers.TrialAnswer.of(trial) for trial in found.trials]
    return answers.TrialsAnswer(trials=listed, total=found.total, offset=offset, limit=limit)


@routes.get("/studies/{study}/best", summary="The best trial", responses=_NOT_FOUND | _CONFLICT)
def best(study: OneStudy) -> answers.TrialAnswer:
    return answers.TrialAnswer.of(study.best)


@routes.get("/studies/{study}/trials/{number}", summary="A trial", responses=_NOT_FOUND)
def trial(found: OneTrial) -> answers.TrialAnswer:
    return answers.TrialAnswer.of(found[0].trial(found[1]))


@routes.get("/studies/{study}/trials/{number}/curve", summary="A trial's epochs", responses=_NOT_FOUND)
def curve(
    found: OneTrial, smooth: Annotated[float, Query(ge=0, lt=1, description="0.9 averages about the last 10 epochs")] = 0.0
) -> list[answers.EpochAnswer]:
    epochs = found[0].curve(found[1], smoothing=smooth)
    return [answers.EpochAnswer.model_validate(words.epoch_facts(epoch)) for epoch in epochs]


@routes.get("/studies/{study}/trials/{number}/events", summary="What happened to a trial", responses=_NOT_FOUND)
def trial_events(found: OneTrial) -> list[answers.EventAnswer]:
    return [answers.EventAnswer.of(event) for event in found[0].events(found[1])]


@routes.get("/studies/{study}/trials/{number}/checkpoints", summary="States of a trial that were kept", responses=_NOT_FOUND)
def trial_checkpoints(found: OneTrial) -> list[answers.CheckpointAnswer]:
    return [answers.CheckpointAnswer.of(one) for one in found[0].store.checkpoints(found[0].name, trial=found[1])]


@routes.get("/studies/{study}/trials/{number}/lineage", summary="The story of a trial", responses=_NOT_FOUND)
def lineage(found: OneTrial) -> answers.LineageAnswer:
    return answers.LineageAnswer.model_validate(found[0].lineage(found[1]).to_dict())


@routes.get("/studies/{study}/events", summary="What happened to the study and its trials", responses=_NOT_FOUND)
def events(study: OneStudy, offset: Offset = 0, limit: Limit = 200) -> list[answers.EventAnswer]:
    return [answers.EventAnswer.of(event) for event in study.events()[offset : offset + limit]]


@routes.get("/studies/{study}/checkpoints", summary="States of trials that were kept", responses=_NOT_FOUND)
def checkpoints(study: OneStudy) -> list[answers.CheckpointAnswer]:
    return [answers.CheckpointAnswer.of(one) for one in study.store.checkpoints(study.name)]


@routes.get("/studies/{study}/commands", summary="What people asked for, and what came of it", responses=_NOT_FOUND)
def commands(
    study: OneStudy,
    state: CommandState | None = None,
    after: Annotated[int, Query(ge=0, le=_LARGEST, description="Only with a greater id")] = 0,
) -> list[answers.CommandAnswer]:
    return [answers.CommandAnswer.of(one) for one in study.store.commands(study.name, state=state, after=after)]


@routes.get("/studies/{study}/commands/{command}", summary="A command, and what came of it", responses=_NOT_FOUND)
def command(study: OneStudy, command: Annotated[int, Path(ge=1, le=_LARGEST, examples=[1])]) -> answers.CommandAnswer:
    found = study.store.commands(study.name, after=command - 1)
    if not found or found[0].id != command:
        raise HTTPException(404, f"study {study.name!r} has no command {command}; see its list of commands")
    return answers.CommandAnswer.of(found[0])


@routes.post("/studies/{study}/trials/{number}/commands", summary="Ask something of a trial that trains", responses=_STEERED)
def steer(found: OneTrial, order: TrialOrder, request: Request, response: Response, wait_s: Wait = WAIT_S) -> answers.CommandAnswer:
    one = order.root
    answered = found[0].steer(found[1]).ask(one.kind, one.detail(), why=one.why, timeout_s=wait_s)
    return _answered(answered, found[0], request, response)


@routes.post("/studies/{study}/commands", summary="Edit the space of a study that runs", responses=_STEERED)
def edit(study: OneStudy, order: EditOrder, request: Request, response: Response, wait_s: Wait = WAIT_S) -> answers.CommandAnswer:
    answered = Steer(study, None).ask("edit", order.detail(), why=order.why, timeout_s=wait_s)
    return _answered(answered, study, request, response)


@routes.post("/studies/{study}/stop", summary="Have a study that runs end, and keep the best so far", responses=_STEERED)
def end(study: OneStudy, order: EndOrder, request: Request, response: Response, wait_s: Wait = WAIT_S) -> answers.CommandAnswer:
    answered = Steer(study, None).ask("stop", order.detail(), why=order.why, timeout_s=wait_s)
    return _answered(answered, study, request, response)


@routes.get("/studies/{study}/diagnosis", summary="What stands between the network and a better one", responses=_NOT_FOUND | _CONFLICT)
def diagnosis(
    study: OneStudy,
    base_error: BaseError = None,
    trial: Annotated[int | None, Query(ge=0, le=_LARGEST, description="By default the best")] = None,
) -> answers.DiagnosisAnswer:
    return answers.DiagnosisAnswer.model_validate(plain(study.diagnose(base_error, trial=trial).to_dict()))


@routes.get("/studies/{study}/importance", summary="Which hyperparameters mattered", responses=_NOT_FOUND | _CONFLICT)
def importance(
    study: OneStudy,
    share: Annotated[float, Query(gt=0, lt=1, description="Of all trials, which are the best")] = 0.1,
    region: Annotated[float, Query(gt=0, le=1, description="The best share of all trials that is asked about")] = 1.0,
) -> answers.ImportanceAnswer:
    return answers.ImportanceAnswer.model_validate(plain(study.importance(share=share, region=region).to_dict()))


@routes.get("/studies/{study}/space", summary="What is searched", responses=_NOT_FOUND | _CONFLICT)
def space(study: OneStudy) -> answers.SpaceAnswer:
    return answers.SpaceAnswer.model_validate(
        {"study": study.name, "space": plain(study.space.to_dict()), "history": plain(study.facts.get("space_history"))}
    )


@routes.get("/studies/{study}/plan", summary="What the budget was to buy, and what it bought", responses=_NOT_FOUND | _CONFLICT)
def plan(study: OneStudy) -> answers.PlanAnswer:
    known = study.facts.get("plan")
    if not known:
        raise StudyError(f"study {study.name!r} was begun without a plan; those of fit, made by this version, have one")
    return answers.PlanAnswer.model_validate(plain(known))


@routes.get("/due", summary="Which studies are to be tested again, by age, versions and hardware")
def all_due(reading: OneReading) -> list[answers.DueAnswer]:
    """Of all that can be re-tested, newest first."""
    found = [reading.study(summary.study.name) for summary in reading.studies()]
    dues = [judged(one, policy_of(one, drift=0.0)) for one in found if can_be_retested(one)]
    return [answers.DueAnswer.model_validate(plain(one.to_dict())) for one in dues]


@routes.get("/studies/{study}/due", summary="Whether the study is to be tested again", responses=_NOT_FOUND | _CONFLICT)
def due(
    study: OneStudy,
    days: Annotated[float | None, Query(ge=0, le=100_000, description="Since the last test; 0: never by age")] = None,
    drift: Annotated[float | None, Query(ge=0, le=1e9, description="PSI by which a column may have moved")] = None,
    data: Annotated[bool, Query(description="Read the study's data, which may take a while, to see whether they have drifted")] = False,
) -> answers.DueAnswer:
    policy = policy_of(study, days=days, drift=drift if data else 0.0)
    return answers.DueAnswer.model_validate(plain(judged(study, policy).to_dict()))


@routes.get("/studies/{study}/figures", summary="Names of figures", responses=_NOT_FOUND)
def figures(study: OneStudy) -> answers.FiguresAnswer:  # noqa: ARG001 -- an unknown study has none
    return answers.FiguresAnswer(figures=list(get_args(FigureName)))


@routes.get("/studies/{study}/figures/{figure}", summary="A figure, as Plotly reads it", responses=_NOT_FOUND | _CONFLICT)
def figure(
    study: OneStudy,
    reading: OneReading,
    figure: FigureName,
    of: Annotated[
        str | None, Query(description="scatter: the hyperparameter, else the first; residuals: the target; layers: the trial")
    ] = None,
) -> answers.FigureAnswer:
    if of is not None and figure not in ("scatter", "residuals", "layers"):
        raise InputError(f"of is for scatter, residuals and layers, got it for {figure}; leave it out")
    options: Sequence[str | int] = [] if of is None else [of]
    if figure == "scatter" and of is None:
        options = [*study.space.names, ""][:1]
    if figure == "layers" and of is not None:
        if not re.fullmatch("[0-9]{1,15}", of):
            raise InputError(f"layers needs the number of a trial, got {of!r}; such as ?of=7")
        options = [int(of)]
    made = reading.figure(study.name, figure, *options)
    drawn = json.loads(made.to_json() or "{}")
    return answers.FigureAnswer.model_validate({"data": drawn["data"], "layout": drawn["layout"]})


def _condition(text: str) -> Condition:
    """Of `COLUMN=VALUE`, `COLUMN>=NUMBER` or `COLUMN<=NUMBER`, which the pattern holds it to."""
    column, sign, value = re.split(r"(>=|<=|=)", text, maxsplit=1)
    if sign != "=":
        return Condition(column=column, low=float(value) if sign == ">=" else None, high=float(value) if sign == "<=" else None)
    if value.lower() in ("true", "false"):
        return Condition(column=column, among=(value.lower() == "true",))
    return Condition(column=column, among=(float(value) if re.fullmatch(_NUMBER, value) else value,))


def _answered(command: Command, study: Study, request: Request, response: Response) -> answers.CommandAnswer:
    if command.state is CommandState.WAITING:
        response.status_code = 202
        root = request.scope.get("root_path", "")
        response.headers["location"] = f"{root}/studies/{quote(study.name, safe='')}/commands/{command.id}"
    return answers.CommandAnswer.of(command)
