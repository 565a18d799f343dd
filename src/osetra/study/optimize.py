"""`osetra.optimize`: tunes any Python function, whatever it computes and in whichever framework.

Knows nothing of: data, networks.
"""

import math
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from osetra.core.errors import StudyError
from osetra.core.ports import Progress, Store
from osetra.core.records import Event, StudyState
from osetra.core.records import Study as StudyRecord
from osetra.executors.in_process import InProcess
from osetra.executors.objective import ObjectiveTrial
from osetra.executors.processes import Processes
from osetra.executors.threads import available_cores
from osetra.space.space import Space
from osetra.study.budget import Budget
from osetra.study.budget import seconds as parse_seconds
from osetra.study.closing import close_record
from osetra.study.conclude_objective import conclude_objective
from osetra.study.handle import Study
from osetra.study.interrupt import CtrlC
from osetra.study.objective_desk import ObjectiveDesk
from osetra.study.objective_loop import Executor, ObjectiveLoop, ObjectivePlan
from osetra.study.objective_setting import ObjectiveSetting, Strategy, decide, find_study, require_count, require_place
from osetra.study.past import Past
from osetra.study.places import name_and_folder, open_place
from osetra.study.rounds import lag_for
from osetra.study.sentences import Unsaid, sentences_of
from osetra.study.trial_folders import trial_folders
from osetra.study.writing import Claim, writing

SECONDS = "seconds"
"""The fact of a study that says for how long it was worked on, all runs together: noted now and then, as calls may be long and silent."""


def optimize(
    objective: Callable[[ObjectiveTrial], Any],
    space: Space | Mapping[str, Any],
    *,
    budget: float | str | None = None,
    trials: int | None = None,
    epochs: int | None = None,
    epochs_per_trial: int | None = None,
    direction: str = "minimize",
    strategy: Strategy | None = None,
    first: Mapping[str, Any] | None = None,
    seed: int = 0,
    workers: int | None = None,
    in_process: bool = False,
    time_limit: float | str | None = None,
    folders: str | Path | None = None,
    store: str | Path | Store | None = None,
    study: str | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Study:
    """Tune a function and return the study; `study.best.params` and `study.best.value` are what it found.

    objective: called with a trial; `trial.params` holds a value for every name of the space. It returns one number; or, with
    `epochs_per_trial`, it calls `trial.report(value, epoch)` after each of its epochs 1, 2, ... and returns when that is False (or when
    `trial.should_stop` is True). What it returns then does not count. A search that pauses trials calls it again later for those that
    did well: `trial.start` says how many epochs it has reported before, and `trial.folder` is a folder of the trial's own in which its
    checkpoint is still there. An objective that ignores both begins anew: its first epochs are trained once more (which takes its time,
    but is not counted again), and where they come to other values than before, the study keeps the first ones and notes the difference.
    `trial.seed` is for its random numbers; those of `random` and `numpy.random` are seeded with it before each call.
    space: a Space, or a mapping of names to scales or fixed values. first: a configuration to try first; what is fixed may be left out.
    budget: seconds, or a text such as "60s" or "10m"; trials, epochs: further bounds. With none of the three: 60 s.
    epochs_per_trial: the most epochs of a trial. direction: minimize or maximize.
    strategy: a word as for `osetra.fit`, such as random or random+asha, or a function that makes a search, such as
    `osetra.search.schedulers`' classes over a sampler. Left out: waves where trials have epochs, else zoom.
    workers: processes at a time, by default one a core; each is one thread wide then. A process serves many trials, and is replaced when
    one failed in it. in_process: call the objective in this process, one trial at a time: for debugging, and for functions so quick that
    talking to a process (about a quarter of a millisecond a trial) would cost more.
    time_limit: seconds that a trial may take, all its calls together; one that takes longer has failed, and its process is ended.
    folders: where trials have their folders, which then stay; left out, each is removed when its trial is over.
    store: where the study is kept: a file, a URL, an open store; left out, it lives in memory only.
    resume: go on with the study of that name in that store, begun with the same options, if it was killed, interrupted or failed; return
    it if it came to its end; begin it if it is not there. So a script may simply be started again. What is recorded is recalled: values,
    and trials that failed or took too long. A trial whose call broke off is called again from its start (`trial.start` is 0, its folder
    empty); one that waited goes on at `trial.start` where `folders` kept its checkpoint, else from its start too. An epoch that then
    comes to another value than the recorded one keeps the first, and an event `differs` says so. Seconds spent before count.

    An objective that raises, exits, is killed or takes too long is a failed trial with its reason, and its traceback among the events;
    a value that is not finite is a diverged one. Ctrl-C (the first one) ends the study and returns it with what there is; so does
    `osetra stop STUDY`, or `Study.open(STUDY, store).steer().stop()`, from anywhere that the store can be reached. Under a budget
    of trials or epochs the same values give the same study, in any number of processes of up to 6 and whatever time they take; with more
    of them more trials are under way when a decision is made (`facts["lag"]`).

    Raises StudyError if no trial came to a value, and as SpaceError, StudyError, StoreError for what cannot be used.
    """
    began = time.monotonic()
    if not callable(objective):
        raise StudyError(f"an objective must be a function of a trial, got {objective!r:.60}; such as lambda trial: trial.params['x'] ** 2")
    for name, bound in (("trials", trials), ("epochs", epochs), ("workers", workers)):
        if bound is not None:
            require_count(bound, name, "leave it out to use every core" if name == "workers" else "leave it out for no such bound")
    spend = Budget(seconds=None if budget is None else parse_seconds(budget), trials=trials, epochs=epochs)
    limit = _time_limit(time_limit)
    if in_process and (limit is not None or (workers or 1) > 1):
        got = f"time_limit={time_limit!r}" if limit is not None else f"workers={workers}"
        raise StudyError(f"in this process one trial runs at a time and none can be ended, got {got} with in_process; leave one out")
    at_once = 1 if in_process else workers or available_cores()
    if resume:
        require_place(study, store)
    setting = decide(
        space, strategy=strategy, first=first, direction=direction, epochs_per_trial=epochs_per_trial, epochs=epochs, trials=trials,
        seed=seed,
    )  # fmt: skip
    target, source = _origin(objective)
    opened = open_place(store)
    try:
        before = _found(study, opened, setting, spend) if resume else None
        if before is not None and before.state is StudyState.FINISHED:
            assert opened is not None, "a study that was found is in a store"
            return Study(before, opened)
        name = before.name if before is not None else name_and_folder(study, f"{target}/", opened, None)[0]
        known = None if before is None else before.facts.get("folders")
        with (
            trial_folders(folders, name, known=known) as places,
            closing(_executor(objective, in_process=in_process, workers=at_once)) as executor,
        ):
            record = before or setting.record(
                name, target=target, source=source, workers=at_once, budget=spend, more={"lag": lag_for(at_once), "in_process": in_process}
            )
            record = replace(record, facts={**record.facts, "time_limit_s": limit, "folders": places.place})
            plan = ObjectivePlan(
                study=name, seed=setting.seed, epochs_per_trial=setting.epochs_per_trial, maximize=setting.maximize, budget=spend,
                lag=record.facts["lag"], deadline=None if spend.seconds is None else began + spend.seconds, time_limit_s=limit,
                folders=places,
            )  # fmt: skip
            told = _Told(progress, record, Unsaid(setting.search))
            told.notice(_opening(setting, spend, at_once))
            # Nothing was kept so far, so that whatever was wrong leaves nothing behind.
            if opened is None:
                from osetra.store.sql import open_store

                opened = open_store(cast("str | Path", store))
            if before is None:
                opened.create_study(record)
            with writing(opened, name) as claim:
                past, desk = None, ObjectiveDesk(name, claim.store)
                if before is not None:
                    before = opened.study(name)
                    if before.state is StudyState.FINISHED:
                        # By another process, while this one prepared.
                        return Study(before, opened)
                    record, past, plan = _going_on(record, plan, opened, told)
                return _run(plan, record, setting, executor, opened, told, interrupted, claim, desk, past, in_process=in_process)
    except BaseException:
        if opened is not None and opened is not store:
            opened.close()
        raise


def _found(name: str | None, store: Store | None, setting: ObjectiveSetting, budget: Budget) -> StudyRecord | None:
    """The study that is to go on; None if there is none yet. Raises StudyError if it was begun with other options."""
    record = find_study(name, store)
    if record is not None:
        setting.require_same(record, budget, is_asked=False)
    return record


def _going_on(record: StudyRecord, plan: ObjectivePlan, store: Store, told: "_Told") -> tuple[StudyRecord, Past, ObjectivePlan]:
    """A study that goes on: its record as of now, what is known of it, and the plan with the time that is left."""
    from osetra.study.resume import RESUMED, in_words, spent_s

    past = Past.of(store, record.name)
    spent = max(spent_s(store, record.created, record.name), float(record.facts.get(SECONDS, 0.0)))
    told.notice(in_words(past, plan.budget, spent))
    record = replace(record, state=StudyState.RUNNING, reason="", finished=None, facts={**record.facts, SECONDS: spent})
    store.update_study(record)
    store.record(record.name, events=[Event(trial=None, epoch=None, kind=RESUMED, detail={"spent_s": spent}, at=datetime.now(UTC))])
    # What earlier runs used is taken from this one's time.
    return record, past, replace(plan, spent_s=spent, deadline=None if plan.deadline is None else plan.deadline - spent)


def _run(
    plan: ObjectivePlan,
    record: StudyRecord,
    setting: ObjectiveSetting,
    executor: Executor,
    store: Store,
    progress: Progress,
    interrupted: Callable[[], bool],
    claim: Claim,
    desk: ObjectiveDesk,
    past: Past | None,
    *,
    in_process: bool,
) -> Study:
    def sign(seconds: float) -> None:
        if not claim.is_lost:
            store.update_study(replace(record, facts={**record.facts, SECONDS: seconds}))

    try:
        # In this process Ctrl-C has to reach the objective, which nothing else could stop.
        with nullcontext(None) if in_process else CtrlC() as ctrl_c:
            loop = ObjectiveLoop(
                plan, search=setting.search, executor=executor, store=store, progress=progress, past=past, sign=sign, desk=desk,
                interrupted=lambda: claim.is_lost or interrupted() or (ctrl_c is not None and ctrl_c.came),
            )  # fmt: skip
            found = loop.run()
        if claim.is_lost:
            raise StudyError(
                f"study {record.name!r} must have one writer, got another that took it over while this one was silent; look there"
            )
        desk.close(found.ended)
        return conclude_objective(record, found, store, sentences=sentences_of(setting.search))
    except BaseException as error:
        if not claim.is_lost:
            with suppress(Exception):
                close_record(claim.store, record.name, error)
        raise


class _Told:
    """Hands on what the loop says, with the name of what is tuned; to nobody if there is no one to listen."""

    def __init__(self, progress: Progress | None, record: StudyRecord, unsaid: Unsaid) -> None:
        """unsaid: of the search, whose sentences are handed on as they come."""
        self._progress, self._error_name, self._unsaid = progress, record.error_name, unsaid

    def notice(self, text: str) -> None:
        if self._progress is not None:
            self._progress.notice(text)

    def update(self, facts: Mapping[str, Any]) -> None:
        if self._progress is not None:
            self._progress.update({**facts, "error_name": self._error_name, "best_interval": None})
            for sentence in self._unsaid.take():
                self._progress.notice(sentence)


def _executor(objective: Callable[[ObjectiveTrial], Any], *, in_process: bool, workers: int) -> Executor:
    return InProcess(objective) if in_process else Processes(objective, workers=workers)


def _origin(objective: Callable[..., Any]) -> tuple[str, str]:
    """What the objective is called, and the module or script that it comes from."""
    name = getattr(objective, "__name__", type(objective).__name__)
    module = getattr(objective, "__module__", None) or "memory"
    if module == "__main__":
        module = Path(getattr(sys.modules["__main__"], "__file__", None) or "a session").name
    return (name if name.isidentifier() else "objective"), module


def _time_limit(time_limit: float | str | None) -> float | None:
    limit = None if time_limit is None else parse_seconds(time_limit)
    if limit is not None and not (math.isfinite(limit) and limit > 0):
        raise StudyError(f"time_limit must be a time > 0, got {time_limit!r}; give for example 30s or 10m")
    return limit


def _opening(setting: ObjectiveSetting, budget: Budget, workers: int) -> str:
    names = ", ".join(setting.space.names) or "nothing"
    each = f", up to {setting.epochs_per_trial} epochs each" if setting.epochs_per_trial else ""
    trials = "1 trial" if workers == 1 else f"{workers} trials"
    return f"Searching {names} ({setting.strategy}): {trials} at a time{each}, budget {budget.in_words()}."
