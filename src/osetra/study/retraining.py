"""Training configurations anew on all cores, each with some seeds, and the errors of every dev row.

Each trains as a trial of the study does, with its epochs and patience. Seed number k is the same for all configurations.
Knows nothing of: what is made of the errors, stores.
"""

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from osetra.core.ports import Progress
from osetra.core.records import Configuration, Task, TrialState
from osetra.core.seeding import Seed

if TYPE_CHECKING:
    from osetra.study.handle import Study
    from osetra.study.table import PreparedTable

WAIT_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Training:
    """What came of one that came to its end."""

    errors: np.ndarray | None
    """Of the dev rows at its best epoch, float64 [rows]; None if it diverged."""
    epochs: int


def train_all(
    study: "Study",
    table: "PreparedTable",
    configurations: Sequence[Configuration],
    *,
    seeds: int,
    key: int,
    deadline: float | None = None,
    progress: Progress,
    interrupted: Callable[[], bool] = lambda: False,
) -> list[list[Training]]:
    """Of each configuration the trainings that came to their end, in the order of their seeds; fewer where a deadline cut some off.

    key: what the seeds follow from. deadline: `time.monotonic()` after which no epoch begins that would end later.
    """
    from osetra.core.blas import one_blas_thread
    from osetra.executors.threads import available_cores

    began = time.monotonic()
    # The first seed of all before the second of any, so that a deadline leaves something to compare.
    jobs = [(place, seed) for seed in range(seeds) for place in range(len(configurations))]
    found: dict[tuple[int, int], Training] = {}

    def is_over(last_epoch_s: float) -> bool:
        return interrupted() or (deadline is not None and time.monotonic() + last_epoch_s > deadline)

    pool = ThreadPoolExecutor(available_cores(), thread_name_prefix="osetra-retest")
    try:
        with one_blas_thread():
            waiting: dict[Future[Training | None], tuple[int, int]] = {
                pool.submit(_train, study, table, configurations[place], Seed(study=key, trial=seed), is_over): (place, seed)
                for place, seed in jobs
            }
            while waiting:
                for future in wait(waiting, timeout=WAIT_S, return_when=FIRST_COMPLETED).done:
                    job, training = waiting.pop(future), future.result()
                    if training is not None:
                        found[job] = training
                told = _told(list(found.values()), table, seconds=time.monotonic() - began, share=1 - len(waiting) / len(jobs))
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                progress.update({**told, "seconds_left": left, "error_name": study.record.error_name})
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return [[found[place, seed] for seed in range(seeds) if (place, seed) in found] for place in range(len(configurations))]


def row_errors(outputs: np.ndarray, targets: np.ndarray, task: Task, error_scale: float = 1.0) -> np.ndarray:
    """Of an engine's outputs [rows, outputs]: 1 for a wrong class and 0 for the right one, or the squared error, float64 [rows]."""
    if not task.is_classification:
        return np.square(outputs.astype(np.float64) - targets.reshape(outputs.shape)).mean(axis=1) * error_scale**2
    said = outputs[:, 0] > 0.5 if outputs.shape[1] == 1 else outputs.argmax(axis=1)
    return (said != targets).astype(np.float64)


def _train(
    study: "Study", table: "PreparedTable", configuration: Configuration, seed: Seed, is_over: Callable[[float], bool]
) -> Training | None:
    """None if it was cut off."""
    from osetra.engines.native.engine import NativeEngine
    from osetra.training.life import Life
    from osetra.training.recipe import build_member

    if is_over(0.0):
        return None
    engine, data, epochs = NativeEngine(), table.training, study.facts["epochs_per_trial"]
    member = build_member(
        configuration, num_inputs=data.train_inputs.shape[1], num_outputs=table.preparation.num_outputs, task=table.dataset.task,
        seed=seed, total_epochs=epochs,
    )  # fmt: skip
    life = Life(member, engine, data, epochs=epochs, patience=study.facts.get("patience"))
    state = life.go_on(epochs, told_to_stop=lambda last_epoch_s: "it is over" if is_over(last_epoch_s) else None)
    if state is TrialState.STOPPED:
        return None
    if state is TrialState.DIVERGED or life.weights is None:
        return Training(errors=None, epochs=life.epochs)
    member.state = life.weights
    outputs = engine.score(member, data.dev_inputs)
    return Training(errors=row_errors(outputs, data.dev_targets, table.dataset.task, data.error_scale), epochs=life.epochs)


def _told(trainings: Sequence[Training], table: "PreparedTable", *, seconds: float, share: float) -> dict[str, Any]:
    """For the progress line."""
    epochs = sum(one.epochs for one in trainings)
    errors = [float(np.average(one.errors, weights=table.training.dev_weights)) for one in trainings if one.errors is not None]
    lowest = min(errors, default=None)
    return {
        "trials_done": len(trainings),
        "diverged": len(trainings) - len(errors),
        "epochs_done": epochs,
        "epochs_per_s": epochs / max(seconds, 1e-9),
        "best_error": lowest if lowest is None or table.dataset.task.is_classification else math.sqrt(lowest),
        "best_interval": None,
        "share_done": share,
    }
