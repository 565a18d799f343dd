"""`Study.learning_curve`: the study's best configuration trained on parts of the training part, to tell what more rows would bring.

    shares 1/8, 1/4, 1/2 and all of the training part, each within the next, every class with its share; 3 seeds each

All rows train for as many epochs as a trial may have, or as the time pays for that the study itself took, but no fewer than the best trial
had; a part of share s for up to min(1/s, 4) times as many, with as many times the patience. With the same epochs a small part would have
too few steps, its error would be that of short training, and more rows would look better than they are; with the same steps every part
would cost as much as all rows. The weights of the best epoch are measured, on the study's dev part, as in its trials. The preparation is
the one fitted on the full training part, and the configuration the one found best there.
Knows nothing of: how it is printed.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.errors import StoreError, StudyError
from osetra.core.ports import Progress
from osetra.core.records import Task
from osetra.core.seeding import Seed
from osetra.diagnosis.learning_curve import LearningCurve, fit_curve
from osetra.engines.port import TrainingData
from osetra.study.apply import writable

if TYPE_CHECKING:
    from osetra.study.handle import Study
    from osetra.study.table import PreparedTable

SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
REPEATS = 3
MOST_EPOCHS = 4.0
"""Times the epochs of a trial that a small part trains for at most."""
FEWEST_ROWS = 20
"""Of the smallest part."""
KEY = "learning_curve"
"""Of the study's facts."""


def epochs_on_all(study: "Study", shares: Sequence[float] = SHARES, repeats: int = REPEATS) -> int:
    """Epochs that all rows train for at most: a trial's, as far as the study's own seconds pay for them, and no fewer than the best's."""
    best, most = study.best, study.facts["epochs_per_trial"]
    paid = study.facts.get("seconds", 0.0) / max(_seconds_an_epoch(study, shares, repeats), 1e-9)
    return int(min(most, max(best.epochs, paid)))


def seconds_needed(study: "Study", shares: Sequence[float] = SHARES, repeats: int = REPEATS) -> float:
    """What a learning curve costs at most, in seconds on this many cores, as long as the best trial took; patience spares some of it."""
    return epochs_on_all(study, shares, repeats) * _seconds_an_epoch(study, shares, repeats)


def _seconds_an_epoch(study: "Study", shares: Sequence[float], repeats: int) -> float:
    """Of the whole curve, for each epoch that all rows train for."""
    from osetra.executors.threads import available_cores

    one = study.best.seconds / max(1, study.best.epochs)
    return one * repeats * sum(share * _longer(share) for share in shares) / available_cores()


def learning_curve(
    study: "Study",
    data: Any = None,
    *,
    y: Any = None,
    shares: Sequence[float] = SHARES,
    repeats: int = REPEATS,
    seed: int | None = None,
    progress: Progress | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> LearningCurve:
    """Train on parts of the training part, fit a curve, and keep it in the study's facts where its store can be written.

    data, y: the study's data, as in `fit`; None reads them where they were. shares: of the training part, 3 or more, above 0 and up to 1.
    repeats: seeds, and draws of the parts, at least 2. seed: by default the study's. Raises StudyError for a study that has no network of
    osetra's, data that are not its own, shares and repeats that make no sense, when `interrupted` says so before the end, and where
    trainings diverged so that too few errors are left.
    """
    from osetra.core.blas import one_blas_thread
    from osetra.executors.threads import available_cores
    from osetra.study.asked import reopen

    began = time.monotonic()
    if study.record.task is Task.OBJECTIVE:
        raise StudyError(f"a learning curve needs a study of osetra's own networks, got {study.name!r}, which tunes an objective")
    given = _shares(shares, repeats)
    if progress is not None:
        needed = seconds_needed(study, given, repeats)
        times = f"A learning curve trains the best configuration {repeats * len(given)} times"
        progress.notice(f"{times}: about {_rounded(needed)} where the cores are free.")
    table = reopen(study, data, y=y)
    rows = [max(1, round(share * table.training.num_rows)) for share in given]
    if len(set(rows)) < len(rows) or rows[0] < FEWEST_ROWS:
        raise StudyError(
            f"the smallest part of a learning curve must have {FEWEST_ROWS} rows, got {rows[0]} of {table.training.num_rows}; "
            "give larger shares, or more rows"
        )
    keys = Seed(study=study.record.seed if seed is None else seed)
    orders = [nested_order(table, keys.generator("parts of a learning curve", repeat)) for repeat in range(repeats)]
    epochs = epochs_on_all(study, given, repeats)
    # Large ones first, so that the cores end together.
    places = sorted(((place, repeat) for place in range(len(rows)) for repeat in range(repeats)), reverse=True)
    errors: list[list[float]] = [[] for _ in rows]
    with one_blas_thread(), _threads(available_cores()) as pool:
        jobs = [
            pool.submit(
                _trained, study, table, np.sort(orders[repeat][: rows[place]]), epochs=math.ceil(epochs * _longer(given[place])),
                longer=_longer(given[place]), interrupted=interrupted,
                seed=Seed(study=int(keys.key("learning curve")), trial=place * repeats + repeat),
            )
            for place, repeat in places
        ]  # fmt: skip
        for (place, _), job in zip(places, jobs, strict=True):
            error = job.result()
            if error is not None:
                errors[place].append(error)
    if interrupted():
        raise StudyError("the learning curve was interrupted before its end, so nothing of it is kept; begin it again")
    kept = [place for place, of in enumerate(errors) if of]
    diverged = repeats * len(rows) - sum(map(len, errors))
    if len(kept) < 3 or sum(len(errors[place]) for place in kept) <= len(kept):
        raise StudyError(f"a learning curve needs errors at 3 sizes, got {len(kept)}: {diverged} trainings of the best trial diverged")
    found = fit_curve(
        [rows[place] for place in kept], [errors[place] for place in kept], error_name=study.record.error_name,
        notes=_notes(study, table, epochs, diverged), seconds=time.monotonic() - began,
        facts={"trial": study.best.number, "repeats": repeats, "epochs": epochs, "shares": list(given)},
    )  # fmt: skip
    _keep(study, found)
    return found


@contextmanager
def _threads(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Threads; what has not begun is dropped where an error leaves."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="osetra-curve")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def nested_order(table: "PreparedTable", generator: np.random.Generator) -> np.ndarray:
    """The training rows in an order of which every beginning is a part, int [rows]: at random, every class evenly through the order."""
    targets = table.training.train_targets
    rows = len(targets)
    if not table.dataset.task.is_classification:
        return generator.permutation(rows)
    places = np.empty(rows)
    for label in np.unique(targets):
        of_class = np.flatnonzero(targets == label)
        places[generator.permutation(of_class)] = (np.arange(len(of_class)) + generator.random()) / len(of_class)
    return np.argsort(places, kind="stable")


def _trained(
    study: "Study", table: "PreparedTable", rows: np.ndarray, *, epochs: int, longer: float, seed: Seed, interrupted: Callable[[], bool]
) -> float | None:
    """The dev error of the best epoch after training on these rows; None if it diverged before its first or was interrupted."""
    from osetra.engines.native.engine import NativeEngine
    from osetra.training.life import Life
    from osetra.training.recipe import build_member

    if interrupted():
        return None
    data = _part(table.training, rows)
    member = build_member(
        study.best.configuration, num_inputs=data.train_inputs.shape[1], num_outputs=table.preparation.num_outputs,
        task=table.dataset.task, seed=seed, total_epochs=epochs,
    )  # fmt: skip
    # Early stopping also where the study has none: it costs no accuracy, since the best epoch counts.
    patience = study.facts.get("patience") or max(10, study.facts["epochs_per_trial"] // 3)
    life = Life(member, NativeEngine(), data, epochs=epochs, patience=math.ceil(patience * longer))
    life.go_on(epochs, told_to_stop=lambda _: "interrupted" if interrupted() else None)
    return None if life.best is None else life.best.dev_error


def _part(data: TrainingData, rows: np.ndarray) -> TrainingData:
    """The same dev rows, and these of the training rows."""
    weights = data.train_weights
    if weights is not None:
        weights = weights[rows] / weights[rows].mean()
    inputs = np.ascontiguousarray(data.train_inputs[rows])
    return replace(data, train_inputs=inputs, train_targets=data.train_targets[rows], train_weights=weights)


def _longer(share: float) -> float:
    """Times the epochs of a trial on all rows."""
    return min(1.0 / share, MOST_EPOCHS)


def _shares(shares: Sequence[float], repeats: int) -> list[float]:
    given = sorted({float(share) for share in shares})
    if len(given) < 3 or given[0] <= 0 or given[-1] > 1:
        raise StudyError(f"a learning curve needs 3 different shares or more in (0, 1], got {list(shares)}; give 1/8, 1/4, 1/2 and 1")
    if isinstance(repeats, bool) or repeats < 2:
        raise StudyError(f"a learning curve needs 2 repeats or more, which tell the noise, got {repeats}; give 3")
    return given


def _notes(study: "Study", table: "PreparedTable", epochs: int, diverged: int) -> list[str]:
    how = f"Trained for up to {epochs} epochs (small parts for more) or until it got no better; the study's own network for"
    notes = [
        f"{how} {study.best.epochs}. The points are means of several seeds; the study's dev error is that of the best of many trials.",
        "Columns are prepared as the full training part has them, and the configuration is the one found best there.",
    ]
    if table.class_weights is not None:
        notes.append("Class weights count in these errors.")
    if diverged:
        notes.append(f"{diverged} of the trainings diverged and are left out.")
    return notes


def _keep(study: "Study", found: LearningCurve) -> None:
    """In the study's record, and in its store if that takes it."""
    study.record = replace(study.record, facts={**study.record.facts, KEY: found.to_dict()})
    # The handle knows it also where the store cannot be written.
    with suppress(StoreError):
        store = writable(study)
        known = store.study(study.name)
        store.update_study(replace(known, facts={**known.facts, KEY: found.to_dict()}))
        if store is not study.store:
            store.close()


def _rounded(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 100 else f"{round(seconds / 60)} min"
