"""scikit-learn's HalvingRandomSearchCV over its own networks, two jobs.

The resource is max_iter, epochs, up to what every method may train; the one fold trains on the training part and scores the dev part. The
search says nothing before it ends and takes no limit of time, so searches of 9, 27, 81 ... candidates follow one another until the time is
up; one that has not ended by then is lost. MLPClassifier and MLPRegressor have neither batch norm nor dropout and no schedule for Adam: the
space is osetra's without these. Their alpha is (alpha/2n) sum ||W||^2 of a batch of n rows, so its range is that of l2 times the largest
batch over the rows.
The test error is that of the winner trained anew on the training part, which is not counted as time.
"""

import multiprocessing
import os
import signal
import time
import warnings
from typing import Any

import numpy as np

from peers.optuna_tuning import Work

JOBS = 2


def network(work: Work, **settings: Any) -> Any:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    return (MLPClassifier if work.task.is_classification else MLPRegressor)(**settings)


def flat(targets: np.ndarray) -> np.ndarray:
    """scikit-learn warns of a single target in a column."""
    return targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets


def distributions(work: Work) -> dict[str, Any]:
    """osetra's space in scikit-learn's words; what is fixed there is fixed here."""
    from scipy.stats import loguniform

    scales: Any = work.space.scales
    fixed: Any = work.space.fixed
    batches, units, layers = (
        [scales[name].at(place) for place in range(scales[name].size)] if name in scales else [fixed[name]]
        for name in ("batch_size", "hidden_units", "num_layers")
    )
    per_row = max(batches) / work.data.num_rows
    return {
        "learning_rate_init": loguniform(*scales["learning_rate"].arguments),
        "batch_size": batches,
        "hidden_layer_sizes": [(width,) * count for width in units for count in layers],
        "alpha": loguniform(*(bound * per_row for bound in scales["l2"].arguments)),
    }


def _search(work: Work, seed: int, told: Any) -> None:
    """Runs in a session of its own, so that it can be ended with all its workers."""
    os.setsid()
    # The workers read this; a filter set here would not reach them. Training that stops at max_iter is what is asked for.
    os.environ["PYTHONWARNINGS"] = "ignore"
    warnings.simplefilter("ignore")
    from sklearn import model_selection
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401

    # scikit-learn's annotations say less than its documentation.
    make_search: Any = model_selection.HalvingRandomSearchCV

    data = work.data
    x = np.concatenate([data.train_inputs, data.dev_inputs])
    y = np.concatenate([flat(data.train_targets), flat(data.dev_targets)])
    fold = model_selection.PredefinedSplit([-1] * data.num_rows + [0] * (len(x) - data.num_rows))

    def search(candidates: int, epochs: int) -> tuple[float, dict[str, Any]]:
        found = make_search(
            network(work, random_state=seed), distributions(work), n_candidates=candidates, factor=3, resource="max_iter",
            max_resources=epochs, cv=fold, scoring="accuracy" if work.task.is_classification else "neg_root_mean_squared_error",
            refit=False, n_jobs=JOBS, random_state=1000 * seed + candidates,
        ).fit(x, y)  # fmt: skip
        error = 1 - found.best_score_ if work.task.is_classification else -found.best_score_ * data.error_scale
        return float(error), found.best_params_

    search(3, 3)
    told.send("ready")
    candidates = 9
    while True:
        told.send(search(candidates, work.epochs))
        candidates *= 3


def tune(work: Work, seconds: float, seed: int) -> tuple[list[tuple[float, float, float]], dict[str, Any]]:
    """(seconds, dev error, test error) at the end of each search that was better, and how many searches ended."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    worker = context.Process(target=_search, args=(work, seed, theirs))
    worker.start()
    assert worker.pid is not None
    try:
        ready = ours.recv()
        assert ready == "ready", ready
        began, found, ended = time.monotonic(), [], 0
        while ours.poll(max(0.0, began + seconds - time.monotonic())):
            error, settings = ours.recv()
            ended += 1
            if not found or error < found[-1][1]:
                found.append((time.monotonic() - began, error, settings))
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.join()
    return [(at, error, _test_error(work, settings, seed)) for at, error, settings in found], {"searches": ended}


def _test_error(work: Work, settings: dict[str, Any], seed: int) -> float:
    targets = flat(work.test_targets)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        winner = network(work, random_state=seed, **settings).fit(work.data.train_inputs, flat(work.data.train_targets))
    said = winner.predict(work.test_inputs)
    if work.task.is_classification:
        return float(np.mean(said != targets))
    return float(np.sqrt(np.mean((said - targets) ** 2)) * work.data.error_scale)
