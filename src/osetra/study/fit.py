"""`osetra.fit`: data goes in, a tuned network comes out.

Reads, infers the task, splits, prepares, searches, restores the best weights and measures them: dev error with its interval, test
error once.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from osetra.core.errors import StudyError
from osetra.core.ports import Progress, Store
from osetra.core.records import Study as StudyRecord
from osetra.core.records import StudyState as State
from osetra.data.weights import ClassWeight
from osetra.report.opening import opening
from osetra.report.plan_words import short_plan_sentences
from osetra.report.references import reference_sentences
from osetra.report.words import duration
from osetra.store.sql import open_store
from osetra.study.asked import asked_facts
from osetra.study.beginning import Silence, compile_engine, require_seed, shift_facts
from osetra.study.budget import Budget, bytes_of
from osetra.study.budget import seconds as parse_seconds
from osetra.study.handle import Study
from osetra.study.panda import as_panda, measured_epoch_s, modes_for, needs_epoch_s, panda_sentences, require_panda
from osetra.study.phases import SEARCHING
from osetra.study.places import name_and_folder, open_place
from osetra.study.plan import plan_in_fit
from osetra.study.references import reference_facts
from osetra.study.setting import Setting, decide
from osetra.study.strategy import DEFAULT, parse_strategy
from osetra.study.table import PreparedTable, split_facts, weighing_facts
from osetra.study.tune import Told, tune
from osetra.study.watching import modes_in_words, store_suffix
from osetra.study.writing import writing

if TYPE_CHECKING:
    from osetra.search.warm_start import Elites
    from osetra.training.babysitter import Mode

WITHOUT = {"noise": 0, "mixup": 0, "crop_padding": 0, "rotation": 0, "distortion": 0, "l1": 0, "clip_norm": 1e9}
"""What the networks of an earlier study had of hyperparameters that its configurations do not name, for a warm start."""

LEAST_TO_COMPARE_S = 2.0
"""Of the search's share of a budget; with less, parts that were drawn at random are not compared, which takes 1 to 1.3 s."""
MOST_BEFORE_PLAN = 0.8 * SEARCHING
"""Share of a budget in seconds after which no plan is made: it takes a quarter as long as what came before it."""


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
    panda: bool = False,
    babysitter: "str | Mapping[str, Mode] | None" = None,
    finals: bool = True,
    ensemble: bool | int = False,
    warm_start: str | None = None,
    space: Mapping[str, Any] | None = None,
    study: str | None = None,
    store: str | Path | Store | None = None,
    seed: int = 0,
    workers: int | None = None,
    memory: int | str | None = None,
    checkpoints: int | str | None = None,
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
    Where a few seconds are nearly gone before the search, comparing parts drawn at random, simple models and the plan are left out; the
    first trial trains one epoch however late it is.
    epochs_per_trial: by default about a million rows' worth, 10 to 200 epochs, and up to four times as many where a budget of time or
    epochs has room for more than twenty such trainings. patience: a trial ends after so many epochs without a better dev error, by
    default a third of its epochs and at least 10; 0: never. However it ends, the weights of its best epoch are kept.
    strategy: how configurations are chosen and how far each is trained: waves, which trains many a little, the best of them further, and
    zooms in on what does well; or random, sobol, grid, coarse_to_fine, zoom (Bayesian optimisation) or tpe (Optuna's), which train each
    to the end or, with +asha, +successive_halving or +hyperband behind it, climb a ladder as well.
    panda: train one model, the default configuration with the edits of `space`, for the whole budget instead of searching; it can be
    steered from its first epoch on (see `Study.steer`), and while it stands still the study waits. Of a budget in epochs, those that it
    was rolled back from count. babysitter: what looks at a trial after every epoch: "off", "suggest", "act", or a mode for each rule
    named, as a mapping or a text such as "diverged=act,plateau=suggest"; suggest in panda and off elsewhere if left out. It acts in panda
    only.
    finals: where a fifth of the budget pays for it, the best 2 to 8 configurations train anew with 3 fresh seeds each, and the one with the
    best mean, shrunk toward the mean of all, wins; not under a budget in trials. ensemble: make the model of several networks, chosen
    greedily on dev; a number sets how many choices. warm_start: a study in the same store whose best configurations are tried first.
    space: edits of the default space by name: a scale such as `osetra.log(1e-4, 1e-1)`, or a value to fix.
    store: where the study is kept: a file, a URL, an open store; left out, it lives in memory only.
    memory: bytes, or a text such as "500MB", in which trials that wait are kept (1 GiB if left out); the others wait on disk. checkpoints:
    of what the store keeps of trials in training, so that a study that broke off goes on (256 MiB); "0" keeps none.
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
    seed = require_seed(seed)
    parse_strategy(strategy)
    modes = modes_for(babysitter, panda=panda)
    if panda:
        require_panda(budget=spend, strategy=strategy, ensemble=ensemble, patience=patience, warm_start=warm_start)
    asked = asked_facts(
        data,
        {
            "target": target, "task": task, "drop": drop, "sizes": sizes, "groups": groups, "time_column": time_column, "dev": dev,
            "test": test, "weights": weights, "class_weight": class_weight, "epochs_per_trial": epochs_per_trial, "patience": patience,
            "strategy": strategy, "finals": finals, "ensemble": ensemble, "warm_start": warm_start, "workers": workers, "panda": panda,
            "babysitter": None if babysitter is None else modes_in_words(modes),
        },
    )  # fmt: skip
    opened = open_place(store)
    try:
        table = PreparedTable.of(
            data, target, y=y, task=task, drop=drop, sizes=sizes, groups=groups, time_column=time_column, dev=dev, test=test,
            weights=weights, class_weight=class_weight, seed=int(seed),
        )  # fmt: skip
        is_dealt = set(table.split.ways) == {"random"}
        is_short = spend.seconds is not None and (SEARCHING - _gone(spend, began)) * spend.seconds < LEAST_TO_COMPARE_S
        shift = None if is_dealt and is_short else shift_facts(table, time_column, seed=seed)
        weighing = weighing_facts(table, weights)
        setting = decide(
            table, spend, edits=space or {}, strategy=strategy, finals=finals, ensemble=ensemble, epochs_per_trial=epochs_per_trial,
            patience=patience, workers=workers,
        )  # fmt: skip
        setting = replace(setting, babysitter=modes, **bytes_given(memory=memory, checkpoints=checkpoints))
        if panda:
            setting = as_panda(setting, spend, epochs_per_trial=epochs_per_trial, epoch_s=None, left_s=None)
        elites = None if warm_start is None else elites_for(warm_start, opened, setting)
        name, folder = name_and_folder(study, table.dataset.source, opened, models)
        for sentence in opening(
            dataset_notes=table.dataset.notes, column_notes=table.preparation.notes, split_rule=table.split.rule,
            shift=shift, weighing=weighing, space=setting.space, strategy=setting.strategy, epochs_per_trial=setting.epochs_per_trial,
            patience=setting.patience, workers=setting.workers, budget=spend.in_words(),
        ):  # fmt: skip
            progress.notice(sentence)
        for sentence in elites.sentences() if elites else ():
            progress.notice(sentence)
        if shift is None:
            progress.notice("There is no time to compare the parts with one another; their rows were drawn at random.")
        began += compile_engine(progress)
        foreseen = references = None
        if _gone(spend, began) >= SEARCHING:
            progress.notice("There is no time for simple models to compare with.")
        else:
            references = reference_facts(table, seed=seed, budget_s=spend.seconds)
        for sentence in reference_sentences(references, _error_name(table)):
            progress.notice(sentence)
        if panda:
            epoch_s = None
            if needs_epoch_s(spend, epochs_per_trial):
                assert spend.seconds is not None
                epoch_s = measured_epoch_s(table, setting, budget_s=spend.seconds)
                left_s = spend.seconds - (time.monotonic() - began)
                setting = as_panda(setting, spend, epochs_per_trial=None, epoch_s=epoch_s, left_s=left_s)
            said = panda_sentences(setting, space or {}, spend, epoch_s)
        elif _gone(spend, began) >= MOST_BEFORE_PLAN:
            said = [f"There is no time for a plan: what comes before it took {duration(time.monotonic() - began)} of {spend.in_words()}."]
        else:
            foreseen = plan_in_fit(table, setting, spend, setup_s=time.monotonic() - began, seed=seed)
            said = short_plan_sentences(foreseen.to_dict())
        for sentence in said:
            progress.notice(sentence)
        # Nothing was made so far, so that whatever was wrong, or Ctrl-C, leaves nothing behind.
        opened = opened or open_store(cast("str | Path", store))
        record = _record(
            table,
            name,
            seed=int(seed),
            budget=spend,
            setting=setting,
            more={
                "asked": asked,
                "folder": None if folder is None else str(folder.absolute()),
                "shift": shift,
                "references": references,
                **({"plan": {"predicted": foreseen.to_dict(), "actual": None}} if foreseen else {}),
                **weighing,
                "warm_start": elites.to_dict() if elites else None,
            },
        )
        deadline = None if spend.seconds is None else began + spend.seconds
        opened.create_study(record)
        with writing(opened, record.name) as claim:
            found = tune(
                table, record, spend, setting, elites, claim.store, folder, Told(progress, record, table),
                lambda: claim.is_lost or interrupted(), deadline, suffix=store_suffix(store),
            )  # fmt: skip
        # The claim has been given back.
        found.store = opened
        return found
    except BaseException:
        if opened is not None and opened is not store:
            opened.close()
        raise


def _gone(budget: Budget, began: float) -> float:
    """The share of a budget in seconds that is spent."""
    return 0.0 if budget.seconds is None else (time.monotonic() - began) / budget.seconds


def _error_name(table: PreparedTable) -> str:
    return "error rate" if table.dataset.task.is_classification else "RMSE"


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
        error_name=_error_name(table),
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


def bytes_given(*, memory: int | str | None, checkpoints: int | str | None) -> dict[str, int]:
    """The bounds in bytes that were asked for, as fields of a Setting."""
    asked = {"memory_bytes": (memory, "memory"), "checkpoint_bytes": (checkpoints, "checkpoints")}
    return {name: bytes_of(value, what) for name, (value, what) in asked.items() if value is not None}


def elites_for(name: str, store: Store | None, setting: Setting) -> "Elites":
    """The best of an earlier study, in the space of this one."""
    from osetra.search.warm_start import elites_of

    if store is None:
        raise StudyError(f"a warm start needs study {name!r} in the store of this one, got a store that does not exist yet; name its store")
    without = {known: off for known, off in WITHOUT.items() if known in setting.space.scales}
    return elites_of(store.study(name), store.trials(name), setting.space, default={**setting.first, **without})
