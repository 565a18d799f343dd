"""`osetra.fit`: data goes in, a tuned network comes out.

Reads, infers the task, splits, prepares, searches, restores the best weights and measures them: dev error with its interval, test
error once.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import StudyError
from osetra.core.ports import Progress, Store
from osetra.core.records import Study as StudyRecord
from osetra.core.records import StudyState as State
from osetra.core.seeding import Seed
from osetra.study.budget import Budget
from osetra.study.budget import seconds as parse_seconds
from osetra.study.conclude import conclude
from osetra.study.handle import Study
from osetra.study.table import PreparedTable, split_facts

if TYPE_CHECKING:
    from osetra.space.space import Space

NOMINAL_FLOPS = 6e10
"""Multiply-adds count two; what one core does in a second, roughly. Fixed, so that a study's space does not depend on the machine."""


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
    space: Mapping[str, Any] | None = None,
    study: str | None = None,
    store: str | Path | Store | None = None,
    seed: int = 0,
    workers: int | None = None,
    drop: Sequence[str] = (),
    sizes: tuple[float, float, float] | None = None,
    groups: str | None = None,
    time_column: str | None = None,
    test: bool = True,
    models: str | Path | None = None,
    progress: Progress | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Study:
    """Tune a network on a table and return the study with its trained best model.

    data: a path (CSV, Parquet, Feather, npz), a pandas or polars frame, or an array [rows, columns] with `y` [rows].
    target: the column (or columns, for regression) to predict. task: binary, multiclass or regression; inferred if left out.
    budget: seconds, or a text such as "60s" or "10m"; trials, epochs: further bounds. With none of the three: 60 s.
    epochs_per_trial: by default about a million rows' worth, 10 to 200 epochs.
    space: edits of the default space by name: a scale such as `osetra.log(1e-4, 1e-1)`, or a value to fix.
    store: where the study is kept: a file, a URL, an open store; left out, it lives in memory only.
    sizes: of training, dev and test part, as shares or rows. groups: a column whose groups never span parts. time_column: later rows
    become dev and test. test=False: no test part, and its rows train.
    models: folder in which the model is saved under the study's name; left out, it is not saved.

    Raises DataError, SpaceError, StudyError, StoreError for what cannot be used. A study that has begun is recorded even if it fails.
    """
    began = time.monotonic()
    progress = progress or Silence()
    spend = Budget(seconds=None if budget is None else parse_seconds(budget), trials=trials, epochs=epochs)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise StudyError(f"seed must be a whole number >= 0, got {seed!r}; the same seed gives the same study")
    if workers is not None and workers < 1:
        raise StudyError(f"workers must be >= 1, got {workers}; leave it out to use every core")
    if epochs_per_trial is not None and epochs_per_trial < 1:
        raise StudyError(f"epochs_per_trial must be >= 1, got {epochs_per_trial}; leave it out to let the data decide")
    opened = _open(store)
    try:
        table = PreparedTable.of(
            data, target, y=y, task=task, drop=drop, sizes=sizes, groups=groups, time_column=time_column, test=test, seed=int(seed)
        )
        return _tune(
            table, spend, began, opened, progress, interrupted,
            epochs_per_trial=epochs_per_trial, edits=space or {}, name=study, seed=int(seed), workers=workers, models=models,
        )  # fmt: skip
    except BaseException:
        if opened is not store:
            opened.close()
        raise


def _open(store: str | Path | Store | None) -> Store:
    if store is None:
        from osetra.store.memory import MemoryStore

        return MemoryStore()
    if isinstance(store, str | Path):
        from osetra.store.sql import open_store

        return open_store(store)
    return store


def _tune(
    table: PreparedTable,
    budget: Budget,
    began: float,
    store: Store,
    progress: Progress,
    interrupted: Callable[[], bool],
    *,
    epochs_per_trial: int | None,
    edits: Mapping[str, Any],
    name: str | None,
    seed: int,
    workers: int | None,
    models: str | Path | None,
) -> Study:
    from osetra.engines.native.engine import NativeEngine
    from osetra.executors.threads import available_cores
    from osetra.search.random import RandomSearch
    from osetra.space.tiers import left_fixed
    from osetra.study.environment import environment, fingerprint
    from osetra.study.loop import LAG, Plan, SearchLoop

    rows = table.training.num_rows
    task = table.dataset.task
    workers = workers or available_cores()
    epochs_each = epochs_per_trial or int(np.clip(round(1_000_000 / rows), 10, 200))
    if budget.epochs is not None:
        epochs_each = min(epochs_each, budget.epochs)
    space, first = _space(table, budget, epochs_each, edits)
    for sentence in (*table.dataset.notes, *table.preparation.notes, table.split.rule):
        progress.notice(sentence)
    progress.notice(
        f"Searching {len(space.names)} hyperparameters at random on their scales, up to {epochs_each} epochs a trial, "
        f"{workers} at a time, budget {budget.in_words()}. {left_fixed(space)}"
    )
    folder = None
    study_name = name or _free_name(store, table.dataset.source)
    if models is not None:
        folder = Path(models) / re.sub(r"[^A-Za-z0-9._-]+", "-", study_name).strip(".-")
        if folder.exists():
            raise StudyError(f"the model folder {folder} is taken; choose another --study name or remove it")
    record = StudyRecord(
        name=study_name,
        state=State.RUNNING,
        created=datetime.now(UTC),
        task=task,
        target=", ".join(table.dataset.target_names),
        source=table.dataset.source,
        seed=seed,
        error_name="error rate" if task.is_classification else "RMSE",
        facts={
            "budget": asdict(budget),
            "epochs_per_trial": epochs_each,
            "space": space.to_dict(),
            "first": first,
            "strategy": "random",
            "lag": LAG,
            "split": split_facts(table.split),
            "notes": [*table.dataset.notes, *table.preparation.notes],
            "fingerprint": fingerprint(table.dataset.features, table.dataset.target),
            "environment": environment(workers),
        },
    )
    store.create_study(record)
    deadline = None
    try:
        engine = NativeEngine()
        if not engine.is_compiled():
            progress.notice("Compiling the training engine for this machine; this happens once and takes about 20 s ...")
            at = time.monotonic()
            engine.compile()
            began += time.monotonic() - at
        if budget.seconds is not None:
            deadline = began + budget.seconds
        plan = Plan(
            study=study_name, task=task, num_outputs=table.preparation.num_outputs, seed=seed, epochs_per_trial=epochs_each,
            patience=max(10, epochs_each // 3), budget=budget, workers=workers, deadline=deadline,
        )  # fmt: skip
        searcher = RandomSearch(space, seed=seed, first=first)
        loop = SearchLoop(
            plan, searcher=searcher, engine=engine, data=table.training, store=store, progress=progress, interrupted=interrupted
        )
        found = loop.run()
        return conclude(table, record, found, store, folder)
    except BaseException as error:
        with suppress(Exception):
            store.update_study(replace(record, state=State.FAILED, reason=str(error) or type(error).__name__, finished=datetime.now(UTC)))
        raise


def _space(table: PreparedTable, budget: Budget, epochs_each: int, edits: Mapping[str, Any]) -> "tuple[Space, dict[str, Any]]":
    """The default space for the data and the budget, with the user's edits, and the first configuration to try."""
    from osetra.space.tiers import check_names, check_values, default_configuration, default_space, tiers_for

    shape = {"rows": table.training.num_rows, "inputs": table.preparation.num_inputs, "task": table.dataset.task}
    asked = edits.get("optimizer")
    optimizer = asked if isinstance(asked, str) else "adam"
    first = default_configuration(**shape, optimizer=optimizer)
    units, layers = int(first.get("hidden_units", 64)), int(first.get("num_layers", 2))
    parameters = shape["inputs"] * units + (layers - 1) * units**2 + units * table.preparation.num_outputs
    trial_seconds = 6.0 * parameters * epochs_each * shape["rows"] / NOMINAL_FLOPS
    expected = min(
        budget.trials if budget.trials is not None else np.inf,
        budget.epochs / epochs_each if budget.epochs is not None else np.inf,
        2.0 * budget.seconds / trial_seconds if budget.seconds is not None else np.inf,
    )
    space = default_space(**shape, tiers=tiers_for(expected), optimizer=optimizer).replace(edits)
    check_names(space)
    check_values(space)
    return space, space.nearest(first)


def _free_name(store: Store, source: str) -> str:
    stem = Path(source).name.split(".")[0] or "study"
    taken = {summary.study.name for summary in store.studies()}
    number = 1
    while (name := stem if number == 1 else f"{stem}-{number}") in taken:
        number += 1
    return name
