"""`osetra.fit`: data goes in, a tuned network comes out.

Reads, infers the task, splits, prepares, searches, restores the best weights and measures them: dev error with its interval, test
error once.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from osetra.core.errors import StoreError, StudyError
from osetra.core.ports import Progress, Store
from osetra.core.records import Event
from osetra.core.records import Study as StudyRecord
from osetra.core.records import StudyState as State
from osetra.core.seeding import Seed
from osetra.data.images import Images
from osetra.data.shift import part_shifts
from osetra.data.weights import ClassWeight
from osetra.diagnosis.intervals import effective_rows, wilson
from osetra.report.opening import opening
from osetra.store.sql import open_store
from osetra.study.asked import asked_facts
from osetra.study.budget import Budget
from osetra.study.budget import seconds as parse_seconds
from osetra.study.closing import close_record
from osetra.study.handle import Study
from osetra.study.places import name_and_folder, open_place
from osetra.study.setting import Setting, decide
from osetra.study.strategy import DEFAULT, make_search, parse_strategy
from osetra.study.table import PreparedTable, split_facts, weighing_facts

if TYPE_CHECKING:
    from osetra.search.warm_start import Elites
    from osetra.study.phases import Phases


class Silence:
    """A progress that says nothing."""

    def notice(self, text: str) -> None:
        """Nothing."""

    def update(self, facts: Mapping[str, Any]) -> None:
        """Nothing."""


def fit(
    data: Any,
    target: str | Sequence[str] | None = None,
    *,
    y: Any = None,
    task: str | None = None,
    budget: float | str | None = None,
    trials: int | None = None,
    epochs: int | None = None,
    epochs_per_trial: int | None = None,
    patience: int | None = None,
    strategy: str = DEFAULT,
    finals: bool = True,
    ensemble: bool | int = False,
    warm_start: str | None = None,
    space: Mapping[str, Any] | None = None,
    study: str | None = None,
    store: str | Path | Store | None = None,
    seed: int = 0,
    workers: int | None = None,
    drop: Sequence[str] = (),
    sizes: tuple[float, float, float] | None = None,
    groups: str | None = None,
    time_column: str | None = None,
    dev: Any = None,
    test: Any = True,
    weights: str | None = None,
    class_weight: ClassWeight | None = None,
    models: str | Path | None = None,
    progress: Progress | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Study:
    """Tune a network on a table and return the study with its trained best model.

    data: a path (CSV, Parquet, Feather, npz), a pandas or polars frame, or an array [rows, columns] with `y` [rows]. Images: a folder of
    folders, one a class, or an array or .npz file of uint8 [rows, height, width] or [rows, height, width, channels].
    target: the column (or columns, for regression) to predict. task: binary, multiclass or regression; inferred if left out.
    budget: seconds, or a text such as "60s" or "10m"; trials, epochs: further bounds. With none of the three: 60 s.
    epochs_per_trial: by default about a million rows' worth, 10 to 200 epochs. patience: a trial ends after so many epochs without a
    better dev error, by default a third of its epochs and at least 10; 0: never. However it ends, the weights of its best epoch are kept.
    strategy: how configurations are chosen and how far each is trained: waves, which trains many a little, the best of them further, and
    zooms in on what does well; or random, sobol, grid, coarse_to_fine or tpe (Optuna's), which train each to the end or, with +asha,
    +successive_halving or +hyperband behind it, climb a ladder as well.
    finals: where a fifth of the budget pays for it, the best 2 to 8 configurations train anew with 3 fresh seeds each, and the one with the
    best mean, shrunk toward the mean of all, wins; not under a budget in trials. ensemble: make the model of several networks, chosen
    greedily on dev; a number sets how many choices. warm_start: a study in the same store whose best configurations are tried first.
    space: edits of the default space by name: a scale such as `osetra.log(1e-4, 1e-1)`, or a value to fix.
    store: where the study is kept: a file, a URL, an open store; left out, it lives in memory only.
    sizes: of training, dev and test part, as shares or rows. groups: a column whose groups never span parts. time_column: later rows
    become dev and test. test=False: no test part, and its rows train.
    dev, test: parts of their own: a path, a frame or a pair (X, y), with the columns of `data`. They are used as they are; a part that is
    not given is drawn from the rows of `data`. A small classifier is told to tell training from dev and dev from test
    (`facts["shift"]`), so that parts of different distributions are noticed.
    weights: a column of numbers >= 0, how much each row counts in the cost and in every error; it is no feature, and rows of weight 0 are
    left out. class_weight: "balanced", or a weight for each label; it counts in training and in the dev error that
    trials are compared by, not in the errors that the study ends with.
    models: folder in which the model is saved under the study's name; left out, it is not saved.

    Raises DataError, SpaceError, StudyError, StoreError for what cannot be used. A study that has begun is recorded even if it fails.
    """
    began = time.monotonic()
    progress = progress or Silence()
    spend = Budget(seconds=None if budget is None else parse_seconds(budget), trials=trials, epochs=epochs)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise StudyError(f"seed must be a whole number >= 0, got {seed!r}; the same seed gives the same study")
    parse_strategy(strategy)
    asked = asked_facts(
        data,
        {
            "target": target, "task": task, "drop": drop, "sizes": sizes, "groups": groups, "time_column": time_column, "dev": dev,
            "test": test, "weights": weights, "class_weight": class_weight, "epochs_per_trial": epochs_per_trial, "patience": patience,
            "strategy": strategy, "finals": finals, "ensemble": ensemble, "warm_start": warm_start, "workers": workers,
        },
    )  # fmt: skip
    opened = open_place(store)
    try:
        table = PreparedTable.of(
            data, target, y=y, task=task, drop=drop, sizes=sizes, groups=groups, time_column=time_column, dev=dev, test=test,
            weights=weights, class_weight=class_weight, seed=int(seed),
        )  # fmt: skip
        shift = _shift(table, time_column, seed=int(seed))
        weighing = weighing_facts(table, weights)
        setting = decide(
            table, spend, edits=space or {}, strategy=strategy, finals=finals, ensemble=ensemble, epochs_per_trial=epochs_per_trial,
            patience=patience, workers=workers,
        )  # fmt: skip
        elites = None if warm_start is None else _elites(warm_start, opened, setting)
        name, folder = name_and_folder(study, table.dataset.source, opened, models)
        for sentence in opening(
            dataset_notes=table.dataset.notes, column_notes=table.preparation.notes, split_rule=table.split.rule,
            shift=shift, weighing=weighing, space=setting.space, strategy=strategy, epochs_per_trial=setting.epochs_per_trial,
            patience=setting.patience, workers=setting.workers, budget=spend.in_words(),
        ):  # fmt: skip
            progress.notice(sentence)
        for sentence in elites.sentences() if elites else ():
            progress.notice(sentence)
        began += _compile(progress)
        # Nothing was made so far, so that whatever was wrong, or Ctrl-C, leaves nothing behind.
        opened = opened or open_store(cast("str | Path", store))
        record = _record(
            table,
            name,
            seed=int(seed),
            budget=spend,
            setting=setting,
            more={"asked": asked, "shift": shift, **weighing, "warm_start": elites.to_dict() if elites else None},
        )
        deadline = None if spend.seconds is None else began + spend.seconds
        return _tune(table, record, spend, setting, elites, opened, folder, _Told(progress, record, table), interrupted, deadline)
    except BaseException:
        if opened is not None and opened is not store:
            opened.close()
        raise


class _Told:
    """Hands on what the loop says, with the error's name and how sure the best one is."""

    def __init__(self, progress: Progress, record: StudyRecord, table: PreparedTable) -> None:
        self._progress = progress
        self._error_name = record.error_name
        weights = table.training.dev_weights
        self._dev_rows = len(table.split.dev) if weights is None else effective_rows(weights)
        self._told = 0

    search: "Phases | None" = None
    """Whose sentences are handed on as they come."""

    def notice(self, text: str) -> None:
        self._progress.notice(text)

    def update(self, facts: Mapping[str, Any]) -> None:
        best, interval = facts["best_error"], None
        if best is not None and self._error_name == "error rate":
            interval = wilson(min(max(best, 0.0), 1.0), self._dev_rows)
        self._progress.update({**facts, "error_name": self._error_name, "best_interval": interval})
        sentences = self.search.sentences if self.search else []
        for sentence in sentences[self._told :]:
            self._progress.notice(sentence[:1].upper() + sentence[1:] + ".")
        self._told = len(sentences)


def _shift(table: PreparedTable, time_column: str | None, *, seed: int) -> dict[str, Any]:
    """Whether the parts can be told apart, for the study's record; times are left out where rows were dealt out by them."""
    rows = table.dataset
    features = rows.features if time_column is None or isinstance(rows.features, Images) else rows.features.drop(columns=time_column)
    pairs = part_shifts(features, rows.target, table.split, seed=Seed(study=seed))
    return {"ways": list(table.split.ways), "pairs": [pair.to_dict() for pair in pairs]}


def _compile(progress: Progress) -> float:
    """Have the engine's compiled code ready; seconds spent on making it, 0 where it was there."""
    from osetra.engines.native.engine import NativeEngine

    if NativeEngine.is_compiled():
        return 0.0
    progress.notice("Compiling the training engine, once for this machine: about 20 s ...")
    at = time.monotonic()
    NativeEngine.compile()
    return time.monotonic() - at


def _record(
    table: PreparedTable,
    name: str,
    *,
    seed: int,
    budget: Budget,
    setting: Setting,
    more: Mapping[str, Any],
) -> StudyRecord:
    from osetra.study.environment import environment, fingerprint

    return StudyRecord(
        name=name,
        state=State.RUNNING,
        created=datetime.now(UTC),
        task=table.dataset.task,
        target=", ".join(table.dataset.target_names),
        source=table.dataset.source,
        seed=seed,
        error_name="error rate" if table.dataset.task.is_classification else "RMSE",
        facts={
            "budget": asdict(budget),
            **setting.facts(),
            "split": split_facts(table.split),
            **more,
            "notes": [*table.dataset.notes, *table.preparation.notes],
            "fingerprint": fingerprint(table.dataset.features, table.dataset.target),
            "environment": environment(setting.workers),
        },
    )


def _tune(
    table: PreparedTable,
    record: StudyRecord,
    budget: Budget,
    setting: Setting,
    elites: "Elites | None",
    store: Store,
    folder: Path | None,
    progress: _Told,
    interrupted: Callable[[], bool],
    deadline: float | None,
) -> Study:
    from osetra.engines.native.blas import one_blas_thread
    from osetra.engines.native.engine import NativeEngine
    from osetra.search.finals import MOST_FINALISTS
    from osetra.study.conclude import conclude, rescue
    from osetra.study.loop import Plan, SearchLoop
    from osetra.study.phases import Phases

    store.create_study(record)
    try:
        plan = Plan(
            study=record.name, task=record.task, num_outputs=table.preparation.num_outputs, seed=record.seed,
            epochs_per_trial=setting.epochs_per_trial, patience=setting.patience, budget=budget, workers=setting.workers, lag=setting.lag,
            slice_epochs=setting.slice_epochs, deadline=deadline,
        )  # fmt: skip
        given = elites.configurations if elites else [dict(setting.first)]
        search = Phases(
            make_search(
                setting.strategy, setting.space, seed=record.seed, first=given[0], elites=given[1:], last=setting.epochs_per_trial,
                epochs=None if budget.epochs is None else budget.epochs - setting.final_epochs, trials=budget.trials,
            ),
            last=setting.epochs_per_trial, final_epochs=setting.final_epochs, with_finals=setting.finals,
            share_spent=None if deadline is None or budget.seconds is None else _clock(deadline, budget.seconds),
            trainings_left=lambda trials: loop.trainings_left(trials),
        )  # fmt: skip
        progress.search = search
        loop = SearchLoop(
            plan, search=search, engine=NativeEngine(), data=table.training, store=store, progress=progress, interrupted=interrupted,
            keeps=search.is_final, winner=lambda: search.winner, keep_best=MOST_FINALISTS if setting.ensemble else 1,
        )  # fmt: skip
        # The surface of a zooming search multiplies matrices; its bits must not depend on the threads of BLAS.
        with closing(loop), one_blas_thread():
            try:
                found = loop.run()
            except StoreError as error:
                raise StoreError(f"{error}. {rescue(table, record, loop.found(), folder)}") from error
        if elites:
            told = [(number, elites.detail(number)) for number in range(min(len(found.trials), len(elites.elites)))]
            store.record(record.name, events=[_warm_start(number, detail) for number, detail in told if detail])
        more = {"finals_results": [asdict(finalist) for finalist in search.results], "sentences": search.sentences}
        return conclude(table, record, found, store, folder, more=more, ensemble=setting.ensemble)
    except BaseException as error:
        with suppress(Exception):
            close_record(store, record.name, error)
        raise


def _clock(deadline: float, seconds: float) -> Callable[[], float]:
    """The share of the seconds that is spent."""
    return lambda: 1.0 - (deadline - time.monotonic()) / seconds


def _elites(name: str, store: Store | None, setting: Setting) -> "Elites":
    """The best of an earlier study, in the space of this one."""
    from osetra.search.warm_start import elites_of

    if store is None:
        raise StudyError(f"a warm start needs study {name!r} in the store of this one, got a store that does not exist yet; name its store")
    return elites_of(store.study(name), store.trials(name), setting.space, default=setting.first)


def _warm_start(number: int, detail: Mapping[str, Any]) -> Event:
    return Event(trial=number, epoch=0, kind="warm start", detail=detail, at=datetime.now(UTC))
