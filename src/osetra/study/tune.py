"""A study whose data, space and budget are known is carried through: searched, concluded, recorded.

It may have begun before: then what its store holds is recalled instead of trained (see `past`), and the study goes on to where it would
have come undisturbed.
Knows nothing of: how data are read, how the setting was decided.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osetra.core.errors import StoreError, StudyError
from osetra.core.ports import Progress, Store
from osetra.core.records import Event
from osetra.core.records import Study as StudyRecord
from osetra.diagnosis.intervals import effective_rows, wilson
from osetra.study.budget import Budget
from osetra.study.closing import close_record
from osetra.study.edited_space import EditedSpace
from osetra.study.handle import Study
from osetra.study.past import Past
from osetra.study.plan import actual_cost
from osetra.study.sentences import Unsaid
from osetra.study.setting import PANDA, Setting
from osetra.study.strategy import make_search
from osetra.study.table import PreparedTable

if TYPE_CHECKING:
    from osetra.search.warm_start import Elites


class Told:
    """Hands on what the loop says, with the error's name and how sure the best one is."""

    def __init__(self, progress: Progress, record: StudyRecord, table: PreparedTable) -> None:
        self._progress = progress
        self._error_name = record.error_name
        weights = table.training.dev_weights
        self._dev_rows = len(table.split.dev) if weights is None else effective_rows(weights)

    unsaid: Unsaid | None = None
    """Of the search, whose sentences are handed on as they come."""

    def notice(self, text: str) -> None:
        self._progress.notice(text)

    def update(self, facts: Mapping[str, Any]) -> None:
        best, interval = facts["best_error"], None
        if best is not None and self._error_name == "error rate":
            interval = wilson(min(max(best, 0.0), 1.0), self._dev_rows)
        self._progress.update({**facts, "error_name": self._error_name, "best_interval": interval})
        for sentence in self.unsaid.take() if self.unsaid else ():
            self._progress.notice(sentence)


def tune(
    table: PreparedTable,
    record: StudyRecord,
    budget: Budget,
    setting: Setting,
    elites: "Elites | None",
    store: Store,
    folder: Path | None,
    progress: Told,
    interrupted: Callable[[], bool],
    deadline: float | None,
    *,
    past: Past | None = None,
    suffix: str = "",
) -> Study:
    """Search until the budget is spent and conclude. The study is in the store already.

    deadline: `time.monotonic()` at which the budget in seconds ends. past: what the store holds of a study that goes on.
    suffix: of the commands that the babysitter tells, such as ` --store mine.db`.
    """
    from osetra.core.blas import one_blas_thread
    from osetra.engines.native.engine import NativeEngine
    from osetra.search.finals import MOST_FINALISTS
    from osetra.study.conclude import conclude, rescue
    from osetra.study.loop import SearchLoop
    from osetra.study.panda import OneModel
    from osetra.study.phases import Phases
    from osetra.study.terms import Plan

    past = past or Past()
    is_panda = setting.strategy == PANDA
    edited = EditedSpace(setting.space, record.facts)
    try:
        plan = Plan(
            study=record.name, task=record.task, num_outputs=table.preparation.num_outputs, seed=record.seed,
            epochs_per_trial=setting.epochs_per_trial, patience=setting.patience, budget=budget, workers=setting.workers, lag=setting.lag,
            slice_epochs=setting.slice_epochs, deadline=deadline,
        )  # fmt: skip
        given = elites.configurations if elites else [dict(setting.first)]
        search = Phases(
            OneModel() if is_panda else make_search(
                setting.strategy, setting.space, seed=record.seed, first=given[0], elites=given[1:], last=setting.epochs_per_trial,
                epochs=None if budget.epochs is None else budget.epochs - setting.final_epochs, trials=budget.trials,
            ),
            last=setting.epochs_per_trial, final_epochs=setting.final_epochs, with_finals=setting.finals,
            share_spent=None if deadline is None or budget.seconds is None else _clock(deadline, budget.seconds),
            trainings_left=lambda trials: loop.trainings_left(trials), searched=past.searched,
            note=lambda searched: loop.note("search ended", searched.to_dict()), recall_edits=edited.recall,
        )  # fmt: skip
        edited.search = search
        progress.unsaid = Unsaid(search)
        loop = SearchLoop(
            plan, search=search, engine=NativeEngine(), data=table.training, store=store, progress=progress, interrupted=interrupted,
            keeps=search.is_final, winner=lambda: search.winner, keep_best=MOST_FINALISTS if setting.ensemble else 1,
            memory_bytes=setting.memory_bytes, checkpoint_bytes=setting.checkpoint_bytes, past=past,
            edit=lambda command: edited.carry_out(command, store, record.name), watched_by=setting.babysitter, suffix=suffix,
            in_hand=setting.first if is_panda else None,
        )  # fmt: skip
        # The surface of a zooming search multiplies matrices; its bits must not depend on the threads of BLAS.
        with closing(loop), one_blas_thread():
            try:
                found = loop.run()
            except StoreError as error:
                raise StoreError(f"{error}. {rescue(table, record, loop.found(), folder)}") from error
        if elites:
            # By the configurations, since an edit of the space before all had begun left some out. Finals repeat them and do not count.
            begun = [trial for trial in found.trials[: len(elites.elites)] if not search.is_final(trial.number)]
            told = [(trial.number, elites.detail(trial.number, trial.configuration)) for trial in begun]
            store.record(record.name, events=past.new_events([_warm_start(number, detail) for number, detail in told if detail]))
        more = {"finals_results": [asdict(finalist) for finalist in search.results], "sentences": search.sentences}
        more |= edited.facts()
        if "plan" in record.facts:
            more["plan"] = {**record.facts["plan"], "actual": actual_cost(found, setting)}
        study = conclude(table, record, found, store, folder, more=more, ensemble=setting.ensemble, past=past)
        _keep_verdict(study)
        return study
    except BaseException as error:
        with suppress(Exception):
            close_record(store, record.name, error)
        raise


def _keep_verdict(study: Study) -> None:
    """The diagnosis goes into the record, for whoever reads that without osetra; `Study.diagnose` makes it anew."""
    try:
        found = study.diagnose()
    except StudyError:
        # Nothing to compare, such as a study of one trial that was interrupted.
        return
    study.record = replace(study.record, facts={**study.record.facts, "diagnosis": found.to_dict()})
    study.store.update_study(study.record)


def _clock(deadline: float, seconds: float) -> Callable[[], float]:
    """The share of the seconds that is spent."""
    return lambda: 1.0 - (deadline - time.monotonic()) / seconds


def _warm_start(number: int, detail: Mapping[str, Any]) -> Event:
    return Event(trial=number, epoch=0, kind="warm start", detail=detail, at=datetime.now(UTC))
