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


def _search(work: Work, seed: int, told: Any) -> None:
    os.setsid()
    # Workers of their own processes read this, where a filter of this one would not reach.
    os.environ["PYTHONWARNINGS"] = "ignore"
    warnings.simplefilter("ignore")
    from scipy.stats import loguniform
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingRandomSearchCV, PredefinedSplit
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    data, classifies = work.data, work.task.is_classification
    y_train, y_dev, y_test = (
        part if classifies else part.reshape(len(part)) for part in (data.train_targets, data.dev_targets, work.test_targets)
    )
    x, y = np.concatenate([data.train_inputs, data.dev_inputs]), np.concatenate([y_train, y_dev])
    fold = PredefinedSplit([-1] * len(y_train) + [0] * len(y_dev))
    make = MLPClassifier if classifies else MLPRegressor
    choices = {name: scale.arguments for name, scale in work.space.scales.items()}
    powers = {
        name: [2**k for k in range(int(np.log2(choices[name][0])), int(np.log2(choices[name][-1])) + 1)]
        for name in ("batch_size", "hidden_units")
    }
    layers = range(choices["num_layers"][0], choices["num_layers"][-1] + 1) if "num_layers" in choices else [work.first["num_layers"]]
    per_row = max(powers["batch_size"]) / len(y_train)
    distributions = {
        "learning_rate_init": loguniform(*choices["learning_rate"]),
        "batch_size": powers["batch_size"],
        "hidden_layer_sizes": [(units,) * int(count) for units in powers["hidden_units"] for count in layers],
        "alpha": loguniform(*(bound * per_row for bound in choices["l2"])),
    }
    make(max_iter=1).fit(x[:500], y[:500])
    told.send("ready")
    spent, best, candidates = 0.0, np.inf, 9
    while True:
        began = time.monotonic()
        search = HalvingRandomSearchCV(
            make(random_state=seed), distributions, n_candidates=candidates, factor=3, resource="max_iter", max_resources=work.epochs,
            cv=fold, scoring="accuracy" if classifies else "neg_root_mean_squared_error", refit=False, n_jobs=JOBS,
            random_state=seed * 1000 + candidates,
        ).fit(x, y)  # fmt: skip
        spent += time.monotonic() - began
        error = 1 - search.best_score_ if classifies else -search.best_score_ * data.error_scale
        if error < best:
            best = error
            winner = make(random_state=seed, **search.best_params_).fit(data.train_inputs, y_train)
            said = winner.predict(work.test_inputs)
            test = np.mean(said != y_test) if classifies else np.sqrt(np.mean((said - y_test) ** 2)) * data.error_scale
            told.send((spent, float(error), float(test)))
        candidates *= 3
        told.send(spent)


def tune(work: Work, seconds: float, seed: int) -> tuple[list[tuple[float, float, float]], dict[str, Any]]:
    """(seconds, dev error, test error) at the end of each search that was better, and how many searches ended."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    worker = context.Process(target=_search, args=(work, seed, theirs))
    worker.start()
    ready = ours.recv()
    assert ready == "ready", ready
    points, ended, spent, since = [], 0, 0.0, time.monotonic()
    while ours.poll(max(0.0, seconds - spent - (time.monotonic() - since))):
        told = ours.recv()
        if isinstance(told, tuple):
            points += [told] if told[0] <= seconds else []
        else:
            ended, spent, since = ended + 1, told, time.monotonic()
    os.killpg(worker.pid, signal.SIGKILL)
    worker.join()
    return points, {"searches": ended}
