"""`osetra.resume`: a study that broke off goes on, to where it would have come undisturbed.

Its data are read once more and must be the same, row for row. Then it is carried through from the beginning, as `past` says: what the
store holds is recalled, and training goes on where it stopped, from checkpoints where there are any. On the machine and versions of the
first run a study with a budget in epochs or trials comes to the same bits; one with a budget in seconds has what it had not used yet.
Knows nothing of: how a study begins.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from osetra.core.errors import StudyError
from osetra.core.ports import Progress, Store
from osetra.core.records import Event, StudyState, Task
from osetra.core.records import Study as StudyRecord
from osetra.study.asked import options_of, reopen
from osetra.study.beginning import Silence, compile_engine
from osetra.study.budget import Budget
from osetra.study.handle import Study
from osetra.study.objective_setting import ASK_AND_TELL
from osetra.study.past import Past
from osetra.study.setting import Setting
from osetra.study.tune import Told, tune
from osetra.study.watching import store_suffix
from osetra.study.writing import writing

RESUMED = "resumed"


def resume(
    name: str,
    store: str | Path | Store = "osetra.db",
    *,
    data: Any = None,
    y: Any = None,
    workers: int | None = None,
    progress: Progress | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Study:
    """Go on with a study that was killed, interrupted or failed, and return it with its model.

    data, y: as in `fit`, where they were handed over in memory or have moved; None reads them where they were. workers: as in `fit`; any
    number comes to the same result. Raises StudyError for a study that came to its end, one that another process is working on, one whose
    data are not the same any more and one of an objective, which `osetra.optimize` and `osetra.Tuner` go on with; DataError and
    StoreError as `fit` does. Whatever is refused, nothing recorded changes.
    """
    from osetra.store.sql import open_store

    opened = open_store(store, create=False) if isinstance(store, str | Path) else store
    try:
        record = opened.study(name)
        if record.task is Task.OBJECTIVE:
            raise StudyError(_of_an_objective(record))
        if record.state is StudyState.FINISHED:
            raise StudyError(f"study {name!r} came to its end ({record.reason}); begin another from it: warm_start={name!r}")
        handle = Study(record, opened)
        options = options_of(handle)
        progress = progress or Silence()
        with writing(opened, name) as claim:
            record = opened.study(name)
            table = reopen(handle, data, y=y)
            setting = Setting.from_facts(record.facts, workers=workers or _cores())
            budget = Budget(**record.facts["budget"])
            past = Past.of(opened, name)
            elites = None
            if options["warm_start"] is not None:
                from osetra.study.fit import elites_for

                elites = elites_for(options["warm_start"], opened, setting)
            compile_engine(progress)
            spent = spent_s(opened, record.created, name)
            progress.notice(in_words(past, budget, spent))
            record = replace(record, state=StudyState.RUNNING, reason="", finished=None)
            opened.update_study(record)
            began = Event(trial=None, epoch=None, kind=RESUMED, detail={"spent_s": spent}, at=datetime.now(UTC))
            opened.record(name, events=[began])
            deadline = None if budget.seconds is None else time.monotonic() + max(0.0, budget.seconds - spent)
            folder = record.facts.get("folder")
            found = tune(
                table, record, budget, setting, elites, claim.store, None if folder is None else Path(folder),
                Told(progress, record, table), lambda: claim.is_lost or interrupted(), deadline, past=past, suffix=store_suffix(store),
            )  # fmt: skip
        # The claim has been given back.
        found.store = opened
        return found
    except BaseException:
        if opened is not store:
            opened.close()
        raise


def spent_s(store: Store, created: datetime, name: str) -> float:
    """Seconds that the study was worked on: of each run from its beginning to the last sign of life."""
    spent, began, last = 0.0, created, created
    for event in store.events(name):
        if event.kind == RESUMED:
            spent, began = float(event.detail["spent_s"]), event.at
        last = max(last, event.at)
    return spent + max(0.0, (last - began).total_seconds())


def _cores() -> int:
    from osetra.executors.threads import available_cores

    return available_cores()


def in_words(past: Past, budget: Budget, spent: float) -> str:
    """What a study that goes on has and has left."""
    epochs = sum(len(curve) for curve in past.curves.values())
    left = f", {max(0.0, budget.seconds - spent):.0f} s of {budget.seconds:g} s are left" if budget.seconds is not None else ""
    return f"Going on with {len(past.trials):,} trials and {epochs:,} epochs that are recorded{left}."


def _of_an_objective(record: StudyRecord) -> str:
    call = "osetra.Tuner(space, ..." if record.source == ASK_AND_TELL else "osetra.optimize(objective, space, ..."
    return (
        f"osetra.resume goes on with studies of osetra.fit, got {record.name!r}, which tunes what is not kept with it; "
        f"go on with {call}, study={record.name!r}, store=..., resume=True)"
    )
